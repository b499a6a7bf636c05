/* pragma.c - PRAGMA: settings, numbers of the database, checks; what tools ask first.
 *
 * A pragma is a row of a table: its name, the columns of its answer, and a function that makes the
 * answer's rows. What describes the schema (table_info and the like) is in pragma_schema.c. A
 * pragma that nobody knows has no answer, as SQLite documents; those without effect here remember
 * and echo what they were told (31, item 36).
 *
 * Invariants
 *   PR1  A pragma that changes the database does so in the statement's transaction, which then
 *        writes: vl_pragma_writes says which those are. */
#include "api/pragma_int.h"

#include "storage/store_check.h"
#include "vec/number.h"
#include "vec/value.h"

#include <string.h>

/* ---- arguments ---- */

int64_t
vl_pragma_number(const vl_pragma_text *argument)
{
    return vl_number_read_integer(argument->text, argument->text_size);
}

/* Whether the argument is a word. */
static int
pragma_is_word(const vl_pragma_text *argument, const char *word)
{
    return vl_name_compare(argument->text, argument->text_size, word, strlen(word)) == 0;
}

int
vl_pragma_level(const vl_pragma_text *argument, int otherwise)
{
    static const struct {
        const char *word;
        int level;
    } words[] = {{"on", 1},    {"yes", 1},    {"true", 1}, {"off", 0},  {"no", 0},
                 {"false", 0}, {"normal", 1}, {"full", 2}, {"extra", 3}};
    char first;

    for (size_t i = 0; i < VL_ARRAY_COUNT(words); i++)
        if (pragma_is_word(argument, words[i].word))
            return words[i].level;
    first = argument->text_size > 0 ? argument->text[0] : 0;
    if (first == '+' && argument->text_size > 1)
        first = argument->text[1];
    return first >= '0' && first <= '9' ? (int)vl_pragma_int32(argument) & 0xff : otherwise;
}

int
vl_pragma_flag(const vl_pragma_text *argument)
{
    if (pragma_is_word(argument, "normal") || pragma_is_word(argument, "full") ||
        pragma_is_word(argument, "extra"))
        return 0;
    return vl_pragma_level(argument, 0) != 0;
}

int32_t
vl_pragma_int32(const vl_pragma_text *argument)
{
    int64_t number = 0;

    if (argument->text_size > 2 && argument->text[0] == '0' && (argument->text[1] | 0x20) == 'x') {
        if (!vl_number_read_hex(argument->text, argument->text_size, &number) || number < 0)
            return 0;
    } else {
        number = vl_pragma_number(argument);
    }
    return number >= INT32_MIN && number <= INT32_MAX ? (int32_t)number : 0;
}

/* ---- answers ---- */

velo_status
vl_pragma_answer_integer(vl_ctx *ctx, const vl_pragma_call *call, int64_t integer)
{
    vl_value value = vl_value_of_integer(integer);

    return vl_made_add(ctx, call->made, call->arena, &value);
}

velo_status
vl_pragma_answer_text(vl_ctx *ctx, const vl_pragma_call *call, const char *text)
{
    vl_value value = {.type = VL_TYPE_TEXT, .size = (uint32_t)strlen(text), .as.data = text};

    return vl_made_add(ctx, call->made, call->arena, &value);
}

/* Read a number of the database, or set it. */
static velo_status
pragma_meta(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument, vl_meta which)
{
    vl_engine *engine = vl_pragma_engine(call);
    int64_t value;

    if (argument != NULL)
        return vl_engine_write_meta(ctx, engine, vl_pragma_txn(call), which,
                                    vl_pragma_int32(argument));
    VL_TRY(vl_engine_read_meta(ctx, engine, &vl_pragma_txn(call)->view, which, &value));
    return vl_pragma_answer_integer(ctx, call, value);
}

static velo_status
pragma_user_version(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    return pragma_meta(ctx, call, argument, VL_META_USER_VERSION);
}

static velo_status
pragma_application_id(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    return pragma_meta(ctx, call, argument, VL_META_APPLICATION_ID);
}

static velo_status
pragma_schema_version(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    if (argument != NULL)
        return vl_fail(ctx, VELO_ERROR, "the schema's version cannot be set");
    return pragma_meta(ctx, call, NULL, VL_META_SCHEMA_VERSION);
}

