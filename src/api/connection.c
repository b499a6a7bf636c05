/* connection.c - opening and closing connections, their errors, counters and settings.
 *
 * Invariants
 *   CN1  A connection whose engine is NULL tells its error and is closed, nothing else.
 *   CN2  connection->code is what the last call returned; ctx.error has its words. */
#include "api/api_int.h"

#include "api/sqlite_files.h"
#include "base/alloc.h"

#include <string.h>

/* Milliseconds from Julian day 0 to 1970. */
#define CONNECTION_EPOCH_MS INT64_C(210866760000000)

vl_ctx *
vl_connection_begin_call(velo_connection *connection)
{
    vl_error_clear(&connection->ctx);
    connection->code = VELO_OK;
    return &connection->ctx;
}

velo_status
vl_connection_end_call(velo_connection *connection, velo_status st)
{
    connection->code = st;
    return st;
}

/* ---- what functions ask for ---- */

static int64_t
connection_tell_changes(void *user)
{
    return ((velo_connection *)user)->tally.changes;
}

static int64_t
connection_tell_total_changes(void *user)
{
    return ((velo_connection *)user)->tally.total_changes;
}

static int64_t
connection_tell_last_rowid(void *user)
{
    return ((velo_connection *)user)->tally.last_rowid;
}

/* The time, the same during a statement. */
static velo_status
connection_tell_now(void *user, vl_ctx *ctx, int64_t *julian_ms)
{
    velo_connection *connection = user;

    (void)ctx;
    if (connection->now_ms == 0)
        connection->now_ms =
            CONNECTION_EPOCH_MS + (int64_t)(vl_io_wall_ns(connection->engine->io) / 1000000);
    *julian_ms = connection->now_ms;
    return VELO_OK;
}

static velo_status
connection_tell_random(void *user, vl_ctx *ctx, void *to, size_t size)
{
    return vl_io_random(ctx, ((velo_connection *)user)->engine->io, to, size);
}

/* ---- opening and closing ---- */

static velo_status
connection_read_options(vl_ctx *ctx, const velo_open_options *given, velo_open_options *options)
{
    memset(options, 0, sizeof *options);
    options->size = sizeof *options;
    if (given == NULL)
        return VELO_OK;
    if (given->size < sizeof given->size || given->size > sizeof *options)
        return vl_fail(ctx, VELO_MISUSE, "velo_open_options.size is %zu, not up to %zu",
                       given->size, sizeof *options);
    memcpy(options, given, given->size);
    if (options->is_read_only)
        options->must_exist = 1;
    return VELO_OK;
}

static velo_status
connection_start(vl_ctx *ctx, velo_connection *connection, const char *path,
                 const velo_open_options *given)
{
    velo_open_options options;
    vl_engine *engine;
    velo_status st;

    VL_TRY(connection_read_options(ctx, given, &options));
    if (path != NULL && (strcmp(path, ":memory:") == 0 || path[0] == 0))
        path = NULL;
    st = vl_engine_open(ctx, path, &options, &engine);
    if (st == VELO_NOTADB && path != NULL) {
        int is_converted;

        st = vl_sqlite_meet(ctx, path, &options, &is_converted);
        if (is_converted)
            st = vl_engine_open(ctx, path, &options, &engine);
    }
    VL_TRY(st);
    st = vl_session_create(ctx, engine->store, &connection->session);
    if (st != VELO_OK) {
        vl_error error = ctx->error;

        (void)vl_engine_close(ctx, engine);
        ctx->error = error;
        return st;
    }
    connection->engine = engine;
    connection->options = options;
    connection->options.memory_name = NULL; /* borrowed for the call */
    vl_database_init_all(connection);
    return VELO_OK;
}

velo_status
velo_open(const char *path, const velo_open_options *options, velo_connection **out)
{
    velo_connection *connection;
    vl_ctx ctx;

    if (out == NULL)
        return VELO_MISUSE;
    vl_ctx_init(&ctx, NULL, NULL);
    connection = vl_alloc_zero(&ctx, sizeof *connection);
    *out = connection;
    if (connection == NULL)
        return VELO_NOMEM;
    vl_ctx_init(&connection->ctx, NULL, NULL);
    connection->synchronous = VL_SYNCHRONOUS_FULL;
    connection->cache_size = -2000;
    connection->attached_max = VL_ATTACHED_MAX;
    connection->functions = (vl_func_environment){.user = connection,
                                                  .changes = connection_tell_changes,
                                                  .total_changes = connection_tell_total_changes,
                                                  .last_insert_rowid = connection_tell_last_rowid,
                                                  .now = connection_tell_now,
                                                  .random = connection_tell_random};
    return vl_connection_end_call(connection,
                                  connection_start(&connection->ctx, connection, path, options));
}

