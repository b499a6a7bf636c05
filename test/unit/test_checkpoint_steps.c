/* test_checkpoint_steps.c - the steps of a checkpoint, with changes and evictions between any two.
 *
 * This file includes checkpoint.c and cache_evict.c, and calls their parts itself: so one thread
 * can change, evict, free and add pages at every point of a checkpoint, and each run depends on its
 * seed alone. The scenarios of hazard 7 have tests of their own. */
/* Names of their own, since the library has these too. */
#define vl_checkpoint_run       steps_checkpoint_run
#define vl_checkpoint_run_paced steps_checkpoint_run_paced
#define vl_cache_evict          steps_cache_evict
#define vl_cache_pay_debt       steps_cache_pay_debt
#define vl_cache_let_go         steps_cache_let_go
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

typedef struct steps_world steps_world;

/* What a test does at one point of a checkpoint. */
typedef velo_status steps_script(vl_ctx *ctx, steps_world *steps);

/* One checkpoint, step by step. */
struct steps_world {
    cache_model model;
    checkpoint_run run;
    uint32_t interludes;      /* steps of the model between two of the checkpoint, at most */
    uint64_t interlude_count; /* points passed so far */
    uint64_t abandon_at;      /* give up at this point; 0: never */
    uint64_t verify_every;    /* points; 0: never */
    steps_script *script;     /* done at one point instead of random steps, or NULL */
    uint64_t script_at;       /* which point */
    vl_pid pids[4];           /* the script's pages */
};

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
    uint32_t freed = 0;
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
    if (steps->script != NULL && steps->interlude_count == steps->script_at)
        VL_TRY(steps->script(ctx, steps));
    if (steps->verify_every > 0 && steps->interlude_count % steps->verify_every == 0 &&
        checkpoint_filling(&steps->run)->count == 0)
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
        while (next != VL_CACHE_NO_FRAME &&
               checkpoint_filling(run)->count < run->cache->batch_size) {
            VL_TRY(checkpoint_take(ctx, run, &next));
            VL_TRY(steps_interlude(ctx, steps));
        }
        if (is_pages && next == VL_CACHE_NO_FRAME && !checkpoint_take_copies(run))
            VL_TRY(checkpoint_pay(ctx, run->cache));
        if (checkpoint_filling(run)->count == 0 && next == VL_CACHE_NO_FRAME)
            return checkpoint_drain(ctx, run);
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

    checkpoint_init(&steps->run, model->cache);
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
        checkpoint_finish(model->cache);
        model->durable = model->barrier;
    } else {
        checkpoint_abandon(ctx, &steps->run);
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
    steps.model.cache->max_waits = 10;
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
        steps.model.cache->max_waits = 10;
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
    for (unsigned i = 0; i < (model_is_slow() ? 3 : 8) && !unit_has_failed(); i++)
        steps_random_rounds(48 + 8 * i, 80 + 40 * i, 0, 20, unit_seed() + i);
}

static void
checkpoint_steps_with_many_pages(void)
{
    for (unsigned i = 0; i < (model_is_slow() ? 1 : 3) && !unit_has_failed(); i++)
        steps_random_rounds(64 + 64 * i, MODEL_PIDS, 700 + 100 * i, 12, unit_seed() + 100 + i);
}

/* ---- scripts: the same changes at each point of a checkpoint ---- */

/* Let pages go until this one has gone. */
static velo_status
steps_evict_page(vl_ctx *ctx, steps_world *steps, vl_pid pid)
{
    for (unsigned i = 0; i < 200 && vl_cache_is_resident(steps->model.cache, pid); i++) {
        uint32_t freed;

        VL_TRY(steps_cache_evict(ctx, steps->model.cache, &freed));
    }
    return VELO_OK;
}

static velo_status
steps_change_page(vl_ctx *ctx, steps_world *steps, vl_pid pid)
{
    model_step step = {.change_count = 1, .pages = {pid}};

    return model_do(ctx, &steps->model, &step);
}

/* Run a script at each point of a checkpoint of a database with so many pages; `before` makes ready
 * before the barrier. Afterwards all is as it should be: in the cache, after a power cut, and after
 * another checkpoint. */
