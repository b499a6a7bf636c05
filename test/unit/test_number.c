/* test_number.c - numbers as text. Expected values are those of SQLite 3.53. */
#include "lib/unit.h"
#include "vec/digits.h"
#include "vec/number.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 20000

static const char *
written(double real)
{
    static char text[VL_NUMBER_TEXT_SIZE + 1];

    text[vl_number_write_real(real, text)] = '\0';
    return text;
}

static void
number_writes_reals_like_sqlite(void)
{
    static const struct {
        double real;
        const char *text;
    } cases[] = {{0.0, "0.0"},
                 {-0.0, "0.0"},
                 {1.0, "1.0"},
                 {-1.5, "-1.5"},
                 {0.1, "0.1"},
                 {4.35, "4.35"},
                 {0.1 + 0.2, "0.30000000000000004"},
                 {0.1 + 0.7, "0.79999999999999993"},
                 {1.0 / 3.0, "0.33333333333333332"},
                 {2.0 / 3.0, "0.66666666666666663"},
                 {100.0 / 3.0, "33.333333333333336"},
                 {0x1.d91ea02bb12bbp+13, "15139.828208336015"}, /* of 19 digits */
                 {0x1.f494dbc7ba0bap-7, "0.015276534380476259"},
                 {1e15, "1000000000000000.0"},
                 {1e15 + 0.3, "1000000000000000.3"},
                 {1e16, "10000000000000000.0"},
                 {12345678901234567.0, "12345678901234568.0"},
                 {1e17, "1.0e+17"},
                 {1e20, "1.0e+20"},
                 {1e23, "1.0e+23"},
                 {1e100, "1.0e+100"},
                 {123456789012345678.0, "1.2345678901234568e+17"},
                 {0.0001, "0.0001"},
                 {0.00012345, "0.00012345"},
                 {0.00001, "1.0e-05"},
                 {3.14159265358979312, "3.1415926535897931"},
                 {57037.038184641, "57037.038184641002"},
                 {989315111.4, "989315111.4"},
                 {1.7976931348623157e308, "1.7976931348623157e+308"},
                 {5e-324, "4.9406564584124654e-324"},
                 {HUGE_VAL, "Inf"},
                 {-HUGE_VAL, "-Inf"}};

    for (size_t i = 0; i < VL_ARRAY_COUNT(cases); i++)
        CHECK_TEXT(written(cases[i].real), cases[i].text);
}

/* Digits and point of a real, "digits@point". */
static const char *
digits_of(double real, int round, int most)
{
    static char text[VL_DIGITS_MAX + 16];
    vl_digits digits;

    vl_digits_find(real, round, most, &digits);
    (void)snprintf(text, sizeof text, "%.*s@%d", digits.count, digits.text, digits.point);
    return text;
}

static void
digits_are_rounded_like_sqlite(void)
{
    static const struct {
        double real;
        int round;
        int most;
        const char *digits;
    } cases[] = {{0.0, 5, 16, "@1"},
                 {0.1, 26, VL_DIGITS_ALL, "1000000000000000056@0"}, /* 19 digits */
                 {1.0 / 3.0, 26, VL_DIGITS_ALL, "333333333333333315@0"},
                 {1.0 / 3.0, 26, 16, "3333333333333333@0"},
                 {0.1, 17, VL_DIGITS_ALL, "1@0"},
                 {980238e-14, 17, VL_DIGITS_ALL, "980238@-8"},
                 {980238e-15, 17, VL_DIGITS_ALL, "9802379999999999@-9"},
                 {983706e19, 17, VL_DIGITS_ALL, "983706@25"},
                 {99411655801e14, 17, VL_DIGITS_ALL, "99411655801@25"}, /* of two zeros */
                 {99984427328372e16, 17, VL_DIGITS_ALL, "99984427328372006@30"},
                 {0.1, 18, VL_DIGITS_ALL, "100000000000000006@0"},
                 {2.5, 0, 16, "3@1"},
                 {0.5, 0, 16, "1@1"},
                 {0.25, -1, 16, "3@0"},
                 {0.05, -1, 16, "1@0"},
                 {0.04, -1, 16, "@-1"},
                 {0.004, -1, 16, "@-2"},
                 {1.005, -2, 16, "1@1"}, /* is less than it seems */
                 {9.995, -2, 16, "999@1"},
                 {999.5, 3, 16, "1@4"},
                 {99.95, -1, 16, "1@3"},
                 {55.0, 1, 16, "6@2"},  /* a tie goes up */
                 {550.0, 1, 16, "5@3"}, /* but not before zeros that are digits of an integer */
                 {550.5, 1, 16, "6@3"},
                 {5510.0, 1, 16, "6@4"},
                 {10150.0, 3, 16, "102@5"},
                 {16450.0, 3, 16, "164@5"},
                 {0x1.000040p0, -17, VL_DIGITS_ALL, "100000381469726563@1"}, /* a tie at digit 19 */
                 {5e-324, 3, 16, "494@-323"},
                 {1.7976931348623157e308, 17, VL_DIGITS_ALL, "17976931348623157@309"},
                 {123456.0, -100000000, 16, "123456@6"},
                 {123456.0, INT_MIN + 1, 16, "123456@6"}};

    for (size_t i = 0; i < VL_ARRAY_COUNT(cases); i++)
        CHECK_TEXT(digits_of(cases[i].real, cases[i].round, cases[i].most), cases[i].digits);
}

