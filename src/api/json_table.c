/* json_table.c - json_each() and json_tree() as table-valued functions. */
#include "api/api_int.h"
#include "exec/table_func.h"
#include "func/json_rows.h"

#include <string.h>

/* A function; what it makes is in its name. */
typedef struct json_table {
    vl_table_func func; /* first */
    int is_tree;
    int is_blob;
} json_table;

static velo_status
json_table_make(vl_ctx *ctx, void *user, const vl_table_func *func, const vl_value *arguments,
                uint32_t count, vl_arena *arena, vl_table_func_rows *rows)
{
    const json_table *table = (const json_table *)(const void *)func; /* its first member */
    const vl_json_rows_of of = {.name = func->name,
                                .is_tree = table->is_tree,
                                .is_blob = table->is_blob,
                                .json = count > 0 ? &arguments[0] : NULL,
                                .root = count > 1 ? &arguments[1] : NULL};
    const vl_json_rows *made;
    uint32_t row_count = 0;
    velo_status st = vl_json_rows_make(ctx, arena, &of, &made, &row_count);

    (void)user;
    rows->state = made;
    rows->row_count = row_count;
    return st;
}

static velo_status
json_table_read(vl_ctx *ctx, const void *state, uint64_t row, uint32_t column, vl_arena *arena,
                vl_value *value)
{
    return vl_json_rows_read(ctx, state, (uint32_t)row, column, arena, value);
}

static const json_table json_tables[] = {
    {{"json_each", VL_JSON_ROW_COLUMNS, json_table_make, json_table_read}, 0, 0},
    {{"json_tree", VL_JSON_ROW_COLUMNS, json_table_make, json_table_read}, 1, 0},
    {{"jsonb_each", VL_JSON_ROW_COLUMNS, json_table_make, json_table_read}, 0, 1},
    {{"jsonb_tree", VL_JSON_ROW_COLUMNS, json_table_make, json_table_read}, 1, 1}};

int
vl_json_table_find(const char *name, size_t size, vl_plan_table_func *found)
{
    for (size_t i = 0; i < VL_ARRAY_COUNT(json_tables); i++) {
        const vl_table_func *func = &json_tables[i].func;

        if (vl_name_compare(func->name, strlen(func->name), name, size) != 0)
            continue;
        *found = (vl_plan_table_func){.def = func,
                                      .columns = vl_json_row_names,
                                      .column_count = VL_JSON_ROW_COLUMNS,
                                      .hidden_count = VL_JSON_ROW_HIDDEN};
        return 1;
    }
    return 0;
}
