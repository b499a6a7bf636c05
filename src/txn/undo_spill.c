/* undo_spill.c - a mapped temporary file for older versions; see undo_spill.h.
 *
 *    0            fresh                allocated              reserved
 *    | blocks     | not used yet       | not on the medium    |
 *
 * Blocks have sizes of classes, four for each power of two, and lie one behind the other; freed
 * ones hang in a list of their class, by their first bytes. Before each stands its class.
 *
 * Invariants
 *   US1  What is handed out lies below `allocated`, which the medium has space for and the map
 * shows. US2  `base` is set once, before the first block, and never changes. US3  When there is no
 * block, the lists may be forgotten and `fresh` be 0 again. */
#include "txn/undo_spill.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/latch.h"
#include "base/rank.h"

#include <stdatomic.h>
#include <string.h>

#define SPILL_LEAST   64U  /* bytes of the smallest class */
#define SPILL_CLASSES 100U /* up to 1 GiB and more */
#define SPILL_STEP    VL_BY_BUILD(UINT64_C(4) << 20, UINT64_C(64) << 10) /* the file grows by */
#define SPILL_AHEAD   (SPILL_STEP / 2)                                   /* is taken ahead */
#define SPILL_RESERVED                                                                             \
    VL_BY_BUILD(UINT64_C(1) << 40, UINT64_C(1) << 30) /* at most, of addresses                     \
                                                       */
#define SPILL_FEWEST (UINT64_C(64) << 20)             /* at least */

/* Sanitizers want to know of addresses. */
#if VL_ASAN || VL_TSAN
#define SPILL_WANTED (UINT64_C(1) << 30)
#else
#define SPILL_WANTED SPILL_RESERVED
#endif

/* Stands before a block. */
typedef struct spill_head {
    uint32_t class;  /* of its size */
    uint32_t unused; /* 0 */
} spill_head;

_Static_assert(sizeof(spill_head) == VL_UNDO_SPILL_HEAD, "as promised");

/* A block that is free; in the place of its content. */
typedef struct spill_free {
    struct spill_free *next;
} spill_free;

struct vl_undo_spill {
    vl_io *io;                       /* where the file is made */
    _Atomic(uint8_t *) base;         /* US2; NULL: nothing is mapped yet */
    uint64_t reserved;               /* addresses behind base; set before it */
    _Atomic uint64_t used;           /* bytes of blocks, with heads */
    _Atomic uint64_t allocated;      /* US1; written under the latch */
    _Atomic uint32_t touches;        /* since the pages were let go */
    vl_latch latch;                  /* VL_RANK_UNDO_SPILL: guards all that follows */
    vl_file *file;                   /* NULL: not made yet */
    vl_map map;                      /* of it */
    uint64_t fresh;                  /* bytes from which on nothing was handed out */
    spill_free *free[SPILL_CLASSES]; /* by class */
    char folder[];                   /* the database's */
};

/* ---- life ---- */

