/* kern_vector.h - the kernels on vectors that every fast set has in common.
 *
 * check_tree: template, each fast set includes it once, after defining K(name), which puts the
 * set's suffix on a name, K_TARGET, the attribute of its functions, K_BYTES, the size of a vector,
 * and KV and KD, vectors of integers and of doubles; and the small functions that are used here.
 *
 * Helpers carry K_TARGET as well: without it they would not be inlined. */
#define K_LANES (K_BYTES / 8U)

/* ---- integers of 64 bits: sums ---- */

/* Halves of the values, moved up by 2^63 so that they are not negative: sums of low and of high
 * halves stay below 2^64 for 2^30 rows. */
K_TARGET static inline void
K(sum_64_word)(KV *low, KV *high, const uint8_t *cells, uint64_t mask)
{
    KV bias = K(set1_64)((uint64_t)INT64_MIN);
    KV half = K(set1_64)(UINT32_MAX);

    for (uint32_t lane = 0; lane < 64; lane += K_LANES) {
        KV x = K(load)(cells + (size_t)lane * 8) ^ bias;

        if (mask != UINT64_MAX)
            x = x & K(expand_64)(mask >> lane);
        *low = K(add_64)(*low, x & half);
        *high = K(add_64)(*high, K(shift_right_64)(x, 32));
    }
}

K_TARGET static vl_int128
K(sum_64)(const void *cells, const uint64_t *mask, uint32_t count)
{
    const uint8_t *at = cells;
    KV low = K(zero)();
    KV high = K(zero)();
    uint64_t taken = 0;
    uint32_t w = 0;

    for (; count >= 64; count -= 64, at += 512, w++) {
        uint64_t bits = vl_bits_word(mask, w);

        K(sum_64_word)(&low, &high, at, bits);
        taken += (uint64_t)__builtin_popcountll(bits);
    }
    if (count > 0) {
        uint64_t bits = vl_bits_word(mask, w) & vl_bits_last(count);
        uint8_t rest[512] = {0};

        memcpy(rest, at, (size_t)count * 8);
        K(sum_64_word)(&low, &high, rest, bits);
        taken += (uint64_t)__builtin_popcountll(bits);
    }
    return ((vl_int128)K(fold_sum)(high) << 32) + (vl_int128)K(fold_sum)(low) -
           ((vl_int128)taken << 63);
}

/* ---- reals ---- */

K_TARGET static inline void
K(bounds_real_step)(KD *min, KD *max, const double *values, uint64_t mask)
{
    KD x = K(load_real)(values);

    *min = K(min_real)(*min, K(select_real)(K(set1_real)(__builtin_inf()), x, mask));
    *max = K(max_real)(*max, K(select_real)(K(set1_real)(-__builtin_inf()), x, mask));
}

K_TARGET static void
K(bounds_real)(vl_simd_real_bounds *bounds, const double *values, const uint64_t *mask,
               uint32_t count)
{
    KD min = K(set1_real)(__builtin_inf());
    KD max = K(set1_real)(-__builtin_inf());
    double mins[K_LANES];
    double maxs[K_LANES];
    uint32_t i = 0;

    for (; count - i >= K_LANES; i += K_LANES)
        K(bounds_real_step)(&min, &max, values + i, vl_bits_word(mask, i / 64) >> (i % 64));
    K(store_real)(mins, min);
    K(store_real)(maxs, max);
    for (uint32_t lane = 0; lane < K_LANES; lane++) {
        bounds->min = mins[lane] < bounds->min ? mins[lane] : bounds->min;
        bounds->max = maxs[lane] > bounds->max ? maxs[lane] : bounds->max;
    }
    for (; i < count; i++) {
        if (((vl_bits_word(mask, i / 64) >> (i % 64)) & 1) == 0)
            continue;
        bounds->min = values[i] < bounds->min ? values[i] : bounds->min;
        bounds->max = values[i] > bounds->max ? values[i] : bounds->max;
    }
    bounds->min += 0.0;
    bounds->max += 0.0;
}

/* The rows of one word in a range. With constant flags it is one of four loops. */
K_TARGET static inline __attribute__((always_inline)) uint64_t
K(in_range_real_word)(const double *values, KD low, KD high, int is_low_open, int is_high_open)
{
    uint64_t bits = 0;

    for (uint32_t lane = 0; lane < 64; lane += K_LANES) {
        KD x = K(load_real)(values + lane);
        uint64_t above = is_low_open ? K(lt_real)(low, x) : K(le_real)(low, x);
        uint64_t below = is_high_open ? K(lt_real)(x, high) : K(le_real)(x, high);

        bits |= (above & below) << lane;
    }
    return bits;
}

