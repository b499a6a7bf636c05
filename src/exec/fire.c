/* fire.c - triggers at work: bodies, the executions of their statements, and how they end.
 *
 * Each statement of a body is an execution of its own, nested in that of the change that has fired
 * it. They are kept for the next row: a body has as many sets of them as it was at work at a time.
 * Statements for foreign keys are run in the same way.
 *
 * Invariants
 *   FI1  A statement of a body is a statement of the transaction: it has a number of its own, and
 *        sees all that was done before it (31, item 2).
 *   FI2  Whatever ends a body, its executions are reset and its statement is ended; only the
 *        statement around all of them is undone, by the layer above.
 *   FI3  Without recursive_triggers no trigger is at work twice; with it, triggers are nested to
 *        FIRE_DEPTH_MAX, and so are actions of foreign keys in any case.
 *   FI4  Children are counted by what everybody has committed until now, not by the snapshot. */
#include "exec/exec_int.h"
#include "exec/source.h"

#include "base/assert.h"

/* How deep triggers may fire one another, as in SQLite. */
#define FIRE_DEPTH_MAX 1000U

/* Sets of executions of a body that stay for the next run of the statement. */
#define FIRE_KEPT_MAX VL_BY_BUILD(8U, 2U)

/* A body at work, or ready for it. */
typedef struct fire_run {
    struct fire_run *idle; /* the next one of the body that is not at work */
    struct fire_run *all;  /* the next one of the body */
    uint32_t number;       /* from 1, of the body */
    vl_firing firing;
    vl_source source;        /* of its executions */
    vl_statement txn;        /* what `source` has of the first database */
    vl_source_other *others; /* what it has of others, each with one of other_txns */
    vl_statement *other_txns;
    vl_exec **execs; /* of WHEN, then of the statements; NULL: not made yet */
} fire_run;

typedef struct vl_fire_body {
    struct vl_fire_body *next;
    const vl_body *body;
    fire_run *idle;
    fire_run *all;
} vl_fire_body;

/* The rows that a body sees. */
typedef struct fire_rows {
    const vl_value *old_row;
    const vl_value *new_row;
    uint32_t width;
} fire_rows;

/* ---- what is kept ---- */

static velo_status
fire_no_memory(vl_ctx *ctx)
{
    (void)vl_fail(ctx, VELO_NOMEM, "cannot allocate a trigger at work");
    return VELO_NOMEM;
}

static velo_status
fire_get_body(vl_ctx *ctx, vl_exec *exec, const vl_action *action, vl_fire_body **out)
{
    vl_exec *top = exec->top;
    vl_fire_body *body = top->bodies;

    while (body != NULL && !vl_action_is_same(&body->body->action, action))
        body = body->next;
    *out = body;
    if (body != NULL)
        return VELO_OK;
    if (top->env.find_body == NULL)
        return vl_fail(ctx, VELO_INTERNAL, "triggers of %s cannot be fired here",
                       action->table->object.name);
    body = vl_arena_alloc_array(&top->arena, 1, sizeof *body);
    if (body == NULL)
        return fire_no_memory(ctx);
    VL_TRY(top->env.find_body(ctx, top->env.body_user, action, &body->body));
    body->next = top->bodies;
    top->bodies = body;
    *out = body;
    return VELO_OK;
}

/* Make a run of a body. */
static velo_status
fire_make(vl_ctx *ctx, vl_exec *exec, vl_fire_body *body, fire_run **out)
{
    vl_arena *arena = &exec->top->arena;
    uint32_t count = exec->env.source->other_count;
    fire_run *run = vl_arena_alloc_array(arena, 1, sizeof *run);

    *out = run;
    if (run == NULL)
        return fire_no_memory(ctx);
    run->execs = vl_arena_alloc_array(arena, body->body->step_count + 1U, sizeof(vl_exec *));
    run->others = vl_arena_alloc_array(arena, count + 1U, sizeof *run->others);
    run->other_txns = vl_arena_alloc_array(arena, count + 1U, sizeof *run->other_txns);
    if (run->execs == NULL || run->others == NULL || run->other_txns == NULL)
        return fire_no_memory(ctx);
    run->all = body->all;
    run->number = body->all != NULL ? body->all->number + 1 : 1;
    body->all = run;
    return VELO_OK;
}

