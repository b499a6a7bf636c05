/* op_function.c - FUNCTION_SCAN: rows of a table-valued function.
 *
 * The function makes all its rows when the scan is first asked for some: they are what a PRAGMA
 * answers, a few for each object of the schema.
 *
 * Invariants
 *   FS1  Arguments, rows and their texts are in the stage's arena until the scan is rewound, so
 *        batches hold the rows' texts without copies. What the function makes when a row is read is
 *        in the batch's arena; a batch ends early when that is much. */
#include "exec/source.h"
#include "exec/table_func.h"

/* Bytes of values made for a batch, beyond which it takes no more rows. */
#define FUNCTION_BATCH_BYTES VL_BY_BUILD(4194304U, 4096U)

typedef struct function_stage {
    vl_stage base;
    vl_arena arena; /* keeps FS1 */
    vl_table_func_rows rows;
    uint64_t at; /* the next row to give */
    int is_begun;
    vl_value *row; /* room for one, of the operator's columns */
} function_stage;

static velo_status
function_open(vl_ctx *ctx, vl_stage *stage)
{
    function_stage *function = (function_stage *)stage;

    vl_arena_init(&function->arena, ctx->allocator, 0);
    function->row = vl_arena_alloc_array(&stage->exec->arena, stage->op->column_count + 1U,
                                         sizeof *function->row);
    return function->row == NULL
               ? vl_fail(ctx, VELO_NOMEM, "cannot allocate a row of a table-valued function")
               : VELO_OK;
}

/* Evaluate the arguments and call the function. */
static velo_status
function_begin(vl_ctx *ctx, function_stage *function)
{
    vl_stage *stage = &function->base;
    const vl_op_function_scan *scan = &stage->op->as.function_scan;
    const vl_exprs *exprs = &scan->arguments;
    vl_eval eval = vl_stage_eval(stage, &function->arena);
    vl_value *arguments =
        vl_arena_alloc_array(&function->arena, exprs->count + 1U, sizeof *arguments);

    if (arguments == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate arguments");
    for (uint32_t i = 0; i < exprs->count; i++)
        VL_TRY(vl_eval_expr(ctx, &eval, exprs->list[i], &arguments[i]));
    VL_TRY(scan->function->make(ctx, stage->exec->env.table_func_user, scan->function, arguments,
                                exprs->count, &function->arena, &function->rows));
    vl_exec_charge(stage->exec, &stage->charged, function->arena.held_bytes);
    return VELO_OK;
}

/* The columns of a row that the operator has. */
static velo_status
function_read(vl_ctx *ctx, function_stage *function)
{
    const vl_op *op = function->base.op;
    const vl_op_function_scan *scan = &op->as.function_scan;
    const vl_table_func *func = scan->function;
    const vl_value *values = func->read == NULL
                                 ? function->rows.values + (size_t)function->at * func->column_count
                                 : NULL;

    for (uint32_t i = 0; i < op->column_count; i++) {
        if (func->read == NULL)
            function->row[i] = values[scan->columns[i]];
        else
            VL_TRY(func->read(ctx, function->rows.state, function->at, (uint32_t)scan->columns[i],
                              &function->base.batch.arena, &function->row[i]));
    }
    return VELO_OK;
}

/* Put the next rows into the batch, `wanted` at most. */
static velo_status
function_give(vl_ctx *ctx, function_stage *function, uint32_t wanted)
{
    vl_batch *batch = &function->base.batch;
    size_t most = batch->arena.held_bytes + FUNCTION_BATCH_BYTES;

    while (batch->chunk.count < wanted && function->at < function->rows.row_count &&
           (batch->chunk.count == 0 || batch->arena.held_bytes <= most)) {
        VL_TRY(function_read(ctx, function));
        vl_batch_append(batch, function->row);
        function->at++;
    }
    return VELO_OK;
}

static velo_status
function_fill(vl_ctx *ctx, vl_stage *stage, uint32_t wanted)
{
    function_stage *function = (function_stage *)stage;
    velo_status st = function_give(ctx, function, wanted);

    if (st == VELO_OK)
        return VELO_OK;
    function->at = function->rows.row_count;
    return vl_scan_fail(ctx, stage, st);
}

static velo_status
function_next(vl_ctx *ctx, vl_stage *stage, uint32_t wanted, const vl_chunk **out)
{
    function_stage *function = (function_stage *)stage;

    if (!function->is_begun) {
        function->is_begun = 1;
        VL_TRY(function_begin(ctx, function));
    }
    return vl_scan_next(ctx, stage, &stage->op->as.function_scan.filter, wanted, function_fill,
                        out);
}

static void
function_rewind(vl_stage *stage)
{
    function_stage *function = (function_stage *)stage;

    function->rows = (vl_table_func_rows){NULL, NULL, 0};
    function->at = 0;
    function->is_begun = 0;
    vl_arena_reset(&function->arena);
    vl_exec_charge(stage->exec, &stage->charged, 0);
}

static void
function_close(vl_stage *stage)
{
    vl_arena_deinit(&((function_stage *)stage)->arena);
}

const vl_stage_class vl_function_scan_class = {
    .size = sizeof(function_stage),
    .open = function_open,
    .next = function_next,
    .rewind = function_rewind,
    .close = function_close,
};
