/* functions.c - SQL's functions, as the binder wants to know them. */
#include "api/api_int.h"

#include "sql/plan_make.h"

#include <string.h>

static vl_expr_effect
functions_effect(const vl_func *func)
{
    if ((func->flags & VL_FUNC_VOLATILE) != 0)
        return VL_EFFECT_VOLATILE;
    return (func->flags & VL_FUNC_FAILING) != 0 ? VL_EFFECT_FAILING : VL_EFFECT_TOTAL;
}

/* -1 for min, 1 for max, as aggregates. */
static int
functions_picks(const vl_func *func)
{
    if ((func->flags & VL_FUNC_PICKS_ROW) == 0)
        return 0;
    return strcmp(func->name, "min") == 0 ? -1 : 1;
}

vl_plan_found
vl_functions_find(const void *arg, const char *name, size_t size, uint32_t count,
                  vl_plan_func *found)
{
    const vl_func *func;
    vl_ctx ctx;

    memset(found, 0, sizeof *found);
    vl_ctx_init(&ctx, NULL, NULL);
    if (count > (uint32_t)VL_FUNC_ARGUMENTS_MAX)
        return VL_PLAN_WRONG_COUNT;
    if (vl_func_find(&ctx, arg, name, size, (int)count, &func) != VELO_OK)
        return strncmp(ctx.error.text, "no such", 7) == 0 ? VL_PLAN_NO_NAME : VL_PLAN_WRONG_COUNT;
    found->def = func;
    found->is_aggregate = (func->flags & VL_FUNC_AGGREGATE) != 0;
    found->compares = (func->flags & VL_FUNC_COLLATED) != 0;
    found->min_max = functions_picks(func);
    found->effect = functions_effect(func);
    found->classes = (uint8_t)func->results;
    found->is_order_dependent = (func->flags & VL_FUNC_ORDERED) != 0;
    found->is_window = (func->flags & VL_FUNC_WINDOW) != 0;
    found->is_frameless =
        found->is_window && func->aggregate == NULL && func->variant < VL_FUNC_WINDOW_FIRST_VALUE;
    found->is_groups_only = (func->flags & VL_FUNC_GROUPS_ONLY) != 0;
    found->may_be_json = (func->flags & VL_FUNC_JSON) != 0;
    return VL_PLAN_FOUND;
}
