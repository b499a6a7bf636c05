/* bench_txn.c - transactions of one row each: ours, the store below without versions, SQLite.
 *
 * Each transaction is one statement outside of BEGIN: a change of one column of a random row, or a
 * row behind the last one. SQLite runs prepared statements with a log (journal_mode WAL), with the
 * same `synchronous`; it has SQL above, ours has not yet: so the ratio says little, and the store
 * below is the better measure of what versions cost. Rates are by the thread's processor time, that
 * of the system included: waiting for the disk is not counted. What no commit can do without when
 * it has to have reached the system, a write of a record's bytes, stands beside them. Of two
 * threads, who change different rows, it is the slower one's processor time: waiting for each other
 * counts only as far as they turn for it. */
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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TXN_COLUMNS 2U

static const uint32_t txn_ids[TXN_COLUMNS] = {1, 2};
static const char txn_text[] = "a text of about as many bytes as such a row has, or some more";

static uint64_t txn_rows;
static uint64_t txn_count;
static vl_ctx txn_ctx;
static vl_io *txn_io;
static vl_txn_store *txn_store;
static vl_session *txn_session;
static vl_txn_table *txn_table;
static vl_statement txn_reader; /* a statement that is open beside the others */
static vl_session *txn_reading;
static vl_store *plain_store;
static vl_writer *plain_writer;
static vl_store_tree *plain_table;
static char txn_path[1100], plain_path[1100];
#if VL_HAVE_SQLITE
static char sqlite_path[1100];
static sqlite3 *sqlite_db;
static sqlite3_stmt *sqlite_update, *sqlite_insert, *sqlite_select;
#endif

static void
txn_must(velo_status st)
{
    if (st == VELO_OK)
        return;
    (void)fprintf(stderr, "\n%s\n", txn_ctx.error.text);
    exit(1);
}

static uint64_t
txn_cpu_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void
txn_row(int64_t number, vl_value values[TXN_COLUMNS])
{
    values[0] = (vl_value){.type = VL_TYPE_INTEGER, .as.integer = number};
    values[1] = (vl_value){.type = VL_TYPE_TEXT, .size = sizeof txn_text - 1, .as.data = txn_text};
}

/* ---- making them ---- */

static void
txn_schema(vl_leaf_value defaults[TXN_COLUMNS], vl_leaf_schema *schema)
{
    memset(defaults, 0, TXN_COLUMNS * sizeof *defaults);
    for (uint32_t i = 0; i < TXN_COLUMNS; i++)
        defaults[i].value.type = VL_TYPE_NULL;
    *schema = (vl_leaf_schema){txn_ids, defaults, TXN_COLUMNS, 0};
}

static void
txn_make_ours(void)
{
    vl_txn_store_options options = {.store = {.may_create = 1, .cache_bytes = UINT64_C(1) << 30}};
    vl_leaf_value defaults[TXN_COLUMNS];
    vl_value values[TXN_COLUMNS];
    vl_leaf_schema schema;
    vl_statement statement;
    vl_tree_id id;

    txn_schema(defaults, &schema);
    txn_must(vl_txn_store_open(&txn_ctx, txn_io, txn_path, &options, &txn_store));
    txn_must(vl_session_create(&txn_ctx, txn_store, &txn_session));
    txn_must(vl_session_create(&txn_ctx, txn_store, &txn_reading));
    vl_session_enter_call(txn_session);
    txn_must(vl_statement_begin(&txn_ctx, txn_session, 1, &statement));
    txn_must(vl_txn_create_tree(&txn_ctx, &statement, &schema, &id));
    txn_must(vl_rows_open(&txn_ctx, txn_store, id, &txn_table));
    for (int64_t i = 1; i <= (int64_t)txn_rows; i++) {
        txn_row(i, values);
        txn_must(vl_rows_insert(&txn_ctx, &statement, txn_table, i, values));
    }
    txn_must(vl_statement_end(&txn_ctx, &statement));
}

