/* test_salvage.c - what is intact of a damaged database comes out, and nothing else as verified. */
#include "lib/store_model.h"
#include "lib/unit.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "os/sim.h"
#include "storage/node_rowid.h"
#include "storage/pagemap.h"
#include "storage/salvage.h"
#include "storage/store_check.h"
#include "storage/superblock.h"
#include "storage/tree_key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASE_SIZE     VL_PAGE_MIN_SIZE
#define CASE_PATH     "/s"
#define CASE_BAD      "/d"
#define CASE_BAD_WAL  "/d-wal"
#define CASE_COPY     "/c"
#define CASE_ROWS     500
#define CASE_WIDE_MAX 80U

/* ---- cells: what came out, one for each value ---- */

typedef struct case_cell {
    vl_tree_id tree;
    uint64_t place;  /* rowid, or hash of the key */
    uint64_t column; /* 0 for the row itself, and for entries */
    uint64_t hash;   /* of the value */
    vl_pid pid;      /* where the row is */
    int is_sure;     /* verified, and not unsure */
} case_cell;

typedef struct case_list {
    case_cell *cells;
    size_t count, capacity;
    uint64_t lost_cells;     /* columns and keys that were said to be lost */
    uint64_t trees, layouts; /* trees told, those with a layout */
    uint64_t ranges, lines;  /* report lines, those with a range of rowids */
    uint64_t log_lines;      /* about the log */
    uint64_t operations;     /* of the log */
    vl_rowid_range range;    /* the last one */
    uint64_t order_faults;   /* verified rows of the trees behind unverified ones */
    vl_salvage_stats stats;
} case_list;

static void
case_add(case_list *list, case_cell cell)
{
    case_cell *grown;

    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 1024 : 2 * list->capacity;
        grown = realloc(list->cells, list->capacity * sizeof cell);
        if (grown == NULL)
            abort();
        list->cells = grown;
    }
    list->cells[list->count++] = cell;
}

static uint64_t
case_hash(const vl_value *value)
{
    switch (value->type) {
    case VL_TYPE_INTEGER:
        return vl_mix64((uint64_t)value->as.integer + 1);
    case VL_TYPE_REAL:
        return vl_hash64(&value->as.real, sizeof value->as.real, 2);
    case VL_TYPE_TEXT:
    case VL_TYPE_BLOB:
        return vl_hash64(value->as.data, value->size, value->type);
    default:
        return 5;
    }
}

static velo_status
case_take_tree(vl_ctx *ctx, void *argument, const vl_salvage_tree *tree)
{
    case_list *list = argument;

    (void)ctx;
    list->trees++;
    list->layouts += tree->layout != NULL;
    return VELO_OK;
}

static velo_status
case_take_row(vl_ctx *ctx, void *argument, const vl_salvage_row *row)
{
    case_list *list = argument;
    case_cell cell = {row->tree, (uint64_t)row->rowid, 0, 0, row->pid, row->is_verified};
    uint32_t lost = 0;

    (void)ctx;
    case_add(list, cell);
    for (uint32_t i = 0; i < row->column_count; i++) {
        cell.column = row->ids[i] + UINT64_C(1);
        cell.hash = case_hash(row->values + i);
        cell.is_sure = row->is_verified && row->states[i] == VL_SALVAGE_SURE;
        lost += row->states[i] == VL_SALVAGE_LOST;
        if (row->states[i] != VL_SALVAGE_LOST)
            case_add(list, cell);
    }
    if (row->column_count > 0 && lost != row->lost_count)
        list->order_faults++;
    list->lost_cells += row->lost_count;
    return VELO_OK;
}

static velo_status
case_take_entry(vl_ctx *ctx, void *argument, const vl_salvage_entry *entry)
{
    (void)ctx;
    case_add(argument, (case_cell){entry->tree, vl_hash64(entry->key, entry->key_size, 1), 0,
                                   vl_hash64(entry->value, entry->value_size, 2), entry->pid,
                                   entry->is_verified});
    return VELO_OK;
}

static velo_status
case_take_operation(vl_ctx *ctx, void *argument, const vl_salvage_operation *operation)
{
    (void)ctx;
    (void)operation;
    ((case_list *)argument)->operations++;
    return VELO_OK;
}

static void
case_take_line(void *argument, const vl_salvage_line *line)
{
    case_list *list = argument;

    list->lines += line->trouble != VL_SALVAGE_NOTE;
    list->log_lines += line->trouble == VL_SALVAGE_LOG;
    if (line->trouble == VL_SALVAGE_PAGE && line->has_range) {
        list->ranges++;
        list->range = line->lost;
    }
    if (getenv("VELO_TEST_VERBOSE") != NULL)
        fprintf(stderr, "  %d tree %llu page %u: %s\n", (int)line->trouble,
                (unsigned long long)line->tree, (unsigned)line->pid, line->text);
}

static int
case_order(const void *left, const void *right)
{
    const case_cell *a = left, *b = right;

    if (a->tree != b->tree)
        return a->tree < b->tree ? -1 : 1;
    if (a->place != b->place)
        return a->place < b->place ? -1 : 1;
    if (a->column != b->column)
        return a->column < b->column ? -1 : 1;
    return a->hash < b->hash ? -1 : a->hash > b->hash;
}

static velo_status
case_collect(vl_io *io, const char *path, int is_thorough, case_list *list)
{
    vl_salvage_options options = {.tree = case_take_tree,
                                  .row = case_take_row,
                                  .entry = case_take_entry,
                                  .operation = case_take_operation,
                                  .report = case_take_line,
                                  .argument = list,
                                  .is_thorough = is_thorough};
    velo_status st;

    memset(list, 0, sizeof *list);
    st = vl_salvage_run(unit_ctx(), io, path, &options, &list->stats);
    if (list->count > 0)
        qsort(list->cells, list->count, sizeof *list->cells, case_order);
    return st;
}

static int
case_has(const case_list *list, const case_cell *cell)
{
    return list->count > 0 && bsearch(cell, list->cells, list->count, sizeof *cell, case_order);
}

/* Cells that are sure in `found` and not in `truth`: there must be none. */
static size_t
case_wrong(const case_list *found, const case_list *truth)
{
    size_t wrong = 0;

    for (size_t i = 0; i < found->count; i++)
        wrong += found->cells[i].is_sure && !case_has(truth, found->cells + i);
    return wrong;
}

