/* test_compat_memory.c - SQLite's interface without memory, and how much of it a connection keeps.
 *
 * The program has the library in it and stands between it and the C library's malloc (the linker's
 * --wrap). Each task uses a group of entries; it is run again and again, at first with the first
 * request for memory failing, then with the second, and so on until nothing fails; once with that
 * request alone, and once with all from there on. A task ends with SQLITE_OK or SQLITE_NOMEM, the
 * database is whole, and what it has is what the task's end says; when all is closed, no memory is
 * left. Only requests of the thread that runs the tasks fail. */
#define _GNU_SOURCE
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Most bytes that a connection may keep when it was used and is idle. */
#define MEMORY_PER_CONNECTION (64 * 1024)

/* The linker's names: what the library calls, and what there is behind it. */
void *memory_real_malloc(size_t size) __asm__("__real_malloc");
void *memory_real_realloc(void *block, size_t size) __asm__("__real_realloc");
void *memory_real_aligned_alloc(size_t align, size_t size) __asm__("__real_aligned_alloc");
void *memory_wrap_malloc(size_t size) __asm__("__wrap_malloc");
void *memory_wrap_realloc(void *block, size_t size) __asm__("__wrap_realloc");
void *memory_wrap_aligned_alloc(size_t align, size_t size) __asm__("__wrap_aligned_alloc");

static _Thread_local long memory_left;     /* requests until one fails; 0: none does */
static _Thread_local int memory_is_sticky; /* all after it fail, too */
static _Thread_local long memory_failures;

static int memory_failed;
static int memory_passed;
static char memory_folder[64];

