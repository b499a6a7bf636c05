/* test_leaf_format.c - table leaves: forms that are chosen, exact values, sizes, damaged pages. */
#include "leaf_model.h"
#include "leaf_rows.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

static const uint32_t one_id[] = {5};
static const vl_leaf_value one_default[] = {{{.type = VL_TYPE_NULL}, 0}};
static const vl_leaf_schema one_column = {one_id, one_default, 1, 0};

/* ---- forms ---- */

typedef struct form_case {
    const char *what;    /* for the message */
    vl_leaf_form form;   /* what must be chosen */
    uint32_t width;      /* of a cell */
    uint32_t exponent;   /* decimals */
    int has_nulls;       /* a null bitmap */
    uint32_t exceptions; /* how many */
} form_case;

/* The value of row i of case n, 64 rows in each. */
static vl_leaf_value
form_value(uint32_t n, uint32_t i)
{
    static const char *words[] = {"a", "bc", "", "def"};

    switch (n) {
    case 0:
        return rows_null();
    case 1:
        return rows_integer(1000000 + (int64_t)i * 4);
    case 2:
        return rows_integer(-300 + (int64_t)i * 5);
    case 3:
        return rows_integer((int64_t)i * 60000000);
    case 4:
        return rows_integer(i == 0 ? INT64_MIN : INT64_MAX);
    case 5:
        return i % 2 == 0 ? rows_null() : rows_integer(i);
    case 6:
        return rows_real((double)i / 100.0);
    case 7:
        return rows_real((double)i * 17.25);
    case 8:
        return i % 2 == 0 ? rows_integer(i) : rows_real((double)i / 100.0);
    case 9:
        return rows_real(1.0 / (i + 3.0));
    case 10:
        return i % 2 == 0 ? rows_integer(i) : rows_real(1.0 / (i + 2.0));
    case 11:
        return rows_text(words[i % 4]);
    case 12:
        return rows_bytes(VL_TYPE_BLOB, words[i % 4], 1);
    case 13:
        return i == 7 ? rows_text("odd") : rows_integer(i);
    case 14:
        return i % 12 == 7 ? rows_text("odd") : rows_integer(i);
    case 15:
        return i == 3 ? rows_integer(9) : rows_null();
    case 16:
        return rows_real(i == 9 ? -0.0 : (double)i);
    case 17:
        return i < 3 ? rows_integer((INT64_C(1) << 53) + i) : rows_real(1.0 / (i + 2.0));
    case 18:
        return rows_bytes(VL_TYPE_TEXT, model_text, i == 0 ? 300 : 5);
    default:
        return rows_bytes(VL_TYPE_TEXT, model_text, i < 30 ? 260 : 5);
    }
}

static const form_case form_cases[] = {
    {"nulls", VL_LEAF_NULL, 0, 0, 0, 0},
    {"a byte over a base", VL_LEAF_INTEGER, 1, 0, 0, 0},
    {"two bytes", VL_LEAF_INTEGER, 2, 0, 0, 0},
    {"four bytes", VL_LEAF_INTEGER, 4, 0, 0, 0},
    {"all of int64", VL_LEAF_INTEGER, 8, 0, 0, 0},
    {"nulls among integers", VL_LEAF_INTEGER, 1, 0, 1, 0},
    {"cents", VL_LEAF_SCALED_REAL, 1, 2, 0, 0},
    {"quarters", VL_LEAF_SCALED_REAL, 4, 2, 0, 0},
    {"money", VL_LEAF_SCALED_NUMBER, 1 + 1, 2, 0, 0},
    {"doubles", VL_LEAF_REAL, 8, 0, 0, 0},
    {"doubles and integers", VL_LEAF_NUMBER, 8, 0, 0, 0},
    {"words", VL_LEAF_PACKED_TEXT, 1, 0, 0, 0},
    {"blobs", VL_LEAF_PACKED_BLOB, 1, 0, 0, 0},
    {"one odd value", VL_LEAF_INTEGER, 1, 0, 0, 1},
    {"one odd value in twelve", VL_LEAF_ANY, 8, 0, 0, 0},
    {"a single value", VL_LEAF_NULL, 0, 0, 0, 1},
    {"minus zero", VL_LEAF_REAL, 8, 0, 0, 0},
    {"integers that no double holds", VL_LEAF_REAL, 8, 0, 0, 3},
    {"one long text", VL_LEAF_PACKED_TEXT, 1, 0, 0, 1},
    {"long texts", VL_LEAF_TEXT, 4, 0, 0, 0},
};

