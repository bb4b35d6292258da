#!/usr/bin/env python3
"""What a host's process may do to the extension: end in the middle of a transaction, in one way or
another; fork; close its last connection and load again. Each part that ends or forks runs in a
process of its own: this file with a part's name and a database as arguments.
Usage: load_process_test.py EXTENSION [PART DATABASE]. Exits with 77, ctest's mark for "skipped", if
this Python cannot load extensions.
SPDX-License-Identifier: Apache-2.0
"""
import ctypes
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import unittest

EXTENSION = sys.argv[1]
CREATE = "CREATE VIRTUAL TABLE items USING kindred(v float[2] distance_metric=l2, m TEXT)"
SEAL = "INSERT INTO items(items) VALUES('seal=20')"  # ten rows of a transaction, then a segment
OPTIMIZE = "INSERT INTO items(items) VALUES('optimize')"
CHECK = "INSERT INTO items(items) VALUES('integrity-check')"


def connect(path, extension=EXTENSION):
    db = sqlite3.connect(path, isolation_level=None, timeout=10)
    db.enable_load_extension(True)
    db.load_extension(extension)
    return db


def insert(db, first, rows):
    db.execute("BEGIN")
    for i in range(first, first + rows):
        db.execute("INSERT INTO items(rowid, v, m) VALUES (?, ?, 'x')", (i, f"[{i}, 1]"))


def number(db):
    return db.execute("SELECT (SELECT count(*) FROM items), "
                      "(SELECT count(*) FROM knn('items', '[1, 1]'))").fetchone()


def end_python(_):
    sys.exit(0)


def end_c(_):
    ctypes.CDLL(None).exit(0)  # handlers of C run, nothing of Python's


def end_now(_):
    os._exit(0)


def end_killed(_):
    os.kill(os.getpid(), signal.SIGKILL)


ENDS = {end.__name__: end for end in (end_python, end_c, end_now, end_killed)}


def part_open(path, end):
    """Ends with a write transaction that has gone past the log."""
    db = connect(path)
    insert(db, 1000, 200)
    assert number(db)[1] >= 200
    ENDS[end](db)


def part_committed(path, end):
    """Ends right after a commit that has given the background thread something to do."""
    db = connect(path)
    db.execute("INSERT INTO items(items) VALUES('seal=150')")
    for first in range(1000, 1200, 50):
        insert(db, first, 50)
        db.execute("COMMIT")
    ENDS[end](db)


def part_fork(path, end):
    """A child of a process with an open connection, which has used the store."""
    db = connect(path)
    insert(db, 1000, 100)
    db.execute("COMMIT")
    db.execute(OPTIMIZE)
    insert(db, 1100, 50)  # open while the child runs
    before = number(db)
    child = os.fork()
    if child == 0:
        own = connect(path)
        assert number(own)[0] == before[0] - 50
        try:
            own.execute("PRAGMA busy_timeout=0")
            own.execute("INSERT INTO items(v) VALUES ('[1, 1]')")
            os._exit(2)
        except sqlite3.OperationalError as error:  # it is the parent who writes
            assert "locked" in str(error), error
        ENDS[end](own)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, status
    assert number(db) == before
    db.execute("COMMIT")
    db.execute(OPTIMIZE)
    db.execute(CHECK)
    assert number(db) == before


def part_forked_writer(path, end):
    """A child that writes: it has the log, and is told at once that it cannot have the store."""
    db = connect(path)
    insert(db, 1000, 100)
    db.execute("COMMIT")
    db.execute(OPTIMIZE)
    before = number(db)
    child = os.fork()
    if child == 0:
        own = connect(path)
        own.execute("PRAGMA busy_timeout=60000")
        insert(own, 2000, 100)
        own.execute("COMMIT")
        assert number(own)[1] == before[1] + 100
        try:
            own.execute(OPTIMIZE)
            os._exit(2)
        except sqlite3.OperationalError as error:
            assert "forked" in str(error), error
        ENDS[end](own)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, status
    assert number(db)[1] == before[1] + 100
    db.execute(OPTIMIZE)
    db.execute(CHECK)


PARTS = {part.__name__: part for part in (part_open, part_committed, part_fork, part_forked_writer)}


