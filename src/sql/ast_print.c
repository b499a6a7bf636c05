/* ast_print.c - from a syntax tree back to SQL text.
 *
 * Invariants
 *   A1  What is printed parses to an equal tree, unless it takes more of the parser's stack than
 * there is: parentheses stand around each operand that is an operation, so no precedence is needed.
 *   A2  After memory ran out nothing more is written, and the one check is at the end.
 *   A3  Recursion is as deep as the tree, which vl_parse limits: by the height of expressions and,
 *       between them, by the parser's stack. */
#include "sql/ast_print.h"

#include "sql/grammar.h"
#include "sql/lexer.h"

#include <string.h>

#define PRINT_FIRST_SIZE 256

typedef struct printer {
    vl_arena *arena; /* where the text grows */
    char *text;      /* so far */
    size_t size;     /* bytes of it */
    size_t capacity; /* bytes there is room for */
    int failed;      /* memory ran out */
    int glue;        /* no space before what comes next */
    int dotted;      /* a dot of a name came last */
} printer;

static void print_node(printer *p, const vl_ast *node);

/* ---- text ---- */

static int
print_reserve(printer *p, size_t more)
{
    size_t capacity = p->capacity == 0 ? PRINT_FIRST_SIZE : p->capacity;
    char *text;

    if (p->failed)
        return 0;
    if (p->capacity - p->size >= more)
        return 1;
    while (capacity - p->size < more)
        capacity *= 2;
    text = vl_arena_alloc(p->arena, capacity);
    if (text == NULL) {
        p->failed = 1;
        return 0;
    }
    if (p->size > 0)
        memcpy(text, p->text, p->size);
    p->text = text;
    p->capacity = capacity;
    return 1;
}

static void
print_bytes(printer *p, const char *text, size_t size)
{
    if (size == 0 || !print_reserve(p, size + 1))
        return;
    memcpy(p->text + p->size, text, size);
    p->size += size;
}

/* Begin a piece: a space, unless brackets, commas or dots stand there. */
static void
print_gap(printer *p, int is_closing)
{
    char last = p->size > 0 ? p->text[p->size - 1] : '(';

    if (!p->glue && !is_closing && last != '(' && !p->dotted)
        print_bytes(p, " ", 1);
    p->glue = 0;
    p->dotted = 0;
}

static void
print_piece(printer *p, const char *text, size_t size)
{
    if (size == 0)
        return;
    print_gap(p, size == 1 && (text[0] == ')' || text[0] == ',' || text[0] == '.'));
    print_bytes(p, text, size);
    p->dotted = size == 1 && text[0] == '.';
}

static void
print_word(printer *p, const char *word)
{
    print_piece(p, word, strlen(word));
}

static void
print_op(printer *p, unsigned op)
{
    print_word(p, vl_ast_op_words((vl_ast_op)op));
}

static void
print_if(printer *p, const vl_ast *node, unsigned flag, const char *word)
{
    if ((node->flags & flag) != 0)
        print_word(p, word);
}

static void
print_quoted(printer *p, const char *text, size_t size, char quote)
{
    print_gap(p, 0);
    print_bytes(p, &quote, 1);
    for (size_t i = 0; i < size; i++) {
        if (text[i] == quote)
            print_bytes(p, &quote, 1);
        print_bytes(p, text + i, 1);
    }
    print_bytes(p, &quote, 1);
}

/* A name: as it is where it is a plain word to the lexer, else in the quotes that keep its sense.
 */
static void
print_name(printer *p, const vl_ast *node)
{
    vl_token token;

    if ((node->flags & VL_AST_DOUBLE_QUOTED) != 0)
        print_quoted(p, node->text, node->text_size, '"');
    else if ((node->flags & VL_AST_QUOTED) == 0 && node->text_size > 0 &&
             vl_lexer_token(node->text, node->text + node->text_size, &token) == VL_TK_ID &&
             token.size == node->text_size)
        print_piece(p, node->text, node->text_size);
    else
        print_quoted(p, node->text, node->text_size, '`');
}

