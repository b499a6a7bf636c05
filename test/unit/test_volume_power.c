/* test_volume_power.c - checkpoints of a toy store, with power cuts at every operation. */
#include "lib/unit.h"
#include "unit/volume_model.h"

#include <errno.h>

/* A machine, a process, a toy store. */
typedef struct power_case {
    vl_sim *sim;
    vl_io *io;
    toy_store toy;
} power_case;

static velo_status
power_begin(power_case *one, uint64_t seed)
{
    vl_sim_options options = {.seed = seed};

    VL_TRY(vl_sim_create(unit_ctx(), &options, &one->sim));
    VL_TRY(vl_sim_open_io(unit_ctx(), one->sim, &one->io));
    toy_init(&one->toy, unit_ctx(), one->io, seed);
    return toy_open(&one->toy);
}

static void
power_end(power_case *one)
{
    toy_deinit(&one->toy);
    vl_io_close(one->io);
    vl_sim_destroy(one->sim);
}

static void
check_fault(const char *fault)
{
    if (fault != NULL)
        unit_failed(__FILE__, __LINE__, "%s", fault);
}

static void
volume_toy_runs_and_reopens(void)
{
    static power_case one;

    CHECK_OK(power_begin(&one, unit_seed()));
    for (uint32_t i = 0; i < 20 && !unit_has_failed(); i++) {
        CHECK_OK(toy_run(&one.toy, 40));
        check_fault(toy_find_fault(&one.toy));
        CHECK_OK(toy_checkpoint(&one.toy, i % 2));
        check_fault(toy_find_fault(&one.toy));
        if (i % 3 == 0) {
            toy_close(&one.toy);
            CHECK_OK(toy_open(&one.toy));
            check_fault(toy_find_fault(&one.toy));
        }
    }
    power_end(&one);
}

/* ---- power cuts ---- */

/* What the hook does at each operation. */
typedef struct power_watch {
    power_case *one;    /* whose machine it is */
    vl_rng rng;         /* of the outcomes */
    uint32_t draws;     /* outcomes at each moment */
    uint64_t every;     /* look at one moment of so many */
    uint64_t seen;      /* moments so far */
    uint64_t last_hash; /* of the machine when it was last looked at */
    uint64_t looked;    /* outcomes looked at */
} power_watch;

/* Cut the power of a copy, and see what is left. */
static void
power_look(power_watch *watch, vl_sim *sim)
{
    vl_sim_outcome outcome = {.seed = vl_rng_next(&watch->rng)};
    const char *fault = NULL;
    vl_ctx ctx;
    vl_sim *copy;
    vl_io *io;

    vl_ctx_init(&ctx, NULL, NULL);
    outcome.keep = (vl_sim_keep)vl_rng_below(&watch->rng, 4);
    outcome.has_garbage = vl_rng_chance(&watch->rng, 1, 4);
    if (vl_sim_clone(&ctx, sim, &copy) != VELO_OK ||
        vl_sim_cut_power(&ctx, copy, &outcome) != VELO_OK ||
        vl_sim_open_io(&ctx, copy, &io) != VELO_OK) {
        unit_failed(__FILE__, __LINE__, "%s", ctx.error.text);
        return;
    }
    /* A file that is being created may be left with anything in it where the system orders data
     * and sizes in no way. */
    if (watch->one->toy.volume != NULL || !outcome.has_garbage)
        fault = toy_find_loss(&watch->one->toy, io, copy, vl_rng_chance(&watch->rng, 1, 3));
    if (fault != NULL)
        unit_failed(__FILE__, __LINE__, "moment %llu: %s", (unsigned long long)watch->seen, fault);
    watch->looked++;
    vl_io_close(io);
    vl_sim_destroy(copy);
}

static void
power_hook(void *user, vl_sim *sim, const vl_sim_event *event)
{
    power_watch *watch = user;
    uint64_t hash;

    (void)event;
    if (unit_has_failed() || ++watch->seen % watch->every != 0)
        return;
    hash = vl_sim_hash(sim);
    if (hash == watch->last_hash)
        return; /* between the end of one operation and the start of the next */
    watch->last_hash = hash;
    for (uint32_t i = 0; i < watch->draws; i++)
        power_look(watch, sim);
}

/* Runs of a toy store, each with its power cut at every moment. */
static void
power_run(uint64_t seed, uint32_t operations, uint32_t draws)
{
    static power_case one;
    power_watch watch = {.one = &one, .draws = draws, .every = 1};
    vl_sim_options options = {.seed = seed};

    vl_rng_init(&watch.rng, seed);
    CHECK_OK(vl_sim_create(unit_ctx(), &options, &one.sim));
    CHECK_OK(vl_sim_open_io(unit_ctx(), one.sim, &one.io));
    toy_init(&one.toy, unit_ctx(), one.io, seed);
    vl_sim_set_hook(one.sim, power_hook, &watch);
    CHECK_OK(toy_open(&one.toy));
    for (uint32_t i = 0; i < 3 && !unit_has_failed(); i++) {
        CHECK_OK(toy_run(&one.toy, operations));
        CHECK_OK(toy_checkpoint(&one.toy, i == 1 ? VL_SUPER_CLEAN : 0));
        toy_close(&one.toy);
        CHECK_OK(toy_open(&one.toy));
    }
    CHECK(watch.looked > 3 * operations);
    power_end(&one);
}

static void
volume_power_cut_at_every_operation(void)
{
    for (uint64_t i = 0; i < 2 && !unit_has_failed(); i++)
        power_run(unit_seed() + i, 20, 3);
}

/* ---- faults ---- */