static void
steps_at_each_point(uint32_t page_count, uint32_t frames, steps_script *before,
                    steps_script *script)
{
    static steps_world steps;
    vl_sim_outcome outcome = {.keep = VL_SIM_KEEP_ALL};
    uint64_t stride = page_count > 100 ? (model_is_slow() ? 40 : 5) : (model_is_slow() ? 4 : 1);
    int is_after = 0;

    for (uint64_t at = 1; !is_after && !unit_has_failed(); at += stride) {
        memset(&steps, 0, sizeof steps);
        CHECK_OK(model_create(unit_ctx(), frames, at, &steps.model));
        steps.model.may_not_wait = 1;
        CHECK_MODEL(model_grow(unit_ctx(), &steps.model, page_count));
        if (before != NULL)
            CHECK_MODEL(before(unit_ctx(), &steps));
        steps.script = script;
        steps.script_at = at;
        steps.verify_every = 1;
        CHECK_MODEL(steps_checkpoint(unit_ctx(), &steps));
        is_after = steps.interlude_count < at;
        CHECK_MODEL(model_verify(unit_ctx(), &steps.model));
        outcome.keep = at % 2 == 0 ? VL_SIM_KEEP_ALL : VL_SIM_KEEP_NONE;
        CHECK_MODEL(model_check_after_cut(unit_ctx(), &steps.model, &outcome));
        CHECK_MODEL(model_check(unit_ctx(), &steps.model, &steps.model.now));
        CHECK_MODEL(model_checkpoint(unit_ctx(), &steps.model));
        CHECK_MODEL(model_verify(unit_ctx(), &steps.model));
        CHECK_MODEL(model_check_after_cut(unit_ctx(), &steps.model, &outcome));
    end:
        if (unit_has_failed())
            unit_failed(__FILE__, __LINE__, "at point %llu", (unsigned long long)at);
        model_destroy(&steps.model);
    }
}

/* The map gets another level: the checkpoint's root is the one of the barrier. */
static velo_status
steps_add_page(vl_ctx *ctx, steps_world *steps)
{
    return model_grow(ctx, &steps->model, 1);
}

static void
checkpoint_steps_while_the_map_grows(void)
{
    steps_at_each_point(MODEL_PAGE_SIZE / 16 - VL_PAGEMAP_FIRST, 500, NULL, steps_add_page);
}

/* P was evicted before the barrier: its image B1 is in the live map only. Then it is changed and
 * evicted again; B1 is the checkpoint's now and must not be used, however many blocks are. */
static velo_status
steps_7a_before(vl_ctx *ctx, steps_world *steps)
{
    return steps_evict_page(ctx, steps, VL_PAGEMAP_FIRST);
}

static velo_status
steps_7a(vl_ctx *ctx, steps_world *steps)
{
    VL_TRY(steps_change_page(ctx, steps, VL_PAGEMAP_FIRST));
    VL_TRY(steps_evict_page(ctx, steps, VL_PAGEMAP_FIRST));
    for (vl_pid pid = VL_PAGEMAP_FIRST + 1; pid < VL_PAGEMAP_FIRST + 9; pid++) {
        VL_TRY(steps_change_page(ctx, steps, pid));
        VL_TRY(steps_evict_page(ctx, steps, pid));
    }
    return VELO_OK;
}

static void
hazard_7a_image_from_before_the_barrier_is_not_overwritten(void)
{
    steps_at_each_point(12, 80, steps_7a_before, steps_7a);
}

/* P is dirty at the barrier; a writer makes the copy C, and P is evicted to D before C is written:
 * the live map has D, the checkpoint's has C, and C is free with the next checkpoint. */
static velo_status
steps_7b(vl_ctx *ctx, steps_world *steps)
{
    for (unsigned i = 0; i < 3; i++) {
        VL_TRY(steps_change_page(ctx, steps, VL_PAGEMAP_FIRST + i));
        VL_TRY(steps_evict_page(ctx, steps, VL_PAGEMAP_FIRST + i));
    }
    return VELO_OK;
}

static void
hazard_7b_copy_does_not_displace_a_later_image(void)
{
    steps_at_each_point(12, 80, NULL, steps_7b);
}

