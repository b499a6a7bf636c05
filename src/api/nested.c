/* nested.c - statements that the layer here runs inside of another one. */
#include "api/api_int.h"

#include "exec/source.h"
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
    VL_TRY(vl_plan_by_schema(ctx, &run->arena, parsed.statement, sql, schema,
                             outer->connection->function_set, &run->plan));
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
