/* window_frame.c - which rows are in the frame of the row at hand.
 *
 * Both ends of a frame move forward only, row by row of the partition: for ROWS they are computed,
 * for the others the next rows are looked at until one is not to be passed. So a partition's frames
 * cost a step for each row, whatever their length.
 *
 * RANGE with an offset adds it to the value of one row, or subtracts it where the order descends,
 * and compares with the other row's. A text or blob stays as it is, and NULL is like NULL only.
 *
 * Invariants
 *   WF1  bounds->start and ->end do not fall within a partition, and never pass its end. */
#include "exec/window_int.h"

#include "base/assert.h"
#include "vec/value.h"

/* ---- offsets ---- */

/* A whole number that is not negative, of anything that is one. */
static int
frame_whole(vl_value *value)
{
    if (value->type == VL_TYPE_REAL && value->as.real >= 0.0 &&
        value->as.real < 9223372036854775808.0 && (double)(int64_t)value->as.real == value->as.real)
        *value = vl_value_of_integer((int64_t)value->as.real);
    return value->type == VL_TYPE_INTEGER && value->as.integer >= 0;
}

static velo_status
frame_offset(vl_ctx *ctx, vl_window_stage *window, const vl_window_bounds *bounds,
             const vl_expr *expr, const char *name, vl_value *value)
{
    vl_eval eval = vl_stage_eval(&window->base, &window->arena);
    int is_fit;

    if (expr == NULL)
        return VELO_OK;
    VL_TRY(vl_eval_expr(ctx, &eval, expr, value));
    VL_TRY(vl_value_apply_comparison(ctx, &window->arena, VL_AFFINITY_NUMERIC, value));
    if (bounds->what->unit != VL_FRAME_RANGE)
        is_fit = frame_whole(value);
    else
        is_fit = (value->type == VL_TYPE_INTEGER && value->as.integer >= 0) ||
                 (value->type == VL_TYPE_REAL && value->as.real >= 0.0);
    if (is_fit)
        return VELO_OK;
    return vl_fail(ctx, VELO_ERROR, "frame %s offset must be a non-negative %s", name,
                   bounds->what->unit == VL_FRAME_RANGE ? "number" : "integer");
}

velo_status
vl_window_offsets(vl_ctx *ctx, vl_window_stage *window)
{
    for (uint32_t i = 0; i < window->what->frame_count; i++) {
        vl_window_bounds *bounds = &window->frames[i];
        const vl_window_frame *what = bounds->what;

        if (!bounds->is_used)
            continue;
        VL_TRY(frame_offset(ctx, window, bounds, what->start_offset, "starting",
                            &bounds->start_offset));
        VL_TRY(frame_offset(ctx, window, bounds, what->end_offset, "ending", &bounds->end_offset));
    }
    return VELO_OK;
}

void
vl_window_bounds_begin(const vl_window_stage *window, vl_window_bounds *bounds)
{
    bounds->start = window->begin;
    bounds->end = window->begin;
    bounds->has_group = 0;
}

/* ---- RANGE ---- */

/* Where NULLs are not where the order alone has them: whether `left op right`, if one of them is
 * NULL. Returns whether that is so. */
static int
frame_is_late_null(vl_comparison op, const vl_value *left, const vl_value *right, int *truth)
{
    int is_left = left->type == VL_TYPE_NULL;
    int is_right = right->type == VL_TYPE_NULL;

    if (is_left)
        *truth = op == VL_COMPARE_GE || (op == VL_COMPARE_GT && !is_right) ||
                 (op == VL_COMPARE_LE && is_right);
    else
        *truth = op == VL_COMPARE_LE || op == VL_COMPARE_LT;
    return is_left || is_right;
}

static int
frame_compare(vl_comparison op, const vl_value *left, const vl_value *right, vl_collation collation)
{
    int order = vl_value_compare(left, right, collation);

    if (op == VL_COMPARE_GE)
        return order >= 0;
    if (op == VL_COMPARE_GT)
        return order > 0;
    return op == VL_COMPARE_LE ? order <= 0 : order < 0;
}

