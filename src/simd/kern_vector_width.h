/* kern_vector_width.h - cells of one width in vectors: what every fast set does the same way.
 *
 * check_tree: template, each set includes it once for each width, after defining K_TARGET, K_BYTES,
 * KV (a vector of integers), and for the width W_BITS, W(name), and W_MIN128 and W_MAX128 for
 * widths below 64. Of the set it uses K(load), K(store) and, for the width, W(set1), W(sub), W(le),
 * W(eq), W(expand), W(min), W(max) and W(sum_step) or W(key).
 *
 * Rows are taken 64 at a time, a word of bitmap. The last ones, fewer than that, are copied to a
 * buffer first and taken in the same way, so that nothing outside of the rows is touched. */
#define W_BYTES ((size_t)W_BITS / 8)
#define W_LANES (K_BYTES * 8U / W_BITS)

#if W_BITS < 64
#define W_MIN_NEUTRAL UINT64_MAX
#define W_MAX_NEUTRAL 0
#else
#define W_MIN_NEUTRAL INT64_MAX
#define W_MAX_NEUTRAL ((uint64_t)INT64_MIN)
#endif

/* The rows of one word that are in a range, ... */
K_TARGET static inline uint64_t
W(in_range_word)(const uint8_t *cells, KV low, KV span)
{
    uint64_t bits = 0;

    for (uint32_t lane = 0; lane < 64; lane += W_LANES)
        bits |= W(le)(W(sub)(K(load)(cells + lane * W_BYTES), low), span) << lane;
    return bits;
}

K_TARGET static void
W(in_range)(const void *cells, uint32_t count, const vl_simd_range *range, uint64_t *out)
{
    const uint8_t *at = cells;
    KV low = W(set1)(range->low);
    KV span = W(set1)(range->span);
    uint64_t flip = range->invert ? UINT64_MAX : 0;

    for (; count >= 64; count -= 64, at += 64 * W_BYTES)
        *out++ = W(in_range_word)(at, low, span) ^ flip;
    if (count > 0) {
        uint8_t rest[64 * W_BYTES] = {0};

        memcpy(rest, at, count * W_BYTES);
        *out = (W(in_range_word)(rest, low, span) ^ flip) & vl_bits_last(count);
    }
}

/* ... in a list, ... */
K_TARGET static inline uint64_t
W(in_list_word)(const uint8_t *cells, const KV *list, uint32_t list_count)
{
    uint64_t bits = 0;

    for (uint32_t lane = 0; lane < 64; lane += W_LANES) {
        KV x = K(load)(cells + lane * W_BYTES);
        uint64_t found = 0;

        for (uint32_t k = 0; k < list_count; k++)
            found |= W(eq)(x, list[k]);
        bits |= found << lane;
    }
    return bits;
}

K_TARGET static void
W(in_list)(const void *cells, uint32_t count, const uint64_t *list, uint32_t list_count,
           uint64_t *out)
{
    const uint8_t *at = cells;
    KV values[VL_SIMD_MAX_IN];

    for (uint32_t k = 0; k < list_count; k++)
        values[k] = W(set1)(list[k]);
    for (; count >= 64; count -= 64, at += 64 * W_BYTES)
        *out++ = W(in_list_word)(at, values, list_count);
    if (count > 0) {
        uint8_t rest[64 * W_BYTES] = {0};

        memcpy(rest, at, count * W_BYTES);
        *out = W(in_list_word)(rest, values, list_count) & vl_bits_last(count);
    }
}

/* ... and what its rows do to the bounds: those of the mask only. */
K_TARGET static inline void
W(bounds_word)(const uint8_t *cells, uint64_t mask, KV *min, KV *max)
{
    for (uint32_t lane = 0; lane < 64; lane += W_LANES) {
        KV x = K(load)(cells + lane * W_BYTES);
        KV low = x;
        KV high = x;

        if (mask != UINT64_MAX) {
            KV takes_part = W(expand)(mask >> lane);

            low = K(select)(W(set1)(W_MIN_NEUTRAL), x, takes_part);
            high = K(select)(W(set1)(W_MAX_NEUTRAL), x, takes_part);
        }
        *min = W(min)(*min, low);
        *max = W(max)(*max, high);
    }
}

#if W_BITS < 64
/* The least cell of a vector, and the greatest. */
K_TARGET static inline int64_t
W(fold_min)(KV vector)
{
    uint8_t lanes[K_BYTES];
    __m128i x;

    K(store)(lanes, vector);
    x = _mm_loadu_si128((const void *)lanes);
    for (uint32_t i = 16; i < K_BYTES; i += 16)
        x = W_MIN128(x, _mm_loadu_si128((const void *)(lanes + i)));
    x = W_MIN128(x, _mm_srli_si128(x, 8));
    x = W_MIN128(x, _mm_srli_si128(x, 4));
#if W_BITS <= 16
    x = W_MIN128(x, _mm_srli_si128(x, 2));
#endif
#if W_BITS <= 8
    x = W_MIN128(x, _mm_srli_si128(x, 1));
#endif
    return (int64_t)((uint32_t)_mm_cvtsi128_si32(x) & (UINT32_MAX >> (32 - W_BITS)));
}

