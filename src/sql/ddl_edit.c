/* ddl_edit.c - the rows of sqlite_schema while ALTER edits them.
 *
 * Invariants
 *   DE1  Rows keep their rowids and their order; what is put into the list of changes made a whole
 *        schema first. */
#include "base/assert.h"
#include "sql/ddl_int.h"
#include "sql/names.h"
#include "sql/parse.h"

#include <stdlib.h>
#include <string.h>

static int
edit_compare(const void *left, const void *right)
{
    const vl_schema_row *a = left;
    const vl_schema_row *b = right;

    return (a->rowid > b->rowid) - (a->rowid < b->rowid);
}

/* Take the rows of tables and views with the ids of their columns, and of their indexes. */
static velo_status
edit_add_tables(const vl_ddl_plan_state *state, vl_ddl_edit *edit)
{
    for (uint32_t i = 0; i < edit->schema->table_count; i++) {
        const vl_table_def *table = edit->schema->tables[i];
        vl_schema_row row = vl_ddl_row(&table->object);

        if (row.rowid == 0)
            continue; /* sqlite_schema has no row */
        if (table->object.type == VL_OBJECT_TABLE && table->virtual_ast == NULL)
            VL_TRY(vl_ddl_layout(&state->builder, table, &row.layout));
        row.key_tree = table->primary != NULL ? table->primary->object.tree : 0;
        edit->rows[edit->row_count++] = row;
        for (const vl_index_def *index = table->indexes; index != NULL; index = index->next)
            if (index != table->primary)
                edit->rows[edit->row_count++] = vl_ddl_row(&index->object);
    }
    return VELO_OK;
}

velo_status
vl_ddl_edit_begin(const vl_ddl_plan_state *state, const vl_schema *schema, vl_ddl_edit *edit)
{
    size_t most = (size_t)schema->table_count + schema->index_count + schema->trigger_count;

    *edit = (vl_ddl_edit){.schema = schema};
    edit->rows = vl_schema_alloc(&state->builder, most, sizeof *edit->rows);
    edit->is_changed = vl_schema_alloc(&state->builder, most, sizeof *edit->is_changed);
    if (edit->rows == NULL || edit->is_changed == NULL)
        return VELO_NOMEM;
    VL_TRY(edit_add_tables(state, edit));
    for (uint32_t i = 0; i < schema->trigger_count; i++)
        edit->rows[edit->row_count++] = vl_ddl_row(&schema->triggers[i]->object);
    qsort(edit->rows, edit->row_count, sizeof *edit->rows, edit_compare);
    return VELO_OK;
}

vl_schema_row *
vl_ddl_edit_row(vl_ddl_edit *edit, const vl_object_def *object)
{
    vl_schema_row wanted = {.rowid = object->rowid};
    vl_schema_row *row =
        bsearch(&wanted, edit->rows, edit->row_count, sizeof *edit->rows, edit_compare);

    VL_ASSERT(row != NULL);
    edit->is_changed[row - edit->rows] = 1;
    return row;
}

/* Say which object would be broken. */
static velo_status
edit_failed(const vl_ddl_plan_state *state, const char *type, const char *name, const char *when,
            velo_status status)
{
    char reason[VL_ERROR_TEXT_SIZE];

    if (status != VELO_ERROR)
        return status;
    memcpy(reason, state->builder.ctx->error.text, sizeof reason);
    return vl_schema_fail(&state->builder, NULL, "error in %s %s%s%s: %s", type, name,
                          when[0] != '\0' ? " " : "", when, reason);
}

velo_status
vl_ddl_parse(const vl_ddl_plan_state *state, const vl_object_def *object, const vl_ast **create)
{
    vl_parse_result result;

    VL_TRY(vl_parse(state->builder.ctx, object->sql, strlen(object->sql), NULL,
                    state->builder.arena, &result));
    *create = result.statement;
    return VELO_OK;
}

/* Check the names of a view or trigger. */
static velo_status
edit_check_object(const vl_ddl_plan_state *state, const vl_names_input *input,
                  const vl_object_def *object, const vl_ast *create, const char *when)
{
    velo_status status = vl_names_resolve(state->builder.ctx, state->builder.arena, input, create);

    return edit_failed(state, object->type == VL_OBJECT_VIEW ? "view" : "trigger", object->name,
                       when, status);
}

/* Check the names of all views and triggers of a database, and of "temp"; input->home is set to the
 * database of each. */
