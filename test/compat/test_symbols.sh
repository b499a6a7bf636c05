#!/bin/sh
# test_symbols.sh - our libsqlite3.so.0 exports what the reference library does, and nothing of the
# engine.
#
# usage: test_symbols.sh LIBRARY LIST SOURCE ...
#
# LIST has the documented names that Debian's library exports. Those of an installed one are compared
# as well, but for its internal ones, which have no underscore behind "sqlite3". Each name that LIBRARY
# exports must be in one of the SOURCEs, which call all functions without what they work on.
set -eu
library=$1
list=$2
shift 2

if ! command -v nm >/dev/null 2>&1; then
    echo "test_symbols: SKIP, no nm"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
nm -D --defined-only "$library" | awk '$3 !~ /^__/ {print $3}' | sort -u >"$work/ours"
sort -u "$list" >"$work/wanted"
has_reference=no
for file in /usr/lib/*/libsqlite3.so.0; do
    [ -e "$file" ] || continue
    has_reference=yes
    nm -D --defined-only "$file" | awk '{print $3}' |
        grep -E '^sqlite3(_|session_|change|rebaser)' | grep -v '^sqlite3_fts\|^sqlite3_csr' >>"$work/wanted" || true
done
sort -u -o "$work/wanted" "$work/wanted"

failed=0
missing=$(comm -13 "$work/ours" "$work/wanted")
if [ -n "$missing" ]; then
    echo "test_symbols: missing:" $missing
    failed=1
fi
if [ $has_reference = no ]; then
    echo "test_symbols: no reference library is installed; only its list is compared"
fi
grep -ohwE 'sqlite3[a-z0-9_]*' "$@" | sort -u >"$work/called"
missing=$(comm -23 "$work/ours" "$work/called")
if [ -n "$missing" ]; then
    echo "test_symbols: never called without what they work on:" $missing
    failed=1
fi
if grep -E '^(velo_|vl_)' "$work/ours"; then
    echo "test_symbols: names of the engine are visible"
    failed=1
fi
echo "test_symbols: $(wc -l <"$work/wanted") names, $failed failed"
exit $failed
