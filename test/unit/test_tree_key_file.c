/* test_tree_key_file.c - key trees and long values in a file: few frames, checkpoints, power cuts,
 * failing transfers, a full disk. */
#include "base/thread.h"
#include "os/sim.h"
#include "storage/cache_verify.h"
#include "storage/checkpoint.h"
#include "storage/volume.h"
#include "unit/tree_key_model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_PATH      "k.db"
#define FILE_PAGE_SIZE VL_PAGE_MIN_SIZE

/* A disk that has room for about so many pages. */
#define FILE_DISK(pages) ((uint64_t)(pages) * FILE_PAGE_SIZE + VL_BY_BUILD(0, 48 * 1024))

/* A database on a simulated machine. */
typedef struct file_world {
    vl_sim *sim;
    vl_io *io;
    vl_volume *volume;
    vl_cache *cache;
    key_model m;      /* the tree, once file_plant was called */
    uint32_t noted;   /* changes before the barrier of the checkpoint in writing */
    uint32_t durable; /* changes before that of the last one */
    vl_pid root;      /* of the tree */
    uint64_t budget;  /* of the cache */
} file_world;

static velo_status
file_open(vl_ctx *ctx, file_world *world)
{
    vl_volume_options volume_options = {.page_size = FILE_PAGE_SIZE, .may_create = 1};
    vl_cache_options options = {.page_size = FILE_PAGE_SIZE, .budget_bytes = world->budget};

    VL_TRY(vl_sim_open_io(ctx, world->sim, &world->io));
    VL_TRY(vl_volume_open(ctx, world->io, FILE_PATH, &volume_options, &world->volume));
    options.volume = world->volume;
    return vl_cache_create(ctx, &options, &world->cache);
}

static void
file_close(file_world *world)
{
    vl_cache_destroy(world->cache);
    vl_volume_close(world->volume);
    vl_io_close(world->io);
    world->cache = NULL;
    world->volume = NULL;
    world->io = NULL;
}

static velo_status
file_create(file_world *world, uint32_t frames, uint64_t capacity_bytes)
{
    vl_sim_options options = {.seed = unit_seed(), .capacity_bytes = capacity_bytes};

    memset(world, 0, sizeof *world);
    world->budget = (uint64_t)frames * (FILE_PAGE_SIZE + 64) + 64 * 1024;
    VL_TRY(vl_sim_create(unit_ctx(), &options, &world->sim));
    return file_open(unit_ctx(), world);
}

static void
file_destroy(file_world *world)
{
    key_model_deinit(&world->m);
    file_close(world);
    vl_sim_destroy(world->sim);
}

static void
file_note(void *user)
{
    file_world *world = user;

    world->noted = atomic_load_explicit(&world->m.applied, memory_order_acquire);
}

static velo_status
file_checkpoint(vl_ctx *ctx, file_world *world)
{
    VL_TRY(vl_checkpoint_run(ctx, world->cache, file_note, NULL, world));
    world->durable = world->noted;
    return VELO_OK;
}

static void
file_plant(file_world *world, uint32_t max_children, uint32_t kinds, uint64_t seed)
{
    key_model_init_in_file(&world->m, world->cache, max_children, kinds, seed);
    world->m.keeps_past = 1;
    world->root = world->m.tree.root;
}

/* The tree is what the model says, and no page is in the file but its own, after a checkpoint. */
static void
file_check_all(file_world *world)
{
    uint64_t page_count;

    CHECK_OK(file_checkpoint(unit_ctx(), world));
    CHECK_OK(vl_tree_key_free_postponed(unit_ctx(), world->m.work));
    key_model_check(&world->m);
    if (unit_has_failed())
        return;
    CHECK_OK(file_checkpoint(unit_ctx(), world));
    CHECK_OK(vl_cache_verify(unit_ctx(), world->cache));
    CHECK_OK(vl_cache_verify_durable(unit_ctx(), world->cache, &page_count));
    CHECK_EQ(page_count, world->m.pages);
}

