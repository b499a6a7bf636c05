/* test_leaf_build.c - table leaves: bulk building, changed schemas, limits, rows as records. */
#include "leaf_model.h"
#include "leaf_rows.h"
#include "storage/leaf_row.h"

#include <math.h>

#define WIDE 2000

static const uint32_t record_id[] = {VL_LEAF_RECORD_ID};
static const vl_leaf_value null_values[WIDE];

/* ---- building ---- */

static void
leaf_bulk_build_loses_nothing(void)
{
    enum {
        COUNT = 3000
    };
    static const model_kind kinds[] = {MODEL_SEQUENCE,  MODEL_ODD,      MODEL_NUMBER,
                                       MODEL_LONG_TEXT, MODEL_NULLABLE, MODEL_NASTY};
    static const uint32_t page_sizes[] = {512, 4096, 16384, 65536};
    static model m;
    static model_row given[COUNT];
    static vl_leaf_row rows[COUNT];

    for (uint32_t round = 0; round < 8 && !unit_has_failed(); round++) {
        vl_leaf_builder *builder;
        vl_leaf_build build = {0};
        void *scratch;
        vl_leaf *leaf;
        uint32_t done = 0;

        model_init(&m, page_sizes[round % 4], kinds, VL_ARRAY_COUNT(kinds), unit_seed() + round);
        leaf = malloc(m.page_size);
        for (uint32_t i = 0; i < COUNT; i++) {
            model_make_row(&m, (int64_t)i * (round < 4 ? 1 : 100), given + i);
            rows[i] = (vl_leaf_row){given[i].rowid, given[i].values, i % 10 == 3};
        }
        build.page_size = m.page_size;
        build.layout = VL_LEAF_BULK;
        build.schema = &m.schema;
        build.rows = rows;
        build.row_count = COUNT;
        scratch = malloc(vl_leaf_scratch_size(m.page_size, m.schema.count, COUNT));
        builder = vl_leaf_build_begin(scratch, &build);
        while (vl_leaf_build_remaining(builder) > 0 && !unit_has_failed()) {
            uint32_t taken = vl_leaf_build_next(builder, leaf, 1, 1);

            if (taken == 0 || vl_leaf_validate(unit_ctx(), leaf, m.page_size) != VELO_OK)
                unit_failed(__FILE__, __LINE__, "%u rows: %s", taken, unit_ctx()->error.text);
            for (uint32_t i = done; i < done + taken; i++) {
                uint32_t slot = 0;
                vl_leaf_value value;

                if (vl_leaf_find(leaf, rows[i].rowid, &slot) !=
                    (rows[i].is_deleted ? VL_LEAF_TOMBSTONE : VL_LEAF_LIVE))
                    unit_failed(__FILE__, __LINE__, "row %u is not there", i);
                for (uint32_t column = 0; column < m.schema.count; column++) {
                    vl_leaf_get(leaf, slot, column, &value);
                    if (!model_same(given[i].values + column, &value))
                        unit_failed(__FILE__, __LINE__, "row %u, column %u", i, column);
                }
            }
            done += taken;
        }
        CHECK_EQ(done, COUNT);
        CHECK_EQ(vl_leaf_build_next(builder, leaf, 1, 1), 0);
        free(scratch);
        free(leaf);
        model_deinit(&m);
    }
}

static void
leaf_appends_fill_pages_tightly(void)
{
    static const model_kind kinds[] = {MODEL_SEQUENCE, MODEL_SMALL, MODEL_PRICE, MODEL_WORD};
    static model m;
    uint32_t rows_in_first;

    model_init(&m, 4096, kinds, VL_ARRAY_COUNT(kinds), 5);
    for (int64_t rowid = 1; rowid < 2000; rowid++)
        model_insert(&m, rowid);
    model_check(&m);
    rows_in_first = m.pages[0]->count;
    CHECK(rows_in_first > 180);          /* the bulk build packs about as many */
    CHECK(m.page_count < 14);            /* no page is left half empty */
    CHECK(m.builds < 20 * m.page_count); /* and most rows go in without building anew */
    model_deinit(&m);
}

