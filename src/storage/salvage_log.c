/* salvage_log.c - what the log of a damaged database says was committed behind the checkpoint.
 *
 * As recovery does, the log is read twice: first for which operations happened (verdict.h), then
 * these are given, in the log's order. Where recovery would refuse, here the log ends: at a record
 * that cannot be read, or that contradicts what came before it. What committed before that point is
 * given, all else is not.
 *
 * Invariants
 *   SL1  Both passes end at the same position.
 *   SL2  A long value takes as much memory as chunks of it have come, so all of them together no
 *        more than the log has bytes, twice. */
#include "base/alloc.h"
#include "storage/salvage_int.h"
#include "storage/verdict.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A value that was sent ahead. */
typedef struct salvage_long {
    uint64_t txn;      /* whose */
    uint64_t number;   /* its number there */
    uint64_t total;    /* bytes that it should have */
    uint64_t size;     /* bytes that have come */
    uint64_t capacity; /* room for so many */
    uint8_t *bytes;    /* owned */
} salvage_long;

typedef struct salvage_log {
    vl_salvage *self;         /* all else */
    char *path;               /* of the log */
    vl_wal_identity identity; /* of the log */
    vl_verdict *verdict;      /* what happened */
    vl_log_position end;      /* SL1 */
    salvage_long *longs;      /* whose record has not come yet */
    uint32_t long_count;      /* how many */
    uint32_t long_capacity;   /* room for so many */
} salvage_log;

/* Say that the log is read no further. */
static void
salvage_log_tell(salvage_log *log, vl_log_position at, const char *text)
{
    char line[VL_ERROR_TEXT_SIZE];

    (void)snprintf(line, sizeof line,
                   "the log is damaged: what was committed from position %" PRIu64
                   " on is lost: %.800s",
                   at, text);
    vl_salvage_tell(log->self, VL_SALVAGE_LOG, 0, 0, NULL, line);
}

static velo_status
salvage_log_open(vl_ctx *ctx, salvage_log *log, vl_wal_scan **scan)
{
    return vl_wal_scan_open(ctx, log->self->io, log->path, &log->identity,
                            log->self->super.log_position, scan);
}

/* ---- the first pass ---- */

/* Read a record and judge it; *found 0: the log ends before it. */
static velo_status
salvage_log_judge_next(vl_ctx *ctx, salvage_log *log, vl_wal_scan *scan, int *found)
{
    vl_wal_record record;
    vl_record parsed;
    const char *fault;
    velo_status st = vl_wal_scan_next(ctx, scan, &record, found);

    if (st == VELO_OK && *found) {
        fault = vl_record_parse(record.type, record.body, record.size, &parsed);
        if (fault != NULL)
            st = vl_fail(ctx, VELO_CORRUPT, "%s", fault);
        else if (parsed.type != VL_RECORD_LISTED && parsed.type != VL_RECORD_LIST_END)
            st = vl_verdict_see(ctx, log->verdict, record.type, record.txn, record.position,
                                parsed.position);
    }
    if (st == VELO_NOMEM)
        return st;
    if (st != VELO_OK) {
        salvage_log_tell(log, log->end, ctx->error.text);
        vl_error_clear(ctx);
        *found = 0;
    }
    if (*found)
        log->end = record.end;
    return VELO_OK;
}

static velo_status
salvage_log_judge(vl_ctx *ctx, salvage_log *log, vl_wal_scan *scan)
{
    velo_status st = VELO_OK;
    int found = 1;

    log->end = log->self->super.log_position;
    while (st == VELO_OK && found)
        st = salvage_log_judge_next(ctx, log, scan, &found);
    vl_verdict_finish(log->verdict);
    return st;
}

/* ---- long values ---- */

static salvage_long *
salvage_log_find_long(salvage_log *log, uint64_t txn, uint64_t number)
{
    for (uint32_t i = log->long_count; i > 0; i--)
        if (log->longs[i - 1].txn == txn && log->longs[i - 1].number == number)
            return log->longs + i - 1;
    return NULL;
}

/* Find a value, or begin it. */
static velo_status
salvage_log_add_long(vl_ctx *ctx, salvage_log *log, uint64_t txn, const vl_record *parsed,
                     salvage_long **out)
{
    uint32_t capacity = log->long_capacity == 0 ? 8 : 2 * log->long_capacity;
    salvage_long *grown;

    *out = salvage_log_find_long(log, txn, parsed->long_value);
    if (*out != NULL)
        return VELO_OK;
    if (log->long_count == log->long_capacity) {
        grown = vl_realloc(ctx, log->longs, capacity * sizeof *grown);
        if (grown == NULL)
            return vl_salvage_no_memory(ctx);
        log->longs = grown;
        log->long_capacity = capacity;
    }
    *out = log->longs + log->long_count++;
    **out = (salvage_long){.txn = txn, .number = parsed->long_value, .total = parsed->total_size};
    return VELO_OK;
}

