/* global.c - what belongs to the process: version, settings, time, chance; and settings of
 * connections that VelociDB has no use for. */
#define _GNU_SOURCE
#include "compat_int.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/* Set by the build when SQLite's shell is to start (CMakeLists.txt). */
#ifndef COMPAT_SOURCE_ID
#define COMPAT_SOURCE_ID SQLITE_SOURCE_ID
#endif

const char sqlite3_version[] = SQLITE_VERSION;
char *sqlite3_temp_directory;
char *sqlite3_data_directory;

/* SQLITE_CONFIG_SINGLETHREAD, _MULTITHREAD, _SERIALIZED. */
static _Atomic int global_threading = SQLITE_CONFIG_SERIALIZED;
static _Atomic int global_is_initialized;

typedef void global_logger(void *arg, int code, const char *text);

/* Set before the library is used, as sqlite3_config demands. */
static global_logger *global_log;
static void *global_log_arg;

/* ---- what this is ---- */

const char *
sqlite3_libversion(void)
{
    return sqlite3_version;
}

int
sqlite3_libversion_number(void)
{
    return SQLITE_VERSION_NUMBER;
}

const char *
sqlite3_sourceid(void)
{
    return COMPAT_SOURCE_ID;
}

int
sqlite3_threadsafe(void)
{
    return 1;
}

static const char *const global_options[] = {
    "ENABLE_COLUMN_METADATA", "ENABLE_MATH_FUNCTIONS",
    "ENABLE_UNLOCK_NOTIFY",   "MAX_VARIABLE_NUMBER=250000",
    "OMIT_SHARED_CACHE",      "TEMP_STORE=1",
    "THREADSAFE=1",
};

const char *
sqlite3_compileoption_get(int index)
{
    if (index < 0 || (size_t)index >= sizeof global_options / sizeof global_options[0])
        return NULL;
    return global_options[index];
}

int
sqlite3_compileoption_used(const char *name)
{
    const char *option;
    int size;

    if (name == NULL)
        return 0;
    if (sqlite3_strnicmp(name, "SQLITE_", 7) == 0)
        name += 7;
    size = (int)strlen(name);
    for (int i = 0; (option = sqlite3_compileoption_get(i)) != NULL; i++)
        if (sqlite3_strnicmp(option, name, size) == 0 && (option[size] == 0 || option[size] == '='))
            return 1;
    return 0;
}

/* ---- beginning and end ---- */

int
sqlite3_initialize(void)
{
    atomic_store_explicit(&global_is_initialized, 1, memory_order_relaxed);
    return SQLITE_OK;
}

int
sqlite3_shutdown(void)
{
    atomic_store_explicit(&global_is_initialized, 0, memory_order_relaxed);
    return SQLITE_OK;
}

int
sqlite3_os_init(void)
{
    return SQLITE_OK;
}

int
sqlite3_os_end(void)
{
    return SQLITE_OK;
}

int
compat_wants_mutex(int flags)
{
    int threading = atomic_load_explicit(&global_threading, memory_order_relaxed);

    if ((flags & SQLITE_OPEN_NOMUTEX) != 0 || threading == SQLITE_CONFIG_SINGLETHREAD)
        return 0;
    return (flags & SQLITE_OPEN_FULLMUTEX) != 0 || threading == SQLITE_CONFIG_SERIALIZED;
}

