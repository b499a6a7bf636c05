/* bench_exec.c - operators over chunks that cost nothing to make: what a row costs in each, with
 * the fast ways and with the evaluator alone, in processor time. */
#include "base/rng.h"
#include "exec/exec_int.h"
#include "lib/bench.h"
#include "vec/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BENCH_ROWS   (1U << 20)
#define BENCH_COPIES 8U /* of a chunk, so that branches are not learnt */

/* ---- rows: (random below 2^20, the same mod 1000, a real) as vectors or as values ---- */

static struct {
    int64_t integers[BENCH_COPIES][2][VL_CHUNK_ROWS];
    double reals[BENCH_COPIES][VL_CHUNK_ROWS];
    vl_value values[BENCH_COPIES][3][VL_CHUNK_ROWS];
} rows;

typedef struct source_stage {
    vl_stage base;
    uint32_t left; /* chunks */
    int is_typed;  /* vectors of one class each */
    vl_chunk chunk;
    vl_vector vectors[3];
} source_stage;

static int source_is_typed;
static uint32_t source_chunks;

static velo_status
source_next(vl_ctx *ctx, vl_stage *stage, uint32_t wanted, const vl_chunk **out)
{
    source_stage *source = (source_stage *)stage;
    uint32_t copy = source->left % BENCH_COPIES;

    (void)ctx;
    *out = &source->chunk;
    source->chunk = (vl_chunk){.column_count = 3, .vectors = source->vectors};
    if (source->left == 0)
        return VELO_OK;
    source->left--;
    source->chunk.row_count = source->chunk.count = wanted;
    for (uint32_t i = 0; i < 3; i++) {
        source->vectors[i] = (vl_vector){.form = VL_VECTOR_ANY, .as.values = rows.values[copy][i]};
        if (source_is_typed && i < 2)
            source->vectors[i] =
                (vl_vector){.form = VL_VECTOR_INTEGER, .as.integers = rows.integers[copy][i]};
        if (source_is_typed && i == 2)
            source->vectors[i] = (vl_vector){.form = VL_VECTOR_REAL, .as.reals = rows.reals[copy]};
    }
    return VELO_OK;
}

static void
source_rewind(vl_stage *stage)
{
    ((source_stage *)stage)->left = source_chunks;
}

static const vl_stage_class source_class = {
    .size = sizeof(source_stage), .next = source_next, .rewind = source_rewind};

static void
source_fill(void)
{
    vl_rng rng;

    vl_rng_init(&rng, 1);
    for (uint32_t c = 0; c < BENCH_COPIES; c++) {
        for (uint32_t i = 0; i < VL_CHUNK_ROWS; i++) {
            int64_t integer = (int64_t)vl_rng_below(&rng, 1U << 20);

            rows.integers[c][0][i] = integer;
            rows.integers[c][1][i] = integer % 1000;
            rows.reals[c][i] = (double)integer / 100;
            rows.values[c][0][i] = vl_value_of_integer(integer);
            rows.values[c][1][i] = vl_value_of_integer(integer % 1000);
            rows.values[c][2][i] = vl_value_of_real((double)integer / 100);
        }
    }
}

/* ---- plans ---- */

static vl_arena plans;

static void *
plan_alloc(size_t count, size_t size)
{
    void *memory = vl_arena_alloc_array(&plans, count, size);

    if (memory == NULL)
        exit(1);
    return memory;
}

static vl_op *
plan_op(vl_op_kind kind, uint32_t column_count, vl_op *left, vl_op *right)
{
    vl_op *op = plan_alloc(1, sizeof *op);

    op->kind = kind;
    op->column_count = column_count;
    op->children[0] = left;
    op->children[1] = right;
    op->child_count = right != NULL ? 2 : left != NULL ? 1 : 0;
    return op;
}

static vl_expr *
plan_column(uint32_t index)
{
    vl_expr *expr = plan_alloc(1, sizeof *expr);

    expr->kind = VL_EXPR_COLUMN;
    expr->index = index;
    return expr;
}

