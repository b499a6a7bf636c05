/* test_api_hazards.c - what batches, snapshots and planning would change for a user of SQLite, seen
 * through the public interface. Numbers in names are those of the list of query hazards, of which
 * docs/hazards.md has the table. */
#include "lib/api_run.h"
#include "lib/unit.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* ---- A: open statements, versions ---- */

static void
hazard_q03_subqueries_read_what_was_there_before(void)
{
    velo_connection *db = api_run_open(NULL);

    CHECK_RUN(db, "CREATE TABLE t(x); INSERT INTO t VALUES (1),(2),(3),(4),(5)", "");
    CHECK_RUN(db, "UPDATE t SET x = (SELECT count(*) FROM t u WHERE u.x > t.x)", "");
    CHECK_RUN(db, "SELECT x FROM t", "4|3|2|1|0");
    CHECK_RUN(db, "DELETE FROM t WHERE x < (SELECT max(x) FROM t)", "");
    CHECK_RUN(db, "SELECT x FROM t", "4");
    CHECK_OK(velo_close(db));
}

static void
hazard_q04_a_change_that_returns_rows_keeps_its_transaction_open(void)
{
    velo_connection *db = api_run_open(NULL);
    velo_statement *returning;
    velo_statement *reading;

    CHECK_RUN(db, "CREATE TABLE t(x); INSERT INTO t VALUES (1),(2),(3)", "");
    CHECK_RUN(db, "BEGIN", "");
    CHECK_OK(velo_prepare(db, "UPDATE t SET x = x * 10 RETURNING x", -1, &returning, NULL));
    CHECK_OK(velo_prepare(db, "SELECT x FROM t", -1, &reading, NULL));
    CHECK_EQ(velo_step(returning), VELO_ROW);
    CHECK_RUN(db, "COMMIT", "!cannot commit transaction - SQL statements in progress");
    CHECK_EQ(velo_step(returning), VELO_ROW);
    CHECK_EQ(velo_column_int64(returning, 0), 20);
    CHECK_EQ(velo_step(returning), VELO_ROW);
    CHECK_EQ(velo_step(returning), VELO_DONE);
    CHECK_EQ(velo_step(reading), VELO_ROW);
    CHECK_RUN(db, "COMMIT", ""); /* an open read is no hindrance */
    CHECK_EQ(velo_step(reading), VELO_ROW);
    CHECK_EQ(velo_column_int64(reading, 0), 20);
    CHECK_OK(velo_finalize(reading));
    CHECK_OK(velo_finalize(returning));
    CHECK_OK(velo_close(db));
}

/* A loop that inserts into the table it reads ends. */
static void
hazard_q05_a_statement_does_not_see_later_writes(void)
{
    velo_connection *db = api_run_open(NULL);
    velo_statement *reading;
    int count = 0;

    CHECK_RUN(db, "CREATE TABLE t(x); INSERT INTO t VALUES (1),(2),(3)", "");
    CHECK_OK(velo_prepare(db, "SELECT x FROM t", -1, &reading, NULL));
    while (velo_step(reading) == VELO_ROW && count < 100) {
        CHECK_EQ(velo_column_int64(reading, 0), ++count);
        CHECK_RUN(db, "INSERT INTO t VALUES (9); UPDATE t SET x = x + 100 WHERE x > 3", "");
    }
    CHECK_EQ(count, 3);
    CHECK_OK(velo_finalize(reading));
    CHECK_OK(velo_close(db));
}

static void
hazard_q06_begin_immediate_meets_no_conflict(void)
{
    velo_connection *a = api_run_open("immediate");
    velo_connection *b = api_run_open("immediate");

    CHECK_RUN(a, "CREATE TABLE t(x); INSERT INTO t VALUES (1)", "");
    CHECK_RUN(b, "UPDATE t SET x = 2", "");
    CHECK_RUN(a, "BEGIN IMMEDIATE; SELECT x FROM t", "2");
    CHECK_EQ(velo_exec(b, "UPDATE t SET x = 3", NULL, NULL) & 255, VELO_BUSY);
    CHECK_RUN(a, "UPDATE t SET x = x + 10; COMMIT; SELECT x FROM t", "12");
    CHECK_RUN(b, "UPDATE t SET x = x + 1; SELECT x FROM t", "13");
    CHECK_OK(velo_close(a));
    CHECK_OK(velo_close(b));
}

#define BESIDE_ROUNDS 200

