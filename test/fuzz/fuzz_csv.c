/* fuzz_csv.c - whatever the bytes are and the pieces they come in: every record comes once, in
 * order, and reading ends. The first byte chooses options and pieces. */
#include "../shell/csv.h"
#include "lib/fuzz.h"

#include <string.h>

typedef struct fuzz_input {
    const uint8_t *bytes; /* all */
    size_t size;          /* how many */
    size_t at;            /* read so far */
    size_t step;          /* most at a time */
} fuzz_input;

static ptrdiff_t
fuzz_read(void *argument, void *buffer, size_t size)
{
    fuzz_input *input = argument;
    size_t left = input->size - input->at;

    size = size < input->step ? size : input->step;
    size = size < left ? size : left;
    if (size > 0)
        memcpy(buffer, input->bytes + input->at, size);
    input->at += size;
    return (ptrdiff_t)size;
}

/* Read all; returns a number that depends on every record and error. */
static uint64_t
fuzz_read_all(const uint8_t *data, size_t size, size_t step, const csv_options *options)
{
    fuzz_input input = {data, size, 0, step};
    csv_reader *reader = csv_create(fuzz_read, &input, options);
    uint64_t seen = 0;
    uint64_t line = 0;
    uint64_t offset = 0;
    csv_record record;
    csv_status status;

    FUZZ_CHECK(reader != NULL);
    while ((status = csv_next(reader, &record)) != CSV_END) {
        FUZZ_CHECK(status == CSV_RECORD || status == CSV_BAD);
        FUZZ_CHECK(csv_offset(reader) > offset);
        offset = csv_offset(reader);
        seen = seen * 31 + record.count + (status == CSV_BAD);
        if (status == CSV_BAD) {
            FUZZ_CHECK(csv_message(reader)[0] != '\0');
            continue;
        }
        FUZZ_CHECK(record.count > 0 && record.line > line);
        line = record.line;
        for (size_t i = 0; i < record.count; i++) {
            for (size_t k = 0; k < record.fields[i].size; k++)
                seen = seen * 31 + (uint8_t)record.fields[i].data[k];
            seen = seen * 31 + (uint64_t)csv_field_type(&record.fields[i]);
        }
        seen += (uint64_t)csv_is_header(&record, NULL, 0);
    }
    FUZZ_CHECK(csv_offset(reader) == size); /* a byte order mark alone is no record */
    csv_destroy(reader);
    return seen;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    csv_options options = {0, 0, 0, 0};

    if (size == 0)
        return 0;
    options.checks_utf8 = data[0] & 1;
    options.separator = data[0] & 2 ? ';' : ',';
    FUZZ_CHECK(fuzz_read_all(data + 1, size - 1, 1 + (size_t)data[0] / 16, &options) ==
               fuzz_read_all(data + 1, size - 1, 4096, &options));
    return 0;
}
