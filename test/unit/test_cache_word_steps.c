/* test_cache_word_steps.c - the code of a page's word, in every order of its steps worth it.
 *
 * As test_latch_steps.c, for the word of the page cache: pages also come and go here. This file
 * includes cache_word.c with each atomic operation made a point where another thread may go
 * on. The threads are contexts of one real thread and sleep in a futex of this file's, so that a
 * run depends on nothing but the choices of a scheduler: first all choices up to a number of
 * preemptions (Musuvathi and Qadeer, "Iterative context bounding for systematic testing of
 * multithreaded programs", PLDI 2007), then random ones. Checked are mutual exclusion, optimistic
 * reads, the invariants W1 to W5, and that nobody sleeps for ever. Orders of memory are not
 * explored: steps happen one after the other, as seen by all. */
#ifdef VL_DEBUG
#undef VL_DEBUG
#endif
#define VL_DEBUG 0 /* the table of held latches belongs to a real thread */
#include "base/assert.h"
#include "base/atomic.h"
#include "base/park.h"
#include "base/thread.h"
#include "lib/unit.h"

#include <string.h>

#if defined(__GLIBC__) && !VL_ASAN && !VL_TSAN
#define STEPS_POSSIBLE 1
#else
#define STEPS_POSSIBLE 0 /* the sanitizers do not follow contexts, and some systems have none */
#endif

#if STEPS_POSSIBLE
#include <ucontext.h>

#define STEPS_THREADS_MAX 5
#define STEPS_OPS_MAX     6
#define STEPS_CHOICES_MAX 2000
#define STEPS_STACK_SIZE  65536

/* What a thread does with the page. */
typedef enum steps_op {
    STEPS_WRITE, /* exclusive */
    STEPS_READ,  /* shared */
    STEPS_OPTIMISTIC,
    STEPS_UPGRADE,   /* an optimistic read that becomes a change */
    STEPS_TRY_WRITE, /* exclusive, if that is at once possible */
    STEPS_TRY_READ,  /* shared, if that is at once possible */
    STEPS_EVICT,     /* mark it, or let it go if it is marked */
    STEPS_LOAD,      /* bring it in if it is not there */
    STEPS_FREE,      /* end it, if it is there */
    STEPS_NEW        /* begin it anew, if it is not there */
} steps_op;

#define STEPS_OP_KINDS 10

typedef enum steps_state {
    STEPS_RUNNING,
    STEPS_ASLEEP,
    STEPS_ENDED
} steps_state;

typedef struct steps_thread {
    ucontext_t context;          /* where it is */
    char *stack;                 /* of STEPS_STACK_SIZE bytes */
    steps_op ops[STEPS_OPS_MAX]; /* its program */
    unsigned op_count;           /* length of it */
    steps_state state;           /* whether the scheduler may choose it */
    int has_released;            /* gave the page up in the release that it is in: W4 */
} steps_thread;

/* One choice of the scheduler, to be made differently in a later run. */
typedef struct steps_choice {
    uint8_t chosen; /* which of the options, 0 first */
    uint8_t count;  /* how many there were */
} steps_choice;

/* The one world that is explored. */
static struct {
    steps_thread threads[STEPS_THREADS_MAX];
    unsigned thread_count;
    unsigned current;    /* the thread that runs */
    ucontext_t home;     /* of the explorer */
    const char *wrong;   /* what rule was broken in this run, or NULL */
    unsigned long steps; /* of this run */
    /* choosing */
    vl_rng *rng;          /* random choices, or NULL for those of `path` */
    int wakes_early;      /* whether sleepers may wake for no reason */
    unsigned preemptions; /* that may still be made in this run */
    steps_choice path[STEPS_CHOICES_MAX];
    unsigned path_known;  /* choices given for this run */
    unsigned path_length; /* choices made in it */
    /* what the word guards */
    uint64_t left; /* always equal to `right` when nobody writes */
    uint64_t right;
    int writers;      /* inside */
    int readers;      /* inside */
    uint64_t written; /* exclusive holds in this run */
} steps;

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

static void
steps_expect(int condition, const char *rule)
{
    if (!condition && steps.wrong == NULL)
        steps.wrong = rule;
}

