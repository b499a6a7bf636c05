/* test_volume.c - the database file: opening and what is refused, images, space, and the table of
 * free space. Power cuts are in test_volume_power.c. */
#include "base/hash.h"
#include "lib/unit.h"
#include "unit/volume_case.h"

#include <errno.h>
#include <stdio.h>

/* ---- opening ---- */

static void
volume_is_created_whole(void)
{
    static const uint8_t zeros[16] = {0};
    vl_volume_options options = {.may_create = 1};
    vl_sim_outcome none = {.keep = VL_SIM_KEEP_NONE};
    volume_case one;
    const vl_superblock *super;

    CHECK_OK(case_start(&one, NULL));
    CHECK_OK(vl_volume_open(unit_ctx(), one.io, PATH, &options, &one.volume));
    CHECK_TEXT(vl_volume_path(one.volume), PATH);
    vl_volume_close(one.volume);
    one.volume = NULL;
    CHECK_OK(vl_sim_cut_power(unit_ctx(), one.sim, &none));
    vl_io_close(one.io);
    CHECK_OK(vl_sim_open_io(unit_ctx(), one.sim, &one.io));
    options.may_create = 0;
    CHECK_OK(vl_volume_open(unit_ctx(), one.io, PATH, &options, &one.volume));
    super = vl_volume_super(one.volume);
    CHECK_EQ(super->checkpoint, 1);
    CHECK_EQ(super->page_size, VL_PAGE_DEFAULT_SIZE);
    CHECK_EQ(super->block_size, VL_PAGE_DEFAULT_SIZE);
    CHECK_EQ(super->flags, VL_SUPER_CLEAN);
    CHECK_EQ(super->block_count, 2);
    CHECK_EQ(super->map_root.length + super->space_root.length + super->inflight_root.length, 0);
    CHECK(memcmp(super->database_id, zeros, 16) != 0);
    CHECK_EQ(case_size(&one), 2 * VL_PAGE_DEFAULT_SIZE);
    case_end(&one);
}

/* One read of the file finds all that opening needs. */
static void
volume_opens_with_one_read(void)
{
    volume_case one;
    uint64_t reads;

    CHECK_OK(case_begin(&one, NULL));
    CHECK_OK(case_take(&one, 300, NULL)); /* the file is larger than what is read */
    CHECK_OK(case_checkpoint(&one, 0));
    reads = case_op_count(&one, 1);
    CHECK_OK(case_reopen(&one));
    CHECK_EQ(case_op_count(&one, 1), reads + 1);
    CHECK_OK(vl_volume_make_writable(unit_ctx(), one.volume));
    CHECK_OK(vl_volume_make_writable(unit_ctx(), one.volume));
    CHECK_EQ(case_op_count(&one, 1), reads + 3); /* an index page and a chunk */
    case_end(&one);
}

static void
check_refused(volume_case *one, const vl_volume_options *options, velo_status wanted,
              const char *words)
{
    vl_volume *volume = NULL;
    velo_status st = vl_volume_open(unit_ctx(), one->io, PATH, options, &volume);

    CHECK(volume == NULL);
    CHECK_EQ(st, wanted);
    CHECK_CONTAINS(unit_ctx()->error.text, words);
}

static void
volume_refuses_what_is_none(void)
{
    static const char sqlite[16] = "SQLite format 3";
    vl_volume_options options = {.page_size = SIZE};
    volume_case one;

    CHECK_OK(case_start(&one, NULL));
    check_refused(&one, &options, VELO_CANTOPEN, PATH); /* absent */
    options.is_read_only = 1;
    options.may_create = 1;
    check_refused(&one, &options, VELO_CANTOPEN, PATH);
    CHECK_OK(case_resize(&one, 0));
    check_refused(&one, &options, VELO_NOTADB, "too short");
    CHECK_OK(case_resize(&one, 3 * (uint64_t)SIZE));
    check_refused(&one, &options, VELO_NOTADB, "not a VelociDB database");
    options.is_read_only = 0;
    options.page_size = SIZE + 1;
    check_refused(&one, &options, VELO_RANGE, "bytes");
    options.page_size = SIZE;
    CHECK_OK(case_patch(&one, 0, sqlite, sizeof sqlite));
    check_refused(&one, &options, VELO_NOTADB, "SQLite");
    CHECK_OK(case_patch(&one, 0, "x", 1));
    check_refused(&one, &options, VELO_NOTADB, PATH);
    CHECK_OK(case_resize(&one, 0));
    CHECK_OK(case_resize(&one, 1 << 20)); /* zeros, but larger than a creation leaves */
    check_refused(&one, &options, VELO_NOTADB, PATH);
    CHECK_OK(case_resize(&one, 1000));
    CHECK_OK(case_reopen(&one)); /* zeros: what a power cut leaves */
    CHECK_EQ(vl_volume_super(one.volume)->checkpoint, 1);
    case_end(&one);
}

