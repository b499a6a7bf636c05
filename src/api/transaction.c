/* transaction.c - BEGIN to ROLLBACK, and which schema goes with which snapshot.
 *
 * Invariants
 *   TR1  A statement is run by the schema that its snapshot has. A schema that is taken from the
 *        engine fits a snapshot taken afterwards if no transaction that changes the schema was
 * being committed before or after, and the engine's schema is still the same: then none became
 *        visible in between. Otherwise the snapshot itself is asked, whose tree meta has the
 *        version.
 *   TR2  Whoever changes the schema is alone among writers from then to its transaction's end
 *        (ddl_owner): so no row is written by an outdated schema. A transaction that began before
 *        and writes afterwards fails, since its snapshot is older than the schema.
 *   TR3  The schema of a transaction begun by BEGIN is pinned by its first statement. */
#include "api/api_int.h"

#include "base/alloc.h"

#include <string.h>

/* How long one look for other writers is from the next. */
#define TRANSACTION_NAP_NS UINT64_C(500000)

/* ---- who writes ---- */

/* Count the connection among the writers, or make it the one that changes the schema, unless
 * others are in the way: *is_long tells whether one of those said BEGIN. */
static int
transaction_try_write(velo_connection *connection, int is_ddl, int *is_long)
{
    vl_engine *engine = connection->engine;
    int is_free;

    vl_latch_acquire_exclusive(&engine->latch);
    is_free = engine->ddl_owner == NULL || engine->ddl_owner == connection;
    *is_long = !is_free && engine->ddl_owner->is_long_writer;
    if (is_free && is_ddl) {
        is_free = engine->writer_count == (uint32_t)connection->is_writer;
        *is_long = engine->long_writer_count > (uint32_t)connection->is_long_writer;
    }
    if (is_free) {
        int is_in_transaction = vl_session_is_in_transaction(connection->session);

        engine->writer_count += !connection->is_writer;
        engine->long_writer_count += !connection->is_long_writer && is_in_transaction;
        connection->is_writer = 1;
        connection->is_long_writer = connection->is_long_writer || is_in_transaction;
        if (is_ddl)
            engine->ddl_owner = connection;
    }
    vl_latch_release_exclusive(&engine->latch);
    return is_free;
}

/* The same, waiting: for those who end by themselves in any case, for others as the busy timeout
 * says (31, item 7). */
static velo_status
transaction_start_writing(vl_ctx *ctx, velo_connection *connection, int is_ddl)
{
    vl_io *io = connection->engine->io;
    uint64_t begin_ns = vl_io_monotonic_ns(io);
    int is_long;

    if (connection->is_read_only || connection->query_only)
        return vl_fail(ctx, VELO_READONLY, "attempt to write a readonly database");
    while (!transaction_try_write(connection, is_ddl, &is_long)) {
        if (atomic_load(&connection->interrupt))
            return vl_fail(ctx, VELO_INTERRUPT, "interrupted");
        /* Who has written already may be what the others wait for: then there is an end to it. */
        if ((is_long || connection->is_writer) && connection->busy_ms >= 0 &&
            vl_io_monotonic_ns(io) - begin_ns >= (uint64_t)connection->busy_ms * 1000000)
            return vl_fail(ctx, VELO_BUSY,
                           is_ddl ? "database is locked: another transaction writes"
                                  : "database is locked: another transaction changes the schema");
        vl_io_sleep(io, TRANSACTION_NAP_NS);
    }
    return VELO_OK;
}

/* The transaction is over: others may write. */
static void
transaction_stop_writing(velo_connection *connection)
{
    vl_engine *engine = connection->engine;

    vl_latch_acquire_exclusive(&engine->latch);
    engine->writer_count -= (uint32_t)connection->is_writer;
    engine->long_writer_count -= (uint32_t)connection->is_long_writer;
    if (engine->ddl_owner == connection)
        engine->ddl_owner = NULL;
    vl_latch_release_exclusive(&engine->latch);
    connection->is_writer = 0;
    connection->is_long_writer = 0;
}

/* ---- schemas ---- */

/* Whether a transaction that changes the schema is being committed; *schema receives the engine's,
 * with a reference. */
static int
transaction_peek(vl_engine *engine, vl_schema **schema)
{
    int is_committing;

    vl_latch_acquire_exclusive(&engine->latch);
    is_committing = engine->is_committing;
    *schema = engine->schema;
    vl_schema_retain(*schema);
    vl_latch_release_exclusive(&engine->latch);
    return is_committing;
}

