/* test_volume_hazard.c - the scenarios of block reuse and full disks by their numbers, and what
 * else may happen to a volume: no memory, damage, many threads. */
#include "base/atomic.h"
#include "base/thread.h"
#include "lib/unit.h"
#include "unit/volume_case.h"

/* ---- the hazards, by their numbers ---- */

/* The process is killed between a superblock's write and its sync; the next one finds it, and must
 * not use the blocks that it released before it is durable. */
static void
volume_hazard_6a_superblock_read_is_made_durable_first(void)
{
    vl_sim_outcome none = {.keep = VL_SIM_KEEP_NONE};
    volume_case one;
    image_set old;
    image_set set;
    vl_extent extent;
    uint8_t buf[SIZE];
    uint64_t checkpoint;

    CHECK_OK(case_begin(&one, NULL));
    CHECK_OK(write_images(&one, &old, VL_SPACE_LIVE));
    CHECK_OK(case_checkpoint(&one, 0)); /* 2 needs the old images */
    for (uint32_t i = 0; i < IMAGE_COUNT; i++)
        vl_volume_remove(one.volume, VL_SPACE_LIVE, old.items[i].address, 1);
    {
        vl_sim_fault fault = {.kind = VL_SIM_KILL_BEFORE, .ops = VL_SIM_SYNC, .nth = 2};

        CHECK_OK(vl_sim_plan(unit_ctx(), one.sim, &fault));
    }
    CHECK(case_checkpoint(&one, 0) != VELO_OK); /* 3 releases them; written, not synced */
    vl_volume_close(one.volume);
    one.volume = NULL;
    vl_io_close(one.io);
    CHECK_OK(vl_sim_open_io(unit_ctx(), one.sim, &one.io));
    CHECK_OK(case_reopen(&one));
    checkpoint = vl_volume_super(one.volume)->checkpoint;
    CHECK_EQ(checkpoint, 3);
    CHECK_OK(vl_volume_make_writable(unit_ctx(), one.volume));
    for (uint32_t i = 0; i < IMAGE_COUNT; i++)
        CHECK_EQ(vl_volume_sets_of(one.volume, old.items[i].address) & VL_SPACE_LIVE, 0);
    CHECK_OK(write_images(&one, &set, VL_SPACE_LIVE)); /* reuses the blocks */
    CHECK_OK(vl_sim_cut_power(unit_ctx(), one.sim, &none));
    vl_volume_close(one.volume);
    one.volume = NULL;
    vl_io_close(one.io);
    CHECK_OK(vl_sim_open_io(unit_ctx(), one.sim, &one.io));
    CHECK_OK(case_reopen(&one));
    CHECK_EQ(vl_volume_super(one.volume)->checkpoint, 3); /* 2 would be a ruin */
    extent = extent_of(&old.items[0]);
    (void)!vl_volume_read(unit_ctx(), one.volume, &extent, buf, "page", 1);
    vl_free(old.bytes);
    vl_free(set.bytes);
    case_end(&one);
}

/* An image that the checkpoint in writing has, and the live map has passed over, is not free before
 * a later checkpoint is durable without it. */
static void
volume_hazard_7a_blocks_of_the_checkpoint_in_writing_are_not_reused(void)
{
    volume_case one;
    vl_superblock next;
    uint64_t b1;

    CHECK_OK(case_begin(&one, NULL));
    CHECK_OK(case_take(&one, 1, &b1)); /* evicted before the barrier */
    vl_volume_begin_checkpoint(one.volume);
    vl_volume_remove(one.volume, VL_SPACE_LIVE, b1, 1); /* changed and evicted after it */
    CHECK_EQ(vl_volume_sets_of(one.volume, b1), VL_SPACE_WRITING);
    while (vl_volume_try_promise(one.volume, 1))
        CHECK(vl_volume_allocate(one.volume, VL_SPACE_LIVE, 1) != b1);
    next = *vl_volume_super(one.volume);
    CHECK_OK(vl_volume_commit_checkpoint(unit_ctx(), one.volume, &next));
    CHECK_EQ(vl_volume_sets_of(one.volume, b1), VL_SPACE_DURABLE);
    CHECK_OK(case_checkpoint(&one, 0));
    CHECK_EQ(vl_volume_sets_of(one.volume, b1), 0);
    CHECK(case_is_balanced(&one, 0));
    case_end(&one);
}