static void
volume_refuses_what_it_cannot_read(void)
{
    volume_case one;
    vl_superblock super;
    vl_superblock changed;

    CHECK_OK(case_begin(&one, NULL));
    super = *vl_volume_super(one.volume);
    vl_volume_close(one.volume);
    one.volume = NULL;
    changed = super;
    changed.format = VL_FORMAT_VERSION + 1;
    changed.oldest_reader = VL_FORMAT_VERSION + 1;
    CHECK_OK(put_super(&one, &changed, 0, 0));
    check_refused(&one, &create_small, VELO_CANTOPEN, "newer version");
    changed = super;
    changed.page_size *= 2;
    CHECK_OK(put_super(&one, &changed, 0, 0));
    check_refused(&one, &create_small, VELO_CANTOPEN, "blocks of");
    changed = super;
    changed.block_count = 3;
    CHECK_OK(put_super(&one, &changed, 0, 0));
    check_refused(&one, &create_small, VELO_CORRUPT, "cut off");
    changed.block_count = VL_VOLUME_MAX_BLOCKS + 1;
    CHECK_OK(put_super(&one, &changed, 0, 0));
    check_refused(&one, &create_small, VELO_CORRUPT, "block count");
    CHECK_OK(put_super(&one, &super, 0, 0));
    CHECK_OK(case_reopen(&one));
    CHECK_OK(vl_volume_make_writable(unit_ctx(), one.volume));
    CHECK_OK(case_take(&one, 100, NULL));
    CHECK_OK(case_checkpoint(&one, 0));
    vl_volume_close(one.volume);
    one.volume = NULL;
    CHECK_OK(case_resize(&one, 50 * (uint64_t)SIZE));
    check_refused(&one, &create_small, VELO_CORRUPT, "cut off");
    case_end(&one);
}

/* With either superblock damaged the other one is found, whatever the page size. */
static void
volume_opens_with_one_superblock(void)
{
    static const char damage[8] = "damaged";

    for (uint32_t size = VL_PAGE_MIN_SIZE; size <= VL_PAGE_MAX_SIZE; size *= 2) {
        vl_volume_options options = {.page_size = size, .may_create = 1};
        volume_case one;

        CHECK_OK(case_start(&one, NULL));
        CHECK_OK(vl_volume_open(unit_ctx(), one.io, PATH, &options, &one.volume));
        CHECK_OK(vl_volume_make_writable(unit_ctx(), one.volume));
        CHECK_OK(case_checkpoint(&one, 0)); /* 2, in block 1 */
        vl_volume_close(one.volume);
        CHECK_OK(case_patch(&one, 8, damage, sizeof damage));
        CHECK_OK(vl_volume_open(unit_ctx(), one.io, PATH, &create_small, &one.volume));
        CHECK_EQ(vl_volume_super(one.volume)->checkpoint, 2);
        CHECK_EQ(vl_volume_super(one.volume)->block_size, size);
        CHECK_OK(vl_volume_make_writable(unit_ctx(), one.volume));
        CHECK_OK(case_checkpoint(&one, 0)); /* 3, in block 0 */
        vl_volume_close(one.volume);
        CHECK_OK(case_patch(&one, size + 100, damage, sizeof damage));
        CHECK_OK(vl_volume_open(unit_ctx(), one.io, PATH, &create_small, &one.volume));
        CHECK_EQ(vl_volume_super(one.volume)->checkpoint, 3);
        vl_volume_close(one.volume);
        CHECK_OK(case_patch(&one, 100, damage, sizeof damage));
        one.volume = NULL;
        check_refused(&one, &create_small, VELO_CORRUPT, "superblock 0 has a bad checksum");
        case_end(&one);
    }
}

