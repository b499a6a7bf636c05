/* bench_abi.c - what the interface of SQLite costs over velocidb.h, readers of both, and
 * connections.
 *
 * One program has both libraries, each with an engine and a file of its own: statements that are
 * prepared once are run by key through velocidb.h and through sqlite3_ functions, in turn, with the
 * same calls in the same order. The mutex of SQLite's interface is off (SQLITE_OPEN_NOMUTEX).
 *
 * Points are measured in processor time of one thread. For instructions, one of the functions
 * abi_core_... and abi_lite_... is named to callgrind (--toggle-collect). Readers are several
 * threads with a connection each: the time of a read by the clock, less what its thread has waited
 * for a processor while others had it, on as many processors as there are readers or processors. So
 * waiting for each other and work that is more with more threads count, other programs do not. */
#define _GNU_SOURCE

#include "lib/bench.h"
#include "velocidb.h"

#include <malloc.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define ABI_ROWS        50000U
#define ABI_CALLS       50000U
#define ABI_THREADS     32
#define ABI_CONNECTIONS 200
#define ABI_CHUNK       512 /* calls between two looks at the clock */

/* The same rows on both sides; texts are of 80 bytes. */
static const char abi_schema[] =
    "CREATE TABLE t(id INTEGER PRIMARY KEY, k INTEGER, a TEXT, r REAL);";
static const char abi_select[] = "SELECT k, a, r FROM t WHERE id = ?1";
static const char abi_update[] = "UPDATE t SET k = ?2, r = ?3 WHERE id = ?1";
static const char abi_insert[] = "INSERT INTO t VALUES (?1, ?2, ?4, ?3)";
static const char abi_text[] =
    "a text of eighty bytes, which is as long as many that applications keep in rows.";

/* What is measured. */
typedef struct abi_task {
    void *db;       /* velo_connection or sqlite3, as is_lite says */
    int is_lite;    /* through SQLite's interface */
    uint64_t calls; /* of a run */
    uint64_t rows;  /* of the table: keys 1 to this */
    uint64_t *next; /* key of the next row to be inserted */
    const char *path;
    int threads; /* readers */
} abi_task;

static void
abi_fail(const char *what)
{
    (void)fprintf(stderr, "\n%s\n", what);
    exit(1);
}

static uint64_t
abi_random(uint64_t *state)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return *state >> 33;
}

static double
abi_processor_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* ---- through velocidb.h ---- */

static velo_connection *
abi_core_open(const char *path)
{
    velo_connection *db = NULL;

    if (velo_open(path, NULL, &db) != VELO_OK)
        abi_fail(velo_error_text(db));
    return db;
}

static velo_statement *
abi_core_prepare(velo_connection *db, const char *sql)
{
    velo_statement *statement = NULL;

    if (velo_prepare(db, sql, -1, &statement, NULL) != VELO_OK)
        abi_fail(velo_error_text(db));
    return statement;
}

__attribute__((noinline)) static uint64_t
abi_core_selects(velo_statement *statement, uint64_t calls, uint64_t rows, uint64_t *seed)
{
    uint64_t sum = 0;

    for (uint64_t i = 0; i < calls; i++) {
        if (velo_bind_int64(statement, 1, (int64_t)(abi_random(seed) % rows) + 1) != VELO_OK ||
            velo_step(statement) != VELO_ROW)
            abi_fail("select");
        sum += (uint64_t)velo_column_int64(statement, 0);
        sum += (uint64_t)(unsigned char)velo_column_text(statement, 1)[0];
        sum += (uint64_t)velo_column_double(statement, 2);
        if (velo_step(statement) != VELO_DONE || velo_reset(statement) != VELO_OK)
            abi_fail("select");
    }
    return sum;
}

__attribute__((noinline)) static void
abi_core_updates(velo_statement *statement, uint64_t calls, uint64_t rows, uint64_t *seed)
{
    for (uint64_t i = 0; i < calls; i++)
        if (velo_bind_int64(statement, 1, (int64_t)(abi_random(seed) % rows) + 1) != VELO_OK ||
            velo_bind_int64(statement, 2, (int64_t)i) != VELO_OK ||
            velo_bind_double(statement, 3, (double)i) != VELO_OK ||
            velo_step(statement) != VELO_DONE || velo_reset(statement) != VELO_OK)
            abi_fail("update");
}

