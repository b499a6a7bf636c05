/* salvage_int.h - what the parts of salvage share.
 *
 *   salvage.c        the order of things: superblock, directory, trees, the rest
 *   salvage_pages.c  finding and judging pages: the map, and blocks without it
 *   salvage_value.c  long values
 *   salvage_row.c    leaves taken apart into rows and entries
 *   salvage_log.c    the log
 *   salvage_copy.c   a new database of all that
 *
 * Functions return a status only for what ends the salvage. That a page is damaged is an answer,
 * with the reason in self->why. */
#ifndef VL_STORAGE_SALVAGE_INT_H
#define VL_STORAGE_SALVAGE_INT_H

#include "base/arena.h"
#include "storage/node.h"
#include "storage/overflow.h"
#include "storage/pagemap.h"
#include "storage/salvage.h"
#include "storage/superblock.h"

/* No page of the map has this number; 0 is one. */
#define VL_SALVAGE_NO_MAP UINT32_MAX

/* Blocks' bits. */
typedef enum vl_salvage_mark {
    VL_SALVAGE_GOOD,   /* an image of the map lies here, and is intact */
    VL_SALVAGE_JUDGED, /* the same, intact or not */
    VL_SALVAGE_USED,   /* it has been used, or reported; once is enough */
    VL_SALVAGE_MARKS
} vl_salvage_mark;

/* What became of looking for a page. */
typedef enum vl_salvage_answer {
    VL_SALVAGE_FOUND,   /* it is there and intact */
    VL_SALVAGE_DAMAGED, /* the map says where it is; there is something else */
    VL_SALVAGE_ABSENT,  /* the map says that there is none */
    VL_SALVAGE_UNKNOWN  /* the map is damaged above it */
} vl_salvage_answer;

/* A tree that was found. */
typedef struct vl_salvage_known {
    vl_tree_id id;       /* which */
    vl_tree_kind kind;   /* of which kind; 0 of one of which only a row of the directory is known */
    vl_pid root;         /* listed ones */
    vl_layout *layout;   /* owned, or NULL */
    int64_t mark;        /* see vl_salvage_tree */
    int is_listed;       /* in a verified row of the directory */
    int is_dropped;      /* which says that it is being dropped */
    int is_told;         /* the caller knows it */
    int is_damaged;      /* something below its root is lost: entries of `lost`, if it is a table */
    uint64_t lost_first; /* in self->lost */
    uint64_t lost_count; /* by rising rowid, disjoint */
} vl_salvage_known;

/* An unverified page of a long value. */
typedef struct vl_salvage_part {
    uint64_t pid;   /* its number */
    uint64_t block; /* where it is */
} vl_salvage_part;

typedef struct vl_salvage {
    const vl_salvage_options *options; /* borrowed */
    vl_salvage_stats *stats;           /* borrowed */
    vl_io *io;                         /* borrowed */
    const char *path;                  /* borrowed */
    vl_file *file;                     /* open for reading */
    vl_superblock super;               /* valid with has_super */
    int has_super;                     /* one was found */
    int has_map;                       /* and a page map */
    int map_is_whole;                  /* all of it could be read */
    int is_scanned;                    /* blocks were looked at without the map */
    uint32_t page_size;                /* bytes */
    uint32_t block_size;               /* bytes */
    uint32_t page_blocks;              /* blocks of a page */
    uint64_t file_size;                /* bytes */
    uint64_t block_count;              /* whole blocks in the file */
    uint64_t *marks[VL_SALVAGE_MARKS]; /* bits of blocks */
    uint64_t *leaves;                  /* bits of blocks: unverified leaves lie here */
    vl_salvage_part *parts;            /* by rising pid */
    uint64_t part_count;               /* how many */
    uint64_t part_capacity;            /* room for so many */
    uint64_t budget;                   /* pages that values of unverified rows may still read */

    /* Map pages, by level: those that locate went through last, and those of the walk. */
    void *maps[VL_PAGEMAP_LEVELS];
    vl_pid map_pids[VL_PAGEMAP_LEVELS];     /* which, or VL_SALVAGE_NO_MAP */
    int map_is_bad[VL_PAGEMAP_LEVELS];      /* it is damaged */
    void *map_walk[VL_PAGEMAP_LEVELS];      /* buffers */
    void *nodes[VL_NODE_MAX_LEVEL + 1];     /* buffers of the walk down a tree, by level */
    void *lists[VL_OVERFLOW_MAX_LEVEL + 1]; /* buffers of the walk down a value, by level */
    void *page;                             /* buffer */

    vl_salvage_known *trees; /* in the order in which they were found */
    uint32_t tree_count;     /* how many */
    uint32_t tree_capacity;  /* room for so many */
    uint32_t *tree_slots;    /* hash table of positions + 1 */
    uint32_t slot_count;     /* a power of two, at least twice tree_capacity */
    vl_rowid_range *lost;    /* slices of damaged tables */
    uint64_t lost_count;     /* how many */
    uint64_t lost_capacity;  /* room for so many */

    vl_arena arena;               /* of a row */
    char why[VL_ERROR_TEXT_SIZE]; /* what is wrong with the page looked for last */
} vl_salvage;

