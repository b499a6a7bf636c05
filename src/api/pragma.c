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

/* The argument as a number; 0 when it is none. */
static int64_t
pragma_number(const vl_ast *argument)
{
    return vl_number_read_integer(argument->text, argument->text_size);
}

/* Whether the argument is a word. */
static int
pragma_is_word(const vl_ast *argument, const char *word)
{
    return vl_name_compare(argument->text, argument->text_size, word, strlen(word)) == 0;
}

/* The argument as yes or no, or as a number from 0 to 3 (`synchronous`); `otherwise` when it is
 * neither. */
static int
pragma_level(const vl_ast *argument, int otherwise)
{
    static const struct {
        const char *word;
        int level;
    } words[] = {{"on", 1},    {"yes", 1},    {"true", 1}, {"off", 0},  {"no", 0},
                 {"false", 0}, {"normal", 1}, {"full", 2}, {"extra", 3}};

    for (size_t i = 0; i < VL_ARRAY_COUNT(words); i++)
        if (pragma_is_word(argument, words[i].word))
            return words[i].level;
    if (argument->text_size > 0 && argument->text[0] >= '0' && argument->text[0] <= '9')
        return (int)(pragma_number(argument) & 0x7fffffff);
    return otherwise;
}

/* ---- answers ---- */

static velo_status
pragma_answer_integer(vl_ctx *ctx, velo_statement *statement, int64_t integer)
{
    vl_value value = vl_value_of_integer(integer);

    return vl_made_add(ctx, statement, &value);
}

static velo_status
pragma_answer_text(vl_ctx *ctx, velo_statement *statement, const char *text)
{
    vl_value value = {.type = VL_TYPE_TEXT, .size = (uint32_t)strlen(text), .as.data = text};

    return vl_made_add(ctx, statement, &value);
}

/* Read a number of the database, or set it. */
static velo_status
pragma_meta(vl_ctx *ctx, velo_statement *statement, const vl_ast *argument, vl_meta which)
{
    vl_engine *engine = statement->connection->engine;
    int64_t value;

    if (argument != NULL)
        return vl_engine_write_meta(ctx, engine, &statement->txn, which,
                                    (int32_t)pragma_number(argument));
    VL_TRY(vl_engine_read_meta(ctx, engine, &statement->txn.view, which, &value));
    return pragma_answer_integer(ctx, statement, value);
}

static velo_status
pragma_user_version(vl_ctx *ctx, velo_statement *statement, const vl_ast *argument)
{
    return pragma_meta(ctx, statement, argument, VL_META_USER_VERSION);
}

static velo_status
pragma_application_id(vl_ctx *ctx, velo_statement *statement, const vl_ast *argument)
{
    return pragma_meta(ctx, statement, argument, VL_META_APPLICATION_ID);
}

static velo_status
pragma_schema_version(vl_ctx *ctx, velo_statement *statement, const vl_ast *argument)
{
    if (argument != NULL)
        return vl_fail(ctx, VELO_ERROR, "the schema's version cannot be set");
    return pragma_meta(ctx, statement, NULL, VL_META_SCHEMA_VERSION);
}

static velo_status
pragma_data_version(vl_ctx *ctx, velo_statement *statement, const vl_ast *argument)
{
    (void)argument;
    return pragma_answer_integer(
        ctx, statement, (int64_t)atomic_load(&statement->connection->engine->data_version) + 1);
}

static velo_status
pragma_journal_mode(vl_ctx *ctx, velo_statement *statement, const vl_ast *argument)
{
    vl_engine *engine = statement->connection->engine;
    int64_t is_wal;

    if (engine->is_memory)
        return pragma_answer_text(ctx, statement, "memory");
    VL_TRY(vl_engine_read_meta(ctx, engine, &statement->txn.view, VL_META_JOURNAL_MODE, &is_wal));
    if (argument != NULL && pragma_is_word(argument, "wal") != (is_wal != 0)) {
        is_wal = pragma_is_word(argument, "wal");
        VL_TRY(vl_engine_write_meta(ctx, engine, &statement->txn, VL_META_JOURNAL_MODE, is_wal));
    }
    return pragma_answer_text(ctx, statement, is_wal ? "wal" : "delete");
}

