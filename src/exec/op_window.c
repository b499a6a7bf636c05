/* op_window.c - WINDOW: window functions over rows that are sorted by partition and order.
 *
 * Rows go to a tape as they come (tape.h), and leave it when no frame reaches back to them. The
 * results of a row are computed when it is asked for; whatever needs rows behind it has them read
 * then (window_int.h). So `sum(x) OVER (ORDER BY y ROWS UNBOUNDED PRECEDING)` holds a row, and what
 * needs its whole partition holds the partition, on a file when memory is short.
 *
 * Invariants
 *   W1  At most one partition begins behind the row at hand in the tape: with its last row.
 *   W2  Expressions are evaluated once for each row, in the order of rows.
 *   W3  Pointers to rows of the tape do not outlive the next call that reads or appends. */
#include "exec/window_int.h"

#include "base/assert.h"
#include "vec/value.h"

#include <string.h>

/* ---- making ---- */

static void *
window_alloc(vl_ctx *ctx, vl_window_stage *window, size_t count, size_t size)
{
    void *memory = vl_arena_alloc_array(&window->base.exec->arena, count + 1, size);

    if (memory == NULL)
        (void)vl_fail(ctx, VELO_NOMEM, "cannot allocate a window");
    return memory;
}

/* The slot of an expression's value in rows of the tape. There is room in `computed`. */
static uint32_t
window_slot(vl_window_stage *window, vl_expr *expr)
{
    if (expr->kind == VL_EXPR_COLUMN)
        return expr->index;
    window->computed.list[window->computed.count++] = expr;
    return window->width + window->computed.count - 1;
}

static velo_status
window_open_work(vl_ctx *ctx, vl_window_stage *window, uint32_t i)
{
    const vl_window_call *what = &window->what->calls[i];
    vl_window_work *work = &window->works[i];

    work->what = what;
    work->slots = window_alloc(ctx, window, what->arguments.count, sizeof *work->slots);
    if (work->slots == NULL)
        return VELO_NOMEM;
    for (uint32_t k = 0; k < what->arguments.count; k++)
        work->slots[k] = window_slot(window, what->arguments.list[k]);
    if (what->filter != NULL)
        work->filter = window_slot(window, what->filter);
    return vl_window_work_open(ctx, window, work);
}

/* Decide where everything stands in rows of the tape. */
static velo_status
window_open_slots(vl_ctx *ctx, vl_window_stage *window)
{
    const vl_op_window *what = window->what;
    size_t most = (size_t)what->partition.count + what->order_count;

    for (uint32_t i = 0; i < what->call_count; i++)
        most += what->calls[i].arguments.count + 1U;
    window->computed.list = window_alloc(ctx, window, most, sizeof(vl_expr *));
    window->args = window_alloc(ctx, window, most, sizeof *window->args);
    window->partition = window_alloc(ctx, window, what->partition.count, sizeof(uint32_t));
    window->order = window_alloc(ctx, window, what->order_count, sizeof *window->order);
    if (window->computed.list == NULL || window->args == NULL || window->partition == NULL ||
        window->order == NULL)
        return VELO_NOMEM;
    for (uint32_t i = 0; i < what->partition.count; i++)
        window->partition[i] = window_slot(window, what->partition.list[i]);
    for (uint32_t i = 0; i < what->order_count; i++)
        window->order[i] = (vl_sorter_key){.index = window_slot(window, what->order[i].expr),
                                           .collation = what->order[i].collation,
                                           .is_descending = what->order[i].is_descending,
                                           .nulls_last = what->order[i].nulls_last};
    for (uint32_t i = 0; i < what->call_count; i++)
        VL_TRY(window_open_work(ctx, window, i));
    window->group_slot = window->width + window->computed.count;
    window->tape_width = window->group_slot + 1;
    window->row = window_alloc(ctx, window, window->tape_width, sizeof *window->row);
    return window->row == NULL ? VELO_NOMEM : VELO_OK;
}

