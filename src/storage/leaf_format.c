/* leaf_format.c - where everything lies on a table leaf, and whether a page is one.
 *
 * Invariants
 *   F1  Capacity, forms, flags and exception room decide every offset: vl_leaf_place is the only
 *       place that knows, and a page whose offsets differ from it is rejected. So arrays never
 *       overlap, and lie between the directory and the heap.
 *   F2  Every offset into the heap that a reader may follow is checked, for all slots below count,
 *       gaps included.
 *   F3  heap_used - heap_dead is the sum of the heap bytes of all slots that are no gaps. */
#include "storage/leaf_int.h"
#include "storage/leaf_row.h"

/* ---- placing ---- */

static uint64_t
leaf_bitmap_size(uint32_t slots)
{
    return vl_align_up((slots + 7) / 8, LEAF_UNIT);
}

uint32_t
vl_leaf_bits_size(uint32_t form, uint32_t slots)
{
    if (form == VL_LEAF_NUMBER || form == VL_LEAF_SCALED_NUMBER)
        return (uint32_t)leaf_bitmap_size(slots);
    if (vl_leaf_form_is_packed(form))
        return (slots + LEAF_PACK_RUN - 1) / LEAF_PACK_RUN * 2;
    return form == VL_LEAF_ANY ? slots : 0;
}

/* Place one array at *end, or nothing when it is empty. Returns its offset in units. */
static uint16_t
leaf_place_array(uint64_t *end, uint64_t size)
{
    uint64_t at;

    if (size == 0)
        return 0;
    at = vl_align_up(*end, size >= LEAF_ALIGN_FROM ? VL_CACHE_LINE_SIZE : LEAF_UNIT);
    *end = at + vl_align_up(size, LEAF_UNIT);
    return (uint16_t)(at / LEAF_UNIT);
}

static void
leaf_place_column(vl_leaf_column *column, uint32_t slots, uint64_t *end)
{
    int has_nulls = (column->flags & VL_LEAF_HAS_NULLS) != 0;

    column->nulls_at = leaf_place_array(end, has_nulls ? leaf_bitmap_size(slots) : 0);
    column->data_at = leaf_place_array(end, (uint64_t)column->width * slots);
    column->bits_at = leaf_place_array(end, vl_leaf_bits_size(column->form, slots));
    column->exceptions_at =
        leaf_place_array(end, column->exception_capacity * sizeof(vl_leaf_exception));
}

/* Place what belongs to no column; returns the end. */
static uint64_t
leaf_place_header(vl_leaf *leaf, int has_order)
{
    uint64_t end = sizeof *leaf + leaf->column_count * sizeof(vl_leaf_column);
    uint32_t slots = leaf->capacity;

    leaf->present_at = leaf_place_array(&end, leaf_bitmap_size(slots));
    leaf->deleted_at = leaf_place_array(&end, leaf_bitmap_size(slots));
    leaf->rowids_at = leaf_place_array(&end, (uint64_t)leaf->rowid_width * slots);
    leaf->order_at = leaf_place_array(&end, has_order ? slots * 2U : 0);
    return end;
}

uint64_t
vl_leaf_place(vl_leaf *leaf, vl_leaf_column *columns, int has_order)
{
    uint64_t end = leaf_place_header(leaf, has_order);

    for (uint32_t i = 0; i < leaf->column_count; i++)
        leaf_place_column(columns + i, leaf->capacity, &end);
    leaf->fixed_end = (uint32_t)end;
    return end;
}

void
vl_leaf_init(vl_leaf *leaf, uint32_t page_size, vl_pid pid, vl_tree_id tree)
{
    memset(leaf, 0, page_size);
    leaf->kind = VL_PAGE_TABLE_LEAF;
    leaf->flags = VL_LEAF_DENSE | VL_LEAF_SORTED;
    leaf->pid = pid;
    leaf->tree = tree;
    leaf->fixed_end = (uint32_t)vl_leaf_place(leaf, vl_leaf_columns(leaf), 0);
}

/* ---- limits ---- */

/* What a row takes at most beside its columns, and for each of them without texts. One slot needs
 * no exceptions, as they are for less than one row in 16. */