/* ---- pieces that many nodes have ---- */

static void
print_elements(printer *p, const vl_ast *list)
{
    for (const vl_ast *at = vl_ast_first(list); at != NULL; at = at->next) {
        print_node(p, at);
        if (at->next != NULL)
            print_word(p, ",");
    }
}

static void
print_in_brackets(printer *p, const vl_ast *node)
{
    print_word(p, "(");
    print_node(p, node);
    print_word(p, ")");
}

/* A word and what belongs to it, if that is there. */
static void
print_clause(printer *p, const char *word, const vl_ast *node)
{
    if (node == NULL)
        return;
    print_word(p, word);
    print_node(p, node);
}

static void
print_list_in_brackets(printer *p, const vl_ast *list)
{
    if (list != NULL)
        print_in_brackets(p, list);
}

static void
print_operand(printer *p, const vl_ast *node)
{
    switch ((vl_ast_type)node->type) {
    case VL_AST_UNARY:
    case VL_AST_BINARY:
    case VL_AST_LIKE:
    case VL_AST_BETWEEN:
    case VL_AST_IN:
    case VL_AST_COLLATE:
        print_in_brackets(p, node);
        break;
    default: /* all others begin and end with a token of their own */
        print_node(p, node);
    }
}

static void
print_qname(printer *p, const vl_ast *node)
{
    if (node->kid[0] != NULL) {
        print_name(p, node->kid[0]);
        print_word(p, ".");
    }
    print_name(p, node);
}

static void
print_conflict(printer *p, const char *words, unsigned op)
{
    if (op == VL_OP_NONE)
        return;
    print_word(p, words);
    print_op(p, op);
}

static void
print_limit(printer *p, const vl_ast *const *order)
{
    print_clause(p, "ORDER BY", order[0]);
    print_clause(p, "LIMIT", order[1]);
    print_clause(p, "OFFSET", order[2]);
}

/* ---- expressions ---- */

static void
print_column(printer *p, const vl_ast *node)
{
    for (unsigned i = 2; i-- > 0;)
        if (node->kid[i] != NULL) {
            print_name(p, node->kid[i]);
            print_word(p, ".");
        }
    print_name(p, node);
}

static void
print_unary(printer *p, const vl_ast *node)
{
    int is_postfix = node->op == VL_OP_ISNULL || node->op == VL_OP_NOTNULL;

    if (!is_postfix)
        print_op(p, node->op);
    print_operand(p, node->kid[0]);
    if (is_postfix)
        print_op(p, node->op);
}

static void
print_like(printer *p, const vl_ast *node)
{
    print_operand(p, node->kid[0]);
    print_if(p, node, VL_AST_IS_NOT, "NOT");
    print_op(p, node->op);
    print_operand(p, node->kid[1]);
    if (node->kid[2] != NULL) {
        print_word(p, "ESCAPE");
        print_operand(p, node->kid[2]);
    }
}

static void
print_between(printer *p, const vl_ast *node)
{
    print_operand(p, node->kid[0]);
    print_if(p, node, VL_AST_IS_NOT, "NOT");
    print_word(p, "BETWEEN");
    print_operand(p, node->kid[1]);
    print_word(p, "AND");
    print_operand(p, node->kid[2]);
}

static void
print_in(printer *p, const vl_ast *node)
{
    print_operand(p, node->kid[0]);
    print_if(p, node, VL_AST_IS_NOT, "NOT");
    print_word(p, "IN");
    if (node->kid[1]->type == VL_AST_SOURCE)
        print_node(p, node->kid[1]);
    else
        print_in_brackets(p, node->kid[1]);
}

static void
print_case(printer *p, const vl_ast *node)
{
    print_word(p, "CASE");
    if (node->kid[0] != NULL)
        print_operand(p, node->kid[0]);
    for (const vl_ast *at = vl_ast_first(node->kid[1]); at != NULL; at = at->next) {
        print_clause(p, "WHEN", at->kid[0]);
        print_clause(p, "THEN", at->kid[1]);
    }
    print_clause(p, "ELSE", node->kid[2]);
    print_word(p, "END");
}

