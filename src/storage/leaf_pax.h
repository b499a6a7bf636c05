/* leaf_pax.h - leaves of table trees: rows on a page, stored column by column.
 *
 * A leaf holds whole rows, but each column's values lie together in a *minipage*, so that a scan
 * of one column touches that column's bytes only and feeds vector units directly (PAX: Ailamaki et
 * al., "Weaving Relations for Cache Performance", VLDB 2001). All functions here are pure: they
 * work on a buffer of page_size bytes, aligned to 8 (to 64 for speed), without I/O, latches or
 * memory of their own. docs/file-format.md, "Table leaf", is the format; in short:
 *
 *    0            header (vl_leaf), one cache line
 *    64           column directory: a vl_leaf_column of 32 bytes each, by rising column id
 *                 presence bitmap, tombstone bitmap
 *                 rowids (deltas over `first`) and order array, where there are any
 *                 of each column: null bitmap, values, second array, exceptions
 *    fixed_end    free space
 *    page_size - heap_used
 *                 heap: bytes of texts and blobs, overflow descriptors; grows downwards
 *
 * Slots. Each minipage has `capacity` slots, of which the first `count` have a rowid. A slot is
 *
 *    live         present bit set:             insert over it: VL_LEAF_EXISTS
 *      | vl_leaf_mark_deleted   ^ vl_leaf_unmark_deleted
 *    tombstone    present and deleted bit set: a deleted row whose values are still there
 *      | vl_leaf_purge (also from live): the values are gone
 *    gap          present bit clear:           a rowid whose row is not there
 *
 * and vl_leaf_insert makes a tombstone or a gap of the same rowid live again. A slot keeps its
 * rowid until the page is built anew, so removing never needs space.
 *
 * Pages are *grown* (room for more slots, made while rows arrive) or *tight* (capacity is what the
 * rows need). Whatever does not fit a page's encodings or its room says VL_LEAF_NO_ROOM, having
 * changed nothing; the caller then builds the page anew (vl_leaf_build_begin), into one page or
 * more.
 *
 * Trust. A page from disk is untrusted until vl_leaf_validate has accepted it; all other functions
 * rely on that, and what they make is accepted again. Threads: any, under the page's latch. */
#ifndef VL_STORAGE_LEAF_PAX_H
#define VL_STORAGE_LEAF_PAX_H

#include "base/status.h"
#include "base/type.h"
#include "storage/page.h"

/* Flags of the page header. */
#define VL_LEAF_DENSE  1U /* slot i has rowid first + i: no rowids are stored */
#define VL_LEAF_SORTED 2U /* slots lie in rowid order: scans need no gather */
#define VL_LEAF_ROWS   4U /* the only column is VL_LEAF_RECORD_ID: rows as records (leaf_row.h) */

/* Flags of a column. */
#define VL_LEAF_HAS_NULLS 1U /* has a null bitmap */

/* Column id of the records on a page with VL_LEAF_ROWS. */
#define VL_LEAF_RECORD_ID UINT32_MAX

/* A stored length that means: an overflow descriptor lies at the offset. */
#define VL_LEAF_OVERFLOW 0xffffU

/* In a value's overflow: its pages are still to be written. */
#define VL_LEAF_TO_OVERFLOW UINT32_MAX

/* Bytes of an overflow descriptor in the heap: le32 size of the value, le32 pid of its list. */
#define VL_LEAF_DESCRIPTOR_SIZE 8U

/* The most decimals of a scaled form. */
#define VL_LEAF_MAX_EXPONENT 9U

/* How a column's values are stored on one page. Stored; "cell" is one slot's part of `data`. */
typedef enum vl_leaf_form {
    VL_LEAF_NULL = 0,          /* no cells: every value not among the exceptions is NULL */
    VL_LEAF_INTEGER = 1,       /* unsigned cells of 1, 2, 4 or 8 bytes: base + cell mod 2^64 */
    VL_LEAF_SCALED_REAL = 2,   /* reals (base + cell) / 10^exponent, exactly; 1, 2 or 4 bytes */
    VL_LEAF_SCALED_NUMBER = 3, /* the same, with `bits`: set where the value is an integer */
    VL_LEAF_REAL = 4,          /* doubles */
    VL_LEAF_NUMBER = 5,        /* doubles, and `bits`: set where the value is an integer < 2^53 */
    VL_LEAF_TEXT = 6,          /* le16 offset in the page, le16 length */
    VL_LEAF_BLOB = 7,          /* the same */
    VL_LEAF_PACKED_TEXT = 8,   /* length bytes; values one behind the other; see vl_leaf_view */
    VL_LEAF_PACKED_BLOB = 9,   /* the same */
    VL_LEAF_ANY = 10           /* 8-byte cells, and `bits`: a vl_type byte for each slot */
} vl_leaf_form;
#define VL_LEAF_FORM_COUNT 11

