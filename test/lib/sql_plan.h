/* sql_plan.h - functions, and plans as text, for tests of the binder. */
#ifndef VL_TEST_SQL_PLAN_H
#define VL_TEST_SQL_PLAN_H

#include "func/registry.h"
#include "sql/parse.h"
#include "sql/plan_make.h"

/* Functions that tests use: abs(x) total, upper(x) total, fail(x) failing, random() volatile,
 * current_timestamp(), coalesce, ifnull, iif, likely, length(x), min, max, count, sum,
 * group_concat; and series(first, last), a table-valued one with a column `value`. `arg` is not
 * used. */
vl_plan_found sql_find_func(const void *arg, const char *name, size_t size, uint32_t count,
                            vl_plan_func *found);
int sql_find_table_func(const void *arg, const char *name, size_t size, vl_plan_table_func *found);

/* Write a plan: one line for each operator, those of the statement first, then the other programs
 * that are reachable from it. Columns are #n of the row at hand, $n of the program's arguments. The
 * text is in the arena. */
const char *sql_plan_print(vl_arena *arena, const vl_plan *plan);

#endif
