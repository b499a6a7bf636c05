/* test_simd.c - every set's kernels do what the baseline's do, bit for bit, and the baseline's do
 * what simd.h says.
 *
 * Inputs and outputs end at a page that cannot be touched, so that one byte too many stops the
 * program; in front of outputs stand bytes that must not change. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/unit.h"
#include "simd/simd.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define ROWS_MAX    4096U
#define BUFFER_SIZE (ROWS_MAX * 16U)
#define FRONT_SIZE  64U

/* Memory whose end is the end of what may be touched. */
typedef struct guarded {
    uint8_t *begin; /* BUFFER_SIZE + FRONT_SIZE bytes, a page's multiple, then the guard */
    size_t size;    /* without the guard */
} guarded;

static struct {
    const vl_simd *fast; /* the set under test */
    vl_rng rng;          /* of this test */
    guarded a;           /* inputs */
    guarded b;           /* inputs */
    guarded mask;        /* input */
    guarded rows;        /* input */
    guarded got;         /* what the fast kernel wrote */
    guarded want;        /* what the baseline wrote */
    size_t out_size;     /* bytes of an output */
} rig;

static int
guarded_make(guarded *memory)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *begin;

    if (memory->begin != NULL)
        return 1;
    memory->size = (size_t)vl_align_up(BUFFER_SIZE + FRONT_SIZE, page);
    begin =
        mmap(NULL, memory->size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (begin == MAP_FAILED)
        return 0;
    memory->begin = begin;
    return mprotect(memory->begin + memory->size, page, PROT_NONE) == 0;
}

/* The last `size` bytes before the guard. */
static void *
guarded_end(const guarded *memory, size_t size)
{
    return memory->begin + (memory->size - size);
}

/* An output of `size` bytes: what stands there and in front of it is made known. */
static void *
output_of(const guarded *memory, size_t size)
{
    uint8_t *at = guarded_end(memory, size);

    memset(at - FRONT_SIZE, 0xa5, FRONT_SIZE + size);
    return at;
}

static void *
output_got(size_t size)
{
    rig.out_size = size;
    return output_of(&rig.got, size);
}

static void *
output_want(size_t size)
{
    return output_of(&rig.want, size);
}

/* Whether both outputs are equal, with what stands in front of them. */
static int
outputs_agree(void)
{
    size_t size = rig.out_size + FRONT_SIZE;

    return memcmp(guarded_end(&rig.got, size), guarded_end(&rig.want, size), size) == 0;
}

static const vl_simd *
baseline(void)
{
    return vl_simd_at(VL_CPU_BASELINE);
}

static int
rig_begin(vl_cpu_level level)
{
    rig.fast = vl_simd_at(level);
    if (rig.fast == NULL) {
        unit_skip("the processor or VELO_CPU does not allow %s", vl_cpu_level_name(level));
        return 0;
    }
    vl_rng_init(&rig.rng, unit_seed());
    if (guarded_make(&rig.a) && guarded_make(&rig.b) && guarded_make(&rig.mask) &&
        guarded_make(&rig.rows) && guarded_make(&rig.got) && guarded_make(&rig.want))
        return 1;
    unit_failed(__FILE__, __LINE__, "no memory with guard pages");
    return 0;
}

/* Lengths: every one up to 130, then some larger. Returns 0 behind the last. */
static int
next_count(uint32_t *count)
{
    static const uint32_t larger[] = {191, 192, 193, 255, 256, 450, 1000, 1024, 1025, ROWS_MAX};

    if (*count < 130) {
        *count += 1;
        return 1;
    }
    for (size_t i = 0; i < VL_ARRAY_COUNT(larger); i++) {
        if (larger[i] > *count) {
            *count = larger[i];
            return 1;
        }
    }
    return 0;
}

#define EACH_COUNT(count) for (uint32_t count = UINT32_MAX; first_count(&(count));)

/* next_count that begins with 0. */
static int
first_count(uint32_t *count)
{
    if (*count == UINT32_MAX) {
        *count = 0;
        return 1;
    }
    return next_count(count);
}

