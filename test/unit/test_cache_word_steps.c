/* test_cache_word_steps.c - the code of a page's word, in every order of its steps worth it.
 *
 * As test_latch_steps.c, for the word of the page cache: pages also come and go here. This file
 * includes cache_word.c with each atomic operation made a step of lib/steps.h that also looks at
 * the rules: first all choices up to a number of preemptions, then random ones. Checked are mutual
 * exclusion, optimistic reads, the invariants W1 to W5, and that nobody sleeps for ever. */
#ifdef VL_DEBUG
#undef VL_DEBUG
#endif
#define VL_DEBUG 0 /* the table of held latches belongs to a real thread */
#include "base/assert.h"
#include "base/atomic.h"
#include "base/park.h"
#include "base/thread.h"
#include "lib/steps_scripts.h"
#include "lib/unit.h"

#include <string.h>

#if STEPS_POSSIBLE
/* What a thread does with the page. */
typedef enum probe_op {
    PROBE_WRITE, /* exclusive */
    PROBE_READ,  /* shared */
    PROBE_OPTIMISTIC,
    PROBE_UPGRADE,   /* an optimistic read that becomes a change */
    PROBE_TRY_WRITE, /* exclusive, if that is at once possible */
    PROBE_TRY_READ,  /* shared, if that is at once possible */
    PROBE_EVICT,     /* mark it, or let it go if it is marked */
    PROBE_LOAD,      /* bring it in if it is not there */
    PROBE_FREE,      /* end it, if it is there */
    PROBE_NEW,       /* begin it anew, if it is not there */
    PROBE_MOVE       /* exclusive, and it lies elsewhere then */
} probe_op;

/* What the word guards. */
static struct {
    uint64_t left; /* always equal to `right` when nobody writes */
    uint64_t right;
    int writers;                         /* inside */
    int readers;                         /* inside */
    uint64_t written;                    /* exclusive holds in this run */
    int has_released[STEPS_THREADS_MAX]; /* a thread gave the page up in the release that it is in:
                                            W4 */
} probe;

/* The word's parts, which cannot be included yet; asserted below to be the same. */
#define WORD_STATE(word)  ((word) & 0xff)
#define WORD_PLACE(word)  ((word) >> 36)
#define WORD_SHARED_MAX   UINT64_C(250)
#define WORD_MARKED       UINT64_C(251)
#define WORD_UNBORN       UINT64_C(252)
#define WORD_EXCLUSIVE    UINT64_C(254)
#define WORD_LOADING      UINT64_C(255)
#define WORD_WAITERS      UINT64_C(0x100)
#define WORD_VERSION_ONE  UINT64_C(0x400)
#define WORD_VERSION_MASK UINT64_C(0xffffffc00)

/* What holds between any two steps: the parts of K1 and K2 that one word can show. */
static void
probe_check_word(uint64_t word)
{
    uint64_t state = WORD_STATE(word);

    steps_expect(state <= WORD_MARKED || state == WORD_EXCLUSIVE || state == WORD_UNBORN ||
                     state == WORD_LOADING,
                 "the state is a known one");
    steps_expect(WORD_PLACE(word) != 0 || state == 0 || state == WORD_LOADING ||
                     state == WORD_UNBORN,
                 "an absent page is free, unborn or loading (W5)");
}

/* ---- what cache_word.c sees in the place of atomics and of sleeping ---- */

static uint64_t
probe_load(const _Atomic uint64_t *word)
{
    steps_yield();
    steps_expect(!probe.has_released[steps_current()], "a release touches it once (W4)");
    return atomic_load(word);
}

static int
probe_cas(_Atomic uint64_t *word, uint64_t *expected, uint64_t wanted)
{
    uint64_t before = *expected;
    int done;

    steps_yield();
    done = atomic_compare_exchange_strong(word, expected, wanted);
    probe_check_word(atomic_load(word));
    if (done && WORD_STATE(wanted) <= WORD_SHARED_MAX && WORD_STATE(wanted) != 0)
        steps_expect((before & WORD_WAITERS) == 0, "a waiting writer holds readers off (W2)");
    return done;
}

