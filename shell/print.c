/* print.c - output modes that print row after row.
 *
 * Invariants
 *   PT1  A value in quotes of any mode is read back as the same bytes by what reads that mode. */
#include "print.h"

#include "print_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
print_bytes(const print_options *options, const char *data, size_t size)
{
    if (size > 0)
        options->write(options->argument, data, size);
}

void
print_text(const print_options *options, const char *text)
{
    print_bytes(options, text, strlen(text));
}

int
print_needs_all(print_mode mode)
{
    return mode >= PRINT_COLUMN;
}

static const char *
print_separator(const print_options *options)
{
    if (options->separator != NULL)
        return options->separator;
    switch (options->mode) {
    case PRINT_TABS:
        return "\t";
    case PRINT_ASCII:
        return "\x1f";
    case PRINT_CSV:
    case PRINT_QUOTE:
        return ",";
    case PRINT_TCL:
        return " ";
    default: /* of the others only lists have one */
        return "|";
    }
}

static const char *
print_row_end(const print_options *options)
{
    if (options->row_end != NULL)
        return options->row_end;
    return options->mode == PRINT_CSV ? "\r\n" : options->mode == PRINT_ASCII ? "\x1e" : "\n";
}

static const char *
print_null_text(const print_options *options)
{
    return options->null_text != NULL ? options->null_text : "";
}

/* ---- quoting ---- */

/* Text between quotes, the quote itself doubled. */
static void
print_quoted(const print_options *options, const char *data, size_t size, char quote)
{
    size_t from = 0;

    print_bytes(options, &quote, 1);
    for (size_t i = 0; i < size; i++)
        if (data[i] == quote) {
            print_bytes(options, data + from, i + 1 - from);
            from = i; /* once more */
        }
    print_bytes(options, data + from, size - from);
    print_bytes(options, &quote, 1);
}

static int
print_csv_is_plain(const print_options *options, const char *data, size_t size)
{
    const char *separator = print_separator(options);
    size_t separator_size = strlen(separator);

    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)data[i];

        if (c <= ' ' || c >= 0x7f || c == '"' || c == '\'')
            return 0;
        if (separator_size > 0 && size - i >= separator_size &&
            memcmp(data + i, separator, separator_size) == 0)
            return 0;
    }
    return size > 0;
}

static void
print_csv(const print_options *options, const char *data, size_t size)
{
    if (print_csv_is_plain(options, data, size))
        print_bytes(options, data, size);
    else
        print_quoted(options, data, size, '"');
}

/* A text with escapes, as C and Tcl have them, or JSON. */
static void
print_escaped(const print_options *options, const char *data, size_t size, int is_json)
{
    static const char specials[] = "\\\"\n\r\t\b\f";
    static const char letters[] = "\\\"nrtbf";

    print_text(options, "\"");
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)data[i];
        const char *special = c != 0 ? strchr(specials, c) : NULL;
        char escape[8];

        if (special != NULL && (is_json || special - specials < 5))
            (void)snprintf(escape, sizeof escape, "\\%c", letters[special - specials]);
        else if (is_json && c < 0x20)
            (void)snprintf(escape, sizeof escape, "\\u%04x", c);
        else if (!is_json && (c < 0x20 || c >= 0x7f))
            (void)snprintf(escape, sizeof escape, "\\%03o", c);
        else
            (void)snprintf(escape, sizeof escape, "%c", c);
        print_text(options, escape);
    }
    print_text(options, "\"");
}

static void
print_html(const print_options *options, const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        switch (data[i]) {
        case '<':
            print_text(options, "&lt;");
            break;
        case '>':
            print_text(options, "&gt;");
            break;
        case '&':
            print_text(options, "&amp;");
            break;
        case '"':
            print_text(options, "&quot;");
            break;
        case '\'':
            print_text(options, "&#39;");
            break;
        default:
            print_bytes(options, data + i, 1);
        }
}

/* ---- literals ---- */

/* A real so that reading it gives the same; infinities as numbers that are too large. */
static void
print_real(const print_options *options, double real)
{
    char text[40];

    if (real - real != 0) {
        print_text(options, real > 0 ? "1e999" : "-1e999");
        return;
    }
    (void)snprintf(text, sizeof text, "%.15g", real);
    if (strtod(text, NULL) != real)
        (void)snprintf(text, sizeof text, "%.17g", real);
    if (strpbrk(text, ".e") == NULL)
        (void)strncat(text, ".0", sizeof text - strlen(text) - 1);
    print_text(options, text);
}

