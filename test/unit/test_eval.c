/* test_eval.c - expressions on one row: what they give, and which of their kids are evaluated.
 * Expected values are SQLite's. */
#include "exec/eval.h"
#include "lib/plan_build.h"
#include "lib/unit.h"
#include "vec/value.h"

#include <stdio.h>

static unsigned call_count;

/* count(x): x, and counts its calls. */
static velo_status
function_count(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    (void)call;
    call_count++;
    if (count > 0)
        *result = args[0];
    return VELO_OK;
}

/* fail(): fails. */
static velo_status
function_fail(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    (void)args;
    (void)count;
    (void)result;
    return vl_fail(call->ctx, VELO_ERROR, "failed on purpose");
}

static const vl_func functions[] = {
    {.name = "count", .most = -1, .flags = VL_FUNC_FAILING, .scalar = function_count},
    {.name = "fail", .most = -1, .flags = VL_FUNC_FAILING, .scalar = function_fail},
    {.name = NULL},
};

typedef struct eval_case {
    const char *expr;
    const char *wanted;
} eval_case;

/* Evaluate on the row (7, 'abc', NULL, 2.5) and write the result to text. */
static velo_status
evaluate(plan_builder *builder, const char *expr, char *text, size_t size)
{
    static const char row[] = "i7 tabc n r2.5";
    uint32_t count;
    vl_eval eval = {.arena = &builder->arena, .row = plan_row(builder, row, &count)};
    vl_value value;
    velo_status status = vl_eval_expr(unit_ctx(), &eval, plan_expr(builder, expr), &value);

    text[0] = '\0';
    if (status == VELO_OK)
        plan_write_value(&value, text, size);
    return status;
}

static void
check_cases(const eval_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        plan_builder builder;
        char text[256];
        velo_status status;

        plan_init(&builder);
        builder.functions = functions;
        status = evaluate(&builder, cases[i].expr, text, sizeof text);
        plan_deinit(&builder);
        if (status != VELO_OK || strcmp(text, cases[i].wanted) != 0) {
            unit_failed(__FILE__, __LINE__, "%s is %s, not %s", cases[i].expr, text,
                        cases[i].wanted);
            return;
        }
    }
}

#define CHECK_CASES(cases) check_cases((cases), VL_ARRAY_COUNT(cases))

static void
eval_reads_atoms(void)
{
    static const eval_case cases[] = {
        {"i5", "i5"},   {"tx", "tx"}, {"n", "n"},     {"c0", "i7"},
        {"c1", "tabc"}, {"c2", "n"},  {"c3", "r2.5"}, {"p1", "n"},
    };

    CHECK_CASES(cases);
}

static void
eval_computes(void)
{
    static const eval_case cases[] = {
        {"(+ c0 i1)", "i8"},
        {"(- c0 c3)", "r4.5"},
        {"(* i9223372036854775807 i2)", "r1.8446744073709552e+19"},
        {"(/ i7 i2)", "i3"},
        {"(/ i7 i0)", "n"},
        {"(% i7 i4)", "i3"},
        {"(& i12 i10)", "i8"},
        {"(| i12 i10)", "i14"},
        {"(<< i1 i4)", "i16"},
        {"(>> i16 i2)", "i4"},
        {"(+ c2 i1)", "n"},
        {"(+ t3x t4)", "i7"},
        {"(|| c1 c0)", "tabc7"},
        {"(|| c1 c2)", "n"},
        {"(neg c0)", "i-7"},
        {"(neg i-9223372036854775808)", "r9.2233720368547758e+18"},
        {"(bitnot c0)", "i-8"},
        {"(cast:integer t12ab)", "i12"},
        {"(cast:text c3)", "t2.5"},
        {"(convert:integer t12ab)", "t12ab"},
        {"(convert:integer t12)", "i12"},
        {"(convert:real c0)", "r7.0"},
        {"(convert:integer r7.0)", "i7"},
        {"(compared:integer r7.0)", "r7.0"},
        {"(compared:integer t7)", "i7"},
        {"(compared:text i7)", "t7"},
    };

    CHECK_CASES(cases);
}

