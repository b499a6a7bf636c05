#!/bin/sh
# test_amalgamation.sh - the library as one file compiles alone, and works.
#
# usage: test_amalgamation.sh SOURCE_ROOT BUILD_FOLDER [COMPILER ...]   (default: cc)
set -eu
root=$1
build=$2
shift 2
[ $# -gt 0 ] || set -- cc
work=$(mktemp -d) && [ -n "$work" ] || exit 2
trap 'rm -rf "$work"' EXIT INT TERM
"$root/tools/amalgamate" "$build" "$work"
for compiler in "$@"; do
    "$compiler" -std=c17 -O0 -w -I"$work" "$work/velocidb.c" "$root/examples/query.c" -pthread -lm \
        -o "$work/query"
    "$work/query" | grep -q '^City 3 has 3000$'
done