/* Change one row again and again; the argument is the connection. */
static void *
beside_main(void *argument)
{
    velo_connection *db = argument;
    int failures = 0;

    for (int i = 0; i < BESIDE_ROUNDS; i++)
        failures += velo_exec(db, "UPDATE t SET x = x + 1 WHERE id = 1", NULL, NULL) != VELO_OK;
    return failures == 0 ? NULL : argument;
}

/* The busy timeout is 0 for both. */
static void
hazard_q07_statements_outside_of_begin_are_never_busy_among_themselves(void)
{
    velo_connection *a = api_run_open("beside");
    velo_connection *b = api_run_open("beside");
    pthread_t thread;
    void *failed = NULL;

    CHECK_RUN(a, "CREATE TABLE t(id INTEGER PRIMARY KEY, x); INSERT INTO t VALUES (1, 0)", "");
    CHECK_RUN(a, "PRAGMA synchronous = OFF", "");
    CHECK_RUN(b, "PRAGMA synchronous = OFF", "");
    CHECK_EQ(pthread_create(&thread, NULL, beside_main, b), 0);
    CHECK(beside_main(a) == NULL);
    CHECK_EQ(pthread_join(thread, &failed), 0);
    CHECK(failed == NULL);
    CHECK_RUN(a, "SELECT x FROM t", "400");
    CHECK_OK(velo_close(a));
    CHECK_OK(velo_close(b));
}

static void
hazard_q12_q13_numbers_of_rows(void)
{
    velo_connection *db = api_run_open("numbers");

    CHECK_RUN(db,
              "CREATE TABLE t(id INTEGER PRIMARY KEY, x);"
              "CREATE TABLE s(id INTEGER PRIMARY KEY AUTOINCREMENT, x)",
              "");
    CHECK_RUN(db, "INSERT INTO t VALUES (10, 1); INSERT INTO s VALUES (10, 1)", "");
    CHECK_RUN(db, "DELETE FROM t; DELETE FROM s", "");
    api_run_copy("numbers", "numbers-copy"); /* as a crash leaves it */
    CHECK_OK(velo_close(db));
    db = api_run_open("numbers-copy");
    CHECK_RUN(db, "INSERT INTO t(x) VALUES (2); INSERT INTO s(x) VALUES (2)", "");
    CHECK_RUN(db, "SELECT id FROM t UNION ALL SELECT id FROM s", "1|11");
    CHECK_RUN(db, "BEGIN; INSERT INTO s(x) VALUES (3); ROLLBACK; INSERT INTO s(x) VALUES (4)", "");
    CHECK_RUN(db, "SELECT max(id) FROM s; SELECT seq FROM sqlite_sequence", "12|12");
    CHECK_RUN(db, "UPDATE sqlite_sequence SET seq = 20; INSERT INTO s(x) VALUES (5)", "");
    CHECK_RUN(db, "SELECT max(id) FROM s", "21");
    CHECK_RUN(db, "INSERT INTO t VALUES (9223372036854775807, 1)", "");
    CHECK_RUN(db, "INSERT INTO t(x) VALUES (1); SELECT count(*), min(id) > 0 FROM t", "3,1");
    CHECK_RUN(db, "INSERT INTO s VALUES (9223372036854775807, 1); INSERT INTO s(x) VALUES (1)",
              "!database or disk is full");
    CHECK_OK(velo_close(db));
}

static void
hazard_q14_q15_rows_are_checked_one_by_one(void)
{
    velo_connection *db = api_run_open(NULL);

    CHECK_RUN(db,
              "CREATE TABLE t(id INTEGER PRIMARY KEY, x CHECK (x < 100));"
              "INSERT INTO t VALUES (1, 1),(2, 2),(3, 3)",
              "");
    CHECK_RUN(db, "UPDATE t SET id = id + 1", "!UNIQUE constraint failed: t.id");
    CHECK_RUN(db, "UPDATE OR IGNORE t SET id = id + 1; SELECT id FROM t", "1|2|4");
    CHECK_RUN(db, "UPDATE OR REPLACE t SET id = id + 1; SELECT id, x FROM t", "3,1|5,3");
    CHECK_RUN(db, "DELETE FROM t; INSERT INTO t VALUES (1, 1),(2, 2),(3, 3)", "");
    /* The error of row 3's expression comes behind row 2's constraint. */
    CHECK_RUN(db,
              "UPDATE t SET x = CASE id WHEN 2 THEN 100 WHEN 3 THEN abs(-9223372036854775807-1)"
              " ELSE 7 END",
              "!CHECK constraint failed: x < 100");
    CHECK_RUN(db, "SELECT x FROM t", "1|2|3");
    CHECK_RUN(db, "UPDATE OR FAIL t SET x = id * 50", "!CHECK constraint failed: x < 100");
    CHECK_RUN(db, "SELECT x FROM t; SELECT changes()", "50|2|3|1");
    CHECK_OK(velo_close(db));
}