static velo_status
pragma_data_version(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    (void)argument;
    return vl_pragma_answer_integer(
        ctx, call, (int64_t)atomic_load(&vl_pragma_engine(call)->data_version) + 1);
}

/* The modes that a connection can ask for and that change nothing here; NULL: it has none of them.
 */
static const char *
pragma_journal_word(const vl_pragma_text *argument, int is_memory)
{
    static const char *const words[] = {"off", "memory", "delete", "persist", "truncate"};

    for (size_t i = 0; i < (is_memory ? 2 : VL_ARRAY_COUNT(words)); i++)
        if (pragma_is_word(argument, words[i]))
            return words[i];
    return NULL;
}

/* "wal" is the file's, the others are remembered for the connection, as in SQLite. */
static velo_status
pragma_journal_mode(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    vl_database *database = call->statement->connection->databases[call->database];
    vl_engine *engine = vl_pragma_engine(call);
    const char *word = argument == NULL ? NULL : pragma_journal_word(argument, engine->is_memory);
    int64_t is_wal = 0;

    if (call->statement->connection->is_defensive && argument != NULL &&
        pragma_is_word(argument, "off"))
        word = NULL; /* it would risk the database, in SQLite */

    if (!engine->is_memory) {
        VL_TRY(vl_engine_read_meta(ctx, engine, &vl_pragma_txn(call)->view, VL_META_JOURNAL_MODE,
                                   &is_wal));
        if (argument != NULL && (word != NULL || pragma_is_word(argument, "wal")) &&
            (word == NULL) != (is_wal != 0)) {
            is_wal = word == NULL;
            database->is_mode_change =
                !vl_connection_is_in_transaction(call->statement->connection);
            VL_TRY(vl_engine_write_meta(ctx, engine, vl_pragma_txn(call), VL_META_JOURNAL_MODE,
                                        is_wal));
        }
    }
    if (word != NULL)
        database->journal_mode = word;
    if (is_wal)
        return vl_pragma_answer_text(ctx, call, "wal");
    if (database->journal_mode != NULL)
        return vl_pragma_answer_text(ctx, call, database->journal_mode);
    return vl_pragma_answer_text(ctx, call, engine->is_memory ? "memory" : "delete");
}

static velo_status
pragma_wal_checkpoint(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    vl_engine *engine = vl_pragma_engine(call);
    const velo_connection *connection = call->statement->connection;
    vl_value row[3] = {vl_value_of_integer(0), vl_value_of_integer(-1), vl_value_of_integer(-1)};
    int64_t is_wal = 0;

    (void)argument;
    VL_TRY(vl_engine_read_meta(ctx, engine, &vl_pragma_txn(call)->view, VL_META_JOURNAL_MODE,
                               &is_wal));
    VL_TRY(vl_txn_store_checkpoint(ctx, engine->store));
    for (uint32_t i = VL_DATABASE_ATTACHED; i < connection->database_count && !call->is_named; i++)
        VL_TRY(vl_txn_store_checkpoint(ctx, connection->databases[i]->engine->store));
    if (is_wal)
        row[1] = row[2] = vl_value_of_integer(0); /* the log has been emptied */
    return vl_made_add(ctx, call->made, call->arena, row);
}

static velo_status
pragma_synchronous(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    velo_connection *connection = call->statement->connection;
    int level;

    if (argument == NULL)
        return vl_pragma_answer_integer(ctx, call, connection->synchronous);
    if (vl_session_is_in_transaction(connection->session))
        return vl_fail(ctx, VELO_ERROR, "Safety level may not be changed inside a transaction");
    level = (vl_pragma_level(argument, 1) + 1) & 7; /* as SQLite keeps it */
    connection->synchronous = level == 0 ? 0 : level - 1;
    for (uint32_t i = 0; i < connection->database_count; i++)
        if (connection->databases[i]->session != NULL)
            vl_session_set_synchronous(connection->databases[i]->session,
                                       connection->synchronous == 0   ? VL_SYNCHRONOUS_OFF
                                       : connection->synchronous == 1 ? VL_SYNCHRONOUS_NORMAL
                                                                      : VL_SYNCHRONOUS_FULL);
    return VELO_OK;
}

