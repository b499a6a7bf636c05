/* bench_txn_beside.c - transactions beside others: readers beside writers, scans of old snapshots,
 * durable commits of many threads, and transactions of ten reads and ten updates, ours and
 * SQLite's.
 *
 * What one thread does alone is told by its processor time, which other programs on the machine do
 * not change much; what several do at a time by the clock, ours and the other side in turn. Both
 * have the same rows, and statements that are prepared: ours has no SQL here, so part of a ratio is
 * SQL's.
 *
 * The ideal group commit of N threads: N commits with each write and sync of so many bytes, to a
 * file whose space was written before, by one thread that does nothing else. */
#define _GNU_SOURCE
#include "base/rng.h"
#include "lib/bench.h"
#include "os/io.h"
#include "txn/txn_rows.h"

#if VL_HAVE_SQLITE
#include <sqlite3.h>
#endif

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BESIDE_THREADS     32U
#define BESIDE_HOT         UINT64_C(1000)
#define BESIDE_RECORD_SIZE 128U

static const uint32_t beside_ids[2] = {1, 2};
static const char beside_text[] = "a text of about as many bytes as such a row has, or some more";

static uint64_t beside_rows;
static uint64_t beside_reads;
static uint64_t beside_hot_updates;
static uint64_t beside_ns; /* how long several threads work */
static vl_ctx beside_ctx;
static vl_io *beside_io;
static vl_txn_store *beside_store;
static vl_txn_table *beside_table;
static vl_store_tree *beside_tree; /* the same, without versions */
static vl_session *beside_session;
static char beside_path[1100], beside_sqlite_path[1100];

static void
beside_must(const vl_ctx *ctx, velo_status st)
{
    if (st == VELO_OK)
        return;
    (void)fprintf(stderr, "\n%s\n", ctx->error.text);
    exit(1);
}

static uint64_t
beside_cpu_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static int64_t
beside_row(vl_rng *rng)
{
    return 1 + (int64_t)vl_rng_below(rng, beside_rows);
}

/* ---- ours ---- */

static void
beside_make(void)
{
    vl_txn_store_options options = {
        .store = {.may_create = 1, .cache_bytes = UINT64_C(1) << 30, .has_background = 1}};
    vl_leaf_value defaults[2] = {{.value.type = VL_TYPE_NULL}, {.value.type = VL_TYPE_NULL}};
    vl_leaf_schema schema = {beside_ids, defaults, 2, 0};
    vl_value values[2] = {
        {.type = VL_TYPE_INTEGER},
        {.type = VL_TYPE_TEXT, .size = sizeof beside_text - 1, .as.data = beside_text}};
    vl_statement statement;
    vl_tree_id id;

    beside_must(&beside_ctx,
                vl_txn_store_open(&beside_ctx, beside_io, beside_path, &options, &beside_store));
    beside_must(&beside_ctx, vl_session_create(&beside_ctx, beside_store, &beside_session));
    vl_session_set_synchronous(beside_session, VL_SYNCHRONOUS_OFF);
    vl_session_enter_call(beside_session);
    beside_must(&beside_ctx, vl_statement_begin(&beside_ctx, beside_session, 1, &statement));
    beside_must(&beside_ctx, vl_txn_create_tree(&beside_ctx, &statement, &schema, &id));
    beside_must(&beside_ctx, vl_rows_open(&beside_ctx, beside_store, id, &beside_table));
    for (int64_t i = 1; i <= (int64_t)beside_rows; i++) {
        values[0].as.integer = i;
        beside_must(&beside_ctx, vl_rows_insert(&beside_ctx, &statement, beside_table, i, values));
    }
    beside_must(&beside_ctx, vl_statement_end(&beside_ctx, &statement));
    beside_must(&beside_ctx,
                vl_store_find_tree(&beside_ctx, vl_txn_store_base(beside_store), id, &beside_tree));
}

