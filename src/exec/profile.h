/* profile.h - what each operator of an execution has done, and how long it took: EXPLAIN ANALYZE.
 *
 * Counted in executions whose env.is_profiled is set. Operators that stand at one place of the plan
 * count together, however often their program was made. What triggers run counts as work of the
 * operator that fires them. Costs two looks at the clock for each call of an operator.
 *
 * Threads: those of the execution. */
#ifndef VL_EXEC_PROFILE_H
#define VL_EXEC_PROFILE_H

#include "exec/exec_int.h"

typedef struct vl_profile {
    struct vl_profile *next;   /* in the order in which they were made: parents come first */
    struct vl_profile *parent; /* whose rows it makes, or in whose expressions it stands; NULL */
    const vl_op *op;
    const vl_program *program; /* whose root it is; NULL: it is an operator within one */
    int32_t id;                /* from 1 up */
    uint64_t rows;             /* that it has given */
    uint64_t loops;            /* how often it was run from its beginning */
    uint64_t ns;               /* within it and all below it, by the clock */
    uint64_t bytes;            /* of rows that it keeps, now */
    uint64_t peak_bytes;       /* the most of them */
} vl_profile;

/* Give a stage that is being made its profile, and make that the one at work. Errors: VELO_NOMEM.
 */
velo_status vl_profile_open(vl_ctx *ctx, vl_stage *stage) VL_MUST_CHECK;

/* Call next of the stage's class, and count. */
velo_status vl_profile_next(vl_ctx *ctx, vl_stage *stage, uint32_t wanted, const vl_chunk **out)
    VL_MUST_CHECK;

/* Call rewind of the stage's class: what it keeps is given back, and the next call begins anew. */
void vl_profile_rewind(vl_stage *stage);

/* The operator at work keeps `bytes` in place of `before`. */
void vl_profile_charge(vl_profile *profile, uint64_t bytes, uint64_t before);

#endif
