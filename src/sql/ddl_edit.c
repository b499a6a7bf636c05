/* ddl_edit.c - the rows of sqlite_schema while ALTER edits them.
 *
 * Invariants
 *   DE1  Rows keep their rowids and their order; what is put into the list of changes made a whole
 *        schema first. */
#include "sql/ddl_int.h"

#include "base/assert.h"

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
        if (table->object.type == VL_OBJECT_TABLE)
            VL_TRY(vl_ddl_layout(&state->builder, table, &row.layout));
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
edit_failed(const vl_ddl_plan_state *state, const vl_schema_row *row, const char *when,
            velo_status status)
{
    char reason[VL_ERROR_TEXT_SIZE];

    if (status == VELO_NOMEM || row == NULL)
        return status;
    memcpy(reason, state->builder.ctx->error.text, sizeof reason);
    return vl_schema_fail(&state->builder, NULL, "error in %s %s %s: %s", row->type, row->name,
                          when, reason);
}

velo_status
vl_ddl_edit_end(vl_ddl_plan_state *state, const vl_ddl_edit *edit, const char *when,
                vl_schema **after)
{
    vl_schema_source source = {.database = edit->schema->database,
                               .version = edit->schema->version,
                               .tree = 1, /* which nobody reads there */
                               .rows = edit->rows,
                               .row_count = edit->row_count};
    const vl_schema_row *failed;
    velo_status status = vl_schema_build_rows(state->builder.ctx, &source, &failed, after);

    if (status != VELO_OK)
        return edit_failed(state, failed, when, status);
    for (size_t i = 0; i < edit->row_count && status == VELO_OK; i++) {
        vl_ddl_change *change;

        if (!edit->is_changed[i])
            continue;
        change = vl_ddl_add(state, VL_DDL_UPDATE_ROW, edit->schema);
        if (change != NULL)
            change->row = edit->rows[i];
        else
            status = VELO_NOMEM;
    }
    if (status != VELO_OK) {
        vl_schema_release(*after);
        *after = NULL;
    }
    return status;
}
