/* test_exec_rows.c - executions; VALUES, FILTER, PROJECT, LIMIT; programs in expressions. */
#include "exec/exec.h"
#include "exec/table_func.h"
#include "lib/plan_build.h"
#include "lib/unit.h"
#include "vec/value.h"
#include "vec/vector.h"

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

/* failat(x, y): x, but fails when it is y. */
static velo_status
function_failat(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    (void)count;
    call_count++;
    if (vl_value_compare(&args[0], &args[1], VL_COLLATE_BINARY) == 0)
        return vl_fail(call->ctx, VELO_ERROR, "failed on purpose");
    *result = args[0];
    return VELO_OK;
}

static const vl_func functions[] = {
    {.name = "count", .most = -1, .flags = VL_FUNC_FAILING, .scalar = function_count},
    {.name = "volatile_count", .most = -1, .flags = VL_FUNC_VOLATILE, .scalar = function_count},
    {.name = "failat", .most = 2, .flags = VL_FUNC_FAILING, .scalar = function_failat},
    {.name = NULL},
};

static plan_builder builder;

static void
begin(void)
{
    plan_init(&builder);
    builder.functions = functions;
    call_count = 0;
}

static void
end(void)
{
    plan_deinit(&builder);
}

static void
values_filter_project_limit(void)
{
    vl_op *values;

    begin();
    values = plan_values(&builder, "i1 ta; i2 tb; i3 tc; i4 n");
    CHECK_ROWS(&builder, values, "i1 ta; i2 tb; i3 tc; i4 n");
    CHECK_ROWS(&builder, plan_values(&builder, ""), "");
    CHECK_ROWS(&builder, plan_filter(&builder, values, "(> c0 i1) c0 (notnull c1)"),
               "i2 tb; i3 tc");
    CHECK_ROWS(&builder, plan_filter(&builder, values, "(> c1 tb)"), "i3 tc");
    CHECK_ROWS(&builder, plan_filter(&builder, values, "n"), "");
    CHECK_ROWS(&builder, plan_project(&builder, values, "c1 (+ c0 i1) i9 c1"),
               "ta i2 i9 ta; tb i3 i9 tb; tc i4 i9 tc; n i5 i9 n");
    CHECK_ROWS(&builder,
               plan_project(&builder, plan_filter(&builder, values, "(<> c0 i2)"),
                            "c0 (* c0 c0) (|| c1 tx)"),
               "i1 i1 tax; i3 i9 tcx; i4 i16 n");
    CHECK_ROWS(&builder, plan_limit(&builder, values, "i2", NULL), "i1 ta; i2 tb");
    CHECK_ROWS(&builder, plan_limit(&builder, values, "i2", "i1"), "i2 tb; i3 tc");
    CHECK_ROWS(&builder, plan_limit(&builder, values, "i0", NULL), "");
    CHECK_ROWS(&builder,
               plan_project(&builder, plan_limit(&builder, values, "i0", NULL), "c1 (+ c0 i1)"),
               "");
    CHECK_ROWS(&builder, plan_limit(&builder, values, "i-1", "i3"), "i4 n");
    CHECK_ROWS(&builder, plan_limit(&builder, values, NULL, "i9"), "");
    CHECK_ROWS(&builder, plan_limit(&builder, values, "t1", "i-1"), "i1 ta");
    CHECK_ROWS(&builder, plan_limit(&builder, values, "tx", NULL), "!datatype mismatch");
    CHECK_ROWS(&builder, plan_limit(&builder, values, "n", NULL), "!datatype mismatch");
    CHECK_ROWS(&builder, plan_limit(&builder, values, "i1", "r1.5"), "!datatype mismatch");
    end();
}

static void
exec_reads_parameters(void)
{
    vl_op *values;

    begin();
    values = plan_project(&builder, plan_values(&builder, "p2 p1 p3"), "c0 p1 (+ c1 i1)");
    CHECK(plan_yields(&builder, values, NULL, "i5 tx", "tx i5 i6"));
    CHECK(plan_yields(&builder, values, NULL, NULL, "n n n"));
    end();
}

