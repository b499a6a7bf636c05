/* extension_tables.c - a loadable extension with virtual tables, as people write them.
 *
 * numbers  a series, as a function: numbers(start, stop)
 * store    rows (key, value) in memory that can be changed, with rollback and savepoints
 * fields   text of records "a;b;c/d;e;f", with as many columns as the first record has
 * and ext_double(x). `store_log()` tells which callbacks of stores have been called since it was
 * asked last. */
#include "sqlite3ext.h"
SQLITE_EXTENSION_INIT1

#include <stdlib.h>
#include <string.h>

/* ---- numbers ---- */

typedef struct numbers_cursor {
    sqlite3_vtab_cursor base;
    sqlite3_int64 start;
    sqlite3_int64 stop;
    sqlite3_int64 at;
    sqlite3_int64 picked[16]; /* of value IN (...) */
    int picked_count;
    int picked_at;
    int is_picking;
    int is_backward;
} numbers_cursor;

static int
numbers_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **vtab,
                char **message)
{
    int code = sqlite3_declare_vtab(db, "CREATE TABLE x(value INT, start HIDDEN, stop HIDDEN)");

    (void)aux;
    (void)argc;
    (void)argv;
    (void)message;
    if (code != SQLITE_OK)
        return code;
    (void)sqlite3_vtab_config(db, SQLITE_VTAB_INNOCUOUS);
    *vtab = sqlite3_malloc(sizeof **vtab);
    return *vtab == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

static int
numbers_disconnect(sqlite3_vtab *vtab)
{
    sqlite3_free(vtab);
    return SQLITE_OK;
}

static int
numbers_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    int found[3] = {-1, -1, -1};
    int next = 1;

    (void)vtab;
    for (int i = 0; i < info->nConstraint; i++) {
        if (info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ ||
            info->aConstraint[i].iColumn < 0)
            continue;
        if (info->aConstraint[i].iColumn == 0) {
            if (info->aConstraint[i].usable && sqlite3_vtab_in(info, i, -1) &&
                sqlite3_vtab_in(info, i, 1))
                found[0] = i;
            continue;
        }
        if (!info->aConstraint[i].usable)
            return SQLITE_CONSTRAINT;
        found[info->aConstraint[i].iColumn] = i;
    }
    if (found[1] < 0) {
        vtab->zErrMsg = sqlite3_mprintf("numbers needs a %s", "start");
        return SQLITE_ERROR;
    }
    for (int i = 1; i <= 3; i++)
        if (found[i % 3] >= 0) {
            info->aConstraintUsage[found[i % 3]].argvIndex = next++;
            info->aConstraintUsage[found[i % 3]].omit = 1;
            info->idxNum |= 1 << (i % 3);
        }
    if (info->nOrderBy == 1 && info->aOrderBy[0].iColumn == 0) {
        info->orderByConsumed = 1;
        info->idxNum |= info->aOrderBy[0].desc ? 8 : 0;
    }
    info->idxStr = sqlite3_mprintf("n%d", next - 1);
    info->needToFreeIdxStr = 1;
    info->estimatedCost = 10.0;
    info->estimatedRows = 10;
    return SQLITE_OK;
}

static int
numbers_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **cursor)
{
    numbers_cursor *made = sqlite3_malloc(sizeof *made);

    (void)vtab;
    if (made == NULL)
        return SQLITE_NOMEM;
    memset(made, 0, sizeof *made);
    *cursor = &made->base;
    return SQLITE_OK;
}

static int
numbers_close(sqlite3_vtab_cursor *cursor)
{
    sqlite3_free(cursor);
    return SQLITE_OK;
}

static int
numbers_is_out(const numbers_cursor *cursor)
{
    return cursor->at > cursor->stop || cursor->at < cursor->start;
}

/* Go to the next of the values that are picked, if some are. */
static void
numbers_pick(numbers_cursor *cursor)
{
    while (cursor->is_picking && cursor->picked_at < cursor->picked_count) {
        cursor->at = cursor->picked[cursor->picked_at];
        if (!numbers_is_out(cursor))
            return;
        cursor->picked_at++;
    }
}

