/* edit.c - what is done to a row before it is written: conversion, generated columns, constraints
 * that need no other row; and rows of RETURNING.
 *
 * Invariants
 *   CG1  The first error in SQLite's order of checks is the one that is told. */
#include "exec/edit.h"

#include "base/assert.h"
#include "catalog/virtual.h"
#include "exec/packed.h"
#include "exec/sequence.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- runs ---- */

static velo_status
change_no_memory(vl_ctx *ctx)
{
    return vl_fail(ctx, VELO_NOMEM, "cannot allocate what a change of rows needs");
}

/* The ids of what is written: the tree's columns, or the table's where rows are packed. Returns how
 * many there are. */
static uint32_t
change_list_ids(const vl_edit_run *run, uint32_t *ids)
{
    const vl_leaf_schema *schema = run->schema;
    uint32_t count = 0;

    if (!run->is_packed) {
        memcpy(ids, schema->ids, schema->count * sizeof *ids);
        return schema->count;
    }
    for (int32_t c = 0; c < run->def->column_count; c++) {
        uint32_t id = run->def->columns[c].id;
        uint32_t at = count;

        if (id == 0)
            continue;
        for (; at > 0 && ids[at - 1] > id; at--)
            ids[at] = ids[at - 1];
        ids[at] = id;
        count++;
    }
    return count;
}

/* The columns that are written, and where they are in the table. */
static velo_status
change_map_columns(vl_ctx *ctx, vl_edit_run *run)
{
    uint32_t most = run->schema->count + (uint32_t)run->def->column_count;

    run->is_packed = vl_packed_is(run->table);
    run->ids = vl_arena_alloc_array(&run->arena, most, sizeof *run->ids);
    run->columns = vl_arena_alloc_array(&run->arena, most, sizeof *run->columns);
    run->stored = vl_arena_alloc_array(&run->arena, most, sizeof *run->stored);
    if (run->ids == NULL || run->columns == NULL || run->stored == NULL)
        return change_no_memory(ctx);
    run->id_count = change_list_ids(run, run->ids);
    for (uint32_t i = 0; i < run->id_count; i++) {
        run->columns[i] = -1;
        for (int32_t c = 0; c < run->def->column_count; c++)
            if (run->def->columns[c].id == run->ids[i])
                run->columns[i] = c;
    }
    return VELO_OK;
}

static velo_status
change_open_indexes(vl_ctx *ctx, vl_edit_run *run)
{
    uint32_t count = 0;

    for (const vl_index_def *def = run->def->indexes; def != NULL; def = def->next)
        count++;
    run->indexes = vl_arena_alloc_array(&run->arena, count + 1U, sizeof *run->indexes);
    if (run->indexes == NULL)
        return change_no_memory(ctx);
    for (const vl_index_def *def = run->def->indexes; def != NULL; def = def->next) {
        vl_edit_index *index = &run->indexes[run->index_count];

        index->def = def;
        index->exprs = &run->target->index_exprs[run->index_count];
        index->where = run->target->index_where[run->index_count];
        VL_TRY(vl_keys_open(ctx, run->source.store, def->object.tree, &index->index));
        run->index_count++;
    }
    return VELO_OK;
}

/* Whether a change notes which conflicts of a row it has met. */
static int
change_notes_replaced(const vl_edit_run *run)
{
    const vl_fires *replaced = &run->target->replaced;

    return replaced->foreign != NULL || (replaced->before_count + replaced->after_count > 0 &&
                                         vl_fire_is_recursive(run->stage->exec));
}

/* Whether a run that rests is still what vl_edit_begin would make. A tree that was dropped is not
 * asked for: the statement is planned anew then. */
static velo_status
change_is_current(vl_ctx *ctx, const vl_edit_run *run, int *is_current)
{
    vl_txn_table *table;
    vl_txn_index *index;

    *is_current = 0;
    VL_TRY(vl_rows_open(ctx, run->source.store, run->def->object.tree, &table));
    if (table != run->table || vl_rows_schema(table) != run->schema ||
        change_notes_replaced(run) != (run->is_replaced != NULL))
        return VELO_OK;
    for (uint32_t i = 0; i < run->index_count; i++) {
        VL_TRY(vl_keys_open(ctx, run->source.store, run->indexes[i].def->object.tree, &index));
        if (index != run->indexes[i].index)
            return VELO_OK;
    }
    *is_current = 1;
    return VELO_OK;
}

