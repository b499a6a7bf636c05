/* transaction.c - BEGIN to ROLLBACK over all databases of a connection.
 *
 * Invariants
 *   TR1  The sessions of all databases that have one are in a transaction, or none is.
 *   TR2  Each of those databases has one vl_saved for each savepoint of the connection.
 *   TR3  Databases commit one after the other, in the order of their numbers, those that have
 *        changed something first: when the first of them fails nothing is committed. When a later
 *        one fails, all that are left are rolled back, and the error names both kinds.
 *   TR4  What a deadlock has undone in one database is undone in all, before anybody is told. */
#include "api/api_int.h"

#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

/* Bytes of a list of names in an error. */
#define TRANSACTION_NAMES_SIZE 160U

/* The databases of a connection that have a session. */
static vl_database *
transaction_next(const velo_connection *connection, uint32_t *at)
{
    while (*at < connection->database_count) {
        vl_database *database = connection->databases[(*at)++];

        if (database->session != NULL)
            return database;
    }
    return NULL;
}

/* ---- the parts of a statement ---- */

/* Give up what is open of a statement, which has changed nothing. writes: the databases that it was
 * to write, by number. */
static void
transaction_undo_parts(vl_ctx *ctx, velo_statement *statement, uint32_t writes)
{
    velo_connection *connection = statement->connection;
    vl_error error = ctx->error;

    for (uint32_t i = 0; i < statement->part_count; i++) {
        vl_part *part = &statement->parts[i];

        if (part->is_open)
            vl_part_fail(ctx, part);
        if ((writes >> i & 1U) != 0 && !vl_connection_is_in_transaction(connection) &&
            part->database->writing_count == 0)
            vl_database_close(part->database, 0);
    }
    ctx->error = error;
}

/* Whether a deadlock has taken the transaction: then nothing but ROLLBACK goes on. */
static velo_status
transaction_check_doomed(vl_ctx *ctx, const velo_connection *connection)
{
    const vl_database *database;

    for (uint32_t at = 0; (database = transaction_next(connection, &at)) != NULL;)
        if (vl_session_is_doomed(database->session))
            return vl_fail(ctx, VELO_BUSY_SNAPSHOT,
                           "the transaction was undone to end a deadlock: only ROLLBACK can "
                           "follow");
    return VELO_OK;
}

velo_status
vl_connection_enter(vl_ctx *ctx, velo_statement *statement, const vl_needs *needs,
                    vl_schema **schemas)
{
    velo_connection *connection = statement->connection;
    velo_status st = VELO_OK;

    memset(schemas, 0, VL_DATABASES_MAX * sizeof(vl_schema *));
    if (connection->database_count > VL_DATABASE_ATTACHED || connection->temp.session != NULL)
        VL_TRY(transaction_check_doomed(ctx, connection));
    for (uint32_t i = 0; i < statement->part_count; i++) {
        statement->parts[i].database = connection->databases[i];
        statement->parts[i].is_open = 0;
        statement->parts[i].is_writing = 0;
    }
    for (uint32_t i = 0; i < statement->part_count && st == VELO_OK; i++) {
        vl_part *part = &statement->parts[i];

        if ((needs->reads >> i & 1U) != 0)
            st = vl_part_begin(ctx, part, (int)(needs->writes >> i & 1U),
                               (int)(needs->ddl >> i & 1U), &schemas[i]);
    }
    if (st == VELO_OK) {
        connection->active_count++;
        connection->writing_count += needs->writes != 0;
        return VELO_OK;
    }
    transaction_undo_parts(ctx, statement, needs->writes);
    vl_database_release_schemas(schemas, statement->part_count);
    return st;
}

void
vl_connection_give_up(vl_ctx *ctx, velo_statement *statement, int is_writing)
{
    uint32_t writes = 0;

    statement->connection->active_count--;
    statement->connection->writing_count -= (uint32_t)is_writing;
    for (uint32_t i = 0; i < statement->part_count; i++)
        writes |= (uint32_t)statement->parts[i].is_writing << i;
    transaction_undo_parts(ctx, statement, writes);
}

/* ---- ends ---- */

/* Which databases have committed, and which were to and have not: sets of 1 << number. */
typedef struct transaction_outcome {
    uint32_t done;
    uint32_t undone;
} transaction_outcome;

