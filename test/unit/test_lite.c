/* test_lite.c - the writer and the reader of SQLite's file format: what one has written the other
 * reads, and bytes that are wrong are harmless or reported. That SQLite agrees is tested with the
 * program (test/shell/test_convert.sh). */
#define _GNU_SOURCE /* utimensat */
#include "lib/unit.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "lite/lite_int.h"
#include "lite/reader.h"
#include "lite/writer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LITE_COLUMNS 5U

/* Make the values of row `i`, the same every time; `bytes` has room for `most`. */
static void
lite_make_row(uint64_t i, uint64_t most, uint8_t *bytes, vl_value *values)
{
    uint64_t size;
    vl_rng rng;

    vl_rng_init(&rng, unit_seed() + i);
    size = vl_rng_chance(&rng, 1, 20) ? vl_rng_below(&rng, most)
                                      : vl_rng_below(&rng, most < 40 ? most : 40);
    vl_rng_fill(&rng, bytes, (size_t)size);
    values[0] = (vl_value){.type = VL_TYPE_INTEGER, .as.integer = (int64_t)i};
    values[1] = (vl_value){.type = VL_TYPE_INTEGER,
                           .as.integer = (int64_t)(vl_rng_next(&rng) >> vl_rng_below(&rng, 64))};
    if (vl_rng_chance(&rng, 1, 2))
        values[1].as.integer = ~values[1].as.integer;
    values[2] = (vl_value){.type = VL_TYPE_REAL, .as.real = (double)i / 3};
    values[3] = (vl_value){.type = vl_rng_chance(&rng, 1, 2) ? VL_TYPE_TEXT : VL_TYPE_BLOB,
                           .size = (uint32_t)size,
                           .as.data = bytes};
    values[4] = (vl_value){.type = VL_TYPE_NULL};
}

static int
lite_is_same(const vl_value *left, const vl_value *right)
{
    if (left->type != right->type)
        return 0;
    if (left->type == VL_TYPE_INTEGER)
        return left->as.integer == right->as.integer;
    if (left->type == VL_TYPE_REAL)
        return vl_real_bits(left->as.real) == vl_real_bits(right->as.real);
    if (left->type == VL_TYPE_NULL)
        return 1;
    return left->size == right->size &&
           (left->size == 0 || memcmp(left->as.data, right->as.data, left->size) == 0);
}

/* Write a tree of rows, and its row of the schema. */
static velo_status
lite_write_tree(vl_ctx *ctx, vl_lite_writer *writer, vl_lite_kind kind, uint64_t rows,
                uint64_t most, uint32_t *root)
{
    uint8_t *bytes = malloc((size_t)most + 1);
    vl_value values[LITE_COLUMNS];
    velo_status st = vl_lite_tree_begin(ctx, writer, kind);

    for (uint64_t i = 0; st == VELO_OK && bytes != NULL && i < rows; i++) {
        lite_make_row(i, most, bytes, values);
        st = vl_lite_tree_add(ctx, writer, (int64_t)i * 3 - 50, values, LITE_COLUMNS);
    }
    free(bytes);
    return st == VELO_OK ? vl_lite_tree_end(ctx, writer, root) : st;
}

/* The rows of the schema: `count` of them with texts of `size` bytes, with one root or the other.
 */
static velo_status
lite_write_schema(vl_ctx *ctx, vl_lite_writer *writer, const uint32_t *roots, uint32_t count,
                  uint32_t size)
{
    char *sql = calloc((size_t)size + 1, 1);
    uint32_t root;
    velo_status st = vl_lite_tree_begin(ctx, writer, VL_LITE_SCHEMA);

    for (uint32_t i = 0; st == VELO_OK && sql != NULL && i < count; i++) {
        vl_value values[5] = {
            {.type = VL_TYPE_TEXT, .size = 5, .as.data = "table"},
            {.type = VL_TYPE_TEXT, .size = 1, .as.data = "t"},
            {.type = VL_TYPE_TEXT, .size = 1, .as.data = "t"},
            {.type = VL_TYPE_INTEGER, .as.integer = roots[i % 2]},
            {.type = VL_TYPE_TEXT, .size = size, .as.data = sql},
        };

        memset(sql, 'x', size);
        st = vl_lite_tree_add(ctx, writer, i + 1, values, 5);
    }
    free(sql);
    return st == VELO_OK ? vl_lite_tree_end(ctx, writer, &root) : st;
}