static void
leaf_rowids_do_not_wrap_around(void)
{
    static const uint32_t ids[] = {1};
    vl_leaf_schema schema = {ids, null_values, 1, 0};
    vl_leaf_value value = rows_integer(4);
    vl_leaf_row rows[] = {{INT64_MAX - 2, &value, 0}, {INT64_MAX - 1, &value, 0}};
    vl_leaf_row last = {INT64_MAX, &value, 0};
    vl_leaf_row first = {INT64_MIN, &value, 0};
    vl_leaf *leaf = malloc(4096);
    vl_leaf *next = malloc(4096);
    uint32_t slot = 0;

    CHECK_EQ(rows_build(4096, VL_LEAF_SPLIT, &schema, NULL, rows, 2, leaf), 2);
    CHECK(leaf->capacity > 100);
    CHECK_EQ(vl_leaf_insert(leaf, 4096, &schema, &first), VL_LEAF_NO_ROOM);
    CHECK_EQ(vl_leaf_find(leaf, INT64_MIN, &slot), VL_LEAF_NO_SLOT);
    CHECK_EQ(vl_leaf_insert(leaf, 4096, &schema, &last), VL_LEAF_DONE);
    CHECK_OK(vl_leaf_validate(unit_ctx(), leaf, 4096));
    CHECK_EQ(rows_build(4096, VL_LEAF_SPLIT, &schema, leaf, &first, 1, next), 4);
    CHECK_OK(vl_leaf_validate(unit_ctx(), next, 4096));
    CHECK_EQ(vl_leaf_find(next, INT64_MIN, &slot), VL_LEAF_LIVE);
    CHECK_EQ(vl_leaf_find(next, INT64_MAX, &slot), VL_LEAF_LIVE);
    CHECK_EQ(vl_leaf_insert(next, 4096, &schema, &last), VL_LEAF_EXISTS);

    rows[0].rowid = INT64_MIN + 1;
    rows[1].rowid = INT64_MIN + 2;
    CHECK_EQ(rows_build(4096, VL_LEAF_SPLIT, &schema, NULL, rows, 2, leaf), 2);
    CHECK_EQ(rows_build(4096, VL_LEAF_SPLIT, &schema, leaf, &first, 1, next), 3);
    CHECK_OK(vl_leaf_validate(unit_ctx(), next, 4096));
    CHECK_EQ(next->first, INT64_MIN);
    free(next);
    free(leaf);
}

static void
leaf_inserts_below_the_first_row_find_room(void)
{
    static const model_kind kinds[] = {MODEL_SMALL, MODEL_WORD};
    static model m;

    model_init(&m, 4096, kinds, VL_ARRAY_COUNT(kinds), 6);
    for (int64_t rowid = 1000; rowid > 0; rowid--)
        model_insert(&m, rowid);
    model_check(&m);
    CHECK(m.done > 800);
    model_deinit(&m);
}

/* ---- schemas ---- */