/* Cells of the truth that did not come out, those of page `pid` not counted. */
static size_t
case_missing(const case_list *found, const case_list *truth, vl_pid pid)
{
    size_t missing = 0;

    for (size_t i = 0; i < truth->count; i++)
        missing += truth->cells[i].pid != pid && !case_has(found, truth->cells + i);
    return missing;
}

/* Rows of tables that are not sure, outside of a range of rowids. */
static size_t
case_unsure_outside(const case_list *found, vl_rowid_range range, size_t *all)
{
    size_t outside = 0;

    *all = 0;
    for (size_t i = 0; i < found->count; i++) {
        const case_cell *cell = found->cells + i;

        if (cell->is_sure || cell->column != 0 || cell->hash != 0)
            continue;
        ++*all;
        outside += (int64_t)cell->place < range.first || (int64_t)cell->place > range.last;
    }
    return outside;
}

/* Cells of page `pid` that did come out. */
static size_t
case_found_of(const case_list *found, const case_list *truth, vl_pid pid)
{
    size_t count = 0;

    for (size_t i = 0; i < truth->count; i++)
        count += truth->cells[i].pid == pid && case_has(found, truth->cells + i);
    return count;
}

/* ---- a database ---- */

static vl_tree_id case_table, case_index, case_wide;

/* Values of a row; `version` makes others. */
static void
case_values(int64_t rowid, uint32_t version, vl_value values[3], uint8_t *bytes)
{
    vl_rng rng;

    vl_rng_init(&rng, (uint64_t)rowid * 8 + version);
    values[0] = (vl_value){.type = VL_TYPE_INTEGER};
    values[0].as.integer = rowid * 1000 + version;
    values[1] = (vl_value){.type = VL_TYPE_TEXT, .size = 12};
    values[2] = (vl_value){.type = VL_TYPE_BLOB, .size = 4};
    if (rowid % 40 == 7)
        values[2].size = CASE_SIZE * (uint32_t)(1 + rowid % 5);
    if (rowid == 47)
        values[2].size = CASE_SIZE * 40;
    vl_rng_fill(&rng, bytes, values[1].size + values[2].size);
    values[1].as.data = bytes;
    values[2].as.data = bytes + values[1].size;
}

static uint32_t
case_key(uint32_t number, uint8_t *key)
{
    uint32_t size = number % 60 == 11 ? CASE_SIZE : 9;

    memset(key, 'k', size);
    vl_store_le32(key + 3, number);
    vl_store_le32(key + size - 4, number);
    return size;
}

static velo_status
case_fill_wide(vl_ctx *ctx, vl_store *store, vl_writer *writer)
{
    static uint8_t bytes[4 * CASE_SIZE];
    vl_leaf_value defaults[CASE_WIDE_MAX];
    vl_value values[CASE_WIDE_MAX];
    uint32_t ids[CASE_WIDE_MAX];
    vl_leaf_schema schema = {ids, defaults, CASE_WIDE_MAX, 0};
    vl_store_tree *table;

    memset(defaults, 0, sizeof defaults);
    memset(bytes, 'w', sizeof bytes);
    for (uint32_t i = 0; i < CASE_WIDE_MAX; i++) {
        ids[i] = 3 * i + 1;
        defaults[i].value.type = VL_TYPE_NULL;
    }
    VL_TRY(vl_writer_create_tree(ctx, writer, VL_TREE_TABLE, &schema, &case_wide));
    VL_TRY(vl_store_find_tree(ctx, store, case_wide, &table));
    for (int64_t rowid = 0; rowid < 12; rowid++) {
        for (uint32_t i = 0; i < CASE_WIDE_MAX; i++) {
            values[i] = (vl_value){.type = VL_TYPE_INTEGER};
            values[i].as.integer = rowid * 100 + i;
        }
        values[5] = (vl_value){.type = VL_TYPE_TEXT, .size = rowid % 3 == 0 ? sizeof bytes : 3};
        values[5].as.data = bytes;
        VL_TRY(vl_writer_insert(ctx, writer, table, rowid, values));
    }
    return VELO_OK;
}

static velo_status
case_fill(vl_ctx *ctx, vl_store *store, vl_writer *writer)
{
    static uint8_t bytes[CASE_SIZE * 41];
    uint32_t ids[3] = {1, 2, 5};
    vl_leaf_value defaults[3];
    vl_leaf_schema schema = {ids, defaults, 3, 0};
    vl_store_tree *table, *index;
    vl_value values[3];

    memset(defaults, 0, sizeof defaults);
    for (uint32_t i = 0; i < 3; i++)
        defaults[i].value.type = VL_TYPE_NULL;
    vl_writer_set_synchronous(writer, VL_SYNCHRONOUS_OFF);
    VL_TRY(vl_writer_create_tree(ctx, writer, VL_TREE_TABLE, &schema, &case_table));
    VL_TRY(vl_writer_create_tree(ctx, writer, VL_TREE_KEY, NULL, &case_index));
    VL_TRY(vl_store_find_tree(ctx, store, case_table, &table));
    VL_TRY(vl_store_find_tree(ctx, store, case_index, &index));
    for (int64_t rowid = 0; rowid < CASE_ROWS; rowid++) {
        case_values(rowid, 0, values, bytes);
        VL_TRY(vl_writer_insert(ctx, writer, table, rowid, values));
        VL_TRY(vl_writer_put(ctx, writer, index, bytes, case_key((uint32_t)rowid, bytes), "v0", 2));
    }
    return case_fill_wide(ctx, store, writer);
}

/* Change some of it, so that older images stay in the file. */
static velo_status
case_change(vl_ctx *ctx, vl_store *store, vl_writer *writer, uint32_t version)
{
    static uint8_t bytes[CASE_SIZE * 41];
    static const uint32_t ids[3] = {1, 2, 5};
    vl_store_tree *table, *index;
    vl_value values[3];

    VL_TRY(vl_store_find_tree(ctx, store, case_table, &table));
    VL_TRY(vl_store_find_tree(ctx, store, case_index, &index));
    for (int64_t rowid = version; rowid < CASE_ROWS; rowid += 97) {
        case_values(rowid, version, values, bytes);
        VL_TRY(vl_writer_update(ctx, writer, table, rowid, ids, values, 2));
        VL_TRY(vl_writer_delete(ctx, writer, table, rowid + 1));
        VL_TRY(vl_writer_put(ctx, writer, index, bytes, case_key((uint32_t)rowid, bytes), "v1", 2));
        VL_TRY(vl_writer_remove(ctx, writer, index, bytes, case_key((uint32_t)rowid + 1, bytes)));
    }
    return VELO_OK;
}

