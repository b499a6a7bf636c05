/* test_wal_stress.c - several threads append, flush and release at a time; then the log is read
 * back whole. On the simulated machine, whose operations are quick, so that threads meet often; and
 * in memory. VELO_WAL_STRESS=N makes each thread append N records. */
#include "base/atomic.h"
#include "base/park.h"
#include "base/thread.h"
#include "lib/unit.h"
#include "os/sim.h"
#include "storage/wal_int.h"
#include "wal_rig.h"

#include <stdlib.h>

#define STRESS_THREADS 6U
#define STRESS_MAX     20000U

/* What one thread does. */
typedef struct stress_worker {
    vl_thread thread;    /* runs it */
    uint32_t number;     /* from 0 on */
    uint32_t count;      /* records to append */
    rig_record *records; /* what it appended, in order of position */
    uint32_t done;       /* how many */
    uint64_t flushes;    /* that it waited for */
    char failure[200];   /* what went wrong */
    vl_rng rng;          /* its own */
} stress_worker;

static struct {
    rig r;
    stress_worker workers[STRESS_THREADS];
    vl_event go;                   /* all begin together */
    _Atomic uint32_t running;      /* workers at work */
    _Atomic uint64_t acknowledged; /* highest position that a durable flush acknowledged */
    int fails;                     /* a fault is planned: errors are right */
} stress;

/* What each appended. */
static rig_record stress_records[STRESS_THREADS][STRESS_MAX];

static uint32_t
stress_count(void)
{
    const char *text = getenv("VELO_WAL_STRESS");
    unsigned long count = text != NULL ? strtoul(text, NULL, 10) : 400;

    return count >= 100 && count <= STRESS_MAX ? (uint32_t)count : 400;
}

static void
stress_note(stress_worker *worker, const char *text)
{
    if (worker->failure[0] == '\0')
        for (size_t i = 0; i < sizeof worker->failure - 1 && text[i] != '\0'; i++)
            worker->failure[i] = text[i];
}

/* Append a record, in one step or in two with something between them. */
static velo_status
stress_append(vl_ctx *ctx, stress_worker *worker, rig_record *record)
{
    uint8_t body[RIG_BODY_MAX];
    vl_wal_part parts[2];
    vl_wal_credit credit;
    uint32_t count = 1 + (uint32_t)vl_rng_below(&worker->rng, 2); /* credit for more than is used */

    record->size = (uint32_t)vl_rng_below(
        &worker->rng, vl_rng_chance(&worker->rng, 1, 10) ? RIG_BODY_MAX + 1 : 120);
    record->txn = (uint64_t)worker->number << 32 | worker->done;
    record->type = 1 + worker->number;
    VL_TRY(vl_wal_grant(ctx, stress.r.wal, count, record->size, &credit));
    rig_body(record->txn, body, record->size);
    parts[0] = (vl_wal_part){body, record->size / 2};
    parts[1] = (vl_wal_part){body + record->size / 2, record->size - record->size / 2};
    if (vl_rng_chance(&worker->rng, 1, 3)) {
        record->position = vl_wal_reserve(stress.r.wal, &credit, record->size);
        if (vl_rng_chance(&worker->rng, 1, 3))
            vl_thread_yield(); /* others append behind, and wait for this one */
        vl_wal_fill(stress.r.wal, record->position, record->type, record->txn, parts, 2);
    } else {
        record->position =
            vl_wal_append(stress.r.wal, &credit, record->type, record->txn, parts, 2);
    }
    vl_wal_ungrant(stress.r.wal, &credit);
    worker->done++;
    return VELO_OK;
}

static velo_status
stress_flush(vl_ctx *ctx, stress_worker *worker, const rig_record *record)
{
    int is_durable = (int)vl_rng_below(&worker->rng, 2);

    VL_TRY(vl_wal_flush(ctx, stress.r.wal, rig_end(record), is_durable));
    worker->flushes++;
    if (vl_wal_written(stress.r.wal) < rig_end(record) ||
        (is_durable && vl_wal_durable(stress.r.wal) < rig_end(record)))
        stress_note(worker, "a flush came back too early");
    if (is_durable)
        (void)vl_atomic_max(&stress.acknowledged, rig_end(record));
    return VELO_OK;
}