static void
print_function(printer *p, const vl_ast *node)
{
    print_name(p, node);
    p->glue = 1;
    print_word(p, "(");
    print_if(p, node, VL_AST_HAS_STAR, "*");
    print_if(p, node, VL_AST_DISTINCT, "DISTINCT");
    print_if(p, node, VL_AST_ALL, "ALL");
    print_elements(p, node->kid[0]);
    print_clause(p, "ORDER BY", node->kid[1]);
    print_word(p, ")");
    if (node->kid[2] != NULL) {
        print_word(p, "FILTER");
        print_word(p, "(");
        print_clause(p, "WHERE", node->kid[2]);
        print_word(p, ")");
    }
    if (node->kid[3] != NULL) {
        print_word(p, "OVER");
        if (node->kid[3]->type == VL_AST_NAME)
            print_name(p, node->kid[3]);
        else
            print_in_brackets(p, node->kid[3]);
    }
}

static void
print_raise(printer *p, const vl_ast *node)
{
    print_word(p, "RAISE");
    print_word(p, "(");
    print_op(p, node->op);
    print_clause(p, ",", node->kid[0]);
    print_word(p, ")");
}

static void
print_cast(printer *p, const vl_ast *node)
{
    print_word(p, "CAST");
    print_word(p, "(");
    print_node(p, node->kid[0]);
    print_word(p, "AS");
    if (node->kid[1] != NULL)
        print_node(p, node->kid[1]);
    print_word(p, ")");
}

static void
print_star(printer *p, const vl_ast *node)
{
    if (node->kid[0] != NULL) {
        print_name(p, node->kid[0]);
        print_word(p, ".");
    }
    print_word(p, "*");
}

/* ---- queries ---- */

static void
print_term(printer *p, const vl_ast *node)
{
    print_node(p, node->kid[0]);
    print_if(p, node, VL_AST_ASC, "ASC");
    print_if(p, node, VL_AST_DESC, "DESC");
    print_if(p, node, VL_AST_NULLS_FIRST, "NULLS FIRST");
    print_if(p, node, VL_AST_NULLS_LAST, "NULLS LAST");
}

static void
print_query(printer *p, const vl_ast *node)
{
    if (node->kid[0] != NULL)
        print_node(p, node->kid[0]);
    for (const vl_ast *at = vl_ast_first(node->kid[1]); at != NULL; at = at->next)
        print_node(p, at);
    print_limit(p, (const vl_ast *const *)&node->kid[2]);
}

static void
print_windows(printer *p, const vl_ast *list)
{
    if (list != NULL)
        print_word(p, "WINDOW");
    for (const vl_ast *at = vl_ast_first(list); at != NULL; at = at->next) {
        print_name(p, at->kid[3]);
        print_word(p, "AS");
        print_in_brackets(p, at);
        if (at->next != NULL)
            print_word(p, ",");
    }
}

static void
print_select(printer *p, const vl_ast *node)
{
    print_op(p, node->op);
    print_word(p, "SELECT");
    print_if(p, node, VL_AST_DISTINCT, "DISTINCT");
    print_if(p, node, VL_AST_ALL, "ALL");
    print_elements(p, node->kid[0]);
    print_clause(p, "FROM", node->kid[1]);
    print_clause(p, "WHERE", node->kid[2]);
    print_clause(p, "GROUP BY", node->kid[3]);
    print_clause(p, "HAVING", node->kid[4]);
    print_windows(p, node->kid[5]);
}

static void
print_cte(printer *p, const vl_ast *node)
{
    print_name(p, node);
    print_list_in_brackets(p, node->kid[0]);
    print_word(p, "AS");
    print_if(p, node, VL_AST_MATERIALIZED, "MATERIALIZED");
    print_if(p, node, VL_AST_NOT_MATERIALIZED, "NOT MATERIALIZED");
    print_in_brackets(p, node->kid[1]);
}