/* What is written. */
typedef struct lite_case {
    uint32_t page_size;
    uint64_t rows;      /* of a table and of an index */
    uint64_t most;      /* bytes of a row's long value */
    uint32_t objects;   /* rows of the schema */
    uint32_t text_size; /* bytes of each one's text */
    uint32_t roots[2];  /* receives them */
} lite_case;

static velo_status
lite_write(vl_ctx *ctx, lite_case *of, void **image, uint64_t *size)
{
    static const vl_lite_numbers numbers = {7, -8, 9};
    vl_lite_writer *writer;
    velo_status st;

    *image = NULL;
    VL_TRY(vl_lite_writer_create(ctx, NULL, of->page_size, &writer));
    st = lite_write_tree(ctx, writer, VL_LITE_TABLE, of->rows, of->most, &of->roots[0]);
    if (st == VELO_OK)
        st = lite_write_tree(ctx, writer, VL_LITE_INDEX, of->rows, of->most, &of->roots[1]);
    if (st == VELO_OK)
        st = lite_write_schema(ctx, writer, of->roots, of->objects, of->text_size);
    if (st == VELO_OK)
        st = vl_lite_writer_finish(ctx, writer, &numbers);
    if (st == VELO_OK)
        *image = vl_lite_writer_take(writer, size);
    vl_lite_writer_destroy(writer);
    return st;
}

/* Read a tree, and compare its rows with what was written when `most` is not 0. */
static velo_status
lite_read_tree(vl_ctx *ctx, vl_lite_reader *reader, uint32_t root, int is_index, uint64_t most,
               uint64_t *rows)
{
    uint8_t *bytes = malloc((size_t)most + 1);
    vl_value values[LITE_COLUMNS];
    vl_lite_scan *scan;
    vl_lite_row row;
    int found = 1;
    velo_status st = vl_lite_scan_create(ctx, reader, root, is_index, &scan);

    *rows = 0;
    while (st == VELO_OK && bytes != NULL) {
        st = vl_lite_scan_next(ctx, scan, &row, &found);
        if (st != VELO_OK || !found)
            break;
        if (most != 0) {
            lite_make_row(*rows, most, bytes, values);
            if (row.count != LITE_COLUMNS || row.rowid != (is_index ? 0 : (int64_t)*rows * 3 - 50))
                unit_failed(__FILE__, __LINE__, "row %llu differs", (unsigned long long)*rows);
            for (uint32_t i = 0; i < row.count && i < LITE_COLUMNS; i++)
                if (!lite_is_same(&row.values[i], &values[i]))
                    unit_failed(__FILE__, __LINE__, "row %llu: column %u differs",
                                (unsigned long long)*rows, (unsigned)i);
        }
        ++*rows;
    }
    vl_lite_scan_destroy(scan);
    free(bytes);
    return st;
}

static void
lite_round_trip(lite_case of)
{
    const vl_lite_header *header;
    vl_lite_reader *reader;
    uint64_t size = 0;
    uint64_t rows;
    void *image;

    CHECK_OK(lite_write(unit_ctx(), &of, &image, &size));
    CHECK_EQ(size % of.page_size, 0);
    CHECK_OK(vl_lite_open_image(unit_ctx(), image, size, NULL, 0, &reader));
    header = vl_lite_get_header(reader);
    CHECK_EQ(header->page_count, size / of.page_size);
    CHECK_EQ(header->schema_cookie, 7);
    CHECK_EQ(header->user_version, -8);
    CHECK_EQ(header->application_id, 9);
    CHECK_OK(lite_read_tree(unit_ctx(), reader, of.roots[0], 0, of.most, &rows));
    CHECK_EQ(rows, of.rows);
    CHECK_OK(lite_read_tree(unit_ctx(), reader, of.roots[1], 1, of.most, &rows));
    CHECK_EQ(rows, of.rows);
    CHECK_OK(lite_read_tree(unit_ctx(), reader, 1, 0, 0, &rows));
    CHECK_EQ(rows, of.objects);
    vl_lite_close(reader);
    vl_free(image);
}

