/* store_model.c - see store_model.h. */
#include "lib/store_model.h"

#include "base/hash.h"
#include "storage/store_check.h"
#include "storage/tree_key.h"

#include <stdlib.h>
#include <string.h>

/* ---- values ---- */

#define MODEL_FEW     6U         /* columns that most tables have at most */
#define MODEL_DEFAULT UINT64_MAX /* the cell has its column's default */

/* Make the value of a seed; `buffer` has room for the longest. */
static vl_value
model_value(const store_model *model, model_seed seed, uint32_t column, uint8_t *buffer)
{
    vl_value value = {.type = VL_TYPE_NULL};
    uint64_t bits = vl_mix64(seed);
    vl_rng rng;

    if (seed == MODEL_DEFAULT) {
        value.type = VL_TYPE_INTEGER;
        value.as.integer = (int64_t)column * 1000;
        return value;
    }
    vl_rng_init(&rng, seed);
    switch (bits % 6) {
    case 0:
        return value;
    case 1:
    case 2:
        value.type = VL_TYPE_INTEGER;
        value.as.integer = (int64_t)(bits >> (bits % 50));
        return value;
    case 3:
        value.type = VL_TYPE_REAL;
        value.as.real = (double)(bits >> 20) / 1024.0;
        return value;
    default:
        value.type = bits % 6 == 4 ? VL_TYPE_TEXT : VL_TYPE_BLOB;
        value.size = (uint32_t)vl_rng_below(&rng, 24);
        if (vl_rng_chance(&rng, 1, 12))
            value.size = (uint32_t)vl_rng_below(&rng, model->value_size);
        vl_rng_fill(&rng, buffer, value.size);
        value.as.data = buffer;
        return value;
    }
}

/* What a value adds to the content's number, at its place. */
static uint64_t
model_weight(vl_tree_id tree, uint64_t place, uint64_t column, const vl_value *value)
{
    uint64_t hash = vl_mix64(vl_mix64(vl_mix64(tree + 1) ^ place) + column) ^ value->type;

    switch (value->type) {
    case VL_TYPE_INTEGER:
        return vl_mix64(hash + (uint64_t)value->as.integer * 0x9e3779b97f4a7c15U);
    case VL_TYPE_REAL:
        return vl_hash64(&value->as.real, sizeof value->as.real, hash);
    case VL_TYPE_TEXT:
    case VL_TYPE_BLOB:
        return vl_hash64(value->as.data, value->size, hash);
    default:
        return vl_mix64(hash);
    }
}

/* What a tree adds by being there, with so many columns; 0 for trees of keys. */
static uint64_t
model_tree_weight(vl_tree_id id, uint64_t kind, uint64_t column_count)
{
    return vl_mix64(vl_mix64(id) + 1000 * kind + (kind == VL_TREE_TABLE ? column_count : 0));
}

/* What a table's mark adds. */
static uint64_t
model_mark_weight(vl_tree_id tree, int64_t mark)
{
    return mark == INT64_MIN ? 0 : vl_mix64(vl_mix64(tree + 5) ^ (uint64_t)mark);
}

/* The key of a number: some are long, many share what they begin with. */
static uint32_t
model_key(const store_model *model, vl_tree_id tree, uint32_t number, uint8_t *to)
{
    uint32_t size = 3 + number % 9;

    memset(to, 'k', size);
    to[1] = (uint8_t)tree;
    if (number % 16 == 5) {
        size = model->options.page_size;
        memset(to + 2, 'x', size - 2);
    }
    to[size - 1] = (uint8_t)number;
    return size;
}

/* ---- reading a store ---- */

static velo_status
model_read_row(vl_ctx *ctx, vl_store *store, vl_store_tree *table, int64_t rowid, vl_arena *arena,
               uint64_t *content)
{
    const vl_layout *layout = atomic_load(&table->layout);
    vl_value values[MODEL_COLUMNS];

    if (layout->columns.count > MODEL_COLUMNS)
        return vl_fail(ctx, VELO_CORRUPT, "a table of too many columns");
    VL_TRY(vl_store_read_row(ctx, store, table, rowid, arena, values));
    for (uint32_t i = 0; i < layout->columns.count; i++)
        *content +=
            model_weight(table->tree.id, (uint64_t)rowid, layout->columns.ids[i], values + i);
    vl_arena_reset(arena);
    return VELO_OK;
}