static void
stress_main(void *argument)
{
    stress_worker *worker = argument;
    velo_status st = VELO_OK;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    (void)vl_event_wait(&stress.go, VL_PARK_FOREVER);
    while (st == VELO_OK && worker->done < worker->count) {
        rig_record *record = &worker->records[worker->done];

        st = stress_append(&ctx, worker, record);
        if (st == VELO_OK && vl_rng_chance(&worker->rng, 1, 2))
            st = stress_flush(&ctx, worker, record);
        if (vl_wal_appended(stress.r.wal) > vl_wal_tail(stress.r.wal))
            stress_note(worker, "more is appended than reserved");
    }
    if (st != VELO_OK && !stress.fails)
        stress_note(worker, ctx.error.text);
    atomic_fetch_sub(&stress.running, 1);
}

static void
stress_start(uint32_t count)
{
    atomic_store(&stress.acknowledged, 0);
    atomic_store(&stress.running, STRESS_THREADS);
    vl_event_init(&stress.go);
    for (uint32_t i = 0; i < STRESS_THREADS; i++) {
        stress_worker *worker = &stress.workers[i];

        memset(worker, 0, sizeof *worker);
        worker->number = i;
        worker->count = count;
        vl_rng_init(&worker->rng, unit_seed() + i);
        worker->records = stress_records[i];
        CHECK_OK(vl_thread_start(unit_ctx(), &worker->thread, "stress", stress_main, worker));
    }
    vl_event_set(&stress.go);
}

static void
stress_join(void)
{
    for (uint32_t i = 0; i < STRESS_THREADS; i++)
        vl_thread_join(&stress.workers[i].thread);
    for (uint32_t i = 0; i < STRESS_THREADS; i++)
        CHECK_TEXT(stress.workers[i].failure, "");
}

/* Everybody's records merged: *count of them, in order of position. */
static rig_record *
stress_merge(uint32_t *count)
{
    uint32_t next[STRESS_THREADS] = {0};
    rig_record *all;

    *count = 0;
    for (uint32_t i = 0; i < STRESS_THREADS; i++)
        *count += stress.workers[i].done;
    all = calloc(*count + 1, sizeof *all);
    for (uint32_t n = 0; all != NULL && n < *count; n++) {
        uint32_t best = STRESS_THREADS;

        for (uint32_t i = 0; i < STRESS_THREADS; i++) {
            const stress_worker *worker = &stress.workers[i];

            if (next[i] < worker->done &&
                (best == STRESS_THREADS || worker->records[next[i]].position <
                                               stress.workers[best].records[next[best]].position))
                best = i;
        }
        all[n] = stress.workers[best].records[next[best]++];
    }
    return all;
}

static void
wal_threads_append_and_flush(void)
{
    /* By each method, and with the last on a mapping: leaders and those who prepare segments store
     * to it while it is extended. */
    for (int way = 0; way <= VL_DURABLE_METHOD_COUNT; way++) {
        int is_mapped = way == VL_DURABLE_METHOD_COUNT;
        vl_sim_options options = {.has_synchronous_map = is_mapped};
        vl_log_position end = 0;
        rig_record *all;
        uint32_t count;

        CHECK_OK(rig_open(unit_ctx(), &stress.r, &options));
        if (is_mapped)
            stress.r.options.medium = VL_WAL_MAPPED;
        else
            stress.r.options.method = (vl_durable_method)way;
        CHECK_OK(rig_create(unit_ctx(), &stress.r));
        stress_start(stress_count());
        stress_join();
        if (unit_has_failed())
            return;
        CHECK_OK(vl_wal_flush(unit_ctx(), stress.r.wal, vl_wal_tail(stress.r.wal), 1));
        all = stress_merge(&count);
        CHECK(all != NULL);
        CHECK_EQ(count, STRESS_THREADS * stress_count());
        CHECK_EQ(
            rig_scan(unit_ctx(), stress.r.io, &stress.r.options.identity, 64, all, count, &end),
            (int)count);
        CHECK_EQ(end, vl_wal_tail(stress.r.wal));
        free(all);
        rig_close(&stress.r);
    }
}

