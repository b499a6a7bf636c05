/* test_api_norowid.c - tables WITHOUT ROWID through velocidb.h. What a text gives was checked with
 * SQLite unless it is said to differ. */
#include "api/api_int.h"
#include "base/alloc.h"
#include "lib/api_run.h"
#include "lib/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static velo_connection *
norow_open(const char *name)
{
    velo_open_options options = {.size = sizeof options, .no_threads = 1};
    velo_connection *connection = NULL;

    if (velo_open(name == NULL ? NULL : unit_path(name), &options, &connection) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "%s", velo_error_text(connection));
    return connection;
}

/* Texts, one after the other, and what they give. */
typedef struct norow_step {
    const char *sql;
    const char *wanted;
} norow_step;

static void
norow_run_steps(velo_connection *connection, const norow_step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *given = api_run(connection, steps[i].sql);

        if (strcmp(given, steps[i].wanted) != 0)
            unit_failed(__FILE__, __LINE__, "\"%s\" gives \"%s\", not \"%s\"", steps[i].sql, given,
                        steps[i].wanted);
    }
}

/* Run the steps on a new database in memory, which is whole afterwards. */
static void
norow_check(const norow_step *steps, size_t count)
{
    velo_connection *connection = norow_open(NULL);

    norow_run_steps(connection, steps, count);
    CHECK_RUN(connection, "PRAGMA integrity_check", "ok");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* ---- rows and their order ---- */

static void
rows_come_in_the_order_of_the_primary_key(void)
{
    static const norow_step steps[] = {
        {"CREATE TABLE t(a INT, b TEXT COLLATE NOCASE, c, PRIMARY KEY(b DESC, a)) WITHOUT ROWID",
         ""},
        {"INSERT INTO t VALUES (1,'x',5), (2,'X',5), (1,'y',11), (0,'b',NULL), (7,'q',3)", ""},
        {"SELECT * FROM t", "1,y,11|1,x,5|2,X,5|7,q,3|0,b,~"},
        {"SELECT b, a FROM t ORDER BY b, a DESC", "b,0|q,7|X,2|x,1|y,1"},
        {"SELECT b, a FROM t ORDER BY b, a", "b,0|q,7|x,1|X,2|y,1"},
        {"SELECT * FROM t WHERE b = 'X' AND a >= 2", "2,X,5"},
        {"SELECT * FROM t WHERE b > 'q'", "1,y,11|1,x,5|2,X,5"},
        {"SELECT * FROM t WHERE b BETWEEN 'B' AND 'Q' ORDER BY b", "0,b,~|7,q,3"},
        {"SELECT * FROM t WHERE (b, a) IN (VALUES ('X', 1), ('Y', 1), ('Z', 1))", "1,y,11|1,x,5"},
        {"SELECT count(*), sum(a), max(b), min(b) FROM t", "5,11,y,b"},
        {"SELECT * FROM t LIMIT 2 OFFSET 1", "1,x,5|2,X,5"},
        {"SELECT p.a, q.a FROM t p JOIN t q ON q.b = p.b AND q.a = p.a + 1", "1,2"},
        {"SELECT a FROM t WHERE c IN (SELECT c FROM t WHERE a = 1)", "1|1|2"},
        {"SELECT b, a FROM t WHERE b IN ('x', 'q', 'B', 'Y')", "y,1|x,1|X,2|q,7|b,0"},
        {"SELECT b, a FROM t WHERE b IN (SELECT 'x' UNION SELECT 'y') AND a IN (2, 1)",
         "y,1|x,1|X,2"},
        {"CREATE TABLE n(k PRIMARY KEY) WITHOUT ROWID", ""},
        {"INSERT INTO n VALUES (x'00'), ('b'), (2), (1.5), ('A'), (-3), (9223372036854775807)", ""},
        {"SELECT typeof(k), quote(k) FROM n",
         "integer,-3|real,1.5|integer,2|integer,9223372036854775807|text,'A'|text,'b'|blob,X'00'"},
        {"SELECT k FROM n WHERE k > 1 AND k < 3", "1.5|2"},
        {"INSERT INTO n VALUES (2.0)", "!UNIQUE constraint failed: n.k"},
    };

    norow_check(steps, VL_ARRAY_COUNT(steps));
}

static void
rows_have_no_rowid(void)
{
    static const norow_step steps[] = {
        {"CREATE TABLE r(x); INSERT INTO r(rowid, x) VALUES (41, 1), (42, 2)", ""},
        {"CREATE TABLE t(k INTEGER PRIMARY KEY, v) WITHOUT ROWID", ""},
        {"INSERT INTO t VALUES (5, 'a'), (-1, 'b'); SELECT last_insert_rowid()", "42"},
        {"SELECT rowid FROM t", "!no such column: rowid"},
        {"SELECT t.oid FROM t", "!no such column: t.oid"},
        {"SELECT 1 FROM t WHERE _rowid_ = 1", "!no such column: _rowid_"},
        {"INSERT INTO t(rowid, k) VALUES (1, 2)", "!table t has no column named rowid"},
        {"UPDATE t SET rowid = 1", "!no such column: rowid"},
        {"SELECT r.rowid FROM r, t WHERE t.k = 5", "41|42"},
        {"SELECT rowid FROM r, t WHERE t.k = 5", "41|42"},
        {"INSERT INTO t(v) VALUES (1)", "!NOT NULL constraint failed: t.k"},
        {"INSERT INTO t VALUES (NULL, 1)", "!NOT NULL constraint failed: t.k"},
        {"INSERT OR IGNORE INTO t VALUES (NULL, 1); SELECT changes()", "0"},
        {"INSERT INTO t VALUES ('7', 'c'), ('x', 'd'), (1.5, 'e')", ""},
        {"SELECT k, typeof(k) FROM t", "-1,integer|1.5,real|5,integer|7,integer|x,text"},
        {"INSERT INTO t VALUES (7.0, 1)", "!UNIQUE constraint failed: t.k"},
        {"SELECT last_insert_rowid()", "42"},
        {"CREATE TABLE o(rowid TEXT PRIMARY KEY, oid) WITHOUT ROWID", ""},
        {"INSERT INTO o VALUES ('z', 1), ('y', 2); SELECT rowid, oid FROM o", "y,2|z,1"},
        {"CREATE TABLE b(a INTEGER PRIMARY KEY AUTOINCREMENT) WITHOUT ROWID",
         "!AUTOINCREMENT not allowed on WITHOUT ROWID tables"},
        {"CREATE TABLE b(a) WITHOUT ROWID", "!PRIMARY KEY missing on table b"},
        {"CREATE TABLE b(a PRIMARY KEY) WITHOUT OIDS", "!unknown table option: OIDS"},
    };

    norow_check(steps, VL_ARRAY_COUNT(steps));
}

static void
keys_may_name_a_column_twice(void)
{
    static const norow_step steps[] = {
        {"CREATE TABLE t(a, b TEXT COLLATE NOCASE, PRIMARY KEY(a, b, a, b COLLATE BINARY, b)) "
         "WITHOUT ROWID",
         ""},
        {"INSERT INTO t VALUES (1,'x'), (1,'X'), (0,'z'); SELECT * FROM t", "0,z|1,X|1,x"},
        {"INSERT INTO t VALUES (1,'x')", "!UNIQUE constraint failed: t.a, t.b, t.b"},
        {"SELECT name, key FROM pragma_index_xinfo('t')", "a,1|b,1|b,1"},
        {"CREATE TABLE u(a, b, PRIMARY KEY(a), UNIQUE(a), UNIQUE(b, a)) WITHOUT ROWID", ""},
        {"INSERT INTO u VALUES (1, 2); INSERT INTO u VALUES (1, 3)",
         "!UNIQUE constraint failed: u.a"},
        {"SELECT * FROM u WHERE b = 2", "1,2"},
        {"SELECT name, origin FROM pragma_index_list('u')",
         "sqlite_autoindex_u_2,u|sqlite_autoindex_u_1,pk"},
    };

    norow_check(steps, VL_ARRAY_COUNT(steps));
}

/* ---- changes ---- */

static void
conflicts_are_settled_as_the_clause_says(void)
{
    static const norow_step steps[] = {
        {"CREATE TABLE t(a, b, c UNIQUE, PRIMARY KEY(a, b)) WITHOUT ROWID; CREATE INDEX i ON t(c)",
         ""},
        {"INSERT INTO t VALUES (1,1,1), (2,2,2), (3,3,NULL), (4,4,NULL)", ""},
        {"INSERT INTO t VALUES (1,1,9)", "!UNIQUE constraint failed: t.a, t.b"},
        {"INSERT INTO t VALUES (1,1,2)", "!UNIQUE constraint failed: t.a, t.b"},
        {"INSERT INTO t VALUES (1,3,2)", "!UNIQUE constraint failed: t.c"},
        {"INSERT INTO t VALUES (3,3,NULL)", "!UNIQUE constraint failed: t.a, t.b"},
        {"INSERT OR IGNORE INTO t VALUES (1,1,9), (8,8,2), (5,5,5); SELECT * FROM t",
         "3,3,~|4,4,~|1,1,1|2,2,2|5,5,5"}, /* by the index */
        {"INSERT OR REPLACE INTO t VALUES (1,1,2), (3,3,NULL); SELECT * FROM t; SELECT changes()",
         "3,3,~|4,4,~|1,1,2|5,5,5|2"},
        {"INSERT OR FAIL INTO t VALUES (6,6,6), (1,1,7), (7,7,7)",
         "!UNIQUE constraint failed: t.a, t.b"},
        {"SELECT a FROM t", "3|4|1|5|6"},
        {"BEGIN; INSERT INTO t VALUES (9,9,9); INSERT OR ROLLBACK INTO t VALUES (1,1,7)",
         "!UNIQUE constraint failed: t.a, t.b"},
        {"COMMIT", "!cannot commit - no transaction is active"},
        {"SELECT a FROM t", "3|4|1|5|6"},
        {"INSERT INTO t VALUES (1,1,7) ON CONFLICT(b, a) DO UPDATE SET c = excluded.c, a = a + 10 "
         "RETURNING *",
         "11,1,7"},
        {"INSERT INTO t VALUES (11,1,0) ON CONFLICT(a, b) DO UPDATE SET c = 8 WHERE c = 0", ""},
        {"INSERT INTO t VALUES (11,1,0) ON CONFLICT(c) DO NOTHING",
         "!UNIQUE constraint failed: t.a, t.b"},
        {"INSERT INTO t VALUES (11,1,0) ON CONFLICT(c) DO NOTHING ON CONFLICT DO UPDATE SET c = 6",
         "!UNIQUE constraint failed: t.c"},
        {"INSERT INTO t VALUES (0,0,7) ON CONFLICT(a) DO NOTHING",
         "!ON CONFLICT clause does not match any PRIMARY KEY or UNIQUE constraint"},
        {"INSERT INTO t VALUES (0,0,7) ON CONFLICT DO NOTHING; SELECT * FROM t",
         "3,3,~|4,4,~|5,5,5|6,6,6|11,1,7"},
        {"REPLACE INTO t SELECT a, b, 7 FROM t WHERE a < 5; SELECT * FROM t", "5,5,5|6,6,6|4,4,7"},
        {"CREATE TABLE o(a PRIMARY KEY, b, UNIQUE(b), UNIQUE(a, b)) WITHOUT ROWID", ""},
        {"INSERT INTO o VALUES (1, 1), (2, 2)", ""},
        {"INSERT INTO o VALUES (1, 1) ON CONFLICT(a) DO UPDATE SET b = b + 10", ""},
        {"INSERT INTO o VALUES (1, 2) ON CONFLICT(b) DO UPDATE SET b = b + 20 "
         "ON CONFLICT(a) DO UPDATE SET b = 0",
         ""},
        {"SELECT * FROM o", "1,11|2,22"},
        {"INSERT INTO o VALUES (1, 22) ON CONFLICT(a) DO UPDATE SET b = b + 20 "
         "ON CONFLICT(b) DO UPDATE SET b = 0 RETURNING *",
         "1,31"},
        {"INSERT INTO o VALUES (1, 22) ON CONFLICT(a, b) DO NOTHING",
         "!UNIQUE constraint failed: o.b"},
        {"CREATE TABLE k(a PRIMARY KEY ON CONFLICT REPLACE, b NOT NULL ON CONFLICT IGNORE) "
         "WITHOUT ROWID",
         ""},
        {"INSERT INTO k VALUES (1, 1), (2, NULL), (1, 3); SELECT * FROM k", "1,3"},
        {"INSERT OR ABORT INTO k VALUES (1, 4)", "!UNIQUE constraint failed: k.a"},
        {"CREATE TABLE g(a INTEGER PRIMARY KEY ON CONFLICT IGNORE, b) WITHOUT ROWID", ""},
        {"INSERT INTO g VALUES (1, 1), (1, 2), (2, 2); SELECT * FROM g", "1,1|2,2"},
    };

    norow_check(steps, VL_ARRAY_COUNT(steps));
}

static void
updates_may_change_the_primary_key(void)
{
    static const norow_step steps[] = {
        {"CREATE TABLE t(a INT PRIMARY KEY, b, c) WITHOUT ROWID; CREATE INDEX tb ON t(b); "
         "CREATE UNIQUE INDEX tc ON t(c)",
         ""},
        {"INSERT INTO t VALUES (1,'x',10), (2,'x',20), (3,'y',NULL), (4,'y',NULL)", ""},
        {"UPDATE t SET a = a + 1", "!UNIQUE constraint failed: t.a"},
        {"UPDATE t SET a = a + 10, c = c + 1 RETURNING a, b, c", "11,x,11|12,x,21|13,y,~|14,y,~"},
        {"SELECT * FROM t", "11,x,11|12,x,21|13,y,~|14,y,~"},
        {"SELECT a FROM t WHERE b = 'x'", "11|12"},
        {"SELECT a FROM t WHERE c IS NULL", "13|14"},
        {"UPDATE t SET a = 25 - a WHERE b = 'x'", "!UNIQUE constraint failed: t.a"},
        {"UPDATE t SET a = 14 WHERE a = 11", "!UNIQUE constraint failed: t.a"},
        {"UPDATE OR IGNORE t SET a = 14 WHERE a = 11; SELECT changes()", "0"},
        {"UPDATE OR REPLACE t SET a = 14 WHERE a = 11; SELECT * FROM t", "12,x,21|13,y,~|14,x,11"},
        {"SELECT a, b FROM t WHERE b > ''", "12,x|14,x|13,y"},
        {"UPDATE t SET a = NULL WHERE a = 12", "!NOT NULL constraint failed: t.a"},
        {"UPDATE OR REPLACE t SET c = 11 WHERE a = 12; SELECT * FROM t", "12,x,11|13,y,~"},
        {"UPDATE OR FAIL t SET a = 13", "!UNIQUE constraint failed: t.a"},
        {"UPDATE t SET b = 'z' FROM (SELECT 13 AS k UNION ALL SELECT 13) WHERE a = k; "
         "SELECT * FROM t; SELECT changes()",
         "12,x,11|13,z,~|1"},
        {"UPDATE t SET (a, c) = (c, a) WHERE c NOT NULL; SELECT * FROM t", "11,x,12|13,z,~"},
        {"UPDATE t SET a = 11, b = b WHERE a = 11; SELECT changes()", "1"},
        {"UPDATE OR IGNORE t SET a = 20; SELECT a, b FROM t", "20,x|13,z"},
        {"UPDATE t SET b = 'q' ORDER BY a DESC LIMIT 1; SELECT a, b FROM t", "20,q|13,z"},
    };

    norow_check(steps, VL_ARRAY_COUNT(steps));
}

static void
rows_are_deleted(void)
{
    static const norow_step steps[] = {
        {"CREATE TABLE t(a, b, c, PRIMARY KEY(b, a)) WITHOUT ROWID; CREATE INDEX i ON t(c DESC)",
         ""},
        {"WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) "
         "INSERT INTO t SELECT i, i % 7, i % 11 FROM n",
         ""},
        {"SELECT count(*), count(DISTINCT b) FROM t", "1000,7"},
        {"DELETE FROM t WHERE b = 3 AND a > 990 RETURNING a, b, c", "997,3,7"},
        {"DELETE FROM t WHERE c = 5 AND a < 60; SELECT changes()", "5"},
        {"SELECT a FROM t WHERE c = 5 AND a < 90 ORDER BY a", "60|71|82"},
        {"DELETE FROM t WHERE b = 0 ORDER BY a LIMIT 100", ""},
        {"SELECT count(*), min(a) FROM t WHERE b = 0", "41,714"},
        {"DELETE FROM t WHERE (a, b) IN (SELECT a, b FROM t WHERE a % 2 = 0)", ""},
        {"SELECT count(*), sum(a % 2 = 0) FROM t", "446,0"},
        {"DELETE FROM t; SELECT changes()", "446"},
        {"SELECT count(*) FROM t; SELECT count(*) FROM t WHERE c >= 0", "0|0"},
        {"INSERT INTO t VALUES (1, 1, 1); SELECT * FROM t", "1,1,1"},
    };

    norow_check(steps, VL_ARRAY_COUNT(steps));
}

static void
columns_are_strict_and_generated(void)
{
    static const norow_step steps[] = {
        {"CREATE TABLE s(a INT, b ANY, PRIMARY KEY(b, a)) STRICT, WITHOUT ROWID", ""},
        {"INSERT INTO s VALUES ('1', '1'), (1, 1)", ""},
        {"SELECT typeof(a), typeof(b) FROM s", "integer,integer|integer,text"},
        {"INSERT INTO s VALUES ('x', 1)", "!cannot store TEXT value in INT column s.a"},
        {"INSERT INTO s VALUES (NULL, 1)", "!NOT NULL constraint failed: s.a"},
        {"CREATE TABLE g(a PRIMARY KEY, b, v AS (a || b), w AS (b + 1) STORED UNIQUE, "
         "CHECK (b < 10)) WITHOUT ROWID; CREATE INDEX gv ON g(v)",
         ""},
        {"INSERT INTO g VALUES ('y', 2), ('x', 1); SELECT * FROM g", "x,1,x1,2|y,2,y2,3"},
        {"INSERT INTO g VALUES ('z', 2)", "!UNIQUE constraint failed: g.w"},
        {"INSERT INTO g VALUES ('z', 12)", "!CHECK constraint failed: b < 10"},
        {"UPDATE g SET a = 'q' WHERE v = 'y2'; SELECT * FROM g WHERE v >= 'q'",
         "q,2,q2,3|x,1,x1,2"},
        {"INSERT INTO g(v) VALUES (1)", "!cannot INSERT into generated column \"v\""},
        {"CREATE TABLE d(a DEFAULT 'k', b DEFAULT (1 + 1), PRIMARY KEY(a)) WITHOUT ROWID", ""},
        {"INSERT INTO d DEFAULT VALUES; INSERT INTO d(b) VALUES (3)",
         "!UNIQUE constraint failed: d.a"},
        {"SELECT * FROM d", "k,2"},
        {"CREATE TABLE p(a, g AS (a * 2) STORED, PRIMARY KEY(g)) WITHOUT ROWID",
         "!generated columns cannot be part of the PRIMARY KEY"},
    };

    norow_check(steps, VL_ARRAY_COUNT(steps));
}

/* ---- indexes and plans ---- */

static void
indexes_refer_to_the_primary_key(void)
{
    static const norow_step steps[] = {
        {"CREATE TABLE t(a, b, c, d, PRIMARY KEY(b DESC, a)) WITHOUT ROWID", ""},
        {"WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60) "
         "INSERT INTO t SELECT i % 6, i / 6, i % 3, NULLIF(i % 10, 4) FROM n",
         ""},
        {"CREATE INDEX tc ON t(c)", ""},
        {"CREATE INDEX tp ON t(d) WHERE d > 7", ""},
        {"CREATE INDEX te ON t(a + b)", ""},
        {"CREATE UNIQUE INDEX tu ON t(a, b DESC)", ""},
        {"CREATE UNIQUE INDEX bad ON t(c, d)", "!UNIQUE constraint failed: t.c, t.d"},
        {"SELECT b, a FROM t WHERE c = 1 AND b < 3", "2,1|2,4|1,1|1,4|0,1|0,4"},
        {"SELECT b, a FROM t INDEXED BY tp WHERE d > 7 LIMIT 3", "9,4|8,0|6,2"},
        {"SELECT b, a FROM t INDEXED BY tp WHERE d > 8", "!no query solution"},
        {"SELECT b, a FROM t WHERE a + b = 2", "2,0|1,1|0,2"},
        {"SELECT b FROM t WHERE a = 5 AND b >= 8", "9|8"},
        {"SELECT count(*) FROM t WHERE d IS NULL", "6"},
        {"UPDATE t SET d = NULL WHERE d = 9; SELECT count(*) FROM t WHERE d > 7", "6"},
        {"INSERT INTO t VALUES (0, 99, 1, 8); SELECT b, a FROM t WHERE c = 1 AND b > 8",
         "99,0|9,1|9,4"},
        {"DROP INDEX tc; SELECT count(*) FROM t WHERE c = 1", "21"},
        {"SELECT name, origin, partial FROM pragma_index_list('t')",
         "tu,c,0|te,c,0|tp,c,1|sqlite_autoindex_t_1,pk,0"},
        {"SELECT seqno, cid, name, desc, key FROM pragma_index_xinfo('tp')",
         "0,3,d,0,1|1,1,b,1,0|2,0,a,0,0"},
        {"SELECT seqno, cid, name FROM pragma_index_info('t')", "0,1,b|1,0,a"},
        {"SELECT name, wr FROM pragma_table_list WHERE name = 't'", "t,1"},
        {"SELECT name, \"notnull\", pk FROM pragma_table_info('t')", "a,1,2|b,1,1|c,0,0|d,0,0"},
    };

    norow_check(steps, VL_ARRAY_COUNT(steps));
}

/* The text of a plan's rows, without their numbers. */
static const char *
norow_plan(velo_connection *connection, const char *sql)
{
    static char text[1000];
    velo_statement *statement = NULL;
    size_t at = 0;

    text[0] = 0;
    if (velo_prepare(connection, sql, -1, &statement, NULL) != VELO_OK)
        return velo_error_text(connection);
    while (velo_step(statement) == VELO_ROW)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", at > 0 ? "|" : "",
                               velo_column_text(statement, 3));
    return velo_finalize(statement) == VELO_OK ? text : velo_error_text(connection);
}

