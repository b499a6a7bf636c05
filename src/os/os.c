/* os.c - what callers of io.h see: opens backends, loops over short transfers, writes messages.
 *
 * Invariants
 *   O1  Every failure has a message that names the path and the system's reason.
 *   O2  A file whose sync failed once reports that failure for every later sync (keeps D5 of io.h):
 *       sync_error goes from 0 to an errno value and never back.
 *   O3  A backend's functions are called with the fields marked "os.c" filled in. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os/io.h"

#include "base/assert.h"
#include "base/atomic.h"
#include "base/rank.h"
#include "os/io_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Atomic uint64_t os_next_io_id = 1;
static _Atomic uint64_t os_next_file_serial = 1;

/* ---- codes and messages ---- */

velo_status
vl_os_status(int os_error, velo_status otherwise)
{
    switch (os_error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return VELO_FULL;
    case EROFS:
        return VELO_READONLY;
    case ENOMEM:
        return VELO_IOERR_NOMEM;
    case ECANCELED:
        return VELO_ABORT;
#if defined(EUCLEAN)
    case EUCLEAN:
        return VELO_IOERR_CORRUPTFS;
#endif
    default:
        return otherwise;
    }
}

static velo_status
os_open_status(int os_error)
{
    switch (os_error) {
    case EISDIR:
        return VELO_CANTOPEN_ISDIR;
    case ENAMETOOLONG:
        return VELO_CANTOPEN_FULLPATH;
    case ELOOP:
        return VELO_CANTOPEN_SYMLINK;
    case ENOMEM:
        return VELO_NOMEM;
    default:
        return vl_os_status(os_error, VELO_CANTOPEN);
    }
}

static velo_status
os_fail_file(vl_ctx *ctx, velo_status code, int os_error, const char *doing, const vl_file *file)
{
    return vl_fail_os(ctx, vl_os_status(os_error, code), os_error, "cannot %s \"%s\"", doing,
                      file->path);
}

static velo_status
os_fail_transfer(vl_ctx *ctx, velo_status code, int os_error, const char *doing,
                 const vl_file *file, size_t size, uint64_t offset)
{
    return vl_fail_os(ctx, vl_os_status(os_error, code), os_error,
                      "cannot %s %zu bytes at offset %" PRIu64 " of \"%s\"", doing, size, offset,
                      file->path);
}

static velo_status
os_fail_short(vl_ctx *ctx, const vl_file *file, size_t size, uint64_t offset, size_t moved)
{
    return vl_fail(ctx, VELO_IOERR_SHORT_READ,
                   "\"%s\" ends too early: %zu of %zu bytes at offset %" PRIu64, file->path, moved,
                   size, offset);
}

/* ---- backends ---- */

void
vl_io_init(vl_io *io, const vl_io_ops *ops, vl_ctx *ctx, uint32_t queue_depth)
{
    io->ops = ops;
    io->allocator = ctx->allocator;
    io->log = ctx->log;
    io->queue_depth = queue_depth != 0 ? queue_depth : VL_IO_DEFAULT_DEPTH;
    io->id = atomic_fetch_add_explicit(&os_next_io_id, 1, memory_order_relaxed);
    vl_latch_init(&io->latch, VL_RANK_IO);
    vl_io_enlist(io);
}

/* What the environment or the options ask for. */
static velo_status
os_wanted_backend(vl_ctx *ctx, const vl_io_options *options, vl_io_backend *wanted)
{
    const char *name = getenv("VELO_IO");

    *wanted = options != NULL ? options->backend : VL_IO_AUTO;
    if (*wanted != VL_IO_AUTO || name == NULL || name[0] == '\0')
        return VELO_OK;
    if (strcmp(name, "posix") == 0)
        *wanted = VL_IO_POSIX;
    else if (strcmp(name, "io_uring") == 0)
        *wanted = VL_IO_URING;
    else if (strcmp(name, "auto") != 0)
        return vl_fail(ctx, VELO_ERROR,
                       "the environment variable VELO_IO is \"%s\", not posix, io_uring or auto",
                       name);
    return VELO_OK;
}

