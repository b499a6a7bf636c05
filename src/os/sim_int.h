/* sim_int.h - the parts of the simulated machine, shared by its files.
 *
 *   sim_content.c  bytes of a file: chunks shared between versions and clones, copied on change
 *   sim_inode.c    a file: what reads see, what is durable, the changes in between; its outcome
 *   sim_names.c    folders: names as seen and as durable, and the changes in between
 *   sim_call.c     what surrounds an operation: number, hook, planned faults, trace
 *   sim.c          the machine: made, copied, killed, cut
 *   io_sim.c       the table of functions: files, paths, clock
 *   sim_lock.c  sim_queue.c  sim_map.c   its parts for locks, batches, maps
 *
 * All but sim_content.c run under the machine's latch. Functions return 0 or an errno value, ENOMEM
 * with nothing changed. */
#ifndef VL_OS_SIM_INT_H
#define VL_OS_SIM_INT_H

#include "base/latch.h"
#include "base/rng.h"
#include "os/io_int.h"
#include "os/sim.h"

#include <stdatomic.h>

/* ---- content: sim_content.c ---- */

/* Unit in which space is allocated and content is shared. */
#define VL_SIM_BLOCK_SIZE 4096U

/* No file is larger: the table of its blocks must fit into memory. */
#define VL_SIM_MAX_FILE_SIZE (UINT64_C(1) << 36)

/* Immutable bytes with a count of references, which may be of several machines. */
typedef struct vl_sim_bytes {
    _Atomic uint32_t refs; /* freed with the last one */
    uint32_t size;         /* bytes */
    uint8_t data[];        /* of names: ends with a 0 byte */
} vl_sim_bytes;

vl_sim_bytes *vl_sim_bytes_create(vl_allocator *allocator, const void *data, size_t size);
vl_sim_bytes *vl_sim_bytes_share(vl_sim_bytes *bytes);
void vl_sim_bytes_release(vl_sim_bytes *bytes);

typedef struct vl_sim_block {
    _Atomic uint32_t refs;           /* contents that hold it; a block with several is immutable */
    uint8_t data[VL_SIM_BLOCK_SIZE]; /* beyond the file's end: zeros */
} vl_sim_block;

/* The bytes of a file at some moment. Immutable while several hold it. */
typedef struct vl_sim_content {
    _Atomic uint32_t refs; /* holders: inodes of this machine and of clones */
    uint64_t size;         /* the file's size in bytes */
    uint64_t block_count;  /* blocks allocated: entries of the table that are not NULL */
    uint64_t table_size;   /* entries of the table; the file may be longer (a hole) */
    vl_sim_block **table;  /* NULL for a hole */
} vl_sim_content;

vl_sim_content *vl_sim_content_create(vl_allocator *allocator);
vl_sim_content *vl_sim_content_share(vl_sim_content *content);
void vl_sim_content_release(vl_sim_content *content);

/* Copy bytes out; those beyond the table are zeros. The size is not looked at. */
void vl_sim_content_read(const vl_sim_content *content, uint64_t offset, void *buf, size_t size);

/* The bytes from offset to the end of their block. */
const uint8_t *vl_sim_content_peek(const vl_sim_content *content, uint64_t offset);

/* Make the bytes [offset, offset + size) changeable: *slot becomes a content of its own, with
 * blocks of its own there. After ENOMEM holes may have become blocks of zeros. */
int vl_sim_content_prepare(vl_allocator *allocator, vl_sim_content **slot, uint64_t offset,
                           uint64_t size);

/* Store bytes that were prepared. The size stays. */
void vl_sim_content_put(vl_sim_content *content, uint64_t offset, const void *data, size_t size);

/* Change the size; what lies beyond is cut off, new bytes are a hole. */
int vl_sim_content_resize(vl_allocator *allocator, vl_sim_content **slot, uint64_t size);

/* Allocate blocks of zeros where there are holes. The size stays. */
int vl_sim_content_allocate(vl_allocator *allocator, vl_sim_content **slot, uint64_t offset,
                            uint64_t size);

