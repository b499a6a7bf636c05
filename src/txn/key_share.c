/* key_share.c - the table of key-share locks; see key_share.h.
 *
 * Locks hang in buckets, and those in stripes, each with a latch of its own. A stripe's array of
 * buckets doubles as locks come; it stays as it is when there is no memory for that.
 *
 * Invariants
 *   KS1  A lock is in the stripe and bucket of its hash as long as it is in its transaction's list.
 *        The transaction has a reference to its status meanwhile, so a lock needs none.
 *   KS2  Of one transaction and name there is one lock at most.
 *   KS3  `count` has been raised when a lock's leaf is latched by who enters it: so who latches it
 *        exclusively afterwards, and loads 0, has no lock to find. */
#include "txn/key_share.h"

#include "base/assert.h"
#include "base/atomic.h"
#include "base/hash.h"
#include "base/latch.h"
#include "base/rank.h"

#include <string.h>

#define SHARE_STRIPES       64U
#define SHARE_FIRST_BUCKETS VL_BY_BUILD(16U, 1U)

struct vl_key_share {
    vl_key_share *next;     /* in its bucket; stripe's latch */
    vl_key_share *previous; /* taken before it by the same transaction */
    vl_txn_status *status;  /* whose: KS1 */
    uint64_t hash;          /* of its name */
    vl_tree_id tree;        /* see vl_key_share_name, as all that follows */
    int64_t rowid;          /* see there */
    uint32_t key_size;      /* see there */
    uint8_t has_key;        /* of an entry */
    uint8_t is_tree;        /* all of the tree */
    uint8_t key[];          /* key_size bytes */
};

typedef struct share_stripe {
    _Alignas(VL_CACHE_LINE_SIZE) vl_latch latch; /* VL_RANK_TXN_SHARE: guards all of it */
    vl_key_share **buckets;                      /* NULL: none yet */
    uint32_t bucket_mask;                        /* their number - 1 */
    uint32_t count;                              /* locks */
} share_stripe;

struct vl_key_shares {
    vl_undo_pool *pool;                  /* where memory comes from */
    _Atomic uint64_t count;              /* KS3 */
    share_stripe stripes[SHARE_STRIPES]; /* by the upper bits of the hash */
};

/* ---- names ---- */

static uint64_t
share_hash_tree(vl_tree_id tree)
{
    return vl_mix64(vl_mix64(tree) + 1);
}

static uint64_t
share_hash(const vl_key_share_name *name)
{
    if (name->key != NULL)
        return vl_hash64(name->key, name->key_size, name->tree);
    return vl_mix64((uint64_t)name->rowid ^ vl_mix64(name->tree));
}

/* Whether a lock is of this row or entry, or (name NULL) of the whole tree. */
static int
share_is_of(const vl_key_share *lock, vl_tree_id tree, const vl_key_share_name *name)
{
    if (lock->tree != tree || lock->is_tree != (name == NULL))
        return 0;
    if (name == NULL)
        return 1;
    if (lock->has_key != (name->key != NULL))
        return 0;
    if (name->key == NULL)
        return lock->rowid == name->rowid;
    return lock->key_size == name->key_size && memcmp(lock->key, name->key, name->key_size) == 0;
}

static share_stripe *
share_stripe_of(vl_key_shares *shares, uint64_t hash)
{
    return &shares->stripes[(hash >> 32) % SHARE_STRIPES];
}

/* ---- life ---- */

