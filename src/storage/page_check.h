/* page_check.h - whether the bytes of an image are a page of which all else may be believed. */
#ifndef VL_STORAGE_PAGE_CHECK_H
#define VL_STORAGE_PAGE_CHECK_H

#include "base/ctx.h"
#include "storage/page.h"

/* Check the bytes of a page from disk, whose checksum is right: that it is the page it should be,
 * and every rule of its kind. Map pages are another's business: here they are damage.
 *
 * errors  VELO_CORRUPT: which page, of which tree, and what is wrong */
velo_status vl_page_check(vl_ctx *ctx, const void *page, uint32_t page_size, vl_pid pid)
    VL_MUST_CHECK;

#endif
