/* hooks.c - what the application wants to be told of, and may refuse.
 *
 * Invariants
 *   HK1  Hooks that may use the connection are called when the call at work is done with it. */
#include "api/api_int.h"

/* Steps that the beginning of a run counts as, so that statements without rows are told of too. */
#define HOOKS_BEGIN_STEPS 8

/* ---- setting ---- */

void
velo_set_commit_hook(velo_connection *connection, int (*hook)(void *user), void *user)
{
    connection->commit_hook = hook;
    connection->commit_user = user;
}

void
velo_set_rollback_hook(velo_connection *connection, void (*hook)(void *user), void *user)
{
    connection->rollback_hook = hook;
    connection->rollback_user = user;
}

void
velo_set_update_hook(velo_connection *connection,
                     void (*hook)(void *user, velo_change change, const char *database,
                                  const char *table, int64_t rowid),
                     void *user)
{
    connection->update_hook.tell = hook;
    connection->update_hook.user = user;
}

/* ---- changes in full ---- */

struct velo_row_change {
    const vl_row_change *row;
    vl_arena arena;    /* of the values that were asked for */
    velo_value *of[2]; /* before, after; made at the first question */
};

velo_change
velo_row_change_kind(const velo_row_change *change)
{
    return change->row->change;
}

const char *
velo_row_change_database(const velo_row_change *change)
{
    const vl_schema *schema = change->row->table->schema;

    return schema != NULL ? schema->database : "main";
}

const char *
velo_row_change_table(const velo_row_change *change)
{
    return change->row->table->object.name;
}

int
velo_row_change_columns(const velo_row_change *change)
{
    return change->row->table->column_count;
}

int
velo_row_change_depth(const velo_row_change *change)
{
    return (int)change->row->depth;
}

static velo_value *
hooks_change_value(velo_row_change *change, int which, int column)
{
    const vl_value *row = which == 0 ? change->row->before : change->row->after;
    int count = change->row->table->column_count;

    if (row == NULL || column < 0 || column >= count)
        return NULL;
    if (change->of[which] == NULL) {
        change->of[which] =
            vl_arena_alloc_array(&change->arena, (size_t)count, sizeof *change->of[which]);
        for (int i = 0; change->of[which] != NULL && i < count; i++)
            change->of[which][i] = (velo_value){.value = row[i], .arena = &change->arena};
    }
    return change->of[which] == NULL ? NULL : &change->of[which][column];
}

velo_value *
velo_row_change_before(velo_row_change *change, int column)
{
    return hooks_change_value(change, 0, column);
}

velo_value *
velo_row_change_after(velo_row_change *change, int column)
{
    return hooks_change_value(change, 1, column);
}

static int64_t
hooks_change_rowid(const velo_row_change *change, const vl_value *row)
{
    const vl_table_def *table = change->row->table;

    return table->is_without_rowid ? 0 : row[table->column_count].as.integer;
}

int64_t
velo_row_change_rowid_before(const velo_row_change *change)
{
    return hooks_change_rowid(change, change->row->before != NULL ? change->row->before
                                                                  : change->row->after);
}

int64_t
velo_row_change_rowid_after(const velo_row_change *change)
{
    return hooks_change_rowid(change, change->row->after != NULL ? change->row->after
                                                                 : change->row->before);
}

static void
hooks_tell_change(void *user, const vl_row_change *row)
{
    velo_connection *connection = user;
    velo_row_change change = {.row = row};

    vl_arena_init(&change.arena, connection->ctx.allocator, 0);
    connection->row_change(connection->row_change_user, &change);
    vl_arena_deinit(&change.arena);
}

void
velo_set_log_hook(velo_connection *connection,
                  void (*hook)(void *user, const char *database, uint64_t log_bytes), void *user)
{
    connection->log_hook = hook;
    connection->log_user = user;
}

void
velo_enable_triggers(velo_connection *connection, int is_on)
{
    connection->has_no_triggers = is_on == 0;
    vl_connection_expire_statements(connection);
}

void
velo_set_defensive(velo_connection *connection, int is_on)
{
    connection->is_defensive = is_on != 0;
}

