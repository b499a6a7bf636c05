/* test_volume_space.c - promises, growing and cutting, the stored table of free space, what breaks
 * a volume, and the scenarios of block reuse. */
#include "base/atomic.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/thread.h"
#include "lib/unit.h"
#include "unit/volume_case.h"

#include <errno.h>

#define CHUNK_BLOCKS  ((uint64_t)SIZE * 8)
#define INDEX_ENTRIES ((SIZE - 64U) / 24U)

static velo_status
plan(volume_case *one, vl_sim_fault_kind kind, uint32_t ops, int os_error)
{
    vl_sim_fault fault = {.kind = kind, .ops = ops, .os_error = os_error};

    return vl_sim_plan(unit_ctx(), one->sim, &fault);
}

/* Blocks that are in a set. */
static uint64_t
count_in(volume_case *one, uint32_t set)
{
    uint64_t count = 0;

    for (uint64_t block = VL_SUPER_COUNT; block < case_stats(one).block_count; block++)
        count += (vl_volume_sets_of(one->volume, block) & set) != 0;
    return count;
}

/* Whether what is kept, available and free fit, with so many blocks promised. */
static int
is_balanced(volume_case *one, uint64_t promised)
{
    vl_volume_stats stats = case_stats(one);
    uint64_t chunks = (stats.block_count + CHUNK_BLOCKS - 1) / CHUNK_BLOCKS;
    uint64_t images = chunks + (chunks + INDEX_ENTRIES - 1) / INDEX_ENTRIES;

    return stats.kept_count == 2 * images - stats.map_count &&
           (int64_t)stats.free_count == stats.available + (int64_t)(promised + stats.kept_count);
}

/* ---- promises, growing, cutting ---- */

