/* io_sim.c - the simulated machine as a backend: the table of functions behind io.h.
 *
 * Each function describes its operation, passes through vl_sim_call_begin, does its work under the
 * machine's latch, and passes through vl_sim_call_end.
 *
 * Invariants
 *   A1  A file's inode is looked at only between begin and end: a kill takes it away.
 *   A2  Before the bytes of a file are read or changed, stores through maps are folded in; after
 *       they changed, maps are refreshed. */
#include "os/sim_int.h"

#include "base/assert.h"
#include "base/thread.h"

#include <errno.h>
#include <string.h>

/* The wall clock at the machine's start: 2026-01-01 00:00 UTC. */
#define SIM_WALL_START_NS INT64_C(1767225600000000000)

/* What asking for the time takes. */
#define SIM_CLOCK_STEP_NS 100U

/* Total space that a disk without limit reports. */
#define SIM_UNLIMITED_BYTES (UINT64_C(1) << 40)

#define SIM_DEVICE_ID 1U

static vl_sim *
sim_of(const vl_io *io)
{
    return ((const vl_sim_process *)io)->sim;
}

static void
sim_io_close(vl_io *io)
{
    vl_sim *sim = sim_of(io);
    vl_sim_process **link;

    vl_latch_acquire_exclusive(&sim->latch);
    for (link = &sim->processes; *link != (vl_sim_process *)io;)
        link = &(*link)->next;
    *link = (*link)->next;
    vl_latch_release_exclusive(&sim->latch);
}

/* ---- opening and closing ---- */

/* Find the file, or create it. */
static int
sim_open_inode(vl_sim *sim, const vl_file *file, vl_sim_inode **out)
{
    vl_sim_place place;
    int error;

    if ((file->flags & VL_OPEN_TEMPORARY) != 0)
        return vl_sim_inode_create(sim, out);
    error = vl_sim_place_find(sim, file->path, &place);
    if (error != 0)
        return error;
    *out = place.inode;
    if (place.inode != NULL)
        return (file->flags & VL_OPEN_CREATE) != 0 && (file->flags & VL_OPEN_EXCLUSIVE) != 0
                   ? EEXIST
                   : 0;
    if (place.name[0] == '\0' || vl_sim_folder_is_used(sim, place.full))
        return EISDIR;
    if ((file->flags & VL_OPEN_CREATE) == 0)
        return ENOENT;
    error = vl_sim_inode_create(sim, out);
    if (error == 0)
        error = vl_sim_names_link(sim, &place, *out);
    return error;
}

static int
sim_open_latched(vl_sim *sim, vl_sim_file *file)
{
    const vl_sim_options *options = &sim->options;
    vl_sim_inode *inode = NULL;
    int error = sim_open_inode(sim, &file->file, &inode);

    if (error != 0) {
        vl_sim_sweep(sim); /* of an inode that got no name */
        return error;
    }
    file->inode = inode;
    inode->open_count++;
    file->next = sim->files;
    sim->files = file;
    file->file.is_direct = (file->file.flags & VL_OPEN_DIRECT) != 0 && !options->refuses_direct;
    file->file.align = file->file.is_direct ? options->direct_align : 1;
    file->file.can_dsync = !options->refuses_dsync;
    return 0;
}

static void
sim_file_close(vl_file *base)
{
    vl_sim *sim = sim_of(base->io);
    vl_sim_file *file = (vl_sim_file *)base;
    vl_sim_file **link;

    vl_latch_acquire_exclusive(&sim->latch);
    if (file->inode != NULL) {
        vl_sim_lock_drop(sim, file);
        for (link = &sim->files; *link != file;)
            link = &(*link)->next;
        *link = file->next;
        file->inode->open_count--;
        file->inode = NULL;
        vl_sim_sweep(sim);
    }
    vl_latch_release_exclusive(&sim->latch);
}