static velo_status
window_open(vl_ctx *ctx, vl_stage *stage)
{
    vl_window_stage *window = (vl_window_stage *)stage;
    const vl_op_window *what = &stage->op->as.window;

    window->what = what;
    window->width = stage->op->children[0]->column_count;
    vl_arena_init(&window->arena, ctx->allocator, 0);
    window->frames = window_alloc(ctx, window, what->frame_count, sizeof *window->frames);
    window->works = window_alloc(ctx, window, what->call_count, sizeof *window->works);
    if (window->frames == NULL || window->works == NULL)
        return VELO_NOMEM;
    for (uint32_t i = 0; i < what->frame_count; i++)
        window->frames[i].what = &what->frames[i];
    return window_open_slots(ctx, window);
}

/* ---- reading ---- */

/* The next row of the child as row `at` of its chunk; *found is 0 at its end. */
static velo_status
window_next_input(vl_ctx *ctx, vl_window_stage *window, int *found)
{
    vl_stage *stage = &window->base;

    *found = 0;
    if (window->is_input_done)
        return VELO_OK;
    if (window->chunk == NULL || window->at == window->chunk->count) {
        window->asked = vl_stage_ask(stage, window->asked, window->is_fruitless, window->wanted);
        window->is_fruitless = 1;
        window->at = 0;
        VL_TRY(vl_stage_next(ctx, stage->children[0], window->asked, &window->chunk));
        window->is_input_done = window->chunk->count == 0;
    }
    *found = !window->is_input_done;
    return VELO_OK;
}

static int
window_is_new_partition(const vl_window_stage *window, const vl_value *last)
{
    const vl_op_window *what = window->what;

    for (uint32_t i = 0; i < what->partition.count; i++) {
        uint32_t slot = window->partition[i];

        if (vl_value_compare(&last[slot], &window->row[slot], (vl_collation)what->collations[i]) !=
            0)
            return 1;
    }
    return 0;
}

/* Read a row to the tape; *found is 0 when there is none, or when it begins a partition, whose
 * predecessor then ends before it. Keeps W1 and W2. */
static velo_status
window_read(vl_ctx *ctx, vl_window_stage *window, int *found)
{
    vl_eval eval = vl_stage_eval(&window->base, &window->arena);
    int is_partition = window->tape.end == 0;
    int is_group = is_partition;

    VL_TRY(window_next_input(ctx, window, found));
    if (!*found)
        return VELO_OK;
    VL_TRY(vl_exec_poll(ctx, window->base.exec, 1));
    vl_arena_reset(&window->arena);
    vl_chunk_read(window->chunk, window->at++, window->row);
    eval.row = window->row;
    VL_TRY(vl_eval_list(ctx, &eval, &window->computed, window->row + window->width));
    if (!is_partition) {
        const vl_value *last = vl_tape_last(&window->tape);

        is_partition = window_is_new_partition(window, last);
        is_group = is_partition || vl_sorter_compare(window->order, window->what->order_count, last,
                                                     window->row) != 0;
    }
    window->read_group += is_group;
    window->row[window->group_slot] = vl_value_of_integer(window->read_group);
    VL_TRY(vl_tape_append(ctx, &window->tape, window->row));
    *found = !is_partition || window->tape.end == 1;
    return VELO_OK;
}

velo_status
vl_window_fetch(vl_ctx *ctx, vl_window_stage *window, uint64_t number, int *found)
{
    while (window->end == VL_WINDOW_NONE && number >= window->tape.end) {
        uint64_t end = window->tape.end;
        int is_there;

        VL_TRY(window_read(ctx, window, &is_there));
        if (!is_there)
            window->end = end;
    }
    *found = number < window->end;
    return VELO_OK;
}

velo_status
vl_window_fetch_all(vl_ctx *ctx, vl_window_stage *window)
{
    int found;

    while (window->end == VL_WINDOW_NONE)
        VL_TRY(vl_window_fetch(ctx, window, window->tape.end, &found));
    return VELO_OK;
}

