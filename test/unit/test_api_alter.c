/* test_api_alter.c - ALTER TABLE ADD COLUMN and DROP COLUMN through velocidb.h. What SQLite says
 * was taken from it. */
#include "lib/api_run.h"
#include "lib/unit.h"

#include <stdio.h>
#include <string.h>

/* ---- what they do ---- */

static void
old_rows_read_the_default(void)
{
    velo_connection *connection = api_run_open("added");

    CHECK_RUN(connection, "CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2), (3, 4)", "");
    CHECK_RUN(connection, "ALTER TABLE t ADD COLUMN c TEXT DEFAULT 7", "");
    CHECK_RUN(connection, "SELECT *, typeof(c) FROM t", "1,2,7,text|3,4,7,text");
    CHECK_RUN(connection, "INSERT INTO t(a) VALUES (5)", "");
    CHECK_RUN(connection, "UPDATE t SET c = 'new' WHERE a = 3", "");
    CHECK_RUN(connection, "ALTER TABLE t ADD d INT NOT NULL DEFAULT -1 /* the last */", "");
    CHECK_RUN(connection, "SELECT * FROM t", "1,2,7,-1|3,4,new,-1|5,~,7,-1");
    CHECK_RUN(connection, "SELECT sql FROM sqlite_schema",
              "CREATE TABLE t(a, b, c TEXT DEFAULT 7, d INT NOT NULL DEFAULT -1 /* the last */)");
    CHECK_EQ(velo_close(connection), VELO_OK);
    connection = api_run_open("added");
    CHECK_RUN(connection, "SELECT * FROM t WHERE d = -1 AND c > '1'",
              "1,2,7,-1|3,4,new,-1|5,~,7,-1");
    CHECK_RUN(connection, "CREATE INDEX i ON t(c, d); SELECT a FROM t WHERE c = '7'", "1|5");
    CHECK_RUN(connection, "PRAGMA integrity_check", "ok");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
generated_columns_are_added(void)
{
    velo_connection *connection = api_run_open(NULL);

    CHECK_RUN(connection, "CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)", "");
    CHECK_RUN(connection, "ALTER TABLE t ADD b AS (a * 10)", "");
    CHECK_RUN(connection, "ALTER TABLE t ADD c INT AS (a) STORED", "!cannot add a STORED column");
    CHECK_RUN(connection, "ALTER TABLE t ADD d DEFAULT 4", "");
    CHECK_RUN(connection, "SELECT * FROM t", "1,10,4|2,20,4");
    CHECK_RUN(connection, "ALTER TABLE t DROP COLUMN b; SELECT * FROM t", "1,4|2,4");
    CHECK_RUN(connection, "DELETE FROM t; ALTER TABLE t ADD c INT AS (a + 1) STORED", "");
    CHECK_RUN(connection, "INSERT INTO t(a) VALUES (3); SELECT * FROM t", "3,4,4");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
what_cannot_be_added_is_refused(void)
{
    velo_connection *connection = api_run_open(NULL);

    CHECK_RUN(connection, "CREATE TABLE t(a); INSERT INTO t VALUES (1), (NULL)", "");
    CHECK_RUN(connection, "ALTER TABLE t ADD b NOT NULL",
              "!Cannot add a NOT NULL column with default value NULL");
    CHECK_RUN(connection, "ALTER TABLE t ADD b DEFAULT CURRENT_TIMESTAMP",
              "!Cannot add a column with non-constant default");
    CHECK_RUN(connection, "ALTER TABLE t ADD b DEFAULT (1 + 1)",
              "!Cannot add a column with non-constant default");
    CHECK_RUN(connection, "ALTER TABLE t ADD b PRIMARY KEY", "!Cannot add a PRIMARY KEY column");
    CHECK_RUN(connection, "ALTER TABLE t ADD b UNIQUE", "!Cannot add a UNIQUE column");
    CHECK_RUN(connection, "ALTER TABLE t ADD A", "!duplicate column name: A");
    CHECK_RUN(connection, "ALTER TABLE u ADD A", "!no such table: u");
    CHECK_RUN(connection, "ALTER TABLE t ADD b -- all the rest",
              "!error in table t after add column: incomplete input");
    CHECK_RUN(connection, "CREATE VIEW v AS SELECT 1; ALTER TABLE v ADD b",
              "!Cannot add a column to a view");
    CHECK_RUN(connection, "ALTER TABLE sqlite_schema ADD b",
              "!table sqlite_master may not be altered");
    CHECK_RUN(connection, "ALTER TABLE t ADD b CHECK (a > 0)", "");
    CHECK_RUN(connection, "INSERT INTO t VALUES (0, 0)", "!CHECK constraint failed: a > 0");
    CHECK_RUN(connection, "ALTER TABLE t ADD c DEFAULT 1 CHECK (c > a)",
              "!CHECK constraint failed");
    CHECK_EQ(velo_error_code(connection), VELO_ERROR);
    CHECK_RUN(connection, "ALTER TABLE t ADD c NOT NULL AS (a)", "!NOT NULL constraint failed");
    CHECK_RUN(connection, "SELECT * FROM t", "1,~|~,~");
    CHECK_RUN(connection, "DELETE FROM t; ALTER TABLE t ADD c NOT NULL", "");
    CHECK_RUN(connection, "ALTER TABLE t ADD d DEFAULT CURRENT_TIMESTAMP", "");
    CHECK_RUN(connection, "INSERT INTO t(a, c) VALUES (1, 2); SELECT length(d) FROM t", "19");
    CHECK_RUN(connection, "CREATE TABLE s(a INT) STRICT; INSERT INTO s VALUES (1)", "");
    CHECK_RUN(connection, "ALTER TABLE s ADD b INT DEFAULT 'x'", "!type mismatch on DEFAULT");
    CHECK_RUN(connection, "ALTER TABLE s ADD b INT DEFAULT '12'; SELECT * FROM s", "1,12");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
columns_are_dropped(void)
{
    velo_connection *connection = api_run_open("dropped");

    CHECK_RUN(connection, "CREATE TABLE t(a, b, c, d); CREATE INDEX i ON t(d)", "");
    CHECK_RUN(connection, "INSERT INTO t VALUES (1, 2, 3, 4), (5, zeroblob(30000), 7, 8)", "");
    CHECK_RUN(connection, "ALTER TABLE t DROP COLUMN b; SELECT * FROM t", "1,3,4|5,7,8");
    CHECK_RUN(connection, "SELECT sql FROM sqlite_schema WHERE name = 't'",
              "CREATE TABLE t(a, c, d)");
    CHECK_RUN(connection, "INSERT INTO t VALUES (9, 10, 11); UPDATE t SET c = c + 1", "");
    CHECK_RUN(connection, "ALTER TABLE t ADD b DEFAULT 'again'", "");
    CHECK_RUN(connection, "SELECT * FROM t WHERE d > 4", "5,8,8,again|9,11,11,again");
    CHECK_RUN(connection, "ALTER TABLE t DROP b; DELETE FROM t WHERE a = 5", "");
    CHECK_EQ(velo_close(connection), VELO_OK);
    connection = api_run_open("dropped");
    CHECK_RUN(connection, "SELECT * FROM t", "1,4,4|9,11,11");
    CHECK_RUN(connection, "PRAGMA integrity_check", "ok");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
what_cannot_be_dropped_is_refused(void)
{
    velo_connection *connection = api_run_open(NULL);

    CHECK_RUN(connection, "CREATE TABLE t(a PRIMARY KEY, b UNIQUE, c, d, e, f CHECK (f > 0), g)",
              "");
    CHECK_RUN(connection, "CREATE INDEX i ON t(c); CREATE VIEW v AS SELECT d FROM t", "");
    CHECK_RUN(connection, "ALTER TABLE t DROP a", "!cannot drop PRIMARY KEY column: \"a\"");
    CHECK_RUN(connection, "ALTER TABLE t DROP b", "!cannot drop UNIQUE column: \"b\"");
    CHECK_RUN(connection, "ALTER TABLE t DROP c",
              "!error in index i after drop column: no such column: c");
    CHECK_RUN(connection, "ALTER TABLE t DROP d",
              "!error in view v after drop column: no such column: d");
    CHECK_RUN(connection, "ALTER TABLE t DROP x", "!no such column: \"x\"");
    CHECK_RUN(connection, "ALTER TABLE v DROP d", "!cannot drop column from view \"v\"");
    CHECK_RUN(connection, "ALTER TABLE t DROP f; ALTER TABLE t DROP g", "");
    CHECK_RUN(connection, "CREATE TABLE u(a); ALTER TABLE u DROP a",
              "!cannot drop column \"a\": no other columns exist");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
long_defaults_go_where_they_fit(void)
{
    velo_connection *connection = api_run_open("long");
    static char sql[40100];
    int size = snprintf(sql, sizeof sql, "ALTER TABLE t ADD b DEFAULT '");

    memset(sql + size, 'x', 40000);
    (void)snprintf(sql + size + 40000, sizeof sql - (size_t)size - 40000, "'");
    CHECK_RUN(connection, "CREATE TABLE t(a)", "");
    CHECK_RUN(connection,
              "INSERT INTO t WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n "
              "WHERE i < 100) SELECT i FROM n",
              "");
    CHECK_RUN(connection, sql, "");
    CHECK_RUN(connection, "SELECT count(*), min(length(b)), max(length(b)) FROM t",
              "100,40000,40000");
    CHECK_RUN(connection, "UPDATE t SET a = 'y' WHERE a % 2 = 0", "");
    CHECK_RUN(connection, "UPDATE t SET b = 'y' WHERE a = 9", "");
    CHECK_RUN(connection, "INSERT INTO t(a) VALUES (5), (6); DELETE FROM t WHERE a = 3", "");
    CHECK_RUN(connection, "SELECT count(*), sum(length(b)), min(length(b)), max(length(b)) FROM t",
              "101,4000001,1,40000");
    CHECK_EQ(velo_close(connection), VELO_OK);
    connection = api_run_open("long");
    CHECK_RUN(connection, "SELECT count(*), sum(length(b)), sum(a = 'y') FROM t", "101,4000001,50");
    CHECK_RUN(connection, "PRAGMA integrity_check", "ok");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* ---- transactions ---- */

static void
what_is_rolled_back_leaves_nothing(void)
{
    velo_connection *connection = api_run_open("undone");

    CHECK_RUN(connection, "CREATE TABLE t(a); INSERT INTO t VALUES (1)", "");
    CHECK_RUN(connection, "BEGIN; ALTER TABLE t ADD b DEFAULT 'old'", "");
    CHECK_RUN(connection, "INSERT INTO t VALUES (2, 'x'); UPDATE t SET b = 'y' WHERE a = 1", "");
    CHECK_RUN(connection, "SAVEPOINT s; ALTER TABLE t ADD c DEFAULT 3", "");
    CHECK_RUN(connection, "INSERT INTO t VALUES (3, 4, 5); SELECT * FROM t", "1,y,3|2,x,3|3,4,5");
    CHECK_RUN(connection, "ROLLBACK TO s; SELECT * FROM t", "1,y|2,x");
    CHECK_RUN(connection, "ALTER TABLE t ADD d DEFAULT 'd'; SELECT * FROM t", "1,y,d|2,x,d");
    CHECK_RUN(connection, "ROLLBACK; SELECT * FROM t", "1");
    CHECK_RUN(connection, "ALTER TABLE t ADD b DEFAULT 'new'; SELECT * FROM t", "1,new");
    CHECK_RUN(connection, "BEGIN; ALTER TABLE t DROP b; INSERT INTO t VALUES (9)", "");
    CHECK_RUN(connection, "ROLLBACK; INSERT INTO t(a) VALUES (4); SELECT * FROM t", "1,new|4,new");
    CHECK_EQ(velo_close(connection), VELO_OK);
    connection = api_run_open("undone");
    CHECK_RUN(connection, "SELECT * FROM t", "1,new|4,new");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
older_snapshots_keep_their_columns(void)
{
    velo_connection *one = api_run_open("seen");
    velo_connection *other = api_run_open("seen");
    velo_statement *statement;

    CHECK_RUN(one, "CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2), (3, 4)", "");
    CHECK_RUN(other, "BEGIN; SELECT * FROM t", "1,2|3,4");
    CHECK_EQ(velo_prepare(one, "SELECT * FROM t", -1, &statement, NULL), VELO_OK);
    CHECK_EQ(velo_step(statement), VELO_ROW);
    CHECK_RUN(one, "ALTER TABLE t ADD c DEFAULT 5; UPDATE t SET c = 6, b = 7 WHERE a = 3", "");
    CHECK_RUN(one, "ALTER TABLE t DROP b; SELECT * FROM t", "1,5|3,6");
    CHECK_RUN(other, "SELECT * FROM t", "1,2|3,4");
    CHECK_RUN(other, "UPDATE t SET b = 0",
              "!the schema was changed after this transaction's snapshot");
    CHECK_RUN(other, "ROLLBACK; SELECT * FROM t", "1,5|3,6");
    CHECK_EQ(velo_step(statement), VELO_ROW); /* it goes on with its columns */
    CHECK_EQ(velo_column_count(statement), 2);
    CHECK_EQ(velo_column_int64(statement, 1), 4);
    CHECK_EQ(velo_finalize(statement), VELO_OK);
    CHECK_EQ(velo_close(one), VELO_OK);
    CHECK_EQ(velo_close(other), VELO_OK);
}

/* A transaction whose snapshot lacks rows does not check them. */
static void
rows_that_are_not_seen_are_not_passed_over(void)
{
    velo_connection *one = api_run_open("late");
    velo_connection *other = api_run_open("late");

    CHECK_RUN(one, "CREATE TABLE t(a)", "");
    CHECK_RUN(one, "BEGIN; SELECT * FROM t", "");
    CHECK_RUN(other, "INSERT INTO t VALUES (-1)", "");
    CHECK_RUN(one, "ALTER TABLE t ADD b NOT NULL",
              "!rows were committed after this transaction's snapshot");
    CHECK_RUN(one, "ALTER TABLE t ADD b CHECK (a > 0)",
              "!rows were committed after this transaction's snapshot");
    CHECK_RUN(one, "ALTER TABLE t ADD b DEFAULT 2; COMMIT", "");
    CHECK_RUN(one, "SELECT * FROM t", "-1,2");
    CHECK_EQ(velo_close(one), VELO_OK);
    CHECK_EQ(velo_close(other), VELO_OK);
}

/* ---- crashes ---- */

static void
a_crash_keeps_what_was_committed(void)
{
    velo_connection *connection = api_run_open("crash");

    CHECK_RUN(connection, "CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)", "");
    CHECK_RUN(connection, "PRAGMA wal_checkpoint; ALTER TABLE t ADD b DEFAULT 'b'", "0,-1,-1");
    CHECK_RUN(connection, "INSERT INTO t VALUES (3, 'x'); UPDATE t SET b = 'y' WHERE a = 2", "");
    CHECK_RUN(connection, "BEGIN; CREATE TABLE u(a); ALTER TABLE u ADD b; COMMIT", "");
    api_run_copy("crash", "copy");
    CHECK_EQ(velo_close(connection), VELO_OK);
    connection = api_run_open("copy");
    CHECK_RUN(connection, "SELECT * FROM t", "1,b|2,y|3,x");
    CHECK_RUN(connection, "INSERT INTO u VALUES (1, 2); SELECT * FROM u", "1,2");
    CHECK_RUN(connection, "PRAGMA integrity_check", "ok");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* Columns of a transaction that a crash undoes: in the log only, or in a checkpoint too. What
 * others log for them afterwards does not matter. */
static void
check_crash_in_transaction(int has_checkpoint, int is_undone)
{
    velo_connection *connection = api_run_open("crash");
    velo_connection *other = api_run_open("crash");

    CHECK_RUN(connection, "CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)", "");
    CHECK_RUN(connection, "PRAGMA wal_checkpoint", "0,-1,-1");
    CHECK_RUN(connection, "BEGIN; ALTER TABLE t ADD b DEFAULT 'old'", "");
    CHECK_RUN(connection, "INSERT INTO t VALUES (3, 'x'); UPDATE t SET b = 'y' WHERE a = 2", "");
    CHECK_RUN(connection, "CREATE TABLE u(a); ALTER TABLE u ADD b", "");
    if (has_checkpoint)
        CHECK_RUN(other, "PRAGMA wal_checkpoint", "0,-1,-1");
    if (is_undone) {
        CHECK_RUN(connection, "ROLLBACK; INSERT INTO t VALUES (3)", "");
        CHECK_RUN(other, "INSERT INTO t VALUES (4); DELETE FROM t WHERE a = 4", "");
    }
    api_run_copy("crash", "copy");
    CHECK_EQ(velo_close(connection), VELO_OK);
    CHECK_EQ(velo_close(other), VELO_OK);
    connection = api_run_open("copy");
    CHECK_RUN(connection, "SELECT * FROM t", is_undone ? "1|2|3" : "1|2");
    CHECK_RUN(connection, "ALTER TABLE t ADD b DEFAULT 'new'; SELECT * FROM t",
              is_undone ? "1,new|2,new|3,new" : "1,new|2,new");
    CHECK_RUN(connection, "UPDATE t SET b = 'z' WHERE a = 1; INSERT INTO t(a) VALUES (9)", "");
    CHECK_RUN(connection, "SELECT * FROM t",
              is_undone ? "1,z|2,new|3,new|9,new" : "1,z|2,new|9,new");
    CHECK_RUN(connection, "PRAGMA integrity_check; SELECT name FROM sqlite_schema", "ok|t");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
a_crash_undoes_what_was_not_committed(void)
{
    check_crash_in_transaction(0, 0);
}

static void
a_crash_undoes_what_a_checkpoint_has(void)
{
    check_crash_in_transaction(1, 0);
}

static void
a_crash_after_a_rollback(void)
{
    check_crash_in_transaction(0, 1);
}

static void
a_crash_after_a_checkpoint_and_a_rollback(void)
{
    check_crash_in_transaction(1, 1);
}

/* ---- many columns ---- */

/* A list of columns or values: "c0, c1, ..." or "0, 1, ...". */
static const char *
wide_list(const char *before, int count, const char *behind, const char *prefix)
{
    static char sql[40000];
    size_t size = (size_t)snprintf(sql, sizeof sql, "%s", before);

    for (int i = 0; i < count && size < sizeof sql; i++)
        size +=
            (size_t)snprintf(sql + size, sizeof sql - size, "%s%s%d", i > 0 ? ", " : "", prefix, i);
    if (size < sizeof sql)
        (void)snprintf(sql + size, sizeof sql - size, "%s", behind);
    return sql;
}

static void
tables_have_two_thousand_columns(void)
{
    velo_connection *connection = api_run_open("wide");
    velo_connection *other = api_run_open("wide");

    CHECK_RUN(connection, wide_list("CREATE TABLE t(", 2000, ")", "c"), "");
    CHECK_RUN(connection, wide_list("INSERT INTO t VALUES (", 2000, ")", ""), "");
    CHECK_RUN(connection, wide_list("INSERT INTO t VALUES (", 2000, ")", "10"), "");
    CHECK_RUN(connection, "CREATE INDEX i ON t(c1999)", "");
    CHECK_RUN(other, "BEGIN; SELECT c0, c7, c1999 FROM t", "0,7,1999|100,107,101999");
    CHECK_RUN(connection, "BEGIN; UPDATE t SET c7 = zeroblob(100000) WHERE c1999 = 1999", "");
    CHECK_RUN(connection, "SAVEPOINT s; UPDATE t SET c7 = c8; DELETE FROM t WHERE c0 = 0", "");
    CHECK_RUN(connection, "SELECT c0, c7 FROM t", "100,108");
    CHECK_RUN(connection, "ROLLBACK TO s; SELECT c0, typeof(c7), length(c7) FROM t",
              "0,blob,100000|100,integer,3");
    CHECK_RUN(connection, "COMMIT", "");
    CHECK_RUN(other, "SELECT c0, c7, c1999 FROM t", "0,7,1999|100,107,101999");
    CHECK_RUN(other, "COMMIT; SELECT length(c7), c1999 FROM t ORDER BY rowid DESC",
              "3,101999|100000,1999");
    CHECK_RUN(other, "ALTER TABLE t ADD x",
              "!error in table t after add column: too many columns "
              "on t");
    CHECK_RUN(other, "ALTER TABLE t DROP c5; BEGIN; ALTER TABLE t ADD x DEFAULT 'x'", "");
    CHECK_RUN(other, "SELECT c4, c6, x FROM t; ROLLBACK", "4,6,x|104,106,x");
    CHECK_RUN(other, "ALTER TABLE t ADD y DEFAULT 'y'; UPDATE t SET y = 1 WHERE c0 = 0", "");
    api_run_copy("wide", "copy");
    CHECK_EQ(velo_close(connection), VELO_OK);
    CHECK_EQ(velo_close(other), VELO_OK);
    connection = api_run_open("copy");
    CHECK_RUN(connection, "SELECT c4, c6, y FROM t WHERE c1999 > 0", "4,6,1|104,106,y");
    CHECK_RUN(connection, "UPDATE t SET rowid = rowid + 10, c0 = 5; DELETE FROM t WHERE y = 'y'",
              "");
    CHECK_RUN(connection, "SELECT rowid, c0, c1999, length(c7) FROM t; PRAGMA integrity_check",
              "11,5,1999,100000|ok");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* Columns that were dropped take room until there is none: then rows are written anew. */
static void
columns_come_and_go(void)
{
    velo_connection *connection = api_run_open("cycles");
    velo_connection *other = api_run_open("cycles");
    char sql[100];

    CHECK_RUN(connection, "PRAGMA synchronous = OFF", "");
    CHECK_RUN(connection, "CREATE TABLE t(a, b); CREATE INDEX i ON t(b)", "");
    CHECK_RUN(connection, "INSERT INTO t VALUES (1, 2), (3, 4), (5, 6)", "");
    for (int i = 0; i < 600; i++) {
        (void)snprintf(sql, sizeof sql, "ALTER TABLE t ADD c%d DEFAULT %d", i, i);
        CHECK_RUN(connection, sql, "");
        if (i == 100)
            CHECK_RUN(other, "BEGIN; SELECT * FROM t", "1,2,100|3,4,100|5,6,100");
        (void)snprintf(sql, sizeof sql, "UPDATE t SET c%d = 'x' WHERE b = 4", i);
        CHECK_RUN(connection, sql, "");
        if (i == 599)
            break;
        (void)snprintf(sql, sizeof sql, "ALTER TABLE t DROP c%d", i);
        CHECK_RUN(connection, sql, "");
    }
    CHECK_RUN(connection, "SELECT * FROM t WHERE b > 2", "3,4,x|5,6,599");
    CHECK_RUN(other, "SELECT * FROM t; COMMIT", "1,2,100|3,4,100|5,6,100");
    CHECK_RUN(other, "SELECT * FROM t", "1,2,599|3,4,x|5,6,599");
    CHECK_RUN(other, "PRAGMA integrity_check", "ok");
    CHECK_EQ(velo_close(connection), VELO_OK);
    CHECK_EQ(velo_close(other), VELO_OK);
}

/* From columns side by side to packed rows, by one column. */
static void
a_table_crosses_the_limit(void)
{
    velo_connection *connection = api_run_open("cross");
    char sql[100];

    CHECK_RUN(connection, "PRAGMA synchronous = OFF", "");
    CHECK_RUN(connection, wide_list("CREATE TABLE t(", 250, ")", "c"), "");
    CHECK_RUN(connection, wide_list("INSERT INTO t VALUES (", 250, ")", ""), "");
    CHECK_RUN(connection, "CREATE INDEX i ON t(c249); CREATE VIEW v AS SELECT c1 FROM t", "");
    for (int i = 250; i < 260; i++) {
        (void)snprintf(sql, sizeof sql, "ALTER TABLE t ADD c%d DEFAULT 'd%d'", i, i);
        CHECK_RUN(connection, sql, "");
    }
    CHECK_RUN(connection, "SELECT c1, c249, c250, c259 FROM t WHERE c249 = 249", "1,249,d250,d259");
    CHECK_RUN(connection, "UPDATE t SET c255 = 255; DELETE FROM t WHERE c249 = 0; SELECT * FROM v",
              "1");
    for (int i = 0; i < 240; i++) {
        (void)snprintf(sql, sizeof sql, "ALTER TABLE t DROP c%d", 2 + i);
        CHECK_RUN(connection, sql, "");
    }
    CHECK_RUN(connection, "ALTER TABLE t ADD last DEFAULT 'l'; SELECT * FROM t",
              "0,1,242,243,244,245,246,247,248,249,d250,d251,d252,d253,d254,255,d256,d257,d258,"
              "d259,l");
    CHECK_EQ(velo_close(connection), VELO_OK);
    connection = api_run_open("cross");
    CHECK_RUN(connection, "SELECT last, c0 FROM t; PRAGMA integrity_check", "l,0|ok");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* ---- memory ---- */

static void
no_memory_leaves_all_as_it_was(void)
{
    velo_connection *connection = api_run_open("memory");

    CHECK_RUN(connection, "CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2), (3, 4)", "");
    CHECK(api_run_each_failure(connection, "ALTER TABLE t ADD c DEFAULT 5 CHECK (c > 0)", 1,
                               "SELECT * FROM t", "1,2|3,4") > 0);
    CHECK_RUN(connection, "SELECT * FROM t", "1,2,5|3,4,5");
    CHECK(api_run_each_failure(connection, "ALTER TABLE t DROP COLUMN b", 1, "SELECT * FROM t",
                               "1,2,5|3,4,5") > 0);
    CHECK_RUN(connection, "SELECT * FROM t; PRAGMA integrity_check", "1,5|3,5|ok");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
no_memory_leaves_wide_rows_as_they_were(void)
{
    velo_connection *connection = api_run_open("memory");

    CHECK_RUN(connection, wide_list("CREATE TABLE t(", 254, ")", "c"), "");
    CHECK_RUN(connection, wide_list("INSERT INTO t VALUES (", 254, ")", ""), "");
    CHECK(api_run_each_failure(connection, "ALTER TABLE t ADD x DEFAULT 5", 1,
                               "SELECT c0, c253, * FROM t LIMIT 0; SELECT c0, c253 FROM t",
                               "0,253") > 0);
    CHECK_RUN(connection, "SELECT c0, c253, x FROM t", "0,253,5");
    CHECK(api_run_each_failure(connection, "UPDATE t SET c0 = 'new' WHERE c253 = 253", 1,
                               "SELECT c0, c253, x FROM t", "0,253,5") > 0);
    CHECK_RUN(connection, "SELECT c0, c253, x FROM t; PRAGMA integrity_check", "new,253,5|ok");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(old_rows_read_the_default),
        UNIT_TEST(generated_columns_are_added),
        UNIT_TEST(what_cannot_be_added_is_refused),
        UNIT_TEST(columns_are_dropped),
        UNIT_TEST(what_cannot_be_dropped_is_refused),
        UNIT_TEST(long_defaults_go_where_they_fit),
        UNIT_TEST(what_is_rolled_back_leaves_nothing),
        UNIT_TEST(older_snapshots_keep_their_columns),
        UNIT_TEST(rows_that_are_not_seen_are_not_passed_over),
        UNIT_TEST(a_crash_keeps_what_was_committed),
        UNIT_TEST(a_crash_undoes_what_was_not_committed),
        UNIT_TEST(a_crash_undoes_what_a_checkpoint_has),
        UNIT_TEST(a_crash_after_a_rollback),
        UNIT_TEST(a_crash_after_a_checkpoint_and_a_rollback),
        UNIT_TEST(tables_have_two_thousand_columns),
        UNIT_TEST(columns_come_and_go),
        UNIT_TEST(a_table_crosses_the_limit),
        UNIT_TEST(no_memory_leaves_all_as_it_was),
        UNIT_TEST(no_memory_leaves_wide_rows_as_they_were),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