static void
print_blob(const print_options *options, const char *data, size_t size)
{
    print_text(options, "X'");
    for (size_t i = 0; i < size; i++) {
        char hex[3];

        (void)snprintf(hex, sizeof hex, "%02x", (unsigned char)data[i]);
        print_bytes(options, hex, 2);
    }
    print_text(options, "'");
}

/* A mark that stands for a character in a text, and does not occur in it. */
static void
print_find_mark(const print_value *value, char letter, const char *octal, char mark[24])
{
    (void)snprintf(mark, 24, "\\%c", letter);
    for (unsigned number = 0; number < 1000000U; number++) {
        size_t size = strlen(mark);
        size_t at = 0;

        while (at + size <= value->size && memcmp(value->data + at, mark, size) != 0)
            at++;
        if (at + size > value->size)
            return;
        if (number == 0)
            (void)snprintf(mark, 24, "\\%s", octal);
        else
            (void)snprintf(mark, 24, "(\\%c%u)", letter, number - 1);
    }
}

/* A text literal on one line: line ends are marks that replace() takes back. */
static void
print_text_literal(const print_options *options, const print_value *value)
{
    int has_lf = memchr(value->data, '\n', value->size) != NULL;
    int has_cr = memchr(value->data, '\r', value->size) != NULL;
    char lf[24] = "";
    char cr[24] = "";

    if (has_lf)
        print_find_mark(value, 'n', "012", lf);
    if (has_cr)
        print_find_mark(value, 'r', "015", cr);
    print_text(options, has_lf ? "replace(" : "");
    print_text(options, has_cr ? "replace(" : "");
    print_text(options, "'");
    for (size_t i = 0; i < value->size; i++)
        if (value->data[i] == '\n')
            print_text(options, lf);
        else if (value->data[i] == '\r')
            print_text(options, cr);
        else if (value->data[i] == '\'')
            print_text(options, "''");
        else
            print_bytes(options, value->data + i, 1);
    print_text(options, "'");
    for (int is_lf = 0; is_lf < 2; is_lf++)
        if (is_lf ? has_lf : has_cr) {
            print_text(options, ",'");
            print_text(options, is_lf ? lf : cr);
            print_text(options, is_lf ? "',char(10))" : "',char(13))");
        }
}

/* A value as SQL has it. */
static void
print_literal(const print_options *options, const print_value *value, int is_one_line)
{
    switch (value->type) {
    case PRINT_TYPE_INTEGER:
        print_bytes(options, value->data, value->size);
        break;
    case PRINT_TYPE_REAL:
        print_real(options, value->real);
        break;
    case PRINT_TYPE_TEXT:
        if (is_one_line && value->size > 0)
            print_text_literal(options, value);
        else
            print_quoted(options, value->data, value->size, '\'');
        break;
    case PRINT_TYPE_BLOB:
        print_blob(options, value->data, value->size);
        break;
    case PRINT_TYPE_NULL:
        print_text(options, "NULL");
        break;
    }
}

/* ---- rows ---- */

/* A name of a table or column, in quotes where it is no plain word. */
static void
print_name(const print_options *options, const char *name)
{
    size_t plain = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
    int is_word = name[0] != '\0' && name[plain] == '\0' && !(name[0] >= '0' && name[0] <= '9');

    if (is_word && strcmp(name, "table") != 0 &&
        (options->is_keyword == NULL || !options->is_keyword(name)))
        print_text(options, name);
    else
        print_quoted(options, name, strlen(name), '"');
}

static void
print_insert(const print_options *options, const char *const *names, const print_value *values,
             size_t column_count)
{
    print_text(options, "INSERT INTO ");
    print_name(options, options->table != NULL ? options->table : "table");
    for (size_t i = 0; options->has_headers && i < column_count; i++) {
        print_text(options, i == 0 ? "(" : ",");
        print_name(options, names[i]);
    }
    print_text(options, options->has_headers ? ") VALUES(" : " VALUES(");
    for (size_t i = 0; i < column_count; i++) {
        print_text(options, i == 0 ? "" : ",");
        print_literal(options, &values[i], 1);
    }
    print_text(options, ");\n");
}

static void
print_json(const print_options *options, const char *const *names, const print_value *values,
           size_t column_count, uint64_t row)
{
    print_text(options, row == 0 ? "[{" : ",\n{");
    for (size_t i = 0; i < column_count; i++) {
        print_text(options, i == 0 ? "" : ",");
        print_escaped(options, names[i], strlen(names[i]), 1);
        print_text(options, ":");
        if (values[i].type == PRINT_TYPE_NULL)
            print_text(options, "null");
        else if (values[i].type == PRINT_TYPE_INTEGER)
            print_bytes(options, values[i].data, values[i].size);
        else if (values[i].type == PRINT_TYPE_REAL)
            print_real(options, values[i].real);
        else
            print_escaped(options, values[i].data, values[i].size, 1);
    }
    print_text(options, "}");
}

