/* columns.c - rows of a leaf as typed vectors.
 *
 * Invariants
 *   CO1  What a vector says of a row is what vl_row_scan_get says of it, class included.
 *   CO2  Nothing in the chunk points into a page: texts are copied to the arena, in one piece for a
 *        column where they lie together. */
#include "exec/columns.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "simd/simd.h"
#include "vec/value.h"

#include <string.h>

/* Rows of chunks that are made for a few rows only. */
#define COLUMNS_ROWS_FEW VL_BY_BUILD(64U, 4U)

#define COLUMNS_WORDS ((VL_CHUNK_ROWS + 63) / 64)

/* Rows of packed texts whose beginning is stored (leaf_pax.h, vl_leaf_view). */
#define COLUMNS_PACK_RUN 16U

/* Where a column's values are. */
typedef struct columns_room {
    union {
        vl_value *values;
        int64_t *integers;
        double *reals;
    } as; /* the same memory */
    uint64_t validity[COLUMNS_WORDS];
    uint64_t integral[COLUMNS_WORDS];
} columns_room;

/* A long value of a row that was copied. */
typedef struct columns_long {
    vl_leaf_value value;
    uint32_t column;
    uint32_t row;
} columns_long;

/* A column that is being read. */
typedef struct columns_work {
    vl_ctx *ctx;
    vl_columns *columns;
    const vl_row_scan *scan;
    uint32_t column;           /* of the chunk */
    uint32_t place;            /* among the ids of the scan */
    uint32_t slot;             /* of row 0, where slots are in order */
    const uint16_t *selection; /* or NULL */
    uint32_t count;            /* rows that are wanted */
} columns_work;

/* ---- memory ---- */

static velo_status
columns_enlarge(vl_ctx *ctx, vl_columns *columns, uint32_t column_count, uint32_t rows)
{
    size_t values_size = (size_t)vl_align_up(rows * sizeof(vl_value), 64);
    size_t one = values_size + sizeof(columns_room) + sizeof(vl_vector);
    char *memory;

    vl_free(columns->memory);
    columns->capacity = 0;
    columns->memory = memory = vl_alloc_array(ctx, column_count + 1U, one);
    if (memory == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate %u rows of %u columns", (unsigned)rows,
                       (unsigned)column_count);
    memset(memory, 0, (column_count + 1U) * one); /* rows that are not wanted hold something */
    columns->rooms = (columns_room *)(void *)(memory + (column_count + 1U) * values_size);
    columns->chunk.vectors = (vl_vector *)(void *)(columns->rooms + column_count + 1U);
    columns->chunk.column_count = column_count;
    for (uint32_t i = 0; i < column_count; i++)
        columns->rooms[i].as.values = (vl_value *)(void *)(memory + i * values_size);
    columns->capacity = rows;
    return VELO_OK;
}

velo_status
vl_columns_begin(vl_ctx *ctx, vl_columns *columns, uint32_t column_count, uint32_t rows)
{
    VL_ASSERT(rows <= VL_CHUNK_ROWS);
    if (columns->arena.allocator == NULL)
        vl_arena_init(&columns->arena, ctx->allocator, 0);
    vl_arena_reset(&columns->arena);
    columns->chunk.row_count = columns->chunk.count = 0;
    columns->chunk.selection = NULL;
    columns->longs = NULL;
    columns->long_count = columns->long_room = 0;
    if (rows <= columns->capacity)
        return VELO_OK;
    return columns_enlarge(ctx, columns, column_count,
                           rows <= COLUMNS_ROWS_FEW ? COLUMNS_ROWS_FEW : VL_CHUNK_ROWS);
}

void
vl_columns_deinit(vl_columns *columns)
{
    if (columns->arena.allocator != NULL)
        vl_arena_deinit(&columns->arena);
    vl_free(columns->memory);
    *columns = (vl_columns){.memory = NULL};
}

/* ---- rows one by one ---- */

static uint32_t
columns_row(const columns_work *work, uint32_t n)
{
    return work->selection == NULL ? n : work->selection[n];
}

static vl_vector *
columns_vector(const columns_work *work)
{
    return &work->columns->chunk.vectors[work->column];
}

static columns_room *
columns_room_of(const columns_work *work)
{
    return &work->columns->rooms[work->column];
}

