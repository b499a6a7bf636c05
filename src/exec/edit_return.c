/* edit_return.c - RETURNING: what a change yields of each row.
 *
 * Subqueries read what the statement has done so far, as SQLite's do: those of its other clauses
 * read what was there before it. So expressions with subqueries are evaluated by an execution of
 * their own, which is never stepped, and which forgets all that it has found before the next row.
 *
 * Invariants
 *   ER1  Rows are kept until all changes are made (plan.h), evaluated right after the change. */
#include "exec/edit.h"

#include "exec/exec_int.h"

#include <string.h>

/* Who evaluates, and by which views. */
struct vl_edit_reader {
    vl_exec *exec;
    vl_source source;
    vl_statement statement;  /* what `source` has */
    vl_source_other *others; /* likewise, each with one of other_statements */
    vl_statement *other_statements;
};

static int
return_has_program(const vl_expr *expr)
{
    if (expr->kind == VL_EXPR_EXISTS || expr->kind == VL_EXPR_SCALAR ||
        expr->kind == VL_EXPR_IN_QUERY)
        return 1;
    for (uint32_t i = 0; i < expr->kid_count; i++)
        if (return_has_program(expr->kids[i]))
            return 1;
    return 0;
}

static velo_status
return_no_memory(vl_ctx *ctx)
{
    return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row of RETURNING");
}

/* Make the reader of a run, once. */
static velo_status
return_make_reader(vl_ctx *ctx, vl_edit_run *run)
{
    vl_exec *outer = run->stage->exec;
    vl_arena *arena = &outer->arena;
    uint32_t count = outer->env.source->other_count;
    vl_edit_reader *reader = vl_arena_alloc_array(arena, 1, sizeof *reader);
    vl_exec_env env = outer->env;

    if (reader == NULL)
        return return_no_memory(ctx);
    reader->others = vl_arena_alloc_array(arena, count + 1U, sizeof *reader->others);
    reader->other_statements =
        vl_arena_alloc_array(arena, count + 1U, sizeof *reader->other_statements);
    if (reader->others == NULL || reader->other_statements == NULL)
        return return_no_memory(ctx);
    env.source = &reader->source;
    env.is_profiled = 0; /* it counts as work of the change */
    VL_TRY(vl_exec_create(ctx, outer->plan, &env, &reader->exec));
    reader->exec->top = outer->top;
    run->reader = reader;
    return VELO_OK;
}

/* Let the reader see all that was done until now. */
static void
return_renew(vl_edit_reader *reader, const vl_source *around)
{
    reader->source = *around;
    reader->source.statement = &reader->statement;
    reader->source.others = reader->others;
    reader->statement = *around->statement;
    reader->statement.view = vl_statement_newest(around->statement);
    for (uint32_t i = 0; i < around->other_count; i++) {
        reader->others[i] = around->others[i];
        reader->others[i].statement = &reader->other_statements[i];
        reader->other_statements[i] = *around->others[i].statement;
        reader->other_statements[i].view = vl_statement_newest(around->others[i].statement);
    }
}

/* Evaluate with subqueries. */
static velo_status
return_read(vl_ctx *ctx, vl_edit_run *run, vl_eval *eval, vl_edit_result *result)
{
    const vl_exprs *exprs = &run->target->returning;
    vl_exec *outer = run->stage->exec;
    velo_status st;

    if (run->reader == NULL)
        VL_TRY(return_make_reader(ctx, run));
    return_renew(run->reader, outer->env.source);
    vl_exec_lend(run->reader->exec, outer->params, outer->param_count);
    eval->frame = run->reader->exec->root;
    st = vl_eval_list(ctx, eval, exprs, result->values);
    if (st == VELO_OK)
        st = vl_row_copy_to(ctx, &run->result_arena, result->values, exprs->count, result->values);
    vl_exec_reset(run->reader->exec);
    return st;
}

velo_status
vl_edit_return(vl_ctx *ctx, vl_edit_run *run, const vl_value *row)
{
    const vl_exprs *exprs = &run->target->returning;
    vl_edit_result *result;
    int has_program = 0;
    vl_eval eval;

    if (exprs->count == 0)
        return VELO_OK;
    eval = vl_edit_eval(run, row);
    result =
        vl_arena_alloc(&run->result_arena, sizeof *result + exprs->count * sizeof *result->values);
    if (result == NULL)
        return return_no_memory(ctx);
    for (uint32_t i = 0; i < exprs->count && !has_program; i++)
        has_program = return_has_program(exprs->list[i]);
    if (has_program) {
        VL_TRY(return_read(ctx, run, &eval, result));
    } else {
        VL_TRY(vl_eval_list(ctx, &eval, exprs, result->values));
        VL_TRY(
            vl_row_copy_to(ctx, &run->result_arena, result->values, exprs->count, result->values));
    }
    result->next = NULL;
    if (run->last != NULL)
        run->last->next = result;
    else
        run->first = result;
    run->last = result; /* keeps ER1 */
    return VELO_OK;
}

void
vl_edit_return_end(vl_edit_run *run)
{
    if (run->reader != NULL)
        vl_exec_destroy(run->reader->exec);
    run->reader = NULL;
}

velo_status
vl_edit_give(vl_ctx *ctx, vl_edit_run *run, uint32_t wanted, const vl_chunk **out)
{
    vl_batch *batch = &run->stage->batch;

    VL_TRY(vl_batch_begin(ctx, batch, run->stage->op->column_count, wanted));
    *out = &batch->chunk;
    while (run->first != NULL && batch->chunk.count < wanted) {
        vl_batch_append(batch, run->first->values);
        run->first = run->first->next;
    }
    if (run->first == NULL)
        run->last = NULL;
    return VELO_OK;
}
