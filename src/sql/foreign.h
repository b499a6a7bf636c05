/* foreign.h - foreign keys as statements: where their parent key is, and what finds or changes
 * children.
 *
 * A foreign key refers to the rowid's column, or to the columns of a unique index of its parent: to
 * the PRIMARY KEY where it names none. */
#ifndef VL_SQL_FOREIGN_H
#define VL_SQL_FOREIGN_H

#include "base/arena.h"
#include "base/ctx.h"
#include "sql/ast.h"
#include "sql/plan.h"

/* What OLD and NEW are called in statements for foreign keys: no table has such a name by chance.
 */
#define VL_FK_OLD_NAME "(old row)"
#define VL_FK_NEW_NAME "(new row)"

/* The parent table of a foreign key of a schema; NULL: there is none. */
const vl_table_def *vl_foreign_parent(const vl_schema *schema, const vl_fk_def *fk);

/* Find the parent key.
 *
 * index     receives the index, NULL: it is the rowid
 * children  room for fk->count: receives the child's column of each term of the index
 * parents   room for fk->count: receives the parent's column of each column of the foreign key
 * returns   0: the parent lacks such a key ("foreign key mismatch") */
int vl_foreign_locate(const vl_table_def *parent, const vl_fk_def *fk, const vl_index_def **index,
                      uint16_t *children, uint16_t *parents) VL_MUST_CHECK;

/* Make the statement of an action that is for a foreign key: text and tree, in the arena. Errors:
 * VELO_NOMEM, and those of vl_parse. */
velo_status vl_foreign_statement(vl_ctx *ctx, vl_arena *arena, const vl_action *action,
                                 const char **text, vl_ast **statement) VL_MUST_CHECK;

#endif
