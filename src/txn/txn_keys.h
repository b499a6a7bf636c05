/* txn_keys.h - indexes with versions: entries of a key and a small value.
 *
 * Keys are bytes in memcmp order (storage/key.h makes them from SQL values). A unique index has its
 * rowid as the entry's value; of any other the rowid is the key's end, and the value may be empty.
 * Entries have versions of their own, so a scan of an index sees what the view sees without a look
 * at the table. An entry is never changed: it is deleted and inserted.
 *
 * Keys are at most VL_TREE_KEY_MAX_SIZE bytes; longer ones are refused (VELO_TOOBIG). What does not
 * fit a quarter page is stored beside the entry, and costs who reads or changes it so much more. */
#ifndef VL_TXN_TXN_KEYS_H
#define VL_TXN_TXN_KEYS_H

#include "storage/tree_key.h"
#include "txn/txn.h"

typedef struct vl_txn_index vl_txn_index;

/* Find an index; as vl_rows_open. */
velo_status vl_keys_open(vl_ctx *ctx, vl_txn_store *store, vl_tree_id id, vl_txn_index **out)
    VL_MUST_CHECK;

/* Bytes of the longest value: a sixteenth of a page. */
uint32_t vl_keys_max_value_size(const vl_txn_index *index);

/* ---- changing ---- */

/* Insert an entry. Checked against the newest state, so of two transactions that insert one key
 * only one can succeed (11, item 22).
 *
 * errors  VELO_CONSTRAINT: there is such an entry, be it seen or not: with `other` given, its value
 *         is copied there. The others as vl_rows_insert
 * other   NULL, or room for vl_keys_max_value_size bytes; *other_size receives how many */
velo_status vl_keys_insert(vl_ctx *ctx, vl_statement *statement, vl_txn_index *index,
                           const void *key, uint32_t key_size, const void *value,
                           uint32_t value_size, void *other, uint32_t *other_size) VL_MUST_CHECK;

/* Bytes of the longest value of an entry that waits, and indexes of which some do at a time. */
#define VL_KEYS_PEND_VALUE   8U
#define VL_KEYS_PEND_INDEXES 64U

/* Whether the statement's entries had better wait: else one would be put right after. */
int vl_keys_may_pend(const vl_statement *statement);

/* Before a row, and the mark that is gone back to if it fails: make room for its entries, of at
 * most VL_KEYS_PEND_INDEXES indexes. May put what waits: errors as vl_session_settle. */
velo_status vl_keys_make_room(vl_ctx *ctx, vl_statement *statement, uint32_t count) VL_MUST_CHECK;

/* Insert an entry that nobody else can have, since its key ends with the row's number: it may wait,
 * and be put with others before anybody could miss it (txn_pending.c, which says what the caller
 * keeps: NP1). Errors: VELO_TOOBIG, VELO_NOMEM; those of vl_keys_insert come when it is put. */
velo_status vl_keys_pend(vl_ctx *ctx, vl_statement *statement, vl_txn_index *index, const void *key,
                         uint32_t key_size, const void *value, uint32_t value_size) VL_MUST_CHECK;

/* Delete an entry that the statement sees or its own transaction has made. Errors as
 * vl_rows_delete.
 */
velo_status vl_keys_delete(vl_ctx *ctx, vl_statement *statement, vl_txn_index *index,
                           const void *key, uint32_t key_size) VL_MUST_CHECK;

/* Fill an index that the statement itself has created (vl_txn_create_tree), by rising key: whole
 * leaves at a time. May be called several times, with rising keys.
 *
 * Where a mark was given out meanwhile, so that the index is not that new any more, entries are
 * inserted one by one.
 *
 * errors  VELO_CONSTRAINT: the keys do not rise: two are equal; the others as vl_keys_insert. The
 *         statement is given up then */
velo_status vl_keys_load(vl_ctx *ctx, vl_statement *statement, vl_txn_index *index,
                         const vl_tree_key_item *items, uint32_t count) VL_MUST_CHECK;

/* Hold an entry, as vl_rows_share does a row: nobody else deletes it, or gives its row another key.
 * For foreign keys whose parent is found by a unique index; the parent's other columns may change.
 *
 * value  NULL, or room for vl_keys_max_value_size bytes; *value_size receives how many */
velo_status vl_keys_share(vl_ctx *ctx, vl_statement *statement, vl_txn_index *index,
                          const void *key, uint32_t key_size, void *value, uint32_t *value_size)
    VL_MUST_CHECK;

/* ---- reading ---- */

/* Find an entry and copy its value, as the view sees it.
 *
 * value  room for vl_keys_max_value_size bytes, or NULL
 * found  receives 1, or 0 */
velo_status vl_keys_find(vl_ctx *ctx, vl_txn_index *index, const vl_view *view, const void *key,
                         uint32_t key_size, void *value, uint32_t *value_size, int *found)
    VL_MUST_CHECK;

/* An entry of a scan. Pointers are good until the scan goes on. */
typedef struct vl_key_seen {
    const void *key;     /* all of its bytes */
    const void *value;   /* as the view sees it */
    uint32_t key_size;   /* of key */
    uint32_t value_size; /* of value */
    vl_pid rest;         /* private */
} vl_key_seen;

/* A scan of the visible entries in a range of keys, leaf by leaf, in either direction. Of each leaf
 * the entries are copied, so nothing is latched in between, and the caller does what it likes:
 *
 *     vl_key_scan_begin(&scan, index, &statement->view, &range, is_backward);
 *     for (;;) {
 *         st = vl_key_scan_next(ctx, &scan);
 *         if (st != VELO_OK || scan.count == 0)
 *             break;
 *         ... scan.entries[0] to [count - 1], in the scan's order
 *     }
 *     vl_key_scan_end(&scan);
 *
 * The range's bytes are borrowed until the end. */
typedef struct vl_key_scan {
    vl_key_seen *entries;  /* of this leaf */
    uint32_t count;        /* how many; 0: at the end */
    vl_txn_index *index;   /* private, as all that follows */
    vl_view view;          /* what is seen */
    vl_tree_key_scan scan; /* over the leaves */
    int is_backward;       /* as begun */
    vl_arena *lent;        /* of the entries: the caller's, set behind begin; NULL: its own */
    int skips_keys;        /* set behind begin: keys may be left out, then they are NULL */
    int has_rests;         /* some of the entries are long */
    vl_arena arena;        /* its own */
    int has_arena;         /* that has been made */
} vl_key_scan;

void vl_key_scan_begin(vl_key_scan *scan, vl_txn_index *index, const vl_view *view,
                       const vl_tree_key_range *range, int is_backward);

/* Go to the next leaf that has visible entries. Errors: those of reading pages, VELO_NOMEM; then
 * the scan only ends. */
velo_status vl_key_scan_next(vl_ctx *ctx, vl_key_scan *scan) VL_MUST_CHECK;

/* Whether the entries that are there are the range's last ones: next would find none. */
static inline int
vl_key_scan_is_last(const vl_key_scan *scan)
{
    return scan->scan.is_at_end;
}

void vl_key_scan_end(vl_key_scan *scan);

#endif
