/* fuzz_store.c - a database file with changes anywhere is refused, or can be checked, read and
 * written without a crash.
 *
 * The input is a list of changes of 8 bytes to a small good file: a block and an offset (8 and 16
 * bits), a mode (8) and a value (32). Checksums are made to fit afterwards along page map and table
 * of free space, so that what is behind them is reached. */
#include "base/alloc.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "lib/fuzz.h"
#include "os/sim.h"
#include "storage/pagemap.h"
#include "storage/store.h"
#include "storage/store_check.h"
#include "storage/tree_key.h"

#include <string.h>

#define FUZZ_SIZE        VL_PAGE_MIN_SIZE
#define FUZZ_FILE_BLOCKS 256U
#define FUZZ_PATH        "/f"
#define FUZZ_SEALS       4000U /* references are followed so often: they may be circles */
#define FUZZ_COLUMNS     4U
#define FUZZ_MEMORY      (UINT64_C(256) << 20) /* large page numbers want large tables */
#define FUZZ_ROWS        40U

/* Builds that verify compare page map and free space when a checkpoint is written, and stop when
 * they contradict each other: as they do where a change has put a page into another's place. */
#define FUZZ_WRITES !VL_VERIFICATION

static uint8_t fuzz_store_good[FUZZ_FILE_BLOCKS * FUZZ_SIZE];
static uint32_t fuzz_store_blocks;
static uint32_t fuzz_store_seals;

/* ---- the good file ---- */

static const vl_store_options fuzz_store_options = {.page_size = FUZZ_SIZE,
                                                    .cache_bytes = UINT64_C(64) * FUZZ_SIZE,
                                                    .log_ring_bytes = 16384,
                                                    .may_create = 1};

static vl_value
fuzz_store_value(uint32_t row, uint32_t column)
{
    static const char text[8 * FUZZ_SIZE];
    vl_value value = {.type = VL_TYPE_INTEGER};

    value.as.integer = (int64_t)row * 1000 + column;
    if (column == 0)
        return value;
    value.type = column == 1 ? VL_TYPE_TEXT : column == 2 ? VL_TYPE_BLOB : VL_TYPE_NULL;
    value.as.data = (const uint8_t *)text;
    value.size = column == 1 ? row % 30 : row % 8 == 3 ? FUZZ_SIZE * (row % 7) : 5;
    if (column == 3)
        value.size = 0;
    return value;
}

static void
fuzz_store_fill(vl_ctx *ctx, vl_store *store, vl_writer *writer)
{
    static const uint32_t ids[FUZZ_COLUMNS] = {1, 2, 3, 4};
    vl_leaf_value defaults[FUZZ_COLUMNS];
    vl_leaf_schema schema = {ids, defaults, FUZZ_COLUMNS, 0};
    vl_value values[FUZZ_COLUMNS];
    uint8_t key[FUZZ_SIZE];
    vl_store_tree *tree;
    vl_tree_id id;

    memset(defaults, 0, sizeof defaults);
    for (uint32_t i = 0; i < FUZZ_COLUMNS; i++)
        defaults[i].value.type = VL_TYPE_NULL;
    memset(key, 'k', sizeof key);
    FUZZ_CHECK(vl_writer_create_tree(ctx, writer, VL_TREE_TABLE, &schema, &id) == VELO_OK);
    FUZZ_CHECK(vl_store_find_tree(ctx, store, id, &tree) == VELO_OK);
    for (uint32_t row = 0; row < FUZZ_ROWS; row++) {
        for (uint32_t i = 0; i < FUZZ_COLUMNS; i++)
            values[i] = fuzz_store_value(row, i);
        FUZZ_CHECK(vl_writer_insert(ctx, writer, tree, row, values) == VELO_OK);
    }
    FUZZ_CHECK(vl_writer_create_tree(ctx, writer, VL_TREE_KEY, NULL, &id) == VELO_OK);
    FUZZ_CHECK(vl_store_find_tree(ctx, store, id, &tree) == VELO_OK);
    for (uint32_t row = 0; row < FUZZ_ROWS; row++) {
        key[1] = (uint8_t)(row * 7);
        FUZZ_CHECK(vl_writer_put(ctx, writer, tree, key, row % 9 == 4 ? FUZZ_SIZE : 20 + row, key,
                                 8) == VELO_OK);
    }
}