/* Cells of one of several kinds; unaligned where that is asked for. */
static void *
random_cells(const guarded *memory, uint32_t width, uint32_t count, int is_unaligned)
{
    static const uint64_t edges[] = {0,
                                     1,
                                     0x7f,
                                     0x80,
                                     0x7fff,
                                     0x8000,
                                     0x7fffffff,
                                     0x80000000U,
                                     0x7fffffffffffffffU,
                                     0x8000000000000000U,
                                     0x8000000000000001U,
                                     UINT64_MAX - 1,
                                     UINT64_MAX};
    uint8_t *at = (uint8_t *)guarded_end(memory, (size_t)width * count + (is_unaligned ? 1U : 0U));
    uint64_t kind = vl_rng_below(&rig.rng, 4);

    for (uint32_t i = 0; i < count; i++) {
        uint64_t value = vl_rng_next(&rig.rng);

        if (kind == 1)
            value = edges[value % VL_ARRAY_COUNT(edges)];
        else if (kind == 2)
            value = value % 16 - 8;
        else if (kind == 3)
            value = (uint64_t)((int64_t)value >> (value % 64));
        memcpy(at + (size_t)width * i, &value, width);
    }
    return at;
}

static double
random_real(uint64_t kind)
{
    static const double edges[] = {0.0,       -0.0,
                                   1.0,       -1.0,
                                   0x1p-1074, -0x1p-1074,
                                   0x1p51,    -0x1p51,
                                   0x1p52,    0x1p53,
                                   0x1p63,    -0x1p63,
                                   0x1p64,    0x1p1023,
                                   0.5,       -0x1p1023,
                                   1e16,      9007199254740991.0,
                                   0x1p-1022, 9223372036854774784.0,
                                   -1.5};
    uint64_t bits = vl_rng_next(&rig.rng);
    double value;

    if (kind == 0 && bits % 100 == 0)
        return bits % 200 == 0 ? __builtin_inf() : -__builtin_inf();
    if (kind == 1)
        return edges[bits % VL_ARRAY_COUNT(edges)];
    if (kind == 2)
        return (double)(int64_t)(bits % 100000) / 100.0 - 300.0;
    if (kind == 3)
        return (double)((int64_t)bits >> (bits % 64));
    memcpy(&value, &bits, sizeof value);
    return __builtin_isnan(value) ? 0.25 : value;
}

static double *
random_reals(const guarded *memory, uint32_t count)
{
    double *at = guarded_end(memory, sizeof *at * count);
    uint64_t kind = vl_rng_below(&rig.rng, 5);

    for (uint32_t i = 0; i < count; i++)
        at[i] = random_real(kind);
    return at;
}

static uint64_t *
random_bits(const guarded *memory, uint32_t count)
{
    uint64_t *at = guarded_end(memory, sizeof *at * vl_bits_words(count));
    uint64_t kind = vl_rng_below(&rig.rng, 5);

    for (uint32_t w = 0; w < vl_bits_words(count); w++) {
        uint64_t bits = vl_rng_next(&rig.rng);

        if (kind == 1) /* few */
            bits = (uint64_t)1 << (bits % 64);
        else if (kind == 2)
            bits = UINT64_MAX;
        else if (kind == 3)
            bits = 0;
        else if (kind == 4)
            bits = vl_rng_chance(&rig.rng, 1, 2) ? 0 : UINT64_MAX;
        at[w] = bits;
    }
    return at;
}

/* A mask, or none. */
static uint64_t *
random_mask(uint32_t count)
{
    return vl_rng_chance(&rig.rng, 1, 4) ? NULL : random_bits(&rig.mask, count);
}

/* ---- the fast sets beside the baseline ---- */

static void
check_sums(void)
{
    EACH_COUNT(count)
    {
        for (uint32_t k = 0; k < 16; k++) {
            uint32_t w = k % 4;
            void *cells = random_cells(&rig.a, 1U << w, count, (int)(k / 4 == 0));
            uint64_t *mask = random_mask(count);
            uint16_t *rows = guarded_end(&rig.rows, sizeof *rows * count);

            for (uint32_t i = 0; i < count; i++)
                rows[i] = (uint16_t)vl_rng_below(&rig.rng, count);
            CHECK(rig.fast->sum[w](cells, mask, count) == baseline()->sum[w](cells, mask, count));
            CHECK(rig.fast->sum_at[w](cells, rows, count) ==
                  baseline()->sum_at[w](cells, rows, count));
        }
    }
}

static void
check_bounds(void)
{
    EACH_COUNT(count)
    {
        for (uint32_t k = 0; k < 16; k++) {
            uint32_t w = k % 4;
            void *cells = random_cells(&rig.a, 1U << w, count, (int)(k / 4 == 0));
            double *reals = random_reals(&rig.b, count);
            uint64_t *mask = random_mask(count);
            vl_simd_bounds got = {INT64_MAX, INT64_MIN};
            vl_simd_bounds want = got;
            vl_simd_real_bounds got_real = {__builtin_inf(), -__builtin_inf()};
            vl_simd_real_bounds want_real = got_real;

            if (k == 15)
                got = want = (vl_simd_bounds){-5, 5};
            rig.fast->bounds[w](&got, cells, mask, count);
            baseline()->bounds[w](&want, cells, mask, count);
            CHECK_EQ(got.min, want.min);
            CHECK_EQ(got.max, want.max);
            rig.fast->bounds_real(&got_real, reals, mask, count);
            baseline()->bounds_real(&want_real, reals, mask, count);
            CHECK(memcmp(&got_real, &want_real, sizeof got_real) == 0);
        }
    }
}

