/* test_api_calls.c - values by themselves and functions of the application, through velocidb.h. */
#include "lib/unit.h"
#include "velocidb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static velo_connection *
calls_open(void)
{
    velo_connection *connection = NULL;

    if (velo_open(NULL, NULL, &connection) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "%s", velo_error_text(connection));
    return connection;
}

static int
calls_take(void *user, int count, const char *const *values, const char *const *names)
{
    char *text = user;

    (void)names;
    for (int i = 0; i < count; i++)
        (void)snprintf(text + strlen(text), 500 - strlen(text), "%s%s", text[0] == 0 ? "" : ",",
                       values[i] == NULL ? "~" : values[i]);
    return 0;
}

/* All values that a text gives, or "!" and the error. */
static const char *
calls_run(velo_connection *connection, const char *sql)
{
    static char text[500];

    text[0] = 0;
    if (velo_exec(connection, sql, calls_take, text) != VELO_OK)
        (void)snprintf(text, sizeof text, "!%s", velo_error_text(connection));
    return text;
}

#define CHECK_RUN(connection, sql, wanted) CHECK_TEXT(calls_run(connection, sql), wanted)

static velo_status
calls_create(velo_connection *connection, const char *name, int count, void *user,
             void (*scalar)(velo_call *, int, velo_value **), void (*destroy)(void *))
{
    velo_function function = {.size = sizeof function,
                              .name = name,
                              .argument_count = count,
                              .user = user,
                              .scalar = scalar,
                              .destroy = destroy};

    return velo_create_function(connection, &function);
}

/* ---- values ---- */

static void
value_of_a_row_and_its_copy(void)
{
    velo_connection *connection = calls_open();
    velo_statement *statement;
    velo_value *copies[5];

    CHECK_OK(velo_prepare(connection, "SELECT 7, '12x', 1.5, x'0001', NULL", -1, &statement, NULL));
    CHECK_EQ(velo_step(statement), VELO_ROW);
    for (int i = 0; i < 5; i++) {
        copies[i] = velo_value_copy(velo_column_value(statement, i));
        CHECK(copies[i] != NULL);
    }
    CHECK(velo_column_value(statement, 5) == NULL);
    CHECK_OK(velo_finalize(statement));
    CHECK_EQ(velo_value_type(copies[0]), VELO_INTEGER);
    CHECK_TEXT(velo_value_text(copies[0]), "7");
    CHECK_EQ(velo_value_int64(copies[1]), 12);
    CHECK_EQ(velo_value_numeric_type(copies[1]), VELO_TEXT);
    CHECK_EQ(velo_value_bytes(copies[1]), 3);
    CHECK(velo_value_double(copies[2]) == 1.5);
    CHECK_EQ(velo_value_bytes(copies[3]), 2);
    CHECK(memcmp(velo_value_blob(copies[3]), "\0\1", 2) == 0);
    CHECK(velo_value_text(copies[4]) == NULL);
    CHECK_OK(velo_prepare(connection, "SELECT ?1 || ?2", -1, &statement, NULL));
    CHECK_OK(velo_bind_value(statement, 1, copies[0]));
    CHECK_OK(velo_bind_value(statement, 2, copies[1]));
    CHECK_EQ(velo_step(statement), VELO_ROW);
    CHECK_TEXT(velo_column_text(statement, 0), "712x");
    CHECK_OK(velo_finalize(statement));
    for (int i = 0; i < 5; i++)
        velo_value_free(copies[i]);
    CHECK_OK(velo_close(connection));
}