static void
print_join(printer *p, unsigned bits)
{
    if ((bits & VL_JOIN_NATURAL) != 0)
        print_word(p, "NATURAL");
    if ((bits & VL_JOIN_CROSS) != 0)
        print_word(p, "CROSS");
    if ((bits & VL_JOIN_LEFT) != 0)
        print_word(p, (bits & VL_JOIN_RIGHT) != 0 ? "FULL" : "LEFT");
    else if ((bits & VL_JOIN_RIGHT) != 0)
        print_word(p, "RIGHT");
    print_word(p, "JOIN");
}

static void
print_source(printer *p, const vl_ast *node)
{
    if (node->kid[0]->type == VL_AST_QNAME)
        print_qname(p, node->kid[0]);
    else
        print_in_brackets(p, node->kid[0]);
    if ((node->flags & VL_AST_CALL) != 0) {
        p->glue = 1;
        print_word(p, "(");
        print_elements(p, node->kid[1]);
        print_word(p, ")");
    }
    print_clause(p, "AS", node->kid[2]);
    print_clause(p, "INDEXED BY", node->kid[5]);
    print_if(p, node, VL_AST_NOT_INDEXED, "NOT INDEXED");
    print_clause(p, "ON", node->kid[3]);
    if (node->kid[4] != NULL) {
        print_word(p, "USING");
        print_in_brackets(p, node->kid[4]);
    }
}

/* A list: with commas, except joins. */
static void
print_list(printer *p, const vl_ast *list)
{
    for (const vl_ast *at = vl_ast_first(list); at != NULL; at = at->next) {
        if (at->type == VL_AST_SOURCE && at->op2 != 0)
            print_join(p, at->op2);
        else if (at != list->kid[0])
            print_word(p, ",");
        print_node(p, at);
    }
}

static void
print_window(printer *p, const vl_ast *node)
{
    if (node->text != NULL)
        print_name(p, node);
    print_clause(p, "PARTITION BY", node->kid[0]);
    print_clause(p, "ORDER BY", node->kid[1]);
    if (node->kid[2] != NULL)
        print_node(p, node->kid[2]);
}

static void
print_bound(printer *p, const vl_ast *node)
{
    if (node->kid[0] != NULL)
        print_operand(p, node->kid[0]);
    print_op(p, node->op);
}

static void
print_frame(printer *p, const vl_ast *node)
{
    print_op(p, node->op);
    if (node->kid[1] != NULL)
        print_word(p, "BETWEEN");
    print_bound(p, node->kid[0]);
    print_clause(p, "AND", node->kid[1]);
    print_conflict(p, "EXCLUDE", node->op2);
}

/* ---- definitions ---- */

static void
print_defer(printer *p, const vl_ast *node)
{
    print_if(p, node, VL_AST_NOT_DEFERRABLE, "NOT DEFERRABLE");
    print_if(p, node, VL_AST_DEFERRABLE, "DEFERRABLE");
    print_if(p, node, VL_AST_INIT_DEFERRED, "INITIALLY DEFERRED");
    print_if(p, node, VL_AST_INIT_IMMEDIATE, "INITIALLY IMMEDIATE");
}

static void
print_references(printer *p, const vl_ast *node)
{
    print_word(p, "REFERENCES");
    print_name(p, node);
    print_list_in_brackets(p, node->kid[0]);
    print_conflict(p, "ON DELETE", node->op);
    print_conflict(p, "ON UPDATE", node->op2);
}

/* What stands in a constraint's parentheses. */
static void
print_constraint_body(printer *p, const vl_ast *node)
{
    const vl_ast *body = node->kid[0];
    int is_bare = node->op == VL_OP_DEFAULT && (node->flags & VL_AST_CALL) == 0;

    if (body == NULL)
        return;
    if (is_bare) {
        print_node(p, body);
        return;
    }
    print_word(p, "(");
    print_node(p, body);
    if (body->type == VL_AST_LIST)
        print_if(p, node, VL_AST_AUTOINCREMENT, "AUTOINCREMENT");
    print_word(p, ")");
}

