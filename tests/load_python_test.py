#!/usr/bin/env python3
"""Loads the extension into Python's own sqlite3 and walks through what an application does: make a
collection, fill it, ask it, roll back, close, open again. Usage: load_python_test.py EXTENSION.
Exits with 77, ctest's mark for "skipped", if this Python cannot load extensions.
SPDX-License-Identifier: Apache-2.0
"""
import os
import sqlite3
import struct
import sys
import tempfile
import unittest

EXTENSION = sys.argv[1]

FAQ = [
    ("How do I reset my password?", "Open the sign-in page and follow the link below it.", "en"),
    ("When does the shop open?", "At nine from Monday to Saturday.", "en"),
    ("Wie setze ich mein Passwort zurück?", "Über den Verweis unter der Anmeldung.", "de"),
    ("How do I cancel my order?", "Open the order and press Cancel until it is sent.", "en"),
]
NEAREST = "SELECT rowid FROM knn('faq', ?) ORDER BY distance LIMIT ?"
FILTERED = "SELECT rowid FROM faq WHERE faq MATCH ? AND lang = ? AND k = ?"


def connect(path):
    db = sqlite3.connect(path, isolation_level=None)  # transactions as the test writes them
    db.enable_load_extension(True)
    db.load_extension(EXTENSION)
    db.enable_load_extension(False)
    return db


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


class Load(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "app.db")

    def open(self):
        db = connect(self.path)
        self.addCleanup(db.close)
        return db

    def open_faq(self):
        db = self.open()
        db.execute("CREATE VIRTUAL TABLE faq USING kindred(question, answer TEXT, lang TEXT)")
        db.executemany("INSERT INTO faq(question, answer, lang) VALUES (?, ?, ?)", FAQ)
        return db

    def column(self, db, sql, *parameters):
        return [row[0] for row in db.execute(sql, parameters)]

    def test_knn_finds_the_row_that_is_asked_for(self):
        db = self.open_faq()
        self.assertEqual(self.column(db, NEAREST, "reset the password", 1), [1])
        self.assertEqual(len(self.column(db, NEAREST, "reset the password", 10)), 4)

    def test_match_filters_by_metadata(self):
        db = self.open_faq()
        self.assertEqual(self.column(db, FILTERED, "reset password", "de", 3), [3])
        self.assertEqual(sorted(self.column(db, FILTERED, "reset password", "en", 3)), [1, 2, 4])

    def test_rollback_takes_rows_and_vectors_back(self):
        db = self.open_faq()
        db.execute("BEGIN")
        db.execute("INSERT INTO faq(rowid, question, lang) VALUES (9, 'Do you sell bicycles?', 'en')")
        db.execute("DELETE FROM faq WHERE rowid = 1")
        self.assertEqual(self.column(db, NEAREST, "a bicycle", 1), [9])
        db.execute("ROLLBACK")
        self.assertEqual(self.column(db, "SELECT count(*) FROM faq"), [4])
        self.assertNotIn(9, self.column(db, NEAREST, "a bicycle", 10))
        self.assertEqual(self.column(db, NEAREST, "reset the password", 1), [1])

    def test_a_savepoint_takes_back_its_own_part_only(self):
        db = self.open_faq()
        db.execute("BEGIN")
        db.execute("INSERT INTO faq(rowid, question) VALUES (8, 'Do you sell bicycles?')")
        db.execute("SAVEPOINT inner")
        db.execute("INSERT INTO faq(rowid, question) VALUES (9, 'Do you sell bicycle bells?')")
        db.execute("ROLLBACK TO inner")
        db.execute("COMMIT")
        found = self.column(db, NEAREST, "bicycle bells", 10)
        self.assertEqual(found[0], 8)
        self.assertNotIn(9, found)

    def test_rows_are_there_after_closing_and_opening_again(self):
        db = self.open_faq()
        before = db.execute("SELECT rowid, distance FROM knn('faq', 'cancel') ORDER BY distance").fetchall()
        db.close()
        again = self.open()
        after = again.execute("SELECT rowid, distance FROM knn('faq', 'cancel') ORDER BY distance").fetchall()
        self.assertEqual(before, after)
        self.assertEqual(before[0][0], 4)

    def test_another_connection_sees_a_commit_and_nothing_before_it(self):
        db, other = self.open_faq(), self.open()
        db.execute("BEGIN")
        db.execute("INSERT INTO faq(rowid, question) VALUES (9, 'Do you sell bicycles?')")
        self.assertNotIn(9, self.column(other, NEAREST, "a bicycle", 10))
        db.execute("COMMIT")
        self.assertEqual(self.column(other, NEAREST, "a bicycle", 1), [9])

    def test_vectors_from_outside_go_in_and_are_found(self):
        db = self.open()
        db.execute("CREATE VIRTUAL TABLE points USING kindred("
                   "id INTEGER PRIMARY KEY, place float[2] distance_metric=l2, kind TEXT)")
        rows = [(i, floats(i, 0), "even" if i % 2 == 0 else "odd") for i in range(1, 21)]
        db.executemany("INSERT INTO points(id, place, kind) VALUES (?, ?, ?)", rows)
        nearest = "SELECT id, distance FROM points WHERE place MATCH ? AND k = 2"
        self.assertEqual(db.execute(nearest, (floats(7.25, 0),)).fetchall(), [(7, 0.25), (8, 0.75)])
        self.assertEqual(
            db.execute(nearest + " AND kind = 'even'", (floats(7.25, 0),)).fetchall(),
            [(8, 0.75), (6, 1.25)])

    def test_an_error_leaves_the_connection_usable(self):
        db = self.open_faq()
        with self.assertRaisesRegex(sqlite3.OperationalError, "knn"):
            db.execute("SELECT * FROM knn('no_such_table', 'x')").fetchall()
        with self.assertRaises(sqlite3.Error):
            db.execute("SELECT cosine(?, ?)", (floats(1, 2), floats(1, 2, 3))).fetchall()
        self.assertEqual(self.column(db, NEAREST, "reset the password", 1), [1])


if __name__ == "__main__":
    if not hasattr(sqlite3.Connection, "enable_load_extension"):
        print(f"{sys.executable} is built without loadable extensions")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
