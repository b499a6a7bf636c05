/* bench_sql.c - statements through velocidb.h beside SQLite through its own interface.
 *
 * One table of rows of about 150 bytes, with an index; statements are prepared once and run again
 * and again with other parameters, by one thread, in processor time. Each series of ours has one of
 * SQLite's behind it, and both are run in turn. SQLite has a write-ahead log and memory for
 * everything; we have our defaults. */
#define _GNU_SOURCE

#include "lib/bench.h"
#include "velocidb.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROWS      200000U
#define CALLS     100000U
#define LOAD_ROWS 1000000U

/* One of the two libraries: a database that is open. */
typedef struct sql_side {
    void *db;
    void *(*prepare)(void *db, const char *sql);
    void (*bind_int)(void *statement, int index, int64_t value);
    void (*bind_text)(void *statement, int index, const char *text, int size);
    uint64_t (*run)(void *statement); /* all rows, each value read; then reset */
    void (*finalize)(void *statement);
    void (*exec)(void *db, const char *sql);
} sql_side;

/* What a series measures. */
typedef struct sql_task {
    const sql_side *side;
    const char *sql;
    uint64_t rows;  /* of the table */
    uint64_t calls; /* in a run */
    int kind;       /* SQL_... */
} sql_task;

enum {
    SQL_POINT,
    SQL_POINT_IN_TRANSACTION,
    SQL_RANGE,
    SQL_PREPARE,
    SQL_LOAD
};

static void
sql_fail(const char *what)
{
    (void)fprintf(stderr, "\n%s\n", what);
    exit(1);
}

/* ---- ours ---- */

static void *
velo_side_prepare(void *db, const char *sql)
{
    velo_statement *statement = NULL;

    if (velo_prepare(db, sql, -1, &statement, NULL) != VELO_OK)
        sql_fail(velo_error_text(db));
    return statement;
}

static void
velo_side_bind_int(void *statement, int index, int64_t value)
{
    if (velo_bind_int64(statement, index, value) != VELO_OK)
        sql_fail("bind");
}

static void
velo_side_bind_text(void *statement, int index, const char *text, int size)
{
    if (velo_bind_text(statement, index, text, size, VELO_BORROW) != VELO_OK)
        sql_fail("bind");
}

static uint64_t
velo_side_run(void *statement)
{
    int count = velo_column_count(statement);
    uint64_t sum = 0;
    velo_status st;

    while ((st = velo_step(statement)) == VELO_ROW) {
        for (int i = 0; i < count; i++)
            sum += velo_column_type(statement, i) == VELO_TEXT
                       ? (uint64_t)(unsigned char)velo_column_text(statement, i)[0]
                       : (uint64_t)velo_column_int64(statement, i);
        sum++;
    }
    if (st != VELO_DONE || velo_reset(statement) != VELO_OK)
        sql_fail(velo_error_text(velo_statement_connection(statement)));
    return sum;
}

static void
velo_side_finalize(void *statement)
{
    if (velo_finalize(statement) != VELO_OK)
        sql_fail("finalize");
}

static void
velo_side_exec(void *db, const char *sql)
{
    if (velo_exec(db, sql, NULL, NULL) != VELO_OK)
        sql_fail(velo_error_text(db));
}

/* ---- SQLite ---- */

static void *
lite_side_prepare(void *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;

    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        sql_fail(sqlite3_errmsg(db));
    return statement;
}

static void
lite_side_bind_int(void *statement, int index, int64_t value)
{
    if (sqlite3_bind_int64(statement, index, value) != SQLITE_OK)
        sql_fail("bind");
}

static void
lite_side_bind_text(void *statement, int index, const char *text, int size)
{
    if (sqlite3_bind_text(statement, index, text, size, SQLITE_STATIC) != SQLITE_OK)
        sql_fail("bind");
}

static uint64_t
lite_side_run(void *statement)
{
    int count = sqlite3_column_count(statement);
    uint64_t sum = 0;
    int st;

    while ((st = sqlite3_step(statement)) == SQLITE_ROW) {
        for (int i = 0; i < count; i++)
            sum += sqlite3_column_type(statement, i) == SQLITE_TEXT
                       ? (uint64_t)sqlite3_column_text(statement, i)[0]
                       : (uint64_t)sqlite3_column_int64(statement, i);
        sum++;
    }
    if (st != SQLITE_DONE || sqlite3_reset(statement) != SQLITE_OK)
        sql_fail(sqlite3_errmsg(sqlite3_db_handle(statement)));
    return sum;
}

