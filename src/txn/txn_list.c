/* txn_list.c - what transactions that are open have changed, for the log of a checkpoint.
 *
 * Called while no operation runs (store.h, vl_store_layer.list): so undo logs and ranges are as the
 * pages are, and stay so until the barrier. The list is as long as what is to be undone, which the
 * budget for older versions bounds; writers wait for that long.
 *
 * Invariants
 *   TL1  Listed are the changes of exactly those transactions whose commit record lies behind the
 *        list, if there is one (T1), each with the last one first.
 *   TL2  A tree that is to be dropped for a transaction that has committed is listed until it is.
 */
#include "txn/txn_int.h"

#include "base/assert.h"

static uint8_t
list_kind(vl_undo_kind kind)
{
    switch (kind) {
    case VL_UNDO_INSERT:
        return VL_LISTED_INSERT;
    case VL_UNDO_REINSERT:
        return VL_LISTED_REINSERT;
    case VL_UNDO_UPDATE:
        return VL_LISTED_UPDATE;
    case VL_UNDO_DELETE:
        return VL_LISTED_DELETE;
    case VL_UNDO_RANGE:
        return VL_LISTED_RANGE;
    case VL_UNDO_TREE_CREATED:
        return VL_LISTED_TREE_CREATED;
    case VL_UNDO_TREE_DROPPED:
        return VL_LISTED_TREE_DROPPED;
    case VL_UNDO_MERGED:
    case VL_UNDO_OVERFLOW:
        break;
    }
    return 0; /* no transaction's own log has them */
}

static velo_status
list_no_memory(vl_ctx *ctx)
{
    return vl_fail(ctx, VELO_NOMEM, "cannot allocate memory to list a transaction's changes");
}

/* Append one change. */
static velo_status
list_add(vl_ctx *ctx, vl_writer *writer, const vl_undo *change)
{
    vl_record record = {.type = VL_RECORD_LISTED,
                        .tree = change->tree,
                        .rowid = change->key != NULL ? 0 : change->rowid,
                        .kind = list_kind(change->kind),
                        .position = change->position,
                        .last = change->last,
                        .key = {change->key, change->key_size, 0}};
    vl_leaf_schema schema = {NULL, NULL, (uint16_t)change->column_count, 0};
    vl_arena *arena = vl_operation_arena(writer);
    vl_leaf_value *values;
    uint32_t *ids;

    vl_arena_reset(arena);
    if (change->column_count == 0)
        return vl_operation_log_alone(ctx, writer, &record, NULL, NULL);
    values = vl_arena_alloc_array(arena, change->column_count, sizeof *values);
    ids = vl_arena_alloc_array(arena, change->column_count, sizeof *ids);
    if (values == NULL || ids == NULL)
        return list_no_memory(ctx);
    for (uint32_t i = 0; i < change->column_count; i++) {
        ids[i] = change->columns[i].id;
        values[i] = change->columns[i].value;
    }
    schema.ids = ids;
    return vl_operation_log_alone(ctx, writer, &record, &schema, values);
}

static velo_status
list_add_txn(vl_ctx *ctx, vl_writer *writer, const vl_txn *txn, uint64_t *count)
{
    vl_operation_join_list(writer, txn->number);
    for (const vl_undo *change = vl_undo_last(txn->log); change != NULL;
         change = change->previous) {
        VL_TRY(list_add(ctx, writer, change));
        vl_undo_pool_settle(txn->store->pool, 1);
        ++*count;
    }
    return VELO_OK;
}

/* Trees that go whatever happens: TL2. */
static velo_status
list_add_going(vl_ctx *ctx, const vl_txn_store *store, vl_writer *lister, uint64_t *count)
{
    vl_record record = {.type = VL_RECORD_LISTED, .kind = VL_LISTED_TREE_GOING};

    vl_operation_join(lister, vl_operation_new_txn(store->base));
    for (const vl_txn_going *at = store->going; at != NULL; at = at->next) {
        record.tree = at->tree;
        vl_arena_reset(vl_operation_arena(lister));
        VL_TRY(vl_operation_log_alone(ctx, lister, &record, NULL, NULL));
        ++*count;
    }
    return VELO_OK;
}

velo_status
vl_txn_list(vl_ctx *ctx, void *user, uint64_t *count)
{
    vl_txn_store *store = user;
    vl_writer *lister = atomic_load_explicit(&store->lister, memory_order_acquire);
    vl_record end = {.type = VL_RECORD_LIST_END};

    *count = 0;
    if (lister == NULL)
        return VELO_OK; /* being opened or closed: nothing is under way */
    /* Nothing is taken out of the lists while no operation runs; transactions that come in have
     * changed nothing. Those may be linked before others, so the first ones are noted. */
    for (int of_left = 0; of_left < 2; of_left++) {
        const vl_txn *txn;

        vl_latch_acquire_shared(&store->latch);
        txn = of_left ? store->left : store->open;
        vl_latch_release_shared(&store->latch);
        for (; txn != NULL; txn = txn->next)
            VL_TRY(list_add_txn(ctx, lister, txn, count));
    }
    VL_TRY(list_add_going(ctx, store, lister, count));
    if (*count == 0)
        return VELO_OK;
    vl_arena_reset(vl_operation_arena(lister));
    return vl_operation_log_alone(ctx, lister, &end, NULL, NULL);
}
