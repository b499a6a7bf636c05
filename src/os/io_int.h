/* io_int.h - the table of functions behind a backend, and what os.c and the backends share.
 *
 * Backends return 0 or an errno value and write no messages: os.c, which callers see as io.h, adds
 * paths and codes. So the backends stay small, and every backend fails in the same words.
 *
 * Rules for backends
 *   - read and write may move less than asked (as the system's calls may); they move at least one
 *     byte, or return an error, or, for a read, 0 bytes where the file ends.
 *   - EINTR never comes out of a backend.
 *   - The fields that os.c has filled in when a function is called are marked "os.c". */
#ifndef VL_OS_IO_INT_H
#define VL_OS_IO_INT_H

#include "base/latch.h"
#include "os/io.h"

#include <stdatomic.h>

/* One slab of memory whose transfers should use registered buffers. */
typedef struct vl_io_slab {
    void *base;       /* first byte, NULL for an unused entry */
    size_t size;      /* bytes */
    uint64_t version; /* number of the change that put it here; rings compare it */
} vl_io_slab;

typedef struct vl_io_ops {
    const char *name;  /* vl_io_name */
    int has_ring;      /* batches go to the kernel in one call: VL_DURABLE_RING pays */
    size_t io_size;    /* sizeof the backend's struct, whose first member is a vl_io */
    size_t file_size;  /* sizeof its file struct, whose first member is a vl_file */
    size_t queue_size; /* sizeof its queue struct, whose first member is a vl_io_queue */

    void (*close)(vl_io *io); /* release all but the struct itself */

    /* path and flags are in the file (os.c). Sets is_direct and align. On error nothing is held. */
    int (*file_open)(vl_file *file);
    void (*file_close)(vl_file *file);
    int (*file_get_id)(vl_file *file, vl_file_id *id);
    int (*file_get_write_time)(vl_file *file, int64_t *time_ns); /* NULL: it is not known */
    int (*file_copy_mode)(vl_file *from, vl_file *to);           /* NULL: does nothing */
    int (*read)(vl_file *file, void *buf, size_t size, uint64_t offset, size_t *moved);
    /* durable: the bytes are durable on return (RWF_DSYNC); asked only if can_dsync */
    int (*write)(vl_file *file, const void *buf, size_t size, uint64_t offset, int durable,
                 size_t *moved);
    int (*sync)(vl_file *file);
    void (*start_writing)(vl_file *file, uint64_t offset, uint64_t size); /* NULL: does nothing */
    int (*get_size)(vl_file *file, uint64_t *size);
    int (*resize)(vl_file *file, uint64_t size);
    int (*allocate)(vl_file *file, uint64_t offset, uint64_t size); /* EOPNOTSUPP: os.c helps */
    int (*punch)(vl_file *file, uint64_t offset, uint64_t size);    /* EOPNOTSUPP: not released */
    int (*lock)(vl_file *file, vl_lock_mode mode, uint64_t offset,
                uint64_t size); /* EAGAIN: busy */

    /* file, size, reserved and is_writable are in the map (os.c). Sets base, is_synchronous,
     * persist. */
    int (*map_open)(vl_map *map);
    int (*map_extend)(vl_map *map, uint64_t size); /* os.c sets map->size afterwards */
    int (*map_sync)(vl_map *map, uint64_t offset, uint64_t size);
    /* Asked only where persist is not VL_PERSIST_SYNC. Store past the caches; then make that
     * durable, or with is_flushed other stores of this thread in the range. */
    int (*map_store)(vl_map *map, const void *buf, size_t size, uint64_t offset);
    int (*map_persist)(vl_map *map, uint64_t offset, uint64_t size, int is_flushed);
    void (*map_discard)(const vl_map *map, uint64_t offset, uint64_t size); /* NULL: does nothing */
    void (*map_close)(vl_map *map);

    int (*path_delete)(vl_io *io, const char *path);
    int (*path_rename)(vl_io *io, const char *from, const char *to);
    int (*path_exists)(vl_io *io, const char *path, int *exists);
    int (*path_sync_folder)(vl_io *io, const char *path);
    int (*path_get_space)(vl_io *io, const char *path, uint64_t *free_bytes, uint64_t *total_bytes);
    int (*path_get_full)(vl_io *io, const char *path, char *full);

    /* depth is in the queue (os.c). */
    int (*queue_open)(vl_io_queue *queue);
    void (*queue_close)(vl_io_queue *queue); /* nothing is in flight */
    /* Start all requests (their results are reset by os.c; chains with a sync of a file whose sync
     * failed are filtered out there; the last one has no VL_IO_LINK). Completed ones are put on the
     * queue with vl_io_queue_complete, before or after the return. Returns an error only when none
     * of the requests that are not complete is in flight: os.c completes those with the error. */
    int (*queue_submit)(vl_io_queue *queue, vl_io_request *requests, uint32_t count);
    /* Wait until `wait` more requests are complete, or none is in flight; 0 looks without waiting.
     * What a single transfer met goes into its request; an error here means that the queue is
     * broken. */
    int (*queue_poll)(vl_io_queue *queue, uint32_t wait);
    /* Whether batches of this queue really go to the kernel in one call; makes its ring if need be.
     * NULL: has_ring says it. */
    int (*queue_has_ring)(vl_io_queue *queue);
    void (*buffers_removed)(vl_io *io); /* after a slab was; NULL: does not matter */

    uint64_t (*monotonic_ns)(vl_io *io);
    int64_t (*wall_ns)(vl_io *io);
    void (*sleep)(vl_io *io, uint64_t duration_ns);
    int (*random)(vl_io *io, void *buf, size_t size);
} vl_io_ops;

