/* leaf_write.c - changing a table leaf in place.
 *
 * Invariants
 *   W1  All or nothing: whether everything fits is known before the first byte changes. What was
 *       found to fit is then put without a failure.
 *   W2  Removing never needs space: it sets and clears bits only. */
#include "storage/leaf_int.h"

/* Columns whose cells are fetched ahead. */
#define LEAF_FETCH_COLUMNS 16U

/* Whether the slot's values count, and their heap bytes with them. */
static int
leaf_is_used(const vl_leaf_spot *target)
{
    return target->state == VL_LEAF_LIVE || target->state == VL_LEAF_TOMBSTONE;
}

/* Whether a value goes to a cell and nowhere else: as most do. */
static inline int
leaf_is_plain(const vl_leaf_column *column, const vl_leaf_value *value)
{
    if (column->exception_count != 0 || column->flags != 0)
        return 0;
    if (column->form == VL_LEAF_INTEGER)
        return value->value.type == VL_TYPE_INTEGER &&
               (uint64_t)value->value.as.integer - (uint64_t)column->base <=
                   vl_leaf_width_max(column->width);
    return (column->form == VL_LEAF_TEXT && value->value.type == VL_TYPE_TEXT) ||
           (column->form == VL_LEAF_BLOB && value->value.type == VL_TYPE_BLOB);
}

/* Put such a value in a slot that had none: what leaf_change would, faster. */
static inline void
leaf_put_plain(vl_leaf *leaf, uint32_t page_size, const vl_leaf_column *column, uint32_t slot,
               const vl_leaf_value *value)
{
    uint8_t *data = vl_leaf_array(leaf, column->data_at) + (size_t)slot * column->width;

    if (column->form == VL_LEAF_INTEGER)
        vl_leaf_store(data, column->width,
                      (uint64_t)value->value.as.integer - (uint64_t)column->base);
    else
        vl_store_le32(data, (uint32_t)vl_leaf_put_heap(leaf, page_size, value, 0));
}

/* Whether a column can take a value in a slot; adds the heap bytes it needs to *heap. */
static int
leaf_value_fits(const vl_leaf *leaf, const vl_leaf_column *column, const vl_leaf_spot *target,
                const vl_leaf_value *value, uint64_t *heap)
{
    uint32_t need = vl_leaf_heap_size(value);
    uint32_t old = 0;
    uint32_t index;

    if (vl_leaf_is_exception(column, value)) {
        *heap += need;
        return column->exception_count < column->exception_capacity ||
               vl_leaf_find_exception(leaf, column, target->slot, &index) != NULL;
    }
    if (vl_leaf_type(value) == VL_TYPE_NULL)
        return 1;
    if (vl_leaf_form_is_packed(column->form))
        return vl_leaf_carray(leaf, column->data_at)[target->slot] == need;
    if (leaf_is_used(target))
        old = vl_leaf_slot_heap(vl_leaf_text_cell(leaf, column, target->slot));
    *heap += need > old ? need : 0; /* else the new bytes go where the old ones are */
    return 1;
}

/* Whether the heap can grow by so much. */
static int
leaf_heap_fits(const vl_leaf *leaf, uint32_t page_size, uint64_t heap)
{
    return heap <= page_size - leaf->fixed_end - leaf->heap_used;
}

/* Put a value that fits, and keep count of the dead bytes of the heap. */
static void
leaf_change(vl_leaf *leaf, uint32_t page_size, vl_leaf_column *column, const vl_leaf_spot *target,
            const vl_leaf_value *value)
{
    int is_used = leaf_is_used(target);
    uint64_t old = is_used ? vl_leaf_text_cell(leaf, column, target->slot) : 0;
    uint64_t live = leaf->heap_used - leaf->heap_dead;

    if (!is_used && !vl_leaf_form_is_packed(column->form)) {
        vl_leaf_put(leaf, page_size, column, target->slot, value, 0);
        return; /* the heap has grown by what the value takes: none of it died */
    }
    live -= is_used ? vl_leaf_value_heap(leaf, column, target->slot) : 0;
    vl_leaf_put(leaf, page_size, column, target->slot, value, old);
    live += vl_leaf_value_heap(leaf, column, target->slot);
    leaf->heap_dead = live < leaf->heap_used ? (uint32_t)(leaf->heap_used - live) : 0;
}

/* Find a new slot for a rowid that has none, of known rank: 0 when there is none. */
static int
leaf_find_new_slot(const vl_leaf *leaf, int64_t rowid, vl_leaf_spot *target)
{
    uint64_t distance = (uint64_t)rowid - (uint64_t)leaf->first;

    target->slot = leaf->count;
    if (leaf->count == leaf->capacity)
        return 0;
    if ((leaf->flags & VL_LEAF_DENSE) != 0) {
        target->slot = (uint32_t)distance;
        return rowid >= leaf->first && distance < leaf->capacity;
    }
    if (distance > vl_leaf_width_max(leaf->rowid_width))
        return 0;
    return target->rank == leaf->count || leaf->order_at != 0;
}

