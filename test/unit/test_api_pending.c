/* test_api_pending.c - entries of indexes that wait (txn/txn_pending.c): who reads an index, a
 * savepoint and the commit find all of them there, and what is taken back takes them with it. */
#include "api/api_int.h"
#include "base/alloc.h"
#include "lib/api_run.h"
#include "lib/unit.h"
#include "txn/txn_int.h"

#include <stdio.h>

/* Rows that are inserted one by one before something happens; their entries wait in any build. */
#define PENDING_ROWS 5

/* A database with a table and three indexes, in which a transaction has inserted rows: `a` from 1
 * on, `b` falling. One entry of each waits: that of the unique index does not. */
static velo_connection *
pending_open(const char *name)
{
    static const char tables[] =
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE, b, c);"
        "CREATE INDEX tb ON t(b); CREATE INDEX tc ON t(c) WHERE c > 0;"
        "CREATE TABLE log(x); CREATE TABLE child(p REFERENCES t(a)); CREATE INDEX cp ON child(p)";
    velo_connection *connection = api_run_open(name);

    if (velo_exec(connection, tables, NULL, NULL) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "%s", velo_error_text(connection));
    return connection;
}

static void
pending_insert(velo_connection *connection, int first)
{
    char sql[100];

    for (int i = first; i < first + PENDING_ROWS; i++) {
        (void)snprintf(sql, sizeof sql, "INSERT INTO t(a, b) VALUES (%d, %d)", i, 100 - i);
        CHECK_RUN(connection, sql, "");
    }
}

/* How many entries wait. */
static uint32_t
pending_count(const velo_connection *connection)
{
    return connection->session->waiting;
}

