/* store.h - a database as storage sees it: trees in a file that survives anything.
 *
 * A store puts the parts together: the file (volume.h), pages in memory (cache.h), trees (table.h,
 * tree_key.h), the log (wal.h), checkpoints and recovery. It knows trees, rows and keys, and no
 * versions: two writers of one row are the caller's to keep apart, and what a transaction has
 * changed is seen by everyone at once.
 *
 * Files. While a database is open for writing and has been changed, `<path>-wal` lies beside it. A
 * clean close takes it away again. A process that dies leaves both, and the next open recovers.
 *
 *     vl_store_open
 *       no log to look for        nothing is written until the first change
 *       not closed cleanly        recovery: the log is applied, then a checkpoint
 *     first change                the log is begun, and a checkpoint says so
 *     vl_store_checkpoint ...     the log before it may be used again
 *     vl_store_close              checkpoint, "closed cleanly", the log is deleted
 *
 * A store that met an error after which the file must not be trusted (a failed sync) is *broken*:
 * it can be read, all changes fail with the first reason, and closing it leaves the log, so that
 * the next open recovers.
 *
 * Threads: any, but for opening and closing. A vl_writer belongs to one thread at a time. */
#ifndef VL_STORAGE_STORE_H
#define VL_STORAGE_STORE_H

#include "os/io.h"
#include "storage/layout.h"
#include "storage/table.h"
#include "storage/volume.h"
#include "storage/wal.h"

typedef struct vl_store vl_store;

/* When a commit is acknowledged. */
typedef enum vl_synchronous {
    VL_SYNCHRONOUS_OFF,    /* when the operating system has it; it is synced by checkpoints only */
    VL_SYNCHRONOUS_NORMAL, /* the same; synced once a certain amount of log has gathered */
    VL_SYNCHRONOUS_FULL    /* when it is durable */
} vl_synchronous;

/* What the layer of versions above does for the store, and is told. */
typedef struct vl_store_layer {
    void *user; /* passed to all, of `moved` as its argument */
    void (*keep)(void *user, vl_pid pid, void *attachment); /* see vl_cache_hooks */
    void *(*bring)(void *user, vl_pid pid);                 /* see there */
    vl_tree_moved *moved;                                   /* of all trees */
    /* Append what open transactions have changed, and how it is undone, as LISTED records
     * (record.h) and LIST_END: with a writer of the layer's own, joined to one transaction after
     * the other. No operation runs meanwhile. *count receives how many there were; 0: nothing was
     * appended. */
    velo_status (*list)(vl_ctx *ctx, void *user, uint64_t *count);
    /* A moment of the background thread's, every so often while the store is being written to:
     * nothing is latched. NULL: nothing is to be done. */
    void (*tend)(vl_ctx *ctx, void *user);
} vl_store_layer;

typedef struct vl_store_options {
    uint32_t page_size;       /* of a database to be created; 0 for the default */
    uint64_t cache_bytes;     /* budget of the page cache; 0: elastic */
    uint64_t log_limit_bytes; /* checkpoint when the log is this long; 0: 64 MiB to 1 GiB, by what
                                 is dirty */
    uint32_t log_ring_bytes;  /* memory for log records not yet written, a power of two; 0: default.
                                 A record takes a quarter of it at most, a row of many columns needs
                                 about 16 bytes for each */
    vl_durable_method durable_method; /* how the log is made durable */
    vl_wal_medium log_medium;         /* how the log's bytes reach the medium; see wal.h */
    vl_data_medium data_medium;       /* how pages do, and how they are read; see volume.h */
    int may_create;                   /* create the file when it is absent or empty */
    int is_read_only;   /* no change, no recovery: VELO_READONLY_RECOVERY if it is needed */
    int is_direct;      /* transfers past the system's cache, where possible */
    int has_background; /* keep frames free, run checkpoints and the layer's `tend` on a thread */
    const vl_store_layer *layer; /* NULL: there is none. Borrowed, outlives the store */
} vl_store_options;

/* Open or create a database.
 *
 * io       borrowed; outlives the store
 * path     of the file, borrowed for the call; NULL: in memory, gone when closed
 * options  NULL for defaults: not created
 * errors   VELO_CANTOPEN, VELO_NOTADB, VELO_CORRUPT (with what is damaged, and the log if it is the
 *          log), VELO_BUSY: another process, or another store of this one, has it open for writing;
 *          VELO_READONLY_RECOVERY, VELO_NOMEM, VELO_FULL, VELO_IOERR */
velo_status vl_store_open(vl_ctx *ctx, vl_io *io, const char *path, const vl_store_options *options,
                          vl_store **out) VL_MUST_CHECK;

/* Close: a checkpoint, and the log is deleted, if anything was changed. The store is gone whatever
 * is returned; after an error the file and its log are as after a crash, and nothing is lost that
 * was acknowledged. NULL is allowed. */
