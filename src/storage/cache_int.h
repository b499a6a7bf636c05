/* cache_int.h - the inside of the page cache, shared by its files.
 *
 * cache.c         lookup, latches, numbers
 * cache_frame.c   words and frames: memory
 * cache_pids.c    numbers of pages of a database in memory
 * cache_change.c  changes */
#ifndef VL_STORAGE_CACHE_INT_H
#define VL_STORAGE_CACHE_INT_H

#include "base/assert.h"
#include "base/latch.h"
#include "storage/cache.h"
#include "storage/section.h"

/* ---- words: segments of which each is as long as all before it ---- */

#define VL_CACHE_WORDS_BITS  VL_BY_BUILD(10U, 6U) /* of the first segment's length */
#define VL_CACHE_SEGMENT_MAX (33U - VL_CACHE_WORDS_BITS)

/* ---- frames: slabs in groups ---- */

#define VL_CACHE_GROUP_BITS 9U
#define VL_CACHE_GROUP_SIZE (1U << VL_CACHE_GROUP_BITS) /* slabs of a group */
#define VL_CACHE_GROUP_MAX  256U

#define VL_CACHE_NO_FRAME UINT32_MAX

/* What the cache knows of a frame. */
typedef struct vl_frame {
    void *attachment;   /* of the layer above, see cache.h; under the page's latch */
    vl_pid pid;         /* whose page is here; 0: none, the frame is free */
    uint32_t next_free; /* in the list of free frames, VL_CACHE_NO_FRAME at its end */
} vl_frame;

typedef struct vl_cache_slab {
    uint8_t *pages;   /* frames of this slab, page_size each */
    vl_frame *frames; /* what is known of each */
} vl_cache_slab;

/* Free numbers of a database in memory: a bit for each, set when taken. */
typedef struct vl_cache_pids {
    uint64_t *words;     /* owned */
    uint64_t word_count; /* that exist */
    uint64_t lowest;     /* no word before this one has a free number */
} vl_cache_pids;

struct vl_cache {
    _Atomic(void *) segments[VL_CACHE_SEGMENT_MAX];      /* words; never move */
    _Atomic(vl_cache_slab *) groups[VL_CACHE_GROUP_MAX]; /* slabs; never move */
    uint32_t page_size;                                  /* bytes */
    uint32_t slab_bits;                                  /* of the number of frames in a slab */
    vl_allocator *allocator;                             /* of all memory here */
    vl_volume *volume;                                   /* NULL: in memory */
    vl_cache_hooks hooks;                                /* of the layer above */
    uint64_t id; /* of this cache, among all of the process */

    vl_section_gate gate;   /* write sections */
    _Atomic uint64_t epoch; /* number of the next checkpoint, from 1 on */

    _Atomic uint64_t load_count;
    _Atomic uint64_t evict_count;
    _Atomic uint64_t write_count;
    _Atomic uint64_t copy_count;
    _Atomic uint64_t page_count; /* pages that exist */
    _Atomic uint64_t gone_count; /* pages freed so far */
    _Atomic uint64_t bytes;      /* memory that counts in the budget */

    vl_latch latch;        /* guards what follows; VL_RANK_CACHE */
    uint64_t budget_bytes; /* 0: none */
    uint32_t slab_count;   /* slabs that exist */
    uint32_t free_list;    /* first free frame */
    uint64_t free_count;   /* frames in the list */
    vl_cache_pids pids;    /* used when there is no volume */
};

/* Pages that can be given to trees: the first VL_CACHE_MAP_LEVELS numbers of each map page's range
 * are the map's own. */
#define VL_CACHE_MAP_LEVELS 4U

/* ---- words (cache_frame.c) ---- */

/* A page's word, or NULL when there is none yet: the page is not resident. */
static inline _Atomic uint64_t *
vl_cache_word(vl_cache *cache, vl_pid pid)
{
    uint32_t bits = 32U - (uint32_t)__builtin_clz(pid | ((1U << VL_CACHE_WORDS_BITS) - 1));
    uint32_t index = bits - VL_CACHE_WORDS_BITS;
    uint32_t first = index == 0 ? 0 : 1U << (bits - 1);
    void *segment = atomic_load_explicit(&cache->segments[index], memory_order_acquire);

    return VL_LIKELY(segment != NULL) ? (_Atomic uint64_t *)segment + (pid - first) : NULL;
}

/* Make sure that a page has a word. Errors: VELO_NOMEM. */
velo_status vl_cache_make_word(vl_ctx *ctx, vl_cache *cache, vl_pid pid) VL_MUST_CHECK;

/* ---- frames (cache_frame.c) ---- */

static inline vl_cache_slab *
vl_cache_slab_of(const vl_cache *cache, uint32_t frame)
{
    uint32_t slab = frame >> cache->slab_bits;
    vl_cache_slab *group =
        atomic_load_explicit(&cache->groups[slab >> VL_CACHE_GROUP_BITS], memory_order_acquire);

    return &group[slab & (VL_CACHE_GROUP_SIZE - 1)];
}

/* A frame's memory, and what is known of it. */
static inline void *
vl_cache_page_of(const vl_cache *cache, uint32_t frame)
{
    return vl_cache_slab_of(cache, frame)->pages +
           (size_t)(frame & ((1U << cache->slab_bits) - 1)) * cache->page_size;
}

static inline vl_frame *
vl_cache_frame_of(const vl_cache *cache, uint32_t frame)
{
    return &vl_cache_slab_of(cache, frame)->frames[frame & ((1U << cache->slab_bits) - 1)];
}

/* Take a frame for a page. Errors: VELO_NOMEM. */
velo_status vl_cache_take_frame(vl_ctx *ctx, vl_cache *cache, vl_pid pid, uint32_t *frame)
    VL_MUST_CHECK;

/* Give it back. Nobody can reach its page any more, but by an optimistic read that will fail. */
void vl_cache_give_frame(vl_cache *cache, uint32_t frame);

void vl_cache_free_memory(vl_cache *cache);

/* ---- numbers of pages in memory (cache_pids.c) ---- */

/* The lowest free number. Errors: VELO_NOMEM, VELO_FULL. */
velo_status vl_cache_take_pid(vl_ctx *ctx, vl_cache *cache, vl_pid *pid) VL_MUST_CHECK;
void vl_cache_give_pid(vl_cache *cache, vl_pid pid);

/* ---- which pages this thread has latched, in debug builds (cache.c) ---- */

#if VL_DEBUG
void vl_cache_note_acquiring(const _Atomic uint64_t *word);
void vl_cache_note_acquired(const _Atomic uint64_t *word);
void vl_cache_note_released(const _Atomic uint64_t *word);
int vl_cache_holds_none(void);
int vl_cache_holds(const _Atomic uint64_t *word);
#else
#define vl_cache_note_acquiring(word) ((void)0)
#define vl_cache_note_acquired(word)  ((void)0)
#define vl_cache_note_released(word)  ((void)0)
#define vl_cache_holds_none()         1
#define vl_cache_holds(word)          1
#endif

#endif