/* Remember a long value to be read when the page has been let go. */
static velo_status
columns_note_long(const columns_work *work, const vl_leaf_value *value, uint32_t row)
{
    vl_columns *columns = work->columns;

    if (columns->long_count == columns->long_room) {
        uint32_t room = columns->long_room == 0 ? 16 : columns->long_room * 2;
        columns_long *more = vl_arena_alloc_array(&columns->arena, room, sizeof *more);

        if (more == NULL)
            return vl_fail(work->ctx, VELO_NOMEM, "cannot allocate a list of long values");
        if (columns->long_count > 0)
            memcpy(more, columns->longs, columns->long_count * sizeof *more);
        columns->longs = more;
        columns->long_room = room;
    }
    columns->longs[columns->long_count++] = (columns_long){*value, work->column, row};
    return VELO_OK;
}

/* Put a value into an ANY vector. Keeps CO2. */
static velo_status
columns_put(const columns_work *work, const vl_leaf_value *value, uint32_t row)
{
    vl_value *to = &columns_room_of(work)->as.values[row];

    *to = value->value;
    if (to->type != VL_TYPE_TEXT && to->type != VL_TYPE_BLOB)
        return VELO_OK;
    if (value->overflow != 0)
        return columns_note_long(work, value, row);
    to->as.data = vl_arena_copy(&work->columns->arena, value->value.as.data, to->size);
    if (to->as.data == NULL && to->size > 0)
        return vl_fail(work->ctx, VELO_NOMEM, "cannot allocate %u bytes for a value",
                       (unsigned)to->size);
    return VELO_OK;
}

/* Put a number or NULL into a vector of its type; 0: it is none. */
static int
columns_put_typed(const columns_work *work, const vl_value *value, uint32_t row)
{
    const vl_vector *vector = columns_vector(work);
    columns_room *room = columns_room_of(work);

    if (value->type == VL_TYPE_NULL) {
        room->as.integers[row] = 0;
        vl_bits_clear(room->validity, row);
        return 1;
    }
    if (value->type == VL_TYPE_INTEGER && vector->form == VL_VECTOR_INTEGER) {
        room->as.integers[row] = value->as.integer;
        return 1;
    }
    if (value->type != VL_TYPE_REAL || vector->form != VL_VECTOR_REAL)
        return 0;
    room->as.reals[row] = value->as.real;
    return 1;
}

/* All rows in the form ANY. */
static velo_status
columns_read_any(const columns_work *work)
{
    vl_leaf_value value;

    *columns_vector(work) =
        (vl_vector){.form = VL_VECTOR_ANY, .as.values = columns_room_of(work)->as.values};
    for (uint32_t n = 0; n < work->count; n++) {
        uint32_t row = columns_row(work, n);

        vl_row_scan_get(work->scan, row, work->place, &value);
        VL_TRY(columns_put(work, &value, row));
    }
    return VELO_OK;
}

/* Rows in any order, or of older versions: in the form that the page has, if all hold to it. */
static velo_status
columns_read_rows(const columns_work *work, vl_vector_form form)
{
    columns_room *room = columns_room_of(work);
    vl_leaf_value value;

    if (form == VL_VECTOR_ANY || form == VL_VECTOR_NUMBER)
        return columns_read_any(work);
    *columns_vector(work) =
        (vl_vector){.form = form, .as.integers = room->as.integers, .validity = room->validity};
    memset(room->validity, 0xff, sizeof room->validity);
    for (uint32_t n = 0; n < work->count; n++) {
        uint32_t row = columns_row(work, n);

        vl_row_scan_get(work->scan, row, work->place, &value);
        if (!columns_put_typed(work, &value.value, row))
            return columns_read_any(work);
    }
    return VELO_OK;
}

/* ---- rows in order ---- */

/* Copy `count` bits from bit `first` of a page's bitmap; or their complement. */
static void
columns_copy_bits(const uint8_t *from, uint32_t first, uint32_t count, int is_inverted,
                  uint64_t *to)
{
    uint32_t shift = first % 64;

    from += (size_t)first / 64 * 8;
    for (uint32_t w = 0; w < vl_bits_words(count); w++) {
        uint64_t bits = vl_load_le64(from + (size_t)w * 8) >> shift;

        if (shift != 0 && shift + count - w * 64 > 64)
            bits |= vl_load_le64(from + (size_t)w * 8 + 8) << (64 - shift);
        to[w] = is_inverted ? ~bits : bits;
    }
}

/* Which rows are not NULL. */
static void
columns_copy_nulls(const columns_work *work, const vl_leaf_view *view)
{
    columns_room *room = columns_room_of(work);
    uint32_t count = work->columns->chunk.row_count;

    if (view->nulls == NULL)
        return;
    columns_copy_bits(view->nulls, work->slot, count, 1, room->validity);
    if (vl_simd_best()->bits_count(room->validity, count) < count)
        columns_vector(work)->validity = room->validity;
}

