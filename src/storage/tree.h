/* tree.h - B+trees over the page cache: what table trees and key trees have in common.
 *
 * A tree has an id, a kind and a root. The root's page number never changes: when the root is full
 * its content moves to a new child, and when it has one child left it takes over that child's
 * content. Leaves are all at level 0; there is no limit to the height but VL_NODE_MAX_LEVEL.
 *
 *   table trees   rowid -> row: table.h; leaves of leaf_pax.h, inner nodes of node_rowid.h
 *   key trees     byte string -> small value: key_tree.h; nodes of node_key.h
 *
 * Concurrency. Any number of threads read and change one tree. A search latches nothing on its way
 * but reads inner nodes optimistically (optimistic lock coupling: Leis, Haubenschild and Neumann,
 * "Optimistic Lock Coupling: A Scalable and Efficient General-Purpose Synchronization Method", IEEE
 * Data Eng. Bull. 42:1, 2019); leaves are always latched. Splits and merges latch a parent and its
 * children, never more levels, and are write sections of their own without log records: what a tree
 * holds does not change by them. tree_int.h says how it works.
 *
 * Who holds a page of a tree latched does not call anything here that descends. */
#ifndef VL_STORAGE_TREE_H
#define VL_STORAGE_TREE_H

#include "base/rng.h"
#include "storage/cache.h"
#include "storage/node.h"

typedef struct vl_tree_ops vl_tree_ops;
typedef struct vl_tree vl_tree;

/* Told of entries that moved between leaves, so that what is attached to the pages
 * (vl_cache_attachment) moves with them: with both pages latched exclusively since before they were
 * changed. Neither waits nor fails.
 *
 * from, to     entries of the former that lie in the range of the latter now belong there. The
 *              pages' bytes are those after the change; a page that goes is as it was
 * first, last  table trees: that range. Key trees: 0; the page `to` has fences */
typedef void vl_tree_moved(void *argument, const vl_tree *tree, const vl_page_ref *from,
                           const vl_page_ref *to, int64_t first, int64_t last);

/* A tree as it is used: a handle without resources, immutable, shared by threads. */
struct vl_tree {
    const vl_tree_ops *ops; /* what its kind does its own way */
    vl_cache *cache;        /* where its pages are */
    vl_tree_id id;          /* written on all its pages */
    vl_pid root;            /* its root */
    uint32_t page_size;     /* of the cache */
    uint32_t max_children;  /* inner nodes of table trees have no more, if a page has room for more:
                               tests make high trees of few rows by it */
    vl_tree_moved *moved;   /* or NULL */
    void *argument;         /* of moved */
};

/* The kinds. Tables: table.h. Keys: key_tree.h. */
extern const vl_tree_ops vl_table_ops;

/* Make a handle of a tree that exists. `moved` is set by the caller afterwards, if at all. */
void vl_tree_init(vl_tree *tree, const vl_tree_ops *ops, vl_cache *cache, vl_tree_id id,
                  vl_pid root);

/* What is done inside a write section before its pages change: the log record is appended. It has
 * been granted its space, so it neither waits nor fails. */
typedef struct vl_tree_log {
    void (*append)(void *argument); /* called once */
    void *argument;                 /* of append */
} vl_tree_log;

/* Create a tree: an empty leaf as its root.
 *
 * log     what to append in the same section, or NULL
 * tree    receives the handle
 * errors  VELO_FULL, VELO_NOMEM, VELO_IOERR, VELO_CORRUPT; then there is no tree */
velo_status vl_tree_create(vl_ctx *ctx, const vl_tree_ops *ops, vl_cache *cache, vl_tree_id id,
                           const vl_tree_log *log, vl_tree *tree) VL_MUST_CHECK;

/* ---- scratch memory ---- */

/* Memory that changes and scans work in: buffers of a page each, and what building leaves needs.
 * Made once per thread or connection; used by one call at a time. */
typedef struct vl_tree_work vl_tree_work;

velo_status vl_tree_work_create(vl_ctx *ctx, uint32_t page_size, vl_tree_work **out) VL_MUST_CHECK;
void vl_tree_work_destroy(vl_tree_work *work);

/* ---- dropping ---- */

/* Return pages of a tree that nobody uses any more: about `max_pages` of them, each step a write
 * section of its own. After every step what is left hangs on the root, so dropping may stop
 * anywhere, also by a crash, and go on later. The root goes last.
 *
 * is_gone  receives 1 when the root is gone too: then the tree must not be touched again
 * log      appended in the section that frees the root, or NULL
 * errors   as vl_cache_load and vl_change_wait */
velo_status vl_tree_drop(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work, uint32_t max_pages,
                         const vl_tree_log *log, int *is_gone) VL_MUST_CHECK;

/* The same, but for the root, which stays, as a leaf in the end: for who has to forget where it is
 * before it goes. is_bare receives 1 when nothing else is left. */
velo_status vl_tree_drop_below_root(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work,
                                    uint32_t max_pages, int *is_bare) VL_MUST_CHECK;

/* ---- checking ---- */

/* What vl_tree_verify found. */
typedef struct vl_tree_report {
    uint64_t leaf_count;  /* pages by kind, overflow pages apart */
    uint64_t inner_count; /* see leaf_count */
    uint64_t entry_count; /* rows or keys in leaves, tombstones included */
    uint64_t fault_count; /* how often `fault` was called */
    uint32_t height;      /* levels */
} vl_tree_report;

/* Told of a page and what is wrong with it. */
typedef void vl_tree_fault(void *argument, vl_pid pid, const char *text);

/* Told of every page of the tree: who checks that each page belongs to one tree counts them. */
typedef void vl_tree_visit(void *argument, vl_pid pid);

typedef struct vl_tree_verify_options {
    vl_tree_fault *fault; /* or NULL */
    vl_tree_visit *visit; /* or NULL */
    void *argument;       /* of both */
} vl_tree_verify_options;

/* Check a whole tree that nobody changes meanwhile: each page by itself, whether fences, order,
 * levels and ids of parents and children agree, and of tables the values in overflow (of key trees:
 * vl_tree_key_verify). Goes on behind a fault where that is possible.
 *
 * errors  VELO_CORRUPT when there was a fault: the message is the first one; as vl_cache_load but
 *         for damaged pages, which are faults; VELO_NOMEM */
velo_status vl_tree_verify(vl_ctx *ctx, const vl_tree *tree, const vl_tree_verify_options *options,
                           vl_tree_report *report) VL_MUST_CHECK;

#endif
