/* bind_auth.c - what the application lets statements do: asking its authorizer while names get
 * their meaning.
 *
 * Nobody is asked for what the schema says (constraints, defaults, generated columns, indexes) and
 * for what is tried without counting (binder.quiet); foreign keys are the schema's as well.
 *
 * Invariants
 *   BA1  A column that the application hides is a NULL in the plan: nothing reads it.
 *   BA2  A statement that is to be left out has a plan that does nothing (vl_plan.is_ignored). */
#include "sql/bind_int.h"

#include <string.h>

vl_bind_answer
vl_bind_ask(vl_binder *b, const vl_bind_scope *scope, velo_action action, const char *first,
            const char *second, const char *database)
{
    int answer;

    if (b->status != VELO_OK)
        return VL_BIND_DENIED;
    if (b->env->authorize == NULL || b->quiet > 0 || b->unasked > 0 ||
        (scope != NULL && scope->is_own))
        return VL_BIND_ALLOWED;
    answer = b->env->authorize(b->env->authorize_user, action, first, second, database, b->inner);
    if (answer == VELO_ALLOW)
        return VL_BIND_ALLOWED;
    if (answer == VELO_IGNORE)
        return VL_BIND_IGNORED;
    if (answer == VELO_DENY)
        b->status = vl_fail(b->ctx, VELO_AUTH, "not authorized");
    else
        b->status = vl_fail(b->ctx, VELO_ERROR, "authorizer malfunction");
    return VL_BIND_DENIED;
}

/* The name under which a table is known to the application. */
static const char *
auth_table_name(const vl_table_def *table)
{
    if (strcmp(table->object.name, "sqlite_schema") == 0)
        return "sqlite_master";
    return strcmp(table->object.name, "sqlite_temp_schema") == 0 ? "sqlite_temp_master"
                                                                 : table->object.name;
}

static const char *
auth_database(const vl_table_def *table)
{
    return table->schema != NULL ? table->schema->database : "main";
}

/* What a column is called: that of the rowid may have a name of its own. */
static const char *
auth_column_name(const vl_bind_source *source, int32_t column)
{
    if (column == VL_COLUMN_ROWID && source->table->object.type == VL_OBJECT_TABLE)
        column = source->table->rowid_column;
    return column >= 0 ? source->columns[column].name : "ROWID";
}

vl_bind_answer
vl_bind_ask_table(vl_binder *b, const vl_bind_scope *scope, velo_action action,
                  const vl_table_def *table, const char *second)
{
    return vl_bind_ask(b, scope, action, auth_table_name(table), second, auth_database(table));
}

vl_bind_answer
vl_bind_ask_column(vl_binder *b, const vl_bind_scope *scope, velo_action action,
                   const vl_bind_source *source, int32_t column)
{
    const vl_table_def *table = source->table;
    const char *name = auth_column_name(source, column);
    vl_bind_answer answer = vl_bind_ask_table(b, scope, action, table, name);

    if (answer == VL_BIND_DENIED && b->status == VELO_AUTH && action == VELO_ACTION_READ) {
        if (b->env->schema_count > 2 || strcmp(auth_database(table), "main") != 0)
            b->status = vl_fail(b->ctx, VELO_AUTH, "access to %s.%s.%s is prohibited",
                                auth_database(table), auth_table_name(table), name);
        else
            b->status = vl_fail(b->ctx, VELO_AUTH, "access to %s.%s is prohibited",
                                auth_table_name(table), name);
    }
    return answer;
}

vl_expr *
vl_bind_read(vl_binder *b, const vl_bind_scope *scope, const vl_bind_source *source, int32_t column,
             const vl_ast *at)
{
    if (source->table != NULL && !source->is_unasked)
        switch (vl_bind_ask_column(b, scope, VELO_ACTION_READ, source, column)) {
        case VL_BIND_ALLOWED:
            break;
        case VL_BIND_IGNORED:
            return vl_expr_constant(b, vl_value_of_null(), at); /* keeps BA1 */
        case VL_BIND_DENIED:
            return NULL;
        }
    if (column == VL_COLUMN_ROWID)
        return vl_expr_column(b, vl_bind_source_id(source, VL_COLUMN_ROWID), at);
    return vl_bind_source_expr(b, source, (uint32_t)column, at);
}

int
vl_bind_ask_function(vl_binder *b, const vl_bind_scope *scope, vl_bind_word name,
                     vl_bind_answer *answer)
{
    char text[256];
    size_t size = name.size < sizeof text - 1 ? name.size : sizeof text - 1;

    *answer = VL_BIND_ALLOWED;
    if (b->env->authorize == NULL)
        return 1;
    memcpy(text, name.text, size);
    text[size] = 0;
    *answer = vl_bind_ask(b, scope, VELO_ACTION_FUNCTION, NULL, text, NULL);
    if (*answer == VL_BIND_DENIED && b->status == VELO_AUTH)
        b->status = vl_fail(b->ctx, VELO_AUTH, "not authorized to use function: %s", text);
    return *answer != VL_BIND_DENIED;
}

int
vl_bind_may(vl_binder *b, const vl_bind_scope *scope, velo_action action, const vl_table_def *table)
{
    vl_bind_answer answer = table == NULL ? vl_bind_ask(b, scope, action, NULL, NULL, NULL)
                                          : vl_bind_ask_table(b, scope, action, table, NULL);

    if (answer == VL_BIND_IGNORED) { /* keeps BA2 */
        b->is_ignored = 1;
        b->status = VELO_AUTH;
    }
    return answer == VL_BIND_ALLOWED;
}

/* A table that a SELECT reads without naming a column of it. */
void
vl_bind_ask_unnamed(vl_binder *b, const vl_bind_scope *scope)
{
    for (uint32_t i = 0; i < scope->source_count && b->env->authorize != NULL; i++) {
        const vl_bind_source *source = scope->sources[i];
        int is_named = source->kind != VL_BIND_SOURCE_TABLE;

        for (uint32_t k = 0; k <= source->column_count && !is_named; k++)
            is_named = b->ids[source->base + k].is_used;
        if (!is_named)
            (void)vl_bind_ask(b, scope, VELO_ACTION_READ, auth_table_name(source->table), "", NULL);
    }
}

velo_status
vl_plan_ignored(vl_binder *b, vl_plan **plan)
{
    b->status = VELO_OK;
    b->plan->kind = VL_PLAN_OTHER;
    b->plan->is_ignored = 1;
    b->plan->is_read_only = 1;
    b->plan->columns = NULL;
    b->plan->column_count = 0;
    *plan = b->plan;
    return VELO_OK;
}
