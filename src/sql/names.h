/* names.h - which tables and columns the names in a view or a trigger mean.
 *
 * Resolves names as SQLite does, without types, plans or functions: enough for ALTER TABLE, which
 * edits the names of what it renames and refuses what would leave a name without meaning. */
#ifndef VL_SQL_NAMES_H
#define VL_SQL_NAMES_H

#include "base/ctx.h"
#include "catalog/schema.h"
#include "sql/ast.h"

/* Called for each name that means a table or a column of one.
 *
 * node    QNAME or NAME of a table (the latter before a column, when it is no alias); COLUMN, NAME
 * or SET of a column table   what is meant, or whose column column  its position; -1: the table
 * itself */
typedef velo_status vl_names_tell(void *argument, const vl_ast *node, const vl_table_def *table,
                                  int32_t column);

/* What names are looked for in. */
typedef struct vl_names_input {
    const vl_schema *const *schemas; /* as vl_ddl_input has them */
    uint32_t schema_count;           /* see schemas */
    const vl_schema *home;           /* of the view or trigger: one of them */
    vl_names_tell *tell;             /* may be NULL: names are checked only */
    void *argument;                  /* for tell */
} vl_names_input;

/* Resolve all names of a CREATE_VIEW or CREATE_TRIGGER.
 *
 * arena   scratch memory, which stays allocated
 * errors  VELO_ERROR: "no such column: x", "no such table: main.t", "ambiguous column name: x",
 * ...; VELO_NOMEM; what `tell` returns */
velo_status vl_names_resolve(vl_ctx *ctx, vl_arena *arena, const vl_names_input *input,
                             const vl_ast *create) VL_MUST_CHECK;

#endif
