/* table_read.c - finding rows of a table tree by rowid: one, or many at a time.
 *
 * Invariants
 *   W6  A visit runs under the leaf's shared latch, once for each rowid, and nothing of the page is
 *       used after it.
 *   W7  A batch that has pages under way waits for nothing else but, for moments, latches of pages
 *       that are resident. So a row whose page somebody else brings in waits until none is. */
#include "base/arena.h"
#include "storage/cache_load.h"
#include "storage/table_int.h"

#include <string.h>

/* Rows of a batch that wait for pages at a time: more than pages under way, since several may be on
 * one page. */
#define TABLE_BATCH 128U

/* Pages that are brought in for a row before it is visited alone: more than a tree has levels,
 * unless they are driven out by others as fast as they come. */
#define TABLE_TRIES 12U

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

velo_status
vl_table_find_exclusive(vl_ctx *ctx, const vl_tree *tree, int64_t rowid, vl_table_visit *visit,
                        void *argument)
{
    vl_tree_target target = vl_table_target(rowid);
    vl_tree_search search = {.target = &target, .mode = VL_TREE_EXCLUSIVE};
    vl_table_row row = {.rowid = rowid};
    vl_tree_spot spot;
    velo_status st;

    VL_TRY(vl_tree_find(ctx, tree, &search, &spot));
    row.leaf = spot.ref.page;
    row.ref = &spot.ref;
    row.state = vl_leaf_find(row.leaf, rowid, &row.slot);
    st = visit(ctx, argument, &row);
    vl_cache_release_exclusive(tree->cache, &spot.ref);
    return st;
}

/* ---- many rows ---- */

/* A row that waits for a page. */
typedef struct table_waiting {
    uint32_t index; /* of the row */
    uint32_t tries; /* pages that were brought in for it */
    vl_pid awaited; /* a page under way; 0: it can be tried again */
} table_waiting;

/* Rows that are looked for together. */
typedef struct table_batch {
    const vl_tree *tree;                /* where */
    const int64_t *rowids;              /* which */
    uint32_t count;                     /* how many */
    uint32_t next;                      /* the first one that has not been looked for */
    vl_table_visit *visit;              /* told of each */
    void *argument;                     /* of visit */
    int is_full;                        /* no more pages can be begun at present */
    int has_loads;                      /* the following is in use */
    uint32_t waiting_count;             /* of the rows that wait */
    table_waiting waiting[TABLE_BATCH]; /* in no order */
    vl_cache_loads loads;               /* pages under way */
} table_batch;

/* Begin to bring in the page that a row waits for: what is awaited then. */
static vl_pid
table_await(table_batch *batch, vl_pid pid)
{
    vl_cache_loading answer;
    vl_pid awaited;

    if (!batch->has_loads)
        vl_cache_loads_begin(batch->tree->cache, &batch->loads);
    batch->has_loads = 1;
    answer = vl_cache_loads_add(&batch->loads, pid, &awaited);
    batch->is_full = answer == VL_CACHE_NOT_NOW;
    return answer == VL_CACHE_UNDER_WAY ? awaited : 0;
}

/* Visit a row if its pages are resident; else begin to bring in the first that is not: *is_visited
 * is 0 then, and *awaited that page, or 0 when it could not be begun. */
static velo_status
table_try(vl_ctx *ctx, table_batch *batch, uint32_t index, int *is_visited, vl_pid *awaited)
{
    vl_tree_target target = vl_table_target(batch->rowids[index]);
    vl_tree_search search = {.target = &target, .mode = VL_TREE_SHARED};
    vl_tree_spot spot;
    vl_pid absent;

    VL_TRY(vl_tree_find_resident(ctx, batch->tree, &search, &spot, &absent));
    *is_visited = absent == 0;
    if (absent == 0)
        return table_visit_row(ctx, batch->tree, &spot, batch->rowids[index], index, batch->visit,
                               batch->argument);
    *awaited = table_await(batch, absent);
    return VELO_OK;
}

