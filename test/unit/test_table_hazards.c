/* test_table_hazards.c - table trees: hazards by their numbers. More of number 33 is in
 * test_table_threads.c. */
#include "storage/leaf_row.h"
#include "table_cases.h"

/* ---- hazards ---- */

/* 25: an undo that makes a row longer may split like any change, however full the page is. */
static void
hazard_25_update_of_a_full_page_finds_room(void)
{
    static uint8_t text[CASES_PAGE_SIZE / 5];
    static const uint32_t ids[1] = {1};
    const vl_leaf_value defaults[1] = {cases_null()};
    vl_leaf_schema schema = {ids, defaults, 1, 0};
    cases_table t;

    cases_open(&t);
    for (int64_t i = 0; i < 200; i++) {
        vl_leaf_value value = cases_text(text, 5);

        CHECK(cases_insert(&t, &schema, i, &value));
    }
    for (int64_t i = 0; i < 200; i++) {
        vl_leaf_change change = {1, cases_text(text, sizeof text)};
        int is_done;

        CHECK_OK(vl_table_update(unit_ctx(), &t.tree, t.work, &schema, (i * 7) % 200, &change, 1,
                                 &is_done));
        CHECK(is_done);
    }
    cases_verify(&t, 200);
    cases_close(&t);
}

/* 26: what vl_table_read gives does not point into a page. */
static void
hazard_26_values_outlive_the_latch(void)
{
    static const uint32_t ids[1] = {1};
    const vl_leaf_value defaults[1] = {cases_null()};
    vl_leaf_schema schema = {ids, defaults, 1, 0};
    vl_leaf_value value = cases_text("one", 3);
    vl_leaf_change change = {1, cases_text("two", 3)};
    vl_arena arena;
    cases_table t;
    int is_done;

    cases_open(&t);
    vl_arena_init(&arena, NULL, 0);
    CHECK(cases_insert(&t, &schema, 1, &value));
    CHECK_EQ(cases_read(&t, &schema, 1, &arena, &value), VL_LEAF_LIVE);
    CHECK_OK(vl_table_update(unit_ctx(), &t.tree, t.work, &schema, 1, &change, 1, &is_done));
    CHECK(memcmp(value.value.as.data, "one", 3) == 0);
    vl_arena_deinit(&arena);
    cases_close(&t);
}

/* 39: purging needs no space, and splitting ends: rows of nearly a page each, in every order. */
static void
hazard_39_splitting_ends_with_one_row_a_page(void)
{
    static uint8_t text[CASES_PAGE_SIZE / 4];
    static const uint32_t ids[4] = {1, 2, 3, 4};
    const vl_leaf_value defaults[4] = {cases_null(), cases_null(), cases_null(), cases_null()};
    vl_leaf_schema schema = {ids, defaults, 4, 0};
    cases_table t;

    cases_open(&t);
    for (int64_t i = 0; i < 100; i++) {
        int64_t rowid = i * 61 % 100;
        uint32_t size = i % 3 == 0 ? 2 : (uint32_t)sizeof text;
        vl_leaf_value values[4];

        for (uint32_t c = 0; c < 4; c++)
            values[c] = cases_text(text, size);
        CHECK(cases_insert(&t, &schema, rowid, values));
    }
    cases_verify(&t, 100);
    for (int64_t i = 0; i < 100; i++) {
        int is_done;

        CHECK_OK(vl_table_delete(unit_ctx(), &t.tree, t.work, &schema, i * 37 % 100, &is_done));
        CHECK(is_done);
    }
    cases_verify(&t, 0);
    CHECK_EQ(cases_page_count(&t), 1);
    cases_close(&t);
}

/* 40: values longer than a quarter page always overflow; the next shorter ones need not. */
static void
hazard_40_only_long_values_overflow(void)
{
    static uint8_t text[CASES_PAGE_SIZE];
    static const uint32_t ids[1] = {1};
    const vl_leaf_value defaults[1] = {cases_null()};
    vl_leaf_schema schema = {ids, defaults, 1, 0};
    uint32_t limit = vl_leaf_max_inline(CASES_PAGE_SIZE);
    vl_arena arena;
    cases_table t;

    cases_open(&t);
    vl_arena_init(&arena, NULL, 0);
    for (uint32_t size = limit - 2; size <= limit + 2; size++) {
        vl_leaf_value value = cases_text(text, size);

        CHECK(cases_insert(&t, &schema, size, &value));
        CHECK_EQ(cases_read(&t, &schema, size, &arena, &value), VL_LEAF_LIVE);
        CHECK_EQ(value.value.size, size);
        CHECK_EQ(value.overflow != 0, size > limit);
    }
    vl_arena_deinit(&arena);
    cases_close(&t);
}

