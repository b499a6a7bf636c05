/* leaf_divide.c - cutting a full table leaf in two without looking at its values one by one.
 *
 * Rows that come in any order fill a page, and it is cut in the middle. The builder (leaf_build.c)
 * would read each value, and choose forms from what it has seen; but the halves of a page hold what
 * the page held, so its forms suit them. Here cells are copied array by array, in rowid order. Only
 * the ranges of integers are looked at anew, since a half of the rowids has often a half of the
 * values: else widths would never shrink again.
 *
 * Invariants
 *   V1  Each half holds exactly the page's rows of its ranks, value for value: what vl_leaf_get
 * gave it gives still, whether in the page or in overflow. V2  Pages whose forms might have become
 * wrong for a half (exceptions, ANY, numbers of both kinds, packed texts) or whose layout might
 * (dense) are left to the builder. */
#include "storage/leaf_int.h"

/* A page with fewer rows is built anew: there is little to gain. */
#define LEAF_DIVIDE_ROWS_MIN 4U

/* One half on its way. */
typedef struct leaf_half {
    const vl_leaf *leaf; /* where from */
    uint32_t page_size;  /* of both pages */
    uint32_t from;       /* first rank */
    uint32_t count;      /* rows */
    vl_leaf *to;         /* where to: zeroed, with its header and directory */
} leaf_half;

/* Whether a column can be copied as it is. */
static int
leaf_divides_column(const vl_leaf_column *column)
{
    return column->exception_count == 0 &&
           (column->form == VL_LEAF_NULL || column->form == VL_LEAF_INTEGER ||
            column->form == VL_LEAF_SCALED_REAL || column->form == VL_LEAF_REAL ||
            vl_leaf_form_is_slots(column->form));
}

/* Whether a page can be divided here (V2). */
static int
leaf_divides(const vl_leaf *leaf)
{
    const vl_leaf_column *columns = vl_leaf_ccolumns(leaf);

    if ((leaf->flags & VL_LEAF_DENSE) != 0 || !vl_leaf_is_all_live(leaf) ||
        leaf->count < LEAF_DIVIDE_ROWS_MIN)
        return 0;
    for (uint32_t i = 0; i < leaf->column_count; i++)
        if (!leaf_divides_column(columns + i))
            return 0;
    return 1;
}

/* Heap bytes of a slot. */
static uint32_t
leaf_divide_heap(const vl_leaf *leaf, uint32_t slot)
{
    const vl_leaf_column *columns = vl_leaf_ccolumns(leaf);
    uint32_t heap = 0;

    for (uint32_t i = 0; i < leaf->column_count; i++)
        if (vl_leaf_form_is_slots(columns[i].form))
            heap += vl_leaf_slot_heap(
                vl_load_le32(vl_leaf_carray(leaf, columns[i].data_at) + (size_t)slot * 4));
    return heap;
}

/* The rank that begins the second half of the heap's bytes and rows: neither 0 nor count. *heap
 * receives the heap bytes before it. */
static uint32_t
leaf_divide_middle(const vl_leaf *leaf, uint64_t *heap)
{
    uint64_t fixed = leaf->fixed_end / leaf->count;
    uint64_t half = (fixed * leaf->count + leaf->heap_used - leaf->heap_dead) / 2;
    uint64_t sum = 0;
    uint32_t rank = 0;

    *heap = 0;
    do {
        uint32_t size = leaf_divide_heap(leaf, vl_leaf_slot_at(leaf, rank));

        sum += fixed + size;
        *heap += size;
        rank++;
    } while (sum < half && rank + 1 < leaf->count);
    return rank;
}

/* ---- laying out a half ---- */

static int64_t
leaf_half_rowid(const leaf_half *half, uint32_t index)
{
    return vl_leaf_rowid(half->leaf, vl_leaf_slot_at(half->leaf, half->from + index));
}

static int
leaf_half_is_null(const leaf_half *half, const vl_leaf_column *column, uint32_t slot)
{
    return column->nulls_at != 0 && vl_leaf_bit(vl_leaf_carray(half->leaf, column->nulls_at), slot);
}

/* The least and the greatest number over its base that a column has in the half: 0 if all are NULL.
 */
static int
leaf_half_range(const leaf_half *half, const vl_leaf_column *column, int64_t *low, int64_t *high)
{
    const uint8_t *data = vl_leaf_carray(half->leaf, column->data_at);

    *low = INT64_MAX;
    *high = INT64_MIN;
    for (uint32_t i = 0; i < half->count; i++) {
        uint32_t slot = vl_leaf_slot_at(half->leaf, half->from + i);
        int64_t value = (int64_t)((uint64_t)column->base +
                                  vl_leaf_load(data + (size_t)slot * column->width, column->width));

        if (leaf_half_is_null(half, column, slot))
            continue;
        *low = value < *low ? value : *low;
        *high = value > *high ? value : *high;
    }
    return *low <= *high;
}

