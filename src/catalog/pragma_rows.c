/* pragma_rows.c - what PRAGMAs about the schema answer.
 *
 * Invariants
 *   PR1  Every value of every row is set: NULL, an integer, or a text that ends with a 0 byte. */
#include "catalog/pragma_rows.h"

#include <stdlib.h>
#include <string.h>

/* ---- rows ---- */

/* Room for rows, which are then added one value after the other. */
static velo_status
pragma_begin(vl_ctx *ctx, vl_arena *arena, const char *const *names, uint32_t column_count,
             size_t row_count, vl_pragma_rows *out)
{
    memset(out, 0, sizeof *out);
    out->values = vl_arena_alloc_array(arena, row_count * column_count, sizeof(vl_value));
    if (out->values == NULL)
        return vl_fail(ctx, VELO_NOMEM, "out of memory");
    out->names = names;
    out->column_count = column_count;
    return VELO_OK;
}

/* The values of one more row, all NULL. */
static vl_value *
pragma_add_row(vl_pragma_rows *rows)
{
    vl_value *row = rows->values + (size_t)rows->row_count * rows->column_count;

    for (uint32_t i = 0; i < rows->column_count; i++)
        row[i] = (vl_value){.type = VL_TYPE_NULL};
    rows->row_count++;
    return row;
}

static vl_value
pragma_integer(int64_t integer)
{
    return (vl_value){.type = VL_TYPE_INTEGER, .as.integer = integer};
}

/* A text, or NULL for NULL. */
static vl_value
pragma_text(const char *text)
{
    if (text == NULL)
        return (vl_value){.type = VL_TYPE_NULL};
    return (vl_value){.type = VL_TYPE_TEXT, .size = (uint32_t)strlen(text), .as.data = text};
}

/* ---- tables ---- */

velo_status
vl_pragma_table_info(vl_ctx *ctx, vl_arena *arena, const vl_column_def *columns, uint32_t count,
                     int is_extended, vl_pragma_rows *out)
{
    static const char *const names[] = {"cid",        "name", "type",  "notnull",
                                        "dflt_value", "pk",   "hidden"};

    VL_TRY(pragma_begin(ctx, arena, names, is_extended ? 7 : 6, count, out));
    for (uint32_t i = 0; i < count; i++) {
        const vl_column_def *column = &columns[i];
        int hidden = column->generated != 0 ? column->generated + 1 : column->is_hidden;
        uint32_t at = out->row_count;
        vl_value *row;

        if (hidden != 0 && !is_extended)
            continue;
        row = pragma_add_row(out);
        row[0] = pragma_integer(at);
        row[1] = pragma_text(column->name);
        row[2] = pragma_text(column->type);
        row[3] = pragma_integer(column->is_not_null != 0);
        row[4] = pragma_text(column->default_text);
        row[5] = pragma_integer(column->key_place);
        if (is_extended)
            row[6] = pragma_integer(hidden);
    }
    return VELO_OK;
}

/* Newest first; sqlite_schema, which has no row, is the oldest. */
static int
pragma_compare_age(const void *left, const void *right)
{
    const vl_table_def *a = *(vl_table_def *const *)left;
    const vl_table_def *b = *(vl_table_def *const *)right;

    return (a->object.rowid < b->object.rowid) - (a->object.rowid > b->object.rowid);
}

static int
pragma_is_named(const vl_table_def *table, const char *name)
{
    return name == NULL ||
           vl_name_compare(table->object.name, strlen(table->object.name), name, strlen(name)) == 0;
}

/* The row of a table in table_list. */
static void
pragma_add_table(vl_pragma_rows *out, const vl_table_def *table, uint32_t column_count)
{
    int is_view = table->object.type == VL_OBJECT_VIEW;
    vl_value *row = pragma_add_row(out);

    row[0] = pragma_text(table->schema->database);
    row[1] = pragma_text(table->object.name);
    row[2] = pragma_text(is_view ? "view" : table->virtual_ast != NULL ? "virtual" : "table");
    row[3] = pragma_integer(column_count);
    row[4] = pragma_integer(table->is_without_rowid != 0);
    row[5] = pragma_integer(table->is_strict != 0);
}

/* The tables of a schema, newest first, in the arena; NULL when there is no memory. */
static const vl_table_def **
pragma_sort_tables(vl_arena *arena, const vl_schema *schema)
{
    const vl_table_def **tables = vl_arena_alloc_array(arena, schema->table_count, sizeof *tables);

    if (tables == NULL)
        return NULL;
    for (uint32_t i = 0; i < schema->table_count; i++)
        tables[i] = schema->tables[i];
    if (schema->table_count > 1)
        qsort(tables, schema->table_count, sizeof *tables, pragma_compare_age);
    return tables;
}

velo_status
vl_pragma_table_list(vl_ctx *ctx, vl_arena *arena, const vl_schema *const *schemas,
                     uint32_t schema_count, const char *name, vl_pragma_count_view *count_view,
                     void *argument, vl_pragma_rows *out)
{
    static const char *const names[] = {"schema", "name", "type", "ncol", "wr", "strict"};
    size_t most = 0;

    for (uint32_t i = 0; i < schema_count; i++)
        most += schemas[i]->table_count;
    VL_TRY(pragma_begin(ctx, arena, names, 6, most, out));
    for (uint32_t i = 0; i < schema_count; i++) {
        const vl_table_def **tables = pragma_sort_tables(arena, schemas[i]);

        if (tables == NULL) {
            memset(out, 0, sizeof *out);
            return vl_fail(ctx, VELO_NOMEM, "out of memory");
        }
        for (uint32_t at = 0; at < schemas[i]->table_count; at++)
            if (pragma_is_named(tables[at], name))
                pragma_add_table(out, tables[at],
                                 tables[at]->object.type == VL_OBJECT_VIEW ||
                                         tables[at]->virtual_ast != NULL
                                     ? count_view(argument, tables[at])
                                     : tables[at]->column_count);
    }
    return VELO_OK;
}

