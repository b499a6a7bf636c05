/* test_crash_txn.c - random transactions of several sessions, cut at every operation of the
 * machine.
 *
 * As test_crash_store, with versions: at each moment copies of the machine lose their power, in
 * several ways, or their process, while any number of transactions is open. The copy is opened, and
 * what it holds is looked up in the model's history: all commits that were acknowledged are there,
 * of the others a beginning in the order of the log, and nothing of what had not committed.
 *
 * VELO_CRASH_STEPS steps of work (default 300) are looked at in one of VELO_CRASH_EVERY moments,
 * for VELO_CRASH_ROUNDS seeds. */
#include "lib/txn_model.h"
#include "lib/unit.h"

#include "base/thread.h"
#include "os/sim.h"
#include "storage/store_check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define CRASH_TXN_PATH "db"

typedef struct crash_txn {
    vl_sim *sim;
    vl_io *io;
    txn_model model;
    vl_rng rng;      /* of the outcomes */
    uint64_t every;  /* look at one moment of so many */
    uint64_t seen;   /* moments so far */
    uint64_t looked; /* cuts looked at */
    uint64_t last;   /* of the machine when it was last looked at */
} crash_txn;

/* One look, run by a thread of its own: the hook's may hold latches. */
typedef struct crash_txn_look {
    crash_txn *one;   /* whose model */
    vl_sim *sim;      /* the machine to be copied */
    uint64_t seed;    /* of the outcome */
    int is_kill;      /* the process dies, the power stays */
    char fault[1200]; /* what is wrong, or empty */
} crash_txn_look;

static uint64_t
crash_txn_number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void
crash_txn_fault(crash_txn_look *look, const char *what, vl_ctx *ctx)
{
    if (look->fault[0] == 0)
        (void)snprintf(look->fault, sizeof look->fault, "%s: %.900s (%s, seed of the cut %llu)",
                       what, ctx->error.text, look->is_kill ? "kill" : "power cut",
                       (unsigned long long)look->seed);
}

/* Open the database, compare, check it, close it, open and compare again. */
static void
crash_txn_compare(vl_ctx *ctx, crash_txn_look *look, vl_io *io)
{
    const txn_model *model = &look->one->model;
    uint64_t first = look->is_kill ? model->acknowledged : model->durable;
    uint64_t content = 0, again = 0, at;
    vl_store_report report;
    vl_txn_store *store;

    if (vl_txn_store_open(ctx, io, CRASH_TXN_PATH, &model->options, &store) != VELO_OK) {
        crash_txn_fault(look, "the database does not open", ctx);
        return;
    }
    if (txn_model_read(ctx, model, store, &content) != VELO_OK)
        crash_txn_fault(look, "the database cannot be read", ctx);
    else if (vl_store_check(ctx, vl_txn_store_base(store), NULL, NULL, &report) != VELO_OK)
        crash_txn_fault(look, "the database is damaged", ctx);
    else if (!txn_model_find(model, content, first, &at)) {
        (void)vl_fail(ctx, VELO_INTERNAL, "first %llu, count %llu, it is %s",
                      (unsigned long long)first, (unsigned long long)model->count,
                      txn_model_find(model, content, 0, &at) ? "an older state"
                                                             : "no state there ever was");
        crash_txn_fault(look, "the content is wrong", ctx);
    }
    if (vl_txn_store_close(ctx, store) != VELO_OK)
        crash_txn_fault(look, "the database cannot be closed", ctx);
    if (vl_txn_store_open(ctx, io, CRASH_TXN_PATH, &model->options, &store) != VELO_OK) {
        crash_txn_fault(look, "the database does not open again", ctx);
        return;
    }
    if (txn_model_read(ctx, model, store, &again) != VELO_OK || again != content)
        crash_txn_fault(look, "the content is another after a clean close", ctx);
    vl_txn_store_abandon(store);
}

/* Cut recovery itself, at an operation drawn at random. */
static void
crash_txn_cut_recovery(vl_ctx *ctx, crash_txn_look *look, vl_sim *copy)
{
    vl_sim_outcome outcome = {.seed = look->seed + 1};
    vl_sim_fault cut = {.kind = VL_SIM_CUT_BEFORE, .ops = VL_SIM_CHANGING};
    vl_txn_store *store;
    vl_io *io;

    cut.nth = 1 + look->seed % 23;
    if (vl_sim_open_io(ctx, copy, &io) != VELO_OK || vl_sim_plan(ctx, copy, &cut) != VELO_OK) {
        crash_txn_fault(look, "the machine does not start", ctx);
        return;
    }
    if (vl_txn_store_open(ctx, io, CRASH_TXN_PATH, &look->one->model.options, &store) == VELO_OK)
        vl_txn_store_abandon(store);
    vl_io_close(io);
    vl_sim_plan_clear(copy);
    if (vl_sim_cut_power(ctx, copy, &outcome) != VELO_OK)
        crash_txn_fault(look, "the machine cannot be cut", ctx);
}

