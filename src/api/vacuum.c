/* vacuum.c - VACUUM and VACUUM INTO: all trees written anew, into the same file or another one.
 *
 * INTO reads one snapshot, beside whoever writes, and fills a new database by a transaction of its
 * own, which is committed when all is there; closing it leaves one file. If that fails the file is
 * deleted again.
 *
 * Without INTO it is a change of the schema: every tree is copied to a new one, the rows of
 * sqlite_schema name those, and the old ones are dropped, all in one transaction: a crash leaves
 * the database as it was or as it is to be. The old trees stay until no snapshot needs them. After
 * the commit what lies at the end of the file is moved to free places before it, by checkpoints as
 * always (storage/store_compact.c), and the file is cut.
 *
 * How trees are copied: copy.h.
 *
 * Invariants
 *   VC1  The old trees are dropped in the transaction that makes the new ones. */
#include "api/api_int.h"

#include "api/copy.h"
#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

/* ---- INTO ---- */

/* The name of the file, in the statement's arena. */
static velo_status
vacuum_file_name(vl_ctx *ctx, velo_statement *statement, const char **name)
{
    const vl_ast *into = statement->tree->kid[1];
    size_t size = statement->sql_size - into->offset;
    char *sql = vl_arena_alloc(&statement->run_arena, size + 8);
    vl_value value;
    char *text;

    if (sql == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a statement");
    memcpy(sql, "SELECT ", 7);
    memcpy(sql + 7, statement->sql + into->offset, size);
    sql[7 + size] = '\0';
    VL_TRY(vl_run_value(ctx, statement, sql, 7 + size, &value));
    if (value.type != VL_TYPE_TEXT)
        return vl_fail(ctx, VELO_ERROR, "non-text filename");
    text = vl_arena_alloc(&statement->run_arena, (size_t)value.size + 1);
    if (text == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a path");
    memcpy(text, value.as.data, value.size);
    text[value.size] = '\0';
    *name = text;
    return VELO_OK;
}

/* Refuse a file that has something in it; *exists: there is an empty one. */
static velo_status
vacuum_check_file(vl_ctx *ctx, vl_io *io, const char *name, int *exists)
{
    uint64_t size = 0;
    vl_file *file;
    velo_status st;

    VL_TRY(vl_path_exists(ctx, io, name, exists));
    if (!*exists)
        return VELO_OK;
    VL_TRY(vl_file_open(ctx, io, name, 0, &file));
    st = vl_file_get_size(ctx, file, &size);
    vl_file_close(file);
    VL_TRY(st);
    return size > 0 ? vl_fail(ctx, VELO_ERROR, "output file already exists") : VELO_OK;
}

/* Fill the new database by one transaction. */
static velo_status
vacuum_fill(vl_ctx *ctx, vl_copy *copy)
{
    vl_statement statement;
    vl_session *session;
    velo_status st;

    VL_TRY(vl_session_create(ctx, copy->to->store, &session));
    vl_session_enter_call(session);
    vl_session_set_synchronous(session, VL_SYNCHRONOUS_OFF); /* closing makes it durable */
    st = vl_statement_begin(ctx, session, 1, &statement);
    if (st == VELO_OK) {
        copy->statement = &statement;
        st = vl_copy_run(ctx, copy);
        if (st == VELO_OK)
            st = vl_copy_meta(ctx, copy);
        vl_copy_end(copy);
        if (st == VELO_OK)
            st = vl_statement_end(ctx, &statement);
        else
            vl_statement_fail(ctx, &statement);
    }
    copy->statement = NULL;
    vl_session_leave_call(session);
    vl_session_destroy(session);
    return st;
}

/* Make the new database, fill it and close it, which makes it durable. */
static velo_status
vacuum_write(vl_ctx *ctx, vl_copy *copy, const char *name)
{
    velo_open_options options = {.size = sizeof options, .no_threads = 1};
    velo_status st, end;
    vl_error error;

    options.page_size = vl_cache_page_size(vl_store_cache(vl_txn_store_base(copy->from->store)));
    VL_TRY(vl_engine_open(ctx, name, &options, &copy->to));
    st = vacuum_fill(ctx, copy);
    error = ctx->error;
    end = vl_engine_close(ctx, copy->to);
    if (st == VELO_OK)
        return end;
    ctx->error = error;
    return st;
}

/* Delete a file of the database that could not be made, if it is there. */
static void
vacuum_delete(vl_ctx *ctx, vl_io *io, const char *name, const char *suffix)
{
    char path[VL_PATH_SIZE];
    int exists;

    if ((size_t)snprintf(path, sizeof path, "%s%s", name, suffix) >= sizeof path)
        return; /* then it could not be opened either */
    if (vl_path_exists(ctx, io, path, &exists) == VELO_OK && exists &&
        vl_path_delete(ctx, io, path) != VELO_OK)
        vl_log_write(ctx->log, VL_LOG_WARNING, ctx->error.code,
                     "what VACUUM INTO has left could not be deleted: %s", ctx->error.text);
}

static velo_status
vacuum_into(vl_ctx *ctx, velo_statement *statement)
{
    velo_connection *connection = statement->connection;
    vl_copy copy = {.from = vl_prepared_engine(statement),
                    .view = vl_prepared_txn(statement)->view,
                    .schema = vl_prepared_schema(statement),
                    .interrupt = &connection->interrupt};
    const char *name = NULL;
    vl_error error;
    velo_status st;
    int exists;

    VL_TRY(vacuum_file_name(ctx, statement, &name));
    VL_TRY(vacuum_check_file(ctx, copy.from->io, name, &exists));
    st = vacuum_write(ctx, &copy, name);
    if (st == VELO_OK || (exists && copy.to == NULL) || vl_status_primary(st) == VELO_BUSY)
        return st; /* nothing of ours is there, or it may be somebody else's */
    error = ctx->error;
    vacuum_delete(ctx, copy.from->io, name, "");
    vacuum_delete(ctx, copy.from->io, name, "-wal");
    ctx->error = error;
    return st;
}

/* ---- in place ---- */

velo_status
vl_vacuum_make_schema(vl_ctx *ctx, velo_statement *statement)
{
    vl_database *database = vl_prepared_database(statement);
    vl_schema *schema;
    vl_schema *shared;

    VL_TRY(vl_database_make_schema(ctx, database, vl_prepared_txn(statement), &schema, &shared));
    vl_database_set_schema(database, schema, shared);
    return VELO_OK;
}

static velo_status
vacuum_in_place(vl_ctx *ctx, velo_statement *statement)
{
    velo_connection *connection = statement->connection;
    vl_copy copy = {.from = vl_prepared_engine(statement),
                    .view = vl_prepared_txn(statement)->view,
                    .schema = vl_prepared_schema(statement),
                    .to = vl_prepared_engine(statement),
                    .statement = vl_prepared_txn(statement),
                    .interrupt = &connection->interrupt};
    velo_status st = vl_copy_run(ctx, &copy);

    for (uint32_t i = 0; st == VELO_OK && i < copy.tree_count; i++)
        st = vl_txn_drop_tree(ctx, vl_prepared_txn(statement), copy.old_trees[i]);
    vl_copy_end(&copy);
    return st == VELO_OK ? vl_vacuum_make_schema(ctx, statement) : st;
}

/* ---- both ---- */

velo_status
vl_vacuum_run(vl_ctx *ctx, velo_statement *statement)
{
    const vl_ast *schema = statement->tree->kid[0];

    if (statement->backup != NULL)
        return vl_backup_start(ctx, statement);
    if (vl_session_is_in_transaction(statement->connection->session))
        return vl_fail(ctx, VELO_ERROR, "cannot VACUUM from within a transaction");
    if (statement->connection->active_count > 1)
        return vl_fail(ctx, VELO_ERROR, "cannot VACUUM - SQL statements in progress");
    if (schema != NULL &&
        vl_database_find(statement->connection, schema->text, schema->text_size) < 0)
        return vl_fail(ctx, VELO_ERROR, "unknown database %.*s", (int)schema->text_size,
                       schema->text);
    return statement->tree->kid[1] != NULL ? vacuum_into(ctx, statement)
                                           : vacuum_in_place(ctx, statement);
}

int
vl_vacuum_is_in_place(const vl_ast *tree)
{
    return tree->type == VL_AST_VACUUM && tree->kid[1] == NULL;
}

velo_status
vl_vacuum_finish(vl_ctx *ctx, vl_database *database)
{
    vl_txn_store *store = database->engine->store;

    VL_TRY(vl_txn_store_collect(ctx, store)); /* drops the old trees, if nobody needs them */
    return vl_store_compact(ctx, vl_txn_store_base(store));
}
