/* test_checkpoint.c - pages in a file, on the simulated machine: eviction, checkpoints, power cuts,
 * faults. The steps of a checkpoint are interleaved with changes in test_checkpoint_steps.c. */
#include "base/park.h"
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

/* What is done between the batches of a paced checkpoint. */
static struct {
    cache_model *model;
    uint32_t count;   /* of pauses */
    uint32_t written; /* at the last one */
    velo_status st;   /* the first failure */
} pauses;

static void
checkpoint_pause(vl_ctx *ctx, void *user, uint32_t written, uint32_t total)
{
    (void)user;
    CHECK(written >= pauses.written && written > 0 && written < total); /* copies go first */
    pauses.written = written;
    pauses.count++;
    for (unsigned i = 0; i < 4 && pauses.st == VELO_OK; i++)
        pauses.st = model_random(ctx, pauses.model);
}

/* Pages are changed, added and freed in every pause: the checkpoint holds what was there at its
 * barrier, and memory what came after it. */
static void
checkpoint_paced(void)
{
    cache_model model;

    CHECK_OK(model_create(unit_ctx(), 128, unit_seed(), &model));
    model.pid_limit = 100;
    for (unsigned round = 0; round < 8; round++) {
        CHECK_MODEL(model_grow(unit_ctx(), &model, round == 0 ? 60 : 1));
        for (unsigned i = 0; i < 100; i++)
            CHECK_MODEL(model_random(unit_ctx(), &model));
        memset(&pauses, 0, sizeof pauses);
        pauses.model = &model;
        model.may_not_wait = 1;
        CHECK_MODEL(vl_checkpoint_run_paced(unit_ctx(), model.cache, model_note, model_fill_super,
                                            checkpoint_pause, &model));
        model.may_not_wait = 0;
        CHECK_MODEL(pauses.st);
        CHECK(pauses.count > 0);
        model.durable = model.barrier;
        model.barrier.checkpoint = 0;
        CHECK_MODEL(model_verify(unit_ctx(), &model));
        CHECK_MODEL(model_check(unit_ctx(), &model, &model.now));
    }
    CHECK_MODEL(model_reopen(unit_ctx(), 128, &model));
    CHECK_MODEL(model_check(unit_ctx(), &model, &model.durable));
end:
    model_destroy(&model);
}

/* A rest ends when somebody asks for that, and when half of the frames for copies are used. */
static void
checkpoint_rest_ends(void)
{
    cache_model model;
    uint32_t ticket;

    CHECK_OK(model_create(unit_ctx(), 64, unit_seed(), &model));
    ticket = vl_cache_rest_ticket(model.cache);
    CHECK_EQ(vl_cache_is_pressed(model.cache), 0);
    vl_cache_end_rest(model.cache);
    vl_cache_rest(model.cache, ticket, VL_PARK_FOREVER); /* returns, since it has ended */
    ticket = vl_cache_rest_ticket(model.cache);
    vl_latch_acquire_exclusive(&model.cache->latch);
    model.cache->copies_in_use = vl_cache_free_copies(model.cache); /* as if all were taken */
    vl_latch_release_exclusive(&model.cache->latch);
    CHECK_EQ(vl_cache_is_pressed(model.cache), 1);
    vl_latch_acquire_exclusive(&model.cache->latch);
    model.cache->copies_in_use = 0;
    vl_latch_release_exclusive(&model.cache->latch);
    CHECK_EQ(vl_cache_is_pressed(model.cache), 0);
    CHECK_EQ(vl_cache_rest_ticket(model.cache), ticket);
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
    for (unsigned i = 0; i < (model_is_slow() ? 4 : 12) && !unit_has_failed(); i++)
        checkpoint_random_rounds(16 + 2 * i, 60 + 40 * i, 8, unit_seed() + i);
}

