/* ddl_rename.c - ALTER TABLE RENAME: a table or a column, in every text that names it.
 *
 * Invariants
 *   DR1  A text changes at the tokens that mean what is renamed and nowhere else.
 *   DR2  A table's new name is always written in quotes; a column's when it was written in quotes
 * in the statement or at its place (SQLite's rule). */
#include "sql/ddl_int.h"
#include "sql/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A token to be replaced. */
typedef struct rename_edit {
    struct rename_edit *next; /* behind it in the text */
    vl_token token;           /* in the text */
    const char *text;         /* what takes its place; NULL: the new name */
} rename_edit;

/* A rename at work on one text after the other. */
typedef struct rename_job {
    vl_ddl_plan_state *state;
    const vl_table_def *table; /* that is renamed, or has the column */
    int32_t column;            /* position; -1: the table */
    const char *old_name;      /* of what is renamed */
    const char *new_name;      /* the same */
    const char *quoted;        /* new_name in double quotes */
    int is_always_quoted;      /* see DR2 */
    const char *sql;           /* the text at hand */
    rename_edit *edits;        /* in it, in order */
} rename_job;

/* ---- editing a text ---- */

/* Note that the name that a node ends with is to be replaced by a text, NULL for the new name. */
static velo_status
rename_add_text(rename_job *job, const vl_ast *node, const char *text)
{
    vl_schema_builder builder = job->state->builder;
    rename_edit **at = &job->edits;
    rename_edit *edit;
    vl_token token;

    builder.sql = job->sql;
    token = vl_schema_token(&builder, node);
    while (*at != NULL && (*at)->token.text < token.text)
        at = &(*at)->next;
    if (*at != NULL && (*at)->token.text == token.text)
        return VELO_OK; /* a name that means it twice, as in USING */
    edit = vl_schema_alloc(&builder, 1, sizeof *edit);
    if (edit == NULL)
        return VELO_NOMEM;
    edit->token = token;
    edit->text = text;
    edit->next = *at;
    *at = edit;
    return VELO_OK;
}

static velo_status
rename_add(rename_job *job, const vl_ast *node)
{
    return rename_add_text(job, node, NULL);
}

/* A name in double quotes that means a text: written as one, it means that even when the new name
 * is the same. */
static velo_status
rename_add_literal(rename_job *job, const vl_ast *node)
{
    char *text = vl_schema_alloc(&job->state->builder, 2 * (size_t)node->text_size + 3, 1);
    char *to = text;

    if (text == NULL)
        return VELO_NOMEM;
    *to++ = '\'';
    for (uint32_t i = 0; i < node->text_size; i++) {
        if (node->text[i] == '\'')
            *to++ = '\'';
        *to++ = node->text[i];
    }
    *to = '\'';
    return rename_add_text(job, node, text);
}

/* Whether a token is replaced by the quoted name. */
static int
rename_is_quoted(const rename_job *job, vl_token token)
{
    char first = token.text[0];

    return job->is_always_quoted || first == '"' || first == '\'' || first == '`' || first == '[';
}

/* The text with all noted tokens replaced. */
static velo_status
rename_apply(const rename_job *job, const char **out)
{
    size_t most = strlen(job->quoted) + 1;
    size_t size = strlen(job->sql) + 1;
    const char *from = job->sql;
    char *text;
    char *to;

    for (const rename_edit *edit = job->edits; edit != NULL; edit = edit->next)
        size += edit->text != NULL ? strlen(edit->text) : most;
    text = vl_schema_alloc(&job->state->builder, size, 1);
    if (text == NULL)
        return VELO_NOMEM;
    to = text;
    for (const rename_edit *edit = job->edits; edit != NULL; edit = edit->next) {
        int is_quoted = edit->text == NULL && rename_is_quoted(job, edit->token);
        const char *name = edit->text != NULL ? edit->text
                           : is_quoted        ? job->quoted
                                              : job->new_name;
        const char *behind = edit->token.text + edit->token.size;

        while (from < edit->token.text)
            *to++ = *from++;
        for (; *name != '\0'; name++)
            *to++ = *name;
        if (is_quoted && *behind == '"')
            *to++ = ' ';
        from = behind;
    }
    while (*from != '\0')
        *to++ = *from++;
    *out = text;
    return VELO_OK;
}

/* Let the row of an object have its edited text, when it has edits. */
static velo_status
rename_finish(rename_job *job, vl_ddl_edit *edit, const vl_object_def *object)
{
    if (job->edits == NULL)
        return VELO_OK;
    VL_TRY(rename_apply(job, &vl_ddl_edit_row(edit, object)->sql));
    job->edits = NULL;
    return VELO_OK;
}

/* ---- names in tables and indexes ---- */

static int
rename_is_old(const rename_job *job, const vl_ast *name)
{
    return vl_schema_is_word(name->text, name->text_size, job->old_name);
}

