/* test_csv.c - records of comma-separated values: form, errors, limits, guesses. */
#include "../shell/csv.h"
#include "base/rng.h"
#include "lib/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Input that comes in pieces of at most `step` bytes. */
typedef struct csv_input {
    const char *bytes; /* all of it */
    size_t size;       /* of it */
    size_t at;         /* how much was read */
    size_t step;       /* most at a time */
    size_t fail_at;    /* reading fails from here on; SIZE_MAX for never */
} csv_input;

static ptrdiff_t
csv_input_read(void *argument, void *buffer, size_t size)
{
    csv_input *input = argument;
    size_t left = input->size - input->at;

    if (input->at >= input->fail_at)
        return -1;
    if (size > input->step)
        size = input->step;
    if (size > left)
        size = left;
    memcpy(buffer, input->bytes + input->at, size);
    input->at += size;
    return (ptrdiff_t)size;
}

/* All records as text: fields in brackets, quoted ones in braces, errors as "!message". */
static void
csv_render(const csv_input *input, const csv_options *options, char *out, size_t size)
{
    csv_input copy = *input;
    csv_reader *reader = csv_create(csv_input_read, &copy, options);
    size_t used = 0;
    csv_status status;
    csv_record record;

    out[0] = '\0';
    while (reader != NULL && used + 200 < size) {
        status = csv_next(reader, &record);
        if (status == CSV_END)
            break;
        if (status != CSV_RECORD) {
            used +=
                (size_t)snprintf(out + used, size - used, "!line %llu: %s\n",
                                 (unsigned long long)csv_message_line(reader), csv_message(reader));
            if (status != CSV_BAD)
                break;
            continue;
        }
        used += (size_t)snprintf(out + used, size - used, "%llu:", (unsigned long long)record.line);
        for (size_t i = 0; i < record.count && used + 200 < size; i++)
            used += (size_t)snprintf(out + used, size - used,
                                     record.fields[i].is_quoted ? "{%.*s}" : "[%.*s]",
                                     (int)record.fields[i].size, record.fields[i].data);
        used += (size_t)snprintf(out + used, size - used, "\n");
    }
    csv_destroy(reader);
}

/* The same result whatever the pieces are that the input comes in. */
static void
csv_expect(const char *bytes, const csv_options *options, const char *expected)
{
    static char got[4096];
    size_t steps[] = {1, 2, 3, 7, 4096};

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        csv_input input = {bytes, strlen(bytes), 0, steps[i], SIZE_MAX};

        csv_render(&input, options, got, sizeof got);
        if (strcmp(got, expected) != 0)
            unit_failed(__FILE__, __LINE__, "<%s> by %zu: <%s> instead of <%s>", bytes, steps[i],
                        got, expected);
    }
}

static void
csv_reads_records(void)
{
    csv_expect("", NULL, "");
    csv_expect("a,b\n1,2\n", NULL, "1:[a][b]\n2:[1][2]\n");
    csv_expect("a,b\r\n1,2", NULL, "1:[a][b]\n2:[1][2]\n");
    csv_expect("\n\n", NULL, "1:[]\n2:[]\n");
    csv_expect("\r\n,\r\n", NULL, "1:[]\n2:[][]\n");
    csv_expect(",", NULL, "1:[][]\n");
    csv_expect("a,b,\n", NULL, "1:[a][b][]\n");
    csv_expect("a\rb,c\n", NULL, "1:[a\rb][c]\n");
    csv_expect("\xef\xbb\xbf"
               "a\n",
               NULL, "1:[a]\n");
    csv_expect("\xef\xbb", NULL, "1:[\xef\xbb]\n");
    csv_expect("a \" b,c\"\"d\n", NULL, "1:[a \" b][c\"\"d]\n");
}

static void
csv_reads_quotes(void)
{
    csv_expect("\"a\",\"b,c\"\n", NULL, "1:{a}{b,c}\n");
    csv_expect("\"\",\"\"\"\"\n", NULL, "1:{}{\"}\n");
    csv_expect("\"a\nb\"\r\n\"c\r\nd\",e", NULL, "1:{a\nb}\n3:{c\r\nd}[e]\n");
    csv_expect("\"x\"\"\ny\"\"\n\"\nlast\n", NULL, "1:{x\"\ny\"\n}\n4:[last]\n");
    csv_expect("\"a\"", NULL, "1:{a}\n");
}

static void
csv_takes_other_separators(void)
{
    csv_options tabs = {'\t', 0, 0, 0};
    csv_options single = {';', '\'', 0, 0};
    csv_options same = {'"', 0, 0, 0};
    csv_options feed = {0, '\n', 0, 0};
    csv_input input = {"", 0, 0, 1, SIZE_MAX};

    csv_expect("a,b\tc\n", &tabs, "1:[a,b][c]\n");
    csv_expect("'a;''b';\"c\"\n", &single, "1:{a;'b}[\"c\"]\n");
    CHECK(csv_create(csv_input_read, &input, &same) == NULL);
    CHECK(csv_create(csv_input_read, &input, &feed) == NULL);
    csv_destroy(NULL);
}