/* The 18 or 19 digits of a number, from more than it needs. */
static void
print_digits(double real, char *to)
{
    char text[100];
    int two;
    int ten;
    int count = 0;
    int wanted;

    (void)frexp(real, &two);
    (void)snprintf(text, sizeof text, "%.60e", real);
    ten = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
    wanted = 18 + ten - (int)floor((two - 1) * log10(2.0));
    memmove(text + 1, text + 2, 60); /* no point */
    to[0] = '0';
    memcpy(to + 1, text, (size_t)wanted);
    for (int i = wanted; text[wanted] >= '5'; i--) {
        if (to[i]++ != '9')
            break;
        to[i] = '0';
    }
    count = wanted + 1;
    while (to[count - 1] == '0')
        count--;
    (void)snprintf(to + count, 16, "@%d", ten + 1 + (to[0] == '1'));
    if (to[0] == '0')
        memmove(to, to + 1, strlen(to));
}

/* Both ways to digits, and the borders between them. */
static void
digits_are_those_that_are_printed(void)
{
    char wanted[VL_DIGITS_MAX + 32];
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (int i = 0; i < 4 * ROUNDS; i++) {
        uint64_t bits = vl_rng_next(&rng) >> 12;
        int exponent = (int)vl_rng_below(&rng, i % 4 == 0 ? 2046 : 100) - (i % 4 == 0 ? 1022 : 30);
        double real;

        if (i % 3 == 0)
            bits &= UINT64_MAX << vl_rng_below(&rng, 52); /* often exact, and ties */
        real = ldexp(1.0 + ldexp((double)bits, -52), exponent);
        print_digits(real, wanted);
        if (strcmp(digits_of(real, 30, VL_DIGITS_ALL), wanted) != 0)
            unit_failed(__FILE__, __LINE__, "%a is \"%s\", not \"%s\"", real,
                        digits_of(real, 30, VL_DIGITS_ALL), wanted);
    }
}

/* A number that few digits make is written with these, but for some near a power of ten, which
 * SQLite writes with 16 digits as well: 9.8023799999999990e-10. */
static void
digits_are_few_where_few_suffice(void)
{
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (int i = 0; i < 4 * ROUNDS; i++) {
        int number = 100000 + (int)vl_rng_below(&rng, 700000);
        int power = (int)vl_rng_below(&rng, i % 2 == 0 ? 80 : 560) - (i % 2 == 0 ? 40 : 280);
        char text[48];
        char wanted[48];
        size_t count;

        (void)snprintf(text, sizeof text, "%de%d", number, power);
        count = (size_t)snprintf(wanted, sizeof wanted, "%d", number);
        power += (int)count;
        while (wanted[count - 1] == '0')
            count--;
        (void)snprintf(wanted + count, sizeof wanted - count, "@%d", power);
        CHECK_TEXT(digits_of(strtod(text, NULL), 17, VL_DIGITS_ALL), wanted);
    }
}

