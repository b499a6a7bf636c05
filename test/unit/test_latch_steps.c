/* test_latch_steps.c - the latch's own code, run in every order of its steps that is worth it.
 *
 * This file includes latch.c with each atomic operation made a step of lib/steps.h that also looks
 * at the rules: first all choices up to a number of preemptions, then random ones. Checked are
 * mutual exclusion, optimistic reads, the invariants K1 to K4, and that nobody sleeps for ever. */
#ifdef VL_DEBUG
#undef VL_DEBUG
#endif
#define VL_DEBUG 0 /* the table of held latches belongs to a real thread */
#include "base/assert.h"
#include "base/atomic.h"
#include "base/park.h"
#include "lib/steps_scripts.h"
#include "lib/unit.h"

#include <string.h>

#if STEPS_POSSIBLE
/* What a thread does with the latch. */
typedef enum probe_op {
    PROBE_WRITE, /* exclusive */
    PROBE_READ,  /* shared */
    PROBE_OPTIMISTIC,
    PROBE_UPGRADE,   /* an optimistic read that becomes a change */
    PROBE_TRY_WRITE, /* exclusive, if that is at once possible */
    PROBE_TRY_READ   /* shared, if that is at once possible */
} probe_op;

/* What the latch guards. */
static struct {
    uint64_t left; /* always equal to `right` when nobody writes */
    uint64_t right;
    int writers;                         /* inside */
    int readers;                         /* inside */
    uint64_t written;                    /* exclusive holds in this run */
    int has_released[STEPS_THREADS_MAX]; /* a thread gave the latch up in the release that it is in:
                                            K4 */
} probe;

/* What holds between any two steps: the parts of K1 and K2 that one word can show. */
static void
probe_check_word(uint64_t word)
{
    steps_expect((word & 0x80000000U) == 0 || (word & 0x1fffffffU) == 0,
                 "exclusive and shared exclude each other");
    steps_expect((word & 0x40000000U) == 0 || (word & 0xa0000000U) != 0,
                 "waiters wait for a writer (K1)");
}

/* ---- what latch.c sees in the place of atomics and of sleeping ---- */

static uint64_t
probe_load(const _Atomic uint64_t *word)
{
    steps_yield();
    steps_expect(!probe.has_released[steps_current()], "a release touches it once (K4)");
    return atomic_load(word);
}

static int
probe_cas(_Atomic uint64_t *word, uint64_t *expected, uint64_t wanted)
{
    int done;

    steps_yield();
    done = atomic_compare_exchange_strong(word, expected, wanted);
    probe_check_word(atomic_load(word));
    if (done && (wanted & 0x1fffffffU) == (*expected & 0x1fffffffU) + 1)
        steps_expect((*expected & 0xa0000000U) == 0, "a waiting writer holds readers off (K2)");
    return done;
}