/* Whether opening the file will create it. */
static int
sim_open_creates(vl_sim *sim, const vl_file *file)
{
    vl_sim_place place;
    int creates;

    if ((file->flags & VL_OPEN_CREATE) == 0 || (file->flags & VL_OPEN_TEMPORARY) != 0)
        return 0;
    vl_latch_acquire_exclusive(&sim->latch);
    creates = vl_sim_place_find(sim, file->path, &place) == 0 && place.inode == NULL;
    vl_latch_release_exclusive(&sim->latch);
    return creates;
}

static int
sim_file_open(vl_file *base)
{
    vl_sim *sim = sim_of(base->io);
    uint32_t op = sim_open_creates(sim, base) ? VL_SIM_CREATE : VL_SIM_OPEN;
    vl_sim_call call = vl_sim_call_on_file(base, op, 0, 0);
    int error = vl_sim_call_begin(&call);

    if (error == 0)
        error = sim_open_latched(sim, (vl_sim_file *)base);
    error = vl_sim_call_end(&call, error);
    if (error != 0)
        sim_file_close(base); /* if a planned fault came after it was opened */
    return error;
}

static int
sim_file_get_id(vl_file *base, vl_file_id *id)
{
    vl_sim_call call = vl_sim_call_on_file(base, VL_SIM_GET_SIZE, 0, 0);
    int error = vl_sim_call_begin(&call);

    if (error == 0) {
        id->device = SIM_DEVICE_ID;
        id->inode = ((vl_sim_file *)base)->inode->id;
    }
    return vl_sim_call_end(&call, error);
}

/* ---- transfers ---- */

static int
sim_is_misaligned(const vl_file *file, const void *buf, size_t size, uint64_t offset)
{
    return (((uintptr_t)buf | size | offset) & (file->align - 1)) != 0;
}

/* How much of a transfer is moved at once. */
static size_t
sim_shorten(const vl_sim_call *call, const vl_file *file, size_t size)
{
    vl_sim *sim = call->process->sim;
    uint64_t units = size / file->align;
    uint64_t most;

    if (!vl_sim_call_has(call, VL_SIM_SHORT) &&
        !(sim->options.has_short_transfers && vl_rng_chance(&sim->rng_fault, 1, 2)))
        return size;
    if (units <= 1)
        return size;
    if (call->short_amount != 0)
        most = call->short_amount / file->align;
    else
        most = 1 + vl_rng_below(&sim->rng_fault, units - 1);
    most = most == 0 ? 1 : most;
    return most < units ? (size_t)(most * file->align) : size;
}

