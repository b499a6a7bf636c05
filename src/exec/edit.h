/* edit.h - changing rows of a table with its indexes, as constraints and conflict clauses say.
 *
 * A *full row* is all columns of the table in their order, then the rowid (sql/plan.h). Checks are
 * made row by row in SQLite's order (31, item 15): affinity, generated columns, NOT NULL, CHECK,
 * the rowid, unique indexes; then, since row and entries are written by turns and taken back where
 * one of them meets a conflict, nothing of a row stays that failed. */
#ifndef VL_EXEC_EDIT_H
#define VL_EXEC_EDIT_H

#include "exec/index_entry.h"
#include "exec/source.h"

/* An index of the table at work. */
typedef struct vl_edit_index {
    const vl_index_def *def;
    vl_txn_index *index;
    const vl_exprs *exprs; /* of its terms */
    const vl_expr *where;  /* of a partial one, or NULL */
} vl_edit_index;

typedef struct vl_edit_reader vl_edit_reader;

/* A table that is being changed by a stage. */
typedef struct vl_edit_run {
    vl_stage *stage;
    const vl_change_target *target;
    const vl_table_def *def;
    vl_source source; /* the table's database alone */
    vl_txn_table *table;
    uint32_t *ids;    /* of the tree's columns, rising, id_count of them */
    int32_t *columns; /* of each: position in the table, or -1 */
    uint32_t id_count;
    uint32_t slow_rows;     /* how many are inserted the row first, since conflicts are met: CR5 */
    int is_packed;          /* rows are written as records (packed.h) */
    vl_value *stored;       /* room for a row by ids */
    vl_edit_index *indexes; /* index_count of them */
    uint32_t index_count;
    uint32_t full_count;          /* column_count + 1 */
    vl_arena arena;               /* of the run */
    vl_arena row_arena;           /* of the row at hand; the caller empties it */
    vl_arena result_arena;        /* rows of RETURNING */
    struct vl_edit_result *first; /* of them */
    struct vl_edit_result *last;
    vl_edit_reader *reader;   /* of subqueries in RETURNING (edit_return.c); NULL: not made */
    const vl_upsert *upserts; /* of INSERT */
    uint32_t upsert_count;
    vl_edit_sequence *sequence;   /* AUTOINCREMENT; NULL: not asked for yet */
    const vl_leaf_schema *schema; /* of the table, when the run was prepared */
    vl_arena_mark prepared;       /* of arena, then */
    int is_resting;               /* prepared, and not at work */
    int needs_rowid;              /* generated columns or CHECKs name the rowid, so one that nobody
                                     gave is chosen before they are computed */
    int has_chosen;               /* of the row at hand: it was */
    uint8_t *is_replaced;         /* where deleting a row for REPLACE fires triggers or
                                     has to do with foreign keys: conflicts of the
                                     row at hand that were met, of the rowid and of each index; else
                                     NULL */
} vl_edit_run;

/* A row of RETURNING. */
typedef struct vl_edit_result {
    struct vl_edit_result *next;
    vl_value values[];
} vl_edit_result;

/* What became of a row. */
typedef enum vl_edit_outcome {
    VL_EDIT_MADE,
    VL_EDIT_CHANGED, /* of an INSERT: DO UPDATE has changed the row in the way */
    VL_EDIT_SKIPPED  /* IGNORE, DO NOTHING, or the row is gone */
} vl_edit_outcome;

/* ---- edit.c ---- */

/* Prepare a run. `run` is zeroed at first, or rests since it was prepared for the same stage and
 * target; vl_edit_end releases it, also after a failure. */
velo_status vl_edit_begin(vl_ctx *ctx, vl_stage *stage, const vl_change_target *target,
                          vl_edit_run *run) VL_MUST_CHECK;
void vl_edit_end(vl_edit_run *run);

/* Forget all of a run but what is the same for the next one of the same statement. A run of zeros
 * is allowed. */
void vl_edit_rest(vl_edit_run *run);

/* Take the clauses of an UPSERT: their indexes are checked first, in the order of the clauses. */
void vl_edit_set_upserts(vl_edit_run *run, const vl_upsert *upserts, uint32_t count);

/* An eval on a full row. */
vl_eval vl_edit_eval(vl_edit_run *run, const vl_value *full);

