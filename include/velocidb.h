/* velocidb.h - the public interface of VelociDB, an embedded SQL database.
 *
 * This is the only header a program includes. It needs nothing but the C library, compiles as C17
 * and as C++, and uses plain types that any foreign-function interface can describe.
 *
 * A *connection* is opened on a database file, or on a database in memory. A *statement* is
 * prepared from SQL text on a connection, gets values for its parameters, and is stepped through
 * its rows:
 *
 *     velo_open(path, NULL, &connection)
 *     velo_prepare(connection, "SELECT name FROM t WHERE id = ?", -1, &statement, NULL)
 *     velo_bind_int64(statement, 1, 42)
 *     while (velo_step(statement) == VELO_ROW)
 *         puts(velo_column_text(statement, 0));
 *     velo_finalize(statement)
 *     velo_close(connection)
 *
 * Threads: any number of connections may be used by any number of threads; one connection, with its
 * statements, by one thread at a time, except where a function says otherwise. Connections of one
 * process to one file share one engine, by whatever name each of them opened it.
 *
 * Texts that are passed in and out are UTF-8. Those that come out end with a zero byte. */
#ifndef VELOCIDB_H
#define VELOCIDB_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Marks what the shared library exports; everything else is hidden. */
#if defined(__GNUC__)
#define VELO_API __attribute__((visibility("default")))
#else
#define VELO_API
#endif

#define VELO_VERSION        "0.1.0"
#define VELO_VERSION_NUMBER 1000 /* major * 1,000,000 + minor * 1,000 + patch */

/* Result of every function that can fail. The numbers are SQLite's, so that a program or a
 * binding which knows those knows these. The low eight bits are the primary code; an extended code
 * adds the detail above them (`code & 0xff` is always a primary code). */
typedef enum velo_status {
    VELO_OK = 0,          /* success */
    VELO_ERROR = 1,       /* the statement or the call is wrong; the message says how */
    VELO_INTERNAL = 2,    /* a promise inside the library does not hold: a bug */
    VELO_PERM = 3,        /* access mode could not be provided */
    VELO_ABORT = 4,       /* a callback asked to stop, or a rollback ended the statement */
    VELO_BUSY = 5,        /* somebody else holds the file or the row */
    VELO_LOCKED = 6,      /* conflict with another statement of the same connection */
    VELO_NOMEM = 7,       /* out of memory, or the memory limit is reached */
    VELO_READONLY = 8,    /* the database or the medium cannot be written */
    VELO_INTERRUPT = 9,   /* interrupted on request */
    VELO_IOERR = 10,      /* the device or the system reported an error */
    VELO_CORRUPT = 11,    /* the file's content is damaged */
    VELO_NOTFOUND = 12,   /* the thing asked for does not exist */
    VELO_FULL = 13,       /* no space left on the medium, or the quota is exhausted */
    VELO_CANTOPEN = 14,   /* the file cannot be opened */
    VELO_PROTOCOL = 15,   /* the locking protocol was not kept by another program */
    VELO_EMPTY = 16,      /* not used */
    VELO_SCHEMA = 17,     /* the schema changed under the statement */
    VELO_TOOBIG = 18,     /* a string, blob or statement exceeds a limit */
    VELO_CONSTRAINT = 19, /* a constraint is violated */
    VELO_MISMATCH = 20,   /* a value has the wrong type for its column */
    VELO_MISUSE = 21,     /* the call breaks the rules of this interface */
    VELO_NOLFS = 22,      /* the system cannot hold a file this large */
    VELO_AUTH = 23,       /* the authorizer denied it */
    VELO_FORMAT = 24,     /* not used */
    VELO_RANGE = 25,      /* an index is out of range */
    VELO_NOTADB = 26,     /* the file is not a VelociDB database */
    VELO_NOTICE = 27,     /* only in log messages */
    VELO_WARNING = 28,    /* only in log messages */
    VELO_ROW = 100,       /* a row is ready */
    VELO_DONE = 101,      /* there are no more rows */

    VELO_ABORT_ROLLBACK =
        4 | (2 << 8), /* ROLLBACK in a callback ended the statement's transaction */

    VELO_BUSY_RECOVERY = 5 | (1 << 8), /* another process recovers the file */
    VELO_BUSY_SNAPSHOT = 5 | (2 << 8), /* the row changed after the transaction's snapshot */
    VELO_BUSY_TIMEOUT = 5 | (3 << 8),  /* the wait was longer than the busy timeout */

    VELO_READONLY_RECOVERY = 8 | (1 << 8),  /* needs recovery, but the medium is read-only */
    VELO_READONLY_CANTLOCK = 8 | (2 << 8),  /* cannot take the lock that writing needs */
    VELO_READONLY_DIRECTORY = 8 | (6 << 8), /* the folder is not writable */

    VELO_IOERR_READ = 10 | (1 << 8),            /* read failed */
    VELO_IOERR_SHORT_READ = 10 | (2 << 8),      /* the file ends before the bytes asked for */
    VELO_IOERR_WRITE = 10 | (3 << 8),           /* write failed */
    VELO_IOERR_FSYNC = 10 | (4 << 8),           /* sync failed: what was written may be gone */
    VELO_IOERR_DIR_FSYNC = 10 | (5 << 8),       /* sync of a folder failed */
    VELO_IOERR_TRUNCATE = 10 | (6 << 8),        /* changing the file's size failed */
    VELO_IOERR_FSTAT = 10 | (7 << 8),           /* asking for the file's properties failed */
    VELO_IOERR_UNLOCK = 10 | (8 << 8),          /* releasing a lock failed */
    VELO_IOERR_RDLOCK = 10 | (9 << 8),          /* taking a shared lock failed */
    VELO_IOERR_DELETE = 10 | (10 << 8),         /* deleting the file failed */
    VELO_IOERR_NOMEM = 10 | (12 << 8),          /* the system had no memory for the operation */
    VELO_IOERR_ACCESS = 10 | (13 << 8),         /* looking for the file failed */
    VELO_IOERR_LOCK = 10 | (15 << 8),           /* taking a lock failed */
    VELO_IOERR_CLOSE = 10 | (16 << 8),          /* close failed */
    VELO_IOERR_MMAP = 10 | (24 << 8),           /* mapping the file failed */
    VELO_IOERR_CORRUPTFS = 10 | (33 << 8),      /* the file system reports that it is damaged */
    VELO_CANTOPEN_ISDIR = 14 | (2 << 8),        /* it is a folder */
    VELO_CANTOPEN_FULLPATH = 14 | (3 << 8),     /* the path cannot be resolved, or is too long */
    VELO_CANTOPEN_SYMLINK = 14 | (6 << 8),      /* too many symbolic links */
    VELO_CONSTRAINT_CHECK = 19 | (1 << 8),      /* a CHECK constraint is violated */
    VELO_CONSTRAINT_COMMITHOOK = 19 | (2 << 8), /* a commit hook refused */
    VELO_CONSTRAINT_FOREIGNKEY = 19 | (3 << 8), /* a foreign key is violated */
    VELO_CONSTRAINT_NOTNULL = 19 | (5 << 8),    /* a NOT NULL constraint is violated */
    VELO_CONSTRAINT_PRIMARYKEY = 19 | (6 << 8), /* a PRIMARY KEY is not unique */
    VELO_CONSTRAINT_TRIGGER = 19 | (7 << 8),    /* a trigger said RAISE */
    VELO_CONSTRAINT_UNIQUE = 19 | (8 << 8),     /* a UNIQUE constraint is violated */
    VELO_CONSTRAINT_ROWID = 19 | (10 << 8),     /* a rowid is not unique */
    VELO_CONSTRAINT_DATATYPE = 19 | (12 << 8)   /* a value has the wrong type for a STRICT table */
} velo_status;

/* Return the library's version, "major.minor.patch". Static text; callable at any time from any
 * thread. */
VELO_API const char *velo_version(void);

/* Return the library's version as a number that grows with every release: VELO_VERSION_NUMBER of
 * the library in use, which may differ from that of the header a program was compiled with. */
VELO_API int velo_version_number(void);

/* The keyword of SQL with a number from 0, in capitals, in alphabetical order; NULL behind the
 * last. Static text; any thread. */
VELO_API const char *velo_keyword(size_t index);

/* Whether `size` bytes are a keyword of SQL, which a name must be quoted for; capitals and small
 * letters are alike. Any thread. */
VELO_API int velo_is_keyword(const char *text, size_t size);

/* Return the name of a status code, for example "VELO_IOERR_READ". A code that this version does
 * not know gives the name of its primary code, and one without such a code "unknown". Static text;
 * callable at any time from any thread. */