static void
columns_read_scaled(const columns_work *work, const vl_leaf_view *view)
{
    static const double powers[VL_LEAF_MAX_EXPONENT + 1] = {1e0, 1e1, 1e2, 1e3, 1e4,
                                                            1e5, 1e6, 1e7, 1e8, 1e9};
    const vl_simd *simd = vl_simd_best();
    uint32_t count = work->columns->chunk.row_count;
    double *reals = columns_room_of(work)->as.reals;
    int64_t whole[VL_CHUNK_ROWS];

    simd->widen[vl_simd_width(view->width)](
        (const uint8_t *)view->data + (size_t)work->slot * view->width, count, view->base, whole);
    simd->to_real(whole, count, reals);
    if (view->exponent > 0)
        simd->divide_real(reals, 1, &powers[view->exponent], 0, count, reals);
}

/* Columns of numbers, at once. */
static void
columns_read_numbers(const columns_work *work, const vl_leaf_view *view, vl_vector_form form)
{
    vl_vector *vector = columns_vector(work);
    columns_room *room = columns_room_of(work);
    uint32_t count = work->columns->chunk.row_count;
    const uint8_t *cells = (const uint8_t *)view->data + (size_t)work->slot * view->width;

    *vector = (vl_vector){.form = form, .as.integers = room->as.integers};
    if (view->form == VL_LEAF_INTEGER)
        vl_simd_best()->widen[vl_simd_width(view->width)](cells, count, view->base,
                                                          room->as.integers);
    else if (view->form == VL_LEAF_REAL || view->form == VL_LEAF_NUMBER)
        memcpy(room->as.reals, cells, count * sizeof(double));
    else
        columns_read_scaled(work, view);
    if (form == VL_VECTOR_NUMBER) {
        columns_copy_bits(view->bits, work->slot, count, 0, room->integral);
        vector->integral = room->integral;
    }
    columns_copy_nulls(work, view);
}

/* Nothing but NULLs. */
static void
columns_read_nulls(const columns_work *work)
{
    columns_room *room = columns_room_of(work);

    memset(room->as.integers, 0, work->columns->chunk.row_count * sizeof(int64_t));
    memset(room->validity, 0, sizeof room->validity);
    *columns_vector(work) = (vl_vector){
        .form = VL_VECTOR_INTEGER, .as.integers = room->as.integers, .validity = room->validity};
}

/* Put NULLs into an ANY vector. */
static void
columns_clear_nulls(const columns_work *work, const vl_leaf_view *view)
{
    vl_value *values = columns_room_of(work)->as.values;

    for (uint32_t n = 0; view->nulls != NULL && n < work->columns->chunk.row_count; n++)
        if ((view->nulls[(work->slot + n) / 8] >> (work->slot + n) % 8 & 1) != 0)
            values[n] = vl_value_of_null();
}

/* Packed texts: those of a run lie one behind the other. */
static velo_status
columns_read_packed(const columns_work *work, const vl_leaf_view *view)
{
    vl_type type = view->form == VL_LEAF_PACKED_TEXT ? VL_TYPE_TEXT : VL_TYPE_BLOB;
    const uint8_t *lengths = view->data;
    const uint8_t *page = (const uint8_t *)work->scan->leaf;
    vl_value *values = columns_room_of(work)->as.values;
    uint32_t count = work->columns->chunk.row_count;
    uint32_t end = work->slot + count;
    size_t total = 0;
    uint8_t *to;

    *columns_vector(work) = (vl_vector){.form = VL_VECTOR_ANY, .as.values = values};
    for (uint32_t slot = work->slot; slot < end; slot++)
        total += lengths[slot];
    to = vl_arena_alloc(&work->columns->arena, total + 1);
    if (to == NULL)
        return vl_fail(work->ctx, VELO_NOMEM, "cannot allocate %zu bytes for texts", total);
    for (uint32_t slot = work->slot; slot < end;) {
        uint32_t run = slot - slot % COLUMNS_PACK_RUN;
        const uint8_t *from = page + vl_load_le16(view->bits + (size_t)run / COLUMNS_PACK_RUN * 2);
        const uint8_t *begin = to;
        uint32_t run_end = run + COLUMNS_PACK_RUN < end ? run + COLUMNS_PACK_RUN : end;

        for (uint32_t i = run; i < slot; i++)
            from += lengths[i];
        for (; slot < run_end; slot++) {
            values[slot - work->slot] =
                (vl_value){.type = type, .size = lengths[slot], .as.data = to};
            to += lengths[slot];
        }
        memcpy((uint8_t *)(uintptr_t)begin, from, (size_t)(to - begin));
    }
    columns_clear_nulls(work, view);
    return VELO_OK;
}

