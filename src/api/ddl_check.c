/* ddl_check.c - what CREATE TABLE refuses that only a connection or the columns as a whole can
 * tell: functions that nobody knows in CHECK and generated columns, and generated columns that need
 * themselves. Tables that are there already are not looked at: SQLite has had such tables. */
#include "api/api_int.h"

#include <string.h>

/* Look the functions of a tree up, and of those behind it in its list. The parser has limited how
 * deep it goes. Errors as vl_func_find. */
static velo_status
check_calls(vl_ctx *ctx, const vl_func_set *set, const vl_ast *node)
{
    for (; node != NULL; node = node->next) {
        const vl_func *func;

        if (node->type == VL_AST_FUNCTION)
            VL_TRY(vl_func_find(ctx, set, node->text, node->text_size,
                                node->kid[0] != NULL ? (int)node->kid[0]->count : 0, &func));
        for (uint32_t i = 0; i < node->kid_count; i++)
            if (node->type != VL_AST_LIST || i == 0)
                VL_TRY(check_calls(ctx, set, node->kid[i]));
    }
    return VELO_OK;
}

/* The same for the constraints of a list that compute something. */
static velo_status
check_constraints(vl_ctx *ctx, const vl_func_set *set, const vl_ast *list)
{
    for (const vl_ast *node = vl_ast_first(list); node != NULL; node = node->next)
        if (node->type == VL_AST_CONSTRAINT &&
            (node->op == VL_OP_CHECK || node->op == VL_OP_GENERATED))
            VL_TRY(check_calls(ctx, set, node->kid[0]));
    return VELO_OK;
}

/* The expression of a generated column, or NULL. */
static const vl_ast *
check_generated(const vl_ast *column)
{
    for (const vl_ast *node = vl_ast_first(column->kid[1]); node != NULL; node = node->next)
        if (node->type == VL_AST_CONSTRAINT && node->op == VL_OP_GENERATED)
            return node->kid[0];
    return NULL;
}

/* Whether a tree names a column that is not known yet. */
static int
check_needs_unknown(const vl_ast *columns, const uint8_t *is_known, const vl_ast *node)
{
    for (; node != NULL; node = node->next) {
        uint32_t index = 0;

        for (const vl_ast *column = vl_ast_first(columns); column != NULL;
             column = column->next, index++)
            if (node->type == VL_AST_COLUMN && !is_known[index] &&
                vl_name_compare(node->text, node->text_size, column->text, column->text_size) == 0)
                return 1;
        for (uint32_t i = 0; i < node->kid_count; i++)
            if ((node->type != VL_AST_LIST || i == 0) &&
                check_needs_unknown(columns, is_known, node->kid[i]))
                return 1;
    }
    return 0;
}

/* Whether all generated columns can be computed, each from what is known by then. */
static velo_status
check_loops(vl_ctx *ctx, velo_statement *statement, const vl_ast *columns)
{
    uint8_t *is_known = vl_arena_alloc_array(&statement->run_arena, columns->count + 1U, 1);
    const vl_ast *open = NULL;
    int is_moving = 1;

    if (is_known == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a table's columns");
    memset(is_known, 0, columns->count + 1U);
    while (is_moving) {
        uint32_t index = 0;

        is_moving = 0;
        open = NULL;
        for (const vl_ast *column = vl_ast_first(columns); column != NULL;
             column = column->next, index++) {
            const vl_ast *expression = is_known[index] ? NULL : check_generated(column);

            if (is_known[index])
                continue;
            if (expression == NULL || !check_needs_unknown(columns, is_known, expression))
                is_moving = is_known[index] = 1;
            else if (open == NULL)
                open = column;
        }
    }
    if (open == NULL)
        return VELO_OK;
    return vl_fail(ctx, VELO_ERROR, "generated column loop on \"%.*s\"", (int)open->text_size,
                   open->text);
}

velo_status
vl_ddl_check_create(vl_ctx *ctx, velo_statement *statement)
{
    const vl_ast *tree = statement->tree;
    const vl_func_set *set = statement->connection->function_set;

    if (tree->type != VL_AST_CREATE_TABLE || tree->kid[3] != NULL)
        return VELO_OK;
    for (const vl_ast *column = vl_ast_first(tree->kid[1]); column != NULL; column = column->next)
        VL_TRY(check_constraints(ctx, set, column->kid[1]));
    VL_TRY(check_constraints(ctx, set, tree->kid[2]));
    return check_loops(ctx, statement, tree->kid[1]);
}
