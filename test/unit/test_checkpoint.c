/* test_checkpoint.c - pages in a file, on the simulated machine: eviction, checkpoints, power cuts,
 * faults. The steps of a checkpoint are interleaved with changes in test_checkpoint_steps.c. */
#include "base/thread.h"
#include "lib/unit.h"
#include "storage/cache_int.h"
#include "unit/cache_model.h"

#include <errno.h>
#include <string.h>

#define CHECK_MODEL(call)                                                                          \
    do {                                                                                           \
        velo_status check_status = (call);                                                         \
        if (check_status != VELO_OK) {                                                             \
            unit_failed(__FILE__, __LINE__, "%s: %s: %s", #call, velo_status_name(check_status),   \
                        unit_ctx()->error.text);                                                   \
            goto end;                                                                              \
        }                                                                                          \
    } while (0)

static void
checkpoint_of_nothing(void)
{
    cache_model model;

    CHECK_OK(model_create(unit_ctx(), 16, unit_seed(), &model));
    CHECK_MODEL(model_checkpoint(unit_ctx(), &model));
    CHECK_MODEL(model_verify(unit_ctx(), &model));
    CHECK_MODEL(model_reopen(unit_ctx(), 16, &model));
    CHECK_MODEL(model_check(unit_ctx(), &model, &model.durable));
end:
    model_destroy(&model);
}

static void
checkpoint_keeps_pages(void)
{
    model_step add = {.add_count = 3};
    cache_model model;

    CHECK_OK(model_create(unit_ctx(), 64, unit_seed(), &model));
    CHECK_MODEL(model_do(unit_ctx(), &model, &add));
    CHECK_MODEL(model_checkpoint(unit_ctx(), &model));
    CHECK_MODEL(model_verify(unit_ctx(), &model));
    CHECK_MODEL(model_do(unit_ctx(), &model, &add));
    CHECK_MODEL(model_check(unit_ctx(), &model, &model.now));
    CHECK_MODEL(model_reopen(unit_ctx(), 64, &model)); /* the second three are lost */
    CHECK_MODEL(model_check(unit_ctx(), &model, &model.durable));
    CHECK_MODEL(model_do(unit_ctx(), &model, &add));
    CHECK_MODEL(model_checkpoint(unit_ctx(), &model));
    CHECK_MODEL(model_verify(unit_ctx(), &model));
end:
    model_destroy(&model);
}

/* Random changes with few frames, and checkpoints. */
static void
checkpoint_random_rounds(uint32_t frames, uint32_t pid_limit, unsigned rounds, uint64_t seed)
{
    cache_model model;

    CHECK_OK(model_create(unit_ctx(), frames, seed, &model));
    model.pid_limit = pid_limit;
    for (unsigned i = 0; i < rounds; i++) {
        unsigned count = (unsigned)vl_rng_below(&model.rng, 200);

        for (unsigned j = 0; j < count; j++)
            CHECK_MODEL(model_random(unit_ctx(), &model));
        if (vl_rng_chance(&model.rng, 3, 4))
            CHECK_MODEL(model_checkpoint(unit_ctx(), &model));
        CHECK_MODEL(model_verify(unit_ctx(), &model));
        CHECK_MODEL(model_check(unit_ctx(), &model, &model.now));
        if (vl_rng_chance(&model.rng, 1, 4))
            CHECK_MODEL(model_reopen(unit_ctx(), frames, &model));
    }
end:
    if (unit_has_failed())
        unit_failed(__FILE__, __LINE__, "frames %u, limit %u, seed %llu", frames, pid_limit,
                    (unsigned long long)seed);
    model_destroy(&model);
}

static void
checkpoint_at_random_with_few_frames(void)
{
    for (unsigned i = 0; i < 12 && !unit_has_failed(); i++)
        checkpoint_random_rounds(16 + 2 * i, 60 + 40 * i, 8, unit_seed() + i);
}

