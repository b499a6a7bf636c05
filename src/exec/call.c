/* call.c - calls of functions. */
#include "exec/exec_int.h"

#include "base/assert.h"
#include "vec/value.h"

/* Arguments that are held on the stack. */
#define CALL_ARGUMENTS_FEW 4

static const vl_func_environment call_no_environment = {.user = NULL};

vl_func_call
vl_call_make(vl_ctx *ctx, const vl_frame *frame, const vl_func *func, vl_collation collation,
             vl_arena *arena)
{
    const vl_func_environment *environment = NULL;

    if (frame != NULL)
        environment = frame->exec->env.functions;
    return (vl_func_call){.ctx = ctx,
                          .arena = arena,
                          .state_arena = arena,
                          .func = func,
                          .environment = environment == NULL ? &call_no_environment : environment,
                          .collation = collation};
}

velo_status
vl_call_scalar(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, vl_value *value)
{
    static const char *const places[] = {NULL, "an index", "a CHECK constraint",
                                         "a generated column"}; /* by vl_purity */
    vl_func_call call =
        vl_call_make(ctx, eval->frame, expr->func, (vl_collation)expr->collation, eval->arena);
    vl_exprs kids = {.list = expr->kids, .count = expr->kid_count};
    vl_value few[CALL_ARGUMENTS_FEW];
    vl_value *args = few;

    VL_ASSERT(expr->func->scalar != NULL);
    call.site = expr;
    call.pure_place = places[expr->purity];
    if (kids.count > CALL_ARGUMENTS_FEW) {
        args = vl_arena_alloc_array(eval->arena, kids.count, sizeof *args);
        if (args == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate %u arguments", kids.count);
    }
    VL_TRY(vl_eval_list(ctx, eval, &kids, args));
    *value = vl_value_of_null();
    return expr->func->scalar(&call, kids.count == 0 ? NULL : args, (int)kids.count, value);
}
