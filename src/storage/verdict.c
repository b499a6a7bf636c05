/* verdict.c - which of the log's operations happened; see verdict.h.
 *
 * Invariants
 *   V1  Until the end of the log, `table` holds the transactions that are open or have aborted;
 *       afterwards those that are lost.
 *   V2  The table is open addressing with linear probing, at most three quarters full; number 0 is
 *       an empty place, so transaction numbers are from 1 on.
 *   V3  After vl_verdict_finish ranges are sorted by transaction, then by their begin, and those of
 *       one transaction do not touch. */
#include "storage/verdict.h"

#include "base/assert.h"
#include "base/hash.h"
#include "storage/record.h"

#include <stdlib.h>

#define VERDICT_FIRST_SIZE VL_BY_BUILD(1024U, 4U)

typedef struct verdict_entry {
    uint64_t txn;     /* 0: no entry */
    uint64_t aborted; /* 1: an ABORT was seen */
} verdict_entry;

/* Operations of a transaction that did not happen. */
typedef struct verdict_range {
    uint64_t txn;  /* whose */
    uint64_t from; /* first position */
    uint64_t end;  /* one past the last: that of the DISCARD */
} verdict_range;

struct vl_verdict {
    verdict_entry *table;  /* V1, V2 */
    size_t table_size;     /* places, a power of two */
    size_t count;          /* entries */
    verdict_range *ranges; /* discarded ones */
    size_t range_count;    /* how many */
    size_t range_capacity; /* how many there is room for */
    int is_finished;       /* V3 holds */
};