static void
statement_text_has_its_values(void)
{
    velo_connection *connection = calls_open();
    velo_statement *statement;
    char *sql;

    CHECK_OK(velo_prepare(connection,
                          "SELECT ?, ':no', :a /* ?3 */, \"?\" AS [@x], ?2, @b -- ?\n, $c::d(e)",
                          -1, &statement, NULL));
    CHECK_OK(velo_bind_text(statement, 1, "it's", -1, VELO_COPY));
    CHECK_OK(velo_bind_blob(statement, 2, "\xab", 1, VELO_COPY));
    CHECK_OK(velo_bind_double(statement, 3, 2.5));
    sql = velo_statement_expanded_sql(statement);
    CHECK(sql != NULL);
    CHECK_TEXT(sql,
               "SELECT 'it''s', ':no', x'ab' /* ?3 */, \"?\" AS [@x], x'ab', 2.5 -- ?\n, NULL");
    velo_free(sql);
    CHECK_EQ(velo_statement_get_explain(statement), VELO_EXPLAIN_NONE);
    CHECK_OK(velo_finalize(statement));
    CHECK_OK(velo_prepare(connection, "EXPLAIN QUERY PLAN SELECT 1", -1, &statement, NULL));
    CHECK_EQ(velo_statement_get_explain(statement), VELO_EXPLAIN_PLAN);
    CHECK_OK(velo_finalize(statement));
    CHECK_OK(velo_prepare(connection, "EXPLAIN ANALYZE SELECT 1", -1, &statement, NULL));
    CHECK_EQ(velo_statement_get_explain(statement), VELO_EXPLAIN_ANALYZE);
    CHECK(velo_statement_is_read_only(statement));
    CHECK_OK(velo_finalize(statement));
    CHECK_OK(velo_close(connection));
}

/* ---- scalar functions ---- */

static void
calls_describe(velo_call *call, int count, velo_value **arguments)
{
    char text[100] = "";

    for (int i = 0; i < count; i++)
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%d:%s;",
                       (int)velo_value_type(arguments[i]),
                       velo_value_text(arguments[i]) == NULL ? "~" : velo_value_text(arguments[i]));
    velo_result_text(call, text, -1);
}

static void
calls_fail(velo_call *call, int count, velo_value **arguments)
{
    (void)count;
    velo_result_error(call, (velo_status)velo_value_int64(arguments[0]), "as asked for");
}

/* Runs a statement of the connection. */
static void
calls_nest(velo_call *call, int count, velo_value **arguments)
{
    velo_connection *connection = velo_call_connection(call);
    velo_statement *statement;

    (void)count;
    if (velo_prepare(connection, "SELECT count(*) + ? FROM t", -1, &statement, NULL) != VELO_OK) {
        velo_result_error(call, VELO_ERROR, velo_error_text(connection));
        return;
    }
    (void)velo_bind_value(statement, 1, arguments[0]);
    if (velo_step(statement) == VELO_ROW)
        velo_result_int64(call, velo_column_int64(statement, 0));
    (void)velo_finalize(statement);
}

static void
calls_count_destroy(void *user)
{
    ++*(int *)user;
}

static void
function_gets_arguments_and_gives_results(void)
{
    velo_connection *connection = calls_open();
    int destroyed = 0;

    CHECK_OK(
        calls_create(connection, "describe", -1, &destroyed, calls_describe, calls_count_destroy));
    CHECK_OK(calls_create(connection, "fail", 1, NULL, calls_fail, NULL));
    CHECK_OK(calls_create(connection, "nest", 1, NULL, calls_nest, NULL));
    CHECK_RUN(connection, "SELECT describe(1, 'b', 2.5, NULL), DESCRIBE()", "1:1;3:b;2:2.5;5:~;,");
    CHECK_RUN(connection, "SELECT fail(1)", "!as asked for");
    CHECK_RUN(connection, "SELECT fail(19)", "!as asked for");
    CHECK_EQ(velo_error_code(connection), VELO_CONSTRAINT);
    CHECK_RUN(connection, "SELECT nest(1)", "!no such table: t");
    CHECK_RUN(connection, "CREATE TABLE t(a); INSERT INTO t VALUES(5),(6)", "");
    CHECK_RUN(connection, "SELECT nest(a) FROM t", "7,8");
    CHECK_RUN(connection, "SELECT nest(a, 1) FROM t",
              "!wrong number of arguments to function nest()");
    CHECK_STATUS(calls_create(connection, "", 1, NULL, calls_nest, NULL), VELO_MISUSE);
    CHECK_STATUS(calls_create(connection, "x", 2000, NULL, calls_nest, NULL), VELO_MISUSE);
    CHECK_EQ(destroyed, 0);
    CHECK_OK(velo_close(connection));
    CHECK_EQ(destroyed, 1);
}

