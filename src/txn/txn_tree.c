/* txn_tree.c - creating and dropping trees in transactions.
 *
 * A tree that is created is in the store's directory at once; if its transaction does not commit it
 * is dropped: by rollback, or by recovery, to which its creation never happened. A tree that is
 * dropped stays as it is until the transaction has committed and no snapshot is older than that:
 * then it is dropped by who collects its transaction's log. Logs are collected in the order of
 * their ends, so no older version of one of its rows is left by then.
 *
 * Invariants
 *   TT1  A tree that is to be dropped is in `going` of its transaction, and from the commit on in
 *        that of the store, until it is.
 *   TT2  Its record counts as linked until then, so that the log stays and is collected; its tree
 * is 0 afterwards. */
#include "txn/txn_int.h"

#include "base/alloc.h"
#include "base/assert.h"

#include <inttypes.h>

uint32_t
vl_txn_max_columns(const vl_txn_store *store)
{
    return vl_leaf_max_columns(vl_cache_page_size(vl_store_cache(store->base)));
}

velo_status
vl_txn_create_tree(vl_ctx *ctx, vl_statement *statement, const vl_leaf_schema *schema,
                   vl_tree_id *id)
{
    vl_session *session = statement->session;
    vl_undo_change change = {.kind = VL_UNDO_TREE_CREATED, .statement = statement->view.statement};
    vl_txn_tree *tree;
    vl_undo *record;
    velo_status st;

    *id = 0;
    VL_TRY(vl_txn_check_writing(ctx, statement));
    if (schema != NULL && schema->count > vl_txn_max_columns(session->store))
        return vl_fail(ctx, VELO_TOOBIG, "%u columns: transactions can do with at most %u",
                       schema->count, vl_txn_max_columns(session->store));
    vl_operation_begin(session->writer);
    st = vl_undo_append(ctx, session->txn->log, &change, &record);
    if (st == VELO_OK) {
        vl_undo_set_position(record, vl_wal_tail(vl_store_wal(session->store->base)));
        st = vl_operation_create_tree(ctx, session->writer, schema, id);
        if (st == VELO_OK)
            record->tree = *id;
        else
            vl_undo_pop(session->txn->log);
    }
    vl_operation_end(session->writer);
    VL_TRY(st);
    vl_txn_count_change(ctx, session);
    VL_TRY(vl_txn_tree_get(ctx, session->store, *id, &tree)); /* else it goes with the statement */
    tree->created_by = session->txn->number;
    tree->created_at = session->mark_count;
    return VELO_OK;
}

velo_status
vl_txn_drop_tree(vl_ctx *ctx, vl_statement *statement, vl_tree_id id)
{
    vl_session *session = statement->session;
    vl_undo_change change = {
        .kind = VL_UNDO_TREE_DROPPED, .statement = statement->view.statement, .tree = id};
    vl_record logged = {.type = VL_RECORD_TREE_DROP, .tree = id};
    vl_txn_going *going;
    vl_txn_tree *tree;
    vl_undo *record;
    velo_status st;

    VL_TRY(vl_txn_check_writing(ctx, statement));
    VL_TRY(vl_txn_settle(ctx, session));
    VL_TRY(vl_txn_tree_get(ctx, session->store, id, &tree));
    going = vl_alloc_zero(ctx, sizeof *going);
    if (going == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the note of a tree that is dropped");
    going->tree = id;
    vl_operation_begin(session->writer);
    st = vl_undo_append(ctx, session->txn->log, &change, &record);
    if (st == VELO_OK) {
        vl_undo_set_position(record, vl_wal_tail(vl_store_wal(session->store->base)));
        st = vl_operation_log_alone(ctx, session->writer, &logged, NULL, NULL);
        if (st != VELO_OK)
            vl_undo_pop(session->txn->log);
    }
    vl_operation_end(session->writer);
    if (st != VELO_OK) {
        vl_free(going);
        return st;
    }
    vl_undo_linked(record); /* TT2 */
    going->next = session->txn->going;
    session->txn->going = going; /* TT1 */
    vl_txn_count_change(ctx, session);
    return VELO_OK;
}

void
vl_txn_go(vl_txn *txn)
{
    while (txn->going != NULL) {
        vl_txn_going *going = txn->going;

        txn->going = going->next;
        going->next = txn->store->going;
        txn->store->going = going;
    }
}

void
vl_txn_unlink_drop(vl_undo *record)
{
    if (record->kind != VL_UNDO_TREE_DROPPED || record->tree == 0)
        return;
    record->tree = 0;
    vl_undo_unlinked(record);
}

void
vl_txn_unlink_drops(vl_undo_log *log)
{
    vl_undo *record = vl_undo_last(log);

    while (record != NULL) {
        vl_undo *previous = record->previous;

        vl_txn_unlink_drop(record);
        record = previous;
    }
}

void
vl_txn_free_going(vl_txn_going *going)
{
    while (going != NULL) {
        vl_txn_going *next = going->next;

        vl_free(going);
        going = next;
    }
}

/* Take a tree out of a list. */
static vl_txn_going *
tree_take_going(vl_txn_going **link, vl_tree_id tree)
{
    vl_txn_going *found;

    while (*link != NULL && (*link)->tree != tree)
        link = &(*link)->next;
    found = *link;
    if (found != NULL)
        *link = found->next;
    return found;
}

void
vl_txn_stay(vl_txn *txn, vl_tree_id tree)
{
    vl_free(tree_take_going(&txn->going, tree));
}

velo_status
vl_txn_drop_for_good(vl_ctx *ctx, vl_txn_store *store, vl_writer *writer, vl_tree_id id)
{
    vl_txn_going *going;
    vl_txn_tree *tree;
    velo_status st;

    VL_TRY(vl_txn_tree_get(ctx, store, id, &tree));
    vl_operation_begin(writer);
    st = vl_operation_drop_tree(ctx, writer, tree->base);
    if (st == VELO_OK) {
        vl_latch_acquire_exclusive(&store->latch);
        going = tree_take_going(&store->going, id);
        vl_latch_release_exclusive(&store->latch);
        vl_free(going);
    }
    vl_operation_end(writer);
    if (st != VELO_OK)
        return st;
    vl_txn_tree_forget(store, tree);
    vl_operation_return_pages(ctx, writer);
    return VELO_OK;
}
