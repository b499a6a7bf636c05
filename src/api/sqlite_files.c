/* sqlite_files.c - databases of SQLite's as files: read into a connection, written, and converted
 * when they are opened.
 *
 * Converting a file in its place. The new database is made beside it; then the old file and its log
 * are copied to NAME.sqlite-orig, and the new one is renamed over the old one.
 *
 * Invariants
 *   SF1  A file that was there before is neither changed nor replaced, but by converting it where
 *        that was asked for: and then a copy of it is durable before the new one takes its place.
 *   SF2  A crash leaves the old file or the new one under the name.
 *   SF3  What is made beside a file can be opened by its owner only until it has the permissions of
 *        that file. */
#include "api/sqlite_files.h"

#include "api/sqlite_int.h"
#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

/* The byte that a program locks which is going to write a database of SQLite's. */
#define FILES_RESERVED_OFFSET UINT64_C(0x40000001)

/* Bytes that are copied at a time. */
#define FILES_COPY_SIZE ((size_t)1 << 18)

/* The size of pages of a file that is written. */
#define FILES_PAGE_SIZE 4096U

#define FILES_OPEN_NEW (VL_OPEN_WRITE | VL_OPEN_CREATE | VL_OPEN_EXCLUSIVE)

#define FILES_NEW_SUFFIX  ".velo-new"
#define FILES_ORIG_SUFFIX ".sqlite-orig"

/* ---- looking ---- */

static velo_status
files_is_sqlite(vl_ctx *ctx, vl_io *io, const char *path, int *is_sqlite)
{
    uint8_t first[16] = {0};
    size_t moved = 0;
    vl_file *file;
    velo_status st;

    *is_sqlite = 0;
    VL_TRY(vl_file_open(ctx, io, path, 0, &file));
    st = vl_file_read(ctx, file, first, sizeof first, 0, &moved);
    vl_file_close(file);
    VL_TRY(st);
    *is_sqlite = vl_lite_is_database(first, moved);
    return VELO_OK;
}

/* With a backend of its own, where there is no engine. */
static velo_status
files_open_io(vl_ctx *ctx, vl_io **io)
{
    vl_io_options options = {.backend = VL_IO_POSIX};

    return vl_io_open(ctx, &options, io);
}

int
velo_is_sqlite_file(const char *path)
{
    int is_sqlite = 0;
    vl_ctx ctx;
    vl_io *io;

    if (path == NULL)
        return 0;
    vl_ctx_init(&ctx, NULL, NULL);
    if (files_open_io(&ctx, &io) != VELO_OK)
        return 0;
    if (files_is_sqlite(&ctx, io, path, &is_sqlite) != VELO_OK)
        is_sqlite = 0;
    vl_io_close(io);
    return is_sqlite;
}

/* ---- reading and writing ---- */

velo_status
velo_import_sqlite(velo_connection *connection, const char *path, velo_progress *progress,
                   void *user)
{
    vl_sqlite_told told = {progress, user};
    vl_lite_reader *reader;
    vl_ctx *ctx;
    velo_status st;

    if (connection == NULL || connection->engine == NULL || path == NULL)
        return VELO_MISUSE;
    ctx = vl_connection_begin_call(connection);
    st = vl_lite_open_file(ctx, connection->engine->io, path, &reader);
    if (st != VELO_OK)
        return vl_connection_end_call(connection, st);
    st = vl_sqlite_import(connection, reader, &told);
    vl_lite_close(reader);
    return st;
}

/* Delete a file that is not to be; the error is kept. */
static void
files_delete(vl_ctx *ctx, vl_io *io, const char *path)
{
    vl_error error = ctx->error;

    if (vl_path_delete(ctx, io, path) != VELO_OK)
        vl_log_write(ctx->log, VL_LOG_WARNING, ctx->error.code, "%s", ctx->error.text);
    ctx->error = error;
}

velo_status
velo_export_sqlite(velo_connection *connection, const char *path, velo_progress *progress,
                   void *user)
{
    vl_sqlite_told told = {progress, user};
    vl_lite_writer *writer = NULL;
    vl_ctx *ctx;
    vl_file *file;
    vl_io *io;
    velo_status st;

    if (connection == NULL || connection->engine == NULL || path == NULL)
        return VELO_MISUSE;
    ctx = vl_connection_begin_call(connection);
    io = connection->engine->io;
    st = vl_file_open(ctx, io, path, FILES_OPEN_NEW, &file);
    if (st != VELO_OK)
        return vl_connection_end_call(connection, st);
    st = vl_connection_end_call(connection,
                                vl_lite_writer_create(ctx, file, FILES_PAGE_SIZE, &writer));
    if (st == VELO_OK)
        st = vl_sqlite_export(connection, VL_DATABASE_MAIN, writer, &told);
    vl_lite_writer_destroy(writer);
    vl_file_close(file);
    if (st == VELO_OK)
        st = vl_connection_end_call(connection, vl_path_sync_folder(ctx, io, path));
    if (st != VELO_OK)
        files_delete(ctx, io, path); /* of ours: it was not there before */
    return st;
}

