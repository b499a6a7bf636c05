/* profile.c - counting what operators do.
 *
 * Invariants
 *   PF1  exec->profile_at is the profile of the innermost operator that is being made or called;
 *        whoever sets it puts back what was there, also after an error. */
#include "exec/profile.h"

static vl_profile *
profile_find(const vl_exec *exec, const vl_op *op)
{
    vl_profile *at = exec->profiles;

    while (at != NULL && at->op != op)
        at = at->next;
    return at;
}

/* Put a new one at the end of the list. */
static vl_profile *
profile_add(vl_exec *exec, const vl_op *op)
{
    vl_profile *made = vl_arena_alloc_array(&exec->arena, 1, sizeof *made);
    struct vl_profile **place = &exec->profiles;
    int32_t id = 1;

    if (made == NULL)
        return NULL;
    for (; *place != NULL; place = &(*place)->next)
        id++;
    made->op = op;
    made->id = id;
    made->parent = exec->profile_at;
    *place = made;
    return made;
}

velo_status
vl_profile_open(vl_ctx *ctx, vl_stage *stage)
{
    vl_exec *exec = stage->exec;
    vl_profile *profile = profile_find(exec, stage->op);

    if (profile == NULL)
        profile = profile_add(exec, stage->op);
    if (profile == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate what is counted of an operator");
    if (stage->frame->program->root == stage->op)
        profile->program = stage->frame->program;
    stage->profile = profile;
    exec->profile_at = profile;
    return VELO_OK;
}

static uint64_t
profile_now(const vl_exec *exec)
{
    return exec->env.io != NULL ? vl_io_monotonic_ns(exec->env.io) : 0;
}

velo_status
vl_profile_next(vl_ctx *ctx, vl_stage *stage, uint32_t wanted, const vl_chunk **out)
{
    vl_exec *exec = stage->exec;
    vl_profile *outer = exec->profile_at;
    vl_profile *profile = stage->profile;
    uint64_t begin = profile_now(exec);
    velo_status status;

    if (!stage->is_begun)
        profile->loops++;
    stage->is_begun = 1;
    exec->profile_at = profile;
    status = stage->class->next(ctx, stage, wanted, out);
    exec->profile_at = outer; /* keeps PF1 */
    profile->ns += profile_now(exec) - begin;
    if (status == VELO_OK)
        profile->rows += (*out)->count;
    return status;
}

void
vl_profile_rewind(vl_stage *stage)
{
    vl_exec *exec = stage->exec;
    vl_profile *outer = exec->profile_at;

    exec->profile_at = stage->profile;
    stage->class->rewind(stage);
    exec->profile_at = outer; /* keeps PF1 */
    stage->is_begun = 0;
}

void
vl_profile_charge(vl_profile *profile, uint64_t bytes, uint64_t before)
{
    /* What is shared may be given back by another than has kept it. */
    profile->bytes = profile->bytes + bytes > before ? profile->bytes + bytes - before : 0;
    if (profile->peak_bytes < profile->bytes)
        profile->peak_bytes = profile->bytes;
}
