#!/usr/bin/env bash
# Runs load_node_test.js with better-sqlite3, installed by npm into a folder of the build and kept
# there. Usage: load_node_test.sh FOLDER EXTENSION. Exits with 77, ctest's mark for "skipped", where
# node, npm or the network is missing.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
version=12.11.1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$1
extension=$2

skip() {
  printf 'better-sqlite3 is not tested: %s\n' "$*"
  exit 77
}

usable() {
  node -e 'const D = require(process.argv[1]); new D(":memory:")' \
    "$folder/node_modules/better-sqlite3" 2>/dev/null
}

command -v node >/dev/null || skip "no node here"
if ! usable; then
  command -v npm >/dev/null || skip "no npm here"
  mkdir -p "$folder"
  # It compiles a SQLite, about a minute, where no prebuilt binary is to be had.
  timeout 600 npm install --prefix "$folder" --no-audit --no-fund "better-sqlite3@$version" \
    >"$folder/npm.log" 2>&1 || skip "npm install failed, see npm.log in the build's npm folder"
  usable || skip "it was installed but does not load, see npm.log in the build's npm folder"
fi
exec node "$here/load_node_test.js" "$folder" "$extension"
