#!/usr/bin/env python3
"""34,061 real films loaded by SQL, 20 questions asked of them: prints questions and first answers for
a person to look at, and checks what SQL promises of each. Usage: real_films_test.py EXTENSION.
The films are KINDRED_DATA/movies/movies.jsonl.zst (default ../shared/data). Exits with 77, ctest's mark
for "skipped", if they or the zstd command are not there or this Python cannot load extensions.
SPDX-License-Identifier: Apache-2.0
"""
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

EXTENSION = sys.argv[1]
ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = pathlib.Path(os.environ.get("KINDRED_DATA") or ROOT / ".." / "shared" / "data")
FILMS = DATA / "movies" / "movies.jsonl.zst"
COUNT = 34061

# question, condition on the film, a title that must be among the first ten (None: no single one). The
# built-in model goes by words, not by their order: the titles are of films whose texts have such words.
MATCHED = [  # metadata conditions that SQLite hands to the search: MATCH ... AND k = 10
    ("a shark attacks swimmers at a beach resort", "1", "Jaws 3-D"),
    ("an archaeologist searches for the lost Ark of the Covenant", "1", "Raiders of the Lost Ark"),
    ("theme park with cloned dinosaurs on an island", "1", "Jurassic World"),
    ("the sinking of the ocean liner Titanic", "1", "Titanic"),
    ("a giant ape attempts to possess a young woman", "year < 1940", "King Kong"),
    ("Count Dracula the vampire", "genre = 'Horror'", "Dracula"),
    ("Frankenstein creates a monster", "genre = 'Horror' AND year BETWEEN 1925 AND 1945",
     "The Ghost of Frankenstein"),
    ("private investigator Sam Spade and the Maltese falcon", "year BETWEEN 1930 AND 1950",
     "The Maltese Falcon"),
    ("astronauts stranded on the way to the Moon", "year >= 1990", "Apollo 13"),
    ("outlaw Jesse James and his gang", "genre = 'Western'", "Jesse James"),
    ("the Battle of Gettysburg in the American Civil War", "year > 1990", "Gettysburg"),
    ("a documentary about penguins in Antarctica", "genre = 'Documentary'", "March of the Penguins"),
    ("a toy cowboy and a space ranger", "genre IN ('Animated', 'Comedy')", "Toy Story 2"),
]
STREAMED = [  # any SQL around a stream: knn(...) JOIN films ... LIMIT 10
    ("Sherlock Holmes and Doctor Watson", "f.title LIKE '%Holmes%'",
     "The Adventures of Sherlock Holmes"),
    ("a boxer fights for the heavyweight title", "f.year % 2 = 0", "Spirit of Youth"),
    ("a heist in a Las Vegas casino", "f.year > 1955 OR f.genre = 'Comedy'",
     "They Came to Rob Las Vegas"),
    ("Robin Hood and his outlaws of Sherwood Forest", "length(f.extract) > 300",
     "Robin Hood: Prince of Thieves"),
    ("Christmas and a miserly old man visited by ghosts", "f.title LIKE '%Christmas%'",
     "A Christmas Carol"),
    ("the assassination of a president",
     "f.genre IS NOT NULL AND f.title NOT LIKE '%president%'", None),
    ("a haunted house",
     "f.year IN (SELECT year FROM films GROUP BY year HAVING count(*) < 60)", None),
]

LOAD = """INSERT INTO films(extract, title, year, genre)
  SELECT value ->> 'extract', value ->> 'title', value ->> 'year', value ->> '$.genres[0]'
  FROM json_each(?)"""
MATCH = """SELECT rowid, title, year, genre, distance FROM films
  WHERE films MATCH ? AND k = 10 AND ({})"""
STREAM = """SELECT f.rowid, f.title, f.year, f.genre, k.distance
  FROM knn('films', ?) AS k JOIN films AS f ON f.rowid = k.rowid
  WHERE {} ORDER BY k.distance LIMIT 10"""
# The same by brute force: every film's text embedded again and compared.
BRUTE = """SELECT f.rowid, vec_distance_cosine(embed(f.extract), embed(?)) AS d
  FROM films AS f WHERE ({}) AND d IS NOT NULL ORDER BY d, f.rowid LIMIT 10"""


def skip(reason):
    print("real_films_test: SKIPPED:", reason)
    sys.exit(77)


def connect(path):
    db = sqlite3.connect(path, isolation_level=None)
    db.enable_load_extension(True)
    db.load_extension(EXTENSION)
    return db


class Films(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.db = connect(os.path.join(cls.folder.name, "films.db"))
        text = subprocess.run(["zstd", "-dc", str(FILMS)], check=True, capture_output=True).stdout
        array = "[" + ",".join(text.decode("utf-8").splitlines()) + "]"
        cls.db.execute("CREATE VIRTUAL TABLE films"
                       " USING kindred(extract, title TEXT, year INTEGER, genre TEXT)")
        before = time.process_time()
        cls.db.execute(LOAD, [array])
        print(f"\nloaded {COUNT} films: {time.process_time() - before:.2f} s of CPU")

    @classmethod
    def tearDownClass(cls):
        cls.db.close()
        cls.folder.cleanup()

    def ask(self, sql, question, condition):
        before = time.process_time()
        rows = self.db.execute(sql.format(condition), [question]).fetchall()
        spent = (time.process_time() - before) * 1000
        print(f"\n{question}   [{condition}]   {spent:.2f} ms")
        for _, title, year, genre, distance in rows[:4]:
            print(f"    {distance:.3f}  {title} ({year}, {genre})")
        return rows

    def check(self, rows, condition, title):
        distances = [row[4] for row in rows]
        self.assertEqual(distances, sorted(distances))
        passing = self.db.execute(
            f"SELECT f.rowid FROM films AS f WHERE ({condition})").fetchall()
        self.assertLessEqual({row[:1] for row in rows}, set(passing))
        self.assertEqual(len(rows), min(10, len(passing)))
        self.assertEqual(len({row[0] for row in rows}), len(rows))
        if title:
            self.assertIn(title, [row[1] for row in rows])

    def check_brute(self, rows, question, condition):
        brute = self.db.execute(BRUTE.format(condition), [question]).fetchall()
        self.assertEqual([(row[0], row[4]) for row in rows], brute)

    def test_all_films_are_there(self):
        self.assertEqual(self.db.execute("SELECT count(*), count(title) FROM films").fetchone(),
                         (COUNT, COUNT))

    def test_the_k_nearest_under_metadata_conditions(self):
        for question, condition, title in MATCHED:
            with self.subTest(question=question):
                rows = self.ask(MATCH, question, condition)
                self.check(rows, condition, title)
                self.check_brute(rows, question, condition)

    def test_a_stream_under_any_condition(self):
        for question, condition, title in STREAMED:
            with self.subTest(question=question):
                rows = self.ask(STREAM, question, condition)
                self.check(rows, condition, title)
                self.check_brute(rows, question, condition)

    def test_another_connection_finds_the_same(self):
        question = MATCHED[0][0]
        path = os.path.join(self.folder.name, "films.db")
        other = connect(path)
        sql = MATCH.format("1")
        self.assertEqual(other.execute(sql, [question]).fetchall(),
                         self.db.execute(sql, [question]).fetchall())
        other.close()


if __name__ == "__main__":
    if not hasattr(sqlite3.Connection, "enable_load_extension"):
        skip("this Python's sqlite3 cannot load extensions")
    if not FILMS.exists():
        skip(f"no films: {FILMS} (KINDRED_DATA names the folder)")
    if not shutil.which("zstd"):
        skip("no zstd command")
    unittest.main(argv=sys.argv[:1])
