/* bench_simd.c - kernels of every instruction set on the same data: in the first-level cache (1,024
 * rows, a chunk) and in memory (rows for 64 MiB). GB/s count what the kernel reads and, where it
 * makes an array, writes; bitmaps are not counted. */
#define _GNU_SOURCE
#include "base/rng.h"
#include "lib/bench.h"
#include "simd/simd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SIMD_CHUNK_ROWS  1024U
#define SIMD_MEMORY_SIZE (64U << 20)

typedef enum simd_kind {
    SIMD_SUM_8,
    SIMD_SUM_32,
    SIMD_SUM_64,
    SIMD_SUM_64_MASK,
    SIMD_SUM_REAL,
    SIMD_BOUNDS_16,
    SIMD_RANGE_8,
    SIMD_RANGE_16,
    SIMD_RANGE_32,
    SIMD_RANGE_64,
    SIMD_RANGE_REAL,
    SIMD_IN_32,
    SIMD_COMPARE,
    SIMD_ROWS,
    SIMD_WIDEN_8,
    SIMD_ADD,
    SIMD_MULTIPLY,
    SIMD_HASH,
    SIMD_HASH_REAL
} simd_kind;

/* A kernel, and the bytes that it moves for a row. */
static const struct simd_row {
    simd_kind kind;   /* which */
    uint32_t bytes;   /* of a row */
    const char *name; /* of the series */
} simd_rows[] = {
    {SIMD_SUM_8, 1, "sum, 1 byte"},
    {SIMD_SUM_32, 4, "sum, 4 bytes"},
    {SIMD_SUM_64, 8, "sum, 8 bytes"},
    {SIMD_SUM_64_MASK, 8, "sum, 8 bytes, half of the rows"},
    {SIMD_SUM_REAL, 8, "sum, reals"},
    {SIMD_BOUNDS_16, 2, "min and max, 2 bytes"},
    {SIMD_RANGE_8, 1, "between, 1 byte"},
    {SIMD_RANGE_16, 2, "between, 2 bytes"},
    {SIMD_RANGE_32, 4, "between, 4 bytes"},
    {SIMD_RANGE_64, 8, "between, 8 bytes"},
    {SIMD_RANGE_REAL, 8, "between, reals"},
    {SIMD_IN_32, 4, "in list of 4, 4 bytes"},
    {SIMD_COMPARE, 16, "a < b, integers"},
    {SIMD_ROWS, 2, "bitmap to rows, half set"},
    {SIMD_WIDEN_8, 9, "widen 1 byte"},
    {SIMD_ADD, 24, "add, integers"},
    {SIMD_MULTIPLY, 24, "multiply, integers"},
    {SIMD_HASH, 16, "hash, integers"},
    {SIMD_HASH_REAL, 16, "hash, reals"},
};

/* One series. */
typedef struct simd_case {
    const vl_simd *simd;        /* the set */
    const struct simd_row *row; /* the kernel */
    uint32_t count;             /* rows of a call */
    uint64_t calls;             /* calls of a measurement */
    char name[96];              /* of the series */
} simd_case;

static struct {
    int64_t *a;     /* values, each below 2^20 */
    int64_t *b;     /* the same */
    double *reals;  /* money */
    uint64_t *mask; /* a random half */
    void *out;      /* room for what any kernel writes */
    simd_case cases[128];
    int case_count;
} simds;

static void
simd_call(const vl_simd *s, simd_kind kind, uint32_t n)
{
    static const vl_simd_range range = {40, 100, 0};
    static const vl_simd_real_range real_range = {100.0, 700.0, 0, 1, 0};
    static const uint64_t list[4] = {3, 99, 1000, 77777};
    vl_simd_bounds bounds = {INT64_MAX, INT64_MIN};
    vl_real_sum sum = {{0}, {0}, 0};

    switch (kind) {
    case SIMD_SUM_8:
        bench_use((uint64_t)s->sum[0](simds.a, NULL, n));
        break;
    case SIMD_SUM_32:
        bench_use((uint64_t)s->sum[2](simds.a, NULL, n));
        break;
    case SIMD_SUM_64:
        bench_use((uint64_t)s->sum[3](simds.a, NULL, n));
        break;
    case SIMD_SUM_64_MASK:
        bench_use((uint64_t)s->sum[3](simds.a, simds.mask, n));
        break;
    case SIMD_SUM_REAL:
        s->sum_real(&sum, simds.reals, NULL, n);
        bench_use((uint64_t)vl_real_sum_total(&sum));
        break;
    case SIMD_BOUNDS_16:
        s->bounds[1](&bounds, simds.a, NULL, n);
        bench_use((uint64_t)bounds.max);
        break;
    case SIMD_RANGE_8:
        s->in_range[0](simds.a, n, &range, simds.out);
        break;
    case SIMD_RANGE_16:
        s->in_range[1](simds.a, n, &range, simds.out);
        break;
    case SIMD_RANGE_32:
        s->in_range[2](simds.a, n, &range, simds.out);
        break;
    case SIMD_RANGE_64:
        s->in_range[3](simds.a, n, &range, simds.out);
        break;
    case SIMD_RANGE_REAL:
        s->in_range_real(simds.reals, n, &real_range, simds.out);
        break;
    case SIMD_IN_32:
        s->in_list[2](simds.a, n, list, 4, simds.out);
        break;
    case SIMD_COMPARE:
        s->compare(simds.a, simds.b, n, VL_SIMD_LT, simds.out);
        break;
    case SIMD_ROWS:
        bench_use(s->rows16(simds.mask, n, simds.out));
        break;
    case SIMD_WIDEN_8:
        s->widen[0](simds.a, n, 1000, simds.out);
        break;
    case SIMD_ADD:
        bench_use(s->add(simds.a, 1, simds.b, 1, NULL, n, simds.out));
        break;
    case SIMD_MULTIPLY:
        bench_use(s->multiply(simds.a, 1, simds.b, 1, NULL, n, simds.out));
        break;
    case SIMD_HASH:
        s->hash(simds.a, n, simds.out);
        break;
    case SIMD_HASH_REAL:
        s->hash_real(simds.reals, n, simds.out);
        break;
    }
    bench_use(*(uint64_t *)simds.out);
}

