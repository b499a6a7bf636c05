/* ddl_alter.c - ALTER TABLE: ADD COLUMN and DROP COLUMN, and what all of ALTER has in common; its
 * constraints are in ddl_constraint.c.
 *
 * Invariants
 *   DA1  Columns that stay keep their ids, and an added column has one that was never used.
 *   DA2  A text is edited between tokens only, so that comments and spaces elsewhere stay. */
#include "base/assert.h"
#include "sql/ddl_int.h"
#include "sql/grammar.h"

#include <stdio.h>
#include <string.h>

/* ---- texts ---- */

/* Where things are in the text of a CREATE TABLE. */
typedef struct alter_places {
    uint32_t columns_end;  /* where an added column's comma goes: the comma before the table's
                              constraints, or the closing parenthesis */
    uint32_t comma_before; /* the last comma between columns before the wanted place; 0: none */
} alter_places;

static int
alter_begins_constraint(int kind)
{
    return kind == VL_TK_CONSTRAINT || kind == VL_TK_PRIMARY || kind == VL_TK_UNIQUE ||
           kind == VL_TK_CHECK || kind == VL_TK_FOREIGN;
}

int
vl_ddl_next_token(const char **at, const char *end, vl_token *token)
{
    int kind;

    do {
        kind = vl_lexer_token(*at, end, token);
        *at = token->text + token->size;
    } while (kind == VL_TK_SPACE);
    return kind;
}

/* Find the places in a text that was parsed; `before` is the offset of a column. */
static alter_places
alter_find_places(const char *sql, uint32_t before)
{
    const char *end = sql + strlen(sql);
    alter_places places = {0};
    const char *at = sql;
    uint32_t depth = 0;
    vl_token token;

    for (;;) {
        int kind = vl_ddl_next_token(&at, end, &token);
        uint32_t offset = (uint32_t)(token.text - sql);
        const char *ahead = at;
        vl_token next;

        depth += kind == VL_TK_LP;
        if (kind == VL_TK_RP && --depth == 0) {
            places.columns_end = offset;
            return places;
        }
        if (kind == VL_TK_COMMA && depth == 1 &&
            alter_begins_constraint(vl_ddl_next_token(&ahead, end, &next))) {
            places.columns_end = offset;
            return places;
        }
        if (kind == VL_TK_COMMA && depth == 1 && offset < before)
            places.comma_before = offset;
        if (kind == VL_TK_FINISH)
            return places; /* not in a text that was parsed */
    }
}

velo_status
vl_ddl_splice(const vl_ddl_plan_state *state, const char *sql, uint32_t from, uint32_t to,
              const char *middle, size_t middle_size, const char **out)
{
    size_t rest = strlen(sql + to);
    char *text = vl_schema_alloc(&state->builder, from + middle_size + rest + 1, 1);

    if (text == NULL)
        return VELO_NOMEM;
    memcpy(text, sql, from);
    memcpy(text + from, middle, middle_size);
    memcpy(text + from + middle_size, sql + to, rest);
    *out = text;
    return VELO_OK;
}

/* ---- rows and trees after the edit ---- */

/* Let the row of the table have the new text and ids: those of `table`, which was made of the text.
 */
static velo_status
alter_set_row(vl_ddl_plan_state *state, vl_ddl_edit *edit, const vl_object_def *object,
              const char *sql, const vl_table_def *table)
{
    vl_schema_row *row = vl_ddl_edit_row(edit, object);

    row->sql = sql;
    return vl_ddl_layout(&state->builder, table, &row->layout);
}

/* Tell what the edit of stored columns does to the rows. */
static velo_status
alter_add_storage(vl_ddl_plan_state *state, const vl_table_def *old_table,
                  const vl_table_def *new_table)
{
    vl_ddl_change *change = vl_ddl_add(state, VL_DDL_SET_COLUMNS, old_table->schema);

    if (change == NULL)
        return VELO_NOMEM;
    change->table = old_table;
    change->name = old_table->object.name;
    change->tree = old_table->object.tree;
    return vl_ddl_tree_columns(&state->builder, new_table, change);
}

