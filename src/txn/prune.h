/* prune.h - which older versions nobody needs any more, and taking them away.
 *
 * Three things go, row by row, under the leaf's exclusive latch:
 *
 *    the end of a chain   from the first record on that every view sees: nobody goes behind it
 *    versions between     two records that no view can stop between become one, so that a long
 *                         reader beside a hot row keeps one record, not one for each change
 *    tombstones           when no view lies between the row's birth and its death (11, item 20)
 *
 * The *horizon* says who may still look. It is collected once for a pass over many rows; one that
 * is out of date only keeps more. */
#ifndef VL_TXN_PRUNE_H
#define VL_TXN_PRUNE_H

#include "txn/snapshot.h"
#include "txn/versions.h"
#include "txn/visible.h"

/* Who may look at older versions. Borrowed. */
typedef struct vl_horizon {
    const vl_snapshot_view *snapshots;   /* collected for this (vl_snapshots_collect) */
    const vl_txn_status *const *readers; /* transactions whose changes some open view sees as its
                                            own (vl_view.own) although they have committed */
    uint32_t reader_count;               /* of readers */
} vl_horizon;

/* Told of a value in overflow that was only reachable through versions that are gone: its pages are
 * to be freed, behind the section. Neither waits nor fails. */
typedef void vl_prune_released(void *argument, vl_tree_id tree, const vl_leaf_value *value);

/* A pass. */
typedef struct vl_prune {
    vl_undo_pool *pool;          /* of the records */
    const vl_horizon *horizon;   /* who may look */
    vl_prune_released *released; /* or NULL: no value is in overflow */
    void *argument;              /* of released */
    uint64_t dropped_count;      /* counts records that went for good */
    uint64_t merged_count;       /* counts pairs that became one */
} vl_prune;

/* Prune the chain of one row or entry, or of all of a page. Committed records only are touched; for
 * want of memory less is merged. */
void vl_prune_row(vl_prune *prune, vl_versions *map, vl_undo *newest);
void vl_prune_page(vl_prune *prune, vl_versions *map);

/* Prune a page, and forget the chains of rows or entries that are neither there nor as tombstones
 * any more (asked by is_absent, which says by which load a row came) and that no view can see. */
typedef int vl_prune_is_absent(void *argument, const vl_undo *newest, vl_origin *origin);
void vl_prune_page_absent(vl_prune *prune, vl_versions *map, vl_prune_is_absent *is_absent,
                          void *argument);

/* Whether no view can tell the two changes apart, which are committed. */
int vl_prune_is_one(const vl_horizon *horizon, const vl_undo *one, const vl_undo *other);

/* Whether a tombstone may be removed from its page for good. */
int vl_prune_can_purge(const vl_horizon *horizon, const vl_undo *newest, vl_origin origin);

/* It has been removed: its chain goes too, in the same section. The values of the tombstone itself
 * are the caller's. `newest` may be NULL. */
void vl_prune_purged(vl_prune *prune, vl_versions *map, vl_undo *newest);

#endif
