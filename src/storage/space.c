/* space.c - three sets of blocks as bit arrays in chunks.
 *
 * Invariants
 *   F1  A block is free exactly when it is in no set (vl_space_verify counts).
 *   F2  While a checkpoint is in writing, a chunk's `writing` bits are valid if its barrier is the
 *       present one; otherwise its `writing` set is its `live` set, which has not changed since the
 *       barrier. space_touch makes them valid before either changes.
 *   F3  Blocks 0 and 1, those behind the file's end in the last chunk, and those that are held, are
 *       in no set and not free: `fixed` has their bits.
 *   F4  used_count of a chunk is the number of its blocks that are not free; free_count of the
 * space the sum of the rest. */
#include "storage/space.h"

#include "base/assert.h"
#include "storage/superblock.h"

#include <string.h>

#define SPACE_CHUNK_WORDS  ((uint32_t)VL_BY_BUILD(512, 2))
#define SPACE_CHUNK_BLOCKS ((uint64_t)SPACE_CHUNK_WORDS * 64U)

typedef struct space_chunk {
    uint64_t *live;      /* the sets, SPACE_CHUNK_WORDS each, one block of memory after another */
    uint64_t *durable;   /* changes places with writing when a checkpoint is durable */
    uint64_t *writing;   /* see F2 */
    uint64_t *fixed;     /* F3 */
    uint64_t barrier;    /* number of the checkpoint for which writing is valid */
    uint32_t used_count; /* F4 */
    void *memory;        /* what the four arrays lie in; owned */
} space_chunk;

struct vl_space {
    space_chunk *chunks;  /* owned */
    uint64_t chunk_count; /* chunks that exist */
    uint64_t block_count; /* blocks of the file */
    uint64_t free_count;  /* F4 */
    uint64_t cursor;      /* block at which the next search begins */
    uint64_t barrier;     /* number of the last barrier; 0 before the first */
    int is_writing;       /* a checkpoint is in writing */
};

static space_chunk *
space_chunk_of(const vl_space *space, uint64_t block)
{
    return &space->chunks[block / SPACE_CHUNK_BLOCKS];
}

/* Bits of a word that are in use. */
static uint64_t
space_used_word(const vl_space *space, const space_chunk *chunk, uint32_t word)
{
    uint64_t used = chunk->fixed[word] | chunk->live[word] | chunk->durable[word];

    if (space->is_writing && chunk->barrier == space->barrier)
        used |= chunk->writing[word];
    return used; /* where writing is not valid it is the live set: F2 */
}

/* Make a chunk's writing set valid. Keeps F2. */
static void
space_touch(const vl_space *space, space_chunk *chunk)
{
    if (!space->is_writing || chunk->barrier == space->barrier)
        return;
    memcpy(chunk->writing, chunk->live, SPACE_CHUNK_WORDS * sizeof *chunk->writing);
    chunk->barrier = space->barrier;
}

static uint32_t
space_count_used(const vl_space *space, const space_chunk *chunk)
{
    uint32_t count = 0;

    for (uint32_t word = 0; word < SPACE_CHUNK_WORDS; word++)
        count += (uint32_t)__builtin_popcountll(space_used_word(space, chunk, word));
    return count;
}

/* Put or clear the bits of a chunk's word in the named sets. Keeps F1, F2 and F4. */
static void
space_change_word(vl_space *space, space_chunk *chunk, uint32_t sets, uint32_t word, uint64_t bits,
                  int puts)
{
    uint64_t keep = puts ? UINT64_MAX : ~bits;
    uint64_t put = puts ? bits : 0;
    int before;
    int after;

    space_touch(space, chunk);
    before = __builtin_popcountll(space_used_word(space, chunk, word));
    if (sets == VL_SPACE_HELD)
        chunk->fixed[word] = (chunk->fixed[word] & keep) | put;
    else
        chunk->fixed[word] &= ~put; /* who is in a set is not held */
    if ((sets & VL_SPACE_LIVE) != 0)
        chunk->live[word] = (chunk->live[word] & keep) | put;
    if ((sets & VL_SPACE_DURABLE) != 0)
        chunk->durable[word] = (chunk->durable[word] & keep) | put;
    if ((sets & VL_SPACE_WRITING) != 0)
        chunk->writing[word] = (chunk->writing[word] & keep) | put;
    after = __builtin_popcountll(space_used_word(space, chunk, word));
    chunk->used_count = (uint32_t)((int)chunk->used_count + after - before);
    space->free_count -= (uint64_t)(int64_t)(after - before);
}

