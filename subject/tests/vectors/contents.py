#!/usr/bin/env python3
"""Makes contents.json: digests over the blobs and messages of cases, from the description in docs/SUBJECT.md. Shares no code
with the subject. Running it again changes nothing:

    python3 contents.py
"""

import hashlib
import json
import pathlib
import struct

from make import blob, document, mail_size


def digest(prefix, make, seed, count, size, more=()):
    """Bytes of the contents, and the digest over them; `more` are sizes of contents after the `count` of one size."""
    sizes = [mail_size(seed, index, 8 << 20) if size == "mail" else size for index in range(count)]
    sizes += more
    total = hashlib.sha256()
    for index, length in enumerate(sizes):
        total.update(b"%s%08d\0" % (prefix, index) + struct.pack(">Q", length) + make(seed, index, length))
    return {"seed": seed, "count": count, "size": size, "bytes": sum(sizes), "digest": total.hexdigest()}


if __name__ == "__main__":
    cases = [(1, 0, 100), (1, 3, 0), (9, 70, 50), (2, 3, 300_000), (5, 20, "mail"), (7, 6, 100_000)]
    vectors = {
        "blobs": [digest(b"B-", blob, *case) for case in cases],
        "messages": [digest(b"M-", document, *case) for case in [(9, 70, 50), (5, 20, "mail")]],
        # One blob of 1000 bytes after the others.
        "wanted": [digest(b"B-", blob, *case, [1000]) for case in [(9, 70, 50), (2, 3, 300_000)]],
    }
    (pathlib.Path(__file__).parent / "contents.json").write_text(json.dumps(vectors, indent=1) + "\n")
