/* kern_avx2.c - the kernels on vectors of 32 bytes.
 *
 * Invariants
 *   A1  Every function that handles vectors carries K_TARGET, so that this file compiles with the
 *       flags of all others and nothing of it runs unless dispatch.c chose it.
 *   A2  Comparisons come as bits, one for each lane, lane 0 lowest. */
#include "simd/simd_int.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define K(name)  name##_avx2
#define K_TARGET __attribute__((target("avx2,bmi,bmi2,fma,popcnt")))
#define K_BYTES  32U
#define KV       __m256i
#define KD       __m256d

/* ---- loads and stores at any address ---- */

K_TARGET static inline KV
load_avx2(const void *from)
{
    return _mm256_loadu_si256(from);
}

K_TARGET static inline void
store_avx2(void *to, KV vector)
{
    _mm256_storeu_si256(to, vector);
}

K_TARGET static inline KD
load_real_avx2(const double *from)
{
    return _mm256_loadu_pd(from);
}

K_TARGET static inline void
store_real_avx2(double *to, KD vector)
{
    _mm256_storeu_pd(to, vector);
}

K_TARGET static inline KV
zero_avx2(void)
{
    return _mm256_setzero_si256();
}

/* `yes` where a lane's bits are ones, `no` where they are zeros. */
K_TARGET static inline KV
select_avx2(KV no, KV yes, KV lanes)
{
    return _mm256_blendv_epi8(no, yes, lanes);
}

/* ---- constants in all lanes ---- */

K_TARGET static inline KV
set1_8_avx2(uint64_t value)
{
    return _mm256_set1_epi8((char)value);
}

K_TARGET static inline KV
set1_16_avx2(uint64_t value)
{
    return _mm256_set1_epi16((short)value);
}

K_TARGET static inline KV
set1_32_avx2(uint64_t value)
{
    return _mm256_set1_epi32((int)value);
}

K_TARGET static inline KV
set1_64_avx2(uint64_t value)
{
    return _mm256_set1_epi64x((long long)value);
}

K_TARGET static inline KD
set1_real_avx2(double value)
{
    return _mm256_set1_pd(value);
}

/* ---- one bit for each lane, and back ---- */

K_TARGET static inline uint64_t
bits_8_avx2(KV lanes)
{
    return (uint32_t)_mm256_movemask_epi8(lanes);
}

K_TARGET static inline uint64_t
bits_16_avx2(KV lanes)
{
    __m128i packed =
        _mm_packs_epi16(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));

    return (uint32_t)_mm_movemask_epi8(packed);
}

K_TARGET static inline uint64_t
bits_32_avx2(KV lanes)
{
    return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(lanes));
}

K_TARGET static inline uint64_t
negative_64_avx2(KV lanes)
{
    return (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(lanes));
}

K_TARGET static inline KV
expand_8_avx2(uint64_t bits)
{
    KV bytes = _mm256_shuffle_epi8(
        _mm256_set1_epi32((int)(uint32_t)bits),
        _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303));
    KV own = _mm256_set1_epi64x((long long)0x8040201008040201U);

    return _mm256_cmpeq_epi8(_mm256_and_si256(bytes, own), own);
}

K_TARGET static inline KV
expand_16_avx2(uint64_t bits)
{
    KV own = _mm256_setr_epi16(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384,
                               -32768);

    return _mm256_cmpeq_epi16(_mm256_and_si256(_mm256_set1_epi16((short)bits), own), own);
}

K_TARGET static inline KV
expand_32_avx2(uint64_t bits)
{
    KV own = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);

    return _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32((int)(uint32_t)bits), own), own);
}

K_TARGET static inline KV
expand_64_avx2(uint64_t bits)
{
    KV own = _mm256_setr_epi64x(1, 2, 4, 8);

    return _mm256_cmpeq_epi64(_mm256_and_si256(_mm256_set1_epi64x((long long)bits), own), own);
}

/* ---- comparisons: narrow cells without a sign; le_64 too, lt_64 with one ---- */

K_TARGET static inline uint64_t
eq_8_avx2(KV a, KV b)
{
    return bits_8_avx2(_mm256_cmpeq_epi8(a, b));
}

