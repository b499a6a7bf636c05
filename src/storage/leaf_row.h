/* leaf_row.h - whole rows as byte strings, for tables too wide to be stored by column.
 *
 * A record names its columns: a column that is not in it has its default. It is stored as a blob in
 * the one column of a page with VL_LEAF_ROWS, in overflow as a whole when it is long; values in it
 * may be in overflow of their own. Columns stand by rising id, each as
 *
 *   varint  id - (id of the column before) - 1; of the first, id
 *   varint  code
 *   bytes   as the code says
 *
 *   code     value
 *   0        NULL
 *   1 - 8    integer: so many bytes, little-endian, two's complement, as few as can be
 *   9        real: 8 bytes
 *   10       text in overflow: le32 size, le32 pid
 *   11       blob in overflow: the same
 *   12 + 2n  text of n bytes
 *   13 + 2n  blob of n bytes
 *
 * All functions are pure; any thread. */
#ifndef VL_STORAGE_LEAF_ROW_H
#define VL_STORAGE_LEAF_ROW_H

#include "storage/leaf_pax.h"

/* The most bytes that a column takes in a record beside those of a text or blob in it. */
#define VL_LEAF_RECORD_VALUE_MAX 18U

/* The bytes of a record of all columns of the schema. */
size_t vl_leaf_record_size(const vl_leaf_schema *schema, const vl_leaf_value *values);

/* Write the record to `to`, which has room for it. Returns the byte behind. NaN becomes NULL. */
uint8_t *vl_leaf_record_put(uint8_t *to, const vl_leaf_schema *schema, const vl_leaf_value *values);

/* A walk over a record's columns. */
typedef struct vl_leaf_record {
    const uint8_t *at;  /* next column */
    const uint8_t *end; /* behind the record */
    uint64_t next_id;   /* least id that the next column can have */
} vl_leaf_record;

void vl_leaf_record_init(vl_leaf_record *record, const void *data, size_t size);

/* Read the next column. The bytes may be anything. Texts point into the record.
 * 1: there is one; 0: the record is at its end; -1: the bytes are no record */
int vl_leaf_record_next(vl_leaf_record *record, uint32_t *id, vl_leaf_value *value);

/* Find a column: 1, with its value; 0 when the record is without it; -1 when the bytes before it
 * are no record. */
int vl_leaf_record_get(const void *data, size_t size, uint32_t id, vl_leaf_value *value);

/* Whether the bytes are a record from begin to end. */
int vl_leaf_record_is_valid(const void *data, size_t size);

#endif