static velo_status
pragma_wal_checkpoint(vl_ctx *ctx, velo_statement *statement, const vl_ast *argument)
{
    vl_engine *engine = statement->connection->engine;
    vl_value row[3] = {vl_value_of_integer(0), vl_value_of_integer(-1), vl_value_of_integer(-1)};
    int64_t is_wal = 0;

    (void)argument;
    VL_TRY(vl_engine_read_meta(ctx, engine, &statement->txn.view, VL_META_JOURNAL_MODE, &is_wal));
    VL_TRY(vl_txn_store_checkpoint(ctx, engine->store));
    if (is_wal)
        row[1] = row[2] = vl_value_of_integer(0); /* the log has been emptied */
    return vl_made_add(ctx, statement, row);
}

static velo_status
pragma_synchronous(vl_ctx *ctx, velo_statement *statement, const vl_ast *argument)
{
    velo_connection *connection = statement->connection;

    if (argument == NULL)
        return pragma_answer_integer(ctx, statement, connection->synchronous);
    connection->synchronous = pragma_level(argument, connection->synchronous);
    if (connection->synchronous > 2)
        connection->synchronous = 2;
    vl_session_set_synchronous(connection->session,
                               connection->synchronous == 0   ? VL_SYNCHRONOUS_OFF
                               : connection->synchronous == 1 ? VL_SYNCHRONOUS_NORMAL
                                                              : VL_SYNCHRONOUS_FULL);
    return VELO_OK;
}

static velo_status
pragma_cache_size(vl_ctx *ctx, velo_statement *statement, const vl_ast *argument)
{
    if (argument == NULL)
        return pragma_answer_integer(ctx, statement, statement->connection->cache_size);
    statement->connection->cache_size = (int)pragma_number(argument);
    return VELO_OK;
}

static velo_status
pragma_busy_timeout(vl_ctx *ctx, velo_statement *statement, const vl_ast *argument)
{
    if (argument != NULL) {
        int64_t ms = pragma_number(argument);

        velo_set_busy_timeout(statement->connection, ms < 0           ? 0
                                                     : ms > INT32_MAX ? INT32_MAX
                                                                      : (int)ms);
    }
    return pragma_answer_integer(ctx, statement, statement->connection->busy_ms);
}

static velo_status
pragma_foreign_keys(vl_ctx *ctx, velo_statement *statement, const vl_ast *argument)
{
    if (argument == NULL)
        return pragma_answer_integer(ctx, statement, statement->connection->foreign_keys);
    if (pragma_level(argument, 0) != 0)
        return vl_fail(ctx, VELO_ERROR,
                       "foreign keys are not enforced yet: they cannot be turned "
                       "on");
    return VELO_OK;
}

static velo_status
pragma_query_only(vl_ctx *ctx, velo_statement *statement, const vl_ast *argument)
{
    if (argument == NULL)
        return pragma_answer_integer(ctx, statement, statement->connection->query_only);
    statement->connection->query_only = pragma_level(argument, 0) != 0;
    return VELO_OK;
}

static velo_status
pragma_page_size(vl_ctx *ctx, velo_statement *statement, const vl_ast *argument)
{
    vl_store *store = vl_txn_store_base(statement->connection->engine->store);

    if (argument != NULL) /* of a database that exists it stays, as in SQLite */
        return VELO_OK;
    return pragma_answer_integer(ctx, statement, vl_cache_page_size(vl_store_cache(store)));
}

static velo_status
pragma_encoding(vl_ctx *ctx, velo_statement *statement, const vl_ast *argument)
{
    if (argument != NULL) {
        if (pragma_is_word(argument, "UTF-8") || pragma_is_word(argument, "UTF8"))
            return VELO_OK;
        return vl_fail(ctx, VELO_ERROR,
                       "texts are stored as UTF-8: no other encoding is supported");
    }
    return pragma_answer_text(ctx, statement, "UTF-8");
}

/* ---- checks ---- */

/* What an integrity check has found. */
typedef struct pragma_faults {
    vl_ctx *ctx;
    velo_statement *statement;
    velo_status st; /* of keeping the texts */
} pragma_faults;

static void
pragma_take_fault(void *argument, const char *text)
{
    pragma_faults *faults = argument;

    if (faults->st == VELO_OK && faults->statement->made.row_count < 100)
        faults->st = pragma_answer_text(faults->ctx, faults->statement, text);
}

static velo_status
pragma_integrity_check(vl_ctx *ctx, velo_statement *statement, const vl_ast *argument)
{
    vl_store *store = vl_txn_store_base(statement->connection->engine->store);
    pragma_faults faults = {ctx, statement, VELO_OK};
    vl_store_report report;
    velo_status st;

    (void)argument;
    st = vl_store_check(ctx, store, pragma_take_fault, &faults, &report);
    VL_TRY(faults.st);
    if (st != VELO_OK && vl_status_primary(st) != VELO_CORRUPT)
        return st;
    if (st == VELO_OK)
        return pragma_answer_text(ctx, statement, "ok");
    vl_error_clear(ctx); /* faults are the answer, not an error */
    return VELO_OK;
}