/* ---- converting in place ---- */

/* A conversion at work. */
typedef struct files_convert {
    vl_io *io;
    const char *path;
    char new_path[VL_PATH_SIZE];  /* the new database, until it has its name */
    char orig_path[VL_PATH_SIZE]; /* where the old one is kept */
    char wal_path[VL_PATH_SIZE];  /* the old one's log */
    char kept_path[VL_PATH_SIZE]; /* where that is kept */
    char shm_path[VL_PATH_SIZE];  /* the log's index, which is of no use without it */
} files_convert;

static velo_status
files_name(vl_ctx *ctx, char *to, const char *path, const char *suffix, const char *more)
{
    if ((size_t)snprintf(to, VL_PATH_SIZE, "%s%s%s", path, suffix, more) < VL_PATH_SIZE)
        return VELO_OK;
    return vl_fail(ctx, VELO_CANTOPEN_FULLPATH, "the path is too long: %s", path);
}

static velo_status
files_copy_bytes(vl_ctx *ctx, vl_file *from, vl_file *to, uint8_t *bytes)
{
    uint64_t at = 0;
    size_t moved;

    do {
        VL_TRY(vl_file_read(ctx, from, bytes, FILES_COPY_SIZE, at, &moved));
        VL_TRY(vl_file_write(ctx, to, bytes, moved, at));
        at += moved;
    } while (moved == FILES_COPY_SIZE);
    return vl_file_sync(ctx, to);
}

/* Copy a file to one that does not exist; without one nothing is done. */
static velo_status
files_copy(vl_ctx *ctx, vl_io *io, const char *from_path, const char *to_path)
{
    uint8_t *bytes;
    vl_file *from;
    vl_file *to;
    int exists;
    velo_status st;

    VL_TRY(vl_path_exists(ctx, io, from_path, &exists));
    if (!exists)
        return VELO_OK;
    VL_TRY(vl_file_open(ctx, io, from_path, 0, &from));
    st = vl_file_open(ctx, io, to_path, FILES_OPEN_NEW | VL_OPEN_PRIVATE, &to); /* keeps SF3 */
    if (st != VELO_OK) {
        vl_file_close(from);
        return st;
    }
    bytes = vl_alloc(ctx, FILES_COPY_SIZE);
    st = bytes == NULL ? vl_fail(ctx, VELO_NOMEM, "cannot allocate memory for copying")
                       : vl_file_copy_mode(ctx, from, to);
    if (st == VELO_OK)
        st = files_copy_bytes(ctx, from, to, bytes);
    vl_free(bytes);
    vl_file_close(to);
    vl_file_close(from);
    if (st != VELO_OK)
        files_delete(ctx, io, to_path);
    return st;
}

/* Create the new file, with nothing in it. keeps SF3 */
static velo_status
files_create_new(vl_ctx *ctx, const files_convert *convert)
{
    vl_file *file;

    VL_TRY(
        vl_file_open(ctx, convert->io, convert->new_path, FILES_OPEN_NEW | VL_OPEN_PRIVATE, &file));
    vl_file_close(file);
    return VELO_OK;
}

/* Give the new file the permissions of the old one, durably. */
static velo_status
files_copy_mode(vl_ctx *ctx, const files_convert *convert)
{
    vl_file *from;
    vl_file *to;
    velo_status st;

    VL_TRY(vl_file_open(ctx, convert->io, convert->path, 0, &from));
    st = vl_file_open(ctx, convert->io, convert->new_path, VL_OPEN_WRITE, &to);
    if (st == VELO_OK) {
        st = vl_file_copy_mode(ctx, from, to);
        if (st == VELO_OK)
            st = vl_file_sync(ctx, to);
        vl_file_close(to);
    }
    vl_file_close(from);
    return st;
}

/* Make the new database, and close it, which makes it durable. */
static velo_status
files_make(vl_ctx *ctx, const files_convert *convert)
{
    velo_connection *connection = NULL;
    velo_status st;

    VL_TRY(files_create_new(ctx, convert));
    st = velo_open(convert->new_path, NULL, &connection);
    if (st == VELO_OK)
        st = velo_import_sqlite(connection, convert->path, NULL, NULL);
    if (st != VELO_OK)
        (void)vl_fail(ctx, st, "cannot convert %s: %s", convert->path, velo_error_text(connection));
    if (velo_close(connection) != VELO_OK && st == VELO_OK)
        st = vl_fail(ctx, VELO_IOERR, "cannot write %s", convert->new_path);
    return st;
}