/* Map pages change after the barrier, and the checkpoint has them as they were: a page is freed,
 * its number is taken again, others are added. */
static velo_status
steps_7d(vl_ctx *ctx, steps_world *steps)
{
    model_step free_two = {.free_count = 2, .pages = {VL_PAGEMAP_FIRST, VL_PAGEMAP_FIRST + 3}};

    VL_TRY(model_do(ctx, &steps->model, &free_two));
    return model_grow(ctx, &steps->model, 3);
}

static void
hazard_7d_map_pages_are_as_at_the_barrier(void)
{
    steps_at_each_point(12, 80, NULL, steps_7d);
    if (!unit_has_failed())
        steps_at_each_point(40, 200, steps_7a_before, steps_7d);
}

/* ---- other hazards ---- */

/* What was prepared before a barrier does not enter a section after it, and nothing waits inside.
 */
static void
hazard_9_prepared_before_the_barrier_does_not_enter(void)
{
    static steps_world steps;
    vl_change change;
    vl_page_ref ref = {0};
    vl_page_ref added = {0};
    int is_first = 1;

    memset(&steps, 0, sizeof steps);
    CHECK_OK(model_create(unit_ctx(), 80, 1, &steps.model));
    CHECK_MODEL(model_grow(unit_ctx(), &steps.model, 10));
    steps.run.cache = steps.model.cache;
    steps.run.pages = VL_CACHE_NO_FRAME;
    for (unsigned i = 0; i < VL_PAGEMAP_LEVELS; i++)
        steps.run.maps[i] = VL_CACHE_NO_FRAME;
    vl_change_begin(steps.model.cache, &change);
    CHECK_MODEL(vl_change_new_page(unit_ctx(), &change, &added));
    for (;;) {
        CHECK(vl_cache_exclusive(steps.model.cache, VL_PAGEMAP_FIRST, &ref));
        CHECK(vl_change_prepare(&change, &ref));
        if (is_first)
            CHECK(checkpoint_barrier(&steps.run, model_note, &steps.model));
        if (vl_change_enter(&change))
            break;
        CHECK(is_first);
        is_first = 0;
        vl_cache_release_exclusive(steps.model.cache, &ref);
        CHECK_MODEL(vl_change_wait(unit_ctx(), &change));
    }
    CHECK(!is_first);
    CHECK_EQ(vl_frame_dirty_epoch(vl_cache_frame_of(steps.model.cache, ref.frame)),
             steps.run.cache->writing.epoch + 1);
    model_fill(ref.page, ref.pid, 99);
    model_fill(added.page, added.pid, 100);
    vl_change_leave(&change);
    steps.model.now.versions[ref.pid] = 99;
    steps.model.now.versions[added.pid] = 100;
    vl_cache_release_exclusive(steps.model.cache, &ref);
    vl_cache_release_exclusive(steps.model.cache, &added);
    vl_change_end(&change);
    checkpoint_collect(&steps.run);
    CHECK_MODEL(checkpoint_write_pages(unit_ctx(), &steps.run));
    CHECK_MODEL(checkpoint_write_map(unit_ctx(), &steps.run));
    CHECK_MODEL(checkpoint_commit(unit_ctx(), &steps.run, NULL, NULL));
    checkpoint_finish(steps.model.cache);
    steps.model.durable = steps.model.barrier;
    CHECK_MODEL(model_verify(unit_ctx(), &steps.model));
    CHECK_MODEL(model_check(unit_ctx(), &steps.model, &steps.model.now));
    CHECK_MODEL(model_reopen(unit_ctx(), 80, &steps.model));
    CHECK_MODEL(model_check(unit_ctx(), &steps.model, &steps.model.durable));
end:
    model_destroy(&steps.model);
}

/* All pages are dirty at the barrier and are changed afterwards: an eighth of the frames is copied,
 * then writers have to wait for the checkpoint; no more memory is taken. */
static velo_status
steps_change_all(vl_ctx *ctx, steps_world *steps)
{
    vl_cache *cache = steps->model.cache;
    vl_cache_stats stats;

    for (vl_pid pid = VL_PAGEMAP_FIRST; pid < VL_PAGEMAP_FIRST + 24; pid++)
        VL_TRY(steps_change_page(ctx, steps, pid));
    vl_cache_get_stats(cache, &stats);
    if (cache->copies_in_use > vl_cache_frame_count(cache) / 8 || stats.bytes > cache->budget_bytes)
        return vl_fail(ctx, VELO_INTERNAL, "copies take too much");
    return VELO_OK;
}

