/* kern_avx512.c - the kernels on vectors of 64 bytes, with masks.
 *
 * Invariants
 *   B1  Every function that handles vectors carries K_TARGET, so that this file compiles with the
 *       flags of all others and nothing of it runs unless dispatch.c chose it.
 *   B2  Rows are compressed into a register and stored from there: compressing into memory takes
 *       hundreds of cycles on some processors. */
#include "simd/simd_int.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define K(name) name##_avx512
#define K_TARGET                                                                                   \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512cd,avx512vbmi2,avx2,bmi,"      \
                          "bmi2,fma,popcnt")))
#define K_BYTES 64U
#define KV      __m512i
#define KD      __m512d

/* ---- loads and stores at any address ---- */

K_TARGET static inline KV
load_avx512(const void *from)
{
    return _mm512_loadu_si512(from);
}

K_TARGET static inline void
store_avx512(void *to, KV vector)
{
    _mm512_storeu_si512(to, vector);
}

K_TARGET static inline KD
load_real_avx512(const double *from)
{
    return _mm512_loadu_pd(from);
}

K_TARGET static inline void
store_real_avx512(double *to, KD vector)
{
    _mm512_storeu_pd(to, vector);
}

K_TARGET static inline KV
zero_avx512(void)
{
    return _mm512_setzero_si512();
}

/* `yes` where a lane's bits are ones, `no` where they are zeros. */
K_TARGET static inline KV
select_avx512(KV no, KV yes, KV lanes)
{
    return _mm512_ternarylogic_epi64(lanes, yes, no, 0xca);
}

/* ---- constants in all lanes ---- */

K_TARGET static inline KV
set1_8_avx512(uint64_t value)
{
    return _mm512_set1_epi8((char)value);
}

K_TARGET static inline KV
set1_16_avx512(uint64_t value)
{
    return _mm512_set1_epi16((short)value);
}

K_TARGET static inline KV
set1_32_avx512(uint64_t value)
{
    return _mm512_set1_epi32((int)value);
}

K_TARGET static inline KV
set1_64_avx512(uint64_t value)
{
    return _mm512_set1_epi64((long long)value);
}

K_TARGET static inline KD
set1_real_avx512(double value)
{
    return _mm512_set1_pd(value);
}

/* ---- one bit for each lane, and back ---- */

K_TARGET static inline KV
expand_8_avx512(uint64_t bits)
{
    return _mm512_movm_epi8((__mmask64)bits);
}

K_TARGET static inline KV
expand_16_avx512(uint64_t bits)
{
    return _mm512_movm_epi16((__mmask32)bits);
}

K_TARGET static inline KV
expand_32_avx512(uint64_t bits)
{
    return _mm512_movm_epi32((__mmask16)bits);
}

K_TARGET static inline KV
expand_64_avx512(uint64_t bits)
{
    return _mm512_movm_epi64((__mmask8)bits);
}

K_TARGET static inline uint64_t
negative_64_avx512(KV lanes)
{
    return _mm512_movepi64_mask(lanes);
}

/* ---- comparisons: narrow cells without a sign; le_64 too, lt_64 with one ---- */

K_TARGET static inline uint64_t
eq_8_avx512(KV a, KV b)
{
    return _mm512_cmpeq_epi8_mask(a, b);
}

K_TARGET static inline uint64_t
le_8_avx512(KV a, KV b)
{
    return _mm512_cmple_epu8_mask(a, b);
}

K_TARGET static inline uint64_t
eq_16_avx512(KV a, KV b)
{
    return _mm512_cmpeq_epi16_mask(a, b);
}

K_TARGET static inline uint64_t
le_16_avx512(KV a, KV b)
{
    return _mm512_cmple_epu16_mask(a, b);
}

K_TARGET static inline uint64_t
eq_32_avx512(KV a, KV b)
{
    return _mm512_cmpeq_epi32_mask(a, b);
}