/* Whether left + offset op right, as the order has it: op is GE, GT or LE. */
static int
frame_range_test(const vl_window_stage *window, vl_comparison op, const vl_value *left,
                 const vl_value *offset, const vl_value *right)
{
    const vl_sorter_key *key = &window->order[0];
    const vl_value *a = &left[key->index];
    const vl_value *b = &right[key->index];
    vl_value sum = *a;
    int truth;

    if (key->is_descending)
        op = op == VL_COMPARE_GE   ? VL_COMPARE_LE
             : op == VL_COMPARE_GT ? VL_COMPARE_LT
                                   : VL_COMPARE_GE;
    if (key->nulls_last != key->is_descending && frame_is_late_null(op, a, b, &truth))
        return truth;
    if (a->type == VL_TYPE_INTEGER || a->type == VL_TYPE_REAL) {
        /* What holds without the offset holds with it, also where the sum is not a number. */
        if (op == (key->is_descending ? VL_COMPARE_LE : VL_COMPARE_GE) && b->type != VL_TYPE_NULL &&
            frame_compare(op, a, b, VL_COLLATE_BINARY))
            return 1;
        sum = vl_value_operate(key->is_descending ? VL_OPERATOR_SUBTRACT : VL_OPERATOR_ADD, a,
                               offset);
    }
    return frame_compare(op, &sum, b, (vl_collation)key->collation);
}

/* ---- ends that look at rows ---- */

/* Whether row `at` comes before the start of the frame. */
static int
frame_is_before(const vl_window_stage *window, const vl_window_bounds *bounds, const vl_value *at,
                const vl_value *now)
{
    int is_following = bounds->what->start == VL_FRAME_FOLLOWING;
    const vl_value *offset = &bounds->start_offset;

    if (bounds->what->unit == VL_FRAME_RANGE)
        return is_following ? !frame_range_test(window, VL_COMPARE_LE, now, offset, at)
                            : !frame_range_test(window, VL_COMPARE_GE, at, offset, now);
    if (is_following) /* groups are counted from 1: no overflow either way */
        return at[window->group_slot].as.integer - window->group < offset->as.integer;
    return window->group - at[window->group_slot].as.integer > offset->as.integer;
}

/* Whether row `at` comes before the end of the frame. */
static int
frame_is_within(const vl_window_stage *window, const vl_window_bounds *bounds, const vl_value *at,
                const vl_value *now)
{
    int is_following = bounds->what->end == VL_FRAME_FOLLOWING;
    const vl_value *offset = &bounds->end_offset;

    if (bounds->what->unit == VL_FRAME_RANGE)
        return is_following ? frame_range_test(window, VL_COMPARE_GE, now, offset, at)
                            : !frame_range_test(window, VL_COMPARE_GT, at, offset, now);
    if (is_following)
        return at[window->group_slot].as.integer - window->group <= offset->as.integer;
    return window->group - at[window->group_slot].as.integer >= offset->as.integer;
}

/* Move an end of RANGE or GROUPS with an offset forward. */
static velo_status
frame_move(vl_ctx *ctx, vl_window_stage *window, vl_window_bounds *bounds, int is_end)
{
    vl_tape_cursor *cursor = is_end ? &bounds->at_end : &bounds->at_start;
    uint64_t *place = is_end ? &bounds->end : &bounds->start;

    for (;;) {
        const vl_value *at;
        const vl_value *now;
        int found;
        int is_passed;

        VL_TRY(vl_window_fetch(ctx, window, *place, &found));
        if (!found)
            return VELO_OK; /* keeps WF1 */
        VL_TRY(vl_tape_read(ctx, &window->tape, cursor, *place, &at));
        VL_TRY(vl_tape_read(ctx, &window->tape, &window->at_row, window->now, &now));
        is_passed = is_end ? frame_is_within(window, bounds, at, now)
                           : frame_is_before(window, bounds, at, now);
        if (!is_passed)
            return VELO_OK;
        VL_TRY(vl_exec_poll(ctx, window->base.exec, 1));
        ++*place;
    }
}

/* ---- ROWS ---- */

/* Row `now + offset`, or the end of the partition when that comes before it. */
static velo_status
frame_row_ahead(vl_ctx *ctx, vl_window_stage *window, uint64_t offset, uint64_t *row)
{
    int found;

    *row = offset > VL_WINDOW_NONE - 1 - window->now ? VL_WINDOW_NONE - 1 : window->now + offset;
    VL_TRY(vl_window_fetch(ctx, window, *row, &found));
    if (!found)
        *row = window->end;
    return VELO_OK;
}

static uint64_t
frame_row_behind(const vl_window_stage *window, uint64_t offset)
{
    return offset > window->now - window->begin ? window->begin : window->now - offset;
}

