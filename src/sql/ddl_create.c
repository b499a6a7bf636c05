/* ddl_create.c - CREATE TABLE, INDEX, VIEW and TRIGGER: what rows and trees they add.
 *
 * Invariants
 *   DN1  The text of a new object parses to the same object in the database it is put into: words
 * of its kind, then the statement from the unqualified name on. TEMP, IF NOT EXISTS and the
 *        database's name are no part of it.
 *   DN2  What is accepted here is accepted by vl_schema_build: both make objects by schema_int.h.
 */
#include "base/assert.h"
#include "sql/ddl_int.h"
#include "sql/grammar.h"
#include "sql/parse.h"

#include <stdio.h>
#include <string.h>

/* ---- what all have in common ---- */

/* Find the database of a new object.
 *
 * unqualified  where it goes when the statement does not say
 * temp_error   what is wrong with TEMP and the name of another database */
static velo_status
create_place(vl_ddl_plan_state *state, const vl_schema *unqualified, const char *temp_error)
{
    static const vl_ast temp = {.text = "temp", .text_size = 4};
    const vl_ast *create = state->input->statement;
    const vl_ast *name = create->kid[0];
    const vl_ast *qualifier = name->kid[0];
    int is_temporary = (create->flags & VL_AST_TEMP) != 0;
    const vl_schema *schema = unqualified;

    if (qualifier != NULL || is_temporary)
        schema = vl_ddl_database(state, qualifier != NULL ? qualifier : &temp);
    if (schema == NULL) {
        vl_token written =
            qualifier != NULL ? vl_schema_token(&state->builder, qualifier) : (vl_token){"temp", 4};

        return vl_schema_fail(&state->builder, qualifier, "unknown database %.*s",
                              (int)written.size, written.text);
    }
    if (is_temporary && strcmp(schema->database, "temp") != 0)
        return vl_schema_fail(&state->builder, NULL, "%s", temp_error);
    state->out->schema = schema;
    state->builder.database = schema->database;
    return VELO_OK;
}

/* Check that a new table or view can have its name. */
static velo_status
create_check_table_name(vl_ddl_plan_state *state, int *exists)
{
    const vl_ast *name = state->input->statement->kid[0];
    const vl_schema *schema = state->out->schema;
    const vl_table_def *table;
    vl_token written = vl_schema_token(&state->builder, name);

    *exists = 0;
    VL_TRY(vl_ddl_check_name(state, name));
    table = vl_schema_table(schema, name->text, name->text_size);
    if (table != NULL) {
        *exists = 1;
        if ((state->input->statement->flags & VL_AST_IF_EXISTS) != 0)
            return VELO_OK;
        return vl_schema_fail(&state->builder, name, "%s %.*s already exists",
                              table->object.type == VL_OBJECT_VIEW ? "view" : "table",
                              (int)written.size, written.text);
    }
    if (vl_schema_index(schema, name->text, name->text_size) != NULL)
        return vl_schema_fail(&state->builder, NULL, "there is already an index named %.*s",
                              (int)name->text_size, name->text);
    return VELO_OK;
}

/* The text to store: words, and the statement from its name to `end`. */
static velo_status
create_text(const vl_ddl_plan_state *state, const char *words, uint32_t end, const char **sql)
{
    vl_token name = vl_schema_token(&state->builder, state->input->statement->kid[0]);
    size_t words_size = strlen(words);
    size_t size = (size_t)(state->builder.sql + end - name.text);
    char *text = vl_schema_alloc(&state->builder, words_size + size + 1, 1);

    if (text == NULL)
        return VELO_NOMEM;
    memcpy(text, words, words_size + 1);
    memcpy(text + words_size, name.text, size);
    *sql = text;
    return VELO_OK;
}

/* Where the statement ends, and where the white space and comments after it do. */
static uint32_t
create_end(const vl_ddl_plan_state *state)
{
    return state->input->statement->offset + state->input->statement->length;
}

