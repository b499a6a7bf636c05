/* test_api_vtab.c - virtual tables through the public interface: a series of numbers, a table in
 * memory that can be changed and tells what it was asked, and one that keeps its rows in another.
 */
#include "lib/api_run.h"
#include "lib/unit.h"
#include "velocidb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static velo_connection *connection;

/* What modules were asked, in short words. */
static char told[4096];

/* What callbacks of memory tables run, by `connection`; or NULL. */
static const char *intrusion;
static int intruding;
static int intrusion_results[32]; /* how often which code has come of it */

static void
intrude(void)
{
    velo_status st;

    if (intrusion == NULL || intruding)
        return;
    intruding = 1;
    st = velo_exec(connection, intrusion, NULL, NULL);
    intrusion_results[st & 31]++;
    intruding = 0;
}

static void
tell(const char *text)
{
    size_t at = strlen(told);

    (void)snprintf(told + at, sizeof told - at, "%s%s", at > 0 ? " " : "", text);
    intrude();
}

#define CHECK_TOLD(wanted)                                                                         \
    do {                                                                                           \
        CHECK_TEXT(told, wanted);                                                                  \
        told[0] = 0;                                                                               \
    } while (0)

/* ---- series(start, stop): numbers ---- */

typedef struct series_cursor {
    int64_t start;
    int64_t stop;
    int64_t at;
    int is_backward;
} series_cursor;

static velo_status
series_connect(velo_connection *to, void *user, int count, const char *const *arguments,
               void **table)
{
    (void)count;
    (void)arguments;
    *table = user;
    return velo_declare_vtab(to, "CREATE TABLE x(value, start HIDDEN, stop HIDDEN)");
}

static velo_status
series_best_index(void *table, velo_index_info *info)
{
    int has[2] = {-1, -1};

    (void)table;
    for (int i = 0; i < info->constraint_count; i++) {
        const velo_index_constraint *constraint = &info->constraints[i];

        if (constraint->column < 1 || constraint->op != VELO_INDEX_EQ)
            continue;
        if (!constraint->is_usable)
            return VELO_CONSTRAINT;
        has[constraint->column - 1] = i;
    }
    info->cost = 1e6;
    for (int i = 0; i < 2; i++)
        if (has[i] >= 0) {
            info->constraints[has[i]].argument = i == 1 && has[0] >= 0 ? 2 : 1;
            info->constraints[has[i]].is_omitted = 1;
            info->number |= 1 << i;
            info->cost /= 1000;
        }
    if (info->order_count == 1 && info->orders[0].column == 0) {
        info->is_ordered = 1;
        info->number |= info->orders[0].is_descending ? 4 : 0;
    }
    return VELO_OK;
}

static velo_status
series_disconnect(void *table)
{
    (void)table;
    return VELO_OK;
}

static velo_status
series_open(void *table, void **cursor)
{
    (void)table;
    *cursor = calloc(1, sizeof(series_cursor));
    return *cursor == NULL ? VELO_NOMEM : VELO_OK;
}

static velo_status
series_close(void *cursor)
{
    free(cursor);
    return VELO_OK;
}

static velo_status
series_filter(void *cursor, int number, const char *text, int count, velo_value **arguments)
{
    series_cursor *series = cursor;
    int at = 0;

    (void)text;
    (void)count;
    series->start = (number & 1) != 0 ? velo_value_int64(arguments[at++]) : 1;
    series->stop = (number & 2) != 0 ? velo_value_int64(arguments[at]) : 5;
    series->is_backward = (number & 4) != 0;
    series->at = series->is_backward ? series->stop : series->start;
    return VELO_OK;
}

static velo_status
series_next(void *cursor)
{
    series_cursor *series = cursor;

    series->at += series->is_backward ? -1 : 1;
    return VELO_OK;
}

static int
series_eof(void *cursor)
{
    const series_cursor *series = cursor;

    return series->at > series->stop || series->at < series->start;
}

static velo_status
series_column(void *cursor, velo_call *call, int column)
{
    const series_cursor *series = cursor;

    if (column == 0 && series->at == 13)
        velo_result_error(call, VELO_ERROR, "no thirteen");
    else
        velo_result_int64(call, column == 0   ? series->at
                                : column == 1 ? series->start
                                              : series->stop);
    return VELO_OK;
}

static velo_status
series_rowid(void *cursor, int64_t *rowid)
{
    *rowid = ((const series_cursor *)cursor)->at;
    return VELO_OK;
}

static const velo_module series_module = {
    .size = sizeof(velo_module),
    .name = "series",
    .connect = series_connect,
    .best_index = series_best_index,
    .disconnect = series_disconnect,
    .open = series_open,
    .close = series_close,
    .filter = series_filter,
    .next = series_next,
    .eof = series_eof,
    .column = series_column,
    .rowid = series_rowid,
};

/* ---- memory: rows of (a, b), which tells what it is asked ---- */

#define MEMORY_ROWS 64

typedef struct memory_row {
    int64_t rowid;
    char a[24];
    char b[24];
} memory_row;

typedef struct memory_table {
    velo_connection *owner;
    memory_row rows[MEMORY_ROWS];
    int count;
    memory_row kept[8][MEMORY_ROWS]; /* of the transaction's begin, and of savepoints */
    int kept_count[8];
    int is_asking; /* best_index tells its constraints, and takes all */
} memory_table;

typedef struct memory_cursor {
    const memory_table *table;
    int at;
    int has_key; /* only the row with `key` in a */
    char key[24];
} memory_cursor;

static velo_status
memory_create(velo_connection *to, void *user, int count, const char *const *arguments,
              void **table)
{
    memory_table *memory = calloc(1, sizeof *memory);
    char text[64];

    (void)user;
    if (memory == NULL)
        return VELO_NOMEM;
    (void)snprintf(text, sizeof text, "create(%d,%s,%s,%s)", count, arguments[0], arguments[1],
                   arguments[2]);
    tell(text);
    for (int i = 3; i < count; i++) {
        tell(arguments[i]);
        memory->is_asking |= strcmp(arguments[i], "asking") == 0;
        if (strcmp(arguments[i], "bad") == 0) {
            free(memory);
            velo_vtab_error(to, "memory is bad");
            return VELO_ERROR;
        }
        if (strcmp(arguments[i], "undeclared") == 0) {
            *table = memory;
            return VELO_OK;
        }
    }
    memory->owner = to;
    *table = memory;
    if (velo_vtab_config(to, VELO_VTAB_CONSTRAINT_SUPPORT, 1) != VELO_OK)
        return VELO_ERROR;
    return velo_declare_vtab(to, "CREATE TABLE m(a TEXT, b, h INT HIDDEN)");
}

