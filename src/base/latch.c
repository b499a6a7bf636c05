/* latch.c - waiting, waking and the rank check of latches.
 *
 * Invariants
 *   K1  Nobody sleeps unless `waiters` is set in the value it compares when it goes to sleep, and
 *       whoever clears `waiters` wakes all sleepers afterwards: no sleeper is forgotten.
 *       `waiters` without `exclusive` means `writer waits`: only a release of the exclusive latch
 *       clears it, and the last release of a shared one wakes the writer that will come to that.
 *   K2  `writer waits` is set only by a writer that keeps trying until it has the latch, and is
 *       cleared whenever the latch is taken or released exclusively: readers are not held off by
 *       a writer that has gone, and get their turn after each writer.
 *   K3  The version changes only by an exclusive release, after all changes of that holder.
 *   K4  A release touches the latch once: who takes it next may destroy it, while the releaser
 *       still wakes others by the mere address.
 *
 * States of the lower half, by what leaves them:
 *   free          -> shared (CAS +1), -> exclusive (CAS)
 *   shared n      -> shared n+-1; the last release wakes if `waiters`, keeping it and `writer
 *                    waits`, so that the writer it held off comes before new readers
 *   exclusive     -> free (exchange); wakes if `waiters`, clearing `writer waits` */
#include "base/latch.h"

#include "base/assert.h"
#include "base/park.h"

#include <string.h>

/* Turns of spinning before a waiter sleeps: together some microseconds, about what going to sleep
 * and being woken costs. */
#define LATCH_SPIN_ROUNDS VL_BY_BUILD(6, 1)

static _Atomic uint32_t *
latch_futex(vl_latch *latch)
{
    return &latch->u.half[VL_LITTLE_ENDIAN ? 0 : 1];
}

/* Pause for the n-th turn of spinning, longer each time. */
static void
latch_spin(unsigned round)
{
    for (unsigned i = 0; i < (1U << round); i++)
        vl_pause();
}

/* Announce a writer and sleep until the latch is released. Returns early at any change. Keeps K1.
 * Nothing that readers do meanwhile can make the announcement fail: from here on no new reader
 * gets in. It may meet a free latch; then the caller takes it at its next turn, which keeps K2. */
static void
latch_sleep_writer(vl_latch *latch)
{
    uint64_t flags = VL_LATCH_WAITERS | VL_LATCH_WRITER_WAITS;
    uint64_t word = atomic_fetch_or_explicit(&latch->u.word, flags, memory_order_relaxed);

    if ((word & (VL_LATCH_EXCLUSIVE | VL_LATCH_SHARED_MASK)) != 0)
        (void)vl_park(latch_futex(latch), (uint32_t)(word | flags), VL_PARK_FOREVER);
}

/* Sleep until the latch is released, for one who wants to read. Returns early at any change. Keeps
 * K1. */
static void
latch_sleep_reader(vl_latch *latch, uint64_t word)
{
    uint64_t marked = word | VL_LATCH_WAITERS;

    if (marked != word &&
        !atomic_compare_exchange_strong_explicit(&latch->u.word, &word, marked,
                                                 memory_order_relaxed, memory_order_relaxed))
        return; /* something changed: look again */
    (void)vl_park(latch_futex(latch), (uint32_t)marked, VL_PARK_FOREVER);
}

void
vl_latch_init(vl_latch *latch, uint32_t rank)
{
    atomic_init(&latch->u.word, 0);
#if VL_DEBUG
    latch->rank = rank;
#else
    (void)rank;
#endif
}

VL_COLD void
vl_latch_wait_exclusive(vl_latch *latch)
{
    for (unsigned round = 0;; round++) {
        uint64_t word = atomic_load_explicit(&latch->u.word, memory_order_relaxed);

        if ((word & (VL_LATCH_EXCLUSIVE | VL_LATCH_SHARED_MASK)) == 0) {
            if (vl_latch_try_exclusive(latch))
                return;
        } else if (round < LATCH_SPIN_ROUNDS) {
            latch_spin(round);
        } else {
            latch_sleep_writer(latch);
        }
    }
}

