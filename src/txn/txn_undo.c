/* txn_undo.c - undoing changes, one step at a time: page, chain and log of changes in one section.
 *
 *    kind       in the page                                  in the chain
 *    INSERT     the row or entry goes                        the record goes
 *    REINSERT   the tombstone's row is put back, as one;     the record goes
 *               if none was kept, the row goes
 *    UPDATE     the old columns are put back                 the record goes
 *    DELETE     the tombstone is a row again                 the record goes
 *    RANGE      the last row of the range goes               the range is one row shorter
 *
 * Nothing of this is logged: what did not commit, or was discarded, is never applied (hazard 3).
 * Long values that the undone version had are freed; those that come back had never gone.
 *
 * Invariants
 *   TU1  A step either is made as a whole or has changed nothing, and can be tried again. */
#include "txn/txn_int.h"

#include "base/assert.h"

#include <inttypes.h>

/* A step. */
typedef struct undo_step {
    vl_txn *txn;       /* whose */
    vl_writer *writer; /* whose memory is used */
    vl_txn_tree *tree; /* where */
    vl_undo *record;   /* what is undone */
} undo_step;

/* The page does not have what was changed there. */
static velo_status
undo_contradicts(vl_ctx *ctx, const undo_step *step)
{
    return vl_fail(ctx, VELO_CORRUPT,
                   "tree %" PRIu64 ": a change of transaction %" PRIu64
                   " cannot be undone, since it is not there (row %" PRId64 ")",
                   step->tree->id, step->txn->number, step->record->rowid);
}

/* Take the record out of its chain and of its log: in the section. */
static void
undo_take_out(const undo_step *step, const vl_page_ref *leaf)
{
    vl_versions map = vl_txn_map(step->tree, leaf);

    vl_versions_pop(step->txn->store->pool, &map, step->record);
    vl_txn_set_map(step->tree, leaf, map);
    vl_undo_pop(step->txn->log);
}

/* ---- rows ---- */

static vl_table_action
undo_row_action(const vl_undo *record)
{
    switch (record->kind) {
    case VL_UNDO_UPDATE:
        return VL_TABLE_UPDATE;
    case VL_UNDO_REINSERT:
        return record->column_count > 0 ? VL_TABLE_UPDATE : VL_TABLE_PURGE;
    case VL_UNDO_DELETE:
        return VL_TABLE_UNMARK;
    default:
        return VL_TABLE_PURGE;
    }
}

/* The rowid of the row that has gone is the next one again, if it was the last. */
static void
undo_row_gone(const undo_step *step, int64_t rowid)
{
    int64_t next = rowid < INT64_MAX ? rowid + 1 : rowid;

    (void)atomic_compare_exchange_strong_explicit(&step->tree->next_rowid, &next, INT64_MIN,
                                                  memory_order_relaxed, memory_order_relaxed);
    vl_txn_forget_sequence(step->txn, step->tree, rowid);
}

/* The rest of a step, once the page has changed: in the section. */
static void
undo_row_applied(const undo_step *step, vl_table_write *write)
{
    vl_undo *record = step->record;

    if (record->kind == VL_UNDO_RANGE) {
        int64_t last = record->last;
        int is_gone = last == record->rowid;

        vl_ranges_shrink(step->tree->ranges, record, last - 1); /* no range begins at INT64_MIN */
        if (is_gone)
            vl_undo_pop(step->txn->log);
        return;
    }
    if (record->kind == VL_UNDO_REINSERT && record->column_count > 0)
        vl_leaf_mark_deleted(write->leaf.page, write->slot);
    undo_take_out(step, &write->leaf);
}

static velo_status
undo_row(vl_ctx *ctx, const undo_step *step)
{
    const vl_undo *record = step->record;
    const vl_layout *layout = atomic_load_explicit(&step->tree->base->layout, memory_order_acquire);
    int64_t rowid = record->kind == VL_UNDO_RANGE ? record->last : record->rowid;
    vl_table_op op = {.action = undo_row_action(record),
                      .rowid = rowid,
                      .schema = &layout->leaf,
                      .changes = record->columns,
                      .change_count = record->column_count,
                      .frees_old = 1};
    vl_table_write write;
    velo_status st;

    st = vl_table_write_begin(ctx, &step->tree->base->tree, vl_operation_work(step->writer), &op,
                              &write);
    while (st == VELO_OK) {
        if (!write.is_possible) {
            st = undo_contradicts(ctx, step);
        } else if (vl_table_write_enter(&write)) {
            vl_table_write_apply(&write);
            undo_row_applied(step, &write);
            vl_table_write_leave(&write);
            break;
        } else {
            st = vl_table_write_retry(ctx, &write);
        }
    }
    vl_table_write_end(ctx, &write);
    if (st == VELO_OK && op.action == VL_TABLE_PURGE)
        undo_row_gone(step, rowid);
    return st;
}

