/* backup.c - a database copied into another one in steps, while both are in use.
 *
 * What is copied is one snapshot of the source, which a session of the backup's own keeps; nobody
 * who uses the source waits for it or is waited for. In the destination a statement is at work from
 * the first step to the last: its text is VACUUM, with the database's name, so that it enters the
 * transaction as a change of the schema does (transaction.c, TR2), and instead of what VACUUM does
 * it copies here. The last step takes the old trees away and puts the new ones in their place; the
 * statement's end commits. A backup that is ended before gives the statement up, which undoes all.
 *
 * Invariants
 *   BA1  Until the commit of the last step the destination is for others as it was.
 *   BA2  A backup that has failed copies no more; one that could not begin may be tried again. */
#include "api/copy.h"
#include "api/sql_text.h"
#include "base/alloc.h"

#include <string.h>

struct velo_backup {
    velo_connection *to;
    velo_connection *from;
    vl_database *source;       /* of `from`; has an engine */
    velo_statement *statement; /* of `to` */
    vl_session *session;       /* of the engine of `from`; NULL: there is no snapshot */
    vl_statement snapshot;     /* of it, open while is_open */
    int is_open;
    int is_ended;       /* the application has ended it: the statement is to fail */
    int has_begun;      /* the first step has succeeded */
    int is_done;        /* all is committed */
    velo_status failed; /* what it has failed with; VELO_OK: nothing */
    vl_schema *schema;  /* of the snapshot, owned */
    vl_copy copy;
    uint64_t pages; /* of the next step */
    int64_t copied; /* pages so far */
    int64_t page_count;
};

/* ---- the source ---- */

static int64_t
backup_count_pages(vl_engine *engine)
{
    vl_store_stats stats;

    vl_store_get_stats(vl_txn_store_base(engine->store), &stats);
    return (int64_t)(stats.cache.page_count != 0 ? stats.cache.page_count : stats.cache.page_end);
}

/* Take the snapshot, and read its schema. */
static velo_status
backup_open_source(vl_ctx *ctx, velo_backup *backup)
{
    vl_engine *engine = backup->source->engine;

    VL_TRY(vl_session_create(ctx, engine->store, &backup->session));
    vl_session_enter_call(backup->session);
    VL_TRY(vl_statement_begin(ctx, backup->session, 0, &backup->snapshot));
    backup->is_open = 1;
    VL_TRY(
        vl_engine_read_schema(ctx, engine, engine->name, &backup->snapshot.view, &backup->schema));
    backup->page_count = backup_count_pages(engine);
    return VELO_OK;
}

/* Let go of the source. May be repeated. */
static void
backup_close_source(vl_ctx *ctx, velo_backup *backup)
{
    vl_error error = ctx->error;

    vl_copy_end(&backup->copy);
    if (backup->session != NULL) {
        vl_session_enter_call(backup->session);
        if (backup->is_open && vl_statement_end(ctx, &backup->snapshot) != VELO_OK)
            ctx->error = error; /* it has only read */
        vl_session_leave_call(backup->session);
        vl_session_destroy(backup->session);
    }
    vl_schema_release(backup->schema);
    backup->is_open = 0;
    backup->session = NULL;
    backup->schema = NULL;
}

/* ---- inside of the statement ---- */

/* Whether another statement of the destination's connection is at work. */
static int
backup_is_in_use(const velo_statement *statement)
{
    for (const velo_statement *at = statement->connection->statements; at != NULL; at = at->next)
        if (at != statement && at->is_open)
            return 1;
    return 0;
}

velo_status
vl_backup_start(vl_ctx *ctx, velo_statement *statement)
{
    velo_backup *backup = statement->backup;
    velo_status st;

    if (vl_session_is_in_transaction(statement->connection->session) || backup_is_in_use(statement))
        return vl_fail(ctx, VELO_ERROR, "destination database is in use");
    if (backup->source->is_writer || backup->source->writing_count > 0)
        return vl_fail(ctx, VELO_LOCKED, "the source's connection has a transaction that writes");
    st = backup_open_source(ctx, backup);
    if (st == VELO_OK) {
        backup->copy = (vl_copy){.from = backup->source->engine,
                                 .view = backup->snapshot.view,
                                 .schema = backup->schema,
                                 .to = vl_prepared_engine(statement),
                                 .statement = vl_prepared_txn(statement),
                                 .interrupt = &statement->connection->interrupt};
        st = vl_copy_begin(ctx, &backup->copy);
    }
    if (backup->session != NULL)
        vl_session_leave_call(backup->session);
    if (st != VELO_OK)
        backup_close_source(ctx, backup);
    return st;
}

