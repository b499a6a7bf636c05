/* bench_latch.c - what latches cost when nobody is in the way, and with two threads. */
#define _GNU_SOURCE
#include "base/latch.h"
#include "base/thread.h"
#include "lib/bench.h"

#include "base/ctx.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t latch_rounds;
static vl_latch latch_one;
static pthread_rwlock_t latch_rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_mutex_t latch_mutex = PTHREAD_MUTEX_INITIALIZER;
static uint64_t latch_data[2];

static double
latch_per_round(uint64_t start_ns)
{
    return (double)(bench_now_ns() - start_ns) / (double)latch_rounds;
}

static double
measure_shared(void *user)
{
    uint64_t start_ns = bench_now_ns();

    (void)user;
    for (uint64_t i = 0; i < latch_rounds; i++) {
        vl_latch_acquire_shared(&latch_one);
        vl_latch_release_shared(&latch_one);
    }
    return latch_per_round(start_ns);
}

static double
measure_exclusive(void *user)
{
    uint64_t start_ns = bench_now_ns();

    (void)user;
    for (uint64_t i = 0; i < latch_rounds; i++) {
        vl_latch_acquire_exclusive(&latch_one);
        vl_latch_release_exclusive(&latch_one);
    }
    return latch_per_round(start_ns);
}

static double
measure_optimistic(void *user)
{
    uint64_t start_ns = bench_now_ns();
    uint64_t valid = 0;

    (void)user;
    for (uint64_t i = 0; i < latch_rounds; i++) {
        uint64_t version = vl_latch_read_begin(&latch_one);

        bench_use(vl_racy_load64(&latch_data[0]));
        valid += (uint64_t)vl_latch_read_end(&latch_one, version);
    }
    bench_use(valid);
    return latch_per_round(start_ns);
}

static double
measure_rwlock(void *user)
{
    uint64_t start_ns = bench_now_ns();

    (void)user;
    for (uint64_t i = 0; i < latch_rounds; i++) {
        (void)pthread_rwlock_rdlock(&latch_rwlock);
        (void)pthread_rwlock_unlock(&latch_rwlock);
    }
    return latch_per_round(start_ns);
}

static double
measure_mutex(void *user)
{
    uint64_t start_ns = bench_now_ns();

    (void)user;
    for (uint64_t i = 0; i < latch_rounds; i++) {
        (void)pthread_mutex_lock(&latch_mutex);
        (void)pthread_mutex_unlock(&latch_mutex);
    }
    return latch_per_round(start_ns);
}

static void
latch_run_measure(void *argument)
{
    bench_measure *measure = *(bench_measure **)argument;

    bench_use((uint64_t)measure(NULL));
}

/* Two threads do the same: nanoseconds for each round of both. */
static double
measure_two(void *user)
{
    vl_ctx ctx;
    vl_thread other;
    uint64_t start_ns = bench_now_ns();

    vl_ctx_init(&ctx, NULL, NULL);
    if (vl_thread_start(&ctx, &other, "bench", latch_run_measure, user) != VELO_OK)
        return -1;
    latch_run_measure(user);
    vl_thread_join(&other);
    return latch_per_round(start_ns);
}

int
main(int argc, char **argv)
{
    static bench_measure *const measures[] = {measure_shared, measure_optimistic, measure_exclusive,
                                              measure_rwlock};
    static bench_measure *two[4];
    bench *b = bench_create(argc, argv, "latches, ns for acquire and release");
    int shared;
    int optimistic;

    for (int i = 0; i < 4; i++)
        two[i] = measures[i];
    latch_rounds = bench_work(b, 20000000);
    vl_latch_init(&latch_one, VL_RANK_NONE);
    shared = bench_add(b, "shared", "ns", BENCH_LESS_IS_BETTER, measure_shared, NULL);
    optimistic = bench_add(b, "optimistic begin, load, validate", "ns", BENCH_LESS_IS_BETTER,
                           measure_optimistic, NULL);
    bench_add(b, "exclusive", "ns", BENCH_LESS_IS_BETTER, measure_exclusive, NULL);
    bench_add(b, "pthread_rwlock read", "ns", BENCH_LESS_IS_BETTER, measure_rwlock, NULL);
    bench_add(b, "pthread_mutex", "ns", BENCH_LESS_IS_BETTER, measure_mutex, NULL);
    bench_add(b, "two threads, shared", "ns", BENCH_LESS_IS_BETTER, measure_two, &two[0]);
    bench_add(b, "two threads, optimistic", "ns", BENCH_LESS_IS_BETTER, measure_two, &two[1]);
    bench_add(b, "two threads, exclusive", "ns", BENCH_LESS_IS_BETTER, measure_two, &two[2]);
    bench_add(b, "two threads, pthread_rwlock read", "ns", BENCH_LESS_IS_BETTER, measure_two,
              &two[3]);
    bench_want_value(b, "uncontended shared acquire and release", shared, 15);
    bench_want_value(b, "optimistic begin and validate", optimistic, 3);
    return bench_finish(b);
}
