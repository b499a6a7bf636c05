/* test_table_cases.c - table trees: memory that runs out, hazards by their numbers, tables that are
 * altered, damage. */
#include "base/thread.h"
#include "storage/leaf_row.h"
#include "table_model.h"

#include <stdio.h>
#include <stdlib.h>

#define CASES_PAGE_SIZE VL_PAGE_MIN_SIZE

static vl_leaf_value
cases_integer(int64_t integer)
{
    vl_leaf_value value = {{VL_TYPE_INTEGER, 0, {0}}, 0};

    value.value.as.integer = integer;
    return value;
}

static vl_leaf_value
cases_text(const void *data, uint32_t size)
{
    vl_leaf_value value = {{VL_TYPE_TEXT, size, {0}}, 0};

    value.value.as.data = data;
    return value;
}

static vl_leaf_value
cases_null(void)
{
    vl_leaf_value value = {{VL_TYPE_NULL, 0, {0}}, 0};

    return value;
}

/* A tree with a cache of its own. */
typedef struct cases_table {
    vl_cache *cache;
    vl_tree tree;
    vl_tree_work *work;
} cases_table;

static void
cases_open(cases_table *t)
{
    vl_cache_options options = {.page_size = CASES_PAGE_SIZE};

    memset(t, 0, sizeof *t);
    CHECK_OK(vl_cache_create(unit_ctx(), &options, &t->cache));
    CHECK_OK(vl_tree_work_create(unit_ctx(), CASES_PAGE_SIZE, &t->work));
    CHECK_OK(vl_tree_create(unit_ctx(), &vl_table_ops, t->cache, 3, NULL, &t->tree));
    t->tree.max_children = 4;
}

static uint64_t
cases_page_count(const cases_table *t)
{
    vl_cache_stats stats;

    vl_cache_get_stats(t->cache, &stats);
    return stats.page_count;
}

static void
cases_verify(const cases_table *t, uint64_t rows)
{
    vl_tree_verify_options options = {0};
    vl_tree_report report;

    CHECK_OK(vl_tree_verify(unit_ctx(), &t->tree, &options, &report));
    CHECK_EQ(report.entry_count, rows);
}

static void
cases_close(cases_table *t)
{
    int is_gone = 0;

    if (!unit_has_failed()) {
        CHECK_OK(vl_tree_drop(unit_ctx(), &t->tree, t->work, UINT32_MAX, NULL, &is_gone));
        CHECK(is_gone);
        CHECK_EQ(cases_page_count(t), 0);
    }
    vl_tree_work_destroy(t->work);
    vl_cache_destroy(t->cache);
}

static int
cases_insert(cases_table *t, const vl_leaf_schema *schema, int64_t rowid,
             const vl_leaf_value *values)
{
    vl_leaf_row row = {rowid, values, 0};
    int is_done = 0;

    if (vl_table_insert(unit_ctx(), &t->tree, t->work, schema, &row, &is_done) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "%s", unit_ctx()->error.text);
    return is_done;
}

/* Read a column of a row to `value`; its bytes are in the arena. */
static vl_leaf_state
cases_read(const cases_table *t, const vl_leaf_schema *schema, int64_t rowid, vl_arena *arena,
           vl_leaf_value *values)
{
    vl_leaf_state state = VL_LEAF_NO_SLOT;

    if (vl_table_read(unit_ctx(), &t->tree, rowid, schema, arena, values, &state) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "%s", unit_ctx()->error.text);
    return state;
}

/* ---- memory that runs out ---- */

