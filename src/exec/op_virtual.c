/* op_virtual.c - VIRTUAL_SCAN: rows of a virtual table, as its module gives them.
 *
 * Invariants
 *   VS1  The cursor is open from the first row that is asked for until the run ends; a scan that is
 *        rewound begins it anew.
 *   VS2  With arguments of several values the cursor is begun for each combination of them, the
 * last argument's values going round first. */
#include "exec/source.h"

#include "catalog/virtual.h"

#include <string.h>

typedef struct virtual_stage {
    vl_stage base;
    vl_virtual_cursor *cursor;
    vl_arena arena;                 /* arguments, until the scan is rewound */
    vl_virtual_argument *arguments; /* argument_count of them */
    vl_value **values;              /* of each its values; value_counts[i] of them */
    uint32_t *value_counts;
    uint32_t *value_at;  /* which of them is at work */
    vl_frame **programs; /* of each, of IN (SELECT ...) */
    vl_value *row;       /* room for one */
    int is_begun;
    int is_ended;
} virtual_stage;

static velo_status
virtual_open(vl_ctx *ctx, vl_stage *stage)
{
    virtual_stage *scan = (virtual_stage *)stage;
    uint32_t count = stage->op->as.virtual_scan.argument_count;

    vl_arena_init(&scan->arena, ctx->allocator, 0);
    scan->row =
        vl_arena_alloc_array(&stage->exec->arena, stage->op->column_count + 1U, sizeof *scan->row);
    scan->programs = vl_arena_alloc_array(&stage->exec->arena, count + 1U, sizeof *scan->programs);
    return scan->row == NULL || scan->programs == NULL
               ? vl_fail(ctx, VELO_NOMEM, "cannot allocate a row of a virtual table")
               : VELO_OK;
}

/* ---- arguments ---- */

