/* ranges.c - range records of a tree; see ranges.h.
 *
 * Invariants
 *   R1  records are sorted by their first rowid, and no rowid is in two of them.
 *   R2  count + promised <= capacity, so adding what was promised does not fail.
 *   R3  rowid <= last in each record. */
#include "txn/ranges.h"

#include "base/assert.h"
#include "base/latch.h"
#include "base/rank.h"

#include <string.h>

#define RANGES_FIRST_CAPACITY VL_BY_BUILD(8U, 1U)

struct vl_ranges {
    vl_undo_pool *pool;     /* of all memory */
    vl_latch latch;         /* guards the following, and `last` of the records */
    vl_undo **records;      /* R1 */
    _Atomic uint32_t count; /* how many; read without the latch for "none" */
    uint32_t promised;      /* that will be added */
    uint32_t capacity;      /* R2 */
};

velo_status
vl_ranges_create(vl_ctx *ctx, vl_undo_pool *pool, vl_ranges **out)
{
    vl_ranges *ranges;
    void *block;

    *out = NULL;
    VL_TRY(vl_undo_pool_alloc(ctx, pool, sizeof *ranges, &block));
    ranges = block;
    memset(ranges, 0, sizeof *ranges);
    ranges->pool = pool;
    vl_latch_init(&ranges->latch, VL_RANK_RANGES);
    *out = ranges;
    return VELO_OK;
}

static uint32_t
ranges_count(const vl_ranges *ranges)
{
    return atomic_load_explicit(&ranges->count, memory_order_acquire);
}

static void
ranges_set_count(vl_ranges *ranges, uint32_t count)
{
    atomic_store_explicit(&ranges->count, count, memory_order_release);
}

void
vl_ranges_destroy(vl_ranges *ranges)
{
    if (ranges == NULL)
        return;
    for (uint32_t i = 0; i < ranges_count(ranges); i++)
        vl_undo_unlinked(ranges->records[i]);
    vl_undo_pool_free(ranges->pool, ranges->records);
    vl_undo_pool_free(ranges->pool, ranges);
}

int
vl_ranges_is_empty(const vl_ranges *ranges)
{
    return ranges_count(ranges) == 0;
}