/* Cut the power of a copy of the machine, and look at what the last checkpoint left. */
static void
file_check_after_cut(const file_world *world, uint32_t seed)
{
    vl_sim_outcome outcome = {.keep = VL_SIM_KEEP_RANDOM, .seed = seed};
    file_world after = {.budget = world->budget};
    uint32_t max_children = world->m.tree.max_children;

    CHECK_OK(vl_sim_clone(unit_ctx(), world->sim, &after.sim));
    CHECK_OK(vl_sim_cut_power(unit_ctx(), after.sim, &outcome));
    CHECK_OK(file_open(unit_ctx(), &after));
    after.m.ctx = unit_ctx();
    after.m.is_in_file = 1;
    after.m.cache = after.cache;
    vl_tree_init(&after.m.tree, &vl_tree_key_ops, after.cache, KEY_MODEL_TREE, world->root);
    after.m.tree.max_children = max_children;
    vl_rng_init(&after.m.rng, seed);
    key_model_replay(&after.m, &world->m, world->durable);
    if (!unit_has_failed())
        key_model_check(&after.m);
    file_destroy(&after);
}

/* ---- one thread ---- */

static void
random_in_file(uint32_t frames, uint32_t max_children, uint32_t kinds, uint32_t steps)
{
    file_world world;

    CHECK_OK(file_create(&world, frames, 0));
    file_plant(&world, max_children, kinds, unit_seed());
    CHECK_OK(file_checkpoint(unit_ctx(), &world));
    for (uint32_t i = 0; i < steps && !unit_has_failed(); i++) {
        key_model_step(&world.m, i < steps / 2 ? 80 : 20);
        if (i % 16 == 0)
            key_model_lookup(&world.m);
        if (i % 100 == 50)
            key_model_scan(&world.m);
        if (vl_rng_chance(&world.m.rng, 1, steps / 8))
            CHECK_OK(file_checkpoint(unit_ctx(), &world));
        if (i % (steps / 4) == 0 && !unit_has_failed())
            file_check_after_cut(&world, i);
    }
    if (!unit_has_failed())
        file_check_all(&world);
    if (!unit_has_failed())
        file_check_after_cut(&world, steps);
    file_destroy(&world);
}

static void
tree_key_in_a_file_with_few_frames(void)
{
    random_in_file(40, 4, KEY_SHORT | KEY_NUMBERS | KEY_WIDE, VL_TSAN ? 400 : 2000);
    random_in_file(40, 3, KEY_DEEP | KEY_TIES | KEY_EDGE, VL_TSAN ? 200 : 800);
}

static void
tree_key_in_a_file_with_many_frames(void)
{
    random_in_file(2000, 4, 0xff, VL_TSAN ? 400 : 2000);
}

/* ---- a checkpointer beside the writer ---- */

static struct {
    file_world *world;
    _Atomic uint32_t stop;   /* 1: no more checkpoints */
    _Atomic uint32_t failed; /* checkpoints that failed */
    _Atomic uint32_t done;   /* and that did not */
} beside;

static void
thread_checkpoint(void *argument)
{
    vl_ctx ctx;

    (void)argument;
    vl_ctx_init(&ctx, NULL, NULL);
    do {
        if (file_checkpoint(&ctx, beside.world) == VELO_OK) {
            atomic_fetch_add_explicit(&beside.done, 1, memory_order_relaxed);
        } else {
            (void)fprintf(stderr, "checkpoint: %s\n", ctx.error.text);
            atomic_fetch_add_explicit(&beside.failed, 1, memory_order_relaxed);
        }
    } while (atomic_load_explicit(&beside.stop, memory_order_acquire) == 0);
}

/* Every checkpoint holds exactly the changes made before its barrier, whole splits and joins
 * included, whatever the writer was doing. */