static uint32_t
create_end_with_spaces(const vl_ddl_plan_state *state)
{
    const char *at = state->builder.sql + create_end(state);
    const char *end = state->builder.sql + state->input->sql_size;
    vl_token token;

    while (at < end && vl_lexer_token(at, end, &token) == VL_TK_SPACE)
        at = token.text + token.size;
    return (uint32_t)(at - state->builder.sql);
}

/* A view's text ends with its comments, but not with white space. */
static uint32_t
create_end_with_comments(const vl_ddl_plan_state *state)
{
    uint32_t end = create_end_with_spaces(state);

    while (strchr(" \t\n\v\f\r", state->builder.sql[end - 1]) != NULL)
        end--;
    return end;
}

/* Add a tree of rows or keys. */
static velo_status
create_add_tree(vl_ddl_plan_state *state, const vl_table_def *table, int is_key_tree)
{
    vl_ddl_change *change = vl_ddl_add(state, VL_DDL_CREATE_TREE, state->out->schema);

    if (change == NULL)
        return VELO_NOMEM;
    change->new_tree = ++state->out->tree_count;
    change->is_key_tree = is_key_tree;
    return is_key_tree ? VELO_OK : vl_ddl_tree_columns(&state->builder, table, change);
}

/* Add the row of an object that has the `tree_count` trees added last: the second is that of a
 * primary key. */
static velo_status
create_add_row(vl_ddl_plan_state *state, const vl_object_def *object, uint32_t tree_count)
{
    vl_ddl_change *change = vl_ddl_add(state, VL_DDL_INSERT_ROW, state->out->schema);

    if (change == NULL)
        return VELO_NOMEM;
    change->row = vl_ddl_row(object);
    change->new_tree = tree_count > 0 ? state->out->tree_count - (tree_count - 1) : 0;
    change->new_key_tree = tree_count > 1 ? state->out->tree_count : 0;
    return VELO_OK;
}

/* ---- CREATE TABLE ---- */

/* The index of a table by its number, which its name ends with; NULL: there is none. */
static const vl_index_def *
create_numbered(const vl_table_def *table, uint32_t number)
{
    char wanted[16];

    (void)snprintf(wanted, sizeof wanted, "_%u", number);
    for (const vl_index_def *index = table->indexes; index != NULL; index = index->next)
        if (strcmp(strrchr(index->object.name, '_'), wanted) == 0)
            return index;
    return NULL;
}

/* Trees and rows of a table that was made, and of its indexes in the order of their making. */
static velo_status
create_add_table(vl_ddl_plan_state *state, const vl_table_def *table)
{
    const vl_index_def *index;

    VL_TRY(create_add_tree(state, table, 0));
    if (table->primary != NULL)
        VL_TRY(create_add_tree(state, table, 1));
    VL_TRY(create_add_row(state, &table->object, table->primary != NULL ? 2 : 1));
    for (uint32_t number = 1; (index = create_numbered(table, number)) != NULL; number++)
        if (index != table->primary) {
            VL_TRY(create_add_tree(state, table, 1));
            VL_TRY(create_add_row(state, &index->object, 1));
        }
    return VELO_OK;
}

velo_status
vl_ddl_create_system(vl_ddl_plan_state *state, const char *name, const char *sql,
                     vl_column_def *columns, uint16_t column_count)
{
    const vl_table_def table = {
        .object = {.type = VL_OBJECT_TABLE, .name = name, .table_name = name, .sql = sql},
        .column_count = column_count,
        .columns = columns,
        .rowid_column = -1};

    return create_add_table(state, &table);
}

/* The table of sequences, with the first table that needs it. */
static velo_status
create_add_sequence(vl_ddl_plan_state *state)
{
    vl_column_def columns[] = {{.name = "name", .id = 1}, {.name = "seq", .id = 2}};

    return vl_ddl_create_system(state, "sqlite_sequence", "CREATE TABLE sqlite_sequence(name,seq)",
                                columns, 2);
}

