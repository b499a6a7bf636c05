/* io.h - files and batches of transfers, and exactly what each promises about durability.
 *
 * A `vl_io` is an opened backend: io_uring, plain POSIX, or the simulated disk of the tests. All of
 * the library's contact with the machine goes through one table of functions per backend
 * (io_int.h); this header is what callers see.
 *
 * What is promised
 *   D1  A write that returned VELO_OK has reached the operating system: it survives the death of
 *       the process, not yet a power cut.
 *   D2  What was written before a vl_file_sync that returned VELO_OK survives a power cut, as does
 *       the file's size. So does a write with VL_IO_DURABLE, without what was written before it.
 *   D3  That a file exists, is gone or has a new name survives a power cut only after
 *       vl_path_sync_folder.
 *   D4  An unsynced write may be on the medium in full, in part (in units of 512 bytes) or not at
 *       all after a power cut, whatever was written after it.
 *   D5  A sync that failed is final: the system may have dropped the data and would report success
 *       on a retry. Every later sync of the same open file fails with the same error. Any failure
 *       of a durable write counts as one, a lack of space as well. Calls that sync one file take
 *       turns; syncs in batches do not: those of one file that overlap, in different queues or with
 *       a call, are for the caller to keep apart, since the system tells only one of them.
 *
 * Errors carry the path and the system's reason. Codes: VELO_FULL when no space is left (or a
 * quota or size limit is reached; where the limit is the process's own, RLIMIT_FSIZE, the system
 * sends SIGXFSZ first, which the application has to ignore), VELO_READONLY on a read-only medium,
 * else the VELO_IOERR_ code of the operation.
 *
 * Threads: all functions on a vl_io or vl_file may be called by several threads at a time, except
 * closing. A vl_io_queue belongs to the thread that opened it.
 *
 * Memory: an open file and a queue allocate when they are opened; reads, writes, syncs and batches
 * allocate nothing, but for the thread's queue at its first use. A vl_map is used by one thread at
 * a time for opening, extending and closing. */
#ifndef VL_OS_IO_H
#define VL_OS_IO_H

#include "base/ctx.h"
#include "base/platform.h"
#include "base/status.h"

typedef struct vl_io vl_io;
typedef struct vl_file vl_file;
typedef struct vl_io_queue vl_io_queue;
typedef struct vl_map vl_map;

/* Unit in which a device tears a write: smaller parts are written whole or not at all. */
#define VL_SECTOR_SIZE 512

/* Alignment of address, offset and size that every direct transfer satisfies anywhere. */
#define VL_DIRECT_ALIGN 4096

/* The longest path in bytes, its end included. */
#define VL_PATH_SIZE 4096

/* ---- backends ---- */

typedef enum vl_io_backend {
    VL_IO_AUTO,  /* io_uring where it works, else POSIX */
    VL_IO_POSIX, /* pread, pwrite, fdatasync */
    VL_IO_URING  /* io_uring, or an error */
} vl_io_backend;

/* Transfers in flight of a queue for which nothing else is asked. */
#define VL_IO_DEFAULT_DEPTH 128U

typedef struct vl_io_options {
    vl_io_backend backend; /* which one; the environment variable VELO_IO (posix, io_uring)
                              overrides VL_IO_AUTO */
    uint32_t queue_depth;  /* transfers in flight of a thread's own queue; 0 for 128 */
    int probes_late;       /* VL_IO_AUTO finds out at the first batch whether io_uring works, and
                              does without it then; vl_io_fallback_reason says nothing of it */
} vl_io_options;

/* Open the system's backend.
 *
 * options  NULL for VL_IO_AUTO and defaults
 * errors   VELO_NOMEM; VELO_ERROR when io_uring was demanded and does not work, with the reason */
velo_status vl_io_open(vl_ctx *ctx, const vl_io_options *options, vl_io **out) VL_MUST_CHECK;

/* Close a backend whose files and maps are closed. Queues that threads made through
 * vl_io_thread_queue are closed here; none may be in use. NULL is allowed. */
