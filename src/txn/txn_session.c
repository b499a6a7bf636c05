/* txn_session.c - sessions, statements and their snapshots; see txn.h.
 *
 * Invariants
 *   SE1  A session's slot covers the snapshots of all its open statements, and the transaction's
 *        from its first statement to its end; it is free exactly when there is neither.
 *   SE2  A view that names a transaction has a reference to its status: so the memory is not
 *        another transaction's as long as the statement is open.
 *   SE3  Numbers of statements rise within a transaction.
 *   SE4  Of a transaction begun by BEGIN whose snapshot was taken by a statement that is_first,
 *        nobody but that statement has read anything, and nothing was changed before it: so the
 *        snapshot may be given up with all that the statement has done. */
#include "txn/txn_int.h"

#include "base/alloc.h"
#include "base/assert.h"

#include <string.h>

/* How often a statement that has changed nothing takes another snapshot before it is begun anew. */
#define SESSION_RENEWALS 8U

/* ---- sessions ---- */

/* Make a session; node NULL: it gets one of its own. */
static velo_status
session_create(vl_ctx *ctx, vl_txn_store *store, vl_wait_node *node, vl_session **out)
{
    vl_session *session = vl_alloc_zero(ctx, sizeof *session);
    velo_status st;

    *out = NULL;
    if (session == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a session");
    session->store = store;
    session->synchronous = VL_SYNCHRONOUS_FULL;
    session->next_statement = 1;
    session->node = node;
    if (node != NULL)
        vl_wait_node_retain(node);
    st = vl_operation_create_writer(ctx, store->base, &session->writer);
    if (st == VELO_OK && node == NULL)
        st = vl_wait_node_create(ctx, &session->node);
    if (st == VELO_OK)
        st = vl_snapshots_join(ctx, store->snapshots, &session->slot);
    if (st != VELO_OK) {
        vl_session_destroy(session);
        return st;
    }
    *out = session;
    return VELO_OK;
}

velo_status
vl_session_create(vl_ctx *ctx, vl_txn_store *store, vl_session **out)
{
    return session_create(ctx, store, NULL, out);
}

velo_status
vl_session_create_beside(vl_ctx *ctx, vl_txn_store *store, const vl_session *beside,
                         vl_session **out)
{
    VL_TRY(session_create(ctx, store, beside->node, out));
    (*out)->synchronous = beside->synchronous;
    vl_session_set_busy(*out, beside->busy, beside->busy_argument, beside->timeout_ns);
    return VELO_OK;
}

void
vl_session_destroy(vl_session *session)
{
    vl_ctx ctx;

    if (session == NULL)
        return;
    VL_ASSERT(session->statements == NULL);
    if (session->txn != NULL) {
        vl_ctx_init(&ctx, session->store->allocator, session->store->events);
        vl_txn_abort(&ctx, session);
    }
    vl_txn_free_pending(session);
    if (session->slot != NULL && vl_snapshot_is_open(session->slot))
        vl_snapshot_end(session->slot);
    if (session->slot != NULL)
        vl_snapshots_leave(session->store->snapshots, session->slot);
    vl_free(session->spare);
    vl_wait_node_release(session->node);
    vl_writer_destroy(session->writer);
    vl_free(session);
}

void
vl_session_enter_call(vl_session *session)
{
    vl_wait_enter_call(session->node);
}

void
vl_session_leave_call(vl_session *session)
{
    vl_wait_leave_call(session->node);
}

void
vl_session_set_synchronous(vl_session *session, vl_synchronous synchronous)
{
    session->synchronous = synchronous;
}

void
vl_session_set_busy(vl_session *session, vl_wait_busy *busy, void *argument, int64_t timeout_ns)
{
    session->busy = busy;
    session->busy_argument = argument;
    session->timeout_ns = timeout_ns;
}

void
vl_session_interrupt(vl_session *session)
{
    vl_wait_interrupt(session->node);
}

vl_timestamp
vl_session_last_commit(const vl_session *session)
{
    return session->committed;
}

int
vl_session_is_in_transaction(const vl_session *session)
{
    return session->is_in_txn;
}

int
vl_session_is_doomed(const vl_session *session)
{
    return session->is_doomed;
}

/* ---- snapshots ---- */

/* Whether some statement or the transaction has a snapshot. */
static int
session_has_snapshot(const vl_session *session)
{
    return session->has_snapshot || session->statements != NULL;
}

/* Take a new snapshot, beside those that are in use. Keeps SE1. */
static void
session_take_snapshot(vl_session *session, vl_snapshot_moment moment, vl_timestamp met)
{
    session->snapshot = vl_snapshot_begin(session->store->snapshots, session->slot, moment, met);
    session->is_renewed = 0;
}

/* The snapshot for a statement that begins. */
static void
session_use_snapshot(vl_session *session)
{
    vl_snapshot_moment moment =
        session->is_immediate ? VL_SNAPSHOT_APPENDED : VL_SNAPSHOT_PUBLISHED;

    if (session->is_in_txn ? session->has_snapshot
                           : session->statements != NULL && !session->is_renewed)
        return;
    session_take_snapshot(session, moment, VL_TS_NONE);
    session->has_snapshot = session->is_in_txn;
}

/* A snapshot has ended: the slot covers the others. Keeps SE1. */
static void
session_drop_snapshot(vl_session *session)
{
    vl_timestamp oldest = session->has_snapshot ? session->snapshot : VL_TS_MAX;

    if (!vl_snapshot_is_open(session->slot))
        return;
    if (!session_has_snapshot(session)) {
        vl_snapshot_end(session->slot);
        return;
    }
    for (const vl_statement *at = session->statements; at != NULL; at = at->next)
        if (at->view.read_ts < oldest)
            oldest = at->view.read_ts;
    vl_snapshot_narrow(session->slot, oldest);
}

/* ---- transactions ---- */

static velo_status
session_check_doomed(vl_ctx *ctx, const vl_session *session)
{
    if (!session->is_doomed)
        return VELO_OK;
    return vl_fail(ctx, VELO_BUSY_SNAPSHOT,
                   "the transaction was undone to end a deadlock: only ROLLBACK can follow");
}

/* The transaction is over: what it leaves of itself in the session. is_renewed: statements that
 * begin later see more than those that are open. */
static void
session_end_txn(vl_session *session, int is_renewed)
{
    session->is_in_txn = 0;
    session->is_immediate = 0;
    session->is_doomed = 0;
    session->has_snapshot = 0;
    session->is_renewed |= is_renewed;
    session_drop_snapshot(session);
    if (session->statements == NULL)
        session->next_statement = 1;
}

velo_status
vl_session_begin(vl_ctx *ctx, vl_session *session, vl_txn_mode mode)
{
    velo_status st = VELO_OK;

    if (session->is_in_txn)
        return vl_fail(ctx, VELO_ERROR, "cannot start a transaction within a transaction");
    if (session->txn != NULL)
        return vl_fail(ctx, VELO_BUSY, "cannot start a transaction while a statement writes");
    session->is_in_txn = 1;
    session->is_immediate = mode == VL_TXN_IMMEDIATE;
    if (mode == VL_TXN_IMMEDIATE)
        st = vl_txn_start(ctx, session, 1);
    if (st != VELO_OK)
        session_end_txn(session, 0);
    else if (mode == VL_TXN_IMMEDIATE)
        session_use_snapshot(session);
    return st;
}

/* Whether a statement is open that writes. */
static int
session_is_writing(const vl_session *session)
{
    for (const vl_statement *at = session->statements; at != NULL; at = at->next)
        if (at->is_writing)
            return 1;
    return 0;
}

velo_status
vl_session_commit(vl_ctx *ctx, vl_session *session)
{
    velo_status st = VELO_OK;
    int is_over = 1;

    if (!session->is_in_txn)
        return vl_fail(ctx, VELO_ERROR, "cannot commit - no transaction is active");
    VL_TRY(session_check_doomed(ctx, session));
    if (session_is_writing(session))
        return vl_fail(ctx, VELO_BUSY, "cannot commit transaction - SQL statements in progress");
    if (session->txn != NULL)
        st = vl_txn_commit(ctx, session, &is_over);
    if (is_over)
        session_end_txn(session, 1);
    vl_txn_collect_owed(ctx, session);
    return st;
}

velo_status
vl_session_rollback(vl_ctx *ctx, vl_session *session)
{
    if (!session->is_in_txn)
        return vl_fail(ctx, VELO_ERROR, "cannot rollback - no transaction is active");
    if (session->txn != NULL)
        vl_txn_abort(ctx, session);
    session_end_txn(session, 1);
    return VELO_OK;
}

/* A mark of the caller's: what lies behind it is never joined with what lies before. */
static vl_txn_mark
session_save(vl_session *session)
{
    vl_txn_mark mark = vl_txn_get_mark(session);

    session->guard = mark.undo.last;
    if (session->txn != NULL)
        session->txn->growing = NULL; /* keeps TX3 */
    mark.growing = NULL;
    return mark;
}

vl_txn_mark
vl_session_save(vl_session *session)
{
    return session_save(session);
}

velo_status
vl_session_rollback_to(vl_ctx *ctx, vl_session *session, const vl_txn_mark *mark)
{
    VL_TRY(session_check_doomed(ctx, session));
    return vl_txn_back(ctx, session, mark);
}

/* ---- statements ---- */

static void
session_link(vl_session *session, vl_statement *statement)
{
    statement->prev = NULL;
    statement->next = session->statements;
    if (session->statements != NULL)
        session->statements->prev = statement;
    session->statements = statement;
}

static void
session_unlink(vl_session *session, vl_statement *statement)
{
    if (statement->prev != NULL)
        statement->prev->next = statement->next;
    else
        session->statements = statement->next;
    if (statement->next != NULL)
        statement->next->prev = statement->prev;
}

/* Give a statement its view. Keeps SE2 and SE3. */
static void
session_set_view(vl_session *session, vl_statement *statement)
{
    statement->status = session->txn != NULL ? session->txn->status : NULL;
    statement->view.read_ts = session->snapshot;
    statement->view.statement = session->next_statement++;
    statement->view.own = statement->status;
    statement->view.session = session;
    if (statement->status != NULL)
        vl_txn_status_acquire(statement->status, 1);
}

/* Take it away again. */
static void
session_drop_view(vl_session *session, vl_statement *statement)
{
    if (statement->is_reader)
        vl_txn_remove_reader(session->store, statement->status);
    vl_txn_status_release(statement->status, 1);
    statement->is_reader = 0;
    statement->view.own = NULL;
    statement->status = NULL;
}

/* End a statement that is not to be undone. */
static void
session_close_statement(vl_session *session, vl_statement *statement)
{
    session_drop_view(session, statement);
    session_unlink(session, statement);
    session_drop_snapshot(session);
    if (session->statements == NULL && session->txn == NULL && !session->is_in_txn)
        session->next_statement = 1;
}

velo_status
vl_statement_begin(vl_ctx *ctx, vl_session *session, int is_writing, vl_statement *statement)
{
    memset(statement, 0, sizeof *statement);
    statement->session = session;
    statement->is_writing = is_writing;
    VL_TRY(session_check_doomed(ctx, session));
    if (session->next_statement >= UINT32_MAX - 1)
        return vl_fail(ctx, VELO_FULL, "the transaction has too many statements");
    for (vl_statement *at = session->statements; at != NULL; at = at->next)
        at->is_first = 0; /* keeps SE4 */
    statement->is_first =
        is_writing && session->is_in_txn && !session->has_snapshot && session->statements == NULL;
    if (is_writing && !session->is_in_txn && session->txn != NULL)
        return vl_fail(ctx, VELO_BUSY, "another statement of the session writes");
    if (is_writing && session->txn == NULL)
        VL_TRY(vl_txn_start(ctx, session, 0));
    else if (is_writing)
        VL_TRY(vl_txn_begin_pending(ctx, session));
    session_use_snapshot(session);
    session_set_view(session, statement);
    session_link(session, statement);
    if (is_writing)
        statement->mark = vl_txn_get_mark(session);
    return VELO_OK;
}

velo_status
vl_statement_nest(vl_ctx *ctx, const vl_statement *outer, vl_statement *statement)
{
    vl_session *session = outer->session;

    memset(statement, 0, sizeof *statement);
    statement->session = session;
    VL_TRY(session_check_doomed(ctx, session));
    if (session->next_statement >= UINT32_MAX - 1)
        return vl_fail(ctx, VELO_FULL, "the transaction has too many statements");
    statement->is_writing = outer->is_writing;
    statement->is_nested = 1;
    session_set_view(session, statement);
    statement->view.read_ts = outer->view.read_ts;
    session_link(session, statement);
    /* It is no mark, so that trees that the statement around it has created stay fresh; who goes
     * back to here alone takes one. But the program's rows are in ranges of their own. */
    if (session->txn != NULL)
        session->txn->range_count = 0;
    return VELO_OK;
}

/* Whether the end of a statement is that of its transaction. */
static int
session_ends_with(const vl_session *session, const vl_statement *statement)
{
    return statement->is_writing && !statement->is_nested && !session->is_in_txn &&
           session->txn != NULL;
}

velo_status
vl_statement_end(vl_ctx *ctx, vl_statement *statement)
{
    vl_session *session = statement->session;
    int ends = session_ends_with(session, statement), is_over = 0;
    velo_status st = VELO_OK;

    session_close_statement(session, statement);
    if (statement->is_writing && session->txn != NULL && session->statements == NULL)
        vl_txn_join_ranges(session, &statement->mark);
    if (!ends)
        return VELO_OK;
    st = vl_txn_commit(ctx, session, &is_over);
    if (!is_over && session->txn != NULL) { /* unless it was doomed meanwhile */
        vl_error failure = ctx->error;

        vl_txn_abort(ctx, session);
        ctx->error = failure;
    }
    session_end_txn(session, is_over);
    vl_txn_collect_owed(ctx, session);
    return st;
}

void
vl_statement_fail(vl_ctx *ctx, vl_statement *statement)
{
    vl_session *session = statement->session;
    vl_error failure = ctx->error;

    VL_ASSERT(!statement->is_nested);
    if (session_ends_with(session, statement)) {
        session_close_statement(session, statement);
        vl_txn_abort(ctx, session);
        session_end_txn(session, 0);
    } else {
        if (statement->is_writing && session->txn != NULL &&
            vl_txn_back(ctx, session, &statement->mark) != VELO_OK)
            VL_ASSERT(session->is_doomed); /* which the session's next call tells */
        if (statement->is_first && !session->is_doomed)
            session->has_snapshot = 0; /* SE4: the next statement takes one of its own */
        session_close_statement(session, statement);
        if (!session->is_in_txn && session->is_doomed)
            session_end_txn(session,
                            0); /* of a statement of its own: nothing is left to roll back */
    }
    ctx->error = failure;
}

vl_txn_mark
vl_statement_mark(vl_statement *statement)
{
    return session_save(statement->session);
}

vl_txn_mark
vl_statement_pause(vl_statement *statement)
{
    const vl_txn *txn = statement->session->txn;
    uint32_t range_count = txn != NULL ? txn->range_count : 0;
    vl_txn_mark mark = vl_txn_get_mark(statement->session);

    if (txn != NULL)
        statement->session->txn->range_count = range_count;
    return mark;
}

velo_status
vl_statement_back(vl_ctx *ctx, vl_statement *statement, const vl_txn_mark *mark)
{
    VL_TRY(session_check_doomed(ctx, statement->session));
    return vl_txn_back(ctx, statement->session, mark);
}

/* Go on with a statement from its begin, with a snapshot that has the commit it met. */
static void
session_go_on(vl_session *session, vl_statement *statement)
{
    session_take_snapshot(session, VL_SNAPSHOT_APPENDED, session->met);
    session->has_snapshot = session->is_in_txn;
    session_set_view(session, statement);
    session_link(session, statement);
    statement->is_blind = 0; /* until it says so again */
    statement->mark = vl_txn_get_mark(session);
}

int
vl_statement_may_restart(const vl_statement *statement)
{
    return statement->is_writing && !statement->is_nested &&
           (!statement->session->is_in_txn || statement->is_first);
}

velo_status
vl_statement_restart(vl_ctx *ctx, vl_statement *statement)
{
    vl_session *session = statement->session;
    velo_status st;

    VL_ASSERT(statement->is_writing);
    if (!vl_statement_may_restart(statement))
        return vl_fail(ctx, VELO_BUSY_SNAPSHOT,
                       "somebody has changed and committed what the statement changes");
    /* Its own snapshot is given up: nobody waits with a snapshot that he will not use. */
    session->has_snapshot = 0; /* SE4 */
    session_drop_view(session, statement);
    session_unlink(session, statement);
    session_drop_snapshot(session);
    statement->tries++;
    if (session->txn != NULL && session->txn->changes == 0 &&
        statement->tries <
            SESSION_RENEWALS) { /* nothing to undo: see a later moment, that is all */
        vl_txn_unpend(session, NULL);
        vl_txn_release_shares(session);
        session_go_on(session, statement);
        return VELO_OK;
    }
    if (session->txn != NULL)
        vl_txn_abort(ctx, session);
    session->is_doomed = 0;
    st = vl_txn_start(ctx, session, statement->tries > 1);
    if (st != VELO_OK) {
        statement->is_writing = 0;
        session_use_snapshot(session);
        session_link(session, statement); /* to be given up by the caller, as any */
        return st;
    }
    session_go_on(session, statement);
    return VELO_OK;
}

vl_view
vl_statement_newest(const vl_statement *statement)
{
    return vl_view_all_own(&statement->view);
}

vl_view
vl_statement_latest(const vl_statement *statement)
{
    vl_view view = vl_view_all_own(&statement->view);

    view.read_ts = VL_TS_MAX;
    return view;
}

velo_status
vl_statement_await(vl_ctx *ctx, vl_statement *statement)
{
    vl_publish *publish = &statement->session->store->publish;

    statement->is_first = 0; /* keeps SE4 */
    if (vl_publish_ts(publish) >= statement->view.read_ts)
        return VELO_OK;
    return vl_publish_await(ctx, publish, statement->view.read_ts);
}