static uint64_t
probe_exchange(_Atomic uint64_t *word, uint64_t wanted)
{
    uint64_t before;

    steps_yield();
    before = atomic_exchange(word, wanted);
    probe_check_word(wanted);
    steps_expect((wanted & WORD_VERSION_MASK) == ((before + WORD_VERSION_ONE) & WORD_VERSION_MASK),
                 "a release counts the version (W3)");
    steps_expect((wanted & WORD_WAITERS) == 0, "who settles clears waiters (W2)");
    probe.has_released[steps_current()] = 1;
    return before;
}

static uint64_t
probe_fetch_sub(_Atomic uint64_t *word, uint64_t amount)
{
    uint64_t before;

    steps_yield();
    before = atomic_fetch_sub(word, amount);
    probe_check_word(before - amount);
    probe.has_released[steps_current()] = 1;
    return before;
}

/* A move: by its holder, and of nothing but the place. */
static uint64_t
probe_fetch_add(_Atomic uint64_t *word, uint64_t amount)
{
    uint64_t before;

    steps_yield();
    steps_expect(!probe.has_released[steps_current()], "a release touches it once (W4)");
    before = atomic_fetch_add(word, amount);
    probe_check_word(before + amount);
    steps_expect(WORD_STATE(before) == WORD_EXCLUSIVE, "only its holder moves it");
    steps_expect((amount & ((UINT64_C(1) << 36) - 1)) == 0, "a move changes the place only");
    return before;
}

static uint64_t
probe_fetch_or(_Atomic uint64_t *word, uint64_t bits)
{
    uint64_t before;

    steps_yield();
    steps_expect(!probe.has_released[steps_current()], "a release touches it once (W4)");
    before = atomic_fetch_or(word, bits);
    probe_check_word(before | bits);
    return before;
}

static int
probe_park(const _Atomic uint32_t *word, uint32_t expected, int64_t timeout_ns)
{
    steps_expect((expected & WORD_WAITERS) != 0, "who sleeps has marked the word (W1)");
    return steps_park(word, expected, timeout_ns);
}

/* What cache_word.c does not use today has no replacement: then it does not compile here. */
#undef atomic_init
#undef atomic_store_explicit
#undef atomic_fetch_add_explicit
#undef atomic_fetch_and_explicit
#undef atomic_fetch_xor_explicit
#undef atomic_compare_exchange_weak_explicit
#undef atomic_load_explicit
#undef atomic_compare_exchange_strong_explicit
#undef atomic_exchange_explicit
#undef atomic_fetch_sub_explicit
#undef atomic_fetch_or_explicit
#define atomic_load_explicit(word, order)         probe_load(word)
#define atomic_exchange_explicit(word, v, order)  probe_exchange(word, v)
#define atomic_fetch_add_explicit(word, v, order) probe_fetch_add(word, v)
#define atomic_fetch_sub_explicit(word, v, order) probe_fetch_sub(word, v)
#define atomic_fetch_or_explicit(word, v, order)  probe_fetch_or(word, v)
#define atomic_compare_exchange_strong_explicit(word, expected, wanted, order, failed)             \
    probe_cas(word, expected, wanted)
#define vl_park         probe_park
#define vl_unpark       steps_unpark
#define vl_thread_yield steps_yield

/* Sleep after one round of spinning, as in the tiny build: spinning adds steps, but no states. */
#undef VL_BY_BUILD
#define VL_BY_BUILD(normal, tiny) (tiny)

/* Names of their own, since the library has these too. */
#define vl_word_wait_shared    steps_word_wait_shared
#define vl_word_wait_exclusive steps_word_wait_exclusive
#define vl_word_wait_readable  steps_word_wait_readable
#define vl_word_wake           steps_word_wake
#define vl_word_try_begin      steps_word_try_begin
#define vl_word_bear           steps_word_bear
#define vl_word_wait_loaded    steps_word_wait_loaded
#define vl_word_try_mark       steps_word_try_mark
#define vl_word_read_upgrade   steps_word_read_upgrade
#include "storage/cache_word.c" /* NOLINT(bugprone-suspicious-include): anew on stepped atomics */

_Static_assert(WORD_SHARED_MAX == VL_WORD_SHARED_MAX && WORD_MARKED == VL_WORD_MARKED, "same");
_Static_assert(WORD_UNBORN == VL_WORD_UNBORN && WORD_EXCLUSIVE == VL_WORD_EXCLUSIVE, "same");
_Static_assert(WORD_LOADING == VL_WORD_LOADING && WORD_WAITERS == VL_WORD_WAITERS, "same");
_Static_assert(WORD_VERSION_ONE == VL_WORD_VERSION_ONE, "same");
_Static_assert(WORD_VERSION_MASK == VL_WORD_VERSION_MASK, "same");
_Static_assert(WORD_STATE(0xfff) == VL_WORD_STATE_MASK, "same");
_Static_assert(WORD_PLACE(VL_WORD_PLACE_MASK) == VL_WORD_PLACE_MAX, "same");