/* Trees and rows of the table that a text, which ends and is in the arena, makes. */
static velo_status
create_table_of(vl_ddl_plan_state *state, const char *sql, const vl_ast *statement)
{
    const vl_schema *schema = state->out->schema;
    vl_table_def *table;

    VL_TRY(vl_schema_make_table(&state->builder, statement, &table));
    VL_TRY(vl_schema_assign_ids(&state->builder, table, NULL));
    table->object.sql = sql;
    VL_TRY(create_add_table(state, table));
    if (table->is_autoincrement && vl_schema_table(schema, "sqlite_sequence", 15) == NULL)
        return create_add_sequence(state);
    return VELO_OK;
}

/* ---- CREATE TABLE AS ---- */

/* Whether a name must be quoted, by SQLite's rule for the texts that it writes itself. */
static int
create_needs_quotes(const char *name)
{
    size_t size = strlen(name);
    vl_token token;

    if (size == 0 || (name[0] >= '0' && name[0] <= '9'))
        return 1;
    for (size_t i = 0; i < size; i++) {
        char c = name[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') &&
            c != '_')
            return 1;
    }
    return vl_lexer_token(name, name + size, &token) != VL_TK_ID;
}

/* Bytes that a name may take in quotes. */
static size_t
create_quoted_size(const char *name)
{
    size_t size = 2;

    for (; *name != '\0'; name++)
        size += *name == '"' ? 2 : 1;
    return size;
}

/* Append a name, in quotes where it needs them. Returns the new end. */
static char *
create_put_name(char *to, const char *name)
{
    int is_quoted = create_needs_quotes(name);

    if (is_quoted)
        *to++ = '"';
    for (; *name != '\0'; name++) {
        if (*name == '"')
            *to++ = '"';
        *to++ = *name;
    }
    if (is_quoted)
        *to++ = '"';
    return to;
}

static char *
create_put(char *to, const char *text)
{
    while (*text != '\0')
        *to++ = *text++;
    return to;
}

/* Whether one of the first names is this one. */
static int
create_is_taken(const char *const *names, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (vl_schema_is_word(name, strlen(name), names[i]))
            return 1;
    return 0;
}

/* The name of a column: as the query has it, with ":N" in place of such an end when it is taken. */
static velo_status
create_column_name(const vl_ddl_plan_state *state, const char *const *names, uint32_t at,
                   const char **out)
{
    const char *name = state->input->results[at].name;
    size_t size = strlen(name);
    size_t base = size;

    *out = name;
    if (!create_is_taken(names, at, name))
        return VELO_OK;
    for (uint32_t number = 1;; number++) {
        char *copy = vl_schema_alloc(&state->builder, size + 12, 1);
        size_t digits = base;

        if (copy == NULL)
            return VELO_NOMEM;
        while (digits > 1 && name[digits - 1] >= '0' && name[digits - 1] <= '9')
            digits--;
        if (digits > 0 && name[digits - 1] == ':')
            base = digits - 1;
        memcpy(copy, name, base);
        (void)snprintf(copy + base, size + 12 - base, ":%u", number);
        *out = copy;
        if (!create_is_taken(names, at, copy))
            return VELO_OK;
    }
}

static const char *
create_affinity_word(vl_affinity affinity)
{
    switch (affinity) {
    case VL_AFFINITY_NONE:
    case VL_AFFINITY_BLOB:
        return "";
    case VL_AFFINITY_TEXT:
        return " TEXT";
    case VL_AFFINITY_NUMERIC:
        return " NUM";
    case VL_AFFINITY_INTEGER:
        return " INT";
    case VL_AFFINITY_REAL:
        return " REAL";
    }
    return "";
}