static void
check_sum_real(void)
{
    EACH_COUNT(count)
    {
        for (uint32_t k = 0; k < 8; k++) {
            double *reals = random_reals(&rig.a, count);
            uint64_t *mask = random_mask(count);
            vl_real_sum got = {{0}, {0}, vl_rng_below(&rig.rng, 100)};
            vl_real_sum want = got;

            for (int piece = 0; piece < 3; piece++) { /* the second begins in any lane */
                rig.fast->sum_real(&got, reals, mask, count);
                baseline()->sum_real(&want, reals, mask, count);
            }
            CHECK(memcmp(&got, &want, sizeof got) == 0);
        }
    }
}

static void
check_filters(void)
{
    EACH_COUNT(count)
    {
        size_t size = sizeof(uint64_t) * vl_bits_words(count);

        for (uint32_t k = 0; k < 32; k++) {
            uint32_t w = k % 4;
            uint32_t list_count = (uint32_t)vl_rng_below(&rig.rng, VL_SIMD_MAX_IN + 1);
            uint64_t largest = UINT64_MAX >> (64 - (8U << w));
            uint64_t list[VL_SIMD_MAX_IN];
            void *cells = random_cells(&rig.a, 1U << w, count, (int)(k / 4 == 0));
            vl_simd_range range = {0, 0, (int)(k / 16)};

            for (uint32_t i = 0; i < list_count; i++) { /* half of the values occur */
                list[i] = vl_rng_next(&rig.rng) & largest;
                if (count > 0 && i % 2 == 0) {
                    list[i] = 0;
                    memcpy(&list[i],
                           (uint8_t *)cells + ((size_t)vl_rng_below(&rig.rng, count) << w),
                           (size_t)1 << w);
                }
            }
            range.low = list_count > 0 ? list[0] : 0;
            range.span = vl_rng_chance(&rig.rng, 1, 4) ? vl_rng_below(&rig.rng, 4)
                                                       : vl_rng_next(&rig.rng) & largest;
            rig.fast->in_range[w](cells, count, &range, output_got(size));
            baseline()->in_range[w](cells, count, &range, output_want(size));
            CHECK(outputs_agree());
            rig.fast->in_list[w](cells, count, list, list_count, output_got(size));
            baseline()->in_list[w](cells, count, list, list_count, output_want(size));
            CHECK(outputs_agree());
        }
    }
}

static void
check_filters_real(void)
{
    EACH_COUNT(count)
    {
        size_t size = sizeof(uint64_t) * vl_bits_words(count);

        for (int k = 0; k < 16; k++) {
            double *reals = random_reals(&rig.a, count);
            double list[VL_SIMD_MAX_IN] = {0};
            vl_simd_real_range range;

            for (uint32_t i = 0; i < VL_SIMD_MAX_IN; i++)
                list[i] =
                    count > 0 && i < 4 ? reals[vl_rng_below(&rig.rng, count)] : random_real(1);
            range.low = list[0];
            range.high = k % 3 == 0 ? list[0] : list[4];
            range.is_low_open = k & 1;
            range.is_high_open = (k >> 1) & 1;
            range.invert = (k >> 2) & 1;
            rig.fast->in_range_real(reals, count, &range, output_got(size));
            baseline()->in_range_real(reals, count, &range, output_want(size));
            CHECK(outputs_agree());
            rig.fast->in_list_real(reals, count, list, (uint32_t)k % 9, output_got(size));
            baseline()->in_list_real(reals, count, list, (uint32_t)k % 9, output_want(size));
            CHECK(outputs_agree());
        }
    }
}

static void
check_compare(void)
{
    EACH_COUNT(count)
    {
        size_t size = sizeof(uint64_t) * vl_bits_words(count);

        for (vl_simd_compare op = VL_SIMD_EQ; op <= VL_SIMD_GE; op++) {
            int64_t *a = random_cells(&rig.a, 8, count, 0);
            int64_t *b = random_cells(&rig.b, 8, count, 0);
            double *x;
            double *y;

            for (uint32_t i = 0; i < count; i += 3)
                b[i] = a[i];
            rig.fast->compare(a, b, count, op, output_got(size));
            baseline()->compare(a, b, count, op, output_want(size));
            CHECK(outputs_agree());
            x = random_reals(&rig.a, count);
            y = random_reals(&rig.b, count);
            for (uint32_t i = 0; i < count; i += 3)
                y[i] = x[i];
            rig.fast->compare_real(x, y, count, op, output_got(size));
            baseline()->compare_real(x, y, count, op, output_want(size));
            CHECK(outputs_agree());
        }
    }
}

