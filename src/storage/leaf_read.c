/* leaf_read.c - finding rows on a table leaf and reading their values.
 *
 * Invariants
 *   R1  The page is trusted: it has been validated, or made by our own writer. So nothing is
 *       checked here, and nothing outside of the page is read.
 *   R2  A value is looked for among the exceptions first, then in the null bitmap, then in its
 *       cell: the order in which one hides the other (see C2 in leaf_cell.c). */
#include "simd/simd.h"
#include "storage/leaf_int.h"

/* Most bytes of rowids that are looked at from end to end. */
#define LEAF_SCAN_BYTES 2048U

const uint8_t *
vl_leaf_present(const vl_leaf *leaf)
{
    return vl_leaf_carray(leaf, leaf->present_at);
}

const uint8_t *
vl_leaf_deleted(const vl_leaf *leaf)
{
    return vl_leaf_carray(leaf, leaf->deleted_at);
}

vl_leaf_state
vl_leaf_slot_state(const vl_leaf *leaf, uint32_t slot)
{
    VL_ASSERT(slot < leaf->count);
    if (vl_leaf_is_all_live(leaf)) /* the header says so: spares the bitmaps' line of memory */
        return VL_LEAF_LIVE;
    if (!vl_leaf_bit(vl_leaf_present(leaf), slot))
        return VL_LEAF_GAP;
    return vl_leaf_bit(vl_leaf_deleted(leaf), slot) ? VL_LEAF_TOMBSTONE : VL_LEAF_LIVE;
}

int64_t
vl_leaf_rowid(const vl_leaf *leaf, uint32_t slot)
{
    const uint8_t *deltas = vl_leaf_carray(leaf, leaf->rowids_at);
    uint64_t delta = slot;

    if ((leaf->flags & VL_LEAF_DENSE) == 0)
        delta = vl_leaf_load(deltas + (size_t)slot * leaf->rowid_width, leaf->rowid_width);
    return (int64_t)((uint64_t)leaf->first + delta);
}

uint32_t
vl_leaf_slot_at(const vl_leaf *leaf, uint32_t rank)
{
    VL_ASSERT(rank < leaf->count);
    if ((leaf->flags & VL_LEAF_SORTED) != 0)
        return rank;
    return vl_load_le16(vl_leaf_carray(leaf, leaf->order_at) + (size_t)rank * 2);
}