/* Rows of a filter that passes every thirteenth of many, whatever chunks they come in. */
static void
chunks_join_seamlessly(void)
{
    enum {
        COUNT = 5000
    };
    vl_exec_env env = {.memory_limit = 0};
    vl_exec *exec;
    const vl_value *row;
    vl_op *op;
    int64_t wanted = 100 * 13;
    velo_status status;

    begin();
    op = plan_filter(&builder, plan_series(&builder, COUNT, 13), "(= c1 i0)");
    op = plan_project(&builder, op, "(+ c0 i1) c0");
    op = plan_limit(&builder, op, "i-1", "i100");
    CHECK_OK(vl_exec_create(unit_ctx(), plan_root(&builder, op), &env, &exec));
    for (int run = 0; run < 3; run++) {
        wanted = INT64_C(100) * 13;
        while ((status = vl_exec_step(unit_ctx(), exec, &row)) == VELO_ROW) {
            CHECK_EQ(row[1].as.integer, wanted);
            CHECK_EQ(row[0].as.integer, wanted + 1);
            wanted += 13;
            if (run == 1 && wanted > 2000)
                break; /* reset in the middle */
        }
        CHECK(status == VELO_DONE || run == 1);
        if (run != 1)
            CHECK_STATUS(vl_exec_step(unit_ctx(), exec, &row), VELO_DONE);
        vl_exec_reset(exec);
    }
    CHECK_EQ(wanted, (COUNT + 12) / 13 * 13);
    vl_exec_destroy(exec);
    end();
}

/* 31, item 19: rows before an error come first; an error behind a satisfied LIMIT never comes. */
static void
errors_come_behind_the_rows_before_them(void)
{
    static const char *const wanted[] = {"!failed on purpose", "i0; !failed on purpose",
                                         "i0; i1; i2; i3; i4; i5; !failed on purpose"};
    static const int at[] = {0, 1, 6};

    for (size_t i = 0; i < VL_ARRAY_COUNT(at); i++) {
        char call[64];
        vl_op *series;

        begin();
        series = plan_project(&builder, plan_series(&builder, 100, 100), "c0");
        (void)snprintf(call, sizeof call, "(call:failat c0 i%d)", at[i]);
        CHECK_ROWS(&builder, plan_project(&builder, series, call), wanted[i]);
        (void)snprintf(call, sizeof call, "(notnull (call:failat c0 i%d))", at[i]);
        CHECK_ROWS(&builder, plan_filter(&builder, series, call), wanted[i]);
        end();
    }
    begin();
    CHECK_ROWS(
        &builder,
        plan_limit(&builder,
                   plan_project(&builder, plan_series(&builder, 100, 100), "(call:failat c0 i3)"),
                   "i3", NULL),
        "i0; i1; i2");
    CHECK_ROWS(&builder, plan_values(&builder, "i1; i2; i3; (call:failat i1 i1); i4"),
               "i1; i2; i3; !failed on purpose");
    end();
}

/* 31, item 20: how often functions are called. */
static void
calls_are_as_many_as_rows_that_are_asked_for(void)
{
    static const char *const calls[] = {"(call:count c0)", "(call:volatile_count c0)"};
    vl_op *series;

    for (size_t i = 0; i < VL_ARRAY_COUNT(calls); i++) {
        begin();
        series = plan_series(&builder, 100, 100);
        CHECK_ROWS(&builder,
                   plan_limit(&builder, plan_project(&builder, series, calls[i]), "i3", NULL),
                   "i0; i1; i2");
        CHECK_EQ(call_count, 3);
        end();
    }
    begin();
    series = plan_series(&builder, 100, 100);
    CHECK_ROWS(&builder, plan_filter(&builder, series, "(= c0 i5) (call:count i1)"), "i5 i5");
    CHECK_EQ(call_count, 1);
    end();
}

/* A step that gives one row does not evaluate a volatile call for later ones. */
static void
volatile_calls_run_row_by_row(void)
{
    vl_exec_env env = {.memory_limit = 0};
    vl_exec *exec;
    const vl_value *row;
    vl_op *op;

    begin();
    op = plan_project(&builder, plan_series(&builder, 100, 100), "(call:volatile_count c0)");
    CHECK_OK(vl_exec_create(unit_ctx(), plan_root(&builder, op), &env, &exec));
    for (unsigned i = 1; i <= 50; i++) {
        CHECK_STATUS(vl_exec_step(unit_ctx(), exec, &row), VELO_ROW);
        CHECK_EQ(call_count, i);
    }
    vl_exec_destroy(exec);
    end();
}

