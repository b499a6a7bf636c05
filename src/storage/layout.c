/* layout.c - the columns of a table; see layout.h.
 *
 * One block of memory: the struct, ids, defaults, the record. Texts of defaults point into the
 * record. */
#include "storage/layout.h"

#include "base/alloc.h"
#include "storage/leaf_row.h"

#include <string.h>

/* The schema of leaves that hold records. A page always has the one column, so its default is never
 * used. */
static const uint32_t layout_record_id[1] = {VL_LEAF_RECORD_ID};
static const vl_leaf_value layout_record_default[1] = {{.value = {.type = VL_TYPE_NULL}}};

velo_status
vl_layout_parse(vl_ctx *ctx, uint32_t page_size, const void *record, size_t size, vl_layout **out)
{
    vl_leaf_record walk;
    vl_leaf_value value, *defaults;
    vl_layout *layout;
    uint32_t id, *ids, count = 0;
    uint8_t *copy;
    int more;

    *out = NULL;
    vl_leaf_record_init(&walk, record, size);
    while ((more = vl_leaf_record_next(&walk, &id, &value)) > 0)
        if (++count > VL_LAYOUT_MAX_COLUMNS || id == VL_LEAF_RECORD_ID || value.overflow != 0)
            break;
    if (more != 0 || count == 0)
        return vl_fail(ctx, VELO_CORRUPT, "the list of a table's columns is damaged");

    layout = vl_alloc_zero(ctx, sizeof *layout + count * (sizeof *defaults + sizeof *ids) + size);
    if (layout == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the columns of a table");
    defaults = (vl_leaf_value *)(layout + 1);
    ids = (uint32_t *)(defaults + count);
    copy = (uint8_t *)(ids + count);
    memcpy(copy, record, size);
    vl_leaf_record_init(&walk, copy, size);
    for (uint32_t i = 0; i < count; i++)
        (void)vl_leaf_record_next(&walk, ids + i, defaults + i);

    layout->columns = (vl_leaf_schema){ids, defaults, (uint16_t)count, 0};
    layout->leaf = layout->columns;
    if (count > vl_leaf_max_columns(page_size))
        layout->leaf = (vl_leaf_schema){layout_record_id, layout_record_default, 1, 1};
    layout->record = copy;
    layout->record_size = size;
    *out = layout;
    return VELO_OK;
}

velo_status
vl_layout_create(vl_ctx *ctx, uint32_t page_size, const vl_leaf_schema *columns, vl_layout **out)
{
    uint8_t *record;
    size_t size;
    velo_status st;

    *out = NULL;
    if (columns->count == 0 || columns->count > VL_LAYOUT_MAX_COLUMNS)
        return vl_fail(ctx, VELO_MISUSE, "a table of %u columns: 1 to %u are possible",
                       columns->count, VL_LAYOUT_MAX_COLUMNS);
    for (uint32_t i = 0; i < columns->count; i++)
        if ((i > 0 && columns->ids[i] <= columns->ids[i - 1]) ||
            columns->ids[i] == VL_LEAF_RECORD_ID || columns->defaults[i].overflow != 0)
            return vl_fail(ctx, VELO_MISUSE,
                           "column %u of the table has an impossible id or default", i);
    size = vl_leaf_record_size(columns, columns->defaults);
    if (size > VL_LAYOUT_MAX_SIZE)
        return vl_fail(ctx, VELO_TOOBIG, "the defaults of a table's columns are too long");
    record = vl_alloc(ctx, size);
    if (record == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the columns of a table");
    (void)vl_leaf_record_put(record, columns, columns->defaults);
    st = vl_layout_parse(ctx, page_size, record, size, out);
    vl_free(record);
    return st;
}

void
vl_layout_destroy(vl_layout *layout)
{
    while (layout != NULL) {
        vl_layout *older = layout->older;

        vl_free(layout);
        layout = older;
    }
}

int
vl_layout_find(const vl_layout *layout, uint32_t id)
{
    uint32_t low = 0, high = layout->columns.count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (layout->columns.ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < layout->columns.count && layout->columns.ids[low] == id ? (int)low : -1;
}
