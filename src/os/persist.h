/* persist.h - stores that reach the medium of a mapping without the system: past the processor's
 * caches, or flushed out of them.
 *
 * Neither is durable before vl_persist_fence by the same thread; and after it only where the
 * mapping is persistent (vl_map.persist in io.h). Where the processor has no such instructions that
 * this library knows, vl_persist_is_supported is 0 and the others must not be called.
 *
 * Threads: all functions by any thread; a fence covers its own thread's stores only. */
#ifndef VL_OS_PERSIST_H
#define VL_OS_PERSIST_H

#include <stddef.h>

/* 1 when this processor's caches can be flushed by a program. */
int vl_persist_is_supported(void);

/* 1 when libpmem, if the library was built with it, says that a mapping is of persistent memory. */
int vl_persist_is_vouched(const void *at, size_t size);

/* Copy size bytes past the caches. Words of 8 bytes at addresses divisible by 8 are never torn. */
void vl_persist_store(void *to, const void *from, size_t size);

/* Begin to write the cache lines of [from, from + size) back. */
void vl_persist_flush(const void *from, size_t size);

/* Wait until what this thread stored and flushed has left the processor. */
void vl_persist_fence(void);

#endif
