/* csv_guess.c - what the fields of a CSV file seem to be.
 *
 * Invariants
 *   G1  A value that is given a type loses nothing by it: what reads as a number but would print
 *       differently as an integer (leading zeros, a plus sign) is text; so are integers of more
 * than 64 bits, and numbers that are too large for a double. G2  Nothing here depends on the
 * locale. */
#include "csv.h"

#include <string.h>

#define CSV_POWER_MAX ((size_t)308) /* a double is less than 1.8e308 */

/* ---- UTF-8 ---- */

/* Bytes of the sequence that begins here, 0 when it is malformed (Unicode 15, table 3-7). */
static size_t
csv_utf8_length(const unsigned char *at, size_t left)
{
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    size_t length = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;

    if (at[0] < 0xc2 || at[0] > 0xf4 || left < length)
        return 0;
    if (at[0] == 0xe0)
        low = 0xa0;
    else if (at[0] == 0xed)
        high = 0x9f;
    else if (at[0] == 0xf0)
        low = 0x90;
    else if (at[0] == 0xf4)
        high = 0x8f;
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (at[i] < 0x80 || at[i] > 0xbf)
            return 0;
    return length;
}

int
csv_is_utf8(const char *data, size_t size)
{
    const unsigned char *at = (const unsigned char *)data;
    size_t left = size;

    while (left > 0) {
        uint64_t word;
        size_t length = 1;

        if (left >= sizeof word) {
            memcpy(&word, at, sizeof word);
            if ((word & UINT64_C(0x8080808080808080)) == 0)
                length = sizeof word;
        }
        if (length == 1 && *at >= 0x80)
            length = csv_utf8_length(at, left);
        if (length == 0)
            return 0;
        at += length;
        left -= length;
    }
    return 1;
}

/* ---- types ---- */

/* How many digits there are from *at on, which moves behind them. */
static size_t
csv_digits(const char **at, const char *end)
{
    const char *from = *at;

    while (*at < end && **at >= '0' && **at <= '9')
        (*at)++;
    return (size_t)(*at - from);
}

/* Whether `count` digits are at most the greatest, or with a sign the least, 64-bit integer. */
static int
csv_fits_integer(const char *digits, size_t count, int is_negative)
{
    static const char greatest[] = "9223372036854775807";
    static const char least[] = "9223372036854775808";
    size_t limit = sizeof greatest - 1;

    if (count != limit)
        return count < limit;
    return memcmp(digits, is_negative ? least : greatest, limit) <= 0;
}

/* Whether a number of `whole` digits before its point is a finite one with the exponent that stands
 * from `at` to `end`, as far as its size in tens tells. */
static int
csv_fits_real(size_t whole, const char *at, const char *end)
{
    size_t power = 0;

    if (at < end && *at == '-')
        return whole <= CSV_POWER_MAX;
    for (at += at < end && *at == '+'; at < end && power <= CSV_POWER_MAX; at++)
        power = 10 * power + (size_t)(*at - '0');
    return whole + power <= CSV_POWER_MAX;
}

/* What a field looks like; *is_exact receives 0 for a number that would not come back as it is. */
static csv_type
csv_look(const csv_field *field, int *is_exact)
{
    const char *at = field->data;
    const char *end = at + field->size;
    const char *digits;
    const char *power = end;
    size_t whole;
    size_t fraction = 0;
    int is_negative;
    int is_real = 0;

    *is_exact = 1;
    if (field->size == 0)
        return field->is_quoted ? CSV_TYPE_TEXT : CSV_TYPE_EMPTY;
    is_negative = *at == '-';
    at += is_negative;
    digits = at;
    whole = csv_digits(&at, end);
    if (at < end && *at == '.') {
        is_real = 1;
        at++;
        fraction = csv_digits(&at, end);
    }
    if (whole + fraction == 0)
        return CSV_TYPE_TEXT;
    if (at < end && (*at == 'e' || *at == 'E')) {
        is_real = 1;
        power = ++at;
        at += at < end && (*at == '-' || *at == '+');
        if (csv_digits(&at, end) == 0)
            return CSV_TYPE_TEXT;
    }
    if (at != end)
        return CSV_TYPE_TEXT;
    *is_exact = whole <= 1 || *digits != '0';
    if (is_real)
        *is_exact &= csv_fits_real(whole, power, end);
    else
        *is_exact &= csv_fits_integer(digits, whole, is_negative) &&
                     !(is_negative && *digits == '0'); /* "-0" */
    return is_real ? CSV_TYPE_REAL : CSV_TYPE_INTEGER;
}

csv_type
csv_field_type(const csv_field *field)
{
    int is_exact;
    csv_type type = csv_look(field, &is_exact);

    return is_exact ? type : CSV_TYPE_TEXT; /* keeps G1 */
}

csv_type
csv_type_join(csv_type a, csv_type b)
{
    return a > b ? a : b; /* the enum rises from what gives way to what takes all */
}

/* ---- the header ---- */

static int
csv_fields_are_equal(const csv_field *a, const csv_field *b)
{
    return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

int
csv_is_header(const csv_record *first, const csv_type *types, size_t count)
{
    int is_above_numbers = 0;
    int is_doubtful = 0;

    if (first->count > CSV_HEADER_MAX)
        return 0;
    for (size_t i = 0; i < first->count; i++) {
        int is_exact;
        csv_type type = csv_look(&first->fields[i], &is_exact);

        if (type == CSV_TYPE_INTEGER || type == CSV_TYPE_REAL)
            return 0;
        if (type == CSV_TYPE_EMPTY)
            is_doubtful = 1;
        else if (i < count && (types[i] == CSV_TYPE_INTEGER || types[i] == CSV_TYPE_REAL))
            is_above_numbers = 1;
        for (size_t k = 0; k < i && !is_doubtful; k++)
            is_doubtful = csv_fields_are_equal(&first->fields[i], &first->fields[k]);
    }
    return is_above_numbers || !is_doubtful;
}
