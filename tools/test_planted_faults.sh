#!/bin/bash
# test_planted_faults.sh - shows that each check can fail: plants a fault in a copy of the tree,
# runs the check that should find it, and expects it to fail.
#
# usage: tools/test_planted_faults.sh [NAME ...]     names as printed; all by default
set -u
cd "$(dirname "$0")/.." || exit 2

work=$(mktemp -d) && [ -n "$work" ] || exit 2
trap 'rm -rf "$work"' EXIT INT TERM
git ls-files -co --exclude-standard -z | xargs -0 cp --parents -t "$work" || exit 2
cd "$work" || exit 2
git init -q . && git add -A

passed=0
failed=0
wanted=" $* "

# Replace TEXT by OTHER in FILE (fixed strings, first occurrence); fails when TEXT is not there.
plant() {
    python3 - "$1" "$2" "$3" <<'END'
import sys
path, text, other = sys.argv[1:]
content = open(path).read()
if text not in content:
    sys.exit(f"planting failed: {path} does not contain {text!r}")
open(path, "w").write(content.replace(text, other, 1))
END
}

# expect NAME FILE TEXT OTHER COMMAND...: the command passes before, and fails with the fault.
expect() {
    local name=$1 file=$2 text=$3 other=$4 log=$work/log
    shift 4
    if [ "$wanted" != "  " ] && [[ $wanted != *" $name "* ]]; then
        return
    fi
    cp "$file" "$work/saved"
    if ! "$@" >"$log" 2>&1; then
        echo "$name: fails without a fault:"
        tail -n 30 "$log"
        failed=$((failed + 1))
    elif ! plant "$file" "$text" "$other"; then
        failed=$((failed + 1))
    elif "$@" >"$log" 2>&1; then
        echo "$name: did not find its fault"
        failed=$((failed + 1))
    else
        echo "$name: found"
        passed=$((passed + 1))
    fi
    cp "$work/saved" "$file"
}

# Build one preset and run one of its tests.
run_test() {
    local preset=$1 compiler=$2 test=$3 folder=build/$1
    [ "$compiler" = gcc ] || folder=$folder-$compiler
    tools/build.sh "$preset" "$compiler" && ctest --test-dir "$folder" -R "^$test\$" --no-tests=error
}

for compiler in gcc clang; do
    expect "unit-$compiler" src/base/rng.c '* 9' '* 7' run_test dev $compiler test_rng
    expect "warning-$compiler" src/base/rng.c 'uint64_t shifted = s[1] << 17;' \
        'uint64_t shifted = s[1] << 17; int shorter = s[0];' tools/build.sh dev $compiler
    expect "address-$compiler" src/base/rng.c 'for (size_t i = 0; i < size; i++)' \
        'for (size_t i = 0; i <= 64; i++)' run_test asan $compiler test_rng
    expect "undefined-$compiler" src/base/bytes.h '((uint64_t)value << 1) ^' \
        '((uint64_t)(value << 1)) ^' run_test asan $compiler test_bytes
    expect "thread-$compiler" src/base/latch.h 'memory_order_release);
    if (VL_UNLIKELY((word & VL_LATCH_WAITERS)' 'memory_order_relaxed);
    if (VL_UNLIKELY((word & VL_LATCH_WAITERS)' run_test tsan $compiler test_latch
done
expect tiny src/base/arena.c 'arena->next = result + size;' \
    'arena->next = result + (VL_TINY ? size / 2 : size);' run_test tiny gcc test_arena
expect leak src/os/os.c 'vl_free(file->path);
    vl_free(file);' 'vl_free(file);' run_test dev gcc test_os_posix
expect rank src/base/latch.c 'return place_held < place_wanted ||' \
    'return place_held != place_wanted + 1 ||' run_test dev gcc test_latch
expect fuzz src/base/bytes.h 'if ((size_t)(end - from) < size)' 'if (end == from)' \
    run_test asan gcc fuzz_varint_replay
expect libfuzzer src/base/bytes.h 'if ((size_t)(end - from) < size)' 'if (end == from)' \
    run_test fuzz clang fuzz_varint
expect format src/base/rng.c 'uint64_t *s = rng->state;' 'uint64_t * s = rng->state;' \
    tools/check_format.sh
expect tidy src/base/rng.c 'uint8_t *to = data;' \
    'uint8_t *to = data; memset(data, sizeof(rng), 0);' \
    tools/check_tidy.sh src/base/rng.c
expect tree src/base/rng.c '#include "base/assert.h"' '#include "os/io.h"' \
    tools/check_tree --no-compile
expect header src/base/rng.h '#include "base/platform.h"' '#include <stddef.h>' tools/check_tree
expect install include/velocidb.h 'VELO_API const char *velo_version' 'const char *velo_version' \
    tools/test_install.sh
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
