#!/usr/bin/env bash
# Loads the extension into the sqlite3 shell and compares what it prints with what it should.
# Usage: load_shell_test.sh EXTENSION. Exits with 77, ctest's mark for "skipped", without a shell.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
extension=$1
command -v sqlite3 >/dev/null || { printf 'no sqlite3 shell here\n'; exit 77; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

shell() { sqlite3 -batch -bail -init /dev/null -cmd ".load $extension" "$scratch/app.db" "$@"; }

# Fails with both texts unless $2, the answer of the shell, is $3.
expect() {
  [[ "$2" == "$3" ]] && { printf 'ok: %s\n' "$1"; return; }
  printf 'FAILED: %s\n--- got\n%s\n--- expected\n%s\n' "$1" "$2" "$3"
  exit 1
}

shell "CREATE VIRTUAL TABLE faq USING kindred(question, lang TEXT);
  INSERT INTO faq(question, lang) VALUES
    ('How do I reset my password?', 'en'), ('When does the shop open?', 'en'),
    ('Wie setze ich mein Passwort zurück?', 'de');"

expect 'knn() finds the row that is asked for, in a new process' \
  "$(shell "SELECT rowid FROM knn('faq', 'reset the password') ORDER BY distance LIMIT 1")" 1
expect 'MATCH filters by metadata' \
  "$(shell "SELECT rowid FROM faq WHERE faq MATCH 'reset password' AND lang = 'de' AND k = 2")" 3
expect 'ROLLBACK takes rows and vectors back' \
  "$(shell "BEGIN; DELETE FROM faq; SELECT count(*) FROM knn('faq', 'x'); ROLLBACK;
            SELECT count(*) FROM knn('faq', 'x');")" $'0\n3'
expect '.import fills a collection from CSV' \
  "$(printf 'Can I pay by invoice?,en\nDo you ship abroad?,en\n' >"$scratch/more.csv"
     shell ".import --csv $scratch/more.csv faq" \
       "SELECT count(*), max(rowid) FROM knn('faq', 'paying by invoice')")" '5|5'
expect '.dump and reading the dump give the same answers' \
  "$(shell .dump >"$scratch/dump.sql"
     sqlite3 -batch -init /dev/null -cmd ".load $extension" "$scratch/copy.db" <"$scratch/dump.sql" >&2
     sqlite3 -batch -init /dev/null -cmd ".load $extension" "$scratch/copy.db" \
       "SELECT rowid FROM knn('faq', 'pay by invoice') ORDER BY distance LIMIT 1")" 4
expect 'a dump of a collection with segments says what it lacks' \
  "$(shell "INSERT INTO faq(faq) VALUES('optimize')"
     shell .dump >"$scratch/dump.sql"
     sqlite3 -batch -init /dev/null -cmd ".load $extension" "$scratch/alone.db" <"$scratch/dump.sql" >&2
     alone() { sqlite3 -batch -init /dev/null -cmd ".load $extension" "$scratch/alone.db" "$1" 2>&1 || true; }
     alone "INSERT INTO faq(question) VALUES('x')" | grep -o 'copied without .*alone.db-kindred' |
       sed "s|$scratch/||"
     alone "SELECT count(*) FROM faq; DROP TABLE faq; SELECT count(*) FROM sqlite_schema")" \
  $'copied without alone.db-kindred\n5\n0'
expect 'DROP TABLE leaves nothing behind' \
  "$(shell 'DROP TABLE faq; SELECT count(*) FROM sqlite_schema')" 0
