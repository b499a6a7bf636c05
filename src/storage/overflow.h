/* overflow.h - values that do not fit a page: up to 1 GiB, read in any part.
 *
 * A value has a *root*, a list page. It holds the numbers of the value's data pages and, in what
 * these leave free, the value's first bytes: so a value that fits one page takes one page, and its
 * beginning always comes with the root. When one list is not enough for all data pages, the root
 * lists list pages instead, and so on; with pages from 4 KiB on there are never more than two
 * levels of lists. The shape follows from the page size and the value's size alone.
 *
 *    0  vl_page_header: kind VL_PAGE_OVERFLOW_LIST, level from 1 on, flags 0, count of pids; or
 *       VL_PAGE_OVERFLOW_DATA, level 0, flags 0, count of bytes
 *   24  uint32 total    size of the whole value
 *   28  uint32 offset   position in the value of the first byte that lies here or below
 *   32  zeros
 *   64  pids, uint32 each, and of a root of level 1 the value's first bytes behind them; or bytes
 *   ..  zeros
 *
 * With D = page size - 64, L = D / 4: a value of at most L * D bytes has a root of level 1 with as
 * few data pages as its free space permits; the other pages hold D bytes each, but for the last
 * one. Longer values have no bytes in lists; every list but the last of its level is full.
 *
 * Pages are written once, each in a write section of its own, before anything refers to them, and
 * are never changed. So a value needs no latch for as long as something that refers to it keeps it
 * from being freed, and its pages are latched one at a time. */
#ifndef VL_STORAGE_OVERFLOW_H
#define VL_STORAGE_OVERFLOW_H

#include "storage/cache.h"

/* The longest value in bytes. */
#define VL_OVERFLOW_MAX_SIZE (UINT32_C(1) << 30)

/* Lists above each other: 4 with pages of 512 bytes, 2 from 4 KiB on. */
#define VL_OVERFLOW_MAX_LEVEL 4U

/* Where a value is. */
typedef struct vl_overflow {
    vl_tree_id tree; /* the tree that it belongs to */
    vl_pid pid;      /* of its root */
    uint32_t size;   /* bytes */
} vl_overflow;

/* Gives the next `size` bytes of a value that is being written. It may use the cache. What it
 * returns but VELO_OK ends the writing. */
typedef velo_status vl_overflow_fill(vl_ctx *ctx, void *argument, void *to, uint32_t size);

/* Told of each page inside the write section in which it comes into being (is_born 1) or is freed
 * (0), so that a checkpoint has both the page and what is noted here, or neither. Must not wait,
 * fail, or take latches of pages. */
typedef void vl_overflow_note(void *argument, vl_pid pid, int is_born);

/* A value to be written. */
typedef struct vl_overflow_source {
    vl_tree_id tree;        /* the tree that it is to belong to */
    uint32_t size;          /* bytes, at most VL_OVERFLOW_MAX_SIZE */
    const void *data;       /* the bytes, or NULL: `fill` gives them */
    vl_overflow_fill *fill; /* called for one part after the other, each at most a page's size */
    vl_overflow_note *note; /* or NULL */
    void *argument;         /* of both */
} vl_overflow_source;

/* Write a value; it is there when this returns, and the caller's to refer to or to free.
 *
 * pid      receives the number of its root; 0 on failure
 * latches  none may be held
 * errors   VELO_TOOBIG; VELO_NOMEM, VELO_FULL, VELO_IOERR, VELO_CORRUPT as the cache says; what
 *          `fill` returned. All that was written is then freed again; if that fails too, the
 *          message says how many pages are lost to the file until it is salvaged, and `note` was
 *          not told that these were freed */
velo_status vl_overflow_write(vl_ctx *ctx, vl_cache *cache, const vl_overflow_source *source,
                              vl_pid *pid) VL_MUST_CHECK;