#define LEAF_ROW_FIXED  (sizeof(vl_leaf) + 4 * (size_t)LEAF_UNIT)
#define LEAF_ROW_COLUMN (sizeof(vl_leaf_column) + 3 * (size_t)LEAF_UNIT)

uint32_t
vl_leaf_max_columns(uint32_t page_size)
{
    return (uint32_t)((page_size - LEAF_ROW_FIXED) / (LEAF_ROW_COLUMN + VL_LEAF_DESCRIPTOR_SIZE));
}

/* The longest text that lies in the page, or NULL when none is longer than a descriptor. */
static vl_leaf_value *
leaf_longest(vl_leaf_value *values, uint32_t count)
{
    vl_leaf_value *longest = NULL;
    uint32_t size = VL_LEAF_DESCRIPTOR_SIZE;

    for (uint32_t i = 0; i < count; i++) {
        if (vl_leaf_heap_size(values + i) > size) {
            longest = values + i;
            size = values[i].value.size;
        }
    }
    return longest;
}

uint32_t
vl_leaf_choose_overflow(uint32_t page_size, vl_leaf_value *values, uint32_t count)
{
    uint64_t room = page_size - LEAF_ROW_FIXED - count * LEAF_ROW_COLUMN;
    uint64_t size = 0;
    uint32_t chosen = 0;
    vl_leaf_value *longest;

    VL_ASSERT(count <= vl_leaf_max_columns(page_size));
    for (uint32_t i = 0; i < count; i++)
        size += vl_leaf_heap_size(values + i);
    if (size <= room && size <= vl_leaf_max_inline(page_size))
        return 0; /* of these all are shorter */
    longest = leaf_longest(values, count);
    while (longest != NULL &&
           (size > room || longest->value.size > vl_leaf_max_inline(page_size))) {
        size -= longest->value.size - VL_LEAF_DESCRIPTOR_SIZE;
        longest->overflow = VL_LEAF_TO_OVERFLOW;
        chosen++;
        longest = leaf_longest(values, count);
    }
    return chosen;
}

int
vl_leaf_needs_overflow(uint32_t page_size, const vl_leaf_value *values, uint32_t count)
{
    uint64_t room = page_size - LEAF_ROW_FIXED - count * LEAF_ROW_COLUMN;
    uint64_t total = 0;
    uint32_t longest = 0;

    VL_ASSERT(count <= vl_leaf_max_columns(page_size));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t size = vl_leaf_heap_size(values + i);

        total += size;
        longest = size > longest ? size : longest;
    }
    return longest > vl_leaf_max_inline(page_size) ||
           (total > room && longest > VL_LEAF_DESCRIPTOR_SIZE);
}

/* ---- validation ---- */

/* A page under examination. */
typedef struct leaf_check {
    vl_ctx *ctx;         /* where the message goes */
    const vl_leaf *leaf; /* the page */
    uint32_t page_size;  /* its size */
    uint32_t column;     /* index of the column looked at */
    uint64_t heap_live;  /* heap bytes of the slots that are no gaps, so far */
} leaf_check;

/* Say what is wrong with the page, at a column or a slot where `what` speaks of one. */
static VL_COLD velo_status
leaf_bad(const leaf_check *check, const char *what, uint32_t where)
{
    return vl_fail(check->ctx, VELO_CORRUPT, "table leaf %llu: %s (%u)",
                   (unsigned long long)check->leaf->pid, what, (unsigned)where);
}

static VL_COLD velo_status
leaf_bad_column(const leaf_check *check, const char *what, uint32_t slot)
{
    return vl_fail(check->ctx, VELO_CORRUPT, "table leaf %llu, column %u, slot %u: %s",
                   (unsigned long long)check->leaf->pid,
                   (unsigned)vl_leaf_ccolumns(check->leaf)[check->column].id, (unsigned)slot, what);
}

