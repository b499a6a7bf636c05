/* txn_sequence.c - rowids that are never given twice: AUTOINCREMENT.
 *
 * One number for each table, in memory, from which all transactions draw: so none waits for
 * another, nor conflicts with it. What survives is not here: see txn_rows.h.
 *
 * Finding the number again reads the table's last row, and then what is kept. Meanwhile others may
 * insert, commit, delete; each of them leaves its mark: whoever draws needs the number as well, and
 * whoever inserts at a rowid of his own raises it.
 *
 * Invariants
 *   TQ1  While the number is known it is at or above every rowid that was given: it only rises.
 *   TQ2  A number is found only if the stamp has not moved since before anything was read for it:
 *        nobody has inserted at a rowid of his own, and it has not been known in between.
 *   TQ3  An undone rowid is given again only if no other transaction is open: else another may have
 *        taken and deleted a row above what anybody can read. */
#include "base/assert.h"
#include "txn/txn_int.h"

/* The number is not known from now on. Under the store's latch. */
static void
sequence_forget(vl_txn_tree *tree)
{
    tree->sequence_stamp++;
    atomic_store_explicit(&tree->sequence, INT64_MIN, memory_order_relaxed);
}

void
vl_txn_forget_sequence(const vl_txn *txn, vl_txn_tree *tree, int64_t rowid)
{
    vl_txn_store *store = tree->store;
    const vl_txn *open;

    if (VL_LIKELY(atomic_load_explicit(&tree->sequence, memory_order_relaxed) != rowid))
        return;
    vl_latch_acquire_exclusive(&store->latch);
    open = store->open;
    if ((open == NULL || (open == txn && open->next == NULL)) && /* keeps TQ3 */
        atomic_load_explicit(&tree->sequence, memory_order_relaxed) == rowid)
        sequence_forget(tree);
    vl_latch_release_exclusive(&store->latch);
}

void
vl_txn_forget_sequences(vl_txn_store *store)
{
    vl_latch_acquire_exclusive(&store->latch);
    for (uint32_t i = 0; i < VL_TXN_TREE_BUCKETS; i++)
        for (vl_txn_tree *tree = store->trees[i]; tree != NULL; tree = tree->next)
            sequence_forget(tree);
    vl_latch_release_exclusive(&store->latch);
}

void
vl_rows_set_sequences(vl_statement *statement)
{
    VL_ASSERT(statement->session->txn != NULL);
    statement->session->txn->sets_sequences = 1;
}

int
vl_statement_is_alone(const vl_statement *statement)
{
    vl_txn_store *store = statement->session->store;
    int is_alone;

    vl_latch_acquire_shared(&store->latch);
    is_alone =
        store->open == statement->session->txn && store->open != NULL && store->open->next == NULL;
    vl_latch_release_shared(&store->latch);
    return is_alone;
}

/* Nobody who looks for the number now may find one that lacks what has just been inserted: TQ2. 1:
 * it is known meanwhile. */
static int
sequence_disturb(vl_txn_tree *tree)
{
    int is_known;

    vl_latch_acquire_exclusive(&tree->store->latch);
    is_known = atomic_load_explicit(&tree->sequence, memory_order_relaxed) != INT64_MIN;
    if (!is_known)
        tree->sequence_stamp++;
    vl_latch_release_exclusive(&tree->store->latch);
    return is_known;
}

void
vl_rows_raise_sequence(vl_txn_table *table, int64_t rowid)
{
    vl_txn_tree *tree = &table->tree;
    int64_t last = atomic_load_explicit(&tree->sequence, memory_order_relaxed);

    while (last < rowid) {
        if (last == INT64_MIN && !sequence_disturb(tree))
            return;
        if (last == INT64_MIN)
            last = atomic_load_explicit(&tree->sequence, memory_order_relaxed);
        else if (atomic_compare_exchange_weak_explicit(&tree->sequence, &last, rowid,
                                                       memory_order_relaxed, memory_order_relaxed))
            return; /* keeps TQ1 */
    }
}

