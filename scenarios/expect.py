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


@functools.cache
def digest_of(make, length):
    return payload.sha256(make(SEED, 0, length))


def contents(prefix, make, lengths):
    """Items, bytes and the digest over contents sorted by id, as docs/SUBJECT.md describes it."""
    total = hashlib.sha256()
    for index, length in enumerate(lengths):
        total.update(b"%s%08d\0" % (prefix.encode(), index) + struct.pack(">Q", length) + made(make, index, length))
    return len(lengths), sum(lengths), total.hexdigest()


def helper(path):
    """A program that lies beside a scenario, for what it makes."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def expected_of_command(operation, point):
    """Of an external program: one run handles so many bytes, and what comes back from it is what went in."""
    if operation == "commands/sqlite3_create":
        count = int(re.search(r"documents = (\d+)", point).group(1))
        document = helper(ROOT / "scenarios/commands/sqlite3_documents.py").document
        rows = "".join(document(SEED, number) + "\n" for number in range(count))
        return count, count * 10_000, payload.sha256(rows.encode())
    size = size_of(re.search(r'[{ ]size = "([^"]+)"', point).group(1))
    return 1, size, payload.sha256(hashlib.shake_256(b"benchline %d" % SEED).digest(size))


def expected_of_devpi(point):
    """Of a load: a line that tells how often what was answered, here always the project's page of links."""
    releases, readers, each = (int(re.search(rf"{name} = (\d+)", point).group(1)) for name in ("releases", "readers", "each"))
    devpi = helper(ROOT / "scenarios/services/devpi_fill.py")
    index, title = devpi.INDEX[1:], f"links for {devpi.PROJECT}"
    page = f'<!DOCTYPE html><html lang="en"><head><title>{index}: {title}</title></head><body><h1>{index}: {title}</h1>\n'
    for number in reversed(range(releases)):
        name, digest = f"{devpi.PROJECT}-1.{number}.zip", payload.sha256(devpi.sdist(f"1.{number}"))
        link = f"../../+f/{digest[:3]}/{digest[3:16]}/{name}#sha256={digest}"
        page += f'{index} <a href="{link}" data-requires-python="">{name}</a><br>\n'
    page = (page + "</body></html>").encode()
    count = readers * each
    return count, count * len(page), payload.sha256(f"{count} GET 200 {payload.sha256(page)}\n".encode())


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
    text_digest = lambda text: payload.sha256(text.encode())
    content = digest_of(payload.blob, size)
    flags = '{"flags":["processed"]}'
    count = f'{{"blobs":4,"bytes":{4 * size}}}'
    # An entry of a list; `created` has ten digits until the year 2286.
    entry = '{"id":"b0","length":%d,"digest":"%s","flags":[],"created":1234567890}' % (size, content)
    listed = len('{"blobs":[],"next":null}') + 4 * len(entry) + 3
    timed, after, body = {
        "up": ("PUT 201 -", [f"GET 200 {content}", "DELETE 204 -"], size),
        "down": (f"GET 200 {content}", [], size),
        "list": ("GET 200 -", [f"GET 200 {text_digest(count)}"], listed),
        "flag": ("PUT 204 -", [f"GET 200 {text_digest(flags)}"], len(flags)),
        "delete": ("DELETE 204 -", ["GET 404 -"], 0),
    }[action]
    record = "".join(f"{requests} {kind}\n" for kind in [timed, *after])
    return requests, requests * body, text_digest(record)


def after_steps(steps, state=1, multiplier=6364136223846793005, addend=1442695040888963407):
    """A linear congruential generator after many steps, by squaring the step, which no program that walks them does."""
    whole = (1, 0)
    while steps:
        if steps & 1:
            whole = (whole[0] * multiplier, whole[1] * multiplier + addend)
        multiplier, addend = multiplier * multiplier % 2**64, (addend * multiplier + addend) % 2**64
        steps >>= 1
    return (whole[0] * state + whole[1]) % 2**64


def of_the_platform(operation, point):
    """What the platform's own operations leave, as text: docs/SUBJECT.md does not describe them, their source does."""
    count = re.search(r"= (\d+) }", point)
    if operation == "self/sampling":
        return 1, 0, payload.sha256(str(after_steps(3_000_000_000)).encode())
    count = int(count.group(1))
    if operation == "self/page":
        return 1, 0, payload.sha256(b"true %d" % min(count, 40))
    proof = count // 2 if operation == "self/changes" else count
    return count, 0, payload.sha256(str(proof).encode())


def fibonacci(place):
    low, high = 0, 1
    for _ in range(place):
        low, high = high, low + high
    return low


def reactor_pool(kind, requests):
    """What is answered where nothing is asked for, then where one piece of work is."""
    nothing = b"nothing\n"
    work = b"%d" % fibonacci(35) if kind == "fibonacci" else made(payload.document, 0, 4_000_000)
    return requests, requests * len(nothing), payload.sha256(nothing + work)


def expected(operation, point):
    """Items, bytes and digest of the operation's result at one point."""
    if operation.startswith("scale/"):
        return under_load(point)
    if operation.startswith("self/"):
        return of_the_platform(operation, point)
    if operation == "reactor/pool":
        kind, requests = (re.search(name, point).group(1) for name in (r'kind = "(\w+)"', r"requests = (\d+)"))
        return reactor_pool(kind, int(requests))
    if operation.startswith("commands/"):
        return expected_of_command(operation, point)
    if operation == "services/devpi":
        return expected_of_devpi(point)
    if operation == "crypto/derive":
        return 1, 0, payload.sha256(payload.document(SEED, 0, 1000))
    form = re.search(r'form = "(\w+)"', point)
    size = re.search(r'[{ ]size = "([^"]+)"', point).group(1)
    if form:
        make = payload.blob if form.group(1) == "blob" else payload.document
        return 1, size_of(size), digest_of(make, size_of(size))
    if blobs := re.search(r"\bblobs = (\d+)", point):
        wanted = re.search(r'wanted = "([^"]+)"', point)
        more = [size_of(wanted.group(1))] if wanted else []
        return contents("B-", payload.blob, sizes(int(blobs.group(1)), size) + more)
    if messages := re.search(r"\bmessages = (\d+)", point):
        return contents("M-", payload.document, sizes(int(messages.group(1)), size))
    count = int(re.search(r"documents = (\d+)", point).group(1))
    if operation == "sync/conflict":
        return 2 * count, 2 * count * size_of(size), payload.conflicts_digest(SEED, count, size_of(size))
    items, length, digest = contents("D-", payload.document, sizes(count, size))
    if operation in ("sync/nothing", "sync/initialise"):
        return 1, 0, digest
    return items, length, digest


def expect_line(operation, point):
    items, length, digest = expected(operation, point)
    return re.sub(r"expect = .*", f'expect = {{ items = {items}, bytes = {length}, digest = "{digest}" }}', point)


if __name__ == "__main__":
    for file in sorted((ROOT / "scenarios").glob("*/*.toml")):
        head, *points = file.read_text().split("[[points]]")
        operation = re.search(r'^operation = "(.*)"', head, re.M)
        operation = operation.group(1) if operation else f"{file.parent.name}/{file.stem}"
        file.write_text("[[points]]".join([head, *(expect_line(operation, point) for point in points)]))
        print(file.relative_to(ROOT))
