/* build.c - makes the nodes of a syntax tree for the grammar's actions.
 *
 * Invariants
 *   B1  After a failure builders return NULL or what they were given, and accept NULL: the actions
 *       that still run for the same token do no harm. The last of their failures is told, as in
 *       SQLite: a text that goes wrong in two ways at one token has the same words.
 *   B2  No expression is higher than the limit, so walkers may recurse (checked when an expression
 *       gets its place in the text, which all get last). */
#include "sql/parse_int.h"

#include "base/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

void
vl_parser_fail(vl_parser *parser, velo_status code, uint32_t offset, const char *format, ...)
{
    char text[VL_ERROR_TEXT_SIZE];
    va_list args;

    if (parser->status == VELO_NOMEM)
        return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    parser->status = vl_fail(parser->ctx, code, "%s", text);
    if (offset == UINT32_MAX)
        offset = (uint32_t)(parser->last.text - parser->sql);
    if (parser->ctx != NULL)
        parser->ctx->error.sql_offset = (int32_t)offset;
}

static void
build_no_memory(vl_parser *parser)
{
    if (parser->status == VELO_OK)
        parser->status = vl_fail(parser->ctx, VELO_NOMEM, "out of memory");
}

/* Quoted text of a token for a message, within what a message holds. */
static int
build_quote_size(vl_token token)
{
    return (int)(token.size < VL_ERROR_TEXT_SIZE ? token.size : VL_ERROR_TEXT_SIZE);
}

void
vl_parser_syntax_error(vl_parser *parser, vl_token token)
{
    uint32_t offset = (uint32_t)(token.text - parser->sql);

    if (token.size == 0)
        vl_parser_fail(parser, VELO_ERROR, offset, "incomplete input");
    else
        vl_parser_fail(parser, VELO_ERROR, offset, "near \"%.*s\": syntax error",
                       build_quote_size(token), token.text);
}

/* Let a node be at least as high as a kid makes it. */
static void
build_raise(vl_ast *node, const vl_ast *kid)
{
    uint32_t height = kid->height + (vl_ast_is_expression((vl_ast_type)node->type) ? 1 : 0);

    if (height > node->height)
        node->height = height;
}

vl_ast *
vl_node(vl_parser *parser, vl_ast_type type, unsigned count, vl_ast *const *kids)
{
    unsigned kid_count = vl_ast_kid_count(type);
    size_t size = sizeof(vl_ast) + kid_count * sizeof(vl_ast *);
    vl_ast *node;

    VL_ASSERT(count <= kid_count || count == 1);
    if (parser->status != VELO_OK)
        return NULL;
    node = vl_arena_alloc(parser->arena, size);
    if (node == NULL) {
        build_no_memory(parser);
        return NULL;
    }
    memset(node, 0, size);
    node->type = (uint8_t)type;
    node->kid_count = (uint8_t)kid_count;
    node->height = vl_ast_is_expression(type) ? 1 : 0;
    for (unsigned i = 0; i < count; i++)
        (void)vl_node_set_kid(node, i, kids[i]);
    return node;
}

vl_ast *
vl_node_op(vl_parser *parser, vl_ast_type type, int op, unsigned count, vl_ast *const *kids)
{
    return vl_node_set_ops(vl_node(parser, type, count, kids), op, -1);
}

vl_ast *
vl_node_raw(vl_parser *parser, vl_ast_type type, vl_token token)
{
    vl_ast *node = vl_node(parser, type, 0, NULL);

    if (node == NULL)
        return NULL;
    node->text = token.text;
    node->text_size = token.size;
    return vl_node_span(parser, node, token, token);
}

vl_ast *
vl_node_name(vl_parser *parser, vl_ast_type type, vl_token token)
{
    vl_ast *node = vl_node_set_text(parser, vl_node(parser, type, 0, NULL), token);

    return vl_node_span(parser, node, token, token);
}

vl_ast *
vl_node_blob(vl_parser *parser, vl_token token)
{
    vl_ast *node = vl_node_raw(parser, VL_AST_BLOB, token);

    if (node != NULL) {
        node->text += 2;
        node->text_size -= 3;
    }
    return node;
}

/* A token without a word at its end and the white space before that; is_cut tells whether the word
 * was there. */
static vl_token
build_cut_word(vl_token token, const char *word, int *is_cut)
{
    uint32_t size = (uint32_t)strlen(word);

    *is_cut = token.size >= size && strncasecmp(token.text + token.size - size, word, size) == 0;
    if (!*is_cut)
        return token;
    token.size -= size;
    while (token.size > 0 && strchr(" \t\n\f\r", token.text[token.size - 1]) != NULL)
        token.size--;
    return token;
}

