/* write_gate.c - flags in slots, a word, and a queue.
 *
 * Invariants
 *   A1  A transaction that is in shared has its status in its slot. It puts it there and then looks
 *       at is_closed; who closes the gate does so and then looks at the slots, all sequentially
 *       consistent: one of the two sees the other. So while somebody is in exclusively no other
 *       slot has a writer, but for moments one that is about to take it back.
 *   A2  is_closed is set exactly while somebody queues. Who is in exclusively is first in the
 * queue. A3  Who queues waits for the one before, who tells when it goes. A shared one goes as soon
 * as it is first and in its slot; an exclusive one when its transaction has ended. A4  Statuses lie
 * in memory that stays (status.c), so one that is read from a slot may be looked at although its
 * owner may release it; it counts once a reference was taken and the slot still has it. */
#include "txn/write_gate.h"

#include "base/assert.h"
#include "base/rank.h"

#include <string.h>

#define GATE_OWNERS 4U /* writers that one wait is for; when they have left, others follow */

void
vl_write_gate_init(vl_write_gate *gate, vl_snapshots *snapshots)
{
    gate->snapshots = snapshots;
    atomic_init(&gate->is_closed, 0);
    vl_latch_init(&gate->latch, VL_RANK_TXN_GATE);
    gate->first = NULL;
    gate->last = NULL;
}

/* ---- the queue ---- */

static void
write_gate_push(vl_write_gate *gate, vl_write_gate_entry *entry)
{
    vl_latch_acquire_exclusive(&gate->latch);
    entry->next = NULL;
    entry->prev = gate->first != NULL ? gate->last : NULL;
    if (entry->prev != NULL)
        entry->prev->next = entry;
    else
        gate->first = entry;
    gate->last = entry;
    atomic_store_explicit(&gate->is_closed, 1, memory_order_seq_cst); /* keeps A2 */
    vl_latch_release_exclusive(&gate->latch);
}

/* Go, and tell who comes next. Keeps A3. */
static void
write_gate_remove(vl_write_gate *gate, vl_write_gate_entry *entry)
{
    vl_latch_acquire_exclusive(&gate->latch);
    if (entry->prev != NULL)
        entry->prev->next = entry->next;
    else
        gate->first = entry->next;
    if (entry->next != NULL)
        entry->next->prev = entry->prev;
    else
        gate->last = entry->prev;
    if (gate->first == NULL)
        atomic_store_explicit(&gate->is_closed, 0, memory_order_seq_cst); /* keeps A2 */
    vl_latch_release_exclusive(&gate->latch);
    vl_wait_tell(entry->status);
}

/* Wait until the entry is first in the queue. */
static velo_status
write_gate_await_turn(vl_ctx *ctx, vl_write_gate *gate, const vl_write_gate_entry *entry,
                      const vl_wait_request *wait)
{
    vl_wait_request request = *wait;
    vl_wait_owner before = {NULL, 0};
    velo_status st = VELO_OK;

    request.owners = &before;
    request.owner_count = 1;
    while (st == VELO_OK) {
        vl_latch_acquire_exclusive(&gate->latch);
        before.status = entry->prev != NULL ? entry->prev->status : NULL;
        if (before.status != NULL) {
            vl_txn_status_acquire(before.status, 1);
            before.events = vl_wait_events(before.status);
        }
        vl_latch_release_exclusive(&gate->latch);
        if (before.status == NULL)
            break;
        st = vl_wait(ctx, entry->node, &request);
        vl_txn_status_release(before.status, 1);
    }
    return st;
}

/* ---- slots ---- */

/* The writer in a slot with a reference, or NULL. Keeps A4. */
static vl_txn_status *
write_gate_get_writer(vl_snapshot_slot *slot)
{
    vl_txn_status *status;

    while ((status = atomic_load_explicit(&slot->writer, memory_order_seq_cst)) != NULL) {
        if (!vl_txn_status_try_acquire(status))
            continue; /* it has gone: so has it from the slot */
        if (atomic_load_explicit(&slot->writer, memory_order_seq_cst) == status)
            return status;
        vl_txn_status_release(status, 1);
    }
    return NULL;
}

/* Wait until nobody else is in. The gate is closed and the entry is first. */
static velo_status
write_gate_await_writers(vl_ctx *ctx, vl_write_gate *gate, const vl_write_gate_entry *entry,
                         const vl_wait_request *wait)
{
    vl_wait_request request = *wait;
    vl_wait_owner owners[GATE_OWNERS];
    velo_status st = VELO_OK;

    request.owners = owners;
    for (;;) {
        vl_snapshot_slot *slot;
        uint32_t cursor = 0;
        uint32_t count = 0;

        while (count < GATE_OWNERS &&
               (slot = vl_snapshots_next(gate->snapshots, &cursor)) != NULL) {
            vl_txn_status *status = slot != entry->slot ? write_gate_get_writer(slot) : NULL;

            if (status == NULL)
                continue;
            owners[count].events = vl_wait_events(status);
            owners[count].status = status;
            /* It may have left between both loads: what it told then is not counted as new. */
            if (atomic_load_explicit(&slot->writer, memory_order_seq_cst) == status)
                count++;
            else
                vl_txn_status_release(status, 1);
        }
        if (count == 0)
            return st;
        request.owner_count = count;
        st = vl_wait(ctx, entry->node, &request);
        for (uint32_t i = 0; i < count; i++)
            vl_txn_status_release(owners[i].status, 1);
        if (st != VELO_OK)
            return st;
    }
}

/* ---- entering and leaving ---- */

velo_status
vl_write_gate_enter(vl_ctx *ctx, vl_write_gate *gate, vl_write_gate_entry *entry,
                    vl_wait_node *node, vl_snapshot_slot *slot, vl_txn_status *status,
                    int is_exclusive, const vl_wait_request *wait)
{
    vl_wait_request request = *wait;
    velo_status st;

    VL_ASSERT(atomic_load_explicit(&slot->writer, memory_order_relaxed) == NULL);
    memset(entry, 0, sizeof *entry);
    entry->node = node;
    entry->slot = slot;
    entry->status = status;
    entry->is_exclusive = is_exclusive;
    if (!is_exclusive) { /* keeps A1 */
        (void)atomic_exchange_explicit(&slot->writer, status, memory_order_seq_cst);
        if (VL_LIKELY(atomic_load_explicit(&gate->is_closed, memory_order_seq_cst) == 0))
            return VELO_OK;
        (void)atomic_exchange_explicit(&slot->writer, NULL, memory_order_seq_cst);
        vl_wait_tell(status);
    }
    request.kind = VL_WAIT_GATE;
    write_gate_push(gate, entry);
    st = write_gate_await_turn(ctx, gate, entry, &request);
    if (st == VELO_OK && is_exclusive)
        st = write_gate_await_writers(ctx, gate, entry, &request);
    else if (st == VELO_OK)
        (void)atomic_exchange_explicit(&slot->writer, status, memory_order_seq_cst);
    if (st != VELO_OK || !is_exclusive)
        write_gate_remove(gate, entry);
    return st;
}

void
vl_write_gate_leave(vl_write_gate *gate, vl_write_gate_entry *entry)
{
    if (entry->is_exclusive) {
        write_gate_remove(gate, entry);
        return;
    }
    VL_ASSERT(atomic_load_explicit(&entry->slot->writer, memory_order_relaxed) == entry->status);
    (void)atomic_exchange_explicit(&entry->slot->writer, NULL, memory_order_seq_cst);
    vl_wait_tell(entry->status);
}
