/* test_api_arrow.c - results as columns, taken by a consumer of the Arrow C stream interface that
 * checks what the specification demands. */
#include "lib/api_run.h"
#include "lib/unit.h"

#include "base/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- the consumer ---- */

static char arrow_text[4000]; /* what was taken, as text */

static void arrow_say(const char *format, ...) VL_PRINTF(1, 2);

static void
arrow_say(const char *format, ...)
{
    size_t used = strlen(arrow_text);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(arrow_text + used, sizeof arrow_text - used, format, arguments);
    va_end(arguments);
}

static int
arrow_is_valid(const struct ArrowArray *array, int64_t row)
{
    const uint8_t *bits;

    if (array->n_buffers == 0)
        return 0;
    bits = array->buffers[0];
    return bits == NULL || (bits[row / 8] >> (row % 8) & 1) != 0;
}

/* Say a value of a column that is no union. */
static void
arrow_say_plain(const char *format, const struct ArrowArray *array, int64_t row)
{
    if (!arrow_is_valid(array, row)) {
        arrow_say("~");
    } else if (format[0] == 'l') {
        arrow_say("%lld", (long long)((const int64_t *)array->buffers[1])[row]);
    } else if (format[0] == 'g') {
        arrow_say("%g", ((const double *)array->buffers[1])[row]);
    } else {
        const int32_t *offsets = array->buffers[1];
        const char *bytes = array->buffers[2];

        arrow_say("%s%.*s", format[0] == 'z' ? "x" : "", offsets[row + 1] - offsets[row],
                  bytes + offsets[row]);
    }
}

static void
arrow_say_value(const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t row)
{
    int class;

    if (schema->format[0] != '+') {
        arrow_say_plain(schema->format, array, row);
        return;
    }
    class = ((const uint8_t *)array->buffers[0])[row]; /* never negative */
    arrow_say("%s:", schema->children[class]->name);
    arrow_say_plain(schema->children[class]->format, array->children[class],
                    ((const int32_t *)array->buffers[1])[row]);
}

/* Whether an array is as its schema says. */
static int
arrow_is_whole(const struct ArrowSchema *schema, const struct ArrowArray *array)
{
    int64_t nulls = 0;
    int buffers = schema->format[0] == 'n'                               ? 0
                  : schema->format[0] == 'u' || schema->format[0] == 'z' ? 3
                                                                         : 2;

    if (schema->format[0] == '+' && schema->format[1] == 's')
        buffers = 1;
    if (array->n_buffers != buffers || array->n_children != schema->n_children ||
        array->offset != 0 || array->dictionary != NULL || array->release == NULL)
        return 0;
    for (int64_t i = 0; i < array->n_children; i++)
        if (!arrow_is_whole(schema->children[i], array->children[i]) ||
            (schema->format[1] == 's' && array->children[i]->length != array->length))
            return 0;
    for (int64_t row = 0; schema->format[0] != '+' && row < array->length; row++)
        nulls += !arrow_is_valid(array, row);
    return nulls == array->null_count;
}

/* Take a whole stream: its types, and the rows of each batch. Releases all of it. */
static const char *
arrow_take(struct ArrowArrayStream *stream)
{
    struct ArrowSchema schema;

    arrow_text[0] = 0;
    if (stream->get_schema(stream, &schema) != 0) {
        stream->release(stream);
        return "no schema";
    }
    for (int64_t i = 0; i < schema.n_children; i++)
        arrow_say("%s%s %s", i == 0 ? "" : ",", schema.children[i]->name,
                  schema.children[i]->format);
    for (;;) {
        struct ArrowArray array;
        int error = stream->get_next(stream, &array);

        if (error != 0) {
            arrow_say("|!%d %s", error, stream->get_last_error(stream));
            break;
        }
        if (array.release == NULL)
            break;
        if (!arrow_is_whole(&schema, &array))
            arrow_say("|not whole");
        arrow_say(";");
        for (int64_t row = 0; row < array.length; row++)
            for (int64_t i = 0; i < array.n_children; i++) {
                arrow_say(i == 0 ? "|" : ",");
                arrow_say_value(schema.children[i], array.children[i], row);
            }
        array.release(&array);
    }
    schema.release(&schema);
    stream->release(stream);
    return arrow_text;
}

/* What a query gives. */
static const char *
arrow_run(velo_connection *connection, const char *sql, int64_t batch_rows)
{
    struct ArrowArrayStream stream;
    velo_statement *statement = NULL;

    if (velo_prepare(connection, sql, -1, &statement, NULL) != VELO_OK ||
        velo_arrow_stream(statement, batch_rows, 1, &stream) != VELO_OK) {
        (void)snprintf(arrow_text, sizeof arrow_text, "!%s", velo_error_text(connection));
        (void)velo_finalize(statement);
        return arrow_text;
    }
    return arrow_take(&stream);
}