/* Update a row in a transaction of its own, again when somebody was faster. */
static void
beside_update(vl_ctx *ctx, vl_session *session, int64_t row)
{
    vl_value value = {.type = VL_TYPE_INTEGER, .as.integer = row};
    vl_statement statement;
    velo_status st;

    beside_must(ctx, vl_statement_begin(ctx, session, 1, &statement));
    while ((st = vl_rows_update(ctx, &statement, beside_table, row, beside_ids, &value, 1)) ==
           VELO_BUSY_SNAPSHOT)
        beside_must(ctx, vl_statement_restart(ctx, &statement));
    beside_must(ctx, st);
    beside_must(ctx, vl_statement_end(ctx, &statement));
}

static void
beside_read(vl_ctx *ctx, const vl_view *view, int64_t row)
{
    vl_value value;
    int found;

    vl_arena_reset(ctx->arena);
    beside_must(
        ctx, vl_rows_read(ctx, beside_table, view, row, beside_ids, 1, ctx->arena, &value, &found));
    bench_use((uint64_t)value.as.integer);
}

/* ---- reading ---- */

/* Nanoseconds of a lookup in the tree, with nothing around it. */
static double
beside_lookup_bare(void)
{
    vl_leaf_schema schema = *vl_rows_schema(beside_table);
    vl_leaf_value values[2];
    vl_leaf_state state;
    uint64_t start_ns;
    vl_rng rng;

    schema.count = 1;
    vl_rng_init(&rng, 1);
    start_ns = beside_cpu_ns();
    for (uint64_t i = 0; i < beside_reads; i++) {
        vl_arena_reset(beside_ctx.arena);
        beside_must(&beside_ctx, vl_table_read(&beside_ctx, &beside_tree->tree, beside_row(&rng),
                                               &schema, beside_ctx.arena, values, &state));
        bench_use((uint64_t)values[0].value.as.integer);
    }
    return (double)(beside_cpu_ns() - start_ns) / (double)beside_reads;
}

/* The same as a statement of its own: a snapshot, the read, its end. */
static double
beside_lookup_statement(void)
{
    vl_statement statement;
    uint64_t start_ns;
    vl_rng rng;

    vl_rng_init(&rng, 1);
    start_ns = beside_cpu_ns();
    for (uint64_t i = 0; i < beside_reads; i++) {
        beside_must(&beside_ctx, vl_statement_begin(&beside_ctx, beside_session, 0, &statement));
        beside_read(&beside_ctx, &statement.view, beside_row(&rng));
        beside_must(&beside_ctx, vl_statement_end(&beside_ctx, &statement));
    }
    return (double)(beside_cpu_ns() - start_ns) / (double)beside_reads;
}

static double
measure_snapshot(void *user)
{
    double bare = beside_lookup_bare();
    double statement = beside_lookup_statement();

    (void)user;
    return statement > bare ? statement - bare : 0;
}

static double
measure_lookup(void *user)
{
    (void)user;
    return beside_lookup_bare();
}

/* A thread that updates random rows until it is told to stop. */
static _Atomic int beside_is_over;

static void *
beside_writer_main(void *argument)
{
    vl_session *session;
    vl_rng rng;
    vl_ctx ctx;

    (void)argument;
    vl_ctx_init(&ctx, NULL, NULL);
    vl_rng_init(&rng, 2);
    beside_must(&ctx, vl_session_create(&ctx, beside_store, &session));
    vl_session_set_synchronous(session, VL_SYNCHRONOUS_OFF);
    vl_session_enter_call(session);
    while (!atomic_load_explicit(&beside_is_over, memory_order_relaxed))
        beside_update(&ctx, session, beside_row(&rng));
    vl_session_leave_call(session);
    vl_session_destroy(session);
    return NULL;
}

/* Point reads a millisecond of the reader's processor time, alone or beside a writer. */
static double
measure_reader(void *user)
{
    int has_writer = *(const int *)user;
    pthread_t writer = pthread_self();
    double ns;

    atomic_store(&beside_is_over, 0);
    if (has_writer && pthread_create(&writer, NULL, beside_writer_main, NULL) != 0)
        exit(1);
    ns = beside_lookup_statement();
    atomic_store(&beside_is_over, 1);
    if (has_writer)
        (void)pthread_join(writer, NULL);
    return 1e6 / ns;
}

/* ---- scans of a snapshot ---- */