/* The text of the table: on one line when it is short. */
static velo_status
create_table_text(const vl_ddl_plan_state *state, const char *table, const char *const *names,
                  const char **sql)
{
    uint32_t count = state->input->result_count;
    size_t size = create_quoted_size(table);
    const char *separator;
    char *text;
    char *at;

    for (uint32_t i = 0; i < count; i++)
        size += create_quoted_size(names[i]) + 5;
    separator = size < 50 ? "" : "\n  ";
    text = vl_schema_alloc(&state->builder, size + 35 + 5 * (size_t)count, 1);
    if (text == NULL)
        return VELO_NOMEM;
    at = create_put_name(create_put(text, "CREATE TABLE "), table);
    for (uint32_t i = 0; i < count; i++) {
        at = create_put(create_put(at, i == 0 ? "(" : ","), separator);
        at = create_put_name(at, names[i]);
        at = create_put(at, create_affinity_word(state->input->results[i].affinity));
    }
    (void)create_put(at, separator[0] != '\0' ? "\n)" : ")");
    *sql = text;
    return VELO_OK;
}

static velo_status
create_table_as(vl_ddl_plan_state *state)
{
    const vl_ast *name = state->input->statement->kid[0];
    uint32_t count = state->input->result_count;
    vl_parse_result result;
    const char **names;
    const char *table;
    const char *sql;

    if (state->input->results == NULL || count == 0)
        return vl_fail(state->builder.ctx, VELO_MISUSE, "CREATE TABLE AS without result columns");
    VL_TRY(vl_schema_copy(&state->builder, name->text, name->text_size, &table));
    names = vl_schema_alloc(&state->builder, count, sizeof(char *));
    if (names == NULL)
        return VELO_NOMEM;
    for (uint32_t i = 0; i < count; i++)
        VL_TRY(create_column_name(state, names, i, &names[i]));
    VL_TRY(create_table_text(state, table, names, &sql));
    VL_TRY(vl_parse(state->builder.ctx, sql, strlen(sql), NULL, state->builder.arena, &result));
    state->builder.sql = sql;
    VL_TRY(create_table_of(state, sql, result.statement));
    return vl_ddl_add_named(state, VL_DDL_FILL_TABLE, state->out->schema, table, NULL);
}

velo_status
vl_ddl_create_table(vl_ddl_plan_state *state)
{
    const vl_ast *statement = state->input->statement;
    const char *sql;
    int exists;

    VL_TRY(
        create_place(state, state->input->schemas[0], "temporary table name must be unqualified"));
    VL_TRY(create_check_table_name(state, &exists));
    if (exists)
        return VELO_OK;
    if (statement->kid[3] != NULL)
        return create_table_as(state);
    VL_TRY(create_text(state, "CREATE TABLE ", create_end(state), &sql));
    return create_table_of(state, sql, statement);
}

/* ---- CREATE VIRTUAL TABLE ---- */

velo_status
vl_ddl_create_virtual(vl_ddl_plan_state *state)
{
    const vl_ast *name = state->input->statement->kid[0];
    vl_object_def object = {.type = VL_OBJECT_TABLE};
    vl_ddl_change *change;
    int exists;

    VL_TRY(create_place(state, state->input->schemas[0], ""));
    VL_TRY(create_check_table_name(state, &exists));
    if (exists)
        return VELO_OK;
    VL_TRY(vl_schema_copy(&state->builder, name->text, name->text_size, &object.name));
    object.table_name = object.name;
    VL_TRY(create_text(state, "CREATE VIRTUAL TABLE ", create_end(state), &object.sql));
    VL_TRY(create_add_row(state, &object, 0));
    change = vl_ddl_add(state, VL_DDL_CREATE_VIRTUAL, state->out->schema);
    if (change == NULL)
        return VELO_NOMEM;
    change->row = vl_ddl_row(&object);
    return VELO_OK;
}

/* ---- CREATE INDEX ---- */

/* The table to be indexed, which is of the index's database; that is where the table is when only
 * "temp" has it and the index has no qualifier. */
