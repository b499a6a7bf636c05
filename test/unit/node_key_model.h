/* node_key_model.h - nodes of key trees against sorted arrays of whole keys: the model, and the
 * operations that a test does at random. */
#ifndef VL_TEST_NODE_KEY_MODEL_H
#define VL_TEST_NODE_KEY_MODEL_H

#include "base/rng.h"
#include "storage/node_key.h"

#define MODEL_MAX   9000
#define TEST_RESTS  100000
#define TEST_MODES  8
#define VALUE_BYTES 4096

/* A whole key; kept until the run ends. */
typedef struct blob {
    struct blob *next; /* made before it */
    uint32_t size;     /* of the key */
    uint8_t bytes[];   /* the key */
} blob;

typedef struct model_entry {
    const blob *key;     /* all of it */
    vl_pid rest;         /* of a long key: number in run.rests */
    vl_pid child;        /* of an inner node's entry */
    uint32_t value_size; /* of the value */
    uint32_t value_seed; /* byte i of the value is seed + i */
    int is_deleted;      /* as marked */
} model_entry;

/* What a node should hold. */
typedef struct model {
    model_entry entries[MODEL_MAX]; /* rising */
    uint32_t count;                 /* of entries */
    vl_pid first_child;             /* of an inner node, else 0 */
    model_entry low;                /* fence; only key and rest */
    model_entry high;               /* fence; an empty key: none */
} model;

/* All that a run uses. */
typedef struct model_run {
    blob *pool;                    /* all keys */
    const blob *rests[TEST_RESTS]; /* what pages say holds the rest of a long key */
    uint32_t rest_count;           /* how many */
    vl_rng rng;                    /* of this run */
    uint32_t page_size;            /* of this run */
    uint32_t modes;                /* kinds of keys, a bit each */
    uint8_t *page;                 /* the node */
    uint8_t *right;                /* its right half */
    uint8_t *scratch;              /* for the functions */
    uint8_t *copy;                 /* the page before a step */
    uint8_t *buffer;               /* part_max bytes */
    uint32_t balanced;             /* siblings that were balanced so far */
    model left_model;              /* of page */
    model right_model;             /* of right */
} model_run;

extern model_run run;

/* A page of exactly its size, so that the address sanitizer sees each byte too far. */
void *page_create(uint32_t page_size);

/* Start a run: pages, buffer, random numbers. `modes` has a bit for each kind of keys. */
void run_begin(uint64_t seed, uint32_t page_size, uint32_t modes);

/* Give all of it back. */
void run_end(void);

/* Draw a number from 0 to bound - 1. */
uint32_t below(uint64_t bound);

/* Keep a key until the run ends. */
const blob *blob_make(const void *bytes, uint32_t size);

/* Order of two whole keys. */
int compare_blobs(const blob *a, const blob *b);

/* A key of one of the kinds that this run uses. */
const blob *random_key(void);

/* An entry with this key and no more. A long one's rest gets a number. */
model_entry entry_of(const blob *key);

/* The entry's key, for a node. */
vl_node_key key_of(const model_entry *entry);

/* Whether a page has this entry at this place. */
int entry_is(const void *page, uint32_t index, const model_entry *wanted);

/* Whether a page is whole and holds what the model says. */
int page_is(const void *page, const model *m);

/* Whether a page finds what the model does. */
int search_agrees(const void *page, const model *m, const blob *key);

/* Make the run's node: with open ends, or between two keys. */
void model_init(model *m, int is_inner);

/* The entry as it goes into a node; its value is valid until the next call. */
vl_node_key_entry to_insert(const model_entry *entry);

/* An entry that suits the model, a leaf or an inner node. */
model_entry random_entry(const model *m);

/* Whether the page is bit by bit what it was before the step. */
int page_is_unchanged(void);

/* Do one random operation. Returns 0 when the node contradicts the model. */
int step_any(model *m, int is_growing);

#endif
