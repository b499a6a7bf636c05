/* mode.c - results in the forms that the shell prints.
 *
 * Invariants
 *   M1  `line` is empty between calls: a streaming form has written every row that it got.
 *   M2  A form either has `cells` and keeps rows there, or writes rows at once. */
#include "mode.h"
#include "grid.h"
#include "memory.h"
#include "quote.h"
#include "text.h"
#include "width.h"

#include <stdlib.h>
#include <string.h>

struct mode_printer {
    const mode_settings *settings; /* borrowed */
    size_t count;                  /* columns */
    char **names;                  /* of the columns; owned */
    mode_write *write;             /* where output goes */
    void *user;                    /* its argument */
    grid *cells;                   /* of the forms that keep all rows; owned, or NULL */
    size_t name_width;             /* line: of the widest name, at least 5 */
    uint64_t row_count;            /* rows so far */
    text line;                     /* output being put together */
};

static const struct {
    const char *name; /* as .mode takes it */
    mode_kind kind;   /* what it means */
} mode_names[] = {
    {"ascii", MODE_ASCII}, {"box", MODE_BOX},        {"column", MODE_COLUMN},
    {"csv", MODE_CSV},     {"html", MODE_HTML},      {"insert", MODE_INSERT},
    {"json", MODE_JSON},   {"line", MODE_LINE},      {"list", MODE_LIST},
    {"quote", MODE_QUOTE}, {"table", MODE_TABLE},    {"markdown", MODE_MARKDOWN},
    {"tcl", MODE_TCL},     {"columns", MODE_COLUMN}, {"lines", MODE_LINE},
};

const char *
mode_name(mode_kind kind)
{
    for (size_t i = 0; i < sizeof mode_names / sizeof mode_names[0]; i++)
        if (mode_names[i].kind == kind)
            return mode_names[i].name;
    return "";
}

int
mode_find(const char *name, mode_kind *kind)
{
    for (size_t i = 0; i < sizeof mode_names / sizeof mode_names[0]; i++)
        if (strcmp(mode_names[i].name, name) == 0) {
            *kind = mode_names[i].kind;
            return 1;
        }
    return 0;
}

mode_printer *
mode_begin(const mode_settings *settings, size_t count, const char *const *names, mode_write *write,
           void *user)
{
    mode_printer *printer = memory_take(sizeof *printer);

    printer->settings = settings;
    printer->count = count;
    printer->write = write;
    printer->user = user;
    printer->name_width = 5;
    printer->names = memory_take(count * sizeof *printer->names);
    for (size_t i = 0; i < count; i++) {
        size_t width = width_of(names[i], strlen(names[i]));

        printer->names[i] = memory_copy_text(names[i]);
        if (width > printer->name_width)
            printer->name_width = width;
    }
    if (settings->kind == MODE_BOX || settings->kind == MODE_TABLE ||
        settings->kind == MODE_COLUMN || settings->kind == MODE_MARKDOWN)
        printer->cells = grid_create(settings, count, names);
    return printer;
}

/* Bytes of a value that is shown as text: up to a zero byte, which would end it on a terminal. */
static size_t
mode_visible_size(const mode_value *value)
{
    const char *zero = value->size == 0 ? NULL : memchr(value->data, '\0', value->size);

    return zero == NULL ? value->size : (size_t)(zero - value->data);
}

/* A value as text, NULL as the settings say. */
static void
mode_add_plain(mode_printer *printer, const mode_value *value)
{
    if (value->type == VELO_NULL)
        text_add_string(&printer->line, printer->settings->null_text);
    else
        text_add(&printer->line, value->data, mode_visible_size(value));
}

/* A value as a literal of SQL. */
static void
mode_add_literal(mode_printer *printer, const mode_value *value)
{
    text *line = &printer->line;

    switch (value->type) {
    case VELO_NULL:
        text_add_string(line, "NULL");
        break;
    case VELO_INTEGER:
        text_add(line, value->data, value->size);
        break;
    case VELO_REAL:
        quote_real(line, value->real);
        break;
    case VELO_BLOB:
        quote_sql_blob(line, value->data, value->size);
        break;
    case VELO_TEXT:
        if (printer->settings->kind == MODE_INSERT)
            quote_sql_line(line, value->data, value->size);
        else
            quote_sql_text(line, value->data, value->size);
        break;
    }
}

static void
mode_add_json(mode_printer *printer, const mode_value *value)
{
    text *line = &printer->line;

    switch (value->type) {
    case VELO_NULL:
        text_add_string(line, "null");
        break;
    case VELO_INTEGER:
        text_add(line, value->data, value->size);
        break;
    case VELO_REAL:
        quote_real(line, value->real);
        break;
    case VELO_BLOB:
    case VELO_TEXT:
        quote_json(line, value->data, value->size);
        break;
    }
}