__attribute__((noinline)) static void
abi_core_inserts(velo_statement *statement, uint64_t calls, uint64_t *next)
{
    for (uint64_t i = 0; i < calls; i++)
        if (velo_bind_int64(statement, 1, (int64_t)(*next)++) != VELO_OK ||
            velo_bind_int64(statement, 2, (int64_t)i) != VELO_OK ||
            velo_bind_double(statement, 3, (double)i) != VELO_OK ||
            velo_bind_text(statement, 4, abi_text, sizeof abi_text - 1, VELO_BORROW) != VELO_OK ||
            velo_step(statement) != VELO_DONE || velo_reset(statement) != VELO_OK)
            abi_fail("insert");
}

/* ---- through SQLite's interface ---- */

static sqlite3 *
abi_lite_open(const char *path)
{
    sqlite3 *db = NULL;

    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK)
        abi_fail(sqlite3_errmsg(db));
    return db;
}

static sqlite3_stmt *
abi_lite_prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;

    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        abi_fail(sqlite3_errmsg(db));
    return statement;
}

__attribute__((noinline)) static uint64_t
abi_lite_selects(sqlite3_stmt *statement, uint64_t calls, uint64_t rows, uint64_t *seed)
{
    uint64_t sum = 0;

    for (uint64_t i = 0; i < calls; i++) {
        if (sqlite3_bind_int64(statement, 1, (sqlite3_int64)(abi_random(seed) % rows) + 1) !=
                SQLITE_OK ||
            sqlite3_step(statement) != SQLITE_ROW)
            abi_fail("select");
        sum += (uint64_t)sqlite3_column_int64(statement, 0);
        sum += (uint64_t)sqlite3_column_text(statement, 1)[0];
        sum += (uint64_t)sqlite3_column_double(statement, 2);
        if (sqlite3_step(statement) != SQLITE_DONE || sqlite3_reset(statement) != SQLITE_OK)
            abi_fail("select");
    }
    return sum;
}

__attribute__((noinline)) static void
abi_lite_updates(sqlite3_stmt *statement, uint64_t calls, uint64_t rows, uint64_t *seed)
{
    for (uint64_t i = 0; i < calls; i++)
        if (sqlite3_bind_int64(statement, 1, (sqlite3_int64)(abi_random(seed) % rows) + 1) !=
                SQLITE_OK ||
            sqlite3_bind_int64(statement, 2, (sqlite3_int64)i) != SQLITE_OK ||
            sqlite3_bind_double(statement, 3, (double)i) != SQLITE_OK ||
            sqlite3_step(statement) != SQLITE_DONE || sqlite3_reset(statement) != SQLITE_OK)
            abi_fail("update");
}

__attribute__((noinline)) static void
abi_lite_inserts(sqlite3_stmt *statement, uint64_t calls, uint64_t *next)
{
    for (uint64_t i = 0; i < calls; i++)
        if (sqlite3_bind_int64(statement, 1, (sqlite3_int64)(*next)++) != SQLITE_OK ||
            sqlite3_bind_int64(statement, 2, (sqlite3_int64)i) != SQLITE_OK ||
            sqlite3_bind_double(statement, 3, (double)i) != SQLITE_OK ||
            sqlite3_bind_text(statement, 4, abi_text, sizeof abi_text - 1, SQLITE_STATIC) !=
                SQLITE_OK ||
            sqlite3_step(statement) != SQLITE_DONE || sqlite3_reset(statement) != SQLITE_OK)
            abi_fail("insert");
}

/* ---- points ---- */

static void
abi_exec(const abi_task *task, const char *sql)
{
    if (task->is_lite ? sqlite3_exec(task->db, sql, NULL, NULL, NULL) != SQLITE_OK
                      : velo_exec(task->db, sql, NULL, NULL) != VELO_OK)
        abi_fail(task->is_lite ? sqlite3_errmsg(task->db) : velo_error_text(task->db));
}

/* Processor time of a call; all calls of a run are in one transaction. */
static double
abi_run(const abi_task *task, const char *sql)
{
    void *statement =
        task->is_lite ? (void *)abi_lite_prepare(task->db, sql) : abi_core_prepare(task->db, sql);
    uint64_t seed = 7;
    double begin;
    double end;

    abi_exec(task, "BEGIN");
    begin = abi_processor_ns();
    if (sql == abi_select)
        bench_use(task->is_lite ? abi_lite_selects(statement, task->calls, task->rows, &seed)
                                : abi_core_selects(statement, task->calls, task->rows, &seed));
    else if (sql == abi_update && task->is_lite)
        abi_lite_updates(statement, task->calls, task->rows, &seed);
    else if (sql == abi_update)
        abi_core_updates(statement, task->calls, task->rows, &seed);
    else if (task->is_lite)
        abi_lite_inserts(statement, task->calls, task->next);
    else
        abi_core_inserts(statement, task->calls, task->next);
    end = abi_processor_ns();
    abi_exec(task, "COMMIT");
    if (task->is_lite ? sqlite3_finalize(statement) != SQLITE_OK
                      : velo_finalize(statement) != VELO_OK)
        abi_fail("finalize");
    return (end - begin) / (double)task->calls;
}