K_TARGET static inline uint64_t
le_32_avx512(KV a, KV b)
{
    return _mm512_cmple_epu32_mask(a, b);
}

K_TARGET static inline uint64_t
eq_64_avx512(KV a, KV b)
{
    return _mm512_cmpeq_epi64_mask(a, b);
}

K_TARGET static inline uint64_t
le_64_avx512(KV a, KV b)
{
    return _mm512_cmple_epu64_mask(a, b);
}

K_TARGET static inline uint64_t
lt_64_avx512(KV a, KV b)
{
    return _mm512_cmplt_epi64_mask(a, b);
}

K_TARGET static inline uint64_t
eq_real_avx512(KD a, KD b)
{
    return _mm512_cmp_pd_mask(a, b, _CMP_EQ_OQ);
}

K_TARGET static inline uint64_t
lt_real_avx512(KD a, KD b)
{
    return _mm512_cmp_pd_mask(a, b, _CMP_LT_OQ);
}

K_TARGET static inline uint64_t
le_real_avx512(KD a, KD b)
{
    return _mm512_cmp_pd_mask(a, b, _CMP_LE_OQ);
}

/* ---- 64-bit lanes ---- */

K_TARGET static inline KV
add_64_avx512(KV a, KV b)
{
    return _mm512_add_epi64(a, b);
}

K_TARGET static inline KV
sub_64_avx512(KV a, KV b)
{
    return _mm512_sub_epi64(a, b);
}

K_TARGET static inline KV
shift_right_64_avx512(KV a, unsigned by)
{
    return _mm512_srli_epi64(a, by);
}

/* The product of the low halves, which have a sign. */
K_TARGET static inline KV
multiply_32_avx512(KV a, KV b)
{
    return _mm512_mul_epi32(a, b);
}

/* The product mod 2^64. */
K_TARGET static inline KV
multiply_64_avx512(KV a, uint64_t b)
{
    return _mm512_mullo_epi64(a, set1_64_avx512(b));
}

K_TARGET static inline uint64_t
fold_sum_avx512(KV vector)
{
    return (uint64_t)_mm512_reduce_add_epi64(vector);
}

K_TARGET static inline KV
min_64_avx512(KV a, KV b)
{
    return _mm512_min_epi64(a, b);
}

K_TARGET static inline KV
max_64_avx512(KV a, KV b)
{
    return _mm512_max_epi64(a, b);
}

/* ---- narrow lanes ---- */

K_TARGET static inline KV
sub_8_avx512(KV a, KV b)
{
    return _mm512_sub_epi8(a, b);
}

K_TARGET static inline KV
min_8_avx512(KV a, KV b)
{
    return _mm512_min_epu8(a, b);
}

K_TARGET static inline KV
max_8_avx512(KV a, KV b)
{
    return _mm512_max_epu8(a, b);
}

K_TARGET static inline KV
sub_16_avx512(KV a, KV b)
{
    return _mm512_sub_epi16(a, b);
}

K_TARGET static inline KV
min_16_avx512(KV a, KV b)
{
    return _mm512_min_epu16(a, b);
}

K_TARGET static inline KV
max_16_avx512(KV a, KV b)
{
    return _mm512_max_epu16(a, b);
}

K_TARGET static inline KV
sub_32_avx512(KV a, KV b)
{
    return _mm512_sub_epi32(a, b);
}

K_TARGET static inline KV
min_32_avx512(KV a, KV b)
{
    return _mm512_min_epu32(a, b);
}

K_TARGET static inline KV
max_32_avx512(KV a, KV b)
{
    return _mm512_max_epu32(a, b);
}

/* Add cells to sums of 64 bits. */
K_TARGET static inline KV
sum_step_8_avx512(KV sum, KV x)
{
    return _mm512_add_epi64(sum, _mm512_sad_epu8(x, zero_avx512()));
}