static void
print_constraint(printer *p, const vl_ast *node)
{
    if (node->op != VL_OP_REFERENCES)
        print_op(p, node->op);
    print_constraint_body(p, node);
    if (node->text != NULL)
        print_name(p, node);
    print_if(p, node, VL_AST_ASC, "ASC");
    print_if(p, node, VL_AST_DESC, "DESC");
    print_conflict(p, "ON CONFLICT", node->op2);
    if (node->kid[0] == NULL)
        print_if(p, node, VL_AST_AUTOINCREMENT, "AUTOINCREMENT");
    if (node->kid[1] != NULL)
        print_references(p, node->kid[1]);
    print_defer(p, node);
}

static void
print_column_def(printer *p, const vl_ast *node)
{
    print_name(p, node);
    if (node->kid[0] != NULL)
        print_node(p, node->kid[0]);
    for (const vl_ast *at = vl_ast_first(node->kid[1]); at != NULL; at = at->next)
        print_node(p, at);
}

/* A table's constraints need no commas between them, and none behind a CONSTRAINT's name. */
static void
print_table_constraints(printer *p, const vl_ast *list)
{
    int is_after_name = 0;

    for (const vl_ast *at = vl_ast_first(list); at != NULL; at = at->next) {
        if (!is_after_name)
            print_word(p, ",");
        print_node(p, at);
        is_after_name = at->op == VL_OP_CONSTRAINT_NAME;
    }
}

static void
print_create(printer *p, const vl_ast *node, const char *what)
{
    print_word(p, "CREATE");
    print_if(p, node, VL_AST_TEMP, "TEMP");
    print_if(p, node, VL_AST_IS_UNIQUE, "UNIQUE");
    print_word(p, what);
    print_if(p, node, VL_AST_IF_EXISTS, "IF NOT EXISTS");
    print_qname(p, node->kid[0]);
}

static void
print_create_table(printer *p, const vl_ast *node)
{
    print_create(p, node, "TABLE");
    if (node->kid[3] != NULL) {
        print_clause(p, "AS", node->kid[3]);
        return;
    }
    print_word(p, "(");
    print_elements(p, node->kid[1]);
    print_table_constraints(p, node->kid[2]);
    print_word(p, ")");
    print_if(p, node, VL_AST_STRICT, "STRICT");
    if ((node->flags & VL_AST_STRICT) != 0)
        print_if(p, node, VL_AST_WITHOUT_ROWID, ",");
    print_if(p, node, VL_AST_WITHOUT_ROWID, "WITHOUT ROWID");
}

static void
print_create_index(printer *p, const vl_ast *node)
{
    print_create(p, node, "INDEX");
    print_clause(p, "ON", node->kid[1]);
    print_in_brackets(p, node->kid[2]);
    print_clause(p, "WHERE", node->kid[3]);
}

static void
print_create_view(printer *p, const vl_ast *node)
{
    print_create(p, node, "VIEW");
    print_list_in_brackets(p, node->kid[1]);
    print_clause(p, "AS", node->kid[2]);
}

static void
print_create_virtual(printer *p, const vl_ast *node)
{
    print_create(p, node, "VIRTUAL TABLE");
    print_word(p, "USING");
    print_name(p, node);
    if ((node->flags & VL_AST_CALL) != 0)
        print_in_brackets(p, node->kid[1]);
}

static void
print_create_trigger(printer *p, const vl_ast *node)
{
    print_create(p, node, "TRIGGER");
    print_op(p, node->op);
    print_op(p, node->op2);
    print_clause(p, "OF", node->kid[2]);
    print_clause(p, "ON", node->kid[1]);
    print_if(p, node, VL_AST_EACH_ROW, "FOR EACH ROW");
    print_clause(p, "WHEN", node->kid[3]);
    print_word(p, "BEGIN");
    for (const vl_ast *at = vl_ast_first(node->kid[4]); at != NULL; at = at->next) {
        print_node(p, at);
        print_word(p, ";");
    }
    print_word(p, "END");
}

