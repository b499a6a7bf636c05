/* foreign.c - foreign keys of the rows that a change has written.
 *
 * Violations are counted, as in SQLite: a child that comes without a parent adds one, and so does
 * each child of a parent that goes; a child that goes, or a parent that comes, takes away what was
 * counted for it. Immediate constraints are counted by the statement, others by the connection;
 * whoever ends those looks at the sums.
 *
 * All that is asked about other rows is asked of what everybody has committed (txn.h,
 * vl_statement_latest), after the row was written: who inserts a child holds its parent, so that
 * one of two who do both meets the other (txn/README.md).
 *
 * Invariants
 *   FK1  Nothing is taken away unless something was counted: what was violated already when
 *        foreign keys were turned on is not made up for.
 *   FK2  For a key that has a NULL nothing is asked.
 *   FK3  What SQLite asks before the row is written is answered so that the row itself counts as it
 *        did then. */
#include "exec/edit.h"

#include "vec/value.h"

#include <string.h>

/* ---- counting ---- */

static void
foreign_add(vl_edit_run *run, const vl_fk_def *fk, int64_t count)
{
    vl_exec_foreign *foreign = run->stage->exec->env.foreign;

    if (foreign->is_deferring)
        foreign->put_off += count;
    else if (fk->is_deferred)
        foreign->deferred += count;
    else
        run->stage->exec->top->counts.violations += count;
}

/* Whether there is something that could be taken away. Keeps FK1. */
static int
foreign_has_counted(const vl_edit_run *run, const vl_fk_def *fk)
{
    const vl_exec_foreign *foreign = run->stage->exec->env.foreign;

    return foreign->put_off != 0 ||
           (fk->is_deferred ? foreign->deferred != 0
                            : run->stage->exec->top->counts.violations != 0);
}

/* ---- keys ---- */

static const vl_value *
foreign_value(const vl_table_def *table, const vl_value *full, uint16_t column)
{
    return &full[(int32_t)column == table->rowid_column ? table->column_count : column];
}

/* Whether a row lacks a column of a key. */
static int
foreign_has_null(const vl_table_def *table, const vl_value *full, const uint16_t *columns,
                 uint16_t count)
{
    for (uint16_t i = 0; i < count; i++)
        if (foreign_value(table, full, columns[i])->type == VL_TYPE_NULL)
            return 1;
    return 0;
}

/* Whether old and new row have the same parent key, bit by bit or by its collations. */
static int
foreign_is_same(const vl_table_def *table, const vl_fk_down *down, const vl_value *old,
                const vl_value *full, int is_exact)
{
    for (uint16_t i = 0; i < down->fk->count; i++) {
        const vl_value *before = foreign_value(table, old, down->columns[i]);
        const vl_value *after = foreign_value(table, full, down->columns[i]);
        vl_collation collation =
            is_exact ? VL_COLLATE_BINARY : table->columns[down->columns[i]].collation;

        if ((is_exact && before->type != after->type) ||
            vl_value_compare(before, after, collation) != 0)
            return 0;
    }
    return 1;
}

/* Make the key that a child's parent has in an index: the values become as the parent would store
 * them. */
static velo_status
foreign_make_key(vl_ctx *ctx, vl_arena *arena, const vl_fk_up *up, const vl_value *values,
                 vl_entry_key *key)
{
    const vl_table_def *parent = up->parent;

    *key = (vl_entry_key){NULL, 0, 0, 0};
    for (uint16_t i = 0; i < up->fk->count; i++) {
        int32_t column = up->index->terms[i].column;
        vl_value value = values[i];

        if (column == parent->rowid_column || !parent->columns[column].is_strict_any)
            VL_TRY(vl_value_apply(ctx, arena,
                                  column == parent->rowid_column ? VL_AFFINITY_INTEGER
                                                                 : parent->columns[column].affinity,
                                  &value));
        VL_TRY(vl_entry_key_add(ctx, arena, key, &value, &up->index->terms[i]));
    }
    return VELO_OK;
}

/* The rowid that a child's key means; *is_none: it can be none. */
static velo_status
foreign_make_rowid(vl_ctx *ctx, vl_arena *arena, const vl_value *values, int64_t *rowid,
                   int *is_none)
{
    vl_value value = values[0];

    VL_TRY(vl_value_apply(ctx, arena, VL_AFFINITY_INTEGER, &value));
    *is_none = value.type != VL_TYPE_INTEGER;
    *rowid = *is_none ? 0 : value.as.integer;
    return VELO_OK;
}