K_TARGET static inline uint64_t
eq_16_avx2(KV a, KV b)
{
    return bits_16_avx2(_mm256_cmpeq_epi16(a, b));
}

K_TARGET static inline uint64_t
eq_32_avx2(KV a, KV b)
{
    return bits_32_avx2(_mm256_cmpeq_epi32(a, b));
}

K_TARGET static inline uint64_t
eq_64_avx2(KV a, KV b)
{
    return negative_64_avx2(_mm256_cmpeq_epi64(a, b));
}

K_TARGET static inline uint64_t
le_8_avx2(KV a, KV b)
{
    return eq_8_avx2(_mm256_min_epu8(a, b), a);
}

K_TARGET static inline uint64_t
le_16_avx2(KV a, KV b)
{
    return eq_16_avx2(_mm256_min_epu16(a, b), a);
}

K_TARGET static inline uint64_t
le_32_avx2(KV a, KV b)
{
    return eq_32_avx2(_mm256_min_epu32(a, b), a);
}

K_TARGET static inline uint64_t
lt_64_avx2(KV a, KV b)
{
    return negative_64_avx2(_mm256_cmpgt_epi64(b, a));
}

K_TARGET static inline uint64_t
le_64_avx2(KV a, KV b)
{
    KV bias = set1_64_avx2((uint64_t)INT64_MIN);

    return lt_64_avx2(b ^ bias, a ^ bias) ^ 15U;
}

K_TARGET static inline uint64_t
eq_real_avx2(KD a, KD b)
{
    return (uint32_t)_mm256_movemask_pd(_mm256_cmp_pd(a, b, _CMP_EQ_OQ));
}

K_TARGET static inline uint64_t
lt_real_avx2(KD a, KD b)
{
    return (uint32_t)_mm256_movemask_pd(_mm256_cmp_pd(a, b, _CMP_LT_OQ));
}

K_TARGET static inline uint64_t
le_real_avx2(KD a, KD b)
{
    return (uint32_t)_mm256_movemask_pd(_mm256_cmp_pd(a, b, _CMP_LE_OQ));
}

/* ---- 64-bit lanes ---- */

K_TARGET static inline KV
add_64_avx2(KV a, KV b)
{
    return _mm256_add_epi64(a, b);
}

K_TARGET static inline KV
sub_64_avx2(KV a, KV b)
{
    return _mm256_sub_epi64(a, b);
}

K_TARGET static inline KV
shift_right_64_avx2(KV a, int by)
{
    return _mm256_srli_epi64(a, by);
}

/* The product of the low halves, which have a sign. */
K_TARGET static inline KV
multiply_32_avx2(KV a, KV b)
{
    return _mm256_mul_epi32(a, b);
}

/* The product mod 2^64, of halves. */
K_TARGET static inline KV
multiply_64_avx2(KV a, uint64_t b)
{
    KV low = set1_64_avx2(b);
    KV high = set1_64_avx2(b >> 32);
    KV cross = _mm256_add_epi64(_mm256_mul_epu32(_mm256_srli_epi64(a, 32), low),
                                _mm256_mul_epu32(a, high));

    return _mm256_add_epi64(_mm256_mul_epu32(a, low), _mm256_slli_epi64(cross, 32));
}

K_TARGET static inline uint64_t
fold_sum_avx2(KV vector)
{
    uint64_t lanes[4];

    store_avx2(lanes, vector);
    return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}

K_TARGET static inline KV
min_64_avx2(KV a, KV b)
{
    return _mm256_blendv_epi8(a, b, _mm256_cmpgt_epi64(a, b));
}

K_TARGET static inline KV
max_64_avx2(KV a, KV b)
{
    return _mm256_blendv_epi8(b, a, _mm256_cmpgt_epi64(a, b));
}

/* ---- narrow lanes ---- */

K_TARGET static inline KV
sub_8_avx2(KV a, KV b)
{
    return _mm256_sub_epi8(a, b);
}

K_TARGET static inline KV
min_8_avx2(KV a, KV b)
{
    return _mm256_min_epu8(a, b);
}

K_TARGET static inline KV
max_8_avx2(KV a, KV b)
{
    return _mm256_max_epu8(a, b);
}

K_TARGET static inline KV
sub_16_avx2(KV a, KV b)
{
    return _mm256_sub_epi16(a, b);
}

