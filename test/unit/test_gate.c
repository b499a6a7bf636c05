/* test_gate.c - who holds checkpoints off: gate.h. */
#include "lib/unit.h"

#include "base/thread.h"
#include "storage/gate.h"

#define GATE_THREADS 4U

/* A thread at a gate. */
typedef struct gate_thread {
    vl_thread thread;          /* it */
    vl_gate *gate;             /* which */
    int is_long;               /* how it holds */
    uint32_t steps;            /* how often */
    uint64_t seed;             /* of its choices */
    _Atomic uint32_t *inside;  /* how many hold the gate */
    _Atomic int is_done;       /* it has done what it does */
    int closed;                /* what closing said */
    _Atomic uint32_t *is_over; /* threads that are at their end */
} gate_thread;

static void
gate_start(gate_thread *one, vl_thread_main *run)
{
    CHECK_OK(vl_thread_start(unit_ctx(), &one->thread, "gate", run, one));
}

/* Wait until the gate is being closed. */
static void
gate_await_closing(vl_gate *gate)
{
    while ((atomic_load(&gate->state) & VL_GATE_CLOSED) == 0)
        vl_thread_yield();
}

static void
gate_close_main(void *argument)
{
    gate_thread *one = argument;

    one->closed = vl_gate_close(one->gate);
    atomic_store(&one->is_done, 1);
}

static void
gate_hold_main(void *argument)
{
    gate_thread *one = argument;

    vl_gate_hold(one->gate, one->is_long);
    atomic_fetch_add(one->inside, 1);
    atomic_store(&one->is_done, 1);
}

/* ---- one after the other ---- */

static void
gate_closes_when_nobody_holds_it(void)
{
    vl_gate gate;

    vl_gate_init(&gate);
    for (uint32_t i = 0; i < 3; i++) {
        vl_gate_hold(&gate, 0);
        vl_gate_hold(&gate, 0);
        CHECK(!vl_gate_is_held_long(&gate));
        vl_gate_release(&gate, 0);
        vl_gate_release(&gate, 0);
        CHECK(vl_gate_close(&gate));
        CHECK(!vl_gate_is_held_long(&gate));
        vl_gate_open(&gate);
    }
    CHECK_EQ(atomic_load(&gate.state), 0);
}

static void
gate_gives_way_to_a_long_holder(void)
{
    vl_gate gate;

    vl_gate_init(&gate);
    vl_gate_hold(&gate, 1);
    CHECK(vl_gate_is_held_long(&gate));
    CHECK(!vl_gate_close(&gate));
    vl_gate_hold(&gate, 0); /* it is open again: nobody waits for the long one */
    vl_gate_hold(&gate, 1);
    CHECK(!vl_gate_close(&gate));
    vl_gate_release(&gate, 1);
    CHECK(vl_gate_is_held_long(&gate));
    vl_gate_release(&gate, 1);
    CHECK(!vl_gate_is_held_long(&gate));
    vl_gate_release(&gate, 0);
    CHECK(vl_gate_close(&gate));
    vl_gate_open(&gate);
    CHECK_EQ(atomic_load(&gate.state), 0);
}

/* ---- two threads ---- */

static void
gate_closing_waits_for_short_holders(void)
{
    gate_thread closer = {0};
    vl_gate gate;

    vl_gate_init(&gate);
    closer.gate = &gate;
    vl_gate_hold(&gate, 0);
    vl_gate_hold(&gate, 0);
    gate_start(&closer, gate_close_main);
    gate_await_closing(&gate);
    vl_gate_release(&gate, 0);
    for (uint32_t i = 0; i < 100; i++) {
        vl_thread_yield();
        CHECK(atomic_load(&closer.is_done) == 0);
    }
    vl_gate_release(&gate, 0);
    vl_thread_join(&closer.thread);
    CHECK_EQ(closer.closed, 1);
    vl_gate_open(&gate);
}