/* Take up a run that rests, if it is of use: else it is ended. */
static velo_status
change_wake(vl_ctx *ctx, vl_stage *stage, const vl_change_target *target, vl_edit_run *run,
            int *is_awake)
{
    *is_awake = 0;
    if (!run->is_resting)
        return VELO_OK;
    VL_ASSERT(run->stage == stage && run->target == target);
    run->source = vl_source_of(stage->exec->env.source, run->def);
    VL_TRY(change_is_current(ctx, run, is_awake));
    run->is_resting = 0;
    if (!*is_awake)
        vl_edit_end(run);
    return VELO_OK;
}

/* A statement changes sqlite_sequence itself. */
static velo_status
change_own_sequences(vl_ctx *ctx, vl_edit_run *run)
{
    return vl_sequence_is_kept_in(run->def) ? vl_sequence_unite(ctx, &run->source, run->def)
                                            : VELO_OK;
}

/* Whether one of the expressions on a full row names its rowid. */
static int
change_name_rowid(const vl_edit_run *run, const vl_expr *const *exprs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const vl_expr *expr = exprs[i];

        if (expr->kind == VL_EXPR_COLUMN &&
            (expr->index == (uint32_t)run->def->column_count ||
             (run->def->rowid_column >= 0 && expr->index == (uint32_t)run->def->rowid_column)))
            return 1;
        if (change_name_rowid(run, (const vl_expr *const *)expr->kids, expr->kid_count))
            return 1;
    }
    return 0;
}

velo_status
vl_edit_begin(vl_ctx *ctx, vl_stage *stage, const vl_change_target *target, vl_edit_run *run)
{
    int is_awake;

    VL_TRY(change_wake(ctx, stage, target, run, &is_awake));
    if (is_awake)
        return change_own_sequences(ctx, run);
    memset(run, 0, sizeof *run);
    run->stage = stage;
    run->target = target;
    run->def = target->table;
    run->source = vl_source_of(stage->exec->env.source, run->def);
    run->full_count = target->row_count;
    vl_arena_init(&run->arena, ctx->allocator, 0);
    vl_arena_init(&run->row_arena, ctx->allocator, 0);
    vl_arena_init(&run->result_arena, ctx->allocator, 0);
    if (run->def->object.type == VL_OBJECT_VIEW)
        return VELO_OK;
    if (run->def->instance != NULL)
        return run->def->instance->class->begin(ctx, run->def->instance);
    if (strcmp(run->def->object.name, "sqlite_schema") == 0 ||
        strcmp(run->def->object.name, "sqlite_temp_schema") == 0)
        return vl_fail(ctx, VELO_ERROR, "table %s may not be modified", run->def->object.name);
    VL_TRY(vl_rows_open(ctx, run->source.store, run->def->object.tree, &run->table));
    run->schema = vl_rows_schema(run->table);
    run->needs_rowid =
        !run->def->is_without_rowid &&
        (change_name_rowid(run, (const vl_expr *const *)target->generated.list,
                           target->generated.count) ||
         change_name_rowid(run, (const vl_expr *const *)target->checks.list, target->checks.count));
    VL_TRY(change_map_columns(ctx, run));
    VL_TRY(change_open_indexes(ctx, run));
    if (change_notes_replaced(run)) {
        run->is_replaced = vl_arena_alloc(&run->arena, run->index_count + 1U);
        if (run->is_replaced == NULL)
            return change_no_memory(ctx);
    }
    run->prepared = vl_arena_get_mark(&run->arena);
    return change_own_sequences(ctx, run);
}

void
vl_edit_end(vl_edit_run *run)
{
    if (run->stage == NULL)
        return;
    vl_edit_return_end(run);
    vl_arena_deinit(&run->arena);
    vl_arena_deinit(&run->row_arena);
    vl_arena_deinit(&run->result_arena);
    memset(run, 0, sizeof *run);
}

