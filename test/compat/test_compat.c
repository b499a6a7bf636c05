/* test_compat.c - a program written for SQLite, on our library.
 *
 * It includes our sqlite3.h and nothing of VelociDB. Each check that fails prints its line; the
 * last line counts. */
#define _GNU_SOURCE
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int compat_failed;
static int compat_passed;

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (condition) {                                                                           \
            compat_passed++;                                                                       \
        } else {                                                                                   \
            compat_failed++;                                                                       \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);                                 \
        }                                                                                          \
    } while (0)

static char compat_folder[64];

static sqlite3 *
compat_open_memory(void)
{
    sqlite3 *db = NULL;

    EXPECT(sqlite3_open(":memory:", &db) == SQLITE_OK);
    return db;
}

/* The only value that a query gives, as text; "(error)" when it has none. Kept until the next. */
static const char *
compat_one(sqlite3 *db, const char *sql)
{
    static char text[512];
    sqlite3_stmt *stmt = NULL;

    (void)snprintf(text, sizeof text, "(error)");
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW) {
        const unsigned char *value = sqlite3_column_text(stmt, 0);

        (void)snprintf(text, sizeof text, "%s", value == NULL ? "(null)" : (const char *)value);
    }
    (void)sqlite3_finalize(stmt);
    return text;
}

static void
test_rows(void)
{
    sqlite3 *db = compat_open_memory();
    sqlite3_stmt *stmt = NULL;
    const char *tail = NULL;

    EXPECT(sqlite3_exec(db, "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c REAL, d BLOB)", NULL,
                        NULL, NULL) == SQLITE_OK);
    EXPECT(sqlite3_prepare_v2(db, "INSERT INTO t VALUES(?1,:b,@c,$d); SELECT 1", -1, &stmt,
                              &tail) == SQLITE_OK);
    EXPECT(strcmp(tail, " SELECT 1") == 0);
    EXPECT(sqlite3_bind_parameter_count(stmt) == 4);
    EXPECT(sqlite3_bind_parameter_index(stmt, ":b") == 2);
    EXPECT(strcmp(sqlite3_bind_parameter_name(stmt, 4), "$d") == 0);
    EXPECT(sqlite3_bind_int64(stmt, 1, 1LL << 40) == SQLITE_OK);
    EXPECT(sqlite3_bind_text(stmt, 2, "it's", -1, SQLITE_TRANSIENT) == SQLITE_OK);
    EXPECT(sqlite3_bind_double(stmt, 3, 0.5) == SQLITE_OK);
    EXPECT(sqlite3_bind_blob(stmt, 4, "\x00\xff", 2, SQLITE_STATIC) == SQLITE_OK);
    EXPECT(sqlite3_bind_int(stmt, 5, 1) == SQLITE_RANGE);
    {
        char *sql = sqlite3_expanded_sql(stmt);

        EXPECT(sql != NULL &&
               strcmp(sql, "INSERT INTO t VALUES(1099511627776,'it''s',0.5,x'00ff');") == 0);
        sqlite3_free(sql);
    }
    EXPECT(sqlite3_stmt_readonly(stmt) == 0);
    EXPECT(sqlite3_step(stmt) == SQLITE_DONE);
    EXPECT(sqlite3_changes(db) == 1 && sqlite3_last_insert_rowid(db) == 1LL << 40);
    EXPECT(sqlite3_finalize(stmt) == SQLITE_OK);

    EXPECT(sqlite3_prepare_v2(db, "SELECT a, b AS x, c, d, a+1 FROM t", -1, &stmt, NULL) ==
           SQLITE_OK);
    EXPECT(sqlite3_column_count(stmt) == 5 && sqlite3_data_count(stmt) == 0);
    EXPECT(sqlite3_step(stmt) == SQLITE_ROW && sqlite3_data_count(stmt) == 5);
    EXPECT(sqlite3_stmt_busy(stmt));
    EXPECT(sqlite3_column_int64(stmt, 0) == 1LL << 40);
    EXPECT(strcmp((const char *)sqlite3_column_text(stmt, 1), "it's") == 0);
    EXPECT(sqlite3_column_bytes(stmt, 1) == 4 && sqlite3_column_bytes16(stmt, 1) == 8);
    EXPECT(sqlite3_column_type(stmt, 2) == SQLITE_FLOAT);
    EXPECT(memcmp(sqlite3_column_blob(stmt, 3), "\x00\xff", 2) == 0);
    EXPECT(sqlite3_column_type(stmt, 9) == SQLITE_NULL && sqlite3_errcode(db) == SQLITE_RANGE);
    EXPECT(strcmp(sqlite3_column_name(stmt, 1), "x") == 0);
    EXPECT(strcmp(sqlite3_column_origin_name(stmt, 1), "b") == 0);
    EXPECT(strcmp(sqlite3_column_table_name(stmt, 1), "t") == 0);
    EXPECT(strcmp(sqlite3_column_database_name(stmt, 1), "main") == 0);
    EXPECT(sqlite3_column_origin_name(stmt, 4) == NULL);
    EXPECT(strcmp(sqlite3_column_decltype(stmt, 0), "INTEGER") == 0);
    EXPECT(sqlite3_step(stmt) == SQLITE_DONE && !sqlite3_stmt_busy(stmt));
    EXPECT(sqlite3_close(db) == SQLITE_BUSY);
    EXPECT(sqlite3_next_stmt(db, NULL) == stmt && sqlite3_next_stmt(db, stmt) == NULL);
    EXPECT(sqlite3_close_v2(db) == SQLITE_OK); /* a zombie until the statement goes */
    EXPECT(sqlite3_finalize(stmt) == SQLITE_OK);
}

static void
test_errors(void)
{
    sqlite3 *db = compat_open_memory();
    sqlite3_stmt *stmt = NULL;
    char *message = NULL;

    EXPECT(strcmp(sqlite3_errmsg(db), "not an error") == 0);
    EXPECT(sqlite3_prepare_v2(db, "SELEC 1", -1, &stmt, NULL) == SQLITE_ERROR && stmt == NULL);
    EXPECT(strcmp(sqlite3_errmsg(db), "near \"SELEC\": syntax error") == 0);
    EXPECT(sqlite3_error_offset(db) == 0);
    EXPECT(sqlite3_exec(db, "CREATE TABLE t(a UNIQUE); INSERT INTO t VALUES(1)", NULL, NULL,
                        NULL) == SQLITE_OK);
    EXPECT(sqlite3_exec(db, "INSERT INTO t VALUES(1)", NULL, NULL, &message) == SQLITE_CONSTRAINT);
    EXPECT(message != NULL && strcmp(message, "UNIQUE constraint failed: t.a") == 0);
    sqlite3_free(message);
    EXPECT(sqlite3_extended_errcode(db) == SQLITE_CONSTRAINT_UNIQUE);
    EXPECT(sqlite3_errcode(db) == SQLITE_CONSTRAINT);
    EXPECT(sqlite3_extended_result_codes(db, 1) == SQLITE_OK);
    EXPECT(sqlite3_exec(db, "INSERT INTO t VALUES(1)", NULL, NULL, NULL) ==
           SQLITE_CONSTRAINT_UNIQUE);
    EXPECT(strcmp(sqlite3_errstr(SQLITE_BUSY), "database is locked") == 0);
    EXPECT(sqlite3_prepare(db, "INSERT INTO t VALUES(1)", -1, &stmt, NULL) == SQLITE_OK);
    EXPECT(sqlite3_step(stmt) == SQLITE_ERROR); /* of old: reset tells which */
    EXPECT(sqlite3_reset(stmt) == SQLITE_CONSTRAINT_UNIQUE);
    EXPECT(sqlite3_finalize(stmt) == SQLITE_OK);
    EXPECT(sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, 10) > 10);
    EXPECT(sqlite3_exec(db, "SELECT 1234567890", NULL, NULL, NULL) == SQLITE_TOOBIG);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
    EXPECT(sqlite3_step(NULL) == SQLITE_MISUSE && sqlite3_reset(NULL) == SQLITE_OK);
    EXPECT(sqlite3_finalize(NULL) == SQLITE_OK && sqlite3_close(NULL) == SQLITE_OK);
    EXPECT(sqlite3_errcode(NULL) == SQLITE_NOMEM);
    EXPECT(sqlite3_open_v2(":memory:", &db, 0, NULL) == SQLITE_MISUSE && db == NULL);
    EXPECT(sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE, "nosuch") == SQLITE_ERROR);
    EXPECT(strcmp(sqlite3_errmsg(db), "no such vfs: nosuch") == 0);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
}

