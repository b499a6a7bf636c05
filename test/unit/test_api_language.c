/* test_api_language.c - what SQL means where a text of test/sql cannot say it: through velocidb.h.
 * What a text gives was checked with SQLite unless it is said to differ. */
#include "lib/api_run.h"
#include "lib/unit.h"
#include "velocidb.h"

/* ---- what checks tell of rows ---- */

/* Gives its argument back, until it lies: then what no column declared with it may be. */
static void
lie(velo_call *call, int count, velo_value **arguments)
{
    const int *lies = velo_call_user(call);

    (void)count;
    if (*lies == 1)
        velo_result_null(call);
    else if (*lies == 2)
        velo_result_blob(call, "\1", 1);
    else
        velo_result_value(call, arguments[0]);
}

static void
checks_tell_of_rows(void)
{
    velo_connection *db = api_run_open(NULL);

    CHECK_RUN(db,
              "CREATE TABLE t(a CHECK(a > 0), \"b c\" NOT NULL, CHECK(t.a <> 5), CHECK(a < 100));"
              "CREATE TABLE w(k TEXT PRIMARY KEY, v CHECK(v <> 'x')) WITHOUT ROWID;"
              "INSERT INTO t VALUES (1, 1), (2, 1), (3, 1), (NULL, 1);"
              "INSERT INTO w VALUES ('a', 'b');"
              "PRAGMA integrity_check; PRAGMA quick_check",
              "ok|ok");
    CHECK_RUN(db,
              "PRAGMA ignore_check_constraints = 1;"
              "UPDATE t SET a = -1 WHERE a = 2; UPDATE t SET a = 5 WHERE a = 3;"
              "UPDATE w SET v = 'x'; PRAGMA integrity_check; PRAGMA quick_check(w)",
              "ok|ok");
    CHECK_RUN(db, "PRAGMA ignore_check_constraints = 0; PRAGMA integrity_check(t)",
              "CHECK constraint failed in t|CHECK constraint failed in t");
    CHECK_RUN(db, "PRAGMA quick_check(T); PRAGMA main.quick_check('w')",
              "CHECK constraint failed in t|CHECK constraint failed in t|"
              "CHECK constraint failed in w");
    CHECK_RUN(db, "SELECT count(*) FROM pragma_integrity_check; PRAGMA integrity_check(1)",
              "3|CHECK constraint failed in t");
    CHECK_EQ(velo_exec(db, "PRAGMA integrity_check(nosuch)", NULL, NULL), VELO_ERROR);
    CHECK_TEXT(velo_error_text(db), "no such table: nosuch");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
checks_tell_of_columns(void)
{
    static int lies;
    velo_function function = {.size = sizeof function,
                              .name = "lie",
                              .argument_count = 1,
                              .flags = VELO_FUNCTION_DETERMINISTIC | VELO_FUNCTION_INNOCUOUS,
                              .user = &lies,
                              .scalar = lie};
    velo_connection *db = api_run_open(NULL);

    CHECK_OK(velo_create_function(db, &function));
    CHECK_RUN(db,
              "CREATE TABLE g(a INT, b TEXT AS (lie(a)) NOT NULL, c INT AS (lie(a))) STRICT;"
              "INSERT INTO g VALUES (1); PRAGMA integrity_check",
              "ok");
    lies = 1;
    CHECK_RUN(db, "PRAGMA quick_check", "NULL value in g.b");
    lies = 2;
    CHECK_RUN(db, "PRAGMA integrity_check", "non-TEXT value in g.b|non-INT value in g.c");
    CHECK_EQ(velo_close(db), VELO_OK);
}

/* ---- RETURNING ---- */

/* As the newest SQLite does; 3.40 remembers the first answer. */
static void
subqueries_of_returning_see_what_was_done(void)
{
    velo_connection *db = api_run_open(NULL);

    CHECK_RUN(db,
              "CREATE TABLE t(a INTEGER PRIMARY KEY, b);"
              "INSERT INTO t VALUES (1, 1), (2, 1), (3, 1) RETURNING a, (SELECT count(*) FROM t),"
              " (SELECT max(x.a) FROM t AS x WHERE x.a < t.a)",
              "1,1,~|2,2,1|3,3,2");
    CHECK_RUN(db,
              "UPDATE t SET b = b + ?1 RETURNING a, (SELECT sum(b) FROM t), a IN (SELECT x.a FROM "
              "t AS x JOIN t AS y ON x.b = y.a)",
              "1,2,0|2,1,0|3,~,0");
    CHECK_RUN(db,
              "UPDATE t SET b = 3; UPDATE t SET b = a RETURNING a, (SELECT sum(b) FROM t),"
              " (SELECT group_concat(x.a) FROM t AS x JOIN t AS y ON x.b = y.a)",
              "1,7,1,2,3|2,6,1,2,3|3,6,1,2,3");
    CHECK_RUN(db,
              "INSERT INTO t VALUES (3, 7), (4, 8) ON CONFLICT DO UPDATE SET b = excluded.b"
              " RETURNING a, b, (SELECT sum(b) FROM t)",
              "3,7,10|4,8,18");
    CHECK_RUN(db,
              "DELETE FROM t WHERE a > 1 RETURNING a, (SELECT count(*) FROM t),"
              " EXISTS (SELECT 1 FROM t AS x WHERE x.a = t.a)",
              "2,3,0|3,2,0|4,1,0");
    CHECK_RUN(db,
              "CREATE TEMP TABLE s(x); CREATE TEMP TRIGGER tt AFTER INSERT ON t"
              " BEGIN INSERT INTO s VALUES (new.a); END;"
              "INSERT INTO t VALUES (5, 1), (6, 1) RETURNING (SELECT max(x) FROM s WHERE x < a)",
              "~|5");
    /* NULL: reading a number as text takes memory when all has been done */
    (void)api_run_each_failure(
        db, "REPLACE INTO t VALUES (5, 2), (7, 1) RETURNING (SELECT nullif(sum(b), sum(b)) FROM t)",
        1, "SELECT sum(a), sum(b) FROM t", "12,3");
    CHECK_EQ(velo_close(db), VELO_OK);
}

/* ---- USING ---- */

/* As the newest SQLite does; 3.40 compares by BINARY. */
static void
columns_of_using_compare_as_the_first_does(void)
{
    velo_connection *db = api_run_open(NULL);

    CHECK_RUN(db,
              "CREATE TABLE ci(b TEXT COLLATE NOCASE, x); CREATE TABLE cs(b TEXT, x);"
              "INSERT INTO ci VALUES ('A', 1); INSERT INTO cs VALUES ('A', 2), ('B', 3);"
              "CREATE TABLE w(b TEXT, x); INSERT INTO w VALUES ('a', 4)",
              "");
    CHECK_RUN(db, "SELECT b FROM ci FULL JOIN cs USING (b) WHERE b = 'a'", "A");
    CHECK_RUN(db, "SELECT b FROM cs FULL JOIN ci USING (b) WHERE b = 'a'", "");
    CHECK_RUN(db, "SELECT b FROM cs FULL JOIN ci USING (b) WHERE b = 'a' COLLATE NOCASE", "A");
    CHECK_RUN(db,
              "SELECT b, ci.x, cs.x, w.x FROM ci RIGHT JOIN cs USING (b) LEFT JOIN w USING (b)"
              " ORDER BY cs.x",
              "A,1,2,4|B,~,3,~");
    CHECK_RUN(db, "SELECT b, w.x FROM cs RIGHT JOIN ci USING (b) LEFT JOIN w USING (b)", "A,~");
    CHECK_EQ(velo_close(db), VELO_OK);
}

/* ---- LIKE ---- */

/* Tells with how many arguments it was called. */
static void
count_arguments(velo_call *call, int count, velo_value **arguments)
{
    (void)arguments;
    velo_result_int64(call, 40 + count);
}

static void
operators_call_the_functions_of_the_application(void)
{
    velo_function function = {.size = sizeof function,
                              .name = "like",
                              .argument_count = 2,
                              .flags = VELO_FUNCTION_DETERMINISTIC,
                              .scalar = count_arguments};
    velo_connection *db = api_run_open(NULL);

    CHECK_OK(velo_create_function(db, &function));
    function.argument_count = 3;
    CHECK_OK(velo_create_function(db, &function));
    function.name = "GLOB";
    function.argument_count = 2;
    CHECK_OK(velo_create_function(db, &function));
    CHECK_RUN(db, "SELECT 'a' LIKE 'b', 'a' LIKE 'b' ESCAPE 'c', 'a' NOT LIKE 'b', 'a' GLOB 'b'",
              "42,43,0,42");
    function.scalar = NULL;
    CHECK_OK(velo_create_function(db, &function));
    CHECK_RUN(db, "SELECT 'a' LIKE 'b', 'a' GLOB 'b'", "42,0");
    CHECK_RUN(db,
              "PRAGMA case_sensitive_like = 0;"
              "SELECT 'a' LIKE 'A', 'a' LIKE 'b', 'ax' LIKE 'A%' ESCAPE 'x'",
              "1,0,1");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
like_minds_the_case_when_told(void)
{
    velo_connection *db = api_run_open(NULL);
    velo_statement *statement;
    velo_statement *open;

    CHECK_OK(velo_prepare(db, "SELECT 'a' LIKE 'A'", -1, &statement, NULL));
    CHECK_EQ(velo_step(statement), VELO_ROW);
    CHECK_EQ(velo_column_int64(statement, 0), 1);
    CHECK_OK(velo_reset(statement));
    CHECK_RUN(db, "PRAGMA case_sensitive_like = 1; PRAGMA case_sensitive_like", "");
    CHECK_EQ(velo_step(statement), VELO_ROW);
    CHECK_EQ(velo_column_int64(statement, 0), 0);
    CHECK_OK(velo_reset(statement));
    CHECK_RUN(db,
              "SELECT like('A', 'a'), like('a', 'a'), 'Ab' LIKE 'A_', 'Ab' LIKE 'a%',"
              " 'A%' LIKE 'Ax%' ESCAPE 'x', 'A%' LIKE 'ax%' ESCAPE 'x', 'Ab' NOT LIKE 'AB'",
              "0,1,1,0,1,0,1");
    CHECK_OK(velo_prepare(db, "SELECT 1 UNION ALL SELECT 2", -1, &open, NULL));
    CHECK_EQ(velo_step(open), VELO_ROW);
    CHECK_RUN(db, "PRAGMA case_sensitive_like = 0",
              "!unable to delete/modify user-function due to active statements");
    CHECK_OK(velo_finalize(open));
    CHECK_RUN(db, "PRAGMA case_sensitive_like = off; SELECT 'a' LIKE 'A'", "1");
    CHECK_OK(velo_finalize(statement));
    CHECK_EQ(velo_close(db), VELO_OK);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(checks_tell_of_rows),
        UNIT_TEST(checks_tell_of_columns),
        UNIT_TEST(columns_of_using_compare_as_the_first_does),
        UNIT_TEST(operators_call_the_functions_of_the_application),
        UNIT_TEST(like_minds_the_case_when_told),
        UNIT_TEST(subqueries_of_returning_see_what_was_done),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
