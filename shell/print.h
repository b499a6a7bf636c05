/* print.h - rows of results as text, in the output modes of SQLite's shell.
 *
 * Pure functions: values in, bytes out through a function that the caller gives. The forms are
 * those of sqlite3 3.40 with these differences: widths are columns of a terminal (a wide character
 * takes two, a combining one none), where SQLite counts characters; reals have 17 digits where 15
 * do not give the same number back, not SQLite's 20. */
#ifndef VELO_SHELL_PRINT_H
#define VELO_SHELL_PRINT_H

#include <stddef.h>
#include <stdint.h>

typedef enum print_mode {
    PRINT_LIST, /* values between separators */
    PRINT_TABS,
    PRINT_ASCII,
    PRINT_CSV,
    PRINT_TCL,
    PRINT_QUOTE, /* SQL literals */
    PRINT_INSERT,
    PRINT_JSON,
    PRINT_LINE, /* one value a line */
    PRINT_HTML,
    PRINT_COLUMN, /* from here on whole results are needed, for widths */
    PRINT_TABLE,
    PRINT_BOX,
    PRINT_MARKDOWN
} print_mode;

/* The types of values, with SQLite's numbers. */
typedef enum print_type {
    PRINT_TYPE_INTEGER = 1,
    PRINT_TYPE_REAL = 2,
    PRINT_TYPE_TEXT = 3,
    PRINT_TYPE_BLOB = 4,
    PRINT_TYPE_NULL = 5
} print_type;

/* A value. Numbers come as the text that SQL makes of them too. */
typedef struct print_value {
    print_type type;
    const char *data; /* `size` bytes; of NULL nothing */
    size_t size;      /* bytes */
    double real;      /* of a REAL */
} print_value;

/* Take bytes. */
typedef void print_write(void *argument, const char *data, size_t size);

typedef struct print_options {
    print_mode mode;
    int has_headers;       /* names come first, where the mode lets one choose */
    const char *null_text; /* for NULL where the mode has no word of its own; NULL: "" */
    const char *separator; /* between columns; NULL: the mode's own */
    const char *row_end;   /* behind a row; NULL: the mode's own */
    const char *table;     /* INSERT: into which; NULL: "table" */
    size_t wrap;           /* columns of a terminal after which a text goes on below; 0: never */
    int (*is_keyword)(const char *name); /* INSERT: whether a name needs quotes though it is a word;
                                            NULL: none but "table" */
    print_write *write;                  /* where the text goes */
    void *argument;                      /* for write */
} print_options;

/* Whether a mode needs all rows at once: then only print_rows is for it. */
int print_needs_all(print_mode mode);

/* Print row after row: print_row with the number of the row, from 0, and at last print_end with
 * their count. Headers come with the first row. Not for modes that need all rows. */
void print_row(const print_options *options, const char *const *names, const print_value *values,
               size_t column_count, uint64_t row);
void print_end(const print_options *options, uint64_t row_count);

/* Print a whole result, in any mode; values are row after row. Without rows nothing is printed.
 * Returns 0, or -1 when there is no memory for the widths. */
int print_rows(const print_options *options, const char *const *names, const print_value *values,
               size_t column_count, size_t row_count);

/* The columns of a terminal that a character takes: 0, 1 or 2. */
unsigned print_character_width(uint32_t character);

/* Read the character at `text`, of which `size` bytes, at least one, are there; *character is what
 * it is, and a byte that is no UTF-8 is taken as a character by itself. Returns its bytes. */
size_t print_character(const char *text, size_t size, uint32_t *character);

#endif
