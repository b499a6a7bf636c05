/* io_posix.c - files through plain system calls; the backend that works everywhere.
 *
 * Its queues run a batch when it is submitted, one request after the other; before a batch of
 * several buffered reads the kernel is told of all of them, so that the medium works in parallel.
 *
 * Invariants
 *   P1  A descriptor is a regular file's or a block device's, closed on exec, without O_NONBLOCK,
 *       and not 0, 1 or 2, so that what the process prints never lands in a database.
 *   P2  A direct file's align divides VL_DIRECT_ALIGN: whoever aligns to that is always right.
 *   P3  All locks of an open file are gone when its close returns, even if something else (a ring,
 *       a forked child) still holds the system's description of the file.
 *   P4  No call blocks in a FIFO or another device that opened by mistake. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os/posix_int.h"

#include "base/assert.h"
#include "base/rank.h"
#include "os/machine.h"
#include "os/persist.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/vfs.h>
#endif
#if VL_POSIX_FLOCK
#include <sys/file.h>
#endif

#define POSIX_TRANSFER_MAX   ((size_t)1 << 30) /* bytes per call; a multiple of every alignment */
#define POSIX_CREATE_MODE    0666              /* the process's umask takes away from it */
#define POSIX_PRIVATE_MODE   0600              /* of VL_OPEN_PRIVATE */
#define POSIX_NAME_TRIES     16                /* random names tried for a temporary file */
#define POSIX_MAP_ALIGN      ((size_t)2 << 20) /* of large maps: lets the system use large pages */
#define POSIX_DESCRIPTOR_MIN 3                 /* keeps P1 */

/* ---- opening ---- */

static int
posix_open_fd(const char *path, int flags, mode_t mode)
{
    int fd;

    do
        fd = open(path, flags | O_CLOEXEC | O_NOCTTY, mode);
    while (fd < 0 && errno == EINTR);
    return fd;
}

int
vl_posix_open_fd(const char *path, int flags)
{
    return posix_open_fd(path, flags, POSIX_CREATE_MODE);
}

void
vl_posix_close_fd(int fd)
{
    (void)close(fd); /* after EINTR the descriptor is gone on Linux: never repeated */
}

/* Move a descriptor away from those of standard input and output. Keeps P1. */
static int
posix_raise_fd(int *fd)
{
    int raised;
    int error;

    if (*fd >= POSIX_DESCRIPTOR_MIN)
        return 0;
    raised = fcntl(*fd, F_DUPFD_CLOEXEC, POSIX_DESCRIPTOR_MIN);
    error = raised < 0 ? errno : 0;
    vl_posix_close_fd(*fd);
    *fd = raised;
    return error;
}

/* Refuse what is neither a regular file nor a block device. */
static int
posix_check_kind(vl_posix_file *file)
{
    struct stat info;

    VL_ASSERT(file->fd >= 0);
    if (fstat(file->fd, &info) != 0)
        return errno;
    if (S_ISDIR(info.st_mode))
        return EISDIR;
    file->is_block = S_ISBLK(info.st_mode);
    return S_ISREG(info.st_mode) || file->is_block ? 0 : ENOTSUP;
}

/* The alignment that direct transfers need; 0 where the file system refuses them or needs more
 * than VL_DIRECT_ALIGN, which would break P2. */
static uint32_t
posix_direct_align(int fd)
{
#if defined(STATX_DIOALIGN)
    struct statx info;
    uint32_t align;

    memset(&info, 0, sizeof info);
    if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &info) != 0 ||
        (info.stx_mask & STATX_DIOALIGN) == 0)
        return VL_DIRECT_ALIGN;
    if (info.stx_dio_offset_align == 0)
        return 0;
    align = info.stx_dio_mem_align > info.stx_dio_offset_align ? info.stx_dio_mem_align
                                                               : info.stx_dio_offset_align;
    if (align < VL_SECTOR_SIZE)
        align = VL_SECTOR_SIZE;
    return vl_is_power_of_two(align) && align <= VL_DIRECT_ALIGN ? align : 0;
#else
    (void)fd;
    return VL_DIRECT_ALIGN;
#endif
}

/* Drop O_NONBLOCK, which served P4 during the open, and switch to direct transfers if asked and
 * possible. Not done by open itself: it would create the file before it refuses O_DIRECT. */