static void
print_alter(printer *p, const vl_ast *node)
{
    int is_not_null = node->op == VL_OP_SET_NOT_NULL || node->op == VL_OP_DROP_NOT_NULL;

    print_word(p, "ALTER TABLE");
    print_qname(p, node->kid[0]);
    if (is_not_null)
        print_clause(p, "ALTER COLUMN", node->kid[1]);
    print_op(p, node->op);
    if (node->op == VL_OP_ADD_CONSTRAINT)
        print_clause(p, "CONSTRAINT", node->kid[2]);
    if (!is_not_null)
        print_node(p, node->kid[1]);
    if (node->op == VL_OP_RENAME_COLUMN)
        print_clause(p, "TO", node->kid[2]);
    print_conflict(p, "ON CONFLICT", node->op2);
}

/* ---- changes ---- */

static void
print_upserts(printer *p, const vl_ast *list)
{
    for (const vl_ast *at = vl_ast_first(list); at != NULL; at = at->next) {
        print_word(p, "ON CONFLICT");
        print_list_in_brackets(p, at->kid[0]);
        print_clause(p, "WHERE", at->kid[1]);
        print_word(p, at->kid[2] != NULL ? "DO UPDATE" : "DO NOTHING");
        print_clause(p, "SET", at->kid[2]);
        print_clause(p, "WHERE", at->kid[3]);
    }
}

static void
print_insert(printer *p, const vl_ast *node)
{
    if (node->kid[0] != NULL)
        print_node(p, node->kid[0]);
    print_word(p, "INSERT");
    print_conflict(p, "OR", node->op2);
    print_clause(p, "INTO", node->kid[1]);
    print_clause(p, "AS", node->kid[2]);
    print_list_in_brackets(p, node->kid[3]);
    if (node->kid[4] != NULL)
        print_node(p, node->kid[4]);
    else
        print_word(p, "DEFAULT VALUES");
    print_upserts(p, node->kid[5]);
    print_clause(p, "RETURNING", node->kid[6]);
}

static void
print_update(printer *p, const vl_ast *node)
{
    if (node->kid[0] != NULL)
        print_node(p, node->kid[0]);
    print_word(p, "UPDATE");
    print_conflict(p, "OR", node->op2);
    print_node(p, node->kid[1]);
    print_clause(p, "SET", node->kid[2]);
    print_clause(p, "FROM", node->kid[3]);
    print_clause(p, "WHERE", node->kid[4]);
    print_clause(p, "RETURNING", node->kid[5]);
    print_limit(p, (const vl_ast *const *)&node->kid[6]);
}

static void
print_delete(printer *p, const vl_ast *node)
{
    if (node->kid[0] != NULL)
        print_node(p, node->kid[0]);
    print_clause(p, "DELETE FROM", node->kid[1]);
    print_clause(p, "WHERE", node->kid[2]);
    print_clause(p, "RETURNING", node->kid[3]);
    print_limit(p, (const vl_ast *const *)&node->kid[4]);
}

static void
print_set(printer *p, const vl_ast *node)
{
    if (node->kid[0] != NULL)
        print_in_brackets(p, node->kid[0]);
    else
        print_name(p, node);
    print_clause(p, "=", node->kid[1]);
}

/* ---- the rest ---- */

static void
print_named(printer *p, const char *words, const vl_ast *node)
{
    print_word(p, words);
    if (node->text != NULL)
        print_name(p, node);
}

static void
print_pragma(printer *p, const vl_ast *node)
{
    print_word(p, "PRAGMA");
    print_qname(p, node->kid[0]);
    if ((node->flags & VL_AST_CALL) != 0)
        print_in_brackets(p, node->kid[1]);
    else
        print_clause(p, "=", node->kid[1]);
}

static void
print_drop(printer *p, const vl_ast *node)
{
    print_word(p, "DROP");
    print_op(p, node->op);
    print_if(p, node, VL_AST_IF_EXISTS, "IF EXISTS");
    print_qname(p, node->kid[0]);
}