/* A transaction that never commits, and one behind it that does. */
static velo_status
case_leave_open(vl_ctx *ctx, vl_store *store, vl_writer *writer)
{
    vl_writer *open;
    vl_store_tree *table, *index;
    velo_status st;

    VL_TRY(vl_store_find_tree(ctx, store, case_table, &table));
    VL_TRY(vl_store_find_tree(ctx, store, case_index, &index));
    VL_TRY(vl_writer_create(ctx, store, &open));
    st = vl_writer_begin(ctx, open);
    if (st == VELO_OK)
        st = vl_writer_delete(ctx, open, table, 210);
    vl_writer_set_synchronous(writer, VL_SYNCHRONOUS_FULL);
    if (st == VELO_OK)
        st = vl_writer_put(ctx, writer, index, "kkk", 3, "v2", 2);
    vl_writer_destroy(open);
    return st;
}

typedef struct salvage_case {
    vl_sim *sim;
    vl_io *io;
    uint8_t *bytes; /* the database */
    size_t size;
    case_list truth; /* what is in it */
} salvage_case;

static velo_status
case_read_file(salvage_case *self, const char *path)
{
    vl_ctx *ctx = unit_ctx();
    uint64_t size;
    vl_file *file;

    VL_TRY(vl_file_open(ctx, self->io, path, 0, &file));
    VL_TRY(vl_file_get_size(ctx, file, &size));
    free(self->bytes);
    self->size = (size_t)size;
    self->bytes = malloc(self->size);
    VL_TRY(vl_file_read(ctx, file, self->bytes, self->size, 0, NULL));
    vl_file_close(file);
    return VELO_OK;
}

static velo_status
case_write_file(salvage_case *self, const char *path, const uint8_t *bytes, size_t size)
{
    vl_ctx *ctx = unit_ctx();
    vl_file *file;

    VL_TRY(vl_file_open(ctx, self->io, path, VL_OPEN_WRITE | VL_OPEN_CREATE, &file));
    VL_TRY(vl_file_resize(ctx, file, size));
    VL_TRY(vl_file_write(ctx, file, bytes, size, 0));
    vl_file_close(file);
    return VELO_OK;
}

/* Make the database. is_clean 0: it is left as by a crash, with a log. */
static velo_status
case_begin(salvage_case *self, int is_clean)
{
    vl_store_options options = {.page_size = CASE_SIZE,
                                .cache_bytes = CASE_SIZE * UINT64_C(256),
                                .log_limit_bytes = UINT64_C(1) << 30,
                                .may_create = 1};
    vl_ctx *ctx = unit_ctx();
    vl_writer *writer;
    vl_store *store;

    memset(self, 0, sizeof *self);
    VL_TRY(vl_sim_create(ctx, NULL, &self->sim));
    VL_TRY(vl_sim_open_io(ctx, self->sim, &self->io));
    VL_TRY(vl_store_open(ctx, self->io, CASE_PATH, &options, &store));
    VL_TRY(vl_writer_create(ctx, store, &writer));
    VL_TRY(case_fill(ctx, store, writer));
    VL_TRY(vl_store_checkpoint(ctx, store));
    VL_TRY(case_change(ctx, store, writer, 3));
    VL_TRY(vl_store_checkpoint(ctx, store));
    VL_TRY(case_change(ctx, store, writer, 5));
    if (!is_clean)
        VL_TRY(case_leave_open(ctx, store, writer));
    vl_writer_destroy(writer);
    if (is_clean)
        VL_TRY(vl_store_close(ctx, store));
    else
        vl_store_abandon(store);
    VL_TRY(case_read_file(self, CASE_PATH));
    return case_collect(self->io, CASE_PATH, 0, &self->truth);
}

static void
case_end(salvage_case *self)
{
    free(self->truth.cells);
    free(self->bytes);
    vl_io_close(self->io);
    vl_sim_destroy(self->sim);
}

/* Salvage the database with some bytes replaced. */
static velo_status
case_damage(salvage_case *self, size_t at, size_t size, int is_thorough, case_list *found)
{
    uint8_t *bytes = malloc(self->size);
    velo_status st;

    memcpy(bytes, self->bytes, self->size);
    for (size_t i = 0; i < size && at + i < self->size; i++)
        bytes[at + i] = (uint8_t)(vl_mix64(at + i) >> 11);
    st = case_write_file(self, CASE_BAD, bytes, self->size);
    free(bytes);
    return st == VELO_OK ? case_collect(self->io, CASE_BAD, is_thorough, found) : st;
}

/* A number for a row that may be there. */
static velo_status
case_sum_row(vl_store *store, vl_store_tree *table, int64_t rowid, vl_arena *arena, uint64_t *sum)
{
    const vl_layout *layout = atomic_load(&table->layout);
    vl_value values[CASE_WIDE_MAX];
    velo_status st = vl_store_read_row(unit_ctx(), store, table, rowid, arena, values);

    vl_error_clear(unit_ctx());
    for (uint32_t i = 0; st == VELO_OK && i < layout->columns.count; i++)
        *sum += vl_mix64(vl_mix64(table->tree.id * 1000 + (uint64_t)rowid) +
                         layout->columns.ids[i] + case_hash(values + i));
    vl_arena_reset(arena);
    return st == VELO_NOTFOUND ? VELO_OK : st;
}

/* A number for the content of a database of ours. */
static velo_status
case_sum(vl_ctx *ctx, vl_store *store, uint64_t *sum)
{
    static uint8_t key[CASE_SIZE], value[CASE_SIZE];
    vl_tree_key_state state;
    velo_status st = VELO_OK;
    vl_store_tree *tree;
    vl_tree_id id = 0;
    vl_arena arena;
    uint32_t size;

    *sum = 0;
    vl_arena_init(&arena, ctx->allocator, 0);
    while (st == VELO_OK && vl_store_next_tree(ctx, store, id, &tree) == VELO_OK) {
        id = tree->tree.id;
        *sum += vl_mix64(id * 4 + tree->kind);
        for (uint32_t i = 0; st == VELO_OK && i < CASE_ROWS; i++) {
            if (tree->kind == VL_TREE_TABLE) {
                st = case_sum_row(store, tree, i, &arena, sum);
                continue;
            }
            st = vl_tree_key_get(ctx, &tree->tree, key, case_key(i, key), value, &size, &state);
            if (st == VELO_OK && state == VL_TREE_KEY_LIVE)
                *sum += vl_mix64(vl_hash64(value, size, id * 1000 + i));
        }
    }
    vl_arena_deinit(&arena);
    return st;
}

