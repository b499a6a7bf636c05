/* column.c - what is known of a table's columns. */
#include "api/api_int.h"

#include "base/collation.h"

#include <string.h>
#include <strings.h>

/* The column's position; -1: none; -2: it is the rowid. */
static int
column_position(const vl_table_def *table, const char *name)
{
    for (uint16_t i = 0; i < table->column_count; i++)
        if (strcasecmp(table->columns[i].name, name) == 0)
            return i;
    if (table->is_without_rowid || table->object.type != VL_OBJECT_TABLE ||
        (strcasecmp(name, "rowid") != 0 && strcasecmp(name, "oid") != 0 &&
         strcasecmp(name, "_rowid_") != 0))
        return -1;
    return table->rowid_column >= 0 ? table->rowid_column : -2;
}

static void
column_describe(const vl_table_def *table, int position, velo_column_info *info)
{
    const vl_column_def *column;

    info->collation = "BINARY";
    info->is_not_null = info->is_primary_key = info->is_autoincrement = 0;
    info->type = "INTEGER";
    info->is_primary_key = position < 0;
    if (position < 0)
        return;
    column = &table->columns[position];
    info->type = column->type[0] == 0 ? NULL : column->type;
    info->collation = vl_collation_name(column->collation);
    info->is_not_null = column->is_not_null != 0;
    info->is_primary_key = column->key_place != 0;
    info->is_autoincrement = table->is_autoincrement && position == table->rowid_column;
}

static velo_status
column_find(vl_ctx *ctx, const vl_schema *schema, const char *name, const char *column,
            velo_column_info *info)
{
    const vl_table_def *table = NULL;
    int position;

    if (schema != NULL)
        table = vl_schema_table(schema, name, strlen(name));
    if (table == NULL || table->object.type != VL_OBJECT_TABLE)
        return vl_fail(ctx, VELO_ERROR, "no such table column: %s.%s", name,
                       column == NULL ? "" : column);
    if (column == NULL)
        return VELO_OK;
    position = column_position(table, column);
    if (position == -1)
        return vl_fail(ctx, VELO_ERROR, "no such table column: %s.%s", name, column);
    column_describe(table, position, info);
    return VELO_OK;
}

/* The schema of a database, or, without its name, the first one that has the table; NULL: there is
 * none. */
static vl_schema *
column_schema(const velo_connection *connection, vl_schema *const *schemas, const char *database,
              const char *table)
{
    int number = database == NULL ? -1 : vl_database_find(connection, database, strlen(database));

    if (number >= 0)
        return schemas[number];
    for (uint32_t i = 0; database == NULL && i < connection->database_count; i++) {
        vl_schema *schema = schemas[i < VL_DATABASE_ATTACHED ? 1 - i : i]; /* temp is first */

        if (vl_schema_table(schema, table, strlen(table)) != NULL)
            return schema;
    }
    return NULL;
}

velo_status
velo_find_column(velo_connection *connection, const char *database, const char *table,
                 const char *column, velo_column_info *info)
{
    vl_schema *schemas[VL_DATABASES_MAX];
    vl_schema *schema;
    velo_status st;
    vl_ctx *ctx;

    if (connection == NULL || connection->engine == NULL || table == NULL ||
        (column != NULL && (info == NULL || info->size != sizeof *info)))
        return VELO_MISUSE;
    if (vl_connection_is_foreign(connection))
        return vl_connection_refuse(connection);
    ctx = vl_connection_begin_call(connection);
    VL_TRY(vl_connection_end_call(connection, vl_database_get_schemas(ctx, connection, schemas)));
    schema = column_schema(connection, schemas, database, table);
    st = column_find(ctx, schema, table, column, info);
    if (schema != NULL)
        vl_schema_retain(schema);
    vl_schema_release(connection->told_schema); /* the texts live in it */
    connection->told_schema = schema;
    vl_database_release_schemas(schemas, connection->database_count);
    return vl_connection_end_call(connection, st);
}
