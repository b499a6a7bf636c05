/* edit_fire.c - changes of a row with the triggers around them.
 *
 * Invariants
 *   EF1  A BEFORE trigger may change or delete the row that is about to be changed: it is read
 *        again behind them, and passed over if it is gone. What was set keeps the values that were
 *        computed before; other columns have what they are now. OLD stays what it was for the
 *        triggers behind the change, as in SQLite.
 *   EF2  A row counts, and RETURNING sees it, before its AFTER triggers are fired. */
#include "exec/edit.h"

#include <string.h>

velo_status
vl_edit_fire(vl_ctx *ctx, vl_edit_run *run, const uint32_t *actions, uint32_t count,
             const vl_value *old, const vl_value *full, vl_edit_outcome *outcome)
{
    int is_ignored = 0;

    if (count == 0)
        return VELO_OK;
    VL_TRY(vl_fire(ctx, run->stage, actions, count, old, full, run->full_count, &is_ignored));
    if (is_ignored)
        *outcome = VL_EDIT_SKIPPED;
    return VELO_OK;
}

static velo_status
fire_no_row(vl_ctx *ctx)
{
    return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row");
}

velo_status
vl_edit_fire_insert(vl_ctx *ctx, vl_edit_run *run, const vl_value *full, vl_edit_outcome *outcome)
{
    const vl_fires *fires = &run->target->fires;
    vl_value *row;

    *outcome = VL_EDIT_MADE;
    if (fires->before_count == 0)
        return VELO_OK;
    row = vl_arena_alloc_array(&run->row_arena, run->full_count, sizeof *row);
    if (row == NULL)
        return fire_no_row(ctx);
    memcpy(row, full, run->full_count * sizeof *row);
    if (row[run->def->column_count].type == VL_TYPE_NULL) /* not chosen yet: -1, as in SQLite */
        row[run->def->column_count] = vl_value_of_integer(-1);
    VL_TRY(vl_edit_convert(ctx, run, row));
    return vl_edit_fire(ctx, run, fires->before, fires->before_count, NULL, row, outcome);
}

/* ---- UPDATE ---- */

/* Position in a full row of what a SET names. */
static int32_t
fire_position(const vl_edit_run *run, int32_t column)
{
    return column == VL_COLUMN_ROWID || column == run->def->rowid_column ? run->def->column_count
                                                                         : column;
}

/* Put the columns that are not set as they are now. */
static void
fire_take_others(const vl_edit_run *run, const vl_edit_sets *sets, const vl_value *now,
                 vl_value *full)
{
    for (int32_t c = 0; c < run->def->column_count; c++) {
        int is_set = c == run->def->rowid_column || run->def->columns[c].generated != 0;

        for (uint32_t i = 0; i < sets->values->count && !is_set; i++)
            is_set = fire_position(run, sets->columns[i]) == c;
        if (!is_set)
            full[c] = now[c];
    }
}

/* Fire BEFORE UPDATE triggers, and read the row again: *now. Keeps EF1. */
static velo_status
fire_before_update(vl_ctx *ctx, vl_edit_run *run, const vl_edit_sets *sets, vl_value *full,
                   vl_value **now, vl_edit_outcome *outcome)
{
    const vl_value *old = sets->row;
    int found;

    VL_TRY(vl_edit_convert(ctx, run, full));
    if (full[run->def->column_count].type == VL_TYPE_NULL)
        return vl_fail(ctx, VELO_MISMATCH, "datatype mismatch");
    VL_TRY(
        vl_edit_fire(ctx, run, sets->fires->before, sets->fires->before_count, old, full, outcome));
    if (*outcome == VL_EDIT_SKIPPED)
        return VELO_OK;
    VL_TRY(vl_edit_read(ctx, run, old[run->def->column_count].as.integer, *now, &found));
    if (found)
        fire_take_others(run, sets, *now, full);
    else
        *outcome = VL_EDIT_SKIPPED;
    return VELO_OK;
}

