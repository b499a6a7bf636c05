/* gate.c - who holds checkpoints off; see gate.h.
 *
 * All sleep on `state`: who wants to hold a closed gate until it opens, and the one who closed it
 * until the last holder has left. Every change of `state` while the gate is closed wakes all. */
#include "storage/gate.h"

#include "base/assert.h"
#include "base/park.h"

void
vl_gate_init(vl_gate *gate)
{
    atomic_init(&gate->state, 0);
}

static void
gate_subtract(vl_gate *gate, uint32_t hold)
{
    uint32_t before = atomic_fetch_sub_explicit(&gate->state, hold, memory_order_release);

    VL_ASSERT((before & ~VL_GATE_CLOSED) >= hold);
    if (VL_UNLIKELY((before & VL_GATE_CLOSED) != 0))
        vl_unpark(&gate->state, INT32_MAX);
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
    gate_subtract(gate, is_long ? VL_GATE_LONG : 1U);
}

int
vl_gate_close(vl_gate *gate)
{
    uint32_t seen = atomic_fetch_or_explicit(&gate->state, VL_GATE_CLOSED, memory_order_acquire);

    VL_ASSERT((seen & VL_GATE_CLOSED) == 0);
    for (;;) {
        seen = atomic_load_explicit(&gate->state, memory_order_acquire);
        if (seen == VL_GATE_CLOSED)
            return 1;
        if ((seen & ~VL_GATE_CLOSED) >= VL_GATE_LONG) {
            vl_gate_open(gate);
            return 0;
        }
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
