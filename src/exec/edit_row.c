/* edit_row.c - writing rows and index entries, and what is done when they meet others.
 *
 * Invariants
 *   CR1  A row and its entries are written from a mark on; a conflict goes back to it before
 *        anything else is done, so what follows starts from the state before the row.
 *   CR2  Uniqueness is decided where the entry is written, against the newest state (11, item 22):
 *        nothing is looked up beforehand.
 *   CR3  Where REPLACE fires triggers, which may put a row into the way again, each constraint is
 *        replaced for once in a row, and violated the second time: so this ends.
 *   CR5  A row may be put behind its entries, and is then the last that is written for it: so rows
 *        of one statement after the other share an undo record (txn_rows.c). Where something is in
 *        the way, what was written is taken back, and the row goes the way of CR1, which decides
 *        whose conflict counts.
 *   CR6  Entries that end with the row's number may wait (vl_keys_pend). No such entry comes into
 * its index before its row, unless that has a number that was drawn for it: so who meets another
 *        transaction's row waits for it with no entry that this one will want to put.
 *   CR4  Of a table WITHOUT ROWID keys that end with the primary key are written after all
 *        others, so a row with the same primary key is met as the primary key's conflict. */
#include "exec/edit.h"

#include "base/assert.h"
#include "exec/packed.h"
#include "exec/sequence.h"

#include <stdio.h>
#include <string.h>

/* A conflict that writing a row has met. */
typedef struct change_conflict {
    int is_there;
    const vl_edit_index *index; /* whose entry is there; NULL: the rowid is taken */
    int64_t rowid;              /* the row in the way */
} change_conflict;

/* ---- entries ---- */

/* Whether a row has an entry in an index. */
static velo_status
change_has_entry(vl_ctx *ctx, vl_edit_run *run, const vl_edit_index *index, const vl_value *full,
                 int *has)
{
    vl_eval eval = vl_edit_eval(run, full);
    int truth = 1;

    if (index->where != NULL)
        VL_TRY(vl_eval_truth(ctx, &eval, index->where, &truth));
    *has = truth == 1;
    return VELO_OK;
}

/* The key of a row's entry; size 0: it has none. */
static velo_status
change_make_key(vl_ctx *ctx, vl_edit_run *run, const vl_edit_index *index, const vl_value *full,
                vl_entry_key *key)
{
    vl_eval eval = vl_edit_eval(run, full);
    int has;

    *key = (vl_entry_key){NULL, 0, 0, 0};
    VL_TRY(change_has_entry(ctx, run, index, full, &has));
    if (!has)
        return VELO_OK;
    return vl_entry_key_make(ctx, &eval, index->def, index->exprs, full, key);
}

static velo_status
change_put_entry(vl_ctx *ctx, vl_edit_run *run, const vl_edit_index *index, const vl_entry_key *key,
                 int64_t rowid, change_conflict *conflict)
{
    uint8_t other[4096]; /* a sixteenth of the largest page */
    uint32_t other_size;
    uint8_t value[8];
    velo_status st;

    VL_ASSERT(vl_keys_max_value_size(index->index) <= sizeof other);
    st = vl_keys_insert(ctx, run->source.statement, index->index, key->data, key->size, value,
                        vl_entry_put_rowid(value, rowid), other, &other_size);
    if (st != VELO_CONSTRAINT)
        return st;
    vl_error_clear(ctx);
    conflict->is_there = 1;
    conflict->index = index;
    conflict->rowid = vl_entry_get_rowid(other, other_size);
    return VELO_OK;
}

static velo_status
change_remove_entry(vl_ctx *ctx, vl_edit_run *run, const vl_edit_index *index,
                    const vl_entry_key *key)
{
    velo_status st = vl_keys_delete(ctx, run->source.statement, index->index, key->data, key->size);

    if (st != VELO_NOTFOUND)
        return st;
    return vl_fail(ctx, VELO_CORRUPT, "index %s lacks the entry of a row", index->def->object.name);
}

/* ---- rows ---- */

