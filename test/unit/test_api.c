/* test_api.c - connections and statements through velocidb.h: what an application sees. */
#include "lib/api_run.h"
#include "lib/unit.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static velo_statement *
api_prepare(velo_connection *connection, const char *sql)
{
    velo_statement *statement = NULL;

    if (velo_prepare(connection, sql, -1, &statement, NULL) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "%s: %s", sql, velo_error_text(connection));
    return statement;
}

/* ---- connections ---- */

static void
a_file_keeps_what_was_committed(void)
{
    velo_connection *connection = api_run_open("kept");

    CHECK_RUN(connection, "CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 'x'), (2, NULL)", "");
    CHECK_RUN(connection, "BEGIN; INSERT INTO t VALUES (3, 'lost')", "");
    CHECK_EQ(velo_close(connection), VELO_OK); /* rolls back */
    connection = api_run_open("kept");
    CHECK_RUN(connection, "SELECT * FROM t", "1,x|2,~");
    CHECK_RUN(connection, "PRAGMA integrity_check", "ok");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
opening_says_what_is_wrong(void)
{
    velo_open_options options = {.size = sizeof options, .must_exist = 1};
    velo_connection *connection;

    CHECK_EQ(velo_open(unit_path("absent"), &options, &connection) & 0xff, VELO_CANTOPEN);
    CHECK(strstr(velo_error_text(connection), "absent") != NULL);
    CHECK_EQ(velo_close(connection), VELO_OK);
    options.size = 3;
    CHECK_EQ(velo_open(NULL, &options, &connection), VELO_MISUSE);
    CHECK_EQ(velo_close(connection), VELO_OK);
    CHECK_EQ(velo_open(NULL, NULL, NULL), VELO_MISUSE);
    CHECK_EQ(velo_close(NULL), VELO_OK);
}

static void
close_is_refused_while_statements_are_there(void)
{
    velo_connection *connection = api_run_open(NULL);
    velo_statement *statement = api_prepare(connection, "SELECT 1");

    CHECK_EQ(velo_close(connection), VELO_BUSY);
    CHECK_TEXT(velo_error_text(connection), "unable to close due to unfinalized statements");
    CHECK_EQ(velo_finalize(statement), VELO_OK);
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
connections_to_a_file_share_it_by_any_name(void)
{
    velo_connection *one = api_run_open("shared");
    velo_connection *other = api_run_open("./shared");
    velo_open_options options = {.size = sizeof options, .is_read_only = 1};
    velo_connection *reader;

    CHECK_RUN(one, "CREATE TABLE t(a); INSERT INTO t VALUES (1)", "");
    CHECK_RUN(other, "INSERT INTO t VALUES (2)", "");
    CHECK_RUN(one, "SELECT a FROM t", "1|2");
    CHECK_EQ(velo_open(unit_path("shared"), &options, &reader), VELO_OK);
    CHECK_RUN(reader, "SELECT count(*) FROM t", "2");
    CHECK_RUN(reader, "INSERT INTO t VALUES (3)", "!attempt to write a readonly database");
    CHECK_EQ(velo_close(reader), VELO_OK);
    CHECK_EQ(velo_close(one), VELO_OK);
    CHECK_RUN(other, "SELECT count(*) FROM t", "2");
    CHECK_EQ(velo_close(other), VELO_OK);
}

/* ---- statements ---- */

static void
texts_are_prepared_one_statement_at_a_time(void)
{
    velo_connection *connection = api_run_open(NULL);
    const char *sql = "SELECT 1; /* nothing */ ; SELECT 2 -- end";
    velo_statement *statement;
    const char *tail;

    CHECK_EQ(velo_prepare(connection, sql, -1, &statement, &tail), VELO_OK);
    CHECK_TEXT(velo_statement_sql(statement), "SELECT 1;");
    CHECK_TEXT(tail, " /* nothing */ ; SELECT 2 -- end");
    CHECK(velo_statement_connection(statement) == connection);
    CHECK(velo_statement_is_read_only(statement));
    CHECK_EQ(velo_finalize(statement), VELO_OK);
    CHECK_EQ(velo_prepare(connection, " -- no statement", -1, &statement, &tail), VELO_OK);
    CHECK(statement == NULL);
    CHECK_TEXT(tail, "");
    CHECK_EQ(velo_prepare(connection, "SELECT 1 garbage", 8, &statement, NULL), VELO_OK);
    CHECK_TEXT(velo_statement_sql(statement), "SELECT 1");
    CHECK_EQ(velo_finalize(statement), VELO_OK);
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
errors_have_words_and_a_place(void)
{
    velo_connection *connection = api_run_open(NULL);
    velo_statement *statement;

    CHECK_EQ(velo_prepare(connection, "SELECT x FORM t", -1, &statement, NULL), VELO_ERROR);
    CHECK(statement == NULL);
    CHECK_EQ(velo_error_code(connection), VELO_ERROR);
    CHECK_TEXT(velo_error_text(connection), "near \"t\": syntax error");
    CHECK_EQ(velo_error_offset(connection), 14);
    CHECK_RUN(connection, "SELECT 1; SELECT nosuch", "!no such column: nosuch");
    CHECK_EQ(velo_error_offset(connection), 17);
    CHECK_RUN(connection, "SELECT 1", "1");
    CHECK_EQ(velo_error_code(connection), VELO_OK);
    CHECK_TEXT(velo_error_text(connection), "not an error");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
check_suggestion(velo_connection *connection, const char *sql, const char *meant)
{
    velo_statement *statement;

    CHECK(velo_prepare(connection, sql, -1, &statement, NULL) != VELO_OK);
    if (meant == NULL)
        CHECK(velo_error_suggestion(connection) == NULL);
    else
        CHECK_TEXT(velo_error_suggestion(connection), meant);
}

static void
unknown_names_are_told_with_near_ones(void)
{
    velo_connection *connection = api_run_open(NULL);

    CHECK(velo_error_suggestion(NULL) == NULL);
    CHECK_RUN(connection,
              "CREATE TABLE customers(first_name, age, \"day\"); CREATE TABLE cost(a);"
              "CREATE VIEW orders AS SELECT 1 AS quantity",
              "");
    CHECK(velo_error_suggestion(connection) == NULL);
    check_suggestion(connection, "SELECT * FROM custmers", "customers");
    check_suggestion(connection, "SELECT * FROM main.Cutsomers", "customers");
    check_suggestion(connection, "DELETE FROM order", NULL); /* a syntax error */
    check_suggestion(connection, "SELECT * FROM ordesr", "orders");
    check_suggestion(connection, "SELECT * FROM employees", NULL);
    check_suggestion(connection, "SELECT * FROM temp.custmers", NULL);
    check_suggestion(connection, "SELECT firstname FROM customers", "first_name");
    check_suggestion(connection, "SELECT c.qantity FROM customers AS c, orders", NULL);
    check_suggestion(connection, "SELECT o.qantity FROM customers AS c, orders AS o", "quantity");
    check_suggestion(connection, "SELECT customer.age FROM customers", "customers");
    check_suggestion(connection, "SELECT (SELECT agee FROM cost) FROM customers", "age");
    check_suggestion(connection, "SELECT x FROM customers", NULL); /* too short to tell */
    check_suggestion(connection, "UPDATE customers SET agge = 1", "age");
    check_suggestion(connection, "INSERT INTO customers(frist_name) VALUES(1)", "first_name");
    check_suggestion(connection, "SELECT lenght('x')", "length");
    check_suggestion(connection, "SELECT nosuchthing(1)", NULL);
    check_suggestion(connection, "WITH numbers AS (SELECT 1) SELECT * FROM number", "numbers");
    CHECK_RUN(connection, "SELECT 1", "1");
    CHECK(velo_error_suggestion(connection) == NULL);
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
parameters_take_all_types(void)
{
    velo_connection *connection = api_run_open(NULL);
    velo_statement *statement = api_prepare(
        connection, "SELECT typeof(?1) || typeof(:b) || typeof(@c) || typeof($d) || typeof(?), ?1");

    CHECK_EQ(velo_parameter_count(statement), 5);
    CHECK_EQ(velo_parameter_index(statement, ":b"), 2);
    CHECK_EQ(velo_parameter_index(statement, "@c"), 3);
    CHECK_EQ(velo_parameter_index(statement, "nosuch"), 0);
    CHECK_TEXT(velo_parameter_name(statement, 4), "$d");
    CHECK(velo_parameter_name(statement, 5) == NULL);
    CHECK_EQ(velo_bind_int64(statement, 1, INT64_MIN), VELO_OK);
    CHECK_EQ(velo_bind_double(statement, 2, 2.5), VELO_OK);
    CHECK_EQ(velo_bind_text(statement, 3, "text", -1, VELO_COPY), VELO_OK);
    CHECK_EQ(velo_bind_blob(statement, 4, "\0\1", 2, VELO_BORROW), VELO_OK);
    CHECK_EQ(velo_bind_null(statement, 6), VELO_RANGE);
    CHECK_EQ(velo_step(statement), VELO_ROW);
    CHECK_TEXT(velo_column_text(statement, 0), "integerrealtextblobnull");
    CHECK_EQ(velo_column_int64(statement, 1), INT64_MIN);
    CHECK_EQ(velo_bind_null(statement, 1), VELO_MISUSE); /* at work */
    CHECK_EQ(velo_reset(statement), VELO_OK);
    velo_clear_bindings(statement);
    CHECK_EQ(velo_step(statement), VELO_ROW);
    CHECK_TEXT(velo_column_text(statement, 0), "nullnullnullnullnull");
    CHECK_EQ(velo_step(statement), VELO_DONE);
    CHECK_EQ(velo_finalize(statement), VELO_OK);
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
columns_convert_as_cast_does(void)
{
    velo_connection *connection = api_run_open(NULL);
    velo_statement *statement =
        api_prepare(connection, "SELECT 12, '3.5x' AS t, x'6162', NULL, 1e300, ''");

    CHECK_EQ(velo_column_type(statement, 0), VELO_NULL); /* no row yet */
    CHECK_EQ(velo_step(statement), VELO_ROW);
    CHECK_EQ(velo_column_count(statement), 6);
    CHECK_TEXT(velo_column_name(statement, 1), "t");
    CHECK(velo_column_name(statement, 6) == NULL);
    CHECK_EQ(velo_column_type(statement, 0), VELO_INTEGER);
    CHECK_TEXT(velo_column_text(statement, 0), "12");
    CHECK_EQ(velo_column_bytes(statement, 0), 2);
    CHECK_EQ(velo_column_int64(statement, 1), 3);
    CHECK(velo_column_double(statement, 1) == 3.5);
    CHECK_EQ(velo_column_type(statement, 2), VELO_BLOB);
    CHECK_TEXT(velo_column_text(statement, 2), "ab");
    CHECK_EQ(velo_column_bytes(statement, 2), 2);
    CHECK(velo_column_text(statement, 3) == NULL);
    CHECK_EQ(velo_column_bytes(statement, 3), 0);
    CHECK_EQ(velo_column_int64(statement, 4), INT64_MAX);
    CHECK_TEXT(velo_column_text(statement, 5), "");
    CHECK(velo_column_blob(statement, 5) == NULL);
    CHECK_EQ(velo_column_int64(statement, 99), 0);
    CHECK_EQ(velo_finalize(statement), VELO_OK);
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
counters_are_those_of_the_last_change(void)
{
    velo_connection *connection = api_run_open(NULL);

    CHECK_RUN(connection, "CREATE TABLE t(a INTEGER PRIMARY KEY, b UNIQUE)", "");
    CHECK_RUN(connection, "INSERT INTO t(b) VALUES (1), (2), (3)", "");
    CHECK_EQ(velo_changes(connection), 3);
    CHECK_EQ(velo_last_insert_rowid(connection), 3);
    CHECK_RUN(connection, "UPDATE t SET b = b + 10 WHERE a > 1; SELECT count(*) FROM t", "3");
    CHECK_EQ(velo_changes(connection), 2);
    CHECK_RUN(connection, "INSERT OR IGNORE INTO t(b) VALUES (1)", "");
    CHECK_EQ(velo_changes(connection), 0);
    CHECK_RUN(connection, "REPLACE INTO t(a, b) VALUES (9, 1)", "");
    CHECK_EQ(velo_changes(connection), 1);
    CHECK_RUN(connection, "DELETE FROM t", "");
    CHECK_EQ(velo_changes(connection), 3);
    CHECK_EQ(velo_total_changes(connection), 9);
    CHECK_EQ(velo_last_insert_rowid(connection), 9);
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* 31, item 1: the commonest program there is. */
static void
rows_may_be_changed_while_they_are_read(void)
{
    velo_connection *connection = api_run_open(NULL);
    velo_statement *reading;
    int64_t sum = 0;

    CHECK_RUN(connection, "CREATE TABLE t(a INTEGER PRIMARY KEY, b)", "");
    CHECK_RUN(connection, "INSERT INTO t(b) VALUES (1), (2), (3)", "");
    reading = api_prepare(connection, "SELECT a, b FROM t");
    while (velo_step(reading) == VELO_ROW) {
        CHECK_RUN(connection, "UPDATE t SET b = b * 10; INSERT INTO t(b) VALUES (0)", "");
        sum += velo_column_int64(reading, 1);
    }
    CHECK_EQ(sum, 6); /* as it was when the statement began */
    CHECK_EQ(velo_finalize(reading), VELO_OK);
    CHECK_RUN(connection, "SELECT sum(b), count(*) FROM t", "6000,6");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* ---- transactions ---- */

static void
savepoints_nest(void)
{
    velo_connection *connection = api_run_open(NULL);

    CHECK_RUN(connection, "CREATE TABLE t(a)", "");
    CHECK_RUN(connection, "SAVEPOINT one; INSERT INTO t VALUES (1)", "");
    CHECK(velo_in_transaction(connection));
    CHECK_RUN(connection, "SAVEPOINT Two; INSERT INTO t VALUES (2)", "");
    CHECK_RUN(connection, "SAVEPOINT three; INSERT INTO t VALUES (3); RELEASE three", "");
    CHECK_RUN(connection, "ROLLBACK TO two; SELECT a FROM t", "1");
    CHECK_RUN(connection, "ROLLBACK TO three", "!no such savepoint: three");
    CHECK_RUN(connection, "INSERT INTO t VALUES (4); RELEASE one; SELECT a FROM t", "1|4");
    CHECK(!velo_in_transaction(connection));
    CHECK_RUN(connection, "COMMIT", "!cannot commit - no transaction is active");
    CHECK_RUN(connection, "ROLLBACK", "!cannot rollback - no transaction is active");
    CHECK_RUN(connection, "BEGIN; BEGIN", "!cannot start a transaction within a transaction");
    CHECK_RUN(connection, "ROLLBACK; SELECT count(*) FROM t", "2");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
a_failed_statement_leaves_nothing(void)
{
    velo_connection *connection = api_run_open(NULL);

    CHECK_RUN(connection, "CREATE TABLE t(a UNIQUE CHECK (a < 100), b NOT NULL)", "");
    CHECK_RUN(connection, "BEGIN; INSERT INTO t VALUES (1, 1)", "");
    CHECK_RUN(connection, "INSERT INTO t VALUES (2, 2), (1, 3)", "!UNIQUE constraint failed: t.a");
    CHECK_EQ(velo_error_code(connection), VELO_CONSTRAINT_UNIQUE);
    CHECK_RUN(connection, "INSERT OR FAIL INTO t VALUES (3, 3), (3, 4)",
              "!UNIQUE constraint failed: t.a");
    CHECK_RUN(connection, "UPDATE t SET a = a + 98", "!CHECK constraint failed: a < 100");
    CHECK_RUN(connection, "INSERT INTO t(a) VALUES (4)", "!NOT NULL constraint failed: t.b");
    CHECK_RUN(connection, "SELECT a FROM t", "1|3");
    CHECK_RUN(connection, "INSERT OR ROLLBACK INTO t VALUES (1, 1)",
              "!UNIQUE constraint failed: t.a");
    CHECK(!velo_in_transaction(connection));
    CHECK_RUN(connection, "SELECT count(*) FROM t", "0");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
the_schema_changes_with_its_transaction(void)
{
    velo_connection *one = api_run_open("schema");
    velo_connection *other = api_run_open("schema");
    velo_statement *statement;

    CHECK_RUN(one, "CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)", "");
    statement = api_prepare(other, "SELECT * FROM t");
    CHECK_RUN(one, "BEGIN; CREATE INDEX i ON t(a); CREATE TABLE u(b); INSERT INTO u VALUES (7)",
              "");
    CHECK_RUN(one, "SELECT b FROM u", "7");
    CHECK_RUN(other, "SELECT b FROM u", "!no such table: u");
    CHECK_RUN(other, "INSERT INTO t VALUES (3)",
              "!database is locked: another transaction changes the schema");
    CHECK_RUN(one, "ROLLBACK; SELECT name FROM sqlite_schema", "t");
    CHECK_RUN(one, "BEGIN; DROP TABLE t; CREATE TABLE t(x, y); INSERT INTO t VALUES (8, 9)", "");
    CHECK_RUN(other, "SELECT * FROM t", "1|2");
    CHECK_RUN(one, "COMMIT", "");
    CHECK_EQ(velo_step(statement), VELO_ROW); /* made anew for the new schema */
    CHECK_EQ(velo_column_count(statement), 2);
    CHECK_EQ(velo_column_int64(statement, 1), 9);
    CHECK_EQ(velo_finalize(statement), VELO_OK);
    CHECK_EQ(velo_close(one), VELO_OK);
    CHECK_EQ(velo_close(other), VELO_OK);
}

static void
snapshots_stay_and_conflicts_are_told(void)
{
    velo_connection *one = api_run_open("snapshots");
    velo_connection *other = api_run_open("snapshots");

    CHECK_RUN(one, "CREATE TABLE t(a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES (1, 1)", "");
    CHECK_RUN(one, "BEGIN; SELECT b FROM t", "1");
    CHECK_RUN(other, "UPDATE t SET b = 2", "");
    CHECK_RUN(one, "SELECT b FROM t", "1");
    (void)api_run(one, "UPDATE t SET b = 3");
    CHECK_EQ(velo_error_code(one), VELO_BUSY_SNAPSHOT);
    CHECK_RUN(one, "ROLLBACK; UPDATE t SET b = b + 1; SELECT b FROM t", "3");
    CHECK_RUN(one, "BEGIN IMMEDIATE", "");
    (void)api_run(other, "UPDATE t SET b = 0"); /* idle, and no timeout */
    CHECK_EQ(velo_error_code(other) & 0xff, VELO_BUSY);
    CHECK_RUN(other, "SELECT b FROM t", "3");
    CHECK_RUN(one, "UPDATE t SET b = 4; COMMIT", "");
    CHECK_RUN(other, "UPDATE t SET b = b + 1; SELECT b FROM t", "5");
    CHECK_EQ(velo_close(one), VELO_OK);
    CHECK_EQ(velo_close(other), VELO_OK);
}

/* What comes of the newest state, which a snapshot does not see, is a conflict and no wrong answer.
 */
static void
old_snapshots_do_not_decide(void)
{
    velo_connection *one = api_run_open("old");
    velo_connection *other = api_run_open("old");

    CHECK_RUN(one, "CREATE TABLE t(a PRIMARY KEY, b); INSERT INTO t VALUES (1, 1)", "");
    CHECK_RUN(one, "CREATE TABLE s(i INTEGER PRIMARY KEY AUTOINCREMENT, x)", "");
    CHECK_RUN(one, "BEGIN; SELECT count(*) FROM t", "1");
    CHECK_RUN(other, "INSERT INTO t VALUES (2, 5); INSERT INTO s(x) VALUES (1)", "");
    (void)api_run(one, "CREATE INDEX tb ON t(b)");
    CHECK_EQ(velo_error_code(one), VELO_BUSY_SNAPSHOT);
    (void)api_run(one, "INSERT OR REPLACE INTO t VALUES (2, 6)");
    CHECK_EQ(velo_error_code(one), VELO_BUSY_SNAPSHOT);
    (void)api_run(one, "INSERT INTO t VALUES (2, 6) ON CONFLICT DO UPDATE SET b = 7");
    CHECK_EQ(velo_error_code(one), VELO_BUSY_SNAPSHOT);
    CHECK_RUN(one, "INSERT INTO s(x) VALUES (2) RETURNING i", "2");
    CHECK_RUN(one, "ROLLBACK; CREATE INDEX tb ON t(b); SELECT a FROM t WHERE b = 5", "2");
    CHECK_RUN(one, "INSERT INTO t VALUES (2, 6) ON CONFLICT DO UPDATE SET b = 7", "");
    CHECK_RUN(one, "INSERT INTO s(x) VALUES (2); SELECT i FROM s", "1|2");
    CHECK_RUN(other, "SELECT a FROM t WHERE b = 7", "2");
    CHECK_EQ(velo_close(one), VELO_OK);
    CHECK_EQ(velo_close(other), VELO_OK);
}

/* A commit without changes makes no snapshot old. */
static void
commits_without_changes_do_not_count(void)
{
    velo_connection *connection = api_run_open(NULL);

    CHECK_RUN(connection, "CREATE TABLE t(a); INSERT INTO t VALUES (1)", "");
    CHECK_RUN(connection, "SELECT a FROM t; DELETE FROM t WHERE a = 2", "1");
    CHECK_RUN(connection, "CREATE INDEX ta ON t(a); DELETE FROM t WHERE a = 2", "");
    CHECK_RUN(connection, "BEGIN; CREATE INDEX tb ON t(-a); COMMIT; PRAGMA integrity_check", "ok");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* An index leaf with versions is read with its keys: what is seen of an entry hangs on them. */
static void
an_index_is_read_by_its_snapshot(void)
{
    velo_connection *one = api_run_open("index");
    velo_connection *other = api_run_open("index");

    CHECK_RUN(one,
              "CREATE TABLE t(k, b); CREATE INDEX tk ON t(k); INSERT INTO t VALUES (1, 'a'), (2, "
              "'b'), (3, 'c')",
              "");
    CHECK_RUN(one, "BEGIN; SELECT b FROM t WHERE k = 1", "a");
    CHECK_RUN(other, "DELETE FROM t WHERE k = 2; UPDATE t SET k = 9 WHERE k = 3", "");
    CHECK_RUN(other, "INSERT INTO t VALUES (2, 'd')", "");
    CHECK_RUN(one, "SELECT b FROM t WHERE k = 2; SELECT b FROM t WHERE k = 3", "b|c");
    CHECK_RUN(one, "SELECT count(b) FROM t WHERE k = 9; COMMIT", "0");
    CHECK_RUN(one, "SELECT b FROM t WHERE k = 2; SELECT b FROM t WHERE k = 9", "d|c");
    CHECK_EQ(velo_close(other), VELO_OK);
    CHECK_EQ(velo_close(one), VELO_OK);
}

/* 31, item 4. */
static void
statements_survive_what_is_undone_under_them(void)
{
    velo_connection *connection = api_run_open(NULL);
    velo_statement *statement;

    CHECK_RUN(connection, "CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)", "");
    CHECK_RUN(connection, "BEGIN; INSERT INTO t VALUES (3)", "");
    statement = api_prepare(connection, "SELECT a FROM t");
    CHECK_EQ(velo_step(statement), VELO_ROW);
    CHECK_RUN(connection, "ROLLBACK", "");
    while (velo_step(statement) == VELO_ROW)
        CHECK(velo_column_int64(statement, 0) < 3);
    CHECK_EQ(velo_error_code(connection), VELO_DONE);
    CHECK_EQ(velo_finalize(statement), VELO_OK);
    CHECK_RUN(connection, "BEGIN; CREATE TABLE u(a); INSERT INTO u VALUES (1), (2), (3)", "");
    statement = api_prepare(connection, "SELECT a FROM u");
    CHECK_EQ(velo_step(statement), VELO_ROW);
    CHECK_RUN(connection, "ROLLBACK", "");
    CHECK_EQ(velo_step(statement), VELO_ABORT);
    CHECK_TEXT(velo_error_text(connection), "abort due to ROLLBACK");
    CHECK_EQ(velo_step(statement), VELO_ERROR); /* no such table: u */
    CHECK_EQ(velo_step(statement), VELO_ERROR);
    CHECK(velo_column_name(statement, 0) == NULL);
    CHECK_EQ(velo_finalize(statement), VELO_ERROR);
    CHECK_RUN(connection, "SAVEPOINT s; INSERT INTO t VALUES (4)", "");
    statement = api_prepare(connection, "INSERT INTO t VALUES (5), (6) RETURNING a");
    CHECK_EQ(velo_step(statement), VELO_ROW);
    CHECK_RUN(connection, "COMMIT", "!cannot commit transaction - SQL statements in progress");
    CHECK_RUN(connection, "ROLLBACK TO s", "");
    CHECK_EQ(velo_step(statement), VELO_ROW);
    CHECK_EQ(velo_step(statement), VELO_DONE);
    CHECK_EQ(velo_finalize(statement), VELO_OK);
    CHECK_RUN(connection, "RELEASE s; SELECT a FROM t", "1|2");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
statements_run_again(void)
{
    velo_connection *connection = api_run_open(NULL);
    velo_statement *statement = api_prepare(connection, "PRAGMA compile_options");
    static char large[20000];

    for (int run = 0; run < 3; run++) {
        int count = 0;

        while (velo_step(statement) == VELO_ROW)
            count += velo_column_text(statement, 0) != NULL;
        CHECK(count > 1);
    }
    CHECK_EQ(velo_finalize(statement), VELO_OK);
    statement = api_prepare(connection, "SELECT length(?1)");
    memset(large, 'x', sizeof large);
    for (int run = 0; run < 100; run++) { /* each copy is freed by the next */
        CHECK_EQ(velo_bind_text(statement, 1, large, sizeof large, VELO_COPY), VELO_OK);
        CHECK_EQ(velo_step(statement), VELO_ROW);
        CHECK_EQ(velo_column_int64(statement, 0), (int)sizeof large);
        CHECK_EQ(velo_reset(statement), VELO_OK);
    }
    CHECK_EQ(velo_finalize(statement), VELO_OK);
    CHECK_EQ(velo_exec(NULL, "SELECT 1", NULL, NULL), VELO_MISUSE);
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
numbers_of_rows_are_sqlites(void)
{
    velo_connection *connection = api_run_open(NULL);

    CHECK_RUN(connection, "CREATE TABLE s(a INTEGER PRIMARY KEY AUTOINCREMENT, b UNIQUE)", "");
    for (int i = 0; i < 3; i++)
        CHECK_RUN(connection, "INSERT OR REPLACE INTO s(b) VALUES (1)", "");
    CHECK_RUN(connection, "SELECT * FROM s; SELECT * FROM sqlite_sequence", "3,1|s,3");
    CHECK_RUN(connection, "ALTER TABLE s RENAME TO r; INSERT INTO r(b) VALUES (2)", "");
    CHECK_RUN(connection, "SELECT a FROM r; SELECT * FROM sqlite_sequence", "3|4|r,4");
    CHECK_RUN(connection, "DROP TABLE r; SELECT count(*) FROM sqlite_sequence", "0");
    CHECK_RUN(connection, "CREATE TABLE p(b UNIQUE)", "");
    for (int i = 0; i < 3; i++)
        CHECK_RUN(connection, "INSERT OR REPLACE INTO p VALUES (1)", "");
    CHECK_RUN(connection, "SELECT rowid FROM p", "3");
    CHECK_RUN(connection, "CREATE TABLE g(a, b NOT NULL DEFAULT 5, c AS (b + 1) STORED)", "");
    CHECK_RUN(connection, "INSERT OR REPLACE INTO g VALUES (1, NULL); SELECT * FROM g", "1,5,6");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* ---- threads ---- */

#define API_THREADS   VL_BY_BUILD(4, 3)
#define API_TRANSFERS VL_BY_BUILD(300, 60)

/* A thread with a connection of its own. */
typedef struct api_worker {
    pthread_t thread;
    uint32_t number;             /* its random numbers go on from here */
    velo_connection *connection; /* opened by the test */
    char text[400];              /* what went wrong, or nothing */
} api_worker;

/* Run a text that may meet a conflict. */
static void
api_try(api_worker *worker, const char *sql, int may_conflict)
{
    velo_status st = velo_exec(worker->connection, sql, NULL, NULL);

    if (st == VELO_OK)
        return;
    if (!may_conflict || ((unsigned)st & 0xffU) != VELO_BUSY)
        (void)snprintf(worker->text, sizeof worker->text, "%s: %s", sql,
                       velo_error_text(worker->connection));
    (void)velo_exec(worker->connection, "ROLLBACK", NULL, NULL);
}

/* Move amounts between accounts. */
static void *
api_transfer(void *argument)
{
    api_worker *worker = argument;

    for (uint32_t i = 0; i < API_TRANSFERS && worker->text[0] == 0; i++) {
        char sql[200];

        worker->number = worker->number * 1664525U + 1013904223U;
        (void)snprintf(sql, sizeof sql,
                       "BEGIN; UPDATE bank SET v = v - 1 WHERE id = %u;"
                       "UPDATE bank SET v = v + 1 WHERE id = %u; COMMIT",
                       worker->number >> 8 & 7U, worker->number >> 16 & 7U);
        api_try(worker, sql, 1);
        if (i % 10 == 0)
            api_try(worker, "SELECT abs(iif(sum(v) = 800, 1, -9223372036854775808)) FROM bank", 0);
    }
    return NULL;
}

static void
threads_write_beside_each_other(void)
{
    velo_connection *connection = api_run_open("bank");
    api_worker workers[API_THREADS];

    memset(workers, 0, sizeof workers);
    CHECK_RUN(connection, "CREATE TABLE bank(id INTEGER PRIMARY KEY, v)", "");
    CHECK_RUN(connection, "CREATE INDEX bv ON bank(v)", "");
    CHECK_RUN(connection,
              "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 7)"
              "INSERT INTO bank SELECT i, 100 FROM n",
              "");
    for (uint32_t i = 0; i < API_THREADS; i++) {
        workers[i].number = (uint32_t)unit_seed() + i;
        workers[i].connection = api_run_open("bank");
        velo_set_busy_timeout(workers[i].connection, -1);
        CHECK_RUN(workers[i].connection, "PRAGMA synchronous = OFF", "");
        CHECK_EQ(pthread_create(&workers[i].thread, NULL, api_transfer, &workers[i]), 0);
    }
    for (uint32_t i = 0; i < API_THREADS; i++)
        CHECK_EQ(pthread_join(workers[i].thread, NULL), 0);
    for (uint32_t i = 0; i < API_THREADS; i++) {
        CHECK_TEXT(workers[i].text, "");
        CHECK_EQ(velo_close(workers[i].connection), VELO_OK);
    }
    CHECK_RUN(connection, "SELECT sum(v), count(*) FROM bank", "800,8");
    CHECK_RUN(connection, "SELECT sum(v) FROM bank WHERE v > -1000000", "800");
    CHECK_RUN(connection, "PRAGMA integrity_check", "ok");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(a_file_keeps_what_was_committed),
        UNIT_TEST(opening_says_what_is_wrong),
        UNIT_TEST(close_is_refused_while_statements_are_there),
        UNIT_TEST(connections_to_a_file_share_it_by_any_name),
        UNIT_TEST(texts_are_prepared_one_statement_at_a_time),
        UNIT_TEST(errors_have_words_and_a_place),
        UNIT_TEST(unknown_names_are_told_with_near_ones),
        UNIT_TEST(parameters_take_all_types),
        UNIT_TEST(columns_convert_as_cast_does),
        UNIT_TEST(counters_are_those_of_the_last_change),
        UNIT_TEST(rows_may_be_changed_while_they_are_read),
        UNIT_TEST(savepoints_nest),
        UNIT_TEST(a_failed_statement_leaves_nothing),
        UNIT_TEST(the_schema_changes_with_its_transaction),
        UNIT_TEST(snapshots_stay_and_conflicts_are_told),
        UNIT_TEST(old_snapshots_do_not_decide),
        UNIT_TEST(commits_without_changes_do_not_count),
        UNIT_TEST(an_index_is_read_by_its_snapshot),
        UNIT_TEST(statements_survive_what_is_undone_under_them),
        UNIT_TEST(statements_run_again),
        UNIT_TEST(numbers_of_rows_are_sqlites),
        UNIT_TEST(threads_write_beside_each_other),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