static void
function_is_replaced_and_taken_away(void)
{
    velo_connection *connection = calls_open();
    velo_statement *statement;
    int destroyed = 0;

    CHECK_OK(calls_create(connection, "abs", 1, &destroyed, calls_describe, calls_count_destroy));
    CHECK_OK(
        velo_prepare(connection, "SELECT abs(-2) UNION ALL SELECT abs(-3)", -1, &statement, NULL));
    CHECK_EQ(velo_step(statement), VELO_ROW);
    CHECK_TEXT(velo_column_text(statement, 0), "1:-2;");
    CHECK_STATUS(calls_create(connection, "abs", 1, NULL, calls_nest, NULL), VELO_BUSY);
    CHECK_OK(velo_reset(statement));
    CHECK_OK(calls_create(connection, "abs", 1, NULL, NULL, NULL));
    CHECK_EQ(destroyed, 1);
    CHECK_EQ(velo_step(statement), VELO_ROW); /* the plan was made anew */
    CHECK_TEXT(velo_column_text(statement, 0), "2");
    CHECK_OK(velo_finalize(statement));
    CHECK_OK(velo_close(connection));
}

/* Keeps a copy of its first argument; the result tells how often it was made. */
static void
calls_keep(velo_call *call, int count, velo_value **arguments)
{
    int *made = velo_call_user(call);

    (void)count;
    (void)arguments;
    if (velo_call_get_auxiliary(call, 0) == NULL) {
        ++*made;
        velo_call_set_auxiliary(call, 0, malloc(10), free);
    }
    velo_result_int64(call, *made);
}

static void
function_keeps_things_with_constant_arguments(void)
{
    velo_connection *connection = calls_open();
    int made = 0;

    CHECK_OK(calls_create(connection, "keep", 1, &made, calls_keep, NULL));
    CHECK_RUN(connection, "CREATE TABLE t(a); INSERT INTO t VALUES(1),(2),(3)", "");
    CHECK_RUN(connection, "SELECT keep('x') FROM t", "1,1,1");
    CHECK_RUN(connection, "SELECT keep('x'), keep('y') FROM t", "2,3,3,3,3,3");
    made = 0;
    CHECK_RUN(connection, "SELECT keep(a) FROM t", "1,2,3");
    CHECK_OK(velo_close(connection));
}

/* What an index or a generated column holds must not depend on when it was computed. */
static void
function_in_a_schema_is_deterministic(void)
{
    velo_connection *connection = calls_open();
    velo_function pure = {.size = sizeof pure,
                          .name = "pure",
                          .argument_count = 1,
                          .flags = VELO_FUNCTION_DETERMINISTIC,
                          .scalar = calls_describe};

    CHECK_OK(velo_create_function(connection, &pure));
    CHECK_OK(calls_create(connection, "describe", -1, NULL, calls_describe, NULL));
    CHECK_RUN(connection, "CREATE TABLE t(a, b AS (pure(a)), c DEFAULT (describe(1)))", "");
    CHECK_RUN(connection, "INSERT INTO t(a) VALUES('x'); SELECT b, c FROM t", "3:x;,1:1;");
    CHECK_RUN(connection, "CREATE INDEX i ON t(pure(b))", "");
    CHECK_RUN(connection, "CREATE INDEX j ON t(a, describe(b))",
              "!non-deterministic functions prohibited in index expressions");
    CHECK_RUN(connection, "CREATE INDEX j ON t(a) WHERE abs(describe(b)) > 1",
              "!non-deterministic functions prohibited in partial index WHERE clauses");
    CHECK_RUN(connection, "CREATE TABLE u(a, b AS (describe(a)))",
              "!non-deterministic functions prohibited in generated columns");
    CHECK_OK(velo_close(connection));
}

/* ---- aggregates ---- */