/* Where the texts of the rows are in the page's heap. */
typedef struct columns_heap {
    uint32_t begin; /* of the part that has them all */
    uint32_t end;
    uint32_t total; /* bytes of the texts alone */
} columns_heap;

/* Find it; 0: one of them is long. Empty ones lie nowhere, as NULLs do. */
static int
columns_find_heap(const uint8_t *cells, uint32_t count, columns_heap *heap)
{
    *heap = (columns_heap){UINT32_MAX, 0, 0};
    for (uint32_t n = 0; n < count; n++) {
        uint32_t cell = vl_load_le32(cells + (size_t)n * 4);
        uint32_t begin = cell & 0xffffU;
        uint32_t length = cell >> 16;

        if (length == VL_LEAF_OVERFLOW)
            return 0;
        if (length == 0)
            continue;
        heap->begin = begin < heap->begin ? begin : heap->begin;
        heap->end = begin + length > heap->end ? begin + length : heap->end;
        heap->total += length;
    }
    heap->begin = heap->end > 0 ? heap->begin : 0;
    return 1;
}

/* Texts in slots: their part of the heap is copied at once, or each by itself where there is too
 * much of other columns between them. */
static velo_status
columns_read_slots(const columns_work *work, const vl_leaf_view *view)
{
    vl_type type = view->form == VL_LEAF_TEXT ? VL_TYPE_TEXT : VL_TYPE_BLOB;
    const uint8_t *cells = (const uint8_t *)view->data + (size_t)work->slot * view->width;
    const uint8_t *page = (const uint8_t *)work->scan->leaf;
    vl_value *values = columns_room_of(work)->as.values;
    uint32_t count = work->columns->chunk.row_count;
    columns_heap heap;
    int is_whole;
    uint8_t *to;

    if (!columns_find_heap(cells, count, &heap))
        return columns_read_any(work);
    *columns_vector(work) = (vl_vector){.form = VL_VECTOR_ANY, .as.values = values};
    is_whole = heap.end - heap.begin <= 2 * heap.total;
    to = vl_arena_alloc(&work->columns->arena, 2 * (size_t)heap.total + 1);
    if (to == NULL)
        return vl_fail(work->ctx, VELO_NOMEM, "cannot allocate %u bytes for texts",
                       (unsigned)heap.total);
    if (is_whole)
        memcpy(to, page + heap.begin, heap.end - heap.begin);
    for (uint32_t n = 0; n < count; n++) {
        uint32_t cell = vl_load_le32(cells + (size_t)n * 4);
        uint32_t begin = cell & 0xffffU;
        uint32_t length = cell >> 16;

        values[n] = (vl_value){.type = type, .size = length, .as.data = to};
        if (is_whole && length > 0) {
            values[n].as.data = to + (begin - heap.begin);
        } else if (!is_whole) {
            memcpy(to, page + begin, length);
            to += length;
        }
    }
    columns_clear_nulls(work, view);
    return VELO_OK;
}

/* The same value in all rows: what a page without the column means. */
static velo_status
columns_read_default(const columns_work *work, const vl_leaf_value *value)
{
    *columns_vector(work) = (vl_vector){
        .form = VL_VECTOR_ANY, .is_constant = 1, .as.values = columns_room_of(work)->as.values};
    return columns_put(work, value, 0);
}

/* ---- a column ---- */

static vl_vector_form
columns_form(vl_leaf_form form)
{
    switch (form) {
    case VL_LEAF_NULL:
    case VL_LEAF_INTEGER:
        return VL_VECTOR_INTEGER;
    case VL_LEAF_SCALED_REAL:
    case VL_LEAF_REAL:
        return VL_VECTOR_REAL;
    case VL_LEAF_SCALED_NUMBER:
    case VL_LEAF_NUMBER:
        return VL_VECTOR_NUMBER;
    case VL_LEAF_TEXT:
    case VL_LEAF_BLOB:
    case VL_LEAF_PACKED_TEXT:
    case VL_LEAF_PACKED_BLOB:
    case VL_LEAF_ANY:
        break;
    }
    return VL_VECTOR_ANY;
}

