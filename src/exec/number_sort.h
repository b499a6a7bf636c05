/* number_sort.h - sorting rows of nothing but numbers, in memory.
 *
 * A row is a word of 64 bits for each column, without classes: all values of a column have one. So
 * rows are small, are copied out of typed vectors column by column, and are compared as unsigned
 * words. They are spread over parts by their first key, and each part is sorted when its first row
 * is asked for. Rows that are equal stay in the order they were added in, as in sorter.h.
 *
 * What does not suit - NULL, a text, a column of two classes, a zero with a sign among the keys -
 * is not taken; then all rows are given to a sorter and the sort goes on there. Likewise when they
 * take too much memory.
 *
 *     vl_number_sort_init; vl_number_sort_add ...; vl_number_sort_finish; vl_number_sort_next ...;
 *     vl_number_sort_deinit
 *
 * Threads: one at a time. */
#ifndef VL_EXEC_NUMBER_SORT_H
#define VL_EXEC_NUMBER_SORT_H

#include "exec/sorter.h"
#include "vec/vector.h"

/* The most columns, and the most keys. */
#define VL_NUMBER_SORT_WIDTH VL_BY_BUILD(16U, 4U)

struct number_block;
struct number_part;
struct number_pair;

typedef struct vl_number_sort {
    struct vl_exec *exec;      /* NULL: not begun, or ended */
    const vl_sorter_key *keys; /* borrowed; each is a column */
    uint32_t key_count;        /* at least 1 */
    uint32_t width;            /* columns */
    uint64_t count;            /* rows */
    /* private */
    vl_vector_form forms[VL_NUMBER_SORT_WIDTH]; /* of the columns, once there are rows */
    uint8_t is_key[VL_NUMBER_SORT_WIDTH];
    uint64_t least; /* first key of all rows, as it is compared */
    uint64_t most;
    struct number_block *first; /* rows in the order they were added in */
    struct number_block *last;
    struct number_block *pool; /* blocks to be used again */
    uint64_t block_count;      /* of all */
    struct number_part *parts; /* after finish */
    uint32_t part_count;
    uint32_t part;             /* the next to be sorted */
    uint64_t *rows;            /* of the part at hand, row_count of them */
    struct number_pair *order; /* of them, and as much room behind it */
    uint32_t row_count;
    uint32_t row_capacity;
    uint32_t next;  /* the next row of the part to be given */
    int64_t *cells; /* of the chunk that is given */
    vl_vector *vectors;
    uint64_t charged; /* bytes */
} vl_number_sort;

/* Whether rows of `width` columns can be sorted by these keys at all. */
int vl_number_sort_suits(const vl_sorter_key *keys, uint32_t key_count, uint32_t width);

/* Begin. Allocates nothing. */
void vl_number_sort_init(vl_number_sort *sort, struct vl_exec *exec, const vl_sorter_key *keys,
                         uint32_t key_count, uint32_t width);

/* Add the rows of a chunk, all or none: *is_taken is 0 when one of them does not suit, or when
 * there are too many. Errors: VELO_NOMEM; then only deinit may follow. */
velo_status vl_number_sort_add(vl_ctx *ctx, vl_number_sort *sort, const vl_chunk *in, int *is_taken)
    VL_MUST_CHECK;

/* Give all rows that were added to a sorter, in their order, and end. Errors as vl_sorter_add. */
velo_status vl_number_sort_move(vl_ctx *ctx, vl_number_sort *sort, vl_sorter *sorter) VL_MUST_CHECK;

/* No more rows are added. Errors: VELO_NOMEM, VELO_INTERRUPT; then only deinit may follow. */
velo_status vl_number_sort_finish(vl_ctx *ctx, vl_number_sort *sort) VL_MUST_CHECK;

/* Give up to `wanted` rows, typed; none at the end. They stay until the next call. Errors as
 * vl_number_sort_finish. */
velo_status vl_number_sort_next(vl_ctx *ctx, vl_number_sort *sort, uint32_t wanted, vl_chunk *out)
    VL_MUST_CHECK;

/* Give all back. A sort of zeros is allowed. */
void vl_number_sort_deinit(vl_number_sort *sort);

#endif
