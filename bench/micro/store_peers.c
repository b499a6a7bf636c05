/* store_peers.c - rows, and ours among the peers. */
#define _GNU_SOURCE
#include "store_peers.h"

#include "lib/bench.h"
#include "storage/writer_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Rows handed over at a time by a bulk load. */
#define OURS_BATCH 4096U

/* ---- rows ---- */

static char row_text[1U << 16];

void
row_make(row_shape shape, int64_t rowid, bench_row *row)
{
    uint64_t hash = (uint64_t)rowid * UINT64_C(0x9e3779b97f4a7c15);

    if (row_text[0] == 0)
        for (size_t i = 0; i < sizeof row_text; i++)
            row_text[i] = (char)('a' + (i * UINT64_C(0x9e3779b97f4a7c15) >> 40) % 26);
    row->rowid = rowid;
    row->k = (int64_t)(hash >> 44);
    row->a = row_text + (hash >> 20) % (sizeof row_text - ROW_MAX);
    if (shape == ROW_WIDE) {
        row->a_size = ROW_A_SIZE;
        row->b = row_text + (hash >> 32) % (sizeof row_text - ROW_MAX);
    } else {
        row->a_size = 4 + (uint32_t)(hash >> 60) / 4;
        row->m = (int64_t)((hash >> 30) % 1000);
        row->price = (double)(hash >> 48) / 100.0;
    }
}

int64_t
row_shuffled(uint64_t i, uint64_t count)
{
    unsigned half = 1;

    while (UINT64_C(1) << (2 * half) < count)
        half++;
    do { /* a small Feistel network; numbers that are too large are sent through it again */
        uint64_t left = i >> half;
        uint64_t right = i & ((UINT64_C(1) << half) - 1);

        for (uint64_t round = 1; round <= 4; round++) {
            uint64_t mixed = (right + round * 977) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - half);
            uint64_t next = left ^ mixed;

            left = right;
            right = next;
        }
        i = left << half | right;
    } while (i >= count);
    return (int64_t)i + 1;
}

uint64_t
peers_file_size(const char *path)
{
    struct stat about;

    return stat(path, &about) == 0 ? (uint64_t)about.st_size : 0;
}

/* ---- ours: a database ---- */

static uint32_t ours_ids[ROW_COLUMNS] = {1, 2, 3, 4};
static const vl_leaf_value ours_defaults[ROW_COLUMNS];
static const vl_leaf_schema ours_schemas[] = {
    [ROW_WIDE] = {ours_ids, ours_defaults, 3, 0},
    [ROW_FIVE] = {ours_ids, ours_defaults, 4, 0},
};

void
ours_check(const vl_ctx *ctx, velo_status st)
{
    if (st == VELO_OK)
        return;
    (void)fprintf(stderr, "\nvelocidb: %s\n", ctx->error.text);
    exit(1);
}

static void *
ours_open(const char *path, row_shape shape, const peer_options *options, int is_new)
{
    vl_store_options store = {.page_size = options->page_size,
                              .cache_bytes = options->cache_bytes,
                              .log_limit_bytes = options->log_limit,
                              .may_create = 1,
                              .is_direct = options->is_direct,
                              .data_medium = options->is_mapped ? VL_DATA_MAPPED : VL_DATA_FILE,
                              .has_background = options->has_background};
    ours *db = calloc(1, sizeof *db);
    vl_tree_id id = VL_STORE_FIRST_TREE;

    if (db == NULL)
        exit(1);
    db->shape = shape;
    (void)snprintf(db->path, sizeof db->path, "%s", path);
    if (is_new)
        bench_delete_database(path);
    vl_ctx_init(&db->ctx, NULL, NULL);
    ours_check(&db->ctx, vl_io_open(&db->ctx, NULL, &db->io));
    ours_check(&db->ctx, vl_store_open(&db->ctx, db->io, path, &store, &db->store));
    ours_check(&db->ctx, vl_writer_create(&db->ctx, db->store, &db->writer));
    if (is_new)
        ours_check(&db->ctx, vl_writer_create_tree(&db->ctx, db->writer, VL_TREE_TABLE,
                                                   &ours_schemas[shape], &id));
    ours_check(&db->ctx, vl_store_find_tree(&db->ctx, db->store, id, &db->table));
    return db;
}

