/* test_latch_steps.c - the latch's own code, run in every order of its steps that is worth it.
 *
 * This file includes latch.c with each atomic operation made a point where another thread may go
 * on. The threads are contexts of one real thread and sleep in a futex of this file's, so that a
 * run depends on nothing but the choices of a scheduler: first all choices up to a number of
 * preemptions (Musuvathi and Qadeer, "Iterative context bounding for systematic testing of
 * multithreaded programs", PLDI 2007), then random ones. Checked are mutual exclusion, optimistic
 * reads, the invariants K1 to K4, and that nobody sleeps for ever. Orders of memory are not
 * explored: steps happen one after the other, as seen by all. */
#ifdef VL_DEBUG
#undef VL_DEBUG
#endif
#define VL_DEBUG 0 /* the table of held latches belongs to a real thread */
#include "base/assert.h"
#include "base/atomic.h"
#include "base/park.h"
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

/* What a thread does with the latch. */
typedef enum steps_op {
    STEPS_WRITE, /* exclusive */
    STEPS_READ,  /* shared */
    STEPS_OPTIMISTIC,
    STEPS_UPGRADE,   /* an optimistic read that becomes a change */
    STEPS_TRY_WRITE, /* exclusive, if that is at once possible */
    STEPS_TRY_READ   /* shared, if that is at once possible */
} steps_op;

#define STEPS_OP_KINDS 6

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
    int has_released;            /* gave the latch up in the release that it is in: K4 */
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
    /* what the latch guards */
    uint64_t left; /* always equal to `right` when nobody writes */
    uint64_t right;
    int writers;      /* inside */
    int readers;      /* inside */
    uint64_t written; /* exclusive holds in this run */
} steps;

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
    steps_expect((word & 0x80000000U) == 0 || (word & 0x1fffffffU) == 0,
                 "exclusive and shared exclude each other");
    steps_expect((word & 0x40000000U) == 0 || (word & 0xa0000000U) != 0,
                 "waiters wait for a writer (K1)");
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

/* ---- what latch.c sees in the place of atomics and of sleeping ---- */

static uint64_t
steps_load(const _Atomic uint64_t *word)
{
    steps_yield();
    steps_expect(!steps.threads[steps.current].has_released, "a release touches it once (K4)");
    return atomic_load(word);
}

static int
steps_cas(_Atomic uint64_t *word, uint64_t *expected, uint64_t wanted)
{
    int done;

    steps_yield();
    done = atomic_compare_exchange_strong(word, expected, wanted);
    steps_check_word(atomic_load(word));
    if (done && (wanted & 0x1fffffffU) == (*expected & 0x1fffffffU) + 1)
        steps_expect((*expected & 0xa0000000U) == 0, "a waiting writer holds readers off (K2)");
    return done;
}

static uint64_t
steps_exchange(_Atomic uint64_t *word, uint64_t wanted)
{
    uint64_t before;

    steps_yield();
    before = atomic_exchange(word, wanted);
    steps_check_word(wanted);
    steps_expect(wanted == ((before >> 32) + 1) << 32, "a release counts the version (K3)");
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
    steps_expect(!steps.threads[steps.current].has_released, "a release touches it once (K4)");
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
    steps_expect((expected & 0x40000000U) != 0, "who sleeps has marked the latch (K1)");
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
#define atomic_load_explicit(word, order)         steps_load(word)
#define atomic_exchange_explicit(word, v, order)  steps_exchange(word, v)
#define atomic_fetch_sub_explicit(word, v, order) steps_fetch_sub(word, v)
#define atomic_fetch_or_explicit(word, v, order)  steps_fetch_or(word, v)
#define atomic_compare_exchange_strong_explicit(word, expected, wanted, order, failed)             \
    steps_cas(word, expected, wanted)
#define atomic_init(word, v) (*(word) = (v))
#define vl_park              steps_park
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
#include "base/latch.c"

static vl_latch steps_latch;

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
steps_release_exclusive(void)
{
    vl_latch_release_exclusive(&steps_latch);
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
    vl_latch_release_shared(&steps_latch);
    steps.threads[steps.current].has_released = 0;
}

static void
steps_read_optimistically(int upgrades)
{
    uint64_t version = vl_latch_read_begin(&steps_latch);
    uint64_t left;
    uint64_t right;

    steps_yield();
    left = steps.left;
    steps_yield();
    right = steps.right;
    if (!upgrades) {
        if (vl_latch_read_end(&steps_latch, version))
            steps_expect(left == right, "a confirmed read is not torn");
    } else if (vl_latch_read_upgrade(&steps_latch, version)) {
        steps_expect(left == right && left == steps.left, "a read is true after its upgrade");
        steps_write_inside();
        steps_release_exclusive();
    }
}

static void
steps_do(steps_op op)
{
    switch (op) {
    case STEPS_WRITE:
        vl_latch_acquire_exclusive(&steps_latch);
        steps_write_inside();
        steps_release_exclusive();
        break;
    case STEPS_READ:
        vl_latch_acquire_shared(&steps_latch);
        steps_read_inside();
        break;
    case STEPS_OPTIMISTIC:
        steps_read_optimistically(0);
        break;
    case STEPS_UPGRADE:
        steps_read_optimistically(1);
        break;
    case STEPS_TRY_WRITE:
        if (vl_latch_try_exclusive(&steps_latch)) {
            steps_write_inside();
            steps_release_exclusive();
        }
        break;
    case STEPS_TRY_READ:
        if (vl_latch_try_shared(&steps_latch))
            steps_read_inside();
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

    vl_latch_init(&steps_latch, VL_RANK_NONE);
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
        steps_expect(steps.threads[i].state == STEPS_ENDED, "nobody sleeps for ever (K1, K2)");
    word = atomic_load(&steps_latch.u.word);
    steps_expect(word == steps.written << 32, "in the end the latch is free");
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
    static const char letters[STEPS_OP_KINDS + 1] = "WROUwr";

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
latch_steps_of_two_in_every_order(void)
{
    static const char *const programs[] = {"WW WW", "W RR", "WR RW", "W OO", "U U",
                                           "UW U",  "R U",  "w WR",  "r WW", "wr rw"};

    for (size_t i = 0; i < VL_ARRAY_COUNT(programs) && !unit_has_failed(); i++)
        steps_explore(programs[i], 6);
}

static void
latch_steps_of_three_in_most_orders(void)
{
    static const char *const programs[] = {"W W W", "W W R", "W R R", "W W O", "W R O",
                                           "U W R", "U U R", "W w R", "W W r", "WW W R"};

    for (size_t i = 0; i < VL_ARRAY_COUNT(programs) && !unit_has_failed(); i++)
        steps_explore(programs[i], 3);
}

static void
latch_steps_of_four_in_many_orders(void)
{
    static const char *const programs[] = {"W W R R", "W W W W", "W R R R", "W W R O", "U W R r"};

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
latch_steps_in_random_orders(void)
{
    steps_wander(0, unit_seed());
}

static void
latch_steps_with_early_wake_ups(void)
{
    steps_wander(1, unit_seed() + 1);
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
