/* names_trigger.c - names in views and triggers as a whole.
 *
 * Invariants
 *   NT1  NEW and OLD are in reach of everything in a trigger, the former not after DELETE, the
 * latter not after INSERT, and only as qualifiers. */
#include "sql/names_int.h"

#include <string.h>

/* Add NEW, OLD or excluded: the columns of a table, known by a qualifier only. */
static velo_status
trigger_add_pseudo(vl_names_walk *walk, vl_names_scope *scope, const vl_table_def *table,
                   const char *name)
{
    vl_names_source *source = vl_names_add_source(walk, scope);

    if (source == NULL)
        return VELO_NOMEM;
    source->name = (vl_name){name, (uint32_t)strlen(name)};
    source->table = table;
    source->has_alias = 1;
    source->is_pseudo = 1;
    return vl_names_columns(walk, table, &source->columns);
}

/* Add the table that a statement changes. */
static velo_status
trigger_add_target(vl_names_walk *walk, vl_names_scope *scope, const vl_ast *qname,
                   const vl_ast *alias, const vl_table_def **table)
{
    vl_names_source *source = vl_names_add_source(walk, scope);

    if (source == NULL)
        return VELO_NOMEM;
    VL_TRY(vl_names_table(walk, qname, table));
    if (*table == NULL)
        return vl_schema_fail(&walk->builder, qname, "no such table: %.*s", (int)qname->text_size,
                              qname->text);
    source->name = alias != NULL ? (vl_name){alias->text, alias->text_size}
                                 : (vl_name){qname->text, qname->text_size};
    source->table = *table;
    source->has_alias = alias != NULL;
    return vl_names_columns(walk, *table, &source->columns);
}

/* A name of a column of one table: in SET, in the columns of an INSERT, after UPDATE OF. As in
 * SQLite it is no error here when there is no such column, but when the trigger runs. */
static velo_status
trigger_column(vl_names_walk *walk, const vl_table_def *table, const vl_ast *node)
{
    vl_name_list columns;

    VL_TRY(vl_names_columns(walk, table, &columns));
    for (uint32_t i = 0; i < columns.count; i++)
        if (vl_name_compare(columns.names[i].text, columns.names[i].size, node->text,
                            node->text_size) == 0)
            return vl_names_told(walk, node, table, (int32_t)i);
    return VELO_OK;
}

/* The assignments of an UPDATE. */
static velo_status
trigger_sets(vl_names_walk *walk, const vl_names_scope *scope, const vl_table_def *table,
             const vl_ast *sets)
{
    for (const vl_ast *set = vl_ast_first(sets); set != NULL; set = set->next) {
        VL_TRY(vl_names_expression(walk, scope, set->kid[1]));
        if (set->kid[0] == NULL)
            VL_TRY(trigger_column(walk, table, set));
        for (const vl_ast *name = vl_ast_first(set->kid[0]); name != NULL; name = name->next)
            VL_TRY(trigger_column(walk, table, name));
    }
    return VELO_OK;
}

static velo_status
trigger_update(vl_names_walk *walk, const vl_names_scope *outer, const vl_ast *update)
{
    const vl_ast *target = update->kid[1];
    const vl_table_def *table;
    vl_names_scope scope;

    vl_names_scope_init(&scope, outer);
    VL_TRY(trigger_add_target(walk, &scope, target->kid[0], target->kid[2], &table));
    VL_TRY(vl_names_from(walk, &scope, update->kid[3]));
    VL_TRY(trigger_sets(walk, &scope, table, update->kid[2]));
    return vl_names_expression(walk, &scope, update->kid[4]);
}

static velo_status
trigger_delete(vl_names_walk *walk, const vl_names_scope *outer, const vl_ast *ast)
{
    const vl_ast *target = ast->kid[1];
    const vl_table_def *table;
    vl_names_scope scope;

    vl_names_scope_init(&scope, outer);
    VL_TRY(trigger_add_target(walk, &scope, target->kid[0], target->kid[2], &table));
    return vl_names_expression(walk, &scope, ast->kid[2]);
}