typedef struct calls_counts {
    int begun;
    int ended;
} calls_counts;

static void
calls_step(velo_call *call, int count, velo_value **arguments)
{
    calls_counts *counts = velo_call_user(call);
    int64_t *sum = velo_call_state(call, 2 * sizeof *sum);

    (void)count;
    if (sum == NULL)
        return;
    counts->begun += sum[1] == 0;
    sum[1] = 1;
    sum[0] += velo_value_int64(arguments[0]);
    if (velo_value_int64(arguments[0]) == 13)
        velo_result_error(call, VELO_ERROR, "thirteen");
}

static void
calls_final(velo_call *call)
{
    calls_counts *counts = velo_call_user(call);
    const int64_t *sum = velo_call_state(call, 0);

    counts->ended += sum != NULL;
    velo_result_int64(call, sum == NULL ? -1 : sum[0]);
}

static void
aggregate_ends_each_group_once(void)
{
    velo_connection *connection = calls_open();
    calls_counts counts = {0, 0};
    velo_statement *statement;
    velo_function function = {.size = sizeof function,
                              .name = "summed",
                              .argument_count = 1,
                              .user = &counts,
                              .step = calls_step,
                              .final = calls_final};

    CHECK_OK(velo_create_function(connection, &function));
    CHECK_RUN(connection, "CREATE TABLE t(a, b); INSERT INTO t VALUES(1,1),(2,1),(3,2),(4,2)", "");
    CHECK_RUN(connection, "SELECT summed(a) FROM t", "10");
    CHECK_RUN(connection, "SELECT summed(a) FROM t WHERE a > 9", "-1");
    CHECK_RUN(connection, "SELECT summed(a) FROM t WHERE a > 9 GROUP BY b", "");
    CHECK_RUN(connection, "SELECT b, summed(a) FROM t GROUP BY b", "1,3,2,7");
    CHECK_RUN(connection, "SELECT summed(DISTINCT b) FROM t", "3");
    CHECK_EQ(counts.begun, counts.ended);
    CHECK_RUN(connection, "INSERT INTO t VALUES(13, 3)", "");
    CHECK_RUN(connection, "SELECT summed(a) FROM t GROUP BY b", "!thirteen");
    CHECK_EQ(counts.begun, counts.ended);
    CHECK_RUN(connection, "DELETE FROM t WHERE a = 13", "");
    CHECK_OK(velo_prepare(connection, "SELECT summed(a) FROM t GROUP BY b", -1, &statement, NULL));
    CHECK_EQ(velo_step(statement), VELO_ROW);
    CHECK_OK(velo_finalize(statement)); /* before its second group was told */
    CHECK_EQ(counts.begun, counts.ended);
    CHECK(counts.begun > 0);
    function.final = NULL;
    CHECK_STATUS(velo_create_function(connection, &function), VELO_MISUSE);
    CHECK_OK(velo_close(connection));
}

/* ---- what is known of columns ---- */

static void
column_is_described(void)
{
    velo_connection *connection = calls_open();
    velo_column_info info = {.size = sizeof info};

    CHECK_RUN(connection,
              "CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT, b COLLATE RTRIM NOT NULL)", "");
    CHECK_OK(velo_find_column(connection, NULL, "T", "A", &info));
    CHECK_TEXT(info.type, "INTEGER");
    CHECK(info.is_primary_key && info.is_autoincrement);
    CHECK_OK(velo_find_column(connection, "main", "t", "b", &info));
    CHECK(info.type == NULL && info.is_not_null && !info.is_primary_key);
    CHECK_TEXT(info.collation, "RTRIM");
    CHECK_OK(velo_find_column(connection, NULL, "t", "oid", &info));
    CHECK_OK(velo_find_column(connection, NULL, "t", NULL, NULL));
    CHECK_STATUS(velo_find_column(connection, NULL, "t", "q", &info), VELO_ERROR);
    CHECK_TEXT(velo_error_text(connection), "no such table column: t.q");
    CHECK_STATUS(velo_find_column(connection, "q", "t", "a", &info), VELO_ERROR);
    CHECK_OK(velo_close(connection));
}

