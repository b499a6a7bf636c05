/* versions.h - a page's version map: from a rowid or a key to its newest undo record.
 *
 * A map hangs on its page's frame (vl_cache_attachment) and is there only while some row of the
 * page has older versions. It knows rowids and keys, never positions, so that rebuilding a page
 * does not touch it; when rows move to another page, their chains move along (11, item 19).
 *
 * All of a page's newest records hang together by themselves; a table that finds them faster is
 * made when there are more than a few, if there is memory for it. So nothing here can fail, as
 * vl_tree.moved must not.
 *
 * Latches. Finding: the leaf's latch, shared or exclusive. All else: the exclusive one, of both
 * leaves where there are two. */
#ifndef VL_TXN_VERSIONS_H
#define VL_TXN_VERSIONS_H

#include "txn/undo.h"

/* A map by value: {vl_cache_attachment(...)}; after a change its `attachment` is stored again.
 * NULL is the empty map. */
typedef struct vl_versions {
    void *attachment; /* private but for that */
} vl_versions;

/* The newest record of a row, or of an entry; NULL: there is none. A long key (tree_key.h) is known
 * by the page of its rest, which its entry keeps for as long as it has versions: `rest`, and then
 * `key` is not looked at. Of an entry that is not on the page rest is 0: it has no record. */
vl_undo *vl_versions_find_row(vl_versions map, int64_t rowid);
vl_undo *vl_versions_find_key(vl_versions map, const void *key, uint32_t key_size, vl_pid rest);

/* Make a record the newest of its row or entry: in the section that changes the page. */
void vl_versions_push(vl_undo_pool *pool, vl_versions *map, vl_undo *record);

/* Take the newest record of its row or entry out of the chain again: in the section that undoes its
 * change. The next older one becomes the newest. The record is still its log's. */
void vl_versions_pop(vl_undo_pool *pool, vl_versions *map, vl_undo *record);

/* Put another chain in the place of one; `head` NULL: there is none any more. What was in the chain
 * and is not now is the caller's to unlink. */
void vl_versions_replace(vl_undo_pool *pool, vl_versions *map, const vl_undo *old, vl_undo *head);

/* Ask of every chain what its head is to be now, NULL for no chain. */
typedef vl_undo *vl_versions_change(void *argument, vl_undo *head);
void vl_versions_change_all(vl_undo_pool *pool, vl_versions *map, vl_versions_change *change,
                            void *argument);

/* Rows from `first` to `last` have moved from one page to another: as vl_tree.moved says it. */
void vl_versions_move_rows(vl_undo_pool *pool, vl_versions *from, vl_versions *to, int64_t first,
                           int64_t last);

/* Those entries have moved of which `has_moved` says 1, by their newest records. */
typedef int vl_versions_has_moved(void *argument, const vl_undo *newest);
void vl_versions_move_keys(vl_undo_pool *pool, vl_versions *from, vl_versions *to,
                           vl_versions_has_moved *has_moved, void *argument);

/* List the newest records of all rows, in no order, and fetch ahead what reading their versions
 * looks at first: nothing is known of how far that has come.
 *
 * room     of `records`
 * returns  how many there are; more than `room`: not all were listed */
uint32_t vl_versions_list(vl_versions map, vl_undo **records, uint32_t room);

/* How many rows and entries have a chain. */
uint32_t vl_versions_count(vl_versions map);

/* ---- maps of pages that are not in memory ---- */

/* Maps whose pages have left memory, by page number (vl_cache_hooks). It needs no memory for a map:
 * they are hung together by a field of theirs. With very many of them it takes a larger table, if
 * there is memory for it. All zeros is none. One thread at a time. */
#define VL_VERSIONS_KEPT_BUCKETS VL_BY_BUILD(4096U, 4U)
typedef struct vl_versions_kept {
    uint64_t count;                             /* of maps */
    vl_undo *buckets[VL_VERSIONS_KEPT_BUCKETS]; /* private */
    vl_undo **more;                             /* private: instead of them, or NULL; owned */
    uint64_t more_count;                        /* private: of these */
} vl_versions_kept;

/* Keep a map, which is not empty, of a page of which none is kept. */
void vl_versions_keep(vl_versions_kept *kept, uint64_t page, vl_versions map);

/* Take a larger table if there are many maps, and memory. `pool` is that of the records. */
void vl_versions_kept_grow(vl_allocator *allocator, vl_undo_pool *pool, vl_versions_kept *kept);

/* Free what it owns; no map is kept any more. */
void vl_versions_kept_deinit(vl_versions_kept *kept);

/* Take the map of a page out again: the empty one if none is kept. */
vl_versions vl_versions_bring(vl_versions_kept *kept, uint64_t page);

/* Take any map out; the empty one: there is none. */
vl_versions vl_versions_bring_any(vl_versions_kept *kept);

/* Forget all chains: the tree is gone, or the database is being closed. */
void vl_versions_clear(vl_undo_pool *pool, vl_versions *map);

#endif
