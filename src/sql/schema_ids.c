/* schema_ids.c - the column ids of a table: derived, or read from the text that keeps them.
 *
 * Invariants
 *   SD1  Ids of stored columns are not 0, differ, and are less than the table's next_column_id. */
#include "sql/schema_build.h"
#include "sql/schema_int.h"

#include <string.h>

int
vl_schema_is_stored(const vl_table_def *table, int32_t column)
{
    return table->columns[column].generated != 1 && column != table->rowid_column;
}

/* Ids in the order of columns. */
static void
ids_derive(vl_table_def *table)
{
    uint32_t next = 1;

    for (int32_t i = 0; i < table->column_count; i++)
        if (vl_schema_is_stored(table, i))
            table->columns[i].id = next++;
    table->next_column_id = next > 1 ? next : VL_SCHEMA_PLACEHOLDER_ID + 1;
}

/* Read a number that is not 0 and fits 32 bits; 0 when there is none. */
static uint32_t
ids_read(const char **at)
{
    uint64_t number = 0;

    while (**at >= '0' && **at <= '9' && number <= UINT32_MAX) {
        number = number * 10 + (uint64_t)(**at - '0');
        (*at)++;
    }
    return number <= UINT32_MAX ? (uint32_t)number : 0;
}

/* Whether an id is none, or one that an earlier column has. */
static int
ids_is_bad(const vl_table_def *table, int32_t column)
{
    uint32_t id = table->columns[column].id;

    if (id == 0 || id >= table->next_column_id)
        return 1;
    for (int32_t i = 0; i < column; i++)
        if (table->columns[i].id == id)
            return 1;
    return 0;
}

velo_status
vl_schema_assign_ids(const vl_schema_builder *builder, vl_table_def *table, const char *layout)
{
    char separator = ':';

    if (layout == NULL) {
        ids_derive(table);
        return VELO_OK;
    }
    table->next_column_id = ids_read(&layout);
    for (int32_t i = 0; i < table->column_count; i++) {
        if (!vl_schema_is_stored(table, i))
            continue;
        if (*layout != separator)
            return vl_fail(builder->ctx, VELO_CORRUPT, "bad column ids");
        layout++;
        separator = ',';
        table->columns[i].id = ids_read(&layout);
        if (ids_is_bad(table, i))
            return vl_fail(builder->ctx, VELO_CORRUPT, "bad column ids");
    }
    if (separator == ':' && *layout == ':')
        layout++; /* no stored column */
    if (*layout != '\0' || table->next_column_id <= VL_SCHEMA_PLACEHOLDER_ID)
        return vl_fail(builder->ctx, VELO_CORRUPT, "bad column ids");
    return VELO_OK;
}