static void
checkpoint_at_random_with_many_pages(void)
{
    checkpoint_random_rounds(24, MODEL_PIDS, 24, unit_seed());
    checkpoint_random_rounds(400, MODEL_PIDS, 24, unit_seed() + 1);
}

/* ---- power cuts ---- */

/* What the hook needs. */
typedef struct checkpoint_cuts {
    cache_model *model;
    uint64_t count; /* cuts looked at */
    uint64_t every; /* only every so-manieth operation */
    velo_status st; /* of the first that was wrong */
    char text[VL_ERROR_TEXT_SIZE];
} checkpoint_cuts;

/* Before and after each operation: cut the power of copies of the machine, and look. */
static void
checkpoint_cut_hook(void *user, vl_sim *sim, const vl_sim_event *event)
{
    static const vl_sim_keep keeps[] = {VL_SIM_KEEP_NONE, VL_SIM_KEEP_ALL, VL_SIM_KEEP_RANDOM,
                                        VL_SIM_KEEP_PREFIX};
    checkpoint_cuts *cuts = user;
    vl_ctx ctx;

    (void)sim;
    vl_ctx_init(&ctx, NULL, NULL);
    if (event->number % cuts->every != 0)
        return;
    for (size_t i = 0; i < VL_ARRAY_COUNT(keeps) && cuts->st == VELO_OK; i++) {
        vl_sim_outcome outcome = {
            .keep = keeps[i], .seed = event->number, .has_garbage = (int)(event->number % 2)};

        cuts->st = model_check_after_cut(&ctx, cuts->model, &outcome);
        cuts->count++;
    }
    if (cuts->st != VELO_OK)
        memcpy(cuts->text, ctx.error.text, sizeof cuts->text);
}

static void
checkpoint_cut_run(uint32_t frames, uint32_t pid_limit, unsigned rounds, uint64_t every,
                   uint64_t seed)
{
    static cache_model model;
    checkpoint_cuts cuts = {.model = &model, .every = every};

    CHECK_OK(model_create(unit_ctx(), frames, seed, &model));
    model.pid_limit = pid_limit;
    vl_sim_set_hook(model.sim, checkpoint_cut_hook, &cuts);
    for (unsigned i = 0; i < rounds && cuts.st == VELO_OK; i++) {
        unsigned count = (unsigned)vl_rng_below(&model.rng, 40);

        for (unsigned j = 0; j < count; j++)
            CHECK_MODEL(model_random(unit_ctx(), &model));
        CHECK_MODEL(model_checkpoint(unit_ctx(), &model));
    }
    if (cuts.st != VELO_OK)
        unit_failed(__FILE__, __LINE__, "after a power cut: %s: %s", velo_status_name(cuts.st),
                    cuts.text);
    else if (cuts.count == 0)
        unit_failed(__FILE__, __LINE__, "no cut was looked at");
end:
    vl_sim_set_hook(model.sim, NULL, NULL);
    model_destroy(&model);
}

/* Whatever instant the power fails at, the file is as it was at the barrier of the checkpoint that
 * its superblock names; no block is lost (hazard 7c). */
static void
checkpoint_survives_a_power_cut_at_every_operation(void)
{
    checkpoint_cut_run(16, 60, 10, 1, unit_seed());
    if (!unit_has_failed())
        checkpoint_cut_run(24, 120, 10, 3, unit_seed() + 1);
}

/* ---- faults ---- */

/* After a fault: the cache works, or the volume says that nothing may be written any more, and the
 * file is as one of the two checkpoints. */