/* Choose one of `count` options; 0 is to go on without a preemption. */
static unsigned
steps_choose(unsigned count)
{
    unsigned at = steps.path_length;

    if (count <= 1)
        return 0;
    if (steps.rng != NULL)
        return (unsigned)vl_rng_below(steps.rng, count);
    if (at == STEPS_CHOICES_MAX) {
        steps_expect(0, "a run ends after some steps");
        return 0;
    }
    if (at >= steps.path_known)
        steps.path[at] = (steps_choice){0, (uint8_t)count};
    steps.path_length++;
    return steps.path[at].chosen;
}

/* The threads that could run instead of the current one; those asleep if they may wake early. */
static unsigned
steps_others(unsigned *others)
{
    unsigned count = 0;

    for (unsigned i = 0; i < steps.thread_count; i++) {
        steps_state state = steps.threads[i].state;

        if (i != steps.current &&
            (state == STEPS_RUNNING || (state == STEPS_ASLEEP && steps.wakes_early)))
            others[count++] = i;
    }
    return count;
}

static void
steps_switch(unsigned next)
{
    unsigned before = steps.current;

    steps.threads[next].state = STEPS_RUNNING; /* also wakes it for no reason */
    steps.current = next;
    (void)swapcontext(&steps.threads[before].context, &steps.threads[next].context);
}

/* What holds between any two steps: the parts of K1 and K2 that one word can show. */
static void
steps_check_word(uint64_t word)
{
    uint64_t state = WORD_STATE(word);

    steps_expect(state <= WORD_MARKED || state == WORD_EXCLUSIVE || state == WORD_UNBORN ||
                     state == WORD_LOADING,
                 "the state is a known one");
    steps_expect(WORD_PLACE(word) != 0 || state == 0 || state == WORD_LOADING ||
                     state == WORD_UNBORN,
                 "an absent page is free, unborn or loading (W5)");
}

/* Called before each step of the current thread: others may go first. */
static void
steps_yield(void)
{
    unsigned others[STEPS_THREADS_MAX];
    unsigned count = steps_others(others);
    unsigned choice;

    steps.steps++;
    if (count == 0 || (steps.rng == NULL && steps.preemptions == 0))
        return;
    choice = steps_choose(count + 1);
    if (choice == 0)
        return;
    if (steps.rng == NULL)
        steps.preemptions--;
    steps_switch(others[choice - 1]);
}

/* The current thread cannot go on: choose another, or go home when there is none. */
static void
steps_leave(steps_state state)
{
    unsigned others[STEPS_THREADS_MAX];
    unsigned count;

    steps.threads[steps.current].state = state;
    count = steps_others(others);
    if (count > 0)
        steps_switch(others[steps_choose(count)]);
    else
        (void)swapcontext(&steps.threads[steps.current].context, &steps.home);
}

/* ---- what cache_word.c sees in the place of atomics and of sleeping ---- */

static uint64_t
steps_load(const _Atomic uint64_t *word)
{
    steps_yield();
    steps_expect(!steps.threads[steps.current].has_released, "a release touches it once (W4)");
    return atomic_load(word);
}

static int
steps_cas(_Atomic uint64_t *word, uint64_t *expected, uint64_t wanted)
{
    uint64_t before = *expected;
    int done;

    steps_yield();
    done = atomic_compare_exchange_strong(word, expected, wanted);
    steps_check_word(atomic_load(word));
    if (done && WORD_STATE(wanted) <= WORD_SHARED_MAX && WORD_STATE(wanted) != 0)
        steps_expect((before & WORD_WAITERS) == 0, "a waiting writer holds readers off (W2)");
    return done;
}

static uint64_t
steps_exchange(_Atomic uint64_t *word, uint64_t wanted)
{
    uint64_t before;

    steps_yield();
    before = atomic_exchange(word, wanted);
    steps_check_word(wanted);
    steps_expect((wanted & WORD_VERSION_MASK) == ((before + WORD_VERSION_ONE) & WORD_VERSION_MASK),
                 "a release counts the version (W3)");
    steps_expect((wanted & WORD_WAITERS) == 0, "who settles clears waiters (W2)");
    steps.threads[steps.current].has_released = 1;
    return before;
}

