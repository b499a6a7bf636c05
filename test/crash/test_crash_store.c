/* test_crash_store.c - random work on a store, cut at every operation of the machine.
 *
 * At each moment copies of the machine lose their power, in several ways, or their process; the
 * copy is opened, which recovers, and what it holds is looked up in the model's history: all that
 * was acknowledged is there, nothing else is, and no transaction is cut in two. Some recoveries are
 * cut themselves.
 *
 * VELO_CRASH_STEPS steps of work (default 60) are looked at in every VELO_CRASH_EVERY'th moment
 * (default: a sample), for VELO_CRASH_ROUNDS seeds. */
#include "lib/store_model.h"
#include "lib/unit.h"

#include "base/thread.h"
#include "os/sim.h"

#include <stdio.h>
#include <stdlib.h>

#define CRASH_PATH "db"

typedef struct crash_case {
    vl_sim *sim;
    vl_io *io;
    store_model model;
    vl_rng rng;      /* of the outcomes */
    uint64_t every;  /* look at one moment of so many */
    uint64_t seen;   /* moments so far */
    uint64_t looked; /* cuts looked at */
    uint32_t depth;  /* 1: the machine that works; 2: one that recovers */
    uint64_t last;   /* of the machine when it was last looked at */
} crash_case;

/* One look, run by a thread of its own: the hook's may hold latches. */
typedef struct crash_look {
    crash_case *one;           /* whose model */
    vl_sim *sim;               /* the machine to be copied */
    uint64_t seed;             /* of the outcome */
    int is_kill;               /* the process dies, the power stays */
    int cuts_recovery;         /* recovery is cut as well */
    const vl_sim_event *event; /* before or after which operation */
    char fault[1200];          /* what is wrong, or empty */
} crash_look;

static uint64_t
crash_number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

/* Say what is wrong, with where. */
static void
crash_fault(crash_look *look, const char *what, vl_ctx *ctx)
{
    if (look->fault[0] == 0)
        (void)snprintf(
            look->fault, sizeof look->fault,
            "%s: %s (%s %s operation %llu, kind %#x of %s at %llu; seed of the cut %llu%s)", what,
            ctx->error.text, look->is_kill ? "kill" : "power cut",
            look->event->is_after ? "after" : "before", (unsigned long long)look->event->number,
            look->event->op, look->event->path, (unsigned long long)look->event->offset,
            (unsigned long long)look->seed, look->cuts_recovery ? ", recovery cut too" : "");
}

/* Open the database, compare, close it, open and compare again. */
static void
crash_compare(vl_ctx *ctx, crash_look *look, vl_io *io)
{
    const store_model *model = &look->one->model;
    uint64_t first = look->is_kill ? model->acknowledged : model->durable;
    uint64_t content = 0, again = 0, at;
    vl_store *store;

    if (vl_store_open(ctx, io, CRASH_PATH, &model->options, &store) != VELO_OK) {
        crash_fault(look, "the database does not open", ctx);
        return;
    }
    if (store_model_read(ctx, store, &content) != VELO_OK)
        crash_fault(look, "the database cannot be read", ctx);
    else if (store_model_check(ctx, store) != VELO_OK)
        crash_fault(look, "the database is damaged", ctx);
    else if (!store_model_find(model, content, first, &at)) {
        (void)vl_fail(ctx, VELO_INTERNAL, "first %llu, count %llu, it is %s",
                      (unsigned long long)first, (unsigned long long)model->count,
                      store_model_find(model, content, 0, &at) ? "an older state"
                                                               : "no state there ever was");
        crash_fault(look, "the content is wrong", ctx);
    }
    if (vl_store_close(ctx, store) != VELO_OK)
        crash_fault(look, "the database cannot be closed", ctx);
    if (vl_store_open(ctx, io, CRASH_PATH, &model->options, &store) != VELO_OK) {
        crash_fault(look, "the database does not open again", ctx);
        return;
    }
    if (store_model_read(ctx, store, &again) != VELO_OK || again != content)
        crash_fault(look, "the content is another after a clean close", ctx);
    vl_store_abandon(store);
}