static int
leaf_row_fits(const vl_leaf *leaf, uint32_t page_size, const vl_leaf_spot *target,
              const vl_leaf_row *row, uint64_t *heap)
{
    const vl_leaf_column *columns = vl_leaf_ccolumns(leaf);
    int is_used = leaf_is_used(target);

    *heap = 0;
    for (uint32_t i = 0; i < leaf->column_count; i++) {
        if (!is_used && leaf_is_plain(columns + i, row->values + i))
            *heap += vl_leaf_heap_size(row->values + i);
        else if (!leaf_value_fits(leaf, columns + i, target, row->values + i, heap))
            return 0;
    }
    return leaf_heap_fits(leaf, page_size, *heap);
}

/* Enter a new slot of a page that is not dense into the order. */
static void
leaf_order_insert(vl_leaf *leaf, const vl_leaf_spot *target)
{
    uint8_t *order = vl_leaf_array(leaf, leaf->order_at);
    int is_sorted = (leaf->flags & VL_LEAF_SORTED) != 0;

    if (is_sorted && target->rank == leaf->count)
        return;
    for (uint32_t i = 0; is_sorted && i < leaf->count; i++)
        vl_store_le16(order + (size_t)i * 2, (uint16_t)i);
    leaf->flags &= (uint16_t)~VL_LEAF_SORTED;
    memmove(order + ((size_t)target->rank + 1) * 2, order + (size_t)target->rank * 2,
            ((size_t)leaf->count - target->rank) * 2);
    vl_store_le16(order + (size_t)target->rank * 2, (uint16_t)target->slot);
}

/* Make a new slot a gap with its rowid. In a dense page those before it become gaps as well; their
 * cells have been 0 since the page was built. */
static void
leaf_add_slot(vl_leaf *leaf, int64_t rowid, const vl_leaf_spot *target)
{
    uint8_t *deltas = vl_leaf_array(leaf, leaf->rowids_at);

    if ((leaf->flags & VL_LEAF_DENSE) != 0) {
        leaf->gap_count = (uint16_t)(leaf->gap_count + (target->slot + 1 - leaf->count));
        leaf->count = target->slot + 1;
        return;
    }
    vl_leaf_store(deltas + (size_t)target->slot * leaf->rowid_width, leaf->rowid_width,
                  (uint64_t)rowid - (uint64_t)leaf->first);
    leaf_order_insert(leaf, target);
    leaf->gap_count++;
    leaf->count++;
}

/* Make a slot live. */
static void
leaf_set_live(vl_leaf *leaf, uint32_t slot)
{
    vl_leaf_state state = vl_leaf_slot_state(leaf, slot);

    if (state == VL_LEAF_GAP)
        leaf->gap_count--;
    if (state == VL_LEAF_TOMBSTONE)
        leaf->tombstone_count--;
    vl_leaf_bit_put(vl_leaf_array(leaf, leaf->present_at), slot, 1);
    vl_leaf_bit_put(vl_leaf_array(leaf, leaf->deleted_at), slot, 0);
}

/* Let the memory come that inserting will write to: in a page that was not used for a while each
 * array is a miss of its own, and the section that is entered meanwhile would wait for all of them
 * one after the other. */
static void
leaf_fetch_slot(const vl_leaf *leaf, uint32_t slot)
{
    const vl_leaf_column *columns = vl_leaf_ccolumns(leaf);

    __builtin_prefetch(vl_leaf_carray(leaf, leaf->present_at) + slot / 8, 1);
    __builtin_prefetch(vl_leaf_carray(leaf, leaf->deleted_at) + slot / 8, 1);
    __builtin_prefetch(vl_leaf_carray(leaf, leaf->rowids_at) + (size_t)slot * leaf->rowid_width, 1);
    for (uint32_t i = 0; i < leaf->column_count && i < LEAF_FETCH_COLUMNS; i++)
        __builtin_prefetch(
            vl_leaf_carray(leaf, columns[i].data_at) + (size_t)slot * columns[i].width, 1);
}

vl_leaf_result
vl_leaf_can_insert_at(const vl_leaf *leaf, uint32_t page_size, const vl_leaf_schema *schema,
                      const vl_leaf_row *row, vl_leaf_spot *spot)
{
    uint64_t heap;

    VL_ASSERT(spot->count == leaf->count);
    if (spot->state == VL_LEAF_LIVE)
        return VL_LEAF_EXISTS;
    if (!vl_leaf_has_schema(leaf, schema))
        return VL_LEAF_NO_ROOM;
    if (spot->state == VL_LEAF_NO_SLOT && !leaf_find_new_slot(leaf, row->rowid, spot))
        return VL_LEAF_NO_ROOM;
    leaf_fetch_slot(leaf, spot->slot);
    if (!leaf_row_fits(leaf, page_size, spot, row, &heap))
        return VL_LEAF_NO_ROOM;
    spot->heap = (uint32_t)heap;
    return VL_LEAF_DONE;
}

