/* txn_end.c - how a transaction begins to write, and how it ends.
 *
 * Ending, in order (hazards 1, 14, 27-29):
 *
 *    commit    1. in one section: the commit record, the status, out of the list of open ones
 *              2. its log of changes is finished, keys that it held are not held any more; it
 * leaves the gate, which tells those who wait
 *              3. the record is made as safe as was asked for, and the commit published
 *    abort     1. changes are undone, the last one first, each step in a section
 *              2. the status says aborted, out of the list
 *              3. as 2 above
 *
 * Others wait for an aborting transaction as for any, so nobody meets half of what it has undone.
 * When a step cannot be made (a page cannot be read, no memory), the status says aborted all the
 * same: nobody sees the changes that are left, the transaction goes to the list of those that were
 * left, and whoever needs one of its rows, the next writer, or the next process undoes the rest.
 *
 * Invariants
 *   TE1  A transaction is in exactly one of the lists `open` and `left` while it has changes in
 *        pages that are neither committed nor undone.
 *   TE4  session->guard is what was the last record at the newest of the caller's marks that were
 *        given out and not gone back behind; no range grows that is it. So what goes back to such a
 *        mark takes back whole records, as recovery does with what a checkpoint lists. */
#include "txn/txn_int.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"

#include <string.h>

/* ---- lists ---- */

static void
end_link(vl_txn **list, vl_txn *txn)
{
    txn->prev = NULL;
    txn->next = *list;
    if (*list != NULL)
        (*list)->prev = txn;
    *list = txn;
}

static void
end_unlink(vl_txn **list, vl_txn *txn)
{
    if (txn->prev != NULL)
        txn->prev->next = txn->next;
    else
        *list = txn->next;
    if (txn->next != NULL)
        txn->next->prev = txn->prev;
}

/* ---- the begin ---- */

/* Nothing refers to it any more. */
static void
end_release(vl_txn *txn)
{
    if (txn->is_in_gate)
        vl_write_gate_leave(&txn->store->gate, &txn->gate);
    vl_txn_free_going(txn->going);
    vl_txn_status_release(txn->status, 1);
}

/* Nothing refers to it any more but the session, which keeps the memory for its next one. */
static void
end_destroy(vl_session *session, vl_txn *txn)
{
    end_release(txn);
    if (session->spare == NULL)
        session->spare = txn;
    else
        vl_free(txn);
}

/* Make one; NULL: there is no memory, and the context says so. */
static vl_txn *
end_make(vl_ctx *ctx, vl_session *session)
{
    vl_txn_store *store = session->store;
    vl_txn *txn = session->spare != NULL ? session->spare : vl_alloc(ctx, sizeof *txn);

    session->spare = NULL;
    if (txn == NULL) {
        (void)vl_fail(ctx, VELO_NOMEM, "cannot allocate a transaction");
        return NULL;
    }
    memset(txn, 0, sizeof *txn);
    txn->store = store;
    txn->number = vl_operation_new_txn(store->base);
    txn->commits = vl_counter(&store->commit_count);
    if (vl_txn_status_create(ctx, store->statuses, txn->number, &txn->status) != VELO_OK) {
        vl_free(txn);
        return NULL;
    }
    vl_wait_attach(txn->status, session->node);
    return txn;
}

/* Enter the gate, and get a log of changes. */
static velo_status
end_enter(vl_ctx *ctx, vl_session *session, vl_txn *txn, int is_exclusive)
{
    vl_txn_store *store = session->store;
    vl_wait_request wait = {.kind = VL_WAIT_GATE,
                            .busy = session->busy,
                            .busy_argument = session->busy_argument,
                            .timeout_ns = session->timeout_ns};

    VL_TRY(vl_write_gate_enter(ctx, &store->gate, &txn->gate, session->node, session->slot,
                               txn->status, is_exclusive, &wait));
    txn->is_in_gate = 1;
    return vl_undo_log_create(ctx, store->pool, txn->status, &txn->log);
}

/* Begin with the session's writer having its scratch memory. */
static velo_status
end_start(vl_ctx *ctx, vl_session *session, int is_exclusive)
{
    vl_txn_store *store = session->store;
    vl_txn *txn;
    velo_status st;

    VL_TRY(vl_txn_undo_left(ctx, store, session->writer));
    txn = end_make(ctx, session);
    if (txn == NULL)
        return VELO_NOMEM;
    st = end_enter(ctx, session, txn, is_exclusive);
    if (st != VELO_OK) {
        vl_txn_status_abort(txn->status);
        end_destroy(session, txn);
        return st;
    }
    vl_operation_join(session->writer, txn->number);
    vl_latch_acquire_exclusive(&store->latch);
    end_link(&store->open, txn);
    vl_latch_release_exclusive(&store->latch);
    vl_wait_set_work(session->node, 0);
    session->guard = NULL;
    session->txn = txn;
    return VELO_OK;
}