/* ---- B: rows out of vectors ---- */

static void
hazard_q18_rows_come_in_sqlites_order(void)
{
    velo_connection *db = api_run_open(NULL);

    CHECK_RUN(db,
              "CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE INDEX tx ON t(x);"
              "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 3000)"
              " INSERT INTO t SELECT i, (i * 7919) % 5 FROM c",
              "");
    CHECK_RUN(db, "SELECT x + 0, count(*) FROM t GROUP BY x + 0", "0,600|1,600|2,600|3,600|4,600");
    CHECK_RUN(db, "SELECT DISTINCT (x + 3) % 5 FROM t NOT INDEXED", "2|1|0|4|3");
    CHECK_RUN(db, "SELECT 3 UNION SELECT 1 UNION SELECT 2", "1|2|3");
    CHECK_RUN(db, "SELECT x + 0 FROM t INTERSECT SELECT 4 - x FROM t EXCEPT SELECT 2", "0|1|3|4");
    CHECK_RUN(db, "SELECT id FROM t WHERE id IN (500, 1, 30)", "1|30|500");
    CHECK_RUN(db,
              "SELECT count(*), sum(a < b) FROM (SELECT id AS b, lag(id, 1, 0) OVER () AS a"
              " FROM (SELECT id FROM t NOT INDEXED WHERE x < 4))",
              "2400,2400");
    CHECK_RUN(db, "SELECT id FROM t ORDER BY x LIMIT 3", "5|10|15"); /* ties as they came */
    CHECK_OK(velo_close(db));
}

static void
hazard_q19_an_error_comes_behind_the_rows_before_it(void)
{
    velo_connection *db = api_run_open(NULL);
    velo_statement *reading;

    CHECK_RUN(db,
              "CREATE TABLE t(id INTEGER PRIMARY KEY, a);"
              "INSERT INTO t VALUES (1, -1),(2, -2),(3, -9223372036854775808),(4, 4)",
              "");
    CHECK_OK(velo_prepare(db, "SELECT id, abs(a) FROM t", -1, &reading, NULL));
    CHECK_EQ(velo_step(reading), VELO_ROW);
    CHECK_EQ(velo_step(reading), VELO_ROW);
    CHECK_EQ(velo_column_int64(reading, 1), 2);
    CHECK_EQ(velo_step(reading), VELO_ERROR);
    CHECK_CONTAINS(velo_error_text(db), "integer overflow");
    (void)velo_finalize(reading);
    CHECK_RUN(db, "SELECT id, abs(a) FROM t LIMIT 2", "1,1|2,2");
    CHECK_OK(velo_close(db));
}

/* What the function f saw. */
typedef struct calls_seen {
    pthread_t thread; /* of the test */
    int count;
    int is_foreign; /* it was called on another thread */
} calls_seen;

static void
seen_call(velo_call *call, int count, velo_value **arguments)
{
    calls_seen *seen = velo_call_user(call);

    (void)count;
    seen->count++;
    seen->is_foreign |= !pthread_equal(pthread_self(), seen->thread);
    velo_result_value(call, arguments[0]);
}

/* How often the function is called by a statement; -1: that fails. */
static int
seen_by(velo_connection *db, calls_seen *seen, const char *sql)
{
    seen->count = 0;
    return velo_exec(db, sql, NULL, NULL) == VELO_OK ? seen->count : -1;
}