/* Keep a chunk. One that does not fit spoils the value: it never becomes complete. Keeps SL2. */
static velo_status
salvage_log_take_chunk(vl_ctx *ctx, salvage_log *log, uint64_t txn, const vl_record *parsed)
{
    salvage_long *value;
    uint64_t wanted;
    uint8_t *grown;

    VL_TRY(salvage_log_add_long(ctx, log, txn, parsed, &value));
    if (parsed->total_size != value->total || value->total > VL_OVERFLOW_MAX_SIZE ||
        parsed->size > value->total - value->size) {
        value->total = UINT64_MAX;
        return VELO_OK;
    }
    wanted = value->size + parsed->size;
    if (wanted > value->capacity) {
        wanted = 2 * wanted < value->total ? 2 * wanted : value->total;
        grown = vl_realloc(ctx, value->bytes, (size_t)wanted);
        if (grown == NULL)
            return vl_salvage_no_memory(ctx);
        value->bytes = grown;
        value->capacity = wanted;
    }
    if (parsed->size > 0)
        memcpy(value->bytes + value->size, parsed->data, parsed->size);
    value->size += parsed->size;
    return VELO_OK;
}

/* Take a value out: its bytes become the arena's. NULL when it is not complete. */
static velo_status
salvage_log_take_long(vl_ctx *ctx, salvage_log *log, uint64_t txn, uint64_t number,
                      const uint8_t **bytes, uint32_t *size)
{
    salvage_long *value = salvage_log_find_long(log, txn, number);
    uint8_t *copy;

    *bytes = NULL;
    *size = 0;
    if (value == NULL || value->size != value->total)
        return VELO_OK;
    copy = vl_arena_alloc(&log->self->arena, (size_t)value->size + 1);
    if (copy == NULL)
        return vl_salvage_no_memory(ctx);
    if (value->size > 0)
        memcpy(copy, value->bytes, (size_t)value->size);
    *bytes = copy;
    *size = (uint32_t)value->size;
    vl_free(value->bytes);
    *value = log->longs[--log->long_count];
    return VELO_OK;
}

/* ---- the second pass ---- */

/* The columns of a row. */
static velo_status
salvage_log_take_row(vl_ctx *ctx, salvage_log *log, uint64_t txn, const vl_record *parsed,
                     vl_salvage_operation *out)
{
    vl_arena *arena = &log->self->arena;
    uint32_t count = 0, id, size;
    vl_leaf_record walk;
    vl_leaf_value value;
    vl_value *values;
    uint8_t *states;
    uint32_t *ids;

    vl_leaf_record_init(&walk, parsed->data, parsed->size);
    while (vl_leaf_record_next(&walk, &id, &value) > 0)
        count++;
    ids = vl_arena_alloc_array(arena, count + 1, sizeof *ids);
    values = vl_arena_alloc_array(arena, count + 1, sizeof *values);
    states = vl_arena_alloc_array(arena, count + 1, sizeof *states);
    if (ids == NULL || values == NULL || states == NULL)
        return vl_salvage_no_memory(ctx);
    out->column_count = count;
    out->ids = ids;
    out->values = values;
    out->states = states;
    vl_leaf_record_init(&walk, parsed->data, parsed->size);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *bytes;

        (void)vl_leaf_record_next(&walk, ids + i, &value);
        values[i] = value.value;
        if (value.overflow == 0)
            continue;
        VL_TRY(salvage_log_take_long(ctx, log, txn, value.overflow, &bytes, &size));
        values[i].as.data = bytes;
        if (bytes == NULL || size != value.value.size) {
            values[i] = (vl_value){.type = VL_TYPE_NULL};
            states[i] = VL_SALVAGE_LOST;
        }
    }
    return VELO_OK;
}