/* Convert a new row to what is stored, choose its rowid where the rest needs it, compute generated
 * columns, check NOT NULL and CHECK.
 *
 * conflict  the statement's, or that of DO UPDATE
 * outcome   SKIPPED: OR IGNORE passes over it
 * errors    VELO_CONSTRAINT_NOTNULL and the like; the execution's resolution is set */
velo_status vl_edit_prepare(vl_ctx *ctx, vl_edit_run *run, vl_value *full, vl_conflict conflict,
                            vl_edit_outcome *outcome) VL_MUST_CHECK;

/* Convert a row to what it would be stored as, and compute generated columns; no constraints. */
velo_status vl_edit_convert(vl_ctx *ctx, vl_edit_run *run, vl_value *full) VL_MUST_CHECK;

/* Whether a column takes a value as it is: only those of STRICT tables may not. */
int vl_edit_suits(const vl_edit_run *run, int32_t column, const vl_value *value);

/* ---- edit_return.c ---- */

/* Keep what RETURNING yields for a row that was just changed; it may have extra columns behind it.
 */
velo_status vl_edit_return(vl_ctx *ctx, vl_edit_run *run, const vl_value *row) VL_MUST_CHECK;

/* Release what this took. */
void vl_edit_return_end(vl_edit_run *run);

/* Give rows of RETURNING on. */
velo_status vl_edit_give(vl_ctx *ctx, vl_edit_run *run, uint32_t wanted, const vl_chunk **out)
    VL_MUST_CHECK;

/* Record the failure of a constraint, with what is to be undone. Returns `code`. */
velo_status vl_edit_fail(vl_ctx *ctx, vl_edit_run *run, vl_conflict conflict, velo_status code,
                         const char *format, ...) VL_PRINTF(5, 6);

/* Read a row whole, with all that the transaction has done to it: *found 0: it is gone. */
velo_status vl_edit_read(vl_ctx *ctx, vl_edit_run *run, int64_t rowid, vl_value *full, int *found)
    VL_MUST_CHECK;

/* ---- edit_row.c ---- */

/* Give a row that has none the rowid that it would get now; nothing is written. Errors as
 * vl_rows_append; VELO_FULL. */
velo_status vl_edit_choose_rowid(vl_ctx *ctx, vl_edit_run *run, vl_value *full) VL_MUST_CHECK;

/* Insert a prepared row; a rowid that is NULL is chosen, and put into the row. */
velo_status vl_edit_insert(vl_ctx *ctx, vl_edit_run *run, vl_value *full, vl_edit_outcome *outcome)
    VL_MUST_CHECK;

/* What is stored of a full row: id_count values, borrowed. */
void vl_edit_store(const vl_edit_run *run, const vl_value *full, vl_value *stored);

/* The last rowid that was given is this one. */
void vl_edit_tell_rowid(vl_exec *exec, int64_t rowid);

/* Write a row that is known to be right under a rowid that is free, without indexes. */
velo_status vl_edit_put(vl_ctx *ctx, vl_edit_run *run, int64_t rowid, const vl_value *full)
    VL_MUST_CHECK;

/* Change a row, `old`, to the prepared `full`. `old` is read again when triggers may have changed
 * it. */
velo_status vl_edit_update(vl_ctx *ctx, vl_edit_run *run, vl_value *old, vl_value *full,
                           vl_conflict conflict, vl_edit_outcome *outcome) VL_MUST_CHECK;

/* Delete a row. */
velo_status vl_edit_delete(vl_ctx *ctx, vl_edit_run *run, const vl_value *old) VL_MUST_CHECK;

/* Tell who wants to know that a row was changed; not by REPLACE. */
void vl_edit_tell(const vl_edit_run *run, velo_change change, int64_t rowid);

/* Make the key of a row's entry in one of the run's indexes, in the row's arena; its size is 0 when
 * a partial index lacks the row. */
velo_status vl_edit_make_key(vl_ctx *ctx, vl_edit_run *run, uint32_t index, const vl_value *full,
                             vl_entry_key *key) VL_MUST_CHECK;

/* Tell that two rows have the same key in a unique index of the run. */
velo_status vl_edit_refuse_twins(vl_ctx *ctx, vl_edit_run *run, uint32_t index) VL_MUST_CHECK;

/* Look for the entry of a row in one of the run's indexes.
 *
 * is_wanted  receives whether the row has one
 * is_there   whether the view sees it, and it leads to the row */