/* What fits no longer is not half done: rows are there or not, and the tree is whole. */
static velo_status
cases_fill(vl_ctx *ctx, void *argument)
{
    static uint8_t text[6 * CASES_PAGE_SIZE];
    static const uint32_t ids[2] = {1, 2};
    const vl_leaf_value defaults[2] = {cases_null(), cases_null()};
    vl_leaf_schema schema = {ids, defaults, 2, 0};
    vl_cache_options options = {.page_size = CASES_PAGE_SIZE};
    vl_tree_verify_options verify = {0};
    vl_tree_work *work = NULL;
    vl_cache *cache = NULL;
    vl_tree_report report;
    vl_tree tree;
    uint64_t rows = 0;
    velo_status st = vl_cache_create(ctx, &options, &cache);

    (void)argument;
    if (st == VELO_OK)
        st = vl_tree_work_create(ctx, CASES_PAGE_SIZE, &work);
    if (st == VELO_OK)
        st = vl_tree_create(ctx, &vl_table_ops, cache, 3, NULL, &tree);
    for (int64_t i = 0; st == VELO_OK && i < 60; i++) {
        vl_leaf_value values[2] = {cases_integer(i),
                                   cases_text(text, i % 20 == 7 ? sizeof text : 70)};
        vl_leaf_row row = {i * 37 % 64, values, 0};
        int is_done;

        tree.max_children = 4;
        st = vl_table_insert(ctx, &tree, work, &schema, &row, &is_done);
        rows += st == VELO_OK;
    }
    for (int64_t i = 0; st == VELO_OK && i < 40; i++) {
        int is_done;

        st = vl_table_delete(ctx, &tree, work, &schema, i, &is_done);
        rows -= st == VELO_OK && is_done;
    }
    if (rows > 0) {
        vl_ctx other;

        vl_ctx_init(&other, NULL, NULL);
        if (vl_tree_verify(&other, &tree, &verify, &report) != VELO_OK)
            unit_failed(__FILE__, __LINE__, "%s", other.error.text);
        else if (report.entry_count != rows)
            unit_failed(__FILE__, __LINE__, "%llu rows, not %llu",
                        (unsigned long long)report.entry_count, (unsigned long long)rows);
    }
    vl_tree_work_destroy(work);
    vl_cache_destroy(cache);
    return st;
}

static void
table_survives_each_allocation_failure(void)
{
    CHECK(unit_each_alloc_failure(cases_fill, NULL) > 10);
}

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

/* ---- attachments ---- */

/* Each leaf carries the list of its rowids; the hook moves them as it is told. */
typedef struct cases_note {
    struct cases_note *next;
    int64_t rowid;
} cases_note;

static void
cases_moved(void *argument, const vl_tree *tree, const vl_page_ref *from, const vl_page_ref *to,
            int64_t first, int64_t last)
{
    cases_note *note = vl_cache_attachment(tree->cache, from);
    cases_note *stay = NULL;
    cases_note *moved = vl_cache_attachment(tree->cache, to);

    ++*(uint32_t *)argument;
    while (note != NULL) {
        cases_note *next = note->next;
        cases_note **list = note->rowid >= first && note->rowid <= last ? &moved : &stay;

        note->next = *list;
        *list = note;
        note = next;
    }
    vl_cache_set_attachment(tree->cache, from, stay);
    vl_cache_set_attachment(tree->cache, to, moved);
}

/* Insert or purge a row, and change its note with it. */
static void
cases_change_noted(cases_table *t, const vl_leaf_schema *schema, int64_t rowid, int is_insert)
{
    vl_leaf_value value = cases_integer(rowid);
    vl_table_op op = {.action = is_insert ? VL_TABLE_INSERT : VL_TABLE_PURGE,
                      .rowid = rowid,
                      .schema = schema,
                      .values = &value};
    vl_table_write write;
    velo_status st = vl_table_write_begin(unit_ctx(), &t->tree, t->work, &op, &write);
    cases_note *list;

    CHECK_OK(st);
    if (write.is_possible && vl_table_write_enter(&write)) {
        vl_table_write_apply(&write);
        list = vl_cache_attachment(t->cache, &write.leaf);
        if (is_insert) {
            cases_note *note = malloc(sizeof *note);

            note->rowid = rowid;
            note->next = list;
            list = note;
        } else {
            cases_note **at = &list;
            cases_note *gone;

            while (*at != NULL && (*at)->rowid != rowid)
                at = &(*at)->next;
            gone = *at;
            CHECK(gone != NULL); /* it is where the row is */
            *at = gone->next;
            free(gone);
        }
        vl_cache_set_attachment(t->cache, &write.leaf, list);
        vl_table_write_leave(&write);
    }
    vl_table_write_end(unit_ctx(), &write);
}

