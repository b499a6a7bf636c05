/* connection.c - opening and closing connections, their errors, counters and settings.
 *
 * Invariants
 *   CO1  A handle that is not OPEN or SICK is refused with SQLITE_MISUSE wherever that can be told.
 *   CO2  A zombie has statements; when the last one is finalized it is freed.
 *   CO3  db->code is what the last call returned, in full; its words are where db->words says. */
#define _GNU_SOURCE
#include "compat_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- calls ---- */

int
compat_misuse(void)
{
    sqlite3_log(SQLITE_MISUSE, "misuse of the interface");
    return SQLITE_MISUSE;
}

int
compat_enter(sqlite3 *db)
{
    if (db == NULL || db->life != COMPAT_OPEN)
        return 0;
    compat_lock(db);
    return 1;
}

static int
connection_code(const sqlite3 *db, int code)
{
    return db->is_extended ? code : code & 0xff;
}

int
compat_leave(sqlite3 *db, int code)
{
    int result;

    db->code = code;
    if (code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE) {
        db->words = COMPAT_WORDS_CORE;
        db->error_offset = velo_error_offset(db->core);
    } else {
        db->words = COMPAT_WORDS_CODE;
    }
    result = connection_code(db, code);
    compat_unlock(db);
    return result;
}

int
compat_fail(sqlite3 *db, int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(db->message, sizeof db->message, format, args);
    va_end(args);
    db->code = code;
    db->words = COMPAT_WORDS_OWN;
    db->error_offset = -1;
    return code;
}

int
compat_leave_own(sqlite3 *db, int code)
{
    int result = connection_code(db, code);

    if (code == SQLITE_OK) {
        db->code = code;
        db->words = COMPAT_WORDS_CODE;
    }
    compat_unlock(db);
    return result;
}

int
compat_refuse(sqlite3 *db, const char *function)
{
    if (!compat_enter(db))
        return compat_misuse();
    return compat_leave_own(
        db, compat_fail(db, SQLITE_ERROR, "%s is not supported by VelociDB", function));
}

/* ---- errors ---- */

const char *
sqlite3_errstr(int code)
{
    static const char *const words[] = {
        "not an error",
        "SQL logic error",
        NULL,
        "access permission denied",
        "query aborted",
        "database is locked",
        "database table is locked",
        "out of memory",
        "attempt to write a readonly database",
        "interrupted",
        "disk I/O error",
        "database disk image is malformed",
        "unknown operation",
        "database or disk is full",
        "unable to open database file",
        "locking protocol",
        NULL,
        "database schema has changed",
        "string or blob too big",
        "constraint failed",
        "datatype mismatch",
        "bad parameter or other API misuse",
        NULL,
        "authorization denied",
        NULL,
        "column index out of range",
        "file is not a database",
        "notification message",
        "warning message",
    };
    const char *word = NULL;

    if (code == SQLITE_ABORT_ROLLBACK)
        return "abort due to ROLLBACK";
    if (code == SQLITE_ROW)
        return "another row available";
    if (code == SQLITE_DONE)
        return "no more rows available";
    code &= 0xff;
    if ((size_t)code < sizeof words / sizeof words[0])
        word = words[code];
    return word != NULL ? word : "unknown error";
}

int
sqlite3_errcode(sqlite3 *db)
{
    int code;

    if (db == NULL)
        return SQLITE_NOMEM;
    if (db->life != COMPAT_OPEN && db->life != COMPAT_SICK)
        return compat_misuse();
    compat_lock(db);
    code = connection_code(db, db->code);
    compat_unlock(db);
    return code;
}

int
sqlite3_extended_errcode(sqlite3 *db)
{
    int code;

    if (db == NULL)
        return SQLITE_NOMEM;
    if (db->life != COMPAT_OPEN && db->life != COMPAT_SICK)
        return compat_misuse();
    compat_lock(db);
    code = db->code;
    compat_unlock(db);
    return code;
}

