/* number.c - numbers as text: reading and writing them as SQLite does.
 *
 * Invariants
 *   N1  strtod sees digits and an exponent only, never a point, so that no locale matters.
 *   N2  A mantissa is cut to READ_DIGITS_MAX significant digits with a 1 behind it when what was
 *       cut is not zero. No double and no midpoint of two doubles has more than 768 significant
 *       digits, so the nearest double stays the same.
 *   N3  The exponent that strtod sees is within EXPONENT_MAX, far beyond every double; before, it
 * is a sum of numbers that are far from overflow. */
#include "vec/number.h"

#include "vec/digits.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_DIGITS_MAX 770
#define EXPONENT_MAX    100000

/* No text is so long that its digits undo an exponent of this size. */
#define EXPONENT_WRITTEN_MAX 10000000000

/* Digits of a real in text. */
#define WRITE_DIGITS 17

/* A decimal number taken apart. */
typedef struct number_parts {
    const char *integer;  /* digits before the point */
    size_t integer_size;  /* how many */
    const char *fraction; /* digits behind the point */
    size_t fraction_size; /* how many */
    int is_negative;      /* whether it begins with '-' */
    int is_real;          /* whether it has a point or exponent */
    int64_t exponent;     /* that was written, within EXPONENT_WRITTEN_MAX */
    const char *end;      /* one past the number; NULL when there is none */
} number_parts;

static int
number_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int
number_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *
number_skip_spaces(const char *at, const char *end)
{
    while (at < end && number_is_space(*at))
        at++;
    return at;
}

static const char *
number_skip_digits(const char *at, const char *end)
{
    while (at < end && number_is_digit(*at))
        at++;
    return at;
}

/* Read an exponent at `at`, if there is a whole one. Returns what follows it. */
static const char *
number_take_exponent(number_parts *parts, const char *at, const char *end)
{
    const char *digit = at;
    int64_t exponent = 0;
    int is_negative;

    if (digit >= end || (*digit != 'e' && *digit != 'E'))
        return at;
    digit++;
    is_negative = digit < end && *digit == '-';
    if (digit < end && (*digit == '-' || *digit == '+'))
        digit++;
    if (digit >= end || !number_is_digit(*digit))
        return at;
    for (; digit < end && number_is_digit(*digit); digit++)
        if (exponent <= EXPONENT_WRITTEN_MAX)
            exponent = 10 * exponent + (*digit - '0');
    if (exponent > EXPONENT_WRITTEN_MAX)
        exponent = EXPONENT_WRITTEN_MAX;
    parts->exponent = is_negative ? -exponent : exponent;
    parts->is_real = 1;
    return digit;
}

static number_parts
number_take_apart(const char *text, const char *end)
{
    number_parts parts = {0};
    const char *at = number_skip_spaces(text, end);

    parts.is_negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    parts.integer = at;
    at = number_skip_digits(at, end);
    parts.integer_size = (size_t)(at - parts.integer);
    parts.fraction = at;
    if (at < end && *at == '.') {
        parts.is_real = 1;
        parts.fraction = at + 1;
        at = number_skip_digits(at + 1, end);
        parts.fraction_size = (size_t)(at - parts.fraction);
    }
    if (parts.integer_size + parts.fraction_size == 0)
        return parts;
    parts.end = number_take_exponent(&parts, at, end);
    return parts;
}

/* The integer of the digits [at, at + size), negated on demand. Returns 0 when it does not fit;
 * then *integer is the nearest that does. */
static int
number_join_integer(const char *at, size_t size, int is_negative, int64_t *integer)
{
    int64_t sum = 0;

    for (size_t i = 0; i < size; i++) {
        int digit = at[i] - '0';

        if (__builtin_mul_overflow(sum, (int64_t)10, &sum) ||
            __builtin_sub_overflow(sum, (int64_t)digit, &sum)) {
            *integer = is_negative ? INT64_MIN : INT64_MAX;
            return 0;
        }
    }
    if (!is_negative && sum == INT64_MIN) {
        *integer = INT64_MAX;
        return 0;
    }
    *integer = is_negative ? sum : -sum;
    return 1;
}

