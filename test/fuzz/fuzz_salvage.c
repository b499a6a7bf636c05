/* fuzz_salvage.c - a damaged database is gone through to the end, in bounded time, and what comes
 * out of it makes a database that is whole.
 *
 * The input is a list of changes of 8 bytes to a small good file: a block (16 bits), an offset
 * (16), a mode (8), 8 bits unused and a value (16). Unless the first byte is odd, checksums of the
 * page map are made to fit afterwards, so that what is behind them is reached. */
#include "base/bytes.h"
#include "base/hash.h"
#include "lib/fuzz.h"
#include "os/sim.h"
#include "storage/pagemap.h"
#include "storage/salvage.h"
#include "storage/store_check.h"

#define FUZZ_SIZE       VL_PAGE_MIN_SIZE
#define FUZZ_PATH       "/f"
#define FUZZ_COPY       "/c"
#define FUZZ_MAX_BLOCKS 1024U
#define FUZZ_ROWS       40U

static uint8_t fuzz_salvage_good[FUZZ_MAX_BLOCKS * FUZZ_SIZE];
static uint32_t fuzz_salvage_blocks;

static void
fuzz_salvage_fill(vl_ctx *ctx, vl_store *store, vl_writer *writer)
{
    static uint8_t bytes[4 * FUZZ_SIZE];
    static const uint32_t ids[2] = {1, 4};
    vl_leaf_value defaults[2] = {{.value = {.type = VL_TYPE_NULL}},
                                 {.value = {.type = VL_TYPE_NULL}}};
    vl_leaf_schema schema = {ids, defaults, 2, 0};
    vl_store_tree *table, *index;
    vl_tree_id id;

    FUZZ_CHECK(vl_writer_create_tree(ctx, writer, VL_TREE_TABLE, &schema, &id) == VELO_OK);
    FUZZ_CHECK(vl_store_find_tree(ctx, store, id, &table) == VELO_OK);
    FUZZ_CHECK(vl_writer_create_tree(ctx, writer, VL_TREE_KEY, NULL, &id) == VELO_OK);
    FUZZ_CHECK(vl_store_find_tree(ctx, store, id, &index) == VELO_OK);
    for (uint32_t i = 0; i < FUZZ_ROWS; i++) {
        vl_value values[2] = {{.type = VL_TYPE_INTEGER}, {.type = VL_TYPE_TEXT}};

        memset(bytes, (int)('a' + i % 8), sizeof bytes);
        bytes[2] = (uint8_t)i;
        values[0].as.integer = i;
        values[1].size = i % 8 == 3 ? (uint32_t)sizeof bytes : FUZZ_SIZE / 16;
        values[1].as.data = bytes;
        FUZZ_CHECK(vl_writer_insert(ctx, writer, table, i, values) == VELO_OK);
        FUZZ_CHECK(vl_writer_put(ctx, writer, index, bytes, i % 8 == 5 ? FUZZ_SIZE : 9 + i, "v",
                                 1) == VELO_OK);
    }
}

/* Make the good file, once. */
static void
fuzz_salvage_prepare(void)
{
    vl_store_options options = {.page_size = FUZZ_SIZE, .log_ring_bytes = 65536, .may_create = 1};
    vl_writer *writer;
    vl_store *store;
    vl_file *file;
    size_t moved;
    vl_sim *sim;
    vl_io *io;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    FUZZ_CHECK(vl_sim_create(&ctx, NULL, &sim) == VELO_OK);
    FUZZ_CHECK(vl_sim_open_io(&ctx, sim, &io) == VELO_OK);
    FUZZ_CHECK(vl_store_open(&ctx, io, FUZZ_PATH, &options, &store) == VELO_OK);
    FUZZ_CHECK(vl_writer_create(&ctx, store, &writer) == VELO_OK);
    vl_writer_set_synchronous(writer, VL_SYNCHRONOUS_OFF);
    fuzz_salvage_fill(&ctx, store, writer);
    vl_writer_destroy(writer);
    FUZZ_CHECK(vl_store_close(&ctx, store) == VELO_OK);
    FUZZ_CHECK(vl_file_open(&ctx, io, FUZZ_PATH, 0, &file) == VELO_OK);
    FUZZ_CHECK(vl_file_read(&ctx, file, fuzz_salvage_good, sizeof fuzz_salvage_good, 0, &moved) ==
               VELO_OK);
    vl_file_close(file);
    fuzz_salvage_blocks = (uint32_t)(moved / FUZZ_SIZE);
    FUZZ_CHECK(fuzz_salvage_blocks > 16 && fuzz_salvage_blocks < FUZZ_MAX_BLOCKS);
    vl_io_close(io);
    vl_sim_destroy(sim);
}

/* ---- changing the file ---- */