/* The schema that an open statement sees, by asking its snapshot. Takes the reference to `guess`.
 */
static velo_status
transaction_ask_schema(vl_ctx *ctx, velo_connection *connection, const vl_statement *statement,
                       vl_schema *guess, vl_schema **out)
{
    int64_t version;
    velo_status st = vl_engine_read_meta(ctx, connection->engine, &statement->view,
                                         VL_META_SCHEMA_VERSION, &version);

    *out = guess;
    if (st == VELO_OK && (uint64_t)version == guess->version)
        return VELO_OK;
    vl_schema_release(guess);
    *out = NULL;
    VL_TRY(st);
    return vl_engine_read_schema(ctx, connection->engine, &statement->view, out);
}

void
vl_connection_set_schema(velo_connection *connection, vl_schema *schema)
{
    vl_schema_release(connection->schema);
    connection->schema = schema;
    connection->has_ddl = 1;
}

static void
transaction_forget_schema(velo_connection *connection)
{
    vl_schema_release(connection->schema);
    connection->schema = NULL;
    connection->has_ddl = 0;
}

/* Remember as of which version of the data a new snapshot is. One of the same time as the one
 * before is new all the same when nothing kept that: versions are counted also for changes of
 * nothing. */
static void
transaction_note_snapshot(velo_connection *connection, const vl_statement *statement,
                          uint64_t version)
{
    if (statement->view.read_ts == connection->snapshot_ts &&
        (connection->active_count > 0 || vl_session_is_in_transaction(connection->session)))
        return;
    connection->snapshot_ts = statement->view.read_ts;
    connection->snapshot_version = version;
}

/* Whether a statement that writes is run by a callback of another one whose end commits: it is part
 * of that one then. */
static int
transaction_is_nested(const velo_connection *connection)
{
    return connection->own != NULL && connection->depth > 1 &&
           !vl_session_is_in_transaction(connection->session);
}

/* Begin the statement below and find its schema. Keeps TR1, TR3. */
static velo_status
transaction_begin_statement(vl_ctx *ctx, velo_connection *connection, vl_statement *statement,
                            int is_writing, vl_schema **out)
{
    vl_engine *engine = connection->engine;
    vl_schema *before;
    vl_schema *after;
    int may_differ = transaction_peek(engine, &before) || connection->active_count > 0 ||
                     vl_session_is_in_transaction(connection->session);
    uint64_t version = atomic_load(&engine->data_version);
    int is_nested = is_writing && transaction_is_nested(connection);
    velo_status st = is_nested
                         ? vl_statement_nest(ctx, connection->own, statement)
                         : vl_statement_begin(ctx, connection->session, is_writing, statement);

    if (st != VELO_OK) {
        vl_schema_release(before);
        return st;
    }
    transaction_note_snapshot(connection, statement, version);
    if (connection->schema != NULL) {
        vl_schema_release(before);
        vl_schema_retain(connection->schema);
        *out = connection->schema;
        return VELO_OK;
    }
    may_differ = transaction_peek(engine, &after) || after != before || may_differ;
    vl_schema_release(before);
    *out = after;
    if (may_differ)
        st = transaction_ask_schema(ctx, connection, statement, after, out);
    if (st != VELO_OK) {
        vl_statement_fail(ctx, statement);
        return st;
    }
    if (vl_session_is_in_transaction(connection->session)) {
        vl_schema_retain(*out);
        connection->schema = *out;
    }
    return VELO_OK;
}

/* Whether the transaction's schema is out of date, so that it must not write. Keeps TR2. */
static velo_status
transaction_check_schema(vl_ctx *ctx, velo_connection *connection, const vl_schema *schema)
{
    vl_schema *newest = vl_engine_schema(connection->engine);
    int is_old = !connection->has_ddl && newest->version != schema->version;

    vl_schema_release(newest);
    if (!is_old)
        return VELO_OK;
    return vl_fail(ctx, VELO_BUSY_SNAPSHOT,
                   "the schema was changed after this transaction's snapshot");
}

