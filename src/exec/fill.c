/* fill.c - filling a new index with the rows that its table has, and checking rows against new
 * constraints. */
#include "exec/edit.h"

#include <string.h>

/* The run's index of a name; index_count when there is none. */
static uint32_t
fill_find(const vl_edit_run *run, const char *name)
{
    uint32_t i = 0;

    while (i < run->index_count &&
           vl_name_compare(run->indexes[i].def->object.name,
                           strlen(run->indexes[i].def->object.name), name, strlen(name)) != 0)
        i++;
    return i;
}

/* What is done with each row, read whole. */
typedef velo_status fill_visit(vl_ctx *ctx, vl_edit_run *run, uint32_t argument,
                               const vl_value *full);

/* A pass over all rows. */
typedef struct fill_pass {
    vl_edit_run *run;
    fill_visit *visit;
    uint32_t argument; /* of visit */
    vl_value *full;    /* the row at hand */
} fill_pass;

static velo_status
fill_row(vl_ctx *ctx, void *argument, int64_t rowid)
{
    const fill_pass *pass = argument;
    int found;

    vl_arena_reset(&pass->run->row_arena);
    VL_TRY(vl_edit_read(ctx, pass->run, rowid, pass->full, &found));
    return found ? pass->visit(ctx, pass->run, pass->argument, pass->full) : VELO_OK;
}

static velo_status
fill_rows(vl_ctx *ctx, vl_edit_run *run, fill_visit *visit, uint32_t argument)
{
    vl_view view = vl_statement_newest(run->source.statement);
    fill_pass pass = {run, visit, argument, NULL};

    pass.full = vl_arena_alloc_array(&run->arena, run->full_count, sizeof *pass.full);
    if (pass.full == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row");
    return vl_visit_rowids(ctx, run->stage->exec, run->table, &view, fill_row, &pass);
}

velo_status
vl_exec_fill_index(vl_ctx *ctx, vl_exec *exec, const char *name)
{
    vl_stage *stage = exec->root->root;
    vl_edit_run run;
    uint32_t index;
    velo_status st;

    st = vl_edit_begin(ctx, stage, &stage->op->as.delete_.target, &run);
    index = fill_find(&run, name);
    if (st == VELO_OK && index == run.index_count)
        st = vl_fail(ctx, VELO_INTERNAL, "index %s is missing", name);
    if (st == VELO_OK)
        st = fill_rows(ctx, &run, vl_edit_add_entry, index);
    vl_edit_end(&run);
    return st;
}

/* ---- constraints ---- */

/* Check one row in the order of the words of PRAGMA quick_check. */
static velo_status
fill_check_row(vl_ctx *ctx, vl_edit_run *run, uint32_t argument, const vl_value *full)
{
    vl_eval eval = vl_edit_eval(run, full);
    int truth;

    (void)argument;
    for (int32_t c = 0; c < run->def->column_count; c++) {
        if (c == run->def->rowid_column)
            continue;
        if (run->def->columns[c].is_not_null && full[c].type == VL_TYPE_NULL)
            return vl_fail(ctx, VELO_ERROR, "NOT NULL constraint failed");
        if (!vl_edit_suits(run, c, &full[c]))
            return vl_fail(ctx, VELO_ERROR, "type mismatch on DEFAULT");
    }
    for (uint32_t i = 0; i < run->target->checks.count; i++) {
        VL_TRY(vl_eval_truth(ctx, &eval, run->target->checks.list[i], &truth));
        if (truth == 0)
            return vl_fail(ctx, VELO_ERROR, "CHECK constraint failed");
    }
    return VELO_OK;
}

velo_status
vl_exec_check_rows(vl_ctx *ctx, vl_exec *exec)
{
    vl_stage *stage = exec->root->root;
    vl_edit_run run;
    velo_status st = vl_edit_begin(ctx, stage, &stage->op->as.insert.target, &run);

    if (st == VELO_OK)
        st = fill_rows(ctx, &run, fill_check_row, 0);
    if (st == VELO_CONSTRAINT_DATATYPE) /* of a generated column */
        st = vl_fail(ctx, VELO_ERROR, "type mismatch on DEFAULT");
    vl_edit_end(&run);
    return st;
}