static void
print_words_and_kid(printer *p, const char *words, const vl_ast *kid)
{
    print_word(p, words);
    if (kid != NULL)
        print_node(p, kid);
}

static void
print_attach(printer *p, const vl_ast *node)
{
    print_clause(p, "ATTACH", node->kid[0]);
    print_clause(p, "AS", node->kid[1]);
    print_clause(p, "KEY", node->kid[2]);
}

/* A literal, or another node that is all text. */
static void
print_leaf(printer *p, const vl_ast *node)
{
    if (node->type == VL_AST_STRING) {
        print_quoted(p, node->text, node->text_size, '\'');
    } else if (node->type == VL_AST_BLOB) {
        print_word(p, "x'");
        print_bytes(p, node->text, node->text_size);
        print_bytes(p, "'", 1);
    } else {
        print_piece(p, node->text, node->text_size);
    }
}

/* check_tree: table, each type of node has its printer */
static void
print_expression(printer *p, const vl_ast *node)
{
    switch (node->type) {
    case VL_AST_NULL:
        print_word(p, "NULL");
        break;
    case VL_AST_NOW:
        print_op(p, node->op);
        break;
    case VL_AST_COLUMN:
        print_column(p, node);
        break;
    case VL_AST_STAR:
        print_star(p, node);
        break;
    case VL_AST_UNARY:
        print_unary(p, node);
        break;
    case VL_AST_BINARY:
        print_operand(p, node->kid[0]);
        print_op(p, node->op);
        print_operand(p, node->kid[1]);
        break;
    case VL_AST_LIKE:
        print_like(p, node);
        break;
    case VL_AST_BETWEEN:
        print_between(p, node);
        break;
    case VL_AST_IN:
        print_in(p, node);
        break;
    case VL_AST_CASE:
        print_case(p, node);
        break;
    case VL_AST_CAST:
        print_cast(p, node);
        break;
    case VL_AST_COLLATE:
        print_operand(p, node->kid[0]);
        print_named(p, "COLLATE", node);
        break;
    case VL_AST_FUNCTION:
        print_function(p, node);
        break;
    case VL_AST_EXISTS:
        print_word(p, "EXISTS");
        print_in_brackets(p, node->kid[0]);
        break;
    case VL_AST_SUBQUERY:
    case VL_AST_ROW:
        print_in_brackets(p, node->kid[0]);
        break;
    case VL_AST_RAISE:
        print_raise(p, node);
        break;
    default: /* INTEGER, REAL, STRING, BLOB, PARAM */
        print_leaf(p, node);
    }
}

/* check_tree: table, each type of node has its printer */
static void
print_part(printer *p, const vl_ast *node)
{
    switch (node->type) {
    case VL_AST_LIST:
        print_list(p, node);
        break;
    case VL_AST_NAME:
        print_name(p, node);
        break;
    case VL_AST_QNAME:
        print_qname(p, node);
        break;
    case VL_AST_WHEN:
        print_clause(p, "WHEN", node->kid[0]);
        print_clause(p, "THEN", node->kid[1]);
        break;
    case VL_AST_TERM:
        print_term(p, node);
        break;
    case VL_AST_RESULT:
        print_node(p, node->kid[0]);
        print_clause(p, "AS", node->kid[1]);
        break;
    case VL_AST_QUERY:
        print_query(p, node);
        break;
    case VL_AST_SELECT:
        print_select(p, node);
        break;
    case VL_AST_VALUES:
        print_op(p, node->op);
        print_clause(p, "VALUES", node->kid[0]);
        break;
    case VL_AST_WITH:
        print_word(p, "WITH");
        print_if(p, node, VL_AST_RECURSIVE, "RECURSIVE");
        print_elements(p, node->kid[0]);
        break;
    case VL_AST_CTE:
        print_cte(p, node);
        break;
    case VL_AST_SOURCE:
        print_source(p, node);
        break;
    case VL_AST_WINDOW:
        print_window(p, node);
        break;
    case VL_AST_FRAME:
        print_frame(p, node);
        break;
    case VL_AST_BOUND:
        print_bound(p, node);
        break;
    case VL_AST_COLUMN_DEF:
        print_column_def(p, node);
        break;
    case VL_AST_CONSTRAINT:
        print_constraint(p, node);
        break;
    case VL_AST_REFERENCES:
        print_references(p, node);
        break;
    case VL_AST_UPSERT:
        print_upserts(p, node);
        break;
    case VL_AST_SET:
        print_set(p, node);
        break;
    default: /* TYPE, RAW */
        print_leaf(p, node);
    }
}

