/* txn_scan.c - reading rows as a view sees them: one, or a range leaf by leaf.
 *
 * Of each leaf one of three things is true:
 *
 * A range of a load that the view sees is none to it.
 *
 *    no map, and no range touches it    what is live on the page is what is seen (T4). If it has
 *                                       neither tombstones nor gaps and is sorted, no row is
 *                                       looked at; else its bitmaps are
 *    a map, and no range                the rows that have a chain are looked for and looked at; of
 *                                       the others what is live is seen
 *    otherwise                          each row is looked up in the map and the ranges
 *
 * Invariants
 *   TSC1  Ranges are asked after the leaf was latched: one that is made later is of rows that come
 *         later.
 *   TSC2  What is listed is true as long as the leaf is latched: nobody changes its rows or its
 *         map, and what a view sees does not change by others' commits. */
#include "txn/txn_int.h"

#include "base/alloc.h"
#include "base/assert.h"

#include <inttypes.h>
#include <string.h>

/* ---- one row ---- */

/* A row that is read. */
typedef struct scan_read {
    vl_txn_table *table;   /* where */
    const vl_view *view;   /* by whom */
    const uint32_t *ids;   /* the wanted columns */
    uint32_t count;        /* how many */
    vl_arena *arena;       /* for what is copied */
    vl_leaf_value *values; /* receives the columns; long ones are named */
    int found;             /* receives whether there is one */
} scan_read;

static vl_row_state
scan_state(vl_leaf_state state)
{
    if (state == VL_LEAF_LIVE)
        return VL_ROW_LIVE;
    return state == VL_LEAF_TOMBSTONE ? VL_ROW_DELETED : VL_ROW_ABSENT;
}

/* The wanted columns as the page has them. */
static void
scan_page_columns(const vl_layout *layout, const vl_leaf *leaf, uint32_t slot, const uint32_t *ids,
                  uint32_t count, vl_leaf_value *values)
{
    for (uint32_t i = 0; i < count; i++) {
        int index = vl_leaf_column_index(leaf, ids[i]);
        int column;

        if (index >= 0) {
            vl_leaf_get(leaf, slot, (uint32_t)index, values + i);
            if (values[i].value.type == VL_TYPE_TEXT) /* copied when the others are found */
                __builtin_prefetch(values[i].value.as.data);
            continue;
        }
        column = vl_layout_find(layout, ids[i]);
        if (column >= 0)
            values[i] = layout->columns.defaults[column];
        else
            values[i] = (vl_leaf_value){.value = {.type = VL_TYPE_NULL}};
    }
}

/* Copy the bytes that point into the page or a record. */
static velo_status
scan_keep_values(vl_ctx *ctx, vl_arena *arena, vl_leaf_value *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        vl_value *value = &values[i].value;

        if ((value->type != VL_TYPE_TEXT && value->type != VL_TYPE_BLOB) ||
            values[i].overflow != 0 || value->size == 0)
            continue;
        value->as.data = vl_arena_copy(arena, value->as.data, value->size);
        if (value->as.data == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate memory for a row");
    }
    return VELO_OK;
}

static velo_status
scan_visit(vl_ctx *ctx, void *argument, const vl_table_row *row)
{
    scan_read *self = argument;
    vl_txn_tree *tree = &self->table->tree;
    const vl_layout *layout = atomic_load_explicit(&tree->base->layout, memory_order_acquire);
    vl_versioned versioned = {.page = scan_state(row->state)};
    vl_row_columns columns = {self->ids, self->values, self->count};

    versioned.newest = vl_versions_find_row(vl_txn_map(tree, row->ref), row->rowid);
    versioned.origin = vl_ranges_find(tree->ranges, row->rowid);
    if (versioned.page != VL_ROW_ABSENT)
        scan_page_columns(layout, row->leaf, row->slot, self->ids, self->count, self->values);
    self->found = vl_view_read(self->view, &versioned, &columns) == VL_ROW_LIVE &&
                  versioned.page != VL_ROW_ABSENT;
    return self->found ? scan_keep_values(ctx, self->arena, self->values, self->count) : VELO_OK;
}

