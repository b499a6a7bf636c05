/* volume_map.c - the table of free space on disk.
 *
 * A *chunk* is a block of bits, one for each block of its part of the file: set when the block is
 * in use. A chunk in which no block is in use has no image. Index pages list the chunks, each with
 * address, checksum and count of used blocks; the superblock's space_root refers to the first index
 * page, each one to the next. docs/file-format.md draws them.
 *
 * What is stored with checkpoint N is the set `writing` of N: neither what was written after its
 * barrier nor what N retires counts as used (hazard 7). It holds the table's own images too: the
 * new ones, and those of chunks that have not changed, which N takes over from N-1.
 *
 * So storing the table changes the table. The plan settles that in memory before anything is
 * written: a chunk that has changed gives up its old block and takes a new one, which may change
 * other chunks, until no more do. It ends since a chunk is changed once. Then the blocks of those
 * that are not used after all are given back.
 *
 * Invariants
 *   T1  Between checkpoints the stored table says what the set `durable` says; so a chunk has
 *       changed when its bits of `writing` and `durable` differ.
 *   T2  Blocks of stored images are in `live` and `durable`, so that a checkpoint begins with all
 *       of them. Blocks that a plan has taken are in `writing` only, and those that it gave up are
 *       out of `writing` only, until the checkpoint is durable. So abandoning it forgets the plan.
 *   T3  Nothing of a table read from a file is believed before it has been checked: an accepted one
 *       marks its own images, the superblock's roots and no block beyond the file as used, and no
 *       two of these are the same block. */
#include "base/assert.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "storage/volume_int.h"

#include <inttypes.h>

/* The bytes of an index page:
 *
 *     0  magic          8  "VeloFree"
 *     8  first_chunk    8  number of the chunk of the first entry
 *    16  entry_count    4
 *    20  zeros          4
 *    24  next_address   8  block of the next index page, 0 for none
 *    32  next_checksum  8
 *    40  zeros         24
 *    64  entries       24 each: address 8, checksum 8, used_count 4, zeros 4
 *
 * and zeros. All but the last page are full. */
#define MAP_HEADER_SIZE 64U
#define MAP_ENTRY_SIZE  24U
#define MAP_ROOT_HEIGHT 1U

static const uint8_t map_magic[8] = {'V', 'e', 'l', 'o', 'F', 'r', 'e', 'e'};

/* The superblocks count as used in the stored table. */
#define MAP_SUPER_BITS ((UINT64_C(1) << VL_SUPER_COUNT) - 1)

static const vl_free_image map_no_image = {0, 0};

uint64_t
vl_free_map_chunk_blocks(const vl_volume *volume)
{
    return (uint64_t)volume->block_size * 8;
}

uint64_t
vl_free_map_index_entries(const vl_volume *volume)
{
    return (volume->block_size - MAP_HEADER_SIZE) / MAP_ENTRY_SIZE;
}

/* Chunks of a file of so many blocks. */
static uint64_t
map_chunks_of(const vl_volume *volume, uint64_t block_count)
{
    uint64_t blocks = vl_free_map_chunk_blocks(volume);

    return (block_count + blocks - 1) / blocks;
}

/* Index pages for so many chunks. */
static uint64_t
map_indexes_of(const vl_volume *volume, uint64_t chunk_count)
{
    uint64_t entries = vl_free_map_index_entries(volume);

    return (chunk_count + entries - 1) / entries;
}

uint64_t
vl_free_map_max_images(const vl_volume *volume, uint64_t block_count)
{
    uint64_t chunks = map_chunks_of(volume, block_count);

    return chunks + map_indexes_of(volume, chunks);
}

/* ---- memory ---- */

