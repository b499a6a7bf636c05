/* recovery_list.c - what a checkpoint lists of transactions that had not ended when it was made.
 *
 * The list stands at the begin of the checkpoint's log (record.h, LISTED). Nothing of the log has
 * been applied yet: pages are as they were at the barrier, so each listed change is the newest of
 * its row, and undoing it in the list's order, the last one of a transaction first, is always
 * possible.
 *
 *    the transaction has not committed      its changes are undone
 *    it has, but took the change back       likewise (11, item 4)
 *    it has                                 the change stays; what only the version before it
 *                                           had in overflow is freed, and a tombstone removed:
 *                                           nobody is there who could see them
 *
 * Invariants
 *   RL1  Undoing is not logged: recovery ends with a checkpoint, and begins anew if it is cut. */
#include "storage/recovery_list.h"

#include "base/alloc.h"
#include "storage/tree_key.h"

#include <inttypes.h>
#include <string.h>

typedef struct recovery_list {
    vl_store *store;           /* what is recovered */
    const vl_verdict *verdict; /* what happened */
    uint64_t checkpoint;       /* position of the list */
    vl_leaf_change *columns;   /* of the change at hand; in the writer's arena */
    uint32_t count;            /* how many */
    int has_dropped;           /* a tree of the list has been dropped */
    uint8_t *key;              /* owned: a key that was sent ahead of its change, in chunks */
    uint32_t key_room;         /* bytes of memory there */
    uint32_t key_size;         /* of the whole key */
    uint32_t key_filled;       /* that are there so far */
    uint64_t key_number;       /* which long value; 0: none */
} recovery_list;

static velo_status
list_damaged(vl_ctx *ctx, const vl_wal_record *record, const char *what)
{
    return vl_fail(ctx, VELO_CORRUPT, "log position %" PRIu64 " (%s): %s", record->position,
                   vl_record_type_name(record->type), what);
}

/* ---- keys that were sent ahead ---- */

