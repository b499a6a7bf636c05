/* parse_int.h - what the grammar, the builders of nodes and the driver share. Private to sql/.
 *
 * A builder that cannot go on records the error and returns NULL; the driver stops at the next
 * token. Until then the grammar's actions go on, so every builder accepts NULL nodes. */
#ifndef VL_SQL_PARSE_INT_H
#define VL_SQL_PARSE_INT_H

#include "sql/lexer.h"
#include "sql/parse.h"

#define VL_PARSE_BUCKET_COUNT 256

/* A named parameter. */
typedef struct vl_parse_name {
    struct vl_parse_name *next; /* in its bucket */
    vl_token token;             /* as first written */
    uint32_t number;            /* its number */
} vl_parse_name;

/* A parse that is going on. */
typedef struct vl_parser {
    vl_ctx *ctx;                   /* where errors go */
    vl_arena *arena;               /* where the tree goes */
    const char *sql;               /* the text */
    const vl_parse_limits *limits; /* for this parse */
    vl_ast *statement;             /* set when the statement is complete */
    vl_token last;                 /* the token that the grammar sees */
    velo_status status;            /* the failure that is told */
    int done;                      /* the statement is complete but for its semicolon */
    uint32_t variable_count;       /* highest number of a parameter */
    vl_parse_name **names;         /* buckets of named parameters; NULL until there is one */
} vl_parser;

/* Fail at a place, UINT32_MAX for that of the token at hand. The last failure stays, but none takes
 * the place of VELO_NOMEM. */
void vl_parser_fail(vl_parser *parser, velo_status code, uint32_t offset, const char *format, ...)
    VL_PRINTF(4, 5);

/* Fail with SQLite's words for a token that does not fit, or for a text that ends too early. */
void vl_parser_syntax_error(vl_parser *parser, vl_token token);

/* Make a node with these kids; missing ones are NULL. */
vl_ast *vl_node(vl_parser *parser, vl_ast_type type, unsigned count, vl_ast *const *kids);

/* The same with an operator. */
vl_ast *vl_node_op(vl_parser *parser, vl_ast_type type, int op, unsigned count,
                   vl_ast *const *kids);

/* Make a node whose text is the token as written. */
vl_ast *vl_node_raw(vl_parser *parser, vl_ast_type type, vl_token token);

/* Make a node whose text is the token without its quotes. */
vl_ast *vl_node_name(vl_parser *parser, vl_ast_type type, vl_token token);

/* Make a TYPE. The words GENERATED ALWAYS at its end, which only names in its place can tell from
 * the type, are left out; NULL when nothing else is there. */
vl_ast *vl_node_type(vl_parser *parser, vl_token token);

/* Make a BLOB of a token x'...'. */
vl_ast *vl_node_blob(vl_parser *parser, vl_token token);

/* Give a node the token without its quotes as text, or set one of its kids, flags or operators. */
vl_ast *vl_node_set_text(vl_parser *parser, vl_ast *node, vl_token token);
vl_ast *vl_node_set_kid(vl_ast *node, unsigned index, vl_ast *kid);
vl_ast *vl_node_set_flags(vl_ast *node, unsigned flags);
vl_ast *vl_node_set_ops(vl_ast *node, int op, int op2);

/* Give a call its FILTER and OVER, either may be NULL; refuses what SQLite refuses then. */
vl_ast *vl_node_over(vl_parser *parser, vl_ast *call, vl_ast *filter, vl_ast *over);

/* Check the bounds of a FRAME. */
vl_ast *vl_node_frame(vl_parser *parser, vl_ast *frame);

/* Give an expression its place in the text: from one token's begin to another's end. */
vl_ast *vl_node_span(vl_parser *parser, vl_ast *node, vl_token from, vl_token to);

/* The extent of a node as a token, empty for NULL. */
vl_token vl_node_token(const vl_parser *parser, const vl_ast *node);

/* From the begin of one token to the end of another. */
vl_token vl_token_join(vl_token from, vl_token to);

/* Add an element to a list, which is made when NULL. */
vl_ast *vl_list_add(vl_parser *parser, vl_ast *list, vl_ast *element);

/* Fail when a list has more elements than there may be columns. */
vl_ast *vl_list_check(vl_parser *parser, vl_ast *list, const char *what);

/* Fail when a table of CREATE TABLE has more columns than there may be. */
vl_ast *vl_table_check(vl_parser *parser, vl_ast *create);

/* A parameter, with its number. */
vl_ast *vl_node_parameter(vl_parser *parser, vl_token token);

/* Words that are no keywords of the grammar: which operator LIKE, GLOB and REGEXP are, a time,
 * and what the words of a join mean (three at most, empty when missing). */
int vl_word_like(vl_token token);
int vl_word_now(vl_token token);
int vl_word_join(vl_parser *parser, vl_token a, vl_token b, vl_token c);

/* The bit of a table option, WITHOUT ROWID with is_without. */
unsigned vl_word_table_option(vl_parser *parser, vl_token word, int is_without);

/* Add a compound's next SELECT, with its own order and limit, to those before it. */
vl_ast *vl_query_add(vl_parser *parser, vl_ast *query, int op, vl_ast *next);

/* The generated parser behind one face. */
size_t vl_grammar_size(void);
void vl_grammar_init(void *grammar, vl_parser *parser);
void vl_grammar_token(void *grammar, int kind, vl_token token);
int vl_grammar_fallback(int kind);
void vl_grammar_deinit(void *grammar);

#endif