/* Collect the rowids of a leaf's live rows. */
static uint32_t
model_list_rows(const vl_table_scan *scan, int64_t *rowids)
{
    uint32_t count = 0;

    for (uint32_t rank = scan->rank_first; rank < scan->rank_end; rank++) {
        uint32_t slot = vl_leaf_slot_at(scan->leaf, rank);

        if (vl_leaf_slot_state(scan->leaf, slot) == VL_LEAF_LIVE)
            rowids[count++] = vl_leaf_rowid(scan->leaf, slot);
    }
    return count;
}

static velo_status
model_read_table(vl_ctx *ctx, vl_store *store, vl_store_tree *table, uint64_t *content)
{
    int64_t *rowids = malloc(sizeof *rowids * VL_PAGE_MAX_SIZE);
    velo_status st = VELO_OK;
    vl_table_scan scan;
    uint32_t count;
    vl_arena arena;

    if (rowids == NULL)
        return vl_fail(ctx, VELO_NOMEM, "the test has no memory");
    vl_arena_init(&arena, ctx->allocator, 0);
    vl_table_scan_begin(&scan, &table->tree, (vl_rowid_range){INT64_MIN, INT64_MAX}, 0);
    while (st == VELO_OK) {
        st = vl_table_scan_next(ctx, &scan);
        if (st != VELO_OK || scan.leaf == NULL)
            break;
        count = model_list_rows(&scan, rowids);
        vl_table_scan_pause(&scan);
        for (uint32_t i = 0; st == VELO_OK && i < count; i++)
            st = model_read_row(ctx, store, table, rowids[i], &arena, content);
    }
    vl_table_scan_end(&scan);
    vl_arena_deinit(&arena);
    free(rowids);
    return st;
}

/* One entry; the leaf is not latched any more. */
static velo_status
model_read_entry(vl_ctx *ctx, const vl_store_tree *index, const vl_node_key *key,
                 const vl_value *value, uint64_t *content)
{
    uint8_t *bytes = malloc(key->total_size + 1U);
    velo_status st;

    if (bytes == NULL)
        return vl_fail(ctx, VELO_NOMEM, "the test has no memory");
    st = vl_tree_key_read(ctx, &index->tree, key, bytes);
    if (st == VELO_OK)
        *content += model_weight(index->tree.id, vl_hash64(bytes, key->total_size, 1), 0, value);
    free(bytes);
    return st;
}

static velo_status
model_read_leaf(vl_ctx *ctx, const vl_store_tree *index, vl_tree_key_scan *scan, uint64_t *content)
{
    uint32_t page_size = index->tree.page_size, first = scan->index_first, end = scan->index_end;
    uint8_t *copy = aligned_alloc(64, page_size);
    uint8_t part[VL_PAGE_MAX_SIZE / 4];
    velo_status st;

    if (copy == NULL)
        return vl_fail(ctx, VELO_NOMEM, "the test has no memory");
    memcpy(copy, scan->page, page_size);
    st = vl_tree_key_scan_release(ctx, scan);
    for (uint32_t i = first; st == VELO_OK && i < end; i++) {
        vl_node_key_entry entry = vl_node_key_entry_at(copy, page_size, i, part);
        vl_value value = {.type = VL_TYPE_BLOB, .size = entry.value_size};

        value.as.data = entry.value;
        if (!entry.is_deleted)
            st = model_read_entry(ctx, index, &entry.key, &value, content);
    }
    free(copy);
    return st;
}

static velo_status
model_read_index(vl_ctx *ctx, vl_store_tree *index, uint64_t *content)
{
    vl_tree_key_range all = {0};
    velo_status st = VELO_OK;
    vl_tree_key_scan scan;

    vl_tree_key_scan_begin(&scan, &index->tree, &all, 0);
    while (st == VELO_OK) {
        st = vl_tree_key_scan_next(ctx, &scan);
        if (st != VELO_OK || scan.page == NULL)
            break;
        st = model_read_leaf(ctx, index, &scan, content);
    }
    vl_tree_key_scan_end(&scan);
    return st;
}