static void
beside_run(uint32_t frames, uint32_t kinds, uint32_t steps, uint64_t seed)
{
    vl_thread thread = {0};
    file_world world;

    CHECK_OK(file_create(&world, frames, 0));
    file_plant(&world, 3, kinds, seed);
    CHECK_OK(file_checkpoint(unit_ctx(), &world));
    memset(&beside, 0, sizeof beside);
    beside.world = &world;
    CHECK_OK(vl_thread_start(unit_ctx(), &thread, "checkpointer", thread_checkpoint, NULL));
    for (uint32_t i = 0; i < steps && !unit_has_failed(); i++)
        key_model_step(&world.m, i / 200 % 2 == 0 ? 85 : 30);
    atomic_store_explicit(&beside.stop, 1, memory_order_release);
    vl_thread_join(&thread);
    CHECK_EQ(atomic_load_explicit(&beside.failed, memory_order_relaxed), 0);
    CHECK(atomic_load_explicit(&beside.done, memory_order_relaxed) > 0);
    if (!unit_has_failed())
        file_check_after_cut(&world, 5);
    if (!unit_has_failed())
        file_check_all(&world);
    file_destroy(&world);
}

static void
tree_key_checkpoints_beside_changes(void)
{
    for (uint32_t i = 0; i < 6 && !unit_has_failed(); i++)
        beside_run(i < 3 ? 64 : 1000, i % 3 == 0 ? KEY_SHORT | KEY_WIDE : 0xff,
                   VL_TSAN ? 150 : 500 + 37 * i, unit_seed() + i);
}

/* ---- failures ---- */

/* Transfers fail now and then: changes that failed were not made, and nothing else is wrong. */
static void
tree_key_read_errors_change_nothing(void)
{
    vl_sim_fault fault = {.kind = VL_SIM_ERROR, .ops = VL_SIM_READ, .os_error = EIO};
    uint32_t failed = 0;
    file_world world;

    CHECK_OK(file_create(&world, 40, 0));
    file_plant(&world, 3, KEY_DEEP | KEY_TIES | KEY_WIDE, unit_seed());
    for (uint32_t i = 0; i < 200; i++)
        key_model_step(&world.m, 90);
    for (uint32_t i = 0; i < (VL_TSAN ? 60U : 400U) && !unit_has_failed(); i++) {
        static uint8_t key[1U << 18];
        uint32_t size = key_model_random(&world.m, key, sizeof key);
        vl_tree_key_action action = (vl_tree_key_action)vl_rng_below(&world.m.rng, 5);
        velo_status st;

        fault.nth = 1 + vl_rng_below(&world.m.rng, 6);
        CHECK_OK(vl_sim_plan(unit_ctx(), world.sim, &fault));
        st = key_model_try(&world.m, action, key, size);
        vl_sim_plan_clear(world.sim);
        CHECK(st == VELO_OK || vl_status_primary(st) == VELO_IOERR);
        failed += st != VELO_OK;
    }
    CHECK(failed > 10);
    if (!unit_has_failed())
        file_check_all(&world);
    file_destroy(&world);
}

/* A disk that is full: insertions say so and leave no page behind; removing goes on, and makes
 * room. */
