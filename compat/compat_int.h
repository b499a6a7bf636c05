/* compat_int.h - what the files of the SQLite library share.
 *
 * Everything here stands on velocidb.h alone. A handle of SQLite is a struct of ours that holds the
 * handle of VelociDB; codes are VelociDB's, which are SQLite's.
 *
 * Errors. A call on a connection begins with compat_enter, which takes its mutex, and ends with
 * compat_leave, which notes the code. The words of an error are the core's, or ours in db->message
 * when the failure was found here (compat_fail). */
#ifndef COMPAT_INT_H
#define COMPAT_INT_H

#include "sqlite3.h"
#include "velocidb.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define COMPAT_LIMITS 12

/* Most bytes of a text or blob: SQLITE_LIMIT_LENGTH at first. */
#define COMPAT_LENGTH_MAX 1000000000

typedef enum compat_life {
    COMPAT_OPEN = 0x2f6a11d0,   /* as it should be */
    COMPAT_SICK = 0x2f6a11d1,   /* opening failed: tells its error and is closed */
    COMPAT_ZOMBIE = 0x2f6a11d2, /* closed by sqlite3_close_v2, waits for its statements */
    COMPAT_CLOSED = 0x2f6a11d3  /* freed */
} compat_life;

/* Where the words of the last error are. */
typedef enum compat_words {
    COMPAT_WORDS_CODE, /* those of the code */
    COMPAT_WORDS_CORE, /* velo_error_text */
    COMPAT_WORDS_OWN   /* db->message */
} compat_words;

/* A mutex of SQLite's interface. */
struct sqlite3_mutex {
    pthread_mutex_t mutex;
    int kind;
};

/* Hooks of a connection: hook.c. */
typedef struct compat_hooks {
    void *commit_arg;
    void *rollback_arg;
    void (*update)(void *, int, char const *, char const *, sqlite3_int64);
    void *update_arg;
    int (*trace)(unsigned, void *, void *, void *);
    void *trace_arg;
    void (*old_trace)(void *, const char *); /* sqlite3_trace */
    void *old_trace_arg;
    void (*profile)(void *, const char *, sqlite3_uint64);
    void *profile_arg;
    unsigned trace_mask;
    int (*authorizer)(void *, int, const char *, const char *, const char *, const char *);
    void *authorizer_arg;
    int (*wal)(void *, sqlite3 *, const char *, int);
    void *wal_arg;
} compat_hooks;

struct sqlite3 {
    _Atomic compat_life life; /* looked at before the mutex is taken */
    int has_mutex;            /* opened without SQLITE_OPEN_NOMUTEX */
    sqlite3_mutex mutex;      /* recursive */
    velo_connection *core;    /* NULL: there was no memory, or the name was refused */
    sqlite3_stmt *statements;
    int code;           /* extended code of the last call */
    int is_extended;    /* calls return extended codes */
    compat_words words; /* see there */
    char message[512];  /* for COMPAT_WORDS_OWN */
    void *message16;    /* what sqlite3_errmsg16 gave last */
    int error_offset;   /* of the last error in its text; -1 */
    int flags;          /* of opening, as a URI has changed them */
    int given_flags;    /* as they were given: what ATTACH may do */
    char *filename;     /* a sqlite3_filename (uri.c) */
    int is_memory;      /* the database is in memory, whatever the name says */
    int limits[COMPAT_LIMITS];
    unsigned config_bits; /* answers of sqlite3_db_config */
    int has_no_triggers;  /* SQLITE_DBCONFIG_ENABLE_TRIGGER is off */
    char *metadata;       /* what sqlite3_table_column_metadata gave last */
    int pending;          /* code of a failure to open that is told by the first statement, or 0 */
    int busy_ms;          /* see sqlite3_busy_timeout; kept for a later try to open */
    int (*busy)(void *arg, int count);
    void *busy_arg;
    compat_hooks hooks;
    int may_load;     /* sqlite3_load_extension works */
    int may_load_sql; /* load_extension() works */
    void **libraries; /* of extensions, library_count of them: dlopen's */
    int library_count;
    void (*collation_needed)(void *, sqlite3 *, int, const char *); /* or NULL */
    void (*collation_needed16)(void *, sqlite3 *, int, const void *);
    void *collation_arg; /* of either */
    int blob_count;      /* handles of blobs that are open */
    void (*preupdate)(void *, sqlite3 *, int, char const *, char const *, sqlite3_int64,
                      sqlite3_int64); /* or NULL */
    void *preupdate_arg;
    struct compat_preupdate *change;   /* that the hook is told of at the moment, or NULL */
    struct compat_client *clients;     /* what sqlite3_set_clientdata has kept */
    char *attached_name;               /* a sqlite3_filename: of the last ATTACH */
    struct compat_filename *filenames; /* those of sqlite3_db_filename for attached files */
};

/* The name of an attached file. */
typedef struct compat_filename {
    struct compat_filename *next;
    sqlite3_filename name;
} compat_filename;

struct sqlite3_value {
    velo_value *core;
    void *text16[2];   /* little and big end first; malloc; made when asked for */
    int size16[2];     /* bytes of them */
    int is_own;        /* made by sqlite3_value_dup: core belongs to it */
    sqlite3_value *at; /* of a list: what sqlite3_vtab_in_next gave last; or NULL */
};

