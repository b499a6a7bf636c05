/* volume_model.h - a toy store on a volume, for tests: some slots with an image each, and a root
 * image that lists them, which stands in for the page map. It follows the table in space.h, writes
 * checkpoints, and knows what has to be found after a power cut. */
#ifndef VL_TEST_VOLUME_MODEL_H
#define VL_TEST_VOLUME_MODEL_H

#include "base/rng.h"
#include "os/sim.h"
#include "storage/page.h"
#include "storage/volume.h"

#define TOY_SLOTS     18
#define TOY_PATH      "/toy.db"
#define TOY_PAGE_SIZE VL_PAGE_MIN_SIZE

/* An image of a slot. */
typedef struct toy_image {
    uint64_t address;  /* of its block; 0 for none */
    uint64_t checksum; /* of its bytes */
    uint64_t value;    /* its bytes are made from this */
} toy_image;

/* What a checkpoint holds. */
typedef struct toy_state {
    uint64_t version; /* stored as `published`; 0 for the empty database */
    toy_image slots[TOY_SLOTS];
} toy_state;

typedef struct toy_store {
    vl_ctx *ctx;          /* of everything below */
    vl_io *io;            /* where the file is */
    vl_volume *volume;    /* NULL while it is closed */
    toy_state live;       /* the live map; its version is that of the next checkpoint */
    toy_state durable;    /* the last checkpoint that was committed */
    toy_state writing;    /* the one in writing */
    toy_image root;       /* of the durable checkpoint */
    int is_committing;    /* commit is under way: `writing` may be what is found */
    int may_lose_errors;  /* faults are planned: errors are expected, and abandon */
    uint64_t next_value;  /* of the next image */
    uint64_t error_count; /* errors met */
    vl_rng rng;           /* of the run */
    uint8_t *buffer;      /* a block, aligned */
} toy_store;

/* Begin with no file. */
void toy_init(toy_store *toy, vl_ctx *ctx, vl_io *io, uint64_t seed);
void toy_deinit(toy_store *toy);

/* Open or create the volume, take over what it holds, and make it writable. */
velo_status toy_open(toy_store *toy);
void toy_close(toy_store *toy);

/* Give a slot a new image outside of a checkpoint, as eviction does. */
velo_status toy_replace(toy_store *toy, uint32_t slot);

/* Free a slot's image. */
void toy_drop(toy_store *toy, uint32_t slot);

/* A checkpoint, with changes behind the barrier between its steps. With an error it is abandoned.
 */
velo_status toy_checkpoint(toy_store *toy, uint64_t flags);

/* Some random operations. Stops at the first error that is final. */
velo_status toy_run(toy_store *toy, uint32_t count);

/* What is wrong with the open volume: every image of `live` can be read, and the blocks in use are
 * those of the maps and of the table; NULL when nothing is. Not during a checkpoint. */
const char *toy_find_fault(toy_store *toy);

/* Open what a power cut or a failure has left on `io`, and say what is wrong with it: NULL when it
 * is the last checkpoint of `toy` or, during a commit, the next one. With go_on, also writes to
 * it, cuts the power, if sim is not NULL, and looks again. */
const char *toy_find_loss(const toy_store *toy, vl_io *io, vl_sim *sim, int go_on);

#endif