static void
leaf_columns_come_and_go(void)
{
    const uint32_t page_size = 4096;
    static const uint32_t old_ids[] = {2, 4, 9};
    static const uint32_t new_ids[] = {1, 4, 9, 12};
    vl_leaf_value defaults[] = {rows_integer(77), rows_null(), rows_null(), rows_text("new")};
    vl_leaf_schema old_schema = {old_ids, null_values, 3, 0};
    vl_leaf_schema new_schema = {new_ids, defaults, 4, 0};
    vl_leaf_value values[] = {rows_integer(1), rows_text("kept"), rows_real(0.25)};
    vl_leaf_value wide[] = {rows_integer(5), rows_text("x"), rows_null(), rows_text("y")};
    vl_leaf_row rows[] = {{1, values, 0}, {2, values, 1}, {4, values, 0}};
    vl_leaf_row added = {3, wide, 0};
    vl_leaf_change change = {12, rows_text("changed")};
    vl_leaf *old_leaf = malloc(page_size);
    vl_leaf *leaf = malloc(page_size);
    vl_leaf_value value;

    CHECK_EQ(rows_build(page_size, VL_LEAF_SPLIT, &old_schema, NULL, rows, 3, old_leaf), 3);
    CHECK_EQ(vl_leaf_column_index(old_leaf, 12), -1);
    CHECK_EQ(vl_leaf_column_index(old_leaf, 9), 2);
    CHECK_EQ(vl_leaf_insert(old_leaf, page_size, &new_schema, &added), VL_LEAF_NO_ROOM);
    CHECK_EQ(vl_leaf_update(old_leaf, page_size, 0, &change, 1), VL_LEAF_NO_ROOM);

    CHECK_EQ(rows_build(page_size, VL_LEAF_SPLIT, &new_schema, old_leaf, &added, 1, leaf), 4);
    CHECK_OK(vl_leaf_validate(unit_ctx(), leaf, page_size));
    CHECK(vl_leaf_has_schema(leaf, &new_schema));
    CHECK_EQ(vl_leaf_slot_state(leaf, 1), VL_LEAF_TOMBSTONE);
    vl_leaf_get(leaf, 0, 0, &value);
    CHECK(model_same(&value, defaults));
    vl_leaf_get(leaf, 3, 1, &value);
    CHECK(model_same(&value, values + 1));
    vl_leaf_get(leaf, 3, 3, &value);
    CHECK(model_same(&value, defaults + 3));
    vl_leaf_get(leaf, 2, 3, &value);
    CHECK(model_same(&value, wide + 3));
    free(leaf);
    free(old_leaf);
}

static void
leaf_build_stops_before_a_row_that_defaults_made_too_long(void)
{
    const uint32_t page_size = 512;
    static const uint32_t ids[] = {1, 2, 3, 4};
    vl_leaf_value values[] = {rows_bytes(VL_TYPE_TEXT, model_text, 120),
                              rows_bytes(VL_TYPE_TEXT, model_text, 110)};
    vl_leaf_value defaults[] = {rows_null(), rows_null(), rows_bytes(VL_TYPE_TEXT, model_text, 128),
                                rows_bytes(VL_TYPE_TEXT, model_text, 128)};
    vl_leaf_schema before = {ids, defaults, 2, 0};
    vl_leaf_schema after = {ids, defaults, 4, 0};
    vl_leaf_row row = {8, values, 0};
    vl_leaf *old_leaf = malloc(page_size);
    vl_leaf *leaf = malloc(page_size);
    vl_leaf_build build = {page_size, VL_LEAF_SPLIT, &after, old_leaf, NULL, 0, NULL, NULL, NULL};
    void *scratch = malloc(vl_leaf_scratch_size(page_size, 4, 0));
    vl_leaf_builder *builder;

    CHECK_EQ(rows_build(page_size, VL_LEAF_SPLIT, &before, NULL, &row, 1, old_leaf), 1);
    builder = vl_leaf_build_begin(scratch, &build);
    CHECK_EQ(vl_leaf_build_next(builder, leaf, 1, 1), 0);
    CHECK_EQ(vl_leaf_build_remaining(builder), 1);
    CHECK_EQ(vl_leaf_build_next_rowid(builder), 8);
    free(scratch);
    free(leaf);
    free(old_leaf);
}

/* ---- limits ---- */

static void
leaf_any_row_fits_an_empty_page(void)
{
    static const uint32_t page_sizes[] = {512, 4096, 16384, 65536};
    static uint32_t ids[1100];
    static vl_leaf_value values[1100];
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (uint32_t round = 0; round < 200 && !unit_has_failed(); round++) {
        uint32_t page_size = page_sizes[round % 4];
        uint32_t most = vl_leaf_max_columns(page_size);
        uint32_t count = round < 8 ? most : 1 + (uint32_t)vl_rng_below(&rng, most);
        vl_leaf_schema schema = {ids, null_values, (uint16_t)count, 0};
        vl_leaf_row row = {INT64_MAX, values, 0};
        vl_leaf *leaf = malloc(page_size);

        for (uint32_t i = 0; i < count; i++) {
            ids[i] = i;
            values[i] =
                rows_bytes(VL_TYPE_BLOB, model_text, (uint32_t)vl_rng_below(&rng, 1 + round * 50));
            if (i % 5 == round % 7)
                values[i] = rows_integer((int64_t)vl_rng_next(&rng));
        }
        (void)vl_leaf_choose_overflow(page_size, values, count);
        for (uint32_t i = 0; i < count; i++)
            if (values[i].value.type == VL_TYPE_BLOB && values[i].overflow == 0 &&
                values[i].value.size > vl_leaf_max_inline(page_size))
                unit_failed(__FILE__, __LINE__, "a long value stays in the page");
        if (rows_build(page_size, round % 2 ? VL_LEAF_SPLIT : VL_LEAF_BULK, &schema, NULL, &row, 1,
                       leaf) != 1 ||
            vl_leaf_validate(unit_ctx(), leaf, page_size) != VELO_OK)
            unit_failed(__FILE__, __LINE__, "%u columns of %u", count, page_size);
        free(leaf);
    }
}