void
vl_edit_rest(vl_edit_run *run)
{
    if (run->prepared.chunk == NULL) { /* not prepared to its end, or of a view */
        vl_edit_end(run);
        return;
    }
    vl_arena_rewind(&run->arena, run->prepared);
    vl_arena_reset(&run->row_arena);
    vl_arena_reset(&run->result_arena);
    run->first = run->last = NULL;
    run->sequence = NULL;
    run->is_resting = 1;
}

void
vl_edit_set_upserts(vl_edit_run *run, const vl_upsert *upserts, uint32_t count)
{
    uint32_t placed = 0;

    run->upserts = upserts;
    run->upsert_count = count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = placed;
        vl_edit_index moved;

        while (at < run->index_count && run->indexes[at].def != upserts[i].index)
            at++;
        if (at == run->index_count)
            continue; /* of the rowid, of any, or of one that has its place */
        moved = run->indexes[at];
        memmove(run->indexes + placed + 1, run->indexes + placed, (at - placed) * sizeof moved);
        run->indexes[placed++] = moved;
    }
}

vl_eval
vl_edit_eval(vl_edit_run *run, const vl_value *full)
{
    vl_eval eval = {.arena = &run->row_arena, .frame = run->stage->frame};

    eval.row = full;
    return eval;
}

velo_status
vl_edit_fail(vl_ctx *ctx, vl_edit_run *run, vl_conflict conflict, velo_status code,
             const char *format, ...)
{
    char text[VL_ERROR_TEXT_SIZE];
    va_list arguments;

    run->stage->exec->counts.resolution =
        conflict == VL_CONFLICT_FAIL || conflict == VL_CONFLICT_ROLLBACK ? conflict
                                                                         : VL_CONFLICT_ABORT;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return vl_fail(ctx, code, "%s", text);
}

/* ---- conversion ---- */

static const char *
change_type_name(vl_type type)
{
    static const char *const names[] = {"", "INTEGER", "REAL", "TEXT", "BLOB", "NULL"};

    return names[type];
}

/* Whether a STRICT table's column takes a value as it is now. */
static int
change_suits(const vl_column_def *column, const vl_value *value)
{
    if (value->type == VL_TYPE_NULL || column->is_strict_any)
        return 1;
    switch (column->affinity) {
    case VL_AFFINITY_INTEGER:
        return value->type == VL_TYPE_INTEGER;
    case VL_AFFINITY_REAL:
        return value->type == VL_TYPE_REAL;
    case VL_AFFINITY_TEXT:
        return value->type == VL_TYPE_TEXT;
    default:
        return value->type == VL_TYPE_BLOB;
    }
}

int
vl_edit_suits(const vl_edit_run *run, int32_t column, const vl_value *value)
{
    return !run->def->is_strict || change_suits(&run->def->columns[column], value);
}

static velo_status
change_convert(vl_ctx *ctx, vl_edit_run *run, int32_t c, vl_value *value)
{
    const vl_column_def *column = &run->def->columns[c];

    if (column->is_strict_any)
        return VELO_OK;
    VL_TRY(vl_value_apply(ctx, &run->row_arena, column->affinity, value));
    if (!run->def->is_strict || change_suits(column, value))
        return VELO_OK;
    return vl_edit_fail(ctx, run, VL_CONFLICT_ABORT, VELO_CONSTRAINT_DATATYPE,
                        "cannot store %s value in %s column %s.%s", change_type_name(value->type),
                        column->type, run->def->object.name, column->name);
}

/* Whether an affinity leaves values of a type as they are. */
static int
change_stays(vl_affinity affinity, vl_type type)
{
    switch (affinity) {
    case VL_AFFINITY_NONE:
    case VL_AFFINITY_BLOB:
        return 1;
    case VL_AFFINITY_TEXT:
        return type == VL_TYPE_TEXT || type == VL_TYPE_BLOB || type == VL_TYPE_NULL;
    case VL_AFFINITY_NUMERIC:
    case VL_AFFINITY_INTEGER:
        return type == VL_TYPE_INTEGER || type == VL_TYPE_BLOB || type == VL_TYPE_NULL;
    case VL_AFFINITY_REAL:
        return type == VL_TYPE_REAL || type == VL_TYPE_BLOB || type == VL_TYPE_NULL;
    }
    return 0;
}

