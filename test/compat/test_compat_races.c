/* test_compat_races.c - what SQLite's interface allows several threads to do at once, for the
 * thread sanitizer: one serialized connection, also one statement of it, used by all; functions,
 * hooks and settings that change while others run; one file under several names; interrupts;
 * backups beside writers; busy handlers; and connections that are closed while others' statements
 * are finalized.
 *
 * It includes our sqlite3.h and nothing of VelociDB. Nothing depends on who comes first: where
 * outcomes may differ, all that SQLite documents are accepted, and what must hold is looked at when
 * the threads have ended. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS 3
#define ROUNDS  20

static int races_failed;
static char races_folder[64];
static sqlite3 *races_shared;
static sqlite3_stmt *races_statement;
static _Atomic int races_turn;

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            races_failed++;                                                                        \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);                                 \
        }                                                                                          \
    } while (0)

/* A thread: its number, and how much of what it did has failed. */
typedef struct races_thread {
    pthread_t thread;
    int number;
    int failed;
} races_thread;

/* ---- helpers ---- */

/* Run it; says what is wrong when it fails in a way that is not `allowed`. */
static int
races_exec_or(sqlite3 *db, const char *sql, int allowed)
{
    char *message = NULL;
    int code = sqlite3_exec(db, sql, NULL, NULL, &message);

    if (code != SQLITE_OK && code != allowed)
        printf("%s: %d, %s\n", sql, code, message);
    sqlite3_free(message);
    return code;
}

static int
races_exec(sqlite3 *db, const char *sql)
{
    return races_exec_or(db, sql, SQLITE_OK);
}

/* The only integer that a query gives; -1: it has failed. */
static long
races_number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    long number = -1;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        number = (long)sqlite3_column_int64(stmt, 0);
    (void)sqlite3_finalize(stmt);
    return number;
}

static const char *
races_path(char to[100], const char *name)
{
    (void)snprintf(to, 100, "%s/%s", races_folder, name);
    return to;
}

static sqlite3 *
races_open(const char *path)
{
    sqlite3 *db = NULL;

    if (sqlite3_open_v2(path, &db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI |
                            SQLITE_OPEN_FULLMUTEX,
                        NULL) != SQLITE_OK)
        races_failed++;
    (void)sqlite3_busy_timeout(db, 60000);
    (void)races_exec(db, "PRAGMA synchronous = OFF");
    return db;
}

/* Run functions in threads of their own, the last one in all that are left. */
static void
races_run(void *(*const functions[])(void *), int count)
{
    races_thread threads[THREADS];
    int started = 0;

    atomic_store(&races_turn, 0);
    memset(threads, 0, sizeof threads);
    for (; started < THREADS; started++) {
        threads[started].number = started;
        if (pthread_create(&threads[started].thread, NULL,
                           functions[started < count ? started : count - 1],
                           &threads[started]) != 0)
            break;
    }
    EXPECT(started == THREADS);
    for (int i = 0; i < started; i++) {
        EXPECT(pthread_join(threads[i].thread, NULL) == 0);
        EXPECT(threads[i].failed == 0);
    }
}

/* ---- one connection for all ---- */

static void
races_twice(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    sqlite3_result_int64(context, 2 * sqlite3_value_int64(values[0]));
}

static int
races_commit(void *arg)
{
    atomic_fetch_add((_Atomic int *)arg, 1);
    return 0;
}

static void
races_update(void *arg, int op, const char *database, const char *table, sqlite3_int64 rowid)
{
    (void)op;
    (void)database;
    (void)table;
    (void)rowid;
    atomic_fetch_add((_Atomic int *)arg, 1);
}

static int
races_progress(void *arg)
{
    atomic_fetch_add((_Atomic int *)arg, 1);
    return 0;
}

static int
races_trace(unsigned event, void *arg, void *a, void *b)
{
    (void)event;
    (void)a;
    (void)b;
    atomic_fetch_add((_Atomic int *)arg, 1);
    return 0;
}