static void
table_tells_of_rows_that_move(void)
{
    static const uint32_t ids[1] = {1};
    const vl_leaf_value defaults[1] = {cases_null()};
    vl_leaf_schema schema = {ids, defaults, 1, 0};
    uint32_t moves = 0;
    cases_table t;

    cases_open(&t);
    t.tree.moved = cases_moved;
    t.tree.argument = &moves;
    for (int64_t i = 0; i < 3000 && !unit_has_failed(); i++)
        cases_change_noted(&t, &schema, i * 7919 % 3001, 1);
    CHECK(moves > 3);
    cases_verify(&t, 3000);
    for (int64_t i = 0; i < 3000 && !unit_has_failed(); i++)
        cases_change_noted(&t, &schema, i * 4657 % 3001, 0);
    for (int64_t i = 0; i < 3001 && !unit_has_failed(); i++)
        cases_change_noted(&t, &schema, i, 0);
    CHECK_EQ(cases_page_count(&t), 1);
    cases_close(&t);
}

/* ---- writes in steps ---- */

static void
table_write_that_is_given_up_changes_nothing(void)
{
    static uint8_t text[3 * CASES_PAGE_SIZE];
    static const uint32_t ids[1] = {1};
    const vl_leaf_value defaults[1] = {cases_null()};
    vl_leaf_schema schema = {ids, defaults, 1, 0};
    vl_leaf_value value = cases_text(text, sizeof text);
    vl_table_op op = {.action = VL_TABLE_INSERT, .rowid = 5, .schema = &schema, .values = &value};
    vl_table_write write;
    cases_table t;

    cases_open(&t);
    CHECK_OK(vl_table_write_begin(unit_ctx(), &t.tree, t.work, &op, &write));
    CHECK(write.is_possible);
    CHECK_EQ(write.state, VL_LEAF_NO_SLOT);
    vl_table_write_end(unit_ctx(), &write);
    CHECK_EQ(cases_page_count(&t), 1); /* the value's pages are gone again */
    cases_verify(&t, 0);
    cases_close(&t);
}

static void
table_write_says_what_the_row_is(void)
{
    static const uint32_t ids[1] = {1};
    const vl_leaf_value defaults[1] = {cases_null()};
    vl_leaf_schema schema = {ids, defaults, 1, 0};
    vl_leaf_value value = cases_integer(5);
    vl_table_op op = {.rowid = 5, .schema = &schema, .values = &value};
    static const vl_table_action actions[] = {VL_TABLE_MARK,   VL_TABLE_INSERT, VL_TABLE_INSERT,
                                              VL_TABLE_UNMARK, VL_TABLE_MARK,   VL_TABLE_MARK,
                                              VL_TABLE_UNMARK, VL_TABLE_MARK,   VL_TABLE_INSERT,
                                              VL_TABLE_PURGE,  VL_TABLE_PURGE,  VL_TABLE_INSERT};
    static const vl_leaf_state states[] = {VL_LEAF_NO_SLOT,   VL_LEAF_NO_SLOT, VL_LEAF_LIVE,
                                           VL_LEAF_LIVE,      VL_LEAF_LIVE,    VL_LEAF_TOMBSTONE,
                                           VL_LEAF_TOMBSTONE, VL_LEAF_LIVE,    VL_LEAF_TOMBSTONE,
                                           VL_LEAF_LIVE,      VL_LEAF_GAP,     VL_LEAF_GAP};
    cases_table t;

    cases_open(&t);
    for (uint32_t i = 0; i < VL_ARRAY_COUNT(actions); i++) {
        vl_leaf_state state;

        op.action = actions[i];
        CHECK_OK(vl_table_change(unit_ctx(), &t.tree, t.work, &op, NULL, &state));
        CHECK_EQ(state, states[i]);
    }
    cases_verify(&t, 1);
    cases_close(&t);
}

