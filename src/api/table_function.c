/* table_function.c - functions in FROM that are told by a few callbacks, as modules.
 *
 * It stands on the public interface.
 *
 * Invariants
 *   TF1  The arguments of a call that are given are a mask: bit i of the scan's number says that
 *        argument i is the next of filter's values. */
#include "base/alloc.h"
#include "base/ctx.h"
#include "velocidb.h"

#include <stdio.h>
#include <string.h>

/* The most arguments: bits of a number. */
#define TABLE_ARGUMENTS_MAX 30

/* A function as it was given, and the table that it is. */
typedef struct table_function {
    velo_table_function given;
    velo_connection *connection;
    char *sql;      /* of its columns */
    char name[256]; /* a copy */
} table_function;

typedef struct table_call {
    const table_function *function;
    void *state;
    int is_begun;
    int has_row;
} table_call;

static void
tabular_free(table_function *function)
{
    vl_free(function->sql);
    vl_free(function);
}

/* velo_module.destroy_user */
static void
tabular_destroy(void *user)
{
    table_function *function = user;

    if (function->given.destroy != NULL)
        function->given.destroy(function->given.user);
    tabular_free(function);
}

/* ---- planning ---- */

static velo_status
tabular_connect(velo_connection *connection, void *user, int count, const char *const *arguments,
                void **table)
{
    (void)count;
    (void)arguments;
    *table = user;
    return velo_declare_vtab(connection, ((const table_function *)user)->sql);
}

static velo_status
tabular_disconnect(void *table)
{
    (void)table;
    return VELO_OK;
}

static velo_status
tabular_best_index(void *table, velo_index_info *info)
{
    const table_function *function = table;
    const velo_table_function *given = &function->given;
    velo_index_constraint *taken[TABLE_ARGUMENTS_MAX] = {NULL};
    int next = 1;
    char text[320];

    for (int i = 0; i < info->constraint_count; i++) {
        velo_index_constraint *constraint = &info->constraints[i];
        int argument = constraint->column - given->column_count;

        if (argument < 0 || constraint->op != VELO_INDEX_EQ)
            continue;
        if (!constraint->is_usable)
            return VELO_CONSTRAINT;
        if (taken[argument] == NULL)
            taken[argument] = constraint;
    }
    for (int i = 0; i < given->argument_count; i++) {
        if (taken[i] == NULL && i < given->required_count) {
            (void)snprintf(text, sizeof text, "argument %d of %s() is missing", i + 1,
                           function->name);
            velo_vtab_error(function->connection, text);
            return VELO_ERROR;
        }
        if (taken[i] == NULL)
            continue;
        taken[i]->argument = next++;
        taken[i]->is_omitted = 1;
        info->number |= 1 << i; /* keeps TF1 */
    }
    info->cost = 1000;
    info->rows = 1000;
    return VELO_OK;
}

/* ---- rows ---- */

static velo_status
tabular_open(void *table, void **cursor)
{
    vl_ctx ctx;
    table_call *call;

    vl_ctx_init(&ctx, NULL, NULL);
    call = vl_alloc_zero(&ctx, sizeof *call);
    *cursor = call;
    if (call == NULL)
        return VELO_NOMEM;
    call->function = table;
    return VELO_OK;
}

static void
tabular_end_call(table_call *call)
{
    if (call->is_begun && call->function->given.end != NULL)
        call->function->given.end(call->state);
    call->is_begun = 0;
    call->state = NULL;
}

static velo_status
tabular_close(void *cursor)
{
    tabular_end_call(cursor);
    vl_free(cursor);
    return VELO_OK;
}

static velo_status
tabular_next(void *cursor)
{
    table_call *call = cursor;
    velo_status st = call->function->given.next(call->state);

    call->has_row = st == VELO_ROW;
    return st == VELO_ROW || st == VELO_DONE ? VELO_OK : st;
}

