/* ddl.c - turns a statement that changes the schema into a list of changes.
 *
 * Invariants
 *   DD1  Changes refer to objects of the schemas as they are; names of what will be are texts.
 *   DD2  A tree is created before the row that names it is inserted, and dropped after its row is
 *        deleted.
 *   DD3  Nothing is in the list when the statement fails. */
#include "sql/ddl.h"

#include "base/assert.h"
#include "base/platform.h"
#include "sql/ddl_int.h"

#include <stdio.h>
#include <string.h>

/* ---- the list ---- */

vl_ddl_change *
vl_ddl_add(vl_ddl_plan_state *state, vl_ddl_kind kind, const vl_schema *schema)
{
    vl_ddl_change *change = vl_schema_alloc(&state->builder, 1, sizeof *change);

    if (change == NULL)
        return NULL;
    change->kind = kind;
    change->schema = schema;
    *state->end = change;
    state->end = &change->next;
    return change;
}

velo_status
vl_ddl_add_named(vl_ddl_plan_state *state, vl_ddl_kind kind, const vl_schema *schema,
                 const char *name, const char *new_name)
{
    vl_ddl_change *change = vl_ddl_add(state, kind, schema);

    if (change == NULL)
        return VELO_NOMEM;
    change->name = name;
    change->new_name = new_name;
    return VELO_OK;
}

vl_schema_row
vl_ddl_row(const vl_object_def *object)
{
    static const char *const types[] = {"table", "index", "view", "trigger"};

    return (vl_schema_row){.type = types[object->type],
                           .name = object->name,
                           .table_name = object->table_name,
                           .sql = object->sql,
                           .tree = object->tree,
                           .rowid = object->rowid};
}

/* ---- column ids ---- */

/* Whether the ids are those that the order of columns gives. */
static int
ddl_has_plain_ids(const vl_table_def *table)
{
    uint32_t next = 1;

    for (int32_t i = 0; i < table->column_count; i++)
        if (vl_schema_is_stored(table, i) && table->columns[i].id != next++)
            return 0;
    if (next == 1)
        next = VL_SCHEMA_PLACEHOLDER_ID + 1;
    return table->next_column_id == next;
}

velo_status
vl_ddl_layout(const vl_schema_builder *builder, const vl_table_def *table, const char **layout)
{
    size_t size = 12 * ((size_t)table->column_count + 1); /* ten digits and a separator each */
    size_t used;
    char *text;

    *layout = NULL;
    if (ddl_has_plain_ids(table))
        return VELO_OK;
    text = vl_schema_alloc(builder, size, 1);
    if (text == NULL)
        return VELO_NOMEM;
    used = (size_t)snprintf(text, size, "%u:", table->next_column_id);
    for (int32_t i = 0; i < table->column_count; i++)
        if (vl_schema_is_stored(table, i))
            used += (size_t)snprintf(text + used, size - used, "%s%u",
                                     text[used - 1] == ':' ? "" : ",", table->columns[i].id);
    *layout = text;
    return VELO_OK;
}

/* What stands for a column in rows without it: its default, when that is a constant. */
static velo_status
ddl_missing(const vl_schema_builder *builder, const vl_column_def *column, vl_value *value)
{
    int known = 0;

    *value = (vl_value){.type = VL_TYPE_NULL};
    if (column->default_ast != NULL)
        VL_TRY(vl_ddl_constant(builder, column->default_ast, column->affinity, value, &known));
    if (!known)
        *value = (vl_value){.type = VL_TYPE_NULL};
    return VELO_OK;
}

velo_status
vl_ddl_tree_columns(const vl_schema_builder *builder, const vl_table_def *table,
                    vl_ddl_change *change)
{
    vl_ddl_column *columns =
        vl_schema_alloc(builder, (size_t)table->column_count + 1, sizeof *columns);
    uint32_t count = 0;

    if (columns == NULL)
        return VELO_NOMEM;
    for (int32_t i = 0; i < table->column_count; i++) {
        uint32_t at = count;

        if (!vl_schema_is_stored(table, i))
            continue;
        for (; at > 0 && columns[at - 1].id > table->columns[i].id; at--)
            columns[at] = columns[at - 1];
        columns[at].id = table->columns[i].id;
        VL_TRY(ddl_missing(builder, &table->columns[i], &columns[at].missing));
        count++;
    }
    if (count == 0)
        columns[count++] = (vl_ddl_column){VL_SCHEMA_PLACEHOLDER_ID, {.type = VL_TYPE_NULL}};
    change->columns = columns;
    change->column_count = count;
    return VELO_OK;
}

/* ---- names ---- */