/* ---- ADD COLUMN ---- */

static velo_status
alter_require_empty(vl_ddl_plan_state *state, const vl_table_def *table, const char *message)
{
    vl_ddl_change *change = vl_ddl_add(state, VL_DDL_REQUIRE_EMPTY, table->schema);

    if (change == NULL)
        return VELO_NOMEM;
    change->table = table;
    change->message = message;
    return VELO_OK;
}

/* What can be said against the column before its table is made. */
static velo_status
alter_check_added(const vl_ddl_plan_state *state, const vl_table_def *table,
                  const vl_ast *definition)
{
    if (vl_table_def_column(table, definition->text, definition->text_size) >= 0)
        return vl_schema_fail(&state->builder, NULL, "duplicate column name: %.*s",
                              (int)definition->text_size, definition->text);
    for (const vl_ast *node = vl_ast_first(definition->kid[1]); node != NULL; node = node->next) {
        if (node->op == VL_OP_PRIMARY_KEY)
            return vl_schema_fail(&state->builder, NULL, "Cannot add a PRIMARY KEY column");
        if (node->op == VL_OP_UNIQUE)
            return vl_schema_fail(&state->builder, NULL, "Cannot add a UNIQUE column");
    }
    return VELO_OK;
}

/* Whether the column's constraints include one of a kind. */
static int
alter_has_constraint(const vl_ast *definition, vl_ast_op op)
{
    for (const vl_ast *node = vl_ast_first(definition->kid[1]); node != NULL; node = node->next)
        if (node->op == op)
            return 1;
    return 0;
}

/* What rows must not be there for the column to be added, or must keep. */
static velo_status
alter_check_rows(vl_ddl_plan_state *state, const vl_table_def *table, const vl_column_def *column,
                 const vl_ast *definition)
{
    const vl_ast *value = column->default_ast;
    int has_default = value != NULL && value->type != VL_AST_NULL;
    vl_value constant;
    int known = 1;

    if (column->generated == 0) {
        if (state->input->has_foreign_keys && has_default &&
            alter_has_constraint(definition, VL_OP_REFERENCES))
            VL_TRY(alter_require_empty(
                state, table, "Cannot add a REFERENCES column with non-NULL default value"));
        if (column->is_not_null && !has_default)
            VL_TRY(alter_require_empty(state, table,
                                       "Cannot add a NOT NULL column with default value NULL"));
        if (has_default)
            VL_TRY(vl_ddl_constant(&state->builder, value, column->affinity, &constant, &known));
        if (!known)
            VL_TRY(
                alter_require_empty(state, table, "Cannot add a column with non-constant default"));
    } else if (column->generated == 2) {
        VL_TRY(alter_require_empty(state, table, "cannot add a STORED column"));
    }
    return VELO_OK;
}

/* The id that an added column gets. Keeps DA1. */
static velo_status
alter_next_id(const vl_ddl_plan_state *state, const vl_table_def *table, uint32_t *next)
{
    const vl_ddl_input *input = state->input;

    *next = 0;
    if (input->next_column != NULL)
        VL_TRY(input->next_column(state->builder.ctx, input->argument, table->object.tree, next));
    if (*next < table->next_column_id)
        *next = table->next_column_id;
    return VELO_OK;
}

/* Give the columns of the table with one more their ids. */
static void
alter_add_id(const vl_table_def *old_table, vl_table_def *new_table, uint32_t next)
{
    for (int32_t i = 0; i < old_table->column_count; i++)
        new_table->columns[i].id = old_table->columns[i].id;
    new_table->next_column_id = next;
    if (vl_schema_is_stored(new_table, old_table->column_count))
        new_table->columns[old_table->column_count].id = new_table->next_column_id++;
}

