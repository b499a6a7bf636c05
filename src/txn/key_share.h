/* key_share.h - key-share locks: who wants a row or an entry to stay while he goes on.
 *
 * A transaction that holds the key of a row keeps others from deleting the row, or from giving it
 * another key, until it ends or goes back behind the lock. Nothing else is kept from anybody: other
 * columns change, and others hold the same key too. Foreign keys stand on it: who inserts a child
 * holds its parent.
 *
 * Such locks are not versions (11, item 23). They stand in a table in memory, by tree and key, one
 * for each transaction and key:
 *
 *     who takes one     enters it, then looks at the row under its leaf's latch
 *     who deletes       looks at the row and here, under the leaf's exclusive latch, then deletes
 *
 * The latch puts the two in an order: the first in it is found by the second. A lock counts only as
 * long as its transaction is active: so the store that commits it ends its locks as well.
 *
 * Memory is that of the pool of undo records, and counts in its budget. So that a transaction that
 * holds very many keys takes little, it holds whole trees from VL_KEY_SHARES_MAX locks on: then
 * nothing can be deleted there until it ends.
 *
 * Threads: a list by its transaction's thread; all else by any. Latches: one of the stripes
 * (VL_RANK_TXN_SHARE), for moments; pages may be latched. */
#ifndef VL_TXN_KEY_SHARE_H
#define VL_TXN_KEY_SHARE_H

#include "txn/undo.h"
#include "txn/wait.h"

/* Locks of a transaction from which on it holds trees. */
#define VL_KEY_SHARES_MAX VL_BY_BUILD(65536U, 16U)

typedef struct vl_key_shares vl_key_shares;
typedef struct vl_key_share vl_key_share;

/* What is held. */
typedef struct vl_key_share_name {
    vl_tree_id tree;   /* where */
    int64_t rowid;     /* of a row */
    const void *key;   /* of an entry, not NULL even if empty; NULL: of a row */
    uint32_t key_size; /* bytes of key */
} vl_key_share_name;

/* The locks of a transaction, in the order in which they were taken; all zeros is none. */
typedef struct vl_key_share_list {
    vl_key_share *last; /* NULL: none */
    uint64_t count;     /* how many: also a point to go back to */
} vl_key_share_list;

/* Make a table without locks. The pool outlives it. Errors: VELO_NOMEM. */
velo_status vl_key_shares_create(vl_ctx *ctx, vl_undo_pool *pool, vl_key_shares **out)
    VL_MUST_CHECK;

/* Destroy; all locks are gone by then. NULL is allowed. */
void vl_key_shares_destroy(vl_key_shares *shares);

/* Enter a lock of an active transaction, unless it has it. The caller looks at the row afterwards.
 *
 * errors  VELO_FULL, VELO_NOMEM: nothing was entered */
velo_status vl_key_share_enter(vl_ctx *ctx, vl_key_shares *shares, vl_key_share_list *list,
                               vl_txn_status *status, const vl_key_share_name *name) VL_MUST_CHECK;

/* Take away the locks that were entered after there were `count`. Those who wait are
 * told by the caller (vl_wait_tell). */
void vl_key_share_leave(vl_key_shares *shares, vl_key_share_list *list, uint64_t count);

/* Who else than `own` holds the row or entry: up to `max` of them, each with a reference to its
 * status. Under the leaf's exclusive latch. Returns how many. */
uint32_t vl_key_share_find(vl_key_shares *shares, const vl_txn_status *own,
                           const vl_key_share_name *name, uint32_t max, vl_wait_owner *owners);

/* Locks that there are. A moment's figure. */
uint64_t vl_key_shares_count(const vl_key_shares *shares);

#endif