VELO_API const char *velo_status_name(velo_status status);

/* Return a short English description of a status code, for example "disk I/O error". What went
 * wrong in a particular call is said by that call's message, not here. Static text. */
VELO_API const char *velo_status_text(velo_status status);

/* Receives one line of text without a newline; `line` is valid only during the call. */
typedef void velo_line_callback(void *user, const char *line);

/* Describe what the library found on this machine and will use: processors and vector units,
 * I/O backends and why one was not chosen, and the fastest way to make a small append durable in
 * the folder `directory` (measured there, which takes about a second and writes a temporary file
 * of a few MiB that has no name and is gone afterwards).
 *
 * directory  folder to measure in; NULL leaves that part out
 * line       called for each line of the report, in order, on the calling thread
 * user       passed to `line`
 * returns    VELO_OK, or the code of what failed; then the last line says what and where
 * threads    any number of threads may call it at the same time */
VELO_API velo_status velo_machine_report(const char *directory, velo_line_callback *line,
                                         void *user);

/* ---- connections ---- */

typedef struct velo_connection velo_connection;
typedef struct velo_statement velo_statement;

/* What is done when the file to be opened is a database of SQLite's. */
typedef enum velo_sqlite_choice {
    VELO_SQLITE_REFUSE = 0, /* VELO_NOTADB, with words that say how to convert it */
    VELO_SQLITE_CONVERT = 1 /* it is converted in its place, and kept as NAME.sqlite-orig (and its
                               log as NAME.sqlite-orig-wal); nobody may be writing it meanwhile */
} velo_sqlite_choice;

/* How a database is opened. Zero the struct, set `size`, and set what is to differ. Where several
 * connections share an engine, the first one decides about what belongs to the engine. */
typedef struct velo_open_options {
    size_t size;             /* sizeof(velo_open_options): which version of the struct this is */
    int must_exist;          /* 1: do not create the file */
    int is_read_only;        /* 1: this connection changes nothing */
    uint32_t page_size;      /* engine: of a file to be created, 4096 to 65536; 0: 16384 */
    uint64_t cache_bytes;    /* engine: budget of the page cache; 0: elastic */
    int no_threads;          /* engine: 1: start no thread in the background */
    const char *memory_name; /* of a database in memory (path NULL): all connections of the process
                                that give this name share it; it goes with the last of them. NULL:
                                shared with nobody */
    velo_sqlite_choice sqlite_files; /* what is done with a file of SQLite's */
} velo_open_options;

/* Open a database.
 *
 * path        of the file, which is created when it does not exist; ":memory:" or NULL for a new
 *             database in memory, which is gone when the connection is closed
 * options     NULL for defaults
 * connection  receives the connection, also after an error, when it only tells the error and must
 *             be closed; NULL when there was no memory for it
 * errors      VELO_CANTOPEN, VELO_NOTADB (it is something else), VELO_CORRUPT, VELO_BUSY (another
 *             process has it open), VELO_NOMEM, VELO_IOERR, VELO_MISUSE (bad options)
 * threads     any */
VELO_API velo_status velo_open(const char *path, const velo_open_options *options,
                               velo_connection **connection);

/* Close a connection; an open transaction is rolled back. The last connection to a file writes what
 * is left to be written. NULL is allowed.
 *
 * errors  VELO_BUSY: statements of it are not finalized: nothing is done. VELO_IOERR, VELO_FULL:
 * the last writes failed; the connection is closed, and the next open recovers: nothing that was
 *         committed is lost */
VELO_API velo_status velo_close(velo_connection *connection);

/* Run all statements of a text, one after the other, up to the first error.
 *
 * row     called for each row with its values as text (NULL for NULL) and the columns' names, valid
 *         during the call; returns 0 to go on, else the run ends with VELO_ABORT. NULL: rows are
 *         dropped
 * errors  those of velo_prepare and velo_step */
VELO_API velo_status velo_exec(velo_connection *connection, const char *sql,
                               int (*row)(void *user, int count, const char *const *values,
                                          const char *const *names),
                               void *user);

/* The last call's failure: its code, its message (never NULL; "not an error" when there was none)
 * and the byte of the SQL text where it was found (-1: unknown). Valid until the next call. */
VELO_API velo_status velo_error_code(const velo_connection *connection);
VELO_API const char *velo_error_text(const velo_connection *connection);
VELO_API int velo_error_offset(const velo_connection *connection);

/* The name that was probably meant when the last failure was an unknown table, column or function:
 * the nearest one that is known where it stood. NULL: none is near. Valid until the next call. */
VELO_API const char *velo_error_suggestion(const velo_connection *connection);

/* Rows changed by the last INSERT, UPDATE or DELETE that ended, and by all of the connection. */
VELO_API int64_t velo_changes(const velo_connection *connection);
VELO_API int64_t velo_total_changes(const velo_connection *connection);

/* Rowid of the last row that this connection inserted; 0: none yet. */
VELO_API int64_t velo_last_insert_rowid(const velo_connection *connection);

/* Whether the connection is inside of a transaction begun by BEGIN or SAVEPOINT. */
VELO_API int velo_in_transaction(const velo_connection *connection);

/* How long a statement waits for an idle transaction that is in its way: milliseconds, 0 (as at
 * first) for not at all, negative for ever. */
VELO_API void velo_set_busy_timeout(velo_connection *connection, int ms);

/* Ask a function instead: it is called when an idle transaction is in the way, sleeps itself, and
 * returns 0 to give up. `count` is how often it was called before in this wait. It replaces the
 * timeout, and is replaced by it; NULL: give up at once. It runs on the thread that waits, and must
 * not use the connection. */
VELO_API void velo_set_busy_handler(velo_connection *connection, int (*busy)(void *user, int count),
                                    void *user);

/* Stop what the connection is doing: the statement at work fails with VELO_INTERRUPT. Any thread,
 * while the connection is open; on Linux a signal handler too. Without a statement at work nothing
 * happens. */
VELO_API void velo_interrupt(velo_connection *connection);

/* Whether it was asked to stop, and has not ended yet what it was doing. Any thread. */
VELO_API int velo_is_interrupted(const velo_connection *connection);

/* Set what velo_last_insert_rowid tells. */
VELO_API void velo_set_last_insert_rowid(velo_connection *connection, int64_t rowid);

/* What the connection's transaction has done so far, with SQLite's numbers. Outside of BEGIN it is
 * that of the statements at work. */
typedef enum velo_transaction_state {
    VELO_TRANSACTION_NONE = 0, /* nothing is open, or nothing was done since BEGIN */
    VELO_TRANSACTION_READ = 1, /* it reads, by a snapshot */
    VELO_TRANSACTION_WRITE = 2 /* it has changed something, or was begun to do so */
} velo_transaction_state;
VELO_API velo_transaction_state velo_get_transaction_state(const velo_connection *connection);

/* ---- databases of a connection ---- */

/* The name of the database with a number: 0 is "main", 1 "temp", those of ATTACH follow in their
 * order. NULL: there is none. The text is valid until the database is detached. */
VELO_API const char *velo_database_name(const velo_connection *connection, int index);

/* Of a database by its name, or of main (NULL): the full path of its file, "" when it has none,
 * NULL when there is no such database; whether the connection may not change it; what the
 * transaction has done there so far, as velo_transaction_state. -1: there is no such database. */
VELO_API const char *velo_database_path(const velo_connection *connection, const char *name);
VELO_API int velo_database_is_read_only(const velo_connection *connection, const char *name);
VELO_API int velo_database_state(const velo_connection *connection, const char *name);

/* How many databases may be attached: 10 at first, and at most. Returns what it was; limit negative
 * changes nothing. */
VELO_API int velo_set_attached_limit(velo_connection *connection, int limit);

/* What ATTACH opens for the name that it was given. */
typedef struct velo_attach_target {
    size_t size;               /* sizeof(velo_attach_target) */
    const char *path;          /* the name itself, at first; NULL or "": in memory. Valid until the
                                  connection is used next */
    velo_open_options options; /* those of main, without memory_name, at first */
    char message[256];         /* of an error */
} velo_attach_target;

/* Called by ATTACH before it opens anything; must not use the connection. Not VELO_OK: ATTACH fails
 * with that code and the message. */
typedef velo_status velo_attach_hook(void *user, const char *name, velo_attach_target *target);
VELO_API void velo_set_attach_hook(velo_connection *connection, velo_attach_hook *hook, void *user);

/* What is known of a table's column. */
typedef struct velo_column_info {
    size_t size;           /* sizeof(velo_column_info), set by the caller */
    const char *type;      /* as declared; NULL: none */
    const char *collation; /* "BINARY" unless declared */
    int is_not_null;
    int is_primary_key; /* it is part of the PRIMARY KEY */
    int is_autoincrement;
} velo_column_info;

