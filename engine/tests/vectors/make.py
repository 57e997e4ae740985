#!/usr/bin/env python3
"""Makes the test vectors in this folder with an implementation of our formats that shares no code with the engine.

Written from the format descriptions at the head of engine/src/crypto/{sealed_document,blob_header,stream,recovery}.rs
and engine/src/crypto/openpgp/wrapped.rs,
on top of the PyPI packages `cryptography` (OpenSSL) and `argon2-cffi` (the reference Argon2):

    pip install cryptography==50.0.2 argon2-cffi==25.1.0
    python3 make.py

Everything that is random in the engine is fixed here, so running it again changes nothing.
"""

import hashlib
import json
import pathlib
import struct

from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

CIPHERS = {"aes-256-gcm": (1, AESGCM), "chacha20-poly1305": (2, ChaCha20Poly1305)}
ROOT = bytes(range(32))

# Made once with GnuPG 2.2.40: `--quick-generate-key "Vector <vector@example.org>" ed25519 sign,cert never` and
# `--quick-add-key … cv25519 encr never` without a passphrase, `--export-secret-keys`, and `--encrypt` to it.
GNUPG_FINGERPRINT = "4efc6db920f0e067358cae334e3f1dcc5fe58129"
GNUPG_KEY = bytes.fromhex("""
    9458046592008016092b06010401da470f01010740cad0280caabf7ec132bd259714e274061e327b11188159822a82f78c2a25bed80000fe2ca0b103659696578db98ba31b998818af2eed4d
    00a2d914d9e6f114c4ae6af9116db41b566563746f72203c766563746f72406578616d706c652e6f72673e88900413160800381621044efc6db920f0e067358cae334e3f1dcc5fe581290502
    65920080021b03050b0908070206150a09080b020416020301021e01021780000a09104e3f1dcc5fe581298b26010091695ce3c5202dd932695960c26a69fe524eb0ba145e60f61e1eef0752
    f3d08d0100e75578500eb4e7858d36bccdcb3801120da498c739f4790b7ac5f1c2756f130e9c5d0465920080120a2b0601040197550105010107408028aae8fbb1f0f25c15d41a2499d0923d
    aaa0ebd46314770ab5dc397f8c347b030108070000ff6368fbb451489f9477b4b26f578dcbb2a50ceb1882c05cc5baf08e59e55f2bd012d988780418160800201621044efc6db920f0e06735
    8cae334e3f1dcc5fe58129050265920080021b0c000a09104e3f1dcc5fe58129fbc800ff641803478971038aea979c85a5bae5ebf1d5f8a244372e4cb668450a2518582400ff55f0cd10bc93
    1f74c40b3bed2d824b4f85f37dd033b2761da67f21351c9fc20c
""")
GNUPG_MESSAGE = bytes.fromhex("""
    845e03a142e44ce68db47112010740f5d6be71e3ab58f897b4542a9ffbb852e70098d8aa45b029a0929a8e1715d93b30429dbf9373ba9ccbcab5ce0b38f4a0832121bcc25fa9eb3f13ebc093
    a3c646268fa56a09bd47b3e133cbf2c4f1e5589ed254013455edab40f6491df95b97a30660bbcdbc8829d16861db73be21ee0102932fdfa46a72a46659218a8e64cb185c58facbee583ae609
    4dbbe9de798363bc045c10e8f535d435220bcb1d8068f4c8e3133e26d6d0
""")


def hkdf(salt: bytes, secret: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, info).derive(secret)


def derived(label: str) -> bytes:
    return hkdf(b"benchline keys v1", ROOT, label.encode())


def noise(label: str, length: int) -> bytes:
    """Bytes that look random and are the same every time."""
    return hashlib.shake_128(label.encode()).digest(length)


def padme(length: int) -> int:
    """Algorithm 1 of "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs"."""
    if length < 2:
        return length
    exponent = length.bit_length() - 1
    mantissa_bits = (exponent.bit_length() - 1) + 1
    mask = (1 << max(exponent - mantissa_bits, 0)) - 1
    return (length + mask) & ~mask


def padded(padding: str, length: int) -> int:
    return padme(length) if padding == "padme" else length


def document(cipher, padding, id, revision, content, kind=None, length=None):
    number, aead = CIPHERS[cipher]
    plain = content or b""
    kind = (0 if content is None else 1) if kind is None else kind
    length = len(plain) if length is None else length
    plain = plain.ljust(padded(padding, len(plain)), b"\0") + struct.pack(">BI", kind, length)
    key = HKDFExpand(SHA256(), 32, b"document" + bytes([number]) + id.encode()).derive(derived("document root"))
    authenticated = b"BLdc" + bytes([1, number])
    authenticated += struct.pack(">H", len(id)) + id.encode() + struct.pack(">I", len(revision)) + revision.encode()
    nonce = noise(f"nonce of {id} {revision}", 12)
    return aead(key).encrypt(nonce, plain, authenticated) + nonce + bytes([number, 1]) + b"BLdc"


def blob(cipher, padding, chunk_size, name, content, length=None, padded_length=None, chunks=None, places=None):
    """`chunks` and `places` (0 earlier, 1 last) make streams that no honest sealer would."""
    number, aead = CIPHERS[cipher]
    padded_length = padded(padding, len(content)) if padded_length is None else padded_length
    header = b"BLbl" + struct.pack(">BBIQ", 1, number, chunk_size, padded_length)
    header += noise(f"salt of {name} {len(content)}", 32)
    for part in name:
        header += bytes([len(part)]) + part.encode()
    key = aead(hkdf(header[18:50], derived("blob root"), b"blob" + hashlib.sha256(header).digest()))
    length = len(content) if length is None else length
    sealed = header + key.encrypt(struct.pack(">3xQB", 0, 2), struct.pack(">Q", length), b"")
    if chunks is None:
        plain = content.ljust(padded_length, b"\0")
        chunks = [plain[i : i + chunk_size] for i in range(0, len(plain), chunk_size)] or [b""]
    places = places or [0] * (len(chunks) - 1) + [1]
    for index, (chunk, place) in enumerate(zip(chunks, places, strict=True)):
        sealed += key.encrypt(struct.pack(">3xQB", index, place), chunk, b"")
    return sealed