static void
txn_make_plain(void)
{
    vl_store_options options = {.may_create = 1, .cache_bytes = UINT64_C(1) << 30};
    vl_leaf_value defaults[TXN_COLUMNS];
    vl_value values[TXN_COLUMNS];
    vl_leaf_schema schema;
    vl_tree_id id;

    txn_schema(defaults, &schema);
    txn_must(vl_store_open(&txn_ctx, txn_io, plain_path, &options, &plain_store));
    txn_must(vl_writer_create(&txn_ctx, plain_store, &plain_writer));
    txn_must(vl_writer_create_tree(&txn_ctx, plain_writer, VL_TREE_TABLE, &schema, &id));
    txn_must(vl_store_find_tree(&txn_ctx, plain_store, id, &plain_table));
    txn_must(vl_writer_begin(&txn_ctx, plain_writer));
    for (int64_t i = 1; i <= (int64_t)txn_rows; i++) {
        txn_row(i, values);
        txn_must(vl_writer_insert(&txn_ctx, plain_writer, plain_table, i, values));
    }
    txn_must(vl_writer_commit(&txn_ctx, plain_writer, VL_SYNCHRONOUS_OFF));
}

#if VL_HAVE_SQLITE
static void
txn_sqlite_must(int rc)
{
    if (rc == SQLITE_OK || rc == SQLITE_DONE || rc == SQLITE_ROW)
        return;
    (void)fprintf(stderr, "\nSQLite: %s\n", sqlite3_errmsg(sqlite_db));
    exit(1);
}

static void
txn_make_sqlite(void)
{
    txn_sqlite_must(sqlite3_open(sqlite_path, &sqlite_db));
    txn_sqlite_must(sqlite3_exec(sqlite_db,
                                 "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
                                 "PRAGMA cache_size=-1000000;"
                                 "CREATE TABLE t(id INTEGER PRIMARY KEY, k INT, s TEXT); BEGIN",
                                 NULL, NULL, NULL));
    txn_sqlite_must(sqlite3_prepare_v2(sqlite_db, "UPDATE t SET k = ?1 WHERE id = ?2", -1,
                                       &sqlite_update, NULL));
    txn_sqlite_must(sqlite3_prepare_v2(sqlite_db, "INSERT INTO t(k, s) VALUES(?1, ?2)", -1,
                                       &sqlite_insert, NULL));
    txn_sqlite_must(
        sqlite3_prepare_v2(sqlite_db, "SELECT k FROM t WHERE id = ?1", -1, &sqlite_select, NULL));
    for (uint64_t i = 1; i <= txn_rows; i++) {
        txn_sqlite_must(sqlite3_bind_int64(sqlite_insert, 1, (int64_t)i));
        txn_sqlite_must(sqlite3_bind_text(sqlite_insert, 2, txn_text, -1, SQLITE_STATIC));
        txn_sqlite_must(sqlite3_step(sqlite_insert));
        txn_sqlite_must(sqlite3_reset(sqlite_insert));
    }
    txn_sqlite_must(sqlite3_exec(sqlite_db, "COMMIT", NULL, NULL, NULL));
}
#endif

/* ---- one transaction each ---- */

typedef void txn_once(vl_rng *rng);

static void
txn_ours_update(vl_rng *rng)
{
    vl_value value = {.type = VL_TYPE_INTEGER, .as.integer = (int64_t)vl_rng_below(rng, 1000000)};
    vl_statement statement;

    txn_must(vl_statement_begin(&txn_ctx, txn_session, 1, &statement));
    txn_must(vl_rows_update(&txn_ctx, &statement, txn_table,
                            1 + (int64_t)vl_rng_below(rng, txn_rows), txn_ids, &value, 1));
    txn_must(vl_statement_end(&txn_ctx, &statement));
}

static void
txn_ours_insert(vl_rng *rng)
{
    vl_value values[TXN_COLUMNS];
    vl_statement statement;
    int64_t rowid;

    txn_row((int64_t)vl_rng_below(rng, 1000000), values);
    txn_must(vl_statement_begin(&txn_ctx, txn_session, 1, &statement));
    txn_must(vl_rows_append(&txn_ctx, &statement, txn_table, values, &rowid));
    txn_must(vl_statement_end(&txn_ctx, &statement));
}

