/* nested.c - statements that the layer here runs inside of another one.
 *
 * Invariants
 *   NE1  A nested statement sees all that its transaction has done, and ends before what is around
 *        it goes on, whatever came of it, with its error kept; its changes are undone with those of
 *        the outer one only. */
#include "api/api_int.h"

#include "exec/source.h"
#include "sql/foreign.h"
#include "sql/parse.h"

#include <string.h>

/* Bytes above which what a statement sorts goes to a file. */
#define NESTED_MEMORY VL_BY_BUILD(UINT64_C(256) << 20, UINT64_C(32) << 10)

/* A statement inside of another, of the database that this one is about. */
typedef struct nested_run {
    velo_statement *outer;
    vl_arena arena;
    vl_plan *plan;
    vl_exec *exec;
    vl_statement txn;
    int is_open;
    vl_source source;
    vl_source_other others[VL_DATABASES_MAX]; /* of the source */
} nested_run;

/* Where names are looked for. */
typedef struct nested_names {
    vl_schema *schema; /* of the database that the outer statement is about, as it is now */
    int is_wide;       /* also in all databases, as they were before the outer statement */
} nested_names;

/* Make the plan: names that are found in databases as they were mean those. */
static velo_status
nested_plan(vl_ctx *ctx, nested_run *run, const vl_ast *tree, const char *sql,
            const nested_names *names)
{
    const vl_schema *ordered[VL_DATABASES_MAX + 1];
    vl_plan_env env;

    if (!names->is_wide)
        return vl_plan_by_schema(ctx, &run->arena, tree, sql, names->schema,
                                 run->outer->connection->function_set, &run->plan);
    env = vl_prepared_env(run->outer, ordered);
    env.has_foreign_keys = 0;
    ordered[env.schema_count++] = names->schema;
    return vl_plan_make(ctx, &run->arena, tree, sql, 0, &env, &run->plan);
}

/* What the nested statement reads: the database that the outer one is about, and the others. */
static void
nested_make_source(nested_run *run, const nested_names *names)
{
    velo_statement *outer = run->outer;
    vl_txn_store *store = vl_prepared_engine(outer)->store;
    uint32_t count = 0;

    run->source = (vl_source){store, &run->txn, run->others, 0};
    for (uint32_t i = 0; names->is_wide && i < outer->part_count; i++) {
        vl_part *part = &outer->parts[i];

        if (part->is_open && i != outer->target)
            run->others[count++] =
                (vl_source_other){outer->schemas[i], part->database->engine->store, &part->txn};
    }
    run->source.other_count = count;
}