/* A chunk: it is of the key of the change that follows. */
static velo_status
list_take_chunk(vl_ctx *ctx, recovery_list *self, const vl_wal_record *record,
                const vl_record *parsed)
{
    if (parsed->long_value != self->key_number || self->key_filled == self->key_size) {
        if (parsed->total_size > VL_TREE_KEY_MAX_SIZE)
            return list_damaged(ctx, record, "a key longer than any can be");
        self->key_number = parsed->long_value;
        self->key_size = (uint32_t)parsed->total_size;
        self->key_filled = 0;
    }
    if (self->key_size > self->key_room) {
        uint8_t *grown = vl_realloc(ctx, self->key, self->key_size);

        if (grown == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate memory for a key of the log");
        self->key = grown;
        self->key_room = self->key_size;
    }
    if (parsed->total_size != self->key_size || parsed->size > self->key_size - self->key_filled)
        return list_damaged(ctx, record, "more of a key than there is");
    if (parsed->size > 0)
        memcpy(self->key + self->key_filled, parsed->data, parsed->size);
    self->key_filled += (uint32_t)parsed->size;
    return VELO_OK;
}

/* The key of a change, if it was sent ahead. */
static velo_status
list_place_key(vl_ctx *ctx, const recovery_list *self, const vl_wal_record *record,
               vl_record *parsed)
{
    if (parsed->key.long_value == 0)
        return VELO_OK;
    if (parsed->key.long_value != self->key_number || self->key_filled != self->key_size)
        return list_damaged(ctx, record, "its key was not sent ahead");
    parsed->key.data = self->key;
    parsed->key.size = self->key_size;
    return VELO_OK;
}

/* Take the columns apart. */
static velo_status
list_take_columns(vl_ctx *ctx, recovery_list *self, const vl_record *parsed)
{
    vl_arena *arena = &self->store->own->arena;
    vl_leaf_record walk;
    vl_leaf_value value;
    uint32_t id, count = 0;

    vl_leaf_record_init(&walk, parsed->data, parsed->size);
    while (vl_leaf_record_next(&walk, &id, &value) > 0)
        count++;
    self->count = 0;
    self->columns = vl_arena_alloc_array(arena, count + 1, sizeof *self->columns);
    if (self->columns == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate memory for a change that is undone");
    vl_leaf_record_init(&walk, parsed->data, parsed->size);
    while (vl_leaf_record_next(&walk, &id, &value) > 0)
        self->columns[self->count++] = (vl_leaf_change){id, value};
    return VELO_OK;
}

/* Free what only the version before had. */
static velo_status
list_free_columns(vl_ctx *ctx, const recovery_list *self, vl_tree_id tree)
{
    for (uint32_t i = 0; i < self->count; i++) {
        const vl_leaf_value *value = &self->columns[i].value;
        vl_overflow pages = {tree, value->overflow, value->value.size};

        if (value->overflow != 0)
            VL_TRY(vl_overflow_free_all(ctx, self->store->cache, &pages));
    }
    return VELO_OK;
}

/* ---- rows ---- */

static velo_status
list_change_row(vl_ctx *ctx, const recovery_list *self, const vl_store_tree *tree, int64_t rowid,
                vl_table_action action, vl_leaf_state *state)
{
    const vl_layout *layout = atomic_load_explicit(&tree->layout, memory_order_relaxed);
    vl_table_op op = {.action = action,
                      .rowid = rowid,
                      .schema = &layout->leaf,
                      .changes = self->columns,
                      .change_count = self->count,
                      .frees_old = 1};

    return vl_table_change(ctx, &tree->tree, self->store->own->work, &op, NULL, state);
}

static velo_status
list_undo_row(vl_ctx *ctx, recovery_list *self, const vl_wal_record *record,
              const vl_record *parsed, const vl_store_tree *tree)
{
    vl_leaf_state state;
    int64_t rowid;

    switch ((vl_listed_kind)parsed->kind) {
    case VL_LISTED_REINSERT:
        if (self->count > 0) { /* the same transaction may have deleted it: see DELETE */
            VL_TRY(list_change_row(ctx, self, tree, parsed->rowid, VL_TABLE_UPDATE, &state));
            return list_change_row(ctx, self, tree, parsed->rowid, VL_TABLE_MARK, &state);
        }
        return list_change_row(ctx, self, tree, parsed->rowid, VL_TABLE_PURGE, &state);
    case VL_LISTED_INSERT:
        return list_change_row(ctx, self, tree, parsed->rowid, VL_TABLE_PURGE, &state);
    case VL_LISTED_UPDATE:
        if (self->count == 0)
            return list_damaged(ctx, record, "a change of nothing");
        return list_change_row(ctx, self, tree, parsed->rowid, VL_TABLE_UPDATE, &state);
    case VL_LISTED_DELETE:
        return list_change_row(ctx, self, tree, parsed->rowid, VL_TABLE_UNMARK, &state);
    case VL_LISTED_RANGE:
        if (parsed->last < parsed->rowid)
            return list_damaged(ctx, record, "it ends before it begins");
        for (rowid = parsed->last;; rowid--) {
            VL_TRY(list_change_row(ctx, self, tree, rowid, VL_TABLE_PURGE, &state));
            if (rowid == parsed->rowid)
                return VELO_OK;
        }
    case VL_LISTED_TREE_CREATED:
    case VL_LISTED_TREE_DROPPED:
    case VL_LISTED_TREE_GOING:
        break;
    }
    return list_damaged(ctx, record, "an unknown kind");
}

/* What is left to do for a change that stays. */
static velo_status
list_keep_row(vl_ctx *ctx, recovery_list *self, const vl_record *parsed, const vl_store_tree *tree)
{
    vl_leaf_value *values = NULL;
    vl_leaf_state state;
    const vl_layout *layout = atomic_load_explicit(&tree->layout, memory_order_relaxed);

    VL_TRY(list_free_columns(ctx, self, parsed->tree));
    self->count = 0;
    if (parsed->kind != VL_LISTED_DELETE)
        return VELO_OK;
    values = vl_arena_alloc_array(&self->store->own->arena, layout->leaf.count, sizeof *values);
    if (values == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate memory for a row");
    VL_TRY(vl_table_read(ctx, &tree->tree, parsed->rowid, &layout->leaf, &self->store->own->arena,
                         values, &state));
    if (state != VL_LEAF_TOMBSTONE)
        return VELO_OK; /* it was inserted again */
    return list_change_row(ctx, self, tree, parsed->rowid, VL_TABLE_PURGE, &state);
}

/* ---- entries ---- */

static velo_status
list_change_entry(vl_ctx *ctx, const recovery_list *self, const vl_record *parsed,
                  const vl_store_tree *tree, vl_tree_key_action action)
{
    vl_tree_key_op op = {.action = action, .key = parsed->key.data, .key_size = parsed->key.size};
    vl_tree_key_state state;

    if (action == VL_TREE_KEY_REPLACE) {
        op.value = self->columns[0].value.value.as.data;
        op.value_size = self->columns[0].value.value.size;
    }
    return vl_tree_key_change(ctx, &tree->tree, self->store->own->work, &op, NULL, &state);
}

static velo_status
list_undo_entry(vl_ctx *ctx, const recovery_list *self, const vl_wal_record *record,
                const vl_record *parsed, const vl_store_tree *tree)
{
    if (parsed->key.data == NULL)
        return list_damaged(ctx, record, "it has no key");
    switch ((vl_listed_kind)parsed->kind) {
    case VL_LISTED_REINSERT:
        if (self->count == 0)
            return list_change_entry(ctx, self, parsed, tree, VL_TREE_KEY_REMOVE);
        VL_TRY(list_change_entry(ctx, self, parsed, tree, VL_TREE_KEY_REPLACE));
        return list_change_entry(ctx, self, parsed, tree, VL_TREE_KEY_MARK);
    case VL_LISTED_INSERT:
        return list_change_entry(ctx, self, parsed, tree, VL_TREE_KEY_REMOVE);
    case VL_LISTED_DELETE:
        return list_change_entry(ctx, self, parsed, tree, VL_TREE_KEY_UNMARK);
    case VL_LISTED_UPDATE:
    case VL_LISTED_RANGE:
    case VL_LISTED_TREE_CREATED:
    case VL_LISTED_TREE_DROPPED:
    case VL_LISTED_TREE_GOING:
        break;
    }
    return list_damaged(ctx, record, "an unknown kind");
}

/* A tombstone that nobody can see goes; unless the key was inserted again. */
static velo_status
list_end_entry(vl_ctx *ctx, const recovery_list *self, const vl_record *parsed,
               const vl_store_tree *tree)
{
    uint8_t value[VL_PAGE_MAX_SIZE / 16];
    vl_tree_key_state state;
    uint32_t size;

    if (parsed->key.data == NULL)
        return VELO_OK;
    VL_TRY(vl_tree_key_get(ctx, &tree->tree, parsed->key.data, parsed->key.size, value, &size,
                           &state));
    if (state != VL_TREE_KEY_TOMBSTONE)
        return VELO_OK;
    return list_change_entry(ctx, self, parsed, tree, VL_TREE_KEY_REMOVE);
}

/* ---- what is listed ---- */

/* Whether a listed change is to be undone. */
static int
list_is_undone(const recovery_list *self, const vl_wal_record *record, const vl_record *parsed)
{
    if (parsed->kind == VL_LISTED_TREE_GOING)
        return 0;
    return !vl_verdict_committed(self->verdict, record->txn) ||
           parsed->position >=
               vl_verdict_discarded_from(self->verdict, record->txn, self->checkpoint);
}

static velo_status
list_apply_tree(vl_ctx *ctx, recovery_list *self, const vl_record *parsed, vl_store_tree *tree,
                int is_undone)
{
    if (is_undone != (parsed->kind == VL_LISTED_TREE_CREATED))
        return VELO_OK;
    self->has_dropped = 1;
    return vl_writer_do_drop_tree(ctx, self->store->own, tree);
}

static velo_status
list_apply(vl_ctx *ctx, recovery_list *self, const vl_wal_record *record, const vl_record *parsed)
{
    int is_undone = list_is_undone(self, record, parsed);
    vl_store_tree *tree;

    vl_arena_reset(&self->store->own->arena);
    if (vl_store_find_tree(ctx, self->store, parsed->tree, &tree) != VELO_OK) {
        if (!self->has_dropped)
            return list_damaged(ctx, record, "its tree is not there");
        vl_error_clear(ctx); /* what its transaction did before it dropped it */
        return VELO_OK;
    }
    if (parsed->kind >= VL_LISTED_TREE_CREATED)
        return list_apply_tree(ctx, self, parsed, tree, is_undone);
    VL_TRY(list_take_columns(ctx, self, parsed));
    if (tree->kind == VL_TREE_TABLE)
        return is_undone ? list_undo_row(ctx, self, record, parsed, tree)
                         : list_keep_row(ctx, self, parsed, tree);
    if (is_undone)
        return list_undo_entry(ctx, self, record, parsed, tree);
    return parsed->kind == VL_LISTED_DELETE ? list_end_entry(ctx, self, parsed, tree) : VELO_OK;
}

static velo_status
list_apply_all(vl_ctx *ctx, recovery_list *self, vl_wal_scan *scan)
{
    vl_wal_record record;
    vl_record parsed;
    int found;

    for (;;) {
        VL_TRY(vl_wal_scan_next(ctx, scan, &record, &found));
        if (!found || vl_record_parse(record.type, record.body, record.size, &parsed) != NULL)
            return vl_fail(ctx, VELO_CORRUPT,
                           "the list of unfinished transactions in the log is not complete");
        if (parsed.type == VL_RECORD_LIST_END)
            return VELO_OK;
        if (parsed.type == VL_RECORD_CHUNK) {
            VL_TRY(list_take_chunk(ctx, self, &record, &parsed));
            continue;
        }
        if (parsed.type != VL_RECORD_LISTED)
            return list_damaged(ctx, &record, "it stands in the list of unfinished transactions");
        VL_TRY(list_place_key(ctx, self, &record, &parsed));
        VL_TRY(list_apply(ctx, self, &record, &parsed));
    }
}

velo_status
vl_recovery_apply_list(vl_ctx *ctx, vl_store *store, const vl_verdict *verdict, vl_wal_scan *scan)
{
    recovery_list self = {
        .store = store, .verdict = verdict, .checkpoint = vl_wal_scan_position(scan)};
    velo_status st = list_apply_all(ctx, &self, scan);

    vl_free(self.key);
    return st;
}
