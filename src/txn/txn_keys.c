/* txn_keys.c - changing entries of indexes in transactions.
 *
 * As txn_rows.c, with keys in the place of rowids: an entry's value is its column 0, which it keeps
 * as long as it lives. An entry that is deleted and inserted again with another value (a unique key
 * that goes to another row) leaves the old value in the undo record (hazard 21).
 *
 * Invariants
 *   TK1  An entry whose key is long (tree_key.h) has its place on the page for as long as it has
 *        records: the page of the key's rest, which does not change meanwhile, names it in the
 *        page's map. So chains are found, and follow their entries to other pages, without reading
 *        rests, which nobody may do under a latch. A tombstone that makes room takes its chain
 *        with it; other entries' records may outlive their tombstones. */
#include "txn/txn_keys.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "txn/txn_int.h"

#include <inttypes.h>
#include <string.h>

/* A change on its way. */
typedef struct keys_change {
    vl_txn_change change;   /* whose, and what becomes of it */
    int is_fresh;           /* the tree goes as a whole if anything does: no record is kept */
    int is_insert;          /* or delete */
    vl_tree_key_op op;      /* in the tree */
    vl_writer_record ready; /* log record */
    vl_undo *record;        /* undo record, not linked yet */
    void *other;            /* insert: receives the value that is there, or NULL */
    uint32_t *other_size;   /* of it */
    vl_txn_horizon horizon; /* for tombstones that are in the way */
    int has_horizon;        /* it has been collected */
} keys_change;

static vl_row_state
keys_state(vl_tree_key_state state)
{
    if (state == VL_TREE_KEY_LIVE)
        return VL_ROW_LIVE;
    return state == VL_TREE_KEY_TOMBSTONE ? VL_ROW_DELETED : VL_ROW_ABSENT;
}

/* The tombstone of a long key goes, or might: its chain goes first, which nobody needs. Keeps TK1;
 * if the tombstone stays after all, it is one without a record, as any that nobody sees. */
static void
keys_forget(keys_change *self, const vl_page_ref *leaf, vl_undo *newest)
{
    vl_txn_tree *tree = self->change.tree;
    vl_versions map = vl_txn_map(tree, leaf);
    vl_prune prune;

    vl_txn_begin_prune(tree->store, &self->horizon, &prune);
    vl_prune_purged(&prune, &map, newest);
    vl_txn_end_prune(tree->store, &prune);
    vl_txn_set_map(tree, leaf, map);
}

/* vl_tree_key_op.is_purgeable. */
static int
keys_is_purgeable(void *argument, const vl_page_ref *leaf, uint32_t index)
{
    keys_change *self = argument;
    vl_txn_tree *tree = self->change.tree;
    vl_versions map = vl_txn_map(tree, leaf);
    uint8_t key[VL_PAGE_MAX_SIZE / 4];
    vl_node_key_entry entry;
    vl_undo *newest;

    if (map.attachment == NULL)
        return 1; /* 11, item 17 */
    if (!self->has_horizon)
        vl_txn_get_horizon(tree->store, &self->horizon);
    self->has_horizon = 1;
    vl_undo_pool_touch(tree->store->pool, 1);
    entry = vl_node_key_entry_at(leaf->page, tree->base->tree.page_size, index, key);
    newest = vl_versions_find_key(map, entry.key.data, entry.key.size, entry.key.rest);
    if (!vl_prune_can_purge(&self->horizon.horizon, newest, (vl_origin){NULL, VL_TS_NONE, 0}))
        return 0;
    if (newest != NULL && entry.key.rest != 0)
        keys_forget(self, leaf, newest);
    return 1;
}

/* ---- whether it may be changed ---- */

