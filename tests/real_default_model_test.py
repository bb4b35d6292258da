#!/usr/bin/env python3
"""The model `default` on judgements of similarity, through SQL: Spearman's correlation with STS-B dev and
WordSim-353 is not below what its table was chosen for. Usage: real_default_model_test.py EXTENSION.
The judgements are in KINDRED_DATA (default ../shared/data). Exits with 77, ctest's mark for "skipped", if
they are not there or this Python cannot load extensions. More of it: bench/bench_embedding_quality.cc.
SPDX-License-Identifier: Apache-2.0
"""
import os
import pathlib
import sqlite3
import sys
import unittest

EXTENSION = sys.argv[1]
ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = pathlib.Path(os.environ.get("KINDRED_DATA") or ROOT / ".." / "shared" / "data")
STS = DATA / "sts-benchmark" / "sts-dev.csv"
WORDS = DATA / "word-similarity" / "EN-WS-353-ALL.txt"
COSINE = "SELECT cosine(embed(?1, 'default', ?3), embed(?2, 'default', ?3))"


def ranks(values):
    """Ranks from 0, equal values sharing their mean."""
    order = sorted(range(len(values)), key=values.__getitem__)
    result = [0.0] * len(values)
    first = 0
    while first < len(order):
        last = first
        while last < len(order) and values[order[last]] == values[order[first]]:
            last += 1
        for i in order[first:last]:
            result[i] = (first + last - 1) / 2
        first = last
    return result


def spearman(x, y):
    x, y = ranks(x), ranks(y)
    mean = (len(x) - 1) / 2
    cross = sum((a - mean) * (b - mean) for a, b in zip(x, y))
    squares = sum((a - mean) ** 2 for a in x) * sum((b - mean) ** 2 for b in y)
    return cross / squares**0.5


def connect():
    db = sqlite3.connect(":memory:")
    db.enable_load_extension(True)
    db.load_extension(EXTENSION)
    return db


class DefaultModel(unittest.TestCase):
    def correlation(self, rows, options="{}"):
        """Of (first, second, judgement)."""
        db = connect()
        cosines = [
            db.execute(COSINE, (first, second, options)).fetchone()[0]
            for first, second, _ in rows
        ]
        value = 100 * spearman(cosines, [judgement for _, _, judgement in rows])
        print(f"Spearman x 100 of {len(rows)} pairs with {options}: {value:.1f}")
        return value

    def test_sentences(self):
        lines = [line.split("\t") for line in STS.read_text(encoding="utf-8").splitlines()]
        rows = [(f[5], f[6], float(f[4])) for f in lines]
        plain = self.correlation(rows)
        self.assertGreaterEqual(plain, 80)
        self.assertGreaterEqual(self.correlation(rows, '{"dimensions": 64}'), 77.5)
        in_order = self.correlation(rows, '{"positions": "sinusoidal"}')
        self.assertGreaterEqual(in_order, plain - 1)
        self.assertGreaterEqual(
            self.correlation(rows, '{"dimensions": 64, "positions": "sinusoidal"}'), 77)

    def test_words(self):
        lines = [line.split("\t") for line in WORDS.read_text(encoding="utf-8").splitlines()]
        self.assertGreaterEqual(self.correlation([(f[0], f[1], float(f[2])) for f in lines]), 50)


def skip(why):
    print(f"real_default_model_test: SKIPPED: {why}")
    sys.exit(77)


if not (STS.is_file() and WORDS.is_file()):
    skip(f"{DATA} has no {STS.name} and {WORDS.name} (set KINDRED_DATA)")
if not hasattr(sqlite3.Connection, "enable_load_extension"):
    skip("this Python's sqlite3 cannot load extensions")
unittest.main(argv=sys.argv[:1])