#define CHECK_ARROW(connection, sql, batch_rows, wanted)                                           \
    do {                                                                                           \
        const char *arrow_got = arrow_run((connection), (sql), (batch_rows));                      \
        CHECK_TEXT(arrow_got, wanted);                                                             \
    } while (0)

/* ---- tests ---- */

static void
columns_have_types(void)
{
    velo_connection *connection = api_run_open(NULL);

    CHECK_RUN(connection,
              "CREATE TABLE t(i INTEGER PRIMARY KEY, r REAL, s TEXT, b BLOB, n NUMERIC, x);"
              "INSERT INTO t VALUES(1, 0.5, 'one', x'41', 7, NULL), (2, NULL, NULL, NULL, 2.5, "
              "NULL), (3, 3, '', x'', NULL, NULL), (4, 1e300, 'grün', x'4142', -1, NULL)",
              "");
    CHECK_ARROW(connection, "SELECT * FROM t", 0,
                "i l,r g,s u,b z,n g,x u;|1,0.5,one,xA,7,~|2,~,~,~,2.5,~|3,3,,x,~,~|"
                "4,1e+300,grün,xAB,-1,~");
    CHECK_ARROW(connection, "SELECT i, s FROM t", 3, "i l,s u;|1,one|2,~|3,;|4,grün");
    CHECK_ARROW(connection, "SELECT i, r, s, b, x, i + 1 AS e FROM t WHERE i > 10", 0,
                "i l,r g,s u,b z,x u,e u");
    CHECK_ARROW(connection, "SELECT count(*) AS c, avg(i) AS a, max(s) AS m, 'x' AS k FROM t", 0,
                "c l,a g,m u,k u;|4,2.5,one,x");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
what_differs_is_a_union(void)
{
    velo_connection *connection = api_run_open(NULL);

    CHECK_RUN(connection,
              "CREATE TABLE t(i INTEGER, x); INSERT INTO t VALUES(1, 1), ('two', 2.5), (3, 'x'), "
              "(4, x'41'), (NULL, NULL), (6, 9007199254740993)",
              "");
    CHECK_ARROW(connection, "SELECT * FROM t", 4,
                "i +ud:0,1,2,3,4,x +ud:0,1,2,3,4;|integer:1,integer:1|text:two,real:2.5|"
                "integer:3,text:x|integer:4,blob:xA;|null:~,null:~|"
                "integer:6,integer:9007199254740993");
    CHECK_ARROW(connection, "SELECT x FROM t WHERE x > 1 AND x < 'a'", 0,
                "x +ud:0,1,2,3,4;|real:2.5|integer:9007199254740993");
    CHECK_ARROW(connection, "SELECT x FROM t WHERE x < 3", 0, "x g;|1|2.5");
    CHECK_ARROW(connection, "SELECT x FROM t", 1,
                "x l;|1|!22 row 2, column 1: real does not fit into integer");
    CHECK_ARROW(connection, "SELECT i FROM t WHERE rowid < 2", 0, "i l;|1");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
failures_are_told(void)
{
    velo_connection *connection = api_run_open(NULL);
    struct ArrowArrayStream stream;
    velo_statement *statement;

    CHECK_RUN(connection, "CREATE TABLE t(a)", "");
    CHECK_ARROW(connection, "SELECT abs(-9223372036854775807 - 1)", 0, "!integer overflow");
    CHECK_ARROW(connection, "SELECT CAST(x'ff' AS TEXT)", 0,
                "!row 1, column 1: text does not fit into a union: no UTF-8");
    CHECK_ARROW(connection, "CREATE TABLE u(a)", 0, "!the statement is at work, or has no columns");
    CHECK_EQ(velo_prepare(connection, "VALUES (1), (2)", -1, &statement, NULL), VELO_OK);
    CHECK_EQ(velo_step(statement), VELO_ROW);
    CHECK_EQ(velo_arrow_stream(statement, 0, 1, &stream), VELO_MISUSE);
    CHECK_EQ(velo_arrow_stream(NULL, 0, 1, &stream), VELO_MISUSE);
    CHECK_EQ(velo_reset(statement), VELO_OK);
    CHECK_EQ(velo_arrow_stream(statement, 1, 0, &stream), VELO_OK);
    stream.release(&stream);
    CHECK_EQ(velo_step(statement), VELO_ROW); /* it was reset, and is the caller's */
    CHECK_EQ(velo_finalize(statement), VELO_OK);
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* Arrays, and children that were taken out of them, outlive all that made them. */
static void
columns_may_change_before_the_first_step(void)
{
    velo_connection *connection = api_run_open(NULL);
    struct ArrowArrayStream stream;
    struct ArrowArray array;
    velo_statement *statement;
    const char *took;

    CHECK_RUN(connection,
              "CREATE TABLE t(a INT, b TEXT, c TEXT); INSERT INTO t VALUES(1, 'x', 'y')", "");
    CHECK_EQ(velo_prepare(connection, "SELECT * FROM t", -1, &statement, NULL), VELO_OK);
    CHECK_RUN(connection, "DROP TABLE t; CREATE TABLE t(z INT); INSERT INTO t VALUES(7), (8), (9)",
              "");
    CHECK_EQ(velo_arrow_stream(statement, 2, 0, &stream), VELO_OK);
    took = arrow_take(&stream); /* once: it releases the stream */
    CHECK_TEXT(took, "z l;|7|8;|9");
    CHECK_RUN(connection, "ALTER TABLE t ADD COLUMN y TEXT DEFAULT 'new'", "");
    CHECK_EQ(velo_arrow_stream(statement, 2, 0, &stream), VELO_OK);
    took = arrow_take(&stream);
    CHECK_TEXT(took, "z l,y u;|7,new|8,new;|9,new");
    CHECK_EQ(velo_arrow_stream(statement, 1, 0, &stream), VELO_OK);
    CHECK_EQ(stream.get_next(&stream, &array), 0);
    CHECK_EQ(array.n_children, 2);
    array.release(&array);
    CHECK_EQ(velo_reset(statement), VELO_OK); /* which it should not be */
    CHECK_RUN(connection, "ALTER TABLE t DROP COLUMN y", "");
    CHECK_EQ(stream.get_next(&stream, &array), EINVAL);
    CHECK_TEXT(stream.get_last_error(&stream), "the statement has other columns than before");
    CHECK(array.release == NULL);
    stream.release(&stream);
    CHECK_EQ(velo_finalize(statement), VELO_OK);
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
arrays_live_by_themselves(void)
{
    velo_connection *connection = api_run_open(NULL);
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    struct ArrowArray array;
    struct ArrowArray child;
    velo_statement *statement;

    CHECK_EQ(velo_prepare(connection, "SELECT 'kept' AS k, 2 AS n", -1, &statement, NULL), VELO_OK);
    CHECK_EQ(velo_arrow_stream(statement, 0, 1, &stream), VELO_OK);
    CHECK_EQ(stream.get_schema(&stream, &schema), 0);
    CHECK_EQ(stream.get_next(&stream, &array), 0);
    stream.release(&stream);
    CHECK(stream.release == NULL);
    CHECK_EQ(velo_close(connection), VELO_OK);
    child = *array.children[0];
    array.children[0]->release = NULL; /* moved */
    array.release(&array);
    CHECK(array.release == NULL);
    CHECK_EQ(memcmp(child.buffers[2], "kept", 4), 0);
    child.release(&child);
    CHECK_TEXT(schema.children[1]->name, "n");
    schema.release(&schema);
}

static void
memory_may_run_out(void)
{
    static const char sql[] = "SELECT a, b, CASE a % 3 WHEN 0 THEN a WHEN 1 THEN b END AS c FROM t";
    velo_connection *connection = api_run_open(NULL);
    char wanted[sizeof arrow_text];
    unsigned failures = 0;

    CHECK_RUN(connection,
              "CREATE TABLE t(a INT, b TEXT); INSERT INTO t WITH RECURSIVE n(i) AS (VALUES(1) "
              "UNION ALL SELECT i + 1 FROM n WHERE i < 100) SELECT i, 'text ' || i FROM n",
              "");
    (void)snprintf(wanted, sizeof wanted, "%s", arrow_run(connection, sql, 30));
    for (uint64_t nth = 1;; nth++) {
        const char *got;

        vl_allocator_fail_nth(vl_allocator_default(), nth, 1);
        got = arrow_run(connection, sql, 30);
        vl_allocator_fail_nth(vl_allocator_default(), 0, 0);
        if (strcmp(got, wanted) == 0)
            break;
        failures++;
        CHECK(strstr(got, "cannot allocate") != NULL || strcmp(got, "no schema") == 0 ||
              strstr(got, "memory") != NULL);
    }
    CHECK(failures > 20);
    CHECK_EQ(velo_close(connection), VELO_OK);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(columns_have_types),        UNIT_TEST(what_differs_is_a_union),
        UNIT_TEST(failures_are_told),         UNIT_TEST(columns_may_change_before_the_first_step),
        UNIT_TEST(arrays_live_by_themselves), UNIT_TEST(memory_may_run_out),
    };

    return unit_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
