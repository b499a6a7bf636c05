/* edit_load.c - many new rows of a table without indexes, inserted together.
 *
 * Rows that were prepared wait until there are enough for pages of their own (vl_rows_load). What
 * cannot be loaded, because others are in the way, a value is long or the rowids lie elsewhere, is
 * inserted row by row as ever, with all that conflicts ask for.
 *
 * Invariants
 *   EL1  Rows are inserted in the order in which they were added. */
#include "exec/edit.h"

#include <string.h>

/* Values that wait, at most; and rows, at least, that are worth a load. */
#define LOAD_VALUES VL_BY_BUILD(16384U, 64U)
#define LOAD_ROWS   VL_BY_BUILD(16U, 4U)

/* Rows that are inserted one by one before the next load is tried: at first. */
#define LOAD_SINGLES 16U

int
vl_edit_can_load(const vl_edit_run *run)
{
    const vl_change_hook *hook = run->stage->exec->env.changed;

    return run->index_count == 0 && run->table != NULL && !run->is_packed &&
           !run->def->is_without_rowid && !run->def->is_autoincrement && !run->needs_rowid &&
           run->target->returning.count == 0 && run->upsert_count == 0 &&
           (hook == NULL || (hook->tell == NULL && hook->tell_all == NULL));
}

velo_status
vl_edit_load_begin(vl_ctx *ctx, vl_edit_run *run, uint32_t count, vl_edit_load *load)
{
    uint32_t most = LOAD_VALUES / (run->id_count + 1);

    memset(load, 0, sizeof *load);
    most = most < LOAD_ROWS ? LOAD_ROWS : most > VL_ROWS_LOAD_MAX ? VL_ROWS_LOAD_MAX : most;
    load->run = run;
    load->capacity = count < most ? count : most;
    load->stored = vl_arena_alloc_array(&run->arena, (size_t)load->capacity * (run->id_count + 1),
                                        sizeof *load->stored);
    load->full = vl_arena_alloc_array(&run->arena, run->full_count, sizeof *load->full);
    if (load->stored == NULL || load->full == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate memory for rows");
    return VELO_OK;
}

/* The first rows have been dealt with. */
static void
load_drop(vl_edit_load *load, uint32_t count)
{
    uint32_t width = load->run->id_count;

    load->count -= count;
    load->first += count;
    if (load->count > 0)
        memmove(load->stored, load->stored + (size_t)count * width,
                (size_t)load->count * width * sizeof *load->stored);
}

/* Load the first rows, or none. */
static velo_status
load_pages(vl_ctx *ctx, vl_edit_load *load, int is_all, uint32_t *taken)
{
    vl_edit_run *run = load->run;
    int64_t first = load->is_given ? load->first : INT64_MIN;

    *taken = 0;
    if (load->count < LOAD_ROWS || (load->is_given && first == INT64_MIN))
        return VELO_OK;
    VL_TRY(vl_rows_load(ctx, run->source.statement, run->table, &first, load->stored, load->count,
                        is_all, taken));
    if (*taken == 0)
        return VELO_OK;
    run->stage->exec->counts.changes += *taken;
    vl_edit_tell_rowid(run->stage->exec, first + *taken - 1);
    load_drop(load, *taken);
    return VELO_OK;
}

/* Insert some of the first rows one by one. */
static velo_status
load_singles(vl_ctx *ctx, vl_edit_load *load, uint32_t count)
{
    vl_edit_run *run = load->run;
    const vl_value *stored = load->stored;
    vl_value *full = load->full;

    count = count < load->count ? count : load->count;
    for (uint32_t n = 0; n < count; n++, stored += run->id_count) {
        vl_edit_outcome outcome;

        for (uint32_t i = 0; i < run->full_count; i++)
            full[i] = vl_value_of_null();
        for (uint32_t i = 0; i < run->id_count; i++)
            if (run->columns[i] >= 0)
                full[run->columns[i]] = stored[i];
        if (load->is_given)
            full[run->def->column_count] = vl_value_of_integer(load->first + n);
        if (run->def->rowid_column >= 0)
            full[run->def->rowid_column] = full[run->def->column_count];
        VL_TRY(vl_edit_insert(ctx, run, full, &outcome));
        run->stage->exec->counts.changes += outcome == VL_EDIT_MADE;
    }
    load_drop(load, count);
    return VELO_OK;
}

/* Insert what waits; unless is_all, rows may be left that others are to share a page with. */
static velo_status
load_flush(vl_ctx *ctx, vl_edit_load *load, int is_all)
{
    uint32_t singles = LOAD_SINGLES, taken;

    while (load->count > 0) {
        VL_TRY(load_pages(ctx, load, is_all, &taken));
        if (taken > 0 && !is_all)
            return VELO_OK;
        if (taken == 0 && !is_all)
            is_all = 1; /* all of them fit a page */
        else if (taken == 0) {
            VL_TRY(load_singles(ctx, load, singles));
            singles *= 2;
        }
    }
    return VELO_OK;
}

velo_status
vl_edit_load_add(vl_ctx *ctx, vl_edit_load *load, const vl_value *full)
{
    const vl_edit_run *run = load->run;
    const vl_value *rowid = &full[run->def->column_count];
    int is_given = rowid->type == VL_TYPE_INTEGER;

    if (load->count > 0 &&
        (is_given != load->is_given ||
         (is_given && (uint64_t)load->first + load->count != (uint64_t)rowid->as.integer)))
        VL_TRY(load_flush(ctx, load, 1)); /* keeps EL1 */
    if (load->count == load->capacity)
        VL_TRY(load_flush(ctx, load, 0));
    if (load->count == 0) {
        load->is_given = is_given;
        load->first = is_given ? rowid->as.integer : 0;
    }
    vl_edit_store(run, full, load->stored + (size_t)load->count * run->id_count);
    load->count++;
    return VELO_OK;
}

velo_status
vl_edit_load_end(vl_ctx *ctx, vl_edit_load *load)
{
    return load_flush(ctx, load, 1);
}
