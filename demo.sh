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
  shell -cmd '.mode box --wrap 40 --wordwrap on' "$2"
}

rm -rf build/demo.db build/demo.db-*
shell <docs/demo/load.sql
printf 'demo.sh: %s\n' "$(shell "SELECT count(*) || ' notes in build/demo.db' FROM notes")"

ask '1. The notes nearest to a question: knn() yields rowid and distance.' \
  "SELECT n.topic, n.title, n.body, round(k.distance, 3) AS distance
FROM knn('notes', 'I have forgotten my passwords') AS k
JOIN notes AS n ON n.rowid = k.rowid
ORDER BY k.distance LIMIT 3;"

ask '2. The three nearest among the recipes: MATCH on the table itself, with a filter.' \
  "SELECT title, body, round(distance, 3) AS distance
FROM notes
WHERE notes MATCH 'a cake for a birthday party' AND topic = 'recipe' AND k = 3;"

ask '3. Under any WHERE: knn() goes on until LIMIT has its rows.' \
  "SELECT n.topic, n.title, n.body, round(k.distance, 3) AS distance
FROM knn('notes', 'repairing a punctured bicycle tyre') AS k
JOIN notes AS n ON n.rowid = k.rowid
WHERE n.topic <> 'help' AND (n.title LIKE '%bicycle%' OR length(n.body) < 160)
ORDER BY k.distance LIMIT 3;"

cat <<'END'

The built-in model has learned from texts which words mean much the same, so a question finds
notes on its subject that share few words with it: mend and repair, a birthday and a children's party.

Go on by yourself:

    sqlite3 -cmd '.load build/kindred' build/demo.db
END
