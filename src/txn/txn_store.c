/* txn_store.c - a transactional store: open, close, trees in memory, maps of absent pages.
 *
 * Invariants
 *   TS1  The map of a page hangs on its frame while the page is in memory, and is in `kept` while
 *        it is not: the cache's hooks move it, so nobody ever sees a page without its map.
 *   TS2  A tree in memory lives as long as the store: what is dropped goes to a list of its own. */
#include "txn/txn_int.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "os/machine.h"

#include <inttypes.h>
#include <string.h>

/* ---- what the store below calls ---- */

static void
txn_store_keep(void *user, vl_pid pid, void *attachment)
{
    vl_txn_store *store = user;

    vl_latch_acquire_exclusive(&store->kept_latch);
    vl_undo_pool_touch(store->pool, VL_UNDO_SPILL_FAR);
    vl_versions_keep(&store->kept, pid, (vl_versions){attachment});
    vl_versions_kept_grow(store->allocator != NULL ? store->allocator : vl_allocator_default(),
                          store->pool, &store->kept);
    atomic_store_explicit(&store->kept_count, store->kept.count, memory_order_release);
    vl_latch_release_exclusive(&store->kept_latch);
}

static void *
txn_store_bring(void *user, vl_pid pid)
{
    vl_txn_store *store = user;
    vl_versions map;

    /* Whoever kept this page's map did so before the page could be loaded again. */
    if (atomic_load_explicit(&store->kept_count, memory_order_acquire) == 0)
        return NULL;
    vl_latch_acquire_exclusive(&store->kept_latch);
    vl_undo_pool_touch(store->pool, VL_UNDO_SPILL_FAR);
    map = vl_versions_bring(&store->kept, pid);
    atomic_store_explicit(&store->kept_count, store->kept.count, memory_order_release);
    vl_latch_release_exclusive(&store->kept_latch);
    return map.attachment;
}

/* The page that entries move to. */
typedef struct txn_store_moving {
    const void *page;   /* it */
    uint32_t page_size; /* of it */
} txn_store_moving;

/* Whether an entry whose key is long has come to the page: it is there (TK1). */
static int
txn_store_has_rest(const txn_store_moving *moving, vl_pid rest)
{
    uint32_t count = vl_node_key_count(moving->page, moving->page_size);

    for (uint32_t i = 0; i < count; i++)
        if (vl_node_key_entry_at(moving->page, moving->page_size, i, NULL).key.rest == rest)
            return 1;
    return 0;
}

static int
txn_store_has_moved(void *argument, const vl_undo *newest)
{
    const txn_store_moving *moving = argument;
    vl_node_key wanted = vl_node_key_make(newest->key, newest->key_size);
    vl_node_key_place place;

    if (newest->rowid != 0)
        return txn_store_has_rest(moving, (vl_pid)newest->rowid);
    /* Fences decide about keys that are not long: no ties. */
    return vl_node_key_covers(moving->page, moving->page_size, &wanted, NULL, &place) ==
           VL_NODE_FOUND;
}

/* Chains follow their rows (11, item 19). */
static void
txn_store_moved(void *argument, const vl_tree *tree, const vl_page_ref *from, const vl_page_ref *to,
                int64_t first, int64_t last)
{
    vl_txn_store *store = argument;
    vl_versions source = {vl_cache_attachment(tree->cache, from)};
    vl_versions target = {vl_cache_attachment(tree->cache, to)};
    txn_store_moving moving = {to->page, tree->page_size};

    if (source.attachment == NULL)
        return;
    vl_undo_pool_touch(store->pool, VL_UNDO_PAGE_TOUCHES);
    if (tree->ops == &vl_table_ops)
        vl_versions_move_rows(store->pool, &source, &target, first, last);
    else
        vl_versions_move_keys(store->pool, &source, &target, txn_store_has_moved, &moving);
    vl_cache_set_attachment(tree->cache, from, source.attachment);
    vl_cache_set_attachment(tree->cache, to, target.attachment);
}

/* ---- opening ---- */

/* The log is there: commits can be published. */
static void
txn_store_attach(vl_txn_store *store)
{
    vl_latch_acquire_exclusive(&store->attach_turn);
    if (!atomic_load_explicit(&store->is_attached, memory_order_relaxed)) {
        vl_publish_attach(&store->publish, vl_store_wal(store->base), store->is_in_memory);
        atomic_store_explicit(&store->is_attached, 1, memory_order_release);
    }
    vl_latch_release_exclusive(&store->attach_turn);
}

velo_status
vl_txn_make_ready(vl_ctx *ctx, vl_txn_store *store)
{
    VL_TRY(vl_operation_make_ready(ctx, store->base));
    if (!atomic_load_explicit(&store->is_attached, memory_order_acquire))
        txn_store_attach(store);
    return VELO_OK;
}

