/* op_program.c - programs as sources of rows: PROGRAM_SCAN, RECURSE, QUEUE_SCAN.
 *
 * A program that several scans share has a spool: its rows are kept, and the program goes on only
 * when a scan has come to the end of them. So a scan that is not read to its end does not run the
 * program to its end. When memory is short, all of a spool goes to a file, which each scan reads
 * by itself.
 *
 * RECURSE takes a row from its queue, yields it, and runs the program for it when the next row is
 * asked for. Without an order the queue is two lists: one is consumed while the other grows; then
 * they change places, and the memory of the first is used again.
 *
 * Invariants
 *   P1  Rows of a spool are in the program's order, all in memory or all in the file.
 *   P2  The row that the program runs for stays in the queue's memory until it has ended. */
#include "exec/exec_int.h"
#include "exec/sorter.h"
#include "exec/spill.h"

#include "base/assert.h"
#include "vec/value.h"

/* ---- lists of rows ---- */

/* Rows in an arena. All zeros but the arena: none. */
typedef struct program_rows {
    vl_value **rows;
    size_t count;
    size_t capacity;
    vl_arena arena;
} program_rows;

static velo_status
program_keep(vl_ctx *ctx, program_rows *rows, const vl_value *row, uint32_t width)
{
    if (rows->count == rows->capacity) {
        size_t capacity = rows->capacity == 0 ? VL_BY_BUILD(16, 2) : 2 * rows->capacity;
        vl_value **list = vl_realloc(ctx, rows->rows, capacity * sizeof(vl_value *));

        if (list == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot keep %zu rows", capacity);
        rows->rows = list;
        rows->capacity = capacity;
    }
    rows->rows[rows->count] = vl_row_copy(ctx, &rows->arena, row, width);
    if (rows->rows[rows->count] == NULL)
        return VELO_NOMEM;
    rows->count++;
    return VELO_OK;
}

static uint64_t
program_bytes(const program_rows *rows)
{
    return rows->arena.held_bytes + rows->capacity * sizeof(vl_value *);
}

static void
program_forget(program_rows *rows)
{
    vl_free(rows->rows);
    rows->rows = NULL;
    rows->count = 0;
    rows->capacity = 0;
    if (rows->arena.allocator != NULL)
        vl_arena_deinit(&rows->arena);
}

/* ---- spools ---- */

/* Programs with less in memory are not written to a file: others hold the memory. */
#define SPOOL_FILE_MIN VL_BY_BUILD(65536U, 512U)

struct vl_spool {
    vl_frame *frame;   /* that runs the program */
    program_rows rows; /* so far, unless they are in the file */
    vl_spill spill;    /* the file */
    int is_in_file;    /* all rows are in the file */
    vl_value *row;     /* room for one */
    int is_begun;      /* the program was started */
    int is_complete;   /* it has ended */
    uint64_t charged;  /* bytes */
};

static velo_status
spool_get(vl_ctx *ctx, vl_stage *stage, vl_spool **out)
{
    vl_exec *exec = stage->exec;
    vl_spool **place = &exec->spools[stage->op->as.program_scan.program];
    vl_spool *spool = *place;

    if (spool == NULL) {
        spool = vl_arena_alloc_array(&exec->arena, 1, sizeof *spool);
        if (spool == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot keep the rows of a program");
        vl_arena_init(&spool->rows.arena, ctx->allocator, 0);
        *place = spool;
    }
    *out = spool;
    if (spool->frame == NULL)
        VL_TRY(vl_frame_create(ctx, exec, NULL, stage->op->as.program_scan.program, &spool->frame));
    if (spool->row == NULL)
        spool->row =
            vl_arena_alloc_array(&exec->arena, stage->op->column_count + 1U, sizeof(vl_value));
    return spool->row == NULL ? vl_fail(ctx, VELO_NOMEM, "cannot keep the rows of a program")
                              : VELO_OK;
}

/* Write the rows so far to the file. */
static velo_status
spool_write(vl_ctx *ctx, vl_spool *spool)
{
    uint32_t width = spool->frame->program->root->column_count;

    spool->spill.exec = spool->frame->exec;
    for (size_t i = 0; i < spool->rows.count; i++)
        VL_TRY(vl_spill_write(ctx, &spool->spill, spool->rows.rows[i], width));
    spool->is_in_file = 1;
    program_forget(&spool->rows);
    return VELO_OK;
}

/* Keep the rows of a chunk. */
static velo_status
spool_keep(vl_ctx *ctx, vl_spool *spool, const vl_chunk *in)
{
    for (uint32_t n = 0; n < in->count; n++) {
        vl_chunk_read(in, n, spool->row);
        if (spool->is_in_file)
            VL_TRY(vl_spill_write(ctx, &spool->spill, spool->row, in->column_count));
        else
            VL_TRY(program_keep(ctx, &spool->rows, spool->row, in->column_count));
    }
    vl_exec_charge(spool->frame->exec, &spool->charged, program_bytes(&spool->rows));
    if (!spool->is_in_file && spool->charged >= SPOOL_FILE_MIN &&
        vl_exec_is_over(spool->frame->exec)) {
        VL_TRY(spool_write(ctx, spool));
        vl_exec_charge(spool->frame->exec, &spool->charged, 0);
    }
    return spool->is_in_file ? vl_spill_flush(ctx, &spool->spill) : VELO_OK;
}

/* Let the program go on for up to `wanted` rows. Keeps P1. */
static velo_status
spool_fill(vl_ctx *ctx, vl_spool *spool, uint32_t wanted)
{
    const vl_chunk *in;

    if (!spool->is_begun) {
        VL_TRY(vl_frame_start(ctx, spool->frame, NULL, NULL, 0));
        spool->is_begun = 1;
    }
    VL_TRY(vl_stage_next(ctx, spool->frame->root, wanted, &in));
    spool->is_complete = in->count == 0;
    return spool_keep(ctx, spool, in);
}

void
vl_spools_reset(vl_exec *exec)
{
    for (uint32_t i = 0; exec->spools != NULL && i < exec->plan->program_count; i++) {
        vl_spool *spool = exec->spools[i];

        if (spool == NULL)
            continue;
        program_forget(&spool->rows);
        vl_spill_deinit(&spool->spill);
        vl_exec_charge(exec, &spool->charged, 0);
        spool->is_in_file = 0;
        spool->is_begun = 0;
        spool->is_complete = 0;
    }
}

/* ---- PROGRAM_SCAN ---- */

typedef struct scan_stage {
    vl_stage base;
    vl_frame *frame;        /* that runs the program, when it is not shared; NULL: not made yet */
    vl_spool *spool;        /* when it is */
    size_t at;              /* the next row of the spool */
    vl_spill_reader reader; /* of it in the file, when the spool is there */
    vl_value *row;          /* read from the file */
    int is_begun;           /* the program was started */
    vl_arena arena;         /* of the arguments */
} scan_stage;

static velo_status
program_scan_open(vl_ctx *ctx, vl_stage *stage)
{
    vl_arena_init(&((scan_stage *)stage)->arena, ctx->allocator, 0);
    return VELO_OK;
}

/* The spool has gone to the file: pass over the rows that were given from memory. */
static velo_status
program_scan_begin_file(vl_ctx *ctx, scan_stage *scan)
{
    uint32_t width = scan->base.op->column_count;
    int found;

    if (scan->row == NULL)
        scan->row = vl_arena_alloc_array(&scan->base.exec->arena, width + 1U, sizeof *scan->row);
    if (scan->row == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row of %u columns", width);
    scan->reader.spill = &scan->spool->spill;
    scan->reader.end = scan->spool->spill.size;
    for (size_t i = 0; i < scan->at; i++)
        VL_TRY(vl_spill_read(ctx, &scan->reader, width, scan->row, &found));
    return VELO_OK;
}

/* Append rows that the spool has. Their texts are copied: another scan may send them to the file
 * while these are under way. */
static velo_status
program_scan_give(vl_ctx *ctx, scan_stage *scan, uint32_t wanted)
{
    vl_batch *batch = &scan->base.batch;
    int found = 1;

    while (!scan->spool->is_in_file && scan->at < scan->spool->rows.count &&
           batch->chunk.count < wanted)
        VL_TRY(vl_batch_append_copy(ctx, batch, scan->spool->rows.rows[scan->at++]));
    if (!scan->spool->is_in_file)
        return VELO_OK;
    if (scan->reader.spill == NULL)
        VL_TRY(program_scan_begin_file(ctx, scan));
    scan->reader.end = scan->spool->spill.size;
    while (batch->chunk.count < wanted) {
        VL_TRY(vl_spill_read(ctx, &scan->reader, scan->base.op->column_count, scan->row, &found));
        if (!found)
            return VELO_OK;
        scan->at++;
        VL_TRY(vl_batch_append_copy(ctx, batch, scan->row));
    }
    return VELO_OK;
}

static velo_status
program_scan_shared(vl_ctx *ctx, scan_stage *scan, uint32_t wanted)
{
    vl_batch *batch = &scan->base.batch;

    if (scan->spool == NULL)
        VL_TRY(spool_get(ctx, &scan->base, &scan->spool));
    VL_TRY(vl_batch_begin(ctx, batch, scan->base.op->column_count, wanted));
    VL_TRY(program_scan_give(ctx, scan, wanted));
    if (batch->chunk.count > 0 || scan->spool->is_complete)
        return VELO_OK;
    VL_TRY(spool_fill(ctx, scan->spool, wanted));
    return program_scan_give(ctx, scan, wanted);
}

static velo_status
program_scan_next(vl_ctx *ctx, vl_stage *stage, uint32_t wanted, const vl_chunk **out)
{
    const vl_op_program_scan *op = &stage->op->as.program_scan;
    scan_stage *scan = (scan_stage *)stage;
    vl_eval eval = vl_stage_eval(stage, &scan->arena);

    if (op->is_shared) {
        *out = &stage->batch.chunk;
        return program_scan_shared(ctx, scan, wanted);
    }
    if (scan->frame == NULL)
        VL_TRY(vl_frame_create(ctx, stage->exec, stage->frame, op->program, &scan->frame));
    if (!scan->is_begun) {
        vl_arena_reset(&scan->arena);
        VL_TRY(vl_frame_start(ctx, scan->frame, &eval, op->arguments.list, op->arguments.count));
        scan->is_begun = 1;
    }
    return vl_stage_next(ctx, scan->frame->root, wanted, out);
}

static void
program_scan_rewind(vl_stage *stage)
{
    scan_stage *scan = (scan_stage *)stage;

    if (scan->frame != NULL)
        vl_frame_rewind(scan->frame);
    vl_spill_reader_deinit(&scan->reader);
    scan->at = 0;
    scan->is_begun = 0;
}

static void
program_scan_close(vl_stage *stage)
{
    vl_spill_reader_deinit(&((scan_stage *)stage)->reader);
    vl_arena_deinit(&((scan_stage *)stage)->arena);
}

const vl_stage_class vl_program_scan_class = {
    .size = sizeof(scan_stage),
    .open = program_scan_open,
    .next = program_scan_next,
    .rewind = program_scan_rewind,
    .close = program_scan_close,
};

/* ---- QUEUE_SCAN ---- */

typedef struct queue_stage {
    vl_stage base;
    int is_given; /* the row was given */
} queue_stage;

static velo_status
queue_next(vl_ctx *ctx, vl_stage *stage, uint32_t wanted, const vl_chunk **out)
{
    queue_stage *queue = (queue_stage *)stage;
    const vl_frame *frame = stage->frame;

    (void)wanted;
    while (frame != NULL && frame->queue_row == NULL)
        frame = frame->parent;
    VL_TRY(vl_batch_begin(ctx, &stage->batch, stage->op->column_count, 1));
    *out = &stage->batch.chunk;
    if (frame == NULL)
        return vl_fail(ctx, VELO_INTERNAL, "a queue is read outside of its recursion");
    if (!queue->is_given)
        vl_batch_append(&stage->batch, frame->queue_row);
    queue->is_given = 1;
    return VELO_OK;
}

static void
queue_rewind(vl_stage *stage)
{
    ((queue_stage *)stage)->is_given = 0;
}

const vl_stage_class vl_queue_scan_class = {
    .size = sizeof(queue_stage),
    .next = queue_next,
    .rewind = queue_rewind,
};

/* ---- RECURSE ---- */

typedef struct recurse_stage {
    vl_stage base;
    const vl_op_recurse *what;
    vl_frame *frame;      /* of the program; NULL: not made yet */
    uint32_t width;       /* columns */
    vl_value *row;        /* a row, then its order keys, then its number */
    vl_sorter_key *keys;  /* of the order, then of the number */
    program_rows queue;   /* rows to be taken: without an order in turn, else a heap */
    size_t at;            /* without an order: the next one to take */
    program_rows growing; /* without an order: rows behind them */
    vl_row_table seen;    /* UNION: all rows so far */
    vl_arena seen_arena;  /* of them */
    vl_value *taken;      /* the row for which the program is to be run; NULL: none */
    uint64_t number;      /* rows so far */
    uint64_t dead;        /* with an order: rows taken whose memory is still held */
    uint64_t left;        /* rows that may still be yielded */
    uint64_t skipped;     /* rows that are still to be left out */
    int is_begun;         /* the first rows were read */
    vl_arena arena;       /* of what evaluating makes; emptied for each row */
} recurse_stage;

static velo_status
recurse_open(vl_ctx *ctx, vl_stage *stage)
{
    recurse_stage *recurse = (recurse_stage *)stage;
    const vl_op_recurse *what = &stage->op->as.recurse;
    vl_arena *arena = &stage->exec->arena;

    recurse->what = what;
    recurse->width = stage->op->column_count;
    vl_arena_init(&recurse->arena, ctx->allocator, 0);
    vl_arena_init(&recurse->seen_arena, ctx->allocator, 0);
    vl_arena_init(&recurse->queue.arena, ctx->allocator, 0);
    vl_arena_init(&recurse->growing.arena, ctx->allocator, 0);
    recurse->row =
        vl_arena_alloc_array(arena, recurse->width + what->order_count + 1U, sizeof(vl_value));
    recurse->keys = vl_arena_alloc_array(arena, what->order_count + 1U, sizeof(vl_sorter_key));
    if (recurse->row == NULL || recurse->keys == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a recursion");
    for (uint32_t i = 0; i < what->order_count; i++)
        recurse->keys[i] = (vl_sorter_key){.index = recurse->width + i,
                                           .collation = what->order[i].collation,
                                           .is_descending = what->order[i].is_descending,
                                           .nulls_last = what->order[i].nulls_last};
    recurse->keys[what->order_count].index = recurse->width + what->order_count;
    return VELO_OK;
}

/* ---- the queue ---- */

static int
recurse_compare(const recurse_stage *recurse, size_t left, size_t right)
{
    return vl_sorter_compare(recurse->keys, recurse->what->order_count + 1,
                             recurse->queue.rows[left], recurse->queue.rows[right]);
}

static void
recurse_swap(recurse_stage *recurse, size_t left, size_t right)
{
    vl_value *row = recurse->queue.rows[left];

    recurse->queue.rows[left] = recurse->queue.rows[right];
    recurse->queue.rows[right] = row;
}

static void
recurse_sift_up(recurse_stage *recurse, size_t at)
{
    for (; at > 0 && recurse_compare(recurse, at, (at - 1) / 2) < 0; at = (at - 1) / 2)
        recurse_swap(recurse, at, (at - 1) / 2);
}

static void
recurse_sift_down(recurse_stage *recurse)
{
    size_t at = 0;

    for (;;) {
        size_t kid = 2 * at + 1;

        if (kid + 1 < recurse->queue.count && recurse_compare(recurse, kid + 1, kid) < 0)
            kid++;
        if (kid >= recurse->queue.count || recurse_compare(recurse, at, kid) <= 0)
            return;
        recurse_swap(recurse, at, kid);
        at = kid;
    }
}

/* Copy the rows of the heap to fresh memory, once more than half of it is of rows taken. */
static velo_status
recurse_compact(vl_ctx *ctx, recurse_stage *recurse)
{
    uint32_t width = recurse->width + recurse->what->order_count + 1;
    program_rows *queue = &recurse->queue;
    vl_arena old = queue->arena;
    velo_status status = VELO_OK;

    if (recurse->dead < VL_BY_BUILD(1024U, 4U) || recurse->dead < queue->count)
        return VELO_OK;
    vl_arena_init(&queue->arena, ctx->allocator, 0);
    for (size_t i = 0; i < queue->count && status == VELO_OK; i++) {
        queue->rows[i] = vl_row_copy(ctx, &queue->arena, queue->rows[i], width);
        if (queue->rows[i] == NULL)
            status = VELO_NOMEM;
    }
    vl_arena_deinit(&old);
    recurse->dead = 0;
    return status;
}

/* Put recurse->row into the queue, unless UNION has seen it. */
static velo_status
recurse_put(vl_ctx *ctx, recurse_stage *recurse)
{
    const vl_op_recurse *what = recurse->what;
    vl_eval eval = vl_stage_eval(&recurse->base, &recurse->arena);
    program_rows *to = what->order_count > 0 ? &recurse->queue : &recurse->growing;
    vl_row_node *node;
    int is_new = 1;

    if (what->is_union)
        VL_TRY(vl_row_table_enter(ctx, &recurse->seen, &recurse->seen_arena, recurse->row,
                                  recurse->width, what->collations, 0, &node, &is_new));
    if (!is_new)
        return VELO_OK;
    eval.row = recurse->row;
    for (uint32_t i = 0; i < what->order_count; i++)
        VL_TRY(vl_eval_expr(ctx, &eval, what->order[i].expr, &recurse->row[recurse->width + i]));
    recurse->row[recurse->width + what->order_count] =
        vl_value_of_integer((int64_t)recurse->number++);
    VL_TRY(program_keep(ctx, to, recurse->row, recurse->width + what->order_count + 1));
    if (what->order_count > 0)
        recurse_sift_up(recurse, recurse->queue.count - 1);
    vl_exec_charge(recurse->base.exec, &recurse->base.charged,
                   program_bytes(&recurse->queue) + program_bytes(&recurse->growing) +
                       recurse->seen_arena.held_bytes + vl_row_table_bytes(&recurse->seen));
    return VELO_OK;
}

/* Take the next row from the queue; recurse->taken is NULL when there is none. Keeps P2: memory is
 * used again only when the program of the row before has ended. */
static velo_status
recurse_take(vl_ctx *ctx, recurse_stage *recurse)
{
    program_rows *queue = &recurse->queue;

    recurse->taken = NULL;
    if (recurse->what->order_count > 0) {
        VL_TRY(recurse_compact(ctx, recurse));
        if (queue->count == 0)
            return VELO_OK;
        recurse->taken = queue->rows[0];
        recurse->dead++;
        queue->rows[0] = queue->rows[--queue->count];
        recurse_sift_down(recurse);
        return VELO_OK;
    }
    if (recurse->at == queue->count) {
        program_rows consumed = *queue;

        *queue = recurse->growing;
        recurse->growing = consumed;
        recurse->growing.count = 0;
        vl_arena_reset(&recurse->growing.arena);
        recurse->at = 0;
    }
    if (recurse->at < queue->count)
        recurse->taken = queue->rows[recurse->at++];
    return VELO_OK;
}

/* ---- running ---- */

/* Put all rows of a stage into the queue. */
static velo_status
recurse_read(vl_ctx *ctx, recurse_stage *recurse, vl_stage *from)
{
    const vl_chunk *in;

    for (;;) {
        VL_TRY(vl_stage_next(ctx, from, VL_CHUNK_ROWS, &in));
        if (in->count == 0)
            return VELO_OK;
        for (uint32_t n = 0; n < in->count; n++) {
            vl_chunk_read(in, n, recurse->row);
            VL_TRY(recurse_put(ctx, recurse));
        }
    }
}

static velo_status
recurse_begin(vl_ctx *ctx, recurse_stage *recurse)
{
    const vl_op_recurse *what = recurse->what;
    int64_t number = -1;

    recurse->left = UINT64_MAX;
    recurse->skipped = 0;
    if (what->limit != NULL)
        VL_TRY(vl_stage_number(ctx, &recurse->base, what->limit, &number));
    if (number >= 0)
        recurse->left = (uint64_t)number;
    number = 0;
    if (what->offset != NULL)
        VL_TRY(vl_stage_number(ctx, &recurse->base, what->offset, &number));
    if (number > 0)
        recurse->skipped = (uint64_t)number;
    recurse->is_begun = 1;
    if (recurse->left == 0)
        return VELO_OK;
    if (recurse->frame == NULL)
        VL_TRY(vl_frame_create(ctx, recurse->base.exec, recurse->base.frame, what->program,
                               &recurse->frame));
    return recurse_read(ctx, recurse, recurse->base.children[0]);
}

/* Run the program for the row that was taken. */
static velo_status
recurse_expand(vl_ctx *ctx, recurse_stage *recurse)
{
    const vl_exprs *arguments = &recurse->what->arguments;
    vl_eval eval = vl_stage_eval(&recurse->base, &recurse->arena);

    vl_arena_reset(&recurse->arena);
    recurse->frame->queue_row = recurse->taken;
    VL_TRY(vl_frame_start(ctx, recurse->frame, &eval, arguments->list, arguments->count));
    return recurse_read(ctx, recurse, recurse->frame->root);
}

/* Yield the next row; *more is 0 when there is none. */
static velo_status
recurse_advance(vl_ctx *ctx, recurse_stage *recurse, int *more)
{
    if (recurse->taken != NULL)
        VL_TRY(recurse_expand(ctx, recurse));
    VL_TRY(recurse_take(ctx, recurse));
    *more = recurse->taken != NULL;
    if (recurse->taken == NULL)
        return VELO_OK;
    if (recurse->skipped > 0) {
        recurse->skipped--;
        return VELO_OK;
    }
    recurse->left--;
    return vl_batch_append_copy(ctx, &recurse->base.batch, recurse->taken);
}

static velo_status
recurse_next(vl_ctx *ctx, vl_stage *stage, uint32_t wanted, const vl_chunk **out)
{
    recurse_stage *recurse = (recurse_stage *)stage;
    velo_status status = VELO_OK;
    int more = 1;

    VL_TRY(vl_batch_begin(ctx, &stage->batch, stage->op->column_count, wanted));
    *out = &stage->batch.chunk;
    if (!recurse->is_begun)
        VL_TRY(recurse_begin(ctx, recurse));
    while (status == VELO_OK && more && recurse->left > 0 && stage->batch.chunk.count < wanted)
        status = recurse_advance(ctx, recurse, &more);
    if (status != VELO_OK && stage->batch.chunk.count > 0) {
        vl_stage_stash(ctx, stage, status);
        return VELO_OK;
    }
    return status;
}

static void
recurse_rewind(vl_stage *stage)
{
    recurse_stage *recurse = (recurse_stage *)stage;

    if (recurse->frame != NULL) {
        vl_frame_rewind(recurse->frame);
        recurse->frame->queue_row = NULL;
    }
    program_forget(&recurse->queue);
    program_forget(&recurse->growing);
    vl_row_table_deinit(&recurse->seen);
    vl_arena_deinit(&recurse->seen_arena);
    vl_arena_deinit(&recurse->arena);
    recurse->at = 0;
    recurse->taken = NULL;
    recurse->number = 0;
    recurse->dead = 0;
    recurse->is_begun = 0;
    vl_exec_charge(stage->exec, &stage->charged, 0);
}

const vl_stage_class vl_recurse_class = {
    .size = sizeof(recurse_stage),
    .open = recurse_open,
    .next = recurse_next,
    .rewind = recurse_rewind,
    .close = recurse_rewind,
};
