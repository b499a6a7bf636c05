/* txn_columns.c - adding columns to tables in transactions.
 *
 * A table's layout only grows: columns are added to it at once, outside of what is undone, and none
 * is taken away. So rows that any snapshot sees can be read by the newest layout, rows that were
 * written before it lack the new columns and have their defaults, and a transaction that is undone
 * leaves columns behind that nobody asks for.
 *
 * After a crash the log is replayed without what was undone, columns included: what was logged by
 * others for such columns is passed over. A checkpoint, however, keeps the layout as it is, since
 * pages may have the columns; so it never has less than its pages.
 *
 * Invariants
 *   TC1  The columns of a page are among those of the table's layout in memory, and those of a page
 *        in a checkpoint among those of the layout in its directory.
 *   TC2  No operation that builds pages by an older layout is under way when vl_txn_add_columns
 *        returns, so that none loses what is written to the new columns. */
#include "txn/txn_int.h"

#include "base/alloc.h"

#include <inttypes.h>

static velo_status
columns_find_table(vl_ctx *ctx, vl_txn_store *store, vl_tree_id id, vl_txn_tree **tree)
{
    VL_TRY(vl_txn_tree_get(ctx, store, id, tree));
    if ((*tree)->base->kind == VL_TREE_TABLE)
        return VELO_OK;
    return vl_fail(ctx, VELO_MISUSE, "tree %" PRIu64 " is no table", id);
}

/* Merge the columns of two schemas, those of the first where both have one, into arrays with room
 * for all. Returns how many there are. */
static uint32_t
columns_merge(const vl_leaf_schema *have, const vl_leaf_schema *more, uint32_t *ids,
              vl_leaf_value *defaults)
{
    uint32_t count = 0, i = 0, j = 0;

    while (i < have->count || j < more->count) {
        int is_old = j == more->count || (i < have->count && have->ids[i] <= more->ids[j]);

        if (is_old) {
            j += j < more->count && have->ids[i] == more->ids[j];
            ids[count] = have->ids[i];
            defaults[count++] = have->defaults[i++];
        } else {
            ids[count] = more->ids[j];
            defaults[count++] = more->defaults[j++];
        }
    }
    return count;
}

/* Make it so, in an operation. */
static velo_status
columns_set(vl_ctx *ctx, vl_session *session, vl_txn_tree *tree, const vl_leaf_schema *schema)
{
    velo_status st;

    vl_operation_begin(session->writer);
    st = vl_operation_set_columns(ctx, session->writer, tree->base, schema);
    vl_operation_end(session->writer);
    VL_TRY(st);
    vl_txn_count_change(ctx, session);
    return vl_operation_await_others(ctx, session->store->base); /* TC2 */
}

velo_status
vl_txn_add_columns(vl_ctx *ctx, vl_statement *statement, vl_tree_id id,
                   const vl_leaf_schema *schema)
{
    vl_session *session = statement->session;
    const vl_leaf_schema *have;
    vl_leaf_schema all = {0};
    vl_leaf_value *defaults;
    uint32_t *ids;
    vl_txn_tree *tree;
    uint32_t count, most;
    velo_status st;

    VL_TRY(vl_txn_check_writing(ctx, statement));
    VL_TRY(columns_find_table(ctx, session->store, id, &tree));
    have = &atomic_load_explicit(&tree->base->layout, memory_order_acquire)->columns;
    count = (uint32_t)have->count + schema->count;
    defaults = vl_alloc(ctx, count * (sizeof *defaults + sizeof *ids));
    if (defaults == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the columns of a table");
    ids = (uint32_t *)(defaults + count);
    count = columns_merge(have, schema, ids, defaults);
    all = (vl_leaf_schema){ids, defaults, (uint16_t)count, 0};
    most = vl_txn_max_columns(session->store);
    if (count > most)
        st = vl_fail(ctx, VELO_TOOBIG, "%u columns: at most %u are stored side by side", count,
                     most);
    else
        st = count == have->count ? VELO_OK : columns_set(ctx, session, tree, &all);
    vl_free(defaults);
    return st;
}

velo_status
vl_txn_next_column(vl_ctx *ctx, vl_txn_store *store, vl_tree_id id, uint32_t *next)
{
    const vl_leaf_schema *have;
    vl_txn_tree *tree;

    *next = 0;
    VL_TRY(columns_find_table(ctx, store, id, &tree));
    have = &atomic_load_explicit(&tree->base->layout, memory_order_acquire)->columns;
    *next = have->ids[have->count - 1] + 1;
    return VELO_OK;
}