/* Aligned as the library's words are, and seen in halves. */
static union {
    _Atomic uint64_t word;
    _Atomic uint32_t half[2];
} steps_cell;

#define STEPS_WORD (&steps_cell.word)

/* ---- what the threads do ---- */

static void
probe_write_inside(void)
{
    steps_expect(probe.writers++ == 0 && probe.readers == 0, "a writer is alone");
    probe.left++;
    steps_yield();
    probe.right++;
    steps_expect(probe.left == probe.right, "only one writes");
    steps_expect(--probe.writers == 0 && probe.readers == 0, "a writer stays alone");
    probe.written++;
}

static void
probe_settle(uint32_t place)
{
    vl_word_settle(STEPS_WORD, place);
    probe.has_released[steps_current()] = 0;
}

static void
probe_read_inside(void)
{
    steps_expect(probe.writers == 0, "no writer among readers");
    probe.readers++;
    steps_yield();
    steps_expect(probe.writers == 0 && probe.left == probe.right, "nothing changes under a reader");
    probe.readers--;
    vl_word_release_shared(STEPS_WORD);
    probe.has_released[steps_current()] = 0;
}

static void
probe_read_optimistically(int upgrades)
{
    uint64_t seen = vl_word_read_begin(STEPS_WORD);
    uint64_t left;
    uint64_t right;

    if (seen == 0)
        return;
    steps_yield();
    left = probe.left;
    steps_yield();
    right = probe.right;
    if (!upgrades) {
        if (vl_word_read_end(STEPS_WORD, seen))
            steps_expect(left == right, "a confirmed read is not torn");
    } else if (vl_word_read_upgrade(STEPS_WORD, seen)) {
        steps_expect(left == right && left == probe.left, "a read is true after its upgrade");
        probe_write_inside();
        probe_settle(1);
    }
}

/* As the evictor's clock: a mark at first, and out when it is still there. */
static void
probe_evict(void)
{
    uint64_t word = atomic_load_explicit(STEPS_WORD, memory_order_relaxed);

    if (vl_word_state(word) != VL_WORD_MARKED) {
        (void)vl_word_try_mark(STEPS_WORD, word);
    } else if ((word & VL_WORD_WAITERS) == 0 && vl_word_try_exclusive_as(STEPS_WORD, word) != 0) {
        probe_write_inside(); /* nobody may look at it */
        probe_settle(0);
    }
}

static void
probe_begin(uint64_t state)
{
    if (vl_word_try_begin(STEPS_WORD, state)) {
        probe_write_inside();
        if (state == VL_WORD_UNBORN) {
            vl_word_bear(STEPS_WORD, 1);
            probe.has_released[steps_current()] = 0;
            probe_write_inside();
        }
        probe_settle(1);
    } else if (state == VL_WORD_LOADING) {
        vl_word_wait_loaded(STEPS_WORD);
    }
}

/* As a page that is read in place goes to a frame; whoever changes it next finds it there. */
static void
probe_move(void)
{
    uint64_t word = vl_word_acquire_exclusive(STEPS_WORD);

    if (word == 0)
        return;
    probe_write_inside();
    if (vl_word_place(word) == 1) {
        word = vl_word_move(STEPS_WORD, 0, 6);
        steps_expect(vl_word_place(word) == 7 && vl_word_state(word) == VL_WORD_EXCLUSIVE,
                     "a move changes the place and nothing else");
    }
    steps_expect(vl_word_place(atomic_load(STEPS_WORD)) == vl_word_place(word), "and it stays");
    probe_settle(vl_word_place(word));
}

