/* csv.c - reading records of comma-separated values.
 *
 * Invariants
 *   C1  begin <= at <= end <= capacity: bytes from begin on are not consumed yet, up to end they
 *       are read.
 *   C2  A record is parsed without changing the buffer; when it turns out to be incomplete, more is
 *       read and it is parsed again from its beginning. Reads double the bytes at hand, so each
 *       byte is parsed at most about twice.
 *   C3  Doubled quotes are joined, in place, once a record is complete.
 *   C4  Every error consumes at least one line, so that a caller who skips comes to an end. */
#include "csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CSV_READ_BYTES   ((size_t)1 << 18)
#define CSV_RECORD_BYTES ((size_t)1 << 28)
#define CSV_FIELDS_FIRST ((size_t)64)
#define CSV_MESSAGE_SIZE 160U

/* A field by offsets, since the buffer may move while its record is incomplete. */
typedef struct csv_span {
    size_t at;       /* offset of the first byte in the buffer */
    size_t size;     /* bytes, doubled quotes included */
    int is_quoted;   /* in quotes, which are left out */
    int has_doubles; /* doubled quotes inside */
} csv_span;

struct csv_reader {
    csv_read *read;                 /* where bytes come from */
    void *argument;                 /* its argument */
    char separator;                 /* between fields */
    char quote;                     /* around fields */
    int checks_utf8;                /* whether records must be UTF-8 */
    size_t record_max;              /* bytes of a record */
    char *buffer;                   /* owned */
    size_t capacity;                /* of the buffer */
    size_t begin;                   /* C1 */
    size_t end;                     /* C1 */
    int is_at_end;                  /* no more bytes will come */
    int has_begun;                  /* the byte order mark has been looked for */
    csv_status final;               /* CSV_FAILED or CSV_NO_MEMORY for good, else CSV_RECORD */
    uint64_t line;                  /* of begin, from 1 */
    uint64_t consumed;              /* bytes of input before begin */
    csv_span *spans;                /* owned; of the record being parsed */
    csv_field *fields;              /* owned; as long as spans */
    size_t room;                    /* of both */
    size_t count;                   /* of the record being parsed */
    char message[CSV_MESSAGE_SIZE]; /* of the last error */
    uint64_t message_line;          /* where that is; 0: where the reader is */
};

/* How parsing a record ended. */
typedef enum csv_parse {
    CSV_PARSED,     /* complete */
    CSV_INCOMPLETE, /* the buffer ends before the record does */
    CSV_UNCLOSED,   /* the input ends in a quoted field */
    CSV_TRAILING,   /* bytes behind a closing quote */
    CSV_CROWDED     /* no memory for the fields */
} csv_parse;

csv_reader *
csv_create(csv_read *read, void *argument, const csv_options *options)
{
    csv_reader *reader;
    char separator = options != NULL && options->separator != 0 ? options->separator : ',';
    char quote = options != NULL && options->quote != 0 ? options->quote : '"';

    if (separator == quote || separator == '\n' || separator == '\r' || quote == '\n' ||
        quote == '\r')
        return NULL;
    reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return NULL;
    reader->read = read;
    reader->argument = argument;
    reader->separator = separator;
    reader->quote = quote;
    reader->checks_utf8 = options != NULL && options->checks_utf8;
    reader->record_max = options != NULL && options->record_max_bytes != 0
                             ? options->record_max_bytes
                             : CSV_RECORD_BYTES;
    reader->final = CSV_RECORD;
    reader->line = 1;
    return reader;
}

void
csv_destroy(csv_reader *reader)
{
    if (reader == NULL)
        return;
    free(reader->buffer);
    free(reader->spans);
    free(reader->fields);
    free(reader);
}

const char *
csv_message(const csv_reader *reader)
{
    return reader->message;
}

uint64_t
csv_message_line(const csv_reader *reader)
{
    return reader->message_line != 0 ? reader->message_line : reader->line;
}

uint64_t
csv_offset(const csv_reader *reader)
{
    return reader->consumed;
}

/* ---- bytes ---- */

