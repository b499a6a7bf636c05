/* test_txn_wait.c - the wait-for graph: every order of the steps of some deadlocks, then what idle
 * owners and victims are told. wait.c is included with its atomics made steps. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* for wait.c */
#endif
#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/park.h"
#include "base/rank.h"
#include "lib/steps.h"
#include "lib/unit.h"
#include "txn/status.h"
#include "txn/wait.h"

#include <string.h>
#include <time.h>

#define WAITS_MAX 3U

/* Transactions and rows. A row's owner is what an undo record would lead to. */
static struct {
    vl_txn_status_pool *pool;
    vl_wait_node *nodes[WAITS_MAX];
    vl_txn_status *statuses[WAITS_MAX];
    vl_txn_status *rows[WAITS_MAX]; /* owners; guarded by there being no step between */
    const char *plans[WAITS_MAX]; /* rows that each locks in order; '-' gives the first one up, '~'
                                     leaves the call and enters another, '!' leaves it and idles */
    vl_wait_busy *busy;           /* of all */
    int64_t timeout_ns;           /* of all */
    velo_status ends[WAITS_MAX];  /* how each ended */
    vl_ctx ctxs[WAITS_MAX];
} ww;

#if STEPS_POSSIBLE
#include "lib/steps_code.h"
#endif
#define vl_wait_node_create  steps_wait_node_create
#define vl_wait_enter_call   steps_wait_enter_call
#define vl_wait_leave_call   steps_wait_leave_call
#define vl_wait_set_work     steps_wait_set_work
#define vl_wait_interrupt    steps_wait_interrupt
#define vl_wait_attach       steps_wait_attach
#define vl_wait_events       steps_wait_events
#define vl_wait_tell         steps_wait_tell
#define vl_wait              steps_wait
#define vl_wait_node_release steps_wait_node_release
#define vl_wait_node_retain  steps_wait_node_retain
velo_status steps_wait_node_create(vl_ctx *ctx, vl_wait_node **out) VL_MUST_CHECK;
void steps_wait_enter_call(vl_wait_node *node);
void steps_wait_leave_call(vl_wait_node *node);
void steps_wait_set_work(vl_wait_node *node, uint64_t work);
void steps_wait_interrupt(vl_wait_node *node);
void steps_wait_attach(vl_txn_status *status, vl_wait_node *node);
uint32_t steps_wait_events(const vl_txn_status *status);
void steps_wait_tell(vl_txn_status *status);
velo_status steps_wait(vl_ctx *ctx, vl_wait_node *node, const vl_wait_request *request)
    VL_MUST_CHECK;
void steps_wait_node_release(vl_wait_node *node);
void steps_wait_node_retain(vl_wait_node *node);
#include "txn/wait.c" /* NOLINT(bugprone-suspicious-include): anew on stepped atomics */

#if STEPS_POSSIBLE
static velo_status
waits_lock(unsigned i, vl_txn_status **row)
{
    for (;;) {
        vl_wait_owner owner;
        vl_wait_request request = {VL_WAIT_ROW, 1, &owner, ww.busy, NULL, ww.timeout_ns};
        velo_status st;

        steps_yield();
        if (*row == NULL || *row == ww.statuses[i] ||
            vl_txn_status_commit_ts(*row) != VL_TS_ACTIVE) {
            *row = ww.statuses[i];
            return VELO_OK;
        }
        owner.status = *row; /* statuses live as long as the run: no reference */
        owner.events = atomic_load(&owner.status->events);
        st = steps_wait(&ww.ctxs[i], ww.nodes[i], &request);
        if (st != VELO_OK)
            return st;
    }
}

/* Run transaction i through its plan. */
static void
waits_run(unsigned i)
{
    velo_status st = VELO_OK;

    for (const char *at = ww.plans[i]; *at != '\0' && st == VELO_OK; at++) {
        if (*at == '-') { /* ROLLBACK TO */
            ww.rows[ww.plans[i][0] - 'a'] = NULL;
            steps_wait_tell(ww.statuses[i]);
        } else if (*at == '~' || *at == '!') {
            steps_wait_leave_call(ww.nodes[i]);
            if (*at == '!')
                return;
            steps_wait_enter_call(ww.nodes[i]);
        } else {
            st = waits_lock(i, &ww.rows[*at - 'a']);
        }
    }
    ww.ends[i] = st;
    if (st == VELO_OK)
        vl_txn_status_commit(ww.statuses[i], 8 * (i + 1));
    else
        vl_txn_status_abort(ww.statuses[i]);
    steps_wait_tell(ww.statuses[i]);
    steps_wait_leave_call(ww.nodes[i]);
}

#endif