static void
csv_says_what_is_bad_and_goes_on(void)
{
    csv_options strict = {0, 0, 1, 0};
    csv_options small = {0, 0, 0, 20};

    csv_expect("a\n\"b\"x,c\nd\n", NULL,
               "1:[a]\n!line 2: field 1 has more behind its closing quote, on line 2\n3:[d]\n");
    csv_expect("a,\"b\n\nc\" ,d\ne\n", NULL,
               "!line 1: field 2 has more behind its closing quote, on line 3\n4:[e]\n");
    csv_expect(
        "a\n\"b\nc\nd", NULL,
        "1:[a]\n!line 2: a quoted field is not closed before the end of input\n3:[c]\n4:[d]\n");
    csv_expect("a\r\n\"b\"\r", NULL,
               "1:[a]\n!line 2: field 1 has more behind its closing quote, on line 2\n");
    csv_expect("a\nb\xff,c\n\xc3\xa4\n", &strict,
               "1:[a]\n!line 2: the record is not UTF-8\n3:[\xc3\xa4]\n");
    csv_expect(
        "a\n0123456789,0123456789\nb\n0123456789,012345678", &small,
        "1:[a]\n!line 2: the record is longer than allowed\n3:[b]\n4:[0123456789][012345678]\n");
}

static void
csv_says_that_reading_failed(void)
{
    static char got[512];
    csv_input input = {"a\nb\nc\n", 6, 0, 2, 4};
    csv_input amid = {"abcd\nef\n", 8, 0, 1, 5}; /* fails while more is being gathered */

    csv_render(&input, NULL, got, sizeof got);
    CHECK(strcmp(got, "1:[a]\n2:[b]\n!line 3: the input cannot be read\n") == 0);
    csv_render(&amid, NULL, got, sizeof got);
    CHECK(strcmp(got, "1:[abcd]\n!line 2: the input cannot be read\n") == 0);
}

static void
csv_counts_bytes_and_lines(void)
{
    csv_input input = {"a,b\n\"c\nd\"\nlast", 14, 0, 5, SIZE_MAX};
    csv_reader *reader = csv_create(csv_input_read, &input, NULL);
    csv_record record;

    CHECK(csv_next(reader, &record) == CSV_RECORD && csv_offset(reader) == 4);
    CHECK(csv_next(reader, &record) == CSV_RECORD && csv_offset(reader) == 10);
    CHECK(csv_next(reader, &record) == CSV_RECORD && csv_offset(reader) == 14);
    CHECK(record.line == 4);
    CHECK(csv_next(reader, &record) == CSV_END);
    CHECK(csv_next(reader, &record) == CSV_END);
    csv_destroy(reader);
}

/* Write random fields in the one form that reads back as them; returns the bytes used. */
static size_t
csv_write_field(vl_rng *rng, char *to, char *field, size_t *size)
{
    static const char letters[] = "ab,\"\n\r x";
    size_t used = 0;

    *size = (size_t)vl_rng_below(rng, 9);
    for (size_t i = 0; i < *size; i++)
        field[i] = letters[vl_rng_below(rng, sizeof letters - 1)];
    to[used++] = '"';
    for (size_t i = 0; i < *size; i++) {
        to[used++] = field[i];
        if (field[i] == '"')
            to[used++] = '"';
    }
    to[used++] = '"';
    return used;
}

static void
csv_reads_what_was_written(void)
{
    enum {
        FIELDS = 2000
    };
    static char text[FIELDS * 24];
    static char fields[FIELDS][9];
    static size_t sizes[FIELDS];
    csv_input input = {text, 0, 0, 1, SIZE_MAX};
    csv_reader *reader;
    csv_record record;
    uint32_t seen = 0;
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (uint32_t i = 0; i < FIELDS; i++) {
        input.size += csv_write_field(&rng, text + input.size, fields[i], &sizes[i]);
        text[input.size++] = vl_rng_below(&rng, 4) == 0 || i + 1 == FIELDS ? '\n' : ',';
    }
    input.step = 1 + (size_t)vl_rng_below(&rng, 40);
    reader = csv_create(csv_input_read, &input, NULL);
    while (csv_next(reader, &record) == CSV_RECORD)
        for (size_t i = 0; i < record.count && seen < FIELDS; i++, seen++)
            CHECK(record.fields[i].size == sizes[seen] &&
                  memcmp(record.fields[i].data, fields[seen], sizes[seen]) == 0);
    CHECK(seen == FIELDS && strcmp(csv_message(reader), "") == 0);
    csv_destroy(reader);
}

