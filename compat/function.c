/* function.c - functions of the application.
 *
 * A function of SQLite stands behind one of velocidb.h whose user is a compat_function. Its context
 * and values live while a call runs. Results are copied, and their destructors called at once. */
#include "compat_int.h"

#include <string.h>

/* Arguments that are held on the stack. */
#define FUNCTION_FEW 6

/* ---- calls ---- */

static void
function_call(velo_call *call, sqlite3_scalar_function *callback, int count, velo_value **arguments)
{
    sqlite3_context context = {.call = call, .function = velo_call_user(call)};
    sqlite3_value few[FUNCTION_FEW];
    sqlite3_value *few_pointers[FUNCTION_FEW];
    sqlite3_value *values = few;
    sqlite3_value **pointers = few_pointers;
    void *block = NULL;

    if (count > FUNCTION_FEW) {
        block = sqlite3_malloc64((sqlite3_uint64)count * (sizeof *values + sizeof *pointers));
        if (block == NULL) {
            velo_result_error(call, VELO_NOMEM, NULL);
            return;
        }
        pointers = block;
        values = (sqlite3_value *)(void *)(pointers + count);
    }
    for (int i = 0; i < count; i++) {
        memset(&values[i], 0, sizeof values[i]);
        values[i].core = arguments[i];
        pointers[i] = &values[i];
    }
    callback(&context, count, pointers);
    for (int i = 0; i < count; i++)
        compat_value_drop(&values[i]);
    sqlite3_free(block);
}

void
compat_function_scalar(velo_call *call, int count, velo_value **arguments)
{
    compat_function *function = velo_call_user(call);

    function_call(call, function->scalar, count, arguments);
}

static void
function_step(velo_call *call, int count, velo_value **arguments)
{
    compat_function *function = velo_call_user(call);

    function_call(call, function->step, count, arguments);
}

static void
function_final(velo_call *call)
{
    sqlite3_context context = {.call = call, .function = velo_call_user(call)};

    context.function->final(&context);
}

static void
function_value(velo_call *call)
{
    sqlite3_context context = {.call = call, .function = velo_call_user(call)};

    context.function->value(&context);
}

static void
function_inverse(velo_call *call, int count, velo_value **arguments)
{
    compat_function *function = velo_call_user(call);

    function_call(call, function->inverse, count, arguments);
}

static void
function_destroy(void *user)
{
    compat_function *function = user;

    if (function->destroy != NULL)
        function->destroy(function->user);
    sqlite3_free(function);
}

/* ---- creating ---- */

static int
function_create(sqlite3 *db, const char *name, int count, int flags, compat_function *function)
{
    velo_function given;

    memset(&given, 0, sizeof given);
    given.size = sizeof given;
    given.name = name;
    given.argument_count = count;
    given.user = function;
    given.destroy = function_destroy;
    if ((flags & SQLITE_DETERMINISTIC) != 0)
        given.flags |= VELO_FUNCTION_DETERMINISTIC;
    if ((flags & SQLITE_DIRECTONLY) != 0)
        given.flags |= VELO_FUNCTION_DIRECT_ONLY;
    if ((flags & SQLITE_INNOCUOUS) != 0)
        given.flags |= VELO_FUNCTION_INNOCUOUS;
    given.scalar = function->scalar != NULL ? compat_function_scalar : NULL;
    given.step = function->step != NULL ? function_step : NULL;
    given.final = function->final != NULL ? function_final : NULL;
    given.value = function->value != NULL ? function_value : NULL;
    given.inverse = function->inverse != NULL ? function_inverse : NULL;
    return compat_leave(db, (int)velo_create_function(db->core, &given));
}

/* Give a connection a function that stands behind `given`; its destructor is called whatever
 * happens. */
