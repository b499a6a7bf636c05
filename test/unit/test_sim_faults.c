/* test_sim_faults.c - planned faults of the simulated machine; and a toy commit protocol on it,
 * whose planted bugs are found by cutting the power at every operation. */
#include "lib/unit.h"
#include "os/sim.h"

#include "base/bytes.h"
#include "base/hash.h"

#include <errno.h>
#include <stdio.h>

#define ALL_WRITE (VL_OPEN_WRITE | VL_OPEN_CREATE)

/* ---- the machine of a test ---- */

typedef struct fault_case {
    vl_sim *sim;
    vl_io *io;
    vl_file *file; /* "/x" */
} fault_case;

static velo_status
fault_reopen(fault_case *one)
{
    vl_ctx *ctx = unit_ctx();

    VL_TRY(vl_sim_open_io(ctx, one->sim, &one->io));
    return vl_file_open(ctx, one->io, "/x", ALL_WRITE, &one->file);
}

/* A machine with a durable file of four sectors "O". */
static velo_status
fault_begin(fault_case *one, const vl_sim_options *options)
{
    vl_ctx *ctx = unit_ctx();
    char old[2048];

    memset(old, 'O', sizeof old);
    VL_TRY(vl_sim_create(ctx, options, &one->sim));
    VL_TRY(fault_reopen(one));
    VL_TRY(vl_file_write(ctx, one->file, old, sizeof old, 0));
    VL_TRY(vl_file_sync(ctx, one->file));
    return vl_path_sync_folder(ctx, one->io, "/x");
}

static void
fault_close(fault_case *one)
{
    vl_file_close(one->file);
    vl_io_close(one->io);
    one->file = NULL;
    one->io = NULL;
}

static void
fault_end(fault_case *one)
{
    fault_close(one);
    vl_sim_destroy(one->sim);
}

static velo_status
fault_plan(fault_case *one, vl_sim_fault_kind kind, uint32_t ops, uint64_t nth)
{
    vl_sim_fault fault = {.kind = kind, .ops = ops, .nth = nth};

    return vl_sim_plan(unit_ctx(), one->sim, &fault);
}

static velo_status
fault_fill(fault_case *one, char letter, uint64_t offset, size_t size)
{
    char data[16384];

    memset(data, letter, sizeof data);
    return vl_file_write(unit_ctx(), one->file, data, size, offset);
}

/* The first byte of a sector, as reads see it; '!' for an error. */
static char
fault_look(fault_case *one, unsigned sector)
{
    char byte;

    if (vl_file_read(unit_ctx(), one->file, &byte, 1, sector * 512U, NULL) != VELO_OK)
        return '!';
    return byte;
}

static velo_status
fault_cut(fault_case *one, vl_sim_keep keep)
{
    vl_sim_outcome outcome = {.keep = keep};

    fault_close(one);
    VL_TRY(vl_sim_cut_power(unit_ctx(), one->sim, &outcome));
    return fault_reopen(one);
}

/* ---- errors ---- */

static void
fault_error_comes_at_the_nth_match(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim_fault fault = {.kind = VL_SIM_ERROR,
                          .ops = VL_SIM_WRITE | VL_SIM_RESIZE,
                          .path = "/y",
                          .nth = 2,
                          .count = 2,
                          .os_error = ENOSPC};
    vl_sim_stats stats;
    fault_case one;
    vl_file *y;

    CHECK_OK(fault_begin(&one, NULL));
    CHECK_OK(vl_file_open(ctx, one.io, "/y", ALL_WRITE, &y));
    CHECK_OK(vl_sim_plan(ctx, one.sim, &fault));
    CHECK_OK(fault_fill(&one, 'A', 0, 512)); /* another file */
    CHECK_OK(vl_file_write(ctx, y, "a", 1, 0));
    CHECK_STATUS(vl_file_write(ctx, y, "b", 1, 0), VELO_FULL);
    CHECK_EQ(ctx->error.os_error, ENOSPC);
    CHECK_OK(vl_file_sync(ctx, y));
    CHECK_STATUS(vl_file_resize(ctx, y, 100), VELO_FULL);
    CHECK_OK(vl_file_write(ctx, y, "c", 1, 0));
    vl_sim_get_stats(one.sim, &stats);
    CHECK_EQ(stats.fault_count, 2);
    vl_file_close(y);
    fault_end(&one);
}

static void
fault_error_can_last_for_ever(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim_fault fault = {.kind = VL_SIM_ERROR, .ops = VL_SIM_READ, .count = UINT64_MAX};
    fault_case one;

    CHECK_OK(fault_begin(&one, NULL));
    CHECK_OK(vl_sim_plan(ctx, one.sim, &fault));
    for (unsigned i = 0; i < 5; i++)
        CHECK_EQ(fault_look(&one, 0), '!');
    CHECK_EQ(ctx->error.os_error, EIO);
    vl_sim_plan_clear(one.sim);
    CHECK_EQ(fault_look(&one, 0), 'O');
    fault_end(&one);
}