static velo_status
leaf_check_header(const leaf_check *check)
{
    static const uint8_t zero[3] = {0};
    const vl_leaf *leaf = check->leaf;
    int is_dense = (leaf->flags & VL_LEAF_DENSE) != 0;
    int is_sorted = (leaf->flags & VL_LEAF_SORTED) != 0;

    if (leaf->kind != VL_PAGE_TABLE_LEAF || leaf->level != 0)
        return leaf_bad(check, "wrong kind of page", leaf->kind);
    if ((leaf->flags & ~(VL_LEAF_DENSE | VL_LEAF_SORTED | VL_LEAF_ROWS)) != 0)
        return leaf_bad(check, "unknown flags", leaf->flags);
    if (memcmp(leaf->reserved, zero, sizeof zero) != 0)
        return leaf_bad(check, "reserved bytes are set", leaf->reserved[0]);
    if (leaf->capacity > vl_leaf_max_rows(check->page_size))
        return leaf_bad(check, "too many slots", leaf->capacity);
    if (leaf->count > leaf->capacity)
        return leaf_bad(check, "more slots in use than there are", leaf->count);
    if (leaf->column_count > (check->page_size - sizeof *leaf) / sizeof(vl_leaf_column))
        return leaf_bad(check, "too many columns", leaf->column_count);
    if (is_dense ? leaf->rowid_width != 0 || !is_sorted
                 : leaf->rowid_width > 8 || !vl_is_power_of_two(leaf->rowid_width))
        return leaf_bad(check, "wrong width of rowids", leaf->rowid_width);
    return VELO_OK;
}

/* Whether a base suits a width: no sum overflows, so that constants can be clamped (hazard 41). */
static int
leaf_base_is_valid(int64_t base, uint32_t width, int is_scaled)
{
    if (width == 8)
        return base == 0;
    if (is_scaled)
        return base >= -LEAF_SCALE_LIMIT &&
               base <= LEAF_SCALE_LIMIT - (int64_t)vl_leaf_width_max(width);
    return base <= INT64_MAX - (int64_t)vl_leaf_width_max(width);
}

static int
leaf_width_is_valid(uint32_t form, uint32_t width)
{
    switch ((vl_leaf_form)form) {
    case VL_LEAF_NULL:
        return width == 0;
    case VL_LEAF_INTEGER:
        return width <= 8 && vl_is_power_of_two(width);
    case VL_LEAF_SCALED_REAL:
    case VL_LEAF_SCALED_NUMBER:
        return width == 1 || width == 2 || width == 4;
    case VL_LEAF_REAL:
    case VL_LEAF_NUMBER:
    case VL_LEAF_ANY:
        return width == 8;
    case VL_LEAF_TEXT:
    case VL_LEAF_BLOB:
        return width == 4;
    case VL_LEAF_PACKED_TEXT:
    case VL_LEAF_PACKED_BLOB:
        return width == 1;
    }
    return 0;
}

/* The directory entry alone, without its places. */
static velo_status
leaf_check_entry(const leaf_check *check)
{
    const vl_leaf_column *column = vl_leaf_ccolumns(check->leaf) + check->column;
    int is_scaled = vl_leaf_form_is_scaled(column->form);
    int has_base = is_scaled || column->form == VL_LEAF_INTEGER;

    if (check->column > 0 && column[-1].id >= column->id)
        return leaf_bad(check, "column ids do not rise", column->id);
    if (column->form >= VL_LEAF_FORM_COUNT || !leaf_width_is_valid(column->form, column->width))
        return leaf_bad(check, "unknown form of a column", column->form);
    if (column->exponent > (is_scaled ? VL_LEAF_MAX_EXPONENT : 0))
        return leaf_bad(check, "wrong exponent of a column", column->exponent);
    if ((column->flags & ~VL_LEAF_HAS_NULLS) != 0 || column->reserved != 0)
        return leaf_bad(check, "unknown flags of a column", column->flags);
    if ((column->form == VL_LEAF_NULL || column->form == VL_LEAF_ANY) && column->flags != 0)
        return leaf_bad(check, "a null bitmap where none can be", column->form);
    if (has_base ? !leaf_base_is_valid(column->base, column->width, is_scaled) : column->base != 0)
        return leaf_bad(check, "wrong base of a column", column->id);
    if (column->exception_count > column->exception_capacity)
        return leaf_bad(check, "more exceptions than there is room for", column->exception_count);
    return VELO_OK;
}

