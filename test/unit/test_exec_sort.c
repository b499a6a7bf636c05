/* test_exec_sort.c - SORT, COMPOUND, DISTINCT: in memory and in files, against plain models. */
#include "exec/sorter.h"
#include "lib/exec_rig.h"
#include "lib/unit.h"
#include "vec/value.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* Rows of the random tests, and bytes of their texts: enough to outgrow the least limit. */
#define ROWS      VL_BY_BUILD(900U, 300U)
#define TEXT_SIZE VL_BY_BUILD(300U, 20U)

static void
sort_orders(void)
{
    plan_builder b;
    vl_op *rows;

    plan_init(&b);
    rows = plan_values(&b, "i3 ta; n tb; i1 tB; i2 ta; ta tc; bx tb; r2.5 tA; i1 ta");
    CHECK_ROWS(&b, plan_sort(&b, rows, "c0"),
               "n tb; i1 tB; i1 ta; i2 ta; r2.5 tA; i3 ta; ta tc; bx tb");
    CHECK_ROWS(&b, plan_sort(&b, rows, "c0 desc"),
               "bx tb; ta tc; i3 ta; r2.5 tA; i2 ta; i1 tB; i1 ta; n tb");
    CHECK_ROWS(&b, plan_sort(&b, rows, "c0 last"),
               "i1 tB; i1 ta; i2 ta; r2.5 tA; i3 ta; ta tc; bx tb; n tb");
    CHECK_ROWS(&b, plan_sort(&b, rows, "c0 desc first"),
               "n tb; bx tb; ta tc; i3 ta; r2.5 tA; i2 ta; i1 tB; i1 ta");
    CHECK_ROWS(&b, plan_sort(&b, rows, "c1 nocase c0 desc"),
               "i3 ta; r2.5 tA; i2 ta; i1 ta; bx tb; i1 tB; n tb; ta tc");
    CHECK_ROWS(&b, plan_sort(&b, plan_values(&b, "i3; i-4; i1; i-2"), "(* c0 c0)"),
               "i1; i-2; i3; i-4");
    CHECK_ROWS(&b, plan_sort(&b, plan_values(&b, ""), "c0"), "");
    CHECK_ROWS(&b, plan_sort(&b, plan_values(&b, "i1; ta"), "i1"), "i1; ta");
    plan_deinit(&b);
}

static vl_op *
top(plan_builder *b, vl_op *child, const char *keys, const char *limit, const char *offset)
{
    vl_op *op = plan_sort(b, child, keys);

    op->as.sort.limit = plan_expr(b, limit);
    op->as.sort.offset = offset == NULL ? NULL : plan_expr(b, offset);
    return plan_limit(b, op, limit, offset);
}

static void
sort_keeps_the_first_rows(void)
{
    plan_builder b;
    vl_op *series;

    plan_init(&b);
    series = plan_series(&b, 3000, 7);
    CHECK_ROWS(&b, top(&b, series, "c1 c0 desc", "i3", NULL), "i2996 i0; i2989 i0; i2982 i0");
    CHECK_ROWS(&b, top(&b, series, "c1 desc", "i2", "i2"), "i20 i6; i27 i6");
    CHECK_ROWS(&b, top(&b, series, "c0 desc", "i1", NULL), "i2999 i3");
    CHECK_ROWS(&b, top(&b, series, "c0", "i0", NULL), "");
    CHECK_ROWS(&b, top(&b, plan_values(&b, "i2; i1"), "c0", "i-1", NULL), "i1; i2");
    plan_deinit(&b);
}

/* ---- against models ---- */

static const vl_sort_key *model_keys;
static uint32_t model_key_count;

