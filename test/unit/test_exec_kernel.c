/* test_exec_kernel.c - conditions on whole vectors say what the evaluator says of each row. */
#include "exec/kernel.h"
#include "lib/plan_build.h"
#include "lib/unit.h"
#include "vec/value.h"

#include <math.h>
#include <stdio.h>

#define ROUNDS 400

/* A chunk of one vector of each form, with NULLs. */
typedef struct kernel_rig {
    vl_vector vectors[3]; /* ANY, INTEGER, REAL */
    vl_chunk chunk;
    vl_value values[VL_CHUNK_ROWS];
    int64_t integers[VL_CHUNK_ROWS];
    double reals[VL_CHUNK_ROWS];
    uint64_t validity[2][VL_KERNEL_WORDS];
    uint16_t selection[VL_CHUNK_ROWS];
} kernel_rig;

static const int64_t edges[] = {
    0, 1, -1, 2, 3, INT64_MAX, INT64_MIN, INT64_MAX - 1, 1LL << 53, -5, 1LL << 62, (1LL << 53) + 1};
static const double real_edges[] = {0.0,  -0.0,   0.5,  -0.5,   1.0,     2.5,   3.0,
                                    -5.0, 0x1p53, 1e18, 0x1p63, -0x1p63, 1e300, -1e300};

static int64_t
random_integer(vl_rng *rng)
{
    if (vl_rng_chance(rng, 1, 3))
        return edges[vl_rng_below(rng, VL_ARRAY_COUNT(edges))];
    return (int64_t)vl_rng_below(rng, 9) - 4;
}

static double
random_real(vl_rng *rng)
{
    if (vl_rng_chance(rng, 1, 20))
        return vl_rng_chance(rng, 1, 2) ? (double)INFINITY : -(double)INFINITY;
    if (vl_rng_chance(rng, 1, 3))
        return real_edges[vl_rng_below(rng, VL_ARRAY_COUNT(real_edges))];
    return ((double)vl_rng_below(rng, 33) - 16) / 4;
}

static vl_value
random_value(vl_rng *rng)
{
    static const char *const texts[] = {"", "1", "2.5", "a", "A", "-4"};
    const char *text = texts[vl_rng_below(rng, VL_ARRAY_COUNT(texts))];
    vl_type type = vl_rng_chance(rng, 1, 2) ? VL_TYPE_TEXT : VL_TYPE_BLOB;

    switch (vl_rng_below(rng, 4)) {
    case 0:
        return vl_value_of_null();
    case 1:
        return vl_value_of_real(random_real(rng));
    case 2:
        return (vl_value){.type = type, .size = (uint32_t)strlen(text), .as.data = text};
    default:
        return vl_value_of_integer(random_integer(rng));
    }
}

static void
rig_fill(kernel_rig *rig, vl_rng *rng)
{
    uint32_t count = 1 + (uint32_t)vl_rng_below(rng, VL_CHUNK_ROWS);

    memset(rig, 0, sizeof *rig);
    for (uint32_t i = 0; i < count; i++) {
        rig->values[i] = random_value(rng);
        rig->integers[i] = random_integer(rng);
        rig->reals[i] = random_real(rng);
    }
    vl_rng_fill(rng, rig->validity, sizeof rig->validity);
    rig->vectors[0] = (vl_vector){.form = VL_VECTOR_ANY, .as.values = rig->values};
    rig->vectors[1] = (vl_vector){.form = VL_VECTOR_INTEGER, .as.integers = rig->integers};
    rig->vectors[2] = (vl_vector){.form = VL_VECTOR_REAL, .as.reals = rig->reals};
    for (uint32_t i = 0; i < 2; i++)
        rig->vectors[i + 1].validity = vl_rng_chance(rng, 1, 3) ? NULL : rig->validity[i];
    rig->chunk =
        (vl_chunk){.column_count = 3, .row_count = count, .count = count, .vectors = rig->vectors};
    if (vl_rng_chance(rng, 1, 2))
        return;
    rig->chunk.selection = rig->selection;
    rig->chunk.count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (vl_rng_chance(rng, 1, 2))
            rig->selection[rig->chunk.count++] = (uint16_t)i;
    }
}

