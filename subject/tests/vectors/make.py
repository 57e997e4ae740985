#!/usr/bin/env python3
"""Makes payload.json: payloads and digests, computed from the description in docs/SUBJECT.md with Python's standard
library alone. Shares no code with the subject. Running it again changes nothing:

    python3 make.py
"""

import hashlib
import json
import math
import pathlib
import struct

MASK = 2**64 - 1


class SplitMix64:
    def __init__(self, state):
        self.state = state

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def normal(self):
        while True:
            x = (self.next() >> 11) / 2**52 - 1
            y = (self.next() >> 11) / 2**52 - 1
            square = x * x + y * y
            if 0 < square < 1:
                return x * math.sqrt(-2 * math.log(square) / square)


def stream(seed, use, index):
    start = hashlib.sha256(b"benchline payload 1" + struct.pack("<QQ", seed, index) + use.encode()).digest()
    return SplitMix64(int.from_bytes(start[:8], "little"))


def blob(seed, index, size):
    random = stream(seed, "blob", index)
    words = b"".join(struct.pack("<Q", random.next()) for _ in range(-(-size // 8)))
    return words[:size]


def document(seed, index, size):
    if size < 2:
        return b"0"[:size]
    head, tail = b'{"number":%d,"body":"' % index, b'"}'
    if size < len(head) + len(tail):
        head, tail = b'"', b'"'
    random, text = stream(seed, "document", index), bytearray(head)
    while len(text) < size - len(tail):
        bits = random.next()
        letters, bits = 2 + bits % 8, bits >> 3
        text += bytes(b"etaoinshrdlucmfw"[bits >> 4 * i & 15] for i in range(letters)) + b" "
    return bytes(text[: size - len(tail)]) + tail


def mail_size(seed, index, limit):
    """With the platform's logarithm and exponential: a last bit may differ, which changes a whole byte almost never."""
    random = stream(seed, "mail", index)
    while True:
        size = 14_974 * math.exp(math.sqrt(2 * math.log(110.626 / 14.974)) * random.normal())
        if 461 <= size <= min(25_571_748, limit):
            return int(size)


def documents_digest(seed, count, size, prefix=b"D-"):
    total = hashlib.sha256()
    for index in range(count):
        length = mail_size(seed, index, 8 << 20) if size == "mail" else size
        total.update(b"%s%08d\0" % (prefix, index) + struct.pack(">Q", length) + document(seed, index, length))
    return total.hexdigest()


def conflicts_digest(seed, count, size):
    """Over both versions of each document, sorted by what they say, on each of two replicas that agree."""
    total, replica = hashlib.sha256(), []
    for index in range(count):
        length = mail_size(seed, index, 8 << 20) if size == "mail" else size
        for version in sorted(document(seed, turn * count + index, length) for turn in (1, 2)):
            replica.append(b"D-%08d\0" % index + struct.pack(">Q", length) + version)
    for version in replica + replica:
        total.update(version)
    return total.hexdigest()


def sha256(content):
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    cases = [(1, 0), (1, 7), (2**64 - 1, 12)]
    vectors = {
        "blobs": [
            {"seed": seed, "index": index, "size": size, "sha256": sha256(blob(seed, index, size))}
            for seed, index in cases
            for size in (0, 1, 7, 8, 1000)
        ],
        "documents": [
            {"seed": seed, "index": index, "size": size, "sha256": sha256(document(seed, index, size))}
            for seed, index in cases
            for size in (0, 1, 2, 20, 25, 26, 1000)
        ],
        "mail_sizes": [
            {"seed": seed, "limit": limit, "sizes": [mail_size(seed, index, limit) for index in range(50)]}
            for seed, limit in ((1, 2**63), (2, 2**63), (1, 20_000))
        ],
        "digests": [
            {"seed": seed, "documents": count, "size": size, "digest": documents_digest(seed, count, size)}
            for seed, count, size in ((1, 0, 100), (1, 3, 1000), (9, 600, 50), (5, 20, "mail"))
        ],
        "messages": [
            {"seed": seed, "documents": count, "size": size, "digest": documents_digest(seed, count, size, b"M-")}
            for seed, count, size in ((9, 70, 50), (5, 20, "mail"))
        ],
        "conflicts": [
            {"seed": seed, "documents": count, "size": size, "digest": conflicts_digest(seed, count, size)}
            for seed, count, size in ((1, 3, 1000), (9, 600, 50))
        ],
    }
    (pathlib.Path(__file__).parent / "payload.json").write_text(json.dumps(vectors, indent=1) + "\n")