/* Delete a file if it is there. */
static velo_status
files_delete_old(vl_ctx *ctx, vl_io *io, const char *path)
{
    int exists;

    VL_TRY(vl_path_exists(ctx, io, path, &exists));
    return exists ? vl_path_delete(ctx, io, path) : VELO_OK;
}

/* Keep the old file, and give the new one its name. keeps SF1, SF2 */
static velo_status
files_swap(vl_ctx *ctx, const files_convert *convert)
{
    vl_io *io = convert->io;

    VL_TRY(files_copy(ctx, io, convert->path, convert->orig_path));
    VL_TRY(files_copy(ctx, io, convert->wal_path, convert->kept_path));
    VL_TRY(files_copy_mode(ctx, convert));
    VL_TRY(vl_path_sync_folder(ctx, io, convert->path));
    VL_TRY(vl_path_rename(ctx, io, convert->new_path, convert->path));
    VL_TRY(files_delete_old(ctx, io, convert->wal_path));
    VL_TRY(files_delete_old(ctx, io, convert->shm_path));
    return vl_path_sync_folder(ctx, io, convert->path);
}

/* With the file locked against others who would write or convert it. */
static velo_status
files_convert_locked(vl_ctx *ctx, const files_convert *convert)
{
    int exists;
    velo_status st;

    VL_TRY(vl_path_exists(ctx, convert->io, convert->orig_path, &exists));
    if (exists)
        return vl_fail(ctx, VELO_CANTOPEN, "cannot convert %s: %s is there already", convert->path,
                       convert->orig_path);
    VL_TRY(files_delete_old(ctx, convert->io, convert->new_path)); /* of one that died */
    st = files_make(ctx, convert);
    if (st == VELO_OK)
        st = files_swap(ctx, convert);
    if (st != VELO_OK && vl_path_exists(ctx, convert->io, convert->new_path, &exists) == VELO_OK &&
        exists)
        files_delete(ctx, convert->io, convert->new_path);
    return st;
}

static velo_status
files_convert_run(vl_ctx *ctx, files_convert *convert)
{
    vl_file *file;
    velo_status st;

    VL_TRY(files_name(ctx, convert->new_path, convert->path, FILES_NEW_SUFFIX, ""));
    VL_TRY(files_name(ctx, convert->orig_path, convert->path, FILES_ORIG_SUFFIX, ""));
    VL_TRY(files_name(ctx, convert->wal_path, convert->path, "-wal", ""));
    VL_TRY(files_name(ctx, convert->shm_path, convert->path, "-shm", ""));
    VL_TRY(files_name(ctx, convert->kept_path, convert->path, FILES_ORIG_SUFFIX, "-wal"));
    VL_TRY(vl_file_open(ctx, convert->io, convert->path, VL_OPEN_WRITE, &file));
    st = vl_file_lock(ctx, file, VL_LOCK_EXCLUSIVE, FILES_RESERVED_OFFSET, 1);
    if (st == VELO_BUSY)
        st = vl_fail(ctx, VELO_BUSY, "%s is being written by another program", convert->path);
    if (st == VELO_OK)
        st = files_convert_locked(ctx, convert);
    vl_file_close(file);
    return st;
}

velo_status
vl_sqlite_meet(vl_ctx *ctx, const char *path, const velo_open_options *options, int *is_converted)
{
    files_convert *convert;
    vl_error error = ctx->error;
    int is_sqlite = 0;
    vl_io *io;
    velo_status st;

    *is_converted = 0;
    VL_TRY(files_open_io(ctx, &io));
    st = files_is_sqlite(ctx, io, path, &is_sqlite);
    if (st != VELO_OK || !is_sqlite) {
        vl_io_close(io);
        ctx->error = error;
        return error.code;
    }
    if (options->sqlite_files != VELO_SQLITE_CONVERT || options->is_read_only) {
        vl_io_close(io);
        return vl_fail(ctx, VELO_NOTADB,
                       "%s is a database of SQLite's: convert it with `velocidb convert %s NEW`",
                       path, path);
    }
    convert = vl_alloc_zero(ctx, sizeof *convert);
    st = VELO_NOMEM;
    if (convert == NULL)
        (void)vl_fail(ctx, VELO_NOMEM, "cannot allocate a conversion");
    else {
        convert->io = io;
        convert->path = path;
        st = files_convert_run(ctx, convert);
    }
    vl_free(convert);
    vl_io_close(io);
    *is_converted = st == VELO_OK;
    return st;
}
