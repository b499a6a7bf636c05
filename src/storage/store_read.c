/* store_read.c - whole rows, long values included. */
#include "base/alloc.h"
#include "storage/writer_int.h"

#include <inttypes.h>
#include <string.h>

/* Bring a value to memory of the arena: those in overflow are read, others are there already. */
static velo_status
store_read_value(vl_ctx *ctx, vl_store *store, vl_tree_id tree, vl_arena *arena,
                 const vl_leaf_value *from, vl_value *to)
{
    vl_overflow value = {tree, from->overflow, from->value.size};
    void *bytes;

    *to = from->value;
    if (from->overflow == 0)
        return VELO_OK;
    if (value.size > VL_OVERFLOW_MAX_SIZE)
        return vl_fail(ctx, VELO_CORRUPT,
                       "tree %" PRIu64 ": a row has a value of %" PRIu32 " bytes on page %" PRIu32
                       ", more than any can have",
                       tree, value.size, value.pid);
    bytes = vl_arena_alloc(arena, value.size);
    if (bytes == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate %" PRIu32 " bytes for a value",
                       value.size);
    to->as.data = bytes;
    return vl_overflow_read(ctx, store->cache, &value, 0, value.size, bytes);
}

velo_status
vl_store_read_row(vl_ctx *ctx, vl_store *store, vl_store_tree *table, int64_t rowid,
                  vl_arena *arena, vl_value *values)
{
    const vl_layout *layout = atomic_load_explicit(&table->layout, memory_order_acquire);
    uint32_t count = layout->columns.count;
    vl_leaf_value *columns = vl_arena_alloc_array(arena, count, sizeof *columns);

    if (columns == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate memory for a row");
    VL_TRY(vl_store_read_columns(ctx, store, table, layout, rowid, arena, columns));
    for (uint32_t i = 0; i < count; i++)
        VL_TRY(store_read_value(ctx, store, table->tree.id, arena, columns + i, values + i));
    return VELO_OK;
}

/* Take a record apart into columns, which point into it; those it lacks have their default. */
static velo_status
store_unpack(vl_ctx *ctx, const vl_layout *layout, int64_t rowid, const vl_value *record,
             vl_leaf_value *columns)
{
    vl_leaf_record walk;
    vl_leaf_value value;
    uint32_t id;
    int more;

    memcpy(columns, layout->columns.defaults, layout->columns.count * sizeof *columns);
    vl_leaf_record_init(&walk, record->as.data, record->size);
    while ((more = vl_leaf_record_next(&walk, &id, &value)) > 0) {
        int column = vl_layout_find(layout, id);

        if (column >= 0)
            columns[column] = value;
    }
    if (more < 0)
        return vl_fail(ctx, VELO_CORRUPT, "the record of row %" PRId64 " is damaged", rowid);
    return VELO_OK;
}

velo_status
vl_store_read_columns(vl_ctx *ctx, vl_store *store, const vl_store_tree *table,
                      const vl_layout *layout, int64_t rowid, vl_arena *arena,
                      vl_leaf_value *columns)
{
    vl_leaf_value whole;
    vl_leaf_state state;
    vl_value bytes;

    memset(&whole, 0, sizeof whole);
    VL_TRY(vl_table_read(ctx, &table->tree, rowid, &layout->leaf, arena,
                         layout->leaf.is_rows ? &whole : columns, &state));
    if (state != VL_LEAF_LIVE)
        return vl_fail(ctx, VELO_NOTFOUND, "tree %" PRIu64 " has no row %" PRId64, table->tree.id,
                       rowid);
    if (!layout->leaf.is_rows)
        return VELO_OK;
    VL_TRY(store_read_value(ctx, store, table->tree.id, arena, &whole, &bytes));
    return store_unpack(ctx, layout, rowid, &bytes, columns);
}