/* Nanoseconds that a scan by a view takes. */
static double
beside_scan(const vl_view *view)
{
    vl_rowid_range all = {INT64_MIN, INT64_MAX};
    uint64_t start_ns, sum = 0;
    vl_row_scan scan;
    velo_status st;

    start_ns = beside_cpu_ns();
    vl_row_scan_begin(&scan, beside_table, view, all, 0, beside_ids, 1);
    while ((st = vl_row_scan_next(&beside_ctx, &scan)) == VELO_OK && scan.leaf != NULL)
        for (uint32_t i = 0; i < scan.row_count; i++) {
            vl_leaf_value value;

            vl_row_scan_get(&scan, i, 0, &value);
            sum += (uint64_t)value.value.as.integer;
        }
    vl_row_scan_end(&scan);
    beside_must(&beside_ctx, st);
    bench_use(sum);
    return (double)(beside_cpu_ns() - start_ns);
}

/* A scan with a snapshot from before `updates` changes, `stride` rows apart, of `hot` rows; and the
 * scan before them: *before. */
static double
beside_scan_after(uint64_t updates, uint64_t hot, double *before)
{
    vl_session *reading;
    vl_statement reader;
    double ns;

    beside_must(&beside_ctx, vl_txn_store_collect(&beside_ctx, beside_store));
    beside_must(&beside_ctx, vl_session_create(&beside_ctx, beside_store, &reading));
    beside_must(&beside_ctx, vl_statement_begin(&beside_ctx, reading, 0, &reader));
    (void)beside_scan(&reader.view); /* so that both are as warm */
    *before = beside_scan(&reader.view);
    for (uint64_t i = 0; i < updates; i++)
        beside_update(&beside_ctx, beside_session,
                      1 + (int64_t)(i % hot * (beside_rows / hot) % beside_rows));
    (void)beside_scan(&reader.view);
    ns = beside_scan(&reader.view);
    beside_must(&beside_ctx, vl_statement_end(&beside_ctx, &reader));
    vl_session_destroy(reading);
    return ns;
}

/* Nanoseconds more for each newer version that a scan meets. */
static double
measure_newer(void *user)
{
    uint64_t updates = beside_rows / 4;
    double before, after;

    (void)user;
    after = beside_scan_after(updates, updates, &before);
    return after > before ? (after - before) / (double)updates : 0;
}

/* How many times as long a scan takes after very many updates of a few rows. */
static double
measure_hot_scan(void *user)
{
    double before, after;

    (void)user;
    after = beside_scan_after(beside_hot_updates, BESIDE_HOT, &before);
    return after / before;
}

/* ---- several threads ---- */

typedef enum beside_work {
    BESIDE_ONE_EACH, /* one update, of a random row */
    BESIDE_ONE_ROW,  /* one update, all of the same row */
    BESIDE_TEN       /* ten reads and ten updates of random rows */
} beside_work;

typedef struct beside_case {
    beside_work work;
    int is_full; /* synchronous FULL; else OFF */
    uint32_t threads;
    int is_sqlite;
} beside_case;

typedef struct beside_thread {
    pthread_t thread;
    const beside_case *what;
    uint32_t number;
    uint64_t count;      /* transactions that it has committed */
    uint64_t longest_ns; /* one of them */
} beside_thread;

/* What the last run of durable commits has shown: its slowest thread, of the fastest; its longest
 * commit, in milliseconds. */
static double beside_fairness, beside_longest_ms;

/* And its commits for each sync of the log: at most one of each thread, whatever the disk does. */
static double beside_shared;