/* The header of a leaf page: vl_page_header with its rest. Offsets named _at are in units of 8
 * bytes from the page's begin, 0 for none. */
typedef struct vl_leaf {
    uint8_t kind;             /* VL_PAGE_TABLE_LEAF */
    uint8_t level;            /* 0 */
    uint16_t flags;           /* VL_LEAF_DENSE, _SORTED, _ROWS */
    uint32_t count;           /* slots that have a rowid */
    uint64_t pid;             /* own number */
    uint64_t tree;            /* a vl_tree_id */
    int64_t first;            /* dense: rowid of slot 0; else base of the stored rowids */
    uint16_t capacity;        /* slots that the minipages have room for */
    uint16_t column_count;    /* entries of the directory */
    uint16_t tombstone_count; /* set bits of the tombstone bitmap */
    uint16_t gap_count;       /* slots below count without a present bit */
    uint32_t heap_used;       /* bytes of heap, from the page's end downwards */
    uint32_t heap_dead;       /* of these, bytes that no present slot refers to */
    uint16_t present_at;      /* presence bitmap */
    uint16_t deleted_at;      /* tombstone bitmap */
    uint16_t rowids_at;       /* rowid deltas; 0 when dense */
    uint16_t order_at;        /* slots in rowid order, le16; in use unless sorted */
    uint32_t fixed_end;       /* where minipages end, in bytes */
    uint8_t rowid_width;      /* bytes of a rowid delta; 0 when dense */
    uint8_t reserved[3];      /* 0 */
} vl_leaf;

_Static_assert(sizeof(vl_leaf) == sizeof(vl_page_header), "a leaf's header is a page's header");
_Static_assert(offsetof(vl_leaf, first) == offsetof(vl_page_header, rest), "common part");
_Static_assert(offsetof(vl_leaf, heap_used) == 40, "format");
_Static_assert(offsetof(vl_leaf, fixed_end) == 56, "format");

/* An entry of the column directory. */
typedef struct vl_leaf_column {
    uint32_t id;                 /* stable column id */
    uint8_t form;                /* vl_leaf_form */
    uint8_t width;               /* bytes of a cell */
    uint8_t exponent;            /* decimals of a scaled form, else 0 */
    uint8_t flags;               /* VL_LEAF_HAS_NULLS */
    int64_t base;                /* INTEGER, SCALED: added to each cell; else 0 */
    uint16_t data_at;            /* cells */
    uint16_t nulls_at;           /* null bitmap */
    uint16_t bits_at;            /* NUMBER, ANY, PACKED: second array */
    uint16_t exceptions_at;      /* vl_leaf_exception, by rising slot */
    uint16_t exception_count;    /* how many there are */
    uint16_t exception_capacity; /* how many there is room for */
    uint32_t reserved;           /* 0; will be the number of dictionary entries */
} vl_leaf_column;

_Static_assert(sizeof(vl_leaf_column) == 32, "format");

/* One value that its column's form cannot hold. */
typedef struct vl_leaf_exception {
    uint16_t slot;     /* whose value it is */
    uint8_t type;      /* vl_type */
    uint8_t zero[5];   /* 0 */
    uint64_t contents; /* as a cell of ANY: the integer, the double's bits, or offset and length */
} vl_leaf_exception;

_Static_assert(sizeof(vl_leaf_exception) == 16, "format");

/* A value as leaves take and give it. Given out, text points into the page and lives as long as
 * the page's latch. A NaN is taken as NULL. */
typedef struct vl_leaf_value {
    vl_value value;  /* of an overflow value, as.data is NULL */
    vl_pid overflow; /* 0, or the list of the pages that hold the value's bytes */
} vl_leaf_value;

/* The columns of a table, as rows give them. */
typedef struct vl_leaf_schema {
    const uint32_t *ids;           /* rising */
    const vl_leaf_value *defaults; /* what a page without the column means; by column */
    uint16_t count;                /* how many; at least 1 */
    uint16_t is_rows;              /* 1: the one column holds records (VL_LEAF_ROWS) */
} vl_leaf_schema;

