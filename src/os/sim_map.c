/* sim_map.c - maps on the simulated machine: memory whose stores are found by comparing.
 *
 * All maps of a file share one region of memory, so that they are coherent. Stores into it cannot
 * be seen as they happen: whenever an operation touches the file, the region is compared with what
 * reads see, and lines that differ are noted as pending changes (folding). Changes made otherwise
 * are copied into the region (refreshing). Lines are the processor's cache lines: each reaches the
 * medium by itself.
 *
 * Invariants
 *   M1  After a fold, and after a refresh of what was changed, the region shows what reads see.
 *   M2  A region lives while a map of it is open, or while its file has stores that could not be
 *       noted for want of memory. A kill parts it from the file: later stores go nowhere.
 *
 * What is not simulated: of several stores to one line between two operations of the machine, only
 * the result is seen, but for those of vl_map_write; cache lines that a program flushes by itself
 * count as not synced. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os/sim_int.h"

#include "base/assert.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* Address space reserved at least, so that most later maps of the file fit into the region. */
#define SIM_MAP_MIN_RESERVED ((uint64_t)16 << 20)

/* What a store past the caches keeps or loses together: the buffers that combine such stores may
 * let go of part of a line. */
#define SIM_MAP_WORD_SIZE 8U

/* Lines that differ are gathered into changes of up to this size. */
#define SIM_MAP_RUN_SIZE 4096U

struct vl_sim_region {
    uint8_t *base;     /* address of the file's byte 0 */
    uint64_t reserved; /* address space behind it */
    uint64_t size;     /* bytes that some map shows */
    uint32_t map_count;
    int is_writable; /* some map of it was: stores are looked for */
    int is_detached; /* parted from its file */
};

/* ---- regions ---- */

static int
sim_map_region_create(vl_sim *sim, uint64_t reserved, vl_sim_region **out)
{
    vl_sim_region *region = vl_allocator_alloc(sim->allocator, sizeof *region, VL_ALLOC_ALIGN);
    void *base;

    if (region == NULL)
        return ENOMEM;
    memset(region, 0, sizeof *region);
    region->reserved = reserved > SIM_MAP_MIN_RESERVED ? reserved : SIM_MAP_MIN_RESERVED;
    base = mmap(NULL, (size_t)region->reserved, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        vl_free(region);
        return ENOMEM;
    }
    region->base = base;
    *out = region;
    return 0;
}

static void
sim_map_region_destroy(vl_sim_region *region)
{
    VL_CHECK(munmap(region->base, (size_t)region->reserved) == 0);
    vl_free(region);
}

void
vl_sim_region_detach(vl_sim_inode *inode)
{
    vl_sim_region *region = inode->region;

    if (region == NULL)
        return;
    inode->region = NULL;
    region->is_detached = 1;
    if (region->map_count == 0)
        sim_map_region_destroy(region);
}

/* ---- folding and refreshing ---- */

/* Copy a line that other threads may be storing to, as the processor's cache would: word by word,
 * each whole. The race is the point, so the thread sanitizer does not look. */
__attribute__((no_sanitize_thread, noinline)) static void
sim_map_load_line(uint8_t *to, const uint8_t *from, size_t size)
{
    size_t at = 0;

    for (; at + 8 <= size; at += 8) {
        uint64_t word = *(const volatile uint64_t *)(const void *)(from + at);

        for (unsigned i = 0; i < 8; i++)
            to[at + i] = (uint8_t)(word >> (VL_LITTLE_ENDIAN ? 8 * i : 56 - 8 * i));
    }
    for (; at < size; at++)
        to[at] = *(const volatile uint8_t *)(from + at);
}

/* Copy lines from offset on while they differ from what reads see, at most SIM_MAP_RUN_SIZE bytes.
 * Returns how many bytes. */