#define EXPECT(condition, ...)                                                                     \
    do {                                                                                           \
        if (condition) {                                                                           \
            memory_passed++;                                                                       \
        } else {                                                                                   \
            memory_failed++;                                                                       \
            printf("%s:%d: %s: ", __FILE__, __LINE__, #condition);                                 \
            printf(__VA_ARGS__);                                                                   \
            printf("\n");                                                                          \
        }                                                                                          \
    } while (0)

/* ---- failing ---- */

static int
memory_may_have(void)
{
    if (memory_left == 0)
        return 1;
    memory_left--;
    if (memory_left > 0)
        return 1;
    if (memory_is_sticky)
        memory_left = 1;
    memory_failures++;
    return 0;
}

void *
memory_wrap_malloc(size_t size)
{
    return memory_may_have() ? memory_real_malloc(size) : NULL;
}

void *
memory_wrap_realloc(void *block, size_t size)
{
    return memory_may_have() ? memory_real_realloc(block, size) : NULL;
}

void *
memory_wrap_aligned_alloc(size_t align, size_t size)
{
    return memory_may_have() ? memory_real_aligned_alloc(align, size) : NULL;
}

/* ---- helpers ---- */

static const char *
memory_path(const char *name)
{
    static char path[2][100];
    static int at;

    at = 1 - at;
    (void)snprintf(path[at], sizeof path[at], "%s/%s", memory_folder, name);
    return path[at];
}

static int
memory_run(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* The only integer of a query; -1 when it fails. */
static sqlite3_int64
memory_number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    sqlite3_int64 number = -1;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        number = sqlite3_column_int64(stmt, 0);
    (void)sqlite3_finalize(stmt);
    return number;
}

/* SQLITE_OK if a pointer is there. */
static int
memory_got(const void *pointer)
{
    return pointer != NULL ? SQLITE_OK : SQLITE_NOMEM;
}

/* ---- tasks: statements ---- */

static int
task_exec(sqlite3 *db)
{
    char **rows = NULL;
    int columns = 0;
    int count = 0;
    int code = memory_run(db, "BEGIN; INSERT INTO t VALUES (100, 'x'), (101, 'y');"
                              "UPDATE t SET b = b || 'z' WHERE a >= 100;"
                              "DELETE FROM t WHERE a >= 100; COMMIT");

    if (code == SQLITE_OK)
        code = sqlite3_get_table(db, "SELECT a, b FROM t ORDER BY b DESC", &rows, &count, &columns,
                                 NULL);
    if (code == SQLITE_OK)
        EXPECT(count == 3 && columns == 2, "%d rows of %d", count, columns);
    sqlite3_free_table(rows);
    return code;
}

static int
task_error(sqlite3 *db)
{
    char *message = NULL;
    int code = sqlite3_exec(db, "SELECT nosuch FROM t", NULL, NULL, &message);

    sqlite3_free(message);
    if (code == SQLITE_ERROR)
        code = SQLITE_OK;
    if (code == SQLITE_OK)
        code = memory_got(sqlite3_errmsg16(db));
    return code;
}

static int
task_bind(sqlite3_stmt *stmt)
{
    static const char wide[] = "w\0i\0d\0e\0\0";
    int code = sqlite3_bind_text(stmt, 1, "text", -1, SQLITE_TRANSIENT);

    if (code == SQLITE_OK)
        code = sqlite3_bind_text16(stmt, 2, wide, -1, SQLITE_TRANSIENT);
    if (code == SQLITE_OK)
        code = sqlite3_bind_text64(stmt, 3, wide, 8, SQLITE_TRANSIENT, SQLITE_UTF16LE);
    if (code == SQLITE_OK)
        code = sqlite3_bind_blob64(stmt, 4, "blob", 4, SQLITE_TRANSIENT);
    if (code == SQLITE_OK)
        code = sqlite3_bind_blob(stmt, 5, "blob", 4, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_bind_zeroblob(stmt, 6, 40);
    if (code == SQLITE_OK)
        code = sqlite3_bind_pointer(stmt, 7, memory_folder, "folder", NULL);
    if (code == SQLITE_OK)
        code = sqlite3_bind_zeroblob64(stmt, 8, 20);
    return code;
}

static int
task_columns(sqlite3_stmt *stmt)
{
    sqlite3_value *copy = sqlite3_value_dup(sqlite3_column_value(stmt, 0));
    int code = memory_got(copy);

    if (code == SQLITE_OK)
        code = memory_got(sqlite3_value_text16(copy));
    if (code == SQLITE_OK)
        code = memory_got(sqlite3_value_text16be(copy));
    sqlite3_value_free(copy);
    for (int i = 0; i < 5 && code == SQLITE_OK; i++) { /* those that have a byte that is not zero */
        code = memory_got(sqlite3_column_text(stmt, i));
        if (code == SQLITE_OK)
            code = memory_got(sqlite3_column_text16(stmt, i));
        if (code == SQLITE_OK)
            code = memory_got(sqlite3_column_blob(stmt, i));
    }
    if (code == SQLITE_OK)
        code = memory_got(sqlite3_column_name16(stmt, 0));
    if (code == SQLITE_OK)
        code = memory_got(sqlite3_column_decltype16(stmt, 8));
    if (code == SQLITE_OK)
        code = memory_got(sqlite3_column_table_name16(stmt, 8));
    if (code == SQLITE_OK)
        code = memory_got(sqlite3_column_origin_name16(stmt, 8));
    if (code == SQLITE_OK)
        code = memory_got(sqlite3_column_database_name16(stmt, 8));
    return code;
}

static int
task_statement(sqlite3 *db)
{
    static const char sql[] = "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, b FROM t WHERE a = 1";
    sqlite3_stmt *stmt = NULL;
    char *text;
    int code = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);

    if (code == SQLITE_OK)
        code = task_bind(stmt);
    if (code == SQLITE_OK) {
        text = sqlite3_expanded_sql(stmt);
        code = memory_got(text);
        sqlite3_free(text);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_step(stmt);
        if (code == SQLITE_ROW)
            code = task_columns(stmt);
    }
    if (code == SQLITE_OK)
        code = sqlite3_reset(stmt);
    if (code == SQLITE_OK)
        code = sqlite3_clear_bindings(stmt);
    (void)sqlite3_finalize(stmt);
    return code;
}

static int
task_prepare16(sqlite3 *db)
{
    static const char sql[] = "S\0E\0L\0E\0C\0T\0 \0"
                              "1\0;\0 "; /* no zero behind it */
    sqlite3_stmt *stmt = NULL;
    const void *tail = NULL;
    int code = sqlite3_prepare16_v3(db, sql, sizeof sql, 0, &stmt, &tail);

    if (code == SQLITE_OK)
        code = sqlite3_step(stmt);
    (void)sqlite3_finalize(stmt);
    return code == SQLITE_ROW ? SQLITE_OK : code;
}

static int
task_schema(sqlite3 *db)
{
    int code = memory_run(
        db, "CREATE TABLE n(a INTEGER PRIMARY KEY, b TEXT UNIQUE, c REFERENCES t(a));"
            "CREATE INDEX ni ON n(c); CREATE VIEW nv AS SELECT * FROM n;"
            "CREATE TRIGGER nt AFTER INSERT ON n BEGIN UPDATE t SET b = b WHERE a = new.c; END;"
            "INSERT INTO n VALUES (1, 'a', 1), (2, 'b', 2);"
            "ALTER TABLE n RENAME COLUMN b TO bb; ALTER TABLE n ADD COLUMN d DEFAULT 7;"
            "ANALYZE; REINDEX n; VACUUM");

    return code;
}

/* ---- tasks: functions and modules of the application ---- */

static void
memory_scalar(sqlite3_context *context, int count, sqlite3_value **values)
{
    char *kept = sqlite3_get_auxdata(context, 0);

    if (count == 1 && kept == NULL) {
        kept = sqlite3_mprintf("%s", (const char *)sqlite3_value_text(values[0]));
        if (kept == NULL) {
            sqlite3_result_error_nomem(context);
            return;
        }
        sqlite3_set_auxdata(context, 0, kept, sqlite3_free);
    }
    if (sqlite3_value_text16(values[0]) == NULL)
        sqlite3_result_error_nomem(context);
    else
        sqlite3_result_text16(context, sqlite3_value_text16(values[0]), -1, SQLITE_TRANSIENT);
}

static void
memory_step(sqlite3_context *context, int count, sqlite3_value **values)
{
    sqlite3_int64 *sum = sqlite3_aggregate_context(context, sizeof *sum);

    (void)count;
    if (sum == NULL)
        sqlite3_result_error_nomem(context);
    else
        *sum += sqlite3_value_int64(values[0]);
}

static void
memory_inverse(sqlite3_context *context, int count, sqlite3_value **values)
{
    sqlite3_int64 *sum = sqlite3_aggregate_context(context, sizeof *sum);

    (void)count;
    if (sum == NULL)
        sqlite3_result_error_nomem(context);
    else
        *sum -= sqlite3_value_int64(values[0]);
}

static void
memory_final(sqlite3_context *context)
{
    sqlite3_int64 *sum = sqlite3_aggregate_context(context, 0);

    sqlite3_result_int64(context, sum == NULL ? 0 : *sum);
}

static int
memory_compare(void *arg, int left_size, const void *left, int right_size, const void *right)
{
    int common = left_size < right_size ? left_size : right_size;
    int order = memcmp(right, left, (size_t)common);

    (void)arg;
    return order != 0 ? order : right_size - left_size;
}

static void
memory_needed(void *arg, sqlite3 *db, int encoding, const char *name)
{
    (void)encoding;
    *(int *)arg = sqlite3_create_collation_v2(db, name, SQLITE_UTF8, NULL, memory_compare, NULL);
}

static int
task_functions(sqlite3 *db)
{
    int needed = SQLITE_OK;
    int code = sqlite3_create_function_v2(db, "wide", 1, SQLITE_UTF8, NULL, memory_scalar, NULL,
                                          NULL, NULL);

    if (code == SQLITE_OK)
        code =
            sqlite3_create_function16(db, "f\0\0", 1, SQLITE_UTF8, NULL, memory_scalar, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_create_window_function(db, "total_of", 1, SQLITE_UTF8, NULL, memory_step,
                                              memory_final, memory_final, memory_inverse, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_overload_function(db, "overloaded", 1);
    if (code == SQLITE_OK)
        code = sqlite3_create_collation16(db, "b\0a\0c\0k\0\0", SQLITE_UTF8, NULL, memory_compare);
    if (code == SQLITE_OK)
        code = sqlite3_collation_needed(db, &needed, memory_needed);
    if (code == SQLITE_OK)
        code = memory_run(db, "SELECT wide('x' || b), f(b), total_of(a) OVER (ORDER BY a ROWS 1 "
                              "PRECEDING) FROM t ORDER BY b COLLATE back");
    if (code == SQLITE_OK)
        code = memory_run(db, "SELECT total_of(a) FROM t GROUP BY b ORDER BY b COLLATE wanted");
    if (code == SQLITE_ERROR && needed == SQLITE_NOMEM) /* there is no such collation then */
        code = SQLITE_NOMEM;
    (void)sqlite3_collation_needed(db, NULL, NULL);
    return code;
}

typedef struct memory_cursor {
    sqlite3_vtab_cursor base;
    int at;
} memory_cursor;

static int
memory_connect(sqlite3 *db, void *aux, int count, const char *const *arguments, sqlite3_vtab **out,
               char **message)
{
    int code = sqlite3_declare_vtab(db, "CREATE TABLE x(a INTEGER, b TEXT)");

    (void)aux;
    (void)count;
    (void)arguments;
    (void)message;
    if (code == SQLITE_OK)
        code = memory_got(*out = sqlite3_malloc(sizeof **out));
    if (code == SQLITE_OK)
        memset(*out, 0, sizeof **out);
    return code;
}

static int
memory_disconnect(sqlite3_vtab *table)
{
    sqlite3_free(table);
    return SQLITE_OK;
}

static int
memory_best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
    (void)table;
    info->estimatedCost = 5;
    info->idxStr = sqlite3_mprintf("%s", "plan");
    info->needToFreeIdxStr = 1;
    return memory_got(info->idxStr);
}

static int
memory_open(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
    memory_cursor *cursor = sqlite3_malloc(sizeof *cursor);

    (void)table;
    if (cursor == NULL)
        return SQLITE_NOMEM;
    memset(cursor, 0, sizeof *cursor);
    *out = &cursor->base;
    return SQLITE_OK;
}

static int
memory_close(sqlite3_vtab_cursor *cursor)
{
    sqlite3_free(cursor);
    return SQLITE_OK;
}

static int
memory_filter(sqlite3_vtab_cursor *cursor, int number, const char *text, int count,
              sqlite3_value **values)
{
    (void)number;
    (void)text;
    (void)count;
    (void)values;
    ((memory_cursor *)cursor)->at = 0;
    return SQLITE_OK;
}

static int
memory_next(sqlite3_vtab_cursor *cursor)
{
    ((memory_cursor *)cursor)->at++;
    return SQLITE_OK;
}

static int
memory_eof(sqlite3_vtab_cursor *cursor)
{
    return ((memory_cursor *)cursor)->at >= 5;
}

static int
memory_column(sqlite3_vtab_cursor *cursor, sqlite3_context *context, int column)
{
    if (column == 0)
        sqlite3_result_int(context, ((memory_cursor *)cursor)->at);
    else
        sqlite3_result_text(context, "text", -1, SQLITE_STATIC);
    return SQLITE_OK;
}

static int
memory_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *rowid)
{
    *rowid = ((memory_cursor *)cursor)->at;
    return SQLITE_OK;
}

static int
task_module(sqlite3 *db)
{
    static const sqlite3_module module = {.iVersion = 1,
                                          .xCreate = memory_connect,
                                          .xConnect = memory_connect,
                                          .xBestIndex = memory_best_index,
                                          .xDisconnect = memory_disconnect,
                                          .xDestroy = memory_disconnect,
                                          .xOpen = memory_open,
                                          .xClose = memory_close,
                                          .xFilter = memory_filter,
                                          .xNext = memory_next,
                                          .xEof = memory_eof,
                                          .xColumn = memory_column,
                                          .xRowid = memory_rowid};
    int code = sqlite3_create_module_v2(db, "five", &module, NULL, NULL);

    if (code == SQLITE_OK)
        code = memory_run(db, "CREATE VIRTUAL TABLE temp.v USING five(1)");
    if (code == SQLITE_OK)
        code = memory_run(db, "SELECT v.b, five.a FROM v JOIN five USING (a) WHERE v.a > 1");
    return code;
}

/* ---- tasks: hooks, values in parts, files ---- */

static int
memory_trace(unsigned event, void *arg, void *a, void *b)
{
    char *text = event == SQLITE_TRACE_STMT ? sqlite3_expanded_sql(a) : NULL;

    (void)b;
    ++*(int *)arg;
    sqlite3_free(text);
    return 0;
}

static int
memory_allow(void *arg, int action, const char *a, const char *b, const char *c, const char *d)
{
    (void)action;
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    ++*(int *)arg;
    return SQLITE_OK;
}

static void
memory_changes(void *arg, sqlite3 *db, int op, const char *schema, const char *table,
               sqlite3_int64 old_rowid, sqlite3_int64 new_rowid)
{
    sqlite3_value *value = NULL;

    (void)schema;
    (void)table;
    (void)old_rowid;
    (void)new_rowid;
    if (op == SQLITE_DELETE ? sqlite3_preupdate_old(db, 1, &value) == SQLITE_OK
                            : sqlite3_preupdate_new(db, 1, &value) == SQLITE_OK)
        ++*(int *)arg;
}

static int
task_hooks(sqlite3 *db)
{
    int called = 0;
    int code =
        sqlite3_trace_v2(db, SQLITE_TRACE_STMT | SQLITE_TRACE_PROFILE, memory_trace, &called);

    if (code == SQLITE_OK)
        code = sqlite3_set_authorizer(db, memory_allow, &called);
    (void)sqlite3_preupdate_hook(db, memory_changes, &called);
    if (code == SQLITE_OK)
        code = sqlite3_set_clientdata(db, "name", &called, NULL);
    if (code == SQLITE_OK)
        code = memory_run(db, "INSERT INTO t VALUES (100, 'x'); DELETE FROM t WHERE a = 100");
    (void)sqlite3_trace_v2(db, 0, NULL, NULL);
    (void)sqlite3_set_authorizer(db, NULL, NULL);
    (void)sqlite3_preupdate_hook(db, NULL, NULL);
    return code;
}

static int
task_blob(sqlite3 *db)
{
    sqlite3_blob *blob = NULL;
    char bytes[2] = {0};
    int code = sqlite3_blob_open(db, "main", "t", "b", 1, 1, &blob);

    if (code == SQLITE_OK)
        code = sqlite3_blob_read(blob, bytes, 1, 0);
    if (code == SQLITE_OK)
        code = sqlite3_blob_write(blob, bytes, 1, 0);
    if (code == SQLITE_OK)
        code = sqlite3_blob_reopen(blob, 2);
    (void)sqlite3_blob_close(blob);
    return code;
}

static int
task_metadata(sqlite3 *db)
{
    const char *type = NULL;
    int current = 0;
    int peak = 0;
    int code = sqlite3_table_column_metadata(db, NULL, "t", "b", &type, NULL, NULL, NULL, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_db_status(db, SQLITE_DBSTATUS_SCHEMA_USED, &current, &peak, 0);
    if (code == SQLITE_OK)
        code = sqlite3_wal_checkpoint_v2(db, "main", SQLITE_CHECKPOINT_FULL, &current, &peak);
    if (code == SQLITE_OK)
        code = sqlite3_db_cacheflush(db);
    return code;
}

static int
task_attach(sqlite3 *db)
{
    int code = memory_run(db, "ATTACH ':memory:' AS other;"
                              "CREATE TABLE other.o(a); INSERT INTO other.o SELECT a FROM t");

    if (code == SQLITE_OK)
        code = memory_got(sqlite3_db_filename(db, "other"));
    return code;
}

static int
task_backup(sqlite3 *db)
{
    sqlite3 *to = NULL;
    sqlite3_backup *backup = NULL;
    int code = sqlite3_open(":memory:", &to);

    if (code == SQLITE_OK)
        backup = sqlite3_backup_init(to, "main", db, "main");
    if (code == SQLITE_OK && backup == NULL)
        code = sqlite3_errcode(to);
    while (code == SQLITE_OK)
        code = sqlite3_backup_step(backup, 1);
    if (code == SQLITE_DONE)
        code = sqlite3_backup_finish(backup);
    else
        (void)sqlite3_backup_finish(backup);
    if (code == SQLITE_OK) {
        sqlite3_int64 count = memory_number(to, "SELECT count(*) FROM t");

        EXPECT(count == 3 || memory_failures > 0, "%lld rows", (long long)count);
    }
    (void)sqlite3_close(to);
    return code;
}

static int
task_image(sqlite3 *db)
{
    sqlite3 *to = NULL;
    sqlite3_int64 size = 0;
    unsigned char *image = sqlite3_serialize(db, "main", &size, 0);
    int code = memory_got(image);

    if (code == SQLITE_OK)
        code = sqlite3_open(":memory:", &to);
    if (code != SQLITE_OK)
        sqlite3_free(image);
    else
        code = sqlite3_deserialize(to, "main", image, size, size, SQLITE_DESERIALIZE_FREEONCLOSE);
    if (code == SQLITE_OK)
        code = memory_run(to, "SELECT * FROM t");
    (void)sqlite3_close(to);
    return code;
}

static int
task_open(sqlite3 *db)
{
    static const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI;
    char uri[120];
    sqlite3 *other = NULL;
    int code;

    (void)db;
    (void)snprintf(uri, sizeof uri, "file:%s?cache=shared", memory_path("o.db"));
    code = sqlite3_open_v2(uri, &other, flags, NULL);
    if (code == SQLITE_OK)
        code = memory_run(
            other,
            "PRAGMA synchronous = OFF; CREATE TABLE IF NOT EXISTS o(a); INSERT INTO o VALUES (1)");
    if (sqlite3_close(other) != SQLITE_OK)
        EXPECT(0, "close");
    if (code == SQLITE_OK) {
        other = NULL;
        code = sqlite3_open16(":\0m\0e\0m\0o\0r\0y\0:\0\0", &other);
        if (code == SQLITE_OK)
            code = memory_run(other, "SELECT 1");
        if (sqlite3_close(other) != SQLITE_OK)
            EXPECT(0, "close");
    }
    return code;
}

static int
task_texts(sqlite3 *db)
{
    sqlite3_str *str = sqlite3_str_new(db);
    char *text;
    int code;

    sqlite3_str_appendf(str, "%s %d %Q %.300f", "text", 7, "it's", 1.5);
    sqlite3_str_appendchar(str, 200, 'x');
    code = sqlite3_str_errcode(str);
    text = sqlite3_str_finish(str);
    if (code == SQLITE_OK)
        code = memory_got(text);
    sqlite3_free(text);
    if (code == SQLITE_OK) {
        text = sqlite3_mprintf("%*s%z", 300, "x", sqlite3_mprintf("%s", "y"));
        code = memory_got(text);
        sqlite3_free(text);
    }
    if (code == SQLITE_OK) {
        sqlite3_mutex *mutex = sqlite3_mutex_alloc(SQLITE_MUTEX_RECURSIVE);

        code = memory_got(mutex);
        sqlite3_mutex_free(mutex);
    }
    if (code == SQLITE_OK) {
        char *small = sqlite3_malloc(8);

        text = small == NULL ? NULL : sqlite3_realloc64(small, 4000);
        code = memory_got(text);
        sqlite3_free(text != NULL ? text : small);
    }
    return code;
}

static int
task_extension(sqlite3 *db)
{
    char *message = NULL;
    int code = sqlite3_enable_load_extension(db, 1);

    if (code == SQLITE_OK) {
        code = sqlite3_load_extension(db, "no such file", NULL, &message);
        if (code == SQLITE_ERROR)
            code = SQLITE_OK;
    }
    sqlite3_free(message);
    (void)sqlite3_enable_load_extension(db, 0);
    return code;
}

/* ---- running them ---- */

typedef struct memory_task {
    int (*run)(sqlite3 *db);
    const char *name;
    const char *clean; /* SQL that undoes what it has done, with memory; or NULL */
} memory_task;

/* The database is whole, and has what it had. */
static void
memory_check(sqlite3 *db, const char *name, long nth)
{
    sqlite3_stmt *stmt = NULL;

    EXPECT(sqlite3_get_autocommit(db), "%s, %ld", name, nth);
    EXPECT(memory_number(db, "SELECT sum(a) * 10 + count(*) FROM t") == 63, "%s, %ld: %s", name,
           nth, sqlite3_errmsg(db));
    EXPECT(memory_number(db, "SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'") ==
               2,
           "%s, %ld", name, nth);
    EXPECT(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL) == SQLITE_OK &&
               sqlite3_step(stmt) == SQLITE_ROW &&
               strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") == 0,
           "%s, %ld", name, nth);
    (void)sqlite3_finalize(stmt);
}

static void
memory_run_task(const memory_task *task, const char *path, int is_sticky)
{
    sqlite3_int64 before = sqlite3_memory_used();
    sqlite3 *db = NULL;
    int code = SQLITE_NOMEM;
    long nth = 0;

    EXPECT(sqlite3_open(path, &db) == SQLITE_OK, "%s", task->name);
    EXPECT(memory_run(db, "DROP TABLE IF EXISTS t; CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT);"
                          "CREATE INDEX ti ON t(b);"
                          "INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, 'three')") == SQLITE_OK,
           "%s", sqlite3_errmsg(db));
    do {
        memory_failures = 0;
        memory_is_sticky = is_sticky;
        memory_left = ++nth;
        code = task->run(db);
        memory_left = 0;
        if (task->clean != NULL && (sqlite3_db_name(db, 2) != NULL || task->run != task_attach))
            EXPECT(memory_run(db, task->clean) == SQLITE_OK, "%s", sqlite3_errmsg(db));
        EXPECT(code == SQLITE_OK || (code == SQLITE_NOMEM && memory_failures > 0), "%s, %ld%s: %d",
               task->name, nth, is_sticky ? " and all" : "", code);
        memory_check(db, task->name, nth);
    } while (memory_failures > 0 && nth < 20000);
    EXPECT(code == SQLITE_OK && nth > 1 && nth < 20000, "%s: %ld", task->name, nth);
    EXPECT(sqlite3_close(db) == SQLITE_OK, "%s", task->name);
    EXPECT(sqlite3_memory_used() == before, "%s, sticky %d: %lld bytes are left", task->name,
           is_sticky, (long long)(sqlite3_memory_used() - before));
}

/* ---- what a connection keeps ---- */

static void
test_connections(void)
{
    static sqlite3 *all[200];
    const char *path = memory_path("many.db");
    sqlite3 *first = NULL;
    sqlite3_int64 before;
    sqlite3_int64 each;

    EXPECT(sqlite3_open(path, &first) == SQLITE_OK, "open");
    EXPECT(memory_run(first, "CREATE TABLE t(a INTEGER PRIMARY KEY, b);"
                             "INSERT INTO t VALUES (1, 'one')") == SQLITE_OK,
           "%s", sqlite3_errmsg(first));
    before = sqlite3_memory_used();
    for (size_t i = 0; i < COUNT(all); i++) {
        EXPECT(sqlite3_open(path, &all[i]) == SQLITE_OK, "open");
        EXPECT(memory_number(all[i], "SELECT count(*) FROM t WHERE a = 1") == 1, "select");
        EXPECT(memory_run(all[i], "PRAGMA synchronous = OFF; INSERT INTO t(b) VALUES ('more'); "
                                  "UPDATE t SET b = 'two' WHERE "
                                  "a = 1") == SQLITE_OK,
               "%s", sqlite3_errmsg(all[i]));
    }
    each = (sqlite3_memory_used() - before) / (sqlite3_int64)COUNT(all);
    EXPECT(each < MEMORY_PER_CONNECTION, "%lld bytes", (long long)each);
    for (size_t i = 0; i < COUNT(all); i++)
        EXPECT(sqlite3_close(all[i]) == SQLITE_OK, "close");
    EXPECT(sqlite3_close(first) == SQLITE_OK, "close");
    printf("an idle connection keeps %lld bytes\n", (long long)each);
}

int
main(void)
{
    static const char *const files[] = {"o.db", "o.db-wal", "many.db", "many.db-wal"};
    static const memory_task tasks[] = {
        {task_exec, "exec", "SAVEPOINT s; ROLLBACK"},
        {task_error, "error", NULL},
        {task_statement, "statement", NULL},
        {task_prepare16, "prepare16", NULL},
        {task_schema, "schema", "DROP TABLE IF EXISTS n; DROP VIEW IF EXISTS nv"},
        {task_functions, "functions", NULL},
        {task_module, "module", "DROP TABLE IF EXISTS temp.v"},
        {task_hooks, "hooks", "DELETE FROM t WHERE a = 100"},
        {task_blob, "blob", NULL},
        {task_metadata, "metadata", NULL},
        {task_attach, "attach", "DETACH other"},
        {task_backup, "backup", NULL},
        {task_image, "image", NULL},
        {task_open, "open", NULL},
        {task_texts, "texts", NULL},
        {task_extension, "extension", NULL},
    };
    const char *temporary = getenv("TMPDIR");
    const char *quick = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"; /* many files */
    char path[120];

    (void)snprintf(memory_folder, sizeof memory_folder, "%.40s/memory.XXXXXX",
                   temporary == NULL ? quick : temporary);
    if (mkdtemp(memory_folder) == NULL)
        return 1;
    (void)sqlite3_initialize();
    test_connections();
    for (size_t i = 0; i < COUNT(tasks); i++)
        for (int is_sticky = 0; is_sticky < 2; is_sticky++)
            memory_run_task(&tasks[i], ":memory:", is_sticky);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", memory_folder, files[i]);
        (void)unlink(path); /* not all are there */
    }
    EXPECT(rmdir(memory_folder) == 0, "%s", memory_folder);
    printf("test_compat_memory: %d passed, %d failed\n", memory_passed, memory_failed);
    return memory_failed != 0;
}