/* An image written for the checkpoint only, since the live map has passed it over, is free after
 * the next one; that of an abandoned one at once. */
static void
volume_hazard_7b_images_of_one_checkpoint_only_are_freed(void)
{
    volume_case one;
    vl_superblock next;
    uint64_t c;
    uint64_t d;

    CHECK_OK(case_begin(&one, NULL));
    for (int is_abandoned = 0; is_abandoned < 2; is_abandoned++) {
        vl_volume_begin_checkpoint(one.volume);
        CHECK_OK(vl_volume_promise(unit_ctx(), one.volume, 2));
        c = vl_volume_allocate(one.volume, VL_SPACE_WRITING, 1);
        d = vl_volume_allocate(one.volume, VL_SPACE_LIVE, 1);
        next = *vl_volume_super(one.volume);
        if (is_abandoned) {
            vl_volume_abandon_checkpoint(one.volume);
            CHECK_EQ(vl_volume_sets_of(one.volume, c), 0);
        } else {
            CHECK_OK(vl_volume_commit_checkpoint(unit_ctx(), one.volume, &next));
            CHECK_EQ(vl_volume_sets_of(one.volume, c), VL_SPACE_DURABLE);
            CHECK_OK(case_checkpoint(&one, 0));
            CHECK_EQ(vl_volume_sets_of(one.volume, c), 0);
        }
        CHECK((vl_volume_sets_of(one.volume, d) & VL_SPACE_LIVE) != 0);
        CHECK(case_is_balanced(&one, 0));
    }
    case_end(&one);
}

/* What is stored with a checkpoint has neither evictions after its barrier nor what it retires;
 * and its own blocks, old and new, do not leak, however often it is stored. */
static void
volume_hazard_7c_stored_table_is_that_of_the_barrier(void)
{
    volume_case one;
    vl_superblock next;
    uint64_t kept;
    uint64_t retired;
    uint64_t later;

    CHECK_OK(case_begin(&one, NULL));
    CHECK_OK(case_take(&one, 1, &kept));
    CHECK_OK(case_take(&one, 1, &retired));
    for (uint32_t i = 0; i < 10; i++)
        CHECK_OK(case_checkpoint(&one, 0));
    vl_volume_remove(one.volume, VL_SPACE_LIVE, retired, 1);
    vl_volume_begin_checkpoint(one.volume);
    CHECK_OK(case_take(&one, 1, &later));
    vl_volume_remove(one.volume, VL_SPACE_LIVE, kept, 1);
    next = *vl_volume_super(one.volume);
    CHECK_OK(vl_volume_commit_checkpoint(unit_ctx(), one.volume, &next));
    CHECK_EQ(vl_volume_sets_of(one.volume, later), VL_SPACE_LIVE);
    CHECK_OK(case_reopen(&one));
    CHECK_OK(vl_volume_make_writable(unit_ctx(), one.volume));
    CHECK_EQ(vl_volume_sets_of(one.volume, later), 0);
    CHECK_EQ(vl_volume_sets_of(one.volume, retired), 0);
    CHECK_EQ(vl_volume_sets_of(one.volume, kept), VL_SPACE_LIVE | VL_SPACE_DURABLE);
    CHECK_EQ(case_count_in(&one, VL_SPACE_LIVE), 1 + case_stats(&one).map_count);
    for (uint32_t i = 0; i < 100; i++) { /* each changes the table, which changes it */
        CHECK_OK(case_take(&one, 1, &later));
        CHECK_OK(case_checkpoint(&one, 0));
        vl_volume_remove(one.volume, VL_SPACE_LIVE, later, 1);
        CHECK_EQ(case_count_in(&one, VL_SPACE_DURABLE), 2 + case_stats(&one).map_count);
        CHECK_EQ(case_stats(&one).map_count, 2);
        CHECK(case_is_balanced(&one, 0));
    }
    case_end(&one);
}

/* A block that was taken before the barrier for an image which is written after the checkpoint's
 * end: the checkpoint does not have it, and does not keep it from being written. */
