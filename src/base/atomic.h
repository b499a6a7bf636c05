/* atomic.h - small helpers beside C11's atomics.
 *
 * Code uses <stdatomic.h> directly with the memory order written out. Here is only what the
 * standard lacks: a pause for spinning, a maximum, and relaxed counters for statistics. */
#ifndef VL_BASE_ATOMIC_H
#define VL_BASE_ATOMIC_H

#include "base/platform.h"

#include <stdatomic.h>

/* Tell the processor that this thread spins: saves power and lets a sibling thread run. */
static inline void
vl_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#else
    atomic_signal_fence(memory_order_seq_cst);
#endif
}

/* Raise *target to at least `value`. Returns the value it held before. Release on success. */
static inline uint64_t
vl_atomic_max(_Atomic uint64_t *target, uint64_t value)
{
    uint64_t seen = atomic_load_explicit(target, memory_order_relaxed);

    while (seen < value && !atomic_compare_exchange_weak_explicit(
                               target, &seen, value, memory_order_acq_rel, memory_order_relaxed))
        continue;
    return seen;
}

/* Add to a statistics counter that orders nothing. */
static inline void
vl_count(_Atomic uint64_t *counter, uint64_t amount)
{
    atomic_fetch_add_explicit(counter, amount, memory_order_relaxed);
}

/* Read a statistics counter. */
static inline uint64_t
vl_counter(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

#endif