void
vl_leaf_insert_at(vl_leaf *leaf, uint32_t page_size, const vl_leaf_row *row,
                  const vl_leaf_spot *spot)
{
    vl_leaf_column *columns = vl_leaf_columns(leaf);
    int is_used = leaf_is_used(spot);

    VL_CHECK(spot->count == leaf->count && spot->slot < leaf->capacity); /* keeps W1 */
    VL_CHECK(leaf_heap_fits(leaf, page_size, spot->heap));
    if (spot->state == VL_LEAF_NO_SLOT)
        leaf_add_slot(leaf, row->rowid, spot);
    for (uint32_t i = 0; i < leaf->column_count; i++) {
        if (!is_used && leaf_is_plain(columns + i, row->values + i))
            leaf_put_plain(leaf, page_size, columns + i, spot->slot, row->values + i);
        else
            leaf_change(leaf, page_size, columns + i, spot, row->values + i);
    }
    leaf_set_live(leaf, spot->slot);
}

vl_leaf_result
vl_leaf_can_insert(const vl_leaf *leaf, uint32_t page_size, const vl_leaf_schema *schema,
                   const vl_leaf_row *row)
{
    vl_leaf_spot spot;

    vl_leaf_locate(leaf, row->rowid, &spot);
    return vl_leaf_can_insert_at(leaf, page_size, schema, row, &spot);
}

vl_leaf_result
vl_leaf_insert(vl_leaf *leaf, uint32_t page_size, const vl_leaf_schema *schema,
               const vl_leaf_row *row)
{
    vl_leaf_spot spot;
    vl_leaf_result result;

    vl_leaf_locate(leaf, row->rowid, &spot);
    result = vl_leaf_can_insert_at(leaf, page_size, schema, row, &spot);
    if (result == VL_LEAF_DONE)
        vl_leaf_insert_at(leaf, page_size, row, &spot);
    return result;
}

vl_leaf_result
vl_leaf_can_update(const vl_leaf *leaf, uint32_t page_size, uint32_t slot,
                   const vl_leaf_change *changes, uint32_t count)
{
    const vl_leaf_column *columns = vl_leaf_ccolumns(leaf);
    vl_leaf_spot target = {.slot = slot, .state = vl_leaf_slot_state(leaf, slot)};
    uint64_t heap = 0;

    VL_ASSERT(target.state != VL_LEAF_GAP);
    for (uint32_t i = 0; i < count; i++) {
        int index = vl_leaf_column_index(leaf, changes[i].id);

        if (index < 0 || !leaf_value_fits(leaf, columns + index, &target, &changes[i].value, &heap))
            return VL_LEAF_NO_ROOM;
    }
    return leaf_heap_fits(leaf, page_size, heap) ? VL_LEAF_DONE : VL_LEAF_NO_ROOM;
}

vl_leaf_result
vl_leaf_update(vl_leaf *leaf, uint32_t page_size, uint32_t slot, const vl_leaf_change *changes,
               uint32_t count)
{
    vl_leaf_column *columns = vl_leaf_columns(leaf);
    vl_leaf_spot target = {.slot = slot, .state = vl_leaf_slot_state(leaf, slot)};

    if (vl_leaf_can_update(leaf, page_size, slot, changes, count) != VL_LEAF_DONE)
        return VL_LEAF_NO_ROOM;
    for (uint32_t i = 0; i < count; i++)
        leaf_change(leaf, page_size, columns + vl_leaf_column_index(leaf, changes[i].id), &target,
                    &changes[i].value);
    return VL_LEAF_DONE;
}

void
vl_leaf_mark_deleted(vl_leaf *leaf, uint32_t slot)
{
    VL_ASSERT(vl_leaf_slot_state(leaf, slot) == VL_LEAF_LIVE);
    vl_leaf_bit_put(vl_leaf_array(leaf, leaf->deleted_at), slot, 1);
    leaf->tombstone_count++;
}

void
vl_leaf_unmark_deleted(vl_leaf *leaf, uint32_t slot)
{
    VL_ASSERT(vl_leaf_slot_state(leaf, slot) == VL_LEAF_TOMBSTONE);
    leaf_set_live(leaf, slot);
}

void
vl_leaf_purge(vl_leaf *leaf, uint32_t slot)
{
    const vl_leaf_column *columns = vl_leaf_ccolumns(leaf);

    VL_ASSERT(vl_leaf_slot_state(leaf, slot) != VL_LEAF_GAP);
    leaf_set_live(leaf, slot);
    for (uint32_t i = 0; i < leaf->column_count; i++)
        leaf->heap_dead += vl_leaf_value_heap(leaf, columns + i, slot);
    vl_leaf_bit_put(vl_leaf_array(leaf, leaf->present_at), slot, 0);
    leaf->gap_count++;
}