static int
compat_count_row(void *arg, int count, char **values, char **names)
{
    (void)names;
    *(int *)arg += count == 2 && values[1] == NULL;
    return 0;
}

static void
test_exec_and_tables(void)
{
    sqlite3 *db = compat_open_memory();
    char **result = NULL;
    int rows = 0;
    int columns = 0;
    int count = 0;

    EXPECT(sqlite3_exec(db, "SELECT 1, NULL UNION ALL SELECT 2, NULL; -- end", compat_count_row,
                        &count, NULL) == SQLITE_OK);
    EXPECT(count == 2);
    EXPECT(sqlite3_get_table(db, "SELECT 1 AS a, NULL AS b UNION ALL SELECT 2, 'x'", &result, &rows,
                             &columns, NULL) == SQLITE_OK);
    EXPECT(rows == 2 && columns == 2);
    EXPECT(strcmp(result[0], "a") == 0 && strcmp(result[2], "1") == 0 && result[3] == NULL &&
           strcmp(result[5], "x") == 0);
    sqlite3_free_table(result);
    EXPECT(sqlite3_get_autocommit(db) == 1 && sqlite3_txn_state(db, NULL) == SQLITE_TXN_NONE);
    EXPECT(sqlite3_exec(db,
                        "CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT, "
                        "b TEXT COLLATE NOCASE NOT NULL); BEGIN; INSERT INTO t(b) VALUES('x')",
                        NULL, NULL, NULL) == SQLITE_OK);
    EXPECT(sqlite3_get_autocommit(db) == 0 && sqlite3_txn_state(db, "main") == SQLITE_TXN_WRITE);
    EXPECT(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL) == SQLITE_OK);
    EXPECT(sqlite3_txn_state(db, NULL) == SQLITE_TXN_NONE && sqlite3_txn_state(db, "q") == -1);
    {
        const char *type;
        const char *collation;
        int not_null;
        int primary;
        int automatic;

        EXPECT(sqlite3_table_column_metadata(db, NULL, "t", "b", &type, &collation, &not_null,
                                             &primary, &automatic) == SQLITE_OK);
        EXPECT(strcmp(type, "TEXT") == 0 && strcmp(collation, "NOCASE") == 0 && not_null == 1 &&
               primary == 0 && automatic == 0);
        EXPECT(sqlite3_table_column_metadata(db, "main", "t", "rowid", &type, NULL, NULL, &primary,
                                             &automatic) == SQLITE_OK);
        EXPECT(strcmp(type, "INTEGER") == 0 && primary == 1 && automatic == 1);
        EXPECT(sqlite3_table_column_metadata(db, NULL, "t", "q", NULL, NULL, NULL, NULL, NULL) ==
               SQLITE_ERROR);
    }
    EXPECT(sqlite3_close(db) == SQLITE_OK);
}

static void
test_printf(void)
{
    char buffer[16];
    char *text =
        sqlite3_mprintf("%d|%5s|%-5s|%05d|%x|%lld|%q|%Q|%w|%Q|%.3s|%c|%%", -7, "ab", "cd", 42, 255U,
                        1LL << 40, "it's", "it's", "a\"b", (char *)NULL, "abcdef", 'z');

    EXPECT(text != NULL &&
           strcmp(text, "-7|   ab|cd   |00042|ff|1099511627776|it''s|'it''s'|a\"\"b|"
                        "NULL|abc|z|%") == 0);
    sqlite3_free(text);
    text = sqlite3_mprintf("%.2f|%g|%!.15g|%e|%,d|%08.3f|%+d|% d", 1.005, 1e10, 5.0, 12345.678,
                           1234567, -3.14159, 5, 5);
    EXPECT(text != NULL &&
           strcmp(text, "1.00|1e+10|5.0|1.234568e+04|1,234,567|-003.142|+5| 5") == 0);
    sqlite3_free(text);
    EXPECT(sqlite3_snprintf((int)sizeof buffer, buffer, "%s", "0123456789abcdefgh") == buffer);
    EXPECT(strcmp(buffer, "0123456789abcde") == 0);
    {
        sqlite3_str *str = sqlite3_str_new(NULL);

        sqlite3_str_appendall(str, "ab");
        sqlite3_str_appendchar(str, 3, '-');
        sqlite3_str_appendf(str, "%d", 12);
        EXPECT(sqlite3_str_length(str) == 7 && sqlite3_str_errcode(str) == SQLITE_OK);
        text = sqlite3_str_finish(str);
        EXPECT(text != NULL && strcmp(text, "ab---12") == 0);
        sqlite3_free(text);
    }
    EXPECT(sqlite3_stricmp("AbC", "aBc") == 0 && sqlite3_strnicmp("abX", "ABy", 2) == 0);
    EXPECT(sqlite3_strglob("a*[0-9]?", "abc7x") == 0 && sqlite3_strglob("a*", "b") != 0);
    EXPECT(sqlite3_strlike("A%_c", "axxbc", 0) == 0 && sqlite3_strlike("a\\%", "ab", '\\') != 0);
    EXPECT(sqlite3_keyword_check("Select", 6) && !sqlite3_keyword_check("selec", 5));
    EXPECT(sqlite3_complete("SELECT 1;") && !sqlite3_complete("SELECT 'a;"));
}

static void
test_utf16(void)
{
    static const unsigned short sql[] = {'S', 'E', 'L', 'E', 'C', 'T', ' ', '?', ';', ' ', 'x', 0};
    static const unsigned short text[] = {0x20ac, 0xd83d, 0xde00, 0};
    sqlite3 *db = compat_open_memory();
    sqlite3_stmt *stmt = NULL;
    const void *tail = NULL;

    EXPECT(sqlite3_prepare16_v2(db, sql, -1, &stmt, &tail) == SQLITE_OK);
    EXPECT(tail == (const void *)(sql + 9));
    EXPECT(sqlite3_bind_text16(stmt, 1, text, -1, SQLITE_STATIC) == SQLITE_OK);
    EXPECT(sqlite3_step(stmt) == SQLITE_ROW);
    EXPECT(strcmp((const char *)sqlite3_column_text(stmt, 0), "\xe2\x82\xac\xf0\x9f\x98\x80") == 0);
    EXPECT(memcmp(sqlite3_column_text16(stmt, 0), text, sizeof text) == 0);
    EXPECT(sqlite3_column_bytes16(stmt, 0) == 6);
    EXPECT(*(const unsigned short *)sqlite3_column_name16(stmt, 0) == '?');
    EXPECT(sqlite3_finalize(stmt) == SQLITE_OK);
    EXPECT(sqlite3_prepare_v2(db, "nonsense", -1, &stmt, NULL) == SQLITE_ERROR);
    EXPECT(*(const unsigned short *)sqlite3_errmsg16(db) == 'n');
    EXPECT(sqlite3_close(db) == SQLITE_OK);
}

static void
compat_twice(sqlite3_context *context, int count, sqlite3_value **values)
{
    int *calls = sqlite3_user_data(context);

    (*calls)++;
    if (count == 1 && sqlite3_value_type(values[0]) == SQLITE_INTEGER)
        sqlite3_result_int64(context, 2 * sqlite3_value_int64(values[0]));
    else
        sqlite3_result_error(context, "twice wants a number", -1);
}

