/* table_func.h - table-valued functions: rows that are made of arguments, as pragma_table_info.
 *
 * A function has columns; the last of them, the hidden ones, take its arguments. The binder knows
 * it by vl_plan_table_func (sql/plan_make.h); its definition here goes into the plan as it is, and
 * FUNCTION_SCAN calls it once each time that it begins. */
#ifndef VL_EXEC_TABLE_FUNC_H
#define VL_EXEC_TABLE_FUNC_H

#include "base/arena.h"
#include "base/ctx.h"
#include "base/type.h"

typedef struct vl_table_func vl_table_func;

/* The rows of one call, in their order. */
typedef struct vl_table_func_rows {
    const vl_value *values; /* row after row, column_count values each, hidden columns too; without
                               func->read only */
    const void *state;      /* of func->read */
    uint64_t row_count;
} vl_table_func_rows;

struct vl_table_func {
    const char *name;
    uint32_t column_count; /* hidden ones too */

    /* Make all rows.
     *
     * user       vl_exec_env.table_func_user
     * arguments  count of them, at most as many as there are hidden columns; borrowed: they live as
     *            long as the rows
     * arena      where rows and texts go, unless they live longer; emptied when the scan is rewound
     * rows       zeroed at first
     * errors     whatever the function fails with */
    velo_status (*make)(vl_ctx *ctx, void *user, const vl_table_func *func,
                        const vl_value *arguments, uint32_t count, vl_arena *arena,
                        vl_table_func_rows *rows);

    /* Make a value of a row, for functions whose values are many or large: only what a statement
     * reads is made, and lives as long as the batch. NULL: rows->values has them.
     *
     * arena      where its bytes go, unless they live as long as the rows */
    velo_status (*read)(vl_ctx *ctx, const void *state, uint64_t row, uint32_t column,
                        vl_arena *arena, vl_value *value);
};

#endif
