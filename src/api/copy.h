/* copy.h - all of a database, as one snapshot sees it, written into another one, or anew into the
 * same: tree by tree, as it is stored.
 *
 *     vl_copy_run          VACUUM: all at once
 *     vl_copy_begin, vl_copy_step ..., vl_copy_schema     a backup: in steps
 *
 * The statement that is written with, and the one whose view is read, are open all the time.
 * Threads: one at a time. */
#ifndef VL_API_COPY_H
#define VL_API_COPY_H

#include "api/api_int.h"
#include "txn/txn_keys.h"

/* A copy at work: those who make one fill in the first fields, and zeros for the rest. */
typedef struct vl_copy {
    vl_engine *from;         /* what is read */
    vl_view view;            /* of it */
    const vl_schema *schema; /* that the view has */
    vl_engine *to;           /* what is written; may be the same */
    vl_statement *statement; /* of it */
    _Atomic int *interrupt;  /* not 0: stop */
    int is_done;             /* all trees are copied */
    uint64_t *old_trees;     /* tree_count of them, as they are met */
    uint64_t *new_trees;     /* where each went */
    uint32_t tree_count;     /* see old_trees */

    uint32_t at;             /* private: object at hand: tables, then indexes */
    uint64_t old_tree;       /* private: the tree at hand */
    vl_tree_id new_tree;     /* private: its copy */
    vl_txn_table *table;     /* private: copied from; NULL: no table is at hand */
    vl_txn_table *table_to;  /* private: copied to */
    vl_txn_index *index_to;  /* private: copied to; NULL: no index is at hand */
    vl_row_scan rows;        /* private: of the table */
    vl_key_scan keys;        /* private: of the index */
    vl_leaf_schema columns;  /* private: of the table */
    vl_leaf_value *defaults; /* private: of the columns, with their ids behind; owned */
    vl_arena arena;          /* private: of a leaf's rows */
    vl_arena row_arena;      /* private: of a row's long values */
    int has_begun;           /* private: there is something to be released */
} vl_copy;

/* Begin, and copy up to `pages` leaves of trees: is_done says when there are no more. Errors: those
 * of reading and writing rows, VELO_INTERRUPT: then it only ends. */
velo_status vl_copy_begin(vl_ctx *ctx, vl_copy *copy) VL_MUST_CHECK;
velo_status vl_copy_step(vl_ctx *ctx, vl_copy *copy, uint64_t pages) VL_MUST_CHECK;

/* Write the rows of sqlite_schema with the trees' new places: into the other database, whose
 * sqlite_schema is empty, or in their place. */
velo_status vl_copy_schema(vl_ctx *ctx, vl_copy *copy) VL_MUST_CHECK;

/* All of that. */
velo_status vl_copy_run(vl_ctx *ctx, vl_copy *copy) VL_MUST_CHECK;

/* Write the numbers of the database (PRAGMA user_version and the like) into the other one. */
velo_status vl_copy_meta(vl_ctx *ctx, const vl_copy *copy) VL_MUST_CHECK;

/* Count a new version of the schema in the database that the statement writes, and make the
 * connection's schema anew: objects are where they were not. */
velo_status vl_vacuum_make_schema(vl_ctx *ctx, velo_statement *statement) VL_MUST_CHECK;

/* What VACUUM's statement does for a backup (backup.c): begin with it, and go on, with VELO_ROW as
 * long as there is more. */
velo_status vl_backup_start(vl_ctx *ctx, velo_statement *statement) VL_MUST_CHECK;
velo_status vl_backup_step(vl_ctx *ctx, velo_statement *statement) VL_MUST_CHECK;

/* Release what it holds, however far it has come; also one that did not begin. */
void vl_copy_end(vl_copy *copy);

#endif