/* Columns of a table; 0 of other trees. */
static uint32_t
model_columns(vl_store_tree *tree)
{
    const vl_layout *layout = atomic_load(&tree->layout);

    return layout != NULL ? layout->columns.count : 0;
}

velo_status
store_model_read(vl_ctx *ctx, vl_store *store, uint64_t *content)
{
    vl_store_tree *tree;
    vl_tree_id id = 0;
    velo_status st;

    *content = 0;
    for (;;) {
        st = vl_store_next_tree(ctx, store, id, &tree);
        if (st != VELO_OK)
            break;
        id = tree->tree.id;
        *content += model_tree_weight(id, tree->kind, model_columns(tree)) +
                    model_mark_weight(id, atomic_load(&tree->mark));
        VL_TRY(tree->kind == VL_TREE_TABLE ? model_read_table(ctx, store, tree, content)
                                           : model_read_index(ctx, tree, content));
    }
    if (st != VELO_NOTFOUND)
        return st;
    vl_error_clear(ctx);
    return VELO_OK;
}

/* ---- the model ---- */

void
store_model_init(store_model *model, vl_ctx *ctx, vl_io *io, const char *path, uint64_t seed)
{
    memset(model, 0, sizeof *model);
    model->ctx = ctx;
    model->io = io;
    model->path = path;
    vl_rng_init(&model->rng, seed);
    model->options.page_size = VL_PAGE_MIN_SIZE;
    model->options.cache_bytes = VL_PAGE_MIN_SIZE * UINT64_C(96);
    model->options.log_limit_bytes = 16384;
    /* Of two logs one has room for pages in its records (vl_writer_load). */
    model->options.log_ring_bytes = seed % 2 == 0 ? 8192 : 32 * VL_PAGE_MIN_SIZE;
    model->options.may_create = 1;
    model->value_size = 4 * VL_PAGE_MIN_SIZE;
    model->history = calloc(MODEL_HISTORY, sizeof *model->history);
    model->kept = calloc(MODEL_KEPT, sizeof *model->kept);
    model->count = 1;
}

void
store_model_deinit(store_model *model)
{
    vl_writer_destroy(model->writer);
    vl_store_abandon(model->store);
    free(model->history);
    free(model->kept);
}

velo_status
store_model_open(store_model *model)
{
    VL_TRY(vl_store_open(model->ctx, model->io, model->path, &model->options, &model->store));
    return vl_writer_create(model->ctx, model->store, &model->writer);
}

velo_status
store_model_close(store_model *model)
{
    vl_store *store = model->store;

    vl_writer_destroy(model->writer);
    model->writer = NULL;
    model->store = NULL;
    VL_TRY(vl_store_close(model->ctx, store));
    model->durable = model->acknowledged = model->count - 1;
    return VELO_OK;
}

void
store_model_go_back(store_model *model, uint64_t at)
{
    memcpy(model->trees, model->kept + at % MODEL_KEPT, sizeof model->trees);
    model->content = model->history[at];
    model->count = at + 1;
    model->acknowledged = model->durable = at;
}

velo_status
store_model_check(vl_ctx *ctx, vl_store *store)
{
    vl_store_report report;

    VL_TRY(vl_store_check(ctx, store, NULL, NULL, &report));
    if (report.unused_count == 0 && report.dropped_count == 0)
        return VELO_OK;
    return vl_fail(ctx, VELO_INTERNAL, "%llu pages are lost, %llu trees are not dropped to the end",
                   (unsigned long long)report.unused_count,
                   (unsigned long long)report.dropped_count);
}

int
store_model_find(const store_model *model, uint64_t content, uint64_t first, uint64_t *at)
{
    for (*at = first; *at < model->count; ++*at)
        if (model->history[*at] == content)
            return 1;
    return 0;
}

/* ---- changes ---- */