static size_t
sim_map_load_run(const vl_sim_inode *inode, uint64_t offset, uint64_t end, uint8_t *run)
{
    size_t used = 0;

    while (offset + used < end && used < SIM_MAP_RUN_SIZE) {
        uint64_t rest = end - (offset + used);
        size_t size = rest < VL_CACHE_LINE_SIZE ? (size_t)rest : VL_CACHE_LINE_SIZE;

        sim_map_load_line(run + used, inode->region->base + offset + used, size);
        if (memcmp(run + used, vl_sim_content_peek(inode->current, offset + used), size) == 0)
            break;
        used += size;
    }
    return used;
}

int
vl_sim_region_fold(vl_sim *sim, vl_sim_inode *inode, uint64_t offset, uint64_t size)
{
    uint8_t run[SIM_MAP_RUN_SIZE];
    uint64_t end = inode->current->size;
    int error = 0;

    if (inode->region == NULL || !inode->region->is_writable)
        return 0;
    if (end > inode->region->size)
        end = inode->region->size;
    if (offset < end && size < end - offset)
        end = vl_align_up(offset + size, VL_CACHE_LINE_SIZE) < end
                  ? vl_align_up(offset + size, VL_CACHE_LINE_SIZE)
                  : end;
    offset = vl_align_down(offset, VL_CACHE_LINE_SIZE);
    while (offset < end && error == 0) {
        size_t used = sim_map_load_run(inode, offset, end, run);

        if (used > 0)
            error = vl_sim_inode_write(sim, inode, run, used, offset, VL_CACHE_LINE_SIZE, 0);
        offset += used > 0 ? used : VL_CACHE_LINE_SIZE;
    }
    return error;
}

int
vl_sim_region_fold_all(vl_sim *sim)
{
    int error = 0;

    for (uint32_t i = 0; i < sim->inode_count && error == 0; i++)
        error = vl_sim_region_fold(sim, sim->inodes[i], 0, UINT64_MAX);
    return error;
}

void
vl_sim_region_refresh(vl_sim_inode *inode, uint64_t offset, uint64_t size)
{
    vl_sim_region *region = inode->region;

    if (region == NULL || offset >= region->size)
        return;
    if (size > region->size - offset)
        size = region->size - offset;
    vl_sim_content_read(inode->current, offset, region->base + offset, (size_t)size);
}

/* ---- the table's functions ---- */

static vl_sim_inode *
sim_map_inode(const vl_map *map)
{
    return ((vl_sim_file *)map->file)->inode;
}

/* Show the file's bytes up to size. */
static void
sim_map_show(vl_sim_inode *inode, uint64_t size)
{
    vl_sim_region *region = inode->region;
    uint64_t shown = region->size;

    if (size <= shown)
        return;
    region->size = size;
    vl_sim_region_refresh(inode, shown, size - shown);
}

static int
sim_map_open_latched(vl_sim *sim, vl_map *map)
{
    vl_sim_inode *inode = sim_map_inode(map);
    int error = 0;

    if (map->is_writable && (map->file->flags & VL_OPEN_WRITE) == 0)
        return EACCES;
    if (map->size > inode->current->size || map->size > map->reserved)
        return EINVAL;
    if (inode->region == NULL)
        error = sim_map_region_create(sim, map->reserved, &inode->region);
    else if (map->reserved > inode->region->reserved)
        error = ENOMEM;
    if (error != 0)
        return error;
    inode->region->map_count++;
    inode->region->is_writable |= map->is_writable;
    sim_map_show(inode, map->size);
    map->base = inode->region->base;
    map->state = inode->region;
    map->is_synchronous = sim->options.has_synchronous_map;
    if (map->is_synchronous && map->is_writable && map->size > 0)
        map->persist = VL_PERSIST_FLUSH;
    return 0;
}

/* Let go of the region; stores that are not synced stay in the file. */
static void
sim_map_release(vl_sim *sim, vl_sim_region *region, vl_sim_inode *inode)
{
    region->map_count--;
    if (region->map_count > 0)
        return;
    if (region->is_detached)
        sim_map_region_destroy(region);
    else if (vl_sim_region_fold(sim, inode, 0, UINT64_MAX) == 0)
        vl_sim_region_detach(inode); /* else it waits for memory: M2 */
}

