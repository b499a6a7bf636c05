#!/bin/sh
# check_format.sh - whether all C files are formatted; with --fix, format them.
set -eu
cd "$(dirname "$0")/.."

format=${CLANG_FORMAT:-clang-format-19}
if ! command -v "$format" >/dev/null 2>&1; then
    echo "check_format: $format not found (tools/setup.sh check installs it)" >&2
    exit 2
fi
files=$(find include src shell compat bench test -name '*.[ch]' | sort)
if [ "${1:-}" = --fix ]; then
    # shellcheck disable=SC2086 # one word a file
    exec "$format" -i $files
fi
# shellcheck disable=SC2086
exec "$format" --dry-run -Werror $files
