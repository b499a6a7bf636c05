/* ddl.h - what a statement that changes the schema does, as a list of changes to carry out.
 *
 * A pure function over schemas and a syntax tree: it checks the statement with SQLite's rules and
 * words and tells which rows of sqlite_schema change, which trees come and go, and what must be
 * done to rows of tables. The layer above carries the list out in its order, inside a transaction,
 * and then makes the schema anew of the changed rows (schema_build.h). What needs rows (whether a
 * table is empty, whether rows keep a new constraint) is in the list with the message to fail with.
 */
#ifndef VL_SQL_DDL_H
#define VL_SQL_DDL_H

#include "base/ctx.h"
#include "base/type.h"
#include "catalog/schema.h"
#include "sql/ast.h"
#include "sql/schema_build.h"

typedef enum vl_ddl_kind {
    VL_DDL_REQUIRE_EMPTY, /* fail with VELO_ERROR and `message` when `table` has a row */
    VL_DDL_DELETE_ROWS,   /* delete all rows of `table` as DELETE FROM does, for foreign keys */
    VL_DDL_CREATE_TREE,   /* a new tree, called `new_tree` in this list */
    VL_DDL_INSERT_ROW,    /* `row` into sqlite_schema; its rowid is the largest + 1 */
    VL_DDL_UPDATE_ROW,    /* `row` takes the place of the one with its rowid */
    VL_DDL_DELETE_ROW,    /* the row with the rowid of `row` */
    VL_DDL_DROP_TREE,     /* `tree`, when no snapshot needs it any more */
    VL_DDL_SET_COLUMNS, /* `tree`, that of `table`, has `columns` from now on, of which all but one
                           it had before; no row changes */
    VL_DDL_FILL_INDEX,  /* an entry for each row, in the new schema's index `name` */
    VL_DDL_FILL_TABLE,  /* CREATE TABLE AS: the query's rows into the new schema's table `name` */
    VL_DDL_CHECK_ROWS,  /* rows of the new schema's table `name` keep its constraints, or it fails
                           with "CHECK constraint failed", "NOT NULL constraint failed" or "type
                           mismatch on DEFAULT" */
    VL_DDL_CHECK_CONSTRAINT, /* the same for one constraint, that of `column`, whatever others say;
                                VELO_CONSTRAINT "constraint failed" */
    VL_DDL_DROP_SEQUENCE,    /* rows of sqlite_sequence named `name` */
    VL_DDL_RENAME_SEQUENCE,  /* rows of sqlite_sequence named `name` get `new_name` */
    VL_DDL_DROP_STATISTICS, /* rows of sqlite_stat1 of the table `name`, or of the index `new_name`;
                               all of them when both are NULL */
    VL_DDL_ANALYZE,         /* rows of sqlite_stat1 for the new schema's table `name`, or for its
                               index `new_name` alone */
    VL_DDL_CREATE_VIRTUAL,  /* have the module make the virtual table of `row`, which is there */
    VL_DDL_DESTROY_VIRTUAL, /* have the module of the virtual table `table` destroy it */
    VL_DDL_RENAME_VIRTUAL,  /* tell the module of `table` that it is called `new_name` now */
    VL_DDL_LOAD_STATISTICS  /* the schema is made anew once more, of what sqlite_stat1 has now */
} vl_ddl_kind;

/* A column of a table's tree. */
typedef struct vl_ddl_column {
    uint32_t id;      /* see schema_build.h */
    vl_value missing; /* what stands for it in rows that were written before it was added */
} vl_ddl_column;

typedef struct vl_ddl_change vl_ddl_change;

struct vl_ddl_change {
    vl_ddl_change *next;          /* what is done after it; NULL at the end */
    vl_ddl_kind kind;             /* which of the following hold */
    const vl_schema *schema;      /* database that it is about */
    const vl_table_def *table;    /* as it is before the statement; else NULL */
    vl_schema_row row;            /* INSERT: row.tree is 0 when new_tree says which */
    uint32_t new_tree;            /* CREATE_TREE, INSERT_ROW: from 1; 0: none */
    uint32_t new_key_tree;        /* INSERT_ROW: becomes row.key_tree; from 1; 0: none */
    uint64_t tree;                /* a tree that is there */
    int is_key_tree;              /* CREATE_TREE: of an index */
    uint32_t column_count;        /* CREATE_TREE of a table, SET_COLUMNS: at least 1 */
    const vl_ddl_column *columns; /* column_count of them, in order of ids */
    const char *name;             /* of an object, as the kind says */
    const char *new_name;         /* as the kind says */
    const char *message;          /* REQUIRE_EMPTY: for the error */
    int32_t column;               /* CHECK_CONSTRAINT: whose NOT NULL; -1: that of the last CHECK */
};

/* A result column of the query of CREATE TABLE AS. */
typedef struct vl_ddl_result {
    const char *name;     /* as the query names it */
    vl_affinity affinity; /* of its expression */
} vl_ddl_result;

/* A statement and what it may see; all is borrowed until the changes are carried out. */
typedef struct vl_ddl_input {
    const vl_schema *const *schemas; /* "main" first, then "temp", then others in order of ATTACH */
    uint32_t schema_count;           /* see schemas */
    const vl_ast *statement;         /* CREATE_..., DROP, ALTER, REINDEX or ANALYZE */
    const char *sql;                 /* text that the statement was parsed from */
    size_t sql_size;                 /* its bytes */
    const vl_ddl_result *results;    /* CREATE TABLE AS: result_count columns; else NULL */
    uint32_t result_count;           /* see results */
    int has_foreign_keys;            /* PRAGMA foreign_keys is on */
    int may_reserve; /* PRAGMA writable_schema is on: tables of temp may have reserved names */
    /* The least id that an added column of a table's tree may have: columns that were added by
     * statements which were undone have ids too. NULL: what the schema says is enough. */
    velo_status (*next_column)(vl_ctx *ctx, void *argument, uint64_t tree, uint32_t *next);
    void *argument;   /* of next_column */
    int is_deferring; /* PRAGMA defer_foreign_keys is on */
} vl_ddl_input;

/* What a statement does. */
typedef struct vl_ddl {
    const vl_schema *schema; /* database that the statement is about; NULL when nothing is found,
                                which IF EXISTS allows */
    vl_ddl_change *changes;  /* in order; NULL: nothing is to be done, as IF [NOT] EXISTS allows */
    uint32_t tree_count;     /* trees that it creates */
} vl_ddl;

/* Find out what a statement does.
 *
 * arena   where changes and their texts go
 * out     zeroed on failure
 * errors  VELO_ERROR with SQLite's words, VELO_NOMEM; VELO_MISUSE: no DDL statement, or CREATE
 * TABLE AS without results */
velo_status vl_ddl_plan(vl_ctx *ctx, const vl_ddl_input *input, vl_arena *arena, vl_ddl *out)
    VL_MUST_CHECK;

#endif