/* check_tree: table, each type of node has its printer */
static void
print_statement(printer *p, const vl_ast *node)
{
    switch (node->type) {
    case VL_AST_CREATE_TABLE:
        print_create_table(p, node);
        break;
    case VL_AST_CREATE_INDEX:
        print_create_index(p, node);
        break;
    case VL_AST_CREATE_VIEW:
        print_create_view(p, node);
        break;
    case VL_AST_CREATE_TRIGGER:
        print_create_trigger(p, node);
        break;
    case VL_AST_CREATE_VIRTUAL:
        print_create_virtual(p, node);
        break;
    case VL_AST_DROP:
        print_drop(p, node);
        break;
    case VL_AST_ALTER:
        print_alter(p, node);
        break;
    case VL_AST_INSERT:
        print_insert(p, node);
        break;
    case VL_AST_UPDATE:
        print_update(p, node);
        break;
    case VL_AST_DELETE:
        print_delete(p, node);
        break;
    case VL_AST_BEGIN:
        print_word(p, "BEGIN");
        print_op(p, node->op);
        break;
    case VL_AST_COMMIT:
        print_word(p, "COMMIT");
        break;
    case VL_AST_ROLLBACK:
        print_named(p, node->text != NULL ? "ROLLBACK TO" : "ROLLBACK", node);
        break;
    case VL_AST_SAVEPOINT:
        print_named(p, "SAVEPOINT", node);
        break;
    case VL_AST_RELEASE:
        print_named(p, "RELEASE", node);
        break;
    case VL_AST_PRAGMA:
        print_pragma(p, node);
        break;
    case VL_AST_EXPLAIN:
        print_word(p, "EXPLAIN");
        print_if(p, node, VL_AST_QUERY_PLAN, "QUERY PLAN");
        print_if(p, node, VL_AST_RUN, "ANALYZE");
        print_node(p, node->kid[0]);
        break;
    case VL_AST_ANALYZE:
        print_words_and_kid(p, "ANALYZE", node->kid[0]);
        break;
    case VL_AST_REINDEX:
        print_words_and_kid(p, "REINDEX", node->kid[0]);
        break;
    case VL_AST_VACUUM:
        print_words_and_kid(p, "VACUUM", node->kid[0]);
        print_clause(p, "INTO", node->kid[1]);
        break;
    case VL_AST_ATTACH:
        print_attach(p, node);
        break;
    case VL_AST_DETACH:
        print_clause(p, "DETACH", node->kid[0]);
        break;
    default:
        print_part(p, node);
    }
}

static void
print_node(printer *p, const vl_ast *node)
{
    if (p->failed)
        return;
    if (vl_ast_is_expression((vl_ast_type)node->type))
        print_expression(p, node);
    else
        print_statement(p, node);
}

velo_status
vl_ast_print(vl_ctx *ctx, const vl_ast *node, vl_arena *arena, const char **text, size_t *size)
{
    printer p = {.arena = arena};

    *text = NULL;
    if (size != NULL)
        *size = 0;
    if (node != NULL)
        print_node(&p, node);
    if (!print_reserve(&p, 1))
        return vl_fail(ctx, VELO_NOMEM, "out of memory");
    p.text[p.size] = '\0';
    *text = p.text;
    if (size != NULL)
        *size = p.size;
    return VELO_OK;
}