/* What a record says, by its type. VELO_CORRUPT: a part is missing that it cannot do without. */
static velo_status
salvage_log_fill(vl_ctx *ctx, salvage_log *log, const vl_wal_record *record,
                 const vl_record *parsed, vl_salvage_operation *out, vl_layout **layout)
{
    const uint8_t *key = parsed->key.data;

    switch (parsed->type) {
    case VL_RECORD_TABLE_INSERT:
    case VL_RECORD_TABLE_UPDATE:
        return salvage_log_take_row(ctx, log, record->txn, parsed, out);
    case VL_RECORD_KEY_PUT:
    case VL_RECORD_KEY_DELETE:
        out->key_size = parsed->key.size;
        if (parsed->key.long_value != 0)
            VL_TRY(salvage_log_take_long(ctx, log, record->txn, parsed->key.long_value, &key,
                                         &out->key_size));
        out->key = key;
        out->value = parsed->data;
        out->value_size = (uint32_t)parsed->size;
        return key != NULL ? VELO_OK : vl_fail(ctx, VELO_CORRUPT, "its key was not sent ahead");
    case VL_RECORD_TREE_CREATE:
        if (parsed->kind != VL_TREE_TABLE && parsed->kind != VL_TREE_KEY)
            return vl_fail(ctx, VELO_CORRUPT, "a tree of an unknown kind");
        out->kind = (vl_tree_kind)parsed->kind;
        if (parsed->kind == VL_TREE_KEY)
            return VELO_OK;
        break;
    case VL_RECORD_TREE_LAYOUT:
        break;
    case VL_RECORD_COMMIT:
    case VL_RECORD_ABORT:
    case VL_RECORD_DISCARD:
    case VL_RECORD_TABLE_DELETE:
    case VL_RECORD_TREE_DROP:
    case VL_RECORD_TREE_MARK:
    case VL_RECORD_CHUNK:
    case VL_RECORD_LISTED:
    case VL_RECORD_LIST_END:
    case VL_RECORD_TABLE_ROWS:
        return VELO_OK;
    }
    VL_TRY(vl_layout_parse(ctx, log->self->page_size, parsed->data, parsed->size, layout));
    out->layout = *layout;
    return VELO_OK;
}

/* Report an operation that makes no sense by itself, and leave it out. */
static velo_status
salvage_log_leave_out(vl_ctx *ctx, salvage_log *log, const vl_wal_record *record,
                      const vl_record *parsed)
{
    char text[VL_ERROR_TEXT_SIZE];

    (void)snprintf(text, sizeof text, "log position %" PRIu64 " (%s) is left out: %.800s",
                   record->position, vl_record_type_name(record->type), ctx->error.text);
    vl_salvage_tell(log->self, VL_SALVAGE_LOG, parsed->tree, 0, NULL, text);
    vl_error_clear(ctx);
    return VELO_OK;
}

static velo_status
salvage_log_hand_over(vl_ctx *ctx, salvage_log *log, const vl_salvage_operation *out)
{
    vl_salvage *self = log->self;

    self->stats->operation_count++;
    if (self->options->operation == NULL)
        return VELO_OK;
    return self->options->operation(ctx, self->options->argument, out);
}

/* Give an operation. */
static velo_status
salvage_log_give(vl_ctx *ctx, salvage_log *log, const vl_wal_record *record,
                 const vl_record *parsed)
{
    vl_salvage_operation out = {.type = parsed->type,
                                .at = record->position,
                                .txn = record->txn,
                                .tree = parsed->tree,
                                .rowid = parsed->rowid};
    vl_layout *layout = NULL;
    velo_status st;

    vl_arena_reset(&log->self->arena);
    st = salvage_log_fill(ctx, log, record, parsed, &out, &layout);
    if (st == VELO_CORRUPT)
        return salvage_log_leave_out(ctx, log, record, parsed);
    if (st == VELO_OK)
        st = salvage_log_hand_over(ctx, log, &out);
    vl_layout_destroy(layout);
    return st;
}

/* Give the rows of a leaf, each as an insert. */
static velo_status
salvage_log_give_rows(vl_ctx *ctx, salvage_log *log, const vl_wal_record *record,
                      const vl_record *parsed)
{
    vl_salvage_operation out = {.type = VL_RECORD_TABLE_INSERT,
                                .at = record->position,
                                .txn = record->txn,
                                .tree = parsed->tree};
    vl_arena *arena = &log->self->arena;
    vl_leaf *leaf;
    vl_value *values;
    uint8_t *states;
    uint32_t *ids;
    velo_status st;

    vl_arena_reset(arena);
    leaf = vl_arena_alloc_aligned(arena, log->self->page_size, VL_CACHE_LINE_SIZE);
    if (leaf == NULL)
        return vl_salvage_no_memory(ctx);
    st = vl_record_join_leaf(ctx, parsed, log->self->page_size, leaf);
    if (st != VELO_OK)
        return salvage_log_leave_out(ctx, log, record, parsed);
    ids = vl_arena_alloc_array(arena, leaf->column_count + 1U, sizeof *ids);
    values = vl_arena_alloc_array(arena, leaf->column_count + 1U, sizeof *values);
    states = vl_arena_alloc_array(arena, leaf->column_count + 1U, sizeof *states);
    if (ids == NULL || values == NULL || states == NULL)
        return vl_salvage_no_memory(ctx);
    out.column_count = leaf->column_count;
    out.ids = ids;
    out.values = values;
    out.states = states;
    for (uint32_t rank = 0; st == VELO_OK && rank < leaf->count; rank++) {
        uint32_t slot = vl_leaf_slot_at(leaf, rank);

        out.rowid = vl_leaf_rowid(leaf, slot);
        for (uint32_t i = 0; i < leaf->column_count; i++) {
            vl_leaf_value value;

            vl_leaf_get(leaf, slot, i, &value);
            ids[i] = vl_leaf_column_id(leaf, i);
            values[i] = value.value;
        }
        st = salvage_log_hand_over(ctx, log, &out);
    }
    return st;
}

