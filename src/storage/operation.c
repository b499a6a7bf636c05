/* operation.c - what the layer of versions uses of a writer; see operation.h.
 *
 * Invariants
 *   OP1  Who waits for others' operations is in none himself.
 *   OP2  Scratch memory belongs to one writer, or is spare: it is taken and given back by an
 * exchange. */
#include "storage/operation.h"

#include "base/assert.h"
#include "storage/tree.h"
#include "storage/writer_int.h"

velo_status
vl_operation_make_ready(vl_ctx *ctx, vl_store *store)
{
    return vl_store_make_ready(ctx, store);
}

uint64_t
vl_operation_new_txn(vl_store *store)
{
    return atomic_fetch_add_explicit(&store->next_txn, 1, memory_order_relaxed);
}

/* ---- scratch memory ---- */

velo_status
vl_operation_take_work(vl_ctx *ctx, vl_writer *writer)
{
    vl_store *store = writer->store;

    for (uint32_t i = 0; i < VL_STORE_SPARE_WORKS && writer->work == NULL; i++) {
        vl_store_spare *spare = &store->spares[(writer->spare + i) % VL_STORE_SPARE_WORKS];

        /* only looked at, so that lines of others stay theirs; the exchange sees its content */
        if (atomic_load_explicit(&spare->work, memory_order_relaxed) != NULL)
            writer->work = atomic_exchange_explicit(&spare->work, NULL, memory_order_acq_rel);
    }
    return writer->work != NULL ? VELO_OK
                                : vl_tree_work_create(ctx, store->page_size, &writer->work);
}

void
vl_operation_give_work(vl_writer *writer)
{
    vl_store *store = writer->store;
    vl_tree_work *work = writer->work;

    writer->work = NULL;
    for (uint32_t i = 0; i < VL_STORE_SPARE_WORKS && work != NULL; i++) { /* keeps OP2 */
        vl_store_spare *spare = &store->spares[(writer->spare + i) % VL_STORE_SPARE_WORKS];
        vl_tree_work *none = NULL;

        if (atomic_load_explicit(&spare->work, memory_order_relaxed) == NULL &&
            atomic_compare_exchange_strong_explicit(&spare->work, &none, work, memory_order_acq_rel,
                                                    memory_order_relaxed))
            return;
    }
    vl_tree_work_destroy(work);
}

/* ---- operations ---- */

void
vl_operation_join(vl_writer *writer, uint64_t txn)
{
    VL_ASSERT(!writer->is_open);
    writer->is_joined = 1;
    writer->txn = txn;
    writer->next_long = 0;
    writer->end = 0;
}

void
vl_operation_join_list(vl_writer *writer, uint64_t txn)
{
    vl_operation_join(writer, txn);
    writer->next_long = UINT32_MAX; /* rows have 32 bits for theirs */
}

vl_log_position
vl_operation_log_end(const vl_writer *writer)
{
    return writer->end;
}

void
vl_operation_begin(vl_writer *writer)
{
    vl_arena_reset(&writer->arena);
    vl_gate_hold(&writer->store->gate, 0);
}

void
vl_operation_end(vl_writer *writer)
{
    vl_gate_release(&writer->store->gate, 0);
}

vl_arena *
vl_operation_arena(vl_writer *writer)
{
    return &writer->arena;
}

vl_tree_work *
vl_operation_work(vl_writer *writer)
{
    VL_ASSERT(writer->work != NULL);
    return writer->work;
}

velo_status
vl_operation_log(vl_ctx *ctx, vl_writer *writer, const vl_record *record,
                 const vl_leaf_schema *schema, const vl_leaf_value *row, vl_writer_record *ready)
{
    VL_ASSERT(writer->is_joined);
    return vl_writer_log_ready(ctx, writer, record, schema, row, ready);
}

vl_log_position
vl_operation_append(vl_writer_record *ready)
{
    return vl_writer_log_append(ready);
}

void
vl_operation_log_done(vl_writer_record *ready)
{
    vl_writer_log_end(ready);
}

velo_status
vl_operation_log_alone(vl_ctx *ctx, vl_writer *writer, const vl_record *record,
                       const vl_leaf_schema *schema, const vl_leaf_value *row)
{
    vl_writer_record ready;
    velo_status st = vl_operation_log(ctx, writer, record, schema, row, &ready);

    if (st == VELO_OK) {
        vl_cache_enter(writer->store->cache);
        (void)vl_writer_log_append(&ready);
        vl_cache_leave(writer->store->cache);
    }
    vl_writer_log_end(&ready);
    return st;
}

void
vl_operation_tend(vl_ctx *ctx, vl_store *store)
{
    vl_store_tend(ctx, store);
}

velo_status
vl_operation_create_tree(vl_ctx *ctx, vl_writer *writer, const vl_leaf_schema *schema,
                         vl_tree_id *id)
{
    vl_layout *layout = NULL;
    velo_status st;

    *id = 0;
    if (schema != NULL)
        VL_TRY(vl_layout_create(ctx, writer->store->page_size, schema, &layout));
    *id = atomic_fetch_add_explicit(&writer->store->next_tree, 1, memory_order_relaxed);
    st = vl_writer_do_create_tree(ctx, writer, *id, schema != NULL ? VL_TREE_TABLE : VL_TREE_KEY,
                                  layout);
    if (st != VELO_OK)
        *id = 0;
    return st;
}

velo_status
vl_operation_set_columns(vl_ctx *ctx, vl_writer *writer, vl_store_tree *table,
                         const vl_leaf_schema *schema)
{
    vl_layout *layout;

    VL_TRY(vl_layout_create(ctx, writer->store->page_size, schema, &layout));
    return vl_writer_do_set_layout(ctx, writer, table, layout);
}

velo_status
vl_operation_await_others(vl_ctx *ctx, vl_store *store)
{
    int is_closed;

    vl_store_take_turn(store);
    is_closed = vl_gate_close(&store->gate);
    if (is_closed)
        vl_gate_open(&store->gate);
    vl_latch_release_exclusive(&store->checkpoint_turn);
    return is_closed ? VELO_OK
                     : vl_fail(ctx, VELO_BUSY, "a transaction of several operations is open");
}

velo_status
vl_operation_drop_tree(vl_ctx *ctx, vl_writer *writer, vl_store_tree *tree)
{
    return vl_directory_drop(ctx, writer, tree);
}

void
vl_operation_set_helper(vl_writer *writer)
{
    writer->is_helper = 1;
}

int
vl_operation_is_wanted(vl_store *store)
{
    return vl_store_wants_helper(store);
}

void
vl_operation_return_pages(vl_ctx *ctx, vl_writer *writer)
{
    vl_writer_return_pages(ctx, writer);
}

int
vl_operation_resume_drops(vl_ctx *ctx, vl_writer *writer)
{
    if (writer->is_cut)
        vl_writer_return_pages(ctx, writer);
    return !writer->is_cut;
}
