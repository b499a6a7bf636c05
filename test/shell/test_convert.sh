#!/bin/sh
# test_convert.sh - databases of SQLite's, there and back: what SQLite has made is converted, and
# what comes back is whole to it and has the same text.
#
# usage: test_convert.sh PROGRAM [PAGE_SIZE ...]
#
# Needs the program sqlite3; without it nothing is tested, and the exit status is 77.
set -u
program=$(realpath "$1")
shift
[ $# -gt 0 ] || set -- 512 4096 65536
command -v sqlite3 >/dev/null 2>&1 || exit 77
work=$(mktemp -d) && [ -n "$work" ] || exit 2
trap 'rm -rf "$work"' EXIT INT TERM
cd "$work" || exit 2
passed=0
failed=0

# check NAME: the last command's status is 0.
check()
{
    if [ "$?" = 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL $1"
    fi
}

# make ENCODING PAGE_SIZE: SQL of a database with one of everything.
make()
{
    cat <<SQL
PRAGMA synchronous=OFF; PRAGMA encoding='$1'; PRAGMA page_size=$2;
PRAGMA user_version=-77; PRAGMA application_id=1234567;
CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT, n REAL, t TEXT COLLATE NOCASE UNIQUE, b BLOB,
    v AS (id*2), s AS (n+1) STORED);
WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i<600) INSERT INTO a(id,n,t,b)
    SELECT i*3, i/4.0, 'täxt '||i||char(128512), zeroblob(i%50) FROM c;
INSERT INTO a(n,t,b) VALUES(1, 'long '||hex(zeroblob(900)), zeroblob(1500));
CREATE INDEX a_n ON a(n DESC, t);
CREATE INDEX a_e ON a(abs(id-3000), v) WHERE id%2=0;
CREATE INDEX a_s ON a(s, b);
CREATE TABLE w(k TEXT COLLATE RTRIM, x INT, y, big, PRIMARY KEY(x DESC, k)) WITHOUT ROWID;
WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i<900)
    INSERT INTO w SELECT 'k'||(i%7)||'  ', i%100*1000+i, hex(zeroblob(i%200)), NULL FROM c;
UPDATE w SET big = hex(zeroblob(50000))||k WHERE x % 100000 = 99;
CREATE INDEX w_y ON w(y, k COLLATE NOCASE);
CREATE TABLE m(a,b DEFAULT 5, "we""ird");
INSERT INTO m(rowid,a) VALUES(-5,1),(9223372036854775806,-9223372036854775808),(0,x'00'),(7,''),
    (8,0.5);
ALTER TABLE m ADD COLUMN z TEXT DEFAULT 'new''';
INSERT INTO m(a) SELECT NULL;
DELETE FROM m WHERE rowid=7;
CREATE TABLE e(q);
INSERT INTO e VALUES(zeroblob(100000)),(hex(randomblob(9000))||char(128512));
CREATE VIEW vw AS SELECT a, z FROM m;
CREATE TRIGGER tr AFTER INSERT ON m BEGIN UPDATE m SET b=1 WHERE rowid=new.rowid; END;
CREATE TABLE f(a REFERENCES a(id), b);
INSERT INTO f VALUES(99999,1);
INSERT INTO e VALUES(1e300),(-0.0),(1e18),(9007199254740993),(x'ff'),('a'||char(0)||'b');
CREATE TABLE gone(i INTEGER PRIMARY KEY AUTOINCREMENT); DROP TABLE gone;
ANALYZE;
SQL
}

# text FILE: what SQLite says of a database, without the statistics that only it makes.
text()
{
    sqlite3 "$1" 'PRAGMA user_version; PRAGMA application_id;' .dump | grep -v sqlite_stat4
}

round_trip()
{
    "$program" convert "$1.sqlite" "$1.vdb" && "$program" convert "$1.vdb" "$1.back"
    check "convert $1"
    [ "$(sqlite3 "$1.back" 'PRAGMA integrity_check')" = ok ]
    check "integrity of $1"
    [ "$("$program" "$1.vdb" 'PRAGMA integrity_check')" = ok ]
    check "integrity of ours of $1"
    text "$1.sqlite" >"$1.text"
    text "$1.back" | diff "$1.text" - | head -8 >"$1.diff"
    cat "$1.diff"
    [ ! -s "$1.diff" ]
    check "text of $1"
}

for size in "$@"; do
    for encoding in UTF-8 UTF-16le UTF-16be; do
        make "$encoding" "$size" | sqlite3 "$encoding.$size.sqlite"
        round_trip "$encoding.$size"
    done
done

# Nothing in it; only a schema, of more than a page.
sqlite3 empty.sqlite 'VACUUM'
round_trip empty
(
    printf 'PRAGMA synchronous=OFF; PRAGMA page_size=512;'
    for i in $(seq 1 40); do
        printf 'CREATE TABLE t%s(a, b -- %0*d\n);' "$i" "$((i * 20 % 470 + 1))" 0
    done
) | sqlite3 schema.sqlite
round_trip schema

# A write-ahead log whose transactions are not in the file, as another program left it.
sqlite3 live.sqlite 'PRAGMA journal_mode=WAL; CREATE TABLE t(a); INSERT INTO t VALUES(1);' \
    'PRAGMA wal_checkpoint;' 'INSERT INTO t VALUES(2);' '.shell cp live.sqlite wal.sqlite' \
    '.shell cp live.sqlite-wal wal.sqlite-wal' >/dev/null
cp wal.sqlite before && cp wal.sqlite-wal before-wal
"$program" convert wal.sqlite wal.vdb && [ "$("$program" wal.vdb 'SELECT group_concat(a) FROM t')" = 1,2 ]
check "log"
cmp before wal.sqlite && cmp before-wal wal.sqlite-wal
check "log unchanged"

# A rollback journal that was left behind; one that has ended.
sqlite3 hot.sqlite 'CREATE TABLE t(a)'
printf 'x' >hot.sqlite-journal
"$program" convert hot.sqlite hot.vdb 2>err
[ $? = 1 ] && grep -q 'hot.sqlite-journal belongs to a transaction' err && [ ! -e hot.vdb ]
check "hot journal"
printf '\0' >hot.sqlite-journal
"$program" convert hot.sqlite hot.vdb
check "ended journal"

# Refused: a file in the way, what is no database, damage.
"$program" convert hot.sqlite hot.vdb 2>err
[ $? = 1 ] && grep -q 'is there already' err
check "in the way"
echo 'not a database' >none.sqlite
"$program" convert none.sqlite none.vdb 2>err
[ $? = 1 ] && [ ! -e none.vdb ]
check "none"
head -c 5000 "UTF-8.$1.sqlite" >cut.sqlite
"$program" convert cut.sqlite cut.vdb 2>err
[ $? = 1 ] && grep -q 'pages, not' err && [ ! -e cut.vdb ]
check "cut"

# Opening one is refused with words; .import-sqlite reads it.
"$program" hot.sqlite 'SELECT 1' >out 2>&1
[ $? = 1 ] && grep -q 'velocidb convert hot.sqlite' out
check "open"
printf '.import-sqlite UTF-8.%s.sqlite\nSELECT count(*) FROM w;\n.import-sqlite none.sqlite\n' "$1" |
    "$program" >out 2>&1
[ $? = 1 ] && grep -q '^900$' out && grep -q "not a database of SQLite's" out
check ".import-sqlite"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
