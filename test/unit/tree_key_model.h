/* tree_key_model.h - key trees against a sorted array of whole keys. */
#ifndef VL_TEST_TREE_KEY_MODEL_H
#define VL_TEST_TREE_KEY_MODEL_H

#include "lib/unit.h"
#include "storage/tree_key.h"

#define KEY_MODEL_TREE 42U

/* Kinds of keys that a model draws from, a bit each. */
#define KEY_SHORT   0x01U /* few letters, 0 to 8 of them */
#define KEY_NUMBERS 0x02U /* 8 bytes, few values */
#define KEY_SHARED  0x04U /* a long shared beginning */
#define KEY_TIES    0x08U /* long, with equal parts and few endings */
#define KEY_DEEP    0x10U /* as long ties, which differ some pages behind the part */
#define KEY_EDGE    0x20U /* just around the longest that is not long */
#define KEY_RANDOM  0x40U /* bytes */
#define KEY_WIDE    0x80U /* so long that a node has few of them */
#define KEY_KINDS   8U

typedef struct key_entry {
    uint8_t *key;        /* owned */
    uint32_t size;       /* of it */
    uint32_t value_size; /* up to 64 */
    int is_deleted;      /* 1: a tombstone */
    uint8_t value[64];   /* of it */
} key_entry;

/* A change that was made. */
typedef struct key_past {
    vl_tree_key_action action; /* what */
    key_entry entry;           /* to which key, and with which value; owned */
} key_past;

/* A tree, and what it should hold. */
typedef struct key_model {
    vl_ctx *ctx;        /* of all calls */
    vl_cache *cache;    /* owned */
    vl_tree tree;       /* in it */
    vl_tree_work *work; /* owned */
    key_entry *entries; /* rising; owned */
    uint32_t count;     /* of them */
    uint32_t room;      /* for so many */
    uint32_t kinds;     /* of keys */
    uint32_t height;    /* of the tree, when it was last checked */
    uint32_t most_high; /* the highest it was */
    uint64_t pages;     /* of the tree, when it was last checked */
    int is_in_file;     /* 1: the cache is not owned, and does not know how many pages there are */
    key_past *past;     /* what was applied so far, if keeps_past; owned */
    uint32_t past_room; /* for so many */
    int keeps_past;     /* 1: note what is applied */
    _Atomic uint32_t applied; /* changes so far: counted inside their write sections */
    vl_rng rng;               /* of all that is random */
} key_model;

/* Begin with an empty tree in a cache of its own. `max_children`: 0 for no limit. */
void key_model_init(key_model *m, uint32_t page_size, uint32_t max_children, uint32_t kinds,
                    uint64_t seed);
void key_model_deinit(key_model *m);

/* Begin with an empty tree in a cache of the caller's, in a file. */
void key_model_init_in_file(key_model *m, vl_cache *cache, uint32_t max_children, uint32_t kinds,
                            uint64_t seed);

/* Make the model what it was after so many of the changes that `of` kept. */
void key_model_replay(key_model *m, const key_model *of, uint32_t count);

/* A random key, mostly a new one; at most `room` bytes at `to`. */
uint32_t key_model_random(key_model *m, uint8_t *to, uint32_t room);

/* Position of the first entry not below a key, and whether it is that key's. */
uint32_t key_model_seek(const key_model *m, const uint8_t *key, uint32_t size, int *is_there);

/* Do the same to tree and model, and check that they agree on what happened. */
void key_model_change(key_model *m, vl_tree_key_action action, const uint8_t *key, uint32_t size);

/* The same, where the change may fail: then the model stays as it is. */
velo_status key_model_try(key_model *m, vl_tree_key_action action, const uint8_t *key,
                          uint32_t size);

/* One random change: of 100, so many are insertions. */
void key_model_step(key_model *m, uint32_t inserts);

/* Look a random key up. */
void key_model_lookup(key_model *m);

/* Scan a random range in a random direction. */
void key_model_scan(key_model *m);

/* Check the whole tree: its structure, that it has the pages that there are, and its entries in
 * both directions. */
void key_model_check(key_model *m);

/* Pages that exist in the cache. */
uint64_t key_model_pages(const key_model *m);

#endif