/* Order of two rows by model_keys, then by number (column 2). */
static int
model_compare(const void *left, const void *right)
{
    const vl_value *a = *(vl_value *const *)left;
    const vl_value *b = *(vl_value *const *)right;

    for (uint32_t i = 0; i < model_key_count; i++) {
        const vl_sort_key *key = &model_keys[i];
        const vl_value *x = &a[key->expr->index];
        const vl_value *y = &b[key->expr->index];
        int order = vl_value_compare(x, y, (vl_collation)key->collation);

        if ((x->type == VL_TYPE_NULL) != (y->type == VL_TYPE_NULL))
            return (x->type == VL_TYPE_NULL) == key->nulls_last ? 1 : -1;
        if (order != 0)
            return key->is_descending ? -order : order;
    }
    return a[2].as.integer < b[2].as.integer ? -1 : a[2].as.integer > b[2].as.integer;
}

static const char *const model_orders[] = {
    "c0", "c0 desc", "c0 nocase c1", "c0 rtrim desc first c1 desc", "c3 c0 last", "c1 c0 desc",
};

static void
sort_equals_its_model(void)
{
    vl_rng rng;
    exec_rig rig;

    vl_rng_init(&rng, unit_seed());
    for (uint32_t round = 0; round < VL_ARRAY_COUNT(model_orders); round++) {
        rig_rows rows;
        rig_rows sorted;
        vl_op *op;

        CHECK(rig_init(&rig));
        rows = rig_random(&rig, &rng, ROWS, TEXT_SIZE);
        op = plan_sort(&rig.builder, rig_values(&rig, &rows), model_orders[round]);
        model_keys = op->as.sort.keys;
        model_key_count = op->as.sort.key_count;
        sorted = rig_run(&rig, op);
        CHECK_EQ(rig.spilled, 0);
        qsort(rows.rows, rows.count, sizeof rows.rows[0], model_compare);
        CHECK(rig_are_equal(&sorted, &rows));
        rig.env.memory_limit = 1;
        sorted = rig_run(&rig, op);
        CHECK_STATUS(rig.status, VELO_DONE);
        CHECK(rig.spilled > 0);
        CHECK(rig_are_equal(&sorted, &rows));
        op->as.sort.limit = plan_expr(&rig.builder, "i77");
        rows.count = 77;
        sorted = rig_run(&rig, op);
        CHECK(rig_are_equal(&sorted, &rows));
        rig_deinit(&rig);
    }
}

/* ---- rows of nothing but numbers ---- */

/* More than are sorted as one part (number_sort.c). */
#define NUMBERS VL_BY_BUILD(66000U, 300U)

/* Rows of: a real with few or many different ones, a small integer, the row's number, an integer of
 * any size. */
static void
numbers_random(exec_rig *rig, vl_rng *rng, uint32_t count, rig_rows *out)
{
    static const double edges[] = {0.0, -1.5, 1e300, -1e300, (double)INFINITY, -(double)INFINITY};
    static const int64_t ends[] = {INT64_MIN, INT64_MAX, 0, -1};
    vl_arena *arena = &rig->builder.arena;
    rig_rows rows = {.count = count, .width = 4};

    rows.rows = vl_arena_alloc_array(arena, count, sizeof *rows.rows);
    CHECK(rows.rows != NULL);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t random = vl_rng_next(rng);
        vl_value *row = vl_arena_alloc_array(arena, 4, sizeof *row);

        CHECK(row != NULL);
        row[0] = vl_value_of_real(random % 64 == 0 ? edges[random / 64 % VL_ARRAY_COUNT(edges)]
                                                   : (double)(random / 64 % 5000) / 8.0 - 100.0);
        row[1] = vl_value_of_integer((int64_t)(random >> 60) - 8);
        row[2] = vl_value_of_integer(i);
        row[3] = vl_value_of_integer(random % 16 == 0 ? ends[random / 16 % VL_ARRAY_COUNT(ends)]
                                                      : (int64_t)vl_rng_next(rng));
        rows.rows[i] = row;
    }
    *out = rows;
}

/* Sort as numbers and row by row; both must be the model. *saved: by how many bytes the one
 * took less. */