velo_status
vl_io_open(vl_ctx *ctx, const vl_io_options *options, vl_io **out)
{
    uint32_t depth = options != NULL ? options->queue_depth : 0;
    int is_late = options != NULL && options->probes_late;
    vl_io_backend wanted;
    char reason[sizeof(*out)->fallback_reason] = "";
    velo_status st;

    *out = NULL;
    VL_TRY(os_wanted_backend(ctx, options, &wanted));
    if (wanted != VL_IO_POSIX) {
        st = vl_io_uring_open(ctx, depth, wanted == VL_IO_AUTO && is_late, out);
        if (st == VELO_OK || wanted == VL_IO_URING || st == VELO_NOMEM)
            return st;
        (void)snprintf(reason, sizeof reason, "%.*s", (int)sizeof reason - 1, ctx->error.text);
        vl_log_write(ctx->log, VL_LOG_NOTICE, VELO_NOTICE, "plain system calls for I/O: %s",
                     reason);
        vl_error_clear(ctx);
    }
    VL_TRY(vl_io_posix_open(ctx, depth, out));
    memcpy((*out)->fallback_reason, reason, sizeof reason);
    return VELO_OK;
}

void
vl_io_close(vl_io *io)
{
    if (io == NULL)
        return;
    vl_io_delist(io);
    VL_ASSERT(atomic_load_explicit(&io->open_files, memory_order_relaxed) == 0);
    io->ops->close(io);
    vl_free(io);
}

const char *
vl_io_name(const vl_io *io)
{
    return io->ops->name;
}

const char *
vl_io_fallback_reason(const vl_io *io)
{
    return io->fallback_reason;
}

void
vl_io_get_stats(const vl_io *io, vl_io_stats *stats)
{
    stats->read_count = vl_counter(&io->read_count);
    stats->read_bytes = vl_counter(&io->read_bytes);
    stats->write_count = vl_counter(&io->write_count);
    stats->write_bytes = vl_counter(&io->write_bytes);
    stats->sync_count = vl_counter(&io->sync_count);
    stats->submit_count = vl_counter(&io->submit_count);
    stats->fixed_buffer_count = vl_counter(&io->fixed_buffer_count);
    stats->ring_count = vl_counter(&io->ring_count);
    stats->unregistered_count = vl_counter(&io->unregistered_count);
}

/* ---- opening and closing files ---- */

/* Allocate a file's struct with a copy of the path. Keeps O3. */
static vl_file *
os_file_create(vl_io *io, const char *path, uint32_t flags)
{
    size_t path_size = strlen(path) + 1;
    vl_file *file = vl_allocator_alloc(io->allocator, io->ops->file_size, VL_ALLOC_ALIGN);

    if (file == NULL)
        return NULL;
    memset(file, 0, io->ops->file_size);
    file->path = vl_allocator_alloc(io->allocator, path_size, VL_ALLOC_ALIGN);
    if (file->path == NULL) {
        vl_free(file);
        return NULL;
    }
    memcpy(file->path, path, path_size);
    file->io = io;
    file->flags = flags;
    file->align = 1;
    vl_latch_init(&file->sync_turn, VL_RANK_NONE);
    file->serial = atomic_fetch_add_explicit(&os_next_file_serial, 1, memory_order_relaxed);
    return file;
}

static void
os_file_destroy(vl_file *file)
{
    vl_free(file->path);
    vl_free(file);
}

velo_status
vl_file_open(vl_ctx *ctx, vl_io *io, const char *path, uint32_t flags, vl_file **out)
{
    vl_file *file;
    int error;

    *out = NULL;
    if ((flags & VL_OPEN_TEMPORARY) != 0)
        flags |= VL_OPEN_WRITE | VL_OPEN_CREATE;
    if (path[0] == '\0')
        return vl_fail(ctx, VELO_CANTOPEN, "cannot open a file with an empty name");
    if (strnlen(path, VL_PATH_SIZE) >= VL_PATH_SIZE)
        return vl_fail_os(ctx, VELO_CANTOPEN_FULLPATH, ENAMETOOLONG, "cannot open \"%.200s...\"",
                          path);
    file = os_file_create(io, path, flags);
    if (file == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot open \"%s\": out of memory", path);
    error = io->ops->file_open(file);
    if (error != 0) {
        os_file_destroy(file);
        return vl_fail_os(ctx, os_open_status(error), error, "cannot open \"%s\"%s", path,
                          (flags & VL_OPEN_WRITE) != 0 ? " for writing" : "");
    }
    VL_ASSERT(file->align >= 1 && vl_is_power_of_two(file->align));
    atomic_fetch_add_explicit(&io->open_files, 1, memory_order_relaxed);
    *out = file;
    return VELO_OK;
}