static void
eval_compares(void)
{
    static const eval_case cases[] = {
        {"(= c0 i7)", "i1"},           {"(= c0 r7.0)", "i1"},
        {"(= c0 t7)", "i0"},           {"(=:integer c0 t7)", "i1"},
        {"(=:text c0 t7)", "i1"},      {"(<> c0 n)", "n"},
        {"(< c0 tabc)", "i1"},         {"(< tabc babc)", "i1"},
        {"(>= c0 i8)", "i0"},          {"(<= c0 i7)", "i1"},
        {"(> c0 i6)", "i1"},           {"(= c1 tABC)", "i0"},
        {"(=:nocase c1 tABC)", "i1"},  {"(=:rtrim c1 'abc  ')", "i1"},
        {"(is c2 n)", "i1"},           {"(is c2 i1)", "i0"},
        {"(isnot c2 i1)", "i1"},       {"(isnot c0 i7)", "i0"},
        {"(between c0 i1 i9)", "i1"},  {"(between c0 i8 i9)", "i0"},
        {"(between c0 n i9)", "n"},    {"(between c0 n i6)", "i0"},
        {"(between c0 i8 n)", "i0"},   {"(notbetween c0 i8 n)", "i1"},
        {"(notbetween c0 i1 n)", "n"}, {"(isnull c2)", "i1"},
        {"(notnull c2)", "i0"},        {"(istrue c3)", "i1"},
        {"(istrue c2)", "i0"},         {"(nottrue c2)", "i1"},
        {"(isfalse i0)", "i1"},        {"(isfalse c2)", "i0"},
        {"(notfalse c2)", "i1"},       {"(istrue t0)", "i0"},
    };

    CHECK_CASES(cases);
}

static void
eval_compares_rows(void)
{
    static const eval_case cases[] = {
        {"(row= i1 i2 i1 i2)", "i1"},   {"(row= i1 i2 i1 i3)", "i0"},
        {"(row= i1 n i1 i2)", "n"},     {"(row= n i1 i1 i2)", "i0"},
        {"(row<> n i1 i1 i2)", "i1"},   {"(row<> i1 n i1 i2)", "n"},
        {"(row<> i1 i2 i1 i2)", "i0"},  {"(row< i1 i2 i1 i3)", "i1"},
        {"(row< i1 i9 i2 i3)", "i1"},   {"(row< n i1 i1 i2)", "n"},
        {"(row< i1 n i2 i2)", "i1"},    {"(row< i1 n i1 i2)", "n"},
        {"(row<= i1 i2 i1 i2)", "i1"},  {"(row< i1 i2 i1 i2)", "i0"},
        {"(row> i2 n i1 n)", "i1"},     {"(row>= i1 i2 i1 i2)", "i1"},
        {"(rowis n i1 n i1)", "i1"},    {"(rowis n i1 n i2)", "i0"},
        {"(rowisnot n i1 n i2)", "i1"}, {"(row=:nocase ta tB tA tb)", "i1"},
    };

    CHECK_CASES(cases);
}

static void
eval_has_three_truths(void)
{
    static const eval_case cases[] = {
        {"(and i1 i1)", "i1"},
        {"(and i1 n)", "n"},
        {"(and n i0)", "i0"},
        {"(and i0 n)", "i0"},
        {"(or i0 n)", "n"},
        {"(or n i1)", "i1"},
        {"(or i0 i0)", "i0"},
        {"(and i1 i1 n i0)", "i0"},
        {"(not n)", "n"},
        {"(not i0)", "i1"},
        {"(not r0.5)", "i0"},
        {"(and tabc i1)", "i0"},
        {"(in i1 i2 i1)", "i1"},
        {"(in i1 i2 n)", "n"},
        {"(in i1 i2)", "i0"},
        {"(in n)", "i0"},
        {"(in n i1)", "n"},
        {"(notin n)", "i1"},
        {"(notin i1 i2 n)", "n"},
        {"(notin i1 i2)", "i1"},
        {"(in:integer i1 t1)", "i1"},
        {"(in:nocase ta tA)", "i1"},
    };

    CHECK_CASES(cases);
}

static void
eval_chooses(void)
{
    static const eval_case cases[] = {
        {"(case i0 i10 i1 i11 i12)", "i11"},
        {"(case n i10 i12)", "i12"},
        {"(case i0 i10)", "n"},
        {"(casebase c0 (= base i6) tsix (= base i7) tseven)", "tseven"},
        {"(casebase c2 (= base n) tx ty)", "ty"},
        {"(casebase i1 (= base (casebase i2 (= base i2) i1)) tx ty)", "tx"},
        {"(coalesce n c2 c0 i1)", "i7"},
        {"(coalesce n n)", "n"},
    };

    CHECK_CASES(cases);
}

