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
    for (int i = 0; i < 2; i++) {
        vl_schema_release(rig->databases[i].schema);
        vl_schema_release(rig->databases[i].before);
    }
    vl_arena_deinit(&rig->arena);
}

/* Make the schemas that are to be made. */
static velo_status
rig_refresh(vl_ctx *ctx, schema_rig *rig)
{
    static const char *const names[] = {"main", "temp"};

    for (int i = 0; i < 2; i++) {
        schema_rig_database *database = &rig->databases[i];
        vl_schema_source source = {names[i], 7, 1, database->rows, database->row_count, NULL, 0};

        if (database->schema == NULL)
            VL_TRY(vl_schema_build(ctx, &source, &database->schema));
    }
    return VELO_OK;
}

static size_t
rig_find_row(const schema_rig_database *database, int64_t rowid)
{
    size_t at = 0;

    while (at < database->row_count && database->rows[at].rowid != rowid)
        at++;
    return at;
}

/* Carry out one change of rows; texts of the old schema are copied, since it goes. */
static velo_status
rig_apply(vl_ctx *ctx, schema_rig *rig, schema_rig_database *database, const vl_ddl_change *change)
{
    size_t at = rig_find_row(database, change->row.rowid);

    if (change->kind == VL_DDL_INSERT_ROW) {
        if (database->row_count == SCHEMA_RIG_ROW_MAX)
            return vl_fail(ctx, VELO_FULL, "too many rows for the rig");
        at = database->row_count++;
        database->rows[at] = change->row;
        database->rows[at].rowid = at > 0 ? database->rows[at - 1].rowid + 1 : 1;
        if (change->new_tree != 0)
            database->rows[at].tree = rig->tree + change->new_tree;
        if (change->new_key_tree != 0)
            database->rows[at].key_tree = rig->tree + change->new_key_tree;
    } else if (change->kind == VL_DDL_UPDATE_ROW && at < database->row_count) {
        database->rows[at] = change->row;
    } else if (change->kind == VL_DDL_DELETE_ROW && at < database->row_count) {
        memmove(&database->rows[at], &database->rows[at + 1],
                (database->row_count - at - 1) * sizeof database->rows[0]);
        database->row_count--;
    }
    return VELO_OK;
}

static velo_status
rig_copy(vl_ctx *ctx, schema_rig *rig, const char **text)
{
    if (*text == NULL)
        return VELO_OK;
    *text = vl_arena_copy(&rig->arena, *text, strlen(*text));
    return *text != NULL ? VELO_OK : vl_fail(ctx, VELO_NOMEM, "out of memory");
}

/* Copy the texts of all rows into the rig's arena. */
static velo_status
rig_own(vl_ctx *ctx, schema_rig *rig, schema_rig_database *database)
{
    for (size_t i = 0; i < database->row_count; i++) {
        VL_TRY(rig_copy(ctx, rig, &database->rows[i].name));
        VL_TRY(rig_copy(ctx, rig, &database->rows[i].table_name));
        VL_TRY(rig_copy(ctx, rig, &database->rows[i].sql));
        VL_TRY(rig_copy(ctx, rig, &database->rows[i].layout));
    }
    return VELO_OK;
}

/* Carry out one statement. */
static velo_status
rig_run_statement(vl_ctx *ctx, schema_rig *rig, const char *sql, size_t size,
                  const vl_ast *statement)
{
    vl_ddl_input input = rig->options;
    const vl_schema *schemas[2];

    VL_TRY(rig_refresh(ctx, rig));
    schemas[0] = rig->databases[0].schema;
    schemas[1] = rig->databases[1].schema;
    input.schemas = schemas;
    input.schema_count = 2;
    input.statement = statement;
    input.sql = sql;
    input.sql_size = size;
    VL_TRY(vl_ddl_plan(ctx, &input, &rig->arena, &rig->last));
    for (const vl_ddl_change *change = rig->last.changes; change != NULL; change = change->next)
        VL_TRY(rig_apply(ctx, rig, &rig->databases[change->schema == schemas[1]], change));
    rig->tree += rig->last.tree_count;
    for (int i = 0; i < 2; i++) {
        VL_TRY(rig_own(ctx, rig, &rig->databases[i]));
        vl_schema_release(rig->databases[i].before);
        rig->databases[i].before = rig->databases[i].schema;
        rig->databases[i].schema = NULL;
    }
    return rig_refresh(ctx, rig);
}