/* A value in overflow that is put where it is already stays; another one takes its place. */
static void
table_update_frees_only_what_it_replaces(void)
{
    static uint8_t text[2 * CASES_PAGE_SIZE];
    static const uint32_t ids[2] = {1, 2};
    const vl_leaf_value defaults[2] = {cases_null(), cases_null()};
    vl_leaf_schema schema = {ids, defaults, 2, 0};
    vl_leaf_value values[2] = {cases_text(text, sizeof text), cases_text(text, sizeof text)};
    vl_leaf_change changes[2];
    vl_arena arena;
    cases_table t;
    uint64_t pages;
    int is_done;

    cases_open(&t);
    vl_arena_init(&arena, NULL, 0);
    CHECK(cases_insert(&t, &schema, 1, values));
    pages = cases_page_count(&t);
    CHECK_EQ(cases_read(&t, &schema, 1, &arena, values), VL_LEAF_LIVE);
    changes[0].id = 1;
    changes[0].value = values[0];
    changes[1].id = 2;
    changes[1].value = cases_text(text, sizeof text - 1);
    CHECK_OK(vl_table_update(unit_ctx(), &t.tree, t.work, &schema, 1, changes, 2, &is_done));
    CHECK_EQ(cases_page_count(&t), pages);
    cases_verify(&t, 1);
    changes[1].value = cases_integer(5);
    CHECK_OK(vl_table_update(unit_ctx(), &t.tree, t.work, &schema, 1, changes, 2, &is_done));
    CHECK_EQ(cases_page_count(&t), 1 + (pages - 1) / 2);
    cases_verify(&t, 1);
    vl_arena_deinit(&arena);
    cases_close(&t);
}

/* Another thread's change of the row, made while a value of it is being written to overflow. */
typedef struct cases_other {
    vl_thread thread;             /* of it */
    cases_table *t;               /* the table */
    const vl_leaf_schema *schema; /* its columns */
    vl_leaf_change change;        /* what it does to row 1 */
    uint32_t born;                /* pages of overflow seen so far */
    int is_done;                  /* it has made the change */
} cases_other;

static void
cases_other_main(void *argument)
{
    cases_other *other = argument;
    vl_tree_work *work = NULL;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    if (vl_tree_work_create(&ctx, CASES_PAGE_SIZE, &work) != VELO_OK ||
        vl_table_update(&ctx, &other->t->tree, work, other->schema, 1, &other->change, 1,
                        &other->is_done) != VELO_OK)
        other->is_done = 0;
    vl_tree_work_destroy(work);
}

static void
cases_note_page(void *argument, vl_pid pid, int is_born)
{
    cases_other *other = argument;

    (void)pid;
    if (!is_born || other->born++ > 0)
        return;
    if (vl_thread_start(unit_ctx(), &other->thread, "other", cases_other_main, other) == VELO_OK)
        vl_thread_join(&other->thread);
}

/* An update makes a row too long for any page, so another column goes to overflow. Meanwhile that
 * column changes: the update must not bring its old value back. */