static void
exec_ends_after_an_error(void)
{
    vl_exec_env env = {.memory_limit = 0};
    vl_exec *exec;
    const vl_value *row;
    vl_value param = vl_value_of_integer(0);
    vl_op *op;

    begin();
    op = plan_values(&builder, "(call:failat p1 i0)");
    CHECK_OK(vl_exec_create(unit_ctx(), plan_root(&builder, op), &env, &exec));
    vl_exec_bind(exec, &param, 1);
    CHECK_STATUS(vl_exec_step(unit_ctx(), exec, &row), VELO_ERROR);
    CHECK(row == NULL);
    CHECK_STATUS(vl_exec_step(unit_ctx(), exec, &row), VELO_MISUSE);
    vl_exec_reset(exec);
    param = vl_value_of_integer(4);
    vl_exec_bind(exec, &param, 1);
    CHECK_STATUS(vl_exec_step(unit_ctx(), exec, &row), VELO_ROW);
    CHECK_EQ(row[0].as.integer, 4);
    CHECK_STATUS(vl_exec_step(unit_ctx(), exec, &row), VELO_DONE);
    vl_exec_destroy(exec);
    end();
}

/* ---- programs in expressions ---- */

static void
subqueries_give_truth_and_values(void)
{
    vl_op *rows;

    begin();
    (void)plan_program(&builder, plan_values(&builder, "i10; i20; i30"), 0); /* 1 */
    (void)plan_program(&builder, plan_values(&builder, ""), 0);              /* 2 */
    (void)plan_program(&builder, plan_values(&builder, "i1; n"), 0);         /* 3 */
    (void)plan_program(&builder,
                       plan_filter(&builder, plan_values(&builder, "i1; i2; i3"), "(> c0 o0)"),
                       1);                                                       /* 4 */
    (void)plan_program(&builder, plan_values(&builder, "i1 ta; i2 n; n tc"), 0); /* 5 */
    rows = plan_values(&builder, "i1; i2; i3; n");
    CHECK_ROWS(&builder,
               plan_project(&builder, rows,
                            "(scalar:1) (scalar:2) (exists:1) (exists:2)"
                            " (notexists:2)"),
               "i10 n i1 i0 i1; i10 n i1 i0 i1; i10 n i1 i0 i1; i10 n i1 i0 i1");
    CHECK_ROWS(&builder,
               plan_project(&builder, rows,
                            "(inquery:3 c0) (notinquery:3 c0)"
                            " (inquery:2 c0) (inquery:1 (* c0 i10))"),
               "i1 i0 i0 i1; n n i0 i1; n n i0 i1; n n i0 n");
    CHECK_ROWS(&builder,
               plan_project(&builder, rows,
                            "(scalar:4 c0) (exists:4 c0)"
                            " (inquery:4 i3 c0)"),
               "i2 i1 i1; i3 i1 i1; n i0 i0; n i0 i0");
    CHECK_ROWS(&builder,
               plan_values(&builder, "(inquery:5:columns2 i1 ta)"
                                     " (inquery:5:columns2 i1 tb)"
                                     " (inquery:5:columns2 i2 tb)"
                                     " (inquery:5:columns2 i9 tb)"
                                     " (inquery:5:columns2 n ta)"
                                     " (inquery:5:columns2 n tx)"
                                     " (inquery:5:columns2 i9 tc)"),
               "i1 i0 n i0 n n n");
    CHECK_ROWS(&builder,
               plan_values(&builder, "(inquery:1 t10) (inquery:1:integer t10)"
                                     " (inquery:1:text i10)"),
               "i0 i1 i1");
    end();
}

/* 31, item 20: an uncorrelated subquery runs once, on first need; no further than needed (27). */
static void
subqueries_run_when_needed(void)
{
    vl_op *rows;

    begin();
    (void)plan_program(&builder,
                       plan_project(&builder, plan_series(&builder, 20, 20), "(call:count c0)"), 0);
    rows = plan_values(&builder, "i1; i2; i3");
    CHECK_ROWS(&builder, plan_project(&builder, rows, "(coalesce c0 (scalar:1))"), "i1; i2; i3");
    CHECK_EQ(call_count, 0);
    CHECK_ROWS(&builder, plan_project(&builder, rows, "(scalar:1)"), "i0; i0; i0");
    CHECK_EQ(call_count, 1);
    call_count = 0;
    CHECK_ROWS(&builder, plan_project(&builder, rows, "(inquery:1 c0)"), "i1; i1; i1");
    CHECK_EQ(call_count, 20);
    end();
}

