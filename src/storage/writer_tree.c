/* writer_tree.c - operations on trees and keys, and the public face of those on rows.
 *
 * Invariants
 *   WT1  The record of a change to the directory is appended once the change is made, when nothing
 *        can fail any more; the gate keeps both on one side of every checkpoint. */
#include "storage/writer_int.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "storage/tree_key.h"

#include <inttypes.h>
#include <string.h>

/* Append a record that goes with changes which were made already: in a section of its own, while
 * the gate keeps both on one side of any checkpoint. */
static void
writer_append_alone(vl_writer *writer, vl_writer_record *ready)
{
    if (writer->is_silent)
        return;
    vl_cache_enter(writer->store->cache);
    (void)vl_writer_log_append(ready);
    vl_cache_leave(writer->store->cache);
}

/* Whether a tree is of the kind that an operation is for. */
static velo_status
writer_want(vl_ctx *ctx, const vl_store_tree *tree, vl_tree_kind kind)
{
    if (tree->kind == kind)
        return VELO_OK;
    return vl_fail(ctx, VELO_MISUSE, "tree %" PRIu64 " is %s", tree->tree.id,
                   kind == VL_TREE_TABLE ? "no table" : "a table");
}

/* ---- trees ---- */

velo_status
vl_writer_do_create_tree(vl_ctx *ctx, vl_writer *writer, vl_tree_id id, vl_tree_kind kind,
                         vl_layout *layout)
{
    vl_record record = {.type = VL_RECORD_TREE_CREATE, .tree = id, .kind = (uint8_t)kind};
    vl_store_entry *entry;
    vl_writer_record ready;
    velo_status st;

    if (layout != NULL) {
        record.data = layout->record;
        record.size = layout->record_size;
    }
    st = vl_writer_log_ready(ctx, writer, &record, NULL, NULL, &ready);
    if (st == VELO_OK) {
        st = vl_directory_add(ctx, writer, id, kind, layout, &entry);
        if (st == VELO_OK) {
            /* Nobody may use the tree before the log has it. */
            writer_append_alone(writer, &ready);
            vl_directory_publish(writer->store, entry);
        }
    } else {
        vl_layout_destroy(layout);
    }
    vl_writer_log_end(&ready);
    return st;
}

velo_status
vl_writer_create_tree(vl_ctx *ctx, vl_writer *writer, vl_tree_kind kind,
                      const vl_leaf_schema *schema, vl_tree_id *id)
{
    vl_layout *layout = NULL;
    velo_status st;

    *id = 0;
    if ((kind != VL_TREE_TABLE && kind != VL_TREE_KEY) ||
        (kind == VL_TREE_TABLE) != (schema != NULL))
        return vl_fail(ctx, VELO_MISUSE, "tables have columns, other trees have none");
    if (schema != NULL)
        VL_TRY(vl_layout_create(ctx, writer->store->page_size, schema, &layout));
    st = vl_writer_enter(ctx, writer);
    if (st != VELO_OK) {
        vl_layout_destroy(layout);
        return st;
    }
    *id = atomic_fetch_add_explicit(&writer->store->next_tree, 1, memory_order_relaxed);
    st = vl_writer_do_create_tree(ctx, writer, *id, kind, layout);
    st = vl_writer_leave(ctx, writer, st);
    if (st != VELO_OK)
        *id = 0;
    return st;
}

velo_status
vl_writer_do_drop_tree(vl_ctx *ctx, vl_writer *writer, vl_store_tree *tree)
{
    vl_record record = {.type = VL_RECORD_TREE_DROP, .tree = tree->tree.id};
    vl_writer_record ready;
    velo_status st;

    st = vl_writer_log_ready(ctx, writer, &record, NULL, NULL, &ready);
    if (st == VELO_OK)
        st = vl_directory_drop(ctx, writer, tree);
    if (st == VELO_OK)
        writer_append_alone(writer, &ready);
    vl_writer_log_end(&ready);
    return st;
}

