/* index_cover.c - columns of a row out of its entry in an index. */
#include "exec/index_cover.h"

#include "storage/key.h"

#include <string.h>

/* Whole numbers below this in magnitude are what a column's affinity has made of a number. */
#define COVER_WHOLE (INT64_C(1) << 53)

/* The term of a column; -2: there is none. */
static int32_t
cover_find(const vl_index_def *index, int32_t column)
{
    if (column == VL_COLUMN_ROWID || column == index->table->rowid_column)
        return VL_COLUMN_ROWID;
    for (int32_t i = 0; i < index->total_count; i++)
        if (index->terms[i].column == column)
            return i;
    return -2;
}

velo_status
vl_cover_init(vl_ctx *ctx, const vl_index_def *index, const int32_t *columns, uint32_t count,
              vl_arena *arena, vl_cover *cover)
{
    memset(cover, 0, sizeof *cover);
    cover->index = index;
    cover->count = count;
    cover->columns = vl_arena_alloc_array(arena, count + 1U, sizeof *cover->columns);
    cover->from = vl_arena_alloc_array(arena, index->total_count + 1U, sizeof(uint8_t *));
    cover->terms = vl_arena_alloc_array(arena, index->total_count + 1U, sizeof *cover->terms);
    if (cover->columns == NULL || cover->from == NULL || cover->terms == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a scan of %u columns", (unsigned)count);
    for (uint32_t i = 0; i < count; i++) {
        vl_cover_column *column = &cover->columns[i];

        column->term = cover_find(index, columns[i]);
        if (column->term == VL_COLUMN_ROWID)
            continue;
        if (column->term < 0) {
            cover->columns = NULL;
            return VELO_OK;
        }
        column->affinity = index->table->columns[columns[i]].affinity;
        if ((uint32_t)column->term >= cover->term_count)
            cover->term_count = (uint32_t)column->term + 1;
    }
    return VELO_OK;
}

/* Whether a key's value is the column's: then it gets the class that the column gives it. */
static int
cover_is_exact(const vl_cover_column *column, const vl_index_term *term, vl_value *value)
{
    switch (value->type) {
    case VL_TYPE_NULL:
    case VL_TYPE_BLOB:
        return 1;
    case VL_TYPE_TEXT:
        return term->collation == VL_COLLATE_BINARY;
    case VL_TYPE_REAL:
        return column->affinity != VL_AFFINITY_TEXT;
    case VL_TYPE_INTEGER:
        break;
    }
    if (value->as.integer >= COVER_WHOLE || value->as.integer <= -COVER_WHOLE)
        return 0;
    if (column->affinity == VL_AFFINITY_INTEGER || column->affinity == VL_AFFINITY_NUMERIC)
        return 1;
    if (column->affinity != VL_AFFINITY_REAL || value->as.integer == 0)
        return 0;
    *value = (vl_value){.type = VL_TYPE_REAL, .as.real = (double)value->as.integer};
    return 1;
}

/* Copy a text or blob of the key. */
static velo_status
cover_copy(vl_ctx *ctx, const uint8_t *from, vl_key_order order, vl_arena *arena, vl_value *value)
{
    uint8_t *to;

    if (value->type != VL_TYPE_TEXT && value->type != VL_TYPE_BLOB)
        return VELO_OK;
    to = vl_arena_alloc(arena, value->size + 1U);
    if (to == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate %u bytes for a value",
                       (unsigned)value->size);
    vl_key_get_bytes(to, value->size, from, order);
    value->as.data = to;
    return VELO_OK;
}

static vl_key_order
cover_order(const vl_index_term *term)
{
    return (vl_key_order){term->collation, term->is_descending};
}

velo_status
vl_cover_read(vl_ctx *ctx, const vl_cover *cover, const void *key, uint32_t key_size, int64_t rowid,
              vl_batch *batch, uint32_t at, int *is_read)
{
    const uint8_t *from = key;
    const uint8_t *end = from + key_size;

    *is_read = 0;
    for (uint32_t i = 0; i < cover->term_count; i++) {
        cover->from[i] = from;
        from = vl_key_get(from, end, cover_order(&cover->index->terms[i]), &cover->terms[i]);
        if (from == NULL) /* a unique key ends with its terms */
            return VELO_OK;
    }
    for (uint32_t i = 0; i < cover->count; i++) {
        const vl_cover_column *column = &cover->columns[i];
        vl_value *to = &batch->columns[i][at];

        *to = (vl_value){.type = VL_TYPE_INTEGER, .as.integer = rowid};
        if (column->term == VL_COLUMN_ROWID)
            continue;
        *to = cover->terms[column->term];
        if (!cover_is_exact(column, &cover->index->terms[column->term], to))
            return VELO_OK;
        VL_TRY(cover_copy(ctx, cover->from[column->term],
                          cover_order(&cover->index->terms[column->term]), &batch->arena, to));
    }
    *is_read = 1;
    return VELO_OK;
}