static velo_status
memory_connect(velo_connection *to, void *user, int count, const char *const *arguments,
               void **table)
{
    return memory_create(to, user, count, arguments, table);
}

static velo_status
memory_best_index(void *table, velo_index_info *info)
{
    const memory_table *memory = table;
    int next = 1;
    char text[64];

    intrude();
    for (int i = 0; i < info->constraint_count; i++) {
        velo_index_constraint *constraint = &info->constraints[i];

        if (memory->is_asking) {
            (void)snprintf(text, sizeof text, "%d:%d%s%s%s%s", constraint->column, constraint->op,
                           constraint->is_usable ? "" : "-", constraint->is_in ? "i" : "",
                           strcmp(constraint->collation, "BINARY") == 0 ? "" : "c",
                           constraint->value != NULL ? "=" : "");
            tell(text);
        } else if (constraint->is_usable && constraint->column == 0 && next == 1 &&
                   constraint->op == VELO_INDEX_EQ) {
            constraint->argument = next++;
            constraint->is_omitted = 1;
            info->number = 1;
            info->text = "key";
            info->cost = 5;
            info->rows = 1;
        }
    }
    for (int i = 0; i < info->order_count && memory->is_asking; i++) {
        (void)snprintf(text, sizeof text, "o%d%s", info->orders[i].column,
                       info->orders[i].is_descending ? "d" : "");
        tell(text);
    }
    if (memory->is_asking) {
        (void)snprintf(text, sizeof text, "u%x", (unsigned)info->columns_used);
        tell(text);
    }
    if (next == 1)
        info->cost = 100;
    return VELO_OK;
}

static velo_status
memory_disconnect(void *table)
{
    tell("disconnect");
    free(table);
    return VELO_OK;
}

static velo_status
memory_destroy(void *table)
{
    tell("destroy");
    free(table);
    return VELO_OK;
}

static velo_status
memory_open(void *table, void **cursor)
{
    memory_cursor *made = calloc(1, sizeof *made);

    intrude();
    if (made == NULL)
        return VELO_NOMEM;
    made->table = table;
    *cursor = made;
    return VELO_OK;
}

static void
memory_skip(memory_cursor *cursor)
{
    while (cursor->has_key && cursor->at < cursor->table->count &&
           strcmp(cursor->table->rows[cursor->at].a, cursor->key) != 0)
        cursor->at++;
}

static velo_status
memory_filter(void *cursor, int number, const char *text, int count, velo_value **arguments)
{
    memory_cursor *scan = cursor;

    intrude();
    if (number != count || (count > 0 && (text == NULL || strcmp(text, "key") != 0)))
        return VELO_INTERNAL;
    scan->at = 0;
    scan->has_key = number == 1;
    if (scan->has_key) {
        const char *key = velo_value_text(arguments[0]);

        (void)snprintf(scan->key, sizeof scan->key, "%s", key != NULL ? key : "");
    }
    memory_skip(scan);
    return VELO_OK;
}

static velo_status
memory_next(void *cursor)
{
    ((memory_cursor *)cursor)->at++;
    memory_skip(cursor);
    return VELO_OK;
}

static int
memory_eof(void *cursor)
{
    const memory_cursor *scan = cursor;

    return scan->at >= scan->table->count;
}

static velo_status
memory_column(void *cursor, velo_call *call, int column)
{
    const memory_cursor *scan = cursor;
    const memory_row *row = &scan->table->rows[scan->at];

    if (column < 2)
        velo_result_text(call, column == 0 ? row->a : row->b, -1);
    return VELO_OK;
}

static velo_status
memory_rowid(void *cursor, int64_t *rowid)
{
    const memory_cursor *scan = cursor;

    *rowid = scan->table->rows[scan->at].rowid;
    return VELO_OK;
}

static int
memory_find(const memory_table *memory, int64_t rowid)
{
    for (int i = 0; i < memory->count; i++)
        if (memory->rows[i].rowid == rowid)
            return i;
    return -1;
}

static void
memory_remove(memory_table *memory, int at)
{
    memory->count--;
    memmove(&memory->rows[at], &memory->rows[at + 1],
            (size_t)(memory->count - at) * sizeof memory->rows[0]);
}

static void
memory_set(char *to, velo_value *value)
{
    const char *text = velo_value_text(value);

    (void)snprintf(to, 24, "%s", text != NULL ? text : "~");
}

static velo_status
memory_update(void *table, int count, velo_value **values, int64_t *rowid)
{
    memory_table *memory = table;
    int64_t wanted;
    int at;

    intrude();
    if (count == 1) {
        memory_remove(memory, memory_find(memory, velo_value_int64(values[0])));
        return VELO_OK;
    }
    if (count != 5)
        return VELO_INTERNAL;
    wanted = velo_value_type(values[1]) == VELO_NULL
                 ? (memory->count > 0 ? memory->rows[memory->count - 1].rowid + 1 : 1)
                 : velo_value_int64(values[1]);
    at = memory_find(memory, wanted);
    if (at >= 0 &&
        (velo_value_type(values[0]) == VELO_NULL || velo_value_int64(values[0]) != wanted)) {
        if (velo_vtab_on_conflict(memory->owner) != 5) {
            velo_vtab_error(memory->owner, "the rowid is there");
            return VELO_CONSTRAINT_ROWID;
        }
        memory_remove(memory, at);
    }
    if (velo_value_type(values[0]) == VELO_NULL) {
        if (memory->count == MEMORY_ROWS)
            return VELO_FULL;
        at = memory->count++;
    } else {
        at = memory_find(memory, velo_value_int64(values[0]));
    }
    memory->rows[at].rowid = wanted;
    memory_set(memory->rows[at].a, values[2]);
    memory_set(memory->rows[at].b, values[3]);
    *rowid = wanted;
    return VELO_OK;
}

static void
memory_keep(memory_table *memory, int slot)
{
    memcpy(memory->kept[slot], memory->rows, sizeof memory->rows);
    memory->kept_count[slot] = memory->count;
}

static void
memory_bring_back(memory_table *memory, int slot)
{
    memcpy(memory->rows, memory->kept[slot], sizeof memory->rows);
    memory->count = memory->kept_count[slot];
}

static velo_status
memory_begin(void *table)
{
    memory_keep(table, 0);
    tell("begin");
    return VELO_OK;
}

static velo_status
memory_sync(void *table)
{
    const memory_table *memory = table;

    tell("sync");
    if (memory->count > 0 && strcmp(memory->rows[memory->count - 1].a, "refuse") == 0) {
        velo_vtab_error(memory->owner, "sync refuses");
        return VELO_ERROR;
    }
    return VELO_OK;
}