static uint64_t
ours_close(void *handle)
{
    ours *db = handle;
    uint64_t size;

    vl_writer_destroy(db->writer);
    ours_check(&db->ctx, vl_store_close(&db->ctx, db->store));
    vl_io_close(db->io);
    size = peers_file_size(db->path);
    free(db);
    return size;
}

static void
ours_values(row_shape shape, const bench_row *row, vl_value *values)
{
    values[0] = (vl_value){.type = VL_TYPE_INTEGER, .as.integer = row->k};
    if (shape == ROW_WIDE) {
        values[1] = (vl_value){.type = VL_TYPE_TEXT, .size = ROW_A_SIZE, .as = {.data = row->a}};
        values[2] = (vl_value){.type = VL_TYPE_TEXT, .size = ROW_B_SIZE, .as = {.data = row->b}};
    } else {
        values[1] = (vl_value){.type = VL_TYPE_INTEGER, .as.integer = row->m};
        values[2] = (vl_value){.type = VL_TYPE_REAL, .as.real = row->price};
        values[3] = (vl_value){.type = VL_TYPE_TEXT, .size = row->a_size, .as = {.data = row->a}};
    }
}

void
ours_insert(ours *db, int64_t rowid)
{
    vl_value values[ROW_COLUMNS];
    bench_row row;

    row_make(db->shape, rowid, &row);
    ours_values(db->shape, &row, values);
    ours_check(&db->ctx, vl_writer_insert(&db->ctx, db->writer, db->table, rowid, values));
}

/* ---- ours: loading in bulk ---- */

static void
ours_load_bulk(ours *db, uint64_t count, int is_logged)
{
    vl_leaf_value *values = calloc((size_t)OURS_BATCH * ROW_COLUMNS, sizeof *values);
    vl_leaf_row *rows = calloc(OURS_BATCH, sizeof *rows);
    const vl_leaf_schema *schema = &ours_schemas[db->shape];
    vl_tree_work *work;
    uint64_t next = 1;

    if (values == NULL || rows == NULL)
        exit(1);
    ours_check(&db->ctx, vl_tree_work_create(&db->ctx, db->table->tree.page_size, &work));
    while (next <= count) {
        uint64_t left = count + 1 - next;
        uint32_t some = left < OURS_BATCH ? (uint32_t)left : OURS_BATCH;
        uint32_t taken;

        for (uint32_t i = 0; i < some; i++) {
            vl_value plain[ROW_COLUMNS];
            bench_row row;

            row_make(db->shape, (int64_t)(next + i), &row);
            ours_values(db->shape, &row, plain);
            rows[i].rowid = row.rowid;
            rows[i].values = values + (size_t)i * schema->count;
            for (uint32_t c = 0; c < schema->count; c++)
                values[(size_t)i * schema->count + c].value = plain[c];
        }
        ours_check(&db->ctx, is_logged ? vl_writer_load(&db->ctx, db->writer, db->table, rows, some,
                                                        some == left, &taken)
                                       : vl_table_load(&db->ctx, &db->table->tree, work, schema,
                                                       rows, some, some == left, NULL, &taken));
        next += taken;
    }
    vl_tree_work_destroy(work);
    free(values);
    free(rows);
}

static void
ours_load(void *handle, uint64_t count, peer_load how)
{
    ours *db = handle;

    if (how == LOAD_UNLOGGED) {
        ours_load_bulk(db, count, 0);
        ours_check(&db->ctx, vl_store_checkpoint(&db->ctx, db->store));
        return;
    }
    ours_check(&db->ctx, vl_writer_begin(&db->ctx, db->writer));
    if (how == LOAD_BULK)
        ours_load_bulk(db, count, 1);
    for (uint64_t i = 0; how != LOAD_BULK && i < count; i++)
        ours_insert(db, how == LOAD_SHUFFLED ? row_shuffled(i, count) : (int64_t)i + 1);
    ours_check(&db->ctx, vl_writer_commit(&db->ctx, db->writer, VL_SYNCHRONOUS_FULL));
}

/* ---- ours: reading ---- */

/* A thread's. */
typedef struct ours_reader {
    vl_ctx ctx;
    ours *db;
    vl_arena arena;
    int64_t sum;
    uint8_t row[ROW_MAX];
} ours_reader;

static void *
ours_reader_open(void *db)
{
    ours_reader *reader = calloc(1, sizeof *reader);

    if (reader == NULL)
        exit(1);
    vl_ctx_init(&reader->ctx, NULL, NULL);
    vl_arena_init(&reader->arena, NULL, 0);
    reader->db = db;
    return reader;
}