/* Ten reads and ten updates; 0: it has met a conflict. */
static int
beside_try_ten(vl_ctx *ctx, vl_session *session, vl_rng *rng)
{
    velo_status st = VELO_OK;

    beside_must(ctx, vl_session_begin(ctx, session, VL_TXN_DEFERRED));
    for (int i = 0; i < 20 && st == VELO_OK; i++) {
        vl_value value = {.type = VL_TYPE_INTEGER, .as.integer = i};
        int64_t row = beside_row(rng);
        vl_statement statement;

        st = vl_statement_begin(ctx, session, i % 2, &statement);
        if (st != VELO_OK)
            break;
        if (i % 2 == 0)
            beside_read(ctx, &statement.view, row);
        else
            st = vl_rows_update(ctx, &statement, beside_table, row, beside_ids, &value, 1);
        if (st == VELO_OK)
            st = vl_statement_end(ctx, &statement);
        else
            vl_statement_fail(ctx, &statement);
    }
    if (st == VELO_OK) {
        beside_must(ctx, vl_session_commit(ctx, session));
        return 1;
    }
    if (st != VELO_BUSY_SNAPSHOT)
        beside_must(ctx, st);
    beside_must(ctx, vl_session_rollback(ctx, session));
    return 0;
}

static void
beside_once(vl_ctx *ctx, vl_session *session, beside_work work, vl_rng *rng)
{
    if (work == BESIDE_TEN)
        while (!beside_try_ten(ctx, session, rng))
            vl_error_clear(ctx);
    else
        beside_update(ctx, session, work == BESIDE_ONE_ROW ? 1 : beside_row(rng));
}

/* Count a transaction that began at some time; 1: there is time for another one. */
static int
beside_count(beside_thread *self, uint64_t start_ns)
{
    uint64_t spent_ns = bench_now_ns() - start_ns;

    self->count++;
    if (spent_ns > self->longest_ns)
        self->longest_ns = spent_ns;
    return !atomic_load_explicit(&beside_is_over, memory_order_relaxed);
}

static void *
beside_ours_main(void *argument)
{
    beside_thread *self = argument;
    vl_session *session;
    uint64_t start_ns;
    vl_arena arena;
    vl_rng rng;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    vl_arena_init(&arena, NULL, 0);
    ctx.arena = &arena;
    vl_rng_init(&rng, self->number + 1);
    beside_must(&ctx, vl_session_create(&ctx, beside_store, &session));
    vl_session_set_busy(session, NULL, NULL, -1);
    vl_session_set_synchronous(session,
                               self->what->is_full ? VL_SYNCHRONOUS_FULL : VL_SYNCHRONOUS_OFF);
    do {
        start_ns = bench_now_ns();
        vl_session_enter_call(session);
        beside_once(&ctx, session, self->what->work, &rng);
        vl_session_leave_call(session);
    } while (beside_count(self, start_ns));
    vl_session_destroy(session);
    vl_arena_deinit(&arena);
    return NULL;
}

#if VL_HAVE_SQLITE
static void
beside_sqlite_must(sqlite3 *db, int rc)
{
    if (rc == SQLITE_OK || rc == SQLITE_DONE || rc == SQLITE_ROW)
        return;
    (void)fprintf(stderr, "\nSQLite: %s\n", sqlite3_errmsg(db));
    exit(1);
}

static sqlite3 *
beside_sqlite_open(int is_full)
{
    sqlite3 *db;

    beside_sqlite_must(NULL, sqlite3_open(beside_sqlite_path, &db));
    beside_sqlite_must(db, sqlite3_busy_timeout(db, 120000));
    beside_sqlite_must(db, sqlite3_exec(db,
                                        is_full ? "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"
                                                : "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF",
                                        NULL, NULL, NULL));
    beside_sqlite_must(db, sqlite3_exec(db, "PRAGMA cache_size=-100000", NULL, NULL, NULL));
    return db;
}