void vl_io_close(vl_io *io);

/* "io_uring", "posix" or "simulator". Static text. */
const char *vl_io_name(const vl_io *io);

/* Why io_uring is not in use although VL_IO_AUTO would prefer it, or "". Lives as long as io. */
const char *vl_io_fallback_reason(const vl_io *io);

/* Counters since the backend was opened; each is read on its own. */
typedef struct vl_io_stats {
    uint64_t read_count;         /* transfers from files, each part of a batch counted */
    uint64_t read_bytes;         /* what they moved */
    uint64_t write_count;        /* transfers to files */
    uint64_t write_bytes;        /* what they moved */
    uint64_t sync_count;         /* syncs of files, durable writes not counted */
    uint64_t submit_count;       /* system calls that handed over a batch */
    uint64_t fixed_buffer_count; /* transfers whose buffer was registered with the ring */
    uint64_t ring_count;         /* rings made so far */
    uint64_t unregistered_count; /* registrations of buffers or files that the system refused */
} vl_io_stats;

void vl_io_get_stats(const vl_io *io, vl_io_stats *stats);

/* ---- files ---- */

#define VL_OPEN_WRITE     0x01U /* for reading and writing; else for reading only */
#define VL_OPEN_CREATE    0x02U /* create it if it is absent; its folder must be synced (D3) */
#define VL_OPEN_EXCLUSIVE 0x04U /* with CREATE: fail if it exists */
#define VL_OPEN_DIRECT                                                                             \
    0x08U /* past the system's cache where the file system can do that;                            \
             otherwise opened buffered, see vl_file_is_direct */
#define VL_OPEN_TEMPORARY                                                                          \
    0x10U /* `path` names a folder: a file without a name in it, gone when                         \
             closed; implies WRITE and CREATE */
#define VL_OPEN_PRIVATE                                                                            \
    0x20U /* with CREATE: a file that is created can be opened by its owner only,                  \
             as one with TEMPORARY always */

/* Open a regular file or a block device.
 *
 * path    as the system takes it: bytes, not necessarily UTF-8, relative to the working directory
 * errors  VELO_CANTOPEN, _ISDIR, _FULLPATH, _SYMLINK: absent, not permitted, not a file, path
 *         too long, too many open files; VELO_READONLY: writing asked on a read-only medium;
 *         VELO_FULL: no space to create it; VELO_NOMEM */
velo_status vl_file_open(vl_ctx *ctx, vl_io *io, const char *path, uint32_t flags, vl_file **out)
    VL_MUST_CHECK;

/* Close the file and drop its locks. No transfer may be under way. NULL is allowed. Does not sync:
 * errors that a close might report concern data for which nothing was promised. */
void vl_file_close(vl_file *file);

/* The path it was opened with. Lives as long as the file. */
const char *vl_file_path(const vl_file *file);

/* Whether transfers go past the system's cache. */
int vl_file_is_direct(const vl_file *file);

/* Alignment in bytes of address, offset and size of transfers: 1 when buffered. */
uint32_t vl_file_align(const vl_file *file);

/* Identity: two open files are the same one exactly when all of this is equal. */
typedef struct vl_file_id {
    uint64_t device; /* which file system */
    uint64_t inode;  /* which file of it */
} vl_file_id;

velo_status vl_file_get_id(vl_ctx *ctx, vl_file *file, vl_file_id *id) VL_MUST_CHECK;

/* When the file was last written, in nanoseconds since 1970, as finely as the system keeps that:
 * equal times do not mean that nothing was written. On a simulated disk 0. */
velo_status vl_file_get_write_time(vl_ctx *ctx, vl_file *file, int64_t *time_ns) VL_MUST_CHECK;

/* Let those open a file who may open another one: give it that one's permissions, and as far as the
 * process may its owner and group. Where the group cannot be given, the
 * new one may what others may. Neither file needs to be open for writing. On a simulated disk
 * nothing is done.
 *
 * errors  VELO_IOERR_FSTAT, VELO_PERM: the file is not the process's own */