velo_status
vl_connection_enter(vl_ctx *ctx, velo_connection *connection, vl_statement *statement,
                    int is_writing, int is_ddl, vl_schema **schema)
{
    velo_status st;

    *schema = NULL;
    if (is_writing)
        VL_TRY(transaction_start_writing(ctx, connection, is_ddl));
    st = transaction_begin_statement(ctx, connection, statement, is_writing, schema);
    if (st == VELO_OK && is_writing) {
        st = transaction_check_schema(ctx, connection, *schema);
        if (st != VELO_OK) {
            vl_statement_fail(ctx, statement);
            vl_schema_release(*schema);
            *schema = NULL;
        }
    }
    if (st == VELO_OK) {
        connection->active_count++;
        connection->writing_count += (uint32_t)is_writing;
        if (is_writing && !statement->is_nested &&
            !vl_session_is_in_transaction(connection->session))
            connection->own = statement;
    } else if (!vl_session_is_in_transaction(connection->session) &&
               connection->writing_count == 0) {
        transaction_stop_writing(connection);
    }
    return st;
}

/* ---- ends ---- */

/* Say that a commit begins, or has ended, which changes the schema. */
static void
transaction_mark_commit(velo_connection *connection, int is_committing, int has_committed)
{
    vl_engine *engine = connection->engine;
    vl_schema *old = NULL;

    vl_latch_acquire_exclusive(&engine->latch);
    engine->is_committing = is_committing;
    if (has_committed) {
        old = engine->schema;
        engine->schema = connection->schema;
        vl_schema_retain(engine->schema);
    }
    vl_latch_release_exclusive(&engine->latch);
    vl_schema_release(old);
}

/* Drop savepoints up to, and without, `last`. */
static void
transaction_drop_savepoints(velo_connection *connection, const vl_savepoint *last)
{
    while (connection->savepoints != last) {
        vl_savepoint *savepoint = connection->savepoints;

        connection->savepoints = savepoint->older;
        vl_schema_release(savepoint->schema);
        vl_free(savepoint);
    }
}

/* Count a commit, unless it changed nothing: then later snapshots are as those before. */
static void
transaction_count_commit(velo_connection *connection)
{
    vl_timestamp ts = vl_session_last_commit(connection->session);

    if (ts == connection->commit_ts)
        return;
    connection->commit_ts = ts;
    atomic_fetch_add(&connection->engine->data_version, 1);
}

/* The transaction is over in one way or another: nothing of it is left in the connection. */
static void
transaction_close(velo_connection *connection, int has_committed)
{
    connection->own = NULL;
    vl_virtuals_end(&connection->ctx, connection, has_committed);
    if (connection->has_ddl)
        transaction_mark_commit(connection, 0, has_committed);
    if (has_committed && connection->is_writer)
        transaction_count_commit(connection);
    transaction_forget_schema(connection);
    transaction_drop_savepoints(connection, NULL);
    transaction_stop_writing(connection);
    connection->foreign = (vl_exec_foreign){0, 0, 0};
}

/* Changes are about to be undone under statements that are open. Those that wrote have made all of
 * their changes, and only give rows on; those that read by a schema which goes must not go on. */
static void
transaction_detach(velo_connection *connection)
{
    for (velo_statement *at = connection->statements; at != NULL; at = at->next) {
        if (!at->is_open)
            continue;
        at->is_expired = at->is_expired || connection->has_ddl;
        if (!at->is_writing)
            continue;
        at->is_writing = 0;
        at->txn.is_writing = 0;
        connection->writing_count--;
    }
}

void
vl_connection_roll_back(vl_ctx *ctx, velo_connection *connection)
{
    vl_error error = ctx->error;

    int is_writer = connection->is_writer;

    if (!vl_session_is_in_transaction(connection->session))
        return;
    transaction_detach(connection);
    if (vl_session_rollback(ctx, connection->session) != VELO_OK)
        ctx->error = error; /* what cannot be undone now is undone later: see vl_session_rollback */
    transaction_close(connection, 0);
    if (is_writer)
        vl_hooks_rollback(connection);
    ctx->error = error;
}

/* Ask those who may refuse a commit. */
static velo_status
transaction_ask_commit(vl_ctx *ctx, velo_connection *connection)
{
    VL_TRY(vl_virtuals_sync(ctx, connection));
    return vl_hooks_commit(ctx, connection);
}

/* End a statement that wrote outside of BEGIN: commit. */
static velo_status
transaction_end_own(vl_ctx *ctx, velo_connection *connection, vl_statement *statement)
{
    velo_status st = transaction_ask_commit(ctx, connection);

    if (st != VELO_OK) {
        vl_error error = ctx->error;

        vl_statement_fail(ctx, statement);
        ctx->error = error;
    } else {
        if (connection->has_ddl)
            transaction_mark_commit(connection, 1, 0);
        st = vl_statement_end(ctx, statement);
    }
    transaction_close(connection, st == VELO_OK);
    if (st != VELO_OK)
        vl_hooks_rollback(connection);
    return st;
}

