/* plan_explain.h - what EXPLAIN QUERY PLAN tells of a plan. */
#ifndef VL_SQL_PLAN_EXPLAIN_H
#define VL_SQL_PLAN_EXPLAIN_H

#include "base/ctx.h"
#include "sql/plan.h"

/* A row of EXPLAIN QUERY PLAN; the column `notused` is 0. */
typedef struct vl_explain_row {
    int32_t id;         /* from 1 up, in the order of the rows */
    int32_t parent;     /* 0: none */
    const char *detail; /* in SQLite's words: "SCAN t" */
} vl_explain_row;

/* Tell a plan in rows, which are put into the arena. Words are SQLite's where an operator does what
 * one of SQLite's does; a hash join is told as the automatic index that SQLite would build.
 * errors  VELO_NOMEM */
velo_status vl_plan_explain(vl_ctx *ctx, vl_arena *arena, const vl_plan *plan,
                            const vl_explain_row **rows, uint32_t *count) VL_MUST_CHECK;

/* Say in a line what an operator is and works on: "HASH LEFT JOIN", "SEARCH t USING INDEX i (a=?)".
 * errors  VELO_NOMEM */
velo_status vl_plan_describe(vl_ctx *ctx, vl_arena *arena, const vl_plan *plan, const vl_op *op,
                             const char **text) VL_MUST_CHECK;

#endif