vl_ast *
vl_node_type(vl_parser *parser, vl_token token)
{
    int is_cut;
    vl_token less = build_cut_word(token, "always", &is_cut);

    if (is_cut)
        less = build_cut_word(less, "generated", &is_cut);
    if (is_cut)
        token = less;
    return token.size > 0 ? vl_node_raw(parser, VL_AST_TYPE, token) : NULL;
}

/* Copy quoted text without its quotes, each doubled one once. */
static void
build_unquote(vl_parser *parser, vl_ast *node, vl_token token, char quote)
{
    char *copy = vl_arena_alloc(parser->arena, token.size);
    uint32_t used = 0;

    if (copy == NULL) {
        build_no_memory(parser);
        return;
    }
    for (uint32_t i = 1; i + 1 < token.size; i++) {
        copy[used++] = token.text[i];
        if (token.text[i] == quote)
            i++;
    }
    node->text = copy;
    node->text_size = used;
}

vl_ast *
vl_node_set_text(vl_parser *parser, vl_ast *node, vl_token token)
{
    char quote = token.size > 0 ? token.text[0] : '\0';

    if (node == NULL)
        return NULL;
    if (node->length == 0)
        (void)vl_node_span(parser, node, token, token);
    if (quote != '"' && quote != '`' && quote != '[' && quote != '\'') {
        node->text = token.text;
        node->text_size = token.size;
        return node;
    }
    node->flags |= VL_AST_QUOTED;
    if (quote == '"')
        node->flags |= VL_AST_DOUBLE_QUOTED;
    node->text = token.text + 1;
    node->text_size = token.size - 2;
    if (quote != '[' && memchr(node->text, quote, node->text_size) != NULL)
        build_unquote(parser, node, token, quote);
    return node;
}

vl_ast *
vl_node_set_kid(vl_ast *node, unsigned index, vl_ast *kid)
{
    if (node == NULL || kid == NULL)
        return node;
    VL_ASSERT(index < node->kid_count);
    node->kid[index] = kid;
    build_raise(node, kid);
    return node;
}

vl_ast *
vl_node_set_flags(vl_ast *node, unsigned flags)
{
    if (node != NULL)
        node->flags |= flags;
    return node;
}

vl_ast *
vl_node_set_ops(vl_ast *node, int op, int op2)
{
    if (node != NULL && op >= 0)
        node->op = (uint8_t)op;
    if (node != NULL && op2 >= 0)
        node->op2 = (uint8_t)op2;
    return node;
}

/* No place belongs to the message of the failure. */
static void
build_nowhere(vl_parser *parser)
{
    if (parser->ctx != NULL)
        parser->ctx->error.sql_offset = -1;
}

vl_ast *
vl_node_over(vl_parser *parser, vl_ast *call, vl_ast *filter, vl_ast *over)
{
    if (call == NULL)
        return NULL;
    if (over != NULL && (call->flags & VL_AST_DISTINCT) != 0) {
        vl_parser_fail(parser, VELO_ERROR, 0, "DISTINCT is not supported for window functions");
        build_nowhere(parser);
    } else if (over != NULL && call->kid[1] != NULL) {
        vl_parser_fail(parser, VELO_ERROR, 0, "ORDER BY may not be used with non-aggregate %.*s()",
                       (int)call->text_size, call->text);
        build_nowhere(parser);
    }
    return vl_node_set_kid(vl_node_set_kid(call, 2, filter), 3, over);
}

vl_ast *
vl_node_frame(vl_parser *parser, vl_ast *frame)
{
    const vl_ast *start = frame == NULL ? NULL : frame->kid[0];
    vl_ast_op end;

    if (start == NULL)
        return frame;
    end = frame->kid[1] == NULL ? VL_OP_CURRENT_ROW : (vl_ast_op)frame->kid[1]->op;
    if ((start->op == VL_OP_CURRENT_ROW && end == VL_OP_PRECEDING) ||
        (start->op == VL_OP_FOLLOWING && (end == VL_OP_PRECEDING || end == VL_OP_CURRENT_ROW))) {
        vl_parser_fail(parser, VELO_ERROR, 0, "unsupported frame specification");
        build_nowhere(parser);
    }
    return frame;
}

vl_ast *
vl_node_span(vl_parser *parser, vl_ast *node, vl_token from, vl_token to)
{
    if (node == NULL)
        return NULL;
    node->offset = (uint32_t)(from.text - parser->sql);
    node->length = (uint32_t)(to.text + to.size - from.text);
    if (node->height > parser->limits->expression_depth)
        vl_parser_fail(parser, VELO_ERROR, node->offset,
                       "Expression tree is too large (maximum depth %u)",
                       parser->limits->expression_depth);
    return node;
}

