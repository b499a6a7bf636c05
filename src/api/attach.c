/* attach.c - ATTACH and DETACH, and what an application may ask of a connection's databases.
 *
 * Invariants
 *   AT1  ATTACH either adds a database that is whole, schema and all, or changes nothing.
 *   AT2  A database that is taken away is used by no open statement, read by no backup, and its
 * part of an open transaction has neither read nor written anything. */
#include "api/api_int.h"

#include "base/alloc.h"
#include "sql/ast_print.h"

#include <stdio.h>
#include <string.h>

/* ---- expressions ---- */

/* Whether a tree has a parameter, or one of those behind it in its list. */
static int
attach_has_parameter(const vl_ast *node)
{
    for (; node != NULL; node = node->next) {
        if (node->type == VL_AST_PARAM)
            return 1;
        for (uint32_t i = 0; i < node->kid_count; i++)
            if (attach_has_parameter(node->kid[i]))
                return 1;
    }
    return 0;
}

/* The value of an expression, in the run's arena; a word that stands alone is a text. */
static velo_status
attach_evaluate(vl_ctx *ctx, velo_statement *statement, const vl_ast *expr, vl_value *value)
{
    const char *text;
    size_t size;
    char *sql;

    if (expr->type == VL_AST_COLUMN && expr->kid[0] == NULL) {
        *value = (vl_value){.type = VL_TYPE_TEXT, .size = expr->text_size, .as.data = expr->text};
        return VELO_OK;
    }
    if (expr->type == VL_AST_PARAM) {
        *value = statement->params[expr->count - 1];
        return VELO_OK;
    }
    for (uint32_t i = 0; i < expr->kid_count; i++)
        if (attach_has_parameter(expr->kid[i]))
            return vl_fail(ctx, VELO_ERROR,
                           "parameters within an expression of ATTACH are not supported");
    VL_TRY(vl_ast_print(ctx, expr, &statement->run_arena, &text, &size));
    sql = vl_arena_alloc(&statement->run_arena, size + 8);
    if (sql == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a statement");
    memcpy(sql, "SELECT ", 7);
    memcpy(sql + 7, text, size);
    sql[7 + size] = 0;
    return vl_run_value(ctx, statement, sql, 7 + size, value);
}

/* The same as a text that is ended; NULL's is empty. */
static velo_status
attach_text(vl_ctx *ctx, velo_statement *statement, const vl_ast *expr, const char **out)
{
    vl_value value = vl_value_of_null();
    char *copy;

    VL_TRY(attach_evaluate(ctx, statement, expr, &value));
    *out = "";
    if (value.type == VL_TYPE_NULL)
        return VELO_OK;
    VL_TRY(vl_value_cast(ctx, &statement->run_arena, VL_AFFINITY_TEXT, &value));
    copy = vl_arena_alloc(&statement->run_arena, (size_t)value.size + 1);
    if (copy == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a name");
    if (value.size > 0)
        memcpy(copy, value.as.data, value.size);
    copy[value.size] = 0;
    *out = copy;
    return VELO_OK;
}

/* ---- ATTACH ---- */

/* Check that there can be another database of that name. */
static velo_status
attach_check(vl_ctx *ctx, const velo_connection *connection, const char *name)
{
    uint32_t most = connection->attached_max;

    if (connection->database_count - VL_DATABASE_ATTACHED >= most)
        return vl_fail(ctx, VELO_ERROR, "too many attached databases - max %u", (unsigned)most);
    if (vl_database_find(connection, name, strlen(name)) >= 0)
        return vl_fail(ctx, VELO_ERROR, "database %s is already in use", name);
    return VELO_OK;
}

/* What is to be opened for a file's name. */
static velo_status
attach_find_target(vl_ctx *ctx, const velo_connection *connection, const char *file,
                   velo_attach_target *target)
{
    velo_status st = VELO_OK;

    *target =
        (velo_attach_target){.size = sizeof *target, .path = file, .options = connection->options};
    if (connection->attach_hook != NULL)
        st = connection->attach_hook(connection->attach_user, file, target);
    if (st != VELO_OK)
        return vl_fail(ctx, st, "%s", target->message);
    if (target->path != NULL && (target->path[0] == 0 || strcmp(target->path, ":memory:") == 0))
        target->path = NULL;
    if (target->path == NULL) /* no file has to exist, or could be written to */
        target->options.must_exist = target->options.is_read_only = 0;
    return VELO_OK;
}

static velo_status
attach_open(vl_ctx *ctx, velo_connection *connection, const char *file, vl_database *database)
{
    velo_attach_target target;
    vl_engine *engine;
    velo_status st;

    VL_TRY(attach_find_target(ctx, connection, file, &target));
    st = vl_engine_open(ctx, target.path, &target.options, &engine);
    if (vl_status_primary(st) == VELO_CANTOPEN || st == VELO_NOTFOUND)
        return vl_fail(ctx, VELO_CANTOPEN, "unable to open database: %s", file);
    VL_TRY(st);
    database->is_read_only = target.options.is_read_only;
    return vl_database_start(ctx, database, engine);
}

/* See that the schema is there by the database's name. Keeps AT1. */
static velo_status
attach_read_schema(vl_ctx *ctx, velo_connection *connection)
{
    vl_schema *schemas[VL_DATABASES_MAX];

    VL_TRY(vl_database_get_schemas(ctx, connection, schemas));
    vl_database_release_schemas(schemas, connection->database_count);
    return VELO_OK;
}

static void
attach_destroy(vl_ctx *ctx, vl_database *database)
{
    vl_database_stop(ctx, database);
    vl_free(database->name);
    vl_free(database);
}

static velo_status
attach_add(vl_ctx *ctx, velo_connection *connection, const char *file, const char *name)
{
    vl_database *database = vl_alloc_zero(ctx, sizeof *database);
    velo_status st;

    if (database == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a database");
    database->connection = connection;
    database->name = vl_alloc(ctx, strlen(name) + 1);
    if (database->name == NULL) {
        vl_free(database);
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a name");
    }
    memcpy(database->name, name, strlen(name) + 1);
    st = attach_open(ctx, connection, file, database);
    if (st == VELO_OK) {
        connection->databases[connection->database_count++] = database;
        st = attach_read_schema(ctx, connection);
        connection->database_count -= st != VELO_OK;
    }
    if (st != VELO_OK) {
        vl_error error = ctx->error;

        attach_destroy(ctx, database);
        ctx->error = error;
        return st;
    }
    connection->epoch++;
    return VELO_OK;
}

velo_status
vl_attach_run(vl_ctx *ctx, velo_statement *statement)
{
    velo_connection *connection = statement->connection;
    const char *file;
    const char *name;

    VL_TRY(attach_text(ctx, statement, statement->tree->kid[0], &file));
    VL_TRY(attach_text(ctx, statement, statement->tree->kid[1], &name));
    VL_TRY(attach_check(ctx, connection, name));
    return attach_add(ctx, connection, file, name);
}

/* ---- DETACH ---- */

/* Whether a statement that is at work knows this database, or one behind it, by its number. */
static int
attach_is_counted_on(const velo_statement *statement, uint32_t number)
{
    for (const velo_statement *at = statement->connection->statements; at != NULL; at = at->next)
        if (at != statement && at->is_open && at->plan != NULL && at->plan->kind == VL_PLAN_OTHER &&
            at->part_count > number)
            return 1;
    return 0;
}

velo_status
vl_detach_run(vl_ctx *ctx, velo_statement *statement)
{
    velo_connection *connection = statement->connection;
    vl_database *database;
    const char *name;
    int number;

    VL_TRY(attach_text(ctx, statement, statement->tree->kid[0], &name));
    number = vl_database_find(connection, name, strlen(name));
    if (number < 0)
        return vl_fail(ctx, VELO_ERROR, "no such database: %s", name);
    if (number < VL_DATABASE_ATTACHED)
        return vl_fail(ctx, VELO_ERROR, "cannot detach database %s", name);
    database = connection->databases[number];
    if (database->active_count > 0 || database->is_writer || database->schema != NULL ||
        database->backup_count > 0 || attach_is_counted_on(statement, (uint32_t)number))
        return vl_fail(ctx, VELO_ERROR, "database %s is locked", name); /* keeps AT2 */
    connection->database_count--;
    for (uint32_t i = (uint32_t)number; i < connection->database_count; i++)
        connection->databases[i] = connection->databases[i + 1];
    connection->epoch++;
    vl_virtuals_forget(connection, database->name);
    attach_destroy(ctx, database);
    return VELO_OK;
}

/* ---- what an application may ask ---- */

void
velo_set_attach_hook(velo_connection *connection, velo_attach_hook *hook, void *user)
{
    connection->attach_hook = hook;
    connection->attach_user = user;
}

int
velo_set_attached_limit(velo_connection *connection, int limit)
{
    int before = (int)connection->attached_max;

    if (limit >= 0)
        connection->attached_max = limit > (int)VL_ATTACHED_MAX ? VL_ATTACHED_MAX : (uint32_t)limit;
    return before;
}

const char *
velo_database_name(const velo_connection *connection, int index)
{
    if (index < 0 || (uint32_t)index >= connection->database_count)
        return NULL;
    return connection->databases[index]->name;
}

/* The database of a name; NULL means main. */
static const vl_database *
attach_find(const velo_connection *connection, const char *name)
{
    int number = name == NULL ? VL_DATABASE_MAIN : vl_database_find(connection, name, strlen(name));

    return number < 0 || connection->engine == NULL ? NULL : connection->databases[number];
}

const char *
velo_database_path(const velo_connection *connection, const char *name)
{
    const vl_database *database = attach_find(connection, name);

    if (database == NULL)
        return NULL;
    return database->engine == NULL || database->engine->is_memory ? "" : database->engine->path;
}

int
velo_database_is_read_only(const velo_connection *connection, const char *name)
{
    const vl_database *database = attach_find(connection, name);

    return database == NULL ? -1 : database->is_read_only != 0;
}

int
velo_database_state(const velo_connection *connection, const char *name)
{
    const vl_database *database = attach_find(connection, name);

    if (database == NULL)
        return -1;
    if (database->is_writer || database->writing_count > 0)
        return VELO_TRANSACTION_WRITE;
    return database->active_count > 0 || database->schema != NULL ? VELO_TRANSACTION_READ
                                                                  : VELO_TRANSACTION_NONE;
}