static void
what_is_written_is_read(void)
{
    for (uint32_t page_size = 512; page_size <= 65536; page_size *= 2) {
        lite_round_trip((lite_case){page_size, 0, 1, 0, 0, {0, 0}});
        lite_round_trip((lite_case){page_size, 1, 10, 2, 10, {0, 0}});
        lite_round_trip((lite_case){page_size, 700, 3000, 30, 60, {0, 0}});
    }
    lite_round_trip((lite_case){512, 20000, 100, 400, 300, {0, 0}});
    lite_round_trip((lite_case){4096, 300, 200000, 2, 100000, {0, 0}});
}

/* Around the sizes where a payload goes to overflow pages, and where page 1 has no room. */
static void
edges_of_cells(void)
{
    for (uint32_t size = 300; size < 520; size++)
        lite_round_trip((lite_case){512, 5, size, 1, size, {0, 0}});
    for (uint32_t size = 900; size < 1600; size += 7)
        lite_round_trip((lite_case){512, 40, size, 3, size, {0, 0}});
}

/* Read all of an image in both ways; whatever comes of it. Returns whether all was fine. */
static int
lite_read_all(const void *image, uint64_t size, const void *log, uint64_t log_size)
{
    vl_lite_reader *reader;
    uint64_t rows;
    int is_fine = 1;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    if (vl_lite_open_image(&ctx, image, size, log, log_size, &reader) != VELO_OK)
        return 0;
    for (uint32_t pgno = 0; pgno < 12; pgno++)
        for (int is_index = 0; is_index < 2; is_index++)
            is_fine &= lite_read_tree(&ctx, reader, pgno, is_index, 0, &rows) == VELO_OK;
    vl_lite_close(reader);
    return is_fine;
}

static void
every_byte_may_be_wrong(void)
{
    lite_case of = {512, 40, 900, 3, 50, {0, 0}};
    uint64_t size = 0;
    uint8_t *copy;
    void *image;

    CHECK_OK(lite_write(unit_ctx(), &of, &image, &size));
    for (uint64_t i = 0; i < size; i++) {
        static const uint8_t flips[] = {0x01, 0x80, 0xff};

        for (size_t f = 0; f < sizeof flips; f++) {
            copy = malloc((size_t)size); /* of its own, so that its end is guarded */
            CHECK(copy != NULL);
            memcpy(copy, image, (size_t)size);
            copy[i] ^= flips[f];
            (void)lite_read_all(copy, size, NULL, 0);
            free(copy);
        }
    }
    for (uint64_t cut = 0; cut < size; cut += 37) {
        copy = malloc((size_t)cut + 1);
        CHECK(copy != NULL);
        memcpy(copy, image, (size_t)cut);
        CHECK(!lite_read_all(copy, cut, NULL, 0));
        free(copy);
    }
    vl_free(image);
}

/* Put a page's number into the file's root, so that it is met twice: reported, and no loop. */
static void
a_tree_in_a_circle_is_reported(void)
{
    lite_case of = {512, 2000, 30, 1, 10, {0, 0}};
    vl_lite_reader *reader;
    uint64_t size = 0;
    uint64_t rows;
    uint8_t *image;
    void *made;

    CHECK_OK(lite_write(unit_ctx(), &of, &made, &size));
    image = made;
    vl_lite_put32(image + (uint64_t)(of.roots[0] - 1) * 512 + 8, of.roots[0]);
    CHECK_OK(vl_lite_open_image(unit_ctx(), image, size, NULL, 0, &reader));
    CHECK_STATUS(lite_read_tree(unit_ctx(), reader, of.roots[0], 0, 0, &rows), VELO_CORRUPT);
    CHECK(strncmp(unit_ctx()->error.text, "page ", 5) == 0);
    vl_lite_close(reader);
    vl_free(made);
}

