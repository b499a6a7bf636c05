/* txn_collect.c - older versions and tombstones that nobody needs (hazards 16-18, 20, 24).
 *
 * Committers share the work, with the background thread if there is one: each takes logs of
 * transactions that every snapshot sees, in the order of their ends, and prunes the rows of their
 * records; about twice as many as it has made itself. A row whose chain grows although a reader
 * keeps it from being taken is pruned by those who change it (vl_txn_shorten).
 *
 * Invariants
 *   TC1  Chains and maps are changed under the leaf's exclusive latch; a tombstone goes in a
 *        section.
 *   TC2  Pages of a value are freed after the last version that named it has gone from its chain:
 *        no view can reach it, and who reads it has one.
 *   TC3  A log that was taken is pruned as a whole before its trees are dropped. One whose pruning
 *        failed is put back, as the first to be tried again; so is one that is long, with a note of
 *        how far it is.
 *   TC4  One thread at a time takes logs: so nobody is at a log of before when a tree is dropped.
 *   TC5  Looking through a page is paid for, by records that were looked at and by chains that
 *        went: so all of it costs no more than a few steps for each record. */
#include "txn/txn_int.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/log.h"

#include <string.h>

/* Ranges of a table from which on neighbours are put together. */
#define COLLECT_RANGES VL_BY_BUILD(64U, 4U)

/* Length of a chain from which on it is shortened. */
#define COLLECT_CHAIN VL_BY_BUILD(8U, 2U)

/* Records that the background thread looks at before others get their turn, and how often it does
 * so before it looks after the cache again. */
#define COLLECT_HELP_RECORDS VL_BY_BUILD(2048U, 16U)
#define COLLECT_HELP_ROUNDS  16U

/* For each record so many chains of its page may be looked at, for each that goes twice so many
 * again; saved up to a limit. Pages with few chains are not looked through. */
#define COLLECT_PAGE_SHARE  8U
#define COLLECT_PAGE_CREDIT 8192U
#define COLLECT_PAGE_LEAST  VL_BY_BUILD(8U, 2U)

/* Chains of a page from which on it is looked through as a whole. */
#define COLLECT_PAGE VL_BY_BUILD(64U, 4U)

/* ---- who may look ---- */

void
vl_txn_add_reader(vl_txn_store *store, vl_txn_status *status)
{
    uint32_t at = 0;

    vl_latch_acquire_exclusive(&store->latch);
    while (at < VL_TXN_READERS && store->readers[at] != status)
        at++;
    if (at == VL_TXN_READERS)
        for (at = 0; at < VL_TXN_READERS && store->readers[at] != NULL;)
            at++;
    if (at < VL_TXN_READERS) {
        store->reader_count += store->readers[at] == NULL;
        store->readers[at] = status;
        store->reader_uses[at]++;
    } else {
        store->reader_rest++;
    }
    vl_latch_release_exclusive(&store->latch);
}

void
vl_txn_remove_reader(vl_txn_store *store, vl_txn_status *status)
{
    uint32_t at = 0;

    vl_latch_acquire_exclusive(&store->latch);
    while (at < VL_TXN_READERS && store->readers[at] != status)
        at++;
    if (at < VL_TXN_READERS) {
        if (--store->reader_uses[at] == 0) {
            store->readers[at] = NULL;
            store->reader_count--;
        }
    } else {
        store->reader_rest--;
    }
    vl_latch_release_exclusive(&store->latch);
}

void
vl_txn_get_horizon(vl_txn_store *store, vl_txn_horizon *horizon)
{
    uint32_t count = 0, rest;

    vl_snapshots_collect(store->snapshots, &horizon->view);
    vl_latch_acquire_shared(&store->latch);
    for (uint32_t i = 0; i < VL_TXN_READERS && count < store->reader_count; i++)
        if (store->readers[i] != NULL)
            horizon->readers[count++] = store->readers[i];
    rest = store->reader_rest;
    vl_latch_release_shared(&store->latch);
    if (rest > 0) { /* not all are known: as if nobody's timestamp were known */
        horizon->view.horizon = VL_TS_NONE;
        horizon->view.count = 0;
    }
    horizon->horizon = (vl_horizon){&horizon->view, horizon->readers, count};
}

/* ---- long values ---- */

