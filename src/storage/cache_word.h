/* cache_word.h - the word that says where a page is, and guards it.
 *
 *   63      36 35       10   9      8      7 ... 0
 *   |  place  |  version  | 0 | waiters |  state  |
 *
 * state    free; 1 to 250 holders that share; free and marked for eviction; unborn; exclusive;
 *          loading
 * waiters  somebody sleeps on the lower half, or is about to
 * version  advanced by each exclusive release and when the page comes or goes
 * place    0: not in memory; else a frame, or a block of a mapping (see cache_direct.c)
 *
 * An optimistic read is true when version and place are what they were and nobody has the
 * page exclusively: those who share, the mark and waiters do not matter. The evictor sets the
 * mark; whoever finds it clears it: one write per round of the evictor's clock.
 *
 * Version and word outlive eviction and the reuse of the page's number. 26 bits wrap after 67
 * million exclusive releases inside one read of one inner node: accepted.
 *
 * Waiting is that of base/latch.c; there is no bit of its own for "a writer waits", since one
 * suffices: readers wait only for those who hold exclusively, so `waiters` in any other state means
 * a writer. Readers that find the count at its limit spin. Functions that acquire return the word
 * as it was seen, 0 for a page that is not in memory, and never wait for a loading one. */
#ifndef VL_STORAGE_CACHE_WORD_H
#define VL_STORAGE_CACHE_WORD_H

#include "base/atomic.h"
#include "base/platform.h"

#define VL_WORD_STATE_MASK   UINT64_C(0xff)
#define VL_WORD_SHARED_MAX   UINT64_C(250)
#define VL_WORD_MARKED       UINT64_C(251)
#define VL_WORD_UNBORN       UINT64_C(252)
#define VL_WORD_EXCLUSIVE    UINT64_C(254)
#define VL_WORD_LOADING      UINT64_C(255)
#define VL_WORD_WAITERS      UINT64_C(0x100)
#define VL_WORD_VERSION_ONE  UINT64_C(0x400)
#define VL_WORD_VERSION_MASK UINT64_C(0xffffffc00)
#define VL_WORD_PLACE_MASK   UINT64_C(0xfffffff000000000)
#define VL_WORD_PLACE_SHIFT  36
#define VL_WORD_PLACE_MAX    ((UINT32_C(1) << 28) - 1)

/* What an optimistic read compares. */
#define VL_WORD_SEEN_MASK (VL_WORD_VERSION_MASK | VL_WORD_PLACE_MASK)

static inline uint64_t
vl_word_state(uint64_t word)
{
    return word & VL_WORD_STATE_MASK;
}

/* The number of a frame or of a block among the frames, plus 1; 0 for none. */
static inline uint32_t
vl_word_place(uint64_t word)
{
    return (uint32_t)(word >> VL_WORD_PLACE_SHIFT);
}

/* Whether nobody holds it: free, with or without a mark. */
static inline int
vl_word_is_free(uint64_t word)
{
    return vl_word_state(word) == 0 || vl_word_state(word) == VL_WORD_MARKED;
}

/* The word with the next version, another state and place, and nobody waiting. */
static inline uint64_t
vl_word_next(uint64_t word, uint64_t state, uint32_t place)
{
    return ((word + VL_WORD_VERSION_ONE) & VL_WORD_VERSION_MASK) | state |
           (uint64_t)place << VL_WORD_PLACE_SHIFT;
}

/* The parts that are not inlined. */
uint64_t vl_word_wait_shared(_Atomic uint64_t *at);
uint64_t vl_word_wait_exclusive(_Atomic uint64_t *at);
uint64_t vl_word_wait_readable(_Atomic uint64_t *at);
void vl_word_wake(_Atomic uint64_t *at);

/* Try to share: the word, or 0 when that is not possible at once, for whatever reason. */
static inline uint64_t
vl_word_try_shared(_Atomic uint64_t *at)
{
    uint64_t word = atomic_load_explicit(at, memory_order_relaxed);
    uint64_t wanted = word + 1;

    if (vl_word_state(word) == VL_WORD_MARKED)
        wanted = (word & ~VL_WORD_STATE_MASK) | 1;
    else if (vl_word_state(word) >= VL_WORD_SHARED_MAX)
        return 0;
    if ((word & VL_WORD_WAITERS) != 0 || vl_word_place(word) == 0 ||
        !atomic_compare_exchange_strong_explicit(at, &word, wanted, memory_order_acquire,
                                                 memory_order_relaxed))
        return 0;
    return wanted;
}

/* Share; waits for those who have it exclusively. 0: not in memory. */
static inline uint64_t
vl_word_acquire_shared(_Atomic uint64_t *at)
{
    uint64_t word = vl_word_try_shared(at);

    return VL_LIKELY(word != 0) ? word : vl_word_wait_shared(at);
}

static inline void
vl_word_release_shared(_Atomic uint64_t *at)
{
    uint64_t word = atomic_fetch_sub_explicit(at, 1, memory_order_release);

    if (VL_UNLIKELY((word & (VL_WORD_STATE_MASK | VL_WORD_WAITERS)) == (VL_WORD_WAITERS | 1)))
        vl_word_wake(at);
}

