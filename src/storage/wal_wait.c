/* wal_wait.c - waiting in the log: turns in order of arrival, and changes that are watched.
 *
 * Invariants
 *   Q1  A waiter in a queue sleeps until exactly one thread, who took it out of the queue under
 *       wal.latch, gives it a state. Its memory, on its own stack, is not touched afterwards.
 *   Q2  The turn is taken, or its queue is empty: who passes it serves those at the front for whom
 *       there is space already, and gives it to the first one behind.
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

vl_wal_waiter_state
vl_wal_turn_take(vl_wal *wal, uint64_t need)
{
    vl_wal_queue *turn = &wal->grant_turn;
    vl_wal_waiter waiter = {.need = need, .state = VL_WAL_WAITING};
    int is_mine;

    vl_latch_acquire_exclusive(&wal->latch);
    is_mine = atomic_load_explicit(&turn->is_taken, memory_order_relaxed) == 0;
    if (is_mine)
        atomic_store_explicit(&turn->is_taken, 1, memory_order_relaxed);
    else
        vl_wal_queue_push(turn, &waiter);
    vl_latch_release_exclusive(&wal->latch);
    return is_mine ? VL_WAL_LEADS : vl_wal_waiter_sleep(&waiter);
}

/* Take out of the queue those for whom there is space now, and the first who has to work for it;
 * wal.latch is held. Returns the list of those served. Keeps Q2. */
static vl_wal_waiter *
wait_serve(vl_wal *wal, vl_wal_waiter **next)
{
    vl_wal_queue *turn = &wal->grant_turn;
    vl_wal_queue served = {.first = NULL};
    vl_wal_waiter *waiter;

    while ((waiter = turn->first) != NULL && waiter->need != 0 &&
           vl_wal_try_grant(wal, waiter->need)) {
        turn->first = waiter->next;
        vl_wal_queue_push(&served, waiter);
    }
    *next = waiter;
    if (waiter != NULL)
        turn->first = waiter->next;
    else
        atomic_store_explicit(&turn->is_taken, 0, memory_order_relaxed);
    return served.first;
}

void
vl_wal_turn_pass(vl_wal *wal)
{
    vl_wal_waiter *served;
    vl_wal_waiter *next;

    /* Without serving all for whom there is space, two threads would hand the turn to and fro for
     * ever, with a context switch for each record. */
    vl_latch_acquire_exclusive(&wal->latch);
    served = wait_serve(wal, &next);
    vl_latch_release_exclusive(&wal->latch);
    if (next != NULL)
        vl_wal_waiter_wake(next, VL_WAL_LEADS);
    while (served != NULL) {
        vl_wal_waiter *waiter = served;

        served = waiter->next; /* before it is woken: it lies on its thread's stack */
        vl_wal_waiter_wake(waiter, VL_WAL_SERVED);
    }
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
