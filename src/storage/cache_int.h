/* cache_int.h - the inside of the page cache, shared by its files.
 *
 *   cache.c         lookup, latches, numbers
 *   cache_word.c    waiting for a page's word
 *   cache_frame.c   words and frames: memory and its limits
 *   cache_pids.c    numbers of pages of a database in memory
 *   cache_map.c     the live page map and that of the checkpoint in writing
 *   cache_load.c    bringing pages in
 *   cache_evict.c   letting pages go
 *   cache_direct.c  pages that are read where they lie
 *   cache_change.c  changes
 *   checkpoint.c    checkpoints
 *   cache_verify.c  comparing everything, for tests
 *
 * README.md has the protocol. In short: `latch` guards all that is below it in vl_cache, what is
 * known of frames, and the bytes of map pages in memory. It is held for some instructions, never
 * across I/O. A page's latch (its word) is taken before it, but for trying. */
#ifndef VL_STORAGE_CACHE_INT_H
#define VL_STORAGE_CACHE_INT_H

#include "base/assert.h"
#include "base/latch.h"
#include "storage/cache.h"
#include "storage/pagemap.h"
#include "storage/section.h"

/* ---- words: segments of which each is as long as all before it ---- */

#define VL_CACHE_WORDS_BITS  VL_BY_BUILD(10U, 6U) /* of the first segment's length */
#define VL_CACHE_SEGMENT_MAX (33U - VL_CACHE_WORDS_BITS)

/* ---- frames: slabs in groups ---- */

#define VL_CACHE_GROUP_BITS 9U
#define VL_CACHE_GROUP_SIZE (1U << VL_CACHE_GROUP_BITS) /* slabs of a group */
#define VL_CACHE_GROUP_MAX  256U                        /* groups that frames may take */
#define VL_CACHE_GROUP_ALL  1024U /* groups, with those of blocks: see cache_direct.c */

#define VL_CACHE_NO_FRAME UINT32_MAX

/* A cache with a volume has at least so many frames, whatever its budget: what one change of a tree
 * needs at a time with all map pages above. With fewer, a thread would drive its own pages out by
 * turns and not come to an end. */
#define VL_CACHE_MIN_FRAMES 32U

typedef enum vl_frame_kind {
    VL_FRAME_FREE,  /* in the list of free frames */
    VL_FRAME_OWNED, /* a thread's, which brings a page in or makes a new one */
    VL_FRAME_PAGE,  /* of a page of a tree */
    VL_FRAME_MAP,   /* of a page of the page map */
    VL_FRAME_COPY,  /* a page's bytes as of the barrier */
    VL_FRAME_BLOCK  /* no frame: a block that is read in place */
} vl_frame_kind;

/* What the cache knows of a frame. `pending` below means: belongs to the checkpoint in writing, and
 * its image has not been taken yet. */
