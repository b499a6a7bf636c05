/* test_bind.c - statements to plans and to errors. */
#include "lib/schema_rig.h"
#include "lib/sql_plan.h"
#include "lib/unit.h"

#include <stdio.h>
#include <stdlib.h>

int
main(int argc, char **argv)
{
    schema_rig rig; vl_schema *schema; vl_ctx ctx; static char line[100000];
    vl_ctx_init(&ctx, NULL, NULL);
    schema_rig_init(&rig, NULL);
    (void)argc;
    if (schema_rig_add(&ctx, &rig, argv[1]) != VELO_OK || schema_rig_build(&ctx, &rig, &schema) != VELO_OK) { printf("%s\n", ctx.error.text); return 1; }
    while (fgets(line, sizeof line, stdin)) {
        vl_parse_result r; vl_arena arena; vl_plan *plan; 
        const vl_schema *list[1] = {schema};
        vl_plan_env env = {list, 1, sql_find_func, sql_find_table_func, NULL, NULL};
        vl_arena_init(&arena, NULL, 0);
        printf("-- %s", line);
        line[strcspn(line, "\n")] = 0;
        if (vl_parse(&ctx, line, strlen(line), NULL, &arena, &r) != VELO_OK) printf("PARSE %s\n", ctx.error.text);
        else if (vl_plan_make(&ctx, &arena, r.statement, line, r.variable_count, &env, &plan) != VELO_OK) printf("ERROR %s @%d\n", ctx.error.text, ctx.error.sql_offset);
        else { printf("%s", sql_plan_print(&arena, plan)); printf("=>"); for (unsigned i=0;i<plan->column_count;i++) printf(" %s", plan->columns[i].name); printf("\n"); }
        ctx.error.sql_offset = -1;
        vl_arena_deinit(&arena);
    }
    return 0;
}
