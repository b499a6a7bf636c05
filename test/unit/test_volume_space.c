/* test_volume_space.c - promises, growing and cutting, the stored table of free space, what breaks
 * a volume, and the scenarios of block reuse. */
#include "base/bytes.h"
#include "base/hash.h"
#include "lib/unit.h"
#include "unit/volume_case.h"

#include <errno.h>

static velo_status
plan(volume_case *one, vl_sim_fault_kind kind, uint32_t ops, int os_error)
{
    vl_sim_fault fault = {.kind = kind, .ops = ops, .os_error = os_error};

    return vl_sim_plan(unit_ctx(), one->sim, &fault);
}

/* ---- promises, growing, cutting ---- */

static void
volume_promises_are_counted(void)
{
    volume_case one;
    uint64_t addresses[3];
    int64_t before;

    CHECK_OK(case_begin(&one, NULL));
    CHECK(case_is_balanced(&one, 0));
    CHECK(case_stats(&one).available < 0);
    CHECK(!vl_volume_try_promise(one.volume, 1));
    CHECK(vl_volume_try_promise(one.volume, 0));
    CHECK_OK(vl_volume_promise(unit_ctx(), one.volume, 1));
    CHECK(case_is_balanced(&one, 1));
    before = case_stats(&one).available;
    CHECK(before > 0);
    CHECK(vl_volume_try_promise(one.volume, (uint64_t)before));
    CHECK(!vl_volume_try_promise(one.volume, 1));
    CHECK(case_is_balanced(&one, 1 + (uint64_t)before));
    vl_volume_release_promise(one.volume, (uint64_t)before + 1);
    CHECK_EQ(case_stats(&one).available, before + 1);
    CHECK_OK(case_take(&one, 3, addresses));
    CHECK(case_is_balanced(&one, 0));
    CHECK_EQ(case_stats(&one).available, before - 2);
    CHECK_EQ(vl_volume_sets_of(one.volume, addresses[1]), VL_SPACE_LIVE);
    vl_volume_remove(one.volume, VL_SPACE_LIVE, addresses[1], 1);
    CHECK_EQ(case_stats(&one).available, before - 1);
    CHECK_EQ(vl_volume_sets_of(one.volume, addresses[1]), 0);
    CHECK(vl_volume_sets_of(one.volume, UINT64_MAX) == 0);
    case_end(&one);
}

/* A run is found where there is one; otherwise the promise stands. */
static void
volume_runs_are_found_or_not(void)
{
    static uint64_t addresses[65536];
    volume_case one;
    uint64_t run;
    uint32_t count = 0;

    CHECK_OK(case_begin(&one, NULL));
    CHECK_OK(vl_volume_promise(unit_ctx(), one.volume, 3));
    run = vl_volume_allocate(one.volume, VL_SPACE_LIVE, 3);
    for (uint64_t i = 0; i < 3; i++)
        CHECK_EQ(vl_volume_sets_of(one.volume, run + i), VL_SPACE_LIVE);
    CHECK(case_is_balanced(&one, 0));
    while (count < VL_ARRAY_COUNT(addresses) && vl_volume_try_promise(one.volume, 1))
        addresses[count++] = vl_volume_allocate(one.volume, VL_SPACE_LIVE, 1);
    for (uint32_t i = 0; i < count; i += 2)
        vl_volume_remove(one.volume, VL_SPACE_LIVE, addresses[i], 1);
    CHECK_OK(vl_volume_promise(unit_ctx(), one.volume, 12)); /* more than are kept */
    CHECK_EQ(vl_volume_allocate(one.volume, VL_SPACE_LIVE, 12), 0);
    CHECK(case_is_balanced(&one, 12));
    case_end(&one);
}

