/* thread.c - POSIX threads under our names, and events on the parking functions.
 *
 * Invariants
 *   E1  An event goes 0 -> 1 only by a waiter, to 2 only by vl_event_set, which wakes all if it
 *       finds 1, and 2 -> 0 only by vl_event_reset: nobody sleeps on a set event, and nobody who
 *       sleeps is forgotten. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "base/thread.h"

#include "base/park.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum thread_event_state {
    THREAD_EVENT_CLEAR,
    THREAD_EVENT_AWAITED,
    THREAD_EVENT_SET
};

static void *
thread_run(void *argument)
{
    vl_thread *thread = argument;

#if defined(__linux__)
    (void)pthread_setname_np(pthread_self(), thread->name); /* cosmetic: may fail */
#endif
    thread->main(thread->argument);
    return NULL;
}

/* The signals that a thread of ours does not take. A fault in the thread itself stays with it: when
 * its signal is blocked, the system ends the process without asking the application's handler. */
static void
thread_blocked_signals(sigset_t *set)
{
    static const int faults[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP};

    (void)sigfillset(set);
    for (size_t i = 0; i < VL_ARRAY_COUNT(faults); i++)
        (void)sigdelset(set, faults[i]);
}

velo_status
vl_thread_start(vl_ctx *ctx, vl_thread *thread, const char *name, vl_thread_main *main,
                void *argument)
{
    sigset_t blocked;
    sigset_t before;
    int error;

    memset(thread, 0, sizeof *thread);
    thread->main = main;
    thread->argument = argument;
    (void)snprintf(thread->name, sizeof thread->name, "%s", name);
    /* The new thread inherits the mask, so that no signal can reach it in between. */
    thread_blocked_signals(&blocked);
    (void)pthread_sigmask(SIG_SETMASK, &blocked, &before);
    error = pthread_create(&thread->handle, NULL, thread_run, thread);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0)
        return vl_fail_os(ctx, VELO_NOMEM, error, "cannot start the thread \"%s\"", name);
    thread->is_started = 1;
    return VELO_OK;
}

void
vl_thread_join(vl_thread *thread)
{
    if (!thread->is_started)
        return;
    (void)pthread_join(thread->handle, NULL);
    thread->is_started = 0;
}

uint32_t
vl_thread_processor_count(void)
{
#if defined(__linux__)
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return (uint32_t)CPU_COUNT(&set);
#endif
    long online = sysconf(_SC_NPROCESSORS_ONLN);

    return online > 0 ? (uint32_t)online : 1;
}

void
vl_thread_yield(void)
{
    (void)sched_yield();
}

void
vl_event_init(vl_event *event)
{
    atomic_init(&event->state, THREAD_EVENT_CLEAR);
}

void
vl_event_set(vl_event *event)
{
    uint32_t before =
        atomic_exchange_explicit(&event->state, THREAD_EVENT_SET, memory_order_acq_rel);

    if (before == THREAD_EVENT_AWAITED)
        vl_unpark(&event->state, INT32_MAX); /* keeps E1 */
}

void
vl_event_reset(vl_event *event)
{
    uint32_t state = THREAD_EVENT_SET;

    /* An event that is not set stays as it is: keeps E1. */
    (void)atomic_compare_exchange_strong_explicit(&event->state, &state, THREAD_EVENT_CLEAR,
                                                  memory_order_acq_rel, memory_order_relaxed);
}

int
vl_event_is_set(const vl_event *event)
{
    return atomic_load_explicit(&event->state, memory_order_acquire) == THREAD_EVENT_SET;
}

/* Nanoseconds on a clock that never goes back. */
static int64_t
thread_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int
vl_event_wait(vl_event *event, int64_t timeout_ns)
{
    int64_t end_ns = 0;

    if (timeout_ns >= 0 && __builtin_add_overflow(thread_now_ns(), timeout_ns, &end_ns))
        timeout_ns = VL_PARK_FOREVER; /* some centuries: as good as for ever */
    for (;;) {
        uint32_t state = THREAD_EVENT_CLEAR;

        (void)atomic_compare_exchange_strong_explicit(&event->state, &state, THREAD_EVENT_AWAITED,
                                                      memory_order_acquire, memory_order_acquire);
        if (state == THREAD_EVENT_SET)
            return 1;
        if (timeout_ns >= 0) {
            timeout_ns = end_ns - thread_now_ns();
            if (timeout_ns <= 0)
                return vl_event_is_set(event);
        }
        (void)vl_park(&event->state, THREAD_EVENT_AWAITED, timeout_ns);
    }
}
