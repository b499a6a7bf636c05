/* cache_word.c - waiting for a page's word, waking, and the rarer changes of its state.
 *
 * Invariants (those of base/latch.c, for one bit instead of two)
 *   W1  Nobody sleeps unless `waiters` is set in the value it compares when it goes to sleep, and
 *       whoever clears `waiters` wakes all sleepers afterwards: no sleeper is forgotten.
 *   W2  `waiters` in a state that is neither exclusive nor loading was set by a writer that keeps
 *       trying until it has the page or finds it gone: readers stay back meanwhile. The last one
 *       who shared wakes it and leaves `waiters` set. Whoever settles the word clears it, so that
 *       readers get their turn after each writer.
 *   W3  The version advances whenever the state leaves exclusive, unborn or loading, after all
 *       changes of that holder.
 *   W4  A release touches the word once.
 *   W5  An absent page has no place and is free, unborn or loading; nobody sleeps on it but those
 *       who wait for the end of loading. A writer may leave `waiters` behind when it finds the page
 *       gone; that wakes somebody for nothing, later. */
#include "storage/cache_word.h"

#include "base/assert.h"
#include "base/park.h"
#include "base/thread.h"

/* Turns of spinning before a waiter sleeps, as in base/latch.c. */
#define WORD_SPIN_ROUNDS VL_BY_BUILD(6, 1)

/* For sleeping on the half that holds state and waiters. */
typedef union word_cell {
    _Atomic uint64_t word;
    _Atomic uint32_t half[2];
} word_cell;

static _Atomic uint32_t *
word_futex(_Atomic uint64_t *at)
{
    return &((word_cell *)(uintptr_t)at)->half[VL_LITTLE_ENDIAN ? 0 : 1];
}

static void
word_spin(unsigned round)
{
    for (unsigned i = 0; i < (1U << round); i++)
        vl_pause();
}

/* Announce a writer and sleep until the word is settled. Returns early at any change. Keeps W1 and
 * W2: nothing that readers do meanwhile can make the announcement fail. */
static void
word_sleep_writer(_Atomic uint64_t *at)
{
    uint64_t word = atomic_fetch_or_explicit(at, VL_WORD_WAITERS, memory_order_relaxed);

    if (!vl_word_is_free(word) && vl_word_place(word) != 0)
        (void)vl_park(word_futex(at), (uint32_t)(word | VL_WORD_WAITERS), VL_PARK_FOREVER);
}

/* Sleep until the word is settled, for one who does not change. Returns early at any change. Keeps
 * W1. */
static void
word_sleep_reader(_Atomic uint64_t *at, uint64_t word)
{
    uint64_t marked = word | VL_WORD_WAITERS;

    if (marked != word && !atomic_compare_exchange_strong_explicit(
                              at, &word, marked, memory_order_relaxed, memory_order_relaxed))
        return; /* something changed: look again */
    (void)vl_park(word_futex(at), (uint32_t)marked, VL_PARK_FOREVER);
}

VL_COLD uint64_t
vl_word_wait_shared(_Atomic uint64_t *at)
{
    for (unsigned round = 0;; round++) {
        uint64_t word = atomic_load_explicit(at, memory_order_relaxed);
        int is_free = vl_word_state(word) < VL_WORD_SHARED_MAX || vl_word_is_free(word);

        if (vl_word_place(word) == 0)
            return 0;
        if (is_free && (word & VL_WORD_WAITERS) == 0) {
            word = vl_word_try_shared(at);
            if (word != 0)
                return word;
        } else if (vl_word_state(word) == VL_WORD_SHARED_MAX && (word & VL_WORD_WAITERS) == 0) {
            vl_thread_yield(); /* the count is full: no writer is to blame, so none is told */
        } else if (round < WORD_SPIN_ROUNDS) {
            word_spin(round);
        } else {
            word_sleep_reader(at, word);
        }
    }
}

VL_COLD uint64_t
vl_word_wait_exclusive(_Atomic uint64_t *at)
{
    for (unsigned round = 0;; round++) {
        uint64_t word = atomic_load_explicit(at, memory_order_relaxed);

        if (vl_word_place(word) == 0)
            return 0;
        if (vl_word_is_free(word)) {
            word = vl_word_try_exclusive(at);
            if (word != 0)
                return word;
        } else if (round < WORD_SPIN_ROUNDS) {
            word_spin(round);
        } else {
            word_sleep_writer(at);
        }
    }
}

/* Called for marked, exclusive, unborn and loading words. */
VL_COLD uint64_t
vl_word_wait_readable(_Atomic uint64_t *at)
{
    for (unsigned round = 0;; round++) {
        uint64_t word = atomic_load_explicit(at, memory_order_acquire);

        if (vl_word_place(word) == 0)
            return 0;
        if (vl_word_state(word) == VL_WORD_MARKED) {
            uint64_t marked = word;

            (void)atomic_compare_exchange_strong_explicit(at, &marked, word & ~VL_WORD_STATE_MASK,
                                                          memory_order_relaxed,
                                                          memory_order_relaxed);
            return word;
        }
        if (vl_word_state(word) != VL_WORD_EXCLUSIVE)
            return word;
        if (round < WORD_SPIN_ROUNDS)
            word_spin(round);
        else
            word_sleep_reader(at, word);
    }
}

VL_COLD void
vl_word_wake(_Atomic uint64_t *at)
{
    vl_unpark(word_futex(at), INT32_MAX); /* keeps W4 */
}

int
vl_word_try_begin(_Atomic uint64_t *at, uint64_t state)
{
    uint64_t word = atomic_load_explicit(at, memory_order_relaxed);

    while (vl_word_place(word) == 0 && vl_word_state(word) == 0)
        if (atomic_compare_exchange_strong_explicit(at, &word, word | state, memory_order_acquire,
                                                    memory_order_relaxed))
            return 1;
    return 0;
}

void
vl_word_bear(_Atomic uint64_t *at, uint32_t place)
{
    uint64_t word = atomic_load_explicit(at, memory_order_relaxed);

    VL_ASSERT(vl_word_state(word) == VL_WORD_UNBORN);
    word = atomic_exchange_explicit(at, vl_word_next(word, VL_WORD_EXCLUSIVE, place),
                                    memory_order_release);
    if ((word & VL_WORD_WAITERS) != 0)
        vl_word_wake(at); /* W5 */
}

VL_COLD void
vl_word_wait_loaded(_Atomic uint64_t *at)
{
    for (;;) {
        uint64_t word = atomic_load_explicit(at, memory_order_relaxed);

        if (vl_word_state(word) != VL_WORD_LOADING)
            return;
        word_sleep_reader(at, word);
    }
}

int
vl_word_try_mark(_Atomic uint64_t *at, uint64_t word)
{
    return vl_word_state(word) == 0 && (word & VL_WORD_WAITERS) == 0 && vl_word_place(word) != 0 &&
           atomic_compare_exchange_strong_explicit(at, &word, word | VL_WORD_MARKED,
                                                   memory_order_relaxed, memory_order_relaxed);
}

int
vl_word_read_upgrade(_Atomic uint64_t *at, uint64_t seen)
{
#if VL_TSAN
    vl_word_release_shared(at);
#endif
    return vl_word_try_exclusive_seen(at, seen);
}
