#!/usr/bin/env python3
"""A subject in Python, from docs/SUBJECT.md alone: it measures how long zlib takes to compress a text.

To measure a program of your own, put your work into `Compress`. In your project's benchline.toml:

    [subject]
    build = ["true"]
    binary = "subject.py"
    inputs = ["subject.py"]
"""

import hashlib, json, sys, time, zlib

LIMIT = 4 << 20  # the longest line of the contract, in bytes
HELLO = {"type": "hello", "contract": 1, "engine": "zlib " + zlib.ZLIB_RUNTIME_VERSION,
         "operations": [{"name": "text/compress", "version": 1, "roles": ["client"]}]}


class Unsupported(Exception):
    """What this program does not know: an outcome, and no alarm."""


class Compress:
    def __init__(self, order):
        if (order["operation"], order["role"]) != ("text/compress", "client"):
            raise Unsupported(f"only the client of text/compress is known here, not {order['role']} of {order['operation']}")
        # A parameter, a setting or an injection that is passed over would give a figure under a wrong name.
        unknown = set(order["parameters"]) - {"size", "level"} | set(order["configuration"])
        if unknown or order.get("injection"):
            raise Unsupported(f"unknown here: {', '.join(sorted(unknown)) or 'injections'}")
        size, self.level = (order["parameters"][name]["count"] for name in ("size", "level"))
        # Equal seeds give equal payloads for ever: no library's random numbers promise that.
        seed = b"text/compress %d" % order["seed"]
        self.text = hashlib.shake_256(seed).hexdigest(size // 2 + 1).encode()[:size]
        self.packed = b""

    def iterate(self, count):
        wall, cpu = time.perf_counter_ns(), time.process_time_ns()
        for _ in range(count):
            self.packed = zlib.compress(self.text, self.level)
        wall, cpu = time.perf_counter_ns() - wall, time.process_time_ns() - cpu
        return {"type": "sample", "wall_ns": wall, "cpu_ns": cpu, "items": 1, "bytes": len(self.text)}


def answer(case, request):
    """The case as it now stands, and the answer to one request."""
    kind = request["type"]
    if kind == "prepare":
        return Compress(request), {"type": "prepared"}
    if kind == "reset":
        case.packed = b""
        return case, {"type": "ready"}
    if kind == "iterate":
        return case, case.iterate(request["count"])
    if kind == "verify":  # what was packed last, unpacked: a wrong result cannot pass
        return case, {"type": "verified", "digest": hashlib.sha256(zlib.decompress(case.packed)).hexdigest()}
    if kind == "finish":
        return None, {"type": "finished"}
    raise ValueError(f"no request is called {kind!r}")


def main():
    case, reply = None, HELLO
    print(json.dumps(reply), flush=True)
    while reply["type"] != "finished" and (line := sys.stdin.buffer.readline(LIMIT + 1)):
        try:
            if len(line) > LIMIT and not line.endswith(b"\n"):
                while line and not line.endswith(b"\n"):
                    line = sys.stdin.buffer.readline(LIMIT)
                raise ValueError(f"a line of more than {LIMIT} bytes")
            case, reply = answer(case, json.loads(line))
        except Unsupported as error:
            reply = {"type": "failed", "kind": "unsupported", "message": str(error)}
        except Exception as error:  # whatever went wrong is told, and the next line is read
            reply = {"type": "failed", "kind": "error", "message": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