static void
table_update_moves_no_value_that_has_changed(void)
{
    static uint8_t text[CASES_PAGE_SIZE / 4];
    static const uint32_t ids[5] = {1, 2, 3, 4, 5};
    const vl_leaf_value defaults[5] = {cases_null(), cases_null(), cases_null(), cases_null(),
                                       cases_null()};
    vl_leaf_schema schema = {ids, defaults, 5, 0};
    cases_other other = {.schema = &schema};
    vl_leaf_change change = {5, cases_text(text, VL_BY_BUILD(700U, 26U))};
    vl_table_op op = {.action = VL_TABLE_UPDATE,
                      .rowid = 1,
                      .schema = &schema,
                      .changes = &change,
                      .change_count = 1,
                      .frees_old = 1,
                      .note = cases_note_page,
                      .argument = &other};
    vl_leaf_value values[5];
    vl_leaf_state state;
    vl_arena arena;
    cases_table t;

    cases_open(&t);
    vl_arena_init(&arena, NULL, 0);
    other.t = &t;
    for (uint32_t c = 0; c < 4; c++) /* they fit without the fifth; the third is longest */
        values[c] = cases_text(text, VL_BY_BUILD(800U, 28U) + (c == 2 ? 2U : 0U));
    values[4] = cases_integer(4);
    CHECK(cases_insert(&t, &schema, 1, values));
    CHECK_EQ(cases_read(&t, &schema, 1, &arena, values), VL_LEAF_LIVE);
    for (uint32_t c = 0; c < 4; c++)
        CHECK_EQ(values[c].overflow, 0);
    other.change.id = 3;
    other.change.value = cases_text("changed meanwhile   ", 20);
    CHECK_OK(vl_table_change(unit_ctx(), &t.tree, t.work, &op, NULL, &state));
    CHECK(other.born > 0 && other.is_done);
    CHECK_EQ(cases_read(&t, &schema, 1, &arena, values), VL_LEAF_LIVE);
    CHECK_EQ(values[2].value.size, 20);
    CHECK(values[2].overflow != 0 || memcmp(values[2].value.as.data, "changed", 7) == 0);
    CHECK_EQ(values[4].value.size, change.value.value.size);
    cases_verify(&t, 1);
    vl_arena_deinit(&arena);
    cases_close(&t);
}

/* A log that counts, and sees that the row is not there yet. */
static void
cases_append(void *argument)
{
    ++*(uint32_t *)argument;
}

static void
table_change_logs_once_and_only_changes(void)
{
    static const uint32_t ids[1] = {1};
    const vl_leaf_value defaults[1] = {cases_null()};
    vl_leaf_schema schema = {ids, defaults, 1, 0};
    vl_leaf_value value = cases_integer(5);
    vl_table_op op = {.action = VL_TABLE_INSERT, .rowid = 5, .schema = &schema, .values = &value};
    uint32_t count = 0;
    vl_tree_log log = {cases_append, &count};
    vl_leaf_state state;
    cases_table t;

    cases_open(&t);
    CHECK_OK(vl_table_change(unit_ctx(), &t.tree, t.work, &op, &log, &state));
    CHECK_EQ(count, 1);
    CHECK_OK(vl_table_change(unit_ctx(), &t.tree, t.work, &op, &log, &state));
    CHECK_EQ(count, 1);
    cases_close(&t);
}

static int
cases_may_purge(void *argument, const vl_page_ref *leaf, int64_t rowid)
{
    (void)leaf;
    ++*(uint32_t *)argument;
    return rowid % 2 == 0;
}

/* A full page of tombstones makes room by dropping those that may go, instead of splitting. */
static void
table_drops_tombstones_that_may_go(void)
{
    static const uint32_t ids[1] = {1};
    const vl_leaf_value defaults[1] = {cases_null()};
    vl_leaf_schema schema = {ids, defaults, 1, 0};
    static uint8_t text[2 * CASES_PAGE_SIZE];
    uint32_t asked = 0;
    vl_table_op op = {.schema = &schema, .is_purgeable = cases_may_purge, .argument = &asked};
    vl_leaf_value value;
    vl_leaf_state state;
    cases_table t;

    cases_open(&t);
    op.values = &value;
    for (int64_t i = 0; i < 2000; i++) {
        value = cases_text(text, i % 50 == 8 ? sizeof text : 60);
        op.rowid = i;
        op.action = VL_TABLE_INSERT;
        CHECK_OK(vl_table_change(unit_ctx(), &t.tree, t.work, &op, NULL, &state));
        op.action = VL_TABLE_MARK;
        CHECK_OK(vl_table_change(unit_ctx(), &t.tree, t.work, &op, NULL, &state));
    }
    CHECK(asked > 100);
    for (int64_t i = 0; i < 2000; i++) {
        op.rowid = i;
        op.action = VL_TABLE_UNMARK;
        CHECK_OK(vl_table_change(unit_ctx(), &t.tree, t.work, &op, NULL, &state));
        /* Those that must stay are there, also for the pages that only they refer to. */
        CHECK(state == VL_LEAF_TOMBSTONE || (i % 2 == 0 && i % 50 != 8));
    }
    cases_close(&t);
}