const vl_schema *
vl_ddl_database(const vl_ddl_plan_state *state, const vl_ast *qualifier)
{
    for (uint32_t i = 0; i < state->input->schema_count; i++)
        if (vl_schema_is_word(qualifier->text, qualifier->text_size,
                              state->input->schemas[i]->database))
            return state->input->schemas[i];
    return NULL;
}

/* The nth schema in the order in which unqualified names are looked for: "temp" comes first. */
static const vl_schema *
ddl_searched(const vl_ddl_plan_state *state, uint32_t nth)
{
    if (nth < 2 && state->input->schema_count > 1)
        nth = 1 - nth;
    return state->input->schemas[nth];
}

/* An object by a qualified name, as one of the look-up functions finds it. */
typedef const void *ddl_look(const vl_schema *schema, const char *name, size_t size);

static const void *
ddl_look_table(const vl_schema *schema, const char *name, size_t size)
{
    return vl_schema_table(schema, name, size);
}

/* As ddl_look_table for names without a database, which find sqlite_master in "main". */
static const void *
ddl_look_unqualified(const vl_schema *schema, const char *name, size_t size)
{
    const vl_table_def *table = vl_schema_table(schema, name, size);

    return table != NULL && table->object.rowid == 0 && table->is_temporary &&
                   !vl_schema_is_word(name, size < 12 ? size : 12, "sqlite_temp_")
               ? NULL
               : table;
}

static const void *
ddl_look_index(const vl_schema *schema, const char *name, size_t size)
{
    return vl_schema_index(schema, name, size);
}

static const void *
ddl_look_trigger(const vl_schema *schema, const char *name, size_t size)
{
    return vl_schema_trigger(schema, name, size);
}

static const void *
ddl_find(const vl_ddl_plan_state *state, const vl_ast *name, ddl_look *look,
         const vl_schema **schema)
{
    *schema = NULL;
    for (uint32_t i = 0; i < state->input->schema_count; i++) {
        const vl_schema *at = ddl_searched(state, i);
        const void *found = NULL;

        if (name->kid[0] == NULL ||
            vl_schema_is_word(name->kid[0]->text, name->kid[0]->text_size, at->database))
            found = look(at, name->text, name->text_size);
        if (found != NULL) {
            *schema = at;
            return found;
        }
    }
    return NULL;
}

const vl_table_def *
vl_ddl_find_table(const vl_ddl_plan_state *state, const vl_ast *name)
{
    const vl_schema *schema;

    return ddl_find(state, name, name->kid[0] != NULL ? ddl_look_table : ddl_look_unqualified,
                    &schema);
}

const char *
vl_ddl_shown_name(const vl_table_def *table)
{
    if (strcmp(table->object.name, "sqlite_schema") == 0)
        return "sqlite_master";
    return strcmp(table->object.name, "sqlite_temp_schema") == 0 ? "sqlite_temp_master"
                                                                 : table->object.name;
}

/* Whether a new table may have a reserved name: in temp, where SQLite's shell keeps parameters in
 * sqlite_parameters, unless the engine has a table of that kind itself. */
static int
ddl_may_reserve(const vl_ddl_plan_state *state, const vl_ast *name)
{
    static const char *const own[] = {"sqlite_autoindex", "sqlite_master", "sqlite_schema",
                                      "sqlite_sequence",  "sqlite_stat",   "sqlite_temp_"};

    if (!state->input->may_reserve || state->out->schema == NULL ||
        state->input->statement->type != VL_AST_CREATE_TABLE ||
        strcmp(state->out->schema->database, "temp") != 0)
        return 0;
    for (size_t i = 0; i < VL_ARRAY_COUNT(own); i++)
        if (name->text_size >= strlen(own[i]) &&
            vl_name_compare(name->text, strlen(own[i]), own[i], strlen(own[i])) == 0)
            return 0;
    return 1;
}

velo_status
vl_ddl_check_name(const vl_ddl_plan_state *state, const vl_ast *name)
{
    if (vl_schema_is_reserved(name->text, name->text_size) && ddl_may_reserve(state, name))
        return VELO_OK;
    if (vl_schema_is_reserved(name->text, name->text_size))
        return vl_schema_fail(&state->builder, NULL, "object name reserved for internal use: %.*s",
                              (int)name->text_size, name->text);
    return VELO_OK;
}

int
vl_ddl_is_temp_trigger_on(const vl_ddl_plan_state *state, const vl_trigger_def *trigger,
                          const vl_table_def *table)
{
    const vl_ast *create = trigger->ast;

    return vl_ddl_find_table(state, create->kid[1]) == table;
}

/* ---- DROP ---- */

