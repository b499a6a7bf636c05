#!/bin/sh
# test_extension.sh - an extension gives the same on our library as on SQLite's.
#
# usage: test_extension.sh PROGRAM LINES WANTED LIBRARY EXTENSION...
#
# PROGRAM is extension_run. What it prints for our LIBRARY with each EXTENSION (compiled against our
# header, and against an installed one of SQLite's) is WANTED; so is what it prints for SQLite's
# library, where there is one.
set -eu
program=$1
lines=$2
wanted=$3
library=$4
shift 4

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
for extension in "$@"; do
    for file in "$library" /usr/lib/*/libsqlite3.so.0; do
        [ -e "$file" ] || continue
        if ! "$program" "$file" "$extension" "$lines" >"$work/got"; then
            echo "test_extension: FAIL: $program ends with an error on $file with $extension"
            failed=1
        fi
        if ! diff -u "$wanted" "$work/got"; then
            echo "test_extension: FAIL: another result of $file with $extension"
            failed=1
        fi
    done
done
exit "$failed"
