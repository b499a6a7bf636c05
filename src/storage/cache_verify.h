/* cache_verify.h - comparing all that the cache and the volume know of each other, for tests and
 * verification builds. */
#ifndef VL_STORAGE_CACHE_VERIFY_H
#define VL_STORAGE_CACHE_VERIFY_H

#include "storage/cache.h"

/* Compare what is known of frames with each other and with the page map (P1, P2, the counts), and
 * the live map with the live set: no block twice, none missing, none too many. Any thread, at any
 * time; holds the cache's latch meanwhile, also while it reads map pages from the file.
 *
 * errors  VELO_INTERNAL: what does not fit; VELO_NOMEM; as vl_volume_read */
velo_status vl_cache_verify(vl_ctx *ctx, vl_cache *cache) VL_MUST_CHECK;

/* The same for the durable checkpoint: its map, read from the file, and the durable set. No
 * checkpoint runs meanwhile. Counts its pages. */
velo_status vl_cache_verify_durable(vl_ctx *ctx, vl_cache *cache, uint64_t *page_count)
    VL_MUST_CHECK;

#endif