static velo_status
memory_commit(void *table)
{
    (void)table;
    tell("commit");
    return VELO_OK;
}

static velo_status
memory_rollback(void *table)
{
    memory_bring_back(table, 0);
    tell("rollback");
    return VELO_OK;
}

static void
memory_tell_number(const char *what, int number)
{
    char text[32];

    (void)snprintf(text, sizeof text, "%s%d", what, number);
    tell(text);
}

static velo_status
memory_savepoint(void *table, int number)
{
    memory_keep(table, number + 1);
    memory_tell_number("s", number);
    return VELO_OK;
}

static velo_status
memory_release(void *table, int number)
{
    (void)table;
    memory_tell_number("r", number);
    return VELO_OK;
}

static velo_status
memory_rollback_to(void *table, int number)
{
    memory_bring_back(table, number + 1);
    memory_tell_number("b", number);
    return VELO_OK;
}

static velo_status
memory_rename(void *table, const char *name)
{
    (void)table;
    tell(name);
    return VELO_OK;
}

static void
memory_starts(velo_call *call, int count, velo_value **arguments)
{
    const char *text = velo_value_text(arguments[0]);
    const char *start = velo_value_text(arguments[1]);

    (void)count;
    velo_result_int64(call,
                      text != NULL && start != NULL && strncmp(text, start, strlen(start)) == 0);
}

/* The same anywhere else. */
static void
memory_starts_nothing(velo_call *call, int count, velo_value **arguments)
{
    (void)count;
    (void)arguments;
    velo_result_error(call, VELO_ERROR, "starts is for columns of memory");
}

/* The module has forgotten what functions it has. */
static int memory_has_no_functions;

static int
memory_find_function(void *table, int count, const char *name, velo_function *function)
{
    (void)table;
    intrude();
    if (memory_has_no_functions || count != 2 ||
        (strcmp(name, "starts") != 0 && strcmp(name, "match") != 0))
        return 0;
    function->scalar = memory_starts;
    return strcmp(name, "starts") == 0 ? VELO_INDEX_FUNCTION + 1 : 1;
}

static const velo_module memory_module = {
    .size = sizeof(velo_module),
    .name = "memory",
    .create = memory_create,
    .connect = memory_connect,
    .best_index = memory_best_index,
    .disconnect = memory_disconnect,
    .destroy = memory_destroy,
    .open = memory_open,
    .close = series_close,
    .filter = memory_filter,
    .next = memory_next,
    .eof = memory_eof,
    .column = memory_column,
    .rowid = memory_rowid,
    .update = memory_update,
    .begin = memory_begin,
    .sync = memory_sync,
    .commit = memory_commit,
    .rollback = memory_rollback,
    .find_function = memory_find_function,
    .rename = memory_rename,
    .savepoint = memory_savepoint,
    .release = memory_release,
    .rollback_to = memory_rollback_to,
};

/* ---- shadow: rows are in the table NAME_data ---- */

typedef struct shadow_table {
    velo_connection *owner;
    char name[32];
} shadow_table;

static velo_status
shadow_run(const shadow_table *shadow, const char *before, const char *behind)
{
    char sql[256];

    (void)snprintf(sql, sizeof sql, "%s %s_data%s", before, shadow->name, behind);
    return velo_exec(shadow->owner, sql, NULL, NULL);
}

static velo_status
shadow_connect(velo_connection *to, void *user, int count, const char *const *arguments,
               void **table)
{
    shadow_table *shadow = calloc(1, sizeof *shadow);

    (void)user;
    (void)count;
    if (shadow == NULL)
        return VELO_NOMEM;
    shadow->owner = to;
    (void)snprintf(shadow->name, sizeof shadow->name, "%s", arguments[2]);
    *table = shadow;
    return velo_declare_vtab(to, "CREATE TABLE s(text)");
}

static velo_status
shadow_create(velo_connection *to, void *user, int count, const char *const *arguments,
              void **table)
{
    velo_status st = shadow_connect(to, user, count, arguments, table);

    if (st == VELO_OK)
        st = shadow_run(*table, "CREATE TABLE", "(id INTEGER PRIMARY KEY, text)");
    if (st == VELO_OK && count > 3)
        st = VELO_ERROR; /* after the table is there */
    if (st != VELO_OK)
        free(*table);
    return st;
}

static int
shadow_is_shadow(const char *name)
{
    return strcmp(name, "data") == 0;
}

/* The table tells that it is unwell when it has a row "unwell". */
static velo_status
shadow_integrity(void *table, const char *database, const char *name, int is_quick, char **message)
{
    const shadow_table *shadow = table;
    char sql[128];
    velo_statement *statement;
    velo_status st;

    (void)snprintf(sql, sizeof sql,
                   "SELECT '%s.%s is unwell, %d' FROM %s_data WHERE text = "
                   "'unwell'",
                   database, name, is_quick, shadow->name);
    st = velo_prepare(shadow->owner, sql, -1, &statement, NULL);
    if (st == VELO_OK && velo_step(statement) == VELO_ROW) {
        *message = malloc(64);
        if (*message != NULL)
            (void)snprintf(*message, 64, "%s", velo_column_text(statement, 0));
    }
    velo_finalize(statement);
    return st;
}

static velo_status
shadow_best_index(void *table, velo_index_info *info)
{
    (void)table;
    info->cost = 10;
    return VELO_OK;
}

static velo_status
shadow_disconnect(void *table)
{
    free(table);
    return VELO_OK;
}

static velo_status
shadow_destroy(void *table)
{
    velo_status st = shadow_run(table, "DROP TABLE", "");

    if (st == VELO_OK)
        free(table);
    return st;
}

typedef struct shadow_cursor {
    const shadow_table *table;
    velo_statement *statement;
    velo_status st;
} shadow_cursor;

static velo_status
shadow_open(void *table, void **cursor)
{
    shadow_cursor *made = calloc(1, sizeof *made);

    if (made == NULL)
        return VELO_NOMEM;
    made->table = table;
    *cursor = made;
    return VELO_OK;
}

static velo_status
shadow_close(void *cursor)
{
    velo_finalize(((shadow_cursor *)cursor)->statement);
    free(cursor);
    return VELO_OK;
}

static velo_status
shadow_next(void *cursor)
{
    shadow_cursor *scan = cursor;

    scan->st = velo_step(scan->statement);
    return scan->st == VELO_ROW || scan->st == VELO_DONE ? VELO_OK : scan->st;
}

