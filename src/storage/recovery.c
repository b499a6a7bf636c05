/* recovery.c - the log applied to the last checkpoint.
 *
 * The log is read twice: first for which operations happened (verdict.h), then they are applied in
 * the log's order. Nothing here is durable until the checkpoint that follows, which names a new
 * generation of the log: a crash in between leaves the old checkpoint and the old log, and recovery
 * begins anew.
 *
 * Long values were sent ahead in chunks, which other transactions' records may lie between. At the
 * first chunk the value is written to overflow pages at once, by a scan of its own, and its other
 * chunks are passed over: no value is ever in memory as a whole.
 *
 * Invariants
 *   RC1  Only operations of committed transactions that were not taken back are applied, each once.
 *   RC2  `longs` holds the values whose record has not come yet; what is left at the end, of
 *        operations that failed after sending them, is freed.
 *   RC3  Both passes see the same log: if a fault of the medium ends it elsewhere the second time,
 *        a transaction that counts as committed would be applied in part. */
#include "base/alloc.h"
#include "base/assert.h"
#include "storage/recovery_list.h"
#include "storage/verdict.h"
#include "storage/writer_int.h"

#include <inttypes.h>
#include <string.h>

/* A value that was sent ahead. */
typedef struct recovery_long {
    uint64_t txn;      /* whose */
    uint64_t number;   /* its number there */
    vl_overflow value; /* where it is now */
} recovery_long;

typedef struct recovery {
    vl_store *store;          /* what is recovered */
    vl_writer *writer;        /* the store's own */
    vl_verdict *verdict;      /* what happened */
    vl_wal_identity identity; /* of the log */
    recovery_long *longs;     /* RC2 */
    uint32_t long_count;      /* how many */
    uint32_t long_capacity;   /* how many there is room for */
    int has_list;             /* the log begins with one: recovery_list.h */
} recovery;

/* The bytes of one long value, from the log. */
typedef struct recovery_source {
    vl_wal_scan *scan; /* behind the chunk at hand */
    uint64_t txn;      /* whose */
    uint64_t number;   /* which value */
    const uint8_t *at; /* the rest of the chunk at hand */
    size_t left;       /* its bytes */
    int is_cut;        /* the log has no more of it: the operation failed while it sent it */
} recovery_source;

/* Fail because of a record: the message says where it is and what is wrong. */
static velo_status
recovery_damaged(vl_ctx *ctx, const vl_wal_record *record, const char *what)
{
    return vl_fail(ctx, VELO_CORRUPT, "log position %" PRIu64 " (%s): %s", record->position,
                   vl_record_type_name(record->type), what);
}

/* ---- the first pass ---- */

static velo_status
recovery_open_scan(vl_ctx *ctx, const recovery *self, vl_log_position from, vl_wal_scan **out)
{
    return vl_wal_scan_open(ctx, self->store->io, self->store->wal_path, &self->identity, from,
                            out);
}

/* Take note of a record of the checkpoint's list, or of one that was never finished. *in_list: the
 * former goes on. */
static velo_status
recovery_judge_listed(vl_ctx *ctx, recovery *self, const vl_wal_record *record,
                      const vl_record *parsed, int *in_list)
{
    if (!*in_list)
        return VELO_OK;
    *in_list = parsed->type == VL_RECORD_LISTED;
    if (parsed->type == VL_RECORD_LIST_END || parsed->kind == VL_LISTED_TREE_GOING)
        return VELO_OK;
    return vl_verdict_expect(ctx, self->verdict, record->txn);
}

static int
recovery_is_listed(const vl_record *parsed)
{
    return parsed->type == VL_RECORD_LISTED || parsed->type == VL_RECORD_LIST_END;
}

static velo_status
recovery_judge(vl_ctx *ctx, recovery *self, vl_log_position *end)
{
    vl_wal_scan *scan;
    vl_wal_record record;
    vl_record parsed;
    const char *fault;
    velo_status st;
    int found = 1, in_list = self->has_list;

    st = recovery_open_scan(ctx, self, vl_volume_super(self->store->volume)->log_position, &scan);
    while (st == VELO_OK) {
        st = vl_wal_scan_next(ctx, scan, &record, &found);
        if (st != VELO_OK || !found)
            break;
        fault = vl_record_parse(record.type, record.body, record.size, &parsed);
        if (fault != NULL)
            st = recovery_damaged(ctx, &record, fault);
        else if (recovery_is_listed(&parsed))
            st = recovery_judge_listed(ctx, self, &record, &parsed, &in_list);
        else
            st = vl_verdict_see(ctx, self->verdict, record.type, record.txn, record.position,
                                parsed.position);
    }
    if (st == VELO_OK)
        *end = vl_wal_scan_position(scan);
    vl_wal_scan_close(scan);
    vl_verdict_finish(self->verdict);
    return st;
}