/* Find a table's column. Texts in `info` are valid until the next call of this function on
 * the connection.
 *
 * database  NULL for any
 * column    NULL: only find out whether there is such a table, `info` is not used; a name of the
 *           rowid finds INTEGER where the table has one that no column hides
 * errors    VELO_ERROR: there is no such table or column */
VELO_API velo_status velo_find_column(velo_connection *connection, const char *database,
                                      const char *table, const char *column,
                                      velo_column_info *info);

/* ---- databases of SQLite's ---- */

/* Called now and then during long work, on the thread that does it: how much is done, of how much,
 * 0 where that is not known. It must not use the connection. Not 0 ends the work with
 * VELO_INTERRUPT. */
typedef int velo_progress(void *user, uint64_t done, uint64_t total);

/* Whether a file begins as those of SQLite do. Any thread. */
VELO_API int velo_is_sqlite_file(const char *path);

/* Read all of a database of SQLite's into the connection's: tables with their rows and rowids,
 * indexes, views, triggers, how far AUTOINCREMENT is, statistics of ANALYZE; into an empty database
 * also user_version and application_id. All of it in one transaction, or as a part of the one that
 * is open. The file, and the write-ahead log beside it, are only read.
 *
 * progress  NULL, or told of pages read
 * errors    VELO_NOTADB, VELO_READONLY_RECOVERY (a hot rollback journal: open it once with SQLite),
 *           VELO_CORRUPT (with the page and the reason), VELO_BUSY (it is being written),
 *           VELO_CANTOPEN, VELO_IOERR; those of velo_prepare and velo_step, with the object and the
 *           row that they are about; VELO_ERROR: the database has something that is not supported
 *           (a virtual table), or an object of a name that is in use here */
VELO_API velo_status velo_import_sqlite(velo_connection *connection, const char *path,
                                        velo_progress *progress, void *user);

/* Write all that the connection sees as a database of SQLite's: the same things. One snapshot is
 * read; others may write meanwhile.
 *
 * path      of a file that does not exist
 * progress  NULL, or told of rows and entries of indexes written
 * errors    VELO_CANTOPEN (it exists), VELO_FULL, VELO_IOERR, VELO_TOOBIG, those of velo_step; then
 *           there is no file */
VELO_API velo_status velo_export_sqlite(velo_connection *connection, const char *path,
                                        velo_progress *progress, void *user);

/* ---- backups ---- */

/* A database that is being copied into another one. */
typedef struct velo_backup velo_backup;

/* Begin a backup: the destination becomes what the source is at the first step, whatever others do
 * to the source meanwhile. Both may be files or in memory. Errors are the destination's
 * connection's.
 *
 * to_name, from_name  names of databases: NULL (main), "main", "temp", or one of ATTACH
 * backup              must be ended before either connection is closed, or the source detached
 * errors              VELO_ERROR: both are the same database, or the destination has a transaction
 *                     open; VELO_NOMEM, VELO_MISUSE */
VELO_API velo_status velo_backup_begin(velo_connection *to, const char *to_name,
                                       velo_connection *from, const char *from_name,
                                       velo_backup **backup);

/* Copy up to `pages` pages, all for a negative number. VELO_OK: there is more; VELO_DONE: all is
 * there and committed. From the first step to the last nobody else writes the destination; its
 * readers see what was there before.
 *
 * errors  VELO_BUSY, VELO_LOCKED (the source's connection has changed something in a transaction):
 *         it could not begin: try again. Any other ends it: those of velo_step; VELO_TOOBIG also: a
 *         row or a key has no room on the destination's smaller pages */
VELO_API velo_status velo_backup_step(velo_backup *backup, int pages);

/* End it. Before VELO_DONE: the destination stays as it was. Returns what the last step failed
 * with, or VELO_OK. NULL is allowed. */
VELO_API velo_status velo_backup_end(velo_backup *backup);

/* Pages that the source had at the first step, about, and how many of them are still to be copied;
 * 0 before it, and when all is done. */
VELO_API int64_t velo_backup_page_count(const velo_backup *backup);
VELO_API int64_t velo_backup_remaining(const velo_backup *backup);

/* ---- images ---- */

/* What a database is as bytes. */
typedef enum velo_image_format {
    VELO_IMAGE_OWN = 0,   /* as a file of VelociDB's */
    VELO_IMAGE_SQLITE = 1 /* as a file of SQLite's */
} velo_image_format;

/* Make an image of a database, of one snapshot: what a file with these bytes would be. One of our
 * own goes through a file in the folder TMPDIR, or /tmp. Of a database that is attached it is the
 * newest that was committed, in a transaction too.
 *
 * database  its name, NULL for "main"
 * data      receives the bytes, to be given back with velo_free; NULL after an error
 * errors    VELO_NOMEM, VELO_IOERR, VELO_FULL, VELO_LOCKED (of our own, and of one that is
 * attached: the connection has changed something there in a transaction), those of
 * velo_export_sqlite and velo_backup_step */
VELO_API velo_status velo_serialize(velo_connection *connection, const char *database,
                                    velo_image_format format, void **data, int64_t *size);

/* Let the connection go on with a database in memory that is made of an image, of either format;
 * the bytes are the caller's, and are of no use afterwards. What was open before is closed, and its
 * blob handles are expired: they give VELO_ABORT.
 *
 * size    0: an empty database
 * errors  VELO_BUSY: a statement, transaction or backup is at work; VELO_NOTADB, VELO_CORRUPT and
 *         what else velo_open and velo_import_sqlite fail with. Then the connection is as before */
VELO_API velo_status velo_deserialize(velo_connection *connection, const char *database,
                                      const void *data, int64_t size, int is_read_only);

/* ---- hooks ---- */

/* Each takes the place of the one before; NULL takes it away. They run on the thread that uses the
 * connection, in the middle of a call of it, and must not use it: but for the functions that ask
 * for its counters, and that interrupt. */

/* Called before a transaction that has changed something is committed. Not 0: it is rolled back
 * instead, and what would have committed it fails with VELO_CONSTRAINT_COMMITHOOK. */
VELO_API void velo_set_commit_hook(velo_connection *connection, int (*hook)(void *user),
                                   void *user);

/* Called when a transaction that may have changed something has been rolled back: by ROLLBACK, by
 * an error, by a commit hook. Not when the connection is closed. */
VELO_API void velo_set_rollback_hook(velo_connection *connection, void (*hook)(void *user),
                                     void *user);

/* Kinds of changes, with SQLite's numbers. */
typedef enum velo_change {
    VELO_CHANGE_DELETE = 9,
    VELO_CHANGE_INSERT = 18,
    VELO_CHANGE_UPDATE = 23
} velo_change;

/* Called for each row of a table with rowids that a statement has inserted, changed (its rowid is
 * the new one) or deleted; not for rows that REPLACE removes, nor for the library's own tables.
 * The change may still be undone. */
VELO_API void velo_set_update_hook(velo_connection *connection,
                                   void (*hook)(void *user, velo_change change,
                                                const char *database, const char *table,
                                                int64_t rowid),
                                   void *user);

/* Called about every `steps` steps of a statement at work; a step is a row that an operator looks
 * at or yields. Not 0 ends the statement with VELO_INTERRUPT. steps 0 takes it away. It holds for
 * runs that begin afterwards. */
VELO_API void velo_set_progress(velo_connection *connection, uint64_t steps,
                                int (*hook)(void *user), void *user);

/* What a trace is told of, with SQLite's numbers; may be combined. */
typedef enum velo_trace_event {
    VELO_TRACE_BEGIN = 1, /* a run of a statement begins */
    VELO_TRACE_END = 2,   /* it has ended; `ns` is how long it took */
    VELO_TRACE_ROW = 4,   /* it has a row */
    VELO_TRACE_CLOSE = 8  /* the connection is being closed; there is no statement */
} velo_trace_event;

/* Called for each of the events in `events`, a sum of them. */
VELO_API void velo_set_trace(velo_connection *connection, unsigned events,
                             void (*hook)(void *user, velo_trace_event event,
                                          velo_statement *statement, int64_t ns),
                             void *user);

/* A value by itself: of a row, an argument of a function, or a copy. Belongs to one thread at a
 * time. */
typedef struct velo_value velo_value;

/* A change of a row in full: valid while the hook runs. Values are by column, from 0; NULL where
 * there is no such row or column. */
