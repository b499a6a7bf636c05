/* format.c - format() and printf().
 *
 * A conversion is read into a format_spec, its text is made, and the text is set into its width.
 * Numbers are made in pieces: what precedes them, zeros, digits; so that no precision needs memory
 * but that of the result.
 *
 * Invariants
 *   P1  Each conversion takes its arguments in order: width, precision, value. One that is missing
 *       is NULL: 0, 0.0 or no text.
 *   P2  A conversion that does not exist ends the result; what was made stays. */
#include "func/func_int.h"

#include "vec/digits.h"
#include "vec/number.h"

#include <math.h>
#include <string.h>

#define FORMAT_PRECISION_MAX 100000000

/* Significant digits of a real without '!'. */
#define FORMAT_DIGITS 16

/* Point of an infinite number that is written as digits. */
#define FORMAT_INFINITE_POINT 1000

/* Longest integer: octal digits of 64 bits, and the letters of an ordinal. */
#define FORMAT_INTEGER_SIZE 24

/* What is being converted. */
typedef struct format_state {
    vl_func_buffer *to;
    vl_func_bytes rest;   /* of the format */
    const vl_value *args; /* not taken yet */
    int count;            /* how many */
} format_state;

/* A conversion between '%' and its letter. */
typedef struct format_spec {
    int is_left;      /* '-' */
    int is_sharp;     /* '#' */
    int is_full;      /* '!' */
    int is_zeros;     /* '0' */
    int is_thousands; /* ',' */
    char sign;        /* '+' or ' ' before what is not negative; or 0 */
    int width;        /* at least 0 */
    int precision;    /* -1 for none */
    char letter;      /* the conversion; 0 for none */
} format_spec;

/* The next argument, or NULL; keeps P1. */
static vl_value
format_take(format_state *state)
{
    if (state->count == 0)
        return vl_value_of_null();
    state->count--;
    return *state->args++;
}

/* The next argument as a width or precision: its lower 32 bits. */
static int
format_take_int(format_state *state)
{
    vl_value value = format_take(state);

    return (int)(int32_t)(uint32_t)(uint64_t)vl_value_integer(&value);
}

/* The byte `ahead` of the format's rest; 0 behind its end. */
static char
format_peek(const format_state *state, size_t ahead)
{
    return ahead < (size_t)(state->rest.end - state->rest.at) ? (char)state->rest.at[ahead] : '\0';
}

static int
format_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Read digits; too many wrap around 2^32 as in SQLite, and stay below 2^31. */
static int
format_read_digits(format_state *state)
{
    uint32_t number = 0;

    for (; format_is_digit(format_peek(state, 0)); state->rest.at++)
        number = number * 10 + (uint32_t)(format_peek(state, 0) - '0');
    return (int)(number & 0x7fffffffU);
}

/* Read a flag; returns 0 when there is none. */
static int
format_read_flag(format_state *state, format_spec *spec)
{
    switch (format_peek(state, 0)) {
    case '-':
        spec->is_left = 1;
        break;
    case '+':
    case ' ':
        spec->sign = format_peek(state, 0);
        break;
    case '#':
        spec->is_sharp = 1;
        break;
    case '!':
        spec->is_full = 1;
        break;
    case '0':
        spec->is_zeros = 1;
        break;
    case ',':
        spec->is_thousands = 1;
        break;
    default:
        return 0;
    }
    state->rest.at++;
    return 1;
}

static void
format_read_width(format_state *state, format_spec *spec)
{
    if (format_peek(state, 0) != '*') {
        spec->width = format_read_digits(state);
        return;
    }
    state->rest.at++;
    spec->width = format_take_int(state);
    if (spec->width < 0) {
        spec->is_left = 1;
        spec->width = spec->width >= -INT32_MAX ? -spec->width : 0;
    }
}

static void
format_read_precision(format_state *state, format_spec *spec)
{
    state->rest.at++; /* the point */
    if (format_peek(state, 0) != '*') {
        spec->precision = format_read_digits(state);
        return;
    }
    state->rest.at++;
    spec->precision = format_take_int(state);
    if (spec->precision < 0)
        spec->precision = spec->precision >= -INT32_MAX ? -spec->precision : -1;
}

