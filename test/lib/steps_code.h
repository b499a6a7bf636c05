/* steps_code.h - atomics, sleeping and latches replaced by steps; see steps.h.
 *
 * Included after all headers that the code under test includes, and before that code. Strong
 * operations only: a weak comparison never fails for no reason. */
#ifndef VL_TEST_STEPS_CODE_H
#define VL_TEST_STEPS_CODE_H

#include "base/latch.h"
#include "base/park.h"
#include "lib/steps.h"

#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_exchange_explicit
#undef atomic_fetch_add_explicit
#undef atomic_fetch_sub_explicit
#undef atomic_compare_exchange_strong_explicit
#undef atomic_compare_exchange_weak_explicit
#define atomic_load_explicit(word, order)         (steps_yield(), atomic_load(word))
#define atomic_store_explicit(word, value, order) (steps_yield(), atomic_store(word, value))
#define atomic_exchange_explicit(word, v, order)  (steps_yield(), atomic_exchange(word, v))
#define atomic_fetch_add_explicit(word, v, order) (steps_yield(), atomic_fetch_add(word, v))
#define atomic_fetch_sub_explicit(word, v, order) (steps_yield(), atomic_fetch_sub(word, v))
#define atomic_compare_exchange_strong_explicit(word, expected, wanted, order, failed)             \
    (steps_yield(), atomic_compare_exchange_strong(word, expected, wanted))

/* In terms of the explicit forms where a C library defines them so: never of ours. */
#undef atomic_load
#undef atomic_store
#undef atomic_exchange
#undef atomic_fetch_add
#undef atomic_fetch_sub
#undef atomic_compare_exchange_strong
#if defined(__clang__)
#define atomic_load(word)         __c11_atomic_load(word, __ATOMIC_SEQ_CST)
#define atomic_store(word, v)     __c11_atomic_store(word, v, __ATOMIC_SEQ_CST)
#define atomic_exchange(word, v)  __c11_atomic_exchange(word, v, __ATOMIC_SEQ_CST)
#define atomic_fetch_add(word, v) __c11_atomic_fetch_add(word, v, __ATOMIC_SEQ_CST)
#define atomic_fetch_sub(word, v) __c11_atomic_fetch_sub(word, v, __ATOMIC_SEQ_CST)
#define atomic_compare_exchange_strong(word, e, v)                                                 \
    __c11_atomic_compare_exchange_strong(word, e, v, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
#else
#define atomic_load(word)         __atomic_load_n(word, __ATOMIC_SEQ_CST)
#define atomic_store(word, v)     __atomic_store_n(word, v, __ATOMIC_SEQ_CST)
#define atomic_exchange(word, v)  __atomic_exchange_n(word, v, __ATOMIC_SEQ_CST)
#define atomic_fetch_add(word, v) __atomic_fetch_add(word, v, __ATOMIC_SEQ_CST)
#define atomic_fetch_sub(word, v) __atomic_fetch_sub(word, v, __ATOMIC_SEQ_CST)
#define atomic_compare_exchange_strong(word, e, v)                                                 \
    __atomic_compare_exchange_n(word, e, v, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
#endif

#define vl_park                    steps_park
#define vl_unpark                  steps_unpark
#define vl_latch_acquire_exclusive steps_latch_acquire
#define vl_latch_release_exclusive steps_latch_release

#endif