static void
hazard_q20_q21_q22_functions_are_called_as_often_as_in_sqlite(void)
{
    velo_connection *db = api_run_open(NULL);
    calls_seen seen = {pthread_self(), 0, 0};
    const velo_function function = {.size = sizeof function,
                                    .name = "f",
                                    .argument_count = 1,
                                    .user = &seen,
                                    .scalar = seen_call};

    CHECK_OK(velo_create_function(db, &function));
    CHECK_RUN(db,
              "CREATE TABLE t(a); WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c"
              " WHERE i < 5000) INSERT INTO t SELECT i FROM c",
              "");
    CHECK_EQ(seen_by(db, &seen, "SELECT f(a) FROM t LIMIT 3"), 3);
    /* What cannot fail goes first, unlike in SQLite, which calls it 5,000 times. */
    CHECK_EQ(seen_by(db, &seen, "SELECT a FROM t WHERE f(a) AND a = 1"), 1);
    CHECK_EQ(seen_by(db, &seen, "SELECT a FROM t WHERE a = 1 AND f(a)"), 1);
    CHECK_EQ(seen_by(db, &seen, "SELECT f(a), f(a) FROM t LIMIT 1"), 2);
    CHECK_EQ(seen_by(db, &seen, "SELECT coalesce(1, f(a)) FROM t"), 0);
    CHECK_EQ(seen_by(db, &seen, "SELECT CASE WHEN a > 0 THEN 1 ELSE f(a) END FROM t"), 0);
    CHECK_EQ(seen_by(db, &seen, "SELECT (SELECT f(7)) FROM t"), 1);
    CHECK_EQ(seen_by(db, &seen, "SELECT sum(f(a)) FROM t"), 5000);
    CHECK(!seen.is_foreign);
    CHECK_OK(velo_close(db));
}

static void
hazard_q26_idioms_are_kept(void)
{
    velo_connection *db = api_run_open(NULL);

    CHECK_RUN(db,
              "CREATE TABLE t(x, y); CREATE INDEX ty ON t(y);"
              "INSERT INTO t VALUES ('a', 3),('b', 1),('c', 2)",
              "");
    CHECK_RUN(db, "SELECT group_concat(x, '') FROM (SELECT x FROM t ORDER BY y)", "bca");
    CHECK_RUN(db, "CREATE VIEW v AS SELECT x FROM t ORDER BY y DESC; SELECT x FROM v", "a|c|b");
    CHECK_RUN(db, "EXPLAIN QUERY PLAN SELECT * FROM t WHERE y = 1",
              "1,0,0,SEARCH t USING INDEX ty (y=?)");
    CHECK_RUN(db, "EXPLAIN QUERY PLAN SELECT * FROM t WHERE +y = 1", "1,0,0,SCAN t");
    CHECK_RUN(db, "EXPLAIN QUERY PLAN SELECT * FROM t NOT INDEXED WHERE y = 1", "1,0,0,SCAN t");
    CHECK_RUN(db, "SELECT * FROM t INDEXED BY ty WHERE x = 'a' AND y > 0", "a,3");
    CHECK_RUN(db, "SELECT * FROM t INDEXED BY none", "!no such index: none");
    CHECK_RUN(db, "CREATE TABLE u(k PRIMARY KEY); INSERT INTO u VALUES (1),(2),(3)", "");
    CHECK_RUN(db, "EXPLAIN QUERY PLAN SELECT 1 FROM t CROSS JOIN u WHERE k = y",
              "1,0,0,SCAN t USING COVERING INDEX ty|"
              "2,0,0,SEARCH u USING COVERING INDEX sqlite_autoindex_u_1 (k=?)");
    CHECK_OK(velo_close(db));
}

static void
hazard_q27_first_rows_and_endless_recursion(void)
{
    velo_connection *db = api_run_open(NULL);

    CHECK_RUN(db, "CREATE TABLE t(k, v); INSERT INTO t VALUES (1, 'x'),(1, 'y'),(2, 'z')", "");
    CHECK_RUN(db,
              "SELECT (SELECT v FROM t WHERE t.k = q.k) FROM (SELECT 1 AS k UNION ALL SELECT 3"
              " UNION ALL SELECT 2) AS q",
              "x|~|z");
    CHECK_RUN(db, "SELECT (SELECT v FROM t WHERE t.k = q.k ORDER BY v DESC) FROM (SELECT 1 AS k) q",
              "y");
    CHECK_RUN(db,
              "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
              " SELECT x FROM c LIMIT 3",
              "1|2|3");
    CHECK_OK(velo_close(db));
}

/* Stops when it was asked as often as the number says. */
static int
stop_after(void *user)
{
    int *left = user;

    return --*left <= 0;
}