/* Texts with a point, near where few digits stop being few, against the system's. */
static void
number_reads_reals_as_strtod(void)
{
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (int i = 0; i < 40 * ROUNDS; i++) {
        int64_t digits = (int64_t)(vl_rng_next(&rng) >> (4 + vl_rng_below(&rng, 50)));
        char text[80];
        char plain[80];
        double wanted;
        vl_number number;
        size_t size = (size_t)snprintf(plain, sizeof plain, "%lld", (long long)digits);
        size_t point = (size_t)vl_rng_below(&rng, size + 1);
        int power = (int)vl_rng_below(&rng, 60) - 30;

        (void)snprintf(text, sizeof text, "%s%.*s.%s", i % 3 == 0 ? "-" : "", (int)point, plain,
                       plain + point);
        if (i % 2 == 0)
            (void)snprintf(text + strlen(text), 16, "e%d", power);
        wanted = strtod(text, NULL); /* tests run in the locale "C" */
        number = vl_number_read(text, strlen(text));
        CHECK_EQ(number.is_all, 1);
        CHECK_EQ(number.value.type, VL_TYPE_REAL);
        CHECK(memcmp(&number.value.as.real, &wanted, sizeof wanted) == 0);
    }
}

static void
number_writes_integers(void)
{
    static const int64_t cases[] = {0, 1, -1, 10, -10, INT64_MAX, INT64_MIN};
    char text[VL_NUMBER_TEXT_SIZE + 1];
    char wanted[32];

    for (size_t i = 0; i < VL_ARRAY_COUNT(cases); i++) {
        text[vl_number_write_integer(cases[i], text)] = '\0';
        (void)snprintf(wanted, sizeof wanted, "%lld", (long long)cases[i]);
        CHECK_TEXT(text, wanted);
    }
}

/* Any double comes back from its text. */
static void
number_text_gives_the_same_real(void)
{
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (int i = 0; i < ROUNDS; i++) {
        char text[VL_NUMBER_TEXT_SIZE];
        uint64_t bits = vl_rng_next(&rng);
        vl_number number;
        double real;
        size_t size;

        if (vl_rng_chance(&rng, 1, 4))
            bits &= UINT64_MAX << vl_rng_below(&rng, 52);
        memcpy(&real, &bits, sizeof real);
        if (isnan(real))
            continue;
        if (vl_rng_chance(&rng, 1, 4))
            real = (double)(int64_t)bits / pow(10, (double)vl_rng_below(&rng, 25));
        size = vl_number_write_real(real, text);
        CHECK(size <= sizeof text);
        if (isinf(real))
            continue;
        number = vl_number_read(text, size);
        CHECK(number.is_all);
        CHECK_EQ(number.value.type, VL_TYPE_REAL);
        CHECK(number.value.as.real == real);
    }
}

/* The kind of a number: 'n' none, then i or r, capital when all of the text is the number. */
static char
kind_of(const vl_number *number)
{
    if (!number->is_found)
        return 'n';
    if (number->value.type == VL_TYPE_INTEGER)
        return number->is_all ? 'I' : 'i';
    return number->is_all ? 'R' : 'r';
}

static void
number_reads_what_a_text_begins_with(void)
{
    static const struct {
        const char *text;
        char kind;
        double real;
    } cases[] = {
        {"", 'n', 0},
        {"abc", 'n', 0},
        {".", 'n', 0},
        {"-", 'n', 0},
        {"- 5", 'n', 0},
        {"e5", 'n', 0},
        {"12", 'I', 12},
        {" \t\n\v\f\r12 \t\n\v\f\r", 'I', 12},
        {"\xc2\xa0"
         "5",
         'n', 0},
        {"+5", 'I', 5},
        {"-5x", 'i', -5},
        {"0x10", 'i', 0},
        {"1_000", 'i', 1},
        {"5.", 'R', 5},
        {".5", 'R', 0.5},
        {"-.5e1", 'R', -5},
        {"1e3", 'R', 1000},
        {"1E+3 ", 'R', 1000},
        {"1e", 'i', 1},
        {"1.5e+", 'r', 1.5},
        {"1.5.5", 'r', 1.5},
        {"9223372036854775807", 'I', 0x1p63},
        {"9223372036854775808", 'R', 0x1p63},
        {"-9223372036854775808", 'I', -0x1p63},
        {"-9223372036854775809", 'R', -0x1p63},
        {"00000000000000000000000000000012", 'I', 12},
        {"1e999", 'R', HUGE_VAL},
        {"-1e99999999999999999999", 'R', -HUGE_VAL},
        {"1e-400", 'R', 0},
        {"0e99999999999999999999", 'R', 0},
        {"1.7976931348623157e308", 'R', 1.7976931348623157e308},
        {"2.2250738585072011e-308", 'R', 2.2250738585072011e-308},
        {"9007199254740993.0", 'R', 9007199254740992.0},
        {"9007199254740993.0000000000000000000000000000000000001", 'R', 9007199254740994.0}};

    for (size_t i = 0; i < VL_ARRAY_COUNT(cases); i++) {
        vl_number number = vl_number_read(cases[i].text, strlen(cases[i].text));
        double real = number.value.type == VL_TYPE_REAL ? number.value.as.real
                                                        : (double)number.value.as.integer;

        CHECK_EQ(kind_of(&number), cases[i].kind);
        CHECK(real == cases[i].real);
    }
}

