/* window_value.c - the results of window functions.
 *
 * An aggregate's state takes the rows that enter the frame, and lets those go that leave it where
 * its function can do that to the bit; else it is computed anew. min and max of a frame whose start
 * moves keep a queue of the rows that may still win: a row that comes drives out those behind it
 * that are worse.
 *
 * Invariants
 *   WV1  A state is that of the rows [from, to), taken in their order.
 *   WV2  The rows of a queue rise, and each is better than the next; so the first is the result,
 * and of equal rows the last, as in SQLite. */
#include "exec/window_int.h"

#include "base/assert.h"
#include "vec/value.h"

#include <string.h>

/* Numbers of rows in the first queue. */
#define VALUE_QUEUE_MIN VL_BY_BUILD(64U, 4U)

/* ---- making ---- */

/* Whether a function is the built-in one of its name. */
static int
value_is_builtin(const vl_func *func)
{
    const vl_func *builtin;

    for (size_t i = 0; (builtin = vl_func_builtin(i)) != NULL; i++) {
        if (builtin == func)
            return 1;
    }
    return 0;
}

static int
value_is_window(const vl_window_work *work)
{
    return (work->what->func->flags & VL_FUNC_WINDOW) != 0 && work->what->func->aggregate == NULL;
}

/* Whether a call looks at its frame. */
static int
value_has_frame(const vl_window_work *work)
{
    return !value_is_window(work) || work->what->func->variant >= VL_FUNC_WINDOW_FIRST_VALUE;
}

velo_status
vl_window_work_open(vl_ctx *ctx, vl_window_stage *window, vl_window_work *work)
{
    const vl_func *func = work->what->func;
    vl_window_bounds *bounds = &window->frames[work->what->frame];

    vl_arena_init(&work->state_arena, ctx->allocator, 0);
    if (value_has_frame(work))
        bounds->is_used = 1;
    if (value_is_window(work)) {
        work->way = VL_WINDOW_BUILTIN;
        return VELO_OK;
    }
    if (bounds->what->exclude > VL_FRAME_EXCLUDE_NO_OTHERS)
        work->way = VL_WINDOW_PARTS;
    else if (bounds->what->start != VL_FRAME_UNBOUNDED_PRECEDING &&
             (func->flags & VL_FUNC_PICKS_ROW) != 0 && value_is_builtin(func))
        work->way = VL_WINDOW_QUEUE;
    else
        work->way = VL_WINDOW_STATE;
    work->is_extreme = func->name[1] == 'i' ? -1 : 1;
    work->state = vl_arena_alloc_array(&window->base.exec->arena, 1, func->aggregate->state_size);
    return work->state == NULL ? vl_fail(ctx, VELO_NOMEM, "cannot allocate a window") : VELO_OK;
}

static void
value_charge(vl_window_stage *window, vl_window_work *work)
{
    vl_exec_charge(window->base.exec, &work->charged,
                   work->state_arena.held_bytes + work->queue_capacity * sizeof *work->queue);
}

/* End the state. */
static void
value_deinit(vl_window_work *work)
{
    const vl_func_aggregate *aggregate;

    if (work->state == NULL)
        return;
    aggregate = work->what->func->aggregate;
    if (aggregate->deinit != NULL)
        aggregate->deinit(work->state);
    memset(work->state, 0, aggregate->state_size);
}

/* Make the state that of no rows. */
static void
value_clear(vl_window_work *work)
{
    value_deinit(work);
    vl_arena_reset(&work->state_arena);
}

/* Make the state that of no rows of this partition. */
static void
value_restart(vl_window_work *work)
{
    const vl_func_aggregate *aggregate = work->what->func->aggregate;

    if (aggregate->restart == NULL) {
        value_clear(work);
        return;
    }
    vl_arena_reset(&work->state_arena);
    aggregate->restart(work->state);
}

