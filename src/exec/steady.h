/* steady.h - which operators yield the same rows whenever they are run within one run of a
 * statement. */
#ifndef VL_EXEC_STEADY_H
#define VL_EXEC_STEADY_H

#include "sql/plan.h"

/* Whether all of it is sure to depend on nothing but the parameters and the statement's snapshot:
 * no argument of its program, no row of a recursion, nothing volatile. 0 also where that is not
 * looked into. */
int vl_op_is_steady(const vl_plan *plan, const vl_op *op);

/* The same for expressions, on a row of a steady operator. */
int vl_exprs_are_steady(const vl_exprs *exprs);

#endif
