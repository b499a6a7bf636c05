/* packed.h - rows of tables that have more columns than are stored side by side.
 *
 * Their tree has one column, VL_PACKED_ID, with a record (storage/leaf_row.h) of all stored columns
 * by id, in overflow as a whole when it is long. So versions, log and recovery know nothing of it:
 * a row changes as a whole. A record has every column that its table had when it was written, and
 * adding a column writes all rows anew. */
#ifndef VL_EXEC_PACKED_H
#define VL_EXEC_PACKED_H

#include "base/arena.h"
#include "base/type.h"
#include "txn/txn_rows.h"

/* The id of the one column. No column of a table has it: ids count from 1. */
#define VL_PACKED_ID (UINT32_MAX - 1)

/* Whether a table's rows are packed. */
int vl_packed_is(const vl_txn_table *table);

/* Make the record of a row.
 *
 * ids     count of them, rising
 * packed  receives a blob in the arena
 * errors  VELO_NOMEM; VELO_TOOBIG: the row is longer than a value can be */
velo_status vl_packed_put(vl_ctx *ctx, vl_arena *arena, const uint32_t *ids, const vl_value *values,
                          uint32_t count, vl_value *packed) VL_MUST_CHECK;

/* Take columns out of a record: texts and blobs point into it. Columns that it lacks are NULL.
 *
 * ids     of the wanted columns, count of them, rising
 * errors  VELO_CORRUPT: the value is no record */
velo_status vl_packed_get(vl_ctx *ctx, const vl_value *packed, const uint32_t *ids, uint32_t count,
                          vl_value *values) VL_MUST_CHECK;

#endif
