/* printf.c - sqlite3_str, sqlite3_mprintf and their kin: C's printf with %q, %Q, %w and %z.
 *
 * Invariants
 *   PF1  text has size + 1 bytes at least while it is not NULL, and ends with a zero.
 *   PF2  After an error a growing text takes nothing more, and finish gives NULL; what is written
 *        into a buffer of the caller's is cut where the buffer ends. */
#include "compat_int.h"

#include <stdio.h>
#include <string.h>

/* The widest field and most digits that are taken from a format. */
#define PRINTF_WIDTH_MAX 1000000

struct sqlite3_str {
    char *text;
    int64_t size;
    int64_t capacity; /* with the zero */
    int64_t limit;    /* most bytes */
    int is_fixed;     /* text is the caller's */
    int code;         /* SQLITE_OK, _NOMEM, _TOOBIG */
};

/* ---- growing texts ---- */

static void
str_fail(sqlite3_str *str, int code)
{
    str->code = code;
    if (!str->is_fixed) {
        sqlite3_free(str->text);
        str->text = NULL;
        str->size = str->capacity = 0;
    }
}

/* Room for `size` bytes more: how many of them there is room for. */
static int64_t
str_reserve(sqlite3_str *str, int64_t size)
{
    int64_t capacity = str->capacity;
    char *text;

    if (str->code != SQLITE_OK)
        return 0;
    if (str->size + size < capacity)
        return size;
    if (str->is_fixed) {
        int64_t left = capacity - str->size - 1;

        return left < 0 ? 0 : left;
    }
    if (str->size + size > str->limit) {
        str_fail(str, SQLITE_TOOBIG);
        return 0;
    }
    capacity = (str->size + size + 1) * 2;
    text = sqlite3_realloc64(str->text, (sqlite3_uint64)capacity);
    if (text == NULL) {
        str_fail(str, SQLITE_NOMEM);
        return 0;
    }
    str->text = text;
    str->capacity = capacity;
    return size;
}

static void
str_put(sqlite3_str *str, const char *text, int64_t size)
{
    size = str_reserve(str, size);
    if (size <= 0)
        return;
    memcpy(str->text + str->size, text, (size_t)size);
    str->size += size;
    str->text[str->size] = 0;
}

static void
str_fill(sqlite3_str *str, int64_t count, char c)
{
    count = str_reserve(str, count);
    if (count <= 0)
        return;
    memset(str->text + str->size, c, (size_t)count);
    str->size += count;
    str->text[str->size] = 0;
}

/* ---- conversions ---- */

typedef struct printf_spec {
    int is_left;
    int has_plus;
    int has_space;
    int is_alternate;  /* # */
    int is_alternate2; /* ! */
    int has_zero;
    int has_comma;
    int64_t width;
    int64_t precision; /* -1: none */
    int longs;         /* l's */
    char type;
} printf_spec;

/* A converted field with its padding. */
static void
printf_field(sqlite3_str *str, const printf_spec *spec, const char *text, int64_t size,
             int64_t width_used)
{
    int64_t pad = spec->width - width_used;

    if (!spec->is_left)
        str_fill(str, pad, ' ');
    str_put(str, text, size);
    if (spec->is_left)
        str_fill(str, pad, ' ');
}

/* A number whose sign (or prefix) and digits are apart. */
static void
printf_digits(sqlite3_str *str, const printf_spec *spec, const char *sign, const char *digits,
              int64_t zeros)
{
    int64_t size = (int64_t)strlen(digits);
    int64_t used = (int64_t)strlen(sign) + zeros + size;
    int64_t pad = spec->width > used ? spec->width - used : 0;

    if (spec->has_zero && !spec->is_left) {
        zeros += pad;
        pad = 0;
    }
    if (!spec->is_left)
        str_fill(str, pad, ' ');
    str_put(str, sign, (int64_t)strlen(sign));
    str_fill(str, zeros, '0');
    str_put(str, digits, size);
    if (spec->is_left)
        str_fill(str, pad, ' ');
}