typedef struct velo_row_change velo_row_change;
VELO_API velo_change velo_row_change_kind(const velo_row_change *change);
VELO_API const char *velo_row_change_database(const velo_row_change *change);
VELO_API const char *velo_row_change_table(const velo_row_change *change);
VELO_API int velo_row_change_columns(const velo_row_change *change);
VELO_API velo_value *velo_row_change_before(velo_row_change *change, int column);
VELO_API velo_value *velo_row_change_after(velo_row_change *change, int column);

/* Rowids before and after, the same where there is one row only; 0 in tables WITHOUT ROWID. And
 * how deep in triggers the change was made; 0: by the statement. */
VELO_API int64_t velo_row_change_rowid_before(const velo_row_change *change);
VELO_API int64_t velo_row_change_rowid_after(const velo_row_change *change);
VELO_API int velo_row_change_depth(const velo_row_change *change);

/* Called for each row that a statement inserts, changes or deletes, in tables of any kind, those
 * that REPLACE deletes too; before the update hook. It must not use the connection. What a
 * statement that fails has told of is undone. NULL: none. */
VELO_API void velo_set_row_change_hook(velo_connection *connection,
                                       void (*hook)(void *user, velo_row_change *change),
                                       void *user);

/* What a statement wants to do, with SQLite's numbers and arguments (first, second). */
typedef enum velo_action {
    VELO_ACTION_CREATE_INDEX = 1,        /* index, table */
    VELO_ACTION_CREATE_TABLE = 2,        /* table */
    VELO_ACTION_CREATE_TEMP_INDEX = 3,   /* index, table */
    VELO_ACTION_CREATE_TEMP_TABLE = 4,   /* table */
    VELO_ACTION_CREATE_TEMP_TRIGGER = 5, /* trigger, table */
    VELO_ACTION_CREATE_TEMP_VIEW = 6,    /* view */
    VELO_ACTION_CREATE_TRIGGER = 7,      /* trigger, table */
    VELO_ACTION_CREATE_VIEW = 8,         /* view */
    VELO_ACTION_DELETE = 9,              /* table */
    VELO_ACTION_DROP_INDEX = 10,         /* index, table */
    VELO_ACTION_DROP_TABLE = 11,         /* table */
    VELO_ACTION_DROP_TEMP_INDEX = 12,    /* index, table */
    VELO_ACTION_DROP_TEMP_TABLE = 13,    /* table */
    VELO_ACTION_DROP_TEMP_TRIGGER = 14,  /* trigger, table */
    VELO_ACTION_DROP_TEMP_VIEW = 15,     /* view */
    VELO_ACTION_DROP_TRIGGER = 16,       /* trigger, table */
    VELO_ACTION_DROP_VIEW = 17,          /* view */
    VELO_ACTION_INSERT = 18,             /* table */
    VELO_ACTION_PRAGMA = 19,             /* name, argument or NULL */
    VELO_ACTION_READ = 20,               /* table, column ("" : none is named) */
    VELO_ACTION_SELECT = 21,
    VELO_ACTION_TRANSACTION = 22,   /* "BEGIN", "COMMIT", "ROLLBACK" */
    VELO_ACTION_UPDATE = 23,        /* table, column */
    VELO_ACTION_ATTACH = 24,        /* file; VACUUM: "" */
    VELO_ACTION_DETACH = 25,        /* database */
    VELO_ACTION_ALTER_TABLE = 26,   /* database, table */
    VELO_ACTION_REINDEX = 27,       /* index */
    VELO_ACTION_ANALYZE = 28,       /* table */
    VELO_ACTION_CREATE_VTABLE = 29, /* table, module */
    VELO_ACTION_DROP_VTABLE = 30,   /* table, module */
    VELO_ACTION_FUNCTION = 31,      /* NULL, function */
    VELO_ACTION_SAVEPOINT = 32,     /* "BEGIN", "RELEASE", "ROLLBACK"; name */
    VELO_ACTION_RECURSIVE = 33
} velo_action;

/* What an authorizer answers. */
typedef enum velo_answer {
    VELO_ALLOW = 0,
    VELO_DENY = 1, /* preparing the statement fails with VELO_AUTH */
    VELO_IGNORE =
        2 /* READ: the column is NULL; FUNCTION: its result is; UPDATE: the column stays as
             it is; DELETE: rows are deleted one by one; else the statement does nothing */
} velo_answer;

/* Ask the application what statements may do, while they are prepared; NULL: everything. Statements
 * that are prepared already are prepared anew before they run again. It must not use the
 * connection.
 *
 * database  of what `first` is, or NULL
 * inner     the trigger, view or common table expression that wants it, or NULL
 * returns   a velo_answer; anything else fails with VELO_ERROR
 *
 * Nobody is asked for what the schema says: constraints, defaults, generated columns, indexes,
 * foreign keys. Reads may be asked for more than once, and in any order. */
VELO_API void velo_set_authorizer(velo_connection *connection,
                                  int (*authorizer)(void *user, velo_action action,
                                                    const char *first, const char *second,
                                                    const char *database, const char *inner),
                                  void *user);

/* Called after each commit that has changed the database, with the bytes of the log that the next
 * checkpoint will make superfluous: an application may run one (PRAGMA wal_checkpoint), though the
 * engine does so by itself. It may use the connection. NULL: none. */
VELO_API void velo_set_log_hook(velo_connection *connection,
                                void (*hook)(void *user, const char *database, uint64_t log_bytes),
                                void *user);

/* Whether triggers are fired, as at first. Those of TEMP are always. Statements that are prepared
 * already are prepared anew. */
VELO_API void velo_enable_triggers(velo_connection *connection, int is_on);

/* Let PRAGMAs do nothing that SQLite refuses a defensive connection: `journal_mode = off`. What
 * else could damage a database is refused to all. */
VELO_API void velo_set_defensive(velo_connection *connection, int is_on);

/* A call of a function in SQL may have that many arguments at most, up to 1,000, which is so at
 * first. Statements that are prepared already are prepared anew. */
VELO_API void velo_set_argument_limit(velo_connection *connection, int count);

/* ---- statistics ---- */

/* Numbers about a database, since it was opened in this process, and a connection; each is read on
 * its own. Set `size`. */
typedef struct velo_statistics {
    size_t size;                /* sizeof(velo_statistics) */
    uint64_t cache_bytes;       /* memory of pages, shared by all connections to the database */
    uint64_t cache_frames;      /* pages that there is memory for now */
    uint64_t cache_free_frames; /* of them without a page */
    uint64_t cache_dirty_pages; /* changed since the last checkpoint, about */
    uint64_t pages_read;        /* from the file */
    uint64_t pages_evicted;     /* dropped from memory */
    uint64_t pages_written_evicting; /* of those, written first */
    uint64_t log_bytes;              /* of the log behind the last checkpoint */
    uint64_t log_writes;             /* transfers to the log */
    uint64_t log_syncs;              /* times that it was made durable */
    uint64_t log_flushes;            /* of groups of commits */
    uint64_t log_flush_requests;     /* commits in them: divided by the former, a group's size */
    uint64_t checkpoints;
    uint64_t recovered_operations; /* that recovery has applied at opening */
    uint64_t commits;              /* transactions with changes */
    uint64_t rollbacks;
    uint64_t waits;                 /* for another transaction */
    uint64_t conflicts;             /* changes refused because of a later commit */
    uint64_t version_bytes;         /* memory of older versions of rows */
    uint64_t spilled_version_bytes; /* what they take in a temporary file */
    uint64_t schema_bytes;          /* memory of the schema, shared */
    uint64_t statements;            /* of the connection, */
    uint64_t statement_bytes;       /* and their memory */
    uint64_t deferred_violations;   /* of foreign keys, in the open transaction */
} velo_statistics;

/* database  its name, or NULL for main; of one without tables that is temporary all is 0
 * errors    VELO_MISUSE; VELO_NOTFOUND: there is no such database */
VELO_API velo_status velo_get_statistics(velo_connection *connection, const char *database,
                                         velo_statistics *statistics);

/* Numbers about a statement. Set `size`. */
typedef struct velo_statement_statistics {
    size_t size;         /* sizeof(velo_statement_statistics) */
    uint64_t plans;      /* times that it was prepared: again when the schema or so has changed */
    uint64_t runs;       /* times that a run began */
    uint64_t rows;       /* that steps have given */
    uint64_t bytes;      /* of memory that it holds now */
    uint64_t peak_bytes; /* the most that a run has held for sorting, grouping and the like */
    uint64_t steps;      /* of all runs, as velo_set_progress_hook counts them */
    uint64_t sorts;      /* that they have carried out */
    uint64_t scanned;    /* steps from row to row in scans of whole tables */
} velo_statement_statistics;
VELO_API velo_status velo_statement_get_statistics(const velo_statement *statement,
                                                   velo_statement_statistics *statistics);

