/* ddl_maintain.c - REINDEX and ANALYZE: which objects they are about, and what becomes of those.
 *
 * Invariants
 *   DM1  An index that is made anew has another tree, and the old one goes when no snapshot needs
 *        it; nothing else of the schema changes. */
#include "sql/ddl_int.h"

#include "base/collation.h"

#include <string.h>

/* ---- REINDEX ---- */

/* Whether a column of the index is compared by a collation. */
static int
maintain_has_collation(const vl_index_def *index, vl_collation collation)
{
    for (uint32_t i = 0; i < index->total_count; i++)
        if (index->terms[i].column >= 0 && index->terms[i].collation == collation)
            return 1;
    return 0;
}

/* What REINDEX is about. */
typedef struct maintain_target {
    const vl_table_def *table; /* all indexes of a table; NULL: of all tables */
    const vl_index_def *index; /* this one only; or NULL */
    int collation;             /* those with a column by it; -1: any */
} maintain_target;

static int
maintain_is_wanted(const maintain_target *target, const vl_index_def *index)
{
    return index != index->table->primary &&
           (target->table == NULL || target->table == index->table) &&
           (target->index == NULL || target->index == index) &&
           (target->collation < 0 ||
            maintain_has_collation(index, (vl_collation)target->collation));
}

/* One of three rounds: a tree for the row, entries for the tree, the old tree. */
static velo_status
maintain_rebuild(vl_ddl_plan_state *state, const vl_schema *schema, const vl_index_def *index,
                 int round)
{
    vl_ddl_change *change;

    if (round == 1)
        return vl_ddl_add_named(state, VL_DDL_FILL_INDEX, schema, index->object.name, NULL);
    change = vl_ddl_add(state, round == 0 ? VL_DDL_CREATE_TREE : VL_DDL_DROP_TREE, schema);
    if (change == NULL)
        return VELO_NOMEM;
    change->tree = index->object.tree;
    if (round == 2)
        return VELO_OK;
    change->is_key_tree = 1;
    change->new_tree = ++state->out->tree_count;
    change = vl_ddl_add(state, VL_DDL_UPDATE_ROW, schema);
    if (change == NULL)
        return VELO_NOMEM;
    change->row = vl_ddl_row(&index->object);
    change->new_tree = state->out->tree_count;
    return VELO_OK;
}

static velo_status
maintain_rebuild_all(vl_ddl_plan_state *state, const maintain_target *target)
{
    for (uint32_t s = 0; s < state->input->schema_count; s++) {
        const vl_schema *schema = state->input->schemas[s];

        for (int round = 0; round < 3; round++)
            for (uint32_t i = 0; i < schema->index_count; i++)
                if (maintain_is_wanted(target, schema->indexes[i]))
                    VL_TRY(maintain_rebuild(state, schema, schema->indexes[i], round));
    }
    return VELO_OK;
}

/* The index of a qualified name, in the order in which tables are looked for; NULL: none. */
static const vl_index_def *
maintain_find_index(const vl_ddl_plan_state *state, const vl_ast *name)
{
    const vl_index_def *found = NULL;

    for (uint32_t i = 0; i < state->input->schema_count && found == NULL; i++) {
        const vl_schema *schema = state->input->schemas[i];

        if (name->kid[0] == NULL ||
            vl_schema_is_word(name->kid[0]->text, name->kid[0]->text_size, schema->database))
            found = vl_schema_index(schema, name->text, name->text_size);
    }
    return found;
}

static velo_status
maintain_check_database(const vl_ddl_plan_state *state, const vl_ast *name)
{
    if (name->kid[0] == NULL || vl_ddl_database(state, name->kid[0]) != NULL)
        return VELO_OK;
    return vl_schema_fail(&state->builder, NULL, "unknown database %.*s",
                          (int)name->kid[0]->text_size, name->kid[0]->text);
}

