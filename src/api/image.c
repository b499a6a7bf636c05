/* image.c - a database as bytes in memory, and the other way round: in our own format, through a
 * temporary file, or as a database of SQLite's, which is made in memory.
 *
 * Invariants
 *   IM1  A connection that takes an image is given it when all of it is there: a failure leaves it
 *        as it was.
 *   IM2  Temporary files are deleted, whatever comes of it.
 *   IM3  Nobody else can open them: the folder is everybody's. */
#include "api/sqlite_int.h"

#include "api/sql_text.h"
#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The size of pages of an image in SQLite's format. */
#define IMAGE_PAGE_SIZE 4096U

/* ---- temporary files ---- */

/* A name in the folder for temporary files that nobody has. */
static velo_status
image_name_file(vl_ctx *ctx, vl_io *io, char *path)
{
    const char *folder = getenv("TMPDIR");
    uint64_t random[2];

    if (folder == NULL || folder[0] == 0)
        folder = "/tmp";
    VL_TRY(vl_io_random(ctx, io, random, sizeof random));
    if ((size_t)snprintf(path, VL_PATH_SIZE, "%s/velo-%016llx%016llx", folder,
                         (unsigned long long)random[0],
                         (unsigned long long)random[1]) < VL_PATH_SIZE)
        return VELO_OK;
    return vl_fail(ctx, VELO_CANTOPEN_FULLPATH, "the path is too long: %s", folder);
}

/* Make a file of some bytes. keeps IM3 */
static velo_status
image_write_file(vl_ctx *ctx, vl_io *io, const char *path, const void *data, size_t size)
{
    uint32_t flags = VL_OPEN_WRITE | VL_OPEN_CREATE | VL_OPEN_EXCLUSIVE | VL_OPEN_PRIVATE;
    velo_status st = VELO_OK;
    vl_file *file;

    VL_TRY(vl_file_open(ctx, io, path, flags, &file));
    if (size > 0)
        st = vl_file_write(ctx, file, data, size, 0);
    vl_file_close(file);
    return st;
}

/* Delete a file and its log; the error is kept. keeps IM2 */
static void
image_delete(vl_ctx *ctx, vl_io *io, const char *path)
{
    static const char *const suffixes[] = {"", "-wal"};
    vl_error error = ctx->error;

    for (size_t i = 0; i < VL_ARRAY_COUNT(suffixes); i++) {
        char name[VL_PATH_SIZE];
        int exists;

        if ((size_t)snprintf(name, sizeof name, "%s%s", path, suffixes[i]) >= sizeof name)
            continue; /* then there is none */
        if (vl_path_exists(ctx, io, name, &exists) == VELO_OK && exists &&
            vl_path_delete(ctx, io, name) != VELO_OK)
            vl_log_write(ctx->log, VL_LOG_WARNING, ctx->error.code, "%s", ctx->error.text);
    }
    ctx->error = error;
}

/* Fail a call with the words of another connection. */
static velo_status
image_take_error(velo_connection *connection, velo_status st, const velo_connection *other)
{
    return vl_connection_end_call(connection,
                                  vl_fail(&connection->ctx, st, "%s", velo_error_text(other)));
}

/* Make `to` what a database of `from` is. */
static velo_status
image_copy(velo_connection *to, velo_connection *from, const char *name)
{
    velo_backup *backup;
    velo_status st = velo_backup_begin(to, NULL, from, name, &backup);
    velo_status end;

    if (st != VELO_OK)
        return st;
    st = velo_backup_step(backup, -1);
    end = velo_backup_end(backup);
    return st == VELO_DONE ? VELO_OK : st == VELO_OK ? end : vl_connection_end_call(to, st);
}

/* ---- to bytes ---- */

/* Read a whole file. */
static velo_status
image_read_file(vl_ctx *ctx, vl_io *io, const char *path, void **data, int64_t *size)
{
    uint64_t bytes = 0;
    vl_file *file;
    velo_status st;

    VL_TRY(vl_file_open(ctx, io, path, 0, &file));
    st = vl_file_get_size(ctx, file, &bytes);
    if (st == VELO_OK) {
        *data = vl_alloc(ctx, (size_t)bytes + 1);
        if (*data == NULL)
            st = vl_fail(ctx, VELO_NOMEM, "cannot allocate an image of %llu bytes",
                         (unsigned long long)bytes);
        else
            st = vl_file_read(ctx, file, *data, (size_t)bytes, 0, NULL);
    }
    vl_file_close(file);
    if (st != VELO_OK) {
        vl_free(*data);
        *data = NULL;
        return st;
    }
    *size = (int64_t)bytes;
    return VELO_OK;
}

/* Write a copy as a file, and read it. */
static velo_status
image_make_own(velo_connection *connection, const char *database, void **data, int64_t *size)
{
    vl_ctx *ctx = &connection->ctx;
    vl_io *io = connection->engine->io;
    velo_open_options options = {.size = sizeof options, .no_threads = 1};
    velo_connection *file = NULL;
    char path[VL_PATH_SIZE];
    velo_status st;

    VL_TRY(vl_connection_end_call(connection, image_name_file(ctx, io, path)));
    VL_TRY(vl_connection_end_call(connection, image_write_file(ctx, io, path, NULL, 0)));
    st = velo_open(path, &options, &file);
    if (st == VELO_OK)
        st = velo_exec(file, "PRAGMA synchronous = OFF", NULL, NULL);
    if (st == VELO_OK)
        st = image_copy(file, connection, database);
    if (st != VELO_OK)
        (void)image_take_error(connection, st, file);
    if (velo_close(file) != VELO_OK && st == VELO_OK)
        st = vl_connection_end_call(connection,
                                    vl_fail(ctx, VELO_IOERR, "cannot write the file %s", path));
    if (st == VELO_OK)
        st = vl_connection_end_call(connection, image_read_file(ctx, io, path, data, size));
    image_delete(ctx, io, path);
    return st;
}

