/* digits.c - the decimal digits of a double.
 *
 * Invariants
 *   D1  What snprintf gives is the correctly rounded decimal; of it only digits are looked at, so
 *       that no locale matters.
 *   D2  The first step cuts the exact number, or rounds it 5 up: a rounding of snprintf that has
 *       made zeros or a 5 with zeros is seen, and taken back with more digits.
 *   D3  Numbers from 1e-5 to 1e17 go through 128-bit integers, which are exact here, and give what
 * the way through snprintf gives. */
#include "vec/digits.h"

#include "base/bytes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Digits that are printed at first: three beyond the most; and where these do not decide. No
 * double that is not exact agrees with a shorter decimal to so many digits. */
#define DIGITS_PRINTED   (VL_DIGITS_MAX + 3)
#define DIGITS_CONFIRMED 40

/* Digits of the form that is shortened, and of the shorter one. */
#define DIGITS_LONG  17
#define DIGITS_SHORT 15

/* Powers of ten up to here are doubles, and with a double's 53 bits they make no more than 128. */
#define DIGITS_POWER_MAX 22

__extension__ typedef unsigned __int128 digits_uint128; /* not ISO C */

/* Write `count` significant digits to `to`; returns the power of ten of the first. */
static int
digits_print(double magnitude, int count, char *to)
{
    char text[DIGITS_CONFIRMED + 16];
    char *at = text;
    int found = 0;

    memset(to, '0', (size_t)count);
    (void)snprintf(text, sizeof text, "%.*e", count - 1, magnitude);
    for (; *at != 'e'; at++) /* keeps D1 */
        if (*at >= '0' && *at <= '9' && found < count)
            to[found++] = *at;
    return (int)strtol(at + 1, NULL, 10);
}

/* Add 1 to the last of `count` digits. Returns 1 when that made it 10...0, written as 1 and zeros;
 * of no digits too. */
static int
digits_count_up(char *digits, int count)
{
    int i = count - 1;

    while (i >= 0 && digits[i] == '9')
        digits[i--] = '0';
    if (i >= 0) {
        digits[i]++;
        return 0;
    }
    digits[0] = '1';
    return 1;
}

/* Keep the first `keep` of the digits, rounded 5 up. */
static void
digits_round(vl_digits *digits, int keep)
{
    int is_up;

    if (keep >= digits->count)
        return;
    is_up = keep >= 0 && digits->text[keep] >= '5';
    digits->count = keep < 0 ? 0 : keep;
    if (is_up && digits_count_up(digits->text, keep)) {
        digits->point++;
        digits->count = keep == 0 ? 1 : keep;
    }
}

static void
digits_trim(vl_digits *digits)
{
    while (digits->count > 0 && digits->text[digits->count - 1] == '0')
        digits->count--;
}

static digits_uint128
digits_power(int exponent)
{
    digits_uint128 power = 1;

    while (exponent-- > 0)
        power *= 10;
    return power;
}

/* The first step for magnitude * 10^power with the power from 0 to DIGITS_POWER_MAX, below 10^19.
 * Returns whether only zeros were cut. */
static int
digits_take_small(double magnitude, int power, int is_long, vl_digits *digits)
{
    uint64_t bits = vl_real_bits(magnitude);
    uint64_t mantissa = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1) << 52;
    int shift = 1075 - (int)(bits >> 52);
    digits_uint128 number = mantissa * digits_power(power); /* keeps D3 */
    digits_uint128 rest = 0;
    char *at = digits->text + sizeof digits->text;
    uint64_t whole;

    if (shift > 0) {
        rest = number & (((digits_uint128)1 << shift) - 1);
        whole = (uint64_t)(number >> shift);
        if (is_long && rest >> (shift - 1) != 0)
            whole++;
    } else {
        whole = (uint64_t)(number << -shift);
    }
    for (; whole > 0; whole /= 10)
        *--at = (char)('0' + whole % 10);
    digits->count = (int)(digits->text + sizeof digits->text - at);
    digits->point = digits->count - power;
    memmove(digits->text, at, (size_t)digits->count);
    return rest == 0;
}