/* A checkpointer releases meanwhile; the rest is read back from where it did so last. */
static void
wal_threads_append_while_space_is_released(void)
{
    vl_log_position released = 64;
    uint32_t first = 0;
    rig_record *all;
    uint32_t count;
    vl_wal_stats stats;

    CHECK_OK(rig_open(unit_ctx(), &stress.r, NULL));
    CHECK_OK(rig_create(unit_ctx(), &stress.r));
    stress_start(stress_count());
    while (atomic_load(&stress.running) > 0) {
        vl_log_position position = vl_wal_appended(stress.r.wal);

        CHECK_OK(vl_wal_flush(unit_ctx(), stress.r.wal, position, 1));
        CHECK_OK(vl_wal_release(unit_ctx(), stress.r.wal, position));
        released = position;
        vl_thread_yield();
    }
    stress_join();
    if (unit_has_failed())
        return;
    CHECK_OK(vl_wal_flush(unit_ctx(), stress.r.wal, vl_wal_tail(stress.r.wal), 1));
    all = stress_merge(&count);
    CHECK(all != NULL);
    while (first < count && all[first].position < released)
        first++;
    CHECK_EQ(rig_scan(unit_ctx(), stress.r.io, &stress.r.options.identity, released, all + first,
                      count - first, NULL),
             (int)(count - first));
    vl_wal_get_stats(stress.r.wal, &stats);
    CHECK(stats.prepared_count > 100);
    free(all);
    rig_close(&stress.r);
}

/* The disk fails in the middle: everybody comes back, and what was acknowledged is there. */
static void
wal_threads_all_learn_of_a_failure(void)
{
    for (uint64_t nth = 20; nth < 200; nth += 30) {
        vl_sim_fault fault = {.kind = VL_SIM_SYNC_LOSES, .ops = VL_SIM_SYNC, .nth = nth};
        vl_log_position end = 0;
        rig_record *all;
        uint32_t count;
        int got;

        CHECK_OK(rig_open(unit_ctx(), &stress.r, NULL));
        CHECK_OK(rig_create(unit_ctx(), &stress.r));
        CHECK_OK(vl_sim_plan(unit_ctx(), stress.r.sim, &fault));
        stress.fails = 1;
        stress_start(stress_count());
        stress_join();
        stress.fails = 0;
        if (unit_has_failed())
            return;
        CHECK_OK(vl_sim_cut_power(unit_ctx(), stress.r.sim, NULL));
        CHECK_OK(rig_restart(unit_ctx(), &stress.r));
        all = stress_merge(&count);
        CHECK(all != NULL);
        got = rig_scan(unit_ctx(), stress.r.io, &stress.r.options.identity, 64, all, count, &end);
        CHECK(got >= 0);
        CHECK(end >= atomic_load(&stress.acknowledged));
        CHECK(count < STRESS_THREADS * stress_count());
        free(all);
        rig_close(&stress.r);
    }
}

static void
wal_threads_in_memory(void)
{
    CHECK_OK(rig_open(unit_ctx(), &stress.r, NULL));
    stress.r.options.io = NULL;
    CHECK_OK(rig_create(unit_ctx(), &stress.r));
    stress_start(stress_count());
    stress_join();
    CHECK_EQ(vl_wal_appended(stress.r.wal), vl_wal_tail(stress.r.wal));
    rig_close(&stress.r);
}

/* With a ring that holds only a few records, everybody waits for credit, and gets it in turn. */
static void
wal_threads_share_a_full_ring(void)
{
    rig_record *all;
    uint32_t count;

    CHECK_OK(rig_open(unit_ctx(), &stress.r, NULL));
    /* Records of RIG_BODY_MAX must fit: a quarter of the ring; so fill it with credit instead. */
    CHECK_OK(rig_create(unit_ctx(), &stress.r));
    for (int round = 0; round < 3; round++) {
        vl_wal_credit credit;

        CHECK_OK(vl_wal_grant(unit_ctx(), stress.r.wal, 2, RIG_RING / 2 - 64, &credit));
        stress_start(stress_count() / 4);
        while (atomic_load(&stress.running) == STRESS_THREADS &&
               vl_wal_tail(stress.r.wal) < 100000 * (uint64_t)(round + 1))
            vl_thread_yield();
        vl_wal_ungrant(stress.r.wal, &credit);
        stress_join();
        if (unit_has_failed())
            return;
        all = stress_merge(&count);
        CHECK(all != NULL);
        CHECK_OK(vl_wal_flush(unit_ctx(), stress.r.wal, vl_wal_tail(stress.r.wal), 1));
        CHECK_EQ(rig_scan(unit_ctx(), stress.r.io, &stress.r.options.identity, all[0].position, all,
                          count, NULL),
                 (int)count);
        free(all);
    }
    rig_close(&stress.r);
}