velo_status
vl_edit_set(vl_ctx *ctx, vl_edit_run *run, const vl_edit_sets *sets, vl_value *full,
            vl_edit_outcome *outcome)
{
    vl_eval eval = vl_edit_eval(run, sets->row);
    vl_value *now = sets->row;

    *outcome = VL_EDIT_MADE;
    memcpy(full, sets->row, run->full_count * sizeof *full);
    for (uint32_t i = 0; i < sets->values->count; i++)
        VL_TRY(vl_eval_expr(ctx, &eval, sets->values->list[i],
                            &full[fire_position(run, sets->columns[i])]));
    if (sets->fires->before_count > 0 || run->is_replaced != NULL) { /* `row` stays OLD */
        now = vl_arena_alloc_array(&run->row_arena, run->full_count, sizeof *now);
        if (now == NULL)
            return fire_no_row(ctx);
        memcpy(now, sets->row, run->full_count * sizeof *now);
    }
    if (sets->fires->before_count > 0)
        VL_TRY(fire_before_update(ctx, run, sets, full, &now, outcome));
    if (*outcome == VL_EDIT_SKIPPED)
        return VELO_OK;
    VL_TRY(vl_edit_prepare(ctx, run, full, sets->conflict, outcome));
    if (*outcome == VL_EDIT_MADE)
        VL_TRY(vl_edit_update(ctx, run, now, full, sets->conflict, outcome));
    if (*outcome != VL_EDIT_MADE)
        return VELO_OK;
    run->stage->exec->counts.changes++;
    VL_TRY(vl_edit_return(ctx, run, full)); /* keeps EF2 */
    VL_TRY(vl_edit_foreign(ctx, run, sets->fires, now, full));
    return vl_edit_fire(ctx, run, sets->fires->after, sets->fires->after_count, sets->row, full,
                        outcome);
}

/* ---- DELETE ---- */

/* Fire BEFORE DELETE triggers, and read the row again: *old. Keeps EF1. */
static velo_status
fire_before_delete(vl_ctx *ctx, vl_edit_run *run, const vl_value **old, const vl_fires *fires,
                   vl_edit_outcome *outcome)
{
    vl_value *now = vl_arena_alloc_array(&run->row_arena, run->full_count, sizeof *now);
    int found;

    if (now == NULL)
        return fire_no_row(ctx);
    VL_TRY(vl_edit_fire(ctx, run, fires->before, fires->before_count, *old, NULL, outcome));
    if (*outcome == VL_EDIT_SKIPPED)
        return VELO_OK;
    VL_TRY(vl_edit_read(ctx, run, (*old)[run->def->column_count].as.integer, now, &found));
    if (!found)
        *outcome = VL_EDIT_SKIPPED;
    *old = now;
    return VELO_OK;
}

velo_status
vl_edit_remove(vl_ctx *ctx, vl_edit_run *run, const vl_value *old, const vl_fires *fires,
               int is_own)
{
    int is_fired = is_own || vl_fire_is_recursive(run->stage->exec);
    vl_edit_outcome outcome = VL_EDIT_MADE;
    const vl_value *now = old;

    if (fires->before_count > 0 && is_fired)
        VL_TRY(fire_before_delete(ctx, run, &now, fires, &outcome));
    if (outcome == VL_EDIT_SKIPPED)
        return VELO_OK;
    VL_TRY(vl_edit_delete(ctx, run, now));
    if (is_own) {
        vl_edit_tell(run, VELO_CHANGE_DELETE, now[run->def->column_count].as.integer);
        run->stage->exec->counts.changes++;
        VL_TRY(vl_edit_return(ctx, run, old)); /* keeps EF2 */
    }
    VL_TRY(vl_edit_foreign(ctx, run, fires, now, NULL));
    if (!is_fired)
        return VELO_OK;
    return vl_edit_fire(ctx, run, fires->after, fires->after_count, old, NULL, &outcome);
}