K_TARGET static uint64_t
K(in_range_real_choose)(const double *values, KD low, KD high, unsigned open)
{
    switch (open) {
    case 0:
        return K(in_range_real_word)(values, low, high, 0, 0);
    case 1:
        return K(in_range_real_word)(values, low, high, 0, 1);
    case 2:
        return K(in_range_real_word)(values, low, high, 1, 0);
    default:
        return K(in_range_real_word)(values, low, high, 1, 1);
    }
}

K_TARGET static void
K(in_range_real)(const double *values, uint32_t count, const vl_simd_real_range *range,
                 uint64_t *out)
{
    KD low = K(set1_real)(range->low);
    KD high = K(set1_real)(range->high);
    unsigned open = (range->is_low_open ? 2U : 0U) | (range->is_high_open ? 1U : 0U);
    uint64_t flip = range->invert ? UINT64_MAX : 0;

    for (; count >= 64; count -= 64, values += 64)
        *out++ = K(in_range_real_choose)(values, low, high, open) ^ flip;
    if (count > 0) {
        double rest[64] = {0};

        memcpy(rest, values, count * sizeof *rest);
        *out = (K(in_range_real_choose)(rest, low, high, open) ^ flip) & vl_bits_last(count);
    }
}

K_TARGET static inline uint64_t
K(in_list_real_word)(const double *values, const KD *list, uint32_t list_count)
{
    uint64_t bits = 0;

    for (uint32_t lane = 0; lane < 64; lane += K_LANES) {
        KD x = K(load_real)(values + lane);
        uint64_t found = 0;

        for (uint32_t k = 0; k < list_count; k++)
            found |= K(eq_real)(x, list[k]);
        bits |= found << lane;
    }
    return bits;
}

K_TARGET static void
K(in_list_real)(const double *values, uint32_t count, const double *list, uint32_t list_count,
                uint64_t *out)
{
    KD set[VL_SIMD_MAX_IN];

    for (uint32_t k = 0; k < list_count; k++)
        set[k] = K(set1_real)(list[k]);
    for (; count >= 64; count -= 64, values += 64)
        *out++ = K(in_list_real_word)(values, set, list_count);
    if (count > 0) {
        double rest[64] = {0};

        memcpy(rest, values, count * sizeof *rest);
        *out = K(in_list_real_word)(rest, set, list_count) & vl_bits_last(count);
    }
}

/* ---- column against column ---- */

K_TARGET static void
K(compare)(const int64_t *a, const int64_t *b, uint32_t count, vl_simd_compare op, uint64_t *out)
{
    vl_compare_plan plan = vl_compare_plan_of(op);
    const int64_t *left = plan.swap ? b : a;
    const int64_t *right = plan.swap ? a : b;
    uint32_t i = 0;

    for (; count - i >= 64; i += 64) {
        uint64_t bits = 0;

        for (uint32_t lane = 0; lane < 64; lane += K_LANES) {
            KV x = K(load)(left + i + lane);
            KV y = K(load)(right + i + lane);

            bits |= (plan.is_equality ? K(eq_64)(x, y) : K(lt_64)(x, y)) << lane;
        }
        out[i / 64] = bits ^ plan.flip;
    }
    vl_simd_baseline.compare(a + i, b + i, count - i, op, out + i / 64);
}

K_TARGET static void
K(compare_real)(const double *a, const double *b, uint32_t count, vl_simd_compare op, uint64_t *out)
{
    vl_compare_plan plan = vl_compare_plan_of(op);
    const double *left = plan.swap ? b : a;
    const double *right = plan.swap ? a : b;
    uint32_t i = 0;

    for (; count - i >= 64; i += 64) {
        uint64_t bits = 0;

        for (uint32_t lane = 0; lane < 64; lane += K_LANES) {
            KD x = K(load_real)(left + i + lane);
            KD y = K(load_real)(right + i + lane);

            bits |= (plan.is_equality ? K(eq_real)(x, y) : K(lt_real)(x, y)) << lane;
        }
        out[i / 64] = bits ^ plan.flip;
    }
    vl_simd_baseline.compare_real(a + i, b + i, count - i, op, out + i / 64);
}

/* ---- bitmaps ---- */

K_TARGET static void
K(bits_and)(const uint64_t *a, const uint64_t *b, uint32_t count, uint64_t *out)
{
    uint32_t w = 0;

    for (; (count / 64) - w >= K_LANES; w += K_LANES)
        K(store)(out + w, K(load)(a + w) & K(load)(b + w));
    vl_simd_baseline.bits_and(a + w, b + w, count - w * 64, out + w);
}