static velo_status
checkpoint_check_after_fault(vl_ctx *ctx, cache_model *model, uint32_t frames)
{
    uint64_t number;

    vl_sim_plan_clear(model->sim);
    vl_error_clear(ctx);
    if (vl_volume_check_writable(ctx, model->volume) == VELO_OK) {
        VL_TRY(vl_volume_make_writable(ctx, model->volume));
        VL_TRY(model_verify(ctx, model));
        VL_TRY(model_check(ctx, model, &model->now));
        for (unsigned i = 0; i < 20; i++)
            VL_TRY(model_random(ctx, model));
        VL_TRY(model_checkpoint(ctx, model));
        VL_TRY(model_verify(ctx, model));
    } else {
        model_state barrier = model->barrier;

        VL_TRY(model_reopen(ctx, frames, model));
        number = vl_volume_super(model->volume)->checkpoint;
        if (number != model->durable.checkpoint)
            model->durable = barrier;
        if (number != model->durable.checkpoint)
            return vl_fail(ctx, VELO_INTERNAL, "another checkpoint counts");
        model->now = model->durable;
    }
    VL_TRY(model_reopen(ctx, frames, model));
    return model_check(ctx, model, &model->durable);
}

/* Some changes with a checkpoint; ends at the first failure. */
static velo_status
checkpoint_some_work(vl_ctx *ctx, cache_model *model)
{
    for (unsigned i = 0; i < 25; i++)
        VL_TRY(model_random(ctx, model));
    VL_TRY(vl_checkpoint_run(ctx, model->cache, model_note, NULL, model));
    model->durable = model->barrier;
    for (unsigned i = 0; i < 10; i++)
        VL_TRY(model_random(ctx, model));
    return VELO_OK;
}

/* Fail the nth operation of some kinds, for each n. */
static void
checkpoint_fail_each(vl_sim_fault_kind kind, uint32_t ops, int os_error, uint64_t count)
{
    static cache_model model;
    vl_sim_stats stats;
    int was_hit = 1;

    for (uint64_t nth = 1; was_hit && !unit_has_failed(); nth++) {
        vl_sim_fault fault = {
            .kind = kind, .ops = ops, .nth = nth, .os_error = os_error, .count = count};
        velo_status st;

        CHECK_OK(model_create(unit_ctx(), 16, unit_seed() + nth % 5, &model));
        model.pid_limit = 100;
        CHECK_MODEL(model_grow(unit_ctx(), &model, 40));
        CHECK_MODEL(model_checkpoint(unit_ctx(), &model));
        CHECK_MODEL(vl_sim_plan(unit_ctx(), model.sim, &fault));
        st = checkpoint_some_work(unit_ctx(), &model);
        vl_sim_get_stats(model.sim, &stats);
        was_hit = stats.fault_count > 0;
        if (st != VELO_OK && !was_hit)
            CHECK_MODEL(st);
        if (was_hit && st == VELO_INTERNAL)
            CHECK_MODEL(st);
        CHECK_MODEL(checkpoint_check_after_fault(unit_ctx(), &model, 16));
    end:
        if (unit_has_failed())
            unit_failed(__FILE__, __LINE__, "fault %d of operations %x, number %llu", (int)kind,
                        (unsigned)ops, (unsigned long long)nth);
        model_destroy(&model);
    }
}

static void
checkpoint_failed_writes_leave_all_usable(void)
{
    checkpoint_fail_each(VL_SIM_ERROR, VL_SIM_WRITE, EIO, 1);
    if (!unit_has_failed())
        checkpoint_fail_each(VL_SIM_ERROR, VL_SIM_WRITE | VL_SIM_WRITE_DURABLE, ENOSPC, UINT64_MAX);
}

static void
checkpoint_failed_growth_leaves_all_usable(void)
{
    checkpoint_fail_each(VL_SIM_ERROR, VL_SIM_ALLOCATE | VL_SIM_RESIZE, ENOSPC, 1);
    if (!unit_has_failed())
        checkpoint_fail_each(VL_SIM_ERROR, VL_SIM_ALLOCATE | VL_SIM_RESIZE, EIO, UINT64_MAX);
}

static void
checkpoint_failed_reads_leave_all_usable(void)
{
    checkpoint_fail_each(VL_SIM_ERROR, VL_SIM_READ, EIO, 1);
}

static void
checkpoint_failed_syncs_leave_a_good_file(void)
{
    checkpoint_fail_each(VL_SIM_ERROR, VL_SIM_SYNC | VL_SIM_WRITE_DURABLE, EIO, 1);
    if (!unit_has_failed())
        checkpoint_fail_each(VL_SIM_SYNC_LOSES, VL_SIM_SYNC, EIO, 1);
}

