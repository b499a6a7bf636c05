/* eval.h - the scalar evaluator: an expression of a plan on one row gives one value.
 *
 * It defines what expressions mean; whatever computes on vectors is checked against it. AND, OR,
 * CASE, COALESCE and IN evaluate their later operands only where they are needed (31, item 20).
 *
 * Values that come out live as long as the shortest of: the row, the outer arguments, the
 * parameters, the arena, the plan. Threads: one at a time. */
#ifndef VL_EXEC_EVAL_H
#define VL_EXEC_EVAL_H

#include "base/ctx.h"
#include "sql/plan.h"
#include "vec/vector.h"

struct vl_frame;

/* What an expression is evaluated in. All of it is borrowed. */
typedef struct vl_eval {
    vl_arena *arena;        /* takes texts that are made */
    struct vl_frame *frame; /* the program at work: parameters, outer arguments, subqueries and
                               functions are found through it; NULL: there are none */
    const vl_value *row;    /* the row's values; NULL: see chunk */
    const vl_chunk *chunk;  /* with `at`: the row of a chunk, when row is NULL; NULL: no row */
    uint32_t at;            /* row of the chunk's vectors (not of its selection) */
    const vl_value *base;   /* of the CASE at hand */
} vl_eval;

/* Evaluate.
 *
 * value   receives the result; undefined after an error
 * errors  VELO_NOMEM, VELO_TOOBIG, VELO_ERROR and what functions and subqueries find */
velo_status vl_eval_expr(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, vl_value *value)
    VL_MUST_CHECK;

/* Evaluate a condition: *truth is 1, 0, or -1 for NULL. */
velo_status vl_eval_truth(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, int *truth)
    VL_MUST_CHECK;

/* Evaluate conjuncts in their order, up to the first that is not true: *passes is 1 or 0. */
velo_status vl_eval_conjuncts(vl_ctx *ctx, vl_eval *eval, const vl_exprs *conjuncts, int *passes)
    VL_MUST_CHECK;

/* Evaluate a list into an array. */
velo_status vl_eval_list(vl_ctx *ctx, vl_eval *eval, const vl_exprs *exprs, vl_value *values)
    VL_MUST_CHECK;

/* Compare two values with the affinity applied to both; *truth is 1, 0, or -1 for NULL. */
velo_status vl_eval_compare(vl_ctx *ctx, vl_arena *arena, vl_comparison op, vl_affinity affinity,
                            vl_collation collation, const vl_value *left, const vl_value *right,
                            int *truth) VL_MUST_CHECK;

#endif
