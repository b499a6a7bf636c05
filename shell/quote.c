/* quote.c - texts and values as other languages write them. */
#include "quote.h"
#include "velocidb.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
quote_doubled(text *to, const char *data, size_t size, char quote)
{
    text_add_char(to, quote);
    while (size > 0) {
        const char *found = memchr(data, quote, size);
        size_t run = found == NULL ? size : (size_t)(found - data) + 1;

        text_add(to, data, run);
        if (found != NULL)
            text_add_char(to, quote);
        data += run;
        size -= run;
    }
    text_add_char(to, quote);
}

void
quote_sql_text(text *to, const char *data, size_t size)
{
    if (size != 0 && memchr(data, '\0', size) != NULL) {
        text_add_string(to, "CAST(");
        quote_sql_blob(to, data, size);
        text_add_string(to, " AS TEXT)");
        return;
    }
    quote_doubled(to, data, size, '\'');
}

/* A word that the text does not have: "\n", or "(\n0)" and so on. */
static void
quote_find_word(const char *data, const char *base, char *word, size_t size)
{
    (void)snprintf(word, size, "%s", base);
    for (unsigned i = 0; strstr(data, word) != NULL; i++)
        (void)snprintf(word, size, "(%s%u)", base, i);
}

void
quote_sql_line(text *to, const char *data, size_t size)
{
    char feed[20] = "";
    char back[20] = "";
    text copy = {0};

    if (size == 0 || memchr(data, '\0', size) != NULL ||
        (memchr(data, '\n', size) == NULL && memchr(data, '\r', size) == NULL)) {
        quote_sql_text(to, data, size);
        return;
    }
    text_add(&copy, data, size);
    if (memchr(data, '\n', size) != NULL) {
        text_add_string(to, "replace(");
        quote_find_word(text_string(&copy), "\\n", feed, sizeof feed);
    }
    if (memchr(data, '\r', size) != NULL) {
        text_add_string(to, "replace(");
        quote_find_word(text_string(&copy), "\\r", back, sizeof back);
    }
    text_add_char(to, '\'');
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '\n')
            text_add_string(to, feed);
        else if (data[i] == '\r')
            text_add_string(to, back);
        else if (data[i] == '\'')
            text_add_string(to, "''");
        else
            text_add_char(to, data[i]);
    }
    text_add_char(to, '\'');
    if (back[0] != '\0')
        text_add_format(to, ",'%s',char(13))", back);
    if (feed[0] != '\0')
        text_add_format(to, ",'%s',char(10))", feed);
    text_free(&copy);
}

void
quote_sql_blob(text *to, const void *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *bytes = data;

    text_add_string(to, "X'");
    for (size_t i = 0; i < size; i++) {
        text_add_char(to, digits[bytes[i] >> 4]);
        text_add_char(to, digits[bytes[i] & 15]);
    }
    text_add_char(to, '\'');
}

void
quote_real(text *to, double value)
{
    char digits[40];
    const char *exponent;

    if (isinf(value)) {
        text_add_string(to, value > 0 ? "1e999" : "-1e999");
        return;
    }
    for (int precision = 15; precision <= 17; precision++) {
        (void)snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value)
            break;
    }
    exponent = strchr(digits, 'e');
    if (strchr(digits, '.') != NULL) {
        text_add_string(to, digits);
    } else if (exponent == NULL) {
        text_add_format(to, "%s.0", digits);
    } else {
        text_add(to, digits, (size_t)(exponent - digits));
        text_add_format(to, ".0%s", exponent);
    }
}

static int
quote_is_word(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

void
quote_name(text *to, const char *name)
{
    size_t size = strlen(name);
    int is_plain = size > 0 && !(name[0] >= '0' && name[0] <= '9') && !velo_is_keyword(name, size);

    for (size_t i = 0; i < size && is_plain; i++)
        is_plain = quote_is_word((unsigned char)name[i]);
    if (is_plain)
        text_add(to, name, size);
    else
        quote_doubled(to, name, size, '"');
}

/* The letter behind the backslash in C and JSON, or 0. */
static char
quote_letter(char c)
{
    switch (c) {
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    case '"':
    case '\\':
        return c;
    default:
        return 0;
    }
}

/* Bytes that JSON takes as they are. */
static size_t
quote_json_run(const char *data, size_t size)
{
    size_t run = 0;

    while (run < size && (unsigned char)data[run] >= 0x20 && data[run] != '"' && data[run] != '\\')
        run++;
    return run;
}

void
quote_json(text *to, const char *data, size_t size)
{
    text_add_char(to, '"');
    for (size_t i = 0; i < size; i++) {
        size_t run = quote_json_run(data + i, size - i);
        char letter;

        text_add(to, data + i, run);
        i += run;
        if (i == size)
            break;
        letter = quote_letter(data[i]);
        if (letter != 0)
            text_add_format(to, "\\%c", letter);
        else
            text_add_format(to, "\\u%04x", (unsigned)(unsigned char)data[i]);
    }
    text_add_char(to, '"');
}

/* What stands for a character in HTML; NULL for itself. */
static const char *
quote_html_reference(char c)
{
    switch (c) {
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '&':
        return "&amp;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void
quote_html(text *to, const char *data, size_t size)
{
    size_t begin = 0;

    if (size == 0)
        return; /* data may be NULL */
    for (size_t i = 0; i < size; i++) {
        const char *reference = quote_html_reference(data[i]);

        if (reference == NULL)
            continue;
        text_add(to, data + begin, i - begin);
        text_add_string(to, reference);
        begin = i + 1;
    }
    text_add(to, data + begin, size - begin);
}

void
quote_c(text *to, const char *data, size_t size)
{
    text_add_char(to, '"');
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)data[i];
        char letter = c == '\b' || c == '\f' ? 0 : quote_letter(data[i]);

        if (letter != 0) {
            text_add_char(to, '\\');
            text_add_char(to, letter);
        } else if (c < 0x20 || c >= 0x7f) {
            text_add_format(to, "\\%03o", (unsigned)c);
        } else {
            text_add_char(to, data[i]);
        }
    }
    text_add_char(to, '"');
}

/* Whether the separator stands at a place of the field. */
static int
quote_is_at(const char *data, size_t size, const char *separator)
{
    size_t length = strlen(separator);

    return length != 0 && length <= size && memcmp(data, separator, length) == 0;
}

void
quote_csv(text *to, const char *data, size_t size, const char *separator)
{
    int is_quoted = size == 0;

    for (size_t i = 0; i < size && !is_quoted; i++) {
        unsigned char c = (unsigned char)data[i];

        is_quoted = c <= ' ' || c == '"' || c == '\'' || c >= 0x7f ||
                    quote_is_at(data + i, size - i, separator);
    }
    if (is_quoted)
        quote_doubled(to, data, size, '"');
    else
        text_add(to, data, size);
}
