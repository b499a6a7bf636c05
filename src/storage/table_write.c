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
 *       pages, but where one was built with a new row, a gap is left in its place.
 *   W5  Every split for a row leaves fewer rows together with it, and a row fits a page of its own:
 *       so splitting ends (11, item 39).
 *   W6  The leaf that was changed last, or approached, is taken without a search only if nobody has
 *       latched it exclusively since: then its range is what it was, since whoever changes a leaf's
 *       range, or frees or evicts it, has it exclusively. */
#include "base/alloc.h"
#include "storage/table_int.h"

#include <inttypes.h>
#include <string.h>

/* A leaf with less than this part of its page unused is full: built anew it would take few more
 * rows.
 */
#define TABLE_FULL_PART 16U

/* Bytes of heap that are fetched ahead for a new row. */
#define TABLE_FETCH_BYTES 192U

/* Where a change fits. */
typedef enum table_fit {
    TABLE_IN_PLACE, /* on the leaf as it is */
    TABLE_REBUILT,  /* on the leaf built anew: VL_TABLE_LEFT */
    TABLE_SPLIT,    /* the leaf is to be split: VL_TABLE_LEFT and _RIGHT */
    TABLE_TOO_BIG   /* on no page */
} table_fit;

/* Allocate the memory for a row of so many columns; pages may have more. */
static vl_table_scratch *
table_scratch_create(vl_ctx *ctx, uint32_t page_size, uint32_t column_count)
{
    uint32_t released = vl_leaf_max_columns(page_size);
    vl_table_scratch *scratch;
    size_t by_column = sizeof *scratch->values + sizeof *scratch->changes + sizeof *scratch->spills;

    released = released > column_count ? released : column_count;
    scratch = vl_alloc_zero(ctx, sizeof *scratch + column_count * by_column +
                                     released * sizeof *scratch->released);
    if (scratch == NULL)
        return NULL;
    scratch->column_count = column_count;
    scratch->values = (vl_leaf_value *)(void *)(scratch + 1);
    scratch->changes = (vl_leaf_change *)(void *)(scratch->values + column_count);
    scratch->spills = (vl_table_spill *)(void *)(scratch->changes + column_count);
    scratch->released = (vl_overflow *)(void *)(scratch->spills + column_count);
    return scratch;
}

velo_status
vl_table_reserve(vl_ctx *ctx, vl_tree_work *work, uint32_t column_count, uint32_t row_count)
{
    const vl_table_scratch *old = work->scratch;
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
    if (old == NULL || column_count > old->column_count) {
        block = table_scratch_create(ctx, work->page_size, column_count);
        if (block == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate scratch memory for %u columns",
                           column_count);
        vl_free(work->scratch);
        work->scratch = block;
    }
    return VELO_OK;
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
    uint32_t slot;

    return vl_leaf_find(purge->leaf->page, rowid, &slot) == VL_LEAF_TOMBSTONE &&
           !vl_table_has_overflow(purge->leaf->page, slot) &&
           purge->op->is_purgeable(purge->op->argument, purge->leaf, rowid);
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

/* The two pages are built: note what the leaf was. */
static table_fit
table_cut(const vl_table_write *write, vl_table_cut *cut, int64_t separator)
{
    *cut = (vl_table_cut){.separator = separator, .same_size = write->tree->page_size};
    memcpy(vl_table_buffer(write->work, VL_TABLE_COPY), write->leaf.page, cut->same_size);
    return TABLE_SPLIT;
}

/* Cut the leaf in two at a row, as it is. */
static table_fit
table_halve(const vl_table_write *write, vl_table_cut *cut, int64_t separator)
{
    table_copy_halves(write, separator);
    return table_cut(write, cut, separator);
}

/* The leaf stores rows in another way than the table does now: cut it until it has no other row
 * than the one in question. 0: so it is. */
static int
table_isolate(const vl_table_write *write, vl_table_cut *cut)
{
    const vl_leaf *leaf = write->leaf.page;
    int is_below = 0;

    VL_ASSERT(leaf != NULL);
    for (uint32_t rank = 0; rank < leaf->count; rank++) {
        uint32_t slot = vl_leaf_slot_at(leaf, rank);
        int64_t rowid = vl_leaf_rowid(leaf, slot);

        if (vl_leaf_slot_state(leaf, slot) == VL_LEAF_GAP || rowid == write->op->rowid)
            continue;
        if (rowid > write->op->rowid) {
            (void)table_halve(write, cut, rowid);
            return 1;
        }
        is_below = 1;
    }
    if (is_below)
        (void)table_halve(write, cut, write->op->rowid);
    return is_below;
}

/* The row as it will be. */
static vl_leaf_row
table_whole_row(const vl_table_write *write)
{
    vl_leaf_row row = {write->op->rowid, vl_table_scratch_of(write)->values, 0};

    if (write->op->action == VL_TABLE_UPDATE) {
        vl_table_merge_row(write);
        row.is_deleted = write->state == VL_LEAF_TOMBSTONE;
    }
    return row;
}

/* Build the leaf with the row anew. */
static table_fit
table_build(const vl_table_write *write, vl_table_cut *cut)
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
        .leaf = vl_table_suits(write->leaf.page, op->schema) ? write->leaf.page : NULL,
        .rows = &row,
        .row_count = 1,
        .is_purgeable = op->is_purgeable != NULL ? table_is_purgeable : NULL,
        .argument = &purge,
    };

    if (build.leaf == NULL && table_isolate(write, cut))
        return TABLE_SPLIT;
    builder = vl_leaf_build_begin(work->builder, &build);
    if (vl_leaf_build_next(builder, vl_table_buffer(work, VL_TABLE_LEFT), write->leaf.pid,
                           tree->id) == 0) {
        int64_t first = vl_leaf_build_next_rowid(builder);

        /* Defaults of new columns make another row too long: it stays as it is, elsewhere. */
        return first == op->rowid ? TABLE_TOO_BIG : table_halve(write, cut, first + 1);
    }
    if (vl_leaf_build_remaining(builder) == 0)
        return TABLE_REBUILT;
    cut->separator = vl_leaf_build_next_rowid(builder);
    (void)vl_leaf_build_next(builder, vl_table_buffer(work, VL_TABLE_RIGHT), write->leaf.pid,
                             tree->id);
    if (!is_new || vl_leaf_build_remaining(builder) > 0)
        return table_halve(write, cut, cut->separator);
    table_leave_gap(write, cut->separator);
    return table_cut(write, cut, cut->separator);
}

