/* pragma_schema.c - the pragmas that tell of tables, indexes and databases.
 *
 * Invariants
 *   PS1  What is told is the schema that the statement's snapshot has: statement->schemas. */
#include "api/pragma_int.h"

#include "catalog/pragma_rows.h"

#include <string.h>

/* What is told of a table or an index. */
#define SCHEMA_OF_OBJECT (VL_PRAGMA_ANSWERS | VL_PRAGMA_TAKES_ARG | VL_PRAGMA_TAKES_SCHEMA)

/* Give rows that were made elsewhere. */
static velo_status
schema_answer(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_rows *rows)
{
    for (uint32_t i = 0; i < rows->row_count; i++)
        VL_TRY(vl_made_add(ctx, call->made, call->arena,
                           rows->values + (size_t)i * rows->column_count));
    return VELO_OK;
}

/* The nth schema in which a name is looked for: temp before main, or the one that was said; NULL:
 * there are no more. */
static const vl_schema *
schema_nth(const vl_pragma_call *call, uint32_t nth)
{
    if (call->is_named)
        return nth == 0 ? vl_pragma_schema(call) : NULL;
    if (nth >= call->statement->schema_count)
        return NULL;
    return call->statement->schemas[nth < VL_DATABASE_ATTACHED ? 1 - nth : nth];
}

/* The table that an argument names, or NULL. */
static const vl_table_def *
schema_table(const vl_pragma_call *call, const vl_pragma_text *argument)
{
    const vl_schema *schema;

    for (uint32_t i = 0; argument != NULL && (schema = schema_nth(call, i)) != NULL; i++) {
        const vl_table_def *table = vl_schema_table(schema, argument->text, argument->text_size);

        /* Without the name of a database, that of all objects is found in main by its own names. */
        if (table != NULL && (call->is_named || table->object.rowid != 0 || !table->is_temporary ||
                              argument->text_size > 13))
            return table;
    }
    return NULL;
}

/* The index that an argument names, or NULL. */
static const vl_index_def *
schema_index(const vl_pragma_call *call, const vl_pragma_text *argument)
{
    const vl_index_def *index = NULL;
    const vl_schema *schema;

    for (uint32_t i = 0; argument != NULL && index == NULL; i++) {
        schema = schema_nth(call, i);
        if (schema == NULL)
            break;
        index = vl_schema_index(schema, argument->text, argument->text_size);
    }
    return index;
}

/* ---- columns of views ---- */