void
vl_edit_store(const vl_edit_run *run, const vl_value *full, vl_value *stored)
{
    for (uint32_t i = 0; i < run->id_count; i++)
        stored[i] = run->columns[i] >= 0 && run->columns[i] != run->def->rowid_column
                        ? full[run->columns[i]]
                        : vl_value_of_null();
}

/* What is written of the stored columns: themselves, or a record of them. */
static velo_status
change_pack(vl_ctx *ctx, vl_edit_run *run, vl_value *packed, const vl_value **values)
{
    *values = run->stored;
    if (!run->is_packed)
        return VELO_OK;
    *values = packed;
    return vl_packed_put(ctx, &run->row_arena, run->ids, run->stored, run->id_count, packed);
}

static void
change_set_rowid(vl_edit_run *run, vl_value *full, int64_t rowid)
{
    full[run->def->column_count] = vl_value_of_integer(rowid);
    if (run->def->rowid_column >= 0)
        full[run->def->rowid_column] = vl_value_of_integer(rowid);
}

/* ---- inserting ---- */

/* The rowid is that of a row which is written and taken back, so that all who write see to it that
 * each has another. */
velo_status
vl_edit_choose_rowid(vl_ctx *ctx, vl_edit_run *run, vl_value *full)
{
    vl_statement *statement = run->source.statement;
    vl_txn_mark mark = vl_statement_mark(statement);
    const vl_value *values;
    vl_value packed;
    int64_t chosen;

    run->has_chosen = 1;
    vl_edit_store(run, full, run->stored);
    VL_TRY(change_pack(ctx, run, &packed, &values));
    VL_TRY(run->def->is_autoincrement
               ? vl_sequence_append(ctx, run, values, &chosen)
               : vl_rows_append(ctx, statement, run->table, values, &chosen));
    VL_TRY(vl_statement_back(ctx, statement, &mark));
    change_set_rowid(run, full, chosen);
    return VELO_OK;
}

/* Write the row itself. */
static velo_status
change_put_row(vl_ctx *ctx, vl_edit_run *run, vl_value *full, change_conflict *conflict)
{
    vl_statement *statement = run->source.statement;
    vl_value *rowid = &full[run->def->column_count];
    const vl_value *values;
    vl_value packed;
    int64_t chosen;
    velo_status st;

    vl_edit_store(run, full, run->stored);
    VL_TRY(change_pack(ctx, run, &packed, &values));
    if (rowid->type == VL_TYPE_NULL) {
        VL_TRY(run->def->is_autoincrement
                   ? vl_sequence_append(ctx, run, values, &chosen)
                   : vl_rows_append(ctx, statement, run->table, values, &chosen));
        change_set_rowid(run, full, chosen);
        return VELO_OK;
    }
    if (run->def->is_autoincrement)
        VL_TRY(vl_sequence_meet(ctx, run, rowid->as.integer));
    st = vl_rows_insert(ctx, statement, run->table, rowid->as.integer, values);
    if (st == VELO_OK && run->def->is_autoincrement)
        vl_rows_raise_sequence(run->table, rowid->as.integer);
    if (st != VELO_CONSTRAINT)
        return st;
    vl_error_clear(ctx);
    conflict->is_there = 1;
    conflict->rowid = rowid->as.integer;
    return VELO_OK;
}

/* How many times the indexes are gone through, and whether it is a key's turn: keeps CR4. */
static int
change_turns(const vl_edit_run *run)
{
    return run->def->primary != NULL ? 2 : 1;
}

static int
change_is_turn(const vl_edit_run *run, const vl_entry_key *key, int turn)
{
    return run->def->primary == NULL || key->is_whole == turn;
}

/* Put an entry that ends with the row's number, now or later. */
static velo_status
change_pend_entry(vl_ctx *ctx, vl_edit_run *run, const vl_edit_index *index,
                  const vl_entry_key *key, int64_t rowid)
{
    uint8_t value[8];

    return vl_keys_pend(ctx, run->source.statement, index->index, key->data, key->size, value,
                        vl_entry_put_rowid(value, rowid));
}