static velo_status
keys_judge_delete(vl_ctx *ctx, keys_change *self, const vl_versioned *entry, int *may)
{
    const vl_txn_status *owner;

    switch (vl_view_check_write(&self->change.statement->view, entry, &owner)) {
    case VL_WRITE_FREE:
    case VL_WRITE_REREAD:
        if (entry->page != VL_ROW_LIVE)
            return vl_fail(ctx, VELO_NOTFOUND, "tree %" PRIu64 " has no such entry",
                           self->change.tree->id);
        *may = !vl_txn_is_held(&self->change);
        return VELO_OK;
    case VL_WRITE_WAIT:
        vl_txn_note_owner(&self->change, owner);
        return VELO_OK;
    case VL_WRITE_UNDO:
        self->change.verdict = VL_TXN_UNDO_LEFT;
        return VELO_OK;
    case VL_WRITE_CONFLICT:
        break;
    }
    return vl_txn_conflict(ctx, &self->change, entry);
}

/* There is such an entry: give its value. */
static velo_status
keys_exists(vl_ctx *ctx, const keys_change *self, const vl_tree_key_write *write)
{
    vl_node_key_entry entry = vl_node_key_entry_at(
        write->leaf.page, self->change.tree->base->tree.page_size, write->index, NULL);

    if (self->other != NULL) {
        if (entry.value_size > 0)
            memcpy(self->other, entry.value, entry.value_size);
        *self->other_size = entry.value_size;
    }
    return vl_fail(ctx, VELO_CONSTRAINT, "tree %" PRIu64 " has such an entry already",
                   self->change.tree->id);
}

static velo_status
keys_judge_insert(vl_ctx *ctx, keys_change *self, const vl_tree_key_write *write,
                  const vl_versioned *entry, int *may)
{
    const vl_txn_status *owner;

    switch (vl_view_check_insert(&self->change.statement->view, entry, &owner)) {
    case VL_INSERT_FREE:
        *may = 1;
        return VELO_OK;
    case VL_INSERT_EXISTS:
        return keys_exists(ctx, self, write);
    case VL_INSERT_WAIT:
        vl_txn_note_owner(&self->change, owner);
        return VELO_OK;
    case VL_INSERT_UNDO:
        self->change.verdict = VL_TXN_UNDO_LEFT;
        return VELO_OK;
    case VL_INSERT_CONFLICT:
        break;
    }
    return vl_txn_conflict(ctx, &self->change, entry);
}

/* ---- one change ---- */

/* The page of the rest of the key: of the entry that is there, or of what was written for one. */
static vl_pid
keys_rest(const keys_change *self, const vl_tree_key_write *write)
{
    if (write->state == VL_TREE_KEY_ABSENT)
        return write->key.rest;
    return vl_txn_rest(self->change.tree, &write->leaf, self->op.key_size, write->state,
                       write->index);
}

/* Make the undo record, before the section. */
static velo_status
keys_prepare(vl_ctx *ctx, keys_change *self, const vl_tree_key_write *write,
             const vl_versioned *entry)
{
    vl_leaf_change old = {.id = 0};
    vl_undo_change change = {.kind = VL_UNDO_DELETE,
                             .statement =
                                 vl_view_write_statement(&self->change.statement->view, entry),
                             .tree = self->change.tree->id,
                             .rowid = (int64_t)keys_rest(self, write),
                             .key = self->op.key,
                             .key_size = self->op.key_size};

    if (self->is_insert)
        change.kind = entry->page == VL_ROW_DELETED ? VL_UNDO_REINSERT : VL_UNDO_INSERT;
    if (change.kind == VL_UNDO_REINSERT && entry->newest != NULL) {
        vl_node_key_entry there = vl_node_key_entry_at(
            write->leaf.page, self->change.tree->base->tree.page_size, write->index, NULL);

        old.value.value.type = VL_TYPE_BLOB;
        old.value.value.size = there.value_size;
        old.value.value.as.data = there.value;
        change.columns = &old;
        change.column_count = 1;
    }
    return vl_undo_append(ctx, self->change.session->txn->log, &change, &self->record);
}