/* Read what stands behind a '%'. */
static format_spec
format_read_spec(format_state *state)
{
    format_spec spec = {.precision = -1};
    char c;

    while (format_read_flag(state, &spec))
        continue;
    c = format_peek(state, 0);
    if (c == '*' || format_is_digit(c))
        format_read_width(state, &spec);
    if (format_peek(state, 0) == '.')
        format_read_precision(state, &spec);
    for (int i = 0; i < 2 && format_peek(state, 0) == 'l'; i++)
        state->rest.at++; /* all integers are long */
    spec.letter = format_peek(state, 0);
    if (spec.letter != '\0')
        state->rest.at++;
    return spec;
}

/* Append text in the width of the conversion, which counts bytes, or characters with '!'. */
static void
format_set(format_state *state, const format_spec *spec, vl_func_bytes text)
{
    size_t size = (size_t)(text.end - text.at);
    size_t taken = size;
    size_t fill;

    if (spec->is_full)
        for (size_t i = 0; i < size; i++)
            taken -= (text.at[i] & 0xc0U) == 0x80U;
    fill = taken < (size_t)spec->width ? (size_t)spec->width - taken : 0;
    if (!spec->is_left)
        vl_func_append_fill(state->to, ' ', fill);
    vl_func_append(state->to, text.at, size);
    if (spec->is_left)
        vl_func_append_fill(state->to, ' ', fill);
}

/* ---- integers ---- */

/* An integer in pieces. */
typedef struct format_integer {
    char text[FORMAT_INTEGER_SIZE]; /* digits, perhaps with the letters of an ordinal behind */
    size_t size;                    /* of the text */
    char before[4];                 /* sign, "0x" */
    size_t before_size;
} format_integer;

/* Write the digits of a number with its letters behind them. */
static void
format_write_digits(format_integer *integer, uint64_t number, unsigned base, const char *digits,
                    const char *letters)
{
    char *end = integer->text + sizeof integer->text;
    char *at = end;

    for (size_t i = strlen(letters); i > 0; i--)
        *--at = letters[i - 1];
    do {
        *--at = digits[number % base];
        number /= base;
    } while (number > 0);
    integer->size = (size_t)(end - at);
    memmove(integer->text, at, integer->size);
}

/* Append the text, filled up with zeros before it, with a comma before each third from the end. */
static void
format_append_thousands(format_state *state, const format_integer *integer, size_t zeros)
{
    size_t size = zeros + integer->size;

    for (size_t i = 0; i < size && state->to->bad == VELO_OK; i++) {
        vl_func_append_char(state->to, i < zeros ? '0' : integer->text[i - zeros]);
        if (i + 1 < size && (size - i - 1) % 3 == 0)
            vl_func_append_char(state->to, ',');
    }
}

/* Append an integer in pieces, with zeros up to the precision and blanks up to the width. */
static void
format_set_integer(format_state *state, const format_spec *spec, const format_integer *integer,
                   int precision)
{
    size_t zeros =
        precision > 0 && (size_t)precision > integer->size ? (size_t)precision - integer->size : 0;
    size_t size = zeros + integer->size;
    size_t fill;

    if (spec->is_thousands)
        size += (size - 1) / 3;
    size += integer->before_size;
    if (size > VL_VALUE_SIZE_MAX) { /* not digit by digit */
        state->to->bad = VELO_TOOBIG;
        return;
    }
    fill = size < (size_t)spec->width ? (size_t)spec->width - size : 0;
    if (!spec->is_left)
        vl_func_append_fill(state->to, ' ', fill);
    vl_func_append(state->to, integer->before, integer->before_size);
    if (spec->is_thousands) {
        format_append_thousands(state, integer, zeros);
    } else {
        vl_func_append_fill(state->to, '0', zeros);
        vl_func_append(state->to, integer->text, integer->size);
    }
    if (spec->is_left)
        vl_func_append_fill(state->to, ' ', fill);
}

/* %d %i %r, and %u. */
static void
format_decimal(format_state *state, const format_spec *spec)
{
    static const char *const ordinals[] = {"th", "st", "nd", "rd"};
    vl_value value = format_take(state);
    int64_t number = vl_value_integer(&value);
    int is_signed = spec->letter != 'u';
    int is_negative = is_signed && number < 0;
    uint64_t magnitude = is_negative ? 0 - (uint64_t)number : (uint64_t)number;
    const char *letters = "";
    int precision = spec->precision;
    format_spec plain = *spec;
    format_integer integer = {.size = 0};

    if (is_negative)
        integer.before[integer.before_size++] = '-';
    else if (is_signed && spec->sign != 0)
        integer.before[integer.before_size++] = spec->sign;
    if (spec->letter == 'r') {
        plain.is_thousands = 0;
        letters = ordinals[magnitude % 10 < 4 && magnitude / 10 % 10 != 1 ? magnitude % 10 : 0];
    }
    format_write_digits(&integer, magnitude, 10, "0123456789", letters);
    if (spec->is_zeros && precision < spec->width - (int)integer.before_size)
        precision = spec->width - (int)integer.before_size;
    format_set_integer(state, &plain, &integer, precision);
}