K_TARGET static inline KV
min_16_avx2(KV a, KV b)
{
    return _mm256_min_epu16(a, b);
}

K_TARGET static inline KV
max_16_avx2(KV a, KV b)
{
    return _mm256_max_epu16(a, b);
}

K_TARGET static inline KV
sub_32_avx2(KV a, KV b)
{
    return _mm256_sub_epi32(a, b);
}

K_TARGET static inline KV
min_32_avx2(KV a, KV b)
{
    return _mm256_min_epu32(a, b);
}

K_TARGET static inline KV
max_32_avx2(KV a, KV b)
{
    return _mm256_max_epu32(a, b);
}

/* Add cells to sums of 64 bits. */
K_TARGET static inline KV
sum_step_8_avx2(KV sum, KV x)
{
    return _mm256_add_epi64(sum, _mm256_sad_epu8(x, zero_avx2()));
}

K_TARGET static inline KV
sum_step_16_avx2(KV sum, KV x)
{
    KV low = _mm256_sad_epu8(_mm256_and_si256(x, set1_16_avx2(0xff)), zero_avx2());
    KV high = _mm256_sad_epu8(_mm256_srli_epi16(x, 8), zero_avx2());

    return _mm256_add_epi64(sum, _mm256_add_epi64(low, _mm256_slli_epi64(high, 8)));
}

K_TARGET static inline KV
sum_step_32_avx2(KV sum, KV x)
{
    KV low = _mm256_and_si256(x, set1_64_avx2(UINT32_MAX));

    return _mm256_add_epi64(sum, _mm256_add_epi64(low, _mm256_srli_epi64(x, 32)));
}

/* Cells, made four lanes of 64 bits. */
K_TARGET static inline KV
load_wide_8_avx2(const void *from)
{
    int four;

    memcpy(&four, from, sizeof four);
    return _mm256_cvtepu8_epi64(_mm_cvtsi32_si128(four));
}

K_TARGET static inline KV
load_wide_16_avx2(const void *from)
{
    return _mm256_cvtepu16_epi64(_mm_loadl_epi64(from));
}

K_TARGET static inline KV
load_wide_32_avx2(const void *from)
{
    return _mm256_cvtepu32_epi64(_mm_loadu_si128(from));
}

K_TARGET static inline KV
load_wide_64_avx2(const void *from)
{
    return load_avx2(from);
}

/* ---- reals ---- */

K_TARGET static inline KD
min_real_avx2(KD a, KD b)
{
    return _mm256_min_pd(a, b);
}

K_TARGET static inline KD
max_real_avx2(KD a, KD b)
{
    return _mm256_max_pd(a, b);
}

/* `yes` where the lane's bit is set. */
K_TARGET static inline KD
select_real_avx2(KD no, KD yes, uint64_t bits)
{
    return _mm256_blendv_pd(no, yes, _mm256_castsi256_pd(expand_64_avx2(bits)));
}

/* The nearest doubles. The halves are put into the mantissas of 2^84 and of 2^52, which is exact;
 * the high one less both constants is exact too; only the last addition rounds. */
K_TARGET static inline KD
real_of_64_avx2(KV x)
{
    KV low = _mm256_blend_epi32(_mm256_castpd_si256(set1_real_avx2(0x1p52)), x, 0x55);
    KV high = _mm256_srli_epi64(x, 32) ^
              _mm256_castpd_si256(set1_real_avx2(0x1p84 + 0x1p63)); /* the sign is moved up */

    return (_mm256_castsi256_pd(high) - set1_real_avx2(0x1p84 + 0x1p63 + 0x1p52)) +
           _mm256_castsi256_pd(low);
}

/* What of four doubles is hashed: the integer that one equals, or its bits. 0 when one is too large
 * to be made an integer by adding 1.5 * 2^52. */
K_TARGET static inline int
hash_key_avx2(KD x, KV *key)
{
    KD magic = set1_real_avx2(0x1.8p52);
    KD moved = x + magic;
    KV integer = sub_64_avx2(_mm256_castpd_si256(moved), _mm256_castpd_si256(magic));
    KV is_integer = _mm256_castpd_si256(_mm256_cmp_pd(moved - magic, x, _CMP_EQ_OQ));

    *key = select_avx2(_mm256_castpd_si256(x), integer, is_integer);
    return (lt_real_avx2(x, set1_real_avx2(0x1p51)) & lt_real_avx2(set1_real_avx2(-0x1p51), x)) ==
           15U;
}

