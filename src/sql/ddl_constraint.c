/* ddl_constraint.c - ALTER TABLE: ADD and DROP CONSTRAINT, SET and DROP NOT NULL.
 *
 * The columns stay as they are, so only the text of the table changes, between tokens (DA2), and
 * the schema is made anew of it.
 *
 * Invariants
 *   DN1  What is taken out ends where the grammar ends a NOT NULL or CHECK, so that a name in front
 *        of another constraint goes alone and nothing else does. */
#include "base/assert.h"
#include "sql/ddl_int.h"
#include "sql/grammar.h"

#include <string.h>

/* The definitions of a table, token by token: what is in parentheses is one token. */
typedef struct constraint_scan {
    const char *sql; /* the text of the table */
    const char *at;  /* behind the token */
    const char *end; /* of the text */
    vl_token token;  /* the token at hand */
    vl_token before; /* the one before it */
    int kind;        /* of the token; VL_TK_RP: the end of the definitions */
    int kind_before; /* of the one before it */
    int32_t place;   /* of the definition, from 0 */
} constraint_scan;

/* Go behind the parenthesis that closes one that is open. */
static void
constraint_close(constraint_scan *scan)
{
    vl_token token;
    int depth = 1;

    while (depth > 0) {
        int kind = vl_ddl_next_token(&scan->at, scan->end, &token);

        if (kind == VL_TK_FINISH)
            return; /* not in a text that was parsed */
        depth += (kind == VL_TK_LP) - (kind == VL_TK_RP);
    }
    scan->token.size = (uint32_t)(scan->at - scan->token.text);
}

/* Go to the next token. Returns its kind. */
static int
constraint_step(constraint_scan *scan)
{
    if (scan->kind == VL_TK_RP || scan->kind == VL_TK_FINISH)
        return scan->kind;
    scan->before = scan->token;
    scan->kind_before = scan->kind;
    scan->place += scan->kind == VL_TK_COMMA;
    scan->kind = vl_ddl_next_token(&scan->at, scan->end, &scan->token);
    if (scan->kind == VL_TK_LP)
        constraint_close(scan);
    return scan->kind;
}

/* Begin behind the parenthesis that opens the definitions. */
static constraint_scan
constraint_begin(const char *sql)
{
    constraint_scan scan = {.sql = sql, .at = sql, .end = sql + strlen(sql)};

    do
        scan.kind = vl_ddl_next_token(&scan.at, scan.end, &scan.token);
    while (scan.kind != VL_TK_LP && scan.kind != VL_TK_FINISH);
    return scan;
}

/* Whether a name as written is that of a node. */
static int
constraint_has_name(const vl_token *token, const vl_ast *name)
{
    char first = token->text[0];
    char quote = first == '[' ? ']' : first;
    uint32_t at = 1;

    if (strchr("\"'`[", first) == NULL)
        return vl_name_compare(token->text, token->size, name->text, name->text_size) == 0;
    for (uint32_t i = 0; i < name->text_size; i++) {
        if (at + 1 >= token->size || vl_name_compare(token->text + at, 1, name->text + i, 1) != 0)
            return 0;
        at += token->text[at] == quote && first != '[' ? 2 : 1;
    }
    return at + 1 == token->size;
}

/* Whether the token is the NOT of NOT NULL, not that of NOT DEFERRABLE. */
static int
constraint_is_not_null(const constraint_scan *scan)
{
    constraint_scan ahead = *scan;

    return scan->kind == VL_TK_NOT && constraint_step(&ahead) == VL_TK_NULL;
}

/* Go behind a NOT NULL or CHECK and its conflict clause. */
static void
constraint_skip(constraint_scan *scan)
{
    (void)constraint_step(scan); /* NULL, or what is checked */
    if (constraint_step(scan) != VL_TK_ON)
        return;
    (void)constraint_step(scan); /* CONFLICT */
    (void)constraint_step(scan);
    (void)constraint_step(scan);
}

/* The text without what is between a token and the one that `end` stands at. A comma before it goes
 * when nothing is left between it and the next. */
