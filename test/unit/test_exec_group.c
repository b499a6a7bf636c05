/* test_exec_group.c - AGGREGATE: in memory, in files, on sorted input; against plain models. */
#include "exec/exec_int.h"
#include "lib/exec_rig.h"
#include "lib/unit.h"
#include "vec/value.h"

#include <stdlib.h>

#define ROWS      VL_BY_BUILD(1500U, 200U)
#define MANY_ROWS VL_BY_BUILD(300000, 20000)
#define TEXT_SIZE VL_BY_BUILD(300U, 20U)

/* ---- aggregates of the test's own ---- */

typedef struct test_state {
    int64_t sum;
    int64_t count;
    vl_value best;
    char *text;
    uint32_t size;
} test_state;

static velo_status
step_sum(vl_func_call *call, void *state, const vl_value *args, int count)
{
    test_state *s = state;

    (void)call;
    (void)count;
    if (args[0].type == VL_TYPE_NULL)
        return VELO_OK;
    s->sum += vl_value_integer(&args[0]);
    s->count++;
    return VELO_OK;
}

static velo_status
value_sum(vl_func_call *call, const void *state, vl_value *result)
{
    const test_state *s = state;

    if (s->sum == -666)
        return vl_fail(call->ctx, VELO_ERROR, "a bad sum");
    if (s->count > 0)
        *result = vl_value_of_integer(s->sum);
    return VELO_OK;
}

static velo_status
step_count(vl_func_call *call, void *state, const vl_value *args, int count)
{
    (void)call;
    if (count == 0 || args[0].type != VL_TYPE_NULL)
        ((test_state *)state)->count++;
    return VELO_OK;
}

static velo_status
value_count(vl_func_call *call, const void *state, vl_value *result)
{
    (void)call;
    *result = vl_value_of_integer(((const test_state *)state)->count);
    return VELO_OK;
}

static velo_status
step_best(vl_func_call *call, void *state, const vl_value *args, int count)
{
    test_state *s = state;
    int order;

    (void)count;
    if (args[0].type == VL_TYPE_NULL)
        return VELO_OK;
    order = s->count == 0 ? 0 : vl_value_compare(&args[0], &s->best, call->collation);
    if (s->count > 0 && (call->func->variant == 0 ? order >= 0 : order <= 0))
        return VELO_OK;
    s->count = 1;
    s->best = args[0];
    if (args[0].type == VL_TYPE_TEXT || args[0].type == VL_TYPE_BLOB)
        s->best.as.data = vl_arena_copy(call->state_arena, args[0].as.data, args[0].size);
    return s->best.as.data == NULL && args[0].type == VL_TYPE_TEXT
               ? vl_fail(call->ctx, VELO_NOMEM, "no memory")
               : VELO_OK;
}

static velo_status
value_best(vl_func_call *call, const void *state, vl_value *result)
{
    const test_state *s = state;

    (void)call;
    if (s->count > 0)
        *result = s->best;
    return VELO_OK;
}

/* concat(x): texts, one behind the other. */
static velo_status
step_concat(vl_func_call *call, void *state, const vl_value *args, int count)
{
    test_state *s = state;
    vl_value value = args[0];
    char *text;

    (void)count;
    if (value.type == VL_TYPE_NULL)
        return VELO_OK;
    VL_TRY(vl_value_apply(call->ctx, call->state_arena, VL_AFFINITY_TEXT, &value));
    text = vl_arena_alloc(call->state_arena, s->size + value.size + 1);
    if (text == NULL)
        return vl_fail(call->ctx, VELO_NOMEM, "no memory");
    if (s->size > 0)
        memcpy(text, s->text, s->size);
    if (value.size > 0)
        memcpy(text + s->size, value.as.data, value.size);
    s->text = text;
    s->size += value.size;
    s->count++;
    return VELO_OK;
}

static velo_status
value_concat(vl_func_call *call, const void *state, vl_value *result)
{
    const test_state *s = state;

    (void)call;
    if (s->count > 0)
        *result = (vl_value){.type = VL_TYPE_TEXT, .size = s->size, .as.data = s->text};
    return VELO_OK;
}