/* All that is promised can be taken, block by block, in a file full of holes. */
static void
volume_promises_are_kept(void)
{
    enum {
        COUNT = 3000
    };
    static uint64_t addresses[COUNT];
    volume_case one;

    CHECK_OK(case_begin(&one, NULL));
    CHECK_OK(case_take(&one, COUNT, addresses));
    for (uint32_t i = 0; i < COUNT; i += 2)
        vl_volume_remove(one.volume, VL_SPACE_LIVE, addresses[i], 1);
    while (vl_volume_try_promise(one.volume, 1))
        CHECK(vl_volume_allocate(one.volume, VL_SPACE_LIVE, 1) >= VL_SUPER_COUNT);
    CHECK(case_is_balanced(&one, 0));
    CHECK_EQ(case_stats(&one).available, 0);
    case_end(&one);
}

/* A step that the medium has no room for is not taken; what was asked for is, as far as there is
 * room; and then nothing changes. */
static void
volume_grows_as_far_as_there_is_room(void)
{
    vl_sim_options options = {.capacity_bytes = 48 * 4096};
    volume_case one;
    vl_volume_stats before;
    uint32_t taken = 0;

    CHECK_OK(case_begin(&one, &options));
    while (vl_volume_promise(unit_ctx(), one.volume, 1) == VELO_OK)
        taken++;
    CHECK_EQ(unit_ctx()->error.code, VELO_FULL);
    before = case_stats(&one);
    CHECK_EQ(before.available, 0);
    CHECK(before.block_count * SIZE + 8 * (uint64_t)SIZE > options.capacity_bytes);
    CHECK(case_is_balanced(&one, taken));
    CHECK_STATUS(vl_volume_promise(unit_ctx(), one.volume, 1), VELO_FULL);
    CHECK_STATUS(vl_volume_promise(unit_ctx(), one.volume, UINT64_C(1) << 39), VELO_FULL);
    CHECK_STATUS(vl_volume_promise(unit_ctx(), one.volume, UINT64_MAX), VELO_FULL);
    CHECK(case_is_balanced(&one, taken));
    CHECK_EQ(case_stats(&one).block_count, before.block_count);
    vl_volume_release_promise(one.volume, 5);
    CHECK_OK(vl_volume_promise(unit_ctx(), one.volume, 5));
    CHECK_OK(vl_volume_check_writable(unit_ctx(), one.volume));
    case_end(&one);
}

static void
volume_grows_in_steps(void)
{
    volume_case one;
    uint64_t allocations;

    CHECK_OK(case_begin(&one, NULL));
    allocations = case_op_count(&one, 11);
    for (uint32_t i = 0; i < 20000; i++)
        CHECK_OK(vl_volume_promise(unit_ctx(), one.volume, 1));
    allocations = case_op_count(&one, 11) - allocations;
    CHECK(allocations > 1);
    CHECK(allocations < 100);
    CHECK(case_is_balanced(&one, 20000));
    CHECK_OK(vl_volume_promise(unit_ctx(), one.volume, 100000)); /* more than a step */
    CHECK(case_is_balanced(&one, 120000));
    case_end(&one);
}

/* Let the search for free blocks begin at the file's start: it goes on from where it ended. */
static void
rewind_search(volume_case *one)
{
    static uint64_t addresses[65536];
    uint64_t last = 0;
    uint32_t count = 0;

    while (count < VL_ARRAY_COUNT(addresses) && vl_volume_try_promise(one->volume, 1)) {
        uint64_t address = vl_volume_allocate(one->volume, VL_SPACE_LIVE, 1);

        addresses[count++] = address;
        if (address < last || address < 64)
            break;
        last = address;
    }
    while (count > 0)
        vl_volume_remove(one->volume, VL_SPACE_LIVE, addresses[--count], 1);
}