/* Bits [first, first + count) of a word. */
static uint64_t
space_mask(uint32_t first, uint64_t count)
{
    return (count >= 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1) << first;
}

/* Put or clear a run of blocks in the named sets. */
static void
space_change(vl_space *space, uint32_t sets, uint64_t address, uint64_t length, int puts)
{
    VL_ASSERT((sets & VL_SPACE_WRITING) == 0 || space->is_writing);
    VL_ASSERT(address >= VL_SUPER_COUNT && address <= space->block_count &&
              length <= space->block_count - address);
    while (length > 0) {
        uint32_t first = (uint32_t)(address % 64);
        uint64_t part = 64 - first < length ? 64 - first : length;

        space_change_word(space, space_chunk_of(space, address), sets,
                          (uint32_t)(address % SPACE_CHUNK_BLOCKS / 64), space_mask(first, part),
                          puts);
        address += part;
        length -= part;
    }
}

/* ---- creating and growing ---- */

static void
space_chunk_deinit(space_chunk *chunk)
{
    vl_free(chunk->memory);
    chunk->memory = NULL;
}

/* Make a chunk whose blocks are all fixed: neither free nor in a set. */
static int
space_chunk_init(vl_ctx *ctx, space_chunk *chunk)
{
    size_t size = SPACE_CHUNK_WORDS * sizeof(uint64_t);
    uint64_t *words = vl_alloc_aligned(ctx, 4 * size, VL_CACHE_LINE_SIZE);

    if (words == NULL)
        return 0;
    memset(words, 0, 4 * size);
    chunk->memory = words;
    chunk->live = words;
    chunk->durable = words + SPACE_CHUNK_WORDS;
    chunk->writing = words + (size_t)2 * SPACE_CHUNK_WORDS;
    chunk->fixed = words + (size_t)3 * SPACE_CHUNK_WORDS;
    chunk->barrier = 0;
    memset(chunk->fixed, 0xff, size);
    chunk->used_count = (uint32_t)SPACE_CHUNK_BLOCKS;
    return 1;
}

/* Fix or unfix the blocks [from, to). Keeps F3 and F4. */
static void
space_fix(vl_space *space, uint64_t from, uint64_t to, int is_fixed)
{
    for (uint64_t block = from; block < to;) {
        space_chunk *chunk = space_chunk_of(space, block);
        uint32_t first = (uint32_t)(block % 64);
        uint64_t part = 64 - first < to - block ? 64 - first : to - block;
        uint64_t bits = space_mask(first, part);
        uint64_t *word = &chunk->fixed[block % SPACE_CHUNK_BLOCKS / 64];

        VL_ASSERT(is_fixed || (*word & bits) == bits);
        *word = is_fixed ? *word | bits : *word & ~bits;
        if (is_fixed) {
            chunk->used_count += (uint32_t)part;
            space->free_count -= part;
        } else {
            chunk->used_count -= (uint32_t)part;
            space->free_count += part;
        }
        block += part;
    }
}

/* Make room for `count` chunks in the array, and the chunks. On failure nothing is changed but the
 * array's place. */
static int
space_add_chunks(vl_ctx *ctx, vl_space *space, uint64_t count)
{
    space_chunk *chunks;
    uint64_t made = space->chunk_count;

    if (count <= space->chunk_count)
        return 1;
    chunks = vl_alloc_array(ctx, count, sizeof *chunks);
    if (chunks == NULL)
        return 0;
    while (made < count && space_chunk_init(ctx, &chunks[made]))
        made++;
    if (made < count) {
        while (made > space->chunk_count)
            space_chunk_deinit(&chunks[--made]);
        vl_free(chunks);
        return 0;
    }
    if (space->chunk_count > 0)
        memcpy(chunks, space->chunks, space->chunk_count * sizeof *chunks);
    vl_free(space->chunks);
    space->chunks = chunks;
    space->chunk_count = count;
    return 1;
}

