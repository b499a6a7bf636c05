/* sim.h - a simulated machine for tests: disk, cache, processes, faults, all from one seed.
 *
 * A `vl_sim` is a machine: its disk, what the operating system holds in its cache, and the
 * processes that run on it, each a `vl_io` opened with vl_sim_open_io. What happens on it depends
 * only on the seed and on the order of calls: two runs that are alike are alike in every bit.
 *
 *     vl_sim_create -> vl_sim_open_io -> ... run a workload ...
 *                   -> vl_sim_cut_power (now or planned) or vl_sim_kill
 *                   -> vl_io_close of the dead process
 *                   -> vl_sim_open_io -> ... recover and compare ...
 *
 * To try every cut point of one run, set a hook: it is called before and after each operation that
 * changes something, clones the machine, and cuts the clone's power, as often as it likes.
 *
 * The model of the disk - what a power cut may leave - is in src/os/README.md.
 *
 * Threads: every function may be called by any thread, but destroying, and opening and closing
 * processes, exclude all else. With several threads the order of calls is no longer given by the
 * seed. */
#ifndef VL_OS_SIM_H
#define VL_OS_SIM_H

#include "base/ctx.h"
#include "os/io.h"

typedef struct vl_sim vl_sim;

/* ---- the machine ---- */

typedef struct vl_sim_options {
    uint64_t seed;           /* of everything random */
    uint64_t capacity_bytes; /* of the disk, counted in blocks of 4096 bytes; 0 for no limit */
    uint32_t queue_depth;    /* of threads' own queues; 0 for the default */
    uint32_t direct_align;   /* of direct transfers: 512 or more; 0 for 512 */
    int refuses_direct;      /* VL_OPEN_DIRECT opens buffered */
    int refuses_dsync;       /* no single durable writes: vl_file_can_durable says no */
    int refuses_allocate;    /* the file system cannot allocate */
    int refuses_punch;       /* the file system cannot give space back */
    int has_short_transfers; /* half of all transfers move fewer bytes than asked */
    int has_synchronous_map; /* maps say is_synchronous and VL_PERSIST_FLUSH. vl_map_write is then
                                two operations, the stores and the fence, and vl_map_persist one;
                                cache lines that a program flushes by itself are not seen */
} vl_sim_options;

/* Make a machine with an empty disk, switched on.
 *
 * options  NULL for seed 0 and no limits
 * errors   VELO_NOMEM */
velo_status vl_sim_create(vl_ctx *ctx, const vl_sim_options *options, vl_sim **out) VL_MUST_CHECK;

/* Destroy a machine whose processes are closed. NULL is allowed. */
void vl_sim_destroy(vl_sim *sim);

/* Copy the machine's files: what reads see, what is durable, what is pending. The copy has no
 * processes, hook or faults, and goes on with its own random numbers, which begin like the
 * original's. Files without a name are not copied. Costs about as much as there are pending
 * changes; content is shared until changed. May be called by a hook. Errors: VELO_NOMEM. */
velo_status vl_sim_clone(vl_ctx *ctx, vl_sim *sim, vl_sim **out) VL_MUST_CHECK;

/* Start a process on the machine. Closed by vl_io_close, which leaves the machine as it is. If a
 * planned fault has cut the power, it is switched on first: vl_sim_cut_power with NULL.
 *
 * errors  VELO_NOMEM */
velo_status vl_sim_open_io(vl_ctx *ctx, vl_sim *sim, vl_io **out) VL_MUST_CHECK;

/* End all processes at once. From now on every call through them fails with ESHUTDOWN; their locks
 * are gone; their files and backends are still to be closed. What they wrote stays, pending changes
 * stay pending. Errors: VELO_NOMEM, when stores to maps cannot be noted: nothing happened. */
velo_status vl_sim_kill(vl_ctx *ctx, vl_sim *sim) VL_MUST_CHECK;

/* ---- power cuts ---- */