static void
ours_reader_close(void *handle)
{
    ours_reader *reader = handle;

    vl_arena_deinit(&reader->arena);
    free(reader);
}

static velo_status
ours_visit(vl_ctx *ctx, void *argument, const vl_table_row *row)
{
    ours_reader *reader = argument;
    vl_leaf_value value;
    int column;

    if (row->state != VL_LEAF_LIVE)
        return vl_fail(ctx, VELO_NOTFOUND, "row %lld is missing", (long long)row->rowid);
    column = vl_leaf_column_index(row->leaf, 1);
    vl_leaf_get(row->leaf, row->slot, (uint32_t)column, &value);
    reader->sum += value.value.as.integer;
    return VELO_OK;
}

static int64_t
ours_find(void *handle, const int64_t *rowids, uint32_t count)
{
    ours_reader *reader = handle;

    reader->sum = 0;
    for (uint32_t i = 0; i < count; i++)
        ours_check(&reader->ctx, vl_table_find(&reader->ctx, &reader->db->table->tree, rowids[i],
                                               ours_visit, reader));
    return reader->sum;
}

static int64_t
ours_copy(void *handle, const int64_t *rowids, uint32_t count)
{
    ours_reader *reader = handle;
    vl_value values[ROW_COLUMNS];
    int64_t sum = 0;

    for (uint32_t i = 0; i < count; i++) {
        vl_arena_reset(&reader->arena);
        ours_check(&reader->ctx,
                   vl_store_read_row(&reader->ctx, reader->db->store, reader->db->table, rowids[i],
                                     &reader->arena, values));
        sum += values[0].as.integer;
        bench_use((uint64_t)(uintptr_t)values[2].as.data);
    }
    return sum;
}

/* Sum the cells of one leaf whose rows are all live. */
static int64_t
ours_sum_cells(const vl_leaf_view *view)
{
    const uint8_t *cells8 = view->data;
    const uint16_t *cells16 = view->data;
    const uint32_t *cells32 = view->data;
    const int64_t *cells64 = view->data;
    uint64_t sum = (uint64_t)view->base * view->count;

    switch (view->width) {
    case 1:
        for (uint32_t i = 0; i < view->count; i++)
            sum += cells8[i];
        break;
    case 2:
        for (uint32_t i = 0; i < view->count; i++)
            sum += cells16[i];
        break;
    case 4:
        for (uint32_t i = 0; i < view->count; i++)
            sum += cells32[i];
        break;
    default:
        for (uint32_t i = 0; i < view->count; i++)
            sum += (uint64_t)cells64[i];
        break;
    }
    return (int64_t)sum;
}

/* Sum a leaf's column row by row, whatever its form. */
static int64_t
ours_sum_rows(const vl_leaf *leaf, uint32_t column)
{
    int64_t sum = 0;

    for (uint32_t slot = 0; slot < leaf->count; slot++) {
        vl_leaf_value value;

        if (vl_leaf_slot_state(leaf, slot) != VL_LEAF_LIVE)
            continue;
        vl_leaf_get(leaf, slot, column, &value);
        sum += value.value.as.integer;
    }
    return sum;
}

int64_t
ours_sum_k(ours *db)
{
    vl_rowid_range all = {INT64_MIN, INT64_MAX};
    vl_table_scan scan;
    int64_t sum = 0;

    vl_table_scan_begin(&scan, &db->table->tree, all, 0);
    for (;;) {
        vl_leaf_view view;
        uint32_t column;

        ours_check(&db->ctx, vl_table_scan_next(&db->ctx, &scan));
        if (scan.leaf == NULL)
            break;
        column = (uint32_t)vl_leaf_column_index(scan.leaf, 1);
        vl_leaf_column_view(scan.leaf, column, &view);
        if (vl_leaf_is_all_live(scan.leaf) && view.form == VL_LEAF_INTEGER && view.nulls == NULL &&
            view.exception_count == 0)
            sum += ours_sum_cells(&view);
        else
            sum += ours_sum_rows(scan.leaf, column);
    }
    vl_table_scan_end(&scan);
    return sum;
}

const peer peer_ours = {
    "velocidb",       1,         ours_open, ours_load,         ours_close,
    ours_reader_open, ours_find, ours_copy, ours_reader_close,
};
