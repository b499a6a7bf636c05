/* test_thread.c - threads, atomics between them, and events. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "base/atomic.h"
#include "base/park.h"
#include "base/thread.h"
#include "lib/unit.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

static void
thread_add_one(void *argument)
{
    vl_count(argument, 1);
}

static void
thread_runs_and_joins(void)
{
    _Atomic uint64_t count = 0;
    vl_thread threads[8];

    for (size_t i = 0; i < VL_ARRAY_COUNT(threads); i++) {
        CHECK_OK(vl_thread_start(unit_ctx(), &threads[i], "adder", thread_add_one, &count));
        CHECK(threads[i].is_started);
    }
    for (size_t i = 0; i < VL_ARRAY_COUNT(threads); i++) {
        vl_thread_join(&threads[i]);
        CHECK(!threads[i].is_started);
        vl_thread_join(&threads[i]); /* does nothing */
    }
    CHECK_EQ(count, 8);
    CHECK_OK(vl_thread_start(unit_ctx(), &threads[0], "again", thread_add_one, &count));
    vl_thread_join(&threads[0]);
    CHECK_EQ(count, 9);
}

static void
thread_never_started_joins(void)
{
    vl_thread thread;

    memset(&thread, 0, sizeof thread);
    vl_thread_join(&thread);
    CHECK(!thread.is_started);
}

/* Plain memory: joining makes the thread's writes visible (the thread sanitizer watches). */
static void
thread_write_plainly(void *argument)
{
    int *numbers = argument;

    numbers[1] = numbers[0] + 1;
}

static void
thread_start_and_join_order_memory(void)
{
    for (int i = 0; i < 50; i++) {
        int numbers[2] = {i, 0};
        vl_thread thread;

        CHECK_OK(vl_thread_start(unit_ctx(), &thread, "plain", thread_write_plainly, numbers));
        vl_thread_join(&thread);
        CHECK_EQ(numbers[1], i + 1);
    }
}

static void
thread_read_name(void *argument)
{
    if (pthread_getname_np(pthread_self(), argument, 16) != 0)
        *(char *)argument = '\0';
}

static void
thread_has_its_name(void)
{
    char name[16];
    vl_thread thread;

    CHECK_OK(vl_thread_start(unit_ctx(), &thread, "velo-test", thread_read_name, name));
    vl_thread_join(&thread);
    CHECK_TEXT(name, "velo-test");
    CHECK_OK(vl_thread_start(unit_ctx(), &thread, "exactly15bytes.", thread_read_name, name));
    vl_thread_join(&thread);
    CHECK_TEXT(name, "exactly15bytes.");
    CHECK_OK(vl_thread_start(unit_ctx(), &thread, "much too long for it", thread_read_name, name));
    vl_thread_join(&thread);
    CHECK_TEXT(name, "much too long f");
    CHECK_OK(vl_thread_start(unit_ctx(), &thread, "%s%n", thread_read_name, name));
    vl_thread_join(&thread);
    CHECK_TEXT(name, "%s%n");
}

static void
thread_read_mask(void *argument)
{
    (void)pthread_sigmask(SIG_BLOCK, NULL, argument);
}

static void
thread_blocks_all_signals_but_faults(void)
{
    static const int blocked[] = {SIGINT,  SIGTERM, SIGHUP,  SIGUSR1, SIGUSR2,
                                  SIGALRM, SIGCHLD, SIGPIPE, SIGIO,   SIGQUIT};
    static const int open[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP};
    sigset_t before;
    sigset_t after;
    sigset_t seen;
    vl_thread thread;

    (void)sigemptyset(&seen);
    (void)pthread_sigmask(SIG_BLOCK, NULL, &before);
    CHECK_OK(vl_thread_start(unit_ctx(), &thread, "signals", thread_read_mask, &seen));
    vl_thread_join(&thread);
    (void)pthread_sigmask(SIG_BLOCK, NULL, &after);
    for (size_t i = 0; i < VL_ARRAY_COUNT(blocked); i++)
        CHECK_EQ(sigismember(&seen, blocked[i]), 1);
    for (size_t i = 0; i < VL_ARRAY_COUNT(open); i++)
        CHECK_EQ(sigismember(&seen, open[i]), 0);
    for (int signal_number = 1; signal_number < 32; signal_number++)
        CHECK_EQ(sigismember(&before, signal_number), sigismember(&after, signal_number));
}

