/* parse.h - from SQL text to a syntax tree, one statement at a time.
 *
 * Accepts SQLite's language (src/sql/README.md has the edges) and fails in SQLite's words. */
#ifndef VL_SQL_PARSE_H
#define VL_SQL_PARSE_H

#include "base/ctx.h"
#include "sql/ast.h"

/* What a statement may have at most. */
typedef struct vl_parse_limits {
    uint32_t sql_size;         /* bytes of text, at most 1,000,000,000 */
    uint32_t expression_depth; /* height of an expression's tree, up to 1000: walkers recurse */
    uint32_t column_count;     /* result columns, columns of a table or index, SETs */
    uint32_t compound_count;   /* SELECTs in a compound; not the rows of VALUES */
    uint32_t variable_number;  /* highest number of a parameter */
} vl_parse_limits;

/* SQLite's: 1,000,000,000 bytes, depth 1000, 2000 columns, 500 SELECTs, parameter 32766. */
extern const vl_parse_limits vl_parse_default_limits;

/* The most symbols that wait on the parser's stack; beyond, "parser stack overflow". Bounds, with
 * the depth of expressions, how deep any tree is. */
#define VL_PARSE_STACK_MAX 2500

typedef struct vl_parse_result {
    vl_ast *statement;       /* NULL when the text has only spaces, comments and semicolons */
    size_t tail;             /* offset of what follows the statement and its semicolon */
    uint32_t variable_count; /* highest number of a parameter, 0 for none */
} vl_parse_result;

/* Parse the first statement of sql. A 0 byte ends the text as size does.
 *
 * sql     borrowed; the tree points into it
 * limits  NULL for the defaults
 * arena   where the tree goes; on failure what was allocated stays there until it is reset
 * result  zeroed on failure, but for tail, where parsing ended
 * errors  VELO_ERROR (syntax: SQLite's words, ctx's error.sql_offset says where), VELO_TOOBIG,
 *         VELO_NOMEM */
velo_status vl_parse(vl_ctx *ctx, const char *sql, size_t size, const vl_parse_limits *limits,
                     vl_arena *arena, vl_parse_result *result) VL_MUST_CHECK;

/* Whether the text ends with a complete statement, as sqlite3_complete tells: a semicolon outside
 * literals, comments and the body of a CREATE TRIGGER. Needs no memory and knows no grammar. */
int vl_sql_is_complete(const char *sql, size_t size);

/* A text in double quotes that a statement means as a string, since no column has its name. */
typedef struct vl_sql_string {
    const struct vl_sql_string *next;
    const char *text; /* without quotes */
    uint32_t size;    /* bytes of it */
} vl_sql_string;

/* Write a statement's text in the form that sqlite3_normalized_sql gives: without literals, spaces
 * and comments.
 *
 * strings  what is in double quotes and no name; NULL: none
 * out      room for vl_sql_normalize_room(size) bytes; ends with a zero byte. Empty when the text
 *          has no token, or one that SQL does not know
 *
 * Returns the bytes before the zero. */
size_t vl_sql_normalize(const char *sql, size_t size, const vl_sql_string *strings, char *out);
size_t vl_sql_normalize_room(size_t size);

#endif