velo_status
vl_ddl_reindex(vl_ddl_plan_state *state)
{
    const vl_ast *name = state->input->statement->kid[0];
    maintain_target target = {.collation = -1};

    state->out->schema = state->input->schemas[0];
    if (name == NULL)
        return maintain_rebuild_all(state, &target);
    if (name->kid[0] == NULL)
        target.collation = vl_collation_find(name->text, name->text_size);
    if (target.collation >= 0)
        return maintain_rebuild_all(state, &target);
    VL_TRY(maintain_check_database(state, name));
    target.table = vl_ddl_find_table(state, name);
    if (target.table == NULL)
        target.index = maintain_find_index(state, name);
    if (target.table == NULL && target.index == NULL)
        return vl_schema_fail(&state->builder, NULL,
                              "unable to identify the object to be reindexed");
    return maintain_rebuild_all(state, &target);
}

/* ---- ANALYZE ---- */

/* Make sqlite_stat1, or take out of it what is to be counted. */
static velo_status
maintain_clear(vl_ddl_plan_state *state, const char *table, const char *index)
{
    const vl_schema *schema = state->out->schema;
    vl_column_def columns[] = {
        {.name = "tbl", .id = 1}, {.name = "idx", .id = 2}, {.name = "stat", .id = 3}};

    if (vl_schema_table(schema, "sqlite_stat1", 12) == NULL)
        return vl_ddl_create_system(state, "sqlite_stat1",
                                    "CREATE TABLE sqlite_stat1(tbl,idx,stat)", columns, 3);
    return vl_ddl_add_named(state, VL_DDL_DROP_STATISTICS, schema, table, index);
}

/* Count what a table has, unless it is one of the engine's. */
static velo_status
maintain_count(vl_ddl_plan_state *state, const vl_table_def *table, const char *index)
{
    if (table->object.type == VL_OBJECT_VIEW || table->is_system || table->virtual_ast != NULL)
        return VELO_OK;
    return vl_ddl_add_named(state, VL_DDL_ANALYZE, state->out->schema, table->object.name, index);
}

static velo_status
maintain_analyze_all(vl_ddl_plan_state *state, const vl_schema *schema)
{
    state->out->schema = schema;
    VL_TRY(maintain_clear(state, NULL, NULL));
    for (uint32_t i = 0; i < schema->table_count; i++)
        VL_TRY(maintain_count(state, schema->tables[i], NULL));
    return vl_ddl_add_named(state, VL_DDL_LOAD_STATISTICS, schema, NULL, NULL);
}

/* All databases but "temp", main last. */
static velo_status
maintain_analyze_databases(vl_ddl_plan_state *state)
{
    for (uint32_t i = state->input->schema_count; i > 0; i--)
        if (strcmp(state->input->schemas[i - 1]->database, "temp") != 0)
            VL_TRY(maintain_analyze_all(state, state->input->schemas[i - 1]));
    return VELO_OK;
}

velo_status
vl_ddl_analyze(vl_ddl_plan_state *state)
{
    const vl_ast *name = state->input->statement->kid[0];
    const vl_schema *schema;
    const vl_index_def *index;
    const vl_table_def *table;
    const char *index_name;

    if (name == NULL)
        return maintain_analyze_databases(state);
    if (name->kid[0] == NULL && (schema = vl_ddl_database(state, name)) != NULL)
        return maintain_analyze_all(state, schema);
    VL_TRY(maintain_check_database(state, name));
    index = maintain_find_index(state, name);
    table = index != NULL ? index->table : vl_ddl_find_table(state, name);
    if (table == NULL)
        return vl_schema_fail(&state->builder, NULL, "no such table: %.*s%s%.*s",
                              name->kid[0] != NULL ? (int)name->kid[0]->text_size : 0,
                              name->kid[0] != NULL ? name->kid[0]->text : "",
                              name->kid[0] != NULL ? "." : "", (int)name->text_size, name->text);
    index_name = index != NULL ? index->object.name : NULL;
    state->out->schema = table->schema;
    VL_TRY(maintain_clear(state, table->object.name, index_name));
    VL_TRY(maintain_count(state, table, index_name));
    return vl_ddl_add_named(state, VL_DDL_LOAD_STATISTICS, table->schema, NULL, NULL);
}
