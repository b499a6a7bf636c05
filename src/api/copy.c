/* copy.c - all of a database, as one snapshot sees it, written anew: see copy.h.
 *
 * Invariants
 *   CP1  What is copied is what one snapshot sees: columns that were dropped, rows and entries that
 *        were deleted stay behind.
 *   CP2  Columns keep their ids, and rows their rowids: texts of sqlite_schema stay as they are. */
#include "api/copy.h"

#include "base/alloc.h"
#include "exec/packed.h"

#include <string.h>

/* ---- tables ---- */

/* The columns of a tree that its table still has, or the placeholder. `ids` and `defaults` have
 * room for all. */
static void
copy_choose_columns(const vl_leaf_schema *all, const vl_table_def *def, uint32_t *ids,
                    vl_leaf_value *defaults, vl_leaf_schema *chosen)
{
    uint16_t count = 0;

    for (uint32_t i = 0; i < all->count; i++) {
        int is_wanted = def == NULL || all->ids[i] == VL_PACKED_ID;

        for (int32_t c = 0; !is_wanted && c < def->column_count; c++)
            is_wanted = def->columns[c].id == all->ids[i];
        if (!is_wanted)
            continue;
        ids[count] = all->ids[i];
        defaults[count++] = all->defaults[i];
    }
    if (count == 0) { /* every tree has one */
        ids[count] = all->ids[0];
        defaults[count++] = all->defaults[0];
    }
    *chosen = (vl_leaf_schema){ids, defaults, count, 0};
}

