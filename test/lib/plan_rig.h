/* plan_rig.h - a fixed schema, and statements planned with it. */
#ifndef VL_TEST_PLAN_RIG_H
#define VL_TEST_PLAN_RIG_H

#include "lib/sql_plan.h"
#include "sql/plan_explain.h"

/* The tables t, u, w (WITHOUT ROWID) and x (generated columns, a CHECK), the view v, and indexes.
 */
typedef struct plan_rig {
    vl_ctx ctx;
    vl_arena arena; /* of the statement at hand */
    vl_schema *schema;
    const vl_schema *schemas[1]; /* for env */
    vl_plan_env env;
    const char *sql; /* for tests that run a statement again */
} plan_rig;

/* Make a rig and give its memory back; what fails here stops the test program. */
void plan_rig_init(plan_rig *rig, vl_allocator *allocator);
void plan_rig_deinit(plan_rig *rig);

/* Plan a statement; the one before is forgotten. Errors: vl_parse's and vl_plan_make's. */
velo_status plan_rig_make(plan_rig *rig, const char *sql, vl_plan **plan) VL_MUST_CHECK;

/* The plan of a statement as text, or what is wrong: as operators, and as EXPLAIN QUERY PLAN has
 * them: "id parent detail". Valid until the next statement. */
const char *plan_rig_print(plan_rig *rig, const char *sql);
const char *plan_rig_explain(plan_rig *rig, const char *sql);

#endif