void
vl_file_close(vl_file *file)
{
    if (file == NULL)
        return;
    file->io->ops->file_close(file);
    atomic_fetch_sub_explicit(&file->io->open_files, 1, memory_order_relaxed);
    os_file_destroy(file);
}

const char *
vl_file_path(const vl_file *file)
{
    return file->path;
}

int
vl_file_is_direct(const vl_file *file)
{
    return file->is_direct;
}

uint32_t
vl_file_align(const vl_file *file)
{
    return file->align;
}

velo_status
vl_file_get_id(vl_ctx *ctx, vl_file *file, vl_file_id *id)
{
    int error = file->io->ops->file_get_id(file, id);

    return error == 0 ? VELO_OK
                      : os_fail_file(ctx, VELO_IOERR_FSTAT, error, "get the identity of", file);
}

velo_status
vl_file_get_write_time(vl_ctx *ctx, vl_file *file, int64_t *time_ns)
{
    int error = 0;

    *time_ns = 0;
    if (file->io->ops->file_get_write_time != NULL)
        error = file->io->ops->file_get_write_time(file, time_ns);
    return error == 0 ? VELO_OK
                      : os_fail_file(ctx, VELO_IOERR_FSTAT, error, "get the time of", file);
}

velo_status
vl_file_copy_mode(vl_ctx *ctx, vl_file *from, vl_file *to)
{
    int error = 0;

    if (to->io->ops->file_copy_mode != NULL)
        error = to->io->ops->file_copy_mode(from, to);
    return error == 0 ? VELO_OK
                      : os_fail_file(ctx, error == EPERM ? VELO_PERM : VELO_IOERR_FSTAT, error,
                                     "set the permissions of", to);
}

/* ---- transfers ---- */

/* Read until size bytes, the file's end, or an error. */
static int
os_read_fully(vl_file *file, char *buf, size_t size, uint64_t offset, size_t *moved)
{
    size_t total = 0;
    int error = 0;

    while (total < size) {
        size_t part = 0;

        error = file->io->ops->read(file, buf + total, size - total, offset + total, &part);
        if (error != 0 || part == 0)
            break;
        total += part;
    }
    vl_count(&file->io->read_count, 1);
    vl_count(&file->io->read_bytes, total);
    *moved = total;
    return error;
}

static int
os_write_fully(vl_file *file, const char *buf, size_t size, uint64_t offset, int durable,
               size_t *moved)
{
    size_t total = 0;
    int error = 0;

    while (total < size) {
        size_t part = 0;

        error =
            file->io->ops->write(file, buf + total, size - total, offset + total, durable, &part);
        if (error == 0 && part == 0)
            error = EIO; /* a backend must not do this; the loop must end */
        if (error != 0)
            break;
        total += part;
    }
    vl_count(&file->io->write_count, 1);
    vl_count(&file->io->write_bytes, total);
    *moved = total;
    return error;
}

/* Whether size and offset are what a file can have. */
static int
os_is_range_valid(size_t size, uint64_t offset)
{
    return offset <= INT64_MAX && size <= INT64_MAX - offset;
}

velo_status
vl_file_read(vl_ctx *ctx, vl_file *file, void *buf, size_t size, uint64_t offset, size_t *moved)
{
    size_t total = 0;
    int error = EOVERFLOW;

    if (os_is_range_valid(size, offset))
        error = os_read_fully(file, buf, size, offset, &total);
    if (moved != NULL)
        *moved = total;
    if (error != 0)
        return os_fail_transfer(ctx, VELO_IOERR_READ, error, "read", file, size, offset);
    if (moved == NULL && total < size)
        return os_fail_short(ctx, file, size, offset, total);
    return VELO_OK;
}

velo_status
vl_file_write(vl_ctx *ctx, vl_file *file, const void *buf, size_t size, uint64_t offset)
{
    size_t total = 0;
    int error = EFBIG;

    if (os_is_range_valid(size, offset))
        error = os_write_fully(file, buf, size, offset, 0, &total);
    if (error != 0)
        return os_fail_transfer(ctx, VELO_IOERR_WRITE, error, "write", file, size, offset);
    return VELO_OK;
}

/* ---- durability ---- */

static int
os_sync_error(const vl_file *file)
{
    return atomic_load_explicit(&file->sync_error, memory_order_acquire);
}