/* Functions, hooks and settings come and go. A function is not replaced while statements run. */
static void *
races_change(void *arg)
{
    static _Atomic int called;
    races_thread *self = arg;

    for (int round = 0; round < ROUNDS; round++) {
        int code = sqlite3_create_function(races_shared, "twice", 1, SQLITE_UTF8, NULL, races_twice,
                                           NULL, NULL);

        self->failed += code != SQLITE_OK && code != SQLITE_BUSY;
        (void)sqlite3_commit_hook(races_shared, round % 2 ? races_commit : NULL, &called);
        (void)sqlite3_update_hook(races_shared, round % 2 ? races_update : NULL, &called);
        sqlite3_progress_handler(races_shared, 10, round % 3 ? races_progress : NULL, &called);
        self->failed += sqlite3_trace_v2(races_shared, round % 3 ? SQLITE_TRACE_ROW : 0,
                                         races_trace, &called) != SQLITE_OK;
        (void)sqlite3_limit(races_shared, SQLITE_LIMIT_VARIABLE_NUMBER, 1000 + round);
        (void)sqlite3_extended_result_codes(races_shared, round % 2);
        (void)sqlite3_errcode(races_shared);
        (void)sqlite3_get_autocommit(races_shared);
        (void)sqlite3_unlock_notify(races_shared, NULL, NULL);
    }
    return NULL;
}

static void *
races_use(void *arg)
{
    races_thread *self = arg;

    for (int round = 0; round < ROUNDS; round++) {
        self->failed += races_exec(races_shared, "INSERT INTO t(b) VALUES (twice(1))") != SQLITE_OK;
        self->failed += races_number(races_shared, "SELECT twice(count(*)) FROM t") <= 0;
        self->failed += races_exec_or(races_shared, "SELECT nosuch", SQLITE_ERROR) != SQLITE_ERROR;
        (void)sqlite3_last_insert_rowid(races_shared);
        (void)sqlite3_total_changes(races_shared);
    }
    return NULL;
}

/* One statement: what a thread reads may be another's row, but it is a row or none. */
static void *
races_share_statement(void *arg)
{
    races_thread *self = arg;

    for (int round = 0; round < 10 * ROUNDS; round++) {
        int code = sqlite3_step(races_statement);
        int number = sqlite3_column_int(races_statement, 0);

        self->failed += code != SQLITE_ROW && code != SQLITE_DONE;
        self->failed += number < 0 || number > 9;
        (void)sqlite3_column_text(races_statement, 0);
        (void)sqlite3_column_bytes(races_statement, 0);
        (void)sqlite3_column_type(races_statement, 0);
        if (round % 7 == self->number)
            self->failed += sqlite3_reset(races_statement) != SQLITE_OK;
        code = sqlite3_bind_int(races_statement, 1, self->number);
        self->failed += code != SQLITE_OK && code != SQLITE_MISUSE; /* at work */
    }
    return NULL;
}

static void
test_one_connection(void)
{
    static void *(*const mixed[])(void *) = {races_change, races_use};
    static void *(*const sharing[])(void *) = {races_share_statement};

    races_shared = races_open(":memory:");
    EXPECT(sqlite3_create_function(races_shared, "twice", 1, SQLITE_UTF8, NULL, races_twice, NULL,
                                   NULL) == SQLITE_OK);
    EXPECT(races_exec(races_shared, "CREATE TABLE t(a INTEGER PRIMARY KEY, b)") == SQLITE_OK);
    races_run(mixed, 2);
    EXPECT(races_number(races_shared, "SELECT sum(b) FROM t") == 2L * (THREADS - 1) * ROUNDS);
    EXPECT(sqlite3_prepare_v2(races_shared,
                              "WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n "
                              "WHERE i < 9) SELECT i FROM n",
                              -1, &races_statement, NULL) == SQLITE_OK);
    EXPECT(sqlite3_bind_int(races_statement, 1, 0) == SQLITE_OK);
    races_run(sharing, 1);
    EXPECT(sqlite3_finalize(races_statement) == SQLITE_OK);
    EXPECT(sqlite3_close(races_shared) == SQLITE_OK);
}

/* ---- one file under several names ---- */