static void
leaf_chooses_the_tightest_form(void)
{
    enum {
        COUNT = 64
    };
    const uint32_t page_size = 16384;
    vl_leaf *leaf = malloc(page_size);
    vl_leaf_value values[COUNT];
    vl_leaf_row rows[COUNT];

    for (uint32_t n = 0; n < VL_ARRAY_COUNT(form_cases) && !unit_has_failed(); n++) {
        const form_case *wanted = form_cases + n;
        vl_leaf_value value;
        vl_leaf_view view;

        for (uint32_t i = 0; i < COUNT; i++) {
            values[i] = form_value(n, i);
            rows[i] = (vl_leaf_row){(int64_t)i + 10, values + i, 0};
        }
        if (rows_build(page_size, VL_LEAF_BULK, &one_column, NULL, rows, COUNT, leaf) != COUNT ||
            vl_leaf_validate(unit_ctx(), leaf, page_size) != VELO_OK) {
            unit_failed(__FILE__, __LINE__, "%s: not built", wanted->what);
            break;
        }
        vl_leaf_column_view(leaf, 0, &view);
        if (view.form != wanted->form || view.width != wanted->width ||
            view.exponent != wanted->exponent || (view.nulls != NULL) != wanted->has_nulls ||
            view.exception_count != wanted->exceptions)
            unit_failed(__FILE__, __LINE__, "%s: form %d, width %u, exponent %u, %u exceptions",
                        wanted->what, (int)view.form, view.width, view.exponent,
                        view.exception_count);
        for (uint32_t i = 0; i < COUNT; i++) {
            vl_leaf_get(leaf, i, 0, &value);
            if (!model_same(values + i, &value))
                unit_failed(__FILE__, __LINE__, "%s: row %u", wanted->what, i);
        }
    }
    free(leaf);
}

static void
leaf_rowids_are_dense_or_narrow(void)
{
    const uint32_t page_size = 4096;
    vl_leaf *leaf = malloc(page_size);
    vl_leaf_value value = rows_integer(1);
    static const struct {
        int64_t from;   /* first rowid */
        uint64_t step;  /* between two */
        uint32_t width; /* of the stored rowids */
    } cases[] = {{1, 1, 0},
                 {INT64_MAX - 39, 1, 0},
                 {INT64_MIN, 1, 0},
                 {-20, 1, 0},
                 {5, 6, 1},
                 {5, 600, 2},
                 {-5, 100000, 4},
                 {INT64_MIN, UINT64_MAX / 40, 8},
                 {INT64_MAX - 39 * 6, 6, 1}};

    for (size_t n = 0; n < VL_ARRAY_COUNT(cases) && !unit_has_failed(); n++) {
        vl_leaf_row rows[40];

        for (uint32_t i = 0; i < 40; i++)
            rows[i] =
                (vl_leaf_row){(int64_t)((uint64_t)cases[n].from + cases[n].step * i), &value, 0};
        (void)rows_build(page_size, VL_LEAF_BULK, &one_column, NULL, rows, 40, leaf);
        if (vl_leaf_validate(unit_ctx(), leaf, page_size) != VELO_OK ||
            leaf->rowid_width != cases[n].width)
            unit_failed(__FILE__, __LINE__, "case %zu: width %u, %s", n, leaf->rowid_width,
                        unit_ctx()->error.text);
        for (uint32_t i = 0; i < 40 && !unit_has_failed(); i++) {
            uint32_t slot = UINT32_MAX;

            if (vl_leaf_find(leaf, rows[i].rowid, &slot) != VL_LEAF_LIVE || slot != i)
                unit_failed(__FILE__, __LINE__, "case %zu: row %u", n, i);
        }
        if (vl_leaf_find(leaf, 4, &(uint32_t){0}) != VL_LEAF_NO_SLOT && n != 0 && n != 3)
            unit_failed(__FILE__, __LINE__, "case %zu: a row that is not there", n);
    }
    free(leaf);
}