/* ---- long values ---- */

static recovery_long *
recovery_find_long(recovery *self, uint64_t txn, uint64_t number)
{
    for (uint32_t i = self->long_count; i > 0; i--)
        if (self->longs[i - 1].txn == txn && self->longs[i - 1].number == number)
            return self->longs + i - 1;
    return NULL;
}

/* Go to the value's next chunk. */
static velo_status
recovery_next_chunk(vl_ctx *ctx, recovery_source *source)
{
    vl_wal_record record;
    vl_record parsed;
    int found;

    do {
        VL_TRY(vl_wal_scan_next(ctx, source->scan, &record, &found));
        if (!found) {
            source->is_cut = 1;
            return vl_fail(ctx, VELO_ABORT, "a long value of the log is not complete");
        }
        if (vl_record_parse(record.type, record.body, record.size, &parsed) != NULL)
            return recovery_damaged(ctx, &record, "it is damaged");
    } while (parsed.type != VL_RECORD_CHUNK || record.txn != source->txn ||
             parsed.long_value != source->number);
    source->at = parsed.data;
    source->left = parsed.size;
    return VELO_OK;
}

static velo_status
recovery_fill(vl_ctx *ctx, void *argument, void *to, uint32_t size)
{
    recovery_source *source = argument;
    uint8_t *out = to;

    while (size > 0) {
        uint32_t part;

        while (source->left == 0)
            VL_TRY(recovery_next_chunk(ctx, source));
        part = source->left < size ? (uint32_t)source->left : size;
        memcpy(out, source->at, part);
        source->at += part;
        source->left -= part;
        out += part;
        size -= part;
    }
    return VELO_OK;
}