velo_status
vl_window_find_peers(vl_ctx *ctx, vl_window_stage *window)
{
    const vl_value *row;
    int found = 1;

    if (window->what->order_count == 0) {
        VL_TRY(vl_window_fetch_all(ctx, window));
        window->peer_end = window->end;
        return VELO_OK;
    }
    while (window->peer_end < window->end) {
        VL_TRY(vl_window_fetch(ctx, window, window->peer_end, &found));
        if (!found)
            break;
        VL_TRY(vl_tape_read(ctx, &window->tape, &window->at_peer, window->peer_end, &row));
        if (row[window->group_slot].as.integer != window->group)
            break;
        window->peer_end++;
    }
    return VELO_OK;
}

/* ---- partitions and rows ---- */

/* Go to the partition that begins with row `begin`, if there is one. */
static velo_status
window_begin_partition(vl_ctx *ctx, vl_window_stage *window, uint64_t begin)
{
    const vl_value *row;

    window->is_partition = 0;
    if (begin == window->tape.end) {
        int found;

        VL_TRY(window_read(ctx, window, &found));
        if (begin == window->tape.end)
            return VELO_OK;
    }
    if (!window->has_offsets)
        VL_TRY(vl_window_offsets(ctx, window));
    window->has_offsets = 1;
    window->is_partition = 1;
    window->begin = begin;
    window->now = begin;
    window->peer_begin = begin;
    window->peer_end = begin + 1;
    window->end = VL_WINDOW_NONE;
    VL_TRY(vl_tape_read(ctx, &window->tape, &window->at_row, begin, &row));
    window->group = row[window->group_slot].as.integer;
    window->first_group = window->group;
    for (uint32_t i = 0; i < window->what->frame_count; i++)
        vl_window_bounds_begin(window, &window->frames[i]);
    for (uint32_t i = 0; i < window->what->call_count; i++)
        vl_window_work_begin(window, &window->works[i]);
    return VELO_OK;
}

/* Find the frames and write the row at hand with its results to the batch. */
static velo_status
window_write(vl_ctx *ctx, vl_window_stage *window)
{
    vl_batch *batch = &window->base.batch;
    uint32_t at = batch->chunk.row_count;
    const vl_value *row;

    vl_arena_reset(&window->arena);
    for (uint32_t i = 0; i < window->what->frame_count; i++) {
        if (window->frames[i].is_used)
            VL_TRY(vl_window_bounds_find(ctx, window, &window->frames[i]));
    }
    for (uint32_t i = 0; i < window->what->call_count; i++) {
        vl_value value = vl_value_of_null();

        VL_TRY(vl_window_work_value(ctx, window, &window->works[i], &value)); /* keeps W3 */
        VL_TRY(
            vl_row_copy_to(ctx, &batch->arena, &value, 1, &batch->columns[window->width + i][at]));
    }
    VL_TRY(vl_tape_read(ctx, &window->tape, &window->at_row, window->now, &row));
    for (uint32_t i = 0; i < window->width; i++)
        VL_TRY(vl_row_copy_to(ctx, &batch->arena, &row[i], 1, &batch->columns[i][at]));
    batch->chunk.count = ++batch->chunk.row_count;
    return VELO_OK;
}

/* Forget the rows that nobody looks at any more. */
static void
window_forget(vl_window_stage *window)
{
    uint64_t keep = window->now + 1;

    for (uint32_t i = 0; i < window->what->frame_count; i++) {
        const vl_window_bounds *bounds = &window->frames[i];

        if (!bounds->is_used)
            continue;
        if (bounds->what->start != VL_FRAME_UNBOUNDED_PRECEDING && bounds->start < keep)
            keep = bounds->start;
        if (bounds->end < keep)
            keep = bounds->end;
    }
    for (uint32_t i = 0; i < window->what->call_count; i++) {
        uint64_t kept = vl_window_work_keeps(window, &window->works[i]);

        keep = kept < keep ? kept : keep;
    }
    vl_tape_forget(&window->tape, keep);
}

