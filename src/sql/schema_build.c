/* schema_build.c - makes a schema of the rows of sqlite_schema.
 *
 * Invariants
 *   SS1  Everything of a schema is in its arena, and so is the schema: a failure gives back the
 *        arena and leaves nothing.
 *   SS2  Tables are made first, then indexes, then triggers, each in order of the rows, so that
 * lists of a table are in the order of creation whatever the order of rowids between the kinds. SS3
 * Every index has a tree, and a row unless it is the primary one of a table WITHOUT ROWID, which
 * the table's row names. */
#include "sql/schema_build.h"

#include "base/assert.h"
#include "sql/parse.h"
#include "sql/schema_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA_TABLE_SQL                                                                           \
    "(type text,name text,tbl_name text,rootpage int,sql text)" /* columns of sqlite_schema */

/* A schema in the making. */
typedef struct build_making {
    vl_schema_builder builder;
    const vl_schema_source *source;
    const vl_schema_row **failed; /* where a row that fails is told, or NULL */
    vl_schema *schema;            /* its lists have room for all rows, and are not sorted yet */
} build_making;

/* Say which row is wrong and why: the message at hand, or `why`. */
static velo_status
build_fail(const build_making *making, const char *name, const char *why)
{
    char text[VL_ERROR_TEXT_SIZE];
    vl_ctx *ctx = making->builder.ctx;

    if (why == NULL)
        why = ctx != NULL ? ctx->error.text : "";
    (void)snprintf(text, sizeof text, "%s", why);
    return vl_fail(ctx, VELO_CORRUPT, "malformed database schema (%s) - %s", name, text);
}

/* A failure of what was made of a row: lack of memory stays what it is, and the message stays when
 * the row is told. */
static velo_status
build_failed(const build_making *making, const vl_schema_row *row, velo_status status)
{
    if (status == VELO_NOMEM)
        return status;
    if (making->failed == NULL)
        return build_fail(making, row->name, NULL);
    *making->failed = row;
    return status;
}

/* Copy what a row says of its object. */
static velo_status
build_object(const build_making *making, const vl_schema_row *row, vl_object_def *object)
{
    object->tree = row->tree;
    object->rowid = row->rowid;
    object->sql = making->builder.sql;
    return vl_schema_copy(&making->builder, row->table_name, strlen(row->table_name),
                          &object->table_name);
}

/* Parse a row's text, of which the schema keeps a copy. */
static velo_status
build_parse(build_making *making, const vl_schema_row *row, const vl_ast **statement)
{
    vl_parse_result result;
    size_t size = strlen(row->sql);

    VL_TRY(vl_schema_copy(&making->builder, row->sql, size, &making->builder.sql));
    VL_TRY(vl_parse(making->builder.ctx, making->builder.sql, size, NULL, making->builder.arena,
                    &result));
    *statement = result.statement;
    if (*statement == NULL)
        return vl_fail(making->builder.ctx, VELO_CORRUPT, "no statement");
    return VELO_OK;
}

/* ---- tables and views ---- */

static velo_status
build_make_table(build_making *making, const vl_schema_row *row, vl_table_def **out)
{
    const vl_ast *statement;

    if (row->sql == NULL)
        return vl_fail(making->builder.ctx, VELO_CORRUPT, "no statement");
    VL_TRY(build_parse(making, row, &statement));
    if (strcmp(row->type, "view") == 0 && statement->type == VL_AST_CREATE_VIEW)
        return vl_schema_make_view(&making->builder, statement, out);
    if (statement->type == VL_AST_CREATE_VIRTUAL)
        return vl_fail(making->builder.ctx, VELO_CORRUPT, "no such module: %.*s",
                       (int)statement->text_size, statement->text);
    if (statement->type != VL_AST_CREATE_TABLE || statement->kid[1] == NULL ||
        strcmp(row->type, "table") != 0)
        return vl_fail(making->builder.ctx, VELO_CORRUPT, "another kind of statement");
    VL_TRY(vl_schema_make_table(&making->builder, statement, out));
    if (row->tree == 0)
        return vl_fail(making->builder.ctx, VELO_CORRUPT, "invalid rootpage");
    return vl_schema_assign_ids(&making->builder, *out, row->layout);
}