/* Remember a failed sync; the first one stays. Keeps O2. */
static void
os_note_sync_error(vl_file *file, int error)
{
    int none = 0;

    (void)atomic_compare_exchange_strong_explicit(&file->sync_error, &none, error,
                                                  memory_order_acq_rel, memory_order_relaxed);
}

static velo_status
os_fail_earlier_sync(vl_ctx *ctx, const vl_file *file)
{
    return vl_fail_os(ctx, VELO_IOERR_FSYNC, os_sync_error(file),
                      "cannot sync \"%s\": an earlier sync failed, and what it covered may be lost",
                      file->path);
}

/* Sync, or report an earlier failure. The system reports a failure to one caller only, so syncs of
 * one file take turns: none that begins after a failed one gets past the first look. */
static int
os_sync_raw(vl_file *file)
{
    int error;

    vl_latch_acquire_exclusive(&file->sync_turn);
    error = os_sync_error(file);
    if (error == 0) {
        vl_count(&file->io->sync_count, 1);
        error = file->io->ops->sync(file);
    }
    if (error == 0)
        error = os_sync_error(file); /* of a batch meanwhile: it may have had our failure */
    if (error != 0)
        os_note_sync_error(file, error);
    vl_latch_release_exclusive(&file->sync_turn);
    return error;
}

velo_status
vl_file_sync(vl_ctx *ctx, vl_file *file)
{
    int error;

    if (os_sync_error(file) != 0)
        return os_fail_earlier_sync(ctx, file);
    error = os_sync_raw(file);
    /* No space or a read-only medium at a sync means lost data like any other error. */
    if (error != 0)
        return vl_fail_os(ctx, VELO_IOERR_FSYNC, error, "cannot sync \"%s\"", file->path);
    return VELO_OK;
}

void
vl_file_start_writing(vl_file *file, uint64_t offset, uint64_t size)
{
    if (file->io->ops->start_writing != NULL && size != 0 && os_sync_error(file) == 0)
        file->io->ops->start_writing(file, offset, size);
}

const char *
vl_durable_method_name(vl_durable_method method)
{
    switch (method) {
    case VL_DURABLE_WRITE_SYNC:
        return "write+fdatasync";
    case VL_DURABLE_DSYNC:
        return "rwf_dsync";
    case VL_DURABLE_RING:
        return "ring";
    }
    return "unknown";
}

int
vl_file_can_durable(vl_ctx *ctx, vl_file *file, vl_durable_method method)
{
    vl_io_queue *queue;

    switch (method) {
    case VL_DURABLE_WRITE_SYNC:
        return 1;
    case VL_DURABLE_DSYNC:
        return file->can_dsync;
    case VL_DURABLE_RING:
        return file->io->ops->has_ring && vl_io_thread_queue(ctx, file->io, &queue) == VELO_OK &&
               (file->io->ops->queue_has_ring == NULL || file->io->ops->queue_has_ring(queue));
    }
    return 0;
}

/* One write with RWF_DSYNC. It cannot be told whether the write or the sync in it failed, and even
 * a lack of space may be that of data written before: so every failure counts as a failed sync. */
static int
os_write_dsync(vl_file *file, const void *buf, size_t size, uint64_t offset)
{
    size_t moved;
    int error;

    vl_latch_acquire_exclusive(&file->sync_turn); /* as in os_sync_raw */
    error = os_sync_error(file);
    if (error == 0)
        error = os_write_fully(file, buf, size, offset, 1, &moved);
    if (error == 0)
        error = os_sync_error(file);
    if (error != 0)
        os_note_sync_error(file, error);
    vl_latch_release_exclusive(&file->sync_turn);
    return error;
}

static velo_status
os_write_ring(vl_ctx *ctx, vl_file *file, const void *buf, size_t size, uint64_t offset)
{
    vl_io_request requests[2];
    union {
        const void *given; /* what the caller lends: only read */
        void *asked;       /* as the request's field is typed */
    } bytes = {.given = buf};

    memset(requests, 0, sizeof requests);
    requests[0].op = VL_IO_WRITE;
    requests[0].flags = VL_IO_LINK;
    requests[0].file = file;
    requests[0].buf = bytes.asked;
    requests[0].size = (uint32_t)size;
    requests[0].offset = offset;
    requests[1].op = VL_IO_SYNC;
    requests[1].file = file;
    return vl_io_batch(ctx, file->io, requests, 2);
}