/* %o %x %X %p. */
static void
format_radix(format_state *state, const format_spec *spec)
{
    vl_value value = format_take(state);
    uint64_t number = (uint64_t)vl_value_integer(&value);
    const char *digits = spec->letter == 'x' ? "0123456789abcdef" : "0123456789ABCDEF";
    format_spec plain = *spec;
    format_integer integer = {.size = 0};
    int precision = spec->precision;

    plain.is_thousands = 0;
    if (spec->is_sharp && number != 0) {
        integer.before[integer.before_size++] = '0';
        if (spec->letter != 'o')
            integer.before[integer.before_size++] = spec->letter == 'X' ? 'X' : 'x';
    }
    format_write_digits(&integer, number, spec->letter == 'o' ? 8 : 16, digits, "");
    if (spec->is_zeros && precision < spec->width)
        precision = spec->width;
    format_set_integer(state, &plain, &integer, precision);
}

/* ---- reals ---- */

/* A real that is being written: its digits, and how. */
typedef struct format_real {
    vl_digits digits;
    int next;         /* digits that were written */
    int precision;    /* digits behind the point that are wanted */
    int has_exponent; /* whether it is written with one */
    int is_trimmed;   /* whether zeros at the end are left out */
    int has_point;    /* whether a point is written in any case */
    char sign;        /* or 0 */
} format_real;

static char
format_next_digit(format_real *real)
{
    return real->next < real->digits.count ? real->digits.text[real->next++] : '0';
}

/* Decide how %f, %e or %g writes the number. */
static format_real
format_plan_real(const format_spec *spec, double number)
{
    format_real real = {.precision = spec->precision};
    char kind = (char)(spec->letter | 0x20);
    int round;

    if (real.precision < 0)
        real.precision = 6;
    if (real.precision > FORMAT_PRECISION_MAX)
        real.precision = FORMAT_PRECISION_MAX;
    if (kind == 'g' && real.precision == 0)
        real.precision = 1;
    round = kind == 'f' ? -real.precision : kind == 'g' ? real.precision : real.precision + 1;
    if (isinf(number))
        real.digits = (vl_digits){.text = "9", .count = 1, .point = FORMAT_INFINITE_POINT};
    else
        vl_digits_find(fabs(number), round, spec->is_full ? VL_DIGITS_ALL : FORMAT_DIGITS,
                       &real.digits);
    real.sign = number < 0.0 ? '-' : spec->sign;
    if (number < 0.0 && kind == 'f' && spec->is_sharp && spec->sign == 0 &&
        real.digits.point <= round)
        real.sign = 0; /* no -0.00 */
    real.is_trimmed = spec->is_full;
    real.has_exponent = kind == 'e';
    if (kind == 'g') {
        int exponent = real.digits.point - 1;

        real.precision--;
        real.is_trimmed = !spec->is_sharp;
        real.has_exponent = exponent < -4 || exponent > real.precision;
        if (!real.has_exponent)
            real.precision -= exponent;
    }
    real.has_point = real.precision > 0 || spec->is_sharp || spec->is_full;
    return real;
}

static void
format_append_exponent(vl_func_buffer *to, char letter, int exponent)
{
    int magnitude = exponent < 0 ? -exponent : exponent;

    vl_func_append_char(to, letter);
    vl_func_append_char(to, exponent < 0 ? '-' : '+');
    if (magnitude >= 100)
        vl_func_append_char(to, (char)('0' + magnitude / 100));
    vl_func_append_char(to, (char)('0' + magnitude / 10 % 10));
    vl_func_append_char(to, (char)('0' + magnitude % 10));
}

/* Append the digits behind the point; `zeros` stand before the first. */
static void
format_append_fraction(vl_func_buffer *to, format_real *real, int zeros)
{
    int digits = real->precision - zeros;

    if (zeros > real->precision)
        zeros = real->precision;
    vl_func_append_fill(to, '0', zeros > 0 ? (size_t)zeros : 0);
    for (; digits > 0 && real->next < real->digits.count; digits--)
        vl_func_append_char(to, format_next_digit(real));
    vl_func_append_fill(to, '0', digits > 0 ? (size_t)digits : 0);
}

