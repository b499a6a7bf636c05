/* status.c - names and texts of status codes, and writing the message of a context.
 *
 * Invariants
 *   S1  A message is valid UTF-8 whatever its parts were, ends within its buffer, and has no
 * control characters: it can be shown on a terminal or written to a log as one line. S2  Recording
 * an error allocates nothing: out-of-memory is reported the same way. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "base/status.h"

#include "base/assert.h"
#include "base/ctx.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

typedef struct status_entry {
    velo_status code; /* primary or extended */
    const char *name; /* as in velocidb.h */
    const char *text; /* SQLite's words where it has the code */
    const char
        *sqlstate; /* ISO/IEC 9075 class and subclass; PostgreSQL's where the norm has none */
} status_entry;

#define STATUS_ENTRY(code, text, sqlstate) {code, #code, text, sqlstate}

static const status_entry status_table[] = {
    STATUS_ENTRY(VELO_OK, "not an error", "00000"),
    STATUS_ENTRY(VELO_ERROR, "SQL logic error", "42000"),
    STATUS_ENTRY(VELO_INTERNAL, "internal error", "XX000"),
    STATUS_ENTRY(VELO_PERM, "access permission denied", "42501"),
    STATUS_ENTRY(VELO_ABORT, "query aborted", "57014"),
    STATUS_ENTRY(VELO_BUSY, "database is locked", "55P03"),
    STATUS_ENTRY(VELO_LOCKED, "database table is locked", "55006"),
    STATUS_ENTRY(VELO_NOMEM, "out of memory", "53200"),
    STATUS_ENTRY(VELO_READONLY, "attempt to write a readonly database", "25006"),
    STATUS_ENTRY(VELO_INTERRUPT, "interrupted", "57014"),
    STATUS_ENTRY(VELO_IOERR, "disk I/O error", "58030"),
    STATUS_ENTRY(VELO_CORRUPT, "database disk image is malformed", "XX001"),
    STATUS_ENTRY(VELO_NOTFOUND, "unknown operation", "42704"),
    STATUS_ENTRY(VELO_FULL, "database or disk is full", "53100"),
    STATUS_ENTRY(VELO_CANTOPEN, "unable to open database file", "58P01"),
    STATUS_ENTRY(VELO_PROTOCOL, "locking protocol", "55000"),
    STATUS_ENTRY(VELO_EMPTY, "empty", "XX000"),
    STATUS_ENTRY(VELO_SCHEMA, "database schema has changed", "40001"),
    STATUS_ENTRY(VELO_TOOBIG, "string or blob too big", "54000"),
    STATUS_ENTRY(VELO_CONSTRAINT, "constraint failed", "23000"),
    STATUS_ENTRY(VELO_MISMATCH, "datatype mismatch", "42804"),
    STATUS_ENTRY(VELO_MISUSE, "bad parameter or other API misuse", "HY010"),
    STATUS_ENTRY(VELO_NOLFS, "large file support is disabled", "58000"),
    STATUS_ENTRY(VELO_AUTH, "authorization denied", "42501"),
    STATUS_ENTRY(VELO_FORMAT, "format error", "XX000"),
    STATUS_ENTRY(VELO_RANGE, "column index out of range", "22003"),
    STATUS_ENTRY(VELO_NOTADB, "file is not a database", "58000"),
    STATUS_ENTRY(VELO_NOTICE, "notification message", "00000"),
    STATUS_ENTRY(VELO_WARNING, "warning message", "01000"),
    STATUS_ENTRY(VELO_ROW, "another row available", "00000"),
    STATUS_ENTRY(VELO_DONE, "no more rows available", "02000"),
    STATUS_ENTRY(VELO_BUSY_RECOVERY, "database is being recovered", "55P03"),
    STATUS_ENTRY(VELO_BUSY_SNAPSHOT, "row changed after the snapshot", "40001"),
    STATUS_ENTRY(VELO_BUSY_TIMEOUT, "wait for a lock timed out", "55P03"),
    STATUS_ENTRY(VELO_READONLY_RECOVERY, "read-only database needs recovery", "25006"),
    STATUS_ENTRY(VELO_READONLY_CANTLOCK, "cannot lock for writing", "25006"),
    STATUS_ENTRY(VELO_READONLY_DIRECTORY, "folder is not writable", "25006"),
    STATUS_ENTRY(VELO_IOERR_READ, "disk I/O error: read", "58030"),
    STATUS_ENTRY(VELO_IOERR_SHORT_READ, "disk I/O error: file ends too early", "58030"),
    STATUS_ENTRY(VELO_IOERR_WRITE, "disk I/O error: write", "58030"),
    STATUS_ENTRY(VELO_IOERR_FSYNC, "disk I/O error: sync", "58030"),
    STATUS_ENTRY(VELO_IOERR_DIR_FSYNC, "disk I/O error: sync of a folder", "58030"),
    STATUS_ENTRY(VELO_IOERR_TRUNCATE, "disk I/O error: changing the file's size", "58030"),
    STATUS_ENTRY(VELO_IOERR_FSTAT, "disk I/O error: file properties", "58030"),
    STATUS_ENTRY(VELO_IOERR_UNLOCK, "disk I/O error: unlock", "58030"),
    STATUS_ENTRY(VELO_IOERR_RDLOCK, "disk I/O error: shared lock", "58030"),
    STATUS_ENTRY(VELO_IOERR_DELETE, "disk I/O error: delete", "58030"),
    STATUS_ENTRY(VELO_IOERR_NOMEM, "disk I/O error: out of memory in the system", "58030"),
    STATUS_ENTRY(VELO_IOERR_ACCESS, "disk I/O error: looking for the file", "58030"),
    STATUS_ENTRY(VELO_IOERR_LOCK, "disk I/O error: lock", "58030"),
    STATUS_ENTRY(VELO_IOERR_CLOSE, "disk I/O error: close", "58030"),
    STATUS_ENTRY(VELO_IOERR_MMAP, "disk I/O error: memory mapping", "58030"),
    STATUS_ENTRY(VELO_IOERR_CORRUPTFS, "disk I/O error: file system damaged", "58030"),
    STATUS_ENTRY(VELO_CANTOPEN_ISDIR, "unable to open database file: is a folder", "58P01"),
    STATUS_ENTRY(VELO_CANTOPEN_FULLPATH, "unable to open database file: bad path", "58P01"),
    STATUS_ENTRY(VELO_CANTOPEN_SYMLINK, "unable to open database file: symbolic link", "58P01"),
    STATUS_ENTRY(VELO_CONSTRAINT_CHECK, "constraint failed: a CHECK constraint is violated",
                 "23514"),
    STATUS_ENTRY(VELO_CONSTRAINT_COMMITHOOK, "constraint failed: a commit hook refused", "40000"),
    STATUS_ENTRY(VELO_CONSTRAINT_FOREIGNKEY, "constraint failed: a foreign key is violated",
                 "23503"),
    STATUS_ENTRY(VELO_CONSTRAINT_NOTNULL, "constraint failed: a NOT NULL constraint is violated",
                 "23502"),
    STATUS_ENTRY(VELO_CONSTRAINT_PRIMARYKEY, "constraint failed: a PRIMARY KEY is not unique",
                 "23505"),
    STATUS_ENTRY(VELO_CONSTRAINT_TRIGGER, "constraint failed: a trigger said RAISE", "23000"),
    STATUS_ENTRY(VELO_CONSTRAINT_UNIQUE, "constraint failed: a UNIQUE constraint is violated",
                 "23505"),
    STATUS_ENTRY(VELO_CONSTRAINT_ROWID, "constraint failed: a rowid is not unique", "23505"),
    STATUS_ENTRY(VELO_CONSTRAINT_DATATYPE,
                 "constraint failed: a value has the wrong type for a STRICT table", "22000"),
};

