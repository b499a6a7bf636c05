/* uring_int.h - one io_uring with its tables of registered files and buffers.
 *
 * uring_ring.c keeps the tables, io_uring.c runs requests. A ring is used by one thread at a time;
 * who that is, io_uring.c says. */
#ifndef VL_OS_URING_INT_H
#define VL_OS_URING_INT_H

#include "os/posix_int.h"

#ifndef VL_HAVE_URING
#define VL_HAVE_URING 0
#endif

#if VL_HAVE_URING
#include <liburing.h>

/* Files that a ring has registered at a time, and buffers. */
#define VL_URING_FILES   VL_BY_BUILD(16, 2)
#define VL_URING_BUFFERS VL_BY_BUILD(1024, 16)

/* Bytes of one registered buffer (the kernel's limit): larger slabs are several. */
#define VL_URING_BUFFER_MAX ((size_t)VL_BY_BUILD(1 << 30, 1 << 16))

/* Set in a slot's serial when the file was closed. */
#define VL_URING_CLOSED (UINT64_C(1) << 63)

typedef struct vl_uring_file {
    vl_posix_file posix;        /* first; whose first is the vl_file */
    _Atomic int was_registered; /* some ring has, or had, a registration of it */
    _Atomic int read_fd;        /* a second open of the file, for registering a locked one; 0 until
                                   it is needed, VL_URING_NO_FD when there is none */
} vl_uring_file;

#define VL_URING_NO_FD (-1)

/* An entry of the ring's table of registered files. */
typedef struct vl_uring_slot {
    _Atomic uint64_t serial; /* vl_file.serial of the file, 0 for none; may get VL_URING_CLOSED
                                from any thread, else changed by the ring's holder */
    uint64_t used_at;        /* the ring's tick when it was last used */
    uint32_t use_count;      /* requests that were prepared with it and are not back */
} vl_uring_slot;

/* What the ring has registered of the slab with the same index in vl_io. */
typedef struct vl_uring_slab {
    uint8_t *base;       /* first byte */
    size_t size;         /* bytes registered, from base on; may be less than the slab has */
    uint64_t version;    /* vl_io_slab.version that was acted upon */
    uint32_t first;      /* first entry in the table of buffers */
    uint32_t part_count; /* entries, each of VL_URING_BUFFER_MAX bytes but the last */
} vl_uring_slab;

typedef struct vl_uring_ring {
    struct io_uring ring;                     /* liburing's, valid while is_open */
    int is_open;                              /* the ring exists */
    int has_files;                            /* the table of files exists */
    int has_buffers;                          /* the table of buffers exists */
    uint64_t tick;                            /* counts look-ups of files */
    vl_uring_slot slots[VL_URING_FILES];      /* registered files */
    uint64_t slab_version;                    /* vl_io.slab_version that was acted upon */
    uint32_t slab_count;                      /* used entries are among the first */
    vl_uring_slab slabs[VL_IO_MAX_SLABS];     /* registered buffers */
    uint8_t is_buffer_used[VL_URING_BUFFERS]; /* 1 for each entry that some slab has */
} vl_uring_ring;

/* The slabs of a vl_io at one moment. */
typedef struct vl_uring_slabs {
    uint64_t version;                  /* of the last change */
    uint32_t count;                    /* used entries are among the first */
    vl_io_slab slabs[VL_IO_MAX_SLABS]; /* copied */
} vl_uring_slabs;

/* Make a ring with room for `entries` requests to submit and twice as many results, by the newest
 * of the kernel's modes that works. Registers nothing.
 *
 * level    in and out: number of the mode to try first, and of the one that worked
 * returns  0 or an errno value */
int vl_uring_ring_open(vl_uring_ring *ring, uint32_t entries, uint32_t *level);

/* Close it, giving back all that is registered. Any thread, while nothing is in flight. Does
 * nothing when it is not open. */
void vl_uring_ring_close(vl_uring_ring *ring);

/* Look whether the kernel has what io_uring.c uses, on an open ring: 0 or an errno value. */
int vl_uring_ring_try(vl_uring_ring *ring);

/* The file's entry in the ring's table, which the caller then gives back with vl_uring_slot_put,
 * registering it if worth while; -1 when its descriptor is to be used.
 *
 * is_read  the entry is for reading only */
int vl_uring_slot_get(vl_uring_ring *ring, vl_uring_file *file, int is_read);
void vl_uring_slot_put(vl_uring_ring *ring, int slot);

/* Note that a file is closed: 1 when the ring has it registered. Any thread, without holding the
 * ring; the holder must call vl_uring_drop_closed afterwards. */
int vl_uring_mark_closed(vl_uring_ring *ring, uint64_t serial);

/* Drop the registrations of closed files: 0, or an errno value when the kernel refuses, which it
 * does when the ring belongs to another thread. */
int vl_uring_drop_closed(vl_uring_ring *ring);

/* Copy the backend's list of slabs. */
void vl_uring_copy_slabs(vl_io *io, vl_uring_slabs *slabs);

/* Take back the registrations of slabs that are gone: 0 or an errno value, as above. */
int vl_uring_drop_slabs(vl_uring_ring *ring, const vl_uring_slabs *slabs);

/* Bring the registered buffers up to date with the backend's slabs. What the system refuses is
 * counted, and used unregistered. Returns the errno value of a refusal, 0 for none. */
int vl_uring_update_slabs(vl_uring_ring *ring, vl_io *io);

/* The registered buffer that contains [at, at + size), or -1. */
int vl_uring_find_buffer(const vl_uring_ring *ring, const void *at, size_t size);

#endif
#endif