static void
numbers_check(exec_rig *rig, const rig_rows *rows, const char *order, int64_t *saved)
{
    vl_op *op = plan_sort(&rig->builder, rig_values(rig, rows), order);
    rig_rows wanted = *rows;
    rig_rows sorted;
    uint64_t peak;

    wanted.rows = vl_arena_copy(&rig->builder.arena, rows->rows, rows->count * sizeof *rows->rows);
    CHECK(wanted.rows != NULL);
    model_keys = op->as.sort.keys;
    model_key_count = op->as.sort.key_count;
    qsort(wanted.rows, wanted.count, sizeof wanted.rows[0], model_compare);
    rig->env.is_plain = 0;
    sorted = rig_run(rig, op);
    peak = rig->peak;
    CHECK_STATUS(rig->status, VELO_DONE);
    CHECK(rig_are_equal(&sorted, &wanted));
    rig->env.is_plain = 1;
    sorted = rig_run(rig, op);
    CHECK(rig_are_equal(&sorted, &wanted));
    *saved = (int64_t)(rig->peak - peak);
}

static void
numbers_equal_their_model(void)
{
    static const char *const orders[] = {"c0",         "c1 desc c0", "c1 c0 desc c3",
                                         "c3 desc c1", "c1",         "c1 c1 desc c3 desc"};
    vl_rng rng;
    exec_rig rig;
    rig_rows rows;
    int64_t saved = 0;

    vl_rng_init(&rng, unit_seed());
    for (size_t i = 0; i < VL_ARRAY_COUNT(orders) && !unit_has_failed(); i++) {
        CHECK(rig_init(&rig));
        numbers_random(&rig, &rng, i < 3 ? NUMBERS : 600 + (uint32_t)vl_rng_below(&rng, 2000),
                       &rows);
        numbers_check(&rig, &rows, orders[i], &saved);
        CHECK(unit_has_failed() || saved > 0);
        rig_deinit(&rig);
    }
}

/* What does not suit, in the first chunk or a later one, and more than memory has room for. */
static void
numbers_go_on_row_by_row(void)
{
    const vl_value others[] = {
        vl_value_of_null(),
        vl_value_of_real(-0.0),
        vl_value_of_integer(7),
        {.type = VL_TYPE_TEXT, .size = 1, .as.data = "x"},
    };
    int64_t saved = 0;
    vl_rng rng;
    exec_rig rig;
    rig_rows rows;
    vl_op *op;

    vl_rng_init(&rng, unit_seed());
    for (size_t i = 0; i < 2 * VL_ARRAY_COUNT(others) && !unit_has_failed(); i++) {
        CHECK(rig_init(&rig));
        numbers_random(&rig, &rng, 2500, &rows);
        rows.rows[i % 2 == 0 ? 5 : 2400][0] = others[i / 2];
        numbers_check(&rig, &rows, "c0 desc c1", &saved);
        CHECK_EQ(saved, 0);
        rig_deinit(&rig);
    }
    CHECK(rig_init(&rig));
    numbers_random(&rig, &rng, VL_BY_BUILD(20000, 600), &rows);
    rig.env.memory_limit = VL_BY_BUILD(300000, 3000);
    numbers_check(&rig, &rows, "c3 c0", &saved);
    CHECK(rig.spilled > 0);
    rows.count = 80;
    rig.env.memory_limit = 0;
    rig.env.is_plain = 0;
    op = plan_sort(&rig.builder, rig_values(&rig, &rows), "c1 c0");
    (void)plan_root(&rig.builder, op);
    CHECK(unit_each_alloc_failure(rig_operation, &rig) > VL_BY_BUILD(3, 10));
    rig_deinit(&rig);
}

/* ---- DISTINCT and set operations ---- */

static int
is_same(const vl_value *left, const vl_value *right, uint32_t width)
{
    for (uint32_t i = 0; i < width; i++) {
        if (vl_value_compare(&left[i], &right[i], VL_COLLATE_BINARY) != 0)
            return 0;
    }
    return 1;
}