/* Put a word somewhere, without an end. */
static void
put(char *to, const char *word)
{
    while (*word != '\0')
        *to++ = *word++;
}

/* A midpoint of two doubles with a tail of thousands of digits is decided by the last digit. */
static void
number_rounds_long_texts_exactly(void)
{
    static char text[300000];
    size_t size = sizeof text;
    vl_number number;

    memset(text, '0', size);
    put(text, "9007199254740993.");
    number = vl_number_read(text, size);
    CHECK(number.value.as.real == 9007199254740992.0);
    text[size - 1] = '1';
    number = vl_number_read(text, size);
    CHECK(number.value.as.real == 9007199254740994.0);
    memset(text, '0', size);
    text[0] = '.';
    text[size - 4] = '7';
    put(text + size - 3, "e99");
    number = vl_number_read(text, size);
    CHECK(number.value.as.real == 0.0);
    memset(text, '0', size);
    text[0] = '1';
    put(text + size - 8, "e-299988");
    number = vl_number_read(text, size);
    CHECK(number.is_all);
    CHECK(number.value.as.real == 1e3);
}

static void
number_reads_integers_as_cast_does(void)
{
    static const struct {
        const char *text;
        int64_t integer;
    } cases[] = {{"", 0},
                 {"  12abc", 12},
                 {"1e3", 1},
                 {"9.5e18", 9},
                 {".5", 0},
                 {"-7.9", -7},
                 {"0x10", 0},
                 {"9223372036854775808", INT64_MAX},
                 {"-9223372036854775808", INT64_MIN},
                 {"-99999999999999999999", INT64_MIN}};
    int64_t value;

    for (size_t i = 0; i < VL_ARRAY_COUNT(cases); i++)
        CHECK_EQ(vl_number_read_integer(cases[i].text, strlen(cases[i].text)), cases[i].integer);
    CHECK_EQ(vl_number_read_integer("1\0002", 3), 1);
    CHECK_EQ(vl_number_truncate(1e19), INT64_MAX);
    CHECK_EQ(vl_number_truncate(-1e19), INT64_MIN);
    CHECK_EQ(vl_number_truncate(-1.9), -1);
    CHECK(vl_number_is_integer(-0x1p63, &value) && value == INT64_MIN);
    CHECK(!vl_number_is_integer(0x1p63, &value));
    CHECK(!vl_number_is_integer(0.5, &value));
    CHECK(!vl_number_is_integer(HUGE_VAL, &value));
}

static void
number_reads_hex_literals(void)
{
    int64_t value;

    CHECK(vl_number_read_hex("0x1F", 4, &value) && value == 31);
    CHECK(vl_number_read_hex("0XffffFFFFffffFFFF", 18, &value) && value == -1);
    CHECK(vl_number_read_hex("0x00ffffffffffffffff", 20, &value) && value == -1);
    CHECK(!vl_number_read_hex("0x1ffffffffffffffff", 19, &value));
    CHECK(!vl_number_read_hex("0x", 2, &value));
    CHECK(!vl_number_read_hex("0xg", 3, &value));
    CHECK(!vl_number_read_hex("1x1", 3, &value));
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(number_writes_reals_like_sqlite),
        UNIT_TEST(digits_are_rounded_like_sqlite),
        UNIT_TEST(digits_are_those_that_are_printed),
        UNIT_TEST(digits_are_few_where_few_suffice),
        UNIT_TEST(number_reads_reals_as_strtod),
        UNIT_TEST(number_writes_integers),
        UNIT_TEST(number_text_gives_the_same_real),
        UNIT_TEST(number_reads_what_a_text_begins_with),
        UNIT_TEST(number_rounds_long_texts_exactly),
        UNIT_TEST(number_reads_integers_as_cast_does),
        UNIT_TEST(number_reads_hex_literals),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