/* Append a real's digits and point; sign and exponent are the caller's. */
static void
format_append_digits(vl_func_buffer *to, const format_spec *spec, format_real *real, int is_full)
{
    int exponent = real->has_exponent ? 0 : real->digits.point - 1;
    int zeros;

    if (exponent < 0)
        vl_func_append_char(to, '0');
    for (int i = exponent; i >= 0; i--) {
        vl_func_append_char(to, format_next_digit(real));
        if (spec->is_thousands && i % 3 == 0 && i > 1)
            vl_func_append_char(to, ',');
    }
    if (!real->has_point)
        return;
    vl_func_append_char(to, '.');
    zeros = exponent < 0 ? -exponent - 1 : 0;
    if (real->is_trimmed && real->precision > zeros + real->digits.count - real->next)
        real->precision = zeros + real->digits.count - real->next; /* the rest would be zeros */
    format_append_fraction(to, real, zeros);
    if (!real->is_trimmed || to->bad != VELO_OK)
        return;
    while (to->text[to->size - 1] == '0')
        to->size--;
    if (to->text[to->size - 1] == '.') {
        to->size--;
        if (is_full)
            vl_func_append(to, ".0", 2);
    }
}

/* Move what was appended since `begin` to the right, into the width. */
static void
format_widen(vl_func_buffer *to, const format_spec *spec, size_t begin, size_t sign_size)
{
    size_t size = to->size - begin;
    size_t fill = size < (size_t)spec->width ? (size_t)spec->width - size : 0;
    size_t at = spec->is_zeros && !spec->is_left ? begin + sign_size : begin;

    vl_func_append_fill(to, ' ', fill);
    if (to->bad != VELO_OK || spec->is_left || fill == 0)
        return;
    memmove(to->text + at + fill, to->text + at, begin + size - at);
    memset(to->text + at, spec->is_zeros ? '0' : ' ', fill);
}

/* %f %e %E %g %G. */
static void
format_reals(format_state *state, const format_spec *spec)
{
    vl_func_buffer *to = state->to;
    vl_value value = format_take(state);
    double number = vl_value_real(&value);
    size_t begin = to->size;
    format_real real;

    if (isinf(number) && !spec->is_zeros) {
        char text[] = {number < 0.0 ? '-' : spec->sign, 'I', 'n', 'f'};
        size_t skip = text[0] == 0;

        vl_func_append(to, text + skip, sizeof text - skip);
        format_widen(to, spec, begin, 0);
        return;
    }
    real = format_plan_real(spec, number);
    if (real.sign != 0)
        vl_func_append_char(to, real.sign);
    format_append_digits(to, spec, &real, spec->is_full);
    if (real.has_exponent)
        format_append_exponent(to, spec->letter < 'a' ? 'E' : 'e', real.digits.point - 1);
    format_widen(to, spec, begin, real.sign != 0);
}

/* ---- text ---- */

/* Cut text to the precision, in bytes, or in characters with '!'. */
static void
format_cut(const format_spec *spec, vl_func_bytes *text)
{
    vl_func_bytes rest = *text;

    if (spec->precision < 0)
        return;
    if (!spec->is_full) {
        if (spec->precision < text->end - text->at)
            text->end = text->at + spec->precision;
        return;
    }
    for (int i = 0; i < spec->precision && rest.at < rest.end; i++)
        vl_func_skip(&rest);
    text->end = rest.at;
}

/* %s %z. */
static void
format_string(format_state *state, const format_spec *spec)
{
    char room[VL_NUMBER_TEXT_SIZE];
    vl_value value = format_take(state);
    vl_func_bytes text = vl_func_text_of(&value, room);

    format_cut(spec, &text);
    format_set(state, spec, text);
}