/* Go to the next row; *found is 0 when the partition has ended. */
static velo_status
window_advance(vl_ctx *ctx, vl_window_stage *window, int *found)
{
    const vl_value *row;

    window_forget(window);
    VL_TRY(vl_window_fetch(ctx, window, window->now + 1, found));
    if (!*found)
        return VELO_OK;
    window->now++;
    VL_TRY(vl_tape_read(ctx, &window->tape, &window->at_row, window->now, &row));
    if (row[window->group_slot].as.integer != window->group) {
        window->group = row[window->group_slot].as.integer;
        window->peer_begin = window->now;
        window->peer_end = window->now + 1;
    } else if (window->peer_end <= window->now) {
        window->peer_end = window->now + 1;
    }
    return VELO_OK;
}

/* Fill the batch with up to `wanted` rows. */
static velo_status
window_fill(vl_ctx *ctx, vl_window_stage *window, uint32_t wanted)
{
    if (window->tape.exec == NULL) {
        vl_tape_init(ctx, &window->tape, window->base.exec, window->tape_width);
        VL_TRY(window_begin_partition(ctx, window, 0));
    }
    while (window->is_partition && window->base.batch.chunk.count < wanted) {
        int found = 1;

        if (window->is_written) /* now, and not before: the row may never be asked for */
            VL_TRY(window_advance(ctx, window, &found));
        window->is_written = 0;
        if (!found)
            VL_TRY(window_begin_partition(ctx, window, window->end));
        if (window->is_partition)
            VL_TRY(window_write(ctx, window));
        window->is_written = window->is_partition;
    }
    return VELO_OK;
}

static velo_status
window_next(vl_ctx *ctx, vl_stage *stage, uint32_t wanted, const vl_chunk **out)
{
    vl_window_stage *window = (vl_window_stage *)stage;
    velo_status status;

    VL_TRY(vl_batch_begin(ctx, &stage->batch, stage->op->column_count, wanted));
    *out = &stage->batch.chunk;
    window->wanted = wanted;
    window->is_fruitless = 0;
    for (uint32_t i = 0; i < window->what->call_count; i++) {
        vl_window_work *work = &window->works[i];

        work->call = vl_call_make(ctx, stage->frame, work->what->func,
                                  (vl_collation)work->what->collation, &window->arena);
        work->call.state_arena = &work->state_arena;
        work->call.is_window = 1;
    }
    status = window_fill(ctx, window, wanted);
    if (status != VELO_OK && stage->batch.chunk.count > 0) {
        vl_stage_stash(ctx, stage, status);
        return VELO_OK;
    }
    return status;
}

static void
window_rewind(vl_stage *stage)
{
    vl_window_stage *window = (vl_window_stage *)stage;

    for (uint32_t i = 0; window->frames != NULL && i < window->what->frame_count; i++) {
        vl_tape_cursor_deinit(&window->tape, &window->frames[i].at_start);
        vl_tape_cursor_deinit(&window->tape, &window->frames[i].at_end);
    }
    for (uint32_t i = 0; window->works != NULL && i < window->what->call_count; i++)
        vl_window_work_rewind(window, &window->works[i]);
    vl_tape_cursor_deinit(&window->tape, &window->at_row);
    vl_tape_cursor_deinit(&window->tape, &window->at_peer);
    vl_tape_deinit(&window->tape);
    if (window->arena.allocator != NULL)
        vl_arena_reset(&window->arena);
    window->chunk = NULL;
    window->at = 0;
    window->asked = 0;
    window->is_input_done = 0;
    window->has_offsets = 0;
    window->is_partition = 0;
    window->is_written = 0;
    window->read_group = 0;
}

static void
window_close(vl_stage *stage)
{
    vl_window_stage *window = (vl_window_stage *)stage;

    window_rewind(stage);
    if (window->arena.allocator != NULL)
        vl_arena_deinit(&window->arena);
}

const vl_stage_class vl_window_class = {
    .size = sizeof(vl_window_stage),
    .open = window_open,
    .next = window_next,
    .rewind = window_rewind,
    .close = window_close,
};