static velo_status
image_make_sqlite(velo_connection *connection, uint32_t database, void **data, int64_t *size)
{
    static const vl_sqlite_told nobody = {NULL, NULL};
    vl_lite_writer *writer;
    uint64_t bytes = 0;
    velo_status st = vl_lite_writer_create(&connection->ctx, NULL, IMAGE_PAGE_SIZE, &writer);

    if (st != VELO_OK)
        return vl_connection_end_call(connection, st);
    st = vl_sqlite_export(connection, database, writer, &nobody);
    if (st == VELO_OK)
        *data = vl_lite_writer_take(writer, &bytes);
    *size = (int64_t)bytes;
    vl_lite_writer_destroy(writer);
    return st;
}

/* Whether a name is that of the connection's main database. */
static int
image_is_main(const char *name)
{
    return name == NULL || vl_name_compare(name, strlen(name), "main", 4) == 0;
}

static velo_status
image_check_name(velo_connection *connection, const char *name)
{
    vl_ctx *ctx = vl_connection_begin_call(connection);

    if (image_is_main(name))
        return VELO_OK;
    return vl_connection_end_call(connection,
                                  vl_fail(ctx, VELO_ERROR, "unknown database %s", name));
}

velo_status
velo_serialize(velo_connection *connection, const char *database, velo_image_format format,
               void **data, int64_t *size)
{
    int number = VL_DATABASE_MAIN;

    if (data == NULL || size == NULL)
        return VELO_MISUSE;
    *data = NULL;
    *size = 0;
    if (connection == NULL || connection->engine == NULL)
        return VELO_MISUSE;
    if (vl_connection_is_foreign(connection))
        return vl_connection_refuse(connection);
    if (format != VELO_IMAGE_SQLITE)
        return image_make_own(connection, database, data, size);
    if (database != NULL)
        number = vl_database_find(connection, database, strlen(database));
    if (number < 0 || connection->databases[number]->engine == NULL) {
        vl_ctx *ctx = vl_connection_begin_call(connection);

        return vl_connection_end_call(connection,
                                      vl_fail(ctx, VELO_ERROR, "unknown database %s", database));
    }
    return image_make_sqlite(connection, (uint32_t)number, data, size);
}

/* ---- from bytes ---- */

/* Fill a database in memory with an image of our own. */
static velo_status
image_take_own(velo_connection *fresh, const void *data, size_t size)
{
    vl_ctx *ctx = &fresh->ctx;
    vl_io *io = fresh->engine->io;
    velo_open_options options = {.size = sizeof options, .must_exist = 1, .no_threads = 1};
    velo_connection *file = NULL;
    char path[VL_PATH_SIZE];
    velo_status st;

    VL_TRY(vl_connection_end_call(fresh, image_name_file(ctx, io, path)));
    st = vl_connection_end_call(fresh, image_write_file(ctx, io, path, data, size));
    if (st == VELO_OK) {
        st = velo_open(path, &options, &file);
        if (st != VELO_OK)
            (void)image_take_error(fresh, st, file);
        else
            st = image_copy(fresh, file, NULL);
        (void)velo_close(file); /* only read, and deleted */
    }
    image_delete(ctx, io, path);
    return st;
}

static velo_status
image_take_sqlite(velo_connection *fresh, const void *data, size_t size)
{
    static const vl_sqlite_told nobody = {NULL, NULL};
    vl_lite_reader *reader;
    velo_status st = vl_lite_open_image(&fresh->ctx, data, size, NULL, 0, &reader);

    if (st != VELO_OK)
        return vl_connection_end_call(fresh, st);
    st = vl_sqlite_import(fresh, reader, &nobody);
    vl_lite_close(reader);
    return st;
}

/* Whether anything of the connection is at work. */
static int
image_is_busy(const velo_connection *connection)
{
    for (const velo_statement *at = connection->statements; at != NULL; at = at->next)
        if (at->is_open || at->backup != NULL)
            return 1;
    return connection->backup_count > 0 || velo_in_transaction(connection);
}

velo_status
velo_deserialize(velo_connection *connection, const char *database, const void *data, int64_t size,
                 int is_read_only)
{
    velo_connection *fresh = NULL;
    velo_status st;

    if (connection == NULL || connection->engine == NULL || size < 0 || (data == NULL && size > 0))
        return VELO_MISUSE;
    VL_TRY(image_check_name(connection, database));
    if (image_is_busy(connection))
        return vl_connection_end_call(
            connection, vl_fail(&connection->ctx, VELO_BUSY, "the database is in use"));
    st = velo_open(NULL, NULL, &fresh);
    if (st == VELO_OK && size > 0)
        st = vl_lite_is_database(data, (size_t)size) ? image_take_sqlite(fresh, data, (size_t)size)
                                                     : image_take_own(fresh, data, (size_t)size);
    if (st != VELO_OK)
        (void)image_take_error(connection, st, fresh);
    else
        st = vl_connection_end_call(
            connection, vl_connection_swap(&connection->ctx, connection, fresh, is_read_only));
    if (st != VELO_OK) { /* keeps IM1 */
        (void)velo_close(fresh);
        return st;
    }
    st = velo_close(fresh);
    if (st == VELO_OK)
        return VELO_OK;
    return vl_connection_end_call(
        connection,
        vl_fail(&connection->ctx, st, "the database that was open before was not closed well"));
}
