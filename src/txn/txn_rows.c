/* txn_rows.c - changing rows in transactions.
 *
 * One change, within an operation (T1):
 *
 *    the log record is made ready, long values are written     nothing is latched
 *    the leaf is latched, with room for the change              vl_table_write_begin
 *      the row's state there, its chain, its range: may it be   visible.h; hazards 21, 22
 *      changed?                                                 else: wait, conflict, not there
 *      the undo record is made                                  may fail
 *      section: log, page, undo record into the map             cannot fail
 *
 * Rows that are added at the right edge share a range record (hazard 19): the first one makes it,
 * the next extends it, until a statement or a mark begins. A statement that reads no rows goes on
 * with the record of the one before, wherever that lies in the log: what lies behind it speaks of
 * entries, or of other trees, or of rows that it has already.
 *
 * Invariants
 *   TX1  A rowid enters a range only where neither row, tombstone, chain nor range was (ranges.h).
 *   TX2  A long value that is replaced is named by the undo record, and not freed here; where no
 *        record is kept of it, it is.
 *   TX3  A row is put into the range of an earlier statement only where nobody can tell: no other
 *        statement is open, and its own reads no rows as of its begin; and never into one that
 *        began before a mark of the caller's, since a checkpoint lists a range as a whole, and
 *        recovery takes back whole ranges (11, items 4 and 19). vl_txn.growing is the only range
 *        that may be: marks of the caller's, and going back, forget it. The begin of a statement is
 *        no such mark, nor is vl_statement_pause: who goes back to these has put no row since. */
#include "txn/txn_rows.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/rng.h"
#include "txn/txn_int.h"

#include <inttypes.h>
#include <string.h>

/* Tries at the end of the numbers, as SQLite's. */
#define ROWS_RANDOM_TRIES 100U

typedef enum rows_what {
    ROWS_INSERT,
    ROWS_UPDATE,
    ROWS_DELETE
} rows_what;

/* A change on its way. */
typedef struct rows_change {
    vl_txn_change change;    /* whose, and what becomes of it */
    rows_what what;          /* insert, update, delete */
    const vl_layout *layout; /* the table's columns */
    vl_leaf_value *values;   /* insert: one for each column; update: for each that changes */
    const uint32_t *ids;     /* update: which */
    uint32_t count;          /* update: how many */
    vl_table_op op;          /* in the tree */
    vl_writer_record ready;  /* log record */
    vl_undo *record;         /* undo record, not linked yet; NULL: none */
    vl_undo *range;          /* insert: the range that is extended instead */
    int is_promised;         /* the table's ranges have room for `record` */
    int is_fresh;            /* the tree goes as a whole if anything does: no record is kept */
    int skips;               /* do not wait, and do not fail for what others have done */
    int is_taken;            /* with `skips`: others are in the way of an update or deletion */
    vl_txn_horizon horizon;  /* for tombstones that are in the way */
    int has_horizon;         /* it has been collected */
} rows_change;

/* ---- what is known of the row ---- */

static vl_row_state
rows_state(vl_leaf_state state)
{
    if (state == VL_LEAF_LIVE)
        return VL_ROW_LIVE;
    return state == VL_LEAF_TOMBSTONE ? VL_ROW_DELETED : VL_ROW_ABSENT;
}

/* Look at the row under the leaf's exclusive latch. */
static vl_versioned
rows_look(rows_change *self, const vl_table_write *write)
{
    vl_txn_tree *tree = self->change.tree;
    vl_versioned row = {.page = rows_state(write->state)};

    row.newest =
        vl_txn_shorten(tree, self->change.session->txn, &write->leaf, self->op.rowid, NULL, 0);
    row.origin = vl_ranges_find(tree->ranges, self->op.rowid);
    return row;
}