static void
fault_error_after_has_its_effect(void)
{
    vl_ctx *ctx = unit_ctx();
    fault_case one;
    vl_file *other;
    int exists;

    CHECK_OK(fault_begin(&one, NULL));
    CHECK_OK(fault_plan(&one, VL_SIM_ERROR_AFTER, VL_SIM_WRITE, 1));
    CHECK_STATUS(fault_fill(&one, 'A', 0, 512), VELO_IOERR_WRITE);
    CHECK_EQ(fault_look(&one, 0), 'A');
    CHECK_OK(fault_plan(&one, VL_SIM_ERROR_AFTER, VL_SIM_SYNC, 1));
    CHECK_STATUS(vl_file_sync(ctx, one.file), VELO_IOERR_FSYNC);
    CHECK_OK(fault_cut(&one, VL_SIM_KEEP_NONE));
    CHECK_EQ(fault_look(&one, 0), 'A');
    CHECK_OK(fault_plan(&one, VL_SIM_ERROR_AFTER, VL_SIM_CREATE, 1));
    CHECK_STATUS(vl_file_open(ctx, one.io, "/y", ALL_WRITE, &other), VELO_CANTOPEN);
    CHECK_OK(vl_path_exists(ctx, one.io, "/y", &exists));
    CHECK(exists);
    CHECK_OK(fault_plan(&one, VL_SIM_ERROR_AFTER, VL_SIM_RENAME, 1));
    CHECK_STATUS(vl_path_rename(ctx, one.io, "/y", "/z"), VELO_IOERR_ACCESS);
    CHECK_OK(vl_path_exists(ctx, one.io, "/z", &exists));
    CHECK(exists);
    fault_end(&one);
}

/* ---- power cuts and kills ---- */

static void
fault_cut_comes_before_or_after(void)
{
    vl_ctx *ctx = unit_ctx();
    fault_case one;

    CHECK_OK(fault_begin(&one, NULL));
    CHECK_OK(fault_fill(&one, 'A', 0, 512));
    CHECK_OK(fault_plan(&one, VL_SIM_CUT_BEFORE, VL_SIM_SYNC, 1));
    CHECK_STATUS(vl_file_sync(ctx, one.file), VELO_IOERR_FSYNC);
    CHECK_EQ(ctx->error.os_error, ESHUTDOWN);
    CHECK(vl_sim_is_off(one.sim));
    CHECK_EQ(fault_look(&one, 0), '!');
    CHECK_OK(fault_cut(&one, VL_SIM_KEEP_NONE));
    CHECK(!vl_sim_is_off(one.sim));
    CHECK_EQ(fault_look(&one, 0), 'O');

    CHECK_OK(fault_fill(&one, 'B', 0, 512));
    CHECK_OK(fault_plan(&one, VL_SIM_CUT_AFTER, VL_SIM_SYNC, 1));
    CHECK_STATUS(vl_file_sync(ctx, one.file), VELO_IOERR_FSYNC);
    fault_close(&one);
    CHECK_OK(fault_reopen(&one)); /* switches it on */
    CHECK_EQ(fault_look(&one, 0), 'B');
    fault_end(&one);
}

static void
fault_kill_comes_before_or_after(void)
{
    fault_case one;

    CHECK_OK(fault_begin(&one, NULL));
    CHECK_OK(fault_plan(&one, VL_SIM_KILL_BEFORE, VL_SIM_WRITE, 1));
    CHECK_STATUS(fault_fill(&one, 'A', 0, 512), VELO_IOERR_WRITE);
    fault_close(&one);
    CHECK_OK(fault_reopen(&one));
    CHECK_EQ(fault_look(&one, 0), 'O');
    CHECK_OK(fault_plan(&one, VL_SIM_KILL_AFTER, VL_SIM_WRITE, 1));
    CHECK_STATUS(fault_fill(&one, 'B', 0, 512), VELO_IOERR_WRITE);
    fault_close(&one);
    CHECK_OK(fault_reopen(&one));
    CHECK_EQ(fault_look(&one, 0), 'B');
    fault_end(&one);
}

/* ---- syncs ---- */