vl_token
vl_node_token(const vl_parser *parser, const vl_ast *node)
{
    vl_token token = {parser->sql, 0};

    if (node != NULL) {
        token.text += node->offset;
        token.size = node->length;
    }
    return token;
}

vl_token
vl_token_join(vl_token from, vl_token to)
{
    if (from.size == 0)
        return to;
    from.size = (uint32_t)(to.text + to.size - from.text);
    return from;
}

vl_ast *
vl_list_add(vl_parser *parser, vl_ast *list, vl_ast *element)
{
    if (list == NULL)
        list = vl_node(parser, VL_AST_LIST, 0, NULL);
    if (list == NULL || element == NULL)
        return list;
    if (list->kid[1] != NULL)
        list->kid[1]->next = element;
    else
        list->kid[0] = element;
    list->kid[1] = element;
    list->count++;
    build_raise(list, element);
    return list;
}

vl_ast *
vl_list_check(vl_parser *parser, vl_ast *list, const char *what)
{
    if (list != NULL && list->count > parser->limits->column_count)
        vl_parser_fail(parser, VELO_ERROR, UINT32_MAX, "too many %s", what);
    return list;
}

vl_ast *
vl_table_check(vl_parser *parser, vl_ast *create)
{
    if (create != NULL && create->kid[1] != NULL &&
        create->kid[1]->count > parser->limits->column_count)
        vl_parser_fail(parser, VELO_ERROR, UINT32_MAX, "too many columns on %.*s",
                       (int)create->kid[0]->text_size, create->kid[0]->text);
    return create;
}

vl_ast *
vl_query_add(vl_parser *parser, vl_ast *query, int op, vl_ast *next)
{
    vl_ast *select;

    if (query == NULL || next == NULL || parser->status != VELO_OK)
        return query;
    if (query->kid[2] != NULL || query->kid[3] != NULL)
        vl_parser_fail(
            parser, VELO_ERROR,
            query->kid[2] != NULL ? query->kid[2]->kid[0]->kid[0]->offset : query->kid[3]->offset,
            "%s clause should come after %s not before",
            query->kid[2] != NULL ? "ORDER BY" : "LIMIT", vl_ast_op_words((vl_ast_op)op));
    select = next->kid[1]->kid[0];
    select->op = (uint8_t)op;
    (void)vl_list_add(parser, query->kid[1], select);
    build_raise(query, query->kid[1]);
    for (unsigned i = 2; i < 5; i++)
        (void)vl_node_set_kid(query, i, next->kid[i]);
    if (query->kid[1]->count > parser->limits->compound_count)
        vl_parser_fail(parser, VELO_ERROR, UINT32_MAX, "too many terms in compound SELECT");
    return query;
}

/* ---- parameters ---- */

static unsigned
build_bucket(vl_token token)
{
    uint32_t hash = 2166136261U;

    for (uint32_t i = 0; i < token.size; i++)
        hash = (hash ^ (unsigned char)token.text[i]) * 16777619U;
    return hash % VL_PARSE_BUCKET_COUNT;
}

/* The number of a named parameter: as before, or the next; 0 when there is no memory. */
static uint32_t
build_named(vl_parser *parser, vl_token token)
{
    vl_parse_name **bucket;
    vl_parse_name *name;

    if (parser->names == NULL)
        parser->names =
            vl_arena_alloc_array(parser->arena, VL_PARSE_BUCKET_COUNT, sizeof(vl_parse_name *));
    if (parser->names == NULL)
        return 0;
    bucket = &parser->names[build_bucket(token)];
    for (name = *bucket; name != NULL; name = name->next)
        if (name->token.size == token.size && memcmp(name->token.text, token.text, token.size) == 0)
            return name->number;
    name = vl_arena_alloc(parser->arena, sizeof *name);
    if (name == NULL)
        return 0;
    name->token = token;
    name->number = parser->variable_count + 1;
    name->next = *bucket;
    *bucket = name;
    return name->number;
}

/* The number in ?N, 0 when it is none that may be. */
static uint32_t
build_numbered(const vl_parser *parser, vl_token token)
{
    uint64_t number = 0;

    for (uint32_t i = 1; i < token.size && number <= UINT32_MAX; i++)
        number = number * 10 + (uint64_t)(token.text[i] - '0');
    return number <= parser->limits->variable_number ? (uint32_t)number : 0;
}