static int
function_give(sqlite3 *db, const char *name, int count, int flags, const compat_function *given)
{
    compat_function *function = NULL;
    void (*destroy)(void *) = given->destroy;
    void *user = given->user;
    int code = SQLITE_OK;

    if (!compat_enter(db)) {
        if (destroy != NULL)
            destroy(user);
        return compat_misuse();
    }
    if (compat_revive(db) != SQLITE_OK)
        code = db->code;
    else if (name == NULL || count < -1 || strlen(name) > 255)
        code = compat_fail(db, SQLITE_MISUSE, "%s", sqlite3_errstr(SQLITE_MISUSE));
    else
        function = sqlite3_malloc64(sizeof *function);
    if (function == NULL) {
        if (destroy != NULL)
            destroy(user);
        if (code == SQLITE_OK)
            code = compat_fail(db, SQLITE_NOMEM, "out of memory");
        return compat_leave_own(db, code);
    }
    *function = *given;
    return function_create(db, name, count, flags, function);
}

int
sqlite3_create_function_v2(sqlite3 *db, const char *name, int count, int flags, void *user,
                           sqlite3_scalar_function *scalar, sqlite3_scalar_function *step,
                           sqlite3_final_function *final, void (*destroy)(void *))
{
    compat_function given = {
        .db = db, .user = user, .scalar = scalar, .step = step, .final = final, .destroy = destroy};

    return function_give(db, name, count, flags, &given);
}

int
sqlite3_create_window_function(sqlite3 *db, const char *name, int count, int flags, void *user,
                               sqlite3_scalar_function *step, sqlite3_final_function *final,
                               sqlite3_final_function *value, sqlite3_scalar_function *inverse,
                               void (*destroy)(void *))
{
    compat_function given = {.db = db,
                             .user = user,
                             .step = step,
                             .final = final,
                             .value = value,
                             .inverse = inverse,
                             .destroy = destroy};

    return function_give(db, name, count, flags, &given);
}

int
sqlite3_create_function(sqlite3 *db, const char *name, int count, int flags, void *user,
                        sqlite3_scalar_function *scalar, sqlite3_scalar_function *step,
                        sqlite3_final_function *final)
{
    return sqlite3_create_function_v2(db, name, count, flags, user, scalar, step, final, NULL);
}

int
sqlite3_create_function16(sqlite3 *db, const void *name, int count, int flags, void *user,
                          sqlite3_scalar_function *scalar, sqlite3_scalar_function *step,
                          sqlite3_final_function *final)
{
    char *name8;
    int code;

    if (name == NULL)
        return compat_misuse();
    name8 = compat_from_utf16(name, -1, compat_machine_is_big(), NULL);
    if (name8 == NULL)
        return SQLITE_NOMEM;
    code = sqlite3_create_function_v2(db, name8, count, flags, user, scalar, step, final, NULL);
    sqlite3_free(name8);
    return code;
}

/* What an overloaded function does when nobody has given it a meaning. */
static void
function_refuse(sqlite3_context *context, int count, sqlite3_value **values)
{
    char *text = sqlite3_mprintf("unable to use function %s in the requested context",
                                 (const char *)sqlite3_user_data(context));

    (void)count;
    (void)values;
    sqlite3_result_error(context, text == NULL ? "out of memory" : text, -1);
    sqlite3_free(text);
}

int
sqlite3_overload_function(sqlite3 *db, const char *name, int count)
{
    sqlite3_stmt *stmt = NULL;
    char *sql;
    int code;

    if (name == NULL || count < -2 || !compat_enter(db))
        return compat_misuse();
    /* A function that is there stays: whether it is, a statement that calls it can tell. */
    sql = sqlite3_mprintf("SELECT \"%w\"(%s)", name, count == 2 ? "1,1" : count == 1 ? "1" : "");
    code = sql == NULL ? SQLITE_NOMEM : sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    sqlite3_free(sql);
    (void)sqlite3_finalize(stmt);
    if (code == SQLITE_ERROR)
        code = sqlite3_create_function_v2(db, name, count, SQLITE_UTF8, compat_copy(name),
                                          function_refuse, NULL, NULL, sqlite3_free);
    else if (code != SQLITE_OK)
        (void)compat_fail(db, code, "%s", sqlite3_errstr(code));
    return compat_leave_own(db, code);
}