/* A row to be stored. Nothing in it points into the page that is changed. */
typedef struct vl_leaf_row {
    int64_t rowid;               /* its key */
    const vl_leaf_value *values; /* one for each column of the schema, not overlong */
    int is_deleted;              /* build only: store it as a tombstone */
} vl_leaf_row;

/* One column to change. */
typedef struct vl_leaf_change {
    uint32_t id;         /* which column */
    vl_leaf_value value; /* what it becomes */
} vl_leaf_change;

/* What became of a write. */
typedef enum vl_leaf_result {
    VL_LEAF_DONE,    /* it is on the page */
    VL_LEAF_NO_ROOM, /* the page is unchanged: build it anew */
    VL_LEAF_EXISTS   /* insert: the page is unchanged, a live row has this rowid */
} vl_leaf_result;

/* What a slot is. */
typedef enum vl_leaf_state {
    VL_LEAF_NO_SLOT,  /* no slot has the rowid */
    VL_LEAF_GAP,      /* a slot, but no row */
    VL_LEAF_LIVE,     /* a row */
    VL_LEAF_TOMBSTONE /* a deleted row, its values still there */
} vl_leaf_state;

/* ---- limits ---- */

/* The most slots a page has. */
static inline uint32_t
vl_leaf_max_rows(uint32_t page_size)
{
    return page_size / 4;
}

/* The longest text or blob that lies in a page; longer ones overflow. */
static inline uint32_t
vl_leaf_max_inline(uint32_t page_size)
{
    return page_size / 4;
}

/* The most columns of a page without VL_LEAF_ROWS: a row of so many fits an empty page in its
 * worst encodings, with every text in overflow. Wider tables are stored as records. */
uint32_t vl_leaf_max_columns(uint32_t page_size);

/* Choose the values of a row that must go to overflow: those longer than vl_leaf_max_inline, then
 * the longest ones until any page holds the row in its worst encodings.
 *
 * values       as they are; those already in overflow count as such. Receives VL_LEAF_TO_OVERFLOW
 * as overflow where the caller must write the value out and put the pid of its list count        up
 * to vl_leaf_max_columns(page_size) returns      how many were chosen */
uint32_t vl_leaf_choose_overflow(uint32_t page_size, vl_leaf_value *values, uint32_t count);

/* Whether any would be chosen. */
int vl_leaf_needs_overflow(uint32_t page_size, const vl_leaf_value *values, uint32_t count);

/* ---- format (leaf_format.c) ---- */

/* Make an empty leaf: no slots. The first insert finds no room, and builds it. (Of an empty leaf
 * that vl_leaf_build_behind made, `first` is the rowid of the row that it was made for.) */
void vl_leaf_init(vl_leaf *leaf, uint32_t page_size, vl_pid pid, vl_tree_id tree);

/* Check every byte that other functions rely on. VELO_CORRUPT with what is wrong, or VELO_OK: then
 * no function here reads or writes outside of the page, and all values are well formed. */
velo_status vl_leaf_validate(vl_ctx *ctx, const vl_leaf *leaf, uint32_t page_size) VL_MUST_CHECK;

/* ---- reading (leaf_read.c) ---- */

/* Find a rowid's slot: dense pages by arithmetic, others by binary search. *slot is set unless the
 * result is VL_LEAF_NO_SLOT. */
vl_leaf_state vl_leaf_find(const vl_leaf *leaf, int64_t rowid, uint32_t *slot);

/* A rowid's place on a page. Holds until the page changes. */
typedef struct vl_leaf_spot {
    uint32_t slot;       /* its slot; after vl_leaf_can_insert_at also the one that it will get */
    uint32_t rank;       /* of the first slot whose rowid is at least it; count if there is none */
    vl_leaf_state state; /* what the slot is; VL_LEAF_NO_SLOT: it has none */
    uint32_t count;      /* private: of the page, when it was looked for */
    uint32_t heap;       /* private: bytes of heap that the row takes */
} vl_leaf_spot;

/* Find it: as vl_leaf_find, and the place of a rowid that has no slot. */
void vl_leaf_locate(const vl_leaf *leaf, int64_t rowid, vl_leaf_spot *spot);

/* What a slot below count is: never VL_LEAF_NO_SLOT. */
vl_leaf_state vl_leaf_slot_state(const vl_leaf *leaf, uint32_t slot);

/* The rowid of a slot below count. */
int64_t vl_leaf_rowid(const vl_leaf *leaf, uint32_t slot);

/* Rank, in rowid order, of the first slot whose rowid is at least `rowid`; count if there is none.
 */