#include "simd/kern_vector.h"

#include "simd/kern_vector_widths.h"

/* Add four reals to four lanes, those whose bit is set. */
K_TARGET static inline void
sum_real_step_avx2(KD *sum, KD *carry, const double *values, uint64_t bits)
{
    KD x = load_real_avx2(values);
    KD total = *sum + x;
    KD part = total - *sum;
    KD error = (*sum - (total - part)) + (x - part);

    if ((bits & 15) == 15) {
        *carry = *carry + error;
        *sum = total;
        return;
    }
    *carry = select_real_avx2(*carry, *carry + error, bits);
    *sum = select_real_avx2(*sum, total, bits);
}

/* The lanes are turned so that the first row's comes first, and turned back at the end. */
K_TARGET static void
sum_real_avx2(vl_real_sum *sum, const double *values, const uint64_t *mask, uint32_t count)
{
    uint32_t first = (uint32_t)sum->position % 8;
    double lanes[16];
    KD sums[2];
    KD carries[2];
    uint32_t i = 0;

    for (uint32_t k = 0; k < 8; k++) {
        lanes[k] = sum->sum[(first + k) % 8];
        lanes[8 + k] = sum->carry[(first + k) % 8];
    }
    sums[0] = load_real_avx2(lanes);
    sums[1] = load_real_avx2(lanes + 4);
    carries[0] = load_real_avx2(lanes + 8);
    carries[1] = load_real_avx2(lanes + 12);
    for (; count - i >= 8; i += 8) {
        uint64_t bits = vl_bits_word(mask, i / 64) >> (i % 64);

        sum_real_step_avx2(&sums[0], &carries[0], values + i, bits);
        sum_real_step_avx2(&sums[1], &carries[1], values + i + 4, bits >> 4);
    }
    store_real_avx2(lanes, sums[0]);
    store_real_avx2(lanes + 4, sums[1]);
    store_real_avx2(lanes + 8, carries[0]);
    store_real_avx2(lanes + 12, carries[1]);
    for (uint32_t k = 0; k < 8; k++) {
        sum->sum[(first + k) % 8] = lanes[k];
        sum->carry[(first + k) % 8] = lanes[8 + k];
    }
    sum->position += i;
    if (i < count) { /* fewer than 8: their bits lie in one word, moved to its begin */
        uint64_t bits = vl_bits_word(mask, i / 64) >> (i % 64);

        vl_simd_baseline.sum_real(sum, values + i, &bits, count - i);
    }
}

K_TARGET static void
equal_heads_avx2(const vl_simd_head *a, const vl_simd_head *b, uint32_t b_step, uint32_t count,
                 uint64_t *out)
{
    KV constant = zero_avx2();
    uint32_t i = 0;

    if (b_step == 0)
        constant = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)b));
    for (; count - i >= 64; i += 64) {
        uint64_t bits = 0;

        for (uint32_t lane = 0; lane < 64; lane += 2) {
            KV y = b_step == 0 ? constant : load_avx2(b + i + lane);
            uint64_t halves = eq_64_avx2(load_avx2(a + i + lane), y);

            halves &= halves >> 1;
            bits |= ((halves & 1) | ((halves >> 1) & 2)) << lane;
        }
        out[i / 64] = bits;
    }
    vl_simd_baseline.equal_heads(a + i, b + (size_t)i * b_step, b_step, count - i, out + i / 64);
}

/* ---- rows of set bits: a byte of bitmap is looked up ---- */