/* ---- contexts ---- */

void *
sqlite3_user_data(sqlite3_context *context)
{
    if (context == NULL)
        return NULL;
    return context->function->user;
}

sqlite3 *
sqlite3_context_db_handle(sqlite3_context *context)
{
    if (context == NULL)
        return NULL;
    return context->function->db;
}

void *
sqlite3_aggregate_context(sqlite3_context *context, int size)
{
    if (context == NULL)
        return NULL;
    return velo_call_state(context->call, size <= 0 ? 0 : (size_t)size);
}

int
sqlite3_aggregate_count(sqlite3_context *context)
{
    (void)context;
    return 0; /* deprecated; see docs/sqlite-compatibility.md */
}

void *
sqlite3_get_auxdata(sqlite3_context *context, int index)
{
    if (context == NULL)
        return NULL;
    return velo_call_get_auxiliary(context->call, index);
}

void
sqlite3_set_auxdata(sqlite3_context *context, int index, void *data, void (*destroy)(void *))
{
    if (context != NULL)
        velo_call_set_auxiliary(context->call, index, data, destroy);
    else if (destroy != NULL)
        destroy(data);
}

/* ---- results ---- */

/* Whether a result of this size is too long; then that is the result. So is one for nobody. */
static int
function_is_too_long(sqlite3_context *context, sqlite3_uint64 size)
{
    if (context == NULL)
        return 1;
    if (size <= (sqlite3_uint64)context->function->db->limits[SQLITE_LIMIT_LENGTH])
        return 0;
    sqlite3_result_error_toobig(context);
    return 1;
}

void
sqlite3_result_null(sqlite3_context *context)
{
    if (context == NULL)
        return;
    velo_result_null(context->call);
}

void
sqlite3_result_int64(sqlite3_context *context, sqlite3_int64 value)
{
    if (context == NULL)
        return;
    velo_result_int64(context->call, value);
}

void
sqlite3_result_int(sqlite3_context *context, int value)
{
    if (context == NULL)
        return;
    velo_result_int64(context->call, value);
}

void
sqlite3_result_double(sqlite3_context *context, double value)
{
    if (context == NULL)
        return;
    velo_result_double(context->call, value);
}

static void
function_result_text(sqlite3_context *context, const char *text, sqlite3_uint64 size,
                     sqlite3_destructor_type destroy)
{
    if (text == NULL)
        sqlite3_result_null(context);
    else if (!function_is_too_long(context, size))
        velo_result_text(context->call, text, (int64_t)size);
    compat_give_back(text, destroy);
}

static void
function_result_text16(sqlite3_context *context, const void *text, int64_t size, int is_big,
                       sqlite3_destructor_type destroy)
{
    int64_t length = 0;
    char *text8 = text == NULL ? NULL : compat_from_utf16(text, size, is_big, &length);

    if (text != NULL && text8 == NULL)
        sqlite3_result_error_nomem(context);
    else
        function_result_text(context, text8, (sqlite3_uint64)length, SQLITE_TRANSIENT);
    sqlite3_free(text8);
    compat_give_back(text, destroy);
}

void
sqlite3_result_text(sqlite3_context *context, const char *text, int size, void (*destroy)(void *))
{
    function_result_text(context, text,
                         text == NULL ? 0
                         : size < 0   ? strlen(text)
                                      : (sqlite3_uint64)size,
                         destroy);
}

void
sqlite3_result_text64(sqlite3_context *context, const char *text, sqlite3_uint64 size,
                      void (*destroy)(void *), unsigned char encoding)
{
    if (encoding == SQLITE_UTF8 || size > COMPAT_LENGTH_MAX)
        function_result_text(context, text, size, destroy);
    else
        function_result_text16(context, text, (int64_t)size,
                               encoding == SQLITE_UTF16BE ||
                                   (encoding != SQLITE_UTF16LE && compat_machine_is_big()),
                               destroy);
}