static velo_status
build_add_table(build_making *making, const vl_schema_row *row)
{
    vl_table_def *table = NULL;
    velo_status status = build_make_table(making, row, &table);

    if (status != VELO_OK || table == NULL)
        return build_failed(making, row, status);
    if (strcmp(table->object.name, row->name) != 0)
        return build_fail(making, row->name, "another name");
    if ((row->key_tree != 0) != (table->primary != NULL))
        return build_fail(making, row->name, row->key_tree == 0 ? "missing index" : "orphan index");
    VL_TRY(build_object(making, row, &table->object));
    table->schema = making->schema;
    table->is_temporary = strcmp(making->source->database, "temp") == 0;
    table->is_system = vl_schema_is_reserved(row->name, strlen(row->name));
    for (vl_index_def *index = table->indexes; index != NULL; index = index->next)
        if (index == table->primary)
            index->object.tree = row->key_tree;
    making->schema->tables[making->schema->table_count++] = table;
    return VELO_OK;
}

/* Add sqlite_schema, which has no row. */
static velo_status
build_add_schema_table(build_making *making)
{
    static const char temp_sql[] = "CREATE TABLE sqlite_temp_schema" SCHEMA_TABLE_SQL;
    static const char sql[] = "CREATE TABLE sqlite_schema" SCHEMA_TABLE_SQL;
    int is_temporary = strcmp(making->source->database, "temp") == 0;
    vl_schema_row row = {.type = "table",
                         .name = is_temporary ? "sqlite_temp_schema" : "sqlite_schema",
                         .sql = is_temporary ? temp_sql : sql,
                         .tree = making->source->tree};

    row.table_name = row.name;
    return build_add_table(making, &row);
}

/* ---- sorted lists ---- */

/* Lists hold pointers to objects, which begin with a vl_object_def. */
static int
build_compare(const void *left, const void *right)
{
    const vl_object_def *a = *(void *const *)left;
    const vl_object_def *b = *(void *const *)right;

    return vl_name_compare(a->name, strlen(a->name), b->name, strlen(b->name));
}

/* Sort a list of objects by name. A name that occurs twice is refused. */
static velo_status
build_sort(const build_making *making, void **list, uint32_t count)
{
    if (count > 1)
        qsort(list, count, sizeof *list, build_compare);
    for (uint32_t i = 1; i < count; i++)
        if (build_compare(&list[i - 1], &list[i]) == 0) {
            const vl_object_def *object = list[i];

            return build_fail(making, object->name, "name occurs twice");
        }
    return VELO_OK;
}

/* The table of a row, which may be changed while the schema is being made; NULL: there is none. */
static vl_table_def *
build_find_table(const build_making *making, const char *name)
{
    const vl_schema *schema = making->schema;
    vl_object_def wanted = {.name = name};
    void *key = &wanted;
    vl_table_def **found = NULL;

    if (schema->table_count > 0)
        found = bsearch(&key, schema->tables, schema->table_count, sizeof key, build_compare);
    return found != NULL ? *found : NULL;
}

/* ---- indexes ---- */

/* An automatic index was made with its table; its row adds where it is. */
static velo_status
build_place_automatic(build_making *making, const vl_schema_row *row, vl_table_def *table)
{
    vl_index_def *index = table->indexes;

    while (index != NULL && (strcmp(index->object.name, row->name) != 0 || index == table->primary))
        index = index->next;
    if (index == NULL || index->object.tree != 0)
        return build_fail(making, row->name, "orphan index");
    making->builder.sql = NULL;
    return build_object(making, row, &index->object);
}

static velo_status
build_make_index(build_making *making, const vl_schema_row *row, vl_table_def *table)
{
    const vl_ast *statement;
    vl_index_def *index;

    VL_TRY(build_parse(making, row, &statement));
    if (statement->type != VL_AST_CREATE_INDEX)
        return vl_fail(making->builder.ctx, VELO_CORRUPT, "another kind of statement");
    VL_TRY(vl_schema_make_index(&making->builder, table, statement, &index));
    if (strcmp(index->object.name, row->name) != 0)
        return vl_fail(making->builder.ctx, VELO_CORRUPT, "another name");
    VL_TRY(build_object(making, row, &index->object));
    index->object.table_name = table->object.name;
    vl_schema_link_index(table, index);
    return VELO_OK;
}

static velo_status
build_add_index(build_making *making, const vl_schema_row *row)
{
    vl_table_def *table = build_find_table(making, row->table_name);
    velo_status status;

    if (table == NULL || table->object.type != VL_OBJECT_TABLE)
        return build_fail(making, row->name, "orphan index");
    if (row->tree == 0)
        return build_fail(making, row->name, "invalid rootpage");
    if (row->sql == NULL)
        return build_place_automatic(making, row, table);
    status = build_make_index(making, row, table);
    return status == VELO_OK ? status : build_failed(making, row, status);
}

