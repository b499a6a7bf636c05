/* op_change.c - INSERT, UPDATE, DELETE: rows of the child, changed one by one in their order.
 *
 * The child reads what was there before the statement, since a statement does not see its own
 * changes (txn.h): so it is read while rows are changed, and no row is met twice. Where triggers
 * are fired it is read to its end first, so that what it calls and where it fails does not depend
 * on what they do (31, item 2).
 *
 * Invariants
 *   OC1  All changes are made before the first row of RETURNING is given.
 *   OC2  Rows that were collected are all in memory or all in the file.
 *
 * The short way. An INSERT of one row of parameters and constants, which fires nothing and gives
 * nothing, has no use for chunks: its values go from where they are bound into the full row, which
 * is then checked and written as any other. It reads no table, so it writes blindly (txn_rows.h).
 * An UPDATE or DELETE of the row with a given rowid, which fires and gives nothing, changes that
 * row without a scan that finds it: what is changed is read before that anyway. */
#include "exec/edit.h"
#include "exec/sequence.h"
#include "exec/spill.h"

#include "catalog/virtual.h"
#include "vec/number.h"
#include "vec/value.h"

#include <string.h>

/* Collected rows that take less memory than this are not written to a file. */
#define CHANGE_FILE_MIN VL_BY_BUILD(65536U, 512U)

/* What conversions of rows that wait to be inserted may take. */
#define INSERT_HELD_BYTES ((size_t)1 << 20)

/* A collected row. */
typedef struct change_kept {
    struct change_kept *next;
    const vl_value *values;
} change_kept;

/* A value that is there without evaluating anything. */
typedef struct change_given {
    uint32_t param;        /* number of the parameter; 0: it is a constant */
    const vl_value *value; /* the constant */
} change_given;

typedef struct change_stage {
    vl_stage base;
    vl_edit_run run;
    int is_done;         /* all changes are made */
    vl_value *held;      /* UPDATE FROM: the last row of the child, not applied yet; or NULL */
    vl_arena held_arena; /* of it */
    change_kept *first;  /* rows that were collected, in memory */
    change_kept *last;   /* the last of them */
    vl_arena kept_arena; /* of them */
    vl_spill spill;      /* or in a file */
    int is_in_file;      /* which */
    change_given *given; /* the short way: what the full row is made of, or the rowid; NULL: none */
    vl_value *full;      /* INSERT: then room for the row */
} change_stage;

/* Change one row of the child. */
typedef velo_status change_row(vl_ctx *ctx, change_stage *stage, const vl_value *row);

/* ---- collecting ---- */