/* The first row that is equal in all columns but the number; they are moved to the end. */
static int
is_first(const rig_rows *rows, uint32_t at)
{
    for (uint32_t i = 0; i < at; i++) {
        if (is_same(rows->rows[i], rows->rows[at], 2))
            return 0;
    }
    return 1;
}

static void
distinct_equals_its_model(void)
{
    vl_rng rng;
    exec_rig rig;
    uint64_t spilled = 0;

    vl_rng_init(&rng, unit_seed());
    for (uint64_t limit = 0; limit < 2; limit++) {
        rig_rows rows;
        rig_rows wanted = {.width = 4};
        rig_rows got;
        vl_op *op;

        CHECK(rig_init(&rig));
        rig.env.memory_limit = limit;
        rows = rig_random(&rig, &rng, ROWS, TEXT_SIZE);
        op = plan_op(&rig.builder, VL_OP_KIND_DISTINCT, 4, rig_values(&rig, &rows), NULL);
        op->as.distinct.key_count = 2;
        op->as.distinct.collations = plan_bytes(&rig.builder, 2, VL_COLLATE_BINARY);
        wanted.rows = vl_arena_alloc_array(&rig.builder.arena, ROWS, sizeof(vl_value *));
        for (uint32_t i = 0; i < rows.count; i++) {
            if (is_first(&rows, i))
                wanted.rows[wanted.count++] = rows.rows[i];
        }
        got = rig_run(&rig, op);
        CHECK_STATUS(rig.status, VELO_DONE);
        CHECK(rig_are_equal(&got, &wanted));
        spilled += rig.spilled;
        rig_deinit(&rig);
    }
    CHECK(VL_TINY == 0 || spilled > 0);
}

/* DISTINCT on long keys, which outgrow any limit. */
static void
distinct_of_long_keys_goes_to_a_file(void)
{
    vl_rng rng;
    exec_rig rig;
    rig_rows rows;
    rig_rows got;
    rig_rows again;
    vl_op *op;

    vl_rng_init(&rng, unit_seed());
    CHECK(rig_init(&rig));
    rows = rig_random(&rig, &rng, ROWS, TEXT_SIZE);
    op = plan_project(&rig.builder, rig_values(&rig, &rows), "c3 c1 c0 c2");
    op = plan_op(&rig.builder, VL_OP_KIND_DISTINCT, 4, op, NULL);
    op->as.distinct.key_count = 3;
    op->as.distinct.collations = plan_bytes(&rig.builder, 3, VL_COLLATE_NOCASE);
    got = rig_run(&rig, op);
    CHECK_EQ(rig.spilled, 0);
    rig.env.memory_limit = 1;
    again = rig_run(&rig, op);
    CHECK(rig.spilled > 0);
    CHECK(got.count > 10 && got.count < rows.count);
    CHECK(rig_are_equal(&got, &again));
    rig_deinit(&rig);
}

static vl_op *
compound(plan_builder *b, vl_compound kind, vl_op *left, vl_op *right)
{
    vl_op *op = plan_op(b, VL_OP_KIND_COMPOUND, left->column_count, left, right);

    op->as.compound.kind = kind;
    op->as.compound.collations = plan_bytes(b, left->column_count, VL_COLLATE_BINARY);
    return op;
}