/* Put the indexes of all tables into the schema's list. */
static velo_status
build_list_indexes(build_making *making)
{
    vl_schema *schema = making->schema;
    uint32_t count = 0;

    for (uint32_t i = 0; i < schema->table_count; i++)
        for (const vl_index_def *index = schema->tables[i]->indexes; index != NULL;
             index = index->next)
            count++;
    schema->indexes = vl_schema_alloc(&making->builder, count, sizeof(void *));
    if (schema->indexes == NULL)
        return VELO_NOMEM;
    for (uint32_t i = 0; i < schema->table_count; i++)
        for (vl_index_def *index = schema->tables[i]->indexes; index != NULL; index = index->next) {
            if (index->object.tree == 0) /* keeps SS3 */
                return build_fail(making, index->object.name, "missing index");
            schema->indexes[schema->index_count++] = index;
        }
    return build_sort(making, (void **)schema->indexes, schema->index_count);
}

/* ---- triggers ---- */

static velo_status
build_make_trigger(build_making *making, const vl_schema_row *row, vl_trigger_def **out)
{
    const vl_ast *statement;
    vl_trigger_def *trigger;

    VL_TRY(build_parse(making, row, &statement));
    if (statement->type != VL_AST_CREATE_TRIGGER)
        return vl_fail(making->builder.ctx, VELO_CORRUPT, "another kind of statement");
    trigger = vl_schema_alloc(&making->builder, 1, sizeof *trigger);
    if (trigger == NULL)
        return VELO_NOMEM;
    trigger->object.type = VL_OBJECT_TRIGGER;
    trigger->ast = statement;
    trigger->schema = making->schema;
    VL_TRY(vl_schema_copy(&making->builder, statement->kid[0]->text, statement->kid[0]->text_size,
                          &trigger->object.name));
    if (strcmp(trigger->object.name, row->name) != 0)
        return vl_fail(making->builder.ctx, VELO_CORRUPT, "another name");
    *out = trigger;
    return build_object(making, row, &trigger->object);
}

/* Whether a trigger of "temp" is on a table of it, if there is one of the name. */
static int
build_is_on_own(const vl_trigger_def *trigger)
{
    const vl_ast *qualifier = ((const vl_ast *)trigger->ast)->kid[1]->kid[0];

    return qualifier == NULL || vl_schema_is_word(qualifier->text, qualifier->text_size, "temp");
}

static velo_status
build_add_trigger(build_making *making, const vl_schema_row *row)
{
    vl_table_def *table = build_find_table(making, row->table_name);
    int is_temporary = strcmp(making->source->database, "temp") == 0;
    vl_trigger_def *trigger = NULL;
    velo_status status;

    if (row->sql == NULL)
        return build_fail(making, row->name, "no statement");
    /* A trigger of "temp" may be on a table of another database. */
    if (table == NULL && !is_temporary)
        return build_fail(making, row->name, "orphan trigger");
    status = build_make_trigger(making, row, &trigger);
    if (status != VELO_OK || trigger == NULL)
        return build_failed(making, row, status);
    if (is_temporary && !build_is_on_own(trigger))
        table = NULL;
    if (table != NULL) {
        trigger->next = table->triggers;
        table->triggers = trigger;
    }
    making->schema->triggers[making->schema->trigger_count++] = trigger;
    return VELO_OK;
}

/* ---- statistics ---- */

/* Read the next number of a text; 0: there is none. */
static int
build_read_number(const char **at, double *number)
{
    int has_digit = 0;

    *number = 0;
    while (**at == ' ')
        ++*at;
    for (; **at >= '0' && **at <= '9'; ++*at, has_digit = 1)
        *number = *number * 10 + (**at - '0');
    return has_digit;
}

static velo_status
build_add_index_stat(build_making *making, vl_index_def *index, const char *numbers)
{
    double *estimates = vl_schema_alloc(&making->builder, index->term_count + 1U, sizeof(double));
    uint32_t count = 0;

    if (estimates == NULL)
        return VELO_NOMEM;
    while (count <= index->term_count && build_read_number(&numbers, &estimates[count]))
        count++;
    if (count <= index->term_count)
        return VELO_OK; /* not ours, or cut short */
    index->estimates = estimates;
    return VELO_OK;
}