/* Add (sign 1) or take away (-1) a row or an entry from the content's number. */
static void
model_count_place(store_model *model, const model_tree *tree, uint32_t place, uint64_t sign)
{
    uint8_t *buffer = malloc(model->value_size + 64U + model->options.page_size);
    uint8_t *key = buffer + model->value_size;

    if (tree->kind == VL_TREE_KEY) {
        uint32_t size = model_key(model, tree->id, place, key);
        vl_value value = {.type = VL_TYPE_BLOB, .size = 8};

        value.as.data = &tree->cells[place][0];
        model->content += sign * model_weight(tree->id, vl_hash64(key, size, 1), 0, &value);
    } else {
        for (uint32_t i = 0; i < tree->column_count; i++) {
            vl_value value = model_value(model, tree->cells[place][i], i + 1, buffer);

            model->content += sign * model_weight(tree->id, place, i + 1, &value);
        }
    }
    free(buffer);
}

/* The content as it is now is what a transaction begun now leaves. */
static void
model_note(store_model *model)
{
    if (model->count == MODEL_HISTORY)
        return;
    if (model->kept != NULL) /* a copy of a model that does not go back has none */
        memcpy(model->kept + model->count % MODEL_KEPT, model->trees, sizeof model->trees);
    model->history[model->count++] = model->content;
}

/* The last transaction noted was acknowledged. */
static void
model_acknowledge(store_model *model, vl_synchronous synchronous)
{
    model->acknowledged = model->count - 1;
    if (synchronous == VL_SYNCHRONOUS_FULL)
        model->durable = model->count - 1;
}

/* An insert that must fail, after it has sent its long value to the log. */
static velo_status
model_insert_twice(store_model *model, const model_tree *tree, vl_store_tree *table, uint32_t place)
{
    uint8_t *buffer = calloc(model->value_size, 1);
    vl_value values[MODEL_COLUMNS];
    velo_status st;

    for (uint32_t i = 0; i < tree->column_count; i++)
        values[i] = (vl_value){
            .type = VL_TYPE_BLOB, .size = i == 0 ? model->value_size : 1, .as.data = buffer};
    st = vl_writer_insert(model->ctx, model->writer, table, place, values);
    free(buffer);
    if (st == VELO_CONSTRAINT)
        return VELO_OK;
    return st != VELO_OK ? st : vl_fail(model->ctx, VELO_INTERNAL, "a row was inserted twice");
}

static velo_status
model_change_table(store_model *model, model_tree *tree, vl_store_tree *table, uint32_t place,
                   int note)
{
    uint8_t *buffers = malloc((size_t)MODEL_COLUMNS * model->value_size);
    uint32_t ids[MODEL_COLUMNS], count = 0;
    vl_value values[MODEL_COLUMNS];
    velo_status st = VELO_OK;

    if (tree->exists[place] && vl_rng_chance(&model->rng, 1, 8))
        st = model_insert_twice(model, tree, table, place);
    if (st != VELO_OK) {
        free(buffers);
        return st;
    }
    if (tree->exists[place] && vl_rng_chance(&model->rng, 1, 3)) {
        model_count_place(model, tree, place, UINT64_MAX);
        tree->exists[place] = 0;
        if (note)
            model_note(model);
        st = vl_writer_delete(model->ctx, model->writer, table, place);
    } else {
        int is_update = tree->exists[place];

        if (is_update)
            model_count_place(model, tree, place, UINT64_MAX);
        for (uint32_t i = 0; i < tree->column_count; i++) {
            if (is_update && (count > 0 || i + 1 < tree->column_count) &&
                vl_rng_chance(&model->rng, 1, 2))
                continue;
            tree->cells[place][i] = vl_rng_next(&model->rng) >> 1;
            ids[count] = i + 1;
            values[count] = model_value(model, tree->cells[place][i], i + 1,
                                        buffers + (size_t)count * model->value_size);
            count++;
        }
        tree->exists[place] = 1;
        model_count_place(model, tree, place, 1);
        if (note)
            model_note(model);
        st = is_update
                 ? vl_writer_update(model->ctx, model->writer, table, place, ids, values, count)
                 : vl_writer_insert(model->ctx, model->writer, table, place, values);
    }
    free(buffers);
    return st;
}

