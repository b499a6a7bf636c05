/* test_api_explain.c - EXPLAIN ANALYZE: what it runs, and what it tells of it. */
#include "lib/api_run.h"
#include "lib/unit.h"

#include <stdio.h>
#include <string.h>

/* A table of 1,000 rows, of which each b has 100. */
static velo_connection *
explain_open(void)
{
    velo_connection *db = api_run_open(NULL);

    if (velo_exec(db,
                  "CREATE TABLE t(a INTEGER PRIMARY KEY, b, c); CREATE INDEX tb ON t(b);"
                  "CREATE TABLE log(x);"
                  "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1000) "
                  "INSERT INTO t SELECT x, x % 10, 'x' || x FROM n",
                  NULL, NULL) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "%s", velo_error_text(db));
    return db;
}

/* What is told of a statement: of each row its parent, rows, loops and words. */
static const char *
explain_told(velo_connection *db, const char *sql)
{
    static char told[4096];
    velo_statement *statement;
    size_t size = 0;
    char whole[1024];

    (void)snprintf(whole, sizeof whole, "EXPLAIN ANALYZE %s", sql);
    told[0] = 0;
    if (velo_prepare(db, whole, -1, &statement, NULL) != VELO_OK)
        return velo_error_text(db);
    while (velo_step(statement) == VELO_ROW)
        size += (size_t)snprintf(
            told + size, sizeof told - size, "%s%lld>%lld %s: %lld/%lld", size > 0 ? "; " : "",
            (long long)velo_column_int64(statement, 1), (long long)velo_column_int64(statement, 0),
            velo_column_text(statement, 3), (long long)velo_column_int64(statement, 4),
            (long long)velo_column_int64(statement, 5));
    if (velo_finalize(statement) != VELO_OK)
        return velo_error_text(db);
    return told;
}

#define CHECK_TOLD(db, sql, wanted)                                                                \
    do {                                                                                           \
        const char *explain_got = explain_told((db), (sql));                                       \
        CHECK_TEXT(explain_got, wanted);                                                           \
    } while (0)

static void
explain_tells_operators(void)
{
    velo_connection *db = explain_open();

    CHECK_TOLD(db, "SELECT 1", "0>1 PROJECT: 1/1; 1>2 VALUES: 1/1");
    CHECK_TOLD(db, "SELECT b FROM t WHERE b = 3",
               "0>1 SEARCH t USING COVERING INDEX tb (b=?): 100/1");
    CHECK_TOLD(db, "SELECT a FROM t WHERE a < 11 ORDER BY c LIMIT 3",
               "0>1 PROJECT: 3/1; 1>2 LIMIT: 3/1; 2>3 SORT, TOP ROWS: 3/1; "
               "3>4 SEARCH t USING INTEGER PRIMARY KEY (rowid<?): 10/1");
    CHECK_TOLD(db, "SELECT c, count(*) FROM t GROUP BY c",
               "0>1 GROUP BY HASH: 1000/1; 1>2 SCAN t: 1000/1");
    CHECK_TOLD(db, "SELECT 1 UNION SELECT 2",
               "0>1 UNION: 2/1; 1>2 PROJECT: 1/1; 2>3 VALUES: 1/1; 1>4 PROJECT: 1/1; "
               "4>5 VALUES: 1/1");
    CHECK_OK(velo_close(db));
}

/* The inner side of a loop and a subquery that depends on its row are run for each. */
static void
explain_counts_loops(void)
{
    velo_connection *db = explain_open();
    const char *told;

    told = explain_told(db, "SELECT u.c FROM t CROSS JOIN t u ON u.a = t.b + 1 WHERE t.a <= 20");
    CHECK(strstr(told, "LOOP JOIN: 20/1") != NULL);
    CHECK(strstr(told, "SEARCH u USING INTEGER PRIMARY KEY (rowid=?): 20/20") != NULL);
    told = explain_told(db, "SELECT (SELECT max(u.c) FROM t u WHERE u.b = t.a) FROM t "
                            "WHERE t.a < 5");
    CHECK(strstr(told, "CORRELATED SUBQUERY: AGGREGATE: 4/4") != NULL);
    CHECK(strstr(told, "HASH JOIN: 400/4") != NULL);
    CHECK(strstr(told, "SCAN u: 1000/1") != NULL); /* it is read once for all */
    told = explain_told(db, "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n "
                            "WHERE x < 10) SELECT count(*) FROM n");
    CHECK(strstr(told, "RECURSION, UNION ALL: 10/1") != NULL);
    CHECK(strstr(told, "FILTER: 9/10") != NULL);
    CHECK_OK(velo_close(db));
}