static void
eval_matches_patterns(void)
{
    static const eval_case cases[] = {
        {"(like c1 tA%)", "i1"},        {"(like c1 t_b_)", "i1"},   {"(notlike c1 tA%)", "i0"},
        {"(like c2 tA%)", "n"},         {"(like c1 n)", "n"},       {"(like i12 t1%)", "i1"},
        {"(like 'a%' 'ax%' tx)", "i1"}, {"(like c1 ta n)", "n"},    {"(glob c1 ta*)", "i1"},
        {"(glob c1 tA*)", "i0"},        {"(notglob c1 tA*)", "i1"},
    };

    CHECK_CASES(cases);
    {
        plan_builder builder;
        char text[16];

        plan_init(&builder);
        CHECK_STATUS(evaluate(&builder, "(like c1 ta txx)", text, sizeof text), VELO_ERROR);
        plan_deinit(&builder);
    }
}

/* 31, item 20. */
static void
eval_is_lazy(void)
{
    static const struct {
        const char *expr;
        unsigned calls;
    } cases[] = {
        {"(and i0 (call:count i1))", 0},
        {"(and n (call:count i1))", 1},
        {"(and (call:count i0) (call:count i1))", 1},
        {"(or i1 (call:count i1))", 0},
        {"(or n (call:count i1) (call:count i1))", 1},
        {"(coalesce i1 (call:count i1))", 0},
        {"(coalesce (call:count n) i1 (call:count i1))", 1},
        {"(case i1 i2 (call:count i1) i3)", 0},
        {"(case i0 (call:count i1) i1 i3 (call:count i1))", 0},
        {"(casebase (call:count i2) (= base i1) i3 (= base i2) i4 (= base (call:count i5)) i5)", 1},
        {"(in i1 i1 (call:count i1))", 0},
        {"(in n (call:count i1))", 0},
        {"(in i1 i2 (call:count i1) (call:count i1))", 1},
        {"(+ (call:count i1) (call:count i1 i2 i3 i4 i5 i6))", 2},
    };

    for (size_t i = 0; i < VL_ARRAY_COUNT(cases); i++) {
        plan_builder builder;
        char text[64];

        plan_init(&builder);
        builder.functions = functions;
        call_count = 0;
        CHECK_OK(evaluate(&builder, cases[i].expr, text, sizeof text));
        plan_deinit(&builder);
        if (call_count != cases[i].calls) {
            unit_failed(__FILE__, __LINE__, "%s: %u calls", cases[i].expr, call_count);
            return;
        }
    }
}

static void
eval_passes_errors_up(void)
{
    static const char *const exprs[] = {
        "(call:fail)",
        "(+ i1 (call:fail))",
        "(and i1 (call:fail))",
        "(case (call:fail) i1)",
        "(casebase i1 (= base (call:fail)) i1)",
        "(in i1 (call:fail))",
        "(like ta (call:fail))",
        "(coalesce n (call:fail))",
        "(between i1 (call:fail) i2)",
        "(call:count i1 (call:fail))",
        "(row= i1 (call:fail) i1 i2)",
        "(raise (call:fail))",
    };

    for (size_t i = 0; i < VL_ARRAY_COUNT(exprs); i++) {
        plan_builder builder;
        char text[64];

        plan_init(&builder);
        builder.functions = functions;
        CHECK_STATUS(evaluate(&builder, exprs[i], text, sizeof text), VELO_ERROR);
        plan_deinit(&builder);
        CHECK_TEXT(unit_ctx()->error.text, "failed on purpose");
    }
}

static void
eval_raises(void)
{
    plan_builder builder;
    char text[64];

    plan_init(&builder);
    CHECK_STATUS(evaluate(&builder, "(raise 'not so')", text, sizeof text),
                 VELO_CONSTRAINT_TRIGGER);
    plan_deinit(&builder);
    CHECK_TEXT(unit_ctx()->error.text, "not so");
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(eval_reads_atoms),      UNIT_TEST(eval_computes),
        UNIT_TEST(eval_compares),         UNIT_TEST(eval_compares_rows),
        UNIT_TEST(eval_has_three_truths), UNIT_TEST(eval_chooses),
        UNIT_TEST(eval_matches_patterns), UNIT_TEST(eval_is_lazy),
        UNIT_TEST(eval_passes_errors_up), UNIT_TEST(eval_raises),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
