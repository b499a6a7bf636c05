/* test_checkpoint_steps.c - the steps of a checkpoint, with changes and evictions between any two.
 *
 * This file includes checkpoint.c and cache_evict.c, and calls their parts itself: so one thread
 * can change, evict, free and add pages at every point of a checkpoint, and each run depends on its
 * seed alone. The scenarios of hazard 7 have tests of their own. */
/* Names of their own, since the library has these too. */
#define vl_checkpoint_run steps_checkpoint_run
#define vl_cache_evict    steps_cache_evict
#define vl_cache_pay_debt steps_cache_pay_debt
#include "lib/unit.h"
#include "storage/cache_evict.c" /* NOLINT(bugprone-suspicious-include): to call its parts */
#include "storage/checkpoint.c"  /* NOLINT(bugprone-suspicious-include): to call its parts */
#include "unit/cache_model.h"

#define CHECK_MODEL(call)                                                                          \
    do {                                                                                           \
        velo_status check_status = (call);                                                         \
        if (check_status != VELO_OK) {                                                             \
            unit_failed(__FILE__, __LINE__, "%s: %s: %s", #call, velo_status_name(check_status),   \
                        unit_ctx()->error.text);                                                   \
            goto end;                                                                              \
        }                                                                                          \
    } while (0)

/* One checkpoint, step by step. */
typedef struct steps_world {
    cache_model model;
    checkpoint_run run;
    uint32_t interludes;      /* steps of the model between two of the checkpoint, at most */
    uint64_t interlude_count; /* points passed so far */
    uint64_t abandon_at;      /* give up at this point; 0: never */
    uint64_t verify_every;    /* points; 0: never */
    uint64_t add_at;          /* add a page at this point; 0: never */
} steps_world;

/* Whether a change could have to wait for the checkpoint, which this thread runs itself. */
static int
steps_may_add(const cache_model *model)
{
    return !model->cache->writing.is_running || vl_cache_free_copies(model->cache) >= 6;
}

/* Evict, or a random step of the model. */
static velo_status
steps_one(vl_ctx *ctx, steps_world *steps)
{
    cache_model *model = &steps->model;
    uint32_t limit = model->pid_limit;
    uint32_t freed;
    velo_status st = VELO_OK;

    if (vl_rng_chance(&model->rng, 1, 4))
        return steps_cache_evict(ctx, model->cache, &freed);
    if (!steps_may_add(model))
        model->pid_limit = 1; /* no room: no new pages */
    if (model->pid_limit == limit || vl_rng_chance(&model->rng, 1, 2))
        st = model_random(ctx, model);
    model->pid_limit = limit;
    return st;
}

/* Between two steps: some changes. VELO_ABORT: this is where to give up. */
static velo_status
steps_interlude(vl_ctx *ctx, steps_world *steps)
{
    cache_model *model = &steps->model;
    uint32_t count = (uint32_t)vl_rng_below(&model->rng, steps->interludes + 1);

    for (uint32_t i = 0; i < count; i++) {
        velo_status st = steps_one(ctx, steps);

        if (st == VELO_NOMEM && model->cache->writing.is_running) {
            vl_error_clear(ctx); /* all frames are the checkpoint's, and nobody goes on with it */
            break;
        }
        VL_TRY(st);
    }
    steps->interlude_count++;
    if (steps->interlude_count == steps->add_at) {
        model_step add = {.add_count = 1};

        VL_TRY(model_do(ctx, model, &add));
    }
    if (steps->verify_every > 0 && steps->interlude_count % steps->verify_every == 0 &&
        steps->run.count == 0)
        VL_TRY(vl_cache_verify(ctx, model->cache));
    return steps->interlude_count == steps->abandon_at ? VELO_ABORT : VELO_OK;
}