velo_status
vl_rows_read(vl_ctx *ctx, vl_txn_table *table, const vl_view *view, int64_t rowid,
             const uint32_t *ids, uint32_t count, vl_arena *arena, vl_value *values, int *found)
{
    scan_read self = {.table = table, .view = view, .ids = ids, .count = count, .arena = arena};

    *found = 0;
    if (count > 0) {
        self.values = vl_arena_alloc_array(arena, count, sizeof *self.values);
        if (self.values == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate memory for a row");
    }
    VL_TRY(vl_table_find(ctx, &table->tree.base->tree, rowid, scan_visit, &self));
    vl_undo_pool_settle(table->tree.store->pool, 1);
    for (uint32_t i = 0; self.found && i < count; i++) {
        const vl_leaf_value *value = self.values + i;
        void *bytes;

        values[i] = value->value;
        if (value->overflow == 0)
            continue;
        bytes = vl_arena_alloc(arena, value->value.size);
        if (bytes == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate %" PRIu32 " bytes for a value",
                           value->value.size);
        values[i].as.data = bytes;
        VL_TRY(vl_rows_read_long(ctx, table, value, 0, value->value.size, bytes));
    }
    *found = self.found;
    return VELO_OK;
}

velo_status
vl_rows_exists(vl_ctx *ctx, vl_txn_table *table, const vl_view *view, int64_t rowid, int *found)
{
    return vl_rows_read(ctx, table, view, rowid, NULL, 0, NULL, NULL, found);
}

velo_status
vl_rows_read_long(vl_ctx *ctx, vl_txn_table *table, const vl_leaf_value *value, uint32_t offset,
                  uint32_t size, void *to)
{
    vl_overflow pages = {table->tree.id, value->overflow, value->value.size};

    return vl_overflow_read(ctx, vl_txn_cache(&table->tree), &pages, offset, size, to);
}

/* ---- a range ---- */

void
vl_row_scan_begin(vl_row_scan *scan, vl_txn_table *table, const vl_view *view, vl_rowid_range range,
                  int is_backward, const uint32_t *ids, uint32_t count)
{
    memset(scan, 0, sizeof *scan);
    scan->table = table;
    scan->view = *view;
    scan->schema = vl_rows_schema(table);
    scan->ids = ids;
    scan->id_count = count;
    scan->is_backward = is_backward;
    vl_table_scan_begin(&scan->scan, &table->tree.base->tree, range, is_backward);
}

/* More chains than this on a page: each row is looked up. */
#define SCAN_CHAINS VL_BY_BUILD(512U, 4U)

/* More loads than this that touch a leaf: each row is looked up. */
#define SCAN_RANGES VL_BY_BUILD(8U, 1U)

/* Words of a bitmap of all slots of a page, and of their numbers in front of it. */
static uint32_t
scan_mark_words(const vl_row_scan *scan)
{
    return vl_leaf_max_rows(scan->table->tree.base->tree.page_size) / 64 + 1;
}

static uint32_t
scan_slot_words(const vl_row_scan *scan)
{
    return vl_leaf_max_rows(scan->table->tree.base->tree.page_size) / 4 + 1;
}

/* Make the buffers: a list of slots, and behind it the bitmap. They are as large as a page may
 * need, so they are made for the first leaf that needs one, and not cleared. */
static velo_status
scan_reserve(vl_ctx *ctx, vl_row_scan *scan)
{
    size_t words = (size_t)scan_slot_words(scan) + scan_mark_words(scan);
    void *buffer;

    if (scan->slot_buffer != NULL)
        return VELO_OK;
    buffer = vl_alloc(ctx, words * sizeof(uint64_t));
    if (buffer == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a scan's list of rows");
    scan->slot_buffer = buffer;
    return VELO_OK;
}

/* Make room for one row more of an older version. */
static velo_status
scan_reserve_older(vl_ctx *ctx, vl_row_scan *scan)
{
    uint32_t capacity = scan->older_capacity == 0 ? 16 : 2 * scan->older_capacity;
    vl_row_older *rows;
    vl_leaf_value *values;

    if (scan->older_count < scan->older_capacity)
        return VELO_OK;
    rows = vl_realloc(ctx, scan->older_buffer, capacity * sizeof *rows);
    if (rows == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a scan's older versions");
    scan->older_buffer = rows;
    values = vl_realloc(ctx, scan->value_buffer,
                        (size_t)capacity * (scan->id_count + 1) * sizeof *values);
    if (values == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a scan's older versions");
    scan->value_buffer = values;
    scan->older_capacity = capacity;
    return VELO_OK;
}

/* Values of an older version, in the buffer, which may have moved since. */
static vl_leaf_value *
scan_older_values(const vl_row_scan *scan, uint32_t index)
{
    return scan->value_buffer + (size_t)index * scan->id_count;
}

/* Look at one row, and list it if the view sees it. */
static velo_status
scan_look(vl_ctx *ctx, vl_row_scan *scan, uint32_t slot, vl_versions map, int has_ranges)
{
    vl_txn_tree *tree = &scan->table->tree;
    const vl_leaf *leaf = scan->scan.leaf;
    const vl_layout *layout = atomic_load_explicit(&tree->base->layout, memory_order_acquire);
    vl_versioned row = {.page = scan_state(vl_leaf_slot_state(leaf, slot))};
    int64_t rowid = vl_leaf_rowid(leaf, slot);
    vl_row_columns columns;

    if (row.page == VL_ROW_ABSENT)
        return VELO_OK;
    row.newest = vl_versions_find_row(map, rowid);
    if (has_ranges)
        row.origin = vl_ranges_find(tree->ranges, rowid);
    if (row.newest == NULL ||
        vl_view_sees(&scan->view, row.newest->status, row.newest->statement)) {
        if (vl_view_read(&scan->view, &row, NULL) == VL_ROW_LIVE)
            scan->slot_buffer[scan->row_count++] = (uint16_t)slot;
        return VELO_OK;
    }
    VL_TRY(scan_reserve_older(ctx, scan));
    columns =
        (vl_row_columns){scan->ids, scan_older_values(scan, scan->older_count), scan->id_count};
    scan_page_columns(layout, leaf, slot, scan->ids, scan->id_count, columns.values);
    if (vl_view_read(&scan->view, &row, &columns) != VL_ROW_LIVE)
        return VELO_OK;
    scan->older_buffer[scan->older_count].rowid = rowid;
    scan->slot_buffer[scan->row_count++] = (uint16_t)(VL_ROW_SCAN_OLDER | scan->older_count++);
    return VELO_OK;
}

/* List the live rows of a leaf where nothing else has to be looked at. */
static velo_status
scan_list_live(vl_ctx *ctx, vl_row_scan *scan)
{
    const vl_table_scan *at = &scan->scan;
    uint32_t count = at->rank_end - at->rank_first;
    int is_all_live = vl_leaf_is_all_live(at->leaf);

    if (is_all_live && (at->leaf->flags & VL_LEAF_SORTED) != 0) {
        scan->row_count = count;
        scan->slot_first = at->rank_first;
        scan->slots = NULL;
        return VELO_OK;
    }
    VL_TRY(scan_reserve(ctx, scan));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t rank = scan->is_backward ? at->rank_end - 1 - i : at->rank_first + i;
        uint32_t slot = vl_leaf_slot_at(at->leaf, rank);

        if (is_all_live || vl_leaf_slot_state(at->leaf, slot) == VL_LEAF_LIVE)
            scan->slot_buffer[scan->row_count++] = (uint16_t)slot;
    }
    scan->slots = scan->slot_buffer;
    return VELO_OK;
}

/* Mark the slots of rows that have a chain. */
static void
scan_mark(const vl_leaf *leaf, vl_undo *const *records, uint32_t count, uint64_t *marks)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t rank = vl_leaf_seek(leaf, records[i]->rowid);
        uint32_t slot;

        vl_undo_fetch(records[i]->older);
        if (rank == leaf->count)
            continue;
        slot = vl_leaf_slot_at(leaf, rank);
        if (vl_leaf_rowid(leaf, slot) == records[i]->rowid)
            marks[slot / 64] |= UINT64_C(1) << slot % 64;
    }
}

/* List the visible rows of a leaf that no range touches: only rows that have a chain are looked at.
 * *is_done 0: there are too many of them. */
static velo_status
scan_list_marked(vl_ctx *ctx, vl_row_scan *scan, vl_versions map, int *is_done)
{
    const vl_table_scan *at = &scan->scan;
    void *buffer = scan->slot_buffer;
    uint64_t *marks = (uint64_t *)buffer + scan_slot_words(scan);
    int is_all_live = vl_leaf_is_all_live(at->leaf);
    int is_sorted = is_all_live && (at->leaf->flags & VL_LEAF_SORTED) != 0;
    vl_undo *records[SCAN_CHAINS];
    uint32_t count = vl_versions_list(map, records, SCAN_CHAINS);

    *is_done = count <= SCAN_CHAINS;
    if (!*is_done)
        return VELO_OK;
    memset(marks, 0, scan_mark_words(scan) * sizeof *marks);
    scan_mark(at->leaf, records, count, marks);
    for (uint32_t i = 0; i < at->rank_end - at->rank_first; i++) {
        uint32_t rank = scan->is_backward ? at->rank_end - 1 - i : at->rank_first + i;
        uint32_t slot = is_sorted ? rank : vl_leaf_slot_at(at->leaf, rank);

        if ((marks[slot / 64] >> slot % 64 & 1) != 0)
            VL_TRY(scan_look(ctx, scan, slot, map, 0));
        else if (is_all_live || vl_leaf_slot_state(at->leaf, slot) == VL_LEAF_LIVE)
            scan->slot_buffer[scan->row_count++] = (uint16_t)slot;
    }
    return VELO_OK;
}

/* List the visible rows of a leaf, each of which is looked up. */
static velo_status
scan_list_each(vl_ctx *ctx, vl_row_scan *scan, vl_versions map, int has_ranges)
{
    const vl_table_scan *at = &scan->scan;

    for (uint32_t i = 0; i < at->rank_end - at->rank_first; i++) {
        uint32_t rank = scan->is_backward ? at->rank_end - 1 - i : at->rank_first + i;

        VL_TRY(scan_look(ctx, scan, vl_leaf_slot_at(at->leaf, rank), map, has_ranges));
    }
    return VELO_OK;
}

/* Whether rows of the latched leaf came by loads that the view does not see, or by so many that
 * each row is asked for. */
static int
scan_has_ranges(const vl_row_scan *scan)
{
    const vl_table_scan *at = &scan->scan;
    vl_origin origins[SCAN_RANGES];
    uint32_t count = vl_ranges_list(scan->table->tree.ranges, at->part.first, at->part.last,
                                    origins, SCAN_RANGES);

    if (count > SCAN_RANGES)
        return 1;
    for (uint32_t i = 0; i < count; i++)
        if (!vl_view_sees_origin(&scan->view, &origins[i]))
            return 1;
    return 0;
}

/* List the visible rows of the latched leaf. */
static velo_status
scan_list(vl_ctx *ctx, vl_row_scan *scan)
{
    vl_txn_tree *tree = &scan->table->tree;
    const vl_table_scan *at = &scan->scan;
    vl_versions map = vl_txn_map(tree, &at->ref);
    int has_ranges = scan_has_ranges(scan);
    int is_done = 0;

    scan->row_count = 0;
    scan->older_count = 0;
    scan->slots = NULL;
    if (at->rank_first == at->rank_end)
        return VELO_OK;
    if (map.attachment == NULL && !has_ranges)
        return scan_list_live(ctx, scan);
    VL_TRY(scan_reserve(ctx, scan));
    scan->slots = scan->slot_buffer;
    vl_undo_pool_touch(tree->store->pool, VL_UNDO_PAGE_TOUCHES);
    if (!has_ranges)
        VL_TRY(scan_list_marked(ctx, scan, map, &is_done));
    if (!is_done)
        VL_TRY(scan_list_each(ctx, scan, map, has_ranges));
    for (uint32_t i = 0; i < scan->older_count; i++)
        scan->older_buffer[i].values = scan_older_values(scan, i);
    scan->older = scan->older_buffer;
    return VELO_OK;
}

velo_status
vl_row_scan_next(vl_ctx *ctx, vl_row_scan *scan)
{
    velo_status st = VELO_OK;

    vl_undo_pool_settle(scan->table->tree.store->pool, 0);
    scan->leaf = NULL;
    if (scan->is_paused && scan->resume_is_inside)
        vl_table_scan_resume(&scan->scan, scan->resume_at);
    scan->is_paused = 0;
    scan->resume_is_inside = 0;
    while (st == VELO_OK) {
        st = vl_table_scan_next(ctx, &scan->scan);
        if (st != VELO_OK || scan->scan.leaf == NULL)
            break;
        st = scan_list(ctx, scan);
        if (st == VELO_OK && scan->row_count > 0) {
            scan->leaf = scan->scan.leaf;
            return VELO_OK;
        }
    }
    if (st != VELO_OK)
        vl_table_scan_end(&scan->scan);
    scan->row_count = 0;
    return st;
}

/* The slot of a row on the page; VL_ROW_SCAN_OLDER and an index of an older version. */
static uint32_t
scan_slot(const vl_row_scan *scan, uint32_t index)
{
    if (scan->slots != NULL)
        return scan->slots[index];
    return scan->is_backward ? scan->slot_first + scan->row_count - 1 - index
                             : scan->slot_first + index;
}

int64_t
vl_row_scan_rowid(const vl_row_scan *scan, uint32_t index)
{
    uint32_t slot = scan_slot(scan, index);

    VL_ASSERT(index < scan->row_count);
    if (scan->slots != NULL && (slot & VL_ROW_SCAN_OLDER) != 0)
        return scan->older[slot & ~VL_ROW_SCAN_OLDER].rowid;
    return vl_leaf_rowid(scan->leaf, slot);
}

void
vl_row_scan_get(const vl_row_scan *scan, uint32_t index, uint32_t column, vl_leaf_value *value)
{
    uint32_t slot = scan_slot(scan, index);
    const vl_layout *layout;

    VL_ASSERT(index < scan->row_count && column < scan->id_count);
    if (scan->slots != NULL && (slot & VL_ROW_SCAN_OLDER) != 0) {
        *value = scan->older[slot & ~VL_ROW_SCAN_OLDER].values[column];
        return;
    }
    layout = atomic_load_explicit(&scan->table->tree.base->layout, memory_order_acquire);
    scan_page_columns(layout, scan->leaf, slot, scan->ids + column, 1, value);
}

void
vl_row_scan_pause(vl_row_scan *scan, uint32_t index)
{
    VL_ASSERT(index <= scan->row_count);
    scan->resume_is_inside = index < scan->row_count;
    if (scan->resume_is_inside)
        scan->resume_at = vl_row_scan_rowid(scan, index);
    scan->is_paused = 1;
    vl_table_scan_pause(&scan->scan);
    scan->leaf = NULL;
    scan->row_count = 0;
}

void
vl_row_scan_end(vl_row_scan *scan)
{
    vl_table_scan_end(&scan->scan);
    vl_free(scan->slot_buffer);
    vl_free(scan->older_buffer);
    vl_free(scan->value_buffer);
    scan->slot_buffer = NULL;
    scan->older_buffer = NULL;
    scan->value_buffer = NULL;
    scan->older_capacity = 0;
    scan->leaf = NULL;
    scan->row_count = 0;
}

/* ---- numbers ---- */

velo_status
vl_rows_count(vl_ctx *ctx, vl_txn_table *table, const vl_view *view, vl_rowid_range range,
              uint64_t *count)
{
    vl_row_scan scan;
    velo_status st;

    *count = 0;
    vl_row_scan_begin(&scan, table, view, range, 0, NULL, 0);
    for (;;) {
        st = vl_row_scan_next(ctx, &scan);
        if (st != VELO_OK || scan.leaf == NULL)
            break;
        *count += scan.row_count;
    }
    vl_row_scan_end(&scan);
    return st;
}

velo_status
vl_rows_last(vl_ctx *ctx, vl_txn_table *table, const vl_view *view, int64_t *rowid, int *found)
{
    vl_row_scan scan;
    velo_status st;

    *rowid = 0;
    *found = 0;
    vl_row_scan_begin(&scan, table, view, (vl_rowid_range){INT64_MIN, INT64_MAX}, 1, NULL, 0);
    st = vl_row_scan_next(ctx, &scan);
    if (st == VELO_OK && scan.leaf != NULL) {
        *found = 1;
        *rowid = vl_row_scan_rowid(&scan, 0);
    }
    vl_row_scan_end(&scan);
    return st;
}

velo_status
vl_rows_split(vl_ctx *ctx, vl_txn_table *table, vl_rowid_range range, uint32_t count,
              vl_rowid_range *parts, uint32_t *taken)
{
    return vl_table_split_range(ctx, &table->tree.base->tree, range, count, parts, taken);
}