static velo_status
ddl_drop_row(vl_ddl_plan_state *state, const vl_schema *schema, const vl_object_def *object)
{
    vl_ddl_change *change = vl_ddl_add(state, VL_DDL_DELETE_ROW, schema);

    if (change == NULL)
        return VELO_NOMEM;
    change->row = vl_ddl_row(object);
    return VELO_OK;
}

static velo_status
ddl_drop_tree(vl_ddl_plan_state *state, const vl_schema *schema, uint64_t tree)
{
    vl_ddl_change *change = vl_ddl_add(state, VL_DDL_DROP_TREE, schema);

    if (change == NULL)
        return VELO_NOMEM;
    change->tree = tree;
    return VELO_OK;
}

/* Triggers of the table, those of "temp" included. */
static velo_status
ddl_drop_triggers(vl_ddl_plan_state *state, const vl_table_def *table)
{
    for (const vl_trigger_def *trigger = table->triggers; trigger != NULL; trigger = trigger->next)
        VL_TRY(ddl_drop_row(state, table->schema, &trigger->object));
    for (uint32_t i = 0; i < state->input->schema_count; i++) {
        const vl_schema *schema = state->input->schemas[i];

        if (strcmp(schema->database, "temp") != 0 || schema == table->schema)
            continue;
        for (uint32_t at = 0; at < schema->trigger_count; at++)
            if (vl_ddl_is_temp_trigger_on(state, schema->triggers[at], table))
                VL_TRY(ddl_drop_row(state, schema, &schema->triggers[at]->object));
    }
    return VELO_OK;
}

/* Whether a table of its database, itself included, has a foreign key to it. */
static int
ddl_is_parent(const vl_table_def *table)
{
    for (uint32_t i = 0; i < table->schema->table_count; i++)
        for (uint32_t fk = 0; fk < table->schema->tables[i]->fk_count; fk++)
            if (vl_schema_is_word(table->object.name, strlen(table->object.name),
                                  table->schema->tables[i]->fks[fk].parent))
                return 1;
    return 0;
}

/* Whether a table has a foreign key whose violations wait for the commit. */
static int
ddl_is_deferred_child(const vl_ddl_plan_state *state, const vl_table_def *table)
{
    for (uint32_t fk = 0; fk < table->fk_count; fk++)
        if (table->fks[fk].is_deferred || state->input->is_deferring)
            return 1;
    return 0;
}

/* Rows, indexes and trees of a table that may be dropped. */
static velo_status
ddl_drop_storage(vl_ddl_plan_state *state, const vl_table_def *table)
{
    if (state->input->has_foreign_keys && table->object.type == VL_OBJECT_TABLE &&
        table->virtual_ast == NULL &&
        (ddl_is_deferred_child(state, table) || ddl_is_parent(table))) {
        vl_ddl_change *change = vl_ddl_add(state, VL_DDL_DELETE_ROWS, table->schema);

        if (change == NULL)
            return VELO_NOMEM;
        change->table = table;
    }
    if (table->virtual_ast != NULL) {
        vl_ddl_change *change = vl_ddl_add(state, VL_DDL_DESTROY_VIRTUAL, table->schema);

        if (change == NULL)
            return VELO_NOMEM;
        change->table = table;
        return ddl_drop_row(state, table->schema, &table->object);
    }
    VL_TRY(ddl_drop_triggers(state, table));
    if (table->is_autoincrement)
        VL_TRY(
            vl_ddl_add_named(state, VL_DDL_DROP_SEQUENCE, table->schema, table->object.name, NULL));
    if (table->object.type == VL_OBJECT_TABLE)
        VL_TRY(vl_ddl_add_named(state, VL_DDL_DROP_STATISTICS, table->schema, table->object.name,
                                NULL));
    for (const vl_index_def *index = table->indexes; index != NULL; index = index->next) {
        if (index != table->primary)
            VL_TRY(ddl_drop_row(state, table->schema, &index->object));
        VL_TRY(ddl_drop_tree(state, table->schema, index->object.tree));
    }
    VL_TRY(ddl_drop_row(state, table->schema, &table->object));
    if (table->object.type == VL_OBJECT_TABLE)
        VL_TRY(ddl_drop_tree(state, table->schema, table->object.tree));
    return VELO_OK;
}

/* A DROP found nothing: fine with IF EXISTS. */
static velo_status
ddl_drop_nothing(const vl_ddl_plan_state *state, const char *what)
{
    const vl_ast *drop = state->input->statement;
    const vl_ast *name = drop->kid[0];

    if ((drop->flags & VL_AST_IF_EXISTS) != 0)
        return VELO_OK;
    return vl_schema_fail(&state->builder, NULL, "no such %s: %.*s%s%.*s", what,
                          name->kid[0] != NULL ? (int)name->kid[0]->text_size : 0,
                          name->kid[0] != NULL ? name->kid[0]->text : "",
                          name->kid[0] != NULL ? "." : "", (int)name->text_size, name->text);
}

