/* writer.c - transactions and operations of the unversioned layer (store.h).
 *
 * An operation on a row: log space and long values first, then the leaf is found and latched with
 * room for the change, then in one section the record is appended and the leaf changed; overflow
 * values that the change let go of are freed last. All of it is done while the gate is held, so a
 * checkpoint has all or nothing of it.
 *
 * Invariants
 *   WR3  An operation that fails has changed nothing that can be seen: its record was not appended.
 *   WR4  A transaction's records are followed by its commit; one operation outside of begin and
 *        commit carries the commit itself. */
#include "storage/writer_int.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "storage/tree_key.h"

#include <string.h>

/* ---- life ---- */

velo_status
vl_operation_create_writer(vl_ctx *ctx, vl_store *store, vl_writer **out)
{
    vl_writer *writer = vl_alloc_zero(ctx, sizeof *writer);

    *out = writer;
    if (writer == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a writer");
    writer->store = store;
    writer->synchronous = VL_SYNCHRONOUS_FULL;
    writer->spare = atomic_fetch_add_explicit(&store->sharer_count, 1, memory_order_relaxed) %
                    VL_STORE_SPARE_WORKS;
    vl_arena_init(&writer->arena, ctx->allocator, 0);
    return VELO_OK;
}

velo_status
vl_writer_create(vl_ctx *ctx, vl_store *store, vl_writer **out)
{
    vl_writer *writer;
    velo_status st;

    *out = NULL;
    VL_TRY(vl_operation_create_writer(ctx, store, &writer));
    st = vl_tree_work_create(ctx, store->page_size, &writer->work);
    if (st != VELO_OK) {
        vl_writer_destroy(writer);
        return st;
    }
    *out = writer;
    return VELO_OK;
}

void
vl_writer_destroy(vl_writer *writer)
{
    if (writer == NULL)
        return;
    if (writer->is_open) {
        atomic_store_explicit(&writer->store->is_broken, 1, memory_order_release);
        vl_gate_release(&writer->store->gate, 1);
    }
    vl_tree_work_destroy(writer->work);
    vl_arena_deinit(&writer->arena);
    vl_free(writer);
}

void
vl_writer_set_synchronous(vl_writer *writer, vl_synchronous synchronous)
{
    writer->synchronous = synchronous;
}

/* ---- transactions ---- */

static void
writer_new_txn(vl_writer *writer)
{
    writer->txn = atomic_fetch_add_explicit(&writer->store->next_txn, 1, memory_order_relaxed);
    writer->next_long = 0;
    writer->end = 0;
}

/* Wait until the transaction is as safe as was asked for. */
static velo_status
writer_acknowledge(vl_ctx *ctx, vl_writer *writer, vl_synchronous synchronous)
{
    vl_wal *wal = writer->store->wal;

    if (writer->end == 0)
        return VELO_OK;
    if (synchronous == VL_SYNCHRONOUS_FULL)
        return vl_wal_flush(ctx, wal, writer->end, 1);
    VL_TRY(vl_wal_flush(ctx, wal, writer->end, 0));
    if (synchronous == VL_SYNCHRONOUS_NORMAL &&
        vl_wal_written(wal) - vl_wal_durable(wal) >= VL_STORE_SYNC_BYTES)
        return vl_wal_flush(ctx, wal, writer->end, 1);
    return VELO_OK;
}

velo_status
vl_writer_begin(vl_ctx *ctx, vl_writer *writer)
{
    if (writer->is_open)
        return vl_fail(ctx, VELO_MISUSE, "a transaction is open already");
    VL_TRY(vl_store_make_ready(ctx, writer->store));
    vl_gate_hold(&writer->store->gate, 1);
    writer->is_open = 1;
    writer_new_txn(writer);
    return VELO_OK;
}

velo_status
vl_writer_commit(vl_ctx *ctx, vl_writer *writer, vl_synchronous synchronous)
{
    vl_record commit = {.type = VL_RECORD_COMMIT};
    vl_writer_record ready;
    velo_status st;

    if (!writer->is_open)
        return vl_fail(ctx, VELO_MISUSE, "no transaction is open");
    if (writer->end != 0) {
        vl_arena_reset(&writer->arena);
        st = vl_writer_log_ready(ctx, writer, &commit, NULL, NULL, &ready);
        if (st == VELO_OK) {
            vl_cache_enter(writer->store->cache);
            (void)vl_writer_log_append(&ready);
            vl_cache_leave(writer->store->cache);
        }
        vl_writer_log_end(&ready);
        if (st != VELO_OK)
            return st;
    }
    writer->is_open = 0;
    vl_gate_release(&writer->store->gate, 1);
    st = writer_acknowledge(ctx, writer, synchronous);
    vl_store_tend(ctx, writer->store);
    return st;
}

velo_status
vl_writer_enter(vl_ctx *ctx, vl_writer *writer)
{
    vl_arena_reset(&writer->arena);
    if (writer->is_open || writer->is_silent)
        return VELO_OK;
    VL_TRY(vl_store_make_ready(ctx, writer->store));
    vl_gate_hold(&writer->store->gate, 0);
    writer_new_txn(writer);
    return VELO_OK;
}

velo_status
vl_writer_leave(vl_ctx *ctx, vl_writer *writer, velo_status st)
{
    if (writer->is_open || writer->is_silent)
        return st;
    vl_gate_release(&writer->store->gate, 0);
    if (st == VELO_OK)
        st = writer_acknowledge(ctx, writer, writer->synchronous);
    vl_store_tend(ctx, writer->store);
    return st;
}

/* ---- long values inside records ---- */

/* Make an empty list. */
static velo_status
writer_garbage_init(vl_ctx *ctx, vl_writer *writer, uint32_t capacity, vl_writer_garbage *garbage)
{
    memset(garbage, 0, sizeof *garbage);
    garbage->values = vl_arena_alloc_array(&writer->arena, capacity, sizeof *garbage->values);
    garbage->capacity = capacity;
    if (garbage->values == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the list of a row's long values");
    return VELO_OK;
}

/* Add a value, if it is in overflow. */
static void
writer_garbage_add(vl_writer_garbage *garbage, vl_tree_id tree, const vl_leaf_value *value)
{
    if (value->overflow == 0)
        return;
    VL_ASSERT(garbage->count < garbage->capacity);
    garbage->values[garbage->count++] = (vl_overflow){tree, value->overflow, value->value.size};
}

void
vl_writer_garbage_free(vl_ctx *ctx, vl_writer *writer, const vl_writer_garbage *garbage)
{
    vl_error before = ctx->error;

    for (uint32_t i = 0; i < garbage->count; i++)
        if (vl_overflow_free_all(ctx, writer->store->cache, garbage->values + i) != VELO_OK)
            vl_log_write(ctx->log, VL_LOG_ERROR, ctx->error.code,
                         "pages of a long value that is not needed any more are lost: %s",
                         ctx->error.text);
    ctx->error = before;
}

/* ---- rows ---- */

static velo_status
writer_taken(vl_ctx *ctx, const vl_store_tree *table, int64_t rowid)
{
    return vl_fail(ctx, VELO_CONSTRAINT, "tree %llu has a row %lld already",
                   (unsigned long long)table->tree.id, (long long)rowid);
}

static velo_status
writer_missing(vl_ctx *ctx, const vl_store_tree *table, int64_t rowid)
{
    return vl_fail(ctx, VELO_NOTFOUND, "tree %llu has no row %lld",
                   (unsigned long long)table->tree.id, (long long)rowid);
}

/* Make a change of a leaf, and append its record in the same section. */
static velo_status
writer_change_leaf(vl_ctx *ctx, vl_writer *writer, const vl_store_tree *table,
                   const vl_table_op *op, vl_writer_record *ready)
{
    vl_table_write write;
    velo_status st;

    st = vl_table_write_begin(ctx, &table->tree, writer->work, op, &write);
    while (st == VELO_OK) {
        if (!write.is_possible) {
            st = op->action == VL_TABLE_INSERT ? writer_taken(ctx, table, op->rowid)
                                               : writer_missing(ctx, table, op->rowid);
            break;
        }
        if (vl_table_write_enter(&write)) {
            (void)vl_writer_log_append(ready);
            vl_table_write_apply(&write);
            vl_table_write_leave(&write);
            break;
        }
        st = vl_table_write_retry(ctx, &write);
    }
    vl_table_write_end(ctx, &write);
    return st;
}

velo_status
vl_writer_do_insert(vl_ctx *ctx, vl_writer *writer, vl_store_tree *table, int64_t rowid,
                    vl_leaf_value *columns)
{
    const vl_layout *layout = atomic_load_explicit(&table->layout, memory_order_acquire);
    vl_record record = {.type = VL_RECORD_TABLE_INSERT, .tree = table->tree.id, .rowid = rowid};
    vl_table_op op = {.action = VL_TABLE_INSERT, .rowid = rowid, .schema = &layout->leaf};
    vl_writer_record ready;
    vl_writer_row row;
    velo_status st;

    vl_table_approach(&table->tree, writer->work, rowid);
    st = vl_writer_log_ready(ctx, writer, &record, &layout->columns, columns, &ready);
    if (st == VELO_OK)
        st = vl_writer_row_make(ctx, writer, table, layout, columns, &row);
    if (st == VELO_OK) {
        op.values = row.leaf;
        st = writer_change_leaf(ctx, writer, table, &op, &ready);
        if (st != VELO_OK)
            vl_writer_row_give_up(ctx, writer, &row);
    }
    vl_writer_log_end(&ready);
    return st;
}

/* Change columns of a row that is stored as a record: it is read, and stored anew. */
static velo_status
writer_update_record(vl_ctx *ctx, vl_writer *writer, vl_store_tree *table, vl_table_op *op,
                     vl_writer_record *ready, const vl_layout *layout)
{
    uint32_t count = layout->columns.count;
    vl_leaf_value *columns = vl_arena_alloc_array(&writer->arena, count, sizeof *columns);
    vl_writer_garbage garbage;
    vl_leaf_change change;
    vl_writer_row row;
    velo_status st;

    if (columns == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate memory for a row");
    VL_TRY(vl_store_read_columns(ctx, writer->store, table, layout, op->rowid, &writer->arena,
                                 columns));
    VL_TRY(writer_garbage_init(ctx, writer, op->change_count, &garbage));
    for (uint32_t i = 0; i < op->change_count; i++) {
        int column = vl_layout_find(layout, op->changes[i].id);

        writer_garbage_add(&garbage, table->tree.id, columns + column);
        columns[column] = op->changes[i].value;
    }
    VL_TRY(vl_writer_row_make(ctx, writer, table, layout, columns, &row));
    change = (vl_leaf_change){VL_LEAF_RECORD_ID, row.record};
    op->changes = &change;
    op->change_count = 1;
    st = writer_change_leaf(ctx, writer, table, op, ready);
    if (st == VELO_OK)
        vl_writer_garbage_free(ctx, writer, &garbage);
    else
        vl_writer_row_give_up(ctx, writer, &row);
    return st;
}

velo_status
vl_writer_do_update(vl_ctx *ctx, vl_writer *writer, vl_store_tree *table, int64_t rowid,
                    const uint32_t *ids, const vl_leaf_value *values, uint32_t count)
{
    const vl_layout *layout = atomic_load_explicit(&table->layout, memory_order_acquire);
    vl_record record = {.type = VL_RECORD_TABLE_UPDATE, .tree = table->tree.id, .rowid = rowid};
    vl_table_op op = {.action = VL_TABLE_UPDATE, .rowid = rowid, .schema = &layout->leaf};
    vl_leaf_schema schema = {ids, NULL, (uint16_t)count, 0};
    vl_leaf_change *changes = vl_arena_alloc_array(&writer->arena, count, sizeof *changes);
    vl_writer_record ready;
    velo_status st;

    if (changes == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate memory for a change");
    for (uint32_t i = 0; i < count; i++) {
        if (vl_layout_find(layout, ids[i]) < 0 || (i > 0 && ids[i] <= ids[i - 1]))
            return vl_fail(ctx, VELO_MISUSE, "tree %llu: column %u is not there or out of order",
                           (unsigned long long)table->tree.id, ids[i]);
        changes[i] = (vl_leaf_change){ids[i], values[i]};
    }
    op.changes = changes;
    op.change_count = count;
    op.frees_old = 1;
    st = vl_writer_log_ready(ctx, writer, &record, &schema, values, &ready);
    if (st == VELO_OK)
        st = layout->leaf.is_rows ? writer_update_record(ctx, writer, table, &op, &ready, layout)
                                  : writer_change_leaf(ctx, writer, table, &op, &ready);
    vl_writer_log_end(&ready);
    return st;
}

/* What a row that is stored as a record lets go of when it is deleted. */
static velo_status
writer_record_garbage(vl_ctx *ctx, vl_writer *writer, vl_store_tree *table, const vl_layout *layout,
                      int64_t rowid, vl_writer_garbage *garbage)
{
    uint32_t count = layout->columns.count;
    vl_leaf_value *columns = vl_arena_alloc_array(&writer->arena, count, sizeof *columns);

    if (columns == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate memory for a row");
    VL_TRY(
        vl_store_read_columns(ctx, writer->store, table, layout, rowid, &writer->arena, columns));
    VL_TRY(writer_garbage_init(ctx, writer, count, garbage));
    for (uint32_t i = 0; i < count; i++)
        writer_garbage_add(garbage, table->tree.id, columns + i);
    return VELO_OK;
}

velo_status
vl_writer_do_delete(vl_ctx *ctx, vl_writer *writer, vl_store_tree *table, int64_t rowid)
{
    const vl_layout *layout = atomic_load_explicit(&table->layout, memory_order_acquire);
    vl_record record = {.type = VL_RECORD_TABLE_DELETE, .tree = table->tree.id, .rowid = rowid};
    vl_table_op op = {.action = VL_TABLE_PURGE, .rowid = rowid, .schema = &layout->leaf};
    vl_writer_garbage garbage = {0};
    vl_writer_record ready;
    velo_status st;

    op.frees_old = 1;
    st = vl_writer_log_ready(ctx, writer, &record, NULL, NULL, &ready);
    if (st == VELO_OK && layout->leaf.is_rows)
        st = writer_record_garbage(ctx, writer, table, layout, rowid, &garbage);
    if (st == VELO_OK)
        st = writer_change_leaf(ctx, writer, table, &op, &ready);
    if (st == VELO_OK)
        vl_writer_garbage_free(ctx, writer, &garbage);
    vl_writer_log_end(&ready);
    return st;
}