void
vl_txn_add_garbage(vl_txn_store *store, vl_tree_id tree, vl_pid pid, uint32_t size)
{
    vl_txn_garbage *garbage =
        vl_allocator_alloc(store->allocator != NULL ? store->allocator : vl_allocator_default(),
                           sizeof *garbage, _Alignof(vl_txn_garbage));

    if (garbage == NULL) {
        vl_log_write(store->events, VL_LOG_ERROR, VELO_NOMEM,
                     "pages of a long value that is not needed any more are lost: no memory");
        return;
    }
    garbage->value = (vl_overflow){tree, pid, size};
    garbage->next = atomic_load_explicit(&store->garbage, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&store->garbage, &garbage->next, garbage,
                                                  memory_order_release, memory_order_relaxed))
        continue;
}

/* Whether the background thread, whose writer it is, is wanted elsewhere. */
static int
collect_is_cut(vl_txn_store *store, const vl_writer *writer)
{
    return writer == atomic_load_explicit(&store->helper, memory_order_relaxed) &&
           vl_operation_is_wanted(store->base);
}

/* Put garbage back to what is to be freed. */
static void
collect_keep_garbage(vl_txn_store *store, vl_txn_garbage *garbage)
{
    vl_txn_garbage *last = garbage;

    while (last->next != NULL)
        last = last->next;
    last->next = atomic_load_explicit(&store->garbage, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&store->garbage, &last->next, garbage,
                                                  memory_order_release, memory_order_relaxed))
        continue;
}

void
vl_txn_free_garbage(vl_ctx *ctx, vl_txn_store *store, vl_writer *writer)
{
    vl_txn_garbage *garbage;

    if (VL_LIKELY(atomic_load_explicit(&store->garbage, memory_order_relaxed) == NULL))
        return;
    garbage = atomic_exchange_explicit(&store->garbage, NULL, memory_order_acquire);
    while (garbage != NULL) {
        vl_txn_garbage *next = garbage->next;
        vl_error before = ctx->error;
        velo_status st;

        vl_operation_begin(writer);
        st = vl_overflow_free_all(ctx, vl_store_cache(store->base), &garbage->value);
        vl_operation_end(writer);
        if (st != VELO_OK)
            vl_log_write(ctx->log, VL_LOG_ERROR, st,
                         "pages of a long value that is not needed any more are lost: %s",
                         ctx->error.text);
        ctx->error = before;
        vl_free(garbage);
        garbage = next;
        if (garbage != NULL && collect_is_cut(store, writer)) {
            collect_keep_garbage(store, garbage);
            return;
        }
    }
}

/* vl_prune.released. */
static void
collect_released(void *argument, vl_tree_id tree, const vl_leaf_value *value)
{
    vl_txn_add_garbage(argument, tree, value->overflow, value->value.size);
}

void
vl_txn_begin_prune(vl_txn_store *store, const vl_txn_horizon *horizon, vl_prune *prune)
{
    *prune = (vl_prune){.pool = store->pool,
                        .horizon = &horizon->horizon,
                        .released = collect_released,
                        .argument = store};
}

void
vl_txn_end_prune(vl_txn_store *store, const vl_prune *prune)
{
    if (prune->dropped_count > 0)
        vl_count(&store->dropped_count, prune->dropped_count);
    if (prune->merged_count > 0)
        vl_count(&store->merged_count, prune->merged_count);
}

/* ---- while changing ---- */

/* A page whose chains are looked through. */
typedef struct collect_page {
    const vl_txn_tree *tree; /* whose */
    const void *page;        /* it */
} collect_page;

static int
collect_is_absent(void *argument, const vl_undo *newest, vl_origin *origin)
{
    const collect_page *self = argument;
    vl_leaf_state state;
    uint32_t slot;

    if (newest->key != NULL && newest->rowid != 0)
        return 0; /* TK1 */
    if (newest->key != NULL) {
        vl_node_key key = vl_node_key_make(newest->key, newest->key_size);
        vl_node_key_place place;

        return vl_node_key_find(self->page, self->tree->base->tree.page_size, &key, NULL, &place) ==
               VL_NODE_ABSENT;
    }
    *origin = vl_ranges_find(self->tree->ranges, newest->rowid);
    state = vl_leaf_find(self->page, newest->rowid, &slot);
    return state == VL_LEAF_NO_SLOT || state == VL_LEAF_GAP;
}

/* Whether a chain is to be shortened: at each power of two. What could not go then, as all that one
 * transaction does to a row, is not looked at again before there is as much once more. */
static int
collect_is_long(const vl_undo *newest)
{
    uint32_t length = newest != NULL ? newest->chain_length : 0;

    return length >= COLLECT_CHAIN && (length & (length - 1)) == 0;
}