static int
posix_set_modes(vl_posix_file *file)
{
    int modes = fcntl(file->fd, F_GETFL);

    if (modes < 0)
        return errno;
    modes &= ~O_NONBLOCK;
#if defined(O_DIRECT)
    if ((file->common.flags & VL_OPEN_DIRECT) != 0) {
        uint32_t align = posix_direct_align(file->fd);

        if (align != 0 && fcntl(file->fd, F_SETFL, modes | O_DIRECT) == 0) {
            file->common.is_direct = 1;
            file->common.align = align;
            return 0;
        }
    }
#endif
    return fcntl(file->fd, F_SETFL, modes) == 0 ? 0 : errno;
}

#if defined(__linux__)
/* File systems that honour RWF_DSYNC, by their magic numbers in the kernel's headers. Others (FUSE,
 * network file systems) may take the flag and do nothing, which cannot be seen from here. */
static int
posix_is_dsync_known(int fd)
{
    static const uint32_t known[] = {
        0xef53U,     /* ext2, ext3, ext4 */
        0x58465342U, /* XFS */
        0x9123683eU, /* btrfs */
        0xf2f52010U, /* F2FS */
        0xca451a4eU, /* bcachefs */
        0x01021994U, /* tmpfs, and devtmpfs with the block devices */
    };
    struct statfs info;

    if (fstatfs(fd, &info) != 0)
        return 0;
    for (size_t i = 0; i < VL_ARRAY_COUNT(known); i++)
        if (((uint64_t)info.f_type & UINT32_MAX) == known[i])
            return 1;
    return 0;
}
#endif

/* Whether one write can be made durable by itself. A write of nothing finds out whether the call
 * exists at all. */
static int
posix_find_dsync(const vl_posix_file *file)
{
#if defined(__linux__) && defined(RWF_DSYNC)
    struct iovec nothing = {NULL, 0};

    if ((file->common.flags & VL_OPEN_WRITE) == 0)
        return 0;
    return pwritev2(file->fd, &nothing, 1, 0, RWF_DSYNC) == 0 && posix_is_dsync_known(file->fd);
#else
    (void)file;
    return 0;
#endif
}

/* A file with a random name, whose name is taken away at once. */
static int
posix_open_unnamed(const vl_posix_file *file, int *fd)
{
    char path[VL_PATH_SIZE];
    uint64_t number;
    int error;
    int length;

    for (int i = 0; i < POSIX_NAME_TRIES; i++) {
        error = vl_posix_random(file->common.io, &number, sizeof number);
        if (error != 0)
            return error;
        length = snprintf(path, sizeof path, "%s/.velo-%016llx", file->common.path,
                          (unsigned long long)number);
        if (length < 0 || (size_t)length >= sizeof path)
            return ENAMETOOLONG;
        *fd = posix_open_fd(path, O_RDWR | O_CREAT | O_EXCL, POSIX_PRIVATE_MODE);
        if (*fd >= 0)
            return unlink(path) == 0 ? 0 : errno;
        if (errno != EEXIST)
            return errno;
    }
    return EEXIST;
}

static int
posix_open_temporary(const vl_posix_file *file, int *fd)
{
#if defined(O_TMPFILE)
    *fd = posix_open_fd(file->common.path, O_RDWR | O_TMPFILE | O_EXCL, POSIX_PRIVATE_MODE);
    if (*fd >= 0)
        return 0;
    /* What systems answer that do not know the flag, or file systems that cannot do it. */
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL && errno != ENOENT)
        return errno;
#endif
    return posix_open_unnamed(file, fd);
}

static int
posix_open_named(const vl_posix_file *file, int *fd)
{
    uint32_t asked = file->common.flags;
    int flags = (asked & VL_OPEN_WRITE) != 0 ? O_RDWR : O_RDONLY;

    if ((asked & VL_OPEN_CREATE) != 0)
        flags |= O_CREAT;
    if ((asked & VL_OPEN_EXCLUSIVE) != 0 && (asked & VL_OPEN_CREATE) != 0)
        flags |= O_EXCL;
    *fd = posix_open_fd(file->common.path, flags | O_NONBLOCK, /* keeps P4 */
                        (asked & VL_OPEN_PRIVATE) != 0 ? POSIX_PRIVATE_MODE : POSIX_CREATE_MODE);
    return *fd >= 0 ? 0 : errno;
}