static velo_status
build_add_stat(build_making *making, const vl_schema_stat *stat)
{
    vl_table_def *table = build_find_table(making, stat->table);
    const char *numbers = stat->numbers;
    vl_index_def *index;
    double rows;

    if (table == NULL || table->object.type != VL_OBJECT_TABLE)
        return VELO_OK;
    index = stat->index != NULL ? table->indexes : NULL;
    while (index != NULL &&
           strcmp(index == table->primary ? table->object.name : index->object.name, stat->index) !=
               0)
        index = index->next;
    if (stat->index != NULL && index == NULL)
        return VELO_OK;
    if (index != NULL)
        VL_TRY(build_add_index_stat(making, index, numbers));
    if ((index == NULL || index->where_ast == NULL) && build_read_number(&numbers, &rows)) {
        table->has_estimate = 1;
        table->row_estimate = rows;
    }
    return VELO_OK;
}

/* ---- all of it ---- */

typedef velo_status build_add(build_making *making, const vl_schema_row *row);

/* The function for rows of a type, NULL when there is no such type. */
static build_add *
build_add_of(const char *type)
{
    if (strcmp(type, "table") == 0 || strcmp(type, "view") == 0)
        return build_add_table;
    if (strcmp(type, "index") == 0)
        return build_add_index;
    return strcmp(type, "trigger") == 0 ? build_add_trigger : NULL;
}

/* Add all rows that one function is for. */
static velo_status
build_add_rows(build_making *making, build_add *add)
{
    for (size_t i = 0; i < making->source->row_count; i++)
        if (build_add_of(making->source->rows[i].type) == add)
            VL_TRY(add(making, &making->source->rows[i]));
    return VELO_OK;
}

static velo_status
build_all(build_making *making)
{
    const vl_schema_source *source = making->source;
    vl_schema *schema = making->schema;

    schema->version = source->version;
    VL_TRY(vl_schema_copy(&making->builder, source->database, strlen(source->database),
                          &schema->database));
    making->builder.database = schema->database;
    schema->tables = vl_schema_alloc(&making->builder, source->row_count + 1, sizeof(void *));
    if (schema->tables == NULL)
        return VELO_NOMEM;
    schema->triggers = vl_schema_alloc(&making->builder, source->row_count, sizeof(void *));
    if (schema->triggers == NULL)
        return VELO_NOMEM;
    for (size_t i = 0; i < source->row_count; i++)
        if (build_add_of(source->rows[i].type) == NULL)
            return build_fail(making, source->rows[i].name, "unknown type");
    VL_TRY(build_add_schema_table(making));
    VL_TRY(build_add_rows(making, build_add_table));
    VL_TRY(build_sort(making, (void **)schema->tables, schema->table_count));
    VL_TRY(build_add_rows(making, build_add_index));
    VL_TRY(build_list_indexes(making));
    for (size_t i = 0; i < source->stat_count; i++)
        VL_TRY(build_add_stat(making, &source->stats[i]));
    VL_TRY(build_add_rows(making, build_add_trigger));
    return build_sort(making, (void **)schema->triggers, schema->trigger_count);
}

velo_status
vl_schema_build_rows(vl_ctx *ctx, const vl_schema_source *source, const vl_schema_row **failed,
                     vl_schema **out)
{
    build_making making = {.builder = {.ctx = ctx}, .source = source, .failed = failed};
    velo_status status;
    vl_arena arena;

    *out = NULL;
    if (failed != NULL)
        *failed = NULL;
    if (source->row_count >= UINT32_MAX)
        return vl_fail(ctx, VELO_TOOBIG, "too many objects in the schema");
    vl_arena_init(&arena, ctx->allocator, 0);
    making.builder.arena = &arena;
    making.schema = vl_schema_alloc(&making.builder, 1, sizeof *making.schema);
    status = making.schema != NULL ? build_all(&making) : VELO_NOMEM;
    if (status != VELO_OK) { /* keeps SS1 */
        vl_arena_deinit(&arena);
        return status;
    }
    atomic_init(&making.schema->references, 1);
    making.schema->arena = arena;
    *out = making.schema;
    return VELO_OK;
}

velo_status
vl_schema_build(vl_ctx *ctx, const vl_schema_source *source, vl_schema **out)
{
    return vl_schema_build_rows(ctx, source, NULL, out);
}