class Process(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "app.db")
        db = connect(self.path)
        db.execute(CREATE)
        insert(db, 1, 30)
        db.execute("COMMIT")
        db.execute(SEAL)
        db.close()

    def run_part(self, part, end):
        done = subprocess.run(
            [sys.executable, __file__, EXTENSION, part.__name__, self.path, end.__name__],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        killed = end is end_killed and part in (part_open, part_committed)
        self.assertEqual(done.returncode, -signal.SIGKILL if killed else 0, done.stdout.decode())

    def check(self, rows):
        """All agrees on a new connection."""
        db = connect(self.path)
        self.assertEqual(number(db), (rows, rows))
        db.execute(CHECK)
        db.execute(OPTIMIZE)
        db.execute(CHECK)
        self.assertEqual(number(db), (rows, rows))
        db.close()

    def test_a_process_that_ends_takes_its_open_transaction_with_it(self):
        for end in ENDS.values():
            with self.subTest(end=end.__name__):
                self.run_part(part_open, end)
                self.check(30)

    def test_a_process_that_ends_after_a_commit_has_written_it(self):
        for end in ENDS.values():
            with self.subTest(end=end.__name__):
                db = connect(self.path)
                db.execute("DELETE FROM items WHERE rowid >= 1000")
                db.close()
                self.run_part(part_committed, end)
                self.check(230)

    def test_a_forked_child_does_not_disturb_its_parents_transaction(self):
        # Python would close the parent's connection in the child, which SQLite forbids: it would
        # roll the parent's transaction back.
        for end in (end_c, end_now, end_killed):
            with self.subTest(end=end.__name__):
                db = connect(self.path)
                db.execute("DELETE FROM items WHERE rowid >= 1000")
                db.close()
                self.run_part(part_fork, end)
                self.check(180)

    def test_a_forked_child_writes_to_the_log_and_leaves_the_store_alone(self):
        for end in ENDS.values():
            with self.subTest(end=end.__name__):
                db = connect(self.path)
                db.execute("DELETE FROM items WHERE rowid >= 1000")
                db.close()
                self.run_part(part_forked_writer, end)
                self.check(230)

    def test_the_extension_is_loaded_again_after_the_last_connection_has_gone(self):
        for i in range(20):
            db = connect(self.path)
            db.load_extension(EXTENSION)
            insert(db, 1000 + 15 * i, 15)  # every seal leaves work to the background thread
            db.execute("COMMIT")
            self.assertEqual(number(db), (45 + 15 * i, 45 + 15 * i))
            db.close()
            with open("/proc/self/maps") as maps:  # background work may still run its code
                self.assertIn(os.path.basename(EXTENSION), maps.read())
        self.check(330)

    def test_rocksdb_is_loaded_when_it_is_needed(self):
        folder = os.path.dirname(self.path)
        copy = shutil.copy(EXTENSION, os.path.join(folder, "kindred.so"))
        half = os.path.join(folder, "kindred_rocksdb.so")
        with open(half, "w") as damaged:
            damaged.write("no library")
        db = connect(os.path.join(folder, "other.db"), copy)
        db.execute(CREATE)
        insert(db, 1, 5)
        db.execute("COMMIT")
        self.assertEqual(number(db), (5, 5))
        for _ in range(2):
            with self.assertRaisesRegex(sqlite3.OperationalError, "RocksDB cannot be loaded.*" + half):
                db.execute(OPTIMIZE)
            self.assertEqual(number(db), (5, 5))
        os.remove(half)
        shutil.copy(os.path.join(os.path.dirname(EXTENSION), "kindred_rocksdb.so"), half)
        db.execute(OPTIMIZE)
        db.execute(CHECK)
        self.assertEqual(number(db), (5, 5))
        db.close()

    def test_two_copies_of_the_extension_in_a_process_are_like_two_processes(self):
        copy = os.path.join(os.path.dirname(self.path), "kindred2.so")
        shutil.copy(EXTENSION, copy)
        databases = [connect(self.path), connect(self.path, copy)]
        for i in range(60):
            insert(databases[i % 2], 1000 + 3 * i, 3)
            databases[i % 2].execute("COMMIT")
        for db in databases:
            db.execute(OPTIMIZE)
            self.assertEqual(number(db), (210, 210))
        databases[0].close()
        databases[1].load_extension(EXTENSION)
        self.assertEqual(number(databases[1]), (210, 210))
        databases[1].close()
        self.check(210)


if __name__ == "__main__":
    if not hasattr(sqlite3.Connection, "enable_load_extension"):
        print(f"{sys.executable} is built without loadable extensions")
        sys.exit(77)
    if len(sys.argv) > 2:
        PARTS[sys.argv[2]](*sys.argv[3:])
    else:
        unittest.main(argv=sys.argv[:1])