/* The number for the content of a database that can be opened: that of the model, or ours. */
static velo_status
case_read_store(vl_io *io, const char *path, int is_model, uint64_t *content)
{
    vl_store_options options = {.page_size = CASE_SIZE};
    vl_store_report report;
    vl_store *store;
    velo_status st;

    VL_TRY(vl_store_open(unit_ctx(), io, path, &options, &store));
    st = is_model ? store_model_read(unit_ctx(), store, content)
                  : case_sum(unit_ctx(), store, content);
    if (st == VELO_OK)
        st = vl_store_check(unit_ctx(), store, NULL, NULL, &report);
    if (st == VELO_OK)
        return vl_store_close(unit_ctx(), store);
    vl_store_abandon(store);
    return st;
}

/* ---- intact databases ---- */

static void
salvage_of_an_intact_database_finds_all_of_it(void)
{
    salvage_case self;

    CHECK_OK(case_begin(&self, 1));
    CHECK_EQ(self.truth.lines, 0);
    CHECK_EQ(self.truth.stats.line_count, 0);
    CHECK_EQ(self.truth.trees, 3);
    CHECK_EQ(self.truth.layouts, 2);
    CHECK_EQ(self.truth.lost_cells, 0);
    CHECK_EQ(self.truth.order_faults, 0);
    CHECK_EQ(self.truth.stats.unverified_rows, 0);
    CHECK_EQ(self.truth.stats.stray_count, 0);
    CHECK_EQ(self.truth.operations, 0);
    CHECK_EQ(self.truth.stats.row_count, CASE_ROWS - 6 - 6 + 1 + 12 - 1);
    CHECK_EQ(self.truth.stats.entry_count, CASE_ROWS - 6 - 6);
    case_end(&self);
}

static void
salvage_copy_of_an_intact_database_is_identical(void)
{
    vl_salvage_copy_options options = {.cache_bytes = CASE_SIZE * UINT64_C(128)};
    static store_model model;
    vl_salvage_copy_report report;
    uint64_t content, at;
    vl_sim *sim;
    vl_io *io;

    for (uint64_t round = 0; round < 8; round++) {
        int is_clean = round % 2 == 0;

        CHECK_OK(vl_sim_create(unit_ctx(), NULL, &sim));
        CHECK_OK(vl_sim_open_io(unit_ctx(), sim, &io));
        store_model_init(&model, unit_ctx(), io, CASE_PATH, unit_seed() + round);
        model.options.log_limit_bytes = 200000;
        model.options.log_ring_bytes = 65536;
        CHECK_OK(store_model_open(&model));
        for (uint32_t i = 0; i < 400; i++)
            CHECK_OK(store_model_step(&model));
        if (is_clean)
            CHECK_OK(store_model_close(&model));
        else
            store_model_deinit(&model); /* as after a crash of the process */
        CHECK_OK(vl_salvage_copy(unit_ctx(), io, CASE_PATH, CASE_COPY, &options, &report));
        CHECK_EQ(report.found.line_count, 0);
        CHECK_EQ(report.unverified_count, 0);
        CHECK_EQ(report.refused_count, 0);
        CHECK_EQ(report.duplicate_count, 0);
        CHECK_EQ(report.lost_operation_count, 0);
        CHECK_OK(case_read_store(io, CASE_COPY, 1, &content));
        if (is_clean) {
            CHECK(content == model.content);
            store_model_deinit(&model);
        } else {
            CHECK_OK(case_read_store(io, CASE_PATH, 1, &at)); /* recovers */
            CHECK(content == at);
        }
        vl_io_close(io);
        vl_sim_destroy(sim);
    }
}

static void
salvage_copy_needs_a_new_file(void)
{
    vl_salvage_copy_options options = {0};
    vl_salvage_copy_report report;
    salvage_case self;
    int exists;

    CHECK_OK(case_begin(&self, 1));
    CHECK_STATUS(vl_salvage_copy(unit_ctx(), self.io, CASE_PATH, CASE_PATH, &options, &report),
                 VELO_CANTOPEN);
    CHECK_STATUS(vl_salvage_copy(unit_ctx(), self.io, "/absent", CASE_COPY, &options, &report),
                 VELO_CANTOPEN);
    CHECK_OK(vl_path_exists(unit_ctx(), self.io, CASE_COPY, &exists));
    CHECK_EQ(exists, 0);
    case_end(&self);
}

/* ---- one page ---- */

/* What becomes of the database without one of its blocks. */
static void
salvage_check_block(salvage_case *self, uint64_t block, int is_thorough, uint64_t *kinds)
{
    const vl_page_header *header = (const void *)(self->bytes + block * CASE_SIZE);
    size_t missing, changed;
    case_list found;

    CHECK_OK(case_damage(self, (size_t)block * CASE_SIZE, CASE_SIZE, is_thorough, &found));
    CHECK_EQ(case_wrong(&found, &self->truth), 0);
    CHECK_EQ(found.order_faults, 0);
    missing = case_missing(&found, &self->truth, (vl_pid)header->pid);
    changed = found.stats.page_count != self->truth.stats.page_count;
    if (!changed) { /* nothing of the checkpoint was there */
        CHECK_EQ(found.lines, 0);
        CHECK_EQ(case_missing(&found, &self->truth, 0), 0);
        CHECK_EQ(found.stats.unverified_rows + found.stats.unverified_entries, 0);
        free(found.cells);
        return;
    }
    CHECK(found.lines > 0);
    kinds[header->kind]++;
    switch (header->kind) {
    case VL_PAGE_TABLE_LEAF:
    case VL_PAGE_KEY_LEAF:
        CHECK_EQ(missing, 0);
        if (header->tree == 1) {
            CHECK_EQ(case_missing(&found, &self->truth, 0), 0);
        } else if (!is_thorough) {
            CHECK_EQ(case_found_of(&found, &self->truth, (vl_pid)header->pid), 0);
        }
        CHECK(header->kind == VL_PAGE_KEY_LEAF || found.ranges == 1);
        break;
    case VL_PAGE_OVERFLOW_LIST:
    case VL_PAGE_OVERFLOW_DATA: /* of a value, of a record of all columns, of a key; of a fence */
        CHECK(case_missing(&found, &self->truth, 0) <= CASE_WIDE_MAX);
        CHECK_EQ(case_missing(&found, &self->truth, 0), found.lost_cells + found.stats.lost_keys);
        break;
    default: /* a node above leaves, or of the map: all is found in another way */
        CHECK_EQ(case_missing(&found, &self->truth, 0), 0);
        break;
    }
    free(found.cells);
}

