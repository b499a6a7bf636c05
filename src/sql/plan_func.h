/* plan_func.h - the functions of func/registry.h, as the binder asks for them. */
#ifndef VL_SQL_PLAN_FUNC_H
#define VL_SQL_PLAN_FUNC_H

#include "func/registry.h"
#include "sql/plan_make.h"

/* Look a function up among those of a set (NULL: none) and the built-in ones: what a find_func of
 * vl_plan_env does, whose `arg` leads it to the set. */
vl_plan_found vl_plan_find_func(const vl_func_set *set, const char *name, size_t size,
                                uint32_t count, vl_plan_func *found);

#endif
