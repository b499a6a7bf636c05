/* section.h - write sections, and the barrier that no section crosses.
 *
 * A section is short and nothing in it waits; any number of threads are in one at a time. A barrier
 * waits until all have left and holds newcomers off meanwhile: what is done between its two ends
 * happens between sections. Entering and leaving write to a counter that few threads share.
 *
 * A thread is in one section at a time and leaves it itself. */
#ifndef VL_STORAGE_SECTION_H
#define VL_STORAGE_SECTION_H

#include "base/latch.h"
#include "base/platform.h"

#define VL_SECTION_STRIPES 16

typedef struct vl_section_stripe {
    _Alignas(VL_CONTENDED_ALIGN) _Atomic uint32_t count; /* threads inside, or trying */
} vl_section_stripe;

typedef struct vl_section_gate {
    vl_section_stripe stripes[VL_SECTION_STRIPES]; /* each thread has one of them for good */
    _Alignas(VL_CONTENDED_ALIGN) _Atomic uint32_t is_closed; /* a barrier is up */
    vl_latch turn;                                           /* held by the barrier */
} vl_section_gate;

/* Make an open gate. `rank` is that of the barrier's latch. */
void vl_section_init(vl_section_gate *gate, uint32_t rank);

/* Begin a section; waits while a barrier is up. */
void vl_section_enter(vl_section_gate *gate);
void vl_section_leave(vl_section_gate *gate);

/* Put the barrier up, once nobody is inside; take it down. One at a time: others wait. The caller
 * is in no section. */
void vl_section_begin_barrier(vl_section_gate *gate);
void vl_section_end_barrier(vl_section_gate *gate);

#endif
