#!/usr/bin/env python3
"""Writes the expected results into the scenario files of the engine, from the payloads' description in docs/SUBJECT.md.

Shares no code with the subject, so a digest that both agree on is right. Running it again changes nothing:

    python3 scenarios/expect.py
"""

import functools
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


def size_of(text):
    number, unit = text.split()
    return int(number) * UNITS[unit]


@functools.cache
def blob_digest(size):
    return payload.sha256(payload.blob(SEED, 0, size))


def under_load(point):
    """What a load must have done: how many answers were right, the bytes of their bodies, and the record of it.

    Each line of the record is how many were asked, then of each kind of request its method, the status, and the SHA-256 of
    the answer, or `-` where that is not known beforehand.
    """
    def number(name):
        found = re.search(rf"\b{name} = (\d+)", point)
        return found and int(found.group(1))

    action = re.search(r'action = "(\w+)"', point).group(1)
    size = size_of(re.search(r'[{ ]size = "([^"]+)"', point).group(1))
    requests = number("rate") * number("seconds") if number("rate") else number("clients") * number("each")
    digest_of = lambda text: payload.sha256(text.encode())
    content = blob_digest(size)
    flags = '{"flags":["processed"]}'
    count = f'{{"blobs":4,"bytes":{4 * size}}}'
    # An entry of a list; `created` has ten digits until the year 2286.
    entry = '{"id":"b0","length":%d,"digest":"%s","flags":[],"created":1234567890}' % (size, content)
    listed = len('{"blobs":[],"next":null}') + 4 * len(entry) + 3
    timed, after, body = {
        "up": ("PUT 201 -", [f"GET 200 {content}", "DELETE 204 -"], size),
        "down": (f"GET 200 {content}", [], size),
        "list": ("GET 200 -", [f"GET 200 {digest_of(count)}"], listed),
        "flag": ("PUT 204 -", [f"GET 200 {digest_of(flags)}"], len(flags)),
        "delete": ("DELETE 204 -", ["GET 404 -"], 0),
    }[action]
    record = "".join(f"{requests} {kind}\n" for kind in [timed, *after])
    return requests, requests * body, digest_of(record)


def expected(point):
    """Items, bytes and digest of the operation's result at one point."""
    if "action = " in point:
        return under_load(point)
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