static void
compounds_are_sorted(void)
{
    plan_builder b;
    vl_op *left;
    vl_op *right;
    vl_op *op;

    plan_init(&b);
    left = plan_values(&b, "i3; n; i1; ta; i3; r1.0; n");
    right = plan_values(&b, "ta; i4; i1; n; tb");
    CHECK_ROWS(&b, compound(&b, VL_COMPOUND_UNION_ALL, left, right),
               "i3; n; i1; ta; i3; r1.0; n; ta; i4; i1; n; tb");
    CHECK_ROWS(&b, compound(&b, VL_COMPOUND_UNION, left, right), "n; i1; i3; i4; ta; tb");
    CHECK_ROWS(&b, compound(&b, VL_COMPOUND_INTERSECT, left, right), "n; r1.0; ta");
    CHECK_ROWS(&b, compound(&b, VL_COMPOUND_EXCEPT, left, right), "i3");
    CHECK_ROWS(&b, compound(&b, VL_COMPOUND_EXCEPT, right, left), "i4; tb");
    CHECK_ROWS(&b,
               compound(&b, VL_COMPOUND_EXCEPT, plan_values(&b, "i1; r1.0; i2; i1; i9"),
                        plan_values(&b, "")),
               "i1; i2; i9");
    CHECK_ROWS(&b, compound(&b, VL_COMPOUND_UNION, plan_values(&b, ""), plan_values(&b, "")), "");
    op = compound(&b, VL_COMPOUND_UNION, plan_values(&b, "ta; tb"), plan_values(&b, "tA"));
    op->as.compound.collations = plan_bytes(&b, 1, VL_COLLATE_NOCASE);
    CHECK_ROWS(&b, op, "tA; tb");
    CHECK_ROWS(&b, plan_limit(&b, compound(&b, VL_COMPOUND_UNION_ALL, left, right), "i2", "i6"),
               "n; ta");
    plan_deinit(&b);
}

/* Members of the three sets, by looking at every pair. */
static int
is_member(const rig_rows *rows, const vl_value *row)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        if (is_same(rows->rows[i], row, 2))
            return 1;
    }
    return 0;
}

static int
is_sorted(const rig_rows *rows)
{
    for (uint32_t i = 1; i < rows->count; i++) {
        int order = vl_value_compare(&rows->rows[i - 1][0], &rows->rows[i][0], VL_COLLATE_BINARY);

        if (order == 0)
            order = vl_value_compare(&rows->rows[i - 1][1], &rows->rows[i][1], VL_COLLATE_BINARY);
        if (order >= 0)
            return 0;
    }
    return 1;
}

static void
check_compound(exec_rig *rig, vl_compound kind, const rig_rows *left, const rig_rows *right)
{
    vl_op *op = compound(&rig->builder, kind,
                         plan_project(&rig->builder, rig_values(rig, left), "c0 c1 (|| c3 c3)"),
                         plan_project(&rig->builder, rig_values(rig, right), "c0 c1 (|| c3 c3)"));
    rig_rows got = rig_run(rig, op);
    uint32_t wanted = 0;

    CHECK_STATUS(rig->status, VELO_DONE);
    CHECK(is_sorted(&got));
    for (uint32_t i = 0; i < got.count; i++) {
        int is_left = is_member(left, got.rows[i]);
        int is_right = is_member(right, got.rows[i]);

        CHECK(kind == VL_COMPOUND_UNION ? is_left || is_right : is_left);
        CHECK(kind != VL_COMPOUND_INTERSECT || is_right);
        CHECK(kind != VL_COMPOUND_EXCEPT || !is_right);
    }
    for (uint32_t i = 0; i < left->count; i++) {
        int is_right = is_member(right, left->rows[i]);

        if (is_first(left, i) &&
            (kind == VL_COMPOUND_UNION || is_right == (kind == VL_COMPOUND_INTERSECT)))
            wanted++;
    }
    for (uint32_t i = 0; i < right->count && kind == VL_COMPOUND_UNION; i++)
        wanted += is_first(right, i) && !is_member(left, right->rows[i]);
    CHECK_EQ(got.count, wanted);
}

