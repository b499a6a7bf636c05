/* test_tpch.c - the 22 queries of TPC-H give the same on this library as on SQLite's.
 *
 * Both make the rows themselves, by the statements of load.sql, so these are compared as well. Most
 * queries join: a wrong order of joins shows as time (a limit of steps ends it), a wrong plan as a
 * difference. Scale 0.0008:
 * SQLite runs a subquery of Q20 for each row. */
#define _GNU_SOURCE /* strdup */
#include "lib/engine.h"
#include "lib/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUPPLIERS 8
#define QUERIES   22

#define TPCH_COUNT(list) (sizeof(list) / sizeof((list)[0]))

static engine *engines[2];

/* The test cannot go on. */
_Noreturn static void
tpch_stop(const char *why)
{
    (void)fprintf(stderr, "test_tpch: %s\n", why);
    exit(1);
}

/* The bytes of a file of this folder, with a zero byte behind them. */
static char *
tpch_read(const char *name)
{
    char path[512];
    char *text = NULL;
    size_t size = 0;
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/%s", VL_TEST_TPCH_FOLDER, name);
    file = fopen(path, "rb");
    if (file == NULL)
        tpch_stop(path);
    for (size_t got = 1; got > 0; size += got) {
        char *more = realloc(text, size + 65536 + 1);

        if (more == NULL)
            tpch_stop("no memory");
        text = more;
        got = fread(text + size, 1, 65536, file);
    }
    text[size] = 0;
    (void)fclose(file);
    return text;
}

/* The text with the count of suppliers in place of :scale. */
static char *
tpch_scaled(const char *text)
{
    char *scaled = calloc(1, 2 * strlen(text) + 1);
    char *to = scaled;

    if (scaled == NULL)
        tpch_stop("no memory");
    for (const char *at = text; *at != 0;) {
        if (strncmp(at, ":scale", 6) == 0) {
            to += sprintf(to, "%d", SUPPLIERS);
            at += 6;
        } else {
            *to++ = *at++;
        }
    }
    return scaled;
}

/* Run all statements of a text, which end with a semicolon at the end of a line. */
static void
tpch_run_all(engine *on, const char *text)
{
    engine_answer answer;
    char *copy = strdup(text);
    char *end;

    if (copy == NULL)
        tpch_stop("no memory");
    for (char *at = copy; (end = strstr(at, ";\n")) != NULL; at = end + 2) {
        *end = 0;
        engine_run(on, at, &answer);
        if (answer.code != 0)
            unit_failed(__FILE__, __LINE__, "%s\nfails: %s", at, answer.error);
        engine_answer_free(&answer);
    }
    free(copy);
}

/* Whether both give the same rows in the same order; how many there are. */
static size_t
tpch_compare(const char *sql)
{
    engine_answer ours, theirs;
    size_t count;

    engine_run(engines[0], sql, &ours);
    engine_run(engines[1], sql, &theirs);
    if (ours.code != 0 || theirs.code != 0)
        unit_failed(__FILE__, __LINE__, "%s\nfails: %s %s", sql, ours.error, theirs.error);
    count = ours.row_count;
    if (count != theirs.row_count || ours.column_count != theirs.column_count)
        unit_failed(__FILE__, __LINE__, "%s\nhas %zu rows, SQLite %zu", sql, count,
                    theirs.row_count);
    for (size_t i = 0; count == theirs.row_count && i < count * (size_t)ours.column_count; i++)
        if (!engine_same(&ours.values[i], &theirs.values[i], 0)) {
            char one[256], other[256];

            engine_write(&ours.values[i], one, sizeof one);
            engine_write(&theirs.values[i], other, sizeof other);
            unit_failed(__FILE__, __LINE__, "%s\nrow %zu: %s, SQLite %s", sql,
                        i / (size_t)ours.column_count, one, other);
        }
    engine_answer_free(&ours);
    engine_answer_free(&theirs);
    return count;
}