/* Take it exclusively if it is still as `word` and nobody holds it: the word, or 0. */
static inline uint64_t
vl_word_try_exclusive_as(_Atomic uint64_t *at, uint64_t word)
{
    uint64_t wanted = (word & ~VL_WORD_STATE_MASK) | VL_WORD_EXCLUSIVE;

    if (!vl_word_is_free(word) || vl_word_place(word) == 0 ||
        !atomic_compare_exchange_strong_explicit(at, &word, wanted, memory_order_acquire,
                                                 memory_order_relaxed))
        return 0;
#if !VL_TSAN
    /* Orders the state before the changes that follow, for optimistic readers: pairs with the
     * acquire fence in vl_word_read_valid. */
    atomic_thread_fence(memory_order_release);
#endif
    return wanted;
}

/* The same if the part of it that an optimistic read compares is still `seen`: 1, or 0. */
static inline int
vl_word_try_exclusive_seen(_Atomic uint64_t *at, uint64_t seen)
{
    uint64_t word = atomic_load_explicit(at, memory_order_relaxed);

    return (word & VL_WORD_SEEN_MASK) == seen && vl_word_try_exclusive_as(at, word) != 0;
}

static inline uint64_t
vl_word_try_exclusive(_Atomic uint64_t *at)
{
    return vl_word_try_exclusive_as(at, atomic_load_explicit(at, memory_order_relaxed));
}

/* Take it exclusively; waits. 0: not in memory. */
static inline uint64_t
vl_word_acquire_exclusive(_Atomic uint64_t *at)
{
    uint64_t word = vl_word_try_exclusive(at);

    return VL_LIKELY(word != 0) ? word : vl_word_wait_exclusive(at);
}

/* End what the caller has for itself (exclusive, unborn, loading): the page is free, in `place`, or
 * absent when that is 0. Every optimistic read that overlapped is invalid; wakes all who wait. */
static inline void
vl_word_settle(_Atomic uint64_t *at, uint32_t place)
{
    uint64_t word = atomic_load_explicit(at, memory_order_relaxed);

    word = atomic_exchange_explicit(at, vl_word_next(word, 0, place), memory_order_release);
    if (VL_UNLIKELY((word & VL_WORD_WAITERS) != 0))
        vl_word_wake(at);
}

static inline void
vl_word_release_exclusive(_Atomic uint64_t *at)
{
    vl_word_settle(at, vl_word_place(atomic_load_explicit(at, memory_order_relaxed)));
}

/* What the caller has exclusively lies elsewhere from now on, until then as it was: returns the
 * word. (Nobody sees it before it is released; others may set `waiters` meanwhile.) */
static inline uint64_t
vl_word_move(_Atomic uint64_t *at, uint32_t from, uint32_t to)
{
    uint64_t step = ((uint64_t)to - from) << VL_WORD_PLACE_SHIFT;

    return atomic_fetch_add_explicit(at, step, memory_order_relaxed) + step;
}

/* Of an absent page that nobody is bringing in: begin with it (`state` loading or unborn). 1 when
 * done. */
int vl_word_try_begin(_Atomic uint64_t *at, uint64_t state);

/* Make an unborn page one that its maker holds exclusively. */
void vl_word_bear(_Atomic uint64_t *at, uint32_t place);

/* Sleep while somebody loads the page. */
void vl_word_wait_loaded(_Atomic uint64_t *at);

/* Give a page that was not used its mark: 1, or 0 when somebody holds it or waits. */
int vl_word_try_mark(_Atomic uint64_t *at, uint64_t word);

/* Begin an optimistic read: what to compare with, 0 when the page is not in memory. Waits while
 * somebody has it exclusively. Under the thread sanitizer, which knows no fences, it is a shared
 * hold. */
static inline uint64_t
vl_word_read_begin(_Atomic uint64_t *at)
{
#if VL_TSAN
    return vl_word_acquire_shared(at) & VL_WORD_SEEN_MASK;
#else
    uint64_t word = atomic_load_explicit(at, memory_order_acquire);

    if (VL_UNLIKELY(vl_word_state(word) > VL_WORD_SHARED_MAX))
        word = vl_word_wait_readable(at);
    return vl_word_place(word) == 0 ? 0 : word & VL_WORD_SEEN_MASK;
#endif
}

/* Whether all that was read since is true. */
static inline int
vl_word_read_valid(_Atomic uint64_t *at, uint64_t seen)
{
#if VL_TSAN
    (void)at;
    (void)seen;
    return 1;
#else
    uint64_t word;

    atomic_thread_fence(memory_order_acquire); /* pairs with that of vl_word_try_exclusive_as */
    word = atomic_load_explicit(at, memory_order_relaxed);
    return (word & VL_WORD_SEEN_MASK) == seen && vl_word_state(word) != VL_WORD_EXCLUSIVE;
#endif
}

static inline int
vl_word_read_end(_Atomic uint64_t *at, uint64_t seen)
{
    int valid = vl_word_read_valid(at, seen);

#if VL_TSAN
    vl_word_release_shared(at);
#endif
    return valid;
}

/* End an optimistic read by taking the page exclusively, if nothing changed since it began: 1, else
 * 0. Never waits. */
int vl_word_read_upgrade(_Atomic uint64_t *at, uint64_t seen);

#endif
