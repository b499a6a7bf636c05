#!/bin/sh
# test_program.sh - the program velocidb from outside: output, exit codes, bad arguments.
#
# usage: test_program.sh PROGRAM
set -u
program=$1
work=$(mktemp -d) && [ -n "$work" ] || exit 2
trap 'rm -rf "$work"' EXIT INT TERM
passed=0
failed=0

# expect NAME STATUS TEXT [ARGUMENT ...]: exit status, and a text in the output.
expect() {
    name=$1
    wanted=$2
    text=$3
    shift 3
    "$program" "$@" >"$work/out" 2>&1
    status=$?
    if [ "$status" = "$wanted" ] && grep -qF -- "$text" "$work/out"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL program: $name: status $status, not $wanted, or \"$text\" not in:"
        cat "$work/out"
    fi
}

expect version 0 'velocidb 0.1.0' --version
expect help 0 'usage: velocidb' --help
expect 'no argument' 2 'usage: velocidb'
expect 'unknown argument' 2 'unknown argument "--nonsense"' --nonsense
expect 'too many' 2 'usage' --machine a b
expect machine 0 'I/O: ' --machine
expect 'machine in a folder' 0 '<- best' --machine "$work"
expect 'absent folder' 1 "\"$work/absent\"" --machine "$work/absent"
VELO_IO=posix expect 'plain I/O' 0 'I/O: posix' --machine
VELO_CPU=baseline expect 'lower vectors' 0 'vectors: baseline' --machine
if [ -e /dev/full ]; then
    if "$program" --version >/dev/full 2>/dev/null || "$program" --machine >/dev/full 2>/dev/null; then
        failed=$((failed + 1))
        echo "FAIL program: a full output is not reported"
    else
        passed=$((passed + 1))
    fi
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
