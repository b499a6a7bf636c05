/* vector.h - rows on their way between operators: columns as vectors, rows as chunks.
 *
 * A vector holds one column of up to VL_CHUNK_ROWS rows in one of four forms. ANY is an array of
 * values, each with its own class; INTEGER and REAL are plain arrays, with a bitmap of those that
 * are not NULL. NUMBER has integers and reals in one array of doubles, with a bitmap of those that
 * are integers; these are below 2^53 in magnitude, so nothing is lost. A constant vector has one
 * element, which stands for every row. Texts and blobs are in ANY vectors, as pointers.
 *
 * A chunk is vectors of the same number of rows, and a choice among these rows: `selection` lists
 * those that are in, rising, or is NULL for all of them. Whoever reads a chunk goes through
 * vl_chunk_get, or vl_chunk_row and the vectors' arrays.
 *
 * Ownership: a chunk, its arrays and the texts in it belong to who made it, and stay until it is
 * asked for the next one. A reader that keeps values copies them. Threads: one at a time. */
#ifndef VL_VEC_VECTOR_H
#define VL_VEC_VECTOR_H

#include "base/platform.h"
#include "base/type.h"

/* The most rows of a chunk. */
#define VL_CHUNK_ROWS VL_BY_BUILD(1024U, 8U)

typedef enum vl_vector_form {
    VL_VECTOR_ANY,     /* values */
    VL_VECTOR_INTEGER, /* integers, NULL where validity says so */
    VL_VECTOR_REAL,    /* reals, NULL where validity says so */
    VL_VECTOR_NUMBER   /* reals and small integers, NULL where validity says so */
} vl_vector_form;

typedef struct vl_vector {
    vl_vector_form form;
    int is_constant; /* element 0 is that of every row */
    union {
        const vl_value *values;
        const int64_t *integers;
        const double *reals;
    } as;                     /* by form; of NUMBER reals */
    const uint64_t *validity; /* all but ANY: bit i % 64 of word i / 64 is 1 where row i is not
                                 NULL; NULL: none is */
    const uint64_t *integral; /* NUMBER: the same, 1 where the row is an integer */
} vl_vector;

typedef struct vl_chunk {
    uint32_t column_count;
    uint32_t row_count;        /* rows of the vectors */
    uint32_t count;            /* rows that are in */
    const uint16_t *selection; /* `count` row numbers, rising; NULL: all */
    vl_vector *vectors;        /* column_count of them */
} vl_chunk;

/* The value of a vector's row. */
static inline vl_value
vl_vector_get(const vl_vector *vector, uint32_t row)
{
    uint32_t at = vector->is_constant ? 0 : row;
    vl_value value = {.type = VL_TYPE_NULL};

    if (vector->form == VL_VECTOR_ANY)
        return vector->as.values[at];
    if (vector->validity != NULL && ((vector->validity[at / 64] >> (at % 64)) & 1) == 0)
        return value;
    if (vector->form == VL_VECTOR_INTEGER) {
        value.type = VL_TYPE_INTEGER;
        value.as.integer = vector->as.integers[at];
    } else if (vector->form == VL_VECTOR_NUMBER &&
               ((vector->integral[at / 64] >> (at % 64)) & 1) != 0) {
        value.type = VL_TYPE_INTEGER;
        value.as.integer = (int64_t)vector->as.reals[at];
    } else {
        value.type = VL_TYPE_REAL;
        value.as.real = vector->as.reals[at];
    }
    return value;
}

/* The row of the vectors that is the chunk's nth. */
static inline uint32_t
vl_chunk_row(const vl_chunk *chunk, uint32_t n)
{
    return chunk->selection == NULL ? n : chunk->selection[n];
}

/* The value of a column of the chunk's nth row. */
static inline vl_value
vl_chunk_get(const vl_chunk *chunk, uint32_t column, uint32_t n)
{
    return vl_vector_get(&chunk->vectors[column], vl_chunk_row(chunk, n));
}

#endif