static void
compat_sum_step(sqlite3_context *context, int count, sqlite3_value **values)
{
    long long *sum = sqlite3_aggregate_context(context, (int)sizeof *sum);

    if (sum != NULL && count == 1)
        *sum += sqlite3_value_int64(values[0]);
}

static void
compat_sum_final(sqlite3_context *context)
{
    const long long *sum = sqlite3_aggregate_context(context, 0);

    sqlite3_result_int64(context, sum == NULL ? -1 : *sum);
}

static void
compat_note(void *arg)
{
    ++*(int *)arg;
}

static void
test_functions(void)
{
    sqlite3 *db = compat_open_memory();
    int calls = 0;

    EXPECT(sqlite3_create_function_v2(db, "twice", 1, SQLITE_UTF8, &calls, compat_twice, NULL, NULL,
                                      compat_note) == SQLITE_OK);
    EXPECT(strcmp(compat_one(db, "SELECT twice(21)"), "42") == 0 && calls == 1);
    EXPECT(sqlite3_exec(db, "SELECT twice('x')", NULL, NULL, NULL) == SQLITE_ERROR);
    EXPECT(strcmp(sqlite3_errmsg(db), "twice wants a number") == 0);
    EXPECT(sqlite3_create_function(db, "total2", 1, SQLITE_UTF8, NULL, NULL, compat_sum_step,
                                   compat_sum_final) == SQLITE_OK);
    EXPECT(strcmp(compat_one(db, "WITH t(x) AS (VALUES(1),(2),(4)) SELECT total2(x) FROM t"),
                  "7") == 0);
    EXPECT(strcmp(compat_one(db, "WITH t(x) AS (VALUES(1)) SELECT total2(x) FROM t WHERE x > 1"),
                  "-1") == 0);
    calls = 0;
    EXPECT(sqlite3_create_function_v2(db, "twice", 1, SQLITE_UTF8, NULL, NULL, NULL, NULL, NULL) ==
           SQLITE_OK);
    EXPECT(calls == 1); /* destroyed */
    EXPECT(sqlite3_exec(db, "SELECT twice(1)", NULL, NULL, NULL) == SQLITE_ERROR);
    EXPECT(sqlite3_create_function(db, "bad", 1, SQLITE_UTF8, NULL, NULL, compat_sum_step, NULL) ==
           SQLITE_MISUSE);
    EXPECT(sqlite3_overload_function(db, "nobody", 1) == SQLITE_OK);
    EXPECT(sqlite3_exec(db, "SELECT nobody(1)", NULL, NULL, NULL) == SQLITE_ERROR);
    EXPECT(strcmp(sqlite3_errmsg(db), "unable to use function nobody in the requested context") ==
           0);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
}

static void
test_files(void)
{
    char path[128];
    char uri[160];
    char other[160];
    sqlite3 *a = NULL;
    sqlite3 *b = NULL;

    (void)snprintf(path, sizeof path, "%s/a.db", compat_folder);
    (void)snprintf(uri, sizeof uri, "file:%s?mode=ro&x=%%41", path);
    (void)snprintf(other, sizeof other, "%s/../%s/a.db", compat_folder,
                   strrchr(compat_folder, '/') + 1);
    EXPECT(sqlite3_open_v2(path, &a, SQLITE_OPEN_READWRITE, NULL) == SQLITE_CANTOPEN);
    EXPECT(strcmp(sqlite3_errmsg(a), "unable to open database file") == 0);
    EXPECT(sqlite3_close(a) == SQLITE_OK);
    EXPECT(sqlite3_open(path, &a) == SQLITE_OK);
    EXPECT(sqlite3_exec(a, "CREATE TABLE t(x); INSERT INTO t VALUES(5)", NULL, NULL, NULL) ==
           SQLITE_OK);
    EXPECT(sqlite3_open_v2(uri, &b, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI,
                           NULL) == SQLITE_OK);
    EXPECT(strcmp(compat_one(b, "SELECT x FROM t"), "5") == 0);
    EXPECT(sqlite3_exec(b, "INSERT INTO t VALUES(6)", NULL, NULL, NULL) == SQLITE_READONLY);
    EXPECT(sqlite3_db_readonly(b, "main") == 1 && sqlite3_db_readonly(a, NULL) == 0);
    EXPECT(strcmp(sqlite3_uri_parameter(sqlite3_db_filename(b, "main"), "x"), "A") == 0);
    EXPECT(sqlite3_close(b) == SQLITE_OK);
    EXPECT(strcmp(sqlite3_db_filename(a, NULL), path) == 0);
    EXPECT(sqlite3_open_v2("file::memory:?y=1", &b,
                           SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI,
                           NULL) == SQLITE_OK);
    EXPECT(sqlite3_db_filename(b, "main")[0] == 0);
    EXPECT(sqlite3_uri_parameter(sqlite3_db_filename(b, "main"), "y") == NULL);
    EXPECT(strcmp(compat_one(b, "SELECT count(*) FROM sqlite_schema"), "0") == 0);
    EXPECT(sqlite3_close(b) == SQLITE_OK);
    {
        static const char *const shared = "file:name?mode=memory&cache=shared";
        const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI;
        sqlite3 *c = NULL;

        EXPECT(sqlite3_open_v2(shared, &b, flags, NULL) == SQLITE_OK);
        EXPECT(sqlite3_open_v2(shared, &c, flags, NULL) == SQLITE_OK);
        EXPECT(sqlite3_exec(b, "CREATE TABLE u(x); INSERT INTO u VALUES(8)", NULL, NULL, NULL) ==
               SQLITE_OK);
        EXPECT(strcmp(compat_one(c, "SELECT x FROM u"), "8") == 0);
        EXPECT(sqlite3_close(b) == SQLITE_OK);
        EXPECT(strcmp(compat_one(c, "SELECT x FROM u"), "8") == 0);
        EXPECT(sqlite3_close(c) == SQLITE_OK);
        EXPECT(sqlite3_open_v2(shared, &c, flags, NULL) == SQLITE_OK); /* it went with the last */
        EXPECT(strcmp(compat_one(c, "SELECT x FROM u"), "(error)") == 0);
        EXPECT(sqlite3_close(c) == SQLITE_OK);
    }
    EXPECT(sqlite3_open(other, &b) == SQLITE_OK);
    EXPECT(sqlite3_exec(b, "INSERT INTO t VALUES(6)", NULL, NULL, NULL) == SQLITE_OK);
    EXPECT(strcmp(compat_one(a, "SELECT sum(x) FROM t"), "11") == 0);
    EXPECT(sqlite3_close(b) == SQLITE_OK);
    EXPECT(sqlite3_close(a) == SQLITE_OK);
    {
        FILE *file = fopen(path, "wb");

        EXPECT(file != NULL && fwrite("SQLite format 3", 1, 16, file) == 16);
        for (int i = 0; file != NULL && i < 8192; i++)
            (void)fputc('x', file);
        EXPECT(file != NULL && fclose(file) == 0);
    }
    EXPECT(sqlite3_open(path, &a) == SQLITE_OK); /* as in SQLite, the first statement notices */
    EXPECT(sqlite3_exec(a, "SELECT 1 FROM t", NULL, NULL, NULL) == SQLITE_NOTADB);
    EXPECT(strstr(sqlite3_errmsg(a), "convert it with `velocidb convert") != NULL);
    EXPECT(sqlite3_close(a) == SQLITE_OK);
}

static int
compat_trace(unsigned event, void *arg, void *stmt, void *what)
{
    char *log = arg;

    (void)snprintf(log + strlen(log), 200 - strlen(log), "%u:%s;", event,
                   event == SQLITE_TRACE_STMT  ? (const char *)what
                   : event == SQLITE_TRACE_ROW ? sqlite3_sql(stmt)
                                               : "");
    return 0;
}

static void
compat_update(void *arg, int change, const char *database, const char *table, sqlite3_int64 rowid)
{
    char *log = arg;

    (void)snprintf(log + strlen(log), 200 - strlen(log), "%d:%s.%s:%d;", change, database, table,
                   (int)rowid);
}

