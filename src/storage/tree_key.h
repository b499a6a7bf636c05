/* tree_key.h - key trees: byte string -> small value, in memcmp order.
 *
 * A key has up to VL_TREE_KEY_MAX_SIZE bytes and may be empty, a value up to vl_node_key_value_max,
 * a sixteenth of a page. Leaves and inner nodes are those of node_key.h, the traversal is tree.h's.
 *
 * Keys longer than vl_node_key_part_max are *long*: a node has their first part, the rest is a long
 * value (overflow.h) that belongs to the entry, or to the separator, and is freed with it. Where
 * the parts do not decide, a search gives up its latches, reads the rest, notes the result and
 * starts over. Between giving up the latch and using the note the rest must not be freed, or
 * another key's rest may come to have the same page number: so who takes notes is present
 * (base/grace.h), and who has unlinked a rest waits until all have left who may have seen it, and
 * then frees it.
 *
 * Changing an entry: see vl_tree_key_write_begin. Reading: vl_tree_key_find, vl_tree_key_scan.
 * Pointers into a page are valid for as long as it is latched. */
#ifndef VL_STORAGE_TREE_KEY_H
#define VL_STORAGE_TREE_KEY_H

#include "base/rng.h"
#include "storage/node_key.h"
#include "storage/overflow.h"
#include "storage/tree.h"
#include "storage/tree_int.h"

/* The longest key in bytes. */
#define VL_TREE_KEY_MAX_SIZE VL_OVERFLOW_MAX_SIZE

extern const vl_tree_ops vl_tree_key_ops;

/* What an entry is. */
typedef enum vl_tree_key_state {
    VL_TREE_KEY_ABSENT,   /* there is none */
    VL_TREE_KEY_LIVE,     /* it is there */
    VL_TREE_KEY_TOMBSTONE /* it is marked deleted */
} vl_tree_key_state;

/* ---- changing entries (tree_key_write.c) ---- */

typedef enum vl_tree_key_action {
    VL_TREE_KEY_INSERT,  /* store an entry where no live one is: over none, or over a tombstone */
    VL_TREE_KEY_REPLACE, /* give a live entry or a tombstone another value */
    VL_TREE_KEY_MARK,    /* turn a live entry into a tombstone */
    VL_TREE_KEY_UNMARK,  /* turn a tombstone into a live entry */
    VL_TREE_KEY_REMOVE   /* remove a live entry or a tombstone */
} vl_tree_key_action;

/* Told of a rest that nothing refers to any more, inside the write section in which it was
 * unlinked: that of an entry that was removed, or of a separator that went when leaves were joined.
 * It is now the caller's to free (vl_tree_key_free_rest), and to remember across a crash. Neither
 * waits nor fails. */
typedef void vl_tree_key_dropped(void *argument, const vl_overflow *rest);

/* What is to be done to one entry. Borrowed, with all it points to, until vl_tree_key_write_end. */
typedef struct vl_tree_key_op {
    vl_tree_key_action action; /* what */
    const void *key;           /* to which entry: all bytes of its key */
    uint32_t key_size;         /* how many */
    const void *value;         /* INSERT, REPLACE */
    uint32_t value_size;       /* up to vl_node_key_value_max */
    /* Whether a tombstone at this place of a full leaf may be removed to make room. Asked under the
     * page's exclusive latch; neither waits nor fails. NULL: none may. */
    int (*is_purgeable)(void *argument, const vl_page_ref *leaf, uint32_t index);
    vl_overflow_note *note;       /* told of pages of rests that are born and freed, or NULL */
    vl_tree_key_dropped *dropped; /* or NULL: the tree frees what it has unlinked */
    void *argument;               /* of all three */
} vl_tree_key_op;

