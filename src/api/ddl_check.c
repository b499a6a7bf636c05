/* ddl_check.c - what CREATE TABLE and ADD CHECK refuse that only a connection or the columns as a
 * whole can tell: functions that nobody knows in CHECK and generated columns, and generated columns
 * that need themselves. Tables that are there already are not looked at: SQLite has had such
 * tables.
 *
 * Invariants
 *   DK1  A column is known only when all that it needs is, and each pass over the columns but the
 *        last makes one more known. */
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

/* Which columns a tree names: bits by their places. */
static void
check_find_needs(const vl_ast *columns, const vl_ast *node, uint64_t *needs)
{
    for (; node != NULL; node = node->next) {
        const vl_ast *column = vl_ast_first(columns);

        for (uint32_t place = 0; node->type == VL_AST_COLUMN && column != NULL;
             column = column->next, place++)
            if (node->text_size == column->text_size &&
                vl_name_compare(node->text, node->text_size, column->text, column->text_size) == 0)
                needs[place / 64] |= UINT64_C(1) << place % 64;
        for (uint32_t i = 0; i < node->kid_count; i++)
            if (node->type != VL_AST_LIST || i == 0)
                check_find_needs(columns, node->kid[i], needs);
    }
}

/* What is known of the columns while they are put into an order. */
typedef struct check_order {
    const vl_ast *columns;
    uint32_t words;  /* of a set of columns */
    uint64_t *needs; /* a set for each column */
    uint64_t *known; /* those that can be computed */
} check_order;

static int
check_is_ready(const check_order *order, uint32_t place)
{
    const uint64_t *needs = order->needs + (size_t)place * order->words;

    for (uint32_t i = 0; i < order->words; i++)
        if ((needs[i] & ~order->known[i]) != 0)
            return 0;
    return 1;
}

/* Go through the columns once. Returns the first that cannot be computed yet; *is_moving: others
 * that could not can now. */
static const vl_ast *
check_pass(check_order *order, int *is_moving)
{
    const vl_ast *open = NULL;
    uint32_t place = 0;

    *is_moving = 0;
    for (const vl_ast *column = vl_ast_first(order->columns); column != NULL;
         column = column->next, place++) {
        uint64_t bit = UINT64_C(1) << place % 64;

        if ((order->known[place / 64] & bit) != 0)
            continue;
        if (check_is_ready(order, place)) {
            order->known[place / 64] |= bit;
            *is_moving = 1;
        } else if (open == NULL) {
            open = column;
        }
    }
    return open;
}

/* Whether all generated columns can be computed, each from what is known by then. */
static velo_status
check_loops(vl_ctx *ctx, velo_statement *statement, const vl_ast *columns)
{
    check_order order = {.columns = columns, .words = (columns->count + 63) / 64};
    const vl_ast *open;
    uint32_t place = 0;
    int is_moving;

    order.needs = vl_arena_alloc_array(&statement->run_arena,
                                       ((size_t)columns->count + 1) * order.words + 1, 8);
    if (order.needs == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a table's columns");
    memset(order.needs, 0, (((size_t)columns->count + 1) * order.words + 1) * 8);
    order.known = order.needs + (size_t)columns->count * order.words;
    for (const vl_ast *column = vl_ast_first(columns); column != NULL;
         column = column->next, place++)
        check_find_needs(columns, check_generated(column),
                         order.needs + (size_t)place * order.words);
    do
        open = check_pass(&order, &is_moving);
    while (is_moving && open != NULL);
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

    if (tree->type == VL_AST_ALTER && tree->op == VL_OP_ADD_CONSTRAINT)
        return check_calls(ctx, set, tree->kid[1]->kid[0]);
    if (tree->type != VL_AST_CREATE_TABLE || tree->kid[3] != NULL)
        return VELO_OK;
    for (const vl_ast *column = vl_ast_first(tree->kid[1]); column != NULL; column = column->next)
        VL_TRY(check_constraints(ctx, set, column->kid[1]));
    VL_TRY(check_constraints(ctx, set, tree->kid[2]));
    return check_loops(ctx, statement, tree->kid[1]);
}
