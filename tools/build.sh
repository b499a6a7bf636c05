#!/bin/sh
# build.sh - configure and build one preset.
#
# usage: tools/build.sh PRESET [COMPILER [TARGET]]
#
# COMPILER is gcc (the default) or clang, which means the version that tools/setup.sh installs and
# builds in build/PRESET-clang. CC in the environment overrides it. TARGET is one of CMake's; without
# it all are built, tests and benchmarks too.
set -eu
cd "$(dirname "$0")/.."

preset=$1
compiler=${2:-gcc}
target=${3:-all}
folder=build/$preset
case $compiler in
gcc) cc=${CC:-gcc} ;;
clang)
    cc=${CLANG:-clang-19}
    folder=$folder-clang
    ;;
*)
    echo "build.sh: unknown compiler \"$compiler\"" >&2
    exit 2
    ;;
esac
jobs=$(nproc 2>/dev/null || echo 2)

mkdir -p "$folder"
log=$folder/configure.log
if ! cmake --preset "$preset" -B "$folder" -DCMAKE_C_COMPILER="$cc" >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
sed -n '/^-- VelociDB/,/^-- Conf/{/^-- Conf/!p}' "$log"
cmake --build "$folder" -j "$jobs" --target "$target" >"$folder/build.log" 2>&1 || {
    grep -E 'error|warning|Error|undefined' -A 6 "$folder/build.log" >&2 || cat "$folder/build.log" >&2
    exit 1
}
