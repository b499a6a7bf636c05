#!/bin/sh
# test_symbols.sh - our libsqlite3.so.0 exports what the reference library does, and nothing of the
# engine.
#
# usage: test_symbols.sh LIBRARY LIST
#
# LIST has the documented names that Debian's library exports. Those of an installed one are compared
# as well, but for its internal ones, which have no underscore behind "sqlite3".
set -eu
library=$1
list=$2

if ! command -v nm >/dev/null 2>&1; then
    echo "test_symbols: SKIP, no nm"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
nm -D --defined-only "$library" | awk '{print $3}' | sort -u >"$work/ours"
sort -u "$list" >"$work/wanted"
for file in /usr/lib/*/libsqlite3.so.0; do
    [ -e "$file" ] || continue
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
if grep -E '^(velo_|vl_)' "$work/ours"; then
    echo "test_symbols: names of the engine are visible"
    failed=1
fi
echo "test_symbols: $(wc -l <"$work/wanted") names, $failed failed"
exit $failed