velo_status
vl_verdict_create(vl_ctx *ctx, vl_verdict **out)
{
    vl_verdict *verdict = vl_alloc_zero(ctx, sizeof *verdict);

    *out = NULL;
    if (verdict == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the table of transactions in the log");
    verdict->table_size = VERDICT_FIRST_SIZE;
    verdict->table = vl_alloc_array(ctx, verdict->table_size, sizeof *verdict->table);
    if (verdict->table == NULL) {
        vl_free(verdict);
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the table of transactions in the log");
    }
    *out = verdict;
    return VELO_OK;
}

void
vl_verdict_destroy(vl_verdict *verdict)
{
    if (verdict == NULL)
        return;
    vl_free(verdict->table);
    vl_free(verdict->ranges);
    vl_free(verdict);
}

/* The place of a transaction, or the empty one where it would be. */
static size_t
verdict_place(const vl_verdict *verdict, uint64_t txn)
{
    size_t place = vl_mix64(txn) & (verdict->table_size - 1);

    while (verdict->table[place].txn != 0 && verdict->table[place].txn != txn)
        place = (place + 1) & (verdict->table_size - 1);
    return place;
}

static velo_status
verdict_grow(vl_ctx *ctx, vl_verdict *verdict)
{
    verdict_entry *old = verdict->table;
    size_t old_size = verdict->table_size;
    verdict_entry *grown = vl_alloc_array(ctx, 2 * old_size, sizeof *grown);

    if (grown == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the table of transactions in the log");
    verdict->table = grown;
    verdict->table_size = 2 * old_size;
    for (size_t i = 0; i < old_size; i++)
        if (old[i].txn != 0)
            verdict->table[verdict_place(verdict, old[i].txn)] = old[i];
    vl_free(old);
    return VELO_OK;
}

/* Make sure that a transaction is in the table. */
static velo_status
verdict_add(vl_ctx *ctx, vl_verdict *verdict, uint64_t txn)
{
    size_t place = verdict_place(verdict, txn);

    if (verdict->table[place].txn != 0)
        return VELO_OK;
    if (4 * (verdict->count + 1) > 3 * verdict->table_size) {
        VL_TRY(verdict_grow(ctx, verdict));
        place = verdict_place(verdict, txn);
    }
    verdict->table[place].txn = txn;
    verdict->count++;
    return VELO_OK;
}

/* Take a transaction out, closing the gap (Knuth, TAOCP volume 3, algorithm 6.4R). */
static void
verdict_remove(vl_verdict *verdict, uint64_t txn)
{
    size_t mask = verdict->table_size - 1;
    size_t gap = verdict_place(verdict, txn);

    if (verdict->table[gap].txn == 0)
        return;
    for (size_t at = (gap + 1) & mask; verdict->table[at].txn != 0; at = (at + 1) & mask) {
        size_t home = vl_mix64(verdict->table[at].txn) & mask;

        if (((at - home) & mask) >= ((at - gap) & mask)) {
            verdict->table[gap] = verdict->table[at];
            gap = at;
        }
    }
    verdict->table[gap] = (verdict_entry){0, 0};
    verdict->count--;
}

velo_status
vl_verdict_expect(vl_ctx *ctx, vl_verdict *verdict, uint64_t txn)
{
    if (txn == 0)
        return vl_fail(ctx, VELO_CORRUPT, "the checkpoint lists a transaction without a number");
    return verdict_add(ctx, verdict, txn);
}

static velo_status
verdict_discard(vl_ctx *ctx, vl_verdict *verdict, verdict_range range)
{
    size_t capacity = verdict->range_capacity;
    verdict_range *grown;

    if (range.from >= range.end)
        return vl_fail(ctx, VELO_CORRUPT,
                       "log position %llu: takes back what comes after it, from %llu on",
                       (unsigned long long)range.end, (unsigned long long)range.from);
    if (verdict->range_count == capacity) {
        capacity = capacity == 0 ? 16 : 2 * capacity;
        grown = vl_realloc(ctx, verdict->ranges, capacity * sizeof *grown);
        if (grown == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate the list of discarded operations");
        verdict->ranges = grown;
        verdict->range_capacity = capacity;
    }
    verdict->ranges[verdict->range_count++] = range;
    return VELO_OK;
}

velo_status
vl_verdict_see(vl_ctx *ctx, vl_verdict *verdict, uint32_t type, uint64_t txn, uint64_t position,
               uint64_t from)
{
    size_t place;

    VL_ASSERT(!verdict->is_finished);
    if (txn == 0)
        return vl_fail(ctx, VELO_CORRUPT, "log position %llu: a record without a transaction",
                       (unsigned long long)position);
    place = verdict_place(verdict, txn);
    if (verdict->table[place].txn != 0 && verdict->table[place].aborted)
        return vl_fail(ctx, VELO_CORRUPT,
                       "log position %llu: transaction %llu goes on after its end",
                       (unsigned long long)position, (unsigned long long)txn);
    if (type == VL_RECORD_COMMIT || (type & VL_RECORD_COMMITS) != 0) {
        verdict_remove(verdict, txn);
        return VELO_OK;
    }
    VL_TRY(verdict_add(ctx, verdict, txn));
    if (type == VL_RECORD_ABORT)
        verdict->table[verdict_place(verdict, txn)].aborted = 1;
    else if (type == VL_RECORD_DISCARD)
        return verdict_discard(ctx, verdict, (verdict_range){txn, from, position});
    return VELO_OK;
}

static int
verdict_range_order(const void *left, const void *right)
{
    const verdict_range *a = left, *b = right;

    if (a->txn != b->txn)
        return a->txn < b->txn ? -1 : 1;
    return a->from < b->from ? -1 : a->from > b->from;
}

/* Join ranges of one transaction that touch, so that those left are apart. */
static void
verdict_join_ranges(vl_verdict *verdict)
{
    size_t last = 0;

    for (size_t i = 1; i < verdict->range_count; i++) {
        verdict_range *kept = verdict->ranges + last;
        const verdict_range *next = verdict->ranges + i;

        if (next->txn != kept->txn || next->from > kept->end)
            verdict->ranges[++last] = *next;
        else if (next->end > kept->end)
            kept->end = next->end;
    }
    if (verdict->range_count > 0)
        verdict->range_count = last + 1;
}

void
vl_verdict_finish(vl_verdict *verdict)
{
    if (verdict->range_count > 1)
        qsort(verdict->ranges, verdict->range_count, sizeof *verdict->ranges, verdict_range_order);
    verdict_join_ranges(verdict);
    verdict->is_finished = 1;
}

int
vl_verdict_committed(const vl_verdict *verdict, uint64_t txn)
{
    VL_ASSERT(verdict->is_finished);
    return verdict->table[verdict_place(verdict, txn)].txn == 0;
}

/* The last range of a transaction that begins at or before `position`, or NULL. */
static const verdict_range *
verdict_range_before(const vl_verdict *verdict, uint64_t txn, uint64_t position)
{
    size_t low = 0, high = verdict->range_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const verdict_range *range = verdict->ranges + middle;

        if (range->txn < txn || (range->txn == txn && range->from <= position))
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && verdict->ranges[low - 1].txn == txn ? verdict->ranges + low - 1 : NULL;
}

int
vl_verdict_applies(const vl_verdict *verdict, uint64_t txn, uint64_t position)
{
    const verdict_range *range;

    if (!vl_verdict_committed(verdict, txn))
        return 0;
    range = verdict_range_before(verdict, txn, position);
    return range == NULL || position >= range->end;
}

uint64_t
vl_verdict_discarded_from(const vl_verdict *verdict, uint64_t txn, uint64_t checkpoint)
{
    const verdict_range *range;
    uint64_t from = UINT64_MAX;

    VL_ASSERT(verdict->is_finished);
    while (checkpoint > 0) {
        range = verdict_range_before(verdict, txn, checkpoint - 1);
        if (range == NULL)
            break;
        from = range->from;
        checkpoint = from;
    }
    return from;
}

uint64_t
vl_verdict_lost_count(const vl_verdict *verdict)
{
    return verdict->count;
}