static void
fault_failed_sync_loses_data_for_good(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_file *again;
    fault_case one;

    CHECK_OK(fault_begin(&one, NULL));
    CHECK_OK(fault_plan(&one, VL_SIM_SYNC_LOSES, 0, 1));
    CHECK_OK(fault_fill(&one, 'A', 0, 512));
    CHECK_STATUS(vl_file_sync(ctx, one.file), VELO_IOERR_FSYNC);
    CHECK_STATUS(vl_file_sync(ctx, one.file), VELO_IOERR_FSYNC); /* D5: final for this handle */
    CHECK_OK(vl_file_open(ctx, one.io, "/x", VL_OPEN_WRITE, &again));
    CHECK_OK(vl_file_sync(ctx, again)); /* another one is told yes */
    vl_file_close(again);
    CHECK_EQ(fault_look(&one, 0), 'A');
    CHECK_OK(fault_cut(&one, VL_SIM_KEEP_ALL));
    CHECK_EQ(fault_look(&one, 0), 'O');

    CHECK_OK(fault_plan(&one, VL_SIM_SYNC_LOSES, VL_SIM_WRITE_DURABLE, 1));
    CHECK_STATUS(vl_file_write_durable(ctx, one.file, VL_DURABLE_DSYNC, "B", 1, 512),
                 VELO_IOERR_FSYNC);
    CHECK_EQ(fault_look(&one, 1), 'B');
    CHECK_OK(fault_cut(&one, VL_SIM_KEEP_ALL));
    CHECK_EQ(fault_look(&one, 1), 'O');
    fault_end(&one);
}

static void
fault_failed_sync_may_lose_some(void)
{
    vl_ctx *ctx = unit_ctx();
    unsigned kept[5] = {0};

    for (uint64_t seed = 0; seed < 300; seed++) {
        vl_sim_options options = {.seed = seed};
        unsigned count = 0;
        fault_case one;

        CHECK_OK(fault_begin(&one, &options));
        CHECK_OK(fault_plan(&one, VL_SIM_SYNC_LOSES_SOME, 0, 1));
        for (unsigned i = 0; i < 4; i++)
            CHECK_OK(fault_fill(&one, 'A', 512 * i, 512));
        CHECK_STATUS(vl_file_sync(ctx, one.file), VELO_IOERR_FSYNC);
        CHECK_OK(fault_cut(&one, VL_SIM_KEEP_ALL));
        for (unsigned i = 0; i < 4; i++)
            count += fault_look(&one, i) == 'A';
        kept[count]++;
        fault_end(&one);
    }
    for (unsigned i = 0; i < 5; i++)
        CHECK(kept[i] > 0);
}

static void
fault_lying_sync_keeps_all_pending(void)
{
    vl_ctx *ctx = unit_ctx();
    fault_case one;

    CHECK_OK(fault_begin(&one, NULL));
    CHECK_OK(fault_plan(&one, VL_SIM_SYNC_LIES, 0, 1));
    CHECK_OK(fault_fill(&one, 'A', 0, 512));
    CHECK_OK(vl_file_sync(ctx, one.file));
    CHECK_OK(fault_cut(&one, VL_SIM_KEEP_NONE));
    CHECK_EQ(fault_look(&one, 0), 'O');
    CHECK_OK(fault_plan(&one, VL_SIM_SYNC_LIES, VL_SIM_WRITE_DURABLE, 1));
    CHECK_OK(vl_file_write_durable(ctx, one.file, VL_DURABLE_DSYNC, "B", 1, 0));
    CHECK_OK(vl_file_sync(ctx, one.file)); /* an honest one later makes it durable after all */
    CHECK_OK(fault_cut(&one, VL_SIM_KEEP_NONE));
    CHECK_EQ(fault_look(&one, 0), 'B');
    fault_end(&one);
}

static void
fault_syncs_of_maps_and_folders_fail_too(void)
{
    vl_ctx *ctx = unit_ctx();
    fault_case one;
    vl_file *y;
    vl_map map;
    int exists;

    CHECK_OK(fault_begin(&one, NULL));
    CHECK_OK(vl_map_open(ctx, one.file, 2048, 2048, 1, &map));
    CHECK_OK(fault_plan(&one, VL_SIM_SYNC_LIES, VL_SIM_MAP_SYNC, 1));
    map.base[0] = 'A';
    CHECK_OK(vl_map_sync(ctx, &map, 0, 64));
    CHECK_OK(fault_plan(&one, VL_SIM_SYNC_LOSES, VL_SIM_MAP_SYNC, 1));
    map.base[512] = 'B';
    CHECK_STATUS(vl_map_sync(ctx, &map, 512, 64), VELO_IOERR_FSYNC);
    CHECK_STATUS(vl_map_sync(ctx, &map, 512, 64), VELO_IOERR_FSYNC);
    CHECK(fault_look(&one, 0) == 'A' && fault_look(&one, 1) == 'B');
    vl_map_close(&map);
    CHECK_OK(fault_plan(&one, VL_SIM_SYNC_LIES, VL_SIM_SYNC_FOLDER, 1));
    CHECK_OK(vl_file_open(ctx, one.io, "/y", ALL_WRITE, &y));
    vl_file_close(y);
    CHECK_OK(vl_path_sync_folder(ctx, one.io, "/y"));
    CHECK_OK(fault_cut(&one, VL_SIM_KEEP_NONE));
    CHECK(fault_look(&one, 0) == 'O' && fault_look(&one, 1) == 'O');
    CHECK_OK(vl_path_exists(ctx, one.io, "/y", &exists));
    CHECK(!exists);
    fault_end(&one);
}

