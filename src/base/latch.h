/* latch.h - guards memory for nanoseconds to microseconds: exclusive, shared or optimistic.
 *
 * One 64-bit word:
 *
 *   63            32 31        30       29             28 ... 0
 *   |    version    | exclusive | waiters | writer waits | shared count |
 *
 * exclusive   one holder, who may change what the latch guards. Its release advances the version.
 * shared      any number of holders, who may read.
 * optimistic  no holder: note the version, read, and see whether it is still the same. Nothing is
 *             written, so readers on many cores do not disturb each other. What was read counts
 *             only once it is confirmed; until then it may be torn, and every offset is clamped.
 *             The reads themselves go through the vl_racy_ functions below.
 *
 *     uint64_t version = vl_latch_read_begin(latch);
 *     ... read through vl_racy_load, assert nothing ...
 *     if (!vl_latch_read_end(latch, version))
 *         start over (after a few tries: take the latch)
 *
 * A waiter spins briefly and then sleeps on the word's lower half. While a writer waits, newcomers
 * that want to share queue behind it, and when a writer releases, those who wait to share get
 * their chance: neither side starves the other. There is no order among writers, as with any
 * mutex that may be overtaken: handing it over in order would cost a context switch each time.
 *
 * A latch is never held across I/O of another page, a lock wait, a user callback or a log sync, is
 * not recursive, and is released by the thread that acquired it. In debug builds a thread takes
 * ranked latches in rising rank only (docs/locking.md); a violation stops the process.
 *
 * Under ThreadSanitizer, which knows no fences, an optimistic read takes the latch shared. So a
 * thread that began an optimistic read always ends it, by vl_latch_read_end or
 * vl_latch_read_upgrade, before it takes the same latch in another way.
 *
 * See Leis, Scheibner, Kemper and Neumann, "The ART of practical synchronization", DaMoN 2016, and
 * Boehm, "Can seqlocks get along with programming language memory models?", MSPC 2012. */
#ifndef VL_BASE_LATCH_H
#define VL_BASE_LATCH_H

#include "base/atomic.h"
#include "base/platform.h"

#define VL_LATCH_SHARED_MASK  UINT64_C(0x1fffffff)
#define VL_LATCH_WRITER_WAITS UINT64_C(0x20000000)
#define VL_LATCH_WAITERS      UINT64_C(0x40000000)
#define VL_LATCH_EXCLUSIVE    UINT64_C(0x80000000)
#define VL_LATCH_VERSION_ONE  UINT64_C(0x100000000)
#define VL_LATCH_VERSION_MASK UINT64_C(0xffffffff00000000)

/* A latch that is exempt from the rank check. */
#define VL_RANK_NONE 0
/* Added to a rank whose latches may be held several at a time, in an order that their structure
 * gives (parent before child, left before right). */
#define VL_RANK_FAMILY 0x8000

typedef struct vl_latch {
    union {
        _Atomic uint64_t word;    /* see above */
        _Atomic uint32_t half[2]; /* for sleeping on the half that holds all but the version */
    } u;
#if VL_DEBUG
    uint32_t rank; /* place in the order, VL_RANK_NONE for none; set once */
#endif
} vl_latch;

/* Make a free latch. `rank` is one of those in docs/locking.md. */
void vl_latch_init(vl_latch *latch, uint32_t rank);

/* The parts that are not inlined: waiting, waking, and the debug build's bookkeeping. */
void vl_latch_wait_exclusive(vl_latch *latch);
void vl_latch_wait_shared(vl_latch *latch);
uint64_t vl_latch_wait_readable(vl_latch *latch);
void vl_latch_wake(vl_latch *latch);
#if VL_DEBUG
void vl_latch_note_acquiring(const vl_latch *latch);
void vl_latch_note_acquired(const vl_latch *latch);
void vl_latch_note_released(const vl_latch *latch);
#else
#define vl_latch_note_acquiring(latch) ((void)0)
#define vl_latch_note_acquired(latch)  ((void)0)
#define vl_latch_note_released(latch)  ((void)0)
#endif

/* Try to take the latch for changing: 1 when taken. Never waits, and is exempt from ranks. */
static inline int
vl_latch_try_exclusive(vl_latch *latch)
{
    uint64_t word = atomic_load_explicit(&latch->u.word, memory_order_relaxed);

    if ((word & (VL_LATCH_EXCLUSIVE | VL_LATCH_SHARED_MASK)) != 0 ||
        !atomic_compare_exchange_strong_explicit(
            &latch->u.word, &word, (word & ~VL_LATCH_WRITER_WAITS) | VL_LATCH_EXCLUSIVE,
            memory_order_acquire, memory_order_relaxed))
        return 0;
#if !VL_TSAN
    /* Orders the exclusive bit before the changes that follow, for optimistic readers: pairs with
     * the acquire fence in vl_latch_read_valid. */
    atomic_thread_fence(memory_order_release);
#endif
    vl_latch_note_acquired(latch);
    return 1;
}

/* Take the latch for changing; waits. */
static inline void
vl_latch_acquire_exclusive(vl_latch *latch)
{
    vl_latch_note_acquiring(latch);
    if (VL_UNLIKELY(!vl_latch_try_exclusive(latch)))
        vl_latch_wait_exclusive(latch);
}

