/* op_table.c - TABLE_SCAN: rows of a table by rowid, a range of them or single ones.
 *
 * Invariants
 *   TS1  No page is latched when `next` returns: the scan is paused at the row that comes next.
 *   TS2  Rows are copied out of the page; long values, which a page only names, are read after the
 *        page was let go. */
#include "exec/source.h"

#include "base/assert.h"
#include "vec/number.h"
#include "vec/value.h"

#include <math.h>
#include <string.h>

/* A long value of a row that was copied. */
typedef struct table_long {
    vl_leaf_value value;
    uint32_t column; /* of the batch */
    uint32_t row;    /* of the batch */
} table_long;

typedef struct table_stage {
    vl_stage base;
    vl_arena arena; /* of a run: what is looked up, columns */
    vl_fetch fetch;
    vl_row_scan scan;
    int is_started;
    int is_scanning;   /* `scan` has been begun */
    vl_frame *program; /* of IN (SELECT ...) */
    int64_t *rowids;   /* of single rows; NULL: a range */
    uint32_t rowid_count;
    uint32_t rowid_at;
    table_long *longs; /* of the chunk that is being made */
    uint32_t long_count;
    uint32_t long_room;
} table_stage;

static velo_status
table_open(vl_ctx *ctx, vl_stage *stage)
{
    vl_arena_init(&((table_stage *)stage)->arena, ctx->allocator, 0);
    return VELO_OK;
}

/* ---- what is looked up ---- */

/* A value that is compared with rowids, as a range of one end: *has is 0 when no rowid can be on
 * that side of it. */
static void
table_bound(const vl_value *value, int is_low, int is_excluded, int64_t *rowid, int *has)
{
    *has = 1;
    if (value->type == VL_TYPE_INTEGER) {
        *rowid = value->as.integer;
        if (!is_excluded)
            return;
        *has = *rowid != (is_low ? INT64_MAX : INT64_MIN);
        *rowid += *has ? (is_low ? 1 : -1) : 0;
        return;
    }
    if (value->type == VL_TYPE_REAL) {
        double real = value->as.real;
        double whole = is_low ? ceil(real) : floor(real);
        int64_t exact;

        if (vl_number_is_integer(real, &exact)) {
            vl_value integer = vl_value_of_integer(exact);

            table_bound(&integer, is_low, is_excluded, rowid, has);
            return;
        }
        if (whole >= 0x1p63 || whole < -0x1p63) {
            *has = is_low ? whole < 0 : whole > 0;
            *rowid = is_low ? INT64_MIN : INT64_MAX;
            return;
        }
        *rowid = (int64_t)whole;
        return;
    }
    *has = !is_low; /* texts and blobs are above all numbers */
    *rowid = INT64_MAX;
}

/* Evaluate what a rowid is compared with; *is_null: nothing is found. */
static velo_status
table_value(vl_ctx *ctx, table_stage *table, const vl_expr *expr, vl_value *value)
{
    vl_eval eval = vl_stage_eval(&table->base, &table->arena);

    VL_TRY(vl_eval_expr(ctx, &eval, expr, value));
    return vl_value_apply_comparison(ctx, &table->arena, VL_AFFINITY_INTEGER, value);
}

/* Take one end of the range; *is_empty is set when nothing can be in it. */
static velo_status
table_take_bound(vl_ctx *ctx, table_stage *table, const vl_bound *bound, int is_low, int64_t *rowid,
                 int *is_empty)
{
    vl_value value;
    int has;

    if (bound->expr == NULL)
        return VELO_OK;
    VL_TRY(table_value(ctx, table, bound->expr, &value));
    if (value.type == VL_TYPE_NULL) {
        *is_empty = 1;
        return VELO_OK;
    }
    table_bound(&value, is_low, bound->is_excluded, rowid, &has);
    *is_empty = *is_empty || !has;
    return VELO_OK;
}