static void
thread_wait_for_end(void *argument)
{
    (void)vl_event_wait(argument, VL_PARK_FOREVER);
}

/* With little address space left, starting one more thread is an ordinary failure. */
static void
thread_start_without_room(void)
{
    static const struct rlimit little = {(rlim_t)256 << 20, (rlim_t)256 << 20};
    static vl_thread threads[200];
    size_t count = 0;
    sigset_t before;
    sigset_t after;
    vl_event end;

    vl_event_init(&end);
    (void)pthread_sigmask(SIG_BLOCK, NULL, &before);
    CHECK_EQ(setrlimit(RLIMIT_AS, &little), 0);
    while (count < VL_ARRAY_COUNT(threads) &&
           vl_thread_start(unit_ctx(), &threads[count], "one more", thread_wait_for_end, &end) ==
               VELO_OK)
        count++;
    vl_event_set(&end);
    CHECK(count < VL_ARRAY_COUNT(threads));
    CHECK(!threads[count].is_started);
    CHECK_EQ(unit_ctx()->error.code, VELO_NOMEM);
    CHECK_EQ(unit_ctx()->error.os_error, EAGAIN);
    CHECK_CONTAINS(unit_ctx()->error.text, "\"one more\"");
    (void)pthread_sigmask(SIG_BLOCK, NULL, &after);
    CHECK_EQ(sigismember(&before, SIGINT), sigismember(&after, SIGINT));
    for (size_t i = 0; i <= count; i++)
        vl_thread_join(&threads[i]);
}

static void
thread_start_may_fail(void)
{
    if (VL_TSAN || VL_ASAN) {
        unit_skip("sanitizers need much address space themselves");
        return;
    }
    CHECK_EQ(unit_run_in_child(thread_start_without_room), 0);
}

static void
thread_count_processors(void)
{
    cpu_set_t set;
    cpu_set_t one;
    size_t first = 0;

    CHECK_EQ(sched_getaffinity(0, sizeof set, &set), 0);
    CHECK_EQ(vl_thread_processor_count(), CPU_COUNT(&set));
    while (!CPU_ISSET(first, &set))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    CHECK_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    CHECK_EQ(vl_thread_processor_count(), 1);
    CHECK_EQ(sched_setaffinity(0, sizeof set, &set), 0);
    CHECK_EQ(vl_thread_processor_count(), CPU_COUNT(&set));
}

static void
thread_processor_count_follows_affinity(void)
{
    CHECK_EQ(unit_run_in_child(thread_count_processors), 0);
}

/* ---- atomics ---- */

/* A maximum that many threads raise, and a count of the raises that each saw as its own. */
typedef struct thread_race {
    _Atomic uint64_t largest; /* raised by all */
    _Atomic uint64_t count;   /* added to by all */
    _Atomic uint32_t next;    /* number of the next thread */
} thread_race;

static void
thread_raise(void *argument)
{
    thread_race *race = argument;
    uint64_t self = atomic_fetch_add_explicit(&race->next, 1, memory_order_relaxed);

    for (uint64_t i = 0; i < 20000; i++) {
        (void)vl_atomic_max(&race->largest, 4 * i + self);
        vl_count(&race->count, 3);
        if (i % 64 == 0)
            vl_pause();
    }
}

static void
atomic_max_and_count_lose_nothing(void)
{
    vl_thread threads[4];
    thread_race race;

    memset(&race, 0, sizeof race);
    for (size_t i = 0; i < VL_ARRAY_COUNT(threads); i++)
        CHECK_OK(vl_thread_start(unit_ctx(), &threads[i], "race", thread_raise, &race));
    for (size_t i = 0; i < VL_ARRAY_COUNT(threads); i++)
        vl_thread_join(&threads[i]);
    CHECK_EQ(vl_counter(&race.largest), 4 * 19999 + 3);
    CHECK_EQ(vl_counter(&race.count), 4 * 20000 * 3);
}