/* ---- window functions ---- */

/* A sum that counts its calls; it has memory as soon as it has rows. */
typedef struct calls_sum {
    int64_t sum;
    int rows;
} calls_sum;

static struct {
    int values;
    int inverses;
    int finals;
} calls_counted;

static void
sum_step(velo_call *call, int count, velo_value **arguments)
{
    calls_sum *sum = velo_call_state(call, sizeof *sum);

    (void)count;
    if (sum == NULL)
        return;
    if (velo_value_type(arguments[0]) == VELO_TEXT)
        velo_result_error(call, VELO_ERROR, "no text in here");
    sum->sum += velo_value_int64(arguments[0]);
    sum->rows++;
}

static void
sum_inverse(velo_call *call, int count, velo_value **arguments)
{
    calls_sum *sum = velo_call_state(call, 0);

    (void)count;
    calls_counted.inverses++;
    if (velo_value_int64(arguments[0]) == 13)
        velo_result_error(call, VELO_ERROR, "13 does not leave");
    if (sum != NULL) {
        sum->sum -= velo_value_int64(arguments[0]);
        sum->rows--;
    }
}

static void
sum_value(velo_call *call)
{
    calls_sum *sum = velo_call_state(call, sizeof *sum);

    calls_counted.values++;
    if (sum != NULL && sum->rows > 0)
        velo_result_int64(call, sum->sum);
}

static void
sum_final(velo_call *call)
{
    calls_sum *sum = velo_call_state(call, 0);

    calls_counted.finals++;
    if (sum != NULL)
        velo_result_int64(call, sum->sum);
}

static void
windows_of_the_application(void)
{
    static const struct {
        const char *sql;
        const char *wanted;
    } cases[] = {
        {"SELECT wsum(a) FROM t", "15"},
        {"SELECT wsum(a) FROM t GROUP BY a % 2 ORDER BY 1", "6,9"},
        {"SELECT wsum(a) FROM t WHERE a > 100", "~"},
        {"SELECT wsum(a) OVER () FROM t", "15,15,15,15,15"},
        {"SELECT wsum(a) OVER (ORDER BY a) FROM t", "1,3,6,10,15"},
        {"SELECT wsum(a) OVER (PARTITION BY a % 2 ORDER BY a) FROM t", "2,6,1,4,9"},
        {"SELECT wsum(a) OVER (ORDER BY a ROWS 1 PRECEDING) FROM t", "1,3,5,7,9"},
        {"SELECT wsum(a) OVER (ORDER BY a ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM t",
         "3,6,9,12,9"},
        {"SELECT wsum(a) OVER (ORDER BY a ROWS BETWEEN 3 FOLLOWING AND 4 FOLLOWING) FROM t",
         "9,5,~,~,~"},
        {"SELECT wsum(a) OVER (ORDER BY a ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING "
         "EXCLUDE CURRENT ROW) FROM t",
         "14,13,12,11,10"},
        {"SELECT wsum(a) FILTER (WHERE a <> 3) OVER (ORDER BY a ROWS 2 PRECEDING) FROM t",
         "1,3,3,6,9"},
        {"SELECT wsum(a || '') OVER () FROM t", "!no text in here"},
        {"SELECT wsum(a + 12) OVER (ORDER BY a ROWS 1 PRECEDING) FROM t", "!13 does not leave"},
        {"SELECT wsum(a) OVER (ORDER BY a) FROM t LIMIT 2", "1,3"},
        {"SELECT plain(a) OVER () FROM t", "!plain() may not be used as a window function"},
        {"SELECT plain(a) FROM t", "15"},
    };
    velo_connection *connection = calls_open();
    velo_statement *statement = NULL;
    velo_function function = {.size = sizeof function,
                              .name = "plain",
                              .argument_count = 1,
                              .step = sum_step,
                              .final = sum_final};

    CHECK_OK(velo_create_function(connection, &function));
    function.name = "wsum";
    function.value = sum_value;
    CHECK_EQ(velo_create_function(connection, &function), VELO_MISUSE);
    function.inverse = sum_inverse;
    CHECK_OK(velo_create_function(connection, &function));
    function.step = NULL;
    function.final = NULL;
    CHECK_EQ(velo_create_function(connection, &function), VELO_MISUSE);
    CHECK_RUN(connection, "CREATE TABLE t(a); INSERT INTO t VALUES (1), (2), (3), (4), (5)", "");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        CHECK_RUN(connection, cases[i].sql, cases[i].wanted);
    CHECK(calls_counted.values > 30 && calls_counted.inverses > 5);
    calls_counted.finals = calls_counted.values = calls_counted.inverses = 0;
    CHECK_RUN(connection, "SELECT wsum(a) OVER (PARTITION BY a % 2 ORDER BY a) FROM t",
              "2,6,1,4,9");
    CHECK_EQ(calls_counted.values, 5);
    CHECK_EQ(calls_counted.finals, 2);
    CHECK_OK(velo_prepare(connection, "SELECT wsum(a) OVER () FROM t", -1, &statement, NULL));
    CHECK_EQ(velo_step(statement), VELO_ROW);
    CHECK_OK(velo_reset(statement));
    function.value = NULL; /* take it away */
    function.inverse = NULL;
    CHECK_OK(velo_create_function(connection, &function));
    CHECK_EQ(velo_step(statement), VELO_ERROR);
    CHECK_TEXT(velo_error_text(connection), "no such function: wsum");
    (void)velo_finalize(statement);
    (void)velo_close(connection);
}