K_TARGET static void
K(bits_or)(const uint64_t *a, const uint64_t *b, uint32_t count, uint64_t *out)
{
    uint32_t w = 0;

    for (; (count / 64) - w >= K_LANES; w += K_LANES)
        K(store)(out + w, K(load)(a + w) | K(load)(b + w));
    vl_simd_baseline.bits_or(a + w, b + w, count - w * 64, out + w);
}

K_TARGET static void
K(bits_and_not)(const uint64_t *a, const uint64_t *b, uint32_t count, uint64_t *out)
{
    uint32_t w = 0;

    for (; (count / 64) - w >= K_LANES; w += K_LANES)
        K(store)(out + w, K(load)(a + w) & ~K(load)(b + w));
    vl_simd_baseline.bits_and_not(a + w, b + w, count - w * 64, out + w);
}

K_TARGET static void
K(bits_not)(const uint64_t *a, uint32_t count, uint64_t *out)
{
    uint32_t w = 0;

    for (; (count / 64) - w >= K_LANES; w += K_LANES)
        K(store)(out + w, ~K(load)(a + w));
    vl_simd_baseline.bits_not(a + w, count - w * 64, out + w);
}

K_TARGET static uint32_t
K(bits_count)(const uint64_t *a, uint32_t count)
{
    uint64_t total = 0;

    for (uint32_t w = 0; w < count / 64; w++)
        total += (uint64_t)__builtin_popcountll(a[w]);
    if (count % 64 != 0)
        total += (uint64_t)__builtin_popcountll(a[count / 64] & vl_bits_last(count));
    return (uint32_t)total;
}

/* ---- arithmetic: 64 rows at a time; a constant is made 64 rows ---- */

/* The rows of an operand: where its next 64 are, and how far the following ones. */
static inline const void *
K(operand)(const void *values, uint32_t step, uint64_t *constant)
{
    if (step != 0)
        return values;
    for (uint32_t i = 0; i < 64; i++)
        memcpy(&constant[i], values, sizeof *constant);
    return constant;
}

K_TARGET static uint32_t
K(add)(const int64_t *a, uint32_t a_step, const int64_t *b, uint32_t b_step, const uint64_t *mask,
       uint32_t count, int64_t *out)
{
    uint64_t a_constant[64];
    uint64_t b_constant[64];
    const int64_t *x = K(operand)(a, a_step, a_constant);
    const int64_t *y = K(operand)(b, b_step, b_constant);
    uint32_t i = 0;

    for (; count - i >= 64; i += 64, x += (size_t)64 * a_step, y += (size_t)64 * b_step) {
        uint64_t over = 0;

        for (uint32_t lane = 0; lane < 64; lane += K_LANES) {
            KV p = K(load)(x + lane);
            KV q = K(load)(y + lane);
            KV sum = K(add_64)(p, q);

            over |= K(negative_64)((p ^ sum) & (q ^ sum)) << lane;
            K(store)(out + i + lane, sum);
        }
        over &= vl_bits_word(mask, i / 64);
        if (over != 0)
            return i + (uint32_t)__builtin_ctzll(over);
    }
    return i + vl_simd_baseline.add(x, a_step, y, b_step, mask == NULL ? NULL : mask + i / 64,
                                    count - i, out + i);
}

K_TARGET static uint32_t
K(subtract)(const int64_t *a, uint32_t a_step, const int64_t *b, uint32_t b_step,
            const uint64_t *mask, uint32_t count, int64_t *out)
{
    uint64_t a_constant[64];
    uint64_t b_constant[64];
    const int64_t *x = K(operand)(a, a_step, a_constant);
    const int64_t *y = K(operand)(b, b_step, b_constant);
    uint32_t i = 0;

    for (; count - i >= 64; i += 64, x += (size_t)64 * a_step, y += (size_t)64 * b_step) {
        uint64_t over = 0;

        for (uint32_t lane = 0; lane < 64; lane += K_LANES) {
            KV p = K(load)(x + lane);
            KV q = K(load)(y + lane);
            KV rest = K(sub_64)(p, q);

            over |= K(negative_64)((p ^ q) & (p ^ rest)) << lane;
            K(store)(out + i + lane, rest);
        }
        over &= vl_bits_word(mask, i / 64);
        if (over != 0)
            return i + (uint32_t)__builtin_ctzll(over);
    }
    return i + vl_simd_baseline.subtract(x, a_step, y, b_step, mask == NULL ? NULL : mask + i / 64,
                                         count - i, out + i);
}

