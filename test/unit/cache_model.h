/* cache_model.h - a database of numbered pages on the simulated machine, and what it should hold.
 *
 * The model knows which pages exist and which version of its content each has, now and as of each
 * checkpoint. A page's bytes follow from its number and version. */
#ifndef VL_TEST_CACHE_MODEL_H
#define VL_TEST_CACHE_MODEL_H

#include "lib/unit.h"
#include "os/sim.h"
#include "storage/cache.h"
#include "storage/checkpoint.h"
#include "storage/volume.h"

#define MODEL_PATH      "m.db"
#define MODEL_PAGE_SIZE VL_PAGE_MIN_SIZE
#define MODEL_PIDS      2048U /* numbers that the model knows */

/* Whether to do less, since the sanitizers take their time. A function, so that compilers do not
 * hold what the other builds do for dead code. */
static inline int
model_is_slow(void)
{
    return VL_TSAN || VL_ASAN;
}

/* What databases that are opened from now on lie on. */
typedef enum model_medium {
    MODEL_FILE,      /* a file */
    MODEL_MAPPED,    /* a mapping to read in place; written as a file is */
    MODEL_PERSISTENT /* a mapping of persistent memory, to which images are stored; new machines
                        have such */
} model_medium;

void model_use(model_medium medium);

/* Options of a machine for that. */
vl_sim_options model_machine(uint64_t seed);

/* Versions by number; 0: there is no such page. */
typedef struct model_state {
    uint64_t checkpoint;           /* number of the superblock, 0 for the present */
    uint32_t versions[MODEL_PIDS]; /* of each page */
} model_state;

typedef struct cache_model {
    vl_sim *sim; /* owned unless borrowed by model_open_on */
    vl_io *io;
    vl_volume *volume;
    vl_cache *cache;
    vl_rng rng;
    uint32_t next_version;
    uint32_t pid_limit;  /* no pages from here on are added */
    int may_not_wait;    /* changes give up instead of waiting for a checkpoint */
    uint64_t given_up;   /* how many did */
    model_state now;     /* what is in the cache */
    model_state barrier; /* what the checkpoint in writing will hold */
    model_state durable; /* what the last one holds */
} cache_model;

/* Fill a page's bytes; whether they are as they should be. */
void model_fill(void *page, vl_pid pid, uint32_t version);
int model_is_filled(const void *page, vl_pid pid, uint32_t version);

/* Open the database on a machine; `frames` is about how many frames the cache has. Errors: of what
 * failed; then nothing is open. */
velo_status model_open_on(vl_ctx *ctx, vl_sim *sim, uint32_t frames, cache_model *model);
void model_close(cache_model *model);

/* A new machine with an empty database. */
velo_status model_create(vl_ctx *ctx, uint32_t frames, uint64_t seed, cache_model *model);
void model_destroy(cache_model *model);

/* Close and open again on the same machine: what is there is what is durable. */
velo_status model_reopen(vl_ctx *ctx, uint32_t frames, cache_model *model);

/* One section: adds pages, gives pages new versions, frees pages. */
typedef struct model_step {
    uint32_t add_count;
    uint32_t change_count;
    uint32_t free_count;
    vl_pid pages[8]; /* those to be changed, then those to be freed; all different */
} model_step;

velo_status model_do(vl_ctx *ctx, cache_model *model, const model_step *step);

/* Add so many pages. */
velo_status model_grow(vl_ctx *ctx, cache_model *model, uint32_t count);

/* A random step, or the reading of a random page. */
velo_status model_random(vl_ctx *ctx, cache_model *model);

/* Run a checkpoint; the model's states follow. */
velo_status model_checkpoint(vl_ctx *ctx, cache_model *model);
void model_note(void *user); /* its callback at the barrier */

/* Its part of the superblock: where pages are read in place, the database is not closed. */
velo_status model_fill_super(vl_ctx *ctx, void *user, vl_superblock *super);

/* Read a page and compare. VELO_INTERNAL with words when it is wrong. */
velo_status model_check_page(vl_ctx *ctx, vl_cache *cache, const model_state *state, vl_pid pid);

/* Read all pages and compare, also that others do not exist. */
velo_status model_check(vl_ctx *ctx, cache_model *model, const model_state *state);

/* Open a copy of the machine as it is after a power cut, and compare with whichever of the two
 * states has the superblock's number. */
velo_status model_check_after_cut(vl_ctx *ctx, cache_model *model, const vl_sim_outcome *outcome);

/* Compare all that is known of blocks and frames; nothing else goes on. */
velo_status model_verify(vl_ctx *ctx, cache_model *model);

uint32_t model_count(const model_state *state);

#endif
