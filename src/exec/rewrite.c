/* rewrite.c - writing the rows of a table anew into another tree, after a change of its columns.
 *
 * Invariants
 *   RW1  Rows keep their rowids, so indexes stay as they are. */
#include "exec/edit.h"

#include <string.h>

/* A copy at work. */
typedef struct rewrite_run {
    vl_edit_run edit;        /* the table as it will be */
    const vl_table_def *old; /* as it was */
    vl_view view;            /* that sees its rows */
    vl_fetch fetch;          /* its stored columns */
    int32_t *from;           /* of each column of the new one: index in the fetched row, or -1 */
    vl_value *full;          /* new row */
    vl_batch batch;          /* the fetched one */
} rewrite_run;

/* Where the values of the new columns come from. */
static velo_status
rewrite_map(vl_ctx *ctx, rewrite_run *run, const vl_leaf_schema *columns)
{
    const vl_table_def *def = run->edit.def;
    vl_arena *arena = &run->edit.arena;
    int32_t *stored = vl_arena_alloc_array(arena, run->old->column_count + 1U, sizeof *stored);
    uint32_t count = 0;

    run->from = vl_arena_alloc_array(arena, run->edit.full_count, sizeof *run->from);
    run->full = vl_arena_alloc_array(arena, run->edit.full_count, sizeof *run->full);
    if (stored == NULL || run->from == NULL || run->full == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the columns of a table");
    for (int32_t i = 0; i < run->old->column_count; i++)
        if (run->old->columns[i].id != 0)
            stored[count++] = i;
    for (int32_t c = 0; c < def->column_count; c++) {
        run->from[c] = -1;
        run->full[c] = (vl_value){.type = VL_TYPE_NULL};
        for (uint32_t i = 0; i < count && def->columns[c].id != 0; i++)
            if (run->old->columns[stored[i]].id == def->columns[c].id)
                run->from[c] = (int32_t)i;
        for (uint32_t i = 0; i < columns->count && run->from[c] < 0; i++)
            if (columns->ids[i] == def->columns[c].id)
                run->full[c] = columns->defaults[i].value;
    }
    return vl_fetch_init(ctx, &run->edit.source, run->old, stored, count, arena, &run->fetch);
}

static velo_status
rewrite_row(vl_ctx *ctx, void *argument, int64_t rowid)
{
    rewrite_run *run = argument;
    int found;

    vl_arena_reset(&run->edit.row_arena);
    VL_TRY(vl_batch_begin(ctx, &run->batch, run->fetch.count, 1));
    VL_TRY(vl_fetch_row(ctx, &run->fetch, &run->view, rowid, &run->batch, 0, &found));
    if (!found)
        return VELO_OK;
    for (int32_t c = 0; c < run->edit.def->column_count; c++)
        if (run->from[c] >= 0)
            run->full[c] = run->batch.columns[run->from[c]][0];
    return vl_edit_put(ctx, &run->edit, rowid, run->full);
}

velo_status
vl_exec_rewrite_rows(vl_ctx *ctx, vl_exec *exec, const vl_table_def *old,
                     const vl_leaf_schema *columns)
{
    vl_stage *stage = exec->root->root;
    rewrite_run run = {.old = old};
    velo_status st = vl_edit_begin(ctx, stage, &stage->op->as.insert.target, &run.edit);

    if (st == VELO_OK) {
        run.view = vl_statement_newest(run.edit.source.statement);
        st = rewrite_map(ctx, &run, columns);
    }
    if (st == VELO_OK)
        st = vl_visit_rowids(ctx, stage->exec, run.fetch.table, &run.view, rewrite_row, &run);
    vl_batch_deinit(&run.batch);
    vl_edit_end(&run.edit);
    return st;
}
