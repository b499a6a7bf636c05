/* schema_build.h - from the rows of sqlite_schema to a schema (catalog/schema.h).
 *
 * What a finished schema promises beyond schema.h:
 *   - sqlite_schema itself is in it ("sqlite_temp_schema" in the database "temp"), with the five
 *     columns that users see.
 *   - Views have no columns: what their queries yield is the binder's to find out (31, item 47).
 *   - default_ast is never a COLUMN but for the words TRUE and FALSE: DEFAULT word is a STRING.
 *   - Foreign keys and the lists of indexes and triggers are newest first, as SQLite shows and
 *     fires them; indexes that REPLACE come after all others.
 *   - Names in CHECK, generated columns, index expressions and partial indexes were found, and
 *     what is prohibited there is absent. Whether their functions exist is the binder's question.
 *
 * Column ids. A row in a table's tree holds values by column id, so that ALTER TABLE changes no
 * row. A column has an id when its values are stored: not when it is VIRTUAL, and not when it is
 * the rowid. A table as created has the ids 1, 2, 3... in the order of its stored columns; a table
 * without stored columns has a placeholder, id 1, that nobody reads. An added column gets the next
 * id that was never used in its table. As the text of a table in which a column was dropped does
 * not tell its ids any more, the store's table behind sqlite_schema has a sixth column, not visible
 * to SQL, `layout`: NULL where the rule above gives the ids, else the text "NEXT:ID,ID,..." with
 * the next id and those of the stored columns in their order. The rows of a table WITHOUT ROWID are
 * stored in the same way, under rowids that nobody sees (docs/trees.md). The tree of its primary
 * key, an index without a row of its own, stands in the same hidden column before the ids: "TREE/",
 * or "TREE/NEXT:ID,ID,...". */
#ifndef VL_SQL_SCHEMA_BUILD_H
#define VL_SQL_SCHEMA_BUILD_H

#include "base/ctx.h"
#include "catalog/schema.h"

/* The most columns of a table, as SQLite has it. */
#define VL_SCHEMA_MAX_COLUMNS 2000U

/* Column id in the store's table behind sqlite_schema of its hidden column; those that users see
 * have 1 to 5. */
#define VL_SCHEMA_LAYOUT_ID 6U

/* The column id of the placeholder in a table without stored columns. */
#define VL_SCHEMA_PLACEHOLDER_ID 1U

/* A row of sqlite_schema. */
typedef struct vl_schema_row {
    const char *type;       /* "table", "index", "view" or "trigger" */
    const char *name;       /* of the object */
    const char *table_name; /* tbl_name */
    const char *sql;        /* its CREATE statement; NULL: an automatic index */
    const char *layout;     /* the hidden column's ids, or NULL */
    uint64_t tree;          /* rootpage */
    int64_t rowid;          /* of this row */
    uint64_t key_tree;      /* of a table WITHOUT ROWID: of its primary key, from the hidden column;
                               else 0 */
} vl_schema_row;

/* A row of sqlite_stat1. Which numbers are not of use is passed over. */
typedef struct vl_schema_stat {
    const char *table;   /* tbl */
    const char *index;   /* idx; NULL: of the table */
    const char *numbers; /* stat */
} vl_schema_stat;

/* What a schema is made of; all of it is borrowed for the call and copied. */
typedef struct vl_schema_source {
    const char *database;      /* "main", "temp" or the name of ATTACH */
    uint64_t version;          /* see vl_schema */
    uint64_t tree;             /* of sqlite_schema itself */
    const vl_schema_row *rows; /* row_count of them, in order of rowids */
    size_t row_count;
    const vl_schema_stat *stats; /* stat_count of them; the last one about an object counts */
    size_t stat_count;
} vl_schema_source;

/* Make a schema with one reference, the caller's.
 *
 * out     NULL on failure
 * errors  VELO_CORRUPT: a row that no statement of ours can have written, "malformed database
 * schema (NAME) - ..."; VELO_NOMEM */
velo_status vl_schema_build(vl_ctx *ctx, const vl_schema_source *source, vl_schema **out)
    VL_MUST_CHECK;

/* The columns that the text of a CREATE TABLE declares for a virtual table. There are no indexes,
 * keys or checks of it; a column with the word HIDDEN in its type is hidden, without the word.
 *
 * arena   where the table goes, and a copy of the text
 * key     the only column of the primary key of a table WITHOUT ROWID; -1: it has rowids, -2: the
 *         key has several columns
 * errors  VELO_ERROR: it is another statement, or wrong; VELO_NOMEM */
velo_status vl_schema_declare(vl_ctx *ctx, vl_arena *arena, const char *sql, vl_table_def **out,
                              int32_t *key) VL_MUST_CHECK;

/* The conflict action that an operator of the tree (vl_ast_op) says; DEFAULT for all others. */
vl_conflict vl_schema_conflict(unsigned op);

#endif