/* A clean checkpoint leaves no more than what is in use, promised or kept; others leave room. */
static void
volume_cuts_its_tail(void)
{
    enum {
        COUNT = 20000
    };
    static uint64_t addresses[COUNT];
    volume_case one;
    vl_volume_stats stats;

    CHECK_OK(case_begin(&one, NULL));
    CHECK_OK(case_take(&one, COUNT, addresses));
    CHECK_OK(case_checkpoint(&one, 0));
    for (uint32_t i = 10; i < COUNT; i++)
        vl_volume_remove(one.volume, VL_SPACE_LIVE, addresses[i], 1);
    CHECK_OK(case_checkpoint(&one, 0)); /* the table lies behind the old blocks yet */
    CHECK(case_stats(&one).block_count > COUNT);
    rewind_search(&one);
    CHECK_OK(case_take(&one, 1, addresses + COUNT - 1)); /* moves the table */
    CHECK_OK(case_checkpoint(&one, 0));
    stats = case_stats(&one);
    CHECK(stats.block_count < COUNT);
    CHECK(stats.available > 10);
    CHECK_EQ(case_size(&one), stats.block_count * SIZE);
    CHECK(case_is_balanced(&one, 0));
    CHECK_OK(case_resize(&one, case_size(&one) + 5 * (uint64_t)SIZE)); /* as a crash may leave it */
    CHECK_OK(case_take(&one, 1, addresses + COUNT - 1));
    CHECK_OK(case_checkpoint(&one, VL_SUPER_CLEAN));
    stats = case_stats(&one);
    CHECK(stats.block_count < 40);
    CHECK_EQ(case_size(&one), stats.block_count * SIZE);
    CHECK(case_is_balanced(&one, 0));
    CHECK(vl_volume_super(one.volume)->block_count <= stats.block_count);
    CHECK_OK(case_reopen(&one));
    CHECK_OK(vl_volume_make_writable(unit_ctx(), one.volume));
    CHECK_EQ(case_count_in(&one, VL_SPACE_LIVE), 12 + case_stats(&one).map_count);
    case_end(&one);
}

/* A tail that cannot be cut stays, and can be used. */
static void
volume_keeps_a_tail_that_cannot_be_cut(void)
{
    volume_case one;
    uint64_t count;

    CHECK_OK(case_begin(&one, NULL));
    CHECK_OK(case_take(&one, 10, NULL));
    count = case_stats(&one).block_count;
    CHECK_OK(plan(&one, VL_SIM_ERROR, VL_SIM_RESIZE, EIO));
    CHECK_OK(case_checkpoint(&one, VL_SUPER_CLEAN));
    CHECK_EQ(case_stats(&one).block_count, count);
    CHECK(case_is_balanced(&one, 0));
    while (vl_volume_try_promise(one.volume, 1))
        CHECK(vl_volume_allocate(one.volume, VL_SPACE_LIVE, 1) > 0);
    CHECK_OK(case_checkpoint(&one, VL_SUPER_CLEAN));
    CHECK(case_is_balanced(&one, 0));
    case_end(&one);
}

/* ---- the stored table ---- */

/* A table of several chunks and, in the tiny build, several index pages, is stored, read back, and
 * only what changed is written again. */
static void
volume_table_of_many_chunks_round_trips(void)
{
    uint64_t chunks = VL_BY_BUILD(3, INDEX_ENTRIES + 3);
    volume_case one;
    vl_volume_stats stats;
    uint64_t kept = 0;
    uint64_t last = 0;
    uint64_t writes;

    CHECK_OK(case_begin(&one, NULL));
    CHECK_OK(vl_volume_promise(unit_ctx(), one.volume, chunks * CHUNK_BLOCKS));
    for (uint64_t i = 0; i < chunks * CHUNK_BLOCKS; i++) {
        uint64_t block = vl_volume_allocate(one.volume, VL_SPACE_LIVE, 1);

        if (i % 3 != 0 && block / CHUNK_BLOCKS != 1) {
            vl_volume_remove(one.volume, VL_SPACE_LIVE, block, 1);
        } else {
            last = block;
            kept++;
        }
    }
    CHECK_OK(case_checkpoint(&one, 0));
    stats = case_stats(&one);
    CHECK_EQ(stats.map_count, chunks + 1 + (chunks + 1 + INDEX_ENTRIES - 1) / INDEX_ENTRIES);
    CHECK(case_is_balanced(&one, 0));
    CHECK_EQ(case_count_in(&one, VL_SPACE_DURABLE), kept + stats.map_count);
    vl_volume_remove(one.volume, VL_SPACE_LIVE, last, 1);
    writes = case_op_count(&one, 7);
    CHECK_OK(case_checkpoint(&one, 0));
    /* The chunk of that block, those in which the old and the new images lie, the index. */
    CHECK(case_op_count(&one, 7) - writes <= 5 + (chunks + INDEX_ENTRIES) / INDEX_ENTRIES);
    CHECK_OK(case_reopen(&one));
    CHECK_OK(vl_volume_make_writable(unit_ctx(), one.volume));
    CHECK(case_is_balanced(&one, 0));
    CHECK_EQ(case_count_in(&one, VL_SPACE_LIVE), kept - 1 + case_stats(&one).map_count);
    CHECK_EQ(vl_volume_sets_of(one.volume, last), 0);
    CHECK_EQ(vl_volume_sets_of(one.volume, CHUNK_BLOCKS + 7), VL_SPACE_LIVE | VL_SPACE_DURABLE);
    case_end(&one);
}