static velo_status
tabular_filter(void *cursor, int number, const char *text, int count, velo_value **values)
{
    table_call *call = cursor;
    const velo_table_function *given = &call->function->given;
    velo_value *arguments[TABLE_ARGUMENTS_MAX] = {NULL};
    int at = 0;
    velo_status st;

    (void)text;
    tabular_end_call(call);
    for (int i = 0; i < given->argument_count && at < count; i++)
        if ((number >> i & 1) != 0)
            arguments[i] = values[at++];
    st = given->begin(call->function->connection, given->user, given->argument_count, arguments,
                      &call->state);
    if (st != VELO_OK)
        return st;
    call->is_begun = 1;
    return tabular_next(cursor);
}

static int
tabular_eof(void *cursor)
{
    return !((const table_call *)cursor)->has_row;
}

static velo_status
tabular_column(void *cursor, velo_call *call, int column)
{
    const table_call *at = cursor;

    if (column < at->function->given.column_count) /* of arguments it is not known: NULL */
        at->function->given.column(at->state, call, column);
    return VELO_OK;
}

/* ---- creating ---- */

/* Append a name in double quotes; NULL `to` counts. */
static size_t
tabular_put_name(char *to, size_t at, const char *name)
{
    for (const char *p = name; *p != 0; p++) {
        if (*p == '"' && to != NULL)
            to[at] = '"';
        at += *p == '"';
        if (to != NULL)
            to[at] = *p;
        at++;
    }
    return at;
}

static size_t
tabular_put(char *to, size_t at, const char *text)
{
    size_t size = strlen(text);

    if (to != NULL)
        memcpy(to + at, text, size + 1);
    return at + size;
}

/* The text of the columns; NULL `to` counts its bytes. */
static size_t
tabular_put_sql(char *to, const velo_table_function *given)
{
    size_t at = tabular_put(to, 0, "CREATE TABLE x(");

    for (int i = 0; i < given->column_count + given->argument_count; i++) {
        int is_argument = i >= given->column_count;

        at = tabular_put(to, at, i > 0 ? ", \"" : "\"");
        at = tabular_put_name(
            to, at, is_argument ? given->arguments[i - given->column_count] : given->columns[i]);
        at = tabular_put(to, at, is_argument ? "\" HIDDEN" : "\"");
    }
    return tabular_put(to, at, ")");
}

static int
tabular_is_whole(const velo_table_function *given)
{
    return given != NULL && given->size == sizeof *given && given->name != NULL &&
           given->column_count > 0 && given->columns != NULL && given->argument_count >= 0 &&
           given->argument_count <= TABLE_ARGUMENTS_MAX &&
           (given->argument_count == 0 || given->arguments != NULL) &&
           given->required_count <= given->argument_count && given->begin != NULL &&
           given->next != NULL && given->column != NULL;
}

/* A copy of what was given, with its text; NULL: no memory. */
static table_function *
tabular_copy(velo_connection *connection, const velo_table_function *given)
{
    table_function *function;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    function = vl_alloc_zero(&ctx, sizeof *function);
    if (function == NULL)
        return NULL;
    function->given = *given;
    function->connection = connection;
    (void)snprintf(function->name, sizeof function->name, "%s", given->name);
    function->sql = vl_alloc(&ctx, tabular_put_sql(NULL, given) + 1);
    if (function->sql == NULL) {
        tabular_free(function);
        return NULL;
    }
    (void)tabular_put_sql(function->sql, given);
    return function;
}

velo_status
velo_create_table_function(velo_connection *connection, const velo_table_function *given)
{
    velo_module module = {.size = sizeof module,
                          .connect = tabular_connect,
                          .best_index = tabular_best_index,
                          .disconnect = tabular_disconnect,
                          .open = tabular_open,
                          .close = tabular_close,
                          .filter = tabular_filter,
                          .next = tabular_next,
                          .eof = tabular_eof,
                          .column = tabular_column,
                          .destroy_user = tabular_destroy};
    table_function *function;

    if (connection == NULL || !tabular_is_whole(given))
        return VELO_MISUSE;
    function = tabular_copy(connection, given);
    if (function == NULL) {
        if (given->destroy != NULL)
            given->destroy(given->user);
        return VELO_NOMEM;
    }
    module.name = given->name;
    module.user = function;
    return velo_create_module(connection, &module);
}