/* ---- transfers ---- */

static void
fault_short_transfers_are_finished_by_the_caller(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim_options options = {.seed = 1, .has_short_transfers = 1};
    vl_sim_stats before, after;
    char buf[16384];
    fault_case one;

    CHECK_OK(fault_begin(&one, &options));
    vl_sim_get_stats(one.sim, &before);
    for (unsigned i = 0; i < 10; i++) {
        CHECK_OK(fault_fill(&one, 'A', 0, sizeof buf));
        CHECK_OK(vl_file_read(ctx, one.file, buf, sizeof buf, 0, NULL));
    }
    vl_sim_get_stats(one.sim, &after);
    CHECK(after.op_counts[1] > before.op_counts[1] + 13); /* reads */
    CHECK(after.op_counts[7] > before.op_counts[7] + 13); /* writes */
    for (unsigned i = 0; i < sizeof buf; i++)
        CHECK_EQ(buf[i], 'A');
    fault_end(&one);

    CHECK_OK(fault_begin(&one, NULL));
    CHECK_OK(vl_sim_plan(ctx, one.sim, &(vl_sim_fault){.kind = VL_SIM_SHORT, .amount = 100}));
    CHECK_OK(fault_plan(&one, VL_SIM_CUT_BEFORE, VL_SIM_WRITE, 2));
    CHECK_STATUS(fault_fill(&one, 'A', 0, 2048), VELO_IOERR_WRITE);
    CHECK_OK(fault_cut(&one, VL_SIM_KEEP_ALL));
    CHECK_OK(vl_file_read(ctx, one.file, buf, 512, 0, NULL));
    CHECK(buf[99] == 'A' && buf[100] == 'O');
    fault_end(&one);
}

static void
fault_flipped_bits_pass_or_stay(void)
{
    vl_ctx *ctx = unit_ctx();
    unsigned wrong = 0;
    uint8_t buf[2048];
    fault_case one;

    CHECK_OK(fault_begin(&one, NULL));
    CHECK_OK(fault_plan(&one, VL_SIM_FLIP_BIT, 0, 2));
    CHECK_OK(vl_file_read(ctx, one.file, buf, sizeof buf, 0, NULL));
    for (unsigned i = 0; i < sizeof buf; i++)
        CHECK_EQ(buf[i], 'O');
    CHECK_OK(vl_file_read(ctx, one.file, buf, sizeof buf, 0, NULL));
    for (unsigned i = 0; i < sizeof buf; i++)
        wrong += (unsigned)__builtin_popcount(buf[i] ^ 'O');
    CHECK_EQ(wrong, 1);
    CHECK_EQ(fault_look(&one, 0), 'O');

    CHECK_OK(vl_sim_flip_bit(ctx, one.sim, "/x", 8 * 512 + 1));
    CHECK_EQ(fault_look(&one, 1), 'O' ^ 2);
    CHECK_OK(fault_cut(&one, VL_SIM_KEEP_NONE));
    CHECK_EQ(fault_look(&one, 1), 'O' ^ 2);
    CHECK_STATUS(vl_sim_flip_bit(ctx, one.sim, "/y", 0), VELO_NOTFOUND);
    CHECK_STATUS(vl_sim_flip_bit(ctx, one.sim, "/x", 2048 * 8), VELO_RANGE);
    fault_end(&one);
}

static void
fault_writes_are_lost_or_misdirected(void)
{
    vl_ctx *ctx = unit_ctx();
    uint64_t size;
    fault_case one;

    CHECK_OK(fault_begin(&one, NULL));
    CHECK_OK(fault_plan(&one, VL_SIM_LOSE_WRITE, 0, 1));
    CHECK_OK(fault_fill(&one, 'A', 1536, 1024));
    CHECK_EQ(fault_look(&one, 3), 'O');
    CHECK_EQ(fault_look(&one, 4), 0);
    CHECK_OK(vl_file_get_size(ctx, one.file, &size));
    CHECK_EQ(size, 2560);
    CHECK_OK(
        vl_sim_plan(ctx, one.sim, &(vl_sim_fault){.kind = VL_SIM_MISDIRECT_WRITE, .amount = 1024}));
    CHECK_OK(fault_fill(&one, 'B', 512, 512));
    CHECK(fault_look(&one, 1) == 'O' && fault_look(&one, 3) == 'B');
    CHECK_OK(vl_file_sync(ctx, one.file));
    CHECK_OK(fault_cut(&one, VL_SIM_KEEP_NONE));
    CHECK(fault_look(&one, 1) == 'O' && fault_look(&one, 3) == 'B' && fault_look(&one, 4) == 0);
    fault_end(&one);
}