/* Compare the bits of a condition with what the evaluator says of each row. */
static int
agrees(kernel_rig *rig, plan_builder *builder, const vl_expr *expr, int must_decide)
{
    vl_eval eval = {.arena = &builder->arena, .chunk = &rig->chunk};
    uint64_t bits[VL_KERNEL_WORDS];

    if (!vl_kernel_filter(unit_ctx(), &eval, expr, bits))
        return !must_decide;
    for (uint32_t n = 0; n < rig->chunk.count; n++) {
        int truth = 0;

        eval.at = vl_chunk_row(&rig->chunk, n);
        if (vl_eval_truth(unit_ctx(), &eval, expr, &truth) != VELO_OK)
            return 0;
        if (vl_bits_get(bits, eval.at) != (truth > 0)) {
            fprintf(stderr, "  row %u: bit %d, truth %d\n", eval.at, vl_bits_get(bits, eval.at),
                    truth);
            return 0;
        }
    }
    for (uint32_t row = rig->chunk.row_count; row < 64 * VL_KERNEL_WORDS; row++) {
        if (vl_bits_get(bits, row))
            return 0;
    }
    return 1;
}

/* A comparison of a column with a random constant, either side first. */
static vl_expr *
random_comparison(plan_builder *builder, vl_rng *rng, uint32_t column)
{
    static const char *const texts[] = {"(= c0 i0)",  "(<> c0 i0)", "(< c0 i0)",
                                        "(<= c0 i0)", "(> c0 i0)",  "(>= c0 i0)"};
    vl_expr *expr = plan_expr(builder, texts[vl_rng_below(rng, VL_ARRAY_COUNT(texts))]);

    expr->kids[0]->index = column;
    expr->kids[1]->value = random_value(rng);
    if (column > 0 && vl_rng_chance(rng, 2, 3))
        expr->kids[1]->value = vl_rng_chance(rng, 1, 2) ? vl_value_of_integer(random_integer(rng))
                                                        : vl_value_of_real(random_real(rng));
    expr->compared = (uint8_t)vl_rng_below(rng, VL_AFFINITY_REAL + 1);
    expr->collation = (uint8_t)vl_rng_below(rng, 3);
    if (vl_rng_chance(rng, 1, 2)) {
        vl_expr *kid = expr->kids[0];

        expr->kids[0] = expr->kids[1];
        expr->kids[1] = kid;
    }
    return expr;
}

/* A condition that is made of comparisons. */
static vl_expr *
random_condition(plan_builder *builder, vl_rng *rng, int depth)
{
    static const char *const texts[] = {"(and (isnull c1) (isnull c1) (notnull c2))",
                                        "(or (isnull c1) (isnull c1))", "(not (isnull c1))",
                                        "(between c0 i0 i0)", "(in c0 i0 i0 i0)"};
    uint64_t kind = vl_rng_below(rng, depth > 0 ? VL_ARRAY_COUNT(texts) + 1 : 2);
    vl_expr *expr;

    kind = depth > 0 ? kind : kind + 3;
    if (kind == VL_ARRAY_COUNT(texts))
        return random_comparison(builder, rng, (uint32_t)vl_rng_below(rng, 3));
    expr = plan_expr(builder, texts[kind]);
    expr->is_not = kind >= 3 && vl_rng_chance(rng, 1, 3);
    if (kind < 3) {
        for (uint32_t i = 0; i < expr->kid_count; i++)
            expr->kids[i] = random_condition(builder, rng, depth - 1);
        return expr;
    }
    expr->kids[0]->index = (uint32_t)vl_rng_below(rng, 3);
    for (uint32_t i = 1; i < expr->kid_count; i++)
        expr->kids[i]->value = random_value(rng);
    expr->compared = (uint8_t)vl_rng_below(rng, VL_AFFINITY_REAL + 1);
    expr->compared2 = (uint8_t)vl_rng_below(rng, VL_AFFINITY_REAL + 1);
    return expr;
}

static void
kernels_join_conditions_as_the_evaluator(void)
{
    static kernel_rig rig;
    uint32_t decided = 0;
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (int round = 0; round < ROUNDS; round++) {
        plan_builder builder;

        plan_init(&builder);
        rig_fill(&rig, &rng);
        for (int i = 0; i < 20; i++) {
            vl_expr *expr = random_condition(&builder, &rng, 3);
            vl_eval eval = {.arena = &builder.arena, .chunk = &rig.chunk};
            uint64_t bits[VL_KERNEL_WORDS];

            decided += (uint32_t)vl_kernel_filter(unit_ctx(), &eval, expr, bits);
            CHECK(agrees(&rig, &builder, expr, 0));
        }
        plan_deinit(&builder);
    }
    CHECK(decided > ROUNDS);
}

static void
kernels_compare_as_the_evaluator(void)
{
    static kernel_rig rig;
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (int round = 0; round < ROUNDS; round++) {
        plan_builder builder;
        uint32_t column = (uint32_t)(round % 3);

        plan_init(&builder);
        rig_fill(&rig, &rng);
        for (int i = 0; i < 20; i++)
            CHECK(agrees(&rig, &builder, random_comparison(&builder, &rng, column), column == 0));
        CHECK(agrees(&rig, &builder, plan_expr(&builder, "(isnull c1)"), 1));
        CHECK(agrees(&rig, &builder, plan_expr(&builder, "(notnull c2)"), 1));
        CHECK(agrees(&rig, &builder, plan_expr(&builder, "(isnull c0)"), 0));
        plan_deinit(&builder);
    }
}