/* Processor time, so that what else runs on the machine counts little. */
static double
simd_seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double
simd_measure(void *user)
{
    const simd_case *c = user;
    double start;

    simd_call(c->simd, c->row->kind, c->count);
    start = simd_seconds();
    for (uint64_t i = 0; i < c->calls; i++)
        simd_call(c->simd, c->row->kind, c->count);
    return (double)c->calls * (double)c->count * c->row->bytes / (simd_seconds() - start) / 1e9;
}

static int
simd_add(bench *b, vl_cpu_level level, const struct simd_row *row, int in_memory)
{
    simd_case *c = &simds.cases[simds.case_count++];
    uint64_t bytes = bench_work(b, in_memory ? 128U << 20 : 64U << 20);

    c->simd = vl_simd_at(level);
    c->row = row;
    c->count = in_memory ? SIMD_MEMORY_SIZE / row->bytes : SIMD_CHUNK_ROWS;
    c->calls = bytes / ((uint64_t)c->count * row->bytes) + 1;
    (void)snprintf(c->name, sizeof c->name, "%s, %s, %s", row->name, in_memory ? "memory" : "L1",
                   vl_cpu_level_name(level));
    return bench_add(b, c->name, "GB/s", BENCH_MORE_IS_BETTER, simd_measure, c);
}

static void
simd_make_data(void)
{
    vl_rng rng;

    vl_rng_init(&rng, 1);
    simds.a = malloc(SIMD_MEMORY_SIZE);
    simds.b = malloc(SIMD_MEMORY_SIZE);
    simds.reals = malloc(SIMD_MEMORY_SIZE);
    simds.mask = malloc(SIMD_MEMORY_SIZE / 8);
    simds.out = malloc(SIMD_MEMORY_SIZE);
    if (simds.a == NULL || simds.b == NULL || simds.reals == NULL || simds.mask == NULL ||
        simds.out == NULL)
        exit(1);
    for (uint32_t i = 0; i < SIMD_MEMORY_SIZE / 8; i++) {
        simds.a[i] = (int64_t)(vl_rng_next(&rng) >> 44);
        simds.b[i] = (int64_t)(vl_rng_next(&rng) >> 44);
        simds.reals[i] = (double)(vl_rng_next(&rng) % 100000) / 100.0;
    }
    vl_rng_fill(&rng, simds.mask, SIMD_MEMORY_SIZE / 8);
    memset(simds.out, 0, SIMD_MEMORY_SIZE);
}

int
main(int argc, char **argv)
{
    bench *b = bench_create(argc, argv, "Kernels of each instruction set");

    simd_make_data();
    for (int in_memory = 0; in_memory < 2; in_memory++) {
        for (size_t i = 0; i < VL_ARRAY_COUNT(simd_rows); i++) {
            int baseline;

            if (in_memory && simd_rows[i].kind == SIMD_ROWS)
                continue; /* its numbers have 16 bits */
            baseline = simd_add(b, VL_CPU_BASELINE, &simd_rows[i], in_memory);

            for (vl_cpu_level level = VL_CPU_AVX2; level <= vl_cpu()->level; level++) {
                int fast = simd_add(b, level, &simd_rows[i], in_memory);

                if (level == vl_cpu()->level && !in_memory && simd_rows[i].kind <= SIMD_COMPARE)
                    bench_want_ratio(b, simds.cases[fast].name, fast, baseline, 1, 4.0);
            }
        }
    }
    return bench_finish(b);
}