vl_ast *
vl_node_parameter(vl_parser *parser, vl_token token)
{
    uint32_t offset = (uint32_t)(token.text - parser->sql);
    vl_ast *node = vl_node_raw(parser, VL_AST_PARAM, token);

    if (node == NULL)
        return NULL;
    if (token.text[0] == '#' && token.text[1] >= '0' && token.text[1] <= '9') {
        vl_parser_syntax_error(parser, token);
    } else if (token.text[0] != '?') {
        node->count = build_named(parser, token);
        if (node->count == 0)
            build_no_memory(parser);
    } else if (token.size > 1) {
        node->count = build_numbered(parser, token);
        if (node->count == 0)
            vl_parser_fail(parser, VELO_ERROR, offset, "variable number must be between ?1 and ?%u",
                           parser->limits->variable_number);
    } else {
        node->count = parser->variable_count + 1;
    }
    if (node->count > parser->variable_count)
        parser->variable_count = node->count;
    if (parser->variable_count > parser->limits->variable_number)
        vl_parser_fail(parser, VELO_ERROR, offset, "too many SQL variables");
    return node;
}

/* ---- words ---- */

static int
build_is_word(vl_token token, const char *word)
{
    return token.size == strlen(word) && strncasecmp(token.text, word, token.size) == 0;
}

int
vl_word_like(vl_token token)
{
    for (int op = VL_OP_LIKE; op <= VL_OP_MATCH; op++)
        if (build_is_word(token, vl_ast_op_words((vl_ast_op)op)))
            return op;
    return VL_OP_LIKE;
}

int
vl_word_now(vl_token token)
{
    for (int op = VL_OP_CURRENT_TIME; op < VL_OP_CURRENT_TIMESTAMP; op++)
        if (build_is_word(token, vl_ast_op_words((vl_ast_op)op)))
            return op;
    return VL_OP_CURRENT_TIMESTAMP;
}

/* The bits of one word of a join, 0 for another word. */
static int
build_join_bits(vl_token word)
{
    static const struct {
        const char *word;
        int bits;
    } words[] = {
        {"NATURAL", VL_JOIN_NATURAL},
        {"LEFT", VL_JOIN_LEFT | VL_JOIN_OUTER},
        {"RIGHT", VL_JOIN_RIGHT | VL_JOIN_OUTER},
        {"FULL", VL_JOIN_LEFT | VL_JOIN_RIGHT | VL_JOIN_OUTER},
        {"OUTER", VL_JOIN_OUTER},
        {"INNER", VL_JOIN_INNER},
        {"CROSS", VL_JOIN_INNER | VL_JOIN_CROSS},
    };

    for (size_t i = 0; i < VL_ARRAY_COUNT(words); i++)
        if (build_is_word(word, words[i].word))
            return words[i].bits;
    return 0;
}

int
vl_word_join(vl_parser *parser, vl_token a, vl_token b, vl_token c)
{
    const vl_token words[] = {a, b, c};
    int is_known = 1;
    int bits = 0;

    for (size_t i = 0; i < VL_ARRAY_COUNT(words) && words[i].size > 0; i++) {
        is_known &= build_join_bits(words[i]) != 0;
        bits |= build_join_bits(words[i]);
    }
    if (!is_known || (bits & (VL_JOIN_INNER | VL_JOIN_OUTER)) == (VL_JOIN_INNER | VL_JOIN_OUTER) ||
        (bits & (VL_JOIN_OUTER | VL_JOIN_LEFT | VL_JOIN_RIGHT)) == VL_JOIN_OUTER)
        vl_parser_fail(parser, VELO_ERROR, (uint32_t)(a.text - parser->sql),
                       "unknown join type: %.*s%s%.*s%s%.*s", build_quote_size(a), a.text,
                       b.size > 0 ? " " : "", build_quote_size(b), b.size > 0 ? b.text : "",
                       c.size > 0 ? " " : "", build_quote_size(c), c.size > 0 ? c.text : "");
    return (bits & VL_JOIN_OUTER) == 0 ? bits | VL_JOIN_INNER : bits;
}

unsigned
vl_word_table_option(vl_parser *parser, vl_token word, int is_without)
{
    if (is_without && build_is_word(word, "rowid"))
        return VL_AST_WITHOUT_ROWID;
    if (!is_without && build_is_word(word, "strict"))
        return VL_AST_STRICT;
    vl_parser_fail(parser, VELO_ERROR, (uint32_t)(word.text - parser->sql),
                   "unknown table option: %.*s", build_quote_size(word), word.text);
    return 0;
}