static void
check_heads(void)
{
    EACH_COUNT(count)
    {
        size_t size = sizeof(uint64_t) * vl_bits_words(count);

        for (uint32_t step = 0; step < 2; step++) {
            vl_simd_head *a = guarded_end(&rig.a, sizeof *a * count);
            vl_simd_head *b = guarded_end(&rig.b, sizeof *b * (step == 0 ? 1 : count));

            for (uint32_t i = 0; i < count; i++)
                for (uint32_t k = 0; k < 2; k++)
                    a[i].words[k] = vl_rng_below(&rig.rng, 2) << 63;
            for (uint32_t i = 0; i < (step == 0 ? 1 : count); i++)
                for (uint32_t k = 0; k < 2; k++)
                    b[i].words[k] = vl_rng_below(&rig.rng, 2) << 63;
            rig.fast->equal_heads(a, b, step, count, output_got(size));
            baseline()->equal_heads(a, b, step, count, output_want(size));
            CHECK(outputs_agree());
        }
    }
}

static void
check_bitmaps(void)
{
    EACH_COUNT(count)
    {
        size_t size = sizeof(uint64_t) * vl_bits_words(count);

        for (int k = 0; k < 8; k++) {
            uint64_t *a = random_bits(&rig.a, count);
            uint64_t *b = random_bits(&rig.b, count);

            rig.fast->bits_and(a, b, count, output_got(size));
            baseline()->bits_and(a, b, count, output_want(size));
            CHECK(outputs_agree());
            rig.fast->bits_or(a, b, count, output_got(size));
            baseline()->bits_or(a, b, count, output_want(size));
            CHECK(outputs_agree());
            rig.fast->bits_and_not(a, b, count, output_got(size));
            baseline()->bits_and_not(a, b, count, output_want(size));
            CHECK(outputs_agree());
            rig.fast->bits_not(a, count, output_got(size));
            baseline()->bits_not(a, count, output_want(size));
            CHECK(outputs_agree());
            CHECK_EQ(rig.fast->bits_count(a, count), baseline()->bits_count(a, count));
        }
    }
}

/* Rows are compared as far as they were found: behind them stands anything. */
static void
check_rows(void)
{
    EACH_COUNT(count)
    {
        for (int k = 0; k < 8; k++) {
            uint64_t *bits = random_bits(&rig.a, count);
            uint16_t *got16 = output_got(sizeof *got16 * count);
            uint16_t *want16 = output_want(sizeof *want16 * count);
            uint32_t found = baseline()->rows16(bits, count, want16);
            uint32_t *got32;
            uint32_t *want32;

            CHECK_EQ(rig.fast->rows16(bits, count, got16), found);
            CHECK(memcmp(got16, want16, sizeof *got16 * found) == 0);
            CHECK(memcmp((uint8_t *)got16 - FRONT_SIZE, (uint8_t *)want16 - FRONT_SIZE,
                         FRONT_SIZE) == 0);
            got32 = output_got(sizeof *got32 * count);
            want32 = output_want(sizeof *want32 * count);
            CHECK_EQ(baseline()->rows32(bits, count, want32), found);
            CHECK_EQ(rig.fast->rows32(bits, count, got32), found);
            CHECK(memcmp(got32, want32, sizeof *got32 * found) == 0);
            CHECK(memcmp((uint8_t *)got32 - FRONT_SIZE, (uint8_t *)want32 - FRONT_SIZE,
                         FRONT_SIZE) == 0);
        }
    }
}

