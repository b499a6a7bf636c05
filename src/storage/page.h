/* page.h - what every page begins with, and the sizes pages may have.
 *
 * A page is the unit of the cache and of the trees. Its checksum is not in the page but with
 * whoever points to it (the page map, up to the superblock), so that a write which went astray or
 * was lost is found as well as a rotten one. Header and key arrays are aligned to cache lines. All
 * numbers are little-endian; structs below are overlays of the bytes on little-endian machines.
 *
 * Pages of all kinds share this header of one cache line:
 *
 *    0  kind        what the page is (vl_page_kind)
 *    1  level       0 for leaves, else the height above them
 *    2  flags       meaning depends on the kind
 *    4  count       entries, rows or children
 *    8  pid         its own logical number: a page found in another's place is recognized
 *   16  tree        id of the tree it belongs to, 0 for none
 *   24  private     40 bytes for the kind */
#ifndef VL_STORAGE_PAGE_H
#define VL_STORAGE_PAGE_H

#include "base/platform.h"

_Static_assert(VL_LITTLE_ENDIAN, "page layouts are overlays: a big-endian port needs accessors");

#define VL_PAGE_MIN_SIZE     VL_BY_BUILD(4096U, 512U)
#define VL_PAGE_MAX_SIZE     65536U
#define VL_PAGE_DEFAULT_SIZE VL_BY_BUILD(16384U, 512U)

/* Logical page number. 0 is never a page. */
typedef uint32_t vl_pid;

/* Stable id of a tree; never used twice in a database's life. 0 is none. */
typedef uint64_t vl_tree_id;

typedef enum vl_page_kind {
    VL_PAGE_FREE = 0,          /* not in use; an empty page must not look like anything */
    VL_PAGE_TABLE_LEAF = 1,    /* rows, column by column (leaf_pax.h) */
    VL_PAGE_TABLE_INNER = 2,   /* rowids and children (node_rowid.h) */
    VL_PAGE_KEY_LEAF = 3,      /* keys and small values (node_key.h) */
    VL_PAGE_KEY_INNER = 4,     /* separators and children (node_key.h) */
    VL_PAGE_OVERFLOW_LIST = 5, /* pids of a long value's data pages */
    VL_PAGE_OVERFLOW_DATA = 6, /* a part of a long value */
    VL_PAGE_MAP = 7            /* where the images of pages lie (pagemap.h) */
} vl_page_kind;

typedef struct vl_page_header {
    uint8_t kind;     /* vl_page_kind */
    uint8_t level;    /* 0 for leaves */
    uint16_t flags;   /* of the kind */
    uint32_t count;   /* entries, rows or children */
    uint64_t pid;     /* own number, a vl_pid */
    uint64_t tree;    /* a vl_tree_id */
    uint8_t rest[40]; /* of the kind */
} vl_page_header;

_Static_assert(sizeof(vl_page_header) == VL_CACHE_LINE_SIZE, "the header is one cache line");

/* Whether a page may have this size: a power of two between the limits. */
static inline int
vl_page_size_is_valid(uint64_t size)
{
    return size >= VL_PAGE_MIN_SIZE && size <= VL_PAGE_MAX_SIZE && vl_is_power_of_two(size);
}

#endif