/* Memory for older versions when the owner did not say; 0: no limit. A database in memory may take
 * what there is: as for its pages. If those are limited, so are older versions: to as much. */
static uint64_t
txn_store_budget(uint64_t cache_bytes, int is_in_memory)
{
    vl_machine machine;
    uint64_t share;

    if (is_in_memory)
        return cache_bytes;
    if (cache_bytes != 0) {
        share = cache_bytes / VL_TXN_VERSION_CACHE_SHARE;
        return share > VL_TXN_VERSION_LEAST ? share : VL_TXN_VERSION_LEAST;
    }
    vl_machine_get(&machine);
    share = machine.usable_memory / VL_TXN_VERSION_SHARE;
    return share > VL_TXN_VERSION_BYTES ? share : VL_TXN_VERSION_BYTES;
}

static velo_status
txn_store_open_parts(vl_ctx *ctx, vl_io *io, const char *path, const vl_txn_store_options *options,
                     vl_txn_store *store)
{
    uint64_t budget = options != NULL ? options->version_bytes : 0;
    vl_store_options base = {0};
    vl_writer *lister, *helper;

    if (options != NULL)
        base = options->store;
    store->layer = (vl_store_layer){.user = store,
                                    .keep = txn_store_keep,
                                    .bring = txn_store_bring,
                                    .moved = txn_store_moved,
                                    .list = vl_txn_list,
                                    .tend = vl_txn_help};
    base.layer = &store->layer;
    VL_TRY(vl_undo_pool_create(
        ctx, budget != 0 ? budget : txn_store_budget(base.cache_bytes, path == NULL),
        &store->pool));
    if (path != NULL)
        VL_TRY(vl_undo_pool_set_spill(ctx, store->pool, io, path));
    VL_TRY(vl_key_shares_create(ctx, store->pool, &store->shares));
    VL_TRY(vl_txn_status_pool_create(ctx, &store->statuses));
    VL_TRY(vl_snapshots_create(ctx, &store->publish, &store->snapshots));
    vl_write_gate_init(&store->gate, store->snapshots);
    VL_TRY(vl_store_open(ctx, io, path, &base, &store->base));
    VL_TRY(vl_writer_create(ctx, store->base, &lister));
    atomic_store_explicit(&store->lister, lister, memory_order_release);
    if (base.has_background) {
        VL_TRY(vl_writer_create(ctx, store->base, &helper));
        vl_operation_set_helper(helper);
        atomic_store_explicit(&store->helper, helper, memory_order_release);
    }
    if (vl_store_wal(store->base) != NULL)
        txn_store_attach(store);
    return VELO_OK;
}

