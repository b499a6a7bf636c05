/* table_cases.h - short ways to make tables and values in tests of table trees. */
#ifndef VL_TEST_TABLE_CASES_H
#define VL_TEST_TABLE_CASES_H

#include "lib/unit.h"
#include "storage/table.h"

#define CASES_PAGE_SIZE VL_PAGE_MIN_SIZE

static inline vl_leaf_value
cases_integer(int64_t integer)
{
    vl_leaf_value value = {{.type = VL_TYPE_INTEGER}, 0};

    value.value.as.integer = integer;
    return value;
}

static inline vl_leaf_value
cases_text(const void *data, uint32_t size)
{
    vl_leaf_value value = {{.type = VL_TYPE_TEXT, .size = size}, 0};

    value.value.as.data = data;
    return value;
}

static inline vl_leaf_value
cases_null(void)
{
    vl_leaf_value value = {{.type = VL_TYPE_NULL}, 0};

    return value;
}

/* A tree with a cache of its own. */
typedef struct cases_table {
    vl_cache *cache;
    vl_tree tree;
    vl_tree_work *work;
} cases_table;

static inline void
cases_open(cases_table *t)
{
    vl_cache_options options = {.page_size = CASES_PAGE_SIZE};

    memset(t, 0, sizeof *t);
    CHECK_OK(vl_cache_create(unit_ctx(), &options, &t->cache));
    CHECK_OK(vl_tree_work_create(unit_ctx(), CASES_PAGE_SIZE, &t->work));
    CHECK_OK(vl_tree_create(unit_ctx(), &vl_table_ops, t->cache, 3, NULL, &t->tree));
    t->tree.max_children = 4;
}

static inline uint64_t
cases_page_count(const cases_table *t)
{
    vl_cache_stats stats;

    vl_cache_get_stats(t->cache, &stats);
    return stats.page_count;
}

static inline void
cases_verify(const cases_table *t, uint64_t rows)
{
    vl_tree_verify_options options = {0};
    vl_tree_report report;

    CHECK_OK(vl_tree_verify(unit_ctx(), &t->tree, &options, &report));
    CHECK_EQ(report.entry_count, rows);
}

static inline void
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

static inline int
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
static inline vl_leaf_state
cases_read(const cases_table *t, const vl_leaf_schema *schema, int64_t rowid, vl_arena *arena,
           vl_leaf_value *values)
{
    vl_leaf_state state = VL_LEAF_NO_SLOT;

    if (vl_table_read(unit_ctx(), &t->tree, rowid, schema, arena, values, &state) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "%s", unit_ctx()->error.text);
    return state;
}

#endif
