/* test_txn_wait_threads.c - transactions of many threads that lock rows in any order: each ends,
 * and each row has one owner at a time. */
#include "base/atomic.h"
#include "base/latch.h"
#include "base/thread.h"
#include "lib/unit.h"
#include "txn/wait.h"

#define THREADS_COUNT  4U
#define THREADS_ROWS   5U
#define THREADS_ROUNDS 500U

static struct {
    vl_txn_status_pool *pool;
    vl_latch latch; /* guards the rows' owners, as a page latch would */
    vl_txn_status *rows[THREADS_ROWS];
    uint64_t values[THREADS_ROWS]; /* changed by the row's owner only, without a latch */
    uint64_t added[THREADS_COUNT]; /* what each thread added and committed */
    _Atomic uint32_t wrong;
    _Atomic uint64_t victims;
} tw;

/* Make the row ours: with a reference, as an undo record has it. */
static velo_status
threads_lock(vl_ctx *ctx, vl_wait_node *node, vl_txn_status *self, uint32_t row)
{
    for (;;) {
        vl_wait_owner owner;
        vl_wait_request request = {VL_WAIT_ROW, 1, &owner, NULL, NULL, 0};
        velo_status st;

        vl_latch_acquire_exclusive(&tw.latch);
        owner.status = tw.rows[row];
        if (owner.status == self || owner.status == NULL ||
            vl_txn_status_commit_ts(owner.status) != VL_TS_ACTIVE) {
            tw.rows[row] = self;
            if (owner.status != self)
                vl_txn_status_acquire(self, 1);
            vl_latch_release_exclusive(&tw.latch);
            if (owner.status != self)
                vl_txn_status_release(owner.status, 1);
            return VELO_OK;
        }
        vl_txn_status_acquire(owner.status, 1);
        owner.events = vl_wait_events(owner.status);
        vl_latch_release_exclusive(&tw.latch);
        st = vl_wait(ctx, node, &request);
        vl_txn_status_release(owner.status, 1);
        if (st != VELO_OK)
            return st;
    }
}

/* One transaction: some rows in any order, each raised by 1; taken back if it is a victim. */
static void
threads_transact(vl_ctx *ctx, vl_wait_node *node, uint64_t number, uint32_t thread, vl_rng *rng)
{
    uint64_t raised[THREADS_ROWS] = {0};
    velo_status st = VELO_OK;
    vl_txn_status *self;
    uint64_t sum = 0;

    if (vl_txn_status_create(ctx, tw.pool, number, &self) != VELO_OK) {
        atomic_fetch_add(&tw.wrong, 1);
        return;
    }
    vl_wait_attach(self, node);
    vl_wait_enter_call(node);
    for (uint32_t i = 0; i < 3 && st == VELO_OK; i++) {
        uint32_t row = (uint32_t)vl_rng_below(rng, THREADS_ROWS);

        st = threads_lock(ctx, node, self, row);
        if (st == VELO_OK) {
            tw.values[row]++;
            raised[row]++;
            vl_wait_set_work(node, ++sum);
            if (vl_rng_chance(rng, 1, 4))
                vl_thread_yield();
        }
    }
    if (st == VELO_OK) {
        tw.added[thread] += sum;
        vl_txn_status_commit(self, number);
    } else {
        if (st != VELO_BUSY_SNAPSHOT || !vl_txn_status_is_doomed(self))
            atomic_fetch_add(&tw.wrong, 1);
        for (uint32_t row = 0; row < THREADS_ROWS; row++)
            tw.values[row] -= raised[row]; /* still ours */
        atomic_fetch_add(&tw.victims, 1);
        vl_txn_status_abort(self);
    }
    vl_wait_tell(self);
    vl_wait_leave_call(node);
    vl_txn_status_release(self, 1);
}

static void
threads_main(void *argument)
{
    uint32_t thread = (uint32_t)(uintptr_t)argument;
    vl_wait_node *node;
    vl_rng rng;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    vl_rng_init(&rng, unit_seed() + thread);
    if (vl_wait_node_create(&ctx, &node) != VELO_OK) {
        atomic_fetch_add(&tw.wrong, 1);
        return;
    }
    for (uint64_t i = 1; i <= THREADS_ROUNDS; i++)
        threads_transact(&ctx, node, i * THREADS_COUNT + thread, thread, &rng);
    vl_wait_node_release(node);
}

static void
wait_threads_all_end_and_rows_have_one_owner(void)
{
    vl_thread threads[THREADS_COUNT];
    uint64_t values = 0;
    uint64_t added = 0;

    memset(&tw, 0, sizeof tw);
    memset(threads, 0, sizeof threads);
    vl_latch_init(&tw.latch, VL_RANK_NONE);
    CHECK_OK(vl_txn_status_pool_create(unit_ctx(), &tw.pool));
    for (uintptr_t i = 0; i < THREADS_COUNT; i++)
        CHECK_OK(vl_thread_start(unit_ctx(), &threads[i], "wait", threads_main,
                                 (void *)i)); /* NOLINT(performance-no-int-to-ptr): a number */
    for (uint32_t i = 0; i < THREADS_COUNT; i++)
        vl_thread_join(&threads[i]);
    for (uint32_t i = 0; i < THREADS_ROWS; i++) {
        values += tw.values[i];
        vl_txn_status_release(tw.rows[i], 1);
    }
    for (uint32_t i = 0; i < THREADS_COUNT; i++)
        added += tw.added[i];
    CHECK_EQ(atomic_load(&tw.wrong), 0);
    CHECK_EQ(values, added);
    CHECK_EQ(vl_txn_status_pool_live(tw.pool), 0);
    vl_txn_status_pool_destroy(tw.pool);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(wait_threads_all_end_and_rows_have_one_owner),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