/* column op constant */
static vl_expr *
plan_binary(uint8_t kind, uint8_t op, uint32_t column, int64_t constant)
{
    vl_expr *expr = plan_alloc(1, sizeof *expr);

    expr->kind = kind;
    expr->op = op;
    expr->kid_count = 2;
    expr->kids = plan_alloc(2, sizeof(vl_expr *));
    expr->kids[0] = plan_column(column);
    expr->kids[1] = plan_alloc(1, sizeof *expr);
    expr->kids[1]->value = vl_value_of_integer(constant);
    return expr;
}

static vl_exprs
plan_list(vl_expr *expr)
{
    vl_exprs exprs = {.list = plan_alloc(1, sizeof(vl_expr *)), .count = 1};

    exprs.list[0] = expr;
    return exprs;
}

static vl_op *
plan_aggregate(vl_op *child, int is_grouped)
{
    static const char *const names[] = {"sum", "max", "count"};
    vl_op *op = plan_op(VL_OP_KIND_AGGREGATE, is_grouped ? 4 : 3, child, NULL);
    vl_op_aggregate *what = &op->as.aggregate;

    what->min_max = -1;
    what->is_grouped = is_grouped;
    what->collations = plan_alloc(1, 1);
    if (is_grouped)
        what->groups = plan_list(plan_column(1));
    what->aggregate_count = 3;
    what->aggregates = plan_alloc(3, sizeof *what->aggregates);
    for (uint32_t i = 0; i < 3; i++) {
        what->aggregates[i].arguments = plan_list(plan_column(i == 1 ? 2 : 0));
        if (vl_func_find(NULL, NULL, names[i], strlen(names[i]), 1, &what->aggregates[i].func) !=
            VELO_OK)
            exit(1);
    }
    return op;
}

/* ---- series ---- */

typedef enum exec_kind {
    EXEC_FILTER,
    EXEC_FILTER_EXPRESSION,
    EXEC_PROJECT,
    EXEC_SUM,
    EXEC_GROUP,
    EXEC_SORT,
    EXEC_TOP,
    EXEC_DISTINCT,
    EXEC_JOIN
} exec_kind;

typedef struct exec_case {
    exec_kind kind;
    int is_typed;
    int is_plain;
    const char *name;
} exec_case;

static vl_op *
plan_of(exec_kind kind)
{
    vl_op *source = plan_op(VL_OP_KIND_VALUES, 3, NULL, NULL);
    vl_op *op = NULL;

    switch (kind) {
    case EXEC_FILTER:
        op = plan_op(VL_OP_KIND_FILTER, 3, source, NULL);
        op->as.filter.conjuncts = plan_list(plan_binary(VL_EXPR_COMPARE, VL_COMPARE_LT, 0, 9999));
        return op;
    case EXEC_FILTER_EXPRESSION:
        op = plan_op(VL_OP_KIND_FILTER, 3, source, NULL);
        op->as.filter.conjuncts = plan_list(plan_binary(VL_EXPR_COMPARE, VL_COMPARE_EQ, 0, 7));
        op->as.filter.conjuncts.list[0]->kids[0] =
            plan_binary(VL_EXPR_ARITHMETIC, VL_OPERATOR_REMAINDER, 0, 101);
        return op;
    case EXEC_PROJECT:
        op = plan_op(VL_OP_KIND_PROJECT, 1, source, NULL);
        op->as.project.exprs = plan_list(plan_binary(VL_EXPR_ARITHMETIC, VL_OPERATOR_ADD, 0, 1));
        return op;
    case EXEC_SUM:
    case EXEC_GROUP:
        return plan_aggregate(source, kind == EXEC_GROUP);
    case EXEC_SORT:
    case EXEC_TOP:
        op = plan_op(VL_OP_KIND_SORT, 3, source, NULL);
        op->as.sort.key_count = 1;
        op->as.sort.keys = plan_alloc(1, sizeof *op->as.sort.keys);
        op->as.sort.keys[0].expr = plan_column(0);
        if (kind == EXEC_TOP)
            op->as.sort.limit = plan_binary(VL_EXPR_ARITHMETIC, 0, 0, 10)->kids[1];
        return op;
    case EXEC_DISTINCT:
        op = plan_op(VL_OP_KIND_DISTINCT, 3, source, NULL);
        op->as.distinct.key_count = 1;
        op->as.distinct.collations = plan_alloc(1, 1);
        return op;
    case EXEC_JOIN:
        op = plan_op(VL_OP_KIND_HASH_JOIN, 3, source, plan_op(VL_OP_KIND_VALUES, 3, NULL, NULL));
        op->as.hash_join.kind = VL_JOIN_KIND_SEMI;
        op->as.hash_join.left = plan_list(plan_column(0));
        op->as.hash_join.right = plan_list(plan_column(0));
        op->as.hash_join.compared = plan_alloc(1, 1);
        op->as.hash_join.collations = plan_alloc(1, 1);
        op->as.hash_join.is_null_equal = plan_alloc(1, 1);
        return op;
    }
    return op;
}