/* ---- pointers ---- */

static int calls_destroyed;

static void
pointer_destroyed(void *pointer)
{
    calls_destroyed += *(int *)pointer;
}

static void
pointer_read(velo_call *call, int count, velo_value **arguments)
{
    int *number = velo_value_pointer(arguments[0], "number");

    (void)count;
    if (number != NULL)
        velo_result_int64(call, *number);
}

static void
pointer_give(velo_call *call, int count, velo_value **arguments)
{
    (void)count;
    (void)arguments;
    velo_result_pointer(call, velo_call_user(call), "number", pointer_destroyed);
}

static void
pointers_pass_through_sql(void)
{
    static int seven = 7;
    static int hundred = 100;
    velo_connection *connection = calls_open();
    velo_statement *statement = NULL;

    calls_destroyed = 0;
    CHECK_OK(calls_create(connection, "get", 1, NULL, pointer_read, NULL));
    CHECK_OK(calls_create(connection, "give", 0, &hundred, pointer_give, NULL));
    CHECK_RUN(connection, "SELECT get(NULL), get(1), get(give()), typeof(give()), give() IS NULL",
              "~,~,100,null,1");
    CHECK_EQ(calls_destroyed, 300);
    CHECK_OK(velo_prepare(connection, "SELECT get(?1), typeof(?1), ?1 IS NULL, get(?2)", -1,
                          &statement, NULL));
    CHECK_EQ(velo_bind_pointer(statement, 9, &seven, "number", pointer_destroyed), VELO_RANGE);
    CHECK_EQ(calls_destroyed, 307);
    CHECK_OK(velo_bind_pointer(statement, 1, &seven, "number", pointer_destroyed));
    CHECK_OK(velo_bind_pointer(statement, 2, &seven, "other", pointer_destroyed));
    CHECK_EQ(velo_step(statement), VELO_ROW);
    CHECK_EQ(velo_column_int64(statement, 0), 7);
    CHECK_TEXT(velo_column_text(statement, 1), "null");
    CHECK_EQ(velo_column_int64(statement, 2), 1);
    CHECK_EQ(velo_column_type(statement, 3), VELO_NULL);
    CHECK_OK(velo_reset(statement));
    CHECK_EQ(calls_destroyed, 307);
    CHECK_OK(velo_bind_int64(statement, 1, 1));
    CHECK_EQ(calls_destroyed, 314);
    CHECK_OK(velo_bind_pointer(statement, 1, &seven, "number", pointer_destroyed));
    velo_clear_bindings(statement);
    CHECK_EQ(calls_destroyed, 328);
    CHECK_OK(velo_bind_pointer(statement, 1, &hundred, "number", pointer_destroyed));
    CHECK_OK(velo_finalize(statement));
    CHECK_EQ(calls_destroyed, 428);
    CHECK_EQ(velo_bind_pointer(NULL, 1, &seven, "number", NULL), VELO_MISUSE);
    CHECK_RUN(connection, "CREATE TABLE t(a); INSERT INTO t VALUES (give()); SELECT get(a) FROM t",
              "~");
    (void)velo_close(connection);
}