static void
atomic_max_says_what_was_before(void)
{
    _Atomic uint64_t target = 5;

    CHECK_EQ(vl_atomic_max(&target, 4), 5);
    CHECK_EQ(vl_atomic_max(&target, 5), 5);
    CHECK_EQ(target, 5);
    CHECK_EQ(vl_atomic_max(&target, UINT64_MAX), 5);
    CHECK_EQ(target, UINT64_MAX);
    CHECK_EQ(vl_atomic_max(&target, 0), UINT64_MAX);
    CHECK_EQ(target, UINT64_MAX);
}

/* ---- events ---- */

/* Each test runs once with each way of sleeping. */
static void
event_with_both(void (*test)(void))
{
    for (int portable = 0; portable < 2 && !unit_has_failed(); portable++) {
        vl_park_use_portable(portable);
        test();
    }
    vl_park_use_portable(0);
}

static void
event_set_before_wait_run(void)
{
    vl_event event;

    vl_event_init(&event);
    CHECK(!vl_event_is_set(&event));
    vl_event_set(&event);
    vl_event_set(&event);
    CHECK(vl_event_is_set(&event));
    CHECK_EQ(vl_event_wait(&event, VL_PARK_FOREVER), 1);
    CHECK_EQ(vl_event_wait(&event, 0), 1);
    CHECK_EQ(vl_event_wait(&event, INT64_MAX), 1);
    vl_event_reset(&event);
    CHECK(!vl_event_is_set(&event));
    CHECK_EQ(vl_event_wait(&event, 0), 0);
}

static void
event_set_before_wait_is_seen(void)
{
    event_with_both(event_set_before_wait_run);
}

static void
event_time_run(void)
{
    static const int64_t timeouts[] = {0, 1, 1000, 2000000};
    vl_event event;

    vl_event_init(&event);
    for (size_t i = 0; i < VL_ARRAY_COUNT(timeouts); i++)
        CHECK_EQ(vl_event_wait(&event, timeouts[i]), 0);
    vl_event_set(&event); /* after waits that nobody is in any more */
    CHECK_EQ(vl_event_wait(&event, 0), 1);
}

static void
event_wait_ends_with_its_time(void)
{
    event_with_both(event_time_run);
}

#define EVENT_WAITERS 10

/* Waiters, and what they wait for. */
typedef struct event_crowd {
    vl_event event;         /* what all wait for */
    int64_t timeout_ns;     /* that they wait with */
    int plain;              /* written before the setting, read after the wait */
    _Atomic uint64_t woken; /* waits that ended as they should */
} event_crowd;

static void
event_crowd_wait(void *argument)
{
    event_crowd *crowd = argument;

    if (vl_event_wait(&crowd->event, crowd->timeout_ns) == 1 && crowd->plain == 1)
        vl_count(&crowd->woken, 1);
}

/* Let all wait and wake them, after `yields` turns for them to fall asleep. */
static void
event_crowd_run(int64_t timeout_ns, unsigned yields)
{
    vl_thread threads[EVENT_WAITERS];
    event_crowd crowd;

    memset(&crowd, 0, sizeof crowd);
    vl_event_init(&crowd.event);
    crowd.timeout_ns = timeout_ns;
    for (size_t i = 0; i < EVENT_WAITERS; i++)
        CHECK_OK(vl_thread_start(unit_ctx(), &threads[i], "waiter", event_crowd_wait, &crowd));
    for (unsigned i = 0; i < yields; i++)
        vl_thread_yield();
    vl_event_reset(&crowd.event); /* not set: must not forget who sleeps */
    crowd.plain = 1;
    vl_event_set(&crowd.event);
    for (size_t i = 0; i < EVENT_WAITERS; i++)
        vl_thread_join(&threads[i]);
    CHECK_EQ(crowd.woken, EVENT_WAITERS);
}