static velo_status
trigger_upsert(vl_names_walk *walk, const vl_names_scope *target, const vl_table_def *table,
               const vl_ast *upsert)
{
    vl_names_scope scope;

    VL_TRY(vl_names_expression(walk, target, upsert->kid[0]));
    VL_TRY(vl_names_expression(walk, target, upsert->kid[1]));
    vl_names_scope_init(&scope, target);
    VL_TRY(trigger_add_pseudo(walk, &scope, table, "excluded"));
    VL_TRY(trigger_sets(walk, &scope, table, upsert->kid[2]));
    return vl_names_expression(walk, &scope, upsert->kid[3]);
}

static velo_status
trigger_insert(vl_names_walk *walk, const vl_names_scope *outer, const vl_ast *insert)
{
    const vl_table_def *table;
    vl_names_scope scope;

    vl_names_scope_init(&scope, outer);
    VL_TRY(trigger_add_target(walk, &scope, insert->kid[1], insert->kid[2], &table));
    for (const vl_ast *name = vl_ast_first(insert->kid[3]); name != NULL; name = name->next)
        VL_TRY(trigger_column(walk, table, name));
    VL_TRY(vl_names_expression(walk, outer, insert->kid[4]));
    for (const vl_ast *upsert = vl_ast_first(insert->kid[5]); upsert != NULL; upsert = upsert->next)
        VL_TRY(trigger_upsert(walk, &scope, table, upsert));
    return VELO_OK;
}

static velo_status
trigger_step(vl_names_walk *walk, const vl_names_scope *scope, const vl_ast *step)
{
    switch ((vl_ast_type)step->type) {
    case VL_AST_UPDATE:
        return trigger_update(walk, scope, step);
    case VL_AST_DELETE:
        return trigger_delete(walk, scope, step);
    case VL_AST_INSERT:
        return trigger_insert(walk, scope, step);
    default: /* the grammar gives queries besides these */
        return vl_names_expression(walk, scope, step);
    }
}

static velo_status
trigger_resolve(vl_names_walk *walk, const vl_ast *create)
{
    const vl_table_def *table;
    vl_names_scope scope;

    VL_TRY(vl_names_table(walk, create->kid[1], &table));
    if (table == NULL)
        return vl_schema_fail(&walk->builder, create->kid[1], "no such table: %.*s",
                              (int)create->kid[1]->text_size, create->kid[1]->text);
    vl_names_scope_init(&scope, NULL);
    if (create->op2 != VL_OP_DELETE) /* keeps NT1 */
        VL_TRY(trigger_add_pseudo(walk, &scope, table, "new"));
    if (create->op2 != VL_OP_INSERT)
        VL_TRY(trigger_add_pseudo(walk, &scope, table, "old"));
    for (const vl_ast *name = vl_ast_first(create->kid[2]); name != NULL; name = name->next)
        VL_TRY(trigger_column(walk, table, name));
    VL_TRY(vl_names_expression(walk, &scope, create->kid[3]));
    for (const vl_ast *step = vl_ast_first(create->kid[4]); step != NULL; step = step->next)
        VL_TRY(trigger_step(walk, &scope, step));
    return VELO_OK;
}

velo_status
vl_names_resolve(vl_ctx *ctx, vl_arena *arena, const vl_names_input *input, const vl_ast *create)
{
    vl_names_shared shared = {0};
    vl_names_walk walk = {.builder = {.ctx = ctx, .arena = arena},
                          .input = input,
                          .shared = &shared,
                          .home = input->home};

    if (create->type == VL_AST_CREATE_TRIGGER)
        return trigger_resolve(&walk, create);
    return vl_names_query(&walk, NULL, create->kid[2], NULL);
}