/* Whether one of the rows is an exception of its column's form. */
static int
columns_has_exception(const columns_work *work, const vl_leaf_view *view)
{
    for (uint32_t i = 0; i < view->exception_count; i++)
        if (view->exceptions[i].slot >= work->slot &&
            view->exceptions[i].slot - work->slot < work->columns->chunk.row_count)
            return 1;
    return 0;
}

static void
columns_read_rowids(const columns_work *work)
{
    int64_t *integers = columns_room_of(work)->as.integers;
    const vl_row_scan *scan = work->scan;
    uint32_t count = work->columns->chunk.row_count;

    *columns_vector(work) = (vl_vector){.form = VL_VECTOR_INTEGER, .as.integers = integers};
    if (scan->slots == NULL && !scan->is_backward && (scan->leaf->flags & VL_LEAF_DENSE) != 0) {
        int64_t first = vl_row_scan_rowid(scan, 0);

        for (uint32_t n = 0; n < count; n++)
            integers[n] = first + n;
        return;
    }
    for (uint32_t n = 0; n < count; n++)
        integers[n] = vl_row_scan_rowid(scan, n);
}

velo_status
vl_columns_read(vl_ctx *ctx, vl_columns *columns, const vl_row_scan *scan, const vl_fetch *fetch,
                uint32_t column, const uint16_t *selection, uint32_t count)
{
    columns_work work = {.ctx = ctx,
                         .columns = columns,
                         .scan = scan,
                         .column = column,
                         .slot = scan->slot_first,
                         .selection = selection,
                         .count = count};
    vl_leaf_view view;
    int index;

    if (fetch->places[column] == VL_FETCH_ROWID) {
        columns_read_rowids(&work);
        return VELO_OK;
    }
    work.place = (uint32_t)fetch->places[column];
    index = vl_leaf_column_index(scan->leaf, scan->ids[work.place]);
    if (index < 0 && scan->slots == NULL && columns->chunk.row_count > 0) {
        vl_leaf_value value;

        vl_row_scan_get(scan, 0, work.place, &value);
        return value.overflow == 0 ? columns_read_default(&work, &value) : columns_read_any(&work);
    }
    if (index < 0)
        return columns_read_any(&work);
    vl_leaf_column_view(scan->leaf, (uint32_t)index, &view);
    if (scan->slots != NULL || scan->is_backward)
        return columns_read_rows(&work, columns_form(view.form));
    if (columns_has_exception(&work, &view))
        return columns_read_any(&work);
    if (view.form == VL_LEAF_NULL)
        columns_read_nulls(&work);
    else if (columns_form(view.form) != VL_VECTOR_ANY)
        columns_read_numbers(&work, &view, columns_form(view.form));
    else if (view.form == VL_LEAF_ANY || count <= columns->chunk.row_count / 4)
        return columns_read_any(&work);
    else if (view.form == VL_LEAF_TEXT || view.form == VL_LEAF_BLOB)
        return columns_read_slots(&work, &view);
    else
        return columns_read_packed(&work, &view);
    return VELO_OK;
}

/* Whether a text in the page is the one that is looked for: most are short, so no call is worth it.
 */
static int
columns_is_text(const uint8_t *bytes, const uint8_t *text, uint32_t size)
{
    if (size >= 4 && size <= 8)
        return vl_load_le32(bytes) == vl_load_le32(text) &&
               vl_load_le32(bytes + size - 4) == vl_load_le32(text + size - 4);
    return memcmp(bytes, text, size) == 0;
}

/* Look for a text of 4 to 8 bytes in slots, without a branch that depends on a row: where the
 * length is another one, the page's first bytes are looked at instead. */
static int
columns_find_short(const uint8_t *page, const uint8_t *cells, uint32_t count, const vl_value *text,
                   uint64_t *bits)
{
    const uint8_t *bytes = text->as.data;
    uint32_t size = text->size;
    uint32_t first = vl_load_le32(bytes);
    uint32_t last = vl_load_le32(bytes + size - 4);
    uint32_t is_long = 0;
    uint64_t word = 0;

    for (uint32_t n = 0; n < count; n++) {
        uint32_t cell = vl_load_le32(cells + (size_t)n * 4);
        uint32_t is_same = cell >> 16 == size;
        const uint8_t *at = page + (cell & 0xffffU & (0U - is_same));

        is_long |= cell >> 16 == VL_LEAF_OVERFLOW;
        is_same &=
            (uint32_t)(vl_load_le32(at) == first) & (uint32_t)(vl_load_le32(at + size - 4) == last);
        word |= (uint64_t)is_same << (n % 64);
        if (n % 64 == 63) {
            bits[n / 64] = word;
            word = 0;
        }
    }
    if (count % 64 != 0)
        bits[count / 64] = word;
    return !is_long;
}