/* Find the single rowids of `= x` or `IN (...)`, in the scan's direction, each once. */
static velo_status
table_find_rowids(vl_ctx *ctx, table_stage *table, const vl_lookup *key)
{
    int is_backward = table->base.op->as.table_scan.is_backward;
    vl_value *values;
    uint32_t count;
    uint32_t kept = 0;

    VL_TRY(
        vl_lookup_values(ctx, &table->base, key, &table->program, &table->arena, &values, &count));
    table->rowids = vl_arena_alloc_array(&table->arena, count + 1U, sizeof *table->rowids);
    if (table->rowids == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate %u rowids", (unsigned)count);
    for (uint32_t i = 0; i < count; i++) {
        int64_t rowid;

        VL_TRY(vl_value_apply_comparison(ctx, &table->arena, VL_AFFINITY_INTEGER, &values[i]));
        if (values[i].type == VL_TYPE_INTEGER)
            values[kept++] = values[i];
        else if (values[i].type == VL_TYPE_REAL && vl_number_is_integer(values[i].as.real, &rowid))
            values[kept++] = vl_value_of_integer(rowid);
    }
    table->rowid_count = vl_lookup_sort(values, kept, 0, VL_COLLATE_BINARY);
    for (uint32_t i = 0; i < table->rowid_count; i++)
        table->rowids[is_backward ? table->rowid_count - 1 - i : i] = values[i].as.integer;
    return VELO_OK;
}

static const vl_view *
table_view(const table_stage *table)
{
    const vl_source *source = table->base.exec->env.source;

    return &vl_source_of(source, table->base.op->as.table_scan.table).statement->view;
}

static velo_status
table_start(vl_ctx *ctx, table_stage *table)
{
    const vl_op_table_scan *op = &table->base.op->as.table_scan;
    const vl_source *source = table->base.exec->env.source;
    vl_rowid_range range = {INT64_MIN, INT64_MAX};
    int is_empty = 0;

    VL_TRY(vl_fetch_init(ctx, source, op->table, op->columns, table->base.op->column_count,
                         &table->arena, &table->fetch));
    if (op->key != NULL)
        return table_find_rowids(ctx, table, op->key);
    VL_TRY(table_take_bound(ctx, table, &op->low, 1, &range.first, &is_empty));
    VL_TRY(table_take_bound(ctx, table, &op->high, 0, &range.last, &is_empty));
    if (is_empty || range.first > range.last) {
        table->rowids = vl_arena_alloc_array(&table->arena, 1, sizeof *table->rowids);
        return table->rowids != NULL ? VELO_OK : vl_fail(ctx, VELO_NOMEM, "cannot allocate a scan");
    }
    vl_row_scan_begin(&table->scan, table->fetch.table, table_view(table), range, op->is_backward,
                      table->fetch.ids, table->fetch.is_packed ? 0 : table->fetch.id_count);
    table->is_scanning = 1;
    return VELO_OK;
}

/* ---- copying ---- */

/* Remember a long value to be read when the page has been let go. */
static velo_status
table_note_long(vl_ctx *ctx, table_stage *table, const vl_leaf_value *value, uint32_t column,
                uint32_t row)
{
    if (table->long_count == table->long_room) {
        uint32_t room = table->long_room == 0 ? 16 : table->long_room * 2;
        table_long *more = vl_arena_alloc_array(&table->base.batch.arena, room, sizeof *more);

        if (more == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate a list of long values");
        if (table->long_count > 0)
            memcpy(more, table->longs, table->long_count * sizeof *more);
        table->longs = more;
        table->long_room = room;
    }
    table->longs[table->long_count++] = (table_long){*value, column, row};
    return VELO_OK;
}

/* Copy row `index` of the latched leaf into the batch. */
static velo_status
table_copy_row(vl_ctx *ctx, table_stage *table, uint32_t index, uint32_t row)
{
    vl_batch *batch = &table->base.batch;

    for (uint32_t i = 0; i < table->fetch.count; i++) {
        vl_value *to = &batch->columns[i][row];
        vl_leaf_value value;

        if (table->fetch.places[i] == VL_FETCH_ROWID) {
            *to = vl_value_of_integer(vl_row_scan_rowid(&table->scan, index));
            continue;
        }
        vl_row_scan_get(&table->scan, index, (uint32_t)table->fetch.places[i], &value);
        *to = value.value;
        if (to->type != VL_TYPE_TEXT && to->type != VL_TYPE_BLOB)
            continue;
        if (value.overflow != 0) {
            VL_TRY(table_note_long(ctx, table, &value, i, row));
            continue;
        }
        to->as.data = vl_arena_copy(&batch->arena, value.value.as.data, value.value.size);
        if (to->as.data == NULL && to->size > 0)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate %u bytes for a value",
                           (unsigned)to->size);
    }
    return VELO_OK;
}

/* Read the long values of the batch. Nothing is latched. */
static velo_status
table_read_longs(vl_ctx *ctx, table_stage *table)
{
    vl_batch *batch = &table->base.batch;

    for (uint32_t i = 0; i < table->long_count; i++) {
        const table_long *from = &table->longs[i];
        uint32_t size = from->value.value.size;
        void *data = vl_arena_alloc(&batch->arena, size);

        if (data == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate %u bytes for a value", (unsigned)size);
        VL_TRY(vl_rows_read_long(ctx, table->fetch.table, &from->value, 0, size, data));
        batch->columns[from->column][from->row].as.data = data;
    }
    return VELO_OK;
}

/* Fill the batch from a range of rows that are packed: first their rowids, then each by itself. */
static velo_status
table_fill_packed(vl_ctx *ctx, table_stage *table, uint32_t wanted)
{
    const vl_view *view = table_view(table);
    vl_batch *batch = &table->base.batch;
    int64_t *rowids = vl_arena_alloc_array(&batch->arena, wanted, sizeof *rowids);
    uint32_t count = 0, read = 0;
    int found;

    if (rowids == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate %u rowids", (unsigned)wanted);
    while (count < wanted && table->is_scanning) {
        uint32_t index = 0;

        VL_TRY(vl_row_scan_next(ctx, &table->scan));
        if (table->scan.leaf == NULL) {
            vl_row_scan_end(&table->scan);
            table->is_scanning = 0;
            break;
        }
        for (; index < table->scan.row_count && count < wanted; index++)
            rowids[count++] = vl_row_scan_rowid(&table->scan, index);
        vl_row_scan_pause(&table->scan, index); /* keeps TS1 */
    }
    for (uint32_t i = 0; i < count; i++) {
        VL_TRY(vl_fetch_row(ctx, &table->fetch, view, rowids[i], batch, read, &found));
        read += (uint32_t)found;
    }
    batch->chunk.count = batch->chunk.row_count = read;
    return VELO_OK;
}

/* Fill the batch from the range, across leaves. */
static velo_status
table_fill_range(vl_ctx *ctx, table_stage *table, uint32_t wanted)
{
    vl_batch *batch = &table->base.batch;
    uint32_t count = 0;

    while (count < wanted && table->is_scanning) {
        uint32_t index = 0;
        velo_status st;

        VL_TRY(vl_row_scan_next(ctx, &table->scan));
        if (table->scan.leaf == NULL) {
            vl_row_scan_end(&table->scan);
            table->is_scanning = 0;
            break;
        }
        for (; index < table->scan.row_count && count < wanted; index++, count++) {
            st = table_copy_row(ctx, table, index, count);
            if (st != VELO_OK) {
                vl_row_scan_pause(&table->scan, index);
                return st;
            }
        }
        vl_row_scan_pause(&table->scan, index); /* keeps TS1 */
    }
    batch->chunk.count = batch->chunk.row_count = count;
    return table_read_longs(ctx, table);
}

/* Fill the batch with single rows. */
static velo_status
table_fill_rowids(vl_ctx *ctx, table_stage *table, uint32_t wanted)
{
    const vl_view *view = table_view(table);
    vl_batch *batch = &table->base.batch;
    uint32_t count = 0;

    while (count < wanted && table->rowid_at < table->rowid_count) {
        int found;

        VL_TRY(vl_fetch_row(ctx, &table->fetch, view, table->rowids[table->rowid_at++], batch,
                            count, &found));
        count += (uint32_t)found;
    }
    batch->chunk.count = batch->chunk.row_count = count;
    return VELO_OK;
}

static velo_status
table_next(vl_ctx *ctx, vl_stage *stage, uint32_t wanted, const vl_chunk **out)
{
    table_stage *table = (table_stage *)stage;
    vl_batch *batch = &stage->batch;

    if (!table->is_started) {
        table->is_started = 1;
        VL_TRY(table_start(ctx, table));
    }
    *out = &batch->chunk;
    for (;;) {
        uint32_t seen;

        VL_TRY(vl_batch_begin(ctx, batch, stage->op->column_count, wanted));
        table->long_count = table->long_room = 0;
        if (table->rowids != NULL)
            VL_TRY(table_fill_rowids(ctx, table, wanted));
        else
            VL_TRY(table->fetch.is_packed ? table_fill_packed(ctx, table, wanted)
                                          : table_fill_range(ctx, table, wanted));
        seen = batch->chunk.count;
        if (seen == 0)
            return VELO_OK;
        VL_TRY(vl_exec_poll(ctx, stage->exec, seen));
        VL_TRY(vl_scan_filter(ctx, stage, &stage->op->as.table_scan.filter));
        if (batch->chunk.count > 0 || stage->pending != VELO_OK)
            return VELO_OK;
    }
}

static void
table_rewind(vl_stage *stage)
{
    table_stage *table = (table_stage *)stage;

    if (table->is_scanning)
        vl_row_scan_end(&table->scan);
    table->is_scanning = 0;
    table->is_started = 0;
    table->rowids = NULL;
    table->rowid_count = table->rowid_at = 0;
    vl_arena_reset(&table->arena);
}

static void
table_close(vl_stage *stage)
{
    table_rewind(stage);
    vl_arena_deinit(&((table_stage *)stage)->arena);
}

const vl_stage_class vl_table_scan_class = {
    .size = sizeof(table_stage),
    .open = table_open,
    .next = table_next,
    .rewind = table_rewind,
    .close = table_close,
};