static int
global_configure(int option, va_list *args)
{
    switch (option) {
    case SQLITE_CONFIG_SINGLETHREAD:
    case SQLITE_CONFIG_MULTITHREAD:
    case SQLITE_CONFIG_SERIALIZED:
        atomic_store_explicit(&global_threading, option, memory_order_relaxed);
        return SQLITE_OK;
    case SQLITE_CONFIG_LOG:
        global_log = va_arg(*args, global_logger *);
        global_log_arg = va_arg(*args, void *);
        return SQLITE_OK;
    case SQLITE_CONFIG_URI:
        compat_uri_set(va_arg(*args, int) != 0);
        return SQLITE_OK;
    case SQLITE_CONFIG_PCACHE_HDRSZ:
        *va_arg(*args, int *) = 0; /* pages have no headers in the application's memory */
        return SQLITE_OK;
    /* Hints about memory that VelociDB arranges otherwise: answered as SQLite does where it has
     * been built without them. */
    case SQLITE_CONFIG_MEMSTATUS:
    case SQLITE_CONFIG_LOOKASIDE:
    case SQLITE_CONFIG_PAGECACHE:
    case SQLITE_CONFIG_SCRATCH:
    case SQLITE_CONFIG_MMAP_SIZE:
    case SQLITE_CONFIG_COVERING_INDEX_SCAN:
    case SQLITE_CONFIG_PMASZ:
    case SQLITE_CONFIG_STMTJRNL_SPILL:
    case SQLITE_CONFIG_SORTERREF_SIZE:
    case SQLITE_CONFIG_SMALL_MALLOC:
    case SQLITE_CONFIG_MEMDB_MAXSIZE:
        return SQLITE_OK;
    default:
        return SQLITE_ERROR;
    }
}

int
sqlite3_config(int option, ...)
{
    va_list args;
    int code;

    if (atomic_load_explicit(&global_is_initialized, memory_order_relaxed))
        return compat_misuse();
    va_start(args, option);
    code = global_configure(option, &args);
    va_end(args);
    return code;
}

void
sqlite3_log(int code, const char *format, ...)
{
    char text[512];
    va_list args;

    if (global_log == NULL)
        return;
    va_start(args, format);
    (void)sqlite3_vsnprintf((int)sizeof text, text, format, args);
    va_end(args);
    global_log(global_log_arg, code, text);
}

int
sqlite3_enable_shared_cache(int on)
{
    (void)on; /* connections to one file share an engine anyway */
    return SQLITE_OK;
}

int
sqlite3_global_recover(void)
{
    return SQLITE_OK;
}

void
sqlite3_thread_cleanup(void)
{
}

int
sqlite3_memory_alarm(void (*alarm)(void *, sqlite3_int64, int), void *arg, sqlite3_int64 threshold)
{
    (void)alarm;
    (void)arg;
    (void)threshold;
    return SQLITE_OK;
}

int
sqlite3_test_control(int op, ...)
{
    (void)op;
    return SQLITE_OK; /* as for numbers that SQLite does not know */
}

int
sqlite3_sleep(int ms)
{
    struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

    if (ms <= 0)
        return 0;
    while (nanosleep(&wait, &wait) != 0 && errno == EINTR)
        continue;
    return ms;
}

void
sqlite3_randomness(int size, void *to)
{
    unsigned char *at = to;

    while (size > 0 && at != NULL) {
        ssize_t got = getrandom(at, (size_t)size, 0);

        if (got <= 0) {
            if (errno == EINTR)
                continue;
            memset(at, 0x5a, (size_t)size); /* there is no failure to tell */
            return;
        }
        at += got;
        size -= (int)got;
    }
}

/* ---- texts of SQL ---- */

int
sqlite3_complete(const char *sql)
{
    return sql != NULL && velo_is_complete(sql);
}

int
sqlite3_complete16(const void *sql)
{
    char *text;
    int is_complete;

    if (sql == NULL)
        return 0;
    text = compat_from_utf16(sql, -1, compat_machine_is_big(), NULL);
    if (text == NULL)
        return SQLITE_NOMEM;
    is_complete = velo_is_complete(text);
    sqlite3_free(text);
    return is_complete;
}

/* ---- settings of a connection ---- */

/* The PRAGMA that a setting is the same as, or NULL. */
static const char *
global_db_pragma(int op)
{
    switch (op) {
    case SQLITE_DBCONFIG_ENABLE_FKEY:
        return "foreign_keys";
    case SQLITE_DBCONFIG_WRITABLE_SCHEMA:
        return "writable_schema";
    case SQLITE_DBCONFIG_TRUSTED_SCHEMA:
        return "trusted_schema";
    case SQLITE_DBCONFIG_LEGACY_ALTER_TABLE:
        return "legacy_alter_table";
    default:
        return NULL;
    }
}

