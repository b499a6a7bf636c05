/* table_read.c - finding rows of a table tree by rowid: one, or many at a time.
 *
 * Invariants
 *   W6  A visit runs under the leaf's shared latch, once for each rowid, and nothing of the page is
 *       used after it. */
#include "base/arena.h"
#include "storage/table_int.h"

#include <string.h>

/* Rows that are looked for together. */
#define TABLE_BATCH 64U
_Static_assert(TABLE_BATCH <= VL_CACHE_BATCH, "each may need a page");

/* ---- one row ---- */

/* Visit a row of the leaf that was found, and release it. */
static velo_status
table_visit_row(vl_ctx *ctx, const vl_tree *tree, vl_tree_spot *spot, int64_t rowid, uint32_t index,
                vl_table_visit *visit, void *argument)
{
    vl_table_row row = {.leaf = spot->ref.page, .ref = &spot->ref, .rowid = rowid, .index = index};
    velo_status st;

    row.state = vl_leaf_find(row.leaf, rowid, &row.slot);
    st = visit(ctx, argument, &row);
    vl_cache_release_shared(tree->cache, &spot->ref);
    return st;
}

velo_status
vl_table_find(vl_ctx *ctx, const vl_tree *tree, int64_t rowid, vl_table_visit *visit,
              void *argument)
{
    vl_tree_target target = vl_table_target(rowid);
    vl_tree_search search = {.target = &target, .mode = VL_TREE_SHARED};
    vl_tree_spot spot;

    VL_TRY(vl_tree_find(ctx, tree, &search, &spot));
    return table_visit_row(ctx, tree, &spot, rowid, 0, visit, argument);
}

/* ---- many rows ---- */

/* Up to TABLE_BATCH rows that are looked for together. */
typedef struct table_batch {
    const vl_tree *tree;        /* where */
    const int64_t *rowids;      /* which */
    uint32_t first;             /* index of the first one among all */
    uint64_t pending;           /* bit i: row i has not been visited */
    vl_table_visit *visit;      /* told of each */
    void *argument;             /* of visit */
    uint32_t absent_count;      /* of the following */
    vl_pid absent[TABLE_BATCH]; /* pages that some of them wait for */
} table_batch;

/* Note an absent page, mostly that of the row before too. */
static void
table_note_absent(table_batch *batch, vl_pid pid)
{
    for (uint32_t i = batch->absent_count; i > 0; i--)
        if (batch->absent[i - 1] == pid)
            return;
    batch->absent[batch->absent_count++] = pid;
}

/* Visit all rows whose pages are resident. */
static velo_status
table_visit_resident(vl_ctx *ctx, table_batch *batch)
{
    vl_tree_search search = {.mode = VL_TREE_SHARED};
    vl_tree_spot spot;
    vl_pid absent;

    batch->absent_count = 0;
    for (uint64_t rest = batch->pending; rest != 0; rest &= rest - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(rest);
        vl_tree_target target = vl_table_target(batch->rowids[i]);

        search.target = &target;
        VL_TRY(vl_tree_find_resident(ctx, batch->tree, &search, &spot, &absent));
        if (absent != 0) {
            table_note_absent(batch, absent);
            continue;
        }
        batch->pending &= ~(UINT64_C(1) << i);
        VL_TRY(table_visit_row(ctx, batch->tree, &spot, batch->rowids[i], batch->first + i,
                               batch->visit, batch->argument));
    }
    return VELO_OK;
}

/* Visit the first row that is pending, whatever pages that takes. */
static velo_status
table_visit_first(vl_ctx *ctx, table_batch *batch)
{
    uint32_t i = (uint32_t)__builtin_ctzll(batch->pending);
    vl_tree_target target = vl_table_target(batch->rowids[i]);
    vl_tree_search search = {.target = &target, .mode = VL_TREE_SHARED};
    vl_tree_spot spot;

    VL_TRY(vl_tree_find(ctx, batch->tree, &search, &spot));
    batch->pending &= ~(UINT64_C(1) << i);
    return table_visit_row(ctx, batch->tree, &spot, batch->rowids[i], batch->first + i,
                           batch->visit, batch->argument);
}