/* ---- space ---- */

static void
fault_full_disk_counts_blocks(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim_options options = {.capacity_bytes = 10 * 4096};
    uint64_t free_bytes, total_bytes, size;
    int released;
    fault_case one;

    CHECK_OK(fault_begin(&one, &options)); /* one block */
    CHECK_OK(vl_file_resize(ctx, one.file, 100 * 4096));
    CHECK_OK(vl_path_get_space(ctx, one.io, "/", &free_bytes, &total_bytes));
    CHECK(free_bytes == 9 * 4096 && total_bytes == 10 * 4096);
    CHECK_OK(vl_file_allocate(ctx, one.file, 4096, 5 * 4096));
    CHECK_OK(vl_file_resize(ctx, one.file, 10 * 4096));
    CHECK_STATUS(vl_file_allocate(ctx, one.file, 0, 11 * 4096), VELO_FULL);
    CHECK_STATUS(fault_fill(&one, 'A', 7 * 4096, 4 * 4096), VELO_OK);
    CHECK_STATUS(fault_fill(&one, 'B', 6 * 4096 + 1, 1), VELO_FULL);
    CHECK_OK(fault_fill(&one, 'C', 4096, 4 * 4096)); /* in place */
    CHECK_OK(vl_file_get_size(ctx, one.file, &size));
    CHECK_EQ(size, 11 * 4096);
    /* What is given back can be used again: the file system makes that durable first. */
    CHECK_OK(vl_file_punch(ctx, one.file, 4096, 2 * 4096, &released));
    CHECK_OK(vl_path_get_space(ctx, one.io, "/", &free_bytes, &total_bytes));
    CHECK_EQ(free_bytes, 0);
    CHECK_OK(fault_fill(&one, 'B', 6 * 4096, 1));
    CHECK_OK(vl_path_get_space(ctx, one.io, "/", &free_bytes, &total_bytes));
    CHECK_EQ(free_bytes, 4096);
    fault_end(&one);
}

static void
fault_full_disk_writes_what_fits(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim_options options = {.capacity_bytes = 3 * 4096};
    uint64_t size;
    fault_case one;

    CHECK_OK(fault_begin(&one, &options));
    CHECK_STATUS(fault_fill(&one, 'A', 2048, 4 * 4096 - 2048), VELO_FULL);
    CHECK_OK(vl_file_get_size(ctx, one.file, &size));
    CHECK_EQ(size, 3 * 4096);
    CHECK_EQ(fault_look(&one, 23), 'A');
    /* A deleted file's space is free once the deletion is durable, which need not be asked for. */
    CHECK_OK(vl_path_rename(ctx, one.io, "/x", "/gone"));
    CHECK_OK(vl_path_delete(ctx, one.io, "/gone"));
    vl_file_close(one.file);
    CHECK_OK(vl_file_open(ctx, one.io, "/x", ALL_WRITE, &one.file));
    CHECK_OK(fault_fill(&one, 'B', 0, 3 * 4096));
    fault_end(&one);
}

/* Whatever a cut brings back, there is room for it. */
static void
fault_cut_never_overfills_the_disk(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim_options options = {.capacity_bytes = 8 * 4096};
    unsigned full = 0;
    vl_sim_stats stats;
    fault_case one;
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    CHECK_OK(fault_begin(&one, &options));
    for (unsigned i = 0; i < 2000; i++) {
        vl_sim_outcome outcome = {.seed = i, .scatters_names = i % 2 == 0};
        uint64_t offset = vl_rng_below(&rng, 12) * 4096;
        int released;
        vl_sim *copy;

        full += fault_fill(&one, 'A', offset, 4096 * (1 + vl_rng_below(&rng, 4))) == VELO_FULL;
        if (vl_rng_chance(&rng, 1, 4))
            CHECK_OK(vl_file_punch(ctx, one.file, offset, 8192, &released));
        if (vl_rng_chance(&rng, 1, 8))
            CHECK_OK(vl_file_resize(ctx, one.file, offset));
        if (vl_rng_chance(&rng, 1, 16)) {
            CHECK_OK(vl_path_delete(ctx, one.io, "/x"));
            vl_file_close(one.file);
            CHECK_OK(vl_file_open(ctx, one.io, "/x", ALL_WRITE, &one.file));
        }
        CHECK_OK(vl_sim_clone(ctx, one.sim, &copy));
        CHECK_OK(vl_sim_cut_power(ctx, copy, &outcome));
        vl_sim_get_stats(copy, &stats);
        CHECK(stats.used_bytes <= options.capacity_bytes);
        vl_sim_destroy(copy);
    }
    CHECK(full > 100);
    fault_end(&one);
}