static double
abi_measure_selects(void *user)
{
    return abi_run(user, abi_select);
}

static double
abi_measure_updates(void *user)
{
    return abi_run(user, abi_update);
}

static double
abi_measure_inserts(void *user)
{
    return abi_run(user, abi_insert);
}

/* ---- readers ---- */

typedef struct abi_reader {
    const abi_task *task;
    pthread_t thread;
    uint64_t seed;
    uint64_t time_ns;  /* of its calls, by the clock */
    uint64_t delay_ns; /* of that, waited for a processor */
} abi_reader;

static pthread_barrier_t abi_start;

/* Read rows by key, a transaction each. */
static void *
abi_read(void *arg)
{
    abi_reader *reader = arg;
    const abi_task *task = reader->task;
    void *db = task->is_lite ? (void *)abi_lite_open(task->path) : abi_core_open(task->path);
    void *statement =
        task->is_lite ? (void *)abi_lite_prepare(db, abi_select) : abi_core_prepare(db, abi_select);
    uint64_t left = task->calls;

    (void)pthread_barrier_wait(&abi_start);
    reader->delay_ns = bench_delay_ns();
    reader->time_ns = bench_now_ns();
    while (left > 0) {
        uint64_t calls = left < ABI_CHUNK ? left : ABI_CHUNK;

        if (task->is_lite)
            bench_use(abi_lite_selects(statement, calls, task->rows, &reader->seed));
        else
            bench_use(abi_core_selects(statement, calls, task->rows, &reader->seed));
        left -= calls;
    }
    reader->time_ns = bench_now_ns() - reader->time_ns;
    reader->delay_ns = bench_delay_ns() - reader->delay_ns;
    if (task->is_lite ? sqlite3_finalize(statement) != SQLITE_OK || sqlite3_close(db) != SQLITE_OK
                      : velo_finalize(statement) != VELO_OK || velo_close(db) != VELO_OK)
        abi_fail("close");
    return NULL;
}

/* Rows a second of all readers together. */
static double
abi_measure_readers(void *user)
{
    const abi_task *task = user;
    static abi_reader readers[ABI_THREADS];
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    double time_ns = 0;

    if (pthread_barrier_init(&abi_start, NULL, (unsigned)task->threads) != 0)
        abi_fail("barrier");
    for (int i = 0; i < task->threads; i++) {
        readers[i] = (abi_reader){.task = task, .seed = 17 + (uint64_t)i};
        if (pthread_create(&readers[i].thread, NULL, abi_read, &readers[i]) != 0)
            abi_fail("thread");
    }
    for (int i = 0; i < task->threads; i++) {
        (void)pthread_join(readers[i].thread, NULL);
        time_ns += (double)readers[i].time_ns - (double)readers[i].delay_ns;
    }
    (void)pthread_barrier_destroy(&abi_start);
    return (double)task->calls * 1e9 * task->threads / time_ns *
           (double)(task->threads < processors ? task->threads : processors);
}

/* ---- connections ---- */

/* Open a connection, read and change rows with it, and leave it idle. */
static void *
abi_core_use(const abi_task *task, uint64_t seed)
{
    velo_connection *db = abi_core_open(task->path);
    velo_statement *select = abi_core_prepare(db, abi_select);
    velo_statement *update = abi_core_prepare(db, abi_update);

    bench_use(abi_core_selects(select, 10, task->rows, &seed));
    abi_core_updates(update, 2, task->rows, &seed);
    if (velo_finalize(select) != VELO_OK || velo_finalize(update) != VELO_OK)
        abi_fail("finalize");
    return db;
}

static void *
abi_lite_use(const abi_task *task, uint64_t seed)
{
    sqlite3 *db = abi_lite_open(task->path);
    sqlite3_stmt *select = abi_lite_prepare(db, abi_select);
    sqlite3_stmt *update = abi_lite_prepare(db, abi_update);

    bench_use(abi_lite_selects(select, 10, task->rows, &seed));
    abi_lite_updates(update, 2, task->rows, &seed);
    if (sqlite3_finalize(select) != SQLITE_OK || sqlite3_finalize(update) != SQLITE_OK)
        abi_fail("finalize");
    return db;
}