static void
lite_side_finalize(void *statement)
{
    if (sqlite3_finalize(statement) != SQLITE_OK)
        sql_fail("finalize");
}

static void
lite_side_exec(void *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        sql_fail(sqlite3_errmsg(db));
}

/* ---- what is measured ---- */

static double
sql_cpu_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* A number that looks random, the same for both sides. */
static uint64_t
sql_mix(uint64_t number)
{
    number = (number + 0x9e3779b97f4a7c15U) * 0xbf58476d1ce4e5b9U;
    number = (number ^ (number >> 29)) * 0x94d049bb133111ebU;
    return number ^ (number >> 32);
}

/* Insert rows in one transaction. */
static void
sql_fill(const sql_side *side, const char *table, uint64_t rows)
{
    static const char text[] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_-"
                               "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_-";
    char sql[100];
    void *insert;

    (void)snprintf(sql, sizeof sql, "INSERT INTO %s VALUES (?1, ?2, ?3, ?4)", table);
    side->exec(side->db, "BEGIN");
    insert = side->prepare(side->db, sql);
    for (uint64_t i = 1; i <= rows; i++) {
        side->bind_int(insert, 1, (int64_t)i);
        side->bind_int(insert, 2, (int64_t)(sql_mix(i) % (rows * 10)));
        side->bind_text(insert, 3, text + i % 40, 20);
        side->bind_text(insert, 4, text + i % 28, 100);
        (void)side->run(insert);
    }
    side->finalize(insert);
    side->exec(side->db, "COMMIT");
}

static uint64_t
sql_run_points(const sql_task *task)
{
    void *statement = task->side->prepare(task->side->db, task->sql);
    uint64_t sum = 0;

    for (uint64_t i = 0; i < task->calls; i++) {
        uint64_t id = 1 + sql_mix(i) % task->rows;

        task->side->bind_int(statement, 1,
                             strchr(task->sql, 'k') != NULL && strstr(task->sql, "WHERE k") != NULL
                                 ? (int64_t)(sql_mix(id) % (task->rows * 10))
                                 : (int64_t)id);
        sum += task->side->run(statement);
    }
    task->side->finalize(statement);
    return sum;
}

/* Nanoseconds for each call, or for each row of a load. */
static double
sql_measure(void *user)
{
    const sql_task *task = user;
    const sql_side *side = task->side;
    double begin;
    double end;

    if (task->kind == SQL_LOAD)
        side->exec(side->db, "DROP TABLE IF EXISTS l; CREATE TABLE l(id INTEGER PRIMARY KEY, "
                             "k INTEGER, a TEXT, b TEXT)");
    if (task->kind == SQL_POINT_IN_TRANSACTION)
        side->exec(side->db, "BEGIN");
    begin = sql_cpu_ns();
    if (task->kind == SQL_LOAD)
        sql_fill(side, "l", task->calls);
    else if (task->kind == SQL_PREPARE)
        for (uint64_t i = 0; i < task->calls; i++)
            side->finalize(side->prepare(side->db, task->sql));
    else
        bench_use(sql_run_points(task));
    end = sql_cpu_ns();
    if (task->kind == SQL_POINT_IN_TRANSACTION)
        side->exec(side->db, "COMMIT");
    return (end - begin) / (double)task->calls;
}

/* ---- the program ---- */

static void
sql_connect(const bench *b, sql_side *velo, sql_side *lite)
{
    char path[1024];
    velo_connection *connection = NULL;
    sqlite3 *handle = NULL;

    (void)snprintf(path, sizeof path, "%s/sql.velo", bench_folder(b));
    if (velo_open(path, NULL, &connection) != VELO_OK)
        sql_fail("cannot open our database");
    velo->db = connection;
    (void)snprintf(path, sizeof path, "%s/sql.lite", bench_folder(b));
    if (sqlite3_open(path, &handle) != SQLITE_OK)
        sql_fail("cannot open SQLite's database");
    lite->db = handle;
    lite->exec(lite->db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
                         "PRAGMA cache_size=-1000000");
    velo->exec(velo->db, "PRAGMA synchronous=NORMAL");
}

