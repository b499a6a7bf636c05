/* sim_lock.c - locks of open files on bytes, as open-file-description locks are. */
#include "os/sim_int.h"

#include "base/assert.h"

#include <errno.h>

static int
sim_lock_overlaps(const vl_sim_lock *lock, uint64_t offset, uint64_t end)
{
    return lock->offset < end && offset < lock->end;
}

/* Whether another open file is in the way. */
static int
sim_lock_is_barred(const vl_sim *sim, const vl_sim_file *file, vl_lock_mode mode, uint64_t offset,
                   uint64_t end)
{
    for (uint32_t i = 0; i < sim->lock_count; i++) {
        const vl_sim_lock *lock = &sim->locks[i];

        if (lock->file != file && lock->file->inode == file->inode &&
            sim_lock_overlaps(lock, offset, end) &&
            (mode == VL_LOCK_EXCLUSIVE || lock->mode == VL_LOCK_EXCLUSIVE))
            return 1;
    }
    return 0;
}

/* Take the bytes out of the file's own locks; one of them may become two, for which there is
 * room. */
static void
sim_lock_cut_out(vl_sim *sim, const vl_sim_file *file, uint64_t offset, uint64_t end)
{
    uint32_t count = sim->lock_count;
    uint32_t kept = 0;
    vl_sim_lock right = {0};

    for (uint32_t i = 0; i < count; i++) {
        vl_sim_lock lock = sim->locks[i];

        if (lock.file == file && sim_lock_overlaps(&lock, offset, end)) {
            if (lock.end > end) {
                right = lock;
                right.offset = end;
            }
            if (lock.offset >= offset)
                continue;
            lock.end = offset;
        }
        sim->locks[kept++] = lock;
    }
    if (right.file != NULL)
        sim->locks[kept++] = right;
    sim->lock_count = kept;
}

int
vl_sim_lock_set(vl_sim *sim, vl_sim_file *file, vl_lock_mode mode, uint64_t offset, uint64_t size)
{
    uint64_t end = offset + size;
    vl_sim_lock *grown;

    if (size == 0 || end < offset)
        return EINVAL;
    if (mode == VL_LOCK_EXCLUSIVE && (file->file.flags & VL_OPEN_WRITE) == 0)
        return EBADF;
    if (mode != VL_LOCK_NONE && sim_lock_is_barred(sim, file, mode, offset, end))
        return EAGAIN;
    grown = vl_sim_array_reserve(sim->allocator, sim->locks, sim->lock_count, &sim->lock_capacity,
                                 sim->lock_count + 2, sizeof *grown);
    if (grown == NULL)
        return ENOMEM;
    sim->locks = grown;
    sim_lock_cut_out(sim, file, offset, end);
    if (mode == VL_LOCK_NONE)
        return 0;
    sim->locks[sim->lock_count++] =
        (vl_sim_lock){.file = file, .mode = mode, .offset = offset, .end = end};
    return 0;
}

void
vl_sim_lock_drop(vl_sim *sim, const vl_sim_file *file)
{
    sim_lock_cut_out(sim, file, 0, UINT64_MAX);
}