/* In the section. */
static void
keys_apply(keys_change *self, vl_tree_key_write *write)
{
    vl_txn_tree *tree = self->change.tree;
    vl_log_position position = vl_operation_append(&self->ready);
    vl_versions map = vl_txn_map(tree, &write->leaf);

    vl_tree_key_write_apply(write);
    if (self->is_fresh)
        return;
    vl_undo_set_position(self->record, position);
    vl_versions_push(tree->store->pool, &map, self->record);
    vl_txn_set_map(tree, &write->leaf, map);
}

/* The leaf is latched: make the change, or find out why not. */
static velo_status
keys_try_leaf(vl_ctx *ctx, keys_change *self, vl_tree_key_write *write)
{
    velo_status st;

    for (;;) {
        vl_versioned entry = {.page = keys_state(write->state)};
        int may = 0;

        entry.newest =
            vl_txn_shorten(self->change.tree, self->change.session->txn, &write->leaf,
                           (int64_t)vl_txn_rest(self->change.tree, &write->leaf, self->op.key_size,
                                                write->state, write->index),
                           self->op.key, self->op.key_size);
        st = self->is_insert ? keys_judge_insert(ctx, self, write, &entry, &may)
                             : keys_judge_delete(ctx, self, &entry, &may);
        if (st != VELO_OK || !may)
            return st;
        VL_ASSERT(write->is_possible);
        if (!self->is_fresh)
            VL_TRY(keys_prepare(ctx, self, write, &entry));
        if (vl_tree_key_write_enter(write)) {
            keys_apply(self, write);
            vl_tree_key_write_leave(write);
            return VELO_OK;
        }
        if (!self->is_fresh)
            vl_undo_pop(self->change.session->txn->log);
        VL_TRY(vl_tree_key_write_retry(ctx, write));
    }
}

/* Try the change once, in an operation. */
static velo_status
keys_try(vl_ctx *ctx, keys_change *self)
{
    vl_session *session = self->change.session;
    vl_record record = {.type = self->is_insert ? VL_RECORD_KEY_PUT : VL_RECORD_KEY_DELETE,
                        .tree = self->change.tree->id,
                        .key = {self->op.key, self->op.key_size, 0},
                        .data = self->op.value,
                        .size = self->op.value_size};
    vl_tree_key_write write;
    velo_status st;

    self->change.verdict = VL_TXN_DONE;
    self->has_horizon = 0;
    vl_operation_begin(session->writer);
    st = vl_operation_log(ctx, session->writer, &record, NULL, NULL, &self->ready);
    if (st == VELO_OK) {
        st = vl_tree_key_write_begin(ctx, &self->change.tree->base->tree,
                                     vl_operation_work(session->writer), &self->op, &write);
        if (st == VELO_OK)
            st = keys_try_leaf(ctx, self, &write);
        vl_tree_key_write_end(ctx, &write);
        vl_operation_log_done(&self->ready);
    }
    vl_operation_end(session->writer);
    return st;
}

static velo_status
keys_change_entry(vl_ctx *ctx, keys_change *self)
{
    if (self->op.key_size > VL_TREE_KEY_MAX_SIZE)
        return vl_fail(ctx, VELO_TOOBIG,
                       "an index entry of %" PRIu32 " bytes: at most %" PRIu32 " are possible",
                       self->op.key_size, VL_TREE_KEY_MAX_SIZE);
    for (;;) {
        VL_TRY(keys_try(ctx, self));
        if (self->change.verdict == VL_TXN_DONE)
            break;
        VL_TRY(vl_txn_await(ctx, &self->change));
    }
    vl_txn_count_change(ctx, self->change.session);
    vl_operation_tend(ctx, self->change.tree->store->base);
    return VELO_OK;
}

static void
keys_init(keys_change *self, vl_statement *statement, vl_txn_index *index, const void *key,
          uint32_t key_size)
{
    static const uint8_t empty[1] = {0};

    /* The horizon is large, and filled when it is wanted. */
    memset(self, 0, offsetof(keys_change, horizon));
    self->has_horizon = 0;
    self->change.session = statement->session;
    self->change.statement = statement;
    self->change.tree = &index->tree;
    self->change.wait_kind = VL_WAIT_KEY;
    self->is_fresh = vl_txn_is_fresh(statement->session, &index->tree);
    self->op.key = key_size > 0 ? key : empty;
    self->op.key_size = key_size;
    self->change.key = self->op.key;
    self->change.key_size = key_size;
    self->op.is_purgeable = keys_is_purgeable;
    self->op.argument = self;
}