/* Results are remembered by their arguments, whose classes count: 1 is not 1.0. */
static void
subqueries_remember_results(void)
{
    vl_op *rows;

    begin();
    (void)plan_program(&builder, plan_values(&builder, "(|| (call:count o0) tx)"), 1);
    (void)plan_program(&builder, plan_values(&builder, "(call:volatile_count o0)"), 1);
    rows = plan_values(&builder, "i1; i2; i1; r1.0; i2; n; n; r1.0");
    CHECK_ROWS(&builder, plan_project(&builder, rows, "(scalar:1 c0) (exists:1 c0)"),
               "t1x i1; t2x i1; t1x i1; t1.0x i1; t2x i1; n i1; n i1; t1.0x i1");
    CHECK_EQ(call_count, 8);
    call_count = 0;
    CHECK_ROWS(&builder, plan_project(&builder, rows, "(scalar:2:volatile c0)"),
               "i1; i2; i1; r1.0; i2; n; n; r1.0");
    CHECK_EQ(call_count, 8);
    rows = plan_series(&builder, 3000, 3000);
    rows = plan_project(&builder, rows, "(- (cast:integer (scalar:1 c0)) c0)");
    rows = plan_op(&builder, VL_OP_KIND_DISTINCT, 1, rows, NULL);
    rows->as.distinct.key_count = 1;
    rows->as.distinct.collations = plan_bytes(&builder, 1, VL_COLLATE_BINARY);
    CHECK_ROWS(&builder, rows, "i0");
    end();
}

static void
subqueries_nest_in_themselves(void)
{
    vl_op *rows;

    begin(); /* program 1: o0 <= 0 ? 0 : o0 + program 1 of o0 - 1 */
    (void)plan_program(
        &builder, plan_values(&builder, "(case (<= o0 i0) i0 (+ o0 (scalar:1 (- o0 i1))))"), 1);
    rows = plan_values(&builder, "i4; i0; i10");
    CHECK_ROWS(&builder, plan_project(&builder, rows, "(scalar:1 c0)"), "i10; i0; i55");
    end();
}

/* ---- stopping ---- */

static unsigned progress_calls;
static unsigned progress_stops_at;

static int
progress(void *argument)
{
    progress_calls += *(unsigned *)argument;
    return progress_calls == progress_stops_at;
}

/* 31, item 28. */
static void
exec_can_be_stopped(void)
{
    unsigned argument = 1;
    _Atomic int interrupt = 0;
    vl_exec_env env = {.progress = progress,
                       .progress_argument = &argument,
                       .progress_steps = 1,
                       .interrupt = &interrupt};
    vl_exec *exec;
    const vl_value *row;

    begin();
    progress_calls = 0;
    progress_stops_at = 0;
    CHECK(plan_yields(&builder, plan_values(&builder, "i1"), &env, NULL, "i1"));
    CHECK(progress_calls >= 1);
    progress_stops_at = 1;
    progress_calls = 0;
    CHECK(plan_yields(&builder, plan_values(&builder, "i1"), &env, NULL, "!interrupted"));
    env.progress = NULL;
    CHECK_OK(vl_exec_create(unit_ctx(), plan_root(&builder, plan_series(&builder, 5000, 2)), &env,
                            &exec));
    CHECK_STATUS(vl_exec_step(unit_ctx(), exec, &row), VELO_ROW);
    atomic_store(&interrupt, 1);
    CHECK_STATUS(vl_exec_step(unit_ctx(), exec, &row), VELO_INTERRUPT);
    vl_exec_destroy(exec);
    end();
}

static velo_status
run_all(vl_ctx *ctx, void *argument)
{
    vl_exec_env env = {.memory_limit = 0};
    const vl_value *row;
    vl_exec *exec;
    velo_status status = vl_exec_create(ctx, argument, &env, &exec);

    if (status != VELO_OK)
        return status;
    do {
        status = vl_exec_step(ctx, exec, &row);
    } while (status == VELO_ROW);
    vl_exec_destroy(exec);
    return status == VELO_DONE ? VELO_OK : status;
}