static void
test_hooks_and_blobs(void)
{
    sqlite3 *db = compat_open_memory();
    sqlite3_blob *blob = NULL;
    char log[200] = "";
    sqlite3_blob *reader = NULL;
    char bytes[3];
    int other = 0;

    EXPECT(sqlite3_exec(db, "CREATE TABLE t(a)", NULL, NULL, NULL) == SQLITE_OK);
    EXPECT(sqlite3_update_hook(db, compat_update, log) == NULL);
    EXPECT(sqlite3_exec(db, "INSERT INTO t VALUES(x'010203')", NULL, NULL, NULL) == SQLITE_OK);
    EXPECT(strcmp(log, "18:main.t:1;") == 0);
    EXPECT(sqlite3_update_hook(db, NULL, &other) == log);
    log[0] = 0;
    EXPECT(sqlite3_trace_v2(db, SQLITE_TRACE_STMT | SQLITE_TRACE_ROW, compat_trace, log) ==
           SQLITE_OK);
    EXPECT(strcmp(compat_one(db, "SELECT 5"), "5") == 0);
    EXPECT(strcmp(log, "1:SELECT 5;4:SELECT 5;") == 0);
    EXPECT(sqlite3_blob_open(db, "main", "t", "a", 1, 1, &blob) == SQLITE_OK);
    EXPECT(sqlite3_blob_bytes(blob) == 3);
    EXPECT(sqlite3_blob_write(blob, "x", 1, 1) == SQLITE_OK);
    EXPECT(sqlite3_blob_read(blob, bytes, 3, 0) == SQLITE_OK && memcmp(bytes, "\1x\3", 3) == 0);
    EXPECT(sqlite3_blob_read(blob, bytes, 3, 1) == SQLITE_ERROR);
    EXPECT(sqlite3_blob_open(db, "main", "t", "a", 1, 0, &reader) == SQLITE_OK);
    EXPECT(sqlite3_blob_write(reader, "x", 1, 1) == SQLITE_READONLY);
    EXPECT(sqlite3_blob_close(reader) == SQLITE_READONLY); /* what the write said, once more */
    EXPECT(sqlite3_close(db) == SQLITE_BUSY);
    EXPECT(strcmp(log, "1:SELECT 5;4:SELECT 5;") == 0);
    EXPECT(sqlite3_close_v2(db) == SQLITE_OK);
    EXPECT(sqlite3_blob_close(blob) == SQLITE_OK); /* and the connection goes with it */
}

/* ---- collations ---- */

typedef struct compat_order {
    int calls;
    int destroyed;
    int asked;
    int bytes; /* of the last left side */
} compat_order;

static int
compare_turned(void *arg, int left_size, const void *left, int right_size, const void *right)
{
    compat_order *order = arg;
    int common = left_size < right_size ? left_size : right_size;
    int found = memcmp(right, left, (size_t)common);

    order->calls++;
    order->bytes = left_size;
    return found != 0 ? found : right_size - left_size;
}

static void
order_destroy(void *arg)
{
    ((compat_order *)arg)->destroyed++;
}

static compat_order compat_needed_order;

static void
order_needed(void *arg, sqlite3 *db, int encoding, const char *name)
{
    ((compat_order *)arg)->asked++;
    EXPECT(encoding == SQLITE_UTF8);
    EXPECT(sqlite3_create_collation(db, name, encoding, &compat_needed_order, compare_turned) ==
           SQLITE_OK);
}

static void
order_needed16(void *arg, sqlite3 *db, int encoding, const void *name)
{
    (void)encoding;
    ((compat_order *)arg)->asked++;
    EXPECT(sqlite3_create_collation16(db, name, SQLITE_UTF16LE, &compat_needed_order,
                                      compare_turned) == SQLITE_OK);
}

static void
test_collations(void)
{
    sqlite3 *db = compat_open_memory();
    compat_order order = {0, 0, 0, 0};
    sqlite3_stmt *stmt = NULL;

    EXPECT(sqlite3_create_collation_v2(db, "turned", SQLITE_UTF8, &order, compare_turned,
                                       order_destroy) == SQLITE_OK);
    EXPECT(sqlite3_exec(db,
                        "CREATE TABLE t(a COLLATE turned); CREATE INDEX i ON t(a);"
                        "INSERT INTO t VALUES('a'),('b'),('c')",
                        NULL, NULL, NULL) == SQLITE_OK);
    EXPECT(strcmp(compat_one(db, "SELECT group_concat(a) FROM (SELECT a FROM t ORDER BY a)"),
                  "c,b,a") == 0);
    EXPECT(order.calls > 0 && order.bytes == 1);
    EXPECT(sqlite3_create_collation(db, "turned", 99, &order, compare_turned) == SQLITE_MISUSE);
    EXPECT(sqlite3_create_collation(NULL, "x", SQLITE_UTF8, &order, compare_turned) ==
           SQLITE_MISUSE);
    EXPECT(sqlite3_prepare_v2(db, "SELECT a FROM t", -1, &stmt, NULL) == SQLITE_OK);
    EXPECT(sqlite3_step(stmt) == SQLITE_ROW);
    EXPECT(sqlite3_create_collation_v2(db, "TURNED", SQLITE_UTF8, &order, compare_turned,
                                       order_destroy) == SQLITE_BUSY);
    EXPECT(order.destroyed == 0);
    EXPECT(strcmp(sqlite3_errmsg(db), "unable to delete/modify collation sequence due to active "
                                      "statements") == 0);
    EXPECT(sqlite3_finalize(stmt) == SQLITE_OK);
    EXPECT(sqlite3_create_collation(db, "turned", SQLITE_UTF16BE, &order, compare_turned) ==
           SQLITE_OK);
    EXPECT(order.destroyed == 1);
    EXPECT(strcmp(compat_one(db, "SELECT a FROM t ORDER BY a"), "c") == 0);
    EXPECT(order.bytes == 2);
    EXPECT(sqlite3_create_collation(db, "turned", SQLITE_UTF8, NULL, NULL) == SQLITE_OK);
    EXPECT(strcmp(compat_one(db, "SELECT a FROM t ORDER BY a"), "(error)") == 0);
    EXPECT(strcmp(sqlite3_errmsg(db), "no such collation sequence: turned") == 0);
    EXPECT(sqlite3_collation_needed(db, &order, order_needed) == SQLITE_OK);
    EXPECT(strcmp(compat_one(db, "SELECT a FROM t ORDER BY a"), "c") == 0);
    EXPECT(sqlite3_collation_needed16(db, &order, order_needed16) == SQLITE_OK);
    EXPECT(strcmp(compat_one(db, "SELECT a FROM t ORDER BY a COLLATE other"), "c") == 0);
    EXPECT(order.asked == 2);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
}

/* ---- window functions ---- */

static void
window_step(sqlite3_context *context, int count, sqlite3_value **values)
{
    sqlite3_int64 *sum = sqlite3_aggregate_context(context, sizeof *sum);

    (void)count;
    if (sum != NULL)
        *sum += sqlite3_value_int64(values[0]);
}

static void
window_inverse(sqlite3_context *context, int count, sqlite3_value **values)
{
    sqlite3_int64 *sum = sqlite3_aggregate_context(context, sizeof *sum);

    (void)count;
    if (sum != NULL)
        *sum -= sqlite3_value_int64(values[0]);
}

static void
window_value(sqlite3_context *context)
{
    sqlite3_int64 *sum = sqlite3_aggregate_context(context, sizeof *sum);

    sqlite3_result_int64(context, sum == NULL ? 0 : *sum);
}

