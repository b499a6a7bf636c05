/* posix_int.h - the system's files as io_posix.c implements them, for backends built on them.
 *
 * io_uring.c uses all of it but the queues: it extends the file struct and puts its own queue
 * functions into the table. */
#ifndef VL_OS_POSIX_INT_H
#define VL_OS_POSIX_INT_H

#include "os/io_int.h"

/* Locks through flock, where the system lacks locks of byte ranges that belong to an open file;
 * may be set to 1 to try that elsewhere. */
#ifndef VL_POSIX_FLOCK
#if defined(__linux__)
#define VL_POSIX_FLOCK 0
#else
#define VL_POSIX_FLOCK 1
#endif
#endif

/* Byte ranges that one open file can have locked at a time where flock stands in. */
#define VL_POSIX_FLOCK_RANGES 8

#if VL_POSIX_FLOCK
typedef struct vl_posix_range {
    uint64_t offset;   /* first byte */
    uint64_t size;     /* bytes */
    vl_lock_mode mode; /* VL_LOCK_NONE for an unused entry */
} vl_posix_range;
#endif

typedef struct vl_posix_file {
    vl_file common;       /* first, so that a vl_file points to both */
    int fd;               /* immutable after open */
    int is_block;         /* immutable after open; a block device */
    _Atomic int has_lock; /* a lock was taken at some time: close releases by hand */
#if VL_POSIX_FLOCK
    vl_latch lock_latch;                          /* guards the ranges */
    vl_posix_range ranges[VL_POSIX_FLOCK_RANGES]; /* locked */
#endif
} vl_posix_file;

static inline vl_posix_file *
vl_posix_of(vl_file *file)
{
    return (vl_posix_file *)file;
}

/* Open a path for this process alone (closed on exec): a descriptor, or -1 with errno. */
int vl_posix_open_fd(const char *path, int flags);

/* Close it, whatever close says. */
void vl_posix_close_fd(int fd);

/* Each as the member of vl_io_ops with the same name says. */
void vl_posix_close(vl_io *io);
int vl_posix_file_open(vl_file *file);
void vl_posix_file_close(vl_file *file);
int vl_posix_file_get_id(vl_file *file, vl_file_id *id);
int vl_posix_file_get_write_time(vl_file *file, int64_t *time_ns);
int vl_posix_file_copy_mode(vl_file *from, vl_file *to);
int vl_posix_read(vl_file *file, void *buf, size_t size, uint64_t offset, size_t *moved);
int vl_posix_write(vl_file *file, const void *buf, size_t size, uint64_t offset, int durable,
                   size_t *moved);
int vl_posix_sync(vl_file *file);
void vl_posix_start_writing(vl_file *file, uint64_t offset, uint64_t size);
int vl_posix_get_size(vl_file *file, uint64_t *size);
int vl_posix_resize(vl_file *file, uint64_t size);
int vl_posix_allocate(vl_file *file, uint64_t offset, uint64_t size);
int vl_posix_punch(vl_file *file, uint64_t offset, uint64_t size);
int vl_posix_lock(vl_file *file, vl_lock_mode mode, uint64_t offset, uint64_t size);
int vl_posix_map_open(vl_map *map);
int vl_posix_map_extend(vl_map *map, uint64_t size);
int vl_posix_map_sync(vl_map *map, uint64_t offset, uint64_t size);
int vl_posix_map_store(vl_map *map, const void *buf, size_t size, uint64_t offset);
int vl_posix_map_persist(vl_map *map, uint64_t offset, uint64_t size, int is_flushed);
void vl_posix_map_discard(const vl_map *map, uint64_t offset, uint64_t size);
void vl_posix_map_close(vl_map *map);
int vl_posix_path_delete(vl_io *io, const char *path);
int vl_posix_path_rename(vl_io *io, const char *from, const char *to);
int vl_posix_path_exists(vl_io *io, const char *path, int *exists);
int vl_posix_path_sync_folder(vl_io *io, const char *path);
int vl_posix_path_get_space(vl_io *io, const char *path, uint64_t *free_bytes,
                            uint64_t *total_bytes);
int vl_posix_path_get_full(vl_io *io, const char *path, char *full);
uint64_t vl_posix_monotonic_ns(vl_io *io);
int64_t vl_posix_wall_ns(vl_io *io);
void vl_posix_sleep(vl_io *io, uint64_t duration_ns);
int vl_posix_random(vl_io *io, void *buf, size_t size);

/* Run the requests one after the other, and complete them: as queue_submit, with nothing in flight
 * afterwards. Cannot fail as a whole. */
void vl_posix_queue_run(vl_io_queue *queue, vl_io_request *requests, uint32_t count);

/* The members of vl_io_ops that backends on the system's files share. */
#define VL_POSIX_OPS                                                                               \
    .file_get_id = vl_posix_file_get_id, .file_get_write_time = vl_posix_file_get_write_time,      \
    .file_copy_mode = vl_posix_file_copy_mode, .read = vl_posix_read, .write = vl_posix_write,     \
    .sync = vl_posix_sync, .start_writing = vl_posix_start_writing, .get_size = vl_posix_get_size, \
    .resize = vl_posix_resize, .allocate = vl_posix_allocate, .punch = vl_posix_punch,             \
    .map_open = vl_posix_map_open, .map_extend = vl_posix_map_extend,                              \
    .map_sync = vl_posix_map_sync, .map_store = vl_posix_map_store,                                \
    .map_persist = vl_posix_map_persist, .map_discard = vl_posix_map_discard,                      \
    .map_close = vl_posix_map_close, .path_delete = vl_posix_path_delete,                          \
    .path_rename = vl_posix_path_rename, .path_exists = vl_posix_path_exists,                      \
    .path_sync_folder = vl_posix_path_sync_folder, .path_get_space = vl_posix_path_get_space,      \
    .path_get_full = vl_posix_path_get_full, .monotonic_ns = vl_posix_monotonic_ns,                \
    .wall_ns = vl_posix_wall_ns, .sleep = vl_posix_sleep, .random = vl_posix_random

#endif
