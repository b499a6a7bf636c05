/* table_write.c - changing a row of a table tree.
 *
 * A change that does not fit its leaf in place is tried on a leaf built anew, in scratch memory. If
 * that takes one page, the page is ready, and takes the leaf's place when the change is applied. If
 * it takes two, the leaf is split where these part, and all begins anew.
 *
 * Invariants
 *   W3  A leaf that vl_table_write_begin returns has been found to have room for the change under
 *       the latch that is still held: so applying cannot fail.
 *   W4  A split does not change what the table holds. The row that it is made for is not in the
 *       pages, but where one was built for a new row, a gap is left in its place.
 *   W5  Every split for a row leaves fewer rows together with it, and a row fits a page of its own:
 *       so splitting ends (11, item 39). */
#include "base/alloc.h"
#include "storage/table_int.h"

#include <inttypes.h>
#include <string.h>

/* Where a change fits. */
typedef enum table_fit {
    TABLE_IN_PLACE, /* on the leaf as it is */
    TABLE_REBUILT,  /* on the leaf built anew: VL_TABLE_LEFT */
    TABLE_SPLIT,    /* the leaf is to be split: VL_TABLE_LEFT and _RIGHT */
    TABLE_TOO_BIG   /* on no page */
} table_fit;

velo_status
vl_table_reserve(vl_ctx *ctx, vl_tree_work *work, uint32_t column_count, uint32_t row_count)
{
    size_t size = vl_leaf_scratch_size(work->page_size, column_count, row_count);
    void *block;

    if (size > work->builder_size) {
        block = vl_alloc(ctx, size);
        if (block == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate scratch memory for %u columns",
                           column_count);
        vl_free(work->builder);
        work->builder = block;
        work->builder_size = size;
    }
    if (column_count > work->value_count) {
        block = vl_alloc_array(ctx, column_count, sizeof(vl_leaf_value));
        if (block == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate scratch memory for %u columns",
                           column_count);
        vl_free(work->values);
        work->values = block;
        work->value_count = column_count;
    }
    return VELO_OK;
}

/* ---- the whole row, for building ---- */

/* Put together what a row becomes by an update. */
static void
table_merge_row(const vl_table_write *write, vl_leaf_value *values)
{
    const vl_table_op *op = write->op;
    const vl_leaf *leaf = write->leaf.page;

    for (uint32_t i = 0; i < op->schema->count; i++) {
        int index = vl_leaf_column_index(leaf, op->schema->ids[i]);

        if (index < 0)
            values[i] = op->schema->defaults[i];
        else
            vl_leaf_get(leaf, write->slot, (uint32_t)index, values + i);
        for (uint32_t c = 0; c < op->change_count; c++)
            if (op->changes[c].id == op->schema->ids[i])
                values[i] = op->changes[c].value;
    }
}

static vl_leaf_row
table_whole_row(const vl_table_write *write)
{
    const vl_table_op *op = write->op;
    vl_leaf_row row = {op->rowid, op->values, 0};

    if (op->action == VL_TABLE_UPDATE) {
        table_merge_row(write, write->work->values);
        row.values = write->work->values;
        row.is_deleted = write->state == VL_LEAF_TOMBSTONE;
    }
    return row;
}

/* ---- building ---- */

/* A purge filter of the caller, with the page it is asked about. */
typedef struct table_purge {
    const vl_table_op *op;
    const vl_page_ref *leaf;
} table_purge;

static int
table_is_purgeable(void *argument, int64_t rowid)
{
    const table_purge *purge = argument;

    return purge->op->is_purgeable(purge->op->argument, purge->leaf, rowid);
}

/* Whether the row goes behind all others of the tree. */
static int
table_is_append(const vl_table_write *write)
{
    const vl_leaf *leaf = write->leaf.page;

    return write->range.last == INT64_MAX && write->state == VL_LEAF_NO_SLOT &&
           vl_leaf_seek(leaf, write->op->rowid) == leaf->count;
}

/* Leave a gap where the row is in the one of the two buffers that has it (W4). */
static void
table_leave_gap(const vl_table_write *write, int64_t separator)
{
    int64_t rowid = write->op->rowid;
    vl_leaf *leaf =
        vl_table_buffer(write->work, rowid < separator ? VL_TABLE_LEFT : VL_TABLE_RIGHT);
    uint32_t slot;

    if (vl_leaf_find(leaf, rowid, &slot) == VL_LEAF_LIVE)
        vl_leaf_purge(leaf, slot);
}

