/* txn_change.c - what changes of rows and of entries have in common: conflicts and waits.
 *
 * A change is tried under the leaf's latch. When somebody else's uncommitted change is in the way,
 * whom it waits for and his count of events are noted there, all is released, and it is tried again
 * after the wait: nothing told in between is lost (wait.h). */
#include "txn/txn_int.h"

#include "base/assert.h"
#include "base/atomic.h"

#include <inttypes.h>
#include <string.h>

/* Bytes of a key that messages show. */
#define CHANGE_KEY_SHOWN 32U

velo_status
vl_txn_check_writing(vl_ctx *ctx, const vl_statement *statement)
{
    const vl_session *session = statement->session;

    if (session->is_doomed)
        return vl_fail(ctx, VELO_BUSY_SNAPSHOT,
                       "the transaction was undone to end a deadlock: only ROLLBACK can follow");
    if (statement->is_rolled_back)
        return vl_fail(ctx, VELO_ABORT_ROLLBACK, "abort due to ROLLBACK");
    if (!statement->is_writing)
        return vl_fail(ctx, VELO_MISUSE, "the statement was begun for reading");
    if (session->txn == NULL || statement->status != session->txn->status)
        return vl_fail(ctx, VELO_MISUSE, "the statement's transaction is over");
    return VELO_OK;
}

void
vl_txn_count_change(vl_ctx *ctx, vl_session *session)
{
    vl_txn_count_changes(ctx, session, 1);
}

void
vl_txn_count_changes(vl_ctx *ctx, vl_session *session, uint32_t count)
{
    vl_undo_pool *pool = session->store->pool;

    vl_undo_pool_settle(pool, 1); /* many rows make one record */
    vl_undo_pool_tend(ctx, pool);
    session->txn->changes += count;
    vl_wait_set_work(session->node, session->txn->changes);
}

void
vl_txn_note_owner(vl_txn_change *change, const vl_txn_status *owner)
{
    /* Found by a record or a range, which has it const; it is only referred to. */
    vl_txn_status *status = (vl_txn_status *)(uintptr_t)owner;

    vl_txn_status_acquire(status, 1);
    change->owners[0].status = status;
    change->owners[0].events = vl_wait_events(status);
    change->owner_count = 1;
    change->owner_kind = change->wait_kind;
    change->verdict = VL_TXN_WAIT;
}

int
vl_txn_is_held(vl_txn_change *change)
{
    vl_key_shares *shares = change->session->store->shares;
    vl_key_share_name name = {change->tree->id, change->rowid, change->key, change->key_size};

    if (VL_LIKELY(vl_key_shares_count(shares) == 0))
        return 0;
    change->owner_count = vl_key_share_find(shares, change->statement->view.own, &name,
                                            VL_TXN_OWNERS, change->owners);
    if (change->owner_count == 0)
        return 0;
    change->owner_kind = VL_WAIT_KEY_SHARE;
    change->verdict = VL_TXN_WAIT;
    return 1;
}

void
vl_txn_forget_owners(vl_txn_change *change)
{
    for (uint32_t i = 0; i < change->owner_count; i++)
        vl_txn_status_release(change->owners[i].status, 1);
    change->owner_count = 0;
}

velo_status
vl_txn_await(vl_ctx *ctx, vl_txn_change *change)
{
    vl_session *session = change->session;
    vl_wait_request request = {.kind = change->owner_kind,
                               .owner_count = change->owner_count,
                               .owners = change->owners,
                               .busy = session->busy,
                               .busy_argument = session->busy_argument,
                               .timeout_ns = session->timeout_ns};
    velo_status st;

    if (change->verdict == VL_TXN_UNDO_LEFT)
        return vl_txn_undo_left(ctx, session->store, session->writer);
    vl_count(&session->store->wait_count, 1);
    st = vl_wait(ctx, session->node, &request);
    vl_txn_forget_owners(change);
    if (st == VELO_BUSY_SNAPSHOT)
        vl_txn_doom(ctx, session); /* keeps the error */
    return st;
}

/* The begin of a key in hexadecimal digits. */
static const char *
change_show_key(const vl_txn_change *change, char *to)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *key = change->key;
    uint32_t count = change->key_size < CHANGE_KEY_SHOWN ? change->key_size : CHANGE_KEY_SHOWN;
    char *at = to;

    for (uint32_t i = 0; i < count; i++) {
        *at++ = digits[key[i] >> 4];
        *at++ = digits[key[i] & 15];
    }
    memcpy(at, count < change->key_size ? "..." : "", count < change->key_size ? 4 : 1);
    return to;
}

velo_status
vl_txn_conflict(vl_ctx *ctx, vl_txn_change *change, const vl_versioned *row)
{
    vl_session *session = change->session;
    vl_timestamp ts =
        row->newest != NULL ? vl_txn_status_commit_ts(row->newest->status) : row->origin.commit_ts;

    session->met = ts < VL_TS_MAX ? ts : VL_TS_NONE;
    vl_count(&session->store->conflict_count, 1);
    if (change->wait_kind == VL_WAIT_KEY) {
        char key[2 * CHANGE_KEY_SHOWN + 4];

        return vl_fail(ctx, VELO_BUSY_SNAPSHOT,
                       "conflict: the entry x'%s' of tree %" PRIu64
                       " was changed by a transaction that committed after this one's snapshot",
                       change_show_key(change, key), change->tree->id);
    }
    return vl_fail(ctx, VELO_BUSY_SNAPSHOT,
                   "conflict: row %" PRId64 " of tree %" PRIu64
                   " was changed by a transaction that committed after this one's snapshot",
                   change->rowid, change->tree->id);
}