/* A superblock in another place than its block size says is none. */
static void
volume_ignores_a_superblock_elsewhere(void)
{
    volume_case one;
    vl_superblock super;

    CHECK_OK(case_begin(&one, NULL));
    super = *vl_volume_super(one.volume);
    CHECK_OK(put_super(&one, &super, 1, 2 * (uint64_t)SIZE));
    CHECK_OK(case_patch(&one, 0, "x", 1));
    vl_volume_close(one.volume);
    one.volume = NULL;
    check_refused(&one, &create_small, VELO_NOTADB, PATH);
    CHECK_OK(put_super(&one, &super, 1, SIZE));
    CHECK_OK(case_reopen(&one));
    super.page_size *= 2;
    super.block_size *= 2;
    super.checkpoint = 7;
    CHECK_OK(put_super(&one, &super, 0, 0));
    super.block_size = SIZE;
    super.page_size = SIZE;
    CHECK_OK(put_super(&one, &super, 1, 2 * (uint64_t)SIZE));
    vl_volume_close(one.volume);
    one.volume = NULL;
    check_refused(&one, &create_small, VELO_CORRUPT, "disagree");
    case_end(&one);
}

static void
volume_opened_for_reading_is_not_written(void)
{
    vl_volume_options options = {.is_read_only = 1};
    volume_case one;
    uint64_t hash;

    CHECK_OK(case_begin(&one, NULL));
    CHECK_OK(case_take(&one, 5, NULL));
    CHECK_OK(case_checkpoint(&one, 0));
    vl_volume_close(one.volume);
    hash = vl_sim_hash(one.sim);
    CHECK_OK(vl_volume_open(unit_ctx(), one.io, PATH, &options, &one.volume));
    CHECK_STATUS(vl_volume_make_writable(unit_ctx(), one.volume), VELO_READONLY);
    CHECK_STATUS(vl_volume_check_writable(unit_ctx(), one.volume), VELO_READONLY);
    CHECK_CONTAINS(unit_ctx()->error.text, "reading only");
    CHECK(vl_sim_hash(one.sim) == hash);
    case_end(&one);
}

/* Of two processes that create the same file, one gives up before it can do harm. */
static void
volume_is_created_by_one_process(void)
{
    volume_case one;
    vl_file *other;
    vl_io *io;

    CHECK_OK(case_start(&one, NULL));
    CHECK_OK(vl_sim_open_io(unit_ctx(), one.sim, &io));
    CHECK_OK(vl_file_open(unit_ctx(), io, PATH, VL_OPEN_WRITE | VL_OPEN_CREATE, &other));
    CHECK_OK(vl_file_lock(unit_ctx(), other, VL_LOCK_EXCLUSIVE, VL_VOLUME_CREATE_LOCK_AT, 1));
    check_refused(&one, &create_small, VELO_BUSY, "being created");
    vl_file_close(other);
    CHECK_OK(case_reopen(&one));
    CHECK_OK(vl_file_open(unit_ctx(), io, PATH, VL_OPEN_WRITE, &other));
    CHECK_OK(vl_file_lock(unit_ctx(), other, VL_LOCK_EXCLUSIVE, VL_VOLUME_CREATE_LOCK_AT, 1));
    vl_file_close(other);
    vl_io_close(io);
    case_end(&one);
}

