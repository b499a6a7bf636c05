/* persist.c - stores past the processor's caches, flushes of cache lines, and the fence.
 *
 * On x86-64 everything here is in the baseline (SSE2): non-temporal stores go to the memory
 * controller's buffers, clflush is ordered among stores, and sfence waits for both. What has
 * reached the controller survives a power cut on platforms with persistent memory (ADR), which is
 * what MAP_SYNC presupposes.
 *
 * On arm64 with DC CVAP (ARMv8.2, which the system tells) words are stored as ever, and their lines
 * are cleaned to the point of persistence; dsb waits for that.
 *
 * Invariants
 *   N1  No byte outside of the range is written; words inside are written once, whole.
 *   N2  Bytes at the ends that fill no word go through the cache, and their lines are flushed. */
#include "os/persist.h"

#include "base/assert.h"
#include "base/platform.h"

#include <stdint.h>
#include <string.h>

#ifndef VL_HAVE_PMEM
#define VL_HAVE_PMEM 0
#endif

#if VL_HAVE_PMEM

#include <libpmem.h>

int
vl_persist_is_vouched(const void *at, size_t size)
{
    return pmem_is_pmem(at, size);
}

#else

int
vl_persist_is_vouched(const void *at, size_t size)
{
    (void)at;
    (void)size;
    return 0;
}

#endif

#if defined(__x86_64__)

#include <emmintrin.h>

int
vl_persist_is_supported(void)
{
    return 1;
}

/* Store words while `to` is not divisible by 16, and two at a time then. Returns how many bytes. */
static size_t
persist_store_words(uint8_t *to, const uint8_t *from, size_t size)
{
    size_t at = 0;

    while (size - at >= 8) {
        if ((uintptr_t)(to + at) % 16 == 0 && size - at >= 16) {
            _mm_stream_si128((__m128i *)(void *)(to + at),
                             _mm_loadu_si128((const __m128i *)(const void *)(from + at)));
            at += 16;
        } else {
            long long word;

            memcpy(&word, from + at, sizeof word);
            _mm_stream_si64((long long *)(void *)(to + at), word);
            at += 8;
        }
    }
    return at;
}

void
vl_persist_store(void *to, const void *from, size_t size)
{
    uint8_t *out = to;
    const uint8_t *in = from;
    size_t head = (size_t)(-(uintptr_t)out & 7);
    size_t at;

    if (head > size)
        head = size;
    if (head != 0) {
        memcpy(out, in, head);
        vl_persist_flush(out, head); /* keeps N2 */
    }
    at = head + persist_store_words(out + head, in + head, size - head);
    if (at != size) {
        memcpy(out + at, in + at, size - at);
        vl_persist_flush(out + at, size - at); /* keeps N2 */
    }
}

void
vl_persist_flush(const void *from, size_t size)
{
    const uint8_t *bytes = from;
    const uint8_t *line = bytes - (uintptr_t)bytes % VL_CACHE_LINE_SIZE;

    for (; line < bytes + size; line += VL_CACHE_LINE_SIZE)
        _mm_clflush(line);
}

void
vl_persist_fence(void)
{
    _mm_sfence();
}

#elif defined(__aarch64__) && defined(__linux__)

#include <asm/hwcap.h>
#include <sys/auxv.h>

int
vl_persist_is_supported(void)
{
    return (getauxval(AT_HWCAP) & HWCAP_DCPOP) != 0;
}

void
vl_persist_store(void *to, const void *from, size_t size)
{
    volatile uint8_t *out = to;
    const uint8_t *in = from;
    size_t at = 0;

    while (at < size && (uintptr_t)(out + at) % 8 != 0) {
        out[at] = in[at];
        at++;
    }
    for (; size - at >= 8; at += 8) {
        uint64_t word;

        memcpy(&word, in + at, sizeof word);
        *(volatile uint64_t *)(volatile void *)(out + at) = word; /* whole: keeps N1 */
    }
    for (; at < size; at++)
        out[at] = in[at];
    vl_persist_flush(to, size);
}

void
vl_persist_flush(const void *from, size_t size)
{
    uintptr_t end = (uintptr_t)from + size;
    uint64_t type;
    uintptr_t line_size;

    __asm__("mrs %0, ctr_el0" : "=r"(type));
    line_size = (uintptr_t)4 << (type >> 16 & 15);
    for (uintptr_t line = vl_align_down((uintptr_t)from, line_size); line < end; line += line_size)
        __asm__ volatile("sys #3, C7, C12, #1, %0" : : "r"(line) : "memory"); /* DC CVAP */
}

void
vl_persist_fence(void)
{
    __asm__ volatile("dsb sy" : : : "memory");
}

#else

int
vl_persist_is_supported(void)
{
    return 0;
}

void
vl_persist_store(void *to, const void *from, size_t size)
{
    VL_ASSERT(!"no persistent memory on this processor");
    memcpy(to, from, size);
}

void
vl_persist_flush(const void *from, size_t size)
{
    VL_ASSERT(!"no persistent memory on this processor");
    (void)from;
    (void)size;
}

void
vl_persist_fence(void)
{
    VL_ASSERT(!"no persistent memory on this processor");
}

#endif
