#!/usr/bin/env python3
"""Writes the expected results into the scenario files of the engine, from the payloads' description in docs/SUBJECT.md.

Shares no code with the subject, so a digest that both agree on is right. Running it again changes nothing:

    python3 scenarios/expect.py
"""

import functools
import hashlib
import importlib.util
import pathlib
import re
import struct

ROOT = pathlib.Path(__file__).resolve().parent.parent
SPEC = importlib.util.spec_from_file_location("payload", ROOT / "subject/tests/vectors/make.py")
payload = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(payload)

SEED = 1
UNITS = {"kB": 1000, "MB": 1000_000}
MAIL_LIMIT = 8 << 20


def size_of(text):
    number, unit = text.split()
    return int(number) * UNITS[unit]


def sizes(count, size):
    """Sizes of the contents of index 0, 1, ..."""
    return [payload.mail_size(SEED, index, MAIL_LIMIT) if size == "mail" else size_of(size) for index in range(count)]


@functools.cache
def made(make, index, length):
    return make(SEED, index, length)


def contents(prefix, make, lengths):
    """Items, bytes and the digest over contents sorted by id, as docs/SUBJECT.md describes it."""
    total = hashlib.sha256()
    for index, length in enumerate(lengths):
        total.update(b"%s%08d\0" % (prefix.encode(), index) + struct.pack(">Q", length) + made(make, index, length))
    return len(lengths), sum(lengths), total.hexdigest()


def expected(point):
    """Items, bytes and digest of the operation's result at one point."""
    form = re.search(r'form = "(\w+)"', point)
    size = re.search(r'[{ ]size = "([^"]+)"', point).group(1)
    if form:
        make = payload.blob if form.group(1) == "blob" else payload.document
        return 1, size_of(size), payload.sha256(make(SEED, 0, size_of(size)))
    if blobs := re.search(r"\bblobs = (\d+)", point):
        wanted = re.search(r'wanted = "([^"]+)"', point)
        more = [size_of(wanted.group(1))] if wanted else []
        return contents("B-", payload.blob, sizes(int(blobs.group(1)), size) + more)
    if messages := re.search(r"\bmessages = (\d+)", point):
        return contents("M-", payload.document, sizes(int(messages.group(1)), size))
    count = int(re.search(r"documents = (\d+)", point).group(1))
    if size == "mail":
        total = sum(payload.mail_size(SEED, index, MAIL_LIMIT) for index in range(count))
        return count, total, payload.documents_digest(SEED, count, "mail")
    return count, count * size_of(size), payload.documents_digest(SEED, count, size_of(size))


def expect_line(point):
    items, length, digest = expected(point)
    return re.sub(r"expect = .*", f'expect = {{ items = {items}, bytes = {length}, digest = "{digest}" }}', point)


if __name__ == "__main__":
    for file in sorted((ROOT / "scenarios").glob("*/*.toml")):
        head, *points = file.read_text().split("[[points]]")
        file.write_text("[[points]]".join([head, *map(expect_line, points)]))
        print(file.relative_to(ROOT))