/* Make bytes zero, and whole blocks holes. The size stays. */
int vl_sim_content_punch(vl_allocator *allocator, vl_sim_content **slot, uint64_t offset,
                         uint64_t size);

/* Whether the byte lies in a block. */
int vl_sim_content_has_block(const vl_sim_content *content, uint64_t offset);

/* Number of holes, in blocks, that [offset, offset + size) touches. */
uint64_t vl_sim_content_count_holes(const vl_sim_content *content, uint64_t offset, uint64_t size);

uint64_t vl_sim_content_hash(const vl_sim_content *content, uint64_t seed);

/* Make room for `needed` elements in an array of which `used` are in use. Returns the array, moved
 * or not, or NULL. */
void *vl_sim_array_reserve(vl_allocator *allocator, void *array, uint32_t used, uint32_t *capacity,
                           uint32_t needed, size_t element_size);

/* ---- the choice at a power cut: sim_inode.c ---- */

/* What decides about each pending change. */
typedef struct vl_sim_draw {
    vl_sim_outcome outcome; /* as asked for */
    vl_rng rng;             /* from its seed */
    uint64_t keep_of_8;     /* RANDOM: chance of a whole write to be kept, in eighths */
    uint64_t point;         /* PREFIX: sequence of the change that is kept in part */
} vl_sim_draw;

/* How many of `count` changes that survive in order are kept, at least `min`. For PREFIX, `before`
 * of them come before the point, and `at_point` is 1 if the next one is the point itself. */
uint32_t vl_sim_draw_prefix(vl_sim_draw *draw, uint32_t min, uint32_t count, uint32_t before,
                            int at_point);

/* ---- files: sim_inode.c ---- */

typedef enum vl_sim_change_kind {
    VL_SIM_CHANGE_DATA,    /* bytes, torn in units */
    VL_SIM_CHANGE_HOLE,    /* zeros, torn in units; whole blocks are given back */
    VL_SIM_CHANGE_SIZE,    /* the size only */
    VL_SIM_CHANGE_ALLOCATE /* holes become blocks of zeros; perhaps the size */
} vl_sim_change_kind;

/* One change of a file that is not durable yet. */
typedef struct vl_sim_change {
    vl_sim_change_kind kind; /* what it is */
    uint32_t unit;           /* of DATA and HOLE: bytes that are kept or lost together */
    int is_forced;           /* durable: kept, and with it all sizes up to here */
    int sets_size;           /* it changes the size; always for SIZE */
    uint64_t sequence;       /* order among all changes of the machine */
    uint64_t offset;         /* first byte, a multiple of unit */
    uint64_t size;           /* bytes, a multiple of unit */
    uint64_t new_size;       /* the file's size, if sets_size */
    vl_sim_bytes *data;      /* of DATA: what the cache held for these units then */
} vl_sim_change;

typedef struct vl_sim_region vl_sim_region;
typedef struct vl_sim_inode vl_sim_inode;

struct vl_sim_inode {
    uint64_t id;             /* never used twice on the machine and its clones */
    uint32_t name_refs;      /* entries and pending changes of folders that refer to it */
    uint32_t open_count;     /* open files */
    vl_sim_content *current; /* what reads see */
    vl_sim_content *durable; /* what is on the disk for certain */
    vl_sim_content *settled; /* during a power cut: what it leaves */
    vl_sim_change *changes;  /* pending ones, oldest first */
    uint32_t change_count;
    uint32_t change_capacity;
    uint64_t freed_blocks; /* given back by pending changes: not free before they are durable */
    int is_diverged;       /* data was lost: durable plus changes is not what reads see */
    vl_sim_region *region; /* its bytes as processes have them mapped, or NULL */
    vl_sim_inode *twin;    /* during a clone: its copy */
};

int vl_sim_inode_create(vl_sim *sim, vl_sim_inode **out);
int vl_sim_inode_copy(vl_sim *sim, const vl_sim_inode *from, vl_sim_inode **out);
void vl_sim_inode_destroy(vl_sim_inode *inode);

/* Write bytes to what reads see, as a pending change, or as a durable one. */
int vl_sim_inode_write(vl_sim *sim, vl_sim_inode *inode, const void *data, size_t size,
                       uint64_t offset, uint32_t unit, int is_forced);