/* ---- the log ---- */

static void
lite_sum(const uint8_t *bytes, size_t size, uint32_t *sums)
{
    for (size_t i = 0; i < size; i += 8) {
        sums[0] += vl_lite_get32(bytes + i) + sums[1];
        sums[1] += vl_lite_get32(bytes + i + 4) + sums[0];
    }
}

/* Write the header of a log with big-endian checksums. */
static void
lite_begin_log(uint8_t *log, uint32_t *sums)
{
    vl_lite_put32(log, 0x377f0683U);
    vl_lite_put32(log + 4, 3007000);
    vl_lite_put32(log + 8, 512);
    vl_lite_put32(log + 16, 123);
    vl_lite_put32(log + 20, 456);
    lite_sum(log, 24, sums);
    vl_lite_put32(log + 24, sums[0]);
    vl_lite_put32(log + 28, sums[1]);
}

/* Append a frame of a page to a log with big-endian checksums. */
static void
lite_add_frame(uint8_t *log, uint64_t *size, uint32_t pgno, uint32_t commit, const uint8_t *page,
               uint32_t *sums)
{
    uint8_t *frame = log + *size;

    vl_lite_put32(frame, pgno);
    vl_lite_put32(frame + 4, commit);
    memcpy(frame + 8, log + 16, 8);
    memcpy(frame + 24, page, 512);
    lite_sum(frame, 8, sums);
    lite_sum(frame + 24, 512, sums);
    vl_lite_put32(frame + 16, sums[0]);
    vl_lite_put32(frame + 20, sums[1]);
    *size += 24 + 512;
}

/* The user_version that a log gives; frames: two commits, and a frame that none commits. */
static int
lite_version_with_log(const uint8_t *image, uint64_t size, const uint8_t *log, uint64_t log_size)
{
    vl_lite_reader *reader;
    int version;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    if (vl_lite_open_image(&ctx, image, size, log, log_size, &reader) != VELO_OK)
        return -1;
    version = (int)vl_lite_get_header(reader)->user_version;
    vl_lite_close(reader);
    return version;
}

static void
a_log_counts_up_to_its_last_commit(void)
{
    static uint8_t log[32 + 3 * (24 + 512)];
    lite_case of = {512, 10, 30, 1, 10, {0, 0}};
    uint32_t sums[2] = {0, 0};
    uint64_t log_size = 32;
    uint64_t size = 0;
    uint8_t page[512];
    void *image;

    CHECK_OK(lite_write(unit_ctx(), &of, &image, &size));
    lite_begin_log(log, sums);
    memcpy(page, image, 512);
    for (uint32_t version = 1; version <= 3; version++) {
        vl_lite_put32(page + 60, version);
        lite_add_frame(log, &log_size, 1, version == 3 ? 0 : (uint32_t)(size / 512), page, sums);
    }
    CHECK_EQ(lite_version_with_log(image, size, log, log_size), 2);
    CHECK_EQ(lite_version_with_log(image, size, log, log_size - 24 - 512), 2);
    CHECK_EQ(lite_version_with_log(image, size, log, log_size - 24 - 512 - 1), 1);
    CHECK_EQ(lite_version_with_log(image, size, log, 31), -8);
    for (uint64_t i = 0; i < log_size; i++) { /* whatever is wrong, an older state is seen */
        int before = i < 32 ? -8 : i < 32 + 24 + 512 ? -8 : i < 32 + 2 * (24 + 512) ? 1 : 2;
        int version;

        log[i] ^= 0x10;
        version = lite_version_with_log(image, size, log, log_size);
        if (i < 16 && i >= 12)
            CHECK(version == -8 || version == 2);
        else
            CHECK_EQ(version, before);
        log[i] ^= 0x10;
    }
    vl_free(image);
}