/* ---- the process ---- */

/* Bytes of memory that the library has asked for, and the most of them so far (with `reset` not 0
 * it counts anew from what is used now). Any thread. */
VELO_API uint64_t velo_memory_used(void);
VELO_API uint64_t velo_memory_peak(int reset);

/* Give back a block that a function here says is to be given back so. NULL is allowed. */
VELO_API void velo_free(void *block);

/* Whether a text ends with a complete statement: a semicolon outside of literals, comments and the
 * body of a CREATE TRIGGER. Any thread. */
VELO_API int velo_is_complete(const char *sql);

/* ---- statements ---- */

/* Prepare the first statement of a text.
 *
 * size       bytes of sql; negative: up to its zero byte
 * statement  receives it, or NULL when the text has no statement (spaces, comments), or on failure
 * tail       NULL, or receives where in sql the next statement begins
 * errors     VELO_ERROR (syntax, unknown names), VELO_TOOBIG, VELO_NOMEM, and those of reading the
 *            schema */
VELO_API velo_status velo_prepare(velo_connection *connection, const char *sql, int64_t size,
                                  velo_statement **statement, const char **tail);

/* Step: VELO_ROW when there is a row, which the velo_column functions read until the next step;
 * VELO_DONE when the statement is through, its changes are made, and, outside of a transaction,
 * committed. Anything else is an error. After DONE or an error the next step begins anew.
 *
 * errors  VELO_CONSTRAINT, VELO_BUSY, VELO_BUSY_SNAPSHOT, VELO_INTERRUPT, VELO_FULL, VELO_READONLY,
 *         VELO_NOMEM, VELO_IOERR, VELO_CORRUPT, VELO_TOOBIG, VELO_MISMATCH, VELO_ERROR: a change
 * that failed is undone as its conflict clause says */
VELO_API velo_status velo_step(velo_statement *statement);

/* Go back to before the first step. Parameters keep their values. Returns what the last step
 * returned, if it was an error. */
VELO_API velo_status velo_reset(velo_statement *statement);

/* Destroy a statement, wherever it is. Returns as velo_reset. NULL is allowed. */
VELO_API velo_status velo_finalize(velo_statement *statement);

/* The connection it belongs to, its text (without what came behind), whether it changes nothing,
 * and whether it has been stepped and is neither done nor reset. */
VELO_API velo_connection *velo_statement_connection(const velo_statement *statement);
VELO_API const char *velo_statement_sql(const velo_statement *statement);
VELO_API int velo_statement_is_read_only(const velo_statement *statement);
VELO_API int velo_statement_is_busy(const velo_statement *statement);

/* A pointer that the application keeps with a statement, NULL at first. */
VELO_API void velo_statement_set_user(velo_statement *statement, void *user);
VELO_API void *velo_statement_get_user(const velo_statement *statement);

/* Whether it explains another statement, with SQLite's numbers. */
typedef enum velo_explain {
    VELO_EXPLAIN_NONE = 0,
    VELO_EXPLAIN_CODE = 1,   /* EXPLAIN */
    VELO_EXPLAIN_PLAN = 2,   /* EXPLAIN QUERY PLAN */
    VELO_EXPLAIN_ANALYZE = 3 /* EXPLAIN ANALYZE, which runs the other statement (not SQLite's) */
} velo_explain;
VELO_API velo_explain velo_statement_get_explain(const velo_statement *statement);

/* Have a statement explain itself from its next step on (VELO_EXPLAIN_CODE, VELO_EXPLAIN_PLAN), or
 * run (VELO_EXPLAIN_NONE), whatever its text says; what is bound stays.
 *
 * errors  VELO_BUSY while it has a row; VELO_ERROR; those of velo_prepare, since it is planned anew
 */
VELO_API velo_status velo_statement_set_explain(velo_statement *statement, velo_explain explain);

/* Its text with each parameter replaced by the literal of its value. To be given back with
 * velo_free; NULL: no memory. */
VELO_API char *velo_statement_expanded_sql(const velo_statement *statement);

/* Its text in a form that is the same for statements that differ in literals, spaces, comments and
 * capitals only: `select * from T where a in (1, 2)` gives `SELECT*FROM t WHERE a IN(?,?,?);`. To
 * be given back with velo_free; NULL: no memory. */
VELO_API char *velo_statement_normalized_sql(const velo_statement *statement);

/* ---- parameters ---- */

/* What is to be done with the bytes of a text or blob that is bound. */
typedef enum velo_lifetime {
    VELO_COPY,  /* copy them now */
    VELO_BORROW /* they stay where they are until the parameter is bound again, or the statement is
                   finalized */
} velo_lifetime;

/* Highest number of a parameter; the number of a named one as written (":a", "@a", "$a", "?7"; 0:
 * there is none); and the name of a number, NULL when it has none. */
VELO_API int velo_parameter_count(const velo_statement *statement);
VELO_API int velo_parameter_index(const velo_statement *statement, const char *name);
VELO_API const char *velo_parameter_name(const velo_statement *statement, int index);

/* Give a parameter its value; before that it is NULL. Parameters are counted from 1. `size` is in
 * bytes; of a text negative for up to its zero byte.
 *
 * errors  VELO_RANGE: no such parameter; VELO_MISUSE: the statement is at work; VELO_TOOBIG,
 *         VELO_NOMEM. The value stays as it was then */
VELO_API velo_status velo_bind_null(velo_statement *statement, int index);
VELO_API velo_status velo_bind_int64(velo_statement *statement, int index, int64_t value);
VELO_API velo_status velo_bind_double(velo_statement *statement, int index, double value);
VELO_API velo_status velo_bind_text(velo_statement *statement, int index, const char *text,
                                    int64_t size, velo_lifetime lifetime);
VELO_API velo_status velo_bind_blob(velo_statement *statement, int index, const void *data,
                                    int64_t size, velo_lifetime lifetime);

/* Give a parameter a pointer of the application, which SQL takes for NULL: a function that it is an
 * argument of finds it by velo_value_pointer. What is not passed straight on is NULL.
 *
 * type     says what it is: a static text
 * destroy  NULL, or called when the parameter gets another value, the statement is finalized, or
 *          this fails */
VELO_API velo_status velo_bind_pointer(velo_statement *statement, int index, void *pointer,
                                       const char *type, void (*destroy)(void *pointer));

/* Make all parameters NULL. */
VELO_API void velo_clear_bindings(velo_statement *statement);

/* ---- results ---- */

/* Storage classes, with SQLite's numbers. */
typedef enum velo_type {
    VELO_INTEGER = 1,
    VELO_REAL = 2,
    VELO_TEXT = 3,
    VELO_BLOB = 4,
    VELO_NULL = 5
} velo_type;

/* Columns of a row; 0 for a statement that yields none. */
VELO_API int velo_column_count(const velo_statement *statement);

/* Name of a column: its AS, or else the column's name, or else the expression's text. Valid until
 * the statement is finalized. NULL: no such column. */
VELO_API const char *velo_column_name(const velo_statement *statement, int column);

/* The declared type of the table's column that a result column is, or NULL. */
VELO_API const char *velo_column_declared_type(const velo_statement *statement, int column);

/* Names of the database, the table and the table's column that a result column is; NULL when it is
 * an expression. Valid until the statement is finalized or stepped for the first time. */
VELO_API const char *velo_column_database(const velo_statement *statement, int column);
VELO_API const char *velo_column_table(const velo_statement *statement, int column);
VELO_API const char *velo_column_origin(const velo_statement *statement, int column);

/* Values of the row at hand, columns counted from 0. Without a row, or such a column: NULL, 0, or
 * VELO_NULL. Numbers are converted as CAST does. Pointers are valid until the next step, reset or
 * finalize, or a call that converts the same column to another type; a blob of no bytes is NULL.
 * velo_column_bytes is the size of what velo_column_text or velo_column_blob gives, without the
 * zero byte. A text is NULL also when there is no memory for it. */
VELO_API velo_type velo_column_type(velo_statement *statement, int column);
VELO_API int64_t velo_column_int64(velo_statement *statement, int column);
VELO_API double velo_column_double(velo_statement *statement, int column);
VELO_API const char *velo_column_text(velo_statement *statement, int column);
VELO_API const void *velo_column_blob(velo_statement *statement, int column);
VELO_API int64_t velo_column_bytes(velo_statement *statement, int column);

/* ---- results as columns ---- */

/* The structs of the Arrow C data and stream interfaces, as its specification has them for everyone
 * to copy. */
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE           2
#define ARROW_FLAG_MAP_KEYS_SORTED    4