/* Whoever created the file was killed before its name was durable. */
static void
volume_makes_a_found_name_durable(void)
{
    vl_sim_fault fault = {.kind = VL_SIM_KILL_BEFORE, .ops = VL_SIM_SYNC_FOLDER};
    vl_sim_outcome none = {.keep = VL_SIM_KEEP_NONE};
    vl_volume_options options = {.page_size = SIZE};
    volume_case one;

    CHECK_OK(case_start(&one, NULL));
    CHECK_OK(vl_sim_plan(unit_ctx(), one.sim, &fault));
    CHECK(vl_volume_open(unit_ctx(), one.io, PATH, &create_small, &one.volume) != VELO_OK);
    vl_io_close(one.io);
    CHECK_OK(vl_sim_open_io(unit_ctx(), one.sim, &one.io));
    CHECK_OK(vl_volume_open(unit_ctx(), one.io, PATH, &options, &one.volume));
    CHECK_OK(vl_volume_make_writable(unit_ctx(), one.volume));
    CHECK_OK(case_checkpoint(&one, 0));
    vl_volume_close(one.volume);
    one.volume = NULL;
    CHECK_OK(vl_sim_cut_power(unit_ctx(), one.sim, &none));
    vl_io_close(one.io);
    CHECK_OK(vl_sim_open_io(unit_ctx(), one.sim, &one.io));
    CHECK_OK(vl_volume_open(unit_ctx(), one.io, PATH, &options, &one.volume));
    CHECK_EQ(vl_volume_super(one.volume)->checkpoint, 2);
    case_end(&one);
}

/* A copy that has a hole for the second superblock, on a full disk, is not taken for writing, where
 * it would fail for good in the midst of a checkpoint. */
static void
volume_superblocks_have_their_space(void)
{
    vl_sim_options machine = {.capacity_bytes = 20 * 4096};
    vl_volume_options options = {.page_size = 4096, .may_create = 1};
    volume_case one;
    vl_file *other;
    uint64_t size = 4096;
    int released = 0;

    CHECK_OK(case_start(&one, &machine));
    CHECK_OK(vl_volume_open(unit_ctx(), one.io, PATH, &options, &one.volume));
    CHECK_OK(vl_file_punch(unit_ctx(), vl_volume_file(one.volume), 4096, 4096, &released));
    CHECK_EQ(released, 1);
    CHECK_OK(vl_file_sync(unit_ctx(), vl_volume_file(one.volume)));
    CHECK_OK(vl_file_open(unit_ctx(), one.io, "/other", VL_OPEN_WRITE | VL_OPEN_CREATE, &other));
    while (vl_file_allocate(unit_ctx(), other, 0, size) == VELO_OK)
        size += 4096;
    CHECK_STATUS(vl_volume_make_writable(unit_ctx(), one.volume), VELO_FULL);
    CHECK_OK(vl_volume_check_writable(unit_ctx(), one.volume));
    CHECK_OK(vl_file_resize(unit_ctx(), other, 0));
    CHECK_OK(vl_volume_make_writable(unit_ctx(), one.volume));
    CHECK_OK(case_checkpoint(&one, 0));
    vl_file_close(other);
    case_end(&one);
}

/* ---- images ---- */

static void
volume_neighbours_are_one_transfer(void)
{
    volume_case one;
    image_set set;
    uint64_t writes;
    vl_volume_write_item swapped[2];

    CHECK_OK(case_begin(&one, NULL));
    CHECK_OK(vl_volume_promise(unit_ctx(), one.volume, 1000)); /* nothing grows below */
    vl_volume_release_promise(one.volume, 1000);
    writes = case_writes(&one);
    CHECK_OK(write_images(&one, &set, VL_SPACE_LIVE));
    CHECK_EQ(case_writes(&one), writes + 1);
    for (uint32_t i = 1; i < 40; i++)
        CHECK_EQ(set.items[i].address, set.items[0].address + i);
    swapped[0] = set.items[3];
    swapped[1] = set.items[2];
    CHECK_OK(vl_volume_write_batch(unit_ctx(), one.volume, swapped, 2));
    CHECK_EQ(case_writes(&one), writes + 3); /* neighbours, but not in this order */
    swapped[0] = set.items[2];
    swapped[1] = set.items[3];
    swapped[1].buf = set.items[5].buf;
    CHECK_OK(vl_volume_write_batch(unit_ctx(), one.volume, swapped, 2));
    CHECK_EQ(case_writes(&one), writes + 5); /* of which the bytes are not neighbours */
    CHECK_EQ(swapped[1].checksum, vl_hash64(set.items[5].buf, SIZE, set.items[3].address));
    vl_free(set.bytes);
    case_end(&one);
}