/* Copy the rows of the scan's leaf into the arena: texts too, long values by name. */
static velo_status
copy_take_leaf(vl_ctx *ctx, vl_copy *copy, const vl_row_scan *scan, uint32_t columns,
               int64_t **rowids, vl_leaf_value **values)
{
    size_t count = (size_t)scan->row_count * columns;

    *rowids = vl_arena_alloc_array(&copy->arena, scan->row_count, sizeof **rowids);
    *values = vl_arena_alloc_array(&copy->arena, count, sizeof **values);
    if (*rowids == NULL || *values == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the rows of a page");
    for (uint32_t row = 0; row < scan->row_count; row++) {
        (*rowids)[row] = vl_row_scan_rowid(scan, row);
        for (uint32_t c = 0; c < columns; c++) {
            vl_leaf_value *value = &(*values)[(size_t)row * columns + c];
            int is_text;

            vl_row_scan_get(scan, row, c, value);
            is_text = value->value.type == VL_TYPE_TEXT || value->value.type == VL_TYPE_BLOB;
            if (!is_text || value->overflow != 0 || value->value.size == 0)
                continue;
            value->value.as.data =
                vl_arena_copy(&copy->arena, value->value.as.data, value->value.size);
            if (value->value.as.data == NULL)
                return vl_fail(ctx, VELO_NOMEM, "cannot allocate the rows of a page");
        }
    }
    return VELO_OK;
}

/* Write one row, reading its long values. */
static velo_status
copy_put_row(vl_ctx *ctx, vl_copy *copy, vl_txn_table *from, vl_txn_table *to, int64_t rowid,
             const vl_leaf_value *row, uint32_t columns)
{
    vl_value *values;

    vl_arena_reset(&copy->row_arena);
    values = vl_arena_alloc_array(&copy->row_arena, columns, sizeof *values);
    if (values == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row");
    for (uint32_t c = 0; c < columns; c++) {
        void *bytes;

        values[c] = row[c].value;
        if (row[c].overflow == 0)
            continue;
        bytes = vl_arena_alloc(&copy->row_arena, values[c].size);
        if (bytes == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate %u bytes for a value",
                           (unsigned)values[c].size);
        VL_TRY(vl_rows_read_long(ctx, from, &row[c], 0, values[c].size, bytes));
        values[c].as.data = bytes;
    }
    return vl_rows_insert(ctx, copy->statement, to, rowid, values);
}

/* Begin with a table: make its tree. */
static velo_status
copy_open_table(vl_ctx *ctx, vl_copy *copy, const vl_table_def *def)
{
    const vl_leaf_schema *all;
    vl_txn_table *from;
    vl_txn_table *to;

    VL_TRY(vl_rows_open(ctx, copy->from->store, def->object.tree, &from));
    all = vl_rows_schema(from);
    copy->defaults = vl_alloc(ctx, all->count * (sizeof *copy->defaults + sizeof(uint32_t)));
    if (copy->defaults == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the columns of a table");
    copy_choose_columns(all, def, (uint32_t *)(copy->defaults + all->count), copy->defaults,
                        &copy->columns);
    VL_TRY(vl_txn_create_tree(ctx, copy->statement, &copy->columns, &copy->new_tree));
    VL_TRY(vl_rows_open(ctx, copy->to->store, copy->new_tree, &to));
    copy->old_tree = def->object.tree;
    copy->table_to = to;
    vl_row_scan_begin(&copy->rows, from, &copy->view, (vl_rowid_range){INT64_MIN, INT64_MAX}, 0,
                      copy->columns.ids, copy->columns.count);
    copy->table = from;
    return VELO_OK;
}

/* Copy a leaf of the table; *is_more is 0 behind the last. */
static velo_status
copy_table_leaf(vl_ctx *ctx, vl_copy *copy, int *is_more)
{
    uint32_t columns = copy->columns.count;
    vl_leaf_value *values = NULL;
    int64_t *rowids = NULL;
    uint32_t count;
    velo_status st;

    *is_more = 0;
    VL_TRY(vl_row_scan_next(ctx, &copy->rows));
    if (copy->rows.leaf == NULL)
        return VELO_OK;
    count = copy->rows.row_count;
    vl_arena_reset(&copy->arena);
    st = copy_take_leaf(ctx, copy, &copy->rows, columns, &rowids, &values);
    vl_row_scan_pause(&copy->rows, count);
    for (uint32_t row = 0; st == VELO_OK && row < count; row++)
        st = copy_put_row(ctx, copy, copy->table, copy->table_to, rowids[row],
                          values + (size_t)row * columns, columns);
    *is_more = 1;
    return st;
}

/* ---- indexes ---- */

/* Begin with an index: make its tree. */
static velo_status
copy_open_index(vl_ctx *ctx, vl_copy *copy, uint64_t tree)
{
    vl_tree_key_range all = {0};
    vl_txn_index *from;
    vl_txn_index *to;

    VL_TRY(vl_keys_open(ctx, copy->from->store, tree, &from));
    VL_TRY(vl_txn_create_tree(ctx, copy->statement, NULL, &copy->new_tree));
    VL_TRY(vl_keys_open(ctx, copy->to->store, copy->new_tree, &to));
    copy->old_tree = tree;
    vl_key_scan_begin(&copy->keys, from, &copy->view, &all, 0);
    copy->index_to = to;
    return VELO_OK;
}

/* Copy a leaf of the index; *is_more is 0 behind the last. */
static velo_status
copy_index_leaf(vl_ctx *ctx, vl_copy *copy, int *is_more)
{
    const vl_key_scan *scan = &copy->keys;
    vl_tree_key_item *items;

    *is_more = 0;
    VL_TRY(vl_key_scan_next(ctx, &copy->keys));
    if (scan->count == 0)
        return VELO_OK;
    vl_arena_reset(&copy->arena);
    items = vl_arena_alloc_array(&copy->arena, scan->count, sizeof *items);
    if (items == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the entries of a page");
    for (uint32_t i = 0; i < scan->count; i++)
        items[i] = (vl_tree_key_item){scan->entries[i].key, scan->entries[i].value,
                                      scan->entries[i].key_size, scan->entries[i].value_size};
    *is_more = 1;
    return vl_keys_load(ctx, copy->statement, copy->index_to, items, scan->count);
}

/* ---- all trees ---- */

/* End the scan of the tree at hand. */
static void
copy_close_tree(vl_copy *copy)
{
    if (copy->table != NULL)
        vl_row_scan_end(&copy->rows);
    if (copy->index_to != NULL)
        vl_key_scan_end(&copy->keys);
    vl_free(copy->defaults);
    copy->table = NULL;
    copy->table_to = NULL;
    copy->index_to = NULL;
    copy->defaults = NULL;
}

/* Begin with the next tree that is to be copied: of all tables, but sqlite_schema, and of all
 * indexes. Nothing is at hand behind the last. */
static velo_status
copy_open_next(vl_ctx *ctx, vl_copy *copy)
{
    const vl_schema *schema = copy->schema;

    while (copy->at < schema->table_count) {
        const vl_table_def *def = schema->tables[copy->at++];

        if (def->object.type == VL_OBJECT_TABLE && def->object.rowid != 0 &&
            def->virtual_ast == NULL)
            return copy_open_table(ctx, copy, def);
    }
    if (copy->at < schema->table_count + schema->index_count)
        return copy_open_index(ctx, copy,
                               schema->indexes[copy->at++ - schema->table_count]->object.tree);
    copy->is_done = 1;
    return VELO_OK;
}

velo_status
vl_copy_begin(vl_ctx *ctx, vl_copy *copy)
{
    size_t most = (size_t)copy->schema->table_count + copy->schema->index_count + 1;

    copy->old_trees = vl_alloc_array(ctx, 2 * most, sizeof *copy->old_trees);
    if (copy->old_trees == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a list of trees");
    copy->new_trees = copy->old_trees + most;
    vl_arena_init(&copy->arena, ctx->allocator, 0);
    vl_arena_init(&copy->row_arena, ctx->allocator, 0);
    copy->has_begun = 1;
    return VELO_OK;
}

velo_status
vl_copy_step(vl_ctx *ctx, vl_copy *copy, uint64_t pages)
{
    while (pages > 0 && !copy->is_done) {
        int is_more;

        if (atomic_load(copy->interrupt))
            return vl_fail(ctx, VELO_INTERRUPT, "interrupted");
        if (copy->table == NULL && copy->index_to == NULL) {
            VL_TRY(copy_open_next(ctx, copy));
            continue;
        }
        VL_TRY(copy->table != NULL ? copy_table_leaf(ctx, copy, &is_more)
                                   : copy_index_leaf(ctx, copy, &is_more));
        if (is_more) {
            pages--;
            continue;
        }
        copy->old_trees[copy->tree_count] = copy->old_tree;
        copy->new_trees[copy->tree_count++] = copy->new_tree;
        copy_close_tree(copy);
    }
    return VELO_OK;
}

/* ---- the schema ---- */

/* The tree that has taken the place of one; itself when none has. */
static int64_t
copy_new_tree(const vl_copy *copy, int64_t old_tree)
{
    for (uint32_t i = 0; i < copy->tree_count; i++)
        if (copy->old_trees[i] == (uint64_t)old_tree)
            return (int64_t)copy->new_trees[i];
    return old_tree;
}

/* Put the new tree of a primary key WITHOUT ROWID into the hidden column. */
static velo_status
copy_set_key_tree(vl_ctx *ctx, vl_copy *copy, vl_value *layout)
{
    const char *ids;
    uint64_t tree;
    char *text;

    if (layout->type != VL_TYPE_TEXT)
        return VELO_OK;
    text = vl_arena_alloc(&copy->arena, (size_t)layout->size + 1);
    if (text == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row of the schema");
    memcpy(text, layout->as.data, layout->size);
    text[layout->size] = 0;
    ids = text;
    tree = vl_split_layout(&ids);
    if (tree == 0)
        return VELO_OK;
    return vl_make_layout(ctx, &copy->arena, (uint64_t)copy_new_tree(copy, (int64_t)tree), ids,
                          layout);
}

/* Write the row of sqlite_schema with its new tree: into the other database, or in its place. */
static velo_status
copy_put_object(vl_ctx *ctx, vl_copy *copy, vl_txn_table *to, int64_t rowid, vl_value *row)
{
    if (row[3].type == VL_TYPE_INTEGER)
        row[3].as.integer = copy_new_tree(copy, row[3].as.integer);
    VL_TRY(copy_set_key_tree(ctx, copy, &row[5]));
    if (copy->from != copy->to)
        return vl_rows_insert(ctx, copy->statement, to, rowid, row);
    return vl_rows_update(ctx, copy->statement, to, rowid, &vl_master_ids[3], &row[3], 3);
}

velo_status
vl_copy_schema(vl_ctx *ctx, vl_copy *copy)
{
    vl_value row[VL_MASTER_COLUMNS];
    vl_txn_table *from;
    vl_txn_table *to;
    vl_row_scan scan;
    velo_status st;

    VL_TRY(vl_rows_open(ctx, copy->from->store, copy->from->master, &from));
    VL_TRY(vl_rows_open(ctx, copy->to->store, copy->to->master, &to));
    vl_row_scan_begin(&scan, from, &copy->view, (vl_rowid_range){INT64_MIN, INT64_MAX}, 0,
                      vl_master_ids, 0);
    st = vl_row_scan_next(ctx, &scan);
    while (st == VELO_OK && scan.leaf != NULL) {
        int64_t rowid = vl_row_scan_rowid(&scan, 0);
        int found;

        vl_row_scan_pause(&scan, 1);
        vl_arena_reset(&copy->arena);
        st = vl_rows_read(ctx, from, &copy->view, rowid, vl_master_ids, VL_MASTER_COLUMNS,
                          &copy->arena, row, &found);
        if (st == VELO_OK && found)
            st = copy_put_object(ctx, copy, to, rowid, row);
        if (st == VELO_OK)
            st = vl_row_scan_next(ctx, &scan);
    }
    vl_row_scan_end(&scan);
    return st;
}

/* Numbers of the database, for another one. */
velo_status
vl_copy_meta(vl_ctx *ctx, const vl_copy *copy)
{
    static const vl_meta all[] = {VL_META_SCHEMA_VERSION, VL_META_USER_VERSION,
                                  VL_META_APPLICATION_ID, VL_META_JOURNAL_MODE};

    for (size_t i = 0; i < VL_ARRAY_COUNT(all); i++) {
        int64_t value;

        VL_TRY(vl_engine_read_meta(ctx, copy->from, &copy->view, all[i], &value));
        if (value != 0)
            VL_TRY(vl_engine_write_meta(ctx, copy->to, copy->statement, all[i], value));
    }
    return VELO_OK;
}

velo_status
vl_copy_run(vl_ctx *ctx, vl_copy *copy)
{
    VL_TRY(vl_copy_begin(ctx, copy));
    VL_TRY(vl_copy_step(ctx, copy, UINT64_MAX));
    return vl_copy_schema(ctx, copy);
}

void
vl_copy_end(vl_copy *copy)
{
    if (!copy->has_begun)
        return;
    copy_close_tree(copy);
    vl_free(copy->old_trees);
    copy->old_trees = NULL;
    vl_arena_deinit(&copy->row_arena);
    vl_arena_deinit(&copy->arena);
    copy->has_begun = 0;
}
