/* mode.h - results in the forms that the shell prints: pure functions from names of columns and
 * rows of values to text.
 *
 *     printer = mode_begin(&settings, count, names, write, user)
 *     mode_row(printer, values)      for each row
 *     mode_end(printer)
 *
 * The forms are those of SQLite's shell. Box, table, column and markdown know their widths only
 * when all rows are there, and keep them until the end; the others write each row at once. A result
 * without rows prints nothing.
 *
 * Two things differ from SQLite's shell: widths are columns of a terminal, not characters; and
 * reals in JSON, insert and quote are the shortest text that gives the same number. */
#ifndef VELO_SHELL_MODE_H
#define VELO_SHELL_MODE_H

#include "velocidb.h"

#include <stddef.h>

typedef enum mode_kind {
    MODE_ASCII,    /* fields and records by 0x1F and 0x1E, or what the separators are */
    MODE_BOX,      /* a table drawn with Unicode's lines */
    MODE_COLUMN,   /* in columns */
    MODE_CSV,      /* comma-separated values */
    MODE_HTML,     /* rows of a table */
    MODE_INSERT,   /* INSERT statements */
    MODE_JSON,     /* an array of objects */
    MODE_LINE,     /* a line a value, "name = value" */
    MODE_LIST,     /* values with a separator between */
    MODE_MARKDOWN, /* a table of Markdown */
    MODE_QUOTE,    /* SQL literals */
    MODE_TABLE,    /* a table drawn with + - | */
    MODE_TCL       /* strings in quotes */
} mode_kind;

/* How results look. Everything is borrowed until mode_end. */
typedef struct mode_settings {
    mode_kind kind;        /* the form */
    int has_headers;       /* print names of columns; box, table, markdown always do */
    int has_quotes;        /* box, table, column, markdown: values as SQL literals */
    int wraps_at_words;    /* the same: break long lines between words */
    size_t wrap;           /* the same: columns of a terminal a line, 0 for no limit */
    const int *widths;     /* the same: width of each column, negative: to the right; 0: none */
    size_t width_count;    /* of them */
    const char *null_text; /* stands for NULL, where NULL is not a word of the language */
    const char *column_separator; /* list, csv, quote, tcl, ascii */
    const char *row_separator;    /* list, csv, quote, tcl, ascii, line */
    const char *table;            /* insert: name of the table */
} mode_settings;

/* A value. `data` is its text as the library gives it, of a blob its bytes; unused when NULL. */
typedef struct mode_value {
    velo_type type;   /* its storage class */
    const char *data; /* `size` bytes; may be NULL when size is 0 */
    size_t size;      /* bytes */
    double real;      /* of a VELO_REAL: itself */
} mode_value;

/* Takes `size` bytes of output. */
typedef void mode_write(void *user, const char *data, size_t size);

typedef struct mode_printer mode_printer;

/* `names` of the `count` columns are copied. */
mode_printer *mode_begin(const mode_settings *settings, size_t count, const char *const *names,
                         mode_write *write, void *user);

/* One row: `count` values, borrowed for the call. */
void mode_row(mode_printer *printer, const mode_value *values);

/* Write what is left and destroy the printer. */
void mode_end(mode_printer *printer);

/* The name of a form, and the form of a name: 1 when there is one. */
const char *mode_name(mode_kind kind);
int mode_find(const char *name, mode_kind *kind);

#endif