struct ArrowSchema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};
#endif

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};
#endif

/* Give the rows of a statement as batches of columns, struct arrays with a child for each column.
 *
 * A column is int64, float64, utf8 or binary: as its declared type says (INT, REAL, TEXT, BLOB and
 * what else SQLite takes for these) if all values of the first batch are that, integers below 2^53
 * in size being reals as well; or else what all of them are; utf8 where all are NULL. If they
 * differ it is a dense union of int64, float64, utf8, binary and null, by name integer, real, text,
 * blob and null. A later value that does not fit ends the stream with EINVAL and words that name
 * row and column: CAST makes a column of one type. Texts have to be UTF-8.
 *
 * statement   to be stepped for the first time, with its parameters; used by nothing else until the
 *             stream is released, which resets it
 * batch_rows  rows of a batch at most; 0: 65,536
 * is_owner    the release finalizes the statement instead
 * out         receives the stream; arrays and schemas that it gives live by themselves, longer than
 *             stream, statement and connection. Its functions return 0, ENOMEM, EINTR
 * (interrupted), EIO or EINVAL. It belongs to the connection's thread errors      of the first
 * batch: those of velo_step; VELO_MISMATCH: a text that is not UTF-8; VELO_MISUSE: no columns, or
 * at work. The statement is the caller's then */
VELO_API velo_status velo_arrow_stream(velo_statement *statement, int64_t batch_rows, int is_owner,
                                       struct ArrowArrayStream *out);

/* ---- values ---- */

/* The value of a column, valid as its texts are; NULL without such a column, or memory. */
VELO_API velo_value *velo_column_value(velo_statement *statement, int column);

/* What it is, and conversions as of columns. Texts and blobs live as long as the value. */
VELO_API velo_type velo_value_type(const velo_value *value);
VELO_API int64_t velo_value_int64(const velo_value *value);
VELO_API double velo_value_double(const velo_value *value);
VELO_API const char *velo_value_text(velo_value *value);
VELO_API const void *velo_value_blob(velo_value *value);
VELO_API int64_t velo_value_bytes(velo_value *value);

/* The type that it has as a number: of a text that reads like one VELO_INTEGER or VELO_REAL, else
 * its own. */
VELO_API velo_type velo_value_numeric_type(const velo_value *value);

/* The pointer that an argument of a function is; NULL: it is none, or of another type. */
VELO_API void *velo_value_pointer(const velo_value *value, const char *type);

/* Of an argument of a function: the number, up to 255, that the function whose result it is has put
 * beside it (velo_result_subtype), straight from call to call; 'J' (74) of what a JSON function has
 * made. 0: none. */
VELO_API unsigned velo_value_subtype(const velo_value *value);

/* Whether it is an argument of a function that is a parameter of the statement by itself. */
VELO_API int velo_value_is_parameter(const velo_value *value);

/* A copy that lives until velo_value_free; NULL: no memory. */
VELO_API velo_value *velo_value_copy(const velo_value *value);
VELO_API void velo_value_free(velo_value *value);

/* Give a parameter a copy of a value. Errors as of velo_bind_text. */
VELO_API velo_status velo_bind_value(velo_statement *statement, int index, const velo_value *value);

/* ---- many rows ---- */

/* Rows on their way into one table. They gather, and are inserted in groups of up to 2,048: as an
 * INSERT does it, with all constraints, indexes and triggers. */
typedef struct velo_appender velo_appender;

/* Begin to append to a table. Each group is committed by itself: say BEGIN before and COMMIT after
 * it if all is to be one transaction. The schema must not change meanwhile.
 *
 * database  NULL, or a name
 * columns   names of the columns that rows have, ended by NULL; others get their defaults. NULL:
 * all but generated ones, in their order appender  to be ended before the connection is closed
 * errors    VELO_ERROR: no such table or column; VELO_NOMEM, those of velo_prepare */
VELO_API velo_status velo_appender_begin(velo_connection *connection, const char *database,
                                         const char *table, const char *const *columns,
                                         velo_appender **appender);

/* Give a row its next value; texts and blobs are copied. size of a text negative: up to its zero
 * byte. Errors: VELO_MISUSE: the row has all; VELO_TOOBIG, VELO_NOMEM: it has one less. */
VELO_API velo_status velo_append_null(velo_appender *appender);
VELO_API velo_status velo_append_int64(velo_appender *appender, int64_t value);
VELO_API velo_status velo_append_double(velo_appender *appender, double value);
VELO_API velo_status velo_append_text(velo_appender *appender, const char *text, int64_t size);
VELO_API velo_status velo_append_blob(velo_appender *appender, const void *data, int64_t size);

/* Have rows passed over that cannot be inserted, in place of failing: `fails` is called with the
 * number of the row (counted from 1 since the beginning), why, and the message, in the order of the
 * rows, during velo_append_row, velo_append_columns, velo_appender_flush or velo_appender_end; it
 * uses neither the appender nor its connection. It returns 0: the row is left out, and the rest is
 * inserted; else the call fails. NULL: no row is passed over. */
typedef int velo_append_fails(void *user, int64_t row, velo_status status, const char *message);
VELO_API void velo_appender_pass_over(velo_appender *appender, velo_append_fails *fails,
                                      void *user);

/* End the row. Errors: VELO_MISUSE: a value is missing, and the row is dropped; those of
 * velo_appender_flush. */
VELO_API velo_status velo_append_row(velo_appender *appender);

/* Values of a column in many rows. */
typedef struct velo_array {
    velo_type type;         /* VELO_NULL: all are NULL */
    const void *values;     /* int64_t or double of each row; of texts and blobs all bytes */
    const int64_t *offsets; /* texts and blobs: where each begins, and the end of the last */
    const uint8_t *valid; /* NULL: all are there; or a bit for each row, the lowest of a byte first:
                             0: it is NULL */
} velo_array;

/* Append whole columns, an array for each, and insert them, after what has gathered: nothing is
 * borrowed afterwards. Errors as velo_appender_flush; VELO_MISUSE, for bad offsets or bytes that
 * are not there with the number of the row. Groups before the failure stay inserted. */
VELO_API velo_status velo_append_columns(velo_appender *appender, const velo_array *arrays,
                                         int count, int64_t rows);

/* Insert what has gathered. errors  those of velo_step, with the number of the row, counted from 1
 * since the beginning: then none of the group is inserted, and it is dropped; one may go on. Where
 * a constraint's ON CONFLICT ROLLBACK has ended the transaction that was open, several rows are
 * named, of which it was one */
VELO_API velo_status velo_appender_flush(velo_appender *appender);

/* Flush and end. It is gone whatever is returned. NULL is allowed. */
VELO_API velo_status velo_appender_end(velo_appender *appender);

/* ---- parts of values ---- */

/* A text or blob of one row, which is read and written in parts; its size does not change. Belongs
 * to a connection, which cannot be closed before it. */
typedef struct velo_blob velo_blob;

/* Open a value.
 *
 * database    NULL for any
 * is_writing  0: it is only read
 * errors      VELO_ERROR: there is no such table, column or rowid, or the value is no text or blob;
 *             those of velo_prepare and velo_step */
VELO_API velo_status velo_blob_open(velo_connection *connection, const char *database,
                                    const char *table, const char *column, int64_t rowid,
                                    int is_writing, velo_blob **blob);

/* Go to the same column of another row. Errors as of velo_blob_open: then the handle is only to be
 * closed. */
VELO_API velo_status velo_blob_reopen(velo_blob *blob, int64_t rowid);

/* Close the handle. NULL is allowed. */
VELO_API void velo_blob_close(velo_blob *blob);

/* Bytes of the value. */
VELO_API int64_t velo_blob_bytes(const velo_blob *blob);

/* Read and write `size` bytes from `offset` on. A write is a change of the row of its own,
 * committed at once outside of BEGIN; each costs as much as the whole value. It counts no changes
 * and is told to no hook.
 *
 * errors  VELO_ERROR: beyond the value's end; VELO_ABORT: the value was changed by something else,
 * the handle is only to be closed; VELO_READONLY: opened for reading; those of velo_step */
VELO_API velo_status velo_blob_read(velo_blob *blob, void *to, int64_t size, int64_t offset);
VELO_API velo_status velo_blob_write(velo_blob *blob, const void *from, int64_t size,
                                     int64_t offset);

/* ---- functions of the application ---- */

/* A call of such a function: valid while it runs. */
typedef struct velo_call velo_call;

/* The same arguments give the same result: may be called less often than there are rows, and in an
 * index, a CHECK constraint or a generated column. */
