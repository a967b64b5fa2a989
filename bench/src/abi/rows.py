"""Rows through the Python package beside those of sqlite3 or sqlcipher3: rows.py DATABASE ROWS SQLITE_FILE.

Prints one JSON object of measures, in nanoseconds for each row. The file of SQLite is the one that the program in C left.
"""

import json
import sys
import time

import guanxi

try:
    from sqlcipher3 import dbapi2 as sqlite
except ImportError:
    import sqlite3 as sqlite

FIELDS = ("name", "kind", "industry", "city", "phone", "email", "established", "revenue", "employees")


def best(read, rows):
    least = float("inf")
    for _ in range(5):
        begun = time.perf_counter_ns()
        count = sum(1 for _ in read())
        least = min(least, (time.perf_counter_ns() - begun) / rows)
        assert count == rows, count
    return least


def ours(path, rows):
    crm = guanxi.open(
        path, key=bytes([7] * 32), trust_host=True, cache_bytes=256 << 20, record_cache_bytes=192 << 20
    )
    with crm, crm.session_for("admin") as session:
        bare = guanxi._engine.lib.guanxi_abi_version
        begun = time.perf_counter_ns()
        for _ in range(200_000):
            bare()
        return {
            "bare_ns": (time.perf_counter_ns() - begun) / 200_000,
            "rows_ns": best(lambda: session.query("crm.account", fields=FIELDS), rows),
        }


def opened(path, *pragmas):
    connection = sqlite.connect(path)
    if sqlite.__name__.startswith("sqlcipher3"):
        connection.execute(f"PRAGMA key = \"x'{'07' * 32}'\"")
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("SELECT count(*) FROM account").fetchone()
    return connection


def theirs(path, rows):
    try:
        connection = opened(path, "cache_size = -262144")
    except sqlite.DatabaseError:
        # The library that wrote the file may be of the version before: Debian's is.
        connection = opened(path, "cipher_compatibility = 3", "cache_size = -262144")
    connection.row_factory = sqlite.Row

    def dicts():
        return map(dict, connection.execute("SELECT * FROM account"))

    measured = {"sqlite_ns": best(dicts, rows)}
    connection.row_factory = None
    measured["sqlite_tuples_ns"] = best(lambda: connection.execute("SELECT * FROM account"), rows)
    return measured


def main(database, rows, sqlite_file):
    measured = ours(database, int(rows))
    try:
        measured.update(theirs(sqlite_file, int(rows)))
    except sqlite.DatabaseError as error:
        print(f"without SQLite: {error}", file=sys.stderr)
    print(json.dumps(measured))


main(*sys.argv[1:])
