#!/bin/sh
# Measures kindred against its peers through SQL: fetches them with npm (once, into build/peers),
# builds, runs. Arguments go to bench_sql, e.g. ./bench/run.sh only=knn rounds=9
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."
peers=build/peers/node_modules
if [ ! -d "$peers/sqlite-vec" ] || [ ! -d "$peers/vectorlite" ] ||
  [ ! -d "$peers/@sqliteai/sqlite-vector" ]; then
  mkdir -p build/peers
  npm install --silent --no-fund --no-audit --prefix build/peers sqlite-vec@0.1.9 \
    vectorlite@0.2.0 @sqliteai/sqlite-vector@0.9.95
fi
cmake --preset bench >build/bench-configure.log
ninja -C build -j2 bench_sql >build/bench-build.log
vec0=$(find "$peers" -name vec0.so | head -n 1)
vectorlite=$(find "$peers" -name vectorlite.so | head -n 1)
vector=$(find "$peers" -path '*linux-x86_64/vector.so' | head -n 1)
exec build/bench/bench_sql "$PWD/build/kindred.so" "$PWD/$vec0" "vectorlite=$PWD/$vectorlite" \
  ${vector:+"vector=$PWD/$vector"} "$@"
