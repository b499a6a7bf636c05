/* exec.c - executions: making the operators of a plan, running them, taking them down.
 *
 * Invariants
 *   X1  Every operator that exists is in the tree of a frame, every frame in the execution's list:
 *       so destroying finds what a failed creation has left.
 *   X2  Structs of operators and frames are in the execution's arena and are never moved.
 *   X3  After an error nothing is asked of any operator until all have been rewound. */
#include "exec/exec.h"

#include "base/assert.h"
#include "exec/exec_int.h"
#include "exec/in_set.h"
#include "exec/profile.h"
#include "exec/sequence.h"
#include "vec/value.h"

/* States of an execution. */
enum {
    EXEC_READY,   /* made, or reset: the next step begins a run */
    EXEC_RUNNING, /* rows may come */
    EXEC_DONE,    /* there are none any more */
    EXEC_FAILED   /* a step has failed */
};

/* Rows that are asked for grow by this factor (31, item 21). */
#define EXEC_GROWTH 4U

/* ---- operators ---- */

/* check_tree: table, the class of each kind. */
static const vl_stage_class *
exec_class(vl_op_kind kind)
{
    switch (kind) {
    case VL_OP_KIND_VALUES:
        return &vl_values_class;
    case VL_OP_KIND_FILTER:
        return &vl_filter_class;
    case VL_OP_KIND_PROJECT:
        return &vl_project_class;
    case VL_OP_KIND_LIMIT:
        return &vl_limit_class;
    case VL_OP_KIND_SORT:
        return &vl_sort_class;
    case VL_OP_KIND_COMPOUND:
        return &vl_compound_class;
    case VL_OP_KIND_DISTINCT:
        return &vl_distinct_class;
    case VL_OP_KIND_AGGREGATE:
        return &vl_aggregate_class;
    case VL_OP_KIND_WINDOW:
        return &vl_window_class;
    case VL_OP_KIND_LOOP_JOIN:
        return &vl_loop_join_class;
    case VL_OP_KIND_HASH_JOIN:
        return &vl_hash_join_class;
    case VL_OP_KIND_PROGRAM_SCAN:
        return &vl_program_scan_class;
    case VL_OP_KIND_QUEUE_SCAN:
        return &vl_queue_scan_class;
    case VL_OP_KIND_RECURSE:
        return &vl_recurse_class;
    case VL_OP_KIND_TABLE_SCAN:
        return &vl_table_scan_class;
    case VL_OP_KIND_INDEX_SCAN:
        return &vl_index_scan_class;
    case VL_OP_KIND_FUNCTION_SCAN:
        return &vl_function_scan_class;
    case VL_OP_KIND_VIRTUAL_SCAN:
        return &vl_virtual_scan_class;
    case VL_OP_KIND_INSERT:
        return &vl_insert_class;
    case VL_OP_KIND_UPDATE:
        return &vl_update_class;
    case VL_OP_KIND_DELETE:
        return &vl_delete_class;
    }
    return NULL;
}

