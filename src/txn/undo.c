/* undo.c - undo records and the logs that they lie in; see undo.h.
 *
 * Invariants
 *   U1  references = 1 for the owner until it finishes the log, 1 for each record in a chain, 1 for
 *       each hold. It becomes 0 under the pool's latch only; then the log is in no list, and is
 *       freed. So what the list names may be held under that latch.
 *   U2  The last record lies in the newest chunk that has one; records behind it do not exist. The
 *       oldest chunk is of one block with the log.
 *   U3  `used_bytes` of the pool is the sum of what it has allocated in memory, and never passes
 * the budget. What would, lies in `spill`. U4  While a log is held, no byte of a record that is
 * popped is used again. U5  Finished logs are listed in the order in which they were finished;
 * before them those that were put back, and those of merged records. */
#include "txn/undo.h"

#include "base/assert.h"
#include "base/atomic.h"
#include "base/latch.h"
#include "base/rank.h"
#include "os/machine.h"

#include <string.h>

#define UNDO_SECOND_CHUNK 1024U
#define UNDO_MAX_CHUNK    VL_BY_BUILD(65536U, 1024U)

/* In memory the chunks of a large log go on growing, and the system is asked to take huge pages for
 * them: records are looked at in any order, and finding the page of each in the processor's tables
 * would cost more than reading it. A pool's share of its budget that such a chunk leaves free. */
#define UNDO_HUGE_CHUNK VL_BY_BUILD(4194304U, 8192U)
#define UNDO_HUGE_SHARE 4U

#define UNDO_ALIGN 8U

typedef struct undo_chunk {
    struct undo_chunk *older; /* filled before it */
    uint32_t size;            /* bytes of data */
    uint32_t used;            /* of them */
    uint8_t data[];           /* records, aligned to UNDO_ALIGN */
} undo_chunk;

_Static_assert(sizeof(undo_chunk) % UNDO_ALIGN == 0, "records are aligned");

struct vl_undo_log {
    vl_undo_pool *pool;          /* where memory comes from */
    vl_txn_status *status;       /* whose log */
    undo_chunk *chunk;           /* newest: U2 */
    vl_undo *last;               /* U2 */
    vl_undo *resume;             /* where its pruning goes on; NULL: at the last one */
    _Atomic uint64_t references; /* U1 */
    _Atomic uint64_t holds;      /* of these, holds: U4 */
    vl_undo_log *before;         /* neighbours in the pool's list; pool latch */
    vl_undo_log *behind;         /* see before */
    int is_listed;               /* in the list; pool latch */
};

/* Bytes of the first chunk: with the log, and what stands before a block of the file, 512. */
#define UNDO_FIRST_SIZE                                                                            \
    (512U - (uint32_t)sizeof(vl_undo_log) - (uint32_t)sizeof(undo_chunk) - VL_UNDO_SPILL_HEAD)

struct vl_undo_pool {
    uint64_t budget_bytes;       /* as given */
    vl_allocator *allocator;     /* of all memory */
    _Atomic uint64_t used_bytes; /* U3 */
    vl_undo_spill *spill;        /* NULL: there is none */
    vl_latch latch;              /* rank VL_RANK_UNDO: guards the list */
    vl_undo_log *first;          /* U5 */
    vl_undo_log *end;            /* last of the list */
};

/* ---- the pool ---- */