static const vl_func_aggregate sum = {
    .state_size = sizeof(test_state), .step = step_sum, .value = value_sum};
static const vl_func_aggregate counter = {
    .state_size = sizeof(test_state), .step = step_count, .value = value_count};
static const vl_func_aggregate best = {
    .state_size = sizeof(test_state), .step = step_best, .value = value_best};
static const vl_func_aggregate concat = {
    .state_size = sizeof(test_state), .step = step_concat, .value = value_concat};

static const vl_func functions[] = {
    {.name = "sum", .flags = VL_FUNC_AGGREGATE, .aggregate = &sum},
    {.name = "count", .flags = VL_FUNC_AGGREGATE, .aggregate = &counter},
    {.name = "min", .flags = VL_FUNC_AGGREGATE, .aggregate = &best},
    {.name = "max", .flags = VL_FUNC_AGGREGATE, .variant = 1, .aggregate = &best},
    {.name = "concat", .flags = VL_FUNC_AGGREGATE, .aggregate = &concat},
};

static const vl_func *
function(const char *name)
{
    for (size_t i = 0; i < VL_ARRAY_COUNT(functions); i++) {
        if (strcmp(functions[i].name, name) == 0)
            return &functions[i];
    }
    abort();
}

/* ---- building ---- */

static plan_builder builder;

/* AGGREGATE; `groups` NULL: no GROUP BY. Aggregates are added with `call`. */
static vl_op *
aggregate(plan_builder *b, vl_op *child, const char *groups)
{
    vl_op *op = plan_op(b, VL_OP_KIND_AGGREGATE, 0, child, NULL);

    op->as.aggregate.is_grouped = groups != NULL;
    op->as.aggregate.groups = plan_exprs(b, groups == NULL ? "" : groups);
    op->as.aggregate.collations = plan_bytes(b, op->as.aggregate.groups.count, VL_COLLATE_BINARY);
    op->as.aggregate.min_max = -1;
    op->as.aggregate.aggregates = vl_arena_alloc_array(&b->arena, 8, sizeof(vl_aggregate));
    op->column_count = op->as.aggregate.groups.count;
    return op;
}

static vl_aggregate *
call(plan_builder *b, vl_op *op, const char *name, const char *arguments)
{
    vl_aggregate *what = &op->as.aggregate.aggregates[op->as.aggregate.aggregate_count++];

    what->func = function(name);
    what->arguments = plan_exprs(b, arguments);
    op->column_count++;
    return what;
}

static void
bare(plan_builder *b, vl_op *op, const char *exprs)
{
    op->as.aggregate.bare = plan_exprs(b, exprs);
    op->column_count += op->as.aggregate.bare.count;
}

/* ---- what is computed ---- */

static void
groups_come_in_ascending_order(void)
{
    vl_op *rows;
    vl_op *op;

    plan_init(&builder);
    rows = plan_values(&builder, "tb i1; n i2; ta i4; i5 i8; tb i16; n i32; ta n");
    op = aggregate(&builder, rows, "c0");
    (void)call(&builder, op, "sum", "c1");
    (void)call(&builder, op, "count", "");
    (void)call(&builder, op, "count", "c1");
    CHECK_ROWS(&builder, op, "n i34 i2 i2; i5 i8 i1 i1; ta i4 i2 i1; tb i17 i2 i2");
    op = aggregate(&builder, rows, "c0 (isnull c1)");
    CHECK_ROWS(&builder, op, "n i0; i5 i0; ta i0; ta i1; tb i0");
    op = aggregate(&builder, plan_values(&builder, "tB; ta; tb; tA"), "c0");
    op->as.aggregate.collations = plan_bytes(&builder, 1, VL_COLLATE_NOCASE);
    (void)call(&builder, op, "count", "");
    CHECK_ROWS(&builder, op, "ta i2; tB i2");
    plan_deinit(&builder);
}