static void
txn_ours_read(vl_rng *rng)
{
    vl_statement statement;
    vl_value value;
    int found;

    txn_must(vl_statement_begin(&txn_ctx, txn_session, 0, &statement));
    vl_arena_reset(txn_ctx.arena);
    txn_must(vl_rows_read(&txn_ctx, txn_table, &statement.view,
                          1 + (int64_t)vl_rng_below(rng, txn_rows), txn_ids, 1, txn_ctx.arena,
                          &value, &found));
    bench_use((uint64_t)value.as.integer);
    txn_must(vl_statement_end(&txn_ctx, &statement));
}

static void
txn_plain_update(vl_rng *rng)
{
    vl_value value = {.type = VL_TYPE_INTEGER, .as.integer = (int64_t)vl_rng_below(rng, 1000000)};

    txn_must(vl_writer_update(&txn_ctx, plain_writer, plain_table,
                              1 + (int64_t)vl_rng_below(rng, txn_rows), txn_ids, &value, 1));
}

static void
txn_plain_insert(vl_rng *rng)
{
    static int64_t next;
    vl_value values[TXN_COLUMNS];

    if (next == 0)
        next = (int64_t)txn_rows + 1;
    txn_row((int64_t)vl_rng_below(rng, 1000000), values);
    txn_must(vl_writer_insert(&txn_ctx, plain_writer, plain_table, next++, values));
}

#if VL_HAVE_SQLITE
static void
txn_sqlite_update(vl_rng *rng)
{
    txn_sqlite_must(sqlite3_bind_int64(sqlite_update, 1, (int64_t)vl_rng_below(rng, 1000000)));
    txn_sqlite_must(sqlite3_bind_int64(sqlite_update, 2, 1 + (int64_t)vl_rng_below(rng, txn_rows)));
    txn_sqlite_must(sqlite3_step(sqlite_update));
    txn_sqlite_must(sqlite3_reset(sqlite_update));
}

static void
txn_sqlite_insert(vl_rng *rng)
{
    txn_sqlite_must(sqlite3_bind_int64(sqlite_insert, 1, (int64_t)vl_rng_below(rng, 1000000)));
    txn_sqlite_must(sqlite3_bind_text(sqlite_insert, 2, txn_text, -1, SQLITE_STATIC));
    txn_sqlite_must(sqlite3_step(sqlite_insert));
    txn_sqlite_must(sqlite3_reset(sqlite_insert));
}

static void
txn_sqlite_read(vl_rng *rng)
{
    txn_sqlite_must(sqlite3_bind_int64(sqlite_select, 1, 1 + (int64_t)vl_rng_below(rng, txn_rows)));
    txn_sqlite_must(sqlite3_step(sqlite_select));
    bench_use((uint64_t)sqlite3_column_int64(sqlite_select, 0));
    txn_sqlite_must(sqlite3_reset(sqlite_select));
}
#endif

/* ---- series ---- */

typedef struct txn_case {
    txn_once *once;             /* one transaction */
    vl_synchronous synchronous; /* of it */
    int has_reader;             /* beside a statement that stays open */
} txn_case;

static void
txn_set_synchronous(vl_synchronous synchronous)
{
    vl_session_set_synchronous(txn_session, synchronous);
    vl_writer_set_synchronous(plain_writer, synchronous);
#if VL_HAVE_SQLITE
    txn_sqlite_must(sqlite3_exec(sqlite_db,
                                 synchronous == VL_SYNCHRONOUS_OFF ? "PRAGMA synchronous=OFF"
                                                                   : "PRAGMA synchronous=NORMAL",
                                 NULL, NULL, NULL));
#endif
}