/* A column in an expression of the table at hand, which is the job's. */
static velo_status
rename_column_node(rename_job *job, const vl_ast *node)
{
    const vl_ast *qualifier = node->kid[0];
    int is_right = qualifier == NULL || vl_schema_is_word(qualifier->text, qualifier->text_size,
                                                          job->table->object.name);

    if (!is_right)
        return VELO_OK;
    if (job->column < 0)
        return qualifier != NULL ? rename_add(job, qualifier) : VELO_OK;
    if (rename_is_old(job, node))
        return rename_add(job, node);
    return (node->flags & VL_AST_DOUBLE_QUOTED) != 0 && qualifier == NULL &&
                   vl_table_def_column(job->table, node->text, node->text_size) < 0
               ? rename_add_literal(job, node)
               : VELO_OK;
}

/* Names in an expression of the job's table. */
static velo_status
rename_expression(rename_job *job, const vl_ast *node)
{
    if (node == NULL)
        return VELO_OK;
    if (node->type == VL_AST_LIST) {
        for (const vl_ast *element = vl_ast_first(node); element != NULL; element = element->next)
            VL_TRY(rename_expression(job, element));
        return VELO_OK;
    }
    if (node->type == VL_AST_COLUMN)
        return rename_column_node(job, node);
    for (unsigned i = 0; i < node->kid_count; i++)
        VL_TRY(rename_expression(job, node->kid[i]));
    return VELO_OK;
}

/* Terms of an index or constraint, where a string may be a column's name. */
static velo_status
rename_terms(rename_job *job, const vl_ast *list)
{
    for (const vl_ast *term = vl_ast_first(list); term != NULL; term = term->next) {
        const vl_ast *name = term->kid[0];

        while (name->type == VL_AST_COLLATE)
            name = name->kid[0];
        if (name->type == VL_AST_STRING && job->column >= 0 && rename_is_old(job, name))
            VL_TRY(rename_add(job, name));
        VL_TRY(rename_expression(job, name));
    }
    return VELO_OK;
}

/* Names of columns of the job's table. */
static velo_status
rename_names(rename_job *job, const vl_ast *list)
{
    for (const vl_ast *name = vl_ast_first(list); name != NULL; name = name->next)
        if (job->column >= 0 && rename_is_old(job, name))
            VL_TRY(rename_add(job, name));
    return VELO_OK;
}

/* REFERENCES, in whatever table: the job's table as the parent, and its columns. */
static velo_status
rename_references(rename_job *job, const vl_ast *references)
{
    if (references == NULL ||
        !vl_schema_is_word(references->text, references->text_size, job->table->object.name))
        return VELO_OK;
    if (job->column < 0)
        return rename_add(job, references);
    return rename_names(job, references->kid[0]);
}

/* A constraint of a table; is_own: of the job's. */
static velo_status
rename_constraint(rename_job *job, const vl_ast *node, int is_own)
{
    switch ((vl_ast_op)node->op) {
    case VL_OP_REFERENCES:
    case VL_OP_FOREIGN_KEY:
        if (is_own)
            VL_TRY(rename_names(job, node->kid[0]));
        return rename_references(job, node->kid[1]);
    case VL_OP_PRIMARY_KEY:
    case VL_OP_UNIQUE:
        return is_own ? rename_terms(job, node->kid[0]) : VELO_OK;
    case VL_OP_CHECK:
    case VL_OP_GENERATED:
        return is_own ? rename_expression(job, node->kid[0]) : VELO_OK;
    default: /* DEFAULT and others name no column */
        return VELO_OK;
    }
}

/* All of a CREATE TABLE. */
static velo_status
rename_table_text(rename_job *job, const vl_ast *create, int is_own)
{
    if (is_own && job->column < 0)
        VL_TRY(rename_add(job, create->kid[0]));
    for (const vl_ast *column = vl_ast_first(create->kid[1]); column != NULL;
         column = column->next) {
        if (is_own && job->column >= 0 && rename_is_old(job, column))
            VL_TRY(rename_add(job, column));
        for (const vl_ast *node = vl_ast_first(column->kid[1]); node != NULL; node = node->next)
            VL_TRY(rename_constraint(job, node, is_own));
    }
    for (const vl_ast *node = vl_ast_first(create->kid[2]); node != NULL; node = node->next)
        VL_TRY(rename_constraint(job, node, is_own));
    return VELO_OK;
}

/* Parse the text of an object, which is then at hand. */
static velo_status
rename_parse(rename_job *job, const vl_object_def *object, const vl_ast **create)
{
    job->sql = object->sql;
    return vl_ddl_parse(job->state, object, create);
}

