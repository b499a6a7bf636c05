/* verify.c - whether the indexes of a table have what its rows say: PRAGMA integrity_check.
 *
 * Invariants
 *   VY1  Rows and entries are read by one view, so what is changed meanwhile is no fault. */
#include "exec/edit.h"

#include <stdio.h>
#include <string.h>

/* A check at work. */
typedef struct verify_work {
    vl_edit_run edit;
    vl_view view;
    uint64_t *wanted; /* of each index: entries that the rows should have */
    vl_value *full;   /* the row at hand */
    uint64_t number;  /* its number in the table, from 1 */
    vl_exec_fault *tell;
    void *argument;
} verify_work;

static void
verify_tell(const verify_work *run, const char *text)
{
    run->tell(run->argument, text);
}

/* Look for the entries of one row. */
static velo_status
verify_row(vl_ctx *ctx, void *argument, int64_t rowid)
{
    verify_work *run = argument;
    int found;

    run->number++;
    vl_arena_reset(&run->edit.row_arena);
    VL_TRY(vl_edit_read(ctx, &run->edit, rowid, run->full, &found));
    for (uint32_t i = 0; i < run->edit.index_count && found; i++) {
        char text[VL_ERROR_TEXT_SIZE];
        int is_wanted;
        int is_there;

        VL_TRY(
            vl_edit_find_entry(ctx, &run->edit, &run->view, i, run->full, &is_wanted, &is_there));
        run->wanted[i] += is_wanted != 0;
        if (!is_wanted || is_there)
            continue;
        (void)snprintf(text, sizeof text, "row %llu missing from index %s",
                       (unsigned long long)run->number, run->edit.indexes[i].def->object.name);
        verify_tell(run, text);
    }
    return VELO_OK;
}

static velo_status
verify_rows(vl_ctx *ctx, verify_work *run)
{
    vl_edit_run *edit = &run->edit;

    run->full = vl_arena_alloc_array(&edit->arena, edit->full_count, sizeof *run->full);
    if (run->full == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row");
    return vl_visit_rowids(ctx, edit->stage->exec, edit->table, &run->view, verify_row, run);
}

/* Compare how many entries an index has with how many it should have. */
static velo_status
verify_count(vl_ctx *ctx, verify_work *run, uint32_t index)
{
    const vl_tree_key_range all = {0};
    const vl_edit_index *at = &run->edit.indexes[index];
    char text[VL_ERROR_TEXT_SIZE];
    uint64_t count = 0;
    vl_key_scan scan;
    velo_status st;

    vl_key_scan_begin(&scan, at->index, &run->view, &all, 0);
    do {
        st = vl_key_scan_next(ctx, &scan);
        count += st == VELO_OK ? scan.count : 0;
        if (st == VELO_OK)
            st = vl_exec_poll(ctx, run->edit.stage->exec, scan.count);
    } while (st == VELO_OK && scan.count > 0);
    vl_key_scan_end(&scan);
    if (st != VELO_OK || count == run->wanted[index])
        return st;
    (void)snprintf(text, sizeof text, "wrong # of entries in index %s", at->def->object.name);
    verify_tell(run, text);
    return VELO_OK;
}

static velo_status
verify_all(vl_ctx *ctx, verify_work *run)
{
    size_t size = (run->edit.index_count + 1U) * sizeof *run->wanted;

    run->view = vl_statement_newest(run->edit.source.statement); /* keeps VY1 */
    run->wanted = vl_arena_alloc(&run->edit.arena, size);
    if (run->wanted == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the check of a table");
    memset(run->wanted, 0, size);
    VL_TRY(verify_rows(ctx, run));
    for (uint32_t i = 0; i < run->edit.index_count; i++)
        VL_TRY(verify_count(ctx, run, i));
    return VELO_OK;
}

velo_status
vl_exec_verify_indexes(vl_ctx *ctx, vl_exec *exec, vl_exec_fault *tell, void *argument)
{
    verify_work run = {.tell = tell, .argument = argument};
    vl_stage *stage = exec->root->root;
    velo_status st = vl_edit_begin(ctx, stage, &stage->op->as.delete_.target, &run.edit);

    if (st == VELO_OK)
        st = verify_all(ctx, &run);
    vl_edit_end(&run.edit);
    return st;
}