/* Rests that were unlinked and are to be freed. */
#define VL_TREE_KEY_DROPS_MAX 16U
typedef struct vl_tree_key_drops {
    vl_tree_key_dropped *dropped; /* told instead, or NULL */
    void *argument;               /* of dropped */
    uint32_t count;               /* of the following */
    vl_overflow rests[VL_TREE_KEY_DROPS_MAX];
} vl_tree_key_drops;

/* A change of one entry in the making: its leaf is latched exclusively, has room for the change and
 * is prepared.
 *
 *     st = vl_tree_key_write_begin(ctx, tree, work, &op, &write);
 *     while (st == VELO_OK && write.is_possible) {     or look at write.state, and give up
 *         if (vl_tree_key_write_enter(&write)) {
 *             append to the log
 *             vl_tree_key_write_apply(&write);
 *             vl_tree_key_write_leave(&write);
 *             break;
 *         }
 *         st = vl_tree_key_write_retry(ctx, &write);   anything may have changed meanwhile
 *     }
 *     vl_tree_key_write_end(ctx, &write);              always
 *
 * While a leaf is held so, the caller takes no latches of pages, loads none and does not wait. Who
 * needs more pages in the same section prepares them through write.change. */
typedef struct vl_tree_key_write {
    const vl_tree *tree;      /* the tree */
    vl_tree_work *work;       /* used from begin to end: for nothing else meanwhile */
    const vl_tree_key_op *op; /* what is to be done */
    vl_change change;         /* the section */
    vl_page_ref leaf;         /* latched exclusively; read only */
    vl_tree_key_state state;  /* what the entry is now */
    uint32_t index;           /* where it is, or would be */
    int is_possible;          /* 1: the action suits the state, and may be applied */
    int is_underfull;         /* private: to be joined at the end */
    vl_node_key key;          /* private: the key, with the rest that was written for it */
    vl_tree_target target;    /* private */
    vl_tree_key_drops drops;  /* private: freed at the end */
} vl_tree_key_write;

/* Find the entry's place and make room for the change: what is returned is sure to fit. Splits and
 * grows the tree as that takes, in sections of its own, and writes the rest of a long key that is
 * to be inserted.
 *
 * latches  none may be held. On VELO_OK write->leaf is
 * errors   VELO_TOOBIG: the key or the value; as vl_cache_load, vl_change_new_page, vl_change_wait.
 *          Then nothing is latched */
velo_status vl_tree_key_write_begin(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work,
                                    const vl_tree_key_op *op, vl_tree_key_write *write)
    VL_MUST_CHECK;

/* Enter the section: 1, or 0: vl_tree_key_write_retry. */
int vl_tree_key_write_enter(vl_tree_key_write *write) VL_MUST_CHECK;

/* Make the change. */
void vl_tree_key_write_apply(vl_tree_key_write *write);

void vl_tree_key_write_leave(vl_tree_key_write *write);

/* Wait for what a 0 asked for, and begin again: as vl_tree_key_write_begin. */
velo_status vl_tree_key_write_retry(vl_ctx *ctx, vl_tree_key_write *write) VL_MUST_CHECK;

/* Release the leaf, join it with a sibling if it has become under-full, and free rests that nothing
 * refers to any more. That this fails is no error of the change: the leaf stays as it is until the
 * next time; a rest that cannot be freed now is kept in `work` and tried again by later changes
 * (vl_tree_key_free_postponed). */
void vl_tree_key_write_end(vl_ctx *ctx, vl_tree_key_write *write);

/* Free up to `max_pages` pages of a rest that vl_tree_key_dropped told of, once nobody can be
 * reading it any more; may be repeated until freeing->left is 0. See vl_overflow_free. */
velo_status vl_tree_key_free_rest(vl_ctx *ctx, const vl_tree *tree, vl_overflow_freeing *freeing,
                                  uint32_t max_pages) VL_MUST_CHECK;