velo_status vl_file_copy_mode(vl_ctx *ctx, vl_file *from, vl_file *to) VL_MUST_CHECK;

/* Read size bytes at offset.
 *
 * buf     receives the bytes; its content is undefined after an error
 * moved   NULL: the file must hold all of them, else VELO_IOERR_SHORT_READ. Otherwise receives the
 *         count, which is smaller than size only where the file ends */
velo_status vl_file_read(vl_ctx *ctx, vl_file *file, void *buf, size_t size, uint64_t offset,
                         size_t *moved) VL_MUST_CHECK;

/* Write all of size bytes at offset; beyond the end the file grows. After an error any part may
 * have been written. Promise D1. */
velo_status vl_file_write(vl_ctx *ctx, vl_file *file, const void *buf, size_t size, uint64_t offset)
    VL_MUST_CHECK;

/* Make all that was written to this file before the call durable, through whatever handle it was
 * written: data and what is needed to read it back. Promises D2 and D5. */
velo_status vl_file_sync(vl_ctx *ctx, vl_file *file) VL_MUST_CHECK;

/* Have the system begin to write what was written to [offset, offset + size), so that a later
 * vl_file_sync finds little left to do. Only a hint: promises nothing, does not wait for the medium
 * unless its queue is full, and what goes wrong is told by that sync. */
void vl_file_start_writing(vl_file *file, uint64_t offset, uint64_t size);

/* The file's size in bytes. */
velo_status vl_file_get_size(vl_ctx *ctx, vl_file *file, uint64_t *size) VL_MUST_CHECK;

/* Cut the file or extend it by zeros that take no space. Durable with the next sync. */
velo_status vl_file_resize(vl_ctx *ctx, vl_file *file, uint64_t size) VL_MUST_CHECK;

/* Make sure that the bytes [offset, offset + size) have space on the medium: later writes there do
 * not fail with VELO_FULL. The file grows to at least their end; new bytes read as zero, existing
 * ones stay. Where the file system has no such call, the file only grows, and the space is taken
 * on trust. */
velo_status vl_file_allocate(vl_ctx *ctx, vl_file *file, uint64_t offset, uint64_t size)
    VL_MUST_CHECK;

/* Whether all space that vl_file_allocate was asked for through this handle was taken: 0 once the
 * file system has said that it has no such call. */
int vl_file_can_allocate(const vl_file *file);

/* Give the space of [offset, offset + size) back; the bytes read as zero and the size stays.
 * *released is 0 where the file system cannot do it: then nothing changed. */
velo_status vl_file_punch(vl_ctx *ctx, vl_file *file, uint64_t offset, uint64_t size, int *released)
    VL_MUST_CHECK;

/* ---- durable writes ---- */

typedef enum vl_durable_method {
    VL_DURABLE_WRITE_SYNC, /* write, then fdatasync */
    VL_DURABLE_DSYNC,      /* one write with RWF_DSYNC */
    VL_DURABLE_RING        /* write and fdatasync linked in the ring: one system call */
} vl_durable_method;

#define VL_DURABLE_METHOD_COUNT 3

/* "write+fdatasync", "rwf_dsync" or "ring". Static text. */
const char *vl_durable_method_name(vl_durable_method method);

/* Whether this backend and file can do it; VL_DURABLE_WRITE_SYNC always works. */
int vl_file_can_durable(vl_ctx *ctx, vl_file *file, vl_durable_method method);

/* Write size bytes at offset and make them durable (D2 for these bytes, D5). With
 * VL_DURABLE_WRITE_SYNC and VL_DURABLE_RING everything written before is durable as well. A method
 * that the file cannot do is replaced by VL_DURABLE_WRITE_SYNC. With size 0 nothing is done. */
velo_status vl_file_write_durable(vl_ctx *ctx, vl_file *file, vl_durable_method method,
                                  const void *buf, size_t size, uint64_t offset) VL_MUST_CHECK;

/* ---- locks among processes ---- */