/* An interrupted change in a transaction ends that, as in SQLite. */
static void
hazard_q28_an_interrupted_change_undoes_its_transaction(void)
{
    velo_connection *db = api_run_open(NULL);
    int left = 1;

    CHECK_RUN(db, "CREATE TABLE t(x); INSERT INTO t VALUES (1),(2),(3)", "");
    CHECK_RUN(db, "BEGIN; INSERT INTO t VALUES (4)", "");
    velo_set_progress(db, 1, stop_after, &left);
    CHECK_EQ(velo_exec(db, "SELECT 1", NULL, NULL), VELO_INTERRUPT); /* however small */
    CHECK_EQ(velo_in_transaction(db), 1);
    left = 10; /* behind the steps of its beginning */
    velo_set_progress(db, 1, stop_after, &left);
    CHECK_EQ(velo_exec(db, "UPDATE t SET x = x + 1", NULL, NULL), VELO_INTERRUPT);
    velo_set_progress(db, 0, NULL, NULL);
    CHECK_EQ(velo_in_transaction(db), 0);
    CHECK_RUN(db, "SELECT x FROM t", "1|2|3");
    CHECK_OK(velo_close(db));
}

/* ---- C: what programs ask for ---- */

static void
hazard_q36_pragmas_answer_what_programs_test(void)
{
    velo_connection *memory = api_run_open(NULL);
    velo_connection *db = api_run_open("pragmas");

    CHECK_RUN(memory, "PRAGMA journal_mode; PRAGMA journal_mode = wal", "memory|memory");
    CHECK_RUN(db, "PRAGMA journal_mode; PRAGMA journal_mode = truncate", "delete|truncate");
    CHECK_RUN(db, "PRAGMA wal_checkpoint", "0,-1,-1");
    CHECK_RUN(db, "PRAGMA journal_mode = wal; PRAGMA journal_mode = nonsense", "wal|wal");
    CHECK_RUN(db, "PRAGMA wal_checkpoint", "0,0,0");
    CHECK_OK(velo_close(db));
    db = api_run_open("pragmas");
    CHECK_RUN(db, "PRAGMA journal_mode; PRAGMA journal_mode = memory", "wal|memory");
    CHECK_RUN(db, "PRAGMA locking_mode; PRAGMA locking_mode = exclusive", "normal|exclusive");
    CHECK_RUN(db, "PRAGMA mmap_size; PRAGMA auto_vacuum; PRAGMA secure_delete = fast", "0|0|2");
    CHECK_RUN(db, "PRAGMA threads = 3; PRAGMA threads; PRAGMA trusted_schema", "3|3|1");
    CHECK_RUN(db, "PRAGMA automatic_index = off; PRAGMA automatic_index", "0");
    CHECK_RUN(db, "PRAGMA analysis_limit = -4; PRAGMA journal_size_limit", "0|-1");
    CHECK_RUN(db, "PRAGMA writable_schema = on; PRAGMA nobody_knows = 1; PRAGMA nobody_knows", "");
    CHECK_RUN(db, "SELECT page_count > 0 FROM pragma_page_count", "1");
    CHECK_RUN(db, "BEGIN; PRAGMA synchronous = 1",
              "!Safety level may not be changed inside a transaction");
    CHECK_OK(velo_close(db));
    CHECK_OK(velo_close(memory));
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(hazard_q03_subqueries_read_what_was_there_before),
        UNIT_TEST(hazard_q04_a_change_that_returns_rows_keeps_its_transaction_open),
        UNIT_TEST(hazard_q05_a_statement_does_not_see_later_writes),
        UNIT_TEST(hazard_q06_begin_immediate_meets_no_conflict),
        UNIT_TEST(hazard_q07_statements_outside_of_begin_are_never_busy_among_themselves),
        UNIT_TEST(hazard_q12_q13_numbers_of_rows),
        UNIT_TEST(hazard_q14_q15_rows_are_checked_one_by_one),
        UNIT_TEST(hazard_q18_rows_come_in_sqlites_order),
        UNIT_TEST(hazard_q19_an_error_comes_behind_the_rows_before_it),
        UNIT_TEST(hazard_q20_q21_q22_functions_are_called_as_often_as_in_sqlite),
        UNIT_TEST(hazard_q26_idioms_are_kept),
        UNIT_TEST(hazard_q27_first_rows_and_endless_recursion),
        UNIT_TEST(hazard_q28_an_interrupted_change_undoes_its_transaction),
        UNIT_TEST(hazard_q36_pragmas_answer_what_programs_test),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