/* ---- statements inside of statements ---- */

/* Run the text that is given, and give its status: a failure is nobody's but its own. */
static void
calls_run_inside(velo_call *call, int count, velo_value **values)
{
    (void)count;
    velo_result_int64(call,
                      velo_exec(velo_call_user(call), velo_value_text(values[0]), NULL, NULL));
}

/* What fails in a function's statement is undone alone, and all else of the statement stays. */
static void
a_functions_statement_fails_alone(void)
{
    velo_connection *connection;

    CHECK_OK(velo_open(NULL, NULL, &connection));
    CHECK_OK(calls_create(connection, "run", 1, connection, calls_run_inside, NULL));
    CHECK_RUN(connection, "CREATE TABLE a(id INTEGER PRIMARY KEY, x); CREATE TABLE u(y UNIQUE)",
              "");
    CHECK_RUN(connection, "INSERT INTO u VALUES (1); INSERT INTO a VALUES (1, 0), (2, 0), (3, 0)",
              "");
    CHECK_RUN(connection,
              "UPDATE a SET x = id * 10 + (id = 2) * run('INSERT INTO u VALUES (2), (1)') * 0", "");
    CHECK_RUN(connection, "SELECT * FROM a; SELECT * FROM u", "1,10,2,20,3,30,1");
    CHECK_RUN(connection,
              "INSERT INTO a SELECT 10 + id, run('INSERT INTO u VALUES (' || id || ')') = 0 FROM a",
              "");
    CHECK_RUN(connection, "SELECT * FROM a WHERE id > 10; SELECT * FROM u", "11,0,12,1,13,1,1,2,3");
    CHECK_RUN(connection,
              "CREATE TABLE c AS SELECT id, run('INSERT INTO u VALUES (1)') > 0 f FROM a", "");
    CHECK_RUN(connection, "SELECT count(*), sum(f) FROM c; PRAGMA integrity_check", "6,6,ok");
    CHECK_RUN(connection,
              "BEGIN; DELETE FROM a WHERE run('INSERT INTO u VALUES (1)') > 0 AND id > 2", "");
    CHECK_RUN(connection, "COMMIT; SELECT id FROM a; PRAGMA integrity_check", "1,2,ok");
    /* The schema stays as it is while rows are changed, whoever asks. */
    CHECK_RUN(connection, "INSERT INTO u SELECT 100 + (run('CREATE INDEX i ON u(y)') > 0)", "");
    CHECK_RUN(connection, "SELECT count(*) FROM sqlite_schema WHERE name = 'i'", "0");
    CHECK_RUN(connection, "SELECT run('CREATE INDEX i ON u(y)'); PRAGMA integrity_check", "0,ok");
    CHECK_OK(velo_close(connection));
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(value_of_a_row_and_its_copy),
        UNIT_TEST(statement_text_has_its_values),
        UNIT_TEST(function_gets_arguments_and_gives_results),
        UNIT_TEST(function_is_replaced_and_taken_away),
        UNIT_TEST(function_keeps_things_with_constant_arguments),
        UNIT_TEST(function_in_a_schema_is_deterministic),
        UNIT_TEST(aggregate_ends_each_group_once),
        UNIT_TEST(column_is_described),
        UNIT_TEST(windows_of_the_application),
        UNIT_TEST(pointers_pass_through_sql),
        UNIT_TEST(a_functions_statement_fails_alone),
    };

    return unit_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