/* Return the pages of dropped trees, in steps between which checkpoints and others get their turn.
 * What cannot be done now is done by the next drop or open; what the background thread leaves,
 * since it is wanted elsewhere, it goes on with later. */
void
vl_writer_return_pages(vl_ctx *ctx, vl_writer *writer)
{
    vl_error before = ctx->error;
    velo_status st = VELO_OK;
    int is_done = 0;

    /* One thread at a time; the others wait for it outside of the gate, each to see that its own
     * tree is gone. */
    vl_latch_acquire_exclusive(&writer->store->drop_turn);
    while (st == VELO_OK && !is_done) {
        if (!writer->is_open)
            vl_gate_hold(&writer->store->gate, 0);
        st = vl_directory_drop_step(ctx, writer, &is_done);
        if (!writer->is_open)
            vl_gate_release(&writer->store->gate, 0);
        writer->is_cut =
            writer->is_helper && st == VELO_OK && !is_done && vl_store_wants_helper(writer->store);
        if (writer->is_cut)
            break;
    }
    if (st != VELO_OK)
        vl_log_write(ctx->log, VL_LOG_WARNING, st,
                     "returning the pages of a dropped tree is postponed: %s", ctx->error.text);
    vl_latch_release_exclusive(&writer->store->drop_turn);
    ctx->error = before;
}

velo_status
vl_writer_drop_tree(vl_ctx *ctx, vl_writer *writer, vl_tree_id id)
{
    vl_store_tree *tree;
    velo_status st;

    VL_TRY(vl_store_find_tree(ctx, writer->store, id, &tree));
    VL_TRY(vl_writer_enter(ctx, writer));
    st = vl_writer_do_drop_tree(ctx, writer, tree);
    st = vl_writer_leave(ctx, writer, st);
    if (st == VELO_OK)
        vl_writer_return_pages(ctx, writer);
    return st;
}

velo_status
vl_writer_do_set_layout(vl_ctx *ctx, vl_writer *writer, vl_store_tree *table, vl_layout *layout)
{
    vl_layout *before = atomic_load_explicit(&table->layout, memory_order_acquire);
    vl_record record = {.type = VL_RECORD_TREE_LAYOUT, .tree = table->tree.id};
    vl_writer_record ready;
    velo_status st;

    if (before->leaf.is_rows != layout->leaf.is_rows) {
        vl_layout_destroy(layout);
        return vl_fail(ctx, VELO_MISUSE,
                       "tree %" PRIu64 ": %u columns instead of %u are stored in another way: the "
                       "table has to be written anew",
                       table->tree.id, layout->columns.count, before->columns.count);
    }
    record.data = layout->record;
    record.size = layout->record_size;
    st = vl_writer_log_ready(ctx, writer, &record, NULL, NULL, &ready);
    if (st == VELO_OK) {
        st = vl_directory_set_layout(ctx, writer, table, layout);
        if (st == VELO_OK)
            writer_append_alone(writer, &ready);
    } else {
        vl_layout_destroy(layout);
    }
    vl_writer_log_end(&ready);
    return st;
}

velo_status
vl_writer_set_schema(vl_ctx *ctx, vl_writer *writer, vl_tree_id id, const vl_leaf_schema *schema)
{
    vl_store_tree *table;
    vl_layout *layout;
    velo_status st;

    VL_TRY(vl_store_find_tree(ctx, writer->store, id, &table));
    VL_TRY(writer_want(ctx, table, VL_TREE_TABLE));
    VL_TRY(vl_layout_create(ctx, writer->store->page_size, schema, &layout));
    st = vl_writer_enter(ctx, writer);
    if (st != VELO_OK) {
        vl_layout_destroy(layout);
        return st;
    }
    st = vl_writer_do_set_layout(ctx, writer, table, layout);
    return vl_writer_leave(ctx, writer, st);
}

