/* stress_int.h - what the parts of the stress work share.
 *
 *   stress_value.c  places and versions as rows, keys and values
 *   stress_write.c  threads that change
 *   stress_read.c   threads that read meanwhile, and the comparison at the end */
#ifndef VL_TEST_STRESS_INT_H
#define VL_TEST_STRESS_INT_H

#include "storage/tree_key.h"
#include "stress_work.h"

/* Trees of threads' own count as this one. */
#define STRESS_OWN_TREE STRESS_TREES

/* Columns of tables: place, version, check, payload. */
#define STRESS_COLUMNS 4U

/* The longest payload, key and value, in bytes. */
#define STRESS_PAYLOAD(page_size) (3U * (page_size))
#define STRESS_KEY(page_size)     (2U * (page_size))

/* ---- stress_value.c ---- */

/* Which thread a place belongs to. */
uint32_t stress_owner(const stress_model *model, uint32_t tree, uint32_t place);

/* What a place adds to the content's number by holding this version. */
uint64_t stress_weight(uint32_t tree, uint32_t owner, uint32_t place, uint64_t version);

/* The rowid of a place, and back. */
int64_t stress_rowid(uint32_t place);
uint32_t stress_place(int64_t rowid);

/* The columns of a table: those above, and for STRESS_RECORDS so many more that it is stored as
 * records. `memory` is the caller's to free. */
typedef struct stress_schema {
    uint32_t *ids;
    vl_leaf_value *defaults;
} stress_schema;
velo_status stress_schema_make(uint32_t page_size, uint32_t tree, stress_schema *memory,
                               vl_leaf_schema *schema);
void stress_schema_free(stress_schema *memory);

/* Make a row's values. `payload` has room for STRESS_PAYLOAD bytes. */
void stress_make_row(uint32_t page_size, uint32_t tree, uint32_t place, uint64_t version,
                     uint8_t *payload, vl_value values[STRESS_COLUMNS]);

/* Check a row's values; `payload`, as they should be, has room for STRESS_PAYLOAD bytes. NULL, or
 * what is wrong. */
const char *stress_check_row(uint32_t page_size, uint32_t tree, uint32_t place,
                             const vl_value values[STRESS_COLUMNS], uint8_t *payload,
                             uint64_t *version);

/* Make the key of a place: its size. */
uint32_t stress_make_key(uint32_t page_size, uint32_t tree, uint32_t place, uint8_t *to);

/* The place of a key, or UINT32_MAX. `scratch` has room for STRESS_KEY bytes. */
uint32_t stress_key_place(uint32_t page_size, uint32_t tree, const uint8_t *key, uint32_t size,
                          uint8_t *scratch);

/* Make an entry's value: its size. And check one. */
uint32_t stress_make_value(uint32_t page_size, uint32_t tree, uint32_t place, uint64_t version,
                           uint8_t *to);
const char *stress_check_value(uint32_t page_size, uint32_t tree, const uint8_t *value,
                               uint32_t size, uint32_t *place, uint64_t *version);

/* ---- stress_write.c, stress_read.c: the threads ---- */

typedef struct stress_worker {
    const stress_plan *plan;
    uint32_t index;                         /* among its kind */
    vl_ctx ctx;                             /* its own */
    vl_rng rng;                             /* its own */
    vl_writer *writer;                      /* its own, of those that change */
    vl_store_tree *trees[STRESS_TREES + 1]; /* the shared ones, and its own or NULL */
    const _Atomic int *is_over;             /* those that change have ended */
    uint8_t *payload;                       /* room for STRESS_PAYLOAD bytes */
    uint8_t *key;                           /* room for STRESS_KEY bytes */
    uint8_t *scratch;                       /* room for STRESS_PAYLOAD bytes and an aligned page */
    uint8_t *value;                         /* room for a page's bytes */
} stress_worker;

/* Find the trees, and get memory and, for who changes, a writer. end accepts what began in part. */
velo_status stress_worker_begin(stress_worker *worker, const stress_plan *plan, uint32_t index,
                                uint64_t seed, int changes);
void stress_worker_end(stress_worker *worker);

/* Whether errors are to be expected, since the machine is off. */
int stress_is_off(const stress_plan *plan);

/* One pass of a reader over all trees. */
void stress_read_some(stress_worker *worker);

#endif
