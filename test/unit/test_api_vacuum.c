/* test_api_vacuum.c - VACUUM and VACUUM INTO through velocidb.h. */
#include "lib/api_run.h"
#include "lib/unit.h"

#include "base/alloc.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VACUUM_FILL(count)                                                                         \
    "INSERT INTO t WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i "      \
    "< " #count ") SELECT i, i % 100, 'text ' || i FROM n"

/* What is asked of a database and its copy. */
#define VACUUM_PROBE                                                                               \
    "SELECT count(*), sum(a), sum(b), max(c) FROM t; SELECT count(*) FROM t WHERE b = 5;"          \
    "PRAGMA integrity_check"

static long long
vacuum_size(const char *name)
{
    struct stat stats;

    if (stat(unit_path(name), &stats) != 0) {
        unit_failed(__FILE__, __LINE__, "there is no file %s", name);
        return -1;
    }
    return (long long)stats.st_size;
}

/* VACUUM INTO a file of the test's folder. */
static const char *
vacuum_into(velo_connection *connection, const char *name)
{
    char sql[700];

    (void)snprintf(sql, sizeof sql, "VACUUM INTO '%s'", unit_path(name));
    return api_run(connection, sql);
}

static velo_connection *
vacuum_make(const char *name)
{
    velo_connection *connection = api_run_open(name);

    if (velo_exec(connection,
                  "PRAGMA synchronous = OFF; CREATE TABLE t(a INTEGER PRIMARY KEY, b, c); "
                  "CREATE INDEX tb ON t(b); " VACUUM_FILL(20000),
                  NULL, NULL) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "%s", velo_error_text(connection));
    return connection;
}

/* ---- INTO ---- */

static void
a_copy_has_all_of_it(void)
{
    velo_connection *connection = vacuum_make("all");
    velo_connection *copy;

    CHECK_RUN(connection, "CREATE TABLE u(x INTEGER PRIMARY KEY AUTOINCREMENT, y UNIQUE)", "");
    CHECK_RUN(connection, "INSERT INTO u(y) VALUES ('a'), (NULL), (2.5), (x'00ff')", "");
    CHECK_RUN(connection, "DELETE FROM u WHERE x = 4; CREATE TABLE w(k, v)", "");
    CHECK_RUN(connection, "INSERT INTO w VALUES (1, zeroblob(100000)), ('é', '')", "");
    CHECK_RUN(connection, "ALTER TABLE w ADD d DEFAULT 9; ALTER TABLE w DROP k", "");
    CHECK_RUN(connection, "CREATE TABLE e(z AS (1), x INTEGER PRIMARY KEY)", "");
    CHECK_RUN(connection, "INSERT INTO e(x) VALUES (5); CREATE VIEW v AS SELECT d FROM w", "");
    CHECK_RUN(connection, "PRAGMA user_version = 7; PRAGMA application_id = 8; ANALYZE", "");
    CHECK_TEXT(vacuum_into(connection, "copy"), "");
    CHECK_EQ(velo_close(connection), VELO_OK);
    copy = api_run_open("copy");
    CHECK_RUN(copy, VACUUM_PROBE, "20000,200010000,990000,text 9999|200|ok");
    CHECK_RUN(copy, "SELECT x, typeof(y) FROM u; SELECT seq FROM sqlite_sequence",
              "1,text|2,null|3,real|4");
    CHECK_RUN(copy, "SELECT length(v), typeof(v), d FROM w; SELECT * FROM v",
              "100000,blob,9|0,text,9|9|9");
    CHECK_RUN(copy, "SELECT * FROM e; PRAGMA user_version; PRAGMA application_id", "1,5|7|8");
    CHECK_RUN(copy, "INSERT INTO u(y) VALUES (1); SELECT max(x) FROM u", "5");
    CHECK_RUN(copy, "INSERT INTO u(y) VALUES ('a')", "!UNIQUE constraint failed: u.y");
    CHECK_RUN(copy, "ALTER TABLE w ADD k DEFAULT 'k'; SELECT k, d FROM w", "k,9|k,9");
    CHECK_RUN(copy, "SELECT * FROM sqlite_stat1 WHERE idx = 'tb'", "t,tb,20000 200");
    CHECK_EQ(velo_close(copy), VELO_OK);
}

