/* test_api_first.c - the first statement inside of BEGIN, which meets what others have committed
 * since it began: it runs again by a new snapshot as long as nobody has seen the old one. */
#include "lib/api_run.h"
#include "lib/unit.h"

#include "base/platform.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* What the function "meddle" does at its first call, and the two connections. */
typedef struct first_rig {
    velo_connection *one;   /* has the function */
    velo_connection *other; /* what is meddled with by; or `one` itself */
    const char *sql;        /* NULL: nothing */
    velo_connection *by;    /* who runs it */
    int calls;              /* so far */
} first_rig;

static void
first_meddle(velo_call *call, int count, velo_value **arguments)
{
    first_rig *rig = velo_call_user(call);
    const char *sql = rig->sql;

    (void)count;
    (void)arguments;
    rig->calls++;
    rig->sql = NULL;
    if (sql != NULL && velo_exec(rig->by, sql, NULL, NULL) != VELO_OK)
        velo_result_error(call, velo_error_code(rig->by), velo_error_text(rig->by));
    else
        velo_result_int64(call, 0);
}

static void
first_open(first_rig *rig, const char *name)
{
    velo_function function = {
        .size = sizeof function, .name = "meddle", .user = rig, .scalar = first_meddle};

    rig->one = api_run_open(name);
    rig->other = api_run_open(name);
    rig->by = rig->other;
    rig->calls = 0;
    rig->sql = NULL;
    CHECK_EQ(velo_create_function(rig->one, &function), VELO_OK);
    CHECK_RUN(rig->one,
              "CREATE TABLE t(a INTEGER PRIMARY KEY, b); CREATE TABLE log(x);"
              "INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)",
              "");
}

static void
first_close(first_rig *rig)
{
    CHECK_RUN(rig->one, "ROLLBACK; PRAGMA integrity_check",
              "!cannot rollback - no transaction is active");
    CHECK_RUN(rig->one, "PRAGMA integrity_check", "ok");
    CHECK_EQ(velo_close(rig->one), VELO_OK);
    CHECK_EQ(velo_close(rig->other), VELO_OK);
}

/* Whether the text ends in a conflict. */
static int
first_conflicts(first_rig *rig, const char *sql)
{
    (void)api_run(rig->one, sql);
    return velo_error_code(rig->one) == VELO_BUSY_SNAPSHOT;
}

static void
it_runs_again_when_it_has_changed_nothing(void)
{
    static const char *const begins[] = {"BEGIN;", "BEGIN CONCURRENT;", "SAVEPOINT s;"};
    first_rig rig;

    first_open(&rig, "again");
    for (unsigned i = 0; i < VL_ARRAY_COUNT(begins); i++) {
        CHECK_RUN(rig.one, "UPDATE t SET b = a; DELETE FROM log", "");
        CHECK_RUN(rig.one, begins[i], "");
        rig.sql = "UPDATE t SET b = 10 WHERE a = 1; INSERT INTO log VALUES (1)";
        rig.calls = 0;
        CHECK_RUN(rig.one, "UPDATE t SET b = b + 1 + meddle() WHERE a = 1 RETURNING b", "11");
        CHECK_EQ(rig.calls, 2);
        /* what comes next sees the same moment, and no later one */
        CHECK_RUN(rig.other, "INSERT INTO log VALUES (2)", "");
        CHECK_RUN(rig.one, "SELECT count(*) FROM log; SELECT b FROM t", "1|11|2|3");
        CHECK_RUN(rig.one, i == 2 ? "RELEASE s" : "COMMIT", "");
        CHECK_RUN(rig.other, "SELECT b FROM t; SELECT count(*) FROM log", "11|2|3|2");
    }
    first_close(&rig);
}