/* ---- exact values ---- */

static void
leaf_gives_back_every_nasty_value(void)
{
    static const double reals[] = {0.0,
                                   -0.0,
                                   DBL_TRUE_MIN,
                                   -DBL_TRUE_MIN,
                                   DBL_MIN,
                                   DBL_MAX,
                                   -DBL_MAX,
                                   (double)INFINITY,
                                   -(double)INFINITY,
                                   0.1,
                                   0.30000000000000004,
                                   1125899906842624.0,
                                   1125899906842625.0,
                                   9007199254740991.0,
                                   9007199254740993.0,
                                   1e9,
                                   1e-9,
                                   123456.789};
    static const int64_t integers[] = {0,
                                       -1,
                                       INT64_MAX,
                                       INT64_MIN,
                                       (INT64_C(1) << 53) - 1,
                                       INT64_C(1) << 53,
                                       -(INT64_C(1) << 53),
                                       INT64_C(1) << 50};
    const uint32_t page_size = 4096;
    vl_leaf *leaf = malloc(page_size);
    uint32_t count = VL_ARRAY_COUNT(reals) + VL_ARRAY_COUNT(integers);
    vl_leaf_value got;

    /* Every value beside every other, often and rarely: each may decide the form. */
    for (uint32_t a = 0; a < count * count && !unit_has_failed(); a++) {
        vl_leaf_value values[40];
        vl_leaf_row rows[40];

        for (uint32_t i = 0; i < 40; i++) {
            uint32_t pick = i == 20 || (i % 2 == 1 && a % 3 == 0) ? a / count : a % count;

            values[i] = pick < VL_ARRAY_COUNT(reals)
                            ? rows_real(reals[pick])
                            : rows_integer(integers[pick - VL_ARRAY_COUNT(reals)]);
            rows[i] = (vl_leaf_row){i, values + i, 0};
        }
        (void)rows_build(page_size, a % 2 == 0 ? VL_LEAF_BULK : VL_LEAF_SPLIT, &one_column, NULL,
                         rows, 40, leaf);
        if (vl_leaf_validate(unit_ctx(), leaf, page_size) != VELO_OK)
            unit_failed(__FILE__, __LINE__, "%s", unit_ctx()->error.text);
        for (uint32_t i = 0; i < 40; i++) {
            vl_leaf_get(leaf, i, 0, &got);
            if (!model_same(values + i, &got))
                unit_failed(__FILE__, __LINE__, "pair %u, row %u", a, i);
        }
    }
    free(leaf);
}

static void
leaf_random_decimals_are_exact(void)
{
    const uint32_t page_size = 16384;
    vl_leaf *leaf = malloc(page_size);
    static vl_leaf_value values[200];
    static vl_leaf_row rows[200];
    vl_rng rng;
    vl_leaf_value got;
    vl_leaf_view view = {0};

    vl_rng_init(&rng, unit_seed());
    for (uint32_t round = 0; round < 300 && !unit_has_failed(); round++) {
        double power = pow(10, round % 10);
        uint64_t range = UINT64_C(1) << vl_rng_below(&rng, 33);
        double base = (double)vl_rng_below(&rng, UINT64_C(1) << 50);

        for (uint32_t i = 0; i < 200; i++) {
            values[i] = rows_real((base - (double)vl_rng_below(&rng, range)) / power);
            rows[i] = (vl_leaf_row){i, values + i, 0};
        }
        (void)rows_build(page_size, VL_LEAF_BULK, &one_column, NULL, rows, 200, leaf);
        if (vl_leaf_validate(unit_ctx(), leaf, page_size) != VELO_OK)
            unit_failed(__FILE__, __LINE__, "%s", unit_ctx()->error.text);
        vl_leaf_column_view(leaf, 0, &view);
        if (view.form != VL_LEAF_SCALED_REAL && range < UINT32_MAX)
            unit_failed(__FILE__, __LINE__, "round %u: form %d", round, (int)view.form);
        for (uint32_t i = 0; i < 200; i++) {
            vl_leaf_get(leaf, i, 0, &got);
            if (!model_same(values + i, &got))
                unit_failed(__FILE__, __LINE__, "round %u, row %u", round, i);
        }
    }
    free(leaf);
}