/* Significant digits on their way to strtod. */
typedef struct number_digits {
    char text[READ_DIGITS_MAX + 1 + 16]; /* digits; then room for a cut's 1 and an exponent */
    size_t count;                        /* digits in text */
    int64_t cut_count;                   /* digits that found no place */
    int is_cut;                          /* whether one of those was not 0 */
} number_digits;

static void
number_add_digits(number_digits *digits, const char *at, size_t size)
{
    size_t i = 0;

    while (digits->count == 0 && i < size && at[i] == '0')
        i++;
    for (; i < size && digits->count < READ_DIGITS_MAX; i++)
        digits->text[digits->count++] = at[i];
    digits->cut_count += (int64_t)(size - i);
    for (; i < size && !digits->is_cut; i++)
        digits->is_cut = at[i] != '0';
}

/* Few digits and a small power of ten, which are both exact in a double: then their product or
 * quotient is the nearest double, and so what strtod says (Clinger, How to Read Floating Point
 * Numbers Accurately, 1990). Returns 0 for others. keeps N1 */
static int
number_join_short(const number_digits *digits, int64_t exponent, double *magnitude)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    int64_t whole = 0;

    if (FLT_EVAL_METHOD != 0 || digits->count > 15 || digits->is_cut || exponent > 22 ||
        exponent < -22)
        return 0;
    for (size_t i = 0; i < digits->count; i++)
        whole = whole * 10 + (digits->text[i] - '0');
    *magnitude =
        exponent >= 0 ? (double)whole * powers[exponent] : (double)whole / powers[-exponent];
    return 1;
}

static double
number_join_real(const number_parts *parts)
{
    number_digits digits;
    double magnitude;
    int64_t exponent;

    digits.count = 0;
    digits.cut_count = 0;
    digits.is_cut = 0;
    number_add_digits(&digits, parts->integer, parts->integer_size);
    number_add_digits(&digits, parts->fraction, parts->fraction_size);
    if (digits.count == 0)
        return parts->is_negative ? -0.0 : 0.0;
    exponent = parts->exponent - (int64_t)parts->fraction_size + digits.cut_count;
    if (number_join_short(&digits, exponent, &magnitude))
        return parts->is_negative ? -magnitude : magnitude;
    if (digits.is_cut) { /* keeps N2 */
        digits.text[digits.count++] = '1';
        exponent--;
    }
    if (exponent > EXPONENT_MAX) /* keeps N3 */
        exponent = EXPONENT_MAX;
    if (exponent < -EXPONENT_MAX)
        exponent = -EXPONENT_MAX;
    (void)snprintf(digits.text + digits.count, sizeof digits.text - digits.count, "e%d",
                   (int)exponent);
    magnitude = strtod(digits.text, NULL); /* keeps N1; out of range gives infinity or zero */
    return parts->is_negative ? -magnitude : magnitude;
}

vl_number
vl_number_read(const void *text, size_t size)
{
    const char *begin = size > 0 ? text : "";
    const char *end = begin + size;
    number_parts parts = number_take_apart(begin, end);
    vl_number number = {.value = {.type = VL_TYPE_INTEGER}};

    if (parts.end == NULL)
        return number;
    number.is_found = 1;
    number.is_all = number_skip_spaces(parts.end, end) == end;
    if (!parts.is_real && number_join_integer(parts.integer, parts.integer_size, parts.is_negative,
                                              &number.value.as.integer))
        return number;
    number.value.type = VL_TYPE_REAL;
    number.value.as.real = number_join_real(&parts);
    return number;
}

int64_t
vl_number_read_integer(const void *text, size_t size)
{
    const char *begin = size > 0 ? text : "";
    number_parts parts = number_take_apart(begin, begin + size);
    int64_t integer = 0;

    (void)number_join_integer(parts.integer, parts.integer_size, parts.is_negative, &integer);
    return integer;
}