/* ---- indexes ---- */

velo_status
vl_pragma_index_list(vl_ctx *ctx, vl_arena *arena, const vl_table_def *table, vl_pragma_rows *out)
{
    static const char *const names[] = {"seq", "name", "unique", "origin", "partial"};
    static const char *const origins[] = {"c", "u", "pk"};
    size_t count = 0;

    for (const vl_index_def *index = table->indexes; index != NULL; index = index->next)
        count++;
    VL_TRY(pragma_begin(ctx, arena, names, 5, count, out));
    for (const vl_index_def *index = table->indexes; index != NULL; index = index->next) {
        uint32_t at = out->row_count;
        vl_value *row = pragma_add_row(out);

        row[0] = pragma_integer(at);
        row[1] = pragma_text(index->object.name);
        row[2] = pragma_integer(index->is_unique != 0);
        row[3] = pragma_text(origins[index->origin]);
        row[4] = pragma_integer(index->where_ast != NULL);
    }
    return VELO_OK;
}

velo_status
vl_pragma_index_info(vl_ctx *ctx, vl_arena *arena, const vl_index_def *index, int is_extended,
                     vl_pragma_rows *out)
{
    static const char *const names[] = {"seqno", "cid", "name", "desc", "coll", "key"};
    uint32_t count = is_extended ? index->total_count : index->term_count;

    VL_TRY(pragma_begin(ctx, arena, names, is_extended ? 6 : 3, count, out));
    for (uint32_t i = 0; i < count; i++) {
        const vl_index_term *term = &index->terms[i];
        vl_value *row = pragma_add_row(out);

        row[0] = pragma_integer(i);
        row[1] = pragma_integer(term->column);
        if (term->column >= 0)
            row[2] = pragma_text(index->table->columns[term->column].name);
        if (is_extended) {
            row[3] = pragma_integer(term->is_descending != 0);
            row[4] = pragma_text(vl_collation_name(term->collation));
            row[5] = pragma_integer(i < index->term_count);
        }
    }
    return VELO_OK;
}

/* ---- foreign keys, databases, collations ---- */

static const char *
pragma_action_words(vl_fk_action action)
{
    switch (action) {
    case VL_FK_NO_ACTION:
        return "NO ACTION";
    case VL_FK_RESTRICT:
        return "RESTRICT";
    case VL_FK_SET_NULL:
        return "SET NULL";
    case VL_FK_SET_DEFAULT:
        return "SET DEFAULT";
    case VL_FK_CASCADE:
        return "CASCADE";
    }
    return "";
}

/* The row of one column of a foreign key. */
static void
pragma_add_fk(vl_pragma_rows *out, const vl_table_def *table, uint32_t id, uint16_t at)
{
    const vl_fk_def *fk = &table->fks[id];
    vl_value *row = pragma_add_row(out);

    row[0] = pragma_integer(id);
    row[1] = pragma_integer(at);
    row[2] = pragma_text(fk->parent);
    row[3] = pragma_text(table->columns[fk->columns[at]].name);
    row[4] = pragma_text(fk->parent_columns != NULL ? fk->parent_columns[at] : NULL);
    row[5] = pragma_text(pragma_action_words(fk->on_update));
    row[6] = pragma_text(pragma_action_words(fk->on_delete));
    row[7] = pragma_text("NONE");
}

velo_status
vl_pragma_foreign_key_list(vl_ctx *ctx, vl_arena *arena, const vl_table_def *table,
                           vl_pragma_rows *out)
{
    static const char *const names[] = {"id", "seq",       "table",     "from",
                                        "to", "on_update", "on_delete", "match"};
    size_t count = 0;

    for (uint32_t id = 0; id < table->fk_count; id++)
        count += table->fks[id].count;
    VL_TRY(pragma_begin(ctx, arena, names, 8, count, out));
    for (uint32_t id = 0; id < table->fk_count; id++)
        for (uint16_t at = 0; at < table->fks[id].count; at++)
            pragma_add_fk(out, table, id, at);
    return VELO_OK;
}

velo_status
vl_pragma_database_list(vl_ctx *ctx, vl_arena *arena, const vl_pragma_database *databases,
                        uint32_t count, vl_pragma_rows *out)
{
    static const char *const names[] = {"seq", "name", "file"};

    VL_TRY(pragma_begin(ctx, arena, names, 3, count, out));
    for (uint32_t i = 0; i < count; i++) {
        vl_value *row = pragma_add_row(out);

        row[0] = pragma_integer(databases[i].number);
        row[1] = pragma_text(databases[i].name);
        row[2] = pragma_text(databases[i].file);
    }
    return VELO_OK;
}

velo_status
vl_pragma_collation_list(vl_ctx *ctx, vl_arena *arena, const vl_collators *own, vl_pragma_rows *out)
{
    static const char *const names[] = {"seq", "name"};
    uint32_t count = (uint32_t)VL_COLLATE_USER + (own->list == NULL ? 0 : VL_COLLATIONS_MAX);

    VL_TRY(pragma_begin(ctx, arena, names, 2, count, out));
    while (count > 0) {
        vl_value *row;

        count--;
        if (count >= VL_COLLATE_USER && own->list[count - VL_COLLATE_USER].compare == NULL)
            continue;
        row = pragma_add_row(out);
        row[0] = pragma_integer((int64_t)out->row_count - 1);
        row[1] = pragma_text(vl_collation_name((vl_collation)count));
    }
    return VELO_OK;
}