static void
checkpoint_at_random_with_many_pages(void)
{
    checkpoint_random_rounds(24, MODEL_PIDS, model_is_slow() ? 6 : 24, unit_seed());
    checkpoint_random_rounds(400, MODEL_PIDS, model_is_slow() ? 6 : 24, unit_seed() + 1);
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
    checkpoint_cut_run(16, 60, model_is_slow() ? 4 : 10, 1, unit_seed());
    if (!unit_has_failed())
        checkpoint_cut_run(24, 120, model_is_slow() ? 4 : 10, 3, unit_seed() + 1);
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
    VL_TRY(vl_checkpoint_run(ctx, model->cache, model_note, model_fill_super, model));
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
    for (unsigned i = 0; i < (model_is_slow() ? 30 : 150) && !unit_has_failed(); i++) {
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

/* ---- frames, budgets, batches ---- */

/* Hazard 11: whatever is dirty, a page and the map pages above it come in: dirty ones are written
 * to make room, and their map pages stay until nothing below them is dirty. */
static void
hazard_11_loads_go_on_with_all_frames_dirty(void)
{
    static cache_model model;
    vl_cache_stats stats;

    CHECK_OK(model_create(unit_ctx(), 16, unit_seed(), &model));
    CHECK_MODEL(model_grow(unit_ctx(), &model, 600));
    CHECK_MODEL(model_checkpoint(unit_ctx(), &model));
    for (vl_pid pid = 0; pid < MODEL_PIDS; pid += 7) { /* far apart: many map pages */
        model_step step = {.change_count = 1, .pages = {pid}};

        if (model.now.versions[pid] != 0)
            CHECK_MODEL(model_do(unit_ctx(), &model, &step));
    }
    vl_cache_get_stats(model.cache, &stats);
    CHECK(stats.frame_count <= 2 * VL_CACHE_MIN_FRAMES);
    CHECK(stats.dirty_count > 4);
    CHECK(stats.write_count > 20);
    CHECK_MODEL(model_check(unit_ctx(), &model, &model.now));
    CHECK_MODEL(model_verify(unit_ctx(), &model));
end:
    model_destroy(&model);
}

/* Memory stays within the budget, whatever is done; a smaller budget is kept as well. */
static void
cache_in_a_file_keeps_its_budget(void)
{
    static cache_model model;
    vl_cache_stats stats;
    uint64_t budget;

    CHECK_OK(model_create(unit_ctx(), 200, unit_seed(), &model));
    budget = model.cache->budget_bytes;
    CHECK_MODEL(model_grow(unit_ctx(), &model, 700));
    for (unsigned i = 0; i < 300; i++) {
        CHECK_MODEL(model_random(unit_ctx(), &model));
        vl_cache_get_stats(model.cache, &stats);
        CHECK(stats.bytes <= budget);
    }
    CHECK(stats.frame_count > 100);
    CHECK_MODEL(vl_cache_set_budget(unit_ctx(), model.cache, budget / 2));
    vl_cache_get_stats(model.cache, &stats);
    CHECK((stats.frame_count - stats.free_count) * MODEL_PAGE_SIZE <= budget / 2);
    CHECK_MODEL(model_check(unit_ctx(), &model, &model.now));
    vl_cache_get_stats(model.cache, &stats);
    CHECK((stats.frame_count - stats.free_count) * MODEL_PAGE_SIZE <= budget / 2);
    CHECK_MODEL(vl_cache_set_budget(unit_ctx(), model.cache, budget));
    CHECK_MODEL(model_check(unit_ctx(), &model, &model.now));
    CHECK_MODEL(model_checkpoint(unit_ctx(), &model));
    CHECK_MODEL(model_verify(unit_ctx(), &model));
end:
    model_destroy(&model);
}

static void
cache_tends_to_have_free_frames(void)
{
    static cache_model model;
    vl_cache_stats before;
    vl_cache_stats after;

    CHECK_OK(model_create(unit_ctx(), 200, unit_seed(), &model));
    for (unsigned i = 0; i < 1000 && !vl_cache_is_short(model.cache, 4); i++)
        CHECK_MODEL(model_grow(unit_ctx(), &model, 1));
    CHECK(vl_cache_is_short(model.cache, 4));
    vl_cache_get_stats(model.cache, &before);
    CHECK_MODEL(vl_cache_tend(unit_ctx(), model.cache));
    vl_cache_get_stats(model.cache, &after);
    CHECK(after.evict_count > before.evict_count);
    CHECK(!vl_cache_is_short(model.cache, 4));
    before = after;
    CHECK_MODEL(vl_cache_tend(unit_ctx(), model.cache)); /* enough are free */
    vl_cache_get_stats(model.cache, &after);
    CHECK_EQ(after.evict_count, before.evict_count);
end:
    model_destroy(&model);
}

/* A batch brings in what exists, and is no error for what does not. */
static void
cache_loads_in_batches(void)
{
    static cache_model model;
    vl_pid pids[VL_CACHE_BATCH];
    vl_cache_stats before;
    vl_cache_stats after;

    CHECK_OK(model_create(unit_ctx(), 1200, unit_seed(), &model));
    CHECK_MODEL(model_grow(unit_ctx(), &model, 100));
    CHECK_MODEL(model_checkpoint(unit_ctx(), &model));
    CHECK_MODEL(model_reopen(unit_ctx(), 1200, &model));
    for (vl_pid i = 0; i < VL_CACHE_BATCH; i++)
        pids[i] = i + 60 + (i == 9 ? 100000 : 0);
    vl_cache_get_stats(model.cache, &before);
    vl_cache_load_batch(model.cache, pids, VL_CACHE_BATCH);
    vl_cache_get_stats(model.cache, &after);
    for (unsigned i = 0; i < VL_CACHE_BATCH; i++)
        CHECK_EQ(vl_cache_is_resident(model.cache, pids[i]) &&
                     !vl_cache_is_own(model.cache, pids[i]),
                 pids[i] < MODEL_PIDS && model.now.versions[pids[i]] != 0);
    CHECK(after.load_count > before.load_count + 20);
    vl_cache_load_batch(model.cache, pids, VL_CACHE_BATCH);
    vl_cache_get_stats(model.cache, &before);
    CHECK_EQ(after.load_count, before.load_count); /* they are there */
    CHECK_MODEL(model_check(unit_ctx(), &model, &model.durable));
end:
    model_destroy(&model);
}

/* Hazard 35: words grow in segments that do not move, and their versions outlive eviction and the
 * reuse of a number. */
static void
hazard_35_words_stay_where_they_are(void)
{
    static cache_model model;
    const _Atomic uint64_t *word;
    vl_page_ref ref = {0};
    uint64_t version;
    uint32_t freed;

    CHECK_OK(model_create(unit_ctx(), 32, unit_seed(), &model));
    CHECK_MODEL(model_grow(unit_ctx(), &model, 5));
    CHECK(vl_cache_shared(model.cache, 5, &ref));
    word = ref.word;
    vl_cache_release_shared(model.cache, &ref);
    version = atomic_load(word) & VL_WORD_VERSION_MASK;
    for (unsigned i = 0; i < 100 && vl_cache_is_resident(model.cache, 5); i++)
        CHECK_MODEL(vl_cache_evict(unit_ctx(), model.cache, &freed));
    CHECK(!vl_cache_is_resident(model.cache, 5));
    CHECK((atomic_load(word) & VL_WORD_VERSION_MASK) > version);
    version = atomic_load(word) & VL_WORD_VERSION_MASK;
    CHECK_MODEL(model_grow(unit_ctx(), &model, 1200));
    CHECK_MODEL(model_check_page(unit_ctx(), model.cache, &model.now, 5));
    CHECK(vl_cache_shared(model.cache, 5, &ref));
    CHECK(ref.word == word);
    CHECK((atomic_load(word) & VL_WORD_VERSION_MASK) > version);
    vl_cache_release_shared(model.cache, &ref);
end:
    model_destroy(&model);
}

/* ---- attachments ---- */

static struct {
    unsigned kept;
    unsigned brought;
    vl_pid pid;
    void *attachment;
} checkpoint_side_table;

static void
checkpoint_keep(void *user, vl_pid pid, void *attachment)
{
    checkpoint_side_table.kept += user == &checkpoint_side_table;
    checkpoint_side_table.pid = pid;
    checkpoint_side_table.attachment = attachment;
}

static void *
checkpoint_bring(void *user, vl_pid pid)
{
    if (user != &checkpoint_side_table || pid != checkpoint_side_table.pid)
        return NULL;
    checkpoint_side_table.brought++;
    return checkpoint_side_table.attachment;
}

/* What is attached to a page is told when the page goes, and asked for when it comes. */
static void
cache_attachments_go_and_come_with_their_page(void)
{
    static char thing;
    static cache_model model;
    vl_cache_hooks hooks = {
        .user = &checkpoint_side_table, .keep = checkpoint_keep, .bring = checkpoint_bring};
    vl_page_ref ref = {0};
    uint32_t freed;

    memset(&checkpoint_side_table, 0, sizeof checkpoint_side_table);
    CHECK_OK(model_create(unit_ctx(), 32, unit_seed(), &model));
    model.cache->hooks = hooks;
    CHECK_MODEL(model_grow(unit_ctx(), &model, 10));
    CHECK(vl_cache_exclusive(model.cache, 7, &ref));
    vl_cache_set_attachment(model.cache, &ref, &thing);
    vl_cache_release_exclusive(model.cache, &ref);
    for (unsigned i = 0; i < 100 && vl_cache_is_resident(model.cache, 7); i++)
        CHECK_MODEL(vl_cache_evict(unit_ctx(), model.cache, &freed));
    CHECK_EQ(checkpoint_side_table.kept, 1);
    CHECK_EQ(checkpoint_side_table.pid, 7);
    CHECK(checkpoint_side_table.attachment == &thing);
    CHECK_MODEL(model_check(unit_ctx(), &model, &model.now));
    CHECK(checkpoint_side_table.brought > 0);
    while (!vl_cache_shared(model.cache, 7, &ref))
        CHECK_MODEL(vl_cache_load(unit_ctx(), model.cache, 7));
    CHECK(vl_cache_attachment(model.cache, &ref) == &thing);
    vl_cache_release_shared(model.cache, &ref);
end:
    model_destroy(&model);
}

/* ---- crafted maps ---- */

/* Change an entry of the first map page as nobody would, and see what loading page 5 says. */
static void
checkpoint_with_entry(const char *words, uint64_t add_address, uint32_t length, int swaps)
{
    static cache_model model;
    void *map;
    vl_extent extent;

    CHECK_OK(model_create(unit_ctx(), 32, unit_seed(), &model));
    CHECK_MODEL(model_grow(unit_ctx(), &model, 10));
    CHECK_MODEL(model_checkpoint(unit_ctx(), &model));
    CHECK_MODEL(model_reopen(unit_ctx(), 32, &model));
    CHECK_MODEL(model_check_page(unit_ctx(), model.cache, &model.now, 4));
    map = vl_cache_page_of(model.cache, vl_livemap_find(model.cache, 0));
    extent = vl_pagemap_get(map, swaps ? 6 : 5);
    extent.address += add_address;
    extent.length = length;
    vl_pagemap_set(map, 5, &extent);
    CHECK_STATUS(vl_cache_load(unit_ctx(), model.cache, 5), VELO_CORRUPT);
    CHECK_CONTAINS(unit_ctx()->error.text, "page 5");
    CHECK_CONTAINS(unit_ctx()->error.text, words);
    CHECK(!vl_cache_is_resident(model.cache, 5));
    CHECK_STATUS(vl_cache_load(unit_ctx(), model.cache, 5), VELO_CORRUPT);
    CHECK_MODEL(model_check_page(unit_ctx(), model.cache, &model.now, 7));
end:
    model_destroy(&model);
}

static void
checkpoint_map_that_lies_is_found_out(void)
{
    checkpoint_with_entry("page 6 is in its place", 0, 1, 1);
    if (!unit_has_failed())
        checkpoint_with_entry("3 blocks", 0, 3, 0);
    if (!unit_has_failed())
        checkpoint_with_entry("", 1 << 30, 1, 0);
    if (!unit_has_failed())
        checkpoint_with_entry("", 1, 1, 0);
}

/* ---- pages in place ---- */

/* What holds for pages in frames, with pages in place. */
static void
checkpoint_on(model_medium medium)
{
    model_use(medium);
    for (unsigned i = 0; i < (model_is_slow() ? 2 : 6) && !unit_has_failed(); i++)
        checkpoint_random_rounds(16 + 2 * i, 60 + 80 * i, 8, unit_seed() + i);
    checkpoint_random_rounds(24, MODEL_PIDS, model_is_slow() ? 3 : 8, unit_seed());
    checkpoint_cut_run(16, 60, model_is_slow() ? 2 : 6, 1, unit_seed());
    checkpoint_failed_writes_leave_all_usable();
    checkpoint_failed_growth_leaves_all_usable();
    checkpoint_failed_reads_leave_all_usable();
    checkpoint_failed_syncs_leave_a_good_file();
    checkpoint_fail_each(VL_SIM_ERROR, VL_SIM_MAP | VL_SIM_MAP_STORE | VL_SIM_MAP_SYNC, EIO, 1);
    checkpoint_survives_lack_of_memory();
    hazard_14_full_disk_fails_before_anything_is_changed();
    checkpoint_finds_damage();
    hazard_11_loads_go_on_with_all_frames_dirty();
    hazard_35_words_stay_where_they_are();
    cache_attachments_go_and_come_with_their_page();
    checkpoint_map_that_lies_is_found_out();
    model_use(MODEL_FILE);
}

static void
checkpoint_with_pages_in_place(void)
{
    checkpoint_on(MODEL_MAPPED);
}

static void
checkpoint_in_persistent_memory(void)
{
    checkpoint_on(MODEL_PERSISTENT);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(checkpoint_of_nothing),
        UNIT_TEST(checkpoint_keeps_pages),
        UNIT_TEST(checkpoint_paced),
        UNIT_TEST(checkpoint_rest_ends),
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
        UNIT_TEST(hazard_11_loads_go_on_with_all_frames_dirty),
        UNIT_TEST(cache_in_a_file_keeps_its_budget),
        UNIT_TEST(cache_tends_to_have_free_frames),
        UNIT_TEST(cache_loads_in_batches),
        UNIT_TEST(hazard_35_words_stay_where_they_are),
        UNIT_TEST(cache_attachments_go_and_come_with_their_page),
        UNIT_TEST(checkpoint_map_that_lies_is_found_out),
        UNIT_TEST(checkpoint_with_pages_in_place),
        UNIT_TEST(checkpoint_in_persistent_memory),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