/* Make the two buffers copies of the leaf, each without the other's rows: removing never needs
 * space, so this works whatever the rows are. */
static void
table_copy_halves(const vl_table_write *write, int64_t separator)
{
    const vl_leaf *leaf = write->leaf.page;
    vl_leaf *left = vl_table_buffer(write->work, VL_TABLE_LEFT);
    vl_leaf *right = vl_table_buffer(write->work, VL_TABLE_RIGHT);

    memcpy(left, leaf, write->tree->page_size);
    memcpy(right, leaf, write->tree->page_size);
    for (uint32_t slot = 0; slot < leaf->count; slot++) {
        if (vl_leaf_slot_state(leaf, slot) == VL_LEAF_GAP)
            continue;
        vl_leaf_purge(vl_leaf_rowid(leaf, slot) < separator ? right : left, slot);
    }
}

/* Build the leaf with the row anew. */
static table_fit
table_build(const vl_table_write *write, vl_table_incoming *incoming)
{
    const vl_table_op *op = write->op;
    const vl_tree *tree = write->tree;
    vl_tree_work *work = write->work;
    table_purge purge = {op, &write->leaf};
    vl_leaf_row row = table_whole_row(write);
    int is_new = write->state == VL_LEAF_NO_SLOT || write->state == VL_LEAF_GAP;
    vl_leaf_builder *builder;
    vl_leaf_build build = {
        .page_size = tree->page_size,
        .layout = table_is_append(write) ? VL_LEAF_APPEND : VL_LEAF_SPLIT,
        .schema = op->schema,
        .leaf = write->leaf.page,
        .rows = &row,
        .row_count = 1,
        .is_purgeable = op->is_purgeable != NULL ? table_is_purgeable : NULL,
        .argument = &purge,
    };

    builder = vl_leaf_build_begin(work->builder, &build);
    if (vl_leaf_build_next(builder, vl_table_buffer(work, VL_TABLE_LEFT), write->leaf.pid,
                           tree->id) == 0)
        return TABLE_TOO_BIG;
    if (vl_leaf_build_remaining(builder) == 0)
        return TABLE_REBUILT;
    incoming->separator = vl_leaf_build_next_rowid(builder);
    (void)vl_leaf_build_next(builder, vl_table_buffer(work, VL_TABLE_RIGHT), write->leaf.pid,
                             tree->id);
    if (is_new && vl_leaf_build_remaining(builder) == 0)
        table_leave_gap(write, incoming->separator);
    else
        table_copy_halves(write, incoming->separator);
    memcpy(vl_table_buffer(work, VL_TABLE_COPY), write->leaf.page, tree->page_size);
    return TABLE_SPLIT;
}

/* ---- positioning ---- */

static int
table_suits_state(vl_table_action action, vl_leaf_state state)
{
    switch (action) {
    case VL_TABLE_INSERT:
        return state != VL_LEAF_LIVE;
    case VL_TABLE_UPDATE:
    case VL_TABLE_PURGE:
        return state == VL_LEAF_LIVE || state == VL_LEAF_TOMBSTONE;
    case VL_TABLE_MARK:
        return state == VL_LEAF_LIVE;
    case VL_TABLE_UNMARK:
        return state == VL_LEAF_TOMBSTONE;
    }
    return 0;
}

/* Whether the change fits in place. */
static int
table_fits_in_place(const vl_table_write *write)
{
    const vl_table_op *op = write->op;
    const vl_leaf *leaf = write->leaf.page;
    uint32_t page_size = write->tree->page_size;
    vl_leaf_row row = {op->rowid, op->values, 0};

    if (op->action == VL_TABLE_INSERT)
        return vl_leaf_can_insert(leaf, page_size, op->schema, &row) == VL_LEAF_DONE;
    if (op->action == VL_TABLE_UPDATE)
        return vl_leaf_can_update(leaf, page_size, write->slot, op->changes, op->change_count) ==
               VL_LEAF_DONE;
    return 1; /* marking and purging never need space */
}

/* Whether rows of the leaf can be built with the columns of the schema. */
static velo_status
table_check_layout(vl_ctx *ctx, const vl_table_write *write)
{
    const vl_leaf *leaf = write->leaf.page;

    if (vl_table_suits(leaf, write->op->schema))
        return VELO_OK;
    return vl_fail(ctx, VELO_ERROR,
                   "page %" PRIu32 " of tree %" PRIu64 " stores rows %s, as the table does no more",
                   write->leaf.pid, write->tree->id,
                   (leaf->flags & VL_LEAF_ROWS) != 0 ? "as records" : "by column");
}

