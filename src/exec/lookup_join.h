/* lookup_join.h - a LOOP_JOIN that looks its right rows up by rowid, once it has done so often.
 *
 * Each lookup is a search in the right table's tree. When as much has been spent on these as
 * reading the table once would cost, it is read: columns of numbers go to arrays by rowid, and from
 * then on a left chunk is joined with a few loads for each row. So whoever joins little never pays
 * for it, and nobody pays more than twice what was needed.
 *
 * Rows are those of the statement's snapshot, and come out in the left side's order, as before: a
 * rowid has one row at most. Threads: one at a time. */
#ifndef VL_EXEC_LOOKUP_JOIN_H
#define VL_EXEC_LOOKUP_JOIN_H

#include "exec/exec_int.h"

struct vl_lookup_column;

typedef struct vl_lookup_join {
    int is_suitable;       /* the join is such a one */
    int is_built;          /* the right table is in memory */
    int is_given_up;       /* it will not be */
    uint64_t lookup_count; /* left rows that were looked up */
    /* private */
    vl_stage *stage; /* the join's */
    int64_t first;   /* rowid of the first element of the arrays */
    uint64_t span;   /* elements */
    uint64_t *present;
    struct vl_lookup_column *columns; /* of the right side */
    uint32_t column_count;
    vl_vector *vectors; /* of the chunk that is given: left columns, then right ones */
    uint64_t charged;
    uint16_t selection[VL_CHUNK_ROWS];
} vl_lookup_join;

/* Find out whether a LOOP_JOIN suits. Errors: VELO_NOMEM. */
velo_status vl_lookup_join_open(vl_ctx *ctx, vl_lookup_join *join, vl_stage *stage) VL_MUST_CHECK;

/* Read the right table, when enough left rows were looked up. frame: of the right side's program.
 * errors  those of reading, VELO_NOMEM, VELO_INTERRUPT */
velo_status vl_lookup_join_build(vl_ctx *ctx, vl_lookup_join *join, vl_frame *frame) VL_MUST_CHECK;

/* Join a left chunk: *out has its rows that have a right row, and lives as long as it, and until
 * the next call. Errors: VELO_NOMEM. */
velo_status vl_lookup_join_probe(vl_ctx *ctx, vl_lookup_join *join, const vl_chunk *left,
                                 vl_chunk *out) VL_MUST_CHECK;

/* Forget the right table, and begin to count anew. */
void vl_lookup_join_reset(vl_lookup_join *join);

#endif
