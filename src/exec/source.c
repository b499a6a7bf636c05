/* source.c - reading the columns that a plan asks for, and the values that it looks up.
 *
 * Invariants
 *   SO1  A fetch's ids rise, and each of its places is that of an id or VL_FETCH_ROWID.
 *   SO2  What is read into a batch lives as long as its chunk: in the batch's arena. */
#include "exec/source.h"

#include "base/assert.h"
#include "exec/packed.h"

#include <string.h>

/* The stored column of a position in the table, VL_FETCH_ROWID for the rowid. */
static velo_status
fetch_column(vl_ctx *ctx, const vl_table_def *def, int32_t column, int64_t *id)
{
    *id = VL_FETCH_ROWID;
    if (column == VL_COLUMN_ROWID || column == def->rowid_column)
        return VELO_OK;
    *id = def->columns[column].id;
    if (*id == 0)
        return vl_fail(ctx, VELO_ERROR, "reading the VIRTUAL column %s.%s is not supported yet",
                       def->object.name, def->columns[column].name);
    return VELO_OK;
}

/* Put an id into the rising list, once. */
static void
fetch_add_id(vl_fetch *fetch, uint32_t id)
{
    uint32_t at = 0;

    while (at < fetch->id_count && fetch->ids[at] < id)
        at++;
    if (at < fetch->id_count && fetch->ids[at] == id)
        return;
    memmove(fetch->ids + at + 1, fetch->ids + at, (fetch->id_count - at) * sizeof *fetch->ids);
    fetch->ids[at] = id;
    fetch->id_count++;
}

static int32_t
fetch_place(const vl_fetch *fetch, int64_t id)
{
    int32_t at = 0;

    if (id == VL_FETCH_ROWID)
        return VL_FETCH_ROWID;
    while (fetch->ids[at] != (uint32_t)id)
        at++;
    return at;
}