velo_status
vl_key_shares_create(vl_ctx *ctx, vl_undo_pool *pool, vl_key_shares **out)
{
    vl_key_shares *shares = vl_alloc_aligned(ctx, sizeof *shares, _Alignof(vl_key_shares));

    *out = shares;
    if (shares == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the table of key-share locks");
    memset(shares, 0, sizeof *shares);
    shares->pool = pool;
    for (uint32_t i = 0; i < SHARE_STRIPES; i++)
        vl_latch_init(&shares->stripes[i].latch, VL_RANK_TXN_SHARE);
    return VELO_OK;
}

void
vl_key_shares_destroy(vl_key_shares *shares)
{
    if (shares == NULL)
        return;
    VL_ASSERT(vl_key_shares_count(shares) == 0);
    for (uint32_t i = 0; i < SHARE_STRIPES; i++)
        vl_undo_pool_free(shares->pool, (void *)shares->stripes[i].buckets);
    vl_free(shares);
}

uint64_t
vl_key_shares_count(const vl_key_shares *shares)
{
    return atomic_load_explicit(&shares->count, memory_order_relaxed); /* KS3: by the latch */
}

/* ---- a stripe; its latch is held ---- */

/* Make sure that it has buckets, more of them if there is memory. VELO_FULL, VELO_NOMEM: it has
 * none. */
static velo_status
share_grow(vl_ctx *ctx, vl_key_shares *shares, share_stripe *stripe)
{
    uint32_t old = stripe->buckets != NULL ? stripe->bucket_mask + 1 : 0;
    uint32_t wanted = old == 0 ? SHARE_FIRST_BUCKETS : 2 * old;
    vl_key_share **buckets;
    void *block;

    if (old > 0 && (stripe->count < 2 * old || wanted == 0))
        return VELO_OK;
    if (old == 0)
        VL_TRY(vl_undo_pool_alloc(ctx, shares->pool, wanted * sizeof(vl_key_share *), &block));
    else if (vl_undo_pool_alloc(NULL, shares->pool, wanted * sizeof(vl_key_share *), &block) !=
             VELO_OK)
        return VELO_OK;
    buckets = block;
    memset((void *)buckets, 0, wanted * sizeof(vl_key_share *));
    for (uint32_t i = 0; i < old; i++) {
        vl_key_share *lock = stripe->buckets[i];

        while (lock != NULL) {
            vl_key_share *next = lock->next;

            lock->next = buckets[lock->hash & (wanted - 1)];
            buckets[lock->hash & (wanted - 1)] = lock;
            lock = next;
        }
    }
    vl_undo_pool_free(shares->pool, (void *)stripe->buckets);
    stripe->buckets = buckets;
    stripe->bucket_mask = wanted - 1;
    return VELO_OK;
}

/* The first lock of a hash's bucket. */
static vl_key_share *
share_first(const share_stripe *stripe, uint64_t hash)
{
    return stripe->buckets != NULL ? stripe->buckets[hash & stripe->bucket_mask] : NULL;
}

/* ---- entering ---- */

/* Whether the transaction has the lock: KS2. */
static int
share_has(vl_key_shares *shares, const vl_txn_status *status, vl_tree_id tree,
          const vl_key_share_name *name, uint64_t hash)
{
    share_stripe *stripe = share_stripe_of(shares, hash);
    const vl_key_share *lock;

    vl_latch_acquire_shared(&stripe->latch);
    lock = share_first(stripe, hash);
    while (lock != NULL && (lock->status != status || !share_is_of(lock, tree, name)))
        lock = lock->next;
    vl_latch_release_shared(&stripe->latch);
    return lock != NULL;
}

/* Make a lock: of a row or entry, or (name NULL) of a tree. */
static velo_status
share_make(vl_ctx *ctx, vl_key_shares *shares, vl_tree_id tree, const vl_key_share_name *name,
           vl_key_share **out)
{
    uint32_t key_size = name != NULL && name->key != NULL ? name->key_size : 0;
    vl_key_share *lock;
    void *block;

    VL_TRY(vl_undo_pool_alloc(ctx, shares->pool, sizeof *lock + key_size, &block));
    lock = block;
    memset(lock, 0, sizeof *lock);
    lock->tree = tree;
    lock->is_tree = name == NULL;
    if (name != NULL) {
        lock->rowid = name->rowid;
        lock->has_key = name->key != NULL;
        lock->key_size = key_size;
        if (key_size > 0)
            memcpy(lock->key, name->key, key_size);
    }
    *out = lock;
    return VELO_OK;
}

velo_status
vl_key_share_enter(vl_ctx *ctx, vl_key_shares *shares, vl_key_share_list *list,
                   vl_txn_status *status, const vl_key_share_name *name)
{
    uint64_t hash = share_hash(name);
    vl_tree_id tree = name->tree;
    share_stripe *stripe;
    vl_key_share *lock;
    velo_status st;

    if (list->count > 0 && share_has(shares, status, tree, name, hash))
        return VELO_OK;
    if (list->count >= VL_KEY_SHARES_MAX) {
        name = NULL; /* all of the tree */
        hash = share_hash_tree(tree);
        if (share_has(shares, status, tree, name, hash))
            return VELO_OK;
    }
    VL_TRY(share_make(ctx, shares, tree, name, &lock));
    lock->status = status;
    lock->hash = hash;
    stripe = share_stripe_of(shares, hash);
    vl_latch_acquire_exclusive(&stripe->latch);
    st = share_grow(ctx, shares, stripe);
    if (st == VELO_OK) {
        lock->next = stripe->buckets[hash & stripe->bucket_mask];
        stripe->buckets[hash & stripe->bucket_mask] = lock;
        stripe->count++;
        atomic_fetch_add_explicit(&shares->count, 1, memory_order_relaxed); /* KS3: by the latch */
    }
    vl_latch_release_exclusive(&stripe->latch);
    if (st != VELO_OK) {
        vl_undo_pool_free(shares->pool, lock);
        return st;
    }
    lock->previous = list->last;
    list->last = lock;
    list->count++;
    return VELO_OK;
}

/* ---- leaving ---- */

void
vl_key_share_leave(vl_key_shares *shares, vl_key_share_list *list, uint64_t count)
{
    while (list->count > count) {
        vl_key_share *lock = list->last;
        share_stripe *stripe = share_stripe_of(shares, lock->hash);
        vl_key_share **place;

        vl_latch_acquire_exclusive(&stripe->latch);
        place = &stripe->buckets[lock->hash & stripe->bucket_mask];
        while (*place != lock)
            place = &(*place)->next;
        *place = lock->next;
        stripe->count--;
        atomic_fetch_sub_explicit(&shares->count, 1, memory_order_relaxed);
        vl_latch_release_exclusive(&stripe->latch);
        list->last = lock->previous;
        list->count--;
        vl_undo_pool_free(shares->pool, lock);
    }
}

/* ---- finding ---- */

/* Add those who hold the row or entry, or (name NULL) the tree. Returns how many there are now. */
static uint32_t
share_add_owners(vl_key_shares *shares, const vl_txn_status *own, vl_tree_id tree,
                 const vl_key_share_name *name, uint64_t hash, uint32_t max, uint32_t count,
                 vl_wait_owner *owners)
{
    share_stripe *stripe = share_stripe_of(shares, hash);

    vl_latch_acquire_shared(&stripe->latch);
    for (const vl_key_share *lock = share_first(stripe, hash); lock != NULL && count < max;
         lock = lock->next) {
        if (lock->status == own || !share_is_of(lock, tree, name) ||
            vl_txn_status_commit_ts(lock->status) != VL_TS_ACTIVE)
            continue;
        vl_txn_status_acquire(lock->status, 1); /* KS1: it lives while the lock is here */
        owners[count].status = lock->status;
        owners[count].events = vl_wait_events(lock->status);
        count++;
    }
    vl_latch_release_shared(&stripe->latch);
    return count;
}

uint32_t
vl_key_share_find(vl_key_shares *shares, const vl_txn_status *own, const vl_key_share_name *name,
                  uint32_t max, vl_wait_owner *owners)
{
    uint32_t count;

    if (VL_LIKELY(vl_key_shares_count(shares) == 0))
        return 0;
    count = share_add_owners(shares, own, name->tree, name, share_hash(name), max, 0, owners);
    return share_add_owners(shares, own, name->tree, NULL, share_hash_tree(name->tree), max, count,
                            owners);
}
