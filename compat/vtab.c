/* vtab.c - virtual tables: modules of SQLite's interface on those of velocidb.h.
 *
 * A module, a table and a cursor of VelociDB's hold those of SQLite's. What a callback says in
 * zErrMsg is handed on with velo_vtab_error.
 *
 * Invariants
 *   CV1  A sqlite3_value lives as long as the callback that gets it.
 *   CV2  sqlite3_index_info is the first member of a vtab_index while xBestIndex runs, by which the
 *        functions about it find what is behind. */
#include "compat_int.h"

#include <stdarg.h>
#include <string.h>

typedef struct vtab_module {
    sqlite3 *db;
    const sqlite3_module *given;
    void *aux;
    void (*destroy)(void *);
} vtab_module;

/* A function of a table. */
typedef struct vtab_function {
    struct vtab_function *next;
    compat_function function;
} vtab_function;

typedef struct vtab_table {
    const vtab_module *module;
    sqlite3 *db;
    sqlite3_vtab *real;
    vtab_function *functions;
    compat_function column; /* whose calls xColumn's are */
} vtab_table;

typedef struct vtab_cursor {
    vtab_table *table;
    sqlite3_vtab_cursor *real;
} vtab_cursor;

/* What xBestIndex gets. */
typedef struct vtab_index {
    sqlite3_index_info info; /* first: CV2 */
    velo_index_info *core;
    sqlite3_value *known; /* of each constraint: what is compared with */
} vtab_index;

/* ---- words and values ---- */

/* Hand on what a callback has said. */
static velo_status
vtab_end(const vtab_table *table, int code)
{
    char *message = table->real->zErrMsg;

    if (code != SQLITE_OK && message != NULL)
        velo_vtab_error(table->db->core, message);
    sqlite3_free(message);
    table->real->zErrMsg = NULL;
    return (velo_status)code;
}

/* Values for a callback: to be given back with vtab_drop. NULL: no memory. */
static sqlite3_value **
vtab_wrap(int count, velo_value **values)
{
    size_t each = sizeof(sqlite3_value) + sizeof(sqlite3_value *);
    sqlite3_value **pointers = sqlite3_malloc64(((sqlite3_uint64)count + 1) * each);
    sqlite3_value *wrapped;

    if (pointers == NULL)
        return NULL;
    wrapped = (sqlite3_value *)(void *)(pointers + count + 1);
    for (int i = 0; i < count; i++) {
        memset(&wrapped[i], 0, sizeof wrapped[i]);
        wrapped[i].core = values[i];
        pointers[i] = &wrapped[i];
    }
    return pointers;
}

static void
vtab_drop(int count, sqlite3_value **pointers)
{
    for (int i = 0; i < count; i++) {
        if (pointers[i]->at != NULL)
            compat_value_drop(pointers[i]->at);
        sqlite3_free(pointers[i]->at);
        compat_value_drop(pointers[i]);
    }
    sqlite3_free(pointers);
}

/* ---- making and unmaking ---- */

static velo_status
vtab_make(velo_connection *connection, void *user, int count, const char *const *arguments,
          int is_new, void **out)
{
    const vtab_module *module = user;
    vtab_table *table = sqlite3_malloc64(sizeof *table);
    char *message = NULL;
    int code;

    *out = NULL;
    if (table == NULL)
        return VELO_NOMEM;
    memset(table, 0, sizeof *table);
    table->module = module;
    table->db = module->db;
    table->column.db = module->db;
    code = (is_new ? module->given->xCreate : module->given->xConnect)(
        module->db, module->aux, count, arguments, &table->real, &message);
    if (code == SQLITE_OK && table->real == NULL)
        code = SQLITE_ERROR;
    if (code != SQLITE_OK) {
        if (message != NULL)
            velo_vtab_error(connection, message);
        sqlite3_free(message);
        sqlite3_free(table);
        return (velo_status)code;
    }
    sqlite3_free(message);
    memset(table->real, 0, sizeof *table->real);
    table->real->pModule = module->given;
    table->real->nRef = 1;
    *out = table;
    return VELO_OK;
}

static velo_status
vtab_create(velo_connection *connection, void *user, int count, const char *const *arguments,
            void **table)
{
    return vtab_make(connection, user, count, arguments, 1, table);
}