velo_status
schema_rig_run(vl_ctx *ctx, schema_rig *rig, const char *sql)
{
    const char *end = sql + strlen(sql);

    while (sql < end) {
        vl_parse_result result;

        VL_TRY(vl_parse(ctx, sql, (size_t)(end - sql), NULL, &rig->arena, &result));
        if (result.statement != NULL)
            VL_TRY(rig_run_statement(ctx, rig, sql, (size_t)(end - sql), result.statement));
        sql += result.tail;
    }
    return rig_refresh(ctx, rig);
}

velo_status
schema_rig_build(vl_ctx *ctx, const schema_rig *rig, vl_schema **out)
{
    vl_schema_source source = {"main", 7, 1, rig->databases[0].rows, rig->databases[0].row_count,
                               NULL,   0};

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

void
schema_rig_tell_rows(const schema_rig_database *database, char *text, size_t size)
{
    rig_text to = {text, size, 0};

    text[0] = '\0';
    for (size_t i = 0; i < database->row_count; i++) {
        const vl_schema_row *row = &database->rows[i];

        rig_say(&to, "%s%s %s on %s", i == 0 ? "" : "\n", row->type, row->name, row->table_name);
        if (row->tree != 0)
            rig_say(&to, " @%llu", (unsigned long long)row->tree);
        if (row->key_tree != 0)
            rig_say(&to, " @%llu", (unsigned long long)row->key_tree);
        if (row->layout != NULL)
            rig_say(&to, " {%s}", row->layout);
        if (row->sql != NULL)
            rig_say(&to, ": %s", row->sql);
    }
}

static void
rig_tell_value(rig_text *to, const vl_value *value)
{
    switch (value->type) {
    case VL_TYPE_INTEGER:
        rig_say(to, "=%lld", (long long)value->as.integer);
        break;
    case VL_TYPE_REAL:
        rig_say(to, "=%.17g", value->as.real);
        break;
    case VL_TYPE_TEXT:
        rig_say(to, "='%.*s'", (int)value->size, (const char *)value->as.data);
        break;
    case VL_TYPE_BLOB:
        rig_say(to, "=x");
        for (uint32_t i = 0; i < value->size; i++)
            rig_say(to, "%02x", ((const unsigned char *)value->as.data)[i]);
        break;
    case VL_TYPE_NULL:
        break;
    }
}

static void
rig_tell_change(rig_text *to, const vl_ddl_change *change)
{
    static const char *const kinds[] = {"require empty", "delete rows", "create",   "insert",
                                        "update",        "delete",      "drop",     "columns",
                                        "fill index",    "fill table",  "check",    "check one",
                                        "drop seq",      "rename seq",  "drop stat"};

    rig_say(to, "%s", kinds[change->kind]);
    if (strcmp(change->schema->database, "main") != 0)
        rig_say(to, " in %s", change->schema->database);
    if (change->row.type != NULL)
        rig_say(to, " %s %s", change->row.type, change->row.name);
    if (change->new_tree != 0)
        rig_say(to, " #%u%s", change->new_tree, change->is_key_tree ? " key" : "");
    if (change->new_key_tree != 0)
        rig_say(to, " #%u", change->new_key_tree);
    if (change->tree != 0)
        rig_say(to, " @%llu", (unsigned long long)change->tree);
    for (uint32_t i = 0; i < change->column_count; i++) {
        rig_say(to, " %u", change->columns[i].id);
        rig_tell_value(to, &change->columns[i].missing);
    }
    if (change->name != NULL)
        rig_say(to, " %s", change->name);
    if (change->new_name != NULL)
        rig_say(to, " -> %s", change->new_name);
    if (change->message != NULL)
        rig_say(to, ": %s", change->message);
}

void
schema_rig_tell_changes(const schema_rig *rig, char *text, size_t size)
{
    rig_text to = {text, size, 0};

    text[0] = '\0';
    for (const vl_ddl_change *change = rig->last.changes; change != NULL; change = change->next) {
        rig_tell_change(&to, change);
        if (change->next != NULL)
            rig_say(&to, "\n");
    }
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