static void
fuzz_salvage_change(uint8_t *file, const uint8_t *change)
{
    size_t block = vl_load_le16(change) % fuzz_salvage_blocks;
    size_t at = vl_load_le16(change + 2) % FUZZ_SIZE;
    uint16_t value = vl_load_le16(change + 6);
    uint8_t *target = file + block * FUZZ_SIZE;

    switch (change[4] % 5) {
    case 0:
        target[at] = (uint8_t)value;
        break;
    case 1:
        target[at] ^= (uint8_t)(1U << (value % 8));
        break;
    case 2:
        vl_store_le32(target + (at & ~3U), value % 256);
        break;
    case 3:
        memcpy(target, file + value % fuzz_salvage_blocks * FUZZ_SIZE, FUZZ_SIZE);
        break;
    default: /* in the header, where most of the meaning is */
        target[at % 64] = (uint8_t)value;
        break;
    }
}

/* Make the checksums below a map page fit, then its own. */
static uint64_t
fuzz_salvage_seal_map(uint8_t *file, uint64_t address, uint32_t depth)
{
    uint8_t *page;

    if (address < 2 || address >= fuzz_salvage_blocks)
        return 0;
    page = file + address * FUZZ_SIZE;
    if (((const vl_page_header *)(const void *)page)->kind == VL_PAGE_MAP &&
        depth < VL_PAGEMAP_LEVELS)
        for (uint32_t i = VL_PAGEMAP_FIRST; i < vl_pagemap_fanout(FUZZ_SIZE); i++) {
            uint64_t entry = vl_load_le64(page + (size_t)i * 16);

            if (entry != 0)
                vl_store_le64(
                    page + (size_t)i * 16 + 8,
                    fuzz_salvage_seal_map(file, entry & (VL_VOLUME_MAX_BLOCKS - 1), depth + 1));
        }
    return vl_hash64(page, FUZZ_SIZE, address);
}

static void
fuzz_salvage_seal(uint8_t *file)
{
    for (uint32_t place = 0; place < VL_SUPER_COUNT; place++) {
        uint8_t *super = file + (size_t)place * FUZZ_SIZE;

        vl_store_le64(super + 128, fuzz_salvage_seal_map(file, vl_load_le64(super + 112), 0));
        vl_store_le64(super + VL_SUPER_SIZE - 8, vl_hash64(super, VL_SUPER_SIZE - 8, place));
    }
}

/* ---- using it ---- */

/* What was copied is whole. */
static void
fuzz_salvage_check_copy(vl_ctx *ctx, vl_io *io)
{
    vl_store_options options = {.cache_bytes = FUZZ_SIZE * UINT64_C(128), .log_ring_bytes = 65536};
    vl_store_report report;
    vl_store *store;

    FUZZ_CHECK(vl_store_open(ctx, io, FUZZ_COPY, &options, &store) == VELO_OK);
    FUZZ_CHECK(vl_store_check(ctx, store, NULL, NULL, &report) == VELO_OK);
    FUZZ_CHECK(vl_store_close(ctx, store) == VELO_OK);
    FUZZ_CHECK(vl_path_delete(ctx, io, FUZZ_COPY) == VELO_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[sizeof fuzz_salvage_good];
    vl_salvage_copy_options options = {.cache_bytes = FUZZ_SIZE * UINT64_C(128),
                                       .log_ring_bytes = 65536};
    vl_salvage_options run = {.is_thorough = 1};
    vl_salvage_copy_report report;
    velo_status st;
    vl_file *file;
    vl_sim *sim;
    vl_io *io;
    vl_ctx ctx;

    if (fuzz_salvage_blocks == 0)
        fuzz_salvage_prepare();
    if (size > 512)
        return 0;
    memcpy(bytes, fuzz_salvage_good, sizeof bytes);
    for (size_t at = 1; at + 8 <= size; at += 8)
        fuzz_salvage_change(bytes, data + at);
    if (size > 0 && data[0] % 2 == 0)
        fuzz_salvage_seal(bytes);
    options.is_thorough = size > 0 && data[0] % 4 < 2;
    vl_ctx_init(&ctx, NULL, NULL);
    FUZZ_CHECK(vl_sim_create(&ctx, NULL, &sim) == VELO_OK);
    FUZZ_CHECK(vl_sim_open_io(&ctx, sim, &io) == VELO_OK);
    FUZZ_CHECK(vl_file_open(&ctx, io, FUZZ_PATH, VL_OPEN_WRITE | VL_OPEN_CREATE, &file) == VELO_OK);
    FUZZ_CHECK(vl_file_write(&ctx, file, bytes, (size_t)fuzz_salvage_blocks * FUZZ_SIZE, 0) ==
               VELO_OK);
    vl_file_close(file);
    if (size > 0 && data[0] / 4 % 8 != 0) {
        st = vl_salvage_run(&ctx, io, FUZZ_PATH, &run, &report.found);
    } else { /* takes longer: one in eight */
        st = vl_salvage_copy(&ctx, io, FUZZ_PATH, FUZZ_COPY, &options, &report);
        if (st == VELO_OK)
            fuzz_salvage_check_copy(&ctx, io);
    }
    FUZZ_CHECK(st == VELO_OK || st == VELO_NOTADB || st == VELO_CANTOPEN);
    vl_io_close(io);
    vl_sim_destroy(sim);
    return 0;
}
