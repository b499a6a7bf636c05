/* cpu.c - asks the processor and the C library, once.
 *
 * Invariant C1: the features are written before the once-guard opens and never after it. */
#include "base/cpu.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

static pthread_once_t cpu_once = PTHREAD_ONCE_INIT;
static vl_cpu_features cpu_found;

#if defined(__x86_64__)
static void
cpu_read_model(vl_cpu_features *found)
{
    unsigned words[12] = {0};

    for (size_t i = 0; i < 3; i++)
        if (!__get_cpuid(0x80000002U + (unsigned)i, &words[4 * i], &words[4 * i + 1],
                         &words[4 * i + 2], &words[4 * i + 3]))
            return;
    memcpy(found->model, words, sizeof words);
    found->model[sizeof words] = '\0';
}

/* The compiler's support functions also ask whether the system saves the wide registers. */
static vl_cpu_level
cpu_detect_level(void)
{
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi") ||
        !__builtin_cpu_supports("bmi2") || !__builtin_cpu_supports("fma") ||
        !__builtin_cpu_supports("popcnt"))
        return VL_CPU_BASELINE;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl") ||
        !__builtin_cpu_supports("avx512cd") || !__builtin_cpu_supports("avx512vbmi2"))
        return VL_CPU_AVX2;
    return VL_CPU_AVX512;
}

static void
cpu_detect(vl_cpu_features *found)
{
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;

    __builtin_cpu_init();
    found->level = cpu_detect_level();
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        found->has_clflushopt = (b & (1U << 23)) != 0;
        found->has_clwb = (b & (1U << 24)) != 0;
    }
    if (__get_cpuid(1, &a, &b, &c, &d)) {
        found->has_crc32 = (c & (1U << 20)) != 0;
        found->has_pclmul = (c & (1U << 1)) != 0;
    }
    cpu_read_model(found);
}
#else
static void
cpu_detect(vl_cpu_features *found)
{
    found->level = VL_CPU_BASELINE;
}
#endif

/* A size from the C library's tables; 0 where it does not know. */
static uint32_t
cpu_sysconf(int name)
{
    long value = sysconf(name);

    return value > 0 && value <= INT32_MAX ? (uint32_t)value : 0;
}

static void
cpu_apply_environment(vl_cpu_features *found)
{
    const char *name = getenv("VELO_CPU");
    vl_cpu_level wanted;

    if (name != NULL && vl_cpu_level_parse(name, &wanted) && wanted < found->level)
        found->level = wanted;
}

static void
cpu_init(void)
{
    cpu_detect(&cpu_found);
#if defined(_SC_LEVEL1_DCACHE_SIZE)
    cpu_found.line_size = cpu_sysconf(_SC_LEVEL1_DCACHE_LINESIZE);
    cpu_found.l1d_size = cpu_sysconf(_SC_LEVEL1_DCACHE_SIZE);
    cpu_found.l2_size = cpu_sysconf(_SC_LEVEL2_CACHE_SIZE);
#endif
    if (cpu_found.line_size == 0)
        cpu_found.line_size = VL_CACHE_LINE_SIZE;
    cpu_apply_environment(&cpu_found);
}

const vl_cpu_features *
vl_cpu(void)
{
    (void)pthread_once(&cpu_once, cpu_init); /* fails only for an invalid guard */
    return &cpu_found;
}

const char *
vl_cpu_level_name(vl_cpu_level level)
{
    switch (level) {
    case VL_CPU_BASELINE:
        return "baseline";
    case VL_CPU_AVX2:
        return "avx2";
    case VL_CPU_AVX512:
        return "avx512";
    }
    return "unknown";
}

int
vl_cpu_level_parse(const char *name, vl_cpu_level *level)
{
    for (vl_cpu_level l = VL_CPU_BASELINE; l <= VL_CPU_AVX512; l++) {
        if (strcmp(name, vl_cpu_level_name(l)) == 0) {
            *level = l;
            return 1;
        }
    }
    return 0;
}
