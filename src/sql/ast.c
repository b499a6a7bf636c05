/* ast.c - the tables that say what types and operators of syntax trees are. */
#include "sql/ast.h"

#include "base/assert.h"

unsigned
vl_ast_kid_count(vl_ast_type type)
{
    static const uint8_t counts[] = {
#define AST_COUNT(name, kids) kids,
        VL_AST_TYPES(AST_COUNT)
#undef AST_COUNT
    };

    VL_ASSERT(type < VL_AST_TYPE_COUNT);
    return counts[type];
}

const char *
vl_ast_type_name(vl_ast_type type)
{
    static const char *const names[] = {
#define AST_NAME(name, kids) #name,
        VL_AST_TYPES(AST_NAME)
#undef AST_NAME
    };

    VL_ASSERT(type < VL_AST_TYPE_COUNT);
    return names[type];
}

const char *
vl_ast_op_words(vl_ast_op op)
{
    static const char *const words[] = {
#define AST_WORDS(name, text) text,
        VL_AST_OPS(AST_WORDS)
#undef AST_WORDS
    };

    VL_ASSERT(op < VL_OP_COUNT);
    return words[op];
}