static int
sim_read_latched(const vl_sim_call *call, vl_sim_file *file, uint8_t *buf, size_t size,
                 size_t *moved)
{
    vl_sim *sim = call->process->sim;
    vl_sim_inode *inode = file->inode;
    uint64_t offset = call->event.offset;
    int error;

    *moved = 0;
    if (offset >= inode->current->size)
        return 0; /* also where it is not aligned: behind a last part that was short */
    if (sim_is_misaligned(&file->file, buf, size, offset))
        return EINVAL;
    error = vl_sim_region_fold(sim, inode, offset, size);
    if (error != 0)
        return error;
    size = sim_shorten(call, &file->file, size);
    if (size > inode->current->size - offset)
        size = (size_t)(inode->current->size - offset);
    vl_sim_content_read(inode->current, offset, buf, size);
    if (vl_sim_call_has(call, VL_SIM_FLIP_BIT)) {
        uint64_t bit = vl_rng_below(&sim->rng_fault, (uint64_t)size * 8);

        buf[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    *moved = size;
    return 0;
}

static int
sim_file_read(vl_file *base, void *buf, size_t size, uint64_t offset, size_t *moved)
{
    vl_sim_call call = vl_sim_call_on_file(base, VL_SIM_READ, offset, size);
    int error = vl_sim_call_begin(&call);

    if (error == 0)
        error = sim_read_latched(&call, (vl_sim_file *)base, buf, size, moved);
    return vl_sim_call_end(&call, error);
}

/* Where a misdirected write lands. */
static uint64_t
sim_stray_offset(const vl_sim_call *call, const vl_sim_inode *inode, uint64_t offset, size_t size)
{
    vl_rng *rng = &call->process->sim->rng_fault;
    uint64_t distance = call->stray_amount;
    int has_before;
    int has_behind;

    if (distance == 0)
        distance = VL_SECTOR_SIZE * (1 + vl_rng_below(rng, 16));
    has_before = offset >= distance;
    has_behind = offset + distance + size <= inode->current->size;
    if (has_before && (!has_behind || vl_rng_chance(rng, 1, 2)))
        return offset - distance;
    return offset + distance;
}

/* A write that lands elsewhere or nowhere: only the size becomes what it should be. */
static int
sim_write_astray(const vl_sim_call *call, vl_sim_inode *inode, const void *buf, size_t size,
                 uint64_t offset, int durable)
{
    vl_sim *sim = call->process->sim;
    uint64_t to;
    int error = 0;

    if (offset + size > inode->current->size)
        error = vl_sim_inode_resize(sim, inode, offset + size);
    if (error == 0 && durable)
        error = vl_sim_inode_sync_range(sim, inode, offset, size);
    if (error != 0 || vl_sim_call_has(call, VL_SIM_LOSE_WRITE))
        return error;
    to = sim_stray_offset(call, inode, offset, size);
    error = vl_sim_inode_write(sim, inode, buf, size, to, VL_SECTOR_SIZE, durable);
    vl_sim_region_refresh(inode, to, size);
    return error;
}

/* Write as the faults that the operation meets will have it. */
static int
sim_write_faulty(const vl_sim_call *call, vl_sim_inode *inode, const void *buf, size_t size,
                 uint64_t offset)
{
    vl_sim *sim = call->process->sim;
    int loses = vl_sim_call_has(call, VL_SIM_SYNC_LOSES);
    int durable = call->event.op == VL_SIM_WRITE_DURABLE && !loses &&
                  !vl_sim_call_has(call, VL_SIM_SYNC_LOSES_SOME) &&
                  !vl_sim_call_has(call, VL_SIM_SYNC_LIES);
    int error;

    if (vl_sim_call_has(call, VL_SIM_LOSE_WRITE) || vl_sim_call_has(call, VL_SIM_MISDIRECT_WRITE))
        return sim_write_astray(call, inode, buf, size, offset, durable);
    error = vl_sim_inode_write(sim, inode, buf, size, offset, VL_SECTOR_SIZE, durable);
    if (error != 0 || (!loses && !vl_sim_call_has(call, VL_SIM_SYNC_LOSES_SOME)))
        return error;
    vl_sim_inode_lose(inode, loses ? NULL : &sim->rng_fault);
    return call->os_error;
}

static int
sim_write_latched(const vl_sim_call *call, vl_sim_file *file, const void *buf, size_t size,
                  size_t *moved)
{
    vl_sim *sim = call->process->sim;
    vl_sim_inode *inode = file->inode;
    uint64_t offset = call->event.offset;
    uint64_t first = vl_align_down(offset, VL_SECTOR_SIZE);
    uint64_t room;
    int error;

    if ((file->file.flags & VL_OPEN_WRITE) == 0)
        return EBADF;
    if (sim_is_misaligned(&file->file, buf, size, offset))
        return EINVAL;
    if (offset >= VL_SIM_MAX_FILE_SIZE || size > VL_SIM_MAX_FILE_SIZE - offset)
        return EFBIG;
    room = sim_shorten(call, &file->file, size);
    error =
        vl_sim_region_fold(sim, inode, first, vl_align_up(offset + room, VL_SECTOR_SIZE) - first);
    if (error == 0)
        error = vl_sim_space_fit(sim, inode, offset, &room);
    if (error == 0)
        error = sim_write_faulty(call, inode, buf, (size_t)room, offset);
    if (error != ENOSPC)
        vl_sim_region_refresh(inode, offset, room);
    *moved = (size_t)room;
    return error;
}

static int
sim_file_write(vl_file *base, const void *buf, size_t size, uint64_t offset, int durable,
               size_t *moved)
{
    uint32_t op = durable ? VL_SIM_WRITE_DURABLE : VL_SIM_WRITE;
    vl_sim_call call = vl_sim_call_on_file(base, op, offset, size);
    int error = vl_sim_call_begin(&call);

    if (error == 0)
        error = sim_write_latched(&call, (vl_sim_file *)base, buf, size, moved);
    return vl_sim_call_end(&call, error);
}

static int
sim_sync_latched(const vl_sim_call *call, vl_sim_inode *inode)
{
    vl_sim *sim = call->process->sim;
    int loses = vl_sim_call_has(call, VL_SIM_SYNC_LOSES);
    int error = vl_sim_region_fold(sim, inode, 0, UINT64_MAX);

    if (error != 0 || vl_sim_call_has(call, VL_SIM_SYNC_LIES))
        return error;
    if (!loses && !vl_sim_call_has(call, VL_SIM_SYNC_LOSES_SOME))
        return vl_sim_inode_sync(sim, inode);
    vl_sim_inode_lose(inode, loses ? NULL : &sim->rng_fault);
    return call->os_error;
}

static int
sim_file_sync(vl_file *base)
{
    vl_sim_call call = vl_sim_call_on_file(base, VL_SIM_SYNC, 0, 0);
    int error = vl_sim_call_begin(&call);

    if (error == 0)
        error = sim_sync_latched(&call, ((vl_sim_file *)base)->inode);
    return vl_sim_call_end(&call, error);
}

/* ---- sizes and space ---- */

static int
sim_file_get_size(vl_file *base, uint64_t *size)
{
    vl_sim_call call = vl_sim_call_on_file(base, VL_SIM_GET_SIZE, 0, 0);
    int error = vl_sim_call_begin(&call);

    if (error == 0)
        *size = ((vl_sim_file *)base)->inode->current->size;
    return vl_sim_call_end(&call, error);
}

static int
sim_resize_latched(vl_sim *sim, vl_sim_inode *inode, uint64_t size)
{
    uint64_t old = inode->current->size;
    int error;

    if (size > VL_SIM_MAX_FILE_SIZE)
        return EFBIG;
    error = vl_sim_region_fold(sim, inode, 0, UINT64_MAX);
    if (error == 0)
        error = vl_sim_inode_resize(sim, inode, size);
    if (error == 0)
        vl_sim_region_refresh(inode, old < size ? old : size, UINT64_MAX);
    return error;
}

static int
sim_file_resize(vl_file *base, uint64_t size)
{
    vl_sim_call call = vl_sim_call_on_file(base, VL_SIM_RESIZE, 0, size);
    int error = vl_sim_call_begin(&call);

    if (error == 0 && (base->flags & VL_OPEN_WRITE) == 0)
        error = EBADF;
    if (error == 0)
        error = sim_resize_latched(call.process->sim, ((vl_sim_file *)base)->inode, size);
    return vl_sim_call_end(&call, error);
}

static int
sim_allocate_latched(vl_sim *sim, vl_sim_file *file, uint64_t offset, uint64_t size)
{
    uint64_t room = size;
    int error;

    if ((file->file.flags & VL_OPEN_WRITE) == 0)
        return EBADF;
    if (sim->options.refuses_allocate)
        return EOPNOTSUPP;
    if (offset > VL_SIM_MAX_FILE_SIZE || size > VL_SIM_MAX_FILE_SIZE - offset)
        return EFBIG;
    error = vl_sim_space_fit(sim, file->inode, offset, &room);
    if (error == 0 && room < size)
        error = ENOSPC;
    return error != 0 ? error : vl_sim_inode_allocate(sim, file->inode, offset, size);
}

static int
sim_file_allocate(vl_file *base, uint64_t offset, uint64_t size)
{
    vl_sim_call call = vl_sim_call_on_file(base, VL_SIM_ALLOCATE, offset, size);
    int error = vl_sim_call_begin(&call);

    if (error == 0)
        error = sim_allocate_latched(call.process->sim, (vl_sim_file *)base, offset, size);
    return vl_sim_call_end(&call, error);
}

static int
sim_punch_latched(vl_sim *sim, vl_sim_file *file, uint64_t offset, uint64_t size)
{
    int error;

    if ((file->file.flags & VL_OPEN_WRITE) == 0)
        return EBADF;
    if (sim->options.refuses_punch)
        return EOPNOTSUPP;
    error = vl_sim_region_fold(sim, file->inode, 0, UINT64_MAX);
    if (error == 0)
        error = vl_sim_inode_punch(sim, file->inode, offset, size);
    if (error == 0)
        vl_sim_region_refresh(file->inode, offset, size);
    return error;
}

static int
sim_file_punch(vl_file *base, uint64_t offset, uint64_t size)
{
    vl_sim_call call = vl_sim_call_on_file(base, VL_SIM_PUNCH, offset, size);
    int error = vl_sim_call_begin(&call);

    if (error == 0)
        error = sim_punch_latched(call.process->sim, (vl_sim_file *)base, offset, size);
    return vl_sim_call_end(&call, error);
}

static int
sim_file_lock(vl_file *base, vl_lock_mode mode, uint64_t offset, uint64_t size)
{
    vl_sim_call call = vl_sim_call_on_file(base, VL_SIM_LOCK, offset, size);
    int error = vl_sim_call_begin(&call);

    if (error == 0)
        error = vl_sim_lock_set(call.process->sim, (vl_sim_file *)base, mode, offset, size);
    return vl_sim_call_end(&call, error);
}

/* ---- paths ---- */

static vl_sim_call
sim_path_call(vl_io *io, uint32_t op, const char *path, const char *to_path)
{
    vl_sim_call call = {.process = (vl_sim_process *)io,
                        .event = {.op = op, .path = path, .to_path = to_path}};

    return call;
}

static int
sim_path_delete(vl_io *io, const char *path)
{
    vl_sim_call call = sim_path_call(io, VL_SIM_DELETE, path, NULL);
    vl_sim *sim = sim_of(io);
    vl_sim_place place;
    int error = vl_sim_call_begin(&call);

    if (error == 0)
        error = vl_sim_place_find(sim, path, &place);
    if (error == 0 && place.inode == NULL)
        error = ENOENT;
    if (error == 0)
        error = vl_sim_names_unlink(sim, &place);
    return vl_sim_call_end(&call, error);
}

static int
sim_rename_latched(vl_sim *sim, const char *from_path, const char *to_path)
{
    vl_sim_place from;
    vl_sim_place to;
    int error = vl_sim_place_find(sim, from_path, &from);

    if (error == 0)
        error = vl_sim_place_find(sim, to_path, &to);
    if (error != 0)
        return error;
    if (from.inode == NULL)
        return ENOENT;
    if (to.inode == NULL && (to.name[0] == '\0' || vl_sim_folder_is_used(sim, to.full)))
        return EISDIR;
    return vl_sim_names_rename(sim, &from, &to);
}

static int
sim_path_rename(vl_io *io, const char *from, const char *to)
{
    vl_sim_call call = sim_path_call(io, VL_SIM_RENAME, from, to);
    int error = vl_sim_call_begin(&call);

    if (error == 0)
        error = sim_rename_latched(sim_of(io), from, to);
    return vl_sim_call_end(&call, error);
}

static int
sim_path_exists(vl_io *io, const char *path, int *exists)
{
    vl_sim_call call = sim_path_call(io, VL_SIM_EXISTS, path, NULL);
    vl_sim_place place;
    int error = vl_sim_call_begin(&call);

    if (error == 0)
        error = vl_sim_place_find(sim_of(io), path, &place);
    if (error == 0)
        *exists = place.inode != NULL || vl_sim_folder_is_used(sim_of(io), place.full);
    return vl_sim_call_end(&call, error);
}

static int
sim_path_sync_folder(vl_io *io, const char *path)
{
    vl_sim_call call = sim_path_call(io, VL_SIM_SYNC_FOLDER, path, NULL);
    vl_sim_place place;
    int error = vl_sim_call_begin(&call);

    if (error == 0)
        error = vl_sim_place_find(sim_of(io), path, &place);
    if (error == 0 && place.folder != NULL && !vl_sim_call_has(&call, VL_SIM_SYNC_LIES)) {
        error = vl_sim_names_sync(sim_of(io), place.folder);
        vl_sim_sweep(sim_of(io));
    }
    return vl_sim_call_end(&call, error);
}

static int
sim_path_get_space(vl_io *io, const char *path, uint64_t *free_bytes, uint64_t *total_bytes)
{
    vl_sim *sim = sim_of(io);
    uint64_t used;

    (void)path; /* there is one disk */
    vl_latch_acquire_exclusive(&sim->latch);
    used = vl_sim_space_used(sim);
    *total_bytes =
        sim->options.capacity_bytes != 0 ? sim->options.capacity_bytes : SIM_UNLIMITED_BYTES;
    *free_bytes = used < *total_bytes ? *total_bytes - used : 0;
    vl_latch_release_exclusive(&sim->latch);
    return 0;
}

static int
sim_path_get_full(vl_io *io, const char *path, char *full)
{
    int is_folder;

    (void)io;
    return vl_sim_path_resolve(path, full, &is_folder);
}

/* ---- clock and randomness ---- */

static uint64_t
sim_monotonic_ns(vl_io *io)
{
    vl_sim *sim = sim_of(io);
    uint64_t now;

    vl_latch_acquire_exclusive(&sim->latch);
    sim->clock_ns += SIM_CLOCK_STEP_NS;
    now = sim->clock_ns;
    vl_latch_release_exclusive(&sim->latch);
    return now;
}

static int64_t
sim_wall_ns(vl_io *io)
{
    return SIM_WALL_START_NS + (int64_t)sim_monotonic_ns(io);
}

static void
sim_sleep(vl_io *io, uint64_t duration_ns)
{
    vl_sim *sim = sim_of(io);

    vl_latch_acquire_exclusive(&sim->latch);
    sim->clock_ns += duration_ns;
    vl_latch_release_exclusive(&sim->latch);
    vl_thread_yield(); /* whoever is waited for gets its turn */
}

static int
sim_random(vl_io *io, void *buf, size_t size)
{
    vl_sim *sim = sim_of(io);

    vl_latch_acquire_exclusive(&sim->latch);
    vl_rng_fill(&sim->rng_random, buf, size);
    vl_latch_release_exclusive(&sim->latch);
    return 0;
}

const vl_io_ops vl_sim_io_ops = {
    .name = "simulator",
    .has_ring = 1, /* so that tests may take that way as well */
    .io_size = sizeof(vl_sim_process),
    .file_size = sizeof(vl_sim_file),
    .queue_size = sizeof(vl_sim_queue),
    .close = sim_io_close,
    .file_open = sim_file_open,
    .file_close = sim_file_close,
    .file_get_id = sim_file_get_id,
    .read = sim_file_read,
    .write = sim_file_write,
    .sync = sim_file_sync,
    .get_size = sim_file_get_size,
    .resize = sim_file_resize,
    .allocate = sim_file_allocate,
    .punch = sim_file_punch,
    .lock = sim_file_lock,
    .map_open = vl_sim_map_open,
    .map_extend = vl_sim_map_extend,
    .map_sync = vl_sim_map_sync,
    .map_store = vl_sim_map_store,
    .map_persist = vl_sim_map_persist,
    .map_close = vl_sim_map_close,
    .path_delete = sim_path_delete,
    .path_rename = sim_path_rename,
    .path_exists = sim_path_exists,
    .path_sync_folder = sim_path_sync_folder,
    .path_get_space = sim_path_get_space,
    .path_get_full = sim_path_get_full,
    .queue_open = vl_sim_queue_open,
    .queue_close = vl_sim_queue_close,
    .queue_submit = vl_sim_queue_submit,
    .queue_poll = vl_sim_queue_poll,
    .monotonic_ns = sim_monotonic_ns,
    .wall_ns = sim_wall_ns,
    .sleep = sim_sleep,
    .random = sim_random,
};