/* What a view's query yields, as columns. */
static velo_status
schema_view_columns(vl_ctx *ctx, const vl_pragma_call *call, const vl_table_def *view,
                    vl_column_def **columns, uint32_t *count)
{
    vl_arena *arena = call->arena;
    size_t size;
    char *sql = vl_text_with_name(ctx, arena, "SELECT * FROM ", view->schema->database, ".", &size);
    vl_parse_result parsed;
    vl_plan *plan;

    if (sql != NULL)
        sql = vl_text_with_name(ctx, arena, sql, view->object.name, "", &size);
    if (sql == NULL)
        return VELO_NOMEM;
    VL_TRY(vl_parse(ctx, sql, size, NULL, arena, &parsed));
    VL_TRY(vl_plan_by_statement(ctx, arena, parsed.statement, sql, call->statement, &plan));
    *columns = vl_arena_alloc_array(arena, plan->column_count + 1U, sizeof **columns);
    if (*columns == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a view's columns");
    memset(*columns, 0, plan->column_count * sizeof **columns);
    for (uint32_t i = 0; i < plan->column_count; i++) {
        (*columns)[i].name = plan->columns[i].name;
        (*columns)[i].type = plan->columns[i].declared != NULL ? plan->columns[i].declared : "";
    }
    *count = plan->column_count;
    return VELO_OK;
}

/* For table_list: a view whose query cannot be bound has no columns. */
static uint32_t
schema_count_view(void *argument, const vl_table_def *view)
{
    const vl_pragma_call *call = argument;
    vl_column_def *columns;
    uint32_t count = 0;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    if (schema_view_columns(&ctx, call, view, &columns, &count) != VELO_OK)
        return 0;
    return count;
}

/* ---- the pragmas ---- */

static velo_status
schema_tell_columns(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument,
                    int is_extended)
{
    const vl_table_def *table = schema_table(call, argument);
    vl_column_def *columns;
    vl_pragma_rows rows;
    uint32_t count;

    if (table == NULL)
        return VELO_OK;
    columns = table->columns;
    count = table->column_count;
    if (table->object.type == VL_OBJECT_VIEW)
        VL_TRY(schema_view_columns(ctx, call, table, &columns, &count));
    VL_TRY(vl_pragma_table_info(ctx, call->arena, columns, count, is_extended, &rows));
    return schema_answer(ctx, call, &rows);
}

static velo_status
schema_table_info(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    return schema_tell_columns(ctx, call, argument, 0);
}

static velo_status
schema_table_xinfo(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    return schema_tell_columns(ctx, call, argument, 1);
}

static velo_status
schema_table_list(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    const velo_statement *statement = call->statement;
    const vl_schema *const *schemas = (const vl_schema *const *)statement->schemas;
    uint32_t count = statement->schema_count;
    char *name = NULL;
    vl_pragma_rows rows;

    if (argument != NULL) {
        name = vl_arena_alloc(call->arena, (size_t)argument->text_size + 1);
        if (name == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate a name");
        memcpy(name, argument->text, argument->text_size);
        name[argument->text_size] = 0;
    }
    if (call->is_named) {
        schemas += call->database;
        count = 1;
    }
    VL_TRY(vl_pragma_table_list(ctx, call->arena, schemas, count, name, schema_count_view,
                                (void *)(uintptr_t)call, &rows));
    return schema_answer(ctx, call, &rows);
}

static velo_status
schema_index_list(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    const vl_table_def *table = schema_table(call, argument);
    vl_pragma_rows rows;

    if (table == NULL)
        return VELO_OK;
    VL_TRY(vl_pragma_index_list(ctx, call->arena, table, &rows));
    return schema_answer(ctx, call, &rows);
}

static velo_status
schema_tell_index(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument,
                  int is_extended)
{
    const vl_table_def *table = schema_table(call, argument);
    const vl_index_def *index = schema_index(call, argument);
    vl_pragma_rows rows;

    if (index == NULL && table != NULL && table->is_without_rowid)
        index = table->primary;
    if (index == NULL)
        return VELO_OK;
    VL_TRY(vl_pragma_index_info(ctx, call->arena, index, is_extended, &rows));
    return schema_answer(ctx, call, &rows);
}

static velo_status
schema_index_info(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    return schema_tell_index(ctx, call, argument, 0);
}

static velo_status
schema_index_xinfo(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    return schema_tell_index(ctx, call, argument, 1);
}

static velo_status
schema_foreign_key_list(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    const vl_table_def *table = schema_table(call, argument);
    vl_pragma_rows rows;

    if (table == NULL)
        return VELO_OK;
    VL_TRY(vl_pragma_foreign_key_list(ctx, call->arena, table, &rows));
    return schema_answer(ctx, call, &rows);
}

static velo_status
schema_database_list(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    const velo_connection *connection = call->statement->connection;
    vl_pragma_database databases[VL_DATABASES_MAX];
    uint32_t count = 0;
    vl_pragma_rows rows;

    (void)argument;
    for (uint32_t i = 0; i < connection->database_count; i++) {
        const vl_engine *engine = connection->databases[i]->engine;

        if (engine != NULL)
            databases[count++] = (vl_pragma_database){i, connection->databases[i]->name,
                                                      engine->is_memory ? "" : engine->path};
    }
    VL_TRY(vl_pragma_database_list(ctx, call->arena, databases, count, &rows));
    return schema_answer(ctx, call, &rows);
}

static velo_status
schema_collation_list(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    vl_pragma_rows rows;

    (void)argument;
    VL_TRY(vl_pragma_collation_list(ctx, call->arena, &rows));
    return schema_answer(ctx, call, &rows);
}

static const vl_pragma schema_pragmas[] = {
    VL_PRAGMA("collation_list", schema_collation_list, VL_PRAGMA_ANSWERS, "seq", "name"),
    VL_PRAGMA("database_list", schema_database_list, VL_PRAGMA_ANSWERS, "seq", "name", "file"),
    VL_PRAGMA("foreign_key_check", vl_pragma_foreign_key_check, SCHEMA_OF_OBJECT, "table", "rowid",
              "parent", "fkid", "arg", "schema"),
    VL_PRAGMA("foreign_key_list", schema_foreign_key_list, SCHEMA_OF_OBJECT, "id", "seq", "table",
              "from", "to", "on_update", "on_delete", "match", "arg", "schema"),
    VL_PRAGMA("index_info", schema_index_info, SCHEMA_OF_OBJECT, "seqno", "cid", "name", "arg",
              "schema"),
    VL_PRAGMA("index_list", schema_index_list, SCHEMA_OF_OBJECT, "seq", "name", "unique", "origin",
              "partial", "arg", "schema"),
    VL_PRAGMA("index_xinfo", schema_index_xinfo, SCHEMA_OF_OBJECT, "seqno", "cid", "name", "desc",
              "coll", "key", "arg", "schema"),
    VL_PRAGMA("table_info", schema_table_info, SCHEMA_OF_OBJECT, "cid", "name", "type", "notnull",
              "dflt_value", "pk", "arg", "schema"),
    VL_PRAGMA("table_list", schema_table_list, VL_PRAGMA_ANSWERS | VL_PRAGMA_TAKES_ARG, "schema",
              "name", "type", "ncol", "wr", "strict", "arg"),
    VL_PRAGMA("table_xinfo", schema_table_xinfo, SCHEMA_OF_OBJECT, "cid", "name", "type", "notnull",
              "dflt_value", "pk", "hidden", "arg", "schema"),
};

const vl_pragma *
vl_pragma_find_schema(const char *name, size_t size)
{
    for (size_t i = 0; i < VL_ARRAY_COUNT(schema_pragmas); i++)
        if (vl_pragma_is(&schema_pragmas[i], name, size))
            return &schema_pragmas[i];
    return NULL;
}