/* ---- public ---- */

velo_status
vl_keys_open(vl_ctx *ctx, vl_txn_store *store, vl_tree_id id, vl_txn_index **out)
{
    vl_txn_tree *tree;

    *out = NULL;
    VL_TRY(vl_txn_tree_get(ctx, store, id, &tree));
    if (tree->base->kind != VL_TREE_KEY)
        return vl_fail(ctx, VELO_MISUSE, "tree %" PRIu64 " is a table", id);
    *out = (vl_txn_index *)tree;
    return VELO_OK;
}

uint32_t
vl_keys_max_value_size(const vl_txn_index *index)
{
    return vl_node_key_value_max(index->tree.base->tree.page_size);
}

velo_status
vl_keys_insert(vl_ctx *ctx, vl_statement *statement, vl_txn_index *index, const void *key,
               uint32_t key_size, const void *value, uint32_t value_size, void *other,
               uint32_t *other_size)
{
    keys_change self;

    VL_TRY(vl_txn_check_writing(ctx, statement));
    keys_init(&self, statement, index, key, key_size);
    self.is_insert = 1;
    self.op.action = VL_TREE_KEY_INSERT;
    self.op.value = value;
    self.op.value_size = value_size;
    self.other = other;
    self.other_size = other_size;
    return keys_change_entry(ctx, &self);
}

velo_status
vl_keys_delete(vl_ctx *ctx, vl_statement *statement, vl_txn_index *index, const void *key,
               uint32_t key_size)
{
    keys_change self;

    VL_TRY(vl_txn_check_writing(ctx, statement));
    VL_TRY(vl_txn_settle_index(ctx, statement->session, index));
    keys_init(&self, statement, index, key, key_size);
    self.op.action = self.is_fresh ? VL_TREE_KEY_REMOVE : VL_TREE_KEY_MARK;
    return keys_change_entry(ctx, &self);
}

/* Entries that are loaded in one operation: checkpoints wait for so many. */
#define KEYS_LOAD_PART VL_BY_BUILD(4096U, 16U)

/* How many of the first entries are loaded at once: 0: the first one's key is long. Such a one is
 * inserted by itself, since its log record may have to be sent in parts. */
static uint32_t
keys_load_part(const vl_session *session, const vl_txn_index *index, const vl_tree_key_item *items,
               uint32_t count)
{
    uint32_t max = vl_node_key_part_max(index->tree.base->tree.page_size), part = 0;

    if (!vl_txn_is_fresh(session, &index->tree))
        return 0;
    while (part < count && part < KEYS_LOAD_PART && items[part].key_size <= max)
        part++;
    return part;
}

velo_status
vl_keys_load(vl_ctx *ctx, vl_statement *statement, vl_txn_index *index,
             const vl_tree_key_item *items, uint32_t count)
{
    vl_session *session = statement->session;

    VL_TRY(vl_txn_check_writing(ctx, statement));
    VL_TRY(vl_txn_settle_index(ctx, session, index));
    while (count > 0) {
        uint32_t part = keys_load_part(session, index, items, count), taken = 0;
        velo_status st;

        if (part == 0) {
            VL_TRY(vl_keys_insert(ctx, statement, index, items->key, items->key_size, items->value,
                                  items->value_size, NULL, NULL));
            part = 1;
        } else {
            vl_operation_begin(session->writer);
            st =
                vl_operation_load_keys(ctx, session->writer, index->tree.base, items, part, &taken);
            vl_operation_end(session->writer);
            VL_TRY(st);
            vl_operation_tend(ctx, session->store->base);
        }
        items += part;
        count -= part;
    }
    return VELO_OK;
}