/* ---- damage ---- */

/* Change bytes of a page behind the tree's back. */
static void
cases_damage(const cases_table *t, vl_pid pid, uint32_t at, uint8_t value)
{
    vl_page_ref ref;

    CHECK(vl_cache_exclusive(t->cache, pid, &ref));
    ((uint8_t *)ref.page)[at] = value;
    vl_cache_release_exclusive(t->cache, &ref);
}

static void
cases_note_pid(void *argument, vl_pid pid)
{
    vl_pid *pids = argument;

    pids[0]++;
    pids[pids[0]] = pid;
}

static velo_status
cases_ignore(vl_ctx *ctx, void *argument, const vl_table_row *row)
{
    (void)ctx;
    (void)argument;
    (void)row;
    return VELO_OK;
}

/* What a verification has told. */
typedef struct cases_seen {
    uint32_t faults;
    uint32_t visits;
} cases_seen;

static void
cases_count_fault(void *argument, vl_pid pid, const char *text)
{
    cases_seen *seen = argument;

    (void)pid;
    (void)text;
    seen->faults++;
}

static void
cases_count_visit(void *argument, vl_pid pid)
{
    cases_seen *seen = argument;

    (void)pid;
    seen->visits++;
}

/* Whatever page is not what it should be: verification finds it, and searches that meet it say so
 * and end. */
static void
table_with_damage_is_found_and_reported(void)
{
    static const uint32_t ids[1] = {1};
    static vl_pid pids[4096];
    const vl_leaf_value defaults[1] = {cases_null()};
    vl_leaf_schema schema = {ids, defaults, 1, 0};
    vl_tree_verify_options options = {.visit = cases_note_pid, .argument = pids};
    vl_tree_report report;
    uint32_t reported = 0;
    cases_table t;

    cases_open(&t);
    for (int64_t i = 0; i < 4000; i++) {
        vl_leaf_value value = cases_integer(i * i * i);

        CHECK(cases_insert(&t, &schema, i * 7919 % 4001, &value));
    }
    pids[0] = 0;
    CHECK_OK(vl_tree_verify(unit_ctx(), &t.tree, &options, &report));
    CHECK_EQ(pids[0], cases_page_count(&t));
    options.visit = NULL;
    for (uint32_t i = 1; i <= pids[0]; i++) {
        /* kind, level, pid, tree, first rowid of inner nodes */
        static const uint32_t places[] = {0, 1, 9, 17, 27};
        uint32_t at = places[i % VL_ARRAY_COUNT(places)];
        vl_page_ref ref;
        uint8_t old;

        CHECK(vl_cache_shared(t.cache, pids[i], &ref));
        if (((const vl_page_header *)ref.page)->level == 0 && at > 24)
            at = 0;
        old = ((const uint8_t *)ref.page)[at];
        vl_cache_release_shared(t.cache, &ref);
        cases_damage(&t, pids[i], at, (uint8_t)(old + 3));
        CHECK_STATUS(vl_tree_verify(unit_ctx(), &t.tree, &options, &report), VELO_CORRUPT);
        CHECK(report.fault_count > 0);
        reported = 0;
        for (int64_t rowid = 0; rowid < 4001; rowid += rowid < 3900 ? 7 : 1)
            reported +=
                vl_table_find(unit_ctx(), &t.tree, rowid, cases_ignore, NULL) == VELO_CORRUPT;
        CHECK(reported > 0 || at > 24); /* a range that is too wide harms no search */
        cases_damage(&t, pids[i], at, old);
    }
    cases_verify(&t, 4000);
    cases_close(&t);
}