static velo_status
table_find_leaf(vl_ctx *ctx, vl_table_write *write)
{
    vl_tree_target target = vl_table_target(write->op->rowid);
    vl_tree_search search = {.target = &target, .mode = VL_TREE_EXCLUSIVE};
    vl_tree_spot spot;

    VL_TRY(vl_tree_find(ctx, write->tree, &search, &spot));
    write->leaf = spot.ref;
    write->range = spot.range;
    write->slot = 0;
    write->state = vl_leaf_find(write->leaf.page, write->op->rowid, &write->slot);
    write->is_possible = table_suits_state(write->op->action, write->state);
    write->is_rebuilt = 0;
    return VELO_OK;
}

/* Split the leaf, which is released, as the buffers say. */
static velo_status
table_split_leaf(vl_ctx *ctx, const vl_table_write *write, vl_table_incoming *incoming)
{
    vl_tree_target target = vl_table_target(write->op->rowid);
    vl_tree_split_plan plan = {
        .tree = write->tree, .work = write->work, .target = &target, .incoming = incoming};

    return vl_tree_split(ctx, &plan);
}

/* The leaf is latched: find out whether the change fits. *is_ready 0: not yet, and the leaf is
 * released. */
static velo_status
table_make_room(vl_ctx *ctx, vl_table_write *write, int *is_ready)
{
    vl_cache *cache = write->tree->cache;
    vl_table_incoming incoming = {0};
    table_fit fit = TABLE_IN_PLACE;
    velo_status st = VELO_OK;

    *is_ready = 1;
    if (!write->is_possible)
        return VELO_OK;
    if (!table_fits_in_place(write)) {
        st = table_check_layout(ctx, write);
        fit = st == VELO_OK ? table_build(write, &incoming) : TABLE_TOO_BIG;
    }
    write->is_rebuilt = fit == TABLE_REBUILT;
    if ((fit == TABLE_IN_PLACE || fit == TABLE_REBUILT) &&
        vl_change_prepare(&write->change, &write->leaf))
        return VELO_OK;

    *is_ready = 0;
    vl_cache_release_exclusive(cache, &write->leaf);
    if (st != VELO_OK)
        return st;
    if (fit == TABLE_SPLIT)
        return table_split_leaf(ctx, write, &incoming);
    if (fit == TABLE_TOO_BIG)
        return vl_fail(ctx, VELO_TOOBIG, "row %" PRId64 " of tree %" PRIu64 " fits no page",
                       write->op->rowid, write->tree->id);
    return vl_change_wait(ctx, &write->change);
}

static velo_status
table_position(vl_ctx *ctx, vl_table_write *write)
{
    int is_ready = 0;

    while (!is_ready) {
        VL_TRY(table_find_leaf(ctx, write));
        VL_TRY(table_make_room(ctx, write, &is_ready));
    }
    return VELO_OK;
}

velo_status
vl_table_write_begin(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work, const vl_table_op *op,
                     vl_table_write *write)
{
    VL_ASSERT(work->page_size == tree->page_size);
    write->tree = tree;
    write->work = work;
    write->op = op;
    write->leaf.page = NULL;
    write->is_possible = 0;
    write->is_rebuilt = 0;
    write->is_underfull = 0;
    vl_change_begin(tree->cache, &write->change);
    VL_TRY(vl_table_reserve(ctx, work, op->schema->count, 1));
    return table_position(ctx, write);
}

int
vl_table_write_enter(vl_table_write *write)
{
    VL_ASSERT(write->is_possible);
    return vl_change_enter(&write->change);
}

/* Change the leaf in place. */
static void
table_apply_in_place(vl_table_write *write)
{
    const vl_table_op *op = write->op;
    vl_leaf *leaf = write->leaf.page;
    uint32_t page_size = write->tree->page_size;
    vl_leaf_row row = {op->rowid, op->values, 0};
    vl_leaf_result result = VL_LEAF_DONE;

    switch (op->action) {
    case VL_TABLE_INSERT:
        result = vl_leaf_insert(leaf, page_size, op->schema, &row);
        break;
    case VL_TABLE_UPDATE:
        result = vl_leaf_update(leaf, page_size, write->slot, op->changes, op->change_count);
        break;
    case VL_TABLE_MARK:
        vl_leaf_mark_deleted(leaf, write->slot);
        break;
    case VL_TABLE_UNMARK:
        vl_leaf_unmark_deleted(leaf, write->slot);
        break;
    case VL_TABLE_PURGE:
        vl_leaf_purge(leaf, write->slot);
        write->is_underfull = vl_table_ops.is_underfull(write->tree, leaf);
        break;
    }
    VL_CHECK(result == VL_LEAF_DONE); /* W3 */
}