static velo_status
shadow_filter(void *cursor, int number, const char *text, int count, velo_value **arguments)
{
    shadow_cursor *scan = cursor;
    char sql[128];
    velo_status st;

    (void)number;
    (void)text;
    (void)count;
    (void)arguments;
    velo_finalize(scan->statement);
    (void)snprintf(sql, sizeof sql, "SELECT id, text FROM %s_data", scan->table->name);
    st = velo_prepare(scan->table->owner, sql, -1, &scan->statement, NULL);
    return st == VELO_OK ? shadow_next(cursor) : st;
}

static int
shadow_eof(void *cursor)
{
    return ((const shadow_cursor *)cursor)->st != VELO_ROW;
}

static velo_status
shadow_column(void *cursor, velo_call *call, int column)
{
    const velo_value *value = velo_column_value(((shadow_cursor *)cursor)->statement, 1);

    (void)column;
    if (value == NULL)
        return VELO_NOMEM;
    velo_result_value(call, value);
    return VELO_OK;
}

static velo_status
shadow_rowid(void *cursor, int64_t *rowid)
{
    *rowid = velo_column_int64(((shadow_cursor *)cursor)->statement, 0);
    return VELO_OK;
}

static velo_status
shadow_update(void *table, int count, velo_value **values, int64_t *rowid)
{
    const char *text = count > 1 ? velo_value_text(values[2]) : "";
    char rest[128];
    velo_status st;

    if (text == NULL)
        return VELO_NOMEM;
    if (count == 1) {
        (void)snprintf(rest, sizeof rest, " WHERE id = %lld",
                       (long long)velo_value_int64(values[0]));
        return shadow_run(table, "DELETE FROM", rest);
    }
    if (velo_value_type(values[0]) != VELO_NULL) {
        (void)snprintf(rest, sizeof rest, " SET text = '%s' WHERE id = %lld", text,
                       (long long)velo_value_int64(values[0]));
        return shadow_run(table, "UPDATE", rest);
    }
    (void)snprintf(rest, sizeof rest, " VALUES (nullif(%lld, 0), '%s')",
                   (long long)velo_value_int64(values[1]), text);
    st = shadow_run(table, "INSERT INTO", rest);
    *rowid = velo_last_insert_rowid(((const shadow_table *)table)->owner);
    return st;
}

static const velo_module shadow_module = {
    .size = sizeof(velo_module),
    .name = "shadow",
    .create = shadow_create,
    .connect = shadow_connect,
    .best_index = shadow_best_index,
    .disconnect = shadow_disconnect,
    .destroy = shadow_destroy,
    .open = shadow_open,
    .close = shadow_close,
    .filter = shadow_filter,
    .next = shadow_next,
    .eof = shadow_eof,
    .column = shadow_column,
    .rowid = shadow_rowid,
    .update = shadow_update,
    .is_shadow = shadow_is_shadow,
    .integrity = shadow_integrity,
    .free_message = free,
};

/* ---- words(text, separator): a function in FROM ---- */

typedef struct words_state {
    char text[64];
    char separator;
    const char *word; /* NULL: before the first */
    int number;
} words_state;

static int words_open; /* calls that have not ended */

static velo_status
words_begin(velo_connection *to, void *user, int count, velo_value **arguments, void **state)
{
    const char *separator = arguments[1] != NULL ? velo_value_text(arguments[1]) : " ";
    const char *text = velo_value_text(arguments[0]);
    words_state *words;

    if (text == NULL || separator == NULL || count != 2 || user != &words_open) {
        velo_vtab_error(to, "words of nothing");
        return VELO_ERROR;
    }
    words = calloc(1, sizeof *words);
    if (words == NULL)
        return VELO_NOMEM;
    (void)snprintf(words->text, sizeof words->text, "%s", text);
    words->separator = separator[0];
    words_open++;
    *state = words;
    return VELO_OK;
}

static velo_status
words_next(void *state)
{
    words_state *words = state;
    const char *end = words->word == NULL ? NULL : strchr(words->word, words->separator);

    if (words->word != NULL && end == NULL)
        return VELO_DONE;
    words->word = words->word == NULL ? words->text : end + 1;
    words->number++;
    return VELO_ROW;
}

static void
words_column(void *state, velo_call *call, int column)
{
    const words_state *words = state;
    const char *end = strchr(words->word, words->separator);

    if (column == 0)
        velo_result_int64(call, words->number);
    else
        velo_result_text(call, words->word, end != NULL ? end - words->word : -1);
}

static void
words_end(void *state)
{
    words_open--;
    free(state);
}

static int words_destroyed;

static void
words_destroy(void *user)
{
    (void)user;
    words_destroyed++;
}

/* ---- tests ---- */

static void
begin_with(const char *file)
{
    static const velo_function starts = {.size = sizeof starts,
                                         .name = "starts",
                                         .argument_count = 2,
                                         .scalar = memory_starts_nothing};

    connection = api_run_open(file);
    CHECK_EQ(velo_create_function(connection, &starts), VELO_OK);
    told[0] = 0;
    CHECK_EQ(velo_create_module(connection, &series_module), VELO_OK);
    CHECK_EQ(velo_create_module(connection, &memory_module), VELO_OK);
    CHECK_EQ(velo_create_module(connection, &shadow_module), VELO_OK);
}

static void
begin(void)
{
    begin_with(NULL);
}

