/* store_check.h - the integrity check of a whole database.
 *
 * Checked are: the directory; every tree, node by node, with order, fences and levels; every long
 * value; that each page belongs to one place, and that every page that exists is in use. Reading a
 * page checks its checksum and its form. */
#ifndef VL_STORAGE_STORE_CHECK_H
#define VL_STORAGE_STORE_CHECK_H

#include "storage/store.h"

/* Told of each fault: which tree and page, and what is wrong. */
typedef void vl_store_fault(void *argument, const char *text);

typedef struct vl_store_report {
    uint64_t tree_count;     /* the directory included */
    uint64_t row_count;      /* rows, and entries of key trees */
    uint64_t page_count;     /* pages in use */
    uint64_t overflow_count; /* of these, with parts of long values */
    uint64_t fault_count;    /* calls of `fault` */
    uint64_t dropped_count;  /* dropped trees whose pages are still to be returned: not checked */
    uint64_t unused_count;   /* pages that exist and belong to nothing: space that is lost; known
                                only when there is no such tree */
} vl_store_report;

/* Check a store that nobody changes meanwhile. Goes on behind a fault where that is possible. If
 * the store has been changed since it was opened, writes a checkpoint, and then also compares the
 * table of free space with the blocks that are in use, and counts pages that are not.
 *
 * fault   or NULL
 * errors  VELO_CORRUPT when there was a fault: the message is the first one; VELO_NOMEM; VELO_IOERR
 *         when it could not be found out. Pages that belong to nothing are no fault: only reported
 */
velo_status vl_store_check(vl_ctx *ctx, vl_store *store, vl_store_fault *fault, void *argument,
                           vl_store_report *report) VL_MUST_CHECK;

#endif