uint32_t vl_leaf_seek(const vl_leaf *leaf, int64_t rowid);

/* The slot of a rank below count. */
uint32_t vl_leaf_slot_at(const vl_leaf *leaf, uint32_t rank);

/* Index in the directory of a column id, or -1 when the page is without it: its value is then the
 * column's default. */
int vl_leaf_column_index(const vl_leaf *leaf, uint32_t id);

/* The id of a column of the directory. */
static inline uint32_t
vl_leaf_column_id(const vl_leaf *leaf, uint32_t column)
{
    return ((const vl_leaf_column *)(const void *)(leaf + 1))[column].id;
}

/* Whether the page's columns are those of the schema. */
int vl_leaf_has_schema(const vl_leaf *leaf, const vl_leaf_schema *schema);

/* The value of a column in a slot that is no gap. */
void vl_leaf_get(const vl_leaf *leaf, uint32_t slot, uint32_t column, vl_leaf_value *value);

/* A column as kernels see it. Cells of NULLs and exceptions are 0 and mean nothing. Bitmaps have
 * bit i of byte i / 8 for slot i, and are readable as whole 8-byte words.
 *
 * PACKED: the value of slot i begins at page offset A[i / 16] + length of the slots from i - i % 16
 * to i - 1, where A is the le16 array `bits`. */
typedef struct vl_leaf_view {
    vl_leaf_form form;                   /* how to read `data` */
    uint32_t width;                      /* bytes of a cell; 0 for NULL */
    uint32_t exponent;                   /* decimals of scaled forms */
    uint32_t count;                      /* slots */
    int64_t base;                        /* of INTEGER and scaled forms */
    const void *data;                    /* cells, NULL for the form NULL; 8-byte aligned */
    const uint8_t *nulls;                /* set where NULL; NULL when there is no bitmap */
    const uint8_t *bits;                 /* the form's second array, or NULL */
    const vl_leaf_exception *exceptions; /* by rising slot; NULL when there is no room for any */
    uint32_t exception_count;            /* how many */
} vl_leaf_view;

void vl_leaf_column_view(const vl_leaf *leaf, uint32_t column, vl_leaf_view *view);

/* The presence and tombstone bitmaps. */
const uint8_t *vl_leaf_present(const vl_leaf *leaf);
const uint8_t *vl_leaf_deleted(const vl_leaf *leaf);

/* Whether every slot below count is live, so that a scan need not look at the bitmaps. */
static inline int
vl_leaf_is_all_live(const vl_leaf *leaf)
{
    return leaf->tombstone_count == 0 && leaf->gap_count == 0;
}

/* ---- writing (leaf_write.c) ---- */

/* Store a row: in the slot of its rowid where that is a tombstone or a gap, else in a new one. The
 * values of a tombstone are lost: the caller has kept what an older snapshot needs. A page whose
 * columns are not the schema's has no room. */
vl_leaf_result vl_leaf_insert(vl_leaf *leaf, uint32_t page_size, const vl_leaf_schema *schema,
                              const vl_leaf_row *row) VL_MUST_CHECK;

/* Change columns of a slot that is no gap, each at most once: all or none. */
vl_leaf_result vl_leaf_update(vl_leaf *leaf, uint32_t page_size, uint32_t slot,
                              const vl_leaf_change *changes, uint32_t count) VL_MUST_CHECK;

/* What vl_leaf_insert and vl_leaf_update would answer. */
vl_leaf_result vl_leaf_can_insert(const vl_leaf *leaf, uint32_t page_size,
                                  const vl_leaf_schema *schema, const vl_leaf_row *row);
vl_leaf_result vl_leaf_can_update(const vl_leaf *leaf, uint32_t page_size, uint32_t slot,
                                  const vl_leaf_change *changes, uint32_t count);

/* Inserting in two steps, with one search for both. vl_leaf_can_insert_at answers what
 * vl_leaf_insert would, of a place that vl_leaf_locate found for the row's rowid. When that is
 * VL_LEAF_DONE, vl_leaf_insert_at puts the row there, the page and the row being the same still. */
vl_leaf_result vl_leaf_can_insert_at(const vl_leaf *leaf, uint32_t page_size,
                                     const vl_leaf_schema *schema, const vl_leaf_row *row,
                                     vl_leaf_spot *spot) VL_MUST_CHECK;
void vl_leaf_insert_at(vl_leaf *leaf, uint32_t page_size, const vl_leaf_row *row,
                       const vl_leaf_spot *spot);