K_TARGET static inline KV
sum_step_16_avx512(KV sum, KV x)
{
    KV low = _mm512_sad_epu8(_mm512_and_si512(x, set1_16_avx512(0xff)), zero_avx512());
    KV high = _mm512_sad_epu8(_mm512_srli_epi16(x, 8), zero_avx512());

    return _mm512_add_epi64(sum, _mm512_add_epi64(low, _mm512_slli_epi64(high, 8)));
}

K_TARGET static inline KV
sum_step_32_avx512(KV sum, KV x)
{
    KV low = _mm512_and_si512(x, set1_64_avx512(UINT32_MAX));

    return _mm512_add_epi64(sum, _mm512_add_epi64(low, _mm512_srli_epi64(x, 32)));
}

/* Cells, made eight lanes of 64 bits. */
K_TARGET static inline KV
load_wide_8_avx512(const void *from)
{
    return _mm512_cvtepu8_epi64(_mm_loadl_epi64(from));
}

K_TARGET static inline KV
load_wide_16_avx512(const void *from)
{
    return _mm512_cvtepu16_epi64(_mm_loadu_si128(from));
}

K_TARGET static inline KV
load_wide_32_avx512(const void *from)
{
    return _mm512_cvtepu32_epi64(_mm256_loadu_si256(from));
}

K_TARGET static inline KV
load_wide_64_avx512(const void *from)
{
    return load_avx512(from);
}

/* ---- reals ---- */

K_TARGET static inline KD
min_real_avx512(KD a, KD b)
{
    return _mm512_min_pd(a, b);
}

K_TARGET static inline KD
max_real_avx512(KD a, KD b)
{
    return _mm512_max_pd(a, b);
}

/* `yes` where the lane's bit is set. */
K_TARGET static inline KD
select_real_avx512(KD no, KD yes, uint64_t bits)
{
    return _mm512_mask_blend_pd((__mmask8)bits, no, yes);
}

/* The nearest doubles. */
K_TARGET static inline KD
real_of_64_avx512(KV x)
{
    return _mm512_cvtepi64_pd(x);
}

/* What of eight doubles is hashed: the integer that one equals, or its bits. One outside of 64
 * bits becomes INT64_MIN, which it does not equal. */
K_TARGET static inline int
hash_key_avx512(KD x, KV *key)
{
    KV integer = _mm512_cvttpd_epi64(x);
    __mmask8 is_integer = _mm512_cmp_pd_mask(_mm512_cvtepi64_pd(integer), x, _CMP_EQ_OQ);

    *key = _mm512_mask_mov_epi64(_mm512_castpd_si512(x), is_integer, integer);
    return 1;
}

#include "simd/kern_vector.h"

#include "simd/kern_vector_widths.h"

/* The lanes are turned so that the first row's comes first, and turned back at the end. */
K_TARGET static void
sum_real_avx512(vl_real_sum *sum, const double *values, const uint64_t *mask, uint32_t count)
{
    uint64_t first = sum->position % 8;
    KV lane = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
    KV turn = add_64_avx512(lane, set1_64_avx512(first)); /* its low three bits are used */
    KV turn_back = sub_64_avx512(lane, set1_64_avx512(first));
    KD sums = _mm512_permutexvar_pd(turn, load_real_avx512(sum->sum));
    KD carries = _mm512_permutexvar_pd(turn, load_real_avx512(sum->carry));

    for (uint32_t i = 0; i < count; i += 8) {
        __mmask8 bits = (__mmask8)(vl_bits_word(mask, i / 64) >> (i % 64));
        KD x;
        KD total;
        KD part;
        KD error;

        if (count - i < 8)
            bits &= (__mmask8)(255U >> (8 - (count - i)));
        x = _mm512_maskz_loadu_pd(bits, values + i);
        total = sums + x;
        part = total - sums;
        error = (sums - (total - part)) + (x - part);
        if (bits == 255) {
            carries = carries + error;
            sums = total;
        } else {
            carries = _mm512_mask_add_pd(carries, bits, carries, error);
            sums = _mm512_mask_mov_pd(sums, bits, total);
        }
    }
    store_real_avx512(sum->sum, _mm512_permutexvar_pd(turn_back, sums));
    store_real_avx512(sum->carry, _mm512_permutexvar_pd(turn_back, carries));
    sum->position += count;
}

