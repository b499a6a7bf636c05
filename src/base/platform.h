/* platform.h - what differs between compilers, processors and builds, named once.
 *
 * Builds: VL_DEBUG turns assertions and latch ranks on, VL_TINY shrinks every constant so that rare
 * paths are taken all the time, VL_VERIFICATION adds slow checks of whole structures. */
#ifndef VL_BASE_PLATFORM_H
#define VL_BASE_PLATFORM_H

#include <stddef.h>
#include <stdint.h>

#if !defined(__GNUC__)
#error "VelociDB needs a compiler that understands GNU C attributes (gcc or clang)"
#endif

_Static_assert(sizeof(void *) == 8 && sizeof(size_t) == 8, "VelociDB needs a 64-bit system");
_Static_assert((unsigned char)-1 == 255, "VelociDB needs 8-bit bytes");

#define VL_MUST_CHECK        __attribute__((warn_unused_result))
#define VL_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define VL_NOINLINE          __attribute__((noinline))
#define VL_COLD              __attribute__((cold, noinline))
#define VL_PACKED            __attribute__((packed)) /* of an enum: a byte where it fits */
#define VL_LIKELY(x)         __builtin_expect(!!(x), 1)
#define VL_UNLIKELY(x)       __builtin_expect(!!(x), 0)

/* Size that two threads' data must be apart so as not to share a line; also the alignment of
 * headers and arrays that are searched. Apple's processors have 128, adjacent-line prefetch on x86
 * makes pairs: what many threads write in turn is aligned to VL_CONTENDED_ALIGN instead. */
#define VL_CACHE_LINE_SIZE 64
#define VL_CONTENDED_ALIGN 128

/* Number of elements of an array (not of a pointer). */
#define VL_ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Sanitizers: some code must know, because it races or poisons on purpose. */
#if defined(__SANITIZE_THREAD__)
#define VL_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define VL_TSAN 1
#endif
#endif
#ifndef VL_TSAN
#define VL_TSAN 0
#endif

#if defined(__SANITIZE_ADDRESS__)
#define VL_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VL_ASAN 1
#endif
#endif
#ifndef VL_ASAN
#define VL_ASAN 0
#endif

#ifndef VL_DEBUG
#define VL_DEBUG 0
#endif
#ifndef VL_TINY
#define VL_TINY 0
#endif
#ifndef VL_VERIFICATION
#define VL_VERIFICATION VL_TINY
#endif

/* Choose a constant by build: VL_BY_BUILD(16384, 512) is 16384, and 512 in the tiny build. */
#if VL_TINY
#define VL_BY_BUILD(normal, tiny) (tiny)
#else
#define VL_BY_BUILD(normal, tiny) (normal)
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define VL_LITTLE_ENDIAN 1
#else
#define VL_LITTLE_ENDIAN 0
#endif

/* Round up to a multiple of `align`, which is a power of two. The caller rules out overflow. */
static inline uint64_t
vl_align_up(uint64_t value, uint64_t align)
{
    return (value + (align - 1)) & ~(align - 1);
}

/* Round down to a multiple of `align`, which is a power of two. */
static inline uint64_t
vl_align_down(uint64_t value, uint64_t align)
{
    return value & ~(align - 1);
}

/* Whether exactly one bit is set. */
static inline int
vl_is_power_of_two(uint64_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

#endif