static void
hazard_10_copies_take_a_fixed_share(void)
{
    static steps_world steps;

    memset(&steps, 0, sizeof steps);
    CHECK_OK(model_create(unit_ctx(), 64, 1, &steps.model));
    steps.model.may_not_wait = 1;
    CHECK_MODEL(model_grow(unit_ctx(), &steps.model, 24));
    steps.script = steps_change_all;
    steps.script_at = 1;
    CHECK_MODEL(steps_checkpoint(unit_ctx(), &steps));
    CHECK(steps.model.given_up > 0);
    steps.model.given_up = 0;
    CHECK_MODEL(steps_change_all(unit_ctx(), &steps));
    CHECK_EQ(steps.model.given_up, 0);
    CHECK_MODEL(model_check(unit_ctx(), &steps.model, &steps.model.now));
end:
    model_destroy(&steps.model);
}

/* The evictor passes over pages that are in use, and gives pages that were used another round. */
static void
hazard_38_evictor_takes_only_what_nobody_uses(void)
{
    static steps_world steps;
    vl_page_ref refs[2] = {{0}, {0}};
    uint32_t freed = 1;

    memset(&steps, 0, sizeof steps);
    CHECK_OK(model_create(unit_ctx(), 80, 1, &steps.model));
    CHECK_MODEL(model_grow(unit_ctx(), &steps.model, 20));
    CHECK(vl_cache_shared(steps.model.cache, 10, &refs[0]));
    CHECK(vl_cache_exclusive(steps.model.cache, 11, &refs[1]));
    for (unsigned i = 0; i < 40; i++)
        CHECK_MODEL(steps_cache_evict(unit_ctx(), steps.model.cache, &freed));
    CHECK_EQ(freed, 0);
    CHECK(vl_cache_is_resident(steps.model.cache, 10));
    CHECK(vl_cache_is_resident(steps.model.cache, 11));
    CHECK(!vl_cache_is_resident(steps.model.cache, 12));
    vl_cache_release_shared(steps.model.cache, &refs[0]);
    vl_cache_release_exclusive(steps.model.cache, &refs[1]);
    CHECK_MODEL(steps_evict_page(unit_ctx(), &steps, 10));
    CHECK_MODEL(steps_evict_page(unit_ctx(), &steps, 11));
    CHECK(!vl_cache_is_resident(steps.model.cache, 10));
    CHECK_MODEL(model_check(unit_ctx(), &steps.model, &steps.model.now));
end:
    model_destroy(&steps.model);
}

/* The same with pages in place, in persistent memory. */
static void
hazard_37_checkpoint_steps_with_pages_in_place(void)
{
    model_use(MODEL_PERSISTENT);
    checkpoint_steps_between_changes();
    checkpoint_steps_with_many_pages();
    checkpoint_steps_while_the_map_grows();
    hazard_7a_image_from_before_the_barrier_is_not_overwritten();
    hazard_7b_copy_does_not_displace_a_later_image();
    hazard_7d_map_pages_are_as_at_the_barrier();
    hazard_9_prepared_before_the_barrier_does_not_enter();
    model_use(MODEL_FILE);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(checkpoint_steps_between_changes),
        UNIT_TEST(checkpoint_steps_with_many_pages),
        UNIT_TEST(checkpoint_steps_while_the_map_grows),
        UNIT_TEST(hazard_7a_image_from_before_the_barrier_is_not_overwritten),
        UNIT_TEST(hazard_7b_copy_does_not_displace_a_later_image),
        UNIT_TEST(hazard_7d_map_pages_are_as_at_the_barrier),
        UNIT_TEST(hazard_9_prepared_before_the_barrier_does_not_enter),
        UNIT_TEST(hazard_10_copies_take_a_fixed_share),
        UNIT_TEST(hazard_38_evictor_takes_only_what_nobody_uses),
        UNIT_TEST(hazard_37_checkpoint_steps_with_pages_in_place),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