/* ---- a toy commit protocol ---- */

/* Two pages in "/db" always hold the same number. A commit writes the new number to the log, syncs
 * it, writes both pages, syncs them, and clears the log. Recovery repeats a whole log. */

#define TOY_PAGE    4096U
#define TOY_COMMITS 4U

typedef enum toy_bug {
    TOY_CORRECT,
    TOY_NO_LOG_SYNC,    /* pages may be written before the log is durable */
    TOY_NO_PAGE_SYNC,   /* the log may be cleared before the pages are durable */
    TOY_NO_FOLDER_SYNC, /* the log's name may be lost */
    TOY_NO_CHECKSUM,    /* a torn log is believed */
    TOY_NO_REWRITE,     /* recovery believes what it read to be durable: scenario 6a */
    TOY_BUG_COUNT
} toy_bug;

typedef struct toy_db {
    vl_io *io;
    vl_file *db;
    vl_file *log;
    toy_bug bug;
    unsigned commits; /* acknowledged */
} toy_db;

/* Fill a page with its number, over and over. */
static void
toy_fill(uint8_t *page, uint64_t number)
{
    for (unsigned i = 0; i < TOY_PAGE; i += 8)
        vl_store_le64(page + i, number);
}

static velo_status
toy_write_pages(vl_ctx *ctx, toy_db *toy, uint64_t number)
{
    uint8_t pages[2 * TOY_PAGE];

    toy_fill(pages, number);
    toy_fill(pages + TOY_PAGE, number);
    VL_TRY(vl_file_write(ctx, toy->db, pages + TOY_PAGE, TOY_PAGE, TOY_PAGE));
    VL_TRY(vl_file_write(ctx, toy->db, pages, TOY_PAGE, 0));
    if (toy->bug == TOY_NO_PAGE_SYNC)
        return VELO_OK;
    return vl_file_sync(ctx, toy->db);
}

/* The log: a page of the number, and its checksum. */
static velo_status
toy_write_log(vl_ctx *ctx, toy_db *toy, uint64_t number)
{
    uint8_t record[TOY_PAGE + 8];

    toy_fill(record, number);
    vl_store_le64(record + TOY_PAGE, vl_hash64(record, TOY_PAGE, 0));
    return vl_file_write(ctx, toy->log, record, sizeof record, 0);
}

static velo_status
toy_commit(vl_ctx *ctx, toy_db *toy, uint64_t number)
{
    VL_TRY(toy_write_log(ctx, toy, number));
    if (toy->bug != TOY_NO_LOG_SYNC)
        VL_TRY(vl_file_sync(ctx, toy->log));
    VL_TRY(toy_write_pages(ctx, toy, number));
    VL_TRY(vl_file_resize(ctx, toy->log, 0));
    VL_TRY(vl_file_sync(ctx, toy->log));
    return VELO_OK;
}

static velo_status
toy_recover(vl_ctx *ctx, toy_db *toy)
{
    uint8_t record[TOY_PAGE + 8];
    uint64_t number;
    size_t moved;

    VL_TRY(vl_file_read(ctx, toy->log, record, sizeof record, 0, &moved));
    if (moved < sizeof record)
        return VELO_OK;
    if (toy->bug != TOY_NO_CHECKSUM &&
        vl_load_le64(record + TOY_PAGE) != vl_hash64(record, TOY_PAGE, 0))
        return VELO_OK;
    number = vl_load_le64(record);
    if (toy->bug != TOY_NO_REWRITE) {
        VL_TRY(toy_write_log(ctx, toy, number)); /* what was read need not be durable */
        VL_TRY(vl_file_sync(ctx, toy->log));
    }
    VL_TRY(toy_write_pages(ctx, toy, number));
    VL_TRY(vl_file_resize(ctx, toy->log, 0));
    return vl_file_sync(ctx, toy->log);
}

static void
toy_close(toy_db *toy)
{
    vl_file_close(toy->db);
    vl_file_close(toy->log);
    vl_io_close(toy->io);
    toy->db = NULL;
    toy->log = NULL;
    toy->io = NULL;
}

static velo_status
toy_open(vl_ctx *ctx, vl_sim *sim, toy_db *toy)
{
    VL_TRY(vl_sim_open_io(ctx, sim, &toy->io));
    VL_TRY(vl_file_open(ctx, toy->io, "/db", ALL_WRITE, &toy->db));
    VL_TRY(vl_file_open(ctx, toy->io, "/log", ALL_WRITE, &toy->log));
    if (toy->bug != TOY_NO_FOLDER_SYNC)
        VL_TRY(vl_path_sync_folder(ctx, toy->io, "/db"));
    return toy_recover(ctx, toy);
}