velo_status
vl_free_map_reserve(vl_ctx *ctx, vl_volume *volume, uint64_t block_count)
{
    vl_free_map *map = &volume->map;
    uint64_t chunk_room = map_chunks_of(volume, block_count);
    uint64_t index_room = map_indexes_of(volume, chunk_room);
    vl_free_chunk *chunks;
    vl_free_image *index;
    vl_free_image *next;
    vl_free_map old;

    if (chunk_room <= map->chunk_room)
        return VELO_OK;
    chunks = vl_alloc_array(ctx, chunk_room, sizeof *chunks);
    index = vl_alloc_array(ctx, index_room, sizeof *index);
    next = vl_alloc_array(ctx, index_room, sizeof *next);
    if (chunks == NULL || index == NULL || next == NULL) {
        vl_free(chunks);
        vl_free(index);
        vl_free(next);
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the list of the free space's images");
    }
    vl_latch_acquire_exclusive(&volume->latch);
    old = *map;
    if (old.chunk_room > 0) {
        memcpy(chunks, old.chunks, old.chunk_room * sizeof *chunks);
        memcpy(index, old.index, old.index_room * sizeof *index);
        memcpy(next, old.next, old.index_room * sizeof *next);
    }
    map->chunks = chunks;
    map->index = index;
    map->next = next;
    map->chunk_room = chunk_room;
    map->index_room = index_room;
    vl_latch_release_exclusive(&volume->latch);
    vl_free(old.chunks);
    vl_free(old.index);
    vl_free(old.next);
    return VELO_OK;
}

void
vl_free_map_deinit(vl_free_map *map)
{
    vl_free(map->chunks);
    vl_free(map->index);
    vl_free(map->next);
    vl_free(map->buffer);
    memset(map, 0, sizeof *map);
}

/* ---- reading ---- */

static velo_status
map_fail(vl_ctx *ctx, const vl_volume *volume, const char *what)
{
    return vl_fail(ctx, VELO_CORRUPT, "\"%s\": the table of free space is damaged: %s",
                   vl_volume_path(volume), what);
}

static int
map_is_zero(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0)
            return 0;
    return 1;
}

/* Check an index page and take over its entries. `last` is one past the last chunk that the table
 * has. *next receives where the next page lies. Keeps T3. */
static velo_status
map_take_index(vl_ctx *ctx, vl_volume *volume, const uint8_t *page, uint64_t first, uint64_t last,
               vl_free_image *next)
{
    uint64_t most = vl_free_map_index_entries(volume);
    uint64_t count = last - first < most ? last - first : most;

    if (memcmp(page, map_magic, sizeof map_magic) != 0 || vl_load_le64(page + 8) != first ||
        vl_load_le32(page + 16) != count)
        return map_fail(ctx, volume, "an index page is not the one that belongs there");
    next->address = vl_load_le64(page + 24);
    next->checksum = vl_load_le64(page + 32);
    if ((next->address == 0) != (first + count == last) ||
        (next->address == 0 && next->checksum != 0) || vl_load_le32(page + 20) != 0 ||
        !map_is_zero(page + 40, MAP_HEADER_SIZE - 40) ||
        !map_is_zero(page + MAP_HEADER_SIZE + count * MAP_ENTRY_SIZE,
                     volume->block_size - MAP_HEADER_SIZE - count * MAP_ENTRY_SIZE))
        return map_fail(ctx, volume, "an index page has a bad header");
    for (uint64_t i = 0; i < count; i++) {
        const uint8_t *entry = page + MAP_HEADER_SIZE + i * MAP_ENTRY_SIZE;
        vl_free_chunk *chunk = &volume->map.chunks[first + i];

        memset(chunk, 0, sizeof *chunk);
        chunk->stored.address = vl_load_le64(entry);
        chunk->stored.checksum = vl_load_le64(entry + 8);
        chunk->stored_used = vl_load_le32(entry + 16);
        if (vl_load_le32(entry + 20) != 0 ||
            (chunk->stored.address == 0 &&
             (chunk->stored.checksum != 0 || chunk->stored_used != 0)))
            return map_fail(ctx, volume, "an index page has a bad entry");
    }
    return VELO_OK;
}