static velo_status
create_index_table(vl_ddl_plan_state *state, const vl_table_def **table)
{
    const vl_ast *statement = state->input->statement;
    const vl_ast *name = statement->kid[1];
    const vl_schema *schema = state->input->schemas[0];

    if (state->input->schema_count > 1 &&
        vl_schema_table(state->input->schemas[1], name->text, name->text_size) != NULL &&
        !vl_schema_is_reserved(name->text, name->text_size))
        schema = state->input->schemas[1];
    VL_TRY(create_place(state, schema, ""));
    *table = vl_schema_table(state->out->schema, name->text, name->text_size);
    if (*table == NULL)
        return vl_schema_fail(&state->builder, NULL, "no such table: %s.%.*s",
                              state->out->schema->database, (int)name->text_size, name->text);
    if ((*table)->is_system)
        return vl_schema_fail(&state->builder, NULL, "table %s may not be indexed",
                              vl_ddl_shown_name(*table));
    if ((*table)->object.type == VL_OBJECT_VIEW)
        return vl_schema_fail(&state->builder, NULL, "views may not be indexed");
    if ((*table)->virtual_ast != NULL)
        return vl_schema_fail(&state->builder, NULL, "virtual tables may not be indexed");
    return VELO_OK;
}

/* Check that the index can have its name; *exists as with tables. */
static velo_status
create_check_index_name(const vl_ddl_plan_state *state, int *exists)
{
    const vl_ast *statement = state->input->statement;
    const vl_ast *name = statement->kid[0];

    *exists = 0;
    VL_TRY(vl_ddl_check_name(state, name));
    if (vl_schema_table(state->out->schema, name->text, name->text_size) != NULL)
        return vl_schema_fail(&state->builder, NULL, "there is already a table named %.*s",
                              (int)name->text_size, name->text);
    *exists = vl_schema_index(state->out->schema, name->text, name->text_size) != NULL;
    if (*exists && (statement->flags & VL_AST_IF_EXISTS) == 0)
        return vl_schema_fail(&state->builder, NULL, "index %.*s already exists",
                              (int)name->text_size, name->text);
    return VELO_OK;
}

velo_status
vl_ddl_create_index(vl_ddl_plan_state *state)
{
    const vl_ast *statement = state->input->statement;
    int is_unique = (statement->flags & VL_AST_IS_UNIQUE) != 0;
    const vl_table_def *table;
    vl_index_def *index;
    int exists;

    VL_TRY(create_index_table(state, &table));
    VL_TRY(create_check_index_name(state, &exists));
    if (exists)
        return VELO_OK;
    VL_TRY(vl_schema_make_index(&state->builder, table, statement, &index));
    VL_TRY(create_text(state, is_unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ",
                       create_end_with_spaces(state), &index->object.sql));
    VL_TRY(create_add_tree(state, table, 1));
    VL_TRY(create_add_row(state, &index->object, 1));
    return vl_ddl_add_named(state, VL_DDL_FILL_INDEX, state->out->schema, index->object.name, NULL);
}

/* ---- CREATE VIEW, CREATE TRIGGER ---- */

/* Find a name that says another database than the object's own. */
static const vl_ast *
create_find_foreign(const vl_ast *node, const char *database)
{
    const vl_ast *found = NULL;

    if (node == NULL)
        return NULL;
    if (node->type == VL_AST_LIST) {
        for (const vl_ast *at = vl_ast_first(node); at != NULL && found == NULL; at = at->next)
            found = create_find_foreign(at, database);
        return found;
    }
    if (node->type == VL_AST_QNAME && node->kid[0] != NULL &&
        !vl_schema_is_word(node->kid[0]->text, node->kid[0]->text_size, database))
        return node->kid[0];
    for (unsigned i = 0; i < node->kid_count && found == NULL; i++)
        found = create_find_foreign(node->kid[i], database);
    return found;
}

