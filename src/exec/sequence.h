/* sequence.h - AUTOINCREMENT: rowids that no row has had, and the table sqlite_sequence.
 *
 * Rowids come from a counter in memory (vl_rows_append_ever), so that transactions which insert at
 * a time do not wait for each other. What a transaction has reached it writes to sqlite_sequence at
 * the end of each statement, with its rows: so a crash, a rollback and a snapshot need nothing of
 * their own.
 *
 * A row of sqlite_sequence that another transaction holds, or has changed since, is left alone:
 * then the table gets one more row there, and the greatest counts. When a transaction is alone it
 * puts them together again. Who reads sqlite_sequence sees one row of each table
 * (vl_sequence_rows), who changes it has the others deleted first (vl_sequence_unite). */
#ifndef VL_EXEC_SEQUENCE_H
#define VL_EXEC_SEQUENCE_H

#include "exec/edit.h"

/* Whether a table is sqlite_sequence. */
int vl_sequence_is_kept_in(const vl_table_def *def);

/* Insert a row with a rowid that no row has had. */
velo_status vl_sequence_append(vl_ctx *ctx, vl_edit_run *run, const vl_value *values,
                               int64_t *rowid) VL_MUST_CHECK;

/* A row is about to be inserted at a rowid of its own. */
velo_status vl_sequence_meet(vl_ctx *ctx, vl_edit_run *run, int64_t rowid) VL_MUST_CHECK;

/* Write what was reached in all tables, at the end of the statement. */
velo_status vl_sequences_keep(vl_ctx *ctx, vl_exec *exec) VL_MUST_CHECK;

/* The execution is run again. */
void vl_sequences_reset(vl_exec *exec);

/* The statement changes sqlite_sequence itself: `def`, of `source`. */
velo_status vl_sequence_unite(vl_ctx *ctx, const vl_source *source, const vl_table_def *def)
    VL_MUST_CHECK;

/* The rows of sqlite_sequence that a view is to be shown, rising; NULL: all of them, as is usual.
 *
 * arena  receives them */
velo_status vl_sequence_rows(vl_ctx *ctx, vl_arena *arena, const vl_table_def *def,
                             vl_txn_table *table, const vl_view *view, int64_t **rowids,
                             uint32_t *count) VL_MUST_CHECK;

#endif
