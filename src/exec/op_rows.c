/* op_rows.c - operators that look at one row at a time: VALUES, FILTER, PROJECT, LIMIT.
 *
 * Invariants
 *   W1  An expression is evaluated on a row only when the reader has asked for that row, or for a
 *       chunk that has it; rows behind a limit are not asked for.
 *       FILTER looks further ahead when little passes, but not with what is volatile; an error
 *       that it meets there waits its turn.
 *   W2  Rows before the one that an error was met in are given first (vl_stage_stash). */
#include "exec/exec_int.h"

#include "base/assert.h"
#include "exec/kernel.h"

/* ---- VALUES ---- */

typedef struct values_stage {
    vl_stage base;
    uint32_t at; /* the next row */
} values_stage;

static velo_status
values_open(vl_ctx *ctx, vl_stage *stage)
{
    (void)ctx;
    for (uint32_t i = 0; i < stage->op->as.values.row_count; i++) {
        if (vl_exprs_are_volatile(&stage->op->as.values.rows[i]))
            stage->is_volatile = 1;
    }
    return VELO_OK;
}

static velo_status
values_next(vl_ctx *ctx, vl_stage *stage, uint32_t wanted, const vl_chunk **out)
{
    values_stage *values = (values_stage *)stage;
    vl_batch *batch = &stage->batch;
    vl_eval eval = vl_stage_eval(stage, &batch->arena);
    uint32_t row_count = stage->op->as.values.row_count;

    VL_TRY(vl_batch_begin(ctx, batch, stage->op->column_count, wanted));
    *out = &batch->chunk;
    for (; values->at < row_count && batch->chunk.count < wanted; values->at++) {
        const vl_exprs *exprs = &stage->op->as.values.rows[values->at];
        velo_status status = VELO_OK;

        for (uint32_t i = 0; i < exprs->count && status == VELO_OK; i++)
            status = vl_eval_expr(ctx, &eval, exprs->list[i],
                                  &batch->columns[i][batch->chunk.row_count]);
        if (status != VELO_OK && batch->chunk.count == 0)
            return status;
        if (status != VELO_OK) {
            vl_stage_stash(ctx, stage, status); /* keeps W2 */
            return VELO_OK;
        }
        batch->chunk.count = ++batch->chunk.row_count;
    }
    return VELO_OK;
}

static void
values_rewind(vl_stage *stage)
{
    ((values_stage *)stage)->at = 0;
}

const vl_stage_class vl_values_class = {
    .size = sizeof(values_stage),
    .open = values_open,
    .next = values_next,
    .rewind = values_rewind,
};

/* ---- FILTER ---- */

typedef struct filter_stage {
    vl_stage base;
    vl_arena arena; /* what evaluating makes; emptied for each chunk */
    vl_chunk chunk; /* the child's vectors, with part of `selection` */
    uint32_t count; /* rows of the selection */
    uint32_t asked; /* rows that the child was asked for last */
    uint16_t selection[VL_CHUNK_ROWS];
} filter_stage;

static velo_status
filter_open(vl_ctx *ctx, vl_stage *stage)
{
    vl_arena_init(&((filter_stage *)stage)->arena, ctx->allocator, 0);
    stage->is_volatile = vl_exprs_are_volatile(&stage->op->as.filter.conjuncts);
    return VELO_OK;
}

/* vl_kernel_decide, unless the evaluator is to do all. */
static uint32_t
filter_decide(vl_ctx *ctx, filter_stage *filter, vl_eval *eval, uint32_t *decided)
{
    static const vl_exprs none = {NULL, 0};
    int is_plain = filter->base.exec->env.is_plain;

    return vl_kernel_decide(ctx, eval, is_plain ? &none : &filter->base.op->as.filter.conjuncts,
                            filter->selection, decided);
}