#define VELO_FUNCTION_DETERMINISTIC 0x1u
/* May be called from SQL that the application runs only, not from a schema. */
#define VELO_FUNCTION_DIRECT_ONLY 0x2u
/* Harmless wherever it is called from. */
#define VELO_FUNCTION_INNOCUOUS 0x4u

/* A function. Zero the struct, set `size`, `name` and either `scalar` or `step` and `final`; an
 * aggregate that OVER may stand behind has `value` and `inverse` as well.
 *
 * The callbacks run on the thread that steps the statement, tell their result with velo_result_...
 * (NULL when they tell none), and may run other statements of the connection. Not `final`: when the
 * statement was given up it is called to release what the state holds; its result is dropped. So it
 * is for a window function when a frame or partition ends, if it has memory (velo_call_state). */
typedef struct velo_function {
    size_t size;        /* sizeof(velo_function) */
    const char *name;   /* up to 255 bytes; copied */
    int argument_count; /* -1: any number; more than one function may have a name */
    unsigned flags;     /* VELO_FUNCTION_... */
    void *user;         /* for the callbacks */
    void (*scalar)(velo_call *call, int count, velo_value **arguments); /* for each row */
    void (*step)(velo_call *call, int count, velo_value **arguments);   /* for a group's row */
    void (*final)(velo_call *call);                                     /* the group's result */
    void (*value)(velo_call *call); /* a frame's result; rows may come and go afterwards */
    void (*inverse)(velo_call *call, int count, velo_value **arguments); /* the oldest row of a
                       frame leaves it. A frame may also be begun anew, after `final` */
    void (*destroy)(void *user); /* NULL, or called when the function goes: replaced, taken away,
                                    or its connection closed; also when creating it fails */
} velo_function;

/* Give a connection a function, in place of one with the same name and number of arguments; it goes
 * before the built-in ones. Without callbacks: take it away.
 *
 * errors  VELO_MISUSE: name, number of arguments or callbacks are wrong; VELO_BUSY: a statement is
 *         at work and there is one to be replaced; VELO_NOMEM */
VELO_API velo_status velo_create_function(velo_connection *connection,
                                          const velo_function *function);

/* ---- collations of the application ---- */

/* Give a connection a collation, in place of one with the same name (in any case). NULL for
 * `compare`: take it away.
 *
 * compare  negative, 0 or positive: left is less than right, equal, greater. It must give an order,
 *          always the same: else results are wrong, though nothing is damaged. The texts are
 *          borrowed, have any content, and do not end with a zero byte. It runs on the thread that
 *          steps or prepares a statement, and nothing is latched meanwhile
 * destroy  NULL, or called when the collation goes: replaced, taken away, or its connection closed;
 *          at once when creating it fails, or `compare` is NULL
 * errors   VELO_BUSY: a statement is at work and there is one to be replaced; VELO_MISUSE: no name,
 *          one of more than 255 bytes, or BINARY, NOCASE, RTRIM; VELO_FULL: a process can have
 *          252 names of collations; VELO_NOMEM
 *
 * A schema may name a collation that a connection does not have: statements that compare by it
 * fail, the others do not. Indexes by such a collation hold their texts in the order of BINARY, so
 * that they need nobody to be kept right; they are not used to find or sort by it. */
VELO_API velo_status velo_create_collation(velo_connection *connection, const char *name,
                                           int (*compare)(void *user, size_t left_size,
                                                          const void *left, size_t right_size,
                                                          const void *right),
                                           void *user, void (*destroy)(void *user));

/* Called when a statement that is prepared needs a collation that the connection does not have: it
 * may create it. NULL: none. */
VELO_API void velo_set_collation_needed(velo_connection *connection,
                                        void (*needed)(void *user, velo_connection *connection,
                                                       const char *name),
                                        void *user);

/* ---- calls of functions ---- */

/* What the call belongs to. */
VELO_API void *velo_call_user(const velo_call *call);
VELO_API velo_connection *velo_call_connection(const velo_call *call);

/* The memory of an aggregate's group, `size` bytes that are zeros at first: the same for all calls
 * of the group, given back after `final`. size 0: only if there is some already. NULL: there is
 * none, or no memory. */
VELO_API void *velo_call_state(velo_call *call, size_t size);

/* Something that is kept with a constant argument, counted from 0, from call to call of the same
 * place in the statement: a compiled pattern. It may be dropped at any time; of an argument that is
 * not constant after the call. `destroy` is called then, at once when there is no memory for it. */
VELO_API void *velo_call_get_auxiliary(const velo_call *call, int index);
VELO_API void velo_call_set_auxiliary(velo_call *call, int index, void *data,
                                      void (*destroy)(void *data));

/* Tell the result; the last one told counts. Bytes are copied; a text's size may be negative: up
 * to its zero byte. A text or blob of more than 1,000,000,000 bytes is the error VELO_TOOBIG. */
VELO_API void velo_result_null(velo_call *call);
VELO_API void velo_result_int64(velo_call *call, int64_t value);
VELO_API void velo_result_double(velo_call *call, double value);
VELO_API void velo_result_text(velo_call *call, const char *text, int64_t size);
VELO_API void velo_result_blob(velo_call *call, const void *data, int64_t size);
VELO_API void velo_result_zeroblob(velo_call *call, int64_t size);
VELO_API void velo_result_value(velo_call *call, const velo_value *value);

/* Put a number up to 255 beside the result, after it was told, for a function that has the call as
 * its argument (velo_value_subtype). 74 ('J') beside a text says that it is JSON. */
VELO_API void velo_result_subtype(velo_call *call, unsigned subtype);

/* The result is a pointer, as of velo_bind_pointer; `destroy` is called when the run ends. */
VELO_API void velo_result_pointer(velo_call *call, void *pointer, const char *type,
                                  void (*destroy)(void *pointer));

/* The call has failed: the statement ends with the code and the text (NULL: that of the code). */
VELO_API void velo_result_error(velo_call *call, velo_status status, const char *text);

/* ---- tables of the application ----
 *
 * A *module* makes tables whose rows the application has: for CREATE VIRTUAL TABLE ... USING
 * module(...), and, if it is eponymous, for its own name in FROM, as a function of its hidden
 * columns. What SQLite's documents say of virtual tables holds; numbers are SQLite's.
 *
 * All callbacks run on the thread that uses the connection, in the middle of a call of it; they may
 * run statements of it. What they return but VELO_OK ends the statement with the words of
 * velo_vtab_error, or those of the code. A table is what `create` and `connect` give, a cursor what
 * `open` gives: pointers of the application, which the library only hands back. */

/* How a column is restricted. From VELO_INDEX_FUNCTION on: what find_function has returned. */
typedef enum velo_index_operator {
    VELO_INDEX_EQ = 2,
    VELO_INDEX_GT = 4,
    VELO_INDEX_LE = 8,
    VELO_INDEX_LT = 16,
    VELO_INDEX_GE = 32,
    VELO_INDEX_MATCH = 64,
    VELO_INDEX_LIKE = 65,
    VELO_INDEX_GLOB = 66,
    VELO_INDEX_REGEXP = 67,
    VELO_INDEX_NE = 68,
    VELO_INDEX_IS_NOT = 69,
    VELO_INDEX_IS_NOT_NULL = 70,
    VELO_INDEX_IS_NULL = 71,
    VELO_INDEX_IS = 72,
    VELO_INDEX_LIMIT = 73,  /* of no column */
    VELO_INDEX_OFFSET = 74, /* of no column */
    VELO_INDEX_FUNCTION = 150
} velo_index_operator;

/* A condition that rows must meet. */
typedef struct velo_index_constraint {
    int column;              /* -1: the rowid */
    int op;                  /* velo_index_operator, or a number of find_function's */
    int is_usable;           /* its value is known when the scan begins; else it gets no argument */
    const char *collation;   /* by which it compares */
    int is_in;               /* IN: the scan is begun for each value, unless takes_list is set */
    const velo_value *value; /* what is compared with, when it is known already; or NULL */
    /* The answer; 0 at first. */
    int argument;   /* from 1: its value is that argument of `filter`; 0: it is not wanted */
    int is_omitted; /* the table decides it: it is not looked at again */
    int takes_list; /* IN: all values at once, which velo_value_list_next tells */
} velo_index_constraint;

/* A term of ORDER BY. */
typedef struct velo_index_order {
    int column; /* -1: the rowid */
    int is_descending;
} velo_index_order;

/* The scan finds one row at most. */
#define VELO_INDEX_UNIQUE 0x1u
/* EXPLAIN QUERY PLAN shows the number in hexadecimal digits. */
#define VELO_INDEX_HEX 0x2u

