#!/bin/sh
# test_install.sh - installs into a temporary folder, then builds and runs a small program against
# the pkg-config file (shared and static), the CMake package, and as C++ against the header; then one
# against the library with SQLite's interface, and the library as one file.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
work=$(mktemp -d) && [ -n "$work" ] || exit 2
trap 'rm -rf "$work"' EXIT INT TERM

tools/build.sh release gcc velocidb_product >/dev/null
cmake --install build/release --prefix "$work/prefix" >/dev/null
cat >"$work/use.c" <<'END'
#include <velocidb.h>

#include <stdio.h>
#include <string.h>

int
main(void)
{
    printf("%s %s\n", velo_version(), velo_status_name(VELO_IOERR_READ));
    return strcmp(velo_version(), VELO_VERSION) != 0 || velo_version_number() != VELO_VERSION_NUMBER;
}
END

pkg_folder=$(find "$work/prefix" -name velocidb.pc -exec dirname {} \;)
library_folder=$(dirname "$pkg_folder")
export PKG_CONFIG_PATH="$pkg_folder"
# shellcheck disable=SC2046 # flags are words
gcc -Wall -Werror "$work/use.c" $(pkg-config --cflags --libs velocidb) -o "$work/use_shared"
LD_LIBRARY_PATH="$library_folder" "$work/use_shared"
# shellcheck disable=SC2046
gcc -Wall -Werror "$work/use.c" $(pkg-config --cflags velocidb) "$library_folder/libvelocidb.a" \
    $(pkg-config --libs --static velocidb | sed 's/-lvelocidb//') -o "$work/use_static"
"$work/use_static"
if command -v g++ >/dev/null 2>&1; then
    # shellcheck disable=SC2046
    g++ -Wall -Wextra -Wpedantic -Werror -x c++ "$work/use.c" -x none \
        $(pkg-config --cflags --libs velocidb) -o "$work/use_cxx"
    LD_LIBRARY_PATH="$library_folder" "$work/use_cxx"
fi

mkdir "$work/project"
cp "$work/use.c" "$work/project/"
cat >"$work/project/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.21)
project(use C)
find_package(velocidb REQUIRED)
add_executable(use_shared use.c)
target_link_libraries(use_shared PRIVATE velocidb::velocidb)
add_executable(use_static use.c)
target_link_libraries(use_static PRIVATE velocidb::velocidb_static)
END
cmake -S "$work/project" -B "$work/project/build" -DCMAKE_PREFIX_PATH="$work/prefix" >/dev/null
cmake --build "$work/project/build" >/dev/null
"$work/project/build/use_shared"
"$work/project/build/use_static"

# The library may be unloaded while threads that used it still run.
cat >"$work/unload.c" <<'END'
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

static const char *path;

static void
ignore_line(void *user, const char *line)
{
    (void)user;
    (void)line;
}

static void *
use(void *unused)
{
    void *library = dlopen(path, RTLD_NOW);
    int (*report)(const char *, void (*)(void *, const char *), void *);

    (void)unused;
    if (library == NULL)
        return "dlopen";
    *(void **)&report = dlsym(library, "velo_machine_report");
    if (report == NULL || report("/tmp", ignore_line, NULL) != 0)
        return "report";
    (void)dlclose(library);
    return NULL;
}

int
main(int argc, char **argv)
{
    pthread_t thread;
    void *failure = NULL;

    path = argv[argc - 1];
    if (pthread_create(&thread, NULL, use, NULL) != 0 || pthread_join(thread, &failure) != 0)
        return 2;
    if (failure != NULL)
        puts(failure);
    return failure != NULL;
}
END
gcc -Wall -Werror "$work/unload.c" -pthread -ldl -o "$work/unload"
"$work/unload" "$library_folder/libvelocidb.so"

# Only what is marked VELO_API leaves the shared library.
leaked=$(nm -D --defined-only "$library_folder/libvelocidb.so" | awk '{print $3}' |
    grep -v '^velo_' || true)
if [ -n "$leaked" ]; then
    echo "symbols that should be hidden: $leaked" >&2
    exit 1
fi
"$work/prefix/bin/velocidb" --version

# The library for programs written for SQLite lies in folders of its own, and works from there.
cat >"$work/old.c" <<'END'
#include <sqlite3.h>
#include <stddef.h>

int
main(void)
{
    sqlite3 *db;

    return sqlite3_open(":memory:", &db) != SQLITE_OK ||
           sqlite3_exec(db, "CREATE TABLE t(a); INSERT INTO t VALUES (1)", NULL, NULL, NULL) !=
               SQLITE_OK ||
           sqlite3_close(db) != SQLITE_OK;
}
END
compat_folder=$(dirname "$(find "$work/prefix" -name libsqlite3.so.0)")
[ "$(basename "$compat_folder")" = compat ]
[ -z "$(find "$library_folder" -maxdepth 1 -name 'libsqlite3*')" ]
gcc -Wall -Werror -I"$work/prefix/include/velocidb/compat" "$work/old.c" \
    "$compat_folder/libsqlite3.so.0" -o "$work/old"
LD_LIBRARY_PATH="$compat_folder" "$work/old"

# The library as one file, in each compiler that is here.
for compiler in gcc clang-19; do
    if command -v "$compiler" >/dev/null 2>&1; then
        test/test_amalgamation.sh "$root" build/release "$compiler"
    fi
done
cd "$root"
