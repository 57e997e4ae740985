#!/usr/bin/env python3
"""Writes the expected results into the scenario files of the engine, from the payloads' description in docs/SUBJECT.md.

Shares no code with the subject, so a digest that both agree on is right. Running it again changes nothing:

    python3 scenarios/expect.py
"""

import importlib.util
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
SPEC = importlib.util.spec_from_file_location("payload", ROOT / "subject/tests/vectors/make.py")
payload = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(payload)

SEED = 1
UNITS = {"kB": 1000, "MB": 1000_000}
MAIL_LIMIT = 8 << 20
NOTHING = b"nothing\n"


def size_of(text):
    number, unit = text.split()
    return int(number) * UNITS[unit]


def fibonacci(place):
    low, high = 0, 1
    for _ in range(place):
        low, high = high, low + high
    return low


def reactor_pool(point, kind):
    """What is answered where nothing is asked for, then where one piece of work is."""
    work = {"fibonacci": lambda: b"%d" % fibonacci(35), "openpgp": lambda: payload.document(SEED, 0, 4_000_000)}[kind]()
    requests = int(re.search(r"requests = (\d+)", point).group(1))
    return requests, requests * len(NOTHING), payload.sha256(NOTHING + work)


def expected(point):
    """Items, bytes and digest of the operation's result at one point."""
    kind = re.search(r'kind = "(\w+)"', point)
    if kind:
        return reactor_pool(point, kind.group(1))
    form = re.search(r'form = "(\w+)"', point)
    size = re.search(r'[{ ]size = "([^"]+)"', point).group(1)
    if form:
        make = payload.blob if form.group(1) == "blob" else payload.document
        return 1, size_of(size), payload.sha256(make(SEED, 0, size_of(size)))
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
