#!/bin/sh
# bench.sh - runs every benchmark of the release build; tables on standard output, JSON beside.
#
# usage: tools/bench.sh [OPTION VALUE ...]     options as in bench/lib/bench.h
set -eu
cd "$(dirname "$0")/.."

mkdir -p build/bench
for program in bench_latch bench_durable bench_node bench_read bench_wal; do
    "build/release/$program" --json "build/bench/$program.json" "$@"
done