/* The common part of every backend. */
struct vl_io {
    const vl_io_ops *ops;      /* immutable */
    vl_allocator *allocator;   /* immutable; borrowed from the context that opened it */
    const vl_log *log;         /* immutable; borrowed likewise, or NULL */
    uint32_t queue_depth;      /* immutable; of queues made by vl_io_thread_queue */
    uint64_t id;               /* immutable; never used twice in the process's life */
    char fallback_reason[256]; /* immutable; see vl_io_fallback_reason */

    vl_io_queue *thread_queues; /* all threads' queues; guarded by os_batch.c's latch */
    vl_io *next_io;             /* list of open backends; guarded by the same */

    vl_latch latch;                    /* guards the next two */
    vl_io_slab slabs[VL_IO_MAX_SLABS]; /* registered buffers */
    uint32_t slab_count;               /* entries in use are among the first slab_count */
    _Atomic uint64_t slab_version;     /* grows with each change; read without the latch */

    _Atomic uint64_t open_files; /* to find files left open at the close */

    /* statistics; see vl_io_stats */
    _Atomic uint64_t read_count;
    _Atomic uint64_t read_bytes;
    _Atomic uint64_t write_count;
    _Atomic uint64_t write_bytes;
    _Atomic uint64_t sync_count;
    _Atomic uint64_t submit_count;
    _Atomic uint64_t fixed_buffer_count;
    _Atomic uint64_t ring_count;
    _Atomic uint64_t unregistered_count;
};

/* The common part of every open file. */
struct vl_file {
    vl_io *io;                    /* immutable (os.c) */
    char *path;                   /* immutable; owned (os.c) */
    uint32_t flags;               /* immutable; VL_OPEN_ (os.c) */
    int is_direct;                /* immutable after open */
    uint32_t align;               /* immutable after open; 1 unless direct */
    int can_dsync;                /* immutable after open: ops->write takes durable = 1 */
    uint64_t serial;              /* immutable; never used twice in a backend's life (os.c) */
    _Atomic int lacks_allocation; /* 1: ops->allocate said EOPNOTSUPP once (os.c) */
    _Atomic int sync_error;       /* errno of the first failed sync, 0 for none; keeps D5 */
    vl_latch sync_turn; /* who has it syncs; held across that, and nothing else is taken then */
};

/* The common part of every queue. Everything belongs to the queue's thread. */
struct vl_io_queue {
    vl_io *io;               /* immutable (os.c) */
    uint32_t depth;          /* immutable; most requests in flight at a time (os.c) */
    uint32_t pending;        /* submitted and not reaped (os.c) */
    uint32_t complete_count; /* length of the list below */
    vl_io_request *first;    /* completed, oldest first; linked by next */
    vl_io_request *last;     /* its end, valid when first is not NULL */
    int will_poll;           /* a poll follows soon: submission may be left to it (os_batch.c) */
    int has_unsent;          /* requests may not have been handed over yet (os_batch.c) */
    int is_thread_queue;     /* in the backend's list, closed by it (os.c) */
    vl_io_queue *next_queue; /* in that list (os_batch.c) */
};

/* Bytes of a request still to be moved, and where they belong. */
static inline uint32_t
vl_io_request_rest(const vl_io_request *request)
{
    return request->size - request->moved;
}

/* Put a request on its queue's list of completed ones: with the status that follows from its op
 * and `os_error` (0 for success; a read that is not full becomes VELO_IOERR_SHORT_READ), counting
 * it in the statistics and remembering a failed sync in the file. For backends. */
void vl_io_queue_complete(vl_io_queue *queue, vl_io_request *request, int os_error);

/* Run one request to its end by ops->read, write and sync, looping over short transfers. Returns 0
 * or an errno value, to be given to vl_io_queue_complete. For backends without a ring. */
int vl_io_request_run(vl_io_request *request);

/* Fill in the common part of a backend's struct, which was allocated zeroed with ops->io_size, and
 * enter it in the list of open backends. queue_depth 0 stands for the default. */
void vl_io_init(vl_io *io, const vl_io_ops *ops, vl_ctx *ctx, uint32_t queue_depth);

/* The list of open backends, for finding out at a thread's end which of its queues still live. */
void vl_io_enlist(vl_io *io);
void vl_io_delist(vl_io *io); /* also closes all its thread queues */

/* Translate an errno value into a status code; `otherwise` where it has no meaning of its own. */
velo_status vl_os_status(int os_error, velo_status otherwise);

/* The backends. Each allocates its struct, calls vl_io_init, and fails with a message in ctx. */
velo_status vl_io_posix_open(vl_ctx *ctx, uint32_t queue_depth, vl_io **out) VL_MUST_CHECK;

/* As vl_io_posix_open with batches through io_uring. Fails with VELO_ERROR and the reason when the
 * library was built without it, or the kernel lacks or forbids it (tried by making a ring; with
 * probes_late by the first batch, which goes on without rings then). */
velo_status vl_io_uring_open(vl_ctx *ctx, uint32_t queue_depth, int probes_late, vl_io **out)
    VL_MUST_CHECK;

#endif