velo_status
vl_fetch_init(vl_ctx *ctx, const vl_source *source, const vl_table_def *def, const int32_t *columns,
              uint32_t count, vl_arena *arena, vl_fetch *fetch)
{
    int64_t id;

    memset(fetch, 0, sizeof *fetch);
    fetch->count = count;
    fetch->ids = vl_arena_alloc_array(arena, count + 1U, sizeof *fetch->ids);
    fetch->places = vl_arena_alloc_array(arena, count + 1U, sizeof *fetch->places);
    fetch->values = vl_arena_alloc_array(arena, count + 1U, sizeof *fetch->values);
    if (fetch->ids == NULL || fetch->places == NULL || fetch->values == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a scan of %u columns", (unsigned)count);
    for (uint32_t i = 0; i < count; i++) {
        VL_TRY(fetch_column(ctx, def, columns[i], &id));
        if (id != VL_FETCH_ROWID)
            fetch_add_id(fetch, (uint32_t)id);
    }
    for (uint32_t i = 0; i < count; i++) {
        VL_TRY(fetch_column(ctx, def, columns[i], &id));
        fetch->places[i] = fetch_place(fetch, id);
    }
    fetch->def = def;
    return vl_fetch_open(ctx, source, fetch);
}

velo_status
vl_fetch_open(vl_ctx *ctx, const vl_source *source, vl_fetch *fetch)
{
    const vl_table_def *def = fetch->def;

    VL_TRY(vl_rows_open(ctx, vl_source_of(source, def).store, def->object.tree, &fetch->table));
    fetch->is_packed = vl_packed_is(fetch->table);
    return VELO_OK;
}

/* Read the stored columns of a row. */
static velo_status
fetch_read(vl_ctx *ctx, const vl_fetch *fetch, const vl_view *view, int64_t rowid, vl_arena *arena,
           int *found)
{
    static const uint32_t packed_id = VL_PACKED_ID;
    vl_value packed;

    if (!fetch->is_packed || fetch->id_count == 0)
        return vl_rows_read(ctx, fetch->table, view, rowid, fetch->ids, fetch->id_count, arena,
                            fetch->values, found);
    VL_TRY(vl_rows_read(ctx, fetch->table, view, rowid, &packed_id, 1, arena, &packed, found));
    return *found ? vl_packed_get(ctx, &packed, fetch->ids, fetch->id_count, fetch->values)
                  : VELO_OK;
}

velo_status
vl_fetch_row(vl_ctx *ctx, vl_fetch *fetch, const vl_view *view, int64_t rowid, vl_batch *batch,
             uint32_t at, int *found)
{
    VL_TRY(fetch_read(ctx, fetch, view, rowid, &batch->arena, found));
    if (!*found)
        return VELO_OK;
    for (uint32_t i = 0; i < fetch->count; i++) {
        vl_value *to = &batch->columns[i][at];

        if (fetch->places[i] == VL_FETCH_ROWID)
            *to = (vl_value){.type = VL_TYPE_INTEGER, .as.integer = rowid};
        else
            *to = fetch->values[fetch->places[i]];
    }
    return VELO_OK;
}

/* Rowids that are visited with one latching of their leaf. */
#define VISIT_PART VL_BY_BUILD(256U, 3U)

velo_status
vl_visit_rowids(vl_ctx *ctx, vl_exec *exec, vl_txn_table *table, const vl_view *view,
                vl_rowid_visit *visit, void *argument)
{
    int64_t rowids[VISIT_PART];
    vl_row_scan scan;
    velo_status st;

    vl_row_scan_begin(&scan, table, view, (vl_rowid_range){INT64_MIN, INT64_MAX}, 0, NULL, 0);
    st = vl_row_scan_next(ctx, &scan);
    while (st == VELO_OK && scan.leaf != NULL) {
        uint32_t count = 0;

        for (; count < scan.row_count && count < VISIT_PART; count++)
            rowids[count] = vl_row_scan_rowid(&scan, count);
        vl_row_scan_pause(&scan, count);
        for (uint32_t i = 0; i < count && st == VELO_OK; i++) {
            st = visit(ctx, argument, rowids[i]);
            if (st == VELO_OK)
                st = vl_exec_poll(ctx, exec, 1);
        }
        if (st == VELO_OK)
            st = vl_row_scan_next(ctx, &scan);
    }
    vl_row_scan_end(&scan);
    return st;
}

/* ---- what is looked up ---- */

/* Values that grow in an arena. */
typedef struct lookup_list {
    vl_value *values;
    uint32_t count;
    uint32_t room;
} lookup_list;

static velo_status
lookup_add(vl_ctx *ctx, vl_arena *arena, lookup_list *list, const vl_value *value)
{
    if (list->count == list->room) {
        uint32_t room = list->room == 0 ? 16 : list->room * 2;
        vl_value *more = vl_arena_alloc_array(arena, room, sizeof *more);

        if (more == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate %u values", (unsigned)room);
        if (list->count > 0)
            memcpy(more, list->values, list->count * sizeof *more);
        list->values = more;
        list->room = room;
    }
    return vl_row_copy_to(ctx, arena, value, 1, &list->values[list->count++]);
}

/* Column 0 of all rows of a program. */
static velo_status
lookup_run(vl_ctx *ctx, vl_stage *stage, const vl_lookup *lookup, vl_frame *frame, vl_arena *arena,
           lookup_list *list)
{
    vl_eval eval = vl_stage_eval(stage, arena);
    const vl_chunk *chunk;

    VL_TRY(
        vl_frame_start(ctx, frame, &eval, lookup->in_arguments.list, lookup->in_arguments.count));
    for (;;) {
        VL_TRY(vl_stage_next(ctx, frame->root, VL_CHUNK_ROWS, &chunk));
        if (chunk->count == 0)
            return VELO_OK;
        for (uint32_t n = 0; n < chunk->count; n++) {
            vl_value value = vl_chunk_get(chunk, 0, n);

            VL_TRY(lookup_add(ctx, arena, list, &value));
        }
    }
}

velo_status
vl_lookup_values(vl_ctx *ctx, vl_stage *stage, const vl_lookup *lookup, vl_frame **frame,
                 vl_arena *arena, vl_value **values, uint32_t *count)
{
    vl_eval eval = vl_stage_eval(stage, arena);
    lookup_list list = {NULL, 0, 0};
    velo_status st = VELO_OK;
    vl_value value;

    if (lookup->expr != NULL) {
        list.values = vl_arena_alloc(arena, sizeof *list.values);
        if (list.values == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate a value");
        VL_TRY(vl_eval_expr(ctx, &eval, lookup->expr, &value));
        list.room = 1;
        VL_TRY(lookup_add(ctx, arena, &list, &value));
    } else if (lookup->in_program >= 0) {
        if (*frame == NULL)
            VL_TRY(vl_frame_create(ctx, stage->exec, stage->frame, (uint32_t)lookup->in_program,
                                   frame));
        st = lookup_run(ctx, stage, lookup, *frame, arena, &list);
        vl_frame_rewind(*frame);
    } else {
        for (uint32_t i = 0; i < lookup->in_list.count; i++) {
            VL_TRY(vl_eval_expr(ctx, &eval, lookup->in_list.list[i], &value));
            VL_TRY(lookup_add(ctx, arena, &list, &value));
        }
    }
    *values = list.values;
    *count = list.count;
    return st;
}

static void
lookup_sift(vl_value *values, uint32_t index, uint32_t count, vl_collation collation)
{
    for (;;) {
        uint32_t child = 2 * index + 1;
        vl_value moved = values[index];

        if (child >= count)
            return;
        if (child + 1 < count &&
            vl_value_compare(&values[child], &values[child + 1], collation) < 0)
            child++;
        if (vl_value_compare(&moved, &values[child], collation) >= 0)
            return;
        values[index] = values[child];
        values[child] = moved;
        index = child;
    }
}

/* Heapsort: no memory, and no input makes it slow. */
uint32_t
vl_lookup_sort(vl_value *values, uint32_t count, int keeps_nulls, vl_collation collation)
{
    uint32_t kept = 0;

    for (uint32_t i = count / 2; i > 0; i--)
        lookup_sift(values, i - 1, count, collation);
    for (uint32_t end = count; end > 1; end--) {
        vl_value first = values[0];

        values[0] = values[end - 1];
        values[end - 1] = first;
        lookup_sift(values, 0, end - 1, collation);
    }
    for (uint32_t i = 0; i < count; i++)
        if ((keeps_nulls || values[i].type != VL_TYPE_NULL) &&
            (kept == 0 || vl_value_compare(&values[kept - 1], &values[i], collation) != 0))
            values[kept++] = values[i];
    return kept;
}

/* ---- filters ---- */

/* Move a row of a batch to a place before it. */
static void
scan_move_row(vl_batch *batch, uint32_t column_count, uint32_t from, uint32_t to)
{
    for (uint32_t i = 0; i < column_count && from != to; i++)
        batch->columns[i][to] = batch->columns[i][from];
}

/* Run a filter over the rows of a batch: they are moved together. */
static velo_status
scan_filter(vl_ctx *ctx, vl_stage *stage, const vl_exprs *filter)
{
    vl_batch *batch = &stage->batch;
    vl_eval eval = vl_stage_eval(stage, &batch->arena);
    uint32_t kept = 0;

    if (filter->count == 0)
        return VELO_OK;
    eval.chunk = &batch->chunk;
    for (uint32_t row = 0; row < batch->chunk.row_count; row++) {
        velo_status st;
        int passes;

        eval.at = row;
        st = vl_eval_conjuncts(ctx, &eval, filter, &passes);
        if (st != VELO_OK && kept == 0)
            return st;
        if (st != VELO_OK) {
            vl_stage_stash(ctx, stage, st);
            break;
        }
        if (passes)
            scan_move_row(batch, stage->op->column_count, row, kept++);
    }
    batch->chunk.count = batch->chunk.row_count = kept;
    return VELO_OK;
}

velo_status
vl_scan_next(vl_ctx *ctx, vl_stage *stage, const vl_exprs *filter, uint32_t wanted,
             vl_scan_fill *fill, const vl_chunk **out)
{
    vl_batch *batch = &stage->batch;

    *out = &batch->chunk;
    for (;;) {
        VL_TRY(vl_batch_begin(ctx, batch, stage->op->column_count, wanted));
        VL_TRY(fill(ctx, stage, wanted));
        if (batch->chunk.count == 0)
            return VELO_OK;
        VL_TRY(vl_exec_poll(ctx, stage->exec, batch->chunk.count));
        VL_TRY(scan_filter(ctx, stage, filter));
        if (batch->chunk.count > 0 || stage->pending != VELO_OK)
            return VELO_OK;
    }
}

velo_status
vl_scan_fail(vl_ctx *ctx, vl_stage *stage, velo_status st)
{
    if (stage->batch.chunk.count == 0)
        return st;
    vl_stage_stash(ctx, stage, st);
    return VELO_OK;
}
