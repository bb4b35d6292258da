#!/usr/bin/env bash
# Builds build/kindred.so, loads the notes of docs/demo/notes.csv into build/demo.db through it, and
# asks three questions. Each run starts from an empty database.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

./build.sh kindred

# The user's own ~/.sqliterc stays out of it: it could change how rows are printed.
shell() { sqlite3 -batch -bail -init /dev/null -cmd '.load build/kindred' build/demo.db "$@"; }

# Runs one statement and shows it with its answer.
ask() {
  printf '\n%s\n\n%s\n\n' "$1" "$(sed 's/^/    /' <<<"$2")"
  shell -cmd '.mode box --wrap 56' "$2"
}

rm -rf build/demo.db build/demo.db-*
shell <docs/demo/load.sql
printf 'demo.sh: %s\n' "$(shell "SELECT count(*) || ' notes in build/demo.db' FROM notes")"

ask '1. Which notes are nearest to a question? knn() gives rowid and distance, nearest first.' \
  "SELECT n.topic, n.title, n.body, round(k.distance, 3) AS distance
FROM knn('notes', 'I forgot my password and cannot sign in') AS k
JOIN notes AS n ON n.rowid = k.rowid
ORDER BY k.distance LIMIT 3;"

ask '2. The nearest three among the recipes only: MATCH on the table itself, with a filter.' \
  "SELECT title, body, round(distance, 3) AS distance
FROM notes
WHERE notes MATCH 'something sweet for a birthday' AND topic = 'recipe' AND k = 3;"

ask '3. Any WHERE at all: knn() goes on until LIMIT has its rows, whatever the condition drops.' \
  "SELECT n.topic, n.title, n.body, round(k.distance, 3) AS distance
FROM knn('notes', 'watering tomato plants in a dry summer') AS k
JOIN notes AS n ON n.rowid = k.rowid
WHERE n.topic <> 'garden' AND length(n.body) < 400 AND n.title NOT LIKE '%soup%'
ORDER BY k.distance LIMIT 3;"

cat <<'END'

Go on by yourself:

    sqlite3 -cmd '.load build/kindred' build/demo.db
END