void
velo_set_argument_limit(velo_connection *connection, int count)
{
    connection->argument_limit = count < 0 || count >= VL_FUNC_ARGUMENTS_MAX ? 0 : (uint32_t)count;
    vl_connection_expire_statements(connection);
}

void
velo_set_row_change_hook(velo_connection *connection,
                         void (*hook)(void *user, velo_row_change *change), void *user)
{
    connection->row_change = hook;
    connection->row_change_user = user;
    connection->update_hook.tell_all = hook == NULL ? NULL : hooks_tell_change;
    connection->update_hook.all_user = connection;
}

void
velo_set_progress(velo_connection *connection, uint64_t steps, int (*hook)(void *user), void *user)
{
    connection->progress = steps == 0 ? NULL : hook;
    connection->progress_steps = hook == NULL ? 0 : steps;
    connection->progress_user = user;
    connection->progress_seen = 0;
    vl_connection_expire_statements(connection); /* executions have it */
}

void
velo_set_trace(velo_connection *connection, unsigned events,
               void (*hook)(void *user, velo_trace_event event, velo_statement *statement,
                            int64_t ns),
               void *user)
{
    connection->trace = hook;
    connection->trace_user = user;
    connection->trace_events = hook == NULL ? 0 : events;
}

/* ---- telling ---- */

velo_status
vl_hooks_begin_run(vl_ctx *ctx, velo_statement *statement)
{
    velo_connection *connection = statement->connection;

    statement->is_traced = (connection->trace_events & VELO_TRACE_END) != 0;
    if (statement->is_traced)
        statement->began_ns = vl_io_wall_ns(connection->engine->io);
    if ((connection->trace_events & VELO_TRACE_BEGIN) != 0)
        connection->trace(connection->trace_user, VELO_TRACE_BEGIN, statement, 0);
    if (connection->progress_steps == 0)
        return VELO_OK;
    connection->progress_seen += HOOKS_BEGIN_STEPS;
    while (connection->progress_steps != 0 &&
           connection->progress_seen >= connection->progress_steps) {
        connection->progress_seen -= connection->progress_steps;
        if (connection->progress(connection->progress_user) != 0)
            return vl_fail(ctx, VELO_INTERRUPT, "interrupted");
    }
    return VELO_OK;
}

void
vl_hooks_row(velo_statement *statement)
{
    velo_connection *connection = statement->connection;

    if ((connection->trace_events & VELO_TRACE_ROW) != 0)
        connection->trace(connection->trace_user, VELO_TRACE_ROW, statement, 0);
}

void
vl_hooks_end_run(velo_statement *statement)
{
    velo_connection *connection = statement->connection;
    int64_t now = vl_io_wall_ns(connection->engine->io);

    statement->is_traced = 0;
    if ((connection->trace_events & VELO_TRACE_END) != 0)
        connection->trace(connection->trace_user, VELO_TRACE_END, statement,
                          now < statement->began_ns ? 0 : now - statement->began_ns);
}

velo_status
vl_hooks_commit(vl_ctx *ctx, velo_connection *connection)
{
    if (connection->commit_hook == NULL || connection->commit_hook(connection->commit_user) == 0)
        return VELO_OK;
    return vl_fail(ctx, VELO_CONSTRAINT_COMMITHOOK, "constraint failed");
}

void
vl_hooks_log(velo_connection *connection)
{
    velo_status code = connection->code;
    vl_error error = connection->ctx.error;
    vl_store_stats stats;

    connection->is_log_due = 0;
    for (uint32_t i = 0; i < connection->database_count; i++) {
        vl_database *database = connection->databases[i];

        if (!database->is_log_due)
            continue;
        database->is_log_due = 0;
        if (connection->log_hook == NULL)
            continue;
        vl_store_get_stats(vl_txn_store_base(database->engine->store), &stats);
        connection->log_hook(connection->log_user, database->name, stats.log_bytes);
    }
    connection->code = code; /* of the call at work, whatever the hook has called */
    connection->ctx.error = error;
}

void
vl_hooks_rollback(velo_connection *connection)
{
    if (connection->rollback_hook != NULL)
        connection->rollback_hook(connection->rollback_user);
}
