/* sql_plan_func.c - functions for tests of the binder. */
#include "lib/sql_plan.h"

#include "exec/table_func.h"

#include <string.h>

typedef struct plan_func_row {
    vl_func def;
    uint32_t least;
    uint32_t most;
    vl_plan_func func; /* but for def */
} plan_func_row;

#define SCALAR(text, least, most, effect_of, classes_of)                                           \
    {                                                                                              \
        {.name = (text)}, least, most,                                                             \
        {                                                                                          \
            .effect = (effect_of), .classes = (classes_of)                                         \
        }                                                                                          \
    }
#define AGGREGATE(text, least, most, compares_by, picks)                                           \
    {                                                                                              \
        {.name = (text)}, least, most,                                                             \
        {                                                                                          \
            .is_aggregate = 1, .compares = (compares_by), .min_max = (picks),                      \
            .classes = VL_CLASS_ANY                                                                \
        }                                                                                          \
    }

static const plan_func_row plan_funcs[] = {
    SCALAR("abs", 1, 1, VL_EFFECT_TOTAL, VL_CLASS_ANY),
    SCALAR("upper", 1, 1, VL_EFFECT_TOTAL, VL_CLASS_TEXT | VL_CLASS_NULL),
    SCALAR("length", 1, 1, VL_EFFECT_TOTAL, VL_CLASS_INTEGER | VL_CLASS_NULL),
    SCALAR("fail", 1, 1, VL_EFFECT_FAILING, VL_CLASS_ANY),
    SCALAR("random", 0, 0, VL_EFFECT_VOLATILE, VL_CLASS_INTEGER),
    SCALAR("current_timestamp", 0, 0, VL_EFFECT_TOTAL, VL_CLASS_TEXT),
    SCALAR("coalesce", 2, 100, VL_EFFECT_TOTAL, VL_CLASS_ANY),
    SCALAR("ifnull", 2, 2, VL_EFFECT_TOTAL, VL_CLASS_ANY),
    SCALAR("iif", 2, 100, VL_EFFECT_TOTAL, VL_CLASS_ANY),
    SCALAR("likely", 1, 1, VL_EFFECT_TOTAL, VL_CLASS_ANY),
    {{.name = "min"}, 2, 100, {.compares = 1, .classes = VL_CLASS_ANY}},
    {{.name = "max"}, 2, 100, {.compares = 1, .classes = VL_CLASS_ANY}},
    AGGREGATE("min", 1, 1, 1, -1),
    AGGREGATE("max", 1, 1, 1, 1),
    AGGREGATE("count", 0, 1, 0, 0),
    AGGREGATE("sum", 1, 1, 0, 0),
    AGGREGATE("group_concat", 1, 2, 0, 0),
};

static const vl_table_func plan_series = {.name = "series", .column_count = 3}; /* never run */
static const char *const plan_series_columns[] = {"value", "first", "last"};

vl_plan_found
sql_find_func(const void *arg, const char *name, size_t size, uint32_t count, vl_plan_func *found)
{
    vl_plan_found result = VL_PLAN_NO_NAME;

    (void)arg;
    for (size_t i = 0; i < VL_ARRAY_COUNT(plan_funcs); i++) {
        const plan_func_row *row = &plan_funcs[i];

        if (vl_name_compare(row->def.name, strlen(row->def.name), name, size) != 0)
            continue;
        if (count >= row->least && count <= row->most) {
            *found = row->func;
            found->def = &row->def;
            return VL_PLAN_FOUND;
        }
        result = VL_PLAN_WRONG_COUNT;
    }
    return result;
}

int
sql_find_table_func(const void *arg, const char *name, size_t size, vl_plan_table_func *found)
{
    (void)arg;
    if (vl_name_compare(plan_series.name, strlen(plan_series.name), name, size) != 0)
        return 0;
    *found = (vl_plan_table_func){&plan_series, plan_series_columns,
                                  VL_ARRAY_COUNT(plan_series_columns), 2};
    return 1;
}
