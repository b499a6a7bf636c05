/* pagemap.h - layout of the page map: where the image of each page lies.
 *
 * The map is a tree of pages of the cache, at most VL_PAGEMAP_LEVELS high. A map page has F =
 * page_size / 16 entries, of which the first four are taken up by its header:
 *
 *    0  vl_page_header: kind VL_PAGE_MAP, level from 0 to 3, flags 0, count of entries that are not
 *       empty, its own number, tree 0, zeros
 *   64  entries 4 to F - 1, 16 bytes each
 *
 *       bits of the first 8 bytes     0  address, in blocks
 *                                    40  length, in blocks
 *                                    48  encoding: 0 empty, 1 plain
 *                                    56  1: full, no number below is free (levels 1 to 3 only)
 *                                    57  zero
 *       the other 8 bytes             checksum of the image
 *
 * A map page of level 0 covers F page numbers; that of number p is entry p mod F. The first four
 * numbers of each such range would have no entry: they are the map's own. A map page of level l + 1
 * covers F - 4 pages of level l, in entries 4 to F - 1. The page of level l that covers the numbers
 * from n on has number n + l. So the map page for any number is found by arithmetic, and its own
 * place in the map by its parent. What an empty entry covers is free, or exists in memory only.
 *
 * In memory an entry may also be *reserved*: the number is taken, but there is no image yet. Images
 * of map pages have no such entries.
 *
 * Pure functions. `page` is the page's buffer; but for vl_pagemap_fault they want a page that these
 * functions made or that was checked. */
#ifndef VL_STORAGE_PAGEMAP_H
#define VL_STORAGE_PAGEMAP_H

#include "storage/page.h"
#include "storage/volume.h"

#define VL_PAGEMAP_LEVELS 4U

/* The first entry of a map page, and the first number of a range that is a tree's. */
#define VL_PAGEMAP_FIRST 4U

/* Encodings of extents. */
#define VL_PAGEMAP_EMPTY    0U
#define VL_PAGEMAP_PLAIN    1U
#define VL_PAGEMAP_RESERVED 2U

/* Entries of a map page: its F. */
static inline uint32_t
vl_pagemap_fanout(uint32_t page_size)
{
    return page_size / 16;
}

/* Whether a page number is the map's own. */
static inline int
vl_pagemap_is_own(uint32_t page_size, vl_pid pid)
{
    return pid % vl_pagemap_fanout(page_size) < VL_PAGEMAP_FIRST;
}

/* How many numbers a map page of a level covers. */
uint64_t vl_pagemap_span(uint32_t page_size, uint32_t level);

/* One past the largest page number: at most 2^32. */
uint64_t vl_pagemap_end(uint32_t page_size);

/* The map page of a level that covers a page number, and the entry in it; for level 0 the page's
 * own, for others that of the map page below. */
vl_pid vl_pagemap_pid(uint32_t page_size, uint32_t level, vl_pid pid);
uint32_t vl_pagemap_index(uint32_t page_size, uint32_t level, vl_pid pid);

/* Make an empty map page. */
void vl_pagemap_init(void *page, uint32_t page_size, vl_pid pid);

/* Read and write an entry. An extent of encoding empty or reserved is zero otherwise. Writing
 * clears `full`. */
vl_extent vl_pagemap_get(const void *page, uint32_t index);
void vl_pagemap_set(void *page, uint32_t index, const vl_extent *extent);

/* Whether no number below an entry of an upper level is free. */
int vl_pagemap_entry_is_full(const void *page, uint32_t index);
void vl_pagemap_set_full(void *page, uint32_t index, int is_full);

/* Whether no number that the page covers is free, as far as its entries tell. */
int vl_pagemap_is_full(const void *page, uint32_t page_size);

/* The first entry from `index` on that is empty, or the page's number of entries. */
uint32_t vl_pagemap_find_empty(const void *page, uint32_t page_size, uint32_t index);

/* Make an image of a page's bytes: reserved entries become empty, and the count is set. Returns
 * how many were reserved. */
uint32_t vl_pagemap_seal(void *page, uint32_t page_size);

/* Check every rule above on bytes from anywhere that claim to be map page `pid`. Returns NULL, or
 * static text: what is wrong. */
const char *vl_pagemap_fault(const void *page, uint32_t page_size, vl_pid pid);

#endif