static velo_status
pragma_compile_options(vl_ctx *ctx, velo_statement *statement, const vl_ast *argument)
{
    static const char *const options[] = {"DEFAULT_SYNCHRONOUS=2", "ENABLE_COLUMN_METADATA",
                                          "ENABLE_MATH_FUNCTIONS", "ENABLE_UPDATE_DELETE_LIMIT",
                                          "THREADSAFE=1"};

    (void)argument;
    for (size_t i = 0; i < VL_ARRAY_COUNT(options); i++)
        VL_TRY(pragma_answer_text(ctx, statement, options[i]));
    return VELO_OK;
}

static velo_status
pragma_function_list(vl_ctx *ctx, velo_statement *statement, const vl_ast *argument)
{
    const vl_func *func;

    (void)argument;
    for (size_t i = 0; (func = vl_func_builtin(i)) != NULL; i++) {
        int is_aggregate = (func->flags & VL_FUNC_AGGREGATE) != 0;
        uint32_t flags = ((func->flags & VL_FUNC_DETERMINISTIC) != 0 ? 0x800U : 0U) |
                         ((func->flags & VL_FUNC_INNOCUOUS) != 0 ? 0x200000U : 0U);

        for (int n = func->least; n <= (func->most < 0 ? func->least : func->most); n++) {
            vl_value row[6] = {
                {.type = VL_TYPE_TEXT, .size = (uint32_t)strlen(func->name), .as.data = func->name},
                vl_value_of_integer(1),
                {.type = VL_TYPE_TEXT, .size = 1, .as.data = is_aggregate ? "a" : "s"},
                {.type = VL_TYPE_TEXT, .size = 4, .as.data = "utf8"},
                vl_value_of_integer(func->most < 0 ? -1 : n),
                vl_value_of_integer(flags)};

            VL_TRY(vl_made_add(ctx, statement, row));
        }
    }
    return VELO_OK;
}

/* ---- the table ---- */

static const vl_pragma pragma_table[] = {
    {"application_id", {"application_id"}, 1, 1, 0, pragma_application_id},
    {"busy_timeout", {"timeout"}, 1, 0, 1, pragma_busy_timeout},
    {"cache_size", {"cache_size"}, 1, 0, 0, pragma_cache_size},
    {"compile_options", {"compile_options"}, 1, 0, 0, pragma_compile_options},
    {"data_version", {"data_version"}, 1, 0, 0, pragma_data_version},
    {"encoding", {"encoding"}, 1, 0, 0, pragma_encoding},
    {"foreign_keys", {"foreign_keys"}, 1, 0, 0, pragma_foreign_keys},
    {"function_list",
     {"name", "builtin", "type", "enc", "narg", "flags"},
     6,
     0,
     0,
     pragma_function_list},
    {"integrity_check", {"integrity_check"}, 1, 0, 1, pragma_integrity_check},
    {"journal_mode", {"journal_mode"}, 1, 1, 1, pragma_journal_mode},
    {"page_size", {"page_size"}, 1, 0, 0, pragma_page_size},
    {"query_only", {"query_only"}, 1, 0, 0, pragma_query_only},
    {"quick_check", {"quick_check"}, 1, 0, 1, pragma_integrity_check},
    {"schema_version", {"schema_version"}, 1, 0, 0, pragma_schema_version},
    {"synchronous", {"synchronous"}, 1, 0, 0, pragma_synchronous},
    {"user_version", {"user_version"}, 1, 1, 0, pragma_user_version},
    {"wal_checkpoint", {"busy", "log", "checkpointed"}, 3, 0, 1, pragma_wal_checkpoint},
};

const vl_pragma *
vl_pragma_find(const vl_ast *tree)
{
    const vl_ast *name = tree->kid[0];

    for (size_t i = 0; i < VL_ARRAY_COUNT(pragma_table); i++)
        if (vl_name_compare(pragma_table[i].name, strlen(pragma_table[i].name), name->text,
                            name->text_size) == 0)
            return &pragma_table[i];
    return vl_pragma_find_schema(name->text, name->text_size);
}

int
vl_pragma_writes(const vl_ast *tree)
{
    const vl_pragma *pragma = vl_pragma_find(tree);

    return pragma != NULL && pragma->writes && tree->kid[1] != NULL;
}
