/* op_absent.c - operators that are not there yet: table-valued functions. Opening one says so. */
#include "exec/exec_int.h"

static velo_status
absent_open(vl_ctx *ctx, vl_stage *stage)
{
    return vl_fail(ctx, VELO_ERROR, "operators of kind %d are not supported yet",
                   (int)stage->op->kind);
}

/* Never called: open has failed. */
static velo_status
absent_next(vl_ctx *ctx, vl_stage *stage, uint32_t wanted, const vl_chunk **out)
{
    (void)wanted;
    *out = &stage->batch.chunk;
    return vl_fail(ctx, VELO_INTERNAL, "an operator that does not exist was run");
}

const vl_stage_class vl_function_scan_class = {
    .size = sizeof(vl_stage), .open = absent_open, .next = absent_next};