/* Move what is left to the buffer's start and make room for as much again. */
static int
csv_make_room(csv_reader *reader)
{
    size_t left = reader->end - reader->begin;
    size_t wanted = left < CSV_READ_BYTES ? CSV_READ_BYTES : left;
    char *grown;

    if (left > 0 && reader->begin > 0)
        memmove(reader->buffer, reader->buffer + reader->begin, left);
    reader->begin = 0;
    reader->end = left;
    if (reader->capacity - left >= wanted)
        return 1;
    grown = realloc(reader->buffer, left + wanted);
    if (grown == NULL) {
        (void)snprintf(reader->message, sizeof reader->message,
                       "out of memory for a record of more than %zu bytes", left);
        reader->final = CSV_NO_MEMORY;
        return 0;
    }
    reader->buffer = grown;
    reader->capacity = left + wanted;
    return 1;
}

/* Read more, at least as many bytes as are at hand or all that there are. 0: reader->final says
 * why not. */
static int
csv_fill(csv_reader *reader)
{
    size_t least = reader->end - reader->begin;
    size_t filled = 0;

    if (!csv_make_room(reader))
        return 0;
    while ((filled == 0 || filled < least) && !reader->is_at_end &&
           reader->end < reader->capacity) {
        ptrdiff_t got = reader->read(reader->argument, reader->buffer + reader->end,
                                     reader->capacity - reader->end);

        if (got < 0 && filled > 0)
            break; /* what was read first; reading fails again */
        if (got < 0) {
            (void)snprintf(reader->message, sizeof reader->message, "the input cannot be read");
            reader->final = CSV_FAILED;
            return 0;
        }
        reader->is_at_end = got == 0;
        reader->end += (size_t)got;
        filled += (size_t)got;
    }
    return 1;
}

/* Line feeds among bytes. */
static uint64_t
csv_count_lines(const char *from, size_t size)
{
    const char *end = from + size;
    uint64_t count = 0;

    while (from < end) {
        from = memchr(from, '\n', (size_t)(end - from));
        if (from == NULL)
            break;
        count++;
        from++;
    }
    return count;
}

/* Drop bytes that have been dealt with, of so many lines. */
static void
csv_consume_lines(csv_reader *reader, size_t size, uint64_t lines)
{
    reader->line += lines;
    reader->begin += size;
    reader->consumed += size;
}

/* The same, and count their lines. */
static void
csv_consume(csv_reader *reader, size_t size)
{
    csv_consume_lines(reader, size, csv_count_lines(reader->buffer + reader->begin, size));
}

/* ---- parsing one record ---- */

static int
csv_add_span(csv_reader *reader, csv_span span)
{
    if (reader->count == reader->room) {
        size_t room = reader->room == 0 ? CSV_FIELDS_FIRST : 2 * reader->room;
        csv_span *spans = realloc(reader->spans, room * sizeof *spans);
        csv_field *fields;

        if (spans == NULL)
            return 0;
        reader->spans = spans;
        fields = realloc(reader->fields, room * sizeof *fields);
        if (fields == NULL)
            return 0;
        reader->fields = fields;
        reader->room = room;
    }
    reader->spans[reader->count++] = span;
    return 1;
}

/* Find the end of a field in quotes; *at is behind the opening one, and receives the offset behind
 * the closing one. */
static csv_parse
csv_parse_quoted(csv_reader *reader, size_t *at, csv_span *span)
{
    span->is_quoted = 1;
    span->at = *at;
    for (;;) {
        const char *found = memchr(reader->buffer + *at, reader->quote, reader->end - *at);

        if (found == NULL)
            return reader->is_at_end ? CSV_UNCLOSED : CSV_INCOMPLETE;
        *at = (size_t)(found - reader->buffer) + 1;
        if (*at == reader->end && !reader->is_at_end)
            return CSV_INCOMPLETE; /* the next byte may be a quote as well */
        if (*at == reader->end || reader->buffer[*at] != reader->quote)
            break;
        span->has_doubles = 1;
        (*at)++;
    }
    span->size = *at - 1 - span->at;
    return CSV_PARSED;
}

/* Pass over bytes that are neither separator nor line feed, eight at a time: up to one that is, or
 * less than eight before it or the end. */