void
vl_connection_linger(velo_connection *connection)
{
    vl_engine *engine = connection->engine;

    vl_latch_acquire_exclusive(&engine->latch);
    engine->long_writer_count += connection->is_writer && !connection->is_long_writer;
    connection->is_long_writer = connection->is_long_writer || connection->is_writer;
    vl_latch_release_exclusive(&engine->latch);
}

velo_status
vl_connection_leave(vl_ctx *ctx, velo_connection *connection, vl_statement *statement,
                    int is_writing, velo_status st, vl_conflict resolution)
{
    int is_own =
        is_writing && !statement->is_nested && !vl_session_is_in_transaction(connection->session);
    vl_error error;

    connection->active_count--;
    connection->writing_count -= (uint32_t)is_writing;
    if (!is_writing) {
        velo_status end = vl_statement_end(ctx, statement);

        return st != VELO_OK ? st : end;
    }
    if (!statement->is_nested)
        vl_virtuals_end_statement(ctx, connection, st == VELO_OK || resolution == VL_CONFLICT_FAIL);
    if (st == VELO_OK || resolution == VL_CONFLICT_FAIL) {
        velo_status end;

        error = ctx->error;
        end = is_own ? transaction_end_own(ctx, connection, statement)
                     : vl_statement_end(ctx, statement);
        if (st == VELO_OK)
            return end;
        ctx->error = error;
        return st;
    }
    error = ctx->error;
    vl_statement_fail(ctx, statement);
    if (is_own) {
        transaction_close(connection, 0);
        vl_hooks_rollback(connection);
    } else if (resolution == VL_CONFLICT_ROLLBACK || vl_status_primary(st) == VELO_INTERRUPT)
        vl_connection_roll_back(ctx, connection);
    ctx->error = error;
    return st;
}

/* ---- BEGIN, COMMIT, ROLLBACK ---- */

/* Begin one; its first statement takes a snapshot, unless an open statement keeps that of now. */
static velo_status
transaction_begin_session(vl_ctx *ctx, velo_connection *connection, vl_txn_mode mode)
{
    VL_TRY(vl_session_begin(ctx, connection->session, mode));
    if (connection->active_count == 0)
        connection->snapshot_ts = VL_TS_NONE;
    return VELO_OK;
}

static velo_status
transaction_begin(vl_ctx *ctx, velo_connection *connection, const vl_ast *tree)
{
    vl_txn_mode mode = tree->op == VL_OP_IMMEDIATE || tree->op == VL_OP_EXCLUSIVE ? VL_TXN_IMMEDIATE
                                                                                  : VL_TXN_DEFERRED;
    velo_status st;

    if (vl_session_is_in_transaction(connection->session))
        return vl_fail(ctx, VELO_ERROR, "cannot start a transaction within a transaction");
    if (mode == VL_TXN_IMMEDIATE)
        VL_TRY(transaction_start_writing(ctx, connection, 0));
    st = transaction_begin_session(ctx, connection, mode);
    if (mode == VL_TXN_IMMEDIATE && st != VELO_OK && connection->writing_count == 0)
        transaction_stop_writing(connection);
    if (mode == VL_TXN_IMMEDIATE && st == VELO_OK)
        vl_connection_linger(connection); /* it has said BEGIN by now */
    return st;
}

static velo_status
transaction_commit(vl_ctx *ctx, velo_connection *connection)
{
    velo_status st;

    if (!vl_session_is_in_transaction(connection->session))
        return vl_fail(ctx, VELO_ERROR, "cannot commit - no transaction is active");
    if (connection->writing_count > 0)
        return vl_fail(ctx, VELO_BUSY, "cannot commit transaction - SQL statements in progress");
    if (connection->foreign.deferred + connection->foreign.put_off > 0)
        return vl_foreign_fail(ctx);
    if (connection->is_writer) {
        st = transaction_ask_commit(ctx, connection);
        if (st != VELO_OK) {
            vl_connection_roll_back(ctx, connection);
            return st;
        }
    }
    if (connection->has_ddl)
        transaction_mark_commit(connection, 1, 0);
    st = vl_session_commit(ctx, connection->session);
    if (vl_session_is_in_transaction(connection->session)) {
        if (connection->has_ddl)
            transaction_mark_commit(connection, 0, 0);
        return st;
    }
    transaction_close(connection, st == VELO_OK);
    return st;
}