static velo_status
ddl_drop_table(vl_ddl_plan_state *state, int is_view)
{
    const vl_table_def *table = vl_ddl_find_table(state, state->input->statement->kid[0]);

    if (table == NULL)
        return ddl_drop_nothing(state, is_view ? "view" : "table");
    if (table->is_system && !vl_schema_is_word(table->object.name, 11, "sqlite_stat") &&
        !vl_schema_is_word(table->object.name, strlen(table->object.name), "sqlite_parameters"))
        return vl_schema_fail(&state->builder, NULL, "table %s may not be dropped",
                              vl_ddl_shown_name(table));
    if (is_view && table->object.type != VL_OBJECT_VIEW)
        return vl_schema_fail(&state->builder, NULL, "use DROP TABLE to delete table %s",
                              table->object.name);
    if (!is_view && table->object.type == VL_OBJECT_VIEW)
        return vl_schema_fail(&state->builder, NULL, "use DROP VIEW to delete view %s",
                              table->object.name);
    state->out->schema = table->schema;
    return ddl_drop_storage(state, table);
}

static velo_status
ddl_drop_index(vl_ddl_plan_state *state)
{
    const vl_schema *schema;
    const vl_index_def *index =
        ddl_find(state, state->input->statement->kid[0], ddl_look_index, &schema);

    if (index == NULL)
        return ddl_drop_nothing(state, "index");
    if (index->origin != VL_INDEX_CREATED)
        return vl_schema_fail(
            &state->builder, NULL,
            "index associated with UNIQUE or PRIMARY KEY constraint cannot be dropped");
    state->out->schema = schema;
    VL_TRY(vl_ddl_add_named(state, VL_DDL_DROP_STATISTICS, schema, index->table->object.name,
                            index->object.name));
    VL_TRY(ddl_drop_row(state, schema, &index->object));
    return ddl_drop_tree(state, schema, index->object.tree);
}

static velo_status
ddl_drop_trigger(vl_ddl_plan_state *state)
{
    const vl_schema *schema;
    const vl_trigger_def *trigger =
        ddl_find(state, state->input->statement->kid[0], ddl_look_trigger, &schema);

    if (trigger == NULL)
        return ddl_drop_nothing(state, "trigger");
    state->out->schema = schema;
    return ddl_drop_row(state, schema, &trigger->object);
}

velo_status
vl_ddl_drop(vl_ddl_plan_state *state)
{
    switch ((vl_ast_op)state->input->statement->op) {
    case VL_OP_INDEX:
        return ddl_drop_index(state);
    case VL_OP_TRIGGER:
        return ddl_drop_trigger(state);
    default: /* TABLE and VIEW: the grammar gives no others */
        return ddl_drop_table(state, state->input->statement->op == VL_OP_VIEW);
    }
}

/* ---- all of it ---- */

static velo_status
ddl_plan_kind(vl_ddl_plan_state *state)
{
    const vl_ast *statement = state->input->statement;

    switch ((vl_ast_type)statement->type) {
    case VL_AST_CREATE_TABLE:
        return vl_ddl_create_table(state);
    case VL_AST_CREATE_INDEX:
        return vl_ddl_create_index(state);
    case VL_AST_CREATE_VIEW:
        return vl_ddl_create_view(state);
    case VL_AST_CREATE_TRIGGER:
        return vl_ddl_create_trigger(state);
    case VL_AST_CREATE_VIRTUAL:
        return vl_ddl_create_virtual(state);
    case VL_AST_DROP:
        return vl_ddl_drop(state);
    case VL_AST_ALTER:
        return vl_ddl_alter(state);
    case VL_AST_REINDEX:
        return vl_ddl_reindex(state);
    case VL_AST_ANALYZE:
        return vl_ddl_analyze(state);
    default: /* everything else changes no schema */
        return vl_fail(state->builder.ctx, VELO_MISUSE, "the statement changes no schema");
    }
}

velo_status
vl_ddl_plan(vl_ctx *ctx, const vl_ddl_input *input, vl_arena *arena, vl_ddl *out)
{
    vl_ddl_plan_state state = {.builder = {ctx, arena, "main", input->sql, NULL, 1},
                               .input = input};
    velo_status status;

    memset(out, 0, sizeof *out);
    state.out = out;
    state.end = &out->changes;
    status = ddl_plan_kind(&state);
    if (status != VELO_OK)
        memset(out, 0, sizeof *out); /* keeps DD3 */
    return status;
}