/* Write entries up to the first conflict. may_pend: those that may wait. */
static velo_status
change_put_entries(vl_ctx *ctx, vl_edit_run *run, const vl_value *full, int turn, int may_pend,
                   change_conflict *conflict)
{
    for (uint32_t i = 0; i < run->index_count && !conflict->is_there; i++) {
        vl_entry_key key;

        VL_TRY(change_make_key(ctx, run, &run->indexes[i], full, &key));
        if (key.size > 0 && key.is_whole && may_pend)
            VL_TRY(change_pend_entry(ctx, run, &run->indexes[i], &key,
                                     full[run->def->column_count].as.integer));
        else if (key.size > 0 && change_is_turn(run, &key, turn))
            VL_TRY(change_put_entry(ctx, run, &run->indexes[i], &key,
                                    full[run->def->column_count].as.integer, conflict));
    }
    return VELO_OK;
}

/* Write the row and its entries, up to the first conflict. */
static velo_status
change_put_all(vl_ctx *ctx, vl_edit_run *run, vl_value *full, change_conflict *conflict)
{
    VL_TRY(change_put_row(ctx, run, full, conflict));
    for (int turn = 0; turn < change_turns(run) && !conflict->is_there; turn++)
        VL_TRY(change_put_entries(ctx, run, full, turn, 0, conflict));
    return VELO_OK;
}

/* After a conflict so many rows are not tried the other way: they may meet some, too. */
#define CHANGE_SLOW_ROWS 64U

/* Write a row with the number that was drawn for it. */
static velo_status
change_put_drawn(vl_ctx *ctx, vl_edit_run *run, const vl_value *full, change_conflict *conflict)
{
    const vl_value *values;
    vl_value packed;

    vl_edit_store(run, full, run->stored);
    VL_TRY(change_pack(ctx, run, &packed, &values));
    return vl_rows_insert_drawn(ctx, run->source.statement, run->table,
                                full[run->def->column_count].as.integer, values,
                                &conflict->is_there);
}

/* Write the entries of a row, then the row, up to the first conflict. */
static velo_status
change_put_behind(vl_ctx *ctx, vl_edit_run *run, vl_value *full, int is_drawn,
                  change_conflict *conflict)
{
    int may_pend = vl_keys_may_pend(run->source.statement);

    VL_TRY(change_put_entries(ctx, run, full, 0, may_pend, conflict));
    if (conflict->is_there)
        return VELO_OK;
    return is_drawn ? change_put_drawn(ctx, run, full, conflict)
                    : change_put_row(ctx, run, full, conflict);
}

/* Insert a row behind its entries, if nothing is in the way. Keeps CR5. */
static velo_status
change_put_last(vl_ctx *ctx, vl_edit_run *run, vl_value *full, int *is_put)
{
    uint32_t at = run->def->column_count;
    int is_drawn = full[at].type == VL_TYPE_NULL;
    change_conflict conflict = {0, NULL, 0};
    vl_txn_mark mark;
    int64_t drawn = INT64_MIN;
    velo_status st;

    *is_put = 0;
    if (!is_drawn && !vl_keys_may_pend(run->source.statement))
        return VELO_OK; /* keeps CR6 */
    VL_TRY(vl_keys_make_room(ctx, run->source.statement, run->index_count));
    if (is_drawn) {
        VL_TRY(vl_rows_draw(ctx, run->table, &drawn));
        if (drawn == INT64_MIN)
            return VELO_OK;
        change_set_rowid(run, full, drawn);
    }
    mark = vl_statement_pause(run->source.statement);
    st = change_put_behind(ctx, run, full, is_drawn, &conflict);
    *is_put = st == VELO_OK && !conflict.is_there;
    if (*is_put)
        return VELO_OK;
    if (is_drawn) {
        vl_rows_undraw(run->table, drawn);
        full[at] = vl_value_of_null();
        if (run->def->rowid_column >= 0)
            full[run->def->rowid_column] = vl_value_of_null();
    }
    run->slow_rows = CHANGE_SLOW_ROWS;
    return st == VELO_OK ? vl_statement_back(ctx, run->source.statement, &mark) : st;
}