static void
beside_sqlite_make(void)
{
    sqlite3 *db = beside_sqlite_open(0);
    char sql[400];

    (void)snprintf(sql, sizeof sql,
                   "CREATE TABLE t(id INTEGER PRIMARY KEY, k INT, s TEXT); WITH RECURSIVE n(i) AS "
                   "(VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < %llu) INSERT INTO t SELECT "
                   "i, i, '%s' FROM n",
                   (unsigned long long)beside_rows, beside_text);
    beside_sqlite_must(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
    (void)sqlite3_close(db);
}

static void
beside_sqlite_step(sqlite3 *db, sqlite3_stmt *statement, int64_t row)
{
    beside_sqlite_must(db, sqlite3_bind_int64(statement, 1, row));
    beside_sqlite_must(db, sqlite3_step(statement));
    beside_sqlite_must(db, sqlite3_reset(statement));
}

static void *
beside_sqlite_main(void *argument)
{
    beside_thread *self = argument;
    sqlite3 *db = beside_sqlite_open(self->what->is_full);
    sqlite3_stmt *select, *update;
    beside_work work = self->what->work;
    uint64_t start_ns;
    vl_rng rng;

    vl_rng_init(&rng, self->number + 1);
    beside_sqlite_must(db,
                       sqlite3_prepare_v2(db, "SELECT k FROM t WHERE id = ?1", -1, &select, NULL));
    beside_sqlite_must(
        db, sqlite3_prepare_v2(db, "UPDATE t SET k = k + 1 WHERE id = ?1", -1, &update, NULL));
    do {
        start_ns = bench_now_ns();
        if (work == BESIDE_TEN) {
            beside_sqlite_must(db, sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL));
            for (int i = 0; i < 20; i++)
                beside_sqlite_step(db, i % 2 == 0 ? select : update, beside_row(&rng));
            beside_sqlite_must(db, sqlite3_exec(db, "COMMIT", NULL, NULL, NULL));
        } else {
            beside_sqlite_step(db, update, work == BESIDE_ONE_ROW ? 1 : beside_row(&rng));
        }
    } while (beside_count(self, start_ns));
    (void)sqlite3_finalize(select);
    (void)sqlite3_finalize(update);
    (void)sqlite3_close(db);
    return NULL;
}
#endif

static void *
beside_main(void *argument)
{
#if VL_HAVE_SQLITE
    if (((const beside_thread *)argument)->what->is_sqlite)
        return beside_sqlite_main(argument);
#endif
    return beside_ours_main(argument);
}

/* Transactions a second, by the clock. */
static double
measure_threads(void *user)
{
    const beside_case *what = user;
    static beside_thread threads[BESIDE_THREADS];
    uint64_t start_ns = bench_now_ns(), spent_ns, count = 0, least = UINT64_MAX, most = 1;
    vl_store_stats before, after;
    struct timespec pause = {(time_t)(beside_ns / 1000000000U), (long)(beside_ns % 1000000000U)};

    if (what->is_sqlite && !VL_HAVE_SQLITE)
        return -1;
    vl_store_get_stats(vl_txn_store_base(beside_store), &before);
    atomic_store(&beside_is_over, 0);
    beside_longest_ms = 0;
    for (uint32_t i = 0; i < what->threads; i++) {
        threads[i] = (beside_thread){.what = what, .number = i};
        if (pthread_create(&threads[i].thread, NULL, beside_main, &threads[i]) != 0)
            exit(1);
    }
    (void)nanosleep(&pause, NULL);
    atomic_store(&beside_is_over, 1);
    for (uint32_t i = 0; i < what->threads; i++) {
        (void)pthread_join(threads[i].thread, NULL);
        count += threads[i].count;
        least = threads[i].count < least ? threads[i].count : least;
        most = threads[i].count > most ? threads[i].count : most;
        if ((double)threads[i].longest_ns / 1e6 > beside_longest_ms)
            beside_longest_ms = (double)threads[i].longest_ns / 1e6;
    }
    spent_ns = bench_now_ns() - start_ns;
    vl_store_get_stats(vl_txn_store_base(beside_store), &after);
    beside_shared = after.log.sync_count > before.log.sync_count
                        ? (double)count / (double)(after.log.sync_count - before.log.sync_count)
                        : 0;
    beside_fairness = (double)least / (double)most;
    return (double)count * 1e9 / (double)spent_ns;
}

/* Of the run right before: these are added right behind it. */
static double
measure_fairness(void *user)
{
    (void)user;
    return beside_fairness;
}

static double
measure_shared(void *user)
{
    (void)user;
    return beside_shared;
}

static double
measure_longest(void *user)
{
    (void)user;
    return beside_longest_ms;
}