/* An image that moves to a chunk which was dealt with already changes that one too. */
static void
volume_table_settles_whatever_the_order(void)
{
    static uint64_t addresses[SIZE * 8 + 100];
    const uint32_t count = VL_ARRAY_COUNT(addresses);
    volume_case one;

    CHECK_OK(case_begin(&one, NULL));
    CHECK_OK(case_take(&one, count, addresses));
    CHECK_OK(case_checkpoint(&one, 0));
    for (uint32_t i = 0; i < 30; i++)
        vl_volume_remove(one.volume, VL_SPACE_LIVE, addresses[i], 1);
    CHECK_OK(case_checkpoint(&one, 0)); /* the first chunk has room, the table is in the second */
    rewind_search(&one);
    vl_volume_remove(one.volume, VL_SPACE_LIVE, addresses[count - 1], 1);
    CHECK_OK(case_checkpoint(&one, 0)); /* the second chunk's image goes to the first */
    CHECK(vl_volume_super(one.volume)->space_root.address < CHUNK_BLOCKS);
    CHECK_OK(case_reopen(&one));
    CHECK_OK(vl_volume_make_writable(unit_ctx(), one.volume));
    CHECK_EQ(case_count_in(&one, VL_SPACE_LIVE), count - 31 + case_stats(&one).map_count);
    CHECK_EQ(case_stats(&one).map_count, 3);
    case_end(&one);
}

/* A file that was opened with nothing to spare grows for its table, before anything is promised. */
static void
volume_table_gets_room_after_opening(void)
{
    vl_sim_fault full = {
        .kind = VL_SIM_ERROR, .ops = VL_SIM_ALLOCATE, .count = UINT64_MAX, .os_error = ENOSPC};
    volume_case one;
    uint64_t addresses[3];

    CHECK_OK(case_begin(&one, NULL));
    CHECK_OK(case_take(&one, 3, addresses));
    CHECK_OK(case_checkpoint(&one, VL_SUPER_CLEAN));
    CHECK_OK(case_reopen(&one));
    CHECK_OK(vl_volume_make_writable(unit_ctx(), one.volume));
    CHECK_EQ(case_stats(&one).free_count, 0);
    CHECK(case_stats(&one).available < 0);
    CHECK(case_is_balanced(&one, 0));
    vl_volume_remove(one.volume, VL_SPACE_LIVE, addresses[1], 1);
    CHECK_OK(vl_sim_plan(unit_ctx(), one.sim, &full));
    CHECK_STATUS(case_checkpoint(&one, 0), VELO_FULL);
    CHECK_OK(vl_volume_check_writable(unit_ctx(), one.volume));
    CHECK(case_is_balanced(&one, 0));
    vl_sim_plan_clear(one.sim);
    CHECK_OK(case_checkpoint(&one, 0));
    CHECK(case_is_balanced(&one, 0));
    CHECK_EQ(case_count_in(&one, VL_SPACE_DURABLE), 2 + case_stats(&one).map_count);
    case_end(&one);
}