/* Put the source of chunks in the place of VALUES. */
static void
exec_set_source(vl_exec *exec, vl_stage *stage)
{
    for (uint32_t i = 0; i < 2; i++) {
        if (stage->children[i] == NULL)
            continue;
        if (stage->children[i]->op->kind != VL_OP_KIND_VALUES) {
            exec_set_source(exec, stage->children[i]);
            continue;
        }
        stage->children[i] = vl_arena_alloc_array(&exec->arena, 1, sizeof(source_stage));
        if (stage->children[i] == NULL)
            exit(1);
        stage->children[i]->class = &source_class;
        stage->children[i]->op = stage->op->children[i];
        stage->children[i]->exec = exec;
        stage->children[i]->frame = exec->root;
        stage->children[i]->is_open = 1;
    }
}

/* Nanoseconds of processor time for a row. */
static double
exec_measure(void *user)
{
    const exec_case *what = user;
    vl_exec_env env = {.is_plain = what->is_plain};
    vl_program program = {.root = NULL};
    vl_plan plan = {.programs = &program, .program_count = 1};
    const vl_value *row;
    vl_exec *exec;
    vl_ctx ctx;
    clock_t begin;
    clock_t end;
    velo_status status;

    vl_ctx_init(&ctx, NULL, NULL);
    vl_arena_init(&plans, NULL, 0);
    program.root = plan_of(what->kind);
    source_is_typed = what->is_typed;
    source_chunks = BENCH_ROWS / VL_CHUNK_ROWS;
    if (vl_exec_create(&ctx, &plan, &env, &exec) != VELO_OK)
        exit(1);
    exec_set_source(exec, exec->root->root);
    vl_frame_rewind(exec->root);
    exec->wanted = VL_CHUNK_ROWS;
    begin = clock();
    do {
        status = vl_exec_step(&ctx, exec, &row);
    } while (status == VELO_ROW);
    end = clock();
    vl_exec_destroy(exec);
    vl_arena_deinit(&plans);
    if (status != VELO_DONE)
        exit(1);
    return (double)(end - begin) * 1e9 / CLOCKS_PER_SEC / BENCH_ROWS;
}

int
main(int argc, char **argv)
{
    static exec_case cases[] = {
        {EXEC_FILTER, 1, 0, "filter, vectors, kernel"},
        {EXEC_FILTER, 0, 0, "filter, values, short loop"},
        {EXEC_FILTER, 0, 1, "filter, values, evaluator"},
        {EXEC_FILTER_EXPRESSION, 0, 0, "filter of an expression"},
        {EXEC_PROJECT, 0, 0, "project a + 1"},
        {EXEC_SUM, 1, 0, "sum, max, count; vectors, by column"},
        {EXEC_SUM, 0, 0, "sum, max, count; values, by column"},
        {EXEC_SUM, 0, 1, "sum, max, count; values, by row"},
        {EXEC_GROUP, 0, 0, "the same in 1,000 groups"},
        {EXEC_SORT, 0, 0, "sort by an integer"},
        {EXEC_TOP, 0, 0, "the first 10"},
        {EXEC_DISTINCT, 0, 0, "distinct, 8,192 different"},
        {EXEC_JOIN, 0, 0, "semi join of 2^20 with 2^20 rows"},
    };
    bench *b = bench_create(argc, argv, "Operators, processor time for a row");

    source_fill();
    for (size_t i = 0; i < VL_ARRAY_COUNT(cases); i++)
        (void)bench_add(b, cases[i].name, "ns", BENCH_LESS_IS_BETTER, exec_measure, &cases[i]);
    return bench_finish(b);
}