static double
measure_txns(void *user)
{
    const txn_case *c = user;
    uint64_t start_ns;
    vl_rng rng;

    vl_rng_init(&rng, 1);
    txn_set_synchronous(c->synchronous);
    if (c->has_reader)
        txn_must(vl_statement_begin(&txn_ctx, txn_reading, 0, &txn_reader));
    start_ns = txn_cpu_ns();
    for (uint64_t i = 0; i < txn_count; i++)
        c->once(&rng);
    start_ns = txn_cpu_ns() - start_ns;
    if (c->has_reader) {
        txn_must(vl_statement_end(&txn_ctx, &txn_reader));
        txn_must(vl_txn_store_collect(&txn_ctx, txn_store));
    }
    return (double)txn_count * 1e6 / (double)start_ns;
}

/* A thread that changes the one row, each time durably. */
typedef struct txn_hot {
    pthread_t thread;
    uint64_t count;
} txn_hot;

static void
txn_hot_must(const vl_ctx *ctx, velo_status st)
{
    if (st == VELO_OK)
        return;
    (void)fprintf(stderr, "\n%s\n", ctx->error.text);
    exit(1);
}

static void *
txn_hot_main(void *argument)
{
    const txn_hot *self = argument;
    vl_value value = {.type = VL_TYPE_INTEGER};
    vl_statement statement;
    vl_session *session;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    txn_hot_must(&ctx, vl_session_create(&ctx, txn_store, &session));
    for (uint64_t i = 0; i < self->count; i++) {
        velo_status st;

        vl_session_enter_call(session);
        txn_hot_must(&ctx, vl_statement_begin(&ctx, session, 1, &statement));
        value.as.integer = (int64_t)i;
        while ((st = vl_rows_update(&ctx, &statement, txn_table, 1, txn_ids, &value, 1)) ==
               VELO_BUSY_SNAPSHOT)
            txn_hot_must(&ctx, vl_statement_restart(&ctx, &statement));
        txn_hot_must(&ctx, st);
        txn_hot_must(&ctx, vl_statement_end(&ctx, &statement));
        vl_session_leave_call(session);
    }
    vl_session_destroy(session);
    return NULL;
}

/* Durable changes of one row by so many threads, for each sync of the log: what a disk makes of it
 * varies by more than anything else here. */
static double
measure_hot(void *user)
{
    uint32_t threads = *(const uint32_t *)user;
    uint64_t commits = threads * (txn_count / 100);
    vl_store_stats before, after;
    txn_hot hot[8];

    vl_store_get_stats(vl_txn_store_base(txn_store), &before);
    for (uint32_t i = 0; i < threads; i++) {
        hot[i].count = txn_count / 100;
        if (pthread_create(&hot[i].thread, NULL, txn_hot_main, &hot[i]) != 0)
            exit(1);
    }
    for (uint32_t i = 0; i < threads; i++)
        (void)pthread_join(hot[i].thread, NULL);
    vl_store_get_stats(vl_txn_store_base(txn_store), &after);
    return (double)commits / (double)(after.log.sync_count - before.log.sync_count);
}

/* ---- two threads ---- */

typedef struct txn_pair {
    pthread_t thread;
    int64_t first;  /* its rows: every second one from here on; 0: it appends */
    uint64_t spent; /* processor time in nanoseconds */
} txn_pair;

static velo_status
txn_pair_change(vl_ctx *ctx, vl_statement *statement, const txn_pair *self, vl_rng *rng)
{
    vl_value values[TXN_COLUMNS];
    int64_t rowid;

    txn_row((int64_t)vl_rng_below(rng, 1000000), values);
    if (self->first == 0)
        return vl_rows_append(ctx, statement, txn_table, values, &rowid);
    rowid = self->first + 2 * (int64_t)vl_rng_below(rng, txn_rows / 2);
    return vl_rows_update(ctx, statement, txn_table, rowid, txn_ids, values, 1);
}