static void
no_rows_are_one_group_without_group_by(void)
{
    vl_op *op;

    plan_init(&builder);
    op = aggregate(&builder, plan_values(&builder, ""), NULL);
    (void)call(&builder, op, "sum", "c0");
    (void)call(&builder, op, "count", "");
    bare(&builder, op, "c0");
    CHECK_ROWS(&builder, op, "n i0 n");
    op = aggregate(&builder, plan_values(&builder, ""), "c0");
    (void)call(&builder, op, "count", "");
    CHECK_ROWS(&builder, op, "");
    op->as.aggregate.is_sorted_input = 1;
    CHECK_ROWS(&builder, op, "");
    plan_deinit(&builder);
}

static void
calls_are_filtered_distinct_and_ordered(void)
{
    vl_op *rows;
    vl_op *op;
    vl_aggregate *what;

    plan_init(&builder);
    rows = plan_values(&builder, "i1 tc i3; i2 tx i1; i1 ta i2; i1 tc i1; i2 ty i9; i1 tb n");
    op = aggregate(&builder, rows, "c0");
    (void)call(&builder, op, "concat", "c1");
    call(&builder, op, "concat", "c1")->filter = plan_expr(&builder, "(<> c1 ta)");
    call(&builder, op, "concat", "c1")->is_distinct = 1;
    what = call(&builder, op, "concat", "c1");
    what->order = plan_keys(&builder, "c1 desc", &what->order_count);
    what = call(&builder, op, "concat", "c1");
    what->order = plan_keys(&builder, "c2", &what->order_count);
    what = call(&builder, op, "concat", "c1");
    what->order = plan_keys(&builder, "c1", &what->order_count);
    what->is_distinct = 1;
    CHECK_ROWS(&builder, op, "i1 tcacb tccb tcab tccba tbcac tabc; i2 txy txy txy tyx txy txy");
    op = aggregate(&builder, plan_sort(&builder, rows, "c0"), "c0");
    op->as.aggregate.is_sorted_input = 1;
    what = call(&builder, op, "concat", "c1");
    what->order = plan_keys(&builder, "c1", &what->order_count);
    what->is_distinct = 1;
    call(&builder, op, "count", "c1")->is_distinct = 1;
    CHECK_ROWS(&builder, op, "i1 tabc i3; i2 txy i2");
    op = aggregate(&builder, plan_values(&builder, "i1; r1.0; n; t1; i2; n"), NULL);
    call(&builder, op, "count", "c0")->is_distinct = 1;
    CHECK_ROWS(&builder, op, "i3");
    plan_deinit(&builder);
}

/* 31, item 25. */
static void
bare_columns_follow_min_and_max(void)
{
    vl_op *rows;
    vl_op *op;

    plan_init(&builder);
    rows =
        plan_values(&builder, "i1 n ta; i1 i5 tb; i1 i3 tc; i1 i3 td; i1 i5 te; i2 n tf; i2 n tg");
    op = aggregate(&builder, rows, "c0");
    bare(&builder, op, "c2 (|| c2 c2)");
    CHECK_ROWS(&builder, op, "i1 ta taa; i2 tf tff");
    op = aggregate(&builder, rows, "c0");
    (void)call(&builder, op, "min", "c1");
    bare(&builder, op, "c2");
    op->as.aggregate.min_max = 0;
    CHECK_ROWS(&builder, op, "i1 i3 tc; i2 n tg");
    op = aggregate(&builder, rows, "c0");
    (void)call(&builder, op, "count", "");
    (void)call(&builder, op, "max", "c1");
    bare(&builder, op, "c2");
    op->as.aggregate.min_max = 1;
    CHECK_ROWS(&builder, op, "i1 i5 i5 tb; i2 i2 n tg");
    op = aggregate(&builder, rows, NULL);
    (void)call(&builder, op, "max", "c2");
    bare(&builder, op, "c0 c1");
    op->as.aggregate.min_max = 0;
    CHECK_ROWS(&builder, op, "tg i2 n");
    plan_deinit(&builder);
}