static void
leaf_overflow_takes_the_longest_first(void)
{
    vl_leaf_value values[] = {rows_bytes(VL_TYPE_TEXT, model_text, 100),
                              rows_bytes(VL_TYPE_TEXT, model_text, 120),
                              rows_bytes(VL_TYPE_TEXT, model_text, 110),
                              rows_bytes(VL_TYPE_TEXT, model_text, 90), rows_integer(3)};

    CHECK_EQ(vl_leaf_choose_overflow(512, values, 5), 3);
    CHECK_EQ(values[0].overflow, VL_LEAF_TO_OVERFLOW);
    CHECK_EQ(values[1].overflow, VL_LEAF_TO_OVERFLOW);
    CHECK_EQ(values[2].overflow, VL_LEAF_TO_OVERFLOW);
    CHECK_EQ(values[3].overflow, 0);
    values[0] = rows_bytes(VL_TYPE_TEXT, NULL, UINT32_C(1) << 30);
    CHECK_EQ(vl_leaf_choose_overflow(65536, values, 1), 1);
}

static void
leaf_one_page_holds_65536_bytes(void)
{
    const uint32_t page_size = 65536;
    static const uint32_t ids[] = {1};
    static uint8_t long_text[16384];
    vl_leaf_schema schema = {ids, null_values, 1, 0};
    vl_leaf_value values[] = {rows_bytes(VL_TYPE_TEXT, long_text, 16384),
                              rows_bytes(VL_TYPE_TEXT, long_text, 0)};
    vl_leaf_row rows[] = {
        {1, values + 1, 0}, {2, values, 0}, {3, values, 0}, {4, values, 0}, {5, values + 1, 0}};
    vl_leaf *leaf = malloc(page_size);
    vl_leaf_value value;

    memset(long_text, 'x', sizeof long_text);
    CHECK_EQ(rows_build(page_size, VL_LEAF_BULK, &schema, NULL, rows, 5, leaf), 5);
    CHECK_OK(vl_leaf_validate(unit_ctx(), leaf, page_size));
    vl_leaf_get(leaf, 3, 0, &value);
    CHECK(model_same(&value, values));
    vl_leaf_get(leaf, 0, 0, &value);
    CHECK(model_same(&value, values + 1));
    free(leaf);
}

static void
leaf_removing_needs_no_space(void)
{
    static const model_kind kinds[] = {MODEL_WORD, MODEL_NUMBER};
    static model m;

    model_init(&m, 512, kinds, 2, 3);
    for (int64_t rowid = 0; rowid < 200; rowid++)
        model_insert(&m, rowid);
    for (uint32_t page = 0; page < m.page_count; page++)
        model_rebuild(&m, page, VL_LEAF_BULK, 0);
    while (m.row_count > 0 && !unit_has_failed()) {
        uint32_t index = (uint32_t)vl_rng_below(&m.rng, m.row_count);
        uint32_t page = model_page_of(&m, m.rows[index].rowid);

        model_delete(&m, index);
        model_check_page(&m, page);
        model_purge(&m, index);
        model_check_page(&m, page);
    }
    model_deinit(&m);
}

/* ---- rows as records ---- */

