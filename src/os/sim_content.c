/* sim_content.c - bytes of simulated files: blocks shared between versions, copied on change.
 *
 * A file's current and durable state and those of all clones mostly hold the same bytes. So a
 * content is a table of blocks, each counted, and contents themselves are counted: a sync and a
 * clone copy a pointer, and the first change after it copies the table and the blocks it touches.
 *
 * Invariants
 *   C1  A content or block that more than one holder refers to is not changed. Counts are atomic,
 *       since clones may be used by other threads; whoever finds a count of 1 is its only holder.
 *   C2  Bytes of a block beyond the file's end are zeros, except between vl_sim_content_put and the
 *       resize that follows it.
 *   C3  sim_content_zero stands for a block that is allocated and was never written. It is not
 * counted and not changed. */
#include "os/sim_int.h"

#include "base/assert.h"
#include "base/hash.h"

#include <errno.h>
#include <string.h>

static vl_sim_block sim_content_zero; /* see C3 */

/* ---- counted bytes and arrays ---- */

vl_sim_bytes *
vl_sim_bytes_create(vl_allocator *allocator, const void *data, size_t size)
{
    vl_sim_bytes *bytes = NULL;

    VL_ASSERT(size < UINT32_MAX);
    bytes = vl_allocator_alloc(allocator, sizeof *bytes + size + 1, VL_ALLOC_ALIGN);
    if (bytes == NULL)
        return NULL;
    atomic_init(&bytes->refs, 1);
    bytes->size = (uint32_t)size;
    if (data != NULL)
        memcpy(bytes->data, data, size);
    bytes->data[size] = 0;
    return bytes;
}

vl_sim_bytes *
vl_sim_bytes_share(vl_sim_bytes *bytes)
{
    if (bytes != NULL)
        atomic_fetch_add_explicit(&bytes->refs, 1, memory_order_relaxed);
    return bytes;
}

void
vl_sim_bytes_release(vl_sim_bytes *bytes)
{
    if (bytes != NULL && atomic_fetch_sub_explicit(&bytes->refs, 1, memory_order_acq_rel) == 1)
        vl_free(bytes);
}

void *
vl_sim_array_reserve(vl_allocator *allocator, void *array, uint32_t used, uint32_t *capacity,
                     uint32_t needed, size_t element_size)
{
    uint32_t grown = *capacity < 4 ? 4 : *capacity * 2;
    void *copy;

    if (needed <= *capacity && array != NULL)
        return array;
    if (grown < needed)
        grown = needed;
    copy = vl_allocator_alloc(allocator, grown * element_size, VL_ALLOC_ALIGN);
    if (copy == NULL)
        return NULL;
    if (used > 0 && array != NULL)
        memcpy(copy, array, used * element_size);
    vl_free(array);
    *capacity = grown;
    return copy;
}

/* ---- blocks ---- */

static vl_sim_block *
sim_content_block_share(vl_sim_block *block)
{
    if (block != NULL && block != &sim_content_zero)
        atomic_fetch_add_explicit(&block->refs, 1, memory_order_relaxed);
    return block;
}

static void
sim_content_block_release(vl_sim_block *block)
{
    if (block != NULL && block != &sim_content_zero &&
        atomic_fetch_sub_explicit(&block->refs, 1, memory_order_acq_rel) == 1)
        vl_free(block);
}

/* Give the table's entry a block that nobody else holds. Keeps C1. */
static int
sim_content_block_own(vl_allocator *allocator, vl_sim_content *content, uint64_t index)
{
    vl_sim_block *old = content->table[index];
    vl_sim_block *block;

    if (old != NULL && old != &sim_content_zero &&
        atomic_load_explicit(&old->refs, memory_order_acquire) == 1)
        return 0;
    block = vl_allocator_alloc(allocator, sizeof *block, VL_ALLOC_ALIGN);
    if (block == NULL)
        return ENOMEM;
    atomic_init(&block->refs, 1);
    if (old != NULL)
        memcpy(block->data, old->data, sizeof block->data);
    else
        memset(block->data, 0, sizeof block->data);
    content->block_count += old == NULL;
    content->table[index] = block;
    sim_content_block_release(old);
    return 0;
}

/* ---- contents ---- */

static uint64_t
sim_content_index_end(uint64_t end)
{
    return (end + (VL_SIM_BLOCK_SIZE - 1)) / VL_SIM_BLOCK_SIZE;
}