static velo_status
table_find_some(vl_ctx *ctx, table_batch *batch)
{
    while (batch->pending != 0) {
        uint64_t before = batch->pending;

        VL_TRY(table_visit_resident(ctx, batch));
        if (batch->absent_count > 0)
            vl_cache_load_batch(batch->tree->cache, batch->absent, batch->absent_count);
        /* A round without a visit went for inner nodes, or for pages that are gone again: in a
         * cache too small for the batch every round may be like that. Damage is found here too. */
        if (batch->pending == before)
            VL_TRY(table_visit_first(ctx, batch));
    }
    return VELO_OK;
}

velo_status
vl_table_find_batch(vl_ctx *ctx, const vl_tree *tree, const int64_t *rowids, uint32_t count,
                    vl_table_visit *visit, void *argument)
{
    table_batch batch = {.tree = tree, .visit = visit, .argument = argument};

    for (uint32_t first = 0; first < count; first += TABLE_BATCH) {
        uint32_t some = count - first < TABLE_BATCH ? count - first : TABLE_BATCH;

        batch.rowids = rowids + first;
        batch.first = first;
        batch.pending = some < 64 ? (UINT64_C(1) << some) - 1 : UINT64_MAX;
        VL_TRY(table_find_some(ctx, &batch));
    }
    return VELO_OK;
}

/* ---- whole rows ---- */

/* What vl_table_read gives its visit. */
typedef struct table_reading {
    const vl_leaf_schema *schema; /* columns wanted */
    vl_arena *arena;              /* where texts go */
    vl_leaf_value *values;        /* receives the row */
    vl_leaf_state state;          /* receives the state */
} table_reading;

static velo_status
table_read_visit(vl_ctx *ctx, void *argument, const vl_table_row *row)
{
    table_reading *reading = argument;

    reading->state = row->state;
    if (row->state != VL_LEAF_LIVE && row->state != VL_LEAF_TOMBSTONE)
        return VELO_OK;
    for (uint32_t i = 0; i < reading->schema->count; i++) {
        int index = vl_leaf_column_index(row->leaf, reading->schema->ids[i]);
        vl_leaf_value *value = reading->values + i;

        if (index < 0) {
            *value = reading->schema->defaults[i];
            continue;
        }
        vl_leaf_get(row->leaf, row->slot, (uint32_t)index, value);
        if ((value->value.type != VL_TYPE_TEXT && value->value.type != VL_TYPE_BLOB) ||
            value->overflow != 0)
            continue;
        value->value.as.data =
            vl_arena_copy(reading->arena, value->value.as.data, value->value.size);
        if (value->value.as.data == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate %u bytes for a value",
                           value->value.size);
    }
    return VELO_OK;
}

velo_status
vl_table_read(vl_ctx *ctx, const vl_tree *tree, int64_t rowid, const vl_leaf_schema *schema,
              vl_arena *arena, vl_leaf_value *values, vl_leaf_state *state)
{
    table_reading reading = {.schema = schema, .arena = arena, .values = values};

    *state = VL_LEAF_NO_SLOT;
    VL_TRY(vl_table_find(ctx, tree, rowid, table_read_visit, &reading));
    *state = reading.state;
    return VELO_OK;
}

velo_status
vl_table_last_rowid(vl_ctx *ctx, const vl_tree *tree, int64_t *rowid, int *is_empty)
{
    vl_rowid_range all = {INT64_MIN, INT64_MAX};
    vl_table_scan scan;
    velo_status st;

    *is_empty = 1;
    *rowid = INT64_MIN;
    vl_table_scan_begin(&scan, tree, all, 1);
    do {
        st = vl_table_scan_next(ctx, &scan);
        if (st != VELO_OK || scan.leaf == NULL)
            break;
        for (uint32_t rank = scan.rank_end; *is_empty && rank > scan.rank_first; rank--) {
            uint32_t slot = vl_leaf_slot_at(scan.leaf, rank - 1);

            if (vl_leaf_slot_state(scan.leaf, slot) == VL_LEAF_GAP)
                continue;
            *rowid = vl_leaf_rowid(scan.leaf, slot);
            *is_empty = 0;
        }
    } while (*is_empty);
    vl_table_scan_end(&scan);
    return st;
}