static uint64_t
steps_fetch_sub(_Atomic uint64_t *word, uint64_t amount)
{
    uint64_t before;

    steps_yield();
    before = atomic_fetch_sub(word, amount);
    steps_check_word(before - amount);
    steps.threads[steps.current].has_released = 1;
    return before;
}

static uint64_t
steps_fetch_or(_Atomic uint64_t *word, uint64_t bits)
{
    uint64_t before;

    steps_yield();
    steps_expect(!steps.threads[steps.current].has_released, "a release touches it once (W4)");
    before = atomic_fetch_or(word, bits);
    steps_check_word(before | bits);
    return before;
}

/* As the futex: comparing and falling asleep are one step. */
static int
steps_park(const _Atomic uint32_t *word, uint32_t expected, int64_t timeout_ns)
{
    (void)timeout_ns;
    steps_yield();
    if (atomic_load(word) != expected)
        return 1;
    steps_expect((expected & WORD_WAITERS) != 0, "who sleeps has marked the word (W1)");
    steps_leave(STEPS_ASLEEP);
    return 1;
}

static void
steps_unpark(const _Atomic uint32_t *word, int32_t count)
{
    (void)word;
    steps_yield();
    for (unsigned i = 0; i < steps.thread_count && count > 0; i++) {
        if (steps.threads[i].state == STEPS_ASLEEP) {
            steps.threads[i].state = STEPS_RUNNING;
            count--;
        }
    }
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
#define atomic_load_explicit(word, order)         steps_load(word)
#define atomic_exchange_explicit(word, v, order)  steps_exchange(word, v)
#define atomic_fetch_sub_explicit(word, v, order) steps_fetch_sub(word, v)
#define atomic_fetch_or_explicit(word, v, order)  steps_fetch_or(word, v)
#define atomic_compare_exchange_strong_explicit(word, expected, wanted, order, failed)             \
    steps_cas(word, expected, wanted)
#define vl_park         steps_park
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
steps_write_inside(void)
{
    steps_expect(steps.writers++ == 0 && steps.readers == 0, "a writer is alone");
    steps.left++;
    steps_yield();
    steps.right++;
    steps_expect(steps.left == steps.right, "only one writes");
    steps_expect(--steps.writers == 0 && steps.readers == 0, "a writer stays alone");
    steps.written++;
}

static void
steps_settle(uint32_t place)
{
    vl_word_settle(STEPS_WORD, place);
    steps.threads[steps.current].has_released = 0;
}

static void
steps_read_inside(void)
{
    steps_expect(steps.writers == 0, "no writer among readers");
    steps.readers++;
    steps_yield();
    steps_expect(steps.writers == 0 && steps.left == steps.right, "nothing changes under a reader");
    steps.readers--;
    vl_word_release_shared(STEPS_WORD);
    steps.threads[steps.current].has_released = 0;
}

static void
steps_read_optimistically(int upgrades)
{
    uint64_t seen = vl_word_read_begin(STEPS_WORD);
    uint64_t left;
    uint64_t right;

    if (seen == 0)
        return;
    steps_yield();
    left = steps.left;
    steps_yield();
    right = steps.right;
    if (!upgrades) {
        if (vl_word_read_end(STEPS_WORD, seen))
            steps_expect(left == right, "a confirmed read is not torn");
    } else if (vl_word_read_upgrade(STEPS_WORD, seen)) {
        steps_expect(left == right && left == steps.left, "a read is true after its upgrade");
        steps_write_inside();
        steps_settle(1);
    }
}

/* As the evictor's clock: a mark at first, and out when it is still there. */
static void
steps_evict(void)
{
    uint64_t word = atomic_load_explicit(STEPS_WORD, memory_order_relaxed);

    if (vl_word_state(word) != VL_WORD_MARKED) {
        (void)vl_word_try_mark(STEPS_WORD, word);
    } else if ((word & VL_WORD_WAITERS) == 0 && vl_word_try_exclusive_as(STEPS_WORD, word) != 0) {
        steps_write_inside(); /* nobody may look at it */
        steps_settle(0);
    }
}

static void
steps_begin(uint64_t state)
{
    if (vl_word_try_begin(STEPS_WORD, state)) {
        steps_write_inside();
        if (state == VL_WORD_UNBORN) {
            vl_word_bear(STEPS_WORD, 1);
            steps.threads[steps.current].has_released = 0;
            steps_write_inside();
        }
        steps_settle(1);
    } else if (state == VL_WORD_LOADING) {
        vl_word_wait_loaded(STEPS_WORD);
    }
}

/* check_tree: table, one case for each operation */
static void
steps_do(steps_op op)
{
    switch (op) {
    case STEPS_WRITE:
        if (vl_word_acquire_exclusive(STEPS_WORD) != 0) {
            steps_write_inside();
            steps_settle(1);
        }
        break;
    case STEPS_READ:
        if (vl_word_acquire_shared(STEPS_WORD) != 0)
            steps_read_inside();
        break;
    case STEPS_OPTIMISTIC:
        steps_read_optimistically(0);
        break;
    case STEPS_UPGRADE:
        steps_read_optimistically(1);
        break;
    case STEPS_TRY_WRITE:
        if (vl_word_try_exclusive(STEPS_WORD) != 0) {
            steps_write_inside();
            steps_settle(1);
        }
        break;
    case STEPS_TRY_READ:
        if (vl_word_try_shared(STEPS_WORD) != 0)
            steps_read_inside();
        break;
    case STEPS_EVICT:
        steps_evict();
        break;
    case STEPS_LOAD:
        steps_begin(VL_WORD_LOADING);
        break;
    case STEPS_FREE:
        if (vl_word_acquire_exclusive(STEPS_WORD) != 0) {
            steps_write_inside();
            steps_settle(0);
        }
        break;
    case STEPS_NEW:
        steps_begin(VL_WORD_UNBORN);
        break;
    }
}

static void
steps_thread_main(void)
{
    steps_thread *self = &steps.threads[steps.current];

    for (unsigned i = 0; i < self->op_count; i++)
        steps_do(self->ops[i]);
    steps_leave(STEPS_ENDED); /* never comes back */
}

/* ---- exploring ---- */

/* Run all threads once under the present choices. Whether all rules were kept. */
static int
steps_run(void)
{
    static char stacks[STEPS_THREADS_MAX][STEPS_STACK_SIZE];
    uint64_t word;

    __atomic_store_n((uint64_t *)(uintptr_t)STEPS_WORD, UINT64_C(1) << VL_WORD_PLACE_SHIFT,
                     __ATOMIC_RELAXED);
    steps.left = steps.right = steps.written = 0;
    steps.writers = steps.readers = 0;
    steps.wrong = NULL;
    steps.steps = 0;
    steps.path_length = 0;
    for (unsigned i = 0; i < steps.thread_count; i++) {
        steps_thread *thread = &steps.threads[i];

        thread->state = STEPS_RUNNING;
        thread->has_released = 0;
        (void)getcontext(&thread->context);
        thread->context.uc_stack.ss_sp = stacks[i];
        thread->context.uc_stack.ss_size = STEPS_STACK_SIZE;
        thread->context.uc_link = NULL;
        makecontext(&thread->context, steps_thread_main, 0);
    }
    steps.current = 0;
    (void)swapcontext(&steps.home, &steps.threads[0].context);
    for (unsigned i = 0; i < steps.thread_count; i++)
        steps_expect(steps.threads[i].state == STEPS_ENDED, "nobody sleeps for ever (W1, W2)");
    word = atomic_load(STEPS_WORD) & ~VL_WORD_VERSION_MASK;
    steps_expect(vl_word_is_free(word), "in the end nobody holds it");
    steps_expect((word & VL_WORD_WAITERS) == 0 || vl_word_place(word) == 0,
                 "in the end nobody waits (W5)");
    return steps.wrong == NULL;
}

/* Go on to the next run in order of choices. 0 when there are no more. */
static int
steps_next_path(void)
{
    while (steps.path_length > 0) {
        steps_choice *last = &steps.path[steps.path_length - 1];

        if (last->chosen + 1 < last->count) {
            last->chosen++;
            steps.path_known = steps.path_length;
            return 1;
        }
        steps.path_length--;
    }
    return 0;
}

/* Give each thread its program: letters of one thread, threads apart by a space. */
static void
steps_set_programs(const char *programs)
{
    static const char letters[STEPS_OP_KINDS + 1] = "WROUwrELFN";

    memset(steps.threads, 0, sizeof steps.threads);
    steps.thread_count = 1;
    for (; *programs != '\0'; programs++) {
        steps_thread *thread = &steps.threads[steps.thread_count - 1];

        if (*programs == ' ')
            steps.thread_count++;
        else
            thread->ops[thread->op_count++] = (steps_op)(strchr(letters, *programs) - letters);
    }
}

/* All runs of the programs with at most so many preemptions. */
static void
steps_explore(const char *programs, unsigned preemptions)
{
    unsigned long runs = 0;

    steps_set_programs(programs);
    steps.rng = NULL;
    steps.wakes_early = 0;
    steps.path_known = 0;
    do {
        steps.preemptions = preemptions;
        runs++;
        if (!steps_run()) {
            unit_failed(__FILE__, __LINE__, "%s: run %lu: not true: %s", programs, runs,
                        steps.wrong);
            return;
        }
    } while (steps_next_path());
    CHECK(runs > preemptions);
}

static void
cache_word_steps_of_two_in_every_order(void)
{
    static const char *const programs[] = {"WW WW", "W RR",  "WR RW", "W OO",   "U U",  "UW U",
                                           "R U",   "w WR",  "r WW",  "wr rw",  "EE R", "EE O",
                                           "EE W",  "EE U",  "EEL L", "F W",    "F R",  "FN RWR",
                                           "FN OU", "FL LR", "FN LR", "EEL WR", "F FN"};

    for (size_t i = 0; i < VL_ARRAY_COUNT(programs) && !unit_has_failed(); i++)
        steps_explore(programs[i], 6);
}

static void
cache_word_steps_of_three_in_most_orders(void)
{
    static const char *const programs[] = {"W W W", "W W R",  "W R R",  "W W O",   "W R O",
                                           "U W R", "U U R",  "W w R",  "W W r",   "WW W R",
                                           "F W R", "FL W R", "FN W R", "EEL W R", "FL L L"};

    for (size_t i = 0; i < VL_ARRAY_COUNT(programs) && !unit_has_failed(); i++)
        steps_explore(programs[i], 3);
}

static void
cache_word_steps_of_four_in_many_orders(void)
{
    static const char *const programs[] = {"W W R R", "W W W W", "W R R R", "W W R O",
                                           "U W R r", "F W R R", "FL L W R"};

    for (size_t i = 0; i < VL_ARRAY_COUNT(programs) && !unit_has_failed(); i++)
        steps_explore(programs[i], 2);
}

/* Random programs under random choices. */
static void
steps_wander(int wakes_early, uint64_t seed)
{
    vl_rng rng;

    vl_rng_init(&rng, seed);
    for (unsigned run = 0; run < 30000; run++) {
        memset(steps.threads, 0, sizeof steps.threads);
        steps.thread_count = 2 + (unsigned)vl_rng_below(&rng, STEPS_THREADS_MAX - 1);
        for (unsigned i = 0; i < steps.thread_count; i++) {
            steps_thread *thread = &steps.threads[i];

            thread->op_count = 1 + (unsigned)vl_rng_below(&rng, STEPS_OPS_MAX);
            for (unsigned j = 0; j < thread->op_count; j++)
                thread->ops[j] = (steps_op)vl_rng_below(&rng, STEPS_OP_KINDS);
        }
        steps.rng = &rng;
        steps.wakes_early = wakes_early;
        if (!steps_run()) {
            unit_failed(__FILE__, __LINE__, "random run %u: not true: %s", run, steps.wrong);
            return;
        }
    }
}

static void
cache_word_steps_in_random_orders(void)
{
    steps_wander(0, unit_seed());
}

static void
cache_word_steps_with_early_wake_ups(void)
{
    steps_wander(1, unit_seed() + 1);
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