static velo_status
constraint_cut(const vl_ddl_plan_state *state, const constraint_scan *begin,
               const constraint_scan *end, const char **sql)
{
    uint32_t from = (uint32_t)(begin->before.text + begin->before.size - begin->sql);
    uint32_t to = (uint32_t)(end->token.text - end->sql);
    int is_last = end->kind == VL_TK_RP || end->kind == VL_TK_COMMA;

    if (is_last && begin->kind_before == VL_TK_COMMA)
        from = (uint32_t)(begin->before.text - begin->sql);
    return vl_ddl_splice(state, begin->sql, from, to, " ", is_last ? 0 : 1, sql);
}

/* Put a text where the definition at `place`, or the last one, ends. */
static velo_status
constraint_put(const vl_ddl_plan_state *state, const char *sql, int32_t place, const char *before,
               vl_token text, const char **out)
{
    constraint_scan scan = constraint_begin(sql);
    size_t before_size = strlen(before);
    char *middle = vl_schema_alloc(&state->builder, before_size + text.size + 1, 1);
    uint32_t at;

    if (middle == NULL)
        return VELO_NOMEM;
    memcpy(middle, before, before_size + 1);
    memcpy(middle + before_size, text.text, text.size);
    do
        (void)constraint_step(&scan);
    while (scan.kind != VL_TK_RP && scan.kind != VL_TK_FINISH &&
           !(scan.kind == VL_TK_COMMA && scan.place == place));
    at = (uint32_t)(scan.token.text - sql);
    return vl_ddl_splice(state, sql, at, at, middle, before_size + text.size, out);
}

/* ---- what the statement says ---- */

/* Find a name behind CONSTRAINT; 0: it is not there. The scan stands at CONSTRAINT then. */
static int
constraint_find(constraint_scan *scan, const vl_ast *name)
{
    while (constraint_step(scan) != VL_TK_RP && scan->kind != VL_TK_FINISH) {
        constraint_scan ahead = *scan;

        if (scan->kind != VL_TK_CONSTRAINT)
            continue;
        (void)constraint_step(&ahead);
        if (constraint_has_name(&ahead.token, name))
            return 1;
    }
    return 0;
}

/* Let the row of the table have the text. */
static velo_status
constraint_set_text(vl_ddl_plan_state *state, const vl_table_def *table, const char *sql,
                    const char *when)
{
    vl_ddl_edit edit;

    VL_TRY(vl_ddl_edit_begin(state, table->schema, &edit));
    vl_ddl_edit_row(&edit, &table->object)->sql = sql;
    return vl_ddl_edit_end(state, &edit, 1, when, 0);
}

static velo_status
constraint_check(vl_ddl_plan_state *state, const vl_table_def *table, int32_t column)
{
    vl_ddl_change *change = vl_ddl_add(state, VL_DDL_CHECK_CONSTRAINT, table->schema);

    if (change == NULL)
        return VELO_NOMEM;
    change->name = table->object.name;
    change->column = column;
    return VELO_OK;
}

/* The words of the statement from the first token of a kind behind a place to their end. */
static vl_token
constraint_words(const vl_ddl_plan_state *state, const vl_ast *behind, int kind)
{
    const vl_ast *statement = state->input->statement;
    const char *at = state->builder.sql + behind->offset + behind->length;
    const char *end = state->builder.sql + statement->offset + statement->length;
    vl_token token;

    while (vl_ddl_next_token(&at, end, &token) != kind)
        VL_ASSERT(at < end);
    return (vl_token){token.text, (uint32_t)(end - token.text)};
}

/* The column that the statement names. */
static velo_status
constraint_column(const vl_ddl_plan_state *state, const vl_table_def *table, int32_t *column)
{
    const vl_ast *name = state->input->statement->kid[1];

    *column = vl_table_def_column(table, name->text, name->text_size);
    if (*column >= 0)
        return VELO_OK;
    return vl_schema_fail(&state->builder, name, "no such column: %.*s", (int)name->text_size,
                          name->text);
}

/* ---- the four statements ---- */

static velo_status
constraint_drop(vl_ddl_plan_state *state, const vl_table_def *table)
{
    const vl_ast *name = state->input->statement->kid[1];
    constraint_scan begin = constraint_begin(table->object.sql);
    constraint_scan end;
    const char *sql;

    if (!constraint_find(&begin, name))
        return vl_schema_fail(&state->builder, name, "no such constraint: %.*s",
                              (int)name->text_size, name->text);
    end = begin;
    (void)constraint_step(&end);
    switch (constraint_step(&end)) {
    case VL_TK_NOT:
    case VL_TK_CHECK:
        constraint_skip(&end);
        break;
    case VL_TK_PRIMARY:
    case VL_TK_UNIQUE:
    case VL_TK_REFERENCES:
    case VL_TK_FOREIGN:
    case VL_TK_NULL:
        return vl_schema_fail(&state->builder, name, "constraint may not be dropped: %.*s",
                              (int)name->text_size, name->text);
    default: /* a name of nothing, or of what is no constraint */
        break;
    }
    VL_TRY(constraint_cut(state, &begin, &end, &sql));
    return constraint_set_text(state, table, sql, "after drop constraint");
}