static velo_status
model_change_index(store_model *model, model_tree *tree, vl_store_tree *index, uint32_t place,
                   int note)
{
    uint8_t *key = malloc(model->options.page_size + 64U);
    uint32_t size = model_key(model, tree->id, place, key);
    velo_status st;

    if (tree->exists[place])
        model_count_place(model, tree, place, UINT64_MAX);
    if (tree->exists[place] && vl_rng_chance(&model->rng, 1, 2)) {
        tree->exists[place] = 0;
        if (note)
            model_note(model);
        st = vl_writer_remove(model->ctx, model->writer, index, key, size);
    } else {
        tree->cells[place][0] = vl_rng_next(&model->rng) >> 1;
        tree->exists[place] = 1;
        model_count_place(model, tree, place, 1);
        if (note)
            model_note(model);
        st = vl_writer_put(model->ctx, model->writer, index, key, size, &tree->cells[place][0], 8);
    }
    free(key);
    return st;
}

/* Change one row or entry. note 1: it is a transaction of its own. */
static velo_status
model_change(store_model *model, int note)
{
    model_tree *tree = model->trees + vl_rng_below(&model->rng, MODEL_TREES);
    uint32_t place = (uint32_t)vl_rng_below(&model->rng, MODEL_KEYS);
    vl_store_tree *there;

    if (tree->id == 0)
        return VELO_OK;
    VL_TRY(vl_store_find_tree(model->ctx, model->store, tree->id, &there));
    model->changes++;
    return tree->kind == VL_TREE_TABLE ? model_change_table(model, tree, there, place, note)
                                       : model_change_index(model, tree, there, place, note);
}

/* A change that is a transaction. */
static velo_status
model_do_change(store_model *model)
{
    vl_synchronous synchronous = (vl_synchronous)vl_rng_below(&model->rng, 3);
    uint64_t before = model->count;

    vl_writer_set_synchronous(model->writer, synchronous);
    VL_TRY(model_change(model, 1));
    if (model->count != before)
        model_acknowledge(model, synchronous);
    return VELO_OK;
}

/* A transaction of several changes. One that has none makes nothing durable, either. */
static velo_status
model_do_transaction(store_model *model)
{
    vl_synchronous synchronous = (vl_synchronous)vl_rng_below(&model->rng, 3);
    uint64_t count = 1 + vl_rng_below(&model->rng, 8);
    uint64_t changes = model->changes;

    VL_TRY(vl_writer_begin(model->ctx, model->writer));
    for (uint64_t i = 0; i < count; i++)
        VL_TRY(model_change(model, 0));
    model_note(model);
    VL_TRY(vl_writer_commit(model->ctx, model->writer, synchronous));
    if (model->changes != changes)
        model_acknowledge(model, synchronous);
    return VELO_OK;
}

/* ---- loads ---- */

/* Make a row of a load anew in the model and in `values`, whose texts are allocated. */
static void
model_make_load_row(store_model *model, model_tree *tree, uint32_t place, vl_leaf_value *values)
{
    uint8_t *buffer = malloc(model->value_size + 1U);

    for (uint32_t i = 0; i < tree->column_count; i++) {
        uint8_t *copy;

        tree->cells[place][i] = vl_rng_next(&model->rng) >> 1;
        memset(values + i, 0, sizeof values[i]);
        values[i].value = model_value(model, tree->cells[place][i], i + 1, buffer);
        if (values[i].value.size == 0)
            continue;
        copy = malloc(values[i].value.size);
        memcpy(copy, buffer, values[i].value.size);
        values[i].value.as.data = copy;
    }
    free(buffer);
    tree->exists[place] = 1;
    model_count_place(model, tree, place, 1);
}

/* Load rows in two calls, of which the first may leave some out. */
static velo_status
model_load_rows(store_model *model, vl_store_tree *table, const vl_leaf_row *rows, uint32_t count)
{
    uint32_t first = (uint32_t)vl_rng_below(&model->rng, count + 1), taken, rest;

    VL_TRY(vl_writer_load(model->ctx, model->writer, table, rows, first, 0, &taken));
    VL_TRY(vl_writer_load(model->ctx, model->writer, table, rows + taken, count - taken, 1, &rest));
    return taken + rest == count ? VELO_OK
                                 : vl_fail(model->ctx, VELO_INTERNAL, "a load left rows out");
}

