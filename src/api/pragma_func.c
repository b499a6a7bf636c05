/* pragma_func.c - PRAGMAs as table-valued functions.
 *
 * Invariants
 *   PF1  A PRAGMA is called as a function without an argument, or with one it answers about: so it
 *        changes nothing. Those that would are no functions. */
#include "api/pragma_int.h"

#include "vec/value.h"

#include <string.h>

#define FUNCTION_PREFIX "pragma_"

int
vl_pragma_is(const vl_pragma *pragma, const char *name, size_t size)
{
    const char *own = pragma->func.name + strlen(FUNCTION_PREFIX);

    return vl_name_compare(own, strlen(own), name, size) == 0;
}

velo_status
vl_pragma_find_database(vl_ctx *ctx, const velo_connection *connection, const char *name,
                        size_t size, const char *quote, uint32_t *number)
{
    int found = vl_database_find(connection, name, size);

    *number = found < 0 ? VL_DATABASE_MAIN : (uint32_t)found;
    if (found >= 0)
        return VELO_OK;
    return vl_fail(ctx, VELO_ERROR, "unknown database %s%.*s%s", quote, (int)size, name, quote);
}

int
vl_pragma_find_function(const void *arg, const char *name, size_t size, vl_plan_table_func *found)
{
    size_t prefix = strlen(FUNCTION_PREFIX);
    const vl_pragma *pragma;

    (void)arg;
    if (vl_json_table_find(name, size, found) || vl_table_maker_find(name, size, found))
        return 1;
    if (size <= prefix || vl_name_compare(name, prefix, FUNCTION_PREFIX, prefix) != 0)
        return 0;
    pragma = vl_pragma_find(name + prefix, size - prefix);
    if (pragma == NULL || (pragma->flags & VL_PRAGMA_NO_FUNCTION) != 0)
        return 0;
    *found = (vl_plan_table_func){.def = &pragma->func,
                                  .columns = pragma->columns,
                                  .column_count = pragma->func.column_count,
                                  .hidden_count = pragma->func.column_count - pragma->column_count};
    return 1;
}

/* The answer's rows with the values of the hidden columns behind each. */
static velo_status
function_widen(vl_ctx *ctx, const vl_pragma *pragma, const vl_made_rows *made,
               const vl_value *hidden, vl_arena *arena, vl_table_func_rows *rows)
{
    uint32_t width = pragma->func.column_count;
    vl_value *values =
        vl_arena_alloc_array(arena, (size_t)made->row_count * width + 1, sizeof *values);

    if (values == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate %u rows", (unsigned)made->row_count);
    rows->values = values;
    rows->row_count = made->row_count;
    for (uint32_t row = 0; row < made->row_count; row++, values += width) {
        memcpy(values, made->values + (size_t)row * made->column_count,
               made->column_count * sizeof *values);
        for (uint32_t i = made->column_count; i < width; i++)
            values[i] = hidden[i - made->column_count];
    }
    return VELO_OK;
}

velo_status
vl_pragma_make(vl_ctx *ctx, void *user, const vl_table_func *func, const vl_value *arguments,
               uint32_t count, vl_arena *arena, vl_table_func_rows *rows)
{
    const vl_pragma *pragma = (const vl_pragma *)(const void *)func; /* its first member */
    vl_made_rows made = {.column_count = pragma->column_count};
    vl_pragma_call call = {user, arena, &made, VL_DATABASE_MAIN, 0};
    vl_value hidden[2] = {vl_value_of_null(), vl_value_of_null()};
    const vl_value *schema = NULL;
    vl_pragma_text argument;
    int has_argument = 0;

    for (uint32_t i = 0; i < count && i < VL_ARRAY_COUNT(hidden); i++) {
        hidden[i] = arguments[i];
        VL_TRY(vl_value_cast(ctx, arena, VL_AFFINITY_TEXT, &hidden[i]));
    }
    if ((pragma->flags & VL_PRAGMA_TAKES_ARG) != 0 && hidden[0].type != VL_TYPE_NULL) {
        argument = (vl_pragma_text){hidden[0].as.data, hidden[0].size};
        has_argument = 1;
    }
    if ((pragma->flags & VL_PRAGMA_TAKES_SCHEMA) != 0)
        schema = &hidden[(pragma->flags & VL_PRAGMA_TAKES_ARG) != 0 ? 1 : 0];
    if (schema != NULL && schema->type != VL_TYPE_NULL) {
        VL_TRY(vl_pragma_find_database(ctx, call.statement->connection, schema->as.data,
                                       schema->size, "'", &call.database));
        call.is_named = 1;
    }
    if (vl_prepared_has_part(call.statement, call.database) ||
        (pragma->flags & VL_PRAGMA_TAKES_ARG) != 0) /* which looks at schemas first */
        VL_TRY(pragma->run(ctx, &call, has_argument ? &argument : NULL)); /* keeps PF1 */
    return function_widen(ctx, pragma, &made, hidden, arena, rows);
}
