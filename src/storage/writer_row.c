/* writer_row.c - rows as leaves take them: long values in overflow, wide rows as records.
 *
 * Invariants
 *   WR1  A row that vl_writer_row_make returned fits an empty page (leaf_pax.h, B1), with every
 *        long value written out.
 *   WR2  `fresh` names exactly the overflow values that were written for the row: if the row does
 *        not come to be, they are given back. */
#include "storage/writer_int.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "storage/leaf_row.h"

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
    row->fresh[row->fresh_count] = pid;
    row->fresh_sizes[row->fresh_count++] = value->value.size;
    value->overflow = pid;
    value->value.as.data = NULL;
    return VELO_OK;
}

/* Write out what does not fit beside the other columns. */
static velo_status
writer_row_make_columns(vl_ctx *ctx, vl_writer *writer, vl_writer_row *row)
{
    uint32_t count = row->layout->columns.count;
    const void **data;

    data = vl_arena_alloc_array(&writer->arena, count, sizeof(*data));
    if (data == NULL)
        return writer_row_no_memory(ctx);
    for (uint32_t i = 0; i < count; i++)
        data[i] = row->columns[i].value.as.data;
    if (vl_leaf_choose_overflow(writer->store->page_size, row->columns, count) == 0)
        return VELO_OK;
    for (uint32_t i = 0; i < count; i++)
        if (row->columns[i].overflow == VL_LEAF_TO_OVERFLOW) {
            row->columns[i].value.as.data = data[i];
            VL_TRY(writer_row_write_out(ctx, writer, row, row->columns + i));
        }
    return VELO_OK;
}

/* Put a record together; values too long for a page get overflow of their own, so that the others
 * can be read without them. */
static velo_status
writer_row_make_record(vl_ctx *ctx, vl_writer *writer, vl_writer_row *row)
{
    uint32_t page_size = writer->store->page_size;
    const vl_leaf_schema *columns = &row->layout->columns;
    uint8_t *record;
    size_t size;

    for (uint32_t i = 0; i < columns->count; i++) {
        vl_leaf_value *value = row->columns + i;

        if (value->overflow == 0 && value->value.size > vl_leaf_max_inline(page_size))
            VL_TRY(writer_row_write_out(ctx, writer, row, value));
    }
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
    if (vl_leaf_choose_overflow(page_size, &row->record, 1) == 0)
        return VELO_OK;
    row->record.value.as.data = record;
    row->record.overflow = 0;
    return writer_row_write_out(ctx, writer, row, &row->record);
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
    /* One place more: a record may go to overflow as a whole. */
    row->fresh = vl_arena_alloc_array(&writer->arena, layout->columns.count + 1U,
                                      sizeof(*row->fresh));
    row->fresh_sizes = vl_arena_alloc_array(&writer->arena, layout->columns.count + 1U,
                                            sizeof(*row->fresh_sizes));
    if (row->fresh == NULL || row->fresh_sizes == NULL)
        return writer_row_no_memory(ctx);
    st = layout->leaf.is_rows ? writer_row_make_record(ctx, writer, row)
                              : writer_row_make_columns(ctx, writer, row);
    if (st != VELO_OK)
        vl_writer_row_give_up(ctx, writer, row);
    return st;
}

void
vl_writer_row_give_up(vl_ctx *ctx, vl_writer *writer, vl_writer_row *row)
{
    vl_error failure = ctx->error;

    /* The error that the caller is about to report is the one that matters. */
    while (row->fresh_count > 0) {
        vl_overflow value = {.tree = row->tree};

        row->fresh_count--;
        value.pid = row->fresh[row->fresh_count];
        value.size = row->fresh_sizes[row->fresh_count];
        if (vl_overflow_free_all(ctx, writer->store->cache, &value) != VELO_OK)
            vl_log_write(ctx->log, VL_LOG_ERROR, ctx->error.code,
                         "pages of a long value that was given up are lost: %s", ctx->error.text);
    }
    ctx->error = failure;
}