/* Changes are made, those of triggers too, and undone where the statement would be. */
static void
explain_makes_changes(void)
{
    velo_connection *db = explain_open();
    const char *told;

    CHECK_RUN(db, "CREATE TRIGGER tu AFTER UPDATE ON t BEGIN INSERT INTO log VALUES (new.a); END",
              "");
    told = explain_told(db, "UPDATE t SET c = 'new' WHERE b = 4");
    CHECK(strstr(told, "UPDATE t: 100/1") != NULL);
    CHECK_RUN(db, "SELECT changes(), (SELECT count(*) FROM t WHERE c = 'new'), count(*) FROM log",
              "100,100,100");
    CHECK_RUN(db, "EXPLAIN ANALYZE INSERT INTO t VALUES (2000, 1, 1), (1, 1, 1)",
              "!UNIQUE constraint failed: t.a");
    CHECK_RUN(db, "SELECT count(*) FROM t WHERE a = 2000", "0");
    CHECK_RUN(db, "BEGIN", "");
    told = explain_told(db, "DELETE FROM t WHERE a > 500 RETURNING a");
    CHECK(strstr(told, "DELETE FROM t: 500/1") != NULL);
    CHECK_RUN(db, "SELECT count(*) FROM t; ROLLBACK; SELECT count(*) FROM t", "500|1000");
    CHECK_OK(velo_close(db));
}

static void
explain_takes_parameters(void)
{
    velo_connection *db = explain_open();
    velo_statement *statement;

    CHECK_OK(velo_prepare(db, "EXPLAIN /* so */ ANALYZE -- it\nSELECT * FROM t WHERE a <= :n", -1,
                          &statement, NULL));
    for (int n = 5; n < 20; n += 7) { /* a statement may be run again, and counts anew */
        CHECK_OK(velo_bind_int64(statement, 1, n));
        CHECK_EQ(velo_step(statement), VELO_ROW);
        CHECK_EQ(velo_column_int64(statement, 4), n);
        CHECK_EQ(velo_step(statement), VELO_DONE);
        CHECK_OK(velo_reset(statement));
    }
    CHECK_OK(velo_finalize(statement));
    CHECK_OK(velo_prepare(db, "EXPLAIN ANALYZE DELETE FROM t", -1, &statement, NULL));
    CHECK(!velo_statement_is_read_only(statement));
    CHECK_OK(velo_finalize(statement));
    CHECK_OK(velo_close(db));
}

/* What has a short way goes the long one, where operators are at work. */
static void
explain_counts_single_rows(void)
{
    velo_connection *db = explain_open();

    CHECK_TOLD(db, "INSERT INTO t VALUES (5000, 1, 1)", "0>1 INSERT INTO t: 1/1; 1>2 VALUES: 1/1");
    CHECK_TOLD(db, "DELETE FROM t WHERE a = 5000",
               "0>1 DELETE FROM t: 1/1; 1>2 PROJECT: 1/1; "
               "2>3 SEARCH t USING INTEGER PRIMARY KEY (rowid=?): 1/1");
    CHECK(api_run(db, "; EXPLAIN ANALYZE DELETE FROM log")[0] == '1');
    CHECK_OK(velo_close(db));
}

/* The clock and the memory: no more than that there are such numbers, and that a sort keeps rows.
 */
static void
explain_measures(void)
{
    velo_connection *db = explain_open();
    velo_statement *statement;
    double outer = -1;

    CHECK_OK(velo_prepare(db, "EXPLAIN ANALYZE SELECT c FROM t ORDER BY c", -1, &statement, NULL));
    for (int i = 0; velo_step(statement) == VELO_ROW; i++) {
        double time = velo_column_double(statement, 6);

        CHECK_TEXT(velo_column_name(statement, 6), "time_ms");
        CHECK(time >= 0);
        CHECK(i == 0 || time <= outer); /* what is below is part of it */
        outer = time;
        if (strcmp(velo_column_text(statement, 3), "SORT") == 0)
            CHECK(velo_column_int64(statement, 7) > 1000);
    }
    CHECK(outer >= 0);
    CHECK_OK(velo_finalize(statement));
    CHECK_OK(velo_close(db));
}

static void
explain_names_what_is_wrong(void)
{
    velo_connection *db = explain_open();

    CHECK_RUN(db, "EXPLAIN ANALYZE SELECT * FROM nowhere", "!no such table: nowhere");
    CHECK_RUN(db, "EXPLAIN ANALYZE PRAGMA user_version", "!near \"user_version\": syntax error");
    CHECK_RUN(db, "EXPLAIN ANALYZE SELECT abs(-9223372036854775807 - 1)", "!integer overflow");
    CHECK(api_run_each_failure(db, "EXPLAIN ANALYZE SELECT b, count(*) FROM t GROUP BY b", 7,
                               "SELECT count(*) FROM t", "1000") > 0);
    CHECK_RUN(db, "SELECT count(*) FROM t", "1000");
    CHECK(strstr(api_run(db, "EXPLAIN ANALYZE REPLACE INTO t DEFAULT VALUES"), "INSERT INTO t"));
    CHECK(strstr(
        api_run(db, "EXPLAIN ANALYZE WITH w AS (SELECT 1) REPLACE INTO t(c) SELECT * FROM w"),
        "INSERT INTO t"));
    CHECK_RUN(db, "SELECT count(*) FROM t", "1002");
    CHECK_OK(velo_close(db));
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(explain_tells_operators),
        UNIT_TEST(explain_counts_loops),
        UNIT_TEST(explain_makes_changes),
        UNIT_TEST(explain_takes_parameters),
        UNIT_TEST(explain_measures),
        UNIT_TEST(explain_counts_single_rows),
        UNIT_TEST(explain_names_what_is_wrong),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