static void
event_many_run(void)
{
    for (unsigned turn = 0; turn < 12; turn++)
        event_crowd_run(VL_PARK_FOREVER, turn * turn);
}

static void
event_wakes_all_waiters(void)
{
    event_with_both(event_many_run);
}

static void
event_long_run(void)
{
    static const int64_t timeouts[] = {INT64_MAX, INT64_MAX - 1, INT64_MAX / 2,
                                       (int64_t)3600 * 1000000000, INT64_MIN};

    for (size_t i = 0; i < VL_ARRAY_COUNT(timeouts); i++)
        event_crowd_run(timeouts[i], 200);
}

static void
event_waits_for_any_time(void)
{
    event_with_both(event_long_run);
}

/* Two threads and two events, each set and reset in turn. */
typedef struct event_pair {
    vl_event events[2]; /* one for each direction */
    unsigned turns;     /* of the game */
    unsigned plain;     /* counted up by both in turn, without atomics */
} event_pair;

static void
event_pong(void *argument)
{
    event_pair *pair = argument;

    for (unsigned i = 0; i < pair->turns; i++) {
        (void)vl_event_wait(&pair->events[0], VL_PARK_FOREVER);
        vl_event_reset(&pair->events[0]);
        pair->plain++;
        vl_event_set(&pair->events[1]);
    }
}

static void
event_ping_pong_run(void)
{
    event_pair pair;
    vl_thread other;

    memset(&pair, 0, sizeof pair);
    vl_event_init(&pair.events[0]);
    vl_event_init(&pair.events[1]);
    pair.turns = VL_TSAN ? 4000 : 20000;
    CHECK_OK(vl_thread_start(unit_ctx(), &other, "pong", event_pong, &pair));
    for (unsigned i = 0; i < pair.turns; i++) {
        pair.plain++;
        vl_event_set(&pair.events[0]);
        (void)vl_event_wait(&pair.events[1], VL_PARK_FOREVER);
        vl_event_reset(&pair.events[1]);
    }
    vl_thread_join(&other);
    CHECK_EQ(pair.plain, 2 * pair.turns);
}

static void
event_ping_pong_loses_nothing(void)
{
    event_with_both(event_ping_pong_run);
}

/* The waiter owns the event and may destroy it as soon as it is set (the sanitizers watch). */
static void
event_set_last(void *argument)
{
    vl_event_set(argument);
}

static void
event_may_go_when_set_run(void)
{
    for (unsigned i = 0; i < 300; i++) {
        vl_event *event = vl_alloc(unit_ctx(), sizeof *event);
        vl_thread setter;

        CHECK(event != NULL);
        vl_event_init(event);
        CHECK_OK(vl_thread_start(unit_ctx(), &setter, "setter", event_set_last, event));
        (void)vl_event_wait(event, VL_PARK_FOREVER);
        vl_free(event);
        vl_thread_join(&setter);
    }
}

static void
event_may_go_when_set(void)
{
    event_with_both(event_may_go_when_set_run);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(thread_runs_and_joins),
        UNIT_TEST(thread_never_started_joins),
        UNIT_TEST(thread_start_and_join_order_memory),
        UNIT_TEST(thread_has_its_name),
        UNIT_TEST(thread_blocks_all_signals_but_faults),
        UNIT_TEST(thread_start_may_fail),
        UNIT_TEST(thread_processor_count_follows_affinity),
        UNIT_TEST(atomic_max_says_what_was_before),
        UNIT_TEST(atomic_max_and_count_lose_nothing),
        UNIT_TEST(event_set_before_wait_is_seen),
        UNIT_TEST(event_wait_ends_with_its_time),
        UNIT_TEST(event_wakes_all_waiters),
        UNIT_TEST(event_waits_for_any_time),
        UNIT_TEST(event_ping_pong_loses_nothing),
        UNIT_TEST(event_may_go_when_set),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
