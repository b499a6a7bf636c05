/* writer_row.c - rows that are stored as records: long values in overflow of their own.
 *
 * Tables that are stored by column need nothing of this: their leaves take the columns as they are,
 * and send to overflow what does not fit (table.h). In a record, values too long for a page go to
 * overflow by themselves, so that the others can be read without them; the record as a whole is one
 * value to the leaf.
 *
 * Invariant
 *   WR2  `fresh` names exactly the overflow values that were written for the row: if the row does
 *        not come to be, they are given back. */
#include "base/alloc.h"
#include "storage/writer_int.h"

#include <string.h>

static velo_status
writer_row_no_memory(vl_ctx *ctx)
{
    return vl_fail(ctx, VELO_NOMEM, "cannot allocate memory for a row");
}

/* Write one value out, and refer to it. */
static velo_status
writer_row_write_out(vl_ctx *ctx, vl_writer *writer, vl_writer_row *row, vl_leaf_value *value)
{
    vl_overflow_source source = {.tree = row->tree};
    vl_pid pid;

    source.size = value->value.size;
    source.data = value->value.as.data;
    VL_TRY(vl_overflow_write(ctx, writer->store->cache, &source, &pid));
    row->fresh[row->fresh_count++] = (vl_overflow){row->tree, pid, value->value.size};
    value->overflow = pid;
    value->value.as.data = NULL;
    return VELO_OK;
}

/* Put a record together. */
static velo_status
writer_row_make_record(vl_ctx *ctx, vl_writer *writer, vl_writer_row *row)
{
    uint32_t longest = vl_leaf_max_inline(writer->store->page_size);
    const vl_leaf_schema *columns = &row->layout->columns;
    uint8_t *record;
    size_t size;

    for (uint32_t i = 0; i < columns->count; i++)
        if (row->columns[i].overflow == 0 && row->columns[i].value.size > longest)
            VL_TRY(writer_row_write_out(ctx, writer, row, row->columns + i));
    size = vl_leaf_record_size(columns, row->columns);
    record = vl_arena_alloc(&writer->arena, size);
    if (record == NULL)
        return writer_row_no_memory(ctx);
    (void)vl_leaf_record_put(record, columns, row->columns);
    memset(&row->record, 0, sizeof row->record);
    row->record.value.type = VL_TYPE_BLOB;
    row->record.value.size = (uint32_t)size;
    row->record.value.as.data = record;
    row->leaf = &row->record;
    return VELO_OK;
}

velo_status
vl_writer_row_make(vl_ctx *ctx, vl_writer *writer, const vl_store_tree *table,
                   const vl_layout *layout, vl_leaf_value *columns, vl_writer_row *row)
{
    velo_status st;

    memset(row, 0, sizeof *row);
    row->layout = layout;
    row->tree = table->tree.id;
    row->columns = columns;
    row->leaf = columns;
    if (!layout->leaf.is_rows)
        return VELO_OK;
    row->fresh = vl_arena_alloc_array(&writer->arena, layout->columns.count, sizeof(*row->fresh));
    if (row->fresh == NULL)
        return writer_row_no_memory(ctx);
    st = writer_row_make_record(ctx, writer, row);
    if (st != VELO_OK)
        vl_writer_row_give_up(ctx, writer, row);
    return st;
}

void
vl_writer_row_give_up(vl_ctx *ctx, vl_writer *writer, vl_writer_row *row)
{
    vl_writer_garbage garbage = {row->fresh, row->fresh_count, row->fresh_count};

    vl_writer_garbage_free(ctx, writer, &garbage);
    row->fresh_count = 0;
}