/* Make both databases, and open them again. */
static void
sql_open(const bench *b, sql_side *velo, sql_side *lite, uint64_t rows)
{
    static const char schema[] =
        "CREATE TABLE t(id INTEGER PRIMARY KEY, k INTEGER, a TEXT, b TEXT);"
        "CREATE INDEX tk ON t(k)";
    char command[2100];

    (void)snprintf(command, sizeof command, "rm -rf %s/sql.velo* %s/sql.lite*", bench_folder(b),
                   bench_folder(b));
    if (system(command) != 0)
        sql_fail("cannot remove old files");
    sql_connect(b, velo, lite);
    for (int i = 0; i < 2; i++) {
        const sql_side *side = i == 0 ? velo : lite;

        side->exec(side->db, schema);
        sql_fill(side, "t", rows);
    }
    if (velo_close(velo->db) != VELO_OK || sqlite3_close(lite->db) != SQLITE_OK)
        sql_fail("cannot close");
    sql_connect(b, velo, lite);
}

/* Both sides of a series; we are wanted to be so many times as fast. */
static void
sql_add(bench *b, const char *const names[2], sql_task *tasks, const sql_side *const sides[2],
        const char *sql, int kind, uint64_t rows, uint64_t calls, double wanted)
{
    int first = 0;

    for (int i = 0; i < 2; i++) {
        tasks[i] = (sql_task){sides[i], sql, rows, calls, kind};
        first =
            i == 0 ? bench_add(b, names[0], "ns", BENCH_LESS_IS_BETTER, sql_measure, tasks) : first;
        if (i == 1)
            (void)bench_add(b, names[1], "ns", BENCH_LESS_IS_BETTER, sql_measure, tasks + 1);
    }
    bench_want_ratio(b, names[0], first, first + 1, 1, wanted);
}

int
main(int argc, char **argv)
{
    static sql_side velo = {
        NULL,          velo_side_prepare,  velo_side_bind_int, velo_side_bind_text,
        velo_side_run, velo_side_finalize, velo_side_exec};
    static sql_side lite = {
        NULL,          lite_side_prepare,  lite_side_bind_int, lite_side_bind_text,
        lite_side_run, lite_side_finalize, lite_side_exec};
    static const sql_side *const sides[2] = {&velo, &lite};
    static const char *const names[][2] = {
        {"point by primary key", "the same, SQLite"},
        {"the same in a transaction", "the same, SQLite"},
        {"point by index", "the same, SQLite"},
        {"range of 100 rows", "the same, SQLite"},
        {"prepare and finalize", "the same, SQLite"},
        {"insert a row of 1 M in one transaction", "the same, SQLite"}};
    static sql_task tasks[6][2];
    bench *b = bench_create(argc, argv, "statements through the interface, processor time");
    uint64_t rows = bench_work(b, ROWS);
    uint64_t calls = bench_work(b, CALLS);

    sql_open(b, &velo, &lite, rows);
    sql_add(b, names[0], tasks[0], sides, "SELECT k, a FROM t WHERE id = ?1", SQL_POINT, rows,
            calls, 4);
    sql_add(b, names[1], tasks[1], sides, "SELECT k, a FROM t WHERE id = ?1",
            SQL_POINT_IN_TRANSACTION, rows, calls, 1.7);
    sql_add(b, names[2], tasks[2], sides, "SELECT id, a FROM t WHERE k = ?1", SQL_POINT, rows,
            calls, 3);
    sql_add(b, names[3], tasks[3], sides, "SELECT id, k, a FROM t WHERE id BETWEEN ?1 AND ?1 + 99",
            SQL_RANGE, rows, calls / 10 + 1, 3);
    sql_add(b, names[4], tasks[4], sides, "SELECT k, a FROM t WHERE id = ?1", SQL_PREPARE, rows,
            calls / 5 + 1, 1);
    sql_add(b, names[5], tasks[5], sides, NULL, SQL_LOAD, rows, bench_work(b, LOAD_ROWS), 2);
    return bench_finish(b);
}