/* Whether both pages are whole and equal, and their number is one that may be there. */
static int
toy_is_right(vl_ctx *ctx, toy_db *toy, uint64_t least)
{
    uint8_t pages[2 * TOY_PAGE] = {0};
    uint64_t number;
    size_t moved;

    if (vl_file_read(ctx, toy->db, pages, sizeof pages, 0, &moved) != VELO_OK)
        return 0;
    number = vl_load_le64(pages);
    for (unsigned i = 0; i < sizeof pages; i += 8)
        if (vl_load_le64(pages + i) != number)
            return 0;
    return number >= least && number <= least + 1;
}

/* ---- cutting it at every operation ---- */

typedef struct toy_search {
    toy_db *toy;
    unsigned draws;    /* outcomes to try at each cut point */
    uint64_t seed;     /* of the next one */
    unsigned cuts;     /* outcomes tried */
    unsigned wrong;    /* of these, where the database was not right */
    unsigned failures; /* where something failed that must not */
    int is_nested;     /* sometimes kill instead, and cut the recovery */
} toy_search;

static void toy_cut_here(void *user, vl_sim *sim, const vl_sim_event *event);

/* Recover on a machine whose power was cut, and look. */
static void
toy_check(toy_search *search, vl_sim *sim)
{
    toy_db toy = {.bug = search->toy->bug};
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    search->cuts++;
    if (toy_open(&ctx, sim, &toy) != VELO_OK)
        search->failures++;
    else if (!toy_is_right(&ctx, &toy, search->toy->commits))
        search->wrong++;
    toy_close(&toy);
}

/* Recover what a killed process left, and cut that at every operation: what was read back need not
 * have been durable. */
static void
toy_try_kill(toy_search *search, vl_sim *copy)
{
    unsigned draws = search->draws;

    search->is_nested = 0;
    search->draws = 3;
    vl_sim_set_hook(copy, toy_cut_here, search);
    toy_check(search, copy);
    vl_sim_set_hook(copy, NULL, NULL);
    search->draws = draws;
    search->is_nested = 1;
}

/* One outcome of a cut at this moment, or a kill. */
static void
toy_try(toy_search *search, vl_sim *sim)
{
    vl_sim_outcome outcome = {.keep = VL_SIM_KEEP_RANDOM, .seed = search->seed++};
    vl_ctx ctx;
    vl_sim *copy;

    if (outcome.seed % 8 < 4)
        outcome.keep = (vl_sim_keep)(outcome.seed % 4);
    vl_ctx_init(&ctx, NULL, NULL);
    if (vl_sim_clone(&ctx, sim, &copy) != VELO_OK) {
        search->failures++;
        return;
    }
    if (search->is_nested && outcome.seed % 4 == 0)
        toy_try_kill(search, copy);
    else if (vl_sim_cut_power(&ctx, copy, &outcome) == VELO_OK)
        toy_check(search, copy);
    else
        search->failures++;
    vl_sim_destroy(copy);
}

static void
toy_cut_here(void *user, vl_sim *sim, const vl_sim_event *event)
{
    toy_search *search = user;

    (void)event;
    for (unsigned i = 0; i < search->draws; i++)
        toy_try(search, sim);
}

/* Run the protocol and cut it everywhere. */
static void
toy_search_run(toy_bug bug, uint64_t seed, toy_search *search)
{
    vl_ctx *ctx = unit_ctx();
    toy_db toy = {.bug = bug};
    vl_sim *sim;

    memset(search, 0, sizeof *search);
    search->toy = &toy;
    search->draws = 6;
    search->seed = seed;
    search->is_nested = 1;
    CHECK_OK(vl_sim_create(ctx, NULL, &sim));
    vl_sim_set_hook(sim, toy_cut_here, search);
    CHECK_OK(toy_open(ctx, sim, &toy));
    for (toy.commits = 0; toy.commits < TOY_COMMITS; toy.commits++)
        CHECK_OK(toy_commit(ctx, &toy, toy.commits + 1));
    CHECK(toy_is_right(ctx, &toy, TOY_COMMITS));
    toy_close(&toy);
    vl_sim_destroy(sim);
}

static void
toy_protocol_survives_every_cut(void)
{
    toy_search search;

    toy_search_run(TOY_CORRECT, unit_seed(), &search);
    CHECK_EQ(search.wrong, 0);
    CHECK_EQ(search.failures, 0);
    CHECK(search.cuts > 1000);
}

static void
toy_bugs_are_found(void)
{
    for (int bug = TOY_CORRECT + 1; bug < TOY_BUG_COUNT; bug++) {
        toy_search search;

        toy_search_run((toy_bug)bug, unit_seed(), &search);
        CHECK_EQ(search.failures, 0);
        if (search.wrong == 0)
            unit_failed(__FILE__, __LINE__, "bug %d was not found in %u cuts", bug, search.cuts);
    }
}

