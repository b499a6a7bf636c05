/* salvage.h - what is intact of a damaged database, copied out.
 *
 * Salvage reads a database's file and its log, never writes them, and trusts nothing in them. It
 * goes from what is certain to what is likely:
 *
 *   1  The newest valid superblock, the page map below it, and all pages whose checksum the map
 *      knows and which keep the rules of their kind: these are *verified*. The trees of the
 *      directory are walked from their roots; what hangs below a damaged node is found by a look at
 *      all pages of the map.
 *   2  Where the map is damaged or there is no superblock, every block of the file is looked at. An
 *      image that looks like a page and keeps the rules of its kind is taken as *unverified*: it
 *      may be an older state of its page, since blocks keep what they held until they are used
 *      again. What the verified pages contradict is left out: an image of a page that is verified
 *      or that the map says is free, rows in a range of which the verified leaf is there, trees
 *      that are not in an intact directory. Of several unverified images all are given.
 *   3  If the database was not closed cleanly: what the log says was committed behind the
 *      checkpoint, as operations to be applied on top of all of the above.
 *
 * With an older superblock, since the newest one is damaged, "verified" means: as of that
 * checkpoint. A report line says so.
 *
 * Bounds, for any bytes in the files. Each verified page is used once, levels fall at each step,
 * and reading values for unverified rows has a budget in proportion to the file: time is linear in
 * the size of the file and the log, but for sorting. Memory: three bits a block, 16 bytes for each
 * unverified page of a long value, 16 for each damaged page, a small entry for each tree, and one
 * row with its values; of the log the long values that are under way. */
#ifndef VL_STORAGE_SALVAGE_H
#define VL_STORAGE_SALVAGE_H

#include "storage/record.h"
#include "storage/store.h"

/* ---- what is given out; all pointers are borrowed for the call ---- */

/* How much is known of a value. */
typedef enum vl_salvage_state {
    VL_SALVAGE_SURE,   /* as sure as its row */
    VL_SALVAGE_UNSURE, /* parts of it come from unverified pages */
    VL_SALVAGE_LOST    /* its pages are damaged: NULL is given in its place */
} vl_salvage_state;

/* A tree. Told before its rows, and once; of one that is not in the directory any more, when its
 * first leaf is found. */
typedef struct vl_salvage_tree {
    vl_tree_id id;           /* its number */
    vl_tree_kind kind;       /* of which kind */
    const vl_layout *layout; /* tables: its columns; NULL when nothing intact tells them, then rows
                                come with the columns that they have on their pages */
    int64_t mark;            /* tables: greatest rowid ever given, or INT64_MIN */
    int is_verified;         /* 1: its row in the directory is; 0: the rest is from wherever it was
                                found, and a tree that was being dropped may come back */
} vl_salvage_tree;

/* A row of a table. Without a layout `ids` are those of the page. */
typedef struct vl_salvage_row {
    vl_tree_id tree;        /* the table */
    int64_t rowid;          /* which row */
    vl_pid pid;             /* page that it is on */
    int is_verified;        /* the checksum of that page is right, and it is in its place */
    uint32_t column_count;  /* columns; 0 without a layout when the whole row was one long value
                               that is lost */
    const uint32_t *ids;    /* rising */
    const vl_value *values; /* one each */
    const uint8_t *states;  /* vl_salvage_state, one each */
    uint32_t lost_count;    /* how many are lost; of a row that was lost as one value, all: at
                               least 1 */
} vl_salvage_row;

/* An entry of a key tree. */
typedef struct vl_salvage_entry {
    vl_tree_id tree;     /* the tree */
    vl_pid pid;          /* page that it is on */
    int is_verified;     /* as of rows; of a long key with parts from unverified pages: 0 */
    const void *key;     /* all of it */
    uint32_t key_size;   /* bytes */
    const void *value;   /* its value */
    uint32_t value_size; /* bytes */
} vl_salvage_entry;

/* An operation of the log, in the log's order. Fields that its type has not are zero. */
typedef struct vl_salvage_operation {
    vl_record_type type;     /* TABLE_..., KEY_..., TREE_... */
    vl_log_position at;      /* position of its record */
    uint64_t txn;            /* of which transaction: one that committed */
    vl_tree_id tree;         /* on which tree */
    int64_t rowid;           /* rows; TREE_MARK: the mark */
    uint32_t column_count;   /* INSERT, UPDATE: columns that are given */
    const uint32_t *ids;     /* rising */
    const vl_value *values;  /* one each */
    const uint8_t *states;   /* SURE or LOST, one each */
    const void *key;         /* KEY_... */
    uint32_t key_size;       /* bytes */
    const void *value;       /* KEY_PUT */
    uint32_t value_size;     /* bytes */
    vl_tree_kind kind;       /* TREE_CREATE */
    const vl_layout *layout; /* TREE_CREATE of a table, TREE_LAYOUT */
} vl_salvage_operation;

/* What a report line is about. */
typedef enum vl_salvage_trouble {
    VL_SALVAGE_NOTE,  /* nothing is lost: how something was found */
    VL_SALVAGE_SUPER, /* a superblock */
    VL_SALVAGE_MAP,   /* a page of the page map */
    VL_SALVAGE_PAGE,  /* a page of a tree */
    VL_SALVAGE_VALUE, /* a long value, or the rest of a long key */
    VL_SALVAGE_LOG    /* the log */
} vl_salvage_trouble;