/* Convert all columns that are not generated, and the rowid. *has_null: one of them is NULL. */
static velo_status
change_convert_row(vl_ctx *ctx, vl_edit_run *run, vl_value *full, int *has_null)
{
    const vl_table_def *def = run->def;
    vl_value *rowid = &full[def->column_count];

    *has_null = 0;
    for (int32_t c = 0; c < def->column_count; c++) {
        const vl_column_def *column = &def->columns[c];

        *has_null |= full[c].type == VL_TYPE_NULL;
        if (column->generated == 0 && c != def->rowid_column &&
            (def->is_strict || !change_stays(column->affinity, full[c].type)))
            VL_TRY(change_convert(ctx, run, c, &full[c]));
    }
    if (!change_stays(VL_AFFINITY_INTEGER, rowid->type))
        VL_TRY(vl_value_apply(ctx, &run->row_arena, VL_AFFINITY_INTEGER, rowid));
    if (rowid->type != VL_TYPE_INTEGER && rowid->type != VL_TYPE_NULL)
        return vl_fail(ctx, VELO_MISMATCH, "datatype mismatch");
    if (run->def->rowid_column >= 0)
        full[run->def->rowid_column] = *rowid;
    return VELO_OK;
}

static velo_status
change_generate(vl_ctx *ctx, vl_edit_run *run, vl_value *full)
{
    const vl_change_target *target = run->target;
    vl_eval eval = vl_edit_eval(run, full);

    for (uint32_t i = 0; i < target->generated.count; i++) {
        int32_t column = target->generated_columns[i];

        VL_TRY(vl_eval_expr(ctx, &eval, target->generated.list[i], &full[column]));
        VL_TRY(change_convert(ctx, run, column, &full[column]));
    }
    return VELO_OK;
}

/* ---- constraints of the row alone ---- */

/* What a constraint does: what the statement says goes before what the constraint says. */
static vl_conflict
change_action(vl_conflict statement, vl_conflict constraint)
{
    if (statement != VL_CONFLICT_DEFAULT)
        return statement;
    return constraint != VL_CONFLICT_DEFAULT ? constraint : VL_CONFLICT_ABORT;
}

static velo_status
change_check_not_null(vl_ctx *ctx, vl_edit_run *run, int32_t c, vl_value *full,
                      vl_conflict conflict, vl_edit_outcome *outcome)
{
    const vl_column_def *column = &run->def->columns[c];
    vl_conflict action = change_action(conflict, column->not_null);
    const vl_exprs *defaults = &run->target->defaults;

    if (action == VL_CONFLICT_REPLACE && column->generated == 0 && defaults->count > 0) {
        vl_eval eval = vl_edit_eval(run, NULL);

        VL_TRY(vl_eval_expr(ctx, &eval, defaults->list[c], &full[c]));
        VL_TRY(change_convert(ctx, run, c, &full[c]));
        if (full[c].type != VL_TYPE_NULL)
            return VELO_OK;
    }
    if (action == VL_CONFLICT_IGNORE) {
        *outcome = VL_EDIT_SKIPPED;
        return VELO_OK;
    }
    return vl_edit_fail(ctx, run, action, VELO_CONSTRAINT_NOTNULL,
                        "NOT NULL constraint failed: %s.%s", run->def->object.name, column->name);
}

static velo_status
change_check_checks(vl_ctx *ctx, vl_edit_run *run, const vl_value *full, vl_conflict conflict,
                    vl_edit_outcome *outcome)
{
    const vl_change_target *target = run->target;
    const int *ignores = run->stage->exec->env.ignores_checks;
    vl_eval eval = vl_edit_eval(run, full);

    for (uint32_t i = 0; i < target->checks.count && (ignores == NULL || *ignores == 0); i++) {
        const vl_check_def *check = target->check_defs[i];
        int truth;

        VL_TRY(vl_eval_truth(ctx, &eval, target->checks.list[i], &truth));
        if (truth != 0)
            continue;
        if (conflict == VL_CONFLICT_IGNORE) {
            *outcome = VL_EDIT_SKIPPED;
            return VELO_OK;
        }
        return vl_edit_fail(ctx, run, conflict, VELO_CONSTRAINT_CHECK,
                            "CHECK constraint failed: %s",
                            check->name != NULL ? check->name : check->text);
    }
    return VELO_OK;
}