static void
test_windows(void)
{
    sqlite3 *db = compat_open_memory();
    compat_order order = {0, 0, 0, 0};

    EXPECT(sqlite3_create_window_function(db, "wsum", 1, SQLITE_UTF8, &order, window_step,
                                          window_value, window_value, window_inverse,
                                          order_destroy) == SQLITE_OK);
    EXPECT(strcmp(compat_one(db, "WITH t(a) AS (VALUES(1),(2),(3),(4)) SELECT group_concat(s) FROM "
                                 "(SELECT wsum(a) OVER (ORDER BY a ROWS 1 PRECEDING) AS s FROM t)"),
                  "1,3,5,7") == 0);
    EXPECT(strcmp(compat_one(db, "SELECT wsum(column1) FROM (VALUES(1),(2))"), "3") == 0);
    EXPECT(sqlite3_create_window_function(db, "half", 1, SQLITE_UTF8, &order, window_step,
                                          window_value, window_value, NULL,
                                          order_destroy) == SQLITE_MISUSE);
    EXPECT(order.destroyed == 1);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
    EXPECT(order.destroyed == 2);
}

/* ---- the authorizer ---- */

typedef struct compat_asked {
    char log[400];
    int answer; /* for reading t.b */
} compat_asked;

static int
asked_authorize(void *arg, int action, const char *first, const char *second, const char *database,
                const char *inner)
{
    compat_asked *asked = arg;
    size_t used = strlen(asked->log);

    (void)snprintf(asked->log + used, sizeof asked->log - used, "%d:%s:%s:%s:%s;", action,
                   first == NULL ? "" : first, second == NULL ? "" : second,
                   database == NULL ? "" : database, inner == NULL ? "" : inner);
    return action == SQLITE_READ && second != NULL && strcmp(second, "b") == 0 ? asked->answer
                                                                               : SQLITE_OK;
}

static void
test_authorizer(void)
{
    sqlite3 *db = compat_open_memory();
    compat_asked asked = {"", SQLITE_OK};
    sqlite3_stmt *stmt = NULL;

    EXPECT(sqlite3_exec(db, "CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 2)", NULL, NULL, NULL) ==
           SQLITE_OK);
    EXPECT(sqlite3_set_authorizer(NULL, asked_authorize, &asked) == SQLITE_MISUSE);
    EXPECT(sqlite3_set_authorizer(db, asked_authorize, &asked) == SQLITE_OK);
    EXPECT(sqlite3_prepare_v2(db, "SELECT b FROM t WHERE a = abs(1)", -1, &stmt, NULL) ==
           SQLITE_OK);
    EXPECT(strcmp(asked.log, "21::::;20:t:b:main:;20:t:a:main:;31::abs::;") == 0);
    EXPECT(sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_int(stmt, 0) == 2);
    EXPECT(sqlite3_reset(stmt) == SQLITE_OK);
    asked.answer = SQLITE_IGNORE;
    EXPECT(sqlite3_set_authorizer(db, asked_authorize, &asked) == SQLITE_OK);
    EXPECT(sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_type(stmt, 0) == SQLITE_NULL);
    EXPECT(sqlite3_finalize(stmt) == SQLITE_OK);
    asked.answer = SQLITE_DENY;
    EXPECT(sqlite3_prepare_v2(db, "SELECT b FROM t", -1, &stmt, NULL) == SQLITE_AUTH);
    EXPECT(stmt == NULL);
    EXPECT(strcmp(sqlite3_errmsg(db), "access to t.b is prohibited") == 0);
    asked.answer = 99;
    EXPECT(sqlite3_prepare_v2(db, "SELECT b FROM t", -1, &stmt, NULL) == SQLITE_ERROR);
    EXPECT(strcmp(sqlite3_errmsg(db), "authorizer malfunction") == 0);
    EXPECT(sqlite3_set_authorizer(db, NULL, NULL) == SQLITE_OK);
    EXPECT(strcmp(compat_one(db, "SELECT b FROM t"), "2") == 0);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
}

/* ---- changes in full, what is kept by name ---- */

static char compat_changes[300];

static void
change_note(const char *text)
{
    size_t used = strlen(compat_changes);

    (void)snprintf(compat_changes + used, sizeof compat_changes - used, "%s", text);
}

static void
change_tell(void *arg, sqlite3 *db, int op, char const *database, char const *table,
            sqlite3_int64 before, sqlite3_int64 after)
{
    char text[100];
    sqlite3_value *value = NULL;

    EXPECT(arg == compat_changes);
    (void)snprintf(text, sizeof text, "%d:%s.%s:%d:%d:%d:%d:", op, database, table, (int)before,
                   (int)after, sqlite3_preupdate_count(db), sqlite3_preupdate_depth(db));
    change_note(text);
    if (sqlite3_preupdate_old(db, 1, &value) == SQLITE_OK)
        change_note((const char *)sqlite3_value_text(value));
    change_note(">");
    if (sqlite3_preupdate_new(db, 1, &value) == SQLITE_OK)
        change_note((const char *)sqlite3_value_text(value));
    change_note(";");
    EXPECT(sqlite3_preupdate_new(db, 9, &value) == SQLITE_RANGE);
    EXPECT(sqlite3_preupdate_blobwrite(db) == -1);
}

static void
frombind(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    sqlite3_result_int(context,
                       sqlite3_value_frombind(values[0]) * 10 + sqlite3_value_frombind(values[1]));
}

static void
test_changes_and_client_data(void)
{
    sqlite3 *db = compat_open_memory();
    sqlite3_value *value = NULL;
    sqlite3_stmt *stmt = NULL;
    compat_order order = {0, 0, 0, 0};
    int number = 7;

    EXPECT(sqlite3_exec(db, "CREATE TABLE t(a INTEGER PRIMARY KEY, b)", NULL, NULL, NULL) ==
           SQLITE_OK);
    EXPECT(sqlite3_preupdate_hook(db, change_tell, compat_changes) == NULL);
    EXPECT(sqlite3_exec(db, "INSERT INTO t VALUES(1, 'x'); UPDATE t SET b='y', a=3; DELETE FROM t",
                        NULL, NULL, NULL) == SQLITE_OK);
    EXPECT(strcmp(compat_changes,
                  "18:main.t:1:1:2:0:>x;23:main.t:1:3:2:0:x>y;9:main.t:3:3:2:0:y>;") == 0);
    EXPECT(sqlite3_preupdate_hook(db, NULL, NULL) == compat_changes);
    EXPECT(sqlite3_preupdate_old(db, 0, &value) == SQLITE_MISUSE);
    EXPECT(sqlite3_preupdate_count(db) == 0);
    EXPECT(sqlite3_create_function(db, "frombind", 2, SQLITE_UTF8, NULL, frombind, NULL, NULL) ==
           SQLITE_OK);
    EXPECT(sqlite3_prepare_v2(db, "SELECT frombind(?, ? || 1)", -1, &stmt, NULL) == SQLITE_OK);
    EXPECT(sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_int(stmt, 0) == 10);
    EXPECT(sqlite3_finalize(stmt) == SQLITE_OK);
    EXPECT(sqlite3_get_clientdata(db, "one") == NULL);
    EXPECT(sqlite3_set_clientdata(db, "one", &order, order_destroy) == SQLITE_OK);
    EXPECT(sqlite3_set_clientdata(db, "two", &number, NULL) == SQLITE_OK);
    EXPECT(sqlite3_get_clientdata(db, "one") == &order);
    EXPECT(sqlite3_get_clientdata(db, "two") == &number);
    EXPECT(sqlite3_set_clientdata(db, "one", &order, order_destroy) == SQLITE_OK);
    EXPECT(order.destroyed == 1);
    EXPECT(sqlite3_set_clientdata(db, "two", NULL, NULL) == SQLITE_OK);
    EXPECT(sqlite3_get_clientdata(db, "two") == NULL);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
    EXPECT(order.destroyed == 2);
}

/* ---- the log, numbers, limits ---- */

static int
log_tell(void *arg, sqlite3 *db, const char *database, int pages)
{
    EXPECT(db != NULL && strcmp(database, "main") == 0 && pages >= 0);
    ++*(int *)arg;
    return SQLITE_OK;
}