/* ---- the same with planned cuts, and with errors ---- */

/* Run with one fault planned; afterwards cut the power, recover without faults and look. */
static int
toy_run_with_fault(const vl_sim_fault *fault, uint64_t seed, int *has_happened)
{
    vl_sim_options options = {.seed = seed};
    toy_db toy = {.bug = TOY_CORRECT};
    toy_db again = {.bug = TOY_CORRECT};
    vl_sim_stats stats;
    vl_ctx ctx;
    vl_sim *sim;
    int is_right;

    vl_ctx_init(&ctx, NULL, NULL);
    if (vl_sim_create(&ctx, &options, &sim) != VELO_OK || vl_sim_plan(&ctx, sim, fault) != VELO_OK)
        return 0;
    if (toy_open(&ctx, sim, &toy) == VELO_OK)
        while (toy.commits < TOY_COMMITS && toy_commit(&ctx, &toy, toy.commits + 1) == VELO_OK)
            toy.commits++;
    toy_close(&toy);
    vl_sim_get_stats(sim, &stats);
    *has_happened = stats.fault_count > 0;
    vl_sim_plan_clear(sim);
    is_right = vl_sim_cut_power(&ctx, sim, NULL) == VELO_OK &&
               toy_open(&ctx, sim, &again) == VELO_OK && toy_is_right(&ctx, &again, toy.commits);
    toy_close(&again);
    vl_sim_destroy(sim);
    return is_right;
}

static void
toy_protocol_survives_every_fault(void)
{
    static const vl_sim_fault_kind kinds[] = {
        VL_SIM_CUT_BEFORE, VL_SIM_CUT_AFTER,       VL_SIM_KILL_BEFORE,
        VL_SIM_KILL_AFTER, VL_SIM_ERROR,           VL_SIM_ERROR_AFTER,
        VL_SIM_SYNC_LOSES, VL_SIM_SYNC_LOSES_SOME, VL_SIM_SHORT};
    unsigned happened = 0;

    for (unsigned k = 0; k < VL_ARRAY_COUNT(kinds); k++) {
        for (uint64_t nth = 1, more = 1; more; nth++) {
            for (uint64_t seed = 0; seed < 10; seed++) {
                vl_sim_fault fault = {.kind = kinds[k], .nth = nth};
                int has_happened = 0;

                if (!toy_run_with_fault(&fault, unit_seed() + seed, &has_happened)) {
                    unit_failed(__FILE__, __LINE__, "fault %u at operation %llu, seed %llu", k,
                                (unsigned long long)nth, (unsigned long long)seed);
                    return;
                }
                more = (uint64_t)has_happened;
                happened += (unsigned)has_happened;
            }
        }
    }
    CHECK(happened > 1000);
}

/* A disk that lies about one sync is found out by some seed. */
static void
toy_lying_disk_breaks_the_promise(void)
{
    unsigned wrong = 0;

    for (uint64_t nth = 1; nth < 10; nth++) {
        for (uint64_t seed = 0; seed < 20; seed++) {
            vl_sim_fault lie = {
                .kind = VL_SIM_SYNC_LIES, .ops = VL_SIM_SYNC, .nth = nth, .count = UINT64_MAX};
            int has_happened;

            wrong += !toy_run_with_fault(&lie, seed, &has_happened);
        }
    }
    CHECK(wrong > 0);
}

static const unit_test fault_tests[] = {
    UNIT_TEST(fault_error_comes_at_the_nth_match),
    UNIT_TEST(fault_error_can_last_for_ever),
    UNIT_TEST(fault_error_after_has_its_effect),
    UNIT_TEST(fault_cut_comes_before_or_after),
    UNIT_TEST(fault_kill_comes_before_or_after),
    UNIT_TEST(fault_failed_sync_loses_data_for_good),
    UNIT_TEST(fault_failed_sync_may_lose_some),
    UNIT_TEST(fault_lying_sync_keeps_all_pending),
    UNIT_TEST(fault_syncs_of_maps_and_folders_fail_too),
    UNIT_TEST(fault_short_transfers_are_finished_by_the_caller),
    UNIT_TEST(fault_flipped_bits_pass_or_stay),
    UNIT_TEST(fault_writes_are_lost_or_misdirected),
    UNIT_TEST(fault_full_disk_counts_blocks),
    UNIT_TEST(fault_full_disk_writes_what_fits),
    UNIT_TEST(fault_cut_never_overfills_the_disk),
    UNIT_TEST(toy_protocol_survives_every_cut),
    UNIT_TEST(toy_bugs_are_found),
    UNIT_TEST(toy_protocol_survives_every_fault),
    UNIT_TEST(toy_lying_disk_breaks_the_promise),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, fault_tests, VL_ARRAY_COUNT(fault_tests));
}
