/* lexer.h - cuts SQL text into tokens. Private to sql/; the token numbers come from the grammar. */
#ifndef VL_SQL_LEXER_H
#define VL_SQL_LEXER_H

#include "base/platform.h"

/* A token: where it stands. */
typedef struct vl_token {
    const char *text; /* in the SQL text */
    uint32_t size;    /* bytes */
} vl_token;

/* Numbers beside those of the grammar, which begin at 1. End of text is 0. */
enum {
    VL_TK_FINISH = 0,
    VL_TK_SPACE = 1000,   /* white space, comments */
    VL_TK_ILLEGAL = 1001, /* what no token begins with, or does not end */
};

/* Cut the token at `at`, which is not behind `end`; reads no byte at or behind `end`. Nothing is
 * allocated. Returns its number and its extent; a 0 byte is the end of the text, and empty. */
int vl_lexer_token(const char *at, const char *end, vl_token *token);

#endif