static void
salvage_without_any_one_block_loses_what_was_there_only(void)
{
    uint64_t kinds[256] = {0};
    salvage_case self;

    CHECK_OK(case_begin(&self, 1));
    for (int is_thorough = 0; is_thorough < 2; is_thorough++)
        for (uint64_t block = 2; block < self.size / CASE_SIZE && !unit_has_failed(); block++)
            salvage_check_block(&self, block, is_thorough, kinds);
    for (uint32_t kind = VL_PAGE_TABLE_LEAF; kind <= VL_PAGE_MAP; kind++)
        if (kind != VL_PAGE_KEY_INNER || CASE_SIZE == 512)
            CHECK(kinds[kind] > 0); /* there were pages of every kind */
    case_end(&self);
}

static void
salvage_says_which_rowids_are_lost(void)
{
    salvage_case self;
    case_list found;
    uint64_t looked = 0;

    CHECK_OK(case_begin(&self, 1));
    for (uint64_t block = 2; block < self.size / CASE_SIZE; block++) {
        const vl_page_header *header = (const void *)(self.bytes + block * CASE_SIZE);

        if (header->kind != VL_PAGE_TABLE_LEAF || header->tree != case_table)
            continue;
        CHECK_OK(case_damage(&self, (size_t)block * CASE_SIZE, CASE_SIZE, 0, &found));
        for (size_t i = 0; found.ranges > 0 && i < self.truth.count; i++) {
            const case_cell *cell = self.truth.cells + i;

            if (cell->tree == case_table && cell->column == 0)
                CHECK_EQ(case_has(&found, cell), (int64_t)cell->place < found.range.first ||
                                                     (int64_t)cell->place > found.range.last);
        }
        looked += found.ranges;
        free(found.cells);
    }
    CHECK(looked > 3);
    case_end(&self);
}

/* Of older images of a leaf only those rows are given that the leaf would have had. */
static void
salvage_takes_from_older_images_what_is_lost_only(void)
{
    size_t all = 0, some = 0;
    salvage_case self;
    case_list found;

    CHECK_OK(case_begin(&self, 1));
    for (uint64_t block = 2; block < self.size / CASE_SIZE; block++) {
        const vl_page_header *header = (const void *)(self.bytes + block * CASE_SIZE);

        if (header->kind != VL_PAGE_TABLE_LEAF || header->tree != case_table)
            continue;
        CHECK_OK(case_damage(&self, (size_t)block * CASE_SIZE, CASE_SIZE, 1, &found));
        if (found.ranges > 0)
            CHECK_EQ(case_unsure_outside(&found, found.range, &some), 0);
        else
            CHECK_EQ(found.stats.unverified_rows, 0);
        all += found.ranges > 0 ? some : 0;
        free(found.cells);
    }
    CHECK(all > 0);
    case_end(&self);
}

/* ---- pages whose checksums are right, and that are wrong all the same ---- */

/* Make the checksums below a map page fit; returns that of the page itself. */
static uint64_t
case_seal_map(salvage_case *self, uint64_t address)
{
    uint8_t *page = self->bytes + address * CASE_SIZE;

    if (((const vl_page_header *)(const void *)page)->kind == VL_PAGE_MAP)
        for (uint32_t i = VL_PAGEMAP_FIRST; i < vl_pagemap_fanout(CASE_SIZE); i++) {
            vl_extent extent = vl_pagemap_get(page, i);

            if (extent.encoding == VL_PAGEMAP_EMPTY)
                continue;
            extent.checksum = case_seal_map(self, extent.address);
            vl_pagemap_set(page, i, &extent);
        }
    return vl_hash64(page, CASE_SIZE, address);
}

static void
case_seal(salvage_case *self)
{
    vl_superblock super;
    uint32_t place;

    if (vl_superblock_find(unit_ctx(), "s", self->bytes, self->size, &super, &place) != VELO_OK)
        abort();
    super.map_root.checksum = case_seal_map(self, super.map_root.address);
    vl_superblock_encode(&super, place, self->bytes + (size_t)place * CASE_SIZE);
}

/* The present image of the root of our table: of several, the one that counts is that with which
 * pages are missing when it is destroyed. */
static uint8_t *
case_find_root(salvage_case *self)
{
    for (uint64_t block = 2; block < self->size / CASE_SIZE; block++) {
        vl_page_header *header = (void *)(self->bytes + block * CASE_SIZE);
        case_list found;

        if (header->kind != VL_PAGE_TABLE_INNER || header->tree != case_table ||
            vl_node_rowid_count(header, CASE_SIZE) < 3)
            continue;
        if (case_damage(self, (size_t)block * CASE_SIZE, CASE_SIZE, 0, &found) != VELO_OK)
            return NULL;
        free(found.cells);
        if (found.stats.page_count != self->truth.stats.page_count)
            return self->bytes + block * CASE_SIZE;
    }
    return NULL;
}

static void
salvage_leaves_out_pages_of_no_tree(void)
{
    salvage_case self;
    case_list found;
    uint8_t *root;
    vl_pid child;

    CHECK_OK(case_begin(&self, 1));
    root = case_find_root(&self);
    CHECK(root != NULL);
    child = vl_node_rowid_child(root, CASE_SIZE, 1);
    vl_node_rowid_remove(root, CASE_SIZE, 1);
    case_seal(&self);
    CHECK_OK(case_damage(&self, 0, 0, 1, &found));
    CHECK_EQ(found.lines, 0);
    CHECK(found.stats.stray_count > 0);
    CHECK_EQ(found.stats.page_count, self.truth.stats.page_count);
    CHECK(found.stats.row_count < self.truth.stats.row_count);
    CHECK_EQ(found.stats.unverified_rows, 0);
    CHECK_EQ(case_found_of(&found, &self.truth, child), 0);
    free(found.cells);
    case_end(&self);
}

/* The same where other rows of the table are lost. */
static void
salvage_leaves_out_rows_that_are_not_lost(void)
{
    vl_pid child, lost;
    salvage_case self;
    case_list found;
    uint8_t *root;

    CHECK_OK(case_begin(&self, 1));
    root = case_find_root(&self);
    CHECK(root != NULL);
    child = vl_node_rowid_child(root, CASE_SIZE, 1);
    lost = vl_node_rowid_child(root, CASE_SIZE, 2);
    vl_node_rowid_remove(root, CASE_SIZE, 1);
    vl_node_rowid_set_child(root, CASE_SIZE, 1, vl_node_rowid_child(root, CASE_SIZE, 0));
    case_seal(&self);
    CHECK_OK(case_damage(&self, 0, 0, 0, &found));
    CHECK_EQ(found.ranges, 1);
    CHECK_EQ(case_found_of(&found, &self.truth, child), 0);
    CHECK(case_found_of(&found, &self.truth, lost) > 0);
    free(found.cells);
    case_end(&self);
}

