#!/bin/sh
# test_scripts.sh - the shell running scripts: what it prints, to both outputs, and its exit status.
#
# usage: test_scripts.sh PROGRAM FOLDER NAME ...
#        test_scripts.sh --write PROGRAM FOLDER NAME ...   write what is expected; look at it
#
# Runs FOLDER/NAME.sql in a folder of its own, with no start-up file, and compares with
# FOLDER/NAME.out.
set -u
writes=0
if [ "$1" = --write ]; then
    writes=1
    shift
fi
program=$(realpath "$1")
folder=$(realpath "$2")
shift 2
work=$(mktemp -d) && [ -n "$work" ] || exit 2
trap 'rm -rf "$work"' EXIT INT TERM
passed=0
failed=0

for name in "$@"; do
    mkdir "$work/$name" || exit 2
    (
        cd "$work/$name" || exit 2
        HOME=$work LC_ALL=C "$program" <"$folder/$name.sql" >"../$name.got" 2>&1
        echo "exit $?" >>"../$name.got"
    )
    if [ $writes = 1 ]; then
        cp "$work/$name.got" "$folder/$name.out"
    elif diff -u "$folder/$name.out" "$work/$name.got" >"$work/$name.diff"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL script $name:"
        cat "$work/$name.diff"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