void
vl_table_write_apply(vl_table_write *write)
{
    VL_ASSERT(write->is_possible && write->change.is_inside);
    if (write->is_rebuilt)
        vl_table_put(write->leaf.page, write->leaf.pid, vl_table_buffer(write->work, VL_TABLE_LEFT),
                     write->tree->page_size);
    else
        table_apply_in_place(write);
    (void)vl_leaf_find(write->leaf.page, write->op->rowid, &write->slot);
}

void
vl_table_write_leave(vl_table_write *write)
{
    vl_change_leave(&write->change);
}

velo_status
vl_table_write_retry(vl_ctx *ctx, vl_table_write *write)
{
    vl_cache_release_exclusive(write->tree->cache, &write->leaf);
    VL_TRY(vl_change_wait(ctx, &write->change));
    return table_position(ctx, write);
}

void
vl_table_write_end(vl_ctx *ctx, vl_table_write *write)
{
    vl_tree_target target = vl_table_target(write->op->rowid);

    vl_cache_release_exclusive(write->tree->cache, &write->leaf);
    vl_change_end(&write->change);
    if (write->is_underfull &&
        vl_tree_join(ctx, write->tree, write->work, &target, write->op->schema) != VELO_OK)
        vl_error_clear(ctx); /* the change is made, and the tree whole */
}

/* ---- for who needs nothing in between ---- */

/* As vl_table_change. `only_live` 1: change nothing but live rows. */
static velo_status
table_change(vl_ctx *ctx, vl_table_write *write, int only_live, const vl_tree_log *log,
             vl_leaf_state *state)
{
    const vl_table_op *op = write->op;
    velo_status st = vl_table_write_begin(ctx, write->tree, write->work, op, write);

    while (st == VELO_OK && write->is_possible && (!only_live || write->state == VL_LEAF_LIVE)) {
        if (vl_table_write_enter(write)) {
            if (log != NULL)
                log->append(log->argument);
            vl_table_write_apply(write);
            vl_table_write_leave(write);
            break;
        }
        st = vl_table_write_retry(ctx, write);
    }
    *state = st == VELO_OK ? write->state : VL_LEAF_NO_SLOT;
    vl_table_write_end(ctx, write);
    return st;
}

velo_status
vl_table_change(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work, const vl_table_op *op,
                const vl_tree_log *log, vl_leaf_state *state)
{
    vl_table_write write = {.tree = tree, .work = work, .op = op};

    return table_change(ctx, &write, 0, log, state);
}

/* Change a live row: *is_done says whether there is one. */
static velo_status
table_change_live(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work, const vl_table_op *op,
                  int *is_done)
{
    vl_table_write write = {.tree = tree, .work = work, .op = op};
    vl_leaf_state state;

    *is_done = 0;
    VL_TRY(table_change(ctx, &write, 1, NULL, &state));
    *is_done = state == VL_LEAF_LIVE;
    return VELO_OK;
}

velo_status
vl_table_insert(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work, const vl_leaf_schema *schema,
                const vl_leaf_row *row, int *is_done)
{
    vl_table_op op = {
        .action = VL_TABLE_INSERT, .rowid = row->rowid, .schema = schema, .values = row->values};
    vl_leaf_state state;

    *is_done = 0;
    VL_TRY(vl_table_change(ctx, tree, work, &op, NULL, &state));
    *is_done = state != VL_LEAF_LIVE;
    return VELO_OK;
}

velo_status
vl_table_update(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work, const vl_leaf_schema *schema,
                int64_t rowid, const vl_leaf_change *changes, uint32_t count, int *is_done)
{
    vl_table_op op = {.action = VL_TABLE_UPDATE,
                      .rowid = rowid,
                      .schema = schema,
                      .changes = changes,
                      .change_count = count};

    return table_change_live(ctx, tree, work, &op, is_done);
}

velo_status
vl_table_delete(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work, const vl_leaf_schema *schema,
                int64_t rowid, int *is_done)
{
    vl_table_op op = {.action = VL_TABLE_PURGE, .rowid = rowid, .schema = schema};

    return table_change_live(ctx, tree, work, &op, is_done);
}