/* ---- sizes ---- */

static uint32_t
sqlite_varint(uint64_t value)
{
    uint32_t size = 1;

    while (size < 9 && value >> (7 * size) != 0)
        size++;
    return size;
}

/* Serial type and body size of a value in SQLite's record format. */
static uint32_t
sqlite_body(const vl_value *value, uint64_t *type)
{
    static const uint32_t bits[] = {7, 15, 23, 31, 47, 63};
    static const uint32_t sizes[] = {1, 2, 3, 4, 6, 8};
    uint64_t magnitude = (uint64_t)(value->as.integer < 0 ? ~value->as.integer : value->as.integer);

    *type = 1;
    switch (value->type) {
    case VL_TYPE_NULL:
        return 0;
    case VL_TYPE_INTEGER:
        for (uint32_t i = 0; i < VL_ARRAY_COUNT(bits); i++)
            if (magnitude >> bits[i] == 0)
                return magnitude <= 1 && value->as.integer >= 0 ? 0 : sizes[i];
        return 8;
    case VL_TYPE_REAL:
        return 8;
    case VL_TYPE_TEXT:
    case VL_TYPE_BLOB:
        *type = 13 + 2 * (uint64_t)value->size;
        return value->size;
    }
    return 0;
}

/* Bytes of a row in a SQLite table: cell pointer, payload size, rowid, header, body. */
static uint32_t
sqlite_row_size(const vl_leaf_row *row, uint32_t columns)
{
    uint32_t header = 2; /* its own size, and the NULL that stands for the rowid */
    uint32_t body = 0;
    uint64_t type;

    for (uint32_t i = 0; i < columns; i++) {
        body += sqlite_body(&row->values[i].value, &type);
        header += sqlite_varint(type);
    }
    return 2 + sqlite_varint(header + body) + sqlite_varint((uint64_t)row->rowid) + header + body;
}

typedef struct size_shape {
    const char *name; /* printed */
    uint32_t columns; /* besides the rowid */
    double most;      /* of SQLite's size */
} size_shape;

static const size_shape size_shapes[] = {
    {"rowid, customer, quantity, price, word", 4, 0.60},
    {"the same, customer at random below 1e6", 4, 0.60},
    {"the same, any double for a price", 4, 0.75},
    {"rowid, integer, text of 120, text of 20", 3, 1.00},
    {"rowid, 10 texts of 14", 10, 1.00},
};

/* Column i of a row of a shape. */
static vl_leaf_value
size_value(uint32_t shape, uint32_t column, vl_rng *rng)
{
    static const char letters[] =
        "loremipsumdolorsitametconsecteturadipiscingelitseddoeiusmodtemporincididuntutlaboreetdolor"
        "e"
        "magnaaliquautenimadminimveniamquisnostrudexercitationullamcolaboris";

    if (shape == 3) {
        const uint32_t sizes[] = {0, 120, 20};

        return column == 0 ? rows_integer((int64_t)vl_rng_below(rng, 1000000))
                           : rows_bytes(VL_TYPE_TEXT, letters, sizes[column]);
    }
    if (shape == 4)
        return rows_bytes(VL_TYPE_TEXT, letters + vl_rng_below(rng, 90), 14);
    if (column == 0)
        return rows_integer((int64_t)vl_rng_below(rng, shape == 0 ? 50000 : 1000000));
    if (column == 1)
        return rows_integer(1 + (int64_t)vl_rng_below(rng, 99));
    if (column == 2)
        return shape == 2 ? rows_real((double)vl_rng_next(rng) / 1e15)
                          : rows_real((double)vl_rng_below(rng, 1000000) / 100);
    return rows_bytes(VL_TYPE_TEXT, letters + vl_rng_below(rng, 90),
                      4 + (uint32_t)vl_rng_below(rng, 9));
}

/* Build `count` rows of a shape into pages, in bulk; returns bytes per row, and SQLite's in
 * *sqlite, in pages of 4096 bytes. */
