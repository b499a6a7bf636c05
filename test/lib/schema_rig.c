/* schema_rig.c - makes the rows of sqlite_schema from statements and tells what a schema says. */
#include "lib/schema_rig.h"

#include "sql/parse.h"
#include "sql/schema_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
schema_rig_init(schema_rig *rig, vl_allocator *allocator)
{
    memset(rig, 0, sizeof *rig);
    vl_arena_init(&rig->arena, allocator, 0);
    rig->tree = 1;
}

void
schema_rig_deinit(schema_rig *rig)
{
    vl_arena_deinit(&rig->arena);
}

static velo_status
rig_add_row(vl_ctx *ctx, schema_rig *rig, vl_schema_row row)
{
    if (rig->row_count == SCHEMA_RIG_ROW_MAX)
        return vl_fail(ctx, VELO_FULL, "too many rows for the rig");
    row.rowid = (int64_t)rig->row_count + 1;
    if (strcmp(row.type, "table") == 0 || strcmp(row.type, "index") == 0)
        row.tree = ++rig->tree;
    rig->rows[rig->row_count++] = row;
    return VELO_OK;
}

/* Rows of a table's automatic indexes, oldest first. */
static velo_status
rig_add_automatic(vl_ctx *ctx, schema_rig *rig, const vl_table_def *table)
{
    for (unsigned number = 1; number <= SCHEMA_RIG_ROW_MAX; number++)
        for (const vl_index_def *index = table->indexes; index != NULL; index = index->next) {
            const char *end = strrchr(index->object.name, '_');
            char wanted[16];

            (void)snprintf(wanted, sizeof wanted, "_%u", number);
            if (index != table->primary && strcmp(end, wanted) == 0)
                VL_TRY(rig_add_row(ctx, rig,
                                   (vl_schema_row){.type = "index",
                                                   .name = index->object.name,
                                                   .table_name = table->object.name}));
        }
    return VELO_OK;
}

/* Rows of one statement, whose text ends. */
static velo_status
rig_add_statement(vl_ctx *ctx, schema_rig *rig, const char *sql, const vl_ast *statement)
{
    vl_schema_builder builder = {ctx, &rig->arena, "main", sql, strlen(sql)};
    vl_schema_row row = {.sql = sql};
    const vl_ast *name = statement->kid[0];
    const vl_ast *table_name = name;
    vl_table_def *table = NULL;

    if (statement->type == VL_AST_CREATE_TABLE) {
        row.type = "table";
        VL_TRY(vl_schema_make_table(&builder, statement, &table));
    } else if (statement->type == VL_AST_CREATE_INDEX) {
        row.type = "index";
        table_name = statement->kid[1];
    } else if (statement->type == VL_AST_CREATE_VIEW) {
        row.type = "view";
    } else {
        row.type = "trigger";
        table_name = statement->kid[1];
    }
    VL_TRY(vl_schema_copy(&builder, name->text, name->text_size, &row.name));
    VL_TRY(vl_schema_copy(&builder, table_name->text, table_name->text_size, &row.table_name));
    VL_TRY(rig_add_row(ctx, rig, row));
    return table != NULL ? rig_add_automatic(ctx, rig, table) : VELO_OK;
}

velo_status
schema_rig_add(vl_ctx *ctx, schema_rig *rig, const char *sql)
{
    while (*sql != '\0') {
        vl_parse_result result;
        const char *text;

        VL_TRY(vl_parse(ctx, sql, strlen(sql), NULL, &rig->arena, &result));
        text = vl_arena_copy(&rig->arena, sql, result.tail);
        if (text == NULL)
            return vl_fail(ctx, VELO_NOMEM, "out of memory");
        sql += result.tail;
        VL_TRY(vl_parse(ctx, text, strlen(text), NULL, &rig->arena, &result));
        if (result.statement != NULL)
            VL_TRY(rig_add_statement(ctx, rig, text, result.statement));
    }
    return VELO_OK;
}

velo_status
schema_rig_build(vl_ctx *ctx, const schema_rig *rig, vl_schema **out)
{
    vl_schema_source source = {"main", 7, 1, rig->rows, rig->row_count};

    return vl_schema_build(ctx, &source, out);
}

/* ---- telling ---- */

/* A text that grows within bounds. */
typedef struct rig_text {
    char *text;
    size_t size;
    size_t used;
} rig_text;

static void VL_PRINTF(2, 3) rig_say(rig_text *to, const char *format, ...)
{
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(to->text + to->used, to->size - to->used, format, args);
    va_end(args);
    if (length > 0)
        to->used += (size_t)length < to->size - to->used ? (size_t)length : to->size - to->used - 1;
}

static const char *
rig_collation(vl_collation collation)
{
    static const char *const names[] = {"", " NOCASE", " RTRIM"};

    return names[collation];
}

static const char *
rig_conflict(vl_conflict conflict)
{
    static const char *const names[] = {"",         " OR ROLLBACK", " OR ABORT",
                                        " OR FAIL", " OR IGNORE",   " OR REPLACE"};

    return names[conflict];
}

static void
rig_tell_column(rig_text *to, const vl_column_def *column)
{
    static const char *const affinities[] = {"none", "blob", "text", "num", "int", "real"};

    rig_say(to, "%s<%s>%s#%u%s", column->name, column->type, affinities[column->affinity],
            column->id, rig_collation(column->collation));
    if (column->is_strict_any)
        rig_say(to, " any");
    if (column->is_not_null)
        rig_say(to, " notnull%s", rig_conflict(column->not_null));
    if (column->key_place != 0)
        rig_say(to, " key%u", column->key_place);
    if (column->generated != 0)
        rig_say(to, "%s", column->generated == 1 ? " virtual" : " stored");
    if (column->default_text != NULL)
        rig_say(to, " =%s", column->default_text);
}