/* Turn a live row into a tombstone, and back. */
void vl_leaf_mark_deleted(vl_leaf *leaf, uint32_t slot);
void vl_leaf_unmark_deleted(vl_leaf *leaf, uint32_t slot);

/* Turn a live row or a tombstone into a gap. Its overflow pages are the caller's to free, before.
 */
void vl_leaf_purge(vl_leaf *leaf, uint32_t slot);

/* ---- building (leaf_build.c) ---- */

/* How rows are laid out on the pages that are built. */
typedef enum vl_leaf_layout {
    VL_LEAF_SPLIT,  /* one grown page if it has room for 1/16 more rows, else two by bytes */
    VL_LEAF_APPEND, /* the same, else a tight page and a grown one with the last row */
    VL_LEAF_BULK    /* tight pages, each as full as it can be */
} vl_leaf_layout;

/* What to build. The caller keeps all it points to until the last page is built. */
typedef struct vl_leaf_build {
    uint32_t page_size;           /* of all pages */
    vl_leaf_layout layout;        /* see there */
    const vl_leaf_schema *schema; /* columns of the new pages */
    const vl_leaf *leaf;          /* source of rows, or NULL */
    const vl_leaf_row *rows;      /* more rows, by rising rowid; they replace those of the leaf */
    uint32_t row_count;           /* how many */
    int (*is_purgeable)(void *argument, int64_t rowid); /* whether the leaf's tombstone of this
                                     rowid goes; asked once for each; NULL: all stay */
    void *argument;                                     /* for is_purgeable */
    const vl_leaf *right; /* source of more rows, all above those of `leaf`; NULL for none, and
                             where rows are given */
} vl_leaf_build;

typedef struct vl_leaf_builder vl_leaf_builder;

/* Bytes of scratch memory, 8-byte aligned, that a builder needs for two leaves as source, a
 * schema of `column_count` columns and `row_count` given rows. */
size_t vl_leaf_scratch_size(uint32_t page_size, uint32_t column_count, uint32_t row_count);

/* Begin to build: collect the rows in order. The builder lives in the scratch memory. Every row of
 * `rows` has its overlong values in overflow (vl_leaf_choose_overflow). */
vl_leaf_builder *vl_leaf_build_begin(void *scratch, const vl_leaf_build *build);

/* How many rows are not yet on a page. */
uint32_t vl_leaf_build_remaining(const vl_leaf_builder *builder);

/* The rowid of the first of them; there is one. */
int64_t vl_leaf_build_next_rowid(const vl_leaf_builder *builder);

/* Build the next page into `leaf`, which is no source. Returns the number of rows on it.
 *
 * 0 rows   the page is an empty leaf. Either none were left, or (vl_leaf_build_remaining says) the
 *          next one does not fit a page: a row of the leaf that defaults of new columns made too
 *          long. The caller sends more of its values to overflow, and begins anew with the row
 *          (vl_leaf_build_next_rowid) among the given ones
 *
 * With VL_LEAF_BULK and more rows to come than
 * were given, the page that takes the last ones is not full: the caller drops it, and begins anew
 * with these rows and the next. */
uint32_t vl_leaf_build_next(vl_leaf_builder *builder, vl_leaf *leaf, vl_pid pid, vl_tree_id tree);

/* Build the page for a row behind all others of a full page, which stays what it is: an empty one,
 * with slots, forms and heap for the row and as many more like those of the full one. Costs a look
 * at each value of the page instead of building it anew.
 *
 * scratch  as for vl_leaf_build_begin
 * build    leaf: the full page; one row; no right; the layout means nothing
 * returns  1; 0: this cannot be done with these pages, and `leaf` means nothing: build as usual */
int vl_leaf_build_behind(void *scratch, const vl_leaf_build *build, vl_leaf *leaf, vl_pid pid,
                         vl_tree_id tree);

/* ---- dividing (leaf_divide.c) ---- */

/* Divide a page in two grown ones that hold about as many bytes, column by column in the forms that
 * it has: integers get the width and base that each half needs. Costs a small part of building them
 * row by row.
 *
 * left, right  receive the pages, with the leaf's pid and tree; neither is the leaf
 * separator    receives the first rowid of the right page
 * returns      1; 0: the builder is to do it, since forms or layout should be chosen anew (dense
 *              pages, or such as should become dense; gaps, tombstones, exceptions, mixed types),
 *              and nothing in the two pages means anything */
int vl_leaf_divide(const vl_leaf *leaf, uint32_t page_size, vl_leaf *left, vl_leaf *right,
                   int64_t *separator);

#endif
