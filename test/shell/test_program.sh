#!/bin/sh
# test_program.sh - the program velocidb from outside: output, exit codes, bad arguments.
#
# usage: test_program.sh PROGRAM
set -u
program=$1
work=$(mktemp -d) && [ -n "$work" ] || exit 2
trap 'rm -rf "$work"' EXIT INT TERM
passed=0
failed=0
input=/dev/null

# expect NAME STATUS TEXT [ARGUMENT ...]: exit status, and a text in the output, if it is not empty.
expect() {
    name=$1
    wanted=$2
    text=$3
    shift 3
    HOME=$work "$program" "$@" >"$work/out" 2>&1 <"$input"
    status=$?
    if [ "$status" = "$wanted" ] && { [ -z "$text" ] || grep -qF -- "$text" "$work/out"; }; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL program: $name: status $status, not $wanted, or \"$text\" not in:"
        cat "$work/out"
    fi
}

expect version 0 'velocidb 0.1.0' --version
expect help 0 'usage: velocidb' --help
expect 'short help' 0 'usage: velocidb' -help
expect 'no argument' 0 ''
expect 'unknown option' 1 'velocidb: Error: unknown option: --nonsense' --nonsense
expect 'missing argument' 1 'velocidb: Error: missing argument to -separator' -separator
expect 'too many' 1 'unknown option: --machine' --machine a b
expect machine 0 'I/O: ' --machine
expect 'machine in a folder' 0 '<- best' --machine "$work"
expect 'absent folder' 1 "\"$work/absent\"" --machine "$work/absent"
VELO_IO=posix expect 'plain I/O' 0 'I/O: posix' --machine
VELO_CPU=baseline expect 'lower vectors' 0 'vectors: baseline' --machine

# SQL and dot commands as arguments, forms of results, and the exit status.
db=$work/a.db
expect 'a database' 0 '' "$db" "CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 'x y'), (2, NULL)"
[ -s "$db" ] || { echo "FAIL program: no database file"; failed=$((failed + 1)); }
expect list 0 '1|x y' "$db" 'SELECT * FROM t'
expect csv 0 '1,"x y"' -csv "$db" 'SELECT * FROM t'
expect json 0 '[{"a":1,"b":"x y"},' -json "$db" 'SELECT * FROM t'
expect box 0 '│ 1 │ x y │' -box "$db" 'SELECT * FROM t'
expect header 0 'a|b' -header "$db" 'SELECT * FROM t'
expect separator 0 '1; x y' -separator '; ' "$db" 'SELECT * FROM t'
expect nullvalue 0 '2|nil' --nullvalue nil "$db" 'SELECT * FROM t'
expect 'several arguments' 0 'third' "$db" 'SELECT 1' .tables '.print third'
expect 'bad SQL' 1 'Error: in prepare, no such table: nope' "$db" 'SELECT * FROM nope' '.print not'
expect 'failed step' 1 'Error: stepping, ' :memory: \
    'CREATE TABLE u(a PRIMARY KEY)' "INSERT INTO u VALUES('k'), ('k')"
expect 'bad command' 1 'unknown command or invalid arguments:  "nonsense"' :memory: .nonsense
expect 'before' 0 'before' -cmd '.print before' :memory: 'SELECT 1'
expect 'read only' 1 'Error: stepping, ' -readonly "$db" 'INSERT INTO t VALUES(3, 4)'
expect 'absent, read only' 1 'unable to open database' -readonly "$work/absent.db" 'SELECT 1'
expect 'absent folder for a database' 1 'unable to open database' "$work/absent/b.db" 'SELECT 1'
expect 'not a database' 1 'unable to open database' "$0" 'SELECT 1'
expect 'exit code' 7 '' :memory: '.exit 7'

# Standard input, the start-up file, and going on behind errors.
printf 'SELECT nope;\nSELECT 5 + 5;\n' >"$work/script"
input=$work/script
expect 'on behind an error' 1 '10' :memory:
expect 'line of an error' 1 'Parse error near line 1: no such column: nope' :memory:
expect 'stop at an error' 1 'Parse error' -bail :memory:
grep -q '^10$' "$work/out" && { echo "FAIL program: -bail goes on"; failed=$((failed + 1)); }
printf 'SELECT 1 AS one;\n' >"$work/script"
printf '.headers on\n' >"$work/.velocidbrc"
expect 'start-up file' 0 'one' :memory:
expect 'other start-up file' 1 'cannot open "no/such/file"' -init no/such/file :memory:
printf '.mode json\n' >"$work/init"
expect 'init' 0 '[{"one":1}]' -init "$work/init" :memory:
expect 'option after init' 0 'one = 1' -init "$work/init" -line :memory:
rm "$work/.velocidbrc"
input=/dev/null
if [ -e /dev/full ]; then
    if "$program" --version >/dev/full 2>/dev/null || "$program" --machine >/dev/full 2>/dev/null ||
        "$program" :memory: 'SELECT 1' >/dev/full 2>/dev/null; then
        failed=$((failed + 1))
        echo "FAIL program: a full output is not reported"
    else
        passed=$((passed + 1))
    fi
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