/* A log that says more pages than there can be is not believed: a scan would go on and on. */
static void
a_log_cannot_say_any_number_of_pages(void)
{
    static uint8_t log[32 + 24 + 512];
    lite_case of = {512, 10, 30, 1, 10, {0, 0}};
    vl_lite_reader *reader;
    uint64_t size = 0;
    void *image;

    CHECK_OK(lite_write(unit_ctx(), &of, &image, &size));
    for (uint32_t more = 2; more <= 3; more++) { /* one in the log, and perhaps that of the lock */
        uint32_t sums[2] = {0, 0};
        uint64_t log_size = 32;

        lite_begin_log(log, sums);
        lite_add_frame(log, &log_size, 1, (uint32_t)(size / 512) + more, image, sums);
        if (more == 2)
            CHECK_OK(vl_lite_open_image(unit_ctx(), image, size, log, log_size, &reader));
        else
            CHECK_STATUS(vl_lite_open_image(unit_ctx(), image, size, log, log_size, &reader),
                         VELO_CORRUPT);
        vl_lite_close(reader);
    }
    vl_free(image);
}

static velo_status
lite_count_down(vl_ctx *ctx, void *user)
{
    uint64_t *left = user;

    return (*left)-- == 0 ? vl_fail(ctx, VELO_INTERRUPT, "enough") : VELO_OK;
}

static void
each_page_is_watched(void)
{
    lite_case of = {512, 2000, 3000, 1, 10, {0, 0}};
    vl_lite_reader *reader;
    uint64_t size = 0;
    uint64_t left = UINT64_MAX;
    uint64_t rows;
    void *image;

    CHECK_OK(lite_write(unit_ctx(), &of, &image, &size));
    CHECK_OK(vl_lite_open_image(unit_ctx(), image, size, NULL, 0, &reader));
    vl_lite_set_watch(reader, lite_count_down, &left);
    CHECK_OK(lite_read_tree(unit_ctx(), reader, of.roots[0], 0, 0, &rows));
    CHECK_EQ(UINT64_MAX - left, vl_lite_pages_read(reader));
    left = 50;
    CHECK_STATUS(lite_read_tree(unit_ctx(), reader, of.roots[0], 0, 0, &rows), VELO_INTERRUPT);
    vl_lite_close(reader);
    vl_free(image);
}

/* Write a file of the test's folder. */
static void
lite_put_file(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(unit_path(name), "wb");

    CHECK(file != NULL);
    CHECK_EQ(fwrite(bytes, 1, size, file), size);
    CHECK_EQ(fclose(file), 0);
}

/* A log that was begun behind the reader's back: page 1, with the counter, is as it was. */
static void
a_log_begun_while_reading_is_noticed(void)
{
    vl_io_options options = {.backend = VL_IO_POSIX};
    lite_case of = {512, 10, 30, 1, 10, {0, 0}};
    vl_lite_reader *reader;
    uint64_t size = 0;
    void *image;
    vl_io *io;

    CHECK_OK(lite_write(unit_ctx(), &of, &image, &size));
    lite_put_file("a", image, (size_t)size);
    CHECK_OK(vl_io_open(unit_ctx(), &options, &io));
    CHECK_OK(vl_lite_open_file(unit_ctx(), io, unit_path("a"), &reader));
    CHECK_OK(vl_lite_check_unchanged(unit_ctx(), reader));
    lite_put_file("a-wal", "", 0); /* written, copied into the file, and emptied */
    CHECK_STATUS(vl_lite_check_unchanged(unit_ctx(), reader), VELO_BUSY);
    vl_lite_close(reader);
    CHECK_OK(vl_lite_open_file(unit_ctx(), io, unit_path("a"), &reader));
    CHECK_OK(vl_lite_check_unchanged(unit_ctx(), reader));
    lite_put_file("a-wal", image, (size_t)size);
    CHECK_STATUS(vl_lite_check_unchanged(unit_ctx(), reader), VELO_BUSY);
    lite_put_file("a-wal", "", 0);
    CHECK_OK(vl_lite_check_unchanged(unit_ctx(), reader));
    CHECK_EQ(utimensat(AT_FDCWD, unit_path("a"), (struct timespec[2]){{1, 0}, {1, 0}}, 0), 0);
    CHECK_STATUS(vl_lite_check_unchanged(unit_ctx(), reader), VELO_BUSY);
    vl_lite_close(reader);
    vl_io_close(io);
    vl_free(image);
}