static velo_status
frame_rows_start(vl_ctx *ctx, vl_window_stage *window, vl_window_bounds *bounds)
{
    uint64_t offset = (uint64_t)bounds->start_offset.as.integer;

    if (bounds->what->start == VL_FRAME_FOLLOWING)
        return frame_row_ahead(ctx, window, offset, &bounds->start);
    bounds->start =
        bounds->what->start == VL_FRAME_CURRENT ? window->now : frame_row_behind(window, offset);
    return VELO_OK;
}

static velo_status
frame_rows_end(vl_ctx *ctx, vl_window_stage *window, vl_window_bounds *bounds)
{
    uint64_t offset = (uint64_t)bounds->end_offset.as.integer;

    if (bounds->what->end == VL_FRAME_FOLLOWING) {
        VL_TRY(frame_row_ahead(ctx, window, offset, &bounds->end));
        if (bounds->end != window->end)
            bounds->end++;
    } else if (bounds->what->end == VL_FRAME_CURRENT) {
        bounds->end = window->now + 1;
    } else if (offset <= window->now - window->begin) {
        bounds->end = window->now - offset + 1;
    }
    return VELO_OK;
}

/* ---- both ends ---- */

static velo_status
frame_find_start(vl_ctx *ctx, vl_window_stage *window, vl_window_bounds *bounds)
{
    if (bounds->what->start == VL_FRAME_UNBOUNDED_PRECEDING)
        return VELO_OK;
    if (bounds->what->unit == VL_FRAME_ROWS)
        return frame_rows_start(ctx, window, bounds);
    if (bounds->what->start != VL_FRAME_CURRENT)
        return frame_move(ctx, window, bounds, 0);
    bounds->start = window->peer_begin;
    return VELO_OK;
}

static velo_status
frame_find_end(vl_ctx *ctx, vl_window_stage *window, vl_window_bounds *bounds)
{
    if (bounds->what->end == VL_FRAME_UNBOUNDED_FOLLOWING) {
        VL_TRY(vl_window_fetch_all(ctx, window));
        bounds->end = window->end;
        return VELO_OK;
    }
    if (bounds->what->unit == VL_FRAME_ROWS)
        return frame_rows_end(ctx, window, bounds);
    if (bounds->what->end != VL_FRAME_CURRENT)
        return frame_move(ctx, window, bounds, 1);
    VL_TRY(vl_window_find_peers(ctx, window));
    bounds->end = window->peer_end;
    return VELO_OK;
}

velo_status
vl_window_bounds_find(vl_ctx *ctx, vl_window_stage *window, vl_window_bounds *bounds)
{
    if (bounds->what->exclude >= VL_FRAME_EXCLUDE_GROUP)
        VL_TRY(vl_window_find_peers(ctx, window));
    if (bounds->what->unit != VL_FRAME_ROWS && bounds->has_group && bounds->group == window->group)
        return VELO_OK;
    VL_TRY(frame_find_start(ctx, window, bounds));
    VL_TRY(frame_find_end(ctx, window, bounds));
    bounds->group = window->group;
    bounds->has_group = 1;
    return VELO_OK;
}

/* ---- EXCLUDE ---- */

static void
frame_add_part(vl_window_part *parts, uint32_t *count, uint64_t start, uint64_t end)
{
    if (start < end)
        parts[(*count)++] = (vl_window_part){start, end};
}

uint32_t
vl_window_bounds_parts(const vl_window_stage *window, const vl_window_bounds *bounds,
                       vl_window_part *parts)
{
    uint64_t start = bounds->start;
    uint64_t end = bounds->end;
    uint64_t hole_begin = window->peer_begin;
    uint64_t hole_end = window->peer_end;
    uint32_t count = 0;

    if (bounds->what->exclude <= VL_FRAME_EXCLUDE_NO_OTHERS) {
        frame_add_part(parts, &count, start, end);
        return count;
    }
    if (bounds->what->exclude == VL_FRAME_EXCLUDE_CURRENT) {
        hole_begin = window->now;
        hole_end = window->now + 1;
    }
    frame_add_part(parts, &count, start, end < hole_begin ? end : hole_begin);
    if (bounds->what->exclude == VL_FRAME_EXCLUDE_TIES && window->now >= start && window->now < end)
        frame_add_part(parts, &count, window->now, window->now + 1);
    frame_add_part(parts, &count, start > hole_end ? start : hole_end, end);
    return count;
}