/* Read `size` bytes from position `offset` on; they lie within the value. Any number of threads at
 * a time.
 *
 * latches  none may be held
 * errors   VELO_CORRUPT: a page is not what the value must have there; VELO_IOERR, VELO_NOMEM,
 *          VELO_FULL as vl_cache_load. The content of `to` is then undefined */
velo_status vl_overflow_read(vl_ctx *ctx, vl_cache *cache, const vl_overflow *value,
                             uint32_t offset, uint32_t size, void *to) VL_MUST_CHECK;

/* Compare `size` bytes of a value from position `offset` on with as many `bytes`, as memcmp does.
 * Latches and errors as vl_overflow_read.
 *
 * equal_count  receives how many are equal before the first difference; `size`: all
 * order        receives whether `bytes` are below (negative), equal to (0) or above the value's */
velo_status vl_overflow_compare(vl_ctx *ctx, vl_cache *cache, const vl_overflow *value,
                                uint32_t offset, uint32_t size, const void *bytes,
                                uint32_t *equal_count, int *order) VL_MUST_CHECK;

/* Read from the root how long the value is whose root is value->pid, and set value->size. Latches
 * and errors as vl_overflow_read. */
velo_status vl_overflow_size(vl_ctx *ctx, vl_cache *cache, vl_overflow *value) VL_MUST_CHECK;

/* How many pages a value takes. */
uint32_t vl_overflow_page_count(uint32_t page_size, uint32_t size);

/* A value that is being freed, a few pages at a time. */
typedef struct vl_overflow_freeing {
    vl_overflow value;      /* what is freed; nothing refers to it any more */
    uint32_t left;          /* pages that are still there; vl_overflow_page_count at first */
    vl_overflow_note *note; /* or NULL */
    void *argument;         /* of note */
} vl_overflow_freeing;

/* Free up to `max_pages` pages more, the root last; the value is gone when freeing->left is 0.
 * `left` counts down inside the sections that free the pages: who wants to go on after a crash
 * keeps it where a checkpoint finds it (note).
 *
 * latches  none may be held
 * errors   as vl_overflow_read, and as vl_change_wait; what is not freed yet is still counted in
 *          `left`, and the call may be repeated */
velo_status vl_overflow_free(vl_ctx *ctx, vl_cache *cache, vl_overflow_freeing *freeing,
                             uint32_t max_pages) VL_MUST_CHECK;

/* How many pages of a value are left whose freeing was interrupted, perhaps by a crash, in a tree
 * that is being dropped: nobody adds pages with its id any more, so those that are not there, or
 * are something else by now, have been freed. Pages that are damaged count as freed too, with all
 * that come behind them: they cannot be. Latches as vl_overflow_read, errors too but for
 * VELO_CORRUPT. */
velo_status vl_overflow_count_left(vl_ctx *ctx, vl_cache *cache, const vl_overflow *value,
                                   uint32_t *left) VL_MUST_CHECK;

/* Free all of a value, in as many steps as it takes. Errors as above: then pages are lost to the
 * file, and the message says how many. */
velo_status vl_overflow_free_all(vl_ctx *ctx, vl_cache *cache, const vl_overflow *value)
    VL_MUST_CHECK;

/* Told of a page of a value. What it returns but VELO_OK ends the walk. */
typedef velo_status vl_overflow_visit(vl_ctx *ctx, void *argument, vl_pid pid);

/* Check every page of a value, and tell of each, the root first. `visit` may be NULL. Latches and
 * errors as vl_overflow_read, and what `visit` returned. */
velo_status vl_overflow_verify(vl_ctx *ctx, vl_cache *cache, const vl_overflow *value,
                               vl_overflow_visit *visit, void *argument) VL_MUST_CHECK;

/* Check every rule above that concerns one page, list or data, on bytes from anywhere. Returns
 * NULL, or static text: what is wrong. Pure. */
const char *vl_overflow_fault(const void *page, uint32_t page_size);

#endif
