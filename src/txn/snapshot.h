/* snapshot.h - who reads at which moment: the registry that bounds what may be thrown away.
 *
 * A snapshot is a timestamp: it sees what was committed at or before it. While somebody reads with
 * it, the versions it needs must stay. Each connection has one *slot*, which covers all snapshots
 * of its open statements: the oldest and the newest of them (31, item 1). To who throws away, a
 * slot is a range in which every timestamp may be in use.
 *
 * Registering writes to the slot's own cache line and reads what is published; there is no latch
 * and no shared line that is written. The race in which a reader loads `published`, a collector
 * finds no older snapshot and throws away, and the reader then registers (hazard 24) is settled
 * thus: who registers first stores a value that means "everything may be needed", and only then
 * loads `published`; a collector first loads `published`, and then reads the slots. So either the
 * collector sees the slot in use, or the reader gets a timestamp at least as new as the
 * collector's.
 *
 * Threads: a slot is used by one thread at a time, its connection's. Everything else by any.
 * Latch: VL_RANK_TXN_SLOTS, for handing out slots only. */
#ifndef VL_TXN_SNAPSHOT_H
#define VL_TXN_SNAPSHOT_H

#include "base/ctx.h"
#include "base/platform.h"
#include "txn/publish.h"
#include "txn/status.h"

/* What a slot's words say beside timestamps. VL_TS_NONE as the oldest means unknown, keep all. */
#define VL_SNAPSHOT_FREE UINT64_MAX

typedef struct vl_snapshots vl_snapshots;

/* A connection's slot. */
typedef struct vl_snapshot_slot {
    _Alignas(
        VL_CONTENDED_ALIGN) _Atomic uint64_t oldest; /* of its snapshots, VL_TS_NONE while that
                                                        is being settled, or VL_SNAPSHOT_FREE */
    _Atomic uint64_t newest;       /* of its snapshots, UINT64_MAX while that is being settled; says
                                      nothing while oldest is free or unknown */
    struct vl_snapshot_slot *next; /* in the list of slots that nobody has; under the latch */
} vl_snapshot_slot;

/* Make a registry. `publish` is borrowed and outlives it. Errors: VELO_NOMEM. */
velo_status vl_snapshots_create(vl_ctx *ctx, vl_publish *publish, vl_snapshots **out) VL_MUST_CHECK;

/* Every slot has been returned. NULL is allowed. */
void vl_snapshots_destroy(vl_snapshots *snapshots);

/* Get a slot for a connection, without a snapshot; and return it, again without one. NULL is
 * allowed to be returned. Errors: VELO_NOMEM. */
velo_status vl_snapshots_join(vl_ctx *ctx, vl_snapshots *snapshots, vl_snapshot_slot **out)
    VL_MUST_CHECK;
void vl_snapshots_leave(vl_snapshots *snapshots, vl_snapshot_slot *slot);

/* ---- a connection's snapshots ---- */

/* From where a snapshot is taken. */
typedef enum vl_snapshot_moment {
    VL_SNAPSHOT_PUBLISHED, /* what everybody may see */
    VL_SNAPSHOT_APPENDED   /* of a writer (hazard 29): what it reads is not handed out before
                              vl_publish_await for the snapshot */
} vl_snapshot_moment;

/* Take a snapshot; returns its timestamp. In a free slot it is the only one; else it comes beside
 * those that the slot covers already, and is at least as new as they are: so it may be above what
 * is published if one of them was taken at what is appended, and then the same holds for it.
 *
 * met  VL_TS_NONE; or, for VL_SNAPSHOT_APPENDED, the timestamp of a commit that it shall see */
vl_timestamp vl_snapshot_begin(vl_snapshots *snapshots, vl_snapshot_slot *slot,
                               vl_snapshot_moment moment, vl_timestamp met);

/* The oldest snapshot of the slot has ended: the oldest is now `oldest`, which is one of those that
 * it covers. */
void vl_snapshot_narrow(vl_snapshot_slot *slot, vl_timestamp oldest);

/* The last snapshot of the slot has ended. Nothing read by it is used any more. */
void vl_snapshot_end(vl_snapshot_slot *slot);

/* Whether the slot covers a snapshot; asked by its connection. */
int vl_snapshot_is_open(const vl_snapshot_slot *slot);

/* ---- who throws away ---- */

/* Ranges of timestamps that a view keeps apart; with more snapshots than that, neighbours are
 * joined, which keeps more than is needed. */
#define VL_SNAPSHOT_RANGES VL_BY_BUILD(64U, 3U)

typedef struct vl_snapshot_range {
    vl_timestamp first; /* oldest timestamp that may be in use */
    vl_timestamp last;  /* newest one */
} vl_snapshot_range;

/* The snapshots of a moment. */
typedef struct vl_snapshot_view {
    vl_timestamp horizon; /* published: whoever comes later is at or above */
    uint32_t count;       /* of ranges */
    vl_snapshot_range ranges[VL_SNAPSHOT_RANGES + 1]; /* rising, apart from each other, each
                                                         beginning below horizon; one spare */
} vl_snapshot_view;

/* Collect the active snapshots. Takes no latch and allocates nothing. */
void vl_snapshots_collect(vl_snapshots *snapshots, vl_snapshot_view *view);

/* The oldest timestamp that some snapshot, of now or to come, may have: what became obsolete at or
 * before it is needed by nobody. Quicker than a view. */
vl_timestamp vl_snapshots_oldest(vl_snapshots *snapshots);

/* The same of a view. */
vl_timestamp vl_snapshot_view_oldest(const vl_snapshot_view *view);

/* Whether some snapshot, of then or later, may see what was born at `birth` and died at `death`
 * (timestamps of commits; birth <= death): 1 or 0. It sees it when birth <= snapshot < death. */
int vl_snapshot_view_needs(const vl_snapshot_view *view, vl_timestamp birth, vl_timestamp death);

#endif