/* Make the good file, once. */
static void
fuzz_store_prepare(void)
{
    vl_store *store;
    vl_writer *writer;
    vl_file *file;
    size_t moved;
    vl_sim *sim;
    vl_io *io;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    FUZZ_CHECK(vl_sim_create(&ctx, NULL, &sim) == VELO_OK);
    FUZZ_CHECK(vl_sim_open_io(&ctx, sim, &io) == VELO_OK);
    FUZZ_CHECK(vl_store_open(&ctx, io, FUZZ_PATH, &fuzz_store_options, &store) == VELO_OK);
    FUZZ_CHECK(vl_writer_create(&ctx, store, &writer) == VELO_OK);
    fuzz_store_fill(&ctx, store, writer);
    vl_writer_destroy(writer);
    FUZZ_CHECK(vl_store_close(&ctx, store) == VELO_OK);
    FUZZ_CHECK(vl_file_open(&ctx, io, FUZZ_PATH, 0, &file) == VELO_OK);
    FUZZ_CHECK(vl_file_read(&ctx, file, fuzz_store_good, sizeof fuzz_store_good, 0, &moved) ==
               VELO_OK);
    FUZZ_CHECK(moved < sizeof fuzz_store_good);
    vl_file_close(file);
    fuzz_store_blocks = (uint32_t)(moved / FUZZ_SIZE);
    FUZZ_CHECK(fuzz_store_blocks > 16);
    vl_io_close(io);
    vl_sim_destroy(sim);
}

/* ---- changing the file ---- */

static uint8_t *
fuzz_store_block(uint8_t *file, uint64_t address)
{
    return address >= VL_SUPER_COUNT && address < fuzz_store_blocks ? file + address * FUZZ_SIZE
                                                                    : NULL;
}

static void
fuzz_store_change(uint8_t *file, const uint8_t *change)
{
    uint8_t *block = file + (size_t)(change[0] % fuzz_store_blocks) * FUZZ_SIZE;
    uint32_t at = vl_load_le16(change + 1) % (FUZZ_SIZE - 8);
    uint32_t value = vl_load_le32(change + 4);

    switch (change[3] % 6) {
    case 0:
        block[at] = (uint8_t)value;
        break;
    case 1:
        block[at] ^= (uint8_t)(1U << (value % 8));
        break;
    case 2:
        vl_store_le32(block + (at & ~3U), value);
        break;
    case 3:
        vl_store_le16(block + (at & ~1U), (uint16_t)value);
        break;
    case 4: /* what another place has */
        memmove(block + (at & ~7U),
                file + (value % ((size_t)fuzz_store_blocks * FUZZ_SIZE - 8) & ~(size_t)7), 8);
        break;
    default: /* all of another block */
        memmove(block, file + (size_t)(value % fuzz_store_blocks) * FUZZ_SIZE, FUZZ_SIZE);
        break;
    }
}

/* ---- making checksums fit ---- */

/* Those in a map page, and in what it refers to. */
static void
fuzz_store_seal_map(uint8_t *file, uint64_t address, uint32_t level)
{
    uint8_t *page = fuzz_store_block(file, address);

    if (page == NULL)
        return;
    for (uint32_t at = 64; at < FUZZ_SIZE && fuzz_store_seals > 0; at += 16) {
        uint64_t child_at = vl_load_le64(page + at) & ((UINT64_C(1) << 40) - 1);
        const uint8_t *child = fuzz_store_block(file, child_at);

        if (child == NULL)
            continue;
        fuzz_store_seals--;
        if (level > 0)
            fuzz_store_seal_map(file, child_at, level - 1);
        vl_store_le64(page + at + 8, vl_hash64(child, FUZZ_SIZE, child_at));
    }
}

/* Those in an index page of the free space, and in the pages behind it. */
static void
fuzz_store_seal_index(uint8_t *file, uint64_t address)
{
    uint8_t *page = fuzz_store_block(file, address);
    const uint8_t *next;

    if (page == NULL || fuzz_store_seals == 0)
        return;
    fuzz_store_seals--;
    for (uint32_t at = 64; at + 24 <= FUZZ_SIZE; at += 24) {
        uint64_t chunk_at = vl_load_le64(page + at);
        const uint8_t *chunk = fuzz_store_block(file, chunk_at);
        uint32_t used = 0;

        for (uint32_t i = 0; chunk != NULL && i < FUZZ_SIZE; i += 8)
            used += (uint32_t)__builtin_popcountll(vl_load_le64(chunk + i));
        if (chunk == NULL)
            continue;
        vl_store_le64(page + at + 8, vl_hash64(chunk, FUZZ_SIZE, chunk_at));
        vl_store_le32(page + at + 16, used);
    }
    next = fuzz_store_block(file, vl_load_le64(page + 24));
    if (next != NULL) {
        fuzz_store_seal_index(file, vl_load_le64(page + 24));
        vl_store_le64(page + 32, vl_hash64(next, FUZZ_SIZE, vl_load_le64(page + 24)));
    }
}

