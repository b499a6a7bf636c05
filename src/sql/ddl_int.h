/* ddl_int.h - what the parts of DDL share. Private to sql/. */
#ifndef VL_SQL_DDL_INT_H
#define VL_SQL_DDL_INT_H

#include "sql/ddl.h"
#include "sql/schema_int.h"

/* A list of changes in the making. */
typedef struct vl_ddl_plan_state {
    vl_schema_builder builder; /* of the statement */
    const vl_ddl_input *input;
    vl_ddl *out;
    vl_ddl_change **end; /* where the next change goes */
} vl_ddl_plan_state;

/* Add a change of a kind to the end of the list. NULL: no memory, which is recorded. */
vl_ddl_change *vl_ddl_add(vl_ddl_plan_state *state, vl_ddl_kind kind, const vl_schema *schema);

/* Add a change about an object by name. Errors: VELO_NOMEM. */
velo_status vl_ddl_add_named(vl_ddl_plan_state *state, vl_ddl_kind kind, const vl_schema *schema,
                             const char *name, const char *new_name) VL_MUST_CHECK;

/* The row of an object as it is. */
vl_schema_row vl_ddl_row(const vl_object_def *object);

/* The text that keeps the column ids of a table, NULL when they follow from its columns. Errors:
 * VELO_NOMEM. */
velo_status vl_ddl_layout(const vl_schema_builder *builder, const vl_table_def *table,
                          const char **layout) VL_MUST_CHECK;

/* The columns of a table's tree. Errors: VELO_NOMEM. */
velo_status vl_ddl_tree_columns(const vl_schema_builder *builder, const vl_table_def *table,
                                vl_ddl_change *change) VL_MUST_CHECK;

/* The value of a default, when it is a literal or made of one by signs and CAST.
 *
 * affinity  of the column
 * known     1 when there is a value; text in it lives as long as the tree or the arena
 * errors    VELO_NOMEM */
velo_status vl_ddl_constant(const vl_schema_builder *builder, const vl_ast *node,
                            vl_affinity affinity, vl_value *value, int *known) VL_MUST_CHECK;

/* Find the database that a qualifier names; NULL: there is none. */
const vl_schema *vl_ddl_database(const vl_ddl_plan_state *state, const vl_ast *qualifier);

/* A table or view by a qualified name, in the database it says or in "temp", "main" and the others;
 * NULL: there is none. */
const vl_table_def *vl_ddl_find_table(const vl_ddl_plan_state *state, const vl_ast *name);

/* The name under which messages know a table: sqlite_schema is sqlite_master to them. */
const char *vl_ddl_shown_name(const vl_table_def *table);

/* Where the name of a qualified name begins in the text. */
uint32_t vl_ddl_name_offset(const vl_ddl_plan_state *state, const vl_ast *name);

/* Fail when a name is one that only the engine gives. Errors: VELO_ERROR. */
velo_status vl_ddl_check_name(const vl_ddl_plan_state *state, const vl_ast *name) VL_MUST_CHECK;

/* Whether a trigger of "temp" is on a table of another database. */
int vl_ddl_is_temp_trigger_on(const vl_ddl_plan_state *state, const vl_trigger_def *trigger,
                              const vl_table_def *table);

/* The rows of a database's sqlite_schema while ALTER edits them. */
typedef struct vl_ddl_edit {
    const vl_schema *schema; /* as it is */
    vl_schema_row *rows;     /* row_count of them, in order of rowids */
    int *is_changed;         /* of each row */
    size_t row_count;        /* see rows */
} vl_ddl_edit;

/* Begin with the rows as they are. Errors: VELO_NOMEM. */
velo_status vl_ddl_edit_begin(const vl_ddl_plan_state *state, const vl_schema *schema,
                              vl_ddl_edit *edit) VL_MUST_CHECK;

/* The row of an object, which the caller changes. */
vl_schema_row *vl_ddl_edit_row(vl_ddl_edit *edit, const vl_object_def *object);

/* Check that all rows of one or two databases still make schemas, in which all names have meanings
 * when has_names says so, and put the rows that changed into the list.
 *
 * edits   edit_count of them; the first is of the database that the statement is about
 * when    "after rename", for messages
 * errors  VELO_ERROR "error in KIND NAME WHEN: ...", VELO_NOMEM */