K_TARGET static inline int64_t
W(fold_max)(KV vector)
{
    uint8_t lanes[K_BYTES];
    __m128i x;

    K(store)(lanes, vector);
    x = _mm_loadu_si128((const void *)lanes);
    for (uint32_t i = 16; i < K_BYTES; i += 16)
        x = W_MAX128(x, _mm_loadu_si128((const void *)(lanes + i)));
    x = W_MAX128(x, _mm_srli_si128(x, 8));
    x = W_MAX128(x, _mm_srli_si128(x, 4));
#if W_BITS <= 16
    x = W_MAX128(x, _mm_srli_si128(x, 2));
#endif
#if W_BITS <= 8
    x = W_MAX128(x, _mm_srli_si128(x, 1));
#endif
    return (int64_t)((uint32_t)_mm_cvtsi128_si32(x) & (UINT32_MAX >> (32 - W_BITS)));
}
#else
K_TARGET static inline int64_t
W(fold_min)(KV vector)
{
    int64_t lanes[W_LANES];
    int64_t min = INT64_MAX;

    K(store)(lanes, vector);
    for (uint32_t i = 0; i < W_LANES; i++)
        min = lanes[i] < min ? lanes[i] : min;
    return min;
}

K_TARGET static inline int64_t
W(fold_max)(KV vector)
{
    int64_t lanes[W_LANES];
    int64_t max = INT64_MIN;

    K(store)(lanes, vector);
    for (uint32_t i = 0; i < W_LANES; i++)
        max = lanes[i] > max ? lanes[i] : max;
    return max;
}
#endif

K_TARGET static void
W(bounds)(vl_simd_bounds *bounds, const void *cells, const uint64_t *mask, uint32_t count)
{
    const uint8_t *at = cells;
    KV min = W(set1)(W_MIN_NEUTRAL);
    KV max = W(set1)(W_MAX_NEUTRAL);
    uint64_t any = 0;
    uint32_t w = 0;
    int64_t value;

    for (; count >= 64; count -= 64, at += 64 * W_BYTES, w++) {
        uint64_t bits = vl_bits_word(mask, w);

        any |= bits;
        if (bits != 0)
            W(bounds_word)(at, bits, &min, &max);
    }
    if (count > 0 && (vl_bits_word(mask, w) & vl_bits_last(count)) != 0) {
        uint8_t rest[64 * W_BYTES] = {0};

        memcpy(rest, at, count * W_BYTES);
        any = 1;
        W(bounds_word)(rest, vl_bits_word(mask, w) & vl_bits_last(count), &min, &max);
    }
    if (any == 0)
        return;
    value = W(fold_min)(min);
    bounds->min = value < bounds->min ? value : bounds->min;
    value = W(fold_max)(max);
    bounds->max = value > bounds->max ? value : bounds->max;
}

#if W_BITS < 64
/* Add the rows of one word that are in the mask to 64-bit lanes, which do not overflow: cells are
 * below 2^32, and rows at most 2^30. */
K_TARGET static inline KV
W(sum_word)(KV sum, const uint8_t *cells, uint64_t mask)
{
    for (uint32_t lane = 0; lane < 64; lane += W_LANES) {
        KV x = K(load)(cells + lane * W_BYTES);

        if (mask != UINT64_MAX)
            x = x & W(expand)(mask >> lane);
        sum = W(sum_step)(sum, x);
    }
    return sum;
}

K_TARGET static vl_int128
W(sum)(const void *cells, const uint64_t *mask, uint32_t count)
{
    const uint8_t *at = cells;
    KV sum = K(zero)();
    uint32_t w = 0;

    for (; count >= 64; count -= 64, at += 64 * W_BYTES, w++)
        if (vl_bits_word(mask, w) != 0)
            sum = W(sum_word)(sum, at, vl_bits_word(mask, w));
    if (count > 0) {
        uint8_t rest[64 * W_BYTES] = {0};

        memcpy(rest, at, count * W_BYTES);
        sum = W(sum_word)(sum, rest, vl_bits_word(mask, w) & vl_bits_last(count));
    }
    return (vl_int128)K(fold_sum)(sum);
}
#endif

K_TARGET static void
W(widen)(const void *cells, uint32_t count, int64_t base, int64_t *out)
{
    const uint8_t *at = cells;
    KV bases = K(set1_64)((uint64_t)base);
    uint32_t i = 0;

    for (; count - i >= K_BYTES / 8; i += K_BYTES / 8)
        K(store)(out + i, K(add_64)(bases, W(load_wide)(at + i * W_BYTES)));
    vl_simd_baseline.widen[W_BYTES / 2 - W_BYTES / 8](at + i * W_BYTES, count - i, base, out + i);
}

#undef W_BYTES
#undef W_LANES
#undef W_MIN_NEUTRAL
#undef W_MAX_NEUTRAL
