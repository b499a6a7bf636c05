/* hooks.c - what the application wants to be told of, and may refuse. */
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
    connection->update_hook = (vl_change_hook){hook, user};
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
vl_hooks_rollback(velo_connection *connection)
{
    if (connection->rollback_hook != NULL)
        connection->rollback_hook(connection->rollback_user);
}
