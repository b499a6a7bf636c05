/* arena.c - bump allocation from a list of chunks.
 *
 * Invariants
 *   A1  next and end lie in the newest chunk, or both are NULL and there is no chunk.
 *   A2  Under the address sanitizer every byte between next and end is poisoned, so that use of
 *       memory after a reset or rewind is found like any use after free. */
#include "base/arena.h"

#include "base/assert.h"

#include <string.h>

#if VL_ASAN
#include <sanitizer/asan_interface.h>
#define ARENA_POISON(from, size)   ASAN_POISON_MEMORY_REGION(from, size)
#define ARENA_UNPOISON(from, size) ASAN_UNPOISON_MEMORY_REGION(from, size)
#else
#define ARENA_POISON(from, size)   ((void)(from), (void)(size))
#define ARENA_UNPOISON(from, size) ((void)(from), (void)(size))
#endif

struct arena_chunk {
    struct arena_chunk *older; /* chunk that was the newest before, or NULL */
    size_t size;               /* of the whole chunk, this header included */
};

#define ARENA_DEFAULT_CHUNK ((size_t)VL_BY_BUILD(4096, 128))
#define ARENA_LARGEST_CHUNK ((size_t)VL_BY_BUILD(1 << 20, 512))
#define ARENA_MAX_ALIGN     4096U

_Static_assert(sizeof(struct arena_chunk) % VL_ALLOC_ALIGN == 0, "content must start aligned");

/* Keeps A2 after next or the chunk has changed. */
static void
arena_poison_rest(vl_arena *arena)
{
    ARENA_POISON(arena->next, (size_t)(arena->end - arena->next));
}

/* Make a new newest chunk with room for size bytes at the given alignment. */
static int
arena_grow(vl_arena *arena, size_t size, size_t align)
{
    size_t need;
    size_t chunk_size = arena->chunk_size;
    vl_arena_chunk *chunk;

    if (size > VL_ALLOC_MAX_SIZE - 2 * (size_t)ARENA_MAX_ALIGN)
        return 0;
    need = sizeof *chunk + size + (align - 1);
    if (chunk_size < need)
        chunk_size = need;
    chunk = vl_allocator_alloc(arena->allocator, chunk_size, VL_ALLOC_ALIGN);
    if (chunk == NULL)
        return 0;
    chunk->older = arena->chunk;
    chunk->size = chunk_size;
    arena->chunk = chunk;
    arena->next = (char *)(chunk + 1);
    arena->end = (char *)chunk + chunk_size;
    arena->held_bytes += chunk_size;
    if (arena->chunk_size < ARENA_LARGEST_CHUNK / 2)
        arena->chunk_size *= 2;
    else
        arena->chunk_size = ARENA_LARGEST_CHUNK;
    arena_poison_rest(arena);
    return 1;
}

/* Give back the newest chunk; the one before becomes the newest, taken as full. */
static void
arena_drop_newest(vl_arena *arena)
{
    vl_arena_chunk *chunk = arena->chunk;

    arena->chunk = chunk->older;
    arena->held_bytes -= chunk->size;
    ARENA_UNPOISON(chunk, chunk->size);
    vl_free(chunk);
    arena->end = arena->chunk == NULL ? NULL : (char *)arena->chunk + arena->chunk->size;
    arena->next = arena->end;
}

void
vl_arena_init(vl_arena *arena, vl_allocator *allocator, size_t first_chunk_size)
{
    memset(arena, 0, sizeof *arena);
    arena->allocator = allocator != NULL ? allocator : vl_allocator_default();
    if (first_chunk_size == 0)
        first_chunk_size = ARENA_DEFAULT_CHUNK;
    if (first_chunk_size > ARENA_LARGEST_CHUNK)
        first_chunk_size = ARENA_LARGEST_CHUNK;
    arena->chunk_size = (size_t)vl_align_up(first_chunk_size, VL_ALLOC_ALIGN);
}

