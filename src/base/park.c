/* park.c - futex, and a portable table of conditions.
 *
 * Invariants
 *   P1  In the portable version a sleeper compares the word and joins its bucket under the bucket's
 *       mutex, and a waker takes the same mutex: no wake-up falls between comparison and sleep.
 *   P2  Different words may share a bucket, so a wake-up there goes to all: early returns are
 *       allowed, lost ones are not. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "base/park.h"

#include "base/assert.h"
#include "base/hash.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>
#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#define PARK_NS_PER_S    1000000000
#define PARK_BUCKET_BITS 6

typedef struct park_bucket {
    pthread_mutex_t mutex;  /* guards `changed` and orders comparison and sleep (P1) */
    pthread_cond_t changed; /* signalled for every word of the bucket (P2) */
} park_bucket;

static park_bucket park_buckets[1 << PARK_BUCKET_BITS];
static pthread_once_t park_once = PTHREAD_ONCE_INIT;

#if defined(__linux__)
static _Atomic int park_portable;
#else
static _Atomic int park_portable = 1;
#endif

static void
park_init_buckets(void)
{
    pthread_condattr_t attributes;

    VL_CHECK(pthread_condattr_init(&attributes) == 0);
    VL_CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    for (size_t i = 0; i < VL_ARRAY_COUNT(park_buckets); i++) {
        VL_CHECK(pthread_mutex_init(&park_buckets[i].mutex, NULL) == 0);
        VL_CHECK(pthread_cond_init(&park_buckets[i].changed, &attributes) == 0);
    }
    (void)pthread_condattr_destroy(&attributes);
}

static park_bucket *
park_bucket_of(const _Atomic uint32_t *word)
{
    (void)pthread_once(&park_once, park_init_buckets);
    return &park_buckets[vl_mix64((uintptr_t)word) >> (64 - PARK_BUCKET_BITS)];
}

/* The moment `timeout_ns` from now on the monotonic clock. */
static struct timespec
park_deadline(int64_t timeout_ns)
{
    struct timespec at;

    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(timeout_ns / PARK_NS_PER_S);
    at.tv_nsec += (long)(timeout_ns % PARK_NS_PER_S);
    if (at.tv_nsec >= PARK_NS_PER_S) {
        at.tv_sec++;
        at.tv_nsec -= PARK_NS_PER_S;
    }
    return at;
}

static int
park_wait_portable(const _Atomic uint32_t *word, uint32_t expected, int64_t timeout_ns)
{
    park_bucket *bucket = park_bucket_of(word);
    struct timespec deadline = park_deadline(timeout_ns < 0 ? 0 : timeout_ns);
    int error = 0;

    (void)pthread_mutex_lock(&bucket->mutex);
    /* keeps P1; one wait only, since returning early is allowed */
    if (atomic_load_explicit(word, memory_order_seq_cst) == expected)
        error = timeout_ns < 0
                    ? pthread_cond_wait(&bucket->changed, &bucket->mutex)
                    : pthread_cond_timedwait(&bucket->changed, &bucket->mutex, &deadline);
    (void)pthread_mutex_unlock(&bucket->mutex);
    return error != ETIMEDOUT;
}

static void
park_wake_portable(const _Atomic uint32_t *word)
{
    park_bucket *bucket = park_bucket_of(word);

    (void)pthread_mutex_lock(&bucket->mutex);
    (void)pthread_cond_broadcast(&bucket->changed); /* keeps P2 */
    (void)pthread_mutex_unlock(&bucket->mutex);
}

int
vl_park(const _Atomic uint32_t *word, uint32_t expected, int64_t timeout_ns)
{
#if defined(__linux__)
    struct timespec timeout;
    long result;

    if (!atomic_load_explicit(&park_portable, memory_order_relaxed)) {
        timeout.tv_sec = (time_t)(timeout_ns / PARK_NS_PER_S);
        timeout.tv_nsec = (long)(timeout_ns % PARK_NS_PER_S);
        result = syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected,
                         timeout_ns < 0 ? NULL : &timeout, NULL, 0);
        return !(result != 0 && errno == ETIMEDOUT);
    }
#endif
    return park_wait_portable(word, expected, timeout_ns);
}

void
vl_unpark(const _Atomic uint32_t *word, int32_t count)
{
#if defined(__linux__)
    if (!atomic_load_explicit(&park_portable, memory_order_relaxed)) {
        (void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
        return;
    }
#endif
    (void)count;
    park_wake_portable(word);
}

void
vl_park_use_portable(int portable)
{
#if defined(__linux__)
    atomic_store_explicit(&park_portable, portable, memory_order_relaxed);
#else
    (void)portable;
#endif
}
