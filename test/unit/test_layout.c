/* test_layout.c - the columns of a table: layout.h. */
#include "lib/unit.h"

#include "base/alloc.h"
#include "storage/layout.h"
#include "storage/leaf_row.h"

#include <stdlib.h>

#define LAYOUT_PAGE 4096U

/* Ids and defaults of `count` columns: id 3 * i + 1, the default i, but texts for some. */
typedef struct layout_case {
    uint32_t *ids;
    vl_leaf_value *defaults;
    char text[8]; /* that the texts are made of */
    vl_leaf_schema schema;
} layout_case;

static void
layout_case_init(layout_case *one, uint32_t count)
{
    memset(one, 0, sizeof *one);
    memcpy(one->text, "default", 8);
    one->ids = calloc(count + 1U, sizeof *one->ids);
    one->defaults = calloc(count + 1U, sizeof *one->defaults);
    for (uint32_t i = 0; i < count; i++) {
        one->ids[i] = 3 * i + 1;
        one->defaults[i].value.type = i % 3 == 2 ? VL_TYPE_TEXT : VL_TYPE_INTEGER;
        if (i % 3 == 2) {
            one->defaults[i].value.size = i % 8;
            one->defaults[i].value.as.data = (const uint8_t *)one->text;
        } else {
            one->defaults[i].value.as.integer = (int64_t)i - 5;
        }
    }
    one->schema = (vl_leaf_schema){one->ids, one->defaults, (uint16_t)count, 0};
}

static void
layout_case_deinit(layout_case *one)
{
    free(one->ids);
    free(one->defaults);
}

/* Whether a layout is what the case says. */
static int
layout_is(const vl_layout *layout, const layout_case *one)
{
    if (layout->columns.count != one->schema.count || layout->older != NULL)
        return 0;
    for (uint32_t i = 0; i < one->schema.count; i++) {
        const vl_leaf_value *is = &layout->columns.defaults[i];
        const vl_leaf_value *wanted = &one->schema.defaults[i];

        if (layout->columns.ids[i] != 3 * i + 1 || is->overflow != 0 ||
            is->value.type != wanted->value.type || is->value.size != wanted->value.size)
            return 0;
        if (is->value.type == VL_TYPE_INTEGER ? is->value.as.integer != (int64_t)i - 5
                                              : memcmp(is->value.as.data, "default", i % 8) != 0)
            return 0;
    }
    return 1;
}

static void
layout_is_a_copy_and_comes_back_from_its_record(void)
{
    static const uint32_t counts[] = {1, 2, 9, 40};
    uint8_t record[4096];

    for (uint32_t i = 0; i < VL_ARRAY_COUNT(counts); i++) {
        vl_layout *layout, *parsed;
        layout_case one;

        layout_case_init(&one, counts[i]);
        CHECK_OK(vl_layout_create(unit_ctx(), LAYOUT_PAGE, &one.schema, &layout));
        memset(one.text, '?', sizeof one.text); /* all is copied */
        memset(one.ids, 0, counts[i] * sizeof *one.ids);
        CHECK(layout_is(layout, &one));
        CHECK(layout->record_size <= sizeof record);
        memcpy(record, layout->record, layout->record_size);
        CHECK_OK(vl_layout_parse(unit_ctx(), LAYOUT_PAGE, record, layout->record_size, &parsed));
        memset(record, 0, sizeof record);
        CHECK(layout_is(parsed, &one));
        CHECK_EQ(parsed->record_size, layout->record_size);
        CHECK(memcmp(parsed->record, layout->record, layout->record_size) == 0);
        vl_layout_destroy(parsed);
        vl_layout_destroy(layout);
        layout_case_deinit(&one);
    }
}

