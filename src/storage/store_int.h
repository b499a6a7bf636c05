/* store_int.h - what the parts of a store share: store.c (open, close), store_log.c (the log and
 * checkpoints), directory.c (the table of trees), writer.c (changes), recovery.c. */
#ifndef VL_STORAGE_STORE_INT_H
#define VL_STORAGE_STORE_INT_H

#include "base/latch.h"
#include "base/thread.h"
#include "storage/cache.h"
#include "storage/store.h"
#include "storage/volume.h"

/* The directory is a table tree like others; only its place is known beforehand. */
#define VL_DIRECTORY_TREE 1U
#define VL_DIRECTORY_ROOT 4U

/* The first id for a tree of the layers above. */
#define VL_STORE_FIRST_TREE 2U

/* The byte that is locked while a database is open: shared by readers, exclusively by a writer. */
#define VL_STORE_LOCK_AT ((UINT64_C(1) << 62) + 1)

/* Whether the log has been begun. */
typedef enum vl_store_phase {
    VL_STORE_IDLE,      /* closed cleanly, and not changed since */
    VL_STORE_BEGINNING, /* a thread is beginning the log; others wait */
    VL_STORE_WRITING    /* the log takes records */
} vl_store_phase;

/* Transactions of several operations and operations with pages that nothing refers to yet hold
 * checkpoints off, since nothing could take back what a crash cuts short. */
typedef struct vl_store_gate {
    _Atomic uint32_t state; /* VL_GATE_CLOSED, and the number of holders below */
    _Atomic uint32_t long_count; /* holders that may stay for long: transactions */
} vl_store_gate;

#define VL_GATE_CLOSED 0x80000000U

/* One tree in memory, in a list by rising id. */
typedef struct vl_store_entry {
    vl_store_tree tree;          /* what callers see */
    struct vl_store_schema *schemas; /* the tree's schemas, newest first; all live as long as it */
    int is_dropped;              /* waits for its pages to be returned */
} vl_store_entry;

/* A table's columns, in memory of its own. */
typedef struct vl_store_schema {
    vl_leaf_schema schema;        /* points to what follows */
    struct vl_store_schema *next; /* an older one, which somebody may still look at */
    uint8_t bytes[];              /* ids, defaults, their texts */
} vl_store_schema;

struct vl_store {
    vl_io *io;                /* borrowed */
    vl_volume *volume;        /* the file; NULL in memory */
    vl_cache *cache;          /* pages */
    vl_wal *wal;              /* the log, from VL_STORE_WRITING on; always in memory databases */
    char *wal_path;           /* of the log; NULL in memory */
    vl_store_options options; /* as given, defaults filled in */
    vl_durability durability; /* how appends are made durable */

    _Atomic uint32_t phase;       /* vl_store_phase */
    _Atomic uint64_t next_txn;    /* of this generation */
    _Atomic uint64_t next_tree;   /* the next tree id */
    _Atomic int is_broken;        /* a failure after which nothing is written; `failure` is set */
    vl_error failure;             /* the first one; written before is_broken */
    _Atomic uint32_t failure_turn; /* 1: somebody is writing `failure` */

    vl_store_gate gate;           /* who holds checkpoints off */
    vl_log_position checkpoint_at; /* position of the last checkpoint */
    _Atomic uint64_t checkpoint_log; /* the same, for reading at any time */

    vl_latch latch;           /* VL_RANK_STORE: guards the following */
    vl_store_entry **entries; /* trees by rising id */
    uint32_t entry_count;     /* how many */
    uint32_t entry_capacity;  /* how many there is room for */

    vl_tree directory;        /* the table of trees; see directory.h */
    vl_thread background;     /* if asked for */
    vl_event wake;            /* tells it to look */
    _Atomic int is_stopping;  /* tells it to end */
};

#endif
