/* lookup_join.c - a LOOP_JOIN that looks its right rows up by rowid, once it has done so often.
 *
 * Invariants
 *   LJ1  What is read of the right table is what its TABLE_SCAN would give for each rowid: by the
 *        same view, through the same filter, whose conditions kernels decide for all rows or the
 *        table is not read at all.
 *   LJ2  Only numbers are kept, and of a column one class without NULL: else the lookups go on. */
#include "exec/lookup_join.h"

#include "exec/columns.h"
#include "exec/kernel.h"
#include "exec/source.h"
#include "vec/number.h"
#include "vec/value.h"

#include <string.h>

/* Rows of the table that are read in the time of one lookup. */
#define LOOKUP_ROWS_EACH VL_BY_BUILD(32U, 1U)

/* The widest range of rowids that is kept. */
#define LOOKUP_SPAN_MAX (UINT64_C(1) << 24)

typedef struct vl_lookup_column {
    vl_vector_form form;
    int is_known;   /* a row has told the form */
    int64_t *cells; /* integers, or bits of reals, by rowid */
    int64_t gathered[VL_CHUNK_ROWS];
} vl_lookup_column;

/* A table that is being read. */
typedef struct lookup_work {
    vl_lookup_join *join;
    vl_frame *frame;
    const vl_op_table_scan *op;
    vl_fetch fetch;
    vl_row_scan scan;
    vl_columns columns;
    int is_kept; /* all rows could be kept so far */
} lookup_work;

/* ---- what suits ---- */

/* Whether an expression is of its row and of what is the same for the whole statement. */
static int
lookup_is_own(const vl_expr *expr)
{
    if (expr->kind == VL_EXPR_OUTER || expr->effect != VL_EFFECT_TOTAL)
        return 0;
    for (uint32_t i = 0; i < expr->kid_count; i++)
        if (!lookup_is_own(expr->kids[i]))
            return 0;
    return 1;
}

/* The scan by `rowid = argument 0` that is the right side's program, or NULL. */
static const vl_op_table_scan *
lookup_scan(const vl_stage *stage)
{
    const vl_op_loop_join *op = &stage->op->as.loop_join;
    const vl_op *root = stage->exec->plan->programs[op->program].root;
    const vl_op_table_scan *scan = &root->as.table_scan;

    if (op->kind != VL_JOIN_KIND_INNER || op->condition.count > 0 || op->arguments.count != 1 ||
        op->arguments.list[0]->kind != VL_EXPR_COLUMN || root->kind != VL_OP_KIND_TABLE_SCAN)
        return NULL;
    if (scan->key == NULL || scan->key->expr == NULL || scan->key->is_null_equal ||
        scan->key->expr->kind != VL_EXPR_OUTER)
        return NULL;
    for (uint32_t i = 0; i < scan->filter.count; i++)
        if (!lookup_is_own(scan->filter.list[i]))
            return NULL;
    return scan;
}

velo_status
vl_lookup_join_open(vl_ctx *ctx, vl_lookup_join *join, vl_stage *stage)
{
    const vl_op_loop_join *op = &stage->op->as.loop_join;
    vl_arena *arena = &stage->exec->arena;
    uint32_t left_count = stage->op->children[0]->column_count;

    join->stage = stage;
    join->is_suitable = !stage->exec->env.is_plain && lookup_scan(stage) != NULL;
    if (!join->is_suitable)
        return VELO_OK;
    join->column_count = op->right_count;
    join->vectors =
        vl_arena_alloc_array(arena, left_count + op->right_count + 1U, sizeof(vl_vector));
    join->columns = vl_arena_alloc_array(arena, op->right_count + 1U, sizeof(vl_lookup_column));
    return join->vectors == NULL || join->columns == NULL
               ? vl_fail(ctx, VELO_NOMEM, "cannot allocate a join")
               : VELO_OK;
}

/* ---- reading the table ---- */

/* Take one row of a chunk into the arrays; 0: it cannot be kept. Keeps LJ2. */
static int
lookup_keep_row(vl_lookup_join *join, const vl_chunk *chunk, uint32_t row, uint64_t at)
{
    for (uint32_t i = 0; i < join->column_count; i++) {
        vl_lookup_column *column = &join->columns[i];
        vl_value value = vl_vector_get(&chunk->vectors[i], row);
        vl_vector_form form = value.type == VL_TYPE_REAL ? VL_VECTOR_REAL : VL_VECTOR_INTEGER;

        if ((value.type != VL_TYPE_INTEGER && value.type != VL_TYPE_REAL) ||
            (column->is_known && column->form != form))
            return 0;
        column->form = form;
        column->is_known = 1;
        if (form == VL_VECTOR_REAL)
            memcpy(&column->cells[at], &value.as.real, sizeof value.as.real);
        else
            column->cells[at] = value.as.integer;
    }
    vl_bits_set(join->present + at / 64, (uint32_t)(at % 64));
    return 1;
}