/* The barrier, with an eviction that began before it. */
static velo_status
steps_barrier(vl_ctx *ctx, steps_world *steps)
{
    cache_model *model = &steps->model;
    vl_cache *cache = model->cache;
    evict_batch batch = {.count = 0};

    vl_latch_acquire_exclusive(&cache->latch);
    if (vl_rng_chance(&model->rng, 1, 2))
        (void)evict_collect(cache, &batch, 1 + (uint32_t)vl_rng_below(&model->rng, 6));
    vl_latch_release_exclusive(&cache->latch);
    if (!checkpoint_barrier(&steps->run, model_note, model))
        return vl_fail(ctx, VELO_INTERNAL, "space is owed");
    if (vl_rng_chance(&model->rng, 1, 2))
        checkpoint_collect(&steps->run);
    else
        steps->interlude_count |= UINT64_C(1) << 62; /* collect afterwards */
    if (batch.count > 0)
        VL_TRY(vl_volume_write_batch(ctx, cache->volume, batch.items, batch.count));
    vl_latch_acquire_exclusive(&cache->latch);
    for (uint32_t i = 0; i < batch.count; i++) {
        if (vl_rng_chance(&model->rng, 1, 4))
            evict_undo(cache, &batch, i);
        else
            evict_finish(cache, &batch, i);
    }
    vl_latch_release_exclusive(&cache->latch);
    if ((steps->interlude_count >> 62 & 1) != 0) {
        steps->interlude_count &= ~(UINT64_C(1) << 62);
        checkpoint_collect(&steps->run);
    }
    steps->run.pages = checkpoint_sort(cache, steps->run.pages);
    for (uint32_t level = 0; level < VL_PAGEMAP_LEVELS; level++)
        steps->run.maps[level] = checkpoint_sort(cache, steps->run.maps[level]);
    return VELO_OK;
}

/* As checkpoint_write_pages and checkpoint_write_map. */
static velo_status
steps_write_list(vl_ctx *ctx, steps_world *steps, uint32_t next, int is_pages)
{
    checkpoint_run *run = &steps->run;

    for (;;) {
        if (is_pages && !checkpoint_take_copies(run))
            VL_TRY(checkpoint_pay(ctx, run->cache));
        while (next != VL_CACHE_NO_FRAME && run->count < run->cache->batch_size) {
            VL_TRY(checkpoint_take(ctx, run, &next));
            VL_TRY(steps_interlude(ctx, steps));
        }
        if (is_pages && next == VL_CACHE_NO_FRAME && !checkpoint_take_copies(run))
            VL_TRY(checkpoint_pay(ctx, run->cache));
        if (run->count == 0 && next == VL_CACHE_NO_FRAME)
            return VELO_OK;
        VL_TRY(steps_interlude(ctx, steps));
        VL_TRY(checkpoint_write(ctx, run));
        VL_TRY(steps_interlude(ctx, steps));
    }
}

/* A whole checkpoint. VELO_ABORT when it was given up as planned. */
static velo_status
steps_checkpoint(vl_ctx *ctx, steps_world *steps)
{
    cache_model *model = &steps->model;
    velo_status st;

    memset(&steps->run, 0, sizeof steps->run);
    steps->run.cache = model->cache;
    steps->run.pages = VL_CACHE_NO_FRAME;
    for (uint32_t level = 0; level < VL_PAGEMAP_LEVELS; level++)
        steps->run.maps[level] = VL_CACHE_NO_FRAME;
    VL_TRY(vl_volume_make_writable(ctx, model->volume));
    atomic_store(&model->cache->is_writable, 1);
    VL_TRY(checkpoint_pay(ctx, model->cache));
    VL_TRY(steps_barrier(ctx, steps));
    st = steps_interlude(ctx, steps);
    if (st == VELO_OK)
        st = steps_write_list(ctx, steps, steps->run.pages, 1);
    for (uint32_t level = 0; level < VL_PAGEMAP_LEVELS && st == VELO_OK; level++)
        st = steps_write_list(ctx, steps, steps->run.maps[level], 0);
    if (st == VELO_OK)
        st = checkpoint_commit(ctx, &steps->run, NULL, NULL);
    if (st == VELO_OK) {
        checkpoint_end(model->cache);
        model->durable = model->barrier;
    } else {
        checkpoint_abandon(&steps->run);
    }
    model->barrier.checkpoint = 0;
    return st;
}

