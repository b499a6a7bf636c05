/* test_like.c - LIKE and GLOB. Expected values are those of SQLite 3.53. */
#include "base/rng.h"
#include "lib/unit.h"
#include "vec/like.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS 20000

typedef struct like_case {
    const char *text;
    const char *pattern;
    int escape;
    int is_match;
} like_case;

static void
like_matches_like_sqlite(void)
{
    static const like_case cases[] = {
        {"abc", "A_C", 0, 1},    {"abc", "%", 0, 1},        {"", "%", 0, 1},
        {"", "", 0, 1},          {"", "_", 0, 0},           {"abc", "ab", 0, 0},
        {"ab", "abc", 0, 0},     {"a%c", "a\\%c", '\\', 1}, {"axc", "a\\%c", '\\', 0},
        {"a", "\\", '\\', 0},    {"a\\", "a\\\\", '\\', 1}, {"abc", "a%", '%', 0},
        {"a%", "a%%", '%', 1},   {"a%b", "%%b", '%', 0},    {"x", "_", '_', 0},
        {"_", "__", '_', 1},     {"x", "%_", '_', 0},       {"b", "aB", 'a', 1},
        {"B", "ab", 'a', 1},     {"\xc3\xa4", "_", 0, 1},   {"\xc3\xa4", "\xc3\x84", 0, 0},
        {"a", "a%%%%", 0, 1},    {"aab", "%a_", 0, 1},      {"abc", "_%_%_", 0, 1},
        {"ab", "%_%_%_", 0, 0},  {"aBC", "%bc", 0, 1},      {"\xff", "_", 0, 1},
        {"\xff\xff", "_", 0, 0}, {"\xc3", "_", 0, 1},       {"\xc3\xa4\xa4", "_", 0, 1},
        {"\x80", "_", 0, 1},     {"\x80\x80", "_", 0, 0},   {"A\x80", "a", 0, 0},
        {"A\x80", "a_", 0, 1},   {"\xc1\xa1", "a", 0, 0},   {"\xed\xa0\x80", "\xef\xbf\xbd", 0, 1}};
    int is_match;

    for (size_t i = 0; i < VL_ARRAY_COUNT(cases); i++) {
        CHECK_OK(vl_like_match(unit_ctx(), cases[i].pattern, strlen(cases[i].pattern),
                               cases[i].text, strlen(cases[i].text), (uint32_t)cases[i].escape,
                               &is_match));
        if (is_match != cases[i].is_match)
            unit_failed(__FILE__, __LINE__, "\"%s\" LIKE \"%s\" is %d", cases[i].text,
                        cases[i].pattern, is_match);
    }
    CHECK_OK(vl_like_match(unit_ctx(), "a", 1, "a\0b", 3, 0, &is_match));
    CHECK(is_match);
    CHECK_OK(vl_like_match(unit_ctx(), "a\0b", 3, "a", 1, 0, &is_match));
    CHECK(is_match);
}

static void
glob_matches_like_sqlite(void)
{
    static const like_case cases[] = {{"abc", "a*", 0, 1},
                                      {"abc", "A*", 0, 0},
                                      {"abc", "[a-c]bc", 0, 1},
                                      {"abc", "[^a]bc", 0, 0},
                                      {"a]c", "a[]]c", 0, 1},
                                      {"a-c", "a[-x]c", 0, 1},
                                      {"a-c", "a[x-]c", 0, 1},
                                      {"abc", "[abc", 0, 0},
                                      {"a^c", "a[^^]c", 0, 0},
                                      {"abc", "a?c", 0, 1},
                                      {"*", "[*]", 0, 1},
                                      {"ab", "a[]b", 0, 0},
                                      {"b", "[c-a]", 0, 0},
                                      {"b", "[a-]", 0, 0},
                                      {"a", "[", 0, 0},
                                      {"a", "[^]", 0, 0},
                                      {"x", "[^]]", 0, 1},
                                      {"a", "*[a]", 0, 1},
                                      {"abc", "*?c", 0, 1},
                                      {"bb", "*[b]*", 0, 1},
                                      {"aaaaab", "*a*a*b", 0, 1},
                                      {"aaaaab", "*a*a*c", 0, 0},
                                      {"a\xc3\xb6"
                                       "c",
                                       "a[\xc3\xa4-\xc3\xbc]c", 0, 1}};

    for (size_t i = 0; i < VL_ARRAY_COUNT(cases); i++) {
        int is_match;

        CHECK_OK(vl_glob_match(unit_ctx(), cases[i].pattern, strlen(cases[i].pattern),
                               cases[i].text, strlen(cases[i].text), &is_match));
        if (is_match != cases[i].is_match)
            unit_failed(__FILE__, __LINE__, "\"%s\" GLOB \"%s\" is %d", cases[i].text,
                        cases[i].pattern, is_match);
    }
}

