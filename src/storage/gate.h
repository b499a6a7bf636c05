/* gate.h - who holds checkpoints off.
 *
 * What is not undone after a crash must not be cut in two by a checkpoint: an operation that first
 * writes the pages of a long value and then the row that refers to them, or a transaction of the
 * unversioned layer (store.h), which nothing could take back. Both *hold* the gate. A checkpoint
 * closes it: it waits for the short holders, gives way to a long one, and opens it again as soon as
 * its barrier is past, so nobody waits for its I/O.
 *
 * Nothing that a holder waits for waits for the gate. Any thread. */
#ifndef VL_STORAGE_GATE_H
#define VL_STORAGE_GATE_H

#include "base/atomic.h"
#include "base/platform.h"

typedef struct vl_gate {
    _Atomic uint32_t
        state; /* VL_GATE_CLOSED; VL_GATE_LONG for each long holder, 1 for each short */
} vl_gate;

#define VL_GATE_CLOSED UINT32_C(0x80000000)
#define VL_GATE_LONG   UINT32_C(0x00010000)

void vl_gate_init(vl_gate *gate);

/* Hold the gate; waits while it is closed. is_long: for as long as an application likes. */
void vl_gate_hold(vl_gate *gate, int is_long);
void vl_gate_release(vl_gate *gate, int is_long);

/* Close the gate and wait until nobody holds it: 1. 0 when somebody holds it for long: it is then
 * open. One thread at a time. */
int vl_gate_close(vl_gate *gate);
void vl_gate_open(vl_gate *gate);

/* Whether somebody holds it for long. */
int vl_gate_is_held_long(const vl_gate *gate);

#endif