static void
rig_tell_term(rig_text *to, const vl_table_def *table, const vl_index_term *term)
{
    const char *name = term->column >= 0    ? table->columns[term->column].name
                       : term->column == -1 ? "rowid"
                                            : "expr";

    rig_say(to, "%s%s%s", name, rig_collation(term->collation), term->is_descending ? " desc" : "");
}

static void
rig_tell_index(rig_text *to, const vl_index_def *index)
{
    static const char origins[] = {'c', 'u', 'p'};

    rig_say(to, " %s:%c%s%s(", index->object.name, origins[index->origin],
            index->is_unique ? "u" : "", rig_conflict(index->conflict));
    for (uint32_t i = 0; i < index->total_count; i++) {
        rig_say(to, "%s", i == 0 ? "" : i == index->term_count ? ";" : ",");
        rig_tell_term(to, index->table, &index->terms[i]);
    }
    rig_say(to, ")");
    if (index->where_text != NULL)
        rig_say(to, "[%s]", index->where_text);
}

static void
rig_tell_fk(rig_text *to, const vl_table_def *table, const vl_fk_def *fk)
{
    static const char *const actions[] = {"no action", "restrict", "null", "default", "cascade"};

    rig_say(to, " fk(");
    for (uint16_t i = 0; i < fk->count; i++)
        rig_say(to, "%s%s", i == 0 ? "" : ",", table->columns[fk->columns[i]].name);
    rig_say(to, " %s(", fk->parent);
    for (uint16_t i = 0; fk->parent_columns != NULL && i < fk->count; i++)
        rig_say(to, "%s%s", i == 0 ? "" : ",", fk->parent_columns[i]);
    rig_say(to, ") u:%s d:%s%s)", actions[fk->on_update], actions[fk->on_delete],
            fk->is_deferred ? " deferred" : "");
}

void
schema_rig_tell_table(const vl_table_def *table, char *text, size_t size)
{
    rig_text to = {text, size, 0};

    rig_say(&to, "%s(", table->object.name);
    for (uint16_t i = 0; i < table->column_count; i++) {
        rig_say(&to, "%s", i == 0 ? "" : ", ");
        rig_tell_column(&to, &table->columns[i]);
    }
    rig_say(&to, ")");
    if (table->rowid_column >= 0)
        rig_say(&to, " rowid=%d%s", table->rowid_column, rig_conflict(table->key_conflict));
    rig_say(&to, "%s%s%s", table->is_autoincrement ? " auto" : "",
            table->is_strict ? " strict" : "", table->is_without_rowid ? " norowid" : "");
    for (const vl_index_def *index = table->indexes; index != NULL; index = index->next)
        rig_tell_index(&to, index);
    for (uint32_t i = 0; i < table->check_count; i++)
        rig_say(&to, " check(%s%s%s)", table->checks[i].name != NULL ? table->checks[i].name : "",
                table->checks[i].name != NULL ? ": " : "", table->checks[i].text);
    for (uint32_t i = 0; i < table->fk_count; i++)
        rig_tell_fk(&to, table, &table->fks[i]);
    for (const vl_trigger_def *trigger = table->triggers; trigger != NULL; trigger = trigger->next)
        rig_say(&to, " trigger %s", trigger->object.name);
}

/* ---- soundness ---- */

static int
rig_is_sorted(const char *left, const char *right)
{
    return vl_name_compare(left, strlen(left), right, strlen(right)) < 0;
}

static int
rig_index_is_sound(const vl_schema *schema, const vl_table_def *table, const vl_index_def *index)
{
    if (index->table != table || index->term_count == 0 || index->total_count < index->term_count ||
        index->object.tree == 0 ||
        vl_schema_index(schema, index->object.name, strlen(index->object.name)) != index)
        return 0;
    for (uint32_t i = 0; i < index->total_count; i++)
        if (index->terms[i].column >= table->column_count || index->terms[i].column < -2 ||
            (index->terms[i].column == -2) != (index->terms[i].ast != NULL))
            return 0;
    return 1;
}

static int
rig_table_is_sound(const vl_schema *schema, const vl_table_def *table)
{
    if (table->schema != schema && table->object.type == VL_OBJECT_TABLE)
        return 0;
    if (table->rowid_column >= table->column_count ||
        table->is_without_rowid != (table->primary != NULL))
        return 0;
    for (int32_t i = 0; i < table->column_count; i++) {
        const vl_column_def *column = &table->columns[i];

        if (vl_table_def_column(table, column->name, strlen(column->name)) != i ||
            (column->id != 0) != vl_schema_is_stored(table, i) ||
            column->id >= table->next_column_id ||
            (column->generated != 0) != (column->generated_ast != NULL) ||
            (column->default_ast != NULL) != (column->default_text != NULL))
            return 0;
    }
    for (const vl_index_def *index = table->indexes; index != NULL; index = index->next)
        if (!rig_index_is_sound(schema, table, index))
            return 0;
    return 1;
}

int
schema_rig_is_sound(const vl_schema *schema)
{
    for (uint32_t i = 0; i < schema->table_count; i++) {
        const vl_table_def *table = schema->tables[i];

        if (vl_schema_table(schema, table->object.name, strlen(table->object.name)) != table ||
            !rig_table_is_sound(schema, table))
            return 0;
        if (i > 0 && !rig_is_sorted(schema->tables[i - 1]->object.name, table->object.name))
            return 0;
    }
    for (uint32_t i = 1; i < schema->index_count; i++)
        if (!rig_is_sorted(schema->indexes[i - 1]->object.name, schema->indexes[i]->object.name))
            return 0;
    return 1;
}
