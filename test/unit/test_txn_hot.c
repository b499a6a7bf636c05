/* test_txn_hot.c - a reader that holds its snapshot for a whole run beside writers who hammer 1,000
 * rows: memory, log and file stay bounded, with the background thread and without any (11, items 18
 * and 20). */
#include "lib/txn_rig.h"
#include "lib/unit.h"

#include "base/rng.h"
#include "base/thread.h"
#include "txn/txn_int.h"

#define HOT_ROWS    1000
#define HOT_THREADS 2U
#define HOT_UPDATES VL_BY_BUILD(12000U, 4000U) /* of a thread */

/* The bound: a row keeps as many records as a chain may have before it is shortened, what the
 * reader sees, and one that is being made, each in a log of its own; a page's map adds less than
 * another. About half of it is seen; without shortening it would be five times as much. */
#define HOT_CHAIN        VL_BY_BUILD(8U, 2U)
#define HOT_RECORD_BYTES 600U
#define HOT_BYTES        (HOT_ROWS * (HOT_CHAIN + 2U) * HOT_RECORD_BYTES)

/* Checkpoints come when the log has so many bytes. Writers go on while one is written, and segments
 * are taken as a whole; without checkpoints it would be 20 MB. */
#define HOT_LOG_LIMIT (UINT64_C(1) << 19)
#define HOT_LOG_BYTES (UINT64_C(8) << 20)

typedef struct hot_thread {
    txn_rig *rig;
    vl_thread thread;
    vl_ctx ctx;
    uint64_t seed;
    unsigned session;  /* its own */
    uint64_t most;     /* bytes of versions that it saw */
    velo_status st;    /* what became of it */
    uint64_t log_most; /* bytes of the log's segments that it saw */
} hot_thread;

/* One update, until it does not meet anybody's. */
static velo_status
hot_update(hot_thread *self, int64_t row, int64_t value)
{
    vl_value column = {.type = VL_TYPE_INTEGER, .as.integer = value};
    vl_session *session = self->rig->session[self->session];
    vl_statement statement;
    velo_status st;

    VL_TRY(vl_statement_begin(&self->ctx, session, 1, &statement));
    for (;;) {
        st = vl_rows_update(&self->ctx, &statement, self->rig->table, row, rig_ids, &column, 1);
        if (st != VELO_BUSY_SNAPSHOT)
            break;
        st = vl_statement_restart(&self->ctx, &statement);
        if (st != VELO_OK)
            break;
    }
    if (st == VELO_OK)
        return vl_statement_end(&self->ctx, &statement);
    vl_statement_fail(&self->ctx, &statement);
    return st;
}

static void
hot_main(void *argument)
{
    hot_thread *self = argument;
    vl_txn_stats stats;
    vl_store_stats pages;
    vl_rng rng;

    vl_ctx_init(&self->ctx, NULL, NULL);
    vl_rng_init(&rng, self->seed);
    for (uint32_t i = 0; self->st == VELO_OK && i < HOT_UPDATES; i++) {
        self->st = hot_update(self, 1 + (int64_t)vl_rng_below(&rng, HOT_ROWS), (int64_t)i);
        if (i % 256 != 0)
            continue;
        vl_txn_store_get_stats(self->rig->store, &stats);
        vl_store_get_stats(vl_txn_store_base(self->rig->store), &pages);
        if (stats.version_bytes > self->most)
            self->most = stats.version_bytes;
        if (pages.log.live_segments * pages.log.segment_bytes > self->log_most)
            self->log_most = pages.log.live_segments * pages.log.segment_bytes;
    }
}

/* Hammer the rows by so many threads; 1: by this one. */
static void
hot_hammer(txn_rig *rig, hot_thread *threads, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        threads[i] = (hot_thread){.rig = rig, .seed = unit_seed() + i, .session = i};
        vl_session_set_synchronous(rig->session[i], VL_SYNCHRONOUS_OFF);
        if (count == 1)
            hot_main(threads);
        else
            CHECK_OK(vl_thread_start(unit_ctx(), &threads[i].thread, "hot", hot_main, threads + i));
    }
    for (uint32_t i = 0; i < count; i++) {
        vl_thread_join(&threads[i].thread);
        CHECK_EQ(threads[i].st, VELO_OK);
        CHECK(threads[i].most <= HOT_BYTES);
        CHECK(threads[i].log_most <= HOT_LOG_BYTES);
    }
}

static void
hot_run(int has_background, uint32_t thread_count)
{
    txn_rig rig = {.options.store.has_background = has_background,
                   .options.store.log_limit_bytes = HOT_LOG_LIMIT};
    hot_thread threads[HOT_THREADS];
    vl_store_stats before, after;
    vl_statement reader;
    vl_txn_stats stats;
    uint64_t least;

    CHECK_OK(rig_init(unit_ctx(), &rig, unit_seed(), 0));
    CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_DEFERRED));
    for (int64_t i = 1; i <= HOT_ROWS; i++)
        CHECK_OK(rig_insert(unit_ctx(), &rig, 0, i, -i));
    CHECK_OK(vl_session_commit(unit_ctx(), rig.session[0]));
    CHECK_OK(vl_txn_store_collect(unit_ctx(), rig.store));
    vl_txn_store_get_stats(rig.store, &stats);
    least = stats.version_bytes;
    CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[3], 0, &reader));
    hot_hammer(&rig, threads, thread_count);
    vl_store_get_stats(vl_txn_store_base(rig.store), &before);
    hot_hammer(&rig, threads, thread_count);
    vl_store_get_stats(vl_txn_store_base(rig.store), &after);
    CHECK(after.cache.page_end <= before.cache.page_end + 8);
    for (int64_t i = 1; i <= HOT_ROWS; i++)
        CHECK_EQ(rig_get_by(unit_ctx(), &rig, &reader.view, i), -i);
    CHECK_OK(vl_statement_end(unit_ctx(), &reader));
    if (!has_background)
        CHECK_OK(vl_txn_store_collect(unit_ctx(), rig.store));
    do /* nobody commits any more: the background thread takes what is left */
        vl_txn_store_get_stats(rig.store, &stats);
    while (stats.version_bytes > least);
    CHECK_OK(rig_check(unit_ctx(), &rig));
    rig_deinit(&rig);
}

static void
hot_rows_without_a_background_thread(void)
{
    hot_run(0, 1);
    hot_run(0, HOT_THREADS);
}

static void
hot_rows_with_a_background_thread(void)
{
    hot_run(1, 1);
    hot_run(1, HOT_THREADS);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(hot_rows_without_a_background_thread),
        UNIT_TEST(hot_rows_with_a_background_thread),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
