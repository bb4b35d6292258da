#!/bin/sh
# Calls each function of sqlite-vec 0.1.9 and ours on the same arguments and lists what differs. Run
# by hand after bench/bench_scalar.py has fetched the package; the differences left are those that
# docs/sql.md names, and last digits of distances.
#     tests/compare_sqlite_vec.sh [path of kindred.so, build/kindred.so by default]
# SPDX-License-Identifier: Apache-2.0
root=$(cd "$(dirname "$0")/.." && pwd)
ours=${1:-$root/build/kindred.so}
theirs=$(find "$root/build/peers" -name vec0.so 2>/dev/null | head -n 1)
if [ -z "$theirs" ]; then
  echo "SKIPPED: no sqlite-vec under build/peers; bench/bench_scalar.py fetches it"
  exit 0
fi

# One line a call: its value as an SQL literal, or "error" whatever the text.
answers() {
  while read -r call; do
    value=$(sqlite3 :memory: ".load $1 $2" "SELECT quote($call);" 2>/dev/null) || value=error
    echo "$call => $value"
  done
}

calls() {
  for f in vec_f32 vec_int8 vec_bit vec_type vec_length vec_normalize vec_quantize_binary; do
    for v in "'[1,2,3,4,5,6,7,-8]'" "'[0.5]'" "'[1e-300]'" "'[1,2'" "'[]'" "'abc'" "x'0000803f'" \
      "x'00'" "x''" 5 2.5 NULL "vec_int8('[1,-2,0,4,-5,6,-7,8]')" "vec_bit(x'0f01')"; do
      echo "$f($v)"
    done
  done
  for f in vec_add vec_sub vec_distance_l2 vec_distance_l1 vec_distance_cosine vec_distance_hamming; do
    for p in "'[1,2.5]','[3,-4]'" "'[1]','[1,2]'" "'[0,0]','[1,2]'" "'[1]',vec_int8('[1]')" "'[1]',5" \
      "vec_int8('[100,-128]'),vec_int8('[100,127]')" "vec_bit(x'ff00'),vec_bit(x'0f01')"; do
      echo "$f($p)"
    done
  done
  for v in "'[1,2,3,4]'" "vec_int8('[1,2,3,4]')" "vec_bit(x'01020304')"; do
    for range in 0,2 1,4 2,2 3,2 -1,2 0,-1 0,8 8,16 1,9 0,9 8,40; do echo "vec_slice($v,$range)"; done
  done
  for v in "'[0,1,-1,0.5]'" "'[0.1,0.003,-0.004,0.999,2,-3]'"; do
    echo "vec_quantize_int8($v,'unit')"
    echo "vec_quantize_int8($v,'max')"
  done
  echo "vec_to_json(vec_int8('[1,-2]'))"
  echo "vec_to_json(vec_bit(x'0f01'))"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
calls >"$work/calls"
answers "$theirs" sqlite3_vec_init <"$work/calls" >"$work/sqlite-vec"
answers "$ours" sqlite3_kindred_init <"$work/calls" >"$work/kindred"
echo "$(wc -l <"$work/calls") calls; < sqlite-vec, > kindred"
diff "$work/sqlite-vec" "$work/kindred"
