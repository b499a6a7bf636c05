/* sequence.c - AUTOINCREMENT; see sequence.h.
 *
 * Invariants
 *   SQ1  A transaction that was given a rowid has a row in sqlite_sequence with at least that
 * number before it commits: so a number that is not known in memory is found there (txn_rows.h).
 *   SQ2  No row of sqlite_sequence is waited for, and none makes a conflict, unless very many are
 * there: then that bounds how many. SQ3  Rows are hidden, or deleted for being so, only where one
 * with as great a number stays. */
#include "exec/sequence.h"

#include "base/assert.h"
#include "vec/value.h"

#include <stdlib.h>
#include <string.h>

/* Rows of one table that are tried: as many transactions insert into it at a time. */
#define SEQUENCE_ROWS VL_BY_BUILD(64U, 16U)

struct vl_edit_sequence {
    struct vl_edit_sequence *next;
    const vl_table_def *def;
    int64_t last;       /* highest rowid that there ever was, as far as the transaction knows */
    int is_read;        /* in this run */
    uint32_t row_count; /* of the following */
    int64_t rows[SEQUENCE_ROWS]; /* its rows in sqlite_sequence, as the transaction sees it */
};

/* A row of sqlite_sequence. */
typedef struct sequence_row {
    int64_t rowid;
    int64_t last;
    const char *name;   /* of a table with AUTOINCREMENT; NULL: of none, and always shown */
    uint32_t name_size; /* bytes of it */
} sequence_row;

int
vl_sequence_is_kept_in(const vl_table_def *def)
{
    return def->is_system && strcmp(def->object.name, "sqlite_sequence") == 0;
}

/* ---- reading sqlite_sequence ---- */

/* What is done with each row; name.data NULL: no usable name. Under the leaf's latch. */
typedef velo_status sequence_visit(vl_ctx *ctx, void *argument, int64_t rowid, const vl_value *name,
                                   int64_t last);

static velo_status
sequence_scan(vl_ctx *ctx, vl_txn_table *table, const vl_view *view, sequence_visit *visit,
              void *argument)
{
    static const uint32_t ids[2] = {1, 2};
    vl_row_scan scan;
    velo_status st;

    vl_row_scan_begin(&scan, table, view, (vl_rowid_range){INT64_MIN, INT64_MAX}, 0, ids, 2);
    for (;;) {
        st = vl_row_scan_next(ctx, &scan);
        if (st != VELO_OK || scan.leaf == NULL)
            break;
        for (uint32_t i = 0; i < scan.row_count && st == VELO_OK; i++) {
            vl_leaf_value name, last;

            vl_row_scan_get(&scan, i, 0, &name);
            vl_row_scan_get(&scan, i, 1, &last);
            if (name.value.type != VL_TYPE_TEXT || name.overflow != 0)
                name.value = vl_value_of_null();
            st = visit(ctx, argument, vl_row_scan_rowid(&scan, i), &name.value,
                       last.value.type == VL_TYPE_INTEGER ? last.value.as.integer : 0);
        }
        if (st != VELO_OK)
            break;
    }
    vl_row_scan_end(&scan);
    return st;
}

/* The table sqlite_sequence beside a table. */
static velo_status
sequence_open(vl_ctx *ctx, const vl_source *source, const vl_table_def *of, vl_txn_table **table)
{
    const vl_table_def *def = vl_schema_table(of->schema, "sqlite_sequence", 15);

    if (def == NULL)
        return vl_fail(ctx, VELO_CORRUPT, "the table sqlite_sequence is missing");
    return vl_rows_open(ctx, source->store, def->object.tree, table);
}

/* sequence_visit: of one table. */
static velo_status
sequence_take(vl_ctx *ctx, void *argument, int64_t rowid, const vl_value *name, int64_t last)
{
    vl_edit_sequence *sequence = argument;
    const char *table = sequence->def->object.name;

    (void)ctx;
    if (name->type != VL_TYPE_TEXT ||
        vl_name_compare(name->as.data, name->size, table, strlen(table)) != 0)
        return VELO_OK;
    if (last > sequence->last)
        sequence->last = last;
    if (sequence->row_count < SEQUENCE_ROWS)
        sequence->rows[sequence->row_count++] = rowid;
    return VELO_OK;
}

