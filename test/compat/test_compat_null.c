/* test_compat_null.c - the rest of SQLite's interface without what it works on: functions that are
 * not in test_compat_misuse.c. test_symbols.sh fails when a name that the library exports is in
 * neither.
 *
 * What returns a code returns one that says so, what takes a destructor calls it, and nothing
 * crashes. It includes our sqlite3.h and nothing of VelociDB. */
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int null_failed;
static int null_passed;

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (condition) {                                                                           \
            null_passed++;                                                                         \
        } else {                                                                                   \
            null_failed++;                                                                         \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);                                 \
        }                                                                                          \
    } while (0)

static int null_destroyed;

static void
null_destroy(void *data)
{
    (void)data;
    null_destroyed++;
}

/* ---- functions of the application, called outside of any ---- */

static void
test_no_context(void)
{
    char bytes[] = "x";

    EXPECT(sqlite3_user_data(NULL) == NULL);
    EXPECT(sqlite3_context_db_handle(NULL) == NULL);
    EXPECT(sqlite3_aggregate_context(NULL, 8) == NULL);
    EXPECT(sqlite3_aggregate_count(NULL) == 0);
    EXPECT(sqlite3_get_auxdata(NULL, 0) == NULL);
    null_destroyed = 0;
    sqlite3_set_auxdata(NULL, 0, bytes, null_destroy);
    sqlite3_result_pointer(NULL, bytes, "x", null_destroy);
    sqlite3_result_text(NULL, bytes, 1, null_destroy);
    sqlite3_result_text64(NULL, bytes, 1, null_destroy, SQLITE_UTF8);
    sqlite3_result_text16(NULL, bytes, 0, null_destroy);
    sqlite3_result_text16le(NULL, bytes, 0, null_destroy);
    sqlite3_result_text16be(NULL, bytes, 0, null_destroy);
    sqlite3_result_blob(NULL, bytes, 1, null_destroy);
    sqlite3_result_blob64(NULL, bytes, 1, null_destroy);
    EXPECT(null_destroyed == 9);
    sqlite3_result_null(NULL);
    sqlite3_result_int(NULL, 1);
    sqlite3_result_int64(NULL, 1);
    sqlite3_result_double(NULL, 1);
    sqlite3_result_value(NULL, NULL);
    sqlite3_result_subtype(NULL, 1);
    sqlite3_result_zeroblob(NULL, 1);
    EXPECT(sqlite3_result_zeroblob64(NULL, 1) == SQLITE_MISUSE);
    sqlite3_result_error(NULL, "x", -1);
    sqlite3_result_error16(NULL, "\0\0", 0);
    sqlite3_result_error_code(NULL, SQLITE_ERROR);
    sqlite3_result_error_nomem(NULL);
    sqlite3_result_error_toobig(NULL);
    EXPECT(sqlite3_vtab_nochange(NULL) == 0);
    EXPECT(sqlite3_value_encoding(NULL) == SQLITE_UTF8);
}

/* ---- no connection ---- */

