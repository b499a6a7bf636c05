/* statement.c - preparing, stepping, resetting and finalizing statements.
 *
 * Invariants
 *   ST1  A run begins with the first step and ends when the step returns anything but ROW, or by
 *        reset. While it lasts `is_open` says that its transaction part is open (transaction.c),
 * but for statements that control transactions. ST2  The plan was made by `schema`. A run goes by
 * the schema of its snapshot: if that is another one the plan is made anew before the first row is
 * looked for, never later (31, item 16). ST3  The row at hand is borrowed from the execution, which
 * is not stepped while it is. */
#include "api/api_int.h"

#include "api/copy.h"

#include "base/alloc.h"
#include "sql/parse.h"
#include "sql/plan_make.h"

#include <string.h>

/* ---- plans ---- */

/* A body of a trigger that the statement can fire. */
typedef struct vl_prepared_body {
    struct vl_prepared_body *next;
    const vl_body *body;
} vl_prepared_body;

/* The body of an action, made at its first use. */
static velo_status
statement_get_body(vl_ctx *ctx, velo_statement *statement, const vl_plan_env *env,
                   const vl_action *action, const vl_body **out)
{
    vl_prepared_body **place = &statement->bodies;
    vl_prepared_body *made;
    vl_body *body;

    for (; *place != NULL; place = &(*place)->next)
        if (vl_action_is_same(&(*place)->body->action, action)) {
            *out = (*place)->body;
            return VELO_OK;
        }
    made = vl_arena_alloc_array(&statement->arena, 1, sizeof *made);
    if (made == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a trigger");
    VL_TRY(vl_plan_body(ctx, &statement->arena, action, env, &body));
    made->body = body;
    *place = made; /* at the end of the list */
    *out = body;
    return VELO_OK;
}

/* Make the bodies of a plan's actions, but for those that REPLACE alone may need. */
static velo_status
statement_get_bodies(vl_ctx *ctx, velo_statement *statement, const vl_plan_env *env,
                     const vl_plan *plan)
{
    const vl_body *body;

    for (uint32_t i = 0; plan != NULL && i < plan->action_count; i++)
        if (!plan->actions[i].is_of_replace)
            VL_TRY(statement_get_body(ctx, statement, env, &plan->actions[i], &body));
    return VELO_OK;
}

/* Make all bodies that the statement leads to, so that preparing it tells what is wrong with them,
 * as SQLite does. The list grows while it is gone through. */
static velo_status
statement_make_bodies(vl_ctx *ctx, velo_statement *statement, const vl_plan_env *env)
{
    VL_TRY(statement_get_bodies(ctx, statement, env, statement->plan));
    for (const vl_prepared_body *made = statement->bodies; made != NULL; made = made->next)
        for (uint32_t i = 0; i < made->body->step_count; i++)
            VL_TRY(statement_get_bodies(ctx, statement, env, made->body->steps[i]));
    return VELO_OK;
}

velo_status
vl_prepared_find_body(vl_ctx *ctx, void *user, const vl_action *action, const vl_body **body)
{
    velo_statement *statement = user;
    const vl_schema *schemas[1] = {statement->schema};
    vl_plan_env env = {.schemas = schemas,
                       .schema_count = 1,
                       .find_func = vl_functions_find,
                       .find_table_func = vl_pragma_find_function,
                       .has_foreign_keys = statement->has_foreign_keys};

    return statement_get_body(ctx, statement, &env, action, body);
}

velo_status
vl_prepared_plan(vl_ctx *ctx, velo_statement *statement, vl_schema *schema)
{
    const vl_schema *schemas[1] = {schema};
    vl_plan_env env = {.schemas = schemas,
                       .schema_count = 1,
                       .find_func = vl_functions_find,
                       .find_table_func = vl_pragma_find_function,
                       .arg = statement->connection->function_set,
                       .has_foreign_keys = statement->connection->has_foreign_keys};
    vl_parse_result parsed;
    velo_status st;

    vl_exec_destroy(statement->exec);
    statement->exec = NULL;
    statement->plan = NULL;
    statement->tree = NULL;
    statement->bodies = NULL;
    vl_schema_release(statement->schema);
    statement->schema = NULL;
    vl_arena_reset(&statement->arena);
    statement->has_foreign_keys = env.has_foreign_keys;
    st = vl_parse(ctx, statement->sql, statement->sql_size, NULL, &statement->arena, &parsed);
    if (st != VELO_OK)
        return st;
    statement->tree = parsed.statement;
    VL_TRY(vl_plan_make(ctx, &statement->arena, parsed.statement, statement->sql,
                        parsed.variable_count, &env, &statement->plan));
    vl_schema_retain(schema);
    statement->schema = schema;
    statement->is_stale = 0;
    return statement_make_bodies(ctx, statement, &env);
}

velo_status
vl_plan_by_schema(vl_ctx *ctx, vl_arena *arena, const vl_ast *tree, const char *sql,
                  vl_schema *schema, const vl_func_set *functions, vl_plan **plan)
{
    const vl_schema *schemas[1] = {schema};
    vl_plan_env env = {.schemas = schemas,
                       .schema_count = 1,
                       .find_func = vl_functions_find,
                       .find_table_func = vl_pragma_find_function,
                       .arg = functions};

    return vl_plan_make(ctx, arena, tree, sql, 0, &env, plan);
}

/* ---- preparing ---- */

/* Room for parameters and the row's cells. Values of parameters that stay keep them. */
static velo_status
statement_make_room(vl_ctx *ctx, velo_statement *statement)
{
    const vl_plan *plan = statement->plan;
    uint32_t columns =
        plan->kind == VL_PLAN_OTHER ? statement->made.column_count : plan->column_count;
    vl_cell *cells = vl_alloc_array(ctx, columns + 1U, sizeof *cells);
    vl_value *params = vl_alloc_array(ctx, plan->param_count + 1U, sizeof *params);
    void **copies = vl_alloc_array(ctx, plan->param_count + 1U, sizeof *copies);

    if (cells == NULL || params == NULL || copies == NULL) {
        vl_free(cells);
        vl_free(params);
        vl_free(copies);
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a statement");
    }
    memset(cells, 0, (columns + 1U) * sizeof *cells);
    for (uint32_t i = 0; i < plan->param_count; i++)
        params[i] = i < statement->param_count ? statement->params[i] : vl_value_of_null();
    for (uint32_t i = 0; i < plan->param_count; i++)
        copies[i] = i < statement->param_count ? statement->copies[i] : NULL;
    vl_free(statement->cells);
    vl_free(statement->params);
    vl_free(statement->copies);
    statement->copies = copies;
    statement->cells = cells;
    statement->params = params;
    statement->column_count = columns;
    statement->param_count = plan->param_count;
    return VELO_OK;
}

static velo_status
statement_plan_first(vl_ctx *ctx, velo_statement *statement)
{
    velo_connection *connection = statement->connection;
    vl_schema *schema = connection->schema;
    velo_status st;

    if (schema != NULL)
        vl_schema_retain(schema);
    else
        schema = vl_engine_schema(connection->engine);
    st = vl_prepared_plan(ctx, statement, schema);
    vl_schema_release(schema);
    VL_TRY(st);
    if (statement->plan->kind == VL_PLAN_OTHER)
        VL_TRY(vl_prepared_describe_other(ctx, statement));
    return statement_make_room(ctx, statement);
}

static void
statement_destroy(velo_statement *statement)
{
    vl_exec_destroy(statement->exec);
    vl_schema_release(statement->schema);
    vl_arena_deinit(&statement->arena);
    vl_arena_deinit(&statement->run_arena);
    vl_arena_deinit(&statement->row_arena);
    for (uint32_t i = 0; i < statement->param_count; i++)
        vl_free(statement->copies[i]);
    vl_free(statement->copies);
    vl_free(statement->cells);
    vl_free(statement->params);
    vl_free(statement->sql);
    vl_free(statement);
}

/* Make a statement of a text that has one. */
static velo_status
statement_create(vl_ctx *ctx, velo_connection *connection, const char *sql, size_t size,
                 velo_statement **out)
{
    velo_statement *statement = vl_alloc_zero(ctx, sizeof *statement);
    velo_status st;

    if (statement == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a statement");
    statement->connection = connection;
    vl_arena_init(&statement->arena, ctx->allocator, 0);
    vl_arena_init(&statement->run_arena, ctx->allocator, 0);
    vl_arena_init(&statement->row_arena, ctx->allocator, 0);
    statement->sql = vl_alloc(ctx, size + 1);
    if (statement->sql == NULL) {
        st = vl_fail(ctx, VELO_NOMEM, "cannot allocate %zu bytes for a statement", size);
    } else {
        memcpy(statement->sql, sql, size);
        statement->sql[size] = 0;
        statement->sql_size = size;
        st = statement_plan_first(ctx, statement);
    }
    if (st != VELO_OK) {
        statement_destroy(statement);
        return st;
    }
    statement->next = connection->statements;
    if (statement->next != NULL)
        statement->next->prev = statement;
    connection->statements = statement;
    *out = statement;
    return VELO_OK;
}

/* Where the first statement of a text ends; *has: there is one. */
static velo_status
statement_measure(vl_ctx *ctx, const char *sql, size_t size, size_t *tail, int *has)
{
    vl_parse_result parsed;
    vl_arena arena;
    velo_status st;

    vl_arena_init(&arena, ctx->allocator, 0);
    st = vl_parse(ctx, sql, size, NULL, &arena, &parsed);
    *tail = parsed.tail;
    *has = parsed.statement != NULL;
    vl_arena_deinit(&arena);
    return st;
}

/* Bytes of a text up to its zero byte, or `size`. */
static size_t
statement_text_size(const char *sql, int64_t size)
{
    const char *end;

    if (size < 0)
        return strlen(sql);
    end = memchr(sql, 0, (size_t)size);
    return end != NULL ? (size_t)(end - sql) : (size_t)size;
}

velo_status
velo_prepare(velo_connection *connection, const char *sql, int64_t size, velo_statement **out,
             const char **tail)
{
    vl_ctx *ctx;
    size_t length;
    size_t end;
    velo_status st;
    int has;

    if (out != NULL)
        *out = NULL;
    if (tail != NULL)
        *tail = sql;
    if (connection == NULL || connection->engine == NULL)
        return VELO_MISUSE;
    ctx = vl_connection_begin_call(connection);
    if (out == NULL || sql == NULL)
        return vl_connection_end_call(connection,
                                      vl_fail(ctx, VELO_MISUSE, "velo_prepare: a pointer is NULL"));
    length = statement_text_size(sql, size);
    st = statement_measure(ctx, sql, length, &end, &has);
    if (tail != NULL)
        *tail = sql + end;
    if (st == VELO_OK && has)
        st = statement_create(ctx, connection, sql, end, out);
    return vl_connection_end_call(connection, st);
}

/* ---- a run ---- */

/* Forget what was made of the row at hand. */
static void
statement_drop_row(velo_statement *statement)
{
    statement->row = NULL;
    vl_arena_reset(&statement->row_arena);
    memset(statement->cells, 0, statement->column_count * sizeof *statement->cells);
}

velo_status
vl_foreign_fail(vl_ctx *ctx)
{
    return vl_fail(ctx, VELO_CONSTRAINT_FOREIGNKEY, "FOREIGN KEY constraint failed");
}

/* Whether the changes of a run that has come to `st` are to stay. */
static int
statement_keeps(const velo_statement *statement, velo_status st)
{
    return st == VELO_OK || (statement->exec != NULL &&
                             vl_exec_get_counts(statement->exec).resolution == VL_CONFLICT_FAIL);
}

/* Whether a run that wrote, and whose changes are to stay, leaves children without a parent: those
 * that count at the end of the statement, and the others too when it commits. */
static int
statement_violates(const velo_statement *statement)
{
    const velo_connection *connection = statement->connection;

    if (!statement->is_writing)
        return 0;
    if (statement->exec != NULL && vl_exec_get_counts(statement->exec).violations > 0)
        return 1;
    return !vl_session_is_in_transaction(connection->session) &&
           connection->foreign.deferred + connection->foreign.put_off > 0;
}

/* What the run has counted for foreign keys is undone with it; a query outside of a transaction
 * ends PRAGMA defer_foreign_keys, as in SQLite. */
static void
statement_restore_foreign(velo_statement *statement, velo_status st, vl_conflict resolution)
{
    velo_connection *connection = statement->connection;

    if (statement->is_writing && st != VELO_OK && resolution == VL_CONFLICT_ABORT)
        connection->foreign = statement->foreign;
    if (!statement->is_writing && statement->exec != NULL && connection->writing_count == 0 &&
        !vl_session_is_in_transaction(connection->session))
        connection->foreign.is_deferring = 0;
}

/* End the run's transaction part with what it came to. */
static velo_status
statement_close(vl_ctx *ctx, velo_statement *statement, velo_status st)
{
    velo_connection *connection = statement->connection;
    vl_conflict resolution = VL_CONFLICT_ABORT;
    int is_violated = 0;

    if (statement->is_open && statement_keeps(statement, st) && statement_violates(statement)) {
        st = vl_foreign_fail(ctx);
        is_violated = 1;
    }
    if (statement->exec != NULL && statement->is_open) {
        vl_exec_counts counts = vl_exec_get_counts(statement->exec);
        int is_change = statement->plan->kind != VL_PLAN_SELECT;

        if (!is_violated)
            resolution = counts.resolution;
        if (is_change && (st == VELO_OK || resolution == VL_CONFLICT_FAIL)) {
            connection->tally.changes = (int64_t)counts.changes;
            connection->tally.total_changes += (int64_t)counts.changes;
        } else if (is_change) {
            connection->tally.changes = 0;
        }
    }
    if (statement->exec != NULL)
        vl_exec_reset(statement->exec);
    vl_calls_end_run(statement);
    if (statement->is_open) {
        int is_writing = statement->is_writing;

        statement_restore_foreign(statement, st, resolution);
        statement->is_open = 0;
        statement->is_writing = 0;
        st = vl_connection_leave(ctx, connection, &statement->txn, is_writing, st, resolution);
    }
    return st;
}

/* Whether a statement that is no query writes, and changes the schema. */
static void
statement_classify(const velo_statement *statement, int *is_writing, int *is_ddl)
{
    const vl_ast *tree = statement->tree;

    *is_ddl = 0;
    if (statement->plan->kind != VL_PLAN_OTHER) {
        *is_writing = !statement->plan->is_read_only;
        return;
    }
    *is_ddl = vl_ast_is_ddl((vl_ast_type)tree->type) || vl_vacuum_is_in_place(tree);
    *is_writing = *is_ddl || (tree->type == VL_AST_PRAGMA && vl_pragma_writes(tree));
}

/* Begin the transaction part, and make the plan anew if its schema is another one. */
static velo_status
statement_open(vl_ctx *ctx, velo_statement *statement)
{
    vl_schema *schema;
    int is_writing;
    int is_ddl;
    velo_status st;

    statement_classify(statement, &is_writing, &is_ddl);
    VL_TRY(vl_connection_enter(ctx, statement->connection, &statement->txn, is_writing, is_ddl,
                               &schema));
    statement->is_open = 1;
    statement->is_writing = is_writing;
    if (schema == statement->schema && !statement->is_stale &&
        statement->has_foreign_keys == statement->connection->has_foreign_keys) {
        vl_schema_release(schema);
        return VELO_OK;
    }
    st = vl_prepared_plan(ctx, statement, schema);
    vl_schema_release(schema);
    if (st == VELO_OK && statement->plan->kind == VL_PLAN_OTHER)
        st = vl_prepared_describe_other(ctx, statement);
    if (st == VELO_OK)
        st = statement_make_room(ctx, statement);
    if (st != VELO_OK) { /* the next run makes all of it anew */
        vl_exec_destroy(statement->exec);
        statement->exec = NULL;
        statement->plan = NULL;
    }
    return st;
}

/* Make the execution of the plan ready. */
static velo_status
statement_start_exec(vl_ctx *ctx, velo_statement *statement)
{
    velo_connection *connection = statement->connection;

    statement->source = (vl_source){connection->engine->store, &statement->txn};
    if (statement->exec == NULL) {
        vl_exec_env env = {.functions = &connection->functions,
                           .table_func_user = statement,
                           .io = connection->engine->io,
                           .temporary_folder = "/tmp",
                           .memory_limit = UINT64_C(256) << 20,
                           .find_body = vl_prepared_find_body,
                           .body_user = statement,
                           .tally = &connection->tally,
                           .recursive_triggers = &connection->recursive_triggers,
                           .foreign = &connection->foreign,
                           .interrupt = &connection->interrupt,
                           .progress = connection->progress,
                           .progress_argument = connection->progress_user,
                           .progress_steps = connection->progress_steps,
                           .changed = &connection->update_hook};

        env.source = &statement->source;
        VL_TRY(vl_exec_create(ctx, statement->plan, &env, &statement->exec));
    }
    vl_exec_bind(statement->exec, statement->params, statement->param_count);
    statement->tally = connection->tally;
    return VELO_OK;
}

static velo_status
statement_start(vl_ctx *ctx, velo_statement *statement)
{
    velo_connection *connection = statement->connection;

    statement->has_returned_row = 0;
    statement->is_expired = 0;
    if (statement->plan == NULL)
        VL_TRY(statement_plan_first(ctx, statement));
    if (connection->active_count == 0)
        atomic_store(&connection->interrupt, 0);
    connection->now_ms = 0;
    VL_TRY(vl_hooks_begin_run(ctx, statement));
    switch (statement->tree->type) {
    case VL_AST_BEGIN:
    case VL_AST_COMMIT:
    case VL_AST_ROLLBACK:
    case VL_AST_SAVEPOINT:
    case VL_AST_RELEASE:
        return vl_connection_control(ctx, connection, statement->tree);
    default:
        break;
    }
    statement->foreign = connection->foreign;
    VL_TRY(statement_open(ctx, statement));
    vl_arena_reset(&statement->run_arena);
    if (statement->plan->kind == VL_PLAN_OTHER)
        return vl_prepared_run_other(ctx, statement);
    return statement_start_exec(ctx, statement);
}

/* The next of the rows that were made at once. */
static velo_status
statement_step_made(velo_statement *statement)
{
    vl_made_rows *made = &statement->made;

    if (made->at == made->row_count)
        return VELO_DONE;
    statement->row = made->values + (size_t)made->at * made->column_count;
    made->at++;
    return VELO_ROW;
}

/* A write that met a conflict is run again where nobody can have noticed the first try (31, item
 * 9). */
static velo_status
statement_run_again(vl_ctx *ctx, velo_statement *statement)
{
    vl_exec_reset(statement->exec);
    vl_error_clear(ctx);
    statement->connection->tally = statement->tally;
    statement->connection->foreign = statement->foreign;
    VL_TRY(vl_statement_restart(ctx, &statement->txn));
    vl_exec_bind(statement->exec, statement->params, statement->param_count);
    return VELO_OK;
}

static int
statement_may_run_again(const velo_statement *statement, velo_status st)
{
    return st == VELO_BUSY_SNAPSHOT && statement->is_open && statement->txn.is_writing &&
           statement->exec != NULL && !statement->has_returned_row &&
           !vl_session_is_in_transaction(statement->connection->session) &&
           statement->connection->writing_count == 1;
}

static velo_status
statement_step_exec(vl_ctx *ctx, velo_statement *statement)
{
    for (;;) {
        velo_status st = vl_exec_step(ctx, statement->exec, &statement->row);

        if (!statement_may_run_again(statement, st))
            return st;
        VL_TRY(statement_run_again(ctx, statement));
    }
}

static velo_status
statement_step(vl_ctx *ctx, velo_statement *statement)
{
    velo_status st = VELO_OK;

    if (statement->state != VL_STATEMENT_ROW) {
        st = statement_start(ctx, statement);
        if (st != VELO_OK)
            return statement_close(ctx, statement, st);
    } else if (statement->is_expired) {
        return statement_close(ctx, statement, vl_fail(ctx, VELO_ABORT, "abort due to ROLLBACK"));
    }
    if (statement->exec != NULL)
        st = statement_step_exec(ctx, statement);
    else if (statement->backup != NULL)
        st = vl_backup_step(ctx, statement);
    else
        st = statement_step_made(statement);
    if (st == VELO_ROW) {
        /* What was read beyond what is published may be handed out once it is durable (11, item
         * 29). */
        if (!statement->has_returned_row && statement->is_open) {
            velo_status durable = vl_statement_await(ctx, &statement->txn);

            if (durable != VELO_OK)
                return statement_close(ctx, statement, durable);
        }
        if (!statement->has_returned_row && statement->is_writing)
            vl_connection_linger(statement->connection);
        statement->has_returned_row = 1;
        return st;
    }
    st = statement_close(ctx, statement, st == VELO_DONE ? VELO_OK : st);
    if (st == VELO_OK && vl_vacuum_is_in_place(statement->tree))
        st = vl_vacuum_finish(ctx, statement->connection);
    return st == VELO_OK ? VELO_DONE : st;
}

velo_status
velo_step(velo_statement *statement)
{
    velo_connection *connection;
    velo_statement *outer;
    vl_ctx *ctx;
    velo_status st;

    if (statement == NULL)
        return VELO_MISUSE;
    connection = statement->connection;
    ctx = vl_connection_begin_call(connection);
    outer = connection->running;
    connection->running = statement;
    if (outer == NULL) /* else a function runs it */
        vl_session_enter_call(connection->session);
    if (statement->state != VL_STATEMENT_ROW) { /* the rows' memory goes with the run's arena */
        statement->made.at = statement->made.row_count = statement->made.capacity = 0;
        statement->made.values = NULL;
    }
    statement_drop_row(statement);
    st = statement_step(ctx, statement);
    connection->running = outer;
    if (outer == NULL)
        vl_session_leave_call(connection->session);
    if (statement->is_traced && st != VELO_ROW)
        vl_hooks_end_run(statement);
    else if (st == VELO_ROW && connection->trace_events != 0)
        vl_hooks_row(statement);
    statement->state = st == VELO_ROW    ? VL_STATEMENT_ROW
                       : st == VELO_DONE ? VL_STATEMENT_DONE
                                         : VL_STATEMENT_FAILED;
    statement->last = st;
    return vl_connection_end_call(connection, st);
}

/* ---- ends ---- */

/* End the run, if there is one. A change whose rows have not all been taken is made all the same.
 */
static velo_status
statement_stop(vl_ctx *ctx, velo_statement *statement)
{
    velo_connection *connection = statement->connection;
    velo_status st = VELO_OK;

    statement_drop_row(statement);
    if (statement->is_open) {
        int is_outer = connection->running == NULL;

        if (is_outer)
            vl_session_enter_call(connection->session);
        st = statement_close(ctx, statement, VELO_OK);
        if (is_outer)
            vl_session_leave_call(connection->session);
    }
    if (statement->is_traced)
        vl_hooks_end_run(statement);
    return st;
}

static velo_status
statement_end(velo_statement *statement)
{
    velo_connection *connection = statement->connection;
    velo_status st = VELO_OK;

    if (statement->state == VL_STATEMENT_FAILED) {
        st = statement->last; /* its words are still the connection's, if nothing came between */
        connection->code = st;
    } else {
        vl_ctx *ctx = vl_connection_begin_call(connection);

        st = vl_connection_end_call(connection, statement_stop(ctx, statement));
    }
    statement->state = VL_STATEMENT_READY;
    statement->last = VELO_OK;
    return st;
}

velo_status
velo_reset(velo_statement *statement)
{
    return statement == NULL ? VELO_OK : statement_end(statement);
}

velo_status
velo_finalize(velo_statement *statement)
{
    velo_status st;

    if (statement == NULL)
        return VELO_OK;
    st = statement_end(statement);
    if (statement->prev != NULL)
        statement->prev->next = statement->next;
    else
        statement->connection->statements = statement->next;
    if (statement->next != NULL)
        statement->next->prev = statement->prev;
    statement_destroy(statement);
    return st;
}

/* ---- rows that are made at once ---- */

velo_status
vl_made_add(vl_ctx *ctx, vl_made_rows *made, vl_arena *arena, const vl_value *values)
{
    vl_value *row;

    if (made->row_count == made->capacity || made->values == NULL) {
        uint32_t capacity = made->row_count == 0 ? 16 : made->row_count * 2;
        vl_value *more =
            vl_arena_alloc_array(arena, (size_t)capacity * made->column_count, sizeof *more);

        if (more == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate %u rows", (unsigned)capacity);
        if (made->row_count > 0 && made->values != NULL)
            memcpy(more, made->values, (size_t)made->row_count * made->column_count * sizeof *more);
        made->values = more;
        made->capacity = capacity;
    }
    row = made->values + (size_t)made->row_count * made->column_count;
    for (uint32_t i = 0; i < made->column_count; i++) {
        row[i] = values[i];
        if ((row[i].type != VL_TYPE_TEXT && row[i].type != VL_TYPE_BLOB) || row[i].size == 0)
            continue;
        row[i].as.data = vl_arena_copy(arena, values[i].as.data, values[i].size);
        if (row[i].as.data == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate a value");
    }
    made->row_count++;
    return VELO_OK;
}

/* ---- what it is ---- */

velo_connection *
velo_statement_connection(const velo_statement *statement)
{
    return statement->connection;
}

const char *
velo_statement_sql(const velo_statement *statement)
{
    return statement->sql;
}

int
velo_statement_is_read_only(const velo_statement *statement)
{
    int is_writing = 0;
    int is_ddl;

    if (statement->plan != NULL)
        statement_classify(statement, &is_writing, &is_ddl);
    return !is_writing;
}

int
velo_statement_is_busy(const velo_statement *statement)
{
    return statement->state == VL_STATEMENT_ROW;
}

void
velo_statement_set_user(velo_statement *statement, void *user)
{
    statement->user = user;
}

void *
velo_statement_get_user(const velo_statement *statement)
{
    return statement->user;
}

velo_explain
velo_statement_get_explain(const velo_statement *statement)
{
    if (statement->tree == NULL || statement->tree->type != VL_AST_EXPLAIN)
        return VELO_EXPLAIN_NONE;
    return (statement->tree->flags & VL_AST_QUERY_PLAN) != 0 ? VELO_EXPLAIN_PLAN
                                                             : VELO_EXPLAIN_CODE;
}
