/* store_int.h - what the parts of a store share.
 *
 *   store.c             open and close, the first change, checkpoints
 *   store_directory.c   the table of trees: on pages, and in memory
 *   writer_*.c          transactions and operations (writer_int.h)
 *   recovery.c          the log applied to the last checkpoint
 *   recovery_list.c     before that, what its list says of unfinished transactions
 *   store_read.c        whole rows
 *
 * How a checkpoint cannot cut an operation in two: every operation holds store->gate from before
 * its first section to after its last one, and the barrier comes while nobody holds it. */
#ifndef VL_STORAGE_STORE_INT_H
#define VL_STORAGE_STORE_INT_H

#include "base/latch.h"
#include "base/thread.h"
#include "storage/gate.h"
#include "storage/overflow.h"
#include "storage/record.h"
#include "storage/store.h"
#include "storage/volume.h"

/* The directory is a table tree like others; only its place is known beforehand. */
#define VL_DIRECTORY_TREE 1U
#define VL_DIRECTORY_ROOT 4U

/* The first id for a tree of the layers above. */
#define VL_STORE_FIRST_TREE 2U

/* The byte that is locked while a database is open: shared by readers, exclusively by a writer. */
#define VL_STORE_LOCK_AT ((UINT64_C(1) << 62) + 1)

/* Pages that one step of a drop returns, about. */
#define VL_STORE_DROP_STEP VL_BY_BUILD(64U, 4U)

/* Log after which NORMAL syncs, in bytes. */
#define VL_STORE_SYNC_BYTES VL_BY_BUILD(UINT64_C(1) << 20, UINT64_C(1) << 14)

/* Memory for records that are not yet written. A record is a quarter of it at most, and has to hold
 * a row of VL_LAYOUT_MAX_COLUMNS columns all of which were sent in chunks. */
#define VL_STORE_RING_BYTES VL_BY_BUILD(UINT32_C(4) << 20, UINT32_C(4) << 20)

/* Whether the log has been begun. */
typedef enum vl_store_phase {
    VL_STORE_IDLE,      /* closed cleanly, and not changed since */
    VL_STORE_BEGINNING, /* a thread is beginning the log; others wait */
    VL_STORE_WRITING    /* the log takes records */
} vl_store_phase;

/* Scratch memory of trees that transactions have given back, at most. */
#define VL_STORE_SPARE_WORKS VL_BY_BUILD(32U, 2U)

/* One of them; on a line of its own, since every transaction that changes something takes one. */
typedef struct vl_store_spare {
    _Alignas(VL_CACHE_LINE_SIZE) _Atomic(vl_tree_work *) work; /* NULL: none */
} vl_store_spare;

/* A tree in memory. */
typedef struct vl_store_entry {
    vl_store_tree tree;          /* what callers see */
    int is_forgotten;            /* dropped: the directory has no row of it any more; changed by who
                                    returns its pages */
    struct vl_store_entry *next; /* those that were dropped: the owner's list */
} vl_store_entry;

struct vl_store {
    vl_io *io;                     /* borrowed */
    vl_volume *volume;             /* the file; NULL in memory */
    vl_cache *cache;               /* pages */
    vl_wal *wal;                   /* the log, from VL_STORE_WRITING on */
    char *wal_path;                /* of the log; NULL in memory */
    vl_store_options options;      /* as given, defaults filled in */
    uint32_t page_size;            /* of the database */
    vl_allocator *allocator;       /* of who opened it: for the background thread */
    const vl_log *log;             /* likewise: where events are told */
    vl_writer *own;                /* for what the store changes by itself; under checkpoint_turn */
    vl_store_spare *spares;        /* VL_STORE_SPARE_WORKS of them: vl_operation_take_work */
    _Atomic uint32_t sharer_count; /* writers that were made to share them */

    _Atomic uint32_t phase;     /* vl_store_phase; waiters sleep on it */
    _Atomic uint32_t is_broken; /* an open transaction was left: no checkpoint may be written */
    _Atomic uint64_t next_txn;  /* of this generation of the log */
    _Atomic uint64_t next_tree; /* id of the next tree */

    vl_gate gate;                      /* who holds checkpoints off */
    vl_latch checkpoint_turn;          /* one checkpoint at a time; held across its I/O */
    uint64_t log_generation;           /* of `wal`; the following are under checkpoint_turn */
    uint64_t log_salt;                 /* of `wal` */
    uint64_t super_flags;              /* what the next superblock says */
    vl_log_position checkpoint_note;   /* position at the last barrier */
    vl_log_position checkpoint_from;   /* where its log begins: that, or its list */
    int has_list;                      /* there is a list */
    _Atomic uint64_t checkpoint_at;    /* position of the last checkpoint */
    _Atomic uint64_t list_bytes;       /* of log that the last list of open transactions took */
    _Atomic uint64_t checkpoint_count; /* checkpoints written */
    _Atomic uint64_t quiet_until;      /* position up to which no checkpoint is tried again */
    uint64_t pace_bytes;               /* of log within which a paced one is written; 0: not paced.
                                          Under checkpoint_turn */
    _Atomic uint32_t hurry;            /* how many wait for the turn, or for the end */
    vl_latch mark_turn;                /* one thread raises marks; held across that */
    vl_latch drop_turn;       /* one thread returns pages of dropped trees; held across that */
    uint64_t recovered_count; /* operations that recovery applied */
    uint64_t recovered_lost;  /* transactions that it found unfinished */