/* Delete all rows of the destination's sqlite_schema. */
static velo_status
backup_clear_schema(vl_ctx *ctx, velo_statement *statement)
{
    vl_engine *engine = vl_prepared_engine(statement);
    vl_txn_table *master;
    vl_row_scan scan;
    velo_status st;

    VL_TRY(vl_rows_open(ctx, engine->store, engine->master, &master));
    vl_row_scan_begin(&scan, master, &vl_prepared_txn(statement)->view,
                      (vl_rowid_range){INT64_MIN, INT64_MAX}, 0, vl_master_ids, 0);
    st = vl_row_scan_next(ctx, &scan);
    while (st == VELO_OK && scan.leaf != NULL) {
        int64_t rowid = vl_row_scan_rowid(&scan, 0);

        vl_row_scan_pause(&scan, 1);
        st = vl_rows_delete(ctx, vl_prepared_txn(statement), master, rowid);
        if (st == VELO_OK)
            st = vl_row_scan_next(ctx, &scan);
    }
    vl_row_scan_end(&scan);
    return st;
}

/* Drop the trees that the destination had. */
static velo_status
backup_drop_trees(vl_ctx *ctx, velo_statement *statement)
{
    const vl_schema *schema = vl_prepared_schema(statement);

    for (uint32_t i = 0; i < schema->table_count; i++) {
        const vl_object_def *object = &schema->tables[i]->object;

        if (object->type == VL_OBJECT_TABLE && object->rowid != 0 &&
            schema->tables[i]->virtual_ast == NULL)
            VL_TRY(vl_txn_drop_tree(ctx, vl_prepared_txn(statement), object->tree));
    }
    for (uint32_t i = 0; i < schema->index_count; i++)
        VL_TRY(vl_txn_drop_tree(ctx, vl_prepared_txn(statement), schema->indexes[i]->object.tree));
    return VELO_OK;
}

/* Put what was copied in the place of what was there. */
static velo_status
backup_replace(vl_ctx *ctx, velo_statement *statement)
{
    velo_backup *backup = statement->backup;
    vl_engine *engine = vl_prepared_engine(statement);
    vl_view view = vl_statement_newest(vl_prepared_txn(statement));
    int64_t version;

    VL_TRY(vl_engine_read_meta(ctx, engine, &view, VL_META_SCHEMA_VERSION, &version));
    VL_TRY(backup_clear_schema(ctx, statement));
    VL_TRY(backup_drop_trees(ctx, statement));
    VL_TRY(vl_copy_schema(ctx, &backup->copy));
    VL_TRY(vl_copy_meta(ctx, &backup->copy));
    VL_TRY(vl_engine_write_meta(ctx, engine, vl_prepared_txn(statement), VL_META_SCHEMA_VERSION,
                                version));
    return vl_vacuum_make_schema(ctx, statement); /* counts a new version */
}

velo_status
vl_backup_step(vl_ctx *ctx, velo_statement *statement)
{
    velo_backup *backup = statement->backup;
    velo_status st;

    if (backup->is_ended)
        return vl_fail(ctx, VELO_ABORT, "the backup was ended");
    vl_session_enter_call(backup->session);
    st = vl_copy_step(ctx, &backup->copy, backup->pages);
    if (st == VELO_OK && backup->copy.is_done)
        st = backup_replace(ctx, statement);
    vl_session_leave_call(backup->session);
    if (st != VELO_OK || backup->copy.is_done)
        backup_close_source(ctx, backup);
    if (st != VELO_OK)
        return st;
    return backup->session == NULL ? VELO_DONE : VELO_ROW;
}

/* ---- for the application ---- */

/* Find a database of a connection, and see that it has an engine. */
static velo_status
backup_find(vl_ctx *ctx, velo_connection *connection, const char *name, vl_database **database)
{
    int number = name == NULL ? VL_DATABASE_MAIN : vl_database_find(connection, name, strlen(name));

    *database = NULL;
    if (number < 0) {
        (void)vl_fail(ctx, VELO_ERROR, "unknown database %s", name);
        return VELO_ERROR;
    }
    if (number == VL_DATABASE_TEMP)
        VL_TRY(vl_database_need_temp(ctx, connection));
    *database = connection->databases[number];
    return VELO_OK;
}

static velo_status
backup_check(vl_ctx *ctx, velo_connection *to, const char *to_name, velo_connection *from,
             const char *from_name, vl_database **source)
{
    vl_database *target = NULL;

    if (to == from)
        return vl_fail(ctx, VELO_ERROR, "source and destination must be distinct");
    VL_TRY(backup_find(ctx, from, from_name, source));
    VL_TRY(backup_find(ctx, to, to_name, &target));
    if (target->engine == (*source)->engine)
        return vl_fail(ctx, VELO_ERROR, "source and destination are the same database");
    if (velo_in_transaction(to))
        return vl_fail(ctx, VELO_ERROR, "destination database is in use");
    return VELO_OK;
}