/* Compare all places with what they must be; keeps F1. */
static velo_status
leaf_check_places(leaf_check *check)
{
    const vl_leaf *leaf = check->leaf;
    const vl_leaf_column *columns = vl_leaf_ccolumns(leaf);
    vl_leaf copy = *leaf;
    uint64_t end = leaf_place_header(&copy, leaf->order_at != 0);

    if (memcmp(&copy, leaf, sizeof copy) != 0)
        return leaf_bad(check, "rowids or bitmaps are misplaced", leaf->present_at);
    for (check->column = 0; check->column < leaf->column_count; check->column++) {
        vl_leaf_column column = columns[check->column];

        VL_TRY(leaf_check_entry(check));
        leaf_place_column(&column, leaf->capacity, &end);
        if (end > check->page_size)
            return leaf_bad(check, "columns reach beyond the page", check->column);
        if (memcmp(&column, columns + check->column, sizeof column) != 0)
            return leaf_bad(check, "a column's arrays are misplaced", column.id);
    }
    if (end != leaf->fixed_end || end > check->page_size)
        return leaf_bad(check, "wrong end of the columns", leaf->fixed_end);
    if (leaf->heap_used > check->page_size - end || leaf->heap_dead > leaf->heap_used)
        return leaf_bad(check, "wrong size of the heap", leaf->heap_used);
    if ((leaf->flags & VL_LEAF_SORTED) == 0 && leaf->order_at == 0 && leaf->capacity > 0)
        return leaf_bad(check, "neither sorted nor with an order", leaf->flags);
    if ((leaf->flags & VL_LEAF_DENSE) != 0 && leaf->order_at != 0)
        return leaf_bad(check, "dense and with an order", leaf->flags);
    return VELO_OK;
}

/* Number of set bits of a bitmap, or UINT32_MAX when one at or behind count is set. */
static uint32_t
leaf_count_bits(const vl_leaf *leaf, const uint8_t *bits)
{
    uint32_t set = 0;

    for (uint32_t slot = 0; slot < leaf->capacity; slot += 64) {
        uint64_t word = vl_load_le64(bits + slot / 8);
        uint32_t used = leaf->count > slot ? leaf->count - slot : 0;

        if (used < 64 && word >> used != 0)
            return UINT32_MAX;
        set += (uint32_t)__builtin_popcountll(word);
    }
    return set;
}

static velo_status
leaf_check_states(const leaf_check *check)
{
    const vl_leaf *leaf = check->leaf;
    const uint8_t *present = vl_leaf_present(leaf);
    const uint8_t *deleted = vl_leaf_deleted(leaf);

    if (leaf->capacity == 0)
        return leaf->tombstone_count == 0 && leaf->gap_count == 0
                   ? VELO_OK
                   : leaf_bad(check, "wrong number of tombstones", leaf->tombstone_count);
    if (leaf->gap_count > leaf->count ||
        leaf_count_bits(leaf, present) != leaf->count - leaf->gap_count)
        return leaf_bad(check, "wrong number of gaps", leaf->gap_count);
    if (leaf_count_bits(leaf, deleted) != leaf->tombstone_count)
        return leaf_bad(check, "wrong number of tombstones", leaf->tombstone_count);
    for (uint32_t i = 0; i < (leaf->capacity + 7U) / 8; i++)
        if ((deleted[i] & ~present[i]) != 0)
            return leaf_bad(check, "a tombstone in a gap", i * 8);
    return VELO_OK;
}

static velo_status
leaf_check_rowids(const leaf_check *check)
{
    const vl_leaf *leaf = check->leaf;

    if ((leaf->flags & VL_LEAF_DENSE) != 0)
        return leaf->count == 0 || leaf->first <= INT64_MAX - (int64_t)(leaf->count - 1)
                   ? VELO_OK
                   : leaf_bad(check, "rowids overflow", leaf->count);
    if (!leaf_base_is_valid(leaf->first, leaf->rowid_width, 0))
        return leaf_bad(check, "wrong base of rowids", leaf->rowid_width);
    for (uint32_t rank = 0; rank < leaf->count; rank++) {
        uint32_t slot = vl_leaf_slot_at(leaf, rank);

        if (slot >= leaf->count)
            return leaf_bad(check, "the order names a slot that is not there", slot);
        if (rank > 0 &&
            vl_leaf_rowid(leaf, vl_leaf_slot_at(leaf, rank - 1)) >= vl_leaf_rowid(leaf, slot))
            return leaf_bad(check, "rowids do not rise", rank);
    }
    return VELO_OK;
}