/* Choose the rows of a chunk that pass. */
static velo_status
filter_choose(vl_ctx *ctx, filter_stage *filter, const vl_chunk *in)
{
    const vl_exprs *conjuncts = &filter->base.op->as.filter.conjuncts;
    vl_eval eval = vl_stage_eval(&filter->base, &filter->arena);
    uint32_t chosen;
    uint32_t decided;
    uint32_t count = 0;
    vl_exprs rest;

    vl_arena_reset(&filter->arena);
    eval.chunk = in;
    filter->chunk = *in;
    chosen = filter_decide(ctx, filter, &eval, &decided);
    rest = (vl_exprs){.list = conjuncts->list + decided, .count = conjuncts->count - decided};
    for (uint32_t n = 0; n < chosen && rest.count > 0; n++) {
        velo_status status;
        int passes;

        eval.at = filter->selection[n];
        status = vl_eval_conjuncts(ctx, &eval, &rest, &passes);
        if (status != VELO_OK && count == 0)
            return status;
        if (status != VELO_OK) {
            vl_stage_stash(ctx, &filter->base, status); /* keeps W2 */
            break;
        }
        filter->selection[count] = (uint16_t)eval.at;
        count += (uint32_t)passes;
    }
    filter->count = rest.count > 0 ? count : chosen;
    filter->base.left = filter->count;
    return VELO_OK;
}

static velo_status
filter_next(vl_ctx *ctx, vl_stage *stage, uint32_t wanted, const vl_chunk **out)
{
    filter_stage *filter = (filter_stage *)stage;
    const vl_chunk *in;

    while (stage->left == 0) {
        filter->asked = vl_stage_ask(stage, filter->asked, 0, wanted);
        VL_TRY(vl_stage_next(ctx, stage->children[0], filter->asked, &in));
        if (in->count == 0) {
            *out = in;
            return VELO_OK;
        }
        VL_TRY(filter_choose(ctx, filter, in));
        if (stage->left == 0)
            filter->asked = vl_stage_ask(stage, filter->asked, 1, wanted);
    }
    vl_stage_give(stage, &filter->chunk, filter->selection, filter->count, wanted);
    *out = &filter->chunk;
    return VELO_OK;
}

static void
filter_rewind(vl_stage *stage)
{
    ((filter_stage *)stage)->asked = 0;
}

static void
filter_close(vl_stage *stage)
{
    vl_arena_deinit(&((filter_stage *)stage)->arena);
}

const vl_stage_class vl_filter_class = {
    .size = sizeof(filter_stage),
    .open = filter_open,
    .next = filter_next,
    .rewind = filter_rewind,
    .close = filter_close,
};

/* ---- PROJECT ---- */

static velo_status
project_open(vl_ctx *ctx, vl_stage *stage)
{
    (void)ctx;
    stage->is_volatile = vl_exprs_are_volatile(&stage->op->as.project.exprs);
    return VELO_OK;
}

/* Point the vectors to where their values are or will be: columns of the child are given on as they
 * are, constants once. */
static void
project_share(vl_stage *stage, const vl_chunk *in)
{
    const vl_exprs *exprs = &stage->op->as.project.exprs;
    vl_batch *batch = &stage->batch;

    for (uint32_t i = 0; i < exprs->count; i++) {
        const vl_expr *expr = exprs->list[i];
        vl_vector *vector = &batch->chunk.vectors[i];

        if (expr->kind == VL_EXPR_COLUMN)
            *vector = in->vectors[expr->index];
        else if (expr->kind == VL_EXPR_CONSTANT)
            *vector =
                (vl_vector){.form = VL_VECTOR_ANY, .is_constant = 1, .as.values = &expr->value};
        else
            *vector = (vl_vector){.form = VL_VECTOR_ANY, .as.values = batch->columns[i]};
    }
}

static int
project_is_shared(const vl_expr *expr)
{
    return expr->kind == VL_EXPR_COLUMN || expr->kind == VL_EXPR_CONSTANT;
}

/* Evaluate what is not shared in one row of the vectors. */
static velo_status
project_row(vl_ctx *ctx, vl_stage *stage, vl_eval *eval)
{
    const vl_exprs *exprs = &stage->op->as.project.exprs;

    for (uint32_t i = 0; i < exprs->count; i++) {
        if (!project_is_shared(exprs->list[i]))
            VL_TRY(vl_eval_expr(ctx, eval, exprs->list[i], &stage->batch.columns[i][eval->at]));
    }
    return VELO_OK;
}

