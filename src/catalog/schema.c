/* schema.c - looking things up in a schema.
 *
 * Invariants
 *   SC1  Lists are sorted by name without regard to ASCII case, and no name occurs twice.
 *   SC2  A schema that anybody refers to is not changed. */
#include "catalog/schema.h"

#include "base/alloc.h"
#include "base/assert.h"

#include <string.h>

static int
schema_lower(int c)
{
    return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

int
vl_name_compare(const char *left, size_t left_size, const char *right, size_t right_size)
{
    size_t common = left_size < right_size ? left_size : right_size;

    for (size_t i = 0; i < common; i++) {
        int difference =
            schema_lower((unsigned char)left[i]) - schema_lower((unsigned char)right[i]);

        if (difference != 0)
            return difference;
    }
    return (left_size > right_size) - (left_size < right_size);
}

void
vl_schema_retain(vl_schema *schema)
{
    atomic_fetch_add_explicit(&schema->references, 1, memory_order_relaxed);
}

void
vl_schema_release(vl_schema *schema)
{
    vl_arena arena;

    if (schema == NULL ||
        atomic_fetch_sub_explicit(&schema->references, 1, memory_order_acq_rel) != 1)
        return;
    for (uint32_t i = 0; i < schema->table_count; i++) {
        vl_table_def *table = schema->tables[i];
        void *bound = atomic_load(&table->bound);

        if (bound != NULL && table->bound_destroy != NULL)
            table->bound_destroy(bound);
    }
    arena = schema->arena; /* which the schema itself lies in */
    vl_arena_deinit(&arena);
}

/* All objects begin with a vl_object_def, and lists hold pointers to them. */
static const void *
schema_find(void *const *list, uint32_t count, const char *name, size_t size)
{
    uint32_t low = 0;

    while (count > 0) {
        uint32_t half = count / 2;
        const vl_object_def *object = list[low + half];
        int order = vl_name_compare(object->name, strlen(object->name), name, size);

        if (order == 0)
            return object;
        if (order < 0) {
            low += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return NULL;
}

/* The name under which a schema holds the table of its objects, if `name` is another one for it. */
static const char *
schema_alias(const vl_schema *schema, const char *name, size_t size)
{
    static const char *const aliases[] = {"sqlite_master", "sqlite_schema", "sqlite_temp_master"};
    int is_temporary = strcmp(schema->database, "temp") == 0;

    for (size_t i = 0; i < (is_temporary ? 3U : 1U); i++)
        if (vl_name_compare(name, size, aliases[i], strlen(aliases[i])) == 0)
            return is_temporary ? "sqlite_temp_schema" : "sqlite_schema";
    return NULL;
}

const vl_table_def *
vl_schema_table(const vl_schema *schema, const char *name, size_t size)
{
    const vl_table_def *table =
        schema_find((void *const *)schema->tables, schema->table_count, name, size);
    const char *alias = table == NULL ? schema_alias(schema, name, size) : NULL;

    if (alias != NULL)
        table =
            schema_find((void *const *)schema->tables, schema->table_count, alias, strlen(alias));
    return table;
}

const vl_index_def *
vl_schema_index(const vl_schema *schema, const char *name, size_t size)
{
    return schema_find((void *const *)schema->indexes, schema->index_count, name, size);
}

const vl_trigger_def *
vl_schema_trigger(const vl_schema *schema, const char *name, size_t size)
{
    return schema_find((void *const *)schema->triggers, schema->trigger_count, name, size);
}

int32_t
vl_table_def_column(const vl_table_def *table, const char *name, size_t size)
{
    for (int32_t i = 0; i < table->column_count; i++)
        if (vl_name_compare(table->columns[i].name, strlen(table->columns[i].name), name, size) ==
            0)
            return i;
    return -1;
}