    vl_tree directory;           /* the table of trees */
    vl_layout *directory_layout; /* its columns */
    vl_latch latch;              /* VL_RANK_STORE: guards the following */
    vl_store_entry **entries;    /* trees by rising id, dropped ones not among them */
    uint32_t entry_count;        /* how many */
    uint32_t entry_claims;       /* places claimed by trees that are being made */
    uint32_t entry_capacity;     /* how many there is room for */
    vl_store_entry *dropping;    /* dropped, but not all pages are returned yet */
    vl_store_entry *dropped;     /* gone; somebody may still point to them */

    vl_thread background;    /* if asked for */
    vl_event wake;           /* tells it to look */
    _Atomic int is_stopping; /* tells it to end */
    _Atomic int
        is_tending_told; /* that pages could not be written ahead; 0: since then they were */
};

/* ---- store.c ---- */

/* Make sure that the log takes records. Called with nothing held. */
velo_status vl_store_make_ready(vl_ctx *ctx, vl_store *store) VL_MUST_CHECK;

/* Begin a generation of the log from `start` on, with a checkpoint that names it. Nobody else uses
 * the store. */
velo_status vl_store_begin_log(vl_ctx *ctx, vl_store *store, vl_log_position start) VL_MUST_CHECK;

/* Write a checkpoint if the log is long enough, or wake who does. With nothing held. What goes
 * wrong is told to the log of events, and tried again after some more log: the caller's change
 * stands. */
void vl_store_tend(vl_ctx *ctx, vl_store *store);

/* Whether the background thread has something to do that does not wait: to write a checkpoint, or
 * to end. The log is being written to. */
int vl_store_wants_helper(vl_store *store);

/* Take the turn for a checkpoint; one that is under way is not paced any more. It is released as a
 * latch. */
void vl_store_take_turn(vl_store *store);

/* ---- store_directory.c ---- */

/* Read all trees into memory; the volume has a directory. */
velo_status vl_directory_load(vl_ctx *ctx, vl_store *store) VL_MUST_CHECK;

/* Make the directory's own tree, if there is none. */
velo_status vl_directory_create(vl_ctx *ctx, vl_store *store) VL_MUST_CHECK;

/* Give the memory of all trees back. */
void vl_directory_unload(vl_store *store);

/* Create a tree with an id that was never used; nobody finds it before vl_directory_publish.
 * `layout`, of a table, is the tree's; on failure it is destroyed. */
velo_status vl_directory_add(vl_ctx *ctx, vl_writer *writer, vl_tree_id id, vl_tree_kind kind,
                             vl_layout *layout, vl_store_entry **out) VL_MUST_CHECK;
void vl_directory_publish(vl_store *store, vl_store_entry *entry);

/* Note that a tree is dropped: it is not found any more. Its pages stay. VELO_NOTFOUND when
 * somebody else was quicker. */
velo_status vl_directory_drop(vl_ctx *ctx, vl_writer *writer, vl_store_tree *tree) VL_MUST_CHECK;

/* Return about VL_STORE_DROP_STEP pages of trees that are dropped, also by an earlier process.
 * *is_done 1: there are none left. One thread at a time. */
velo_status vl_directory_drop_step(vl_ctx *ctx, vl_writer *writer, int *is_done) VL_MUST_CHECK;

/* Give a table another layout, which is destroyed on failure. */
velo_status vl_directory_set_layout(vl_ctx *ctx, vl_writer *writer, vl_store_tree *tree,
                                    vl_layout *layout) VL_MUST_CHECK;

/* Write a tree's mark to the directory. */
velo_status vl_directory_set_mark(vl_ctx *ctx, vl_writer *writer, const vl_store_tree *tree,
                                  int64_t mark) VL_MUST_CHECK;

/* ---- store_read.c ---- */

/* Read a row's columns to memory of the arena, values in overflow staying there. VELO_NOTFOUND. */
velo_status vl_store_read_columns(vl_ctx *ctx, vl_store *store, const vl_store_tree *table,
                                  const vl_layout *layout, int64_t rowid, vl_arena *arena,
                                  vl_leaf_value *columns) VL_MUST_CHECK;

/* ---- recovery.c ---- */

/* Apply the log behind the superblock. *end receives where it ends. */
velo_status vl_recovery_run(vl_ctx *ctx, vl_store *store, vl_log_position *end) VL_MUST_CHECK;

#endif
