/* node.h - what inner nodes of table trees and nodes of key trees have in common.
 *
 * node_rowid.h and node_key.h are page layouts: pure functions on the bytes of one page, or of a
 * page and its sibling. They do no I/O, take no latches and know no tree. A page is a buffer of
 * `page_size` bytes (a power of two from VL_NODE_MIN_PAGE_SIZE to VL_PAGE_MAX_SIZE) aligned to a
 * cache line. Who changes a page holds its latch exclusively; who reads it holds it shared, except
 * that functions marked *optimistic* may run on a page that changes under them, or holds anything
 * at all: they stay within the page and end, and what they say counts once the version is
 * confirmed. All other functions want a page that these functions made or that has been checked. */
#ifndef VL_STORAGE_NODE_H
#define VL_STORAGE_NODE_H

#include "storage/page.h"

/* Pages of the tiny build are this small; the layouts work from here on in every build. */
#define VL_NODE_MIN_PAGE_SIZE 512U

/* A tree higher than this is damaged: even nodes of two children would hold 2^32 leaves. */
#define VL_NODE_MAX_LEVEL 40U

/* What became of an operation. */
typedef enum vl_node_result {
    VL_NODE_DONE,   /* it is done */
    VL_NODE_FOUND,  /* the key is there */
    VL_NODE_ABSENT, /* the key is not there; the place is where it would be */
    VL_NODE_FULL,   /* it does not fit: no byte of the page was changed */
    VL_NODE_TIE     /* in-page bytes do not decide: the rest of a long key is needed */
} vl_node_result;

/* Who a page is. */
typedef struct vl_node_id {
    vl_pid pid;      /* its number */
    uint32_t level;  /* 0 for leaves */
    vl_tree_id tree; /* the tree it belongs to */
} vl_node_id;

/* Whether the layouts work on pages of this size. */
static inline int
vl_node_page_size_is_valid(uint32_t page_size)
{
    return page_size >= VL_NODE_MIN_PAGE_SIZE && page_size <= VL_PAGE_MAX_SIZE &&
           vl_is_power_of_two(page_size);
}

#endif