/* Take what was found, unless somebody was faster or it may be too low: TQ2. */
static void
sequence_found(vl_txn_tree *tree, uint64_t stamp, int64_t last)
{
    vl_latch_acquire_exclusive(&tree->store->latch);
    if (tree->sequence_stamp == stamp &&
        atomic_load_explicit(&tree->sequence, memory_order_relaxed) == INT64_MIN)
        atomic_store_explicit(&tree->sequence, last, memory_order_relaxed);
    vl_latch_release_exclusive(&tree->store->latch);
}

/* Find the number. It may be unknown again when this returns. */
static velo_status
sequence_find(vl_ctx *ctx, const vl_statement *statement, vl_txn_tree *tree, vl_rows_kept *kept,
              void *argument)
{
    vl_view view = vl_statement_latest(statement);
    int64_t next, last;
    uint64_t stamp;

    vl_latch_acquire_shared(&tree->store->latch);
    stamp = tree->sequence_stamp;
    vl_latch_release_shared(&tree->store->latch);
    /* The rows come first: who has taken one away since has committed what he keeps before. */
    VL_TRY(vl_txn_find_next(ctx, tree, 0, &next));
    VL_TRY(kept(ctx, argument, &view, &last));
    next = next == INT64_MIN ? INT64_MAX : next - 1;
    last = next > last ? next : last;
    sequence_found(tree, stamp, last > 0 ? last : 0);
    return VELO_OK;
}

/* Draw one above `floor`; INT64_MIN: the number is not known. INT64_MAX is given once. */
static velo_status
sequence_draw(vl_ctx *ctx, vl_txn_tree *tree, int64_t floor, int64_t *rowid)
{
    int64_t last = atomic_load_explicit(&tree->sequence, memory_order_relaxed);
    int64_t from;

    do {
        from = last > floor ? last : floor;
        *rowid = INT64_MIN;
        if (last == INT64_MIN)
            return VELO_OK;
        if (from == INT64_MAX)
            return vl_fail(ctx, VELO_FULL, "tree %llu: all rowids have been given",
                           (unsigned long long)tree->id);
        *rowid = from + 1;
    } while (!atomic_compare_exchange_weak_explicit(&tree->sequence, &last, *rowid,
                                                    memory_order_relaxed, memory_order_relaxed));
    return VELO_OK;
}

/* Insert behind `floor`, whatever others were given. */
static velo_status
sequence_append_own(vl_ctx *ctx, vl_statement *statement, vl_txn_table *table, int64_t floor,
                    const vl_value *values, int64_t *rowid)
{
    int is_taken = 1;

    for (uint32_t tries = 0; is_taken; tries++) {
        int64_t next = INT64_MIN;

        if (tries > 0) { /* by somebody who is not seen */
            VL_TRY(vl_txn_find_next(ctx, &table->tree, 1, &next));
            floor = next == INT64_MIN ? INT64_MAX : next - 1 > floor ? next - 1 : floor;
        }
        if (floor == INT64_MAX)
            return vl_fail(ctx, VELO_FULL, "tree %llu: all rowids have been given",
                           (unsigned long long)table->tree.id);
        *rowid = ++floor;
        VL_TRY(vl_txn_append_at(ctx, statement, table, *rowid, values, &is_taken));
    }
    vl_rows_raise_sequence(table, *rowid);
    return VELO_OK;
}

velo_status
vl_rows_append_ever(vl_ctx *ctx, vl_statement *statement, vl_txn_table *table, int64_t floor,
                    vl_rows_kept *kept, void *argument, const vl_value *values, int64_t *rowid)
{
    int is_taken = 1;

    VL_TRY(vl_txn_check_writing(ctx, statement));
    floor = floor > 0 ? floor : 0;
    if (statement->session->txn->sets_sequences)
        return sequence_append_own(ctx, statement, table, floor, values, rowid);
    while (is_taken) {
        VL_TRY(sequence_draw(ctx, &table->tree, floor, rowid));
        if (*rowid == INT64_MIN)
            VL_TRY(sequence_find(ctx, statement, &table->tree, kept, argument));
        else
            VL_TRY(vl_txn_append_at(ctx, statement, table, *rowid, values, &is_taken));
    }
    return VELO_OK;
}