/* ---- memory ---- */

/* A machine with a database, made once; each run works on a copy. */
typedef struct checkpoint_memory {
    cache_model model;
} checkpoint_memory;

static velo_status
checkpoint_work_with_memory(vl_ctx *ctx, void *argument)
{
    static cache_model copy;
    const checkpoint_memory *memory = argument;
    velo_status st;

    copy = memory->model;
    st = vl_sim_clone(unit_ctx(), memory->model.sim, &copy.sim);
    if (st != VELO_OK)
        return VELO_INTERNAL;
    st = model_open_on(ctx, copy.sim, 16, &copy);
    if (st == VELO_OK)
        st = checkpoint_some_work(ctx, &copy);
    if (copy.cache != NULL) {
        vl_allocator_fail_nth(ctx->allocator, 0, 0);
        if (checkpoint_check_after_fault(unit_ctx(), &copy, 16) != VELO_OK)
            st = VELO_INTERNAL;
    }
    model_close(&copy);
    vl_sim_destroy(copy.sim);
    return st;
}

static void
checkpoint_survives_lack_of_memory(void)
{
    static checkpoint_memory memory;

    CHECK_OK(model_create(unit_ctx(), 16, unit_seed(), &memory.model));
    memory.model.pid_limit = 100;
    CHECK_MODEL(model_grow(unit_ctx(), &memory.model, 40));
    CHECK_MODEL(model_checkpoint(unit_ctx(), &memory.model));
    model_close(&memory.model);
    if (unit_each_alloc_failure(checkpoint_work_with_memory, &memory) < 5)
        unit_failed(__FILE__, __LINE__, "few allocations were made to fail: %s",
                    unit_ctx()->error.text);
end:
    model_destroy(&memory.model);
}

/* ---- full disks, damage, no permission ---- */

/* Hazard 14: what finds no space fails before it has changed anything; a checkpoint finds the space
 * that was promised to it; what it retires can be used. */
static void
hazard_14_full_disk_fails_before_anything_is_changed(void)
{
    static cache_model model;
    vl_sim_options options = {.capacity_bytes = VL_BY_BUILD(2U << 20, 1U << 18)};
    velo_status st = VELO_OK;
    unsigned rounds = 0;

    memset(&model, 0, sizeof model);
    model.pid_limit = MODEL_PIDS;
    vl_rng_init(&model.rng, unit_seed());
    CHECK_OK(vl_sim_create(unit_ctx(), &options, &model.sim));
    CHECK_MODEL(model_open_on(unit_ctx(), model.sim, 32, &model));
    model.durable.checkpoint = vl_volume_super(model.volume)->checkpoint;
    while (st == VELO_OK && rounds++ < 5000)
        st = rounds % 50 == 0 ? model_checkpoint(unit_ctx(), &model)
                              : model_grow(unit_ctx(), &model, 1);
    CHECK_STATUS(st, VELO_FULL);
    CHECK_MODEL(model_verify(unit_ctx(), &model));
    CHECK_MODEL(model_check(unit_ctx(), &model, &model.now));
    CHECK_MODEL(model_checkpoint(unit_ctx(), &model));
    CHECK_MODEL(model_verify(unit_ctx(), &model));
    for (unsigned i = 0; i < 300; i++) {
        st = i % 40 == 39 ? model_checkpoint(unit_ctx(), &model) : model_random(unit_ctx(), &model);
        if (st != VELO_FULL)
            CHECK_MODEL(st);
    }
    CHECK_MODEL(model_checkpoint(unit_ctx(), &model));
    CHECK_MODEL(model_verify(unit_ctx(), &model));
    CHECK_MODEL(model_reopen(unit_ctx(), 32, &model));
    CHECK_MODEL(model_check(unit_ctx(), &model, &model.durable));
end:
    model_destroy(&model);
}

