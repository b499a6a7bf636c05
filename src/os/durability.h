/* durability.h - which way of making a small append durable is fastest on a device.
 *
 * The ways differ by an order of magnitude between drives and file systems, and not always in the
 * same direction: so they are measured where the log will be. What counts beside the method is
 * whether the file system has to change its own metadata for each append (a growing file, or
 * blocks that were allocated but never written), which a log avoids by writing its space once. */
#ifndef VL_OS_DURABILITY_H
#define VL_OS_DURABILITY_H

#include "os/io.h"

typedef enum vl_preallocation {
    VL_PREALLOC_NONE,      /* the file grows with each append */
    VL_PREALLOC_ALLOCATED, /* vl_file_allocate before; blocks never written */
    VL_PREALLOC_WRITTEN    /* zeros written and synced before */
} vl_preallocation;

#define VL_PREALLOC_COUNT 3

/* "none", "allocated" or "written". Static text. */
const char *vl_preallocation_name(vl_preallocation preallocation);

/* One way, and what it took. */
typedef struct vl_durability_way {
    vl_durable_method method;       /* for vl_file_write_durable */
    vl_preallocation preallocation; /* how the file was prepared */
    int is_available;               /* 0: the file or backend cannot do it; not measured */
    uint64_t median_ns;             /* of one append, submission to acknowledgement */
    uint64_t least_ns;              /* the fastest */
    uint64_t most_ns;               /* the slowest */
} vl_durability_way;

#define VL_DURABILITY_WAYS 9U

_Static_assert(VL_DURABILITY_WAYS == VL_DURABLE_METHOD_COUNT * VL_PREALLOC_COUNT, "all of them");

typedef struct vl_durability {
    vl_durability_way ways[VL_DURABILITY_WAYS]; /* every combination, in order of preallocation */
    uint32_t best;                              /* index of the one with the least median */
    uint32_t round_count;                       /* appends measured of each */
} vl_durability;

/* Measure all ways in `folder` with appends of `append_size` bytes (a multiple of 4096). They are
 * measured in turn, round by round, so that a device whose speed drifts is fair to all; the
 * medians decide. Takes at most about a second on devices that sync in under 10 ms, writes files
 * of at most a few MiB that have no name, and leaves nothing behind.
 *
 * rounds  appends of each way; 0 for the default. On slow devices fewer are made, at least 5
 * errors  those of opening, writing and syncing files; VELO_NOMEM */
velo_status vl_durability_probe(vl_ctx *ctx, vl_io *io, const char *folder, uint32_t append_size,
                                uint32_t rounds, vl_durability *result) VL_MUST_CHECK;

#endif