static void *
txn_pair_main(void *argument)
{
    txn_pair *self = argument;
    vl_statement statement;
    vl_session *session;
    vl_rng rng;
    vl_ctx ctx;

    vl_rng_init(&rng, (uint64_t)self->first + 1);
    vl_ctx_init(&ctx, NULL, NULL);
    txn_hot_must(&ctx, vl_session_create(&ctx, txn_store, &session));
    vl_session_set_synchronous(session, VL_SYNCHRONOUS_OFF);
    vl_session_enter_call(session);
    self->spent = txn_cpu_ns();
    for (uint64_t i = 0; i < txn_count; i++) {
        txn_hot_must(&ctx, vl_statement_begin(&ctx, session, 1, &statement));
        txn_hot_must(&ctx, txn_pair_change(&ctx, &statement, self, &rng));
        txn_hot_must(&ctx, vl_statement_end(&ctx, &statement));
    }
    self->spent = txn_cpu_ns() - self->spent;
    vl_session_leave_call(session);
    vl_session_destroy(session);
    return NULL;
}

/* Transactions of two threads, which append, or change each its half of the rows. */
static double
measure_pair(void *user)
{
    int appends = *(const int *)user;
    txn_pair pair[2] = {{.first = appends ? 0 : 1}, {.first = appends ? 0 : 2}};

    for (uint32_t i = 0; i < 2; i++)
        if (pthread_create(&pair[i].thread, NULL, txn_pair_main, pair + i) != 0)
            exit(1);
    for (uint32_t i = 0; i < 2; i++)
        (void)pthread_join(pair[i].thread, NULL);
    return 2.0 * (double)txn_count * 1e6 /
           (double)(pair[0].spent > pair[1].spent ? pair[0].spent : pair[1].spent);
}

/* What a commit cannot do without: writes of as many bytes as its records have. */
static double
measure_write(void *user)
{
    static const char bytes[128];
    char path[1200];
    uint64_t start_ns;
    int file;

    (void)user;
    (void)snprintf(path, sizeof path, "%s-write", txn_path);
    file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || posix_fallocate(file, 0, (off_t)(txn_count * sizeof bytes)) != 0)
        exit(1);
    start_ns = txn_cpu_ns();
    for (uint64_t i = 0; i < txn_count; i++)
        if (pwrite(file, bytes, sizeof bytes, (off_t)(i * sizeof bytes)) != sizeof bytes)
            exit(1);
    start_ns = txn_cpu_ns() - start_ns;
    (void)close(file);
    (void)unlink(path);
    return (double)txn_count * 1e6 / (double)start_ns;
}

/* Rows that a scan of the whole table sees, a second. */
static double
measure_scan(void *user)
{
    vl_rowid_range all = {INT64_MIN, INT64_MAX};
    uint64_t start_ns, count;
    vl_statement statement;

    (void)user;
    txn_must(vl_statement_begin(&txn_ctx, txn_session, 0, &statement));
    start_ns = txn_cpu_ns();
    txn_must(vl_rows_count(&txn_ctx, txn_table, &statement.view, all, &count));
    start_ns = txn_cpu_ns() - start_ns;
    txn_must(vl_statement_end(&txn_ctx, &statement));
    return (double)count * 1e3 / (double)start_ns;
}