static void
check_copies(void)
{
    EACH_COUNT(count)
    {
        size_t size = sizeof(int64_t) * count;

        for (uint32_t k = 0; k < 16; k++) {
            uint32_t w = k % 4;
            int64_t base = (int64_t)vl_rng_next(&rig.rng);
            void *cells = random_cells(&rig.a, 1U << w, count, (int)(k / 4 == 0));
            uint16_t *rows = guarded_end(&rig.rows, sizeof *rows * count);

            for (uint32_t i = 0; i < count; i++)
                rows[i] = (uint16_t)vl_rng_below(&rig.rng, count);
            rig.fast->widen[w](cells, count, base, output_got(size));
            baseline()->widen[w](cells, count, base, output_want(size));
            CHECK(outputs_agree());
            rig.fast->gather[w](cells, rows, count, base, output_got(size));
            baseline()->gather[w](cells, rows, count, base, output_want(size));
            CHECK(outputs_agree());
            cells = random_cells(&rig.b, 8, count, 0);
            rig.fast->to_real(cells, count, output_got(size));
            baseline()->to_real(cells, count, output_want(size));
            CHECK(outputs_agree());
            rig.fast->hash(cells, count, output_got(size));
            baseline()->hash(cells, count, output_want(size));
            CHECK(outputs_agree());
            rig.fast->hash_real(random_reals(&rig.b, count), count, output_got(size));
            baseline()->hash_real(guarded_end(&rig.b, size), count, output_want(size));
            CHECK(outputs_agree());
        }
    }
}

typedef uint32_t integer_kernel(const int64_t *a, uint32_t a_step, const int64_t *b,
                                uint32_t b_step, const uint64_t *mask, uint32_t count,
                                int64_t *out);

/* Values just above one power of two, or just below it, and all on one side of zero. */
static void
fill_near_edge(int64_t *values, uint32_t count)
{
    int64_t edge = (int64_t)1 << (30 + vl_rng_below(&rig.rng, 4));
    int64_t sign = vl_rng_chance(&rig.rng, 1, 2) ? 1 : -1;
    int64_t shift = vl_rng_chance(&rig.rng, 1, 2) ? 0 : 100;

    for (uint32_t i = 0; i < count; i++)
        values[i] = sign * (edge + (int64_t)vl_rng_below(&rig.rng, 100) - shift);
}

/* One operation; what was written is equal up to the first overflow. */
static void
check_integer_kernel(integer_kernel *fast, integer_kernel *plain, uint32_t count)
{
    for (uint32_t k = 0; k < 24; k++) {
        uint32_t a_step = k % 3 == 1 ? 0 : 1;
        uint32_t b_step = k % 3 == 2 ? 0 : 1;
        int64_t *a = random_cells(&rig.a, 8, a_step == 0 ? 1 : count, 0);
        int64_t *b = random_cells(&rig.b, 8, b_step == 0 ? 1 : count, 0);
        uint64_t *mask = random_mask(count);
        int64_t *got = output_got(sizeof *got * count);
        int64_t *want = output_want(sizeof *want * count);
        uint32_t done;

        if (k >= 8) { /* so that most rows are well, and the first overflow is anywhere */
            for (uint32_t i = 0; i < (a_step == 0 ? 1 : count); i++)
                a[i] = a[i] >> (vl_rng_chance(&rig.rng, 1, 300) ? 1 : 33);
            for (uint32_t i = 0; i < (b_step == 0 ? 1 : count); i++)
                b[i] = b[i] >> (vl_rng_chance(&rig.rng, 1, 300) ? 0 : 33);
        }
        if (k >= 18) { /* all rows about where 32 bits end */
            fill_near_edge(a, a_step == 0 ? 1 : count);
            fill_near_edge(b, b_step == 0 ? 1 : count);
        }
        done = plain(a, a_step, b, b_step, mask, count, want);
        CHECK_EQ(fast(a, a_step, b, b_step, mask, count, got), done);
        CHECK(memcmp(got, want, sizeof *got * done) == 0);
        CHECK(memcmp((uint8_t *)got - FRONT_SIZE, (uint8_t *)want - FRONT_SIZE, FRONT_SIZE) == 0);
        if (a_step == 1) { /* in place */
            CHECK_EQ(fast(a, 1, b, b_step, mask, count, a), done);
            CHECK(memcmp(a, want, sizeof *a * done) == 0);
        }
    }
}

static void
check_arithmetic(void)
{
    EACH_COUNT(count)
    {
        check_integer_kernel(rig.fast->add, baseline()->add, count);
        check_integer_kernel(rig.fast->subtract, baseline()->subtract, count);
        check_integer_kernel(rig.fast->multiply, baseline()->multiply, count);
        if (unit_has_failed())
            return;
    }
}

typedef void real_kernel(const double *a, uint32_t a_step, const double *b, uint32_t b_step,
                         uint32_t count, double *out);

static void
check_real_kernel(real_kernel *fast, real_kernel *plain, uint32_t count)
{
    for (uint32_t k = 0; k < 6; k++) {
        uint32_t a_step = k % 3 == 1 ? 0 : 1;
        uint32_t b_step = k % 3 == 2 ? 0 : 1;
        double *a = random_reals(&rig.a, a_step == 0 ? 1 : count);
        double *b = random_reals(&rig.b, b_step == 0 ? 1 : count);

        fast(a, a_step, b, b_step, count, output_got(sizeof *a * count));
        plain(a, a_step, b, b_step, count, output_want(sizeof *a * count));
        CHECK(outputs_agree());
    }
}