/* The words of the last error; the mutex is held. */
static const char *
connection_words(const sqlite3 *db)
{
    switch (db->words) {
    case COMPAT_WORDS_CORE:
        /* The core may have been called for something else since; the words are then the code's. */
        return (int)velo_error_code(db->core) == db->code ? velo_error_text(db->core)
                                                          : sqlite3_errstr(db->code);
    case COMPAT_WORDS_OWN:
        return db->message;
    case COMPAT_WORDS_CODE:
        break;
    }
    return sqlite3_errstr(db->code);
}

const char *
sqlite3_errmsg(sqlite3 *db)
{
    const char *words;

    if (db == NULL)
        return sqlite3_errstr(SQLITE_NOMEM);
    if (db->life != COMPAT_OPEN && db->life != COMPAT_SICK)
        return sqlite3_errstr(compat_misuse());
    compat_lock(db);
    words = connection_words(db);
    compat_unlock(db);
    return words;
}

const void *
sqlite3_errmsg16(sqlite3 *db)
{
    static const uint16_t no_memory[] = {'o', 'u', 't', ' ', 'o', 'f', ' ',
                                         'm', 'e', 'm', 'o', 'r', 'y', 0};
    const char *text = sqlite3_errmsg(db);
    void *text16;

    if (db == NULL)
        return no_memory;
    text16 = compat_to_utf16(text, (int64_t)strlen(text), compat_machine_is_big(), NULL);
    if (text16 == NULL)
        return no_memory;
    sqlite3_free(db->message16);
    db->message16 = text16;
    return text16;
}

int
sqlite3_error_offset(sqlite3 *db)
{
    int offset;

    if (!compat_enter(db))
        return -1;
    offset = db->words == COMPAT_WORDS_CORE ? db->error_offset : -1;
    compat_unlock(db);
    return offset;
}

int
sqlite3_system_errno(sqlite3 *db)
{
    (void)db;
    return 0;
}

int
sqlite3_extended_result_codes(sqlite3 *db, int on)
{
    if (!compat_enter(db))
        return compat_misuse();
    db->is_extended = on != 0;
    compat_unlock(db);
    return SQLITE_OK;
}

/* ---- opening ---- */

static void
connection_set_limits(sqlite3 *db)
{
    static const int limits[COMPAT_LIMITS] = {COMPAT_LENGTH_MAX,
                                              COMPAT_LENGTH_MAX,
                                              2000,
                                              1000,
                                              500,
                                              250000000,
                                              1000,
                                              10,
                                              50000,
                                              250000,
                                              1000,
                                              0};

    memcpy(db->limits, limits, sizeof limits);
}

/* Whether a file of SQLite's is to be converted in its place: the URI says `sqlite_files=convert`,
 * or the environment does for all. */
static int
connection_may_convert(const sqlite3 *db)
{
    const char *choice = sqlite3_uri_parameter(db->filename, "sqlite_files");

    if (choice == NULL)
        choice = getenv("VELO_SQLITE_FILES");
    return choice != NULL && strcmp(choice, "convert") == 0;
}

/* What ATTACH opens: a URI is taken apart where the connection's own name would be. */
static velo_status
connection_attach(void *user, const char *name, velo_attach_target *target)
{
    sqlite3 *db = user;
    compat_uri uri;
    int code = compat_uri_read(name, db->given_flags & ~SQLITE_OPEN_MEMORY, &uri);

    sqlite3_free_filename(db->attached_name);
    db->attached_name = uri.filename;
    if (code != SQLITE_OK) {
        (void)snprintf(target->message, sizeof target->message, "%s",
                       uri.message[0] != 0 ? uri.message : "out of memory");
        return (velo_status)code;
    }
    target->path = uri.is_memory ? NULL : uri.filename;
    target->options.must_exist = (uri.flags & SQLITE_OPEN_CREATE) == 0;
    target->options.is_read_only = (uri.flags & SQLITE_OPEN_READONLY) != 0;
    if (uri.is_memory && (uri.flags & SQLITE_OPEN_SHAREDCACHE) != 0 && uri.filename[0] != 0)
        target->options.memory_name = uri.filename;
    return VELO_OK;
}