static void
waits_begin(void)
{
    memset(ww.rows, 0, sizeof ww.rows);
    for (unsigned i = 0; i < WAITS_MAX; i++) {
        vl_ctx_init(&ww.ctxs[i], NULL, NULL);
        CHECK_OK(steps_wait_node_create(unit_ctx(), &ww.nodes[i]));
        CHECK_OK(vl_txn_status_create(unit_ctx(), ww.pool, 100 + i, &ww.statuses[i]));
        steps_wait_attach(ww.statuses[i], ww.nodes[i]);
        steps_wait_enter_call(ww.nodes[i]);
        steps_wait_set_work(ww.nodes[i], 10 * (i + 1));
    }
}

static void
waits_end(void)
{
    for (unsigned i = 0; i < WAITS_MAX; i++) {
        if (vl_txn_status_commit_ts(ww.statuses[i]) == VL_TS_ACTIVE)
            vl_txn_status_abort(ww.statuses[i]);
        ww.statuses[i]->node = NULL; /* its reference is given back here: wait.c is here twice */
        steps_wait_node_release(ww.nodes[i]);
        steps_wait_node_release(ww.nodes[i]);
        vl_txn_status_release(ww.statuses[i], 1);
    }
}

#if STEPS_POSSIBLE
static void
waits_main_0(void)
{
    waits_run(0);
}

static void
waits_main_1(void)
{
    waits_run(1);
}

static void
waits_main_2(void)
{
    waits_run(2);
}

/* All orders: nobody sleeps for ever, and a victim is chosen only where there can be a circle.
 * `seen` receives which of the transactions was a victim in some order, as bits. */
static void
waits_explore(const char *a, const char *b, const char *c, unsigned preemptions, unsigned *seen)
{
    static steps_main *const mains[] = {waits_main_0, waits_main_1, waits_main_2};
    unsigned count = c != NULL ? 3 : 2;
    unsigned long runs = 0;
    const char *wrong;

    ww.plans[0] = a;
    ww.plans[1] = b;
    ww.plans[2] = c;
    *seen = 0;
    memset(ww.ends, 0, sizeof ww.ends);
    steps_begin(preemptions, NULL);
    do {
        waits_begin();
        wrong = steps_run(mains, count);
        runs++;
        if (wrong != NULL) {
            unit_failed(__FILE__, __LINE__, "%s %s: run %lu: not true: %s", a, b, runs, wrong);
            return;
        }
        for (unsigned i = 0; i < count; i++) {
            CHECK(ww.ends[i] == VELO_OK || ww.ends[i] == VELO_BUSY_SNAPSHOT ||
                  (ww.ends[i] == VELO_BUSY && ww.timeout_ns >= 0));
            if (ww.ends[i] != VELO_OK)
                *seen |= 1U << i;
        }
        waits_end();
    } while (steps_next());
    CHECK(runs > 20);
}

static void
wait_deadlocks_end_in_every_order(void)
{
    unsigned seen;

    CHECK_OK(vl_txn_status_pool_create(unit_ctx(), &ww.pool));
    waits_explore("ab", "ba", NULL, 3, &seen);
    CHECK_EQ(seen, 1); /* always the one with the least work, whoever closed the circle */
    waits_explore("ab", "ab", NULL, 3, &seen);
    CHECK_EQ(seen, 0); /* no circle: no victim */
    waits_explore("a", "a", "a", 2, &seen);
    CHECK_EQ(seen, 0);
    waits_explore("ab", "bc", "ca", 1, &seen);
    CHECK_EQ(seen, 1);
    waits_explore("a-", "a", NULL, 3, &seen); /* what was given up is told */
    CHECK_EQ(seen, 0);
    vl_txn_status_pool_destroy(ww.pool);
}

static int
waits_give_up(void *argument, uint32_t count)
{
    (void)argument;
    (void)count;
    return 0;
}

/* Whoever waits for somebody who idles learns it: at once with a handler or without time, and in
 * time otherwise; also of somebody who is waited for by who one waits for. Those who have no limit
 * wait for the end. */
static void
wait_learns_of_idle_owners_in_every_order(void)
{
    static const struct {
        vl_wait_busy *busy;
        int64_t timeout_ns;
    } kinds[] = {{NULL, 0}, {NULL, 1}, {waits_give_up, 0}};
    unsigned seen;

    CHECK_OK(vl_txn_status_pool_create(unit_ctx(), &ww.pool));
    for (size_t i = 0; i < VL_ARRAY_COUNT(kinds); i++) {
        ww.busy = kinds[i].busy;
        ww.timeout_ns = kinds[i].timeout_ns;
        waits_explore("a!", "a", NULL, 3, &seen);
        CHECK_EQ(seen, 2);
        waits_explore("a~~!", "a", NULL, 2, &seen);
        CHECK_EQ(seen, 2);
        waits_explore("a!", "ba", "b", 1, &seen);
        CHECK_EQ(seen, 6);
    }
    ww.busy = NULL;
    ww.timeout_ns = -1;
    waits_explore("a~~", "a", NULL, 3, &seen);
    CHECK_EQ(seen, 0);
    ww.timeout_ns = 0;
    vl_txn_status_pool_destroy(ww.pool);
}
#endif