/* check_tree: table, one case for each operation */
static void
probe_do(unsigned op)
{
    switch ((probe_op)op) {
    case PROBE_WRITE:
        if (vl_word_acquire_exclusive(STEPS_WORD) != 0) {
            probe_write_inside();
            probe_settle(1);
        }
        break;
    case PROBE_READ:
        if (vl_word_acquire_shared(STEPS_WORD) != 0)
            probe_read_inside();
        break;
    case PROBE_OPTIMISTIC:
        probe_read_optimistically(0);
        break;
    case PROBE_UPGRADE:
        probe_read_optimistically(1);
        break;
    case PROBE_TRY_WRITE:
        if (vl_word_try_exclusive(STEPS_WORD) != 0) {
            probe_write_inside();
            probe_settle(1);
        }
        break;
    case PROBE_TRY_READ:
        if (vl_word_try_shared(STEPS_WORD) != 0)
            probe_read_inside();
        break;
    case PROBE_EVICT:
        probe_evict();
        break;
    case PROBE_LOAD:
        probe_begin(VL_WORD_LOADING);
        break;
    case PROBE_FREE:
        if (vl_word_acquire_exclusive(STEPS_WORD) != 0) {
            probe_write_inside();
            probe_settle(0);
        }
        break;
    case PROBE_NEW:
        probe_begin(VL_WORD_UNBORN);
        break;
    case PROBE_MOVE:
        probe_move();
        break;
    }
}

static void
probe_prepare(void)
{
    memset(&probe, 0, sizeof probe);
    __atomic_store_n((uint64_t *)(uintptr_t)STEPS_WORD, UINT64_C(1) << VL_WORD_PLACE_SHIFT,
                     __ATOMIC_RELAXED);
}

static const char *
probe_finish(void)
{
    uint64_t word = atomic_load(STEPS_WORD) & ~VL_WORD_VERSION_MASK;

    if (!vl_word_is_free(word))
        return "in the end nobody holds it";
    if ((word & VL_WORD_WAITERS) != 0 && vl_word_place(word) != 0)
        return "in the end nobody waits (W5)";
    return NULL;
}

static const steps_scripts probe_scripts = {
    .letters = "WROUwrELFNM",
    .prepare = probe_prepare,
    .perform = probe_do,
    .finish = probe_finish,
};

static void
cache_word_steps_of_two_in_every_order(void)
{
    static const char *const programs[] = {
        "WW WW", "W RR",   "WR RW", "W OO", "U U",   "UW U", "R U",  "w WR",   "r WW",  "wr rw",
        "EE R",  "EE O",   "EE W",  "EE U", "EEL L", "F W",  "F R",  "FN RWR", "FN OU", "FL LR",
        "FN LR", "EEL WR", "F FN",  "M R",  "M OO",  "M UW", "MM W", "M EE"};

    for (size_t i = 0; i < VL_ARRAY_COUNT(programs) && !unit_has_failed(); i++)
        steps_explore(&probe_scripts, programs[i], 6);
}

static void
cache_word_steps_of_three_in_most_orders(void)
{
    static const char *const programs[] = {
        "W W W",  "W W R", "W R R",  "W W O",  "W R O",   "U W R",  "U U R", "W w R", "W W r",
        "WW W R", "F W R", "FL W R", "FN W R", "EEL W R", "FL L L", "M W R", "M U O", "M R R"};

    for (size_t i = 0; i < VL_ARRAY_COUNT(programs) && !unit_has_failed(); i++)
        steps_explore(&probe_scripts, programs[i], 3);
}

static void
cache_word_steps_of_four_in_many_orders(void)
{
    static const char *const programs[] = {"W W R R", "W W W W", "W R R R", "W W R O",
                                           "U W R r", "F W R R", "FL L W R"};

    for (size_t i = 0; i < VL_ARRAY_COUNT(programs) && !unit_has_failed(); i++)
        steps_explore(&probe_scripts, programs[i], 2);
}

static void
cache_word_steps_in_random_orders(void)
{
    steps_wander(&probe_scripts, 0, unit_seed());
}

static void
cache_word_steps_with_early_wake_ups(void)
{
    steps_wander(&probe_scripts, 1, unit_seed() + 1);
}
#else
static void
cache_word_steps_cannot_be_explored(void)
{
    unit_skip("the sanitizers and some systems do not have contexts");
}
#endif

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
#if STEPS_POSSIBLE
        UNIT_TEST(cache_word_steps_of_two_in_every_order),
        UNIT_TEST(cache_word_steps_of_three_in_most_orders),
        UNIT_TEST(cache_word_steps_of_four_in_many_orders),
        UNIT_TEST(cache_word_steps_in_random_orders),
        UNIT_TEST(cache_word_steps_with_early_wake_ups),
#else
        UNIT_TEST(cache_word_steps_cannot_be_explored),
#endif
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