/* Digits in groups of three. */
static void
printf_group(const char *digits, char *out)
{
    size_t size = strlen(digits);
    size_t at = 0;

    for (size_t i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = 0;
}

static void
printf_integer(sqlite3_str *str, const printf_spec *spec, va_list *args)
{
    char digits[32];
    char grouped[48];
    const char *sign = "";
    const char *number = digits;
    unsigned long long value;
    int64_t zeros;

    if (spec->type == 'd') {
        long long given = spec->longs > 1    ? va_arg(*args, long long)
                          : spec->longs == 1 ? va_arg(*args, long)
                                             : va_arg(*args, int);

        value = given < 0 ? 0ULL - (unsigned long long)given : (unsigned long long)given;
        sign = given < 0 ? "-" : spec->has_plus ? "+" : spec->has_space ? " " : "";
    } else {
        value = spec->type == 'p'  ? (unsigned long long)(uintptr_t)va_arg(*args, void *)
                : spec->longs > 1  ? va_arg(*args, unsigned long long)
                : spec->longs == 1 ? va_arg(*args, unsigned long)
                                   : va_arg(*args, unsigned);
    }
    if (spec->type == 'd' || spec->type == 'u')
        (void)snprintf(digits, sizeof digits, "%llu", value);
    else if (spec->type == 'o')
        (void)snprintf(digits, sizeof digits, "%llo", value);
    else if (spec->type == 'x')
        (void)snprintf(digits, sizeof digits, "%llx", value);
    else
        (void)snprintf(digits, sizeof digits, "%llX", value);
    if (spec->is_alternate && value != 0)
        sign = spec->type == 'o' ? "0" : spec->type == 'x' ? "0x" : spec->type == 'X' ? "0X" : sign;
    if (spec->has_comma && (spec->type == 'd' || spec->type == 'u')) {
        printf_group(digits, grouped);
        number = grouped;
    }
    zeros = spec->precision - (int64_t)strlen(number);
    printf_digits(str, spec, sign, number, zeros > 0 ? zeros : 0);
}

/* Take the zeros behind a point away, and leave the point as the flags say. */
static void
printf_trim(char *text, int keeps_point)
{
    char *exponent = strpbrk(text, "eE");
    char *point = strchr(text, '.');
    char *end;

    if (point == NULL)
        return;
    end = exponent != NULL ? exponent : text + strlen(text);
    while (end[-1] == '0' && end - 1 > point + (keeps_point ? 1 : 0)) {
        memmove(end - 1, end, strlen(end) + 1);
        end--;
    }
    if (!keeps_point && end[-1] == '.')
        memmove(end - 1, end, strlen(end) + 1);
}

/* With "!" a real always has a point and a digit behind it. */
static void
printf_point(char *text, size_t capacity)
{
    size_t size = strlen(text);
    char *exponent = strpbrk(text, "eE");
    size_t at = exponent != NULL ? (size_t)(exponent - text) : size;

    if (strchr(text, '.') != NULL || size + 3 > capacity)
        return;
    memmove(text + at + 2, text + at, size - at + 1);
    text[at] = '.';
    text[at + 1] = '0';
}

static void
printf_real(sqlite3_str *str, const printf_spec *spec, va_list *args)
{
    double value = va_arg(*args, double);
    int64_t precision = spec->precision < 0 ? 6 : spec->precision > 100 ? 100 : spec->precision;
    const char *sign = value < 0 ? "-" : spec->has_plus ? "+" : spec->has_space ? " " : "";
    char digits[512];
    char grouped[700];
    int is_general = spec->type == 'g' || spec->type == 'G';

    if (value != value) {
        printf_field(str, spec, "NaN", 3, 3);
        return;
    }
    if (value < 0)
        value = -value;
    if (value > 1.7976931348623157e308) {
        printf_spec plain = *spec;

        plain.has_zero = 0;
        printf_digits(str, &plain, sign, "Inf", 0);
        return;
    }
    if (is_general && precision == 0)
        precision = 1;
    if (spec->type == 'f')
        (void)snprintf(digits, sizeof digits, "%.*f", (int)precision, value);
    else if (spec->type == 'e' || spec->type == 'E')
        (void)snprintf(digits, sizeof digits, "%.*e", (int)precision, value);
    else
        (void)snprintf(digits, sizeof digits, spec->is_alternate ? "%#.*g" : "%.*g", (int)precision,
                       value);
    if (spec->is_alternate2 && is_general)
        printf_trim(digits, 1);
    if (spec->is_alternate2)
        printf_point(digits, sizeof digits);
    if (spec->type == 'E' || spec->type == 'G')
        for (char *c = digits; *c != 0; c++)
            *c = *c == 'e' ? 'E' : *c;
    if (spec->has_comma && strpbrk(digits, "eE") == NULL) {
        size_t whole = strcspn(digits, ".");
        char rest[256];

        (void)snprintf(rest, sizeof rest, "%s", digits + whole);
        digits[whole] = 0;
        printf_group(digits, grouped);
        (void)snprintf(grouped + strlen(grouped), sizeof grouped - strlen(grouped), "%s", rest);
        printf_digits(str, spec, sign, grouped, 0);
        return;
    }
    printf_digits(str, spec, sign, digits, 0);
}

/* Bytes of a text that `count` characters take, or up to its zero. */
static int64_t
printf_measure(const char *text, int64_t count, int is_characters)
{
    int64_t size = 0;

    if (count < 0)
        return (int64_t)strlen(text);
    while (count > 0 && text[size] != 0) {
        size++;
        if (is_characters)
            while (((unsigned char)text[size] & 0xc0) == 0x80)
                size++;
        count--;
    }
    return size;
}

static int64_t
printf_characters(const char *text, int64_t size)
{
    int64_t count = 0;

    for (int64_t i = 0; i < size; i++)
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}

static void
printf_text(sqlite3_str *str, const printf_spec *spec, va_list *args)
{
    char *text = va_arg(*args, char *);
    const char *shown = text == NULL ? "" : text;
    int64_t size = printf_measure(shown, spec->precision, spec->is_alternate2);

    printf_field(str, spec, shown, size,
                 spec->is_alternate2 ? printf_characters(shown, size) : size);
    if (spec->type == 'z')
        sqlite3_free(text);
}

/* %q, %Q, %w: a text with its quotes doubled. */
static void
printf_quoted(sqlite3_str *str, const printf_spec *spec, va_list *args)
{
    const char *text = va_arg(*args, char *);
    char quote = spec->type == 'w' ? '"' : '\'';
    const char *shown = text != NULL ? text : spec->type == 'Q' ? "NULL" : "(NULL)";
    int is_wrapped = spec->type == 'Q' && text != NULL;
    int64_t size = printf_measure(shown, spec->precision, spec->is_alternate2);
    int64_t used = size + (is_wrapped ? 2 : 0);

    for (int64_t i = 0; i < size; i++)
        used += shown[i] == quote;
    if (!spec->is_left)
        str_fill(str, spec->width - used, ' ');
    if (is_wrapped)
        str_put(str, "'", 1);
    for (int64_t i = 0; i < size; i++) {
        if (shown[i] == quote)
            str_put(str, &quote, 1);
        str_put(str, &shown[i], 1);
    }
    if (is_wrapped)
        str_put(str, "'", 1);
    if (spec->is_left)
        str_fill(str, spec->width - used, ' ');
}

static void
printf_character(sqlite3_str *str, const printf_spec *spec, va_list *args)
{
    char c = (char)va_arg(*args, int);
    int64_t count = spec->precision > 1 ? spec->precision : 1;
    int64_t pad = spec->width - count;

    if (!spec->is_left)
        str_fill(str, pad, ' ');
    str_fill(str, count, c);
    if (spec->is_left)
        str_fill(str, pad, ' ');
}

static int64_t
printf_count(const char **at, va_list *args)
{
    int64_t count = 0;

    if (**at == '*') {
        (*at)++;
        return va_arg(*args, int);
    }
    while (**at >= '0' && **at <= '9') {
        count = count * 10 + (*(*at)++ - '0');
        if (count > PRINTF_WIDTH_MAX)
            count = PRINTF_WIDTH_MAX;
    }
    return count;
}

static void
printf_read_flags(const char **at, printf_spec *spec)
{
    for (;; (*at)++) {
        switch (**at) {
        case '-':
            spec->is_left = 1;
            break;
        case '+':
            spec->has_plus = 1;
            break;
        case ' ':
            spec->has_space = 1;
            break;
        case '#':
            spec->is_alternate = 1;
            break;
        case '!':
            spec->is_alternate2 = 1;
            break;
        case '0':
            spec->has_zero = 1;
            break;
        case ',':
            spec->has_comma = 1;
            break;
        default:
            return;
        }
    }
}

/* Read what stands behind a "%". */
static void
printf_read(const char **at, printf_spec *spec, va_list *args)
{
    memset(spec, 0, sizeof *spec);
    spec->precision = -1;
    printf_read_flags(at, spec);
    spec->width = printf_count(at, args);
    if (spec->width < 0) {
        spec->is_left = 1;
        spec->width = -spec->width;
    }
    if (**at == '.') {
        (*at)++;
        spec->precision = printf_count(at, args);
        if (spec->precision < 0)
            spec->precision = -spec->precision;
    }
    while (**at == 'l' || **at == 'h') {
        spec->longs += **at == 'l';
        (*at)++;
    }
    spec->type = **at == 'i' ? 'd' : **at;
    if (**at != 0)
        (*at)++;
}

static void
printf_run(sqlite3_str *str, const char *format, va_list *args)
{
    while (*format != 0) {
        size_t plain = strcspn(format, "%");
        printf_spec spec;

        str_put(str, format, (int64_t)plain);
        format += plain;
        if (*format == 0)
            break;
        format++;
        printf_read(&format, &spec, args);
        switch (spec.type) {
        case 'd':
        case 'u':
        case 'x':
        case 'X':
        case 'o':
        case 'p':
            printf_integer(str, &spec, args);
            break;
        case 'f':
        case 'e':
        case 'E':
        case 'g':
        case 'G':
            printf_real(str, &spec, args);
            break;
        case 's':
        case 'z':
            printf_text(str, &spec, args);
            break;
        case 'q':
        case 'Q':
        case 'w':
            printf_quoted(str, &spec, args);
            break;
        case 'c':
            printf_character(str, &spec, args);
            break;
        case '%':
            str_put(str, "%", 1);
            break;
        case 'n':
            (void)va_arg(*args, int *); /* as in SQLite, where it does nothing */
            break;
        default: /* unknown: the output ends here, as in SQLite */
            return;
        }
    }
}

/* ---- sqlite3_str ---- */

/* What sqlite3_str_new gives when there is no memory: takes nothing. */
static sqlite3_str str_no_memory = {.is_fixed = 1, .code = SQLITE_NOMEM};

sqlite3_str *
sqlite3_str_new(sqlite3 *db)
{
    sqlite3_str *str = sqlite3_malloc64(sizeof *str);

    if (str == NULL)
        return &str_no_memory;
    memset(str, 0, sizeof *str);
    str->limit = db == NULL ? COMPAT_LENGTH_MAX : db->limits[SQLITE_LIMIT_LENGTH];
    return str;
}

char *
sqlite3_str_finish(sqlite3_str *str)
{
    char *text;

    if (str == NULL || str == &str_no_memory)
        return NULL;
    text = str->text;
    sqlite3_free(str);
    return text;
}

void
sqlite3_str_vappendf(sqlite3_str *str, const char *format, va_list args)
{
    va_list copy;

    if (str == NULL || format == NULL)
        return;
    va_copy(copy, args);
    printf_run(str, format, &copy); /* after a failure too: %z gives its text back */
    va_end(copy);
}

void
sqlite3_str_appendf(sqlite3_str *str, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    sqlite3_str_vappendf(str, format, args);
    va_end(args);
}

void
sqlite3_str_append(sqlite3_str *str, const char *text, int size)
{
    if (str != NULL && text != NULL)
        str_put(str, text, size);
}

void
sqlite3_str_appendall(sqlite3_str *str, const char *text)
{
    if (str != NULL && text != NULL)
        str_put(str, text, (int64_t)strlen(text));
}

void
sqlite3_str_appendchar(sqlite3_str *str, int count, char c)
{
    if (str != NULL)
        str_fill(str, count, c);
}

void
sqlite3_str_reset(sqlite3_str *str)
{
    if (str == NULL || str == &str_no_memory)
        return;
    sqlite3_free(str->text);
    str->text = NULL;
    str->size = str->capacity = 0;
    str->code = SQLITE_OK;
}

void
sqlite3_str_truncate(sqlite3_str *str, int size)
{
    if (str == NULL || str == &str_no_memory || size < 0 || (int64_t)size >= str->size)
        return;
    str->size = size;
    str->text[size] = 0;
}

void
sqlite3_str_free(sqlite3_str *str)
{
    sqlite3_free(sqlite3_str_finish(str));
}

int
sqlite3_str_errcode(sqlite3_str *str)
{
    return str == NULL ? SQLITE_NOMEM : str->code;
}

int
sqlite3_str_length(sqlite3_str *str)
{
    return str == NULL ? 0 : (int)str->size;
}

char *
sqlite3_str_value(sqlite3_str *str)
{
    return str == NULL || str->size == 0 ? NULL : str->text;
}

/* ---- functions ---- */

char *
sqlite3_vmprintf(const char *format, va_list args)
{
    sqlite3_str str = {.limit = COMPAT_LENGTH_MAX};

    if (format == NULL || sqlite3_initialize() != SQLITE_OK)
        return NULL;
    str_put(&str, "", 0);
    if (str_reserve(&str, 1) > 0)
        str.text[str.size] = 0;
    sqlite3_str_vappendf(&str, format, args);
    return str.text;
}

char *
sqlite3_mprintf(const char *format, ...)
{
    va_list args;
    char *text;

    va_start(args, format);
    text = sqlite3_vmprintf(format, args);
    va_end(args);
    return text;
}

char *
sqlite3_vsnprintf(int size, char *to, const char *format, va_list args)
{
    sqlite3_str str = {.text = to, .capacity = size, .is_fixed = 1};

    if (size <= 0 || to == NULL)
        return to;
    to[0] = 0;
    sqlite3_str_vappendf(&str, format, args);
    return to;
}

char *
sqlite3_snprintf(int size, char *to, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)sqlite3_vsnprintf(size, to, format, args);
    va_end(args);
    return to;
}