/* Two parts of a long value in each other's place. */
static void
salvage_puts_no_part_of_a_value_in_anothers_place(void)
{
    uint64_t lost = 0;
    salvage_case self;
    case_list found;

    CHECK_OK(case_begin(&self, 1));
    for (uint64_t block = 2; block < self.size / CASE_SIZE; block++) {
        uint8_t *page = self.bytes + block * CASE_SIZE;
        const vl_page_header *header = (const void *)page;
        uint32_t first = vl_load_le32(page + 64), second = vl_load_le32(page + 68);

        if (header->kind != VL_PAGE_OVERFLOW_LIST || header->count < 3)
            continue;
        vl_store_le32(page + 64, second);
        vl_store_le32(page + 68, first);
        case_seal(&self);
        CHECK_OK(case_damage(&self, 0, 0, 0, &found));
        CHECK_EQ(case_wrong(&found, &self.truth), 0);
        lost += found.lost_cells;
        free(found.cells);
        vl_store_le32(page + 64, first);
        vl_store_le32(page + 68, second);
    }
    CHECK(lost > 0);
    case_end(&self);
}

static void
salvage_uses_each_page_once(void)
{
    salvage_case self;
    case_list found;
    uint8_t *root;

    CHECK_OK(case_begin(&self, 1));
    root = case_find_root(&self);
    CHECK(root != NULL);
    for (uint32_t i = 1; i < vl_node_rowid_count(root, CASE_SIZE); i++)
        vl_node_rowid_set_child(root, CASE_SIZE, i, vl_node_rowid_child(root, CASE_SIZE, 0));
    case_seal(&self);
    CHECK_OK(case_damage(&self, 0, 0, 0, &found));
    CHECK(found.lines > 0);
    CHECK_EQ(found.stats.row_count, self.truth.stats.row_count); /* the others hang in the air */
    CHECK_EQ(case_wrong(&found, &self.truth), 0);
    CHECK_EQ(case_missing(&found, &self.truth, 0), 0);
    free(found.cells);
    case_end(&self);
}

/* ---- larger damage ---- */

static void
salvage_without_superblocks_gives_all_unverified(void)
{
    vl_salvage_copy_options options = {.cache_bytes = CASE_SIZE * UINT64_C(128)};
    vl_salvage_copy_report report;
    salvage_case self;
    uint64_t content;
    case_list found;

    CHECK_OK(case_begin(&self, 1));
    CHECK_OK(case_damage(&self, 0, (size_t)2 * CASE_SIZE, 0, &found));
    CHECK_EQ(found.stats.page_size, CASE_SIZE);
    CHECK_EQ(case_missing(&found, &self.truth, 0), 0);
    CHECK_EQ(found.stats.unverified_rows, found.stats.row_count);
    CHECK_EQ(found.stats.unverified_entries, found.stats.entry_count);
    CHECK_EQ(found.trees, 3);
    CHECK_EQ(found.layouts, 2);
    free(found.cells);
    CHECK_OK(vl_salvage_copy(unit_ctx(), self.io, CASE_BAD, CASE_COPY, &options, &report));
    CHECK_EQ(report.tree_count, 3);
    CHECK_EQ(report.unverified_count, report.row_count);
    CHECK(report.row_count >= self.truth.stats.row_count + self.truth.stats.entry_count);
    CHECK_OK(case_read_store(self.io, CASE_COPY, 0, &content));
    case_end(&self);
}

static void
salvage_with_one_superblock_has_a_checkpoint(void)
{
    salvage_case self;
    case_list found;

    CHECK_OK(case_begin(&self, 1));
    for (size_t place = 0; place < 2; place++) {
        CHECK_OK(case_damage(&self, place * CASE_SIZE, VL_SUPER_SIZE, 0, &found));
        CHECK(found.lines > 0);
        CHECK(found.stats.row_count > CASE_ROWS / 2);
        free(found.cells);
    }
    case_end(&self);
}

/* The block of the root of the map. */
static uint64_t
case_map_root(const salvage_case *self)
{
    vl_superblock super;
    uint32_t place;

    if (vl_superblock_find(unit_ctx(), "s", self->bytes, self->size, &super, &place) != VELO_OK)
        return 0;
    return super.map_root.address;
}

static void
salvage_without_the_maps_root_gives_all_unverified(void)
{
    salvage_case self;
    case_list found;

    CHECK_OK(case_begin(&self, 1));
    CHECK_OK(case_damage(&self, (size_t)case_map_root(&self) * CASE_SIZE, CASE_SIZE, 0, &found));
    CHECK_EQ(case_missing(&found, &self.truth, 0), 0);
    CHECK_EQ(found.stats.unverified_rows, found.stats.row_count);
    CHECK_EQ(found.trees, 3);
    free(found.cells);
    case_end(&self);
}

/* Destroy all present pages of the directory. */
static void
salvage_without_the_directory_gives_all_verified(void)
{
    vl_salvage_copy_options options = {.cache_bytes = CASE_SIZE * UINT64_C(128)};
    vl_salvage_copy_report report;
    uint64_t content, right;
    salvage_case self;
    case_list found;

    CHECK_OK(case_begin(&self, 1));
    for (uint64_t block = 2; block < self.size / CASE_SIZE; block++) {
        vl_page_header *header = (void *)(self.bytes + block * CASE_SIZE);

        if (header->kind <= VL_PAGE_TABLE_INNER && header->tree == 1)
            memset(header, 0x5a, CASE_SIZE);
    }
    CHECK_OK(case_damage(&self, 0, 0, 0, &found));
    CHECK_EQ(case_wrong(&found, &self.truth), 0);
    CHECK_EQ(case_missing(&found, &self.truth, 0), 0);
    CHECK_EQ(found.trees, 3);
    CHECK_EQ(found.layouts, 0);
    CHECK_EQ(found.stats.unverified_rows, 0);
    free(found.cells);
    CHECK_OK(vl_salvage_copy(unit_ctx(), self.io, CASE_BAD, CASE_COPY, &options, &report));
    CHECK_EQ(report.tree_count, 3);
    CHECK_EQ(report.refused_count, 0);
    CHECK_EQ(report.row_count, self.truth.stats.row_count + self.truth.stats.entry_count);
    CHECK_OK(case_read_store(self.io, CASE_COPY, 0, &content));
    CHECK_OK(case_read_store(self.io, CASE_PATH, 0, &right));
    CHECK(content == right);
    case_end(&self);
}

