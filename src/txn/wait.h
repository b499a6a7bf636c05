/* wait.h - one transaction waits for another: the wait-for graph, deadlocks, timeouts.
 *
 * Every wait of a transaction for another's end is an edge of one graph, which the process has one
 * of: waits for rows, keys, key-share locks, a table's exclusion, the writers' gate, the schema's
 * turn (hazard 32). A wait for the log or the cache is not: nobody who is waited for there waits
 * for a transaction.
 *
 * The graph's *nodes* are connections, since one connection has a transaction in each database
 * that it has attached, and a circle may go through two of them. Its *edges* lead from a node that
 * waits to the statuses of those it waits for, and through a status to that one's node.
 *
 * Deadlock: whoever begins to wait looks for a circle through itself. Edges come only then, so
 * every circle is found by the wait that closes it. The victim is the one in the circle that has
 * done the least work, the youngest among equals: its status is doomed, and its wait ends with
 * VELO_BUSY_SNAPSHOT and a message that names both sides. It undoes its changes at once (31, item
 * 8); until it has, others wait on.
 *
 * Busy timeouts (31, item 7): while everybody that one waits for, and whom those wait for in turn,
 * is inside a call, they end without the application's help, and the wait has no limit. As soon as
 * one of them idles between calls, the busy handler or the timeout decides; 0 gives up at once.
 * Time counts from when that is noticed.
 *
 * How to wait. What is waited for is guarded by something of the caller's, such as a page latch:
 *
 *     under the latch: find the owner's status; take a reference; note vl_wait_events(status)
 *     release the latch
 *     vl_wait(...)        returns at once if the owner ended, or told of a change, since then
 *     look again
 *
 * Owners tell, with nothing latched, after they ended (committed and appended, or undone) or gave
 * something up before the end (ROLLBACK TO): vl_wait_tell.
 *
 * Threads: a node's own functions by one thread at a time, that of its connection; all else by any.
 * Latch: that of the graph (VL_RANK_TXN_WAIT). vl_wait is called with nothing held. */
#ifndef VL_TXN_WAIT_H
#define VL_TXN_WAIT_H

#include "base/ctx.h"
#include "base/platform.h"
#include "txn/status.h"

typedef struct vl_wait_node vl_wait_node;

/* What is waited for. */
typedef enum vl_wait_kind {
    VL_WAIT_ROW,
    VL_WAIT_KEY,
    VL_WAIT_KEY_SHARE,
    VL_WAIT_TABLE,  /* writers of a table, or its exclusion */
    VL_WAIT_GATE,   /* the writers' gate */
    VL_WAIT_SCHEMA, /* the turn to change the schema */
} vl_wait_kind;

/* ---- nodes ---- */

/* Make a connection's node, outside of a call. Errors: VELO_NOMEM. */
velo_status vl_wait_node_create(vl_ctx *ctx, vl_wait_node **out) VL_MUST_CHECK;

/* Take another reference. */
void vl_wait_node_retain(vl_wait_node *node);

/* Release a reference; the creator has one, each status that was attached another. NULL is
 * allowed. */
void vl_wait_node_release(vl_wait_node *node);

/* The connection is inside a call from now on, or not any more. Calls do not nest. Leaving tells
 * those who wait. */
void vl_wait_enter_call(vl_wait_node *node);
void vl_wait_leave_call(vl_wait_node *node);

/* How much would have to be undone, in any unit: chooses victims. */
void vl_wait_set_work(vl_wait_node *node, uint64_t work);

/* End the wait of this node, if it waits, with VELO_INTERRUPT; by any thread that keeps the node
 * alive. Stays set until vl_wait_enter_call. */
void vl_wait_interrupt(vl_wait_node *node);

/* ---- owners ---- */

/* Say whose transaction it is; once, before others see the status. The status keeps a reference. */
void vl_wait_attach(vl_txn_status *status, vl_wait_node *node);

/* What to note before waiting for the status's owner. */
uint32_t vl_wait_events(const vl_txn_status *status);

/* Tell those who wait for this transaction to look again: it has ended, or has given something up.
 * Called by its owner after that, with nothing latched. */
void vl_wait_tell(vl_txn_status *status);

/* ---- waiting ---- */

typedef struct vl_wait_owner {
    vl_txn_status *status; /* the caller has a reference, or its owner cannot end meanwhile */
    uint32_t events;       /* vl_wait_events, noted when it was seen to be in the way */
} vl_wait_owner;

/* A busy handler: returns 0 to give up. It sleeps itself. `count` is how often it was called
 * before in this wait. */
typedef int vl_wait_busy(void *argument, uint32_t count);

typedef struct vl_wait_request {
    vl_wait_kind kind;           /* what is waited for */
    uint32_t owner_count;        /* 1 or more */
    const vl_wait_owner *owners; /* borrowed for the call */
    vl_wait_busy *busy;          /* decides when an owner idles; NULL: the timeout does */
    void *busy_argument;         /* passed to it */
    int64_t timeout_ns;          /* 0 gives up at once, negative never */
} vl_wait_request;

/* Wait until one of the owners has ended or told of something; owners that are the node's own are
 * passed over. VELO_OK: look again. The node is inside a call.
 *
 * errors  VELO_BUSY_SNAPSHOT: a victim; one of its transactions is doomed, and all that the
 *         connection has are to be undone now. VELO_BUSY: an owner idles, and timeout or handler
 *         gave up. VELO_INTERRUPT. VELO_NOMEM, with more than a few owners */
velo_status vl_wait(vl_ctx *ctx, vl_wait_node *node, const vl_wait_request *request) VL_MUST_CHECK;

#endif