/* Objects of "temp" may refer to every database, others to their own only. */
static velo_status
create_check_foreign(const vl_ddl_plan_state *state, const char *kind, const vl_ast *node)
{
    const vl_ast *name = state->input->statement->kid[0];
    const char *database = state->out->schema->database;
    const vl_ast *foreign;

    if (strcmp(database, "temp") == 0)
        return VELO_OK;
    foreign = create_find_foreign(node, database);
    if (foreign == NULL)
        return VELO_OK;
    return vl_schema_fail(&state->builder, NULL,
                          "%s %.*s cannot reference objects in database %.*s", kind,
                          (int)name->text_size, name->text, (int)foreign->text_size, foreign->text);
}

velo_status
vl_ddl_create_view(vl_ddl_plan_state *state)
{
    const vl_ast *statement = state->input->statement;
    vl_table_def *view;
    int exists;

    VL_TRY(vl_schema_make_view(&state->builder, statement, &view));
    VL_TRY(
        create_place(state, state->input->schemas[0], "temporary table name must be unqualified"));
    VL_TRY(create_check_table_name(state, &exists));
    if (exists)
        return VELO_OK;
    VL_TRY(create_check_foreign(state, "view", statement->kid[2]));
    VL_TRY(create_text(state, "CREATE VIEW ", create_end_with_comments(state), &view->object.sql));
    return create_add_row(state, &view->object, 0);
}

/* The table that a trigger is on: of the trigger's database, unless that is "temp". */
static velo_status
create_trigger_table(vl_ddl_plan_state *state, const vl_table_def **table)
{
    const vl_ast *statement = state->input->statement;
    const vl_ast *on = statement->kid[1];
    const vl_schema *schema = state->input->schemas[0];

    if ((statement->flags & VL_AST_TEMP) != 0 && statement->kid[0]->kid[0] != NULL)
        return vl_schema_fail(&state->builder, NULL,
                              "temporary trigger may not have qualified name");
    *table = vl_ddl_find_table(state, on);
    if (*table != NULL && (*table)->is_temporary)
        schema = (*table)->schema;
    VL_TRY(create_place(state, schema, ""));
    VL_TRY(create_check_foreign(state, "trigger", on));
    if (strcmp(state->out->schema->database, "temp") != 0)
        *table = vl_schema_table(state->out->schema, on->text, on->text_size);
    if (*table == NULL)
        return vl_schema_fail(&state->builder, NULL, "no such table: %s.%.*s",
                              state->out->schema->database, (int)on->text_size, on->text);
    return VELO_OK;
}

/* Check that the trigger can have its name; *exists as with tables. */
static velo_status
create_check_trigger_name(const vl_ddl_plan_state *state, int *exists)
{
    const vl_ast *statement = state->input->statement;
    const vl_ast *name = statement->kid[0];
    vl_token written = vl_schema_token(&state->builder, name);

    VL_TRY(vl_ddl_check_name(state, name));
    *exists = vl_schema_trigger(state->out->schema, name->text, name->text_size) != NULL;
    if (*exists && (statement->flags & VL_AST_IF_EXISTS) == 0)
        return vl_schema_fail(&state->builder, name, "trigger %.*s already exists",
                              (int)written.size, written.text);
    return VELO_OK;
}

/* Whether a trigger will be in "temp", where its statements may name databases. */
static int
create_is_temporary(const vl_ddl_plan_state *state)
{
    const vl_ast *create = state->input->statement;
    const vl_ast *qualifier = create->kid[0]->kid[0];
    const vl_table_def *table;

    if ((create->flags & VL_AST_TEMP) != 0)
        return 1;
    if (qualifier != NULL)
        return vl_schema_is_word(qualifier->text, qualifier->text_size, "temp");
    table = vl_ddl_find_table(state, create->kid[1]);
    return table != NULL && table->is_temporary;
}