/* Make room in the table for the blocks before index `end`. */
static int
sim_content_reach(vl_allocator *allocator, vl_sim_content *content, uint64_t end)
{
    uint64_t size = content->table_size * 2;
    vl_sim_block **table;

    if (end <= content->table_size)
        return 0;
    size = size < end ? end : size;
    table = vl_allocator_alloc(allocator, size * sizeof *table, VL_ALLOC_ALIGN);
    if (table == NULL)
        return ENOMEM;
    memset(table, 0, size * sizeof *table);
    if (content->table_size > 0)
        memcpy(table, content->table, content->table_size * sizeof *table);
    vl_free(content->table);
    content->table = table;
    content->table_size = size;
    return 0;
}

vl_sim_content *
vl_sim_content_create(vl_allocator *allocator)
{
    vl_sim_content *content = vl_allocator_alloc(allocator, sizeof *content, VL_ALLOC_ALIGN);

    if (content == NULL)
        return NULL;
    memset(content, 0, sizeof *content);
    atomic_init(&content->refs, 1);
    return content;
}

vl_sim_content *
vl_sim_content_share(vl_sim_content *content)
{
    atomic_fetch_add_explicit(&content->refs, 1, memory_order_relaxed);
    return content;
}

void
vl_sim_content_release(vl_sim_content *content)
{
    if (content == NULL || atomic_fetch_sub_explicit(&content->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (uint64_t i = 0; i < content->table_size; i++)
        sim_content_block_release(content->table[i]);
    vl_free(content->table);
    vl_free(content);
}

/* Make *slot a content that nobody else holds. Keeps C1. */
static int
sim_content_own(vl_allocator *allocator, vl_sim_content **slot)
{
    vl_sim_content *old = *slot;
    vl_sim_content *copy;

    if (atomic_load_explicit(&old->refs, memory_order_acquire) == 1)
        return 0;
    copy = vl_sim_content_create(allocator);
    if (copy == NULL)
        return ENOMEM;
    if (sim_content_reach(allocator, copy, old->table_size) != 0) {
        vl_sim_content_release(copy);
        return ENOMEM;
    }
    for (uint64_t i = 0; i < old->table_size; i++)
        copy->table[i] = sim_content_block_share(old->table[i]);
    copy->size = old->size;
    copy->block_count = old->block_count;
    *slot = copy;
    vl_sim_content_release(old);
    return 0;
}

/* ---- reading ---- */

static const vl_sim_block *
sim_content_block(const vl_sim_content *content, uint64_t index)
{
    return index < content->table_size ? content->table[index] : NULL;
}

int
vl_sim_content_has_block(const vl_sim_content *content, uint64_t offset)
{
    return sim_content_block(content, offset / VL_SIM_BLOCK_SIZE) != NULL;
}

const uint8_t *
vl_sim_content_peek(const vl_sim_content *content, uint64_t offset)
{
    const vl_sim_block *block = sim_content_block(content, offset / VL_SIM_BLOCK_SIZE);

    return (block != NULL ? block : &sim_content_zero)->data + offset % VL_SIM_BLOCK_SIZE;
}

/* Bytes from offset on that lie in one block, at most size. */
static size_t
sim_content_part(uint64_t offset, uint64_t size)
{
    uint64_t rest = VL_SIM_BLOCK_SIZE - offset % VL_SIM_BLOCK_SIZE;

    return (size_t)(rest < size ? rest : size);
}

void
vl_sim_content_read(const vl_sim_content *content, uint64_t offset, void *buf, size_t size)
{
    uint8_t *to = buf;

    while (size > 0) {
        size_t part = sim_content_part(offset, size);

        memcpy(to, vl_sim_content_peek(content, offset), part);
        to += part;
        offset += part;
        size -= part;
    }
}

uint64_t
vl_sim_content_count_holes(const vl_sim_content *content, uint64_t offset, uint64_t size)
{
    uint64_t count = 0;

    if (size == 0)
        return 0;
    for (uint64_t i = offset / VL_SIM_BLOCK_SIZE; i < sim_content_index_end(offset + size); i++)
        count += sim_content_block(content, i) == NULL;
    return count;
}

uint64_t
vl_sim_content_hash(const vl_sim_content *content, uint64_t seed)
{
    uint64_t hash = vl_mix64(seed ^ content->size);

    for (uint64_t i = 0; i < content->table_size; i++) {
        const vl_sim_block *block = content->table[i];

        /* A hole and a block of zeros read alike: both are left out. */
        if (block != NULL && block != &sim_content_zero &&
            memcmp(block->data, sim_content_zero.data, sizeof block->data) != 0)
            hash = vl_mix64(hash ^ vl_hash64(block->data, sizeof block->data, i));
    }
    return hash;
}

/* ---- changing ---- */

int
vl_sim_content_prepare(vl_allocator *allocator, vl_sim_content **slot, uint64_t offset,
                       uint64_t size)
{
    int error;

    if (size == 0)
        return 0;
    error = sim_content_own(allocator, slot);
    if (error == 0)
        error = sim_content_reach(allocator, *slot, sim_content_index_end(offset + size));
    for (uint64_t i = offset / VL_SIM_BLOCK_SIZE;
         error == 0 && i < sim_content_index_end(offset + size); i++)
        error = sim_content_block_own(allocator, *slot, i);
    return error;
}

void
vl_sim_content_put(vl_sim_content *content, uint64_t offset, const void *data, size_t size)
{
    const uint8_t *from = data;

    while (size > 0) {
        size_t part = sim_content_part(offset, size);

        memcpy(content->table[offset / VL_SIM_BLOCK_SIZE]->data + offset % VL_SIM_BLOCK_SIZE, from,
               part);
        from += part;
        offset += part;
        size -= part;
    }
}

/* Take the block at index away. */
static void
sim_content_drop(vl_sim_content *content, uint64_t index)
{
    content->block_count -= content->table[index] != NULL;
    sim_content_block_release(content->table[index]);
    content->table[index] = NULL;
}

/* Whether the block around offset holds bytes of its own; a hole and sim_content_zero are zeros. */
static int
sim_content_is_stored(const vl_sim_content *content, uint64_t offset)
{
    const vl_sim_block *block = sim_content_block(content, offset / VL_SIM_BLOCK_SIZE);

    return block != NULL && block != &sim_content_zero;
}

/* Own the block around a cut through its middle. */
static int
sim_content_edge_own(vl_allocator *allocator, vl_sim_content *content, uint64_t offset)
{
    if (offset % VL_SIM_BLOCK_SIZE == 0 || !sim_content_is_stored(content, offset))
        return 0;
    return sim_content_block_own(allocator, content, offset / VL_SIM_BLOCK_SIZE);
}

/* Make bytes of one block zero, which is owned if it is stored. */
static void
sim_content_clear(vl_sim_content *content, uint64_t offset, size_t size)
{
    if (sim_content_is_stored(content, offset))
        memset(content->table[offset / VL_SIM_BLOCK_SIZE]->data + offset % VL_SIM_BLOCK_SIZE, 0,
               size);
}

int
vl_sim_content_resize(vl_allocator *allocator, vl_sim_content **slot, uint64_t size)
{
    uint64_t tail = size % VL_SIM_BLOCK_SIZE;
    int error = sim_content_own(allocator, slot);

    if (error == 0)
        error = sim_content_edge_own(allocator, *slot, size);
    if (error != 0)
        return error;
    if (tail != 0)
        sim_content_clear(*slot, size, VL_SIM_BLOCK_SIZE - tail); /* keeps C2 */
    for (uint64_t i = sim_content_index_end(size); i < (*slot)->table_size; i++)
        sim_content_drop(*slot, i);
    (*slot)->size = size;
    return 0;
}

int
vl_sim_content_allocate(vl_allocator *allocator, vl_sim_content **slot, uint64_t offset,
                        uint64_t size)
{
    int error;

    if (size == 0)
        return 0;
    error = sim_content_own(allocator, slot);
    if (error == 0)
        error = sim_content_reach(allocator, *slot, sim_content_index_end(offset + size));
    if (error != 0)
        return error;
    for (uint64_t i = offset / VL_SIM_BLOCK_SIZE; i < sim_content_index_end(offset + size); i++) {
        if ((*slot)->table[i] == NULL) {
            (*slot)->table[i] = &sim_content_zero;
            (*slot)->block_count++;
        }
    }
    return 0;
}

int
vl_sim_content_punch(vl_allocator *allocator, vl_sim_content **slot, uint64_t offset, uint64_t size)
{
    uint64_t end = offset + size;
    uint64_t last = vl_align_down(end, VL_SIM_BLOCK_SIZE);
    int error = sim_content_own(allocator, slot);

    if (error == 0)
        error = sim_content_edge_own(allocator, *slot, offset);
    if (error == 0)
        error = sim_content_edge_own(allocator, *slot, end);
    if (error != 0)
        return error;
    if (offset % VL_SIM_BLOCK_SIZE != 0)
        sim_content_clear(*slot, offset, sim_content_part(offset, size));
    if (end != last && last >= offset)
        sim_content_clear(*slot, last, (size_t)(end - last));
    for (uint64_t i = sim_content_index_end(offset);
         i < last / VL_SIM_BLOCK_SIZE && i < (*slot)->table_size; i++)
        sim_content_drop(*slot, i);
    return 0;
}