/* Whether chains without a row are to be looked for in a map: at each power of two, as above. A
 * large transaction puts as many chains on a page as that has entries, and none of them can go. */
static int
collect_is_full(uint32_t count)
{
    return count >= COLLECT_PAGE && (count & (count - 1)) == 0;
}

/* Whether the chains of a page are likely those of a transaction that is large: nobody has
 * committed since it began, so none of others came. */
static int
collect_is_own(const vl_txn_store *store, const vl_txn *txn, uint32_t count)
{
    return txn->changes >= count && vl_counter(&store->commit_count) == txn->commits;
}

/* Count a chain that was shortened. */
static void
collect_measure(vl_undo *newest)
{
    uint32_t length = 0;

    for (const vl_undo *record = newest; record != NULL; record = record->older)
        length++;
    if (newest != NULL)
        newest->chain_length = length;
}

/* The newest record of a row or entry; `rowid`: as vl_undo's. */
static vl_undo *
collect_find(vl_versions map, int64_t rowid, const void *key, uint32_t key_size)
{
    return key != NULL ? vl_versions_find_key(map, key, key_size, (vl_pid)rowid)
                       : vl_versions_find_row(map, rowid);
}

vl_undo *
vl_txn_shorten(vl_txn_tree *tree, const vl_txn *txn, const vl_page_ref *leaf, int64_t rowid,
               const void *key, uint32_t key_size)
{
    vl_txn_store *store = tree->store;
    vl_versions map = vl_txn_map(tree, leaf);
    collect_page page = {tree, leaf->page};
    vl_txn_horizon horizon;
    vl_undo *newest;
    vl_prune prune;
    uint32_t count;

    if (map.attachment == NULL)
        return NULL;
    newest = collect_find(map, rowid, key, key_size);
    count = vl_versions_count(map);
    if (newest != NULL ? !collect_is_long(newest)
                       : !collect_is_full(count) || collect_is_own(store, txn, count))
        return newest;
    vl_undo_pool_touch(store->pool, VL_UNDO_PAGE_TOUCHES);
    vl_txn_get_horizon(store, &horizon);
    vl_txn_begin_prune(store, &horizon, &prune);
    if (newest != NULL)
        vl_prune_row(&prune, &map, newest);
    else
        vl_prune_page_absent(&prune, &map, collect_is_absent, &page);
    vl_txn_end_prune(store, &prune);
    vl_txn_set_map(tree, leaf, map);
    newest = collect_find(map, rowid, key, key_size);
    collect_measure(newest);
    return newest;
}

/* ---- collecting ---- */

/* A pass over finished logs. */
typedef struct collect_pass {
    vl_txn_store *store;    /* where */
    vl_writer *writer;      /* whose memory is used */
    vl_txn_horizon horizon; /* who may look */
    vl_prune prune;         /* what went */
    vl_timestamp oldest;    /* what is committed up to here is seen by all */
    uint64_t left;          /* records that may still be looked at */
    vl_txn_tree *tree;      /* of the record at hand */
    const vl_undo *record;  /* it */
    int64_t rowid;          /* of its row; of its entry as vl_undo's, but as the page has it now */
    int is_tombstone;       /* the row or entry is one that can go */
    uint32_t credit;        /* chains of whole pages that may be looked at: TC5 */
} collect_pass;

/* The newest record of the row at hand. */
static vl_undo *
collect_known(const collect_pass *pass, vl_versions map)
{
    return collect_find(map, pass->rowid, pass->record->key, pass->record->key_size);
}

/* Prune all chains of a latched leaf, if that is to be: records that come later are then found to
 * be in none, and their pages are not looked for. Keeps TC5. */
static void
collect_prune_page(collect_pass *pass, vl_versions *map)
{
    uint32_t count = vl_versions_count(*map), left;

    if (count < COLLECT_PAGE_LEAST || count > pass->credit)
        return;
    vl_undo_pool_touch(pass->store->pool, VL_UNDO_PAGE_TOUCHES);
    vl_prune_page(&pass->prune, map);
    left = vl_versions_count(*map);
    pass->credit += 2 * (count - left);
    pass->credit -= count;
    if (pass->credit > COLLECT_PAGE_CREDIT)
        pass->credit = COLLECT_PAGE_CREDIT;
}

/* Prune the chain of the record's row, which is on a latched leaf; returns the newest record left.
 */