static void
errors_of_results_come_behind_the_groups_before(void)
{
    vl_op *op;

    plan_init(&builder);
    op = aggregate(&builder, plan_values(&builder, "i3 i-666; i1 i1; i2 i2; i4 i1"), "c0");
    (void)call(&builder, op, "sum", "c1");
    CHECK_ROWS(&builder, op, "i1 i1; i2 i2; !a bad sum");
    CHECK_ROWS(&builder, plan_limit(&builder, op, "i2", NULL), "i1 i1; i2 i2");
    plan_deinit(&builder);
}

/* ---- against a model ---- */

/* The operator of the random tests: by c0 and c1, or by a long text. */
static vl_op *
many(exec_rig *rig, vl_op *child, const char *groups)
{
    vl_op *op = aggregate(&rig->builder, child, groups);
    vl_aggregate *what;

    (void)call(&rig->builder, op, "sum", "c2");
    (void)call(&rig->builder, op, "count", "");
    call(&rig->builder, op, "count", "c1")->is_distinct = 1;
    what = call(&rig->builder, op, "concat", "c2");
    what->order = plan_keys(&rig->builder, "c2 desc", &what->order_count);
    (void)call(&rig->builder, op, "max", "c2");
    bare(&rig->builder, op, "c3 c2");
    op->as.aggregate.min_max = 4;
    return op;
}

static void
check_groups(exec_rig *rig, const rig_rows *rows, const rig_rows *got)
{
    uint64_t total = 0;

    for (uint32_t g = 0; g < got->count; g++) {
        const vl_value *group = got->rows[g];
        int64_t sum_of = 0;
        int64_t count = 0;
        const vl_value *last = NULL;

        for (uint32_t i = 0; i < rows->count; i++) {
            const vl_value *row = rows->rows[i];

            if (vl_value_compare(&row[0], &group[0], VL_COLLATE_BINARY) != 0 ||
                row[1].as.integer != group[1].as.integer)
                continue;
            sum_of += row[2].as.integer;
            count++;
            last = row;
        }
        CHECK(last != NULL);
        CHECK_EQ(group[2].as.integer, sum_of);
        CHECK_EQ(group[3].as.integer, count);
        CHECK_EQ(group[4].as.integer, 1);
        CHECK(vl_value_compare(&group[7], &last[3], VL_COLLATE_BINARY) == 0);
        CHECK_EQ(group[8].as.integer, last[2].as.integer);
        total += (uint64_t)count;
    }
    CHECK_EQ(total, rows->count);
    (void)rig;
}

static void
groups_equal_their_model(void)
{
    static const char *const groups[] = {"c0 c1", "c3 c0 c1"};
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (size_t i = 0; i < VL_ARRAY_COUNT(groups); i++) {
        exec_rig rig;
        rig_rows rows;
        rig_rows got;
        rig_rows again;
        vl_op *op;

        CHECK(rig_init(&rig));
        rows = rig_random(&rig, &rng, ROWS, TEXT_SIZE);
        op = many(&rig, rig_values(&rig, &rows), groups[i]);
        got = rig_run(&rig, op);
        CHECK_STATUS(rig.status, VELO_DONE);
        CHECK_EQ(rig.spilled, 0);
        if (i == 0)
            check_groups(&rig, &rows, &got);
        rig.env.memory_limit = 1;
        again = rig_run(&rig, op);
        CHECK_STATUS(rig.status, VELO_DONE);
        CHECK(rig.spilled > 0);
        CHECK(rig_are_equal(&got, &again));
        op = many(&rig, plan_sort(&rig.builder, rig_values(&rig, &rows), groups[i]), groups[i]);
        op->as.aggregate.is_sorted_input = 1;
        again = rig_run(&rig, op);
        CHECK(rig_are_equal(&got, &again));
        rig_deinit(&rig);
    }
}

