/* part.c - what a statement has open of one database, and which schema goes with which snapshot.
 *
 * Invariants
 *   PA1  A statement is run by the schema that its snapshot has. A schema that is taken from the
 *        engine fits a snapshot taken afterwards if no transaction that changes the schema was
 *        being committed before or after, and the engine's schema is still the same: then none
 *        became visible in between. Otherwise the snapshot itself is asked, whose tree meta has the
 *        version.
 *   PA2  Whoever changes the schema is alone among writers from then to its transaction's end
 *        (ddl_owner): so no row is written by an outdated schema. A transaction that began before
 *        and writes afterwards fails, since its snapshot is older than the schema. It is found out
 *        when it writes for the first time (is_checked): from then on it is among the writers, so
 *        nobody changes the schema.
 *   PA3  The schema of a transaction begun by BEGIN is pinned by its first statement.
 *   PA4  Of the databases of one connection that are the same file one writes at most: another one
 *        would wait for its own connection. */
#include "api/api_int.h"

#include "base/alloc.h"
#include "base/assert.h"

#include <string.h>

/* How long one look for other writers is from the next. */
#define PART_NAP_NS UINT64_C(500000)

/* ---- who writes ---- */

/* Count the database among the writers, or make it the one that changes the schema, unless others
 * are in the way: *is_long tells whether one of those said BEGIN. */
static int
part_try_write(vl_database *database, int is_ddl, int *is_long)
{
    vl_engine *engine = database->engine;
    int is_free;

    vl_latch_acquire_exclusive(&engine->latch);
    is_free = engine->ddl_owner == NULL || engine->ddl_owner == database;
    *is_long = !is_free && engine->ddl_owner->is_long_writer;
    if (is_free && is_ddl) {
        is_free = engine->writer_count == (uint32_t)database->is_writer;
        *is_long = engine->long_writer_count > (uint32_t)database->is_long_writer;
    }
    if (is_free) {
        int is_in_transaction = vl_connection_is_in_transaction(database->connection);

        engine->writer_count += !database->is_writer;
        engine->long_writer_count += !database->is_long_writer && is_in_transaction;
        database->is_writer = 1;
        database->is_long_writer = database->is_long_writer || is_in_transaction;
        if (is_ddl)
            engine->ddl_owner = database;
    }
    vl_latch_release_exclusive(&engine->latch);
    return is_free;
}

/* Whether the connection writes through any database, and whether it does so in the same file
 * through another one. */
static int
part_has_written(const vl_database *database, int *has_twin)
{
    const velo_connection *connection = database->connection;
    int has_written = 0;

    *has_twin = 0;
    for (uint32_t i = 0; i < connection->database_count; i++) {
        const vl_database *other = connection->databases[i];

        has_written |= other->is_writer;
        *has_twin |= other->is_writer && other != database && other->engine == database->engine;
    }
    return has_written;
}

velo_status
vl_database_start_writing(vl_ctx *ctx, vl_database *database, int is_ddl)
{
    velo_connection *connection = database->connection;
    vl_io *io = database->engine->io;
    uint64_t begin_ns;
    int has_twin;
    int has_written;
    int is_long;

    if (database->is_read_only || connection->query_only)
        return vl_fail(ctx, VELO_READONLY, "attempt to write a readonly database");
    if (database->is_long_writer && !is_ddl) /* a writer already: keeps PA2 and PA4 */
        return VELO_OK;
    begin_ns = vl_io_monotonic_ns(io);
    has_written = part_has_written(database, &has_twin);
    if (has_twin) /* keeps PA4 */
        return vl_fail(ctx, VELO_BUSY, "database is locked");
    while (!part_try_write(database, is_ddl, &is_long)) {
        if (atomic_load(&connection->interrupt))
            return vl_fail(ctx, VELO_INTERRUPT, "interrupted");
        /* Who has written already may be what the others wait for: then there is an end to it. */
        if ((is_long || has_written) && connection->busy_ms >= 0 &&
            vl_io_monotonic_ns(io) - begin_ns >= (uint64_t)connection->busy_ms * 1000000)
            return vl_fail(ctx, VELO_BUSY,
                           is_ddl ? "database is locked: another transaction writes"
                                  : "database is locked: another transaction changes the schema");
        vl_io_sleep(io, PART_NAP_NS);
    }
    return VELO_OK;
}