/* Set a PRAGMA of yes or no, unless `on` is below 0, and read it. */
static int
global_db_set_pragma(sqlite3 *db, const char *name, int on, int *result)
{
    sqlite3_stmt *stmt = NULL;
    char sql[64];
    int code;

    (void)snprintf(sql, sizeof sql, "PRAGMA %s=%d", name, on > 0);
    code = on < 0 ? SQLITE_OK : sqlite3_exec(db, sql, NULL, NULL, NULL);
    if (code != SQLITE_OK || result == NULL)
        return code;
    (void)snprintf(sql, sizeof sql, "PRAGMA %s", name);
    code = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    if (code == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
        *result = sqlite3_column_int(stmt, 0);
    return code == SQLITE_OK ? sqlite3_finalize(stmt) : code;
}

/* Other settings only have an answer: they change nothing here, and those which would matter can
 * only have the value that VelociDB goes by. */
static int
global_db_flag(sqlite3 *db, int op, int on, int *result)
{
    unsigned bit = 1U << (op - SQLITE_DBCONFIG_ENABLE_FKEY);
    int is_wrong = 0;

    if (global_db_pragma(op) != NULL)
        return global_db_set_pragma(db, global_db_pragma(op), on, result);
    if (op == SQLITE_DBCONFIG_RESET_DATABASE)
        is_wrong = on > 0;
    if (op == SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION) { /* not load_extension() of SQL */
        if (on >= 0)
            db->may_load = on != 0;
        if (result != NULL)
            *result = db->may_load;
        return SQLITE_OK;
    }
    if (op == SQLITE_DBCONFIG_ENABLE_TRIGGER && on >= 0) {
        if (compat_revive(db) != SQLITE_OK)
            return db->code;
        velo_enable_triggers(db->core, on);
        db->has_no_triggers = on == 0;
    }
    if (op == SQLITE_DBCONFIG_DEFENSIVE && on >= 0) {
        if (compat_revive(db) != SQLITE_OK)
            return db->code;
        velo_set_defensive(db->core, on);
    }
    if (op == SQLITE_DBCONFIG_ENABLE_VIEW)
        is_wrong = on == 0;
    if (is_wrong)
        return compat_fail(db, SQLITE_ERROR, "setting %d is not supported by VelociDB", op);
    if (on >= 0)
        db->config_bits = on ? db->config_bits | bit : db->config_bits & ~bit;
    if (result != NULL)
        *result = op == SQLITE_DBCONFIG_ENABLE_TRIGGER ? !db->has_no_triggers
                  : op == SQLITE_DBCONFIG_ENABLE_VIEW  ? 1
                                                       : (db->config_bits & bit) != 0;
    return SQLITE_OK;
}

int
sqlite3_db_config(sqlite3 *db, int op, ...)
{
    va_list args;
    int code = SQLITE_ERROR;

    if (!compat_enter(db))
        return compat_misuse();
    va_start(args, op);
    if (op == SQLITE_DBCONFIG_LOOKASIDE) {
        code = SQLITE_OK;
    } else if (op >= SQLITE_DBCONFIG_ENABLE_FKEY && op <= SQLITE_DBCONFIG_MAX) {
        int on = va_arg(args, int);
        int *result = va_arg(args, int *);

        code = global_db_flag(db, op, on, result);
    }
    va_end(args);
    if (code != SQLITE_OK && op == SQLITE_DBCONFIG_MAINDBNAME)
        code = compat_fail(db, SQLITE_ERROR, "the main database cannot have another name");
    return compat_leave_own(db, code);
}

/* What is counted; the others are 0. */
static uint64_t
global_db_status(const velo_statistics *statistics, int op)
{
    switch (op) {
    case SQLITE_DBSTATUS_CACHE_USED:
    case SQLITE_DBSTATUS_CACHE_USED_SHARED:
        return statistics->cache_bytes;
    case SQLITE_DBSTATUS_SCHEMA_USED:
        return statistics->schema_bytes;
    case SQLITE_DBSTATUS_STMT_USED:
        return statistics->statement_bytes;
    case SQLITE_DBSTATUS_CACHE_MISS:
        return statistics->pages_read;
    case SQLITE_DBSTATUS_CACHE_WRITE:
    case SQLITE_DBSTATUS_CACHE_SPILL:
        return statistics->pages_written_evicting;
    case SQLITE_DBSTATUS_DEFERRED_FKS:
        return statistics->deferred_violations != 0;
    default:
        return 0;
    }
}

static int
global_as_int(uint64_t number)
{
    return number > INT_MAX ? INT_MAX : (int)number;
}

int
sqlite3_db_status64(sqlite3 *db, int op, sqlite3_int64 *current, sqlite3_int64 *peak, int reset)
{
    velo_statistics statistics;

    (void)reset;
    if (db == NULL || current == NULL || peak == NULL)
        return compat_misuse();
    if (op < 0 || op > SQLITE_DBSTATUS_MAX)
        return SQLITE_ERROR;
    *current = *peak = 0;
    if (!compat_enter(db))
        return compat_misuse();
    memset(&statistics, 0, sizeof statistics);
    statistics.size = sizeof statistics;
    if (db->pending == 0)
        (void)velo_get_statistics(db->core, NULL, &statistics);
    compat_unlock(db);
    *current = (sqlite3_int64)global_db_status(&statistics, op);
    return SQLITE_OK;
}

int
sqlite3_db_status(sqlite3 *db, int op, int *current, int *peak, int reset)
{
    sqlite3_int64 now;
    sqlite3_int64 most;
    int code;

    if (db == NULL || current == NULL || peak == NULL)
        return compat_misuse();
    code = sqlite3_db_status64(db, op, &now, &most, reset);
    if (code != SQLITE_OK)
        return code;
    *current = global_as_int((uint64_t)now);
    *peak = global_as_int((uint64_t)most);
    return SQLITE_OK;
}

int
sqlite3_db_release_memory(sqlite3 *db)
{
    return db == NULL ? compat_misuse() : SQLITE_OK;
}

int
sqlite3_db_cacheflush(sqlite3 *db)
{
    return db == NULL ? compat_misuse() : SQLITE_OK;
}

int
sqlite3_table_column_metadata(sqlite3 *db, const char *schema, const char *table,
                              const char *column, char const **type, char const **collation,
                              int *not_null, int *primary_key, int *autoincrement)
{
    velo_column_info info;
    velo_status st;

    if (table == NULL || !compat_enter(db))
        return compat_misuse();
    memset(&info, 0, sizeof info);
    info.size = sizeof info;
    if (compat_revive(db) != SQLITE_OK)
        return compat_leave_own(db, db->code);
    st = velo_find_column(db->core, schema, table, column, &info);
    if (st != VELO_OK || column == NULL) {
        info.type = info.collation = NULL;
        info.is_not_null = info.is_primary_key = info.is_autoincrement = 0;
    }
    if (st == VELO_OK && column == NULL) { /* as of a rowid: so does SQLite */
        info.type = "INTEGER";
        info.collation = "BINARY";
        info.is_primary_key = 1;
    }
    if (type != NULL)
        *type = info.type;
    if (collation != NULL)
        *collation = info.collation;
    if (not_null != NULL)
        *not_null = info.is_not_null;
    if (primary_key != NULL)
        *primary_key = info.is_primary_key;
    if (autoincrement != NULL)
        *autoincrement = info.is_autoincrement;
    return compat_leave(db, (int)st);
}

int
sqlite3_unlock_notify(sqlite3 *db, void (*notify)(void **, int), void *arg)
{
    if (db == NULL)
        return compat_misuse();
    if (notify != NULL)
        notify(&arg, 1); /* nothing of shared caches is ever in the way */
    return SQLITE_OK;
}

/* ---- the log ---- */

int
sqlite3_wal_checkpoint_v2(sqlite3 *db, const char *schema, int mode, int *log, int *done)
{
    static const char *const modes[] = {"PASSIVE", "FULL", "RESTART", "TRUNCATE"};
    sqlite3_stmt *stmt = NULL;
    char *text;
    int is_busy = 0;
    int code;

    if (log != NULL)
        *log = -1;
    if (done != NULL)
        *done = -1;
    if (mode < SQLITE_CHECKPOINT_PASSIVE || mode > SQLITE_CHECKPOINT_TRUNCATE)
        return compat_misuse();
    if (!compat_enter(db))
        return compat_misuse();
    if (schema != NULL && schema[0] != 0 &&
        (db->pending != 0 || velo_database_path(db->core, schema) == NULL))
        return compat_leave_own(db, compat_fail(db, SQLITE_ERROR, "unknown database: %s", schema));
    text = schema == NULL || schema[0] == 0
               ? sqlite3_mprintf("PRAGMA wal_checkpoint(%s)", modes[mode])
               : sqlite3_mprintf("PRAGMA \"%w\".wal_checkpoint(%s)", schema, modes[mode]);
    code = text == NULL ? SQLITE_NOMEM : sqlite3_prepare_v2(db, text, -1, &stmt, NULL);
    sqlite3_free(text);
    if (code == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        is_busy = sqlite3_column_int(stmt, 0);
        if (log != NULL)
            *log = sqlite3_column_int(stmt, 1);
        if (done != NULL)
            *done = sqlite3_column_int(stmt, 2);
    }
    if (code == SQLITE_OK)
        code = sqlite3_finalize(stmt);
    compat_unlock(db);
    return code == SQLITE_OK && is_busy ? SQLITE_BUSY : code;
}

int
sqlite3_wal_checkpoint(sqlite3 *db, const char *schema)
{
    return sqlite3_wal_checkpoint_v2(db, schema, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

int
sqlite3_wal_autocheckpoint(sqlite3 *db, int pages)
{
    (void)pages; /* VelociDB checkpoints by itself; nobody can tell the difference */
    return db == NULL ? compat_misuse() : SQLITE_OK;
}

/* ---- the file ---- */

int
sqlite3_file_control(sqlite3 *db, const char *schema, int op, void *arg)
{
    int code = SQLITE_OK;
    int persist;

    if (!compat_enter(db))
        return compat_misuse();
    if (schema != NULL && sqlite3_stricmp(schema, "main") != 0 &&
        (db->pending != 0 || velo_database_path(db->core, schema) == NULL)) {
        code = SQLITE_ERROR;
    } else if (op == SQLITE_FCNTL_VFSNAME && arg != NULL) {
        char *name = compat_copy("unix");

        memcpy(arg, &name, sizeof name);
    } else if (op == SQLITE_FCNTL_HAS_MOVED && arg != NULL) {
        persist = 0;
        memcpy(arg, &persist, sizeof persist);
    } else if ((op == SQLITE_FCNTL_PERSIST_WAL || op == SQLITE_FCNTL_POWERSAFE_OVERWRITE) &&
               arg != NULL) {
        persist = op == SQLITE_FCNTL_POWERSAFE_OVERWRITE;
        memcpy(arg, &persist, sizeof persist);
    } else if (op != SQLITE_FCNTL_SIZE_HINT && op != SQLITE_FCNTL_CHUNK_SIZE) {
        code = SQLITE_NOTFOUND;
    }
    if (code == SQLITE_ERROR)
        (void)compat_fail(db, code, "unknown database: %s", schema);
    else if (code == SQLITE_NOTFOUND)
        (void)compat_fail(db, code, "%s", sqlite3_errstr(code));
    return compat_leave_own(db, code);
}