static void
whoever_reads_or_deletes_finds_all_entries(void)
{
    static const struct {
        const char *sql, *wanted;
    } cases[] = {
        {"SELECT count(*) FROM t INDEXED BY tb WHERE b > 0", "5"},
        {"SELECT a FROM t WHERE b = 97", "3"},
        {"SELECT a FROM t WHERE b IN (97, 98) ORDER BY b DESC", "2|3"},
        {"SELECT max(b) FROM t", "99"},
        {"SELECT x.a FROM t AS x JOIN t AS y ON x.b = y.b WHERE y.a = 4", "4"},
        {"DELETE FROM t WHERE b = 96; SELECT count(*) FROM t INDEXED BY tb WHERE b > 0", "4"},
        {"DELETE FROM t WHERE id = 2; SELECT a FROM t WHERE b > 0 ORDER BY b", "5|4|3|1"},
        {"DELETE FROM t; SELECT count(*) FROM t INDEXED BY tb WHERE b > 0", "0"},
        {"UPDATE t SET b = 7 WHERE id = 2; SELECT a FROM t WHERE b = 7", "2"},
        {"UPDATE t SET id = 70 WHERE id = 2; SELECT id FROM t WHERE b = 98", "70"},
        {"REPLACE INTO t(a, b) VALUES (2, 8); SELECT id FROM t WHERE b IN (8, 98)", "6"},
        {"INSERT INTO t(a, b) VALUES (2, 8) ON CONFLICT(a) DO UPDATE SET b = 9;"
         "SELECT id FROM t WHERE b IN (8, 9, 98)",
         "2"},
        {"INSERT OR IGNORE INTO t(a, b) VALUES (2, 8); SELECT id FROM t WHERE b IN (8, 98)", "2"},
        {"INSERT INTO t(a, b) SELECT a + 10, b + 1 FROM t WHERE b < 97; SELECT count(*) FROM t "
         "INDEXED BY tb WHERE b > 0",
         "7"},
        {"PRAGMA integrity_check", "ok"},
        {"ANALYZE; SELECT stat FROM sqlite_stat1 WHERE idx = 'tb'", "5 1"},
        {"REINDEX; SELECT a FROM t WHERE b = 97", "3"},
        {"CREATE INDEX tx ON t(b, a); SELECT a FROM t INDEXED BY tb WHERE b = 97", "3"},
        {"ALTER TABLE t RENAME TO u; SELECT a FROM u WHERE b = 97; ALTER TABLE u RENAME TO t", "3"},
        {"ALTER TABLE t ADD d DEFAULT 4; SELECT a, d FROM t WHERE b = 97", "3,4"},
        {"DROP INDEX tb; SELECT a FROM t WHERE b = 97", "3"},
        {"DROP TABLE t; SELECT count(*) FROM log", "0"},
        {"SAVEPOINT s; ROLLBACK TO s; SELECT a FROM t WHERE b = 97", "3"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases && !unit_has_failed(); i++) {
        velo_connection *connection = pending_open(NULL);

        CHECK_RUN(connection, "BEGIN", "");
        pending_insert(connection, 1);
        CHECK_EQ(pending_count(connection), PENDING_ROWS);
        CHECK_RUN(connection, cases[i].sql, cases[i].wanted);
        if (pending_count(connection) > 0)
            unit_failed(__FILE__, __LINE__, "entries wait still: %s", cases[i].sql);
        CHECK_RUN(connection, "PRAGMA integrity_check", "ok");
        if (i % 2 == 0)
            CHECK_RUN(connection, "COMMIT; PRAGMA integrity_check", "ok");
        else
            CHECK_RUN(connection, "ROLLBACK; SELECT count(*) FROM t; PRAGMA integrity_check",
                      "0|ok");
        CHECK_OK(velo_close(connection));
    }
}

static void
what_reads_no_index_lets_entries_wait(void)
{
    velo_connection *connection = pending_open(NULL);

    CHECK_RUN(connection, "BEGIN", "");
    pending_insert(connection, 1);
    CHECK_RUN(connection, "SELECT count(*), max(id) FROM t NOT INDEXED", "5,5");
    CHECK_RUN(connection, "INSERT INTO log VALUES (1); UPDATE log SET x = 2; SELECT x FROM log",
              "2");
    CHECK_RUN(connection, "UPDATE t SET c = c WHERE id = 1", "");
    CHECK_RUN(connection, "SELECT a FROM t WHERE a = 3; SELECT count(*) FROM child WHERE p = 7",
              "3|0");
    CHECK_RUN(connection, "INSERT INTO child VALUES (4), (4); DELETE FROM child WHERE rowid = 1",
              "");
    CHECK_EQ(pending_count(connection), 0); /* the last one deletes an entry of those that wait */
    pending_insert(connection, 60);
    CHECK_RUN(connection, "INSERT INTO child SELECT 5 WHERE EXISTS (SELECT 1 FROM t WHERE a = 2)",
              "");
    CHECK_EQ(pending_count(connection), PENDING_ROWS + 1);
    CHECK_RUN(connection, "COMMIT; SELECT a FROM t WHERE b = 97", "3");
    CHECK_EQ(pending_count(connection), 0);
    CHECK(connection->session->pending == NULL);

    /* One row of its own needs none to wait; many of a statement do until its end. */
    CHECK_RUN(connection, "INSERT INTO t(a, b) VALUES (80, 8); SELECT a FROM t WHERE b = 8", "80");
    CHECK_RUN(connection,
              "INSERT INTO t(a, b) VALUES (81, 8), (82, 8); SELECT a FROM t WHERE b = 8",
              "80|81|82");
    CHECK_RUN(connection, "PRAGMA integrity_check", "ok");
    CHECK_OK(velo_close(connection));
}

static void
statements_and_savepoints_take_entries_back(void)
{
    velo_connection *connection = pending_open(NULL);

    CHECK_RUN(connection, "BEGIN", "");
    pending_insert(connection, 1);
    /* A statement that fails behind others, whose entries wait on. */
    CHECK_RUN(connection, "INSERT INTO t(a, b) VALUES (20, 1)", "");
    CHECK_RUN(connection, "INSERT INTO t(a, b) VALUES (21, 1), (22, 1), (3, 1)",
              "!UNIQUE constraint failed: t.a");
    CHECK_RUN(connection, "INSERT OR FAIL INTO t(a, b) VALUES (23, 1), (3, 1), (24, 1)",
              "!UNIQUE constraint failed: t.a");
    CHECK_RUN(connection, "SELECT a FROM t WHERE b = 1", "20|23");
    CHECK_RUN(connection,
              "SAVEPOINT s; INSERT INTO t(a, b) VALUES (30, 2);"
              "INSERT INTO t(a, b) VALUES (31, 2); ROLLBACK TO s",
              "");
    CHECK_EQ(pending_count(connection), 0);
    CHECK_RUN(connection,
              "INSERT INTO t(a, b) VALUES (32, 2); SAVEPOINT r;"
              "INSERT INTO t(a, b) VALUES (33, 2); SELECT a FROM t WHERE b = 2",
              "32|33");
    CHECK_RUN(connection,
              "INSERT INTO t(a, b) VALUES (34, 2); ROLLBACK TO r;"
              "SELECT a FROM t WHERE b = 2",
              "32");
    CHECK_RUN(connection,
              "INSERT INTO t(a, b) VALUES (35, 2); RELEASE s; COMMIT;"
              "SELECT a FROM t WHERE b = 2; PRAGMA integrity_check",
              "32|35|ok");
    CHECK_RUN(connection,
              "BEGIN; INSERT INTO t(a, b) VALUES (36, 2); ROLLBACK;"
              "SELECT a FROM t WHERE b = 2; PRAGMA integrity_check",
              "32|35|ok");
    CHECK_OK(velo_close(connection));
}

/* Entries that waited when a statement began are put in the midst of it, and it fails: they wait
 * again. */
static void
entries_of_before_a_statement_outlast_its_failure(void)
{
    static const char *const triggers[] = {
        "CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO log SELECT a FROM t WHERE b = 97; "
        "END",
        "CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t WHERE b = 97; END",
        "CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO child VALUES (new.a); "
        "SELECT count(*) FROM child WHERE p = 3; END",
        "CREATE TRIGGER g BEFORE INSERT ON t BEGIN UPDATE t SET b = b + 0.5 WHERE b > 90; END",
    };
    static const char *const inserts[] = {
        "INSERT INTO t(a, b) VALUES (11, 1), (12, 1), (13, 1), (11, 1)",
        "INSERT INTO t(a, b) SELECT 11, 1 UNION ALL SELECT 12, 1 UNION ALL SELECT 11, 7",
        "INSERT INTO t(a, b) SELECT CASE value WHEN 40 THEN 51 ELSE value + 50 END, 1 FROM n40",
    };

    for (size_t i = 0; i < 4 * 3 && !unit_has_failed(); i++) {
        velo_connection *connection = pending_open(NULL);

        CHECK_RUN(connection, "CREATE VIEW n40 AS SELECT value FROM generate_series(1, 40); BEGIN",
                  "");
        pending_insert(connection, 1);
        CHECK_RUN(connection, "COMMIT", "");
        CHECK_RUN(connection, triggers[i % 4], "");
        CHECK_RUN(connection, "DROP TRIGGER g; BEGIN", "");
        pending_insert(connection, 40);
        CHECK_EQ(pending_count(connection), PENDING_ROWS);
        CHECK_RUN(connection, triggers[i % 4], ""); /* the index is not read for that */
        CHECK_RUN(connection, "INSERT INTO t(a, b) VALUES (46, 3)", "");
        CHECK_RUN(connection, inserts[i / 4], "!UNIQUE constraint failed: t.a");
        CHECK_RUN(connection, inserts[i / 4], "!UNIQUE constraint failed: t.a");
        CHECK_RUN(connection, "SELECT count(*) FROM t INDEXED BY tb WHERE b BETWEEN 50 AND 61",
                  "5");
        CHECK_RUN(connection, "PRAGMA integrity_check", "ok");
        CHECK_RUN(connection,
                  i % 2 == 0 ? "COMMIT; PRAGMA integrity_check"
                             : "ROLLBACK; PRAGMA integrity_check",
                  "ok");
        CHECK_OK(velo_close(connection));
    }
}

/* A large statement behind others puts entries again and again, and keeps those of before. */
static void
statements_with_many_entries_keep_those_of_before(void)
{
    for (int fails = 0; fails < 2; fails++) {
        velo_connection *connection = pending_open(NULL);

        CHECK_RUN(connection, "BEGIN", "");
        pending_insert(connection, 1);
        CHECK_RUN(connection,
                  fails
                      ? "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
                        "900) INSERT INTO t(a, b, c) SELECT CASE i WHEN 900 THEN 5 ELSE 1000 - i "
                        "END, i % 37, i % 5 FROM n"
                      : "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
                        "900) INSERT INTO t(a, b, c) SELECT 1000 - i, i % 37, i % 5 FROM n",
                  fails ? "!UNIQUE constraint failed: t.a" : "");
        CHECK_RUN(connection, "SELECT count(*) FROM t INDEXED BY tb WHERE b >= 0",
                  fails ? "5" : "905");
        CHECK_RUN(connection, "SELECT count(*) FROM t INDEXED BY tc WHERE c > 0",
                  fails ? "0" : "720");
        CHECK_RUN(connection, "COMMIT; PRAGMA integrity_check", "ok");
        CHECK_OK(velo_close(connection));
    }
}

/* A cursor that is open does not see entries of later statements, whenever they are put. */
static void
cursors_do_not_see_later_entries(void)
{
    velo_connection *connection = pending_open(NULL);
    velo_statement *cursor = NULL;
    char sql[80];
    int count = 0;

    CHECK_RUN(connection, "BEGIN", "");
    pending_insert(connection, 1);
    CHECK_OK(velo_prepare(connection, "SELECT a, b FROM t INDEXED BY tb WHERE b > 0 ORDER BY b", -1,
                          &cursor, NULL));
    while (velo_step(cursor) == VELO_ROW) {
        CHECK_EQ(velo_column_int64(cursor, 0), PENDING_ROWS - count);
        (void)snprintf(sql, sizeof sql, "INSERT INTO t(a, b) VALUES (%d, %d)", 50 + count,
                       99 + count);
        CHECK_RUN(connection, sql, "");
        if (count++ == 2) /* are put while the cursor stands where it is */
            CHECK_RUN(connection, "SELECT count(*) FROM t WHERE b > 98", "4");
    }
    CHECK_EQ(count, PENDING_ROWS);
    CHECK_OK(velo_finalize(cursor));
    CHECK_RUN(connection, "SELECT count(*) FROM t WHERE b > 0; COMMIT; PRAGMA integrity_check",
              "10|ok");
    CHECK_OK(velo_close(connection));
}

/* Whatever is copied while entries wait is whole without them, and with them after the commit. */
static void
crashes_leave_no_entry_without_a_row(void)
{
    velo_connection *one = pending_open("crash"), *two = api_run_open("crash"), *copy;

    CHECK_RUN(one, "BEGIN", "");
    for (int step = 0; step < 4; step++) {
        char name[20];

        pending_insert(one, 1 + step * PENDING_ROWS);
        if (step == 1)
            CHECK_RUN(one, "SELECT count(*) FROM t WHERE b > 0", "10");
        if (step >= 2)
            CHECK_OK(velo_exec(two, "PRAGMA wal_checkpoint", NULL, NULL));
        if (step == 3)
            CHECK_RUN(one, "COMMIT", "");
        (void)snprintf(name, sizeof name, "crash%d", step);
        api_run_copy("crash", name);
        copy = api_run_open(name);
        CHECK_RUN(copy,
                  "SELECT count(*) FROM t; SELECT count(*) FROM t INDEXED BY tb WHERE b > 0;"
                  "PRAGMA integrity_check",
                  step == 3 ? "20|20|ok" : "0|0|ok");
        CHECK_OK(velo_close(copy));
    }
    CHECK_RUN(two, "SELECT count(*) FROM t WHERE b > 0", "20");
    CHECK_OK(velo_close(two));
    CHECK_OK(velo_close(one));
}

/* Two who give a row the same number and the same entry: the second waits for the row, and commits
 * of the first do not wait for the second's entry. */
static void
others_meet_the_row_before_the_entry(void)
{
    velo_connection *one = pending_open("meet"), *two = api_run_open("meet");

    CHECK_RUN(one, "BEGIN CONCURRENT; INSERT INTO t(id, b) VALUES (7, 7)", "");
    CHECK_RUN(two, "PRAGMA busy_timeout = 0", "0");
    CHECK(api_run(two, "INSERT INTO t(id, b) VALUES (7, 7)")[0] == '!');
    CHECK_RUN(two, "BEGIN CONCURRENT; INSERT INTO t(id, b) VALUES (8, 7)", "");
    CHECK(api_run(two, "INSERT INTO t(id, b) VALUES (7, 7)")[0] == '!');
    CHECK_RUN(one, "COMMIT; SELECT id FROM t WHERE b = 7", "7");
    CHECK_RUN(two, "COMMIT; SELECT id FROM t WHERE b = 7; PRAGMA integrity_check", "7|8|ok");
    CHECK_OK(velo_close(two));
    CHECK_OK(velo_close(one));
}

static void
memory_may_run_out(void)
{
    static const char probe[] =
        "SELECT count(*) FROM t NOT INDEXED; SELECT count(*) FROM t WHERE b > 0;"
        "PRAGMA integrity_check";
    velo_connection *connection = pending_open("memory");
    unsigned failures;

    /* A statement of its own, which is undone. */
    failures = api_run_each_failure(
        connection,
        "INSERT INTO t(a, b, c) SELECT 10 * x.value, x.value, 1 FROM generate_series(1, 60) x", 1,
        probe, "0|0|ok");
    CHECK(failures > 10);
    CHECK_RUN(connection, probe, "60|60|ok");

    /* The commit of others: the transaction goes on, and is committed once there is memory. */
    for (uint64_t nth = 1; nth < 200 && !unit_has_failed(); nth++) {
        velo_status st;

        CHECK_RUN(connection, "DELETE FROM t; BEGIN", "");
        pending_insert(connection, 1);
        vl_allocator_fail_nth(vl_allocator_default(), nth, 1);
        st = velo_exec(connection, "COMMIT", NULL, NULL);
        vl_allocator_fail_nth(vl_allocator_default(), 0, 0);
        if (st == VELO_OK) {
            CHECK_RUN(connection, probe, "5|5|ok");
            CHECK(nth > 2);
            break;
        }
        CHECK_STATUS(st, VELO_NOMEM);
        CHECK_RUN(connection, nth % 2 == 0 ? "COMMIT" : "ROLLBACK", "");
        CHECK_RUN(connection, probe, nth % 2 == 0 ? "5|5|ok" : "0|0|ok");
    }
    CHECK_OK(velo_close(connection));
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(whoever_reads_or_deletes_finds_all_entries),
        UNIT_TEST(what_reads_no_index_lets_entries_wait),
        UNIT_TEST(statements_and_savepoints_take_entries_back),
        UNIT_TEST(entries_of_before_a_statement_outlast_its_failure),
        UNIT_TEST(statements_with_many_entries_keep_those_of_before),
        UNIT_TEST(cursors_do_not_see_later_entries),
        UNIT_TEST(crashes_leave_no_entry_without_a_row),
        UNIT_TEST(others_meet_the_row_before_the_entry),
        UNIT_TEST(memory_may_run_out),
    };

    return unit_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
