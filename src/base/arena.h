/* arena.h - memory that is given back all at once.
 *
 * A statement, a batch or a transaction allocates from its arena and never frees; the end of the
 * thing resets the arena. Not for objects that hold more than memory. One thread at a time. */
#ifndef VL_BASE_ARENA_H
#define VL_BASE_ARENA_H

#include "base/alloc.h"
#include "base/platform.h"

typedef struct arena_chunk vl_arena_chunk;

typedef struct vl_arena {
    vl_allocator *allocator; /* where chunks come from */
    vl_arena_chunk *chunk;   /* the newest chunk, which links to older ones; NULL at first */
    char *next;              /* first free byte of the newest chunk */
    char *end;               /* its end */
    size_t chunk_size;       /* size of the next ordinary chunk, header included */
    size_t held_bytes;       /* sum of the sizes of all chunks */
} vl_arena;

/* A point to go back to; see vl_arena_rewind. */
typedef struct vl_arena_mark {
    vl_arena_chunk *chunk; /* newest chunk at that time */
    char *next;            /* first free byte at that time */
} vl_arena_mark;

/* Make an empty arena, which allocates nothing until it is used.
 *
 * allocator        borrowed; NULL for the process's default
 * first_chunk_size size of the first chunk in bytes (0 for a default); later ones double up to a
 *                  limit, which holds for the first as well; larger requests get a chunk of their
 *                  own */
void vl_arena_init(vl_arena *arena, vl_allocator *allocator, size_t first_chunk_size);

/* Say how large the next chunk is, at least. Those after it double again. */
void vl_arena_set_next_chunk(vl_arena *arena, size_t size);

/* Give all memory back. The arena may be used again. NULL is not allowed. */
void vl_arena_deinit(vl_arena *arena);

/* Allocate size bytes with undefined content, aligned to VL_ALLOC_ALIGN. NULL when there is no
 * memory; the arena is then as it was. */
void *vl_arena_alloc(vl_arena *arena, size_t size) VL_MUST_CHECK;

/* As vl_arena_alloc, aligned to `align`, a power of two up to 4096. */
void *vl_arena_alloc_aligned(vl_arena *arena, size_t size, size_t align) VL_MUST_CHECK;

/* Allocate count * size zeroed bytes; NULL also when the product is too large. */
void *vl_arena_alloc_array(vl_arena *arena, size_t count, size_t size) VL_MUST_CHECK;

/* Copy size bytes and add a 0 byte, so that a copied string ends. */
void *vl_arena_copy(vl_arena *arena, const void *data, size_t size) VL_MUST_CHECK;

/* Forget everything allocated. Keeps the newest ordinary chunk for the next use, so that a
 * statement that runs again does not allocate. */
void vl_arena_reset(vl_arena *arena);

/* Remember the present fill, and go back to it: what was allocated in between is forgotten. Marks
 * nest like a stack. */
vl_arena_mark vl_arena_get_mark(const vl_arena *arena);
void vl_arena_rewind(vl_arena *arena, vl_arena_mark mark);

#endif