static velo_status
pragma_cache_size(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    if (argument == NULL)
        return vl_pragma_answer_integer(ctx, call, call->statement->connection->cache_size);
    call->statement->connection->cache_size = vl_pragma_int32(argument);
    return VELO_OK;
}

static velo_status
pragma_busy_timeout(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    if (argument != NULL) {
        int64_t ms = vl_pragma_number(argument);

        velo_set_busy_timeout(call->statement->connection, ms < 0           ? 0
                                                           : ms > INT32_MAX ? INT32_MAX
                                                                            : (int)ms);
    }
    return vl_pragma_answer_integer(ctx, call, call->statement->connection->busy_ms);
}

static velo_status
pragma_foreign_keys(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    velo_connection *connection = call->statement->connection;

    if (argument == NULL)
        return vl_pragma_answer_integer(ctx, call, connection->has_foreign_keys);
    if (!vl_session_is_in_transaction(connection->session))
        connection->has_foreign_keys = vl_pragma_flag(argument);
    return VELO_OK;
}

static velo_status
pragma_defer_foreign_keys(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    vl_exec_foreign *foreign = &call->statement->connection->foreign;

    if (argument == NULL)
        return vl_pragma_answer_integer(ctx, call, foreign->is_deferring);
    foreign->is_deferring = vl_pragma_flag(argument);
    if (!foreign->is_deferring)
        foreign->put_off = 0; /* as in SQLite */
    return VELO_OK;
}

static velo_status
pragma_query_only(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    if (argument == NULL)
        return vl_pragma_answer_integer(ctx, call, call->statement->connection->query_only);
    call->statement->connection->query_only = vl_pragma_flag(argument);
    return VELO_OK;
}

static velo_status
pragma_ignore_checks(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    velo_connection *connection = call->statement->connection;

    if (argument == NULL)
        return vl_pragma_answer_integer(ctx, call, connection->ignores_checks);
    connection->ignores_checks = vl_pragma_flag(argument);
    return VELO_OK;
}

/* Another like() in the place of the built-in one, and of those of the application, as in SQLite.
 */
static velo_status
pragma_case_sensitive_like(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    velo_connection *connection = call->statement->connection;

    if (argument == NULL)
        return VELO_OK;
    if (connection->active_count > 1)
        return vl_fail(ctx, VELO_BUSY,
                       "unable to delete/modify user-function due to active statements");
    vl_connection_expire_statements(connection);
    for (int count = 2; count <= 3; count++)
        if (connection->function_set != NULL)
            (void)vl_func_set_remove(connection->function_set, "like", count, count);
    if (vl_pragma_level(argument, 0) == 0) {
        if (connection->function_set != NULL)
            (void)vl_func_set_remove(connection->function_set, "like", 2, 3);
        return VELO_OK;
    }
    if (connection->function_set == NULL)
        VL_TRY(vl_func_set_create(ctx, &connection->function_set));
    return vl_func_set_add(ctx, connection->function_set, vl_func_like_exact());
}

/* The schema's own table stays as it is; see vl_ddl_input.may_reserve. */
static velo_status
pragma_writable_schema(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    velo_connection *connection = call->statement->connection;

    if (argument == NULL)
        return vl_pragma_answer_integer(ctx, call, connection->writable_schema);
    connection->writable_schema = vl_pragma_flag(argument);
    return VELO_OK;
}

static velo_status
pragma_recursive_triggers(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    velo_connection *connection = call->statement->connection;

    if (argument == NULL)
        return vl_pragma_answer_integer(ctx, call, connection->recursive_triggers);
    connection->recursive_triggers = vl_pragma_flag(argument);
    vl_connection_expire_statements(connection); /* what they need may be another database */
    return VELO_OK;
}

/* Remembered: temporary databases are in memory anyway. As in SQLite a change drops what there is
 * of the temporary database. */