/* Try again to free rests that could not be freed, for want of space on the disk or of memory, or
 * because a transfer failed; their `note` is not told. To be called before the work is destroyed,
 * best after a checkpoint: what is left then is lost to the file until it is salvaged. A rest that
 * is damaged, and one more than there is room to keep, are lost at once, and the context's log is
 * told. Errors as vl_overflow_free: some are left. */
velo_status vl_tree_key_free_postponed(vl_ctx *ctx, vl_tree_work *work) VL_MUST_CHECK;

/* All of that for who needs nothing in between.
 *
 * log    appended in the section, or NULL
 * state  receives what the entry was; the change is made if that suits the action */
velo_status vl_tree_key_change(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work,
                               const vl_tree_key_op *op, const vl_tree_log *log,
                               vl_tree_key_state *state) VL_MUST_CHECK;

/* The same for the usual changes. *is_done receives 1 when there was no live entry (insert), or any
 * entry (remove), and 0 when nothing was changed. */
velo_status vl_tree_key_insert(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work,
                               const void *key, uint32_t key_size, const void *value,
                               uint32_t value_size, int *is_done) VL_MUST_CHECK;
velo_status vl_tree_key_remove(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work,
                               const void *key, uint32_t key_size, int *is_done) VL_MUST_CHECK;

/* ---- reading entries (tree_key_read.c) ---- */

/* An entry under its leaf's shared latch. */
typedef struct vl_tree_key_found {
    const vl_page_ref *leaf; /* its latch; for what is attached to the page */
    vl_tree_key_state state; /* what it is */
    uint32_t index;          /* where it is, or would be */
    const void *value;       /* in the page; unless ABSENT */
    uint32_t value_size;     /* of it */
} vl_tree_key_found;

/* Told of an entry that was found, or of its absence. Neither waits, nor descends, nor takes
 * latches of pages. What it returns but VELO_OK ends the operation. */
typedef velo_status vl_tree_key_visit(vl_ctx *ctx, void *argument, const vl_tree_key_found *found);

/* Find an entry.
 *
 * latches  none may be held
 * errors   as vl_cache_load; what visit returned */
velo_status vl_tree_key_find(vl_ctx *ctx, const vl_tree *tree, const void *key, uint32_t key_size,
                             vl_tree_key_visit *visit, void *argument) VL_MUST_CHECK;

/* The same with the leaf latched exclusively: for who changes what is attached to it, and no byte
 * of it. */
velo_status vl_tree_key_find_exclusive(vl_ctx *ctx, const vl_tree *tree, const void *key,
                                       uint32_t key_size, vl_tree_key_visit *visit, void *argument)
    VL_MUST_CHECK;

/* Find an entry and copy its value, of a live one or a tombstone, to `value`, which has room for
 * vl_node_key_value_max bytes. */
velo_status vl_tree_key_get(vl_ctx *ctx, const vl_tree *tree, const void *key, uint32_t key_size,
                            void *value, uint32_t *value_size, vl_tree_key_state *state)
    VL_MUST_CHECK;

/* ---- scanning (tree_key_scan.c) ---- */

/* The keys from `low`, included, to `high`, excluded. Borrowed for as long as a scan goes on.
 * Whoever wants a bound the other way puts a zero byte behind it. */
typedef struct vl_tree_key_range {
    const void *low;    /* its bytes; size 0: from the first key on */
    uint32_t low_size;  /* how many */
    const void *high;   /* its bytes */
    uint32_t high_size; /* how many */
    int has_high;       /* 0: to the last key */
} vl_tree_key_range;

/* Bytes of a scan's own. */
typedef struct vl_tree_key_bytes {
    uint8_t *data; /* owned */
    uint32_t size; /* in use */
    uint32_t room; /* allocated */
} vl_tree_key_bytes;