/* A line of the report. */
typedef struct vl_salvage_line {
    vl_salvage_trouble trouble; /* what it is about */
    vl_tree_id tree;            /* which tree, or 0 */
    vl_pid pid;                 /* which page, or 0 */
    int has_range;              /* PAGE: whether `lost` is known */
    vl_rowid_range lost;        /* rowids that belong to the page; VALUE of a row: its rowid */
    const char *text;           /* what is wrong */
} vl_salvage_line;

/* What they return but VELO_OK ends the salvage, and is returned. They must not touch the file. */
typedef velo_status vl_salvage_give_tree(vl_ctx *ctx, void *argument, const vl_salvage_tree *tree);
typedef velo_status vl_salvage_give_row(vl_ctx *ctx, void *argument, const vl_salvage_row *row);
typedef velo_status vl_salvage_give_entry(vl_ctx *ctx, void *argument,
                                          const vl_salvage_entry *entry);
typedef velo_status vl_salvage_give_operation(vl_ctx *ctx, void *argument,
                                              const vl_salvage_operation *operation);
typedef void vl_salvage_report(void *argument, const vl_salvage_line *line);

typedef struct vl_salvage_options {
    vl_salvage_give_tree *tree;           /* each may be NULL */
    vl_salvage_give_row *row;             /* rows, verified ones of all trees first */
    vl_salvage_give_entry *entry;         /* entries; their order beside rows means nothing */
    vl_salvage_give_operation *operation; /* after all rows and entries */
    vl_salvage_report *report;            /* whenever something is found */
    void *argument;                       /* of all of them */
    uint32_t page_size;                   /* if both superblocks are damaged; 0: found out */
    int is_thorough; /* look at every block also when the map is intact: for older images of pages
                        that are damaged */
    int ignores_log; /* the state of the checkpoint only */
} vl_salvage_options;

typedef struct vl_salvage_stats {
    uint32_t page_size;          /* of the database */
    uint64_t page_count;         /* pages in the map that are intact, its own included */
    uint64_t bad_page_count;     /* those in the map that are not */
    uint64_t tree_count;         /* trees given */
    uint64_t row_count;          /* rows given */
    uint64_t unverified_rows;    /* of these */
    uint64_t incomplete_rows;    /* of these, with lost columns */
    uint64_t entry_count;        /* entries given */
    uint64_t unverified_entries; /* of these */
    uint64_t lost_keys;          /* entries not given, since their long keys are lost */
    uint64_t stray_count;        /* intact leaves of no tree: left by what was interrupted */
    uint64_t operation_count;    /* operations given */
    uint64_t line_count;         /* report lines, notes not counted: 0 if nothing is damaged */
    vl_tree_id next_tree;        /* above all trees seen; as the superblock says, if it is there */
} vl_salvage_stats;

/* Go through a damaged database. `path-wal` is its log.
 *
 * stats    receives numbers, on failure those so far
 * errors   VELO_BUSY: somebody has it open for writing; VELO_NOTADB: neither a superblock nor a
 *          page was found; VELO_CANTOPEN: absent, or of a newer version; VELO_NOMEM; what a
 *          callback returned. Damage and failed reads are no errors but report lines
 * latches  none may be held. The file is locked for reading meanwhile */
velo_status vl_salvage_run(vl_ctx *ctx, vl_io *io, const char *path,
                           const vl_salvage_options *options, vl_salvage_stats *stats)
    VL_MUST_CHECK;

/* ---- a new database of what was saved ---- */

typedef struct vl_salvage_copy_options {
    vl_salvage_report *report; /* or NULL; told of what is damaged in the source, once */
    void *argument;            /* of it */
    uint64_t cache_bytes;      /* of the new database, as in vl_store_options */
    uint32_t log_ring_bytes;   /* likewise */
    uint32_t page_size;        /* as in vl_salvage_options */
    int is_thorough;           /* likewise */
    int ignores_log;           /* likewise */
    int only_verified;         /* leave out what is unverified */
} vl_salvage_copy_options;

typedef struct vl_salvage_copy_report {
    vl_salvage_stats found;        /* in the source */
    uint64_t tree_count;           /* trees of the new database */
    uint64_t row_count;            /* rows and entries put into it, before the log */
    uint64_t unverified_count;     /* of these, unverified */
    uint64_t incomplete_count;     /* rows in which NULL stands for lost columns */
    uint64_t duplicate_count;      /* left out: the rowid or the key was there already */
    uint64_t refused_count;        /* rows and entries left out for another reason: their table has
                                      no known column, or is stored in another way */
    uint64_t operation_count;      /* operations of the log that were applied */
    uint64_t lost_operation_count; /* those that were not: their row or their tree is lost */
} vl_salvage_copy_report;

/* Make a new database of what can be saved. Trees keep their ids. Lost columns become NULL.
 * Verified rows and entries come first; unverified ones only where there is none of that rowid or
 * key. Then the log's operations are applied: an insert replaces a row that is there, an update of
 * a row that is lost is left out, since its other columns are.
 *
 * A table without a layout gets the columns that its rows have, with NULL as their default; if no
 * row with a column is found, it is not created.
 *
 * to_path  must not exist. On failure what was written there is deleted
 * errors   VELO_CANTOPEN: to_path exists; as vl_salvage_run; as vl_store_open and the writer's
 *          operations on the new database */
velo_status vl_salvage_copy(vl_ctx *ctx, vl_io *io, const char *from_path, const char *to_path,
                            const vl_salvage_copy_options *options, vl_salvage_copy_report *report)
    VL_MUST_CHECK;

#endif