/* Cut recovery itself, at an operation drawn at random. */
static void
crash_cut_recovery(vl_ctx *ctx, crash_look *look, vl_sim *copy)
{
    vl_sim_outcome outcome = {.seed = look->seed + 1};
    vl_sim_fault cut = {.kind = VL_SIM_CUT_BEFORE, .ops = VL_SIM_CHANGING};
    vl_store *store;
    vl_io *io;

    cut.nth = 1 + look->seed % 23;
    if (vl_sim_open_io(ctx, copy, &io) != VELO_OK || vl_sim_plan(ctx, copy, &cut) != VELO_OK) {
        crash_fault(look, "the machine does not start", ctx);
        return;
    }
    if (vl_store_open(ctx, io, CRASH_PATH, &look->one->model.options, &store) == VELO_OK)
        vl_store_abandon(store);
    vl_io_close(io);
    vl_sim_plan_clear(copy);
    if (vl_sim_cut_power(ctx, copy, &outcome) != VELO_OK)
        crash_fault(look, "the machine cannot be cut", ctx);
}

static void
crash_look_main(void *argument)
{
    crash_look *look = argument;
    vl_sim_outcome outcome = {.seed = look->seed};
    vl_sim *copy = NULL;
    vl_io *io;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    outcome.keep = (vl_sim_keep)(look->seed % 4);
    if (vl_sim_clone(&ctx, look->sim, &copy) != VELO_OK ||
        (!look->is_kill && vl_sim_cut_power(&ctx, copy, &outcome) != VELO_OK)) {
        crash_fault(look, "the machine cannot be copied", &ctx);
        vl_sim_destroy(copy);
        return;
    }
    if (look->cuts_recovery)
        crash_cut_recovery(&ctx, look, copy);
    if (vl_sim_open_io(&ctx, copy, &io) == VELO_OK) {
        crash_compare(&ctx, look, io);
        vl_io_close(io);
    } else {
        crash_fault(look, "the machine does not start", &ctx);
    }
    vl_sim_destroy(copy);
}

