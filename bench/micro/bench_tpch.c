/* bench_tpch.c - the 22 queries of TPC-H: how long they take to be planned, and to run.
 *
 * Beside SQLite through its own interface, in turn, by one thread, in processor time. Both hold
 * the database in memory, and make its rows themselves by the statements of test/tpch, which have
 * primary keys for indexes only. Scale 0.01 without --scale; --scale 1000 is 0.1, where SQLite
 * takes minutes for Q20: --only leaves queries out. */
#define _GNU_SOURCE

#include "lib/bench.h"
#include "velocidb.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define QUERIES       22
#define SUPPLIERS     40U
#define PREPARE_CALLS 200U
#define PREPARE_LIMIT 1000.0 /* microseconds */

/* What a series measures. */
typedef struct tpch_task {
    const char *sql;
    int is_sqlite;
    int is_run; /* else it is prepared and finalized */
    char name[32];
} tpch_task;

static velo_connection *ours;
static sqlite3 *theirs;

static void
tpch_fail(const char *what)
{
    (void)fprintf(stderr, "\n%s\n", what);
    exit(1);
}

static double
tpch_cpu_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* A file of test/tpch, with the count of suppliers in place of :scale. */
static char *
tpch_read(const char *name, unsigned scale)
{
    char path[512];
    char *text = calloc(1, 1U << 17);
    char *scaled = calloc(1, 1U << 18);
    char *to = scaled;
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/%s", VELO_TPCH_FOLDER, name);
    file = fopen(path, "rb");
    if (file == NULL || text == NULL || scaled == NULL)
        tpch_fail(path);
    if (fread(text, 1, (1U << 17) - 1, file) == 0)
        tpch_fail(path);
    (void)fclose(file);
    for (const char *at = text; *at != 0;) {
        if (strncmp(at, ":scale", 6) == 0) {
            to += snprintf(to, 16, "%u", scale);
            at += 6;
        } else {
            *to++ = *at++;
        }
    }
    free(text);
    return scaled;
}

static void
tpch_exec(const char *sql)
{
    if (velo_exec(ours, sql, NULL, NULL) != VELO_OK)
        tpch_fail(velo_error_text(ours));
    if (sqlite3_exec(theirs, sql, NULL, NULL, NULL) != SQLITE_OK)
        tpch_fail(sqlite3_errmsg(theirs));
}

static void
tpch_load(unsigned scale)
{
    char *schema = tpch_read("schema.sql", scale);
    char *load = tpch_read("load.sql", scale);

    if (velo_open(":memory:", NULL, &ours) != VELO_OK ||
        sqlite3_open(":memory:", &theirs) != SQLITE_OK)
        tpch_fail("cannot open a database in memory");
    tpch_exec(schema);
    tpch_exec("BEGIN");
    tpch_exec(load);
    tpch_exec("COMMIT");
    free(schema);
    free(load);
}

/* ---- series ---- */

static void
tpch_once_ours(const tpch_task *task)
{
    velo_statement *statement;
    velo_status status = VELO_OK;

    if (velo_prepare(ours, task->sql, -1, &statement, NULL) != VELO_OK)
        tpch_fail(velo_error_text(ours));
    while (task->is_run && (status = velo_step(statement)) == VELO_ROW)
        bench_use((uint64_t)velo_column_int64(statement, 0));
    if (task->is_run && status != VELO_DONE)
        tpch_fail(velo_error_text(ours));
    (void)velo_finalize(statement);
}

static void
tpch_once_theirs(const tpch_task *task)
{
    sqlite3_stmt *statement;
    int status = SQLITE_OK;

    if (sqlite3_prepare_v2(theirs, task->sql, -1, &statement, NULL) != SQLITE_OK)
        tpch_fail(sqlite3_errmsg(theirs));
    while (task->is_run && (status = sqlite3_step(statement)) == SQLITE_ROW)
        bench_use((uint64_t)sqlite3_column_int64(statement, 0));
    if (task->is_run && status != SQLITE_DONE)
        tpch_fail(sqlite3_errmsg(theirs));
    (void)sqlite3_finalize(statement);
}

/* Microseconds of a call; milliseconds of a run. */
static double
tpch_measure(void *user)
{
    const tpch_task *task = user;
    unsigned calls = task->is_run ? 1 : PREPARE_CALLS;
    double begin = tpch_cpu_ns();

    for (unsigned i = 0; i < calls; i++) {
        if (task->is_sqlite)
            tpch_once_theirs(task);
        else
            tpch_once_ours(task);
    }
    return (tpch_cpu_ns() - begin) / (task->is_run ? 1e6 : 1e3 * calls);
}

/* ---- the program ---- */

static void
tpch_add(bench *b, tpch_task tasks[4], const char *sql, unsigned number)
{
    for (int i = 0; i < 4; i++) {
        tpch_task *task = &tasks[i];
        int series;

        *task = (tpch_task){.sql = sql, .is_sqlite = i % 2, .is_run = i / 2};
        (void)snprintf(task->name, sizeof task->name, "Q%u %s%s", number,
                       task->is_run ? "run" : "prepare", task->is_sqlite ? ", SQLite" : "");
        series = bench_add(b, task->name, task->is_run ? "ms" : "us", BENCH_LESS_IS_BETTER,
                           tpch_measure, task);
        if (i == 0)
            bench_want_value(b, task->name, series, PREPARE_LIMIT);
        if (i == 3)
            bench_want_ratio(b, tasks[2].name, series - 1, series, 1, 1.0);
    }
}

int
main(int argc, char **argv)
{
    static tpch_task tasks[QUERIES][4];
    bench *b = bench_create(argc, argv, "queries of TPC-H");
    char *queries = tpch_read("queries.sql", 0);
    unsigned count = 0;
    int status;

    for (char *at = strstr(queries, "-- Q"); at != NULL && count < QUERIES; count++) {
        char *next = strstr(at + 4, "-- Q");

        if (next != NULL)
            next[-1] = 0;
        tpch_add(b, tasks[count], strchr(at, '\n') + 1, count + 1);
        at = next;
    }
    tpch_load((unsigned)bench_work(b, SUPPLIERS));
    status = bench_finish(b);
    velo_close(ours);
    (void)sqlite3_close(theirs);
    free(queries);
    return status;
}
