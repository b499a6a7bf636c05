/* module.c - modules of the application: registering them, and what they may say while they make a
 * table.
 *
 * Invariants
 *   MD1  given.destroy_user is called once: when the last reference goes.
 *   MD2  connection->virtual_error is of the callback at work; it is taken when that has failed. */
#include "api/virtual_int.h"

#include "base/alloc.h"
#include "sql/schema_build.h"

#include <string.h>

/* ---- registering ---- */

vl_module *
vl_module_find(const velo_connection *connection, const char *name, size_t size)
{
    vl_module *module = connection->modules;

    while (module != NULL && vl_name_compare(module->name, strlen(module->name), name, size) != 0)
        module = module->next;
    return module;
}

const char *
vl_module_name(const velo_connection *connection, uint32_t number)
{
    const vl_module *module = connection->modules;

    for (; module != NULL && number > 0; number--)
        module = module->next;
    return module != NULL ? module->name : NULL;
}

void
vl_module_release(vl_module *module)
{
    if (module == NULL || --module->references > 0)
        return;
    if (module->given.destroy_user != NULL) /* keeps MD1 */
        module->given.destroy_user(module->given.user);
    vl_free(module);
}

/* Let a connection forget a module. */
static void
module_remove(velo_connection *connection, vl_module *module)
{
    vl_module **link = &connection->modules;
    vl_instance *eponymous = module->eponymous;

    while (*link != module)
        link = &(*link)->next;
    *link = module->next;
    module->eponymous = NULL;
    if (eponymous != NULL)
        vl_instance_release(eponymous);
    vl_module_release(module);
}

static int
module_is_whole(const velo_module *given)
{
    if (given->name == NULL)
        return 0;
    return given->connect == NULL ||
           (given->best_index != NULL && given->disconnect != NULL && given->open != NULL &&
            given->close != NULL && given->filter != NULL && given->next != NULL &&
            given->eof != NULL && given->column != NULL);
}

