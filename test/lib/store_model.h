/* store_model.h - random work on a store beside a model that knows what the store must hold.
 *
 * The model keeps a number for the whole content, which is a sum over all trees, rows, columns and
 * entries, and the history of this number: one for the content after each transaction. So what is
 * found after a crash is right exactly when its number is in the history, between the last
 * transaction that had to survive and the last one that was begun. One thread at a time. */
#ifndef VL_TEST_STORE_MODEL_H
#define VL_TEST_STORE_MODEL_H

#include "base/rng.h"
#include "storage/store.h"

#define MODEL_TREES   4U  /* at a time */
#define MODEL_KEYS    48U /* rowids or keys of a tree */
#define MODEL_COLUMNS 90U /* of a table, at most: so many are stored as records */
#define MODEL_HISTORY 100000U
#define MODEL_KEPT    256U /* contents that a model can go back to */

/* A cell or a value: 0 for none, else what it is made from. */
typedef uint64_t model_seed;

typedef struct model_tree {
    vl_tree_id id;                               /* 0: no tree */
    vl_tree_kind kind;                           /* of which kind */
    uint32_t column_count;                       /* tables: columns, ids 1 to so many */
    int64_t mark;                                /* of a table; INT64_MIN: none */
    uint8_t exists[MODEL_KEYS];                  /* whether there is such a row or entry */
    model_seed cells[MODEL_KEYS][MODEL_COLUMNS]; /* what it holds; entries: the first one */
} model_tree;

typedef struct store_model {
    vl_ctx *ctx;                     /* of all calls */
    vl_io *io;                       /* where the store is */
    const char *path;                /* its file */
    vl_store_options options;        /* how it is opened */
    vl_store *store;                 /* open, or NULL */
    vl_writer *writer;               /* likewise */
    vl_rng rng;                      /* what is done */
    uint32_t value_size;             /* longest value */
    model_tree trees[MODEL_TREES];   /* what the store holds */
    uint64_t content;                /* the number for that */
    model_tree (*kept)[MODEL_TREES]; /* the trees after a transaction: entry index % MODEL_KEPT */
    uint64_t *history;               /* the number after each transaction; entry 0: nothing */
    uint64_t count;                  /* transactions begun or done, and 1 */
    uint64_t acknowledged;           /* index of the last one that the system has */
    uint64_t durable;                /* index of the last one that is durable */
    uint64_t changes;                /* of rows and entries so far */
} store_model;

/* Prepare a model of an empty store. */
void store_model_init(store_model *model, vl_ctx *ctx, vl_io *io, const char *path, uint64_t seed);

/* Forget the model; a store that is open is abandoned. */
void store_model_deinit(store_model *model);

/* Open and close. */
velo_status store_model_open(store_model *model);
velo_status store_model_close(store_model *model);

/* Do something random: an operation, a transaction, rarely a checkpoint, one that
 * makes the file shorter (vl_store_compact), or a clean close. An error
 * leaves open whether the last transaction of the history happened. */
velo_status store_model_step(store_model *model);

/* Compute the number for what a store holds. */
velo_status store_model_read(vl_ctx *ctx, vl_store *store, uint64_t *content);

/* Check a store, and that no page of it is lost. */
velo_status store_model_check(vl_ctx *ctx, vl_store *store);

/* Go back to the content after transaction `at`, one of the last MODEL_KEPT, all of which is
 * durable. */
void store_model_go_back(store_model *model, uint64_t at);

/* Whether a number is in the history from index `first` on; *at receives the index. */
int store_model_find(const store_model *model, uint64_t content, uint64_t first, uint64_t *at);

#endif