static velo_status
exec_open_stage(vl_ctx *ctx, vl_frame *frame, const vl_op *op, vl_stage **out)
{
    const vl_stage_class *class = exec_class(op->kind);
    struct vl_profile *outer = frame->exec->profile_at;
    velo_status status = VELO_OK;
    vl_stage *stage;

    if (class == NULL)
        return vl_fail(ctx, VELO_INTERNAL, "unknown kind of operator: %d", (int)op->kind);
    stage = vl_arena_alloc_array(&frame->exec->arena, 1, class->size);
    if (stage == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate an operator");
    stage->class = class;
    stage->op = op;
    stage->exec = frame->exec;
    stage->frame = frame;
    *out = stage; /* keeps X1 */
    if (frame->exec->env.is_profiled)
        VL_TRY(vl_profile_open(ctx, stage)); /* what is made meanwhile belongs below it */
    for (uint32_t i = 0; status == VELO_OK && i < op->child_count; i++)
        status = exec_open_stage(ctx, frame, op->children[i], &stage->children[i]);
    if (status == VELO_OK) {
        stage->is_open = 1;
        status = class->open == NULL ? VELO_OK : class->open(ctx, stage);
    }
    frame->exec->profile_at = outer;
    return status;
}

static void
exec_rewind_stage(vl_stage *stage)
{
    for (uint32_t i = 0; i < 2; i++) {
        if (stage->children[i] != NULL)
            exec_rewind_stage(stage->children[i]);
    }
    stage->pending = VELO_OK;
    stage->left = 0;
    if (!stage->is_open || stage->class->rewind == NULL)
        return;
    if (VL_UNLIKELY(stage->profile != NULL))
        vl_profile_rewind(stage);
    else
        stage->class->rewind(stage);
}

static void
exec_close_stage(vl_stage *stage)
{
    for (uint32_t i = 0; i < 2; i++) {
        if (stage->children[i] != NULL)
            exec_close_stage(stage->children[i]);
    }
    if (stage->is_open && stage->class->close != NULL)
        stage->class->close(stage);
    vl_batch_deinit(&stage->batch);
}

static velo_status
exec_raise(vl_ctx *ctx, vl_stage *stage)
{
    velo_status status = stage->pending;

    stage->pending = VELO_OK;
    if (stage->error == NULL) /* there was no memory to keep its message */
        return vl_fail(ctx, status, "%s", velo_status_text(status));
    ctx->error = *stage->error;
    return status;
}

void
vl_stage_stash(vl_ctx *ctx, vl_stage *stage, velo_status status)
{
    stage->pending = status;
    if (stage->error == NULL)
        stage->error = vl_arena_alloc(&stage->exec->arena, sizeof *stage->error);
    if (stage->error != NULL) {
        *stage->error = ctx->error;
        vl_error_clear(ctx);
    }
}

velo_status
vl_stage_next(vl_ctx *ctx, vl_stage *stage, uint32_t wanted, const vl_chunk **out)
{
    VL_ASSERT(wanted >= 1 && wanted <= VL_CHUNK_ROWS);
    *out = &stage->batch.chunk;
    if (VL_UNLIKELY(stage->pending != VELO_OK && stage->left == 0))
        return exec_raise(ctx, stage);
    VL_TRY(vl_exec_poll(ctx, stage->exec, 1));
    if (stage->is_volatile)
        wanted = 1;
    if (VL_UNLIKELY(stage->profile != NULL))
        VL_TRY(vl_profile_next(ctx, stage, wanted, out));
    else
        VL_TRY(stage->class->next(ctx, stage, wanted, out));
    VL_ASSERT((*out)->count <= wanted);
    stage->exec->top->steps += (*out)->count;
    return VELO_OK;
}

void
vl_stage_give(vl_stage *stage, vl_chunk *chunk, const uint16_t *selection, uint32_t count,
              uint32_t wanted)
{
    chunk->selection = selection + (count - stage->left);
    chunk->count = stage->left < wanted ? stage->left : wanted;
    stage->left -= chunk->count;
}

uint32_t
vl_stage_ask(const vl_stage *stage, uint32_t asked, int is_fruitless, uint32_t wanted)
{
    if (stage->is_volatile)
        return 1;
    if (is_fruitless)
        asked = asked > VL_CHUNK_ROWS / EXEC_GROWTH ? VL_CHUNK_ROWS : asked * EXEC_GROWTH;
    return asked > wanted ? asked : wanted;
}

int
vl_exprs_are_volatile(const vl_exprs *exprs)
{
    for (uint32_t i = 0; i < exprs->count; i++) {
        if (exprs->list[i]->effect == VL_EFFECT_VOLATILE)
            return 1;
    }
    return 0;
}

velo_status
vl_stage_number(vl_ctx *ctx, vl_stage *stage, const vl_expr *expr, int64_t *number)
{
    vl_arena_mark mark = vl_arena_get_mark(&stage->exec->row_arena);
    vl_eval eval = vl_stage_eval(stage, &stage->exec->row_arena);
    vl_value value;
    velo_status status;

    *number = 0;
    status = vl_eval_expr(ctx, &eval, expr, &value);
    if (status == VELO_OK)
        status = vl_value_apply(ctx, eval.arena, VL_AFFINITY_INTEGER, &value);
    if (status == VELO_OK && value.type != VL_TYPE_INTEGER)
        status = vl_fail(ctx, VELO_MISMATCH, "datatype mismatch");
    if (status == VELO_OK)
        *number = value.as.integer;
    vl_arena_rewind(&stage->exec->row_arena, mark);
    return status;
}

/* ---- frames ---- */

velo_status
vl_frame_create(vl_ctx *ctx, vl_exec *exec, vl_frame *parent, uint32_t program, vl_frame **out)
{
    vl_frame *frame = vl_arena_alloc_array(&exec->arena, 1, sizeof *frame);

    *out = NULL;
    if (frame == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a frame");
    frame->exec = exec;
    frame->program = &exec->plan->programs[program];
    frame->parent = parent;
    vl_arena_init(&frame->outer_arena, ctx->allocator, 0);
    frame->next = exec->frames;
    exec->frames = frame; /* keeps X1 */
    frame->outer =
        vl_arena_alloc_array(&exec->arena, frame->program->argument_count, sizeof(vl_value));
    if (frame->outer == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate %u arguments",
                       frame->program->argument_count);
    VL_TRY(exec_open_stage(ctx, frame, frame->program->root, &frame->root));
    *out = frame;
    return VELO_OK;
}

velo_status
vl_frame_start(vl_ctx *ctx, vl_frame *frame, vl_eval *eval, vl_expr *const *kids, uint32_t count)
{
    vl_value *values = NULL;

    if (count > 0) {
        values = vl_arena_alloc_array(eval->arena, count, sizeof *values);
        if (values == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate %u arguments", count);
    }
    for (uint32_t i = 0; i < count; i++)
        VL_TRY(vl_eval_expr(ctx, eval, kids[i], &values[i]));
    return vl_frame_begin(ctx, frame, values, count);
}

velo_status
vl_frame_begin(vl_ctx *ctx, vl_frame *frame, const vl_value *arguments, uint32_t count)
{
    VL_ASSERT(count == frame->program->argument_count);
    vl_frame_rewind(frame);
    vl_arena_reset(&frame->outer_arena);
    return vl_row_copy_to(ctx, &frame->outer_arena, arguments, count, frame->outer);
}

void
vl_frame_rewind(vl_frame *frame)
{
    if (frame->root != NULL)
        exec_rewind_stage(frame->root);
}

/* ---- what is counted ---- */

velo_status
vl_exec_poll(vl_ctx *ctx, vl_exec *exec, uint64_t steps)
{
    const vl_exec_env *env = &exec->env;

    exec = exec->top;
    if (env->interrupt != NULL && atomic_load_explicit(env->interrupt, memory_order_relaxed) != 0)
        return vl_fail(ctx, VELO_INTERRUPT, "interrupted");
    exec->steps += steps;
    if (env->progress == NULL || env->progress_steps == 0 || exec->steps < env->progress_steps)
        return VELO_OK;
    exec->work.steps += exec->steps;
    exec->steps = 0;
    if (env->progress(env->progress_argument) != 0)
        return vl_fail(ctx, VELO_INTERRUPT, "interrupted");
    return VELO_OK;
}

void
vl_exec_charge(vl_exec *exec, uint64_t *charged, uint64_t bytes)
{
    exec = exec->top;
    exec->charged_bytes += bytes - *charged;
    if (VL_UNLIKELY(exec->profile_at != NULL))
        vl_profile_charge(exec->profile_at, bytes, *charged);
    *charged = bytes;
    if (exec->peak_bytes < exec->charged_bytes)
        exec->peak_bytes = exec->charged_bytes;
}

int
vl_exec_is_over(const vl_exec *exec)
{
    uint64_t limit = exec->env.memory_limit;

    if (limit == 0 || exec->env.io == NULL)
        return 0;
    return exec->top->charged_bytes > (limit < VL_EXEC_MEMORY_MIN ? VL_EXEC_MEMORY_MIN : limit);
}

/* ---- executions ---- */

velo_status
vl_exec_create(vl_ctx *ctx, const vl_plan *plan, const vl_exec_env *env, vl_exec **out)
{
    vl_exec *exec = vl_alloc_zero(ctx, sizeof *exec);
    velo_status status;

    *out = NULL;
    if (exec == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate an execution");
    exec->plan = plan;
    exec->top = exec;
    exec->env = *env;
    exec->wanted = 1;
    exec->param_rows = 1;
    vl_arena_init(&exec->arena, ctx->allocator, 0);
    vl_arena_init(&exec->row_arena, ctx->allocator, 0);
    status = vl_frame_create(ctx, exec, NULL, 0, &exec->root);
    if (status != VELO_OK)
        goto fail;
    status = VELO_NOMEM;
    exec->row =
        vl_arena_alloc_array(&exec->arena, plan->programs[0].root->column_count, sizeof(vl_value));
    exec->spools = vl_arena_alloc_array(&exec->arena, plan->program_count, sizeof(vl_spool *));
    if (exec->row == NULL || exec->spools == NULL) {
        (void)vl_fail(ctx, VELO_NOMEM, "cannot allocate an execution");
        goto fail;
    }
    *out = exec;
    return VELO_OK;
fail:
    vl_exec_destroy(exec);
    return status;
}

void
vl_exec_bind(vl_exec *exec, const vl_value *params, uint32_t count)
{
    vl_exec_bind_rows(exec, params, count, 1);
}

void
vl_exec_bind_rows(vl_exec *exec, const vl_value *params, uint32_t count, uint32_t rows)
{
    VL_ASSERT(exec->state == EXEC_READY);
    exec->params = params;
    exec->param_count = count;
    exec->param_rows = rows > 1 ? rows : 1;
    exec->refuses_rows = 0;
}

int
vl_exec_takes_rows(const vl_exec *exec)
{
    return !exec->refuses_rows;
}

/* Begin a run. */
static void
exec_begin(vl_exec *exec)
{
    exec->counts = (vl_exec_counts){.resolution = VL_CONFLICT_ABORT};
    exec->is_ignored = 0;
    exec->chunk = NULL;
    exec->at = 0;
    exec->wanted = 1;
    exec->state = EXEC_RUNNING;
}

/* See that there is a row at exec->at, or none any more: then the chunk is empty. */
static velo_status
exec_fill(vl_ctx *ctx, vl_exec *exec)
{
    if (exec->chunk != NULL && exec->at < exec->chunk->count)
        return VELO_OK;
    exec->at = 0;
    VL_TRY(vl_stage_next(ctx, exec->root->root, exec->wanted, &exec->chunk));
    exec->wanted =
        exec->wanted > VL_CHUNK_ROWS / EXEC_GROWTH ? VL_CHUNK_ROWS : exec->wanted * EXEC_GROWTH;
    return VELO_OK;
}

/* Try the short way. Errors: as vl_exec_step. */
static velo_status
exec_run_short(vl_ctx *ctx, vl_exec *exec)
{
    vl_stage *root = exec->root->root;
    velo_status status;

    if (root->class->run == NULL || exec->top != exec || exec->env.is_profiled)
        return VELO_OK;
    status = root->class->run(ctx, root, &exec->is_short);
    if (status != VELO_OK || !exec->is_short)
        return status;
    exec->short_runs++;
    exec->state = EXEC_DONE;
    return VELO_OK;
}

velo_status
vl_exec_step(vl_ctx *ctx, vl_exec *exec, const vl_value **row)
{
    velo_status status = VELO_OK;

    *row = NULL;
    if (exec->state == EXEC_FAILED)
        return vl_fail(ctx, VELO_MISUSE, "the statement has failed, and was not reset");
    if (exec->state == EXEC_DONE)
        return VELO_DONE;
    if (exec->state == EXEC_READY) {
        exec_begin(exec);
        status = exec_run_short(ctx, exec);
        if (status == VELO_OK && exec->state == EXEC_RUNNING && exec->param_rows > 1) {
            exec->refuses_rows = 1;
            status = vl_fail(ctx, VELO_MISUSE, "the statement takes no rows of parameters");
        }
    }
    if (status == VELO_OK && exec->state == EXEC_RUNNING)
        status = exec_fill(ctx, exec);
    if (status != VELO_OK) {
        exec->is_short = 0;
        exec->state = EXEC_FAILED; /* keeps X3 */
        return status;
    }
    if (exec->state == EXEC_DONE || exec->chunk->count == 0) {
        exec->state = EXEC_DONE;
        return VELO_DONE;
    }
    vl_chunk_read(exec->chunk, exec->at++, exec->row);
    *row = exec->row;
    return VELO_ROW;
}

const vl_value *
vl_exec_take(vl_exec *exec)
{
    if (exec->state != EXEC_RUNNING || exec->chunk == NULL || exec->at >= exec->chunk->count)
        return NULL;
    vl_chunk_read(exec->chunk, exec->at++, exec->row);
    return exec->row;
}

void
vl_exec_lend(vl_exec *exec, const vl_value *params, uint32_t count)
{
    vl_exec_bind(exec, params, count);
    exec->state = EXEC_RUNNING;
}

void
vl_exec_reset(vl_exec *exec)
{
    if (exec->state == EXEC_READY)
        return;
    if (exec->is_short) {
        exec->is_short = 0;
        exec->params = NULL;
        exec->param_count = 0;
        exec->state = EXEC_READY;
        return;
    }
    exec->is_ending = 1;
    for (vl_frame *frame = exec->frames; frame != NULL; frame = frame->next) {
        vl_frame_rewind(frame);
        frame->is_busy = 0;
        frame->queue_row = NULL;
        vl_arena_reset(&frame->outer_arena);
    }
    vl_subqueries_reset(exec);
    vl_in_sets_reset(exec);
    vl_spools_reset(exec);
    vl_arena_reset(&exec->row_arena);
    vl_fire_reset(exec);
    vl_sequences_reset(exec);
    exec->chunk = NULL;
    exec->params = NULL;
    exec->param_count = 0;
    exec->is_ending = 0;
    exec->state = EXEC_READY;
}

void
vl_exec_destroy(vl_exec *exec)
{
    if (exec == NULL)
        return;
    vl_fire_destroy(exec);
    vl_subqueries_reset(exec);
    vl_in_sets_reset(exec);
    vl_spools_reset(exec);
    for (vl_frame *frame = exec->frames; frame != NULL; frame = frame->next) {
        if (frame->root != NULL)
            exec_close_stage(frame->root);
        vl_arena_deinit(&frame->outer_arena);
    }
    vl_arena_deinit(&exec->row_arena);
    vl_arena_deinit(&exec->arena);
    vl_free(exec);
}

vl_exec_counts
vl_exec_get_counts(const vl_exec *exec)
{
    return exec->counts;
}

uint64_t
vl_exec_memory(const vl_exec *exec)
{
    return exec->charged_bytes;
}

vl_exec_work
vl_exec_get_work(const vl_exec *exec)
{
    vl_exec_work work = exec->work;

    work.steps += exec->steps;
    return work;
}

uint64_t
vl_exec_memory_peak(const vl_exec *exec)
{
    return exec->peak_bytes;
}

uint64_t
vl_exec_spilled(const vl_exec *exec)
{
    return exec->spilled_bytes;
}