velo_status vl_store_close(vl_ctx *ctx, vl_store *store);

/* Close without writing anything, as if the process had died. NULL is allowed. Writers are
 * destroyed before the store is closed or abandoned. */
void vl_store_abandon(vl_store *store);

/* End the store's own thread, if it has one: before what the layer above keeps is taken apart. May
 * be repeated; closing does it too. */
void vl_store_stop_background(vl_store *store);

/* Write all that was changed to its place, and let go of the log before. Errors: VELO_FULL,
 * VELO_IOERR, VELO_NOMEM: the log stays, and nothing is lost; VELO_BUSY: a transaction of several
 * operations is open (vl_writer_begin) */
velo_status vl_store_checkpoint(vl_ctx *ctx, vl_store *store) VL_MUST_CHECK;

/* Make the file as short as it can be now, by moving what lies at its end (store_compact.c). Others
 * may use the store meanwhile. In memory nothing is done. Errors: as vl_store_checkpoint, and those
 * of reading pages: what was moved so far stays moved, and nothing is lost. */
velo_status vl_store_compact(vl_ctx *ctx, vl_store *store) VL_MUST_CHECK;

/* VELO_OK, or why the store cannot be changed any more. */
velo_status vl_store_check_writable(vl_ctx *ctx, vl_store *store) VL_MUST_CHECK;

/* ---- trees ---- */

/* What a tree is. */
typedef enum vl_tree_kind {
    VL_TREE_TABLE = 1, /* rowid -> row */
    VL_TREE_KEY = 2    /* byte string -> small value */
} vl_tree_kind;

/* A tree of a store. Lives as long as the store; a dropped one must not be used any more. */
typedef struct vl_store_tree {
    vl_tree tree;                /* the tree itself */
    vl_tree_kind kind;           /* of which kind */
    _Atomic(vl_layout *) layout; /* tables: the columns; replaced as a whole, old ones stay */
    _Atomic int64_t mark;        /* tables: as far as vl_writer_mark was told, no row ever had a
                                    greater rowid; INT64_MIN: never told */
} vl_store_tree;

/* Find a tree. VELO_NOTFOUND when there is none of this id. */
velo_status vl_store_find_tree(vl_ctx *ctx, vl_store *store, vl_tree_id id, vl_store_tree **out)
    VL_MUST_CHECK;

/* The trees of a store, by rising id: the first one with an id above `after` (0 for the first).
 * VELO_NOTFOUND at the end. */
velo_status vl_store_next_tree(vl_ctx *ctx, vl_store *store, vl_tree_id after, vl_store_tree **out)
    VL_MUST_CHECK;

/* ---- changes ---- */

/* A thread's means of changing a store: scratch memory and a transaction. */
typedef struct vl_writer vl_writer;

velo_status vl_writer_create(vl_ctx *ctx, vl_store *store, vl_writer **out) VL_MUST_CHECK;

/* NULL is allowed. A transaction that is open counts as committed by nobody: its changes stay in
 * the pages, so the store is broken by it; tests of crashes do that. */
void vl_writer_destroy(vl_writer *writer);

/* Changes between begin and commit are one transaction: after a crash all are there or none.
 * Without begin, each is a transaction of its own. Nothing takes back what has been done: this
 * layer has no rollback, and holds off checkpoints while such a transaction is open. The layer of
 * versioned transactions has both; here are the operations that it, recovery and bulk loads share.
 */
velo_status vl_writer_begin(vl_ctx *ctx, vl_writer *writer) VL_MUST_CHECK;
velo_status vl_writer_commit(vl_ctx *ctx, vl_writer *writer, vl_synchronous synchronous)
    VL_MUST_CHECK;

/* How operations outside of begin and commit are acknowledged; FULL at first. */
void vl_writer_set_synchronous(vl_writer *writer, vl_synchronous synchronous);

/* Create a tree.
 *
 * schema  tables: the columns and the defaults that stand for them on pages without them; copied.
 *         NULL for key trees
 * id      receives its number */
velo_status vl_writer_create_tree(vl_ctx *ctx, vl_writer *writer, vl_tree_kind kind,
                                  const vl_leaf_schema *schema, vl_tree_id *id) VL_MUST_CHECK;

/* Drop a tree that nobody uses. Its pages are returned in steps, which a crash may interrupt and
 * the next open goes on with. */
velo_status vl_writer_drop_tree(vl_ctx *ctx, vl_writer *writer, vl_tree_id id) VL_MUST_CHECK;

/* Give a table that nobody else uses meanwhile other columns: those that are left out are forgotten
 * (their bytes stay on their pages until these are built anew; no value of them may be in overflow
 * any more, so set them to NULL before, or their pages are lost), new ones have their default on
 * all pages. VELO_MISUSE: rows would be stored in another way (layout.h): copy the table instead.
 */