velo_status
vl_txn_start(vl_ctx *ctx, vl_session *session, int is_exclusive)
{
    velo_status st;

    VL_ASSERT(session->txn == NULL);
    VL_TRY(vl_txn_make_ready(ctx, session->store));
    VL_TRY(vl_operation_take_work(ctx, session->writer));
    st = end_start(ctx, session, is_exclusive);
    if (st != VELO_OK)
        vl_operation_give_work(session->writer);
    return st;
}

/* ---- commit ---- */

/* The section of a commit: T1. */
static void
end_commit_section(vl_session *session, vl_wal_credit *credit, vl_publish_commit *commit)
{
    vl_txn_store *store = session->store;
    vl_txn *txn = session->txn;

    vl_cache_enter(vl_store_cache(store->base));
    (void)vl_publish_reserve(&store->publish, credit, 0, txn->status,
                             session->synchronous == VL_SYNCHRONOUS_FULL, commit);
    vl_publish_fill(&store->publish, commit, VL_RECORD_COMMIT, txn->number, NULL, 0);
    vl_cache_leave(vl_store_cache(store->base));
    vl_wal_ungrant(vl_store_wal(store->base), credit);
    vl_latch_acquire_exclusive(&store->latch);
    end_unlink(&store->open, txn);
    vl_txn_go(txn);
    vl_latch_release_exclusive(&store->latch);
}

/* Statements that are open have the transaction's changes still: pruning must know. */
static void
end_add_readers(vl_session *session, const vl_txn *txn)
{
    for (vl_statement *at = session->statements; at != NULL; at = at->next) {
        if (at->status != txn->status)
            continue;
        vl_txn_add_reader(session->store, at->status);
        at->is_reader = 1;
    }
}

/* Sync the log if enough has gathered: what NORMAL promises. */
static velo_status
end_sync(vl_ctx *ctx, vl_txn_store *store, vl_log_position end)
{
    vl_wal *wal = vl_store_wal(store->base);

    if (store->is_in_memory ||
        vl_wal_written(wal) - vl_wal_durable(wal) < VL_BY_BUILD(UINT64_C(1) << 20, 1U << 14))
        return VELO_OK;
    return vl_wal_flush(ctx, wal, end, 1);
}

static void
end_collect_share(vl_ctx *ctx, vl_session *session, uint64_t records)
{
    velo_status st = vl_operation_take_work(ctx, session->writer);

    if (st == VELO_OK)
        st = vl_txn_collect(ctx, session->store, session->writer, records);
    if (st == VELO_OK)
        return;
    vl_log_write(ctx->log, VL_LOG_WARNING, ctx->error.code, "older versions stay for now: %s",
                 ctx->error.text);
    vl_error_clear(ctx);
}

/* Do a share of the collecting. Failure is not the caller's, whose error stays if he has one. */
static void
end_collect(vl_ctx *ctx, vl_session *session, uint64_t records)
{
    vl_error before;

    if (VL_LIKELY(ctx->error.code == VELO_OK)) {
        end_collect_share(ctx, session, records);
        return;
    }
    before = ctx->error;
    end_collect_share(ctx, session, records);
    ctx->error = before;
}

velo_status
vl_txn_commit(vl_ctx *ctx, vl_session *session, int *is_over)
{
    vl_txn_store *store = session->store;
    vl_txn *txn = session->txn;
    uint64_t records;
    vl_publish_commit commit;
    vl_wal_credit credit;
    velo_status st;

    *is_over = 0;
    VL_TRY(vl_txn_settle(ctx, session));
    records = 16 + 2 * txn->changes;
    if (vl_operation_log_end(session->writer) == 0) { /* it has changed nothing at all */
        *is_over = 1;
        vl_txn_abort(ctx, session);
        return VELO_OK;
    }
    VL_TRY(vl_store_check_writable(ctx, store->base));
    vl_operation_begin(session->writer);
    st = vl_wal_grant(ctx, vl_store_wal(store->base), 1, 0, &credit);
    if (st == VELO_OK) {
        end_add_readers(session, txn);
        end_commit_section(session, &credit, &commit);
    }
    vl_operation_end(session->writer);
    if (st != VELO_OK)
        return st;
    *is_over = 1;
    session->txn = NULL;
    vl_txn_free_pending(session);
    session->committed = commit.ts;
    if (txn->sets_sequences)
        vl_txn_forget_sequences(store);
    vl_undo_log_finish(txn->log);
    vl_key_share_leave(store->shares, &txn->shares, 0);
    end_destroy(session, txn);
    vl_count(&store->commit_count, 1);
    st = vl_publish_acknowledge(ctx, &store->publish, &commit);
    if (st == VELO_OK && session->synchronous == VL_SYNCHRONOUS_NORMAL)
        st = end_sync(ctx, store, commit.end);
    if (st == VELO_OK && store->is_in_memory)
        session->owed = records;
    else if (st == VELO_OK)
        end_collect(ctx, session, records);
    vl_operation_give_work(session->writer);
    vl_operation_tend(ctx, store->base);
    return st;
}