static void
fill_wide(vl_leaf_value *values, uint32_t *ids, uint32_t count, vl_rng *rng)
{
    static const int64_t integers[] = {0,    1,     -1,      127,       128,      -128,
                                       -129, 32767, 8388608, INT64_MIN, INT64_MAX};

    for (uint32_t i = 0; i < count; i++) {
        ids[i] = i == 0 ? 3 : ids[i - 1] + 1 + (uint32_t)vl_rng_below(rng, 2) * 200;
        switch (vl_rng_below(rng, 6)) {
        case 0:
            values[i] = rows_null();
            break;
        case 1:
            values[i] = rows_integer(integers[vl_rng_below(rng, VL_ARRAY_COUNT(integers))]);
            break;
        case 2:
            values[i] = rows_real(i % 2 == 0 ? -0.0 : 1e-320);
            break;
        case 3:
            values[i] = rows_bytes(VL_TYPE_TEXT, model_text, (uint32_t)vl_rng_below(rng, 200));
            break;
        case 4:
            values[i] = rows_bytes(VL_TYPE_BLOB, model_text, (uint32_t)vl_rng_below(rng, 3));
            break;
        default:
            values[i] = rows_bytes(VL_TYPE_TEXT, NULL, UINT32_C(1) << 30);
            values[i].overflow = 1 + (vl_pid)vl_rng_below(rng, 1000);
            break;
        }
    }
}

static void
record_gives_back_2000_columns(void)
{
    static vl_leaf_value values[WIDE];
    static uint32_t ids[WIDE];
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (uint32_t round = 0; round < 20; round++) {
        uint32_t count = round == 0 ? WIDE : 1 + (uint32_t)vl_rng_below(&rng, 100);
        vl_leaf_schema schema = {ids, values, (uint16_t)count, 1};
        vl_leaf_record record;
        vl_leaf_value value;
        uint8_t *bytes;
        size_t size;
        uint32_t id = 0;

        fill_wide(values, ids, count, &rng);
        size = vl_leaf_record_size(&schema, values);
        bytes = malloc(size);
        CHECK(vl_leaf_record_put(bytes, &schema, values) == bytes + size);
        CHECK(vl_leaf_record_is_valid(bytes, size));
        vl_leaf_record_init(&record, bytes, size);
        for (uint32_t i = 0; i < count; i++) {
            CHECK_EQ(vl_leaf_record_next(&record, &id, &value), 1);
            CHECK_EQ(id, ids[i]);
            CHECK(model_same(&value, values + i));
        }
        CHECK_EQ(vl_leaf_record_next(&record, &id, &value), 0);
        CHECK_EQ(vl_leaf_record_get(bytes, size, ids[count / 2], &value), 1);
        CHECK(model_same(&value, values + count / 2));
        CHECK_EQ(vl_leaf_record_get(bytes, size, 1, &value), 0);
        CHECK_EQ(vl_leaf_record_get(bytes, size, UINT32_MAX, &value), 0);
        free(bytes);
    }
}

static void
record_damage_stays_inside(void)
{
    vl_leaf_value values[40];
    uint32_t ids[40];
    vl_leaf_schema schema = {ids, values, 40, 1};
    vl_leaf_record record;
    vl_leaf_value value;
    uint8_t *bytes;
    uint8_t *copy;
    size_t size;
    uint32_t id;
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    fill_wide(values, ids, 40, &rng);
    size = vl_leaf_record_size(&schema, values);
    bytes = malloc(size);
    (void)vl_leaf_record_put(bytes, &schema, values);
    for (uint32_t round = 0; round < 20000; round++) {
        size_t part = round < size ? round : 1 + vl_rng_below(&rng, size);

        copy = malloc(part > 0 ? part : 1);
        memcpy(copy, bytes, part);
        if (round >= size)
            copy[vl_rng_below(&rng, part)] = (uint8_t)vl_rng_next(&rng);
        vl_leaf_record_init(&record, copy, part);
        while (vl_leaf_record_next(&record, &id, &value) == 1)
            CHECK(value.value.as.data == NULL || value.value.type == VL_TYPE_INTEGER ||
                  value.value.type == VL_TYPE_REAL ||
                  (const uint8_t *)value.value.as.data + value.value.size <= copy + part);
        free(copy);
    }
    free(bytes);
}

