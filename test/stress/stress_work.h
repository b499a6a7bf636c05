/* stress_work.h - threads that change a store at random, and models that say what it must hold.
 *
 * Each thread has *places* of its own in trees that all share: rowids or keys, side by side with
 * those of others or in ranges; and a tree of its own that it creates and drops. What a thread's
 * places hold is summed up in one number, its *content*; a history has the number after each of the
 * thread's transactions. After a crash the content that is found must be in the history, at or
 * behind the last transaction that had to survive: a prefix of what the thread did, no transaction
 * cut in two. *Common* places are changed by all threads, one at a time: what is found lies between
 * the last version that had to survive and the last one begun. *Fixed* places are never changed:
 * every scan sees each of them once.
 *
 * Every row and entry says which place and version it is, and its other bytes follow from that: so
 * readers can check each by itself, at any time.
 *
 * Models lie in memory that child processes share with their parent: a parent looks at what a
 * killed child was told. */
#ifndef VL_TEST_STRESS_WORK_H
#define VL_TEST_STRESS_WORK_H

#include "base/rng.h"
#include "os/sim.h"
#include "storage/store.h"

#define STRESS_THREADS 8U   /* at most */
#define STRESS_TREES   4U   /* shared by all */
#define STRESS_OWNED   128U /* places of a tree that belong to threads */
#define STRESS_COMMON  8U   /* and to all, behind these */
#define STRESS_FIXED   16U  /* and to none, behind these */
#define STRESS_PLACES  (STRESS_OWNED + STRESS_COMMON + STRESS_FIXED)
#define STRESS_PRIVATE 24U /* places of a thread's own tree */
#define STRESS_HISTORY 20000U
#define STRESS_TEXT    1500U

/* The trees. */
enum {
    STRESS_ROWS,      /* a table stored by column; threads' places lie side by side */
    STRESS_RECORDS,   /* one stored as records; each thread has a range */
    STRESS_KEYS,      /* short keys, side by side */
    STRESS_LONG_KEYS, /* keys that are alike in more than nodes hold of them; ranges */
};

/* A thread's model. `count` is raised before a transaction begins, the others when it has been
 * acknowledged; so a process that is killed has left them right. */
typedef struct stress_thread {
    uint64_t versions[STRESS_TREES][STRESS_OWNED]; /* of its own places; 0: nothing is there */
    uint64_t private_versions[STRESS_PRIVATE];     /* of its own tree's */
    _Atomic uint64_t private_id;                   /* of its own tree; 0: none */
    _Atomic int is_creating;                       /* one more tree than that may be there */
    _Atomic int is_dropping;                       /* private_id may be there or not */
    uint64_t serial;                               /* of the last version that it made */
    uint64_t content;                              /* the number for all of its places */
    uint64_t history[STRESS_HISTORY];              /* that after each transaction; 0: at first */
    _Atomic uint64_t count;                        /* transactions begun or done, and 1 */
    _Atomic uint64_t acknowledged;                 /* index of the last one that the system has */
    _Atomic uint64_t durable;                      /* index of the last one that is durable */
    _Atomic uint64_t steps;                        /* done in this life */
} stress_thread;

typedef struct stress_common {
    _Atomic uint32_t is_claimed;   /* somebody is changing it */
    _Atomic uint64_t issued;       /* last version begun; a multiple of 4 means: nothing is there */
    _Atomic uint64_t acknowledged; /* last version that the system has */
    _Atomic uint64_t durable;      /* last version that is durable */
} stress_common;

/* All models: one mapping that child processes share. */
typedef struct stress_model {
    uint32_t page_size;           /* of the database */
    uint32_t thread_count;        /* that change it */
    vl_tree_id ids[STRESS_TREES]; /* of the shared trees; 0: they are not there yet */
    stress_thread threads[STRESS_THREADS];
    stress_common common[STRESS_TREES][STRESS_COMMON];
    _Atomic uint64_t steps;  /* of all threads in this life */
    char fault[STRESS_TEXT]; /* what went wrong first, or empty */
    _Atomic int has_fault;   /* somebody writes or has written `fault` */
} stress_model;

/* What is done to a store. */
typedef struct stress_plan {
    vl_store *store;       /* open */
    stress_model *model;   /* what it must hold */
    uint64_t seed;         /* of all threads */
    uint64_t steps;        /* of each thread */
    uint32_t reader_count; /* threads that only read */
    int has_control;       /* one more asks for checkpoints and changes the budget */
    uint64_t budget_min;   /* of the cache */
    uint64_t budget_max;   /* likewise */
    vl_sim *sim;           /* errors are faults unless this machine is off; NULL: always */
} stress_plan;

/* Make models of an empty database, and forget them. NULL when there is no memory. */
stress_model *stress_model_create(uint32_t page_size, uint32_t thread_count);
void stress_model_destroy(stress_model *model);

/* Note what is wrong, unless something has been noted; with ctx's message, if ctx is not NULL. */
void stress_fault(stress_model *model, vl_ctx *ctx, const char *format, ...) VL_PRINTF(3, 4);

/* Make the shared trees and what is fixed in them. Durable when it returns. */
velo_status stress_set_up(vl_ctx *ctx, vl_store *store, stress_model *model);

/* Run all threads to their end. What goes wrong is in the model. */
void stress_run(const stress_plan *plan);

/* How much had to survive. */
typedef enum stress_loss {
    STRESS_NONE, /* nothing happened: all that was begun is there */
    STRESS_KILL, /* what was acknowledged is there */
    STRESS_CUT   /* what is durable is there */
} stress_loss;

/* Compare a store that nobody changes with the models, which become what was found. Faults go to
 * the model. */
void stress_compare(vl_ctx *ctx, vl_store *store, stress_model *model, stress_loss loss);

/* Check it by vl_store_check: no fault, no page is lost, no dropped tree is left over. */
void stress_check(vl_ctx *ctx, vl_store *store, stress_model *model);

/* Drop the trees of threads' own. Follows stress_compare. */
void stress_drop_private(vl_ctx *ctx, vl_store *store, stress_model *model);

#endif