/* A bit that flips anywhere in the file is found, or does not matter. */
static void
checkpoint_finds_damage(void)
{
    static cache_model model;
    vl_rng rng;
    unsigned found = 0;

    vl_rng_init(&rng, unit_seed());
    CHECK_OK(model_create(unit_ctx(), 32, unit_seed(), &model));
    CHECK_MODEL(model_grow(unit_ctx(), &model, 60));
    CHECK_MODEL(model_checkpoint(unit_ctx(), &model));
    for (unsigned i = 0; i < 150 && !unit_has_failed(); i++) {
        static cache_model copy;
        vl_volume_stats stats;
        velo_status st;

        vl_volume_get_stats(model.volume, &stats);
        copy = model;
        CHECK_MODEL(vl_sim_clone(unit_ctx(), model.sim, &copy.sim));
        CHECK_MODEL(vl_sim_flip_bit(unit_ctx(), copy.sim, MODEL_PATH,
                                    vl_rng_below(&rng, stats.block_count * MODEL_PAGE_SIZE * 8)));
        st = model_open_on(unit_ctx(), copy.sim, 32, &copy);
        if (st == VELO_OK)
            st = model_check(unit_ctx(), &copy, &model.durable);
        if (st != VELO_OK && st != VELO_CORRUPT)
            unit_failed(__FILE__, __LINE__, "%s", unit_ctx()->error.text);
        found += st == VELO_CORRUPT;
        model_destroy(&copy);
    }
    if (found == 0)
        unit_failed(__FILE__, __LINE__, "no damage was found");
end:
    model_destroy(&model);
}

/* A database that may only be read. */
static void
checkpoint_of_a_read_only_file_is_refused(void)
{
    static cache_model model;
    model_step step = {.change_count = 1};
    vl_volume_options volume_options = {.is_read_only = 1};
    vl_cache_options cache_options = {.page_size = MODEL_PAGE_SIZE, .budget_bytes = 1 << 20};

    CHECK_OK(model_create(unit_ctx(), 32, unit_seed(), &model));
    CHECK_MODEL(model_grow(unit_ctx(), &model, 20));
    CHECK_MODEL(model_checkpoint(unit_ctx(), &model));
    vl_cache_destroy(model.cache);
    model.cache = NULL;
    vl_volume_close(model.volume);
    model.volume = NULL;
    CHECK_MODEL(vl_volume_open(unit_ctx(), model.io, MODEL_PATH, &volume_options, &model.volume));
    cache_options.volume = model.volume;
    CHECK_MODEL(vl_cache_create(unit_ctx(), &cache_options, &model.cache));
    CHECK_MODEL(model_check(unit_ctx(), &model, &model.durable));
    step.pages[0] = VL_PAGEMAP_FIRST;
    CHECK_STATUS(model_do(unit_ctx(), &model, &step), VELO_READONLY);
    CHECK_STATUS(model_grow(unit_ctx(), &model, 1), VELO_READONLY);
    CHECK_STATUS(model_checkpoint(unit_ctx(), &model), VELO_READONLY);
    CHECK_MODEL(model_check(unit_ctx(), &model, &model.durable));
end:
    model_destroy(&model);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(checkpoint_of_nothing),
        UNIT_TEST(checkpoint_keeps_pages),
        UNIT_TEST(checkpoint_at_random_with_few_frames),
        UNIT_TEST(checkpoint_at_random_with_many_pages),
        UNIT_TEST(checkpoint_survives_a_power_cut_at_every_operation),
        UNIT_TEST(checkpoint_failed_writes_leave_all_usable),
        UNIT_TEST(checkpoint_failed_growth_leaves_all_usable),
        UNIT_TEST(checkpoint_failed_reads_leave_all_usable),
        UNIT_TEST(checkpoint_failed_syncs_leave_a_good_file),
        UNIT_TEST(checkpoint_survives_lack_of_memory),
        UNIT_TEST(hazard_14_full_disk_fails_before_anything_is_changed),
        UNIT_TEST(checkpoint_finds_damage),
        UNIT_TEST(checkpoint_of_a_read_only_file_is_refused),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
