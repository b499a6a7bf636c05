/* leaf_model.c - a simple model of a table, and the pages that must agree with it. */
#include "leaf_model.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

uint8_t model_text[MODEL_TEXT_SIZE];

static const int64_t model_integers[] = {0,
                                         1,
                                         -1,
                                         127,
                                         128,
                                         255,
                                         256,
                                         -32768,
                                         65535,
                                         65536,
                                         (INT64_C(1) << 32) - 1,
                                         INT64_C(1) << 32,
                                         (INT64_C(1) << 50) + 1,
                                         (INT64_C(1) << 53) - 1,
                                         INT64_C(1) << 53,
                                         (INT64_C(1) << 53) + 1,
                                         -(INT64_C(1) << 53) - 1,
                                         INT64_MAX - 1,
                                         INT64_MAX,
                                         INT64_MIN,
                                         INT64_MIN + 1};

static const double model_reals[] = {0.0,
                                     -0.0,
                                     0.1,
                                     0.01,
                                     1.0,
                                     -1.0,
                                     17.0,
                                     0.30000000000000004,
                                     1e-9,
                                     1e-10,
                                     1e15,
                                     1e22,
                                     DBL_MIN,
                                     DBL_TRUE_MIN,
                                     -DBL_TRUE_MIN,
                                     DBL_MAX,
                                     (double)INFINITY,
                                     -(double)INFINITY,
                                     9007199254740991.0,
                                     9007199254740992.0,
                                     9223372036854775808.0,
                                     1125899906842624.0,
                                     123456789.123456789};

/* ---- values ---- */

static vl_leaf_value
value_integer(int64_t integer)
{
    vl_leaf_value value = {{.type = VL_TYPE_INTEGER}, 0};

    value.value.as.integer = integer;
    return value;
}

static vl_leaf_value
value_real(double real)
{
    vl_leaf_value value = {{.type = VL_TYPE_REAL}, 0};

    value.value.as.real = real;
    return value;
}

static vl_leaf_value
value_null(void)
{
    vl_leaf_value value = {{.type = VL_TYPE_NULL}, 0};

    return value;
}

static vl_leaf_value
value_bytes(model *m, vl_type type, uint32_t max_size)
{
    vl_leaf_value value = {{.type = type}, 0};

    value.value.size = (uint32_t)vl_rng_below(&m->rng, max_size + 1U);
    value.value.as.data = model_text + vl_rng_below(&m->rng, MODEL_TEXT_SIZE - value.value.size);
    return value;
}

static vl_leaf_value
value_random_real(model *m)
{
    uint64_t bits;
    double real;

    do {
        bits = vl_rng_next(&m->rng);
        memcpy(&real, &bits, sizeof real);
    } while (isnan(real));
    return value_real(real);
}

static vl_leaf_value
value_price(model *m)
{
    return value_real((double)(int64_t)vl_rng_below(&m->rng, 1000000) / 100.0);
}

static vl_leaf_value
value_nasty(model *m)
{
    if (vl_rng_chance(&m->rng, 1, 20))
        return value_real((double)NAN);
    if (vl_rng_chance(&m->rng, 1, 2))
        return value_integer(model_integers[vl_rng_below(&m->rng, VL_ARRAY_COUNT(model_integers))]);
    return value_real(model_reals[vl_rng_below(&m->rng, VL_ARRAY_COUNT(model_reals))]);
}

static uint32_t
long_size(model *m)
{
    uint32_t limits[] = {10, 100, vl_leaf_max_inline(m->page_size), m->page_size / 2};

    return limits[vl_rng_below(&m->rng, VL_ARRAY_COUNT(limits))];
}

