#!/bin/bash
# check.sh - runs checks and counts them.
#
# usage: tools/check.sh quick          unit tests of the dev build, tree check
#        tools/check.sh full           every preset but coverage with gcc or clang, format, tidy, tree,
#                                      install
#        tools/check.sh long           full, coverage, the other compiler of each preset, 100,000 power
#                                      cuts and more, and that each check fails on a planted fault
#        tools/check.sh suite PRESET   one preset (fuzz with clang, else gcc)
#
# VELO_CHECKED=PRESET in the environment: that preset was run with gcc just now, full leaves it out.
#
# Prints one line a step and what failed; the last line counts: "N passed, N failed".
set -u
cd "$(dirname "$0")/.." || exit 2

passed=0
failed=0
skipped=0

# Run a command as one check; show its output only when it fails.
step() {
    local name=$1 start=$SECONDS log
    shift
    log=$(mktemp) || exit 2
    if "$@" >"$log" 2>&1; then
        passed=$((passed + 1))
        printf '%-28s ok       %4d s\n' "$name" $((SECONDS - start))
        rm -f "$log"
        return 0
    fi
    failed=$((failed + 1))
    printf '%-28s FAILED   %4d s\n' "$name" $((SECONDS - start))
    tail -n 120 "$log"
    rm -f "$log"
    return 1
}

# Add up the "N passed, N failed" lines of a ctest log.
count_tests() {
    local folder=$1 status=$2 p f s programs=0
    read -r p f s < <(awk '
        /[0-9]+ passed, [0-9]+ failed/ {
            for (i = 2; i <= NF; i++) {
                if ($i ~ /^passed/) p += $(i - 1)
                if ($i ~ /^failed/) f += $(i - 1)
                if ($i ~ /^skipped/) s += $(i - 1)
            }
        }
        END { print p + 0, f + 0, s + 0 }' "$folder/Testing/Temporary/LastTest.log")
    # A program that crashed has no line of its own.
    if [ "$status" != 0 ]; then
        programs=$(wc -l <"$folder/Testing/Temporary/LastTestsFailed.log" 2>/dev/null || echo 1)
        [ "$f" -ge "$programs" ] || f=$programs
        [ "$f" -gt 0 ] || f=1
    fi
    passed=$((passed + p))
    failed=$((failed + f))
    skipped=$((skipped + s))
    printf '%-28s %s passed, %s failed, %s skipped' "" "$p" "$f" "$s"
}

# Build one preset with one compiler and run its tests.
suite() {
    local preset=$1 compiler=$2 folder=build/$1 start=$SECONDS status=0
    [ "$compiler" = gcc ] || folder=$folder-$compiler
    step "build $preset $compiler" tools/build.sh "$preset" "$compiler" || return 1
    rm -rf "$folder/Testing"
    start=$SECONDS
    ctest --test-dir "$folder" --output-on-failure --no-tests=error -j "$(nproc)" >"$folder/ctest.log" 2>&1 ||
        status=$?
    count_tests "$folder" "$status"
    printf '   %4d s\n' $((SECONDS - start))
    if [ "$status" != 0 ]; then
        grep -E '^(FAIL|SKIP)|ERROR|SUMMARY|WARNING|velocidb: check failed|\*\*\*' \
            "$folder/ctest.log" | head -n 100
        echo "(all of it: $folder/ctest.log)"
        return 1
    fi
    grep -h '^SKIP' "$folder/Testing/Temporary/LastTest.log" | sort -u | sed 's/^/    /'
    return 0
}

quick() {
    suite dev gcc
    step "tree" tools/check_tree --no-compile
}

full() {
    local preset
    for preset in dev tiny tsan release; do
        [ "$preset" = "${VELO_CHECKED:-}" ] || suite "$preset" gcc
    done
    step "build dev clang" tools/build.sh dev clang # its tests run with the sanitizers
    suite asan clang
    suite fuzz clang # libFuzzer is clang's; gcc replays the corpora in every preset above
    step "format" tools/check_format.sh
    step "tidy" tools/check_tidy.sh
    step "tree" tools/check_tree
    step "tree check's own tests" tools/test_check_tree
    step "install" tools/test_install.sh
}

case ${1:-} in
quick) quick ;;
full) full ;;
long)
    full
    suite asan gcc
    suite dev clang
    suite coverage gcc
    for preset in tiny tsan release coverage; do
        suite "$preset" clang
    done
    step "tidy, with paths" tools/check_tidy.sh --paths
    step "power cuts" tools/check_cuts.sh
    step "planted faults" tools/test_planted_faults.sh
    ;;
suite)
    if [ "${2:?preset}" = fuzz ]; then
        suite fuzz clang
    else
        suite "$2" gcc
    fi
    ;;
*)
    echo "usage: tools/check.sh quick|full|long|suite PRESET" >&2
    exit 2
    ;;
esac
if [ "$skipped" -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
[ "$failed" = 0 ]