/* Insert a row the quick way, if it is one that may go it and meets nothing. */
static velo_status
change_put_quickly(vl_ctx *ctx, vl_edit_run *run, vl_value *full, int *is_put)
{
    *is_put = 0;
    if (run->index_count == 0 || run->index_count > VL_KEYS_PEND_INDEXES ||
        run->def->primary != NULL || run->def->is_autoincrement || run->stage->exec->env.is_plain)
        return VELO_OK;
    if (run->slow_rows > 0) {
        run->slow_rows--;
        return VELO_OK;
    }
    return change_put_last(ctx, run, full, is_put);
}

/* ---- conflicts ---- */

/* Fail with the words for a conflict. */
static velo_status
change_refuse(vl_ctx *ctx, vl_edit_run *run, const change_conflict *conflict, vl_conflict action)
{
    const vl_index_def *index = conflict->index != NULL ? conflict->index->def : NULL;
    const char *table = run->def->object.name;
    char text[VL_ERROR_TEXT_SIZE];
    size_t at = 0;

    if (index == NULL)
        return vl_edit_fail(
            ctx, run, action,
            run->def->rowid_column >= 0 ? VELO_CONSTRAINT_PRIMARYKEY : VELO_CONSTRAINT_ROWID,
            "UNIQUE constraint failed: %s.%s", table,
            run->def->rowid_column >= 0 ? run->def->columns[run->def->rowid_column].name : "rowid");
    for (uint16_t i = 0; i < index->term_count; i++) {
        int column = index->terms[i].column;
        int wrote;

        if (column < VL_COLUMN_ROWID)
            return vl_edit_fail(ctx, run, action, VELO_CONSTRAINT_UNIQUE,
                                "UNIQUE constraint failed: index '%s'", index->object.name);
        wrote = snprintf(text + at, sizeof text - at, "%s%s.%s", i > 0 ? ", " : "", table,
                         column >= 0 ? run->def->columns[column].name : "rowid");
        at += wrote > 0 && (size_t)wrote < sizeof text - at ? (size_t)wrote : 0;
    }
    text[at] = 0;
    return vl_edit_fail(ctx, run, action,
                        index->origin == VL_INDEX_PRIMARY ? VELO_CONSTRAINT_PRIMARYKEY
                                                          : VELO_CONSTRAINT_UNIQUE,
                        "UNIQUE constraint failed: %s", text);
}

/* Whether a row meets a conflict in the index of an UPSERT's clause; what is tried is taken back.
 */
static velo_status
change_probe(vl_ctx *ctx, vl_edit_run *run, const vl_upsert *upsert, const vl_value *full,
             change_conflict *conflict)
{
    vl_txn_mark mark = vl_statement_mark(run->source.statement);

    for (uint32_t i = 0; i < run->index_count; i++) {
        vl_entry_key key;

        if (run->indexes[i].def != upsert->index)
            continue;
        VL_TRY(change_make_key(ctx, run, &run->indexes[i], full, &key));
        if (key.size > 0)
            VL_TRY(change_put_entry(ctx, run, &run->indexes[i], &key,
                                    full[run->def->column_count].as.integer, conflict));
    }
    return vl_statement_back(ctx, run->source.statement, &mark);
}

/* The first clause of an UPSERT whose conflict is there, or NULL. The row has met *conflict, but
 * clauses go before constraints that have none: *conflict is then that of the clause. */