static void
salvage_of_something_else_says_so(void)
{
    static uint8_t bytes[40000];
    vl_salvage_options options = {0};
    vl_salvage_stats stats;
    salvage_case self = {0};

    CHECK_OK(vl_sim_create(unit_ctx(), NULL, &self.sim));
    CHECK_OK(vl_sim_open_io(unit_ctx(), self.sim, &self.io));
    for (size_t size = 0; size <= sizeof bytes; size += 10000) {
        memset(bytes, 'x', sizeof bytes);
        CHECK_OK(case_write_file(&self, CASE_BAD, bytes, size));
        CHECK_STATUS(vl_salvage_run(unit_ctx(), self.io, CASE_BAD, &options, &stats), VELO_NOTADB);
    }
    case_end(&self);
}

static void
salvage_of_a_file_that_was_cut_off_gives_the_rest(void)
{
    salvage_case self;
    case_list found;

    CHECK_OK(case_begin(&self, 1));
    for (size_t size = self.size; size > (size_t)4 * CASE_SIZE; size = size * 3 / 4) {
        CHECK_OK(case_write_file(&self, CASE_BAD, self.bytes, size));
        CHECK_OK(case_collect(self.io, CASE_BAD, 0, &found));
        CHECK_EQ(case_wrong(&found, &self.truth), 0);
        CHECK_EQ(found.lines > 0, size != self.size);
        free(found.cells);
    }
    case_end(&self);
}

/* ---- random damage ---- */

static void
case_spoil(vl_rng *rng, uint8_t *bytes, size_t size)
{
    uint64_t count = 1 + vl_rng_below(rng, 12);

    for (uint64_t i = 0; i < count; i++) {
        size_t at = (size_t)vl_rng_below(rng, size);
        size_t other = (size_t)vl_rng_below(rng, size / CASE_SIZE) * CASE_SIZE;
        size_t part = (size_t)vl_rng_below(rng, 2 * CASE_SIZE);

        part = part < size - at ? part : size - at;
        switch (vl_rng_below(rng, 4)) {
        case 0:
            bytes[at] ^= (uint8_t)(1U << vl_rng_below(rng, 8));
            break;
        case 1:
            memset(bytes + at, 0, part);
            break;
        case 2:
            vl_rng_fill(rng, bytes + at, part);
            break;
        default: /* a misdirected write */
            memmove(bytes + at / CASE_SIZE * CASE_SIZE, bytes + other,
                    at / CASE_SIZE * CASE_SIZE + CASE_SIZE <= size && other + CASE_SIZE <= size
                        ? CASE_SIZE
                        : 0);
            break;
        }
    }
}

static void
salvage_of_random_damage_gives_nothing_wrong_as_verified(void)
{
    vl_salvage_copy_options options = {.cache_bytes = CASE_SIZE * UINT64_C(128)};
    const char *rounds = getenv("VELO_TEST_ROUNDS");
    uint64_t count = rounds != NULL ? strtoull(rounds, NULL, 10) : 40;
    vl_salvage_copy_report report;
    uint64_t content, spare = 0;
    salvage_case self;
    case_list found;
    uint8_t *bytes;
    vl_rng rng;

    CHECK_OK(case_begin(&self, 1));
    vl_rng_init(&rng, unit_seed());
    bytes = malloc(self.size);
    for (uint64_t round = 0; round < count; round++) {
        memcpy(bytes, self.bytes, self.size);
        case_spoil(&rng, bytes + 2 * CASE_SIZE, self.size - 2 * CASE_SIZE);
        CHECK_OK(case_write_file(&self, CASE_BAD, bytes, self.size));
        CHECK_OK(case_collect(self.io, CASE_BAD, round % 2 == 0, &found));
        CHECK_EQ(case_wrong(&found, &self.truth), 0);
        spare += found.stats.row_count > CASE_ROWS / 2;
        free(found.cells);
        if (round % 8 != 0)
            continue;
        CHECK_OK(vl_salvage_copy(unit_ctx(), self.io, CASE_BAD, CASE_COPY, &options, &report));
        CHECK_OK(case_read_store(self.io, CASE_COPY, 0, &content));
        CHECK_OK(vl_path_delete(unit_ctx(), self.io, CASE_COPY));
    }
    CHECK(spare > count / 2);
    free(bytes);
    case_end(&self);
}

/* ---- the log ---- */

static velo_status
case_cut_log(salvage_case *self, size_t size, case_list *found)
{
    salvage_case log = {.sim = self->sim, .io = self->io};
    velo_status st;

    VL_TRY(case_write_file(self, CASE_BAD, self->bytes, self->size));
    VL_TRY(case_read_file(&log, CASE_PATH "-wal"));
    size = size < log.size ? size : log.size;
    memset(log.bytes + size, 0xa5, log.size - size);
    st = case_write_file(self, CASE_BAD_WAL, log.bytes, log.size);
    free(log.bytes);
    return st == VELO_OK ? case_collect(self->io, CASE_BAD, 0, found) : st;
}

static void
salvage_reads_the_log_as_far_as_it_goes(void)
{
    vl_salvage_copy_options options = {.cache_bytes = CASE_SIZE * UINT64_C(128)};
    vl_salvage_copy_report report;
    uint64_t whole, last = 0, reached = 0, content, right;
    salvage_case self;
    case_list found;

    CHECK_OK(case_begin(&self, 0));
    whole = self.truth.operations;
    CHECK_EQ(whole, 6 * 4 + 1);
    CHECK_EQ(self.truth.log_lines, 0);
    for (size_t size = 4096; reached < whole; size += 256) {
        CHECK_OK(case_cut_log(&self, size, &found));
        CHECK_EQ(case_wrong(&found, &self.truth), 0);
        CHECK_EQ(case_missing(&found, &self.truth, 0), 0);
        CHECK(found.operations >= last && found.operations <= whole);
        reached = last = found.operations;
        free(found.cells);
    }
    CHECK_OK(case_cut_log(&self, 0, &found));
    CHECK_EQ(found.operations, 0);
    CHECK(found.log_lines == 1);
    free(found.cells);
    CHECK_OK(vl_salvage_copy(unit_ctx(), self.io, CASE_PATH, CASE_COPY, &options, &report));
    CHECK_EQ(report.operation_count, whole);
    CHECK_OK(case_read_store(self.io, CASE_COPY, 0, &content));
    CHECK_OK(case_read_store(self.io, CASE_PATH, 0, &right));
    CHECK(content == right);
    case_end(&self);
}