int vl_sim_inode_resize(vl_sim *sim, vl_sim_inode *inode, uint64_t size);
int vl_sim_inode_allocate(vl_sim *sim, vl_sim_inode *inode, uint64_t offset, uint64_t size);
int vl_sim_inode_punch(vl_sim *sim, vl_sim_inode *inode, uint64_t offset, uint64_t size);

/* Make all pending changes durable. */
int vl_sim_inode_sync(vl_sim *sim, vl_sim_inode *inode);

/* Make pending changes durable where they touch [offset, offset + size), in units of 64 bytes, and
 * all sizes. */
int vl_sim_inode_sync_range(vl_sim *sim, vl_sim_inode *inode, uint64_t offset, uint64_t size);

/* Forget pending data, though reads see it: all, or with rng given each write by chance. Sizes stay
 * pending. */
void vl_sim_inode_lose(vl_sim_inode *inode, vl_rng *rng);

/* Work out inode->settled, the content that a power cut leaves. */
int vl_sim_inode_settle(vl_sim *sim, vl_sim_inode *inode, vl_sim_draw *draw);

/* Take the settled content for durable and current. */
void vl_sim_inode_commit(vl_sim_inode *inode);

/* ---- names: sim_names.c ---- */

typedef struct vl_sim_entry {
    vl_sim_bytes *name;  /* last part of the path */
    vl_sim_inode *inode; /* counted in its name_refs */
} vl_sim_entry;

typedef struct vl_sim_entries {
    vl_sim_entry *items; /* in order of creation */
    uint32_t count;
    uint32_t capacity;
} vl_sim_entries;

typedef enum vl_sim_name_kind {
    VL_SIM_NAME_LINK,   /* name refers to inode */
    VL_SIM_NAME_UNLINK, /* name is gone */
    VL_SIM_NAME_RENAME  /* name is gone, to refers to inode */
} vl_sim_name_kind;

typedef struct vl_sim_name_change {
    vl_sim_name_kind kind;
    uint64_t sequence; /* order among all changes of the machine */
    vl_sim_bytes *name;
    vl_sim_bytes *to;    /* of RENAME, else NULL */
    vl_sim_inode *inode; /* counted in its name_refs; of UNLINK what bore the name */
    int lost;            /* during a power cut: 1 nothing of it is kept, 2 a rename left both */
} vl_sim_name_change;

typedef struct vl_sim_folder {
    vl_sim_bytes *path;          /* absolute; "/" or without a slash at the end */
    vl_sim_entries current;      /* as seen */
    vl_sim_entries durable;      /* as on the disk */
    vl_sim_name_change *changes; /* pending ones, oldest first */
    uint32_t change_count;
    uint32_t change_capacity;
} vl_sim_folder;

/* A path taken apart. */
typedef struct vl_sim_place {
    char full[VL_PATH_SIZE]; /* absolute, without dots */
    size_t folder_size;      /* bytes of full that name its folder */
    const char *name;        /* last part, in full; "" when the path is that of a folder */
    vl_sim_folder *folder;   /* its folder; NULL when nothing ever was in it */
    vl_sim_inode *inode;     /* what bears the name, or NULL */
} vl_sim_place;

/* Make a path absolute: the working directory is "/", and folders exist as soon as one speaks of
 * them. *is_folder is 1 if the path ends like one: with a slash or dots. */
int vl_sim_path_resolve(const char *path, char *full, int *is_folder);

/* Find out what is at the path. */
int vl_sim_place_find(vl_sim *sim, const char *path, vl_sim_place *place);

/* Whether some file has a path that goes through this folder. */
int vl_sim_folder_is_used(const vl_sim *sim, const char *full);

int vl_sim_names_link(vl_sim *sim, vl_sim_place *place, vl_sim_inode *inode);
int vl_sim_names_unlink(vl_sim *sim, vl_sim_place *place);
int vl_sim_names_rename(vl_sim *sim, vl_sim_place *from, vl_sim_place *to);

/* Make the folder's pending changes durable. */
int vl_sim_names_sync(vl_sim *sim, vl_sim_folder *folder);