velo_status
vl_undo_spill_create(vl_ctx *ctx, vl_io *io, const char *path, vl_undo_spill **out)
{
    const char *slash = strrchr(path, '/');
    size_t size = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
    vl_undo_spill *spill = vl_alloc_zero(ctx, sizeof *spill + size + 1);

    *out = spill;
    if (spill == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a file for older versions");
    spill->io = io;
    memcpy(spill->folder, slash == NULL ? "." : path, size);
    vl_latch_init(&spill->latch, VL_RANK_UNDO_SPILL);
    return VELO_OK;
}

void
vl_undo_spill_destroy(vl_undo_spill *spill)
{
    if (spill == NULL)
        return;
    VL_ASSERT(vl_undo_spill_used(spill) == 0);
    vl_map_close(&spill->map);
    vl_file_close(spill->file);
    vl_free(spill);
}

uint64_t
vl_undo_spill_used(const vl_undo_spill *spill)
{
    return atomic_load_explicit(&spill->used, memory_order_relaxed); /* a figure */
}

uint64_t
vl_undo_spill_size(const vl_undo_spill *spill)
{
    return atomic_load_explicit(&spill->allocated, memory_order_relaxed); /* a figure */
}

int
vl_undo_spill_has(const vl_undo_spill *spill, const void *block)
{
    const uint8_t *base;

    if (spill == NULL)
        return 0;
    /* Acquire: a block that is not ours may be asked about while the base is set. */
    base = atomic_load_explicit(&spill->base, memory_order_acquire);
    return base != NULL && (uintptr_t)block - (uintptr_t)base < spill->reserved;
}

/* ---- sizes ---- */

static uint64_t
spill_class_size(uint32_t class)
{
    uint64_t power = (uint64_t)SPILL_LEAST << (class / 4);

    return power + (class % 4) * (power / 4);
}

/* The smallest class that has so many bytes; SPILL_CLASSES: none has. */
static uint32_t
spill_class_of(uint64_t size)
{
    uint32_t class = 0;

    while (class + 4 < SPILL_CLASSES && spill_class_size(class + 4) < size)
        class += 4;
    while (class < SPILL_CLASSES && spill_class_size(class) < size)
        class ++;
    return class;
}

/* ---- the file; the latch is held ---- */

/* Map the begin of the file, with as many addresses behind it as can be had. */
static velo_status
spill_map(vl_ctx *ctx, vl_undo_spill *spill, uint64_t size)
{
    uint64_t reserved = SPILL_WANTED;
    velo_status st = VELO_IOERR_MMAP;

    while (st != VELO_OK && reserved >= SPILL_FEWEST && reserved >= size) {
        st = vl_map_open(ctx, spill->file, size, reserved, 1, &spill->map);
        reserved = st == VELO_OK ? reserved : reserved / 4;
    }
    if (st != VELO_OK)
        return st;
    vl_error_clear(ctx);
    spill->reserved = reserved;
    atomic_store_explicit(&spill->base, spill->map.base, memory_order_release); /* US2 */
    return VELO_OK;
}

/* Take space on the medium. */
static velo_status
spill_take_space(vl_ctx *ctx, vl_undo_spill *spill, uint64_t from, uint64_t to)
{
    static const uint8_t zeros[4096] = {0};

    VL_TRY(vl_file_allocate(ctx, spill->file, from, to - from));
    if (vl_file_can_allocate(spill->file))
        return VELO_OK;
    while (from < to) { /* only what is written is there for sure */
        uint64_t size = to - from < sizeof zeros ? to - from : sizeof zeros;

        VL_TRY(vl_file_write(ctx, spill->file, zeros, (size_t)size, from));
        from += size;
    }
    return VELO_OK;
}

/* Make sure that so many bytes are fresh. Keeps US1. */
static velo_status
spill_grow(vl_ctx *ctx, vl_undo_spill *spill, uint64_t size)
{
    uint64_t from = atomic_load_explicit(&spill->allocated, memory_order_relaxed);
    uint64_t to = vl_align_up(spill->fresh + size, SPILL_STEP);

    if (from - spill->fresh >= size)
        return VELO_OK;
    if (spill->base != NULL && to > spill->reserved)
        return vl_fail(ctx, VELO_FULL,
                       "older versions of rows would take more than %llu bytes of a file, which is "
                       "all that the process can address",
                       (unsigned long long)spill->reserved);
    if (spill->file == NULL)
        VL_TRY(vl_file_open(ctx, spill->io, spill->folder, VL_OPEN_TEMPORARY, &spill->file));
    VL_TRY(spill_take_space(ctx, spill, from, to));
    if (spill->base == NULL)
        VL_TRY(spill_map(ctx, spill, to));
    else
        VL_TRY(vl_map_extend(ctx, &spill->map, to));
    atomic_store_explicit(&spill->allocated, to, memory_order_relaxed);
    return VELO_OK;
}

/* ---- blocks ---- */

/* Take a block of a class; the latch is held. */
static velo_status
spill_take(vl_ctx *ctx, vl_undo_spill *spill, uint32_t class, void **out)
{
    uint64_t size = spill_class_size(class);
    spill_free *block = spill->free[class];
    spill_head *head;

    if (block != NULL) {
        spill->free[class] = block->next;
        *out = block;
        return VELO_OK;
    }
    if (vl_undo_spill_size(spill) - spill->fresh < size) {
        if (ctx == NULL)
            return VELO_FULL;
        VL_TRY(spill_grow(ctx, spill, size));
    }
    head = (spill_head *)(void *)(spill->map.base + spill->fresh);
    head->class = class;
    head->unused = 0;
    spill->fresh += size;
    *out = head + 1;
    return VELO_OK;
}

velo_status
vl_undo_spill_alloc(vl_ctx *ctx, vl_undo_spill *spill, size_t size, void **out)
{
    uint32_t class = spill_class_of((uint64_t)size + VL_UNDO_SPILL_HEAD);
    velo_status st;

    *out = NULL;
    if (class == SPILL_CLASSES)
        return ctx == NULL ? VELO_FULL
                           : vl_fail(ctx, VELO_FULL, "an older version of %zu bytes", size);
    vl_latch_acquire_exclusive(&spill->latch);
    st = spill_take(ctx, spill, class, out);
    if (st == VELO_OK)
        atomic_fetch_add_explicit(&spill->used, spill_class_size(class), memory_order_relaxed);
    vl_latch_release_exclusive(&spill->latch);
    return st;
}

void
vl_undo_spill_free(vl_undo_spill *spill, void *block)
{
    spill_head *head = (spill_head *)block - 1;
    spill_free *link = block;
    uint32_t class;

    /* Written before it is read: the system brings one page in for that, and many for reading. */
    *(volatile uint64_t *)block = 0;
    class = head->class;
    VL_CHECK(class < SPILL_CLASSES);
    vl_latch_acquire_exclusive(&spill->latch);
    link->next = spill->free[class];
    spill->free[class] = link;
    atomic_fetch_sub_explicit(&spill->used, spill_class_size(class), memory_order_relaxed);
    vl_latch_release_exclusive(&spill->latch);
}

/* ---- tending ---- */

void
vl_undo_spill_touch(vl_undo_spill *spill, uint32_t count)
{
    if (VL_UNLIKELY(vl_undo_spill_used(spill) != 0))
        atomic_fetch_add_explicit(&spill->touches, count, memory_order_relaxed);
}

void
vl_undo_spill_settle(vl_undo_spill *spill)
{
    if (VL_LIKELY(atomic_load_explicit(&spill->touches, memory_order_relaxed) <
                  VL_UNDO_SPILL_TOUCHES))
        return;
    atomic_store_explicit(&spill->touches, 0, memory_order_relaxed); /* a rough count will do */
    vl_latch_acquire_shared(&spill->latch);
    vl_map_discard(&spill->map, 0, spill->fresh);
    vl_latch_release_shared(&spill->latch);
}

/* Nothing is in the file: give its space back. The latch is held. Keeps US3. */
static velo_status
spill_reset(vl_ctx *ctx, vl_undo_spill *spill)
{
    uint64_t end = vl_undo_spill_size(spill);
    int is_released = 0;

    memset((void *)spill->free, 0, sizeof spill->free);
    spill->fresh = 0;
    if (end <= SPILL_STEP)
        return VELO_OK; /* it is little, and may be wanted again soon */
    vl_map_discard(&spill->map, 0, end);
    VL_TRY(vl_file_punch(ctx, spill->file, 0, end, &is_released));
    if (is_released)
        atomic_store_explicit(&spill->allocated, 0, memory_order_relaxed);
    return VELO_OK;
}

velo_status
vl_undo_spill_tend(vl_ctx *ctx, vl_undo_spill *spill, int is_wanted)
{
    velo_status st = VELO_OK;

    vl_latch_acquire_exclusive(&spill->latch);
    if (vl_undo_spill_used(spill) == 0 && spill->fresh > 0)
        st = spill_reset(ctx, spill);
    if (st == VELO_OK && is_wanted)
        st = spill_grow(ctx, spill, SPILL_AHEAD);
    vl_latch_release_exclusive(&spill->latch);
    return st;
}