void
vl_window_work_begin(vl_window_stage *window, vl_window_work *work)
{
    value_clear(work);
    work->from = window->begin;
    work->to = window->begin;
    work->queue_count = 0;
    work->has_parts = 0;
    work->has_held = 0;
    work->tiles = 0;
}

void
vl_window_work_rewind(vl_window_stage *window, vl_window_work *work)
{
    vl_tape_cursor_deinit(&window->tape, &work->at);
    vl_tape_cursor_deinit(&window->tape, &work->at_back);
    vl_free(work->queue);
    work->queue = NULL;
    work->queue_capacity = 0;
    work->queue_count = 0;
    value_deinit(work);
    if (work->state_arena.allocator != NULL)
        vl_arena_deinit(&work->state_arena);
    value_charge(window, work);
}

/* ---- rows and arguments ---- */

static velo_status
value_row(vl_ctx *ctx, vl_window_stage *window, vl_tape_cursor *cursor, uint64_t number,
          const vl_value **row)
{
    return vl_tape_read(ctx, &window->tape, cursor, number, row);
}

/* Gather the arguments of a row; 0 when FILTER lets it out. */
static int
value_take(vl_window_stage *window, const vl_window_work *work, const vl_value *row)
{
    if (work->what->filter != NULL && vl_value_truth(&row[work->filter]) != 1)
        return 0;
    for (uint32_t i = 0; i < work->what->arguments.count; i++)
        window->args[i] = row[work->slots[i]];
    return 1;
}

/* ---- states ---- */

/* Put rows [start, end) into the state, or take them out. */
static velo_status
value_step(vl_ctx *ctx, vl_window_stage *window, vl_window_work *work, uint64_t start, uint64_t end,
           int is_inverse)
{
    vl_window_bounds *bounds = &window->frames[work->what->frame];
    vl_tape_cursor *cursor = is_inverse ? &bounds->at_start : &bounds->at_end;
    const vl_func_aggregate *aggregate = work->what->func->aggregate;
    velo_status (*change)(vl_func_call *, void *, const vl_value *, int) =
        is_inverse ? aggregate->inverse : aggregate->step;
    uint32_t count = work->what->arguments.count;
    const vl_value *row;

    for (uint64_t at = start; at < end; at++) {
        VL_TRY(vl_exec_poll(ctx, window->base.exec, 1));
        VL_TRY(value_row(ctx, window, cursor, at, &row));
        if (!value_take(window, work, row))
            continue;
        VL_TRY(change(&work->call, work->state, count == 0 ? NULL : window->args, (int)count));
        value_charge(window, work);
    }
    return VELO_OK;
}

static int
value_can_invert(const vl_window_work *work)
{
    const vl_func_aggregate *aggregate = work->what->func->aggregate;

    return aggregate->inverse != NULL &&
           (aggregate->is_exact == NULL || aggregate->is_exact(work->state));
}

/* Make the state that of the frame [start, end). Keeps WV1. */
static velo_status
value_advance(vl_ctx *ctx, vl_window_stage *window, vl_window_work *work, uint64_t start,
              uint64_t end)
{
    end = end < start ? start : end;
    if (start > work->from) {
        /* Fewer steps decide, where both ways are open. */
        int is_inverse =
            start < work->to && start - work->from <= work->to - start && value_can_invert(work);

        if (is_inverse) {
            VL_TRY(value_step(ctx, window, work, work->from, start, 1));
        } else {
            value_restart(work);
            work->to = start;
        }
        work->from = start;
    }
    VL_TRY(value_step(ctx, window, work, work->to, end, 0));
    if (end > work->to)
        work->to = end;
    return VELO_OK;
}

