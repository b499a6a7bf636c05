/* op_table.c - TABLE_SCAN: rows of a table by rowid, a range of them or single ones.
 *
 * Invariants
 *   TS1  No page is latched when `next` returns: the scan is paused at the row that comes next.
 *   TS2  Rows are copied out of the page; long values, which a page only names, are read after the
 *        page was let go.
 *   TS3  Rows of a range are typed vectors, leaf by leaf (columns.h), and the filter's kernels run
 *        before the leaf is let go, so that only what passes them is copied in full. With
 *        vl_exec_env.is_plain rows are values, and the evaluator decides: the definition that the
 *        other way is tested against. */
#include "exec/columns.h"
#include "exec/kernel.h"
#include "exec/sequence.h"

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
    vl_arena arena; /* of a run: what is looked up */
    vl_fetch fetch; /* prepared by the first run; from the execution's arena */
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
    vl_columns columns;      /* rows of a range, as vectors */
    vl_chunk chunk;          /* these, with part of the selection */
    uint8_t *is_tested;      /* of each column: the filter reads it */
    uint32_t count;          /* rows of the selection */
    uint32_t decided;        /* conjuncts of the filter that kernels have decided */
    uint32_t asked;          /* rows that were looked at last */
    uint32_t identity_count; /* so many rows of the selection are all there are */
    uint16_t selection[VL_CHUNK_ROWS];
} table_stage;

/* The least rows that are looked at: they cost less than a second search for their leaf. */
#define TABLE_ROWS_LEAST VL_BY_BUILD(64U, 4U)

/* Mark the columns that an expression reads. */
static void
table_mark_columns(const vl_expr *expr, uint8_t *is_tested)
{
    if (expr->kind == VL_EXPR_COLUMN)
        is_tested[expr->index] = 1;
    for (uint32_t i = 0; i < expr->kid_count; i++)
        table_mark_columns(expr->kids[i], is_tested);
}