/* DISTINCT arguments of a few groups that outgrow the limit by themselves. */
static void
distinct_arguments_go_to_a_file(void)
{
    exec_rig rig;
    vl_rng rng;
    rig_rows rows;
    rig_rows got;
    rig_rows again;
    vl_aggregate *what;
    vl_op *op;

    vl_rng_init(&rng, unit_seed());
    CHECK(rig_init(&rig));
    rows = rig_random(&rig, &rng, ROWS, TEXT_SIZE);
    op = aggregate(&rig.builder,
                   plan_project(&rig.builder, rig_values(&rig, &rows), "(% c1 i2) c3 c0 c1"), "c0");
    call(&rig.builder, op, "concat", "(|| c3 tx)")->is_distinct = 1;
    call(&rig.builder, op, "count", "c1")->is_distinct = 1;
    what = call(&rig.builder, op, "concat", "c3");
    what->is_distinct = 1;
    what->order = plan_keys(&rig.builder, "(% c3 i7) c3 desc", &what->order_count);
    what = call(&rig.builder, op, "count", "c2");
    what->is_distinct = 1;
    what->collation = VL_COLLATE_NOCASE;
    got = rig_run(&rig, op);
    CHECK_EQ(rig.spilled, 0);
    CHECK_EQ(got.count, 2);
    CHECK(got.rows[0][2].as.integer > 20);
    rig.env.memory_limit = 1;
    again = rig_run(&rig, op);
    CHECK_STATUS(rig.status, VELO_DONE);
    CHECK(rig.spilled > 0);
    CHECK(rig_are_equal(&got, &again));
    rig_deinit(&rig);
}

/* A set that keeps all the memory there may be leaves rows behind it to a sorter, whose runs are
 * written a few times, not merged again and again. */
static void
distinct_arguments_are_written_few_times(void)
{
    exec_rig rig;
    rig_rows got;
    vl_op *op;

    CHECK(rig_init(&rig));
    rig.env.memory_limit = VL_BY_BUILD(UINT64_C(4) << 20, UINT64_C(128) << 10);
    op = aggregate(&rig.builder, plan_series(&rig.builder, MANY_ROWS, 7), NULL);
    call(&rig.builder, op, "count", "c0")->is_distinct = 1;
    got = rig_run(&rig, op);
    CHECK_STATUS(rig.status, VELO_DONE);
    CHECK_EQ(got.rows[0][0].as.integer, MANY_ROWS);
    CHECK(rig.spilled > 0);
    /* 3 values a row, some a few times; with 3 runs at a time more often. */
    CHECK(rig.spilled < UINT64_C(1) * VL_BY_BUILD(160, 16000) * MANY_ROWS);
    rig_deinit(&rig);
}

/* ---- built-in aggregates on vectors ---- */

/* Chunks of an INTEGER, a REAL and an ANY column, in place of a child. */
static struct {
    vl_rng rng;
    uint32_t left;
    vl_vector vectors[3];
    vl_chunk chunk;
    int64_t integers[VL_CHUNK_ROWS];
    double reals[VL_CHUNK_ROWS];
    vl_value values[VL_CHUNK_ROWS];
    uint64_t validity[(VL_CHUNK_ROWS + 63) / 64];
} typed;

static velo_status
typed_next(vl_ctx *ctx, vl_stage *stage, uint32_t wanted, const vl_chunk **out)
{
    (void)ctx;
    (void)stage;
    for (uint32_t i = 0; i < VL_CHUNK_ROWS; i++) {
        typed.integers[i] = (int64_t)vl_rng_below(&typed.rng, 2000000) - 1000000;
        typed.reals[i] = (double)typed.integers[i] / 7;
        typed.values[i] = i % 5 == 0 ? vl_value_of_null() : vl_value_of_integer(typed.integers[i]);
        if (i % 5 == 1)
            typed.values[i] = vl_value_of_real(typed.reals[i]);
    }
    vl_rng_fill(&typed.rng, typed.validity, sizeof typed.validity);
    typed.vectors[0] = (vl_vector){
        .form = VL_VECTOR_INTEGER, .as.integers = typed.integers, .validity = typed.validity};
    typed.vectors[1] = (vl_vector){.form = VL_VECTOR_REAL, .as.reals = typed.reals};
    typed.vectors[2] = (vl_vector){.form = VL_VECTOR_ANY, .as.values = typed.values};
    typed.chunk = (vl_chunk){.column_count = 3, .vectors = typed.vectors};
    if (typed.left > 0)
        typed.chunk.row_count = typed.chunk.count = wanted;
    typed.left -= typed.left > 0;
    *out = &typed.chunk;
    return VELO_OK;
}