static velo_status
vtab_connect(velo_connection *connection, void *user, int count, const char *const *arguments,
             void **table)
{
    return vtab_make(connection, user, count, arguments, 0, table);
}

static void
vtab_free(vtab_table *table)
{
    vtab_function *next;

    for (vtab_function *at = table->functions; at != NULL; at = next) {
        next = at->next;
        sqlite3_free(at);
    }
    sqlite3_free(table);
}

static velo_status
vtab_disconnect(void *user)
{
    vtab_table *table = user;
    int code = table->module->given->xDisconnect(table->real);

    vtab_free(table);
    return (velo_status)code;
}

static velo_status
vtab_destroy(void *user)
{
    vtab_table *table = user;
    int (*destroy)(sqlite3_vtab *) = table->module->given->xDestroy;
    int code = (destroy != NULL ? destroy : table->module->given->xDisconnect)(table->real);

    if (code != SQLITE_OK)
        return vtab_end(table, code);
    vtab_free(table);
    return VELO_OK;
}

/* ---- planning ---- */

/* Make what xBestIndex gets; NULL: no memory. */
static vtab_index *
vtab_index_make(velo_index_info *core)
{
    size_t constraints = (size_t)core->constraint_count;
    size_t orders = (size_t)core->order_count;
    size_t size = sizeof(vtab_index) +
                  constraints * (sizeof *((vtab_index *)NULL)->info.aConstraint +
                                 sizeof *((vtab_index *)NULL)->info.aConstraintUsage +
                                 sizeof(sqlite3_value)) +
                  orders * sizeof *((vtab_index *)NULL)->info.aOrderBy;
    vtab_index *index = sqlite3_malloc64(size);
    sqlite3_index_info *info;

    if (index == NULL)
        return NULL;
    memset(index, 0, size);
    info = &index->info;
    index->core = core;
    index->known = (sqlite3_value *)(void *)(index + 1);
    info->aConstraint = (void *)(index->known + constraints);
    info->aConstraintUsage = (void *)(info->aConstraint + constraints);
    info->aOrderBy = (void *)(info->aConstraintUsage + constraints);
    info->nConstraint = core->constraint_count;
    info->nOrderBy = core->order_count;
    for (size_t i = 0; i < constraints; i++) {
        info->aConstraint[i].iColumn = core->constraints[i].column;
        info->aConstraint[i].op = (unsigned char)core->constraints[i].op;
        info->aConstraint[i].usable = core->constraints[i].is_usable != 0;
        info->aConstraint[i].iTermOffset = (int)i;
    }
    for (size_t i = 0; i < orders; i++) {
        info->aOrderBy[i].iColumn = core->orders[i].column;
        info->aOrderBy[i].desc = core->orders[i].is_descending != 0;
    }
    info->estimatedCost = core->cost;
    info->estimatedRows = core->rows;
    info->colUsed = core->columns_used;
    return index;
}

static void
vtab_free_text(void *text)
{
    sqlite3_free(text);
}

static velo_status
vtab_best_index(void *user, velo_index_info *core)
{
    vtab_table *table = user;
    vtab_index *index = vtab_index_make(core);
    int code;

    if (index == NULL)
        return VELO_NOMEM;
    code = table->module->given->xBestIndex(table->real, &index->info);
    for (int i = 0; i < core->constraint_count; i++) {
        core->constraints[i].argument = index->info.aConstraintUsage[i].argvIndex;
        core->constraints[i].is_omitted = index->info.aConstraintUsage[i].omit;
        compat_value_drop(&index->known[i]);
    }
    core->number = index->info.idxNum;
    core->text = index->info.idxStr;
    core->free_text = index->info.needToFreeIdxStr ? vtab_free_text : NULL;
    core->is_ordered = index->info.orderByConsumed;
    core->cost = index->info.estimatedCost;
    core->rows = index->info.estimatedRows;
    core->flags = (unsigned)index->info.idxFlags;
    sqlite3_free(index);
    return vtab_end(table, code);
}

/* What is behind sqlite3_index_info, for a constraint; NULL: there is none of that number. */
static velo_index_constraint *
vtab_constraint(sqlite3_index_info *info, int constraint)
{
    vtab_index *index = (vtab_index *)(void *)info;

    if (info == NULL || constraint < 0 || constraint >= info->nConstraint)
        return NULL;
    return &index->core->constraints[constraint];
}