/* KiB that a connection keeps that has been used and is idle. */
static double
abi_measure_connections(void *user)
{
    const abi_task *task = user;
    static void *all[ABI_CONNECTIONS];
    struct mallinfo2 before = mallinfo2();
    struct mallinfo2 after;

    for (int i = 0; i < ABI_CONNECTIONS; i++)
        all[i] = task->is_lite ? abi_lite_use(task, 3 + (uint64_t)i)
                               : abi_core_use(task, 3 + (uint64_t)i);
    after = mallinfo2();
    for (int i = 0; i < ABI_CONNECTIONS; i++)
        if (task->is_lite ? sqlite3_close(all[i]) != SQLITE_OK : velo_close(all[i]) != VELO_OK)
            abi_fail("close");
    return ((double)after.uordblks + (double)after.hblkhd - (double)before.uordblks -
            (double)before.hblkhd) /
           ABI_CONNECTIONS / 1024;
}

/* ---- all of it ---- */

/* Both sides of a measurement of points. */
static void
abi_add_points(bench *b, const char *name, const char *lite_name, bench_measure *measure,
               abi_task sides[2])
{
    int core = bench_add(b, name, "ns", BENCH_LESS_IS_BETTER, measure, &sides[0]);
    int lite = bench_add(b, lite_name, "ns", BENCH_LESS_IS_BETTER, measure, &sides[1]);

    bench_want_ratio(b, name, lite, core, 1, 1 / 1.1);
}

/* One, two and 32 readers of one side. */
static void
abi_add_readers(bench *b, const char *const names[3], abi_task tasks[3], const abi_task *side)
{
    static const int threads[] = {1, 2, ABI_THREADS};
    int first = 0;

    for (int i = 0; i < 3; i++) {
        int number;

        tasks[i] = *side;
        tasks[i].threads = threads[i];
        tasks[i].calls = i == 2 ? side->calls / 8 + 1 : side->calls * 4;
        number =
            bench_add(b, names[i], "rows/s", BENCH_MORE_IS_BETTER, abi_measure_readers, &tasks[i]);
        first = i == 0 ? number : first;
        if (i > 0)
            bench_want_ratio(b, names[i], number, first, 1, 1.9);
    }
}

int
main(int argc, char **argv)
{
    static const char *const readers[2][3] = {
        {"one reader", "two readers", "32 readers"},
        {"one reader, sqlite3.h", "two readers, sqlite3.h", "32 readers, sqlite3.h"}};
    static const char *const connections[2] = {"an idle connection",
                                               "an idle connection, sqlite3.h"};
    static char paths[2][1024];
    static abi_task sides[2];
    static abi_task tasks[2][3];
    uint64_t next[2] = {1, 1};
    bench *b = bench_create(argc, argv, "velocidb.h and SQLite's interface to it");
    int status;

    for (int i = 0; i < 2; i++) {
        (void)snprintf(paths[i], sizeof paths[i], "%s/abi.%d", bench_folder(b), i);
        bench_delete_database(paths[i]);
        sides[i].path = paths[i];
        sides[i].is_lite = i;
        sides[i].db = i ? (void *)abi_lite_open(paths[i]) : abi_core_open(paths[i]);
        sides[i].rows = sides[i].calls = bench_work(b, ABI_ROWS);
        sides[i].next = &next[i];
        abi_exec(&sides[i], abi_schema);
        (void)abi_run(&sides[i], abi_insert);
        sides[i].calls = bench_work(b, ABI_CALLS);
    }
    abi_add_points(b, "select", "select, sqlite3.h", abi_measure_selects, sides);
    abi_add_points(b, "update", "update, sqlite3.h", abi_measure_updates, sides);
    abi_add_points(b, "insert", "insert, sqlite3.h", abi_measure_inserts, sides);
    for (int i = 0; i < 2; i++)
        abi_add_readers(b, readers[i], tasks[i], &sides[i]);
    for (int i = 0; i < 2; i++)
        bench_want_value(b, connections[i],
                         bench_add(b, connections[i], "KiB", BENCH_LESS_IS_BETTER,
                                   abi_measure_connections, &sides[i]),
                         64);
    status = bench_finish(b);
    for (int i = 0; i < 2; i++) {
        if (i ? sqlite3_close(sides[i].db) != SQLITE_OK : velo_close(sides[i].db) != VELO_OK)
            abi_fail("close");
        bench_delete_database(paths[i]);
    }
    return status;
}
