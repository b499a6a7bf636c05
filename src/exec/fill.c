/* fill.c - filling a new index with the rows that its table has. */
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

/* Add the entry of one row. */
static velo_status
fill_row(vl_ctx *ctx, vl_edit_run *run, uint32_t index, int64_t rowid, vl_value *full)
{
    int found;

    vl_arena_reset(&run->row_arena);
    VL_TRY(vl_edit_read(ctx, run, rowid, full, &found));
    return found ? vl_edit_add_entry(ctx, run, index, full) : VELO_OK;
}

static velo_status
fill_rows(vl_ctx *ctx, vl_edit_run *run, uint32_t index)
{
    vl_view view = vl_statement_newest(run->source->statement);
    vl_value *full = vl_arena_alloc_array(&run->arena, run->full_count, sizeof *full);
    vl_row_scan scan;
    velo_status st;

    if (full == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row");
    vl_row_scan_begin(&scan, run->table, &view, (vl_rowid_range){INT64_MIN, INT64_MAX}, 0, run->ids,
                      0);
    st = vl_row_scan_next(ctx, &scan);
    while (st == VELO_OK && scan.leaf != NULL) {
        int64_t rowid = vl_row_scan_rowid(&scan, 0);

        vl_row_scan_pause(&scan, 1);
        st = fill_row(ctx, run, index, rowid, full);
        if (st == VELO_OK)
            st = vl_exec_poll(ctx, run->stage->exec, 1);
        if (st == VELO_OK)
            st = vl_row_scan_next(ctx, &scan);
    }
    vl_row_scan_end(&scan);
    return st;
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
        st = fill_rows(ctx, &run, index);
    vl_edit_end(&run);
    return st;
}