vl_leaf_value
model_value(model *m, model_kind kind, int64_t rowid)
{
    int is_rare = vl_rng_chance(&m->rng, 1, 50);
    int is_often = vl_rng_chance(&m->rng, 1, 4);

    switch (kind) {
    case MODEL_SEQUENCE:
        return value_integer((int64_t)((uint64_t)rowid + vl_rng_below(&m->rng, 10)));
    case MODEL_SMALL:
        return value_integer((int64_t)vl_rng_below(&m->rng, 200));
    case MODEL_INTEGER:
        return value_integer((int64_t)(vl_rng_next(&m->rng) >> vl_rng_below(&m->rng, 64)));
    case MODEL_PRICE:
        return value_price(m);
    case MODEL_REAL:
        return value_random_real(m);
    case MODEL_NUMBER:
        return is_often ? value_integer((int64_t)vl_rng_below(&m->rng, 9000)) : value_price(m);
    case MODEL_WIDE:
        return is_often ? value_integer((int64_t)vl_rng_below(&m->rng, 9000))
                        : value_random_real(m);
    case MODEL_WORD:
        return value_bytes(m, VL_TYPE_TEXT, 12);
    case MODEL_LONG_TEXT:
        return value_bytes(m, VL_TYPE_TEXT, long_size(m));
    case MODEL_BLOB:
        return value_bytes(m, VL_TYPE_BLOB, 30);
    case MODEL_SPARSE:
        return is_rare ? value_bytes(m, VL_TYPE_TEXT, 5) : value_null();
    case MODEL_NULLABLE:
        return is_often ? value_null() : value_integer((int64_t)vl_rng_below(&m->rng, 70000));
    case MODEL_ODD:
        return is_rare ? value_bytes(m, VL_TYPE_TEXT, 9)
                       : value_integer((int64_t)vl_rng_below(&m->rng, 300));
    case MODEL_ANY:
        return model_value(m, (model_kind)vl_rng_below(&m->rng, MODEL_ANY), rowid);
    case MODEL_NASTY:
        return value_nasty(m);
    case MODEL_KIND_COUNT:
        break;
    }
    return value_null();
}

int
model_same(const vl_leaf_value *a, const vl_leaf_value *b)
{
    int a_is_null = a->value.type == VL_TYPE_REAL && isnan(a->value.as.real);

    if (a_is_null)
        return b->value.type == VL_TYPE_NULL;
    if (a->value.type != b->value.type || a->overflow != b->overflow)
        return 0;
    switch (a->value.type) {
    case VL_TYPE_NULL:
        return 1;
    case VL_TYPE_INTEGER:
    case VL_TYPE_REAL:
        return memcmp(&a->value.as, &b->value.as, 8) == 0;
    case VL_TYPE_TEXT:
    case VL_TYPE_BLOB:
        if (a->value.size != b->value.size)
            return 0;
        return a->overflow != 0 || a->value.size == 0 ||
               memcmp(a->value.as.data, b->value.as.data, a->value.size) == 0;
    }
    return 0;
}

/* Send to overflow what must go there. */
static void
row_overflow(model *m, model_row *row)
{
    (void)vl_leaf_choose_overflow(m->page_size, row->values, m->schema.count);
    for (uint32_t i = 0; i < m->schema.count; i++) {
        if (row->values[i].overflow == VL_LEAF_TO_OVERFLOW) {
            row->values[i].overflow = (vl_pid)vl_rng_below(&m->rng, UINT32_MAX - 1) + 1;
            row->values[i].value.as.data = NULL;
            if (vl_rng_chance(&m->rng, 1, 4))
                row->values[i].value.size = UINT32_C(1) << 30;
        }
    }
}

void
model_make_row(model *m, int64_t rowid, model_row *row)
{
    memset(row, 0, sizeof *row);
    row->rowid = rowid;
    for (uint32_t i = 0; i < m->schema.count; i++)
        row->values[i] = model_value(m, m->kinds[i], rowid);
    row_overflow(m, row);
}

/* ---- the model ---- */

static vl_leaf *
page_create(const model *m)
{
    vl_leaf *leaf = malloc(m->page_size);

    if (leaf == NULL)
        abort();
    return leaf;
}

void
model_init(model *m, uint32_t page_size, const model_kind *kinds, uint32_t count, uint64_t seed)
{
    memset(m, 0, sizeof *m);
    m->page_size = page_size;
    vl_rng_init(&m->rng, seed);
    vl_rng_fill(&m->rng, model_text, sizeof model_text);
    for (uint32_t i = 0; i < count; i++) {
        m->ids[i] = i * 3 + 1;
        m->kinds[i] = kinds[i];
        m->defaults[i] = value_null();
    }
    m->schema.ids = m->ids;
    m->schema.defaults = m->defaults;
    m->schema.count = (uint16_t)count;
    m->rows = malloc(MODEL_MAX_ROWS * sizeof *m->rows);
    m->pages[0] = page_create(m);
    m->lows[0] = INT64_MIN;
    m->page_count = 1;
    vl_leaf_init(m->pages[0], page_size, 1, 7);
}

