/* test_compat_threads.c - SQLite's interface used by several threads, for the thread sanitizer:
 * each with connections of its own to one file, all with one connection that is serialized, and
 * backups between the same two connections in both directions.
 *
 * It includes our sqlite3.h and nothing of VelociDB. Nothing depends on who comes first. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS 4
#define ROUNDS  25

static char threads_path[80];
static sqlite3 *threads_shared;
static sqlite3 *threads_pair[2];

static int
threads_order(void *arg, int left_size, const void *left, int right_size, const void *right)
{
    int common = left_size < right_size ? left_size : right_size;
    int order = memcmp(right, left, (size_t)common);

    (void)arg;
    return order != 0 ? order : right_size - left_size;
}

static void
threads_twice(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    sqlite3_result_int64(context, 2 * sqlite3_value_int64(values[0]));
}

static int
threads_allow(void *arg, int action, const char *first, const char *second, const char *database,
              const char *inner)
{
    (void)action;
    (void)first;
    (void)second;
    (void)database;
    (void)inner;
    ++*(int *)arg;
    return SQLITE_OK;
}

/* The only integer that a query gives; -1: it has failed. */
static long
threads_number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    long number = -1;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        number = (long)sqlite3_column_int64(stmt, 0);
    if (sqlite3_finalize(stmt) != SQLITE_OK)
        number = -1;
    return number;
}

static int
threads_setup(sqlite3 *db, int *asked)
{
    return sqlite3_busy_timeout(db, 60000) == SQLITE_OK &&
           sqlite3_create_collation(db, "turned", SQLITE_UTF8, NULL, threads_order) == SQLITE_OK &&
           sqlite3_create_function(db, "twice", 1, SQLITE_UTF8, NULL, threads_twice, NULL, NULL) ==
               SQLITE_OK &&
           sqlite3_set_authorizer(db, threads_allow, asked) == SQLITE_OK;
}

/* One thread with connections of its own: opened, used and closed again and again. */
static void *
threads_own(void *arg)
{
    int *failures = arg;
    int asked = 0;

    for (int round = 0; round < ROUNDS; round++) {
        sqlite3 *db = NULL;
        int is_ok = sqlite3_open(threads_path, &db) == SQLITE_OK && threads_setup(db, &asked);

        is_ok = is_ok && sqlite3_exec(db, "INSERT INTO t(b) VALUES ('x' || twice(21))", NULL, NULL,
                                      NULL) == SQLITE_OK;
        is_ok =
            is_ok && threads_number(db, "SELECT count(*) FROM (SELECT b FROM t ORDER BY b)") > 0;
        is_ok = is_ok && threads_number(db, "SELECT a FROM u") == 1;
        *failures += !is_ok;
        if (sqlite3_close(db) != SQLITE_OK)
            ++*failures;
    }
    return asked > 0 ? NULL : arg;
}

/* One thread among others on the shared connection. */
static void *
threads_together(void *arg)
{
    int *failures = arg;

    for (int round = 0; round < ROUNDS; round++) {
        *failures += sqlite3_exec(threads_shared, "INSERT INTO t(b) VALUES ('y')", NULL, NULL,
                                  NULL) != SQLITE_OK;
        *failures += threads_number(threads_shared, "SELECT twice(count(*)) FROM t WHERE b = 'y' "
                                                    "COLLATE turned") <= 0;
        (void)sqlite3_errmsg(threads_shared);
        (void)sqlite3_changes(threads_shared);
        (void)sqlite3_memory_used();
    }
    return NULL;
}

/* Backups from one of the pair to the other; the direction is `from`. That one is refused while
 * another thread's is at work is as it should be: all must come to an end. */
static void
threads_back_up(int from)
{
    for (int round = 0; round < 20 * ROUNDS; round++) {
        sqlite3_backup *backup =
            sqlite3_backup_init(threads_pair[1 - from], "main", threads_pair[from], "main");

        (void)sqlite3_backup_step(backup, 1);
        (void)sqlite3_backup_step(backup, -1);
        (void)sqlite3_backup_finish(backup);
    }
}

static void *
threads_forth(void *arg)
{
    (void)arg;
    threads_back_up(0);
    return NULL;
}

static void *
threads_both_ways(void *arg)
{
    (void)arg;
    threads_back_up(0);
    threads_back_up(1);
    return NULL;
}

/* Run a function in all threads; returns how much has failed. */
static int
threads_run(void *(*function)(void *))
{
    pthread_t threads[THREADS];
    int failures[THREADS] = {0};
    int count = 0;
    int all = 0;

    while (count < THREADS &&
           pthread_create(&threads[count], NULL, function, &failures[count]) == 0)
        count++;
    for (int i = 0; i < count; i++) {
        void *result = NULL;

        all += pthread_join(threads[i], &result) != 0 || result != NULL;
        all += failures[i];
    }
    return all + (count < THREADS);
}

/* Backups by all threads, at first in one direction, then in both; returns how much has failed. */
static int
threads_run_backups(void)
{
    int failed = 0;

    for (int i = 0; i < 2; i++)
        failed += sqlite3_open(":memory:", &threads_pair[i]) != SQLITE_OK;
    failed += sqlite3_exec(threads_pair[0], "CREATE TABLE t(a); INSERT INTO t VALUES (7)", NULL,
                           NULL, NULL) != SQLITE_OK;
    failed += threads_run(threads_forth);
    failed += threads_number(threads_pair[1], "SELECT a FROM t") != 7;
    failed += threads_run(threads_both_ways);
    for (int i = 0; i < 2; i++) {
        failed += threads_number(threads_pair[i], "SELECT a FROM t") != 7;
        failed += sqlite3_close(threads_pair[i]) != SQLITE_OK;
    }
    return failed;
}

int
main(void)
{
    const char *temporary = getenv("TMPDIR");
    char folder[64];
    char command[100];
    int asked = 0;
    int failed = 0;

    (void)snprintf(folder, sizeof folder, "%.40s/threads.XXXXXX",
                   temporary == NULL ? "/tmp" : temporary);
    if (mkdtemp(folder) == NULL)
        return 1;
    (void)snprintf(threads_path, sizeof threads_path, "%s/a.db", folder);
    failed += sqlite3_open(threads_path, &threads_shared) != SQLITE_OK;
    failed += !threads_setup(threads_shared, &asked);
    failed += sqlite3_exec(threads_shared,
                           "CREATE TABLE t(a INTEGER PRIMARY KEY, b COLLATE turned);"
                           "CREATE TABLE u(a); INSERT INTO u VALUES (1)",
                           NULL, NULL, NULL) != SQLITE_OK;
    failed += threads_run(threads_own);
    failed += threads_number(threads_shared, "SELECT count(*) FROM t") != THREADS * ROUNDS;
    failed += threads_run(threads_together);
    failed += threads_number(threads_shared, "SELECT count(*) FROM t") != 2 * THREADS * ROUNDS;
    failed += sqlite3_close(threads_shared) != SQLITE_OK;
    failed += threads_run_backups();
    (void)unlink(threads_path);
    (void)snprintf(command, sizeof command, "%s-wal", threads_path);
    (void)unlink(command);
    failed += rmdir(folder) != 0;
    printf("test_compat_threads: %d failed\n", failed);
    return failed != 0;
}