/* Make the directory entry of a column: width and base as the half needs them. */
static void
leaf_half_plan_column(const leaf_half *half, uint32_t index)
{
    const vl_leaf_column *from = vl_leaf_ccolumns(half->leaf) + index;
    vl_leaf_column *to = vl_leaf_columns(half->to) + index;
    int is_scaled = from->form == VL_LEAF_SCALED_REAL;
    vl_leaf_column trial = *from;
    int64_t low;
    int64_t high;

    *to = (vl_leaf_column){.id = from->id,
                           .form = from->form,
                           .width = from->width,
                           .exponent = from->exponent,
                           .flags = from->flags,
                           .base = from->base};
    if ((!is_scaled && from->form != VL_LEAF_INTEGER) || !leaf_half_range(half, from, &low, &high))
        return;
    vl_leaf_choose_base(low, high, is_scaled ? -LEAF_SCALE_LIMIT : INT64_MIN,
                        is_scaled ? LEAF_SCALE_LIMIT : INT64_MAX, LEAF_SPARE_BOTH, &trial.width,
                        &trial.base);
    if (trial.width > from->width)
        return; /* what the page had suits its halves */
    to->width = trial.width;
    to->base = trial.base;
}

/* Give the half as many slots as it has room for, with heap in proportion. Returns 0 if it does not
 * fit at all. */
static int
leaf_half_grow(const leaf_half *half, uint64_t heap)
{
    vl_leaf *to = half->to;
    vl_leaf_column *columns = vl_leaf_columns(to);
    uint32_t low = half->count;
    uint32_t high = vl_leaf_max_rows(half->page_size);
    uint64_t size;

    to->capacity = (uint16_t)low;
    size = vl_leaf_place(to, columns, 1) + heap;
    if (size > half->page_size)
        return 0;
    /* About what each slot takes: no more have to be tried than that lets expect. */
    size -= sizeof *to + to->column_count * sizeof *columns;
    if (high > (uint64_t)half->page_size * low / (size + 1) + low)
        high = (uint32_t)((uint64_t)half->page_size * low / (size + 1)) + low;
    while (low < high) {
        uint32_t middle = (low + high + 1) / 2;

        to->capacity = (uint16_t)middle;
        if (vl_leaf_place(to, columns, 1) + heap * middle / half->count <= half->page_size)
            low = middle;
        else
            high = middle - 1;
    }
    to->capacity = (uint16_t)low;
    (void)vl_leaf_place(to, columns, 1);
    return 1;
}

/* Whether the half, laid out with its rowids, would take fewer bytes without: where few rows are
 * missing between its first and its last. */
static int
leaf_half_suits_dense(const leaf_half *half, int64_t first, int64_t last)
{
    uint64_t span = (uint64_t)last - (uint64_t)first;
    uint64_t slot_bits = 2; /* presence and tombstone */

    for (uint32_t i = 0; i < half->to->column_count; i++)
        slot_bits += 8 * (uint64_t)vl_leaf_columns(half->to)[i].width;
    return span < vl_leaf_max_rows(half->page_size) &&
           (span + 1 - half->count) * slot_bits <=
               (uint64_t)half->count * 8 * (half->to->rowid_width + 2U);
}

/* Lay out the half: 0 if the builder is to do it. */
static int
leaf_half_plan(const leaf_half *half, uint64_t heap)
{
    int64_t first = leaf_half_rowid(half, 0);
    int64_t last = leaf_half_rowid(half, half->count - 1);
    vl_leaf *to = half->to;

    vl_leaf_init(to, half->page_size, (vl_pid)half->leaf->pid, half->leaf->tree);
    to->flags = (uint16_t)(VL_LEAF_SORTED | (half->leaf->flags & VL_LEAF_ROWS));
    to->count = half->count;
    to->column_count = half->leaf->column_count;
    vl_leaf_choose_base(first, last, INT64_MIN, INT64_MAX, LEAF_SPARE_BOTH, &to->rowid_width,
                        &to->first);
    for (uint32_t i = 0; i < to->column_count; i++)
        leaf_half_plan_column(half, i);
    return !leaf_half_suits_dense(half, first, last) && leaf_half_grow(half, heap);
}

/* ---- copying ---- */

