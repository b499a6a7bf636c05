/* reader.c - a database of SQLite's: opening its file and its log, and reading its pages.
 *
 * Invariants
 *   LD1  A page is read from the log's last valid frame that has it, or else from the file.
 *   LD2  The file and what lies beside it are opened for reading only. */
#include "lite/reader.h"

#include "lite/reader_int.h"

#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

/* Where SQLite's lock for reading is. */
#define READER_LOCK_OFFSET (VL_LITE_LOCK_OFFSET + 2)
#define READER_LOCK_SIZE   510U

int
vl_lite_is_database(const void *bytes, size_t size)
{
    return size >= sizeof VL_LITE_MAGIC && memcmp(bytes, VL_LITE_MAGIC, sizeof VL_LITE_MAGIC) == 0;
}

velo_status
vl_lite_input_read(vl_ctx *ctx, const vl_lite_input *input, void *to, size_t size, uint64_t offset)
{
    if (offset > input->size || size > input->size - offset) {
        (void)vl_fail(ctx, VELO_CORRUPT, "the file ends before byte %llu",
                      (unsigned long long)offset + size);
        return VELO_CORRUPT;
    }
    if (input->file != NULL)
        return vl_file_read(ctx, input->file, to, size, offset, NULL);
    memcpy(to, input->data + offset, size);
    return VELO_OK;
}

/* ---- the header ---- */

/* Check and take what the first 100 bytes say. */
static velo_status
reader_take_header(vl_ctx *ctx, vl_lite_reader *reader, const uint8_t *bytes)
{
    vl_lite_header *header = &reader->header;
    uint32_t page_size = vl_lite_get16(bytes + 16);

    if (!vl_lite_is_database(bytes, VL_LITE_FILE_HEADER))
        return vl_fail(ctx, VELO_NOTADB, "the file is not a database of SQLite's");
    page_size = page_size == 1 ? 65536 : page_size;
    if (page_size < 512 || (page_size & (page_size - 1)) != 0)
        return vl_fail(ctx, VELO_CORRUPT, "page 1: the size of pages is %u", (unsigned)page_size);
    if (bytes[19] > 2)
        return vl_fail(ctx, VELO_CANTOPEN, "the file needs a newer reader: its format is %u",
                       (unsigned)bytes[19]);
    if (bytes[21] != 64 || bytes[22] != 32 || bytes[23] != 32 || page_size - bytes[20] < 480)
        return vl_fail(ctx, VELO_CORRUPT, "page 1: the header has sizes that cannot be");
    header->encoding = vl_lite_get32(bytes + 56);
    if (header->encoding == 0) /* nothing was ever stored in it */
        header->encoding = 1;
    if (vl_lite_get32(bytes + 44) > 4 || header->encoding > 3)
        return vl_fail(ctx, VELO_CORRUPT, "page 1: the header has an unknown format or encoding");
    header->page_size = page_size;
    header->usable_size = page_size - bytes[20];
    header->page_count = vl_lite_get32(bytes + 28);
    header->change_counter = vl_lite_get32(bytes + 24);
    if (header->change_counter != vl_lite_get32(bytes + 92))
        header->page_count = 0; /* written by a program that does not know the field */
    header->schema_cookie = vl_lite_get32(bytes + 40);
    header->user_version = (int32_t)vl_lite_get32(bytes + 60);
    header->application_id = (int32_t)vl_lite_get32(bytes + 68);
    return VELO_OK;
}

/* How many pages there are: by the log, the header or the size of the file. */
static velo_status
reader_count_pages(vl_ctx *ctx, vl_lite_reader *reader)
{
    vl_lite_header *header = &reader->header;
    uint64_t in_file = reader->input.size / header->page_size;

    /* A scan may read as many pages as there are: so their number is believed only if all of them
     * can be somewhere. The page of the lock is nowhere. */
    if (reader->log.frames > 0 &&
        reader->log.page_count > in_file + (uint64_t)reader->log.frames + 1)
        return vl_fail(ctx, VELO_CORRUPT, "the log says %u pages: more than it and the file have",
                       (unsigned)reader->log.page_count);
    if (reader->log.frames > 0)
        header->page_count = reader->log.page_count;
    else if (header->page_count == 0)
        header->page_count = in_file > UINT32_MAX ? UINT32_MAX : (uint32_t)in_file;
    else if (header->page_count > in_file)
        return vl_fail(ctx, VELO_CORRUPT, "the file has %llu pages, not %u as its header says",
                       (unsigned long long)in_file, (unsigned)header->page_count);
    if (header->page_count == 0)
        return vl_fail(ctx, VELO_CORRUPT, "the database has no pages");
    return VELO_OK;
}