/* Names of a set of databases, for an error. */
static void
transaction_put_names(const velo_connection *connection, uint32_t set,
                      char text[TRANSACTION_NAMES_SIZE])
{
    size_t used = 0;

    text[0] = 0;
    for (uint32_t i = 0; i < connection->database_count && used < TRANSACTION_NAMES_SIZE; i++)
        if ((set >> i & 1U) != 0)
            used += (size_t)snprintf(text + used, TRANSACTION_NAMES_SIZE - used, "%s%s",
                                     used > 0 ? ", " : "", connection->databases[i]->name);
}

/* A commit has failed: if it is half done, say which databases have committed, and which have not.
 * The words before say why. keeps TR3 */
static velo_status
transaction_say_half(vl_ctx *ctx, const velo_connection *connection, velo_status st,
                     const transaction_outcome *outcome)
{
    char why[sizeof ctx->error.text];
    char done[TRANSACTION_NAMES_SIZE];
    char undone[TRANSACTION_NAMES_SIZE];

    if (outcome->done == 0 || outcome->undone == 0)
        return st;
    transaction_put_names(connection, outcome->done, done);
    transaction_put_names(connection, outcome->undone, undone);
    (void)snprintf(why, sizeof why, "%s", ctx->error.text);
    return vl_fail(ctx, st, "the transaction was committed in %s, but not in %s: %s", done, undone,
                   why);
}

/* Drop savepoints up to, and without, `last`. Keeps TR2. */
static void
transaction_drop_savepoints(velo_connection *connection, const vl_savepoint *last)
{
    while (connection->savepoints != last) {
        vl_savepoint *savepoint = connection->savepoints;
        vl_database *database;

        for (uint32_t at = 0; (database = transaction_next(connection, &at)) != NULL;) {
            vl_saved *saved = database->saved;

            database->saved = saved->older;
            vl_schema_release(saved->schema);
            vl_schema_release(saved->shared);
            vl_free(saved);
        }
        connection->savepoints = savepoint->older;
        vl_free(savepoint);
    }
}

/* Nothing of the transaction is left in the connection itself. */
static void
transaction_close(velo_connection *connection, int has_committed)
{
    vl_virtuals_end(&connection->ctx, connection, has_committed);
    transaction_drop_savepoints(connection, NULL);
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
        for (uint32_t i = 0; i < at->part_count; i++) {
            vl_part *part = &at->parts[i];

            if (!part->is_open)
                continue;
            at->is_expired = at->is_expired || part->database->has_ddl;
            part->database->writing_count -= (uint32_t)part->is_writing;
            part->is_writing = 0;
            part->txn.is_rolled_back |= part->txn.is_writing;
            part->txn.is_writing = 0;
        }
        connection->writing_count -= (uint32_t)at->is_writing;
        at->is_writing = 0;
    }
}