velo_status
vl_file_write_durable(vl_ctx *ctx, vl_file *file, vl_durable_method method, const void *buf,
                      size_t size, uint64_t offset)
{
    int error;

    if (os_sync_error(file) != 0)
        return os_fail_earlier_sync(ctx, file);
    if (size == 0)
        return VELO_OK;
    if (!os_is_range_valid(size, offset))
        return os_fail_transfer(ctx, VELO_FULL, EFBIG, "durably write", file, size, offset);
    if (method == VL_DURABLE_RING && size <= UINT32_MAX && file->io->ops->has_ring)
        return os_write_ring(ctx, file, buf, size, offset);
    if (method != VL_DURABLE_DSYNC || !file->can_dsync) {
        VL_TRY(vl_file_write(ctx, file, buf, size, offset));
        return vl_file_sync(ctx, file);
    }
    error = os_write_dsync(file, buf, size, offset);
    if (error != 0)
        return vl_fail_os(ctx, VELO_IOERR_FSYNC, error,
                          "cannot durably write %zu bytes at offset %" PRIu64 " of \"%s\"", size,
                          offset, file->path);
    return VELO_OK;
}

/* ---- space ---- */

velo_status
vl_file_get_size(vl_ctx *ctx, vl_file *file, uint64_t *size)
{
    int error;

    *size = 0;
    error = file->io->ops->get_size(file, size);
    return error == 0 ? VELO_OK
                      : os_fail_file(ctx, VELO_IOERR_FSTAT, error, "get the size of", file);
}

velo_status
vl_file_resize(vl_ctx *ctx, vl_file *file, uint64_t size)
{
    int error = size <= INT64_MAX ? file->io->ops->resize(file, size) : EFBIG;

    return error == 0 ? VELO_OK : os_fail_file(ctx, VELO_IOERR_TRUNCATE, error, "resize", file);
}

/* Make the file reach to `end`: the stand-in where space cannot be allocated. Writing zeros would
 * take the space, but also overwrite what another thread appends meanwhile. */
static velo_status
os_extend(vl_ctx *ctx, vl_file *file, uint64_t end)
{
    uint64_t size;

    VL_TRY(vl_file_get_size(ctx, file, &size));
    return size < end ? vl_file_resize(ctx, file, vl_align_up(end, file->align)) : VELO_OK;
}

velo_status
vl_file_allocate(vl_ctx *ctx, vl_file *file, uint64_t offset, uint64_t size)
{
    int error;

    if (size == 0)
        return VELO_OK;
    if (!os_is_range_valid(size, offset))
        return os_fail_transfer(ctx, VELO_FULL, EFBIG, "allocate", file, size, offset);
    error = file->io->ops->allocate(file, offset, size);
    if (error == EOPNOTSUPP) {
        atomic_store_explicit(&file->lacks_allocation, 1, memory_order_relaxed);
        return os_extend(ctx, file, offset + size);
    }
    if (error != 0)
        return os_fail_transfer(ctx, VELO_IOERR_WRITE, error, "allocate", file, size, offset);
    return VELO_OK;
}

int
vl_file_can_allocate(const vl_file *file)
{
    return !atomic_load_explicit(&file->lacks_allocation, memory_order_relaxed);
}

velo_status
vl_file_punch(vl_ctx *ctx, vl_file *file, uint64_t offset, uint64_t size, int *released)
{
    int error;

    *released = 0;
    if (size == 0 || !os_is_range_valid(size, offset))
        return VELO_OK;
    error = file->io->ops->punch(file, offset, size);
    if (error == EOPNOTSUPP)
        return VELO_OK;
    if (error != 0)
        return os_fail_transfer(ctx, VELO_IOERR_WRITE, error, "release", file, size, offset);
    *released = 1;
    return VELO_OK;
}

/* ---- locks ---- */

static velo_status
os_lock_status(vl_lock_mode mode)
{
    switch (mode) {
    case VL_LOCK_NONE:
        return VELO_IOERR_UNLOCK;
    case VL_LOCK_SHARED:
        return VELO_IOERR_RDLOCK;
    case VL_LOCK_EXCLUSIVE:
        return VELO_IOERR_LOCK;
    }
    return VELO_IOERR_LOCK;
}

