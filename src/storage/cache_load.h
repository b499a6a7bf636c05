/* cache_load.h - pages brought in while their owner goes on: several reads in flight, each taken as
 * it comes.
 *
 *     vl_cache_loads_begin(cache, &loads);
 *     ... vl_cache_loads_add for pages that are wanted; vl_cache_loads_take when there is nothing
 *         to do without one of them; look at pages in between
 *     vl_cache_loads_end(&loads);
 *
 * While pages are under way others who want one wait for its loader. So between beginning and end
 * the thread waits for nobody who could wait for it: it latches resident pages shared, for a moment
 * each, and neither loads pages in other ways nor changes any. */
#ifndef VL_STORAGE_CACHE_LOAD_H
#define VL_STORAGE_CACHE_LOAD_H

#include "storage/cache.h"
#include "storage/volume.h"

/* Reads in flight at a time. */
#define VL_CACHE_LOADS 32U

/* Pages at a time: in flight, and read but not taken yet. */
#define VL_CACHE_LOAD_SLOTS 64U

/* What became of a page that was to be begun. */
typedef enum vl_cache_loading {
    VL_CACHE_UNDER_WAY, /* it, or a map page that is needed first, is being brought in by this
                           thread: taken sooner or later */
    VL_CACHE_NOT_NOW,   /* as many are under way as can be: take one first */
    VL_CACHE_OTHERWISE  /* it is here, somebody else is at it, or it cannot be brought in:
                           vl_cache_load says which, when nothing is under way */
} vl_cache_loading;

/* A page that has been taken. */
typedef struct vl_cache_loaded {
    vl_pid pid;  /* which */
    int is_here; /* 1: it was brought in (and may be gone again); 0: it could not be read */
} vl_cache_loaded;

/* Pages under way; lives on the stack; used by one thread. All fields but `count` are private. */
typedef struct vl_cache_loads {
    vl_ctx ctx;                           /* for errors, which are not told */
    vl_cache *cache;                      /* where to */
    uint32_t most;                        /* pages at a time */
    uint32_t count;                       /* begun and not taken */
    uint32_t read_count;                  /* of these, those that have been read: in `read` */
    uint32_t unsent_count;                /* reads that may not have been handed over */
    uint64_t used;                        /* bit i: slot i is under way */
    uint32_t frames[VL_CACHE_LOAD_SLOTS]; /* by slot */
    vl_volume_reading readings[VL_CACHE_LOAD_SLOTS]; /* by slot */
    vl_volume_reading *read[VL_CACHE_LOAD_SLOTS];    /* read_count of them, in no order */
} vl_cache_loads;

void vl_cache_loads_begin(vl_cache *cache, vl_cache_loads *loads);

/* Begin to bring a page in. No latch is held.
 *
 * awaited  UNDER_WAY: receives which page to wait for, before asking again */
vl_cache_loading vl_cache_loads_add(vl_cache_loads *loads, vl_pid pid, vl_pid *awaited);

/* Take one page that has come, waiting if there is none: at least one is under way. While pages
 * that were read are checked, which takes longer than the way to others, the device should have
 * something to do: so add all that can be after each. No latch is held. */
vl_cache_loaded vl_cache_loads_take(vl_cache_loads *loads);

/* Wait for all. */
void vl_cache_loads_end(vl_cache_loads *loads);

#endif