velo_status
vl_writer_do_mark(vl_ctx *ctx, vl_writer *writer, vl_store_tree *table, int64_t mark)
{
    vl_record record = {.type = VL_RECORD_TREE_MARK, .tree = table->tree.id, .rowid = mark};
    vl_writer_record ready;
    int64_t seen;
    velo_status st;

    vl_latch_acquire_exclusive(&writer->store->mark_turn);
    seen = atomic_load_explicit(&table->mark, memory_order_relaxed);
    if (mark <= seen) {
        vl_latch_release_exclusive(&writer->store->mark_turn);
        return VELO_OK;
    }
    st = vl_writer_log_ready(ctx, writer, &record, NULL, NULL, &ready);
    if (st == VELO_OK)
        st = vl_directory_set_mark(ctx, writer, table, mark);
    if (st == VELO_OK) {
        writer_append_alone(writer, &ready);
        atomic_store_explicit(&table->mark, mark, memory_order_relaxed);
    }
    vl_writer_log_end(&ready);
    vl_latch_release_exclusive(&writer->store->mark_turn);
    return st;
}

velo_status
vl_writer_mark(vl_ctx *ctx, vl_writer *writer, vl_store_tree *table, int64_t mark)
{
    velo_status st;

    VL_TRY(writer_want(ctx, table, VL_TREE_TABLE));
    VL_TRY(vl_writer_enter(ctx, writer));
    st = vl_writer_do_mark(ctx, writer, table, mark);
    return vl_writer_leave(ctx, writer, st);
}

/* ---- rows ---- */