static void
test_log_and_numbers(void)
{
    sqlite3 *db = compat_open_memory();
    sqlite3_stmt *stmt = NULL;
    int told = 0;
    int current = 0;
    int peak = 0;

    EXPECT(sqlite3_wal_hook(db, log_tell, &told) == NULL);
    EXPECT(sqlite3_exec(db, "CREATE TABLE t(a); INSERT INTO t VALUES(1)", NULL, NULL, NULL) ==
           SQLITE_OK);
    EXPECT(told == 2);
    EXPECT(sqlite3_wal_hook(db, NULL, NULL) == &told);
    EXPECT(sqlite3_db_status(db, SQLITE_DBSTATUS_CACHE_USED, &current, &peak, 0) == SQLITE_OK);
    EXPECT(current > 0);
    EXPECT(sqlite3_db_status(db, SQLITE_DBSTATUS_SCHEMA_USED, &current, &peak, 0) == SQLITE_OK);
    EXPECT(current > 0);
    EXPECT(sqlite3_db_status(db, SQLITE_DBSTATUS_STMT_USED, &current, &peak, 0) == SQLITE_OK);
    EXPECT(current == 0);
    EXPECT(sqlite3_prepare_v2(db, "SELECT * FROM t", -1, &stmt, NULL) == SQLITE_OK);
    EXPECT(sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_MEMUSED, 0) > 0);
    EXPECT(sqlite3_exec(db, "CREATE TABLE u(a)", NULL, NULL, NULL) == SQLITE_OK);
    EXPECT(sqlite3_step(stmt) == SQLITE_ROW);
    EXPECT(sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_REPREPARE, 1) == 1);
    EXPECT(sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_REPREPARE, 0) == 0);
    EXPECT(sqlite3_finalize(stmt) == SQLITE_OK);
    EXPECT(sqlite3_limit(db, SQLITE_LIMIT_FUNCTION_ARG, 1) > 1);
    EXPECT(strcmp(compat_one(db, "SELECT max(1, 2)"), "(error)") == 0);
    EXPECT(strcmp(sqlite3_errmsg(db), "too many arguments on function max") == 0);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
}

/* ---- pointers ---- */

static void
pointer_get(sqlite3_context *context, int count, sqlite3_value **values)
{
    int *number = sqlite3_value_pointer(values[0], "number");

    (void)count;
    sqlite3_result_int(context, number == NULL ? -1 : *number);
}

static void
pointer_give(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    (void)values;
    sqlite3_result_pointer(context, sqlite3_user_data(context), "number", NULL);
}

static void
test_pointers(void)
{
    sqlite3 *db = compat_open_memory();
    sqlite3_stmt *stmt = NULL;
    compat_order order = {0, 0, 0, 0};
    int number = 7;

    EXPECT(sqlite3_create_function(db, "get", 1, SQLITE_UTF8, NULL, pointer_get, NULL, NULL) ==
           SQLITE_OK);
    EXPECT(sqlite3_create_function(db, "give", 0, SQLITE_UTF8, &number, pointer_give, NULL, NULL) ==
           SQLITE_OK);
    EXPECT(strcmp(compat_one(db, "SELECT get(give())"), "7") == 0);
    EXPECT(sqlite3_prepare_v2(db, "SELECT get(?)", -1, &stmt, NULL) == SQLITE_OK);
    EXPECT(sqlite3_bind_pointer(stmt, 1, &order, "order", order_destroy) == SQLITE_OK);
    EXPECT(sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_int(stmt, 0) == -1);
    EXPECT(sqlite3_reset(stmt) == SQLITE_OK);
    EXPECT(sqlite3_bind_pointer(stmt, 1, &number, "number", NULL) == SQLITE_OK);
    EXPECT(order.destroyed == 1);
    EXPECT(sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_int(stmt, 0) == 7);
    EXPECT(sqlite3_finalize(stmt) == SQLITE_OK);
    EXPECT(sqlite3_bind_pointer(NULL, 1, &order, "order", order_destroy) == SQLITE_MISUSE);
    EXPECT(order.destroyed == 2);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
}

static void
auto_seven(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    (void)values;
    sqlite3_result_int(context, 7);
}

/* The entries of extensions that are linked in. */
static int
auto_entry(sqlite3 *db, char **message, const sqlite3_api_routines *api)
{
    EXPECT(api != NULL && message != NULL);
    return sqlite3_create_function(db, "seven", 0, SQLITE_UTF8, NULL, auto_seven, NULL, NULL);
}

static int
auto_failing(sqlite3 *db, char **message, const sqlite3_api_routines *api)
{
    (void)db;
    (void)api;
    *message = sqlite3_mprintf("not today");
    return SQLITE_ERROR;
}

typedef int auto_function(sqlite3 *db, char **message, const sqlite3_api_routines *api);

/* An entry as sqlite3_auto_extension takes it. */
static void (*auto_given(auto_function *entry))(void)
{
    union {
        auto_function *entry;
        void (*given)(void);
    } function = {entry};

    return function.given;
}