/* A scan over a range of keys, leaf by leaf, in either direction.
 *
 *     vl_tree_key_scan_begin(&scan, tree, &range, is_backward);
 *     for (;;) {
 *         st = vl_tree_key_scan_next(ctx, &scan);
 *         if (st != VELO_OK || scan.page == NULL)
 *             break;
 *         ... entries index_first to index_end - 1 of scan.page are in the range
 *     }
 *     vl_tree_key_scan_end(&scan);
 *
 * One leaf at a time is latched, shared. A scan goes on from the fence of the leaf that it was in,
 * by key, so an entry that nobody changes is seen exactly once, whatever becomes of the pages
 * meanwhile. While leaves are not resident, several are loaded at a time, the more the longer the
 * scan. */
typedef struct vl_tree_key_scan {
    const void *page;        /* latched leaf, or NULL: at the end, or not begun */
    vl_page_ref ref;         /* its latch */
    uint32_t index_first;    /* entries of the leaf that are in the range, of all states; maybe */
    uint32_t index_end;      /* none: behind the last one */
    const vl_tree *tree;     /* private */
    vl_tree_key_range range; /* private */
    vl_tree_key_bytes at;    /* private: where to go on, unless is_fresh */
    int is_backward;         /* private */
    int is_fresh;            /* private: begins at the end of the range */
    int is_at_end;           /* private: nothing is still to come */
    int is_last;             /* private: the leaf is the last one that the range touches */
    uint32_t level;          /* private: of the nodes; 0 for leaves */
    uint32_t window;         /* private: how many leaves to load at a time */
    uint32_t ahead_count;    /* private: leaves loaded ahead and not used yet */
    uint32_t pin;            /* private: rests stay for vl_tree_key_read */
} vl_tree_key_scan;

/* Begin. Takes no latch, and allocates nothing. */
void vl_tree_key_scan_begin(vl_tree_key_scan *scan, const vl_tree *tree,
                            const vl_tree_key_range *range, int is_backward);

/* Release the leaf and latch the next one, which may have no entry in the range; scan->page NULL:
 * the range is at its end. Errors as vl_cache_load, VELO_NOMEM: then no leaf is latched, and the
 * scan only ends. */
velo_status vl_tree_key_scan_next(vl_ctx *ctx, vl_tree_key_scan *scan) VL_MUST_CHECK;

/* Release the leaf now, to go on behind it with vl_tree_key_scan_next. Rests of its long keys stay
 * until then, or until the end: so that they can be read. Not for long: who removes long keys
 * waits. Errors as vl_tree_key_scan_next. */
velo_status vl_tree_key_scan_release(vl_ctx *ctx, vl_tree_key_scan *scan) VL_MUST_CHECK;

/* The same where none of its keys' rests are to be read. */
velo_status vl_tree_key_scan_leave(vl_ctx *ctx, vl_tree_key_scan *scan) VL_MUST_CHECK;

/* After vl_tree_key_scan_release, once no rest is to be read any more: they need not stay. */
void vl_tree_key_scan_settle(vl_tree_key_scan *scan);

/* Release the leaf, if there is one, for any length of time, and go on later by
 * vl_tree_key_scan_next: from this key on, or (is_behind 1) behind it, in the scan's direction. The
 * key is copied. Errors: VELO_NOMEM. */
velo_status vl_tree_key_scan_pause(vl_ctx *ctx, vl_tree_key_scan *scan, const void *key,
                                   uint32_t key_size, int is_behind) VL_MUST_CHECK;

/* Release what is latched and free what is owned. May be repeated. */
void vl_tree_key_scan_end(vl_tree_key_scan *scan);

/* Copy all total_size bytes of a key of a scan's leaf to `to`; `key` is from vl_node_key_entry_at.
 * A key that is not long may be read any time; a long one after vl_tree_key_scan_release.
 *
 * latches  none may be held, unless the key is not long
 * errors   as vl_overflow_read */
velo_status vl_tree_key_read(vl_ctx *ctx, const vl_tree *tree, const vl_node_key *key, void *to)
    VL_MUST_CHECK;