static void
volume_promises_are_counted(void)
{
    volume_case one;
    uint64_t addresses[3];
    int64_t before;

    CHECK_OK(case_begin(&one, NULL));
    CHECK(is_balanced(&one, 0));
    CHECK(case_stats(&one).available < 0);
    CHECK(!vl_volume_try_promise(one.volume, 1));
    CHECK(vl_volume_try_promise(one.volume, 0));
    CHECK_OK(vl_volume_promise(unit_ctx(), one.volume, 1));
    CHECK(is_balanced(&one, 1));
    before = case_stats(&one).available;
    CHECK(before > 0);
    CHECK(vl_volume_try_promise(one.volume, (uint64_t)before));
    CHECK(!vl_volume_try_promise(one.volume, 1));
    CHECK(is_balanced(&one, 1 + (uint64_t)before));
    vl_volume_release_promise(one.volume, (uint64_t)before + 1);
    CHECK_EQ(case_stats(&one).available, before + 1);
    CHECK_OK(case_take(&one, 3, addresses));
    CHECK(is_balanced(&one, 0));
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
    CHECK(is_balanced(&one, 0));
    while (count < VL_ARRAY_COUNT(addresses) && vl_volume_try_promise(one.volume, 1))
        addresses[count++] = vl_volume_allocate(one.volume, VL_SPACE_LIVE, 1);
    for (uint32_t i = 0; i < count; i += 2)
        vl_volume_remove(one.volume, VL_SPACE_LIVE, addresses[i], 1);
    CHECK_OK(vl_volume_promise(unit_ctx(), one.volume, 12)); /* more than are kept */
    CHECK_EQ(vl_volume_allocate(one.volume, VL_SPACE_LIVE, 12), 0);
    CHECK(is_balanced(&one, 12));
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
    CHECK(is_balanced(&one, 0));
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
    CHECK(is_balanced(&one, taken));
    CHECK_STATUS(vl_volume_promise(unit_ctx(), one.volume, 1), VELO_FULL);
    CHECK_STATUS(vl_volume_promise(unit_ctx(), one.volume, UINT64_C(1) << 39), VELO_FULL);
    CHECK_STATUS(vl_volume_promise(unit_ctx(), one.volume, UINT64_MAX), VELO_FULL);
    CHECK(is_balanced(&one, taken));
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
    CHECK(is_balanced(&one, 20000));
    CHECK_OK(vl_volume_promise(unit_ctx(), one.volume, 100000)); /* more than a step */
    CHECK(is_balanced(&one, 120000));
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
    CHECK(is_balanced(&one, 0));
    CHECK_OK(case_resize(&one, case_size(&one) + 5 * (uint64_t)SIZE)); /* as a crash may leave it */
    CHECK_OK(case_take(&one, 1, addresses + COUNT - 1));
    CHECK_OK(case_checkpoint(&one, VL_SUPER_CLEAN));
    stats = case_stats(&one);
    CHECK(stats.block_count < 40);
    CHECK_EQ(case_size(&one), stats.block_count * SIZE);
    CHECK(is_balanced(&one, 0));
    CHECK(vl_volume_super(one.volume)->block_count <= stats.block_count);
    CHECK_OK(case_reopen(&one));
    CHECK_OK(vl_volume_make_writable(unit_ctx(), one.volume));
    CHECK_EQ(count_in(&one, VL_SPACE_LIVE), 12 + case_stats(&one).map_count);
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
    CHECK(is_balanced(&one, 0));
    while (vl_volume_try_promise(one.volume, 1))
        CHECK(vl_volume_allocate(one.volume, VL_SPACE_LIVE, 1) > 0);
    CHECK_OK(case_checkpoint(&one, VL_SUPER_CLEAN));
    CHECK(is_balanced(&one, 0));
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
    CHECK(is_balanced(&one, 0));
    CHECK_EQ(count_in(&one, VL_SPACE_DURABLE), kept + stats.map_count);
    vl_volume_remove(one.volume, VL_SPACE_LIVE, last, 1);
    writes = case_op_count(&one, 7);
    CHECK_OK(case_checkpoint(&one, 0));
    /* The chunk of that block, those in which the old and the new images lie, the index. */
    CHECK(case_op_count(&one, 7) - writes <= 5 + (chunks + INDEX_ENTRIES) / INDEX_ENTRIES);
    CHECK_OK(case_reopen(&one));
    CHECK_OK(vl_volume_make_writable(unit_ctx(), one.volume));
    CHECK(is_balanced(&one, 0));
    CHECK_EQ(count_in(&one, VL_SPACE_LIVE), kept - 1 + case_stats(&one).map_count);
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
    CHECK_EQ(count_in(&one, VL_SPACE_LIVE), count - 31 + case_stats(&one).map_count);
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
    CHECK(is_balanced(&one, 0));
    vl_volume_remove(one.volume, VL_SPACE_LIVE, addresses[1], 1);
    CHECK_OK(vl_sim_plan(unit_ctx(), one.sim, &full));
    CHECK_STATUS(case_checkpoint(&one, 0), VELO_FULL);
    CHECK_OK(vl_volume_check_writable(unit_ctx(), one.volume));
    CHECK(is_balanced(&one, 0));
    vl_sim_plan_clear(one.sim);
    CHECK_OK(case_checkpoint(&one, 0));
    CHECK(is_balanced(&one, 0));
    CHECK_EQ(count_in(&one, VL_SPACE_DURABLE), 2 + case_stats(&one).map_count);
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
    CHECK(is_balanced(&one, 0));
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
    CHECK(is_balanced(&one, 0));
    CHECK_OK(case_checkpoint(&one, 0));
    CHECK_EQ(count_in(&one, VL_SPACE_LIVE), 40 + case_stats(&one).map_count);
    CHECK_EQ(count_in(&one, VL_SPACE_DURABLE), 40 + case_stats(&one).map_count);
    case_end(&one);
}

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
    CHECK(is_balanced(&one, 0));
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
        CHECK(is_balanced(&one, 0));
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
    CHECK_EQ(count_in(&one, VL_SPACE_LIVE), 1 + case_stats(&one).map_count);
    for (uint32_t i = 0; i < 100; i++) { /* each changes the table, which changes it */
        CHECK_OK(case_take(&one, 1, &later));
        CHECK_OK(case_checkpoint(&one, 0));
        vl_volume_remove(one.volume, VL_SPACE_LIVE, later, 1);
        CHECK_EQ(count_in(&one, VL_SPACE_DURABLE), 2 + case_stats(&one).map_count);
        CHECK_EQ(case_stats(&one).map_count, 2);
        CHECK(is_balanced(&one, 0));
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
    CHECK(is_balanced(&one, 0));
    CHECK_OK(case_take(&one, 1, NULL));
    CHECK_OK(case_checkpoint(&one, VL_SUPER_CLEAN));
    CHECK_EQ(vl_volume_sets_of(one.volume, item.address), VL_SPACE_HELD);
    CHECK_OK(vl_volume_write_batch(unit_ctx(), one.volume, &item, 1));
    vl_volume_remove(one.volume, VL_SPACE_HELD, dropped, 1);
    CHECK_EQ(vl_volume_sets_of(one.volume, dropped), 0);
    vl_volume_add(one.volume, VL_SPACE_LIVE, item.address, 1);
    CHECK_EQ(vl_volume_sets_of(one.volume, item.address), VL_SPACE_LIVE);
    CHECK(is_balanced(&one, 0));
    CHECK_OK(case_reopen(&one));
    CHECK_OK(vl_volume_make_writable(unit_ctx(), one.volume));
    CHECK_EQ(count_in(&one, VL_SPACE_LIVE), 1 + case_stats(&one).map_count);
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
        CHECK(is_balanced(&one, 0));
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

/* Each byte of a small file is damaged in turn: what is read is true, or an error says that it is
 * not; and the volume that opens can be used. */
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
    for (uint64_t at = 0; at < size; at += VL_BY_BUILD(37, 5)) {
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
    CHECK(is_balanced(&one, 0));
    CHECK_EQ(count_in(&one, VL_SPACE_LIVE), 1 + case_stats(&one).map_count);
    CHECK_EQ(count_in(&one, VL_SPACE_DURABLE), 1 + case_stats(&one).map_count);
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