static void
crash_txn_look_main(void *argument)
{
    crash_txn_look *look = argument;
    vl_sim_outcome outcome = {.seed = look->seed};
    vl_sim *copy = NULL;
    vl_io *io;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    outcome.keep = (vl_sim_keep)(look->seed % 4);
    if (vl_sim_clone(&ctx, look->sim, &copy) != VELO_OK ||
        (!look->is_kill && vl_sim_cut_power(&ctx, copy, &outcome) != VELO_OK)) {
        crash_txn_fault(look, "the machine cannot be copied", &ctx);
        vl_sim_destroy(copy);
        return;
    }
    if (look->seed % 5 == 0 && !look->is_kill)
        crash_txn_cut_recovery(&ctx, look, copy);
    if (vl_sim_open_io(&ctx, copy, &io) == VELO_OK) {
        crash_txn_compare(&ctx, look, io);
        vl_io_close(io);
    } else {
        crash_txn_fault(look, "the machine does not start", &ctx);
    }
    vl_sim_destroy(copy);
}

static void
crash_txn_look_at(crash_txn *one, vl_sim *sim, int is_kill)
{
    crash_txn_look look = {.one = one, .sim = sim, .is_kill = is_kill};
    vl_thread thread = {0};

    look.seed = vl_rng_next(&one->rng);
    if (vl_thread_start(NULL, &thread, "look", crash_txn_look_main, &look) != VELO_OK) {
        unit_failed(__FILE__, __LINE__, "no thread for a look");
        return;
    }
    vl_thread_join(&thread);
    one->looked++;
    if (look.fault[0] != 0)
        unit_failed(__FILE__, __LINE__, "moment %llu: %s", (unsigned long long)one->seen,
                    look.fault);
}

static void
crash_txn_hook(void *user, vl_sim *sim, const vl_sim_event *event)
{
    crash_txn *one = user;
    uint64_t hash;

    (void)event;
    one->seen++;
    if (unit_has_failed() || !vl_rng_chance(&one->rng, 1, one->every))
        return;
    hash = vl_sim_hash(sim);
    if (hash == one->last)
        return;
    one->last = hash;
    crash_txn_look_at(one, sim, 0);
    if (vl_rng_chance(&one->rng, 1, 4))
        crash_txn_look_at(one, sim, 1);
}

/* Say what went wrong in the work itself. */
static void
crash_txn_judge(const txn_model *model, uint64_t seed, velo_status st)
{
    if (st != VELO_OK)
        unit_failed(__FILE__, __LINE__, "seed %llu: the work fails: %s", (unsigned long long)seed,
                    unit_ctx()->error.text);
    if (model->fault[0] != 0)
        unit_failed(__FILE__, __LINE__, "seed %llu: %s", (unsigned long long)seed, model->fault);
}

static void
crash_txn_round(uint64_t seed, uint64_t steps, uint64_t every, uint64_t *looked)
{
    vl_sim_options options = {.seed = seed};
    crash_txn *one = calloc(1, sizeof *one);
    velo_status st;

    CHECK(one != NULL);
    one->every = every;
    vl_rng_init(&one->rng, seed + 1);
    CHECK_OK(vl_sim_create(unit_ctx(), &options, &one->sim));
    CHECK_OK(vl_sim_open_io(unit_ctx(), one->sim, &one->io));
    txn_model_init(&one->model, unit_ctx(), one->io, CRASH_TXN_PATH, seed + 2);
    vl_sim_set_hook(one->sim, crash_txn_hook, one);
    st = txn_model_open(&one->model);
    for (uint64_t i = 0; st == VELO_OK && i < steps && !unit_has_failed(); i++) {
        st = txn_model_step(&one->model);
        if (one->model.fault[0] != 0)
            break;
    }
    vl_sim_set_hook(one->sim, NULL, NULL);
    crash_txn_judge(&one->model, seed, st);
    *looked += one->looked;
    txn_model_deinit(&one->model);
    vl_io_close(one->io);
    vl_sim_destroy(one->sim);
    free(one);
}

static void
crash_txn_every_cut_recovers(void)
{
    uint64_t rounds = crash_txn_number("VELO_CRASH_ROUNDS", 6);
    uint64_t steps = crash_txn_number("VELO_CRASH_STEPS", 300);
    uint64_t every = crash_txn_number("VELO_CRASH_EVERY", 12);
    uint64_t looked = 0;

    for (uint64_t i = 0; i < rounds && !unit_has_failed(); i++)
        crash_txn_round(unit_seed() + 1001 * i, steps, every, &looked);
    if (getenv("VELO_CRASH_ROUNDS") != NULL)
        printf("%llu cuts looked at\n", (unsigned long long)looked);
    CHECK(looked > 0);
}

/* Without cuts: every session sees what the model says, and every change is made or refused as it
 * says. */