/* Look for a text in slots. NULLs have the length 0. */
static int
columns_find_slots(const uint8_t *page, const uint8_t *cells, uint32_t count, const vl_value *text,
                   uint64_t *bits)
{
    if (text->size >= 4 && text->size <= 8)
        return columns_find_short(page, cells, count, text, bits);
    for (uint32_t n = 0; n < count; n++) {
        uint32_t cell = vl_load_le32(cells + (size_t)n * 4);
        uint32_t length = cell >> 16;

        if (length == VL_LEAF_OVERFLOW)
            return 0;
        if (length == text->size && columns_is_text(page + (cell & 0xffffU), text->as.data, length))
            vl_bits_set(bits, n);
    }
    return 1;
}

/* Look for a text among packed ones, run by run. */
static void
columns_find_packed(const uint8_t *page, const vl_leaf_view *view, uint32_t slot, uint32_t count,
                    const vl_value *text, uint64_t *bits)
{
    const uint8_t *lengths = view->data;
    const uint8_t *at = page;

    for (uint32_t i = slot - slot % COLUMNS_PACK_RUN; i < slot + count; i++) {
        if (i % COLUMNS_PACK_RUN == 0)
            at = page + vl_load_le16(view->bits + (size_t)i / COLUMNS_PACK_RUN * 2);
        if (i >= slot && lengths[i] == text->size &&
            (view->nulls == NULL || (view->nulls[i / 8] >> i % 8 & 1) == 0) &&
            columns_is_text(at, text->as.data, lengths[i]))
            vl_bits_set(bits, i - slot);
        at += lengths[i];
    }
}

int
vl_columns_find_text(const vl_columns *columns, const vl_row_scan *scan, const vl_fetch *fetch,
                     uint32_t column, const vl_value *text, uint64_t *bits)
{
    columns_work work = {.columns = (vl_columns *)(uintptr_t)columns, .slot = scan->slot_first};
    const uint8_t *page = (const uint8_t *)scan->leaf;
    uint32_t count = columns->chunk.row_count;
    int32_t place = fetch->places[column];
    vl_leaf_view view;
    int index;

    if (place == VL_FETCH_ROWID || scan->slots != NULL || scan->is_backward)
        return 0;
    index = vl_leaf_column_index(scan->leaf, scan->ids[place]);
    if (index < 0)
        return 0;
    vl_leaf_column_view(scan->leaf, (uint32_t)index, &view);
    if ((view.form != VL_LEAF_TEXT && view.form != VL_LEAF_PACKED_TEXT) ||
        columns_has_exception(&work, &view))
        return 0;
    memset(bits, 0, vl_bits_words(count) * sizeof *bits);
    if (view.form == VL_LEAF_TEXT)
        return columns_find_slots(page, (const uint8_t *)view.data + (size_t)work.slot * view.width,
                                  count, text, bits);
    columns_find_packed(page, &view, work.slot, count, text, bits);
    return 1;
}

velo_status
vl_columns_set_text(vl_ctx *ctx, vl_columns *columns, uint32_t column, const vl_value *text)
{
    vl_value *value = columns->rooms[column].as.values;
    const void *copy = vl_arena_copy(&columns->arena, text->as.data, text->size);

    if (copy == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate %u bytes for a value",
                       (unsigned)text->size);
    *value = (vl_value){.type = VL_TYPE_TEXT, .size = text->size, .as.data = copy}; /* keeps CO1 */
    columns->chunk.vectors[column] =
        (vl_vector){.form = VL_VECTOR_ANY, .is_constant = 1, .as.values = value};
    return VELO_OK;
}

velo_status
vl_columns_finish(vl_ctx *ctx, vl_columns *columns, const vl_fetch *fetch)
{
    for (uint32_t i = 0; i < columns->long_count; i++) {
        const columns_long *from = &columns->longs[i];
        uint32_t size = from->value.value.size;
        void *data = vl_arena_alloc(&columns->arena, size);

        if (data == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate %u bytes for a value", (unsigned)size);
        VL_TRY(vl_rows_read_long(ctx, fetch->table, &from->value, 0, size, data));
        columns->rooms[from->column].as.values[from->row].as.data = data;
    }
    return VELO_OK;
}