/* The usual conditions are decided by kernels. */
static void
kernels_decide_what_is_usual(void)
{
    static const char *const usual[] = {"(= c1 i3)",
                                        "(< c1 r2.5)",
                                        "(>=:integer c1 i7)",
                                        "(> i3 c1)",
                                        "(< c2 r2.5)",
                                        "(<=:real c2 i3)",
                                        "(<> r0.5 c2)",
                                        "(= c1 n)",
                                        "(< c0 tabc)",
                                        "(=:nocase c0 ta)",
                                        "(is c1 i3)",
                                        "(isnot c2 r2.5)",
                                        "(between c1 i1 i7)",
                                        "(in c1 i1 i3 n)",
                                        "(and (> c1 i1) (or (< c2 r2.5) (isnull c1)))",
                                        "(not (between c2 r0.5 n))",
                                        "(< c1 c1)"};
    static const char *const unusual[] = {"(= c1 c2)", "(< (+ c1 i1) i3)", "(=:text c1 i3)",
                                          "(= c1 ta)", "(= c2 i9007199254740993)"};
    static kernel_rig rig;
    plan_builder builder;
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    plan_init(&builder);
    rig_fill(&rig, &rng);
    for (size_t i = 0; i < VL_ARRAY_COUNT(usual); i++)
        CHECK(agrees(&rig, &builder, plan_expr(&builder, usual[i]), 1));
    for (size_t i = 0; i < VL_ARRAY_COUNT(unusual); i++) {
        vl_eval eval = {.arena = &builder.arena, .chunk = &rig.chunk};
        uint64_t bits[VL_KERNEL_WORDS];

        CHECK(!vl_kernel_filter(unit_ctx(), &eval, plan_expr(&builder, unusual[i]), bits));
    }
    plan_deinit(&builder);
}

static void
kernels_bound_as_comparison_orders(void)
{
    static kernel_rig rig;
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (int round = 0; round < ROUNDS; round++) {
        for (uint32_t column = 0; column < 3; column++) {
            const vl_vector *vector = &rig.vectors[column];
            vl_value min;
            vl_value max;
            int is_min = 0;
            int is_max = 0;

            rig_fill(&rig, &rng);
            if (!vl_kernel_bounds(vector, rig.chunk.row_count, NULL, &min, &max))
                continue;
            CHECK(column > 0);
            for (uint32_t row = 0; row < rig.chunk.row_count; row++) {
                vl_value value = vl_vector_get(vector, row);
                int low = vl_value_compare(&min, &value, VL_COLLATE_BINARY);
                int high = vl_value_compare(&max, &value, VL_COLLATE_BINARY);

                if (value.type == VL_TYPE_NULL)
                    continue;
                CHECK(low <= 0 && high >= 0);
                is_min |= low == 0;
                is_max |= high == 0;
            }
            CHECK(is_min && is_max);
        }
    }
}

/* A filter of several conjuncts, with and without kernels; the chunk comes from an operator. */
static void
filters_are_the_same_without_kernels(void)
{
    static const char *const conjuncts[] = {
        "(> c1 i3) (< c0 i400)",
        "(> c1 i3) (<> (% c0 i2) i0) (< c0 i900)",
        "(<> (% c0 i2) i0) (> c1 i3)",
        "(= c1 n)",
    };

    for (size_t i = 0; i < VL_ARRAY_COUNT(conjuncts); i++) {
        static char with[1 << 16];
        static char without[1 << 16];
        vl_exec_env env = {.is_plain = 0};
        plan_builder builder;
        const vl_plan *plan;

        plan_init(&builder);
        plan = plan_root(
            &builder,
            plan_filter(&builder,
                        plan_filter(&builder, plan_series(&builder, 3000, 11), "(< c1 i9)"),
                        conjuncts[i]));
        plan_run(unit_ctx(), plan, &env, NULL, 0, with, sizeof with);
        env.is_plain = 1;
        plan_run(unit_ctx(), plan, &env, NULL, 0, without, sizeof without);
        CHECK(i == 3 || strlen(with) > 100);
        CHECK_TEXT(with, without);
        plan_deinit(&builder);
    }
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(kernels_compare_as_the_evaluator),
        UNIT_TEST(kernels_join_conditions_as_the_evaluator),
        UNIT_TEST(kernels_decide_what_is_usual),
        UNIT_TEST(kernels_bound_as_comparison_orders),
        UNIT_TEST(filters_are_the_same_without_kernels),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
