/* index_cover.h - columns of a row out of its entry in an index, where the key tells them.
 *
 * A key forgets whether a whole number was INTEGER or REAL, the sign of zero, and what a collation
 * ignores (storage/key.h). The affinity of a column tells most of it again: numbers in a column of
 * REAL affinity are REAL, whole numbers in one of INTEGER or NUMERIC affinity are INTEGER. Where it
 * does not, the row itself is read, so a covering index never gives what the table would not. */
#ifndef VL_EXEC_INDEX_COVER_H
#define VL_EXEC_INDEX_COVER_H

#include "exec/exec_int.h"

/* Where a column is found. */
typedef struct vl_cover_column {
    int32_t term; /* of the index, or VL_COLUMN_ROWID: the entry's value */
    vl_affinity affinity;
} vl_cover_column;

typedef struct vl_cover {
    const vl_index_def *index;
    vl_cover_column *columns; /* NULL: some column is not in the index */
    uint32_t count;           /* of columns */
    uint32_t term_count;      /* terms that are looked at */
    const uint8_t **from;     /* of each term: where it begins in the key at hand */
    vl_value *terms;          /* of each term: its value in the key at hand */
} vl_cover;

/* Find columns, given as positions in the table or VL_COLUMN_ROWID, among the terms of an index.
 * Memory comes from the arena. Errors: VELO_NOMEM. */
velo_status vl_cover_init(vl_ctx *ctx, const vl_index_def *index, const int32_t *columns,
                          uint32_t count, vl_arena *arena, vl_cover *cover) VL_MUST_CHECK;

/* Read an entry's columns into row `at` of a batch, whose arena takes the texts. *is_read 0: the
 * key does not tell all of them, and the row must be read. Errors: VELO_NOMEM. */
velo_status vl_cover_read(vl_ctx *ctx, const vl_cover *cover, const void *key, uint32_t key_size,
                          int64_t rowid, vl_batch *batch, uint32_t at, int *is_read) VL_MUST_CHECK;

#endif