/* What becomes of pending changes. Durable ones always stay. */
typedef enum vl_sim_keep {
    VL_SIM_KEEP_RANDOM, /* each write in full, in part or not at all; see README.md */
    VL_SIM_KEEP_NONE,   /* the disk forgets all of them */
    VL_SIM_KEEP_ALL,    /* all reached the disk */
    VL_SIM_KEEP_PREFIX  /* as if written in the order of the calls up to some point: all changes
                           before one drawn at random, that one in part, none behind it */
} vl_sim_keep;

typedef struct vl_sim_outcome {
    vl_sim_keep keep;   /* which pending changes are kept */
    uint64_t seed;      /* of the choice: the same moment and seed give the same disk */
    int has_garbage;    /* blocks that were new and whose data is not kept hold garbage, not zeros,
                           as on a file system that does not order data before sizes */
    int scatters_names; /* creations, deletions and renames are kept or lost for each name by
                           itself, and a rename may leave both names; else a prefix in order, of
                           each folder */
} vl_sim_outcome;

/* Cut the power, and switch the machine on again: as vl_sim_kill, and of the pending changes only
 * some survive. After a planned cut, which leaves the machine off, this draws what survived it.
 *
 * outcome  NULL for VL_SIM_KEEP_RANDOM with a seed from the machine
 * errors   VELO_NOMEM: then all is as it was */
velo_status vl_sim_cut_power(vl_ctx *ctx, vl_sim *sim, const vl_sim_outcome *outcome) VL_MUST_CHECK;

/* Whether a planned fault has cut the power. */
int vl_sim_is_off(vl_sim *sim);

/* ---- operations, and the hook ---- */

/* Kinds of operations; a mask may hold several. */
#define VL_SIM_OPEN          0x00001U /* open an existing file, or one without a name */
#define VL_SIM_READ          0x00002U
#define VL_SIM_GET_SIZE      0x00004U
#define VL_SIM_LOCK          0x00008U /* lock or unlock */
#define VL_SIM_MAP           0x00010U /* map, or map more */
#define VL_SIM_EXISTS        0x00020U
#define VL_SIM_CREATE        0x00040U /* open a file that is absent */
#define VL_SIM_WRITE         0x00080U
#define VL_SIM_WRITE_DURABLE 0x00100U
#define VL_SIM_SYNC          0x00200U
#define VL_SIM_RESIZE        0x00400U
#define VL_SIM_ALLOCATE      0x00800U
#define VL_SIM_PUNCH         0x01000U
#define VL_SIM_MAP_SYNC      0x02000U
#define VL_SIM_DELETE        0x04000U
#define VL_SIM_RENAME        0x08000U
#define VL_SIM_SYNC_FOLDER   0x10000U
#define VL_SIM_MAP_STORE     0x20000U /* stores past the caches, of vl_map_write */
#define VL_SIM_OP_COUNT      18
#define VL_SIM_CHANGING      0x3ffc0U /* those that change something: numbered, and told the hook */
#define VL_SIM_ANY           0x3ffffU

/* One changing operation. */
typedef struct vl_sim_event {
    uint64_t number;     /* 1 for the machine's first; the same before and after */
    uint32_t op;         /* its kind */
    int is_after;        /* 0 before it has any effect, 1 after it had its full effect */
    int os_error;        /* after: what the caller will get, 0 for success */
    const char *path;    /* as the caller gave it; of a rename, the old one */
    const char *to_path; /* of a rename, else NULL */
    uint64_t offset;     /* where it has one: first byte */
    uint64_t size;       /* bytes; of a resize, the new size */
} vl_sim_event;

/* Called without the machine's latch, by the thread that runs the operation, which may hold latches
 * of its own. May call anything of this header on the machine but vl_sim_open_io and
 * vl_sim_destroy; files of the machine must not be touched. If it cuts the power or kills before an
 * operation, that one does not happen. */
typedef void vl_sim_hook(void *user, vl_sim *sim, const vl_sim_event *event);

/* Set the hook; NULL for none. */
void vl_sim_set_hook(vl_sim *sim, vl_sim_hook *hook, void *user);

/* ---- planned faults ---- */