static velo_status
change_find_upsert(vl_ctx *ctx, vl_edit_run *run, const vl_value *full, change_conflict *conflict,
                   const vl_upsert **found)
{
    *found = NULL;
    for (uint32_t i = 0; i < run->upsert_count && *found == NULL; i++) {
        const vl_upsert *upsert = &run->upserts[i];
        change_conflict other = {0, NULL, 0};

        if (upsert->is_any || (conflict->index == NULL && upsert->is_rowid) ||
            (conflict->index != NULL && upsert->index == conflict->index->def)) {
            *found = upsert;
        } else if (upsert->index != NULL) {
            VL_TRY(change_probe(ctx, run, upsert, full, &other));
            if (other.is_there) {
                *conflict = other;
                *found = upsert;
            }
        }
    }
    return VELO_OK;
}

/* What the conflict clause of the statement, or of the constraint, says. */
static vl_conflict
change_resolve(const vl_edit_run *run, const change_conflict *conflict, vl_conflict statement)
{
    vl_conflict constraint =
        conflict->index != NULL ? conflict->index->def->conflict : run->def->key_conflict;

    if (statement != VL_CONFLICT_DEFAULT)
        return statement;
    return constraint != VL_CONFLICT_DEFAULT ? constraint : VL_CONFLICT_ABORT;
}

/* The row in the way is not seen: entries are checked against the newest state. */
static velo_status
change_unseen(vl_ctx *ctx)
{
    return vl_fail(ctx, VELO_BUSY_SNAPSHOT,
                   "the row in the way was committed after this transaction's snapshot");
}