/* Whether a text cell lies in the heap (F2). */
static int
leaf_text_is_valid(const leaf_check *check, uint64_t cell)
{
    uint32_t offset = vl_leaf_slot_offset(cell);
    uint32_t length = vl_leaf_slot_length(cell);
    uint32_t size = vl_leaf_slot_heap(cell);

    if (cell >> 32 != 0)
        return 0;
    if (length == 0)
        return offset == 0;
    if (offset < check->page_size - check->leaf->heap_used || offset + size > check->page_size)
        return 0;
    if (length != VL_LEAF_OVERFLOW)
        return length <= vl_leaf_max_inline(check->page_size);
    return vl_load_le32(vl_leaf_cbytes(check->leaf) + offset + 4) != 0;
}

/* Whether contents are those of a value of the type. */
static int
leaf_contents_are_valid(const leaf_check *check, uint32_t type, uint64_t contents)
{
    double real = vl_bits_real(contents);

    switch (type) {
    case VL_TYPE_INTEGER:
        return 1;
    case VL_TYPE_REAL:
        return real == real;
    case VL_TYPE_TEXT:
    case VL_TYPE_BLOB:
        return leaf_text_is_valid(check, contents);
    case VL_TYPE_NULL:
        return contents == 0;
    default:
        return 0;
    }
}

/* Whether a cell decodes to a value that encodes to it. */
static int
leaf_number_is_valid(const vl_leaf_column *column, leaf_cell cell)
{
    vl_leaf_value value = {{.type = VL_TYPE_NULL}, 0};
    leaf_cell again;

    if (vl_leaf_form_is_scaled(column->form)) {
        int64_t k = (int64_t)((uint64_t)column->base + cell.bits);

        return !cell.extra || k % vl_leaf_power(column->exponent) == 0;
    }
    if (!cell.extra) {
        double real = vl_bits_real(cell.bits);

        return real == real;
    }
    value.value.as.real = vl_bits_real(cell.bits);
    if (!(value.value.as.real <= (double)LEAF_EXACT_INTEGER &&
          value.value.as.real >= -(double)LEAF_EXACT_INTEGER))
        return 0;
    vl_leaf_decode(column, cell, &value.value);
    return vl_leaf_encode(column, &value, &again) && again.bits == cell.bits;
}

/* One cell of a form with 8-byte or 4-byte cells that are not all valid. */
static int
leaf_cell_is_valid(const leaf_check *check, const vl_leaf_column *column, uint32_t slot)
{
    const vl_leaf *leaf = check->leaf;
    const uint8_t *bits = vl_leaf_carray(leaf, column->bits_at);
    leaf_cell cell = {0, 0};

    cell.bits = vl_leaf_load(vl_leaf_carray(leaf, column->data_at) + (size_t)slot * column->width,
                             column->width);
    if (vl_leaf_form_is_slots(column->form))
        return leaf_text_is_valid(check, cell.bits);
    if (column->form == VL_LEAF_ANY)
        return bits[slot] == 0 ? cell.bits == 0
                               : leaf_contents_are_valid(check, bits[slot], cell.bits);
    if (column->form == VL_LEAF_NUMBER || column->form == VL_LEAF_SCALED_NUMBER)
        cell.extra = (unsigned)vl_leaf_bit(bits, slot);
    return leaf_number_is_valid(column, cell);
}

/* Packed lengths and offsets: each run of values lies in the heap. */
static velo_status
leaf_check_packed(const leaf_check *check, const vl_leaf_column *column)
{
    const uint8_t *lengths = vl_leaf_carray(check->leaf, column->data_at);
    const uint8_t *offsets = vl_leaf_carray(check->leaf, column->bits_at);

    for (uint32_t slot = 0; slot < check->leaf->capacity; slot += LEAF_PACK_RUN) {
        uint32_t offset = vl_load_le16(offsets + (size_t)slot / LEAF_PACK_RUN * 2);
        uint32_t size = 0;

        for (uint32_t i = slot; i < slot + LEAF_PACK_RUN && i < check->leaf->capacity; i++)
            size += lengths[i];
        if (size > 0 && (offset < check->page_size - check->leaf->heap_used ||
                         offset + size > check->page_size))
            return leaf_bad_column(check, "packed values lie outside of the heap", slot);
    }
    return VELO_OK;
}

