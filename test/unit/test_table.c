/* test_table.c - table trees against a sorted array: one thread, pages in memory. */
#include "table_model.h"

#define TABLE_PAGE_SIZE VL_PAGE_MIN_SIZE

/* ---- long random sequences ---- */

static void
table_random_step(table_model *m, int64_t range, uint32_t inserts)
{
    int64_t rowid = table_model_random_rowid(m, range);

    switch (vl_rng_below(&m->rng, 6 + inserts)) {
    case 0:
    case 1:
        table_model_purge(m, rowid);
        break;
    case 2:
        table_model_mark(m, rowid, 1);
        break;
    case 3:
        table_model_mark(m, rowid, 0);
        break;
    case 4:
    case 5:
        table_model_update(m, rowid);
        break;
    default:
        table_model_insert(m, rowid);
        break;
    }
}

static void
table_random_run(uint32_t max_children, int64_t range, uint32_t steps)
{
    table_model m;

    table_model_init(&m, TABLE_PAGE_SIZE, max_children, unit_seed());
    for (uint32_t i = 0; i < steps && !unit_has_failed(); i++) {
        uint32_t inserts = i < steps / 2 ? 12 : 1; /* grow, then shrink */

        table_random_step(&m, range, inserts);
        if (i % (steps / 8) == 0)
            table_model_check(&m);
    }
    table_model_check(&m);
    table_model_deinit(&m);
}

static void
table_agrees_with_model_in_high_trees(void)
{
    table_random_run(4, 30000, 8000);
}

static void
table_agrees_with_model_in_wide_trees(void)
{
    table_random_run(UINT32_MAX, 100000, 8000);
}

static void
table_agrees_with_model_in_dense_trees(void)
{
    table_random_run(5, 900, 6000);
}

static const unit_test table_tests[] = {
    UNIT_TEST(table_agrees_with_model_in_high_trees),
    UNIT_TEST(table_agrees_with_model_in_wide_trees),
    UNIT_TEST(table_agrees_with_model_in_dense_trees),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, table_tests, VL_ARRAY_COUNT(table_tests));
}