static double
size_of_shape(uint32_t page_size, uint32_t shape, double *sqlite)
{
    enum {
        COUNT = 4000
    };
    static const uint32_t ids[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    static vl_leaf_value values[COUNT][10];
    static vl_leaf_row rows[COUNT];
    vl_leaf_schema schema = {ids, values[0], (uint16_t)size_shapes[shape].columns, 0};
    vl_leaf *leaf = malloc(page_size);
    uint32_t done = 0;
    uint32_t full_rows = 0;
    uint32_t full_pages = 0;
    uint32_t sqlite_pages = 1;
    uint32_t sqlite_room = 4096 - 8;
    vl_rng rng;

    vl_rng_init(&rng, 1);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t size;

        for (uint32_t column = 0; column < schema.count; column++)
            values[i][column] = size_value(shape, column, &rng);
        rows[i] = (vl_leaf_row){500000 + (int64_t)i, values[i], 0};
        size = sqlite_row_size(rows + i, schema.count);
        if (sqlite_room < size) {
            sqlite_pages++;
            sqlite_room = 4096 - 8;
        }
        sqlite_room -= size;
    }
    *sqlite = (double)sqlite_pages * 4096 / (double)COUNT;
    while (done < COUNT) {
        uint32_t taken =
            rows_build(page_size, VL_LEAF_BULK, &schema, NULL, rows + done, COUNT - done, leaf);

        if (taken < COUNT - done) {
            full_rows += taken;
            full_pages++;
        }
        done += taken;
    }
    free(leaf);
    return (double)full_pages * page_size / full_rows;
}

static void
leaf_rows_are_smaller_than_sqlites(void)
{
    for (uint32_t shape = 0; shape < VL_ARRAY_COUNT(size_shapes); shape++) {
        for (uint32_t page_size = 4096; page_size <= 65536; page_size *= 4) {
            double sqlite;
            double ours = size_of_shape(page_size, shape, &sqlite);

            printf("%5u-byte pages, %s: %.1f bytes a row, SQLite %.1f, ratio %.2f\n", page_size,
                   size_shapes[shape].name, ours, sqlite, ours / sqlite);
            CHECK(page_size < 16384 || ours / sqlite <= size_shapes[shape].most);
        }
    }
}

/* ---- damage ---- */

static volatile uint64_t read_sum;

static void
read_value(const vl_leaf_value *value)
{
    const uint8_t *data = value->value.as.data;

    read_sum += (uint64_t)value->value.type + value->overflow;
    if ((value->value.type == VL_TYPE_TEXT || value->value.type == VL_TYPE_BLOB) &&
        value->overflow == 0)
        for (uint32_t i = 0; i < value->value.size; i++)
            read_sum += data[i];
}

/* Use all readers on a page that was accepted. */
static void
read_all(const vl_leaf *leaf)
{
    vl_leaf_value value;
    vl_leaf_view view = {0};
    uint32_t slot;

    for (uint32_t i = 0; i < leaf->column_count; i++) {
        vl_leaf_column_view(leaf, i, &view);
        for (uint32_t rank = 0; rank < leaf->count; rank++) {
            slot = vl_leaf_slot_at(leaf, rank);
            vl_leaf_get(leaf, slot, i, &value);
            read_value(&value);
            model_view_get(leaf, &view, slot, &value);
            read_value(&value);
            read_sum += vl_leaf_find(leaf, vl_leaf_rowid(leaf, slot), &slot);
        }
    }
    read_sum += (uint64_t)vl_leaf_column_index(leaf, 77) + vl_leaf_seek(leaf, INT64_MAX) +
                vl_leaf_seek(leaf, INT64_MIN);
}

/* Change a page that was accepted, in every way. */
static void
write_all(model *m, vl_leaf *leaf)
{
    model_row row;
    vl_leaf_row given = {0, row.values, 0};

    for (uint32_t i = 0; i < 8 && leaf->count > 0; i++) {
        uint32_t slot = (uint32_t)vl_rng_below(&m->rng, leaf->count);
        vl_leaf_state state = vl_leaf_slot_state(leaf, slot);
        vl_leaf_change change;

        given.rowid = vl_leaf_rowid(leaf, slot);
        model_make_row(m, given.rowid, &row);
        change.id = m->ids[0];
        change.value = row.values[0];
        if (state == VL_LEAF_LIVE)
            vl_leaf_mark_deleted(leaf, slot);
        if (state != VL_LEAF_GAP)
            read_sum += vl_leaf_update(leaf, m->page_size, slot, &change, 1);
        if (state != VL_LEAF_GAP && i % 2 == 0)
            vl_leaf_purge(leaf, slot);
        read_sum += vl_leaf_insert(leaf, m->page_size, &m->schema, &given);
    }
}