velo_status
vl_file_lock(vl_ctx *ctx, vl_file *file, vl_lock_mode mode, uint64_t offset, uint64_t size)
{
    int error = file->io->ops->lock(file, mode, offset, size);

    if (error == 0)
        return VELO_OK;
    if (error == EAGAIN || error == EACCES)
        return vl_fail(ctx, VELO_BUSY, "\"%s\" is locked by another user of the file", file->path);
    return os_fail_file(ctx, os_lock_status(mode), error, mode == VL_LOCK_NONE ? "unlock" : "lock",
                        file);
}

/* ---- mappings ---- */

velo_status
vl_map_open(vl_ctx *ctx, vl_file *file, uint64_t size, uint64_t reserved, int writable, vl_map *map)
{
    uint64_t file_size;
    int error;

    memset(map, 0, sizeof *map);
    VL_TRY(vl_file_get_size(ctx, file, &file_size));
    if (size > file_size || size > reserved)
        return vl_fail(ctx, VELO_IOERR_MMAP,
                       "cannot map %" PRIu64 " bytes of \"%s\": it has %" PRIu64 ", %" PRIu64
                       " reserved",
                       size, file->path, file_size, reserved);
    map->file = file;
    map->size = size;
    map->reserved = reserved;
    map->is_writable = writable;
    error = file->io->ops->map_open(map);
    if (error != 0) {
        memset(map, 0, sizeof *map);
        return os_fail_file(ctx, VELO_IOERR_MMAP, error, "map", file);
    }
    return VELO_OK;
}

velo_status
vl_map_extend(vl_ctx *ctx, vl_map *map, uint64_t size)
{
    uint64_t file_size;
    int error;

    VL_TRY(vl_file_get_size(ctx, map->file, &file_size));
    if (size > map->reserved || size > file_size)
        return vl_fail(ctx, VELO_IOERR_MMAP,
                       "cannot map %" PRIu64 " bytes of \"%s\": it has %" PRIu64 ", %" PRIu64
                       " reserved",
                       size, map->file->path, file_size, map->reserved);
    if (size <= map->size)
        return VELO_OK;
    error = map->file->io->ops->map_extend(map, size);
    if (error != 0)
        return os_fail_file(ctx, VELO_IOERR_MMAP, error, "map more of", map->file);
    map->size = size;
    return VELO_OK;
}

const char *
vl_persist_name(vl_persist persist)
{
    switch (persist) {
    case VL_PERSIST_SYNC:
        return "msync";
    case VL_PERSIST_FLUSH:
        return "map_sync";
    case VL_PERSIST_FORCED:
        return "forced";
    }
    return "";
}

/* What became of making a range of a map durable. Keeps D5. */
static velo_status
os_end_map_sync(vl_ctx *ctx, const vl_map *map, uint64_t offset, uint64_t size, int error)
{
    if (error == 0)
        return VELO_OK;
    os_note_sync_error(map->file, error);
    return vl_fail_os(ctx, VELO_IOERR_FSYNC, error,
                      "cannot sync %" PRIu64 " bytes at offset %" PRIu64 " of the map of \"%s\"",
                      size, offset, map->file->path);
}

velo_status
vl_map_sync(vl_ctx *ctx, vl_map *map, uint64_t offset, uint64_t size)
{
    VL_ASSERT(offset <= map->size && size <= map->size - offset);
    if (os_sync_error(map->file) != 0)
        return os_fail_earlier_sync(ctx, map->file);
    if (size == 0)
        return VELO_OK;
    return os_end_map_sync(ctx, map, offset, size, map->file->io->ops->map_sync(map, offset, size));
}

/* map->size is not looked at: another thread may be extending the map. */
velo_status
vl_map_write(vl_ctx *ctx, vl_map *map, const void *buf, size_t size, uint64_t offset)
{
    const vl_io_ops *ops = map->file->io->ops;
    int error;

    VL_ASSERT(map->is_writable && offset <= map->reserved && size <= map->reserved - offset);
    if (os_sync_error(map->file) != 0)
        return os_fail_earlier_sync(ctx, map->file);
    if (size == 0)
        return VELO_OK;
    if (map->persist == VL_PERSIST_SYNC) {
        memcpy(map->base + offset, buf, size);
        error = ops->map_sync(map, offset, size);
    } else {
        error = ops->map_store(map, buf, size, offset);
        if (error == 0)
            error = ops->map_persist(map, offset, size, 0);
    }
    return os_end_map_sync(ctx, map, offset, size, error);
}