void
vl_connection_roll_back(vl_ctx *ctx, velo_connection *connection)
{
    vl_error error = ctx->error;
    vl_database *database;
    int is_writer = 0;

    if (!vl_connection_is_in_transaction(connection))
        return;
    transaction_detach(connection);
    for (uint32_t at = 0; (database = transaction_next(connection, &at)) != NULL;) {
        is_writer |= database->is_writer;
        if (vl_session_is_in_transaction(database->session) &&
            vl_session_rollback(ctx, database->session) != VELO_OK)
            ctx->error = error; /* what cannot be undone now is undone later */
        vl_database_close(database, 0);
    }
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

/* Whether a statement is part of another one, which commits what it does. */
static int
transaction_is_nested(const velo_statement *statement)
{
    for (uint32_t i = 0; i < statement->part_count; i++)
        if (statement->parts[i].is_writing && statement->parts[i].txn.is_nested)
            return 1;
    return 0;
}

/* End one writing part of a statement outside of BEGIN: commit. *has_changed: it has changed
 * something. */
static velo_status
transaction_commit_part(vl_ctx *ctx, vl_part *part, int *has_changed)
{
    vl_database *database = part->database;
    vl_timestamp before = vl_session_last_commit(database->session);
    velo_status st;

    vl_database_begin_commit(database);
    st = vl_part_end(ctx, part);
    vl_database_close(database, st == VELO_OK);
    *has_changed = st == VELO_OK && vl_session_last_commit(database->session) != before;
    return st;
}

/* Put entries of indexes that wait, in all databases. */
static velo_status
transaction_settle(vl_ctx *ctx, velo_connection *connection)
{
    vl_database *database;

    for (uint32_t at = 0; (database = transaction_next(connection, &at)) != NULL;)
        VL_TRY(vl_session_settle(ctx, database->session));
    return VELO_OK;
}

/* End the parts of a statement that wrote outside of BEGIN: commit, one after the other. Keeps TR3.
 */
static velo_status
transaction_end_own(vl_ctx *ctx, velo_statement *statement)
{
    velo_connection *connection = statement->connection;
    transaction_outcome outcome = {0, 0};
    velo_status st = transaction_settle(ctx, connection);

    if (st == VELO_OK && statement->backup == NULL) /* as in SQLite nobody is asked for a backup */
        st = transaction_ask_commit(ctx, connection);
    for (uint32_t i = 0; i < statement->part_count; i++) {
        vl_part *part = &statement->parts[i];
        int is_writing = part->is_writing;
        int has_changed = 0;

        if (!part->is_open)
            continue;
        if (st == VELO_OK && is_writing) {
            st = transaction_commit_part(ctx, part, &has_changed);
        } else if (st == VELO_OK) {
            st = vl_part_end(ctx, part);
        } else {
            vl_part_fail(ctx, part); /* keeps the error */
            if (is_writing)
                vl_database_close(part->database, 0);
        }
        outcome.done |= (uint32_t)has_changed << i;
        outcome.undone |= (uint32_t)(st != VELO_OK && is_writing) << i;
    }
    transaction_close(connection, st == VELO_OK);
    if (st == VELO_OK)
        return VELO_OK;
    if (outcome.done == 0)
        vl_hooks_rollback(connection);
    return transaction_say_half(ctx, connection, st, &outcome);
}

void
vl_connection_linger(velo_connection *connection)
{
    vl_database *database;

    for (uint32_t at = 0; (database = transaction_next(connection, &at)) != NULL;)
        vl_database_linger(database);
}

/* End all parts of a statement that commits nothing, but what a nested one has of databases that
 * the one around it does not write. */
static velo_status
transaction_end_parts(vl_ctx *ctx, velo_statement *statement)
{
    int is_own = !vl_connection_is_in_transaction(statement->connection);
    int has_changed;
    velo_status st = VELO_OK;

    for (uint32_t i = 0; i < statement->part_count; i++) {
        if (!statement->parts[i].is_open)
            continue;
        if (st == VELO_OK && is_own && statement->parts[i].is_writing &&
            !statement->parts[i].txn.is_nested)
            st = transaction_commit_part(ctx, &statement->parts[i], &has_changed);
        else if (st == VELO_OK)
            st = vl_part_end(ctx, &statement->parts[i]);
        else
            vl_part_fail(ctx, &statement->parts[i]); /* keeps the error */
    }
    return st;
}

/* After a failed statement of a transaction: a deadlock may have taken the transaction of one
 * database. Keeps TR4. */
static void
transaction_spread_doom(velo_connection *connection)
{
    vl_database *database;
    vl_ctx scratch;
    int is_doomed = 0;

    for (uint32_t at = 0; (database = transaction_next(connection, &at)) != NULL;)
        is_doomed |= vl_session_is_doomed(database->session);
    if (!is_doomed)
        return;
    vl_ctx_init(&scratch, NULL, NULL);
    for (uint32_t at = 0; (database = transaction_next(connection, &at)) != NULL;)
        if (database->is_writer && !vl_session_is_doomed(database->session) &&
            vl_session_rollback_to(&scratch, database->session, &database->begin) != VELO_OK)
            vl_error_clear(&scratch); /* then it is doomed as well */
}

/* A statement that wrote has failed, and its changes are to go. */
static void
transaction_undo(vl_ctx *ctx, velo_statement *statement, velo_status st, vl_conflict resolution)
{
    velo_connection *connection = statement->connection;
    int is_own = !vl_connection_is_in_transaction(connection);
    int is_nested = transaction_is_nested(statement);

    for (uint32_t i = 0; i < statement->part_count; i++) {
        vl_part *part = &statement->parts[i];
        int was_writing = part->is_writing && !part->txn.is_nested;

        if (!part->is_open)
            continue;
        vl_part_fail(ctx, part);
        if (is_own && was_writing)
            vl_database_close(part->database, 0);
    }
    if (is_own && is_nested)
        return; /* what is around it goes on */
    if (is_own) {
        transaction_close(connection, 0);
        vl_hooks_rollback(connection);
    } else if (resolution == VL_CONFLICT_ROLLBACK || vl_status_primary(st) == VELO_INTERRUPT) {
        vl_connection_roll_back(ctx, connection);
    } else {
        transaction_spread_doom(connection);
    }
}

velo_status
vl_connection_leave(vl_ctx *ctx, velo_statement *statement, int is_writing, velo_status st,
                    vl_conflict resolution)
{
    velo_connection *connection = statement->connection;
    int is_nested = transaction_is_nested(statement);
    int is_own = is_writing && !is_nested && !vl_connection_is_in_transaction(connection);
    vl_error error;

    connection->active_count--;
    connection->writing_count -= (uint32_t)is_writing;
    if (is_writing && !is_nested)
        vl_virtuals_end_statement(ctx, connection, st == VELO_OK || resolution == VL_CONFLICT_FAIL);
    if (st == VELO_OK)
        return is_own ? transaction_end_own(ctx, statement) : transaction_end_parts(ctx, statement);
    error = ctx->error;
    if (is_writing && resolution != VL_CONFLICT_FAIL)
        transaction_undo(ctx, statement, st, resolution);
    else if ((is_own ? transaction_end_own(ctx, statement)
                     : transaction_end_parts(ctx, statement)) != VELO_OK)
        vl_error_clear(ctx); /* the statement's own error is told */
    ctx->error = error;
    return st;
}

/* ---- BEGIN, COMMIT, ROLLBACK ---- */

/* What a database is now, for a savepoint. */
static void
transaction_keep(vl_database *database, vl_saved *saved)
{
    saved->mark = vl_session_save(database->session);
    saved->schema = database->schema;
    saved->shared = database->shared;
    saved->has_ddl = database->has_ddl;
    if (saved->schema != NULL)
        vl_schema_retain(saved->schema);
    if (saved->shared != NULL)
        vl_schema_retain(saved->shared);
    saved->older = database->saved;
    database->saved = saved;
}

/* Begin one; its first statement takes a snapshot, unless an open statement keeps that of now. */
static velo_status
transaction_begin_session(vl_ctx *ctx, vl_database *database, vl_txn_mode mode)
{
    VL_TRY(vl_session_begin(ctx, database->session, mode));
    database->begin = vl_session_save(database->session);
    if (database->active_count == 0)
        database->snapshot_ts = VL_TS_NONE;
    return VELO_OK;
}

velo_status
vl_database_join(vl_ctx *ctx, vl_database *database)
{
    velo_connection *connection = database->connection;
    velo_status st;

    if (!vl_connection_is_in_transaction(connection))
        return VELO_OK;
    for (const vl_savepoint *at = connection->savepoints; at != NULL; at = at->older) {
        vl_saved *saved = vl_alloc_zero(ctx, sizeof *saved);

        if (saved == NULL) {
            st = vl_fail(ctx, VELO_NOMEM, "cannot allocate a savepoint");
            goto fail;
        }
        saved->older = database->saved;
        database->saved = saved;
    }
    st = transaction_begin_session(ctx, database, VL_TXN_DEFERRED);
    if (st != VELO_OK)
        goto fail;
    for (vl_saved *saved = database->saved; saved != NULL; saved = saved->older)
        saved->mark = database->begin;
    return VELO_OK;
fail:
    while (database->saved != NULL) {
        vl_saved *saved = database->saved;

        database->saved = saved->older;
        vl_free(saved);
    }
    return st;
}

/* Begin in all databases; IMMEDIATE takes the place of the only writer in each but temp. On failure
 * none is in a transaction. Keeps TR1. */
static velo_status
transaction_begin_all(vl_ctx *ctx, velo_connection *connection, vl_txn_mode mode)
{
    velo_status st = VELO_OK;
    vl_database *database;

    for (uint32_t at = 0;
         st == VELO_OK && (database = transaction_next(connection, &at)) != NULL;) {
        vl_txn_mode own = database->is_read_only ? VL_TXN_DEFERRED : mode;

        if (own == VL_TXN_IMMEDIATE)
            st = vl_database_start_writing(ctx, database, 0);
        if (st == VELO_OK)
            st = transaction_begin_session(ctx, database, own);
    }
    if (st == VELO_OK)
        return VELO_OK;
    for (uint32_t at = 0; (database = transaction_next(connection, &at)) != NULL;) {
        vl_error error = ctx->error;

        if (vl_session_is_in_transaction(database->session) &&
            vl_session_rollback(ctx, database->session) != VELO_OK)
            ctx->error = error; /* it has changed nothing */
        if (mode == VL_TXN_IMMEDIATE && database->writing_count == 0)
            vl_database_stop_writing(database);
        ctx->error = error;
    }
    return st;
}

static velo_status
transaction_begin(vl_ctx *ctx, velo_connection *connection, const vl_ast *tree)
{
    vl_txn_mode mode = tree->op == VL_OP_IMMEDIATE || tree->op == VL_OP_EXCLUSIVE ? VL_TXN_IMMEDIATE
                                                                                  : VL_TXN_DEFERRED;

    if (vl_connection_is_in_transaction(connection))
        return vl_fail(ctx, VELO_ERROR, "cannot start a transaction within a transaction");
    if (mode == VL_TXN_IMMEDIATE && connection->main.is_read_only)
        return vl_fail(ctx, VELO_READONLY, "attempt to write a readonly database");
    VL_TRY(transaction_begin_all(ctx, connection, mode));
    if (mode == VL_TXN_IMMEDIATE)
        vl_connection_linger(connection); /* it has said BEGIN by now */
    return VELO_OK;
}

/* Commit the sessions of databases that write (or of all others), in their order. */
static velo_status
transaction_commit_some(vl_ctx *ctx, velo_connection *connection, int are_writers,
                        transaction_outcome *outcome)
{
    for (uint32_t i = 0; i < connection->database_count; i++) {
        vl_database *database = connection->databases[i];
        vl_timestamp before;
        velo_status st;

        if (database->session == NULL || !vl_session_is_in_transaction(database->session) ||
            database->is_writer != are_writers)
            continue;
        before = vl_session_last_commit(database->session);
        vl_database_begin_commit(database);
        st = vl_session_commit(ctx, database->session);
        if (vl_session_is_in_transaction(database->session)) {
            vl_database_fail_commit(database);
            return st;
        }
        vl_database_close(database, st == VELO_OK);
        if (st != VELO_OK)
            outcome->undone |= UINT32_C(1) << i;
        else if (vl_session_last_commit(database->session) != before)
            outcome->done |= UINT32_C(1) << i;
        VL_TRY(st);
    }
    return VELO_OK;
}

/* A commit has failed when some databases had ended their transaction: end the others. */
static velo_status
transaction_end_half(vl_ctx *ctx, velo_connection *connection, velo_status st,
                     transaction_outcome *outcome)
{
    vl_error error = ctx->error;

    transaction_detach(connection);
    for (uint32_t i = 0; i < connection->database_count; i++) {
        vl_database *database = connection->databases[i];

        if (database->session == NULL || !vl_session_is_in_transaction(database->session))
            continue;
        outcome->undone |= (uint32_t)database->is_writer << i;
        if (vl_session_rollback(ctx, database->session) != VELO_OK)
            ctx->error = error; /* it ends all the same */
        vl_database_close(database, 0);
    }
    ctx->error = error;
    transaction_close(connection, 0);
    return transaction_say_half(ctx, connection, st, outcome);
}

static velo_status
transaction_commit(vl_ctx *ctx, velo_connection *connection)
{
    transaction_outcome outcome = {0, 0};
    vl_database *database;
    int is_writer = 0;
    velo_status st;

    if (!vl_connection_is_in_transaction(connection))
        return vl_fail(ctx, VELO_ERROR, "cannot commit - no transaction is active");
    if (connection->writing_count > 0)
        return vl_fail(ctx, VELO_BUSY, "cannot commit transaction - SQL statements in progress");
    if (connection->foreign.deferred + connection->foreign.put_off > 0)
        return vl_foreign_fail(ctx);
    VL_TRY(transaction_check_doomed(ctx, connection));
    for (uint32_t at = 0; (database = transaction_next(connection, &at)) != NULL;)
        is_writer |= database->is_writer;
    VL_TRY(transaction_settle(ctx, connection)); /* so that no part fails for it behind another */
    st = is_writer ? transaction_ask_commit(ctx, connection) : VELO_OK;
    if (st != VELO_OK) {
        vl_connection_roll_back(ctx, connection);
        return st;
    }
    st = transaction_commit_some(ctx, connection, 1, &outcome); /* keeps TR3 */
    if (st == VELO_OK)
        st = transaction_commit_some(ctx, connection, 0, &outcome);
    if (st == VELO_OK) {
        transaction_close(connection, 1);
        return VELO_OK;
    }
    for (uint32_t at = 0; (database = transaction_next(connection, &at)) != NULL;)
        if (!vl_session_is_in_transaction(database->session))
            return transaction_end_half(ctx, connection, st, &outcome);
    return st; /* nothing has ended */
}

static velo_status
transaction_rollback(vl_ctx *ctx, velo_connection *connection)
{
    if (!vl_connection_is_in_transaction(connection))
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

/* Memory for what each database is at a savepoint. 0: there is none, and nothing is kept. */
static int
transaction_make_saved(vl_ctx *ctx, const velo_connection *connection, vl_saved **list)
{
    *list = NULL;
    for (uint32_t at = 0; transaction_next(connection, &at) != NULL;) {
        vl_saved *saved = vl_alloc_zero(ctx, sizeof *saved);

        if (saved == NULL) {
            while (*list != NULL) {
                saved = *list;
                *list = saved->older;
                vl_free(saved);
            }
            return 0;
        }
        saved->older = *list;
        *list = saved;
    }
    return 1;
}

static velo_status
transaction_save(vl_ctx *ctx, velo_connection *connection, const vl_ast *tree)
{
    int is_transaction = !vl_connection_is_in_transaction(connection);
    vl_savepoint *savepoint;
    velo_status st = VELO_OK;
    vl_saved *list = NULL;
    vl_database *database;

    if (connection->writing_count > 0)
        return vl_fail(ctx, VELO_BUSY, "cannot open savepoint - SQL statements in progress");
    savepoint = vl_alloc_zero(ctx, sizeof *savepoint + tree->text_size + 1);
    if (savepoint == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a savepoint");
    if (!transaction_make_saved(ctx, connection, &list))
        st = vl_fail(ctx, VELO_NOMEM, "cannot allocate a savepoint");
    if (st == VELO_OK && is_transaction)
        st = transaction_begin_all(ctx, connection, VL_TXN_DEFERRED);
    else if (st == VELO_OK)
        st = transaction_settle(ctx, connection);
    for (uint32_t at = 0; list != NULL && (database = transaction_next(connection, &at)) != NULL;) {
        vl_saved *saved = list;

        list = saved->older;
        if (st == VELO_OK)
            transaction_keep(database, saved); /* keeps TR2 */
        else
            vl_free(saved);
    }
    if (st != VELO_OK) {
        vl_free(savepoint);
        return st;
    }
    savepoint->name = (char *)(savepoint + 1);
    memcpy(savepoint->name, tree->text, tree->text_size);
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
    if (connection->writing_count > 0)
        return vl_fail(ctx, VELO_BUSY, "cannot release savepoint - SQL statements in progress");
    if (savepoint->is_transaction)
        return transaction_commit(ctx, connection);
    VL_TRY(vl_virtuals_release_savepoint(ctx, connection, savepoint));
    transaction_drop_savepoints(connection, savepoint->older);
    return VELO_OK;
}

/* What the database was at the savepoint, which is the newest by now. */
static void
transaction_restore(vl_database *database)
{
    const vl_saved *saved = database->saved;

    if (!database->has_ddl)
        return;
    vl_database_forget_schema(database);
    database->schema = saved->schema;
    database->shared = saved->shared;
    database->has_ddl = saved->has_ddl;
    if (database->schema != NULL)
        vl_schema_retain(database->schema);
    if (database->shared != NULL)
        vl_schema_retain(database->shared);
}

static velo_status
transaction_roll_back_to(vl_ctx *ctx, velo_connection *connection, const vl_ast *tree)
{
    vl_savepoint *savepoint = transaction_find_savepoint(connection, tree);
    velo_status st = VELO_OK;
    vl_database *database;

    if (savepoint == NULL)
        return transaction_no_savepoint(ctx, tree);
    VL_TRY(transaction_check_doomed(ctx, connection));
    transaction_detach(connection);
    transaction_drop_savepoints(connection, savepoint);
    for (uint32_t at = 0; st == VELO_OK && (database = transaction_next(connection, &at)) != NULL;)
        st = vl_session_rollback_to(ctx, database->session, &database->saved->mark);
    if (st != VELO_OK) { /* one is doomed: so are all */
        transaction_spread_doom(connection);
        return st;
    }
    connection->foreign.deferred = savepoint->foreign.deferred;
    connection->foreign.put_off = savepoint->foreign.put_off;
    for (uint32_t at = 0; (database = transaction_next(connection, &at)) != NULL;)
        transaction_restore(database);
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