/* Split a leaf that is full without building it anew, if that can be done: 1. */
static int
table_split_full(const vl_table_write *write, vl_table_cut *cut)
{
    const vl_table_op *op = write->op;
    const vl_tree *tree = write->tree;
    const vl_leaf *leaf = write->leaf.page;
    vl_leaf *right = vl_table_buffer(write->work, VL_TABLE_RIGHT);
    vl_leaf_row row = {op->rowid, vl_table_scratch_of(write)->values, 0};
    vl_leaf_build build = {.page_size = tree->page_size,
                           .layout = VL_LEAF_APPEND,
                           .schema = op->schema,
                           .leaf = leaf,
                           .rows = &row,
                           .row_count = 1};
    int64_t separator;

    if (vl_table_leaf_used(leaf) < tree->page_size - tree->page_size / TABLE_FULL_PART ||
        leaf->tombstone_count > 0 || !vl_leaf_has_schema(leaf, op->schema))
        return 0;
    if (op->action == VL_TABLE_INSERT && table_is_append(write)) {
        if (!vl_leaf_build_behind(write->work->builder, &build, right, write->leaf.pid, tree->id))
            return 0;
        *cut = (vl_table_cut){.separator = op->rowid, .same_size = sizeof(vl_leaf), .is_behind = 1};
        memcpy(vl_table_buffer(write->work, VL_TABLE_COPY), leaf, cut->same_size);
        return 1;
    }
    if (!vl_leaf_divide(leaf, tree->page_size, vl_table_buffer(write->work, VL_TABLE_LEFT), right,
                        &separator))
        return 0;
    (void)table_cut(write, cut, separator);
    return 1;
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
table_fits_in_place(vl_table_write *write)
{
    const vl_table_op *op = write->op;
    const vl_leaf *leaf = write->leaf.page;
    const vl_table_scratch *scratch = vl_table_scratch_of(write);
    uint32_t page_size = write->tree->page_size;
    vl_leaf_row row = {op->rowid, scratch->values, 0};

    if (op->action == VL_TABLE_INSERT)
        return vl_leaf_can_insert_at(leaf, page_size, op->schema, &row, &write->spot) ==
               VL_LEAF_DONE;
    if (op->action == VL_TABLE_UPDATE)
        return vl_leaf_can_update(leaf, page_size, write->slot, scratch->changes,
                                  write->change_count) == VL_LEAF_DONE;
    return 1; /* marking and purging never need space */
}

/* Whether the row can be made of the one that is there: parts of a record are not changed. */
static velo_status
table_check_layout(vl_ctx *ctx, const vl_table_write *write)
{
    const vl_leaf *leaf = write->leaf.page;

    if (write->op->action != VL_TABLE_UPDATE || (leaf->flags & VL_LEAF_ROWS) == 0 ||
        write->op->schema->is_rows)
        return VELO_OK;
    return vl_fail(ctx, VELO_ERROR, "row %" PRId64 " of tree %" PRIu64 " is stored as a record",
                   write->op->rowid, write->tree->id);
}

/* Whether the leaf that was changed or approached last is a row's, if it is still what it was. */
static int
table_is_last(const vl_tree *tree, const vl_tree_last *last, int64_t rowid)
{
    return rowid >= last->range.first && rowid <= last->range.last && last->tree == tree->id &&
           last->root == tree->root;
}

/* Latch the leaf that was changed or approached last, if it is the row's and nobody has had it
 * since: 1, or 0. Keeps W6. */
static int
table_recall_leaf(vl_table_write *write)
{
    const vl_tree *tree = write->tree;
    const vl_tree_last *last = &write->work->last;

    if (!table_is_last(tree, last, write->op->rowid) ||
        !vl_cache_recall(tree->cache, &last->memo, &write->leaf))
        return 0;
    if (last->is_noted ? vl_tree_is_node(tree, write->leaf.page, write->leaf.pid, 0)
                       : memcmp(write->leaf.page, &last->head, sizeof last->head) == 0) {
        write->range = last->range;
        return 1;
    }
    vl_cache_release_exclusive(tree->cache, &write->leaf);
    return 0;
}

/* Release the leaf after a change, and note it for the next one: keeps W6. */
static void
table_release_leaf(vl_table_write *write)
{
    vl_tree_last *last = &write->work->last;

    if (write->has_applied && write->leaf.page != NULL) {
        last->tree = write->tree->id;
        last->root = write->tree->root;
        last->is_noted = 0;
        last->range = write->range;
        memcpy(&last->head, write->leaf.page, sizeof last->head);
        vl_cache_note(write->tree->cache, &write->leaf, &last->memo);
    }
    vl_cache_release_exclusive(write->tree->cache, &write->leaf);
}

static velo_status
table_search_leaf(vl_ctx *ctx, vl_table_write *write)
{
    vl_tree_target target = vl_table_target(write->op->rowid);
    vl_tree_search search = {.target = &target, .mode = VL_TREE_EXCLUSIVE};
    vl_tree_spot spot;

    VL_TRY(vl_tree_find(ctx, write->tree, &search, &spot));
    write->leaf = spot.ref;
    write->range = spot.range;
    return VELO_OK;
}

/* Let the memory come where the row's texts will go, while its place is looked for. */
static void
table_fetch_heap(const vl_table_write *write)
{
    const vl_leaf *leaf = write->leaf.page;
    uint32_t free_size = write->tree->page_size - leaf->fixed_end - leaf->heap_used;
    const uint8_t *end = (const uint8_t *)write->leaf.page + leaf->fixed_end + free_size;

    for (uint32_t back = 1; back < TABLE_FETCH_BYTES && back <= free_size;
         back += VL_CACHE_LINE_SIZE)
        __builtin_prefetch(end - back, 1);
}

static velo_status
table_find_leaf(vl_ctx *ctx, vl_table_write *write)
{
    if (!table_recall_leaf(write))
        VL_TRY(table_search_leaf(ctx, write));
    if (write->op->action == VL_TABLE_INSERT)
        table_fetch_heap(write);
    vl_leaf_locate(write->leaf.page, write->op->rowid, &write->spot);
    write->slot = write->spot.slot;
    write->state = write->spot.state;
    write->is_possible = table_suits_state(write->op->action, write->state);
    write->is_rebuilt = 0;
    return VELO_OK;
}

/* Split the leaf, which is released, as the buffers say. */
static velo_status
table_split_leaf(vl_ctx *ctx, const vl_table_write *write, vl_table_cut *cut)
{
    vl_tree_target target = vl_table_target(write->op->rowid);
    vl_tree_split_plan plan = {
        .tree = write->tree, .work = write->work, .target = &target, .incoming = cut};

    return vl_tree_split(ctx, &plan);
}

/* Find out where the change, which does not fit in place, fits. The leaf is released when it is not
 * TABLE_REBUILT. *is_again: values went to overflow, so all begins anew. */
static velo_status
table_find_room(vl_ctx *ctx, vl_table_write *write, vl_table_cut *cut, table_fit *fit,
                int *is_again)
{
    uint32_t spilled = 0;
    velo_status st = table_check_layout(ctx, write);

    *fit = TABLE_TOO_BIG;
    if (st == VELO_OK)
        st = vl_table_spill_more(ctx, write, &spilled);
    *is_again = spilled > 0;
    if (st == VELO_OK && spilled == 0)
        *fit = table_split_full(write, cut) ? TABLE_SPLIT : table_build(write, cut);
    if (*fit != TABLE_REBUILT)
        vl_cache_release_exclusive(write->tree->cache, &write->leaf);
    if (st == VELO_OK && spilled == 0 && *fit == TABLE_TOO_BIG)
        st = vl_fail(ctx, VELO_TOOBIG, "row %" PRId64 " of tree %" PRIu64 " fits no page",
                     write->op->rowid, write->tree->id);
    return st;
}

/* The leaf is latched: find out whether the change fits. *is_ready 0: not yet, and the leaf is
 * released. */
static velo_status
table_make_room(vl_ctx *ctx, vl_table_write *write, int *is_ready)
{
    table_fit fit = TABLE_IN_PLACE;
    vl_table_cut cut = {0};
    int is_again = 0;

    *is_ready = 1;
    if (!write->is_possible)
        return VELO_OK;
    *is_ready = 0;
    if (!vl_table_spills_hold(write)) {
        vl_cache_release_exclusive(write->tree->cache, &write->leaf);
        vl_table_take_back(ctx, write);
        return VELO_OK;
    }
    if (!table_fits_in_place(write))
        VL_TRY(table_find_room(ctx, write, &cut, &fit, &is_again));
    if (is_again)
        return VELO_OK;
    if (fit == TABLE_SPLIT)
        return table_split_leaf(ctx, write, &cut);
    write->is_rebuilt = fit == TABLE_REBUILT;
    write->is_alone = write->is_rebuilt && !vl_table_suits(write->leaf.page, write->op->schema);
    *is_ready = vl_change_prepare(&write->change, &write->leaf);
    if (*is_ready)
        return VELO_OK;
    vl_cache_release_exclusive(write->tree->cache, &write->leaf);
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

void
vl_table_approach(const vl_tree *tree, vl_tree_work *work, int64_t rowid)
{
    vl_tree_target target = vl_table_target(rowid);
    vl_tree_last *last = &work->last;
    vl_page_memo memo;
    vl_rowid_range range;

    if ((!last->is_noted && table_is_last(tree, last, rowid)) ||
        !vl_tree_note(tree, &target, &memo, &range))
        return;
    last->memo = memo;
    last->tree = tree->id;
    last->root = tree->root;
    last->is_noted = 1;
    last->range = range;
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
    write->is_alone = 0;
    write->has_applied = 0;
    write->change_count = 0;
    write->spill_count = 0;
    write->released = NULL;
    write->released_count = 0;
    vl_change_begin(tree->cache, &write->change);
    VL_TRY(vl_table_reserve(ctx, work, op->schema->count, 1));
    VL_TRY(vl_table_spill_long(ctx, write));
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
    const vl_table_scratch *scratch = vl_table_scratch_of(write);
    vl_leaf_row row = {op->rowid, scratch->values, 0};
    vl_leaf_result result = VL_LEAF_DONE;

    switch (op->action) {
    case VL_TABLE_INSERT:
        vl_leaf_insert_at(leaf, page_size, &row, &write->spot); /* W3 */
        write->slot = write->spot.slot;
        break;
    case VL_TABLE_UPDATE:
        result =
            vl_leaf_update(leaf, page_size, write->slot, scratch->changes, write->change_count);
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
    vl_table_note_released(write);
    write->has_applied = 1;
    if (write->is_rebuilt) {
        vl_table_put(write->leaf.page, write->leaf.pid, vl_table_buffer(write->work, VL_TABLE_LEFT),
                     write->tree->page_size);
        (void)vl_leaf_find(write->leaf.page, write->op->rowid, &write->slot);
    } else {
        table_apply_in_place(write);
    }
    if (write->is_alone) /* rows that are taken apart come together again */
        write->is_underfull = vl_table_ops.is_underfull(write->tree, write->leaf.page);
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

static void
table_join_leaf(vl_ctx *ctx, const vl_table_write *write)
{
    vl_tree_target target = vl_table_target(write->op->rowid);

    if (vl_tree_join(ctx, write->tree, write->work, &target, write->op->schema) != VELO_OK)
        vl_error_clear(ctx); /* the change is made, and the tree whole */
}

void
vl_table_write_end(vl_ctx *ctx, vl_table_write *write)
{
    table_release_leaf(write);
    vl_change_end(&write->change);
    vl_table_end_values(ctx, write);
    if (write->is_underfull)
        table_join_leaf(ctx, write);
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
    vl_table_op op = {.action = VL_TABLE_INSERT,
                      .rowid = row->rowid,
                      .schema = schema,
                      .values = row->values,
                      .frees_old = 1};
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
                      .change_count = count,
                      .frees_old = 1};

    return table_change_live(ctx, tree, work, &op, is_done);
}

velo_status
vl_table_delete(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work, const vl_leaf_schema *schema,
                int64_t rowid, int *is_done)
{
    vl_table_op op = {.action = VL_TABLE_PURGE, .rowid = rowid, .schema = schema, .frees_old = 1};

    return table_change_live(ctx, tree, work, &op, is_done);
}