/* 31, item 46: a statement that is run again and again keeps no more than at first. */
static void
exec_needs_the_same_memory_each_time(void)
{
    vl_allocator allocator;
    vl_exec_env env = {.memory_limit = 0};
    vl_exec *exec;
    const vl_value *row;
    uint64_t used = 0;
    vl_ctx ctx;
    vl_op *op;

    begin();
    vl_allocator_init(&allocator);
    vl_ctx_init(&ctx, &allocator, NULL);
    (void)plan_program(&builder, plan_values(&builder, "i1; i2"), 0);
    op = plan_filter(&builder, plan_series(&builder, 20, 7), "(inquery:1 c1)");
    op = plan_sort(&builder, plan_project(&builder, op, "(|| c0 c1) (call:count p1)"), "c0 desc");
    op = plan_op(&builder, VL_OP_KIND_DISTINCT, 2, op, NULL);
    op->as.distinct.key_count = 1;
    op->as.distinct.collations = plan_bytes(&builder, 1, VL_COLLATE_BINARY);
    CHECK_OK(vl_exec_create(&ctx, plan_root(&builder, op), &env, &exec));
    for (int run = 0; run < 5000; run++) {
        vl_value param = vl_value_of_integer(run);

        vl_exec_bind(exec, &param, 1);
        while (vl_exec_step(&ctx, exec, &row) == VELO_ROW)
            CHECK_EQ(row[1].as.integer, run);
        vl_exec_reset(exec);
        if (run < 10)
            used = allocator.used_bytes;
        CHECK_EQ(allocator.used_bytes, used);
        CHECK_EQ(vl_exec_memory(exec), 0);
    }
    vl_exec_destroy(exec);
    CHECK_EQ(allocator.used_bytes, 0);
    end();
}