/* ---- idle owners ---- */

static int
waits_busy(void *argument, uint32_t count)
{
    uint32_t *calls = argument;

    if (count != *calls)
        return 0;
    return ++*calls < 5;
}

static void
wait_for_an_idle_owner_is_decided_by_handler_or_timeout(void)
{
    uint32_t calls = 0;
    vl_wait_owner owner;
    vl_wait_request request = {VL_WAIT_KEY, 1, &owner, NULL, NULL, 0};

    CHECK_OK(vl_txn_status_pool_create(unit_ctx(), &ww.pool));
    waits_begin();
    owner.status = ww.statuses[1];
    owner.events = steps_wait_events(ww.statuses[1]);
    steps_wait_leave_call(ww.nodes[1]);
    CHECK_STATUS(steps_wait(unit_ctx(), ww.nodes[0], &request), VELO_BUSY);
    CHECK_TEXT(unit_ctx()->error.text, "transaction 101 has a key and idles");
    request.busy = waits_busy;
    request.busy_argument = &calls;
    CHECK_STATUS(steps_wait(unit_ctx(), ww.nodes[0], &request), VELO_BUSY);
    CHECK_EQ(calls, 5);
    owner.status = ww.statuses[0]; /* oneself is in nobody's way */
    CHECK_OK(steps_wait(unit_ctx(), ww.nodes[0], &request));
    owner.status = ww.statuses[1];
    steps_wait_interrupt(ww.nodes[0]);
    CHECK_STATUS(steps_wait(unit_ctx(), ww.nodes[0], &request), VELO_INTERRUPT);
    steps_wait_tell(ww.statuses[1]); /* it has told of something since */
    CHECK_OK(steps_wait(unit_ctx(), ww.nodes[0], &request));
    owner.events = steps_wait_events(ww.statuses[1]);
    vl_txn_status_abort(ww.statuses[1]); /* it has ended */
    CHECK_OK(steps_wait(unit_ctx(), ww.nodes[0], &request));
    CHECK(ww.nodes[1]->in == NULL && atomic_load(&ww.nodes[1]->in_count) == 0);
    waits_end();
    vl_txn_status_pool_destroy(ww.pool);
}

/* Two nodes as if two threads waited: A for B and C, B for A; then what A is told. */
static void
wait_victim_is_told_both_sides(void)
{
    wait_edge a = {.events = 0};
    wait_edge b = {.events = 0};

    CHECK_OK(vl_txn_status_pool_create(unit_ctx(), &ww.pool));
    waits_begin();
    a.from = ww.nodes[0];
    a.status = ww.statuses[1];
    b.from = ww.nodes[1];
    b.status = ww.statuses[0];
    vl_txn_status_acquire(a.status, 1);
    vl_txn_status_acquire(b.status, 1);
    wait_link(ww.nodes[0], VL_WAIT_ROW, &a, 1);
    CHECK(!ww.nodes[0]->is_victim);
    wait_link(ww.nodes[1], VL_WAIT_SCHEMA, &b, 1);
    CHECK(ww.nodes[0]->is_victim && !ww.nodes[1]->is_victim);
    CHECK(vl_txn_status_is_doomed(ww.statuses[0]));
    CHECK_STATUS(wait_fail_victim(unit_ctx(), ww.nodes[0]->kind, &ww.nodes[0]->verdict),
                 VELO_BUSY_SNAPSHOT);
    CHECK_CONTAINS(unit_ctx()->error.text,
                   "transaction 100 waited for a row of transaction 101, which waits for the turn "
                   "to change the schema of transaction 100");
    wait_unlink(ww.nodes[0]);
    wait_unlink(ww.nodes[1]);
    waits_end();
    vl_txn_status_pool_destroy(ww.pool);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
#if STEPS_POSSIBLE
        UNIT_TEST(wait_deadlocks_end_in_every_order),
        UNIT_TEST(wait_learns_of_idle_owners_in_every_order),
#endif
        UNIT_TEST(wait_for_an_idle_owner_is_decided_by_handler_or_timeout),
        UNIT_TEST(wait_victim_is_told_both_sides),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