static void
check_arithmetic_real(void)
{
    EACH_COUNT(count)
    {
        check_real_kernel(rig.fast->add_real, baseline()->add_real, count);
        check_real_kernel(rig.fast->subtract_real, baseline()->subtract_real, count);
        check_real_kernel(rig.fast->multiply_real, baseline()->multiply_real, count);
        check_real_kernel(rig.fast->divide_real, baseline()->divide_real, count);
        if (unit_has_failed())
            return;
    }
}

/* Each check for each fast set. */
#define FOR_SETS(check, avx2_name, avx512_name)                                                    \
    static void avx2_name(void)                                                                    \
    {                                                                                              \
        if (rig_begin(VL_CPU_AVX2))                                                                \
            check();                                                                               \
    }                                                                                              \
    static void avx512_name(void)                                                                  \
    {                                                                                              \
        if (rig_begin(VL_CPU_AVX512))                                                              \
            check();                                                                               \
    }

FOR_SETS(check_sums, avx2_sums, avx512_sums)
FOR_SETS(check_bounds, avx2_bounds, avx512_bounds)
FOR_SETS(check_sum_real, avx2_sum_real, avx512_sum_real)
FOR_SETS(check_filters, avx2_filters, avx512_filters)
FOR_SETS(check_filters_real, avx2_filters_real, avx512_filters_real)
FOR_SETS(check_compare, avx2_compare, avx512_compare)
FOR_SETS(check_heads, avx2_heads, avx512_heads)
FOR_SETS(check_bitmaps, avx2_bitmaps, avx512_bitmaps)
FOR_SETS(check_rows, avx2_rows, avx512_rows)
FOR_SETS(check_copies, avx2_copies, avx512_copies)
FOR_SETS(check_arithmetic, avx2_arithmetic, avx512_arithmetic)
FOR_SETS(check_arithmetic_real, avx2_arithmetic_real, avx512_arithmetic_real)

/* ---- the baseline, and what belongs to no set ---- */

static void
dispatch_in_child(void)
{
    CHECK(setenv("VELO_CPU", "baseline", 1) == 0);
    CHECK(vl_simd_best() == vl_simd_at(VL_CPU_BASELINE));
    CHECK(vl_simd_at(VL_CPU_AVX2) == NULL);
    CHECK(vl_simd_at(VL_CPU_AVX512) == NULL);
}

static void
dispatch_obeys_the_environment(void)
{
    CHECK_EQ(unit_run_in_child(dispatch_in_child), 0); /* before this process asks */
    CHECK_EQ(vl_simd_best()->level, vl_cpu()->level);
    for (vl_cpu_level level = VL_CPU_BASELINE; level <= vl_cpu()->level; level++)
        CHECK_EQ(vl_simd_at(level)->level, level);
}

static int
compare_plainly(int64_t a, vl_simd_compare op, int64_t b)
{
    switch (op) {
    case VL_SIMD_EQ:
        return a == b;
    case VL_SIMD_NE:
        return a != b;
    case VL_SIMD_LT:
        return a < b;
    case VL_SIMD_LE:
        return a <= b;
    case VL_SIMD_GT:
        return a > b;
    case VL_SIMD_GE:
        return a >= b;
    }
    return -1;
}

/* A column of 64 cells over a base that no cell takes beyond INT64_MAX, and constants around it. */
static void
range_says_what_comparison_says(void)
{
    CHECK(rig_begin(VL_CPU_BASELINE));
    for (uint32_t round = 0; round < 20000; round++) {
        uint32_t w = round % 4;
        uint8_t *cells = random_cells(&rig.a, 1U << w, 64, 0);
        int64_t base = w == 3 && round % 8 < 4 ? 0 : (int64_t)vl_rng_next(&rig.rng);
        vl_simd_compare op = (vl_simd_compare)(round / 4 % 6);
        int64_t values[64];
        int64_t constant;
        vl_simd_range range = {0, 0, 0};
        uint64_t bits = 0;
        vl_simd_verdict verdict;

        if (w < 3 && round % 16 < 4)
            base = vl_rng_chance(&rig.rng, 1, 2) ? INT64_MIN : INT64_MAX - (int64_t)(UINT32_MAX);
        if (w < 3 && base > INT64_MAX - (int64_t)UINT32_MAX)
            base = 7;
        baseline()->widen[w](cells, 64, base, values);
        constant = values[vl_rng_below(&rig.rng, 64)];
        if (vl_rng_chance(&rig.rng, 1, 2))
            constant = (int64_t)((uint64_t)constant + vl_rng_below(&rig.rng, 1U << 10) - 512);
        if (vl_rng_chance(&rig.rng, 1, 8))
            constant = vl_rng_chance(&rig.rng, 1, 2) ? INT64_MIN : INT64_MAX;
        verdict = vl_simd_range_compare(op, constant, base, 1U << w, &range);
        if (verdict == VL_SIMD_SOME)
            baseline()->in_range[w](cells, 64, &range, &bits);
        else if (verdict == VL_SIMD_ALL)
            bits = UINT64_MAX;
        for (uint32_t i = 0; i < 64; i++)
            CHECK_EQ(vl_bits_get(&bits, i), compare_plainly(values[i], op, constant));
    }
}