/* The text without the NOT NULL of a column, however often it has it. */
static velo_status
constraint_without_not_null(const vl_ddl_plan_state *state, int32_t column, const char **sql)
{
    constraint_scan scan = constraint_begin(*sql);

    while (constraint_step(&scan) != VL_TK_RP && scan.kind != VL_TK_FINISH) {
        constraint_scan begin = scan;
        constraint_scan end = scan;

        if (scan.place != column)
            continue;
        if (scan.kind == VL_TK_CONSTRAINT) {
            (void)constraint_step(&end);
            (void)constraint_step(&end);
        }
        if (!constraint_is_not_null(&end))
            continue;
        constraint_skip(&end);
        VL_TRY(constraint_cut(state, &begin, &end, sql));
        scan = constraint_begin(*sql);
    }
    return VELO_OK;
}

static velo_status
constraint_drop_not_null(vl_ddl_plan_state *state, const vl_table_def *table)
{
    const char *sql = table->object.sql;
    int32_t column;

    VL_TRY(constraint_column(state, table, &column));
    VL_TRY(constraint_without_not_null(state, column, &sql));
    if (sql == table->object.sql)
        return VELO_OK;
    return constraint_set_text(state, table, sql, "after drop not null");
}

static velo_status
constraint_set_not_null(vl_ddl_plan_state *state, const vl_table_def *table)
{
    const char *sql = table->object.sql;
    vl_token words = constraint_words(state, state->input->statement->kid[1], VL_TK_NOT);
    int32_t column;

    VL_TRY(constraint_column(state, table, &column));
    VL_TRY(constraint_without_not_null(state, column, &sql));
    VL_TRY(constraint_put(state, sql, column, " ", words, &sql));
    VL_TRY(constraint_set_text(state, table, sql, "after set not null"));
    return constraint_check(state, table, column);
}

/* Refuse what the table cannot be made of, in the words of its text. */
static velo_status
constraint_make(const vl_ddl_plan_state *state, const vl_table_def *table, const char *sql)
{
    vl_schema_builder builder = state->builder;
    vl_object_def object = {.sql = sql};
    const vl_ast *create;
    vl_table_def *made;

    builder.sql = sql;
    builder.database = table->schema->database;
    VL_TRY(vl_ddl_parse(state, &object, &create));
    return vl_schema_make_table(&builder, create, &made);
}

static velo_status
constraint_add(vl_ddl_plan_state *state, const vl_table_def *table)
{
    const vl_ast *alter = state->input->statement;
    const vl_ast *name = alter->kid[2];
    constraint_scan scan = constraint_begin(table->object.sql);
    vl_token words =
        constraint_words(state, alter->kid[0], name != NULL ? VL_TK_CONSTRAINT : VL_TK_CHECK);
    const char *sql;

    if (name != NULL && constraint_find(&scan, name))
        return vl_schema_fail(&state->builder, name, "constraint %.*s already exists",
                              (int)name->text_size, name->text);
    VL_TRY(constraint_put(state, table->object.sql, -1, ", ", words, &sql));
    VL_TRY(constraint_make(state, table, sql));
    VL_TRY(constraint_set_text(state, table, sql, "after add constraint"));
    return constraint_check(state, table, -1);
}

velo_status
vl_ddl_alter_constraint(vl_ddl_plan_state *state, const vl_table_def *table)
{
    switch ((vl_ast_op)state->input->statement->op) {
    case VL_OP_ADD_CONSTRAINT:
        return constraint_add(state, table);
    case VL_OP_DROP_CONSTRAINT:
        return constraint_drop(state, table);
    case VL_OP_SET_NOT_NULL:
        return constraint_set_not_null(state, table);
    default:
        VL_ASSERT(state->input->statement->op == VL_OP_DROP_NOT_NULL);
        return constraint_drop_not_null(state, table);
    }
}