static velo_status
reader_start(vl_ctx *ctx, vl_lite_reader *reader)
{
    uint8_t bytes[VL_LITE_FILE_HEADER];
    uint64_t offset;

    VL_TRY(vl_lite_log_open(ctx, &reader->log));
    offset = vl_lite_log_find(&reader->log, 1); /* keeps LD1 */
    if (offset == 0 && reader->input.size < sizeof bytes)
        return vl_fail(ctx, VELO_NOTADB, "the file is not a database of SQLite's");
    VL_TRY(vl_lite_input_read(ctx, offset != 0 ? &reader->log.input : &reader->input, bytes,
                              sizeof bytes, offset));
    VL_TRY(reader_take_header(ctx, reader, bytes));
    reader->header.has_log = reader->log.frames > 0;
    if (reader->header.has_log && reader->log.page_size != reader->header.page_size)
        return vl_fail(ctx, VELO_CORRUPT, "pages of the log have %u bytes, those of the file %u",
                       (unsigned)reader->log.page_size, (unsigned)reader->header.page_size);
    return reader_count_pages(ctx, reader);
}

/* ---- opening ---- */

/* Refuse a database whose last transaction is half done, as SQLite's journal beside it says. */
static velo_status
reader_check_journal(vl_ctx *ctx, vl_io *io, const char *path)
{
    char name[VL_PATH_SIZE];
    uint8_t first = 0;
    size_t moved = 0;
    vl_file *file;
    int exists;
    velo_status st;

    if ((size_t)snprintf(name, sizeof name, "%s-journal", path) >= sizeof name)
        return vl_fail(ctx, VELO_CANTOPEN_FULLPATH, "the path is too long: %s", path);
    VL_TRY(vl_path_exists(ctx, io, name, &exists));
    if (!exists)
        return VELO_OK;
    VL_TRY(vl_file_open(ctx, io, name, 0, &file));
    st = vl_file_read(ctx, file, &first, 1, 0, &moved);
    vl_file_close(file);
    VL_TRY(st);
    if (moved == 0 || first == 0)
        return VELO_OK; /* of a transaction that has ended */
    return vl_fail(ctx, VELO_READONLY_RECOVERY,
                   "%s belongs to a transaction that has not ended: open the database once with "
                   "SQLite, which rolls it back",
                   name);
}

static velo_status
reader_open_input(vl_ctx *ctx, vl_io *io, const char *path, vl_lite_input *input)
{
    VL_TRY(vl_file_open(ctx, io, path, 0, &input->file)); /* keeps LD2 */
    return vl_file_get_size(ctx, input->file, &input->size);
}

/* The name of the log beside a file; `name` has room for VL_PATH_SIZE bytes. */
static velo_status
reader_name_log(vl_ctx *ctx, const char *path, char *name)
{
    if ((size_t)snprintf(name, VL_PATH_SIZE, "%s-wal", path) < VL_PATH_SIZE)
        return VELO_OK;
    return vl_fail(ctx, VELO_CANTOPEN_FULLPATH, "the path is too long: %s", path);
}

/* Open the file, then its log. */
static velo_status
reader_open_files(vl_ctx *ctx, vl_io *io, const char *path, vl_lite_reader *reader)
{
    char name[VL_PATH_SIZE];
    velo_status st;
    int exists;

    reader->io = io;
    VL_TRY(reader_name_log(ctx, path, name));
    VL_TRY(reader_open_input(ctx, io, path, &reader->input));
    st =
        vl_file_lock(ctx, reader->input.file, VL_LOCK_SHARED, READER_LOCK_OFFSET, READER_LOCK_SIZE);
    if (st == VELO_BUSY)
        return vl_fail(ctx, VELO_BUSY, "%s is being written by another program", path);
    VL_TRY(st);
    VL_TRY(vl_file_get_size(ctx, reader->input.file, &reader->input.size));
    VL_TRY(vl_file_get_write_time(ctx, reader->input.file, &reader->write_time_ns));
    VL_TRY(reader_check_journal(ctx, io, path));
    VL_TRY(vl_path_exists(ctx, io, name, &exists));
    if (exists)
        VL_TRY(reader_open_input(ctx, io, name, &reader->log.input));
    return VELO_OK;
}

static velo_status
reader_create(vl_ctx *ctx, vl_lite_reader **out)
{
    *out = vl_alloc_zero(ctx, sizeof **out);
    if (*out != NULL)
        return VELO_OK;
    (void)vl_fail(ctx, VELO_NOMEM, "cannot allocate a reader");
    return VELO_NOMEM;
}