typedef enum vl_lock_mode {
    VL_LOCK_NONE,     /* release */
    VL_LOCK_SHARED,   /* any number of holders */
    VL_LOCK_EXCLUSIVE /* one holder, and no shared ones; the file must be open for writing */
} vl_lock_mode;

/* Lock, change or release the lock on bytes [offset, offset + size), which need not exist. The
 * lock belongs to the open file: two opens of one file in one process exclude each other, closing
 * another open of the file does not drop it, and the death of the process does. Never waits.
 *
 * A process that dies with transfers of a batch in flight leaves writes behind that the medium
 * still works on. They keep the lock of the file they were submitted for, and of no other: who gets
 * it is not overtaken by them. With io_uring the lock may also outlast transfers that are long
 * complete, since the system takes the ring of a dead process down in its own time, usually within
 * some tens of milliseconds; nothing writes then. So VELO_BUSY does not prove that a holder lives:
 * try again for a while before giving up.
 *
 * errors  VELO_BUSY when another holder is in the way: the lock is then as it was before;
 *         VELO_IOERR_LOCK, _RDLOCK, _UNLOCK */
velo_status vl_file_lock(vl_ctx *ctx, vl_file *file, vl_lock_mode mode, uint64_t offset,
                         uint64_t size) VL_MUST_CHECK;

/* ---- mappings ---- */

/* What makes stores to a map durable. */
typedef enum vl_persist {
    VL_PERSIST_SYNC,  /* the system only: vl_map_sync */
    VL_PERSIST_FLUSH, /* the processor: the map is MAP_SYNC, or libpmem says that it is persistent
                         memory; so what has left the caches is durable */
    VL_PERSIST_FORCED /* treated as VL_PERSIST_FLUSH because the environment variable VELO_PMEM is
                         "force": on tmpfs for tests, or on memory of which the administrator knows
                         more than the system does. On anything else a power cut loses what
                         vl_map_write called durable */
} vl_persist;

/* "msync", "map_sync" or "forced". Static text. */
const char *vl_persist_name(vl_persist persist);

struct vl_map {
    vl_file *file;      /* what it shows; borrowed, outlives the map */
    uint8_t *base;      /* address of the file's byte 0; never moves */
    uint64_t size;      /* bytes of the file that may be touched */
    uint64_t reserved;  /* address space behind base, at least size */
    int is_writable;    /* stores are allowed and reach the file */
    int is_synchronous; /* MAP_SYNC: flushed cache lines are durable without vl_map_sync */
    vl_persist persist; /* as found when it was opened writable with size above 0, and then for the
                           map's life; else VL_PERSIST_SYNC */
    void *state;        /* the backend's own */
};

/* Map the file from its first byte.
 *
 * size      bytes to map now; the file must hold them
 * reserved  address space to keep for vl_map_extend, at least size; costs no memory
 * writable  1 for a shared mapping through which the file is changed
 * errors    VELO_IOERR_MMAP */
velo_status vl_map_open(vl_ctx *ctx, vl_file *file, uint64_t size, uint64_t reserved, int writable,
                        vl_map *map) VL_MUST_CHECK;

/* Map more of the file in place, after the file has grown. Errors: VELO_IOERR_MMAP, also when
 * size is above `reserved`; the map is then as it was. */
velo_status vl_map_extend(vl_ctx *ctx, vl_map *map, uint64_t size) VL_MUST_CHECK;

/* Make stores to [offset, offset + size) durable, whatever the medium. Promise D5. */
velo_status vl_map_sync(vl_ctx *ctx, vl_map *map, uint64_t offset, uint64_t size) VL_MUST_CHECK;

/* Store size bytes at offset and make them durable: with stores past the caches and a fence where
 * the map is persistent (map->persist), by vl_map_sync otherwise. Words of 8 bytes are never torn
 * there; in any other respect a power cut before the return leaves any part of the bytes. Takes no
 * latch and makes no system call in the first case.
 *
 * Threads may write different ranges at a time, also while the map is extended, but not the same
 * cache line (64 bytes). Promises D2 for these bytes, given that the file's size was synced since
 * it grew; D5. */