/* Compute the state anew when the parts are others than before. */
static velo_status
value_of_parts(vl_ctx *ctx, vl_window_stage *window, vl_window_work *work,
               const vl_window_bounds *bounds)
{
    vl_window_part parts[VL_WINDOW_PARTS_MAX];
    uint32_t count = vl_window_bounds_parts(window, bounds, parts);

    if (work->has_parts && count == work->part_count &&
        memcmp(parts, work->parts, count * sizeof *parts) == 0)
        return VELO_OK;
    value_clear(work);
    for (uint32_t i = 0; i < count; i++)
        VL_TRY(value_step(ctx, window, work, parts[i].start, parts[i].end, 0));
    memcpy(work->parts, parts, count * sizeof *parts);
    work->part_count = count;
    work->has_parts = 1;
    return VELO_OK;
}

/* ---- min and max ---- */

static uint64_t *
value_queue_at(const vl_window_work *work, size_t position)
{
    return &work->queue[(work->queue_first + position) & (work->queue_capacity - 1)];
}

static velo_status
value_queue_put(vl_ctx *ctx, vl_window_stage *window, vl_window_work *work, uint64_t number)
{
    if (work->queue_count == work->queue_capacity) {
        size_t capacity = work->queue_capacity == 0 ? VALUE_QUEUE_MIN : 2 * work->queue_capacity;
        uint64_t *queue = vl_alloc_array(ctx, capacity, sizeof *queue);

        if (queue == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot keep %zu rows of a frame", capacity);
        for (size_t i = 0; i < work->queue_count; i++)
            queue[i] = *value_queue_at(work, i);
        vl_free(work->queue);
        work->queue = queue;
        work->queue_first = 0;
        work->queue_capacity = capacity;
        value_charge(window, work);
    }
    *value_queue_at(work, work->queue_count++) = number;
    return VELO_OK;
}

/* Put a row into the queue, and those out that it beats. Keeps WV2. */
static velo_status
value_queue_enter(vl_ctx *ctx, vl_window_stage *window, vl_window_work *work, uint64_t number)
{
    vl_window_bounds *bounds = &window->frames[work->what->frame];
    const vl_value *row;
    const vl_value *last;
    int is_first_kept = bounds->what->exclude == VL_FRAME_EXCLUDE_NO_OTHERS;

    VL_TRY(value_row(ctx, window, &bounds->at_end, number, &row));
    if (!value_take(window, work, row) || window->args[0].type == VL_TYPE_NULL)
        return VELO_OK;
    while (work->queue_count > 0) {
        int order;

        VL_TRY(
            value_row(ctx, window, &work->at, *value_queue_at(work, work->queue_count - 1), &last));
        order = vl_value_compare(&window->args[0], &last[work->slots[0]],
                                 (vl_collation)work->what->collation) *
                work->is_extreme;
        if (order < 0 || (order == 0 && is_first_kept))
            break;
        work->queue_count--;
    }
    return value_queue_put(ctx, window, work, number);
}

static velo_status
value_of_queue(vl_ctx *ctx, vl_window_stage *window, vl_window_work *work, uint64_t start,
               uint64_t end, vl_value *value)
{
    const vl_value *row;

    for (uint64_t at = work->to > start ? work->to : start; at < end; at++) {
        VL_TRY(vl_exec_poll(ctx, window->base.exec, 1));
        VL_TRY(value_queue_enter(ctx, window, work, at));
    }
    work->to = end > work->to ? end : work->to;
    while (work->queue_count > 0 && *value_queue_at(work, 0) < start) {
        work->queue_first = (work->queue_first + 1) & (work->queue_capacity - 1);
        work->queue_count--;
    }
    if (work->queue_count == 0 || start >= end)
        return VELO_OK;
    VL_TRY(value_row(ctx, window, &work->at, *value_queue_at(work, 0), &row));
    *value = row[work->slots[0]];
    return VELO_OK;
}

static velo_status
value_of_aggregate(vl_ctx *ctx, vl_window_stage *window, vl_window_work *work, vl_value *value)
{
    const vl_window_bounds *bounds = &window->frames[work->what->frame];

    if (work->way == VL_WINDOW_QUEUE)
        return value_of_queue(ctx, window, work, bounds->start, bounds->end, value);
    if (work->way == VL_WINDOW_PARTS)
        VL_TRY(value_of_parts(ctx, window, work, bounds));
    else
        VL_TRY(value_advance(ctx, window, work, bounds->start, bounds->end));
    return work->what->func->aggregate->value(&work->call, work->state, value);
}

/* ---- places in the partition ---- */

static velo_status
value_percent_rank(vl_ctx *ctx, vl_window_stage *window, vl_value *value)
{
    uint64_t rows;

    VL_TRY(vl_window_fetch_all(ctx, window));
    rows = window->end - window->begin;
    *value = vl_value_of_real(
        rows > 1 ? (double)(window->peer_begin - window->begin) / (double)(rows - 1) : 0.0);
    return VELO_OK;
}

static velo_status
value_cume_dist(vl_ctx *ctx, vl_window_stage *window, vl_value *value)
{
    VL_TRY(vl_window_fetch_all(ctx, window));
    VL_TRY(vl_window_find_peers(ctx, window));
    *value = vl_value_of_real((double)(window->peer_end - window->begin) /
                              (double)(window->end - window->begin));
    return VELO_OK;
}

/* The argument is that of the partition's first row. */
static velo_status
value_ntile(vl_ctx *ctx, vl_window_stage *window, vl_window_work *work, vl_value *value)
{
    int64_t at = (int64_t)(window->now - window->begin);
    int64_t rows;
    int64_t size;
    int64_t larger;

    if (work->tiles == 0) {
        const vl_value *row;

        VL_TRY(value_row(ctx, window, &window->at_row, window->now, &row));
        work->tiles = vl_value_integer(&row[work->slots[0]]);
        if (work->tiles <= 0)
            return vl_fail(ctx, VELO_ERROR, "argument of ntile must be a positive integer");
    }
    VL_TRY(vl_window_fetch_all(ctx, window));
    rows = (int64_t)(window->end - window->begin);
    size = rows / work->tiles;
    larger = rows - work->tiles * size; /* tiles with one row more */
    if (size == 0)
        *value = vl_value_of_integer(at + 1);
    else if (at < larger * (size + 1))
        *value = vl_value_of_integer(1 + at / (size + 1));
    else
        *value = vl_value_of_integer(1 + larger + (at - larger * (size + 1)) / size);
    return VELO_OK;
}

/* ---- other rows ---- */

/* How many rows ahead of the row at hand lag and lead look; 0: it is no whole number. */
static int
value_distance(const vl_window_work *work, const vl_value *row, int64_t *distance)
{
    vl_value number;
    int64_t whole;

    *distance = 1;
    if (work->what->arguments.count > 1) {
        number = vl_value_number(&row[work->slots[1]]);
        if (number.type == VL_TYPE_REAL && number.as.real >= -9007199254740992.0 &&
            number.as.real <= 9007199254740992.0) {
            whole = (int64_t)number.as.real;
            if ((double)whole == number.as.real)
                number = vl_value_of_integer(whole);
        }
        if (number.type != VL_TYPE_INTEGER)
            return 0;
        *distance = number.as.integer;
    }
    if (work->what->func->variant == VL_FUNC_WINDOW_LAG) {
        if (*distance == INT64_MIN)
            return 0;
        *distance = -*distance;
    }
    return 1;
}

/* lag with a negative offset looks one row ahead and no farther: SQLite has read no more then. */
static velo_status
value_shifted(vl_ctx *ctx, vl_window_stage *window, vl_window_work *work, vl_value *value)
{
    const vl_value *row;
    uint64_t number = window->now;
    int64_t distance;
    int found = 0;

    VL_TRY(value_row(ctx, window, &window->at_row, window->now, &row));
    if (value_distance(work, row, &distance)) {
        if (distance < 0) {
            found = (uint64_t)-distance <= window->now - window->begin;
            number -= found ? (uint64_t)-distance : 0;
        } else if ((uint64_t)distance < VL_WINDOW_NONE - number &&
                   (distance <= 1 || work->what->func->variant == VL_FUNC_WINDOW_LEAD)) {
            number += (uint64_t)distance;
            VL_TRY(vl_window_fetch(ctx, window, number, &found));
        }
    }
    if (found) {
        VL_TRY(value_row(ctx, window, &work->at, number, &row));
        *value = row[work->slots[0]];
    } else if (work->what->arguments.count > 2) {
        VL_TRY(value_row(ctx, window, &window->at_row, window->now, &row));
        *value = row[work->slots[2]];
    }
    return VELO_OK;
}

/* The second argument of nth_value in a row. */
static velo_status
value_nth_number(vl_ctx *ctx, vl_window_stage *window, const vl_window_work *work,
                 const vl_value *row, int64_t *number)
{
    vl_value value = row[work->slots[1]];

    *number = 1;
    VL_TRY(vl_value_apply_comparison(ctx, &window->arena, VL_AFFINITY_NUMERIC, &value));
    if (value.type == VL_TYPE_REAL && value.as.real >= 1.0 &&
        value.as.real < 9223372036854775808.0 && (double)(int64_t)value.as.real == value.as.real)
        value = vl_value_of_integer((int64_t)value.as.real);
    if (value.type != VL_TYPE_INTEGER || value.as.integer <= 0)
        return vl_fail(ctx, VELO_ERROR, "second argument to nth_value must be a positive integer");
    *number = value.as.integer;
    return VELO_OK;
}

/* The nth row of parts. With EXCLUDE a frame without rows has nobody look at the number. */
static velo_status
value_nth(vl_ctx *ctx, vl_window_stage *window, vl_window_work *work, const vl_window_part *parts,
          uint32_t count, vl_value *value)
{
    const vl_window_bounds *bounds = &window->frames[work->what->frame];
    const vl_value *row;
    uint64_t left;
    int64_t number = 1;

    if (count == 0 && bounds->what->exclude != VL_FRAME_EXCLUDE_UNSAID)
        return VELO_OK;
    VL_TRY(value_row(ctx, window, &window->at_row, window->now, &row));
    VL_TRY(value_nth_number(ctx, window, work, row, &number));
    left = (uint64_t)number - 1;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t rows = parts[i].end - parts[i].start;

        if (left < rows) {
            VL_TRY(value_row(ctx, window, &work->at, parts[i].start + left, &row));
            *value = row[work->slots[0]];
            return VELO_OK;
        }
        left -= rows;
    }
    return VELO_OK;
}