static velo_status
table_open(vl_ctx *ctx, vl_stage *stage)
{
    table_stage *table = (table_stage *)stage;
    const vl_exprs *filter = &stage->op->as.table_scan.filter;

    vl_arena_init(&table->arena, ctx->allocator, 0);
    table->is_tested = vl_arena_alloc_array(&stage->exec->arena, stage->op->column_count + 1U, 1);
    if (table->is_tested == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a scan");
    for (uint32_t i = 0; i < filter->count; i++)
        table_mark_columns(filter->list[i], table->is_tested);
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

/* Of sqlite_sequence, where a table has several rows, those that stand for it. */
static velo_status
table_find_sequences(vl_ctx *ctx, table_stage *table, vl_rowid_range range)
{
    const vl_op_table_scan *op = &table->base.op->as.table_scan;
    int64_t *rowids;
    uint32_t count;

    VL_TRY(vl_sequence_rows(ctx, &table->arena, op->table, table->fetch.table, table_view(table),
                            &rowids, &count));
    if (rowids == NULL)
        return VELO_OK;
    for (uint32_t i = 0; i < count; i++)
        if (rowids[i] >= range.first && rowids[i] <= range.last)
            rowids[table->rowid_count++] = rowids[i];
    for (uint32_t i = 0; op->is_backward && i < table->rowid_count / 2; i++) {
        int64_t other = rowids[i];

        rowids[i] = rowids[table->rowid_count - 1 - i];
        rowids[table->rowid_count - 1 - i] = other;
    }
    table->rowids = rowids;
    return VELO_OK;
}

static velo_status
table_start(vl_ctx *ctx, table_stage *table)
{
    const vl_op_table_scan *op = &table->base.op->as.table_scan;
    const vl_source *source = table->base.exec->env.source;
    vl_rowid_range range = {INT64_MIN, INT64_MAX};
    int is_empty = 0;

    if (table->fetch.def != NULL)
        VL_TRY(vl_fetch_open(ctx, source, &table->fetch));
    else
        VL_TRY(vl_fetch_init(ctx, source, op->table, op->columns, table->base.op->column_count,
                             &table->base.exec->arena, &table->fetch));
    if (op->key != NULL)
        return table_find_rowids(ctx, table, op->key);
    VL_TRY(table_take_bound(ctx, table, &op->low, 1, &range.first, &is_empty));
    VL_TRY(table_take_bound(ctx, table, &op->high, 0, &range.last, &is_empty));
    if (is_empty || range.first > range.last) {
        table->rowids = vl_arena_alloc_array(&table->arena, 1, sizeof *table->rowids);
        return table->rowids != NULL ? VELO_OK : vl_fail(ctx, VELO_NOMEM, "cannot allocate a scan");
    }
    if (vl_sequence_is_kept_in(op->table)) {
        VL_TRY(table_find_sequences(ctx, table, range));
        if (table->rowids != NULL)
            return VELO_OK;
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

/* ---- vectors ---- */

/* Read the columns that the filter reads, or the others, of the selected rows of the leaf. */
static velo_status
table_read_columns(vl_ctx *ctx, table_stage *table, int is_tested, const uint16_t *selection,
                   uint32_t count)
{
    for (uint32_t i = 0; i < table->fetch.count; i++)
        if (table->is_tested[i] == is_tested)
            VL_TRY(vl_columns_read(ctx, &table->columns, &table->scan, &table->fetch, i, selection,
                                   count));
    return VELO_OK;
}

/* Run the filter's kernels on what is read of it; without one, or with values that are not there
 * yet, all rows pass. */
static void
table_decide(vl_ctx *ctx, table_stage *table)
{
    static const vl_exprs none = {NULL, 0};
    const vl_exprs *filter = &table->base.op->as.table_scan.filter;
    vl_eval eval = vl_stage_eval(&table->base, &table->columns.arena);

    eval.chunk = &table->columns.chunk;
    table->count = eval.chunk->row_count;
    table->decided = 0;
    if (filter->count > 0 || table->count > table->identity_count)
        table->count = vl_kernel_decide(ctx, &eval, table->columns.long_count > 0 ? &none : filter,
                                        table->selection, &table->decided);
    if (filter->count == 0 && table->count > table->identity_count)
        table->identity_count = table->count;
}

/* Decide a filter that is `column = text` on the page, before anything is copied; 0: it is another
 * one, or the page is not so simple. The column then is that text wherever the filter holds. */
static int
table_decide_text(vl_ctx *ctx, table_stage *table, uint32_t *column, vl_value *text)
{
    const vl_exprs *filter = &table->base.op->as.table_scan.filter;
    vl_eval eval = vl_stage_eval(&table->base, &table->columns.arena);
    uint64_t bits[VL_KERNEL_WORDS];

    if (filter->count != 1 ||
        !vl_kernel_is_text_equality(ctx, &eval, filter->list[0], column, text) ||
        !vl_columns_find_text(&table->columns, &table->scan, &table->fetch, *column, text, bits))
        return 0;
    table->count = vl_simd_best()->rows16(bits, table->columns.chunk.row_count, table->selection);
    table->decided = 1;
    return 1;
}

/* Copy the first rows of the latched leaf, as far as they pass. Keeps TS3. */
static velo_status
table_read_leaf(vl_ctx *ctx, table_stage *table)
{
    const vl_exprs *filter = &table->base.op->as.table_scan.filter;
    uint32_t all = table->columns.chunk.row_count;
    uint32_t column;
    vl_value text;
    int is_part;

    if (table_decide_text(ctx, table, &column, &text)) {
        VL_TRY(vl_columns_set_text(ctx, &table->columns, column, &text));
    } else {
        VL_TRY(table_read_columns(ctx, table, 1, NULL, all));
        table_decide(ctx, table);
    }
    is_part = table->decided > 0 && table->count < all;
    if (table->count == 0 && table->decided == filter->count)
        return VELO_OK;
    return table_read_columns(ctx, table, 0, is_part ? table->selection : NULL, table->count);
}

/* Look at up to `most` rows of one leaf; *seen 0: there are no more. Keeps TS1 and TS2. */
static velo_status
table_fill_vectors(vl_ctx *ctx, table_stage *table, uint32_t most, uint32_t *seen)
{
    vl_columns *columns = &table->columns;
    velo_status st;

    *seen = 0;
    if (!table->is_scanning)
        return VELO_OK;
    VL_TRY(vl_row_scan_next(ctx, &table->scan));
    if (table->scan.leaf == NULL) {
        vl_row_scan_end(&table->scan);
        table->is_scanning = 0;
        return VELO_OK;
    }
    *seen = table->scan.row_count < most ? table->scan.row_count : most;
    st = vl_columns_begin(ctx, columns, table->base.op->column_count, *seen);
    columns->chunk.row_count = columns->chunk.count = *seen;
    if (st == VELO_OK)
        st = table_read_leaf(ctx, table);
    vl_row_scan_pause(&table->scan, *seen);
    return st == VELO_OK ? vl_columns_finish(ctx, columns, &table->fetch) : st;
}

/* Ask the evaluator for the conjuncts that kernels have not decided. A failing row ends the rows
 * that are given, and the error is kept for the next call (31, item 19). */
static velo_status
table_choose(vl_ctx *ctx, table_stage *table)
{
    const vl_exprs *filter = &table->base.op->as.table_scan.filter;
    vl_exprs rest = {filter->list, filter->count - table->decided};
    vl_eval eval = vl_stage_eval(&table->base, &table->columns.arena);
    uint32_t kept = 0;

    if (rest.count == 0)
        return VELO_OK;
    rest.list += table->decided;
    eval.chunk = &table->columns.chunk;
    for (uint32_t n = 0; n < table->count; n++) {
        velo_status st;
        int passes;

        eval.at = table->selection[n];
        st = vl_eval_conjuncts(ctx, &eval, &rest, &passes);
        if (st != VELO_OK && kept == 0)
            return st;
        if (st != VELO_OK) {
            vl_stage_stash(ctx, &table->base, st);
            break;
        }
        table->selection[kept] = (uint16_t)eval.at;
        kept += (uint32_t)passes;
    }
    table->count = kept;
    return VELO_OK;
}

/* Rows to look at: more than are wanted, unless they may be undone under the statement. */
static uint32_t
table_ask(const table_stage *table, int is_fruitless, uint32_t wanted)
{
    uint32_t least = vl_stage_ask(&table->base, table->asked, is_fruitless, wanted);

    if (table_view(table)->own != NULL) /* 31, item 4 */
        return wanted;
    return least > TABLE_ROWS_LEAST ? least : TABLE_ROWS_LEAST;
}

/* Whether the scan goes through all rows. */
static int
table_is_whole(const vl_op *op)
{
    return op->as.table_scan.key == NULL && op->as.table_scan.low.expr == NULL &&
           op->as.table_scan.high.expr == NULL;
}

static velo_status
table_next_vectors(vl_ctx *ctx, table_stage *table, uint32_t wanted, const vl_chunk **out)
{
    vl_stage *stage = &table->base;
    uint32_t seen;
    int is_first;

    *out = &table->chunk;
    while (stage->left == 0) {
        is_first = table->asked == 0;
        table->asked = table_ask(table, !is_first, wanted);
        table->chunk = (vl_chunk){.column_count = stage->op->column_count};
        VL_TRY(table_fill_vectors(ctx, table, table->asked, &seen));
        if (seen == 0)
            return VELO_OK;
        if (table_is_whole(stage->op))
            stage->exec->top->work.scanned += seen - (is_first ? 1U : 0U);
        VL_TRY(vl_exec_poll(ctx, stage->exec, seen));
        VL_TRY(table_choose(ctx, table));
        stage->left = table->count;
        table->chunk = table->columns.chunk;
        if (table->count == seen && seen <= wanted) { /* all of them: no selection is needed */
            stage->left = 0;
            table->chunk.selection = NULL;
            return VELO_OK;
        }
    }
    vl_stage_give(stage, &table->chunk, table->selection, table->count, wanted);
    return VELO_OK;
}

/* Whether rows are read as vectors. A volatile filter is run on no row ahead. */
static int
table_is_vectors(const table_stage *table)
{
    const vl_op_table_scan *op = &table->base.op->as.table_scan;

    return table->rowids == NULL && !table->fetch.is_packed && !table->base.exec->env.is_plain &&
           !vl_exprs_are_volatile(&op->filter);
}

static velo_status
table_fill(vl_ctx *ctx, vl_stage *stage, uint32_t wanted)
{
    table_stage *table = (table_stage *)stage;

    table->long_count = table->long_room = 0;
    if (table->rowids != NULL)
        return table_fill_rowids(ctx, table, wanted);
    return table->fetch.is_packed ? table_fill_packed(ctx, table, wanted)
                                  : table_fill_range(ctx, table, wanted);
}

static velo_status
table_next(vl_ctx *ctx, vl_stage *stage, uint32_t wanted, const vl_chunk **out)
{
    table_stage *table = (table_stage *)stage;

    if (!table->is_started) {
        table->is_started = 1;
        VL_TRY(table_start(ctx, table));
    }
    if (stage->left > 0 || table_is_vectors(table))
        return table_next_vectors(ctx, table, wanted, out);
    return vl_scan_next(ctx, stage, &stage->op->as.table_scan.filter, wanted, table_fill, out);
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
    table->asked = 0;
    vl_arena_reset(&table->arena);
}

static void
table_close(vl_stage *stage)
{
    table_rewind(stage);
    vl_columns_deinit(&((table_stage *)stage)->columns);
    vl_arena_deinit(&((table_stage *)stage)->arena);
}

const vl_stage_class vl_table_scan_class = {
    .size = sizeof(table_stage),
    .open = table_open,
    .next = table_next,
    .rewind = table_rewind,
    .close = table_close,
};