static velo_status
nested_begin(vl_ctx *ctx, velo_statement *outer, const nested_names *names, const char *sql,
             size_t size, nested_run *run)
{
    velo_connection *connection = outer->connection;
    vl_exec_env env = {.functions = &connection->functions,
                       .table_func_user = outer,
                       .io = connection->engine->io,
                       .temporary_folder = "/tmp",
                       .memory_limit = NESTED_MEMORY,
                       .interrupt = &connection->interrupt};
    vl_parse_result parsed;

    memset(run, 0, sizeof *run);
    run->outer = outer;
    vl_arena_init(&run->arena, ctx->allocator, 0);
    VL_TRY(vl_parse(ctx, sql, size, NULL, &run->arena, &parsed));
    VL_TRY(nested_plan(ctx, run, parsed.statement, sql, names));
    VL_TRY(vl_statement_nest(ctx, vl_prepared_txn(outer), &run->txn));
    run->is_open = 1;
    nested_make_source(run, names);
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

/* Run a text to its end; *row_count receives how many rows it has given. */
static velo_status
nested_run_all(vl_ctx *ctx, velo_statement *outer, const nested_names *names, const char *sql,
               size_t size, uint64_t *row_count)
{
    nested_run run;
    velo_status st = nested_begin(ctx, outer, names, sql, size, &run);

    if (st == VELO_OK) {
        const vl_value *row;

        for (*row_count = 0; (st = vl_exec_step(ctx, run.exec, &row)) == VELO_ROW;)
            ++*row_count;
        st = st == VELO_DONE ? VELO_OK : st;
    }
    return nested_end(ctx, &run, st);
}

velo_status
vl_run_nested(vl_ctx *ctx, velo_statement *outer, vl_schema *schema, const char *sql, size_t size)
{
    const nested_names names = {schema, 0};
    uint64_t row_count;

    return nested_run_all(ctx, outer, &names, sql, size, &row_count);
}

velo_status
vl_run_nested_wide(vl_ctx *ctx, velo_statement *outer, vl_schema *schema, const char *sql,
                   size_t size)
{
    const nested_names names = {schema, 1};
    uint64_t row_count;

    return nested_run_all(ctx, outer, &names, sql, size, &row_count);
}

velo_status
vl_run_value(vl_ctx *ctx, velo_statement *outer, const char *sql, size_t size, vl_value *value)
{
    const vl_value *row;
    vl_parse_result parsed;
    vl_arena *arena = &outer->run_arena;
    const vl_schema *ordered[VL_DATABASES_MAX];
    vl_plan_env plan_env = vl_prepared_env(outer, ordered);
    vl_source source = {outer->connection->engine->store, &outer->parts[0].txn, NULL, 0};
    vl_exec_env env = {.functions = &outer->connection->functions,
                       .table_func_user = outer,
                       .io = outer->connection->engine->io,
                       .interrupt = &outer->connection->interrupt,
                       .source = &source};
    vl_exec *exec;
    vl_plan *plan;
    velo_status st;

    *value = (vl_value){.type = VL_TYPE_NULL};
    VL_TRY(vl_parse(ctx, sql, size, NULL, arena, &parsed));
    VL_TRY(vl_plan_make(ctx, arena, parsed.statement, sql, outer->param_count, &plan_env, &plan));
    if ((vl_database_numbers(plan->reads) & ~(UINT32_C(1) << VL_DATABASE_MAIN)) != 0)
        return vl_fail(ctx, VELO_ERROR, "tables of other databases cannot be read here");
    VL_TRY(vl_exec_create(ctx, plan, &env, &exec));
    vl_exec_bind(exec, outer->params, outer->param_count);
    st = vl_exec_step(ctx, exec, &row);
    if (st == VELO_ROW) {
        *value = row[0];
        if ((value->type == VL_TYPE_TEXT || value->type == VL_TYPE_BLOB) && value->size > 0) {
            value->as.data = vl_arena_copy(arena, row[0].as.data, value->size);
            if (value->as.data == NULL)
                st = vl_fail(ctx, VELO_NOMEM, "cannot allocate a value");
        }
    }
    vl_exec_destroy(exec);
    return st == VELO_ROW || st == VELO_DONE ? VELO_OK : st;
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
    const nested_names names = {vl_prepared_schema(outer), 1}; /* triggers of "temp" go anywhere */
    const vl_schema *schemas[1] = {vl_prepared_schema(outer)};
    vl_plan_env plan_env = {.schemas = schemas,
                            .schema_count = 1,
                            .find_func = vl_functions_find,
                            .find_table_func = vl_pragma_find_function,
                            .arg = connection->function_set,
                            .has_foreign_keys = 1,
                            .is_dropping = 1};
    vl_exec_env env = {.functions = &connection->functions,
                       .table_func_user = outer,
                       .io = connection->engine->io,
                       .find_body = vl_prepared_find_body,
                       .body_user = outer,
                       .recursive_triggers = &connection->recursive_triggers,
                       .ignores_checks = &connection->ignores_checks,
                       .foreign = &connection->foreign,
                       .interrupt = &connection->interrupt};
    const vl_value *row;
    vl_parse_result parsed;
    velo_status st;

    VL_TRY(vl_parse(ctx, sql, size, NULL, &run->arena, &parsed));
    VL_TRY(vl_plan_make(ctx, &run->arena, parsed.statement, sql, 0, &plan_env, &run->plan));
    VL_TRY(vl_statement_nest(ctx, vl_prepared_txn(outer), &run->txn));
    run->is_open = 1;
    nested_make_source(run, &names);
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
    size_t size;
    char *sql;

    if (!nested_is_bound(outer->connection, table))
        return VELO_OK;
    sql = vl_text_with_name(ctx, &outer->run_arena, "DELETE FROM ", table->object.name, "", &size);
    if (sql == NULL)
        return VELO_NOMEM;
    vl_arena_init(&run.arena, ctx->allocator, 0);
    return nested_end(ctx, &run, nested_delete(ctx, outer, sql, size, &run));
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

vl_value
vl_value_of_name(const char *text)
{
    if (text == NULL)
        return vl_value_of_null();
    return (vl_value){.type = VL_TYPE_TEXT, .size = (uint32_t)strlen(text), .as.data = text};
}

char *
vl_text_with_name(vl_ctx *ctx, vl_arena *arena, const char *before, const char *name,
                  const char *behind, size_t *size)
{
    size_t before_size = strlen(before);
    size_t behind_size = strlen(behind);
    char *sql = vl_arena_alloc(arena, before_size + 2 * strlen(name) + 2 + behind_size + 1);
    size_t at = before_size;

    if (sql == NULL) {
        (void)vl_fail(ctx, VELO_NOMEM, "cannot allocate a statement");
        return NULL;
    }
    memcpy(sql, before, before_size + 1);
    at += vl_put_name(sql + at, name);
    memcpy(sql + at, behind, behind_size + 1); /* the binder looks for the zero */
    *size = at + behind_size;
    return sql;
}

velo_status
vl_fill_index(vl_ctx *ctx, velo_statement *outer, vl_schema *schema, const char *name)
{
    const vl_index_def *index = vl_schema_index(schema, name, strlen(name));
    const nested_names names = {schema, 0};
    nested_run run;
    velo_status st;
    size_t size;
    char *sql;

    if (index == NULL)
        return vl_fail(ctx, VELO_INTERNAL, "index %s is missing", name);
    sql = vl_text_with_name(ctx, &outer->run_arena, "DELETE FROM ", index->table->object.name, "",
                            &size);
    if (sql == NULL)
        return VELO_NOMEM;
    st = nested_begin(ctx, outer, &names, sql, size, &run);
    if (st == VELO_OK)
        st = vl_exec_fill_index(ctx, run.exec, name);
    return nested_end(ctx, &run, st);
}

velo_status
vl_check_rows(vl_ctx *ctx, velo_statement *outer, vl_schema *schema, const char *table,
              int32_t what)
{
    const nested_names names = {schema, 0};
    nested_run run;
    velo_status st;
    size_t size;
    char *sql =
        vl_text_with_name(ctx, &outer->run_arena, "INSERT INTO ", table, " DEFAULT VALUES", &size);

    if (sql == NULL)
        return VELO_NOMEM;
    st = nested_begin(ctx, outer, &names, sql, size, &run);
    if (st == VELO_OK)
        st = vl_exec_check_rows(ctx, run.exec, what);
    return nested_end(ctx, &run, st);
}

velo_status
vl_rewrite_rows(vl_ctx *ctx, velo_statement *outer, vl_schema *schema, const vl_table_def *old,
                const vl_leaf_schema *columns)
{
    const nested_names names = {schema, 0};
    nested_run run;
    velo_status st;
    size_t size;
    char *sql = vl_text_with_name(ctx, &outer->run_arena, "INSERT INTO ", old->object.name,
                                  " DEFAULT VALUES", &size);

    if (sql == NULL)
        return VELO_NOMEM;
    st = nested_begin(ctx, outer, &names, sql, size, &run);
    if (st == VELO_OK)
        st = vl_exec_rewrite_rows(ctx, run.exec, old, columns);
    return nested_end(ctx, &run, st);
}

velo_status
vl_has_row(vl_ctx *ctx, velo_statement *outer, vl_schema *schema, const char *table, int *found)
{
    const nested_names names = {schema, 0};
    uint64_t row_count = 0;
    size_t size;
    char *sql =
        vl_text_with_name(ctx, &outer->run_arena, "SELECT 1 FROM ", table, " LIMIT 1", &size);

    *found = 0;
    if (sql == NULL)
        return VELO_NOMEM;
    VL_TRY(nested_run_all(ctx, outer, &names, sql, size, &row_count));
    *found = row_count > 0;
    return VELO_OK;
}
