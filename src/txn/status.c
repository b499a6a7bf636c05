/* status.c - the words of transactions, and the pool they come from.
 *
 * The word is VL_TS_ACTIVE, VL_TS_ABORTED, STATUS_DOOMED or a timestamp, so that for all but the
 * doomed "is it visible" is one load and one comparison, and doomed ones compare as active too.
 *
 * The pool has a list of free statuses for each of some stripes, which threads are spread over;
 * who finds its own empty takes from another before it allocates a slab. A status returns to the
 * stripe of the thread that released it.
 *
 * Invariants
 *   S1  The word leaves active once, for doomed, aborted or a timestamp; leaves doomed once, for
 *       aborted; and then never changes while anybody refers to the status.
 *   S2  refs is at least 1 from creation to the release that returns it to a stripe: who takes a
 *       reference sees another one that cannot go meanwhile.
 *   S3  Slabs live as long as the pool, so nothing in here waits for memory but creation. */
#include "txn/status.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/rank.h"
#include "txn/wait.h"

#include <string.h>

#define STATUS_STRIPES  16U
#define STATUS_SLAB     VL_BY_BUILD(64U, 3U) /* statuses allocated at a time */
#define STATUS_REFS_MAX UINT32_C(0x80000000)
#define STATUS_DOOMED   (UINT64_MAX - 2)

typedef struct status_slab {
    struct status_slab *next; /* of the stripe */
    vl_txn_status statuses[STATUS_SLAB];
} status_slab;

typedef struct status_stripe {
    _Alignas(VL_CONTENDED_ALIGN) vl_latch latch; /* guards the following */
    vl_txn_status *free;                         /* free statuses, linked by next */
    status_slab *slabs;                          /* allocated through this stripe; owned */
    uint64_t created;                            /* statuses handed out here */
    uint64_t returned;                           /* and taken back here */
} status_stripe;

struct vl_txn_status_pool {
    status_stripe stripes[STATUS_STRIPES];
};

static _Atomic uint32_t status_next_stripe;         /* for the next thread that comes */
static _Thread_local uint32_t status_stripe_number; /* of this thread, plus 1; 0: none yet */

static uint32_t
status_own_stripe(void)
{
    if (VL_UNLIKELY(status_stripe_number == 0))
        status_stripe_number =
            1 + atomic_fetch_add_explicit(&status_next_stripe, 1, memory_order_relaxed) %
                    STATUS_STRIPES;
    return status_stripe_number - 1;
}

/* ---- the pool ---- */