/* Take a page that has come: rows that wait for it can be tried again. */
static void
table_take(table_batch *batch)
{
    vl_cache_loaded done = vl_cache_loads_take(&batch->loads);

    batch->is_full = 0;
    for (uint32_t i = 0; i < batch->waiting_count; i++) {
        table_waiting *row = &batch->waiting[i];

        if (row->awaited != done.pid)
            continue;
        row->awaited = 0;
        row->tries = done.is_here ? row->tries + 1 : TABLE_TRIES;
    }
}

/* Visit a row whatever pages that takes, alone. Damage is found here. Keeps W7. */
static velo_status
table_visit_alone(vl_ctx *ctx, table_batch *batch, uint32_t index)
{
    vl_tree_target target = vl_table_target(batch->rowids[index]);
    vl_tree_search search = {.target = &target, .mode = VL_TREE_SHARED};
    vl_tree_spot spot;

    while (batch->has_loads && batch->loads.count > 0)
        table_take(batch);
    VL_TRY(vl_tree_find(ctx, batch->tree, &search, &spot));
    return table_visit_row(ctx, batch->tree, &spot, batch->rowids[index], index, batch->visit,
                           batch->argument);
}

/* Try again all rows that wait for nothing. */
static velo_status
table_retry(vl_ctx *ctx, table_batch *batch)
{
    for (uint32_t i = 0; i < batch->waiting_count;) {
        table_waiting row = batch->waiting[i];
        int is_visited = 1;

        if (row.awaited != 0 || (batch->is_full && row.tries < TABLE_TRIES)) {
            i++;
            continue;
        }
        if (row.tries >= TABLE_TRIES)
            VL_TRY(table_visit_alone(ctx, batch, row.index));
        else
            VL_TRY(table_try(ctx, batch, row.index, &is_visited, &batch->waiting[i].awaited));
        if (is_visited)
            batch->waiting[i] = batch->waiting[--batch->waiting_count];
        else
            i++;
    }
    return VELO_OK;
}

/* Look for rows that come next, while more pages can be begun. */
static velo_status
table_go_on(vl_ctx *ctx, table_batch *batch)
{
    while (batch->next < batch->count && batch->waiting_count < TABLE_BATCH && !batch->is_full) {
        table_waiting row = {.index = batch->next++};
        int is_visited;

        VL_TRY(table_try(ctx, batch, row.index, &is_visited, &row.awaited));
        if (!is_visited)
            batch->waiting[batch->waiting_count++] = row;
    }
    return VELO_OK;
}

static velo_status
table_find_all(vl_ctx *ctx, table_batch *batch)
{
    for (;;) {
        VL_TRY(table_retry(ctx, batch));
        VL_TRY(table_go_on(ctx, batch));
        if (batch->waiting_count == 0)
            return VELO_OK;
        if (batch->loads.count > 0) {
            table_take(batch);
            continue;
        }
        /* Somebody else is at these pages, or they cannot be brought in. */
        batch->waiting_count--;
        VL_TRY(table_visit_alone(ctx, batch, batch->waiting[batch->waiting_count].index));
    }
}

velo_status
vl_table_find_batch(vl_ctx *ctx, const vl_tree *tree, const int64_t *rowids, uint32_t count,
                    vl_table_visit *visit, void *argument)
{
    table_batch batch;
    velo_status st;

    batch.tree = tree; /* not all of it is set: most is needed only when pages are absent */
    batch.rowids = rowids;
    batch.count = count;
    batch.next = 0;
    batch.visit = visit;
    batch.argument = argument;
    batch.is_full = 0;
    batch.has_loads = 0;
    batch.waiting_count = 0;
    st = table_find_all(ctx, &batch);
    if (batch.has_loads)
        vl_cache_loads_end(&batch.loads);
    return st;
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