/* Rounds of changes and checkpoints, some of them given up. */
static void
steps_random_rounds(uint32_t frames, uint32_t pid_limit, uint32_t page_count, unsigned rounds,
                    uint64_t seed)
{
    static steps_world steps;
    vl_sim_outcome outcome = {.keep = VL_SIM_KEEP_RANDOM, .has_garbage = 1};
    vl_ctx *ctx = unit_ctx();

    memset(&steps, 0, sizeof steps);
    CHECK_OK(model_create(ctx, frames, seed, &steps.model));
    steps.model.pid_limit = pid_limit;
    steps.model.may_not_wait = 1;
    CHECK_MODEL(model_grow(ctx, &steps.model, page_count));
    for (unsigned i = 0; i < rounds; i++) {
        unsigned count = (unsigned)vl_rng_below(&steps.model.rng, 120);
        velo_status st;

        for (unsigned j = 0; j < count; j++)
            CHECK_MODEL(model_random(ctx, &steps.model));
        steps.interludes = (uint32_t)vl_rng_below(&steps.model.rng, 12);
        steps.interlude_count = 0;
        steps.abandon_at =
            vl_rng_chance(&steps.model.rng, 1, 4) ? 1 + vl_rng_below(&steps.model.rng, 40) : 0;
        steps.verify_every = 1 + vl_rng_below(&steps.model.rng, 8);
        st = steps_checkpoint(ctx, &steps);
        if (st != VELO_ABORT || steps.abandon_at == 0)
            CHECK_MODEL(st);
        CHECK_MODEL(model_verify(ctx, &steps.model));
        CHECK_MODEL(model_check(ctx, &steps.model, &steps.model.now));
        outcome.seed = seed + i;
        CHECK_MODEL(model_check_after_cut(ctx, &steps.model, &outcome));
        if (vl_rng_chance(&steps.model.rng, 1, 6))
            CHECK_MODEL(model_reopen(ctx, frames, &steps.model));
    }
end:
    if (unit_has_failed())
        unit_failed(__FILE__, __LINE__, "frames %u, limit %u, seed %llu", frames, pid_limit,
                    (unsigned long long)seed);
    model_destroy(&steps.model);
}

static void
checkpoint_steps_between_changes(void)
{
    for (unsigned i = 0; i < 8 && !unit_has_failed(); i++)
        steps_random_rounds(48 + 8 * i, 80 + 40 * i, 0, 20, unit_seed() + i);
}

static void
checkpoint_steps_with_many_pages(void)
{
    for (unsigned i = 0; i < 3 && !unit_has_failed(); i++)
        steps_random_rounds(64 + 64 * i, MODEL_PIDS, 700 + 100 * i, 12, unit_seed() + 100 + i);
}

/* The map gets another level at each point of a checkpoint: its root is the one of the barrier. */
static void
checkpoint_steps_while_the_map_grows(void)
{
    static steps_world steps;
    vl_sim_outcome outcome = {.keep = VL_SIM_KEEP_ALL};
    uint32_t full = MODEL_PAGE_SIZE / 16 - VL_PAGEMAP_FIRST;
    int is_after = 0;

    for (uint64_t at = 1; !is_after && !unit_has_failed(); at++) {
        memset(&steps, 0, sizeof steps);
        CHECK_OK(model_create(unit_ctx(), 500, at, &steps.model));
        CHECK_MODEL(model_grow(unit_ctx(), &steps.model, full));
        steps.add_at = at;
        steps.verify_every = 1;
        CHECK_MODEL(steps_checkpoint(unit_ctx(), &steps));
        is_after = steps.interlude_count < at;
        CHECK_MODEL(model_verify(unit_ctx(), &steps.model));
        CHECK_MODEL(model_check_after_cut(unit_ctx(), &steps.model, &outcome));
        CHECK_MODEL(model_checkpoint(unit_ctx(), &steps.model));
        CHECK_MODEL(model_verify(unit_ctx(), &steps.model));
        CHECK_MODEL(model_check(unit_ctx(), &steps.model, &steps.model.now));
    end:
        model_destroy(&steps.model);
    }
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(checkpoint_steps_between_changes),
        UNIT_TEST(checkpoint_steps_with_many_pages),
        UNIT_TEST(checkpoint_steps_while_the_map_grows),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