/* Commits a second of so many threads whose commits all share each sync. */
static double
measure_ideal(void *user)
{
    uint32_t threads = *(const uint32_t *)user;
    static const char bytes[BESIDE_THREADS * BESIDE_RECORD_SIZE];
    size_t size = threads * (size_t)BESIDE_RECORD_SIZE;
    uint64_t start_ns, spent_ns, syncs = 0;
    char path[1200];
    int file;

    (void)snprintf(path, sizeof path, "%s-ideal", beside_path);
    file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0)
        exit(1);
    for (off_t at = 0; at < 16 << 20; at += (off_t)sizeof bytes)
        if (pwrite(file, bytes, sizeof bytes, at) != sizeof bytes)
            exit(1);
    if (fsync(file) != 0)
        exit(1);
    start_ns = bench_now_ns();
    do {
        if (pwrite(file, bytes, size, (off_t)(syncs * size % ((16U << 20) - sizeof bytes))) !=
                (ssize_t)size ||
            fdatasync(file) != 0)
            exit(1);
        syncs++;
        spent_ns = bench_now_ns() - start_ns;
    } while (spent_ns < beside_ns);
    (void)close(file);
    (void)unlink(path);
    return (double)syncs * threads * 1e9 / (double)spent_ns;
}

/* ---- series ---- */

static void
beside_add_reading(bench *b)
{
    static int alone = 0, beside = 1;
    int series, other;

    (void)bench_add(b, "lookup in the tree", "ns", BENCH_LESS_IS_BETTER, measure_lookup, NULL);
    series =
        bench_add(b, "snapshot and end, more", "ns", BENCH_LESS_IS_BETTER, measure_snapshot, NULL);
    bench_want_value(b, "what a snapshot adds to a lookup, ns", series, 100);
    other = bench_add(b, "point reads, alone", "k/s", BENCH_MORE_IS_BETTER, measure_reader, &alone);
    series = bench_add(b, "point reads beside a writer", "k/s", BENCH_MORE_IS_BETTER,
                       measure_reader, &beside);
    bench_want_ratio(b, "reads beside a writer", series, other, 1, 0.8);
    series = bench_add(b, "scan, a newer version", "ns", BENCH_LESS_IS_BETTER, measure_newer, NULL);
    bench_want_value(b, "each newer version that a scan meets, ns", series, 150);
    series = bench_add(b, "scan after updates of 1,000 rows", "times", BENCH_LESS_IS_BETTER,
                       measure_hot_scan, NULL);
    bench_want_value(b, "a scan after updates of 1,000 rows, times as long", series, 1.5);
}

/* Durable commits: the ideal, ours, SQLite's. */
static void
beside_add_durable(bench *b, uint32_t i)
{
    static uint32_t counts[4] = {1, 2, 8, 32};
    static beside_case ours[4], sqlite[4];
    static char names[4][8][64];
    int ideal, series;

    ours[i] = (beside_case){BESIDE_ONE_EACH, 1, counts[i], 0};
    sqlite[i] = (beside_case){BESIDE_ONE_EACH, 1, counts[i], 1};
    (void)snprintf(names[i][0], 64, "ideal group commit, %u", counts[i]);
    (void)snprintf(names[i][1], 64, "FULL, threads: %u", counts[i]);
    (void)snprintf(names[i][2], 64, "FULL, %u, slowest of fastest", counts[i]);
    (void)snprintf(names[i][3], 64, "FULL, %u, longest commit", counts[i]);
    (void)snprintf(names[i][7], 64, "FULL, %u, commits for each sync", counts[i]);
    (void)snprintf(names[i][4], 64, "FULL, SQLite, threads: %u", counts[i]);
    (void)snprintf(names[i][5], 64, "FULL, SQLite, %u, slowest of fastest", counts[i]);
    (void)snprintf(names[i][6], 64, "FULL, SQLite, %u, longest commit", counts[i]);
    ideal = bench_add(b, names[i][0], "/s", BENCH_MORE_IS_BETTER, measure_ideal, &counts[i]);
    series = bench_add(b, names[i][1], "/s", BENCH_MORE_IS_BETTER, measure_threads, &ours[i]);
    bench_want_ratio(b, names[i][1], series, ideal, 1, 0.8);
    series = bench_add(b, names[i][2], "", BENCH_MORE_IS_BETTER, measure_fairness, NULL);
    bench_want_value(b, names[i][2], series, 0.5);
    (void)bench_add(b, names[i][3], "ms", BENCH_LESS_IS_BETTER, measure_longest, NULL);
    (void)bench_add(b, names[i][7], "", BENCH_MORE_IS_BETTER, measure_shared, NULL);
    (void)bench_add(b, names[i][4], "/s", BENCH_MORE_IS_BETTER, measure_threads, &sqlite[i]);
    (void)bench_add(b, names[i][5], "", BENCH_MORE_IS_BETTER, measure_fairness, NULL);
    (void)bench_add(b, names[i][6], "ms", BENCH_LESS_IS_BETTER, measure_longest, NULL);
}