/* Evaluate all arguments; *is_empty: one of them has no value. */
static velo_status
virtual_evaluate(vl_ctx *ctx, virtual_stage *scan, int *is_empty)
{
    const vl_op_virtual_scan *op = &scan->base.op->as.virtual_scan;
    uint32_t count = op->argument_count;

    *is_empty = 0;
    scan->arguments = vl_arena_alloc_array(&scan->arena, count + 1U, sizeof *scan->arguments);
    scan->values = vl_arena_alloc_array(&scan->arena, count + 1U, sizeof *scan->values);
    scan->value_counts = vl_arena_alloc_array(&scan->arena, count + 1U, sizeof *scan->value_counts);
    scan->value_at = vl_arena_alloc_array(&scan->arena, count + 1U, sizeof *scan->value_at);
    if (scan->arguments == NULL || scan->values == NULL || scan->value_counts == NULL ||
        scan->value_at == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate arguments of a virtual table");
    for (uint32_t i = 0; i < count; i++) {
        const vl_lookup *lookup = &op->arguments[i];

        VL_TRY(vl_lookup_values(ctx, &scan->base, lookup, &scan->programs[i], &scan->arena,
                                &scan->values[i], &scan->value_counts[i]));
        if (lookup->expr == NULL)
            scan->value_counts[i] =
                vl_lookup_sort(scan->values[i], scan->value_counts[i], 0, VL_COLLATE_BINARY);
        *is_empty |= scan->value_counts[i] == 0 && !op->takes_list[i];
    }
    return VELO_OK;
}

/* Begin the cursor with the values at work. */
static velo_status
virtual_filter(vl_ctx *ctx, virtual_stage *scan)
{
    const vl_op_virtual_scan *op = &scan->base.op->as.virtual_scan;
    const vl_virtual_class *class = op->table->instance->class;

    for (uint32_t i = 0; i < op->argument_count; i++) {
        vl_virtual_argument *argument = &scan->arguments[i];

        *argument = (vl_virtual_argument){.is_list = op->takes_list[i]};
        argument->value = vl_value_of_null();
        if (argument->is_list) {
            argument->list = scan->values[i];
            argument->list_count = scan->value_counts[i];
        } else {
            argument->value = scan->values[i][scan->value_at[i]];
        }
    }
    return class->filter(ctx, scan->cursor, op->number, op->text, scan->arguments,
                         op->argument_count);
}

static velo_status
virtual_begin(vl_ctx *ctx, virtual_stage *scan)
{
    const vl_op_virtual_scan *op = &scan->base.op->as.virtual_scan;
    int is_empty;

    if (scan->cursor == NULL)
        VL_TRY(op->table->instance->class->open(ctx, op->table->instance, &scan->cursor));
    VL_TRY(virtual_evaluate(ctx, scan, &is_empty));
    scan->is_ended = is_empty;
    vl_exec_charge(scan->base.exec, &scan->base.charged, scan->arena.held_bytes);
    return is_empty ? VELO_OK : virtual_filter(ctx, scan);
}

/* Go on with the next combination of values: *found 0: there is none. Keeps VS2. */
static velo_status
virtual_turn(vl_ctx *ctx, virtual_stage *scan, int *found)
{
    const vl_op_virtual_scan *op = &scan->base.op->as.virtual_scan;

    *found = 0;
    for (uint32_t i = op->argument_count; i-- > 0 && !*found;) {
        if (op->takes_list[i])
            continue;
        *found = ++scan->value_at[i] < scan->value_counts[i];
        if (!*found)
            scan->value_at[i] = 0;
    }
    return *found ? virtual_filter(ctx, scan) : VELO_OK;
}

/* ---- rows ---- */

static velo_status
virtual_read(vl_ctx *ctx, virtual_stage *scan)
{
    const vl_op *op = scan->base.op;
    const vl_op_virtual_scan *as = &op->as.virtual_scan;
    vl_batch *batch = &scan->base.batch;

    for (uint32_t i = 0; i < op->column_count; i++)
        VL_TRY(as->table->instance->class->column(ctx, scan->cursor, as->columns[i],
                                                  as->unchanged[i], &batch->arena, &scan->row[i]));
    vl_batch_append(batch, scan->row);
    return as->table->instance->class->next(ctx, scan->cursor);
}

/* Put the next rows into the batch, `wanted` at most. */
static velo_status
virtual_give(vl_ctx *ctx, virtual_stage *scan, uint32_t wanted)
{
    const vl_virtual_class *class = scan->base.op->as.virtual_scan.table->instance->class;
    const vl_batch *batch = &scan->base.batch;

    while (batch->chunk.count < wanted && !scan->is_ended) {
        int found = 1;

        if (!class->is_at_end(scan->cursor)) {
            VL_TRY(virtual_read(ctx, scan));
            continue;
        }
        VL_TRY(virtual_turn(ctx, scan, &found));
        scan->is_ended = !found;
    }
    return VELO_OK;
}

static velo_status
virtual_fill(vl_ctx *ctx, vl_stage *stage, uint32_t wanted)
{
    virtual_stage *scan = (virtual_stage *)stage;
    velo_status st = virtual_give(ctx, scan, wanted);

    if (st == VELO_OK)
        return VELO_OK;
    scan->is_ended = 1;
    return vl_scan_fail(ctx, stage, st);
}

static velo_status
virtual_next(vl_ctx *ctx, vl_stage *stage, uint32_t wanted, const vl_chunk **out)
{
    virtual_stage *scan = (virtual_stage *)stage;

    if (!scan->is_begun) {
        scan->is_begun = 1;
        VL_TRY(virtual_begin(ctx, scan));
    }
    return vl_scan_next(ctx, stage, &stage->op->as.virtual_scan.filter, wanted, virtual_fill, out);
}

static void
virtual_rewind(vl_stage *stage)
{
    virtual_stage *scan = (virtual_stage *)stage;

    if (stage->exec->is_ending && scan->cursor != NULL) { /* keeps VS1 */
        stage->op->as.virtual_scan.table->instance->class->close(scan->cursor);
        scan->cursor = NULL;
    }
    scan->is_begun = 0;
    scan->is_ended = 0;
    vl_arena_reset(&scan->arena);
    vl_exec_charge(stage->exec, &stage->charged, 0);
}

static void
virtual_close(vl_stage *stage)
{
    virtual_stage *scan = (virtual_stage *)stage;

    if (scan->cursor != NULL)
        stage->op->as.virtual_scan.table->instance->class->close(scan->cursor);
    scan->cursor = NULL;
    vl_arena_deinit(&scan->arena);
}

const vl_stage_class vl_virtual_scan_class = {
    .size = sizeof(virtual_stage),
    .open = virtual_open,
    .next = virtual_next,
    .rewind = virtual_rewind,
    .close = virtual_close,
};
