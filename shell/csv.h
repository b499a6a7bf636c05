/* csv.h - reading records of comma-separated values, fast and without guessing.
 *
 * The format is RFC 4180 as spreadsheets and SQLite's shell use it:
 *   - records end with LF, CR LF, or the end of input; an empty line is a record of one empty
 * field;
 *   - a field that begins with the quote goes on to the next quote that is not doubled, and may
 * hold separators, line ends and doubled quotes; behind its closing quote only a separator or the
 *     end of the record may follow;
 *   - a quote inside of a field that does not begin with one is an ordinary byte;
 *   - a byte order mark at the beginning of input is skipped.
 *
 * Bad input is an error with the number of its line. The reader then goes on behind the bad record
 * (behind the line on which it began when a quote was never closed), so the caller may stop or
 * skip it. A reader belongs to one thread at a time. */
#ifndef VELO_SHELL_CSV_H
#define VELO_SHELL_CSV_H

#include <stddef.h>
#include <stdint.h>

/* Read up to `size` bytes. Returns how many: 0 at the end of input, -1 when reading failed. */
typedef ptrdiff_t csv_read(void *argument, void *buffer, size_t size);

typedef struct csv_options {
    char separator;          /* ',' when 0; not the quote, CR or LF */
    char quote;              /* '"' when 0; never CR or LF */
    int checks_utf8;         /* 1: a record that is not UTF-8 is an error */
    size_t record_max_bytes; /* a longer record is an error; 256 MiB when 0 */
} csv_options;

/* One field. The bytes belong to the reader and last until the next record is read. */
typedef struct csv_field {
    const char *data; /* `size` bytes, not terminated; never NULL */
    size_t size;      /* bytes */
    int is_quoted;    /* 1: stood in quotes, so that "" can be told from nothing */
} csv_field;

typedef struct csv_record {
    const csv_field *fields; /* `count` of them */
    size_t count;            /* at least 1 */
    uint64_t line;           /* on which the record begins, from 1 */
} csv_record;

typedef enum csv_status {
    CSV_RECORD,   /* a record was read */
    CSV_END,      /* there is none left */
    CSV_BAD,      /* the record is bad; reading may go on behind it */
    CSV_FAILED,   /* the read function failed: nothing more can be read */
    CSV_NO_MEMORY /* nothing more can be read */
} csv_status;

typedef struct csv_reader csv_reader;

/* Make a reader. `options` may be NULL. Returns NULL when there is no memory, or when separator
 * and quote cannot be told apart. */
csv_reader *csv_create(csv_read *read, void *argument, const csv_options *options);

/* NULL is allowed. */
void csv_destroy(csv_reader *reader);

/* Read the next record. */
csv_status csv_next(csv_reader *reader, csv_record *record);

/* What was bad, as one line of text; lasts until the next record is read. "" when nothing was. And
 * in which line. */
const char *csv_message(const csv_reader *reader);
uint64_t csv_message_line(const csv_reader *reader);

/* Bytes of input behind which the next record begins: for showing progress. */
uint64_t csv_offset(const csv_reader *reader);

/* Whether `size` bytes are well-formed UTF-8 (no overlong forms, no surrogates, up to U+10FFFF). */
int csv_is_utf8(const char *data, size_t size);

/* ---- what a file seems to hold ---- */

typedef enum csv_type {
    CSV_TYPE_EMPTY,
    CSV_TYPE_INTEGER,
    CSV_TYPE_REAL,
    CSV_TYPE_TEXT
} csv_type;

/* The narrowest type that a field fits, so that nothing of it is lost: INTEGER is an optional sign
 * and digits within 64 bits, without leading zeros (which would be lost: postcodes, telephone
 * numbers); REAL a decimal number with point or exponent that is below 1e308; EMPTY no bytes at
 * all; integers beyond 64 bits are TEXT. */
csv_type csv_field_type(const csv_field *field);

/* The type that holds values of both: EMPTY gives way to anything, TEXT takes all. */
csv_type csv_type_join(csv_type a, csv_type b);

/* Whether a first record looks like the names of columns, given the types of the records behind it
 * in the first `count` columns:
 *   - a number among its fields, also one that is TEXT to csv_field_type (007): no;
 *   - else text above a column of numbers: yes;
 *   - else: if no field is empty and no two are equal, as SQLite's shell assumes in any case.
 * Records of more than CSV_HEADER_MAX fields are none. */
#define CSV_HEADER_MAX 2000U
int csv_is_header(const csv_record *first, const csv_type *types, size_t count);

#endif