static int
numbers_filter(sqlite3_vtab_cursor *base, int number, const char *text, int argc,
               sqlite3_value **argv)
{
    numbers_cursor *cursor = (numbers_cursor *)base;
    sqlite3_value *value;
    int next = 0;

    if (text == NULL || text[0] != 'n' || strtol(text + 1, NULL, 10) != argc)
        return SQLITE_INTERNAL;
    cursor->start = sqlite3_value_int64(argv[next++]);
    cursor->stop = (number & 4) != 0 ? sqlite3_value_int64(argv[next++]) : cursor->start + 2;
    cursor->is_backward = (number & 8) != 0;
    cursor->at = cursor->is_backward ? cursor->stop : cursor->start;
    cursor->is_picking = (number & 1) != 0;
    cursor->picked_count = cursor->picked_at = 0;
    if (cursor->is_picking)
        for (int code = sqlite3_vtab_in_first(argv[next], &value);
             code == SQLITE_OK && cursor->picked_count < 16;
             code = sqlite3_vtab_in_next(argv[next], &value))
            cursor->picked[cursor->picked_count++] = sqlite3_value_int64(value);
    numbers_pick(cursor);
    return SQLITE_OK;
}

static int
numbers_next(sqlite3_vtab_cursor *base)
{
    numbers_cursor *cursor = (numbers_cursor *)base;

    cursor->at += cursor->is_backward ? -1 : 1;
    cursor->picked_at++;
    numbers_pick(cursor);
    return SQLITE_OK;
}

static int
numbers_eof(sqlite3_vtab_cursor *base)
{
    numbers_cursor *cursor = (numbers_cursor *)base;

    return cursor->is_picking ? cursor->picked_at >= cursor->picked_count : numbers_is_out(cursor);
}

static int
numbers_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
    numbers_cursor *cursor = (numbers_cursor *)base;

    if (column == 0 && cursor->at == 666) {
        base->pVtab->zErrMsg = sqlite3_mprintf("no such number");
        return SQLITE_ERROR;
    }
    sqlite3_result_int64(context, column == 0   ? cursor->at
                                  : column == 1 ? cursor->start
                                                : cursor->stop);
    return SQLITE_OK;
}

static int
numbers_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid)
{
    *rowid = ((numbers_cursor *)base)->at;
    return SQLITE_OK;
}

static sqlite3_module numbers_module = {
    .iVersion = 0,
    .xConnect = numbers_connect,
    .xBestIndex = numbers_best_index,
    .xDisconnect = numbers_disconnect,
    .xOpen = numbers_open,
    .xClose = numbers_close,
    .xFilter = numbers_filter,
    .xNext = numbers_next,
    .xEof = numbers_eof,
    .xColumn = numbers_column,
    .xRowid = numbers_rowid,
};

/* ---- store ---- */

#define STORE_ROWS  32
#define STORE_SLOTS 8

typedef struct store_row {
    sqlite3_int64 rowid;
    char key[16];
    char value[16];
} store_row;

typedef struct store_rows {
    store_row rows[STORE_ROWS];
    int count;
} store_rows;

typedef struct store_vtab {
    sqlite3_vtab base;
    sqlite3 *db;
    store_rows now;
    store_rows kept[STORE_SLOTS]; /* of the transaction's begin, then of savepoints */
} store_vtab;

typedef struct store_cursor {
    sqlite3_vtab_cursor base;
    int at;
    char key[16]; /* "": all */
} store_cursor;

static char store_log[512];

static void
store_note(const char *what)
{
    size_t at = strlen(store_log);

    if (at + strlen(what) + 2 < sizeof store_log) {
        store_log[at] = ' ';
        strcpy(store_log + at + 1, what);
    }
}

static int
store_create(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **vtab,
             char **message)
{
    store_vtab *made;
    int code;

    (void)aux;
    if (argc > 3 && strcmp(argv[3], "wrong") == 0) {
        *message = sqlite3_mprintf("%s of %s is %s", argv[0], argv[2], argv[3]);
        return SQLITE_ERROR;
    }
    code = sqlite3_declare_vtab(db, "CREATE TABLE x(key TEXT, value, extra HIDDEN)");
    if (code == SQLITE_OK)
        code = sqlite3_vtab_config(db, SQLITE_VTAB_CONSTRAINT_SUPPORT, 1);
    if (code != SQLITE_OK)
        return code;
    made = sqlite3_malloc(sizeof *made);
    if (made == NULL)
        return SQLITE_NOMEM;
    memset(made, 0, sizeof *made);
    made->db = db;
    *vtab = &made->base;
    return SQLITE_OK;
}

static int
store_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **vtab,
              char **message)
{
    return store_create(db, aux, argc, argv, vtab, message);
}

static int
store_destroy(sqlite3_vtab *vtab)
{
    store_note("destroy");
    sqlite3_free(vtab);
    return SQLITE_OK;
}

