/* txn_lock.c - holding keys in transactions: key-share locks on rows and entries.
 *
 * A lock is entered (key_share.h), and then the row is looked at under its leaf's latch:
 *
 *    live, by a commit or by the own transaction    it is held
 *    others are making or deleting it               wait, and look again
 *    deleted, committed after the snapshot          conflict (11, item 22): the lock is taken back
 *    not there                                      not found: likewise
 *
 * Changes of its columns that are under way do not matter: the row is there whatever becomes of
 * them.
 *
 * Invariants
 *   TH1  A lock stays while its transaction waits to see what becomes of the row. Were it taken
 * back and entered for each look, those who wait for it would have to be told each time, and a
 *        circle of such waits would go round for ever, none of them long enough to be seen. It is
 * in nobody's way: who is waited for has the row, and looks for locks only after he gave it up,
 *        which ends the wait.
 *   TH2  Who gives a lock up tells those who may wait for it. */
#include "txn/txn_int.h"

#include "base/assert.h"

#include <inttypes.h>
#include <string.h>

/* A try to hold a key. */
typedef struct lock_try {
    vl_txn_change change; /* whose, what, and whom to wait for */
    void *value;          /* of an entry: receives its value, or NULL */
    uint32_t *value_size; /* of it */
} lock_try;

/* ---- looking ---- */

/* What one of the row's versions says of whether it is there. */
typedef enum lock_sight {
    LOCK_DECIDED, /* the newest state is what the page says */
    LOCK_OLDER,   /* it does not matter here: the next older one says */
    LOCK_GIVEN_UP /* the try is over: its verdict says how */
} lock_sight;

static lock_sight
lock_look_at(lock_try *self, const vl_txn_status *status, vl_timestamp commit_ts, vl_undo_kind kind)
{
    if (commit_ts == VL_TS_ABORTED) {
        self->change.verdict = VL_TXN_UNDO_LEFT;
        return LOCK_GIVEN_UP;
    }
    if (commit_ts != VL_TS_ACTIVE || status == self->change.statement->view.own)
        return LOCK_DECIDED;
    if (kind == VL_UNDO_UPDATE)
        return LOCK_OLDER;
    vl_txn_note_owner(&self->change, status);
    return LOCK_GIVEN_UP;
}

static lock_sight
lock_look(lock_try *self, const vl_versioned *row)
{
    lock_sight sight = LOCK_OLDER;

    for (const vl_undo *at = row->newest; at != NULL && sight == LOCK_OLDER; at = at->older)
        sight = lock_look_at(self, at->status, vl_txn_status_commit_ts(at->status), at->kind);
    if (sight == LOCK_OLDER && row->origin.status != NULL)
        sight = lock_look_at(self, row->origin.status, row->origin.commit_ts, VL_UNDO_RANGE);
    return sight == LOCK_OLDER ? LOCK_DECIDED : sight;
}

/* Nobody decides about the row any more, or we do: is it there? */
static velo_status
lock_decide(vl_ctx *ctx, lock_try *self, const vl_versioned *row)
{
    const vl_view *view = &self->change.statement->view;

    if (row->page == VL_ROW_LIVE)
        return VELO_OK;
    if (row->newest != NULL && row->newest->status != view->own &&
        vl_txn_status_commit_ts(row->newest->status) > view->read_ts)
        return vl_txn_conflict(ctx, &self->change, row);
    return vl_fail(ctx, VELO_NOTFOUND, "tree %" PRIu64 " has no such %s", self->change.tree->id,
                   self->change.key != NULL ? "entry" : "row");
}

static velo_status
lock_visit_row(vl_ctx *ctx, void *argument, const vl_table_row *row)
{
    lock_try *self = argument;
    vl_txn_tree *tree = self->change.tree;
    vl_versioned found = {.page = VL_ROW_ABSENT};

    if (row->state == VL_LEAF_LIVE)
        found.page = VL_ROW_LIVE;
    else if (row->state == VL_LEAF_TOMBSTONE)
        found.page = VL_ROW_DELETED;
    found.newest = vl_versions_find_row(vl_txn_map(tree, row->ref), row->rowid);
    found.origin = vl_ranges_find(tree->ranges, row->rowid);
    if (lock_look(self, &found) == LOCK_DECIDED)
        return lock_decide(ctx, self, &found);
    return VELO_OK;
}

