/* kern_scalar_width.h - the definition of what is done with cells of one width.
 *
 * check_tree: template, kern_scalar.c includes it once for each width, with W_CELL, the type of a
 * cell as it is summed and ordered, W_UNSIGNED, the same without a sign, W_TOTAL, which holds the
 * sum of 2^30 cells, W(name), and W_SHARED(name) for what other sets use as well. */

static vl_int128
W(sum)(const void *cells, const uint64_t *mask, uint32_t count)
{
    W_TOTAL total = 0;

    if (mask == NULL)
        for (uint32_t i = 0; i < count; i++)
            total += ((const W_CELL *)cells)[i];
    else
        for (uint32_t i = 0; i < count; i++)
            total += vl_bits_get(mask, i) ? ((const W_CELL *)cells)[i] : 0;
    return (vl_int128)total;
}

vl_int128
W_SHARED(sum_at)(const void *cells, const uint16_t *rows, uint32_t count)
{
    W_TOTAL total = 0;

    for (uint32_t i = 0; i < count; i++)
        total += ((const W_CELL *)cells)[rows[i]];
    return (vl_int128)total;
}

static void
W(bounds)(vl_simd_bounds *bounds, const void *cells, const uint64_t *mask, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        int64_t value = ((const W_CELL *)cells)[i];

        if (mask != NULL && !vl_bits_get(mask, i))
            continue;
        bounds->min = value < bounds->min ? value : bounds->min;
        bounds->max = value > bounds->max ? value : bounds->max;
    }
}

static void
W(in_range)(const void *cells, uint32_t count, const vl_simd_range *range, uint64_t *out)
{
    W_UNSIGNED low = (W_UNSIGNED)range->low;
    W_UNSIGNED span = (W_UNSIGNED)range->span;
    unsigned invert = range->invert != 0;

    for (uint32_t i = 0; i < count; i += 64) {
        uint64_t bits = 0;

        for (uint32_t j = 0; j < 64 && i + j < count; j++) {
            unsigned is_in = (W_UNSIGNED)(((const W_UNSIGNED *)cells)[i + j] - low) <= span;

            bits |= (uint64_t)(is_in ^ invert) << j;
        }
        out[i / 64] = bits;
    }
}

static void
W(in_list)(const void *cells, uint32_t count, const uint64_t *list, uint32_t list_count,
           uint64_t *out)
{
    for (uint32_t i = 0; i < count; i += 64) {
        uint64_t bits = 0;

        for (uint32_t j = 0; j < 64 && i + j < count; j++) {
            uint64_t cell = ((const W_UNSIGNED *)cells)[i + j];
            unsigned is_found = 0;

            for (uint32_t k = 0; k < list_count; k++)
                is_found |= cell == list[k];
            bits |= (uint64_t)is_found << j;
        }
        out[i / 64] = bits;
    }
}

static void
W(widen)(const void *cells, uint32_t count, int64_t base, int64_t *out)
{
    for (uint32_t i = 0; i < count; i++)
        out[i] = (int64_t)((uint64_t)base + ((const W_UNSIGNED *)cells)[i]);
}

void
W_SHARED(gather)(const void *cells, const uint16_t *rows, uint32_t count, int64_t base,
                 int64_t *out)
{
    for (uint32_t i = 0; i < count; i++)
        out[i] = (int64_t)((uint64_t)base + ((const W_UNSIGNED *)cells)[rows[i]]);
}