static const vl_stage_class typed_class = {.size = sizeof(vl_stage), .next = typed_next};

/* Run an aggregate over the typed chunks and keep its one row. */
static void
typed_run(exec_rig *rig, vl_op *op, vl_value *row)
{
    const vl_value *got;
    vl_exec *exec;

    vl_rng_init(&typed.rng, unit_seed());
    typed.left = 5;
    CHECK_OK(vl_exec_create(unit_ctx(), plan_root(&rig->builder, op), &rig->env, &exec));
    exec->root->root->children[0]->class = &typed_class;
    exec->root->root->children[0]->is_open = 0;
    CHECK_STATUS(vl_exec_step(unit_ctx(), exec, &got), VELO_ROW);
    CHECK_OK(vl_row_copy_to(unit_ctx(), &rig->builder.arena, got, op->column_count, row));
    vl_exec_destroy(exec);
}

/* The same bits, column by column and row by row. */
static void
columns_give_what_rows_give(void)
{
    static const char *const names[] = {"count", "sum", "total", "avg", "min", "max"};
    static const char *const columns[] = {"c0", "c1", "c2", "(+ c0 c1)"};

    for (size_t i = 0; i < VL_ARRAY_COUNT(columns); i++) {
        vl_value by_column[6];
        vl_value by_row[6];
        exec_rig rig;
        vl_op *op;

        CHECK(rig_init(&rig));
        op = aggregate(&rig.builder, plan_values(&rig.builder, "i1 i1 i1"), NULL);
        for (size_t k = 0; k < VL_ARRAY_COUNT(names); k++) {
            vl_aggregate *what = call(&rig.builder, op, "count", columns[i]);

            CHECK_OK(vl_func_find(unit_ctx(), NULL, names[k], strlen(names[k]), 1, &what->func));
        }
        typed_run(&rig, op, by_column);
        rig.env.is_plain = 1;
        typed_run(&rig, op, by_row);
        for (size_t k = 0; k < VL_ARRAY_COUNT(names) && !unit_has_failed(); k++) {
            CHECK_EQ(by_column[k].type, by_row[k].type);
            CHECK_EQ(by_column[k].as.integer, by_row[k].as.integer);
        }
        CHECK(by_row[0].as.integer > 5);
        rig_deinit(&rig);
    }
}

static void
groups_survive_lack_of_memory(void)
{
    exec_rig rig;
    vl_rng rng;
    rig_rows rows;
    vl_op *op;

    vl_rng_init(&rng, unit_seed());
    CHECK(rig_init(&rig));
    rig.env.memory_limit = 1;
    rows = rig_random(&rig, &rng, 60, TEXT_SIZE);
    op = many(&rig, rig_values(&rig, &rows), "c3 c0 c1");
    (void)plan_root(&rig.builder, op);
    CHECK(unit_each_alloc_failure(rig_operation, &rig) > 10);
    op = many(&rig, plan_sort(&rig.builder, rig_values(&rig, &rows), "c1"), "c1");
    op->as.aggregate.is_sorted_input = 1;
    (void)plan_root(&rig.builder, op);
    CHECK(unit_each_alloc_failure(rig_operation, &rig) > 10);
    rig_deinit(&rig);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(groups_come_in_ascending_order),
        UNIT_TEST(no_rows_are_one_group_without_group_by),
        UNIT_TEST(calls_are_filtered_distinct_and_ordered),
        UNIT_TEST(bare_columns_follow_min_and_max),
        UNIT_TEST(errors_of_results_come_behind_the_groups_before),
        UNIT_TEST(groups_equal_their_model),
        UNIT_TEST(distinct_arguments_go_to_a_file),
        UNIT_TEST(distinct_arguments_are_written_few_times),
        UNIT_TEST(columns_give_what_rows_give),
        UNIT_TEST(groups_survive_lack_of_memory),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