/* The numbers of the set bits of a byte, as bytes, the first one lowest. */
static const uint64_t rows_table_avx2[256] = {
    /* clang-format off */
    0x0000000000000000, 0x0000000000000000, 0x0000000000000001, 0x0000000000000100,
    0x0000000000000002, 0x0000000000000200, 0x0000000000000201, 0x0000000000020100,
    0x0000000000000003, 0x0000000000000300, 0x0000000000000301, 0x0000000000030100,
    0x0000000000000302, 0x0000000000030200, 0x0000000000030201, 0x0000000003020100,
    0x0000000000000004, 0x0000000000000400, 0x0000000000000401, 0x0000000000040100,
    0x0000000000000402, 0x0000000000040200, 0x0000000000040201, 0x0000000004020100,
    0x0000000000000403, 0x0000000000040300, 0x0000000000040301, 0x0000000004030100,
    0x0000000000040302, 0x0000000004030200, 0x0000000004030201, 0x0000000403020100,
    0x0000000000000005, 0x0000000000000500, 0x0000000000000501, 0x0000000000050100,
    0x0000000000000502, 0x0000000000050200, 0x0000000000050201, 0x0000000005020100,
    0x0000000000000503, 0x0000000000050300, 0x0000000000050301, 0x0000000005030100,
    0x0000000000050302, 0x0000000005030200, 0x0000000005030201, 0x0000000503020100,
    0x0000000000000504, 0x0000000000050400, 0x0000000000050401, 0x0000000005040100,
    0x0000000000050402, 0x0000000005040200, 0x0000000005040201, 0x0000000504020100,
    0x0000000000050403, 0x0000000005040300, 0x0000000005040301, 0x0000000504030100,
    0x0000000005040302, 0x0000000504030200, 0x0000000504030201, 0x0000050403020100,
    0x0000000000000006, 0x0000000000000600, 0x0000000000000601, 0x0000000000060100,
    0x0000000000000602, 0x0000000000060200, 0x0000000000060201, 0x0000000006020100,
    0x0000000000000603, 0x0000000000060300, 0x0000000000060301, 0x0000000006030100,
    0x0000000000060302, 0x0000000006030200, 0x0000000006030201, 0x0000000603020100,
    0x0000000000000604, 0x0000000000060400, 0x0000000000060401, 0x0000000006040100,
    0x0000000000060402, 0x0000000006040200, 0x0000000006040201, 0x0000000604020100,
    0x0000000000060403, 0x0000000006040300, 0x0000000006040301, 0x0000000604030100,
    0x0000000006040302, 0x0000000604030200, 0x0000000604030201, 0x0000060403020100,
    0x0000000000000605, 0x0000000000060500, 0x0000000000060501, 0x0000000006050100,
    0x0000000000060502, 0x0000000006050200, 0x0000000006050201, 0x0000000605020100,
    0x0000000000060503, 0x0000000006050300, 0x0000000006050301, 0x0000000605030100,
    0x0000000006050302, 0x0000000605030200, 0x0000000605030201, 0x0000060503020100,
    0x0000000000060504, 0x0000000006050400, 0x0000000006050401, 0x0000000605040100,
    0x0000000006050402, 0x0000000605040200, 0x0000000605040201, 0x0000060504020100,
    0x0000000006050403, 0x0000000605040300, 0x0000000605040301, 0x0000060504030100,
    0x0000000605040302, 0x0000060504030200, 0x0000060504030201, 0x0006050403020100,
    0x0000000000000007, 0x0000000000000700, 0x0000000000000701, 0x0000000000070100,
    0x0000000000000702, 0x0000000000070200, 0x0000000000070201, 0x0000000007020100,
    0x0000000000000703, 0x0000000000070300, 0x0000000000070301, 0x0000000007030100,
    0x0000000000070302, 0x0000000007030200, 0x0000000007030201, 0x0000000703020100,
    0x0000000000000704, 0x0000000000070400, 0x0000000000070401, 0x0000000007040100,
    0x0000000000070402, 0x0000000007040200, 0x0000000007040201, 0x0000000704020100,
    0x0000000000070403, 0x0000000007040300, 0x0000000007040301, 0x0000000704030100,
    0x0000000007040302, 0x0000000704030200, 0x0000000704030201, 0x0000070403020100,
    0x0000000000000705, 0x0000000000070500, 0x0000000000070501, 0x0000000007050100,
    0x0000000000070502, 0x0000000007050200, 0x0000000007050201, 0x0000000705020100,
    0x0000000000070503, 0x0000000007050300, 0x0000000007050301, 0x0000000705030100,
    0x0000000007050302, 0x0000000705030200, 0x0000000705030201, 0x0000070503020100,
    0x0000000000070504, 0x0000000007050400, 0x0000000007050401, 0x0000000705040100,
    0x0000000007050402, 0x0000000705040200, 0x0000000705040201, 0x0000070504020100,
    0x0000000007050403, 0x0000000705040300, 0x0000000705040301, 0x0000070504030100,
    0x0000000705040302, 0x0000070504030200, 0x0000070504030201, 0x0007050403020100,
    0x0000000000000706, 0x0000000000070600, 0x0000000000070601, 0x0000000007060100,
    0x0000000000070602, 0x0000000007060200, 0x0000000007060201, 0x0000000706020100,
    0x0000000000070603, 0x0000000007060300, 0x0000000007060301, 0x0000000706030100,
    0x0000000007060302, 0x0000000706030200, 0x0000000706030201, 0x0000070603020100,
    0x0000000000070604, 0x0000000007060400, 0x0000000007060401, 0x0000000706040100,
    0x0000000007060402, 0x0000000706040200, 0x0000000706040201, 0x0000070604020100,
    0x0000000007060403, 0x0000000706040300, 0x0000000706040301, 0x0000070604030100,
    0x0000000706040302, 0x0000070604030200, 0x0000070604030201, 0x0007060403020100,
    0x0000000000070605, 0x0000000007060500, 0x0000000007060501, 0x0000000706050100,
    0x0000000007060502, 0x0000000706050200, 0x0000000706050201, 0x0000070605020100,
    0x0000000007060503, 0x0000000706050300, 0x0000000706050301, 0x0000070605030100,
    0x0000000706050302, 0x0000070605030200, 0x0000070605030201, 0x0007060503020100,
    0x0000000007060504, 0x0000000706050400, 0x0000000706050401, 0x0000070605040100,
    0x0000000706050402, 0x0000070605040200, 0x0000070605040201, 0x0007060504020100,
    0x0000000706050403, 0x0000070605040300, 0x0000070605040301, 0x0007060504030100,
    0x0000070605040302, 0x0007060504030200, 0x0007060504030201, 0x0706050403020100
    /* clang-format on */
};

