/* test_compat_misuse.c - the functions of SQLite's interface called wrongly: without handles and
 * texts, with handles that are closed, out of range, and without memory. Nothing crashes, and what
 * returns a code returns one that says so.
 *
 * It includes our sqlite3.h and nothing of VelociDB. Functions of one signature share a table. */
#define _GNU_SOURCE
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int misuse_failed;
static int misuse_passed;

#define EXPECT_NAMED(condition, name)                                                              \
    do {                                                                                           \
        if (condition) {                                                                           \
            misuse_passed++;                                                                       \
        } else {                                                                                   \
            misuse_failed++;                                                                       \
            printf("%s:%d: %s: %s\n", __FILE__, __LINE__, name, #condition);                       \
        }                                                                                          \
    } while (0)
#define EXPECT(condition) EXPECT_NAMED(condition, "")

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* A function with its name. */
#define ENTRY(name) {name, #name}

/* ---- no connection ---- */

static void
test_codes_of_no_connection(void)
{
    static const struct {
        int (*call)(sqlite3 *);
        const char *name;
        int wanted;
    } table[] = {
        {sqlite3_close, "sqlite3_close", SQLITE_OK},
        {sqlite3_close_v2, "sqlite3_close_v2", SQLITE_OK},
        {sqlite3_changes, "sqlite3_changes", 0},
        {sqlite3_total_changes, "sqlite3_total_changes", 0},
        {sqlite3_get_autocommit, "sqlite3_get_autocommit", 1},
        {sqlite3_errcode, "sqlite3_errcode", SQLITE_NOMEM},
        {sqlite3_extended_errcode, "sqlite3_extended_errcode", SQLITE_NOMEM},
        {sqlite3_error_offset, "sqlite3_error_offset", -1},
        {sqlite3_db_release_memory, "sqlite3_db_release_memory", SQLITE_MISUSE},
        {sqlite3_db_cacheflush, "sqlite3_db_cacheflush", SQLITE_MISUSE},
        {sqlite3_system_errno, "sqlite3_system_errno", 0},
        {sqlite3_preupdate_count, "sqlite3_preupdate_count", 0},
        {sqlite3_preupdate_depth, "sqlite3_preupdate_depth", 0},
        {sqlite3_preupdate_blobwrite, "sqlite3_preupdate_blobwrite", -1},
    };

    for (size_t i = 0; i < COUNT(table); i++)
        EXPECT_NAMED(table[i].call(NULL) == table[i].wanted, table[i].name);
    EXPECT(sqlite3_changes64(NULL) == 0);
    EXPECT(sqlite3_total_changes64(NULL) == 0);
    EXPECT(sqlite3_last_insert_rowid(NULL) == 0);
    EXPECT(strcmp(sqlite3_errmsg(NULL), "out of memory") == 0);
    EXPECT(sqlite3_errmsg16(NULL) != NULL);
    EXPECT(sqlite3_next_stmt(NULL, NULL) == NULL);
    EXPECT(sqlite3_db_mutex(NULL) == NULL);
    EXPECT(sqlite3_db_name(NULL, 0) == NULL);
    EXPECT(sqlite3_db_filename(NULL, "main") == NULL);
    EXPECT(sqlite3_get_clientdata(NULL, "x") == NULL);
    sqlite3_interrupt(NULL);
    sqlite3_set_last_insert_rowid(NULL, 1);
}

static void
test_calls_without_connection(void)
{
    sqlite3_stmt *stmt = (sqlite3_stmt *)1;
    sqlite3_blob *blob = NULL;
    const char *text = NULL;
    char *message = NULL;
    char **rows = NULL;
    int a = 0;
    int b = 0;

    EXPECT(sqlite3_exec(NULL, "SELECT 1", NULL, NULL, &message) == SQLITE_MISUSE);
    EXPECT(sqlite3_get_table(NULL, "SELECT 1", &rows, &a, &b, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_prepare(NULL, "SELECT 1", -1, &stmt, NULL) == SQLITE_MISUSE && stmt == NULL);
    EXPECT(sqlite3_prepare_v2(NULL, "SELECT 1", -1, &stmt, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_prepare_v3(NULL, "SELECT 1", -1, 0, &stmt, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_prepare16(NULL, L"", -1, &stmt, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_prepare16_v2(NULL, L"", -1, &stmt, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_prepare16_v3(NULL, L"", -1, 0, &stmt, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_busy_timeout(NULL, 1) == SQLITE_MISUSE);
    EXPECT(sqlite3_busy_handler(NULL, NULL, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_extended_result_codes(NULL, 1) == SQLITE_MISUSE);
    EXPECT(sqlite3_limit(NULL, 0, 1) == -1);
    EXPECT(sqlite3_db_readonly(NULL, "main") == -1);
    EXPECT(sqlite3_txn_state(NULL, NULL) == -1);
    EXPECT(sqlite3_db_status(NULL, 0, &a, &b, 0) == SQLITE_MISUSE);
    EXPECT(sqlite3_db_config(NULL, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_blob_open(NULL, "main", "t", "c", 1, 0, &blob) == SQLITE_MISUSE);
    EXPECT(sqlite3_table_column_metadata(NULL, NULL, "t", "c", &text, NULL, NULL, NULL, NULL) ==
           SQLITE_MISUSE);
    EXPECT(sqlite3_file_control(NULL, NULL, 0, NULL) != SQLITE_OK);
    EXPECT(sqlite3_wal_checkpoint(NULL, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_wal_checkpoint_v2(NULL, NULL, 0, NULL, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_wal_autocheckpoint(NULL, 1) == SQLITE_MISUSE);
    EXPECT(sqlite3_create_function(NULL, "f", 0, 1, NULL, NULL, NULL, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_create_function16(NULL, L"f", 0, 1, NULL, NULL, NULL, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_create_window_function(NULL, "f", 0, 1, NULL, NULL, NULL, NULL, NULL, NULL) ==
           SQLITE_MISUSE);
    EXPECT(sqlite3_overload_function(NULL, "f", 1) == SQLITE_MISUSE);
    EXPECT(sqlite3_create_collation(NULL, "c", 1, NULL, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_create_collation16(NULL, L"c", 1, NULL, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_collation_needed(NULL, NULL, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_collation_needed16(NULL, NULL, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_set_authorizer(NULL, NULL, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_trace_v2(NULL, 0, NULL, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_set_clientdata(NULL, "x", NULL, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_autovacuum_pages(NULL, NULL, NULL, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_commit_hook(NULL, NULL, NULL) == NULL);
    EXPECT(sqlite3_rollback_hook(NULL, NULL, NULL) == NULL);
    EXPECT(sqlite3_update_hook(NULL, NULL, NULL) == NULL);
    EXPECT(sqlite3_preupdate_hook(NULL, NULL, NULL) == NULL);
    EXPECT(sqlite3_trace(NULL, NULL, NULL) == NULL);
    EXPECT(sqlite3_profile(NULL, NULL, NULL) == NULL);
    EXPECT(sqlite3_wal_hook(NULL, NULL, NULL) == NULL);
    EXPECT(sqlite3_preupdate_old(NULL, 0, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_preupdate_new(NULL, 0, NULL) == SQLITE_MISUSE);
    sqlite3_progress_handler(NULL, 1, NULL, NULL);
    EXPECT(sqlite3_open(NULL, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_open16(NULL, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_open_v2(":memory:", NULL, SQLITE_OPEN_READWRITE, NULL) == SQLITE_MISUSE);
}

/* ---- no statement, no value, nothing at all ---- */

static void
test_no_statement(void)
{
    static const struct {
        int (*call)(sqlite3_stmt *);
        const char *name;
        int wanted;
    } table[] = {
        {sqlite3_step, "sqlite3_step", SQLITE_MISUSE},
        {sqlite3_reset, "sqlite3_reset", SQLITE_OK},
        {sqlite3_finalize, "sqlite3_finalize", SQLITE_OK},
        {sqlite3_column_count, "sqlite3_column_count", 0},
        {sqlite3_data_count, "sqlite3_data_count", 0},
        {sqlite3_bind_parameter_count, "sqlite3_bind_parameter_count", 0},
        {sqlite3_clear_bindings, "sqlite3_clear_bindings", SQLITE_MISUSE},
        {sqlite3_stmt_busy, "sqlite3_stmt_busy", 0},
        {sqlite3_stmt_readonly, "sqlite3_stmt_readonly", 1},
        {sqlite3_stmt_isexplain, "sqlite3_stmt_isexplain", 0},
    };
    static const struct {
        int (*call)(sqlite3_stmt *, int);
        const char *name;
        int wanted;
    } columns[] = {
        {sqlite3_column_bytes, "sqlite3_column_bytes", 0},
        {sqlite3_column_bytes16, "sqlite3_column_bytes16", 0},
        {sqlite3_column_int, "sqlite3_column_int", 0},
        {sqlite3_column_type, "sqlite3_column_type", SQLITE_NULL},
        {sqlite3_bind_null, "sqlite3_bind_null", SQLITE_MISUSE},
    };
    static const struct {
        const char *(*call)(sqlite3_stmt *, int);
        const char *name;
    } texts[] = {ENTRY(sqlite3_column_name),        ENTRY(sqlite3_column_decltype),
                 ENTRY(sqlite3_column_table_name),  ENTRY(sqlite3_column_database_name),
                 ENTRY(sqlite3_column_origin_name), ENTRY(sqlite3_bind_parameter_name)};
    static const struct {
        const void *(*call)(sqlite3_stmt *, int);
        const char *name;
    } wide[] = {ENTRY(sqlite3_column_name16),        ENTRY(sqlite3_column_decltype16),
                ENTRY(sqlite3_column_table_name16),  ENTRY(sqlite3_column_database_name16),
                ENTRY(sqlite3_column_origin_name16), ENTRY(sqlite3_column_blob),
                ENTRY(sqlite3_column_text16)};

    for (size_t i = 0; i < COUNT(table); i++)
        EXPECT_NAMED(table[i].call(NULL) == table[i].wanted, table[i].name);
    for (size_t i = 0; i < COUNT(columns); i++)
        EXPECT_NAMED(columns[i].call(NULL, 0) == columns[i].wanted, columns[i].name);
    for (size_t i = 0; i < COUNT(texts); i++)
        EXPECT_NAMED(texts[i].call(NULL, 0) == NULL, texts[i].name);
    for (size_t i = 0; i < COUNT(wide); i++)
        EXPECT_NAMED(wide[i].call(NULL, 0) == NULL, wide[i].name);
    EXPECT(sqlite3_column_text(NULL, 0) == NULL);
    EXPECT(sqlite3_column_int64(NULL, 0) == 0);
    EXPECT(sqlite3_column_double(NULL, 0) == 0.0);
    EXPECT(sqlite3_value_type(sqlite3_column_value(NULL, 0)) == SQLITE_NULL);
}

static void
test_bind_to_no_statement(void)
{
    EXPECT(sqlite3_bind_int(NULL, 1, 1) == SQLITE_MISUSE);
    EXPECT(sqlite3_bind_int64(NULL, 1, 1) == SQLITE_MISUSE);
    EXPECT(sqlite3_bind_double(NULL, 1, 1) == SQLITE_MISUSE);
    EXPECT(sqlite3_bind_text(NULL, 1, "x", 1, SQLITE_STATIC) == SQLITE_MISUSE);
    EXPECT(sqlite3_bind_text64(NULL, 1, "x", 1, SQLITE_STATIC, SQLITE_UTF8) == SQLITE_MISUSE);
    EXPECT(sqlite3_bind_text16(NULL, 1, L"", 0, SQLITE_STATIC) == SQLITE_MISUSE);
    EXPECT(sqlite3_bind_blob(NULL, 1, "x", 1, SQLITE_STATIC) == SQLITE_MISUSE);
    EXPECT(sqlite3_bind_blob64(NULL, 1, "x", 1, SQLITE_STATIC) == SQLITE_MISUSE);
    EXPECT(sqlite3_bind_zeroblob(NULL, 1, 1) == SQLITE_MISUSE);
    EXPECT(sqlite3_bind_zeroblob64(NULL, 1, 1) == SQLITE_MISUSE);
    EXPECT(sqlite3_bind_value(NULL, 1, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_bind_pointer(NULL, 1, NULL, "x", NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_bind_parameter_index(NULL, "x") == 0);
    EXPECT(sqlite3_sql(NULL) == NULL);
    EXPECT(sqlite3_expanded_sql(NULL) == NULL);
    EXPECT(sqlite3_db_handle(NULL) == NULL);
    EXPECT(sqlite3_stmt_status(NULL, 1, 0) == 0);
}

static void
test_no_value(void)
{
    EXPECT(sqlite3_value_type(NULL) == SQLITE_NULL);
    EXPECT(sqlite3_value_numeric_type(NULL) == SQLITE_NULL);
    EXPECT(sqlite3_value_int(NULL) == 0);
    EXPECT(sqlite3_value_int64(NULL) == 0);
    EXPECT(sqlite3_value_double(NULL) == 0.0);
    EXPECT(sqlite3_value_text(NULL) == NULL);
    EXPECT(sqlite3_value_text16(NULL) == NULL);
    EXPECT(sqlite3_value_text16le(NULL) == NULL);
    EXPECT(sqlite3_value_text16be(NULL) == NULL);
    EXPECT(sqlite3_value_blob(NULL) == NULL);
    EXPECT(sqlite3_value_bytes(NULL) == 0);
    EXPECT(sqlite3_value_bytes16(NULL) == 0);
    EXPECT(sqlite3_value_dup(NULL) == NULL);
    EXPECT(sqlite3_value_pointer(NULL, "x") == NULL);
    EXPECT(sqlite3_value_subtype(NULL) == 0);
    EXPECT(sqlite3_value_frombind(NULL) == 0);
    EXPECT(sqlite3_value_nochange(NULL) == 0);
    sqlite3_value_free(NULL);
}

static void
test_no_text(void)
{
    sqlite3_int64 now = 0;
    sqlite3_int64 peak = 0;

    sqlite3_free(NULL);
    sqlite3_free_table(NULL);
    sqlite3_free_filename(NULL);
    EXPECT(sqlite3_msize(NULL) == 0);
    EXPECT(sqlite3_malloc(-1) == NULL && sqlite3_malloc64(0) == NULL);
    EXPECT(sqlite3_realloc(NULL, 0) == NULL);
    EXPECT(sqlite3_mprintf(NULL) == NULL);
    EXPECT(sqlite3_blob_close(NULL) == SQLITE_OK);
    EXPECT(sqlite3_blob_bytes(NULL) == 0);
    EXPECT(sqlite3_blob_reopen(NULL, 1) == SQLITE_MISUSE);
    EXPECT(sqlite3_blob_read(NULL, &now, 1, 0) == SQLITE_MISUSE);
    EXPECT(sqlite3_blob_write(NULL, &now, 1, 0) == SQLITE_MISUSE);
    EXPECT(sqlite3_complete(NULL) == 0);
    EXPECT(sqlite3_complete16(NULL) == 0);
    EXPECT(sqlite3_stricmp(NULL, NULL) == 0 && sqlite3_stricmp("a", NULL) > 0);
    EXPECT(sqlite3_strnicmp(NULL, "a", 1) < 0);
    EXPECT(sqlite3_strglob(NULL, "a") != 0 && sqlite3_strglob(NULL, NULL) == 0);
    EXPECT(sqlite3_strlike("a", NULL, 0) != 0);
    EXPECT(sqlite3_uri_parameter(NULL, "x") == NULL);
    EXPECT(sqlite3_uri_boolean(NULL, "x", 1) == 1);
    EXPECT(sqlite3_uri_int64(NULL, "x", 7) == 7);
    EXPECT(sqlite3_uri_key(NULL, 0) == NULL);
    EXPECT(sqlite3_filename_database(NULL) == NULL);
    EXPECT(sqlite3_filename_journal(NULL) == NULL);
    EXPECT(sqlite3_filename_wal(NULL) == NULL);
    EXPECT(sqlite3_status64(99, &now, &peak, 0) == SQLITE_MISUSE);
    EXPECT(sqlite3_status64(0, NULL, NULL, 0) == SQLITE_MISUSE);
    EXPECT(sqlite3_keyword_name(-1, NULL, NULL) == SQLITE_ERROR);
    EXPECT(sqlite3_keyword_check(NULL, 0) == 0);
    EXPECT(sqlite3_compileoption_get(-1) == NULL && sqlite3_compileoption_get(9999) == NULL);
    EXPECT(sqlite3_compileoption_used(NULL) == 0);
    EXPECT(sqlite3_vfs_register(NULL, 0) == SQLITE_MISUSE);
    EXPECT(sqlite3_vfs_unregister(NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_vfs_find("no such one") == NULL);
    sqlite3_mutex_enter(NULL);
    sqlite3_mutex_leave(NULL);
    sqlite3_mutex_free(NULL);
    EXPECT(sqlite3_mutex_try(NULL) == SQLITE_OK);
    sqlite3_randomness(0, NULL);
    EXPECT(sqlite3_str_finish(NULL) == NULL);
    EXPECT(sqlite3_str_value(NULL) == NULL);
    EXPECT(sqlite3_str_length(NULL) == 0);
    EXPECT(sqlite3_str_errcode(NULL) == SQLITE_NOMEM);
    EXPECT(sqlite3_snprintf(0, NULL, "x") == NULL);
}

/* ---- handles that are there, used wrongly ---- */

static void
test_out_of_range(void)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    sqlite3_blob *blob = NULL;
    int a = 0;
    int b = 0;

    EXPECT(sqlite3_open(":memory:", &db) == SQLITE_OK);
    EXPECT(sqlite3_exec(db, NULL, NULL, NULL, NULL) == SQLITE_OK); /* as SQLite: no text */
    EXPECT(sqlite3_prepare_v2(db, NULL, -1, &stmt, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_prepare_v2(db, "SELECT 1", -1, NULL, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_prepare_v2(db, "SELECT ?1, 'x'", -1, &stmt, NULL) == SQLITE_OK);
    EXPECT(sqlite3_bind_int(stmt, 0, 1) == SQLITE_RANGE);
    EXPECT(sqlite3_bind_text(stmt, 2, "x", 1, SQLITE_STATIC) == SQLITE_RANGE);
    EXPECT(sqlite3_bind_parameter_name(stmt, 9) == NULL);
    EXPECT(sqlite3_bind_parameter_index(stmt, NULL) == 0);
    EXPECT(sqlite3_column_type(stmt, 0) == SQLITE_NULL); /* no row */
    EXPECT(sqlite3_step(stmt) == SQLITE_ROW);
    EXPECT(sqlite3_bind_int(stmt, 1, 1) == SQLITE_MISUSE); /* at work */
    EXPECT(sqlite3_column_text(stmt, -1) == NULL && sqlite3_column_text(stmt, 2) == NULL);
    EXPECT(sqlite3_column_name(stmt, 2) == NULL && sqlite3_column_name(stmt, -1) == NULL);
    EXPECT(sqlite3_column_int(stmt, 99) == 0);
    EXPECT(sqlite3_close(db) == SQLITE_BUSY);
    EXPECT(sqlite3_finalize(stmt) == SQLITE_OK);
    EXPECT(sqlite3_limit(db, 99, 1) == -1);
    EXPECT(sqlite3_db_status(db, 99, &a, &b, 0) == SQLITE_ERROR);
    EXPECT(sqlite3_db_status(db, 0, NULL, NULL, 0) == SQLITE_MISUSE);
    EXPECT(sqlite3_db_config(db, 1, 1, NULL) == SQLITE_ERROR);
    EXPECT(sqlite3_blob_open(db, "main", "nosuch", "c", 1, 0, &blob) == SQLITE_ERROR);
    EXPECT(sqlite3_create_function(db, NULL, 0, 1, NULL, NULL, NULL, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_create_function(db, "f", 1000000, 1, NULL, NULL, NULL, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_create_collation(db, NULL, 1, NULL, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_table_column_metadata(db, NULL, NULL, "c", NULL, NULL, NULL, NULL, NULL) ==
           SQLITE_MISUSE);
    EXPECT(sqlite3_set_clientdata(db, NULL, NULL, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
}

/* ---- no memory ---- */

static void
memory_function(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    sqlite3_result_text16(context, sqlite3_value_text16(values[0]), -1, SQLITE_TRANSIENT);
}

static int
memory_compare(void *arg, int left_size, const void *left, int right_size, const void *right)
{
    (void)arg;
    (void)left;
    (void)right;
    return left_size - right_size;
}

/* Use what asks for memory of the library; returns the first code that is no success. */
static int
memory_use(sqlite3 *db)
{
    static const char sql[] = "SELECT wide('abc' || ?), count(*) FROM t GROUP BY b COLLATE sized";
    sqlite3_stmt *stmt = NULL;
    char *message = NULL;
    int code =
        sqlite3_create_function(db, "wide", 1, SQLITE_UTF8, NULL, memory_function, NULL, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_create_collation(db, "sized", SQLITE_UTF8, NULL, memory_compare);
    if (code == SQLITE_OK)
        code = sqlite3_set_clientdata(db, "name", db, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, "DELETE FROM t; INSERT INTO t VALUES (1, 'x'), (2, 'y')", NULL,
                            NULL, &message);
    sqlite3_free(message);
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_bind_text16(stmt, 1, "x\0y\0", 4, SQLITE_TRANSIENT);
    while (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW)
        code = sqlite3_column_text16(stmt, 0) == NULL || sqlite3_column_name16(stmt, 0) == NULL
                   ? SQLITE_NOMEM
                   : SQLITE_OK;
    if (code == SQLITE_DONE)
        code = SQLITE_OK;
    (void)sqlite3_finalize(stmt);
    return code;
}

static void
test_no_memory(void)
{
    sqlite3 *db = NULL;
    sqlite3_int64 before;
    int failures = 0;
    int code = SQLITE_NOMEM;

    EXPECT(sqlite3_open(":memory:", &db) == SQLITE_OK);
    EXPECT(sqlite3_exec(db, "CREATE TABLE t(a INTEGER PRIMARY KEY, b)", NULL, NULL, NULL) ==
           SQLITE_OK);
    before = sqlite3_memory_used();
    for (sqlite3_int64 room = 1; code != SQLITE_OK && room < 1000000; room += 24 + room / 64) {
        (void)sqlite3_hard_heap_limit64(sqlite3_memory_used() + room);
        code = memory_use(db);
        (void)sqlite3_hard_heap_limit64(0);
        EXPECT(code == SQLITE_OK || code == SQLITE_NOMEM);
        failures += code != SQLITE_OK;
    }
    EXPECT(code == SQLITE_OK && failures > 5);
    EXPECT(sqlite3_exec(db, "SELECT count(*) FROM t", NULL, NULL, NULL) == SQLITE_OK);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
    EXPECT(sqlite3_memory_used() < before);
    (void)sqlite3_hard_heap_limit64(sqlite3_memory_used() + 1);
    EXPECT(sqlite3_open(":memory:", &db) == SQLITE_NOMEM);
    EXPECT(sqlite3_mprintf("%d", 1) == NULL);
    (void)sqlite3_hard_heap_limit64(0);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
}

int
main(void)
{
    test_codes_of_no_connection();
    test_calls_without_connection();
    test_no_statement();
    test_bind_to_no_statement();
    test_no_value();
    test_no_text();
    test_out_of_range();
    test_no_memory();
    printf("test_compat_misuse: %d passed, %d failed\n", misuse_passed, misuse_failed);
    return misuse_failed != 0;
}