/* Check what the grammar takes in statements of a body and SQLite refuses there. */
static velo_status
create_check_trigger_step(const vl_ddl_plan_state *state, const vl_ast *step, int is_temporary)
{
    const vl_ast *source; /* of UPDATE and DELETE; of INSERT the name itself */
    const vl_ast *target;

    if (step->type == VL_AST_QUERY)
        return VELO_OK;
    source = step->kid[1];
    target = source;
    if (step->type != VL_AST_INSERT)
        target = source->kid[0];
    if (target->kid[0] != NULL && !is_temporary)
        return vl_schema_fail(&state->builder, NULL,
                              "qualified table names are not allowed on INSERT, UPDATE, and DELETE "
                              "statements within triggers");
    if (step->type != VL_AST_INSERT && (source->flags & (VL_AST_INDEXED | VL_AST_NOT_INDEXED)) != 0)
        return vl_schema_fail(&state->builder, NULL,
                              "the %s clause is not allowed on UPDATE or DELETE statements within "
                              "triggers",
                              (source->flags & VL_AST_INDEXED) != 0 ? "INDEXED BY" : "NOT INDEXED");
    return VELO_OK;
}

static velo_status
create_check_trigger_body(const vl_ddl_plan_state *state, int is_temporary)
{
    const vl_ast *statement = state->input->statement;

    for (const vl_ast *step = vl_ast_first(statement->kid[4]); step != NULL; step = step->next)
        VL_TRY(create_check_trigger_step(state, step, is_temporary));
    if (vl_schema_has_parameter(statement->kid[3]) || vl_schema_has_parameter(statement->kid[4]))
        return vl_schema_fail(&state->builder, NULL, "trigger cannot use variables");
    return VELO_OK;
}

/* Check that there can be such a trigger on the table. */
static velo_status
create_check_trigger(const vl_ddl_plan_state *state, const vl_table_def *table)
{
    const vl_ast *statement = state->input->statement;
    const vl_ast *on = statement->kid[1];
    int is_view = table->object.type == VL_OBJECT_VIEW;

    if (table->is_system)
        return vl_schema_fail(&state->builder, NULL, "cannot create trigger on system table");
    if (table->virtual_ast != NULL)
        return vl_schema_fail(&state->builder, NULL, "cannot create triggers on virtual tables");
    if (is_view && statement->op != VL_OP_INSTEAD_OF)
        return vl_schema_fail(&state->builder, NULL, "cannot create %s trigger on view: %.*s",
                              statement->op == VL_OP_AFTER ? "AFTER" : "BEFORE", (int)on->text_size,
                              on->text);
    if (!is_view && statement->op == VL_OP_INSTEAD_OF)
        return vl_schema_fail(&state->builder, NULL,
                              "cannot create INSTEAD OF trigger on table: %.*s", (int)on->text_size,
                              on->text);
    VL_TRY(create_check_foreign(state, "trigger", statement->kid[3]));
    return create_check_foreign(state, "trigger", statement->kid[4]);
}

velo_status
vl_ddl_create_trigger(vl_ddl_plan_state *state)
{
    const vl_ast *name = state->input->statement->kid[0];
    const vl_table_def *table = NULL;
    vl_object_def object = {.type = VL_OBJECT_TRIGGER};
    int exists = 0;

    VL_TRY(create_check_trigger_body(state, create_is_temporary(state)));
    VL_TRY(create_trigger_table(state, &table));
    VL_ASSERT(table != NULL);
    VL_TRY(create_check_trigger_name(state, &exists));
    if (exists)
        return VELO_OK;
    VL_TRY(create_check_trigger(state, table));
    VL_TRY(vl_schema_copy(&state->builder, name->text, name->text_size, &object.name));
    object.table_name = table->object.name;
    VL_TRY(create_text(state, "CREATE TRIGGER ", create_end(state), &object.sql));
    return create_add_row(state, &object, 0);
}
