/* source.h - where scans and changes find their databases: a statement of a transactional store
 * for each.
 *
 * The api gives one to each run of an execution. It holds nothing itself: tables and indexes are
 * looked up in the store by the tree that the schema names; which database a table is in, its
 * schema says.
 *
 * Also here: what scans share, which is reading the columns that a plan asks for out of rows. */
#ifndef VL_EXEC_SOURCE_H
#define VL_EXEC_SOURCE_H

#include "exec/exec_int.h"
#include "txn/txn_keys.h"
#include "txn/txn_rows.h"

/* A database beside the first: one with TEMP objects, or of ATTACH. */
typedef struct vl_source_other {
    const vl_schema *schema; /* whose tables are in it */
    vl_txn_store *store;     /* see vl_source */
    vl_statement *statement; /* see vl_source */
} vl_source_other;

typedef struct vl_source {
    vl_txn_store *store;           /* the database of all tables that no other has */
    vl_statement *statement;       /* open for as long as the run */
    const vl_source_other *others; /* other_count of them */
    uint32_t other_count;
} vl_source;

/* The database that a table is in, by itself. */
static inline vl_source
vl_source_of(const vl_source *source, const vl_table_def *table)
{
    for (uint32_t i = 0; i < source->other_count; i++)
        if (source->others[i].schema == table->schema)
            return (vl_source){source->others[i].store, source->others[i].statement, NULL, 0};
    return (vl_source){source->store, source->statement, NULL, 0};
}

/* Make an entry for each row of its table in an index that is empty: CREATE INDEX.
 *
 * exec    an execution of a DELETE from the table, made by the schema that has the index, with the
 *         source of a writing statement; it is not run, but says what the index's terms are
 * errors  VELO_CONSTRAINT_UNIQUE, and those of reading and writing */
velo_status vl_exec_fill_index(vl_ctx *ctx, vl_exec *exec, const char *name) VL_MUST_CHECK;

/* Told what is wrong, in SQLite's words. */
typedef void vl_exec_fault(void *argument, const char *text);

/* Check that each index of a table has the entries of its rows, and no others.
 *
 * exec    an execution of a DELETE from the table, as above; the source's statement may be one that
 *         only reads
 * errors  those of reading; what is wrong is none */
velo_status vl_exec_verify_indexes(vl_ctx *ctx, vl_exec *exec, vl_exec_fault *tell, void *argument)
    VL_MUST_CHECK;

/* What is checked of rows, where it is not the NOT NULL of a column of this number. */
enum {
    VL_CHECK_LAST = -1, /* the last CHECK of the table */
    VL_CHECK_ALL = -2   /* all that is about one row */
};

/* Check that every row keeps constraints of its table: ALTER TABLE.
 *
 * exec    an execution of an INSERT into the table, as above
 * what    VL_CHECK_..., or a column
 * errors  VELO_ERROR with SQLite's words for VL_CHECK_ALL, else VELO_CONSTRAINT; those of reading
 */
velo_status vl_exec_check_rows(vl_ctx *ctx, vl_exec *exec, int32_t what) VL_MUST_CHECK;

/* Write the rows of a table anew into the tree that it has from now on: ALTER TABLE. Indexes stay.
 *
 * exec     an execution of an INSERT into the table as it will be, as above
 * old      the table as it was; columns of one id are the same
 * columns  what new columns have in all rows: defaults, by id
 * errors   those of reading and writing */
velo_status vl_exec_rewrite_rows(vl_ctx *ctx, vl_exec *exec, const vl_table_def *old,
                                 const vl_leaf_schema *columns) VL_MUST_CHECK;

/* Columns of a table that are read together. */
typedef struct vl_fetch {
    const vl_table_def *def; /* NULL: not prepared */
    vl_txn_table *table;     /* of the run */
    uint32_t *ids;           /* stored columns, rising, id_count of them */
    uint32_t id_count;
    int is_packed;    /* rows are records (packed.h): the tree has other columns */
    int32_t *places;  /* of each column asked for: index in ids, or VL_FETCH_ROWID */
    uint32_t count;   /* columns asked for */
    vl_value *values; /* room for one row, by ids */
} vl_fetch;

#define VL_FETCH_ROWID (-1)

/* Prepare to read columns, given as positions in the table or VL_COLUMN_ROWID. Memory comes from
 * the arena. errors  VELO_NOMEM, VELO_NOTFOUND, VELO_ERROR: a column that is not stored */
velo_status vl_fetch_init(vl_ctx *ctx, const vl_source *source, const vl_table_def *def,
                          const int32_t *columns, uint32_t count, vl_arena *arena, vl_fetch *fetch)
    VL_MUST_CHECK;

/* Prepare for another run what was prepared for one of the same plan: only the table is looked for
 * again. Errors: VELO_NOMEM, VELO_NOTFOUND. */
velo_status vl_fetch_open(vl_ctx *ctx, const vl_source *source, vl_fetch *fetch) VL_MUST_CHECK;

/* Read a row into row `at` of a batch, whose arena takes the texts; *found 0: the view sees none.
 */
velo_status vl_fetch_row(vl_ctx *ctx, vl_fetch *fetch, const vl_view *view, int64_t rowid,
                         vl_batch *batch, uint32_t at, int *found) VL_MUST_CHECK;

/* What is done with each rowid that vl_visit_rowids finds. */
typedef velo_status vl_rowid_visit(vl_ctx *ctx, void *argument, int64_t rowid);

/* Go through the rowids of a table that a view sees, in order; nothing is latched while one is
 * visited. errors  those of reading and of the visits, which end it, and VELO_INTERRUPT */
velo_status vl_visit_rowids(vl_ctx *ctx, vl_exec *exec, vl_txn_table *table, const vl_view *view,
                            vl_rowid_visit *visit, void *argument) VL_MUST_CHECK;

/* The values that a lookup asks for (`= x`, or those of a list or program), as they are; some may
 * be NULL, and none is left out. In the arena.
 *
 * frame  where the program's frame is kept from run to run; NULL at first */
velo_status vl_lookup_values(vl_ctx *ctx, vl_stage *stage, const vl_lookup *lookup,
                             vl_frame **frame, vl_arena *arena, vl_value **values, uint32_t *count)
    VL_MUST_CHECK;

/* Sort values that are looked up, each once; without NULLs, unless those are looked for. Returns
 * how many are left. */
uint32_t vl_lookup_sort(vl_value *values, uint32_t count, int keeps_nulls, vl_collation collation);

/* Put the next rows of a scan into its batch, which was begun for them: `wanted` at most, none at
 * the end. */
typedef velo_status vl_scan_fill(vl_ctx *ctx, vl_stage *stage, uint32_t wanted);

/* What `next` of a scan does once that has been started: fill the batch until rows pass the filter,
 * or there are none. A row whose filter fails ends the batch, and the error is kept for the
 * next call (31, item 19). */
velo_status vl_scan_next(vl_ctx *ctx, vl_stage *stage, const vl_exprs *filter, uint32_t wanted,
                         vl_scan_fill *fill, const vl_chunk **out) VL_MUST_CHECK;

/* A fill came to an error: rows that it has put into the batch are given first. */
velo_status vl_scan_fail(vl_ctx *ctx, vl_stage *stage, velo_status st) VL_MUST_CHECK;

#endif