static void
layout_finds_columns(void)
{
    for (uint32_t count = 1; count < 20; count++) {
        vl_layout *layout;
        layout_case one;

        layout_case_init(&one, count);
        CHECK_OK(vl_layout_create(unit_ctx(), LAYOUT_PAGE, &one.schema, &layout));
        for (uint32_t id = 0; id < 3 * count + 4; id++)
            CHECK_EQ(vl_layout_find(layout, id),
                     id % 3 == 1 && id / 3 < count ? (int)(id / 3) : -1);
        CHECK_EQ(vl_layout_find(layout, UINT32_MAX), -1);
        vl_layout_destroy(layout);
        layout_case_deinit(&one);
    }
}

/* Leaves have the columns side by side up to the limit of the page, beyond it records. */
static void
layout_of_many_columns_is_stored_as_records(void)
{
    static const uint32_t pages[] = {VL_PAGE_MIN_SIZE, LAYOUT_PAGE, VL_PAGE_MAX_SIZE};

    for (uint32_t i = 0; i < VL_ARRAY_COUNT(pages); i++) {
        uint32_t limit = vl_leaf_max_columns(pages[i]);

        for (uint32_t count = limit - 1; count <= limit + 1; count++) {
            vl_layout *layout;
            layout_case one;

            layout_case_init(&one, count);
            CHECK_OK(vl_layout_create(unit_ctx(), pages[i], &one.schema, &layout));
            CHECK_EQ(layout->columns.count, count);
            CHECK_EQ(layout->columns.is_rows, 0);
            CHECK_EQ(layout->leaf.is_rows, count > limit);
            CHECK_EQ(layout->leaf.count, count > limit ? 1 : count);
            if (count > limit)
                CHECK(layout->leaf.ids[0] == VL_LEAF_RECORD_ID);
            vl_layout_destroy(layout);
            layout_case_deinit(&one);
        }
    }
}

static void
layout_has_limits(void)
{
    vl_layout *layout;
    layout_case one;

    layout_case_init(&one, VL_LAYOUT_MAX_COLUMNS + 1);
    CHECK_STATUS(vl_layout_create(unit_ctx(), LAYOUT_PAGE, &one.schema, &layout), VELO_MISUSE);
    CHECK(layout == NULL);
    one.schema.count = VL_LAYOUT_MAX_COLUMNS;
    CHECK_OK(vl_layout_create(unit_ctx(), LAYOUT_PAGE, &one.schema, &layout));
    CHECK(layout_is(layout, &one));
    vl_layout_destroy(layout);
    one.schema.count = 0;
    CHECK_STATUS(vl_layout_create(unit_ctx(), LAYOUT_PAGE, &one.schema, &layout), VELO_MISUSE);
    one.schema.count = 5;
    one.ids[3] = one.ids[2];
    CHECK_STATUS(vl_layout_create(unit_ctx(), LAYOUT_PAGE, &one.schema, &layout), VELO_MISUSE);
    one.ids[3] = one.ids[2] - 1;
    CHECK_STATUS(vl_layout_create(unit_ctx(), LAYOUT_PAGE, &one.schema, &layout), VELO_MISUSE);
    one.ids[3] = one.ids[2] + 1;
    one.ids[4] = VL_LEAF_RECORD_ID;
    CHECK_STATUS(vl_layout_create(unit_ctx(), LAYOUT_PAGE, &one.schema, &layout), VELO_MISUSE);
    one.ids[4] = 1000;
    one.defaults[1].overflow = 7;
    CHECK_STATUS(vl_layout_create(unit_ctx(), LAYOUT_PAGE, &one.schema, &layout), VELO_MISUSE);
    CHECK(layout == NULL);
    layout_case_deinit(&one);
}