static void
leaf_half_copy_slots(const leaf_half *half)
{
    vl_leaf *to = half->to;
    uint8_t *deltas = vl_leaf_array(to, to->rowids_at);
    uint8_t *present = vl_leaf_array(to, to->present_at);
    uint32_t width = to->rowid_width;

    for (uint32_t i = 0; i < half->count; i++)
        vl_leaf_store(deltas + (size_t)i * width, width,
                      (uint64_t)leaf_half_rowid(half, i) - (uint64_t)to->first);
    memset(present, 0xff, half->count / 8);
    if (half->count % 8 != 0)
        present[half->count / 8] = (uint8_t)((1U << half->count % 8) - 1);
}

static void
leaf_half_copy_nulls(const leaf_half *half, const vl_leaf_column *from, const vl_leaf_column *to)
{
    uint8_t *nulls = vl_leaf_array(half->to, to->nulls_at);

    for (uint32_t i = 0; i < half->count; i++)
        if (leaf_half_is_null(half, from, vl_leaf_slot_at(half->leaf, half->from + i)))
            vl_leaf_bit_put(nulls, i, 1);
}

/* Integers and reals: cells over another base, those of NULLs 0 again. */
static void
leaf_half_copy_cells(const leaf_half *half, const vl_leaf_column *from, const vl_leaf_column *to)
{
    const uint8_t *source = vl_leaf_carray(half->leaf, from->data_at);
    uint8_t *data = vl_leaf_array(half->to, to->data_at);
    uint64_t shift = (uint64_t)from->base - (uint64_t)to->base;

    for (uint32_t i = 0; i < half->count; i++) {
        uint32_t slot = vl_leaf_slot_at(half->leaf, half->from + i);
        uint64_t cell = vl_leaf_load(source + (size_t)slot * from->width, from->width) + shift;

        if (leaf_half_is_null(half, from, slot))
            cell = 0;
        vl_leaf_store(data + (size_t)i * to->width, to->width, cell);
    }
}

/* Texts and blobs: their bytes or descriptors go to the new heap. */
static void
leaf_half_copy_texts(const leaf_half *half, const vl_leaf_column *from, const vl_leaf_column *to)
{
    const uint8_t *source = vl_leaf_carray(half->leaf, from->data_at);
    uint8_t *data = vl_leaf_array(half->to, to->data_at);
    uint32_t at = half->page_size - half->to->heap_used;

    for (uint32_t i = 0; i < half->count; i++) {
        uint32_t slot = vl_leaf_slot_at(half->leaf, half->from + i);
        uint32_t cell = vl_load_le32(source + (size_t)slot * 4);
        uint32_t size = vl_leaf_slot_heap(cell);

        if (size == 0)
            continue; /* empty or NULL: the cell is 0 */
        at -= size;
        memcpy(vl_leaf_bytes(half->to) + at, vl_leaf_cbytes(half->leaf) + vl_leaf_slot_offset(cell),
               size);
        vl_store_le32(data + (size_t)i * 4, at | (cell & 0xffff0000U));
    }
    half->to->heap_used = half->page_size - at;
}

/* Copy what the half holds (V1). */
static void
leaf_half_copy(const leaf_half *half)
{
    const vl_leaf_column *from = vl_leaf_ccolumns(half->leaf);
    const vl_leaf_column *to = vl_leaf_ccolumns(half->to);

    leaf_half_copy_slots(half);
    for (uint32_t i = 0; i < half->to->column_count; i++) {
        if (to[i].nulls_at != 0)
            leaf_half_copy_nulls(half, from + i, to + i);
        if (vl_leaf_form_is_slots(from[i].form))
            leaf_half_copy_texts(half, from + i, to + i);
        else if (from[i].form != VL_LEAF_NULL)
            leaf_half_copy_cells(half, from + i, to + i);
    }
}

int
vl_leaf_divide(const vl_leaf *leaf, uint32_t page_size, vl_leaf *left, vl_leaf *right,
               int64_t *separator)
{
    uint64_t live = leaf->heap_used - leaf->heap_dead;
    leaf_half low = {leaf, page_size, 0, 0, left};
    leaf_half high = {leaf, page_size, 0, 0, right};
    uint64_t heap;

    if (!leaf_divides(leaf))
        return 0;
    low.count = leaf_divide_middle(leaf, &heap);
    high.from = low.count;
    high.count = leaf->count - low.count;
    if (!leaf_half_plan(&low, heap) || !leaf_half_plan(&high, live - heap))
        return 0;
    leaf_half_copy(&low);
    leaf_half_copy(&high);
    VL_ASSERT(left->heap_used == heap && right->heap_used == live - heap);
    *separator = leaf_half_rowid(&high, 0);
    return 1;
}