static void
range_between_is_two_comparisons(void)
{
    CHECK(rig_begin(VL_CPU_BASELINE));
    for (uint32_t round = 0; round < 20000; round++) {
        uint32_t w = round % 4;
        uint8_t *cells = random_cells(&rig.a, 1U << w, 64, 0);
        int64_t base = w == 3 ? 0 : -1000;
        int64_t low = (int64_t)vl_rng_next(&rig.rng) >> vl_rng_below(&rig.rng, 64);
        int64_t high = (int64_t)vl_rng_next(&rig.rng) >> vl_rng_below(&rig.rng, 64);
        int64_t values[64];
        vl_simd_range range = {0, 0, 0};
        uint64_t bits = 0;
        vl_simd_verdict verdict = vl_simd_range_between(low, high, base, 1U << w, &range);

        baseline()->widen[w](cells, 64, base, values);
        if (verdict == VL_SIMD_SOME)
            baseline()->in_range[w](cells, 64, &range, &bits);
        else if (verdict == VL_SIMD_ALL)
            bits = UINT64_MAX;
        for (uint32_t i = 0; i < 64; i++)
            CHECK_EQ(vl_bits_get(&bits, i), values[i] >= low && values[i] <= high);
    }
}

static int
compare_reals_plainly(double a, vl_simd_compare op, double b)
{
    return compare_plainly(a > b ? 1 : a < b ? -1 : 0, op, 0);
}

static void
range_of_reals_says_what_comparison_says(void)
{
    CHECK(rig_begin(VL_CPU_BASELINE));
    for (uint32_t round = 0; round < 6000; round++) {
        double *values = random_reals(&rig.a, 64);
        double *others = random_reals(&rig.b, 64);
        vl_simd_compare op = (vl_simd_compare)(round % 6);
        double constant = round % 2 == 0 ? random_real(round % 5) : values[round % 64];
        vl_simd_real_range range = vl_simd_real_range_compare(op, constant);
        uint64_t bits;

        baseline()->in_range_real(values, 64, &range, &bits);
        for (uint32_t i = 0; i < 64; i++)
            CHECK_EQ(vl_bits_get(&bits, i), compare_reals_plainly(values[i], op, constant));
        baseline()->compare_real(values, others, 64, op, &bits);
        for (uint32_t i = 0; i < 64; i++)
            CHECK_EQ(vl_bits_get(&bits, i), compare_reals_plainly(values[i], op, others[i]));
    }
}

static void
sum_of_extremes_is_exact(void)
{
    static const int64_t values[5] = {INT64_MAX, INT64_MAX, INT64_MIN, -1, INT64_MAX};
    uint64_t mask = 0x13;

    CHECK(baseline()->sum[3](values, NULL, 5) == (vl_int128)INT64_MAX * 2 - 2);
    CHECK(baseline()->sum[3](values, &mask, 5) == (vl_int128)INT64_MAX * 3);
}

static void
real_sum_keeps_what_rounding_takes(void)
{
    double values[24] = {0};
    vl_real_sum sum = {{0}, {0}, 0};
    vl_real_sum other = sum;

    values[3] = 1e100;
    values[11] = 1.0;
    values[19] = -1e100;
    baseline()->sum_real(&sum, values, NULL, 24);
    CHECK(vl_real_sum_total(&sum) == 1.0);
    baseline()->sum_real(&other, values, NULL, 24);
    vl_real_sum_merge(&sum, &other);
    CHECK(vl_real_sum_total(&sum) == 2.0);
    CHECK_EQ(sum.position, 48);
    values[0] = __builtin_inf();
    baseline()->sum_real(&sum, values, NULL, 24);
    CHECK(vl_real_sum_total(&sum) == __builtin_inf());
}