/* The first value of a frame that begins with its partition, kept so that the row need not be. */
static velo_status
value_held(vl_ctx *ctx, vl_window_stage *window, vl_window_work *work,
           const vl_window_bounds *bounds, vl_value *value)
{
    const vl_value *row;

    if (!work->has_held) {
        VL_TRY(value_row(ctx, window, &work->at, bounds->start, &row));
        VL_TRY(vl_row_copy_to(ctx, &work->state_arena, &row[work->slots[0]], 1, &work->held));
        work->has_held = 1;
        value_charge(window, work);
    }
    if (bounds->end > bounds->start)
        *value = work->held;
    return VELO_OK;
}

static int
value_is_held(const vl_window_work *work, const vl_window_frame *frame)
{
    return work->what->func->variant == VL_FUNC_WINDOW_FIRST_VALUE &&
           frame->start == VL_FRAME_UNBOUNDED_PRECEDING &&
           frame->exclude == VL_FRAME_EXCLUDE_UNSAID;
}

/* first_value, last_value, nth_value. */
static velo_status
value_of_frame(vl_ctx *ctx, vl_window_stage *window, vl_window_work *work, vl_value *value)
{
    const vl_window_bounds *bounds = &window->frames[work->what->frame];
    vl_window_part parts[VL_WINDOW_PARTS_MAX];
    uint32_t count = vl_window_bounds_parts(window, bounds, parts);
    uint32_t variant = work->what->func->variant;
    const vl_value *row;

    if (value_is_held(work, bounds->what))
        return value_held(ctx, window, work, bounds, value);
    if (variant == VL_FUNC_WINDOW_NTH_VALUE)
        return value_nth(ctx, window, work, parts, count, value);
    if (count == 0)
        return VELO_OK;
    VL_TRY(value_row(
        ctx, window, &work->at,
        variant == VL_FUNC_WINDOW_FIRST_VALUE ? parts[0].start : parts[count - 1].end - 1, &row));
    *value = row[work->slots[0]];
    return VELO_OK;
}