/* A transaction that deletes all rows of a table from some place on, and loads others. */
static velo_status
model_replace_rows(store_model *model, model_tree *tree, vl_store_tree *table, uint32_t from)
{
    uint32_t columns = tree->column_count, count = MODEL_KEYS - from;
    vl_leaf_value *values = calloc((size_t)count * columns, sizeof *values);
    vl_leaf_row *rows = calloc(count, sizeof *rows);
    velo_status st = VELO_OK;

    for (uint32_t place = from; st == VELO_OK && place < MODEL_KEYS; place++) {
        if (tree->exists[place]) {
            model_count_place(model, tree, place, UINT64_MAX);
            st = vl_writer_delete(model->ctx, model->writer, table, place);
        }
        rows[place - from].rowid = place;
        rows[place - from].values = values + (size_t)(place - from) * columns;
        model_make_load_row(model, tree, place, values + (size_t)(place - from) * columns);
    }
    if (st == VELO_OK)
        st = model_load_rows(model, table, rows, count);
    for (size_t i = 0; i < (size_t)count * columns; i++)
        if (values[i].value.size > 0)
            free((void *)(uintptr_t)values[i].value.as.data);
    free(values);
    free(rows);
    return st;
}

static velo_status
model_do_load(store_model *model)
{
    vl_synchronous synchronous = (vl_synchronous)vl_rng_below(&model->rng, 3);
    model_tree *tree = model->trees + vl_rng_below(&model->rng, MODEL_TREES);
    uint32_t from = (uint32_t)vl_rng_below(&model->rng, MODEL_KEYS);
    vl_store_tree *table;

    if (tree->id == 0 || tree->kind != VL_TREE_TABLE)
        return VELO_OK;
    VL_TRY(vl_store_find_tree(model->ctx, model->store, tree->id, &table));
    VL_TRY(vl_writer_begin(model->ctx, model->writer));
    VL_TRY(model_replace_rows(model, tree, table, vl_rng_chance(&model->rng, 1, 2) ? 0 : from));
    model_note(model);
    VL_TRY(vl_writer_commit(model->ctx, model->writer, synchronous));
    model_acknowledge(model, synchronous);
    return VELO_OK;
}

/* ---- trees ---- */

static vl_leaf_schema
model_schema(uint32_t count)
{
    static uint32_t ids[MODEL_COLUMNS];
    static vl_leaf_value defaults[MODEL_COLUMNS];
    vl_leaf_schema schema = {ids, defaults, (uint16_t)count, 0};

    for (uint32_t i = 0; i < MODEL_COLUMNS; i++) {
        ids[i] = i + 1;
        defaults[i].value.type = VL_TYPE_INTEGER;
        defaults[i].value.as.integer = (int64_t)(i + 1) * 1000;
    }
    return schema;
}

/* The number of a tree is known only when it is there; it is given out in order. */
static velo_status
model_create(store_model *model, model_tree *tree, vl_tree_id expected)
{
    vl_leaf_schema schema;
    vl_tree_id id;

    memset(tree, 0, sizeof *tree);
    tree->kind = vl_rng_chance(&model->rng, 2, 3) ? VL_TREE_TABLE : VL_TREE_KEY;
    tree->mark = INT64_MIN;
    tree->column_count = 2 + (uint32_t)vl_rng_below(&model->rng, MODEL_FEW - 1);
    if (vl_rng_chance(&model->rng, 1, 6))
        tree->column_count = MODEL_COLUMNS - (uint32_t)vl_rng_below(&model->rng, 3);
    schema = model_schema(tree->column_count);
    tree->id = expected;
    model->content += model_tree_weight(tree->id, tree->kind, tree->column_count);
    model_note(model);
    VL_TRY(vl_writer_create_tree(model->ctx, model->writer, tree->kind,
                                 tree->kind == VL_TREE_TABLE ? &schema : NULL, &id));
    return id == expected ? VELO_OK : vl_fail(model->ctx, VELO_INTERNAL, "an unexpected tree id");
}