static vl_undo *
collect_prune(collect_pass *pass, const vl_page_ref *leaf)
{
    vl_versions map = vl_txn_map(pass->tree, leaf);
    vl_undo *newest;

    if (map.attachment == NULL)
        return NULL;
    collect_prune_page(pass, &map);
    newest = collect_known(pass, map);
    if (newest != NULL)
        vl_prune_row(&pass->prune, &map, newest);
    vl_txn_set_map(pass->tree, leaf, map);
    return collect_known(pass, map);
}

static vl_origin
collect_origin(const collect_pass *pass)
{
    vl_origin none = {NULL, VL_TS_NONE, 0};

    return pass->tree->ranges != NULL ? vl_ranges_find(pass->tree->ranges, pass->record->rowid)
                                      : none;
}

static velo_status
collect_visit_row(vl_ctx *ctx, void *argument, const vl_table_row *row)
{
    collect_pass *pass = argument;
    const vl_undo *newest;

    (void)ctx;
    pass->rowid = pass->record->rowid;
    newest = collect_prune(pass, row->ref);
    pass->is_tombstone = row->state == VL_LEAF_TOMBSTONE &&
                         vl_prune_can_purge(&pass->horizon.horizon, newest, collect_origin(pass));
    return VELO_OK;
}

static velo_status
collect_visit_entry(vl_ctx *ctx, void *argument, const vl_tree_key_found *found)
{
    collect_pass *pass = argument;
    const vl_undo *newest;

    (void)ctx;
    pass->rowid =
        vl_txn_rest(pass->tree, found->leaf, pass->record->key_size, found->state, found->index);
    newest = collect_prune(pass, found->leaf);
    pass->is_tombstone =
        found->state == VL_TREE_KEY_TOMBSTONE &&
        vl_prune_can_purge(&pass->horizon.horizon, newest, (vl_origin){NULL, VL_TS_NONE, 0});
    return VELO_OK;
}

/* The tombstone's chain goes with it: in the section. */
static void
collect_purged(collect_pass *pass, const vl_page_ref *leaf)
{
    vl_versions map = vl_txn_map(pass->tree, leaf);

    vl_prune_purged(&pass->prune, &map, collect_known(pass, map));
    vl_txn_set_map(pass->tree, leaf, map);
    vl_count(&pass->store->purged_count, 1);
}

/* Take a tombstone off its page, if that is still what it is. */
static velo_status
collect_purge_row(vl_ctx *ctx, collect_pass *pass)
{
    const vl_layout *layout = atomic_load_explicit(&pass->tree->base->layout, memory_order_acquire);
    vl_table_op op = {.action = VL_TABLE_PURGE,
                      .rowid = pass->record->rowid,
                      .schema = &layout->leaf,
                      .frees_old = 1};
    vl_table_write write;
    velo_status st = vl_table_write_begin(ctx, &pass->tree->base->tree,
                                          vl_operation_work(pass->writer), &op, &write);

    while (st == VELO_OK && write.state == VL_LEAF_TOMBSTONE &&
           vl_prune_can_purge(&pass->horizon.horizon,
                              vl_versions_find_row(vl_txn_map(pass->tree, &write.leaf), op.rowid),
                              collect_origin(pass))) {
        if (vl_table_write_enter(&write)) {
            collect_purged(pass, &write.leaf);
            vl_table_write_apply(&write);
            vl_table_write_leave(&write);
            break;
        }
        st = vl_table_write_retry(ctx, &write);
    }
    vl_table_write_end(ctx, &write);
    return st;
}

/* Whether the latched entry is a tombstone that can go. */
static int
collect_is_tombstone(collect_pass *pass, const vl_tree_key_write *write)
{
    vl_versions map = vl_txn_map(pass->tree, &write->leaf);

    pass->rowid =
        vl_txn_rest(pass->tree, &write->leaf, pass->record->key_size, write->state, write->index);
    return write->state == VL_TREE_KEY_TOMBSTONE &&
           vl_prune_can_purge(&pass->horizon.horizon, collect_known(pass, map),
                              (vl_origin){NULL, VL_TS_NONE, 0});
}