/* A run of a body that is not at work; it is from now on. */
static velo_status
fire_take(vl_ctx *ctx, vl_exec *exec, vl_fire_body *body, fire_run **out)
{
    fire_run *run = body->idle;

    *out = NULL;
    if (run == NULL)
        VL_TRY(fire_make(ctx, exec, body, &run));
    else
        body->idle = run->idle;
    run->firing.trigger = body->body->action.trigger;
    run->firing.outer = exec->firing;
    run->firing.depth = exec->firing != NULL ? exec->firing->depth + 1 : 1;
    *out = run;
    return VELO_OK;
}

static void
fire_put(vl_fire_body *body, fire_run *run)
{
    run->idle = body->idle;
    body->idle = run;
}

/* The execution of one of the body's plans. */
static velo_status
fire_get_exec(vl_ctx *ctx, vl_exec *outer, fire_run *run, const vl_plan *plan, vl_exec **place)
{
    vl_exec_env env = outer->env;

    if (*place == NULL) {
        env.source = &run->source;
        env.is_profiled = 0; /* it counts as work of the operator that fires */
        VL_TRY(vl_exec_create(ctx, plan, &env, place));
        (*place)->top = outer->top;
        outer->top->is_deep |= run->number > FIRE_KEPT_MAX;
    }
    (*place)->firing = &run->firing;
    return VELO_OK;
}

/* Destroy the executions of all but the first `kept` runs of each body. */
static void
fire_destroy_execs(vl_exec *exec, uint32_t kept)
{
    for (vl_fire_body *body = exec->bodies; body != NULL; body = body->next)
        for (fire_run *run = body->all; run != NULL && run->number > kept; run = run->all)
            for (uint32_t i = 0; i <= body->body->step_count; i++) {
                vl_exec_destroy(run->execs[i]);
                run->execs[i] = NULL;
            }
}

void
vl_fire_reset(vl_exec *exec)
{
    if (!exec->is_deep)
        return;
    fire_destroy_execs(exec, FIRE_KEPT_MAX);
    exec->is_deep = 0;
}

void
vl_fire_destroy(vl_exec *exec)
{
    fire_destroy_execs(exec, 0);
    exec->bodies = NULL;
}

/* ---- running ---- */

/* Give OLD and NEW to an execution that is about to run: borrowed, they outlive it. */
static void
fire_give_rows(vl_exec *exec, const fire_rows *rows)
{
    const vl_plan *plan = exec->plan;

    for (uint32_t i = 0; i < plan->programs[0].argument_count; i++) {
        uint32_t at = plan->row_columns[i];

        VL_ASSERT(at < rows->width ? rows->old_row != NULL : rows->new_row != NULL);
        exec->root->outer[i] =
            at < rows->width ? rows->old_row[at] : rows->new_row[at - rows->width];
    }
}

/* Run an execution to its end. truth: of the first value of its first row. */
static velo_status
fire_run_exec(vl_ctx *ctx, vl_exec *exec, const fire_rows *rows, int *truth)
{
    const vl_value *row;
    velo_status st;

    fire_give_rows(exec, rows);
    do {
        st = vl_exec_step(ctx, exec, &row);
        if (st == VELO_ROW && truth != NULL)
            *truth = row[0].type != VL_TYPE_NULL && vl_value_truth(&row[0]);
    } while (st == VELO_ROW);
    return st == VELO_DONE ? VELO_OK : st;
}