static void
volume_hazard_7c_held_blocks_are_in_no_checkpoint(void)
{
    static uint8_t bytes[SIZE];
    vl_volume_write_item item = {.length = 1, .buf = bytes};
    volume_case one;
    uint64_t dropped;

    CHECK_OK(case_begin(&one, NULL));
    CHECK_OK(vl_volume_promise(unit_ctx(), one.volume, 2));
    item.address = vl_volume_allocate(one.volume, VL_SPACE_HELD, 1);
    dropped = vl_volume_allocate(one.volume, VL_SPACE_HELD, 1);
    CHECK(case_is_balanced(&one, 0));
    CHECK_OK(case_take(&one, 1, NULL));
    CHECK_OK(case_checkpoint(&one, VL_SUPER_CLEAN));
    CHECK_EQ(vl_volume_sets_of(one.volume, item.address), VL_SPACE_HELD);
    CHECK_OK(vl_volume_write_batch(unit_ctx(), one.volume, &item, 1));
    vl_volume_remove(one.volume, VL_SPACE_HELD, dropped, 1);
    CHECK_EQ(vl_volume_sets_of(one.volume, dropped), 0);
    vl_volume_add(one.volume, VL_SPACE_LIVE, item.address, 1);
    CHECK_EQ(vl_volume_sets_of(one.volume, item.address), VL_SPACE_LIVE);
    CHECK(case_is_balanced(&one, 0));
    CHECK_OK(case_reopen(&one));
    CHECK_OK(vl_volume_make_writable(unit_ctx(), one.volume));
    CHECK_EQ(case_count_in(&one, VL_SPACE_LIVE), 1 + case_stats(&one).map_count);
    case_end(&one);
}

/* Every checkpoint syncs twice: what the superblock names, then the superblock. */
static void
volume_hazard_13_every_checkpoint_syncs(void)
{
    volume_case one;

    CHECK_OK(case_begin(&one, NULL));
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t syncs = case_op_count(&one, 9) + case_op_count(&one, 8);

        if (i % 2 == 0)
            CHECK_OK(case_take(&one, 1, NULL));
        CHECK_OK(case_checkpoint(&one, i < 2 ? 0 : VL_SUPER_CLEAN));
        CHECK_EQ(case_op_count(&one, 9) + case_op_count(&one, 8), syncs + 2);
    }
    case_end(&one);
}

/* On a full disk what was promised can be written, checkpoints go on, and freeing makes room. */
static void
volume_hazard_14_checkpoints_succeed_on_a_full_disk(void)
{
    vl_sim_options options = {.capacity_bytes = 64 * 4096};
    static uint8_t bytes[SIZE];
    static uint64_t addresses[64 * 4096 / SIZE];
    volume_case one;
    uint32_t count = 0;
    uint32_t freed;

    CHECK_OK(case_begin(&one, &options));
    while (vl_volume_promise(unit_ctx(), one.volume, 1) == VELO_OK) {
        vl_volume_write_item item = {.length = 1, .buf = bytes};

        item.address = addresses[count++] = vl_volume_allocate(one.volume, VL_SPACE_LIVE, 1);
        CHECK_OK(vl_volume_write_batch(unit_ctx(), one.volume, &item, 1));
    }
    CHECK_EQ(unit_ctx()->error.code, VELO_FULL);
    for (uint32_t i = 0; i < 5; i++) {
        CHECK_OK(case_checkpoint(&one, 0));
        CHECK(case_is_balanced(&one, 0));
        CHECK_STATUS(vl_volume_promise(unit_ctx(), one.volume, 1), VELO_FULL);
        vl_volume_remove(one.volume, VL_SPACE_LIVE, addresses[--count], 1);
        CHECK_STATUS(vl_volume_promise(unit_ctx(), one.volume, 1), VELO_FULL); /* not yet free */
        CHECK_OK(case_checkpoint(&one, 0));
        CHECK_OK(vl_volume_promise(unit_ctx(), one.volume, 1));
        addresses[count++] = vl_volume_allocate(one.volume, VL_SPACE_LIVE, 1);
        CHECK_OK(case_reopen(&one)); /* which forgets the last one */
        CHECK_OK(vl_volume_make_writable(unit_ctx(), one.volume));
        freed = case_stats(&one).available > 0;
        CHECK_EQ(freed, 1);
        addresses[count - 1] = 0;
        CHECK_OK(vl_volume_promise(unit_ctx(), one.volume, 1));
        addresses[count - 1] = vl_volume_allocate(one.volume, VL_SPACE_LIVE, 1);
    }
    case_end(&one);
}

/* ---- memory, damage, threads ---- */