static velo_status
pragma_temp_store(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    velo_connection *connection = call->statement->connection;
    int level = 0;

    if (argument == NULL)
        return vl_pragma_answer_integer(ctx, call, connection->temp_store);
    if (pragma_is_word(argument, "file") || pragma_is_word(argument, "1"))
        level = 1;
    else if (pragma_is_word(argument, "memory") || pragma_is_word(argument, "2"))
        level = 2;
    if (level == connection->temp_store)
        return VELO_OK;
    if (connection->temp.engine != NULL) {
        if (vl_connection_is_in_transaction(connection) || connection->temp.active_count > 0)
            return vl_fail(ctx, VELO_ERROR,
                           "temporary storage cannot be changed from within a transaction");
        vl_database_stop(ctx, &connection->temp);
        connection->epoch++;
    }
    connection->temp_store = level;
    return VELO_OK;
}

static velo_status
pragma_page_size(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    vl_store *store = vl_txn_store_base(vl_pragma_engine(call)->store);

    if (argument != NULL) /* of a database that exists it stays, as in SQLite */
        return VELO_OK;
    return vl_pragma_answer_integer(ctx, call, vl_cache_page_size(vl_store_cache(store)));
}

/* Numbers of pages that were ever taken: what is free among them is not counted apart. */
static velo_status
pragma_page_count(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    vl_store_stats stats;

    (void)argument;
    vl_store_get_stats(vl_txn_store_base(vl_pragma_engine(call)->store), &stats);
    return vl_pragma_answer_integer(ctx, call, (int64_t)stats.cache.page_end);
}

static velo_status
pragma_encoding(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    if (argument != NULL) {
        if (pragma_is_word(argument, "UTF-8") || pragma_is_word(argument, "UTF8"))
            return VELO_OK;
        if (vl_pragma_schema(call) != NULL && vl_pragma_schema(call)->table_count > 0)
            return VELO_OK; /* there is something in it: as in SQLite, too late to be heard */
        return vl_fail(ctx, VELO_ERROR,
                       "texts are stored as UTF-8: no other encoding is supported");
    }
    return vl_pragma_answer_text(ctx, call, "UTF-8");
}

/* ---- checks ---- */

/* What an integrity check has found. */
typedef struct pragma_faults {
    vl_ctx *ctx;
    const vl_pragma_call *call;
    velo_status st;              /* of keeping the texts */
    int64_t most;                /* so many are told */
    const vl_pragma_text *table; /* only of this one; NULL: of all */
} pragma_faults;

static void
pragma_take_fault(void *argument, const char *text)
{
    pragma_faults *faults = argument;

    if (faults->st == VELO_OK && faults->call->made->row_count < faults->most)
        faults->st = vl_pragma_answer_text(faults->ctx, faults->call, text);
}

/* Check pages of a database, and the rows and indexes of its tables if those are in order. */
static velo_status
pragma_check_database(vl_ctx *ctx, const vl_pragma_call *call, int has_indexes,
                      pragma_faults *faults)
{
    vl_txn_store *store = vl_pragma_engine(call)->store;
    const vl_schema *schema = vl_pragma_schema(call);
    const vl_pragma_text *name = faults->table;
    const vl_table_def *only =
        name != NULL ? vl_schema_table(schema, name->text, name->text_size) : NULL;
    vl_store_report report;
    velo_status st;

    faults->call = call;
    st = vl_txn_store_check(ctx, store, pragma_take_fault, faults, &report);
    VL_TRY(faults->st);
    if (st == VELO_OK) {
        VL_TRY(vl_verify_tables(ctx, call->statement, call->database, only, has_indexes,
                                pragma_take_fault, faults));
        VL_TRY(faults->st);
    }
    if (st == VELO_OK && name == NULL) {
        VL_TRY(vl_virtuals_check(ctx, call->statement, vl_pragma_schema(call), !has_indexes,
                                 pragma_take_fault, faults));
        VL_TRY(faults->st);
    }
    if (st != VELO_OK && vl_status_primary(st) != VELO_CORRUPT)
        return st;
    vl_error_clear(ctx); /* faults are the answer, not an error */
    return VELO_OK;
}

/* The argument: how many faults are told at most, or the name of a table. */
static void
pragma_check_argument(const vl_pragma_text *argument, pragma_faults *faults)
{
    int64_t number = argument != NULL ? vl_pragma_number(argument) : 0;
    int is_number = argument == NULL || number != 0 || pragma_is_word(argument, "0");

    faults->most = number > 0 ? number : 100;
    faults->table = is_number ? NULL : argument;
}

