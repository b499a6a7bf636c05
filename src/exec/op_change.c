/* op_change.c - INSERT, UPDATE, DELETE: rows of the child, changed one by one in their order.
 *
 * The child reads what was there before the statement, since a statement does not see its own
 * changes (txn.h): so it is read while rows are changed, and no row is met twice.
 *
 * Invariants
 *   OC1  All changes are made before the first row of RETURNING is given. */
#include "exec/edit.h"

#include <string.h>

typedef struct change_stage {
    vl_stage base;
    vl_edit_run run;
    int is_done;       /* all changes are made */
    vl_row_table seen; /* UPDATE FROM: rowids that were changed */
} change_stage;

/* Change one row of the child. */
typedef velo_status change_row(vl_ctx *ctx, change_stage *stage, const vl_value *row);

/* Run the child to its end. */
static velo_status
change_all(vl_ctx *ctx, change_stage *stage, change_row *change)
{
    vl_stage *child = stage->base.children[0];
    uint32_t count = child->op->column_count;
    vl_value *row = vl_arena_alloc_array(&stage->run.arena, count + 1U, sizeof *row);
    const vl_chunk *chunk;

    if (row == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row");
    for (;;) {
        VL_TRY(vl_stage_next(ctx, child, VL_CHUNK_ROWS, &chunk));
        if (chunk->count == 0)
            return VELO_OK;
        for (uint32_t n = 0; n < chunk->count; n++) {
            vl_arena_reset(&stage->run.row_arena);
            vl_chunk_read(chunk, n, row);
            VL_TRY(change(ctx, stage, row));
        }
        VL_TRY(vl_exec_poll(ctx, stage->base.exec, chunk->count));
    }
}

/* ---- INSERT ---- */

/* The full row that a row of the child makes. */
static velo_status
insert_make_row(vl_ctx *ctx, change_stage *stage, const vl_value *row, vl_value *full)
{
    const vl_op_insert *op = &stage->base.op->as.insert;
    const vl_table_def *def = op->target.table;
    vl_eval eval = vl_edit_eval(&stage->run, NULL);

    for (uint32_t i = 0; i < stage->run.full_count; i++) {
        if (op->sources[i] >= 0)
            full[i] = row[op->sources[i]];
        else
            VL_TRY(vl_eval_expr(ctx, &eval, op->defaults.list[i], &full[i]));
    }
    if (def->rowid_column >= 0 && op->sources[def->column_count] < 0)
        full[def->column_count] = full[def->rowid_column];
    return VELO_OK;
}

static velo_status
insert_row(vl_ctx *ctx, change_stage *stage, const vl_value *row)
{
    const vl_op_insert *op = &stage->base.op->as.insert;
    vl_edit_run *run = &stage->run;
    vl_value *full = vl_arena_alloc_array(&run->row_arena, run->full_count, sizeof *full);
    vl_edit_outcome outcome;

    if (full == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row");
    VL_TRY(insert_make_row(ctx, stage, row, full));
    VL_TRY(vl_edit_prepare(ctx, run, full, op->target.conflict, &op->defaults, &outcome));
    if (outcome == VL_EDIT_MADE)
        VL_TRY(vl_edit_insert(ctx, run, full, &outcome));
    stage->base.exec->counts.changes += outcome == VL_EDIT_MADE;
    return VELO_OK;
}

static velo_status
insert_run(vl_ctx *ctx, change_stage *stage)
{
    const vl_op_insert *op = &stage->base.op->as.insert;
    velo_status st;

    VL_TRY(vl_edit_begin(ctx, &stage->base, &op->target, &stage->run));
    stage->run.upserts = op->upserts;
    stage->run.upsert_count = op->upsert_count;
    st = change_all(ctx, stage, insert_row);
    if (st == VELO_OK || stage->base.exec->counts.resolution == VL_CONFLICT_FAIL) {
        vl_error error = ctx->error;
        velo_status kept = vl_edit_keep_sequence(ctx, &stage->run);

        if (st == VELO_OK)
            return kept;
        ctx->error = error;
    }
    return st;
}

/* ---- UPDATE ---- */

/* Whether the row was changed by this statement before, as UPDATE FROM may find it again. */
static velo_status
update_is_again(vl_ctx *ctx, change_stage *stage, const vl_value *rowid, int *is_again)
{
    const vl_op_update *op = &stage->base.op->as.update;
    vl_row_node *node;
    int is_new = 1;

    if (stage->base.children[0]->op->column_count > op->key_count)
        VL_TRY(vl_row_table_enter(ctx, &stage->seen, &stage->run.arena, rowid, 1, NULL, 0, &node,
                                  &is_new));
    *is_again = !is_new;
    return VELO_OK;
}

static velo_status
update_row(vl_ctx *ctx, change_stage *stage, const vl_value *row)
{
    const vl_op_update *op = &stage->base.op->as.update;
    uint32_t extra = stage->base.children[0]->op->column_count - op->key_count;
    vl_edit_run *run = &stage->run;
    uint32_t full_count = run->full_count;
    vl_value *old =
        vl_arena_alloc_array(&run->row_arena, (size_t)2 * (full_count + extra), sizeof *old);
    vl_edit_outcome outcome;
    vl_value *full;
    vl_eval eval;
    int found;

    if (old == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row");
    full = old + full_count + extra;
    VL_TRY(update_is_again(ctx, stage, row, &found));
    if (found)
        return VELO_OK;
    VL_TRY(vl_edit_read(ctx, run, row[0].as.integer, old, &found));
    if (!found)
        return VELO_OK;
    memcpy(old + full_count, row + op->key_count, extra * sizeof *old);
    memcpy(full, old, (full_count + extra) * sizeof *old);
    eval = vl_edit_eval(run, old);
    for (uint32_t i = 0; i < op->sets.count; i++) {
        int32_t column = op->columns[i];

        if (column == VL_COLUMN_ROWID || column == op->target.table->rowid_column)
            column = op->target.table->column_count;
        VL_TRY(vl_eval_expr(ctx, &eval, op->sets.list[i], &full[column]));
    }
    VL_TRY(vl_edit_prepare(ctx, run, full, op->target.conflict, NULL, &outcome));
    if (outcome == VL_EDIT_MADE)
        VL_TRY(vl_edit_update(ctx, run, old, full, op->target.conflict, &outcome));
    if (outcome != VL_EDIT_MADE)
        return VELO_OK;
    stage->base.exec->counts.changes++;
    return vl_edit_return(ctx, run, full);
}

static velo_status
update_run(vl_ctx *ctx, change_stage *stage)
{
    VL_TRY(vl_edit_begin(ctx, &stage->base, &stage->base.op->as.update.target, &stage->run));
    return change_all(ctx, stage, update_row);
}

/* ---- DELETE ---- */

static velo_status
delete_row(vl_ctx *ctx, change_stage *stage, const vl_value *row)
{
    vl_edit_run *run = &stage->run;
    vl_value *old = vl_arena_alloc_array(&run->row_arena, run->full_count, sizeof *old);
    int found;

    if (old == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row");
    VL_TRY(vl_edit_read(ctx, run, row[0].as.integer, old, &found));
    if (!found)
        return VELO_OK;
    VL_TRY(vl_edit_delete(ctx, run, old));
    stage->base.exec->counts.changes++;
    return vl_edit_return(ctx, run, old);
}

static velo_status
delete_run(vl_ctx *ctx, change_stage *stage)
{
    VL_TRY(vl_edit_begin(ctx, &stage->base, &stage->base.op->as.delete_.target, &stage->run));
    return change_all(ctx, stage, delete_row);
}

/* ---- all three ---- */

static velo_status
change_next(vl_ctx *ctx, vl_stage *stage, uint32_t wanted, const vl_chunk **out)
{
    change_stage *change = (change_stage *)stage;

    if (!change->is_done) {
        VL_TRY(stage->op->kind == VL_OP_KIND_INSERT   ? insert_run(ctx, change)
               : stage->op->kind == VL_OP_KIND_UPDATE ? update_run(ctx, change)
                                                      : delete_run(ctx, change));
        change->is_done = 1; /* keeps OC1 */
    }
    return vl_edit_give(ctx, &change->run, wanted, out);
}

static void
change_rewind(vl_stage *stage)
{
    change_stage *change = (change_stage *)stage;

    vl_row_table_deinit(&change->seen);
    vl_edit_end(&change->run);
    change->is_done = 0;
}

const vl_stage_class vl_insert_class = {.size = sizeof(change_stage),
                                        .next = change_next,
                                        .rewind = change_rewind,
                                        .close = change_rewind};
const vl_stage_class vl_update_class = {.size = sizeof(change_stage),
                                        .next = change_next,
                                        .rewind = change_rewind,
                                        .close = change_rewind};
const vl_stage_class vl_delete_class = {.size = sizeof(change_stage),
                                        .next = change_next,
                                        .rewind = change_rewind,
                                        .close = change_rewind};
