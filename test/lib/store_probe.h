/* store_probe.h - opening a database that has met a fault, and judging what is found there. */
#ifndef VL_TEST_STORE_PROBE_H
#define VL_TEST_STORE_PROBE_H

#include "lib/store_model.h"

#include "os/sim.h"

/* What a probe found. */
typedef struct store_probe {
    velo_status open_status; /* of opening */
    velo_status read_status; /* of reading everything; VELO_OK when it did not open */
    uint64_t content;        /* the model's number for what was read */
    int is_found;            /* it is in the model's history, from the asked index on */
    uint64_t at;             /* where there */
    uint64_t unused_count;   /* pages that belong to nothing */
    char fault[1600];        /* what must not be, or empty */
} store_probe;

/* A number from the environment. */
uint64_t store_probe_number(const char *name, uint64_t otherwise);

/* Open the database at the model's path, read all, check it (store_check.h), close it cleanly, and
 * see whether it is the same when opened again. Whatever fails is a fault, but for opening and
 * reading when `may_fail`: then these may say VELO_CORRUPT, VELO_NOTADB or VELO_CANTOPEN. Content
 * that is not in the history from index `first` on is a fault. */
void store_probe_database(vl_ctx *ctx, vl_io *io, const store_model *model, uint64_t first,
                          int may_fail, store_probe *probe);

/* The same on a copy of a machine, which loses its power first if there is an outcome, else only
 * its processes. */
void store_probe_copy(vl_ctx *ctx, vl_sim *sim, const vl_sim_outcome *outcome,
                      const store_model *model, uint64_t first, int may_fail, store_probe *probe);

#endif