static void
test_auto_extension(void)
{
    sqlite3 *db;

    EXPECT(sqlite3_auto_extension(NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_auto_extension(auto_given(auto_entry)) == SQLITE_OK);
    EXPECT(sqlite3_auto_extension(auto_given(auto_entry)) == SQLITE_OK);
    db = compat_open_memory();
    EXPECT(sqlite3_exec(db, "SELECT seven()", NULL, NULL, NULL) == SQLITE_OK);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
    EXPECT(sqlite3_cancel_auto_extension(auto_given(auto_failing)) == 0);
    EXPECT(sqlite3_auto_extension(auto_given(auto_failing)) == SQLITE_OK);
    EXPECT(sqlite3_open(":memory:", &db) == SQLITE_ERROR);
    EXPECT(strcmp(sqlite3_errmsg(db), "automatic extension loading failed: not today") == 0);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
    EXPECT(sqlite3_cancel_auto_extension(auto_given(auto_failing)) == 1);
    db = compat_open_memory();
    EXPECT(sqlite3_exec(db, "SELECT seven()", NULL, NULL, NULL) == SQLITE_OK);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
    sqlite3_reset_auto_extension();
    db = compat_open_memory();
    EXPECT(sqlite3_exec(db, "SELECT seven()", NULL, NULL, NULL) == SQLITE_ERROR);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
}

static void
test_refused(void)
{
    sqlite3 *db = compat_open_memory();

    EXPECT(sqlite3_load_extension(db, "x", NULL, NULL) == SQLITE_ERROR);
    EXPECT(strcmp(sqlite3_errmsg(db), "not authorized") == 0);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
}

/* ---- backups and images ---- */

#define COMPAT_COUNT "SELECT count(*) || ',' || sum(a) FROM t"

static sqlite3 *
compat_open_filled(void)
{
    sqlite3 *db = compat_open_memory();

    EXPECT(sqlite3_exec(db,
                        "CREATE TABLE t(a INTEGER PRIMARY KEY, b); INSERT INTO t(b) WITH RECURSIVE "
                        "n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 2000) "
                        "SELECT hex(zeroblob(20)) FROM n",
                        NULL, NULL, NULL) == SQLITE_OK);
    return db;
}

static void
test_backup(void)
{
    sqlite3 *from = compat_open_filled();
    sqlite3 *to = compat_open_memory();
    sqlite3_backup *backup;
    int steps = 0;
    int code;

    EXPECT(sqlite3_backup_init(to, "main", to, "main") == NULL);
    EXPECT(strcmp(sqlite3_errmsg(to), "source and destination must be distinct") == 0);
    EXPECT(sqlite3_backup_init(to, "none", from, "main") == NULL);
    EXPECT(strcmp(sqlite3_errmsg(to), "unknown database none") == 0);
    EXPECT(sqlite3_backup_init(NULL, "main", from, "main") == NULL);
    backup = sqlite3_backup_init(to, "main", from, "main");
    EXPECT(backup != NULL);
    while ((code = sqlite3_backup_step(backup, 1)) == SQLITE_OK) {
        EXPECT(sqlite3_backup_remaining(backup) > 0);
        EXPECT(sqlite3_backup_pagecount(backup) >= sqlite3_backup_remaining(backup));
        steps++;
    }
    EXPECT(code == SQLITE_DONE && steps > 1);
    EXPECT(sqlite3_backup_remaining(backup) == 0);
    EXPECT(sqlite3_close(from) == SQLITE_BUSY);
    EXPECT(sqlite3_close_v2(from) == SQLITE_OK); /* waits for the backup */
    EXPECT(sqlite3_backup_finish(backup) == SQLITE_OK);
    EXPECT(strcmp(compat_one(to, COMPAT_COUNT), "2000,2001000") == 0);
    EXPECT(sqlite3_backup_finish(NULL) == SQLITE_OK);
    EXPECT(sqlite3_close(to) == SQLITE_OK);
}

static void
test_images(void)
{
    sqlite3 *from = compat_open_filled();
    sqlite3 *to = compat_open_memory();
    unsigned char bad[] = "abc";
    sqlite3_int64 size = 0;
    unsigned char *image = sqlite3_serialize(from, "main", &size, 0);

    EXPECT(image != NULL && size > 4096 && memcmp(image, "SQLite format 3", 16) == 0);
    EXPECT(sqlite3_serialize(from, "main", &size, SQLITE_SERIALIZE_NOCOPY) == NULL && size > 4096);
    EXPECT(sqlite3_deserialize(to, "main", image, size, size,
                               SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE) ==
           SQLITE_OK);
    EXPECT(strcmp(compat_one(to, COMPAT_COUNT), "2000,2001000") == 0);
    EXPECT(sqlite3_exec(to, "INSERT INTO t VALUES(5000, 1)", NULL, NULL, NULL) == SQLITE_OK);
    image = sqlite3_serialize(from, NULL, &size, SQLITE_SERIALIZE_VELOCIDB);
    EXPECT(image != NULL && memcmp(image, "SQLite format 3", 16) != 0);
    EXPECT(sqlite3_deserialize(to, NULL, image, size, size, SQLITE_DESERIALIZE_READONLY) ==
           SQLITE_OK);
    sqlite3_free(image);
    EXPECT(strcmp(compat_one(to, COMPAT_COUNT), "2000,2001000") == 0);
    EXPECT(sqlite3_exec(to, "DELETE FROM t", NULL, NULL, NULL) == SQLITE_READONLY);
    EXPECT(sqlite3_deserialize(to, NULL, bad, 3, 3, 0) == SQLITE_NOTADB);
    EXPECT(sqlite3_deserialize(to, NULL, NULL, -1, 3, 0) == SQLITE_MISUSE);
    EXPECT(sqlite3_exec(to, "ATTACH ':memory:' AS x; CREATE TABLE x.u(a); INSERT INTO u VALUES(7)",
                        NULL, NULL, NULL) == SQLITE_OK);
    EXPECT(sqlite3_serialize(to, "y", &size, 0) == NULL);
    image = sqlite3_serialize(to, "x", &size, 0);
    EXPECT(image != NULL && sqlite3_deserialize(from, "main", image, size, size,
                                                SQLITE_DESERIALIZE_FREEONCLOSE) == SQLITE_OK);
    EXPECT(strcmp(compat_one(from, "SELECT a FROM u"), "7") == 0);
    EXPECT(strcmp(compat_one(to, COMPAT_COUNT), "2000,2001000") == 0);
    EXPECT(sqlite3_close(from) == SQLITE_OK);
    EXPECT(sqlite3_close(to) == SQLITE_OK);
}

/* A file of SQLite's: refused with words that help, or converted. */
static void
test_foreign_file(void)
{
    sqlite3 *db = compat_open_filled();
    sqlite3_int64 size = 0;
    unsigned char *image = sqlite3_serialize(db, "main", &size, 0);
    char path[100];
    char uri[160];
    FILE *file;

    EXPECT(sqlite3_close(db) == SQLITE_OK);
    (void)snprintf(path, sizeof path, "%s/foreign", compat_folder);
    file = fopen(path, "wb");
    EXPECT(file != NULL);
    if (file == NULL)
        return;
    EXPECT(fwrite(image, 1, (size_t)size, file) == (size_t)size);
    (void)fclose(file);
    sqlite3_free(image);
    EXPECT(sqlite3_open(path, &db) == SQLITE_OK);
    EXPECT(sqlite3_exec(db, "SELECT 1 FROM t", NULL, NULL, NULL) == SQLITE_NOTADB);
    EXPECT(strstr(sqlite3_errmsg(db), "velocidb convert") != NULL);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
    (void)snprintf(uri, sizeof uri, "file:%s?sqlite_files=convert", path);
    EXPECT(sqlite3_open_v2(uri, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI, NULL) == SQLITE_OK);
    EXPECT(strcmp(compat_one(db, COMPAT_COUNT), "2000,2001000") == 0);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/foreign.sqlite-orig", compat_folder);
    EXPECT(unlink(path) == 0);
}

/* Gives its argument a subtype: the second one, or its own. */
static void
compat_mark(sqlite3_context *context, int count, sqlite3_value **values)
{
    sqlite3_result_value(context, values[0]);
    if (count > 1)
        sqlite3_result_subtype(context, (unsigned)sqlite3_value_int(values[1]));
}

static void
compat_subtype(sqlite3_context *context, int count, sqlite3_value **values)
{
    sqlite3_value *copy = sqlite3_value_dup(values[0]);

    EXPECT(count == 1 && copy != NULL);
    EXPECT(sqlite3_value_subtype(copy) == sqlite3_value_subtype(values[0]));
    sqlite3_result_int64(context, (sqlite3_int64)sqlite3_value_subtype(values[0]));
    sqlite3_value_free(copy);
}

static void
test_subtypes(void)
{
    static const char *const cases[][2] = {
        {"SELECT subtype(mark(a, 7)) FROM t", "7"},
        {"SELECT subtype(mark(b, 300)) FROM t", "44"},
        {"SELECT subtype(mark(NULL, 9))", "9"},
        {"SELECT subtype(mark(x'00', 9))", "9"},
        {"SELECT subtype(mark(mark(a, 7))) FROM t", "7"},
        {"SELECT subtype(CASE a WHEN 1 THEN mark(a, 7) END) FROM t", "7"},
        {"SELECT subtype(coalesce(NULL, mark(a, 7))) FROM t", "7"},
        {"SELECT subtype(mark(a, 7) + 0) FROM t", "0"},
        {"SELECT subtype((SELECT mark(a, 7))) FROM t", "0"},
        {"SELECT subtype(a) FROM t", "0"},
        {"SELECT subtype(b) FROM t", "0"},
        {"SELECT subtype(json_array(a)) FROM t", "74"},
        {"SELECT subtype('[1]')", "0"},
        {"SELECT json_array(mark('[1]', 74))", "[[1]]"},
        {"SELECT json_array(mark('[1]', 73))", "[\"[1]\"]"},
        {"SELECT json_array(mark(json('[1]')))", "[[1]]"},
    };
    sqlite3 *db = compat_open_memory();
    int flags = SQLITE_UTF8 | SQLITE_SUBTYPE | SQLITE_RESULT_SUBTYPE;

    EXPECT(sqlite3_create_function(db, "mark", -1, flags, NULL, compat_mark, NULL, NULL) ==
           SQLITE_OK);
    EXPECT(sqlite3_create_function(db, "subtype", 1, flags | SQLITE_DETERMINISTIC, NULL,
                                   compat_subtype, NULL, NULL) == SQLITE_OK);
    EXPECT(sqlite3_exec(db, "CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 'two')", NULL, NULL,
                        NULL) == SQLITE_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *got = compat_one(db, cases[i][0]);

        EXPECT(strcmp(got, cases[i][1]) == 0);
        if (strcmp(got, cases[i][1]) != 0)
            printf("%s: %s\n", cases[i][0], got);
    }
    EXPECT(sqlite3_close(db) == SQLITE_OK);
}

/* Settings that programs' tests ask for. */
static void
test_settings(void)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    int is_on = -1;

    EXPECT(sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK);
    EXPECT(sqlite3_db_readonly(db, "main") == 1);
    EXPECT(sqlite3_exec(db, "CREATE TABLE t(a)", NULL, NULL, NULL) == SQLITE_READONLY);
    EXPECT(strcmp(sqlite3_errmsg(db), "attempt to write a readonly database") == 0);
    EXPECT(sqlite3_exec(db, "CREATE TEMP TABLE t(a); INSERT INTO t VALUES(1)", NULL, NULL, NULL) ==
           SQLITE_OK);
    EXPECT(sqlite3_close(db) == SQLITE_OK);

    db = compat_open_memory();
    EXPECT(
        sqlite3_exec(db,
                     "CREATE TABLE t(a); CREATE TABLE u(b); CREATE TEMP TABLE v(c);"
                     "CREATE TRIGGER x AFTER INSERT ON t BEGIN INSERT INTO u VALUES(1); END;"
                     "CREATE TEMP TRIGGER y AFTER INSERT ON t BEGIN INSERT INTO v VALUES(1); END",
                     NULL, NULL, NULL) == SQLITE_OK);
    EXPECT(sqlite3_prepare_v2(db, "INSERT INTO t VALUES(1)", -1, &stmt, NULL) == SQLITE_OK);
    EXPECT(sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, -1, &is_on) == SQLITE_OK);
    EXPECT(is_on == 1);
    EXPECT(sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, &is_on) == SQLITE_OK);
    EXPECT(is_on == 0);
    EXPECT(sqlite3_step(stmt) == SQLITE_DONE);
    EXPECT(strcmp(compat_one(db, "SELECT (SELECT count(*) FROM u)*10+(SELECT count(*) FROM v)"),
                  "1") == 0);
    EXPECT(sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 1, NULL) == SQLITE_OK);
    EXPECT(sqlite3_reset(stmt) == SQLITE_OK && sqlite3_step(stmt) == SQLITE_DONE);
    EXPECT(strcmp(compat_one(db, "SELECT (SELECT count(*) FROM u)*10+(SELECT count(*) FROM v)"),
                  "12") == 0);
    EXPECT(sqlite3_finalize(stmt) == SQLITE_OK);
    EXPECT(sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 1, &is_on) == SQLITE_OK);
    EXPECT(is_on == 1);

    EXPECT(sqlite3_prepare_v2(db, "BEGIN", -1, &stmt, NULL) == SQLITE_OK);
    EXPECT(sqlite3_stmt_readonly(stmt) == 1 && sqlite3_finalize(stmt) == SQLITE_OK);
    EXPECT(sqlite3_prepare_v2(db, "BEGIN IMMEDIATE", -1, &stmt, NULL) == SQLITE_OK);
    EXPECT(sqlite3_stmt_readonly(stmt) == 0 && sqlite3_finalize(stmt) == SQLITE_OK);

    EXPECT(strcmp(compat_one(db, "SELECT sqlite_master.name FROM sqlite_master"), "t") == 0);
    EXPECT(strcmp(compat_one(db, "SELECT sqlite_temp_master.name FROM sqlite_temp_schema"), "v") ==
           0);
    EXPECT(strcmp(compat_one(db, "SELECT sqlite_temp_master.name FROM sqlite_schema"), "(error)") ==
           0);
    EXPECT(strcmp(compat_one(db, "SELECT sqlite_master.name FROM sqlite_master x"), "(error)") ==
           0);
    EXPECT(strcmp(compat_one(db, "PRAGMA read_uncommitted"), "0") == 0);
    EXPECT(sqlite3_exec(db, "PRAGMA read_uncommitted = 1", NULL, NULL, NULL) == SQLITE_OK);
    EXPECT(strcmp(compat_one(db, "PRAGMA read_uncommitted"), "1") == 0);
    EXPECT(strcmp(compat_one(db, "PRAGMA journal_mode = wal"), "memory") == 0);
    EXPECT(strcmp(compat_one(db, "PRAGMA journal_mode = off"), "off") == 0);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
}