static void
end(void)
{
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
vtab_eponymous_is_a_function_of_hidden_columns(void)
{
    begin();
    CHECK_RUN(connection, "SELECT value FROM series(2, 4)", "2|3|4");
    CHECK_RUN(connection, "SELECT * FROM series(2, 3)", "2|3");
    CHECK_RUN(connection, "SELECT * FROM series", "1|2|3|4|5");
    CHECK_RUN(connection, "SELECT value FROM series WHERE start = 4", "4|5");
    CHECK_RUN(connection, "SELECT value, start, stop, rowid FROM series(7, 7)", "7,7,7,7");
    CHECK_RUN(connection, "SELECT s.value FROM series AS s WHERE stop = 2 AND value > 1", "2");
    CHECK_RUN(connection, "SELECT value FROM series(1, 3) ORDER BY value DESC", "3|2|1");
    CHECK_RUN(connection, "SELECT value FROM series(1, 9) LIMIT 2 OFFSET 3", "4|5");
    CHECK_RUN(connection, "SELECT sum(value), count(*) FROM series(1, 10)", "55,10");
    CHECK_RUN(connection, "SELECT value FROM series WHERE stop IN (1, 2, 2, NULL)", "1|1|2");
    CHECK_RUN(connection, "SELECT value FROM series(1, 2, 3)",
              "!too many arguments on series() - max 2");
    CHECK_RUN(connection, "SELECT value FROM series(11, 13)", "!no thirteen");
    CHECK_RUN(connection, "SELECT value FROM series(11, 13) LIMIT 2", "11|12");
    CHECK_RUN(connection, "INSERT INTO series VALUES (1)", "!table series may not be modified");
    end();
}

static void
vtab_arguments_come_from_sources_before(void)
{
    begin();
    CHECK_RUN(connection, "CREATE TABLE t(n); INSERT INTO t VALUES (1), (3)", "");
    CHECK_RUN(connection, "SELECT n, value FROM t, series(1, n)", "1,1|3,1|3,2|3,3");
    CHECK_RUN(connection, "SELECT n, value FROM series(1, n), t", "1,1|3,1|3,2|3,3");
    CHECK_RUN(connection, "SELECT n, value FROM t JOIN series ON start = n AND stop = n + 1",
              "1,1|1,2|3,3|3,4");
    CHECK_RUN(connection, "SELECT n, value FROM t LEFT JOIN series(3, n) ON true", "1,~|3,3");
    CHECK_RUN(connection, "SELECT n, value FROM t, series(1, abs(-2)) WHERE value = n", "1,1");
    CHECK_RUN(connection, "SELECT a.value, b.value FROM series(1, 2) a, series(a.value, 2) b",
              "1,1|1,2|2,2");
    CHECK_RUN(connection, "SELECT n, (SELECT sum(value) FROM series(1, n)) FROM t", "1,1|3,6");
    CHECK_RUN(connection, "SELECT value FROM series(4, 6) WHERE value IN (SELECT n + 2 FROM t)",
              "5");
    end();
}

static void
vtab_is_created_used_and_dropped(void)
{
    begin();
    CHECK_RUN(connection, "CREATE VIRTUAL TABLE m USING memory(one, two  three, 'a,b')", "");
    CHECK_TOLD("create(6,memory,main,m) one two  three 'a,b' sync commit");
    CHECK_RUN(connection, "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema",
              "table,m,m,0,CREATE VIRTUAL TABLE m USING memory(one, two  three, 'a,b')");
    CHECK_RUN(connection, "CREATE VIRTUAL TABLE m USING memory", "!table m already exists");
    CHECK_RUN(connection, "CREATE VIRTUAL TABLE IF NOT EXISTS m USING memory", "");
    CHECK_RUN(connection, "INSERT INTO m VALUES ('x', 1), ('y', 2)", "");
    CHECK_TOLD("begin s0 r0 sync commit");
    CHECK_RUN(connection, "SELECT rowid, a, b, h FROM m", "1,x,1,~|2,y,2,~");
    CHECK_RUN(connection, "SELECT * FROM m WHERE a = 'y'", "y,2");
    CHECK_RUN(connection, "SELECT * FROM m WHERE a IN ('y', 'x', 'z')", "x,1|y,2");
    CHECK_RUN(connection, "DROP TABLE m", "");
    CHECK_TOLD("destroy");
    CHECK_RUN(connection, "SELECT * FROM m", "!no such table: m");
    CHECK_RUN(connection, "CREATE VIRTUAL TABLE n USING missing", "!no such module: missing");
    CHECK_RUN(connection, "CREATE VIRTUAL TABLE n USING series(1)", "!no such module: series");
    CHECK_RUN(connection, "CREATE VIRTUAL TABLE n USING memory(bad)", "!memory is bad");
    CHECK_RUN(connection, "CREATE VIRTUAL TABLE n USING memory(undeclared)",
              "!vtable constructor did not declare schema: n");
    CHECK_RUN(connection, "SELECT count(*) FROM sqlite_schema", "0");
    end();
}

static void
vtab_rows_are_changed(void)
{
    begin();
    CHECK_RUN(connection, "CREATE VIRTUAL TABLE m USING memory()", "");
    CHECK_RUN(connection, "INSERT INTO m(b, a) VALUES (1, 'x'), (2, 'y'), (3, 'z')", "");
    CHECK_RUN(connection, "SELECT changes(), last_insert_rowid()", "3,3");
    CHECK_RUN(connection, "UPDATE m SET b = b + 10 WHERE a >= 'y'", "");
    CHECK_RUN(connection, "SELECT changes(), total_changes()", "2,5");
    CHECK_RUN(connection, "SELECT rowid, * FROM m", "1,x,1|2,y,12|3,z,13");
    CHECK_RUN(connection, "UPDATE m SET rowid = 9, a = a || b WHERE a = 'x'", "");
    CHECK_RUN(connection, "SELECT rowid, * FROM m", "9,x1,1|2,y,12|3,z,13");
    CHECK_RUN(connection, "DELETE FROM m WHERE b = '12'", "");
    CHECK_RUN(connection, "SELECT rowid, * FROM m", "9,x1,1|3,z,13");
    CHECK_RUN(connection, "INSERT INTO m(rowid, a) VALUES (3, 'k')", "!the rowid is there");
    CHECK_RUN(connection, "INSERT OR IGNORE INTO m(rowid, a) VALUES (3, 'k')", "");
    CHECK_RUN(connection, "INSERT OR REPLACE INTO m(rowid, a, b) VALUES (3, 'k', 'l')", "");
    CHECK_RUN(connection, "SELECT rowid, * FROM m", "9,x1,1|3,k,l");
    CHECK_RUN(connection, "INSERT INTO m VALUES ('r', 0) RETURNING rowid, a || b, h", "4,r0,~");
    CHECK_RUN(connection, "INSERT INTO m VALUES (1)",
              "!table m has 2 columns but 1 values were "
              "supplied");
    CHECK_RUN(connection, "DELETE FROM m RETURNING a",
              "!DELETE RETURNING is not available on virtual tables");
    CHECK_RUN(connection, "UPDATE m SET a = 1 RETURNING a",
              "!UPDATE RETURNING is not available on virtual tables");
    CHECK_RUN(connection, "INSERT INTO m VALUES (1, 2) ON CONFLICT DO NOTHING",
              "!UPSERT not implemented for virtual table \"m\"");
    CHECK_RUN(connection, "DELETE FROM m", "");
    CHECK_RUN(connection, "SELECT count(*) FROM m", "0");
    end();
}

static void
vtab_takes_part_in_transactions(void)
{
    begin();
    CHECK_RUN(connection, "CREATE VIRTUAL TABLE m USING memory", "");
    told[0] = 0;
    CHECK_RUN(connection, "BEGIN; INSERT INTO m VALUES ('a', 1); ROLLBACK", "");
    CHECK_TOLD("begin s0 r0 rollback");
    CHECK_RUN(connection, "SELECT count(*) FROM m", "0");
    CHECK_RUN(connection,
              "BEGIN; INSERT INTO m VALUES ('a', 1); SAVEPOINT s; INSERT INTO m VALUES ('b', 2);"
              "ROLLBACK TO s; INSERT INTO m VALUES ('c', 3); RELEASE s; COMMIT",
              "");
    CHECK_TOLD("begin s0 r0 s0 s1 r1 b0 s1 r1 r0 sync commit");
    CHECK_RUN(connection, "SELECT a FROM m", "a|c");
    CHECK_RUN(connection, "BEGIN; INSERT INTO m(rowid, a) VALUES (7, 'd'), (1, 'e')",
              "!the rowid is there");
    CHECK_TOLD("begin s0 b0 r0");
    CHECK_RUN(connection, "SELECT a FROM m", "a|c");
    CHECK_RUN(connection, "INSERT OR FAIL INTO m(rowid, a) VALUES (7, 'd'), (1, 'e')",
              "!the rowid is there");
    CHECK_RUN(connection, "SELECT a FROM m", "a|c|d");
    CHECK_RUN(connection, "INSERT OR ROLLBACK INTO m(rowid, a) VALUES (8, 'd'), (1, 'e')",
              "!the rowid is there");
    CHECK_RUN(connection, "SELECT a FROM m; BEGIN; COMMIT", "a|c");
    told[0] = 0;
    CHECK_RUN(connection, "INSERT INTO m VALUES ('refuse', 1)", "!sync refuses");
    CHECK_TOLD("begin s0 r0 sync rollback");
    CHECK_RUN(connection, "SELECT a FROM m", "a|c");
    CHECK_RUN(connection, "BEGIN; CREATE VIRTUAL TABLE n USING memory; ROLLBACK", "");
    CHECK_RUN(connection, "SELECT * FROM n", "!no such table: n");
    CHECK_RUN(connection, "CREATE VIRTUAL TABLE n USING memory; SELECT count(*) FROM n", "0");
    end();
}

static void
vtab_is_offered_what_restricts_it(void)
{
    begin();
    CHECK_RUN(connection, "CREATE VIRTUAL TABLE m USING memory(asking)", "");
    CHECK_RUN(connection, "CREATE TABLE t(x)", "");
    told[0] = 0;
    CHECK_RUN(connection, "SELECT b FROM m WHERE a = 1 AND b > 2 AND b <= ?", "");
    CHECK_TOLD("0:2= 1:4= 1:8 u3");
    CHECK_RUN(connection, "SELECT rowid FROM m WHERE 1 < a AND rowid >= 3 AND a <> 4", "");
    CHECK_TOLD("0:4= -1:32= 0:68= u1");
    CHECK_RUN(connection, "SELECT h FROM m WHERE a IS NULL AND b IS NOT NULL AND h IS 3", "");
    CHECK_TOLD("0:71 1:70 2:72= u7");
    CHECK_RUN(connection, "SELECT h FROM m WHERE a IS NOT 5 AND a BETWEEN 1 AND 2", "");
    CHECK_TOLD("0:69= 0:32= 0:8= u5");
    CHECK_RUN(connection, "SELECT 1 FROM m WHERE a LIKE 'x%' AND a GLOB 'x*' AND starts(a, 'q')",
              "");
    CHECK_TOLD("0:65= 0:66= 0:151= u1");
    CHECK_RUN(connection, "SELECT 1 FROM m WHERE a MATCH 'x' AND a NOT LIKE 'y'", "");
    CHECK_TOLD("0:64= u1");
    CHECK_RUN(connection, "SELECT 1 FROM m WHERE a IN (1, 2) AND b COLLATE NOCASE = 'q'", "");
    CHECK_TOLD("0:2i 1:2c= u3");
    CHECK_RUN(connection, "SELECT 1 FROM m WHERE a = 'q' COLLATE NOCASE ORDER BY a, b DESC", "");
    CHECK_TOLD("0:2c= o0 o1d u3");
    CHECK_RUN(connection, "SELECT 1 FROM m WHERE a = 1 LIMIT 3 OFFSET 1", "");
    CHECK_TOLD("0:2= 0:73= 0:74= u1");
    CHECK_RUN(connection, "SELECT 1 FROM m WHERE a + 0 = 1 LIMIT 3", "");
    CHECK_TOLD("u1");
    CHECK_RUN(connection, "SELECT 1 FROM m ORDER BY a || b LIMIT 3", "");
    CHECK_TOLD("u3");
    CHECK_RUN(connection, "SELECT 1 FROM t LEFT JOIN m ON a = x", "");
    CHECK_TOLD("0:2 u1 0:2- u1");
    end();
}

static void
vtab_functions_of_it_are_called(void)
{
    begin();
    CHECK_RUN(connection, "CREATE VIRTUAL TABLE m USING memory", "");
    CHECK_RUN(connection, "INSERT INTO m VALUES ('abc', 1), ('abd', 2), ('b', 3)", "");
    memory_has_no_functions = 1; /* it is asked again each time */
    CHECK_RUN(connection, "SELECT b FROM m WHERE starts(a, 'ab')",
              "!starts is for columns of memory");
    memory_has_no_functions = 0;
    CHECK_RUN(connection, "SELECT b FROM m WHERE starts(a, 'ab')", "1|2");
    memory_has_no_functions = 1;
    CHECK_RUN(connection, "SELECT b FROM m WHERE starts(a, 'ab')",
              "!starts is for columns of memory");
    memory_has_no_functions = 0;
    CHECK_RUN(connection, "SELECT starts('a', 'a')", "!starts is for columns of memory");
    CHECK_RUN(connection, "SELECT 'a' MATCH 'b'",
              "!unable to use function MATCH in the requested context");
    CHECK_RUN(connection, "SELECT 'a' regexp 'b'", "!no such function: regexp");
    end();
}

static void
vtab_plans_are_explained(void)
{
    begin();
    CHECK_RUN(connection, "CREATE VIRTUAL TABLE m USING memory", "");
    CHECK_RUN(connection, "EXPLAIN QUERY PLAN SELECT * FROM m WHERE a = 3",
              "1,0,0,SCAN m VIRTUAL TABLE INDEX 1:key");
    CHECK_RUN(connection, "EXPLAIN QUERY PLAN SELECT * FROM series(1, 2) AS s ORDER BY value DESC",
              "1,0,0,SCAN s VIRTUAL TABLE INDEX 7:");
    end();
}

static void
vtab_refuses_what_sqlite_refuses(void)
{
    begin();
    CHECK_RUN(connection, "CREATE VIRTUAL TABLE m USING memory", "");
    CHECK_RUN(connection, "CREATE INDEX i ON m(a)", "!virtual tables may not be indexed");
    CHECK_RUN(connection, "CREATE TRIGGER r AFTER INSERT ON m BEGIN SELECT 1; END",
              "!cannot create triggers on virtual tables");
    CHECK_RUN(connection, "ALTER TABLE m ADD COLUMN z", "!virtual tables may not be altered");
    CHECK_RUN(connection, "ALTER TABLE m DROP COLUMN a",
              "!cannot drop column from virtual table \"m\"");
    CHECK_RUN(connection, "ALTER TABLE m RENAME COLUMN a TO z",
              "!cannot rename columns of virtual table \"m\"");
    told[0] = 0;
    CHECK_RUN(connection, "ALTER TABLE m RENAME TO \"a b\"", "");
    CHECK_TOLD("a b disconnect");
    CHECK_RUN(connection, "SELECT name, sql FROM sqlite_schema",
              "a b,CREATE VIRTUAL TABLE \"a b\" USING memory");
    CHECK_RUN(connection, "SELECT count(*) FROM \"a b\"", "0");
    CHECK_TOLD("create(3,memory,main,a b)");
    CHECK_RUN(connection, "PRAGMA table_xinfo('a b')",
              "0,a,TEXT,0,~,0,0|1,b,,0,~,0,0|"
              "2,h,INT,0,~,0,1");
    CHECK_RUN(connection, "PRAGMA table_info(series)", "0,value,,0,~,0");
    CHECK_RUN(connection, "SELECT type, ncol FROM pragma_table_list('a b')", "virtual,3");
    CHECK_RUN(connection, "VACUUM; ANALYZE; PRAGMA integrity_check; REINDEX", "ok");
    CHECK_RUN(connection,
              "CREATE TABLE t(x); CREATE VIEW v AS SELECT a, x FROM \"a b\", t;"
              "ALTER TABLE t RENAME COLUMN x TO y; SELECT count(*) FROM v",
              "0");
    end();
}

static void
vtab_keeps_rows_in_shadow_tables(void)
{
    begin();
    CHECK_RUN(connection, "CREATE VIRTUAL TABLE s USING shadow", "");
    CHECK_RUN(connection, "SELECT name FROM sqlite_schema", "s|s_data");
    CHECK_RUN(connection, "INSERT INTO s VALUES ('a'), ('b')", "");
    CHECK_RUN(connection, "UPDATE s SET text = text || text WHERE rowid = 2", "");
    CHECK_RUN(connection, "SELECT rowid, text FROM s", "1,a|2,bb");
    CHECK_RUN(connection, "SELECT id, text FROM s_data", "1,a|2,bb");
    CHECK_RUN(connection, "BEGIN; INSERT INTO s VALUES ('c'); DELETE FROM s WHERE text = 'a'", "");
    CHECK_RUN(connection, "SELECT text FROM s", "bb|c");
    CHECK_RUN(connection, "ROLLBACK; SELECT text FROM s", "a|bb");
    CHECK_RUN(connection,
              "CREATE TABLE log(x); CREATE TRIGGER r AFTER INSERT ON log BEGIN "
              "INSERT INTO s VALUES (new.x); END; INSERT INTO log VALUES ('q')",
              "");
    CHECK_RUN(connection, "SELECT text FROM s", "a|bb|q");
    CHECK_RUN(connection, "CREATE VIRTUAL TABLE bad USING shadow(1)",
              "!vtable constructor failed: bad");
    CHECK_RUN(connection, "BEGIN; CREATE VIRTUAL TABLE bad USING shadow(1)",
              "!vtable constructor failed: bad");
    CHECK_RUN(connection, "SELECT name FROM sqlite_schema WHERE name LIKE 'bad%'; COMMIT", "");
    CHECK_RUN(connection,
              "SELECT name, type FROM pragma_table_list WHERE name LIKE 's%' AND name "
              "NOT LIKE 'sqlite%' ORDER BY name",
              "s,virtual|s_data,shadow");
    CHECK_RUN(connection, "PRAGMA integrity_check; PRAGMA quick_check", "ok|ok");
    CHECK_RUN(connection, "INSERT INTO s VALUES ('unwell'); PRAGMA integrity_check",
              "main.s is unwell, 0");
    CHECK_RUN(connection, "PRAGMA quick_check", "main.s is unwell, 1");
    CHECK_RUN(connection, "DROP TABLE s; SELECT name FROM sqlite_schema", "log|r");
    end();
}

static void
vtab_is_there_for_other_connections(void)
{
    velo_connection *other;

    (void)remove("vtab_shared.db");
    begin_with("vtab_shared.db");
    CHECK_RUN(connection, "CREATE VIRTUAL TABLE s USING shadow; INSERT INTO s VALUES ('a')", "");
    other = api_run_open("vtab_shared.db");
    CHECK_RUN(other, "SELECT * FROM s", "!no such module: shadow");
    CHECK_RUN(other, "SELECT text FROM s_data", "a");
    CHECK_EQ(velo_create_module(other, &shadow_module), VELO_OK);
    CHECK_RUN(other, "SELECT text FROM s; INSERT INTO s VALUES ('b')", "a");
    CHECK_RUN(connection, "SELECT text FROM s", "a|b");
    CHECK_RUN(connection, "DROP TABLE s", "");
    CHECK_RUN(other, "SELECT text FROM s", "!no such table: s");
    CHECK_EQ(velo_close(other), VELO_OK);
    end();
    begin_with("vtab_shared.db");
    CHECK_RUN(connection, "SELECT count(*) FROM sqlite_schema", "0");
    end();
}

static void
vtab_in_other_databases(void)
{
    begin();
    CHECK_RUN(connection, "ATTACH ':memory:' AS other", "");
    CHECK_RUN(connection, "CREATE VIRTUAL TABLE other.m USING memory; INSERT INTO m VALUES (1, 2)",
              "");
    CHECK_RUN(connection, "CREATE VIRTUAL TABLE temp.m USING memory", "");
    CHECK_RUN(connection, "INSERT INTO other.m VALUES (3, 4); INSERT INTO temp.m VALUES (5, 6)",
              "");
    CHECK_RUN(connection, "SELECT a FROM other.m", "1|3");
    CHECK_RUN(connection, "SELECT a FROM m", "5");
    CHECK_RUN(connection, "BEGIN; DELETE FROM m; INSERT INTO other.m VALUES (7, 8); ROLLBACK", "");
    CHECK_RUN(connection, "SELECT o.a, t.a FROM other.m AS o, temp.m AS t", "1,5|3,5");
    CHECK_RUN(connection, "DROP TABLE m; SELECT a FROM m", "1|3");
    CHECK_RUN(connection, "DROP TABLE other.m; SELECT a FROM m", "!no such table: m");
    end();
}

static void
vtab_modules_come_and_go(void)
{
    static const char *const keep[] = {"MEMORY", NULL};
    velo_module bad = series_module;

    begin();
    bad.filter = NULL;
    CHECK_EQ(velo_create_module(connection, &bad), VELO_MISUSE);
    CHECK_EQ(velo_declare_vtab(connection, "CREATE TABLE x(a)"), VELO_MISUSE);
    CHECK_EQ(velo_vtab_config(connection, VELO_VTAB_INNOCUOUS, 1), VELO_MISUSE);
    CHECK_EQ(velo_create_module(connection, &series_module), VELO_OK);
    CHECK_RUN(connection, "SELECT count(*) FROM series", "5");
    CHECK_EQ(velo_drop_modules(connection, keep), VELO_OK);
    CHECK_RUN(connection, "SELECT count(*) FROM series", "!no such table: series");
    CHECK_RUN(connection, "CREATE VIRTUAL TABLE m USING memory; INSERT INTO m VALUES (1, 2)", "");
    CHECK_EQ(velo_drop_modules(connection, NULL), VELO_OK);
    CHECK_RUN(connection, "SELECT a FROM m", "1");
    end();
}

static void
vtab_of_a_few_callbacks(void)
{
    static const char *const columns[] = {"number", "a \"word\""};
    static const char *const arguments[] = {"text", "separator"};
    velo_table_function words = {.size = sizeof words,
                                 .name = "words",
                                 .columns = columns,
                                 .column_count = 2,
                                 .arguments = arguments,
                                 .argument_count = 2,
                                 .required_count = 1,
                                 .user = &words_open,
                                 .begin = words_begin,
                                 .next = words_next,
                                 .column = words_column,
                                 .end = words_end,
                                 .destroy = words_destroy};

    begin();
    words_destroyed = 0;
    CHECK_EQ(velo_create_table_function(connection, &words), VELO_OK);
    CHECK_RUN(connection, "SELECT * FROM words('to be or')", "1,to|2,be|3,or");
    CHECK_RUN(connection, "SELECT \"a \"\"word\"\"\" FROM words('a-b c', '-') WHERE number = 2",
              "b c");
    CHECK_RUN(connection, "SELECT number FROM words WHERE separator = '-' AND text = 'a-b'", "1|2");
    CHECK_RUN(connection,
              "CREATE TABLE t(x); INSERT INTO t VALUES ('p q'), ('r');"
              "SELECT x, number FROM t, words(x)",
              "p q,1|p q,2|r,1");
    CHECK_RUN(connection, "SELECT * FROM words", "!argument 1 of words() is missing");
    CHECK_RUN(connection, "SELECT * FROM words(NULL)", "!words of nothing");
    CHECK_RUN(connection, "SELECT number FROM words('a b c') LIMIT 1", "1");
    CHECK_EQ(words_open, 0);
    CHECK_RUN(connection, "PRAGMA module_list", "words|shadow|memory|series");
    words.next = NULL;
    CHECK_EQ(velo_create_table_function(connection, &words), VELO_MISUSE);
    end();
    CHECK_EQ(words_destroyed, 1);
}

/* Run SQL while the callbacks run `other`. */
static void
run_intruded(const char *other, const char *sql)
{
    memset(intrusion_results, 0, sizeof intrusion_results);
    intrusion = other;
    (void)api_run(connection, sql);
    intrusion = NULL;
}

static void
vtab_is_not_dropped_by_its_callbacks(void)
{
    static const char *const changes[] = {
        "INSERT INTO m VALUES ('x', 1)",
        "UPDATE m SET a = 'y'",
        "SELECT a FROM m WHERE a = 'y' ORDER BY a",
        ("BEGIN; SAVEPOINT p; INSERT INTO m VALUES ('z', 1); SAVEPOINT q;"
         "INSERT INTO m VALUES ('z', 2); ROLLBACK TO q; RELEASE p; COMMIT"),
        "BEGIN; INSERT INTO m VALUES ('z', 1); ROLLBACK",
        "SELECT a FROM m WHERE starts(a, 'x')",
    };

    begin();
    CHECK_RUN(connection, "CREATE VIRTUAL TABLE m USING memory", "");
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        run_intruded("DROP TABLE m", changes[i]);
        CHECK(intrusion_results[VELO_LOCKED] > 0);
        CHECK_EQ(intrusion_results[VELO_OK], 0);
        run_intruded("ROLLBACK", changes[i]); /* the transaction may end, but nothing is lost */
        told[0] = 0;
        CHECK_RUN(connection, "SELECT count(*) FROM sqlite_schema", "1");
    }
    CHECK_RUN(connection, "BEGIN", "");
    run_intruded("DROP TABLE m; ROLLBACK", "INSERT INTO m VALUES ('x', 1)");
    CHECK_EQ(intrusion_results[VELO_OK], 0);
    run_intruded("DROP TABLE m", "ROLLBACK; DROP TABLE m");
    CHECK_EQ(intrusion_results[VELO_OK], 0);
    CHECK_RUN(connection, "SELECT count(*) FROM sqlite_schema", "0");
    end();
}