/* ---- salvage.c ---- */

/* Report. `lost` may be NULL. */
void vl_salvage_tell(vl_salvage *self, vl_salvage_trouble trouble, vl_tree_id tree, vl_pid pid,
                     const vl_rowid_range *lost, const char *text);

/* Fail for want of memory. */
velo_status vl_salvage_no_memory(vl_ctx *ctx);

/* Find a tree by its id; NULL when it was not seen. */
vl_salvage_known *vl_salvage_find_tree(vl_salvage *self, vl_tree_id id);

/* Whether a rowid is in a lost range of a table. */
int vl_salvage_is_lost(const vl_salvage *self, const vl_salvage_known *tree, int64_t rowid);

/* A verified or unverified row of the directory. */
velo_status vl_salvage_take_directory(vl_ctx *ctx, vl_salvage *self, const vl_salvage_row *row)
    VL_MUST_CHECK;

/* ---- salvage_pages.c ---- */

int vl_salvage_is_marked(const vl_salvage *self, vl_salvage_mark mark, uint64_t block);
void vl_salvage_set_mark(vl_salvage *self, vl_salvage_mark mark, uint64_t block);

/* Open the file, find the superblock, make buffers. */
velo_status vl_salvage_open(vl_ctx *ctx, vl_salvage *self) VL_MUST_CHECK;

/* Give everything back. */
void vl_salvage_close(vl_salvage *self);

/* Look for a page of the map and read it. */
velo_status vl_salvage_read_page(vl_ctx *ctx, vl_salvage *self, vl_pid pid, void *page,
                                 uint64_t *block, vl_salvage_answer *answer) VL_MUST_CHECK;

/* Read the image at a block; answer FOUND when it looks like a page and keeps the rules. */
velo_status vl_salvage_read_block(vl_ctx *ctx, vl_salvage *self, uint64_t block, void *page,
                                  vl_salvage_answer *answer) VL_MUST_CHECK;

/* Told of each entry of the map that leads to a page of a tree. */
typedef velo_status vl_salvage_visit(vl_ctx *ctx, vl_salvage *self, vl_pid pid,
                                     const vl_extent *extent);

/* Go through the map, reporting what of it is damaged if `tells`. */
velo_status vl_salvage_walk_map(vl_ctx *ctx, vl_salvage *self, vl_salvage_visit *visit, int tells)
    VL_MUST_CHECK;

/* Judge all pages of the map. */
velo_status vl_salvage_judge(vl_ctx *ctx, vl_salvage *self) VL_MUST_CHECK;

/* Look at every block that was not judged: fills `leaves` and `parts`. */
velo_status vl_salvage_scan(vl_ctx *ctx, vl_salvage *self) VL_MUST_CHECK;

/* ---- salvage_value.c ---- */

/* Read a long value into the arena.
 *
 * trusted  what refers to it is verified
 * bytes    receives it, NULL when it is lost: self->why says why, *pid where
 * state    receives what is known of it */
velo_status vl_salvage_read_value(vl_ctx *ctx, vl_salvage *self, const vl_overflow *value,
                                  int trusted, uint8_t **bytes, vl_pid *pid,
                                  vl_salvage_state *state) VL_MUST_CHECK;

/* ---- salvage_row.c ---- */

/* What of a leaf is given. */
typedef struct vl_salvage_filter {
    vl_rowid_range range; /* tables: rows in it are verified if is_verified */
    int is_verified;      /* the leaf is */
    int only_lost;        /* tables: rows in lost ranges of the tree only */
} vl_salvage_filter;

/* Give the rows or entries of a leaf that was checked. */
velo_status vl_salvage_give_leaf(vl_ctx *ctx, vl_salvage *self, vl_tree_id tree, const void *page,
                                 const vl_salvage_filter *filter) VL_MUST_CHECK;

/* ---- salvage_log.c ---- */

/* Give the log's operations. */
velo_status vl_salvage_read_log(vl_ctx *ctx, vl_salvage *self) VL_MUST_CHECK;

#endif
