/* batch.c - chunks of rows that an operator makes itself. */
#include "exec/exec_int.h"

#include <string.h>

/* The room of a batch that holds a few rows only. */
#define BATCH_ROWS_FEW VL_BY_BUILD(16U, 2U)

/* Get memory for `rows` rows; what was there is lost. */
static velo_status
batch_enlarge(vl_ctx *ctx, vl_batch *batch, uint32_t column_count, uint32_t rows)
{
    size_t one = sizeof(vl_vector) + sizeof(vl_value *) + rows * sizeof(vl_value);
    char *memory;
    vl_value *values;

    vl_free(batch->memory);
    batch->capacity = 0;
    batch->memory = memory = vl_alloc_array(ctx, column_count + 1U, one);
    if (memory == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate %u rows of %u columns", rows,
                       column_count);
    values = (vl_value *)(void *)memory; /* first, for its alignment */
    batch->chunk.vectors =
        (vl_vector *)(void *)(memory + (size_t)(column_count + 1) * rows * sizeof *values);
    batch->columns = (vl_value **)(void *)(batch->chunk.vectors + column_count + 1);
    batch->chunk.column_count = column_count;
    for (uint32_t i = 0; i < column_count; i++) {
        batch->columns[i] = values + (size_t)i * rows;
        batch->chunk.vectors[i] =
            (vl_vector){.form = VL_VECTOR_ANY, .as.values = batch->columns[i]};
    }
    batch->capacity = rows;
    return VELO_OK;
}

velo_status
vl_batch_begin(vl_ctx *ctx, vl_batch *batch, uint32_t column_count, uint32_t rows)
{
    if (batch->arena.allocator == NULL)
        vl_arena_init(&batch->arena, ctx->allocator, 0);
    vl_arena_reset(&batch->arena);
    batch->chunk.row_count = 0;
    batch->chunk.count = 0;
    batch->chunk.selection = NULL;
    if (rows <= batch->capacity)
        return VELO_OK;
    return batch_enlarge(ctx, batch, column_count,
                         rows <= BATCH_ROWS_FEW ? BATCH_ROWS_FEW : VL_CHUNK_ROWS);
}

void
vl_batch_append(vl_batch *batch, const vl_value *values)
{
    uint32_t at = batch->chunk.row_count++;

    for (uint32_t i = 0; i < batch->chunk.column_count; i++)
        batch->columns[i][at] = values[i];
    batch->chunk.count = batch->chunk.row_count;
}

velo_status
vl_batch_append_copy(vl_ctx *ctx, vl_batch *batch, const vl_value *values)
{
    uint32_t at = batch->chunk.row_count;

    for (uint32_t i = 0; i < batch->chunk.column_count; i++)
        VL_TRY(vl_row_copy_to(ctx, &batch->arena, &values[i], 1, &batch->columns[i][at]));
    batch->chunk.count = ++batch->chunk.row_count;
    return VELO_OK;
}

void
vl_batch_deinit(vl_batch *batch)
{
    if (batch->arena.allocator != NULL)
        vl_arena_deinit(&batch->arena);
    vl_free(batch->memory);
    *batch = (vl_batch){.memory = NULL};
}

void
vl_chunk_read(const vl_chunk *chunk, uint32_t n, vl_value *values)
{
    vl_chunk_read_at(chunk, vl_chunk_row(chunk, n), values);
}

void
vl_chunk_read_at(const vl_chunk *chunk, uint32_t row, vl_value *values)
{
    for (uint32_t i = 0; i < chunk->column_count; i++)
        values[i] = vl_vector_get(&chunk->vectors[i], row);
}
