/* fold.c - sums and counts of a vector's rows, by kernels.
 *
 * Invariants
 *   FO1  A row's lane is its place among the rows that are summed, so rows that a selection leaves
 *        out are taken out of the array first, and NULLs are not. */
#include "vec/fold.h"

#define FOLD_WORDS ((VL_CHUNK_ROWS + 63) / 64)

/* Rows as kernels take them: an array of `count` numbers. */
typedef struct fold_rows {
    const void *cells;        /* of 8 bytes */
    const uint64_t *valid;    /* or NULL: all */
    const uint64_t *integral; /* NUMBER: see vl_vector */
    int64_t room[VL_CHUNK_ROWS];
    uint64_t valid_room[FOLD_WORDS];
    uint64_t integral_room[FOLD_WORDS];
} fold_rows;

/* The bits of the selected rows, one behind the other. */
static const uint64_t *
fold_pick_bits(const uint64_t *bits, const uint16_t *selection, uint32_t count, uint64_t *room)
{
    if (bits == NULL || selection == NULL)
        return bits;
    for (uint32_t w = 0; w < vl_bits_words(count); w++)
        room[w] = 0;
    for (uint32_t n = 0; n < count; n++)
        room[n / 64] |= (uint64_t)vl_bits_get(bits, selection[n]) << (n % 64);
    return room;
}

/* Keeps FO1. */
static void
fold_pick(const vl_vector *vector, const uint16_t *selection, uint32_t count, fold_rows *rows)
{
    rows->cells = vector->as.integers;
    if (selection != NULL) {
        vl_simd_best()->gather[3](rows->cells, selection, count, 0, rows->room);
        rows->cells = rows->room;
    }
    rows->valid = fold_pick_bits(vector->validity, selection, count, rows->valid_room);
    rows->integral = vector->form == VL_VECTOR_NUMBER
                         ? fold_pick_bits(vector->integral, selection, count, rows->integral_room)
                         : NULL;
}

static int
fold_is_finite(const vl_real_sum *sum)
{
    int is_finite = 1;

    for (int lane = 0; lane < 8; lane++)
        is_finite &= __builtin_isfinite(sum->sum[lane]) && __builtin_isfinite(sum->carry[lane]);
    return is_finite;
}

/* Add the reals among the rows; the integers of NUMBER are exact in a sum of their own. */
static int
fold_add_reals(const fold_rows *rows, uint32_t count, vl_fold_sum *sum)
{
    const vl_simd *simd = vl_simd_best();
    vl_real_sum reals = sum->reals;
    vl_real_sum whole = {.position = 0};
    uint64_t mask[FOLD_WORDS];
    uint64_t integers[FOLD_WORDS];

    if (rows->integral == NULL) {
        simd->sum_real(&reals, rows->cells, rows->valid, count);
        if (!fold_is_finite(&reals))
            return 0;
        sum->reals = reals;
        sum->real_count += rows->valid == NULL ? count : simd->bits_count(rows->valid, count);
        return 1;
    }
    for (uint32_t w = 0; w < vl_bits_words(count); w++) {
        uint64_t valid = vl_bits_word(rows->valid, w);

        mask[w] = valid & ~rows->integral[w];
        integers[w] = valid & rows->integral[w];
    }
    simd->sum_real(&reals, rows->cells, mask, count);
    if (!fold_is_finite(&reals))
        return 0;
    simd->sum_real(&whole, rows->cells, integers, count);
    sum->reals = reals;
    sum->integers += vl_real_sum_integer(&whole);
    sum->real_count += simd->bits_count(mask, count);
    return 1;
}

int
vl_fold_sum_add(const vl_vector *vector, const uint16_t *selection, uint32_t count,
                vl_fold_sum *sum)
{
    fold_rows rows;

    if (vector->form == VL_VECTOR_ANY || vector->is_constant)
        return 0;
    fold_pick(vector, selection, count, &rows);
    if (vector->form == VL_VECTOR_INTEGER) {
        sum->integers += vl_simd_best()->sum[3](rows.cells, rows.valid, count);
        sum->reals.position += count;
    } else if (!fold_add_reals(&rows, count, sum)) {
        return 0;
    }
    sum->rows += rows.valid == NULL ? count : vl_simd_best()->bits_count(rows.valid, count);
    return 1;
}

uint32_t
vl_fold_count(const vl_vector *vector, const uint16_t *selection, uint32_t count)
{
    uint32_t rows = 0;

    if (vector->form != VL_VECTOR_ANY && vector->validity == NULL)
        return count;
    if (vector->form != VL_VECTOR_ANY && selection == NULL && !vector->is_constant)
        return vl_simd_best()->bits_count(vector->validity, count);
    for (uint32_t n = 0; n < count; n++) {
        uint32_t row = selection == NULL ? n : selection[n];

        row = vector->is_constant ? 0 : row;
        rows += vector->form == VL_VECTOR_ANY ? vector->as.values[row].type != VL_TYPE_NULL
                                              : (uint32_t)vl_bits_get(vector->validity, row);
    }
    return rows;
}