static const status_entry *
status_find(velo_status status)
{
    for (size_t i = 0; i < VL_ARRAY_COUNT(status_table); i++)
        if (status_table[i].code == status)
            return &status_table[i];
    return NULL;
}

static const status_entry *
status_find_nearest(velo_status status)
{
    const status_entry *entry = status_find(status);

    return entry != NULL ? entry : status_find(vl_status_primary(status));
}

const char *
velo_status_name(velo_status status)
{
    const status_entry *entry = status_find_nearest(status);

    return entry != NULL ? entry->name : "unknown";
}

const char *
velo_status_text(velo_status status)
{
    const status_entry *entry = status_find_nearest(status);

    return entry != NULL ? entry->text : "unknown error";
}

/* Begin the error of ctx: all but its text. */
static vl_error *
status_begin(vl_ctx *ctx, velo_status code, int os_error)
{
    const status_entry *entry = status_find_nearest(code);
    vl_error *error = &ctx->error;

    error->code = code;
    error->os_error = os_error;
    error->sql_offset = -1;
    error->near[0] = '\0';
    memcpy(error->sqlstate, entry != NULL ? entry->sqlstate : "HY000", sizeof error->sqlstate);
    return error;
}

/* Format a message's own part; it may quote the message that it replaces. */
static void status_format(char *text, size_t size, const char *format, va_list args)
    VL_PRINTF(3, 0);