/* Release after changing, and make every optimistic read that overlapped invalid. */
static inline void
vl_latch_release_exclusive(vl_latch *latch)
{
    uint64_t word = atomic_load_explicit(&latch->u.word, memory_order_relaxed);

    vl_latch_note_released(latch);
    word = atomic_exchange_explicit(&latch->u.word,
                                    (word & VL_LATCH_VERSION_MASK) + VL_LATCH_VERSION_ONE,
                                    memory_order_release);
    if (VL_UNLIKELY((word & VL_LATCH_WAITERS) != 0))
        vl_latch_wake(latch);
}

/* Try to take the latch for reading: 1 when taken. Never waits, and is exempt from ranks. Fails
 * also when a writer waits or when another thread was quicker. */
static inline int
vl_latch_try_shared(vl_latch *latch)
{
    uint64_t word = atomic_load_explicit(&latch->u.word, memory_order_relaxed);

    if ((word & (VL_LATCH_EXCLUSIVE | VL_LATCH_WRITER_WAITS)) != 0 ||
        !atomic_compare_exchange_strong_explicit(&latch->u.word, &word, word + 1,
                                                 memory_order_acquire, memory_order_relaxed))
        return 0;
    vl_latch_note_acquired(latch);
    return 1;
}

/* Take the latch for reading; waits. */
static inline void
vl_latch_acquire_shared(vl_latch *latch)
{
    vl_latch_note_acquiring(latch);
    if (VL_UNLIKELY(!vl_latch_try_shared(latch)))
        vl_latch_wait_shared(latch);
}

/* Release after reading. */
static inline void
vl_latch_release_shared(vl_latch *latch)
{
    uint64_t word;

    vl_latch_note_released(latch);
    word = atomic_fetch_sub_explicit(&latch->u.word, 1, memory_order_release);
    if (VL_UNLIKELY((word & (VL_LATCH_SHARED_MASK | VL_LATCH_WAITERS)) == (VL_LATCH_WAITERS | 1)))
        vl_latch_wake(latch);
}

/* Begin an optimistic read: returns the version to confirm later. Waits while somebody holds the
 * latch exclusively, so ranks apply as in taking it. */
static inline uint64_t
vl_latch_read_begin(vl_latch *latch)
{
#if VL_TSAN
    vl_latch_acquire_shared(latch);
    return atomic_load_explicit(&latch->u.word, memory_order_relaxed) & VL_LATCH_VERSION_MASK;
#else
    uint64_t word;

    vl_latch_note_acquiring(latch);
    word = atomic_load_explicit(&latch->u.word, memory_order_acquire);
    if (VL_UNLIKELY((word & VL_LATCH_EXCLUSIVE) != 0))
        word = vl_latch_wait_readable(latch);
    return word & VL_LATCH_VERSION_MASK;
#endif
}

/* Whether all that was read since the version was noted is true: 1 or 0. The read goes on; may be
 * asked any number of times. */
static inline int
vl_latch_read_valid(const vl_latch *latch, uint64_t version)
{
#if VL_TSAN
    (void)latch;
    (void)version;
    return 1;
#else
    uint64_t word;

    atomic_thread_fence(memory_order_acquire); /* pairs with the fence of vl_latch_try_exclusive */
    word = atomic_load_explicit(&latch->u.word, memory_order_relaxed);
    return (word & (VL_LATCH_VERSION_MASK | VL_LATCH_EXCLUSIVE)) == version;
#endif
}

/* End an optimistic read: 1 when all that was read is true. */
static inline int
vl_latch_read_end(vl_latch *latch, uint64_t version)
{
    int valid = vl_latch_read_valid(latch, version);

#if VL_TSAN
    vl_latch_release_shared(latch);
#endif
    return valid;
}

/* End an optimistic read by taking the latch exclusively, if nothing changed since it began: 1
 * when taken, and all that was read is true. 0 when not: start over. Never waits. */
int vl_latch_read_upgrade(vl_latch *latch, uint64_t version);

/* Whether somebody holds the latch exclusively; for assertions. */
static inline int
vl_latch_is_exclusive(const vl_latch *latch)
{
    return (atomic_load_explicit(&latch->u.word, memory_order_relaxed) & VL_LATCH_EXCLUSIVE) != 0;
}

/* Reads that may race with a writer, for use between vl_latch_read_begin and the confirmation.
 * Relaxed atomic loads of naturally aligned numbers: each value is one that was there at some
 * moment, different values may be of different moments. */
static inline uint8_t
vl_racy_load8(const void *from)
{
    return __atomic_load_n((const uint8_t *)from, __ATOMIC_RELAXED);
}

static inline uint16_t
vl_racy_load16(const void *from)
{
    return __atomic_load_n((const uint16_t *)from, __ATOMIC_RELAXED);
}

static inline uint32_t
vl_racy_load32(const void *from)
{
    return __atomic_load_n((const uint32_t *)from, __ATOMIC_RELAXED);
}

static inline uint64_t
vl_racy_load64(const void *from)
{
    return __atomic_load_n((const uint64_t *)from, __ATOMIC_RELAXED);
}

/* Copy size bytes that may change meanwhile, from and to any address. */
void vl_racy_copy(void *to, const void *from, size_t size);

#endif