static void
it_runs_again_when_it_has_changed_rows(void)
{
    first_rig rig;

    first_open(&rig, "rows");
    CHECK_RUN(rig.one,
              "CREATE TRIGGER tg AFTER UPDATE ON t BEGIN INSERT INTO log VALUES (new.b); END;"
              "SAVEPOINT s; SAVEPOINT r",
              "");
    /* The trigger has put a row when row 2 is found changed. */
    rig.sql = "UPDATE t SET b = 20 WHERE a = 2; DELETE FROM log";
    CHECK_RUN(rig.one, "UPDATE t SET b = b + 1 + (CASE a WHEN 2 THEN meddle() ELSE 0 END)", "");
    CHECK_EQ(rig.calls, 2);
    CHECK_RUN(rig.one, "SELECT b FROM t; SELECT x FROM log", "2|21|4|2|21|4");
    CHECK_RUN(rig.one, "SELECT changes(), total_changes()", "3,9");
    CHECK_RUN(rig.one, "ROLLBACK TO r; SELECT b FROM t; SELECT count(*) FROM log", "1|20|3|0");
    CHECK_RUN(rig.one, "UPDATE t SET b = 7 WHERE a = 3; ROLLBACK TO s; SELECT b FROM t", "1|20|3");
    CHECK_RUN(rig.one, "UPDATE t SET b = 8 WHERE a = 3; RELEASE s; SELECT b FROM t", "1|20|8");
    CHECK_RUN(rig.other, "UPDATE t SET b = 9 WHERE a = 3; SELECT b FROM t", "1|20|9");
    first_close(&rig);
}

static void
parameters_stay(void)
{
    velo_statement *statement;
    first_rig rig;

    first_open(&rig, "parameters");
    CHECK_RUN(rig.one, "BEGIN", "");
    CHECK_EQ(velo_prepare(rig.one, "UPDATE t SET b = b + ?1 + meddle() WHERE a = ?2", -1,
                          &statement, NULL),
             VELO_OK);
    CHECK_EQ(velo_bind_int64(statement, 1, 100), VELO_OK);
    CHECK_EQ(velo_bind_int64(statement, 2, 2), VELO_OK);
    rig.sql = "UPDATE t SET b = 20 WHERE a = 2";
    CHECK_EQ(velo_step(statement), VELO_DONE);
    CHECK_EQ(velo_reset(statement), VELO_OK);
    CHECK_EQ(velo_step(statement), VELO_DONE);
    CHECK_EQ(velo_finalize(statement), VELO_OK);
    CHECK_RUN(rig.one, "COMMIT; SELECT b FROM t", "1|220|3");
    first_close(&rig);
}

/* Who has read by the transaction's snapshot keeps it. */
static void
others_keep_their_snapshot(void)
{
    first_rig rig;

    first_open(&rig, "others");
    CHECK_RUN(rig.one, "BEGIN; SELECT b FROM t WHERE a = 3", "3");
    rig.sql = "UPDATE t SET b = 10 WHERE a = 1";
    CHECK(first_conflicts(&rig, "UPDATE t SET b = b + meddle() WHERE a = 1"));
    CHECK_RUN(rig.one, "SELECT b FROM t; ROLLBACK", "1|2|3");
    /* a statement that the first one's function runs */
    CHECK_RUN(rig.one, "BEGIN", "");
    rig.by = rig.one;
    rig.sql = "SELECT * FROM t";
    CHECK_RUN(rig.one, "UPDATE t SET b = meddle() WHERE a = 1", "");
    CHECK_RUN(rig.one, "ROLLBACK; BEGIN", "");
    rig.sql = "SAVEPOINT s";
    CHECK_RUN(rig.one, "UPDATE t SET b = meddle() WHERE a = 1",
              "!cannot open savepoint - SQL statements in progress");
    CHECK_RUN(rig.one, "ROLLBACK", "");
    first_close(&rig);
}