/* Check one database, or all of them when none was said. */
static velo_status
pragma_check(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument,
             int has_indexes)
{
    const velo_statement *statement = call->statement;
    pragma_faults faults = {.ctx = ctx};
    int is_found = 0;

    pragma_check_argument(argument, &faults);
    for (uint32_t i = 0; i < statement->part_count; i++) {
        vl_pragma_call one = *call;

        one.database = i;
        if (!statement->parts[i].is_open || (i != call->database && call->is_named) ||
            (faults.table != NULL && vl_schema_table(statement->schemas[i], faults.table->text,
                                                     faults.table->text_size) == NULL))
            continue;
        is_found = 1;
        VL_TRY(pragma_check_database(ctx, &one, has_indexes, &faults));
    }
    if (faults.table != NULL && !is_found)
        return vl_fail(ctx, VELO_ERROR, "no such table: %.*s", (int)faults.table->text_size,
                       faults.table->text);
    return call->made->row_count > 0 ? VELO_OK : vl_pragma_answer_text(ctx, call, "ok");
}

static velo_status
pragma_integrity_check(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    return pragma_check(ctx, call, argument, 1);
}

static velo_status
pragma_quick_check(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    return pragma_check(ctx, call, argument, 0);
}

static velo_status
pragma_compile_options(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    static const char *const options[] = {"DEFAULT_SYNCHRONOUS=2", "ENABLE_COLUMN_METADATA",
                                          "ENABLE_MATH_FUNCTIONS", "ENABLE_UPDATE_DELETE_LIMIT",
                                          "THREADSAFE=1"};

    (void)argument;
    for (size_t i = 0; i < VL_ARRAY_COUNT(options); i++)
        VL_TRY(vl_pragma_answer_text(ctx, call, options[i]));
    return VELO_OK;
}

static velo_status
pragma_function_list(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    const vl_func *func;

    (void)argument;
    for (size_t i = 0; (func = vl_func_builtin(i)) != NULL; i++) {
        const char *type = (func->flags & VL_FUNC_AGGREGATE) == 0     ? "s"
                           : (func->flags & VL_FUNC_GROUPS_ONLY) != 0 ? "a"
                                                                      : "w";
        uint32_t flags =
            ((func->flags & VL_FUNC_DETERMINISTIC) != 0 && *type == 's' ? 0x800U : 0U) |
            ((func->flags & VL_FUNC_INNOCUOUS) != 0 ? 0x200000U : 0U);

        for (int n = func->least; n <= (func->most < 0 ? func->least : func->most); n++) {
            vl_value row[6] = {
                {.type = VL_TYPE_TEXT, .size = (uint32_t)strlen(func->name), .as.data = func->name},
                vl_value_of_integer(1),
                {.type = VL_TYPE_TEXT, .size = 1, .as.data = type},
                {.type = VL_TYPE_TEXT, .size = 4, .as.data = "utf8"},
                vl_value_of_integer(func->most < 0 ? -1 : n),
                vl_value_of_integer(flags)};

            VL_TRY(vl_made_add(ctx, call->made, call->arena, row));
        }
    }
    return VELO_OK;
}

static velo_status
pragma_module_list(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    const char *name;

    (void)argument;
    for (uint32_t i = 0; (name = vl_module_name(call->statement->connection, i)) != NULL; i++)
        VL_TRY(vl_pragma_answer_text(ctx, call, name));
    return VELO_OK;
}

/* ---- the table ---- */

#define PRAGMA_OF_CHECK                                                                            \
    (VL_PRAGMA_ANSWERS | VL_PRAGMA_TAKES_ARG | VL_PRAGMA_TAKES_SCHEMA | VL_PRAGMA_OF_ALL)