static velo_status
connection_open_core(sqlite3 *db)
{
    velo_open_options options;
    velo_status st;

    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.must_exist = (db->flags & SQLITE_OPEN_CREATE) == 0;
    options.is_read_only = (db->flags & SQLITE_OPEN_READONLY) != 0;
    if (connection_may_convert(db))
        options.sqlite_files = VELO_SQLITE_CONVERT;
    if (db->is_memory) /* no file has to exist */
        options.must_exist = 0;
    if (db->is_memory && (db->flags & SQLITE_OPEN_SHAREDCACHE) != 0 && db->filename[0] != 0)
        options.memory_name = db->filename;
    st = velo_open(db->is_memory ? NULL : db->filename, &options, &db->core);
    if (st == VELO_OK) {
        velo_set_attach_hook(db->core, connection_attach, db);
        (void)velo_set_attached_limit(db->core, db->limits[SQLITE_LIMIT_ATTACHED]);
    }
    return st;
}

/* A failure to open that SQLite would notice when the file is read first. */
static int
connection_is_late(velo_status st)
{
    return st == VELO_NOTADB || st == VELO_CORRUPT || (st & 0xff) == VELO_BUSY;
}

static void
connection_apply_busy(sqlite3 *db)
{
    if (db->busy != NULL)
        velo_set_busy_handler(db->core, db->busy, db->busy_arg);
    else
        velo_set_busy_timeout(db->core, db->busy_ms);
}

int
compat_revive(sqlite3 *db)
{
    velo_status st;
    int count = 0;

    if (db->pending == 0)
        return SQLITE_OK;
    for (;;) {
        (void)velo_close(db->core);
        db->core = NULL;
        st = connection_open_core(db);
        if ((st & 0xff) != VELO_BUSY)
            break;
        if (db->busy != NULL ? db->busy(db->busy_arg, count) == 0 : count * 10 >= db->busy_ms)
            break;
        if (db->busy == NULL)
            (void)sqlite3_sleep(10);
        count++;
    }
    if (st == VELO_OK) {
        db->pending = 0;
        connection_apply_busy(db);
        return SQLITE_OK;
    }
    db->pending = (int)st;
    if (st == VELO_NOTADB && !velo_is_sqlite_file(db->filename))
        return compat_fail(db, (int)st, "file is not a database");
    return compat_fail(db, (int)st, "%s",
                       db->core == NULL ? "out of memory" : velo_error_text(db->core));
}

static int
connection_start(sqlite3 *db, const char *name, const char *vfs)
{
    compat_uri uri;
    velo_status st;
    int code;

    if (sqlite3_vfs_find(vfs) == NULL)
        return compat_fail(db, SQLITE_ERROR, "no such vfs: %s", vfs == NULL ? "" : vfs);
    if (sqlite3_vfs_find(vfs) != compat_vfs_own())
        return compat_fail(db, SQLITE_ERROR, "databases cannot be opened with the VFS %s",
                           sqlite3_vfs_find(vfs)->zName);
    code = compat_uri_read(name == NULL ? "" : name, db->flags, &uri);
    db->filename = uri.filename;
    db->flags = uri.flags;
    if (code != SQLITE_OK)
        return compat_fail(db, code, "%s", uri.message[0] != 0 ? uri.message : "out of memory");
    db->is_memory = uri.is_memory || db->filename[0] == 0;
    st = connection_open_core(db);
    if (connection_is_late(st)) {
        db->pending = (int)st;
        return SQLITE_OK;
    }
    if (st != VELO_OK) {
        db->code = (int)st;
        db->words = db->core == NULL ? COMPAT_WORDS_CODE : COMPAT_WORDS_CORE;
        if ((st & 0xff) == VELO_CANTOPEN || st == VELO_NOTFOUND) {
            (void)compat_fail(db, SQLITE_CANTOPEN, "unable to open database file");
            return SQLITE_CANTOPEN;
        }
    }
    return (int)st;
}