velo_status
vl_map_persist(vl_ctx *ctx, vl_map *map, uint64_t offset, uint64_t size)
{
    const vl_io_ops *ops = map->file->io->ops;

    VL_ASSERT(map->is_writable && offset <= map->reserved && size <= map->reserved - offset);
    if (os_sync_error(map->file) != 0)
        return os_fail_earlier_sync(ctx, map->file);
    if (size == 0)
        return VELO_OK;
    return os_end_map_sync(ctx, map, offset, size,
                           map->persist == VL_PERSIST_SYNC
                               ? ops->map_sync(map, offset, size)
                               : ops->map_persist(map, offset, size, 1));
}

void
vl_map_discard(const vl_map *map, uint64_t offset, uint64_t size)
{
    if (map->file != NULL && size > 0 && map->file->io->ops->map_discard != NULL)
        map->file->io->ops->map_discard(map, offset, size);
}

void
vl_map_close(vl_map *map)
{
    if (map->file == NULL)
        return;
    map->file->io->ops->map_close(map);
    memset(map, 0, sizeof *map);
}

/* ---- paths ---- */

static velo_status
os_fail_path(vl_ctx *ctx, velo_status code, int os_error, const char *doing, const char *path)
{
    return vl_fail_os(ctx, vl_os_status(os_error, code), os_error, "cannot %s \"%s\"", doing, path);
}

velo_status
vl_path_delete(vl_ctx *ctx, vl_io *io, const char *path)
{
    int error = io->ops->path_delete(io, path);

    if (error == 0)
        return VELO_OK;
    return os_fail_path(ctx, error == ENOENT ? VELO_NOTFOUND : VELO_IOERR_DELETE, error, "delete",
                        path);
}

velo_status
vl_path_rename(vl_ctx *ctx, vl_io *io, const char *from, const char *to)
{
    int error = io->ops->path_rename(io, from, to);

    if (error == 0)
        return VELO_OK;
    return vl_fail_os(ctx, vl_os_status(error, error == ENOENT ? VELO_NOTFOUND : VELO_IOERR_ACCESS),
                      error, "cannot rename \"%s\" to \"%s\"", from, to);
}

velo_status
vl_path_exists(vl_ctx *ctx, vl_io *io, const char *path, int *exists)
{
    int error;

    *exists = 0;
    error = io->ops->path_exists(io, path, exists);
    return error == 0 ? VELO_OK : os_fail_path(ctx, VELO_IOERR_ACCESS, error, "look for", path);
}

velo_status
vl_path_sync_folder(vl_ctx *ctx, vl_io *io, const char *path)
{
    int error = io->ops->path_sync_folder(io, path);

    return error == 0 ? VELO_OK
                      : vl_fail_os(ctx, VELO_IOERR_DIR_FSYNC, error,
                                   "cannot sync the folder of \"%s\"", path);
}

velo_status
vl_path_get_space(vl_ctx *ctx, vl_io *io, const char *path, uint64_t *free_bytes,
                  uint64_t *total_bytes)
{
    int error;

    *free_bytes = 0;
    *total_bytes = 0;
    error = io->ops->path_get_space(io, path, free_bytes, total_bytes);
    return error == 0 ? VELO_OK
                      : os_fail_path(ctx, VELO_IOERR_FSTAT, error, "find the free space of", path);
}

velo_status
vl_path_get_full(vl_ctx *ctx, vl_io *io, const char *path, char *full)
{
    int error;

    full[0] = '\0';
    error = path[0] == '\0' ? ENOENT : io->ops->path_get_full(io, path, full);
    if (error == 0)
        return VELO_OK;
    full[0] = '\0';
    return vl_fail_os(ctx, error == ELOOP ? VELO_CANTOPEN_SYMLINK : VELO_CANTOPEN_FULLPATH, error,
                      "cannot resolve the path \"%s\"", path);
}

/* ---- requests ---- */

static velo_status
os_request_code(const vl_io_request *request, int os_error)
{
    switch (request->op) {
    case VL_IO_READ:
        return vl_os_status(os_error, VELO_IOERR_READ);
    case VL_IO_WRITE:
        /* As in os_write_dsync: any failure of a durable write is one of a sync. */
        if ((request->flags & VL_IO_DURABLE) != 0 && os_error != ECANCELED)
            return VELO_IOERR_FSYNC;
        return vl_os_status(os_error, VELO_IOERR_WRITE);
    case VL_IO_SYNC:
        return os_error == ECANCELED ? VELO_ABORT : VELO_IOERR_FSYNC;
    }
    return VELO_INTERNAL;
}