int
vl_posix_file_open(vl_file *common)
{
    vl_posix_file *file = vl_posix_of(common);
    int error;

    file->fd = -1;
    if ((common->flags & VL_OPEN_TEMPORARY) != 0)
        error = posix_open_temporary(file, &file->fd);
    else
        error = posix_open_named(file, &file->fd);
    if (error == 0)
        error = posix_raise_fd(&file->fd);
    if (error == 0)
        error = posix_check_kind(file);
    if (error == 0)
        error = posix_set_modes(file);
    if (error != 0) {
        if (file->fd >= 0)
            vl_posix_close_fd(file->fd);
        file->fd = -1;
        return error;
    }
#if VL_POSIX_FLOCK
    vl_latch_init(&file->lock_latch, VL_RANK_IO_FILES);
#endif
    common->can_dsync = posix_find_dsync(file);
    return 0;
}

int
vl_posix_file_get_id(vl_file *file, vl_file_id *id)
{
    struct stat info;

    if (fstat(vl_posix_of(file)->fd, &info) != 0)
        return errno;
    id->device = (uint64_t)info.st_dev;
    id->inode = (uint64_t)info.st_ino;
    return 0;
}

int
vl_posix_file_get_write_time(vl_file *file, int64_t *time_ns)
{
    struct stat info;

    if (fstat(vl_posix_of(file)->fd, &info) != 0)
        return errno;
#if defined(__APPLE__)
    *time_ns = (int64_t)info.st_mtimespec.tv_sec * 1000000000 + info.st_mtimespec.tv_nsec;
#else
    *time_ns = (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec;
#endif
    return 0;
}

int
vl_posix_file_copy_mode(vl_file *from, vl_file *to)
{
    int fd = vl_posix_of(to)->fd;
    struct stat wanted;
    struct stat info;
    mode_t mode;

    if (fstat(vl_posix_of(from)->fd, &wanted) != 0 || fstat(fd, &info) != 0)
        return errno;
    mode = wanted.st_mode & POSIX_CREATE_MODE;
    if (wanted.st_gid != info.st_gid && fchown(fd, (uid_t)-1, wanted.st_gid) != 0)
        mode = (mode & ~(mode_t)S_IRWXG) | (mode & S_IRWXO) << 3;
    if (mode != (info.st_mode & ~(mode_t)S_IFMT) && fchmod(fd, mode) != 0)
        return errno;
    /* Last: who gives it away has no say in its permissions. Only the superuser can. */
    if (wanted.st_uid != info.st_uid && fchown(fd, wanted.st_uid, (gid_t)-1) != 0)
        return errno == EPERM ? 0 : errno;
    return 0;
}

/* ---- transfers ---- */

/* A direct read that continues at an odd offset is refused; it is one that was cut short by the
 * end of the file, which this confirms. */
static int
posix_is_past_end(vl_file *file, uint64_t offset)
{
    uint64_t size;

    return file->is_direct && offset % file->align != 0 && vl_posix_get_size(file, &size) == 0 &&
           offset >= size;
}

int
vl_posix_read(vl_file *file, void *buf, size_t size, uint64_t offset, size_t *moved)
{
    ssize_t count;

    if (size > POSIX_TRANSFER_MAX)
        size = POSIX_TRANSFER_MAX;
    do
        count = pread(vl_posix_of(file)->fd, buf, size, (off_t)offset);
    while (count < 0 && errno == EINTR);
    if (count < 0) {
        int error = errno;

        return error == EINVAL && posix_is_past_end(file, offset) ? 0 : error;
    }
    *moved = (size_t)count;
    return 0;
}

#if defined(__linux__) && defined(RWF_DSYNC)
static ssize_t
posix_write_dsync(int fd, const void *buf, size_t size, uint64_t offset)
{
    union {
        const void *given; /* what the caller lends: only read */
        void *asked;       /* as iovec is typed */
    } bytes = {.given = buf};
    struct iovec part = {bytes.asked, size};

    return pwritev2(fd, &part, 1, (off_t)offset, RWF_DSYNC);
}
#else
static ssize_t
posix_write_dsync(int fd, const void *buf, size_t size, uint64_t offset)
{
    (void)fd;
    (void)buf;
    (void)size;
    (void)offset;
    errno = EOPNOTSUPP;
    return -1;
}
#endif

int
vl_posix_write(vl_file *file, const void *buf, size_t size, uint64_t offset, int durable,
               size_t *moved)
{
    int fd = vl_posix_of(file)->fd;
    int is_synced = durable;
    ssize_t count;

    if (size > POSIX_TRANSFER_MAX)
        size = POSIX_TRANSFER_MAX;
    do {
        if (is_synced)
            count = posix_write_dsync(fd, buf, size, offset);
        else
            count = pwrite(fd, buf, size, (off_t)offset);
        if (count < 0 && is_synced && (errno == EOPNOTSUPP || errno == ENOSYS)) {
            is_synced = 0; /* nothing was written: do it in two steps */
            errno = EINTR;
        }
    } while (count < 0 && errno == EINTR);
    if (count < 0)
        return errno;
    *moved = (size_t)count;
    return durable && !is_synced ? vl_posix_sync(file) : 0;
}

/* The system's call that takes a file's data, and what is needed to read it, to the medium. */
static int
posix_sync_fd(int fd)
{
#if defined(__APPLE__)
    if (fcntl(fd, F_FULLFSYNC) == 0)
        return 0;
    return fsync(fd); /* file systems without the stronger call */
#else
    return fdatasync(fd);
#endif
}

int
vl_posix_sync(vl_file *file)
{
    int result;

    /* EINTR is no verdict on the data: the call was left early and may be repeated, unlike one
     * that failed. */
    do
        result = posix_sync_fd(vl_posix_of(file)->fd);
    while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
}

/* ---- space ---- */

/* Without the flags that wait, the call neither waits for transfers nor takes note of errors: those
 * stay for fdatasync. */
void
vl_posix_start_writing(vl_file *file, uint64_t offset, uint64_t size)
{
#if defined(SYNC_FILE_RANGE_WRITE)
    if (!file->is_direct && offset <= INT64_MAX && size <= INT64_MAX - offset)
        (void)sync_file_range(vl_posix_of(file)->fd, (off_t)offset, (off_t)size,
                              SYNC_FILE_RANGE_WRITE);
#else
    (void)file;
    (void)offset;
    (void)size;
#endif
}

int
vl_posix_get_size(vl_file *common, uint64_t *size)
{
    vl_posix_file *file = vl_posix_of(common);
    struct stat info;
    off_t end;

    if (file->is_block) {
        end = lseek(file->fd, 0, SEEK_END); /* nobody uses the file's position */
        if (end < 0)
            return errno;
    } else {
        if (fstat(file->fd, &info) != 0)
            return errno;
        end = info.st_size;
    }
    *size = (uint64_t)end;
    return 0;
}

int
vl_posix_resize(vl_file *file, uint64_t size)
{
    int result;

    if (size > INT64_MAX)
        return EFBIG;
    do
        result = ftruncate(vl_posix_of(file)->fd, (off_t)size);
    while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
}

#if defined(__linux__)
static int
posix_fallocate_mode(vl_file *file, int mode, uint64_t offset, uint64_t size)
{
    int result;

    if (offset > INT64_MAX || size > INT64_MAX - offset)
        return EFBIG;
    do
        result = fallocate(vl_posix_of(file)->fd, mode, (off_t)offset, (off_t)size);
    while (result != 0 && errno == EINTR);
    if (result == 0)
        return 0;
    return errno == ENOSYS || errno == ENODEV ? EOPNOTSUPP : errno;
}
#endif

int
vl_posix_allocate(vl_file *file, uint64_t offset, uint64_t size)
{
#if defined(__linux__)
    return posix_fallocate_mode(file, 0, offset, size);
#else
    (void)file;
    (void)offset;
    (void)size;
    return EOPNOTSUPP;
#endif
}

int
vl_posix_punch(vl_file *file, uint64_t offset, uint64_t size)
{
#if defined(__linux__) && defined(FALLOC_FL_PUNCH_HOLE)
    int error =
        posix_fallocate_mode(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, size);

    /* A block device takes whole sectors only. */
    return error == EINVAL && vl_posix_of(file)->is_block ? EOPNOTSUPP : error;
#else
    (void)file;
    (void)offset;
    (void)size;
    return EOPNOTSUPP;
#endif
}

/* ---- locks ---- */

#if VL_POSIX_FLOCK
/* flock knows whole files only: it takes the strongest mode of all ranges that are locked. Two
 * opens with ranges that do not overlap then exclude each other, which callers of a lock that
 * never waits must expect anyway. A change of mode is not atomic in flock: when it fails, the old
 * mode is asked for again. */
static int
posix_flock_mode(int fd, vl_lock_mode mode)
{
    int operation = LOCK_UN;
    int result;

    if (mode == VL_LOCK_SHARED)
        operation = LOCK_SH | LOCK_NB;
    else if (mode == VL_LOCK_EXCLUSIVE)
        operation = LOCK_EX | LOCK_NB;
    do
        result = flock(fd, operation);
    while (result != 0 && errno == EINTR);
    if (result == 0)
        return 0;
    return errno == EWOULDBLOCK ? EAGAIN : errno;
}

/* The entry of a range, or an unused one, or NULL. */
static vl_posix_range *
posix_flock_range(vl_posix_file *file, uint64_t offset, uint64_t size)
{
    vl_posix_range *unused = NULL;

    for (int i = 0; i < VL_POSIX_FLOCK_RANGES; i++) {
        vl_posix_range *range = &file->ranges[i];

        if (range->mode == VL_LOCK_NONE)
            unused = range;
        else if (range->offset == offset && range->size == size)
            return range;
    }
    return unused;
}

static vl_lock_mode
posix_flock_strongest(const vl_posix_file *file)
{
    vl_lock_mode strongest = VL_LOCK_NONE;

    for (int i = 0; i < VL_POSIX_FLOCK_RANGES; i++)
        if (file->ranges[i].mode > strongest)
            strongest = file->ranges[i].mode;
    return strongest;
}

static int
posix_lock_range(vl_posix_file *file, vl_lock_mode mode, uint64_t offset, uint64_t size)
{
    vl_lock_mode before;
    vl_lock_mode range_before;
    vl_posix_range *range;
    int error = ENOLCK;

    vl_latch_acquire_exclusive(&file->lock_latch);
    before = posix_flock_strongest(file);
    range = posix_flock_range(file, offset, size);
    if (range != NULL) {
        range_before = range->mode;
        range->offset = offset;
        range->size = size;
        range->mode = mode;
        error = posix_flock_mode(file->fd, posix_flock_strongest(file));
        if (error != 0) {
            range->mode = range_before;
            (void)posix_flock_mode(file->fd, before);
        }
    }
    vl_latch_release_exclusive(&file->lock_latch);
    return error;
}

static void
posix_unlock_all(vl_posix_file *file)
{
    (void)posix_flock_mode(file->fd, VL_LOCK_NONE);
}
#else
/* Locks of byte ranges that belong to the open file, not to the process. */
static int
posix_set_lock(int fd, short type, uint64_t offset, uint64_t size)
{
    struct flock lock;
    int result;

    memset(&lock, 0, sizeof lock); /* l_pid must be 0 */
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = (off_t)offset;
    lock.l_len = (off_t)size;
    do
        result = fcntl(fd, F_OFD_SETLK, &lock);
    while (result != 0 && errno == EINTR);
    if (result == 0)
        return 0;
    return errno == EACCES ? EAGAIN : errno;
}

static int
posix_lock_range(vl_posix_file *file, vl_lock_mode mode, uint64_t offset, uint64_t size)
{
    short type = F_UNLCK;

    if (mode == VL_LOCK_SHARED)
        type = F_RDLCK;
    else if (mode == VL_LOCK_EXCLUSIVE)
        type = F_WRLCK;
    return posix_set_lock(file->fd, type, offset, size);
}

static void
posix_unlock_all(vl_posix_file *file)
{
    (void)posix_set_lock(file->fd, F_UNLCK, 0, 0); /* from 0 to the end of all offsets */
}
#endif

int
vl_posix_lock(vl_file *common, vl_lock_mode mode, uint64_t offset, uint64_t size)
{
    vl_posix_file *file = vl_posix_of(common);

    if (size == 0 || offset > INT64_MAX || size > INT64_MAX - offset)
        return EINVAL;
    if (mode != VL_LOCK_NONE)
        atomic_store_explicit(&file->has_lock, 1, memory_order_release);
    return posix_lock_range(file, mode, offset, size);
}

void
vl_posix_file_close(vl_file *common)
{
    vl_posix_file *file = vl_posix_of(common);

    if (atomic_load_explicit(&file->has_lock, memory_order_acquire))
        posix_unlock_all(file); /* keeps P3 */
    vl_posix_close_fd(file->fd);
    file->fd = -1;
}

/* ---- mappings ---- */

static size_t
posix_page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* Address space that a map keeps: its reservation in whole pages, at least one. */
static size_t
posix_map_room(const vl_map *map)
{
    size_t room = (size_t)vl_align_up(map->reserved, posix_page_size());

    return room != 0 ? room : posix_page_size();
}

/* Keep address space in which nothing may be touched, large ones aligned for large pages. */
static int
posix_map_reserve(size_t room, uint8_t **base)
{
    size_t slack = room >= POSIX_MAP_ALIGN ? POSIX_MAP_ALIGN : 0;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    uint8_t *start;
    size_t before;

#if defined(MAP_NORESERVE)
    flags |= MAP_NORESERVE;
#endif
    start = mmap(NULL, room + slack, PROT_NONE, flags, -1, 0);
    if (start == MAP_FAILED)
        return errno;
    before = slack != 0 ? (size_t)(-(uintptr_t)start & (POSIX_MAP_ALIGN - 1)) : 0;
    if (before != 0)
        (void)munmap(start, before);
    if (slack - before != 0)
        (void)munmap(start + before + room, slack - before);
    *base = start + before;
    return 0;
}

/* Map the file's bytes [from, to) to their place; both are multiples of the page size. A map that
 * is synchronous stays so or fails: `try_sync` asks to find out whether it can be. */
static int
posix_map_part(vl_map *map, size_t from, size_t to, int try_sync)
{
    int fd = vl_posix_of(map->file)->fd;
    int access = map->is_writable ? PROT_READ | PROT_WRITE : PROT_READ;
    uint8_t *at = map->base + from;

#if defined(MAP_SYNC) && defined(MAP_SHARED_VALIDATE)
    if (try_sync || map->is_synchronous) {
        if (mmap(at, to - from, access, MAP_SHARED_VALIDATE | MAP_SYNC | MAP_FIXED, fd,
                 (off_t)from) != MAP_FAILED) {
            if (try_sync)
                map->is_synchronous = 1;
            return 0;
        }
        if (map->is_synchronous)
            return errno;
    }
#else
    (void)try_sync;
#endif
    if (mmap(at, to - from, access, MAP_SHARED | MAP_FIXED, fd, (off_t)from) == MAP_FAILED)
        return errno;
    return 0;
}

/* What makes stores to a map that was just opened durable. */
static vl_persist
posix_map_find_persist(const vl_map *map)
{
    const char *word = getenv("VELO_PMEM");

    if (!map->is_writable || map->size == 0 || !vl_persist_is_supported())
        return VL_PERSIST_SYNC;
    if (map->is_synchronous || vl_persist_is_vouched(map->base, (size_t)map->size))
        return VL_PERSIST_FLUSH;
    return word != NULL && strcmp(word, "force") == 0 ? VL_PERSIST_FORCED : VL_PERSIST_SYNC;
}

int
vl_posix_map_open(vl_map *map)
{
    size_t room;
    size_t end;
    int error;

    if (map->reserved > INT64_MAX / 2)
        return ENOMEM;
    room = posix_map_room(map);
    end = (size_t)vl_align_up(map->size, posix_page_size());
    error = posix_map_reserve(room, &map->base);
    if (error == 0 && end > 0) {
        error = posix_map_part(map, 0, end, map->is_writable);
        if (error != 0)
            (void)munmap(map->base, room);
    }
    if (error != 0)
        map->base = NULL;
    else
        map->persist = posix_map_find_persist(map);
    return error;
}

int
vl_posix_map_extend(vl_map *map, uint64_t size)
{
    size_t from = (size_t)vl_align_up(map->size, posix_page_size());
    size_t to;

    if (size > map->reserved)
        return ENOMEM;
    to = (size_t)vl_align_up(size, posix_page_size());
    return to > from ? posix_map_part(map, from, to, 0) : 0;
}

int
vl_posix_map_sync(vl_map *map, uint64_t offset, uint64_t size)
{
    uint64_t from = vl_align_down(offset, posix_page_size());
    int result;

    do
        result = msync(map->base + from, (size_t)(offset + size - from), MS_SYNC);
    while (result != 0 && errno == EINTR);
    if (result != 0)
        return errno;
#if defined(__APPLE__)
    return vl_posix_sync(map->file); /* msync stops at the drive's cache */
#else
    return 0;
#endif
}

int
vl_posix_map_store(vl_map *map, const void *buf, size_t size, uint64_t offset)
{
    vl_persist_store(map->base + offset, buf, size);
    return 0;
}

int
vl_posix_map_persist(vl_map *map, uint64_t offset, uint64_t size, int is_flushed)
{
    if (is_flushed)
        vl_persist_flush(map->base + offset, (size_t)size);
    vl_persist_fence();
    return 0;
}

void
vl_posix_map_discard(const vl_map *map, uint64_t offset, uint64_t size)
{
    /* A shared mapping: what was stored stays in the file. */
    vl_machine_discard(map->base + offset, (size_t)size);
}

void
vl_posix_map_close(vl_map *map)
{
    if (map->base != NULL)
        (void)munmap(map->base, posix_map_room(map));
    map->base = NULL;
}

/* ---- queues ---- */

/* Tell the kernel of all buffered reads of a batch before the first one waits. */
static void
posix_hint_reads(const vl_io_request *requests, uint32_t count)
{
#if defined(POSIX_FADV_WILLNEED)
    if (count < 2)
        return;
    for (uint32_t i = 0; i < count; i++) {
        const vl_io_request *request = &requests[i];

        if (request->op == VL_IO_READ && !request->file->is_direct)
            (void)posix_fadvise(vl_posix_of(request->file)->fd, (off_t)request->offset,
                                (off_t)request->size, POSIX_FADV_WILLNEED);
    }
#else
    (void)requests;
    (void)count;
#endif
}

void
vl_posix_queue_run(vl_io_queue *queue, vl_io_request *requests, uint32_t count)
{
    int is_cancelled = 0; /* an earlier member of the chain failed */

    posix_hint_reads(requests, count);
    for (uint32_t i = 0; i < count; i++) {
        vl_io_request *request = &requests[i];
        int is_linked = (request->flags & VL_IO_LINK) != 0;

        vl_io_queue_complete(queue, request, is_cancelled ? ECANCELED : vl_io_request_run(request));
        is_cancelled = is_linked && request->status != VELO_OK;
    }
}

static int
posix_queue_open(vl_io_queue *queue)
{
    (void)queue;
    return 0;
}

static void
posix_queue_close(vl_io_queue *queue)
{
    (void)queue;
}

static int
posix_queue_submit(vl_io_queue *queue, vl_io_request *requests, uint32_t count)
{
    vl_posix_queue_run(queue, requests, count);
    return 0;
}

static int
posix_queue_poll(vl_io_queue *queue, uint32_t wait)
{
    (void)queue;
    (void)wait;
    return 0; /* all was complete at the submission */
}

/* ---- the backend ---- */

void
vl_posix_close(vl_io *io)
{
    (void)io;
}

static const vl_io_ops posix_ops = {
    .name = "posix",
    .io_size = sizeof(vl_io),
    .file_size = sizeof(vl_posix_file),
    .queue_size = sizeof(vl_io_queue),
    .close = vl_posix_close,
    .file_open = vl_posix_file_open,
    .file_close = vl_posix_file_close,
    VL_POSIX_OPS,
    .lock = vl_posix_lock,
    .queue_open = posix_queue_open,
    .queue_close = posix_queue_close,
    .queue_submit = posix_queue_submit,
    .queue_poll = posix_queue_poll,
};

velo_status
vl_io_posix_open(vl_ctx *ctx, uint32_t queue_depth, vl_io **out)
{
    vl_io *io = vl_alloc_zero(ctx, sizeof *io);

    *out = NULL;
    if (io == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the I/O backend");
    vl_io_init(io, &posix_ops, ctx, queue_depth);
    *out = io;
    return VELO_OK;
}
