/* sql_tree.h - comparing syntax trees. */
#ifndef VL_TEST_SQL_TREE_H
#define VL_TEST_SQL_TREE_H

#include "sql/ast.h"

/* Whether two trees say the same; where they stand and how names are quoted does not count, except
 * double quotes. NULL equals NULL only. */
int sql_tree_equal(const vl_ast *a, const vl_ast *b);

/* Whether every node of a tree keeps what ast.h promises: its type's number of kids, lists whose
 * count and last element are right, heights above those of their kids, expressions within `size`.
 */
int sql_tree_is_sound(const vl_ast *node, size_t size);

#endif