/* A thread that waits for one thing. */
typedef struct stress_waiter {
    vl_thread thread;     /* runs it */
    vl_log_position upto; /* flush to here; 0: ask for credit instead */
    velo_status st;       /* what came of it */
    _Atomic uint32_t is_over;
} stress_waiter;

static void
stress_wait_main(void *argument)
{
    stress_waiter *waiter = argument;
    vl_wal_credit credit = {0};
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    if (waiter->upto != 0)
        waiter->st = vl_wal_flush(&ctx, stress.r.wal, waiter->upto, 1);
    else
        waiter->st = vl_wal_grant(&ctx, stress.r.wal, 1, RIG_RING / 3, &credit);
    vl_wal_ungrant(stress.r.wal, &credit);
    atomic_store(&waiter->is_over, 1);
}

/* Start it and let it come to where it waits. */
static void
stress_wait_start(stress_waiter *waiter, vl_log_position upto)
{
    memset(waiter, 0, sizeof *waiter);
    waiter->upto = upto;
    CHECK_OK(vl_thread_start(unit_ctx(), &waiter->thread, "waiter", stress_wait_main, waiter));
    while (atomic_load(&stress.r.wal->watchers) == 0)
        vl_thread_yield();
    for (int i = 0; i < 100; i++)
        vl_thread_yield();
}

static void
wal_credit_given_back_wakes_who_waits(void)
{
    CHECK_OK(rig_open(unit_ctx(), &stress.r, NULL));
    CHECK_OK(rig_create(unit_ctx(), &stress.r));
    for (int round = 0; round < 20; round++) {
        vl_wal_credit credits[2];
        stress_waiter waiter;

        for (int i = 0; i < 2; i++)
            CHECK_OK(vl_wal_grant(unit_ctx(), stress.r.wal, 2, RIG_RING / 2 - 64, &credits[i]));
        stress_wait_start(&waiter, 0);
        CHECK_EQ(atomic_load(&waiter.is_over), 0);
        vl_wal_ungrant(stress.r.wal, &credits[0]);
        vl_thread_join(&waiter.thread);
        CHECK_OK(waiter.st);
        vl_wal_ungrant(stress.r.wal, &credits[1]);
    }
    rig_close(&stress.r);
}

/* Somebody else's record before mine is reserved and not filled. */
static void
wal_filled_gap_wakes_who_waits(void)
{
    CHECK_OK(rig_open(unit_ctx(), &stress.r, NULL));
    CHECK_OK(rig_create(unit_ctx(), &stress.r));
    for (int round = 0; round < 20; round++) {
        vl_wal_credit credit;
        vl_log_position gap;
        stress_waiter waiter;

        CHECK_OK(vl_wal_grant(unit_ctx(), stress.r.wal, 2, 0, &credit));
        gap = vl_wal_reserve(stress.r.wal, &credit, 0);
        (void)vl_wal_append(stress.r.wal, &credit, 1, 1, NULL, 0);
        vl_wal_ungrant(stress.r.wal, &credit);
        stress_wait_start(&waiter, vl_wal_tail(stress.r.wal));
        CHECK_EQ(atomic_load(&waiter.is_over), 0);
        /* Meanwhile what lies before the gap can be flushed. */
        CHECK_OK(vl_wal_flush(unit_ctx(), stress.r.wal, gap, 1));
        vl_wal_fill(stress.r.wal, gap, 1, 1, NULL, 0);
        vl_thread_join(&waiter.thread);
        CHECK_OK(waiter.st);
        CHECK_EQ(vl_wal_durable(stress.r.wal), vl_wal_tail(stress.r.wal));
    }
    rig_close(&stress.r);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(wal_threads_append_and_flush),
        UNIT_TEST(wal_threads_append_while_space_is_released),
        UNIT_TEST(wal_threads_all_learn_of_a_failure),
        UNIT_TEST(wal_threads_in_memory),
        UNIT_TEST(wal_threads_share_a_full_ring),
        UNIT_TEST(wal_credit_given_back_wakes_who_waits),
        UNIT_TEST(wal_filled_gap_wakes_who_waits),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