static velo_status
project_next(vl_ctx *ctx, vl_stage *stage, uint32_t wanted, const vl_chunk **out)
{
    vl_batch *batch = &stage->batch;
    vl_eval eval = vl_stage_eval(stage, &batch->arena);
    const vl_chunk *in;

    VL_TRY(vl_stage_next(ctx, stage->children[0], wanted, &in));
    if (in->count == 0) { /* it need not have vectors */
        *out = in;
        return VELO_OK;
    }
    VL_TRY(vl_batch_begin(ctx, batch, stage->op->column_count, in->row_count));
    batch->chunk.row_count = in->row_count;
    batch->chunk.selection = in->selection;
    batch->chunk.count = in->count;
    *out = &batch->chunk;
    project_share(stage, in);
    eval.chunk = in;
    for (uint32_t n = 0; n < in->count; n++) {
        velo_status status;

        eval.at = vl_chunk_row(in, n);
        status = project_row(ctx, stage, &eval);
        if (status != VELO_OK && n == 0)
            return status;
        if (status != VELO_OK) {
            vl_stage_stash(ctx, stage, status); /* keeps W2 */
            batch->chunk.count = n;
            break;
        }
    }
    return VELO_OK;
}

const vl_stage_class vl_project_class = {
    .size = sizeof(vl_stage),
    .open = project_open,
    .next = project_next,
};

/* ---- LIMIT ---- */

typedef struct limit_stage {
    vl_stage base;
    int is_begun;     /* the numbers were evaluated */
    uint64_t left;    /* rows that may still be given */
    uint64_t skipped; /* rows that are still to be left out */
    vl_chunk nothing; /* an empty chunk */
} limit_stage;

static velo_status
limit_begin(vl_ctx *ctx, limit_stage *limit)
{
    const vl_op_limit *op = &limit->base.op->as.limit;
    int64_t number;

    limit->left = UINT64_MAX;
    limit->skipped = 0;
    if (op->limit != NULL) {
        VL_TRY(vl_stage_number(ctx, &limit->base, op->limit, &number));
        if (number >= 0)
            limit->left = (uint64_t)number;
    }
    if (op->offset != NULL && limit->left > 0) { /* of no rows none is left out */
        VL_TRY(vl_stage_number(ctx, &limit->base, op->offset, &number));
        if (number > 0)
            limit->skipped = (uint64_t)number;
    }
    limit->is_begun = 1;
    return VELO_OK;
}

/* Rows to ask the child for. While rows are left out no others are asked for, so that a chunk has
 * either rows to be given or rows to be dropped. */
static uint32_t
limit_ask(const limit_stage *limit, uint32_t wanted)
{
    uint64_t most = limit->skipped > 0 ? limit->skipped : limit->left;

    if (limit->skipped > 0)
        wanted = VL_CHUNK_ROWS;
    return most < wanted ? (uint32_t)most : wanted;
}

static velo_status
limit_next(vl_ctx *ctx, vl_stage *stage, uint32_t wanted, const vl_chunk **out)
{
    limit_stage *limit = (limit_stage *)stage;

    if (!limit->is_begun)
        VL_TRY(limit_begin(ctx, limit));
    *out = &limit->nothing;
    while (limit->left > 0) { /* keeps W1 */
        const vl_chunk *in;
        int is_dropped = limit->skipped > 0;

        VL_TRY(vl_stage_next(ctx, stage->children[0], limit_ask(limit, wanted), &in));
        if (is_dropped) {
            limit->skipped -= in->count;
        } else {
            limit->left -= in->count;
            *out = in;
        }
        if (!is_dropped || in->count == 0)
            return VELO_OK;
    }
    return VELO_OK;
}

static void
limit_rewind(vl_stage *stage)
{
    ((limit_stage *)stage)->is_begun = 0;
}

const vl_stage_class vl_limit_class = {
    .size = sizeof(limit_stage),
    .next = limit_next,
    .rewind = limit_rewind,
};