void
vl_database_stop_writing(vl_database *database)
{
    vl_engine *engine = database->engine;

    vl_latch_acquire_exclusive(&engine->latch);
    engine->writer_count -= (uint32_t)database->is_writer;
    engine->long_writer_count -= (uint32_t)database->is_long_writer;
    if (engine->ddl_owner == database)
        engine->ddl_owner = NULL;
    vl_latch_release_exclusive(&engine->latch);
    database->is_writer = 0;
    database->is_long_writer = 0;
    database->is_checked = 0;
}

void
vl_database_linger(vl_database *database)
{
    vl_engine *engine = database->engine;

    vl_latch_acquire_exclusive(&engine->latch);
    engine->long_writer_count += database->is_writer && !database->is_long_writer;
    database->is_long_writer = database->is_long_writer || database->is_writer;
    vl_latch_release_exclusive(&engine->latch);
}

/* ---- schemas ---- */

/* Whether a transaction that changes the schema is being committed; *schema receives the engine's,
 * with a reference. */
static int
part_peek(vl_engine *engine, vl_schema **schema)
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
part_ask_schema(vl_ctx *ctx, vl_database *database, const vl_statement *statement, vl_schema *guess,
                vl_schema **out)
{
    int64_t version;
    velo_status st = vl_engine_read_meta(ctx, database->engine, &statement->view,
                                         VL_META_SCHEMA_VERSION, &version);

    *out = NULL;
    if (st == VELO_OK && (uint64_t)version == guess->version)
        return vl_database_name_schema(ctx, database, &statement->view, guess, out);
    vl_schema_release(guess);
    VL_TRY(st);
    return vl_engine_read_schema(ctx, database->engine, database->name, &statement->view, out);
}

void
vl_database_set_schema(vl_database *database, vl_schema *schema, vl_schema *shared)
{
    vl_schema_release(database->schema);
    vl_schema_release(database->shared);
    database->schema = schema;
    database->shared = shared;
    database->has_ddl = 1;
}

void
vl_database_forget_schema(vl_database *database)
{
    vl_schema_release(database->schema);
    vl_schema_release(database->shared);
    database->schema = NULL;
    database->shared = NULL;
    database->has_ddl = 0;
}

velo_status
vl_database_make_schema(vl_ctx *ctx, vl_database *database, vl_statement *txn, vl_schema **schema,
                        vl_schema **shared)
{
    vl_engine *engine = database->engine;
    vl_view view = vl_statement_newest(txn);
    int64_t version;
    velo_status st;

    *schema = NULL;
    *shared = NULL;
    VL_TRY(vl_engine_read_meta(ctx, engine, &view, VL_META_SCHEMA_VERSION, &version));
    VL_TRY(vl_engine_write_meta(ctx, engine, txn, VL_META_SCHEMA_VERSION, version + 1));
    view = vl_statement_newest(txn);
    VL_TRY(vl_engine_read_schema(ctx, engine, database->name, &view, schema));
    if (strcmp(database->name, engine->name) == 0)
        return VELO_OK;
    st = vl_engine_read_schema(ctx, engine, engine->name, &view, shared);
    if (st != VELO_OK) {
        vl_schema_release(*schema);
        *schema = NULL;
    }
    return st;
}

/* ---- beginning ---- */

/* Remember as of which version of the data a new snapshot is. One of the same time as the one
 * before is new all the same when nothing kept that: versions are counted also for changes of
 * nothing. */
static void
part_note_snapshot(vl_database *database, const vl_statement *statement, uint64_t version)
{
    if (statement->view.read_ts == database->snapshot_ts &&
        (database->active_count > 0 || vl_connection_is_in_transaction(database->connection)))
        return;
    database->snapshot_ts = statement->view.read_ts;
    database->snapshot_version = version;
}