/* Bytes from disk are anything: they are a layout or refused. */
static void
layout_of_damaged_bytes_is_refused(void)
{
    vl_layout *layout, *damaged;
    uint32_t refused = 0;
    layout_case one;
    uint8_t *bytes;

    layout_case_init(&one, 9);
    CHECK_OK(vl_layout_create(unit_ctx(), LAYOUT_PAGE, &one.schema, &layout));
    for (size_t size = 0; size < layout->record_size; size++) {
        bytes = malloc(size + 1); /* of just this size, for the address sanitizer */
        memcpy(bytes, layout->record, size);
        if (vl_layout_parse(unit_ctx(), LAYOUT_PAGE, bytes, size, &damaged) == VELO_OK) {
            CHECK(damaged->columns.count < layout->columns.count);
            vl_layout_destroy(damaged);
        } else {
            CHECK(unit_ctx()->error.code == VELO_CORRUPT && damaged == NULL);
            refused++;
        }
        free(bytes);
    }
    CHECK(refused > 0);
    CHECK_STATUS(vl_layout_parse(unit_ctx(), LAYOUT_PAGE, NULL, 0, &damaged), VELO_CORRUPT);
    for (size_t bit = 0; bit < 8 * layout->record_size; bit++) {
        bytes = malloc(layout->record_size);
        memcpy(bytes, layout->record, layout->record_size);
        bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        if (vl_layout_parse(unit_ctx(), LAYOUT_PAGE, bytes, layout->record_size, &damaged) ==
            VELO_OK) {
            for (uint32_t i = 1; i < damaged->columns.count; i++)
                CHECK(damaged->columns.ids[i] > damaged->columns.ids[i - 1]);
            vl_layout_destroy(damaged);
        }
        free(bytes);
    }
    vl_layout_destroy(layout);
    layout_case_deinit(&one);
}

/* A record that no table can have, although each column by itself is well formed. */
static void
layout_of_impossible_columns_is_refused(void)
{
    vl_leaf_value value = {.value = {.type = VL_TYPE_NULL}};
    uint32_t id = VL_LEAF_RECORD_ID;
    vl_leaf_schema schema = {&id, &value, 1, 0};
    uint8_t bytes[64];
    vl_layout *layout;

    (void)vl_leaf_record_put(bytes, &schema, &value);
    CHECK_STATUS(vl_layout_parse(unit_ctx(), LAYOUT_PAGE, bytes,
                                 vl_leaf_record_size(&schema, &value), &layout),
                 VELO_CORRUPT);
    id = 1;
    value.value.type = VL_TYPE_BLOB;
    value.value.size = 9;
    value.overflow = 12;
    (void)vl_leaf_record_put(bytes, &schema, &value);
    CHECK_STATUS(vl_layout_parse(unit_ctx(), LAYOUT_PAGE, bytes,
                                 vl_leaf_record_size(&schema, &value), &layout),
                 VELO_CORRUPT);
}

static velo_status
layout_make(vl_ctx *ctx, void *argument)
{
    const layout_case *one = argument;
    vl_layout *layout, *newer;

    VL_TRY(vl_layout_create(ctx, LAYOUT_PAGE, &one->schema, &layout));
    if (vl_layout_create(ctx, LAYOUT_PAGE, &one->schema, &newer) != VELO_OK) {
        vl_layout_destroy(layout);
        return ctx->error.code;
    }
    newer->older = layout;
    vl_layout_destroy(newer); /* and the older one */
    return VELO_OK;
}

static void
layout_survives_lack_of_memory(void)
{
    layout_case one;

    layout_case_init(&one, 9);
    CHECK(unit_each_alloc_failure(layout_make, &one) == 4);
    layout_case_deinit(&one);
    vl_layout_destroy(NULL);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(layout_is_a_copy_and_comes_back_from_its_record),
        UNIT_TEST(layout_finds_columns),
        UNIT_TEST(layout_of_many_columns_is_stored_as_records),
        UNIT_TEST(layout_has_limits),
        UNIT_TEST(layout_of_damaged_bytes_is_refused),
        UNIT_TEST(layout_of_impossible_columns_is_refused),
        UNIT_TEST(layout_survives_lack_of_memory),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