static void
tree_key_full_disk_loses_nothing(void)
{
    static uint8_t key[1U << 18];
    uint32_t full = 0;
    file_world world;

    CHECK_OK(file_create(&world, 60, FILE_DISK(300)));
    file_plant(&world, 3, KEY_DEEP | KEY_WIDE, unit_seed());
    CHECK_OK(file_checkpoint(unit_ctx(), &world)); /* both superblocks have their blocks */
    for (uint32_t i = 0; i < (VL_TSAN ? 300U : 1500U) && !unit_has_failed(); i++) {
        uint32_t size = key_model_random(&world.m, key, sizeof key);
        velo_status st = key_model_try(&world.m, VL_TREE_KEY_INSERT, key, size);

        CHECK(st == VELO_OK || vl_status_primary(st) == VELO_FULL);
        if (st == VELO_OK)
            continue;
        full++;
        CHECK_OK(file_checkpoint(unit_ctx(), &world));
        for (uint32_t k = 0; k < 10 && world.m.count > 0; k++) {
            const key_entry *entry = &world.m.entries[vl_rng_below(&world.m.rng, world.m.count)];

            size = entry->size;
            memcpy(key, entry->key, size);
            st = key_model_try(&world.m, VL_TREE_KEY_REMOVE, key, size);
            CHECK(st == VELO_OK || vl_status_primary(st) == VELO_FULL);
        }
        CHECK_OK(file_checkpoint(unit_ctx(), &world));
    }
    CHECK(full > 0);
    if (!unit_has_failed())
        file_check_all(&world);
    file_destroy(&world);
}

/* Long values that are written while the disk becomes full, or transfers fail: all their pages are
 * given back. */
static void
overflow_failed_writes_give_all_back(void)
{
    static uint8_t bytes[400 * FILE_PAGE_SIZE];
    vl_overflow_source source = {.tree = 7, .size = sizeof bytes, .data = bytes};
    file_world world;
    uint64_t page_count;
    uint64_t before;
    vl_pid pid;

    CHECK_OK(file_create(&world, 50, FILE_DISK(260)));
    file_plant(&world, 3, KEY_DEEP, unit_seed());
    for (uint32_t i = 0; i < 30; i++)
        key_model_step(&world.m, 100);
    CHECK_OK(file_checkpoint(unit_ctx(), &world));
    CHECK_OK(vl_cache_verify_durable(unit_ctx(), world.cache, &before));
    for (uint32_t i = 0; i < 4 && !unit_has_failed(); i++) {
        CHECK_EQ(vl_status_primary(vl_overflow_write(unit_ctx(), world.cache, &source, &pid)),
                 VELO_FULL);
        CHECK(strstr(unit_ctx()->error.text, "cannot be freed") == NULL);
        CHECK_OK(file_checkpoint(unit_ctx(), &world));
        CHECK_OK(vl_cache_verify_durable(unit_ctx(), world.cache, &page_count));
        CHECK_EQ(page_count, before);
    }
    if (!unit_has_failed())
        file_check_all(&world);
    file_destroy(&world);
}

/* When giving back fails as well, the message says how many pages are lost. */
static void
overflow_lost_pages_are_counted(void)
{
    static uint8_t bytes[400 * FILE_PAGE_SIZE];
    vl_overflow_source source = {.tree = 7, .size = sizeof bytes, .data = bytes};
    vl_sim_fault fault = {
        .kind = VL_SIM_ERROR, .ops = VL_SIM_READ, .os_error = EIO, .count = UINT64_MAX};
    file_world world;
    velo_status st;
    vl_pid pid;

    CHECK_OK(file_create(&world, 50, FILE_DISK(140)));
    file_plant(&world, 3, KEY_SHORT, unit_seed());
    CHECK_OK(vl_sim_plan(unit_ctx(), world.sim, &fault));
    st = vl_overflow_write(unit_ctx(), world.cache, &source, &pid);
    CHECK_EQ(vl_status_primary(st), VELO_FULL);
    CHECK_EQ(pid, 0);
    CHECK_CONTAINS(unit_ctx()->error.text, "pages written before cannot be freed");
    vl_sim_plan_clear(world.sim);
    file_destroy(&world);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(tree_key_in_a_file_with_few_frames),
        UNIT_TEST(tree_key_in_a_file_with_many_frames),
        UNIT_TEST(tree_key_checkpoints_beside_changes),
        UNIT_TEST(tree_key_read_errors_change_nothing),
        UNIT_TEST(tree_key_full_disk_loses_nothing),
        UNIT_TEST(overflow_failed_writes_give_all_back),
        UNIT_TEST(overflow_lost_pages_are_counted),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