typedef struct vl_frame {
    /* Epoch in which the page was last made ready to be changed, 0: it is as its image is. Changes
     * under the cache's latch, and under the page's too: but the checkpoint, which holds that
     * shared, sets it to 0. */
    _Atomic uint64_t dirty_epoch;
    void *attachment; /* of the layer above, see cache.h; under the page's latch */
    vl_pid pid;       /* whose page is here; of a copy: whose bytes */
    uint32_t holds;   /* of a map page: why it must stay, see README.md */
    uint32_t next;    /* in the list of free frames or of copies, VL_CACHE_NO_FRAME at its end */
    uint32_t
        shadow; /* of a map page: the frame with its bytes as of the barrier, plus 1; 0: none */
    uint32_t next_set; /* the checkpoint's: next frame of its list */
    vl_pid set_pid;    /* the checkpoint's: whose page was here */
    uint8_t kind;      /* vl_frame_kind */
    uint8_t in_write;  /* its image is being written, and it has not been changed since: clean */
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

/* Where a page map begins. */
typedef struct vl_livemap_root {
    vl_extent extent; /* of the root page; all zero when it has no image */
    int32_t level;    /* of it; -1: no page */
} vl_livemap_root;

/* The checkpoint in writing. */
typedef struct vl_cache_writing {
    int is_running;       /* between its barrier and its end */
    uint64_t epoch;       /* pages with a dirty_epoch from 1 to this are in it */
    vl_livemap_root root; /* of its page map */
    uint64_t page_end;    /* at the barrier */
    uint32_t first_copy;  /* list of copies of pages of trees */
    uint32_t last_copy;
} vl_cache_writing;

struct vl_cache {
    _Atomic(void *) segments[VL_CACHE_SEGMENT_MAX];      /* words; never move */
    _Atomic(vl_cache_slab *) groups[VL_CACHE_GROUP_ALL]; /* slabs; never move */
    uint32_t page_size;                                  /* bytes */
    uint32_t own_mask;                                   /* of a page's number within its range */
    uint32_t slab_bits;                                  /* of the number of frames in a slab */
    uint32_t page_blocks;                                /* blocks of an image */
    uint32_t slab_max;                                   /* slabs that frames may take */
    uint32_t direct_first;      /* the number among the frames that stands for block 0; UINT32_MAX:
                                   nothing is read in place */
    uint32_t direct_count;      /* blocks that have such a number */
    const uint8_t *direct_base; /* address of block 0 */
    vl_frame *direct_frames;    /* of all slabs of blocks; owned */
    vl_allocator *allocator;    /* of all memory here */
    vl_volume *volume;          /* NULL: in memory */
    vl_cache_hooks hooks;       /* of the layer above */
    uint32_t max_waits;         /* see vl_cache_take_frame */
    uint64_t id;                /* among all caches of the process */

    vl_section_gate gate;          /* write sections */
    _Atomic uint64_t epoch;        /* from 1 on; changes at barriers */
    _Atomic int is_writable;       /* the volume has been made writable */
    _Atomic uint32_t progress;     /* counts what those who wait for the cache wait for */
    _Atomic uint32_t waiter_count; /* who sleep on it */

    _Atomic uint64_t load_count;
    _Atomic uint64_t evict_count;
    _Atomic uint64_t write_count;
    _Atomic uint32_t rest_word; /* counts reasons to go on; who rests sleeps on it */
    _Atomic uint64_t copy_count;
    _Atomic uint64_t place_count; /* pages that were found where they lie */
    _Atomic uint64_t lift_count;  /* of these, moved to a frame */
    _Atomic uint64_t page_count;  /* pages that exist, in memory; else born less freed */
    _Atomic uint64_t gone_count;  /* pages freed so far */
    _Atomic uint64_t bytes;       /* memory that counts in the budget */

    vl_latch checkpoint_turn; /* held by whoever runs a checkpoint; no rank */
    uint8_t *batch;           /* its two buffers, batch_size pages each; owned */
    uint32_t batch_size;      /* pages */

    vl_latch latch;         /* guards what follows; VL_RANK_CACHE */
    uint64_t budget_bytes;  /* 0: none */
    uint64_t frame_bytes;   /* of `bytes`, in slabs */
    uint32_t slab_count;    /* slabs that exist */
    uint32_t free_list;     /* first free frame */
    uint32_t free_count;    /* frames in the list */
    uint32_t retired_list;  /* first frame whose memory has been given back to the system */
    uint32_t retired_count; /* frames in that list */
    uint32_t copies_in_use; /* frames that hold copies */
    uint32_t hand;          /* where the evictor's clock stands */
    uint32_t path_holds;    /* holds of map pages by changes that wait */
    uint64_t dirty_count;   /* frames whose dirty_epoch is not 0 */
    uint64_t debt;          /* images for which no space is promised any more */
    uint64_t page_end;      /* one past the largest number that was ever taken */
    uint64_t lowest_free;   /* no number below this one is free */
    vl_livemap_root root;   /* of the live page map */
    vl_cache_writing writing;
    vl_cache_pids pids; /* used when there is no volume */
};

static inline uint32_t
vl_cache_frame_count(const vl_cache *cache)
{
    return cache->slab_count << cache->slab_bits;
}

/* Whether a number is one of the page map's own. */
static inline int
vl_cache_is_own(const vl_cache *cache, vl_pid pid)
{
    return (pid & cache->own_mask) < VL_PAGEMAP_FIRST;
}

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

/* Whether a number among the frames is that of a block that is read in place. */
static inline int
vl_cache_is_direct(const vl_cache *cache, uint32_t frame)
{
    return frame >= cache->direct_first;
}

/* Whether pages are read in place at all. */
static inline int
vl_cache_has_direct(const vl_cache *cache)
{
    return cache->direct_count > 0;
}

static inline uint64_t
vl_frame_dirty_epoch(const vl_frame *frame)
{
    return atomic_load_explicit(&frame->dirty_epoch, memory_order_relaxed);
}

/* Whether a frame is in the checkpoint in writing and its image has not been taken. The latch is
 * held. */
static inline int
vl_frame_is_pending(const vl_cache *cache, const vl_frame *frame)
{
    uint64_t epoch = vl_frame_dirty_epoch(frame);

    return cache->writing.is_running && epoch != 0 && epoch <= cache->writing.epoch;
}

/* Memory of the cache's own allocator, counted in `bytes`; NULL when there is none. */
void *vl_cache_alloc(vl_cache *cache, size_t size, size_t align);

/* Make the least number of frames. Errors: VELO_NOMEM. */
velo_status vl_cache_make_frames(vl_ctx *ctx, vl_cache *cache) VL_MUST_CHECK;

/* Waits of a millisecond. */
#define VL_CACHE_MAX_WAITS 60000U

/* Take a frame (kind OWNED), letting other pages go if need be; waits while all are in use or
 * belong to the checkpoint in writing, and gives up when nothing at all has happened during
 * `max_waits` waits. No latch is held. errors  VELO_NOMEM: all frames are in use; as vl_cache_load
 */
velo_status vl_cache_take_frame(vl_ctx *ctx, vl_cache *cache, uint32_t *frame) VL_MUST_CHECK;

/* Take a frame (kind OWNED) if one can be had at once: 1. Never waits. */
int vl_cache_try_take_frame(vl_cache *cache, uint32_t *frame);

/* Take a frame for a copy, or VL_CACHE_NO_FRAME. The latch is held. */
uint32_t vl_cache_take_copy(vl_cache *cache);

/* How many frames for copies can be taken now. The latch is held. */
uint32_t vl_cache_free_copies(const vl_cache *cache);

/* Whether another frame can be taken for a page at once; whether fewer than `spare` could, with new
 * slabs too; whether more are in use than the budget allows. The latch is held. */
int vl_cache_has_frame(const vl_cache *cache);
int vl_cache_is_short(const vl_cache *cache, uint32_t spare);
int vl_cache_is_over_budget(const vl_cache *cache);

/* Give a frame back. Nobody can reach its page any more, but by an optimistic read that will fail.
 * The first with the latch held, the second without. */
void vl_cache_give_frame_locked(vl_cache *cache, uint32_t frame);
void vl_cache_give_frame(vl_cache *cache, uint32_t frame);

/* Let pages go until no more frames are in use than the budget allows, if that can be. No latch is
 * held. Errors: as vl_cache_evict. */
velo_status vl_cache_trim(vl_ctx *ctx, vl_cache *cache) VL_MUST_CHECK;

/* Retire free frames until no more exist than the budget allows. The latch is held. */
void vl_cache_shrink(vl_cache *cache);

void vl_cache_free_memory(vl_cache *cache);

/* Tell those who wait for the cache, and wait: until something has happened since `seen` was read
 * from `progress`, or for a moment. */
void vl_cache_note_progress(vl_cache *cache);
void vl_cache_wait_progress(vl_cache *cache, uint32_t seen);

/* ---- numbers of pages in memory (cache_pids.c) ---- */

/* The lowest free number. Errors: VELO_NOMEM, VELO_FULL. */
velo_status vl_cache_take_pid(vl_ctx *ctx, vl_cache *cache, vl_pid *pid) VL_MUST_CHECK;
void vl_cache_give_pid(vl_cache *cache, vl_pid pid);

/* ---- the page map (cache_map.c); the latch is held for all ---- */

/* What stands in the way of something. */
typedef struct vl_livemap_need {
    vl_pid load;       /* this map page has to be brought in; see has_load */
    int has_load;      /* if so, nothing else is known yet */
    uint32_t promises; /* images for which space has to be promised */
    uint32_t copies;   /* frames for copies */
    uint32_t frames;   /* frames for new map pages */
} vl_livemap_need;

typedef enum vl_livemap_answer {
    VL_LIVEMAP_FOUND,  /* here it is */
    VL_LIVEMAP_ABSENT, /* there is none */
    VL_LIVEMAP_NEEDS   /* something is needed first */
} vl_livemap_answer;

/* The frame of a resident page that nobody has exclusively, or VL_CACHE_NO_FRAME. */
uint32_t vl_livemap_find(vl_cache *cache, vl_pid pid);

/* Where the image of a page lies, a map page or a tree's. NEEDS: need->load only. */
vl_livemap_answer vl_livemap_locate(vl_cache *cache, vl_pid pid, vl_extent *extent,
                                    vl_livemap_need *need);

/* The lowest free number. ABSENT: there is none. */
vl_livemap_answer vl_livemap_find_free(vl_cache *cache, vl_pid *pid, vl_livemap_need *need);

/* What it takes to open the map pages above a page: to make them dirty in the present epoch.
 * `creates` 1: those that do not exist are made. ABSENT: they do not exist. FOUND: they can be
 * opened, with what `need` says in hand. */
vl_livemap_answer vl_livemap_plan(vl_cache *cache, vl_pid pid, int creates, vl_livemap_need *need);

/* Open them: follows vl_livemap_plan without giving up the latch. `frames` are need->frames of kind
 * OWNED; space has been promised. */
void vl_livemap_open(vl_cache *cache, vl_pid pid, int creates, const uint32_t *frames);

/* Make a frame dirty in the present epoch. Space has been promised if it was clean or pending, and
 * there is a frame for a copy if it was pending. The pages above it are open. */
void vl_livemap_dirty(vl_cache *cache, uint32_t frame);

/* The image of a pending page is being taken; and: it is as its image is, that of a dirty page or
 * of one whose image was taken and that has not been changed since. */
void vl_livemap_capture(vl_cache *cache, vl_frame *frame);
void vl_livemap_clean(vl_cache *cache, vl_frame *frame);

/* Hold all map pages above a page, which are resident; `levels` receives how many. And let go. */
void vl_livemap_hold(vl_cache *cache, vl_pid pid, uint32_t *levels);
void vl_livemap_unhold(vl_cache *cache, vl_pid pid, uint32_t levels);

/* A number is taken, or given back, in a map page that is open (or, given back before its page was
 * born, resident). */
void vl_livemap_reserve(vl_cache *cache, vl_pid pid);
void vl_livemap_unreserve(vl_cache *cache, vl_pid pid);

/* A page goes: its number is free, its image superseded. Its map page is open. */
void vl_livemap_remove(vl_cache *cache, vl_pid pid);

/* An image has been written: put it where it belongs, and supersede those before it.
 *
 * is_full     of a map page: whether the image has no free number
 * in_writing  the image belongs to the checkpoint in writing: its block is in that set
 * in_live     the page is still as the image is: the live map has it too
 * sets        in which the image's block is */
typedef struct vl_livemap_image {
    vl_pid pid;
    vl_extent extent;
    int is_full;
    int in_writing;
    int in_live;
    uint32_t sets;
} vl_livemap_image;

void vl_livemap_put(vl_cache *cache, const vl_livemap_image *image);

/* ---- loading and letting go ---- */

/* Make the map pages above a number dirty, whether there is such a page or not: as
 * vl_change_prepare. *exists receives 0 when there are no such map pages; then it is 0. */
int vl_change_prepare_path(vl_change *change, vl_pid pid, int *exists);

/* As vl_cache_load, also for map pages. `exists` receives 0 when there is no such page. */
velo_status vl_cache_bring(vl_ctx *ctx, vl_cache *cache, vl_pid pid, int *exists) VL_MUST_CHECK;

/* Where the image of a page lies, a map page or a tree's, if it exists; map pages above it are
 * brought in. Errors: those of vl_cache_bring. */
velo_status vl_cache_locate(vl_ctx *ctx, vl_cache *cache, vl_pid pid, vl_extent *extent,
                            int *exists) VL_MUST_CHECK;

/* Let some pages go; `freed` receives how many frames became free. Errors: as writing images. */
velo_status vl_cache_evict(vl_ctx *ctx, vl_cache *cache, uint32_t *freed) VL_MUST_CHECK;

/* Let go of a clean page if nobody is at it and nothing is attached to it. The latch is held. */
void vl_cache_let_go(vl_cache *cache, uint32_t frame);

/* Try to promise the space that is owed: 1 when nothing is owed. The latch is held. */
int vl_cache_pay_debt(vl_cache *cache);

/* ---- pages that are read where they lie (cache_direct.c) ---- */

/* Take over from the volume what can be read in place. Errors: VELO_NOMEM. */
velo_status vl_cache_attach_direct(vl_ctx *ctx, vl_cache *cache) VL_MUST_CHECK;

/* The number of a block, less than direct_count, among the frames. Errors: VELO_NOMEM. */
velo_status vl_cache_make_direct(vl_ctx *ctx, vl_cache *cache, uint64_t block, uint32_t *frame)
    VL_MUST_CHECK;

/* Put a page that lies in a block, and that the caller has just latched exclusively, into a frame;
 * *seen is its word, before and after. 0: no frame is free; the latch is released, and the thread's
 * next vl_cache_load of the page waits for one. */
int vl_cache_lift(vl_cache *cache, vl_pid pid, _Atomic uint64_t *word, uint64_t *seen);

/* The page is resident: put it into a frame if this thread wanted that and could not have it.
 * Errors: as vl_cache_take_frame. */
velo_status vl_cache_lift_wanted(vl_ctx *ctx, vl_cache *cache, vl_pid pid) VL_MUST_CHECK;

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