static void *
races_spell(void *arg)
{
    static const char *const forms[] = {"%s/a.db", "%s/./a.db", "%s/../%s/a.db", "file:%s/a.db",
                                        "%s/link.db"};
    races_thread *self = arg;
    const char *last = strrchr(races_folder, '/') + 1;

    for (int round = 0; round < ROUNDS; round++) {
        char path[200];
        sqlite3 *db;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(path, sizeof path, forms[(round + self->number) % 5], races_folder, last);
#pragma GCC diagnostic pop
        db = races_open(path);
        self->failed += races_exec(db, "INSERT INTO t(b) VALUES (1)") != SQLITE_OK;
        self->failed += races_number(db, "SELECT count(*) FROM t") <= 0;
        self->failed += sqlite3_close(db) != SQLITE_OK;
    }
    return NULL;
}

static void
test_spellings(void)
{
    static void *(*const functions[])(void *) = {races_spell};
    char path[2][100];
    sqlite3 *db = races_open(races_path(path[0], "a.db"));

    EXPECT(races_exec(db, "CREATE TABLE t(a INTEGER PRIMARY KEY, b)") == SQLITE_OK);
    EXPECT(symlink("a.db", races_path(path[1], "link.db")) == 0);
    races_run(functions, 1);
    EXPECT(races_number(db, "SELECT count(*) FROM t") == (long)THREADS * ROUNDS);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
    races_run(functions, 1); /* now the last one to leave closes the file */
    db = races_open(path[0]);
    EXPECT(races_number(db, "SELECT count(*) FROM t") == 2L * THREADS * ROUNDS);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
}

/* ---- interrupts ---- */

static void *
races_interrupt(void *arg)
{
    (void)arg;
    while (atomic_load(&races_turn) < THREADS - 1) {
        sqlite3_interrupt(races_shared);
        (void)sqlite3_is_interrupted(races_shared);
        (void)sched_yield();
    }
    return NULL;
}

static void *
races_run_long(void *arg)
{
    races_thread *self = arg;

    for (int round = 0; round < ROUNDS; round++) {
        int code =
            races_exec_or(races_shared, "SELECT count(*) FROM t AS x, t AS y", SQLITE_INTERRUPT);

        self->failed += code != SQLITE_OK && code != SQLITE_INTERRUPT;
        code = races_exec_or(races_shared, "UPDATE t SET b = b + 1", SQLITE_INTERRUPT);
        self->failed += code != SQLITE_OK && code != SQLITE_INTERRUPT;
    }
    atomic_fetch_add(&races_turn, 1);
    return NULL;
}

static void
test_interrupts(void)
{
    static void *(*const functions[])(void *) = {races_interrupt, races_run_long};

    races_shared = races_open(":memory:");
    EXPECT(races_exec(races_shared,
                      "CREATE TABLE t(a INTEGER PRIMARY KEY, b); WITH RECURSIVE n(i) AS "
                      "(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60) "
                      "INSERT INTO t SELECT i, 0 FROM n") == SQLITE_OK);
    races_run(functions, 2);
    EXPECT(races_number(races_shared, "SELECT max(b) - min(b) FROM t") == 0); /* all or nothing */
    EXPECT(sqlite3_close(races_shared) == SQLITE_OK);
}

/* ---- backups beside writers ---- */

/* Move an amount from one row to another: the sum stays. */
static void *
races_move(void *arg)
{
    races_thread *self = arg;
    char path[100];
    sqlite3 *db = races_open(races_path(path, "b.db"));

    while (atomic_load(&races_turn) == 0) {
        int code = races_exec(db, "BEGIN IMMEDIATE; UPDATE t SET b = b - 1 WHERE a = 1;"
                                  "UPDATE t SET b = b + 1 WHERE a = 2; COMMIT");

        self->failed += code != SQLITE_OK;
    }
    self->failed += sqlite3_close(db) != SQLITE_OK;
    return NULL;
}

static void *
races_back_up(void *arg)
{
    races_thread *self = arg;
    char path[100];
    sqlite3 *from = races_open(races_path(path, "b.db"));

    for (int round = 0; round < ROUNDS / 2; round++) {
        sqlite3 *to = races_open(":memory:");
        sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
        int code;

        do
            code = sqlite3_backup_step(backup, 1);
        while (code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED);
        self->failed += code != SQLITE_DONE;
        self->failed += sqlite3_backup_finish(backup) != SQLITE_OK;
        self->failed += races_number(to, "SELECT sum(b) FROM t") != 1000;
        self->failed += sqlite3_close(to) != SQLITE_OK;
    }
    atomic_store(&races_turn, 1);
    self->failed += sqlite3_close(from) != SQLITE_OK;
    return NULL;
}

