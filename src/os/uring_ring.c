/* uring_ring.c - makes rings, and keeps their tables of registered files and buffers.
 *
 * Registering saves work per request: a file's reference count, which threads would fight over,
 * and pinning the pages of each direct transfer. Neither is needed for correctness, so whatever
 * the system refuses is done without.
 *
 * Files. The table is a small cache: a file gets an entry when one is free or has not been used for
 * URING_SLOT_KEEP look-ups, so that more busy files than entries do not push each other out.
 *
 * Locked files. A ring that its process leaves behind, killed, lives on for tens of milliseconds,
 * and the descriptions in its table with it: a lock on them would keep the next process out. So of
 * a locked file a second description is registered, which has no lock, and used for reads. Writes
 * go by the file's own descriptor: then the lock outlives the process at least as long as a write
 * that the medium still works on, which must not meet the next process's. (The death of a process
 * waits for the workers of its rings, but not for direct writes that a device has. With the lock on
 * a description of its own, 21 of 60 processes killed in 64 direct writes left some in flight when
 * the next one had the lock.)
 *
 * The price: the kernel may give a request, and its hold on the description, back later than its
 * result. One that a worker ran is freed by whoever lets go of it last, and when that is the
 * worker, by way of the ring's task work, or for a dead process when its ring is taken down. Of
 * processes that died right after their last batch 1 in 7000 so kept its lock for 4 to 14 ms, also
 * where nothing was registered.
 *
 * Invariants
 *   U1  A slot with use_count > 0 keeps its file: the kernel may look a slot up only when a linked
 *       request starts, long after it was submitted.
 *   U2  A slot's serial names the file that the kernel has there. Serials are never used twice, so
 *       a new file with an old one's descriptor is not taken for it.
 *   U3  slabs[i] of the ring registers part of slab i as it was at version slabs[i].version; a
 *       buffer is used only if it lies in that part, whose version is still current, since
 *       vl_uring_update_slabs runs before requests are prepared. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os/uring_int.h"

#if VL_HAVE_URING

#include "base/assert.h"
#include "base/atomic.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define URING_SLOT_KEEP 64 /* look-ups of other files that an unused entry outlives */

/* What newer headers define. */
#define URING_SINGLE_ISSUER (1U << 12)
#define URING_DEFER_TASKRUN (1U << 13)

/* Modes of a ring, the best first: each line is what one more old kernel refuses.
 *   DEFER_TASKRUN  results are brought in when the thread asks for them, without interrupting it
 *   COOP_TASKRUN   nearly so
 *   SUBMIT_ALL     a bad request does not hold up the rest
 *   CLAMP          the kernel's limits on sizes are no errors */
static const unsigned uring_modes[] = {
    URING_SINGLE_ISSUER | URING_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
        IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CLAMP, /* Linux 6.1 */
    URING_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
        IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CLAMP, /* 6.0 */
    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL |
        IORING_SETUP_CLAMP,                       /* 5.19 */
    IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CLAMP, /* 5.18 */
    IORING_SETUP_CLAMP,                           /* 5.6 */
};

/* ---- making and closing ---- */

/* liburing maps and unmaps a ring's memory by system calls that ThreadSanitizer does not see, so it
 * takes a new ring at the address of an old one for the same memory. This orders the two for it. */
static void
uring_order_mappings(void)
{
#if VL_TSAN
    static _Atomic int order;

    atomic_fetch_add_explicit(&order, 1, memory_order_acq_rel);
#endif
}

/* Make the table of registered files, empty. Not done where the limit on open files is smaller:
 * liburing would raise the limit, which is the application's. */
static int
uring_make_file_table(vl_uring_ring *ring)
{
    struct rlimit limit;
    int none[VL_URING_FILES];

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < VL_URING_FILES)
        return 0;
    if (io_uring_register_files_sparse(&ring->ring, VL_URING_FILES) == 0)
        return 1;
    for (unsigned i = 0; i < VL_URING_FILES; i++)
        none[i] = -1;
    return io_uring_register_files(&ring->ring, none, VL_URING_FILES) == 0; /* before 5.19 */
}

int
vl_uring_ring_open(vl_uring_ring *ring, uint32_t entries, uint32_t *level)
{
    int result = -EINVAL;

    VL_ASSERT(!ring->is_open);
    for (uint32_t i = *level; i < VL_ARRAY_COUNT(uring_modes) && result == -EINVAL; i++) {
        struct io_uring_params params;

        memset(&params, 0, sizeof params);
        params.flags = uring_modes[i];
        result = io_uring_queue_init_params(entries, &ring->ring, &params);
        if (result == 0)
            *level = i;
    }
    if (result != 0)
        return -result;
    uring_order_mappings();
    ring->is_open = 1;
    ring->has_files = uring_make_file_table(ring);
    return 0;
}