static void
number_sum_of_integers_is_exact(void)
{
    vl_number_sum sum = {{{0}, {0}, 0}, 0};
    vl_int128 want = 0;

    CHECK(rig_begin(VL_CPU_BASELINE));
    for (uint32_t round = 0; round < 300; round++) {
        double values[100];
        uint64_t is_integer[2] = {UINT64_MAX, UINT64_MAX};
        uint64_t mask[2] = {vl_rng_next(&rig.rng), vl_rng_next(&rig.rng)};

        for (uint32_t i = 0; i < 100; i++) {
            int64_t value = (int64_t)vl_rng_next(&rig.rng) >> (round < 150 ? 10 : 10 + i % 50);

            if (round < 100)
                value = value < 0 ? -value : value; /* far above 2^53 */
            values[i] = (double)value;
            if (vl_bits_get(mask, i))
                want += value;
        }
        vl_number_sum_add(vl_simd_best(), &sum, values, is_integer, mask, 100);
        CHECK_EQ(sum.real_count, 0);
        CHECK(vl_real_sum_integer(&sum.real) == want);
    }
}

static void
number_sum_counts_reals(void)
{
    double values[70] = {0};
    uint64_t is_integer[2] = {UINT64_MAX, 0};
    uint64_t mask[2] = {UINT64_MAX, UINT64_MAX};
    vl_number_sum sum = {{{0}, {0}, 0}, 0};

    is_integer[0] = UINT64_MAX - 1;
    vl_number_sum_add(baseline(), &sum, values, is_integer, NULL, 70);
    CHECK_EQ(sum.real_count, 7);
    mask[0] = ~(uint64_t)1;
    vl_number_sum_add(baseline(), &sum, values, is_integer, mask, 70);
    CHECK_EQ(sum.real_count, 13);
}

static void
hash_agrees_where_sql_says_equal(void)
{
    static const int64_t integers[] = {0,
                                       1,
                                       -1,
                                       123456789,
                                       (int64_t)1 << 51,
                                       INT64_MIN,
                                       -4503599627370496,
                                       ((int64_t)1 << 53) - 1,
                                       (int64_t)1 << 62};

    for (size_t i = 0; i < VL_ARRAY_COUNT(integers); i++) {
        double real = (double)integers[i];
        double negative_zero = -0.0;
        uint64_t of_integer;
        uint64_t of_real;
        uint64_t of_zero;

        vl_simd_best()->hash(&integers[i], 1, &of_integer);
        vl_simd_best()->hash_real(&real, 1, &of_real);
        CHECK(of_integer == of_real);
        vl_simd_best()->hash_real(&negative_zero, 1, &of_zero);
        CHECK_EQ(of_zero == of_integer, integers[i] == 0);
    }
}

static const unit_test tests[] = {
    UNIT_TEST(dispatch_obeys_the_environment),
    UNIT_TEST(range_says_what_comparison_says),
    UNIT_TEST(range_between_is_two_comparisons),
    UNIT_TEST(range_of_reals_says_what_comparison_says),
    UNIT_TEST(sum_of_extremes_is_exact),
    UNIT_TEST(real_sum_keeps_what_rounding_takes),
    UNIT_TEST(number_sum_of_integers_is_exact),
    UNIT_TEST(number_sum_counts_reals),
    UNIT_TEST(hash_agrees_where_sql_says_equal),
    UNIT_TEST(avx2_sums),
    UNIT_TEST(avx512_sums),
    UNIT_TEST(avx2_bounds),
    UNIT_TEST(avx512_bounds),
    UNIT_TEST(avx2_sum_real),
    UNIT_TEST(avx512_sum_real),
    UNIT_TEST(avx2_filters),
    UNIT_TEST(avx512_filters),
    UNIT_TEST(avx2_filters_real),
    UNIT_TEST(avx512_filters_real),
    UNIT_TEST(avx2_compare),
    UNIT_TEST(avx512_compare),
    UNIT_TEST(avx2_heads),
    UNIT_TEST(avx512_heads),
    UNIT_TEST(avx2_bitmaps),
    UNIT_TEST(avx512_bitmaps),
    UNIT_TEST(avx2_rows),
    UNIT_TEST(avx512_rows),
    UNIT_TEST(avx2_copies),
    UNIT_TEST(avx512_copies),
    UNIT_TEST(avx2_arithmetic),
    UNIT_TEST(avx512_arithmetic),
    UNIT_TEST(avx2_arithmetic_real),
    UNIT_TEST(avx512_arithmetic_real),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