/* No transfer has more than 1 MiB. */
static void
volume_transfers_have_a_limit(void)
{
    enum {
        COUNT = 20
    };
    vl_volume_options options = {.page_size = VL_PAGE_MAX_SIZE, .may_create = 1};
    vl_volume_write_item items[COUNT];
    volume_case one;
    uint64_t writes;
    uint8_t *bytes = vl_alloc_zero(unit_ctx(), (size_t)COUNT * VL_PAGE_MAX_SIZE);

    CHECK(bytes != NULL);
    CHECK_OK(case_start(&one, NULL));
    CHECK_OK(vl_volume_open(unit_ctx(), one.io, PATH, &options, &one.volume));
    CHECK_OK(vl_volume_make_writable(unit_ctx(), one.volume));
    CHECK_OK(vl_volume_promise(unit_ctx(), one.volume, COUNT));
    for (uint32_t i = 0; i < COUNT; i++)
        items[i] = (vl_volume_write_item){
            .address = vl_volume_allocate(one.volume, VL_SPACE_LIVE, 1),
            .length = 1,
            .buf = bytes + (size_t)i * VL_PAGE_MAX_SIZE,
        };
    writes = case_writes(&one);
    CHECK_OK(vl_volume_write_batch(unit_ctx(), one.volume, items, COUNT));
    CHECK_EQ(case_writes(&one), writes + 2);
    vl_free(bytes);
    case_end(&one);
}

/* More transfers than are under way at a time. */
static void
volume_large_batches_are_whole(void)
{
    enum {
        COUNT = 300
    };
    static vl_volume_write_item items[COUNT];
    static vl_volume_read_item reads[COUNT];
    uint64_t addresses[2 * COUNT];
    volume_case one;
    uint8_t *bytes;
    uint8_t *again;

    CHECK_OK(case_begin(&one, NULL));
    CHECK_OK(case_take(&one, 2 * COUNT, addresses));
    bytes = vl_alloc(unit_ctx(), (size_t)COUNT * SIZE);
    again = vl_alloc_zero(unit_ctx(), (size_t)COUNT * SIZE);
    CHECK(bytes != NULL && again != NULL);
    for (uint32_t i = 0; i < COUNT; i++) {
        memset(bytes + (size_t)i * SIZE, (int)(i % 255), SIZE);
        items[i] = (vl_volume_write_item){addresses[2 * i], 1, bytes + (size_t)i * SIZE, 0};
    }
    CHECK_OK(vl_volume_write_batch(unit_ctx(), one.volume, items, COUNT));
    for (uint32_t i = 0; i < COUNT; i++)
        reads[i] = (vl_volume_read_item){extent_of(&items[i]), again + (size_t)i * SIZE, "page", i,
                                         VELO_ERROR};
    CHECK_OK(vl_volume_read_batch(unit_ctx(), one.volume, reads, COUNT));
    for (uint32_t i = 0; i < COUNT; i++)
        CHECK_EQ(reads[i].status, VELO_OK);
    CHECK(memcmp(bytes, again, (size_t)COUNT * SIZE) == 0);
    vl_free(bytes);
    vl_free(again);
    case_end(&one);
}

static void
volume_damage_is_found_and_named(void)
{
    volume_case one;
    image_set set;
    vl_extent extent;
    uint8_t buf[SIZE];
    char words[80];

    CHECK_OK(case_begin(&one, NULL));
    CHECK_OK(write_images(&one, &set, VL_SPACE_LIVE));
    extent = extent_of(&set.items[7]);
    CHECK_OK(vl_volume_read(unit_ctx(), one.volume, &extent, buf, "page", 17));
    CHECK(memcmp(buf, set.items[7].buf, SIZE) == 0);
    CHECK_OK(vl_sim_flip_bit(unit_ctx(), one.sim, PATH, (extent.address * SIZE + 5) * 8));
    CHECK_STATUS(vl_volume_read(unit_ctx(), one.volume, &extent, buf, "page", 17), VELO_CORRUPT);
    (void)snprintf(words, sizeof words, "\"%s\": page 17: block %u is damaged: checksum ", PATH,
                   (unsigned)extent.address);
    CHECK_CONTAINS(unit_ctx()->error.text, words);
    (void)snprintf(words, sizeof words, ", not %016llx", (unsigned long long)extent.checksum);
    CHECK_CONTAINS(unit_ctx()->error.text, words);
    /* The same bytes in another place hash to something else. */
    extent = extent_of(&set.items[8]);
    extent.address++;
    memcpy(buf, set.items[8].buf, SIZE);
    CHECK_OK(case_patch(&one, extent.address * SIZE, buf, SIZE));
    CHECK_STATUS(vl_volume_read(unit_ctx(), one.volume, &extent, buf, "page", 18), VELO_CORRUPT);
    vl_free(set.bytes);
    case_end(&one);
}

