/* grace.h - waiting until all who might still use something have gone.
 *
 * Who reads what may be taken away meanwhile is *present* for that time. Who takes something away
 * first makes it unreachable, then waits with vl_grace_wait until everybody has left who was
 * present before; nobody who comes later can have found it. Those who come later do not prolong the
 * wait.
 *
 * Any thread. A thread that is present does not wait for others, or it waits for itself; nor does
 * it wait for anything that a waiter of vl_grace_wait may hold. */
#ifndef VL_BASE_GRACE_H
#define VL_BASE_GRACE_H

#include "base/platform.h"

#include <stdatomic.h>

typedef struct vl_grace {
    _Atomic uint32_t present[2]; /* who came in an even phase, and in an odd one */
    _Atomic uint32_t phase;      /* advanced by each wait */
    _Atomic uint32_t turn;       /* 0 nobody waits, 1 somebody does, 2 others want to */
} vl_grace;

/* A static one needs no more than this. */
#define VL_GRACE_INIT {{0, 0}, 0, 0}

/* Be present: what is reachable from now on stays. Returns what vl_grace_leave wants. Never waits.
 */
uint32_t vl_grace_enter(vl_grace *grace);
void vl_grace_leave(vl_grace *grace, uint32_t entered);

/* Wait until all have left who were present when this was called. */
void vl_grace_wait(vl_grace *grace);

#endif