/* vl_rows_kept: of the run's table. */
static velo_status
sequence_kept(vl_ctx *ctx, void *argument, const vl_view *view, int64_t *last)
{
    vl_edit_run *run = argument;
    vl_edit_sequence sequence = {.def = run->def};
    vl_txn_table *table = NULL;

    VL_TRY(sequence_open(ctx, &run->source, run->def, &table));
    VL_TRY(sequence_scan(ctx, table, view, sequence_take, &sequence));
    *last = sequence.last;
    return VELO_OK;
}

/* ---- a table's sequence ---- */

/* The sequence of the run's table: one for all of the statement, its triggers included. */
static velo_status
sequence_get(vl_ctx *ctx, vl_edit_run *run)
{
    vl_exec *top = run->stage->exec->top;
    vl_edit_sequence *sequence = top->sequences;

    while (sequence != NULL && sequence->def != run->def)
        sequence = sequence->next;
    if (sequence == NULL) {
        sequence = vl_arena_alloc_array(&top->arena, 1, sizeof *sequence);
        if (sequence == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate a sequence");
        sequence->def = run->def;
        sequence->is_read = 0;
        sequence->next = top->sequences;
        top->sequences = sequence;
    }
    run->sequence = sequence;
    return VELO_OK;
}

/* See that the sequence is not below the table's last row. */
static velo_status
sequence_raise(vl_ctx *ctx, vl_edit_run *run)
{
    vl_view view = vl_statement_newest(run->source.statement);
    int64_t last;
    int found;

    VL_TRY(vl_rows_last(ctx, run->table, &view, &last, &found));
    if (found && last > run->sequence->last)
        run->sequence->last = last;
    return VELO_OK;
}

static velo_status
sequence_read(vl_ctx *ctx, vl_edit_run *run)
{
    vl_view view = vl_statement_newest(run->source.statement);
    vl_txn_table *table = NULL;
    vl_edit_sequence *sequence;

    if (run->sequence == NULL)
        VL_TRY(sequence_get(ctx, run));
    sequence = run->sequence;
    VL_ASSERT(sequence != NULL);
    if (sequence->is_read) /* a trigger may have moved a row behind it */
        return run->stage->exec->top->bodies == NULL ? VELO_OK : sequence_raise(ctx, run);
    sequence->last = 0;
    sequence->row_count = 0;
    VL_TRY(sequence_open(ctx, &run->source, run->def, &table));
    VL_TRY(sequence_scan(ctx, table, &view, sequence_take, sequence));
    VL_TRY(sequence_raise(ctx, run));
    sequence->is_read = 1;
    return VELO_OK;
}

velo_status
vl_sequence_append(vl_ctx *ctx, vl_edit_run *run, const vl_value *values, int64_t *rowid)
{
    velo_status st;

    VL_TRY(sequence_read(ctx, run));
    st = vl_rows_append_ever(ctx, run->source.statement, run->table, run->sequence->last,
                             sequence_kept, run, values, rowid);
    if (st == VELO_OK)
        run->sequence->last = *rowid;
    if (st == VELO_FULL && run->sequence->last == INT64_MAX)
        return vl_fail(ctx, VELO_FULL, "database or disk is full");
    return st;
}

velo_status
vl_sequence_meet(vl_ctx *ctx, vl_edit_run *run, int64_t rowid)
{
    VL_TRY(sequence_read(ctx, run));
    if (rowid > run->sequence->last)
        run->sequence->last = rowid;
    return VELO_OK;
}

void
vl_sequences_reset(vl_exec *exec)
{
    for (vl_edit_sequence *sequence = exec->sequences; sequence != NULL; sequence = sequence->next)
        sequence->is_read = 0;
}

/* ---- writing it ---- */

/* Which row is tried first: another one by each connection, so that each comes to have its own. */
static uint32_t
sequence_first(const vl_edit_sequence *sequence, const vl_statement *statement)
{
    uint64_t mixed = (uint64_t)(uintptr_t)statement->session * UINT64_C(0x9E3779B97F4A7C15);

    return (uint32_t)((mixed >> 32) % sequence->row_count);
}

/* Write to a row that nobody is in the way of; *kept_by stays 0 if there is none. */
static velo_status
sequence_try_rows(vl_ctx *ctx, vl_statement *statement, vl_txn_table *table,
                  const vl_edit_sequence *sequence, int64_t *kept_by)
{
    static const uint32_t id = 2;
    vl_value last = vl_value_of_integer(sequence->last);
    vl_row_update update = {&id, &last, 1};
    uint32_t first = sequence->row_count > 0 ? sequence_first(sequence, statement) : 0;

    *kept_by = 0;
    for (uint32_t i = 0; i < sequence->row_count && *kept_by == 0; i++) {
        int64_t row = sequence->rows[(first + i) % sequence->row_count];
        int is_last_try = i + 1 == SEQUENCE_ROWS;
        int is_taken = 0;
        velo_status st = is_last_try
                             ? vl_rows_update(ctx, statement, table, row, &id, &last, 1) /* SQ2 */
                             : vl_rows_try_update(ctx, statement, table, row, &update, &is_taken);

        if (st == VELO_OK && !is_taken)
            *kept_by = row;
        if (st == VELO_NOTFOUND) /* a trigger has deleted the row */
            vl_error_clear(ctx);
        else
            VL_TRY(st);
    }
    return VELO_OK;
}

static velo_status
sequence_keep(vl_ctx *ctx, const vl_source *all, vl_edit_sequence *sequence)
{
    const char *name = sequence->def->object.name;
    vl_value row[2] = {{.type = VL_TYPE_TEXT, .size = (uint32_t)strlen(name), .as.data = name},
                       vl_value_of_integer(sequence->last)};
    vl_source source = vl_source_of(all, sequence->def);
    vl_txn_table *table = NULL;
    int64_t kept_by;

    VL_TRY(sequence_open(ctx, &source, sequence->def, &table));
    VL_TRY(sequence_try_rows(ctx, source.statement, table, sequence, &kept_by));
    if (kept_by == 0)
        VL_TRY(vl_rows_append(ctx, source.statement, table, row, &kept_by)); /* keeps SQ1 */
    if (sequence->row_count < 2 || !vl_statement_is_alone(source.statement))
        return VELO_OK;
    for (uint32_t i = 0; i < sequence->row_count; i++) {
        int is_taken;
        velo_status st;

        if (sequence->rows[i] == kept_by)
            continue;
        st = vl_rows_try_delete(ctx, source.statement, table, sequence->rows[i], &is_taken);
        if (st == VELO_NOTFOUND)
            vl_error_clear(ctx);
        else
            VL_TRY(st);
    }
    return VELO_OK;
}

velo_status
vl_sequences_keep(vl_ctx *ctx, vl_exec *exec)
{
    for (vl_edit_sequence *sequence = exec->sequences; sequence != NULL; sequence = sequence->next)
        if (sequence->is_read)
            VL_TRY(sequence_keep(ctx, exec->env.source, sequence));
    return VELO_OK;
}

/* ---- several rows of one table ---- */

/* All rows, as they are read. */
typedef struct sequence_list {
    const vl_schema *schema;
    vl_arena *arena;
    sequence_row *rows;
    uint32_t count;
    uint32_t room;
} sequence_list;

/* sequence_visit: of all tables. */
static velo_status
sequence_note(vl_ctx *ctx, void *argument, int64_t rowid, const vl_value *name, int64_t last)
{
    sequence_list *list = argument;
    sequence_row row = {.rowid = rowid, .last = last};
    const vl_table_def *def;

    if (list->count == list->room) {
        uint32_t room = list->room == 0 ? 16 : 2 * list->room;
        sequence_row *more = vl_arena_alloc_array(list->arena, room, sizeof *more);

        if (more == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate a list of sequences");
        if (list->count > 0)
            memcpy(more, list->rows, list->count * sizeof *more);
        list->rows = more;
        list->room = room;
    }
    def = name->type == VL_TYPE_TEXT ? vl_schema_table(list->schema, name->as.data, name->size)
                                     : NULL;
    if (def != NULL && def->is_autoincrement) {
        row.name = def->object.name; /* one pointer for each table */
        row.name_size = (uint32_t)strlen(row.name);
    }
    list->rows[list->count++] = row;
    return VELO_OK;
}

/* Rows of a table together, the greatest number first. */
static int
sequence_by_table(const void *left, const void *right)
{
    const sequence_row *a = left, *b = right;

    if (a->name != b->name)
        return a->name < b->name ? -1 : 1;
    if (a->last != b->last)
        return a->last > b->last ? -1 : 1;
    return (a->rowid > b->rowid) - (a->rowid < b->rowid);
}

static int
sequence_by_rowid(const void *left, const void *right)
{
    const int64_t *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

/* Read all rows; those that are hidden come first: *hidden of them. Keeps SQ3. */
static velo_status
sequence_sort(vl_ctx *ctx, vl_txn_table *table, const vl_view *view, sequence_list *list,
              int64_t **rowids, uint32_t *hidden)
{
    uint32_t shown = 0;

    VL_TRY(sequence_scan(ctx, table, view, sequence_note, list));
    *hidden = 0;
    *rowids = vl_arena_alloc_array(list->arena, list->count + 1U, sizeof **rowids);
    if (*rowids == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a list of sequences");
    if (list->count == 0)
        return VELO_OK;
    qsort(list->rows, list->count, sizeof *list->rows, sequence_by_table);
    for (uint32_t i = 0; i < list->count; i++) {
        const sequence_row *row = list->rows + i;

        if (i > 0 && row->name != NULL && row->name == row[-1].name)
            (*rowids)[(*hidden)++] = row->rowid;
        else
            (*rowids)[list->count - ++shown] = row->rowid;
    }
    qsort(*rowids + *hidden, shown, sizeof **rowids, sequence_by_rowid);
    return VELO_OK;
}

velo_status
vl_sequence_rows(vl_ctx *ctx, vl_arena *arena, const vl_table_def *def, vl_txn_table *table,
                 const vl_view *view, int64_t **rowids, uint32_t *count)
{
    sequence_list list = {.schema = def->schema, .arena = arena};
    uint32_t hidden;

    VL_TRY(sequence_sort(ctx, table, view, &list, rowids, &hidden));
    *count = list.count - hidden;
    *rowids = hidden > 0 ? *rowids + hidden : NULL;
    return VELO_OK;
}

/* Delete what is hidden. */
static velo_status
sequence_unite(vl_ctx *ctx, vl_arena *arena, const vl_source *source, const vl_table_def *def)
{
    sequence_list list = {.schema = def->schema, .arena = arena};
    vl_view view = vl_statement_newest(source->statement);
    vl_txn_table *table = NULL;
    int64_t *rowids;
    uint32_t hidden;

    VL_TRY(vl_rows_open(ctx, source->store, def->object.tree, &table));
    VL_TRY(sequence_sort(ctx, table, &view, &list, &rowids, &hidden));
    for (uint32_t i = 0; i < hidden; i++)
        VL_TRY(vl_rows_delete(ctx, source->statement, table, rowids[i]));
    return VELO_OK;
}

velo_status
vl_sequence_unite(vl_ctx *ctx, const vl_source *source, const vl_table_def *def)
{
    vl_arena arena;
    velo_status st;

    vl_arena_init(&arena, ctx->allocator, 0);
    st = sequence_unite(ctx, &arena, source, def);
    vl_arena_deinit(&arena);
    if (st == VELO_OK)
        vl_rows_set_sequences(source->statement);
    return st;
}