void
model_deinit(model *m)
{
    for (uint32_t i = 0; i < m->page_count; i++)
        free(m->pages[i]);
    free(m->rows);
}

uint32_t
model_find(const model *m, int64_t rowid)
{
    uint32_t low = 0;
    uint32_t high = m->row_count;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (m->rows[middle].rowid < rowid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t
model_page_of(const model *m, int64_t rowid)
{
    uint32_t page = m->page_count - 1;

    while (m->lows[page] > rowid)
        page--;
    return page;
}

/* Replace page `at` by `count` others. */
static void
model_replace(model *m, uint32_t at, vl_leaf **pages, uint32_t count)
{
    free(m->pages[at]);
    memmove(m->pages + at + count, m->pages + at + 1,
            (m->page_count - at - 1) * sizeof m->pages[0]);
    memmove(m->lows + at + count, m->lows + at + 1, (m->page_count - at - 1) * sizeof m->lows[0]);
    for (uint32_t i = 0; i < count; i++) {
        m->pages[at + i] = pages[i];
        if (i > 0)
            m->lows[at + i] = vl_leaf_rowid(pages[i], vl_leaf_slot_at(pages[i], 0));
    }
    m->page_count += count - 1;
}

/* Tombstones of every third rowid may go. */
static int
is_purgeable(void *argument, int64_t rowid)
{
    (void)argument;
    return (uint64_t)rowid % 3 == 0;
}

/* Build page `at` anew with one more row, or none. */
static void
model_build(model *m, uint32_t at, vl_leaf_layout layout, const model_row *row, int with_purge)
{
    vl_leaf *pages[40];
    uint32_t count = 0;
    uint32_t taken;
    vl_leaf_row given = {0, NULL, 0};
    vl_leaf_build build = {m->page_size,
                           layout,
                           &m->schema,
                           m->pages[at],
                           &given,
                           row != NULL,
                           with_purge ? is_purgeable : NULL,
                           NULL,
                           NULL};
    void *scratch = malloc(vl_leaf_scratch_size(m->page_size, m->schema.count, 1));
    vl_leaf_builder *builder;

    if (row != NULL) {
        given.rowid = row->rowid;
        given.values = row->values;
        given.is_deleted = row->is_deleted;
    }
    builder = vl_leaf_build_begin(scratch, &build);
    do {
        pages[count] = page_create(m);
        taken = vl_leaf_build_next(builder, pages[count], count + 2, 7);
        count++;
    } while (taken > 0 && vl_leaf_build_remaining(builder) > 0 && count < VL_ARRAY_COUNT(pages));
    if (vl_leaf_build_remaining(builder) > 0)
        unit_failed(__FILE__, __LINE__, "a page became more than %u pages", count);
    free(scratch);
    model_replace(m, at, pages, count);
    m->builds++;
}

/* Whether less than 1/16 of a page is unused. */
static int
model_is_full(const model *m, const vl_leaf *leaf)
{
    uint32_t fixed = (uint32_t)(sizeof *leaf + leaf->column_count * sizeof(vl_leaf_column));
    uint32_t rows = leaf->count - leaf->gap_count;

    return leaf->capacity > 0 && fixed + (leaf->fixed_end - fixed) * rows / leaf->capacity +
                                         leaf->heap_used - leaf->heap_dead >=
                                     m->page_size - m->page_size / 16;
}

/* Make room without building a page anew: by a page behind it, or by dividing it. 1 if that could
 * be done. */
static int
model_make_room(model *m, uint32_t at, const vl_leaf_row *row, int is_append)
{
    vl_leaf_build build = {m->page_size, VL_LEAF_APPEND, &m->schema, m->pages[at], row, 1,
                           NULL,         NULL,           NULL};
    vl_leaf *pages[2] = {page_create(m), page_create(m)};
    void *scratch = malloc(vl_leaf_scratch_size(m->page_size, m->schema.count, 1));
    int64_t separator = row->rowid;
    int is_done = 0;

    memset(pages[0], 0xee, m->page_size);
    memset(pages[1], 0xee, m->page_size);
    if (is_append && model_is_full(m, m->pages[at])) {
        memcpy(pages[0], m->pages[at], m->page_size);
        is_done = vl_leaf_build_behind(scratch, &build, pages[1], 3, 7);
        m->behind += (uint32_t)is_done;
    } else if (!is_append) {
        is_done = vl_leaf_divide(m->pages[at], m->page_size, pages[0], pages[1], &separator);
        m->divided += (uint32_t)is_done;
    }
    free(scratch);
    if (!is_done) {
        free(pages[0]);
        free(pages[1]);
        return 0;
    }
    for (uint32_t i = 0; i < 2; i++)
        if (vl_leaf_validate(unit_ctx(), pages[i], m->page_size) != VELO_OK)
            unit_failed(__FILE__, __LINE__, "half %u: %s", i, unit_ctx()->error.text);
    free(m->pages[at]);
    memmove(m->pages + at + 2, m->pages + at + 1, (m->page_count - at - 1) * sizeof m->pages[0]);
    memmove(m->lows + at + 2, m->lows + at + 1, (m->page_count - at - 1) * sizeof m->lows[0]);
    m->pages[at] = pages[0];
    m->pages[at + 1] = pages[1];
    m->lows[at + 1] = separator;
    m->page_count++;
    return 1;
}

/* Keep what a page is, to compare after a write that found no room. */
static void *
page_copy(const model *m, uint32_t page)
{
    void *copy = malloc(m->page_size);

    memcpy(copy, m->pages[page], m->page_size);
    return copy;
}

static void
page_compare(const model *m, uint32_t page, void *copy)
{
    if (memcmp(copy, m->pages[page], m->page_size) != 0)
        unit_failed(__FILE__, __LINE__, "a page changed without room");
    free(copy);
}

/* ---- operations ---- */

static void
model_add(model *m, const model_row *row)
{
    uint32_t index = model_find(m, row->rowid);

    if (index == m->row_count || m->rows[index].rowid != row->rowid) {
        memmove(m->rows + index + 1, m->rows + index, (m->row_count - index) * sizeof *row);
        m->row_count++;
    }
    m->rows[index] = *row;
}

void
model_insert(model *m, int64_t rowid)
{
    uint32_t page = model_page_of(m, rowid);
    uint32_t index = model_find(m, rowid);
    int is_live =
        index < m->row_count && m->rows[index].rowid == rowid && !m->rows[index].is_deleted;
    void *copy = page_copy(m, page);
    vl_leaf_row given;
    vl_leaf_result result;
    model_row row;

    model_make_row(m, rowid, &row);
    given.rowid = rowid;
    given.values = row.values;
    given.is_deleted = 0;
    result = vl_leaf_insert(m->pages[page], m->page_size, &m->schema, &given);
    if ((result == VL_LEAF_EXISTS) != is_live)
        unit_failed(__FILE__, __LINE__, "insert says %d", (int)result);
    if (result != VL_LEAF_DONE)
        page_compare(m, page, copy);
    else
        free(copy);
    if (result == VL_LEAF_NO_ROOM) {
        int is_append = rowid == INT64_MAX || index == m->row_count;

        if (vl_rng_chance(&m->rng, 1, 2) &&
            model_make_room(m, page, &given, index == m->row_count)) {
            model_insert(m, rowid);
            return;
        }
        model_build(m, page, is_append ? VL_LEAF_APPEND : VL_LEAF_SPLIT, &row, 0);
    }
    m->done += result == VL_LEAF_DONE;
    if (result != VL_LEAF_EXISTS)
        model_add(m, &row);
}

void
model_update(model *m, uint32_t index)
{
    model_row row = m->rows[index];
    uint32_t page = model_page_of(m, row.rowid);
    vl_leaf_change changes[MODEL_MAX_COLUMNS];
    uint32_t count = 0;
    uint32_t slot = 0;
    void *copy = page_copy(m, page);

    for (uint32_t i = 0; i < m->schema.count; i++)
        if (vl_rng_chance(&m->rng, 1, 3))
            row.values[i] = model_value(m, m->kinds[i], row.rowid);
    row_overflow(m, &row);
    for (uint32_t i = 0; i < m->schema.count; i++) {
        if (memcmp(row.values + i, m->rows[index].values + i, sizeof row.values[i]) != 0) {
            changes[count].id = m->ids[i];
            changes[count++].value = row.values[i];
        }
    }
    if (vl_leaf_find(m->pages[page], row.rowid, &slot) < VL_LEAF_LIVE)
        unit_failed(__FILE__, __LINE__, "a row is not found");
    if (vl_leaf_update(m->pages[page], m->page_size, slot, changes, count) == VL_LEAF_DONE) {
        m->done++;
        free(copy);
    } else {
        page_compare(m, page, copy);
        model_build(m, page, VL_LEAF_SPLIT, &row, 0);
    }
    m->rows[index] = row;
}

static uint32_t
model_slot(model *m, uint32_t index, uint32_t *page)
{
    uint32_t slot = 0;

    *page = model_page_of(m, m->rows[index].rowid);
    if (vl_leaf_find(m->pages[*page], m->rows[index].rowid, &slot) < VL_LEAF_LIVE)
        unit_failed(__FILE__, __LINE__, "a row is not found");
    return slot;
}

void
model_delete(model *m, uint32_t index)
{
    uint32_t page;
    uint32_t slot = model_slot(m, index, &page);

    if (!m->rows[index].is_deleted)
        vl_leaf_mark_deleted(m->pages[page], slot);
    m->rows[index].is_deleted = 1;
}

void
model_undelete(model *m, uint32_t index)
{
    uint32_t page;
    uint32_t slot = model_slot(m, index, &page);

    if (m->rows[index].is_deleted)
        vl_leaf_unmark_deleted(m->pages[page], slot);
    m->rows[index].is_deleted = 0;
}

void
model_purge(model *m, uint32_t index)
{
    uint32_t page;
    uint32_t slot = model_slot(m, index, &page);

    vl_leaf_purge(m->pages[page], slot);
    m->row_count--;
    memmove(m->rows + index, m->rows + index + 1, (m->row_count - index) * sizeof *m->rows);
}

void
model_rebuild(model *m, uint32_t page, vl_leaf_layout layout, int with_purge)
{
    int64_t low = m->lows[page];
    uint32_t kept = 0;

    if (m->page_count + 40 > MODEL_MAX_PAGES)
        return;
    for (uint32_t i = 0; i < m->row_count && with_purge; i++) {
        model_row *row = m->rows + i;
        int is_inside =
            row->rowid >= low && (page + 1 == m->page_count || row->rowid < m->lows[page + 1]);

        if (!is_inside || !row->is_deleted || !is_purgeable(NULL, row->rowid))
            m->rows[kept++] = *row;
    }
    if (with_purge)
        m->row_count = kept;
    model_build(m, page, layout, NULL, with_purge);
}

/* ---- comparison ---- */

static void
view_contents(const vl_leaf *leaf, uint32_t type, uint64_t contents, vl_leaf_value *value)
{
    const uint8_t *from = (const uint8_t *)(const void *)leaf + (contents & 0xffff);
    uint32_t length = (uint32_t)(contents >> 16) & 0xffff;
    uint32_t words[2];

    value->value.type = (vl_type)type;
    if (type == VL_TYPE_INTEGER || type == VL_TYPE_REAL) {
        memcpy(&value->value.as, &contents, 8);
    } else if (type == VL_TYPE_TEXT || type == VL_TYPE_BLOB) {
        value->value.size = length;
        value->value.as.data = from;
        if (length == VL_LEAF_OVERFLOW) {
            memcpy(words, from, sizeof words);
            value->value.size = words[0];
            value->overflow = words[1];
        }
    }
}

static void
view_packed(const vl_leaf *leaf, const vl_leaf_view *view, uint32_t slot, vl_leaf_value *value)
{
    const uint8_t *lengths = view->data;
    uint16_t offset;
    uint32_t at;

    memcpy(&offset, view->bits + slot / 16 * 2, 2);
    at = offset;
    for (uint32_t i = slot / 16 * 16; i < slot; i++)
        at += lengths[i];
    value->value.type = view->form == VL_LEAF_PACKED_TEXT ? VL_TYPE_TEXT : VL_TYPE_BLOB;
    value->value.size = lengths[slot];
    value->value.as.data = (const uint8_t *)(const void *)leaf + at;
}

void
model_view_get(const vl_leaf *leaf, const vl_leaf_view *view, uint32_t slot, vl_leaf_value *value)
{
    const uint8_t *data = view->data;
    uint64_t cell = 0;
    int bit = view->bits != NULL && (view->bits[slot / 8] >> (slot % 8) & 1) != 0;
    double power = pow(10, view->exponent);

    *value = value_null();
    for (uint32_t i = 0; i < view->exception_count; i++) {
        if (view->exceptions[i].slot == slot) {
            view_contents(leaf, view->exceptions[i].type, view->exceptions[i].contents, value);
            return;
        }
    }
    if (view->form == VL_LEAF_NULL ||
        (view->nulls != NULL && (view->nulls[slot / 8] >> (slot % 8) & 1) != 0))
        return;
    memcpy(&cell, data + (size_t)slot * view->width, view->width);
    switch (view->form) {
    case VL_LEAF_NULL:
        break;
    case VL_LEAF_INTEGER:
        *value = value_integer((int64_t)((uint64_t)view->base + cell));
        break;
    case VL_LEAF_SCALED_REAL:
    case VL_LEAF_SCALED_NUMBER:
        *value = value_real((double)(view->base + (int64_t)cell) / power);
        if (bit && view->form == VL_LEAF_SCALED_NUMBER)
            *value = value_integer((int64_t)value->value.as.real);
        break;
    case VL_LEAF_REAL:
    case VL_LEAF_NUMBER:
        view_contents(leaf, VL_TYPE_REAL, cell, value);
        if (bit && view->form == VL_LEAF_NUMBER)
            *value = value_integer((int64_t)value->value.as.real);
        break;
    case VL_LEAF_TEXT:
    case VL_LEAF_BLOB:
        view_contents(leaf, view->form == VL_LEAF_TEXT ? VL_TYPE_TEXT : VL_TYPE_BLOB, cell, value);
        break;
    case VL_LEAF_PACKED_TEXT:
    case VL_LEAF_PACKED_BLOB:
        view_packed(leaf, view, slot, value);
        break;
    case VL_LEAF_ANY:
        view_contents(leaf, view->bits[slot], cell, value);
        break;
    }
}

/* Compare a row with its slot, by value and by view. */
static void
model_check_row(model *m, const vl_leaf *leaf, const vl_leaf_view *views, const model_row *row)
{
    vl_leaf_value value;
    uint32_t slot = 0;

    CHECK_EQ(vl_leaf_find(leaf, row->rowid, &slot),
             row->is_deleted ? VL_LEAF_TOMBSTONE : VL_LEAF_LIVE);
    CHECK_EQ(vl_leaf_rowid(leaf, slot), row->rowid);
    for (uint32_t i = 0; i < m->schema.count; i++) {
        vl_leaf_get(leaf, slot, i, &value);
        CHECK(model_same(row->values + i, &value));
        model_view_get(leaf, views + i, slot, &value);
        CHECK(model_same(row->values + i, &value));
    }
}

void
model_check_page(model *m, uint32_t page)
{
    const vl_leaf *leaf = m->pages[page];
    uint32_t index = model_find(m, m->lows[page]);
    uint32_t next = 0;
    int64_t last = INT64_MIN;
    vl_leaf_view views[MODEL_MAX_COLUMNS] = {{0}};

    CHECK_OK(vl_leaf_validate(unit_ctx(), leaf, m->page_size));
    if (leaf->count > 0)
        CHECK(vl_leaf_has_schema(leaf, &m->schema));
    for (uint32_t i = 0; i < leaf->column_count; i++)
        vl_leaf_column_view(leaf, i, views + i);
    for (uint32_t rank = 0; rank < leaf->count; rank++) {
        uint32_t slot = vl_leaf_slot_at(leaf, rank);
        int64_t rowid = vl_leaf_rowid(leaf, slot);

        CHECK(rank == 0 || rowid > last);
        last = rowid;
        CHECK_EQ(vl_leaf_seek(leaf, rowid), rank);
        if (vl_leaf_slot_state(leaf, slot) == VL_LEAF_GAP)
            continue;
        CHECK(index + next < m->row_count);
        CHECK_EQ(m->rows[index + next].rowid, rowid);
        model_check_row(m, leaf, views, m->rows + index + next);
        if (unit_has_failed())
            return;
        next++;
    }
    CHECK(index + next == m->row_count ||
          (page + 1 < m->page_count && m->rows[index + next].rowid >= m->lows[page + 1]));
}

void
model_check(model *m)
{
    uint32_t total = 0;

    for (uint32_t page = 0; page < m->page_count && !unit_has_failed(); page++) {
        model_check_page(m, page);
        total += m->pages[page]->count - m->pages[page]->gap_count;
    }
    if (!unit_has_failed())
        CHECK_EQ(total, m->row_count);
}
