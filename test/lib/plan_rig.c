/* plan_rig.c - a fixed schema, and statements planned with it. */
#include "lib/plan_rig.h"

#include "lib/schema_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char plan_rig_sql[] =
    "CREATE TABLE t(id INTEGER PRIMARY KEY, a INT, b TEXT, c);"
    "CREATE INDEX ta ON t(a, b);"
    "CREATE TABLE u(x INT, y TEXT COLLATE NOCASE, t_id INT, a INT);"
    "CREATE INDEX ut ON u(t_id);"
    "CREATE INDEX uy ON u(y);"
    "CREATE VIEW v AS SELECT a, b AS bb FROM t WHERE c > 1;"
    "CREATE TABLE w(k INT, l INT, n, PRIMARY KEY (k, l)) WITHOUT ROWID;"
    "CREATE TABLE x(e, f DEFAULT (1 + 2), g INT AS (f * 2), h AS (g || 'x') STORED,"
    " CHECK (e <> f));"
    "CREATE INDEX xe ON x(upper(e));"
    "CREATE UNIQUE INDEX xp ON x(e) WHERE f = 1;"
    "CREATE TABLE num(id INTEGER PRIMARY KEY, n INT, r REAL);";

void
plan_rig_init(plan_rig *rig, vl_allocator *allocator)
{
    schema_rig tables;

    memset(rig, 0, sizeof *rig);
    vl_ctx_init(&rig->ctx, allocator, NULL);
    vl_arena_init(&rig->arena, allocator, 0);
    schema_rig_init(&tables, allocator);
    if (schema_rig_run(&rig->ctx, &tables, plan_rig_sql) != VELO_OK ||
        schema_rig_build(&rig->ctx, &tables, &rig->schema) != VELO_OK) {
        (void)fprintf(stderr, "plan_rig: %s\n", rig->ctx.error.text);
        abort();
    }
    schema_rig_deinit(&tables);
    rig->schemas[0] = rig->schema;
    rig->env = (vl_plan_env){.schemas = rig->schemas,
                             .schema_count = 1,
                             .find_func = sql_find_func,
                             .find_table_func = sql_find_table_func};
}

void
plan_rig_deinit(plan_rig *rig)
{
    vl_schema_release(rig->schema);
    vl_arena_deinit(&rig->arena);
}

velo_status
plan_rig_make(plan_rig *rig, const char *sql, vl_plan **plan)
{
    vl_parse_result parsed;

    *plan = NULL;
    vl_arena_reset(&rig->arena);
    VL_TRY(vl_parse(&rig->ctx, sql, strlen(sql), NULL, &rig->arena, &parsed));
    return vl_plan_make(&rig->ctx, &rig->arena, parsed.statement, sql, parsed.variable_count,
                        &rig->env, plan);
}

const char *
plan_rig_print(plan_rig *rig, const char *sql)
{
    vl_plan *plan;

    if (plan_rig_make(rig, sql, &plan) != VELO_OK)
        return rig->ctx.error.text;
    return sql_plan_print(&rig->arena, plan);
}

const char *
plan_rig_explain(plan_rig *rig, const char *sql)
{
    const vl_explain_row *rows;
    vl_plan *plan;
    char *text;
    size_t size = 0;
    size_t room = 1;
    uint32_t count;

    if (plan_rig_make(rig, sql, &plan) != VELO_OK ||
        vl_plan_explain(&rig->ctx, &rig->arena, plan, &rows, &count) != VELO_OK)
        return rig->ctx.error.text;
    for (uint32_t i = 0; i < count; i++)
        room += strlen(rows[i].detail) + 32;
    text = vl_arena_alloc(&rig->arena, room);
    if (text == NULL)
        abort();
    text[0] = '\0';
    for (uint32_t i = 0; i < count; i++)
        size += (size_t)snprintf(text + size, room - size, "%d %d %s\n", (int)rows[i].id,
                                 (int)rows[i].parent, rows[i].detail);
    return text;
}
