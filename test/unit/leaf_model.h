/* leaf_model.h - a simple model of a table, and the pages that must agree with it.
 *
 * The model is a sorted array of rows. Beside it stands a row of leaf pages, each for a range of
 * rowids, changed by the library's functions as a tree would do. Each page is a block of its own,
 * so that the address sanitizer sees what goes beyond it. */
#ifndef VL_TEST_LEAF_MODEL_H
#define VL_TEST_LEAF_MODEL_H

#include "lib/unit.h"
#include "storage/leaf_pax.h"

#define MODEL_MAX_COLUMNS 24
#define MODEL_MAX_ROWS    6000
#define MODEL_MAX_PAGES   600
#define MODEL_TEXT_SIZE   40000

/* What a column's values are like. */
typedef enum model_kind {
    MODEL_SEQUENCE,  /* integers near the rowid */
    MODEL_SMALL,     /* integers of a byte */
    MODEL_INTEGER,   /* integers of all sizes */
    MODEL_PRICE,     /* reals with two decimals */
    MODEL_REAL,      /* random doubles */
    MODEL_NUMBER,    /* integers and reals with decimals */
    MODEL_WIDE,      /* integers and random doubles */
    MODEL_WORD,      /* short texts */
    MODEL_LONG_TEXT, /* texts of all lengths, some in overflow */
    MODEL_BLOB,      /* blobs */
    MODEL_SPARSE,    /* nearly always NULL */
    MODEL_NULLABLE,  /* integers and NULLs */
    MODEL_ODD,       /* integers, and now and then something else */
    MODEL_ANY,       /* whatever */
    MODEL_NASTY,     /* numbers at edges */
    MODEL_KIND_COUNT /* how many there are */
} model_kind;

typedef struct model_row {
    int64_t rowid;                           /* key */
    int is_deleted;                          /* a tombstone */
    vl_leaf_value values[MODEL_MAX_COLUMNS]; /* texts point into model_text */
} model_row;

typedef struct model {
    uint32_t page_size;                        /* of all pages */
    vl_leaf_schema schema;                     /* ids and defaults below */
    uint32_t ids[MODEL_MAX_COLUMNS];           /* column ids */
    vl_leaf_value defaults[MODEL_MAX_COLUMNS]; /* NULLs */
    model_kind kinds[MODEL_MAX_COLUMNS];       /* what the columns hold */
    vl_rng rng;                                /* source of all choices */
    model_row *rows;                           /* sorted by rowid */
    uint32_t row_count;                        /* how many */
    vl_leaf *pages[MODEL_MAX_PAGES];           /* in rowid order */
    int64_t lows[MODEL_MAX_PAGES];             /* least rowid of each; the first has INT64_MIN */
    uint32_t page_count;                       /* at least 1 */
    uint32_t builds;                           /* how often pages were built anew */
    uint32_t done;                             /* writes that fitted in place */
    uint32_t divided;                          /* how often a page was divided */
    uint32_t behind;                           /* how often one was added behind a page */
} model;

/* Bytes that texts are slices of. */
extern uint8_t model_text[MODEL_TEXT_SIZE];

/* Begin with one empty page. */
void model_init(model *m, uint32_t page_size, const model_kind *kinds, uint32_t count,
                uint64_t seed);
void model_deinit(model *m);

/* A random value of a kind; never already in overflow. */
vl_leaf_value model_value(model *m, model_kind kind, int64_t rowid);

/* A random row. */
void model_make_row(model *m, int64_t rowid, model_row *row);

/* The index of a rowid in the rows, or where it would stand. */
uint32_t model_find(const model *m, int64_t rowid);

/* Operations: each changes model and pages, and checks what the page says. */
void model_insert(model *m, int64_t rowid);
void model_update(model *m, uint32_t index);
void model_delete(model *m, uint32_t index);
void model_undelete(model *m, uint32_t index);
void model_purge(model *m, uint32_t index);
void model_rebuild(model *m, uint32_t page, vl_leaf_layout layout, int with_purge);

/* Compare one page, or all, with the model: validity, rows, views. */
void model_check_page(model *m, uint32_t page);
void model_check(model *m);

/* The page that has a rowid. */
uint32_t model_page_of(const model *m, int64_t rowid);

/* Whether two values are the same, bit for bit. */
int model_same(const vl_leaf_value *a, const vl_leaf_value *b);

/* Read a slot through the column view alone. */
void model_view_get(const vl_leaf *leaf, const vl_leaf_view *view, uint32_t slot,
                    vl_leaf_value *value);

#endif
