/* steps.c - the scheduler of steps.h. */
#include "lib/steps.h"

#if STEPS_POSSIBLE
#include <string.h>
#include <ucontext.h>

#define STEPS_CHOICES 4000
#define STEPS_STACK   65536

typedef enum steps_state {
    STEPS_RUNNING,
    STEPS_ASLEEP,  /* on `word` */
    STEPS_BLOCKED, /* by the latch `latch` */
    STEPS_ENDED
} steps_state;

typedef struct steps_thread {
    ucontext_t context;           /* where it is */
    char stack[STEPS_STACK];      /* its own */
    steps_main *main;             /* what it does */
    steps_state state;            /* whether it may be chosen */
    const _Atomic uint32_t *word; /* what it sleeps on */
    const void *latch;            /* what it waits for */
    int is_timed;                 /* it sleeps with a timeout */
    int has_timed_out;            /* and that is over */
} steps_thread;

static struct {
    steps_thread threads[STEPS_THREADS_MAX];
    unsigned count;       /* of threads */
    unsigned current;     /* the one that runs */
    int is_running;       /* a run is under way */
    ucontext_t home;      /* of the explorer */
    const char *wrong;    /* the rule that was broken */
    unsigned long steps;  /* of this run */
    const void *held[16]; /* latches that are held */
    vl_rng *rng;          /* random choices, or NULL */
    int wakes_early;      /* sleepers may wake for no reason */
    unsigned bound;       /* preemptions in a run */
    unsigned preemptions; /* left in this one */
    unsigned known;       /* choices given */
    unsigned length;      /* choices made */
    struct {
        uint8_t chosen;
        uint8_t count;
    } path[STEPS_CHOICES];
} steps;

void
steps_expect(int condition, const char *rule)
{
    if (!condition && steps.wrong == NULL)
        steps.wrong = rule;
}

static unsigned
steps_choose(unsigned count)
{
    unsigned at = steps.length;

    if (count <= 1)
        return 0;
    if (steps.rng != NULL)
        return (unsigned)vl_rng_below(steps.rng, count);
    if (at == STEPS_CHOICES) {
        steps_expect(0, "a run ends after some steps");
        return 0;
    }
    if (at >= steps.known) {
        steps.path[at].chosen = 0;
        steps.path[at].count = (uint8_t)count;
    }
    steps.length++;
    return steps.path[at].chosen;
}