const char *
sqlite3_vtab_collation(sqlite3_index_info *info, int constraint)
{
    const velo_index_constraint *core = vtab_constraint(info, constraint);

    return core == NULL ? NULL : core->collation;
}

int
sqlite3_vtab_distinct(sqlite3_index_info *info)
{
    return info == NULL ? 0 : ((vtab_index *)(void *)info)->core->distinct;
}

int
sqlite3_vtab_in(sqlite3_index_info *info, int constraint, int handle)
{
    velo_index_constraint *core = vtab_constraint(info, constraint);

    if (core == NULL || !core->is_in)
        return 0;
    if (handle >= 0)
        core->takes_list = handle > 0;
    return 1;
}

int
sqlite3_vtab_rhs_value(sqlite3_index_info *info, int constraint, sqlite3_value **value)
{
    const velo_index_constraint *core = vtab_constraint(info, constraint);
    union {
        const velo_value *given;
        velo_value *held;
    } known;

    if (core == NULL || value == NULL)
        return compat_misuse();
    *value = NULL;
    if (core->value == NULL)
        return SQLITE_NOTFOUND;
    known.given = core->value;
    *value = &((vtab_index *)(void *)info)->known[constraint];
    (*value)->core = known.held;
    return SQLITE_OK;
}

/* ---- values of IN ---- */

static int
vtab_in_step(sqlite3_value *list, sqlite3_value **value, int is_first)
{
    velo_value *core;

    if (value == NULL)
        return compat_misuse();
    *value = NULL;
    if (list == NULL || list->core == NULL || !velo_value_is_list(list->core))
        return list == NULL ? compat_misuse() : SQLITE_ERROR;
    core = velo_value_list_next(list->core, is_first);
    if (core == NULL)
        return SQLITE_DONE;
    if (list->at == NULL) {
        list->at = sqlite3_malloc64(sizeof *list->at);
        if (list->at == NULL)
            return SQLITE_NOMEM;
    } else {
        compat_value_drop(list->at);
    }
    memset(list->at, 0, sizeof *list->at);
    list->at->core = core;
    *value = list->at;
    return SQLITE_OK;
}

int
sqlite3_vtab_in_first(sqlite3_value *list, sqlite3_value **value)
{
    return vtab_in_step(list, value, 1);
}

int
sqlite3_vtab_in_next(sqlite3_value *list, sqlite3_value **value)
{
    return vtab_in_step(list, value, 0);
}

/* ---- reading ---- */

static velo_status
vtab_open(void *user, void **out)
{
    vtab_table *table = user;
    vtab_cursor *cursor = sqlite3_malloc64(sizeof *cursor);
    int code;

    *out = NULL;
    if (cursor == NULL)
        return VELO_NOMEM;
    *cursor = (vtab_cursor){table, NULL};
    code = table->module->given->xOpen(table->real, &cursor->real);
    if (code != SQLITE_OK) {
        sqlite3_free(cursor);
        return vtab_end(table, code);
    }
    cursor->real->pVtab = table->real;
    *out = cursor;
    return VELO_OK;
}

static velo_status
vtab_close(void *user)
{
    vtab_cursor *cursor = user;
    vtab_table *table = cursor->table;
    int code = table->module->given->xClose(cursor->real);

    sqlite3_free(cursor);
    return (velo_status)code;
}

static velo_status
vtab_filter(void *user, int number, const char *text, int count, velo_value **arguments)
{
    vtab_cursor *cursor = user;
    sqlite3_value **values = vtab_wrap(count, arguments);
    int code;

    if (values == NULL)
        return VELO_NOMEM;
    code = cursor->table->module->given->xFilter(cursor->real, number, text, count, values);
    vtab_drop(count, values); /* keeps CV1 */
    return vtab_end(cursor->table, code);
}

static velo_status
vtab_next(void *user)
{
    vtab_cursor *cursor = user;

    return vtab_end(cursor->table, cursor->table->module->given->xNext(cursor->real));
}

static int
vtab_eof(void *user)
{
    vtab_cursor *cursor = user;

    return cursor->table->module->given->xEof(cursor->real);
}

