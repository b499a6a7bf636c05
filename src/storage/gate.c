/* gate.c - who holds checkpoints off; see gate.h.
 *
 * All sleep on `state`: newcomers while it says CLOSED, and the one that closes it until nobody
 * holds it. While it is closed no hold is added, not even for a moment: so a long hold that the
 * closer sees is one that was there before. */
#include "storage/gate.h"

#include "base/assert.h"
#include "base/park.h"

void
vl_gate_init(vl_gate *gate)
{
    atomic_init(&gate->state, 0);
}

void
vl_gate_hold(vl_gate *gate, int is_long)
{
    uint32_t hold = is_long ? VL_GATE_LONG : 1U;
    uint32_t seen = atomic_load_explicit(&gate->state, memory_order_relaxed);

    for (;;) {
        if (VL_UNLIKELY((seen & VL_GATE_CLOSED) != 0)) {
            (void)vl_park(&gate->state, seen, VL_PARK_FOREVER);
            seen = atomic_load_explicit(&gate->state, memory_order_relaxed);
        } else if (atomic_compare_exchange_weak_explicit(&gate->state, &seen, seen + hold,
                                                         memory_order_acquire,
                                                         memory_order_relaxed)) {
            return;
        }
    }
}

void
vl_gate_release(vl_gate *gate, int is_long)
{
    uint32_t hold = is_long ? VL_GATE_LONG : 1U;
    uint32_t before = atomic_fetch_sub_explicit(&gate->state, hold, memory_order_release);

    VL_ASSERT((before & ~VL_GATE_CLOSED) >= hold);
    if (VL_UNLIKELY(before - hold == VL_GATE_CLOSED))
        vl_unpark(&gate->state, INT32_MAX); /* the closer is among those who sleep */
}

int
vl_gate_close(vl_gate *gate)
{
    uint32_t seen = atomic_fetch_or_explicit(&gate->state, VL_GATE_CLOSED, memory_order_acquire);

    VL_ASSERT((seen & VL_GATE_CLOSED) == 0);
    if (seen >= VL_GATE_LONG) {
        vl_gate_open(gate);
        return 0;
    }
    for (;;) {
        seen = atomic_load_explicit(&gate->state, memory_order_acquire);
        if (seen == VL_GATE_CLOSED)
            return 1;
        (void)vl_park(&gate->state, seen, VL_PARK_FOREVER);
    }
}

void
vl_gate_open(vl_gate *gate)
{
    atomic_fetch_and_explicit(&gate->state, ~VL_GATE_CLOSED, memory_order_release);
    vl_unpark(&gate->state, INT32_MAX);
}

int
vl_gate_is_held_long(const vl_gate *gate)
{
    return (atomic_load_explicit(&gate->state, memory_order_relaxed) & ~VL_GATE_CLOSED) >=
           VL_GATE_LONG;
}