static velo_status
edit_check_objects(const vl_ddl_plan_state *state, vl_names_input *input, const vl_schema *home,
                   const char *when)
{
    for (uint32_t i = 0; i < input->schema_count; i++) {
        const vl_schema *schema = input->schemas[i];

        VL_ASSERT(schema != NULL);
        if (schema != home && strcmp(schema->database, "temp") != 0)
            continue;
        input->home = schema;
        for (uint32_t at = 0; at < schema->table_count; at++)
            if (schema->tables[at]->object.type == VL_OBJECT_VIEW)
                VL_TRY(edit_check_object(state, input, &schema->tables[at]->object,
                                         schema->tables[at]->view_ast, when));
        for (uint32_t at = 0; at < schema->trigger_count; at++)
            VL_TRY(edit_check_object(state, input, &schema->triggers[at]->object,
                                     schema->triggers[at]->ast, when));
    }
    return VELO_OK;
}

velo_status
vl_ddl_check_names(const vl_ddl_plan_state *state, const vl_schema *const *schemas,
                   const vl_schema *home, const char *when)
{
    vl_names_input input = {.schemas = schemas, .schema_count = state->input->schema_count};

    return edit_check_objects(state, &input, home, when);
}

/* A column that nothing may mean by a name in quotes. */
typedef struct edit_column {
    const vl_ddl_plan_state *state;
    const vl_table_def *table;
    int32_t column;
} edit_column;

static velo_status
edit_tell_quoted(void *argument, const vl_ast *node, const vl_table_def *table, int32_t column)
{
    const edit_column *wanted = argument;

    if (table != wanted->table || column != wanted->column || node->type != VL_AST_COLUMN ||
        !vl_schema_is_literal_name(node))
        return VELO_OK;
    return vl_schema_fail(&wanted->state->builder, NULL, "no such column: %.*s",
                          (int)node->text_size, node->text);
}

velo_status
vl_ddl_check_not_meant(const vl_ddl_plan_state *state, const vl_table_def *table, int32_t column)
{
    edit_column wanted = {state, table, column};
    vl_names_input input = {.schemas = state->input->schemas,
                            .schema_count = state->input->schema_count,
                            .tell = edit_tell_quoted,
                            .argument = &wanted};

    return edit_check_objects(state, &input, table->schema, "after drop column");
}

/* Make the schema of the edited rows. */
static velo_status
edit_build(const vl_ddl_plan_state *state, const vl_ddl_edit *edit, const char *when,
           vl_schema **after)
{
    vl_schema_source source = {.database = edit->schema->database,
                               .version = edit->schema->version,
                               .tree = 1, /* which nobody reads there */
                               .rows = edit->rows,
                               .row_count = edit->row_count};
    const vl_schema_row *failed;
    velo_status status = vl_schema_build_rows(state->builder.ctx, &source, &failed, after);

    if (status != VELO_OK && failed != NULL)
        return edit_failed(state, failed->type, failed->name, when, status);
    return status;
}

/* Check names with the schemas of the edited rows in place of those that were. */
static velo_status
edit_check_after(const vl_ddl_plan_state *state, const vl_ddl_edit *edits, vl_schema *const *after,
                 uint32_t edit_count, const char *when)
{
    uint32_t count = state->input->schema_count;
    const vl_schema **schemas = vl_schema_alloc(&state->builder, count, sizeof *schemas);

    if (schemas == NULL)
        return VELO_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        schemas[i] = state->input->schemas[i];
        for (uint32_t at = 0; at < edit_count; at++)
            if (schemas[i] == edits[at].schema)
                schemas[i] = after[at];
    }
    return vl_ddl_check_names(state, schemas, after[0], when);
}

/* Put the rows that changed into the list. */
static velo_status
edit_add_changes(vl_ddl_plan_state *state, const vl_ddl_edit *edit)
{
    for (size_t i = 0; i < edit->row_count; i++) {
        vl_ddl_change *change;

        if (!edit->is_changed[i])
            continue;
        change = vl_ddl_add(state, VL_DDL_UPDATE_ROW, edit->schema);
        if (change == NULL)
            return VELO_NOMEM;
        change->row = edit->rows[i];
    }
    return VELO_OK;
}

velo_status
vl_ddl_edit_end(vl_ddl_plan_state *state, const vl_ddl_edit *edits, uint32_t edit_count,
                const char *when, int has_names)
{
    vl_schema *after[2] = {NULL, NULL};
    velo_status status = VELO_OK;

    VL_ASSERT(edit_count <= VL_ARRAY_COUNT(after));
    for (uint32_t i = 0; i < edit_count && status == VELO_OK; i++)
        status = edit_build(state, &edits[i], when, &after[i]);
    if (status == VELO_OK && has_names)
        status = edit_check_after(state, edits, after, edit_count, when);
    vl_schema_release(after[0]);
    vl_schema_release(after[1]);
    for (uint32_t i = 0; i < edit_count && status == VELO_OK; i++)
        status = edit_add_changes(state, &edits[i]);
    return status;
}