static const vl_pragma pragma_table[] = {
    VL_PRAGMA("application_id", pragma_application_id, VL_PRAGMA_WRITES, "application_id"),
    VL_PRAGMA("busy_timeout", pragma_busy_timeout, VL_PRAGMA_ANSWERS, "timeout"),
    VL_PRAGMA("cache_size", pragma_cache_size, VL_PRAGMA_TAKES_SCHEMA, "cache_size", "schema"),
    VL_PRAGMA("case_sensitive_like", pragma_case_sensitive_like, VL_PRAGMA_NO_FUNCTION,
              "case_sensitive_like"),
    VL_PRAGMA("compile_options", pragma_compile_options, 0, "compile_options"),
    VL_PRAGMA("data_version", pragma_data_version, 0, "data_version"),
    VL_PRAGMA("defer_foreign_keys", pragma_defer_foreign_keys, 0, "defer_foreign_keys"),
    VL_PRAGMA("encoding", pragma_encoding, 0, "encoding"),
    VL_PRAGMA("foreign_keys", pragma_foreign_keys, 0, "foreign_keys"),
    VL_PRAGMA("function_list", pragma_function_list, 0, "name", "builtin", "type", "enc", "narg",
              "flags"),
    VL_PRAGMA("ignore_check_constraints", pragma_ignore_checks, VL_PRAGMA_NO_FUNCTION,
              "ignore_check_constraints"),
    VL_PRAGMA("integrity_check", pragma_integrity_check, PRAGMA_OF_CHECK, "integrity_check", "arg",
              "schema"),
    VL_PRAGMA("journal_mode", pragma_journal_mode,
              VL_PRAGMA_WRITES | VL_PRAGMA_ANSWERS | VL_PRAGMA_TAKES_SCHEMA, "journal_mode",
              "schema"),
    VL_PRAGMA("module_list", pragma_module_list, 0, "name"),
    VL_PRAGMA("page_count", pragma_page_count, VL_PRAGMA_ANSWERS | VL_PRAGMA_TAKES_SCHEMA,
              "page_count", "schema"),
    VL_PRAGMA("page_size", pragma_page_size, VL_PRAGMA_TAKES_SCHEMA, "page_size", "schema"),
    VL_PRAGMA("query_only", pragma_query_only, 0, "query_only"),
    VL_PRAGMA("quick_check", pragma_quick_check, PRAGMA_OF_CHECK, "quick_check", "arg", "schema"),
    VL_PRAGMA("recursive_triggers", pragma_recursive_triggers, 0, "recursive_triggers"),
    VL_PRAGMA("schema_version", pragma_schema_version, 0, "schema_version"),
    VL_PRAGMA("synchronous", pragma_synchronous, VL_PRAGMA_TAKES_SCHEMA, "synchronous", "schema"),
    VL_PRAGMA("temp_store", pragma_temp_store, 0, "temp_store"),
    VL_PRAGMA("user_version", pragma_user_version, VL_PRAGMA_WRITES, "user_version"),
    VL_PRAGMA("wal_checkpoint", pragma_wal_checkpoint, VL_PRAGMA_ANSWERS | VL_PRAGMA_NO_FUNCTION,
              "busy", "log", "checkpointed"),
    VL_PRAGMA("writable_schema", pragma_writable_schema, 0, "writable_schema"),
};

const vl_pragma *
vl_pragma_find(const char *name, size_t size)
{
    for (size_t i = 0; i < VL_ARRAY_COUNT(pragma_table); i++)
        if (vl_pragma_is(&pragma_table[i], name, size))
            return &pragma_table[i];
    return vl_pragma_find_schema(name, size) != NULL ? vl_pragma_find_schema(name, size)
                                                     : vl_pragma_find_echo(name, size);
}

int
vl_pragma_writes(const vl_ast *tree)
{
    const vl_ast *name = tree->kid[0];
    const vl_pragma *pragma = vl_pragma_find(name->text, name->text_size);

    return pragma != NULL && (pragma->flags & VL_PRAGMA_WRITES) != 0 && tree->kid[1] != NULL;
}

int
vl_pragma_reads_all(const velo_connection *connection, const vl_ast *tree)
{
    const vl_ast *name = tree->kid[0];
    const vl_pragma *pragma = vl_pragma_find(name->text, name->text_size);

    if (pragma == NULL || name->kid[0] != NULL)
        return 0;
    return (pragma->flags & VL_PRAGMA_OF_ALL) != 0 ||
           ((pragma->flags & VL_PRAGMA_TAKES_ARG) != 0 &&
            !vl_connection_is_in_transaction(connection));
}
