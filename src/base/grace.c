/* grace.c - two counters and a phase that says which of them newcomers add to.
 *
 * A newcomer adds to the counter of the phase that it read, and looks again: if the phase has moved
 * it goes back and starts over. A waiter moves the phase and waits for the old counter to become 0.
 * Both orders are sequentially consistent: either the newcomer's addition comes before the move,
 * and the waiter sees it, or the newcomer sees the move, and with it all that was done before.
 *
 * Invariants
 *   G1  One waiter at a time, so that the counter that newcomers add to after a move was 0 at the
 *       end of the wait before, but for those on their way back. */
#include "base/grace.h"

#include "base/assert.h"
#include "base/park.h"

uint32_t
vl_grace_enter(vl_grace *grace)
{
    for (;;) {
        uint32_t phase = atomic_load_explicit(&grace->phase, memory_order_seq_cst);

        atomic_fetch_add_explicit(&grace->present[phase & 1], 1, memory_order_seq_cst);
        if (atomic_load_explicit(&grace->phase, memory_order_seq_cst) == phase)
            return phase & 1;
        vl_grace_leave(grace, phase & 1);
    }
}

void
vl_grace_leave(vl_grace *grace, uint32_t entered)
{
    uint32_t count = atomic_fetch_sub_explicit(&grace->present[entered], 1, memory_order_seq_cst);

    VL_ASSERT(count > 0);
    if (count == 1 && atomic_load_explicit(&grace->turn, memory_order_seq_cst) != 0)
        vl_unpark(&grace->present[entered], 1);
}

/* Become the one who waits: keeps G1. */
static void
grace_begin_turn(vl_grace *grace)
{
    uint32_t nobody = 0;

    if (atomic_compare_exchange_strong_explicit(&grace->turn, &nobody, 1, memory_order_seq_cst,
                                                memory_order_relaxed))
        return;
    while (atomic_exchange_explicit(&grace->turn, 2, memory_order_seq_cst) != 0)
        (void)vl_park(&grace->turn, 2, VL_PARK_FOREVER);
}

static void
grace_end_turn(vl_grace *grace)
{
    if (atomic_exchange_explicit(&grace->turn, 0, memory_order_seq_cst) == 2)
        vl_unpark(&grace->turn, 1);
}

void
vl_grace_wait(vl_grace *grace)
{
    uint32_t old;
    uint32_t count;

    grace_begin_turn(grace);
    old = atomic_fetch_add_explicit(&grace->phase, 1, memory_order_seq_cst) & 1;
    while ((count = atomic_load_explicit(&grace->present[old], memory_order_seq_cst)) != 0)
        (void)vl_park(&grace->present[old], count, VL_PARK_FOREVER);
    grace_end_turn(grace);
}