/* Eight numbers are written for each byte, of which the next overwrite those that are none: the
 * rows of a whole byte are 8, so that what is written lies in room for count. */
K_TARGET static uint32_t
rows16_avx2(const uint64_t *a, uint32_t count, uint16_t *out)
{
    uint32_t found = 0;
    uint32_t i = 0;
    uint64_t rest;

    for (; count - i >= 8; i += 8) {
        uint32_t byte = (uint32_t)(a[i / 64] >> (i % 64)) & 255U;
        __m128i rows = _mm_cvtepu8_epi16(_mm_cvtsi64_si128((long long)rows_table_avx2[byte]));

        _mm_storeu_si128((void *)(out + found), _mm_add_epi16(rows, _mm_set1_epi16((short)i)));
        found += (uint32_t)__builtin_popcount(byte);
    }
    if (i == count)
        return found;
    rest = (a[i / 64] & vl_bits_last(count)) >> (i % 64);
    for (; rest != 0; rest &= rest - 1)
        out[found++] = (uint16_t)(i + (uint32_t)__builtin_ctzll(rest));
    return found;
}

K_TARGET static uint32_t
rows32_avx2(const uint64_t *a, uint32_t count, uint32_t *out)
{
    uint32_t found = 0;
    uint32_t i = 0;
    uint64_t rest;

    for (; count - i >= 8; i += 8) {
        uint32_t byte = (uint32_t)(a[i / 64] >> (i % 64)) & 255U;
        KV rows = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)rows_table_avx2[byte]));

        store_avx2(out + found, _mm256_add_epi32(rows, _mm256_set1_epi32((int)i)));
        found += (uint32_t)__builtin_popcount(byte);
    }
    if (i == count)
        return found;
    rest = (a[i / 64] & vl_bits_last(count)) >> (i % 64);
    for (; rest != 0; rest &= rest - 1)
        out[found++] = i + (uint32_t)__builtin_ctzll(rest);
    return found;
}

#define K_LEVEL VL_CPU_AVX2
#include "simd/kern_vector_table.h"
#undef K_LEVEL
#undef K
#undef K_TARGET
#undef K_BYTES
#undef KV
#undef KD
#endif