static void
plans_use_the_primary_key(void)
{
    static const norow_step plans[] = {
        {"SELECT * FROM t", "SCAN t"},
        {"SELECT * FROM t WHERE b = 1 AND a = 2", "SEARCH t USING PRIMARY KEY (b=? AND a=?)"},
        {"SELECT * FROM t WHERE b > 1", "SEARCH t USING PRIMARY KEY (b>?)"},
        {"SELECT * FROM t WHERE b = 1 AND a < 3 ORDER BY a DESC",
         "SEARCH t USING PRIMARY KEY (b=? AND a<?)"},
        {"SELECT * FROM t ORDER BY b DESC, a", "SCAN t"},
        {"SELECT * FROM t ORDER BY b, a DESC", "SCAN t"},
        {"SELECT * FROM t ORDER BY b DESC, a, d", "SCAN t"}, /* SQLite sorts */
        {"SELECT d FROM t ORDER BY a", "SCAN t|USE TEMP B-TREE FOR ORDER BY"},
        {"SELECT d FROM t WHERE c = 1", "SEARCH t USING INDEX tc (c=?)"},
        {"SELECT a, b FROM t WHERE c = 1", "SEARCH t USING COVERING INDEX tc (c=?)"},
        {"SELECT d FROM t WHERE c = 1 ORDER BY b DESC, a", "SEARCH t USING INDEX tc (c=?)"},
        {"SELECT d FROM t WHERE c = 1 AND b = 2", "SEARCH t USING PRIMARY KEY (b=?)"},
        {"UPDATE t SET d = 1 WHERE b = 1 AND a = 2", "SEARCH t USING PRIMARY KEY (b=? AND a=?)"},
        {"DELETE FROM t WHERE b = 1", "SEARCH t USING PRIMARY KEY (b=?)"},
        {"SELECT * FROM t x JOIN t y ON y.b = x.a AND y.a = x.b",
         "SCAN x|SEARCH y USING PRIMARY KEY (b=? AND a=?)"},
    };
    velo_connection *connection = norow_open(NULL);

    CHECK_RUN(connection,
              "CREATE TABLE t(a, b, c, d, PRIMARY KEY(b DESC, a)) WITHOUT ROWID; "
              "CREATE INDEX tc ON t(c)",
              "");
    for (size_t i = 0; i < VL_ARRAY_COUNT(plans); i++) {
        char sql[200];

        (void)snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s", plans[i].sql);
        if (strcmp(norow_plan(connection, sql), plans[i].wanted) != 0)
            unit_failed(__FILE__, __LINE__, "%s: \"%s\", not \"%s\"", plans[i].sql,
                        norow_plan(connection, sql), plans[i].wanted);
    }
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* ---- the schema ---- */

static void
tables_are_made_and_dropped_in_transactions(void)
{
    static const norow_step steps[] = {
        {"BEGIN; CREATE TABLE t(a PRIMARY KEY, b UNIQUE) WITHOUT ROWID", ""},
        {"INSERT INTO t VALUES (2, 'x'), (1, 'y'); CREATE INDEX tb ON t(b DESC)", ""},
        {"SELECT * FROM t; SAVEPOINT s", "1,y|2,x"},
        {"DROP TABLE t; CREATE TABLE t(k TEXT PRIMARY KEY) WITHOUT ROWID", ""},
        {"INSERT INTO t VALUES ('z'); SELECT * FROM t", "z"},
        {"ROLLBACK TO s; SELECT * FROM t WHERE b < 'z'", "1,y|2,x"},
        {"ROLLBACK; SELECT name FROM sqlite_schema", ""},
        {"BEGIN; CREATE TABLE t(a PRIMARY KEY, b UNIQUE) WITHOUT ROWID; "
         "INSERT INTO t VALUES (2, 'x'), (1, 'y'); COMMIT",
         ""},
        {"BEGIN; ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME COLUMN a TO k; ROLLBACK", ""},
        {"SELECT a FROM t", "1|2"},
        {"ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME COLUMN a TO k", ""},
        {"SELECT k, b FROM u WHERE k = 2; INSERT INTO u VALUES (1, 'q')",
         "!UNIQUE constraint failed: u.k"},
        {"INSERT INTO u VALUES (3, 'q'); SELECT * FROM u ORDER BY b", "3,q|2,x|1,y"},
        {"SELECT type, name, tbl_name, sql FROM sqlite_schema",
         "table,u,u,CREATE TABLE \"u\"(k PRIMARY KEY, b UNIQUE) WITHOUT ROWID|"
         "index,sqlite_autoindex_u_2,u,~"},
        {"CREATE TABLE c AS SELECT * FROM u; SELECT rowid, k FROM c", "1,1|2,2|3,3"},
        {"INSERT INTO u SELECT k + 10, b || 'a' FROM u; SELECT count(*) FROM u", "6"},
        {"CREATE VIEW v AS SELECT k FROM u WHERE b BETWEEN 'x' AND 'z'; SELECT * FROM v",
         "2|12|1|11"},
        {"DROP TABLE u", ""},
        {"SELECT name FROM sqlite_schema", "c|v"},
    };

    norow_check(steps, VL_ARRAY_COUNT(steps));
}

static void
a_file_keeps_tables(void)
{
    static const norow_step before[] = {
        {"CREATE TABLE x(a); CREATE TABLE t(a, b, PRIMARY KEY(b, a)) WITHOUT ROWID", ""},
        {"CREATE TABLE y(a PRIMARY KEY) WITHOUT ROWID; DROP TABLE x", ""},
        {"INSERT INTO t VALUES (1, 'b'), (2, 'a'); INSERT INTO y VALUES (3), (2)", ""},
        {"ALTER TABLE t RENAME TO z; CREATE INDEX za ON z(a)", ""},
    };
    static const norow_step after[] = {
        {"SELECT * FROM z; SELECT * FROM y", "1,b|2,a|2|3"},
        {"SELECT b FROM z WHERE a = 1; INSERT INTO z VALUES (1, 'b')",
         "!UNIQUE constraint failed: z.b, z.a"},
        {"INSERT INTO z VALUES (1, 'a'); SELECT * FROM z", "1,a|1,b|2,a"},
        {"SELECT sql FROM sqlite_schema WHERE name = 'z'",
         "CREATE TABLE \"z\"(a, b, PRIMARY KEY(b, a)) WITHOUT ROWID"},
        {"PRAGMA integrity_check", "ok"},
    };
    velo_connection *connection = norow_open("kept");

    norow_run_steps(connection, before, VL_ARRAY_COUNT(before));
    CHECK_EQ(velo_close(connection), VELO_OK);
    connection = norow_open("kept");
    norow_run_steps(connection, after, VL_ARRAY_COUNT(after));
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* Rows that are larger than a page, and keys. */
static void
rows_may_be_large(void)
{
    static const norow_step steps[] = {
        {"CREATE TABLE t(k TEXT PRIMARY KEY, v BLOB) WITHOUT ROWID", ""},
        {"WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20) "
         "INSERT INTO t SELECT 'k' || (i * 7 % 20), zeroblob(i * 5000) FROM n",
         ""},
        {"SELECT count(*), sum(length(v)) FROM t", "20,1050000"},
        {"SELECT k, length(v) FROM t WHERE k >= 'k17'",
         "k17,55000|k18,70000|k19,85000|k2,30000|k3,45000|k4,60000|k5,75000|k6,90000|k7,5000|"
         "k8,20000|k9,35000"},
        {"UPDATE t SET k = 'm' || k, v = zeroblob(40000 + length(v)) WHERE k > 'k5'", ""},
        {"SELECT k, length(v) FROM t WHERE k > 'l'", "mk6,130000|mk7,45000|mk8,60000|mk9,75000"},
        {"DELETE FROM t WHERE length(v) > 50000; SELECT k FROM t", "k1|k10|k14|k15|k16|k2|k3|mk7"},
    };
    velo_connection *connection = norow_open(NULL);

    norow_run_steps(connection, steps, VL_ARRAY_COUNT(steps));
    CHECK_RUN(connection, "INSERT INTO t VALUES (printf('%.70000c', 'x'), 1)", "");
    CHECK_RUN(connection, "SELECT v FROM t WHERE k = printf('%.70000c', 'x')", "1");
    CHECK_RUN(connection, "SELECT count(*) FROM t", "9");
    CHECK_RUN(connection, "PRAGMA integrity_check", "ok");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* ---- against a table with rowids ---- */

static unsigned
norow_random(vl_rng *rng, unsigned below)
{
    return (unsigned)vl_rng_below(rng, below);
}

/* A random change of the table `%s`, which stands for both. Rows are changed in one order. */
static void
norow_make_change(vl_rng *rng, char *sql, size_t size, const char *table, uint64_t seed)
{
    static const char *const actions[] = {"", " OR REPLACE", " OR IGNORE", " OR FAIL", ""};
    const char *action;
    unsigned a;
    unsigned b;

    vl_rng_init(rng, seed);
    action = actions[norow_random(rng, VL_ARRAY_COUNT(actions))];
    a = norow_random(rng, 6);
    b = norow_random(rng, 4);
    switch (norow_random(rng, 6)) {
    case 0:
    case 1:
        (void)snprintf(sql, size,
                       "INSERT%s INTO %s VALUES (%u, %u, nullif(%u, 0), %u), (%u, 1, NULL, 0)",
                       action, table, a, b, norow_random(rng, 12), b, norow_random(rng, 6));
        return;
    case 2:
        (void)snprintf(sql, size,
                       "INSERT INTO %s VALUES (%u, %u, %u, 0) ON CONFLICT(a, b) DO UPDATE SET "
                       "a = %u, d = d + 1 ON CONFLICT(c) DO NOTHING",
                       table, a, b, norow_random(rng, 12), norow_random(rng, 6));
        return;
    case 3:
        (void)snprintf(sql, size,
                       "UPDATE%s %s SET a = (a + %u) %% 6, d = d + 1 WHERE b >= %u "
                       "ORDER BY b, a LIMIT 99",
                       action, table, a, b);
        return;
    case 4:
        (void)snprintf(sql, size,
                       "UPDATE%s %s SET c = nullif((c + %u) %% 12, 0), b = %u WHERE a = %u "
                       "ORDER BY b, a LIMIT 99",
                       action, table, a + b, b, a);
        return;
    default:
        (void)snprintf(sql, size, "DELETE FROM %s WHERE a = %u OR d > %u", table, a, b + 3);
        return;
    }
}

/* Whether two texts give the same; errors name different tables. */
static int
norow_is_same(velo_connection *connection, const char *sql, const char *other)
{
    char rows[4000];
    const char *wanted;

    (void)snprintf(rows, sizeof rows, "%s", api_run(connection, sql));
    wanted = api_run(connection, other);
    if (strcmp(rows, wanted) == 0 || (rows[0] == '!' && wanted[0] == '!'))
        return 1;
    unit_failed(__FILE__, __LINE__, "\"%s\" gives \"%s\", not \"%s\"", sql, rows, wanted);
    return 0;
}

/* The same changes leave the same rows in a table with rowids whose key is NOT NULL. */
static void
changes_are_those_of_a_table_with_rowids(void)
{
    static const char *const reads[][2] = {
        {"SELECT * FROM t ORDER BY b, a", "SELECT * FROM r ORDER BY b, a"},
        {"SELECT * FROM t INDEXED BY td WHERE d >= 0 ORDER BY b, a",
         "SELECT * FROM r WHERE d >= 0 ORDER BY b, a"},
        {"SELECT a, b, c FROM t WHERE c BETWEEN 2 AND 9 ORDER BY c",
         "SELECT a, b, c FROM r NOT INDEXED WHERE c BETWEEN 2 AND 9 ORDER BY c"},
        {"SELECT count(*) FROM t WHERE a = 2", "SELECT count(*) FROM r WHERE a = 2"},
    };
    velo_connection *connection = norow_open(NULL);
    vl_rng rng;

    CHECK_RUN(
        connection,
        "CREATE TABLE t(a, b, c UNIQUE, d, PRIMARY KEY(b, a)) WITHOUT ROWID; "
        "CREATE INDEX td ON t(d, a DESC); CREATE TABLE r(a NOT NULL, b NOT NULL, c UNIQUE, d, "
        "PRIMARY KEY(b, a)); CREATE INDEX rd ON r(d, a DESC)",
        "");
    for (uint64_t i = 0; i < VL_BY_BUILD(1500U, 400U); i++) {
        char sql[300];
        char other[300];

        norow_make_change(&rng, sql, sizeof sql, "t", unit_seed() + i);
        norow_make_change(&rng, other, sizeof other, "r", unit_seed() + i);
        if (!norow_is_same(connection, sql, other))
            return;
        for (size_t k = 0; k < VL_ARRAY_COUNT(reads); k++)
            if (!norow_is_same(connection, reads[k][0], reads[k][1]))
                return;
    }
    CHECK_RUN(connection, "PRAGMA integrity_check", "ok");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* Delete the first entry of an index behind the back of its table, or add one that is no row's. */
static velo_status
norow_harm_index(velo_connection *connection, vl_tree_id tree, int is_added)
{
    const vl_tree_key_range all = {0};
    vl_ctx *ctx = &connection->ctx;
    vl_statement statement;
    vl_txn_index *index;
    vl_key_scan scan;
    velo_status st;

    VL_TRY(vl_keys_open(ctx, connection->engine->store, tree, &index));
    VL_TRY(vl_statement_begin(ctx, connection->session, 1, &statement));
    if (is_added) {
        st = vl_keys_insert(ctx, &statement, index, "\x01", 1, "\x01", 1, NULL, NULL);
    } else {
        vl_key_scan_begin(&scan, index, &statement.view, &all, 0);
        st = vl_key_scan_next(ctx, &scan);
        if (st == VELO_OK)
            st = vl_keys_delete(ctx, &statement, index, scan.entries[0].key,
                                scan.entries[0].key_size);
        vl_key_scan_end(&scan);
    }
    if (st != VELO_OK)
        vl_statement_fail(ctx, &statement);
    return st == VELO_OK ? vl_statement_end(ctx, &statement) : st;
}

/* Checks of a table with rowids, and of one without. */
static void
checks_compare_indexes_with_rows(void)
{
    static const char *const options[] = {"", " WITHOUT ROWID"};

    for (size_t i = 0; i < VL_ARRAY_COUNT(options); i++) {
        velo_connection *connection = norow_open(NULL);
        char sql[200];
        vl_tree_id tree;

        (void)snprintf(sql, sizeof sql, "CREATE TABLE t(a, b NOT NULL, PRIMARY KEY(b))%s",
                       options[i]);
        CHECK_RUN(connection, sql, "");
        CHECK_RUN(connection, "CREATE INDEX ta ON t(a) WHERE a > 1", "");
        CHECK_RUN(connection, "INSERT INTO t VALUES (1, 2), (3, 0), (2, 1)", "");
        CHECK_RUN(connection, "BEGIN; DELETE FROM t WHERE a = 3; PRAGMA integrity_check", "ok");
        CHECK_RUN(connection, "ROLLBACK; PRAGMA integrity_check", "ok");
        tree = strtoull(api_run(connection, "SELECT rootpage FROM sqlite_schema "
                                            "WHERE name = 'ta'"),
                        NULL, 10);
        CHECK_OK(norow_harm_index(connection, tree, 1));
        CHECK_RUN(connection, "PRAGMA integrity_check", "wrong # of entries in index ta");
        CHECK_OK(norow_harm_index(connection, tree, 0)); /* what was added comes first */
        CHECK_RUN(connection, "PRAGMA integrity_check", "ok");
        CHECK_OK(norow_harm_index(connection, tree, 0));
        CHECK_RUN(connection, "PRAGMA integrity_check",
                  "row 3 missing from index ta|wrong # of entries in index ta");
        CHECK_RUN(connection, "PRAGMA quick_check", "ok"); /* of pages only */
        CHECK_EQ(velo_close(connection), VELO_OK);
    }
}

/* ---- two connections ---- */

static void
snapshots_stay_as_they_are(void)
{
    velo_connection *one = norow_open("two");
    velo_connection *other = norow_open("two");

    CHECK_RUN(one, "CREATE TABLE t(a PRIMARY KEY, b, c UNIQUE) WITHOUT ROWID", "");
    CHECK_RUN(one, "INSERT INTO t VALUES (1,'x',1), (2,'x',2), (3,'x',3)", "");
    CHECK_RUN(one, "BEGIN; SELECT a FROM t", "1|2|3");
    CHECK_RUN(other, "UPDATE t SET a = 20, c = 21 WHERE a = 2; DELETE FROM t WHERE a = 1", "");
    CHECK_RUN(other, "INSERT INTO t VALUES (1,'y',5); SELECT * FROM t", "1,y,5|3,x,3|20,x,21");
    CHECK_RUN(one, "SELECT * FROM t; SELECT a FROM t WHERE c = 2", "1,x,1|2,x,2|3,x,3|2");
    CHECK_RUN(one, "SELECT b FROM t WHERE a = 20 OR a = 1", "x");
    CHECK_RUN(one, "COMMIT; SELECT * FROM t", "1,y,5|3,x,3|20,x,21");
    CHECK_RUN(one, "PRAGMA integrity_check", "ok");
    CHECK_EQ(velo_close(one), VELO_OK);
    CHECK_EQ(velo_close(other), VELO_OK);
}

/* The first who changes a row wins, and of two that insert one key only one can. */
static void
conflicts_between_transactions_are_told(void)
{
    velo_connection *one = norow_open("conflict");
    velo_connection *other = norow_open("conflict");

    velo_set_busy_timeout(other, 0);
    CHECK_RUN(one, "CREATE TABLE t(a PRIMARY KEY, b, c UNIQUE) WITHOUT ROWID", "");
    CHECK_RUN(one, "INSERT INTO t VALUES (1,'x',1), (2,'x',2)", "");
    CHECK_RUN(one, "BEGIN; UPDATE t SET a = 10 WHERE a = 1; INSERT INTO t VALUES (5,'n',5)", "");
    CHECK_RUN(other, "BEGIN; SELECT a FROM t", "1|2");
    (void)api_run(other, "UPDATE t SET b = 'y' WHERE a = 1");
    CHECK_EQ(velo_error_code(other) & 0xff, VELO_BUSY);
    (void)api_run(other, "INSERT INTO t VALUES (10,'m',7)");
    CHECK_EQ(velo_error_code(other) & 0xff, VELO_BUSY);
    (void)api_run(other, "INSERT INTO t VALUES (6,'m',5)");
    CHECK_EQ(velo_error_code(other) & 0xff, VELO_BUSY);
    CHECK_RUN(other, "UPDATE t SET b = 'y' WHERE a = 2; INSERT INTO t VALUES (6,'m',6)", "");
    CHECK_RUN(one, "COMMIT; SELECT * FROM t", "2,x,2|5,n,5|10,x,1");
    (void)api_run(other, "DELETE FROM t WHERE a = 1");
    CHECK_EQ(velo_error_code(other), VELO_BUSY_SNAPSHOT);
    (void)api_run(other, "INSERT OR REPLACE INTO t VALUES (5,'m',9)");
    CHECK_EQ(velo_error_code(other), VELO_BUSY_SNAPSHOT);
    (void)api_run(other, "INSERT INTO t VALUES (5,'m',9) ON CONFLICT DO UPDATE SET b = 'u'");
    CHECK_EQ(velo_error_code(other), VELO_BUSY_SNAPSHOT);
    CHECK_RUN(other, "SELECT * FROM t", "1,x,1|2,y,2|6,m,6");
    CHECK_RUN(other, "COMMIT; SELECT * FROM t", "2,y,2|5,n,5|6,m,6|10,x,1");
    CHECK_RUN(one, "SELECT a FROM t WHERE c BETWEEN 1 AND 5; PRAGMA integrity_check", "10|2|5|ok");
    CHECK_RUN(one, "BEGIN; DELETE FROM t WHERE a = 5; INSERT INTO t VALUES (7,'r',7); ROLLBACK",
              "");
    CHECK_RUN(other, "INSERT INTO t VALUES (7,'o',8); SELECT a, b FROM t", "2,y|5,n|6,m|7,o|10,x");
    CHECK_EQ(velo_close(one), VELO_OK);
    CHECK_EQ(velo_close(other), VELO_OK);
}

/* ---- failures ---- */

/* What a crash leaves: the file as the last checkpoint wrote it, and the log. */
static void
the_log_brings_changes_back(void)
{
    velo_connection *connection = norow_open("live");
    velo_connection *other = norow_open("live");
    velo_connection *again;

    CHECK_RUN(connection,
              "CREATE TABLE t(a, b, c, PRIMARY KEY(b, a)) WITHOUT ROWID; CREATE INDEX tc ON t(c); "
              "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) "
              "INSERT INTO t SELECT i, i % 10, printf('%050d', i % 20) FROM n",
              "");
    (void)api_run(connection, "PRAGMA wal_checkpoint");
    CHECK_RUN(connection, "UPDATE t SET b = b + 100 WHERE a % 3 = 0", "");
    CHECK_RUN(connection, "DELETE FROM t WHERE b = 5; INSERT INTO t VALUES (1, 5, 'new')", "");
    CHECK_RUN(connection, "CREATE TABLE u(k PRIMARY KEY, v) WITHOUT ROWID", "");
    CHECK_RUN(connection, "INSERT INTO u VALUES (2, zeroblob(50000)), (1, 'small')", "");
    CHECK_RUN(other, "BEGIN; DELETE FROM u; UPDATE t SET a = a + 1000 WHERE b = 5", "");
    api_run_copy("live", "dead");
    again = norow_open("dead");
    CHECK_RUN(again, "SELECT * FROM t WHERE b = 5; SELECT k, length(v) FROM u",
              "1,5,new|1,5|2,50000");
    CHECK_RUN(again, "SELECT count(*), sum(a), sum(b) FROM t", "281,42151,11255");
    CHECK_RUN(again, "SELECT count(*), count(DISTINCT c) FROM t INDEXED BY tc WHERE c > '0'",
              "281,21");
    CHECK_RUN(again, "PRAGMA integrity_check", "ok");
    CHECK_RUN(again, "INSERT INTO u VALUES (1, 2)", "!UNIQUE constraint failed: u.k");
    CHECK_EQ(velo_close(again), VELO_OK);
    CHECK_RUN(other, "ROLLBACK", "");
    CHECK_EQ(velo_close(other), VELO_OK);
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* Each statement is run with the first allocation failing, then the second, and so on; whenever it
 * fails it has changed nothing. */
static void
statements_survive_lack_of_memory(void)
{
    static const char *const statements[] = {
        "INSERT INTO t VALUES (3, 3, 3), (1, 2, 9)",
        "INSERT INTO t VALUES (1, 1, 8) ON CONFLICT(a, b) DO UPDATE SET b = 7, c = 7",
        "REPLACE INTO t VALUES (1, 1, 2) RETURNING a",
        "UPDATE t SET a = a + 10, c = c + 10",
        "DELETE FROM t WHERE c < 3",
        "CREATE INDEX td ON t(c DESC, b)",
        "CREATE TABLE u(k PRIMARY KEY, v UNIQUE) WITHOUT ROWID",
        "ALTER TABLE t RENAME TO z",
        "DROP TABLE t",
    };

    for (size_t i = 0; i < VL_ARRAY_COUNT(statements); i++) {
        velo_connection *connection = norow_open(NULL);
        unsigned failures = 0;
        velo_status st = VELO_NOMEM;

        CHECK_RUN(connection,
                  "CREATE TABLE t(a, b, c UNIQUE, PRIMARY KEY(a, b)) WITHOUT ROWID; "
                  "CREATE INDEX tb ON t(b); INSERT INTO t VALUES (1, 1, 1), (2, 1, 2)",
                  "");
        for (uint64_t nth = 1; st == VELO_NOMEM; nth++) {
            vl_allocator_fail_nth(vl_allocator_default(), nth, 1);
            st = velo_exec(connection, statements[i], NULL, NULL);
            vl_allocator_fail_nth(vl_allocator_default(), 0, 0);
            failures += st == VELO_NOMEM;
            if (st == VELO_NOMEM)
                CHECK_RUN(connection,
                          "SELECT * FROM t; SELECT a FROM t WHERE c > 0; SELECT a FROM t WHERE b = "
                          "1; SELECT count(*) FROM sqlite_schema",
                          "1,1,1|2,1,2|1|2|1|2|3");
        }
        if (st != VELO_OK)
            unit_failed(__FILE__, __LINE__, "%s: %s", statements[i], velo_error_text(connection));
        CHECK(failures > 5);
        CHECK_RUN(connection, "PRAGMA integrity_check", "ok");
        CHECK_EQ(velo_close(connection), VELO_OK);
    }
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(rows_come_in_the_order_of_the_primary_key),
        UNIT_TEST(rows_have_no_rowid),
        UNIT_TEST(keys_may_name_a_column_twice),
        UNIT_TEST(conflicts_are_settled_as_the_clause_says),
        UNIT_TEST(updates_may_change_the_primary_key),
        UNIT_TEST(rows_are_deleted),
        UNIT_TEST(columns_are_strict_and_generated),
        UNIT_TEST(indexes_refer_to_the_primary_key),
        UNIT_TEST(plans_use_the_primary_key),
        UNIT_TEST(tables_are_made_and_dropped_in_transactions),
        UNIT_TEST(a_file_keeps_tables),
        UNIT_TEST(rows_may_be_large),
        UNIT_TEST(changes_are_those_of_a_table_with_rowids),
        UNIT_TEST(checks_compare_indexes_with_rows),
        UNIT_TEST(snapshots_stay_as_they_are),
        UNIT_TEST(conflicts_between_transactions_are_told),
        UNIT_TEST(the_log_brings_changes_back),
        UNIT_TEST(statements_survive_lack_of_memory),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