void
vl_txn_collect_owed(vl_ctx *ctx, vl_session *session)
{
    uint64_t records = session->owed;

    session->owed = 0;
    if (records == 0)
        return;
    end_collect(ctx, session, records);
    vl_operation_give_work(session->writer); /* the transaction that had it has ended */
}

void
vl_txn_join_ranges(vl_session *session, const vl_txn_mark *begin)
{
    const vl_undo *last = vl_undo_last(session->txn->log);
    vl_txn_tree *tree;
    vl_ctx ctx;

    session->txn->range_count = 0;
    /* A record that was there before the statement may be in marks, and stays; one that a mark of
     * the caller's names does not grow (keeps TE4). */
    if (last == NULL || last->kind != VL_UNDO_RANGE || last->previous == NULL ||
        last->previous->kind != VL_UNDO_RANGE || last == session->guard ||
        last->previous == session->guard || begin->number != session->txn->number ||
        last->previous != begin->undo.last)
        return;
    vl_ctx_init(&ctx, session->store->allocator, NULL);
    if (vl_txn_tree_get(&ctx, session->store, last->tree, &tree) != VELO_OK)
        return; /* it is only done to take less memory */
    vl_operation_begin(session->writer);
    if (vl_ranges_join(tree->ranges, session->txn->log))
        session->txn->growing =
            vl_undo_last(session->txn->log); /* no mark of the caller's names it */
    vl_operation_end(session->writer);
}

/* ---- going back ---- */

vl_txn_mark
vl_txn_get_mark(vl_session *session)
{
    vl_txn_mark mark = {{NULL, 0}, 0, 0, 0, NULL, 0, 0, 0, 0};

    session->mark_count++;
    if (session->txn == NULL)
        return mark;
    session->txn->range_count = 0;
    mark.undo = vl_undo_log_mark(session->txn->log);
    mark.number = session->txn->number;
    mark.position = vl_operation_log_end(session->writer);
    mark.shares = session->txn->shares.count;
    mark.growing = session->txn->growing;
    mark.growing_last = mark.growing != NULL ? mark.growing->last : 0;
    vl_txn_mark_pending(session, &mark);
    return mark;
}

/* Undo all that came after a mark. */
static velo_status
end_undo_to(vl_ctx *ctx, vl_txn *txn, vl_writer *writer, vl_undo_mark mark)
{
    txn->range_count = 0;
    txn->growing = NULL;
    while (!vl_undo_log_is_at(txn->log, mark))
        VL_TRY(vl_txn_undo_last(ctx, txn, writer));
    return VELO_OK;
}

/* Say in the log that what stands there since the mark did not happen (11, item 4). */
static velo_status
end_discard(vl_ctx *ctx, vl_session *session, vl_log_position from)
{
    vl_record record = {.type = VL_RECORD_DISCARD, .position = from};
    velo_status st;

    if (vl_operation_log_end(session->writer) == from)
        return VELO_OK;
    vl_operation_begin(session->writer);
    st = vl_operation_log_alone(ctx, session->writer, &record, NULL, NULL);
    vl_operation_end(session->writer);
    return st;
}

/* Whether a range that was there at a mark has grown since: a statement that has put its row into
 * the range of one before is to be undone. */
static int
end_is_inside(const vl_txn_mark *mark)
{
    return mark->growing != NULL && mark->growing->last != mark->growing_last;
}