static void
crash_txn_store_does_what_the_model_does(void)
{
    uint64_t rounds = crash_txn_number("VELO_CRASH_ROUNDS", 6);
    uint64_t steps = 20 * crash_txn_number("VELO_CRASH_STEPS", 300);

    for (uint64_t i = 0; i < rounds && !unit_has_failed(); i++) {
        static txn_model model;
        uint64_t seed = unit_seed() + 1001 * i; /* of which the model draws how it is opened */
        vl_sim_options options = {.seed = seed};
        velo_status st;
        vl_sim *sim;
        vl_io *io;

        CHECK_OK(vl_sim_create(unit_ctx(), &options, &sim));
        CHECK_OK(vl_sim_open_io(unit_ctx(), sim, &io));
        txn_model_init(&model, unit_ctx(), io, CRASH_TXN_PATH, seed);
        st = txn_model_open(&model);
        for (uint64_t step = 0; st == VELO_OK && step < steps && model.fault[0] == 0; step++)
            st = txn_model_step(&model);
        crash_txn_judge(&model, seed, st);
        for (unsigned kind = 0; kind < 4; kind++) /* each of them has happened */
            CHECK(model.tally[kind] > 50);
        txn_model_deinit(&model);
        vl_io_close(io);
        vl_sim_destroy(sim);
    }
}

/* One machine, crash after crash, or a failure and a crash: what recovery leaves is what the next
 * life works on. */
static void
crash_txn_live(uint64_t seed, uint64_t lives)
{
    static const vl_sim_fault_kind kinds[6] = {VL_SIM_CUT_BEFORE,  VL_SIM_CUT_AFTER,
                                               VL_SIM_KILL_BEFORE, VL_SIM_KILL_AFTER,
                                               VL_SIM_ERROR,       VL_SIM_ERROR};
    vl_sim_options options = {.seed = seed};
    static txn_model model;
    vl_rng rng;
    vl_sim *sim;
    vl_io *io;

    vl_rng_init(&rng, seed);
    CHECK_OK(vl_sim_create(unit_ctx(), &options, &sim));
    CHECK_OK(vl_sim_open_io(unit_ctx(), sim, &io));
    txn_model_init(&model, unit_ctx(), io, CRASH_TXN_PATH, seed);
    CHECK_OK(txn_model_open(&model));
    for (uint64_t i = 0; i < lives && !unit_has_failed(); i++) {
        uint64_t dice = vl_rng_below(&rng, 6), first, content, at;
        vl_sim_fault fault = {.kind = kinds[dice], .ops = VL_SIM_CHANGING};
        vl_sim_outcome outcome = {.seed = vl_rng_next(&rng)};
        velo_status st = VELO_OK;

        fault.nth = 1 + vl_rng_below(&rng, vl_rng_chance(&rng, 1, 3) ? 20 : 400);
        if (dice >= 4) { /* a transfer fails, or the disk is full, for a while or for good */
            fault.os_error = dice == 4 ? EIO : ENOSPC;
            fault.ops = dice == 4 ? VL_SIM_ANY : VL_SIM_CHANGING;
            fault.count = vl_rng_chance(&rng, 1, 2) ? 1 + vl_rng_below(&rng, 5) : UINT64_MAX;
        }
        CHECK_OK(vl_sim_plan(unit_ctx(), sim, &fault));
        for (uint32_t step = 0; st == VELO_OK && step < 400 && model.fault[0] == 0; step++)
            st = txn_model_step(&model);
        crash_txn_judge(&model, seed, VELO_OK);
        first = dice >= 2 ? model.acknowledged : model.durable;
        txn_model_abandon(&model);
        vl_io_close(io);
        vl_sim_plan_clear(sim);
        outcome.keep = (vl_sim_keep)vl_rng_below(&rng, 4);
        if (dice < 2)
            CHECK_OK(vl_sim_cut_power(unit_ctx(), sim, &outcome));
        CHECK_OK(vl_sim_open_io(unit_ctx(), sim, &io));
        model.io = io;
        CHECK_OK(txn_model_open(&model));
        CHECK_OK(txn_model_read(unit_ctx(), &model, model.store, &content));
        if (!txn_model_find(&model, content, first, &at)) {
            unit_failed(__FILE__, __LINE__, "life %llu: the content is wrong: first %llu of %llu",
                        (unsigned long long)i, (unsigned long long)first,
                        (unsigned long long)model.count);
            break;
        }
        CHECK_OK(txn_model_go_on(&model, at));
    }
    txn_model_deinit(&model);
    vl_io_close(io);
    vl_sim_destroy(sim);
}

static void
crash_txn_lives_go_on(void)
{
    uint64_t lives = crash_txn_number("VELO_CRASH_LIVES", 60);

    crash_txn_live(unit_seed(), lives / 2); /* the model is opened in another way each time */
    crash_txn_live(unit_seed() + 1, lives - lives / 2);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(crash_txn_store_does_what_the_model_does),
        UNIT_TEST(crash_txn_every_cut_recovers),
        UNIT_TEST(crash_txn_lives_go_on),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