velo_status vl_map_write(vl_ctx *ctx, vl_map *map, const void *buf, size_t size, uint64_t offset)
    VL_MUST_CHECK;

/* Make what this thread stored to [offset, offset + size) durable: by flushing cache lines and a
 * fence, or by vl_map_sync. Otherwise as vl_map_write. */
velo_status vl_map_persist(vl_ctx *ctx, vl_map *map, uint64_t offset, uint64_t size) VL_MUST_CHECK;

/* The bytes of [offset, offset + size) are not wanted for a while: their memory may go from the
 * process, and comes back when they are touched, as stored. Whole pages only. Any thread, at any
 * time. Does nothing where there is no such call. */
void vl_map_discard(const vl_map *map, uint64_t offset, uint64_t size);

/* Unmap. Stores not synced reach the file sooner or later. A zeroed map is allowed. */
void vl_map_close(vl_map *map);

/* ---- paths ---- */

/* Delete a file. Errors: VELO_NOTFOUND when it is absent, VELO_IOERR_DELETE. Promise D3. */
velo_status vl_path_delete(vl_ctx *ctx, vl_io *io, const char *path) VL_MUST_CHECK;

/* Give a file a new name in the same file system, replacing what bears it: at any instant either
 * the old or the new file has the name. Promise D3. */
velo_status vl_path_rename(vl_ctx *ctx, vl_io *io, const char *from, const char *to) VL_MUST_CHECK;

/* Whether something exists at path: *exists is 1 or 0. Errors: VELO_IOERR_ACCESS when that cannot
 * be found out. */
velo_status vl_path_exists(vl_ctx *ctx, vl_io *io, const char *path, int *exists) VL_MUST_CHECK;

/* Make creations, deletions and renames in the folder that holds `path` durable. */
velo_status vl_path_sync_folder(vl_ctx *ctx, vl_io *io, const char *path) VL_MUST_CHECK;

/* Space of the file system that holds `path`, in bytes: free to this process, and in all. */
velo_status vl_path_get_space(vl_ctx *ctx, vl_io *io, const char *path, uint64_t *free_bytes,
                              uint64_t *total_bytes) VL_MUST_CHECK;

/* The absolute path without symbolic links and dots; the last part need not exist.
 *
 * full   receives it; has room for VL_PATH_SIZE bytes
 * errors VELO_CANTOPEN_FULLPATH: a folder in it is absent or the result is too long */
velo_status vl_path_get_full(vl_ctx *ctx, vl_io *io, const char *path, char *full) VL_MUST_CHECK;

/* ---- batches ---- */

typedef enum vl_io_op {
    VL_IO_READ,  /* as vl_file_read with NULL: all bytes, or VELO_IOERR_SHORT_READ */
    VL_IO_WRITE, /* as vl_file_write */
    VL_IO_SYNC   /* as vl_file_sync, for what was complete when it was submitted */
} vl_io_op;

#define VL_IO_LINK                                                                                 \
    0x01U                   /* the next request of the array starts when this one has succeeded,   \
                               and is cancelled (VELO_ABORT) when it fails */
#define VL_IO_DURABLE 0x02U /* a write that is durable when complete */

/* One transfer. The caller owns it; between submission and completion neither it nor the buffer
 * may be touched. Zero it, then fill the first part. */
typedef struct vl_io_request {
    vl_io_op op;                /* what to do */
    uint32_t flags;             /* VL_IO_LINK, VL_IO_DURABLE */
    vl_file *file;              /* on which file */
    void *buf;                  /* to or from here; written only by VL_IO_READ */
    uint32_t size;              /* bytes, at least 1; 0 for a sync */
    uint64_t offset;            /* position in the file */
    void *user;                 /* not touched */
    velo_status status;         /* result */
    int os_error;               /* errno behind it, 0 for none */
    uint32_t moved;             /* bytes moved so far; size when all went well */
    uint32_t slot;              /* private to the queue */
    struct vl_io_request *next; /* private to the queue */
} vl_io_request;