static velo_status
run_once(vl_ctx *ctx, void *argument)
{
    volume_case *one = argument;
    vl_volume_options options = {.page_size = SIZE, .may_create = 1};
    vl_volume *volume = NULL;
    vl_superblock next;
    velo_status st = vl_volume_open(ctx, one->io, PATH, &options, &volume);

    if (st == VELO_OK)
        st = vl_volume_make_writable(ctx, volume);
    if (st == VELO_OK)
        st = vl_volume_promise(ctx, volume, 3);
    if (st == VELO_OK) {
        (void)vl_volume_allocate(volume, VL_SPACE_LIVE, 1);
        vl_volume_release_promise(volume, 2);
        vl_volume_begin_checkpoint(volume);
        next = *vl_volume_super(volume);
        st = vl_volume_commit_checkpoint(ctx, volume, &next);
        if (st != VELO_OK)
            vl_volume_abandon_checkpoint(volume);
    }
    vl_volume_close(volume);
    return st;
}

static void
volume_survives_each_failed_allocation(void)
{
    volume_case one;

    CHECK_OK(case_start(&one, NULL));
    CHECK(unit_each_alloc_failure(run_once, &one) > 5);
    CHECK_OK(case_reopen(&one));
    CHECK_OK(vl_volume_make_writable(unit_ctx(), one.volume));
    case_end(&one);
}

/* A commit takes no memory. */
static void
volume_commits_without_memory(void)
{
    vl_allocator allocator;
    volume_case one;
    vl_ctx ctx;
    vl_superblock next;

    CHECK_OK(case_begin(&one, NULL));
    CHECK_OK(case_take(&one, 30, NULL));
    CHECK_OK(case_checkpoint(&one, 0)); /* the thread's queue */
    CHECK_OK(case_take(&one, 30, NULL));
    vl_allocator_init(&allocator);
    vl_allocator_fail_nth(&allocator, 1, UINT64_MAX);
    vl_ctx_init(&ctx, &allocator, NULL);
    vl_volume_begin_checkpoint(one.volume);
    next = *vl_volume_super(one.volume);
    CHECK_OK(vl_volume_commit_checkpoint(&ctx, one.volume, &next));
    CHECK_EQ(vl_counter(&allocator.failed_count), 0);
    case_end(&one);
}

/* Each byte of a small file (tiny build; else one in 37) is damaged in turn: what is read is true,
 * or an error says that it is not; and the volume that opens can be used. */
static void
volume_each_damaged_byte_is_harmless_or_reported(void)
{
    enum {
        COUNT = 3
    };
    volume_case one;
    image_set set;
    uint8_t buf[SIZE];
    uint64_t size;
    uint64_t found = 0;

    CHECK_OK(case_begin(&one, NULL));
    CHECK_OK(write_images(&one, &set, VL_SPACE_LIVE));
    for (uint32_t i = COUNT; i < IMAGE_COUNT; i++)
        vl_volume_remove(one.volume, VL_SPACE_LIVE, set.items[i].address, 1);
    CHECK_OK(case_checkpoint(&one, VL_SUPER_CLEAN));
    CHECK_OK(case_checkpoint(&one, VL_SUPER_CLEAN)); /* superblock 2 says the same */
    size = case_size(&one);
    for (uint64_t at = 0; at < size; at += VL_BY_BUILD(37, 1)) {
        velo_status st;

        CHECK_OK(vl_sim_flip_bit(unit_ctx(), one.sim, PATH, at * 8 + at % 8));
        st = case_reopen(&one);
        for (uint32_t i = 0; i < COUNT && st == VELO_OK; i++) {
            vl_extent extent = extent_of(&set.items[i]);

            if (vl_volume_read(unit_ctx(), one.volume, &extent, buf, "page", i) == VELO_OK)
                CHECK(memcmp(buf, set.items[i].buf, SIZE) == 0);
            else
                found++;
        }
        if (st == VELO_OK)
            st = vl_volume_make_writable(unit_ctx(), one.volume);
        if (st == VELO_OK) {
            for (uint32_t i = 0; i < COUNT; i++)
                CHECK((vl_volume_sets_of(one.volume, set.items[i].address) & VL_SPACE_LIVE) != 0);
        } else {
            CHECK(st == VELO_CORRUPT);
            found++;
        }
        CHECK_OK(vl_sim_flip_bit(unit_ctx(), one.sim, PATH, at * 8 + at % 8));
        CHECK(st != VELO_OK || vl_volume_super(one.volume)->checkpoint >= 2);
    }
    CHECK(found > 50);
    vl_free(set.bytes);
    case_end(&one);
}

