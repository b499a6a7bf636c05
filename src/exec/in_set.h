/* in_set.h - long IN lists: their values in a hash table.
 *
 * An IN list of constants and parameters is the same for all rows of a run. Where it is long, its
 * values are put into a table when it is asked for a second time, or at once for a whole chunk, and
 * stay there until the run ends. What a table says is what comparing with one value after the other
 * says. Threads: one at a time. */
#ifndef VL_EXEC_IN_SET_H
#define VL_EXEC_IN_SET_H

#include "exec/eval.h"

struct vl_exec;

typedef struct vl_in_set vl_in_set;

/* Lists of fewer values are compared one by one. */
#define VL_IN_SET_LEAST 17U

/* The set of an IN_LIST in the run of eval->frame's execution.
 *
 * at_once  it is asked for many rows: make it now
 * *set     receives NULL when the values are to be compared one by one: there are few, or they may
 *          differ from row to row, or a collation is the application's, or it is the first row
 * errors   VELO_NOMEM */
velo_status vl_in_set_get(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, int at_once,
                          vl_in_set **set) VL_MUST_CHECK;

/* Whether a value is in it: *truth is 1, 0, or -1 for NULL. Errors: VELO_NOMEM. */
velo_status vl_in_set_find(vl_ctx *ctx, vl_arena *arena, const vl_in_set *set,
                           const vl_value *value, int *truth) VL_MUST_CHECK;

/* The same of integers of a chunk, where the list has no other numbers: rows of the vector for
 * which it is `wanted`, 1 or 0, get their bit set. Returns 0 when the list or the vector is not so.
 */
int vl_in_set_mark_integers(const vl_in_set *set, const vl_chunk *chunk, uint32_t column,
                            int wanted, uint64_t *bits);

/* Forget the sets of a run. */
void vl_in_sets_reset(struct vl_exec *exec);

#endif
