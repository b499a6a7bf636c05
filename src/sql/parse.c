/* parse.c - drives the lexer and the grammar over one statement.
 *
 * Invariants
 *   P1  The grammar sees no token after a failure or after the statement's semicolon.
 *   P2  The parser's stack is on the heap and of fixed size; it is given back however parsing ends.
 */
#include "sql/parse.h"

#include "sql/grammar.h"
#include "sql/parse_int.h"

#include <string.h>

#define PARSE_SQL_SIZE_MAX 1000000000U

const vl_parse_limits vl_parse_default_limits = {
    .sql_size = PARSE_SQL_SIZE_MAX,
    .expression_depth = 1000,
    .column_count = 2000,
    .compound_count = 500,
    .variable_number = 32766,
};

/* Where parsing stands in the text. */
typedef struct parse_cursor {
    const char *at;    /* next byte */
    const char *end;   /* end of the text */
    int last_kind;     /* token before, 0 at first */
    const char *first; /* first token of the statement, NULL before it */
    const char *until; /* end of its last token */
} parse_cursor;

/* The next token that is neither space nor comment. */
static int
parse_next(const char **at, const char *end, vl_token *token)
{
    int kind;

    do {
        kind = vl_lexer_token(*at, end, token);
        *at = token->text + token->size;
    } while (kind == VL_TK_SPACE);
    return kind;
}

/* What follows, with every word that can be a name told as ID. */
static int
parse_peek(const char **at, const char *end)
{
    vl_token token;
    int kind = parse_next(at, end, &token);

    if (kind == VL_TK_ID || kind == VL_TK_STRING || kind == VL_TK_JOIN_KW || kind == VL_TK_WINDOW ||
        kind == VL_TK_OVER)
        return VL_TK_ID;
    return kind < VL_TK_SPACE && vl_grammar_fallback(kind) == VL_TK_ID ? VL_TK_ID : kind;
}

/* WINDOW, OVER and FILTER are names unless what stands around them needs them as words. */
static int
parse_window_word(const parse_cursor *cursor, int kind)
{
    const char *at = cursor->at;
    int next = parse_peek(&at, cursor->end);

    if (kind == VL_TK_WINDOW)
        return next == VL_TK_ID && parse_peek(&at, cursor->end) == VL_TK_AS ? kind : VL_TK_ID;
    if (cursor->last_kind != VL_TK_RP)
        return VL_TK_ID;
    if (kind == VL_TK_OVER && next == VL_TK_ID)
        return kind;
    return next == VL_TK_LP ? kind : VL_TK_ID;
}

/* Hand the grammar the end of the text: a semicolon, unless there was one, then the end. */
static void
parse_end(vl_parser *parser, void *grammar, int last_kind, vl_token token)
{
    if (last_kind != VL_TK_SEMI)
        vl_grammar_token(grammar, VL_TK_SEMI, token);
    if (parser->status == VELO_OK && !parser->done)
        vl_grammar_token(grammar, VL_TK_FINISH, token);
}

/* Hand the grammar tokens until the statement ends. */
static void
parse_statement(vl_parser *parser, void *grammar, parse_cursor *cursor)
{
    while (parser->status == VELO_OK && !parser->done) {
        vl_token token;
        int kind = parse_next(&cursor->at, cursor->end, &token);

        parser->last = token;
        if (kind == VL_TK_SEMI && cursor->first == NULL)
            continue;
        if (kind == VL_TK_ILLEGAL) {
            vl_parser_fail(parser, VELO_ERROR, UINT32_MAX, "unrecognized token: \"%.*s\"",
                           (int)(token.size < VL_ERROR_TEXT_SIZE ? token.size : VL_ERROR_TEXT_SIZE),
                           token.text);
            return;
        }
        if (kind == VL_TK_FINISH) {
            if (cursor->first != NULL)
                parse_end(parser, grammar, cursor->last_kind, token);
            return;
        }
        if (kind == VL_TK_WINDOW || kind == VL_TK_OVER || kind == VL_TK_FILTER)
            kind = parse_window_word(cursor, kind);
        if (cursor->first == NULL)
            cursor->first = token.text;
        vl_grammar_token(grammar, kind, token);
        if (!parser->done)
            cursor->until = token.text + token.size;
        cursor->last_kind = kind;
    }
}

velo_status
vl_parse(vl_ctx *ctx, const char *sql, size_t size, const vl_parse_limits *limits, vl_arena *arena,
         vl_parse_result *result)
{
    vl_parser parser = {.ctx = ctx, .arena = arena, .sql = sql, .status = VELO_OK};
    parse_cursor cursor = {.at = sql, .end = sql + size};
    void *grammar;

    memset(result, 0, sizeof *result);
    parser.limits = limits != NULL ? limits : &vl_parse_default_limits;
    if (size > parser.limits->sql_size || size > PARSE_SQL_SIZE_MAX)
        return vl_fail(ctx, VELO_TOOBIG, "statement too long");
    grammar = vl_alloc(ctx, vl_grammar_size());
    if (grammar == NULL)
        return vl_fail(ctx, VELO_NOMEM, "out of memory");
    vl_grammar_init(grammar, &parser);
    parse_statement(&parser, grammar, &cursor);
    vl_grammar_deinit(grammar);
    vl_free(grammar);
    result->tail = (size_t)(cursor.at - sql);
    if (parser.status != VELO_OK)
        return parser.status;
    result->variable_count = parser.variable_count;
    result->statement = parser.statement;
    if (result->statement != NULL) {
        result->statement->offset = (uint32_t)(cursor.first - sql);
        result->statement->length = (uint32_t)(cursor.until - cursor.first);
    }
    return VELO_OK;
}