static void
leaf_holds_records_of_wide_tables(void)
{
    enum {
        COUNT = 12
    };
    const uint32_t page_size = 16384;
    static vl_leaf_value values[WIDE];
    static uint32_t ids[WIDE];
    static const vl_leaf_value nothing[1];
    vl_leaf_schema wide = {ids, values, WIDE, 1};
    vl_leaf_schema schema = {record_id, nothing, 1, 1};
    vl_leaf *leaf = malloc(page_size);
    vl_leaf_value records[COUNT];
    vl_leaf_row rows[COUNT];
    vl_leaf_value value;

    for (uint32_t i = 0; i < COUNT; i++) {
        uint8_t *bytes;

        for (uint32_t column = 0; column < WIDE; column++) {
            ids[column] = column + 1;
            values[column] = column % 3 == 0 ? rows_integer(i) : rows_null();
        }
        wide.count = i % 4 == 3 ? WIDE : 500; /* 2,000 columns are more than a quarter page */
        records[i] = rows_bytes(VL_TYPE_BLOB, NULL, (uint32_t)vl_leaf_record_size(&wide, values));
        bytes = malloc(records[i].value.size);
        (void)vl_leaf_record_put(bytes, &wide, values);
        records[i].value.as.data = bytes;
        CHECK_EQ(vl_leaf_choose_overflow(page_size, records + i, 1), i % 4 == 3);
        if (records[i].overflow != 0)
            records[i].overflow = 100 + i;
        rows[i] = (vl_leaf_row){i, records + i, 0};
    }
    CHECK_EQ(rows_build(page_size, VL_LEAF_BULK, &schema, NULL, rows, COUNT, leaf), COUNT);
    CHECK_OK(vl_leaf_validate(unit_ctx(), leaf, page_size));
    CHECK((leaf->flags & VL_LEAF_ROWS) != 0);
    vl_leaf_get(leaf, 5, 0, &value);
    CHECK_EQ(vl_leaf_record_get(value.value.as.data, value.value.size, 301, &value), 1);
    CHECK_EQ(value.value.as.integer, 5);
    vl_leaf_get(leaf, 7, 0, &value);
    CHECK_EQ(value.overflow, 107);
    vl_leaf_get(leaf, 0, 0, &value);
    ((uint8_t *)(void *)leaf)[(const uint8_t *)value.value.as.data - (uint8_t *)(void *)leaf] = 0;
    CHECK_STATUS(vl_leaf_validate(unit_ctx(), leaf, page_size), VELO_CORRUPT);
    CHECK_CONTAINS(unit_ctx()->error.text, "a record that cannot be read");
    for (uint32_t i = 0; i < COUNT; i++)
        free((void *)(uintptr_t)records[i].value.as.data);
    free(leaf);
}

/* Append rows of which a column rises and one falls; returns how often the page was built. */
static uint32_t
build_by_appending(uint32_t count)
{
    static const uint32_t ids[2] = {1, 2};
    const vl_leaf_value defaults[2] = {rows_null(), rows_null()};
    vl_leaf_schema schema = {ids, defaults, 2, 0};
    vl_leaf *leaf = aligned_alloc(64, 16384);
    vl_leaf *next = aligned_alloc(64, 16384);
    uint32_t builds = 0;

    vl_leaf_init(leaf, 16384, 9, 4);
    for (uint32_t i = 0; i < count; i++) {
        vl_leaf_value values[2] = {rows_integer(i * INT64_C(3)), rows_integer(i * INT64_C(-5))};
        vl_leaf_row row = {(int64_t)i * 2, values, 0};

        if (vl_leaf_insert(leaf, 16384, &schema, &row) != VL_LEAF_NO_ROOM)
            continue;
        if (rows_build(16384, VL_LEAF_APPEND, &schema, leaf, &row, 1, next) != i + 1)
            unit_failed(__FILE__, __LINE__, "not all rows are on the page");
        memcpy(leaf, next, 16384);
        builds++;
    }
    free(next);
    free(leaf);
    return builds;
}

static void
build_leaves_room_where_rows_are_appended(void)
{
    CHECK(build_by_appending(1000) <= 9);
}