VL_COLD void
vl_latch_wait_shared(vl_latch *latch)
{
    for (unsigned round = 0;; round++) {
        uint64_t word = atomic_load_explicit(&latch->u.word, memory_order_relaxed);

        if ((word & (VL_LATCH_EXCLUSIVE | VL_LATCH_WRITER_WAITS)) == 0) {
            if (vl_latch_try_shared(latch))
                return;
        } else if (round < LATCH_SPIN_ROUNDS) {
            latch_spin(round);
        } else {
            latch_sleep_reader(latch, word);
        }
    }
}

VL_COLD uint64_t
vl_latch_wait_readable(vl_latch *latch)
{
    for (unsigned round = 0;; round++) {
        uint64_t word = atomic_load_explicit(&latch->u.word, memory_order_acquire);

        if ((word & VL_LATCH_EXCLUSIVE) == 0)
            return word;
        if (round < LATCH_SPIN_ROUNDS)
            latch_spin(round);
        else
            latch_sleep_reader(latch, word);
    }
}

VL_COLD void
vl_latch_wake(vl_latch *latch)
{
    vl_unpark(latch_futex(latch), INT32_MAX); /* keeps K4: computes an address, reads nothing */
}

int
vl_latch_read_upgrade(vl_latch *latch, uint64_t version)
{
    uint64_t word;

#if VL_TSAN
    vl_latch_release_shared(latch);
#endif
    word = atomic_load_explicit(&latch->u.word, memory_order_relaxed);
    if ((word & (VL_LATCH_VERSION_MASK | VL_LATCH_EXCLUSIVE | VL_LATCH_SHARED_MASK)) != version ||
        !atomic_compare_exchange_strong_explicit(
            &latch->u.word, &word, (word & ~VL_LATCH_WRITER_WAITS) | VL_LATCH_EXCLUSIVE,
            memory_order_acquire, memory_order_relaxed))
        return 0;
#if !VL_TSAN
    atomic_thread_fence(memory_order_release); /* as in vl_latch_try_exclusive */
#endif
    vl_latch_note_acquired(latch);
    return 1;
}

void
vl_racy_copy(void *to, const void *from, size_t size)
{
    char *target = to;
    const char *source = from;

    for (; size > 0 && ((uintptr_t)source & 7U) != 0; size--)
        *target++ = (char)vl_racy_load8(source++);
    for (; size >= 8; size -= 8, source += 8, target += 8) {
        uint64_t word = vl_racy_load64(source);

        memcpy(target, &word, sizeof word);
    }
    for (; size > 0; size--)
        *target++ = (char)vl_racy_load8(source++);
}

#if VL_DEBUG
/* The latches that this thread holds, oldest first. */
#define LATCH_MAX_HELD 64

static _Thread_local struct {
    const vl_latch *latches[LATCH_MAX_HELD]; /* held now */
    unsigned count;                          /* how many */
} latch_held;

/* Whether the second may be taken while the first is held. A family does not change a rank's place
 * in the order. */
static int
latch_ranks_rise(uint32_t held, uint32_t wanted)
{
    uint32_t place_held = held & ~(uint32_t)VL_RANK_FAMILY;
    uint32_t place_wanted = wanted & ~(uint32_t)VL_RANK_FAMILY;

    return place_held < place_wanted || (held == wanted && (held & VL_RANK_FAMILY) != 0);
}

void
vl_latch_note_acquiring(const vl_latch *latch)
{
    for (unsigned i = 0; i < latch_held.count; i++) {
        const vl_latch *held = latch_held.latches[i];

        VL_ASSERT(held != latch); /* not recursive */
        if (latch->rank == VL_RANK_NONE || held->rank == VL_RANK_NONE)
            continue;
        VL_ASSERT(latch_ranks_rise(held->rank, latch->rank));
    }
}

void
vl_latch_note_acquired(const vl_latch *latch)
{
    VL_ASSERT(latch_held.count < LATCH_MAX_HELD);
    latch_held.latches[latch_held.count++] = latch;
}

void
vl_latch_note_released(const vl_latch *latch)
{
    unsigned i = latch_held.count;

    while (i > 0 && latch_held.latches[i - 1] != latch)
        i--;
    VL_ASSERT(i > 0); /* released by the thread that holds it */
    for (; i < latch_held.count; i++)
        latch_held.latches[i - 1] = latch_held.latches[i];
    latch_held.count--;
}
#endif