/* All tables of the database, and the indexes of the job's. */
static velo_status
rename_in_tables(rename_job *job, vl_ddl_edit *edit)
{
    const vl_schema *schema = job->table->schema;
    const vl_ast *create;

    for (uint32_t i = 0; i < schema->table_count; i++) {
        const vl_table_def *table = schema->tables[i];

        if (table->object.type != VL_OBJECT_TABLE || table->object.rowid == 0 ||
            (table != job->table && table->fk_count == 0))
            continue;
        VL_TRY(rename_parse(job, &table->object, &create));
        if (table->virtual_ast != NULL)
            VL_TRY(rename_add(job, create->kid[0]));
        else
            VL_TRY(rename_table_text(job, create, table == job->table));
        VL_TRY(rename_finish(job, edit, &table->object));
    }
    for (const vl_index_def *index = job->table->indexes; index != NULL; index = index->next) {
        if (index->object.sql == NULL)
            continue;
        VL_TRY(rename_parse(job, &index->object, &create));
        if (job->column < 0)
            VL_TRY(rename_add(job, create->kid[1]));
        VL_TRY(rename_terms(job, create->kid[2]));
        VL_TRY(rename_expression(job, create->kid[3]));
        VL_TRY(rename_finish(job, edit, &index->object));
    }
    return VELO_OK;
}

/* ---- names in views and triggers ---- */

static velo_status
rename_tell(void *argument, const vl_ast *node, const vl_table_def *table, int32_t column)
{
    rename_job *job = argument;

    if (table == NULL)
        return job->column >= 0 ? rename_add_literal(job, node) : VELO_OK;
    return table == job->table && column == job->column ? rename_add(job, node) : VELO_OK;
}

static velo_status
rename_in_object(rename_job *job, vl_ddl_edit *edit, const vl_object_def *object,
                 const vl_ast *create)
{
    const vl_ddl_input *given = job->state->input;
    vl_names_input input = {.schemas = given->schemas,
                            .schema_count = given->schema_count,
                            .home = edit->schema,
                            .tell = rename_tell,
                            .argument = job};

    job->sql = object->sql;
    job->edits = NULL;
    VL_TRY(vl_names_resolve(job->state->builder.ctx, job->state->builder.arena, &input, create));
    return rename_finish(job, edit, object);
}

/* All views and triggers of a database. Their names were checked before. */
static velo_status
rename_in_objects(rename_job *job, vl_ddl_edit *edit)
{
    const vl_schema *schema = edit->schema;

    for (uint32_t i = 0; i < schema->table_count; i++)
        if (schema->tables[i]->object.type == VL_OBJECT_VIEW)
            VL_TRY(rename_in_object(job, edit, &schema->tables[i]->object,
                                    schema->tables[i]->view_ast));
    for (uint32_t i = 0; i < schema->trigger_count; i++)
        VL_TRY(rename_in_object(job, edit, &schema->triggers[i]->object, schema->triggers[i]->ast));
    return VELO_OK;
}

/* ---- rows ---- */

/* The name in double quotes. */
static velo_status
rename_quote(const vl_schema_builder *builder, const char *name, const char **out)
{
    char *text = vl_schema_alloc(builder, 2 * strlen(name) + 3, 1);
    char *to = text;

    if (text == NULL)
        return VELO_NOMEM;
    *to++ = '"';
    for (; *name != '\0'; name++) {
        if (*name == '"')
            *to++ = '"';
        *to++ = *name;
    }
    *to = '"';
    *out = text;
    return VELO_OK;
}

/* Begin a job. */
static velo_status
rename_begin(vl_ddl_plan_state *state, const vl_table_def *table, int32_t column,
             const vl_ast *new_name, rename_job *job)
{
    *job = (rename_job){.state = state, .table = table, .column = column};
    job->old_name = column < 0 ? table->object.name : table->columns[column].name;
    job->is_always_quoted = column < 0 || (new_name->flags & VL_AST_QUOTED) != 0;
    VL_TRY(vl_schema_copy(&state->builder, new_name->text, new_name->text_size, &job->new_name));
    return rename_quote(&state->builder, job->new_name, &job->quoted);
}

/* Edit all texts of the table's database and of "temp". Returns the number of edits that were begun
 * in *count, one or two. */
static velo_status
rename_in_all(rename_job *job, vl_ddl_edit edits[2], uint32_t *count)
{
    const vl_ddl_plan_state *state = job->state;
    const vl_schema *home = job->table->schema;

    *count = 1;
    VL_TRY(vl_ddl_check_names(state, state->input->schemas, home, ""));
    VL_TRY(vl_ddl_edit_begin(state, home, &edits[0]));
    VL_TRY(rename_in_tables(job, &edits[0]));
    VL_TRY(rename_in_objects(job, &edits[0]));
    if (state->input->schema_count < 2 || state->input->schemas[1] == home)
        return VELO_OK;
    *count = 2;
    VL_TRY(vl_ddl_edit_begin(state, state->input->schemas[1], &edits[1]));
    return rename_in_objects(job, &edits[1]);
}

