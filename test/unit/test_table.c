/* test_table.c - table trees against a sorted array: one thread, pages in memory. */
#include "table_model.h"

#define TABLE_PAGE_SIZE VL_PAGE_MIN_SIZE

/* ---- long random sequences ---- */

/* One random operation. Of 16: `inserts` inserts, `purges` purges, updates and marks. */
static void
table_random_step(table_model *m, int64_t range, uint32_t inserts, uint32_t purges)
{
    int64_t rowid = table_model_random_rowid(m, range);
    uint64_t choice = vl_rng_below(&m->rng, 16);

    if (choice < inserts)
        table_model_insert(m, rowid);
    else if (choice < inserts + purges)
        table_model_purge(m, rowid);
    else if (choice % 4 == 0)
        table_model_mark(m, rowid, 1);
    else if (choice % 4 == 1)
        table_model_mark(m, rowid, 0);
    else
        table_model_update(m, rowid);
}

/* Grow, change, shrink to nothing. */
static void
table_random_run(uint32_t max_children, int64_t range, uint32_t long_texts, uint32_t steps)
{
    table_model m;

    table_model_init(&m, TABLE_PAGE_SIZE, max_children, unit_seed());
    m.long_texts = long_texts;
    for (uint32_t i = 0; i < steps && !unit_has_failed(); i++) {
        table_random_step(&m, range, i < steps / 2 ? 10 : 3, i < steps / 2 ? 2 : 6);
        if (i % (steps / 8) == 0)
            table_model_check(&m);
    }
    table_model_check(&m);
    while (m.count > 0 && !unit_has_failed()) {
        table_model_purge(&m, m.rows[vl_rng_below(&m.rng, m.count)].rowid);
        if (m.count % 512 == 0)
            table_model_check(&m);
    }
    table_model_deinit(&m);
}

static void
table_agrees_with_model_in_high_trees(void)
{
    table_random_run(4, 30000, 9, 20000);
}

static void
table_agrees_with_model_in_wide_trees(void)
{
    table_random_run(UINT32_MAX, 100000, 9, 20000);
}

static void
table_agrees_with_model_with_long_rows(void)
{
    table_random_run(5, 900, 1, 10000);
}

static void
table_agrees_with_model_with_short_rows(void)
{
    table_random_run(6, 20000, 0, 20000);
}

static const unit_test table_tests[] = {
    UNIT_TEST(table_agrees_with_model_in_high_trees),
    UNIT_TEST(table_agrees_with_model_in_wide_trees),
    UNIT_TEST(table_agrees_with_model_with_long_rows),
    UNIT_TEST(table_agrees_with_model_with_short_rows),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, table_tests, VL_ARRAY_COUNT(table_tests));
}
