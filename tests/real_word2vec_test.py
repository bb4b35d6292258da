#!/usr/bin/env python3
"""33,222 real word2vec vectors of 100 dimensions as a collection with a TEXT key: recall@10 of all 1,007
queries against the exact neighbours stored with them must be 1. Usage: real_word2vec_test.py EXTENSION.
The data are KINDRED_DATA/word2vec-wiki-100d (default ../shared/data). Exits with 77, ctest's mark for
"skipped", if they are not there or this Python cannot load extensions.
SPDX-License-Identifier: Apache-2.0
"""
import array
import lzma
import os
import pathlib
import sqlite3
import sys
import tempfile
import time

EXTENSION = sys.argv[1]
ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = pathlib.Path(os.environ.get("KINDRED_DATA") or ROOT / ".." / "shared" / "data")
FOLDER = DATA / "word2vec-wiki-100d"
K = 10
# The stored neighbours are by float64 cosines, ours by float32: neighbours this near to each other
# may change places.
TIE = 1e-6

NEAREST = "SELECT rowid, key, distance FROM knn('words', ?, ?)"
DISTANCE = """SELECT vec_distance_cosine(a.v, b.v) FROM words AS a, words AS b
  WHERE a.rowid = ? AND b.rowid = ?"""


def skip(reason):
    print("real_word2vec_test: SKIPPED:", reason)
    sys.exit(77)


def read_vectors(path):
    """(word, packed float32s) of each row: "N D\\n", then N times "word " and D float32."""
    data = lzma.open(path).read()
    head = data.index(b"\n")
    count, dim = map(int, data[:head].split())
    at = head + 1
    for _ in range(count):
        blank = data.index(b" ", at)
        word = data[at:blank].decode("utf-8").lstrip("\n")
        yield word, data[blank + 1:blank + 1 + 4 * dim]
        at = blank + 1 + 4 * dim


def read_neighbours(path):
    """The neighbours of rows 0, 33, 66, ...: int32 100, then 100 row numbers, each time."""
    numbers = array.array("i", path.read_bytes())
    return [numbers[i + 1:i + 1 + numbers[i]] for i in range(0, len(numbers), numbers[0] + 1)]


def main():
    if not hasattr(sqlite3.Connection, "enable_load_extension"):
        skip("this Python's sqlite3 cannot load extensions")
    if not FOLDER.exists():
        skip(f"no vectors: {FOLDER} (KINDRED_DATA names the folder above)")
    words = list(read_vectors(FOLDER / "vec100.bin.xz"))
    truth = read_neighbours(FOLDER / "groundtruth-cosine-top100.ivecs")
    with tempfile.TemporaryDirectory() as folder:
        db = sqlite3.connect(os.path.join(folder, "words.db"), isolation_level=None)
        db.enable_load_extension(True)
        db.load_extension(EXTENSION)
        db.execute("CREATE VIRTUAL TABLE words USING kindred(word TEXT PRIMARY KEY, v float[100])")
        before = time.process_time()
        db.execute("BEGIN")
        db.executemany("INSERT INTO words(rowid, word, v) VALUES(?, ?, ?)",
                       ((row, word, vector) for row, (word, vector) in enumerate(words)))
        db.execute("COMMIT")
        print(f"{len(words)} words loaded: {time.process_time() - before:.2f} s of CPU")
        db.execute(NEAREST, (words[0][1], 1)).fetchall()  # reads the vectors
        found = ties = 0
        spent = 0.0
        for query, neighbours in enumerate(truth):
            row = 33 * query
            before = time.process_time()
            answer = db.execute(NEAREST, (words[row][1], K + 1)).fetchall()
            spent += time.process_time() - before
            assert all(key == words[rowid][0] for rowid, key, _ in answer), answer
            nearest = [(rowid, distance) for rowid, _, distance in answer if rowid != row][:K]
            assert len(nearest) == K, (row, answer)
            wanted = set(neighbours[:K])
            last = db.execute(DISTANCE, (row, neighbours[K - 1])).fetchone()[0]
            for rowid, distance in nearest:
                exact = rowid in wanted
                tie = not exact and abs(distance - last) <= TIE
                found += exact or tie
                ties += tie
                if not exact and not tie:
                    print("missed:", words[row][0], words[rowid][0], distance, last)
        db.close()
    recall = found / (K * len(truth))
    print(f"{len(truth)} queries, recall@{K} = {recall:.4f} ({ties} by ties),"
          f" {spent / len(truth) * 1e6:.0f} us of CPU a query")
    assert recall == 1.0, recall


if __name__ == "__main__":
    main()
