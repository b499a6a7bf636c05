/* wal_wait.c - waiting in the log: turns in order of arrival, and changes that are watched.
 *
 * Invariants
 *   Q1  A waiter in a queue sleeps until exactly one thread, who took it out of the queue under
 *       wal.latch, gives it a state. Its memory, on its own stack, is not touched afterwards.
 *   Q2  A turn is taken, or its queue is empty: who passes it gives it to the first who waits.
 *   Q3  No change is slept through. Who changes something does so by a sequentially consistent
 *       operation and then looks at `watchers`; who waits first counts itself there and then looks
 *       for the change: one of the two sees the other. */
#include "base/park.h"
#include "storage/wal_int.h"

void
vl_wal_queue_push(vl_wal_queue *queue, vl_wal_waiter *waiter)
{
    waiter->next = NULL;
    if (queue->first == NULL)
        queue->first = waiter;
    else
        queue->last->next = waiter;
    queue->last = waiter;
}

vl_wal_waiter_state
vl_wal_waiter_sleep(vl_wal_waiter *waiter)
{
    uint32_t state;

    for (;;) {
        state = atomic_load_explicit(&waiter->state, memory_order_acquire);
        if (state != VL_WAL_WAITING)
            return (vl_wal_waiter_state)state;
        (void)vl_park(&waiter->state, VL_WAL_WAITING, VL_PARK_FOREVER);
    }
}

void
vl_wal_waiter_wake(vl_wal_waiter *waiter, vl_wal_waiter_state state)
{
    _Atomic uint32_t *word = &waiter->state;

    atomic_store_explicit(word, state, memory_order_release);
    vl_unpark(word, 1); /* the waiter may be gone: only the address is used */
}

void
vl_wal_turn_take(vl_wal *wal)
{
    vl_wal_queue *turn = &wal->grant_turn;
    vl_wal_waiter waiter = {.state = VL_WAL_WAITING};
    int is_mine;

    vl_latch_acquire_exclusive(&wal->latch);
    is_mine = atomic_load_explicit(&turn->is_taken, memory_order_relaxed) == 0;
    if (is_mine)
        atomic_store_explicit(&turn->is_taken, 1, memory_order_relaxed);
    else
        vl_wal_queue_push(turn, &waiter);
    vl_latch_release_exclusive(&wal->latch);
    if (!is_mine)
        (void)vl_wal_waiter_sleep(&waiter);
}

void
vl_wal_turn_pass(vl_wal *wal)
{
    vl_wal_queue *turn = &wal->grant_turn;
    vl_wal_waiter *next;

    vl_latch_acquire_exclusive(&wal->latch);
    next = turn->first;
    if (next != NULL)
        turn->first = next->next;
    else
        atomic_store_explicit(&turn->is_taken, 0, memory_order_relaxed); /* keeps Q2 */
    vl_latch_release_exclusive(&wal->latch);
    if (next != NULL)
        vl_wal_waiter_wake(next, VL_WAL_LEADS);
}

uint32_t
vl_wal_watch_begin(vl_wal *wal)
{
    atomic_fetch_add_explicit(&wal->watchers, 1, memory_order_seq_cst); /* keeps Q3 */
    return atomic_load_explicit(&wal->watch_word, memory_order_seq_cst);
}

void
vl_wal_watch_sleep(vl_wal *wal, uint32_t ticket)
{
    (void)vl_park(&wal->watch_word, ticket, VL_PARK_FOREVER);
}

void
vl_wal_watch_end(vl_wal *wal)
{
    atomic_fetch_sub_explicit(&wal->watchers, 1, memory_order_release);
}

void
vl_wal_notify_watchers(vl_wal *wal)
{
    atomic_fetch_add_explicit(&wal->watch_word, 1, memory_order_seq_cst);
    vl_unpark(&wal->watch_word, INT32_MAX);
}
