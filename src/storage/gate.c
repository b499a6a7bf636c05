/* gate.c - who holds checkpoints off; see gate.h.
 *
 * All sleep on `state`. A holder that finds the gate closed takes its hold back and sleeps until
 * the gate opens; the one that closes it sleeps until the last holder leaves or a long one shows.
 * Every change of `state` while the gate is closed wakes all. */
#include "storage/gate.h"

#include "base/assert.h"
#include "base/park.h"

void
vl_gate_init(vl_gate *gate)
{
    atomic_init(&gate->state, 0);
}

/* Add a hold; returns the state as it was. */
static uint32_t
gate_add(vl_gate *gate, uint32_t hold)
{
    uint32_t before = atomic_fetch_add_explicit(&gate->state, hold, memory_order_acquire);

    if (VL_UNLIKELY((before & VL_GATE_CLOSED) != 0))
        vl_unpark(&gate->state, INT32_MAX);
    return before;
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
    uint32_t seen = gate_add(gate, hold);

    while (VL_UNLIKELY((seen & VL_GATE_CLOSED) != 0)) {
        gate_subtract(gate, hold);
        for (;;) {
            seen = atomic_load_explicit(&gate->state, memory_order_relaxed);
            if ((seen & VL_GATE_CLOSED) == 0)
                break;
            (void)vl_park(&gate->state, seen, VL_PARK_FOREVER);
        }
        seen = gate_add(gate, hold);
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