/* Values as leaves take them, in the writer's arena. */
static velo_status
writer_take_values(vl_ctx *ctx, vl_writer *writer, const vl_value *values, uint32_t count,
                   vl_leaf_value **out)
{
    *out = vl_arena_alloc(&writer->arena, count * sizeof **out);
    if (*out == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate memory for a row");
    for (uint32_t i = 0; i < count; i++) {
        if (values[i].size > VL_OVERFLOW_MAX_SIZE)
            return vl_fail(ctx, VELO_TOOBIG, "value %u has %u bytes: at most %u are possible", i,
                           values[i].size, VL_OVERFLOW_MAX_SIZE);
        (*out)[i] = (vl_leaf_value){.value = values[i]};
    }
    return VELO_OK;
}

velo_status
vl_writer_insert(vl_ctx *ctx, vl_writer *writer, vl_store_tree *table, int64_t rowid,
                 const vl_value *values)
{
    const vl_layout *layout;
    vl_leaf_value *columns;
    velo_status st;

    VL_TRY(writer_want(ctx, table, VL_TREE_TABLE));
    VL_TRY(vl_writer_enter(ctx, writer));
    layout = atomic_load_explicit(&table->layout, memory_order_acquire);
    st = writer_take_values(ctx, writer, values, layout->columns.count, &columns);
    if (st == VELO_OK)
        st = vl_writer_do_insert(ctx, writer, table, rowid, columns);
    return vl_writer_leave(ctx, writer, st);
}

velo_status
vl_writer_update(vl_ctx *ctx, vl_writer *writer, vl_store_tree *table, int64_t rowid,
                 const uint32_t *columns, const vl_value *values, uint32_t count)
{
    vl_leaf_value *taken;
    velo_status st;

    if (count == 0)
        return vl_fail(ctx, VELO_MISUSE, "an update of no columns");
    VL_TRY(writer_want(ctx, table, VL_TREE_TABLE));
    VL_TRY(vl_writer_enter(ctx, writer));
    st = writer_take_values(ctx, writer, values, count, &taken);
    if (st == VELO_OK)
        st = vl_writer_do_update(ctx, writer, table, rowid, columns, taken, count);
    return vl_writer_leave(ctx, writer, st);
}

velo_status
vl_writer_delete(vl_ctx *ctx, vl_writer *writer, vl_store_tree *table, int64_t rowid)
{
    velo_status st;

    VL_TRY(writer_want(ctx, table, VL_TREE_TABLE));
    VL_TRY(vl_writer_enter(ctx, writer));
    st = vl_writer_do_delete(ctx, writer, table, rowid);
    return vl_writer_leave(ctx, writer, st);
}

/* ---- keys ---- */

/* Make a change of an entry, and append its record in the same section. *is_possible 0: the action
 * does not suit the entry's state, and nothing was done. */
static velo_status
writer_change_entry(vl_ctx *ctx, vl_writer *writer, const vl_store_tree *index,
                    const vl_tree_key_op *op, vl_writer_record *ready, int *is_possible)
{
    vl_tree_key_write write;
    velo_status st;

    *is_possible = 0;
    st = vl_tree_key_write_begin(ctx, &index->tree, writer->work, op, &write);
    while (st == VELO_OK && write.is_possible) {
        if (vl_tree_key_write_enter(&write)) {
            (void)vl_writer_log_append(ready);
            vl_tree_key_write_apply(&write);
            vl_tree_key_write_leave(&write);
            *is_possible = 1;
            break;
        }
        st = vl_tree_key_write_retry(ctx, &write);
    }
    vl_tree_key_write_end(ctx, &write);
    return st;
}

velo_status
vl_writer_do_put(vl_ctx *ctx, vl_writer *writer, vl_store_tree *index, const void *key,
                 uint32_t key_size, const void *value, uint32_t value_size)
{
    vl_record record = {.type = VL_RECORD_KEY_PUT, .tree = index->tree.id};
    vl_tree_key_op op = {
        .key = key, .key_size = key_size, .value = value, .value_size = value_size};
    vl_writer_record ready;
    int is_possible = 0;
    velo_status st;

    record.key = (vl_record_key){key, key_size, 0};
    record.data = value;
    record.size = value_size;
    st = vl_writer_log_ready(ctx, writer, &record, NULL, NULL, &ready);
    /* Between the two tries somebody else may have put or removed the entry: so try again. */
    for (uint32_t i = 0; st == VELO_OK && !is_possible; i++) {
        op.action = i % 2 == 0 ? VL_TREE_KEY_INSERT : VL_TREE_KEY_REPLACE;
        st = writer_change_entry(ctx, writer, index, &op, &ready, &is_possible);
    }
    vl_writer_log_end(&ready);
    return st;
}

velo_status
vl_writer_do_remove(vl_ctx *ctx, vl_writer *writer, vl_store_tree *index, const void *key,
                    uint32_t key_size)
{
    vl_record record = {.type = VL_RECORD_KEY_DELETE, .tree = index->tree.id};
    vl_tree_key_op op = {.action = VL_TREE_KEY_REMOVE, .key = key, .key_size = key_size};
    vl_writer_record ready;
    int is_possible = 0;
    velo_status st;

    record.key = (vl_record_key){key, key_size, 0};
    st = vl_writer_log_ready(ctx, writer, &record, NULL, NULL, &ready);
    if (st == VELO_OK)
        st = writer_change_entry(ctx, writer, index, &op, &ready, &is_possible);
    if (st == VELO_OK && !is_possible)
        st = vl_fail(ctx, VELO_NOTFOUND, "tree %" PRIu64 " has no such key", index->tree.id);
    vl_writer_log_end(&ready);
    return st;
}

velo_status
vl_writer_put(vl_ctx *ctx, vl_writer *writer, vl_store_tree *index, const void *key,
              uint32_t key_size, const void *value, uint32_t value_size)
{
    velo_status st;

    VL_TRY(writer_want(ctx, index, VL_TREE_KEY));
    VL_TRY(vl_writer_enter(ctx, writer));
    st = vl_writer_do_put(ctx, writer, index, key, key_size, value, value_size);
    return vl_writer_leave(ctx, writer, st);
}

velo_status
vl_writer_remove(vl_ctx *ctx, vl_writer *writer, vl_store_tree *index, const void *key,
                 uint32_t key_size)
{
    velo_status st;

    VL_TRY(writer_want(ctx, index, VL_TREE_KEY));
    VL_TRY(vl_writer_enter(ctx, writer));
    st = vl_writer_do_remove(ctx, writer, index, key, key_size);
    return vl_writer_leave(ctx, writer, st);
}