int vl_sim_folder_copy(vl_sim *sim, const vl_sim_folder *from, vl_sim_folder **out);
void vl_sim_folder_destroy(vl_sim_folder *folder);

/* Make room for what vl_sim_names_settle needs, so that it cannot fail. */
int vl_sim_names_reserve(vl_sim *sim, vl_sim_folder *folder);

/* Keep of the pending changes what the draw says; what is seen becomes what is durable. */
void vl_sim_names_settle(vl_sim_folder *folder, vl_sim_draw *draw);

/* ---- processes ---- */

typedef struct vl_sim_process {
    vl_io io;                    /* first: the table of functions casts to it */
    vl_sim *sim;                 /* the machine; immutable */
    int is_dead;                 /* killed: every call fails */
    struct vl_sim_process *next; /* in the machine's list */
} vl_sim_process;

typedef struct vl_sim_file {
    vl_file file;             /* first: the table of functions casts to it */
    vl_sim_inode *inode;      /* counted in its open_count; NULL once the process is dead */
    struct vl_sim_file *next; /* in the machine's list of open files */
} vl_sim_file;

/* A lock of an open file on bytes. One file's locks do not overlap. */
typedef struct vl_sim_lock {
    vl_sim_file *file; /* whose it is */
    vl_lock_mode mode; /* SHARED or EXCLUSIVE */
    uint64_t offset;   /* first byte */
    uint64_t end;      /* behind the last */
} vl_sim_lock;

extern const vl_io_ops vl_sim_io_ops;

/* ---- the machine: sim.c ---- */

#define VL_SIM_TRACE_SIZE 64
#define VL_SIM_TRACE_PATH 40

/* One operation, for messages. */
typedef struct vl_sim_trace {
    uint64_t number;              /* of a changing operation, else 0 */
    uint32_t op;                  /* its kind */
    int os_error;                 /* its result */
    uint32_t faults;              /* bit i: a fault of kind i happened to it */
    uint64_t offset;              /* as in the event */
    uint64_t size;                /* as in the event */
    char path[VL_SIM_TRACE_PATH]; /* the end of it */
} vl_sim_trace;

/* A planned fault. */
typedef struct vl_sim_plan_entry {
    vl_sim_fault fault; /* ops narrowed to what the kind can happen to; its path is not used */
    vl_sim_bytes *path; /* part of the path, or NULL */
    uint64_t seen;      /* operations that matched so far */
} vl_sim_plan_entry;

struct vl_sim {
    vl_latch latch;          /* guards all below, but not what is immutable */
    vl_allocator *allocator; /* immutable; borrowed from the context that made the machine */
    vl_sim_options options;  /* immutable */

    vl_sim_inode **inodes; /* all, in order of creation */
    uint32_t inode_count;
    uint32_t inode_capacity;
    vl_sim_folder **folders; /* all, in order of first use */
    uint32_t folder_count;
    uint32_t folder_capacity;
    uint64_t next_inode;    /* id of the next file */
    uint64_t next_sequence; /* of the next pending change */

    int is_off;                /* a planned fault has cut the power */
    vl_sim_process *processes; /* open ones, dead or alive */
    vl_sim_file *files;        /* open files of living processes */
    vl_sim_lock *locks;        /* of these */
    uint32_t lock_count;
    uint32_t lock_capacity;

    vl_sim_hook *hook;        /* or NULL */
    void *hook_user;          /* passed to it */
    vl_sim_plan_entry *plans; /* planned faults */
    uint32_t plan_count;
    uint32_t plan_capacity;

    uint64_t clock_ns;    /* monotonic */
    vl_rng rng_random;    /* for vl_io_random */
    vl_rng rng_queue;     /* for the order within batches */
    vl_rng rng_fault;     /* for faults and outcomes */
    vl_sim_stats stats;   /* counters; the sizes are worked out when asked for */
    uint64_t trace_count; /* operations traced so far; the last ones are kept */
    vl_sim_trace trace[VL_SIM_TRACE_SIZE];
};

/* Remove files that have neither a name nor an opener. */
void vl_sim_sweep(vl_sim *sim);

