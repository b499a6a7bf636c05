/* alloc.h - heap memory: counted, limited, and made to fail on demand.
 *
 * Only alloc.c calls malloc. Every block belongs to an allocator, which knows how many bytes are
 * in use, refuses what would pass its limit, and can be told to fail the nth request: that is how
 * tests walk through every out-of-memory path. All functions here may be called by any thread. */
#ifndef VL_BASE_ALLOC_H
#define VL_BASE_ALLOC_H

#include "base/platform.h"
#include "base/status.h"

#include <stdatomic.h>

/* Every block is aligned to at least this many bytes. */
#define VL_ALLOC_ALIGN 16

/* No single block and no alignment is larger: keeps sums of sizes far from overflow. */
#define VL_ALLOC_MAX_SIZE ((size_t)1 << 46)

typedef struct vl_allocator {
    _Atomic uint64_t used_bytes;   /* asked for and not yet freed, without headers */
    _Atomic uint64_t peak_bytes;   /* the most that used_bytes has been */
    _Atomic uint64_t block_count;  /* blocks alive */
    _Atomic uint64_t call_count;   /* requests so far, failed ones included */
    _Atomic uint64_t failed_count; /* requests refused or failed so far */
    _Atomic uint64_t limit_bytes;  /* used_bytes never passes this; 0 for no limit */
    _Atomic uint64_t fail_from;    /* value of call_count from which requests fail; 0 for never */
    _Atomic uint64_t fail_until;   /* value of call_count from which they succeed again */
} vl_allocator;

/* The process's allocator, without a limit. Exists always. */
vl_allocator *vl_allocator_default(void);

/* Make an allocator with counters at zero and no limit. */
void vl_allocator_init(vl_allocator *allocator);

/* Set the most bytes that may be in use; 0 for no limit. What is in use already stays. */
void vl_allocator_set_limit(vl_allocator *allocator, uint64_t limit_bytes);

/* Let the nth request from now on fail (1 is the next), and the `count - 1` after it. A count of
 * UINT64_MAX fails all from there on; nth 0 ends the failing. */
void vl_allocator_fail_nth(vl_allocator *allocator, uint64_t nth, uint64_t count);

/* Allocate size bytes with undefined content, aligned to `align` (a power of two; less than
 * VL_ALLOC_ALIGN counts as that). A size of 0 gives a valid block. NULL when there is no memory. */
void *vl_allocator_alloc(vl_allocator *allocator, size_t size, size_t align) VL_MUST_CHECK;

/* Allocate from the context's allocator; free with vl_free. They record no error: the caller knows
 * what it wanted the memory for and says so with vl_fail(ctx, VELO_NOMEM, ...). */
void *vl_alloc(vl_ctx *ctx, size_t size) VL_MUST_CHECK;
void *vl_alloc_zero(vl_ctx *ctx, size_t size) VL_MUST_CHECK;
void *vl_alloc_aligned(vl_ctx *ctx, size_t size, size_t align) VL_MUST_CHECK;
void *vl_alloc_aligned_zero(vl_ctx *ctx, size_t size, size_t align) VL_MUST_CHECK;

/* Allocate count * size zeroed bytes; NULL also when the product is too large. */
void *vl_alloc_array(vl_ctx *ctx, size_t count, size_t size) VL_MUST_CHECK;

/* Change a block's size, keeping the content up to the smaller of both and the block's alignment
 * and allocator. `block` NULL allocates from the context's allocator. On failure NULL is returned
 * and the block is as it was. */
void *vl_realloc(vl_ctx *ctx, void *block, size_t size) VL_MUST_CHECK;

/* Give a block back to its allocator. NULL is allowed. */
void vl_free(void *block);

/* The size a block was allocated with, in bytes. */
size_t vl_alloc_size(const void *block);

#endif