/* ---- encodings ---- */

static void
texts_come_out_as_utf8(void)
{
    static const uint8_t utf16[] = {'a', 0, 0xe4, 0, 0xac, 0x20, 0x3d, 0xd8, 0, 0xde, 0x00, 0xd8};
    static const char utf8[] = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbf\xbd";
    vl_value value = {.type = VL_TYPE_TEXT, .size = sizeof utf16, .as.data = utf16};

    for (uint32_t encoding = 2; encoding <= 3; encoding++) {
        uint8_t swapped[sizeof utf16];
        vl_lite_writer *writer;
        vl_lite_reader *reader;
        vl_lite_scan *scan;
        vl_lite_row row = {0};
        uint64_t size;
        uint32_t root;
        uint8_t *image;
        int found = 0;

        for (size_t i = 0; i < sizeof utf16; i++)
            swapped[i] = utf16[i ^ (encoding == 3)];
        value.as.data = swapped;
        CHECK_OK(vl_lite_writer_create(unit_ctx(), NULL, 1024, &writer));
        CHECK_OK(vl_lite_tree_begin(unit_ctx(), writer, VL_LITE_SCHEMA));
        CHECK_OK(vl_lite_tree_add(unit_ctx(), writer, 1, &value, 1));
        CHECK_OK(vl_lite_tree_end(unit_ctx(), writer, &root));
        CHECK_OK(vl_lite_writer_finish(unit_ctx(), writer, &(vl_lite_numbers){0, 0, 0}));
        image = vl_lite_writer_take(writer, &size);
        vl_lite_writer_destroy(writer);
        image[59] = (uint8_t)encoding;
        CHECK_OK(vl_lite_open_image(unit_ctx(), image, size, NULL, 0, &reader));
        CHECK_OK(vl_lite_scan_create(unit_ctx(), reader, 1, 0, &scan));
        CHECK_OK(vl_lite_scan_next(unit_ctx(), scan, &row, &found));
        CHECK(found && row.count == 1);
        CHECK_EQ(row.values[0].size, sizeof utf8 - 1);
        CHECK(memcmp(row.values[0].as.data, utf8, sizeof utf8 - 1) == 0);
        vl_lite_scan_destroy(scan);
        vl_lite_close(reader);
        vl_free(image);
    }
}

/* ---- memory ---- */

static velo_status
lite_run_all(vl_ctx *ctx, void *argument)
{
    lite_case of = {512, 300, 2000, 20, 100, {0, 0}};
    vl_lite_reader *reader = NULL;
    uint64_t size = 0;
    uint64_t rows;
    void *image;
    velo_status st;

    (void)argument;
    VL_TRY(lite_write(ctx, &of, &image, &size));
    st = vl_lite_open_image(ctx, image, size, NULL, 0, &reader);
    if (st == VELO_OK)
        st = lite_read_tree(ctx, reader, of.roots[0], 0, of.most, &rows);
    if (st == VELO_OK)
        st = lite_read_tree(ctx, reader, of.roots[1], 1, of.most, &rows);
    vl_lite_close(reader);
    vl_free(image);
    return st;
}

static void
every_request_for_memory_may_fail(void)
{
    CHECK(unit_each_alloc_failure(lite_run_all, NULL) > 10);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(what_is_written_is_read),
        UNIT_TEST(edges_of_cells),
        UNIT_TEST(every_byte_may_be_wrong),
        UNIT_TEST(a_tree_in_a_circle_is_reported),
        UNIT_TEST(a_log_counts_up_to_its_last_commit),
        UNIT_TEST(a_log_cannot_say_any_number_of_pages),
        UNIT_TEST(each_page_is_watched),
        UNIT_TEST(a_log_begun_while_reading_is_noticed),
        UNIT_TEST(texts_come_out_as_utf8),
        UNIT_TEST(every_request_for_memory_may_fail),
    };

    return unit_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
