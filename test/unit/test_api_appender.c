/* test_api_appender.c - rows and columns appended to a table. */
#include "lib/api_run.h"
#include "lib/unit.h"

#include "base/alloc.h"

#include <string.h>

static velo_appender *
appender_begin(velo_connection *connection, const char *table)
{
    velo_appender *appender = NULL;

    if (velo_appender_begin(connection, NULL, table, NULL, &appender) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "%s", velo_error_text(connection));
    return appender;
}

/* Append a row of an integer and a text. */
static velo_status
appender_pair(velo_appender *appender, int64_t a, const char *b)
{
    velo_status st = velo_append_int64(appender, a);

    if (st == VELO_OK)
        st = velo_append_text(appender, b, -1);
    return st == VELO_OK ? velo_append_row(appender) : st;
}

static void
rows_are_inserted(void)
{
    velo_connection *connection = api_run_open(NULL);
    velo_appender *appender;

    CHECK_RUN(connection,
              "CREATE TABLE t(a INTEGER PRIMARY KEY, b, c REAL, d, e AS (a + 1)); "
              "CREATE INDEX tb ON t(b); CREATE TABLE log(n); CREATE TRIGGER r AFTER "
              "INSERT ON t BEGIN INSERT INTO log VALUES(new.a); END",
              "");
    appender = appender_begin(connection, "t");
    CHECK(appender != NULL);
    for (int i = 1; i <= 9000; i++) {
        CHECK_EQ(velo_append_int64(appender, i), VELO_OK);
        CHECK_EQ(i % 3 == 0 ? velo_append_null(appender) : velo_append_text(appender, "xyz", 2),
                 VELO_OK);
        CHECK_EQ(velo_append_double(appender, i / 2.0), VELO_OK);
        CHECK_EQ(velo_append_blob(appender, &i, 2), VELO_OK);
        CHECK_EQ(velo_append_int64(appender, 1), VELO_MISUSE);
        CHECK_EQ(velo_append_row(appender), VELO_OK);
    }
    CHECK_RUN(connection, "SELECT count(*) FROM t", "8192");
    CHECK_EQ(velo_appender_end(appender), VELO_OK);
    CHECK_RUN(connection, "SELECT count(*), sum(a), count(b), sum(c), sum(e) FROM t",
              "9000,40504500,6000,20252250.0,40513500");
    CHECK_RUN(connection,
              "SELECT a, b, c, hex(d) FROM t WHERE a = 770; SELECT count(*) FROM t "
              "WHERE b = 'xy'; SELECT count(*) FROM log; PRAGMA integrity_check",
              "770,xy,385.0,0203|6000|9000|ok");
    CHECK_EQ(velo_appender_end(NULL), VELO_OK);
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* The first text of a buffer may have no bytes, which need no room. */
static void
empty_texts_come_first(void)
{
    velo_connection *connection = api_run_open(NULL);
    velo_appender *appender;

    CHECK_RUN(connection, "CREATE TABLE t(a, b)", "");
    appender = appender_begin(connection, "t");
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(velo_append_text(appender, "", 0), VELO_OK);
        CHECK_EQ(velo_append_blob(appender, "", 0), VELO_OK);
        CHECK_EQ(velo_append_row(appender), VELO_OK);
        CHECK_EQ(appender_pair(appender, 1, "x"), VELO_OK);
        CHECK_EQ(velo_appender_flush(appender), VELO_OK);
    }
    CHECK_EQ(velo_appender_end(appender), VELO_OK);
    CHECK_RUN(connection, "SELECT quote(a), quote(b) FROM t", "'',X''|1,'x'|'',X''|1,'x'");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
columns_are_inserted(void)
{
    static const int64_t a[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    static const double b[] = {0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5};
    static const int64_t offsets[] = {0, 1, 1, 3, 6, 7, 8, 9, 10, 12};
    static const uint8_t valid[] = {0xfb, 0x00};
    const velo_array arrays[] = {{VELO_INTEGER, a, NULL, NULL},
                                 {VELO_REAL, b, NULL, valid},
                                 {VELO_TEXT, "abbcccdefghh", offsets, NULL},
                                 {VELO_NULL, NULL, NULL, NULL}};
    velo_connection *connection = api_run_open(NULL);
    velo_appender *appender;

    CHECK_RUN(connection, "CREATE TABLE t(a, b, c, d)", "");
    appender = appender_begin(connection, "t");
    CHECK_EQ(velo_append_columns(appender, arrays, 3, 9), VELO_MISUSE);
    CHECK_EQ(velo_append_columns(appender, arrays, 4, 9), VELO_OK);
    CHECK_EQ(velo_append_columns(appender, arrays, 4, 0), VELO_OK);
    CHECK_RUN(connection,
              "SELECT group_concat(a), group_concat(quote(b)), group_concat(quote(c)), "
              "count(d) FROM t",
              "1,2,3,4,5,6,7,8,9,0.5,1.5,NULL,3.5,4.5,5.5,6.5,7.5,NULL,"
              "'a','','bb','ccc','d','e','f','g','hh',0");
    CHECK_EQ(velo_append_null(appender), VELO_OK);
    CHECK_EQ(velo_append_columns(appender, arrays, 4, 9), VELO_MISUSE);
    CHECK_EQ(velo_append_row(appender), VELO_MISUSE);
    CHECK_TEXT(velo_error_text(connection), "row 10 has 1 values, not 4");
    CHECK_EQ(velo_appender_end(appender), VELO_OK);
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
bad_arrays_are_refused(void)
{
    static const int64_t offsets[] = {0, 0, 5, 2};
    velo_array array = {VELO_TEXT, "hello", offsets, NULL};
    velo_connection *connection = api_run_open(NULL);
    velo_appender *appender;

    CHECK_RUN(connection, "CREATE TABLE t(a)", "");
    appender = appender_begin(connection, "t");
    CHECK_EQ(velo_append_text(appender, "before", -1), VELO_OK);
    CHECK_EQ(velo_append_row(appender), VELO_OK);
    CHECK_EQ(velo_append_columns(appender, &array, 1, 3), VELO_MISUSE);
    CHECK_TEXT(velo_error_text(connection), "row 4, column 1: bad offsets");
    CHECK_RUN(connection, "SELECT a FROM t", "before");
    array.values = NULL;
    CHECK_EQ(velo_append_columns(appender, &array, 1, 2), VELO_MISUSE);
    CHECK_TEXT(velo_error_text(connection), "row 5, column 1: bad offsets");
    CHECK_EQ(velo_append_columns(appender, &array, 1, 1), VELO_OK); /* an empty text needs none */
    CHECK_EQ(velo_append_int64(appender, 7), VELO_OK);
    CHECK_EQ(velo_append_row(appender), VELO_OK);
    CHECK_EQ(velo_appender_end(appender), VELO_OK);
    CHECK_RUN(connection, "SELECT quote(a) FROM t", "'before'|''|7");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
a_failure_names_row_and_column(void)
{
    velo_connection *connection = api_run_open(NULL);
    velo_appender *appender;

    CHECK_RUN(connection, "CREATE TABLE t(a INTEGER UNIQUE, b TEXT NOT NULL CHECK(b <> 'bad'))",
              "");
    appender = appender_begin(connection, "t");
    for (int i = 1; i <= 1000; i++)
        CHECK_EQ(appender_pair(appender, i, "x"), VELO_OK);
    CHECK_EQ(velo_appender_flush(appender), VELO_OK);
    for (int i = 1001; i <= 1900; i++)
        CHECK_EQ(appender_pair(appender, i == 1500 ? 700 : i, "x"), VELO_OK);
    CHECK_STATUS(velo_appender_flush(appender), VELO_CONSTRAINT_UNIQUE);
    CHECK_TEXT(velo_error_text(connection), "row 1500: UNIQUE constraint failed: t.a");
    CHECK_RUN(connection, "SELECT count(*) FROM t", "1000");
    CHECK_EQ(appender_pair(appender, 5000, "y"), VELO_OK);
    CHECK_EQ(velo_append_int64(appender, 5001), VELO_OK);
    CHECK_EQ(velo_append_null(appender), VELO_OK);
    CHECK_EQ(velo_append_row(appender), VELO_OK);
    CHECK_STATUS(velo_appender_flush(appender), VELO_CONSTRAINT_NOTNULL);
    CHECK_TEXT(velo_error_text(connection), "row 1902: NOT NULL constraint failed: t.b");
    CHECK_EQ(appender_pair(appender, 5000, "bad"), VELO_OK);
    CHECK_STATUS(velo_appender_end(appender), VELO_CONSTRAINT_CHECK);
    CHECK_TEXT(velo_error_text(connection), "row 1903: CHECK constraint failed: b <> 'bad'");
    CHECK_RUN(connection, "SELECT count(*) FROM t", "1000");
    CHECK_STATUS(velo_appender_begin(connection, NULL, "none", NULL, &appender), VELO_ERROR);
    CHECK_TEXT(velo_error_text(connection), "no such table: none");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
a_flush_keeps_a_row_that_was_begun(void)
{
    velo_connection *connection = api_run_open(NULL);
    velo_appender *appender;

    CHECK_RUN(connection, "CREATE TABLE t(a, b)", "");
    appender = appender_begin(connection, "t");
    for (int i = 1; i <= 3; i++)
        CHECK_EQ(appender_pair(appender, i, "before"), VELO_OK);
    CHECK_EQ(velo_append_text(appender, "begun", -1), VELO_OK);
    CHECK_EQ(velo_appender_flush(appender), VELO_OK);
    CHECK_EQ(velo_append_text(appender, "ended", -1), VELO_OK);
    CHECK_EQ(velo_append_row(appender), VELO_OK);
    CHECK_EQ(velo_appender_end(appender), VELO_OK);
    CHECK_RUN(connection, "SELECT a, b FROM t", "1,before|2,before|3,before|begun,ended");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* Append the integers begin to end - 1 to a table and flush them; nothing may come of it. */
static void
appender_check_conflict(velo_connection *connection, int begin, int end, const char *message)
{
    velo_appender *appender = appender_begin(connection, "t");

    for (int i = begin; i < end; i++) {
        CHECK_EQ(velo_append_int64(appender, i), VELO_OK);
        CHECK_EQ(velo_append_row(appender), VELO_OK);
    }
    CHECK_STATUS(velo_appender_flush(appender), VELO_CONSTRAINT_UNIQUE);
    CHECK_TEXT(velo_error_text(connection), message);
    CHECK_EQ(velo_in_transaction(connection), 0);
    CHECK_EQ(velo_appender_end(appender), VELO_OK);
    CHECK_RUN(connection, "SELECT a FROM t", "350");
}

static void
a_conflict_may_end_the_transaction(void)
{
    static const char message[] = "rows 1 to 300: UNIQUE constraint failed: t.a";
    velo_connection *connection = api_run_open(NULL);

    CHECK_RUN(connection,
              "CREATE TABLE t(a UNIQUE ON CONFLICT ROLLBACK); INSERT INTO t VALUES(350)", "");
    appender_check_conflict(connection, 100, 400, message);
    CHECK_RUN(connection, "BEGIN; INSERT INTO t VALUES(1)", "");
    appender_check_conflict(connection, 200, 500, message);
    appender_check_conflict(connection, 340, 360, "row 11: UNIQUE constraint failed: t.a");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
a_conflict_may_leave_rows_of_its_group(void)
{
    velo_connection *connection = api_run_open(NULL);

    CHECK_RUN(connection, "CREATE TABLE t(a UNIQUE ON CONFLICT FAIL); INSERT INTO t VALUES(350)",
              "");
    appender_check_conflict(connection, 100, 400, "row 251: UNIQUE constraint failed: t.a");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
columns_may_be_named(void)
{
    static const char *const names[] = {"c", "a", NULL};
    static const char *const wrong[] = {"c", "z", NULL};
    velo_connection *connection = api_run_open(NULL);
    velo_appender *appender;

    CHECK_RUN(connection, "CREATE TABLE t(a, b DEFAULT 'd', c); BEGIN", "");
    CHECK_STATUS(velo_appender_begin(connection, "main", "t", wrong, &appender), VELO_ERROR);
    CHECK_EQ(velo_appender_begin(connection, "main", "t", names, &appender), VELO_OK);
    CHECK_EQ(appender_pair(appender, 1, "x"), VELO_OK);
    CHECK_EQ(velo_appender_flush(appender), VELO_OK);
    CHECK_EQ(appender_pair(appender, 2, "y"), VELO_OK);
    CHECK_EQ(velo_close(connection), VELO_BUSY);
    CHECK_EQ(velo_appender_end(appender), VELO_OK);
    CHECK_RUN(connection, "SELECT a, b, c FROM t; ROLLBACK; SELECT count(*) FROM t",
              "x,d,1|y,d,2|0");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
memory_may_run_out(void)
{
    velo_connection *connection = api_run_open(NULL);
    velo_status st = VELO_NOMEM;
    unsigned failures = 0;

    CHECK_RUN(connection, "CREATE TABLE t(a UNIQUE, b)", "");
    for (uint64_t nth = 1; st != VELO_OK; nth++) {
        velo_appender *appender = NULL;

        vl_allocator_fail_nth(vl_allocator_default(), nth, 1);
        st = velo_appender_begin(connection, NULL, "t", NULL, &appender);
        for (int i = 0; st == VELO_OK && i < 300; i++)
            st = appender_pair(appender, i, "some text");
        if (st == VELO_OK)
            st = velo_appender_end(appender);
        else
            (void)velo_appender_end(appender);
        vl_allocator_fail_nth(vl_allocator_default(), 0, 0);
        if (st == VELO_OK)
            break;
        CHECK_STATUS(st, VELO_NOMEM);
        failures++;
        CHECK_RUN(connection, "DELETE FROM t", "");
    }
    CHECK(failures > 10);
    CHECK_RUN(connection, "SELECT count(*) FROM t; PRAGMA integrity_check", "300|ok");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(rows_are_inserted),
        UNIT_TEST(empty_texts_come_first),
        UNIT_TEST(columns_are_inserted),
        UNIT_TEST(bad_arrays_are_refused),
        UNIT_TEST(a_failure_names_row_and_column),
        UNIT_TEST(a_flush_keeps_a_row_that_was_begun),
        UNIT_TEST(a_conflict_may_end_the_transaction),
        UNIT_TEST(a_conflict_may_leave_rows_of_its_group),
        UNIT_TEST(columns_may_be_named),
        UNIT_TEST(memory_may_run_out),
    };

    return unit_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
