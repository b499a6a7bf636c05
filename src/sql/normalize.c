/* normalize.c - a statement's text without what differs from one use of it to the next.
 *
 * Literals and parameters become ?, words of the language are in capitals and names in small
 * letters, and between two tokens there is a space only where they would become one. Lists of IN
 * that have no name in them become (?,?,?), whatever their length. SQLite's library does the same.
 *
 * Invariants
 *   NZ1  What is written is at most three times as long as the text, and NORMALIZE_MORE bytes. */
#include "sql/parse.h"

#include "sql/grammar.h"
#include "sql/lexer.h"

#include <string.h>

#define NORMALIZE_MORE 8U

typedef struct normalize_text {
    char *out;
    size_t size;
    const vl_sql_string *strings;
    int depth;      /* of parentheses */
    int list_depth; /* of the list of IN that has had no name so far; 0: none */
    size_t list;    /* where its parenthesis is in `out` */
    int before;     /* the token before */
} normalize_text;

static int
normalize_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$' || (unsigned char)c >= 0x80;
}

static void
normalize_put(normalize_text *text, char c)
{
    text->out[text->size++] = c;
}

/* Keep what comes now apart from what is there. */
static void
normalize_separate(normalize_text *text, char first)
{
    if (text->size > 0 && normalize_is_letter(first) &&
        normalize_is_letter(text->out[text->size - 1]))
        normalize_put(text, ' ');
}

/* A word, with its letters moved by `from` and `to` of the alphabet. */
static void
normalize_word(normalize_text *text, const char *word, size_t size, char from, char to)
{
    normalize_separate(text, word[0]);
    for (size_t i = 0; i < size; i++) {
        char c = word[i];

        if (c >= from && c <= from + ('z' - 'a'))
            c = (char)(c - from + to);
        normalize_put(text, c);
    }
}

/* Whether a name needs quotes: it would be another token, or several. */
static int
normalize_needs_quotes(const char *name, size_t size)
{
    vl_token token;

    return size == 0 || vl_lexer_token(name, name + size, &token) != VL_TK_ID ||
           token.size != size || !normalize_is_letter(name[0]);
}

/* Take a name out of its quotes, in place of the text behind what is written. Returns its size. */
static size_t
normalize_unquote(const vl_token *token, char *to)
{
    char quote = token->text[0] == '[' ? ']' : token->text[0];
    size_t size = 0;

    for (uint32_t i = 1; i + 1 < token->size; i++) {
        to[size++] = token->text[i];
        if (token->text[i] == quote)
            i++; /* it is there twice */
    }
    return size;
}

static int
normalize_is_string(const normalize_text *text, const char *name, size_t size)
{
    for (const vl_sql_string *at = text->strings; at != NULL; at = at->next)
        if (at->size == size && memcmp(at->text, name, size) == 0)
            return 1;
    return 0;
}

static void
normalize_literal(normalize_text *text)
{
    normalize_put(text, '?');
}

static void
normalize_name(normalize_text *text, const vl_token *token)
{
    char first = token->text[0];
    char *name;
    size_t size;

    if (first != '"' && first != '`' && first != '[') {
        text->list_depth = 0;
        normalize_word(text, token->text, token->size, 'A', 'a');
        return;
    }
    name = text->out + text->size + token->size; /* behind all that is written of it: NZ1 */
    size = normalize_unquote(token, name);
    if (first == '"' && normalize_is_string(text, name, size)) {
        normalize_literal(text);
        return;
    }
    text->list_depth = 0;
    if (!normalize_needs_quotes(name, size)) {
        normalize_word(text, name, size, 'A', 'a');
        return;
    }
    normalize_put(text, '"');
    for (size_t i = 0; i < size; i++) {
        char c = name[i];

        if (c == '"')
            normalize_put(text, c);
        normalize_put(text, c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c);
    }
    normalize_put(text, '"');
}

static void
normalize_parenthesis(normalize_text *text, int kind)
{
    normalize_put(text, kind == VL_TK_LP ? '(' : ')');
    if (kind == VL_TK_LP) {
        text->depth++;
        if (text->before == VL_TK_IN) {
            text->list_depth = text->depth;
            text->list = text->size;
        }
        return;
    }
    if (text->list_depth != 0 && text->list_depth == text->depth) {
        memcpy(text->out + text->list, "?,?,?)", 6);
        text->size = text->list + 6;
        text->list_depth = 0;
    }
    text->depth--;
}

static void
normalize_token(normalize_text *text, int kind, const vl_token *token)
{
    switch (kind) {
    case VL_TK_STRING:
    case VL_TK_BLOB:
    case VL_TK_INTEGER:
    case VL_TK_FLOAT:
    case VL_TK_VARIABLE:
        normalize_literal(text);
        break;
    case VL_TK_NULL:
        if (text->before == VL_TK_IS || text->before == VL_TK_NOT)
            normalize_word(text, token->text, token->size, 'a', 'A');
        else
            normalize_literal(text);
        break;
    case VL_TK_ID:
        normalize_name(text, token);
        break;
    case VL_TK_LP:
    case VL_TK_RP:
        normalize_parenthesis(text, kind);
        break;
    default:
        if (kind == VL_TK_SELECT)
            text->list_depth = 0;
        normalize_word(text, token->text, token->size, 'a', 'A');
        break;
    }
    text->before = kind;
}

size_t
vl_sql_normalize_room(size_t size)
{
    return 3 * size + NORMALIZE_MORE;
}

size_t
vl_sql_normalize(const char *sql, size_t size, const vl_sql_string *strings, char *out)
{
    normalize_text text = {.out = out, .strings = strings};
    const char *end = sql + size;
    const char *at = sql;
    vl_token token;
    int kind;

    while (at < end && (kind = vl_lexer_token(at, end, &token)) != VL_TK_FINISH) {
        at += token.size;
        if (kind == VL_TK_ILLEGAL) {
            out[0] = 0;
            return 0;
        }
        if (kind != VL_TK_SPACE && (kind != VL_TK_SEMI || text.size > 0))
            normalize_token(&text, kind, &token);
    }
    if (text.size > 0 && text.before != VL_TK_SEMI)
        normalize_put(&text, ';');
    out[text.size] = 0;
    return text.size;
}