static void
csv_knows_utf8(void)
{
    CHECK(csv_is_utf8("plain text of some length", 25) && csv_is_utf8("", 0));
    CHECK(csv_is_utf8("\xc2\x80\xe0\xa0\x80\xed\x9f\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 16));
    CHECK(!csv_is_utf8("\xc1\x80", 2) && !csv_is_utf8("\xe0\x9f\x80", 3));
    CHECK(!csv_is_utf8("\xed\xa0\x80", 3) && !csv_is_utf8("\xf0\x8f\x80\x80", 4));
    CHECK(!csv_is_utf8("\xf4\x90\x80\x80", 4) && !csv_is_utf8("\xf5\x80\x80\x80", 4));
    CHECK(!csv_is_utf8("12345678\xe2\x82", 10) && !csv_is_utf8("\x80", 1));
    CHECK(!csv_is_utf8("\xe2\x82\x28", 3));
}

static csv_type
csv_type_of(const char *text)
{
    csv_field field = {text, strlen(text), 0};

    return csv_field_type(&field);
}

static void
csv_guesses_types(void)
{
    csv_field quoted = {"", 0, 1};

    CHECK(csv_type_of("") == CSV_TYPE_EMPTY && csv_field_type(&quoted) == CSV_TYPE_TEXT);
    CHECK(csv_type_of("0") == CSV_TYPE_INTEGER && csv_type_of("-17") == CSV_TYPE_INTEGER);
    CHECK(csv_type_of("9223372036854775807") == CSV_TYPE_INTEGER);
    CHECK(csv_type_of("9223372036854775808") == CSV_TYPE_TEXT);
    CHECK(csv_type_of("-9223372036854775808") == CSV_TYPE_INTEGER);
    CHECK(csv_type_of("-9223372036854775809") == CSV_TYPE_TEXT);
    CHECK(csv_type_of("1.5") == CSV_TYPE_REAL && csv_type_of(".5") == CSV_TYPE_REAL);
    CHECK(csv_type_of("5.") == CSV_TYPE_REAL && csv_type_of("-1e5") == CSV_TYPE_REAL);
    CHECK(csv_type_of("1E+05") == CSV_TYPE_REAL && csv_type_of("0.5") == CSV_TYPE_REAL);
    CHECK(csv_type_of("12345678901234567890123.5") == CSV_TYPE_REAL);
    CHECK(csv_type_of("1e307") == CSV_TYPE_REAL && csv_type_of("1e400") == CSV_TYPE_TEXT);
    CHECK(csv_type_of("1e-400") == CSV_TYPE_REAL &&
          csv_type_of("1e99999999999999999999") == CSV_TYPE_TEXT);
    CHECK(csv_type_of("00.5") == CSV_TYPE_TEXT && csv_type_of("01e5") == CSV_TYPE_TEXT);
    CHECK(csv_type_of("007") == CSV_TYPE_TEXT && csv_type_of("+49") == CSV_TYPE_TEXT);
    CHECK(csv_type_of("-0") == CSV_TYPE_TEXT && csv_type_of("-") == CSV_TYPE_TEXT);
    CHECK(csv_type_of(".") == CSV_TYPE_TEXT && csv_type_of("1e") == CSV_TYPE_TEXT);
    CHECK(csv_type_of("1 ") == CSV_TYPE_TEXT && csv_type_of("0x10") == CSV_TYPE_TEXT);
    CHECK(csv_type_join(CSV_TYPE_EMPTY, CSV_TYPE_INTEGER) == CSV_TYPE_INTEGER);
    CHECK(csv_type_join(CSV_TYPE_REAL, CSV_TYPE_INTEGER) == CSV_TYPE_REAL);
    CHECK(csv_type_join(CSV_TYPE_TEXT, CSV_TYPE_EMPTY) == CSV_TYPE_TEXT);
}

static int
csv_header_of(const char *text, const csv_type *types, size_t count)
{
    csv_input input = {text, strlen(text), 0, 4096, SIZE_MAX};
    csv_reader *reader = csv_create(csv_input_read, &input, NULL);
    csv_record record;
    int is_header = csv_next(reader, &record) == CSV_RECORD && csv_is_header(&record, types, count);

    csv_destroy(reader);
    return is_header;
}

static void
csv_guesses_headers(void)
{
    csv_type types[] = {CSV_TYPE_INTEGER, CSV_TYPE_TEXT};

    CHECK(csv_header_of("id,name", types, 2) && csv_header_of("id,name", NULL, 0));
    CHECK(!csv_header_of("1,name", types, 2) && !csv_header_of("id,1.5", types, 2));
    CHECK(!csv_header_of("007,name", NULL, 0) && !csv_header_of("id,9223372036854775808", NULL, 0));
    CHECK(!csv_header_of("id,id", NULL, 0) && csv_header_of("id,id", types, 2));
    CHECK(!csv_header_of("id,", NULL, 0) && csv_header_of("id,", types, 2));
    CHECK(!csv_header_of(",name", types, 2));
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(csv_reads_records),
        UNIT_TEST(csv_reads_quotes),
        UNIT_TEST(csv_takes_other_separators),
        UNIT_TEST(csv_says_what_is_bad_and_goes_on),
        UNIT_TEST(csv_says_that_reading_failed),
        UNIT_TEST(csv_counts_bytes_and_lines),
        UNIT_TEST(csv_reads_what_was_written),
        UNIT_TEST(csv_knows_utf8),
        UNIT_TEST(csv_guesses_types),
        UNIT_TEST(csv_guesses_headers),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
