#!/bin/sh
# test_cplusplus.sh - a C++ program compiles against the header, and runs.
#
# usage: test_cplusplus.sh COMPILER SOURCE_ROOT SHARED_LIBRARY WORK_FOLDER
set -eu
"$1" -std=c++17 -Wall -Wextra -Wpedantic -Werror -I"$2/include" "$2/examples/cplusplus.cpp" "$3" \
    -o "$4/example_cplusplus"
[ "$(LD_LIBRARY_PATH=$(dirname "$3") "$4/example_cplusplus")" = "C++ 17" ]