/* The values of an appended row: integers that rise, fall, and do neither, a real, a text, NULLs.
 */
static void
build_appended_values(int64_t i, vl_leaf_value *values)
{
    static const char text[] = "a text of which rows take parts";
    uint64_t mixed = (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15);

    values[0] = rows_integer(i * 1000);
    values[1] = rows_integer(INT64_MIN + 5000000 - i * 300);
    values[2] = rows_integer((int64_t)(mixed >> 50));
    values[3] = rows_real((double)(mixed >> 44) / 100);
    values[4] = rows_bytes(VL_TYPE_TEXT, text, (uint32_t)(mixed >> 60) + 8);
    values[5] = mixed % 5 == 0 ? rows_null() : rows_integer(i % 7);
}

/* What follows a full page is built for rows like its own, so it is hardly ever built anew; and
 * what is built is sound, and holds the row. */
static void
build_of_the_next_page_expects_such_rows(void)
{
    static const uint32_t ids[] = {1, 2, 3, 4, 5, 6};
    vl_leaf_schema schema = {ids, null_values, 6, 0};
    void *scratch = malloc(vl_leaf_scratch_size(16384, 6, 1));
    vl_leaf *leaf = aligned_alloc(64, 16384);
    vl_leaf *next = aligned_alloc(64, 16384);
    uint32_t builds = 0;
    uint32_t pages = 0;

    vl_leaf_init(leaf, 16384, 1, 1);
    for (int64_t i = 0; i < 10000 && !unit_has_failed(); i++) {
        vl_leaf_value values[6];
        vl_leaf_row row = {i, values, 0};
        vl_leaf_build build = {16384, VL_LEAF_APPEND, &schema, leaf, &row, 1, NULL, NULL, NULL};
        vl_leaf_builder *builder;
        uint32_t slot = 0;

        build_appended_values(i, values);
        if (vl_leaf_insert(leaf, 16384, &schema, &row) == VL_LEAF_NO_ROOM) {
            builder = vl_leaf_build_begin(scratch, &build);
            CHECK(vl_leaf_build_next(builder, next, 1, 1) > 0);
            builds++;
            if (vl_leaf_build_remaining(builder) > 0) {
                pages++;
                CHECK_EQ(vl_leaf_build_next(builder, next, 1, 1), 1);
            }
            CHECK_EQ(vl_leaf_build_remaining(builder), 0);
            CHECK_OK(vl_leaf_validate(unit_ctx(), next, 16384));
            memcpy(leaf, next, 16384);
        }
        CHECK_EQ(vl_leaf_find(leaf, i, &slot), VL_LEAF_LIVE);
        for (uint32_t column = 0; column < 6; column++) {
            vl_leaf_value value;

            vl_leaf_get(leaf, slot, column, &value);
            CHECK(model_same(&value, &values[column]));
        }
    }
    CHECK(pages >= 10);
    CHECK(builds <= pages + pages / 2 + 12); /* 12 for the first page */
    free(next);
    free(leaf);
    free(scratch);
}

static const unit_test tests[] = {
    UNIT_TEST(leaf_bulk_build_loses_nothing),
    UNIT_TEST(leaf_appends_fill_pages_tightly),
    UNIT_TEST(leaf_rowids_do_not_wrap_around),
    UNIT_TEST(leaf_inserts_below_the_first_row_find_room),
    UNIT_TEST(leaf_columns_come_and_go),
    UNIT_TEST(leaf_build_stops_before_a_row_that_defaults_made_too_long),
    UNIT_TEST(leaf_any_row_fits_an_empty_page),
    UNIT_TEST(leaf_overflow_takes_the_longest_first),
    UNIT_TEST(leaf_one_page_holds_65536_bytes),
    UNIT_TEST(leaf_removing_needs_no_space),
    UNIT_TEST(record_gives_back_2000_columns),
    UNIT_TEST(record_damage_stays_inside),
    UNIT_TEST(leaf_holds_records_of_wide_tables),
    UNIT_TEST(build_leaves_room_where_rows_are_appended),
    UNIT_TEST(build_of_the_next_page_expects_such_rows),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
