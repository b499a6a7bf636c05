/* window.c - the built-in window functions. They are computed where windows are
 * (exec/window_value.c), from places of rows and not from states; this is what the registry tells
 * of them. */
#include "func/func_int.h"

#define WINDOW_TOTAL_FLAGS   (VL_FUNC_PURE_TOTAL | VL_FUNC_AGGREGATE | VL_FUNC_WINDOW)
#define WINDOW_FAILING_FLAGS (VL_FUNC_PURE_FAILING | VL_FUNC_AGGREGATE | VL_FUNC_WINDOW)

static const vl_func window_funcs[] = {
    VL_FUNC_FOLD("cume_dist", 0, 0, VL_FUNC_WINDOW_CUME_DIST, WINDOW_TOTAL_FLAGS,
                 VL_FUNC_YIELDS_REAL, NULL),
    VL_FUNC_FOLD("dense_rank", 0, 0, VL_FUNC_WINDOW_DENSE_RANK, WINDOW_TOTAL_FLAGS,
                 VL_FUNC_YIELDS_INTEGER, NULL),
    VL_FUNC_FOLD("first_value", 1, 1, VL_FUNC_WINDOW_FIRST_VALUE, WINDOW_TOTAL_FLAGS,
                 VL_FUNC_YIELDS_ANY, NULL),
    VL_FUNC_FOLD("lag", 1, 3, VL_FUNC_WINDOW_LAG, WINDOW_TOTAL_FLAGS, VL_FUNC_YIELDS_ANY, NULL),
    VL_FUNC_FOLD("last_value", 1, 1, VL_FUNC_WINDOW_LAST_VALUE, WINDOW_TOTAL_FLAGS,
                 VL_FUNC_YIELDS_ANY, NULL),
    VL_FUNC_FOLD("lead", 1, 3, VL_FUNC_WINDOW_LEAD, WINDOW_TOTAL_FLAGS, VL_FUNC_YIELDS_ANY, NULL),
    VL_FUNC_FOLD("nth_value", 2, 2, VL_FUNC_WINDOW_NTH_VALUE, WINDOW_FAILING_FLAGS,
                 VL_FUNC_YIELDS_ANY, NULL),
    VL_FUNC_FOLD("ntile", 1, 1, VL_FUNC_WINDOW_NTILE, WINDOW_FAILING_FLAGS, VL_FUNC_YIELDS_INTEGER,
                 NULL),
    VL_FUNC_FOLD("percent_rank", 0, 0, VL_FUNC_WINDOW_PERCENT_RANK, WINDOW_TOTAL_FLAGS,
                 VL_FUNC_YIELDS_REAL, NULL),
    VL_FUNC_FOLD("rank", 0, 0, VL_FUNC_WINDOW_RANK, WINDOW_TOTAL_FLAGS, VL_FUNC_YIELDS_INTEGER,
                 NULL),
    VL_FUNC_FOLD("row_number", 0, 0, VL_FUNC_WINDOW_ROW_NUMBER, WINDOW_TOTAL_FLAGS,
                 VL_FUNC_YIELDS_INTEGER, NULL)};

const vl_func_table vl_func_windows = {window_funcs, VL_ARRAY_COUNT(window_funcs)};