static void
volume_extents_from_anywhere_are_checked(void)
{
    static const struct {
        uint64_t address;
        uint32_t length;
    } wrong[] = {{0, 1},
                 {1, 1},
                 {5, 0},
                 {UINT64_MAX, 1},
                 {UINT64_MAX, UINT32_MAX},
                 {2, UINT32_MAX},
                 {UINT64_C(1) << 60, 1}};
    volume_case one;
    uint8_t buf[SIZE];
    vl_extent extent = {0};

    CHECK_OK(case_begin(&one, NULL));
    CHECK_OK(case_take(&one, 1, NULL));
    for (size_t i = 0; i < VL_ARRAY_COUNT(wrong); i++) {
        extent.address = wrong[i].address;
        extent.length = wrong[i].length;
        CHECK_STATUS(vl_volume_read(unit_ctx(), one.volume, &extent, buf, "page", 4), VELO_CORRUPT);
        CHECK_CONTAINS(unit_ctx()->error.text, "page 4 cannot lie in");
    }
    extent.address = case_stats(&one).block_count;
    extent.length = 1;
    CHECK_STATUS(vl_volume_read(unit_ctx(), one.volume, &extent, buf, "page", 4), VELO_CORRUPT);
    case_end(&one);
}

static void
volume_read_batch_tells_each(void)
{
    vl_volume_read_item items[4];
    vl_sim_fault fault = {.kind = VL_SIM_ERROR, .ops = VL_SIM_READ, .os_error = EIO};
    volume_case one;
    image_set set;
    uint8_t *buf = vl_alloc(unit_ctx(), 4 * (size_t)SIZE);

    CHECK(buf != NULL);
    CHECK_OK(case_begin(&one, NULL));
    CHECK_OK(write_images(&one, &set, VL_SPACE_LIVE));
    for (uint32_t i = 0; i < 4; i++)
        items[i] = (vl_volume_read_item){extent_of(&set.items[i]), buf + (size_t)i * SIZE, "page",
                                         i, VELO_ERROR};
    items[1].extent.address = 1;
    items[2].extent.checksum++;
    CHECK_STATUS(vl_volume_read_batch(unit_ctx(), one.volume, items, 4), VELO_CORRUPT);
    CHECK_CONTAINS(unit_ctx()->error.text, "page 1 ");
    CHECK_EQ(items[0].status, VELO_OK);
    CHECK_EQ(items[1].status, VELO_CORRUPT);
    CHECK_EQ(items[2].status, VELO_CORRUPT);
    CHECK_EQ(items[3].status, VELO_OK);
    CHECK(memcmp(buf, set.items[0].buf, SIZE) == 0);
    CHECK_OK(vl_sim_plan(unit_ctx(), one.sim, &fault));
    CHECK_STATUS(vl_volume_read_batch(unit_ctx(), one.volume, items, 1), VELO_IOERR_READ);
    CHECK_CONTAINS(unit_ctx()->error.text, "page 0: block ");
    CHECK_OK(vl_sim_plan(unit_ctx(), one.sim, &fault));
    CHECK_STATUS(vl_volume_read(unit_ctx(), one.volume, &items[0].extent, buf, "page", 0),
                 VELO_IOERR_READ);
    CHECK_CONTAINS(unit_ctx()->error.text, "page 0: block ");
    CHECK_EQ(unit_ctx()->error.os_error, EIO);
    vl_free(buf);
    vl_free(set.bytes);
    case_end(&one);
}