static void
tpch_load(void)
{
    char *schema = tpch_read("schema.sql");
    char *load = tpch_read("load.sql");
    char *scaled = tpch_scaled(load);

    for (int i = 0; i < 2; i++) {
        tpch_run_all(engines[i], schema);
        tpch_run_all(engines[i], "BEGIN;\n");
        tpch_run_all(engines[i], scaled);
        tpch_run_all(engines[i], "COMMIT;\n");
    }
    free(schema);
    free(load);
    free(scaled);
}

static void
tpch_gives_what_sqlite_gives(void)
{
    char *queries = tpch_read("queries.sql");
    unsigned count = 0;
    unsigned with_rows = 0;

    if (engine_sqlite_version() == 0) {
        free(queries);
        unit_skip("there is no SQLite library (libsqlite3.so.0)");
        return;
    }
    for (int i = 0; i < 2; i++)
        engines[i] = engine_open(i == 0 ? ENGINE_VELO : ENGINE_SQLITE);
    if (engines[0] == NULL || engines[1] == NULL)
        tpch_stop("cannot open a database");
    tpch_load();
    CHECK(tpch_compare("SELECT * FROM lineitem ORDER BY 1, 4") > 100);
    for (char *at = strstr(queries, "-- Q"); at != NULL;) {
        char *next = strstr(at + 4, "-- Q");

        if (next != NULL)
            next[-1] = 0;
        with_rows += tpch_compare(strchr(at, '\n') + 1) > 0;
        count++;
        at = next;
    }
    CHECK_EQ(count, QUERIES);
    CHECK(with_rows > QUERIES / 2);
    engine_close(engines[0]);
    engine_close(engines[1]);
    free(queries);
}

/* Queries on which a plan is lost that does not see a join in each alternative of an OR, or that
 * brings tables together by what few values have. */
static void
tpch_goes_the_short_way(void)
{
    char *queries = tpch_read("queries.sql");
    char *schema = tpch_read("schema.sql");
    static const struct {
        const char *mark;
        const char *has; /* in the plan */
    } plans[] = {
        {"-- Q19", "SEARCH part USING INTEGER PRIMARY KEY"},
        {"-- Q18", "SEARCH orders USING INTEGER PRIMARY KEY"},
        {"-- Q5\n", "SEARCH supplier USING INTEGER PRIMARY KEY"},
        {"-- Q12", "SCAN lineitem"},
        {"-- Q18", "USE TEMP B-TREE FOR GROUP BY"},
        {"-- Q20", "lineitem USING AUTOMATIC COVERING INDEX (l_partkey=? AND l_suppkey=?)"},
        {"-- Q22", "orders USING AUTOMATIC COVERING INDEX (o_custkey=?)"}};

    engines[0] = engine_open(ENGINE_VELO);
    if (engines[0] == NULL)
        tpch_stop("cannot open a database");
    tpch_run_all(engines[0], schema);
    for (size_t i = 0; i < TPCH_COUNT(plans); i++) {
        char sql[8192];
        engine_answer answer;
        int is_found = 0;

        (void)snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s",
                       strchr(strstr(queries, plans[i].mark), '\n') + 1);
        engine_run(engines[0], sql, &answer);
        CHECK_EQ(answer.code, 0);
        for (size_t k = 0; k < answer.row_count; k++) {
            const engine_value *detail = &answer.values[k * (size_t)answer.column_count + 3];

            is_found |= strstr(detail->bytes, plans[i].has) != NULL;
        }
        if (!is_found)
            unit_failed(__FILE__, __LINE__, "%s is not planned with %s", plans[i].mark,
                        plans[i].has);
        engine_answer_free(&answer);
    }
    engine_close(engines[0]);
    free(queries);
    free(schema);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(tpch_gives_what_sqlite_gives),
        UNIT_TEST(tpch_goes_the_short_way),
    };

    return unit_main(argc, argv, tests, TPCH_COUNT(tests));
}
