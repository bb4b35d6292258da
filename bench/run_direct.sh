#!/bin/sh
# Measures knn() through SQL against hnswlib and usearch called directly: fetches usearch with npm
# (once, into build/peers), builds, runs. Arguments go to bench_direct, e.g. rounds=9
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."
if [ ! -d build/peers/node_modules/usearch ]; then
  mkdir -p build/peers
  npm install --silent --no-fund --no-audit --ignore-scripts --prefix build/peers usearch@2.25.3
fi
cmake --preset bench >build/bench-configure.log
ninja -C build -j2 bench_direct >build/bench-build.log
mkdir -p build/peers/indexes
exec build/bench/bench_direct "$PWD/build/kindred.so" build/peers/indexes "$@"