/* Damage a page at one place; returns whether it was accepted all the same. */
static int
try_damage(model *m, const vl_leaf *page, uint32_t at, uint8_t flip)
{
    uint8_t *bytes = malloc(m->page_size);
    vl_leaf *leaf = (vl_leaf *)(void *)bytes;
    int is_accepted;

    memcpy(bytes, page, m->page_size);
    bytes[at] ^= flip;
    is_accepted = vl_leaf_validate(NULL, leaf, m->page_size) == VELO_OK;
    if (is_accepted) {
        read_all(leaf);
        write_all(m, leaf);
    }
    free(bytes);
    return is_accepted;
}

static void
make_damage_model(model *m, uint32_t page_size, uint32_t seed)
{
    static const model_kind kinds[][4] = {
        {MODEL_WORD, MODEL_ODD, MODEL_NUMBER, MODEL_SPARSE},
        {MODEL_LONG_TEXT, MODEL_NULLABLE, MODEL_WIDE, MODEL_PRICE},
        {MODEL_ANY, MODEL_BLOB, MODEL_INTEGER, MODEL_NASTY},
    };

    model_init(m, page_size, kinds[seed % 3], 4, seed);
    for (uint32_t i = 0; i < 60; i++)
        model_insert(m, seed % 2 == 0 ? (int64_t)i : (int64_t)vl_rng_below(&m->rng, 100000));
    for (uint32_t i = 0; i < 8; i++) {
        model_delete(m, (uint32_t)vl_rng_below(&m->rng, m->row_count));
        model_purge(m, (uint32_t)vl_rng_below(&m->rng, m->row_count));
    }
    if (seed % 4 >= 2)
        model_rebuild(m, 0, VL_LEAF_BULK, 0);
}

static void
leaf_damage_is_found_or_harmless(void)
{
    static model m;
    static const uint8_t flips[] = {0x01, 0x80, 0xff, 0x10};

    for (uint32_t seed = 0; seed < 12 && !unit_has_failed(); seed++) {
        uint32_t page_size = seed % 2 == 0 ? 512 : 4096;
        uint32_t header = (uint32_t)(sizeof(vl_leaf) + 4 * sizeof(vl_leaf_column));

        make_damage_model(&m, page_size, seed);
        for (uint32_t at = 0; at < page_size; at++)
            for (size_t i = 0; i < (at < header ? VL_ARRAY_COUNT(flips) : 2); i++)
                (void)try_damage(&m, m.pages[0], at, flips[i]);
        CHECK(!try_damage(&m, m.pages[0], 0, 0x10));
        CHECK(!try_damage(&m, m.pages[0], offsetof(vl_leaf, heap_used), 0x01));
        CHECK(!try_damage(&m, m.pages[0], offsetof(vl_leaf, fixed_end), 0x08));
        CHECK(!try_damage(&m, m.pages[0], offsetof(vl_leaf, count), 0x02));
        CHECK(try_damage(&m, m.pages[0], offsetof(vl_leaf, pid), 0x02));
        model_deinit(&m);
    }
}

static void
leaf_random_bytes_are_harmless(void)
{
    static model m;
    uint32_t accepted = 0;

    for (uint32_t seed = 0; seed < 12; seed++) {
        uint32_t page_size = 512;
        vl_leaf *leaf = malloc(page_size);
        uint8_t *bytes = (uint8_t *)(void *)leaf;

        make_damage_model(&m, page_size, seed);
        for (uint32_t round = 0; round < 3000; round++) {
            uint32_t changes = 1 + (uint32_t)vl_rng_below(&m.rng, 4);

            memcpy(leaf, m.pages[0], page_size);
            for (uint32_t i = 0; i < changes; i++)
                bytes[vl_rng_below(&m.rng, page_size)] = (uint8_t)vl_rng_next(&m.rng);
            if (round % 50 == 0)
                vl_rng_fill(&m.rng, bytes + (round % 100 == 0 ? 0 : 64), page_size - 64);
            if (vl_leaf_validate(NULL, leaf, page_size) == VELO_OK) {
                accepted++;
                read_all(leaf);
                write_all(&m, leaf);
            }
        }
        free(leaf);
        model_deinit(&m);
    }
    CHECK(accepted > 1000);
}

