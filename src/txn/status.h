/* status.h - what has become of a transaction, in one word that all its changes point to.
 *
 * Every undo record of a transaction points to its *status*. One store into the status's word
 * decides the visibility of all changes at once: there is no moment at which some of them are seen.
 *
 *                     vl_txn_status_commit
 *          active ---------------------------> committed at a timestamp
 *            |  \
 *            |   \ vl_txn_status_doom
 *            |    v
 *            |   doomed: it cannot commit any more, but has not undone its changes yet
 *            |    /
 *            v   v  vl_txn_status_abort
 *           aborted: its changes never happened, whether they are undone physically or not
 *
 * A timestamp is the position of the commit record in the log (hazard 27), so it is stored when
 * that position has been reserved and before the record is filled: a status that is stored early
 * shows nothing early, since no snapshot is above what is published (publish.h).
 *
 * References: a status lives until the last reference is released, and every undo record has one
 * (hazard 24). Its owner has one from vl_txn_status_create on. Statuses come from a pool, which
 * gives no memory back before it is destroyed, so that committing and undoing never allocate.
 *
 * Threads: everything by any thread, but commit and abort, which are the owner's (in physical
 * recovery: of who recovers). Latches: those of the pool's stripes (VL_RANK_TXN_POOL), for
 * moments. What wait.h keeps here is described there. */
#ifndef VL_TXN_STATUS_H
#define VL_TXN_STATUS_H

#include "base/ctx.h"
#include "base/latch.h"
#include "base/platform.h"

#include <stdatomic.h>

/* Position of a commit record in the log. */
typedef uint64_t vl_timestamp;

#define VL_TS_NONE    UINT64_C(0)       /* no commit has it: older than everything */
#define VL_TS_ABORTED (UINT64_MAX - 1)  /* never happened */
#define VL_TS_ACTIVE  UINT64_MAX        /* not decided yet */
#define VL_TS_MAX     (UINT64_MAX >> 2) /* timestamps are at most this */

typedef struct vl_txn_status_pool vl_txn_status_pool;

typedef struct vl_txn_status {
    _Alignas(VL_CACHE_LINE_SIZE) _Atomic uint64_t word; /* see status.c; read by the functions */
    _Atomic uint32_t refs;                              /* references; 0: in the pool */
    _Atomic uint32_t events;                            /* told to those who wait (wait.h) */
    uint64_t number;            /* of the transaction, in the log; set at creation */
    struct vl_wait_node *node;  /* whose it is, with a reference; NULL: nobody can wait for it */
    vl_txn_status_pool *pool;   /* where it comes from; set once */
    struct vl_txn_status *next; /* in the pool's list of free ones; else NULL */
} vl_txn_status;

/* ---- the pool ---- */

/* Make a pool without statuses.
 *
 * errors  VELO_NOMEM */
velo_status vl_txn_status_pool_create(vl_ctx *ctx, vl_txn_status_pool **out) VL_MUST_CHECK;

/* Give all memory back. Every status has been released. NULL is allowed. */
void vl_txn_status_pool_destroy(vl_txn_status_pool *pool);

/* Statuses that somebody refers to. A moment's figure while others create and release. */
uint64_t vl_txn_status_pool_live(vl_txn_status_pool *pool);

/* ---- references ---- */

/* A new status, active, with one reference.
 *
 * number  of the transaction in the log
 * errors  VELO_NOMEM; *out is NULL then */
velo_status vl_txn_status_create(vl_ctx *ctx, vl_txn_status_pool *pool, uint64_t number,
                                 vl_txn_status **out) VL_MUST_CHECK;

/* Take `count` more references. The caller has one already, or sees one that is guarded by a latch
 * (a record on a page that it has latched). Stops the process when there would be 2^31 of them:
 * who has more records than that takes one reference for a chunk of records. */
void vl_txn_status_acquire(vl_txn_status *status, uint32_t count);

/* Release `count` references; with the last, the status goes. NULL is allowed. */
void vl_txn_status_release(vl_txn_status *status, uint32_t count);

/* ---- deciding ---- */

/* Committed at `ts`, between 1 and VL_TS_MAX: the position that has just been reserved for its
 * commit record. The status is active, and since only those who wait are doomed, it stays so while
 * the owner is here. Stops the process otherwise. Sequentially consistent: what is filled
 * afterwards is published with it. */
void vl_txn_status_commit(vl_txn_status *status, vl_timestamp ts);

/* Aborted: active or doomed before. */
void vl_txn_status_abort(vl_txn_status *status);

/* Doom an active transaction: 1, or 0 when it is not active (any more). Only while its owner waits
 * in the wait-for graph, where it finds out (wait.h). */
int vl_txn_status_doom(vl_txn_status *status);

/* ---- asking ---- */

/* VL_TS_ACTIVE, also when it is doomed; VL_TS_ABORTED; or the timestamp of its commit. A version
 * is visible to a snapshot when this is at most its read_ts. An acquire operation. */
vl_timestamp vl_txn_status_commit_ts(const vl_txn_status *status);

/* Whether it may not commit any more, but has not undone its changes yet. */
int vl_txn_status_is_doomed(const vl_txn_status *status);

#endif