/* Split a range into up to `count` parts of about the same number of leaves, for as many scans.
 *
 * arena   where the bounds' bytes come from
 * parts   receives them, rising, one behind the other, all of the range together
 * taken   receives how many: at least 1
 * errors  as vl_cache_load; VELO_NOMEM */
velo_status vl_tree_key_split_range(vl_ctx *ctx, const vl_tree *tree,
                                    const vl_tree_key_range *range, uint32_t count, vl_arena *arena,
                                    vl_tree_key_range *parts, uint32_t *taken) VL_MUST_CHECK;

/* Told of a leaf that was drawn, under its shared latch. As vl_tree_key_visit. */
typedef velo_status vl_tree_key_sampled(vl_ctx *ctx, void *argument, const vl_page_ref *leaf);

/* Visit `count` random leaves, each as likely as any other, with repetition, as vl_table_sample
 * does. Errors as vl_cache_load; what visit returned. */
velo_status vl_tree_key_sample(vl_ctx *ctx, const vl_tree *tree, vl_rng *rng, uint32_t count,
                               vl_tree_key_sampled *visit, void *argument) VL_MUST_CHECK;

/* ---- loading many entries (tree_key_load.c) ---- */

/* An entry to be loaded. */
typedef struct vl_tree_key_item {
    const void *key;     /* all bytes */
    const void *value;   /* see vl_tree_key_op */
    uint32_t key_size;   /* of the key */
    uint32_t value_size; /* of the value */
} vl_tree_key_item;

/* Entries that come into a leaf with one section, at most. */
#define VL_TREE_KEY_LOAD_RUN 64U

/* What one section of a load adds, for the log. */
typedef struct vl_tree_key_load_log {
    /* Grant space for a record of these entries: no latches are held; may wait and fail. */
    velo_status (*grant)(vl_ctx *ctx, void *argument, const vl_tree_key_item *items,
                         uint32_t count);
    /* Append one of the first `count` of them: inside the section. What is granted beyond is given
     * back by the next grant. */
    void (*append)(void *argument, const vl_tree_key_item *items, uint32_t count);
    vl_overflow_note *note; /* as in vl_tree_key_op, or NULL */
    void *argument;         /* of all */
    /* For who keeps versions, or NULL: the leaf is latched, before the section; and the first
     * `count` entries have come into it, in the section, after `append`. Then no leaves are built,
     * and what is no plain insertion (a long key, an entry that is there, a full leaf with
     * tombstones) ends the load, without an error. */
    void (*met)(void *argument, const vl_page_ref *leaf, const vl_tree_key_item *first);
    void (*added)(void *argument, const vl_page_ref *leaf, const vl_tree_key_item *items,
                  uint32_t count);
} vl_tree_key_load_log;

/* Insert entries by rising key, none of which is there: many with one section where they come next
 * to each other. Where all are above those of the tree, whole leaves are built: so an empty tree is
 * filled best from sorted input, part by part.
 *
 * log     or NULL
 * taken   receives how many are in the tree: all, unless it fails, or see `added`
 * errors  VELO_CONSTRAINT: the keys do not rise, or there is such an entry (a tombstone too);
 *         VELO_TOOBIG; as vl_tree_key_write_begin */
velo_status vl_tree_key_load(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work,
                             const vl_tree_key_item *items, uint32_t count,
                             const vl_tree_key_load_log *log, uint32_t *taken) VL_MUST_CHECK;

/* ---- checking (tree_key_check.c) ---- */

/* Check a whole tree that nobody changes meanwhile: what vl_tree_verify does, and the rests of long
 * keys and separators: that they are whole, and bring the keys in order where the parts do not.
 * `visit` is told of their pages as well. Errors and report as vl_tree_verify. */
velo_status vl_tree_key_verify(vl_ctx *ctx, const vl_tree *tree,
                               const vl_tree_verify_options *options, vl_tree_report *report)
    VL_MUST_CHECK;

#endif