velo_status vl_writer_set_schema(vl_ctx *ctx, vl_writer *writer, vl_tree_id id,
                                 const vl_leaf_schema *schema) VL_MUST_CHECK;

/* Rows. Values of any length up to 1 GiB: long ones go to overflow pages by themselves. Trees and
 * rows that several threads use at once are for the callers to keep apart: a tree that another
 * thread's open transaction has created, a table whose columns are being changed, a row that is
 * being changed or read. Who does not may find after a crash that recovery refuses the log.
 *
 * errors  VELO_MISUSE: a tree of another kind; VELO_CONSTRAINT: insert, the rowid is taken;
 * VELO_NOTFOUND: update and delete, there is no such row; VELO_TOOBIG; VELO_FULL, VELO_IOERR,
 * VELO_NOMEM, VELO_CORRUPT: nothing changed; except that a failure to make the log durable, after
 * which nothing can be changed any more, leaves open whether the operation or commit will be found
 * when the database is next opened */
velo_status vl_writer_insert(vl_ctx *ctx, vl_writer *writer, vl_store_tree *table, int64_t rowid,
                             const vl_value *values) VL_MUST_CHECK;
/* columns: ids, rising. */
velo_status vl_writer_update(vl_ctx *ctx, vl_writer *writer, vl_store_tree *table, int64_t rowid,
                             const uint32_t *columns, const vl_value *values, uint32_t count)
    VL_MUST_CHECK;
velo_status vl_writer_delete(vl_ctx *ctx, vl_writer *writer, vl_store_tree *table, int64_t rowid)
    VL_MUST_CHECK;

/* Insert many rows behind all others of a table, by rising rowid, in the open transaction: whole
 * pages at a time, which the log gets as they are, many rows a record.
 *
 * rows    rising. As for vl_writer_insert; no value is in overflow, none is deleted
 * is_all  1: these are the last ones; all of them are taken. 0: more follow, and those that would
 *         share a page with them are left out
 * taken   receives how many rows are in the table: the caller gives the others again, with more. At
 *         least one when there are VL_TABLE_LOAD_ROWS or more. After an error these are there
 * errors  VELO_MISUSE: no transaction is open, a tree of another kind; VELO_CONSTRAINT: a row does
 *         not lie behind all others; as for vl_writer_insert */
velo_status vl_writer_load(vl_ctx *ctx, vl_writer *writer, vl_store_tree *table,
                           const vl_leaf_row *rows, uint32_t count, int is_all, uint32_t *taken)
    VL_MUST_CHECK;

/* Entries. put: inserts, or replaces the value. delete: VELO_NOTFOUND when there is none. */
velo_status vl_writer_put(vl_ctx *ctx, vl_writer *writer, vl_store_tree *index, const void *key,
                          uint32_t key_size, const void *value, uint32_t value_size) VL_MUST_CHECK;
velo_status vl_writer_remove(vl_ctx *ctx, vl_writer *writer, vl_store_tree *index, const void *key,
                             uint32_t key_size) VL_MUST_CHECK;

/* Raise a table's mark to at least `mark`. */
velo_status vl_writer_mark(vl_ctx *ctx, vl_writer *writer, vl_store_tree *table, int64_t mark)
    VL_MUST_CHECK;

/* ---- reading ---- */

/* Read a whole row, long values included.
 *
 * arena   receives the bytes of texts and blobs
 * values  receives one value for each column of the table's layout
 * errors  VELO_NOTFOUND: no such row; as vl_cache_load; VELO_NOMEM */
velo_status vl_store_read_row(vl_ctx *ctx, vl_store *store, vl_store_tree *table, int64_t rowid,
                              vl_arena *arena, vl_value *values) VL_MUST_CHECK;

/* ---- numbers ---- */

typedef struct vl_store_stats {
    vl_cache_stats cache;      /* pages in memory */
    const char *data_medium;   /* what pages are on, and why not in a mapping if that was asked for;
                                  static text */
    vl_wal_stats log;          /* zero while there is none */
    uint64_t log_bytes;        /* of log behind the last checkpoint */
    vl_tree_id next_tree;      /* id that the next tree will get */
    uint64_t checkpoint_count; /* checkpoints written since the store was opened */
    uint64_t recovered_count;  /* operations that recovery applied when it was opened */
    uint64_t recovered_lost;   /* transactions that it found unfinished */
} vl_store_stats;

void vl_store_get_stats(vl_store *store, vl_store_stats *stats);

/* The cache and the log, for the layer above; they live as long as the store. The log is NULL
 * until the first change. */
vl_cache *vl_store_cache(const vl_store *store);
vl_wal *vl_store_wal(const vl_store *store);

#endif