void
vl_arena_set_next_chunk(vl_arena *arena, size_t size)
{
    VL_ASSERT(size > 0 && size <= ARENA_LARGEST_CHUNK);
    arena->chunk_size = (size_t)vl_align_up(size, VL_ALLOC_ALIGN);
}

void
vl_arena_deinit(vl_arena *arena)
{
    while (arena->chunk != NULL)
        arena_drop_newest(arena);
}

void *
vl_arena_alloc_aligned(vl_arena *arena, size_t size, size_t align)
{
    uintptr_t start = vl_align_up((uintptr_t)arena->next, align);
    char *result;

    VL_ASSERT(vl_is_power_of_two(align) && align <= ARENA_MAX_ALIGN);
    if (start > (uintptr_t)arena->end || size > (uintptr_t)arena->end - start || start == 0) {
        if (!arena_grow(arena, size, align))
            return NULL;
        start = vl_align_up((uintptr_t)arena->next, align);
    }
    result = arena->next + (start - (uintptr_t)arena->next);
    arena->next = result + size;
    ARENA_UNPOISON(result, size);
    VL_ASSERT(arena->next <= arena->end);
    return result;
}

/* vl_arena_alloc, in place for most. */
static inline void *
arena_take(vl_arena *arena, size_t size)
{
    uintptr_t start = vl_align_up((uintptr_t)arena->next, VL_ALLOC_ALIGN);
    char *result;

    if (VL_UNLIKELY(start > (uintptr_t)arena->end || size > (uintptr_t)arena->end - start ||
                    start == 0))
        return vl_arena_alloc_aligned(arena, size, VL_ALLOC_ALIGN);
    result = arena->next + (start - (uintptr_t)arena->next);
    arena->next = result + size;
    ARENA_UNPOISON(result, size);
    return result;
}

void *
vl_arena_alloc(vl_arena *arena, size_t size)
{
    return arena_take(arena, size);
}

void *
vl_arena_alloc_array(vl_arena *arena, size_t count, size_t size)
{
    size_t total;
    void *result;

    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    result = arena_take(arena, total);
    if (result != NULL)
        memset(result, 0, total);
    return result;
}

void *
vl_arena_copy(vl_arena *arena, const void *data, size_t size)
{
    char *copy = size < SIZE_MAX ? vl_arena_alloc(arena, size + 1) : NULL;

    if (copy == NULL)
        return NULL;
    if (size > 0)
        memcpy(copy, data, size);
    copy[size] = '\0';
    return copy;
}

void
vl_arena_reset(vl_arena *arena)
{
    vl_arena_chunk *kept = arena->chunk;

    if (kept != NULL && kept->older == NULL && kept->size <= ARENA_LARGEST_CHUNK) {
        arena->next = (char *)(kept + 1); /* as mostly: there is nothing to give back */
        arena_poison_rest(arena);
        return;
    }
    /* Single large requests are not worth keeping. */
    while (arena->chunk != NULL && arena->chunk->size > ARENA_LARGEST_CHUNK)
        arena_drop_newest(arena);
    kept = arena->chunk;
    if (kept == NULL)
        return;
    arena->chunk = kept->older;
    arena->held_bytes -= kept->size;
    vl_arena_deinit(arena);
    kept->older = NULL;
    arena->chunk = kept;
    arena->held_bytes = kept->size;
    arena->next = (char *)(kept + 1);
    arena->end = (char *)kept + kept->size;
    arena_poison_rest(arena);
}

vl_arena_mark
vl_arena_get_mark(const vl_arena *arena)
{
    vl_arena_mark mark = {arena->chunk, arena->next};

    return mark;
}

void
vl_arena_rewind(vl_arena *arena, vl_arena_mark mark)
{
    while (arena->chunk != mark.chunk) {
        VL_ASSERT(arena->chunk != NULL);
        arena_drop_newest(arena);
    }
    if (arena->chunk == NULL)
        return;
    VL_ASSERT(mark.next >= (char *)(arena->chunk + 1) && mark.next <= arena->end);
    arena->next = mark.next;
    arena_poison_rest(arena);
}