int
vl_number_read_hex(const void *text, size_t size, int64_t *value)
{
    const char *at = text;
    uint64_t bits = 0;

    *value = 0;
    if (size < 3 || at[0] != '0' || (at[1] != 'x' && at[1] != 'X'))
        return 0;
    for (size_t i = 2; i < size; i++) {
        char lower = (char)(at[i] | 0x20);
        unsigned digit;

        if (number_is_digit(at[i]))
            digit = (unsigned)(at[i] - '0');
        else if (lower >= 'a' && lower <= 'f')
            digit = (unsigned)(lower - 'a') + 10U;
        else
            return 0;
        if (bits >> 60 != 0)
            return 0;
        bits = bits << 4 | digit;
    }
    *value = (int64_t)bits;
    return 1;
}

int64_t
vl_number_truncate(double real)
{
    if (real >= 0x1p63)
        return INT64_MAX;
    if (real < -0x1p63)
        return INT64_MIN;
    return (int64_t)real;
}

int
vl_number_is_integer(double real, int64_t *integer)
{
    *integer = 0;
    if (!(real >= -0x1p63 && real < 0x1p63))
        return 0;
    *integer = (int64_t)real;
    return (double)*integer == real;
}

size_t
vl_number_write_integer(int64_t integer, char *to)
{
    char digits[20];
    size_t at = sizeof digits;
    size_t size = 0;
    uint64_t rest = integer < 0 ? 0 - (uint64_t)integer : (uint64_t)integer;

    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (integer < 0)
        to[size++] = '-';
    memcpy(to + size, digits + at, sizeof digits - at);
    return size + (sizeof digits - at);
}

/* Write digits without exponent; the point stands behind digit number `exponent`, from 0. */
static size_t
number_write_fixed(const char *digits, int count, int exponent, char *to)
{
    size_t size = 0;

    if (exponent < 0) {
        to[size++] = '0';
        to[size++] = '.';
        for (int i = -1; i > exponent; i--)
            to[size++] = '0';
        memcpy(to + size, digits, (size_t)count);
        return size + (size_t)count;
    }
    for (int i = 0; i <= exponent || i < count; i++) {
        if (i == exponent + 1)
            to[size++] = '.';
        to[size++] = '0';
        if (i < count)
            to[size - 1] = digits[i];
    }
    if (count <= exponent + 1) {
        to[size++] = '.';
        to[size++] = '0';
    }
    return size;
}

static size_t
number_write_scientific(const char *digits, int count, int exponent, char *to)
{
    size_t size = number_write_fixed(digits, count, 0, to);
    int magnitude = exponent < 0 ? -exponent : exponent;

    to[size++] = 'e';
    to[size++] = exponent < 0 ? '-' : '+';
    if (magnitude >= 100)
        to[size++] = (char)('0' + magnitude / 100);
    to[size++] = (char)('0' + magnitude / 10 % 10);
    to[size++] = (char)('0' + magnitude % 10);
    return size;
}

static size_t
number_write_word(const char *word, char *to)
{
    size_t size = 0;

    for (; word[size] != '\0'; size++)
        to[size] = word[size];
    return size;
}

size_t
vl_number_write_real(double real, char *to)
{
    vl_digits digits;
    double magnitude = fabs(real);
    size_t size = 0;
    int exponent;

    if (magnitude == 0.0)
        return number_write_word("0.0", to);
    if (real < 0.0)
        to[size++] = '-';
    if (isinf(magnitude))
        return size + number_write_word("Inf", to + size);
    vl_digits_find(magnitude, WRITE_DIGITS, VL_DIGITS_ALL, &digits);
    exponent = digits.point - 1;
    if (exponent < -4 || exponent >= WRITE_DIGITS)
        return size + number_write_scientific(digits.text, digits.count, exponent, to + size);
    return size + number_write_fixed(digits.text, digits.count, exponent, to + size);
}
