/* exec_rig.h - running plans over many rows: random rows, results that are kept, a place to spill
 * to. */
#ifndef VL_TEST_EXEC_RIG_H
#define VL_TEST_EXEC_RIG_H

#include "base/rng.h"
#include "lib/plan_build.h"
#include "os/sim.h"

/* Rows that are kept. */
typedef struct rig_rows {
    vl_value **rows;
    uint32_t count;
    uint32_t width;
} rig_rows;

typedef struct exec_rig {
    plan_builder builder;
    vl_sim *sim;
    vl_io *io;
    vl_exec_env env;    /* with io; memory_limit 0 at first */
    uint64_t spilled;   /* by the last run */
    uint64_t peak;      /* memory of the last run */
    velo_status status; /* of the last run: VELO_DONE, or what went wrong */
} exec_rig;

/* Begin; no check may have failed afterwards: returns 0 then. */
int rig_init(exec_rig *rig);
void rig_deinit(exec_rig *rig);

/* `count` random rows of: a value of any class with few different ones, a small integer, the
 * row's number, a text of up to `text_size` bytes. The texts of one small integer are equal. */
rig_rows rig_random(exec_rig *rig, vl_rng *rng, uint32_t count, uint32_t text_size);

/* VALUES of rows. */
vl_op *rig_values(exec_rig *rig, const rig_rows *rows);

/* Run the operator and keep its rows; rig->status tells how it ended. */
rig_rows rig_run(exec_rig *rig, vl_op *root);

/* Whether two lists are the same, class by class, and say where they differ. */
int rig_are_equal(const rig_rows *left, const rig_rows *right);

/* The operation for unit_each_alloc_failure: argument is an exec_rig whose plan has a root. */
velo_status rig_operation(vl_ctx *ctx, void *rig);

#endif