/* Keep the rows of the latched leaf that pass the filter, up to a chunk of them. Keeps LJ1. */
static velo_status
lookup_read_leaf(vl_ctx *ctx, lookup_work *work, uint32_t count)
{
    vl_lookup_join *join = work->join;
    vl_chunk *chunk = &work->columns.chunk;
    vl_eval eval = {.arena = &work->columns.arena, .frame = work->frame, .chunk = chunk};
    uint32_t decided;
    uint32_t rows;

    VL_TRY(vl_columns_begin(ctx, &work->columns, join->column_count, count));
    chunk->row_count = chunk->count = count;
    for (uint32_t i = 0; i < join->column_count; i++)
        VL_TRY(vl_columns_read(ctx, &work->columns, &work->scan, &work->fetch, i, NULL, count));
    rows = vl_kernel_decide(ctx, &eval, &work->op->filter, join->selection, &decided);
    work->is_kept = work->columns.long_count == 0 && decided == work->op->filter.count;
    for (uint32_t n = 0; n < rows && work->is_kept; n++) {
        uint32_t row = join->selection[n];
        uint64_t at = (uint64_t)vl_row_scan_rowid(&work->scan, row) - (uint64_t)join->first;

        work->is_kept = lookup_keep_row(join, chunk, row, at);
    }
    return VELO_OK;
}

/* Read the range of rowids that there are. */
static velo_status
lookup_read(vl_ctx *ctx, lookup_work *work, const vl_view *view)
{
    vl_rowid_range range = {work->join->first, work->join->first + (int64_t)(work->join->span - 1)};
    velo_status st;

    vl_row_scan_begin(&work->scan, work->fetch.table, view, range, 0, work->fetch.ids,
                      work->fetch.id_count);
    st = vl_row_scan_next(ctx, &work->scan);
    while (st == VELO_OK && work->scan.leaf != NULL && work->is_kept) {
        uint32_t count =
            work->scan.row_count < VL_CHUNK_ROWS ? work->scan.row_count : VL_CHUNK_ROWS;

        st = lookup_read_leaf(ctx, work, count);
        vl_row_scan_pause(&work->scan, count);
        if (st == VELO_OK)
            st = vl_exec_poll(ctx, work->join->stage->exec, count);
        if (st == VELO_OK)
            st = vl_row_scan_next(ctx, &work->scan);
    }
    vl_row_scan_end(&work->scan);
    vl_columns_deinit(&work->columns);
    return st;
}

/* Find the range of rowids; join->span is 0 when there are none. */
static velo_status
lookup_find_span(vl_ctx *ctx, lookup_work *work, const vl_view *view)
{
    vl_rowid_range all = {INT64_MIN, INT64_MAX};
    vl_lookup_join *join = work->join;
    int64_t last;
    int found;
    velo_status st;

    join->span = 0;
    VL_TRY(vl_rows_last(ctx, work->fetch.table, view, &last, &found));
    vl_row_scan_begin(&work->scan, work->fetch.table, view, all, 0, NULL, 0);
    st = vl_row_scan_next(ctx, &work->scan);
    if (st == VELO_OK && work->scan.leaf != NULL && found) {
        join->first = vl_row_scan_rowid(&work->scan, 0);
        join->span = (uint64_t)last - (uint64_t)join->first + 1;
    }
    vl_row_scan_end(&work->scan);
    return st;
}

/* Make the arrays; *is_made 0: they would be too large. */
static velo_status
lookup_reserve(vl_ctx *ctx, vl_lookup_join *join, int *is_made)
{
    vl_exec *exec = join->stage->exec;
    uint64_t words = join->span / 64 + 1;
    uint64_t bytes = words * 8 + join->column_count * join->span * sizeof(int64_t);
    int64_t *cells;

    *is_made = 0;
    if (join->span == 0 || join->span > LOOKUP_SPAN_MAX ||
        (exec->env.memory_limit > 0 && bytes > exec->env.memory_limit / 2) || vl_exec_is_over(exec))
        return VELO_OK;
    join->present = vl_alloc_array(ctx, bytes / 8, sizeof *join->present);
    if (join->present == NULL)
        return VELO_OK; /* lookups need no more memory */
    memset(join->present, 0, words * 8);
    cells = (int64_t *)(void *)(join->present + words);
    for (uint32_t i = 0; i < join->column_count; i++) {
        join->columns[i].cells = cells + i * join->span;
        join->columns[i].is_known = 0;
        join->columns[i].form = VL_VECTOR_INTEGER;
    }
    vl_exec_charge(exec, &join->charged, bytes);
    *is_made = 1;
    return VELO_OK;
}