static size_t
csv_pass_words(const csv_reader *reader, size_t at)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    uint64_t separators = ones * (unsigned char)reader->separator;
    uint64_t feeds = ones * '\n';

    for (; reader->end - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
        uint64_t word, a, b, hits;

        memcpy(&word, reader->buffer + at, sizeof word);
        a = word ^ separators;
        b = word ^ feeds;
        hits = (((a - ones) & ~a) | ((b - ones) & ~b)) & tops; /* a byte of a or b is 0 (Mycroft) */
        if (hits == 0)
            continue;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        at += (size_t)__builtin_ctzll(hits) / 8; /* the lowest one is exact */
#endif
        break;
    }
    return at;
}

/* Find the end of a field without quotes: *at receives the offset of the separator or line feed,
 * or the end of input. */
static csv_parse
csv_parse_plain(const csv_reader *reader, size_t *at, csv_span *span)
{
    size_t from = *at;
    char separator = reader->separator;

    from = csv_pass_words(reader, from);
    while (from < reader->end && reader->buffer[from] != separator && reader->buffer[from] != '\n')
        from++;
    if (from == reader->end && !reader->is_at_end)
        return CSV_INCOMPLETE;
    span->at = *at;
    span->size = from - *at;
    if (from < reader->end && reader->buffer[from] == '\n' && span->size > 0 &&
        reader->buffer[from - 1] == '\r')
        span->size--; /* CR LF */
    *at = from;
    return CSV_PARSED;
}

/* What follows a closing quote: a separator, a line end, or the end of input. *at receives the
 * offset of separator or line feed. */
static csv_parse
csv_parse_behind(const csv_reader *reader, size_t *at)
{
    const char *buffer = reader->buffer;

    if (*at == reader->end || buffer[*at] == reader->separator || buffer[*at] == '\n')
        return CSV_PARSED; /* the end is that of the input, or parse_quoted would not be done */
    if (buffer[*at] != '\r')
        return CSV_TRAILING;
    if (*at + 1 == reader->end)
        return reader->is_at_end ? CSV_TRAILING : CSV_INCOMPLETE;
    if (buffer[*at + 1] != '\n')
        return CSV_TRAILING;
    (*at)++;
    return CSV_PARSED;
}

/* Parse the record at begin; *end receives the offset behind it, line end included, or where the
 * trouble is. */
static csv_parse
csv_parse_record(csv_reader *reader, size_t *end)
{
    size_t at = reader->begin;

    reader->count = 0;
    for (;;) {
        csv_span span = {0, 0, 0, 0};
        csv_parse parsed;

        if (at < reader->end && reader->buffer[at] == reader->quote) {
            at++;
            parsed = csv_parse_quoted(reader, &at, &span);
            if (parsed == CSV_PARSED)
                parsed = csv_parse_behind(reader, &at);
        } else {
            parsed = csv_parse_plain(reader, &at, &span);
        }
        *end = at;
        if (parsed != CSV_PARSED)
            return parsed;
        if (!csv_add_span(reader, span))
            return CSV_CROWDED;
        if (at == reader->end)
            return CSV_PARSED; /* the last line has no end */
        *end = at + 1;
        if (reader->buffer[at] == '\n')
            return CSV_PARSED;
        at++;
    }
}

/* ---- finishing a record ---- */

/* Join doubled quotes; returns the size that is left. */
static size_t
csv_join_doubles(char *data, size_t size, char quote)
{
    size_t to = 0;

    for (size_t from = 0; from < size; from++) {
        data[to++] = data[from];
        if (data[from] == quote)
            from++; /* keeps C3: quotes inside come in twos */
    }
    return to;
}

/* Consume the record of `size` bytes at begin, and give it out: its bytes stay where they are until
 * more is read. */
static void
csv_finish_record(csv_reader *reader, size_t size, csv_record *record)
{
    uint64_t lines = reader->buffer[reader->begin + size - 1] == '\n';

    record->line = reader->line;
    for (size_t i = 0; i < reader->count; i++) {
        csv_span *span = &reader->spans[i];
        char *data = reader->buffer + span->at;

        if (span->is_quoted) /* no other field has line feeds */
            lines += csv_count_lines(data, span->size);
        if (span->has_doubles)
            span->size = csv_join_doubles(data, span->size, reader->quote);
        reader->fields[i].data = data;
        reader->fields[i].size = span->size;
        reader->fields[i].is_quoted = span->is_quoted;
    }
    csv_consume_lines(reader, size, lines);
    record->fields = reader->fields;
    record->count = reader->count;
}