/* 41: integers at the edges of their type, beside each other and at the edges of rowids. */
static void
hazard_41_integers_at_the_edges(void)
{
    static const int64_t edges[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
    static const uint32_t ids[1] = {1};
    const vl_leaf_value defaults[1] = {cases_null()};
    vl_leaf_schema schema = {ids, defaults, 1, 0};
    vl_arena arena;
    cases_table t;

    cases_open(&t);
    vl_arena_init(&arena, NULL, 0);
    for (uint32_t i = 0; i < VL_ARRAY_COUNT(edges); i++) {
        vl_leaf_value value = cases_integer(edges[VL_ARRAY_COUNT(edges) - 1 - i]);

        CHECK(cases_insert(&t, &schema, edges[i], &value));
        CHECK(!cases_insert(&t, &schema, edges[i], &value));
    }
    for (uint32_t i = 0; i < VL_ARRAY_COUNT(edges); i++) {
        vl_leaf_value value;

        CHECK_EQ(cases_read(&t, &schema, edges[i], &arena, &value), VL_LEAF_LIVE);
        CHECK_EQ(value.value.as.integer, edges[VL_ARRAY_COUNT(edges) - 1 - i]);
    }
    vl_arena_deinit(&arena);
    cases_close(&t);
}

/* 42: a table gets a column: old pages mean its default, and rows get it as pages are built anew,
 * also when that makes them longer than a page has room for. */
static void
hazard_42_pages_from_before_a_column_mean_its_default(void)
{
    static const uint32_t ids[2] = {1, 9};
    static uint8_t text[CASES_PAGE_SIZE / 4];
    vl_leaf_value defaults[2];
    vl_leaf_schema before = {ids, defaults, 1, 0};
    vl_leaf_schema after = {ids, defaults, 2, 0};
    vl_arena arena;
    cases_table t;

    cases_open(&t);
    vl_arena_init(&arena, NULL, 0);
    memset(text, 'x', sizeof text);
    defaults[0] = cases_null();
    defaults[1] = cases_text(text, sizeof text);
    for (int64_t i = 0; i < 300; i++) {
        vl_leaf_value value = cases_integer(i);

        CHECK(cases_insert(&t, &before, i * 2, &value));
    }
    for (int64_t i = 0; i < 300; i++) { /* between them */
        vl_leaf_value values[2] = {cases_integer(i), cases_text("new", 3)};

        CHECK(cases_insert(&t, &after, i * 7 % 300 * 2 + 1, values));
    }
    cases_verify(&t, 600);
    for (int64_t i = 0; i < 600; i++) {
        vl_leaf_value values[2];
        int is_new = i % 2 != 0;

        vl_arena_reset(&arena);
        CHECK_EQ(cases_read(&t, &after, i, &arena, values), VL_LEAF_LIVE);
        CHECK_EQ(values[1].value.size, is_new ? 3 : sizeof text);
        CHECK(values[1].overflow != 0 ||
              memcmp(values[1].value.as.data, is_new ? "new" : (const char *)text,
                     values[1].value.size) == 0);
        if (!is_new)
            CHECK_EQ(values[0].value.as.integer, i / 2);
    }
    for (int64_t i = 0; i < 500; i++) { /* joins must not lose what has no room together */
        int is_done;

        CHECK_OK(vl_table_delete(unit_ctx(), &t.tree, t.work, &after, i * 7 % 600, &is_done));
        CHECK(is_done);
    }
    cases_verify(&t, 100);
    vl_arena_deinit(&arena);
    cases_close(&t);
}

/* 42: leaves of old rows are joined, though the default of a new column would fill many pages. */
static void
hazard_42_joins_keep_rows_that_a_default_makes_long(void)
{
    static const uint32_t ids[2] = {1, 9};
    static uint8_t text[CASES_PAGE_SIZE / 4];
    vl_leaf_value defaults[2] = {cases_null(), cases_text(text, sizeof text)};
    vl_leaf_schema before = {ids, defaults, 1, 0};
    vl_leaf_schema after = {ids, defaults, 2, 0};
    cases_table t;

    cases_open(&t);
    for (int64_t i = 0; i < 3000; i++) {
        vl_leaf_value value = cases_integer(i * i * i * i);

        CHECK(cases_insert(&t, &before, i, &value));
    }
    for (int64_t i = 0; i < 3000; i++) {
        int is_done;

        if (i % 40 == 0)
            continue;
        CHECK_OK(vl_table_delete(unit_ctx(), &t.tree, t.work, &after, i, &is_done));
        CHECK(is_done);
    }
    cases_verify(&t, 75);
    cases_close(&t);
}

/* 42: rows that fill their page get a column whose default they have no room for: they stay as they
 * are until they are changed themselves. */
static void
hazard_42_rows_without_room_for_a_default_stay(void)
{
    static const uint32_t ids[5] = {1, 2, 3, 4, 9};
    static uint8_t text[CASES_PAGE_SIZE / 4];
    vl_leaf_value defaults[5];
    vl_leaf_schema before = {ids, defaults, 3, 0};
    vl_leaf_schema after = {ids, defaults, 5, 0};
    vl_leaf_change change = {1, cases_text(text, 3)};
    vl_leaf_value values[5];
    vl_arena arena;
    cases_table t;
    int is_done;

    cases_open(&t);
    vl_arena_init(&arena, NULL, 0);
    for (uint32_t c = 0; c < 5; c++)
        defaults[c] = cases_text(text, sizeof text);
    for (uint32_t c = 0; c < 3; c++)
        values[c] = cases_text(text, sizeof text - 9);
    for (int64_t i = 0; i < 20; i++)
        CHECK(cases_insert(&t, &before, i * 2, values));
    for (uint32_t c = 0; c < 5; c++)
        values[c] = cases_integer(c);
    for (int64_t i = 0; i < 20; i++)
        CHECK(cases_insert(&t, &after, i * 2 + 1, values));
    cases_verify(&t, 40);
    for (int64_t i = 0; i < 40; i++) {
        CHECK_OK(vl_table_update(unit_ctx(), &t.tree, t.work, &after, i, &change, 1, &is_done));
        CHECK(is_done);
        CHECK_EQ(cases_read(&t, &after, i, &arena, values), VL_LEAF_LIVE);
        CHECK_EQ(values[0].value.size, 3);
        if (i % 2 == 0)
            CHECK_EQ(values[4].value.size, sizeof text);
    }
    cases_verify(&t, 40);
    vl_arena_deinit(&arena);
    cases_close(&t);
}

/* 42: a table becomes too wide and stores records from now on. Old pages stay; their rows become
 * records as they are changed. */
static void
hazard_42_a_table_crosses_to_records(void)
{
    static const uint32_t ids[2] = {1, 2};
    static const uint32_t record_ids[1] = {VL_LEAF_RECORD_ID};
    const vl_leaf_value defaults[2] = {cases_null(), cases_null()};
    vl_leaf_schema before = {ids, defaults, 2, 0};
    vl_leaf_schema after = {record_ids, defaults, 1, 1};
    vl_leaf_value value;
    vl_arena arena;
    cases_table t;
    uint64_t pages;

    cases_open(&t);
    vl_arena_init(&arena, NULL, 0);
    for (int64_t i = 0; i < 400; i++) {
        vl_leaf_value values[2] = {cases_integer(i), cases_text("text", 4)};

        CHECK(cases_insert(&t, &before, i * 2, values));
    }
    pages = cases_page_count(&t);
    for (int64_t i = 0; i < 800; i++) { /* even ones are changed, odd ones inserted */
        uint8_t bytes[64];
        vl_leaf_value values[2] = {cases_integer(-i), cases_text("record", 6)};
        vl_leaf_change change = {VL_LEAF_RECORD_ID, cases_text(bytes, 0)};
        int is_done = 1;

        change.value.value.type = VL_TYPE_BLOB;
        change.value.value.size = (uint32_t)(vl_leaf_record_put(bytes, &before, values) - bytes);
        if (i % 2 == 0)
            CHECK_OK(vl_table_update(unit_ctx(), &t.tree, t.work, &after, i, &change, 1, &is_done));
        else
            is_done = cases_insert(&t, &after, i, &change.value);
        CHECK(is_done);
        if (i % 100 == 0)
            cases_verify(&t, (uint64_t)(400 + i / 2));
    }
    for (int64_t i = 0; i < 800; i++) {
        vl_leaf_value column;

        vl_arena_reset(&arena);
        CHECK_EQ(cases_read(&t, &after, i, &arena, &value), VL_LEAF_LIVE);
        CHECK_EQ(vl_leaf_record_get(value.value.as.data, value.value.size, 1, &column), 1);
        CHECK_EQ(column.value.as.integer, -i);
    }
    CHECK(cases_page_count(&t) < pages * 40); /* they came together again */
    vl_arena_deinit(&arena);
    cases_close(&t);
}

/* 43: one odd value does not split a page. */
static void
hazard_43_one_odd_value_stays_on_its_page(void)
{
    static const uint32_t ids[1] = {1};
    const vl_leaf_value defaults[1] = {cases_null()};
    vl_leaf_schema schema = {ids, defaults, 1, 0};
    vl_leaf_value value;
    uint32_t rows = CASES_PAGE_SIZE / 8;
    uint64_t pages;
    vl_arena arena;
    cases_table t;

    cases_open(&t);
    vl_arena_init(&arena, NULL, 0);
    for (uint32_t i = 0; i < rows; i++) {
        value = cases_integer(i % 100);
        CHECK(cases_insert(&t, &schema, i, &value));
    }
    pages = cases_page_count(&t);
    for (uint32_t i = 0; i < rows; i += rows / 4) {
        vl_leaf_change change = {1, cases_text("odd", 3)};
        int is_done;

        CHECK_OK(vl_table_update(unit_ctx(), &t.tree, t.work, &schema, i, &change, 1, &is_done));
        CHECK(is_done);
        CHECK_EQ(cases_read(&t, &schema, i, &arena, &value), VL_LEAF_LIVE);
        CHECK_EQ(value.value.type, VL_TYPE_TEXT);
    }
    CHECK(cases_page_count(&t) <= pages + VL_BY_BUILD(0U, 2U));
    cases_verify(&t, rows);
    vl_arena_deinit(&arena);
    cases_close(&t);
}

/* Insert or delete rows of one integer, rowids [from, to) with the scratch memory of `by`. */
static void
hazards_change_range(const cases_table *t, vl_tree_work *by, int64_t from, int64_t to, int deletes)
{
    static const uint32_t ids[1] = {1};
    const vl_leaf_value defaults[1] = {cases_null()};
    vl_leaf_schema schema = {ids, defaults, 1, 0};

    for (int64_t i = from; i < to; i++) {
        vl_leaf_value value = cases_integer(i * INT64_C(0x123456789abc));
        vl_leaf_row row = {i, &value, 0};
        int is_done = 0;

        if (deletes)
            CHECK_OK(vl_table_delete(unit_ctx(), &t->tree, by, &schema, i, &is_done));
        else
            CHECK_OK(vl_table_insert(unit_ctx(), &t->tree, by, &schema, &row, &is_done));
        CHECK(is_done);
    }
}

/* 33: the leaf that was changed last is not taken for the row's when others have split it, joined
 * it, or taken its tree away since: verifying finds a row on a leaf that it does not belong to. */
static void
hazard_33_last_leaf_is_not_what_it_was(void)
{
    uint32_t many = CASES_PAGE_SIZE; /* rows, on some pages */
    vl_tree_work *other;
    cases_table t;
    int is_gone = 0;

    cases_open(&t);
    CHECK_OK(vl_tree_work_create(unit_ctx(), CASES_PAGE_SIZE, &other));
    hazards_change_range(&t, t.work, 0, 4, 0);
    hazards_change_range(&t, other, 5, many, 0); /* the root grows, the leaf splits */
    hazards_change_range(&t, t.work, 4, 5, 0);
    hazards_change_range(&t, t.work, many, many + 4, 0); /* the last leaf, open to the right */
    hazards_change_range(&t, other, many + 5, 2 * many, 0);
    hazards_change_range(&t, t.work, many + 4, many + 5, 0);
    hazards_change_range(&t, t.work, 2 * many, 2 * many + 1, 0);
    cases_verify(&t, 2 * many + 1);
    for (uint32_t i = 0; i + 8 < 2 * many; i += 8) { /* leaves are joined to the left and right */
        hazards_change_range(&t, t.work, i, i + 1, 1);
        hazards_change_range(&t, other, i + 1, i + 7, 1);
        hazards_change_range(&t, t.work, i, i + 1, 0);
    }
    cases_verify(&t, many / 2 + 7);
    CHECK_OK(vl_tree_drop(unit_ctx(), &t.tree, other, UINT32_MAX, NULL, &is_gone));
    CHECK(is_gone);
    CHECK_OK(vl_tree_create(unit_ctx(), &vl_table_ops, t.cache, 3, NULL, &t.tree));
    hazards_change_range(&t, t.work, 0, many, 0); /* the same id, the same root */
    cases_verify(&t, many);
    vl_tree_work_destroy(other);
    cases_close(&t);
}

static const unit_test hazards_tests[] = {
    UNIT_TEST(hazard_33_last_leaf_is_not_what_it_was),
    UNIT_TEST(hazard_25_update_of_a_full_page_finds_room),
    UNIT_TEST(hazard_26_values_outlive_the_latch),
    UNIT_TEST(hazard_39_splitting_ends_with_one_row_a_page),
    UNIT_TEST(hazard_40_only_long_values_overflow),
    UNIT_TEST(hazard_41_integers_at_the_edges),
    UNIT_TEST(hazard_42_pages_from_before_a_column_mean_its_default),
    UNIT_TEST(hazard_42_joins_keep_rows_that_a_default_makes_long),
    UNIT_TEST(hazard_42_rows_without_room_for_a_default_stay),
    UNIT_TEST(hazard_42_a_table_crosses_to_records),
    UNIT_TEST(hazard_43_one_odd_value_stays_on_its_page),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, hazards_tests, VL_ARRAY_COUNT(hazards_tests));
}