def recovery(user, passphrase, memory, passes, lanes):
    header = b"BLrc" + struct.pack(">BIII", 1, memory, passes, lanes) + noise(f"salt of {user}", 16)
    header += noise(f"nonce of {user}", 12) + bytes([len(user.encode())]) + user.encode()
    key = hash_secret_raw(passphrase.encode(), header[17:33], passes, memory, lanes, 32, Type.ID)
    body = header + AESGCM(key).encrypt(header[33:45], ROOT, header)
    return body + hashlib.sha256(body).digest()[:8]


def keys():
    return {
        "root": ROOT.hex(),
        "database_pragma": f"x'{derived('local database').hex()}'",
        "openpgp": derived("openpgp wrapping").hex(),
    }


def documents():
    good = []
    for cipher in CIPHERS:
        for padding in ("padme", "none"):
            for length in (None, 0, 1, 9, 100, 1000):
                content = None if length is None else noise("document", length)
                id, revision = f"D-{length}", f"a:{length or 1}|b:2"
                sealed = document(cipher, padding, id, revision, content)
                hexed = None if content is None else content.hex()
                good.append(
                    {"cipher": cipher, "padding": padding, "id": id, "revision": revision, "content": hexed, "sealed": sealed.hex()}
                )
    bad = [
        {"why": why, "id": "D-1", "revision": "a:1", "sealed": document("aes-256-gcm", "none", "D-1", "a:1", b"xyz", **twist).hex()}
        for why, twist in {
            "a kind that does not exist": {"kind": 2},
            "a tombstone with content": {"kind": 0},
            "a length beyond the sealed part": {"length": 4},
            "a length beyond everything": {"length": 2**32 - 1},
        }.items()
    ]
    return {"root": ROOT.hex(), "good": good, "bad": bad}


def blobs():
    chunk, name = 1024, ("user-1", "mail", "B-1")
    named = dict(zip(("user", "namespace", "id"), name))
    good = []
    for cipher in CIPHERS:
        for padding in ("padme", "none"):
            for length in (0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk + 77):
                content = noise("blob", length)
                sealed = blob(cipher, padding, chunk, name, content)
                good.append({"cipher": cipher, "padding": padding, "content": content.hex(), "sealed": sealed.hex()})
    full = noise("blob", 2 * chunk)
    first, second = full[:chunk], full[chunk:]
    twists = {
        "an empty chunk after the last": {"chunks": [first, second, b""]},
        "an empty last chunk instead of a full one": {"chunks": [first, second, b""], "padded_length": 2 * chunk + 1},
        "no chunk is the last": {"places": [0, 0]},
        "the first chunk is the last, too": {"places": [1, 1]},
        "only the first chunk, as the last": {"chunks": [first], "places": [1]},
        "chunks in another order": {"chunks": [second, first], "length": 3 * chunk},
        "a last chunk that is too short": {"chunks": [first, second[:-1]]},
        "a length beyond the padded one": {"length": 2 * chunk + 1},
        "a length beyond everything": {"length": 2**64 - 1},
        "chunks of another size than the header says": {"chunks": [full]},
    }
    bad = [{"why": why, "sealed": blob("aes-256-gcm", "none", chunk, name, full, **twist).hex()} for why, twist in twists.items()]
    return {"root": ROOT.hex(), **named, "chunk_size": chunk, "good": good, "bad": bad}


def recoveries():
    cases = [("ada", "correct horse", 8, 1, 1), ("Zoë@example.org", "pässword ✓", 64, 2, 4), ("grace", "battery staple", 65536, 3, 1)]
    return {
        "root": ROOT.hex(),
        "good": [
            {"user": user, "passphrase": passphrase, "document": recovery(user, passphrase, *cost).hex()}
            for user, passphrase, *cost in cases
        ],
    }


def openpgp():
    context, nonce = b"benchline openpgp key", noise("openpgp", 12)
    aead = AESGCM(derived("openpgp wrapping"))

    def wrapped(version, context, key):
        return bytes([version]) + nonce + aead.encrypt(nonce, key, context + bytes([version]))

    twists = {
        "a version that does not exist": (2, context, GNUPG_KEY),
        "another context": (1, context + b"s", GNUPG_KEY),
        "not a key": (1, context, b"key"),
        "a key cut short": (1, context, GNUPG_KEY[:-1]),
        "two keys": (1, context, GNUPG_KEY * 2),
    }
    return {
        "root": ROOT.hex(),
        "fingerprint": GNUPG_FINGERPRINT,
        "wrapped": wrapped(1, context, GNUPG_KEY).hex(),
        "message": GNUPG_MESSAGE.hex(),
        "content": b"Subject: vector\r\n\r\nhello\r\n".hex(),
        "bad": [{"why": why, "wrapped": wrapped(*twist).hex()} for why, twist in twists.items()],
    }


if __name__ == "__main__":
    folder = pathlib.Path(__file__).parent
    made = {"keys": keys(), "documents": documents(), "blobs": blobs(), "recovery": recoveries(), "openpgp": openpgp()}
    for name, vectors in made.items():
        (folder / f"{name}.json").write_text(json.dumps(vectors, indent=1, ensure_ascii=False) + "\n")