static velo_status
module_add(vl_ctx *ctx, velo_connection *connection, const velo_module *given)
{
    size_t size = strlen(given->name);
    vl_module *module = vl_alloc_zero(ctx, sizeof *module + size + 1);

    if (module == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a module");
    module->given = *given;
    module->name = (char *)(module + 1);
    memcpy(module->name, given->name, size + 1);
    module->references = 1;
    module->next = connection->modules;
    connection->modules = module;
    return VELO_OK;
}

velo_status
velo_create_module(velo_connection *connection, const velo_module *given)
{
    vl_module *old;
    velo_status st = VELO_OK;
    vl_ctx *ctx;

    if (connection == NULL || connection->engine == NULL || given == NULL ||
        given->size != sizeof *given)
        return VELO_MISUSE;
    ctx = vl_connection_begin_call(connection);
    if (!module_is_whole(given))
        st = vl_fail(ctx, VELO_MISUSE, "bad parameter or other API misuse");
    old = st == VELO_OK ? vl_module_find(connection, given->name, strlen(given->name)) : NULL;
    if (old != NULL)
        module_remove(connection, old);
    if (st == VELO_OK && given->connect != NULL)
        st = module_add(ctx, connection, given);
    vl_connection_expire_statements(connection);
    if (given->destroy_user != NULL && (st != VELO_OK || given->connect == NULL))
        given->destroy_user(given->user);
    return vl_connection_end_call(connection, st);
}

static int
module_is_kept(const vl_module *module, const char *const *keep)
{
    for (; keep != NULL && *keep != NULL; keep++)
        if (vl_name_compare(module->name, strlen(module->name), *keep, strlen(*keep)) == 0)
            return 1;
    return 0;
}

velo_status
velo_drop_modules(velo_connection *connection, const char *const *keep)
{
    vl_module *next;

    if (connection == NULL || connection->engine == NULL)
        return VELO_MISUSE;
    (void)vl_connection_begin_call(connection);
    for (vl_module *module = connection->modules; module != NULL; module = next) {
        next = module->next;
        if (!module_is_kept(module, keep))
            module_remove(connection, module);
    }
    vl_connection_expire_statements(connection);
    return vl_connection_end_call(connection, VELO_OK);
}

void
vl_modules_destroy(velo_connection *connection)
{
    while (connection->instances != NULL)
        vl_instance_unlist(connection->instances);
    while (connection->modules != NULL)
        module_remove(connection, connection->modules);
    vl_free(connection->virtual_error);
    connection->virtual_error = NULL;
}

/* ---- words ---- */

void
velo_vtab_error(velo_connection *connection, const char *text)
{
    size_t size = text != NULL ? strlen(text) : 0;
    char *copy = NULL;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    if (text != NULL)
        copy = vl_alloc(&ctx, size + 1);
    if (copy != NULL)
        memcpy(copy, text, size + 1);
    vl_free(connection->virtual_error);
    connection->virtual_error = copy;
}

velo_status
vl_module_fail(vl_ctx *ctx, velo_connection *connection, velo_status st, const char *format,
               const char *who)
{
    char *text = connection->virtual_error;

    connection->virtual_error = NULL; /* keeps MD2 */
    if (st == VELO_OK) {
        vl_free(text);
        vl_error_clear(ctx); /* of statements that it ran */
        return st;
    }
    if (st == VELO_ROW || st == VELO_DONE)
        st = VELO_ERROR;
    if (text != NULL)
        (void)vl_fail(ctx, st, "%s", text);
    else if (who != NULL && st != VELO_NOMEM)
        (void)vl_fail(ctx, st, "%s: %s", format, who);
    else
        (void)vl_fail(ctx, st, "%s", velo_status_text(st));
    vl_free(text);
    return st;
}

/* ---- within create and connect ---- */

/* What is being made; NULL: nothing, which is recorded. */
static vl_declaring *
module_declaring(velo_connection *connection)
{
    vl_declaring *declaring = connection->declaring;

    if (declaring == NULL)
        (void)vl_fail(&connection->ctx, VELO_MISUSE, "bad parameter or other API misuse");
    return declaring;
}

/* Give an instance its columns. */
static velo_status
module_declare(vl_ctx *ctx, vl_declaring *declaring, const char *sql)
{
    vl_instance *instance = declaring->instance;
    vl_table_def *def;
    int32_t key;

    VL_TRY(vl_schema_declare(ctx, &instance->arena, sql, &def, &key));
    if (key == -2 && instance->module->given.update != NULL)
        return vl_fail(ctx, VELO_ERROR, "a virtual table WITHOUT ROWID needs one key column");
    def->object.name = declaring->name;
    def->object.table_name = declaring->name;
    def->object.sql = instance->sql;
    def->schema = &instance->home;
    def->instance = &instance->base;
    instance->base.def = def;
    instance->base.key_column = key < 0 ? -1 : key;
    declaring->is_declared = 1;
    return VELO_OK;
}

velo_status
velo_declare_vtab(velo_connection *connection, const char *sql)
{
    vl_declaring *declaring;
    velo_status st;
    vl_ctx *ctx;

    if (connection == NULL || connection->engine == NULL)
        return VELO_MISUSE;
    ctx = vl_connection_begin_call(connection);
    declaring = module_declaring(connection);
    if (declaring == NULL)
        return vl_connection_end_call(connection, VELO_MISUSE);
    if (sql == NULL || declaring->is_declared)
        st = vl_fail(ctx, VELO_MISUSE, "bad parameter or other API misuse");
    else
        st = module_declare(ctx, declaring, sql);
    return vl_connection_end_call(connection, st);
}

velo_status
velo_vtab_config(velo_connection *connection, velo_vtab_option option, int value)
{
    vl_declaring *declaring;
    velo_status st = VELO_OK;

    if (connection == NULL || connection->engine == NULL)
        return VELO_MISUSE;
    (void)vl_connection_begin_call(connection);
    declaring = module_declaring(connection);
    if (declaring == NULL)
        return vl_connection_end_call(connection, VELO_MISUSE);
    switch (option) {
    case VELO_VTAB_CONSTRAINT_SUPPORT:
        declaring->instance->base.is_constrained = value != 0;
        break;
    case VELO_VTAB_INNOCUOUS:
    case VELO_VTAB_USES_ALL_SCHEMAS:
        break; /* nothing is kept from anybody but what is direct-only */
    case VELO_VTAB_DIRECT_ONLY:
        declaring->instance->base.is_direct_only = 1;
        break;
    default:
        st = vl_fail(&connection->ctx, VELO_MISUSE, "bad parameter or other API misuse");
        break;
    }
    return vl_connection_end_call(connection, st);
}

int
velo_vtab_on_conflict(const velo_connection *connection)
{
    static const int numbers[] = {
        [VL_CONFLICT_DEFAULT] = 4, [VL_CONFLICT_ROLLBACK] = 1, [VL_CONFLICT_ABORT] = 4,
        [VL_CONFLICT_FAIL] = 3,    [VL_CONFLICT_IGNORE] = 2,   [VL_CONFLICT_REPLACE] = 5,
    };

    return connection == NULL ? 0 : numbers[connection->virtual_conflict];
}