velo_status
vl_txn_store_open(vl_ctx *ctx, vl_io *io, const char *path, const vl_txn_store_options *options,
                  vl_txn_store **out)
{
    vl_txn_store *store = vl_alloc_aligned(ctx, sizeof *store, _Alignof(vl_txn_store));
    velo_status st;

    *out = NULL;
    if (store == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a database");
    memset(store, 0, sizeof *store);
    store->allocator = ctx->allocator;
    store->events = ctx->log;
    store->is_in_memory = path == NULL;
    store->helper_failed = UINT64_MAX;
    vl_latch_init(&store->attach_turn, VL_RANK_NONE);
    vl_latch_init(&store->undo_turn, VL_RANK_NONE);
    vl_latch_init(&store->collect_turn, VL_RANK_NONE);
    vl_latch_init(&store->kept_latch, VL_RANK_TXN_KEPT);
    vl_latch_init(&store->latch, VL_RANK_TXN_STORE);
    vl_publish_init(&store->publish);
    st = txn_store_open_parts(ctx, io, path, options, store);
    if (st != VELO_OK) {
        vl_txn_store_abandon(store);
        return st;
    }
    *out = store;
    return VELO_OK;
}

/* ---- trees ---- */

static vl_txn_tree **
txn_store_bucket(vl_txn_store *store, vl_tree_id id)
{
    return &store->trees[id % VL_TXN_TREE_BUCKETS];
}

static vl_txn_tree *
txn_store_find(vl_txn_store *store, vl_tree_id id)
{
    vl_txn_tree *tree;

    vl_latch_acquire_shared(&store->latch);
    tree = *txn_store_bucket(store, id);
    while (tree != NULL && tree->id != id)
        tree = tree->next;
    vl_latch_release_shared(&store->latch);
    return tree;
}

static void
txn_tree_destroy(vl_txn_tree *tree)
{
    vl_ranges_destroy(tree->ranges);
    vl_free(tree);
}

velo_status
vl_txn_tree_get(vl_ctx *ctx, vl_txn_store *store, vl_tree_id id, vl_txn_tree **out)
{
    vl_store_tree *base;
    vl_txn_tree *tree, *other;
    velo_status st = VELO_OK;

    *out = txn_store_find(store, id);
    if (*out != NULL)
        return VELO_OK;
    VL_TRY(vl_store_find_tree(ctx, store->base, id, &base));
    tree = vl_alloc_zero(ctx, sizeof *tree);
    if (tree == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a tree");
    tree->store = store;
    tree->base = base;
    tree->id = id;
    atomic_init(&tree->next_rowid, INT64_MIN);
    atomic_init(&tree->sequence, INT64_MIN);
    if (base->kind == VL_TREE_TABLE)
        st = vl_ranges_create(ctx, store->pool, &tree->ranges);
    if (st != VELO_OK) {
        vl_free(tree);
        return st;
    }
    vl_latch_acquire_exclusive(&store->latch);
    for (other = *txn_store_bucket(store, id); other != NULL && other->id != id;)
        other = other->next;
    if (other == NULL) {
        tree->next = *txn_store_bucket(store, id);
        *txn_store_bucket(store, id) = tree;
    }
    vl_latch_release_exclusive(&store->latch);
    *out = other != NULL ? other : tree;
    if (other != NULL)
        txn_tree_destroy(tree);
    return VELO_OK;
}

void
vl_txn_tree_forget(vl_txn_store *store, vl_txn_tree *tree)
{
    vl_txn_tree **link = txn_store_bucket(store, tree->id);

    vl_latch_acquire_exclusive(&store->latch);
    while (*link != tree)
        link = &(*link)->next;
    *link = tree->next;
    tree->next = store->gone;
    store->gone = tree;
    vl_latch_release_exclusive(&store->latch);
}

/* ---- closing ---- */

static void
txn_store_clear_map(void *argument, void *attachment)
{
    vl_txn_store *store = argument;
    vl_versions map = {attachment};

    vl_versions_clear(store->pool, &map);
}

/* Give the memory of all older versions back. Nobody uses the store. */
static void
txn_store_clear_versions(vl_txn_store *store)
{
    vl_undo_log *log;
    vl_versions map;

    if (store->base == NULL)
        return;
    vl_store_stop_background(store->base);
    if (vl_store_cache(store->base) != NULL)
        vl_cache_take_attachments(vl_store_cache(store->base), txn_store_clear_map, store);
    while ((map = vl_versions_bring_any(&store->kept)).attachment != NULL)
        vl_versions_clear(store->pool, &map);
    while ((log = vl_undo_pool_take(store->pool, VL_TS_MAX)) != NULL) {
        vl_txn_unlink_drops(log);
        vl_undo_log_release(log);
    }
}

static void
txn_store_destroy_trees(vl_txn_tree *tree)
{
    while (tree != NULL) {
        vl_txn_tree *next = tree->next;

        txn_tree_destroy(tree);
        tree = next;
    }
}

/* Forget transactions that were left: their changes are undone when the database is opened again.
 */
static void
txn_store_forget_left(vl_txn_store *store)
{
    while (store->left != NULL) {
        vl_txn *txn = store->left;

        store->left = txn->next;
        vl_txn_unlink_drops(txn->log);
        vl_undo_log_finish(txn->log);
        vl_txn_free_going(txn->going);
        vl_txn_status_release(txn->status, 1);
        vl_free(txn);
    }
}

/* Values whose pages are lost to the file: as after a crash. */
static void
txn_store_forget_garbage(vl_txn_store *store)
{
    vl_txn_garbage *garbage = atomic_exchange_explicit(&store->garbage, NULL, memory_order_acquire);

    while (garbage != NULL) {
        vl_txn_garbage *next = garbage->next;

        vl_free(garbage);
        garbage = next;
    }
}

/* Nobody uses them: the background thread has been stopped. */
static void
txn_store_destroy_writers(vl_txn_store *store)
{
    vl_writer_destroy(atomic_load_explicit(&store->lister, memory_order_relaxed));
    vl_writer_destroy(atomic_load_explicit(&store->helper, memory_order_relaxed));
    atomic_store_explicit(&store->lister, NULL, memory_order_relaxed);
    atomic_store_explicit(&store->helper, NULL, memory_order_relaxed);
}

void
vl_txn_store_abandon(vl_txn_store *store)
{
    if (store == NULL)
        return;
    VL_ASSERT(store->open == NULL);
    txn_store_clear_versions(store);
    for (uint32_t i = 0; i < VL_TXN_TREE_BUCKETS; i++)
        txn_store_destroy_trees(store->trees[i]);
    txn_store_destroy_trees(store->gone);
    txn_store_forget_left(store);
    vl_txn_free_going(store->going);
    txn_store_forget_garbage(store);
    txn_store_destroy_writers(store);
    vl_store_abandon(store->base);
    vl_snapshots_destroy(store->snapshots);
    vl_publish_deinit(&store->publish);
    vl_versions_kept_deinit(&store->kept);
    vl_key_shares_destroy(store->shares);
    vl_undo_pool_destroy(store->pool);
    vl_txn_status_pool_destroy(store->statuses);
    vl_free(store);
}

velo_status
vl_txn_store_close(vl_ctx *ctx, vl_txn_store *store)
{
    vl_store *base;
    velo_status st = VELO_OK;

    if (store == NULL)
        return VELO_OK;
    VL_ASSERT(store->open == NULL);
    if (atomic_load_explicit(&store->is_attached, memory_order_acquire))
        st = vl_txn_store_collect(ctx, store);
    if (store->left != NULL || st != VELO_OK) {
        vl_log_write(ctx->log, VL_LOG_WARNING, VELO_OK,
                     "the database is closed with work left: it is done when it is opened again");
        vl_txn_store_abandon(store);
        return st;
    }
    base = store->base;
    txn_store_clear_versions(store); /* its cache goes with the store below */
    txn_store_destroy_writers(store);
    store->base = NULL;
    st = vl_store_close(ctx, base);
    vl_txn_store_abandon(store);
    return st;
}

/* ---- the rest ---- */

velo_status
vl_txn_store_checkpoint(vl_ctx *ctx, vl_txn_store *store)
{
    if (store->is_in_memory)
        return VELO_OK;
    VL_TRY(vl_txn_make_ready(ctx, store));
    return vl_store_checkpoint(ctx, store->base);
}

vl_store *
vl_txn_store_base(const vl_txn_store *store)
{
    return store->base;
}

double
vl_txn_estimate_rows(vl_ctx *ctx, vl_txn_store *store, vl_tree_id id)
{
    double rows = -1;
    vl_error before = ctx->error;
    vl_txn_tree *tree;

    /* Trees of others are dropped for good by who has the turn (TC4). */
    if (!vl_latch_try_exclusive(&store->collect_turn))
        return -1;
    if (vl_txn_tree_get(ctx, store, id, &tree) != VELO_OK || tree->base->kind != VL_TREE_TABLE ||
        vl_table_estimate(ctx, &tree->base->tree, &rows) != VELO_OK)
        rows = -1; /* whoever reads the table meets the error */
    vl_latch_release_exclusive(&store->collect_turn);
    ctx->error = before;
    return rows;
}

velo_status
vl_txn_store_collect(vl_ctx *ctx, vl_txn_store *store)
{
    vl_writer *writer;
    velo_status st;

    if (!atomic_load_explicit(&store->is_attached, memory_order_acquire))
        return VELO_OK; /* nothing was changed */
    VL_TRY(vl_writer_create(ctx, store->base, &writer));
    st = vl_txn_undo_left(ctx, store, writer);
    if (st == VELO_OK)
        st = vl_txn_collect(ctx, store, writer, UINT64_MAX);
    vl_writer_destroy(writer);
    return st;
}

velo_status
vl_txn_store_check(vl_ctx *ctx, vl_txn_store *store, vl_store_fault *fault, void *argument,
                   vl_store_report *report)
{
    velo_status st;

    vl_latch_acquire_exclusive(&store->collect_turn);
    st = vl_store_check(ctx, store->base, fault, argument, report);
    vl_latch_release_exclusive(&store->collect_turn);
    return st;
}

void
vl_txn_store_get_stats(vl_txn_store *store, vl_txn_stats *stats)
{
    stats->version_bytes = vl_undo_pool_used(store->pool);
    stats->version_limit = vl_undo_pool_budget(store->pool);
    stats->spilled_bytes = vl_undo_pool_spilled(store->pool);
    stats->spill_file_bytes = vl_undo_pool_file_size(store->pool);
    stats->commit_count = vl_counter(&store->commit_count);
    stats->rollback_count = vl_counter(&store->rollback_count);
    stats->wait_count = vl_counter(&store->wait_count);
    stats->conflict_count = vl_counter(&store->conflict_count);
    stats->dropped_count = vl_counter(&store->dropped_count);
    stats->merged_count = vl_counter(&store->merged_count);
    stats->purged_count = vl_counter(&store->purged_count);
    stats->published = vl_publish_ts(&store->publish);
    stats->oldest = vl_snapshots_oldest(store->snapshots);
}
