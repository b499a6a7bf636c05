#!/bin/sh
# test_same.sh - our library answers as an installed one of SQLite's does.
#
# usage: test_same.sh PROGRAM FOLDER KNOWN
#
# PROGRAM prints what it is answered (same.c); FOLDER has our library. KNOWN is the difference between
# what it prints on SQLite 3.40.1 and on ours, as diff tells it: each line there is listed, with a
# reason, in docs/sqlite-compatibility.md or docs/sql.md. The answers of other versions differ in more.
set -eu
program=$1
folder=$2
known=$3

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if ! LD_LIBRARY_PATH=$folder "$program" >"$work/ours"; then
    echo "test_same: FAIL: the program ends with an error on our library"
    exit 1
fi
for file in /usr/lib/*/libsqlite3.so.0; do
    [ -e "$file" ] || continue
    if ! grep -q '2022-12-28 14:03:47' "$file"; then
        echo "test_same: SKIP, $file is not of version 3.40.1"
        continue
    fi
    LD_LIBRARY_PATH=$(dirname "$file") "$program" >"$work/theirs"
    diff "$work/theirs" "$work/ours" >"$work/got" || true
    if ! diff -u "$known" "$work/got"; then
        echo "test_same: FAIL: other differences than $known has"
        exit 1
    fi
    echo "test_same: $(wc -l <"$work/theirs") lines, $(grep -c '^<' "$known") of them known to differ"
done