/* Index of the first record that begins above `rowid`. */
static uint32_t
ranges_above(const vl_ranges *ranges, int64_t rowid)
{
    uint32_t low = 0, high = ranges_count(ranges);

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (ranges->records[middle]->rowid <= rowid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Index of the record that speaks of a rowid, UINT32_MAX if none does. */
static uint32_t
ranges_index(const vl_ranges *ranges, int64_t rowid)
{
    uint32_t above = ranges_above(ranges, rowid);

    return above > 0 && ranges->records[above - 1]->last >= rowid ? above - 1 : UINT32_MAX;
}

/* What a record says; the latch is held. */
static vl_origin
ranges_origin(const vl_undo *range)
{
    return (vl_origin){range->status, vl_txn_status_commit_ts(range->status), range->statement};
}

vl_origin
vl_ranges_find(vl_ranges *ranges, int64_t rowid)
{
    vl_origin origin = {NULL, VL_TS_NONE, 0};
    uint32_t index;

    if (vl_ranges_is_empty(ranges))
        return origin;
    vl_latch_acquire_shared(&ranges->latch);
    index = ranges_index(ranges, rowid);
    if (index != UINT32_MAX)
        origin = ranges_origin(ranges->records[index]);
    vl_latch_release_shared(&ranges->latch);
    return origin;
}

uint32_t
vl_ranges_list(vl_ranges *ranges, int64_t first, int64_t last, vl_origin *origins, uint32_t room)
{
    uint32_t count = 0;

    if (vl_ranges_is_empty(ranges))
        return 0;
    vl_latch_acquire_shared(&ranges->latch);
    for (uint32_t above = ranges_above(ranges, last);
         above > 0 && count <= room && ranges->records[above - 1]->last >= first; above--) {
        if (count < room)
            origins[count] = ranges_origin(ranges->records[above - 1]);
        count++;
    }
    vl_latch_release_shared(&ranges->latch);
    return count;
}

/* Make room for one more record; the latch is held. */
static velo_status
ranges_grow(vl_ctx *ctx, vl_ranges *ranges)
{
    uint32_t count = ranges_count(ranges);
    uint32_t capacity = ranges->capacity == 0 ? RANGES_FIRST_CAPACITY : 2 * ranges->capacity;
    void *block;

    if (count + ranges->promised < ranges->capacity)
        return VELO_OK;
    VL_TRY(vl_undo_pool_alloc(ctx, ranges->pool, capacity * sizeof(vl_undo *), &block));
    if (count > 0)
        memcpy(block, ranges->records, count * sizeof(vl_undo *));
    vl_undo_pool_free(ranges->pool, ranges->records);
    ranges->records = block;
    ranges->capacity = capacity;
    return VELO_OK;
}

velo_status
vl_ranges_reserve(vl_ctx *ctx, vl_ranges *ranges)
{
    velo_status st;

    vl_latch_acquire_exclusive(&ranges->latch);
    st = ranges_grow(ctx, ranges);
    if (st == VELO_OK)
        ranges->promised++;
    vl_latch_release_exclusive(&ranges->latch);
    return st;
}

void
vl_ranges_unreserve(vl_ranges *ranges)
{
    vl_latch_acquire_exclusive(&ranges->latch);
    VL_ASSERT(ranges->promised > 0);
    ranges->promised--;
    vl_latch_release_exclusive(&ranges->latch);
}

void
vl_ranges_add(vl_ranges *ranges, vl_undo *range)
{
    uint32_t count, at;

    VL_ASSERT(range->kind == VL_UNDO_RANGE && range->rowid == range->last);
    vl_latch_acquire_exclusive(&ranges->latch);
    count = ranges_count(ranges);
    VL_ASSERT(ranges->promised > 0 && count < ranges->capacity);
    VL_ASSERT(ranges_index(ranges, range->rowid) == UINT32_MAX);
    ranges->promised--;
    at = ranges_above(ranges, range->rowid);
    memmove(ranges->records + at + 1, ranges->records + at, (count - at) * sizeof(vl_undo *));
    ranges->records[at] = range;
    vl_undo_linked(range);
    ranges_set_count(ranges, count + 1);
    vl_latch_release_exclusive(&ranges->latch);
}

int
vl_ranges_extend(vl_ranges *ranges, vl_undo *range, int64_t rowid)
{
    int is_next;

    vl_latch_acquire_exclusive(&ranges->latch);
    is_next = rowid > range->rowid && range->last == rowid - 1 &&
              ranges_index(ranges, rowid) == UINT32_MAX;
    if (is_next)
        range->last = rowid;
    vl_latch_release_exclusive(&ranges->latch);
    return is_next;
}

int
vl_ranges_extend_to(vl_ranges *ranges, vl_undo *range, int64_t last)
{
    uint32_t above;
    int is_free;

    vl_latch_acquire_exclusive(&ranges->latch);
    above = ranges_above(ranges, last);
    is_free = last >= range->last && above > 0 && ranges->records[above - 1] == range;
    if (is_free)
        range->last = last;
    vl_latch_release_exclusive(&ranges->latch);
    return is_free;
}

/* Take a record out; the latch is held. */
static void
ranges_remove(vl_ranges *ranges, const vl_undo *range)
{
    uint32_t count = ranges_count(ranges);
    uint32_t at = ranges_above(ranges, range->rowid) - 1;

    VL_ASSERT(at < count && ranges->records[at] == range);
    memmove(ranges->records + at, ranges->records + at + 1, (count - at - 1) * sizeof(vl_undo *));
    ranges_set_count(ranges, count - 1);
}

void
vl_ranges_shrink(vl_ranges *ranges, vl_undo *range, int64_t last)
{
    int is_gone = last < range->rowid;

    vl_latch_acquire_exclusive(&ranges->latch);
    VL_ASSERT(last <= range->last);
    if (is_gone)
        ranges_remove(ranges, range);
    else
        range->last = last;
    vl_latch_release_exclusive(&ranges->latch);
    if (is_gone)
        vl_undo_unlinked(range);
}

int
vl_ranges_join(vl_ranges *ranges, vl_undo_log *log)
{
    vl_undo *range = vl_undo_last(log);
    vl_undo *before = range != NULL ? range->previous : NULL;
    int joins;

    if (before == NULL || range->kind != VL_UNDO_RANGE || before->kind != VL_UNDO_RANGE ||
        range->tree != before->tree)
        return 0;
    vl_latch_acquire_exclusive(&ranges->latch);
    joins = before->last < range->rowid && before->last == range->rowid - 1;
    if (joins) {
        ranges_remove(ranges, range);
        before->last = range->last;
    }
    vl_latch_release_exclusive(&ranges->latch);
    if (joins) {
        vl_undo_unlinked(range);
        vl_undo_pop(log);
    }
    return joins;
}

uint32_t
vl_ranges_prune(vl_ranges *ranges, vl_timestamp oldest)
{
    uint32_t kept = 0, count;

    if (vl_ranges_is_empty(ranges))
        return 0;
    vl_latch_acquire_exclusive(&ranges->latch);
    count = ranges_count(ranges);
    for (uint32_t i = 0; i < count; i++) {
        vl_undo *range = ranges->records[i];

        if (vl_txn_status_commit_ts(range->status) <= oldest)
            vl_undo_unlinked(range);
        else
            ranges->records[kept++] = range;
    }
    ranges_set_count(ranges, kept);
    vl_latch_release_exclusive(&ranges->latch);
    return count - kept;
}

uint32_t
vl_ranges_count(const vl_ranges *ranges)
{
    return ranges_count(ranges);
}

uint32_t
vl_ranges_merge(vl_ranges *ranges, vl_ranges_is_one *is_one, void *argument)
{
    uint32_t kept = 0, count;

    vl_latch_acquire_exclusive(&ranges->latch);
    count = ranges_count(ranges);
    for (uint32_t i = 0; i < count; i++) {
        vl_undo *range = ranges->records[i];
        vl_undo *before = kept > 0 ? ranges->records[kept - 1] : NULL;

        if (before != NULL && before->last < range->rowid && before->last == range->rowid - 1 &&
            vl_txn_status_commit_ts(before->status) < VL_TS_ABORTED &&
            vl_txn_status_commit_ts(range->status) < VL_TS_ABORTED &&
            is_one(argument, before, range)) {
            before->last = range->last;
            vl_undo_unlinked(range);
        } else {
            ranges->records[kept++] = range;
        }
    }
    ranges_set_count(ranges, kept);
    vl_latch_release_exclusive(&ranges->latch);
    return count - kept;
}