void
sqlite3_result_text16(sqlite3_context *context, const void *text, int size, void (*destroy)(void *))
{
    function_result_text16(context, text, size, compat_machine_is_big(), destroy);
}

void
sqlite3_result_text16le(sqlite3_context *context, const void *text, int size,
                        void (*destroy)(void *))
{
    function_result_text16(context, text, size, 0, destroy);
}

void
sqlite3_result_text16be(sqlite3_context *context, const void *text, int size,
                        void (*destroy)(void *))
{
    function_result_text16(context, text, size, 1, destroy);
}

void
sqlite3_result_blob64(sqlite3_context *context, const void *data, sqlite3_uint64 size,
                      void (*destroy)(void *))
{
    if (!function_is_too_long(context, size))
        velo_result_blob(context->call, data, (int64_t)size);
    compat_give_back(data, destroy);
}

void
sqlite3_result_blob(sqlite3_context *context, const void *data, int size, void (*destroy)(void *))
{
    sqlite3_result_blob64(context, data, size < 0 ? 0 : (sqlite3_uint64)size, destroy);
}

int
sqlite3_result_zeroblob64(sqlite3_context *context, sqlite3_uint64 size)
{
    if (context == NULL)
        return compat_misuse();
    if (function_is_too_long(context, size))
        return SQLITE_TOOBIG;
    velo_result_zeroblob(context->call, (int64_t)size);
    return SQLITE_OK;
}

void
sqlite3_result_zeroblob(sqlite3_context *context, int size)
{
    (void)sqlite3_result_zeroblob64(context, size < 0 ? 0 : (sqlite3_uint64)size);
}

void
sqlite3_result_value(sqlite3_context *context, sqlite3_value *value)
{
    if (context == NULL)
        return;
    if (value == NULL || value->core == NULL)
        velo_result_null(context->call);
    else
        velo_result_value(context->call, value->core);
}

void
sqlite3_result_pointer(sqlite3_context *context, void *pointer, const char *type,
                       void (*destroy)(void *))
{
    if (context != NULL)
        velo_result_pointer(context->call, pointer, type, destroy);
    else if (destroy != NULL)
        destroy(pointer);
}

void
sqlite3_result_subtype(sqlite3_context *context, unsigned int subtype)
{
    if (context == NULL)
        return;
    velo_result_subtype(context->call, subtype);
}

/* ---- errors ---- */

void
sqlite3_result_error(sqlite3_context *context, const char *text, int size)
{
    char *copy = NULL;

    if (context == NULL)
        return;
    if (text != NULL)
        copy = size < 0 ? compat_copy(text) : sqlite3_mprintf("%.*s", size, text);
    velo_result_error(context->call, VELO_ERROR, copy == NULL ? "out of memory" : copy);
    sqlite3_free(copy);
}

void
sqlite3_result_error16(sqlite3_context *context, const void *text, int size)
{
    char *text8 =
        text == NULL ? NULL : compat_from_utf16(text, size, compat_machine_is_big(), NULL);

    if (context != NULL)
        velo_result_error(context->call, VELO_ERROR, text8 == NULL ? "out of memory" : text8);
    sqlite3_free(text8);
}

void
sqlite3_result_error_code(sqlite3_context *context, int code)
{
    if (context == NULL)
        return;
    int told = code == SQLITE_OK ? SQLITE_ERROR : code;

    velo_result_error(context->call, (velo_status)told, sqlite3_errstr(told));
}

void
sqlite3_result_error_nomem(sqlite3_context *context)
{
    if (context == NULL)
        return;
    velo_result_error(context->call, VELO_NOMEM, "out of memory");
}

void
sqlite3_result_error_toobig(sqlite3_context *context)
{
    if (context == NULL)
        return;
    velo_result_error(context->call, VELO_TOOBIG, "string or blob too big");
}