/* The same for any number; `below` is the power of ten below its power of two. */
static int
digits_take_any(double magnitude, int below, int is_long, vl_digits *digits)
{
    char text[DIGITS_CONFIRMED];
    int is_exact = 0;
    int ten = digits_print(magnitude, DIGITS_PRINTED, text);
    int count = (is_long ? 18 : 17) + ten - below;

    if ((text[count] == '0' || text[count] == '5') && text[count + 1] == '0' &&
        text[count + 2] == '0') { /* keeps D2 */
        ten = digits_print(magnitude, DIGITS_CONFIRMED, text);
        is_exact = 1;
        for (int i = count; i < DIGITS_CONFIRMED; i++)
            is_exact &= text[i] == '0';
    }
    memcpy(digits->text, text, (size_t)count);
    digits->count = count;
    digits->point = ten + 1;
    if (is_long && text[count] >= '5' && digits_count_up(digits->text, count))
        digits->point++;
    return is_exact;
}

/* The first step: 17 digits, cut, or 18, rounded; one more where the header says so. Returns the
 * digits before the point of the power of two below the number, and 0 when more than zeros were
 * cut.
 */
static int
digits_take(double magnitude, int is_long, vl_digits *digits)
{
    int is_exact;
    int below;
    int power;
    int two;

    (void)frexp(magnitude, &two);
    below = ((two - 1) * 315653) >> 20; /* log10(2) * 2^20 */
    power = (is_long ? 17 : 16) - below;
    is_exact = power >= 0 && power <= DIGITS_POWER_MAX
                   ? digits_take_small(magnitude, power, is_long, digits)
                   : digits_take_any(magnitude, below, is_long, digits);
    return is_exact ? below + 1 : 0;
}

/* Whether the digits, 15 at most, are this double. Of such a number and a power of ten that are
 * both doubles one operation makes the nearest (Clinger, "How to read floating point numbers
 * accurately", PLDI 1990). */
static int
digits_are(const vl_digits *digits, double magnitude)
{
    int power = digits->point - digits->count;
    char text[VL_DIGITS_MAX + 16];
    uint64_t number = 0;

    if (power >= -DIGITS_POWER_MAX && power <= DIGITS_POWER_MAX) {
        double factor = (double)digits_power(power < 0 ? -power : power);

        for (int i = 0; i < digits->count; i++)
            number = 10 * number + (uint64_t)(digits->text[i] - '0');
        return (power < 0 ? (double)number / factor : (double)number * factor) == magnitude;
    }
    (void)snprintf(text, sizeof text, "%.*se%d", digits->count, digits->text, power);
    return strtod(text, NULL) == magnitude;
}

/* Round to 17 digits, or shorten to 15 where those give the same double. What is tried is what
 * SQLite tries: three zeros or two nines there, of large integers two zeros. */
static void
digits_shorten(vl_digits *digits, double magnitude)
{
    int is_nines = memcmp(digits->text + 14, "99", 2) == 0;
    int is_zeros = memcmp(digits->text + 13, "00", 2) == 0 &&
                   (digits->text[15] == '0' || digits->point >= digits->count);
    vl_digits brief = *digits;

    brief.count = DIGITS_SHORT;
    if (is_nines && digits_count_up(brief.text, DIGITS_SHORT))
        brief.point++;
    if ((is_nines || is_zeros) && digits_are(&brief, magnitude))
        *digits = brief;
    else
        digits_round(digits, DIGITS_LONG);
}

void
vl_digits_find(double magnitude, int round, int most, vl_digits *digits)
{
    int keep = round;
    int whole;

    memset(digits->text, '0', sizeof digits->text);
    digits->count = 0;
    digits->point = 1;
    if (magnitude == 0.0)
        return;
    whole = digits_take(magnitude, round <= 0 || round >= DIGITS_LONG, digits);
    if (round <= 0)
        keep = round < -1000000 ? most : digits->point - round;
    if (keep > most)
        keep = most;
    if (keep == DIGITS_LONG) {
        digits_shorten(digits, magnitude);
    } else {
        digits_trim(digits);
        /* A 5 that only zeros before the point follow goes down: 550 is 500, but 55 is 60. The
         * limit is as SQLite was observed to have it. */
        if (keep + 1 == digits->count && digits->text[keep] == '5' && whole > digits->count)
            digits->count = keep;
        digits_round(digits, keep);
    }
    digits_trim(digits);
}
