/* test_txn_write_gate.c - the writers' gate: who is alone is alone, and who waits is served. */
#include "base/atomic.h"
#include "base/thread.h"
#include "lib/unit.h"
#include "txn/write_gate.h"

#define GATE_THREADS 4U
#define GATE_ROUNDS  500U

static const vl_wait_request gate_patient = {.timeout_ns = -1};
static const vl_wait_request gate_hasty = {.timeout_ns = 0};

static struct {
    vl_txn_status_pool *pool;
    vl_publish publish;
    vl_snapshots *snapshots;
    vl_write_gate gate;
    uint64_t alone;           /* changed only by who is alone, read by all who are in */
    _Atomic uint32_t sharing; /* who is in shared */
    _Atomic uint32_t wrong;
} wg;

/* A connection with a transaction. */
typedef struct gate_peer {
    vl_wait_node *node;
    vl_snapshot_slot *slot;
    vl_txn_status *status;
    vl_write_gate_entry entry;
} gate_peer;

static velo_status
gate_join(vl_ctx *ctx, gate_peer *peer)
{
    VL_TRY(vl_wait_node_create(ctx, &peer->node));
    VL_TRY(vl_snapshots_join(ctx, wg.snapshots, &peer->slot));
    return VELO_OK;
}

static velo_status
gate_begin(vl_ctx *ctx, gate_peer *peer, uint64_t number)
{
    VL_TRY(vl_txn_status_create(ctx, wg.pool, number, &peer->status));
    vl_wait_attach(peer->status, peer->node);
    vl_wait_enter_call(peer->node);
    return VELO_OK;
}

static velo_status
gate_enter(vl_ctx *ctx, gate_peer *peer, int is_exclusive, const vl_wait_request *wait)
{
    return vl_write_gate_enter(ctx, &wg.gate, &peer->entry, peer->node, peer->slot, peer->status,
                               is_exclusive, wait);
}

static void
gate_end(gate_peer *peer, int is_in)
{
    vl_txn_status_abort(peer->status);
    if (is_in)
        vl_write_gate_leave(&wg.gate, &peer->entry);
    vl_wait_tell(peer->status);
    vl_wait_leave_call(peer->node);
    vl_txn_status_release(peer->status, 1);
}

static void
gate_part(gate_peer *peer)
{
    vl_snapshots_leave(wg.snapshots, peer->slot);
    vl_wait_node_release(peer->node);
}

static void
gate_open(void)
{
    memset(&wg, 0, sizeof wg);
    CHECK_OK(vl_txn_status_pool_create(unit_ctx(), &wg.pool));
    vl_publish_init(&wg.publish);
    CHECK_OK(vl_snapshots_create(unit_ctx(), &wg.publish, &wg.snapshots));
    vl_write_gate_init(&wg.gate, wg.snapshots);
}

static void
gate_close(void)
{
    CHECK(wg.gate.first == NULL && atomic_load(&wg.gate.is_closed) == 0);
    CHECK_EQ(vl_txn_status_pool_live(wg.pool), 0);
    vl_snapshots_destroy(wg.snapshots);
    vl_publish_deinit(&wg.publish);
    vl_txn_status_pool_destroy(wg.pool);
}

static void
write_gate_excludes_and_gives_up_when_others_idle(void)
{
    gate_peer peers[3];

    gate_open();
    for (unsigned i = 0; i < 3; i++) {
        CHECK_OK(gate_join(unit_ctx(), &peers[i]));
        CHECK_OK(gate_begin(unit_ctx(), &peers[i], i + 1));
    }
    CHECK_OK(gate_enter(unit_ctx(), &peers[0], 0, &gate_hasty)); /* shared ones side by side */
    CHECK_OK(gate_enter(unit_ctx(), &peers[1], 0, &gate_hasty));
    vl_wait_leave_call(peers[0].node);
    CHECK_STATUS(gate_enter(unit_ctx(), &peers[2], 1, &gate_hasty), VELO_BUSY);
    CHECK_TEXT(unit_ctx()->error.text, "transaction 1 has the turn to write and idles");
    CHECK_EQ(atomic_load(&wg.gate.is_closed), 0); /* nothing is left of the try */
    vl_wait_enter_call(peers[0].node);
    gate_end(&peers[0], 1);
    gate_end(&peers[1], 1);
    CHECK_OK(gate_enter(unit_ctx(), &peers[2], 1, &gate_hasty));
    vl_wait_leave_call(peers[2].node);
    CHECK_OK(gate_begin(unit_ctx(), &peers[0], 4));
    CHECK_STATUS(gate_enter(unit_ctx(), &peers[0], 0, &gate_hasty), VELO_BUSY);
    CHECK_STATUS(gate_enter(unit_ctx(), &peers[0], 1, &gate_hasty), VELO_BUSY);
    vl_wait_enter_call(peers[2].node);
    gate_end(&peers[2], 1);
    CHECK_OK(gate_enter(unit_ctx(), &peers[0], 0, &gate_hasty));
    gate_end(&peers[0], 1);
    for (unsigned i = 0; i < 3; i++)
        gate_part(&peers[i]);
    gate_close();
}

/* What a thread does while it is in. */
static void
gate_inside(int is_exclusive, vl_rng *rng)
{
    uint64_t before = wg.alone;

    if (is_exclusive) {
        if (atomic_load(&wg.sharing) != 0)
            atomic_fetch_add(&wg.wrong, 1);
        wg.alone = before + 1;
    } else {
        atomic_fetch_add(&wg.sharing, 1);
    }
    if (vl_rng_chance(rng, 1, 3))
        vl_thread_yield();
    if (wg.alone != before + (is_exclusive ? 1 : 0))
        atomic_fetch_add(&wg.wrong, 1);
    if (!is_exclusive)
        atomic_fetch_sub(&wg.sharing, 1);
}

static void
gate_main(void *argument)
{
    uint32_t thread = (uint32_t)(uintptr_t)argument;
    gate_peer peer;
    vl_rng rng;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    vl_rng_init(&rng, unit_seed() + thread);
    if (gate_join(&ctx, &peer) != VELO_OK) {
        atomic_fetch_add(&wg.wrong, 1);
        return;
    }
    for (uint32_t i = 1; i <= GATE_ROUNDS; i++) {
        int is_exclusive = vl_rng_chance(&rng, 1, 4);

        if (gate_begin(&ctx, &peer, i * GATE_THREADS + thread) != VELO_OK ||
            gate_enter(&ctx, &peer, is_exclusive, &gate_patient) != VELO_OK) {
            atomic_fetch_add(&wg.wrong, 1);
            return;
        }
        gate_inside(is_exclusive, &rng);
        gate_end(&peer, 1);
    }
    gate_part(&peer);
}

static void
write_gate_by_many_threads(void)
{
    vl_thread threads[GATE_THREADS];

    memset(threads, 0, sizeof threads);
    gate_open();
    for (uintptr_t i = 0; i < GATE_THREADS; i++)
        CHECK_OK(vl_thread_start(unit_ctx(), &threads[i], "gate", gate_main,
                                 (void *)i)); /* NOLINT(performance-no-int-to-ptr): a number */
    for (uint32_t i = 0; i < GATE_THREADS; i++)
        vl_thread_join(&threads[i]);
    CHECK_EQ(atomic_load(&wg.wrong), 0);
    CHECK(wg.alone > 0);
    gate_close();
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(write_gate_excludes_and_gives_up_when_others_idle),
        UNIT_TEST(write_gate_by_many_threads),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
