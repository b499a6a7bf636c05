/* test_grace.c - nothing goes while somebody uses it, and waiting ends. */
#include "base/grace.h"

#include "base/park.h"
#include "base/thread.h"
#include "lib/unit.h"

#define TEST_THREADS 4

static struct {
    vl_grace grace;
    _Atomic(uint64_t *) current; /* what readers find */
    _Atomic uint32_t stop;       /* 1: readers end */
    _Atomic uint32_t wrong;      /* readers that found something that was gone */
    _Atomic uint64_t reads;      /* how often something was found */
} shared;

static void
grace_read(void *argument)
{
    (void)argument;
    while (atomic_load_explicit(&shared.stop, memory_order_acquire) == 0) {
        uint32_t entered = vl_grace_enter(&shared.grace);
        uint64_t *found = atomic_load_explicit(&shared.current, memory_order_acquire);

        for (int i = 0; i < 20; i++)
            if (*(volatile uint64_t *)found != 77)
                atomic_fetch_add_explicit(&shared.wrong, 1, memory_order_relaxed);
        vl_grace_leave(&shared.grace, entered);
        atomic_fetch_add_explicit(&shared.reads, 1, memory_order_relaxed);
    }
}

/* Two who take things away, each its own. */
static void
grace_replace(void *argument)
{
    uint32_t rounds = *(const uint32_t *)argument;
    static uint64_t spare;
    uint64_t *mine = &spare;
    uint64_t *old;

    for (uint32_t i = 0; i < rounds; i++) {
        *mine = 77;
        old = atomic_exchange_explicit(&shared.current, mine, memory_order_acq_rel);
        vl_grace_wait(&shared.grace);
        *old = 0; /* nobody can see this */
        mine = old;
    }
}

static void
grace_nothing_goes_while_it_is_used(void)
{
    static uint64_t cell = 77;
    uint32_t rounds = VL_TSAN ? 2000 : 20000;
    vl_thread readers[TEST_THREADS] = {0};
    vl_thread writer = {0};

    memset(&shared, 0, sizeof shared);
    cell = 77;
    atomic_store_explicit(&shared.current, &cell, memory_order_release);
    for (uint32_t i = 0; i < TEST_THREADS; i++)
        CHECK_OK(vl_thread_start(unit_ctx(), &readers[i], "reader", grace_read, NULL));
    CHECK_OK(vl_thread_start(unit_ctx(), &writer, "writer", grace_replace, &rounds));
    {
        static uint64_t spare = 77;
        uint64_t *mine = &spare;

        for (uint32_t i = 0; i < rounds; i++) {
            uint64_t *old;

            *mine = 77;
            old = atomic_exchange_explicit(&shared.current, mine, memory_order_acq_rel);
            vl_grace_wait(&shared.grace);
            *old = 0;
            mine = old;
        }
    }
    while (atomic_load_explicit(&shared.reads, memory_order_relaxed) < 10)
        vl_thread_yield();
    atomic_store_explicit(&shared.stop, 1, memory_order_release);
    for (uint32_t i = 0; i < TEST_THREADS; i++)
        vl_thread_join(&readers[i]);
    vl_thread_join(&writer);
    CHECK_EQ(atomic_load_explicit(&shared.wrong, memory_order_relaxed), 0);
}

static void
grace_wait_without_anybody_returns(void)
{
    static vl_grace grace = VL_GRACE_INIT;

    for (int i = 0; i < 5; i++) {
        uint32_t entered = vl_grace_enter(&grace);
        uint32_t again = vl_grace_enter(&grace);

        vl_grace_leave(&grace, entered);
        vl_grace_leave(&grace, again);
        vl_grace_wait(&grace);
        CHECK_EQ(atomic_load_explicit(&grace.present[0], memory_order_relaxed), 0);
        CHECK_EQ(atomic_load_explicit(&grace.present[1], memory_order_relaxed), 0);
    }
}

static struct {
    vl_grace grace;
    vl_event waiting; /* the waiter is about to wait */
    vl_event done;    /* it has waited */
} late;

static void
grace_wait_once(void *argument)
{
    (void)argument;
    vl_event_set(&late.waiting);
    vl_grace_wait(&late.grace);
    vl_event_set(&late.done);
}

/* Somebody who comes after the wait began does not prolong it; who was there before does. */
static void
grace_latecomers_do_not_prolong_the_wait(void)
{
    vl_thread thread = {0};
    uint32_t first;
    uint32_t second;

    memset(&late, 0, sizeof late);
    vl_event_init(&late.waiting);
    vl_event_init(&late.done);
    first = vl_grace_enter(&late.grace);
    CHECK_OK(vl_thread_start(unit_ctx(), &thread, "waiter", grace_wait_once, NULL));
    (void)vl_event_wait(&late.waiting, VL_PARK_FOREVER);
    while (atomic_load_explicit(&late.grace.phase, memory_order_acquire) == 0)
        vl_thread_yield();
    second = vl_grace_enter(&late.grace);
    CHECK(!vl_event_is_set(&late.done));
    vl_grace_leave(&late.grace, first);
    CHECK(vl_event_wait(&late.done, VL_PARK_FOREVER));
    vl_grace_leave(&late.grace, second);
    vl_thread_join(&thread);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(grace_nothing_goes_while_it_is_used),
        UNIT_TEST(grace_wait_without_anybody_returns),
        UNIT_TEST(grace_latecomers_do_not_prolong_the_wait),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