/* What SQLite's shell does for its parameters. */
static void
test_reserved_names(void)
{
    sqlite3 *db = compat_open_memory();
    int is_on = -1;

    EXPECT(sqlite3_exec(db, "CREATE TEMP TABLE sqlite_x(a)", NULL, NULL, NULL) == SQLITE_ERROR);
    EXPECT(sqlite3_db_config(db, SQLITE_DBCONFIG_WRITABLE_SCHEMA, 1, &is_on) == SQLITE_OK);
    EXPECT(is_on == 1 && strcmp(compat_one(db, "PRAGMA writable_schema"), "1") == 0);
    EXPECT(sqlite3_exec(db, "CREATE TEMP TABLE sqlite_x(a); INSERT INTO sqlite_x VALUES(5)", NULL,
                        NULL, NULL) == SQLITE_OK);
    EXPECT(strcmp(compat_one(db, "SELECT a FROM sqlite_x"), "5") == 0);
    EXPECT(sqlite3_exec(db, "CREATE TABLE main.sqlite_y(a)", NULL, NULL, NULL) == SQLITE_ERROR);
    EXPECT(sqlite3_exec(db, "CREATE TEMP TABLE sqlite_stat1(a)", NULL, NULL, NULL) == SQLITE_ERROR);
    EXPECT(sqlite3_db_config(db, SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0, NULL) == SQLITE_OK);
    EXPECT(sqlite3_exec(db, "DROP TABLE sqlite_x", NULL, NULL, NULL) == SQLITE_ERROR);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
}

static void
test_journal_modes(void)
{
    sqlite3 *db = NULL;
    char path[96];

    (void)snprintf(path, sizeof path, "%s/settings.db", compat_folder);
    EXPECT(sqlite3_open(path, &db) == SQLITE_OK);
    EXPECT(strcmp(compat_one(db, "PRAGMA journal_mode"), "delete") == 0);
    EXPECT(strcmp(compat_one(db, "PRAGMA journal_mode = truncate"), "truncate") == 0);
    EXPECT(strcmp(compat_one(db, "PRAGMA journal_mode = nonsense"), "truncate") == 0);
    EXPECT(strcmp(compat_one(db, "PRAGMA journal_mode = wal"), "wal") == 0);
    EXPECT(strcmp(compat_one(db, "PRAGMA journal_mode = nonsense"), "wal") == 0);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
    EXPECT(sqlite3_open(path, &db) == SQLITE_OK);
    EXPECT(strcmp(compat_one(db, "PRAGMA journal_mode"), "wal") == 0);
    EXPECT(strcmp(compat_one(db, "PRAGMA journal_mode = persist"), "persist") == 0);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
    EXPECT(unlink(path) == 0);
}

int
main(void)
{
    const char *temporary = getenv("TMPDIR");

    (void)snprintf(compat_folder, sizeof compat_folder, "%.40s/compat.XXXXXX",
                   temporary == NULL ? "/tmp" : temporary);
    if (mkdtemp(compat_folder) == NULL) {
        printf("no temporary folder\n");
        return 1;
    }
    test_rows();
    test_errors();
    test_exec_and_tables();
    test_printf();
    test_utf16();
    test_functions();
    test_files();
    test_hooks_and_blobs();
    test_collations();
    test_windows();
    test_authorizer();
    test_changes_and_client_data();
    test_log_and_numbers();
    test_pointers();
    test_auto_extension();
    test_refused();
    test_backup();
    test_images();
    test_foreign_file();
    test_settings();
    test_reserved_names();
    test_journal_modes();
    test_subtypes();
    EXPECT(sqlite3_memory_used() >= 0);
    {
        char command[160];

        (void)snprintf(command, sizeof command, "%s/a.db", compat_folder);
        (void)unlink(command);
        (void)snprintf(command, sizeof command, "%s/a.db-wal", compat_folder);
        (void)unlink(command);
        (void)rmdir(compat_folder);
    }
    printf("test_compat: %d passed, %d failed\n", compat_passed, compat_failed);
    return compat_failed != 0;
}