static void
leaf_validate_says_what_is_wrong(void)
{
    vl_leaf *leaf = malloc(4096);

    vl_leaf_init(leaf, 4096, 12, 3);
    CHECK_OK(vl_leaf_validate(unit_ctx(), leaf, 4096));
    leaf->column_count = 400;
    CHECK_STATUS(vl_leaf_validate(unit_ctx(), leaf, 4096), VELO_CORRUPT);
    CHECK_TEXT(unit_ctx()->error.text, "table leaf 12: too many columns (400)");
    free(leaf);
}

/* Change 2 bytes of a page's copy, and say what validation finds. */
static const char *
find_damage(const vl_leaf *page, vl_leaf *copy, uint32_t at, uint16_t value)
{
    memcpy(copy, page, 4096);
    memcpy((uint8_t *)(void *)copy + at, &value, sizeof value);
    if (vl_leaf_validate(unit_ctx(), copy, 4096) == VELO_OK)
        return "nothing";
    return unit_ctx()->error.text;
}

static void
leaf_validate_finds_disorder(void)
{
    enum {
        COUNT = 64
    };
    vl_leaf *page = malloc(4096);
    vl_leaf *copy = malloc(4096);
    const vl_leaf_column *column = (const vl_leaf_column *)(const void *)(page + 1);
    vl_leaf_value values[COUNT];
    vl_leaf_row rows[COUNT];
    uint32_t exceptions;

    for (uint32_t i = 0; i < COUNT; i++) {
        values[i] = i % 30 == 3 ? rows_text("odd") : rows_integer(i);
        rows[i] = (vl_leaf_row){(int64_t)i * 7, values + i, 0};
    }
    CHECK_EQ(rows_build(4096, VL_LEAF_SPLIT, &one_column, NULL, rows, COUNT, page), COUNT);
    CHECK_EQ(column->exception_count, 3);
    exceptions = column->exceptions_at * 8U;
    CHECK_TEXT(find_damage(page, copy, exceptions, 3), "nothing");
    CHECK_CONTAINS(find_damage(page, copy, exceptions + 16, 3), "exceptions are out of order");
    CHECK_CONTAINS(find_damage(page, copy, exceptions, COUNT), "exceptions are out of order");
    CHECK_CONTAINS(find_damage(page, copy, exceptions + 2, 9), "an exception is no value");
    CHECK_CONTAINS(find_damage(page, copy, exceptions + 8, 60), "an exception is no value");
    CHECK_CONTAINS(find_damage(page, copy, page->rowids_at * 8U + 10, 0), "rowids do not rise");
    CHECK_CONTAINS(find_damage(page, copy, page->deleted_at * 8U, 1), "number of tombstones");
    CHECK_CONTAINS(find_damage(page, copy, page->present_at * 8U, 1), "number of gaps");
    CHECK_CONTAINS(find_damage(page, copy, offsetof(vl_leaf, heap_dead), 1), "do not add up");
    CHECK_CONTAINS(find_damage(page, copy, offsetof(vl_leaf, order_at), 0), "misplaced");
    page->gap_count = (uint16_t)(page->capacity + 1U - page->count);
    page->count = page->capacity + 1U;
    CHECK_CONTAINS(find_damage(page, copy, 0, VL_PAGE_TABLE_LEAF), "more slots in use");
    free(copy);
    free(page);
}

static const unit_test tests[] = {
    UNIT_TEST(leaf_chooses_the_tightest_form),     UNIT_TEST(leaf_rowids_are_dense_or_narrow),
    UNIT_TEST(leaf_gives_back_every_nasty_value),  UNIT_TEST(leaf_random_decimals_are_exact),
    UNIT_TEST(leaf_rows_are_smaller_than_sqlites), UNIT_TEST(leaf_damage_is_found_or_harmless),
    UNIT_TEST(leaf_random_bytes_are_harmless),     UNIT_TEST(leaf_validate_says_what_is_wrong),
    UNIT_TEST(leaf_validate_finds_disorder),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