/* Plan one fault for a kind of operations. */
static velo_status
fault_plan(vl_sim *sim, vl_sim_fault_kind kind, uint32_t ops, uint64_t nth, uint64_t count,
           int os_error)
{
    vl_sim_fault fault = {
        .kind = kind, .ops = ops, .nth = nth, .count = count, .os_error = os_error};

    return vl_sim_plan(unit_ctx(), sim, &fault);
}

/* After a final error: the process ends, another one opens the file. Which of two checkpoints it
 * finds may be open; then it goes on with that one. */
static void
fault_reopen(power_case *one)
{
    toy_state writing = one->toy.writing;
    toy_state durable = one->toy.durable;
    int was_committing = one->toy.is_committing;

    toy_close(&one->toy);
    CHECK_OK(toy_open(&one->toy));
    CHECK(one->toy.durable.version == durable.version ||
          (was_committing && one->toy.durable.version == writing.version));
    CHECK(memcmp(one->toy.durable.slots,
                 one->toy.durable.version == durable.version ? durable.slots : writing.slots,
                 sizeof durable.slots) == 0);
    one->toy.is_committing = 0;
    check_fault(toy_find_fault(&one->toy));
}

/* One run in which the nth operation of a kind fails. Returns through *met whether it did. */
static void
fault_run(vl_sim_fault_kind kind, uint32_t ops, uint64_t nth, int os_error, int *met)
{
    static power_case one;
    vl_sim_stats stats;
    vl_sim_outcome outcome = {.seed = nth};
    velo_status st;

    CHECK_OK(power_begin(&one, 77));
    CHECK_OK(toy_run(&one.toy, 10));
    CHECK_OK(fault_plan(one.sim, kind, ops, nth, 1, os_error));
    one.toy.may_lose_errors = 1;
    st = toy_run(&one.toy, 40);
    vl_sim_get_stats(one.sim, &stats);
    vl_sim_plan_clear(one.sim);
    *met = stats.fault_count > 0;
    if (st != VELO_OK || vl_volume_check_writable(unit_ctx(), one.toy.volume) != VELO_OK) {
        CHECK_CONTAINS(unit_ctx()->error.text, "not written any more");
        check_fault(toy_find_fault(&one.toy)); /* reading goes on */
        fault_reopen(&one);
    } else {
        check_fault(toy_find_fault(&one.toy));
    }
    if (unit_has_failed())
        return;
    one.toy.may_lose_errors = 0;
    CHECK_OK(toy_run(&one.toy, 20));
    CHECK_OK(toy_checkpoint(&one.toy, 0));
    CHECK_OK(toy_run(&one.toy, 3));
    check_fault(toy_find_fault(&one.toy));
    CHECK_OK(vl_sim_cut_power(unit_ctx(), one.sim, &outcome));
    toy_close(&one.toy);
    vl_io_close(one.io);
    CHECK_OK(vl_sim_open_io(unit_ctx(), one.sim, &one.io));
    one.toy.io = one.io;
    check_fault(toy_find_loss(&one.toy, one.io, one.sim, 1));
    power_end(&one);
}

/* All n, until a run meets no fault. */
static void
fault_each(vl_sim_fault_kind kind, uint32_t ops, int os_error)
{
    uint64_t count = 0;
    int met = 1;

    while (met && !unit_has_failed())
        fault_run(kind, ops, ++count, os_error, &met);
    CHECK(count > 2);
}

static void
volume_error_at_every_operation(void)
{
    fault_each(VL_SIM_ERROR, VL_SIM_CHANGING | VL_SIM_GET_SIZE, EIO);
}

static void
volume_full_at_every_operation(void)
{
    fault_each(VL_SIM_ERROR, VL_SIM_CHANGING, ENOSPC);
}

static void
volume_error_after_every_operation(void)
{
    fault_each(VL_SIM_ERROR_AFTER, VL_SIM_CHANGING, EIO);
}

static void
volume_lost_sync_at_every_sync(void)
{
    fault_each(VL_SIM_SYNC_LOSES, VL_SIM_SYNC | VL_SIM_WRITE_DURABLE, EIO);
    fault_each(VL_SIM_SYNC_LOSES_SOME, VL_SIM_SYNC | VL_SIM_WRITE_DURABLE, EIO);
}

/* The process dies at every operation, and the power fails some time later. */
static void
volume_killed_at_every_operation(void)
{
    int was_off = 1;

    for (uint64_t nth = 1; was_off && !unit_has_failed(); nth++) {
        static power_case one;
        vl_sim_outcome outcome = {.keep = VL_SIM_KEEP_NONE};

        CHECK_OK(power_begin(&one, 5));
        CHECK_OK(fault_plan(one.sim, nth % 2 == 0 ? VL_SIM_KILL_BEFORE : VL_SIM_KILL_AFTER,
                            VL_SIM_CHANGING, (nth + 1) / 2, 1, 0));
        was_off = toy_run(&one.toy, 40) != VELO_OK;
        vl_sim_plan_clear(one.sim);
        toy_close(&one.toy);
        vl_io_close(one.io);
        CHECK_OK(vl_sim_open_io(unit_ctx(), one.sim, &one.io));
        check_fault(toy_find_loss(&one.toy, one.io, one.sim, 1));
        vl_io_close(one.io);
        CHECK_OK(vl_sim_cut_power(unit_ctx(), one.sim, &outcome));
        CHECK_OK(vl_sim_open_io(unit_ctx(), one.sim, &one.io));
        power_end(&one);
    }
}

static const unit_test tests[] = {
    UNIT_TEST(volume_toy_runs_and_reopens),        UNIT_TEST(volume_power_cut_at_every_operation),
    UNIT_TEST(volume_error_at_every_operation),    UNIT_TEST(volume_full_at_every_operation),
    UNIT_TEST(volume_error_after_every_operation), UNIT_TEST(volume_lost_sync_at_every_sync),
    UNIT_TEST(volume_killed_at_every_operation),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