static velo_status
collect_purge_entry(vl_ctx *ctx, collect_pass *pass)
{
    vl_tree_key_op op = {
        .action = VL_TREE_KEY_REMOVE, .key = pass->record->key, .key_size = pass->record->key_size};
    vl_tree_key_write write;
    velo_status st = vl_tree_key_write_begin(ctx, &pass->tree->base->tree,
                                             vl_operation_work(pass->writer), &op, &write);

    while (st == VELO_OK && collect_is_tombstone(pass, &write)) {
        if (vl_tree_key_write_enter(&write)) {
            collect_purged(pass, &write.leaf);
            vl_tree_key_write_apply(&write);
            vl_tree_key_write_leave(&write);
            break;
        }
        st = vl_tree_key_write_retry(ctx, &write);
    }
    vl_tree_key_write_end(ctx, &write);
    return st;
}

/* Prune the row or entry of a record. */
static velo_status
collect_record(vl_ctx *ctx, collect_pass *pass)
{
    const vl_undo *record = pass->record;
    velo_status st;

    pass->is_tombstone = 0;
    vl_undo_pool_settle(pass->store->pool, 1);
    pass->credit += pass->credit < COLLECT_PAGE_CREDIT ? COLLECT_PAGE_SHARE : 0;
    if (!vl_undo_is_linked(record) &&
        (record->kind == VL_UNDO_INSERT || record->kind == VL_UNDO_UPDATE))
        return VELO_OK; /* its chain has gone; tombstones are those of other records */
    if (record->key != NULL)
        VL_TRY(vl_tree_key_find_exclusive(ctx, &pass->tree->base->tree, record->key,
                                          record->key_size, collect_visit_entry, pass));
    else
        VL_TRY(vl_table_find_exclusive(ctx, &pass->tree->base->tree, record->rowid,
                                       collect_visit_row, pass));
    if (!pass->is_tombstone)
        return VELO_OK;
    vl_operation_begin(pass->writer);
    st = record->key != NULL ? collect_purge_entry(ctx, pass) : collect_purge_row(ctx, pass);
    vl_operation_end(pass->writer);
    return st;
}

static int
collect_is_one(void *argument, const vl_undo *range, const vl_undo *next)
{
    return vl_prune_is_one(argument, range, next);
}

/* Put ranges together when there are many. What stays apart (a transaction that is open) is not
 * looked at again before there are twice as many, so that all passes together cost no more than a
 * few steps for each range. */
static uint32_t
collect_merge_ranges(vl_txn_tree *tree, vl_horizon *horizon)
{
    uint32_t merged;
    uint32_t left;

    if (vl_ranges_count(tree->ranges) < COLLECT_RANGES ||
        vl_ranges_count(tree->ranges) < atomic_load(&tree->merge_at))
        return 0;
    merged = vl_ranges_merge(tree->ranges, collect_is_one, horizon);
    left = vl_ranges_count(tree->ranges);
    atomic_store(&tree->merge_at, 2 * left);
    return merged;
}

void
vl_txn_merge_ranges(vl_txn_tree *tree)
{
    vl_txn_horizon horizon;

    if (vl_ranges_count(tree->ranges) < COLLECT_RANGES ||
        vl_ranges_count(tree->ranges) < atomic_load(&tree->merge_at))
        return;
    vl_txn_get_horizon(tree->store, &horizon);
    vl_count(&tree->store->merged_count, collect_merge_ranges(tree, &horizon.horizon));
}

/* Drop ranges that everybody sees, and put together those that nobody can tell apart. */
static void
collect_ranges(collect_pass *pass)
{
    pass->prune.dropped_count += vl_ranges_prune(pass->tree->ranges, pass->oldest);
    pass->prune.merged_count += collect_merge_ranges(pass->tree, &pass->horizon.horizon);
}

/* Whether a record's tree is there still. */
static int
collect_find_tree(vl_ctx *ctx, collect_pass *pass)
{
    if (pass->tree != NULL && pass->tree->id == pass->record->tree)
        return 1;
    pass->tree = NULL;
    if (vl_txn_tree_get(ctx, pass->store, pass->record->tree, &pass->tree) == VELO_OK)
        return 1;
    vl_error_clear(ctx);
    return 0; /* dropped: no chain of it is left */
}

