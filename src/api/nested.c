/* nested.c - statements that the layer here runs inside of another one.
 *
 * Invariants
 *   NE1  A nested statement is ended before what is around it goes on, whatever came of it; its
 *        changes are undone with those of the outer one only. */
#include "api/api_int.h"

#include "exec/source.h"
#include "sql/foreign.h"
#include "sql/parse.h"

#include <string.h>

/* A statement inside of another. */
typedef struct nested_run {
    velo_statement *outer;
    vl_arena arena;
    vl_plan *plan;
    vl_exec *exec;
    vl_statement txn;
    int is_open;
    vl_source source;
} nested_run;

static velo_status
nested_begin(vl_ctx *ctx, velo_statement *outer, vl_schema *schema, const char *sql, size_t size,
             nested_run *run)
{
    velo_connection *connection = outer->connection;
    vl_exec_env env = {.functions = &connection->functions,
                       .table_func_user = outer,
                       .io = connection->engine->io,
                       .interrupt = &connection->interrupt};
    vl_parse_result parsed;

    memset(run, 0, sizeof *run);
    run->outer = outer;
    vl_arena_init(&run->arena, ctx->allocator, 0);
    VL_TRY(vl_parse(ctx, sql, size, NULL, &run->arena, &parsed));
    VL_TRY(vl_plan_by_schema(ctx, &run->arena, parsed.statement, sql, schema, &run->plan));
    VL_TRY(vl_statement_nest(ctx, &outer->txn, &run->txn));
    run->is_open = 1;
    run->source = (vl_source){connection->engine->store, &run->txn};
    env.source = &run->source;
    return vl_exec_create(ctx, run->plan, &env, &run->exec);
}

static velo_status
nested_end(vl_ctx *ctx, nested_run *run, velo_status st)
{
    vl_exec_destroy(run->exec);
    vl_arena_deinit(&run->arena);
    if (run->is_open) {
        vl_error error = ctx->error;
        velo_status end = vl_statement_end(ctx, &run->txn);

        if (st == VELO_OK)
            return end;
        ctx->error = error;
    }
    return st;
}

velo_status
vl_run_nested(vl_ctx *ctx, velo_statement *outer, vl_schema *schema, const char *sql, size_t size)
{
    nested_run run;
    velo_status st = nested_begin(ctx, outer, schema, sql, size, &run);

    if (st == VELO_OK) {
        const vl_value *row;

        do
            st = vl_exec_step(ctx, run.exec, &row);
        while (st == VELO_ROW);
        st = st == VELO_DONE ? VELO_OK : st;
    }
    return nested_end(ctx, &run, st);
}

/* Whether dropping a table has to do with foreign keys: as a parent, or, while something waits for
 * the commit, as a child of a constraint that does. */
static int
nested_is_bound(const velo_connection *connection, const vl_table_def *table)
{
    const vl_exec_foreign *foreign = &connection->foreign;

    for (uint32_t i = 0; i < table->schema->table_count; i++)
        for (uint32_t k = 0; k < table->schema->tables[i]->fk_count; k++)
            if (vl_foreign_parent(table->schema, &table->schema->tables[i]->fks[k]) == table)
                return 1;
    for (uint32_t i = 0; i < table->fk_count; i++)
        if (table->fks[i].is_deferred || foreign->is_deferring)
            return foreign->deferred != 0 || foreign->put_off != 0;
    return 0;
}

/* Run the DELETE of a DROP TABLE. */
static velo_status
nested_delete(vl_ctx *ctx, velo_statement *outer, const char *sql, size_t size, nested_run *run)
{
    velo_connection *connection = outer->connection;
    const vl_schema *schemas[1] = {outer->schema};
    vl_plan_env plan_env = {.schemas = schemas,
                            .schema_count = 1,
                            .find_func = vl_functions_find,
                            .find_table_func = vl_pragma_find_function,
                            .has_foreign_keys = 1,
                            .is_dropping = 1};
    vl_exec_env env = {.functions = &connection->functions,
                       .table_func_user = outer,
                       .io = connection->engine->io,
                       .find_body = vl_prepared_find_body,
                       .body_user = outer,
                       .recursive_triggers = &connection->recursive_triggers,
                       .foreign = &connection->foreign,
                       .interrupt = &connection->interrupt};
    const vl_value *row;
    vl_parse_result parsed;
    velo_status st;

    VL_TRY(vl_parse(ctx, sql, size, NULL, &run->arena, &parsed));
    VL_TRY(vl_plan_make(ctx, &run->arena, parsed.statement, sql, 0, &plan_env, &run->plan));
    VL_TRY(vl_statement_nest(ctx, &outer->txn, &run->txn));
    run->is_open = 1;
    run->source = (vl_source){connection->engine->store, &run->txn};
    env.source = &run->source;
    VL_TRY(vl_exec_create(ctx, run->plan, &env, &run->exec));
    st = vl_exec_step(ctx, run->exec, &row);
    if (st != VELO_DONE)
        return st;
    if (!connection->foreign.is_deferring && vl_exec_get_counts(run->exec).violations > 0)
        return vl_foreign_fail(ctx);
    return VELO_OK;
}

velo_status
vl_delete_dropped(vl_ctx *ctx, velo_statement *outer, const vl_table_def *table)
{
    nested_run run = {.outer = outer};
    char *sql;
    size_t at;

    if (!nested_is_bound(outer->connection, table))
        return VELO_OK;
    sql = vl_arena_alloc(&outer->run_arena, 2 * strlen(table->object.name) + 32);
    if (sql == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a statement");
    memcpy(sql, "DELETE FROM ", 12);
    at = 12 + vl_put_name(sql + 12, table->object.name);
    sql[at] = '\0'; /* the binder looks for it */
    vl_arena_init(&run.arena, ctx->allocator, 0);
    return nested_end(ctx, &run, nested_delete(ctx, outer, sql, at, &run));
}

size_t
vl_put_name(char *to, const char *name)
{
    size_t at = 0;

    to[at++] = '"';
    for (; *name != 0; name++) {
        if (*name == '"')
            to[at++] = '"';
        to[at++] = *name;
    }
    to[at++] = '"';
    return at;
}

velo_status
vl_fill_index(vl_ctx *ctx, velo_statement *outer, vl_schema *schema, const char *name)
{
    const vl_index_def *index = vl_schema_index(schema, name, strlen(name));
    nested_run run;
    velo_status st;
    char *sql;
    size_t at;

    if (index == NULL)
        return vl_fail(ctx, VELO_INTERNAL, "index %s is missing", name);
    sql = vl_arena_alloc(&outer->run_arena, 2 * strlen(index->table->object.name) + 32);
    if (sql == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a statement");
    memcpy(sql, "DELETE FROM ", 12);
    at = 12 + vl_put_name(sql + 12, index->table->object.name);
    sql[at] = '\0'; /* the binder looks for it */
    st = nested_begin(ctx, outer, schema, sql, at, &run);
    if (st == VELO_OK)
        st = vl_exec_fill_index(ctx, run.exec, name);
    return nested_end(ctx, &run, st);
}
