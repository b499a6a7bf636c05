/* node_rowid.h - inner nodes of table trees: rowids and children.
 *
 *    0  vl_page_header: kind VL_PAGE_TABLE_INNER, level from 1 on, flags 0, count of children
 *   24  first      lowest rowid that belongs here
 *   32  last       highest one; INT64_MIN and INT64_MAX are the open ends
 *   40  samples    3 x int64: the separators that a search looks at first
 *   64  separators capacity x int64, rising; capacity is a multiple of 8
 *   ..  children   capacity x uint32
 *
 * With L = number of lines of 8 separators, rounded up, h = L / 2 and q = (L - h) / 2, both rounded
 * down, the samples are the last separators of the first h, q and h + q lines. The first one
 * is INT64_MAX when h is 0, the other two are when q is 0.
 *
 * Child i holds the rowids from separator i-1 (of child 0: from `first`) to the one before
 * separator i (of the last child: to `last`). There are `count - 1` separators; behind them the
 * array holds INT64_MAX. A node has one child at least.
 *
 * `page` is the page's buffer; see node.h for what every function asks of it. */
#ifndef VL_STORAGE_NODE_ROWID_H
#define VL_STORAGE_NODE_ROWID_H

#include "storage/node.h"

/* The rowids that belong to a node, both ends included. */
typedef struct vl_rowid_range {
    int64_t first; /* INT64_MIN: no lower end */
    int64_t last;  /* INT64_MAX: no upper end */
} vl_rowid_range;

/* Most children of a node: 32, 336, 1360 and 5456 for pages of 512 bytes, 4, 16 and 64 KiB. */
uint32_t vl_node_rowid_capacity(uint32_t page_size);

/* Make a node with one child, for all of `range`. Writes the whole page. */
void vl_node_rowid_init(void *page, uint32_t page_size, vl_node_id id, vl_rowid_range range,
                        vl_pid child);

/* Position of the child that a rowid belongs to. Optimistic. */
uint32_t vl_node_rowid_search(const void *page, uint32_t page_size, int64_t rowid);

/* The same one element after the other: the definition, for tests. */
uint32_t vl_node_rowid_search_plain(const void *page, uint32_t page_size, int64_t rowid);

/* Number of children. Optimistic: between 1 and the capacity, whatever the page holds. */
uint32_t vl_node_rowid_count(const void *page, uint32_t page_size);

/* A child. Optimistic: an index beyond the children is lowered to the last one. */
vl_pid vl_node_rowid_child(const void *page, uint32_t page_size, uint32_t index);

/* The rowids that belong to the node, and to one of its children (index as above). Optimistic. */
vl_rowid_range vl_node_rowid_range(const void *page);
vl_rowid_range vl_node_rowid_child_range(const void *page, uint32_t page_size, uint32_t index);

/* Put another page in a child's place. */
void vl_node_rowid_set_child(void *page, uint32_t page_size, uint32_t index, vl_pid child);

/* Split child `index`: rowids of it from `separator` on now belong to `child`, which comes behind
 * it. The separator lies within the child's range, above its first rowid. DONE or FULL. */
vl_node_result vl_node_rowid_insert(void *page, uint32_t page_size, uint32_t index,
                                    int64_t separator, vl_pid child) VL_MUST_CHECK;

/* Remove child `index`; there is another one. Its rowids now belong to its left neighbour, those of
 * child 0 to its right one. */
void vl_node_rowid_remove(void *page, uint32_t page_size, uint32_t index);

/* How many children a full node should keep when it is split because child `index` was split: half
 * of them, or, when it is the last child of the tree's right edge, all but one. */
uint32_t vl_node_rowid_split_point(const void *page, uint32_t page_size, uint32_t index);

/* Move the children from position `keep` on to a new node on the right. Returns the separator,
 * which is the new node's first rowid.
 *
 * right      receives the new page, all of it written
 * keep       from 1 to count - 1 */
int64_t vl_node_rowid_split(void *page, void *right, uint32_t page_size, vl_pid right_pid,
                            uint32_t keep);

/* Move all children of the right sibling here: DONE, or FULL with neither page changed. The right
 * page is left as it is; the parent's entry is the caller's to remove. */
vl_node_result vl_node_rowid_merge(void *page, const void *right, uint32_t page_size) VL_MUST_CHECK;

/* Move children between siblings so that the left one has `left_count`; both keep one at least and
 * none exceeds its capacity. Returns the new separator between them. */
int64_t vl_node_rowid_balance(void *page, void *right, uint32_t page_size, uint32_t left_count);

/* Put another separator in the place of number `index`, between child `index` and the next; it lies
 * within their ranges, above the first rowid of the left one. */
void vl_node_rowid_set_separator(void *page, uint32_t page_size, uint32_t index, int64_t separator);

/* Grow the tree at its root: `child` becomes a copy of the root page, under its own number, and the
 * root a node above it with this one child. The root may be a page of any kind with this header.
 * `range` is what the root holds, normally everything. */
void vl_node_rowid_grow(void *root, void *child, uint32_t page_size, vl_pid child_pid,
                        vl_rowid_range range);

/* Check every rule above on bytes from anywhere. Returns NULL, or static text: what is wrong. */
const char *vl_node_rowid_fault(const void *page, uint32_t page_size);

#endif