/* Whether 64 rows of both sides are all in the range of 32 bits, so that no product overflows. */
K_TARGET static inline int
K(are_short)(const int64_t *x, const int64_t *y)
{
    KV bias = K(set1_64)((uint64_t)1 << 31);
    KV seen = K(zero)();

    for (uint32_t lane = 0; lane < 64; lane += K_LANES)
        seen = seen | K(add_64)(K(load)(x + lane), bias) | K(add_64)(K(load)(y + lane), bias);
    seen = K(shift_right_64)(seen, 32);
    return K(eq_64)(seen, K(zero)()) == (UINT64_MAX >> (64 - K_LANES));
}

K_TARGET static uint32_t
K(multiply)(const int64_t *a, uint32_t a_step, const int64_t *b, uint32_t b_step,
            const uint64_t *mask, uint32_t count, int64_t *out)
{
    uint64_t a_constant[64];
    uint64_t b_constant[64];
    const int64_t *x = K(operand)(a, a_step, a_constant);
    const int64_t *y = K(operand)(b, b_step, b_constant);
    uint32_t i = 0;

    for (; count - i >= 64; i += 64, x += (size_t)64 * a_step, y += (size_t)64 * b_step) {
        const uint64_t *bits = mask == NULL ? NULL : mask + i / 64;

        if (K(are_short)(x, y)) {
            for (uint32_t lane = 0; lane < 64; lane += K_LANES)
                K(store)(out + i + lane, K(multiply_32)(K(load)(x + lane), K(load)(y + lane)));
        } else {
            uint32_t done = vl_simd_baseline.multiply(x, a_step, y, b_step, bits, 64, out + i);

            if (done < 64)
                return i + done;
        }
    }
    return i + vl_simd_baseline.multiply(x, a_step, y, b_step, mask == NULL ? NULL : mask + i / 64,
                                         count - i, out + i);
}

/* An operation on reals, lane by lane. */
#define K_REAL_OPERATION(name, sign)                                                               \
    K_TARGET static void K(name)(const double *a, uint32_t a_step, const double *b,                \
                                 uint32_t b_step, uint32_t count, double *out)                     \
    {                                                                                              \
        uint64_t a_constant[64];                                                                   \
        uint64_t b_constant[64];                                                                   \
        const double *x = K(operand)(a, a_step, a_constant);                                       \
        const double *y = K(operand)(b, b_step, b_constant);                                       \
        uint32_t i = 0;                                                                            \
                                                                                                   \
        for (; count - i >= 64; i += 64, x += (size_t)64 * a_step, y += (size_t)64 * b_step)       \
            for (uint32_t lane = 0; lane < 64; lane += K_LANES)                                    \
                K(store_real)(out + i + lane, K(load_real)(x + lane) sign K(load_real)(y + lane)); \
        vl_simd_baseline.name(x, a_step, y, b_step, count - i, out + i);                           \
    }

K_REAL_OPERATION(add_real, +)
K_REAL_OPERATION(subtract_real, -)
K_REAL_OPERATION(multiply_real, *)
K_REAL_OPERATION(divide_real, /)

#undef K_REAL_OPERATION

/* ---- copies and hashes ---- */

K_TARGET static void
K(to_real)(const int64_t *values, uint32_t count, double *out)
{
    uint32_t i = 0;

    for (; count - i >= K_LANES; i += K_LANES)
        K(store_real)(out + i, K(real_of_64)(K(load)(values + i)));
    vl_simd_baseline.to_real(values + i, count - i, out + i);
}

/* vl_mix64 */
K_TARGET static inline KV
K(mix)(KV x)
{
    x = K(multiply_64)(x ^ K(shift_right_64)(x, 30), 0xbf58476d1ce4e5b9U);
    x = K(multiply_64)(x ^ K(shift_right_64)(x, 27), 0x94d049bb133111ebU);
    return x ^ K(shift_right_64)(x, 31);
}

K_TARGET static void
K(hash)(const int64_t *values, uint32_t count, uint64_t *out)
{
    uint32_t i = 0;

    for (; count - i >= K_LANES; i += K_LANES)
        K(store)(out + i, K(mix)(K(load)(values + i)));
    vl_simd_baseline.hash(values + i, count - i, out + i);
}

K_TARGET static void
K(hash_real)(const double *values, uint32_t count, uint64_t *out)
{
    uint32_t i = 0;

    for (; count - i >= K_LANES; i += K_LANES) {
        KV key;

        if (K(hash_key)(K(load_real)(values + i), &key))
            K(store)(out + i, K(mix)(key));
        else
            vl_simd_baseline.hash_real(values + i, K_LANES, out + i);
    }
    vl_simd_baseline.hash_real(values + i, count - i, out + i);
}

#undef K_LANES