void
vl_uring_ring_close(vl_uring_ring *ring)
{
    if (!ring->is_open)
        return;
    /* Closing alone would give files and pinned memory back some time later. Another thread's ring
     * refuses this, and is closed alone. */
    if (ring->has_files)
        (void)io_uring_unregister_files(&ring->ring);
    if (ring->has_buffers)
        (void)io_uring_unregister_buffers(&ring->ring);
    uring_order_mappings();
    io_uring_queue_exit(&ring->ring);
    ring->is_open = 0;
    ring->has_files = 0;
    ring->has_buffers = 0;
    for (unsigned i = 0; i < VL_URING_FILES; i++) {
        VL_ASSERT(ring->slots[i].use_count == 0);
        atomic_store_explicit(&ring->slots[i].serial, 0, memory_order_release);
    }
    ring->slab_version = 0;
    ring->slab_count = 0;
    memset(ring->slabs, 0, sizeof ring->slabs);
    memset(ring->is_buffer_used, 0, sizeof ring->is_buffer_used);
}

/* Whether the kernel knows all operations that are used. */
static int
uring_knows_operations(vl_uring_ring *ring)
{
    static const int needed[] = {IORING_OP_NOP,        IORING_OP_READ,        IORING_OP_WRITE,
                                 IORING_OP_READ_FIXED, IORING_OP_WRITE_FIXED, IORING_OP_FSYNC};
    struct io_uring_probe *probe = io_uring_get_probe_ring(&ring->ring);
    int knows = probe != NULL;

    for (size_t i = 0; knows && i < VL_ARRAY_COUNT(needed); i++)
        knows = io_uring_opcode_supported(probe, needed[i]);
    io_uring_free_probe(probe);
    return knows;
}

int
vl_uring_ring_try(vl_uring_ring *ring)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->ring);
    struct io_uring_cqe *cqe = NULL;
    int result;

    io_uring_prep_nop(sqe);
    result = io_uring_submit_and_wait(&ring->ring, 1);
    if (result < 0)
        return -result;
    result = io_uring_wait_cqe(&ring->ring, &cqe);
    if (result < 0)
        return -result;
    io_uring_cqe_seen(&ring->ring, cqe);
    return uring_knows_operations(ring) ? 0 : ENOSYS;
}

/* ---- files ---- */

static uint64_t
uring_serial(const vl_uring_slot *slot)
{
    return atomic_load_explicit(&slot->serial, memory_order_acquire);
}

/* The entry to replace: a free or closed one, else the one unused for longest, if for long enough.
 * Keeps U1. */
static int
uring_slot_victim(const vl_uring_ring *ring)
{
    uint64_t oldest = UINT64_MAX;
    int victim = -1;

    for (int i = 0; i < VL_URING_FILES; i++) {
        const vl_uring_slot *slot = &ring->slots[i];
        uint64_t serial = uring_serial(slot);

        if (slot->use_count > 0)
            continue;
        if (serial == 0 || (serial & VL_URING_CLOSED) != 0)
            return i;
        if (ring->tick - slot->used_at > URING_SLOT_KEEP && slot->used_at < oldest) {
            oldest = slot->used_at;
            victim = i;
        }
    }
    return victim;
}

/* Open the file a second time, for reading; VL_URING_NO_FD when that does not work. What the
 * process prints cannot reach it (P1 of io_posix.c), since it is not for writing. */
static int
uring_open_again(const vl_uring_file *file)
{
#if defined(__linux__)
    char path[64];
    int modes = fcntl(file->posix.fd, F_GETFL);
    int fd;

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file->posix.fd);
    fd = modes < 0 ? -1 : vl_posix_open_fd(path, O_RDONLY | (modes & O_DIRECT));
    if (fd > 0)
        return fd;
    if (fd == 0)
        vl_posix_close_fd(fd);
#else
    (void)file;
#endif
    return VL_URING_NO_FD;
}

/* The second descriptor of a locked file, opened by the first that needs it. */
static int
uring_read_fd(vl_uring_file *file)
{
    int none = 0;
    int fd = atomic_load_explicit(&file->read_fd, memory_order_acquire);

    if (fd != 0)
        return fd;
    fd = uring_open_again(file);
    if (atomic_compare_exchange_strong_explicit(&file->read_fd, &none, fd, memory_order_acq_rel,
                                                memory_order_acquire))
        return fd;
    if (fd > 0)
        vl_posix_close_fd(fd); /* another thread was quicker */
    return none;
}

