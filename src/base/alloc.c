/* alloc.c - the allocator: a header before each block, counters, a limit, planned failures.
 *
 *      raw                        block = raw + align
 *      | ... padding ... | owner | size and align |  size bytes  |
 *                        `------- header --------'
 *
 * Zeroed blocks come from calloc, which knows what the system gives as zeros already: large ones
 * cost nothing until they are used. It aligns nothing, so the padding is as long as it takes, and
 * the word before the header says where raw is (ALLOC_SHIFTED).
 *
 * Invariants
 *   L1  used_bytes is the sum of the sizes of all live blocks of the allocator, plus those that
 *       are being asked for. No request takes it past limit_bytes, not even for a moment: what is
 *       refused leaves no trace that could make another request fail.
 *   L2  A block's header is written before the block is handed out and read only by alloc.c. */
#include "base/alloc.h"

#include "base/assert.h"
#include "base/atomic.h"
#include "base/ctx.h"

#include <stdlib.h>
#include <string.h>

typedef struct alloc_header {
    vl_allocator *owner; /* whose counters it is in */
    uint64_t size_align; /* size << 8 | ALLOC_SHIFTED or 0 | log2 of the alignment */
} alloc_header;

_Static_assert(sizeof(alloc_header) == VL_ALLOC_ALIGN, "a header must keep the block aligned");

static vl_allocator alloc_default;

/* In size_align: raw is said before the header. */
#define ALLOC_SHIFTED 0x80U

/* Content of freed memory in debug builds: a pointer or a length read from it is conspicuous. */
#define ALLOC_FREED_BYTE 0xdb
#define ALLOC_FRESH_BYTE 0xca

static alloc_header *
alloc_header_of(const void *block)
{
    return (alloc_header *)((uintptr_t)block - sizeof(alloc_header));
}

/* Whether this request is one of those planned to fail. */
static int
alloc_is_failing(vl_allocator *allocator)
{
    uint64_t call = atomic_fetch_add_explicit(&allocator->call_count, 1, memory_order_relaxed) + 1;
    uint64_t from = atomic_load_explicit(&allocator->fail_from, memory_order_acquire);

    return VL_UNLIKELY(from != 0) && call >= from &&
           call < atomic_load_explicit(&allocator->fail_until, memory_order_relaxed);
}

/* Count size bytes as used unless the limit forbids it. Keeps L1. */
static int
alloc_charge(vl_allocator *allocator, uint64_t size)
{
    uint64_t limit = atomic_load_explicit(&allocator->limit_bytes, memory_order_relaxed);
    uint64_t used;

    if (limit == 0) {
        used = atomic_fetch_add_explicit(&allocator->used_bytes, size, memory_order_relaxed);
    } else {
        used = atomic_load_explicit(&allocator->used_bytes, memory_order_relaxed);
        do {
            if (used > limit || size > limit - used)
                return 0;
        } while (!atomic_compare_exchange_weak_explicit(&allocator->used_bytes, &used, used + size,
                                                        memory_order_relaxed,
                                                        memory_order_relaxed));
    }
    (void)vl_atomic_max(&allocator->peak_bytes, used + size);
    return 1;
}

static void
alloc_uncharge(vl_allocator *allocator, uint64_t size)
{
    atomic_fetch_sub_explicit(&allocator->used_bytes, size, memory_order_relaxed);
}

/* Get memory from the C library with room for a header in front of the block. Returns the block. */
static char *
alloc_raw(size_t size, size_t align)
{
    char *raw = align == VL_ALLOC_ALIGN
                    ? malloc(size + align)
                    : aligned_alloc(align, (size_t)vl_align_up(size + align, align));

    if (raw == NULL)
        return NULL;
#if VL_DEBUG
    memset(raw + align, ALLOC_FRESH_BYTE, size < 4096 ? size : 4096);
#endif
    return raw + align;
}

/* The same with zeros in it. *shifted receives ALLOC_SHIFTED or 0. */
static char *
alloc_raw_zero(size_t size, size_t align, unsigned *shifted)
{
    size_t before = sizeof(alloc_header) + sizeof(void *);
    char *raw, *block;

    *shifted = align > VL_ALLOC_ALIGN ? ALLOC_SHIFTED : 0;
    raw = calloc(1, size + (*shifted != 0 ? 2 * align : align));
    if (raw == NULL || *shifted == 0)
        return raw != NULL ? raw + align : NULL;
    block = raw + (vl_align_up((uintptr_t)raw + before, align) - (uintptr_t)raw);
    memcpy(block - before, &raw, sizeof raw);
    return block;
}

/* Where a block's memory begins. */
static void *
alloc_raw_of(char *block)
{
    uint64_t bits = alloc_header_of(block)->size_align;
    void *raw;

    if ((bits & ALLOC_SHIFTED) == 0)
        return block - ((size_t)1 << (bits & 0x7fU));
    memcpy(&raw, block - sizeof(alloc_header) - sizeof(void *), sizeof raw);
    return raw;
}