/* Prune what a log speaks of: *is_done 1, or so much of it as is left of pass->left. */
static velo_status
collect_log(vl_ctx *ctx, collect_pass *pass, vl_undo_log *log, int *is_done)
{
    vl_undo *record = vl_undo_log_resume(log);

    *is_done = 0;
    for (; record != NULL; record = record->previous) {
        vl_undo_log_set_resume(log, record);
        if (pass->left-- == 0)
            return VELO_OK;
        pass->record = record;
        if (record->kind >= VL_UNDO_TREE_CREATED || !collect_find_tree(ctx, pass))
            continue;
        if (record->kind == VL_UNDO_RANGE)
            collect_ranges(pass);
        else
            VL_TRY(collect_record(ctx, pass));
    }
    for (record = vl_undo_last(log); record != NULL; record = record->previous) { /* TC3 */
        vl_undo_pool_settle(pass->store->pool, 1); /* it may be a long way through the file */
        if (record->kind != VL_UNDO_TREE_DROPPED || record->tree == 0)
            continue;
        pass->tree = NULL;
        VL_TRY(vl_txn_drop_for_good(ctx, pass->store, pass->writer, record->tree));
        vl_txn_unlink_drop(record); /* the log is held */
    }
    *is_done = 1;
    return VELO_OK;
}

/* Collect; the caller has the turn. */
static velo_status
collect_logs(vl_ctx *ctx, collect_pass *pass)
{
    vl_undo_log *log;
    velo_status st = VELO_OK;

    vl_txn_get_horizon(pass->store, &pass->horizon);
    pass->oldest = vl_snapshot_view_oldest(&pass->horizon.view);
    vl_txn_begin_prune(pass->store, &pass->horizon, &pass->prune);
    while (st == VELO_OK && pass->left > 0 &&
           (log = vl_undo_pool_take(pass->store->pool, pass->oldest)) != NULL) {
        int is_done;

        st = collect_log(ctx, pass, log, &is_done);
        if (st == VELO_OK && is_done)
            vl_undo_log_release(log);
        else
            vl_undo_log_put_back(log); /* TC3 */
        if (!is_done)
            break;
    }
    vl_txn_end_prune(pass->store, &pass->prune);
    return st;
}

/* Collect with the turn, which is given back. */
static velo_status
collect_with_turn(vl_ctx *ctx, vl_txn_store *store, vl_writer *writer, uint64_t max_records)
{
    collect_pass pass;
    velo_status st;

    /* The horizon is large, and filled later. */
    pass.store = store;
    pass.writer = writer;
    pass.left = max_records;
    pass.tree = NULL;
    pass.record = NULL;
    pass.rowid = 0;
    pass.is_tombstone = 0;
    pass.credit = 0;
    st = collect_logs(ctx, &pass);
    vl_txn_free_garbage(ctx, store, writer); /* with the turn: vl_txn_store_check relies on it */
    vl_latch_release_exclusive(&store->collect_turn);
    vl_undo_pool_tend(ctx, store->pool);
    return st;
}

velo_status
vl_txn_collect(vl_ctx *ctx, vl_txn_store *store, vl_writer *writer, uint64_t max_records)
{
    if (max_records == UINT64_MAX) {
        vl_latch_acquire_exclusive(&store->collect_turn); /* TC4 */
    } else if (!vl_latch_try_exclusive(&store->collect_turn)) {
        atomic_fetch_add_explicit(&store->collect_owed, max_records, memory_order_relaxed);
        return VELO_OK; /* who has the turn, or comes next, does it as well */
    } else {
        max_records += atomic_exchange_explicit(&store->collect_owed, 0, memory_order_relaxed);
    }
    return collect_with_turn(ctx, store, writer, max_records);
}

void
vl_txn_help(vl_ctx *ctx, void *user)
{
    vl_txn_store *store = user;
    vl_writer *writer = atomic_load_explicit(&store->helper, memory_order_acquire);

    if (writer == NULL || !atomic_load_explicit(&store->is_attached, memory_order_acquire))
        return; /* being opened */
    if (store->helper_failed == vl_counter(&store->commit_count))
        return; /* not before something happens: committers try it as well */
    store->helper_failed = UINT64_MAX;
    if (!vl_operation_resume_drops(ctx, writer))
        return;
    for (uint32_t i = 0; i == 0 || (i < COLLECT_HELP_ROUNDS && !collect_is_cut(store, writer));
         i++) {
        if (!vl_undo_pool_can_take(store->pool, vl_snapshots_oldest(store->snapshots)) ||
            !vl_latch_try_exclusive(&store->collect_turn))
            return;
        if (collect_with_turn(ctx, store, writer, COLLECT_HELP_RECORDS) == VELO_OK)
            continue;
        vl_log_write(ctx->log, VL_LOG_WARNING, ctx->error.code, "older versions stay for now: %s",
                     ctx->error.text);
        vl_error_clear(ctx);
        store->helper_failed = vl_counter(&store->commit_count);
        return;
    }
}