/* Add one field of a form whose fields have separators between. */
static void
mode_add_field(mode_printer *printer, const mode_value *value)
{
    const mode_settings *settings = printer->settings;
    text *line = &printer->line;

    switch ((int)settings->kind) {
    case MODE_CSV:
        if (value->type == VELO_NULL)
            text_add_string(line, settings->null_text);
        else
            quote_csv(line, value->data, mode_visible_size(value), settings->column_separator);
        break;
    case MODE_QUOTE:
        mode_add_literal(printer, value);
        break;
    case MODE_TCL:
        if (value->type == VELO_NULL)
            quote_c(line, settings->null_text, strlen(settings->null_text));
        else
            quote_c(line, value->data, mode_visible_size(value));
        break;
    default:
        mode_add_plain(printer, value);
        break;
    }
}

static void
mode_add_fields(mode_printer *printer, const mode_value *values)
{
    for (size_t i = 0; i < printer->count; i++) {
        if (i > 0)
            text_add_string(&printer->line, printer->settings->column_separator);
        mode_add_field(printer, &values[i]);
    }
    text_add_string(&printer->line, printer->settings->row_separator);
}

/* The names of columns as a row of texts. */
static void
mode_add_names(mode_printer *printer)
{
    mode_value *names = memory_take(printer->count * sizeof *names);

    for (size_t i = 0; i < printer->count; i++)
        names[i] = (mode_value){VELO_TEXT, printer->names[i], strlen(printer->names[i]), 0};
    mode_add_fields(printer, names);
    free(names);
}

static void
mode_add_html(mode_printer *printer, const mode_value *values)
{
    text *line = &printer->line;

    text_add_string(line, "<TR>");
    for (size_t i = 0; i < printer->count; i++) {
        text_add_string(line, values == NULL ? "<TH>" : "<TD>");
        if (values == NULL)
            quote_html(line, printer->names[i], strlen(printer->names[i]));
        else if (values[i].type == VELO_NULL)
            quote_html(line, printer->settings->null_text, strlen(printer->settings->null_text));
        else
            quote_html(line, values[i].data, mode_visible_size(&values[i]));
        text_add_string(line, values == NULL ? "</TH>\n" : "</TD>\n");
    }
    text_add_string(line, "</TR>\n");
}

static void
mode_add_insert(mode_printer *printer, const mode_value *values)
{
    text *line = &printer->line;

    text_add_string(line, "INSERT INTO ");
    quote_name(line, printer->settings->table);
    for (size_t i = 0; printer->settings->has_headers && i < printer->count; i++) {
        text_add_char(line, i == 0 ? '(' : ',');
        quote_name(line, printer->names[i]);
    }
    text_add_string(line, printer->settings->has_headers ? ") VALUES(" : " VALUES(");
    for (size_t i = 0; i < printer->count; i++) {
        if (i > 0)
            text_add_char(line, ',');
        mode_add_literal(printer, &values[i]);
    }
    text_add_string(line, ");\n");
}

static void
mode_add_object(mode_printer *printer, const mode_value *values)
{
    text *line = &printer->line;

    text_add_string(line, printer->row_count == 0 ? "[{" : ",\n{");
    for (size_t i = 0; i < printer->count; i++) {
        if (i > 0)
            text_add_char(line, ',');
        quote_json(line, printer->names[i], strlen(printer->names[i]));
        text_add_char(line, ':');
        mode_add_json(printer, &values[i]);
    }
    text_add_char(line, '}');
}

static void
mode_add_lines(mode_printer *printer, const mode_value *values)
{
    text *line = &printer->line;

    if (printer->row_count > 0)
        text_add_string(line, printer->settings->row_separator);
    for (size_t i = 0; i < printer->count; i++) {
        const char *name = printer->names[i];

        text_add_repeated(line, " ", printer->name_width - width_of(name, strlen(name)));
        text_add_string(line, name);
        text_add_string(line, " = ");
        mode_add_plain(printer, &values[i]);
        text_add_string(line, printer->settings->row_separator);
    }
}

static void
mode_flush(mode_printer *printer)
{
    if (printer->line.size != 0)
        printer->write(printer->user, printer->line.data, printer->line.size);
    text_clear(&printer->line);
}

void
mode_row(mode_printer *printer, const mode_value *values)
{
    int is_first = printer->row_count == 0 && printer->settings->has_headers;

    if (printer->cells != NULL) {
        grid_add(printer->cells, values);
        printer->row_count++;
        return;
    }
    switch ((int)printer->settings->kind) {
    case MODE_HTML:
        if (is_first)
            mode_add_html(printer, NULL);
        mode_add_html(printer, values);
        break;
    case MODE_INSERT:
        mode_add_insert(printer, values);
        break;
    case MODE_JSON:
        mode_add_object(printer, values);
        break;
    case MODE_LINE:
        mode_add_lines(printer, values);
        break;
    default:
        if (is_first)
            mode_add_names(printer);
        mode_add_fields(printer, values);
        break;
    }
    printer->row_count++;
    mode_flush(printer);
}

void
mode_end(mode_printer *printer)
{
    if (printer->settings->kind == MODE_JSON && printer->row_count > 0)
        text_add_string(&printer->line, "]\n");
    if (printer->cells != NULL)
        grid_draw(printer->cells, printer->write, printer->user);
    mode_flush(printer);
    grid_destroy(printer->cells);
    for (size_t i = 0; i < printer->count; i++)
        free(printer->names[i]);
    free(printer->names);
    text_free(&printer->line);
    free(printer);
}