velo_status vl_ddl_edit_end(vl_ddl_plan_state *state, const vl_ddl_edit *edits, uint32_t edit_count,
                            const char *when, int has_names) VL_MUST_CHECK;

/* Parse the text of an object. Errors: VELO_NOMEM; others do not occur with a text of a schema. */
velo_status vl_ddl_parse(const vl_ddl_plan_state *state, const vl_object_def *object,
                         const vl_ast **create) VL_MUST_CHECK;

/* Refuse when a constraint or an index of the table has a name in quotes that is this one: with a
 * column of the name it means the column, without one a text. Errors: VELO_ERROR "error in index i
 * WHEN: no such column: x", VELO_NOMEM. */
velo_status vl_ddl_check_quoted(const vl_ddl_plan_state *state, const vl_table_def *table,
                                const char *name, const char *when) VL_MUST_CHECK;

/* Refuse when an index of the table has a text as a term: whatever way it is written in, it would
 * mean a column of that name. Errors: VELO_ERROR "error in index i: no such column: x", VELO_NOMEM.
 */
velo_status vl_ddl_check_text_terms(const vl_ddl_plan_state *state, const vl_table_def *table)
    VL_MUST_CHECK;

/* Check that no view or trigger of a database, or of "temp", means a column by a name in double
 * quotes, which would become a text without the column. Errors: VELO_ERROR "error in view v after
 * drop column: no such column: x", VELO_NOMEM. */
velo_status vl_ddl_check_not_meant(const vl_ddl_plan_state *state, const vl_table_def *table,
                                   int32_t column) VL_MUST_CHECK;

/* Check that every name in the views and triggers of a database, and of "temp", has a meaning.
 *
 * schemas  as in vl_ddl_input
 * home     the database: one of them
 * when     "after rename", or "" when they are as they were
 * errors   VELO_ERROR "error in view v after rename: ...", VELO_NOMEM */
velo_status vl_ddl_check_names(const vl_ddl_plan_state *state, const vl_schema *const *schemas,
                               const vl_schema *home, const char *when) VL_MUST_CHECK;

/* Make a table that only the engine makes, of columns without types or constraints. Errors:
 * VELO_NOMEM. */
velo_status vl_ddl_create_system(vl_ddl_plan_state *state, const char *name, const char *sql,
                                 vl_column_def *columns, uint16_t column_count) VL_MUST_CHECK;

/* The kind of the next token that is neither space nor comment. */
int vl_ddl_next_token(const char **at, const char *end, vl_token *token);

/* A text with what is between two offsets replaced. Errors: VELO_NOMEM. */
velo_status vl_ddl_splice(const vl_ddl_plan_state *state, const char *sql, uint32_t from,
                          uint32_t to, const char *middle, size_t middle_size, const char **out)
    VL_MUST_CHECK;

/* The kinds of statements. Errors: VELO_ERROR, VELO_NOMEM, VELO_MISUSE. */
velo_status vl_ddl_create_table(vl_ddl_plan_state *state) VL_MUST_CHECK;
velo_status vl_ddl_create_index(vl_ddl_plan_state *state) VL_MUST_CHECK;
velo_status vl_ddl_create_virtual(vl_ddl_plan_state *state) VL_MUST_CHECK;
velo_status vl_ddl_create_view(vl_ddl_plan_state *state) VL_MUST_CHECK;
velo_status vl_ddl_create_trigger(vl_ddl_plan_state *state) VL_MUST_CHECK;
velo_status vl_ddl_drop(vl_ddl_plan_state *state) VL_MUST_CHECK;
velo_status vl_ddl_alter(vl_ddl_plan_state *state) VL_MUST_CHECK;
velo_status vl_ddl_reindex(vl_ddl_plan_state *state) VL_MUST_CHECK;
velo_status vl_ddl_analyze(vl_ddl_plan_state *state) VL_MUST_CHECK;
velo_status vl_ddl_rename_table(vl_ddl_plan_state *state, const vl_table_def *table) VL_MUST_CHECK;
velo_status vl_ddl_rename_column(vl_ddl_plan_state *state, const vl_table_def *table) VL_MUST_CHECK;
velo_status vl_ddl_alter_constraint(vl_ddl_plan_state *state, const vl_table_def *table)
    VL_MUST_CHECK;

#endif