/* check_tree: table, of the built-in window functions. */
static velo_status
value_of_builtin(vl_ctx *ctx, vl_window_stage *window, vl_window_work *work, vl_value *value)
{
    switch ((vl_func_window)work->what->func->variant) {
    case VL_FUNC_WINDOW_ROW_NUMBER:
        *value = vl_value_of_integer((int64_t)(window->now - window->begin) + 1);
        return VELO_OK;
    case VL_FUNC_WINDOW_RANK:
        *value = vl_value_of_integer((int64_t)(window->peer_begin - window->begin) + 1);
        return VELO_OK;
    case VL_FUNC_WINDOW_DENSE_RANK:
        *value = vl_value_of_integer(window->group - window->first_group + 1);
        return VELO_OK;
    case VL_FUNC_WINDOW_PERCENT_RANK:
        return value_percent_rank(ctx, window, value);
    case VL_FUNC_WINDOW_CUME_DIST:
        return value_cume_dist(ctx, window, value);
    case VL_FUNC_WINDOW_NTILE:
        return value_ntile(ctx, window, work, value);
    case VL_FUNC_WINDOW_LAG:
    case VL_FUNC_WINDOW_LEAD:
        return value_shifted(ctx, window, work, value);
    case VL_FUNC_WINDOW_FIRST_VALUE:
    case VL_FUNC_WINDOW_LAST_VALUE:
    case VL_FUNC_WINDOW_NTH_VALUE:
        return value_of_frame(ctx, window, work, value);
    }
    return VELO_OK;
}