velo_status
vl_txn_status_pool_create(vl_ctx *ctx, vl_txn_status_pool **out)
{
    vl_txn_status_pool *pool = vl_alloc_aligned(ctx, sizeof *pool, VL_CONTENDED_ALIGN);

    *out = NULL;
    if (pool == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the pool of transactions");
    memset(pool, 0, sizeof *pool);
    for (uint32_t i = 0; i < STATUS_STRIPES; i++)
        vl_latch_init(&pool->stripes[i].latch, VL_RANK_TXN_POOL);
    *out = pool;
    return VELO_OK;
}

void
vl_txn_status_pool_destroy(vl_txn_status_pool *pool)
{
    if (pool == NULL)
        return;
    VL_ASSERT(vl_txn_status_pool_live(pool) == 0);
    for (uint32_t i = 0; i < STATUS_STRIPES; i++) {
        while (pool->stripes[i].slabs != NULL) {
            status_slab *slab = pool->stripes[i].slabs;

            pool->stripes[i].slabs = slab->next;
            vl_free(slab);
        }
    }
    vl_free(pool);
}

uint64_t
vl_txn_status_pool_live(vl_txn_status_pool *pool)
{
    uint64_t created = 0;
    uint64_t returned = 0;

    for (uint32_t i = 0; i < STATUS_STRIPES; i++) {
        vl_latch_acquire_shared(&pool->stripes[i].latch);
        created += pool->stripes[i].created;
        returned += pool->stripes[i].returned;
        vl_latch_release_shared(&pool->stripes[i].latch);
    }
    return created > returned ? created - returned : 0;
}

/* Take a free status from a stripe, or NULL. */
static vl_txn_status *
status_take(status_stripe *stripe)
{
    vl_txn_status *status;

    vl_latch_acquire_exclusive(&stripe->latch);
    status = stripe->free;
    if (status != NULL) {
        stripe->free = status->next;
        stripe->created++;
    }
    vl_latch_release_exclusive(&stripe->latch);
    return status;
}

/* Allocate a slab for a stripe, and take its first status. */
static vl_txn_status *
status_take_new(vl_ctx *ctx, vl_txn_status_pool *pool, status_stripe *stripe)
{
    status_slab *slab = vl_alloc_aligned(ctx, sizeof *slab, VL_CACHE_LINE_SIZE);

    if (slab == NULL)
        return NULL;
    memset(slab, 0, sizeof *slab);
    for (uint32_t i = 0; i < STATUS_SLAB; i++) {
        slab->statuses[i].pool = pool;
        slab->statuses[i].next = i + 1 < STATUS_SLAB ? &slab->statuses[i + 1] : NULL;
        atomic_init(&slab->statuses[i].refs, 0);
        atomic_init(&slab->statuses[i].word, VL_TS_ABORTED);
    }
    vl_latch_acquire_exclusive(&stripe->latch);
    slab->next = stripe->slabs;
    stripe->slabs = slab;
    slab->statuses[STATUS_SLAB - 1].next = stripe->free; /* others may have returned some */
    stripe->free = slab->statuses[0].next;
    stripe->created++;
    vl_latch_release_exclusive(&stripe->latch);
    return &slab->statuses[0];
}

velo_status
vl_txn_status_create(vl_ctx *ctx, vl_txn_status_pool *pool, uint64_t number, vl_txn_status **out)
{
    uint32_t own = status_own_stripe();
    vl_txn_status *status = NULL;

    *out = NULL;
    for (uint32_t i = 0; i < STATUS_STRIPES && status == NULL; i++)
        status = status_take(&pool->stripes[(own + i) % STATUS_STRIPES]);
    if (status == NULL)
        status = status_take_new(ctx, pool, &pool->stripes[own]);
    if (status == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a transaction");
    status->next = NULL;
    status->number = number;
    status->node = NULL;
    atomic_store_explicit(&status->events, 0, memory_order_relaxed);
    atomic_store_explicit(&status->word, VL_TS_ACTIVE, memory_order_relaxed);
    atomic_store_explicit(&status->refs, 1, memory_order_release);
    *out = status;
    return VELO_OK;
}

/* ---- references ---- */

void
vl_txn_status_acquire(vl_txn_status *status, uint32_t count)
{
    uint32_t before = atomic_fetch_add_explicit(&status->refs, count, memory_order_relaxed);

    VL_ASSERT(before != 0); /* S2 */
    VL_CHECK(before < STATUS_REFS_MAX && count < STATUS_REFS_MAX);
}

void
vl_txn_status_release(vl_txn_status *status, uint32_t count)
{
    status_stripe *stripe;
    uint32_t before;

    if (status == NULL || count == 0)
        return;
    /* Acquire and release: the last one sees what all others did with the status before. */
    before = atomic_fetch_sub_explicit(&status->refs, count, memory_order_acq_rel);
    VL_CHECK(before >= count);
    if (before > count)
        return;
    VL_ASSERT(vl_txn_status_commit_ts(status) != VL_TS_ACTIVE); /* nobody could decide it now */
    vl_wait_node_release(status->node);
    status->node = NULL;
    stripe = &status->pool->stripes[status_own_stripe()];
    vl_latch_acquire_exclusive(&stripe->latch);
    status->next = stripe->free;
    stripe->free = status;
    stripe->returned++;
    vl_latch_release_exclusive(&stripe->latch);
}

/* ---- deciding and asking ---- */

void
vl_txn_status_commit(vl_txn_status *status, vl_timestamp ts)
{
    uint64_t before;

    VL_CHECK(ts != VL_TS_NONE && ts <= VL_TS_MAX);
    before = atomic_exchange_explicit(&status->word, ts, memory_order_seq_cst);
    VL_CHECK(before == VL_TS_ACTIVE); /* keeps S1 */
}

void
vl_txn_status_abort(vl_txn_status *status)
{
    uint64_t before = atomic_exchange_explicit(&status->word, VL_TS_ABORTED, memory_order_seq_cst);

    VL_CHECK(before == VL_TS_ACTIVE || before == STATUS_DOOMED); /* keeps S1 */
}

int
vl_txn_status_doom(vl_txn_status *status)
{
    uint64_t expected = VL_TS_ACTIVE;

    return atomic_compare_exchange_strong_explicit(&status->word, &expected, STATUS_DOOMED,
                                                   memory_order_seq_cst, memory_order_acquire);
}

vl_timestamp
vl_txn_status_commit_ts(const vl_txn_status *status)
{
    uint64_t word = atomic_load_explicit(&status->word, memory_order_acquire);

    return word == STATUS_DOOMED ? VL_TS_ACTIVE : word;
}

int
vl_txn_status_is_doomed(const vl_txn_status *status)
{
    return atomic_load_explicit(&status->word, memory_order_acquire) == STATUS_DOOMED;
}