/* Bytes of the transfer that there is room for, at most size; gives back what is given back but not
 * durable by making it so. ENOSPC for none. */
int vl_sim_space_fit(vl_sim *sim, const vl_sim_inode *inode, uint64_t offset, uint64_t *size);
uint64_t vl_sim_space_used(const vl_sim *sim);

/* End all processes; `off` also the power. Stores to maps that cannot be noted for want of memory
 * are lost. */
void vl_sim_stop(vl_sim *sim, int off);

/* ---- around an operation: sim_call.c ---- */

typedef struct vl_sim_call {
    vl_sim_process *process;
    vl_sim_event event;    /* op, path, to_path, offset, size from the caller */
    uint32_t faults;       /* bit i: a fault of kind i happens to it */
    int os_error;          /* of the faults that have one */
    uint64_t short_amount; /* of SHORT */
    uint64_t stray_amount; /* of MISDIRECT_WRITE */
    int is_running;        /* between begin and end: the latch is held */
} vl_sim_call;

static inline int
vl_sim_call_has(const vl_sim_call *call, vl_sim_fault_kind kind)
{
    return (call->faults & (1U << kind)) != 0;
}

/* An operation on a file, to be given to begin. */
static inline vl_sim_call
vl_sim_call_on_file(const vl_file *file, uint32_t op, uint64_t offset, uint64_t size)
{
    vl_sim_call call = {.process = (vl_sim_process *)file->io,
                        .event = {.op = op, .path = file->path, .offset = offset, .size = size}};

    return call;
}

/* Count the operation, call the hook, meet faults, and take the latch. On an error the operation
 * does not happen. End follows in every case. */
int vl_sim_call_begin(vl_sim_call *call);

/* Meet faults that come after, release the latch, call the hook. Returns what the caller gets. */
int vl_sim_call_end(vl_sim_call *call, int error);

void vl_sim_plan_destroy(vl_sim *sim);

/* ---- locks: sim_lock.c ---- */

int vl_sim_lock_set(vl_sim *sim, vl_sim_file *file, vl_lock_mode mode, uint64_t offset,
                    uint64_t size);

/* Drop all locks of an open file. */
void vl_sim_lock_drop(vl_sim *sim, const vl_sim_file *file);

/* ---- queues: sim_queue.c ---- */

/* A queue: requests wait in it until they are run, one at a time, in an order drawn by the seed. */
typedef struct vl_sim_queue {
    vl_io_queue queue;    /* first: the table of functions casts to it */
    vl_io_request *first; /* those waiting, in order of submission; linked by next */
    vl_io_request *last;  /* valid when first is not NULL */
    uint32_t chain_count; /* chains submitted; a request's slot is the number of its chain */
} vl_sim_queue;

int vl_sim_queue_open(vl_io_queue *queue);
void vl_sim_queue_close(vl_io_queue *queue);
int vl_sim_queue_submit(vl_io_queue *queue, vl_io_request *requests, uint32_t count);
int vl_sim_queue_poll(vl_io_queue *queue, uint32_t wait);

/* ---- maps: sim_map.c ---- */

int vl_sim_map_open(vl_map *map);
int vl_sim_map_extend(vl_map *map, uint64_t size);
int vl_sim_map_sync(vl_map *map, uint64_t offset, uint64_t size);
int vl_sim_map_store(vl_map *map, const void *buf, size_t size, uint64_t offset);
int vl_sim_map_persist(vl_map *map, uint64_t offset, uint64_t size, int is_flushed);
void vl_sim_map_close(vl_map *map);

/* Note stores through maps in [offset, offset + size) as pending changes. */
int vl_sim_region_fold(vl_sim *sim, vl_sim_inode *inode, uint64_t offset, uint64_t size);

/* Show maps what was changed in [offset, offset + size) otherwise. */
void vl_sim_region_refresh(vl_sim_inode *inode, uint64_t offset, uint64_t size);

/* Part the maps from the file: later stores go nowhere. */
void vl_sim_region_detach(vl_sim_inode *inode);

/* Fold all files. */
int vl_sim_region_fold_all(vl_sim *sim);

#endif