/* Prepare the statement that stands for the writing. */
static velo_status
backup_prepare(velo_connection *to, const char *name, velo_statement **statement)
{
    int (*authorizer)(void *, velo_action, const char *, const char *, const char *, const char *) =
        to->authorizer;
    vl_sql_text sql = {.ctx = &to->ctx};
    velo_status st;

    to->authorizer = NULL; /* nobody is asked for what a backup writes */
    vl_sql_text_add(&sql, "VACUUM ");
    vl_sql_text_add_name(&sql, name == NULL ? "main" : name);
    st = vl_sql_text_prepare(to, &sql, statement);
    to->authorizer = authorizer;
    vl_sql_text_free(&sql);
    return st;
}

velo_status
velo_backup_begin(velo_connection *to, const char *to_name, velo_connection *from,
                  const char *from_name, velo_backup **out)
{
    vl_database *source = NULL;
    velo_backup *backup;
    vl_ctx *ctx;
    velo_status st;

    if (out == NULL)
        return VELO_MISUSE;
    *out = NULL;
    if (to == NULL || to->engine == NULL || from == NULL || from->engine == NULL)
        return VELO_MISUSE;
    if (vl_connection_is_foreign(to) || vl_connection_is_foreign(from))
        return vl_connection_refuse(to);
    ctx = vl_connection_begin_call(to);
    st = backup_check(ctx, to, to_name, from, from_name, &source);
    if (st != VELO_OK)
        return vl_connection_end_call(to, st);
    backup = vl_alloc_zero(ctx, sizeof *backup);
    if (backup == NULL)
        return vl_connection_end_call(to, vl_fail(ctx, VELO_NOMEM, "cannot allocate a backup"));
    backup->to = to;
    backup->from = from;
    backup->source = source;
    st = backup_prepare(to, to_name, &backup->statement);
    if (st != VELO_OK) {
        vl_free(backup);
        return st;
    }
    backup->statement->backup = backup;
    from->backup_count++; /* it is not closed, nor its source detached */
    source->backup_count++;
    *out = backup;
    return VELO_OK;
}

/* Note what a step came to. keeps BA2 */
static velo_status
backup_note(velo_backup *backup, velo_status st)
{
    velo_status primary = vl_status_primary(st);
    vl_error error = backup->to->ctx.error;

    if (st == VELO_ROW) {
        backup->has_begun = 1;
        backup->copied += (int64_t)backup->pages; /* all of them: else it were done */
        return VELO_OK;
    }
    if (st == VELO_DONE) {
        backup->is_done = 1;
        return VELO_DONE;
    }
    backup_close_source(&backup->to->ctx, backup);
    if (backup->has_begun ||
        (primary != VELO_BUSY && primary != VELO_LOCKED && primary != VELO_NOMEM))
        backup->failed = st;
    (void)velo_reset(backup->statement);
    backup->to->ctx.error = error;
    return vl_connection_end_call(backup->to, st);
}

velo_status
velo_backup_step(velo_backup *backup, int pages)
{
    if (backup == NULL)
        return VELO_MISUSE;
    if (backup->failed != VELO_OK)
        return backup->failed;
    if (backup->is_done)
        return VELO_DONE;
    backup->pages = pages < 0 ? UINT64_MAX : (uint64_t)pages;
    return backup_note(backup, velo_step(backup->statement));
}

velo_status
velo_backup_end(velo_backup *backup)
{
    velo_connection *to;
    velo_status st;

    if (backup == NULL)
        return VELO_OK;
    to = backup->to;
    if (vl_connection_is_foreign(to))
        return VELO_OK;
    st = backup->failed;
    if (velo_statement_is_busy(backup->statement)) {
        backup->is_ended = 1;
        (void)velo_step(backup->statement); /* fails, and so undoes all */
        (void)velo_reset(backup->statement);
    }
    backup_close_source(&to->ctx, backup);
    backup->from->backup_count--;
    backup->source->backup_count--;
    (void)velo_finalize(backup->statement);
    vl_free(backup);
    if (st == VELO_OK)
        (void)vl_connection_begin_call(to);
    return vl_connection_end_call(to, st);
}

int64_t
velo_backup_page_count(const velo_backup *backup)
{
    return backup == NULL ? 0 : backup->page_count;
}

int64_t
velo_backup_remaining(const velo_backup *backup)
{
    if (backup == NULL || backup->is_done || backup->page_count == 0)
        return 0;
    return backup->copied < backup->page_count ? backup->page_count - backup->copied : 1;
}