static void
the_file_is_named_by_an_expression(void)
{
    velo_connection *connection = vacuum_make(NULL);
    velo_statement *statement;
    char sql[700];

    (void)snprintf(sql, sizeof sql, "VACUUM main INTO '%s' || lower('X')", unit_path("expr-"));
    CHECK_RUN(connection, sql, "");
    CHECK(vacuum_size("expr-x") > 0);
    CHECK_EQ(velo_prepare(connection, "VACUUM INTO ?", -1, &statement, NULL), VELO_OK);
    CHECK_EQ(velo_step(statement), VELO_ERROR);
    CHECK_TEXT(velo_error_text(connection), "non-text filename");
    CHECK_EQ(velo_reset(statement), VELO_ERROR);
    CHECK_EQ(velo_bind_text(statement, 1, unit_path("bound"), -1, VELO_COPY), VELO_OK);
    CHECK_EQ(velo_step(statement), VELO_DONE);
    CHECK_EQ(velo_finalize(statement), VELO_OK);
    CHECK(vacuum_size("bound") > 0);
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
what_is_in_the_way_is_told(void)
{
    velo_connection *connection = vacuum_make("way");
    velo_statement *statement;
    FILE *empty = fopen(unit_path("empty"), "wb");

    CHECK(empty != NULL && fclose(empty) == 0);
    CHECK_TEXT(vacuum_into(connection, "way"), "!output file already exists");
    CHECK_TEXT(vacuum_into(connection, "empty"), "");
    CHECK_TEXT(vacuum_into(connection, "empty"), "!output file already exists");
    CHECK_CONTAINS(vacuum_into(connection, "no/such/folder"), "!");
    CHECK_RUN(connection, "VACUUM nowhere", "!unknown database nowhere");
    CHECK_RUN(connection, "VACUUM nowhere INTO 'x'", "!unknown database nowhere");
    CHECK_RUN(connection, "BEGIN; VACUUM", "!cannot VACUUM from within a transaction");
    CHECK_TEXT(vacuum_into(connection, "never"), "!cannot VACUUM from within a transaction");
    CHECK_RUN(connection, "ROLLBACK; " VACUUM_PROBE, "20000,200010000,990000,text 9999|200|ok");
    CHECK_EQ(velo_prepare(connection, "SELECT a FROM t", -1, &statement, NULL), VELO_OK);
    CHECK_EQ(velo_step(statement), VELO_ROW);
    CHECK_RUN(connection, "VACUUM", "!cannot VACUUM - SQL statements in progress");
    CHECK_EQ(velo_finalize(statement), VELO_OK);
    CHECK(access(unit_path("never"), F_OK) != 0);
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* A thread that moves amounts between rows until it is told to stop. */
typedef struct vacuum_worker {
    pthread_t thread;
    velo_connection *connection;
    _Atomic int *is_over;
    _Atomic int moves;
    int has_failed;
} vacuum_worker;

static void *
vacuum_move(void *argument)
{
    vacuum_worker *self = argument;
    static const char *const sql =
        "BEGIN; UPDATE t SET b = b - 1 WHERE a = 17; UPDATE t SET b = b + 1 WHERE a = 18017; "
        "INSERT INTO t SELECT max(a) + 1, -1, 'x' FROM t; "
        "INSERT INTO t SELECT max(a) + 1, 1, 'y' FROM t; COMMIT";

    while (!atomic_load(self->is_over)) {
        self->has_failed =
            self->has_failed || velo_exec(self->connection, sql, NULL, NULL) != VELO_OK;
        atomic_fetch_add(&self->moves, 1);
    }
    return NULL;
}

static void
a_copy_is_one_snapshot_of_many(void)
{
    velo_connection *connection = vacuum_make("busy");
    _Atomic int is_over = 0;
    vacuum_worker worker = {.connection = api_run_open("busy"), .is_over = &is_over};
    velo_connection *copy;
    char name[20];

    CHECK_RUN(worker.connection, "PRAGMA synchronous = OFF", "");
    CHECK_EQ(pthread_create(&worker.thread, NULL, vacuum_move, &worker), 0);
    for (int i = 0; i < 5; i++) {
        int before = atomic_load(&worker.moves);

        (void)snprintf(name, sizeof name, "copy%d", i);
        CHECK_TEXT(vacuum_into(connection, name), "");
        while (atomic_load(&worker.moves) == before) /* it is not held up for good */
            (void)sched_yield();
    }
    atomic_store(&is_over, 1);
    CHECK_EQ(pthread_join(worker.thread, NULL), 0);
    CHECK(!worker.has_failed);
    for (int i = 0; i < 5; i++) {
        (void)snprintf(name, sizeof name, "copy%d", i);
        copy = api_run_open(name);
        CHECK_RUN(copy, "SELECT sum(b), count(*) % 2 FROM t; PRAGMA integrity_check",
                  "990000,0|ok");
        CHECK_EQ(velo_close(copy), VELO_OK);
    }
    CHECK_EQ(velo_close(connection), VELO_OK);
    CHECK_EQ(velo_close(worker.connection), VELO_OK);
}

/* ---- in place ---- */

static void
the_file_gets_shorter(void)
{
    velo_connection *connection = vacuum_make("short");
    velo_connection *other = api_run_open("short");
    long long before;

    CHECK_RUN(connection, "ALTER TABLE t ADD d; UPDATE t SET d = zeroblob(4000) WHERE a % 20 = 0",
              "");
    CHECK_RUN(connection, "ALTER TABLE t DROP d; PRAGMA wal_checkpoint", "0,-1,-1");
    before = vacuum_size("short");
    CHECK(before > 4000000);
    CHECK_RUN(connection, "VACUUM; " VACUUM_PROBE, "20000,200010000,990000,text 9999|200|ok");
    CHECK(vacuum_size("short") < before / 3);
    before = vacuum_size("short");
    CHECK_RUN(connection, "DELETE FROM t WHERE a > 1000; VACUUM", "");
    CHECK(vacuum_size("short") < before / 2);
    CHECK_RUN(other, VACUUM_PROBE, "1000,500500,49500,text 999|10|ok");
    CHECK_RUN(other, "INSERT INTO t VALUES (-1, 5, NULL); DELETE FROM t WHERE b = 6", "");
    CHECK_RUN(connection, VACUUM_PROBE, "991,495939,49445,text 999|11|ok");
    CHECK_EQ(velo_close(connection), VELO_OK);
    CHECK_EQ(velo_close(other), VELO_OK);
    connection = api_run_open("short");
    CHECK_RUN(connection, VACUUM_PROBE, "991,495939,49445,text 999|11|ok");
    CHECK_RUN(connection, "VACUUM; VACUUM; " VACUUM_PROBE, "991,495939,49445,text 999|11|ok");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
older_snapshots_go_on(void)
{
    velo_connection *one = vacuum_make("seen");
    velo_connection *other = api_run_open("seen");
    long long before;

    CHECK_RUN(other, "BEGIN; " VACUUM_PROBE, "20000,200010000,990000,text 9999|200|ok");
    CHECK_RUN(one, "DELETE FROM t WHERE a > 100; VACUUM", "");
    CHECK_RUN(one, VACUUM_PROBE, "100,5050,4950,text 99|1|ok");
    before = vacuum_size("seen");
    CHECK_RUN(other, "SELECT count(*), sum(a) FROM t; SELECT count(*) FROM t WHERE b = 5",
              "20000,200010000|200");
    CHECK_RUN(other, "COMMIT; " VACUUM_PROBE, "100,5050,4950,text 99|1|ok");
    CHECK_RUN(one, "VACUUM", "");
    CHECK(vacuum_size("seen") < before / 2);
    CHECK_RUN(other, VACUUM_PROBE, "100,5050,4950,text 99|1|ok");
    CHECK_EQ(velo_close(one), VELO_OK);
    CHECK_EQ(velo_close(other), VELO_OK);
}

static void
it_works_beside_writers(void)
{
    velo_connection *connection = vacuum_make("beside");
    _Atomic int is_over = 0;
    vacuum_worker worker = {.connection = api_run_open("beside"), .is_over = &is_over};

    CHECK_RUN(worker.connection, "PRAGMA synchronous = OFF; PRAGMA busy_timeout = 60000", "60000");
    CHECK_RUN(connection, "PRAGMA busy_timeout = 60000", "60000");
    CHECK_EQ(pthread_create(&worker.thread, NULL, vacuum_move, &worker), 0);
    for (int i = 0; i < 5; i++) {
        const char *got = api_run(connection, "VACUUM");

        if (got[0] != 0 && velo_error_code(connection) != VELO_BUSY)
            unit_failed(__FILE__, __LINE__, "%s", got);
    }
    atomic_store(&is_over, 1);
    CHECK_EQ(pthread_join(worker.thread, NULL), 0);
    CHECK_RUN(connection, "SELECT sum(b), count(*) % 2 FROM t; PRAGMA integrity_check",
              "990000,0|ok");
    CHECK_EQ(velo_close(connection), VELO_OK);
    CHECK_EQ(velo_close(worker.connection), VELO_OK);
}

static void
in_memory_nothing_gets_shorter(void)
{
    velo_connection *connection = vacuum_make(NULL);

    CHECK_RUN(connection, "DELETE FROM t WHERE a > 1000; VACUUM; " VACUUM_PROBE,
              "1000,500500,49500,text 999|10|ok");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* ---- crashes and memory ---- */

static void
a_crash_finds_all_of_it(void)
{
    velo_connection *connection = vacuum_make("crash");
    velo_connection *copy;

    CHECK_RUN(connection, "DELETE FROM t WHERE a > 1000; VACUUM", "");
    CHECK_RUN(connection, "PRAGMA synchronous = FULL; INSERT INTO t VALUES (-5, 5, 'z')", "");
    api_run_copy("crash", "copy");
    CHECK_EQ(velo_close(connection), VELO_OK);
    copy = api_run_open("copy");
    CHECK_RUN(copy, VACUUM_PROBE, "1001,500495,49505,z|11|ok");
    CHECK_EQ(velo_close(copy), VELO_OK);
}

static void
no_memory_leaves_all_as_it_was(void)
{
    velo_connection *connection = api_run_open("memory");
    char sql[700];

    CHECK_RUN(connection, "PRAGMA synchronous = OFF", "");
    CHECK_RUN(connection, "CREATE TABLE t(a INTEGER PRIMARY KEY, b, c); CREATE INDEX tb ON t(b)",
              "");
    CHECK_RUN(connection, VACUUM_FILL(20), "");
    CHECK_RUN(connection, "UPDATE t SET c = zeroblob(20000) WHERE a = 2", "");
    (void)snprintf(sql, sizeof sql, "VACUUM INTO '%s'", unit_path("copy"));
    CHECK(api_run_each_failure(connection, sql, 5, "SELECT sum(length(c)) FROM t WHERE b > 0",
                               "20125") > 0);
    CHECK(api_run_each_failure(connection, "VACUUM", 5, "SELECT sum(length(c)) FROM t WHERE b > 0",
                               "20125") > 0);
    CHECK_RUN(connection, "PRAGMA integrity_check", "ok");
    CHECK_EQ(velo_close(connection), VELO_OK);
    connection = api_run_open("copy");
    CHECK_RUN(connection, "SELECT sum(length(c)) FROM t WHERE b > 0; PRAGMA integrity_check",
              "20125|ok");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(a_copy_has_all_of_it),       UNIT_TEST(the_file_is_named_by_an_expression),
        UNIT_TEST(what_is_in_the_way_is_told), UNIT_TEST(a_copy_is_one_snapshot_of_many),
        UNIT_TEST(the_file_gets_shorter),      UNIT_TEST(older_snapshots_go_on),
        UNIT_TEST(it_works_beside_writers),    UNIT_TEST(in_memory_nothing_gets_shorter),
        UNIT_TEST(a_crash_finds_all_of_it),    UNIT_TEST(no_memory_leaves_all_as_it_was),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