/* Make the table of its new text; what is wrong with the whole is told as such. */
static velo_status
alter_make_added(const vl_ddl_plan_state *state, const vl_table_def *table, const char *sql,
                 vl_table_def **out)
{
    vl_schema_builder builder = state->builder;
    char reason[VL_ERROR_TEXT_SIZE];
    const vl_ast *create;
    int is_read = 0;
    vl_object_def object = {.sql = sql};
    velo_status status;

    builder.sql = sql;
    builder.database = table->schema->database;
    status = vl_ddl_parse(state, &object, &create); /* fails when a comment has no end */
    if (status == VELO_OK) {
        builder.is_read = &is_read;
        status = vl_schema_make_table(&builder, create, out);
        if (status != VELO_ERROR || !is_read)
            return status;
    }
    if (status != VELO_ERROR)
        return status;
    memcpy(reason, builder.ctx->error.text, sizeof reason);
    (void)vl_schema_fail(&builder, NULL, "error in table %s after add column: %s",
                         table->object.name, reason);
    return VELO_ERROR;
}

/* The text of the added column: to the end of the statement, comments included. */
static size_t
alter_added_size(const vl_ddl_plan_state *state, const vl_ast *definition)
{
    const char *begin = state->builder.sql + definition->offset;
    const char *at =
        state->builder.sql + state->input->statement->offset + state->input->statement->length;
    const char *end = state->builder.sql + state->input->sql_size;
    vl_token token;

    while (at < end && vl_lexer_token(at, end, &token) == VL_TK_SPACE)
        at = token.text + token.size;
    while (strchr(" \t\n\v\f\r", at[-1]) != NULL)
        at--;
    return (size_t)(at - begin);
}

/* The text of the table with the column. */
static velo_status
alter_added_text(const vl_ddl_plan_state *state, const vl_table_def *table,
                 const vl_ast *definition, const char **sql)
{
    uint32_t end = alter_find_places(table->object.sql, 0).columns_end;
    size_t size = alter_added_size(state, definition);
    char *middle = vl_schema_alloc(&state->builder, size + 2, 1);

    if (middle == NULL)
        return VELO_NOMEM;
    middle[0] = ',';
    middle[1] = ' ';
    memcpy(middle + 2, state->builder.sql + definition->offset, size);
    return vl_ddl_splice(state, table->object.sql, end, end, middle, size + 2, sql);
}

static velo_status
alter_add_column(vl_ddl_plan_state *state, const vl_table_def *table)
{
    const vl_ast *definition = state->input->statement->kid[1];
    const vl_column_def *column;
    vl_table_def *new_table;
    uint32_t next_id;
    vl_ddl_edit edit;
    const char *sql;

    VL_TRY(alter_check_added(state, table, definition));
    VL_TRY(alter_added_text(state, table, definition, &sql));
    VL_TRY(alter_make_added(state, table, sql, &new_table));
    VL_TRY(alter_next_id(state, table, &next_id));
    alter_add_id(table, new_table, next_id);
    column = &new_table->columns[table->column_count];
    VL_TRY(vl_ddl_check_quoted(state, table, column->name, ""));
    VL_TRY(alter_check_rows(state, table, column, definition));
    VL_TRY(vl_ddl_edit_begin(state, table->schema, &edit));
    VL_TRY(alter_set_row(state, &edit, &table->object, sql, new_table));
    VL_TRY(vl_ddl_edit_end(state, &edit, 1, "after add column", 0));
    if (column->id != 0)
        VL_TRY(alter_add_storage(state, table, new_table));
    if (alter_has_constraint(definition, VL_OP_CHECK) || table->is_strict ||
        (column->is_not_null && column->generated != 0))
        return vl_ddl_add_named(state, VL_DDL_CHECK_ROWS, table->schema, table->object.name, NULL);
    return VELO_OK;
}

/* ---- DROP COLUMN ---- */

