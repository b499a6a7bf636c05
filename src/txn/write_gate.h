/* write_gate.h - the writers' gate: transactions that write, and those that write alone.
 *
 * Every transaction enters the gate shared at its first write, and leaves it when it has ended.
 * BEGIN IMMEDIATE and EXCLUSIVE enter it exclusively before they take their snapshot: from then on
 * nobody else writes, so nothing inside of them can meet a conflict (31, item 6).
 *
 * Shared entry writes to the connection's own slot (snapshot.h) and reads one word, so that
 * ordinary writers share no line that is written. Who wants to be alone sets that word and waits
 * for the slots. While the word is set everybody queues, shared or exclusive, and is served in the
 * order of arrival: neither kind starves the other. All waits are in the wait-for graph (wait.h).
 *
 * Threads: each connection enters and leaves for itself. Latch: VL_RANK_TXN_GATE, for moments.
 * Entering and leaving with nothing held. */
#ifndef VL_TXN_WRITE_GATE_H
#define VL_TXN_WRITE_GATE_H

#include "base/ctx.h"
#include "base/latch.h"
#include "txn/snapshot.h"
#include "txn/wait.h"

/* A transaction's place at the gate. Memory of the caller's, which stays where it is from entering
 * to leaving. */
typedef struct vl_write_gate_entry {
    vl_wait_node *node;               /* whose it is */
    vl_snapshot_slot *slot;           /* of the same connection */
    vl_txn_status *status;            /* of the transaction; borrowed, released after leaving */
    int is_exclusive;                 /* or shared */
    struct vl_write_gate_entry *prev; /* who queues before; under the latch */
    struct vl_write_gate_entry *next; /* who queues behind */
} vl_write_gate_entry;

typedef struct vl_write_gate {
    vl_snapshots *snapshots;                                 /* has the slots; borrowed */
    _Alignas(VL_CONTENDED_ALIGN) _Atomic uint32_t is_closed; /* the queue is not empty; written
                                                                under the latch */
    vl_latch latch;                                          /* guards the queue */
    vl_write_gate_entry *first; /* is alone, or is about to be served */
    vl_write_gate_entry *last;  /* undefined while first is NULL */
} vl_write_gate;

void vl_write_gate_init(vl_write_gate *gate, vl_snapshots *snapshots);

/* Enter the gate with a status that is attached to the node. On success the entry is in, until
 * vl_write_gate_leave; on failure it is not.
 *
 * wait    busy handler and timeout; the rest is filled in here
 * errors  those of vl_wait */
velo_status vl_write_gate_enter(vl_ctx *ctx, vl_write_gate *gate, vl_write_gate_entry *entry,
                                vl_wait_node *node, vl_snapshot_slot *slot, vl_txn_status *status,
                                int is_exclusive, const vl_wait_request *wait) VL_MUST_CHECK;

/* Leave it: the transaction has ended. Tells those who wait for it. */
void vl_write_gate_leave(vl_write_gate *gate, vl_write_gate_entry *entry);

#endif