/* One who comes while closing waits for a short holder waits too, and is no reason to give way. */
static void
gate_closing_does_not_give_way_to_newcomers(void)
{
    for (uint32_t round = 0; round < 50; round++) {
        _Atomic uint32_t inside = 0;
        gate_thread closer = {0}, holder = {0};
        vl_gate gate;

        vl_gate_init(&gate);
        closer.gate = holder.gate = &gate;
        holder.is_long = 1;
        holder.inside = &inside;
        vl_gate_hold(&gate, 0);
        gate_start(&closer, gate_close_main);
        gate_await_closing(&gate);
        gate_start(&holder, gate_hold_main);
        for (uint32_t i = 0; i < round; i++)
            vl_thread_yield();
        vl_gate_release(&gate, 0);
        vl_thread_join(&closer.thread);
        CHECK_EQ(closer.closed, 1);
        CHECK_EQ(atomic_load(&inside), 0);
        vl_gate_open(&gate);
        vl_thread_join(&holder.thread);
        CHECK(vl_gate_is_held_long(&gate));
        vl_gate_release(&gate, 1);
        CHECK_EQ(atomic_load(&gate.state), 0);
    }
}

static void
gate_newcomers_wait_until_it_opens(void)
{
    for (int is_long = 0; is_long < 2; is_long++) {
        _Atomic uint32_t inside = 0;
        gate_thread holders[GATE_THREADS] = {0};
        vl_gate gate;

        vl_gate_init(&gate);
        CHECK(vl_gate_close(&gate));
        for (uint32_t i = 0; i < GATE_THREADS; i++) {
            holders[i].gate = &gate;
            holders[i].is_long = is_long;
            holders[i].inside = &inside;
            gate_start(&holders[i], gate_hold_main);
        }
        for (uint32_t i = 0; i < 200; i++) {
            vl_thread_yield();
            CHECK_EQ(atomic_load(&inside), 0);
        }
        vl_gate_open(&gate);
        for (uint32_t i = 0; i < GATE_THREADS; i++)
            vl_thread_join(&holders[i].thread);
        CHECK_EQ(atomic_load(&inside), GATE_THREADS);
        CHECK_EQ(vl_gate_is_held_long(&gate), is_long);
        for (uint32_t i = 0; i < GATE_THREADS; i++)
            vl_gate_release(&gate, is_long);
        CHECK_EQ(atomic_load(&gate.state), 0);
    }
}

/* ---- many ---- */

static void
gate_work_main(void *argument)
{
    gate_thread *one = argument;
    vl_rng rng;

    vl_rng_init(&rng, one->seed);
    for (uint32_t i = 0; i < one->steps; i++) {
        int is_long = vl_rng_chance(&rng, 1, 16);

        vl_gate_hold(one->gate, is_long);
        atomic_fetch_add(one->inside, 1);
        if (vl_rng_chance(&rng, 1, 8))
            vl_thread_yield();
        atomic_fetch_sub(one->inside, 1);
        vl_gate_release(one->gate, is_long);
    }
    atomic_fetch_add(one->is_over, 1);
}

static void
gate_nobody_is_inside_while_it_is_closed(void)
{
    _Atomic uint32_t inside = 0, is_over = 0;
    gate_thread workers[GATE_THREADS] = {0};
    uint32_t closed = 0;
    vl_gate gate;

    vl_gate_init(&gate);
    for (uint32_t i = 0; i < GATE_THREADS; i++) {
        workers[i].gate = &gate;
        workers[i].steps = 3000;
        workers[i].seed = unit_seed() + i;
        workers[i].inside = &inside;
        workers[i].is_over = &is_over;
        gate_start(&workers[i], gate_work_main);
    }
    while (atomic_load(&is_over) < GATE_THREADS) {
        if (!vl_gate_close(&gate))
            continue;
        closed++;
        for (uint32_t i = 0; i < 3; i++) {
            if (atomic_load(&inside) != 0)
                unit_failed(__FILE__, __LINE__, "somebody is inside");
            vl_thread_yield();
        }
        vl_gate_open(&gate);
    }
    for (uint32_t i = 0; i < GATE_THREADS; i++)
        vl_thread_join(&workers[i].thread);
    CHECK_EQ(atomic_load(&gate.state), 0);
    CHECK(vl_gate_close(&gate));
    if (closed == 0)
        unit_failed(__FILE__, __LINE__, "it was never closed");
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(gate_closes_when_nobody_holds_it),
        UNIT_TEST(gate_gives_way_to_a_long_holder),
        UNIT_TEST(gate_closing_waits_for_short_holders),
        UNIT_TEST(gate_closing_does_not_give_way_to_newcomers),
        UNIT_TEST(gate_newcomers_wait_until_it_opens),
        UNIT_TEST(gate_nobody_is_inside_while_it_is_closed),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