static int
store_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    (void)vtab;
    for (int i = 0; i < info->nConstraint; i++)
        if (info->aConstraint[i].usable && info->aConstraint[i].iColumn == 0 &&
            info->aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_EQ &&
            sqlite3_stricmp(sqlite3_vtab_collation(info, i), "BINARY") == 0) {
            info->aConstraintUsage[i].argvIndex = 1;
            info->aConstraintUsage[i].omit = 1;
            info->idxNum = 1;
            info->idxStr = "key";
            info->estimatedCost = 2;
            return SQLITE_OK;
        }
    info->estimatedCost = 100;
    return SQLITE_OK;
}

static int
store_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **cursor)
{
    store_cursor *made = sqlite3_malloc(sizeof *made);

    (void)vtab;
    if (made == NULL)
        return SQLITE_NOMEM;
    memset(made, 0, sizeof *made);
    *cursor = &made->base;
    return SQLITE_OK;
}

static const store_rows *
store_of(const store_cursor *cursor)
{
    return &((const store_vtab *)cursor->base.pVtab)->now;
}

static void
store_seek(store_cursor *cursor)
{
    const store_rows *store = store_of(cursor);

    while (cursor->key[0] != 0 && cursor->at < store->count &&
           strcmp(store->rows[cursor->at].key, cursor->key) != 0)
        cursor->at++;
}

static int
store_filter(sqlite3_vtab_cursor *base, int number, const char *text, int argc,
             sqlite3_value **argv)
{
    store_cursor *cursor = (store_cursor *)base;
    const char *key = argc > 0 ? (const char *)sqlite3_value_text(argv[0]) : NULL;

    (void)text;
    cursor->at = 0;
    cursor->key[0] = 0;
    if (number == 1)
        sqlite3_snprintf(sizeof cursor->key, cursor->key, "%s", key != NULL ? key : "\001");
    store_seek(cursor);
    return SQLITE_OK;
}

static int
store_next(sqlite3_vtab_cursor *base)
{
    ((store_cursor *)base)->at++;
    store_seek((store_cursor *)base);
    return SQLITE_OK;
}

static int
store_eof(sqlite3_vtab_cursor *base)
{
    return ((store_cursor *)base)->at >= store_of((store_cursor *)base)->count;
}

static int
store_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
    const store_row *row = &store_of((store_cursor *)base)->rows[((store_cursor *)base)->at];

    if (column == 2)
        sqlite3_result_null(context);
    else
        sqlite3_result_text(context, column == 0 ? row->key : row->value, -1, SQLITE_TRANSIENT);
    return SQLITE_OK;
}

static int
store_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid)
{
    *rowid = store_of((store_cursor *)base)->rows[((store_cursor *)base)->at].rowid;
    return SQLITE_OK;
}

static int
store_find(const store_rows *store, sqlite3_int64 rowid)
{
    for (int i = 0; i < store->count; i++)
        if (store->rows[i].rowid == rowid)
            return i;
    return -1;
}

static void
store_remove(store_rows *store, int at)
{
    store->count--;
    memmove(&store->rows[at], &store->rows[at + 1],
            (size_t)(store->count - at) * sizeof store->rows[0]);
}

/* Make place for a rowid that a change of the row `old` (-1: an insert) wants. */
static int
store_make_place(store_vtab *store, int old, sqlite3_int64 wanted)
{
    int other = store_find(&store->now, wanted);

    if (other < 0 || other == old)
        return SQLITE_OK;
    if (sqlite3_vtab_on_conflict(store->db) != SQLITE_REPLACE) {
        store->base.zErrMsg = sqlite3_mprintf("rowid %lld is there", wanted);
        return SQLITE_CONSTRAINT;
    }
    store_remove(&store->now, other);
    return SQLITE_OK;
}

static int
store_update(sqlite3_vtab *vtab, int argc, sqlite3_value **argv, sqlite3_int64 *rowid)
{
    store_vtab *store = (store_vtab *)vtab;
    store_rows *now = &store->now;
    int is_insert = argc > 1 && sqlite3_value_type(argv[0]) == SQLITE_NULL;
    sqlite3_int64 wanted;
    int at;

    if (argc == 1) {
        store_remove(now, store_find(now, sqlite3_value_int64(argv[0])));
        return SQLITE_OK;
    }
    wanted = sqlite3_value_type(argv[1]) != SQLITE_NULL ? sqlite3_value_int64(argv[1])
             : now->count > 0                           ? now->rows[now->count - 1].rowid + 1
                                                        : 1;
    at = is_insert ? -1 : store_find(now, sqlite3_value_int64(argv[0]));
    if (store_make_place(store, at, wanted) != SQLITE_OK)
        return SQLITE_CONSTRAINT;
    if (is_insert && now->count == STORE_ROWS)
        return SQLITE_FULL;
    at = is_insert ? now->count++ : store_find(now, sqlite3_value_int64(argv[0]));
    now->rows[at].rowid = wanted;
    sqlite3_snprintf(16, now->rows[at].key, "%s", sqlite3_value_text(argv[2]));
    sqlite3_snprintf(16, now->rows[at].value, "%s", sqlite3_value_text(argv[3]));
    *rowid = wanted;
    return SQLITE_OK;
}