/* Undo what a statement has done, and end it. One that is part of another goes back to its begin.
 */
static void
part_fail_statement(vl_ctx *ctx, vl_statement *txn)
{
    vl_error error = ctx->error;

    if (!txn->is_nested) {
        vl_statement_fail(ctx, txn);
        return;
    }
    /* What cannot be undone dooms the session, which the statement around it is told. */
    if (vl_statement_back(ctx, txn, &txn->mark) != VELO_OK)
        vl_error_clear(ctx);
    if (vl_statement_end(ctx, txn) != VELO_OK)
        vl_error_clear(ctx);
    ctx->error = error;
}

/* Whether a statement that writes is run by a callback of another one whose end commits: it is part
 * of that one then. */
static int
part_is_nested(const vl_database *database)
{
    return database->own != NULL && database->connection->depth > 1 &&
           !vl_connection_is_in_transaction(database->connection);
}

/* Begin the statement below and find its schema. Keeps PA1, PA3. */
static velo_status
part_begin_statement(vl_ctx *ctx, vl_part *part, int is_writing, vl_schema **out)
{
    vl_database *database = part->database;
    vl_engine *engine = database->engine;
    int is_in_transaction = vl_connection_is_in_transaction(database->connection);
    vl_schema *before = NULL;
    vl_schema *after;
    int may_differ = 1;
    uint64_t version = atomic_load(&engine->data_version);
    velo_status st;

    if (database->schema == NULL)
        may_differ = part_peek(engine, &before) || database->active_count > 0 || is_in_transaction;
    st = is_writing && part_is_nested(database)
             ? vl_statement_nest(ctx, database->own, &part->txn)
             : vl_statement_begin(ctx, database->session, is_writing, &part->txn);
    if (st != VELO_OK) {
        vl_schema_release(before);
        return st;
    }
    if (part->txn.is_nested) { /* its failure is undone by itself: part_fail_statement */
        st = vl_session_settle(ctx, database->session);
        part->txn.mark = vl_statement_mark(&part->txn);
    }
    if (st != VELO_OK) {
        vl_schema_release(before);
        part_fail_statement(ctx, &part->txn);
        return st;
    }
    part_note_snapshot(database, &part->txn, version);
    if (database->schema != NULL) {
        vl_schema_retain(database->schema);
        *out = database->schema;
        return VELO_OK;
    }
    may_differ = part_peek(engine, &after) || after != before || may_differ;
    vl_schema_release(before);
    if (may_differ)
        st = part_ask_schema(ctx, database, &part->txn, after, out);
    else
        st = vl_database_name_schema(ctx, database, &part->txn.view, after, out);
    if (st != VELO_OK) {
        part_fail_statement(ctx, &part->txn);
        return st;
    }
    if (is_in_transaction) {
        vl_schema_retain(*out);
        database->schema = *out;
    }
    return VELO_OK;
}

/* Whether the transaction's schema is out of date, so that it must not write. Keeps PA2. */
static velo_status
part_check_schema(vl_ctx *ctx, vl_database *database, const vl_schema *schema)
{
    vl_schema *newest;
    int is_old;

    if (database->is_checked)
        return VELO_OK;
    newest = vl_engine_schema(database->engine);
    is_old = !database->has_ddl && newest->version != schema->version;
    vl_schema_release(newest);
    database->is_checked = !is_old && vl_connection_is_in_transaction(database->connection);
    if (!is_old)
        return VELO_OK;
    return vl_fail(ctx, VELO_BUSY_SNAPSHOT,
                   "the schema was changed after this transaction's snapshot");
}