velo_status
velo_close(velo_connection *connection)
{
    velo_status st = VELO_OK;

    if (connection == NULL)
        return VELO_OK;
    velo_disconnect_tables(connection);
    if (connection->statements != NULL || connection->backup_count > 0) {
        vl_ctx *ctx = vl_connection_begin_call(connection);

        return vl_connection_end_call(connection,
                                      vl_fail(ctx, VELO_BUSY,
                                              connection->statements != NULL
                                                  ? "unable to close due to unfinalized statements"
                                                  : "unable to close due to unfinished backups"));
    }
    if (connection->engine != NULL) {
        vl_ctx *ctx = vl_connection_begin_call(connection);

        if ((connection->trace_events & VELO_TRACE_CLOSE) != 0)
            connection->trace(connection->trace_user, VELO_TRACE_CLOSE, NULL, 0);
        connection->rollback_hook = NULL;
        vl_session_enter_call(connection->session);
        vl_connection_roll_back(ctx, connection);
        vl_session_leave_call(connection->session);
        vl_modules_destroy(connection);
        vl_database_close_all(ctx, connection);
        vl_session_destroy(connection->session);
        vl_func_set_destroy(connection->function_set);
        vl_connection_drop_collations(connection);
        vl_schema_release(connection->told_schema);
        st = vl_engine_close(ctx, connection->engine);
    }
    vl_free(connection);
    return st;
}

velo_status
vl_connection_swap(vl_ctx *ctx, velo_connection *connection, velo_connection *other,
                   int is_read_only)
{
    vl_engine *engine = connection->engine;
    vl_session *session;

    VL_TRY(vl_session_create_beside(ctx, other->engine->store, connection->session, &session));
    vl_session_destroy(other->session);
    connection->engine = connection->main.engine = other->engine;
    other->engine = other->main.engine = engine;
    other->session = other->main.session = connection->session;
    connection->session = connection->main.session = session;
    connection->main.is_read_only = is_read_only;
    connection->main.snapshot_ts = VL_TS_NONE;
    connection->main.commit_ts = VL_TS_NONE;
    vl_schema_release(connection->told_schema);
    connection->told_schema = NULL;
    connection->swap_count++;
    vl_connection_expire_statements(connection);
    for (velo_statement *at = connection->statements; at != NULL; at = at->next) {
        vl_exec_destroy(at->exec); /* it knows tables of the database that goes */
        at->exec = NULL;
    }
    return VELO_OK;
}

/* ---- errors ---- */

velo_status
velo_error_code(const velo_connection *connection)
{
    return connection == NULL ? VELO_NOMEM : connection->code;
}

const char *
velo_error_text(const velo_connection *connection)
{
    if (connection == NULL)
        return velo_status_text(VELO_NOMEM);
    if (connection->code == VELO_OK || connection->code == VELO_ROW ||
        connection->code == VELO_DONE)
        return "not an error";
    return connection->ctx.error.text[0] != 0 ? connection->ctx.error.text
                                              : velo_status_text(connection->code);
}

int
velo_error_offset(const velo_connection *connection)
{
    if (connection == NULL || connection->code == VELO_OK || connection->ctx.error.code == VELO_OK)
        return -1;
    return connection->ctx.error.sql_offset;
}

const char *
velo_error_suggestion(const velo_connection *connection)
{
    if (connection == NULL || connection->code == VELO_OK ||
        connection->ctx.error.code == VELO_OK || connection->ctx.error.near[0] == '\0')
        return NULL;
    return connection->ctx.error.near;
}

/* ---- counters and settings ---- */

int64_t
velo_changes(const velo_connection *connection)
{
    return connection->tally.changes;
}

int64_t
velo_total_changes(const velo_connection *connection)
{
    return connection->tally.total_changes;
}

int64_t
velo_last_insert_rowid(const velo_connection *connection)
{
    return connection->tally.last_rowid;
}

uint64_t
velo_memory_used(void)
{
    return atomic_load_explicit(&vl_allocator_default()->used_bytes, memory_order_relaxed);
}

uint64_t
velo_memory_peak(int reset)
{
    vl_allocator *allocator = vl_allocator_default();
    uint64_t peak = atomic_load_explicit(&allocator->peak_bytes, memory_order_relaxed);

    if (reset)
        atomic_store_explicit(&allocator->peak_bytes, velo_memory_used(), memory_order_relaxed);
    return peak;
}

void
velo_free(void *block)
{
    vl_free(block);
}

int
velo_is_complete(const char *sql)
{
    return vl_sql_is_complete(sql, strlen(sql));
}

int
velo_in_transaction(const velo_connection *connection)
{
    return connection->engine != NULL && vl_session_is_in_transaction(connection->session);
}