/* Put a descriptor of the file into the table at entry i. */
static int
uring_slot_fill(vl_uring_ring *ring, int i, vl_uring_file *file, int fd)
{
    vl_uring_slot *slot = &ring->slots[i];
    int result = io_uring_register_files_update(&ring->ring, (unsigned)i, &fd, 1);

    if (result != 1) {
        /* An error leaves the entry as it was, or empty. It is not tried again on this ring. */
        vl_count(&file->posix.common.io->unregistered_count, 1);
        ring->has_files = 0;
        return -1;
    }
    atomic_store_explicit(&slot->serial, file->posix.common.serial, memory_order_release);
    atomic_store_explicit(&file->was_registered, 1, memory_order_release);
    return 0;
}

int
vl_uring_slot_get(vl_uring_ring *ring, vl_uring_file *file, int is_read)
{
    int is_locked = atomic_load_explicit(&file->posix.has_lock, memory_order_acquire);
    int found = -1;

    if (!ring->has_files || (is_locked && !is_read))
        return -1;
    ring->tick++;
    for (int i = 0; i < VL_URING_FILES && found < 0; i++)
        if (uring_serial(&ring->slots[i]) == file->posix.common.serial) /* U2 */
            found = i;
    if (found < 0) {
        int fd = is_locked ? uring_read_fd(file) : file->posix.fd;

        found = fd >= 0 ? uring_slot_victim(ring) : -1;
        if (found < 0 || uring_slot_fill(ring, found, file, fd) != 0)
            return -1;
    }
    ring->slots[found].used_at = ring->tick;
    ring->slots[found].use_count++;
    return found;
}

void
vl_uring_slot_put(vl_uring_ring *ring, int slot)
{
    VL_ASSERT(ring->slots[slot].use_count > 0);
    ring->slots[slot].use_count--;
}

int
vl_uring_mark_closed(vl_uring_ring *ring, uint64_t serial)
{
    for (int i = 0; i < VL_URING_FILES; i++) {
        uint64_t seen = serial;

        if (atomic_compare_exchange_strong_explicit(&ring->slots[i].serial, &seen,
                                                    serial | VL_URING_CLOSED, memory_order_seq_cst,
                                                    memory_order_relaxed))
            return 1;
    }
    return 0;
}

int
vl_uring_drop_closed(vl_uring_ring *ring)
{
    static const int none = -1;

    for (int i = 0; ring->is_open && i < VL_URING_FILES; i++) {
        vl_uring_slot *slot = &ring->slots[i];
        int result;

        if ((uring_serial(slot) & VL_URING_CLOSED) == 0 || slot->use_count > 0)
            continue;
        result = io_uring_register_files_update(&ring->ring, (unsigned)i, &none, 1);
        if (result < 0)
            return -result;
        atomic_store_explicit(&slot->serial, 0, memory_order_release);
    }
    return 0;
}

/* ---- buffers ---- */

void
vl_uring_copy_slabs(vl_io *io, vl_uring_slabs *slabs)
{
    vl_latch_acquire_shared(&io->latch);
    slabs->version = atomic_load_explicit(&io->slab_version, memory_order_relaxed);
    slabs->count = io->slab_count;
    memcpy(slabs->slabs, io->slabs, slabs->count * sizeof slabs->slabs[0]);
    vl_latch_release_shared(&io->latch);
}

/* Tell the kernel what stands in an entry of the table of buffers; an empty buffer clears it.
 * Returns 1, or a negative errno value. */
static int
uring_set_buffer(vl_uring_ring *ring, uint32_t entry, const struct iovec *buffer)
{
    static const __u64 no_tag = 0;

    return io_uring_register_buffers_update_tag(&ring->ring, entry, buffer, &no_tag, 1);
}

/* Take back the registration of slab i. */
static int
uring_drop_slab(vl_uring_ring *ring, uint32_t i)
{
    static const struct iovec none = {NULL, 0};
    vl_uring_slab *slab = &ring->slabs[i];

    while (slab->part_count > 0) {
        uint32_t entry = slab->first + slab->part_count - 1;
        int result = uring_set_buffer(ring, entry, &none);

        if (result < 0)
            return -result;
        ring->is_buffer_used[entry] = 0;
        slab->part_count--;
        slab->size = slab->part_count * VL_URING_BUFFER_MAX;
    }
    slab->base = NULL;
    slab->size = 0;
    return 0;
}