/* A checkpoint in which nothing has changed takes the table of the one before. */
static void
volume_table_is_not_rewritten_for_nothing(void)
{
    volume_case one;
    vl_root root;
    uint64_t writes;

    CHECK_OK(case_begin(&one, NULL));
    CHECK_OK(case_checkpoint(&one, 0));
    CHECK_EQ(vl_volume_super(one.volume)->space_root.length, 0);
    CHECK_OK(case_take(&one, 3, NULL));
    CHECK_OK(case_checkpoint(&one, 0));
    root = vl_volume_super(one.volume)->space_root;
    CHECK_EQ(root.length, 1);
    writes = case_op_count(&one, 7);
    CHECK_OK(case_checkpoint(&one, 0));
    CHECK_EQ(vl_volume_super(one.volume)->space_root.address, root.address);
    CHECK_EQ(case_op_count(&one, 7), writes + 1); /* the superblock */
    CHECK_EQ(vl_volume_super(one.volume)->checkpoint, 4);
    CHECK(case_is_balanced(&one, 0));
    case_end(&one);
}

/* Change the stored table, with checksums that fit, and see that it is refused. */
typedef struct crafted {
    uint8_t index[SIZE];
    uint8_t chunk[SIZE];
    vl_superblock super;
} crafted;

static velo_status
craft_read(volume_case *one, crafted *craft)
{
    vl_extent extent = {0};

    craft->super = *vl_volume_super(one->volume);
    extent.address = craft->super.space_root.address;
    extent.length = 1;
    extent.checksum = craft->super.space_root.checksum;
    VL_TRY(vl_volume_read(unit_ctx(), one->volume, &extent, craft->index, "index", 0));
    extent.address = vl_load_le64(craft->index + 64);
    extent.checksum = vl_load_le64(craft->index + 72);
    return vl_volume_read(unit_ctx(), one->volume, &extent, craft->chunk, "chunk", 0);
}

/* Write it back. What is sealed gets a checksum that fits; `recounts`: the count too. */
static velo_status
craft_write(volume_case *one, crafted *craft, int recounts)
{
    uint64_t chunk_at = vl_load_le64(craft->index + 64);
    uint32_t used = 0;

    for (uint32_t i = 0; i < SIZE; i++)
        used += (uint32_t)__builtin_popcount(craft->chunk[i]);
    if (recounts)
        vl_store_le32(craft->index + 80, used);
    if (chunk_at != 0)
        vl_store_le64(craft->index + 72, vl_hash64(craft->chunk, SIZE, chunk_at));
    craft->super.space_root.checksum =
        vl_hash64(craft->index, SIZE, craft->super.space_root.address);
    if (chunk_at != 0)
        VL_TRY(case_patch(one, chunk_at * SIZE, craft->chunk, SIZE));
    VL_TRY(case_patch(one, craft->super.space_root.address * SIZE, craft->index, SIZE));
    craft->super.checkpoint += 2;
    return put_super(one, &craft->super, (craft->super.checkpoint + 1) % 2,
                     (craft->super.checkpoint + 1) % 2 * SIZE);
}

static void
craft_bit(crafted *craft, uint64_t block, int is_used)
{
    uint8_t bit = (uint8_t)(1U << (block % 8));

    craft->chunk[block / 8] =
        (uint8_t)(is_used ? craft->chunk[block / 8] | bit : craft->chunk[block / 8] & ~bit);
}

/* A byte of the index page that is changed, and what the message says then. */
static const struct {
    uint32_t at;
    const char *words;
} craft_bytes[] = {
    {0, "index page is not"}, {8, "index page is not"}, {16, "index page is not"},
    {20, "bad header"},       {24, "bad header"},       {32, "bad header"},
    {40, "bad header"},       {63, "bad header"},       {80, "count of used"},
    {84, "bad entry"},        {88, "bad header"},       {SIZE - 1, "bad header"},
};