/* Delete the row in the way. */
static velo_status
change_replace(vl_ctx *ctx, vl_edit_run *run, int64_t rowid)
{
    vl_value *old = vl_arena_alloc_array(&run->row_arena, run->full_count, sizeof *old);
    int found;

    if (old == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row");
    VL_TRY(vl_edit_read(ctx, run, rowid, old, &found));
    if (!found)
        return change_unseen(ctx);
    return run->is_replaced == NULL ? vl_edit_delete(ctx, run, old)
                                    : vl_edit_remove(ctx, run, old, &run->target->replaced, 0);
}

/* DO UPDATE: the row in the way is changed. */
static velo_status
change_do_update(vl_ctx *ctx, vl_edit_run *run, const vl_upsert *upsert, int64_t rowid,
                 const vl_value *excluded, vl_edit_outcome *outcome)
{
    uint32_t full = run->full_count;
    vl_value *both = vl_arena_alloc_array(&run->row_arena, (size_t)3 * full, sizeof *both);
    vl_edit_sets sets = {upsert->targets, &upsert->sets, both, &upsert->fires, VL_CONFLICT_ABORT};
    vl_eval eval;
    int found;
    int passes;

    *outcome = VL_EDIT_SKIPPED;
    if (both == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row");
    VL_TRY(vl_edit_read(ctx, run, rowid, both, &found));
    if (!found)
        return change_unseen(ctx);
    memcpy(both + full, excluded, full * sizeof *both);
    eval = vl_edit_eval(run, both);
    VL_TRY(vl_eval_conjuncts(ctx, &eval, &upsert->where, &passes));
    if (!passes)
        return VELO_OK;
    VL_TRY(vl_edit_set(ctx, run, &sets, both + (size_t)2 * full, outcome));
    if (*outcome == VL_EDIT_MADE)
        *outcome = VL_EDIT_CHANGED;
    return VELO_OK;
}

/* What is done about a conflict, the row's writes being taken back. *is_over 0: try again. */
static velo_status
change_settle(vl_ctx *ctx, vl_edit_run *run, const change_conflict *conflict, vl_conflict statement,
              vl_edit_outcome *outcome, int *is_over)
{
    vl_conflict action = change_resolve(run, conflict, statement);

    *is_over = 1;
    *outcome = VL_EDIT_SKIPPED;
    if (action == VL_CONFLICT_IGNORE)
        return VELO_OK;
    if (action != VL_CONFLICT_REPLACE)
        return change_refuse(ctx, run, conflict, action);
    if (run->is_replaced != NULL) { /* keeps CR3 */
        size_t met = conflict->index == NULL ? 0 : (size_t)(conflict->index - run->indexes) + 1;

        if (run->is_replaced[met])
            return change_refuse(ctx, run, conflict, VL_CONFLICT_ABORT);
        run->is_replaced[met] = 1;
    }
    *is_over = 0;
    return change_replace(ctx, run, conflict->rowid);
}

/* A row begins: none of its conflicts was met. */
static void
change_forget_replaced(vl_edit_run *run)
{
    if (run->is_replaced != NULL)
        memset(run->is_replaced, 0, run->index_count + 1U);
}

void
vl_edit_tell_rowid(vl_exec *exec, int64_t rowid)
{
    exec->counts.last_rowid = rowid;
    exec->counts.has_last_rowid = 1;
    if (exec->env.tally != NULL)
        exec->env.tally->last_rowid = rowid;
}

void
vl_edit_tell(const vl_edit_run *run, velo_change change, int64_t rowid)
{
    const vl_change_hook *hook = run->stage->exec->env.changed;

    if (hook != NULL && hook->tell != NULL && !run->def->is_without_rowid)
        hook->tell(hook->user, change, run->def->schema->database, run->def->object.name, rowid);
}

/* Tell of a row in full, if anybody wants to know. */
static void
change_tell_all(const vl_edit_run *run, velo_change change, const vl_value *before,
                const vl_value *after)
{
    const vl_exec *exec = run->stage->exec;
    const vl_change_hook *hook = exec->env.changed;
    vl_row_change row;

    if (hook == NULL || hook->tell_all == NULL)
        return;
    row = (vl_row_change){.change = change,
                          .table = run->def,
                          .before = before,
                          .after = after,
                          .depth = exec->firing != NULL ? exec->firing->depth : 0};
    hook->tell_all(hook->all_user, &row);
}

/* A row was inserted: tell whom it concerns. */
static velo_status
change_inserted(vl_ctx *ctx, vl_edit_run *run, vl_value *full, vl_edit_outcome *outcome)
{
    *outcome = VL_EDIT_MADE;
    if (run->def->primary == NULL)
        vl_edit_tell_rowid(run->stage->exec, full[run->def->column_count].as.integer);
    change_tell_all(run, VELO_CHANGE_INSERT, NULL, full);
    vl_edit_tell(run, VELO_CHANGE_INSERT, full[run->def->column_count].as.integer);
    return vl_edit_return(ctx, run, full);
}

velo_status
vl_edit_insert(vl_ctx *ctx, vl_edit_run *run, vl_value *full, vl_edit_outcome *outcome)
{
    int is_chosen = full[run->def->column_count].type == VL_TYPE_NULL || run->has_chosen;
    int has_entries = run->index_count > 0; /* else a conflict is met before anything is written */
    int is_over = 0;
    int is_put;

    change_forget_replaced(run);
    VL_TRY(change_put_quickly(ctx, run, full, &is_put));
    if (is_put)
        return change_inserted(ctx, run, full, outcome);
    while (!is_over) {
        change_conflict conflict = {0, NULL, 0};
        const vl_upsert *upsert;
        vl_txn_mark mark = {0};

        if (has_entries)
            mark = vl_statement_mark(run->source.statement);

        VL_TRY(change_put_all(ctx, run, full, &conflict));
        if (!conflict.is_there)
            return change_inserted(ctx, run, full, outcome);
        if (has_entries)
            VL_TRY(vl_statement_back(ctx, run->source.statement, &mark)); /* keeps CR1 */
        if (is_chosen && conflict.index == NULL) { /* taken meanwhile: another number will do */
            full[run->def->column_count] = vl_value_of_null();
            if (!run->needs_rowid)
                continue;
            VL_TRY(vl_edit_prepare(ctx, run, full, run->target->conflict, outcome));
            if (*outcome == VL_EDIT_SKIPPED)
                return VELO_OK;
            continue;
        }
        VL_TRY(change_find_upsert(ctx, run, full, &conflict, &upsert));
        if (upsert != NULL && upsert->is_nothing) {
            *outcome = VL_EDIT_SKIPPED;
            return VELO_OK;
        }
        if (upsert != NULL)
            return change_do_update(ctx, run, upsert, conflict.rowid, full, outcome);
        VL_TRY(change_settle(ctx, run, &conflict, run->target->conflict, outcome, &is_over));
    }
    return VELO_OK;
}

velo_status
vl_edit_put(vl_ctx *ctx, vl_edit_run *run, int64_t rowid, const vl_value *full)
{
    const vl_value *values;
    vl_value packed;

    vl_edit_store(run, full, run->stored);
    VL_TRY(change_pack(ctx, run, &packed, &values));
    return vl_rows_insert(ctx, run->source.statement, run->table, rowid, values);
}

/* ---- updating and deleting ---- */

/* Write a row that is packed, as a whole. */
static velo_status
change_put_packed(vl_ctx *ctx, vl_edit_run *run, int64_t rowid, const vl_value *full)
{
    static const uint32_t packed_id = VL_PACKED_ID;
    const vl_value *values;
    vl_value packed;

    vl_edit_store(run, full, run->stored);
    VL_TRY(change_pack(ctx, run, &packed, &values));
    return vl_rows_update(ctx, run->source.statement, run->table, rowid, &packed_id, values, 1);
}

/* Write the columns that differ. */
static velo_status
change_put_columns(vl_ctx *ctx, vl_edit_run *run, const vl_value *old, const vl_value *full)
{
    uint32_t *ids = vl_arena_alloc_array(&run->row_arena, run->id_count, sizeof *ids);
    uint32_t count = 0;

    if (ids == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row");
    for (uint32_t i = 0; i < run->id_count; i++) {
        int32_t c = run->columns[i];

        if (c < 0 || c == run->def->rowid_column ||
            (old[c].type == full[c].type &&
             vl_value_compare(&old[c], &full[c], VL_COLLATE_BINARY) == 0))
            continue;
        ids[count] = run->ids[i];
        run->stored[count++] = full[c];
    }
    /* A row that stays as it is counts as changed: one column is written, so that others meet it.
     */
    for (uint32_t i = 0; i < run->id_count && count == 0; i++) {
        if (run->columns[i] < 0 || run->columns[i] == run->def->rowid_column)
            continue;
        ids[count] = run->ids[i];
        run->stored[count++] = full[run->columns[i]];
    }
    if (count == 0)
        return VELO_OK;
    return vl_rows_update(ctx, run->source.statement, run->table,
                          old[run->def->column_count].as.integer, ids, run->stored, count);
}

/* Write the row, under another rowid if it has one now. */
static velo_status
change_move_row(vl_ctx *ctx, vl_edit_run *run, const vl_value *old, vl_value *full,
                change_conflict *conflict)
{
    uint32_t at = run->def->column_count;

    if (full[at].as.integer == old[at].as.integer)
        return run->is_packed ? change_put_packed(ctx, run, full[at].as.integer, full)
                              : change_put_columns(ctx, run, old, full);
    VL_TRY(vl_rows_delete(ctx, run->source.statement, run->table, old[at].as.integer));
    return change_put_row(ctx, run, full, conflict);
}

/* Move the entry of a row in an index, when it is the new key's turn. */
static velo_status
change_move_entry(vl_ctx *ctx, vl_edit_run *run, const vl_edit_index *index, const vl_value *old,
                  const vl_value *full, int turn, change_conflict *conflict)
{
    uint32_t at = run->def->column_count;
    vl_entry_key before;
    vl_entry_key after;

    VL_TRY(change_make_key(ctx, run, index, full, &after));
    if (!change_is_turn(run, &after, turn))
        return VELO_OK;
    VL_TRY(change_make_key(ctx, run, index, old, &before));
    if (before.size == after.size && full[at].as.integer == old[at].as.integer &&
        (before.size == 0 || memcmp(before.data, after.data, before.size) == 0))
        return VELO_OK;
    if (before.size > 0)
        VL_TRY(change_remove_entry(ctx, run, index, &before));
    if (after.size == 0)
        return VELO_OK;
    return change_put_entry(ctx, run, index, &after, full[at].as.integer, conflict);
}

velo_status
vl_edit_update(vl_ctx *ctx, vl_edit_run *run, vl_value *old, vl_value *full, vl_conflict statement,
               vl_edit_outcome *outcome)
{
    int is_over = 0;
    int found = 1;

    if (full[run->def->column_count].type == VL_TYPE_NULL)
        return vl_fail(ctx, VELO_MISMATCH, "datatype mismatch");
    change_forget_replaced(run);
    while (!is_over) {
        vl_txn_mark mark;
        change_conflict conflict = {0, NULL, 0};

        VL_TRY(vl_session_settle(ctx, run->source.statement->session));
        mark = vl_statement_mark(run->source.statement);
        VL_TRY(change_move_row(ctx, run, old, full, &conflict));
        for (int turn = 0; turn < change_turns(run); turn++)
            for (uint32_t i = 0; i < run->index_count && !conflict.is_there; i++)
                VL_TRY(change_move_entry(ctx, run, &run->indexes[i], old, full, turn, &conflict));
        if (!conflict.is_there) {
            *outcome = VL_EDIT_MADE;
            change_tell_all(run, VELO_CHANGE_UPDATE, old, full);
            vl_edit_tell(run, VELO_CHANGE_UPDATE, full[run->def->column_count].as.integer);
            return VELO_OK;
        }
        VL_TRY(vl_statement_back(ctx, run->source.statement, &mark)); /* keeps CR1 */
        VL_TRY(change_settle(ctx, run, &conflict, statement, outcome, &is_over));
        if (!is_over && run->is_replaced != NULL)
            VL_TRY(vl_edit_read(ctx, run, old[run->def->column_count].as.integer, old, &found));
        if (!found) { /* by a trigger of the row that was in the way */
            *outcome = VL_EDIT_SKIPPED;
            return VELO_OK;
        }
    }
    return VELO_OK;
}

velo_status
vl_edit_delete(vl_ctx *ctx, vl_edit_run *run, const vl_value *old)
{
    for (uint32_t i = 0; i < run->index_count; i++) {
        vl_entry_key key;

        VL_TRY(change_make_key(ctx, run, &run->indexes[i], old, &key));
        if (key.size > 0)
            VL_TRY(change_remove_entry(ctx, run, &run->indexes[i], &key));
    }
    change_tell_all(run, VELO_CHANGE_DELETE, old, NULL);
    return vl_rows_delete(ctx, run->source.statement, run->table,
                          old[run->def->column_count].as.integer);
}

/* ---- filling an index ---- */

velo_status
vl_edit_make_key(vl_ctx *ctx, vl_edit_run *run, uint32_t index, const vl_value *full,
                 vl_entry_key *key)
{
    return change_make_key(ctx, run, &run->indexes[index], full, key);
}

velo_status
vl_edit_refuse_twins(vl_ctx *ctx, vl_edit_run *run, uint32_t index)
{
    change_conflict conflict = {.is_there = 1, .index = &run->indexes[index]};

    return change_refuse(ctx, run, &conflict, VL_CONFLICT_ABORT);
}

velo_status
vl_edit_find_entry(vl_ctx *ctx, vl_edit_run *run, const vl_view *view, uint32_t index,
                   const vl_value *full, int *is_wanted, int *is_there)
{
    const vl_edit_index *at = &run->indexes[index];
    uint8_t value[4096]; /* a sixteenth of the largest page */
    uint32_t value_size = 0;
    vl_entry_key key;

    VL_ASSERT(vl_keys_max_value_size(at->index) <= sizeof value);
    *is_there = 0;
    VL_TRY(change_make_key(ctx, run, at, full, &key));
    *is_wanted = key.size > 0;
    if (!*is_wanted)
        return VELO_OK;
    VL_TRY(vl_keys_find(ctx, at->index, view, key.data, key.size, value, &value_size, is_there));
    *is_there = *is_there &&
                vl_entry_get_rowid(value, value_size) == full[run->def->column_count].as.integer;
    return VELO_OK;
}