int
vl_sim_map_open(vl_map *map)
{
    vl_sim_call call = vl_sim_call_on_file(map->file, VL_SIM_MAP, 0, map->size);
    int error = vl_sim_call_begin(&call);

    if (error == 0)
        error = sim_map_open_latched(call.process->sim, map);
    error = vl_sim_call_end(&call, error);
    if (error != 0 && map->state != NULL)
        vl_sim_map_close(map); /* it was opened, but a planned fault says otherwise */
    return error;
}

int
vl_sim_map_extend(vl_map *map, uint64_t size)
{
    vl_sim_call call = vl_sim_call_on_file(map->file, VL_SIM_MAP, 0, size);
    int error = vl_sim_call_begin(&call);

    if (error == 0 && (size > map->reserved || size > sim_map_inode(map)->current->size))
        error = EINVAL;
    if (error == 0)
        sim_map_show(sim_map_inode(map), size);
    return vl_sim_call_end(&call, error);
}

static int
sim_map_sync_latched(const vl_sim_call *call, vl_sim_inode *inode)
{
    vl_sim *sim = call->process->sim;
    int error = vl_sim_region_fold(sim, inode, call->event.offset, call->event.size);

    if (error != 0 || vl_sim_call_has(call, VL_SIM_SYNC_LIES))
        return error;
    if (vl_sim_call_has(call, VL_SIM_SYNC_LOSES) || vl_sim_call_has(call, VL_SIM_SYNC_LOSES_SOME)) {
        vl_sim_inode_lose(inode, vl_sim_call_has(call, VL_SIM_SYNC_LOSES) ? NULL : &sim->rng_fault);
        return call->os_error;
    }
    return vl_sim_inode_sync_range(sim, inode, call->event.offset, call->event.size);
}

int
vl_sim_map_sync(vl_map *map, uint64_t offset, uint64_t size)
{
    vl_sim_call call = vl_sim_call_on_file(map->file, VL_SIM_MAP_SYNC, offset, size);
    int error = vl_sim_call_begin(&call);

    if (error == 0)
        error = sim_map_sync_latched(&call, sim_map_inode(map));
    return vl_sim_call_end(&call, error);
}

/* Note what is stored, word by word; the region shows it. */
static int
sim_map_store_latched(const vl_sim_call *call, vl_sim_inode *inode, const void *buf)
{
    vl_sim *sim = call->process->sim;
    uint64_t offset = call->event.offset;
    size_t size = (size_t)call->event.size;
    int error;

    if (offset + size > inode->current->size)
        return EFAULT; /* a real machine sends SIGBUS */
    error = vl_sim_region_fold(sim, inode, offset, size);
    if (error == 0)
        error = vl_sim_inode_write(sim, inode, buf, size, offset, SIM_MAP_WORD_SIZE, 0);
    if (error == 0)
        vl_sim_region_refresh(inode, offset, size);
    return error;
}

int
vl_sim_map_store(vl_map *map, const void *buf, size_t size, uint64_t offset)
{
    vl_sim_call call = vl_sim_call_on_file(map->file, VL_SIM_MAP_STORE, offset, size);
    int error = vl_sim_call_begin(&call);

    if (error == 0)
        error = sim_map_store_latched(&call, sim_map_inode(map), buf);
    return vl_sim_call_end(&call, error);
}

/* Both are a fence, behind which the lines are durable; those not flushed are pending anyway. */
int
vl_sim_map_persist(vl_map *map, uint64_t offset, uint64_t size, int is_flushed)
{
    (void)is_flushed;
    return vl_sim_map_sync(map, offset, size);
}

void
vl_sim_map_close(vl_map *map)
{
    vl_sim *sim = ((vl_sim_process *)map->file->io)->sim;

    vl_latch_acquire_exclusive(&sim->latch);
    sim_map_release(sim, map->state, sim_map_inode(map));
    vl_latch_release_exclusive(&sim->latch);
    map->state = NULL;
}