static velo_status
transaction_rollback(vl_ctx *ctx, velo_connection *connection)
{
    if (!vl_session_is_in_transaction(connection->session))
        return vl_fail(ctx, VELO_ERROR, "cannot rollback - no transaction is active");
    vl_connection_roll_back(ctx, connection);
    return VELO_OK;
}

/* ---- savepoints ---- */

static vl_savepoint *
transaction_find_savepoint(velo_connection *connection, const vl_ast *tree)
{
    vl_savepoint *savepoint = connection->savepoints;

    while (savepoint != NULL && vl_name_compare(savepoint->name, strlen(savepoint->name),
                                                tree->text, tree->text_size) != 0)
        savepoint = savepoint->older;
    return savepoint;
}

static velo_status
transaction_no_savepoint(vl_ctx *ctx, const vl_ast *tree)
{
    return vl_fail(ctx, VELO_ERROR, "no such savepoint: %.*s", (int)tree->text_size, tree->text);
}

static velo_status
transaction_save(vl_ctx *ctx, velo_connection *connection, const vl_ast *tree)
{
    vl_savepoint *savepoint = vl_alloc_zero(ctx, sizeof *savepoint + tree->text_size + 1);
    int is_transaction = !vl_session_is_in_transaction(connection->session);

    if (savepoint == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a savepoint");
    if (is_transaction) {
        velo_status st = transaction_begin_session(ctx, connection, VL_TXN_DEFERRED);

        if (st != VELO_OK) {
            vl_free(savepoint);
            return st;
        }
    }
    savepoint->name = (char *)(savepoint + 1);
    memcpy(savepoint->name, tree->text, tree->text_size);
    savepoint->mark = vl_session_save(connection->session);
    savepoint->schema = connection->schema;
    savepoint->has_ddl = connection->has_ddl;
    if (savepoint->schema != NULL)
        vl_schema_retain(savepoint->schema);
    savepoint->is_transaction = is_transaction;
    savepoint->foreign = connection->foreign;
    savepoint->older = connection->savepoints;
    connection->savepoints = savepoint;
    return vl_virtuals_save(ctx, connection);
}

static velo_status
transaction_release(vl_ctx *ctx, velo_connection *connection, const vl_ast *tree)
{
    vl_savepoint *savepoint = transaction_find_savepoint(connection, tree);

    if (savepoint == NULL)
        return transaction_no_savepoint(ctx, tree);
    if (savepoint->is_transaction)
        return transaction_commit(ctx, connection);
    VL_TRY(vl_virtuals_release_savepoint(ctx, connection, savepoint));
    transaction_drop_savepoints(connection, savepoint->older);
    return VELO_OK;
}

static velo_status
transaction_roll_back_to(vl_ctx *ctx, velo_connection *connection, const vl_ast *tree)
{
    vl_savepoint *savepoint = transaction_find_savepoint(connection, tree);

    if (savepoint == NULL)
        return transaction_no_savepoint(ctx, tree);
    transaction_detach(connection);
    VL_TRY(vl_session_rollback_to(ctx, connection->session, &savepoint->mark));
    transaction_drop_savepoints(connection, savepoint);
    connection->foreign.deferred = savepoint->foreign.deferred;
    connection->foreign.put_off = savepoint->foreign.put_off;
    if (connection->has_ddl) {
        transaction_forget_schema(connection);
        connection->schema = savepoint->schema;
        connection->has_ddl = savepoint->has_ddl;
        if (connection->schema != NULL)
            vl_schema_retain(connection->schema);
    }
    return vl_virtuals_roll_back_to(ctx, connection, savepoint);
}

velo_status
vl_connection_control(vl_ctx *ctx, velo_connection *connection, const vl_ast *tree)
{
    switch (tree->type) {
    case VL_AST_BEGIN:
        return transaction_begin(ctx, connection, tree);
    case VL_AST_COMMIT:
        return transaction_commit(ctx, connection);
    case VL_AST_ROLLBACK:
        return tree->text != NULL ? transaction_roll_back_to(ctx, connection, tree)
                                  : transaction_rollback(ctx, connection);
    case VL_AST_SAVEPOINT:
        return transaction_save(ctx, connection, tree);
    default:
        return transaction_release(ctx, connection, tree);
    }
}