static void
compounds_equal_their_models(void)
{
    vl_rng rng;
    exec_rig rig;

    vl_rng_init(&rng, unit_seed());
    for (uint64_t limit = 0; limit < 2; limit++) {
        rig_rows left;
        rig_rows right;

        CHECK(rig_init(&rig));
        rig.env.memory_limit = limit;
        left = rig_random(&rig, &rng, ROWS, TEXT_SIZE);
        right = rig_random(&rig, &rng, ROWS / 2, TEXT_SIZE);
        check_compound(&rig, VL_COMPOUND_UNION, &left, &right);
        CHECK((rig.spilled > 0) == (limit > 0));
        check_compound(&rig, VL_COMPOUND_INTERSECT, &left, &right);
        check_compound(&rig, VL_COMPOUND_EXCEPT, &left, &right);
        rig_deinit(&rig);
    }
}

/* ---- what can go wrong ---- */

static void
sorts_survive_lack_of_memory(void)
{
    exec_rig rig;
    vl_rng rng;
    rig_rows rows;
    vl_op *op;

    vl_rng_init(&rng, unit_seed());
    CHECK(rig_init(&rig));
    rig.env.memory_limit = 1;
    rows = rig_random(&rig, &rng, 60, TEXT_SIZE);
    op = plan_sort(&rig.builder, rig_values(&rig, &rows), "c0 desc (+ c1 i1)");
    (void)plan_root(&rig.builder, op);
    CHECK(unit_each_alloc_failure(rig_operation, &rig) > VL_BY_BUILD(3, 10));
    op = compound(&rig.builder, VL_COMPOUND_EXCEPT, rig_values(&rig, &rows),
                  plan_limit(&rig.builder, rig_values(&rig, &rows), "i10", NULL));
    (void)plan_root(&rig.builder, op);
    CHECK(unit_each_alloc_failure(rig_operation, &rig) > VL_BY_BUILD(3, 10));
    op = plan_op(&rig.builder, VL_OP_KIND_DISTINCT, 4, rig_values(&rig, &rows), NULL);
    op->as.distinct.key_count = 4;
    op->as.distinct.collations = plan_bytes(&rig.builder, 4, VL_COLLATE_BINARY);
    (void)plan_root(&rig.builder, op);
    CHECK(unit_each_alloc_failure(rig_operation, &rig) > VL_BY_BUILD(3, 10));
    rig_deinit(&rig);
}

static void
sorts_report_what_the_disk_says(void)
{
    static const uint32_t ops[] = {VL_SIM_OPEN | VL_SIM_CREATE, VL_SIM_WRITE, VL_SIM_READ};
    exec_rig rig;
    vl_rng rng;
    rig_rows rows;
    vl_op *op;

    vl_rng_init(&rng, unit_seed());
    CHECK(rig_init(&rig));
    rig.env.memory_limit = 1;
    rows = rig_random(&rig, &rng, ROWS, TEXT_SIZE);
    op = plan_sort(&rig.builder, rig_values(&rig, &rows), "c0");
    for (size_t i = 0; i < VL_ARRAY_COUNT(ops); i++) {
        vl_sim_fault fault = {.kind = VL_SIM_ERROR, .ops = ops[i], .nth = 1, .os_error = ENOSPC};

        CHECK_OK(vl_sim_plan(unit_ctx(), rig.sim, &fault));
        (void)rig_run(&rig, op);
        CHECK(rig.status != VELO_DONE && rig.status != VELO_ROW);
        vl_sim_plan_clear(rig.sim);
    }
    (void)rig_run(&rig, op);
    CHECK_STATUS(rig.status, VELO_DONE);
    rig_deinit(&rig);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(sort_orders),
        UNIT_TEST(sort_keeps_the_first_rows),
        UNIT_TEST(sort_equals_its_model),
        UNIT_TEST(numbers_equal_their_model),
        UNIT_TEST(numbers_go_on_row_by_row),
        UNIT_TEST(distinct_equals_its_model),
        UNIT_TEST(distinct_of_long_keys_goes_to_a_file),
        UNIT_TEST(compounds_are_sorted),
        UNIT_TEST(compounds_equal_their_models),
        UNIT_TEST(sorts_survive_lack_of_memory),
        UNIT_TEST(sorts_report_what_the_disk_says),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