/* vl_table_op.is_purgeable: whether a tombstone of a page that is built anew may go. */
static int
rows_is_purgeable(void *argument, const vl_page_ref *leaf, int64_t rowid)
{
    rows_change *self = argument;
    vl_txn_tree *tree = self->change.tree;

    if (!self->has_horizon)
        vl_txn_get_horizon(tree->store, &self->horizon);
    self->has_horizon = 1;
    vl_undo_pool_touch(tree->store->pool, 1);
    return vl_prune_can_purge(&self->horizon.horizon,
                              vl_versions_find_row(vl_txn_map(tree, leaf), rowid),
                              vl_ranges_find(tree->ranges, rowid));
}

/* ---- whether it may be changed ---- */

static velo_status
rows_missing(vl_ctx *ctx, const rows_change *self)
{
    return vl_fail(ctx, VELO_NOTFOUND, "tree %" PRIu64 " has no row %" PRId64,
                   self->change.tree->id, self->op.rowid);
}

/* Whether the row may be updated or deleted: VELO_OK and *may 1. */
static velo_status
rows_judge_change(vl_ctx *ctx, rows_change *self, const vl_versioned *row, int *may)
{
    const vl_view *view = &self->change.statement->view;
    const vl_txn_status *owner;

    switch (vl_view_check_write(view, row, &owner)) {
    case VL_WRITE_FREE:
    case VL_WRITE_REREAD: /* on top of what the transaction has done to it */
        if (row->page != VL_ROW_LIVE)
            return rows_missing(ctx, self);
        *may = self->what != ROWS_DELETE || !vl_txn_is_held(&self->change);
        return VELO_OK;
    case VL_WRITE_WAIT:
        vl_txn_note_owner(&self->change, owner);
        return VELO_OK;
    case VL_WRITE_UNDO:
        self->change.verdict = VL_TXN_UNDO_LEFT;
        return VELO_OK;
    case VL_WRITE_CONFLICT:
        if (self->skips) {
            self->is_taken = 1;
            return VELO_OK;
        }
        break;
    }
    return vl_txn_conflict(ctx, &self->change, row);
}

static velo_status
rows_exists(vl_ctx *ctx, const rows_change *self)
{
    return vl_fail(ctx, VELO_CONSTRAINT, "tree %" PRIu64 " has a row %" PRId64 " already",
                   self->change.tree->id, self->op.rowid);
}

static velo_status
rows_judge_insert(vl_ctx *ctx, rows_change *self, const vl_versioned *row, int *may)
{
    const vl_txn_status *owner;

    switch (vl_view_check_insert(&self->change.statement->view, row, &owner)) {
    case VL_INSERT_FREE:
        *may = 1;
        return VELO_OK;
    case VL_INSERT_EXISTS:
        return rows_exists(ctx, self);
    case VL_INSERT_WAIT:
        if (self->skips)
            return rows_exists(ctx, self);
        vl_txn_note_owner(&self->change, owner);
        return VELO_OK;
    case VL_INSERT_UNDO:
        self->change.verdict = VL_TXN_UNDO_LEFT;
        return VELO_OK;
    case VL_INSERT_CONFLICT:
        if (self->skips)
            return rows_exists(ctx, self);
        break;
    }
    return vl_txn_conflict(ctx, &self->change, row);
}

/* ---- the undo record ---- */

/* The value that the row has in the page. */
static vl_leaf_value
rows_old_value(const rows_change *self, const vl_table_write *write, uint32_t id)
{
    const vl_leaf *leaf = write->leaf.page;
    int index = vl_leaf_column_index(leaf, id);
    vl_leaf_value value;

    if (index < 0)
        return self->layout->columns.defaults[vl_layout_find(self->layout, id)];
    vl_leaf_get(leaf, write->slot, (uint32_t)index, &value);
    return value;
}