/* Count what a statement of a body has changed. */
static void
fire_count(vl_exec *exec)
{
    vl_exec_tally *tally = exec->env.tally;

    if (tally == NULL || exec->plan->kind == VL_PLAN_SELECT)
        return;
    tally->changes = (int64_t)exec->counts.changes;
    tally->total_changes += (int64_t)exec->counts.changes;
}

/* End the nested statements of a body; `count` of them are of other databases. */
static velo_status
fire_end_nested(vl_ctx *ctx, fire_run *run, uint32_t count)
{
    velo_status st = vl_statement_end(ctx, &run->txn);

    for (uint32_t i = 0; i < count; i++) {
        velo_status end = vl_statement_end(ctx, &run->other_txns[i]);

        st = st == VELO_OK ? end : st;
    }
    return st;
}

/* Begin a nested statement in each database, or read by that of what is around. */
static velo_status
fire_begin_nested(vl_ctx *ctx, const vl_exec *outer, fire_run *run, int is_nested)
{
    const vl_source *around = outer->env.source;

    run->source = *around;
    if (!is_nested)
        return VELO_OK;
    run->source.others = run->others;
    run->source.statement = &run->txn;
    VL_TRY(vl_statement_nest(ctx, around->statement, &run->txn));
    for (uint32_t i = 0; i < around->other_count; i++) {
        velo_status st = vl_statement_nest(ctx, around->others[i].statement, &run->other_txns[i]);

        run->others[i] = around->others[i];
        run->others[i].statement = &run->other_txns[i];
        if (st != VELO_OK) {
            vl_error error = ctx->error;

            (void)fire_end_nested(ctx, run, i); /* that of nested ones cannot fail */
            ctx->error = error;
            return st;
        }
    }
    return VELO_OK;
}

/* Run one of a body's plans as a statement of the transaction. Keeps FI1, FI2. */
static velo_status
fire_plan(vl_ctx *ctx, vl_exec *outer, fire_run *run, uint32_t number, const vl_plan *plan,
          const fire_rows *rows, int *truth, int *is_ignored)
{
    vl_exec **place = &run->execs[number];
    int is_nested = plan->kind != VL_PLAN_SELECT || number > 0 || plan->program_count > 1;
    velo_status st;
    velo_status end = VELO_OK;

    VL_TRY(fire_begin_nested(ctx, outer, run, is_nested));
    st = fire_get_exec(ctx, outer, run, plan, place);
    if (st == VELO_OK) {
        st = fire_run_exec(ctx, *place, rows, truth);
        if (st == VELO_OK) {
            fire_count(*place);
        } else if ((*place)->is_ignored) {
            vl_error_clear(ctx);
            *is_ignored = 1;
            st = VELO_OK;
        } else {
            outer->counts.resolution = (*place)->counts.resolution;
        }
        vl_exec_reset(*place);
    }
    if (is_nested)
        end = fire_end_nested(ctx, run, outer->env.source->other_count);
    return st != VELO_OK ? st : end;
}

/* WHEN, then the statements. */
static velo_status
fire_body(vl_ctx *ctx, vl_exec *outer, const vl_body *body, fire_run *run, const fire_rows *rows,
          int *is_ignored)
{
    int truth = 1;

    if (body->when != NULL)
        VL_TRY(fire_plan(ctx, outer, run, 0, body->when, rows, &truth, is_ignored));
    for (uint32_t i = 0; i < body->step_count && truth && !*is_ignored; i++)
        VL_TRY(fire_plan(ctx, outer, run, i + 1, body->steps[i], rows, NULL, is_ignored));
    return VELO_OK;
}

int
vl_fire_is_recursive(const vl_exec *exec)
{
    return exec->env.recursive_triggers != NULL && *exec->env.recursive_triggers != 0;
}