/* Change the table's bits or the roots in one of some ways. */
static const char *
craft_way(crafted *craft, uint32_t way)
{
    uint64_t own = craft->super.space_root.address;

    switch (way) {
    case 0:
        craft_bit(craft, own, 0);
        return "own blocks";
    case 1:
        craft_bit(craft, vl_load_le64(craft->index + 64), 0);
        return "own blocks";
    case 2:
        craft_bit(craft, 1, 0);
        return "superblocks are free";
    case 3:
        craft_bit(craft, craft->super.block_count, 1);
        return "beyond the file";
    case 4:
        craft_bit(craft, CHUNK_BLOCKS - 1, 1);
        return "beyond the file";
    case 5:
        craft->super.map_root.address = own;
        return "root's blocks";
    case 6:
        craft->super.inflight_root = craft->super.map_root;
        return "root's blocks";
    case 7:
        craft_bit(craft, craft->super.map_root.address, 0);
        return "root's blocks";
    case 8:
        craft->super.space_root.height = 2;
        return "its root";
    case 9:
        craft->super.space_root.length = 2;
        craft->super.block_count++; /* so that it is in the file */
        return "its root";
    case 10:
        vl_store_le64(craft->index + 64, 0);
        return "bad entry";
    default:
        return NULL; /* nothing is wrong: crafted, but true */
    }
}

/* A file whose table has been changed. */
static void
craft_begin(volume_case *one, crafted *craft)
{
    vl_superblock next;
    uint64_t root;

    CHECK_OK(case_begin(one, NULL));
    CHECK_OK(case_take(one, 3, NULL));
    CHECK_OK(case_take(one, 1, &root));
    vl_volume_begin_checkpoint(one->volume);
    next = *vl_volume_super(one->volume);
    next.map_root = (vl_root){root, 1, 0, 0};
    CHECK_OK(vl_volume_commit_checkpoint(unit_ctx(), one->volume, &next));
    CHECK_OK(craft_read(one, craft));
}

static void
volume_crafted_tables_are_refused(void)
{
    const char *words = "";

    for (uint32_t way = 0; words != NULL && !unit_has_failed(); way++) {
        int is_byte = way < VL_ARRAY_COUNT(craft_bytes);
        volume_case one;
        crafted craft;

        craft_begin(&one, &craft);
        if (is_byte) {
            craft.index[craft_bytes[way].at] ^= 1;
            words = craft_bytes[way].words;
        } else {
            words = craft_way(&craft, way - (uint32_t)VL_ARRAY_COUNT(craft_bytes));
        }
        CHECK_OK(craft_write(&one, &craft, !is_byte));
        CHECK_OK(case_reopen(&one));
        for (uint32_t i = 0; i < 2 && words != NULL; i++) { /* and again: nothing is half done */
            CHECK_STATUS(vl_volume_make_writable(unit_ctx(), one.volume), VELO_CORRUPT);
            CHECK_CONTAINS(unit_ctx()->error.text, words);
        }
        CHECK_OK(vl_volume_check_writable(unit_ctx(), one.volume));
        if (words == NULL)
            CHECK_OK(vl_volume_make_writable(unit_ctx(), one.volume));
        case_end(&one);
    }
}

/* A superblock may count more blocks than are in use: the file is not cut below that. */
static void
volume_is_not_cut_below_its_superblock(void)
{
    volume_case one;
    crafted craft = {0};

    craft_begin(&one, &craft);
    craft.super.block_count += 2;
    CHECK_OK(craft_write(&one, &craft, 0));
    CHECK_OK(case_reopen(&one));
    CHECK_OK(vl_volume_make_writable(unit_ctx(), one.volume));
    CHECK_OK(case_checkpoint(&one, VL_SUPER_CLEAN));
    CHECK_EQ(vl_volume_super(one.volume)->block_count, craft.super.block_count);
    CHECK_OK(case_reopen(&one));
    CHECK_EQ(vl_volume_super(one.volume)->flags, VL_SUPER_CLEAN);
    case_end(&one);
}

/* ---- what breaks a volume ---- */