static velo_status
lock_visit_entry(vl_ctx *ctx, void *argument, const vl_tree_key_found *found)
{
    lock_try *self = argument;
    vl_txn_change *change = &self->change;
    vl_versioned entry = {.page = VL_ROW_ABSENT};

    if (found->state == VL_TREE_KEY_LIVE)
        entry.page = VL_ROW_LIVE;
    else if (found->state == VL_TREE_KEY_TOMBSTONE)
        entry.page = VL_ROW_DELETED;
    entry.newest = vl_versions_find_key(
        vl_txn_map(change->tree, found->leaf), change->key, change->key_size,
        vl_txn_rest(change->tree, found->leaf, change->key_size, found->state, found->index));
    if (lock_look(self, &entry) != LOCK_DECIDED)
        return VELO_OK;
    VL_TRY(lock_decide(ctx, self, &entry));
    if (self->value != NULL) {
        if (found->value_size > 0)
            memcpy(self->value, found->value, found->value_size);
        *self->value_size = found->value_size;
    }
    return VELO_OK;
}

/* ---- holding ---- */

/* Look once. */
static velo_status
lock_try_once(vl_ctx *ctx, lock_try *self)
{
    vl_txn_change *change = &self->change;

    change->verdict = VL_TXN_DONE;
    if (change->key != NULL)
        return vl_tree_key_find(ctx, &change->tree->base->tree, change->key, change->key_size,
                                lock_visit_entry, self);
    return vl_table_find(ctx, &change->tree->base->tree, change->rowid, lock_visit_row, self);
}

/* Look, waiting for others as long as that takes. */
static velo_status
lock_look_and_wait(vl_ctx *ctx, lock_try *self)
{
    for (;;) {
        VL_TRY(lock_try_once(ctx, self));
        if (self->change.verdict == VL_TXN_DONE)
            return VELO_OK;
        VL_TRY(vl_txn_await(ctx, &self->change));
    }
}

static velo_status
lock_hold(vl_ctx *ctx, lock_try *self)
{
    vl_txn_change *change = &self->change;
    vl_session *session = change->session;
    vl_key_shares *shares = session->store->shares;
    vl_key_share_list *list = &session->txn->shares;
    vl_key_share_name name = {change->tree->id, change->rowid, change->key, change->key_size};
    uint64_t before = list->count;
    velo_status st;

    if (change->tree->created_by != session->txn->number) /* else nobody else knows it */
        VL_TRY(vl_key_share_enter(ctx, shares, list, session->txn->status, &name));
    st = lock_look_and_wait(ctx, self);
    if (st != VELO_OK && session->txn != NULL && list->count > before) { /* not a victim's */
        vl_key_share_leave(shares, list, before);
        vl_wait_tell(session->txn->status); /* TH2 */
    }
    return st;
}

void
vl_txn_release_shares(vl_session *session)
{
    vl_txn *txn = session->txn;

    if (txn == NULL || txn->shares.count == 0)
        return;
    vl_key_share_leave(session->store->shares, &txn->shares, 0);
    vl_wait_tell(txn->status); /* TH2 */
}

/* ---- public ---- */

velo_status
vl_rows_share(vl_ctx *ctx, vl_statement *statement, vl_txn_table *table, int64_t rowid)
{
    lock_try self = {.change = {.session = statement->session,
                                .statement = statement,
                                .tree = &table->tree,
                                .wait_kind = VL_WAIT_ROW,
                                .rowid = rowid}};

    VL_TRY(vl_txn_check_writing(ctx, statement));
    return lock_hold(ctx, &self);
}

velo_status
vl_keys_share(vl_ctx *ctx, vl_statement *statement, vl_txn_index *index, const void *key,
              uint32_t key_size, void *value, uint32_t *value_size)
{
    static const uint8_t empty[1] = {0};
    lock_try self = {.change = {.session = statement->session,
                                .statement = statement,
                                .tree = &index->tree,
                                .wait_kind = VL_WAIT_KEY,
                                .key = key_size > 0 ? key : empty,
                                .key_size = key_size},
                     .value = value,
                     .value_size = value_size};

    VL_TRY(vl_txn_check_writing(ctx, statement));
    VL_TRY(vl_txn_settle_index(ctx, statement->session, index));
    return lock_hold(ctx, &self);
}