static velo_status
vtab_column(void *user, velo_call *call, int column)
{
    vtab_cursor *cursor = user;
    sqlite3_context context = {.call = call, .function = &cursor->table->column};

    return vtab_end(cursor->table,
                    cursor->table->module->given->xColumn(cursor->real, &context, column));
}

static velo_status
vtab_rowid(void *user, int64_t *rowid)
{
    vtab_cursor *cursor = user;
    sqlite3_int64 found = 0;
    int code = cursor->table->module->given->xRowid(cursor->real, &found);

    *rowid = found;
    return vtab_end(cursor->table, code);
}

int
sqlite3_vtab_nochange(sqlite3_context *context)
{
    return context != NULL && context->call != NULL && velo_vtab_nochange(context->call);
}

/* ---- changing ---- */

static velo_status
vtab_update(void *user, int count, velo_value **arguments, int64_t *rowid)
{
    vtab_table *table = user;
    sqlite3_value **values = vtab_wrap(count, arguments);
    sqlite3_int64 made = 0;
    int code;

    if (values == NULL)
        return VELO_NOMEM;
    code = table->module->given->xUpdate(table->real, count, values, &made);
    vtab_drop(count, values);
    *rowid = made;
    return vtab_end(table, code);
}

static velo_status
vtab_begin(void *user)
{
    vtab_table *table = user;

    return vtab_end(table, table->module->given->xBegin(table->real));
}

static velo_status
vtab_sync(void *user)
{
    vtab_table *table = user;

    return vtab_end(table, table->module->given->xSync(table->real));
}

static velo_status
vtab_commit(void *user)
{
    vtab_table *table = user;

    return vtab_end(table, table->module->given->xCommit(table->real));
}

static velo_status
vtab_rollback(void *user)
{
    vtab_table *table = user;

    return vtab_end(table, table->module->given->xRollback(table->real));
}

static velo_status
vtab_rename(void *user, const char *name)
{
    vtab_table *table = user;

    return vtab_end(table, table->module->given->xRename(table->real, name));
}

static velo_status
vtab_savepoint(void *user, int number)
{
    vtab_table *table = user;

    return vtab_end(table, table->module->given->xSavepoint(table->real, number));
}

static velo_status
vtab_release(void *user, int number)
{
    vtab_table *table = user;

    return vtab_end(table, table->module->given->xRelease(table->real, number));
}

static velo_status
vtab_rollback_to(void *user, int number)
{
    vtab_table *table = user;

    return vtab_end(table, table->module->given->xRollbackTo(table->real, number));
}

static int
vtab_find_function(void *user, int count, const char *name, velo_function *function)
{
    vtab_table *table = user;
    void (*scalar)(sqlite3_context *, int, sqlite3_value **) = NULL;
    vtab_function *at = table->functions;
    void *own = NULL;
    int found = table->module->given->xFindFunction(table->real, count, name, &scalar, &own);

    if (found == 0)
        return 0;
    while (at != NULL && (at->function.scalar != scalar || at->function.user != own))
        at = at->next;
    if (at == NULL) {
        at = sqlite3_malloc64(sizeof *at);
        if (at == NULL)
            return 0;
        memset(at, 0, sizeof *at);
        at->function.db = table->db;
        at->function.scalar = scalar;
        at->function.user = own;
        at->next = table->functions;
        table->functions = at;
    }
    function->scalar = compat_function_scalar;
    function->user = &at->function;
    return found;
}

static velo_status
vtab_integrity(void *user, const char *database, const char *name, int is_quick, char **message)
{
    vtab_table *table = user;

    *message = NULL;
    return vtab_end(
        table, table->module->given->xIntegrity(table->real, database, name, is_quick, message));
}

static void
vtab_free_module(void *user)
{
    vtab_module *module = user;

    if (module->destroy != NULL)
        module->destroy(module->aux);
    sqlite3_free(module);
}

/* ---- modules ---- */