velo_status vl_edit_find_entry(vl_ctx *ctx, vl_edit_run *run, const vl_view *view, uint32_t index,
                               const vl_value *full, int *is_wanted, int *is_there) VL_MUST_CHECK;

/* ---- edit_load.c ---- */

/* Prepared rows that are inserted together, where a table has no indexes. */
typedef struct vl_edit_load {
    vl_edit_run *run;
    vl_value *stored;  /* what is stored of the rows, id_count values of each */
    vl_value *full;    /* room for a full row */
    uint32_t count;    /* rows that wait */
    uint32_t capacity; /* how many may */
    int is_given;      /* their rowids were given: `first` and those that follow it */
    int64_t first;
} vl_edit_load;

/* Whether the rows that a run inserts may wait: nobody is told of each, and nothing but the row is
 * written. */
int vl_edit_can_load(const vl_edit_run *run);

/* Begin: memory is the run's. `count`: about how many rows there will be. */
velo_status vl_edit_load_begin(vl_ctx *ctx, vl_edit_run *run, uint32_t count, vl_edit_load *load)
    VL_MUST_CHECK;

/* Insert a prepared row, with those that wait or later: its bytes stay where they are until the
 * next vl_edit_load_end. Counts what is inserted. Errors: as vl_edit_insert, of any that waits. */
velo_status vl_edit_load_add(vl_ctx *ctx, vl_edit_load *load, const vl_value *full) VL_MUST_CHECK;

/* Insert all that waits. */
velo_status vl_edit_load_end(vl_ctx *ctx, vl_edit_load *load) VL_MUST_CHECK;

/* ---- edit_fire.c ---- */

/* A change of a row by SETs. */
typedef struct vl_edit_sets {
    const int32_t *columns; /* as in vl_op_update */
    const vl_exprs *values; /* on `row` */
    vl_value *row;          /* the full old row, then what else they see */
    const vl_fires *fires;
    vl_conflict conflict;
} vl_edit_sets;

/* Change a row with the triggers around it, count it, and keep what RETURNING yields.
 *
 * full  receives the new row; what RETURNING sees behind it is there already */
velo_status vl_edit_set(vl_ctx *ctx, vl_edit_run *run, const vl_edit_sets *sets, vl_value *full,
                        vl_edit_outcome *outcome) VL_MUST_CHECK;

/* Delete a row with the triggers around it. is_own: the statement deletes it, so it is counted, and
 * RETURNING sees it; else REPLACE does. */
velo_status vl_edit_remove(vl_ctx *ctx, vl_edit_run *run, const vl_value *old,
                           const vl_fires *fires, int is_own) VL_MUST_CHECK;

/* Fire BEFORE INSERT triggers for a row that is not prepared yet. */
velo_status vl_edit_fire_insert(vl_ctx *ctx, vl_edit_run *run, const vl_value *full,
                                vl_edit_outcome *outcome) VL_MUST_CHECK;

/* ---- foreign.c ---- */

/* Look after foreign keys of a row that was written: count what is violated and what is not any
 * more, hold parents, and run actions on children.
 *
 * fires   of the change
 * old     the row before; NULL: it was inserted
 * full    the row now; NULL: it was deleted
 * errors  VELO_CONSTRAINT_TRIGGER: RESTRICT; VELO_BUSY_SNAPSHOT: somebody has committed a parent's
 *         deletion, or a child, after the snapshot; those of reading and firing */
velo_status vl_edit_foreign(vl_ctx *ctx, vl_edit_run *run, const vl_fires *fires,
                            const vl_value *old, const vl_value *full) VL_MUST_CHECK;

/* Whether a key of a child that lacks no column has a parent by a view, and its rowid. Memory
 * comes from the arena.
 *
 * values  of the key's columns, in the order of up->columns */
velo_status vl_foreign_find(vl_ctx *ctx, vl_txn_store *store, vl_arena *arena, const vl_fk_up *up,
                            const vl_value *values, const vl_view *view, int64_t *rowid, int *found)
    VL_MUST_CHECK;

/* ---- edit_fire.c, too ---- */

/* Fire what stands behind or before a change, or in its place. */
velo_status vl_edit_fire(vl_ctx *ctx, vl_edit_run *run, const uint32_t *actions, uint32_t count,
                         const vl_value *old, const vl_value *full, vl_edit_outcome *outcome)
    VL_MUST_CHECK;

#endif