/* Give what a record says, or keep a part of it. */
static velo_status
salvage_log_take(vl_ctx *ctx, salvage_log *log, const vl_wal_record *record,
                 const vl_record *parsed)
{
    if (parsed->type == VL_RECORD_CHUNK)
        return salvage_log_take_chunk(ctx, log, record->txn, parsed);
    if (parsed->type == VL_RECORD_TABLE_ROWS)
        return salvage_log_give_rows(ctx, log, record, parsed);
    return salvage_log_give(ctx, log, record, parsed);
}

static velo_status
salvage_log_redo(vl_ctx *ctx, salvage_log *log, vl_wal_scan *scan)
{
    vl_wal_record record;
    vl_record parsed;
    velo_status st;
    int found;

    while (vl_wal_scan_position(scan) < log->end) {
        st = vl_wal_scan_next(ctx, scan, &record, &found);
        if (st == VELO_NOMEM)
            return st;
        if (st != VELO_OK || !found ||
            vl_record_parse(record.type, record.body, record.size, &parsed) != NULL) {
            salvage_log_tell(log, vl_wal_scan_position(scan),
                             "it could be read before, and now it cannot");
            vl_error_clear(ctx);
            return VELO_OK;
        }
        if (record.position >= log->end)
            break; /* only fillers were left; SL1 */
        if (parsed.tree == 0 || parsed.type == VL_RECORD_LISTED ||
            !vl_verdict_applies(log->verdict, record.txn, record.position))
            continue;
        VL_TRY(salvage_log_take(ctx, log, &record, &parsed));
    }
    return VELO_OK;
}

/* ---- all of it ---- */

/* Both passes. */
static velo_status
salvage_log_read(vl_ctx *ctx, salvage_log *log)
{
    char text[VL_ERROR_TEXT_SIZE];
    vl_wal_scan *scan;
    velo_status st;

    st = salvage_log_open(ctx, log, &scan);
    if (st != VELO_OK && st != VELO_NOMEM) {
        salvage_log_tell(log, log->self->super.log_position, ctx->error.text);
        vl_error_clear(ctx);
        return VELO_OK;
    }
    VL_TRY(st);
    st = salvage_log_judge(ctx, log, scan);
    vl_wal_scan_close(scan);
    VL_TRY(st);
    VL_TRY(salvage_log_open(ctx, log, &scan));
    st = salvage_log_redo(ctx, log, scan);
    vl_wal_scan_close(scan);
    (void)snprintf(text, sizeof text,
                   "the log was read from position %" PRIu64 " to %" PRIu64 ": %" PRIu64
                   " operations, %" PRIu64 " transactions without an end",
                   log->self->super.log_position, log->end, log->self->stats->operation_count,
                   vl_verdict_lost_count(log->verdict));
    vl_salvage_tell(log->self, VL_SALVAGE_NOTE, 0, 0, NULL, text);
    return st;
}

/* Without a superblock nothing tells which records of a log count. */
static velo_status
salvage_log_without_super(vl_ctx *ctx, salvage_log *log)
{
    int exists = 0;
    velo_status st = vl_path_exists(ctx, log->self->io, log->path, &exists);

    if (st != VELO_OK)
        vl_error_clear(ctx);
    if (st != VELO_OK || exists)
        salvage_log_tell(log, 0, "without a superblock it cannot be read");
    return VELO_OK;
}

velo_status
vl_salvage_read_log(vl_ctx *ctx, vl_salvage *self)
{
    salvage_log log = {.self = self};
    size_t size = strlen(self->path);
    velo_status st;

    if (self->has_super && (self->super.flags & VL_SUPER_CLEAN) != 0)
        return VELO_OK;
    log.path = vl_alloc(ctx, size + sizeof "-wal");
    if (log.path == NULL)
        return vl_salvage_no_memory(ctx);
    memcpy(log.path, self->path, size);
    memcpy(log.path + size, "-wal", sizeof "-wal");
    memcpy(log.identity.database_id, self->super.database_id, sizeof self->super.database_id);
    log.identity.generation = self->super.log_generation;
    log.identity.salt = self->super.log_salt;
    if (!self->has_super) {
        st = salvage_log_without_super(ctx, &log);
    } else {
        st = vl_verdict_create(ctx, &log.verdict);
        if (st == VELO_OK)
            st = salvage_log_read(ctx, &log);
    }
    for (uint32_t i = 0; i < log.long_count; i++)
        vl_free(log.longs[i].bytes);
    vl_free(log.longs);
    vl_verdict_destroy(log.verdict);
    vl_free(log.path);
    return st;
}