static velo_status
model_drop(store_model *model, model_tree *tree)
{
    vl_tree_id id = tree->id;

    for (uint32_t i = 0; i < MODEL_KEYS; i++)
        if (tree->exists[i])
            model_count_place(model, tree, i, UINT64_MAX);
    model->content -=
        model_tree_weight(id, tree->kind, tree->column_count) + model_mark_weight(id, tree->mark);
    tree->id = 0;
    model_note(model);
    return vl_writer_drop_tree(model->ctx, model->writer, id);
}

static velo_status
model_add_column(store_model *model, model_tree *tree)
{
    vl_leaf_schema schema = model_schema(tree->column_count + 1);

    for (uint32_t i = 0; i < MODEL_KEYS; i++)
        if (tree->exists[i])
            model_count_place(model, tree, i, UINT64_MAX);
    for (uint32_t i = 0; i < MODEL_KEYS; i++)
        tree->cells[i][tree->column_count] = MODEL_DEFAULT;
    model->content -= model_tree_weight(tree->id, tree->kind, tree->column_count);
    tree->column_count++;
    model->content += model_tree_weight(tree->id, tree->kind, tree->column_count);
    for (uint32_t i = 0; i < MODEL_KEYS; i++)
        if (tree->exists[i])
            model_count_place(model, tree, i, 1);
    model_note(model);
    return vl_writer_set_schema(model->ctx, model->writer, tree->id, &schema);
}

/* The id that the store will give next. */
static vl_tree_id
model_next_id(store_model *model)
{
    vl_store_stats stats;

    vl_store_get_stats(model->store, &stats);
    return stats.next_tree;
}

static velo_status
model_set_mark(store_model *model, model_tree *tree)
{
    int64_t mark = (int64_t)vl_rng_below(&model->rng, 1000);
    vl_store_tree *there;

    VL_TRY(vl_store_find_tree(model->ctx, model->store, tree->id, &there));
    if (mark <= tree->mark) /* nothing changes, and nothing becomes durable */
        return vl_writer_mark(model->ctx, model->writer, there, mark);
    model->content -= model_mark_weight(tree->id, tree->mark);
    tree->mark = mark;
    model->content += model_mark_weight(tree->id, tree->mark);
    model_note(model);
    return vl_writer_mark(model->ctx, model->writer, there, mark);
}

static velo_status
model_do_trees(store_model *model)
{
    model_tree *tree = model->trees + vl_rng_below(&model->rng, MODEL_TREES);
    uint64_t before = model->count;
    velo_status st;

    vl_writer_set_synchronous(model->writer, VL_SYNCHRONOUS_FULL);
    if (tree->id == 0)
        st = model_create(model, tree, model_next_id(model));
    else if (tree->kind == VL_TREE_TABLE && vl_rng_chance(&model->rng, 1, 3))
        st = model_set_mark(model, tree);
    else if (tree->kind == VL_TREE_TABLE && tree->column_count != MODEL_FEW &&
             tree->column_count != MODEL_COLUMNS && vl_rng_chance(&model->rng, 1, 2))
        st = model_add_column(model, tree);
    else if (vl_rng_chance(&model->rng, 1, 3))
        st = model_drop(model, tree);
    else
        return VELO_OK;
    if (st == VELO_OK && model->count != before)
        model_acknowledge(model, VL_SYNCHRONOUS_FULL);
    return st;
}

velo_status
store_model_step(store_model *model)
{
    uint64_t dice = vl_rng_below(&model->rng, 200);

    if (dice < 110)
        return model_do_change(model);
    if (dice < 163)
        return model_do_transaction(model);
    if (dice < 170)
        return model_do_load(model);
    if (dice < 190)
        return model_do_trees(model);
    if (dice < 197) {
        VL_TRY(dice < 194 ? vl_store_checkpoint(model->ctx, model->store)
                          : vl_store_compact(model->ctx, model->store));
        model->durable = model->acknowledged = model->count - 1;
        return VELO_OK;
    }
    if (model->path == NULL)
        return VELO_OK; /* a database in memory would be gone */
    VL_TRY(store_model_close(model));
    return store_model_open(model);
}