vl_allocator *
vl_allocator_default(void)
{
    return &alloc_default;
}

void
vl_allocator_init(vl_allocator *allocator)
{
    memset(allocator, 0, sizeof *allocator);
}

void
vl_allocator_set_limit(vl_allocator *allocator, uint64_t limit_bytes)
{
    atomic_store_explicit(&allocator->limit_bytes, limit_bytes, memory_order_relaxed);
}

void
vl_allocator_fail_nth(vl_allocator *allocator, uint64_t nth, uint64_t count)
{
    uint64_t calls = vl_counter(&allocator->call_count);
    uint64_t from = nth > UINT64_MAX - calls ? UINT64_MAX : calls + nth;

    /* Off first, and on by a release: who sees the new start sees its end. */
    atomic_store_explicit(&allocator->fail_from, 0, memory_order_relaxed);
    if (nth == 0)
        return;
    atomic_store_explicit(&allocator->fail_until,
                          count > UINT64_MAX - from ? UINT64_MAX : from + count,
                          memory_order_relaxed);
    atomic_store_explicit(&allocator->fail_from, from, memory_order_release);
}

static void *
alloc_block(vl_allocator *allocator, size_t size, size_t align, int is_zero)
{
    unsigned shifted = 0;
    alloc_header *header;
    char *block;

    if (align < VL_ALLOC_ALIGN)
        align = VL_ALLOC_ALIGN;
    VL_ASSERT(vl_is_power_of_two(align));
    if (alloc_is_failing(allocator) || size > VL_ALLOC_MAX_SIZE || align > VL_ALLOC_MAX_SIZE ||
        !alloc_charge(allocator, size)) {
        vl_count(&allocator->failed_count, 1);
        return NULL;
    }
    block = is_zero ? alloc_raw_zero(size, align, &shifted) : alloc_raw(size, align);
    if (block == NULL) {
        alloc_uncharge(allocator, size);
        vl_count(&allocator->failed_count, 1);
        return NULL;
    }
    vl_count(&allocator->block_count, 1);
    header = alloc_header_of(block);
    header->owner = allocator;
    header->size_align = ((uint64_t)size << 8) | shifted | (uint64_t)__builtin_ctzll(align);
    return block;
}

void *
vl_allocator_alloc(vl_allocator *allocator, size_t size, size_t align)
{
    return alloc_block(allocator, size, align, 0);
}

void *
vl_alloc(vl_ctx *ctx, size_t size)
{
    return vl_allocator_alloc(ctx->allocator, size, VL_ALLOC_ALIGN);
}

void *
vl_alloc_zero(vl_ctx *ctx, size_t size)
{
    return alloc_block(ctx->allocator, size, VL_ALLOC_ALIGN, 1);
}

void *
vl_alloc_aligned_zero(vl_ctx *ctx, size_t size, size_t align)
{
    return alloc_block(ctx->allocator, size, align, 1);
}

void *
vl_alloc_aligned(vl_ctx *ctx, size_t size, size_t align)
{
    return vl_allocator_alloc(ctx->allocator, size, align);
}

void *
vl_alloc_array(vl_ctx *ctx, size_t count, size_t size)
{
    size_t total;

    if (__builtin_mul_overflow(count, size, &total))
        total = VL_ALLOC_MAX_SIZE + 1; /* refused below, and counted as a failure */
    return vl_alloc_zero(ctx, total);
}

void *
vl_realloc(vl_ctx *ctx, void *block, size_t size)
{
    alloc_header *header;
    size_t old_size;
    void *moved;

    if (block == NULL)
        return vl_alloc(ctx, size);
    header = alloc_header_of(block);
    old_size = vl_alloc_size(block);
    moved = vl_allocator_alloc(header->owner, size, (size_t)1 << (header->size_align & 0x7fU));
    if (moved == NULL)
        return NULL;
    memcpy(moved, block, size < old_size ? size : old_size);
    vl_free(block);
    return moved;
}

void
vl_free(void *block)
{
    alloc_header *header;
    size_t size;
    void *raw;

    if (block == NULL)
        return;
    header = alloc_header_of(block);
    size = vl_alloc_size(block);
    raw = alloc_raw_of(block);
    alloc_uncharge(header->owner, size);
    atomic_fetch_sub_explicit(&header->owner->block_count, 1, memory_order_relaxed);
#if VL_DEBUG
    memset(block, ALLOC_FREED_BYTE, size < 4096 ? size : 4096);
    header->owner = NULL;
    /* Else the compiler drops writes to memory that is given back next. */
    __asm__ volatile("" ::"r"(block) : "memory");
#endif
    free(raw);
}

size_t
vl_alloc_size(const void *block)
{
    return (size_t)(alloc_header_of(block)->size_align >> 8);
}
