/* ddl_constant.c - the value of a default that needs no evaluation.
 *
 * ALTER TABLE ADD COLUMN changes no row, so what stands for the column in rows without it must be
 * known beforehand. SQLite takes literals, with signs and CAST around them, and nothing else.
 *
 * Invariants
 *   DC1  A text or blob value lies in the tree's text or in the arena. */
#include "sql/ddl_int.h"

#include "vec/number.h"
#include "vec/value.h"

#include <string.h>

/* A number's literal without its separators, with a sign before it. */
static velo_status
constant_digits(const vl_schema_builder *builder, const vl_ast *node, int is_negative,
                const char **text, size_t *size)
{
    char *copy = vl_schema_alloc(builder, (size_t)node->text_size + 2, 1);
    size_t used = 0;

    if (copy == NULL)
        return VELO_NOMEM;
    if (is_negative)
        copy[used++] = '-';
    for (uint32_t i = 0; i < node->text_size; i++)
        if (node->text[i] != '_')
            copy[used++] = node->text[i];
    *text = copy;
    *size = used;
    return VELO_OK;
}

static velo_status
constant_number(const vl_schema_builder *builder, const vl_ast *node, int is_negative,
                vl_value *value)
{
    const char *text;
    int64_t bits;
    size_t size;

    VL_TRY(constant_digits(builder, node, is_negative, &text, &size));
    if (vl_number_read_hex(text + is_negative, size - (size_t)is_negative, &bits)) {
        *value = vl_value_of_integer(bits);
        if (is_negative)
            *value = vl_value_negate(value);
        return VELO_OK;
    }
    *value = vl_number_read(text, size).value;
    return VELO_OK;
}

static int
constant_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return (c >= 'a' ? c - 'a' : c - 'A') + 10;
}

static velo_status
constant_blob(const vl_schema_builder *builder, const vl_ast *node, vl_value *value)
{
    unsigned char *bytes = vl_schema_alloc(builder, (size_t)node->text_size / 2 + 1, 1);

    if (bytes == NULL)
        return VELO_NOMEM;
    for (uint32_t i = 0; i + 1 < node->text_size; i += 2)
        bytes[i / 2] = (unsigned char)(constant_hex_digit(node->text[i]) * 16 +
                                       constant_hex_digit(node->text[i + 1]));
    *value = (vl_value){.type = VL_TYPE_BLOB, .size = node->text_size / 2, .as.data = bytes};
    return VELO_OK;
}

/* The value of a literal; *known stays 0 when the node is none. */
static velo_status
constant_literal(const vl_schema_builder *builder, const vl_ast *node, vl_value *value, int *known)
{
    *known = 1;
    switch ((vl_ast_type)node->type) {
    case VL_AST_NULL:
        *value = vl_value_of_null();
        return VELO_OK;
    case VL_AST_STRING:
        *value = (vl_value){.type = VL_TYPE_TEXT, .size = node->text_size, .as.data = node->text};
        return VELO_OK;
    case VL_AST_BLOB:
        return constant_blob(builder, node, value);
    case VL_AST_INTEGER:
    case VL_AST_REAL:
        return constant_number(builder, node, 0, value);
    case VL_AST_COLUMN: /* TRUE or FALSE: no other is in a default (schema_build.h) */
        *value = vl_value_of_integer(vl_schema_is_word(node->text, node->text_size, "true"));
        return VELO_OK;
    default: /* what must be evaluated */
        *known = 0;
        return VELO_OK;
    }
}

static velo_status constant_value(const vl_schema_builder *builder, const vl_ast *node,
                                  vl_affinity affinity, vl_value *value, int *known);

/* The value of a sign or a CAST and what it is before. */
static velo_status
constant_operation(const vl_schema_builder *builder, const vl_ast *node, vl_value *value,
                   int *known)
{
    const vl_ast *operand = node->kid[0];

    if (node->type == VL_AST_CAST) {
        const vl_ast *type = node->kid[1];
        vl_affinity affinity = vl_affinity_declared(type != NULL ? type->text : "",
                                                    type != NULL ? type->text_size : 0);

        VL_TRY(constant_value(builder, operand, affinity, value, known));
        return *known ? vl_value_cast(builder->ctx, builder->arena, affinity, value) : VELO_OK;
    }
    if (operand->type == VL_AST_INTEGER || operand->type == VL_AST_REAL) {
        *known = 1;
        return constant_number(builder, operand, 1, value);
    }
    VL_TRY(constant_value(builder, operand, VL_AFFINITY_NONE, value, known));
    if (*known)
        *value = vl_value_negate(value);
    return VELO_OK;
}

/* The value of a node after an affinity. Depth is bounded by the parser's limit. */
static velo_status
constant_value(const vl_schema_builder *builder, const vl_ast *node, vl_affinity affinity,
               vl_value *value, int *known)
{
    while (node->type == VL_AST_UNARY && node->op == VL_OP_PLUS)
        node = node->kid[0];
    if (node->type == VL_AST_CAST || (node->type == VL_AST_UNARY && node->op == VL_OP_MINUS))
        VL_TRY(constant_operation(builder, node, value, known));
    else
        VL_TRY(constant_literal(builder, node, value, known));
    return *known ? vl_value_apply(builder->ctx, builder->arena, affinity, value) : VELO_OK;
}

velo_status
vl_ddl_constant(const vl_schema_builder *builder, const vl_ast *node, vl_affinity affinity,
                vl_value *value, int *known)
{
    *known = 0;
    *value = vl_value_of_null();
    return constant_value(builder, node, affinity, value, known);
}
