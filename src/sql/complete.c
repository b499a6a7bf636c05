/* complete.c - whether a text ends with a complete statement, for those who read SQL line by line.
 */
#include "sql/parse.h"

#include "sql/grammar.h"
#include "sql/lexer.h"

typedef enum complete_state {
    COMPLETE_NOTHING, /* no token yet */
    COMPLETE_YES,     /* behind the semicolon that ends a statement */
    COMPLETE_NORMAL,  /* in a statement */
    COMPLETE_EXPLAIN, /* behind EXPLAIN: a CREATE may come */
    COMPLETE_CREATE,  /* behind CREATE [TEMP]: TRIGGER may come */
    COMPLETE_TRIGGER, /* in a trigger */
    COMPLETE_SEMI,    /* in a trigger, behind a semicolon */
    COMPLETE_END,     /* in a trigger, behind a semicolon and END */
} complete_state;

static complete_state
complete_begin(int kind)
{
    if (kind == VL_TK_SEMI)
        return COMPLETE_YES;
    if (kind == VL_TK_EXPLAIN)
        return COMPLETE_EXPLAIN;
    return kind == VL_TK_CREATE ? COMPLETE_CREATE : COMPLETE_NORMAL;
}

static complete_state
complete_next(complete_state state, int kind)
{
    int is_semi = kind == VL_TK_SEMI;

    switch (state) {
    case COMPLETE_NOTHING:
    case COMPLETE_YES:
        return complete_begin(kind);
    case COMPLETE_NORMAL:
        return is_semi ? COMPLETE_YES : COMPLETE_NORMAL;
    case COMPLETE_EXPLAIN:
        if (kind == VL_TK_ID || kind == VL_TK_QUERY || kind == VL_TK_PLAN)
            return COMPLETE_EXPLAIN;
        return kind == VL_TK_EXPLAIN ? COMPLETE_NORMAL : complete_begin(kind);
    case COMPLETE_CREATE:
        if (kind == VL_TK_TEMP)
            return COMPLETE_CREATE;
        if (kind == VL_TK_TRIGGER)
            return COMPLETE_TRIGGER;
        return is_semi ? COMPLETE_YES : COMPLETE_NORMAL;
    case COMPLETE_TRIGGER:
        return is_semi ? COMPLETE_SEMI : COMPLETE_TRIGGER;
    case COMPLETE_SEMI:
        if (is_semi)
            return COMPLETE_SEMI;
        return kind == VL_TK_END ? COMPLETE_END : COMPLETE_TRIGGER;
    case COMPLETE_END:
        return is_semi ? COMPLETE_YES : COMPLETE_TRIGGER;
    }
    return COMPLETE_NORMAL;
}

/* Whether a token that is none, or a comment, is one that was not closed. */
static int
complete_is_open(int kind, vl_token token)
{
    char first = token.text[0];
    char last = token.text[token.size - 1];

    if (kind == VL_TK_SPACE)
        return first == '/' && (token.size < 4 || last != '/' || token.text[token.size - 2] != '*');
    if (kind != VL_TK_ILLEGAL)
        return 0;
    if (first == 'x' || first == 'X')
        return token.size == 2 || last != '\'';
    return first == '"' || first == '\'' || first == '`' || first == '[';
}

int
vl_sql_is_complete(const char *sql, size_t size)
{
    complete_state state = COMPLETE_NOTHING;
    const char *at = sql;
    vl_token token;
    int kind;

    while ((kind = vl_lexer_token(at, sql + size, &token)) != VL_TK_FINISH) {
        at = token.text + token.size;
        if (complete_is_open(kind, token))
            return 0;
        if (kind != VL_TK_SPACE)
            state = complete_next(state, kind);
    }
    return state == COMPLETE_YES;
}