int
vl_uring_drop_slabs(vl_uring_ring *ring, const vl_uring_slabs *slabs)
{
    for (uint32_t i = 0; i < ring->slab_count; i++) {
        int is_gone = i >= slabs->count || slabs->slabs[i].version != ring->slabs[i].version;
        int error = is_gone && ring->slabs[i].part_count > 0 ? uring_drop_slab(ring, i) : 0;

        if (error != 0)
            return error;
    }
    return 0;
}

/* Find `count` free entries in a row; VL_URING_BUFFERS when there are none. */
static uint32_t
uring_find_entries(const vl_uring_ring *ring, uint32_t count)
{
    uint32_t run = 0;

    for (uint32_t i = 0; i < VL_URING_BUFFERS; i++) {
        run = ring->is_buffer_used[i] ? 0 : run + 1;
        if (run == count)
            return i + 1 - count;
    }
    return VL_URING_BUFFERS;
}

/* Register a slab's memory, in parts. Keeps U3. */
static int
uring_add_slab(vl_uring_ring *ring, uint32_t i, const vl_io_slab *wanted)
{
    vl_uring_slab *slab = &ring->slabs[i];
    size_t part_count = (wanted->size + VL_URING_BUFFER_MAX - 1) / VL_URING_BUFFER_MAX;
    int result = 1;

    if (part_count == 0 || part_count > VL_URING_BUFFERS)
        return part_count == 0 ? 0 : E2BIG;
    slab->first = uring_find_entries(ring, (uint32_t)part_count);
    if (slab->first == VL_URING_BUFFERS)
        return E2BIG;
    slab->base = wanted->base;
    while (slab->size < wanted->size && result == 1) {
        size_t rest = wanted->size - slab->size;
        struct iovec part = {slab->base + slab->size,
                             rest < VL_URING_BUFFER_MAX ? rest : VL_URING_BUFFER_MAX};

        result = uring_set_buffer(ring, slab->first + slab->part_count, &part);
        if (result == 1) {
            ring->is_buffer_used[slab->first + slab->part_count++] = 1;
            slab->size += part.iov_len;
        }
    }
    if (result == 1)
        return 0;
    return result < 0 ? -result : ENOMEM;
}

/* Act upon the present version of slab i. */
static int
uring_update_slab(vl_uring_ring *ring, uint32_t i, const vl_io_slab *wanted)
{
    int error = uring_drop_slab(ring, i);

    ring->slabs[i].version = wanted->version;
    if (error != 0 || wanted->base == NULL)
        return error;
    if (!ring->has_buffers) {
        int result = io_uring_register_buffers_sparse(&ring->ring, VL_URING_BUFFERS);

        if (result != 0)
            return -result;
        ring->has_buffers = 1;
    }
    return uring_add_slab(ring, i, wanted);
}

int
vl_uring_update_slabs(vl_uring_ring *ring, vl_io *io)
{
    vl_uring_slabs slabs;
    int first_error = 0;

    if (atomic_load_explicit(&io->slab_version, memory_order_acquire) == ring->slab_version)
        return 0;
    vl_uring_copy_slabs(io, &slabs);
    ring->slab_version = slabs.version;
    if (ring->slab_count < slabs.count)
        ring->slab_count = slabs.count;
    for (uint32_t i = 0; i < slabs.count; i++) {
        int error = 0;

        if (slabs.slabs[i].version != ring->slabs[i].version)
            error = uring_update_slab(ring, i, &slabs.slabs[i]);
        if (error != 0) {
            vl_count(&io->unregistered_count, 1);
            if (first_error == 0)
                first_error = error;
        }
    }
    return first_error;
}

int
vl_uring_find_buffer(const vl_uring_ring *ring, const void *at, size_t size)
{
    for (uint32_t i = 0; i < ring->slab_count; i++) {
        const vl_uring_slab *slab = &ring->slabs[i];
        uintptr_t offset = (uintptr_t)at - (uintptr_t)slab->base; /* huge when below */

        if (offset >= slab->size || size > slab->size - offset)
            continue;
        if (offset / VL_URING_BUFFER_MAX != (offset + size - 1) / VL_URING_BUFFER_MAX)
            return -1; /* across two parts */
        return (int)(slab->first + offset / VL_URING_BUFFER_MAX);
    }
    return -1;
}

#endif
