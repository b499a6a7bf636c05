#!/bin/bash
# layout_misses.sh - cache misses of each series of bench_layout, counted by cachegrind.
#
# usage: bench/layout_misses.sh [PROGRAM]
#
# Prints data references, first-level and last-level misses for one search: the difference between
# a run and one of twice as many searches, so that making the pages counts for nothing. Needs valgrind.
set -eu
cd "$(dirname "$0")/.."

program=${1:-build/release/bench_layout}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# The three numbers of a series at a scale.
count() {
    valgrind --tool=cachegrind --cache-sim=yes --I1=32768,8,64 --D1=32768,8,64 --LL=1048576,16,64 \
        --cachegrind-out-file="$folder/out" "$program" --runs 1 --scale "$2" --only "$1" \
        >/dev/null 2>"$folder/log"
    # events: Ir I1mr ILmr Dr D1mr DLmr Dw D1mw DLmw
    awk '/^summary:/ { print $5 + $8, $6 + $9, $7 + $10 }' "$folder/out"
}

printf '%-34s %10s %10s %10s\n' series references first last
for series in "keys, whole" "keys, without aligned header" "keys, without head array" \
    "keys, without heads" "keys, without prefix" "rowids, whole" "rowids, without aligned header" \
    "rowids, without arrays" "leaves, whole" "leaves, without dense rowids" "leaves, in order of arrival"; do
    read -r r1 f1 l1 < <(count "$series" 25)
    read -r r2 f2 l2 < <(count "$series" 50)
    # 25 % more of 200,000 searches, and as many more in the round that warms up
    awk -v s="$series" -v r=$((r2 - r1)) -v f=$((f2 - f1)) -v l=$((l2 - l1)) \
        'BEGIN { n = 100000; printf "%-34s %10.1f %10.2f %10.2f\n", s, r / n, f / n, l / n }'
done