/* Consume a bad record: the rest of the line that `at` is in, reading on as that takes. */
static csv_status
csv_skip_line(csv_reader *reader, size_t at)
{
    size_t passed = at - reader->begin;

    for (;;) {
        const char *from = reader->buffer + reader->begin + passed;
        const char *found = memchr(from, '\n', reader->end - reader->begin - passed);

        if (found != NULL) {
            csv_consume(reader, (size_t)(found - reader->buffer) + 1 - reader->begin);
            return CSV_BAD;
        }
        csv_consume(reader, reader->end - reader->begin);
        passed = 0;
        if (reader->is_at_end)
            return CSV_BAD;
        if (!csv_fill(reader))
            return reader->final;
    }
}

static csv_status
csv_fail(csv_reader *reader, const char *what, size_t resume_at)
{
    (void)snprintf(reader->message, sizeof reader->message, "%s", what);
    reader->message_line = reader->line; /* before the line is skipped */
    return csv_skip_line(reader, resume_at);
}

static csv_status
csv_fail_parse(csv_reader *reader, csv_parse parsed, size_t at)
{
    size_t before = at - reader->begin;
    uint64_t line;
    char what[96];

    switch (parsed) {
    case CSV_UNCLOSED:
        return csv_fail(reader, "a quoted field is not closed before the end of input",
                        reader->begin); /* keeps C4 */
    case CSV_TRAILING:
        line = reader->line + csv_count_lines(reader->buffer + reader->begin, before);
        (void)snprintf(what, sizeof what,
                       "field %zu has more behind its closing quote, on line %llu",
                       reader->count + 1, (unsigned long long)line);
        return csv_fail(reader, what, at);
    case CSV_CROWDED:
        (void)snprintf(reader->message, sizeof reader->message, "out of memory for %zu fields",
                       reader->count);
        reader->final = CSV_NO_MEMORY;
        return CSV_NO_MEMORY;
    case CSV_PARSED:
    case CSV_INCOMPLETE:
        break;
    }
    return csv_fail(reader, "the record is longer than allowed", at);
}

static int
csv_begin(csv_reader *reader)
{
    reader->has_begun = 1;
    while (reader->end - reader->begin < 3 && !reader->is_at_end)
        if (!csv_fill(reader))
            return 0;
    if (reader->end - reader->begin >= 3 && memcmp(reader->buffer, "\xef\xbb\xbf", 3) == 0)
        csv_consume(reader, 3);
    return 1;
}

csv_status
csv_next(csv_reader *reader, csv_record *record)
{
    size_t end = 0;
    csv_parse parsed;

    reader->message[0] = '\0';
    reader->message_line = 0;
    memset(record, 0, sizeof *record);
    if (reader->final != CSV_RECORD || (!reader->has_begun && !csv_begin(reader)))
        return reader->final;
    for (;;) {
        if (reader->begin == reader->end && reader->is_at_end)
            return CSV_END;
        parsed = reader->begin == reader->end ? CSV_INCOMPLETE : csv_parse_record(reader, &end);
        if (parsed != CSV_INCOMPLETE || reader->end - reader->begin > reader->record_max)
            break;
        if (!csv_fill(reader))
            return reader->final;
    }
    if (parsed != CSV_PARSED || end - reader->begin > reader->record_max)
        return csv_fail_parse(reader, parsed == CSV_PARSED ? CSV_INCOMPLETE : parsed,
                              parsed == CSV_PARSED ? end - 1 : end);
    if (reader->checks_utf8 && !csv_is_utf8(reader->buffer + reader->begin, end - reader->begin))
        return csv_fail(reader, "the record is not UTF-8", end - 1);
    csv_finish_record(reader, end - reader->begin, record);
    return CSV_RECORD;
}