uint32_t
vl_leaf_seek(const vl_leaf *leaf, int64_t rowid)
{
    uint32_t low = 0;
    uint32_t high = leaf->count;

    if ((leaf->flags & VL_LEAF_DENSE) != 0) {
        uint64_t distance = (uint64_t)rowid - (uint64_t)leaf->first;

        if (leaf->count == 0 || rowid <= leaf->first)
            return 0;
        return distance < leaf->count ? (uint32_t)distance : leaf->count;
    }
    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (vl_leaf_rowid(leaf, vl_leaf_slot_at(leaf, middle)) < rowid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Whether the rowids are looked at from end to end instead of by halving. In order of arrival each
 * step of a halving takes two lines of memory, one of the order and one of the rowids, and knows
 * neither before the last step has come: while all rowids of a page are a few lines that come
 * together. */
static int
leaf_scans_rowids(const vl_leaf *leaf)
{
    return (leaf->flags & VL_LEAF_SORTED) == 0 && leaf->rowid_width < 8 &&
           leaf->count * leaf->rowid_width <= LEAF_SCAN_BYTES;
}

/* vl_leaf_seek for such a page. */
static uint32_t
leaf_scan(const vl_leaf *leaf, int64_t rowid)
{
    uint64_t delta = (uint64_t)rowid - (uint64_t)leaf->first;
    uint64_t bits[LEAF_SCAN_BYTES / 64];
    const vl_simd *simd = vl_simd_best();
    vl_simd_range range = {.low = 0, .span = delta};
    uint32_t rank;

    if (rowid < leaf->first)
        return 0;
    if (delta > vl_leaf_width_max(leaf->rowid_width))
        return leaf->count;
    simd->in_range[vl_simd_width(leaf->rowid_width)](vl_leaf_carray(leaf, leaf->rowids_at),
                                                     leaf->count, &range, bits);
    rank = simd->bits_count(bits, leaf->count);
    if (rank > 0 && vl_leaf_rowid(leaf, vl_leaf_slot_at(leaf, rank - 1)) == rowid)
        rank--;
    return rank;
}

void
vl_leaf_locate(const vl_leaf *leaf, int64_t rowid, vl_leaf_spot *spot)
{
    spot->rank = leaf_scans_rowids(leaf) ? leaf_scan(leaf, rowid) : vl_leaf_seek(leaf, rowid);
    spot->slot = 0;
    spot->state = VL_LEAF_NO_SLOT;
    spot->count = leaf->count;
    spot->heap = 0;
    if (spot->rank == leaf->count)
        return;
    spot->slot = vl_leaf_slot_at(leaf, spot->rank);
    if (vl_leaf_rowid(leaf, spot->slot) == rowid)
        spot->state = vl_leaf_slot_state(leaf, spot->slot);
}

vl_leaf_state
vl_leaf_find(const vl_leaf *leaf, int64_t rowid, uint32_t *slot)
{
    vl_leaf_spot spot;

    vl_leaf_locate(leaf, rowid, &spot);
    if (spot.state != VL_LEAF_NO_SLOT)
        *slot = spot.slot;
    return spot.state;
}

int
vl_leaf_column_index(const vl_leaf *leaf, uint32_t id)
{
    const vl_leaf_column *columns = vl_leaf_ccolumns(leaf);
    uint32_t low = 0;
    uint32_t high = leaf->column_count;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (columns[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < leaf->column_count && columns[low].id == id ? (int)low : -1;
}

int
vl_leaf_has_schema(const vl_leaf *leaf, const vl_leaf_schema *schema)
{
    const vl_leaf_column *columns = vl_leaf_ccolumns(leaf);

    if (leaf->column_count != schema->count ||
        (schema->is_rows != 0) != ((leaf->flags & VL_LEAF_ROWS) != 0))
        return 0;
    for (uint32_t i = 0; i < schema->count; i++)
        if (columns[i].id != schema->ids[i])
            return 0;
    return 1;
}

const vl_leaf_exception *
vl_leaf_find_exception(const vl_leaf *leaf, const vl_leaf_column *column, uint32_t slot,
                       uint32_t *index)
{
    const vl_leaf_exception *list = vl_leaf_cexceptions(leaf, column);
    uint32_t low = 0;
    uint32_t high = column->exception_count;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (list[middle].slot < slot)
            low = middle + 1;
        else
            high = middle;
    }
    *index = low;
    return low < column->exception_count && list[low].slot == slot ? list + low : NULL;
}

static leaf_cell
leaf_read_cell(const vl_leaf *leaf, const vl_leaf_column *column, uint32_t slot)
{
    const uint8_t *data = vl_leaf_carray(leaf, column->data_at);
    const uint8_t *bits = vl_leaf_carray(leaf, column->bits_at);
    leaf_cell cell = {0, 0};

    cell.bits = vl_leaf_load(data + (size_t)slot * column->width, column->width);
    if (column->form == VL_LEAF_NUMBER || column->form == VL_LEAF_SCALED_NUMBER)
        cell.extra = (unsigned)vl_leaf_bit(bits, slot);
    else if (column->form == VL_LEAF_ANY)
        cell.extra = bits[slot];
    return cell;
}

static int
leaf_is_null(const vl_leaf *leaf, const vl_leaf_column *column, uint32_t slot)
{
    return column->nulls_at != 0 && vl_leaf_bit(vl_leaf_carray(leaf, column->nulls_at), slot);
}

uint64_t
vl_leaf_text_cell(const vl_leaf *leaf, const vl_leaf_column *column, uint32_t slot)
{
    leaf_cell cell;

    if (!vl_leaf_form_is_slots(column->form) && column->form != VL_LEAF_ANY)
        return 0;
    cell = leaf_read_cell(leaf, column, slot);
    if (column->form == VL_LEAF_ANY && !vl_leaf_is_bytes((vl_type)cell.extra))
        return 0;
    return cell.bits;
}

uint32_t
vl_leaf_value_heap(const vl_leaf *leaf, const vl_leaf_column *column, uint32_t slot)
{
    const vl_leaf_exception *exception;
    uint32_t index;

    if (column->exception_count > 0) {
        exception = vl_leaf_find_exception(leaf, column, slot, &index);
        if (exception != NULL)
            return vl_leaf_is_bytes((vl_type)exception->type)
                       ? vl_leaf_slot_heap(exception->contents)
                       : 0;
    }
    if (leaf_is_null(leaf, column, slot))
        return 0;
    if (vl_leaf_form_is_packed(column->form))
        return vl_leaf_carray(leaf, column->data_at)[slot];
    return vl_leaf_slot_heap(vl_leaf_text_cell(leaf, column, slot));
}

uint32_t
vl_leaf_packed_offset(const vl_leaf *leaf, const vl_leaf_column *column, uint32_t slot)
{
    const uint8_t *lengths = vl_leaf_carray(leaf, column->data_at);
    const uint8_t *offsets = vl_leaf_carray(leaf, column->bits_at);
    uint32_t offset = vl_load_le16(offsets + (size_t)slot / LEAF_PACK_RUN * 2);

    for (uint32_t i = slot - slot % LEAF_PACK_RUN; i < slot; i++)
        offset += lengths[i];
    return offset;
}

/* Give a text of the heap. */
static void
leaf_get_text(const vl_leaf *leaf, vl_type type, uint64_t cell, vl_leaf_value *value)
{
    const uint8_t *from = vl_leaf_cbytes(leaf) + vl_leaf_slot_offset(cell);
    uint32_t length = vl_leaf_slot_length(cell);

    value->value.type = type;
    if (length == VL_LEAF_OVERFLOW) {
        value->value.size = vl_load_le32(from);
        value->overflow = vl_load_le32(from + 4);
        return;
    }
    value->value.size = length;
    value->value.as.data = from;
}

/* Give a value from its type and 8 bytes. */
static void
leaf_get_contents(const vl_leaf *leaf, uint32_t type, uint64_t contents, vl_leaf_value *value)
{
    if (vl_leaf_is_bytes((vl_type)type)) {
        leaf_get_text(leaf, (vl_type)type, contents, value);
    } else if (type == VL_TYPE_INTEGER) {
        value->value.type = VL_TYPE_INTEGER;
        value->value.as.integer = (int64_t)contents;
    } else if (type == VL_TYPE_REAL) {
        value->value.type = VL_TYPE_REAL;
        value->value.as.real = vl_bits_real(contents);
    }
}

static void
leaf_get_packed(const vl_leaf *leaf, const vl_leaf_column *column, uint32_t slot,
                vl_leaf_value *value)
{
    value->value.type = column->form == VL_LEAF_PACKED_TEXT ? VL_TYPE_TEXT : VL_TYPE_BLOB;
    value->value.size = vl_leaf_carray(leaf, column->data_at)[slot];
    value->value.as.data = vl_leaf_cbytes(leaf) + vl_leaf_packed_offset(leaf, column, slot);
}

void
vl_leaf_get(const vl_leaf *leaf, uint32_t slot, uint32_t index, vl_leaf_value *value)
{
    const vl_leaf_column *column = vl_leaf_ccolumns(leaf) + index;
    const vl_leaf_exception *exception;
    leaf_cell cell;
    uint32_t at;

    VL_ASSERT(slot < leaf->count && index < leaf->column_count);
    memset(value, 0, sizeof *value);
    value->value.type = VL_TYPE_NULL;
    if (column->exception_count > 0) {
        exception = vl_leaf_find_exception(leaf, column, slot, &at);
        if (exception != NULL) {
            leaf_get_contents(leaf, exception->type, exception->contents, value);
            return;
        }
    }
    if (column->form == VL_LEAF_NULL || leaf_is_null(leaf, column, slot))
        return;
    if (vl_leaf_form_is_packed(column->form)) {
        leaf_get_packed(leaf, column, slot, value);
        return;
    }
    cell = leaf_read_cell(leaf, column, slot);
    if (column->form == VL_LEAF_ANY)
        leaf_get_contents(leaf, cell.extra, cell.bits, value);
    else if (vl_leaf_form_is_slots(column->form))
        leaf_get_text(leaf, column->form == VL_LEAF_TEXT ? VL_TYPE_TEXT : VL_TYPE_BLOB, cell.bits,
                      value);
    else
        vl_leaf_decode(column, cell, &value->value);
}

void
vl_leaf_column_view(const vl_leaf *leaf, uint32_t index, vl_leaf_view *view)
{
    const vl_leaf_column *column = vl_leaf_ccolumns(leaf) + index;

    VL_ASSERT(index < leaf->column_count);
    memset(view, 0, sizeof *view);
    view->form = (vl_leaf_form)column->form;
    view->width = column->width;
    view->exponent = column->exponent;
    view->count = leaf->count;
    view->base = column->base;
    view->exception_count = column->exception_count;
    if (column->data_at != 0)
        view->data = vl_leaf_carray(leaf, column->data_at);
    if (column->nulls_at != 0)
        view->nulls = vl_leaf_carray(leaf, column->nulls_at);
    if (column->bits_at != 0)
        view->bits = vl_leaf_carray(leaf, column->bits_at);
    if (column->exceptions_at != 0)
        view->exceptions = vl_leaf_cexceptions(leaf, column);
}
