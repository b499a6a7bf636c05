/* velocidb.h - the public interface of VelociDB, an embedded SQL database.
 *
 * This is the only header a program includes. It needs nothing but the C library, compiles as C17
 * and as C++, and uses plain types that any foreign-function interface can describe.
 *
 * State of this version: status codes, version and a report about the machine. Connections and
 * statements are added to this header as the engine below them is finished. */
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

    VELO_BUSY_RECOVERY = 5 | (1 << 8), /* another process recovers the file */
    VELO_BUSY_SNAPSHOT = 5 | (2 << 8), /* the row changed after the transaction's snapshot */
    VELO_BUSY_TIMEOUT = 5 | (3 << 8),  /* the wait was longer than the busy timeout */

    VELO_READONLY_RECOVERY = 8 | (1 << 8),  /* needs recovery, but the medium is read-only */
    VELO_READONLY_CANTLOCK = 8 | (2 << 8),  /* cannot take the lock that writing needs */
    VELO_READONLY_DIRECTORY = 8 | (6 << 8), /* the folder is not writable */

    VELO_IOERR_READ = 10 | (1 << 8),        /* read failed */
    VELO_IOERR_SHORT_READ = 10 | (2 << 8),  /* the file ends before the bytes asked for */
    VELO_IOERR_WRITE = 10 | (3 << 8),       /* write failed */
    VELO_IOERR_FSYNC = 10 | (4 << 8),       /* sync failed: what was written may be gone */
    VELO_IOERR_DIR_FSYNC = 10 | (5 << 8),   /* sync of a folder failed */
    VELO_IOERR_TRUNCATE = 10 | (6 << 8),    /* changing the file's size failed */
    VELO_IOERR_FSTAT = 10 | (7 << 8),       /* asking for the file's properties failed */
    VELO_IOERR_UNLOCK = 10 | (8 << 8),      /* releasing a lock failed */
    VELO_IOERR_RDLOCK = 10 | (9 << 8),      /* taking a shared lock failed */
    VELO_IOERR_DELETE = 10 | (10 << 8),     /* deleting the file failed */
    VELO_IOERR_NOMEM = 10 | (12 << 8),      /* the system had no memory for the operation */
    VELO_IOERR_ACCESS = 10 | (13 << 8),     /* looking for the file failed */
    VELO_IOERR_LOCK = 10 | (15 << 8),       /* taking a lock failed */
    VELO_IOERR_CLOSE = 10 | (16 << 8),      /* close failed */
    VELO_IOERR_MMAP = 10 | (24 << 8),       /* mapping the file failed */
    VELO_IOERR_CORRUPTFS = 10 | (33 << 8),  /* the file system reports that it is damaged */
    VELO_CANTOPEN_ISDIR = 14 | (2 << 8),    /* it is a folder */
    VELO_CANTOPEN_FULLPATH = 14 | (3 << 8), /* the path cannot be resolved, or is too long */
    VELO_CANTOPEN_SYMLINK = 14 | (6 << 8)   /* too many symbolic links */
} velo_status;

/* Return the library's version, "major.minor.patch". Static text; callable at any time from any
 * thread. */
VELO_API const char *velo_version(void);

/* Return the library's version as a number that grows with every release: VELO_VERSION_NUMBER of
 * the library in use, which may differ from that of the header a program was compiled with. */
VELO_API int velo_version_number(void);

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

#ifdef __cplusplus
}
#endif

#endif