static void
test_backups(void)
{
    static void *(*const functions[])(void *) = {races_back_up, races_move};
    char path[100];
    sqlite3 *db = races_open(races_path(path, "b.db"));

    EXPECT(races_exec(db, "CREATE TABLE t(a INTEGER PRIMARY KEY, b);"
                          "INSERT INTO t VALUES (1, 500), (2, 500)") == SQLITE_OK);
    races_run(functions, 2);
    EXPECT(races_number(db, "SELECT sum(b) FROM t") == 1000);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
}

/* ---- busy handlers ---- */

static int
races_busy(void *arg, int count)
{
    (void)count;
    atomic_store((_Atomic int *)arg, 1);
    (void)sched_yield();
    return 1;
}

/* The first holds a row until a handler of the others was asked. */
static void *
races_hold(void *arg)
{
    races_thread *self = arg;
    char path[100];
    sqlite3 *db = races_open(races_path(path, "c.db"));

    (void)sqlite3_busy_handler(db, races_busy, &races_turn);
    if (self->number == 0) {
        self->failed += races_exec(db, "BEGIN IMMEDIATE; UPDATE t SET b = b + 1") != SQLITE_OK;
        while (atomic_load(&races_turn) == 0)
            (void)sched_yield();
        self->failed += races_exec(db, "COMMIT") != SQLITE_OK;
    } else {
        self->failed += races_exec(db, "UPDATE t SET b = b + 1") != SQLITE_OK;
        atomic_store(&races_turn, 1); /* it may have come first, and was never asked */
    }
    self->failed += sqlite3_close(db) != SQLITE_OK;
    return NULL;
}

static void
test_busy(void)
{
    static void *(*const functions[])(void *) = {races_hold};
    char path[100];
    sqlite3 *db = races_open(races_path(path, "c.db"));

    EXPECT(races_exec(db, "CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 0)") == SQLITE_OK);
    for (int round = 0; round < 5; round++)
        races_run(functions, 1);
    EXPECT(races_number(db, "SELECT b FROM t") == 5L * THREADS);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
}

/* ---- closing ---- */

/* Statements of one connection, each finalized by a thread of its own, while another closes it. */
static sqlite3_stmt *races_statements[THREADS - 1];

static void *
races_end(void *arg)
{
    races_thread *self = arg;

    if (self->number == 0) {
        self->failed += sqlite3_close_v2(races_shared) != SQLITE_OK;
        return NULL;
    }
    self->failed += sqlite3_step(races_statements[self->number - 1]) != SQLITE_ROW;
    self->failed += sqlite3_finalize(races_statements[self->number - 1]) != SQLITE_OK;
    return NULL;
}

static void
test_closing(void)
{
    static void *(*const functions[])(void *) = {races_end};
    char path[100];

    for (int round = 0; round < ROUNDS; round++) {
        races_shared = races_open(races_path(path, "c.db"));
        for (int i = 0; i < THREADS - 1; i++)
            EXPECT(sqlite3_prepare_v2(races_shared, "SELECT b FROM t", -1, &races_statements[i],
                                      NULL) == SQLITE_OK);
        races_run(functions, 1);
    }
}

int
main(void)
{
    static const char *const files[] = {"a.db",     "link.db",  "b.db",    "c.db",
                                        "a.db-wal", "b.db-wal", "c.db-wal"};
    const char *temporary = getenv("TMPDIR");
    const char *quick = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"; /* many files */
    char path[120];

    (void)snprintf(races_folder, sizeof races_folder, "%.40s/races.XXXXXX",
                   temporary == NULL ? quick : temporary);
    if (mkdtemp(races_folder) == NULL)
        return 1;
    test_one_connection();
    test_spellings();
    test_interrupts();
    test_backups();
    test_busy();
    test_closing();
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", races_folder, files[i]);
        (void)unlink(path); /* not all are there */
    }
    EXPECT(rmdir(races_folder) == 0);
    printf("test_compat_races: %d failed\n", races_failed);
    return races_failed != 0;
}