static uint64_t
probe_exchange(_Atomic uint64_t *word, uint64_t wanted)
{
    uint64_t before;

    steps_yield();
    before = atomic_exchange(word, wanted);
    probe_check_word(wanted);
    steps_expect(wanted == ((before >> 32) + 1) << 32, "a release counts the version (K3)");
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

static uint64_t
probe_fetch_or(_Atomic uint64_t *word, uint64_t bits)
{
    uint64_t before;

    steps_yield();
    steps_expect(!probe.has_released[steps_current()], "a release touches it once (K4)");
    before = atomic_fetch_or(word, bits);
    probe_check_word(before | bits);
    return before;
}

static int
probe_park(const _Atomic uint32_t *word, uint32_t expected, int64_t timeout_ns)
{
    steps_expect((expected & 0x40000000U) != 0, "who sleeps has marked the latch (K1)");
    return steps_park(word, expected, timeout_ns);
}

/* What latch.c does not use today has no replacement: then it does not compile here. */
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
#define atomic_fetch_sub_explicit(word, v, order) probe_fetch_sub(word, v)
#define atomic_fetch_or_explicit(word, v, order)  probe_fetch_or(word, v)
#define atomic_compare_exchange_strong_explicit(word, expected, wanted, order, failed)             \
    probe_cas(word, expected, wanted)
#define atomic_init(word, v) (*(word) = (v))
#define vl_park              probe_park
#define vl_unpark            steps_unpark

/* Sleep after one round of spinning, as in the tiny build: spinning adds steps, but no states. */
#undef VL_BY_BUILD
#define VL_BY_BUILD(normal, tiny) (tiny)

/* Names of their own, since the library has these too. */
#define vl_latch_init           steps_latch_init
#define vl_latch_wait_exclusive steps_latch_wait_exclusive
#define vl_latch_wait_shared    steps_latch_wait_shared
#define vl_latch_wait_readable  steps_latch_wait_readable
#define vl_latch_wake           steps_latch_wake
#define vl_latch_read_upgrade   steps_latch_read_upgrade
#define vl_racy_copy            steps_racy_copy
#include "base/latch.c" /* NOLINT(bugprone-suspicious-include): compiled anew on stepped atomics */

static vl_latch steps_latch;

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
probe_release_exclusive(void)
{
    vl_latch_release_exclusive(&steps_latch);
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
    vl_latch_release_shared(&steps_latch);
    probe.has_released[steps_current()] = 0;
}

static void
probe_read_optimistically(int upgrades)
{
    uint64_t version = vl_latch_read_begin(&steps_latch);
    uint64_t left;
    uint64_t right;

    steps_yield();
    left = probe.left;
    steps_yield();
    right = probe.right;
    if (!upgrades) {
        if (vl_latch_read_end(&steps_latch, version))
            steps_expect(left == right, "a confirmed read is not torn");
    } else if (vl_latch_read_upgrade(&steps_latch, version)) {
        steps_expect(left == right && left == probe.left, "a read is true after its upgrade");
        probe_write_inside();
        probe_release_exclusive();
    }
}

static void
probe_do(unsigned op)
{
    switch ((probe_op)op) {
    case PROBE_WRITE:
        vl_latch_acquire_exclusive(&steps_latch);
        probe_write_inside();
        probe_release_exclusive();
        break;
    case PROBE_READ:
        vl_latch_acquire_shared(&steps_latch);
        probe_read_inside();
        break;
    case PROBE_OPTIMISTIC:
        probe_read_optimistically(0);
        break;
    case PROBE_UPGRADE:
        probe_read_optimistically(1);
        break;
    case PROBE_TRY_WRITE:
        if (vl_latch_try_exclusive(&steps_latch)) {
            probe_write_inside();
            probe_release_exclusive();
        }
        break;
    case PROBE_TRY_READ:
        if (vl_latch_try_shared(&steps_latch))
            probe_read_inside();
        break;
    }
}

static void
probe_prepare(void)
{
    memset(&probe, 0, sizeof probe);
    vl_latch_init(&steps_latch, VL_RANK_NONE);
}

static const char *
probe_finish(void)
{
    if (atomic_load(&steps_latch.u.word) != probe.written << 32)
        return "in the end the latch is free";
    return NULL;
}

static const steps_scripts probe_scripts = {
    .letters = "WROUwr",
    .prepare = probe_prepare,
    .perform = probe_do,
    .finish = probe_finish,
};

static void
latch_steps_of_two_in_every_order(void)
{
    static const char *const programs[] = {"WW WW", "W RR", "WR RW", "W OO", "U U",
                                           "UW U",  "R U",  "w WR",  "r WW", "wr rw"};

    for (size_t i = 0; i < VL_ARRAY_COUNT(programs) && !unit_has_failed(); i++)
        steps_explore(&probe_scripts, programs[i], 6);
}

static void
latch_steps_of_three_in_most_orders(void)
{
    static const char *const programs[] = {"W W W", "W W R", "W R R", "W W O", "W R O",
                                           "U W R", "U U R", "W w R", "W W r", "WW W R"};

    for (size_t i = 0; i < VL_ARRAY_COUNT(programs) && !unit_has_failed(); i++)
        steps_explore(&probe_scripts, programs[i], 3);
}

static void
latch_steps_of_four_in_many_orders(void)
{
    static const char *const programs[] = {"W W R R", "W W W W", "W R R R", "W W R O", "U W R r"};

    for (size_t i = 0; i < VL_ARRAY_COUNT(programs) && !unit_has_failed(); i++)
        steps_explore(&probe_scripts, programs[i], 2);
}

static void
latch_steps_in_random_orders(void)
{
    steps_wander(&probe_scripts, 0, unit_seed());
}

static void
latch_steps_with_early_wake_ups(void)
{
    steps_wander(&probe_scripts, 1, unit_seed() + 1);
}
#else
static void
latch_steps_cannot_be_explored(void)
{
    unit_skip("the sanitizers and some systems do not have contexts");
}
#endif

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
#if STEPS_POSSIBLE
        UNIT_TEST(latch_steps_of_two_in_every_order),
        UNIT_TEST(latch_steps_of_three_in_most_orders),
        UNIT_TEST(latch_steps_of_four_in_many_orders),
        UNIT_TEST(latch_steps_in_random_orders),
        UNIT_TEST(latch_steps_with_early_wake_ups),
#else
        UNIT_TEST(latch_steps_cannot_be_explored),
#endif
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