/* The column that is dropped, when it can be. */
static velo_status
alter_find_dropped(const vl_ddl_plan_state *state, const vl_table_def *table, const vl_ast *create,
                   int32_t *column)
{
    const vl_ast *name = state->input->statement->kid[1];
    vl_token written = vl_schema_token(&state->builder, name);
    const vl_ast *definition = vl_ast_first(create->kid[1]);
    const char *shown;

    *column = vl_table_def_column(table, name->text, name->text_size);
    if (*column < 0)
        return vl_schema_fail(&state->builder, name, "no such column: \"%.*s\"", (int)written.size,
                              written.text);
    shown = table->columns[*column].name;
    for (int32_t i = 0; i < *column; i++)
        definition = definition->next;
    if (table->columns[*column].key_place != 0)
        return vl_schema_fail(&state->builder, NULL, "cannot drop PRIMARY KEY column: \"%s\"",
                              shown);
    if (alter_has_constraint(definition, VL_OP_UNIQUE))
        return vl_schema_fail(&state->builder, NULL, "cannot drop UNIQUE column: \"%s\"", shown);
    if (table->column_count == 1)
        return vl_schema_fail(&state->builder, NULL,
                              "cannot drop column \"%s\": no other columns exist", shown);
    return VELO_OK;
}

/* The text of the table without the column: from its name to the next one's, or from the comma
 * before it to the end of the columns. */
static velo_status
alter_dropped_text(const vl_ddl_plan_state *state, const vl_table_def *table, const vl_ast *create,
                   int32_t column, const char **sql)
{
    const vl_ast *definition = vl_ast_first(create->kid[1]);
    alter_places places;
    uint32_t from;
    uint32_t to;

    for (int32_t i = 0; i < column; i++)
        definition = definition->next;
    from = definition->offset;
    if (definition->next != NULL) {
        to = definition->next->offset;
    } else {
        places = alter_find_places(table->object.sql, from);
        from = places.comma_before;
        to = places.columns_end;
    }
    return vl_ddl_splice(state, table->object.sql, from, to, "", 0, sql);
}

/* Give the columns of the table without one their ids. */
static void
alter_drop_id(const vl_table_def *old_table, vl_table_def *new_table, int32_t column)
{
    for (int32_t i = 0; i < new_table->column_count; i++)
        new_table->columns[i].id = old_table->columns[i < column ? i : i + 1].id;
    new_table->next_column_id = old_table->next_column_id;
}

/* Ids for the text with the column dropped, to be checked with all other rows. */
static velo_status
alter_dropped_layout(const vl_ddl_plan_state *state, const vl_table_def *table, int32_t column,
                     vl_table_def **out)
{
    vl_table_def *less = vl_schema_alloc(&state->builder, 1, sizeof *less);

    if (less == NULL)
        return VELO_NOMEM;
    less->columns = vl_schema_alloc(&state->builder, table->column_count, sizeof *less->columns);
    if (less->columns == NULL)
        return VELO_NOMEM;
    less->column_count = (uint16_t)(table->column_count - 1);
    for (int32_t i = 0; i < less->column_count; i++)
        less->columns[i] = table->columns[i < column ? i : i + 1];
    less->rowid_column =
        table->rowid_column > column ? table->rowid_column - 1 : table->rowid_column;
    alter_drop_id(table, less, column);
    *out = less;
    return VELO_OK;
}

static velo_status
alter_drop_column(vl_ddl_plan_state *state, const vl_table_def *table)
{
    const vl_ast *create;
    vl_table_def *less;
    vl_ddl_edit edit;
    const char *sql;
    int32_t column;

    VL_TRY(vl_ddl_parse(state, &table->object, &create));
    VL_TRY(alter_find_dropped(state, table, create, &column));
    VL_TRY(vl_ddl_check_names(state, state->input->schemas, table->schema, ""));
    VL_TRY(vl_ddl_check_quoted(state, table, table->columns[column].name, "after drop column"));
    VL_TRY(vl_ddl_check_not_meant(state, table, column));
    VL_TRY(alter_dropped_text(state, table, create, column, &sql));
    VL_TRY(alter_dropped_layout(state, table, column, &less));
    VL_TRY(vl_ddl_edit_begin(state, table->schema, &edit));
    VL_TRY(alter_set_row(state, &edit, &table->object, sql, less));
    VL_TRY(vl_ddl_edit_end(state, &edit, 1, "after drop column", 1));
    if (table->columns[column].id == 0)
        return VELO_OK;
    return alter_add_storage(state, table, less);
}