/* A child that is named twice; a border that parent and child do not agree on. */
static void
table_with_wrong_borders_is_found(void)
{
    static const uint32_t ids[1] = {1};
    const vl_leaf_value defaults[1] = {cases_null()};
    vl_leaf_schema schema = {ids, defaults, 1, 0};
    cases_seen seen = {0, 0};
    vl_tree_verify_options options = {.fault = cases_count_fault, .argument = &seen};
    int64_t border;
    vl_tree_report report;
    vl_page_ref root;
    vl_pid first;
    vl_pid second;
    cases_table t;

    cases_open(&t);
    for (int64_t i = 0; i < 4000; i++) {
        vl_leaf_value value = cases_integer(i * i * i);

        CHECK(cases_insert(&t, &schema, i * 10, &value));
    }
    options.visit = cases_count_visit;
    CHECK(vl_cache_exclusive(t.cache, t.tree.root, &root));
    CHECK(((const vl_page_header *)root.page)->level > 1);
    border = vl_node_rowid_child_range(root.page, CASES_PAGE_SIZE, 0).last + 1;
    vl_node_rowid_set_separator(root.page, CASES_PAGE_SIZE, 0, border - 1);
    vl_cache_release_exclusive(t.cache, &root);
    CHECK_STATUS(vl_tree_verify(unit_ctx(), &t.tree, &options, &report), VELO_CORRUPT);
    CHECK_EQ(report.fault_count, 2);
    CHECK(vl_cache_exclusive(t.cache, t.tree.root, &root));
    vl_node_rowid_set_separator(root.page, CASES_PAGE_SIZE, 0, border);
    first = vl_node_rowid_child(root.page, CASES_PAGE_SIZE, 0);
    second = vl_node_rowid_child(root.page, CASES_PAGE_SIZE, 1);
    CHECK(first != second);
    vl_node_rowid_set_child(root.page, CASES_PAGE_SIZE, 1, first);
    vl_cache_release_exclusive(t.cache, &root);
    CHECK_STATUS(vl_tree_verify(unit_ctx(), &t.tree, &options, &report), VELO_CORRUPT);
    CHECK_EQ(report.fault_count, 1);
    CHECK_EQ(seen.faults, 3);
    CHECK(seen.visits <= 2 * cases_page_count(&t)); /* nothing twice below the wrong child */
    CHECK(vl_cache_exclusive(t.cache, t.tree.root, &root));
    vl_node_rowid_set_child(root.page, CASES_PAGE_SIZE, 1, second);
    vl_cache_release_exclusive(t.cache, &root);
    cases_verify(&t, 4000);
    cases_close(&t);
}

static const unit_test cases_tests[] = {
    UNIT_TEST(table_survives_each_allocation_failure),
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
    UNIT_TEST(table_tells_of_rows_that_move),
    UNIT_TEST(table_write_that_is_given_up_changes_nothing),
    UNIT_TEST(table_write_says_what_the_row_is),
    UNIT_TEST(table_update_frees_only_what_it_replaces),
    UNIT_TEST(table_update_moves_no_value_that_has_changed),
    UNIT_TEST(table_change_logs_once_and_only_changes),
    UNIT_TEST(table_drops_tombstones_that_may_go),
    UNIT_TEST(table_with_damage_is_found_and_reported),
    UNIT_TEST(table_with_wrong_borders_is_found),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, cases_tests, VL_ARRAY_COUNT(cases_tests));
}
