/* test_txn_status.c - statuses of transactions: their states, references and pool. */
#include "base/thread.h"
#include "lib/unit.h"
#include "txn/status.h"

#define STATUS_THREADS 4U
#define STATUS_COUNT   64U

static void
status_goes_from_active_to_committed(void)
{
    vl_txn_status_pool *pool;
    vl_txn_status *status;

    CHECK_OK(vl_txn_status_pool_create(unit_ctx(), &pool));
    CHECK_OK(vl_txn_status_create(unit_ctx(), pool, 7, &status));
    CHECK_EQ(status->number, 7);
    CHECK(vl_txn_status_commit_ts(status) == VL_TS_ACTIVE);
    vl_txn_status_commit(status, 8);
    CHECK_EQ(vl_txn_status_commit_ts(status), 8);
    CHECK(!vl_txn_status_doom(status));
    CHECK_EQ(vl_txn_status_commit_ts(status), 8);
    vl_txn_status_release(status, 1);
    CHECK_EQ(vl_txn_status_pool_live(pool), 0);
    vl_txn_status_pool_destroy(pool);
}

static void
status_doomed_counts_as_active_until_it_is_aborted(void)
{
    vl_txn_status_pool *pool;
    vl_txn_status *status;

    CHECK_OK(vl_txn_status_pool_create(unit_ctx(), &pool));
    CHECK_OK(vl_txn_status_create(unit_ctx(), pool, 7, &status));
    CHECK(!vl_txn_status_is_doomed(status));
    CHECK(vl_txn_status_doom(status));
    CHECK(!vl_txn_status_doom(status)); /* once */
    CHECK(vl_txn_status_is_doomed(status));
    CHECK(vl_txn_status_commit_ts(status) == VL_TS_ACTIVE);
    vl_txn_status_abort(status);
    CHECK(!vl_txn_status_is_doomed(status));
    CHECK(vl_txn_status_commit_ts(status) == VL_TS_ABORTED);
    vl_txn_status_release(status, 1);
    vl_txn_status_pool_destroy(pool);
}

static vl_txn_status_pool *status_shared_pool;
static vl_txn_status *status_shared;

static void
status_commit_doomed(void)
{
    if (vl_txn_status_doom(status_shared))
        vl_txn_status_commit(status_shared, 8);
}

static void
status_commit_twice(void)
{
    vl_txn_status_commit(status_shared, 8);
    vl_txn_status_commit(status_shared, 16);
}

static void
status_commit_at_none(void)
{
    vl_txn_status_commit(status_shared, VL_TS_NONE);
}

static void
status_abort_committed(void)
{
    vl_txn_status_commit(status_shared, 8);
    vl_txn_status_abort(status_shared);
}

static void
status_release_too_many(void)
{
    vl_txn_status_abort(status_shared);
    vl_txn_status_release(status_shared, 2);
}

static void
status_is_decided_once(void)
{
    CHECK_OK(vl_txn_status_pool_create(unit_ctx(), &status_shared_pool));
    CHECK_OK(vl_txn_status_create(unit_ctx(), status_shared_pool, 1, &status_shared));
    CHECK(unit_stops(status_commit_doomed));
    CHECK(unit_stops(status_commit_twice));
    CHECK(unit_stops(status_commit_at_none));
    CHECK(unit_stops(status_abort_committed));
    CHECK(unit_stops(status_release_too_many));
    vl_txn_status_abort(status_shared);
    vl_txn_status_release(status_shared, 1);
    vl_txn_status_pool_destroy(status_shared_pool);
}

static void
status_lives_until_the_last_reference(void)
{
    vl_txn_status_pool *pool;
    vl_txn_status *status;
    vl_txn_status *other;

    CHECK_OK(vl_txn_status_pool_create(unit_ctx(), &pool));
    CHECK_OK(vl_txn_status_create(unit_ctx(), pool, 1, &status));
    vl_txn_status_acquire(status, 5);
    vl_txn_status_commit(status, 24);
    vl_txn_status_release(status, 1);
    vl_txn_status_release(status, 4);
    CHECK_EQ(vl_txn_status_pool_live(pool), 1);
    CHECK_OK(vl_txn_status_create(unit_ctx(), pool, 2, &other));
    CHECK(other != status);
    CHECK_EQ(vl_txn_status_commit_ts(status), 24);
    vl_txn_status_release(status, 1);
    vl_txn_status_abort(other);
    vl_txn_status_release(other, 1);
    CHECK_EQ(vl_txn_status_pool_live(pool), 0);
    CHECK_OK(vl_txn_status_create(unit_ctx(), pool, 3, &other)); /* used again, and clean */
    CHECK(vl_txn_status_commit_ts(other) == VL_TS_ACTIVE);
    CHECK_EQ(other->number, 3);
    vl_txn_status_abort(other);
    vl_txn_status_release(other, 1);
    vl_txn_status_release(NULL, 1);
    vl_txn_status_pool_destroy(pool);
}