/* The calling thread's own queue, made at its first use and closed when the thread ends or the
 * backend is closed, whichever comes first; and when the thread uses more than 8 backends, one with
 * nothing pending is closed for the next: so do not keep the pointer. A thread reaps what it has
 * submitted before it ends. Errors: VELO_NOMEM; VELO_IOERR; VELO_BUSY: the thread has something
 * pending on 8 backends. */
velo_status vl_io_thread_queue(vl_ctx *ctx, vl_io *io, vl_io_queue **out) VL_MUST_CHECK;

/* Open a queue for the calling thread. `depth` transfers are in flight at most. */
velo_status vl_io_queue_open(vl_ctx *ctx, vl_io *io, uint32_t depth, vl_io_queue **out)
    VL_MUST_CHECK;

/* Wait for what is in flight and close. NULL is allowed. */
void vl_io_queue_close(vl_io_queue *queue);

/* Hand over `count` requests; they run in any order, except for links. When more than the queue's
 * depth are in flight, waits for some to complete. An error concerns the queue as a whole
 * (VELO_IOERR): every request of the call is complete then, with its own status. */
velo_status vl_io_queue_submit(vl_ctx *ctx, vl_io_queue *queue, vl_io_request *requests,
                               uint32_t count) VL_MUST_CHECK;

/* The same, but the backend may leave the handing over to the next call on the queue, so that one
 * system call does it and waits. The caller reaps soon. */
velo_status vl_io_queue_submit_lazily(vl_ctx *ctx, vl_io_queue *queue, vl_io_request *requests,
                                      uint32_t count) VL_MUST_CHECK;

/* Take up to `max` completed requests, waiting until at least `min` are there or none is left in
 * flight. The caller looks at each one's status. Errors: VELO_IOERR, when the ring itself fails. */
velo_status vl_io_queue_reap(vl_ctx *ctx, vl_io_queue *queue, uint32_t min, uint32_t max,
                             vl_io_request **done, uint32_t *done_count) VL_MUST_CHECK;

/* Number of requests submitted and not yet reaped. */
uint32_t vl_io_queue_pending(const vl_io_queue *queue);

/* Write the message of a request that failed into ctx, and return its status. */
velo_status vl_io_request_fail(vl_ctx *ctx, const vl_io_request *request);

/* Run all requests on the thread's own queue and wait for them; others that are pending there go
 * on, and are reaped by whoever submitted them. Returns the first failure in the array's order,
 * cancelled ones last, with its message. */
velo_status vl_io_batch(vl_ctx *ctx, vl_io *io, vl_io_request *requests, uint32_t count)
    VL_MUST_CHECK;

/* Tell the backend that transfers will use buffers in [base, base + size): rings register them
 * with the kernel when they next submit, where that is permitted, which saves pinning the pages
 * for every transfer. Never fails in a way that matters: unregistered buffers work too, and the
 * statistics tell. At most VL_IO_MAX_SLABS at a time; further ones are not registered.
 *
 * Registered memory is resident, and must stay mapped as it is until it is taken back: pages given
 * to the system (by madvise, say) or mapped anew would not be those that transfers use. */
#define VL_IO_MAX_SLABS 64
void vl_io_buffers_add(vl_io *io, void *base, size_t size);

/* Take that back before the memory goes away. No transfer may be using it. */
void vl_io_buffers_remove(vl_io *io, const void *base);

/* ---- clock and randomness ---- */

/* Nanoseconds on a clock that only goes forward, from an arbitrary start. */
uint64_t vl_io_monotonic_ns(vl_io *io);

/* Nanoseconds since 1970-01-01 00:00 UTC; may jump. */
int64_t vl_io_wall_ns(vl_io *io);

/* Sleep for at least so long. */
void vl_io_sleep(vl_io *io, uint64_t duration_ns);

/* Fill with bytes that nobody can predict (on the simulator: from its seed). Errors: VELO_IOERR
 * when the system has none. */
velo_status vl_io_random(vl_ctx *ctx, vl_io *io, void *buf, size_t size) VL_MUST_CHECK;

#endif
