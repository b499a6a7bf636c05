/* schema_int.h - the parts that make a schema's objects. Private to sql/.
 *
 * Objects lie in the builder's arena, and point into trees and texts that live as long. Messages
 * are SQLite's; the place in the text is recorded where a node tells it. */
#ifndef VL_SQL_SCHEMA_INT_H
#define VL_SQL_SCHEMA_INT_H

#include "base/ctx.h"
#include "catalog/schema.h"
#include "sql/ast.h"
#include "sql/lexer.h"
#include "sql/schema_build.h"

/* What making objects of one statement needs. */
typedef struct vl_schema_builder {
    vl_ctx *ctx;          /* where errors go */
    vl_arena *arena;      /* where objects go */
    const char *database; /* "main", ...: may qualify names in expressions */
    const char *sql;      /* the statement's text, into which its tree's offsets point */
    int *is_read;         /* set to 1 when a table's columns and constraints were read, and what
                             follows is checks of the whole; may be NULL */
    int is_new;           /* the statement is being carried out: collations must be there */
} vl_schema_builder;

/* Where an expression of a table stands, which decides what it may hold. */
typedef enum vl_schema_place {
    VL_SCHEMA_CHECK,
    VL_SCHEMA_GENERATED,
    VL_SCHEMA_INDEX,
    VL_SCHEMA_PARTIAL
} vl_schema_place;

/* Fail with VELO_ERROR at a node's place; NULL: at no place. */
velo_status vl_schema_fail(const vl_schema_builder *builder, const vl_ast *node, const char *format,
                           ...) VL_PRINTF(3, 4);

/* Fail for lack of memory. */
velo_status vl_schema_no_memory(const vl_schema_builder *builder);

/* Zeroed memory for `count` things of a size; NULL when there is none, which is then recorded: the
 * caller returns VELO_NOMEM. */
void *vl_schema_alloc(const vl_schema_builder *builder, size_t count, size_t size) VL_MUST_CHECK;

/* Copy bytes as a text that ends. Errors: VELO_NOMEM. */
velo_status vl_schema_copy(const vl_schema_builder *builder, const char *text, size_t size,
                           const char **out) VL_MUST_CHECK;

/* Copy the text that an expression was written as, without white space at its ends;
 * is_in_parentheses: without the pair around it as well. Errors: VELO_NOMEM. */
velo_status vl_schema_copy_source(const vl_schema_builder *builder, const vl_ast *node,
                                  int is_in_parentheses, const char **out) VL_MUST_CHECK;

/* The name that a node ends with, as it was written: a column without its qualifiers and
 * parentheses, a table without its database. */
vl_token vl_schema_token(const vl_schema_builder *builder, const vl_ast *node);

/* Whether the `size` bytes at `text` are this word, in any case. */
int vl_schema_is_word(const char *text, size_t size, const char *word);

/* Whether a name is kept for the engine: begins with "sqlite_". */
int vl_schema_is_reserved(const char *name, size_t size);

/* A collation by name. Errors: VELO_ERROR, "no such collation sequence: x" if the statement is new;
 * one that is read may name what nobody has given yet. */
velo_status vl_schema_collation(const vl_schema_builder *builder, const char *name, size_t size,
                                vl_collation *collation) VL_MUST_CHECK;

/* Whether a column node is a bare name that stands for a text or a truth value in place of a
 * column: in double quotes, or TRUE and FALSE. */
int vl_schema_is_literal_name(const vl_ast *column);

/* Check that an expression holds only what its place allows, and that the columns it names are the
 * table's. Errors: VELO_ERROR. */
velo_status vl_schema_check(const vl_schema_builder *builder, const vl_table_def *table,
                            vl_schema_place place, const vl_ast *node) VL_MUST_CHECK;

/* Make a table of a CREATE_TABLE with columns, with its automatic indexes but without trees, rowids
 * and sql. Errors: VELO_ERROR, VELO_NOMEM. */
velo_status vl_schema_make_table(const vl_schema_builder *builder, const vl_ast *create,
                                 vl_table_def **out) VL_MUST_CHECK;

/* Make a view of a CREATE_VIEW. Errors: VELO_ERROR (parameters), VELO_NOMEM. */
velo_status vl_schema_make_view(const vl_schema_builder *builder, const vl_ast *create,
                                vl_table_def **out) VL_MUST_CHECK;

/* Make an index of a CREATE_INDEX on its table; it is not put into the table's list. Errors:
 * VELO_ERROR, VELO_NOMEM. */
velo_status vl_schema_make_index(const vl_schema_builder *builder, const vl_table_def *table,
                                 const vl_ast *create, vl_index_def **out) VL_MUST_CHECK;

/* Give a table that is being made the index of a constraint, unless it has one of the same terms.
 *
 * node    the CONSTRAINT, for its terms, direction and conflict action
 * column  position of the column whose constraint it is; -1: terms of the node
 * errors  VELO_ERROR, VELO_NOMEM */
velo_status vl_schema_add_constraint_index(const vl_schema_builder *builder, vl_table_def *table,
                                           const vl_ast *node, int32_t column,
                                           vl_index_origin origin) VL_MUST_CHECK;

/* Complete the terms of the automatic indexes of a table whose constraints have all been seen; a
 * table WITHOUT ROWID, which must have a primary key, gets its primary index.
 *
 * is_key_descending  PRIMARY KEY (x DESC) of a single INTEGER column
 * errors             VELO_ERROR, VELO_NOMEM */
velo_status vl_schema_finish_indexes(const vl_schema_builder *builder, vl_table_def *table,
                                     int is_key_descending) VL_MUST_CHECK;

/* Put an index into its table's list. */
void vl_schema_link_index(vl_table_def *table, vl_index_def *index);

/* Give the columns of a table their ids. Errors: VELO_CORRUPT: the layout's text is none, or is of
 * another number of columns. */
velo_status vl_schema_assign_ids(const vl_schema_builder *builder, vl_table_def *table,
                                 const char *layout) VL_MUST_CHECK;

/* As vl_schema_build; when what is made of a row fails, *failed is that row, and the status and the
 * message are those of a new statement. */
velo_status vl_schema_build_rows(vl_ctx *ctx, const vl_schema_source *source,
                                 const vl_schema_row **failed, vl_schema **out) VL_MUST_CHECK;

/* Whether a column's values are stored under an id. */
int vl_schema_is_stored(const vl_table_def *table, int32_t column);

/* Whether a tree holds a parameter: schema_table.c. */
int vl_schema_has_parameter(const vl_ast *node);

#endif