/* ---- entries ---- */

static vl_tree_key_action
undo_key_action(const vl_undo *record)
{
    if (record->kind == VL_UNDO_DELETE)
        return VL_TREE_KEY_UNMARK;
    if (record->kind == VL_UNDO_REINSERT && record->column_count > 0)
        return VL_TREE_KEY_REPLACE;
    return VL_TREE_KEY_REMOVE;
}

static velo_status
undo_key(vl_ctx *ctx, const undo_step *step)
{
    const vl_undo *record = step->record;
    const vl_tree *tree = &step->tree->base->tree;
    vl_tree_key_op op = {
        .action = undo_key_action(record), .key = record->key, .key_size = record->key_size};
    vl_tree_key_write write;
    velo_status st;

    if (op.action == VL_TREE_KEY_REPLACE) {
        op.value = record->columns[0].value.value.as.data;
        op.value_size = record->columns[0].value.value.size;
    }
    /* The record, and the key with it, goes in the section; the end of the change wants the key. */
    op.key = vl_arena_copy(vl_operation_arena(step->writer), record->key, record->key_size);
    if (op.key == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a copy of a key");
    st = vl_tree_key_write_begin(ctx, tree, vl_operation_work(step->writer), &op, &write);
    while (st == VELO_OK) {
        if (!write.is_possible) {
            st = undo_contradicts(ctx, step);
        } else if (vl_tree_key_write_enter(&write)) {
            vl_tree_key_write_apply(&write);
            if (op.action == VL_TREE_KEY_REPLACE)
                vl_node_key_mark(write.leaf.page, tree->page_size, write.index, 1);
            undo_take_out(step, &write.leaf);
            vl_tree_key_write_leave(&write);
            break;
        } else {
            st = vl_tree_key_write_retry(ctx, &write);
        }
    }
    vl_tree_key_write_end(ctx, &write);
    return st;
}

/* ---- trees ---- */

/* A tree that was created goes at once: nobody else knows it. */
static velo_status
undo_created(vl_ctx *ctx, const undo_step *step)
{
    VL_TRY(vl_operation_drop_tree(ctx, step->writer, step->tree->base));
    vl_txn_tree_forget(step->txn->store, step->tree);
    vl_undo_pop(step->txn->log);
    return VELO_OK;
}

/* ---- all ---- */

static velo_status
undo_any(vl_ctx *ctx, undo_step *step)
{
    VL_TRY(vl_txn_tree_get(ctx, step->txn->store, step->record->tree, &step->tree));
    switch (step->record->kind) {
    case VL_UNDO_TREE_CREATED:
        return undo_created(ctx, step);
    case VL_UNDO_TREE_DROPPED: /* nothing was done yet */
        vl_txn_stay(step->txn, step->record->tree);
        vl_txn_unlink_drop(step->record);
        vl_undo_pop(step->txn->log);
        return VELO_OK;
    case VL_UNDO_INSERT:
    case VL_UNDO_REINSERT:
    case VL_UNDO_UPDATE:
    case VL_UNDO_DELETE:
    case VL_UNDO_RANGE:
        return step->record->key != NULL ? undo_key(ctx, step) : undo_row(ctx, step);
    case VL_UNDO_MERGED:
    case VL_UNDO_OVERFLOW:
        break;
    }
    return vl_fail(ctx, VELO_INTERNAL, "a change of an unknown kind cannot be undone");
}

velo_status
vl_txn_undo_last(vl_ctx *ctx, vl_txn *txn, vl_writer *writer)
{
    undo_step step = {.txn = txn, .writer = writer, .record = vl_undo_last(txn->log)};
    int is_tree = step.record->kind == VL_UNDO_TREE_CREATED;
    velo_status st;

    vl_operation_begin(writer);
    st = undo_any(ctx, &step);
    vl_operation_end(writer);
    vl_undo_pool_settle(txn->store->pool, 1);
    if (st == VELO_OK && is_tree)
        vl_operation_return_pages(ctx, writer);
    return st;
}