/* The definition: try every length for each wildcard. */
static int
defined_match(const char *pattern, const char *text)
{
    if (*pattern == '\0')
        return *text == '\0';
    if (*pattern == '*')
        return defined_match(pattern + 1, text) ||
               (*text != '\0' && defined_match(pattern, text + 1));
    return *text != '\0' && (*pattern == '?' || *pattern == *text) &&
           defined_match(pattern + 1, text + 1);
}

static void
glob_agrees_with_its_definition(void)
{
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (int i = 0; i < ROUNDS; i++) {
        char pattern[9] = "";
        char text[11] = "";
        int is_match;

        for (uint64_t j = vl_rng_below(&rng, sizeof pattern); j > 0; j--)
            pattern[j - 1] = "ab?*"[vl_rng_below(&rng, 4)];
        for (uint64_t j = vl_rng_below(&rng, sizeof text); j > 0; j--)
            text[j - 1] = "ab"[vl_rng_below(&rng, 2)];
        CHECK_OK(
            vl_glob_match(unit_ctx(), pattern, strlen(pattern), text, strlen(text), &is_match));
        CHECK_EQ(is_match, defined_match(pattern, text));
    }
}

/* Short texts of few characters, so that matches are frequent. */
static size_t
like_fill(vl_rng *rng, const char *of, char *text)
{
    size_t size = vl_rng_below(rng, 12);

    for (size_t i = 0; i < size; i++)
        text[i] = of[vl_rng_below(rng, 10)];
    return size;
}

static void
like_of_plain_patterns_is_the_same(void)
{
    vl_rng rng;
    unsigned matches = 0;

    vl_rng_init(&rng, unit_seed());
    for (unsigned round = 0; round < 200000; round++) {
        char pattern[16], text[16];
        size_t pattern_size = like_fill(&rng, "%%%abABa@[%", pattern);
        size_t text_size =
            like_fill(&rng, round % 8 == 0 ? "aAbB\0\xc3\xa1\xc1@{" : "aAbBaAbB@[", text);
        int is_match;

        CHECK(vl_like_is_plain(pattern, pattern_size));
        CHECK_OK(vl_like_match(unit_ctx(), pattern, pattern_size, text, text_size, 0, &is_match));
        CHECK_EQ(vl_like_match_plain(pattern, pattern_size, text, text_size), is_match);
        matches += (unsigned)is_match;
    }
    CHECK(matches > 10000 && matches < 190000);
    CHECK(!vl_like_is_plain("a_", 2) && !vl_like_is_plain("a\0", 2));
    CHECK(!vl_like_is_plain("\xc3\xa1", 2) && vl_like_is_plain("", 0));
}

static void
like_refuses_bad_operands(void)
{
    static char long_pattern[VL_LIKE_PATTERN_MAX + 1];
    uint32_t escape;
    int is_match = 1;

    memset(long_pattern, '%', sizeof long_pattern);
    CHECK_STATUS(vl_like_match(unit_ctx(), long_pattern, sizeof long_pattern, "a", 1, 0, &is_match),
                 VELO_ERROR);
    CHECK_TEXT(unit_ctx()->error.text, "LIKE or GLOB pattern too complex");
    CHECK(!is_match);
    CHECK_STATUS(vl_glob_match(unit_ctx(), long_pattern, sizeof long_pattern, "a", 1, &is_match),
                 VELO_ERROR);
    CHECK_OK(
        vl_like_match(unit_ctx(), long_pattern, sizeof long_pattern - 1, "a", 1, 0, &is_match));
    CHECK(is_match);
    CHECK_STATUS(vl_like_escape(unit_ctx(), "xy", 2, &escape), VELO_ERROR);
    CHECK_STATUS(vl_like_escape(unit_ctx(), "", 0, &escape), VELO_ERROR);
    CHECK_OK(vl_like_escape(unit_ctx(), "\xc3\xa4", 2, &escape));
    CHECK_EQ(escape, 0xe4);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(like_matches_like_sqlite),        UNIT_TEST(glob_matches_like_sqlite),
        UNIT_TEST(glob_agrees_with_its_definition), UNIT_TEST(like_of_plain_patterns_is_the_same),
        UNIT_TEST(like_refuses_bad_operands),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
