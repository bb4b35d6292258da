#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the store costs: loading, commits, a new process's first answer, disk.

  load    1,000,000 x 384 float32 in one transaction: rows/s, memory of the process's own
  commit  single-row commits in three journal modes: rows/s and the longest, seals included
  cold    a new sqlite3 process opens a database of 100,000 rows, asks one knn and exits: wall time
          beyond a shell that asks nothing; the same with a log of 10,000 rows
  disk    bytes a vector, before and after half are deleted and optimize

Needs a python3 whose sqlite3 can load extensions (Debian's /usr/bin/python3 can) and sqlite3.

    bench/bench_store.py [part ...]
"""
import array
import pathlib
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXTENSION = str(ROOT / "build" / "kindred")
DIM = 384
random.seed(1)
VECTORS = [array.array("f", [random.gauss(0, 1) for _ in range(DIM)]).tobytes()
           for _ in range(997)]


def connect(path, journal="wal", synchronous="normal"):
    """A connection with the extension and a collection."""
    db = sqlite3.connect(path, isolation_level=None)
    db.enable_load_extension(True)
    db.load_extension(EXTENSION)
    db.execute(f"PRAGMA journal_mode={journal}")
    db.execute(f"PRAGMA synchronous={synchronous}")
    db.execute("CREATE VIRTUAL TABLE IF NOT EXISTS t USING kindred(id INTEGER PRIMARY KEY, "
               f"v float[{DIM}])")
    return db


def insert(db, first, count):
    """Rows in one transaction."""
    db.execute("BEGIN")
    db.executemany("INSERT INTO t(id, v) VALUES(?, ?)",
                   ((i, VECTORS[i % len(VECTORS)]) for i in range(first, first + count)))
    db.execute("COMMIT")


def own_memory():
    """Megabytes of this process's memory that no file backs, now."""
    with open("/proc/self/status", encoding="ascii") as status:
        fields = dict(line.split(":", 1) for line in status if line.startswith("RssAnon"))
    return int(fields["RssAnon"].split()[0]) / 1024


def size(folder):
    """Megabytes of all files below."""
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 1e6


def load(folder):
    """One large transaction; memory is looked at every 50,000 rows and around the commit."""
    db = connect(folder / "load.db")
    peak, began, cpu = 0, time.time(), time.process_time()
    db.execute("BEGIN")
    for first in range(0, 1_000_000, 50_000):
        db.executemany("INSERT INTO t(id, v) VALUES(?, ?)",
                       ((i, VECTORS[i % len(VECTORS)]) for i in range(first, first + 50_000)))
        peak = max(peak, own_memory())
    with_threads = time.time()
    db.execute("COMMIT")
    peak = max(peak, own_memory())
    print(f"load 1,000,000: {1e6 / (time.time() - began):,.0f} rows/s "
          f"({1e6 / (time.process_time() - cpu):,.0f} a second of CPU), COMMIT "
          f"{time.time() - with_threads:.1f} s, {peak:.0f} MB of its own, database "
          f"{(folder / 'load.db').stat().st_size / 1e6:.1f} MB")


def commit(folder):
    """Autocommits, the longest of them beside the median."""
    for journal, synchronous in (("wal", "normal"), ("wal", "full"), ("delete", "full")):
        db = connect(folder / f"commit-{journal}-{synchronous}.db", journal, synchronous)
        times = []
        for i in range(25_000 if journal == "wal" else 12_000):
            began = time.perf_counter()
            db.execute("INSERT INTO t(id, v) VALUES(?, ?)", (i, VECTORS[i % len(VECTORS)]))
            times.append(time.perf_counter() - began)
        times.sort()
        print(f"commit {journal} {synchronous}: {len(times) / sum(times):,.0f} rows/s, median "
              f"{statistics.median(times) * 1e6:.0f} us, longest "
              f"{', '.join(f'{t * 1e3:.1f}' for t in times[-3:])} ms, "
              f"{db.execute('SELECT count(*) FROM t_segments').fetchone()[0]} segments")


def shell(*arguments):
    """Milliseconds of a sqlite3 process, median of 21."""
    times = []
    for _ in range(21):
        began = time.perf_counter()
        subprocess.run(["sqlite3", *arguments], check=True, stdout=subprocess.DEVNULL)
        times.append((time.perf_counter() - began) * 1e3)
    return statistics.median(times)


def cold(folder):
    """Files are in the system's cache; the process is new."""
    query = "x'" + VECTORS[5].hex() + "'"
    for name, rows in (("sealed", 100_000), ("log", 10_000)):
        db = connect(folder / f"{name}.db")
        if name == "sealed":
            insert(db, 0, rows)
            db.execute("INSERT INTO t(t) VALUES('optimize')")
        else:
            for first in range(0, rows, 1000):
                insert(db, first, 1000)
        db.close()
        path = str(folder / f"{name}.db")
        bare = shell(path, "SELECT count(*) FROM t_config")
        asked = shell(path, "-cmd", f".load {EXTENSION}",
                      f"SELECT rowid, distance FROM knn('t', {query}, 10)")
        print(f"cold, {rows:,} rows, {name}: {asked:.1f} ms, a shell that asks nothing {bare:.1f}: "
              f"{asked - bare:.1f} ms more")


def disk(folder):
    """A database of vectors and nothing else."""
    db = connect(folder / "disk.db")
    insert(db, 0, 100_000)
    beside = folder / "disk.db-kindred"
    print(f"disk: 100,000 vectors: {(folder / 'disk.db').stat().st_size / 1e6:.1f} MB database, "
          f"{size(beside):.1f} MB beside it, {size(beside) * 1e6 / 1e5:,.0f} bytes a vector")
    db.execute("DELETE FROM t WHERE id % 2 = 0")
    db.execute("INSERT INTO t(t) VALUES('optimize')")
    print(f"disk: half of them deleted, optimize: {size(beside):.1f} MB beside it")


def main():
    """Runs the parts named, or all."""
    parts = {"load": load, "commit": commit, "cold": cold, "disk": disk}
    for name in sys.argv[1:] or parts:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            parts[name](pathlib.Path(folder))


if __name__ == "__main__":
    main()
