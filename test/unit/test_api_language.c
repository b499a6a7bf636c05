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

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(checks_tell_of_rows),
        UNIT_TEST(checks_tell_of_columns),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