static void
fuzz_store_seal(uint8_t *file)
{
    fuzz_store_seals = FUZZ_SEALS;
    for (uint32_t place = 0; place < VL_SUPER_COUNT; place++) {
        uint8_t *super = file + (size_t)place * FUZZ_SIZE;
        uint64_t map = vl_load_le64(super + 112), space = vl_load_le64(super + 136);
        const uint8_t *root = fuzz_store_block(file, map);

        fuzz_store_seal_map(file, map, vl_load_le32(super + 124) % VL_PAGEMAP_LEVELS);
        if (root != NULL)
            vl_store_le64(super + 128, vl_hash64(root, FUZZ_SIZE, map));
        fuzz_store_seal_index(file, space);
        root = fuzz_store_block(file, space);
        if (root != NULL)
            vl_store_le64(super + 152, vl_hash64(root, FUZZ_SIZE, space));
        vl_store_le64(super + VL_SUPER_SIZE - 8, vl_hash64(super, VL_SUPER_SIZE - 8, place));
    }
}

/* ---- using it ---- */

/* What may come of a damaged database. */
static int
fuzz_store_is_fair(const vl_ctx *ctx, velo_status st)
{
    switch (vl_status_primary(st)) {
    case VELO_OK:
        return 1;
    case VELO_CORRUPT:
    case VELO_NOTADB:
    case VELO_CANTOPEN:
    case VELO_NOTFOUND:
    case VELO_CONSTRAINT:
    case VELO_TOOBIG:
    case VELO_FULL:
    case VELO_NOMEM:
    case VELO_READONLY:
        return ctx->error.text[0] != 0;
    default:
        (void)fprintf(stderr, "%s: %s\n", velo_status_name(st), ctx->error.text);
        return 0;
    }
}

static velo_status
fuzz_store_read_leaf(vl_ctx *ctx, vl_store *store, vl_store_tree *table, const int64_t *rowids,
                     uint32_t count)
{
    const vl_layout *layout = atomic_load(&table->layout);
    vl_value *values = calloc(layout->columns.count + 1U, sizeof *values);
    velo_status st = VELO_OK;
    vl_arena arena;

    FUZZ_CHECK(values != NULL);
    vl_arena_init(&arena, NULL, 0);
    for (uint32_t i = 0; i < count && st == VELO_OK; i++) {
        st = vl_store_read_row(ctx, store, table, rowids[i], &arena, values);
        vl_arena_reset(&arena);
    }
    vl_arena_deinit(&arena);
    free(values);
    return st;
}

static velo_status
fuzz_store_read_table(vl_ctx *ctx, vl_store *store, vl_store_tree *table)
{
    static int64_t rowids[FUZZ_SIZE];
    velo_status st = VELO_OK;
    vl_table_scan scan;

    vl_table_scan_begin(&scan, &table->tree, (vl_rowid_range){INT64_MIN, INT64_MAX}, 0);
    while (st == VELO_OK) {
        uint32_t count = 0;

        st = vl_table_scan_next(ctx, &scan);
        if (st != VELO_OK || scan.leaf == NULL)
            break;
        for (uint32_t rank = scan.rank_first; rank < scan.rank_end; rank++)
            if (vl_leaf_slot_state(scan.leaf, vl_leaf_slot_at(scan.leaf, rank)) == VL_LEAF_LIVE)
                rowids[count++] = vl_leaf_rowid(scan.leaf, vl_leaf_slot_at(scan.leaf, rank));
        vl_table_scan_pause(&scan);
        st = fuzz_store_read_leaf(ctx, store, table, rowids, count);
    }
    vl_table_scan_end(&scan);
    return st;
}

static velo_status
fuzz_store_read_index(vl_ctx *ctx, vl_store_tree *index)
{
    vl_tree_key_range all = {0};
    velo_status st = VELO_OK;
    vl_tree_key_scan scan;

    vl_tree_key_scan_begin(&scan, &index->tree, &all, 0);
    while (st == VELO_OK) {
        st = vl_tree_key_scan_next(ctx, &scan);
        if (st != VELO_OK || scan.page == NULL)
            break;
    }
    vl_tree_key_scan_end(&scan);
    return st;
}

