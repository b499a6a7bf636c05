#!/bin/sh
# check_tidy.sh - clang-tidy over all our C files, with the settings of .clang-tidy.
#
# usage: tools/check_tidy.sh [--paths] [FILE ...]
#
# --paths: the analyzer of paths, which takes most of the time, looks at what users get too, not at the
# tests. Without it the checks that look at a place alone are made.
set -eu
cd "$(dirname "$0")/.."

tidy=${CLANG_TIDY:-clang-tidy-19}
if ! command -v "$tidy" >/dev/null 2>&1; then
    echo "check_tidy: $tidy not found (tools/setup.sh check installs it)" >&2
    exit 2
fi
paths=--checks=-clang-analyzer-*
if [ "${1:-}" = --paths ]; then
    paths=
    shift
fi
tools/build.sh dev clang >/dev/null
if [ $# -eq 0 ]; then
    # shellcheck disable=SC2046
    set -- $(find src shell compat bench test -name '*.c' | sort)
fi
jobs=$(nproc 2>/dev/null || echo 2)
log=build/dev-clang/tidy.log

# Check the files on standard input, with further options for clang-tidy.
check() {
    xargs -r -P "$jobs" -n 4 "$tidy" --quiet --warnings-as-errors='*' -p build/dev-clang "$@" \
        >>"$log" 2>>"$log.err"
}

: >"$log"
: >"$log.err"
status=0
# shellcheck disable=SC2086 # none, or one word
printf '%s\n' "$@" | grep -v '^test/' | check $paths || status=1
printf '%s\n' "$@" | grep '^test/' | check '--checks=-clang-analyzer-*' || status=1
[ "$status" != 0 ] || exit 0
cat "$log"
grep -v 'warnings generated' "$log.err" || true
exit 1