static void
test_no_connection(void)
{
    sqlite3_int64 size = 0;
    unsigned char image[1] = {0};

    EXPECT(sqlite3_backup_init(NULL, "main", NULL, "main") == NULL);
    EXPECT(sqlite3_backup_step(NULL, 1) == SQLITE_MISUSE);
    EXPECT(sqlite3_backup_finish(NULL) == SQLITE_OK);
    EXPECT(sqlite3_backup_remaining(NULL) == 0);
    EXPECT(sqlite3_backup_pagecount(NULL) == 0);
    EXPECT(sqlite3_serialize(NULL, "main", &size, 0) == NULL);
    EXPECT(sqlite3_deserialize(NULL, "main", image, 1, 1, 0) == SQLITE_MISUSE);
    null_destroyed = 0;
    EXPECT(sqlite3_create_function_v2(NULL, "f", 0, SQLITE_UTF8, NULL, NULL, NULL, NULL,
                                      null_destroy) == SQLITE_MISUSE);
    EXPECT(null_destroyed == 1);
    EXPECT(sqlite3_create_collation_v2(NULL, "c", SQLITE_UTF8, NULL, NULL, null_destroy) ==
           SQLITE_MISUSE);
    EXPECT(null_destroyed == 1); /* as in SQLite: not called when this fails */
    EXPECT(sqlite3_create_module(NULL, "m", NULL, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_create_module_v2(NULL, "m", NULL, NULL, null_destroy) == SQLITE_MISUSE);
    EXPECT(null_destroyed == 2);
    EXPECT(sqlite3_drop_modules(NULL, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_declare_vtab(NULL, "CREATE TABLE x(a)") == SQLITE_MISUSE);
    EXPECT(sqlite3_vtab_config(NULL, SQLITE_VTAB_INNOCUOUS) == SQLITE_MISUSE);
    EXPECT(sqlite3_vtab_on_conflict(NULL) == 0);
    EXPECT(sqlite3_load_extension(NULL, "x", NULL, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_enable_load_extension(NULL, 1) == SQLITE_MISUSE);
    EXPECT(sqlite3_unlock_notify(NULL, NULL, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_is_interrupted(NULL) == 0);
    EXPECT(sqlite3_expired(NULL) != 0);
    EXPECT(sqlite3_transfer_bindings(NULL, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_rtree_geometry_callback(NULL, "g", NULL, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_rtree_query_callback(NULL, "q", NULL, NULL, null_destroy) == SQLITE_MISUSE);
    EXPECT(null_destroyed == 3);
}

/* ---- virtual tables: what xBestIndex and xFilter may ask ---- */

static void
test_no_index_info(void)
{
    sqlite3_value *value = NULL;

    EXPECT(sqlite3_vtab_collation(NULL, 0) == NULL);
    EXPECT(sqlite3_vtab_distinct(NULL) == 0);
    EXPECT(sqlite3_vtab_in(NULL, 0, 0) == 0);
    EXPECT(sqlite3_vtab_rhs_value(NULL, 0, &value) == SQLITE_MISUSE);
    EXPECT(sqlite3_vtab_in_first(NULL, &value) == SQLITE_MISUSE);
    EXPECT(sqlite3_vtab_in_next(NULL, &value) == SQLITE_MISUSE);
}

/* ---- texts ---- */

static char *
null_format(const char *format, ...)
{
    va_list args;
    char *text;

    va_start(args, format);
    text = sqlite3_vmprintf(format, args);
    va_end(args);
    return text;
}

static void
null_append(sqlite3_str *str, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    sqlite3_str_vappendf(str, format, args);
    va_end(args);
}

static char *
null_print(int size, char *to, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    to = sqlite3_vsnprintf(size, to, format, args);
    va_end(args);
    return to;
}

static void
test_no_string(void)
{
    sqlite3_str *str;
    char *text;
    char room[4] = "abc";

    EXPECT(null_format(NULL) == NULL);
    EXPECT(null_print(4, NULL, "x") == NULL);
    EXPECT(null_print(0, room, "x") == room && strcmp(room, "abc") == 0);
    EXPECT(strcmp(null_print(4, room, "%s", "longer"), "lon") == 0);
    sqlite3_str_append(NULL, "x", 1);
    sqlite3_str_appendall(NULL, "x");
    sqlite3_str_appendchar(NULL, 1, 'x');
    sqlite3_str_appendf(NULL, "x");
    null_append(NULL, "x");
    sqlite3_str_reset(NULL);
    str = sqlite3_str_new(NULL);
    sqlite3_str_append(str, NULL, 1);
    sqlite3_str_appendall(str, NULL);
    sqlite3_str_appendchar(str, -1, 'x');
    null_append(str, "%d", 7);
    text = sqlite3_str_finish(str);
    EXPECT(text != NULL && strcmp(text, "7") == 0);
    sqlite3_free(text);
}

/* ---- the process ---- */

static void
test_process(void)
{
    int current = -1;
    int peak = -1;
    sqlite3_filename name;

    EXPECT(sqlite3_initialize() == SQLITE_OK);
    EXPECT(sqlite3_config(SQLITE_CONFIG_SERIALIZED) == SQLITE_MISUSE); /* too late */
    EXPECT(sqlite3_os_init() == SQLITE_OK && sqlite3_os_end() == SQLITE_OK);
    EXPECT(strcmp(sqlite3_libversion(), sqlite3_version) == 0);
    EXPECT(sqlite3_libversion_number() == SQLITE_VERSION_NUMBER);
    EXPECT(sqlite3_sourceid()[0] != 0);
    EXPECT(sqlite3_threadsafe() == 1);
    EXPECT(sqlite3_errstr(-1) != NULL && sqlite3_errstr(1 << 30) != NULL);
    EXPECT(sqlite3_keyword_count() > 100);
    EXPECT(sqlite3_temp_directory == NULL && sqlite3_data_directory == NULL);
    EXPECT(sqlite3_status(99, &current, &peak, 0) == SQLITE_MISUSE);
    EXPECT(sqlite3_status(SQLITE_STATUS_MEMORY_USED, NULL, NULL, 0) == SQLITE_MISUSE);
    EXPECT(sqlite3_sleep(-1) == 0);
    EXPECT(sqlite3_release_memory(-1) == 0);
    EXPECT(sqlite3_memory_highwater(0) >= 0);
    EXPECT(sqlite3_soft_heap_limit64(-1) == 0);
    sqlite3_soft_heap_limit(-1);
    EXPECT(sqlite3_soft_heap_limit64(0) >= 0);
    EXPECT(sqlite3_memory_alarm(NULL, NULL, 0) == SQLITE_OK);
    EXPECT(sqlite3_realloc64(NULL, 0) == NULL);
    EXPECT(sqlite3_mutex_alloc(-1) == NULL && sqlite3_mutex_alloc(99) == NULL);
    EXPECT(sqlite3_enable_shared_cache(1) == SQLITE_OK);
    EXPECT(sqlite3_global_recover() == SQLITE_OK);
    EXPECT(sqlite3_test_control(-1) == SQLITE_OK);
    EXPECT(sqlite3_auto_extension(NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_cancel_auto_extension(NULL) == 0);
    sqlite3_reset_auto_extension();
    sqlite3_thread_cleanup();
    sqlite3_log(SQLITE_ERROR, "%s", "nobody listens");
    EXPECT(sqlite3_database_file_object(NULL) == NULL);
    name = sqlite3_create_filename(NULL, NULL, NULL, 0, NULL);
    EXPECT(name == NULL);
    name = sqlite3_create_filename("a", "", "", 1, NULL);
    EXPECT(name == NULL);
    EXPECT(sqlite3_shutdown() == SQLITE_OK && sqlite3_initialize() == SQLITE_OK);
}

/* ---- sessions ---- */

static void
test_no_session(void)
{
    sqlite3_session *session = (sqlite3_session *)1;
    int size = 0;
    void *bytes = NULL;

    EXPECT(sqlite3session_create(NULL, "main", &session) != SQLITE_OK && session == NULL);
    sqlite3session_delete(NULL);
    sqlite3session_table_filter(NULL, NULL, NULL);
    EXPECT(sqlite3session_object_config(NULL, 0, NULL) != SQLITE_OK);
    EXPECT(sqlite3session_enable(NULL, 1) >= 0);
    EXPECT(sqlite3session_indirect(NULL, 1) >= 0);
    EXPECT(sqlite3session_attach(NULL, NULL) != SQLITE_OK);
    EXPECT(sqlite3session_changeset(NULL, &size, &bytes) != SQLITE_OK);
    EXPECT(sqlite3session_changeset_size(NULL) == 0);
    EXPECT(sqlite3session_diff(NULL, "main", "t", NULL) != SQLITE_OK);
    EXPECT(sqlite3session_patchset(NULL, &size, &bytes) != SQLITE_OK);
    EXPECT(sqlite3session_isempty(NULL) == 1);
    EXPECT(sqlite3session_memory_used(NULL) == 0);
    EXPECT(sqlite3session_changeset_strm(NULL, NULL, NULL) != SQLITE_OK);
    EXPECT(sqlite3session_patchset_strm(NULL, NULL, NULL) != SQLITE_OK);
    EXPECT(sqlite3session_config(0, NULL) != SQLITE_OK);
    EXPECT(sqlite3rebaser_configure(NULL, 0, NULL) != SQLITE_OK);
    EXPECT(sqlite3rebaser_rebase(NULL, 0, NULL, &size, &bytes) != SQLITE_OK);
    EXPECT(sqlite3rebaser_rebase_strm(NULL, NULL, NULL, NULL, NULL) != SQLITE_OK);
    EXPECT(sqlite3rebaser_create(NULL) != SQLITE_OK);
    sqlite3rebaser_delete(NULL);
}

static void
test_no_changeset(void)
{
    sqlite3_changeset_iter *iterator = NULL;
    sqlite3_changegroup *group = NULL;
    const char *table = NULL;
    unsigned char *key = NULL;
    sqlite3_value *value = NULL;
    int a = 0;
    int b = 0;
    int c = 0;
    void *bytes = NULL;

    EXPECT(sqlite3changeset_start(&iterator, 0, NULL) != SQLITE_OK && iterator == NULL);
    EXPECT(sqlite3changeset_start_v2(&iterator, 0, NULL, 0) != SQLITE_OK && iterator == NULL);
    EXPECT(sqlite3changeset_start_strm(&iterator, NULL, NULL) != SQLITE_OK && iterator == NULL);
    EXPECT(sqlite3changeset_start_v2_strm(&iterator, NULL, NULL, 0) != SQLITE_OK);
    EXPECT(sqlite3changeset_next(NULL) != SQLITE_OK);
    EXPECT(sqlite3changeset_op(NULL, &table, &a, &b, &c) != SQLITE_OK);
    EXPECT(sqlite3changeset_pk(NULL, &key, &a) != SQLITE_OK);
    EXPECT(sqlite3changeset_old(NULL, 0, &value) != SQLITE_OK);
    EXPECT(sqlite3changeset_new(NULL, 0, &value) != SQLITE_OK);
    EXPECT(sqlite3changeset_conflict(NULL, 0, &value) != SQLITE_OK);
    EXPECT(sqlite3changeset_fk_conflicts(NULL, &a) != SQLITE_OK);
    EXPECT(sqlite3changeset_finalize(NULL) == SQLITE_OK);
    EXPECT(sqlite3changeset_invert(0, NULL, &a, &bytes) != SQLITE_OK);
    EXPECT(sqlite3changeset_invert_strm(NULL, NULL, NULL, NULL) != SQLITE_OK);
    EXPECT(sqlite3changeset_concat(0, NULL, 0, NULL, &a, &bytes) != SQLITE_OK);
    EXPECT(sqlite3changeset_concat_strm(NULL, NULL, NULL, NULL, NULL, NULL) != SQLITE_OK);
    EXPECT(sqlite3changeset_apply(NULL, 0, NULL, NULL, NULL, NULL) != SQLITE_OK);
    EXPECT(sqlite3changeset_apply_v2(NULL, 0, NULL, NULL, NULL, NULL, &bytes, &a, 0) != SQLITE_OK);
    EXPECT(sqlite3changeset_apply_strm(NULL, NULL, NULL, NULL, NULL, NULL) != SQLITE_OK);
    EXPECT(sqlite3changeset_apply_v2_strm(NULL, NULL, NULL, NULL, NULL, NULL, &bytes, &a, 0) !=
           SQLITE_OK);
    EXPECT(sqlite3changegroup_new(&group) != SQLITE_OK && group == NULL);
    EXPECT(sqlite3changegroup_add(NULL, 0, NULL) != SQLITE_OK);
    EXPECT(sqlite3changegroup_add_strm(NULL, NULL, NULL) != SQLITE_OK);
    EXPECT(sqlite3changegroup_output(NULL, &a, &bytes) != SQLITE_OK);
    EXPECT(sqlite3changegroup_output_strm(NULL, NULL, NULL) != SQLITE_OK);
    sqlite3changegroup_delete(NULL);
}

int
main(void)
{
    test_no_context();
    test_no_connection();
    test_no_index_info();
    test_no_string();
    test_process();
    test_no_session();
    test_no_changeset();
    printf("test_compat_null: %d passed, %d failed\n", null_passed, null_failed);
    return null_failed != 0;
}