/* Read all trees, and change each if there is a writer. */
static void
fuzz_store_use_trees(vl_ctx *ctx, vl_store *store, vl_writer *writer)
{
    vl_value values[64];
    uint8_t key[600];
    vl_store_tree *tree;
    vl_tree_id id = 0;

    memset(key, 'k', sizeof key);
    for (uint32_t i = 0; i < VL_ARRAY_COUNT(values); i++)
        values[i] = fuzz_store_value(3 + 8 * i, i % FUZZ_COLUMNS);
    while (vl_store_next_tree(ctx, store, id, &tree) == VELO_OK) {
        id = tree->tree.id;
        if (tree->kind == VL_TREE_KEY) {
            FUZZ_CHECK(fuzz_store_is_fair(ctx, fuzz_store_read_index(ctx, tree)));
            for (uint32_t i = 0; i < 20 && writer != NULL; i++) {
                key[1] = (uint8_t)(i * 13);
                FUZZ_CHECK(fuzz_store_is_fair(
                    ctx, vl_writer_put(ctx, writer, tree, key, 20 + 23 * i, key, 8)));
                FUZZ_CHECK(
                    fuzz_store_is_fair(ctx, vl_writer_remove(ctx, writer, tree, key, 20 + 7 * i)));
            }
            continue;
        }
        FUZZ_CHECK(fuzz_store_is_fair(ctx, fuzz_store_read_table(ctx, store, tree)));
        if (atomic_load(&tree->layout)->columns.count > VL_ARRAY_COUNT(values) || writer == NULL)
            continue;
        for (int64_t rowid = -5; rowid < 50; rowid += 3) {
            FUZZ_CHECK(fuzz_store_is_fair(ctx, vl_writer_insert(ctx, writer, tree, rowid, values)));
            FUZZ_CHECK(fuzz_store_is_fair(ctx, vl_writer_delete(ctx, writer, tree, rowid + 1)));
        }
    }
    if (id != 0 && writer != NULL)
        FUZZ_CHECK(fuzz_store_is_fair(ctx, vl_writer_drop_tree(ctx, writer, id)));
}

static void
fuzz_store_use(vl_ctx *ctx, vl_io *io)
{
    vl_store_report report;
    vl_writer *writer;
    vl_store *store;
    velo_status st = vl_store_open(ctx, io, FUZZ_PATH, &fuzz_store_options, &store);

    FUZZ_CHECK(fuzz_store_is_fair(ctx, st));
    if (st != VELO_OK)
        return;
    FUZZ_CHECK(fuzz_store_is_fair(ctx, vl_store_check(ctx, store, NULL, NULL, &report)));
    if (vl_writer_create(ctx, store, &writer) != VELO_OK) {
        FUZZ_CHECK(ctx->error.code == VELO_NOMEM);
        vl_store_abandon(store);
        return;
    }
    fuzz_store_use_trees(ctx, store, FUZZ_WRITES ? writer : NULL);
    vl_writer_destroy(writer);
    if (FUZZ_WRITES)
        FUZZ_CHECK(fuzz_store_is_fair(ctx, vl_store_checkpoint(ctx, store)));
    FUZZ_CHECK(fuzz_store_is_fair(ctx, vl_store_close(ctx, store)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[sizeof fuzz_store_good];
    vl_file *file;
    vl_sim *sim;
    vl_io *io;
    vl_allocator allocator;
    vl_ctx ctx;

    if (fuzz_store_blocks == 0)
        fuzz_store_prepare();
    memcpy(bytes, fuzz_store_good, sizeof bytes);
    for (size_t at = 0; at + 8 <= size; at += 8)
        fuzz_store_change(bytes, data + at);
    fuzz_store_seal(bytes);
    vl_allocator_init(&allocator);
    vl_allocator_set_limit(&allocator, FUZZ_MEMORY);
    vl_ctx_init(&ctx, &allocator, NULL);
    FUZZ_CHECK(vl_sim_create(&ctx, NULL, &sim) == VELO_OK);
    FUZZ_CHECK(vl_sim_open_io(&ctx, sim, &io) == VELO_OK);
    FUZZ_CHECK(vl_file_open(&ctx, io, FUZZ_PATH, VL_OPEN_WRITE | VL_OPEN_CREATE, &file) == VELO_OK);
    FUZZ_CHECK(vl_file_write(&ctx, file, bytes, (size_t)fuzz_store_blocks * FUZZ_SIZE, 0) ==
               VELO_OK);
    vl_file_close(file);
    fuzz_store_use(&ctx, io);
    vl_io_close(io);
    vl_sim_destroy(sim);
    FUZZ_CHECK(vl_counter(&allocator.block_count) == 0);
    return 0;
}