/* A failed first statement leaves no snapshot: it can be run again by the application. */
static void
a_failed_one_can_be_tried_again(void)
{
    first_rig rig;

    first_open(&rig, "failed");
    CHECK_RUN(rig.other, "BEGIN; UPDATE t SET b = 10 WHERE a = 1", "");
    CHECK_RUN(rig.one, "BEGIN", "");
    (void)api_run(rig.one, "UPDATE t SET b = b + 1");
    CHECK_EQ(velo_error_code(rig.one) & 0xff, VELO_BUSY);
    CHECK_RUN(rig.other, "COMMIT", "");
    CHECK_RUN(rig.one, "UPDATE t SET b = b + 1; SELECT b FROM t; COMMIT", "11|3|4");
    CHECK_RUN(rig.one, "BEGIN", "");
    CHECK_RUN(rig.one, "INSERT INTO t VALUES (9, 9), (1, 1)", "!UNIQUE constraint failed: t.a");
    CHECK_RUN(rig.other, "UPDATE t SET b = 0 WHERE a = 2", "");
    CHECK_RUN(rig.one, "UPDATE t SET b = b + 1 WHERE a = 2; SELECT b FROM t; COMMIT", "11|1|4");
    first_close(&rig);
}

/* ---- threads ---- */

#define FIRST_THREADS 4U
#define FIRST_ROUNDS  VL_BY_BUILD(150, 40)

typedef struct first_thread {
    pthread_t thread;
    velo_connection *connection; /* its own */
    unsigned number;             /* which */
    char said[200];              /* what went wrong, or nothing */
} first_thread;

static void *
first_main(void *argument)
{
    first_thread *self = argument;

    for (unsigned i = 0; i < FIRST_ROUNDS && self->said[0] == 0; i++) {
        /* Both rows, in either order: two of them meet in a deadlock. */
        const char *sql = (i + self->number) % 2 == 0
                              ? "BEGIN; UPDATE t SET b = b + 1 WHERE a = 1; COMMIT"
                              : "BEGIN; UPDATE u SET b = b + 1; SELECT b FROM u; COMMIT";

        if (velo_exec(self->connection, sql, NULL, NULL) != VELO_OK)
            (void)snprintf(self->said, sizeof self->said, "%s: %.90s", sql,
                           velo_error_text(self->connection));
    }
    return NULL;
}

/* Transactions of one UPDATE each never fail beside each other. */
static void
threads_are_never_told(void)
{
    first_thread threads[FIRST_THREADS] = {0};
    velo_connection *own = api_run_open("threads");
    char wanted[100];

    CHECK_RUN(own,
              "CREATE TABLE t(a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES (1, 0);"
              "CREATE TABLE u(a INTEGER PRIMARY KEY, b); INSERT INTO u VALUES (1, 0), (2, 0)",
              "");
    for (unsigned i = 0; i < FIRST_THREADS; i++) {
        threads[i].number = i;
        threads[i].connection = api_run_open("threads");
        velo_set_busy_timeout(threads[i].connection, 60000);
    }
    for (unsigned i = 0; i < FIRST_THREADS; i++)
        CHECK_EQ(pthread_create(&threads[i].thread, NULL, first_main, &threads[i]), 0);
    for (unsigned i = 0; i < FIRST_THREADS; i++) {
        CHECK_EQ(pthread_join(threads[i].thread, NULL), 0);
        CHECK_TEXT(threads[i].said, "");
        CHECK_EQ(velo_close(threads[i].connection), VELO_OK);
    }
    (void)snprintf(wanted, sizeof wanted, "%u|%u|%u", FIRST_THREADS * FIRST_ROUNDS / 2,
                   FIRST_THREADS * FIRST_ROUNDS / 2, FIRST_THREADS * FIRST_ROUNDS / 2);
    CHECK_RUN(own, "SELECT b FROM t; SELECT b FROM u", wanted);
    CHECK_EQ(velo_close(own), VELO_OK);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(it_runs_again_when_it_has_changed_nothing),
        UNIT_TEST(it_runs_again_when_it_has_changed_rows),
        UNIT_TEST(parameters_stay),
        UNIT_TEST(others_keep_their_snapshot),
        UNIT_TEST(a_failed_one_can_be_tried_again),
        UNIT_TEST(threads_are_never_told),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
