/* test_cpu.c - what the processor can do, and what the environment takes away. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "base/cpu.h"
#include "lib/unit.h"

#include <stdlib.h>
#include <string.h>

static void
cpu_level_names_parse(void)
{
    static const vl_cpu_level levels[] = {VL_CPU_BASELINE, VL_CPU_AVX2, VL_CPU_AVX512};
    static const char *const wrong[] = {"", "AVX2", "avx", "avx2 ", " avx2", "avx5122", "unknown"};
    vl_cpu_level level = VL_CPU_AVX512;

    for (size_t i = 0; i < VL_ARRAY_COUNT(levels); i++) {
        CHECK(vl_cpu_level_parse(vl_cpu_level_name(levels[i]), &level));
        CHECK_EQ(level, levels[i]);
    }
    CHECK_TEXT(vl_cpu_level_name(VL_CPU_BASELINE), "baseline");
    CHECK_TEXT(vl_cpu_level_name(VL_CPU_AVX2), "avx2");
    CHECK_TEXT(vl_cpu_level_name(VL_CPU_AVX512), "avx512");
    level = VL_CPU_AVX2;
    for (size_t i = 0; i < VL_ARRAY_COUNT(wrong); i++)
        CHECK(!vl_cpu_level_parse(wrong[i], &level));
    CHECK_EQ(level, VL_CPU_AVX2);
}

/* The environment is read at the first call, so each of these runs in a process of its own. The
 * level without it arrives here as an exit status. */
static vl_cpu_level cpu_full_level;

static void
cpu_exit_with_level(void)
{
    (void)unsetenv("VELO_CPU");
    exit(10 + (int)vl_cpu()->level);
}

static void
cpu_check_environment(const char *value, vl_cpu_level asked)
{
    vl_cpu_level wanted = asked < cpu_full_level ? asked : cpu_full_level;

    CHECK_EQ(setenv("VELO_CPU", value, 1), 0);
    CHECK_EQ(vl_cpu()->level, wanted);
    (void)unsetenv("VELO_CPU"); /* too late */
    CHECK_EQ(vl_cpu()->level, wanted);
}

static void
cpu_check_baseline(void)
{
    cpu_check_environment("baseline", VL_CPU_BASELINE);
}

static void
cpu_check_avx2(void)
{
    cpu_check_environment("avx2", VL_CPU_AVX2);
}

static void
cpu_check_avx512(void)
{
    cpu_check_environment("avx512", VL_CPU_AVX512);
}

static void
cpu_check_nonsense(void)
{
    cpu_check_environment("fastest", VL_CPU_AVX512);
}

static void
cpu_check_empty(void)
{
    cpu_check_environment("", VL_CPU_AVX512);
}

static void
cpu_environment_only_lowers(void)
{
    static void (*const checks[])(void) = {cpu_check_baseline, cpu_check_avx2, cpu_check_avx512,
                                           cpu_check_nonsense, cpu_check_empty};
    int status = unit_run_in_child(cpu_exit_with_level);

    CHECK(status >= 10 && status <= 12);
    cpu_full_level = status == 10 ? VL_CPU_BASELINE : status == 11 ? VL_CPU_AVX2 : VL_CPU_AVX512;
    for (size_t i = 0; i < VL_ARRAY_COUNT(checks); i++)
        CHECK_EQ(unit_run_in_child(checks[i]), 0);
}

static void
cpu_features_are_plausible(void)
{
    const vl_cpu_features *cpu = vl_cpu();

    CHECK(cpu == vl_cpu());
    CHECK(cpu->line_size >= 16 && cpu->line_size <= 1024);
    CHECK(vl_is_power_of_two(cpu->line_size));
    CHECK(cpu->l1d_size == 0 || cpu->l1d_size >= 1024);
    CHECK(cpu->l2_size == 0 || cpu->l2_size >= cpu->l1d_size);
    CHECK(memchr(cpu->model, '\0', sizeof cpu->model) != NULL);
    CHECK(!cpu->has_clflushopt || cpu->has_clflushopt == 1);
}

/* Code for the level found does run here: an instruction of each set. */
#if defined(__x86_64__)
__attribute__((target("avx2,bmi2"))) static unsigned
cpu_use_avx2(const unsigned *numbers)
{
    unsigned sums[8];

    for (unsigned i = 0; i < 8; i++)
        sums[i] = numbers[i] * 3;
    return sums[0] + sums[7];
}

__attribute__((target("avx512f,avx512bw,avx512vl"))) static unsigned
cpu_use_avx512(const unsigned *numbers)
{
    unsigned sums[16];

    for (unsigned i = 0; i < 16; i++)
        sums[i] = numbers[i] * 5;
    return sums[0] + sums[15];
}
#endif

static void
cpu_level_can_be_used(void)
{
#if defined(__x86_64__)
    unsigned numbers[16];

    for (unsigned i = 0; i < 16; i++)
        numbers[i] = i + 1;
    if (vl_cpu()->level >= VL_CPU_AVX2)
        CHECK_EQ(cpu_use_avx2(numbers), 27);
    if (vl_cpu()->level >= VL_CPU_AVX512)
        CHECK_EQ(cpu_use_avx512(numbers), 85);
    CHECK(vl_cpu()->level <= VL_CPU_AVX512);
#else
    CHECK_EQ(vl_cpu()->level, VL_CPU_BASELINE);
#endif
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(cpu_level_names_parse),
        UNIT_TEST(cpu_environment_only_lowers), /* before the first call in this process */
        UNIT_TEST(cpu_features_are_plausible),
        UNIT_TEST(cpu_level_can_be_used),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