K_TARGET static void
equal_heads_avx512(const vl_simd_head *a, const vl_simd_head *b, uint32_t b_step, uint32_t count,
                   uint64_t *out)
{
    KV constant = zero_avx512();
    uint32_t i = 0;

    if (b_step == 0)
        constant = _mm512_broadcast_i64x2(_mm_loadu_si128((const void *)b));
    for (; count - i >= 64; i += 64) {
        uint64_t bits = 0;

        for (uint32_t lane = 0; lane < 64; lane += 4) {
            KV y = b_step == 0 ? constant : load_avx512(b + i + lane);
            uint64_t halves = eq_64_avx512(load_avx512(a + i + lane), y);

            bits |= _pext_u64(halves & (halves >> 1), 0x55) << lane;
        }
        out[i / 64] = bits;
    }
    vl_simd_baseline.equal_heads(a + i, b + (size_t)i * b_step, b_step, count - i, out + i / 64);
}

/* ---- rows of set bits ----
 *
 * A whole vector is written for each group of rows, of which the next overwrites what is no row:
 * the rows found before a whole group are at most those in front of it, so that what is written
 * lies in room for count. The last group writes what it found only. */

K_TARGET static uint32_t
rows16_avx512(const uint64_t *a, uint32_t count, uint16_t *out)
{
    KV rows = _mm512_cvtepu8_epi16(_mm256_set_epi64x(0x1f1e1d1c1b1a1918, 0x1716151413121110,
                                                     0x0f0e0d0c0b0a0908, 0x0706050403020100));
    uint32_t found = 0;

    for (uint32_t i = 0; i < count; i += 32) {
        uint32_t bits = (uint32_t)(a[i / 64] >> (i % 64));

        if (count - i < 32) {
            bits &= UINT32_MAX >> (32 - (count - i));
            _mm512_mask_storeu_epi16(out + found,
                                     _bzhi_u32(UINT32_MAX, (uint32_t)_mm_popcnt_u32(bits)),
                                     _mm512_maskz_compress_epi16(bits, rows));
        } else {
            store_avx512(out + found, _mm512_maskz_compress_epi16(bits, rows));
        }
        found += (uint32_t)__builtin_popcount(bits);
        rows = _mm512_add_epi16(rows, set1_16_avx512(32));
    }
    return found;
}

K_TARGET static uint32_t
rows32_avx512(const uint64_t *a, uint32_t count, uint32_t *out)
{
    KV rows = _mm512_cvtepu8_epi32(_mm_set_epi64x(0x0f0e0d0c0b0a0908, 0x0706050403020100));
    uint32_t found = 0;

    for (uint32_t i = 0; i < count; i += 16) {
        uint32_t bits = (uint32_t)(a[i / 64] >> (i % 64)) & UINT16_MAX;

        if (count - i < 16) {
            bits &= UINT32_MAX >> (32 - (count - i));
            _mm512_mask_storeu_epi32(
                out + found, (__mmask16)_bzhi_u32(UINT32_MAX, (uint32_t)_mm_popcnt_u32(bits)),
                _mm512_maskz_compress_epi32((__mmask16)bits, rows));
        } else {
            store_avx512(out + found, _mm512_maskz_compress_epi32((__mmask16)bits, rows));
        }
        found += (uint32_t)__builtin_popcount(bits);
        rows = _mm512_add_epi32(rows, set1_32_avx512(16));
    }
    return found;
}

#define K_LEVEL VL_CPU_AVX512
#include "simd/kern_vector_table.h"
#undef K_LEVEL
#undef K
#undef K_TARGET
#undef K_BYTES
#undef KV
#undef KD
#endif