/* The volume stops the process rather than overwrite what the durable checkpoint needs. */
static void
overwrite_durable(void)
{
    volume_case one;
    image_set set;

    CHECK_OK(case_begin(&one, NULL));
    CHECK_OK(write_images(&one, &set, VL_SPACE_LIVE));
    CHECK_OK(case_checkpoint(&one, 0));
    (void)!vl_volume_write_batch(unit_ctx(), one.volume, set.items, 1);
}

static void
overwrite_superblock(void)
{
    static uint8_t bytes[SIZE];
    vl_volume_write_item item = {1, 1, bytes, 0};
    volume_case one;

    CHECK_OK(case_begin(&one, NULL));
    (void)!vl_volume_write_batch(unit_ctx(), one.volume, &item, 1);
}

static void
name_free_root(void)
{
    vl_superblock next;
    volume_case one;
    uint64_t address;

    CHECK_OK(case_begin(&one, NULL));
    CHECK_OK(case_take(&one, 1, &address));
    next = *vl_volume_super(one.volume);
    next.map_root = (vl_root){address + 1, 1, 0, 0};
    vl_volume_begin_checkpoint(one.volume);
    (void)!vl_volume_commit_checkpoint(unit_ctx(), one.volume, &next);
}

static void
volume_stops_before_it_does_harm(void)
{
    CHECK(unit_stops(overwrite_durable));
    CHECK(unit_stops(overwrite_superblock));
    CHECK(unit_stops(name_free_root));
}

static void
volume_works_past_the_cache(void)
{
    static const vl_sim_options machines[] = {{.direct_align = 512}, {.direct_align = 4096}};
    vl_volume_options options = {.page_size = SIZE, .may_create = 1, .is_direct = 1};

    for (size_t i = 0; i < VL_ARRAY_COUNT(machines); i++) {
        volume_case one;
        image_set set;
        vl_extent extent;
        uint8_t *buf = vl_alloc_aligned(unit_ctx(), SIZE, VL_DIRECT_ALIGN);

        CHECK_OK(case_start(&one, &machines[i]));
        CHECK_OK(vl_volume_open(unit_ctx(), one.io, PATH, &options, &one.volume));
        CHECK_EQ(vl_file_is_direct(vl_volume_file(one.volume)), machines[i].direct_align <= SIZE);
        CHECK_OK(vl_volume_make_writable(unit_ctx(), one.volume));
        CHECK_OK(write_images(&one, &set, VL_SPACE_LIVE));
        CHECK_OK(case_checkpoint(&one, 0));
        extent = extent_of(&set.items[30]);
        vl_volume_close(one.volume);
        CHECK_OK(vl_volume_open(unit_ctx(), one.io, PATH, &options, &one.volume));
        CHECK_OK(vl_volume_make_writable(unit_ctx(), one.volume));
        CHECK_OK(vl_volume_read(unit_ctx(), one.volume, &extent, buf, "page", 1));
        CHECK(memcmp(buf, set.items[30].buf, SIZE) == 0);
        vl_free(buf);
        vl_free(set.bytes);
        case_end(&one);
    }
}

static const unit_test tests[] = {
    UNIT_TEST(volume_is_created_whole),
    UNIT_TEST(volume_opens_with_one_read),
    UNIT_TEST(volume_refuses_what_is_none),
    UNIT_TEST(volume_refuses_what_it_cannot_read),
    UNIT_TEST(volume_opens_with_one_superblock),
    UNIT_TEST(volume_ignores_a_superblock_elsewhere),
    UNIT_TEST(volume_opened_for_reading_is_not_written),
    UNIT_TEST(volume_is_created_by_one_process),
    UNIT_TEST(volume_makes_a_found_name_durable),
    UNIT_TEST(volume_superblocks_have_their_space),
    UNIT_TEST(volume_neighbours_are_one_transfer),
    UNIT_TEST(volume_transfers_have_a_limit),
    UNIT_TEST(volume_large_batches_are_whole),
    UNIT_TEST(volume_damage_is_found_and_named),
    UNIT_TEST(volume_extents_from_anywhere_are_checked),
    UNIT_TEST(volume_read_batch_tells_each),
    UNIT_TEST(volume_stops_before_it_does_harm),
    UNIT_TEST(volume_works_past_the_cache),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