static velo_status
leaf_check_exceptions(const leaf_check *check, const vl_leaf_column *column)
{
    static const uint8_t zero[5] = {0};
    const vl_leaf_exception *list = vl_leaf_cexceptions(check->leaf, column);
    const uint8_t *nulls = vl_leaf_carray(check->leaf, column->nulls_at);

    for (uint32_t i = 0; i < column->exception_count; i++) {
        if (list[i].slot >= check->leaf->count || (i > 0 && list[i].slot <= list[i - 1].slot))
            return leaf_bad_column(check, "exceptions are out of order", list[i].slot);
        if (memcmp(list[i].zero, zero, sizeof zero) != 0 ||
            !leaf_contents_are_valid(check, list[i].type, list[i].contents))
            return leaf_bad_column(check, "an exception is no value", list[i].slot);
        if (column->nulls_at != 0 && vl_leaf_bit(nulls, list[i].slot))
            return leaf_bad_column(check, "an exception that is NULL", list[i].slot);
    }
    return VELO_OK;
}

static velo_status
leaf_check_column(leaf_check *check)
{
    const vl_leaf *leaf = check->leaf;
    const vl_leaf_column *column = vl_leaf_ccolumns(leaf) + check->column;
    int is_free = column->form == VL_LEAF_NULL || column->form == VL_LEAF_INTEGER ||
                  vl_leaf_form_is_packed(column->form);
    int has_heap = column->form >= VL_LEAF_TEXT || column->exception_count > 0;

    if (column->nulls_at != 0 &&
        leaf_count_bits(leaf, vl_leaf_carray(leaf, column->nulls_at)) == UINT32_MAX)
        return leaf_bad_column(check, "a NULL in a slot that is not there", leaf->count);
    for (uint32_t slot = 0; slot < leaf->count && !is_free; slot++)
        if (!leaf_cell_is_valid(check, column, slot))
            return leaf_bad_column(check, "no value of the column's form", slot);
    if (vl_leaf_form_is_packed(column->form))
        VL_TRY(leaf_check_packed(check, column));
    VL_TRY(leaf_check_exceptions(check, column));
    for (uint32_t slot = 0; slot < leaf->count && has_heap; slot++)
        if (vl_leaf_bit(vl_leaf_present(leaf), slot))
            check->heap_live += vl_leaf_value_heap(leaf, column, slot);
    return VELO_OK;
}

/* A page of records has one column, and each record in the page can be read. */
static velo_status
leaf_check_records(const leaf_check *check)
{
    const vl_leaf *leaf = check->leaf;
    vl_leaf_value value;

    if (leaf->column_count != 1 || vl_leaf_ccolumns(leaf)->id != VL_LEAF_RECORD_ID)
        return leaf_bad(check, "records and other columns", leaf->column_count);
    for (uint32_t slot = 0; slot < leaf->count; slot++) {
        if (vl_leaf_slot_state(leaf, slot) == VL_LEAF_GAP)
            continue;
        vl_leaf_get(leaf, slot, 0, &value);
        if (value.value.type != VL_TYPE_BLOB ||
            (value.overflow == 0 &&
             !vl_leaf_record_is_valid(value.value.as.data, value.value.size)))
            return leaf_bad(check, "a record that cannot be read", slot);
    }
    return VELO_OK;
}

velo_status
vl_leaf_validate(vl_ctx *ctx, const vl_leaf *leaf, uint32_t page_size)
{
    leaf_check check = {ctx, leaf, page_size, 0, 0};

    VL_TRY(leaf_check_header(&check));
    VL_TRY(leaf_check_places(&check));
    VL_TRY(leaf_check_states(&check));
    VL_TRY(leaf_check_rowids(&check));
    for (check.column = 0; check.column < leaf->column_count; check.column++)
        VL_TRY(leaf_check_column(&check));
    if (check.heap_live + leaf->heap_dead != leaf->heap_used)
        return leaf_bad(&check, "the heap's bytes do not add up", leaf->heap_dead);
    return (leaf->flags & VL_LEAF_ROWS) != 0 && leaf->count > 0 ? leaf_check_records(&check)
                                                                : VELO_OK;
}