/* What a scan is asked for, and how it would do it. */
typedef struct velo_index_info {
    int constraint_count;
    velo_index_constraint *constraints;
    int order_count;
    const velo_index_order *orders;
    uint64_t columns_used; /* 1 << column; the last bit stands for all from 63 on */
    int distinct;          /* what the order is for: 0: ORDER BY; 1: groups come together */
    /* The answer. */
    int number;                    /* handed to `filter`; 0 at first */
    const char *text;              /* likewise; NULL at first. Copied */
    void (*free_text)(void *text); /* what to give it back with; NULL: nothing */
    int is_ordered;                /* rows come as `orders` say */
    double cost;                   /* estimated; very high at first */
    int64_t rows;                  /* estimated; 25 at first */
    unsigned flags;                /* VELO_INDEX_UNIQUE, VELO_INDEX_HEX */
} velo_index_info;

/* A module. Zero the struct, set `size`, `name`, `connect`, `best_index`, `disconnect`, `open`,
 * `close`, `filter`, `next`, `eof` and `column`; the others may be NULL.
 *
 * create       CREATE VIRTUAL TABLE: make what lasts, and the table. `arguments` are the module's
 *              name, the database's, the table's, then those in parentheses as written. It calls
 *              velo_declare_vtab. NULL: an eponymous module only; the same as `connect`: one that
 *              can be used in both ways
 * connect      the table again, for a connection that does not have it yet
 * best_index   how a scan would be done, when a statement is prepared; VELO_CONSTRAINT: not so
 * disconnect   the connection does not use the table any more
 * destroy      DROP TABLE: the table and what lasts are to go
 * filter       begin a scan with the number and text of best_index
 * column       tell a value with velo_result_...
 * update       change a row. One value: delete the row of this rowid. More: the old rowid (NULL:
 *              insert), the new one (NULL: choose one, told by *rowid), then all columns. NULL: the
 *              table is read-only. Of a table WITHOUT ROWID its primary key is in their place
 * begin...     the table is part of a transaction from `begin` on, up to `commit` or `rollback`;
 *              `sync` may refuse the commit
 * find_function  functions whose first argument (of infix operators: whose left side) is a column
 *              of the table: 1 and the function, or a number from VELO_INDEX_FUNCTION on to have it
 *              offered as a constraint too; 0: none. `destroy` of the function is not called. The
 *              name must be known with that number of arguments: one that means nothing elsewhere
 *              needs a function that fails
 * rename       the table gets another name; NULL: it cannot
 * savepoint, release, rollback_to  by numbers that rise
 * is_shadow    whether a table TABLE_name belongs to the module
 * integrity    tell in *message, to be given back with `free_message`, what is wrong */
typedef struct velo_module {
    size_t size;
    const char *name; /* copied */
    void *user;       /* for create and connect */
    velo_status (*create)(velo_connection *connection, void *user, int count,
                          const char *const *arguments, void **table);
    velo_status (*connect)(velo_connection *connection, void *user, int count,
                           const char *const *arguments, void **table);
    velo_status (*best_index)(void *table, velo_index_info *info);
    velo_status (*disconnect)(void *table);
    velo_status (*destroy)(void *table);
    velo_status (*open)(void *table, void **cursor);
    velo_status (*close)(void *cursor);
    velo_status (*filter)(void *cursor, int number, const char *text, int count,
                          velo_value **arguments);
    velo_status (*next)(void *cursor);
    int (*eof)(void *cursor);
    velo_status (*column)(void *cursor, velo_call *call, int column);
    velo_status (*rowid)(void *cursor, int64_t *rowid);
    velo_status (*update)(void *table, int count, velo_value **values, int64_t *rowid);
    velo_status (*begin)(void *table);
    velo_status (*sync)(void *table);
    velo_status (*commit)(void *table);
    velo_status (*rollback)(void *table);
    int (*find_function)(void *table, int count, const char *name, velo_function *function);
    velo_status (*rename)(void *table, const char *name);
    velo_status (*savepoint)(void *table, int number);
    velo_status (*release)(void *table, int number);
    velo_status (*rollback_to)(void *table, int number);
    int (*is_shadow)(const char *name);
    velo_status (*integrity)(void *table, const char *database, const char *name, int is_quick,
                             char **message);
    void (*free_message)(void *message);
    void (*destroy_user)(void *user); /* NULL, or called when the module goes; also when creating it
                                         fails */
} velo_module;

/* Give a connection a module, in place of one of the same name; tables that the older one has made
 * go on with it. With `connect` NULL: take it away.
 *
 * errors  VELO_MISUSE: a callback is missing, or the name is wrong; VELO_NOMEM */
VELO_API velo_status velo_create_module(velo_connection *connection, const velo_module *module);

/* Take all modules away but those named in `keep`, a list that ends with NULL (NULL: all). */
VELO_API velo_status velo_drop_modules(velo_connection *connection, const char *const *keep);

/* Within create and connect: tell the columns by the text of a CREATE TABLE. A column whose type
 * has the word HIDDEN is not among those of a star, nor of an INSERT without a list.
 *
 * errors  VELO_ERROR: the text is wrong; VELO_MISUSE: nothing is being created, or it was told */
VELO_API velo_status velo_declare_vtab(velo_connection *connection, const char *sql);

/* Disconnect all virtual tables that no statement uses: they may hold statements of their own,
 * which keep the connection from being closed. */
VELO_API void velo_disconnect_tables(velo_connection *connection);

/* What velo_vtab_config sets, with SQLite's numbers. */
typedef enum velo_vtab_option {
    VELO_VTAB_CONSTRAINT_SUPPORT = 1, /* value 1: `update` obeys velo_vtab_on_conflict, and has
                                         changed nothing when it returns VELO_CONSTRAINT */
    VELO_VTAB_INNOCUOUS = 2,          /* harmless wherever it is used from */
    VELO_VTAB_DIRECT_ONLY = 3,        /* not to be used from views and triggers */
    VELO_VTAB_USES_ALL_SCHEMAS = 4
} velo_vtab_option;

/* Within create and connect. Errors: VELO_MISUSE. */
VELO_API velo_status velo_vtab_config(velo_connection *connection, velo_vtab_option option,
                                      int value);

/* Within `update`: what the statement says about conflicts, with SQLite's numbers: 1 ROLLBACK, 2
 * IGNORE, 3 FAIL, 4 ABORT, 5 REPLACE. */
VELO_API int velo_vtab_on_conflict(const velo_connection *connection);

/* Within any callback: the words of the failure that it will return. Copied. */
VELO_API void velo_vtab_error(velo_connection *connection, const char *text);

/* The next value of an argument that takes a list; is_first: begin. Valid until the next call. NULL
 * behind the last, or when the argument is no list. */
VELO_API velo_value *velo_value_list_next(velo_value *list, int is_first);

/* Whether an argument takes a list. */
VELO_API int velo_value_is_list(const velo_value *value);

/* Within `column`: whether the value is only asked for to be given back to `update`, since the
 * UPDATE does not change the column. If nothing is told with velo_result_..., then
 * velo_value_is_unchanged says so of that argument of `update`, which is NULL. */
VELO_API int velo_vtab_nochange(const velo_call *call);
VELO_API int velo_value_is_unchanged(const velo_value *value);

/* ---- functions in FROM ---- */

/* A function that yields rows: an eponymous module for common use. Zero the struct, and set all but
 * `user`, `end` and `destroy`, which may be NULL.
 *
 * begin   a call: `arguments` has `argument_count` values, NULL where none was given; *state is
 * what the others get next    go to the first row, then to the next: VELO_ROW, VELO_DONE or a
 * failure (with the words of velo_vtab_error) column  tell a value of the row with velo_result_...
 * end     the call is over; not after a failure of begin */
typedef struct velo_table_function {
    size_t size; /* sizeof(velo_table_function) */
    const char *name;
    const char *const *columns; /* names of column_count columns */
    int column_count;
    const char *const *arguments; /* names of argument_count arguments, by which WHERE knows them */
    int argument_count;
    int required_count; /* so many of the first must be given */
    void *user;
    velo_status (*begin)(velo_connection *connection, void *user, int count, velo_value **arguments,
                         void **state);
    velo_status (*next)(void *state);
    void (*column)(void *state, velo_call *call, int column);
    void (*end)(void *state);
    void (*destroy)(void *user); /* as of velo_function */
} velo_table_function;

/* Give a connection such a function. It is taken away as the module of its name. Errors: as of
 * velo_create_module. */
VELO_API velo_status velo_create_table_function(velo_connection *connection,
                                                const velo_table_function *function);

#ifdef __cplusplus
}
#endif

#endif