/* The threads that could run instead of the current one; those asleep if they may wake early. */
static unsigned
steps_others(unsigned *others)
{
    unsigned count = 0;

    for (unsigned i = 0; i < steps.count; i++) {
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

void
steps_yield(void)
{
    unsigned others[STEPS_THREADS_MAX];
    unsigned count;
    unsigned choice;

    if (!steps.is_running)
        return;
    steps.steps++;
    count = steps_others(others);
    if (count == 0 || (steps.rng == NULL && steps.preemptions == 0))
        return;
    choice = steps_choose(count + 1);
    if (choice == 0)
        return;
    if (steps.rng == NULL)
        steps.preemptions--;
    steps_switch(others[choice - 1]);
}

/* All sleep: the time of one that has a timeout is over. Returns whether there is one. */
static int
steps_let_time_pass(void)
{
    for (unsigned i = 0; i < steps.count; i++) {
        steps_thread *thread = &steps.threads[i];

        if (thread->state == STEPS_ASLEEP && thread->is_timed) {
            thread->state = STEPS_RUNNING;
            thread->has_timed_out = 1;
            return 1;
        }
    }
    return 0;
}

/* The current thread cannot go on: choose another, or go home when there is none. */
static void
steps_leave(steps_state state)
{
    unsigned others[STEPS_THREADS_MAX];
    unsigned count;

    steps.threads[steps.current].state = state;
    count = steps_others(others);
    if (count == 0 && steps_let_time_pass()) {
        if (steps.threads[steps.current].state == STEPS_RUNNING)
            return;
        count = steps_others(others);
    }
    if (count > 0)
        steps_switch(others[steps_choose(count)]);
    else
        (void)swapcontext(&steps.threads[steps.current].context, &steps.home);
}

int
steps_park(const _Atomic uint32_t *word, uint32_t expected, int64_t timeout_ns)
{
    steps_thread *thread = &steps.threads[steps.current];

    steps_yield();
    if (atomic_load(word) != expected)
        return 1;
    steps_expect(steps.is_running, "nobody sleeps outside of a run");
    if (!steps.is_running || timeout_ns == 0)
        return 0;
    thread->word = word;
    thread->is_timed = timeout_ns > 0;
    thread->has_timed_out = 0;
    steps_leave(STEPS_ASLEEP);
    return !thread->has_timed_out;
}

void
steps_unpark(const _Atomic uint32_t *word, int32_t count)
{
    steps_yield();
    for (unsigned i = 0; i < steps.count && count > 0; i++) {
        if (steps.threads[i].state == STEPS_ASLEEP && steps.threads[i].word == word) {
            steps.threads[i].state = STEPS_RUNNING;
            count--;
        }
    }
}

static const void **
steps_find_latch(const void *latch)
{
    for (unsigned i = 0; i < VL_ARRAY_COUNT(steps.held); i++)
        if (steps.held[i] == latch)
            return &steps.held[i];
    return NULL;
}

void
steps_latch_acquire(void *latch)
{
    const void **place;

    steps_yield();
    while (steps.is_running && steps_find_latch(latch) != NULL) {
        steps.threads[steps.current].latch = latch;
        steps_leave(STEPS_BLOCKED);
    }
    place = steps_find_latch(NULL);
    steps_expect(place != NULL, "a few latches are held at most");
    if (place != NULL)
        *place = latch;
}

void
steps_latch_release(void *latch)
{
    const void **place = steps_find_latch(latch);

    steps_expect(place != NULL, "a latch is released by who holds it");
    if (place != NULL)
        *place = NULL;
    for (unsigned i = 0; i < steps.count; i++)
        if (steps.threads[i].state == STEPS_BLOCKED && steps.threads[i].latch == latch)
            steps.threads[i].state = STEPS_RUNNING;
    steps_yield();
}

static void
steps_enter(void)
{
    steps.threads[steps.current].main();
    steps_leave(STEPS_ENDED);
}

void
steps_begin(unsigned preemptions, vl_rng *rng)
{
    steps.bound = preemptions;
    steps.rng = rng;
    steps.wakes_early = 0;
    steps.known = 0;
    steps.length = 0;
}

const char *
steps_run(steps_main *const *mains, unsigned count)
{
    steps.count = count;
    steps.wrong = NULL;
    steps.steps = 0;
    steps.length = 0;
    steps.preemptions = steps.bound;
    memset(steps.held, 0, sizeof steps.held);
    for (unsigned i = 0; i < count; i++) {
        steps_thread *thread = &steps.threads[i];

        thread->main = mains[i];
        thread->state = STEPS_RUNNING;
        (void)getcontext(&thread->context);
        thread->context.uc_stack.ss_sp = thread->stack;
        thread->context.uc_stack.ss_size = STEPS_STACK;
        thread->context.uc_link = NULL;
        makecontext(&thread->context, steps_enter, 0);
    }
    steps.current = steps_choose(count);
    steps.is_running = 1;
    (void)swapcontext(&steps.home, &steps.threads[steps.current].context);
    steps.is_running = 0;
    for (unsigned i = 0; i < count; i++)
        steps_expect(steps.threads[i].state == STEPS_ENDED, "nobody sleeps for ever");
    return steps.wrong;
}

int
steps_next(void)
{
    while (steps.length > 0) {
        unsigned at = steps.length - 1;

        if (steps.path[at].chosen + 1U < steps.path[at].count) {
            steps.path[at].chosen++;
            steps.known = steps.length;
            return 1;
        }
        steps.length--;
    }
    return 0;
}

void
steps_wake_early(int wakes_early)
{
    steps.wakes_early = wakes_early;
}

unsigned
steps_current(void)
{
    return steps.current;
}

unsigned long
steps_count(void)
{
    return steps.steps;
}
#else
typedef int steps_is_empty;
#endif