typedef enum vl_sim_fault_kind {
    VL_SIM_CUT_BEFORE,      /* the power fails instead of the operation */
    VL_SIM_CUT_AFTER,       /* it fails once the operation is done; the caller gets ESHUTDOWN */
    VL_SIM_KILL_BEFORE,     /* as vl_sim_kill instead of the operation */
    VL_SIM_KILL_AFTER,      /* as vl_sim_kill once it is done; the caller gets ESHUTDOWN */
    VL_SIM_ERROR,           /* it fails with os_error and does nothing */
    VL_SIM_ERROR_AFTER,     /* it is done, and yet fails with os_error */
    VL_SIM_SYNC_LOSES,      /* a sync fails with os_error, and the file's unsynced data will never
                               reach the disk, though reads see it and the next sync says yes */
    VL_SIM_SYNC_LOSES_SOME, /* the same for half of the writes, drawn at random; the others stay
                              pending */
    VL_SIM_SYNC_LIES,  /* a sync or durable write says yes and does nothing: all stays pending */
    VL_SIM_SHORT,      /* a transfer moves at most `amount` bytes; 0: drawn at random */
    VL_SIM_FLIP_BIT,   /* one bit of what is read is wrong, this time */
    VL_SIM_LOSE_WRITE, /* a write says yes and lands nowhere; a file that it extends grows */
    VL_SIM_MISDIRECT_WRITE, /* it lands `amount` bytes before or behind its place, inside the file
                              if possible; 0: some sectors away, drawn at random */
    VL_SIM_DELAY            /* it takes `amount` nanoseconds more on the machine's clock */
} vl_sim_fault_kind;

typedef struct vl_sim_fault {
    vl_sim_fault_kind kind; /* what happens */
    uint32_t ops;           /* to which kinds of operations; 0 for all that it can happen to */
    const char *path;       /* only where this is a part of the path; NULL for all; copied */
    uint64_t nth;           /* with the nth such operation from now, 1 or 0 being the next */
    uint64_t count;         /* and so many in a row; 0 for 1, UINT64_MAX for ever */
    int os_error;           /* errno, e.g. ENOSPC; 0 for EIO */
    uint64_t amount;        /* see the kinds */
} vl_sim_fault;

/* Plan a fault; several may be planned, and one operation may meet more than one. Errors:
 * VELO_NOMEM. */
velo_status vl_sim_plan(vl_ctx *ctx, vl_sim *sim, const vl_sim_fault *fault) VL_MUST_CHECK;

/* Forget all planned faults. */
void vl_sim_plan_clear(vl_sim *sim);

/* Flip one bit of a file at rest, durably: in what reads see and on the disk. Bit 0 is the lowest
 * of byte 0.
 *
 * errors  VELO_NOTFOUND: no such file; VELO_RANGE: beyond its end; VELO_NOMEM */
velo_status vl_sim_flip_bit(vl_ctx *ctx, vl_sim *sim, const char *path, uint64_t bit_offset)
    VL_MUST_CHECK;

/* ---- looking at it ---- */

typedef struct vl_sim_stats {
    uint64_t op_counts[VL_SIM_OP_COUNT]; /* operations by kind: entry i is for bit i */
    uint64_t op_number;                  /* number of the last changing operation */
    uint64_t fault_count;                /* times that a planned fault happened */
    uint64_t cut_count;                  /* power cuts */
    uint64_t kill_count;                 /* kills, power cuts not counted */
    uint64_t file_count;                 /* files, those without a name included */
    uint64_t pending_count;              /* changes of files and names that are not durable */
    uint64_t used_bytes;                 /* of the disk */
} vl_sim_stats;

void vl_sim_get_stats(vl_sim *sim, vl_sim_stats *stats);

/* A hash of all names and contents, as reads see them and as they are durable. Two machines with
 * different values differ. Serves to compare runs, and to skip outcomes that were looked at. */
uint64_t vl_sim_hash(vl_sim *sim);

/* Write the machine's state and its last operations, oldest first, as lines of text: for the
 * message of a failed test. Cuts what does not fit; always ends the text. */
void vl_sim_describe(vl_sim *sim, char *buf, size_t size);

#endif
