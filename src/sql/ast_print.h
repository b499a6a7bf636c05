/* ast_print.h - from a syntax tree back to SQL text. */
#ifndef VL_SQL_AST_PRINT_H
#define VL_SQL_AST_PRINT_H

#include "base/ctx.h"
#include "sql/ast.h"

/* Write a statement or an expression as SQL that parses to the same tree: one line, words in upper
 * case, every operand that is itself an operation in parentheses, names quoted where they must be.
 * The parentheses may take the text of a very deep tree past the parser's stack.
 *
 * node    a tree as vl_parse makes it, or a part of one; NULL gives an empty text
 * arena   where the text goes, and scratch memory
 * text    ended by a 0 byte; size without it may be NULL
 * errors  VELO_NOMEM */
velo_status vl_ast_print(vl_ctx *ctx, const vl_ast *node, vl_arena *arena, const char **text,
                         size_t *size) VL_MUST_CHECK;

#endif
