/* leaf_cell.c - values into cells and back: what each form of a column can hold.
 *
 * Invariants
 *   C1  vl_leaf_decode gives back the very value that vl_leaf_encode took: type, sign of zero and
 *       all bits. A form that would change a value does not take it.
 *   C2  A slot's value stands in one place: as an exception, as a set null bit, or in its cell.
 *       Where it is not in the cell, the cell is 0 (PACKED: keeps its length, which places the
 *       slots behind it). */
#include "storage/leaf_int.h"

static const double leaf_powers[VL_LEAF_MAX_EXPONENT + 1] = {1e0, 1e1, 1e2, 1e3, 1e4,
                                                             1e5, 1e6, 1e7, 1e8, 1e9};

int64_t
vl_leaf_power(uint32_t exponent)
{
    return (int64_t)leaf_powers[exponent];
}

/* k / 10^e: both are doubles exactly, so the quotient is rounded once, the same on all machines. */
static double
leaf_unscale(int64_t k, uint32_t exponent)
{
    return (double)k / leaf_powers[exponent];
}

int
vl_leaf_scale(double real, uint32_t exponent, int64_t *k)
{
    double scaled = real * leaf_powers[exponent];

    if (!(scaled <= (double)LEAF_SCALE_LIMIT && scaled >= -(double)LEAF_SCALE_LIMIT))
        return 0;
    *k = (int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    return vl_real_bits(leaf_unscale(*k, exponent)) == vl_real_bits(real);
}

void
vl_leaf_decode(const vl_leaf_column *column, leaf_cell cell, vl_value *value)
{
    int64_t k = (int64_t)((uint64_t)column->base + cell.bits);
    int is_double = column->form == VL_LEAF_REAL || column->form == VL_LEAF_NUMBER;

    value->size = 0;
    if (column->form == VL_LEAF_INTEGER || (is_double ? 0 : cell.extra)) {
        value->type = VL_TYPE_INTEGER;
        value->as.integer = k / vl_leaf_power(column->exponent);
    } else if (is_double && cell.extra) {
        value->type = VL_TYPE_INTEGER;
        value->as.integer = (int64_t)vl_bits_real(cell.bits);
    } else {
        value->type = VL_TYPE_REAL;
        value->as.real = is_double ? vl_bits_real(cell.bits) : leaf_unscale(k, column->exponent);
    }
}

/* The cell of k over the column's base: 0 when it is too far away. */
static int
leaf_encode_delta(const vl_leaf_column *column, int64_t k, leaf_cell *cell)
{
    cell->bits = (uint64_t)k - (uint64_t)column->base;
    return cell->bits <= vl_leaf_width_max(column->width);
}

static int
leaf_encode_scaled(const vl_leaf_column *column, const vl_value *value, leaf_cell *cell)
{
    int64_t power = vl_leaf_power(column->exponent);
    int64_t k;

    if (value->type == VL_TYPE_REAL)
        return vl_leaf_scale(value->as.real, column->exponent, &k) &&
               leaf_encode_delta(column, k, cell);
    if (value->type != VL_TYPE_INTEGER || column->form != VL_LEAF_SCALED_NUMBER ||
        value->as.integer > LEAF_SCALE_LIMIT / power ||
        value->as.integer < -LEAF_SCALE_LIMIT / power)
        return 0;
    cell->extra = 1;
    return leaf_encode_delta(column, value->as.integer * power, cell);
}

static int
leaf_encode_double(const vl_leaf_column *column, const vl_value *value, leaf_cell *cell)
{
    if (value->type == VL_TYPE_REAL) {
        cell->bits = vl_real_bits(value->as.real);
        return 1;
    }
    if (value->type != VL_TYPE_INTEGER || column->form != VL_LEAF_NUMBER ||
        value->as.integer > LEAF_EXACT_INTEGER || value->as.integer < -LEAF_EXACT_INTEGER)
        return 0;
    cell->bits = vl_real_bits((double)value->as.integer);
    cell->extra = 1;
    return 1;
}

/* A number as a cell of ANY holds it; of a text, 0. */
static uint64_t
leaf_plain_bits(const vl_value *value)
{
    if (value->type == VL_TYPE_INTEGER)
        return (uint64_t)value->as.integer;
    return value->type == VL_TYPE_REAL ? vl_real_bits(value->as.real) : 0;
}

int
vl_leaf_encode(const vl_leaf_column *column, const vl_leaf_value *value, leaf_cell *cell)
{
    vl_type type = value->value.type;

    cell->bits = 0;
    cell->extra = 0;
    switch ((vl_leaf_form)column->form) {
    case VL_LEAF_NULL:
        return 0;
    case VL_LEAF_INTEGER:
        return type == VL_TYPE_INTEGER && leaf_encode_delta(column, value->value.as.integer, cell);
    case VL_LEAF_SCALED_REAL:
    case VL_LEAF_SCALED_NUMBER:
        return leaf_encode_scaled(column, &value->value, cell);
    case VL_LEAF_REAL:
    case VL_LEAF_NUMBER:
        return leaf_encode_double(column, &value->value, cell);
    case VL_LEAF_TEXT:
        return type == VL_TYPE_TEXT;
    case VL_LEAF_BLOB:
        return type == VL_TYPE_BLOB;
    case VL_LEAF_PACKED_TEXT:
    case VL_LEAF_PACKED_BLOB:
        return type == (column->form == VL_LEAF_PACKED_TEXT ? VL_TYPE_TEXT : VL_TYPE_BLOB) &&
               value->overflow == 0 && value->value.size <= LEAF_PACK_MAX_LENGTH;
    case VL_LEAF_ANY:
        cell->bits = leaf_plain_bits(&value->value);
        cell->extra = (unsigned)type;
        return 1;
    }
    return 0;
}

int
vl_leaf_is_exception(const vl_leaf_column *column, const vl_leaf_value *value)
{
    leaf_cell cell;

    if (vl_leaf_type(value) == VL_TYPE_NULL)
        return column->form != VL_LEAF_NULL && column->form != VL_LEAF_ANY &&
               (column->flags & VL_LEAF_HAS_NULLS) == 0;
    return !vl_leaf_encode(column, value, &cell);
}

uint64_t
vl_leaf_put_heap(vl_leaf *leaf, uint32_t page_size, const vl_leaf_value *value, uint64_t old)
{
    uint32_t size = vl_leaf_heap_size(value);
    uint32_t length = value->overflow != 0 ? VL_LEAF_OVERFLOW : size;
    uint32_t offset = vl_leaf_slot_offset(old);
    uint8_t *to;

    if (size == 0)
        return 0;
    VL_ASSERT(value->overflow != 0 || size <= vl_leaf_max_inline(page_size));
    if (size > vl_leaf_slot_heap(old)) {
        VL_ASSERT(size <= page_size - leaf->fixed_end - leaf->heap_used);
        leaf->heap_used += size;
        offset = page_size - leaf->heap_used;
    }
    to = vl_leaf_bytes(leaf) + offset;
    if (value->overflow != 0) {
        vl_store_le32(to, value->value.size);
        vl_store_le32(to + 4, value->overflow);
    } else {
        memcpy(to, value->value.as.data, size);
    }
    return (uint64_t)offset | ((uint64_t)length << 16);
}

/* Remove a slot's exception, if it has one. */
static void
leaf_drop_exception(vl_leaf *leaf, vl_leaf_column *column, uint32_t slot)
{
    vl_leaf_exception *list = vl_leaf_exceptions(leaf, column);
    uint32_t index;

    if (column->exception_count == 0 || vl_leaf_find_exception(leaf, column, slot, &index) == NULL)
        return;
    column->exception_count--;
    memmove(list + index, list + index + 1, (column->exception_count - index) * sizeof *list);
    memset(list + column->exception_count, 0, sizeof *list);
}

static void
leaf_put_exception(vl_leaf *leaf, uint32_t page_size, vl_leaf_column *column, uint32_t slot,
                   const vl_leaf_value *value)
{
    vl_leaf_exception *list = vl_leaf_exceptions(leaf, column);
    uint32_t index;

    if (vl_leaf_find_exception(leaf, column, slot, &index) == NULL) {
        VL_ASSERT(column->exception_count < column->exception_capacity);
        memmove(list + index + 1, list + index, (column->exception_count - index) * sizeof *list);
        column->exception_count++;
    }
    memset(list + index, 0, sizeof *list);
    list[index].slot = (uint16_t)slot;
    list[index].type = (uint8_t)vl_leaf_type(value);
    if (vl_leaf_is_bytes(value->value.type))
        list[index].contents = vl_leaf_put_heap(leaf, page_size, value, 0);
    else if (list[index].type != VL_TYPE_NULL)
        list[index].contents = leaf_plain_bits(&value->value);
}

/* Write a cell and what stands beside it. */
static void
leaf_put_cell(vl_leaf *leaf, const vl_leaf_column *column, uint32_t slot, leaf_cell cell)
{
    uint8_t *bits = vl_leaf_array(leaf, column->bits_at);

    if (column->form == VL_LEAF_NULL)
        return;
    vl_leaf_store(vl_leaf_array(leaf, column->data_at) + (size_t)slot * column->width,
                  column->width, cell.bits);
    if (column->form == VL_LEAF_NUMBER || column->form == VL_LEAF_SCALED_NUMBER)
        vl_leaf_bit_put(bits, slot, cell.extra != 0);
    else if (column->form == VL_LEAF_ANY)
        bits[slot] = (uint8_t)cell.extra;
}

/* Write packed bytes, one behind the other in slot order. A slot that is no exception is put once,
 * by the builder; later values have the same length and replace the bytes. */
static void
leaf_put_packed(vl_leaf *leaf, uint32_t page_size, const vl_leaf_column *column, uint32_t slot,
                const vl_leaf_value *value)
{
    uint8_t *to = vl_leaf_bytes(leaf) + vl_leaf_packed_offset(leaf, column, slot);

    VL_ASSERT(vl_leaf_array(leaf, column->data_at)[slot] == value->value.size);
    VL_ASSERT(to + value->value.size <= vl_leaf_bytes(leaf) + page_size);
    (void)page_size;
    if (value->value.size > 0)
        memcpy(to, value->value.as.data, value->value.size);
}

void
vl_leaf_put(vl_leaf *leaf, uint32_t page_size, vl_leaf_column *column, uint32_t slot,
            const vl_leaf_value *value, uint64_t old)
{
    leaf_cell cell = {0, 0};
    int is_null = vl_leaf_type(value) == VL_TYPE_NULL;
    int is_packed = vl_leaf_form_is_packed(column->form);
    int is_exception =
        is_null ? vl_leaf_is_exception(column, value) : !vl_leaf_encode(column, value, &cell);

    if ((column->flags & VL_LEAF_HAS_NULLS) != 0)
        vl_leaf_bit_put(vl_leaf_array(leaf, column->nulls_at), slot, is_null);
    if (is_exception) {
        leaf_put_exception(leaf, page_size, column, slot, value);
        cell = (leaf_cell){0, 0};
    } else {
        leaf_drop_exception(leaf, column, slot);
        if (is_null)
            cell.extra = column->form == VL_LEAF_ANY ? VL_TYPE_NULL : 0;
        else if (is_packed)
            leaf_put_packed(leaf, page_size, column, slot, value);
        else if (vl_leaf_is_bytes(value->value.type))
            cell.bits = vl_leaf_put_heap(leaf, page_size, value, old);
    }
    if (!is_packed)
        leaf_put_cell(leaf, column, slot, cell);
}