struct sqlite3_stmt {
    sqlite3 *db;
    sqlite3_stmt *next; /* of the connection, newest first */
    sqlite3_stmt *prev;
    velo_statement *core;
    sqlite3_value *values; /* of each column, what sqlite3_column_value and text16 gave; or NULL */
    int value_count;
    int is_legacy; /* sqlite3_prepare: step says SQLITE_ERROR, reset says which */
    int has_row;
    int64_t counts[10];        /* SQLITE_STMTSTATUS_...: counted here, or what was reset */
    struct compat_name *names; /* texts in UTF-16 that were asked for */
    char *normalized;          /* what sqlite3_normalized_sql gave; or NULL */
};

/* A function of SQLite behind one of velocidb.h. */
typedef struct compat_function {
    sqlite3 *db;
    void *user;
    sqlite3_scalar_function *scalar;
    sqlite3_scalar_function *step;
    sqlite3_final_function *final;
    sqlite3_final_function *value;    /* of a window function; or NULL */
    sqlite3_scalar_function *inverse; /* likewise */
    void (*destroy)(void *);
} compat_function;

struct sqlite3_context {
    velo_call *call;
    const compat_function *function;
};

/* ---- connections: connection.c ---- */

/* Begin a call: whether the handle can be used; then its mutex is held. */
int compat_enter(sqlite3 *db);

/* End it with a code of the core, whose words are the core's; returns what the caller returns. */
int compat_leave(sqlite3 *db, int code);

/* Note a failure that was found here. Returns the code, for compat_leave_own. */
int compat_fail(sqlite3 *db, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* End a call whose code and words compat_fail has noted, or which succeeded. */
int compat_leave_own(sqlite3 *db, int code);

/* What a call that was refused before compat_enter returns. */
int compat_misuse(void);

/* Bytes that came with a destructor were copied, or not taken: call it, if it is a function. */
void compat_give_back(const void *data, sqlite3_destructor_type destroy);

/* The connection is a zombie and its last statement is gone: free it. The mutex is held. */
void compat_bury(sqlite3 *db);

static inline void
compat_lock(sqlite3 *db)
{
    if (db->has_mutex)
        (void)pthread_mutex_lock(&db->mutex.mutex);
}

static inline void
compat_unlock(sqlite3 *db)
{
    if (db->has_mutex)
        (void)pthread_mutex_unlock(&db->mutex.mutex);
}

/* Whether the database is open; tries again what failed at first because somebody else had the
 * file. Returns 0, or the code that the call at work fails with, already noted. */
int compat_revive(sqlite3 *db);

/* Refuse what is not supported, in words; returns SQLITE_ERROR. */
int compat_refuse(sqlite3 *db, const char *function);

/* The only one that databases are opened with: vfs.c. */
sqlite3_vfs *compat_vfs_own(void);

/* ---- names of files: uri.c ---- */

/* A file's name as sqlite3_open_v2 takes it. */
typedef struct compat_uri {
    char *filename; /* a sqlite3_filename: the path, then its parameters; sqlite3_malloc */
    int flags;      /* changed as mode= and cache= say */
    int is_memory;
    char message[256]; /* what is wrong */
} compat_uri;

int compat_uri_read(const char *name, int flags, compat_uri *uri);
int compat_uri_is_on(void);
void compat_uri_set(int is_on);

/* ---- UTF-16: utf16.c ---- */

/* UTF-16 of the machine from `size` bytes of UTF-8, with two zero bytes behind; *out_size receives
 * the bytes before those. sqlite3_malloc; NULL: no memory. */
void *compat_to_utf16(const char *text, int64_t size, int is_big, int *out_size);

/* UTF-8 from UTF-16. size negative: up to its zero; a mark at the beginning tells the order. */
char *compat_from_utf16(const void *text, int64_t size, int is_big, int64_t *out_size);

/* Bytes of a text in UTF-16 before its zero. */
int64_t compat_utf16_size(const void *text);

int compat_machine_is_big(void);

/* ---- mutex.c ---- */

/* Whether a connection opened with these flags has a mutex: global.c. */
int compat_wants_mutex(int flags);

/* Make a recursive mutex; 0 on failure. */
int compat_mutex_init(sqlite3_mutex *mutex);

/* ---- statements: statement.c ---- */

/* Free what a statement has of its row's values. */
void compat_values_drop(sqlite3_stmt *stmt);
void compat_value_drop(sqlite3_value *value);

/* The copy of a text in UTF-16 that lives as long as the statement. */
const void *compat_name16(sqlite3_stmt *stmt, const char *name);

/* ---- functions: function.c ---- */

/* velo_function.scalar of a compat_function. */
void compat_function_scalar(velo_call *call, int count, velo_value **arguments);

/* ---- extensions: extension.c ---- */

/* Run the extensions that every connection has, on a new one; returns a code that was noted. */
int compat_extensions_run(sqlite3 *db);

/* Unload what the connection has loaded. */
void compat_extensions_unload(sqlite3 *db);

/* ---- client.c ---- */

/* Let everything go that an application keeps with a connection. */
void compat_clients_drop(sqlite3 *db);

/* ---- texts: printf.c ---- */

char *compat_copy(const char *text);

#endif