/* Say what decides when an idle transaction is in the way, in all databases. */
static void
connection_set_busy(velo_connection *connection, vl_wait_busy *busy, int64_t timeout_ns)
{
    for (uint32_t i = 0; i < connection->database_count; i++)
        if (connection->databases[i]->session != NULL)
            vl_session_set_busy(connection->databases[i]->session, busy, connection, timeout_ns);
}

void
velo_set_busy_timeout(velo_connection *connection, int ms)
{
    if (connection->engine == NULL)
        return;
    connection->busy_ms = ms;
    connection_set_busy(connection, NULL, ms < 0 ? -1 : (int64_t)ms * 1000000);
}

static int
connection_ask_busy(void *argument, uint32_t count)
{
    velo_connection *connection = argument;

    return connection->busy(connection->busy_user, (int)count);
}

void
velo_set_busy_handler(velo_connection *connection, int (*busy)(void *user, int count), void *user)
{
    if (connection->engine == NULL)
        return;
    connection->busy = busy;
    connection->busy_user = user;
    connection->busy_ms = 0;
    connection_set_busy(connection, busy == NULL ? NULL : connection_ask_busy, 0);
}

int
velo_is_interrupted(const velo_connection *connection)
{
    return atomic_load(&connection->interrupt) != 0;
}

void
velo_set_last_insert_rowid(velo_connection *connection, int64_t rowid)
{
    connection->tally.last_rowid = rowid;
}

velo_transaction_state
velo_get_transaction_state(const velo_connection *connection)
{
    int state = VELO_TRANSACTION_NONE;

    for (uint32_t i = 0; i < connection->database_count; i++) {
        int one = velo_database_state(connection, connection->databases[i]->name);

        state = one > state ? one : state;
    }
    return (velo_transaction_state)state;
}

void
velo_interrupt(velo_connection *connection)
{
    if (connection->engine == NULL)
        return;
    atomic_store(&connection->interrupt, 1);
    vl_session_interrupt(connection->session);
}

/* ---- running a text ---- */

/* Hand a row to the callback of velo_exec. */
static velo_status
connection_tell_row(velo_statement *statement,
                    int (*row)(void *user, int count, const char *const *values,
                               const char *const *names),
                    void *user, const char **texts)
{
    velo_connection *connection = velo_statement_connection(statement);
    int count = velo_column_count(statement);

    for (int i = 0; i < count; i++) {
        texts[i] = velo_column_text(statement, i);
        texts[count + i] = velo_column_name(statement, i);
        if (texts[i] == NULL && velo_column_type(statement, i) != VELO_NULL)
            return vl_fail(&connection->ctx, VELO_NOMEM, "cannot allocate a value's text");
    }
    if (row(user, count, texts, texts + count) == 0)
        return VELO_OK;
    return vl_fail(&connection->ctx, VELO_ABORT, "query aborted");
}

static velo_status
connection_run(velo_connection *connection, velo_statement *statement,
               int (*row)(void *user, int count, const char *const *values,
                          const char *const *names),
               void *user)
{
    size_t count = (size_t)velo_column_count(statement);
    const char **texts = NULL;
    velo_status st = VELO_OK;

    if (row != NULL && count > 0) {
        texts = vl_alloc_array(&connection->ctx, 2 * count, sizeof *texts);
        if (texts == NULL)
            return vl_fail(&connection->ctx, VELO_NOMEM, "cannot allocate a row of %zu columns",
                           count);
    }
    for (;;) {
        st = velo_step(statement);
        if (st != VELO_ROW)
            break;
        st = texts == NULL ? VELO_OK : connection_tell_row(statement, row, user, texts);
        if (st != VELO_OK)
            break;
    }
    vl_free(texts);
    return st == VELO_DONE ? VELO_OK : st;
}

velo_status
velo_exec(velo_connection *connection, const char *sql,
          int (*row)(void *user, int count, const char *const *values, const char *const *names),
          void *user)
{
    const char *text = sql;
    velo_status st = VELO_OK;

    if (connection == NULL || connection->engine == NULL || sql == NULL)
        return VELO_MISUSE;
    while (st == VELO_OK && *sql != 0) {
        int32_t before = (int32_t)(sql - text);
        velo_statement *statement;
        vl_error error;

        st = velo_prepare(connection, sql, -1, &statement, &sql);
        if (st != VELO_OK && connection->ctx.error.sql_offset >= 0)
            connection->ctx.error.sql_offset += before;
        if (st != VELO_OK || statement == NULL)
            continue;
        st = connection_run(connection, statement, row, user);
        error = connection->ctx.error;
        (void)velo_finalize(statement);
        connection->ctx.error = error;
        connection->code = st;
    }
    return st;
}