static void
volume_broken_says_why(void)
{
    static const uint32_t ops[] = {VL_SIM_SYNC, VL_SIM_WRITE_DURABLE};

    for (size_t i = 0; i < 3; i++) {
        vl_sim_fault fault = {.kind = VL_SIM_ERROR, .ops = ops[0], .nth = i == 1 ? 2 : 1};
        volume_case one;
        image_set set;
        uint64_t hash;
        velo_status st;

        if (i == 2) { /* the superblock's write itself */
            fault.ops = VL_SIM_WRITE;
            fault.nth = 3;
        }
        CHECK_OK(case_begin(&one, NULL));
        CHECK_OK(write_images(&one, &set, VL_SPACE_LIVE));
        fault.os_error = EIO;
        CHECK_OK(vl_sim_plan(unit_ctx(), one.sim, &fault));
        st = case_checkpoint(&one, 0);
        CHECK_EQ(vl_status_primary(st), VELO_IOERR);
        hash = vl_sim_hash(one.sim);
        CHECK_STATUS(vl_volume_check_writable(unit_ctx(), one.volume), st);
        CHECK_CONTAINS(unit_ctx()->error.text, "Input/output error");
        CHECK_CONTAINS(unit_ctx()->error.text, PATH);
        CHECK_EQ(unit_ctx()->error.os_error, EIO);
        CHECK_STATUS(vl_volume_write_batch(unit_ctx(), one.volume, set.items, 1), st);
        CHECK_STATUS(vl_volume_promise(unit_ctx(), one.volume, 1), st);
        CHECK_STATUS(vl_volume_make_writable(unit_ctx(), one.volume), st);
        CHECK_STATUS(case_checkpoint(&one, 0), st);
        CHECK(vl_sim_hash(one.sim) == hash);
        CHECK_EQ(vl_volume_super(one.volume)->checkpoint, 1);
        vl_free(set.bytes);
        case_end(&one);
    }
}

/* An error before the sync leaves all as it was: abandon, and go on. */
static void
volume_failed_table_write_is_no_harm(void)
{
    volume_case one;
    vl_volume_stats before;
    vl_volume_stats after;

    CHECK_OK(case_begin(&one, NULL));
    CHECK_OK(case_take(&one, 20, NULL));
    CHECK_OK(case_checkpoint(&one, 0));
    CHECK_OK(case_take(&one, 20, NULL));
    before = case_stats(&one);
    CHECK_OK(plan(&one, VL_SIM_ERROR, VL_SIM_WRITE, ENOSPC));
    CHECK_STATUS(case_checkpoint(&one, 0), VELO_FULL);
    CHECK_OK(vl_volume_check_writable(unit_ctx(), one.volume));
    after = case_stats(&one);
    CHECK(memcmp(&before, &after, sizeof before) == 0);
    CHECK(case_is_balanced(&one, 0));
    CHECK_OK(case_checkpoint(&one, 0));
    CHECK_EQ(case_count_in(&one, VL_SPACE_LIVE), 40 + case_stats(&one).map_count);
    CHECK_EQ(case_count_in(&one, VL_SPACE_DURABLE), 40 + case_stats(&one).map_count);
    case_end(&one);
}

static const unit_test tests[] = {
    UNIT_TEST(volume_promises_are_counted),
    UNIT_TEST(volume_runs_are_found_or_not),
    UNIT_TEST(volume_promises_are_kept),
    UNIT_TEST(volume_grows_as_far_as_there_is_room),
    UNIT_TEST(volume_grows_in_steps),
    UNIT_TEST(volume_cuts_its_tail),
    UNIT_TEST(volume_keeps_a_tail_that_cannot_be_cut),
    UNIT_TEST(volume_table_of_many_chunks_round_trips),
    UNIT_TEST(volume_table_settles_whatever_the_order),
    UNIT_TEST(volume_table_gets_room_after_opening),
    UNIT_TEST(volume_table_is_not_rewritten_for_nothing),
    UNIT_TEST(volume_crafted_tables_are_refused),
    UNIT_TEST(volume_is_not_cut_below_its_superblock),
    UNIT_TEST(volume_broken_says_why),
    UNIT_TEST(volume_failed_table_write_is_no_harm),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
