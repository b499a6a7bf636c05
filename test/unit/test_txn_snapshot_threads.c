/* test_txn_snapshot_threads.c - snapshots by many threads, beside one that throws away. */
#include "base/atomic.h"
#include "base/thread.h"
#include "lib/unit.h"
#include "txn/snapshot.h"

#define THREADS_READERS 3U
#define THREADS_ROUNDS  3000U    /* of a reader, at least */
#define THREADS_MOST    3000000U /* and at most, if the collector gets nowhere */
#define THREADS_FREED   10U      /* so many versions are thrown away beside readers, and more */
#define THREADS_CELLS   512U
#define THREADS_STEP    ((uint64_t)VL_WAL_RECORD_HEADER)

static struct {
    vl_publish publish;
    vl_snapshots *snapshots;
    vl_txn_status_pool *pool;
    vl_wal *wal;
    /* A version for each of the last commits, not atomic: who reads one that is being thrown away
     * races with that, which the thread sanitizer sees. */
    uint64_t cells[THREADS_CELLS];
    uint64_t freed;        /* the collector's: versions before are gone */
    _Atomic int has_freed; /* enough of them */
    _Atomic uint32_t running;
    _Atomic uint32_t wrong;
} ts;

static uint64_t *
threads_cell(vl_timestamp ts_)
{
    return &ts.cells[ts_ / THREADS_STEP % THREADS_CELLS];
}

static void
threads_read(void *argument)
{
    uint64_t thread = (uintptr_t)argument;
    vl_snapshot_slot *slot;
    vl_rng rng;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    vl_rng_init(&rng, unit_seed() + thread);
    for (uint32_t i = 0; i < THREADS_ROUNDS || (i < THREADS_MOST && !atomic_load(&ts.has_freed));
         i++) {
        vl_timestamp first;

        if (i >= THREADS_ROUNDS)
            vl_thread_yield(); /* the collector has not had its turn */
        if (vl_snapshots_join(&ctx, ts.snapshots, &slot) != VELO_OK) {
            atomic_fetch_add(&ts.wrong, 1);
            break;
        }
        first = vl_snapshot_begin(ts.snapshots, slot, VL_SNAPSHOT_PUBLISHED, VL_TS_NONE);
        for (uint32_t j = 0; j < 4; j++) {
            /* published is one less than the position after the newest commit's record */
            uint64_t at = (first + 1) / THREADS_STEP - 1;

            if (*threads_cell(at * THREADS_STEP) != at)
                atomic_fetch_add(&ts.wrong, 1);
            if (vl_rng_chance(&rng, 1, 2)) {
                vl_timestamp second =
                    vl_snapshot_begin(ts.snapshots, slot, VL_SNAPSHOT_PUBLISHED, VL_TS_NONE);

                if (second < first)
                    atomic_fetch_add(&ts.wrong, 1);
                if (vl_rng_chance(&rng, 1, 2))
                    vl_snapshot_narrow(slot, first = second);
            }
        }
        vl_snapshot_end(slot);
        vl_snapshots_leave(ts.snapshots, slot);
    }
    atomic_fetch_sub(&ts.running, 1);
}

/* Commit a version, in the cell of its timestamp. */
static velo_status
threads_commit(vl_ctx *ctx)
{
    vl_publish_commit commit;
    vl_txn_status *status;
    vl_wal_credit credit;
    velo_status st;

    VL_TRY(vl_wal_grant(ctx, ts.wal, 1, 0, &credit));
    st = vl_txn_status_create(ctx, ts.pool, 1, &status);
    if (st == VELO_OK) {
        vl_log_position at = vl_wal_tail(ts.wal); /* nobody else commits */

        *threads_cell(at) = at / THREADS_STEP;
        if (vl_publish_reserve(&ts.publish, &credit, 0, status, 0, &commit) != at)
            atomic_fetch_add(&ts.wrong, 1);
        vl_publish_fill(&ts.publish, &commit, 1, 1, NULL, 0);
        st = vl_publish_acknowledge(ctx, &ts.publish, &commit);
        vl_txn_status_release(status, 1);
    }
    vl_wal_ungrant(ts.wal, &credit);
    return st;
}

/* Throw away what no snapshot needs: all that died at or before the oldest one. */
static void
threads_collect(uint32_t round)
{
    vl_timestamp oldest;
    vl_snapshot_view view;

    if (round % 2 == 0) {
        oldest = vl_snapshots_oldest(ts.snapshots);
    } else {
        vl_snapshots_collect(ts.snapshots, &view);
        oldest = vl_snapshot_view_oldest(&view);
    }
    for (; (ts.freed + 2) * THREADS_STEP <= oldest + 1; ts.freed++)
        *threads_cell(ts.freed * THREADS_STEP) = 0;
    if (ts.freed > THREADS_FREED)
        atomic_store(&ts.has_freed, 1);
}

static void
snapshot_threads_never_read_what_is_thrown_away(void)
{
    vl_wal_options options = {.identity.generation = 1, .start = THREADS_STEP, .ring_bytes = 4096};
    vl_thread threads[THREADS_READERS];

    memset(&ts, 0, sizeof ts);
    memset(threads, 0, sizeof threads);
    CHECK_OK(vl_txn_status_pool_create(unit_ctx(), &ts.pool));
    CHECK_OK(vl_wal_create(unit_ctx(), &options, &ts.wal));
    vl_publish_init(&ts.publish);
    vl_publish_attach(&ts.publish, ts.wal, 1);
    CHECK_OK(vl_snapshots_create(unit_ctx(), &ts.publish, &ts.snapshots));
    atomic_store(&ts.running, THREADS_READERS);
    CHECK_OK(threads_commit(unit_ctx()));
    ts.freed = 1;
    for (uintptr_t i = 0; i < THREADS_READERS; i++)
        CHECK_OK(vl_thread_start(unit_ctx(), &threads[i], "snapshot", threads_read,
                                 (void *)i)); /* NOLINT(performance-no-int-to-ptr): a number */
    for (uint32_t i = 0; atomic_load(&ts.running) > 0; i++) {
        /* No more versions than there are cells. */
        if (vl_wal_tail(ts.wal) / THREADS_STEP - ts.freed < THREADS_CELLS - 2)
            CHECK_OK(threads_commit(unit_ctx()));
        threads_collect(i);
    }
    for (uint32_t i = 0; i < THREADS_READERS; i++)
        vl_thread_join(&threads[i]);
    CHECK_EQ(atomic_load(&ts.wrong), 0);
    CHECK(ts.freed > THREADS_FREED);
    vl_snapshots_destroy(ts.snapshots);
    vl_publish_deinit(&ts.publish);
    vl_wal_close(ts.wal);
    vl_txn_status_pool_destroy(ts.pool);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(snapshot_threads_never_read_what_is_thrown_away),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