static void
crash_look_at(crash_case *one, vl_sim *sim, const vl_sim_event *event, int is_kill)
{
    crash_look look = {.one = one, .sim = sim, .event = event, .is_kill = is_kill};
    vl_thread thread = {0};

    look.seed = vl_rng_next(&one->rng);
    look.cuts_recovery = look.seed % 5 == 0 && !is_kill;
    if (vl_thread_start(NULL, &thread, "look", crash_look_main, &look) != VELO_OK) {
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
crash_hook(void *user, vl_sim *sim, const vl_sim_event *event)
{
    crash_case *one = user;
    uint64_t hash;

    one->seen++;
    if (unit_has_failed() || !vl_rng_chance(&one->rng, 1, one->every))
        return;
    hash = vl_sim_hash(sim);
    if (hash == one->last)
        return;
    one->last = hash;
    crash_look_at(one, sim, event, 0);
    if (vl_rng_chance(&one->rng, 1, 4))
        crash_look_at(one, sim, event, 1);
}

/* What a store lies on. */
typedef enum crash_medium {
    CRASH_FILES,        /* files */
    CRASH_MAPPED_LOG,   /* the log in persistent memory */
    CRASH_MAPPED_PAGES, /* pages are read in place, and written as files are */
    CRASH_PERSISTENT    /* log and pages in persistent memory */
} crash_medium;

static void
crash_set_medium(store_model *model, crash_medium medium)
{
    if (medium == CRASH_MAPPED_LOG || medium == CRASH_PERSISTENT)
        model->options.log_medium = VL_WAL_MAPPED;
    if (medium == CRASH_MAPPED_PAGES || medium == CRASH_PERSISTENT)
        model->options.data_medium = VL_DATA_MAPPED;
}

static int
crash_is_persistent(crash_medium medium)
{
    return medium == CRASH_MAPPED_LOG || medium == CRASH_PERSISTENT;
}

/* Work, looking at moments. */
static void
crash_round(uint64_t seed, uint64_t steps, uint64_t every, crash_medium medium, uint64_t *looked)
{
    vl_sim_options options = {.seed = seed, .has_synchronous_map = crash_is_persistent(medium)};
    crash_case *one = calloc(1, sizeof *one);
    velo_status st = VELO_OK;
    vl_sim_stats stats;

    CHECK(one != NULL);
    one->every = every;
    vl_rng_init(&one->rng, seed + 1);
    CHECK_OK(vl_sim_create(unit_ctx(), &options, &one->sim));
    CHECK_OK(vl_sim_open_io(unit_ctx(), one->sim, &one->io));
    store_model_init(&one->model, unit_ctx(), one->io, CRASH_PATH, seed + 2);
    crash_set_medium(&one->model, medium);
    vl_sim_set_hook(one->sim, crash_hook, one);
    st = store_model_open(&one->model);
    for (uint64_t i = 0; st == VELO_OK && i < steps && !unit_has_failed(); i++)
        st = store_model_step(&one->model);
    vl_sim_set_hook(one->sim, NULL, NULL);
    if (st != VELO_OK)
        unit_failed(__FILE__, __LINE__, "seed %llu: the work fails: %s", (unsigned long long)seed,
                    unit_ctx()->error.text);
    vl_sim_get_stats(one->sim, &stats);
    CHECK((stats.op_counts[__builtin_ctz(VL_SIM_MAP_STORE)] > 0) == crash_is_persistent(medium));
    CHECK((stats.op_counts[__builtin_ctz(VL_SIM_MAP)] > 0) == (medium != CRASH_FILES));
    *looked += one->looked;
    store_model_deinit(&one->model);
    vl_io_close(one->io);
    vl_sim_destroy(one->sim);
    free(one);
}

static void
crash_rounds(crash_medium medium)
{
    uint64_t rounds = crash_number("VELO_CRASH_ROUNDS", medium != CRASH_FILES ? 2 : 6);
    uint64_t steps = crash_number("VELO_CRASH_STEPS", 60);
    uint64_t every = crash_number("VELO_CRASH_EVERY", 4);
    uint64_t looked = 0;

    for (uint64_t i = 0; i < rounds && !unit_has_failed(); i++)
        crash_round(unit_seed() + 1000 * i, steps, every, medium, &looked);
    if (getenv("VELO_CRASH_ROUNDS") != NULL)
        printf("%llu cuts looked at\n", (unsigned long long)looked);
    CHECK(looked > 0);
}

static void
crash_every_cut_recovers(void)
{
    crash_rounds(CRASH_FILES);
}

/* The log on a mapping of persistent memory: cuts also fall between its stores and fences. */
static void
crash_every_cut_recovers_with_a_mapped_log(void)
{
    crash_rounds(CRASH_MAPPED_LOG);
}

static void
crash_every_cut_recovers_with_pages_in_place(void)
{
    crash_rounds(CRASH_MAPPED_PAGES);
}

/* Cuts leave any subset of the words of a page, and of a superblock. */
static void
crash_every_cut_recovers_in_persistent_memory(void)
{
    crash_rounds(CRASH_PERSISTENT);
}

/* ---- lives ---- */

/* The machine that a test works on, from crash to crash. */
typedef struct crash_life {
    vl_sim *sim;
    vl_io *io;
    store_model model;
    vl_rng rng;   /* of crashes */
    int is_mixed; /* each life has its own medium */
} crash_life;

/* Plan the end of a life. Returns whether it is a kill, which leaves what the system has. */
static int
life_plan(crash_life *life)
{
    static const vl_sim_fault_kind kinds[4] = {VL_SIM_CUT_BEFORE, VL_SIM_CUT_AFTER,
                                               VL_SIM_KILL_BEFORE, VL_SIM_KILL_AFTER};
    uint64_t dice = vl_rng_below(&life->rng, 4);
    vl_sim_fault fault = {.kind = kinds[dice], .ops = VL_SIM_CHANGING};

    fault.nth = 1 + vl_rng_below(&life->rng, vl_rng_chance(&life->rng, 1, 3) ? 20 : 400);
    if (vl_sim_plan(unit_ctx(), life->sim, &fault) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "no memory");
    return dice >= 2;
}

/* After a crash: start the machine and the database again, and see which transactions it has. */
static void
life_recover(crash_life *life, int is_kill)
{
    store_model *model = &life->model;
    uint64_t content, at, first = is_kill ? model->acknowledged : model->durable;
    vl_sim_outcome outcome = {.seed = vl_rng_next(&life->rng)};

    vl_writer_destroy(model->writer);
    vl_store_abandon(model->store);
    model->writer = NULL;
    model->store = NULL;
    vl_io_close(life->io);
    life->io = NULL;
    vl_sim_plan_clear(life->sim);
    outcome.keep = (vl_sim_keep)vl_rng_below(&life->rng, 4);
    if (!is_kill)
        CHECK_OK(vl_sim_cut_power(unit_ctx(), life->sim, &outcome));
    CHECK_OK(vl_sim_open_io(unit_ctx(), life->sim, &life->io));
    model->io = life->io;
    if (life->is_mixed) {
        model->options.log_medium = vl_rng_chance(&life->rng, 1, 2) ? VL_WAL_MAPPED : VL_WAL_FILE;
        model->options.data_medium =
            vl_rng_chance(&life->rng, 1, 2) ? VL_DATA_MAPPED : VL_DATA_FILE;
    }
    CHECK_OK(store_model_open(model));
    CHECK_OK(store_model_read(unit_ctx(), model->store, &content));
    if (!store_model_find(model, content, first, &at)) {
        unit_failed(__FILE__, __LINE__, "the content is wrong: first %llu of %llu",
                    (unsigned long long)first, (unsigned long long)model->count);
        return;
    }
    CHECK_OK(store_model_check(unit_ctx(), model->store));
    store_model_go_back(model, at);
}

/* One machine, crash after crash: what recovery leaves is what the next life works on. */
static void
crash_lives(crash_medium medium, int is_mixed)
{
    uint64_t lives = crash_number("VELO_CRASH_LIVES", 40);
    vl_sim_options options = {.seed = unit_seed(),
                              .has_synchronous_map = crash_is_persistent(medium)};
    crash_life *life = calloc(1, sizeof *life);
    vl_sim_stats before, after;
    velo_status st;
    int is_kill;

    CHECK(life != NULL);
    life->is_mixed = is_mixed;
    vl_rng_init(&life->rng, unit_seed());
    CHECK_OK(vl_sim_create(unit_ctx(), &options, &life->sim));
    CHECK_OK(vl_sim_open_io(unit_ctx(), life->sim, &life->io));
    store_model_init(&life->model, unit_ctx(), life->io, CRASH_PATH, unit_seed());
    crash_set_medium(&life->model, medium);
    CHECK_OK(store_model_open(&life->model));
    for (uint64_t i = 0; i < lives && !unit_has_failed(); i++) {
        is_kill = life_plan(life);
        vl_sim_get_stats(life->sim, &before);
        st = VELO_OK;
        for (uint32_t step = 0; st == VELO_OK && step < 400; step++)
            st = store_model_step(&life->model);
        vl_sim_get_stats(life->sim, &after);
        if (st != VELO_OK && after.fault_count == before.fault_count)
            CHECK_OK(st);
        life_recover(life, is_kill);
    }
    store_model_deinit(&life->model);
    vl_io_close(life->io);
    vl_sim_destroy(life->sim);
    free(life);
}

static void
crash_lives_go_on(void)
{
    crash_lives(CRASH_FILES, 0);
}

static void
crash_lives_go_on_in_persistent_memory(void)
{
    crash_lives(CRASH_PERSISTENT, 0);
}

/* Each life goes on with what a process left that used another medium. */
static void
crash_lives_go_on_in_files_and_persistent_memory(void)
{
    crash_lives(CRASH_PERSISTENT, 1);
}

static void
crash_lives_go_on_with_pages_in_place(void)
{
    crash_lives(CRASH_MAPPED_PAGES, 0);
}

/* Without cuts: the store holds what the model says, all the time, and after every opening. */
static void
crash_store_does_what_the_model_does(void)
{
    static store_model model;
    uint64_t content, steps = crash_number("VELO_CRASH_STEPS", 60) * 20;
    vl_sim_options options = {.seed = unit_seed()};
    vl_sim *sim;
    vl_io *io;

    CHECK_OK(vl_sim_create(unit_ctx(), &options, &sim));
    CHECK_OK(vl_sim_open_io(unit_ctx(), sim, &io));
    store_model_init(&model, unit_ctx(), io, CRASH_PATH, unit_seed());
    CHECK_OK(store_model_open(&model));
    for (uint64_t i = 0; i < steps; i++) {
        CHECK_OK(store_model_step(&model));
        if (i % 7 != 0)
            continue;
        CHECK_OK(store_model_check(unit_ctx(), model.store));
        CHECK_OK(store_model_read(unit_ctx(), model.store, &content));
        CHECK(content == model.content);
    }
    CHECK_OK(store_model_close(&model));
    CHECK_OK(store_model_open(&model));
    CHECK_OK(store_model_read(unit_ctx(), model.store, &content));
    CHECK(content == model.content);
    store_model_deinit(&model);
    vl_io_close(io);
    vl_sim_destroy(sim);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(crash_store_does_what_the_model_does),
        UNIT_TEST(crash_every_cut_recovers),
        UNIT_TEST(crash_every_cut_recovers_with_a_mapped_log),
        UNIT_TEST(crash_every_cut_recovers_with_pages_in_place),
        UNIT_TEST(crash_every_cut_recovers_in_persistent_memory),
        UNIT_TEST(crash_lives_go_on),
        UNIT_TEST(crash_lives_go_on_with_pages_in_place),
        UNIT_TEST(crash_lives_go_on_in_persistent_memory),
        UNIT_TEST(crash_lives_go_on_in_files_and_persistent_memory),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