/* %c: the first character of a text, a byte 0 of none; as often as the precision says. */
static void
format_character(format_state *state, const format_spec *spec)
{
    static const unsigned char zero[4] = {0}; /* as long as a character may be */
    char room[VL_NUMBER_TEXT_SIZE];
    vl_value value = format_take(state);
    vl_func_bytes text = vl_func_text_of(&value, room);
    vl_func_bytes rest = text;
    format_spec last = *spec;

    if (text.at == text.end)
        text = rest = (vl_func_bytes){zero, zero + 1};
    vl_func_skip(&rest);
    text.end = rest.at - text.at < 4 ? rest.at : text.at + 4;
    last.is_full = 1;
    if (spec->precision > 1) {
        last.width = spec->width > spec->precision - 1 ? spec->width - (spec->precision - 1) : 0;
        if (last.width > 1 && !spec->is_left) {
            vl_func_append_fill(state->to, ' ', (size_t)last.width - 1);
            last.width = 0;
        }
        for (int i = 1; i < spec->precision && state->to->bad == VELO_OK; i++)
            vl_func_append(state->to, text.at, (size_t)(text.end - text.at));
    }
    format_set(state, &last, text);
}

/* %q %Q %w: text for SQL, with its quotes doubled. */
static void
format_escaped(format_state *state, const format_spec *spec)
{
    char room[VL_NUMBER_TEXT_SIZE];
    vl_func_buffer made = {.arena = state->to->arena};
    vl_value value = format_take(state);
    vl_func_bytes text = vl_func_text_of(&value, room);
    int is_quoted = spec->letter == 'Q' && value.type != VL_TYPE_NULL;
    int is_escaped = 0;
    int is_unistr = 0;

    if (value.type == VL_TYPE_NULL) {
        text.at = (const unsigned char *)(spec->letter == 'Q' ? "NULL" : "(NULL)");
        text.end = text.at + (spec->letter == 'Q' ? 4 : 6);
    }
    format_cut(spec, &text);
    if (spec->is_sharp && spec->letter != 'w') {
        is_escaped = spec->letter == 'q' || vl_func_has_control(text);
        is_unistr = is_escaped && is_quoted;
    }
    if (is_unistr)
        vl_func_append(&made, "unistr(", 7);
    if (is_quoted)
        vl_func_append_char(&made, '\'');
    vl_func_append_quoted(&made, text, spec->letter == 'w' ? '"' : '\'', is_escaped);
    if (is_quoted)
        vl_func_append_char(&made, '\'');
    if (is_unistr)
        vl_func_append_char(&made, ')');
    if (made.bad != VELO_OK) {
        state->to->bad = made.bad;
        return;
    }
    text.at = (const unsigned char *)made.text;
    format_set(state, spec, (vl_func_bytes){text.at, text.at + made.size});
}

/* Convert; returns 0 when there is no such conversion. */
static int
format_convert(format_state *state, const format_spec *spec)
{
    static const unsigned char percent[] = "%";

    switch (spec->letter) {
    case 'd':
    case 'i':
    case 'r':
    case 'u':
        format_decimal(state, spec);
        return 1;
    case 'o':
    case 'p':
    case 'x':
    case 'X':
        format_radix(state, spec);
        return 1;
    case 'e':
    case 'E':
    case 'f':
    case 'g':
    case 'G':
        format_reals(state, spec);
        return 1;
    case 's':
    case 'z':
        format_string(state, spec);
        return 1;
    case 'c':
        format_character(state, spec);
        return 1;
    case 'q':
    case 'Q':
    case 'w':
        format_escaped(state, spec);
        return 1;
    case '%':
        format_set(state, spec, (vl_func_bytes){percent, percent + 1});
        return 1;
    case 'n': /* nothing, and takes nothing */
        vl_func_append(state->to, "", 0);
        return 1;
    default:
        return 0;
    }
}

void
vl_func_format(vl_func_buffer *buffer, vl_func_bytes format, const vl_value *args, int count)
{
    format_state state = {.to = buffer, .rest = format, .args = args, .count = count};

    while (state.rest.at < state.rest.end && buffer->bad == VELO_OK) {
        size_t size = (size_t)(state.rest.end - state.rest.at);
        const unsigned char *percent = memchr(state.rest.at, '%', size);
        format_spec spec;

        if (percent == NULL)
            percent = state.rest.end;
        if (percent > state.rest.at)
            vl_func_append(buffer, state.rest.at, (size_t)(percent - state.rest.at));
        state.rest.at = percent;
        if (size == 0 || percent == state.rest.end)
            return;
        state.rest.at++;
        if (state.rest.at == state.rest.end) {
            vl_func_append(buffer, "%", 1);
            return;
        }
        spec = format_read_spec(&state);
        if (!format_convert(&state, &spec)) /* keeps P2 */
            return;
    }
}
