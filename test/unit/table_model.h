/* table_model.h - a table tree and a sorted array that must agree with it.
 *
 * The array knows of each row its rowid, a version and whether it is deleted; the row's values
 * follow from rowid and version, so whatever the tree gives can be checked. */
#ifndef VL_TEST_TABLE_MODEL_H
#define VL_TEST_TABLE_MODEL_H

#include "lib/unit.h"
#include "storage/table.h"

#define TABLE_COLUMNS   6U
#define TABLE_TEXT_SIZE 65536U

typedef struct table_row_model {
    int64_t rowid;                    /* key */
    uint16_t versions[TABLE_COLUMNS]; /* the values follow from them */
    int is_deleted;                   /* a tombstone */
} table_row_model;

typedef struct table_model {
    vl_cache *cache;       /* made for the test */
    vl_tree tree;          /* the tree */
    vl_tree_work *work;    /* scratch */
    vl_leaf_schema schema; /* its columns */
    vl_rng rng;            /* source of all choices */
    table_row_model *rows; /* sorted by rowid */
    uint32_t count;        /* how many */
    uint32_t capacity;     /* how many there is room for */
    uint32_t long_texts;   /* one row in so many has a long text; 0: none */
    uint32_t huge_texts;   /* one row in so many has a text of several pages; 0: none */
    int is_in_file;        /* the cache does not count pages: the test does */
    uint64_t pages_before; /* that existed before the tree was made */
    uint64_t pages_now;    /* of tree and values, as table_model_check found */
} table_model;

/* Make a cache in memory and an empty tree. */
void table_model_init(table_model *m, uint32_t page_size, uint32_t max_children, uint64_t seed);

/* Make an empty tree in a cache of the caller's. */
void table_model_init_in(table_model *m, vl_cache *cache, uint32_t max_children, uint64_t seed);

/* Drop the tree in steps, and check that all its pages are back. */
void table_model_drop(table_model *m);

/* The same, and destroy the rest, also the cache. */
void table_model_deinit(table_model *m);

/* The value of a column: texts point to static memory. */
vl_leaf_value table_model_value(const table_model *m, int64_t rowid, uint32_t column,
                                uint16_t version);

/* The values of a row all of whose columns have the same version. */
void table_model_values(const table_model *m, int64_t rowid, uint16_t version,
                        vl_leaf_value *values);

/* Whether a row of a leaf has the values that it should have; bytes in overflow are not looked at.
 */
int table_model_matches(const table_model *m, const vl_leaf *leaf, uint32_t slot,
                        const table_row_model *row);

/* A copy of rows in place of `old`, which is freed; the test stops when there is no memory. */
table_row_model *table_model_copy_rows(table_row_model *old, const table_row_model *rows,
                                       uint32_t count, uint32_t capacity);

/* Index of a rowid in the rows, or where it would stand. */
uint32_t table_model_find(const table_model *m, int64_t rowid);

/* One operation on tree and array; each checks what the tree answers. */
void table_model_insert(table_model *m, int64_t rowid);
void table_model_update(table_model *m, int64_t rowid);
void table_model_mark(table_model *m, int64_t rowid, int is_deleted);
void table_model_purge(table_model *m, int64_t rowid);

/* Load rows behind all there are: `count` of them, each up to `gap` above the one before. */
void table_model_load(table_model *m, uint32_t count, uint32_t gap);

/* Tell the array of a row that was inserted with one version, or, with -1, removed. */
void table_model_note(table_model *m, int64_t rowid, int version);

/* A rowid near those there are, or any. */
int64_t table_model_random_rowid(table_model *m, int64_t range);

/* Verify the tree, and compare it with the array: by scans both ways and by lookups. */
void table_model_check(table_model *m);

#endif
