#!/usr/bin/env python3
"""Makes the test vectors in this folder with an implementation of our formats that shares no code with the engine.

Written from the format descriptions at the head of engine/src/crypto/{sealed_document,blob_header,stream,recovery}.rs,
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


def document(version, cipher, padding, id, revision, content, kind=None, length=None, said=None):
    """`said` is what the label says instead of what the message does."""
    number, aead = CIPHERS[cipher]
    plain = content or b""
    kind = (0 if content is None else 1) if kind is None else kind
    length = len(plain) if length is None else length
    summary = struct.pack(">BI", kind, length)
    plain = plain.ljust(padded(padding, len(plain)), b"\0") + summary
    key = HKDFExpand(SHA256(), 32, b"document" + bytes([number]) + id.encode()).derive(derived("document root"))
    authenticated = bytes([version, number])
    authenticated += struct.pack(">H", len(id)) + id.encode() + struct.pack(">I", len(revision)) + revision.encode()
    nonce = noise(f"nonce of {id} {revision}", 12)
    label = b""
    if version == 2:
        nonce = nonce[:11] + bytes([nonce[11] & 254])
        label = aead(key).encrypt(nonce[:11] + bytes([nonce[11] | 1]), said or summary, b"BLlb" + authenticated)
    message = aead(key).encrypt(nonce, plain, b"BLdc" + authenticated)
    return message + label + nonce + bytes([number, version]) + b"BLdc"


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


def documents(version):
    good = []
    for cipher in CIPHERS:
        for padding in ("padme", "none"):
            for length in (None, 0, 1, 9, 100, 1000):
                content = None if length is None else noise("document", length)
                id, revision = f"D-{length}", f"a:{length or 1}|b:2"
                sealed = document(version, cipher, padding, id, revision, content)
                hexed = None if content is None else content.hex()
                good.append(
                    {"cipher": cipher, "padding": padding, "id": id, "revision": revision, "content": hexed, "sealed": sealed.hex()}
                )
    twists = {
        "a kind that does not exist": {"kind": 2},
        "a tombstone with content": {"kind": 0},
        "a length beyond the sealed part": {"length": 4},
        "a length beyond everything": {"length": 2**32 - 1},
    }
    if version == 2:
        twists["a label that says another length"] = {"said": struct.pack(">BI", 1, 2)}
        twists["a label that says tombstone"] = {"said": bytes(5)}
    bad = [
        {"why": why, "id": "D-1", "revision": "a:1", "sealed": document(version, "aes-256-gcm", "none", "D-1", "a:1", b"xyz", **twist).hex()}
        for why, twist in twists.items()
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


if __name__ == "__main__":
    folder = pathlib.Path(__file__).parent
    all_vectors = {"keys": keys(), "documents-1": documents(1), "documents": documents(2), "blobs": blobs(), "recovery": recoveries()}
    for name, vectors in all_vectors.items():
        (folder / f"{name}.json").write_text(json.dumps(vectors, indent=1, ensure_ascii=False) + "\n")
