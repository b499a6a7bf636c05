/* split.h - gathering the lines of input into statements.
 *
 * Start with {0}. Lines are added until they end with the semicolon that ends a statement; then
 * `sql` holds one or more whole statements. Semicolons in texts, names, comments and in the body of
 * CREATE TRIGGER end nothing. */
#ifndef VELO_SHELL_SPLIT_H
#define VELO_SHELL_SPLIT_H

#include "text.h"

#include <stdint.h>

/* Where the text at hand stands. */
typedef enum split_place {
    SPLIT_PLAIN,         /* between tokens */
    SPLIT_WORD,          /* in a word */
    SPLIT_TEXT,          /* in '...' */
    SPLIT_NAME,          /* in "..." */
    SPLIT_BACKTICK,      /* in `...` */
    SPLIT_BRACKET,       /* in [...] */
    SPLIT_LINE_COMMENT,  /* behind -- */
    SPLIT_BLOCK_COMMENT, /* behind the opening of a comment */
} split_place;

/* What of a statement has been seen, as far as CREATE TRIGGER is concerned. */
typedef enum split_progress {
    SPLIT_BEGIN,        /* nothing */
    SPLIT_EXPLAIN,      /* EXPLAIN, perhaps QUERY PLAN */
    SPLIT_CREATE,       /* CREATE, perhaps TEMP */
    SPLIT_OTHER,        /* anything that a semicolon ends */
    SPLIT_TRIGGER,      /* CREATE TRIGGER ... */
    SPLIT_TRIGGER_SEMI, /* ... ; */
    SPLIT_TRIGGER_END,  /* ... ; END */
} split_progress;

typedef struct split {
    text sql;                /* the lines so far, each with its line end */
    uint64_t first_line;     /* of these: the number given for it */
    split_place place;       /* at the end of sql */
    split_progress progress; /* at the end of sql */
    char word[12];           /* of the word at the end of sql: its first bytes, in capitals */
    size_t word_size;        /* of it; more than fits when it is longer */
} split;

/* Add a line without its line end. Returns 1 when whole statements are there. A line with nothing
 * but spaces and comments before any statement is dropped. */
int split_add_line(split *to, const char *line, size_t size, uint64_t number);

/* Whether no statement has begun. */
int split_is_empty(const split *of);

/* Begin anew, keeping memory; give memory back. */
void split_clear(split *of);
void split_free(split *of);

/* Split a line with a dot command into its words, in place: separated by spaces, or in quotes;
 * backslashes mean what they mean in C, but not inside of '...'. Returns how many; those beyond
 * `max` are dropped. */
size_t split_words(char *line, char **words, size_t max);

#endif