/* The new name of an automatic index. */
static velo_status
rename_automatic(const rename_job *job, vl_schema_row *row)
{
    const char *number = strrchr(row->name, '_');
    size_t size = strlen(job->new_name) + strlen(number) + sizeof "sqlite_autoindex_";
    char *name = vl_schema_alloc(&job->state->builder, size, 1);

    if (name == NULL)
        return VELO_NOMEM;
    (void)snprintf(name, size, "sqlite_autoindex_%s%s", job->new_name, number);
    row->name = name;
    return VELO_OK;
}

/* Rows whose name or table is the renamed one. */
static velo_status
rename_rows(const rename_job *job, vl_ddl_edit edits[2], uint32_t edit_count)
{
    const vl_table_def *table = job->table;
    vl_schema_row *row = vl_ddl_edit_row(&edits[0], &table->object);

    row->name = job->new_name;
    row->table_name = job->new_name;
    for (const vl_index_def *index = table->indexes; index != NULL; index = index->next) {
        if (index == table->primary)
            continue;
        row = vl_ddl_edit_row(&edits[0], &index->object);
        row->table_name = job->new_name;
        if (index->object.sql == NULL)
            VL_TRY(rename_automatic(job, row));
    }
    for (const vl_trigger_def *trigger = table->triggers; trigger != NULL; trigger = trigger->next)
        vl_ddl_edit_row(&edits[0], &trigger->object)->table_name = job->new_name;
    for (uint32_t i = 0; edit_count > 1 && i < edits[1].schema->trigger_count; i++)
        if (vl_ddl_is_temp_trigger_on(job->state, edits[1].schema->triggers[i], table))
            vl_ddl_edit_row(&edits[1], &edits[1].schema->triggers[i]->object)->table_name =
                job->new_name;
    return VELO_OK;
}

/* ---- the statements ---- */

/* Check that a table may be renamed so. */
static velo_status
rename_check_table(const vl_ddl_plan_state *state, const vl_table_def *table, const vl_ast *name)
{
    const vl_schema *schema = table->schema;

    if (vl_schema_table(schema, name->text, name->text_size) != NULL ||
        vl_schema_index(schema, name->text, name->text_size) != NULL)
        return vl_schema_fail(&state->builder, NULL,
                              "there is already another table or index with this name: %.*s",
                              (int)name->text_size, name->text);
    if (table->is_system)
        return vl_schema_fail(&state->builder, NULL, "table %s may not be altered",
                              vl_ddl_shown_name(table));
    VL_TRY(vl_ddl_check_name(state, name));
    if (table->object.type == VL_OBJECT_VIEW)
        return vl_schema_fail(&state->builder, NULL, "view %s may not be altered",
                              table->object.name);
    return VELO_OK;
}

velo_status
vl_ddl_rename_table(vl_ddl_plan_state *state, const vl_table_def *table)
{
    const vl_ast *name = state->input->statement->kid[1];
    vl_ddl_edit edits[2];
    uint32_t edit_count;
    rename_job job;

    VL_TRY(rename_check_table(state, table, name));
    VL_TRY(rename_begin(state, table, -1, name, &job));
    VL_TRY(rename_in_all(&job, edits, &edit_count));
    VL_TRY(rename_rows(&job, edits, edit_count));
    VL_TRY(vl_ddl_edit_end(state, edits, edit_count, "after rename", 1));
    if (table->virtual_ast != NULL) {
        vl_ddl_change *change = vl_ddl_add(state, VL_DDL_RENAME_VIRTUAL, table->schema);

        if (change == NULL)
            return VELO_NOMEM;
        change->table = table;
        change->new_name = job.new_name;
    }
    if (!table->is_autoincrement)
        return VELO_OK;
    return vl_ddl_add_named(state, VL_DDL_RENAME_SEQUENCE, table->schema, table->object.name,
                            job.new_name);
}

velo_status
vl_ddl_rename_column(vl_ddl_plan_state *state, const vl_table_def *table)
{
    const vl_ast *old_name = state->input->statement->kid[1];
    int32_t column = vl_table_def_column(table, old_name->text, old_name->text_size);
    vl_token written = vl_schema_token(&state->builder, old_name);
    vl_ddl_edit edits[2];
    uint32_t edit_count;
    rename_job job;

    if (column < 0)
        return vl_schema_fail(&state->builder, old_name, "no such column: \"%.*s\"",
                              (int)written.size, written.text);
    VL_TRY(vl_ddl_check_text_terms(state, table));
    VL_TRY(rename_begin(state, table, column, state->input->statement->kid[2], &job));
    VL_TRY(rename_in_all(&job, edits, &edit_count));
    return vl_ddl_edit_end(state, edits, edit_count, "after rename", 1);
}