/* ---- all of ALTER ---- */

/* Refuse virtual tables, but for RENAME TO. */
static velo_status
alter_check_virtual(const vl_ddl_plan_state *state, const vl_table_def *table)
{
    if (table->virtual_ast == NULL)
        return VELO_OK;
    if (state->input->statement->op == VL_OP_RENAME_COLUMN)
        return vl_schema_fail(&state->builder, NULL,
                              "cannot rename columns of virtual table \"%s\"", table->object.name);
    if (state->input->statement->op == VL_OP_DROP_COLUMN)
        return vl_schema_fail(&state->builder, NULL, "cannot drop column from virtual table \"%s\"",
                              table->object.name);
    if (state->input->statement->op != VL_OP_ADD_COLUMN)
        return vl_schema_fail(&state->builder, NULL,
                              "cannot edit constraints of virtual table \"%s\"",
                              table->object.name);
    return vl_schema_fail(&state->builder, NULL, "virtual tables may not be altered");
}

/* Refuse views, with the words that each way of altering has for them. */
static velo_status
alter_check_view(const vl_ddl_plan_state *state, const vl_table_def *table)
{
    if (table->object.type != VL_OBJECT_VIEW)
        return VELO_OK;
    switch ((vl_ast_op)state->input->statement->op) {
    case VL_OP_RENAME_COLUMN:
        return vl_schema_fail(&state->builder, NULL, "cannot rename columns of view \"%s\"",
                              table->object.name);
    case VL_OP_ADD_COLUMN:
        return vl_schema_fail(&state->builder, NULL, "Cannot add a column to a view");
    case VL_OP_DROP_COLUMN:
        return vl_schema_fail(&state->builder, NULL, "cannot drop column from view \"%s\"",
                              table->object.name);
    default: /* RENAME TO has not come here */
        return vl_schema_fail(&state->builder, NULL, "cannot edit constraints of view \"%s\"",
                              table->object.name);
    }
}

velo_status
vl_ddl_alter(vl_ddl_plan_state *state)
{
    const vl_ast *alter = state->input->statement;
    const vl_ast *name = alter->kid[0];
    const vl_table_def *table = vl_ddl_find_table(state, name);

    if (table == NULL)
        return vl_schema_fail(&state->builder, NULL, "no such table: %.*s%s%.*s",
                              name->kid[0] != NULL ? (int)name->kid[0]->text_size : 0,
                              name->kid[0] != NULL ? name->kid[0]->text : "",
                              name->kid[0] != NULL ? "." : "", (int)name->text_size, name->text);
    state->out->schema = table->schema;
    state->builder.database = table->schema->database;
    if (alter->op == VL_OP_RENAME_TABLE)
        return vl_ddl_rename_table(state, table);
    if (table->is_system)
        return vl_schema_fail(&state->builder, NULL, "table %s may not be altered",
                              vl_ddl_shown_name(table));
    VL_TRY(alter_check_view(state, table));
    VL_TRY(alter_check_virtual(state, table));
    switch ((vl_ast_op)alter->op) {
    case VL_OP_RENAME_COLUMN:
        return vl_ddl_rename_column(state, table);
    case VL_OP_ADD_COLUMN:
        return alter_add_column(state, table);
    case VL_OP_DROP_COLUMN:
        return alter_drop_column(state, table);
    default:
        return vl_ddl_alter_constraint(state, table);
    }
}
