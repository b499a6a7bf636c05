/* snapshot.c - slots in segments, and reading them all.
 *
 * Segments double in size and never move, so slots are read without a latch. `used` counts the
 * slots that were ever handed out; those behind it were never in use.
 *
 * Invariants
 *   N1  While a snapshot is in use, its slot has oldest <= snapshot <= newest, or oldest unknown.
 *   N2  A collector that loaded `published` as P and then reads a slot finds each snapshot below P
 *       that is in use: a snapshot that it does not find was begun with a store that the
 * collector's load of the slot precedes in the single order of sequentially consistent operations,
 * so its own load of `published` comes later in that order and yields P or more. N3  newest is
 * stored before oldest when a snapshot begins, and oldest is read before newest: a range that was
 * read covers all snapshots that the slot had when oldest was read. N4  `used` is raised before a
 * slot is used, in the same single order: a collector that does not see the slot counted is as one
 * that finds it free.
 *
 * The protocol of hazard 24 also loads `published` again after storing it in the slot. With the
 * value that means unknown in place from the beginning that is not needed: N2. */
#include "txn/snapshot.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/rank.h"

#include <string.h>

#define SNAPSHOT_SEGMENTS 24U                  /* 64 << 23 connections are never reached */
#define SNAPSHOT_FIRST    VL_BY_BUILD(64U, 2U) /* slots of the first segment */

struct vl_snapshots {
    vl_publish *publish;                                     /* borrowed */
    _Atomic(vl_snapshot_slot *) segments[SNAPSHOT_SEGMENTS]; /* owned; set once */
    _Atomic uint32_t used;                                   /* N4; raised under the latch */
    vl_latch latch;                                          /* guards the following */
    vl_snapshot_slot *free;                                  /* slots that were returned */
    uint32_t joined;                                         /* slots that connections have */
};