int
sqlite3_open_v2(const char *name, sqlite3 **out, int flags, const char *vfs)
{
    int mode = flags & (SQLITE_OPEN_READONLY | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    sqlite3 *db;
    int code;

    if (out == NULL)
        return compat_misuse();
    *out = NULL;
    if (mode != SQLITE_OPEN_READONLY && mode != SQLITE_OPEN_READWRITE &&
        mode != (SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE))
        return compat_misuse();
    code = sqlite3_initialize();
    if (code != SQLITE_OK)
        return code;
    db = sqlite3_malloc64(sizeof *db);
    if (db == NULL)
        return SQLITE_NOMEM;
    memset(db, 0, sizeof *db);
    db->life = COMPAT_OPEN;
    db->flags = db->given_flags = flags;
    db->is_extended = (flags & SQLITE_OPEN_EXRESCODE) != 0;
    db->error_offset = -1;
    db->has_mutex = compat_wants_mutex(flags);
    connection_set_limits(db);
    if (db->has_mutex && !compat_mutex_init(&db->mutex)) {
        sqlite3_free(db);
        return SQLITE_NOMEM;
    }
    *out = db;
    code = connection_start(db, name, vfs);
    if (code == SQLITE_OK)
        code = compat_extensions_run(db);
    if (code == SQLITE_OK)
        return SQLITE_OK;
    db->life = COMPAT_SICK;
    return connection_code(db, code);
}

int
sqlite3_open(const char *name, sqlite3 **db)
{
    return sqlite3_open_v2(name, db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
}

int
sqlite3_open16(const void *name, sqlite3 **db)
{
    char *name8;
    int code;

    if (db == NULL)
        return compat_misuse();
    *db = NULL;
    if (name == NULL)
        return sqlite3_open(NULL, db);
    name8 = compat_from_utf16(name, -1, compat_machine_is_big(), NULL);
    if (name8 == NULL)
        return SQLITE_NOMEM;
    code = sqlite3_open(name8, db);
    sqlite3_free(name8);
    return code;
}

/* ---- closing ---- */

static int
connection_free(sqlite3 *db)
{
    velo_status st = velo_close(db->core);

    db->core = NULL;
    compat_clients_drop(db);
    compat_extensions_unload(db); /* after all destructors: they may be an extension's */
    sqlite3_free_filename(db->filename);
    sqlite3_free_filename(db->attached_name);
    while (db->filenames != NULL) {
        compat_filename *name = db->filenames;

        db->filenames = name->next;
        sqlite3_free_filename(name->name);
        sqlite3_free(name);
    }
    sqlite3_free(db->message16);
    sqlite3_free(db->metadata);
    db->life = COMPAT_CLOSED;
    if (db->has_mutex) {
        (void)pthread_mutex_unlock(&db->mutex.mutex);
        (void)pthread_mutex_destroy(&db->mutex.mutex);
    }
    sqlite3_free(db);
    return (int)st & 0xff;
}

void
compat_bury(sqlite3 *db)
{
    (void)connection_free(db);
}

static int
connection_close(sqlite3 *db, int may_wait)
{
    if (db == NULL)
        return SQLITE_OK;
    if (db->life != COMPAT_OPEN && db->life != COMPAT_SICK)
        return compat_misuse();
    compat_lock(db);
    if (db->life == COMPAT_OPEN)
        velo_disconnect_tables(db->core); /* they may hold statements */
    if ((db->statements != NULL || db->blob_count > 0) && !may_wait)
        return compat_leave_own(db, compat_fail(db, SQLITE_BUSY,
                                                "unable to close due to unfinalized statements or "
                                                "unfinished backups"));
    if (db->statements != NULL || db->blob_count > 0) {
        db->life = COMPAT_ZOMBIE;
        compat_unlock(db);
        return SQLITE_OK;
    }
    /* What could not be written at the end is in the log: SQLite's close does not fail for it. */
    (void)connection_free(db);
    return SQLITE_OK;
}

int
sqlite3_close(sqlite3 *db)
{
    return connection_close(db, 0);
}

int
sqlite3_close_v2(sqlite3 *db)
{
    return connection_close(db, 1);
}

/* ---- counters ---- */

/* A number that the core tells of a connection. */
static sqlite3_int64
connection_number(sqlite3 *db, int64_t (*tell)(const velo_connection *connection))
{
    sqlite3_int64 number = 0;

    if (!compat_enter(db))
        return 0;
    if (db->core != NULL)
        number = tell(db->core);
    compat_unlock(db);
    return number;
}

sqlite3_int64
sqlite3_changes64(sqlite3 *db)
{
    return connection_number(db, velo_changes);
}

int
sqlite3_changes(sqlite3 *db)
{
    return (int)sqlite3_changes64(db);
}

sqlite3_int64
sqlite3_total_changes64(sqlite3 *db)
{
    return connection_number(db, velo_total_changes);
}

int
sqlite3_total_changes(sqlite3 *db)
{
    return (int)sqlite3_total_changes64(db);
}

sqlite3_int64
sqlite3_last_insert_rowid(sqlite3 *db)
{
    return connection_number(db, velo_last_insert_rowid);
}

void
sqlite3_set_last_insert_rowid(sqlite3 *db, sqlite3_int64 rowid)
{
    if (!compat_enter(db))
        return;
    velo_set_last_insert_rowid(db->core, rowid);
    compat_unlock(db);
}

int
sqlite3_get_autocommit(sqlite3 *db)
{
    int is_on = 1;

    if (!compat_enter(db))
        return 1;
    if (db->core != NULL)
        is_on = !velo_in_transaction(db->core);
    compat_unlock(db);
    return is_on;
}

int
sqlite3_txn_state(sqlite3 *db, const char *schema)
{
    int state = -1;

    if (!compat_enter(db))
        return -1;
    if (db->pending != 0)
        state = schema == NULL ? SQLITE_TXN_NONE : -1;
    else
        state = schema == NULL ? (int)velo_get_transaction_state(db->core)
                               : velo_database_state(db->core, schema);
    compat_unlock(db);
    return state;
}

/* ---- settings ---- */

int
sqlite3_busy_timeout(sqlite3 *db, int ms)
{
    if (!compat_enter(db))
        return compat_misuse();
    db->busy_ms = ms < 0 ? 0 : ms;
    db->busy = NULL;
    connection_apply_busy(db);
    return compat_leave_own(db, SQLITE_OK);
}

int
sqlite3_busy_handler(sqlite3 *db, int (*handler)(void *, int), void *arg)
{
    if (!compat_enter(db))
        return compat_misuse();
    db->busy_ms = 0;
    db->busy = handler;
    db->busy_arg = arg;
    connection_apply_busy(db);
    return compat_leave_own(db, SQLITE_OK);
}

void
sqlite3_interrupt(sqlite3 *db)
{
    if (db == NULL || (db->life != COMPAT_OPEN && db->life != COMPAT_ZOMBIE) || db->core == NULL)
        return;
    velo_interrupt(db->core);
}

int
sqlite3_is_interrupted(sqlite3 *db)
{
    return db != NULL && db->core != NULL && velo_is_interrupted(db->core);
}

/* As in SQLite's library without blocking locks: sqlite3_busy_timeout says how long is waited. */
int
sqlite3_setlk_timeout(sqlite3 *db, int timeout_ms, int flags)
{
    (void)flags;
    if (!compat_enter(db))
        return compat_misuse();
    compat_unlock(db);
    return timeout_ms < -1 ? SQLITE_RANGE : SQLITE_OK;
}

int
sqlite3_set_errmsg(sqlite3 *db, int code, const char *message)
{
    if (!compat_enter(db))
        return compat_misuse();
    (void)compat_fail(db, code, "%s", message != NULL ? message : sqlite3_errstr(code));
    if (message == NULL)
        db->words = COMPAT_WORDS_CODE;
    compat_unlock(db);
    return SQLITE_OK;
}

int
sqlite3_limit(sqlite3 *db, int id, int value)
{
    static const int most[COMPAT_LIMITS] = {COMPAT_LENGTH_MAX,
                                            COMPAT_LENGTH_MAX,
                                            2000,
                                            1000,
                                            500,
                                            250000000,
                                            1000,
                                            10,
                                            50000,
                                            250000,
                                            1000,
                                            8};
    int before;

    if (id < 0 || id >= COMPAT_LIMITS || !compat_enter(db))
        return -1;
    before = db->limits[id];
    if (value >= 0)
        db->limits[id] = value > most[id] ? most[id] : value;
    if (id == SQLITE_LIMIT_LENGTH && value >= 0 && value < 30)
        db->limits[id] = 30;
    if (id == SQLITE_LIMIT_FUNCTION_ARG && value >= 0 && db->pending == 0)
        velo_set_argument_limit(db->core, db->limits[id]);
    if (id == SQLITE_LIMIT_ATTACHED && db->core != NULL)
        (void)velo_set_attached_limit(db->core, db->limits[id]);
    compat_unlock(db);
    return before;
}

sqlite3_mutex *
sqlite3_db_mutex(sqlite3 *db)
{
    return db == NULL || !db->has_mutex ? NULL : &db->mutex;
}

/* ---- names ---- */

const char *
sqlite3_db_name(sqlite3 *db, int index)
{
    if (db == NULL || db->life != COMPAT_OPEN)
        return NULL;
    if (db->pending != 0)
        return index == 0 ? "main" : index == 1 ? "temp" : NULL;
    return velo_database_name(db->core, index);
}

/* The sqlite3_filename of an attached file, made once; NULL: no memory. */
static sqlite3_filename
connection_filename(sqlite3 *db, const char *path)
{
    compat_filename *known = db->filenames;
    char *journal;

    while (known != NULL && strcmp(known->name, path) != 0)
        known = known->next;
    if (known != NULL)
        return known->name;
    known = sqlite3_malloc64(sizeof *known);
    journal = sqlite3_mprintf("%s-journal", path);
    if (known != NULL && journal != NULL) {
        known->name = sqlite3_create_filename(path, journal, "", 0, NULL);
        if (known->name != NULL) {
            known->next = db->filenames;
            db->filenames = known;
            sqlite3_free(journal);
            return known->name;
        }
    }
    sqlite3_free(journal);
    sqlite3_free(known);
    return NULL;
}

sqlite3_filename
sqlite3_db_filename(sqlite3 *db, const char *schema)
{
    static const char nothing[16] = {0}; /* a sqlite3_filename without path and parameters */
    const char *path;

    if (db == NULL || db->life != COMPAT_OPEN)
        return NULL;
    if (schema == NULL || sqlite3_stricmp(schema, "main") == 0)
        return db->is_memory ? nothing + sizeof nothing / 2 : db->filename;
    path = db->pending != 0 ? NULL : velo_database_path(db->core, schema);
    if (path == NULL)
        return sqlite3_stricmp(schema, "temp") == 0 ? nothing + sizeof nothing / 2 : NULL;
    return path[0] == 0 ? nothing + sizeof nothing / 2 : connection_filename(db, path);
}

int
sqlite3_db_readonly(sqlite3 *db, const char *schema)
{
    if (db == NULL || db->life != COMPAT_OPEN)
        return -1;
    if (schema == NULL || sqlite3_stricmp(schema, "main") == 0)
        return (db->flags & SQLITE_OPEN_READONLY) != 0;
    if (db->pending == 0)
        return velo_database_is_read_only(db->core, schema);
    return sqlite3_stricmp(schema, "temp") == 0 ? 0 : -1;
}
