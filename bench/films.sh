#!/bin/sh
# Loads 34,061 real films with the plain sqlite3 shell (build/films.db) and asks three questions,
# with times. The films are KINDRED_DATA/movies/movies.jsonl.zst (default ../shared/data).
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."
films=${KINDRED_DATA:-../shared/data}/movies/movies.jsonl.zst
if [ ! -f "$films" ]; then
  echo "films.sh: SKIPPED: no films: $films (KINDRED_DATA names the folder)"
  exit 0
fi
cmake --preset release >build/films-build.log
ninja -C build -j2 kindred >>build/films-build.log
rm -f build/films.db build/films.db-*
zstd -dcf "$films" >build/films.jsonl
sqlite3 -batch -bail -init /dev/null build/films.db <<'SQL'
.load build/kindred
CREATE VIRTUAL TABLE films USING kindred(extract, title TEXT, year INTEGER, genre TEXT);

-- A line of JSON is one column: nothing in it is the separator of this mode, the character 0x1F.
CREATE TEMP TABLE lines(line TEXT);
.mode ascii
.separator "\037" "\n"
.import build/films.jsonl lines
.mode list
.print Loading the films:
.timer on
INSERT INTO films(extract, title, year, genre)
  SELECT line ->> 'extract', line ->> 'title', line ->> 'year', line ->> '$.genres[0]' FROM lines;

.print
.print A shark attacks swimmers at a beach resort (the first question reads the vectors):
SELECT f.title, f.year, round(k.distance, 3)
  FROM knn('films', 'a shark attacks swimmers at a beach resort') AS k
  JOIN films AS f ON f.rowid = k.rowid
  ORDER BY k.distance LIMIT 3;

.print
.print Frankenstein creates a monster, among the horror films until 1945:
SELECT title, year, round(distance, 3) FROM films
  WHERE films MATCH 'Frankenstein creates a monster' AND genre = 'Horror' AND year <= 1945 AND k = 3;

.print
.print Robin Hood and his outlaws of Sherwood Forest, under a condition of any kind:
SELECT f.title, f.year, round(k.distance, 3)
  FROM knn('films', 'Robin Hood and his outlaws of Sherwood Forest') AS k
  JOIN films AS f ON f.rowid = k.rowid
  WHERE f.year % 2 = 0 OR length(f.extract) > 600
  ORDER BY k.distance LIMIT 3;
SQL