/* Check NOT NULL of the columns that are generated, or of the others. */
static velo_status
change_check_nulls(vl_ctx *ctx, vl_edit_run *run, int of_generated, vl_value *full,
                   vl_conflict conflict, vl_edit_outcome *outcome)
{
    for (int32_t c = 0; c < run->def->column_count && *outcome == VL_EDIT_MADE; c++) {
        const vl_column_def *column = &run->def->columns[c];

        if (!column->is_not_null || full[c].type != VL_TYPE_NULL || c == run->def->rowid_column ||
            (column->generated != 0) != of_generated)
            continue;
        VL_TRY(change_check_not_null(ctx, run, c, full, conflict, outcome));
    }
    return VELO_OK;
}

velo_status
vl_edit_prepare(vl_ctx *ctx, vl_edit_run *run, vl_value *full, vl_conflict conflict,
                vl_edit_outcome *outcome)
{
    int has_null;

    *outcome = VL_EDIT_MADE;
    run->has_chosen = 0;
    VL_TRY(change_convert_row(ctx, run, full, &has_null));
    if (has_null)
        VL_TRY(change_check_nulls(ctx, run, 0, full, conflict, outcome));
    if (*outcome == VL_EDIT_SKIPPED)
        return VELO_OK;
    if (run->needs_rowid && full[run->def->column_count].type == VL_TYPE_NULL)
        VL_TRY(vl_edit_choose_rowid(ctx, run, full));
    if (run->target->generated.count > 0) {
        VL_TRY(change_generate(ctx, run, full)); /* of what NOT NULL has put in */
        VL_TRY(change_check_nulls(ctx, run, 1, full, conflict, outcome));
    }
    if (*outcome == VL_EDIT_SKIPPED || run->target->checks.count == 0)
        return VELO_OK;
    return change_check_checks(ctx, run, full, conflict, outcome);
}

velo_status
vl_edit_convert(vl_ctx *ctx, vl_edit_run *run, vl_value *full)
{
    int has_null;

    VL_TRY(change_convert_row(ctx, run, full, &has_null));
    return change_generate(ctx, run, full);
}

/* ---- reading a row that is to be changed ---- */

/* Read what is stored of a row. */
static velo_status
change_read_stored(vl_ctx *ctx, vl_edit_run *run, const vl_view *view, int64_t rowid, int *found)
{
    static const uint32_t packed_id = VL_PACKED_ID;
    vl_value packed;

    if (!run->is_packed)
        return vl_rows_read(ctx, run->table, view, rowid, run->ids, run->id_count, &run->row_arena,
                            run->stored, found);
    VL_TRY(
        vl_rows_read(ctx, run->table, view, rowid, &packed_id, 1, &run->row_arena, &packed, found));
    return *found ? vl_packed_get(ctx, &packed, run->ids, run->id_count, run->stored) : VELO_OK;
}

velo_status
vl_edit_read(vl_ctx *ctx, vl_edit_run *run, int64_t rowid, vl_value *full, int *found)
{
    vl_view view = vl_statement_newest(run->source.statement);

    VL_TRY(change_read_stored(ctx, run, &view, rowid, found));
    if (!*found)
        return VELO_OK;
    for (uint32_t i = 0; i < run->full_count; i++)
        full[i] = vl_value_of_null();
    for (uint32_t i = 0; i < run->id_count; i++)
        if (run->columns[i] >= 0)
            full[run->columns[i]] = run->stored[i];
    full[run->def->column_count] = vl_value_of_integer(rowid);
    if (run->def->rowid_column >= 0)
        full[run->def->rowid_column] = vl_value_of_integer(rowid);
    return change_generate(ctx, run, full);
}