/* Whether a trigger is not to be fired, since it is at work. */
static int
fire_is_busy(const vl_exec *exec, const vl_trigger_def *trigger)
{
    if (vl_fire_is_recursive(exec))
        return 0;
    for (const vl_firing *firing = exec->firing; firing != NULL; firing = firing->outer)
        if (firing->trigger == trigger && trigger != NULL)
            return 1;
    return 0;
}

static velo_status
fire_action(vl_ctx *ctx, vl_exec *exec, const vl_action *action, const fire_rows *rows,
            int *is_ignored)
{
    vl_exec_tally *tally = exec->env.tally;
    vl_exec_tally before = {0, 0, 0};
    vl_fire_body *body;
    fire_run *run = NULL;
    velo_status st;

    if (fire_is_busy(exec, action->trigger)) /* keeps FI3 */
        return VELO_OK;
    if (exec->firing != NULL && exec->firing->depth >= FIRE_DEPTH_MAX)
        return vl_fail(ctx, VELO_ERROR, "too many levels of trigger recursion");
    VL_TRY(fire_get_body(ctx, exec, action, &body));
    VL_TRY(fire_take(ctx, exec, body, &run));
    VL_ASSERT(run != NULL);
    if (tally != NULL)
        before = *tally;
    st = fire_body(ctx, exec, body->body, run, rows, is_ignored);
    if (tally != NULL) {
        tally->changes = before.changes;
        tally->last_rowid = before.last_rowid;
    }
    fire_put(body, run);
    return st;
}

/* Rows that an execution yields, which reads by `view`. Keeps FI4. */
static velo_status
fire_count_rows(vl_ctx *ctx, vl_exec *outer, fire_run *run, const vl_body *body,
                const fire_rows *rows, const vl_view *view, int64_t *count)
{
    const vl_plan *plan = body->steps[0];
    const vl_value *row;
    velo_status st;

    *count = 0;
    run->source = vl_source_of(outer->env.source, body->action.table);
    run->txn = *run->source.statement;
    run->txn.view = *view;
    run->source.statement = &run->txn;
    VL_TRY(fire_get_exec(ctx, outer, run, plan, &run->execs[0]));
    fire_give_rows(run->execs[0], rows);
    do {
        st = vl_exec_step(ctx, run->execs[0], &row);
        *count += st == VELO_ROW;
    } while (st == VELO_ROW);
    vl_exec_reset(run->execs[0]);
    return st == VELO_DONE ? VELO_OK : st;
}

velo_status
vl_fire_count(vl_ctx *ctx, vl_stage *stage, uint32_t number, const vl_value *old_row,
              const vl_value *new_row, uint32_t width, int64_t *latest, int64_t *own)
{
    const vl_action *action = &stage->exec->plan->actions[number];
    const vl_statement *statement = vl_source_of(stage->exec->env.source, action->table).statement;
    const fire_rows rows = {old_row, new_row, width};
    vl_view view = vl_statement_latest(statement);
    vl_fire_body *body;
    fire_run *run = NULL;
    velo_status st;

    VL_TRY(fire_get_body(ctx, stage->exec, action, &body));
    VL_TRY(fire_take(ctx, stage->exec, body, &run));
    st = fire_count_rows(ctx, stage->exec, run, body->body, &rows, &view, latest);
    if (st == VELO_OK && own != NULL) {
        view = vl_statement_newest(statement);
        st = fire_count_rows(ctx, stage->exec, run, body->body, &rows, &view, own);
    }
    fire_put(body, run);
    return st;
}

velo_status
vl_fire(vl_ctx *ctx, vl_stage *stage, const uint32_t *actions, uint32_t count,
        const vl_value *old_row, const vl_value *new_row, uint32_t width, int *is_ignored)
{
    const fire_rows rows = {old_row, new_row, width};

    *is_ignored = 0;
    for (uint32_t i = 0; i < count && !*is_ignored; i++)
        VL_TRY(fire_action(ctx, stage->exec, &stage->exec->plan->actions[actions[i]], &rows,
                           is_ignored));
    return VELO_OK;
}