static void
salvage_says_that_the_log_is_missing(void)
{
    salvage_case self;
    case_list found;

    CHECK_OK(case_begin(&self, 0));
    CHECK_OK(case_damage(&self, 0, 0, 0, &found));
    CHECK_EQ(found.log_lines, 1);
    CHECK_EQ(found.operations, 0);
    CHECK_EQ(case_missing(&found, &self.truth, 0), 0);
    free(found.cells);
    case_end(&self);
}

/* Rows of a leaf that is lost come back where the log inserts them. */
static void
salvage_copy_applies_the_log_over_damage(void)
{
    vl_salvage_copy_options options = {.cache_bytes = CASE_SIZE * UINT64_C(128)};
    vl_salvage_copy_report report;
    salvage_case self, log;
    uint64_t content, lost = 0;

    CHECK_OK(case_begin(&self, 0));
    memset(&log, 0, sizeof log);
    log.io = self.io;
    CHECK_OK(case_read_file(&log, CASE_PATH "-wal"));
    CHECK_OK(case_write_file(&self, CASE_BAD_WAL, log.bytes, log.size));
    free(log.bytes);
    for (uint64_t block = 2; block < self.size / CASE_SIZE; block += 3) {
        uint8_t *at = self.bytes + block * CASE_SIZE;
        uint8_t kept = at[100];

        at[100] ^= 1;
        CHECK_OK(case_write_file(&self, CASE_BAD, self.bytes, self.size));
        CHECK_OK(vl_salvage_copy(unit_ctx(), self.io, CASE_BAD, CASE_COPY, &options, &report));
        CHECK_EQ(report.operation_count + report.lost_operation_count, 25);
        CHECK_EQ(report.refused_count, 0);
        CHECK_OK(case_read_store(self.io, CASE_COPY, 0, &content));
        CHECK_OK(vl_path_delete(unit_ctx(), self.io, CASE_COPY));
        lost += report.lost_operation_count;
        at[100] = kept;
    }
    CHECK(lost > 0);
    case_end(&self);
}

/* ---- memory and media ---- */

static velo_status
case_run_without_memory(vl_ctx *ctx, void *argument)
{
    vl_salvage_options options = {.is_thorough = 1};
    salvage_case *self = argument;
    vl_salvage_stats stats;

    return vl_salvage_run(ctx, self->io, CASE_PATH, &options, &stats);
}

static void
salvage_survives_failed_allocations(void)
{
    salvage_case self;

    CHECK_OK(case_begin(&self, 0));
    CHECK(unit_each_alloc_failure(case_run_without_memory, &self) > 10);
    case_end(&self);
}

static void
salvage_copy_that_fails_leaves_nothing(void)
{
    vl_salvage_copy_options options = {.cache_bytes = CASE_SIZE * UINT64_C(128)};
    vl_salvage_copy_report report;
    salvage_case self;
    int exists;

    CHECK_OK(case_begin(&self, 0));
    for (uint64_t nth = 1; nth < 40; nth += 4) {
        vl_sim_fault fault = {.kind = VL_SIM_ERROR, .ops = VL_SIM_WRITE, .path = "/c", .nth = nth};

        CHECK_OK(vl_sim_plan(unit_ctx(), self.sim, &fault));
        if (vl_salvage_copy(unit_ctx(), self.io, CASE_PATH, CASE_COPY, &options, &report) !=
            VELO_OK) {
            CHECK_OK(vl_path_exists(unit_ctx(), self.io, CASE_COPY, &exists));
            CHECK_EQ(exists, 0);
            CHECK_OK(vl_path_exists(unit_ctx(), self.io, CASE_COPY "-wal", &exists));
            CHECK_EQ(exists, 0);
        } else {
            CHECK_OK(vl_path_delete(unit_ctx(), self.io, CASE_COPY));
        }
        vl_sim_plan_clear(self.sim);
    }
    case_end(&self);
}

/* A sector that cannot be read is damage like any other. */
static void
salvage_goes_on_behind_failed_reads(void)
{
    salvage_case self;
    case_list found;

    CHECK_OK(case_begin(&self, 1));
    for (uint64_t nth = 1; nth < 100; nth += 7) {
        vl_sim_fault fault = {
            .kind = VL_SIM_ERROR, .ops = VL_SIM_READ, .path = CASE_PATH, .nth = nth, .count = 3};

        CHECK_OK(vl_sim_plan(unit_ctx(), self.sim, &fault));
        CHECK_OK(case_collect(self.io, CASE_PATH, 0, &found));
        CHECK_EQ(case_wrong(&found, &self.truth), 0);
        vl_sim_plan_clear(self.sim);
        free(found.cells);
    }
    case_end(&self);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(salvage_of_an_intact_database_finds_all_of_it),
        UNIT_TEST(salvage_copy_of_an_intact_database_is_identical),
        UNIT_TEST(salvage_copy_needs_a_new_file),
        UNIT_TEST(salvage_without_any_one_block_loses_what_was_there_only),
        UNIT_TEST(salvage_says_which_rowids_are_lost),
        UNIT_TEST(salvage_takes_from_older_images_what_is_lost_only),
        UNIT_TEST(salvage_leaves_out_pages_of_no_tree),
        UNIT_TEST(salvage_leaves_out_rows_that_are_not_lost),
        UNIT_TEST(salvage_puts_no_part_of_a_value_in_anothers_place),
        UNIT_TEST(salvage_uses_each_page_once),
        UNIT_TEST(salvage_without_superblocks_gives_all_unverified),
        UNIT_TEST(salvage_with_one_superblock_has_a_checkpoint),
        UNIT_TEST(salvage_without_the_maps_root_gives_all_unverified),
        UNIT_TEST(salvage_without_the_directory_gives_all_verified),
        UNIT_TEST(salvage_of_something_else_says_so),
        UNIT_TEST(salvage_of_a_file_that_was_cut_off_gives_the_rest),
        UNIT_TEST(salvage_of_random_damage_gives_nothing_wrong_as_verified),
        UNIT_TEST(salvage_reads_the_log_as_far_as_it_goes),
        UNIT_TEST(salvage_says_that_the_log_is_missing),
        UNIT_TEST(salvage_copy_applies_the_log_over_damage),
        UNIT_TEST(salvage_survives_failed_allocations),
        UNIT_TEST(salvage_copy_that_fails_leaves_nothing),
        UNIT_TEST(salvage_goes_on_behind_failed_reads),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