velo_status
vl_undo_pool_create(vl_ctx *ctx, uint64_t budget_bytes, vl_undo_pool **out)
{
    vl_undo_pool *pool = vl_alloc_zero(ctx, sizeof *pool);

    *out = pool;
    if (pool == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the pool of undo records");
    pool->budget_bytes = budget_bytes;
    pool->allocator = ctx->allocator != NULL ? ctx->allocator : vl_allocator_default();
    vl_latch_init(&pool->latch, VL_RANK_UNDO);
    return VELO_OK;
}

void
vl_undo_pool_destroy(vl_undo_pool *pool)
{
    if (pool == NULL)
        return;
    VL_ASSERT(pool->first == NULL);
    VL_ASSERT(vl_undo_pool_used(pool) == 0);
    vl_undo_spill_destroy(pool->spill);
    vl_free(pool);
}

velo_status
vl_undo_pool_set_spill(vl_ctx *ctx, vl_undo_pool *pool, vl_io *io, const char *path)
{
    VL_ASSERT(pool->spill == NULL);
    return vl_undo_spill_create(ctx, io, path, &pool->spill);
}

uint64_t
vl_undo_pool_used(const vl_undo_pool *pool)
{
    return vl_counter(&pool->used_bytes);
}

uint64_t
vl_undo_pool_budget(const vl_undo_pool *pool)
{
    return pool->budget_bytes;
}

uint64_t
vl_undo_pool_spilled(const vl_undo_pool *pool)
{
    return pool->spill != NULL ? vl_undo_spill_used(pool->spill) : 0;
}

uint64_t
vl_undo_pool_file_size(const vl_undo_pool *pool)
{
    return pool->spill != NULL ? vl_undo_spill_size(pool->spill) : 0;
}

/* Whether memory is about to be used up. */
static int
undo_is_near_budget(const vl_undo_pool *pool)
{
    return pool->budget_bytes != 0 &&
           vl_undo_pool_used(pool) >= pool->budget_bytes - pool->budget_bytes / 8;
}

void
vl_undo_pool_tend(vl_ctx *ctx, vl_undo_pool *pool)
{
    int is_wanted = undo_is_near_budget(pool);
    vl_error before;

    if (pool->spill == NULL || (VL_LIKELY(!is_wanted) && vl_undo_spill_size(pool->spill) == 0))
        return;
    before = ctx->error;
    if (vl_undo_spill_tend(ctx, pool->spill, is_wanted) != VELO_OK)
        ctx->error = before; /* it fails again where it is wanted, and is told there */
}

void
vl_undo_pool_touch(vl_undo_pool *pool, uint32_t count)
{
    if (pool->spill != NULL)
        vl_undo_spill_touch(pool->spill, count);
}

void
vl_undo_pool_settle(vl_undo_pool *pool, uint32_t count)
{
    if (pool->spill == NULL)
        return;
    vl_undo_spill_touch(pool->spill, count);
    vl_undo_spill_settle(pool->spill);
}

/* Count bytes in, unless the budget is passed: 1 or 0. Keeps U3. */
static int
undo_take_budget(vl_undo_pool *pool, uint64_t size)
{
    uint64_t budget = pool->budget_bytes;
    uint64_t used = vl_counter(&pool->used_bytes);

    do {
        if (budget != 0 && (size > budget || used > budget - size))
            return 0;
    } while (!atomic_compare_exchange_weak_explicit(&pool->used_bytes, &used, used + size,
                                                    memory_order_relaxed, memory_order_relaxed));
    return 1;
}

velo_status
vl_undo_pool_alloc(vl_ctx *ctx, vl_undo_pool *pool, size_t size, void **out)
{
    *out = NULL;
    if (!undo_take_budget(pool, size)) {
        if (pool->spill != NULL)
            return vl_undo_spill_alloc(ctx, pool->spill, size, out);
        (void)vl_fail(ctx, VELO_FULL,
                      "older versions of rows would take more than the %llu bytes that they may: "
                      "a transaction is too large, or a reader is open for too long",
                      (unsigned long long)pool->budget_bytes);
        return VELO_FULL;
    }
    *out = vl_allocator_alloc(pool->allocator, size, UNDO_ALIGN);
    if (*out == NULL) {
        atomic_fetch_sub_explicit(&pool->used_bytes, size, memory_order_relaxed);
        (void)vl_fail(ctx, VELO_NOMEM, "cannot allocate %zu bytes for older versions of rows",
                      size);
        return VELO_NOMEM;
    }
    return VELO_OK;
}

void
vl_undo_pool_free(vl_undo_pool *pool, void *block)
{
    if (block == NULL)
        return;
    if (vl_undo_spill_has(pool->spill, block)) {
        vl_undo_spill_free(pool->spill, block);
        return;
    }
    atomic_fetch_sub_explicit(&pool->used_bytes, vl_alloc_size(block), memory_order_relaxed);
    vl_free(block);
}

/* ---- logs ---- */

static velo_status
undo_too_big(vl_ctx *ctx, uint64_t size)
{
    return vl_fail(ctx, VELO_TOOBIG, "the old version of a row has %llu bytes",
                   (unsigned long long)size);
}

_Static_assert(sizeof(vl_undo_log) % UNDO_ALIGN == 0, "a chunk follows the log");

/* Make a log whose first chunk has so many bytes. */
static velo_status
undo_log_make(vl_ctx *ctx, vl_undo_pool *pool, vl_txn_status *status, uint64_t size,
              vl_undo_log **out)
{
    void *block;
    vl_undo_log *log;

    *out = NULL;
    if (size > UINT32_MAX)
        return undo_too_big(ctx, size);
    VL_TRY(vl_undo_pool_alloc(ctx, pool, sizeof *log + sizeof *log->chunk + (size_t)size, &block));
    log = block;
    memset(log, 0, sizeof *log);
    log->chunk = (undo_chunk *)(void *)(log + 1);
    log->chunk->older = NULL;
    log->chunk->size = (uint32_t)size;
    log->chunk->used = 0;
    log->pool = pool;
    log->status = status;
    atomic_init(&log->references, 1);
    atomic_init(&log->holds, 0);
    vl_txn_status_acquire(status, 1);
    *out = log;
    return VELO_OK;
}

velo_status
vl_undo_log_create(vl_ctx *ctx, vl_undo_pool *pool, vl_txn_status *status, vl_undo_log **out)
{
    return undo_log_make(ctx, pool, status, UNDO_FIRST_SIZE, out);
}

/* Free a log that nothing refers to. */
static void
undo_log_free(vl_undo_log *log)
{
    vl_undo_pool *pool = log->pool;

    while (log->chunk->older != NULL) { /* U2 */
        undo_chunk *older = log->chunk->older;

        vl_undo_pool_free(pool, log->chunk);
        log->chunk = older;
        vl_undo_pool_settle(pool, 8); /* a chunk that is freed is a page that is touched */
    }
    vl_txn_status_release(log->status, 1);
    vl_undo_pool_free(pool, log);
}

/* Take a log out of the pool's list. The latch is held. */
static void
undo_unlist(vl_undo_log *log)
{
    vl_undo_pool *pool = log->pool;

    if (!log->is_listed)
        return;
    if (log->before != NULL)
        log->before->behind = log->behind;
    else
        pool->first = log->behind;
    if (log->behind != NULL)
        log->behind->before = log->before;
    else
        pool->end = log->before;
    log->is_listed = 0;
}

static void
undo_reference(vl_undo_log *log)
{
    atomic_fetch_add_explicit(&log->references, 1, memory_order_relaxed);
}

/* Give a reference up; the last one frees the log. Keeps U1. */
static void
undo_dereference(vl_undo_log *log)
{
    vl_undo_pool *pool = log->pool;
    uint64_t seen = atomic_load_explicit(&log->references, memory_order_relaxed);

    while (seen > 1)
        if (atomic_compare_exchange_weak_explicit(&log->references, &seen, seen - 1,
                                                  memory_order_release, memory_order_relaxed))
            return;
    vl_latch_acquire_exclusive(&pool->latch);
    seen = atomic_fetch_sub_explicit(&log->references, 1, memory_order_acq_rel);
    if (seen == 1)
        undo_unlist(log);
    vl_latch_release_exclusive(&pool->latch);
    if (seen == 1)
        undo_log_free(log);
}

void
vl_undo_log_hold(vl_undo_log *log)
{
    atomic_fetch_add_explicit(&log->holds, 1, memory_order_relaxed);
    undo_reference(log);
}

void
vl_undo_log_release(vl_undo_log *log)
{
    /* Release: what the holder has read, it has read before the memory is used again (U4). */
    atomic_fetch_sub_explicit(&log->holds, 1, memory_order_release);
    undo_dereference(log);
}

/* Put a log at an end of the list: U5. */
static void
undo_list(vl_undo_log *log, int is_first)
{
    vl_undo_pool *pool = log->pool;

    vl_latch_acquire_exclusive(&pool->latch);
    log->before = is_first ? NULL : pool->end;
    log->behind = is_first ? pool->first : NULL;
    if (log->before != NULL)
        log->before->behind = log;
    else
        pool->first = log;
    if (log->behind != NULL)
        log->behind->before = log;
    else
        pool->end = log;
    log->is_listed = 1;
    vl_latch_release_exclusive(&pool->latch);
}

void
vl_undo_log_finish(vl_undo_log *log)
{
    if (log == NULL)
        return;
    VL_ASSERT(vl_txn_status_commit_ts(log->status) != VL_TS_ACTIVE);
    undo_list(log, 0);
    undo_dereference(log);
}

/* The first log that may be taken, or NULL. The latch is held. */
static vl_undo_log *
undo_first_to_take(const vl_undo_pool *pool, vl_timestamp oldest)
{
    vl_undo_log *log = pool->first;

    while (log != NULL && vl_txn_status_commit_ts(log->status) == VL_TS_ABORTED)
        log = log->behind; /* only held by somebody: it goes by itself */
    if (log != NULL && vl_txn_status_commit_ts(log->status) > oldest)
        log = NULL; /* those behind it wait a little longer, if they are older at all */
    return log;
}

int
vl_undo_pool_can_take(vl_undo_pool *pool, vl_timestamp oldest)
{
    int can;

    vl_latch_acquire_shared(&pool->latch);
    can = undo_first_to_take(pool, oldest) != NULL;
    vl_latch_release_shared(&pool->latch);
    return can;
}

vl_undo_log *
vl_undo_pool_take(vl_undo_pool *pool, vl_timestamp oldest)
{
    vl_undo_log *log;

    vl_latch_acquire_exclusive(&pool->latch);
    log = undo_first_to_take(pool, oldest);
    if (log != NULL) {
        vl_undo_log_hold(log); /* U1: it is listed, so references are not 0 */
        undo_unlist(log);
    }
    vl_latch_release_exclusive(&pool->latch);
    return log;
}

vl_undo *
vl_undo_log_resume(const vl_undo_log *log)
{
    return log->resume != NULL ? log->resume : log->last;
}

void
vl_undo_log_set_resume(vl_undo_log *log, vl_undo *record)
{
    log->resume = record;
}

void
vl_undo_log_put_back(vl_undo_log *log)
{
    undo_list(log, 1);
    vl_undo_log_release(log);
}

/* ---- records ---- */

/* Bytes of a record with all that belongs to it. */
static uint64_t
undo_record_size(uint32_t key_size, const vl_leaf_change *columns, uint32_t count)
{
    uint64_t size = sizeof(vl_undo) + (uint64_t)count * sizeof *columns + key_size;

    for (uint32_t i = 0; i < count; i++)
        if (columns[i].value.overflow == 0)
            size += columns[i].value.value.size;
    return vl_align_up(size, UNDO_ALIGN);
}

/* Write a record's parts behind it: columns, then key, then texts. */
static void
undo_record_fill(vl_undo *record, const void *key, uint32_t key_size, const vl_leaf_change *columns,
                 uint32_t count)
{
    vl_leaf_change *own = (vl_leaf_change *)(record + 1);
    uint8_t *to = (uint8_t *)(own + count);

    record->columns = count > 0 ? own : NULL;
    record->column_count = count;
    record->key = key != NULL ? to : NULL;
    record->key_size = key_size;
    if (key != NULL && key_size > 0)
        memcpy(to, key, key_size);
    to += key_size;
    for (uint32_t i = 0; i < count; i++) {
        vl_value *value = &own[i].value.value;

        VL_ASSERT(i == 0 || columns[i - 1].id < columns[i].id);
        own[i] = columns[i];
        if ((value->type != VL_TYPE_TEXT && value->type != VL_TYPE_BLOB) ||
            own[i].value.overflow != 0)
            continue;
        if (value->size > 0)
            memcpy(to, columns[i].value.value.as.data, value->size);
        value->as.data = to;
        to += value->size;
    }
}

_Static_assert(sizeof(vl_undo) % _Alignof(vl_leaf_change) == 0, "columns follow the record");
_Static_assert(_Alignof(vl_leaf_change) <= UNDO_ALIGN, "columns are aligned");

/* Give the log a new chunk with so many bytes. */
static velo_status
undo_add_chunk(vl_ctx *ctx, vl_undo_log *log, uint64_t size)
{
    undo_chunk *chunk;
    void *block;

    if (size > UINT32_MAX)
        return undo_too_big(ctx, size);
    VL_TRY(vl_undo_pool_alloc(ctx, log->pool, sizeof *chunk + (size_t)size, &block));
    chunk = block;
    chunk->older = log->chunk;
    chunk->size = (uint32_t)size;
    chunk->used = 0;
    log->chunk = chunk;
    if (size > UNDO_HUGE_CHUNK / 2)
        vl_machine_want_huge_pages(block, sizeof *chunk + (size_t)size);
    return VELO_OK;
}

/* Whether a pool has room in memory for a chunk that is larger than usual. */
static int
undo_has_much_room(const vl_undo_pool *pool, uint64_t size)
{
    return pool->budget_bytes == 0 ||
           vl_counter(&pool->used_bytes) + size <= pool->budget_bytes / UNDO_HUGE_SHARE;
}

/* Make sure that the newest chunk has so much room. */
static velo_status
undo_log_room(vl_ctx *ctx, vl_undo_log *log, uint64_t size)
{
    const undo_chunk *chunk = log->chunk;
    uint64_t want;

    if (chunk->size - chunk->used >= size)
        return VELO_OK;
    want = chunk->older == NULL ? UNDO_SECOND_CHUNK
                                : 2 * ((uint64_t)chunk->size + sizeof *chunk + VL_UNDO_SPILL_HEAD);
    if (want > UNDO_MAX_CHUNK && !undo_has_much_room(log->pool, want))
        want = UNDO_MAX_CHUNK;
    want = want < UNDO_HUGE_CHUNK ? want : UNDO_HUGE_CHUNK;
    want -= sizeof *chunk + VL_UNDO_SPILL_HEAD; /* a block of the file has that size with it */
    return undo_add_chunk(ctx, log, want >= size ? want : size);
}

/* What was there before a change of a kind that is recorded by transactions. */
static vl_row_state
undo_state_before(vl_undo_kind kind)
{
    if (kind == VL_UNDO_UPDATE || kind == VL_UNDO_DELETE)
        return VL_ROW_LIVE;
    return kind == VL_UNDO_REINSERT ? VL_ROW_DELETED : VL_ROW_ABSENT;
}

velo_status
vl_undo_append(vl_ctx *ctx, vl_undo_log *log, const vl_undo_change *change, vl_undo **out)
{
    uint64_t size = undo_record_size(change->key_size, change->columns, change->column_count);
    vl_undo *record;

    *out = NULL;
    VL_ASSERT(change->kind != VL_UNDO_MERGED);
    VL_ASSERT(change->column_count == 0 || change->kind == VL_UNDO_UPDATE ||
              change->kind == VL_UNDO_REINSERT);
    VL_TRY(undo_log_room(ctx, log, size));
    record = (vl_undo *)(void *)(log->chunk->data + log->chunk->used);
    log->chunk->used += (uint32_t)size;
    *record = (vl_undo){.previous = log->last,
                        .log = log,
                        .status = log->status,
                        .tree = change->tree,
                        .rowid = change->rowid,
                        .last = change->kind == VL_UNDO_RANGE ? change->rowid : 0,
                        .statement = change->statement,
                        .kind = change->kind,
                        .before = undo_state_before(change->kind)};
    undo_record_fill(record, change->key, change->key_size, change->columns, change->column_count);
    log->last = record;
    *out = record;
    return VELO_OK;
}

void
vl_undo_set_position(vl_undo *record, uint64_t position)
{
    record->position = position;
}

vl_undo *
vl_undo_last(const vl_undo_log *log)
{
    return log->last;
}

/* Whether a record lies in a chunk. */
static int
undo_chunk_has(const undo_chunk *chunk, const vl_undo *record)
{
    uintptr_t at = (uintptr_t)record, begin = (uintptr_t)chunk->data;

    return at >= begin && at < begin + chunk->size;
}

void
vl_undo_pop(vl_undo_log *log)
{
    vl_undo *record = log->last;
    undo_chunk *chunk;

    VL_ASSERT(record != NULL);
    log->last = record->previous;
    /* Acquire: pairs with the release of vl_undo_log_release. */
    if (atomic_load_explicit(&log->holds, memory_order_acquire) != 0)
        return; /* U4 */
    while (!undo_chunk_has(log->chunk, record)) {
        chunk = log->chunk;
        log->chunk = chunk->older;
        vl_undo_pool_free(log->pool, chunk);
    }
    chunk = log->chunk;
    chunk->used = (uint32_t)((uintptr_t)record - (uintptr_t)chunk->data);
    if (chunk->used == 0 && chunk->older != NULL) {
        log->chunk = chunk->older;
        vl_undo_pool_free(log->pool, chunk);
    }
}

vl_undo_mark
vl_undo_log_mark(const vl_undo_log *log)
{
    const vl_undo *last = log->last;

    return (vl_undo_mark){last, last != NULL && last->kind == VL_UNDO_RANGE ? last->last : 0};
}

int
vl_undo_log_is_at(const vl_undo_log *log, vl_undo_mark mark)
{
    const vl_undo *last = log->last;

    return last == mark.last &&
           (last == NULL || last->kind != VL_UNDO_RANGE || last->last == mark.rowid);
}

void
vl_undo_linked(vl_undo *record)
{
    uint32_t links = atomic_load_explicit(&record->links, memory_order_relaxed);

    /* One writer: who has the leaf latched. A collector has the log from the pool's latch, so it
     * sees what was linked by then. */
    atomic_store_explicit(&record->links, links + 1, memory_order_relaxed);
    undo_reference(record->log);
}

void
vl_undo_unlinked(vl_undo *record)
{
    uint32_t links = atomic_load_explicit(&record->links, memory_order_relaxed);

    atomic_store_explicit(&record->links, links - 1, memory_order_relaxed);
    undo_dereference(record->log);
}

int
vl_undo_is_linked(const vl_undo *record)
{
    return atomic_load_explicit(&record->links, memory_order_relaxed) > 0;
}

velo_status
vl_undo_make_merged(vl_ctx *ctx, const vl_undo *like, const vl_leaf_change *columns, uint32_t count,
                    vl_undo **out)
{
    vl_undo_pool *pool = like->log->pool;
    uint64_t size = undo_record_size(like->key_size, columns, count);
    vl_undo_log *log;
    vl_undo *record;

    *out = NULL;
    VL_TRY(undo_log_make(ctx, pool, like->status, size, &log));
    record = (vl_undo *)(void *)log->chunk->data;
    log->chunk->used = (uint32_t)size;
    *record = *like;
    record->older = NULL;
    record->beside = NULL;
    record->previous = NULL;
    atomic_store_explicit(&record->links, 1, memory_order_relaxed);
    record->log = log; /* the owner's reference stands for the chain's */
    record->kind = VL_UNDO_MERGED;
    undo_record_fill(record, like->key, like->key_size, columns, count);
    log->last = record;
    /* The logs it was made from may go: the row is found by this one, before all that came later
     * (a tree that is dropped has no versions left). */
    undo_list(log, 1);
    *out = record;
    return VELO_OK;
}