/* More than one slab, and back. */
static velo_status
status_many(vl_ctx *ctx, void *argument)
{
    vl_txn_status *statuses[STATUS_COUNT + 1] = {NULL};
    vl_txn_status_pool *pool;
    velo_status st = vl_txn_status_pool_create(ctx, &pool);

    (void)argument;
    for (uint32_t i = 0; i <= STATUS_COUNT && st == VELO_OK; i++)
        st = vl_txn_status_create(ctx, pool, i, &statuses[i]);
    for (uint32_t i = 0; i <= STATUS_COUNT && statuses[i] != NULL; i++) {
        vl_txn_status_abort(statuses[i]);
        vl_txn_status_release(statuses[i], 1);
    }
    vl_txn_status_pool_destroy(pool);
    return st;
}

static void
status_pool_without_memory_fails_cleanly(void)
{
    CHECK(unit_each_alloc_failure(status_many, NULL) >= 3);
}

/* ---- many threads ---- */

/* Shared statuses: each thread makes one, hands references to all, and looks at those it gets. */
static struct {
    vl_txn_status_pool *pool;
    _Atomic(vl_txn_status *) slots[STATUS_THREADS]; /* each with a reference for who takes it */
    _Atomic uint32_t wrong;                         /* things that were not right */
} status_stress;

static void
status_stress_look(vl_txn_status *status, uint64_t least)
{
    vl_timestamp ts = vl_txn_status_commit_ts(status);
    vl_timestamp again = vl_txn_status_commit_ts(status);

    /* The number says how it was decided; once decided, it stays so. */
    if (ts != VL_TS_ACTIVE && ts != again)
        atomic_fetch_add(&status_stress.wrong, 1);
    if (ts != VL_TS_ACTIVE && ts != (status->number % 3 == 0 ? VL_TS_ABORTED : status->number))
        atomic_fetch_add(&status_stress.wrong, 1);
    if (status->number < least)
        atomic_fetch_add(&status_stress.wrong, 1);
}

static void
status_stress_main(void *argument)
{
    uint64_t thread = (uintptr_t)argument;
    vl_rng rng;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    vl_rng_init(&rng, unit_seed() + thread);
    for (uint64_t i = 1; i <= 4000; i++) {
        uint64_t slot = vl_rng_below(&rng, STATUS_THREADS);
        vl_txn_status *status;
        vl_txn_status *before;

        if (vl_txn_status_create(&ctx, status_stress.pool, i, &status) != VELO_OK) {
            atomic_fetch_add(&status_stress.wrong, 1);
            return;
        }
        vl_txn_status_acquire(status, 1); /* for the slot */
        before = atomic_exchange(&status_stress.slots[slot], status);
        if (before != NULL) {
            status_stress_look(before, 1);
            vl_txn_status_release(before, 1);
        }
        if (i % 3 == 0)
            vl_txn_status_abort(status);
        else
            vl_txn_status_commit(status, i);
        vl_txn_status_release(status, 1);
    }
}

static void
status_stress_run(void)
{
    vl_thread threads[STATUS_THREADS];

    memset(threads, 0, sizeof threads);
    CHECK_OK(vl_txn_status_pool_create(unit_ctx(), &status_stress.pool));
    for (uintptr_t i = 0; i < STATUS_THREADS; i++)
        CHECK_OK(vl_thread_start(unit_ctx(), &threads[i], "status", status_stress_main,
                                 (void *)i)); /* NOLINT(performance-no-int-to-ptr): a number */
    for (uint32_t i = 0; i < STATUS_THREADS; i++)
        vl_thread_join(&threads[i]);
    for (uint32_t i = 0; i < STATUS_THREADS; i++)
        vl_txn_status_release(atomic_load(&status_stress.slots[i]), 1);
    CHECK_EQ(atomic_load(&status_stress.wrong), 0);
    CHECK_EQ(vl_txn_status_pool_live(status_stress.pool), 0);
    vl_txn_status_pool_destroy(status_stress.pool);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(status_goes_from_active_to_committed),
        UNIT_TEST(status_doomed_counts_as_active_until_it_is_aborted),
        UNIT_TEST(status_is_decided_once),
        UNIT_TEST(status_lives_until_the_last_reference),
        UNIT_TEST(status_pool_without_memory_fails_cleanly),
        UNIT_TEST(status_stress_run),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
