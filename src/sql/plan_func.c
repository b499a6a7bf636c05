/* plan_func.c - the functions of func/registry.h, as the binder asks for them. */
#include "sql/plan_func.h"

#include <string.h>

static void
func_describe(const vl_func *func, vl_plan_func *found)
{
    *found = (vl_plan_func){
        .def = func,
        .is_aggregate = (func->flags & VL_FUNC_AGGREGATE) != 0,
        .takes_rows = (func->flags & VL_FUNC_AGGREGATE) != 0 && func->least == 0,
        .compares = (func->flags & VL_FUNC_COLLATED) != 0,
        .classes = (uint8_t)(func->results & VL_CLASS_ANY),
        .is_order_dependent = (func->flags & VL_FUNC_ORDERED) != 0,
        .is_window = (func->flags & VL_FUNC_WINDOW) != 0,
        .may_be_json = (func->flags & VL_FUNC_JSON) != 0,
        .is_groups_only = (func->flags & VL_FUNC_GROUPS_ONLY) != 0,
    };
    found->is_frameless =
        found->is_window && func->aggregate == NULL && func->variant < VL_FUNC_WINDOW_FIRST_VALUE;
    if ((func->flags & VL_FUNC_VOLATILE) != 0 && (func->flags & VL_FUNC_STABLE) == 0)
        found->effect = VL_EFFECT_VOLATILE;
    else if ((func->flags & VL_FUNC_FAILING) != 0)
        found->effect = VL_EFFECT_FAILING;
    else
        found->effect = VL_EFFECT_TOTAL;
    if ((func->flags & VL_FUNC_PICKS_ROW) != 0)
        found->min_max = strcmp(func->name, "min") == 0 ? -1 : 1;
}

vl_plan_found
vl_plan_find_func(const vl_func_set *set, const char *name, size_t size, uint32_t count,
                  vl_plan_func *found)
{
    const vl_func *func;
    int number = count > VL_FUNC_ARGUMENTS_MAX ? VL_FUNC_ARGUMENTS_MAX + 1 : (int)count;

    if (vl_func_find(NULL, set, name, size, number, &func) == VELO_OK) {
        func_describe(func, found);
        return VL_PLAN_FOUND;
    }
    /* Whether there is one of the name: some count of arguments then finds it. */
    for (number = 0; number <= VL_FUNC_ARGUMENTS_MAX; number++)
        if (vl_func_find(NULL, set, name, size, number, &func) == VELO_OK)
            return VL_PLAN_WRONG_COUNT;
    return VL_PLAN_NO_NAME;
}