/* The columns of a terminal that a text takes. */
static size_t
print_width(const char *text)
{
    size_t size = strlen(text);
    size_t width = 0;

    while (size > 0) {
        uint32_t character;
        size_t bytes = print_character(text, size, &character);

        width += print_character_width(character);
        text += bytes;
        size -= bytes;
    }
    return width;
}

static void
print_line(const print_options *options, const char *const *names, const print_value *values,
           size_t column_count, uint64_t row)
{
    size_t most = 5;

    for (size_t i = 0; i < column_count; i++)
        if (print_width(names[i]) > most)
            most = print_width(names[i]);
    print_text(options, row > 0 ? "\n" : "");
    for (size_t i = 0; i < column_count; i++) {
        for (size_t pad = print_width(names[i]); pad < most; pad++)
            print_text(options, " ");
        print_text(options, names[i]);
        print_text(options, " = ");
        if (values[i].type == PRINT_TYPE_NULL)
            print_text(options, print_null_text(options));
        print_bytes(options, values[i].data, values[i].size);
        print_text(options, print_row_end(options));
    }
}

/* A value or name in the modes with separators. */
static void
print_field(const print_options *options, const print_value *value)
{
    const char *null_text = print_null_text(options);
    int is_null = value->type == PRINT_TYPE_NULL;
    const char *data = is_null ? null_text : value->data;
    size_t size = is_null ? strlen(null_text) : value->size;

    switch (options->mode) {
    case PRINT_CSV:
        if (is_null)
            print_text(options, null_text);
        else
            print_csv(options, data, size);
        break;
    case PRINT_TCL:
        print_escaped(options, data, size, 0);
        break;
    case PRINT_QUOTE:
        print_literal(options, value, 0);
        break;
    case PRINT_HTML:
        print_html(options, data, size);
        break;
    default: /* lists */
        print_bytes(options, data, size);
    }
}

/* A row of fields. */
static void
print_fields(const print_options *options, const print_value *values, size_t column_count)
{
    int is_html = options->mode == PRINT_HTML;

    print_text(options, is_html ? "<TR>" : "");
    for (size_t i = 0; i < column_count; i++) {
        if (is_html)
            print_text(options, "<TD>");
        else if (i > 0)
            print_text(options, print_separator(options));
        print_field(options, &values[i]);
        print_text(options, is_html ? "</TD>\n" : "");
    }
    print_text(options, is_html ? "</TR>\n" : print_row_end(options));
}

/* Names one by one, as a row of fields. */
static void
print_names(const print_options *options, const char *const *names, size_t column_count)
{
    int is_html = options->mode == PRINT_HTML;

    print_text(options, is_html ? "<TR>" : "");
    for (size_t i = 0; i < column_count; i++) {
        print_value name = {PRINT_TYPE_TEXT, names[i], strlen(names[i]), 0};

        if (is_html)
            print_text(options, "<TH>");
        else if (i > 0)
            print_text(options, print_separator(options));
        print_field(options, &name);
        print_text(options, is_html ? "</TH>\n" : "");
    }
    print_text(options, is_html ? "</TR>\n" : print_row_end(options));
}

void
print_row(const print_options *options, const char *const *names, const print_value *values,
          size_t column_count, uint64_t row)
{
    if (options->mode == PRINT_INSERT) {
        print_insert(options, names, values, column_count);
    } else if (options->mode == PRINT_JSON) {
        print_json(options, names, values, column_count, row);
    } else if (options->mode == PRINT_LINE) {
        print_line(options, names, values, column_count, row);
    } else {
        if (row == 0 && options->has_headers)
            print_names(options, names, column_count);
        print_fields(options, values, column_count);
    }
}

void
print_end(const print_options *options, uint64_t row_count)
{
    if (options->mode == PRINT_JSON && row_count > 0)
        print_text(options, "]\n");
}

int
print_rows(const print_options *options, const char *const *names, const print_value *values,
           size_t column_count, size_t row_count)
{
    if (print_needs_all(options->mode))
        return print_columns(options, names, values, column_count, row_count);
    for (size_t i = 0; i < row_count; i++)
        print_row(options, names, values + i * column_count, column_count, i);
    print_end(options, row_count);
    return 0;
}