velo_status
vl_part_begin(vl_ctx *ctx, vl_part *part, int is_writing, int is_ddl, vl_schema **schema)
{
    vl_database *database = part->database;
    velo_status st;

    *schema = NULL;
    if (is_writing)
        VL_TRY(vl_database_start_writing(ctx, database, is_ddl));
    st = part_begin_statement(ctx, part, is_writing, schema);
    if (st == VELO_OK && is_writing) {
        st = part_check_schema(ctx, database, *schema);
        if (st != VELO_OK) {
            part_fail_statement(ctx, &part->txn);
            vl_schema_release(*schema);
            *schema = NULL;
        }
    }
    if (st == VELO_OK) {
        database->active_count++;
        database->writing_count += (uint32_t)is_writing;
        part->is_open = 1;
        part->is_writing = is_writing;
        if (is_writing && !part->txn.is_nested &&
            !vl_connection_is_in_transaction(database->connection))
            database->own = &part->txn;
    } else if (!vl_connection_is_in_transaction(database->connection) &&
               database->writing_count == 0) {
        vl_database_stop_writing(database);
    }
    return st;
}

velo_status
vl_part_restart(vl_ctx *ctx, vl_part *part)
{
    uint64_t version = atomic_load(&part->database->engine->data_version);

    /* The schema stays: as it is among the writers nobody has changed it. Keeps PA1, PA3. */
    VL_TRY(vl_statement_restart(ctx, &part->txn));
    part_note_snapshot(part->database, &part->txn, version);
    return VELO_OK;
}

/* ---- ending ---- */

/* The part is not open any more. */
static void
part_count_out(vl_part *part)
{
    VL_ASSERT(part->is_open);
    part->database->active_count--;
    part->database->writing_count -= (uint32_t)part->is_writing;
    if (part->database->own == &part->txn)
        part->database->own = NULL;
    part->is_open = 0;
    part->is_writing = 0;
}

velo_status
vl_part_end(vl_ctx *ctx, vl_part *part)
{
    part_count_out(part);
    return vl_statement_end(ctx, &part->txn);
}

void
vl_part_fail(vl_ctx *ctx, vl_part *part)
{
    part_count_out(part);
    part_fail_statement(ctx, &part->txn);
}

/* Say that a commit begins, or has ended, which changes the schema. */
static void
part_mark_commit(vl_database *database, int is_committing, int has_committed)
{
    vl_engine *engine = database->engine;
    vl_schema *old = NULL;

    vl_latch_acquire_exclusive(&engine->latch);
    engine->is_committing = is_committing;
    if (has_committed) {
        old = engine->schema;
        engine->schema = database->shared != NULL ? database->shared : database->schema;
        vl_schema_retain(engine->schema);
    }
    vl_latch_release_exclusive(&engine->latch);
    vl_schema_release(old);
}

void
vl_database_begin_commit(vl_database *database)
{
    if (database->has_ddl)
        part_mark_commit(database, 1, 0);
}

void
vl_database_fail_commit(vl_database *database)
{
    if (database->has_ddl)
        part_mark_commit(database, 0, 0);
}

/* Keep the schema of this database's name that was just committed. */
static void
part_keep_named(vl_database *database)
{
    vl_schema_release(database->named);
    vl_schema_release(database->named_of);
    database->named = database->schema;
    database->named_of = database->shared;
    database->schema = NULL;
    database->shared = NULL;
}

/* Count a commit, unless it changed nothing: then later snapshots are as those before. */
static void
part_count_commit(vl_database *database)
{
    vl_timestamp ts = vl_session_last_commit(database->session);

    if (ts == database->commit_ts)
        return;
    database->commit_ts = ts;
    atomic_fetch_add(&database->engine->data_version, 1);
}

void
vl_database_close(vl_database *database, int has_committed)
{
    if (database->has_ddl)
        part_mark_commit(database, 0, has_committed);
    if (has_committed && database->is_writer) {
        part_count_commit(database);
        database->is_log_due = database->connection->log_hook != NULL && !database->is_mode_change;
        database->connection->is_log_due |= database->is_log_due;
    }
    database->is_mode_change = 0;
    if (has_committed && database->has_ddl && database->shared != NULL)
        part_keep_named(database);
    vl_database_forget_schema(database);
    vl_database_stop_writing(database);
}