/* Read the chain of index pages. Its length follows from the file's. */
static velo_status
map_load_indexes(vl_ctx *ctx, vl_volume *volume, uint64_t chunk_count)
{
    const vl_root *root = &vl_volume_super(volume)->space_root;
    vl_free_map *map = &volume->map;
    vl_free_image image = {root->address, root->checksum};

    if (root->length != 1 || root->height != MAP_ROOT_HEIGHT)
        return map_fail(ctx, volume, "its root is not an index page");
    for (uint64_t i = 0; i < map_indexes_of(volume, chunk_count); i++) {
        vl_extent extent = {.address = image.address, .length = 1, .checksum = image.checksum};

        map->index[i] = image;
        VL_TRY(vl_volume_read(ctx, volume, &extent, map->buffer, "free space index", i));
        VL_TRY(map_take_index(ctx, volume, map->buffer, i * vl_free_map_index_entries(volume),
                              chunk_count, &image));
        map->index_count = i + 1;
        map->stored_count++;
    }
    return VELO_OK;
}

/* Put the used blocks of a word into the table. */
static void
map_add_word(vl_volume *volume, uint64_t block, uint64_t bits)
{
    while (bits != 0) {
        uint32_t first = (uint32_t)__builtin_ctzll(bits);
        uint64_t rest = ~(bits >> first);
        uint32_t length = rest == 0 ? 64 : (uint32_t)__builtin_ctzll(rest);

        vl_space_add(volume->space, VL_SPACE_LIVE | VL_SPACE_DURABLE, block + first, length);
        bits &= length == 64 ? 0 : ~(((UINT64_C(1) << length) - 1) << first);
    }
}

/* Check a chunk and put its used blocks into the table. Keeps T3. */
static velo_status
map_take_chunk(vl_ctx *ctx, vl_volume *volume, uint64_t number, const uint8_t *bytes)
{
    uint64_t block = number * vl_free_map_chunk_blocks(volume);
    uint64_t end = vl_volume_super(volume)->block_count;
    uint64_t used = 0;

    for (uint32_t at = 0; at < volume->block_size; at += 8, block += 64) {
        uint64_t bits = vl_load_le64(bytes + at);

        used += (uint64_t)__builtin_popcountll(bits);
        if (bits != 0 && (block >= end || (end - block < 64 && bits >> (end - block) != 0)))
            return map_fail(ctx, volume, "blocks beyond the file are in use");
        if (block == 0 && (bits & MAP_SUPER_BITS) != MAP_SUPER_BITS)
            return map_fail(ctx, volume, "the superblocks are free");
        map_add_word(volume, block, block == 0 ? bits & ~MAP_SUPER_BITS : bits);
    }
    if (used != volume->map.chunks[number].stored_used)
        return map_fail(ctx, volume, "a count of used blocks is wrong");
    return VELO_OK;
}

/* Read chunks from *from on, as many as make a batch, and move *from behind them. */
static velo_status
map_load_chunks(vl_ctx *ctx, vl_volume *volume, uint64_t *from, uint64_t chunk_count)
{
    vl_volume_read_item items[VL_FREE_BATCH];
    vl_free_map *map = &volume->map;
    uint32_t count = 0;

    memset(items, 0, sizeof items);
    for (; *from < chunk_count && count < VL_FREE_BATCH; (*from)++) {
        const vl_free_image *image = &map->chunks[*from].stored;

        if (image->address == 0)
            continue;
        items[count].extent.address = image->address;
        items[count].extent.length = 1;
        items[count].extent.checksum = image->checksum;
        items[count].buf = map->buffer + (size_t)count * volume->block_size;
        items[count].what = "free space";
        items[count].number = *from;
        count++;
    }
    VL_TRY(vl_volume_read_batch(ctx, volume, items, count));
    for (uint32_t i = 0; i < count; i++)
        VL_TRY(map_take_chunk(ctx, volume, items[i].number, items[i].buf));
    map->stored_count += count;
    return VELO_OK;
}

/* Take a run of blocks that must be in use out of `live`: 0 when one of them is not there, since it
 * is free or was taken out before. */
static int
map_claim(vl_volume *volume, uint64_t address, uint64_t length)
{
    for (uint64_t i = 0; i < length; i++) {
        if (address + i < VL_SUPER_COUNT || address + i >= vl_space_block_count(volume->space) ||
            (vl_space_sets_of(volume->space, address + i) & VL_SPACE_LIVE) == 0)
            return 0;
        vl_space_remove(volume->space, VL_SPACE_LIVE, address + i, 1);
    }
    return 1;
}