velo_status
vl_window_work_value(vl_ctx *ctx, vl_window_stage *window, vl_window_work *work, vl_value *value)
{
    if (work->way == VL_WINDOW_BUILTIN)
        return value_of_builtin(ctx, window, work, value);
    return value_of_aggregate(ctx, window, work, value);
}

/* ---- what is kept ---- */

/* The first row that lag and lead look at for the rows behind the row at hand. */
static uint64_t
value_shift_keeps(const vl_window_stage *window, const vl_window_work *work)
{
    uint64_t back = 1;

    if (work->what->arguments.count > 1) {
        const vl_expr *offset = work->what->arguments.list[1];

        if (offset->kind != VL_EXPR_CONSTANT || offset->value.type != VL_TYPE_INTEGER ||
            offset->value.as.integer < 0)
            return window->begin;
        back = (uint64_t)offset->value.as.integer;
    }
    if (work->what->func->variant == VL_FUNC_WINDOW_LEAD)
        return window->now + 1;
    return back > window->now + 1 - window->begin ? window->begin : window->now + 1 - back;
}

uint64_t
vl_window_work_keeps(const vl_window_stage *window, const vl_window_work *work)
{
    const vl_window_bounds *bounds = &window->frames[work->what->frame];
    uint32_t variant = work->what->func->variant;

    if (value_is_window(work) && (variant == VL_FUNC_WINDOW_LAG || variant == VL_FUNC_WINDOW_LEAD))
        return value_shift_keeps(window, work);
    if (!value_has_frame(work))
        return window->now + 1;
    if (value_is_window(work))
        return value_is_held(work, bounds->what) ? window->now + 1 : bounds->start;
    if (work->way == VL_WINDOW_STATE && bounds->what->start == VL_FRAME_UNBOUNDED_PRECEDING)
        return work->to;
    return bounds->start;
}
