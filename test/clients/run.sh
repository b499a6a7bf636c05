#!/bin/sh
# run.sh - programs and their own tests on the library with SQLite's interface.
#
# usage: test/clients/run.sh BUILD [SUITES]
#
# BUILD is a build folder with compat/libsqlite3.so.0. What is not installed is skipped. SUITES is a
# folder with sources that are not ours, as README.md says how to get them; their tests are run, too.
# The last line counts clients; the exit status says whether one failed.
set -u
here=$(cd "$(dirname "$0")" && pwd)
library=$(cd "$1/compat" && pwd) || exit 2
suites=${2:+$(cd "$2" && pwd)}
folder=$(mktemp -d "${TMPDIR:-/tmp}/clients.XXXXXX") || exit 2
trap 'rm -rf "$folder"' EXIT
passed=0
failed=0

# Run a client on our library, or say that it is not there.
client() {
    name=$1
    shift
    if ! command -v "$1" >/dev/null; then
        echo "$name: skipped, $1 is not installed"
        return
    fi
    if LD_LIBRARY_PATH=$library "$@" >"$folder/output" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        sed 's/^/    /' "$folder/output" | tail -40
        echo "$name: failed"
    fi
    tail -1 "$folder/output"
}

# The shell says the same on both libraries.
shell() {
    for of in ours theirs; do
        mkdir "$folder/$of"
        (
            cd "$folder/$of" || exit 1
            test $of = theirs || LD_LIBRARY_PATH=$library && export LD_LIBRARY_PATH
            sed "s,FOLDER,.,g" "$here/shell.sql" | sqlite3 shell.db 2>&1 | sed "s,$folder/$of,.,"
        ) >"$folder/$of.txt"
    done
    diff "$folder/ours.txt" "$folder/theirs.txt" &&
        echo "shell: $(wc -l <"$folder/ours.txt") lines are the same on both libraries"
}

# The .t files of DBD::SQLite, one by one.
perl_suite() {
    cd "$1" || return 1
    good=0
    bad=
    for file in t/*.t; do
        if timeout 60 perl -It/lib -I. "$file" >"$folder/perl" 2>&1; then
            good=$((good + 1))
        else
            bad="$bad $file"
        fi
    done
    echo "DBD::SQLite: $good files passed, failed:${bad:- none}"
    test -z "$bad"
}

if command -v sqlite3 >/dev/null; then
    if shell; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
fi
php -m 2>/dev/null | grep -q pdo_sqlite && client php php "$here/client.php" "$folder"
ruby -e "require 'sqlite3'" 2>/dev/null && client ruby ruby "$here/client.rb" "$folder"
for perl in "$suites"/libdbd-sqlite3-perl-*/; do
    test -n "$suites" && test -d "$perl" || continue
    LD_LIBRARY_PATH=$library
    export LD_LIBRARY_PATH
    if perl_suite "$perl"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    unset LD_LIBRARY_PATH
done
for alchemy in "$suites"/SQLAlchemy-*/ "$suites"/sqlalchemy-*/; do
    test -n "$suites" && test -d "$alchemy" || continue
    cd "$alchemy" && client SQLAlchemy python3 -m pytest -q -p no:logging \
        test/dialect/test_sqlite.py test/dialect/test_suite.py --db sqlite_file
done
for django in "$suites"/Django-*/ "$suites"/django-*/; do
    test -n "$suites" && test -d "$django" || continue
    cd "$django/tests" && client Django python3 runtests.py --parallel=1 basic queries lookup \
        aggregation annotations expressions expressions_window backends transactions schema \
        migrations indexes constraints introspection bulk_create update delete model_fields \
        db_functions
done
for better in "$suites"/better-sqlite3*/; do
    test -n "$suites" && test -d "$better/build/Release" || continue
    cd "$better" && client better-sqlite3 npx mocha --exit --timeout=10000
done
echo "clients: $passed passed, $failed failed"
test $failed -eq 0
