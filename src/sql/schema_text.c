/* schema_text.c - names, texts, words and messages for those who make a schema's objects.
 *
 * Invariants
 *   ST1  A text that is handed out ends with a 0 byte and lives in the builder's arena.
 *   ST2  A message about a node records the node's place. */
#include "sql/schema_int.h"

#include "base/collation.h"
#include "sql/grammar.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

velo_status
vl_schema_fail(const vl_schema_builder *builder, const vl_ast *node, const char *format, ...)
{
    char text[VL_ERROR_TEXT_SIZE];
    velo_status status;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    status = vl_fail(builder->ctx, VELO_ERROR, "%s", text);
    if (node != NULL && builder->ctx != NULL)
        builder->ctx->error.sql_offset = (int32_t)node->offset;
    return status;
}

velo_status
vl_schema_no_memory(const vl_schema_builder *builder)
{
    return vl_fail(builder->ctx, VELO_NOMEM, "out of memory");
}

void *
vl_schema_alloc(const vl_schema_builder *builder, size_t count, size_t size)
{
    void *memory = vl_arena_alloc_array(builder->arena, count, size);

    if (memory == NULL)
        (void)vl_schema_no_memory(builder);
    return memory;
}

velo_status
vl_schema_copy(const vl_schema_builder *builder, const char *text, size_t size, const char **out)
{
    *out = vl_arena_copy(builder->arena, text, size);
    return *out != NULL ? VELO_OK : vl_schema_no_memory(builder);
}

static int
schema_text_is_space(char c)
{
    return c != '\0' && strchr(" \t\n\v\f\r", c) != NULL;
}

velo_status
vl_schema_copy_source(const vl_schema_builder *builder, const vl_ast *node, int is_in_parentheses,
                      const char **out)
{
    const char *text = builder->sql + node->offset;
    size_t size = node->length;

    if (is_in_parentheses && size >= 2) {
        text++;
        size -= 2;
    }
    while (size > 0 && schema_text_is_space(text[0])) {
        text++;
        size--;
    }
    while (size > 0 && schema_text_is_space(text[size - 1]))
        size--;
    return vl_schema_copy(builder, text, size, out);
}

vl_token
vl_schema_token(const vl_schema_builder *builder, const vl_ast *node)
{
    const char *at = builder->sql + node->offset;
    const char *end = at + node->length;
    vl_token last = {at, 0};

    while (at < end) {
        vl_token token;
        int kind = vl_lexer_token(at, end, &token);

        if (kind == VL_TK_FINISH)
            break;
        if (kind != VL_TK_SPACE && kind != VL_TK_RP)
            last = token;
        at = token.text + token.size;
    }
    return last;
}

int
vl_schema_is_word(const char *text, size_t size, const char *word)
{
    return vl_name_compare(text, size, word, strlen(word)) == 0;
}

int
vl_schema_is_reserved(const char *name, size_t size)
{
    return size >= 7 && vl_schema_is_word(name, 7, "sqlite_");
}

vl_conflict
vl_schema_conflict(unsigned op)
{
    switch (op) {
    case VL_OP_ROLLBACK:
        return VL_CONFLICT_ROLLBACK;
    case VL_OP_ABORT:
        return VL_CONFLICT_ABORT;
    case VL_OP_FAIL:
        return VL_CONFLICT_FAIL;
    case VL_OP_IGNORE:
        return VL_CONFLICT_IGNORE;
    case VL_OP_REPLACE:
        return VL_CONFLICT_REPLACE;
    default: /* of all operators only these are conflict actions */
        return VL_CONFLICT_DEFAULT;
    }
}

velo_status
vl_schema_collation(const vl_schema_builder *builder, const char *name, size_t size,
                    vl_collation *collation)
{
    int number = builder->is_new ? vl_collation_find(name, size) : vl_collation_add(name, size);

    if (number < 0 && !builder->is_new)
        return vl_schema_fail(builder, NULL, "too many names of collations");
    if (number < 0)
        return vl_schema_fail(builder, NULL, "no such collation sequence: %.*s", (int)size, name);
    *collation = (vl_collation)number;
    return VELO_OK;
}

int
vl_schema_is_literal_name(const vl_ast *column)
{
    if (column->kid[0] != NULL)
        return 0;
    return (column->flags & VL_AST_DOUBLE_QUOTED) != 0 ||
           ((column->flags & VL_AST_QUOTED) == 0 &&
            (vl_schema_is_word(column->text, column->text_size, "true") ||
             vl_schema_is_word(column->text, column->text_size, "false")));
}