velo_status
vl_lookup_join_build(vl_ctx *ctx, vl_lookup_join *join, vl_frame *frame)
{
    vl_source *source = join->stage->exec->env.source;
    const vl_op_table_scan *op = lookup_scan(join->stage);
    const vl_view *view = &vl_source_of(source, op->table).statement->view;
    lookup_work work = {.join = join, .frame = frame, .op = op, .is_kept = 1};
    vl_arena_mark mark = vl_arena_get_mark(&join->stage->batch.arena);

    if (view->own != NULL || view->read_ts == VL_TS_MAX) {
        join->is_given_up = 1; /* what it sees may be undone, or is no snapshot */
        return VELO_OK;
    }
    VL_TRY(vl_fetch_init(ctx, source, work.op->table, work.op->columns, join->column_count,
                         &join->stage->batch.arena, &work.fetch));
    if (join->span == 0 && !work.fetch.is_packed)
        VL_TRY(lookup_find_span(ctx, &work, view));
    join->is_given_up = work.fetch.is_packed || join->span == 0 || join->span > LOOKUP_SPAN_MAX;
    if (!join->is_given_up && join->span / LOOKUP_ROWS_EACH <= join->lookup_count) {
        VL_TRY(lookup_reserve(ctx, join, &join->is_built));
        if (join->is_built)
            VL_TRY(lookup_read(ctx, &work, view));
        join->is_built = join->is_built && work.is_kept;
        join->is_given_up = !join->is_built;
    }
    vl_arena_rewind(&join->stage->batch.arena, mark);
    return VELO_OK;
}

/* ---- joining ---- */

/* The place of a left value in the arrays; span or more: no row has it. As TABLE_SCAN looks it up.
 */
static velo_status
lookup_place(vl_ctx *ctx, vl_lookup_join *join, const vl_value *from, uint64_t *place)
{
    vl_value value = *from;
    int64_t rowid = 0;

    *place = UINT64_MAX;
    VL_TRY(vl_value_apply_comparison(ctx, &join->stage->batch.arena, VL_AFFINITY_INTEGER, &value));
    if (value.type == VL_TYPE_INTEGER)
        rowid = value.as.integer;
    else if (value.type != VL_TYPE_REAL || !vl_number_is_integer(value.as.real, &rowid))
        return VELO_OK;
    *place = rowid < join->first ? UINT64_MAX : (uint64_t)rowid - (uint64_t)join->first;
    return VELO_OK;
}

/* The places of the left rows that have a right row, and these rows. */
static velo_status
lookup_find(vl_ctx *ctx, vl_lookup_join *join, const vl_chunk *left, uint32_t *places,
            uint32_t *count)
{
    const vl_expr *argument = join->stage->op->as.loop_join.arguments.list[0];
    const vl_vector *key = &left->vectors[argument->index];
    int is_plain = key->form == VL_VECTOR_INTEGER && key->validity == NULL && !key->is_constant;

    *count = 0;
    for (uint32_t n = 0; n < left->count; n++) {
        uint32_t row = vl_chunk_row(left, n);
        uint64_t place;

        if (is_plain) {
            place = (uint64_t)key->as.integers[row] - (uint64_t)join->first;
        } else {
            vl_value value = vl_vector_get(key, row);

            VL_TRY(lookup_place(ctx, join, &value, &place));
        }
        if (place >= join->span) /* a rowid below the first wraps to more than that */
            continue;
        join->selection[*count] = (uint16_t)row;
        places[*count] = (uint32_t)place;
        *count += (uint32_t)(join->present[place / 64] >> (place % 64)) & 1U;
    }
    return VELO_OK;
}

velo_status
vl_lookup_join_probe(vl_ctx *ctx, vl_lookup_join *join, const vl_chunk *left, vl_chunk *out)
{
    uint32_t left_count = left->column_count;
    uint32_t places[VL_CHUNK_ROWS];
    uint32_t count;

    VL_TRY(lookup_find(ctx, join, left, places, &count));
    if (left_count > 0)
        memcpy(join->vectors, left->vectors, left_count * sizeof *left->vectors);
    for (uint32_t i = 0; i < join->column_count; i++) {
        vl_lookup_column *column = &join->columns[i];

        for (uint32_t n = 0; n < count; n++)
            column->gathered[join->selection[n]] = column->cells[places[n]];
        join->vectors[left_count + i] =
            (vl_vector){.form = column->form, .as.integers = column->gathered};
    }
    *out = (vl_chunk){.column_count = left_count + join->column_count,
                      .row_count = left->row_count,
                      .count = count,
                      .selection = join->selection,
                      .vectors = join->vectors};
    return VELO_OK;
}

void
vl_lookup_join_reset(vl_lookup_join *join)
{
    vl_free(join->present);
    join->present = NULL;
    join->is_built = join->is_given_up = 0;
    join->lookup_count = 0;
    join->span = 0;
    if (join->stage != NULL)
        vl_exec_charge(join->stage->exec, &join->charged, 0);
}
