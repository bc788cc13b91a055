#!/usr/bin/env python3
"""The peer of the benchmark `usage_end_to_end`: the same rows by plain SQL into SQLite, prepared single-row inserts
in transactions of 1,000, WAL, synchronous = FULL. Making the rows is not counted. Without a key the table can only be
read from end to end: that is the peer's best case, and no store of usage."""

import argparse
import json
import random
import sqlite3
import time

LINES = 1_000


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database")
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--key", choices=["none", "line"], required=True, help="what rows can be found by")
    args = parser.parse_args()
    db = sqlite3.connect(args.database, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    key = ", PRIMARY KEY (line, start_ms)" if args.key == "line" else ""
    db.execute(
        "CREATE TABLE usage (line INTEGER NOT NULL, start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL, "
        f"down_octets INTEGER NOT NULL, up_octets INTEGER NOT NULL{key})"
    )
    chance, used, at = random.Random(5), 0, 1_795_000_000_000
    for _ in range(args.rows // LINES):
        rows = [(line, at, at + 300_000, chance.getrandbits(27), chance.getrandbits(22)) for line in range(1, LINES + 1)]
        at += 300_000
        before = time.process_time_ns()
        db.execute("BEGIN")
        db.executemany("INSERT INTO usage VALUES (?, ?, ?, ?, ?)", rows)
        db.execute("COMMIT")
        used += time.process_time_ns() - before
    stored = db.execute("SELECT count(*) FROM usage").fetchone()[0]
    if stored != args.rows:
        raise SystemExit(f"{stored} rows are stored, not {args.rows}")
    print(json.dumps({"rows_per_cpu_s": stored / (used / 1e9)}))


if __name__ == "__main__":
    main()
