#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The scalar distance functions against those of sqlite-vec and vectorlite.

SELECT max(distance(v, ?)) over 100,000 stored 384-d float32 vectors, in an in-memory database, in
one process, the contenders in turn. Prints the median CPU time of each and its ratio to kindred's.
The npm packages are fetched into build/peers once. Needs a python3 whose sqlite3 can load
extensions (Debian's /usr/bin/python3 can) and npm.

    bench/bench_scalar.py [path of kindred.so, build/kindred.so by default]
"""
import array
import pathlib
import random
import sqlite3
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = ROOT / "build" / "peers"
PACKAGES = ["sqlite-vec@0.1.9", "vectorlite@0.2.0"]
ROWS, DIM, ROUNDS = 100_000, 384, 9


def peer(library):
    """The path of a peer's library, without suffix; fetches the packages when it is not there."""
    if not list(PEERS.rglob(library)):
        PEERS.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix", PEERS, *PACKAGES],
                       check=True, stdout=subprocess.DEVNULL)
    return str(next(PEERS.rglob(library)).with_suffix(""))


def filled(extension, entry_point=None):
    """An in-memory database with the extension loaded and the vectors stored."""
    db = sqlite3.connect(":memory:")
    db.enable_load_extension(True)
    if entry_point:
        db.execute("SELECT load_extension(?, ?)", (extension, entry_point))
    else:
        db.load_extension(extension)
    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB)")
    source = random.Random(1)
    pool = [array.array("f", (source.gauss(0, 1) for _ in range(DIM))).tobytes()
            for _ in range(1000)]
    db.executemany("INSERT INTO t(v) VALUES (?)", ((pool[i % 1000],) for i in range(ROWS)))
    return db, pool[0]


def cpu_seconds(db, sql, query):
    start = time.process_time()
    db.execute(sql, (query,)).fetchone()
    return time.process_time() - start


def main():
    kindred = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "build" / "kindred.so")
    databases = {
        "kindred": filled(kindred, "sqlite3_kindred_init"),
        "sqlite-vec": filled(peer("vec0.so")),
        "vectorlite": filled(peer("vectorlite.so")),
    }
    info = databases["kindred"][0].execute("SELECT kindred_info()").fetchone()[0]
    print(f"{ROWS} rows, {DIM} dimensions, median CPU time of {ROUNDS} rounds; {info}")
    shared = "SELECT max(vec_distance_{}(v, ?)) FROM t"
    contests = {
        "cosine": {"kindred": shared.format("cosine"), "sqlite-vec": shared.format("cosine"),
                   "vectorlite": "SELECT max(vector_distance(v, ?, 'cosine')) FROM t"},
        "l2": {"kindred": shared.format("l2"), "sqlite-vec": shared.format("l2"),
               "vectorlite": "SELECT max(vector_distance(v, ?, 'l2')) FROM t"},
        "l1": {"kindred": shared.format("l1"), "sqlite-vec": shared.format("l1")},
        "length(v), the floor": {name: "SELECT max(length(v)), ? FROM t" for name in databases},
    }
    for contest, statements in contests.items():
        times = {name: [] for name in statements}
        for _ in range(ROUNDS):
            for name, sql in statements.items():
                times[name].append(cpu_seconds(databases[name][0], sql, databases[name][1]))
        medians = {name: statistics.median(seconds) for name, seconds in times.items()}
        for name, seconds in medians.items():
            print(f"{contest:22} {name:12} {seconds * 1e3:8.1f} ms  "
                  f"{seconds / medians['kindred']:5.2f} x kindred's")


if __name__ == "__main__":
    main()