static velo_status
foreign_read_values(vl_ctx *ctx, vl_edit_run *run, const vl_fk_up *up, const vl_value *full,
                    vl_value **values)
{
    *values = vl_arena_alloc_array(&run->row_arena, up->fk->count, sizeof **values);
    if (*values == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a key");
    for (uint16_t i = 0; i < up->fk->count; i++)
        (*values)[i] = *foreign_value(run->def, full, up->columns[i]);
    return VELO_OK;
}

/* ---- parents ---- */

velo_status
vl_foreign_find(vl_ctx *ctx, vl_txn_store *store, vl_arena *arena, const vl_fk_up *up,
                const vl_value *values, const vl_view *view, int64_t *rowid, int *found)
{
    vl_txn_table *table = NULL;
    vl_txn_index *index = NULL;
    vl_entry_key key;
    uint8_t *value;
    uint32_t size;
    int is_none;

    *found = 0;
    if (up->index == NULL) {
        VL_TRY(foreign_make_rowid(ctx, arena, values, rowid, &is_none));
        if (is_none)
            return VELO_OK;
        VL_TRY(vl_rows_open(ctx, store, up->parent->object.tree, &table));
        return vl_rows_exists(ctx, table, view, *rowid, found);
    }
    VL_TRY(vl_keys_open(ctx, store, up->index->object.tree, &index));
    VL_TRY(foreign_make_key(ctx, arena, up, values, &key));
    if (key.size > vl_keys_max_size(index))
        return VELO_OK;
    value = vl_arena_alloc(arena, vl_keys_max_value_size(index));
    if (value == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate an entry");
    VL_TRY(vl_keys_find(ctx, index, view, key.data, key.size, value, &size, found));
    if (*found)
        *rowid = vl_entry_get_rowid(value, size);
    return VELO_OK;
}

/* Hold the parent of a child's key: *found 0: there is none. */
static velo_status
foreign_hold(vl_ctx *ctx, vl_edit_run *run, const vl_fk_up *up, const vl_value *values, int *found)
{
    vl_statement *statement = run->source.statement;
    vl_txn_table *table = NULL;
    vl_txn_index *index = NULL;
    vl_entry_key key;
    int64_t rowid;
    int is_none = 0;
    velo_status st;

    *found = 0;
    if (up->index == NULL) {
        VL_TRY(foreign_make_rowid(ctx, &run->row_arena, values, &rowid, &is_none));
        if (is_none)
            return VELO_OK;
        VL_TRY(vl_rows_open(ctx, run->source.store, up->parent->object.tree, &table));
        st = vl_rows_share(ctx, statement, table, rowid);
    } else {
        VL_TRY(vl_keys_open(ctx, run->source.store, up->index->object.tree, &index));
        VL_TRY(foreign_make_key(ctx, &run->row_arena, up, values, &key));
        if (key.size > vl_keys_max_size(index))
            return VELO_OK;
        st = vl_keys_share(ctx, statement, index, key.data, key.size, NULL, NULL);
    }
    *found = st == VELO_OK;
    if (st != VELO_NOTFOUND)
        return st;
    vl_error_clear(ctx);
    return VELO_OK;
}

/* Whether a row has the key that one of its own foreign keys, to the table itself, refers to. */
static velo_status
foreign_is_own_parent(vl_ctx *ctx, vl_edit_run *run, const vl_fk_up *up, const vl_value *values,
                      const vl_value *full, int *is_own)
{
    vl_entry_key wanted;
    vl_entry_key key = {NULL, 0, 0, 0};
    int64_t rowid;
    int is_none;

    if (up->index == NULL) {
        VL_TRY(foreign_make_rowid(ctx, &run->row_arena, values, &rowid, &is_none));
        *is_own = !is_none && rowid == full[run->def->column_count].as.integer;
        return VELO_OK;
    }
    VL_TRY(foreign_make_key(ctx, &run->row_arena, up, values, &wanted));
    for (uint16_t i = 0; i < up->fk->count; i++)
        VL_TRY(vl_entry_key_add(ctx, &run->row_arena, &key,
                                foreign_value(run->def, full, (uint16_t)up->index->terms[i].column),
                                &up->index->terms[i]));
    *is_own = key.size == wanted.size && key.data != NULL && wanted.data != NULL &&
              memcmp(key.data, wanted.data, key.size) == 0;
    return VELO_OK;
}

/* A child goes: if it had no parent, that is made up for. Keeps FK3. */
static velo_status
foreign_child_goes(vl_ctx *ctx, vl_edit_run *run, const vl_fk_up *up, const vl_value *old,
                   const vl_value *full)
{
    vl_view view = vl_statement_latest(run->source.statement);
    vl_value *values;
    int64_t rowid;
    int found = 0;

    if (up->is_held_only || foreign_has_null(run->def, old, up->columns, up->fk->count))
        return VELO_OK;
    if (up->parent == NULL) { /* the table is dropped, and its parent is gone already */
        foreign_add(run, up->fk, -1);
        return VELO_OK;
    }
    if (!foreign_has_counted(run, up->fk))
        return VELO_OK;
    VL_TRY(foreign_read_values(ctx, run, up, old, &values));
    if (up->is_self)
        VL_TRY(foreign_is_own_parent(ctx, run, up, values, old, &found));
    if (found)
        return VELO_OK;
    VL_TRY(vl_foreign_find(ctx, run->source.store, &run->row_arena, up, values, &view, &rowid,
                           &found));
    if (found && up->is_self && full != NULL && rowid == full[run->def->column_count].as.integer)
        found = 0;
    if (!found)
        foreign_add(run, up->fk, -1);
    return VELO_OK;
}

/* A child comes, or stays while its row moves: its parent is held. */
static velo_status
foreign_child_comes(vl_ctx *ctx, vl_edit_run *run, const vl_fk_up *up, const vl_value *full)
{
    vl_value *values;
    int found = 0;

    if (foreign_has_null(run->def, full, up->columns, up->fk->count))
        return VELO_OK;
    VL_TRY(foreign_read_values(ctx, run, up, full, &values));
    if (up->is_self)
        VL_TRY(foreign_is_own_parent(ctx, run, up, values, full, &found));
    if (!found)
        VL_TRY(foreign_hold(ctx, run, up, values, &found));
    if (!found && !up->is_held_only)
        foreign_add(run, up->fk, 1);
    return VELO_OK;
}

/* ---- children ---- */

/* Whether the old key of a parent goes with the change. */
static int
foreign_key_goes(const vl_edit_run *run, const vl_fk_down *down, const vl_value *old,
                 const vl_value *full)
{
    return old != NULL && !foreign_has_null(run->def, old, down->columns, down->fk->count) &&
           (full == NULL || !foreign_is_same(run->def, down, old, full, 1));
}

/* A parent goes: each of its children lacks it. */
static velo_status
foreign_parent_goes(vl_ctx *ctx, vl_edit_run *run, const vl_fk_down *down, const vl_value *old,
                    const vl_value *full)
{
    int acts = down->action > VL_FK_RESTRICT;
    int64_t latest;
    int64_t own = 0;

    if (!foreign_key_goes(run, down, old, full))
        return VELO_OK;
    VL_TRY(vl_fire_count(ctx, run->stage, down->count_old, old, full, run->full_count, &latest,
                         acts ? &own : NULL));
    if (acts && latest > own)
        return vl_fail(ctx, VELO_BUSY_SNAPSHOT,
                       "rows that refer to this one were committed after this transaction's "
                       "snapshot");
    foreign_add(run, down->fk, latest);
    return VELO_OK;
}

/* A parent comes: children that were counted have it now. */
static velo_status
foreign_parent_comes(vl_ctx *ctx, vl_edit_run *run, const vl_fk_down *down, const vl_value *old,
                     const vl_value *full)
{
    int64_t latest;

    if (!foreign_has_counted(run, down->fk) ||
        foreign_has_null(run->def, full, down->columns, down->fk->count) ||
        (old != NULL && foreign_is_same(run->def, down, old, full, 1)))
        return VELO_OK;
    VL_TRY(
        vl_fire_count(ctx, run->stage, down->count_new, old, full, run->full_count, &latest, NULL));
    foreign_add(run, down->fk, -latest);
    return VELO_OK;
}

/* ON DELETE and ON UPDATE. */
static velo_status
foreign_act(vl_ctx *ctx, vl_edit_run *run, const vl_fk_down *down, const vl_value *old,
            const vl_value *full)
{
    int is_ignored;
    int64_t latest;

    if (down->act == VL_FK_NONE || !foreign_key_goes(run, down, old, full) ||
        (full != NULL && foreign_is_same(run->def, down, old, full, 0)))
        return VELO_OK;
    if (down->action != VL_FK_RESTRICT)
        return vl_fire(ctx, run->stage, &down->act, 1, old, full, run->full_count, &is_ignored);
    if (run->stage->exec->env.foreign->is_deferring)
        return VELO_OK;
    VL_TRY(vl_fire_count(ctx, run->stage, down->act, old, full, run->full_count, &latest, NULL));
    if (latest == 0)
        return VELO_OK;
    return vl_edit_fail(ctx, run, VL_CONFLICT_ABORT, VELO_CONSTRAINT_TRIGGER,
                        "FOREIGN KEY constraint failed");
}

/* ---- a row ---- */

velo_status
vl_edit_foreign(vl_ctx *ctx, vl_edit_run *run, const vl_fires *fires, const vl_value *old,
                const vl_value *full)
{
    const vl_foreign *foreign = fires->foreign;

    if (foreign == NULL)
        return VELO_OK;
    if (run->stage->exec->env.foreign == NULL)
        return vl_fail(ctx, VELO_INTERNAL, "foreign keys are not counted here");
    if (foreign->mismatch != NULL)
        return vl_fail(ctx, VELO_ERROR, "%s", foreign->mismatch);
    for (uint32_t i = 0; i < foreign->up_count && old != NULL; i++)
        VL_TRY(foreign_child_goes(ctx, run, &foreign->ups[i], old, full));
    for (uint32_t i = 0; i < foreign->down_count && old != NULL; i++)
        VL_TRY(foreign_parent_goes(ctx, run, &foreign->downs[i], old, full));
    for (uint32_t i = 0; i < foreign->up_count && full != NULL; i++)
        VL_TRY(foreign_child_comes(ctx, run, &foreign->ups[i], full));
    for (uint32_t i = 0; i < foreign->down_count && full != NULL; i++)
        VL_TRY(foreign_parent_comes(ctx, run, &foreign->downs[i], old, full));
    for (uint32_t i = 0; i < foreign->down_count; i++)
        VL_TRY(foreign_act(ctx, run, &foreign->downs[i], old, full));
    return VELO_OK;
}
