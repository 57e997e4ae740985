#!/usr/bin/env python3
"""Prints the SQL that puts so many documents of 10 kB into a new database: sqlite3_documents.py SEED DOCUMENTS"""

import hashlib
import sys


def document(seed, number):
    return hashlib.shake_256(b"benchline %d document %d" % (seed, number)).hexdigest(5000)


if __name__ == "__main__":
    seed, documents = map(int, sys.argv[1:])
    print("PRAGMA synchronous = FULL;")
    print("CREATE TABLE documents (id INTEGER PRIMARY KEY, content TEXT NOT NULL);")
    print("BEGIN;")
    for number in range(documents):
        print(f"INSERT INTO documents VALUES ({number}, '{document(seed, number)}');")
    print("COMMIT;")