static int
map_claim_root(vl_volume *volume, const vl_root *root)
{
    return map_claim(volume, root->address, root->length);
}

static void
map_restore_root(vl_volume *volume, const vl_root *root)
{
    if (root->length > 0)
        vl_space_add(volume->space, VL_SPACE_LIVE, root->address, root->length);
}

/* Check that the table's images and the superblock's roots are in use and distinct, by taking each
 * out of `live` and putting all back. The last part of T3. */
static velo_status
map_check_own(vl_ctx *ctx, vl_volume *volume, uint64_t chunk_count)
{
    const vl_superblock *super = vl_volume_super(volume);
    const vl_free_map *map = &volume->map;
    int is_good = 1;

    for (uint64_t i = 0; i < map->index_count && is_good; i++)
        is_good = map_claim(volume, map->index[i].address, 1);
    for (uint64_t i = 0; i < chunk_count && is_good; i++)
        is_good =
            map_claim(volume, map->chunks[i].stored.address, map->chunks[i].stored.address != 0);
    if (!is_good)
        return map_fail(ctx, volume, "its own blocks are not in use, or are the same");
    if (!map_claim_root(volume, &super->map_root) || !map_claim_root(volume, &super->inflight_root))
        return map_fail(ctx, volume, "a root's blocks are not in use, or are another's");
    for (uint64_t i = 0; i < map->index_count; i++)
        vl_space_add(volume->space, VL_SPACE_LIVE, map->index[i].address, 1);
    for (uint64_t i = 0; i < chunk_count; i++)
        if (map->chunks[i].stored.address != 0)
            vl_space_add(volume->space, VL_SPACE_LIVE, map->chunks[i].stored.address, 1);
    map_restore_root(volume, &super->map_root);
    map_restore_root(volume, &super->inflight_root);
    return VELO_OK;
}