/* Threads that promise, take, write and remove, while one makes checkpoints. */
typedef struct worker {
    volume_case *one;
    uint64_t seed;
    velo_status status;
} worker;

static void
work(void *argument)
{
    worker *w = argument;
    uint64_t held[20] = {0};
    uint8_t bytes[SIZE];
    vl_rng rng;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    vl_rng_init(&rng, w->seed);
    memset(bytes, (int)w->seed, sizeof bytes);
    for (uint32_t i = 0; i < 600 && w->status == VELO_OK; i++) {
        uint32_t at = (uint32_t)vl_rng_below(&rng, VL_ARRAY_COUNT(held));
        vl_volume_write_item item = {.length = 1, .buf = bytes};

        if (!vl_volume_try_promise(w->one->volume, 2))
            w->status = vl_volume_promise(&ctx, w->one->volume, 2);
        if (w->status != VELO_OK)
            break;
        item.address = vl_volume_allocate(w->one->volume, VL_SPACE_HELD, 1);
        vl_volume_release_promise(w->one->volume, 1);
        w->status = vl_volume_write_batch(&ctx, w->one->volume, &item, 1);
        vl_volume_add(w->one->volume, VL_SPACE_LIVE, item.address, 1);
        if (w->status == VELO_OK) {
            vl_extent extent = extent_of(&item);
            uint8_t again[SIZE];

            w->status = vl_volume_read(&ctx, w->one->volume, &extent, again, "page", i);
        }
        if (held[at] != 0)
            vl_volume_remove(w->one->volume, VL_SPACE_LIVE, held[at], 1);
        held[at] = item.address;
    }
    for (uint32_t i = 0; i < VL_ARRAY_COUNT(held); i++)
        if (held[i] != 0)
            vl_volume_remove(w->one->volume, VL_SPACE_LIVE, held[i], 1);
}

static void
volume_is_used_by_threads(void)
{
    enum {
        COUNT = 3
    };
    volume_case one;
    vl_thread threads[COUNT];
    worker workers[COUNT];

    CHECK_OK(case_begin(&one, NULL));
    for (uint32_t i = 0; i < COUNT; i++) {
        workers[i] = (worker){&one, i + 1, VELO_OK};
        CHECK_OK(vl_thread_start(unit_ctx(), &threads[i], "worker", work, &workers[i]));
    }
    for (uint32_t i = 0; i < 40; i++)
        CHECK_OK(case_checkpoint(&one, i % 5 == 4 ? VL_SUPER_CLEAN : 0));
    for (uint32_t i = 0; i < COUNT; i++)
        vl_thread_join(&threads[i]);
    for (uint32_t i = 0; i < COUNT; i++)
        CHECK_EQ(workers[i].status, VELO_OK);
    CHECK_OK(case_take(&one, 1, NULL));
    CHECK_OK(case_checkpoint(&one, 0));
    CHECK(case_is_balanced(&one, 0));
    CHECK_EQ(case_count_in(&one, VL_SPACE_LIVE), 1 + case_stats(&one).map_count);
    CHECK_EQ(case_count_in(&one, VL_SPACE_DURABLE), 1 + case_stats(&one).map_count);
    case_end(&one);
}

static const unit_test tests[] = {
    UNIT_TEST(volume_hazard_6a_superblock_read_is_made_durable_first),
    UNIT_TEST(volume_hazard_7a_blocks_of_the_checkpoint_in_writing_are_not_reused),
    UNIT_TEST(volume_hazard_7b_images_of_one_checkpoint_only_are_freed),
    UNIT_TEST(volume_hazard_7c_stored_table_is_that_of_the_barrier),
    UNIT_TEST(volume_hazard_7c_held_blocks_are_in_no_checkpoint),
    UNIT_TEST(volume_hazard_13_every_checkpoint_syncs),
    UNIT_TEST(volume_hazard_14_checkpoints_succeed_on_a_full_disk),
    UNIT_TEST(volume_survives_each_failed_allocation),
    UNIT_TEST(volume_commits_without_memory),
    UNIT_TEST(volume_each_damaged_byte_is_harmless_or_reported),
    UNIT_TEST(volume_is_used_by_threads),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