static void
status_format(char *text, size_t size, const char *format, va_list args)
{
    int length = vsnprintf(text, size, format, args);

    if (length < 0)
        text[0] = '\0';
    else if ((size_t)length >= size)
        text[vl_utf8_whole(text, size - 1)] = '\0';
}

#undef vl_fail /* see status.h */

velo_status
vl_fail(vl_ctx *ctx, velo_status code, const char *format, ...)
{
    char text[VL_ERROR_TEXT_SIZE];
    va_list args;

    VL_ASSERT(code != VELO_OK && code != VELO_ROW && code != VELO_DONE);
    if (ctx == NULL)
        return code;
    va_start(args, format);
    status_format(text, sizeof text, format, args);
    va_end(args);
    (void)vl_utf8_append(status_begin(ctx, code, 0)->text, 0, sizeof text - 1, text);
    return code;
}

/* The system's words for an error number. strerror_r exists in two forms that differ in type: this
 * file asks for none of the GNU extensions and gets POSIX's. */
static void
status_os_text(int os_error, char *text, size_t size)
{
    if (strerror_r(os_error, text, size) != 0)
        (void)snprintf(text, size, "error %d", os_error);
}

velo_status
vl_fail_os(vl_ctx *ctx, velo_status code, int os_error, const char *format, ...)
{
    char text[VL_ERROR_TEXT_SIZE];
    char reason[128] = ": ";
    vl_error *error;
    size_t used;
    va_list args;

    VL_ASSERT(code != VELO_OK && code != VELO_ROW && code != VELO_DONE);
    if (ctx == NULL)
        return code;
    va_start(args, format);
    status_format(text, sizeof text, format, args);
    va_end(args);
    status_os_text(os_error, reason + 2, sizeof reason - 2);
    error = status_begin(ctx, code, os_error);
    /* A path may fill the text: the reason is worth more than the path's last bytes. */
    used = vl_utf8_append(error->text, 0, sizeof text - 1 - strlen(reason), text);
    (void)vl_utf8_append(error->text, used, sizeof text - 1, reason);
    return code;
}

void
vl_error_clear(vl_ctx *ctx)
{
    ctx->error.code = VELO_OK;
    ctx->error.os_error = 0;
    ctx->error.sql_offset = -1;
    memcpy(ctx->error.sqlstate, "00000", sizeof ctx->error.sqlstate);
    ctx->error.text[0] = '\0';
}

void
vl_ctx_init(vl_ctx *ctx, vl_allocator *allocator, const vl_log *log)
{
    ctx->allocator = allocator != NULL ? allocator : vl_allocator_default();
    ctx->arena = NULL;
    ctx->log = log;
    vl_error_clear(ctx);
}
