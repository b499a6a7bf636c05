/* txn_load.c - many new rows behind all others of a table, with their versions.
 *
 * The store below builds whole pages and adds several with one section (storage/table.h). What is
 * done here is what txn_rows.c does for one row: before, a range record is made, or that of the
 * statement found, which goes on; in the section it comes to speak of the rows that are added.
 *
 * Rows are added only where nobody has versions: to the tree's last leaf, behind all of its rows,
 * while no row of it that is looked at has a chain, and where no range is. Whatever is in the way,
 * the caller inserts row by row, which waits and finds out whose it is.
 *
 * Invariants
 *   TO1  A row is in the range when its page can be reached: both happen in one section, and the
 *        leaf in whose range of rowids it lies is latched exclusively before (TX1).
 *   TO2  The range is the statement's own: it began with it, so no mark lies inside (TX3). */
#include "txn/txn_rows.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "txn/txn_int.h"

#include <string.h>

/* A load under way. */
typedef struct txn_load {
    vl_statement *statement; /* whose */
    vl_txn_tree *tree;       /* where to */
    vl_undo *range;          /* the record that the rows go to; NULL: none is kept */
    int is_new;              /* it is not in the tree's ranges yet */
} txn_load;

/* vl_operation_rows.may. keeps TO1 */
static int
load_may(void *argument, const vl_page_ref *leaf, const vl_table_load_part *part)
{
    const txn_load *self = argument;
    int64_t first = part->rows[0].rowid, last = part->rows[part->row_count - 1].rowid;
    vl_versions map = vl_txn_map(self->tree, leaf);

    if (part->page_count == 0)
        return vl_versions_find_row(map, first) == NULL &&
               vl_ranges_list(self->tree->ranges, first, first, NULL, 0) == 0;
    return vl_versions_count(map) == 0 &&
           vl_ranges_list(self->tree->ranges, first, last, NULL, 0) == 0;
}

/* vl_operation_rows.added. */
static void
load_added(void *argument, const vl_table_load_part *part, vl_log_position position)
{
    txn_load *self = argument;
    int64_t last = part->rows[part->row_count - 1].rowid;

    if (self->range == NULL)
        return;
    if (self->is_new) {
        vl_undo_set_position(self->range, position);
        vl_ranges_add(self->tree->ranges, self->range);
        vl_txn_note_range(self->statement->session->txn, self->tree, self->range);
        self->is_new = 0;
    }
    VL_CHECK(vl_ranges_extend_to(self->tree->ranges, self->range, last)); /* keeps TO1 */
}

/* Find the range that the rows go to, or make it. */
static velo_status
load_prepare(vl_ctx *ctx, txn_load *self, int64_t first)
{
    vl_txn *txn = self->statement->session->txn;
    const vl_txn_range *range = vl_txn_find_range(txn, self->tree);
    vl_undo_change change = {.kind = VL_UNDO_RANGE,
                             .statement = self->statement->view.statement,
                             .tree = self->tree->id,
                             .rowid = first};
    velo_status st;

    if (vl_txn_is_fresh(self->statement->session, self->tree))
        return VELO_OK;
    if (range != NULL && range->record->statement == change.statement &&
        range->record->last == first - 1) {
        self->range = range->record;
        return VELO_OK;
    }
    vl_txn_merge_ranges(self->tree);
    VL_TRY(vl_ranges_reserve(ctx, self->tree->ranges));
    st = vl_undo_append(ctx, txn->log, &change, &self->range);
    self->is_new = st == VELO_OK;
    if (st != VELO_OK)
        vl_ranges_unreserve(self->tree->ranges);
    return st;
}

/* Give back what was made and is not used. */
static void
load_end(txn_load *self)
{
    if (!self->is_new)
        return;
    vl_undo_pop(self->statement->session->txn->log);
    vl_ranges_unreserve(self->tree->ranges);
}

/* The first rows, up to one with a value that is stored by itself, as leaves take them. */
static velo_status
load_take_rows(vl_ctx *ctx, const txn_load *self, const vl_layout *layout, int64_t first,
               const vl_value *values, uint32_t *count, vl_leaf_row **out)
{
    vl_arena *arena = vl_operation_arena(self->statement->session->writer);
    uint32_t width = layout->columns.count;
    vl_leaf_row *rows = vl_arena_alloc_array(arena, *count, sizeof *rows);
    vl_leaf_value *cells = vl_arena_alloc_array(arena, (size_t)*count * width, sizeof *cells);

    *out = rows;
    if (rows == NULL || cells == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate memory for rows");
    for (uint32_t i = 0; i < *count; i++, cells += width, values += width) {
        for (uint32_t column = 0; column < width; column++)
            cells[column] = (vl_leaf_value){.value = values[column]};
        rows[i] = (vl_leaf_row){.rowid = first + i, .values = cells};
        if (vl_leaf_needs_overflow(self->tree->base->tree.page_size, cells, width))
            *count = i;
    }
    return VELO_OK;
}

/* Load the rows, in an operation. */
static velo_status
load_run(vl_ctx *ctx, txn_load *self, int64_t first, const vl_value *values, uint32_t count,
         int is_all, uint32_t *taken)
{
    const vl_layout *layout = atomic_load_explicit(&self->tree->base->layout, memory_order_acquire);
    vl_operation_rows watcher = {.may = load_may, .added = load_added, .argument = self};
    uint32_t wanted = count;
    vl_leaf_row *rows;
    velo_status st;

    VL_TRY(load_take_rows(ctx, self, layout, first, values, &count, &rows));
    if (count == 0)
        return VELO_OK;
    st = load_prepare(ctx, self, first);
    if (st == VELO_OK) {
        st = vl_operation_load_rows(ctx, self->statement->session->writer, self->tree->base, layout,
                                    rows, count, is_all || count < wanted, &watcher, taken);
        load_end(self);
    }
    if (st == VELO_CONSTRAINT) {
        vl_error_clear(ctx);
        st = VELO_OK;
    }
    return st;
}

velo_status
vl_rows_load(vl_ctx *ctx, vl_statement *statement, vl_txn_table *table, int64_t *first,
             const vl_value *values, uint32_t count, int is_all, uint32_t *taken)
{
    vl_session *session = statement->session;
    txn_load self = {.statement = statement, .tree = &table->tree};
    int is_drawn = *first == INT64_MIN;
    int64_t next = atomic_load_explicit(&table->tree.next_rowid, memory_order_relaxed);
    int64_t last;
    velo_status st;

    *taken = 0;
    VL_ASSERT(count > 0 && count <= VL_ROWS_LOAD_MAX);
    VL_TRY(vl_txn_check_writing(ctx, statement));
    if (is_drawn)
        VL_TRY(vl_txn_draw_rowids(ctx, &table->tree, count, first));
    if (*first == INT64_MIN || *first > INT64_MAX - (int64_t)count)
        return VELO_OK;
    last = *first + count - 1;
    vl_operation_begin(session->writer);
    st = load_run(ctx, &self, *first, values, count, is_all, taken);
    vl_operation_end(session->writer);
    if (is_drawn && *taken < count)
        vl_txn_undraw_rowids(&table->tree, last);
    if (!is_drawn && *taken > 0 && next != INT64_MIN && last >= next)
        atomic_store_explicit(&table->tree.next_rowid, INT64_MIN, memory_order_relaxed);
    vl_txn_count_changes(ctx, session, *taken);
    vl_operation_tend(ctx, session->store->base);
    return st;
}