/* The columns that the page loses. */
static velo_status
rows_take_old(vl_ctx *ctx, const rows_change *self, const vl_table_write *write,
              const uint32_t *ids, uint32_t count, vl_undo_change *change)
{
    vl_arena *arena = vl_operation_arena(self->change.session->writer);
    vl_leaf_change *columns = vl_arena_alloc_array(arena, count, sizeof *columns);

    if (columns == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate memory for the older version of a row");
    for (uint32_t i = 0; i < count; i++)
        columns[i] = (vl_leaf_change){ids[i], rows_old_value(self, write, ids[i])};
    change->columns = columns;
    change->column_count = count;
    return VELO_OK;
}

vl_txn_range *
vl_txn_find_range(vl_txn *txn, const vl_txn_tree *tree)
{
    for (uint32_t i = 0; i < txn->range_count; i++)
        if (txn->ranges[i].tree == tree)
            return txn->ranges + i;
    return NULL;
}

/* Whether a new row can be of a range: TX1; and comes behind all others, so that ranges are few. */
static int
rows_suits_range(const rows_change *self, const vl_table_write *write, const vl_versioned *row)
{
    const vl_leaf *leaf = write->leaf.page;

    return row->page == VL_ROW_ABSENT && row->newest == NULL && row->origin.status == NULL &&
           self->op.rowid != INT64_MIN && write->range.last == INT64_MAX &&
           vl_leaf_seek(leaf, self->op.rowid) == leaf->count;
}

/* The range that a new row may be put into, though that began in an earlier statement; or NULL.
 * Keeps TX3. */
static vl_undo *
rows_last_range(const rows_change *self)
{
    const vl_session *session = self->change.session;
    vl_undo *range = session->txn->growing;

    if (range == NULL || !self->change.statement->is_blind ||
        session->statements != self->change.statement || session->statements->next != NULL ||
        range->tree != self->change.tree->id || range->last != self->op.rowid - 1)
        return NULL;
    return range;
}

/* Get ready to record an insert by a range: extend one, or make a new one. */
static velo_status
rows_prepare_range(vl_ctx *ctx, rows_change *self)
{
    const vl_view *view = &self->change.statement->view;
    vl_txn_range *range = vl_txn_find_range(self->change.session->txn, self->change.tree);
    vl_undo_change change = {.kind = VL_UNDO_RANGE,
                             .statement = view->statement,
                             .tree = self->change.tree->id,
                             .rowid = self->op.rowid};

    if (range != NULL && range->record->statement == view->statement &&
        range->record->last == self->op.rowid - 1) {
        self->range = range->record;
        return VELO_OK;
    }
    self->range = rows_last_range(self);
    if (self->range != NULL)
        return VELO_OK;
    vl_txn_merge_ranges(self->change.tree);
    VL_TRY(vl_ranges_reserve(ctx, self->change.tree->ranges));
    self->is_promised = 1;
    return vl_undo_append(ctx, self->change.session->txn->log, &change, &self->record);
}

static velo_status
rows_prepare_insert(vl_ctx *ctx, rows_change *self, const vl_table_write *write,
                    const vl_versioned *row, vl_undo_change *change)
{
    if (rows_suits_range(self, write, row))
        return rows_prepare_range(ctx, self);
    change->kind = VL_UNDO_INSERT;
    if (row->page == VL_ROW_DELETED) {
        change->kind = VL_UNDO_REINSERT;
        if (row->newest != NULL)
            VL_TRY(rows_take_old(ctx, self, write, self->layout->columns.ids,
                                 self->layout->columns.count, change));
        self->op.frees_old = row->newest == NULL; /* TX2 */
    }
    return vl_undo_append(ctx, self->change.session->txn->log, change, &self->record);
}

/* Make the undo record, before the section. */
static velo_status
rows_prepare(vl_ctx *ctx, rows_change *self, const vl_table_write *write, const vl_versioned *row)
{
    vl_undo_change change = {.statement =
                                 vl_view_write_statement(&self->change.statement->view, row),
                             .tree = self->change.tree->id,
                             .rowid = self->op.rowid};

    self->record = NULL;
    self->range = NULL;
    self->is_promised = 0;
    self->op.frees_old = self->is_fresh; /* TX2 */
    if (self->is_fresh)
        return VELO_OK;
    if (self->what == ROWS_INSERT)
        return rows_prepare_insert(ctx, self, write, row, &change);
    change.kind = self->what == ROWS_UPDATE ? VL_UNDO_UPDATE : VL_UNDO_DELETE;
    if (self->what == ROWS_UPDATE)
        VL_TRY(rows_take_old(ctx, self, write, self->ids, self->count, &change));
    return vl_undo_append(ctx, self->change.session->txn->log, &change, &self->record);
}

/* Give it back: the change is not made, or tried again. */
static void
rows_unprepare(rows_change *self)
{
    if (self->record != NULL)
        vl_undo_pop(self->change.session->txn->log);
    if (self->is_promised)
        vl_ranges_unreserve(self->change.tree->ranges);
    self->record = NULL;
    self->range = NULL;
    self->is_promised = 0;
}

void
vl_txn_note_range(vl_txn *txn, vl_txn_tree *tree, vl_undo *record)
{
    vl_txn_range *range = vl_txn_find_range(txn, tree);

    if (range == NULL)
        range = txn->range_count < VL_TXN_RANGES ? &txn->ranges[txn->range_count++]
                                                 : &txn->ranges[record->rowid & 1];
    *range = (vl_txn_range){tree, record};
    txn->growing = record;
}

/* In the section. */
static void
rows_apply(rows_change *self, vl_table_write *write)
{
    vl_txn_tree *tree = self->change.tree;
    uint64_t position = vl_operation_append(&self->ready);

    vl_table_write_apply(write);
    if (self->is_fresh)
        return;
    if (self->range != NULL) {
        VL_CHECK(vl_ranges_extend(tree->ranges, self->range, self->op.rowid)); /* TX1 */
        return;
    }
    vl_undo_set_position(self->record, position);
    if (self->record->kind == VL_UNDO_RANGE) {
        vl_ranges_add(tree->ranges, self->record);
        vl_txn_note_range(self->change.session->txn, tree, self->record);
    } else {
        vl_versions map = vl_txn_map(tree, &write->leaf);

        vl_versions_push(tree->store->pool, &map, self->record);
        vl_txn_set_map(tree, &write->leaf, map);
    }
}

/* ---- one change ---- */

/* The leaf is latched: make the change, or find out why not. */
static velo_status
rows_try_leaf(vl_ctx *ctx, rows_change *self, vl_table_write *write)
{
    velo_status st;

    for (;;) {
        vl_versioned row = rows_look(self, write);
        int may = 0;

        st = self->what == ROWS_INSERT ? rows_judge_insert(ctx, self, &row, &may)
                                       : rows_judge_change(ctx, self, &row, &may);
        if (st != VELO_OK || !may)
            return st;
        VL_ASSERT(write->is_possible);
        st = rows_prepare(ctx, self, write, &row);
        if (st == VELO_OK && vl_table_write_enter(write)) {
            rows_apply(self, write);
            vl_table_write_leave(write);
            return VELO_OK;
        }
        rows_unprepare(self);
        VL_TRY(st);
        VL_TRY(vl_table_write_retry(ctx, write));
    }
}

/* Log what is to be done. */
static velo_status
rows_log(vl_ctx *ctx, rows_change *self)
{
    vl_record record = {.tree = self->change.tree->id, .rowid = self->op.rowid};
    vl_leaf_schema changed = {self->ids, NULL, (uint16_t)self->count, 0};
    const vl_leaf_schema *schema = NULL;

    switch (self->what) {
    case ROWS_INSERT:
        record.type = VL_RECORD_TABLE_INSERT;
        schema = &self->layout->columns;
        break;
    case ROWS_UPDATE:
        record.type = VL_RECORD_TABLE_UPDATE;
        schema = &changed;
        break;
    case ROWS_DELETE:
        record.type = VL_RECORD_TABLE_DELETE;
        break;
    }
    return vl_operation_log(ctx, self->change.session->writer, &record, schema, self->values,
                            &self->ready);
}

/* Values as leaves take them, in the operation's arena. */
static velo_status
rows_take_values(vl_ctx *ctx, rows_change *self, const vl_value *values, uint32_t count)
{
    vl_arena *arena = vl_operation_arena(self->change.session->writer);
    vl_leaf_change *changes = NULL;

    self->values = vl_arena_alloc_array(arena, count, sizeof *self->values);
    if (self->what == ROWS_UPDATE)
        changes = vl_arena_alloc_array(arena, count, sizeof *changes);
    if (self->values == NULL || (self->what == ROWS_UPDATE && changes == NULL))
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate memory for a row");
    for (uint32_t i = 0; i < count; i++) {
        if (values[i].size > VL_OVERFLOW_MAX_SIZE)
            return vl_fail(ctx, VELO_TOOBIG, "value %u has %u bytes: at most %u are possible", i,
                           values[i].size, VL_OVERFLOW_MAX_SIZE);
        self->values[i].value = values[i];
        if (changes != NULL)
            changes[i] = (vl_leaf_change){self->ids[i], self->values[i]};
    }
    self->op.values = self->values;
    self->op.changes = changes;
    self->op.change_count = changes != NULL ? count : 0;
    return VELO_OK;
}

/* Try the change once, in an operation. */
static velo_status
rows_try(vl_ctx *ctx, rows_change *self, const vl_value *values, uint32_t count)
{
    vl_session *session = self->change.session;
    vl_table_write write;
    velo_status st = VELO_OK;

    self->change.verdict = VL_TXN_DONE;
    self->has_horizon = 0;
    vl_operation_begin(session->writer);
    memset(&self->ready, 0, sizeof self->ready);
    vl_table_approach(&self->change.tree->base->tree, vl_operation_work(session->writer),
                      self->op.rowid);
    if (count > 0)
        st = rows_take_values(ctx, self, values, count);
    if (st == VELO_OK)
        st = rows_log(ctx, self);
    if (st == VELO_OK) {
        st = vl_table_write_begin(ctx, &self->change.tree->base->tree,
                                  vl_operation_work(session->writer), &self->op, &write);
        if (st == VELO_OK)
            st = rows_try_leaf(ctx, self, &write);
        vl_table_write_end(ctx, &write);
        vl_operation_log_done(&self->ready);
    }
    vl_operation_end(session->writer);
    return st;
}

/* Make the change, waiting for others as long as that takes. */
static velo_status
rows_change_row(vl_ctx *ctx, rows_change *self, const vl_value *values, uint32_t count)
{
    for (;;) {
        VL_TRY(rows_try(ctx, self, values, count));
        if (self->change.verdict == VL_TXN_DONE)
            break;
        if (self->skips && self->change.verdict == VL_TXN_WAIT) {
            vl_txn_forget_owners(&self->change);
            self->is_taken = 1;
            return VELO_OK;
        }
        VL_TRY(vl_txn_await(ctx, &self->change));
    }
    vl_txn_count_change(ctx, self->change.session);
    vl_operation_tend(ctx, self->change.tree->store->base);
    return VELO_OK;
}

static void
rows_init(rows_change *self, vl_statement *statement, vl_txn_table *table, rows_what what,
          int64_t rowid)
{
    static const vl_table_action actions[] = {[ROWS_INSERT] = VL_TABLE_INSERT,
                                              [ROWS_UPDATE] = VL_TABLE_UPDATE,
                                              [ROWS_DELETE] = VL_TABLE_MARK};

    /* The horizon is large, and filled when it is wanted. */
    memset(self, 0, offsetof(rows_change, horizon));
    self->has_horizon = 0;
    self->what = what;
    self->layout = atomic_load_explicit(&table->tree.base->layout, memory_order_acquire);
    self->change.session = statement->session;
    self->change.statement = statement;
    self->change.tree = &table->tree;
    self->change.wait_kind = VL_WAIT_ROW;
    self->change.rowid = rowid;
    self->op.action = actions[what];
    self->is_fresh = vl_txn_is_fresh(statement->session, &table->tree);
    if (self->is_fresh && what == ROWS_DELETE)
        self->op.action = VL_TABLE_PURGE;
    self->op.rowid = rowid;
    self->op.schema = &self->layout->leaf;
    self->op.is_purgeable = rows_is_purgeable;
    self->op.argument = self;
}

/* ---- the next rowid ---- */

velo_status
vl_txn_find_next(vl_ctx *ctx, vl_txn_tree *tree, int with_tombstones, int64_t *next)
{
    vl_rowid_range all = {INT64_MIN, INT64_MAX};
    vl_table_scan scan;
    velo_status st = VELO_OK;
    int is_found = 0;

    *next = 1;
    vl_table_scan_begin(&scan, &tree->base->tree, all, 1);
    while (!is_found) {
        st = vl_table_scan_next(ctx, &scan);
        if (st != VELO_OK || scan.leaf == NULL)
            break;
        for (uint32_t rank = scan.rank_end; rank > scan.rank_first && !is_found; rank--) {
            uint32_t slot = vl_leaf_slot_at(scan.leaf, rank - 1);
            vl_leaf_state state = vl_leaf_slot_state(scan.leaf, slot);

            if (state != VL_LEAF_LIVE && (state != VL_LEAF_TOMBSTONE || !with_tombstones))
                continue;
            is_found = 1;
            *next = vl_leaf_rowid(scan.leaf, slot);
            *next = *next == INT64_MAX ? INT64_MIN : *next + 1;
        }
    }
    vl_table_scan_end(&scan);
    return st;
}

/* Draw the next rowid; INT64_MIN: the numbers are at their end. */
static velo_status
rows_draw(vl_ctx *ctx, vl_txn_tree *tree, int with_tombstones, int64_t *rowid)
{
    int64_t next = atomic_load_explicit(&tree->next_rowid, memory_order_relaxed);
    int64_t unknown = INT64_MIN, found;

    if (next == INT64_MIN || with_tombstones) {
        VL_TRY(vl_txn_find_next(ctx, tree, with_tombstones, &found));
        if (found == INT64_MIN) {
            *rowid = INT64_MIN;
            return VELO_OK;
        }
        if (next == INT64_MIN)
            (void)atomic_compare_exchange_strong_explicit(
                &tree->next_rowid, &unknown, found, memory_order_relaxed, memory_order_relaxed);
        next = atomic_load_explicit(&tree->next_rowid, memory_order_relaxed);
        if (with_tombstones && next < found)
            atomic_store_explicit(&tree->next_rowid, found, memory_order_relaxed);
    }
    next = atomic_load_explicit(&tree->next_rowid, memory_order_relaxed);
    while (next != INT64_MIN && next != INT64_MAX &&
           !atomic_compare_exchange_weak_explicit(&tree->next_rowid, &next, next + 1,
                                                  memory_order_relaxed, memory_order_relaxed))
        continue;
    /* Forgotten again meanwhile by somebody who deletes: any number will do for a try. */
    *rowid = next == INT64_MIN ? 1 : next;
    return VELO_OK;
}

velo_status
vl_txn_draw_rowids(vl_ctx *ctx, vl_txn_tree *tree, uint32_t count, int64_t *first)
{
    int64_t next = atomic_load_explicit(&tree->next_rowid, memory_order_relaxed);
    int64_t unknown = INT64_MIN, found;

    if (next == INT64_MIN) {
        VL_TRY(vl_txn_find_next(ctx, tree, 0, &found));
        (void)atomic_compare_exchange_strong_explicit(&tree->next_rowid, &unknown, found,
                                                      memory_order_relaxed, memory_order_relaxed);
        next = atomic_load_explicit(&tree->next_rowid, memory_order_relaxed);
    }
    while (next != INT64_MIN && next <= INT64_MAX - (int64_t)count &&
           !atomic_compare_exchange_weak_explicit(&tree->next_rowid, &next, next + count,
                                                  memory_order_relaxed, memory_order_relaxed))
        continue;
    *first = next <= INT64_MAX - (int64_t)count ? next : INT64_MIN;
    return VELO_OK;
}

/* The number behind a row is the next one again, if it was the last row. */
void
vl_txn_undraw_rowids(vl_txn_tree *tree, int64_t last)
{
    int64_t next = last < INT64_MAX ? last + 1 : last;

    (void)atomic_compare_exchange_strong_explicit(&tree->next_rowid, &next, INT64_MIN,
                                                  memory_order_relaxed, memory_order_relaxed);
}

velo_status
vl_txn_append_at(vl_ctx *ctx, vl_statement *statement, vl_txn_table *table, int64_t rowid,
                 const vl_value *values, int *is_taken)
{
    rows_change self;
    velo_status st;

    rows_init(&self, statement, table, ROWS_INSERT, rowid);
    self.skips = 1;
    st = rows_change_row(ctx, &self, values, self.layout->columns.count);
    *is_taken = st == VELO_CONSTRAINT;
    if (*is_taken)
        vl_error_clear(ctx);
    else if (st != VELO_OK)
        vl_txn_undraw_rowids(&table->tree, rowid); /* no gap is left */
    return *is_taken ? VELO_OK : st;
}

/* ---- public ---- */

velo_status
vl_rows_open(vl_ctx *ctx, vl_txn_store *store, vl_tree_id id, vl_txn_table **out)
{
    const vl_layout *layout;
    vl_txn_tree *tree;

    *out = NULL;
    VL_TRY(vl_txn_tree_get(ctx, store, id, &tree));
    if (tree->base->kind != VL_TREE_TABLE)
        return vl_fail(ctx, VELO_MISUSE, "tree %" PRIu64 " is no table", id);
    layout = atomic_load_explicit(&tree->base->layout, memory_order_acquire);
    if (layout->leaf.is_rows)
        return vl_fail(ctx, VELO_TOOBIG,
                       "tree %" PRIu64 " has more columns than transactions can do with", id);
    *out = (vl_txn_table *)tree;
    return VELO_OK;
}

vl_tree_id
vl_rows_tree(const vl_txn_table *table)
{
    return table->tree.id;
}

const vl_leaf_schema *
vl_rows_schema(const vl_txn_table *table)
{
    return &atomic_load_explicit(&table->tree.base->layout, memory_order_acquire)->columns;
}

velo_status
vl_rows_insert(vl_ctx *ctx, vl_statement *statement, vl_txn_table *table, int64_t rowid,
               const vl_value *values)
{
    int64_t next = atomic_load_explicit(&table->tree.next_rowid, memory_order_relaxed);
    rows_change self;

    VL_TRY(vl_txn_check_writing(ctx, statement));
    rows_init(&self, statement, table, ROWS_INSERT, rowid);
    VL_TRY(rows_change_row(ctx, &self, values, self.layout->columns.count));
    if (next != INT64_MIN && rowid >= next)
        atomic_store_explicit(&table->tree.next_rowid, INT64_MIN, memory_order_relaxed);
    return VELO_OK;
}

velo_status
vl_rows_draw(vl_ctx *ctx, vl_txn_table *table, int64_t *rowid)
{
    VL_TRY(rows_draw(ctx, &table->tree, 0, rowid));
    if (*rowid == INT64_MAX) /* it may be there */
        *rowid = INT64_MIN;
    return VELO_OK;
}

void
vl_rows_undraw(vl_txn_table *table, int64_t rowid)
{
    vl_txn_undraw_rowids(&table->tree, rowid);
}

velo_status
vl_rows_insert_drawn(vl_ctx *ctx, vl_statement *statement, vl_txn_table *table, int64_t rowid,
                     const vl_value *values, int *is_taken)
{
    VL_TRY(vl_txn_check_writing(ctx, statement));
    return vl_txn_append_at(ctx, statement, table, rowid, values, is_taken);
}

velo_status
vl_rows_append(vl_ctx *ctx, vl_statement *statement, vl_txn_table *table, const vl_value *values,
               int64_t *rowid)
{
    int is_taken = 1, is_at_end = 0;
    vl_rng rng;

    VL_TRY(vl_txn_check_writing(ctx, statement));
    for (uint32_t tries = 0; is_taken && !is_at_end; tries++) {
        VL_TRY(rows_draw(ctx, &table->tree, tries > 0, rowid));
        is_at_end = *rowid == INT64_MIN || (*rowid == INT64_MAX && tries > 0);
        if (!is_at_end)
            VL_TRY(vl_txn_append_at(ctx, statement, table, *rowid, values, &is_taken));
    }
    if (!is_taken)
        return VELO_OK;
    vl_rng_init(&rng, (uint64_t)statement->session->txn->number +
                          vl_wal_tail(vl_store_wal(table->tree.store->base)));
    for (uint32_t tries = 0; is_taken && tries < ROWS_RANDOM_TRIES; tries++) {
        *rowid = (int64_t)(vl_rng_next(&rng) >> 2) + 1;
        VL_TRY(vl_txn_append_at(ctx, statement, table, *rowid, values, &is_taken));
    }
    return is_taken ? vl_fail(ctx, VELO_FULL, "tree %" PRIu64 ": no free rowid was found",
                              table->tree.id)
                    : VELO_OK;
}

/* Update or, with no columns, delete; is_taken NULL: as long as it takes. */
static velo_status
rows_change_or_skip(vl_ctx *ctx, rows_change *self, const vl_value *values, uint32_t count,
                    int *is_taken)
{
    self->skips = is_taken != NULL;
    VL_TRY(rows_change_row(ctx, self, values, count));
    if (is_taken != NULL)
        *is_taken = self->is_taken;
    if (self->what == ROWS_DELETE && !self->is_taken)
        vl_txn_undraw_rowids(self->change.tree, self->op.rowid);
    return VELO_OK;
}

/* Both kinds of update. */
static velo_status
rows_update(vl_ctx *ctx, vl_statement *statement, vl_txn_table *table, int64_t rowid,
            const vl_row_update *update, int *is_taken)
{
    const uint32_t *ids = update->ids;
    rows_change self;

    VL_TRY(vl_txn_check_writing(ctx, statement));
    rows_init(&self, statement, table, ROWS_UPDATE, rowid);
    for (uint32_t i = 0; i < update->count; i++)
        if (vl_layout_find(self.layout, ids[i]) < 0 || (i > 0 && ids[i] <= ids[i - 1]))
            return vl_fail(ctx, VELO_MISUSE,
                           "tree %" PRIu64 ": column %u is not there or out of order",
                           table->tree.id, ids[i]);
    if (update->count == 0)
        return vl_fail(ctx, VELO_MISUSE, "an update of no columns");
    self.ids = ids;
    self.count = update->count;
    return rows_change_or_skip(ctx, &self, update->values, update->count, is_taken);
}

velo_status
vl_rows_update(vl_ctx *ctx, vl_statement *statement, vl_txn_table *table, int64_t rowid,
               const uint32_t *ids, const vl_value *values, uint32_t count)
{
    return rows_update(ctx, statement, table, rowid, &(vl_row_update){ids, values, count}, NULL);
}

velo_status
vl_rows_try_update(vl_ctx *ctx, vl_statement *statement, vl_txn_table *table, int64_t rowid,
                   const vl_row_update *update, int *is_taken)
{
    return rows_update(ctx, statement, table, rowid, update, is_taken);
}

velo_status
vl_rows_delete(vl_ctx *ctx, vl_statement *statement, vl_txn_table *table, int64_t rowid)
{
    rows_change self;

    VL_TRY(vl_txn_check_writing(ctx, statement));
    rows_init(&self, statement, table, ROWS_DELETE, rowid);
    return rows_change_or_skip(ctx, &self, NULL, 0, NULL);
}

velo_status
vl_rows_try_delete(vl_ctx *ctx, vl_statement *statement, vl_txn_table *table, int64_t rowid,
                   int *is_taken)
{
    rows_change self;

    VL_TRY(vl_txn_check_writing(ctx, statement));
    rows_init(&self, statement, table, ROWS_DELETE, rowid);
    return rows_change_or_skip(ctx, &self, NULL, 0, is_taken);
}