velo_status
vl_space_create(vl_ctx *ctx, uint64_t block_count, vl_space **out)
{
    vl_space *space = vl_alloc_zero(ctx, sizeof *space);
    velo_status st;

    *out = NULL;
    if (space == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the table of free space");
    space->block_count = VL_SUPER_COUNT;
    space->cursor = VL_SUPER_COUNT;
    st = vl_space_grow(ctx, space, block_count);
    if (st != VELO_OK) {
        vl_space_destroy(space);
        return st;
    }
    *out = space;
    return VELO_OK;
}

void
vl_space_destroy(vl_space *space)
{
    if (space == NULL)
        return;
    for (uint64_t i = 0; i < space->chunk_count; i++)
        space_chunk_deinit(&space->chunks[i]);
    vl_free(space->chunks);
    vl_free(space);
}

velo_status
vl_space_grow(vl_ctx *ctx, vl_space *space, uint64_t block_count)
{
    uint64_t chunk_count = block_count / SPACE_CHUNK_BLOCKS + 1;

    if (block_count <= space->block_count)
        return VELO_OK;
    if (!space_add_chunks(ctx, space, chunk_count))
        return vl_fail(ctx, VELO_NOMEM, "cannot enlarge the table of free space");
    space_fix(space, space->block_count, block_count, 0);
    space->block_count = block_count;
    return VELO_OK;
}

void
vl_space_shrink(vl_space *space, uint64_t block_count)
{
    VL_ASSERT(block_count >= vl_space_used_end(space));
    if (block_count >= space->block_count)
        return;
    space_fix(space, block_count, space->block_count, 1);
    space->block_count = block_count;
    if (space->cursor >= block_count)
        space->cursor = VL_SUPER_COUNT;
}

/* ---- counting ---- */

uint64_t
vl_space_block_count(const vl_space *space)
{
    return space->block_count;
}

uint64_t
vl_space_free_count(const vl_space *space)
{
    return space->free_count;
}

uint64_t
vl_space_used_end(const vl_space *space)
{
    uint64_t end = space->block_count;

    while (end > VL_SUPER_COUNT) {
        uint64_t block = end - 1;
        const space_chunk *chunk = space_chunk_of(space, block);
        uint32_t word = (uint32_t)(block % SPACE_CHUNK_BLOCKS / 64);
        uint64_t used = space_used_word(space, chunk, word) & space_mask(0, block % 64 + 1);

        if (used != 0)
            return block - block % 64 + 64 - (uint64_t)__builtin_clzll(used);
        end = block - block % 64;
    }
    return VL_SUPER_COUNT;
}

/* ---- searching ---- */

/* The first free block at or behind `from` and before `to`, or `to`. */
static uint64_t
space_find_free(const vl_space *space, uint64_t from, uint64_t to)
{
    while (from < to) {
        const space_chunk *chunk = space_chunk_of(space, from);
        uint32_t word = (uint32_t)(from % SPACE_CHUNK_BLOCKS / 64);
        uint64_t free_bits;

        if (chunk->used_count == SPACE_CHUNK_BLOCKS) {
            from = from - from % SPACE_CHUNK_BLOCKS + SPACE_CHUNK_BLOCKS;
            continue;
        }
        free_bits = ~space_used_word(space, chunk, word) & (UINT64_MAX << (from % 64));
        from -= from % 64;
        if (free_bits != 0) {
            from += (uint64_t)__builtin_ctzll(free_bits);
            return from < to ? from : to;
        }
        from += 64;
    }
    return to;
}

/* The first block in use at or behind `from` and before `to`, or `to`. */
static uint64_t
space_find_used(const vl_space *space, uint64_t from, uint64_t to)
{
    while (from < to) {
        const space_chunk *chunk = space_chunk_of(space, from);
        uint32_t word = (uint32_t)(from % SPACE_CHUNK_BLOCKS / 64);
        uint64_t used = space_used_word(space, chunk, word) & (UINT64_MAX << (from % 64));

        from -= from % 64;
        if (used != 0) {
            from += (uint64_t)__builtin_ctzll(used);
            return from < to ? from : to;
        }
        from += 64;
    }
    return to;
}

/* The start of the first run of `length` free blocks in [from, to), or `to`. */
static uint64_t
space_find_run(const vl_space *space, uint64_t from, uint64_t to, uint64_t length)
{
    for (;;) {
        uint64_t start = space_find_free(space, from, to);
        uint64_t end;

        if (to - start < length)
            return to;
        end = space_find_used(space, start, start + length);
        if (end == start + length)
            return start;
        from = end;
    }
}

int
vl_space_allocate(vl_space *space, uint32_t sets, uint32_t length, uint64_t *address)
{
    uint64_t end = space->block_count;
    uint64_t found;
    uint64_t first_end;

    VL_ASSERT(length > 0 && sets != 0);
    VL_ASSERT((sets & (VL_SPACE_LIVE | VL_SPACE_WRITING)) == sets || sets == VL_SPACE_HELD);
    *address = 0;
    if (space->free_count < length)
        return 0;
    found = space_find_run(space, space->cursor, end, length);
    if (found == end) {
        /* From the start, up to what the first search may have missed by beginning in a run. */
        first_end = end - space->cursor > length ? space->cursor + length : end;
        found = space_find_run(space, VL_SUPER_COUNT, first_end, length);
        if (found == first_end)
            return 0;
    }
    space_change(space, sets, found, length, 1);
    space->cursor = found + length < end ? found + length : VL_SUPER_COUNT;
    *address = found;
    return 1;
}

void
vl_space_rewind(vl_space *space)
{
    space->cursor = VL_SUPER_COUNT;
}

void
vl_space_add(vl_space *space, uint32_t sets, uint64_t address, uint32_t length)
{
    space_change(space, sets, address, length, 1);
}

void
vl_space_remove(vl_space *space, uint32_t sets, uint64_t address, uint32_t length)
{
    VL_ASSERT((sets & VL_SPACE_DURABLE) == 0);
#if VL_VERIFICATION
    for (uint64_t block = address; block < address + length; block++)
        VL_VERIFY((vl_space_sets_of(space, block) & sets) == sets);
#endif
    space_change(space, sets, address, length, 0);
}

/* ---- checkpoints ---- */

void
vl_space_begin_checkpoint(vl_space *space)
{
    VL_CHECK(!space->is_writing);
    space->barrier++;
    space->is_writing =
        1; /* no chunk has this barrier: all writing sets are their live sets (F2) */
}

void
vl_space_end_checkpoint(vl_space *space, int is_durable)
{
    VL_CHECK(space->is_writing);
    for (uint64_t i = 0; is_durable && i < space->chunk_count; i++) {
        space_chunk *chunk = &space->chunks[i];
        uint64_t *durable = chunk->durable;

        space_touch(space, chunk);
        chunk->durable = chunk->writing;
        chunk->writing = durable;
    }
    space->is_writing = 0;
    for (uint64_t i = 0; i < space->chunk_count; i++) {
        space_chunk *chunk = &space->chunks[i];
        uint32_t used = space_count_used(space, chunk);

        space->free_count += chunk->used_count - used; /* fewer now: a set has gone */
        chunk->used_count = used;
    }
}

/* ---- looking ---- */

uint64_t
vl_space_word(vl_space *space, uint32_t set, uint64_t index)
{
    space_chunk *chunk;
    uint32_t word = (uint32_t)(index % SPACE_CHUNK_WORDS);

    if (index / SPACE_CHUNK_WORDS >= space->chunk_count)
        return 0;
    chunk = &space->chunks[index / SPACE_CHUNK_WORDS];
    space_touch(space, chunk);
    if (set == VL_SPACE_LIVE)
        return chunk->live[word];
    if (set == VL_SPACE_DURABLE)
        return chunk->durable[word];
    return space->is_writing ? chunk->writing[word] : 0;
}

uint32_t
vl_space_sets_of(vl_space *space, uint64_t block)
{
    uint32_t sets = 0;

    if (block < VL_SUPER_COUNT)
        return VL_SPACE_LIVE | VL_SPACE_DURABLE | VL_SPACE_WRITING;
    if (block < space->block_count &&
        (space_chunk_of(space, block)->fixed[block % SPACE_CHUNK_BLOCKS / 64] >> (block % 64) &
         1) != 0)
        return VL_SPACE_HELD;
    for (uint32_t set = VL_SPACE_LIVE; set <= VL_SPACE_WRITING; set *= 2)
        if ((vl_space_word(space, set, block / 64) >> (block % 64) & 1) != 0)
            sets |= set;
    return sets;
}

void
vl_space_verify(vl_space *space)
{
    uint64_t free_count = 0;

    for (uint64_t i = 0; i < space->chunk_count; i++) {
        const space_chunk *chunk = &space->chunks[i];
        uint32_t used = space_count_used(space, chunk);

        VL_CHECK(used == chunk->used_count);
        free_count += SPACE_CHUNK_BLOCKS - used;
        for (uint32_t word = 0; word < SPACE_CHUNK_WORDS; word++)
            VL_CHECK((chunk->fixed[word] & (chunk->live[word] | chunk->durable[word])) == 0);
    }
    VL_CHECK(free_count == space->free_count);
}