static velo_status
change_keep_row(vl_ctx *ctx, change_stage *stage, const vl_value *row, uint32_t width)
{
    change_kept *kept;

    if (stage->is_in_file)
        return vl_spill_write(ctx, &stage->spill, row, width);
    kept = vl_arena_alloc_array(&stage->kept_arena, 1, sizeof *kept);
    if (kept == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot keep a row");
    kept->values = vl_row_copy(ctx, &stage->kept_arena, row, width);
    if (kept->values == NULL)
        return VELO_NOMEM;
    if (stage->last != NULL)
        stage->last->next = kept;
    else
        stage->first = kept;
    stage->last = kept;
    return VELO_OK;
}

static void
change_forget_rows(change_stage *stage)
{
    stage->first = NULL;
    stage->last = NULL;
    vl_arena_deinit(&stage->kept_arena);
    vl_exec_charge(stage->base.exec, &stage->base.charged, 0);
}

/* Send what was collected to a file, if memory is short. Keeps OC2. */
static velo_status
change_spill_rows(vl_ctx *ctx, change_stage *stage, uint32_t width)
{
    if (stage->is_in_file)
        return VELO_OK;
    vl_exec_charge(stage->base.exec, &stage->base.charged, stage->kept_arena.held_bytes);
    if (stage->base.charged < CHANGE_FILE_MIN || !vl_exec_is_over(stage->base.exec))
        return VELO_OK;
    stage->spill.exec = stage->base.exec;
    for (const change_kept *kept = stage->first; kept != NULL; kept = kept->next)
        VL_TRY(vl_spill_write(ctx, &stage->spill, kept->values, width));
    stage->is_in_file = 1;
    change_forget_rows(stage);
    return VELO_OK;
}

/* Change a row, with an empty arena for it. */
static velo_status
change_one(vl_ctx *ctx, change_stage *stage, const vl_value *row, change_row *change)
{
    vl_arena_reset(&stage->run.row_arena);
    return change(ctx, stage, row);
}

/* Change the rows that were collected. */
static velo_status
change_apply(vl_ctx *ctx, change_stage *stage, vl_value *row, uint32_t width, change_row *change)
{
    vl_spill_reader reader = {.spill = &stage->spill};
    velo_status st = VELO_OK;
    int found = 1;

    for (const change_kept *kept = stage->first; kept != NULL; kept = kept->next)
        VL_TRY(change_one(ctx, stage, kept->values, change));
    if (!stage->is_in_file)
        return VELO_OK;
    VL_TRY(vl_spill_flush(ctx, &stage->spill));
    reader.end = stage->spill.size;
    while (st == VELO_OK && found) {
        st = vl_spill_read(ctx, &reader, width, row, &found);
        if (st == VELO_OK && found)
            st = change_one(ctx, stage, row, change);
    }
    vl_spill_reader_deinit(&reader);
    return st;
}

/* Whether rows are collected first. */
static int
change_collects(const change_stage *stage)
{
    const vl_fires *fires = &stage->run.target->fires;
    int collects = fires->before_count + fires->after_count > 0 || stage->run.is_replaced != NULL ||
                   stage->run.def->instance != NULL;

    for (uint32_t i = 0; i < stage->run.upsert_count; i++)
        collects |= stage->run.upserts[i].fires.before_count > 0 ||
                    stage->run.upserts[i].fires.after_count > 0;
    return collects;
}

/* Run the child to its end. */
static velo_status
change_all(vl_ctx *ctx, change_stage *stage, change_row *change)
{
    vl_stage *child = stage->base.children[0];
    uint32_t count = child->op->column_count;
    vl_value *row = vl_arena_alloc_array(&stage->run.arena, count + 1U, sizeof *row);
    int collects = change_collects(stage);
    const vl_chunk *chunk;

    if (row == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row");
    vl_arena_init(&stage->kept_arena, ctx->allocator, 0);
    for (;;) {
        VL_TRY(vl_stage_next(ctx, child, VL_CHUNK_ROWS, &chunk));
        if (chunk->count == 0)
            break;
        for (uint32_t n = 0; n < chunk->count; n++) {
            vl_chunk_read(chunk, n, row);
            VL_TRY(collects ? change_keep_row(ctx, stage, row, count)
                            : change_one(ctx, stage, row, change));
        }
        VL_TRY(vl_exec_poll(ctx, stage->base.exec, chunk->count));
        if (collects)
            VL_TRY(change_spill_rows(ctx, stage, count));
    }
    return change_apply(ctx, stage, row, count, change);
}

/* ---- virtual tables ---- */

/* Have a module change a row; what a constraint then does is as the statement says. */
static velo_status
change_virtual(vl_ctx *ctx, change_stage *stage, const vl_value *values, uint32_t count,
               int64_t *rowid, int *is_made)
{
    vl_virtual *table = stage->run.def->instance;
    vl_conflict conflict = stage->run.target->conflict;
    vl_exec_counts *counts = &stage->base.exec->counts;
    velo_status st = table->class->update(ctx, table, values, count, conflict, rowid);

    *is_made = st == VELO_OK;
    if (vl_status_primary(st) != VELO_CONSTRAINT || !table->is_constrained) {
        counts->changes += st == VELO_OK;
        return st;
    }
    if (conflict == VL_CONFLICT_IGNORE) {
        vl_error_clear(ctx);
        return VELO_OK;
    }
    counts->resolution = conflict == VL_CONFLICT_FAIL || conflict == VL_CONFLICT_ROLLBACK
                             ? conflict
                             : VL_CONFLICT_ABORT;
    return st;
}

/* The values of a change but a DELETE: two keys, then the columns. */
static vl_value *
change_virtual_row(vl_ctx *ctx, change_stage *stage, const vl_value *full)
{
    uint32_t count = stage->run.def->column_count;
    vl_value *values = vl_arena_alloc_array(&stage->run.row_arena, count + 2U, sizeof *values);

    if (values == NULL) {
        (void)vl_fail(ctx, VELO_NOMEM, "cannot allocate a row");
        return NULL;
    }
    values[0] = vl_value_of_null();
    values[1] = full[count];
    memcpy(values + 2, full, count * sizeof *values);
    return values;
}

static velo_status
insert_virtual(vl_ctx *ctx, change_stage *stage, vl_value *full)
{
    const vl_table_def *def = stage->run.def;
    vl_value *values = change_virtual_row(ctx, stage, full);
    vl_exec *exec = stage->base.exec;
    int64_t rowid = 0;
    int is_made;

    if (values == NULL)
        return VELO_NOMEM;
    if (def->instance->key_column >= 0)
        values[1] = full[def->instance->key_column];
    VL_TRY(change_virtual(ctx, stage, values, def->column_count + 2U, &rowid, &is_made));
    if (!is_made)
        return VELO_OK;
    if (def->instance->key_column < 0) {
        exec->counts.last_rowid = rowid;
        exec->counts.has_last_rowid = 1;
        if (exec->env.tally != NULL)
            exec->env.tally->last_rowid = rowid;
        full[def->column_count] = vl_value_of_integer(rowid);
    }
    return vl_edit_return(ctx, &stage->run, full);
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
            VL_TRY(vl_eval_expr(ctx, &eval, op->target.defaults.list[i], &full[i]));
    }
    if (def->rowid_column >= 0 && op->sources[def->column_count] < 0)
        full[def->column_count] = full[def->rowid_column];
    return VELO_OK;
}

/* Fire INSTEAD OF triggers for a row of a view. */
static velo_status
insert_instead(vl_ctx *ctx, change_stage *stage, const vl_value *full)
{
    const vl_fires *fires = &stage->run.target->fires;
    vl_edit_outcome outcome = VL_EDIT_MADE;

    VL_TRY(
        vl_edit_fire(ctx, &stage->run, fires->before, fires->before_count, NULL, full, &outcome));
    return outcome == VL_EDIT_MADE ? vl_edit_return(ctx, &stage->run, full) : VELO_OK;
}

static velo_status
insert_row(vl_ctx *ctx, change_stage *stage, const vl_value *row)
{
    const vl_op_insert *op = &stage->base.op->as.insert;
    const vl_fires *fires = &op->target.fires;
    vl_edit_run *run = &stage->run;
    vl_value *full = vl_arena_alloc_array(&run->row_arena, run->full_count, sizeof *full);
    vl_edit_outcome outcome;

    if (full == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row");
    VL_TRY(insert_make_row(ctx, stage, row, full));
    if (run->def->object.type == VL_OBJECT_VIEW)
        return insert_instead(ctx, stage, full);
    if (run->def->instance != NULL)
        return insert_virtual(ctx, stage, full);
    VL_TRY(vl_edit_fire_insert(ctx, run, full, &outcome));
    if (outcome == VL_EDIT_MADE)
        VL_TRY(vl_edit_prepare(ctx, run, full, op->target.conflict, &outcome));
    if (outcome == VL_EDIT_MADE)
        VL_TRY(vl_edit_insert(ctx, run, full, &outcome));
    if (outcome != VL_EDIT_MADE)
        return VELO_OK;
    stage->base.exec->counts.changes++;
    VL_TRY(vl_edit_foreign(ctx, run, fires, NULL, full));
    return vl_edit_fire(ctx, run, fires->after, fires->after_count, NULL, full, &outcome);
}

/* ---- the short way ---- */

static int
change_fires(const vl_fires *fires)
{
    return fires->before_count + fires->after_count > 0 || fires->foreign != NULL;
}

/* Whether nothing but rows of a table is changed, and nothing is given. */
static int
change_is_simple(const vl_stage *stage, const vl_change_target *target)
{
    return !stage->exec->env.is_plain && target->returning.count == 0 &&
           !change_fires(&target->fires) && !change_fires(&target->replaced) &&
           target->table->object.type == VL_OBJECT_TABLE && target->table->instance == NULL &&
           !target->table->is_system;
}

/* Take an expression as given, if it is. */
static int
change_take_given(const vl_expr *expr, change_given *given)
{
    given->param = expr->kind == VL_EXPR_PARAM ? expr->index : 0;
    given->value = &expr->value;
    return expr->kind == VL_EXPR_CONSTANT || expr->kind == VL_EXPR_PARAM;
}

static vl_value
change_get_given(const vl_exec *exec, const change_given *given)
{
    if (given->param == 0)
        return *given->value;
    return given->param <= exec->param_count ? exec->params[given->param - 1] : vl_value_of_null();
}

/* ---- INSERT the short way ---- */

/* Whether the statement is simple enough, but for what its values are. */
static int
insert_is_simple(const vl_stage *stage)
{
    const vl_op_insert *op = &stage->op->as.insert;
    const vl_op *child = stage->op->children[0];

    return change_is_simple(stage, &op->target) && child->kind == VL_OP_KIND_VALUES &&
           child->as.values.row_count == 1 && op->upsert_count == 0 &&
           !op->target.table->is_autoincrement;
}

/* Find out whether there is a short way. */
static velo_status
insert_open(vl_ctx *ctx, vl_stage *stage)
{
    const vl_op_insert *op = &stage->op->as.insert;
    change_stage *change = (change_stage *)stage;
    uint32_t count = op->target.row_count;
    const vl_exprs *row;
    change_given *given;

    if (!insert_is_simple(stage))
        return VELO_OK;
    row = &stage->op->children[0]->as.values.rows[0];
    given = vl_arena_alloc_array(&stage->exec->arena, count, sizeof *given);
    change->full = vl_arena_alloc_array(&stage->exec->arena, count, sizeof *change->full);
    if (given == NULL || change->full == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row");
    for (uint32_t i = 0; i < count; i++) {
        const vl_expr *expr =
            op->sources[i] >= 0 ? row->list[op->sources[i]] : op->target.defaults.list[i];

        if (!change_take_given(expr, &given[i]))
            return VELO_OK;
    }
    change->given = given;
    return VELO_OK;
}

/* Make the full row of what is given, and prepare it. */
static velo_status
insert_make_given(vl_ctx *ctx, change_stage *stage, vl_edit_outcome *outcome)
{
    const vl_op_insert *op = &stage->base.op->as.insert;
    vl_exec *exec = stage->base.exec;
    vl_edit_run *run = &stage->run;
    vl_value *full = stage->full;

    for (uint32_t i = 0; i < run->full_count; i++)
        full[i] = change_get_given(exec, &stage->given[i]);
    if (run->def->rowid_column >= 0 && op->sources[run->def->column_count] < 0)
        full[run->def->column_count] = full[run->def->rowid_column];
    return vl_edit_prepare(ctx, run, full, op->target.conflict, outcome);
}

/* Make the full row of what is given, and insert it. */
static velo_status
insert_given(vl_ctx *ctx, change_stage *stage)
{
    vl_edit_outcome outcome;

    VL_TRY(insert_make_given(ctx, stage, &outcome));
    if (outcome == VL_EDIT_MADE)
        VL_TRY(vl_edit_insert(ctx, &stage->run, stage->full, &outcome));
    stage->base.exec->counts.changes += outcome == VL_EDIT_MADE;
    return VELO_OK;
}

/* Insert as many rows as parameters were given for (vl_exec_bind_rows). Those of one statement do
 * not go to the range of the one before, since some of them may be there when another fails. */
static velo_status
insert_given_rows(vl_ctx *ctx, change_stage *stage)
{
    vl_exec *exec = stage->base.exec;
    vl_edit_run *run = &stage->run;
    vl_edit_load load;
    int loads = vl_edit_can_load(run);
    velo_status st = VELO_OK;

    if (loads)
        VL_TRY(vl_edit_load_begin(ctx, run, exec->param_rows, &load));
    for (uint32_t row = 0; st == VELO_OK && row < exec->param_rows; row++) {
        vl_edit_outcome outcome;

        if (row > 0)
            exec->params += exec->param_count;
        VL_TRY(vl_exec_poll(ctx, exec, 1));
        if (!loads) {
            vl_arena_reset(&run->row_arena);
            st = insert_given(ctx, stage);
            continue;
        }
        if (run->row_arena.held_bytes > INSERT_HELD_BYTES) {
            VL_TRY(vl_edit_load_end(ctx, &load));
            vl_arena_reset(&run->row_arena);
        }
        st = insert_make_given(ctx, stage, &outcome);
        if (st == VELO_OK && outcome == VL_EDIT_MADE)
            st = vl_edit_load_add(ctx, &load, stage->full);
    }
    return st == VELO_OK && loads ? vl_edit_load_end(ctx, &load) : st;
}

static velo_status
insert_run_short(vl_ctx *ctx, vl_stage *stage, int *is_run)
{
    change_stage *change = (change_stage *)stage;

    *is_run = 0;
    if (change->given == NULL)
        return VELO_OK;
    VL_TRY(vl_exec_poll(ctx, stage->exec, 3)); /* two stages and a row */
    VL_TRY(vl_edit_begin(ctx, stage, &stage->op->as.insert.target, &change->run));
    change->run.source.statement->is_blind = stage->exec->param_rows == 1;
    VL_TRY(stage->exec->param_rows == 1 ? insert_given(ctx, change)
                                        : insert_given_rows(ctx, change));
    vl_edit_rest(&change->run);
    *is_run = 1;
    return VELO_OK;
}

static velo_status
insert_run(vl_ctx *ctx, change_stage *stage)
{
    const vl_op_insert *op = &stage->base.op->as.insert;

    VL_TRY(vl_edit_begin(ctx, &stage->base, &op->target, &stage->run));
    vl_edit_set_upserts(&stage->run, op->upserts, op->upsert_count);
    return change_all(ctx, stage, insert_row);
}

/* ---- UPDATE ---- */

/* Fire INSTEAD OF triggers for a row of a view, which `old` has. */
static velo_status
update_instead(vl_ctx *ctx, change_stage *stage, const vl_value *old, vl_value *full)
{
    const vl_op_update *op = &stage->base.op->as.update;
    vl_eval eval = vl_edit_eval(&stage->run, old);
    vl_edit_outcome outcome = VL_EDIT_MADE;

    for (uint32_t i = 0; i < op->sets.count; i++) {
        int32_t column =
            op->columns[i] == VL_COLUMN_ROWID ? (int32_t)op->key_count : op->columns[i];

        VL_TRY(vl_eval_expr(ctx, &eval, op->sets.list[i], &full[column]));
    }
    VL_TRY(vl_edit_fire(ctx, &stage->run, op->target.fires.before, op->target.fires.before_count,
                        old, full, &outcome));
    return outcome == VL_EDIT_MADE ? vl_edit_return(ctx, &stage->run, full) : VELO_OK;
}

/* Change a row of a virtual table, which `old` has; `full` receives the new one. */
static velo_status
update_virtual(vl_ctx *ctx, change_stage *stage, const vl_value *old, vl_value *full)
{
    const vl_op_update *op = &stage->base.op->as.update;
    const vl_table_def *def = stage->run.def;
    vl_eval eval = vl_edit_eval(&stage->run, old);
    vl_value *values;
    int64_t rowid = 0;
    int is_made;

    for (uint32_t i = 0; i < op->sets.count; i++) {
        int32_t column =
            op->columns[i] == VL_COLUMN_ROWID ? (int32_t)def->column_count : op->columns[i];

        VL_TRY(vl_eval_expr(ctx, &eval, op->sets.list[i], &full[column]));
        full[column].subtype = 0; /* VL_SUBTYPE_UNCHANGED is the module's word only */
    }
    values = change_virtual_row(ctx, stage, full);
    if (values == NULL)
        return VELO_NOMEM;
    values[0] = old[def->column_count];
    if (def->instance->key_column >= 0)
        values[1] = full[def->instance->key_column];
    return change_virtual(ctx, stage, values, def->column_count + 2U, &rowid, &is_made);
}

static velo_status
update_row(vl_ctx *ctx, change_stage *stage, const vl_value *row)
{
    const vl_op_update *op = &stage->base.op->as.update;
    uint32_t extra = stage->base.children[0]->op->column_count - op->key_count;
    vl_edit_run *run = &stage->run;
    int is_view = run->def->object.type == VL_OBJECT_VIEW;
    int is_virtual = run->def->instance != NULL;
    uint32_t width = run->full_count + extra;
    vl_value *old = vl_arena_alloc_array(&run->row_arena, (size_t)2 * width, sizeof *old);
    vl_edit_sets sets = {op->columns, &op->sets, old, &op->target.fires, op->target.conflict};
    vl_edit_outcome outcome;
    int found;

    if (old == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row");
    if (is_view || is_virtual) {
        memcpy(old, row, op->key_count * sizeof *old);
        if (is_view)
            old[op->key_count] = vl_value_of_null();
    } else {
        VL_TRY(vl_edit_read(ctx, run, row[0].as.integer, old, &found));
        if (!found)
            return VELO_OK;
    }
    memcpy(old + run->full_count, row + op->key_count, extra * sizeof *old);
    memcpy(old + width, old, width * sizeof *old);
    if (is_view)
        return update_instead(ctx, stage, old, old + width);
    if (is_virtual)
        return update_virtual(ctx, stage, old, old + width);
    return vl_edit_set(ctx, run, &sets, old + width, &outcome);
}

/* UPDATE FROM: hold a row until one with another key comes; of one key the last counts. */
static velo_status
update_hold(vl_ctx *ctx, change_stage *stage, const vl_value *row)
{
    uint32_t width = stage->base.children[0]->op->column_count;
    uint32_t key_count = stage->base.op->as.update.key_count;

    if (stage->held != NULL && vl_row_compare(stage->held, row, key_count, NULL) != 0)
        VL_TRY(update_row(ctx, stage, stage->held));
    vl_arena_reset(&stage->held_arena);
    stage->held = vl_row_copy(ctx, &stage->held_arena, row, width);
    return stage->held == NULL ? VELO_NOMEM : VELO_OK;
}

static velo_status
update_run(vl_ctx *ctx, change_stage *stage)
{
    const vl_op_update *op = &stage->base.op->as.update;

    VL_TRY(vl_edit_begin(ctx, &stage->base, &op->target, &stage->run));
    if (!op->is_joined)
        return change_all(ctx, stage, update_row);
    vl_arena_init(&stage->held_arena, ctx->allocator, 0);
    VL_TRY(change_all(ctx, stage, update_hold));
    return stage->held == NULL ? VELO_OK : change_one(ctx, stage, stage->held, update_row);
}

/* ---- DELETE ---- */

/* Fire INSTEAD OF triggers for a row of a view. */
static velo_status
delete_instead(vl_ctx *ctx, change_stage *stage, vl_value *old, const vl_value *row)
{
    const vl_op_delete *op = &stage->base.op->as.delete_;
    vl_edit_outcome outcome = VL_EDIT_MADE;

    memcpy(old, row, op->key_count * sizeof *old);
    old[op->key_count] = vl_value_of_null();
    VL_TRY(vl_edit_fire(ctx, &stage->run, op->target.fires.before, op->target.fires.before_count,
                        old, NULL, &outcome));
    return outcome == VL_EDIT_MADE ? vl_edit_return(ctx, &stage->run, old) : VELO_OK;
}

static velo_status
delete_row(vl_ctx *ctx, change_stage *stage, const vl_value *row)
{
    vl_edit_run *run = &stage->run;
    vl_value *old = vl_arena_alloc_array(&run->row_arena, run->full_count, sizeof *old);
    int found;

    if (old == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row");
    if (run->def->object.type == VL_OBJECT_VIEW)
        return delete_instead(ctx, stage, old, row);
    if (run->def->instance != NULL) {
        int64_t rowid = 0;

        return change_virtual(ctx, stage, &row[run->def->column_count], 1, &rowid, &found);
    }
    VL_TRY(vl_edit_read(ctx, run, row[0].as.integer, old, &found));
    return found ? vl_edit_remove(ctx, run, old, &run->target->fires, 1) : VELO_OK;
}

static velo_status
delete_run(vl_ctx *ctx, change_stage *stage)
{
    VL_TRY(vl_edit_begin(ctx, &stage->base, &stage->base.op->as.delete_.target, &stage->run));
    return change_all(ctx, stage, delete_row);
}

/* ---- UPDATE and DELETE the short way ---- */

/* Whether evaluating an expression leaves nothing behind: it runs no program. */
static int
change_runs_nothing(const vl_expr *expr)
{
    if (expr->kind == VL_EXPR_EXISTS || expr->kind == VL_EXPR_SCALAR ||
        expr->kind == VL_EXPR_IN_QUERY || expr->kind == VL_EXPR_RAISE)
        return 0;
    for (uint32_t i = 0; i < expr->kid_count; i++)
        if (!change_runs_nothing(expr->kids[i]))
            return 0;
    return 1;
}

/* What the only column of an operator, the rowid of a table's row, is compared with, if that is all
 * that it does; or NULL. */
static const vl_expr *
change_find_key(const vl_op *op, const vl_table_def *def)
{
    const vl_op_table_scan *scan;
    uint32_t column = 0;

    if (op->column_count != 1)
        return NULL;
    if (op->kind == VL_OP_KIND_PROJECT) {
        const vl_expr *expr = op->as.project.exprs.list[0];

        if (expr->kind != VL_EXPR_COLUMN)
            return NULL;
        column = expr->index;
        op = op->children[0];
    }
    scan = &op->as.table_scan;
    if (op->kind != VL_OP_KIND_TABLE_SCAN || scan->table != def || scan->filter.count > 0 ||
        scan->key == NULL)
        return NULL;
    return scan->columns[column] == VL_COLUMN_ROWID || scan->columns[column] == def->rowid_column
               ? scan->key->expr
               : NULL;
}

static velo_status
change_open_key(vl_ctx *ctx, vl_stage *stage, const vl_change_target *target)
{
    change_stage *change = (change_stage *)stage;
    change_given given;
    const vl_expr *key;

    if (!change_is_simple(stage, target))
        return VELO_OK;
    key = change_find_key(stage->op->children[0], target->table);
    if (key == NULL || !change_take_given(key, &given))
        return VELO_OK;
    change->given = vl_arena_alloc_array(&stage->exec->arena, 1, sizeof given);
    if (change->given == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a key");
    *change->given = given;
    return VELO_OK;
}

static velo_status
update_open(vl_ctx *ctx, vl_stage *stage)
{
    const vl_op_update *op = &stage->op->as.update;

    if (op->is_joined || op->key_count != 1)
        return VELO_OK;
    for (uint32_t i = 0; i < op->sets.count; i++)
        if (!change_runs_nothing(op->sets.list[i]))
            return VELO_OK;
    return change_open_key(ctx, stage, &op->target);
}

static velo_status
delete_open(vl_ctx *ctx, vl_stage *stage)
{
    return change_open_key(ctx, stage, &stage->op->as.delete_.target);
}

/* Change the row with the rowid that is given, if there is one. */
static velo_status
change_run_key(vl_ctx *ctx, vl_stage *stage, const vl_change_target *target, change_row *apply,
               int *is_run)
{
    change_stage *change = (change_stage *)stage;
    vl_value key;
    int64_t rowid;

    *is_run = 0;
    if (change->given == NULL)
        return VELO_OK;
    VL_TRY(vl_exec_poll(ctx, stage->exec, 4)); /* three stages and a row */
    VL_TRY(vl_edit_begin(ctx, stage, target, &change->run));
    key = change_get_given(stage->exec, change->given);
    VL_TRY(vl_value_apply_comparison(ctx, &change->run.row_arena, VL_AFFINITY_INTEGER, &key));
    if (key.type == VL_TYPE_REAL && vl_number_is_integer(key.as.real, &rowid))
        key = vl_value_of_integer(rowid);
    if (key.type == VL_TYPE_INTEGER)
        VL_TRY(apply(ctx, change, &key));
    vl_edit_rest(&change->run);
    *is_run = 1;
    return VELO_OK;
}

static velo_status
update_run_short(vl_ctx *ctx, vl_stage *stage, int *is_run)
{
    return change_run_key(ctx, stage, &stage->op->as.update.target, update_row, is_run);
}

static velo_status
delete_run_short(vl_ctx *ctx, vl_stage *stage, int *is_run)
{
    return change_run_key(ctx, stage, &stage->op->as.delete_.target, delete_row, is_run);
}

/* ---- all three ---- */

/* Make all changes; at the end of the statement write what AUTOINCREMENT has reached. */
static velo_status
change_run(vl_ctx *ctx, change_stage *change)
{
    vl_exec *exec = change->base.exec;
    vl_op_kind kind = change->base.op->kind;
    velo_status st = kind == VL_OP_KIND_INSERT   ? insert_run(ctx, change)
                     : kind == VL_OP_KIND_UPDATE ? update_run(ctx, change)
                                                 : delete_run(ctx, change);

    if (exec == exec->top && exec->sequences != NULL &&
        (st == VELO_OK || exec->counts.resolution == VL_CONFLICT_FAIL)) {
        vl_error error = ctx->error;
        velo_status kept = vl_sequences_keep(ctx, exec);

        if (st == VELO_OK)
            return kept;
        ctx->error = error;
    }
    return st;
}

static velo_status
change_next(vl_ctx *ctx, vl_stage *stage, uint32_t wanted, const vl_chunk **out)
{
    change_stage *change = (change_stage *)stage;

    if (!change->is_done) {
        VL_TRY(change_run(ctx, change));
        change->is_done = 1; /* keeps OC1 */
    }
    return vl_edit_give(ctx, &change->run, wanted, out);
}

static void
change_rewind(vl_stage *stage)
{
    change_stage *change = (change_stage *)stage;

    change->held = NULL;
    if (change->held_arena.allocator != NULL)
        vl_arena_deinit(&change->held_arena);
    if (change->kept_arena.allocator != NULL)
        change_forget_rows(change);
    vl_spill_deinit(&change->spill);
    change->is_in_file = 0;
    vl_edit_rest(&change->run);
    change->is_done = 0;
}

static void
change_close(vl_stage *stage)
{
    change_rewind(stage);
    vl_edit_end(&((change_stage *)stage)->run);
}

const vl_stage_class vl_insert_class = {.size = sizeof(change_stage),
                                        .open = insert_open,
                                        .next = change_next,
                                        .run = insert_run_short,
                                        .rewind = change_rewind,
                                        .close = change_close};
const vl_stage_class vl_update_class = {.size = sizeof(change_stage),
                                        .open = update_open,
                                        .next = change_next,
                                        .run = update_run_short,
                                        .rewind = change_rewind,
                                        .close = change_close};
const vl_stage_class vl_delete_class = {.size = sizeof(change_stage),
                                        .open = delete_open,
                                        .next = change_next,
                                        .run = delete_run_short,
                                        .rewind = change_rewind,
                                        .close = change_close};