static void
beside_add_others(bench *b)
{
    static beside_case one = {BESIDE_ONE_ROW, 1, 1, 0}, eight = {BESIDE_ONE_ROW, 1, 8, 0};
    static beside_case ours[3], sqlite[3];
    static char names[3][2][64];
    int first, series;

    first =
        bench_add(b, "one row, FULL, 1 thread", "/s", BENCH_MORE_IS_BETTER, measure_threads, &one);
    series = bench_add(b, "one row, FULL, 8 threads", "/s", BENCH_MORE_IS_BETTER, measure_threads,
                       &eight);
    bench_want_ratio(b, "8 threads on one row", series, first, 1, 3.0);
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t count = i == 2 ? 8 : i + 1;

        ours[i] = (beside_case){BESIDE_TEN, 0, count, 0};
        sqlite[i] = (beside_case){BESIDE_TEN, 0, count, 1};
        (void)snprintf(names[i][0], 64, "10 reads, 10 updates, OFF, threads: %u", count);
        (void)snprintf(names[i][1], 64, "10 reads, 10 updates, OFF, SQLite: %u", count);
        series = bench_add(b, names[i][0], "/s", BENCH_MORE_IS_BETTER, measure_threads, &ours[i]);
        first = bench_add(b, names[i][1], "/s", BENCH_MORE_IS_BETTER, measure_threads, &sqlite[i]);
        bench_want_ratio(b, names[i][0], series, first, 1, 5.0);
    }
}

int
main(int argc, char **argv)
{
    bench *b = bench_create(argc, argv, "transactions beside others");
    vl_arena arena;
    int status;

    beside_rows = bench_work(b, 200000);
    beside_rows = beside_rows < 2 * BESIDE_HOT ? 2 * BESIDE_HOT : beside_rows;
    beside_reads = bench_work(b, 500000);
    beside_hot_updates = bench_work(b, 1000000);
    beside_ns = bench_work(b, 1000000000);
    vl_ctx_init(&beside_ctx, NULL, NULL);
    vl_arena_init(&arena, NULL, 0);
    beside_ctx.arena = &arena;
    beside_must(&beside_ctx, vl_io_open(&beside_ctx, NULL, &beside_io));
    (void)snprintf(beside_path, sizeof beside_path, "%s/txn-beside.db", bench_folder(b));
    (void)snprintf(beside_sqlite_path, sizeof beside_sqlite_path, "%s/txn-beside-sqlite.db",
                   bench_folder(b));
    bench_delete_database(beside_path);
    bench_delete_database(beside_sqlite_path);
    beside_make();
#if VL_HAVE_SQLITE
    beside_sqlite_make();
#endif
    beside_add_reading(b);
    for (uint32_t i = 0; i < 4; i++)
        beside_add_durable(b, i);
    beside_add_others(b);
    bench_note(b, "%llu rows; threads work for %.2f s a run; %llu updates of 1,000 rows",
               (unsigned long long)beside_rows, (double)beside_ns / 1e9,
               (unsigned long long)beside_hot_updates);
    status = bench_finish(b);
    vl_session_leave_call(beside_session);
    vl_session_destroy(beside_session);
    beside_must(&beside_ctx, vl_txn_store_close(&beside_ctx, beside_store));
    vl_io_close(beside_io);
    bench_delete_database(beside_path);
    bench_delete_database(beside_sqlite_path);
    vl_arena_deinit(&arena);
    return status;
}