static int
store_begin(sqlite3_vtab *vtab)
{
    store_vtab *store = (store_vtab *)vtab;

    store_note("begin");
    store->kept[0] = store->now;
    return SQLITE_OK;
}

static int
store_sync(sqlite3_vtab *vtab)
{
    store_note("sync");
    if (store_find(&((store_vtab *)vtab)->now, 13) < 0)
        return SQLITE_OK;
    vtab->zErrMsg = sqlite3_mprintf("there is a row 13");
    return SQLITE_ERROR;
}

static int
store_commit(sqlite3_vtab *vtab)
{
    (void)vtab;
    store_note("commit");
    return SQLITE_OK;
}

static int
store_rollback(sqlite3_vtab *vtab)
{
    store_vtab *store = (store_vtab *)vtab;

    store_note("rollback");
    store->now = store->kept[0];
    return SQLITE_OK;
}

static int
store_savepoint(sqlite3_vtab *vtab, int number)
{
    store_vtab *store = (store_vtab *)vtab;

    store->kept[number + 1] = store->now;
    return SQLITE_OK;
}

static int
store_release(sqlite3_vtab *vtab, int number)
{
    (void)vtab;
    (void)number;
    return SQLITE_OK;
}

static int
store_rollback_to(sqlite3_vtab *vtab, int number)
{
    store_vtab *store = (store_vtab *)vtab;

    store->now = store->kept[number + 1];
    return SQLITE_OK;
}

static int
store_rename(sqlite3_vtab *vtab, const char *name)
{
    (void)vtab;
    store_note(name);
    return SQLITE_OK;
}

/* tagged(key): between brackets. */
static void
store_tagged(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    char *text = sqlite3_mprintf("%s%s>", (const char *)sqlite3_user_data(context),
                                 sqlite3_value_text(argv[0]));

    (void)argc;
    sqlite3_result_text(context, text, -1, sqlite3_free);
}

static int
store_find_function(sqlite3_vtab *vtab, int argc, const char *name,
                    void (**function)(sqlite3_context *, int, sqlite3_value **), void **arg)
{
    static char open[] = "<";

    (void)vtab;
    if (argc != 1 || sqlite3_stricmp(name, "tagged") != 0)
        return 0;
    *function = store_tagged;
    *arg = open;
    return 1;
}

static sqlite3_module store_module = {
    .iVersion = 2,
    .xCreate = store_create,
    .xConnect = store_connect,
    .xBestIndex = store_best_index,
    .xDisconnect = numbers_disconnect,
    .xDestroy = store_destroy,
    .xOpen = store_open,
    .xClose = numbers_close,
    .xFilter = store_filter,
    .xNext = store_next,
    .xEof = store_eof,
    .xColumn = store_column,
    .xRowid = store_rowid,
    .xUpdate = store_update,
    .xBegin = store_begin,
    .xSync = store_sync,
    .xCommit = store_commit,
    .xRollback = store_rollback,
    .xFindFunction = store_find_function,
    .xRename = store_rename,
    .xSavepoint = store_savepoint,
    .xRelease = store_release,
    .xRollbackTo = store_rollback_to,
};

static void
store_tell_log(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    (void)argv;
    sqlite3_result_text(context, store_log, -1, SQLITE_TRANSIENT);
    store_log[0] = 0;
}

/* ---- fields ---- */

typedef struct fields_vtab {
    sqlite3_vtab base;
    char *text;
} fields_vtab;

typedef struct fields_cursor {
    sqlite3_vtab_cursor base;
    const char *at; /* NULL: the end */
    sqlite3_int64 rowid;
} fields_cursor;

static int
fields_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **vtab,
               char **message)
{
    const char *text = argc > 3 ? argv[3] : "";
    fields_vtab *made = sqlite3_malloc(sizeof *made);
    char sql[256] = "CREATE TABLE x(c0";
    int code;

    (void)aux;
    (void)message;
    if (made == NULL)
        return SQLITE_NOMEM;
    memset(made, 0, sizeof *made);
    for (int i = 0, column = 1; text[i] != 0 && text[i] != '/'; i++)
        if (text[i] == ';')
            sqlite3_snprintf((int)(sizeof sql - strlen(sql)), sql + strlen(sql), ", c%d", column++);
    strcat(sql, ")");
    made->text = sqlite3_mprintf("%s", text);
    code = sqlite3_declare_vtab(db, sql);
    if (code != SQLITE_OK || made->text == NULL) {
        sqlite3_free(made->text);
        sqlite3_free(made);
        return code != SQLITE_OK ? code : SQLITE_NOMEM;
    }
    *vtab = &made->base;
    return SQLITE_OK;
}

