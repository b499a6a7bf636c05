/* visible.h - which version of a row or an index entry a statement sees, and which it may change.
 *
 * Pure functions on what stands in a latched page: the state of a row there, the newest record of
 * its chain (versions.h), and the load that it came by (ranges.h). Whoever calls them holds the
 * leaf's latch, and what is returned is good as long.
 *
 * Statement numbers. All changes of a transaction carry the number of the statement that made
 * them; numbers rise with every statement, trigger program, cascade and nested call. A statement
 * sees the changes with lower numbers than its own: all that was done before it began, nothing of
 * its own (no row is met twice), nothing of the programs that it starts (11, item 33). Where it
 * changes a row that one of these changed already, it must do so on top of what they did:
 * vl_view_check_write says VL_WRITE_REREAD, and the row is read again by vl_view_all_own. The
 * record of such a change takes the higher number of the two (vl_view_write_statement), so numbers
 * of one transaction never fall along a chain, from old to new. */
#ifndef VL_TXN_VISIBLE_H
#define VL_TXN_VISIBLE_H

#include "txn/ranges.h"
#include "txn/undo.h"

/* What a statement sees. */
typedef struct vl_view {
    vl_timestamp read_ts;       /* commits up to here */
    const vl_txn_status *own;   /* and its own transaction's changes, NULL: it has none yet */
    uint32_t statement;         /* with lower numbers than this */
    struct vl_session *session; /* whose entries that wait are put before an index is read
                                   (txn_pending.c); NULL: none do */
} vl_view;

/* Whether a view sees changes of a transaction's statement. Of one's own transaction also after it
 * has committed, for statements that are still open; never once it has aborted. */
int vl_view_sees(const vl_view *view, const vl_txn_status *status, uint32_t statement);

/* The same of the load that a row came by. */
int vl_view_sees_origin(const vl_view *view, const vl_origin *origin);

/* The same view with all that one's own transaction has done so far. */
vl_view vl_view_all_own(const vl_view *view);

/* What is known of a row or an entry in a latched page. */
typedef struct vl_versioned {
    vl_row_state page;     /* what the page has */
    const vl_undo *newest; /* its chain, or NULL */
    vl_origin origin;      /* of rows; of entries {0} */
} vl_versioned;

/* Columns that are wanted. */
typedef struct vl_row_columns {
    const uint32_t *ids;   /* rising */
    vl_leaf_value *values; /* as the page has them; become those that the view sees */
    uint32_t count;        /* how many */
} vl_row_columns;

/* What a row is to a view.
 *
 * columns  NULL: only the state is asked for. Their values become those of that version; they
 *          point into records. What they are when the row is absent means nothing */
vl_row_state vl_view_read(const vl_view *view, const vl_versioned *row, vl_row_columns *columns);

/* Whether a row may be changed, or an entry deleted, that the caller has read by this view. First
 * updater wins. */
typedef enum vl_write_verdict {
    VL_WRITE_FREE,    /* yes */
    VL_WRITE_REREAD,  /* changed by one's own transaction, unseen by the view: read it again */
    VL_WRITE_WAIT,    /* another one has changed it and has not ended: wait for *owner */
    VL_WRITE_UNDO,    /* an aborted one's change is still there: it must be undone first */
    VL_WRITE_CONFLICT /* changed by a commit after the snapshot */
} vl_write_verdict;

/* owner  receives whom to wait for: to be held before the latch goes; else NULL */
vl_write_verdict vl_view_check_write(const vl_view *view, const vl_versioned *row,
                                     const vl_txn_status **owner);

/* Whether a row may be inserted with its rowid, or an entry with its unique key: against the newest
 * state, not against the snapshot (11, item 22). */
typedef enum vl_insert_verdict {
    VL_INSERT_FREE,    /* yes: over nothing, or over a tombstone (VL_UNDO_REINSERT) */
    VL_INSERT_EXISTS,  /* there is one, be it seen or not: the constraint is violated */
    VL_INSERT_WAIT,    /* as above */
    VL_INSERT_UNDO,    /* as above */
    VL_INSERT_CONFLICT /* it was deleted by a commit after the snapshot, which may still see it */
} vl_insert_verdict;

vl_insert_verdict vl_view_check_insert(const vl_view *view, const vl_versioned *row,
                                       const vl_txn_status **owner);

/* The number for the record of a change that the view's statement makes. */
uint32_t vl_view_write_statement(const vl_view *view, const vl_versioned *row);

#endif