static void
os_count_request(const vl_io_request *request)
{
    vl_io *io = request->file->io;

    switch (request->op) {
    case VL_IO_READ:
        vl_count(&io->read_count, 1);
        vl_count(&io->read_bytes, request->moved);
        break;
    case VL_IO_WRITE:
        vl_count(&io->write_count, 1);
        vl_count(&io->write_bytes, request->moved);
        break;
    case VL_IO_SYNC:
        vl_count(&io->sync_count, 1);
        break;
    }
}

void
vl_io_queue_complete(vl_io_queue *queue, vl_io_request *request, int os_error)
{
    if (os_error == 0 && (request->op == VL_IO_SYNC || (request->flags & VL_IO_DURABLE) != 0))
        os_error = os_sync_error(request->file); /* another one had the failure: O2 */
    request->os_error = os_error;
    request->status = VELO_OK;
    if (os_error != 0)
        request->status = os_request_code(request, os_error);
    else if (request->op == VL_IO_READ && request->moved < request->size)
        request->status = VELO_IOERR_SHORT_READ;
    if (request->status == VELO_IOERR_FSYNC)
        os_note_sync_error(request->file, os_error); /* keeps O2 */
    os_count_request(request);
    request->next = NULL;
    if (queue->first == NULL)
        queue->first = request;
    else
        queue->last->next = request;
    queue->last = request;
    queue->complete_count++;
}

velo_status
vl_io_request_fail(vl_ctx *ctx, const vl_io_request *request)
{
    const vl_file *file = request->file;

    if (request->status == VELO_IOERR_SHORT_READ)
        return os_fail_short(ctx, file, request->size, request->offset, request->moved);
    if (request->op == VL_IO_SYNC)
        return vl_fail_os(ctx, request->status, request->os_error, "cannot sync \"%s\"",
                          file->path);
    return vl_fail_os(ctx, request->status, request->os_error,
                      "cannot %s %u bytes at offset %" PRIu64 " of \"%s\"",
                      request->op == VL_IO_READ ? "read" : "write", request->size, request->offset,
                      file->path);
}

/* Move a request's bytes in a loop over short transfers. */
static int
os_request_transfer(vl_io_request *request)
{
    vl_file *file = request->file;
    int durable = (request->flags & VL_IO_DURABLE) != 0 && file->can_dsync;

    while (request->moved < request->size) {
        char *at = (char *)request->buf + request->moved;
        uint64_t offset = request->offset + request->moved;
        size_t rest = vl_io_request_rest(request);
        size_t part = 0;
        int error = request->op == VL_IO_READ
                        ? file->io->ops->read(file, at, rest, offset, &part)
                        : file->io->ops->write(file, at, rest, offset, durable, &part);

        if (error == 0 && part == 0 && request->op == VL_IO_WRITE)
            error = EIO;
        if (error != 0)
            return error;
        if (part == 0)
            return 0; /* the file ends here */
        request->moved += (uint32_t)part;
    }
    return 0;
}

int
vl_io_request_run(vl_io_request *request)
{
    vl_file *file = request->file;
    int error = 0;

    if (request->op != VL_IO_SYNC)
        error = os_request_transfer(request);
    if (error == 0 &&
        (request->op == VL_IO_SYNC ||
         (request->op == VL_IO_WRITE && (request->flags & VL_IO_DURABLE) != 0 && !file->can_dsync)))
        error = file->io->ops->sync(file);
    return error;
}

/* ---- clock and randomness ---- */

uint64_t
vl_io_monotonic_ns(vl_io *io)
{
    return io->ops->monotonic_ns(io);
}

int64_t
vl_io_wall_ns(vl_io *io)
{
    return io->ops->wall_ns(io);
}

void
vl_io_sleep(vl_io *io, uint64_t duration_ns)
{
    io->ops->sleep(io, duration_ns);
}

velo_status
vl_io_random(vl_ctx *ctx, vl_io *io, void *buf, size_t size)
{
    int error = io->ops->random(io, buf, size);

    return error == 0 ? VELO_OK : vl_fail_os(ctx, VELO_IOERR, error, "cannot get random bytes");
}
