/* sql_tree.c - comparing syntax trees. */
#include "lib/sql_tree.h"

#include <string.h>

static int
tree_head_equal(const vl_ast *a, const vl_ast *b)
{
    return a->type == b->type && a->op == b->op && a->op2 == b->op2 &&
           (a->flags & ~(unsigned)VL_AST_QUOTED) == (b->flags & ~(unsigned)VL_AST_QUOTED) &&
           a->count == b->count && a->height == b->height && a->text_size == b->text_size &&
           (a->text == NULL) == (b->text == NULL) &&
           (a->text == NULL || memcmp(a->text, b->text, a->text_size) == 0);
}

static int
tree_list_equal(const vl_ast *a, const vl_ast *b)
{
    for (; a != NULL && b != NULL; a = a->next, b = b->next)
        if (!sql_tree_equal(a, b))
            return 0;
    return a == b;
}

int
sql_tree_equal(const vl_ast *a, const vl_ast *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    if (!tree_head_equal(a, b))
        return 0;
    if (a->type == VL_AST_LIST)
        return tree_list_equal(a->kid[0], b->kid[0]);
    for (unsigned i = 0; i < a->kid_count; i++)
        if (!sql_tree_equal(a->kid[i], b->kid[i]))
            return 0;
    return 1;
}

static int
tree_is_above(const vl_ast *node, const vl_ast *kid, size_t size)
{
    unsigned step = vl_ast_is_expression((vl_ast_type)node->type) ? 1 : 0;

    return kid == NULL || (node->height >= kid->height + step && sql_tree_is_sound(kid, size));
}

static int
tree_list_is_sound(const vl_ast *list, size_t size)
{
    const vl_ast *last = NULL;
    unsigned count = 0;

    for (const vl_ast *at = list->kid[0]; at != NULL; at = at->next) {
        if (!tree_is_above(list, at, size))
            return 0;
        last = at;
        count++;
    }
    return count == list->count && last == list->kid[1];
}

int
sql_tree_is_sound(const vl_ast *node, size_t size)
{
    if (node->type >= VL_AST_TYPE_COUNT || node->op >= VL_OP_COUNT ||
        node->kid_count != vl_ast_kid_count((vl_ast_type)node->type))
        return 0;
    if ((size_t)node->offset + node->length > size)
        return 0;
    if (vl_ast_is_expression((vl_ast_type)node->type) && (node->length == 0 || node->height == 0))
        return 0;
    if (node->type == VL_AST_LIST)
        return tree_list_is_sound(node, size);
    for (unsigned i = 0; i < node->kid_count; i++)
        if (!tree_is_above(node, node->kid[i], size))
            return 0;
    return 1;
}
