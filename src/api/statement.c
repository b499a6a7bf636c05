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

#include <limits.h>
#include <string.h>

/* Texts up to this size are copied before their first statement is looked for, and so parsed once;
 * of longer ones, scripts, only that statement is copied, for which it is parsed twice. */
#define STATEMENT_COPY_SIZE 4096U

/* Memory of plans: most statements fit the first chunk; the others take further ones of the second
 * size, which double. */
#define STATEMENT_FIRST_CHUNK ((size_t)VL_BY_BUILD(7168, 256))
#define STATEMENT_NEXT_CHUNK  ((size_t)VL_BY_BUILD(4096, 128))

_Static_assert(_Alignof(vl_value) >= _Alignof(vl_cell) && _Alignof(vl_cell) >= _Alignof(void *) &&
                   sizeof(vl_value) % _Alignof(vl_cell) == 0,
               "statement_make_room puts them behind each other");

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

/* Whether an action has to be made ready before the run, which opens the databases that it uses.
 * One that REPLACE alone may need uses that of its table, unless it comes to a trigger of "temp".
 */
static int
statement_is_needed(const velo_statement *statement, const vl_action *action)
{
    return !action->is_of_replace || statement->schemas[VL_DATABASE_TEMP]->trigger_count > 0;
}

/* Make the bodies of a plan's actions, but for those that REPLACE alone may need. */
static velo_status
statement_get_bodies(vl_ctx *ctx, velo_statement *statement, const vl_plan_env *env,
                     const vl_plan *plan)
{
    const vl_body *body;

    for (uint32_t i = 0; plan != NULL && i < plan->action_count; i++)
        if (statement_is_needed(statement, &plan->actions[i]))
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

/* vl_plan_env.table_rows. */
static double
statement_table_rows(vl_ctx *ctx, void *arg, const vl_table_def *table)
{
    const velo_statement *statement = arg;
    const velo_connection *connection = statement->connection;

    for (uint32_t i = 0; i < statement->schema_count; i++)
        if (table->schema == statement->schemas[i] && table->object.tree != 0 &&
            connection->databases[i]->engine != NULL)
            return vl_txn_estimate_rows(ctx, connection->databases[i]->engine->store,
                                        table->object.tree);
    return -1;
}

vl_plan_env
vl_prepared_env(velo_statement *statement, const vl_schema **ordered)
{
    vl_database_order(statement->schemas, statement->schema_count, ordered);
    return (vl_plan_env){.schemas = ordered,
                         .schema_count = statement->schema_count,
                         .find_func = vl_functions_find,
                         .find_table_func = vl_pragma_find_function,
                         .find_virtual = vl_virtual_find,
                         .virtual_arg = statement,
                         .table_rows = statement_table_rows,
                         .rows_arg = statement,
                         .arg = statement->connection->function_set,
                         .has_foreign_keys = statement->has_foreign_keys,
                         .has_no_triggers = statement->connection->has_no_triggers};
}

/* Let the application be asked for what a plan does. */
static void
statement_set_authorizer(const velo_statement *statement, vl_plan_env *env)
{
    env->authorize = statement->connection->authorizer;
    env->authorize_user = statement->connection->authorizer_user;
    env->argument_limit = statement->connection->argument_limit;
}

/* Check that all databases that a plan uses are open: tables of others would be looked for in main.
 */
static velo_status
statement_check_open(vl_ctx *ctx, const velo_statement *statement, const vl_plan *plan)
{
    uint32_t reads = vl_database_numbers(plan->reads);

    for (uint32_t i = 0; i < statement->schema_count; i++)
        if ((reads >> i & 1U) != 0 && !vl_prepared_has_part(statement, i))
            return vl_fail(ctx, VELO_INTERNAL, "a trigger needs database %s, which is not open",
                           statement->connection->databases[i]->name);
    return VELO_OK;
}

velo_status
vl_prepared_find_body(vl_ctx *ctx, void *user, const vl_action *action, const vl_body **body)
{
    const vl_schema *ordered[VL_DATABASES_MAX];
    velo_statement *statement = user;
    vl_plan_env env = vl_prepared_env(statement, ordered);

    statement_set_authorizer(statement, &env);
    VL_TRY(statement_get_body(ctx, statement, &env, action, body));
    for (uint32_t i = 0; i < (*body)->step_count; i++)
        VL_TRY(statement_check_open(ctx, statement, (*body)->steps[i]));
    return (*body)->when == NULL ? VELO_OK : statement_check_open(ctx, statement, (*body)->when);
}

/* Add the databases that a plan uses to those of the statement. */
static void
statement_add_uses(velo_statement *statement, const vl_plan *plan)
{
    const velo_connection *connection = statement->connection;

    if (plan == NULL)
        return;
    statement->reads |= vl_database_numbers(plan->reads);
    statement->writes |= vl_database_numbers(plan->writes);
    for (uint32_t i = 0; plan->calls_table_functions && i < statement->schema_count; i++)
        if (connection->databases[i]->engine != NULL)
            statement->reads |= UINT32_C(1) << i;
}

/* Find out which databases the plan and the bodies use. */
static void
statement_find_uses(velo_statement *statement)
{
    statement->reads = UINT32_C(1) << VL_DATABASE_MAIN;
    statement->writes = 0;
    statement_add_uses(statement, statement->plan);
    for (const vl_prepared_body *made = statement->bodies; made != NULL; made = made->next) {
        statement_add_uses(statement, made->body->when);
        for (uint32_t i = 0; i < made->body->step_count; i++)
            statement_add_uses(statement, made->body->steps[i]);
    }
}

/* The tree of the statement: what was parsed, explained as velo_statement_set_explain says. */
static velo_status
statement_set_tree(vl_ctx *ctx, velo_statement *statement, vl_ast *parsed)
{
    vl_ast *inner = parsed != NULL && parsed->type == VL_AST_EXPLAIN ? parsed->kid[0] : parsed;
    int explain = statement->explain - 1;
    vl_ast *node;

    statement->tree = explain < 0 ? parsed : inner;
    if (explain <= VELO_EXPLAIN_NONE || inner == NULL)
        return VELO_OK;
    node = vl_arena_alloc(&statement->arena, sizeof *node + sizeof(vl_ast *));
    if (node == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a statement");
    memset(node, 0, sizeof *node);
    node->type = VL_AST_EXPLAIN;
    node->flags = explain == VELO_EXPLAIN_PLAN ? VL_AST_QUERY_PLAN : 0;
    node->kid_count = 1;
    node->kid[0] = inner;
    statement->tree = node;
    return VELO_OK;
}

/* Plan what was parsed into the statement's arena. */
static velo_status
statement_plan_tree(vl_ctx *ctx, velo_statement *statement, vl_schema *const *schemas,
                    const vl_parse_result *parsed)
{
    velo_connection *connection = statement->connection;
    const vl_schema *ordered[VL_DATABASES_MAX];
    vl_plan_env env;

    statement->schema_count = connection->database_count;
    for (uint32_t i = 0; i < statement->schema_count; i++) {
        statement->schemas[i] = schemas[i];
        vl_schema_retain(schemas[i]);
    }
    statement->epoch = connection->epoch;
    statement->plan_count++;
    statement->has_foreign_keys = connection->has_foreign_keys;
    env = vl_prepared_env(statement, ordered);
    statement_set_authorizer(statement, &env);
    VL_TRY(statement_set_tree(ctx, statement, parsed->statement));
    VL_TRY(vl_plan_make(ctx, &statement->arena, statement->tree, statement->sql,
                        parsed->variable_count, &env, &statement->plan));
    if (statement->plan->kind == VL_PLAN_OTHER && !statement->plan->is_ignored &&
        statement->backup == NULL)
        VL_TRY(vl_authorize_other(ctx, statement, ordered, &statement->plan->is_ignored));
    statement->is_stale = 0;
    VL_TRY(statement_make_bodies(ctx, statement, &env));
    statement_find_uses(statement);
    return VELO_OK;
}

void
vl_prepared_drop_exec(velo_statement *statement)
{
    vl_exec_work work;

    if (statement->exec == NULL)
        return;
    work = vl_exec_get_work(statement->exec);
    statement->work.steps += work.steps;
    statement->work.sorts += work.sorts;
    statement->work.scanned += work.scanned;
    vl_exec_destroy(statement->exec);
    statement->exec = NULL;
}

velo_status
vl_prepared_plan(vl_ctx *ctx, velo_statement *statement, vl_schema *const *schemas)
{
    vl_parse_result parsed;

    vl_prepared_drop_exec(statement);
    statement->plan = NULL;
    statement->tree = NULL;
    statement->bodies = NULL;
    statement->others = NULL;
    vl_database_release_schemas(statement->schemas, statement->schema_count);
    vl_arena_reset(&statement->arena);
    vl_virtuals_release(statement);
    statement->schema_count = 0;
    VL_TRY(vl_parse(ctx, statement->sql, statement->sql_size, NULL, &statement->arena, &parsed));
    return statement_plan_tree(ctx, statement, schemas, &parsed);
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

velo_status
vl_plan_by_statement(vl_ctx *ctx, vl_arena *arena, const vl_ast *tree, const char *sql,
                     velo_statement *statement, vl_plan **plan)
{
    const vl_schema *ordered[VL_DATABASES_MAX];
    vl_plan_env env = vl_prepared_env(statement, ordered);

    env.has_foreign_keys = 0;
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
    size_t count = plan->param_count;
    vl_value *params; /* one block for all three, each aligned at most as the one before */
    vl_cell *cells;
    void **copies;

    params = vl_alloc_zero(ctx, count * sizeof *params + (columns + 1U) * sizeof *cells +
                                    count * sizeof *copies);
    if (params == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a statement");
    cells = (void *)(params + count);
    copies = (void *)(cells + columns + 1U);
    for (uint32_t i = 0; i < plan->param_count; i++)
        params[i] = i < statement->param_count ? statement->params[i] : vl_value_of_null();
    for (uint32_t i = 0; i < plan->param_count; i++)
        copies[i] = i < statement->param_count ? statement->copies[i] : NULL;
    vl_free(statement->params);
    statement->copies = copies;
    statement->cells = cells;
    statement->params = params;
    statement->column_count = columns;
    statement->param_count = plan->param_count;
    return VELO_OK;
}

/* parsed: what was made of its text already, in its arena; or NULL */
static velo_status
statement_plan_first(vl_ctx *ctx, velo_statement *statement, const vl_parse_result *parsed)
{
    vl_schema *schemas[VL_DATABASES_MAX];
    velo_status st;

    VL_TRY(vl_database_get_schemas(ctx, statement->connection, schemas));
    st = parsed != NULL ? statement_plan_tree(ctx, statement, schemas, parsed)
                        : vl_prepared_plan(ctx, statement, schemas);
    vl_database_release_schemas(schemas, statement->connection->database_count);
    VL_TRY(st);
    statement->made.column_count = 0;
    if (statement->plan->kind == VL_PLAN_OTHER && !statement->plan->is_ignored)
        VL_TRY(vl_prepared_describe_other(ctx, statement));
    return statement_make_room(ctx, statement);
}

velo_status
vl_prepared_explain(vl_ctx *ctx, velo_statement *statement, velo_explain explain)
{
    int before = statement->explain;
    velo_status st;

    statement->explain = 1 + (int)explain;
    st = statement_plan_first(ctx, statement, NULL);
    if (st != VELO_OK) {
        statement->explain = before; /* and its next run plans it anew */
        statement->is_stale = 1;
    }
    return st;
}

static void
statement_destroy(velo_statement *statement)
{
    vl_pointers_drop(statement->connection, statement, 1, INT_MAX);
    vl_exec_destroy(statement->exec);
    vl_virtuals_release(statement);
    vl_database_release_schemas(statement->schemas, statement->schema_count);
    if (statement->part_room > 0)
        vl_free(statement->parts);
    vl_arena_deinit(&statement->arena);
    vl_arena_deinit(&statement->run_arena);
    vl_arena_deinit(&statement->row_arena);
    for (uint32_t i = 0; i < statement->param_count; i++)
        vl_free(statement->copies[i]);
    vl_free(statement->params);
    vl_free(statement->sql);
    vl_free(statement);
}

/* Where the first statement of a long text ends. */
static velo_status
statement_measure(vl_ctx *ctx, const char *sql, size_t *size, size_t *tail)
{
    vl_parse_result parsed;
    vl_arena arena;
    velo_status st;

    *tail = 0;
    if (*size <= STATEMENT_COPY_SIZE)
        return VELO_OK;
    vl_arena_init(&arena, ctx->allocator, 0);
    st = vl_parse(ctx, sql, *size, NULL, &arena, &parsed);
    *size = *tail = parsed.tail;
    vl_arena_deinit(&arena);
    return st;
}

/* Parse and plan a copy of a text; what is behind its first statement is dropped. *has: there is
 * one. */
static velo_status
statement_read(vl_ctx *ctx, velo_statement *statement, const char *sql, size_t size, size_t *tail,
               int *has)
{
    vl_parse_result parsed;
    velo_status st;

    statement->sql = vl_alloc(ctx, size + 1);
    if (statement->sql == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate %zu bytes for a statement", size);
    memcpy(statement->sql, sql, size);
    statement->sql[size] = 0;
    st = vl_parse(ctx, statement->sql, size, NULL, &statement->arena, &parsed);
    vl_arena_set_next_chunk(&statement->arena, STATEMENT_NEXT_CHUNK);
    *tail = parsed.tail;
    statement->sql[parsed.tail] = 0;
    statement->sql_size = parsed.tail;
    *has = st == VELO_OK && parsed.statement != NULL;
    return *has ? statement_plan_first(ctx, statement, &parsed) : st;
}

/* Make a statement of the first one in a text; NULL when it has none. */
static velo_status
statement_create(vl_ctx *ctx, velo_connection *connection, const char *sql, size_t size,
                 size_t *tail, velo_statement **out)
{
    velo_statement *statement;
    velo_status st;
    int has = 0;

    VL_TRY(statement_measure(ctx, sql, &size, tail));
    statement = vl_alloc_zero(ctx, sizeof *statement);
    if (statement == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a statement");
    statement->connection = connection;
    vl_arena_init(&statement->arena, ctx->allocator, STATEMENT_FIRST_CHUNK);
    vl_arena_init(&statement->run_arena, ctx->allocator, 0);
    vl_arena_init(&statement->row_arena, ctx->allocator, 0);
    st = statement_read(ctx, statement, sql, size, tail, &has);
    if (st != VELO_OK || !has) {
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
    vl_collators *outer;
    vl_ctx *ctx;
    size_t length;
    size_t end = 0;
    velo_status st;

    if (out != NULL)
        *out = NULL;
    if (tail != NULL)
        *tail = sql;
    if (connection == NULL || connection->engine == NULL)
        return VELO_MISUSE;
    if (vl_connection_is_foreign(connection))
        return vl_connection_refuse(connection);
    ctx = vl_connection_begin_call(connection);
    if (out == NULL || sql == NULL)
        return vl_connection_end_call(connection,
                                      vl_fail(ctx, VELO_MISUSE, "velo_prepare: a pointer is NULL"));
    length = statement_text_size(sql, size);
    outer = vl_collators_enter(&connection->collators);
    st = statement_create(ctx, connection, sql, length, &end, out);
    (void)vl_collators_enter(outer);
    if (tail != NULL)
        *tail = sql + end;
    return vl_connection_end_call(connection, st);
}

/* ---- a run ---- */

/* Forget what was made of the row at hand. */
static void
statement_drop_row(velo_statement *statement)
{
    statement->row = NULL;
    vl_arena_reset(&statement->row_arena);
    if (statement->column_count > 0)
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
        st = vl_connection_leave(ctx, statement, is_writing, st, resolution);
    }
    return st;
}

/* How often a run looks for what its statement needs, while others change schemas. */
#define STATEMENT_OPEN_TRIES 10U

/* Which databases an OTHER statement needs, and which it is about. */
static velo_status
statement_find_other_needs(vl_ctx *ctx, velo_statement *statement, vl_needs *needs)
{
    const velo_connection *connection = statement->connection;
    const vl_ast *tree = statement->tree;
    const vl_ast *name = NULL;
    int is_writing = vl_vacuum_is_in_place(tree);
    int number = VL_DATABASE_MAIN;

    if (vl_ast_is_ddl((vl_ast_type)tree->type))
        return vl_ddl_find_needs(ctx, statement, needs);
    if (tree->type == VL_AST_PRAGMA) {
        name = tree->kid[0]->kid[0];
        is_writing = vl_pragma_writes(tree);
        if (vl_pragma_reads_all(connection, tree))
            for (uint32_t i = 0; i < connection->database_count; i++)
                needs->reads |= (uint32_t)(connection->databases[i]->engine != NULL) << i;
    } else if (tree->type == VL_AST_VACUUM) {
        name = tree->kid[0];
    }
    if (name != NULL)
        number = vl_database_find(connection, name->text, name->text_size);
    statement->target = number < 0 ? VL_DATABASE_MAIN : (uint32_t)number;
    needs->reads |= UINT32_C(1) << statement->target;
    needs->writes = (uint32_t)is_writing << statement->target;
    if (vl_vacuum_is_in_place(tree))
        needs->ddl = needs->writes;
    return VELO_OK;
}

/* Which databases the statement needs, as far as the schemas of its plan tell. */
static velo_status
statement_find_needs(vl_ctx *ctx, velo_statement *statement, vl_needs *needs)
{
    *needs = (vl_needs){.reads = UINT32_C(1) << VL_DATABASE_MAIN};
    if (statement->plan->kind == VL_PLAN_OTHER)
        return statement_find_other_needs(ctx, statement, needs);
    needs->reads |= statement->reads;
    if (!statement->plan->is_read_only)
        needs->writes = statement->writes;
    return VELO_OK;
}

/* Make room for the parts of the databases that are needed. */
static velo_status
statement_make_parts(vl_ctx *ctx, velo_statement *statement, const vl_needs *needs)
{
    uint32_t count = statement->connection->database_count;
    vl_part *parts;

    while (count > 1 && (needs->reads >> (count - 1) & 1U) == 0)
        count--;
    statement->part_count = count;
    if (statement->part_room == 0)
        statement->parts = &statement->first;
    if (count == 1 || count <= statement->part_room)
        return VELO_OK;
    parts = vl_alloc_array(ctx, count, sizeof *parts);
    if (parts == NULL) {
        statement->part_count = 0;
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate what a statement has open");
    }
    if (statement->part_room > 0)
        vl_free(statement->parts);
    statement->parts = parts;
    statement->part_room = count;
    return VELO_OK;
}

/* Whether the plan was made by the schemas that were found when the parts were begun. */
static int
statement_fits(const velo_statement *statement, vl_schema *const *opened)
{
    const velo_connection *connection = statement->connection;
    const vl_database *temp = &connection->temp;
    const vl_schema *of_temp = vl_engine_empty_temp();

    if (statement->is_stale || statement->epoch != connection->epoch ||
        statement->has_foreign_keys != connection->has_foreign_keys)
        return 0;
    for (uint32_t i = 0; i < statement->part_count; i++)
        if (opened[i] != NULL && opened[i] != statement->schemas[i])
            return 0;
    if (temp->engine != NULL) /* nobody else changes it */
        of_temp = temp->schema != NULL ? temp->schema : temp->engine->schema;
    return statement->schemas[VL_DATABASE_TEMP] == of_temp;
}

/* Make the plan anew by the schemas that were found, and by those that are newest of databases that
 * are not open. Takes the references. */
static velo_status
statement_plan_again(vl_ctx *ctx, velo_statement *statement, vl_schema **opened)
{
    velo_connection *connection = statement->connection;
    vl_schema *schemas[VL_DATABASES_MAX];
    velo_status st = vl_database_get_schemas(ctx, connection, schemas);

    if (st != VELO_OK) {
        vl_database_release_schemas(opened, VL_DATABASES_MAX);
        return st;
    }
    for (uint32_t i = 0; i < connection->database_count; i++)
        if (opened[i] != NULL) {
            vl_schema_release(schemas[i]);
            schemas[i] = opened[i];
        }
    st = vl_prepared_plan(ctx, statement, schemas);
    vl_database_release_schemas(schemas, connection->database_count);
    statement->made.column_count = 0;
    if (st == VELO_OK && statement->plan->kind == VL_PLAN_OTHER && !statement->plan->is_ignored)
        st = vl_prepared_describe_other(ctx, statement);
    if (st == VELO_OK)
        st = statement_make_room(ctx, statement);
    if (st != VELO_OK) { /* the next run makes all of it anew */
        vl_prepared_drop_exec(statement);
        statement->plan = NULL;
    }
    return st;
}

/* Begin the parts of the databases that are needed, and make the plan anew if its schemas are
 * others. *is_enough: nothing else is needed by the plan then. */
static velo_status
statement_try_open(vl_ctx *ctx, velo_statement *statement, int *is_enough)
{
    velo_connection *connection = statement->connection;
    vl_schema *opened[VL_DATABASES_MAX];
    vl_needs needs;
    vl_needs after;

    VL_TRY(statement_find_needs(ctx, statement, &needs));
    if ((needs.reads >> VL_DATABASE_TEMP & 1U) != 0)
        VL_TRY(vl_database_need_temp(ctx, connection));
    VL_TRY(statement_make_parts(ctx, statement, &needs));
    VL_TRY(vl_connection_enter(ctx, statement, &needs, opened));
    statement->is_open = 1;
    statement->is_writing = needs.writes != 0;
    *is_enough = 1;
    if (statement_fits(statement, opened)) {
        vl_database_release_schemas(opened, statement->part_count);
        return VELO_OK;
    }
    VL_TRY(statement_plan_again(ctx, statement, opened));
    VL_TRY(statement_find_needs(ctx, statement, &after));
    *is_enough = (after.reads & ~needs.reads) == 0 && (after.writes & ~needs.writes) == 0 &&
                 (after.ddl & ~needs.ddl) == 0;
    return VELO_OK;
}

/* Begin the transaction part. */
static velo_status
statement_open(vl_ctx *ctx, velo_statement *statement)
{
    for (uint32_t tries = 0; tries < STATEMENT_OPEN_TRIES; tries++) {
        int is_enough;

        VL_TRY(statement_try_open(ctx, statement, &is_enough));
        if (is_enough)
            return VELO_OK;
        vl_connection_give_up(ctx, statement, statement->is_writing);
        statement->is_open = 0;
        statement->is_writing = 0;
    }
    return vl_fail(ctx, VELO_SCHEMA, "database schema has changed");
}

/* What an execution reads tables through: all that is open. */
static velo_status
statement_make_source(vl_ctx *ctx, velo_statement *statement)
{
    vl_source *source = &statement->source;

    *source = (vl_source){statement->connection->engine->store, &statement->parts[0].txn, NULL, 0};
    if (statement->part_count == 1)
        return VELO_OK;
    if (statement->others == NULL)
        statement->others = vl_arena_alloc_array(&statement->arena, statement->schema_count,
                                                 sizeof *statement->others);
    if (statement->others == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a list of databases");
    source->others = statement->others;
    for (uint32_t i = 1; i < statement->part_count; i++) {
        vl_part *part = &statement->parts[i];

        if (part->is_open)
            statement->others[source->other_count++] =
                (vl_source_other){statement->schemas[i], part->database->engine->store, &part->txn};
    }
    return VELO_OK;
}

/* Give the execution its parameters. */
static void
statement_bind(velo_statement *statement)
{
    vl_exec_bind_rows(statement->exec,
                      statement->many != NULL ? statement->many : statement->params,
                      statement->param_count, statement->many != NULL ? statement->many_count : 1);
}

/* Make the execution of the plan ready. */
static velo_status
statement_start_exec(vl_ctx *ctx, velo_statement *statement)
{
    velo_connection *connection = statement->connection;

    VL_TRY(statement_make_source(ctx, statement));
    if (statement->exec == NULL) {
        vl_exec_env env = {.functions = &connection->functions,
                           .table_func_user = statement,
                           .io = connection->engine->io,
                           .temporary_folder = "/tmp",
                           .memory_limit = UINT64_C(256) << 20,
                           .is_plain = connection->is_plain,
                           .is_profiled = statement->is_profiled,
                           .find_body = vl_prepared_find_body,
                           .body_user = statement,
                           .tally = &connection->tally,
                           .recursive_triggers = &connection->recursive_triggers,
                           .ignores_checks = &connection->ignores_checks,
                           .foreign = &connection->foreign,
                           .interrupt = &connection->interrupt,
                           .progress = connection->progress,
                           .progress_argument = connection->progress_user,
                           .progress_steps = connection->progress_steps,
                           .changed = &connection->update_hook};

        env.source = &statement->source;
        VL_TRY(vl_exec_create(ctx, statement->plan, &env, &statement->exec));
    }
    statement_bind(statement);
    statement->tally = connection->tally;
    return VELO_OK;
}

/* Whether running a statement does not lead to statement_open, which makes stale plans anew. */
static int
statement_is_planned_once(const velo_statement *statement)
{
    return statement->plan->is_ignored || statement->tree->type == VL_AST_BEGIN ||
           statement->tree->type == VL_AST_COMMIT || statement->tree->type == VL_AST_ROLLBACK ||
           statement->tree->type == VL_AST_SAVEPOINT || statement->tree->type == VL_AST_RELEASE;
}

static velo_status
statement_start(vl_ctx *ctx, velo_statement *statement)
{
    velo_connection *connection = statement->connection;

    statement->has_returned_row = 0;
    statement->is_expired = 0;
    statement->run_count++;
    if (statement->plan == NULL || (statement->is_stale && statement_is_planned_once(statement)))
        VL_TRY(statement_plan_first(ctx, statement, NULL));
    if (connection->active_count == 0)
        atomic_store(&connection->interrupt, 0);
    connection->now_ms = 0;
    VL_TRY(vl_hooks_begin_run(ctx, statement));
    if (statement->plan->is_ignored)
        return VELO_OK;
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
    if (statement->plan->is_ignored)
        return VELO_OK;
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
    for (uint32_t i = 0; i < statement->part_count; i++)
        if (statement->parts[i].is_writing)
            VL_TRY(vl_part_restart(ctx, &statement->parts[i]));
    statement_bind(statement);
    return VELO_OK;
}

static int
statement_may_run_again(const velo_statement *statement, velo_status st)
{
    if (st != VELO_BUSY_SNAPSHOT || !statement->is_open || !statement->is_writing ||
        statement->exec == NULL || statement->has_returned_row || statement->virtuals != NULL ||
        statement->connection->writing_count != 1)
        return 0;
    for (uint32_t i = 0; i < statement->part_count; i++)
        if (statement->parts[i].is_writing && !vl_statement_may_restart(&statement->parts[i].txn))
            return 0;
    return 1;
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

/* Wait until what was read in any database may be handed out. */
static velo_status
statement_await(vl_ctx *ctx, velo_statement *statement)
{
    for (uint32_t i = 0; i < statement->part_count; i++)
        if (statement->parts[i].is_open)
            VL_TRY(vl_statement_await(ctx, &statement->parts[i].txn));
    return VELO_OK;
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
            velo_status durable = statement_await(ctx, statement);

            if (durable != VELO_OK)
                return statement_close(ctx, statement, durable);
        }
        if (!statement->has_returned_row && statement->is_writing)
            vl_connection_linger(statement->connection);
        statement->has_returned_row = 1;
        statement->row_count++;
        return st;
    }
    st = statement_close(ctx, statement, st == VELO_DONE ? VELO_OK : st);
    if (st == VELO_OK && vl_vacuum_is_in_place(statement->tree)) {
        st = vl_vacuum_finish(ctx, vl_prepared_database(statement));
        if (statement->backup != NULL && st == VELO_NOMEM) {
            vl_error_clear(ctx); /* the copy is there; others free later what was there before */
            st = VELO_OK;
        }
    }
    return st == VELO_OK ? VELO_DONE : st;
}

/* What was at work on the connection before a statement is. */
typedef struct statement_turn {
    velo_statement *outer;   /* whose callback runs it; NULL: the application does */
    vl_collators *collators; /* that counted before */
} statement_turn;

/* The statement is at work from now on: for callbacks, and for what they run. */
static statement_turn
statement_take_turn(velo_statement *statement)
{
    velo_connection *connection = statement->connection;
    statement_turn turn = {connection->running, vl_collators_enter(&connection->collators)};

    connection->running = statement;
    connection->depth++;
    if (turn.outer == NULL)
        vl_session_enter_call(connection->session);
    return turn;
}

static void
statement_end_turn(velo_connection *connection, const statement_turn *turn)
{
    (void)vl_collators_enter(turn->collators);
    connection->running = turn->outer;
    connection->depth--;
    if (turn->outer == NULL)
        vl_session_leave_call(connection->session);
}

/* Take the next row of a run where it lies ready: nothing is run for it, so nothing of what a call
 * is put into is needed. 0: the step is to look for it, or somebody is to be told of it. */
static int
statement_take_ready(velo_statement *statement)
{
    velo_connection *connection = statement->connection;
    const vl_value *row;

    if (statement->state != VL_STATEMENT_ROW || statement->is_expired || statement->exec == NULL ||
        connection->trace_events != 0 || connection->is_log_due)
        return 0;
    row = vl_exec_take(statement->exec);
    if (row == NULL)
        return 0;
    if (connection->code != VELO_ROW || connection->ctx.error.code != VELO_OK)
        (void)vl_connection_begin_call(connection);
    statement_drop_row(statement);
    statement->row = row;
    statement->row_count++;
    connection->code = VELO_ROW;
    return 1;
}

velo_status
velo_step(velo_statement *statement)
{
    velo_connection *connection;
    statement_turn turn;
    vl_ctx *ctx;
    velo_status st;

    if (statement == NULL)
        return VELO_MISUSE;
    connection = statement->connection;
    if (vl_connection_is_foreign(connection))
        return vl_connection_refuse(connection);
    if (statement_take_ready(statement))
        return VELO_ROW;
    ctx = vl_connection_begin_call(connection);
    turn = statement_take_turn(statement);
    if (statement->state != VL_STATEMENT_ROW) { /* the rows' memory goes with the run's arena */
        statement->made.at = statement->made.row_count = statement->made.capacity = 0;
        statement->made.values = NULL;
    }
    statement_drop_row(statement);
    st = statement_step(ctx, statement);
    statement_end_turn(connection, &turn);
    if (turn.outer == NULL && connection->is_log_due)
        vl_hooks_log(connection);
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
        statement_turn turn = statement_take_turn(statement);

        st = statement_close(ctx, statement, VELO_OK);
        statement_end_turn(connection, &turn);
    }
    if (connection->running == NULL && connection->is_log_due)
        vl_hooks_log(connection);
    if (statement->is_traced)
        vl_hooks_end_run(statement);
    return st;
}

static velo_status
statement_end(velo_statement *statement)
{
    velo_connection *connection = statement->connection;
    velo_status st = VELO_OK;

    if (vl_connection_is_foreign(connection))
        return VELO_OK;
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
    if (!vl_connection_is_foreign(statement->connection))
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
    const vl_ast *tree = statement->tree;

    if (statement->plan == NULL)
        return 1;
    if (statement->plan->kind != VL_PLAN_OTHER)
        return statement->plan->is_read_only;
    if (tree->type == VL_AST_BEGIN && (tree->op == VL_OP_IMMEDIATE || tree->op == VL_OP_EXCLUSIVE))
        return 0; /* as in SQLite: it takes a lock */
    if (tree->type == VL_AST_EXPLAIN && (tree->flags & VL_AST_RUN) != 0)
        return vl_plan_kind_of(tree->kid[0]) == VL_PLAN_SELECT;
    return !vl_ast_is_ddl((vl_ast_type)tree->type) && !vl_vacuum_is_in_place(tree) &&
           (tree->type != VL_AST_PRAGMA || !vl_pragma_writes(tree));
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
    if ((statement->tree->flags & VL_AST_RUN) != 0)
        return VELO_EXPLAIN_ANALYZE;
    return (statement->tree->flags & VL_AST_QUERY_PLAN) != 0 ? VELO_EXPLAIN_PLAN
                                                             : VELO_EXPLAIN_CODE;
}
