/* packed.c - see packed.h. */
#include "exec/packed.h"

#include "storage/leaf_row.h"
#include "vec/value.h"

int
vl_packed_is(const vl_txn_table *table)
{
    return vl_rows_schema(table)->ids[0] == VL_PACKED_ID;
}

velo_status
vl_packed_put(vl_ctx *ctx, vl_arena *arena, const uint32_t *ids, const vl_value *values,
              uint32_t count, vl_value *packed)
{
    vl_leaf_schema schema = {ids, NULL, (uint16_t)count, 0};
    vl_leaf_value *row = vl_arena_alloc_array(arena, count, sizeof *row);
    uint8_t *record;
    size_t size;

    if (row == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row");
    for (uint32_t i = 0; i < count; i++)
        row[i] = (vl_leaf_value){.value = values[i]};
    size = vl_leaf_record_size(&schema, row);
    if (size > VL_OVERFLOW_MAX_SIZE)
        return vl_fail(ctx, VELO_TOOBIG, "string or blob too big");
    record = vl_arena_alloc(arena, size);
    if (record == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row");
    (void)vl_leaf_record_put(record, &schema, row);
    *packed = (vl_value){.type = VL_TYPE_BLOB, .size = (uint32_t)size, .as.data = record};
    return VELO_OK;
}

velo_status
vl_packed_get(vl_ctx *ctx, const vl_value *packed, const uint32_t *ids, uint32_t count,
              vl_value *values)
{
    vl_leaf_record walk;
    vl_leaf_value value;
    uint32_t id, at = 0;
    int more = 0;

    if (packed->type == VL_TYPE_BLOB)
        vl_leaf_record_init(&walk, packed->as.data, packed->size);
    else
        more = -1;
    while (at < count && more >= 0 && (more = vl_leaf_record_next(&walk, &id, &value)) > 0) {
        while (at < count && ids[at] < id)
            values[at++] = vl_value_of_null();
        if (at < count && ids[at] == id)
            values[at++] = value.value;
        if (value.overflow != 0)
            more = -1; /* none of ours */
    }
    if (more < 0)
        return vl_fail(ctx, VELO_CORRUPT, "a row of many columns is damaged");
    while (at < count)
        values[at++] = vl_value_of_null();
    return VELO_OK;
}