static int
fields_disconnect(sqlite3_vtab *vtab)
{
    sqlite3_free(((fields_vtab *)vtab)->text);
    sqlite3_free(vtab);
    return SQLITE_OK;
}

static int
fields_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    (void)vtab;
    info->estimatedCost = 50;
    return SQLITE_OK;
}

static int
fields_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **cursor)
{
    fields_cursor *made = sqlite3_malloc(sizeof *made);

    (void)vtab;
    if (made == NULL)
        return SQLITE_NOMEM;
    memset(made, 0, sizeof *made);
    *cursor = &made->base;
    return SQLITE_OK;
}

static int
fields_filter(sqlite3_vtab_cursor *base, int number, const char *text, int argc,
              sqlite3_value **argv)
{
    fields_cursor *cursor = (fields_cursor *)base;

    (void)number;
    (void)text;
    (void)argc;
    (void)argv;
    cursor->at = ((fields_vtab *)base->pVtab)->text;
    cursor->rowid = 1;
    return SQLITE_OK;
}

static int
fields_next(sqlite3_vtab_cursor *base)
{
    fields_cursor *cursor = (fields_cursor *)base;

    cursor->at = strchr(cursor->at, '/');
    if (cursor->at != NULL)
        cursor->at++;
    cursor->rowid++;
    return SQLITE_OK;
}

static int
fields_eof(sqlite3_vtab_cursor *base)
{
    return ((fields_cursor *)base)->at == NULL;
}

static int
fields_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
    const char *at = ((fields_cursor *)base)->at;
    size_t size = strcspn(at, ";/");

    for (; column > 0 && at[size] == ';'; column--) {
        at += size + 1;
        size = strcspn(at, ";/");
    }
    if (column == 0)
        sqlite3_result_text(context, at, (int)size, SQLITE_TRANSIENT);
    return SQLITE_OK;
}

static int
fields_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid)
{
    *rowid = ((fields_cursor *)base)->rowid;
    return SQLITE_OK;
}

static sqlite3_module fields_module = {
    .iVersion = 1,
    .xCreate = fields_connect,
    .xConnect = fields_connect,
    .xBestIndex = fields_best_index,
    .xDisconnect = fields_disconnect,
    .xDestroy = fields_disconnect,
    .xOpen = fields_open,
    .xClose = numbers_close,
    .xFilter = fields_filter,
    .xNext = fields_next,
    .xEof = fields_eof,
    .xColumn = fields_column,
    .xRowid = fields_rowid,
};

/* ---- entries ---- */

static void
ext_double(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    sqlite3_result_int64(context, 2 * sqlite3_value_int64(argv[0]));
}

void extension_gone(void *data);

/* What destroys whatever the connection keeps of ours, the run's data among it: we must be loaded
 * for as long. */
void
extension_gone(void *data)
{
    sqlite3_free(data);
}

int sqlite3_extensiontables_init(sqlite3 *db, char **message, const sqlite3_api_routines *api);

int
sqlite3_extensiontables_init(sqlite3 *db, char **message, const sqlite3_api_routines *api)
{
    int code;

    SQLITE_EXTENSION_INIT2(api);
    (void)message;
    code = sqlite3_create_module(db, "numbers", &numbers_module, NULL);
    if (code == SQLITE_OK)
        code =
            sqlite3_create_module_v2(db, "store", &store_module, sqlite3_malloc(8), extension_gone);
    if (code == SQLITE_OK)
        code = sqlite3_create_module(db, "fields", &fields_module, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_create_function_v2(db, "ext_double", 1, SQLITE_UTF8, sqlite3_malloc(8),
                                          ext_double, NULL, NULL, extension_gone);
    if (code == SQLITE_OK)
        code = sqlite3_create_function(db, "store_log", 0, SQLITE_UTF8, NULL, store_tell_log, NULL,
                                       NULL);
    return code == SQLITE_OK ? sqlite3_overload_function(db, "tagged", 1) : code;
}

int extension_fails(sqlite3 *db, char **message, const sqlite3_api_routines *api);

int
extension_fails(sqlite3 *db, char **message, const sqlite3_api_routines *api)
{
    SQLITE_EXTENSION_INIT2(api);
    (void)db;
    *message = sqlite3_mprintf("it fails");
    return SQLITE_ERROR;
}