/* Make room for one long value more. */
static velo_status
recovery_reserve_long(vl_ctx *ctx, recovery *self)
{
    uint32_t capacity = self->long_capacity == 0 ? 8 : 2 * self->long_capacity;
    recovery_long *grown;

    if (self->long_count < self->long_capacity)
        return VELO_OK;
    grown = vl_realloc(ctx, self->longs, capacity * sizeof *grown);
    if (grown == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the list of long values in the log");
    self->longs = grown;
    self->long_capacity = capacity;
    return VELO_OK;
}

/* A chunk: if it is the value's first, write the value. */
static velo_status
recovery_take_chunk(vl_ctx *ctx, recovery *self, const vl_wal_record *record,
                    const vl_record *parsed)
{
    recovery_source source = {.txn = record->txn, .number = parsed->long_value};
    vl_overflow_source value = {.tree = parsed->tree, .fill = recovery_fill, .argument = &source};
    recovery_long *entry;
    velo_status st;

    if (recovery_find_long(self, record->txn, parsed->long_value) != NULL)
        return VELO_OK;
    if (parsed->total_size > VL_OVERFLOW_MAX_SIZE)
        return recovery_damaged(ctx, record, "a value longer than any can be");
    VL_TRY(recovery_reserve_long(ctx, self));
    VL_TRY(recovery_open_scan(ctx, self, record->position, &source.scan));
    entry = self->longs + self->long_count;
    value.size = (uint32_t)parsed->total_size;
    *entry = (recovery_long){record->txn, parsed->long_value, {parsed->tree, 0, value.size}};
    st = vl_overflow_write(ctx, self->store->cache, &value, &entry->value.pid);
    vl_wal_scan_close(source.scan);
    if (st == VELO_ABORT && source.is_cut) {
        vl_error_clear(ctx);
        entry->value.pid = 0; /* its other chunks are passed over, and no record may use it */
        st = VELO_OK;
    }
    if (st == VELO_OK)
        self->long_count++;
    return st;
}

/* Put what was sent ahead into its place in a row: the number of a long value becomes the number
 * of its root page. */
static velo_status
recovery_place_long(vl_ctx *ctx, recovery *self, const vl_wal_record *record, vl_leaf_value *value)
{
    recovery_long *entry;

    if (value->overflow == 0)
        return VELO_OK;
    entry = recovery_find_long(self, record->txn, value->overflow);
    if (entry == NULL || entry->value.pid == 0 || entry->value.size != value->value.size)
        return recovery_damaged(ctx, record, "a long value of it was not sent ahead");
    value->overflow = entry->value.pid;
    *entry = self->longs[--self->long_count];
    return VELO_OK;
}

/* Free what no record used. */
static velo_status
recovery_free_longs(vl_ctx *ctx, recovery *self)
{
    while (self->long_count > 0) {
        const vl_overflow *value = &self->longs[self->long_count - 1].value;

        if (value->pid != 0)
            VL_TRY(vl_overflow_free_all(ctx, self->store->cache, value));
        self->long_count--;
    }
    return VELO_OK;
}

/* ---- operations ---- */

static velo_status
recovery_no_memory(vl_ctx *ctx)
{
    return vl_fail(ctx, VELO_NOMEM, "cannot allocate memory for an operation of the log");
}

/* Insert a row: columns that the record lacks have their defaults, columns that the table has no
 * more are left out. */
static velo_status
recovery_insert(vl_ctx *ctx, recovery *self, const vl_wal_record *record, const vl_record *parsed,
                vl_store_tree *table)
{
    const vl_layout *layout = atomic_load_explicit(&table->layout, memory_order_relaxed);
    uint32_t count = layout->columns.count, id;
    vl_leaf_value *columns = vl_arena_alloc_array(&self->writer->arena, count, sizeof *columns);
    vl_leaf_record walk;
    vl_leaf_value value;

    if (columns == NULL)
        return recovery_no_memory(ctx);
    memcpy(columns, layout->columns.defaults, count * sizeof *columns);
    vl_leaf_record_init(&walk, parsed->data, parsed->size);
    while (vl_leaf_record_next(&walk, &id, &value) > 0) {
        int column = vl_layout_find(layout, id);

        if (column < 0)
            continue;
        VL_TRY(recovery_place_long(ctx, self, record, &value));
        columns[column] = value;
    }
    return vl_writer_do_insert(ctx, self->writer, table, parsed->rowid, columns);
}

/* Insert all rows of a leaf. */
static velo_status
recovery_insert_rows(vl_ctx *ctx, recovery *self, const vl_record *parsed, vl_store_tree *table)
{
    const vl_layout *layout = atomic_load_explicit(&table->layout, memory_order_relaxed);
    uint32_t page_size = self->store->page_size;
    uint32_t count = layout->columns.count;
    vl_leaf_value *columns = vl_arena_alloc_array(&self->writer->arena, count, sizeof *columns);
    vl_leaf *leaf = vl_arena_alloc_aligned(&self->writer->arena, page_size, VL_CACHE_LINE_SIZE);

    if (columns == NULL || leaf == NULL)
        return recovery_no_memory(ctx);
    VL_TRY(vl_record_join_leaf(ctx, parsed, page_size, leaf));
    self->store->recovered_count += leaf->count > 0 ? leaf->count - 1 : 0;
    for (uint32_t rank = 0; rank < leaf->count; rank++) {
        uint32_t slot = vl_leaf_slot_at(leaf, rank);

        memcpy(columns, layout->columns.defaults, count * sizeof *columns);
        for (uint32_t i = 0; i < leaf->column_count; i++) {
            int column = vl_layout_find(layout, vl_leaf_column_id(leaf, i));

            if (column >= 0)
                vl_leaf_get(leaf, slot, i, columns + column);
        }
        VL_TRY(vl_writer_do_insert(ctx, self->writer, table, vl_leaf_rowid(leaf, slot), columns));
    }
    return VELO_OK;
}

static velo_status
recovery_update(vl_ctx *ctx, recovery *self, const vl_wal_record *record, const vl_record *parsed,
                vl_store_tree *table)
{
    const vl_layout *layout = atomic_load_explicit(&table->layout, memory_order_relaxed);
    uint32_t capacity = layout->columns.count, count = 0, id;
    vl_leaf_value *values = vl_arena_alloc_array(&self->writer->arena, capacity, sizeof *values);
    uint32_t *ids = vl_arena_alloc_array(&self->writer->arena, capacity, sizeof *ids);
    vl_leaf_record walk;
    vl_leaf_value value;

    if (values == NULL || ids == NULL)
        return recovery_no_memory(ctx);
    vl_leaf_record_init(&walk, parsed->data, parsed->size);
    while (vl_leaf_record_next(&walk, &id, &value) > 0) {
        if (vl_layout_find(layout, id) < 0)
            continue;
        VL_TRY(recovery_place_long(ctx, self, record, &value));
        ids[count] = id;
        values[count++] = value;
    }
    if (count == 0)
        return VELO_OK;
    return vl_writer_do_update(ctx, self->writer, table, parsed->rowid, ids, values, count);
}

/* Get a key's bytes, which may have been sent ahead. */
static velo_status
recovery_get_key(vl_ctx *ctx, recovery *self, const vl_wal_record *record, vl_record_key *key)
{
    recovery_long *entry;
    uint8_t *bytes;

    if (key->long_value == 0)
        return VELO_OK;
    entry = recovery_find_long(self, record->txn, key->long_value);
    if (entry == NULL || entry->value.pid == 0)
        return recovery_damaged(ctx, record, "its key was not sent ahead");
    bytes = vl_arena_alloc(&self->writer->arena, entry->value.size);
    if (bytes == NULL)
        return recovery_no_memory(ctx);
    VL_TRY(vl_overflow_read(ctx, self->store->cache, &entry->value, 0, entry->value.size, bytes));
    VL_TRY(vl_overflow_free_all(ctx, self->store->cache, &entry->value));
    key->data = bytes;
    key->size = entry->value.size;
    *entry = self->longs[--self->long_count];
    return VELO_OK;
}

static velo_status
recovery_create(vl_ctx *ctx, recovery *self, const vl_wal_record *record, const vl_record *parsed)
{
    vl_store *store = self->store;
    vl_layout *layout = NULL;

    if (parsed->kind != VL_TREE_TABLE && parsed->kind != VL_TREE_KEY)
        return recovery_damaged(ctx, record, "a tree of an unknown kind");
    if (parsed->tree < VL_STORE_FIRST_TREE || parsed->tree >= INT64_MAX)
        return recovery_damaged(ctx, record, "an impossible number of a tree");
    if (parsed->kind == VL_TREE_TABLE)
        VL_TRY(vl_layout_parse(ctx, store->page_size, parsed->data, parsed->size, &layout));
    (void)vl_atomic_max(&store->next_tree, parsed->tree + 1);
    return vl_writer_do_create_tree(ctx, self->writer, parsed->tree, (vl_tree_kind)parsed->kind,
                                    layout);
}

/* An operation on a tree that is there. */
static velo_status
recovery_change(vl_ctx *ctx, recovery *self, const vl_wal_record *record, vl_record *parsed,
                vl_store_tree *tree)
{
    vl_layout *layout;

    switch (parsed->type) {
    case VL_RECORD_TABLE_INSERT:
        return recovery_insert(ctx, self, record, parsed, tree);
    case VL_RECORD_TABLE_ROWS:
        return recovery_insert_rows(ctx, self, parsed, tree);
    case VL_RECORD_TABLE_UPDATE:
        return recovery_update(ctx, self, record, parsed, tree);
    case VL_RECORD_TABLE_DELETE:
        return vl_writer_do_delete(ctx, self->writer, tree, parsed->rowid);
    case VL_RECORD_KEY_PUT:
        VL_TRY(recovery_get_key(ctx, self, record, &parsed->key));
        return vl_writer_do_put(ctx, self->writer, tree, parsed->key.data, parsed->key.size,
                                parsed->data, (uint32_t)parsed->size);
    case VL_RECORD_KEY_DELETE:
        VL_TRY(recovery_get_key(ctx, self, record, &parsed->key));
        return vl_writer_do_remove(ctx, self->writer, tree, parsed->key.data, parsed->key.size);
    case VL_RECORD_TREE_DROP:
        return vl_writer_do_drop_tree(ctx, self->writer, tree);
    case VL_RECORD_TREE_LAYOUT:
        VL_TRY(vl_layout_parse(ctx, self->store->page_size, parsed->data, parsed->size, &layout));
        return vl_writer_do_set_layout(ctx, self->writer, tree, layout);
    case VL_RECORD_TREE_MARK:
        return vl_writer_do_mark(ctx, self->writer, tree, parsed->rowid);
    default:
        return VELO_OK;
    }
}

/* Whether a record is of a tree of tables, keys, or either: 0 none. */
static vl_tree_kind
recovery_kind(vl_record_type type)
{
    if (type == VL_RECORD_KEY_PUT || type == VL_RECORD_KEY_DELETE)
        return VL_TREE_KEY;
    return VL_TREE_TABLE;
}

/* Apply a record that happened. */
static velo_status
recovery_apply(vl_ctx *ctx, recovery *self, const vl_wal_record *record, vl_record *parsed)
{
    vl_store_tree *tree;

    vl_arena_reset(&self->writer->arena);
    if (parsed->tree == 0)
        return VELO_OK;
    if (parsed->type == VL_RECORD_CHUNK)
        return recovery_take_chunk(ctx, self, record, parsed);
    self->store->recovered_count++;
    if (parsed->type == VL_RECORD_TREE_CREATE)
        return recovery_create(ctx, self, record, parsed);
    VL_TRY(vl_store_find_tree(ctx, self->store, parsed->tree, &tree));
    if (parsed->type != VL_RECORD_TREE_DROP && tree->kind != recovery_kind(parsed->type))
        return recovery_damaged(ctx, record, "its tree is of another kind");
    return recovery_change(ctx, self, record, parsed, tree);
}

/* ---- the second pass ---- */

/* Errors that say that log and pages contradict each other are damage. */
static velo_status
recovery_explain(vl_ctx *ctx, const vl_wal_record *record, velo_status st)
{
    char text[VL_ERROR_TEXT_SIZE / 2];

    if (st != VELO_CONSTRAINT && st != VELO_NOTFOUND && st != VELO_MISUSE)
        return st;
    memcpy(text, ctx->error.text, sizeof text - 1);
    text[sizeof text - 1] = 0;
    return recovery_damaged(ctx, record, text);
}

static velo_status
recovery_redo(vl_ctx *ctx, recovery *self, vl_log_position end)
{
    vl_wal_scan *scan;
    vl_wal_record record;
    vl_record parsed;
    velo_status st;
    int found = 1;

    st = recovery_open_scan(ctx, self, vl_volume_super(self->store->volume)->log_position, &scan);
    while (st == VELO_OK) {
        st = vl_wal_scan_next(ctx, scan, &record, &found);
        if (st != VELO_OK || !found)
            break;
        if (record.type == VL_RECORD_LISTED || record.type == VL_RECORD_LIST_END ||
            !vl_verdict_applies(self->verdict, record.txn, record.position))
            continue;
        if (vl_record_parse(record.type, record.body, record.size, &parsed) != NULL)
            st = recovery_damaged(ctx, &record, "it has changed since it was read before");
        else
            st = recovery_explain(ctx, &record, recovery_apply(ctx, self, &record, &parsed));
    }
    if (st == VELO_OK && vl_wal_scan_position(scan) != end) /* keeps RC3 */
        st = vl_fail(ctx, VELO_CORRUPT,
                     "the log \"%s\" ends at position %" PRIu64 ", and ended at %" PRIu64
                     " when it was read before",
                     self->store->wal_path, vl_wal_scan_position(scan), end);
    vl_wal_scan_close(scan);
    return st;
}

/* Apply the checkpoint's list, if there is one. */
static velo_status
recovery_list_pass(vl_ctx *ctx, recovery *self)
{
    vl_wal_scan *scan;
    velo_status st;

    if (!self->has_list)
        return VELO_OK;
    st = recovery_open_scan(ctx, self, vl_volume_super(self->store->volume)->log_position, &scan);
    if (st == VELO_OK)
        st = vl_recovery_apply_list(ctx, self->store, self->verdict, scan);
    vl_wal_scan_close(scan);
    return st;
}

velo_status
vl_recovery_run(vl_ctx *ctx, vl_store *store, vl_log_position *end)
{
    const vl_superblock *super = vl_volume_super(store->volume);
    recovery self = {.store = store, .writer = store->own};
    velo_status st;

    *end = 0;
    memcpy(self.identity.database_id, super->database_id, sizeof super->database_id);
    self.identity.generation = super->log_generation;
    self.identity.salt = super->log_salt;
    if (super->inflight_root.length != 0)
        return vl_fail(ctx, VELO_CANTOPEN,
                       "%s was left by a program that keeps unfinished transactions in checkpoints",
                       vl_volume_path(store->volume));
    self.has_list = (super->flags & VL_SUPER_LISTED) != 0;
    VL_TRY(vl_verdict_create(ctx, &self.verdict));
    st = recovery_judge(ctx, &self, end);
    if (st == VELO_OK)
        st = recovery_list_pass(ctx, &self);
    if (st == VELO_OK)
        st = recovery_redo(ctx, &self, *end);
    if (st == VELO_OK)
        st = recovery_free_longs(ctx, &self);
    store->recovered_lost = vl_verdict_lost_count(self.verdict);
    if (st == VELO_OK)
        vl_log_write(ctx->log, VL_LOG_NOTICE, VELO_OK,
                     "recovered %s: %" PRIu64 " operations applied, %" PRIu64
                     " unfinished transactions dropped",
                     vl_volume_path(store->volume), store->recovered_count, store->recovered_lost);
    vl_verdict_destroy(self.verdict);
    vl_free(self.longs);
    return st;
}