/* Which of velocidb.h's callbacks stand before those that a module has. */
static velo_module
vtab_describe(const char *name, const sqlite3_module *given, vtab_module *module)
{
    velo_module core = {.size = sizeof core,
                        .name = name,
                        .user = module,
                        .connect = vtab_connect,
                        .best_index = vtab_best_index,
                        .disconnect = vtab_disconnect,
                        .destroy = vtab_destroy,
                        .open = vtab_open,
                        .close = vtab_close,
                        .filter = vtab_filter,
                        .next = vtab_next,
                        .eof = vtab_eof,
                        .column = vtab_column,
                        .free_message = vtab_free_text,
                        .destroy_user = vtab_free_module};

    if (given->xCreate != NULL)
        core.create = given->xCreate == given->xConnect ? vtab_connect : vtab_create;
    core.rowid = given->xRowid != NULL ? vtab_rowid : NULL;
    core.update = given->xUpdate != NULL ? vtab_update : NULL;
    core.begin = given->xBegin != NULL ? vtab_begin : NULL;
    core.sync = given->xSync != NULL ? vtab_sync : NULL;
    core.commit = given->xCommit != NULL ? vtab_commit : NULL;
    core.rollback = given->xRollback != NULL ? vtab_rollback : NULL;
    core.find_function = given->xFindFunction != NULL ? vtab_find_function : NULL;
    core.rename = given->xRename != NULL ? vtab_rename : NULL;
    if (given->iVersion >= 2) {
        core.savepoint = given->xSavepoint != NULL ? vtab_savepoint : NULL;
        core.release = given->xRelease != NULL ? vtab_release : NULL;
        core.rollback_to = given->xRollbackTo != NULL ? vtab_rollback_to : NULL;
    }
    if (given->iVersion >= 3)
        core.is_shadow = given->xShadowName;
    if (given->iVersion >= 4 && given->xIntegrity != NULL)
        core.integrity = vtab_integrity;
    return core;
}

int
sqlite3_create_module_v2(sqlite3 *db, const char *name, const sqlite3_module *given, void *aux,
                         void (*destroy)(void *))
{
    static const sqlite3_module nothing;
    vtab_module *module = NULL;
    velo_module core;

    if (name == NULL || !compat_enter(db)) {
        if (destroy != NULL)
            destroy(aux);
        return compat_misuse();
    }
    if (compat_revive(db) == SQLITE_OK) {
        module = sqlite3_malloc64(sizeof *module);
        if (module == NULL)
            (void)compat_fail(db, SQLITE_NOMEM, "out of memory");
    }
    if (module == NULL) {
        if (destroy != NULL)
            destroy(aux);
        return compat_leave_own(db, db->code);
    }
    *module = (vtab_module){db, given, aux, destroy};
    core = vtab_describe(name, given != NULL ? given : &nothing, module);
    if (given == NULL)
        core.connect = NULL; /* it is taken away */
    return compat_leave(db, (int)velo_create_module(db->core, &core));
}

int
sqlite3_create_module(sqlite3 *db, const char *name, const sqlite3_module *given, void *aux)
{
    return sqlite3_create_module_v2(db, name, given, aux, NULL);
}

int
sqlite3_drop_modules(sqlite3 *db, const char **keep)
{
    if (!compat_enter(db))
        return compat_misuse();
    if (compat_revive(db) != SQLITE_OK)
        return compat_leave_own(db, db->code);
    return compat_leave(db, (int)velo_drop_modules(db->core, keep));
}

int
sqlite3_declare_vtab(sqlite3 *db, const char *sql)
{
    if (sql == NULL || !compat_enter(db))
        return compat_misuse();
    if (db->core == NULL)
        return compat_leave_own(
            db, compat_fail(db, SQLITE_MISUSE, "%s", sqlite3_errstr(SQLITE_MISUSE)));
    return compat_leave(db, (int)velo_declare_vtab(db->core, sql));
}

int
sqlite3_vtab_config(sqlite3 *db, int op, ...)
{
    va_list args;
    int value = 1;

    if (!compat_enter(db))
        return compat_misuse();
    if (op == SQLITE_VTAB_CONSTRAINT_SUPPORT) {
        va_start(args, op);
        value = va_arg(args, int);
        va_end(args);
    }
    if (db->core == NULL)
        return compat_leave_own(
            db, compat_fail(db, SQLITE_MISUSE, "%s", sqlite3_errstr(SQLITE_MISUSE)));
    return compat_leave(db, (int)velo_vtab_config(db->core, (velo_vtab_option)op, value));
}

int
sqlite3_vtab_on_conflict(sqlite3 *db)
{
    return db == NULL || db->core == NULL ? 0 : velo_vtab_on_conflict(db->core);
}