velo_status
vl_free_map_load(vl_ctx *ctx, vl_volume *volume)
{
    const vl_superblock *super = vl_volume_super(volume);
    uint64_t chunk_count = 0;
    uint64_t from = 0;
    velo_status st;

    volume->map.buffer =
        vl_alloc_aligned(ctx, (size_t)VL_FREE_BATCH * volume->block_size, VL_DIRECT_ALIGN);
    if (volume->map.buffer == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a buffer for the table of free space");
    VL_TRY(vl_free_map_reserve(ctx, volume, super->block_count));
    if (super->space_root.length != 0) {
        chunk_count = map_chunks_of(volume, super->block_count);
        VL_TRY(map_load_indexes(ctx, volume, chunk_count));
    }
    VL_TRY(vl_space_create(ctx, super->block_count, &volume->space));
    st = VELO_OK;
    while (st == VELO_OK && from < chunk_count)
        st = map_load_chunks(ctx, volume, &from, chunk_count);
    if (st == VELO_OK)
        st = map_check_own(ctx, volume, chunk_count);
    return st;
}

/* ---- planning ---- */

/* Whether a chunk's bits of the checkpoint in writing differ from what is stored: T1; or it is to
 * be stored elsewhere (vl_volume_settle_before). */
static int
map_has_changed(vl_volume *volume, uint64_t number)
{
    uint64_t words = vl_free_map_chunk_blocks(volume) / 64;

    if (volume->map.chunks[number].stored.address >= volume->map_end)
        return 1;
    for (uint64_t word = number * words; word < (number + 1) * words; word++)
        if (vl_space_word(volume->space, VL_SPACE_WRITING, word) !=
            vl_space_word(volume->space, VL_SPACE_DURABLE, word))
            return 1;
    return 0;
}

/* One past the last block that the checkpoint in writing uses. */
static uint64_t
map_used_end(vl_volume *volume)
{
    uint64_t word = (vl_space_block_count(volume->space) + 63) / 64;

    while (word-- > 0) {
        uint64_t bits = vl_space_word(volume->space, VL_SPACE_WRITING, word);

        if (bits != 0)
            return word * 64 + 64 - (uint64_t)__builtin_clzll(bits);
    }
    return VL_SUPER_COUNT;
}

static void
map_mark(vl_volume *volume, uint64_t address)
{
    volume->map.chunks[address / vl_free_map_chunk_blocks(volume)].is_changed = 1;
}

/* The checkpoint does without a stored image. Keeps T2. */
static void
map_give_up(vl_volume *volume, const vl_free_image *image)
{
    vl_space_remove(volume->space, VL_SPACE_WRITING, image->address, 1);
    map_mark(volume, image->address);
}

/* Take a block for an image of the checkpoint: 0 when there is none. Keeps T2. */
static int
map_take(vl_volume *volume, vl_free_image *image)
{
    vl_free_map *map = &volume->map;
    uint64_t chunk;

    if (!vl_space_allocate(volume->space, VL_SPACE_WRITING, 1, &image->address))
        return 0;
    chunk = image->address / vl_free_map_chunk_blocks(volume);
    map_mark(volume, image->address);
    if (map->next_chunks <= chunk)
        map->next_chunks = chunk + 1;
    /* From what is kept, so that what is available stays (V3 and V4 of volume_space.c). */
    map->taken_count++;
    VL_ASSERT(volume->kept_count > 0);
    volume->kept_count--;
    return 1;
}

/* Deal with a changed chunk. Returns 0 when there is no block for it; *is_moved says whether
 * anything was done. */
static int
map_plan_chunk(vl_volume *volume, uint64_t number, int *is_moved)
{
    vl_free_map *map = &volume->map;
    vl_free_chunk *chunk = &map->chunks[number];

    if (!chunk->is_planned) {
        chunk->is_planned = 1;
        chunk->next = map_no_image;
        chunk->next_used = 0;
        *is_moved = 1;
        if (chunk->stored.address != 0)
            map_give_up(volume, &chunk->stored);
    }
    /* Those behind the last one in use are not listed; a block taken later may bring them back. */
    if (chunk->next.address != 0 || number >= map->next_chunks)
        return 1;
    *is_moved = 1;
    return map_take(volume, &chunk->next);
}

/* Give back a block that the plan has taken. Its chunk has changed when it was taken. */
static void
map_untake(vl_volume *volume, vl_free_image *image)
{
    vl_space_remove(volume->space, VL_SPACE_WRITING, image->address, 1);
    *image = map_no_image;
    volume->map.taken_count--;
    volume->kept_count++;
}

/* Whether the checkpoint uses no block of a chunk. */
static int
map_is_unused(vl_volume *volume, uint64_t number)
{
    uint64_t words = vl_free_map_chunk_blocks(volume) / 64;

    for (uint64_t word = number * words; word < (number + 1) * words; word++)
        if (vl_space_word(volume->space, VL_SPACE_WRITING, word) != 0)
            return 0;
    return 1;
}

/* Do without images of chunks that are not used in the end, and without index pages for them.
 * Giving back a block may leave its own chunk unused. */
static void
map_plan_trim(vl_volume *volume)
{
    vl_free_map *map = &volume->map;
    int is_moved;

    do {
        is_moved = 0;
        for (uint64_t i = 0; i < map->next_chunks; i++) {
            vl_free_chunk *chunk = &map->chunks[i];

            if (!chunk->is_changed || chunk->next.address == 0 || !map_is_unused(volume, i))
                continue;
            map_untake(volume, &chunk->next);
            is_moved = 1;
        }
        map->next_chunks = map_chunks_of(volume, map_used_end(volume));
        while (map->next_indexes > map_indexes_of(volume, map->next_chunks)) {
            map_untake(volume, &map->next[--map->next_indexes]);
            is_moved = 1;
        }
    } while (is_moved);
}

/* Give up and take blocks until no further chunk changes. With the latch. Returns 0 when there are
 * not enough. */
static int
map_plan_blocks(vl_volume *volume)
{
    vl_free_map *map = &volume->map;
    int is_moved;

    map->is_planned = 1;
    map->next_chunks = map_chunks_of(volume, map_used_end(volume));
    for (uint64_t i = 0; i < map->index_count; i++)
        map_give_up(volume, &map->index[i]);
    do {
        is_moved = 0;
        for (uint64_t i = 0; i < map->chunk_room; i++)
            if (map->chunks[i].is_changed && !map_plan_chunk(volume, i, &is_moved))
                return 0;
        while (map->next_indexes < map_indexes_of(volume, map->next_chunks)) {
            if (!map_take(volume, &map->next[map->next_indexes]))
                return 0;
            map->next_indexes++;
            is_moved = 1;
        }
    } while (is_moved);
    map_plan_trim(volume);
    return 1;
}

velo_status
vl_free_map_plan(vl_ctx *ctx, vl_volume *volume)
{
    vl_free_map *map = &volume->map;
    int is_any = 0;
    int is_planned = 1;
    int is_end = 0;

    VL_ASSERT(!map->is_planned && map->taken_count == 0);
    for (uint64_t i = 0; !is_end; i++) { /* the latch is for moments: one chunk each time */
        vl_latch_acquire_exclusive(&volume->latch);
        is_end = i >= map->chunk_room;
        if (!is_end && map_has_changed(volume, i)) {
            map->chunks[i].is_changed = 1;
            is_any = 1;
        }
        vl_latch_release_exclusive(&volume->latch);
    }
    if (is_any) {
        vl_latch_acquire_exclusive(&volume->latch);
        is_planned = map_plan_blocks(volume);
        vl_latch_release_exclusive(&volume->latch);
    }
    if (!is_planned)
        return vl_fail(ctx, VELO_FULL, "\"%s\": no space is left for the table of free space",
                       vl_volume_path(volume));
    return VELO_OK;
}

/* ---- writing ---- */

/* Fill in a chunk's bytes, and count its used blocks. */
static void
map_put_chunk(vl_volume *volume, uint64_t number, uint8_t *bytes)
{
    uint64_t words = vl_free_map_chunk_blocks(volume) / 64;
    vl_free_chunk *chunk = &volume->map.chunks[number];

    chunk->next_used = 0;
    for (uint64_t i = 0; i < words; i++) {
        uint64_t bits = vl_space_word(volume->space, VL_SPACE_WRITING, number * words + i);

        if (number == 0 && i == 0)
            bits |= MAP_SUPER_BITS;
        chunk->next_used += (uint32_t)__builtin_popcountll(bits);
        vl_store_le64(bytes + i * 8, bits);
    }
}

/* Write changed chunks from *from on, as many as make a batch, and move *from behind them. */
static velo_status
map_write_chunks(vl_ctx *ctx, vl_volume *volume, uint64_t *from)
{
    vl_volume_write_item items[VL_FREE_BATCH];
    uint64_t numbers[VL_FREE_BATCH];
    vl_free_map *map = &volume->map;
    uint32_t count = 0;

    memset(items, 0, sizeof items);
    for (; *from < map->next_chunks && count < VL_FREE_BATCH; (*from)++) {
        uint8_t *bytes = map->buffer + (size_t)count * volume->block_size;

        vl_latch_acquire_exclusive(&volume->latch);
        if (map->chunks[*from].is_changed && map->chunks[*from].next.address != 0) {
            map_put_chunk(volume, *from, bytes);
            items[count].address = map->chunks[*from].next.address;
            items[count].length = 1;
            items[count].buf = bytes;
            numbers[count++] = *from;
        }
        vl_latch_release_exclusive(&volume->latch);
    }
    VL_TRY(vl_volume_write_batch(ctx, volume, items, count));
    vl_latch_acquire_exclusive(&volume->latch);
    for (uint32_t i = 0; i < count; i++)
        map->chunks[numbers[i]].next.checksum = items[i].checksum;
    vl_latch_release_exclusive(&volume->latch);
    return VELO_OK;
}

/* Fill in an index page's bytes; the next one's checksum is known already. */
static void
map_put_index(vl_volume *volume, uint64_t number, uint8_t *page)
{
    const vl_free_map *map = &volume->map;
    uint64_t most = vl_free_map_index_entries(volume);
    uint64_t first = number * most;
    uint64_t count = map->next_chunks - first < most ? map->next_chunks - first : most;

    memset(page, 0, volume->block_size);
    memcpy(page, map_magic, sizeof map_magic);
    vl_store_le64(page + 8, first);
    vl_store_le32(page + 16, (uint32_t)count);
    if (number + 1 < map->next_indexes) {
        vl_store_le64(page + 24, map->next[number + 1].address);
        vl_store_le64(page + 32, map->next[number + 1].checksum);
    }
    for (uint64_t i = 0; i < count; i++) {
        uint8_t *entry = page + MAP_HEADER_SIZE + i * MAP_ENTRY_SIZE;
        const vl_free_chunk *chunk = &map->chunks[first + i];
        const vl_free_image *image = chunk->is_changed ? &chunk->next : &chunk->stored;

        vl_store_le64(entry, image->address);
        vl_store_le64(entry + 8, image->checksum);
        vl_store_le32(entry + 16, chunk->is_changed ? chunk->next_used : chunk->stored_used);
    }
}

/* Write index pages before *end, as many as make a batch, and move *end to the first of them. The
 * last one goes first, since the others carry the checksum of the next. */
static velo_status
map_write_indexes(vl_ctx *ctx, vl_volume *volume, uint64_t *end)
{
    vl_volume_write_item items[VL_FREE_BATCH];
    vl_free_map *map = &volume->map;
    uint32_t count = 0;

    memset(items, 0, sizeof items);
    for (; *end > 0 && count < VL_FREE_BATCH; (*end)--) {
        uint8_t *page = map->buffer + (size_t)count * volume->block_size;
        vl_free_image *image;

        vl_latch_acquire_exclusive(&volume->latch);
        image = &map->next[*end - 1];
        map_put_index(volume, *end - 1, page);
        image->checksum = vl_hash64(page, volume->block_size, image->address);
        items[count].address = image->address;
        vl_latch_release_exclusive(&volume->latch);
        items[count].length = 1;
        items[count].buf = page;
        count++;
    }
    return vl_volume_write_batch(ctx, volume, items, count);
}

velo_status
vl_free_map_write(vl_ctx *ctx, vl_volume *volume, vl_superblock *super)
{
    vl_free_map *map = &volume->map;
    uint64_t from = 0;
    uint64_t end = map->next_indexes;

    if (!map->is_planned)
        return VELO_OK;
    while (from < map->next_chunks)
        VL_TRY(map_write_chunks(ctx, volume, &from));
    while (end > 0)
        VL_TRY(map_write_indexes(ctx, volume, &end));
    vl_latch_acquire_exclusive(&volume->latch);
    super->block_count = map_used_end(volume);
    super->space_root.address = map->next[0].address;
    super->space_root.length = 1;
    super->space_root.height = MAP_ROOT_HEIGHT;
    super->space_root.checksum = map->next[0].checksum;
    vl_latch_release_exclusive(&volume->latch);
    return VELO_OK;
}

/* ---- the end ---- */

/* A stored image makes way for its successor. Keeps T2. */
static void
map_replace(vl_volume *volume, vl_free_image *stored, const vl_free_image *next)
{
    if (stored->address != 0) {
        vl_space_remove(volume->space, VL_SPACE_LIVE, stored->address, 1);
        volume->map.stored_count--;
    }
    *stored = *next;
    if (stored->address != 0) {
        vl_space_add(volume->space, VL_SPACE_LIVE, stored->address, 1);
        volume->map.stored_count++;
    }
}

void
vl_free_map_end(vl_volume *volume, int is_durable)
{
    vl_free_map *map = &volume->map;
    uint64_t count = map->index_count > map->next_indexes ? map->index_count : map->next_indexes;
    int is_new = is_durable && map->is_planned;

    for (uint64_t i = 0; i < map->chunk_room; i++) {
        vl_free_chunk *chunk = &map->chunks[i];

        if (is_new && chunk->is_changed) {
            map_replace(volume, &chunk->stored, &chunk->next);
            chunk->stored_used = chunk->next_used;
        }
        chunk->is_changed = 0;
        chunk->is_planned = 0;
    }
    for (uint64_t i = 0; i < count && is_new; i++)
        map_replace(volume, &map->index[i], i < map->next_indexes ? &map->next[i] : &map_no_image);
    if (is_new)
        map->index_count = map->next_indexes;
    map->next_chunks = 0;
    map->next_indexes = 0;
    map->taken_count = 0;
    map->is_planned = 0;
}
