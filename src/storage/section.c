/* section.c - striped counters and a flag.
 *
 * A thread that enters adds to its counter and then looks at the flag; a barrier sets the flag and
 * then looks at the counters. Both orders are sequentially consistent, so one of them sees the
 * other. */
#include "storage/section.h"

#include "base/assert.h"
#include "base/park.h"

static _Atomic uint32_t section_next_stripe;  /* for the next thread that comes */
static _Thread_local uint32_t section_stripe; /* of this thread, plus 1; 0: none yet */

static vl_section_stripe *
section_own_stripe(vl_section_gate *gate)
{
    if (VL_UNLIKELY(section_stripe == 0))
        section_stripe =
            1 + atomic_fetch_add_explicit(&section_next_stripe, 1, memory_order_relaxed) %
                    VL_SECTION_STRIPES;
    return &gate->stripes[section_stripe - 1];
}

void
vl_section_init(vl_section_gate *gate, uint32_t rank)
{
    for (unsigned i = 0; i < VL_SECTION_STRIPES; i++)
        atomic_init(&gate->stripes[i].count, 0);
    atomic_init(&gate->is_closed, 0);
    vl_latch_init(&gate->turn, rank);
}

void
vl_section_enter(vl_section_gate *gate)
{
    vl_section_stripe *stripe = section_own_stripe(gate);

    for (;;) {
        atomic_fetch_add_explicit(&stripe->count, 1, memory_order_seq_cst);
        if (VL_LIKELY(atomic_load_explicit(&gate->is_closed, memory_order_seq_cst) == 0))
            return;
        vl_section_leave(gate);
        (void)vl_park(&gate->is_closed, 1, VL_PARK_FOREVER);
    }
}

void
vl_section_leave(vl_section_gate *gate)
{
    vl_section_stripe *stripe = section_own_stripe(gate);
    uint32_t count = atomic_fetch_sub_explicit(&stripe->count, 1, memory_order_seq_cst);

    VL_ASSERT(count > 0);
    if (VL_UNLIKELY(count == 1 &&
                    atomic_load_explicit(&gate->is_closed, memory_order_seq_cst) != 0))
        vl_unpark(&stripe->count, 1);
}

void
vl_section_begin_barrier(vl_section_gate *gate)
{
    vl_latch_acquire_exclusive(&gate->turn);
    atomic_store_explicit(&gate->is_closed, 1, memory_order_seq_cst);
    for (unsigned i = 0; i < VL_SECTION_STRIPES; i++) {
        _Atomic uint32_t *count = &gate->stripes[i].count;
        uint32_t seen;

        while ((seen = atomic_load_explicit(count, memory_order_seq_cst)) != 0)
            (void)vl_park(count, seen, VL_PARK_FOREVER);
    }
}

void
vl_section_end_barrier(vl_section_gate *gate)
{
    atomic_store_explicit(&gate->is_closed, 0, memory_order_seq_cst);
    vl_unpark(&gate->is_closed, INT32_MAX);
    vl_latch_release_exclusive(&gate->turn);
}