/* between(first, last): columns value, text, first, last. `user` counts the calls. */
static velo_status
table_function_between(vl_ctx *ctx, void *user, const vl_table_func *func,
                       const vl_value *arguments, uint32_t count, vl_arena *arena,
                       vl_table_func_rows *rows)
{
    int64_t first = count > 0 ? vl_value_integer(&arguments[0]) : 0;
    int64_t last = count > 1 ? vl_value_integer(&arguments[1]) : 0;
    vl_value *values;

    ++*(unsigned *)user;
    if (last < first)
        return vl_fail(ctx, VELO_ERROR, "nothing is between");
    values = vl_arena_alloc_array(arena, (size_t)(last - first + 1) * func->column_count,
                                  sizeof *values);
    if (values == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate rows");
    rows->values = values;
    for (int64_t i = first; i <= last; i++, values += func->column_count) {
        values[0] = vl_value_of_integer(i);
        values[1] = vl_value_of_null();
        for (uint32_t k = 0; k < 2; k++)
            values[2 + k] = k < count ? arguments[k] : vl_value_of_null();
        values[1] = vl_value_of_integer(-i);
        VL_TRY(vl_value_cast(ctx, arena, VL_AFFINITY_TEXT, &values[1]));
        rows->row_count++;
    }
    return VELO_OK;
}

static const vl_table_func between = {"between", 4, table_function_between, NULL};

/* Columns `text` and `value` of between(arguments). */
static vl_op *
plan_between(const char *arguments, const char *filter)
{
    static const int32_t columns[] = {1, 0};
    vl_op *op = plan_op(&builder, VL_OP_KIND_FUNCTION_SCAN, 2, NULL, NULL);

    op->as.function_scan.function = &between;
    op->as.function_scan.columns = columns;
    op->as.function_scan.arguments = plan_exprs(&builder, arguments);
    op->as.function_scan.filter = plan_exprs(&builder, filter);
    return op;
}

static void
table_functions_give_their_rows(void)
{
    unsigned calls = 0;
    vl_exec_env env = {.table_func_user = &calls};

    begin();
    CHECK(plan_yields(&builder, plan_between("i3 i5", ""), &env, NULL, "t-3 i3; t-4 i4; t-5 i5"));
    CHECK_EQ(calls, 1);
    CHECK(plan_yields(&builder, plan_between("p1 (+ p1 i1)", ""), &env, "i-7", "t7 i-7; t6 i-6"));
    CHECK(plan_yields(&builder, plan_between("", ""), &env, NULL, "t0 i0"));
    CHECK(plan_yields(&builder, plan_between("i1 i9", "(= (% c1 i4) i3)"), &env, NULL,
                      "t-3 i3; t-7 i7"));
    CHECK(plan_yields(&builder, plan_between("i1 i3000", "(> c1 i2999)"), &env, NULL,
                      "t-3000 i3000"));
    CHECK(plan_yields(&builder, plan_between("i2 i1", ""), &env, NULL, "!nothing is between"));
    CHECK(plan_yields(&builder, plan_between("i1 i3", "(call:failat c1 i2)"), &env, NULL,
                      "t-1 i1; !failed on purpose"));
    CHECK_EQ(calls, 7);
    end();
}

/* A program that calls a function runs anew with each row's arguments. */
static void
table_functions_begin_anew_for_each_row(void)
{
    unsigned calls = 0;
    vl_exec_env env = {.table_func_user = &calls};
    vl_op *op;

    begin();
    (void)plan_program(&builder, plan_project(&builder, plan_between("o0 i3", ""), "c0"), 1);
    op = plan_project(&builder, plan_values(&builder, "i2; i1; i3"), "(scalar:1 c0)");
    CHECK(plan_yields(&builder, op, &env, NULL, "t-2; t-1; t-3"));
    CHECK_EQ(calls, 3);
    end();
}

static velo_status
run_between(vl_ctx *ctx, void *argument)
{
    unsigned calls = 0;
    vl_exec_env env = {.table_func_user = &calls};
    const vl_value *row;
    vl_exec *exec;
    velo_status status = vl_exec_create(ctx, argument, &env, &exec);

    if (status != VELO_OK)
        return status;
    do {
        status = vl_exec_step(ctx, exec, &row);
    } while (status == VELO_ROW);
    vl_exec_reset(exec);
    if (vl_exec_memory(exec) != 0)
        status = vl_fail(ctx, VELO_INTERNAL, "memory is still charged");
    vl_exec_destroy(exec);
    return status == VELO_DONE ? VELO_OK : status;
}

static void
table_functions_survive_lack_of_memory(void)
{
    begin();
    CHECK(unit_each_alloc_failure(run_between, (void *)(uintptr_t)plan_root(
                                                   &builder, plan_between("i1 i200", ""))) > 3);
    end();
}

static void
exec_survives_lack_of_memory(void)
{
    vl_op *op;

    begin();
    (void)plan_program(&builder, plan_values(&builder, "i1 ta; i2 n; i30 tlonger_than_a_word"), 0);
    (void)plan_program(&builder,
                       plan_project(&builder, plan_values(&builder, "i1 tx"), "(|| o0 c1)"), 1);
    op = plan_filter(&builder, plan_series(&builder, 40, 7), "(inquery:1:columns2 c1 ta)");
    op = plan_project(&builder, op, "c0 (|| c1 tabc) (scalar:2 c0) (call:count i1 i2 i3 i4 i5)");
    op = plan_limit(&builder, op, "i10", "i1");
    CHECK(unit_each_alloc_failure(run_all, (void *)(uintptr_t)plan_root(&builder, op)) > 5);
    op = plan_filter(&builder, plan_series(&builder, 40, 7),
                     "(in (+ c1 i0) i1 i2 i8 i9 i10 i11 i12 i13 i14 i15 i16 i17 i18 i19 i20 i21 "
                     "t1 n)");
    CHECK(unit_each_alloc_failure(run_all, (void *)(uintptr_t)plan_root(&builder, op)) > 5);
    end();
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(values_filter_project_limit),
        UNIT_TEST(exec_reads_parameters),
        UNIT_TEST(chunks_join_seamlessly),
        UNIT_TEST(errors_come_behind_the_rows_before_them),
        UNIT_TEST(calls_are_as_many_as_rows_that_are_asked_for),
        UNIT_TEST(volatile_calls_run_row_by_row),
        UNIT_TEST(exec_ends_after_an_error),
        UNIT_TEST(subqueries_give_truth_and_values),
        UNIT_TEST(subqueries_run_when_needed),
        UNIT_TEST(subqueries_remember_results),
        UNIT_TEST(subqueries_nest_in_themselves),
        UNIT_TEST(exec_can_be_stopped),
        UNIT_TEST(exec_needs_the_same_memory_each_time),
        UNIT_TEST(table_functions_give_their_rows),
        UNIT_TEST(table_functions_begin_anew_for_each_row),
        UNIT_TEST(table_functions_survive_lack_of_memory),
        UNIT_TEST(exec_survives_lack_of_memory),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