static void
txn_add_all(bench *b)
{
    static txn_case cases[] = {
        {txn_ours_update, VL_SYNCHRONOUS_OFF, 0},    {txn_plain_update, VL_SYNCHRONOUS_OFF, 0},
        {txn_ours_update, VL_SYNCHRONOUS_NORMAL, 0}, {txn_plain_update, VL_SYNCHRONOUS_NORMAL, 0},
        {txn_ours_update, VL_SYNCHRONOUS_OFF, 1},    {txn_ours_insert, VL_SYNCHRONOUS_OFF, 0},
        {txn_plain_insert, VL_SYNCHRONOUS_OFF, 0},   {txn_ours_read, VL_SYNCHRONOUS_OFF, 0},
#if VL_HAVE_SQLITE
        {txn_sqlite_update, VL_SYNCHRONOUS_OFF, 0},  {txn_sqlite_update, VL_SYNCHRONOUS_NORMAL, 0},
        {txn_sqlite_insert, VL_SYNCHRONOUS_OFF, 0},  {txn_sqlite_read, VL_SYNCHRONOUS_OFF, 0},
#endif
    };
    static const char *const names[] = {
        "update a row, OFF",
        "update a row, OFF, no versions",
        "update a row, NORMAL",
        "update a row, NORMAL, no versions",
        "update a row beside a reader",
        "append a row, OFF",
        "append a row, OFF, no versions",
        "read a row",
        "update a row, OFF, SQLite",
        "update a row, NORMAL, SQLite",
        "append a row, OFF, SQLite",
        "read a row, SQLite",
    };

    static uint32_t threads[2] = {1, 8};
    static int appends[2] = {0, 1};
    int one, eight;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        (void)bench_add(b, names[i], "k/s", BENCH_MORE_IS_BETTER, measure_txns, &cases[i]);
    (void)bench_add(b, "write of 128 bytes, no more", "k/s", BENCH_MORE_IS_BETTER, measure_write,
                    NULL);
    (void)bench_add(b, "update a row, OFF, 2 threads", "k/s", BENCH_MORE_IS_BETTER, measure_pair,
                    &appends[0]);
    (void)bench_add(b, "append a row, OFF, 2 threads", "k/s", BENCH_MORE_IS_BETTER, measure_pair,
                    &appends[1]);
    one = bench_add(b, "one row, FULL, 1 thread", "commits/sync", BENCH_MORE_IS_BETTER, measure_hot,
                    &threads[0]);
    eight = bench_add(b, "one row, FULL, 8 threads", "commits/sync", BENCH_MORE_IS_BETTER,
                      measure_hot, &threads[1]);
    bench_want_ratio(b, "8 threads on one row", eight, one, 1, 3.0);
    (void)bench_add(b, "rows counted by a scan", "M/s", BENCH_MORE_IS_BETTER, measure_scan, NULL);
}

int
main(int argc, char **argv)
{
    bench *b = bench_create(argc, argv, "transactions of one row");
    vl_arena arena;
    int status;

    txn_rows = bench_work(b, 500000);
    txn_count = bench_work(b, 50000);
    vl_ctx_init(&txn_ctx, NULL, NULL);
    vl_arena_init(&arena, NULL, 0);
    txn_ctx.arena = &arena;
    txn_must(vl_io_open(&txn_ctx, NULL, &txn_io));
    (void)snprintf(txn_path, sizeof txn_path, "%s/txn-ours.db", bench_folder(b));
    (void)snprintf(plain_path, sizeof plain_path, "%s/txn-plain.db", bench_folder(b));
    bench_delete_database(txn_path);
    bench_delete_database(plain_path);
    txn_make_ours();
    txn_make_plain();
#if VL_HAVE_SQLITE
    (void)snprintf(sqlite_path, sizeof sqlite_path, "%s/txn-sqlite.db", bench_folder(b));
    bench_delete_database(sqlite_path);
    txn_make_sqlite();
#endif
    txn_add_all(b);
    bench_note(b, "%llu rows; %llu transactions a run", (unsigned long long)txn_rows,
               (unsigned long long)txn_count);
    status = bench_finish(b);
    vl_session_leave_call(txn_session);
    vl_session_destroy(txn_session);
    vl_session_destroy(txn_reading);
    txn_must(vl_txn_store_close(&txn_ctx, txn_store));
    vl_writer_destroy(plain_writer);
    txn_must(vl_store_close(&txn_ctx, plain_store));
    vl_io_close(txn_io);
    bench_delete_database(txn_path);
    bench_delete_database(plain_path);
#if VL_HAVE_SQLITE
    (void)sqlite3_finalize(sqlite_update);
    (void)sqlite3_finalize(sqlite_insert);
    (void)sqlite3_finalize(sqlite_select);
    (void)sqlite3_close(sqlite_db);
    bench_delete_database(sqlite_path);
#endif
    vl_arena_deinit(&arena);
    return status;
}