/* Return the opened reader, or nothing. */
static velo_status
reader_finish(velo_status st, vl_lite_reader **out)
{
    if (st != VELO_OK) {
        vl_lite_close(*out);
        *out = NULL;
    }
    return st;
}

velo_status
vl_lite_open_file(vl_ctx *ctx, vl_io *io, const char *path, vl_lite_reader **out)
{
    velo_status st;

    VL_TRY(reader_create(ctx, out));
    st = reader_open_files(ctx, io, path, *out);
    if (st == VELO_OK)
        st = reader_start(ctx, *out);
    return reader_finish(st, out);
}

velo_status
vl_lite_open_image(vl_ctx *ctx, const void *image, uint64_t size, const void *log,
                   uint64_t log_size, vl_lite_reader **out)
{
    VL_TRY(reader_create(ctx, out));
    (*out)->input = (vl_lite_input){NULL, image, size};
    (*out)->log.input = (vl_lite_input){NULL, log, log != NULL ? log_size : 0};
    return reader_finish(reader_start(ctx, *out), out);
}

void
vl_lite_close(vl_lite_reader *reader)
{
    if (reader == NULL)
        return;
    vl_lite_log_close(&reader->log);
    vl_file_close(reader->input.file);
    vl_free(reader);
}

const vl_lite_header *
vl_lite_get_header(const vl_lite_reader *reader)
{
    return &reader->header;
}

uint64_t
vl_lite_pages_read(const vl_lite_reader *reader)
{
    return reader->pages_read;
}

/* Whether a file without transactions in its log was changed. Its counter does not tell all: with a
 * log it moves only when page 1 is written. But who writes by a log makes the log's file, and our
 * lock keeps the last of them from deleting it; it may have been copied and emptied. If it was
 * there and empty before, then only the time tells that the file was written. */
static velo_status
reader_file_has_changed(vl_ctx *ctx, vl_lite_reader *reader, int *changed)
{
    char name[VL_PATH_SIZE];
    uint8_t counter[4];
    int64_t time_ns;
    uint64_t size;

    VL_TRY(vl_lite_input_read(ctx, &reader->input, counter, sizeof counter, 24));
    VL_TRY(vl_file_get_size(ctx, reader->input.file, &size));
    VL_TRY(vl_file_get_write_time(ctx, reader->input.file, &time_ns));
    *changed = vl_lite_get32(counter) != reader->header.change_counter ||
               size != reader->input.size || time_ns != reader->write_time_ns;
    if (*changed || reader->log.input.file != NULL)
        return VELO_OK;
    VL_TRY(reader_name_log(ctx, vl_file_path(reader->input.file), name));
    return vl_path_exists(ctx, reader->io, name, changed);
}

void
vl_lite_set_watch(vl_lite_reader *reader, vl_lite_watch *watch, void *user)
{
    reader->watch = watch;
    reader->watch_user = user;
}

velo_status
vl_lite_check_unchanged(vl_ctx *ctx, vl_lite_reader *reader)
{
    int changed = 0;

    if (reader->log.input.file != NULL)
        VL_TRY(vl_lite_log_has_changed(ctx, &reader->log, &changed));
    if (!changed && !reader->header.has_log && reader->input.file != NULL)
        VL_TRY(reader_file_has_changed(ctx, reader, &changed));
    if (!changed)
        return VELO_OK;
    return vl_fail(ctx, VELO_BUSY, "%s was changed while it was read",
                   vl_file_path(reader->input.file));
}

/* ---- pages ---- */

velo_status
vl_lite_read_page(vl_ctx *ctx, vl_lite_reader *reader, uint32_t pgno, uint32_t from, uint8_t *to)
{
    uint32_t size = reader->header.page_size;
    uint64_t offset;

    if (pgno == 0 || pgno > reader->header.page_count || pgno == VL_LITE_LOCK_OFFSET / size + 1)
        return vl_fail(ctx, VELO_CORRUPT, "page %u: it names page %u, which there is not",
                       (unsigned)from, (unsigned)pgno);
    reader->pages_read++;
    if (reader->watch != NULL)
        VL_TRY(reader->watch(ctx, reader->watch_user));
    offset = vl_lite_log_find(&reader->log, pgno);
    if (offset != 0) /* keeps LD1 */
        return vl_lite_input_read(ctx, &reader->log.input, to, size, offset);
    return vl_lite_input_read(ctx, &reader->input, to, size, (uint64_t)(pgno - 1) * size);
}