velo_status
vl_txn_back(vl_ctx *ctx, vl_session *session, const vl_txn_mark *mark)
{
    vl_undo_mark none = {NULL, 0};
    vl_txn *txn = session->txn;
    int is_own;
    velo_status st;

    if (txn == NULL)
        return VELO_OK;
    is_own = mark->number == txn->number;
    st = is_own && (end_is_inside(mark) || !vl_txn_can_unpend(session, mark))
             ? VELO_INTERNAL /* keeps TE4, NP2 */
             : end_undo_to(ctx, txn, session->writer, is_own ? mark->undo : none);
    session->guard = is_own ? mark->undo.last : NULL; /* those behind it are gone */
    if (st == VELO_OK)
        st = end_discard(ctx, session, is_own ? mark->position : 0);
    if (st != VELO_OK) {
        vl_txn_doom(ctx, session);
        return vl_fail(ctx, VELO_ABORT, "a statement could not be undone: the transaction is");
    }
    vl_txn_unpend(session, is_own ? mark : NULL);
    vl_txn_free_garbage(ctx, session->store, session->writer);
    vl_key_share_leave(session->store->shares, &txn->shares, is_own ? mark->shares : 0);
    vl_wait_tell(txn->status);
    return VELO_OK;
}

/* ---- abort ---- */

/* The status says aborted, and the transaction is in no list, or in that of those left. */
static void
end_decide(vl_txn *txn, vl_writer *writer, int is_left)
{
    vl_txn_store *store = txn->store;

    vl_operation_begin(writer);
    vl_txn_status_abort(txn->status);
    vl_latch_acquire_exclusive(&store->latch);
    end_unlink(&store->open, txn);
    if (is_left) {
        end_link(&store->left, txn); /* TE1 */
        atomic_fetch_add_explicit(&store->left_count, 1, memory_order_release);
    }
    vl_latch_release_exclusive(&store->latch);
    vl_operation_end(writer);
}

void
vl_txn_abort(vl_ctx *ctx, vl_session *session)
{
    vl_undo_mark none = {NULL, 0};
    vl_txn *txn = session->txn;
    vl_txn_store *store = txn->store;
    vl_error before = ctx->error;
    velo_status st = end_undo_to(ctx, txn, session->writer, none);

    vl_txn_free_pending(session);
    if (st != VELO_OK)
        vl_log_write(ctx->log, VL_LOG_ERROR, st,
                     "changes of transaction %llu cannot be undone now, and are later: %s",
                     (unsigned long long)txn->number, ctx->error.text);
    end_decide(txn, session->writer, st != VELO_OK);
    if (txn->sets_sequences)
        vl_txn_forget_sequences(store);
    session->txn = NULL;
    vl_key_share_leave(store->shares, &txn->shares, 0);
    if (txn->is_in_gate)
        vl_write_gate_leave(&store->gate, &txn->gate);
    txn->is_in_gate = 0;
    if (st == VELO_OK) {
        vl_undo_log_finish(txn->log);
        end_destroy(session, txn);
    }
    vl_count(&store->rollback_count, 1);
    vl_undo_pool_tend(ctx, store->pool);
    vl_txn_free_garbage(ctx, store, session->writer);
    vl_operation_give_work(session->writer);
    ctx->error = before;
}

void
vl_txn_doom(vl_ctx *ctx, vl_session *session)
{
    vl_txn_abort(ctx, session);
    session->is_doomed = 1;
}

/* ---- what was left ---- */

/* Undo the first of those that were left, if there is one. *is_done 1: there is none. The caller
 * has the turn. */
static velo_status
end_undo_one_left(vl_ctx *ctx, vl_txn_store *store, vl_writer *writer, int *is_done)
{
    vl_undo_mark none = {NULL, 0};
    vl_txn *txn;

    vl_latch_acquire_shared(&store->latch);
    txn = store->left;
    vl_latch_release_shared(&store->latch);
    *is_done = txn == NULL;
    if (txn == NULL)
        return VELO_OK;
    VL_TRY(end_undo_to(ctx, txn, writer, none));
    vl_operation_begin(writer);
    vl_latch_acquire_exclusive(&store->latch);
    end_unlink(&store->left, txn);
    vl_latch_release_exclusive(&store->latch);
    vl_operation_end(writer);
    vl_undo_log_finish(txn->log);
    end_release(txn);
    vl_free(txn);
    atomic_fetch_sub_explicit(&store->left_count, 1, memory_order_release);
    return VELO_OK;
}

velo_status
vl_txn_undo_left(vl_ctx *ctx, vl_txn_store *store, vl_writer *writer)
{
    velo_status st = VELO_OK;
    int is_done = 0;

    if (VL_LIKELY(atomic_load_explicit(&store->left_count, memory_order_acquire) == 0))
        return VELO_OK;
    vl_latch_acquire_exclusive(&store->undo_turn);
    while (st == VELO_OK && !is_done)
        st = end_undo_one_left(ctx, store, writer, &is_done);
    vl_latch_release_exclusive(&store->undo_turn);
    return st;
}