static void
vtab_survives_lack_of_memory(void)
{
    begin();
    CHECK_RUN(connection, "CREATE VIRTUAL TABLE s USING shadow; INSERT INTO s VALUES ('a')", "");
    CHECK(api_run_each_failure(connection, "INSERT INTO s SELECT text || 'x' FROM s", 3,
                               "SELECT text FROM s_data", "a") > 0);
    CHECK_RUN(connection, "SELECT text FROM s", "a|ax");
    CHECK(api_run_each_failure(connection, "SELECT value FROM series(1, 3), s WHERE text IN ('a')",
                               3, "SELECT count(*) FROM s_data", "2") > 0);
    end();
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(vtab_eponymous_is_a_function_of_hidden_columns),
        UNIT_TEST(vtab_arguments_come_from_sources_before),
        UNIT_TEST(vtab_is_created_used_and_dropped),
        UNIT_TEST(vtab_rows_are_changed),
        UNIT_TEST(vtab_takes_part_in_transactions),
        UNIT_TEST(vtab_is_offered_what_restricts_it),
        UNIT_TEST(vtab_functions_of_it_are_called),
        UNIT_TEST(vtab_plans_are_explained),
        UNIT_TEST(vtab_refuses_what_sqlite_refuses),
        UNIT_TEST(vtab_keeps_rows_in_shadow_tables),
        UNIT_TEST(vtab_is_there_for_other_connections),
        UNIT_TEST(vtab_in_other_databases),
        UNIT_TEST(vtab_modules_come_and_go),
        UNIT_TEST(vtab_of_a_few_callbacks),
        UNIT_TEST(vtab_is_not_dropped_by_its_callbacks),
        UNIT_TEST(vtab_survives_lack_of_memory),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