velo_status
vl_snapshots_create(vl_ctx *ctx, vl_publish *publish, vl_snapshots **out)
{
    vl_snapshots *snapshots = vl_alloc_zero(ctx, sizeof *snapshots);

    *out = NULL;
    if (snapshots == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the registry of snapshots");
    snapshots->publish = publish;
    vl_latch_init(&snapshots->latch, VL_RANK_TXN_SLOTS);
    *out = snapshots;
    return VELO_OK;
}

void
vl_snapshots_destroy(vl_snapshots *snapshots)
{
    if (snapshots == NULL)
        return;
    VL_ASSERT(snapshots->joined == 0);
    for (uint32_t i = 0; i < SNAPSHOT_SEGMENTS; i++)
        vl_free(atomic_load_explicit(&snapshots->segments[i], memory_order_relaxed));
    vl_free(snapshots);
}

/* ---- slots ---- */

/* Where the slot of a number is: its segment, and its place there. */
static uint32_t
snapshot_locate(uint32_t number, uint32_t *at)
{
    uint32_t segment = 0;
    uint32_t size = SNAPSHOT_FIRST;

    while (number >= size) {
        number -= size;
        size *= 2;
        segment++;
    }
    *at = number;
    return segment;
}

/* Allocate a segment, and give it to the registry unless another has just done so. */
static velo_status
snapshot_grow(vl_ctx *ctx, vl_snapshots *snapshots, uint32_t segment)
{
    size_t count = (size_t)SNAPSHOT_FIRST << segment;
    vl_snapshot_slot *expected = NULL;
    vl_snapshot_slot *slots;

    slots = vl_alloc_aligned(ctx, count * sizeof *slots, VL_CONTENDED_ALIGN);
    if (slots == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate %zu slots for snapshots", count);
    for (size_t i = 0; i < count; i++) {
        atomic_init(&slots[i].oldest, VL_SNAPSHOT_FREE);
        atomic_init(&slots[i].newest, VL_TS_NONE);
        slots[i].next = NULL;
    }
    if (!atomic_compare_exchange_strong_explicit(&snapshots->segments[segment], &expected, slots,
                                                 memory_order_acq_rel, memory_order_acquire))
        vl_free(slots);
    return VELO_OK;
}

/* Take a slot, or say which segment is missing for that: NULL then. */
static vl_snapshot_slot *
snapshot_take(vl_snapshots *snapshots, uint32_t *missing)
{
    vl_snapshot_slot *slot;
    uint32_t at;

    vl_latch_acquire_exclusive(&snapshots->latch);
    slot = snapshots->free;
    if (slot != NULL) {
        snapshots->free = slot->next;
    } else {
        uint32_t number = atomic_load_explicit(&snapshots->used, memory_order_relaxed);

        *missing = snapshot_locate(number, &at);
        VL_CHECK(*missing < SNAPSHOT_SEGMENTS);
        slot = atomic_load_explicit(&snapshots->segments[*missing], memory_order_acquire);
        if (slot != NULL) {
            slot += at;
            atomic_store_explicit(&snapshots->used, number + 1, memory_order_seq_cst); /* N4 */
        }
    }
    snapshots->joined += slot != NULL;
    vl_latch_release_exclusive(&snapshots->latch);
    return slot;
}

velo_status
vl_snapshots_join(vl_ctx *ctx, vl_snapshots *snapshots, vl_snapshot_slot **out)
{
    uint32_t missing = 0;

    *out = NULL;
    while ((*out = snapshot_take(snapshots, &missing)) == NULL)
        VL_TRY(snapshot_grow(ctx, snapshots, missing));
    (*out)->next = NULL;
    return VELO_OK;
}

void
vl_snapshots_leave(vl_snapshots *snapshots, vl_snapshot_slot *slot)
{
    if (slot == NULL)
        return;
    VL_ASSERT(!vl_snapshot_is_open(slot));
    vl_latch_acquire_exclusive(&snapshots->latch);
    VL_ASSERT(snapshots->joined > 0);
    slot->next = snapshots->free;
    snapshots->free = slot;
    snapshots->joined--;
    vl_latch_release_exclusive(&snapshots->latch);
}

/* ---- a connection's snapshots ---- */

int
vl_snapshot_is_open(const vl_snapshot_slot *slot)
{
    return atomic_load_explicit(&slot->oldest, memory_order_relaxed) != VL_SNAPSHOT_FREE;
}

vl_timestamp
vl_snapshot_begin(vl_snapshots *snapshots, vl_snapshot_slot *slot, vl_snapshot_moment moment,
                  vl_timestamp met)
{
    int is_first = !vl_snapshot_is_open(slot);
    vl_timestamp least = VL_TS_NONE;
    vl_timestamp ts;

    /* Exchanges, since they are full fences on all processors: N2. */
    if (is_first)
        (void)atomic_exchange_explicit(&slot->oldest, VL_TS_NONE, memory_order_seq_cst);
    else
        least = atomic_exchange_explicit(&slot->newest, UINT64_MAX, memory_order_seq_cst);
    ts = moment == VL_SNAPSHOT_APPENDED ? vl_publish_appended_ts(snapshots->publish, met)
                                        : vl_publish_ts(snapshots->publish);
    if (ts < least)
        ts = least; /* an earlier one was taken at what is appended */
    atomic_store_explicit(&slot->newest, ts, memory_order_release);
    if (is_first)
        atomic_store_explicit(&slot->oldest, ts, memory_order_release); /* second: N3 */
    return ts;
}

void
vl_snapshot_narrow(vl_snapshot_slot *slot, vl_timestamp oldest)
{
    VL_ASSERT(vl_snapshot_is_open(slot));
    VL_ASSERT(oldest >= atomic_load_explicit(&slot->oldest, memory_order_relaxed));
    VL_ASSERT(oldest <= atomic_load_explicit(&slot->newest, memory_order_relaxed));
    atomic_store_explicit(&slot->oldest, oldest, memory_order_release);
}

void
vl_snapshot_end(vl_snapshot_slot *slot)
{
    VL_ASSERT(vl_snapshot_is_open(slot));
    /* Release: who finds it free and throws away comes after all that was read. */
    atomic_store_explicit(&slot->oldest, VL_SNAPSHOT_FREE, memory_order_release);
}

/* ---- collecting ---- */

/* The slots of a segment that were in use among the first `used`; *count receives how many. */
static vl_snapshot_slot *
snapshot_segment(vl_snapshots *snapshots, uint32_t segment, uint32_t used, uint32_t *count)
{
    uint32_t size = SNAPSHOT_FIRST << segment;
    uint32_t before = size - SNAPSHOT_FIRST; /* slots of all segments before */

    if (segment >= SNAPSHOT_SEGMENTS || used <= before)
        return NULL;
    *count = used - before < size ? used - before : size;
    return atomic_load_explicit(&snapshots->segments[segment], memory_order_acquire);
}

/* Join the two neighbours with the least between them: one range fewer. */
static void
snapshot_join_nearest(vl_snapshot_view *view)
{
    uint32_t best = 0;

    for (uint32_t i = 1; i + 1 < view->count; i++)
        if (view->ranges[i + 1].first - view->ranges[i].last <
            view->ranges[best + 1].first - view->ranges[best].last)
            best = i;
    view->ranges[best].last = view->ranges[best + 1].last;
    view->count--;
    memmove(&view->ranges[best + 1], &view->ranges[best + 2],
            (view->count - best - 1) * sizeof view->ranges[0]);
}

/* Add a range: joined with those it touches, else at its place. */
static void
snapshot_add(vl_snapshot_view *view, vl_snapshot_range range)
{
    uint32_t at = 0;
    uint32_t end;

    while (at < view->count && view->ranges[at].last < range.first)
        at++;
    for (end = at; end < view->count && view->ranges[end].first <= range.last; end++) {
        if (view->ranges[end].first < range.first)
            range.first = view->ranges[end].first;
        if (view->ranges[end].last > range.last)
            range.last = view->ranges[end].last;
    }
    /* One range in the place of those from `at` to `end`. */
    memmove(&view->ranges[at + 1], &view->ranges[end],
            (view->count - end) * sizeof view->ranges[0]);
    view->ranges[at] = range;
    view->count = view->count - (end - at) + 1;
    if (view->count > VL_SNAPSHOT_RANGES)
        snapshot_join_nearest(view);
}

void
vl_snapshots_collect(vl_snapshots *snapshots, vl_snapshot_view *view)
{
    vl_timestamp horizon = vl_publish_ts(snapshots->publish); /* first: N2 */
    uint32_t used = atomic_load_explicit(&snapshots->used, memory_order_seq_cst);
    uint32_t count = 0;
    vl_snapshot_slot *slots;

    view->horizon = horizon;
    view->count = 0;
    for (uint32_t i = 0; (slots = snapshot_segment(snapshots, i, used, &count)) != NULL; i++) {
        for (uint32_t j = 0; j < count; j++) {
            vl_snapshot_range range;

            range.first = atomic_load_explicit(&slots[j].oldest, memory_order_seq_cst);
            if (range.first >= horizon)
                continue; /* free, or covered by the horizon */
            range.last = range.first == VL_TS_NONE
                             ? UINT64_MAX
                             : atomic_load_explicit(&slots[j].newest, memory_order_seq_cst);
            if (range.last < range.first)
                range.last = UINT64_MAX; /* the slot was used anew between both loads */
            snapshot_add(view, range);
        }
    }
}

vl_timestamp
vl_snapshots_oldest(vl_snapshots *snapshots)
{
    vl_timestamp oldest = vl_publish_ts(snapshots->publish); /* first: N2 */
    uint32_t used = atomic_load_explicit(&snapshots->used, memory_order_seq_cst);
    uint32_t count = 0;
    vl_snapshot_slot *slots;

    for (uint32_t i = 0; (slots = snapshot_segment(snapshots, i, used, &count)) != NULL; i++) {
        for (uint32_t j = 0; j < count; j++) {
            vl_timestamp ts = atomic_load_explicit(&slots[j].oldest, memory_order_seq_cst);

            if (ts < oldest)
                oldest = ts;
        }
    }
    return oldest;
}

vl_timestamp
vl_snapshot_view_oldest(const vl_snapshot_view *view)
{
    return view->count > 0 ? view->ranges[0].first : view->horizon;
}

int
vl_snapshot_view_needs(const vl_snapshot_view *view, vl_timestamp birth, vl_timestamp death)
{
    uint32_t low = 0;
    uint32_t high = view->count;

    if (birth >= death)
        return 0; /* nobody ever saw it */
    if (death > view->horizon)
        return 1;
    /* The first range that does not end before the birth. */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (view->ranges[middle].last < birth)
            low = middle + 1;
        else
            high = middle;
    }
    return low < view->count && view->ranges[low].first < death;
}
