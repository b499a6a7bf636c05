/* virtual.c - virtual tables of a connection: creating, connecting, dropping and renaming them.
 *
 * Invariants
 *   VT1  A listed instance is of a row of sqlite_schema with its rowid and text; when the row is
 *        another one, the instance is not found, and the table is connected anew.
 *   VT2  disconnect, or destroy, is called once for each table that create or connect gave.
 *   VT3  It is not called while another callback of the table is at work or a cursor is open: each
 *        holds the instance. */
#include "api/virtual_int.h"

#include "base/alloc.h"

#include <string.h>

/* ---- lifetimes ---- */

/* Free an instance whose table is gone. */
static void
virtual_free(vl_instance *instance)
{
    vl_instance_forget_writer(instance);
    for (vl_instance_function *at = instance->functions; at != NULL; at = at->next)
        if (at->func.release != NULL)
            at->func.release(at->func.user);
    vl_arena_deinit(&instance->arena);
    vl_module_release(instance->module);
    vl_free(instance->sql);
    vl_free(instance);
}

void
vl_instance_release(vl_instance *instance)
{
    velo_connection *connection = instance->connection;
    vl_error error;

    if (--instance->references > 0)
        return;
    if (instance->has_table) { /* keeps VT2 */
        error = connection->ctx.error;
        (void)instance->module->given.disconnect(instance->table);
        velo_vtab_error(connection, NULL);
        connection->ctx.error = error;
    }
    virtual_free(instance);
}

void
vl_instance_hold(vl_instance *instance)
{
    instance->held_count++;
    instance->references++;
}

void
vl_instance_let_go(vl_instance *instance)
{
    instance->held_count--;
    vl_instance_release(instance);
}

void
vl_instance_unlist(vl_instance *instance)
{
    vl_instance **link = &instance->connection->instances;

    while (*link != NULL && *link != instance)
        link = &(*link)->next;
    if (*link == NULL)
        return;
    *link = instance->next;
    instance->next = NULL;
    vl_instance_release(instance);
}

/* Lists are of rows that may have gone: drop what is of the same rowid or name, VT1. */
static void
virtual_drop_others(velo_connection *connection, const char *database, const vl_object_def *object)
{
    vl_instance *next;

    for (vl_instance *at = connection->instances; at != NULL; at = next) {
        next = at->next;
        if (strcmp(at->home.database, database) == 0 &&
            (at->rowid == object->rowid ||
             vl_name_compare(at->base.def->object.name, strlen(at->base.def->object.name),
                             object->name, strlen(object->name)) == 0)) {
            vl_instance_unlist(at);
            next = connection->instances; /* disconnecting may have changed the list */
        }
    }
}

/* ---- making ---- */

static velo_status
virtual_alloc(vl_ctx *ctx, velo_connection *connection, vl_module *module, const char *database,
              const char *sql, vl_instance **out)
{
    vl_instance *instance = vl_alloc_zero(ctx, sizeof *instance);

    *out = NULL;
    if (instance == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a virtual table");
    instance->base.class = &vl_instance_class;
    instance->base.key_column = -1;
    instance->base.can_change = module->given.update != NULL;
    instance->connection = connection;
    instance->module = module;
    instance->references = 1;
    module->references++;
    vl_arena_init(&instance->arena, ctx->allocator, 0);
    instance->home.database = vl_arena_copy(&instance->arena, database, strlen(database) + 1);
    if (sql != NULL)
        instance->sql = vl_alloc(ctx, strlen(sql) + 1);
    if (instance->home.database == NULL || (sql != NULL && instance->sql == NULL)) {
        virtual_free(instance);
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a virtual table");
    }
    if (sql != NULL)
        memcpy(instance->sql, sql, strlen(sql) + 1);
    *out = instance;
    return VELO_OK;
}

/* The arguments of create and connect, in the instance's arena. */
static velo_status
virtual_arguments_of(vl_ctx *ctx, vl_instance *instance, const char *name, const vl_ast *create,
                     const char *const **out, int *count)
{
    const vl_ast *list = create != NULL ? create->kid[1] : NULL;
    uint32_t total = 3 + (list != NULL ? list->count : 0);
    const char **arguments = vl_arena_alloc_array(&instance->arena, total, sizeof *arguments);

    if (arguments == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate arguments");
    arguments[0] = instance->module->name;
    arguments[1] = instance->home.database;
    arguments[2] = name;
    *count = 3;
    for (const vl_ast *raw = vl_ast_first(list); raw != NULL; raw = raw->next) {
        char *text = vl_arena_alloc(&instance->arena, raw->text_size + 1U);

        if (text == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate arguments");
        if (raw->text_size > 0)
            memcpy(text, raw->text, raw->text_size);
        text[raw->text_size] = 0;
        arguments[(*count)++] = text;
    }
    if (list != NULL && *count == 4 && arguments[3][0] == 0)
        *count = 3; /* USING module() has none */
    *out = arguments;
    return VELO_OK;
}

/* Have the module make the table. */
static velo_status
virtual_construct(vl_ctx *ctx, vl_instance *instance, const char *name, const vl_ast *create,
                  int is_new)
{
    velo_connection *connection = instance->connection;
    const velo_module *given = &instance->module->given;
    vl_declaring declaring = {connection->declaring, instance, NULL, 0};
    const char *const *arguments = NULL;
    velo_status st;
    int count = 0;

    for (const vl_declaring *at = connection->declaring; at != NULL; at = at->outer)
        if (at->name != NULL && strcmp(at->name, name) == 0)
            return vl_fail(ctx, VELO_LOCKED, "vtable constructor called recursively: %s", name);
    declaring.name = vl_arena_copy(&instance->arena, name, strlen(name) + 1);
    if (declaring.name == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a virtual table");
    VL_TRY(virtual_arguments_of(ctx, instance, declaring.name, create, &arguments, &count));
    velo_vtab_error(connection, NULL);
    connection->declaring = &declaring;
    st = (is_new ? given->create : given->connect)(connection, given->user, count, arguments,
                                                   &instance->table);
    connection->declaring = declaring.outer;
    instance->has_table = st == VELO_OK;
    VL_TRY(vl_module_fail(ctx, connection, st, "vtable constructor failed", name));
    if (!declaring.is_declared)
        return vl_fail(ctx, VELO_ERROR, "vtable constructor did not declare schema: %s", name);
    return VELO_OK;
}

/* Make an instance, which is then in no list. */
static velo_status
virtual_make(vl_ctx *ctx, velo_connection *connection, vl_module *module, const char *database,
             const char *name, const char *sql, const vl_ast *create, int is_new, vl_instance **out)
{
    vl_instance *instance;
    velo_status st;

    *out = NULL;
    VL_TRY(virtual_alloc(ctx, connection, module, database, sql, &instance));
    st = virtual_construct(ctx, instance, name, create, is_new);
    if (st != VELO_OK) {
        vl_error error = ctx->error;

        vl_instance_release(instance);
        ctx->error = error;
        return st;
    }
    *out = instance;
    return VELO_OK;
}

static velo_status
virtual_no_module(vl_ctx *ctx, const vl_ast *create)
{
    return vl_fail(ctx, VELO_ERROR, "no such module: %.*s", (int)create->text_size, create->text);
}

/* Make the instance of a table, and list it. */
static velo_status
virtual_make_listed(vl_ctx *ctx, velo_connection *connection, const char *database,
                    const vl_object_def *object, const vl_ast *create, int is_new,
                    vl_instance **out)
{
    vl_module *module = vl_module_find(connection, create->text, create->text_size);
    vl_instance *instance;

    *out = NULL;
    if (module == NULL || (is_new && module->given.create == NULL))
        return virtual_no_module(ctx, create);
    virtual_drop_others(connection, database, object);
    VL_TRY(virtual_make(ctx, connection, module, database, object->name, object->sql, create,
                        is_new, &instance));
    instance->rowid = object->rowid;
    instance->next = connection->instances;
    connection->instances = instance;
    *out = instance;
    return VELO_OK;
}

/* ---- finding ---- */

/* The instance of a module by its own name, if it is eponymous. */
static velo_status
virtual_get_eponymous(vl_ctx *ctx, velo_connection *connection, const char *name, size_t size,
                      vl_instance **out)
{
    vl_module *module = vl_module_find(connection, name, size);

    *out = NULL;
    if (module == NULL ||
        (module->given.create != NULL && module->given.create != module->given.connect))
        return VELO_OK;
    if (module->eponymous == NULL) {
        VL_TRY(virtual_make(ctx, connection, module, "main", module->name, NULL, NULL, 0, out));
        (*out)->base.is_eponymous = 1;
        module->eponymous = *out;
    }
    *out = module->eponymous;
    return VELO_OK;
}

velo_status
vl_instance_get(vl_ctx *ctx, velo_connection *connection, const vl_table_def *table,
                const char *name, size_t size, vl_instance **out)
{
    vl_instance *at = connection->instances;

    if (table == NULL)
        return virtual_get_eponymous(ctx, connection, name, size, out);
    while (at != NULL && (at->rowid != table->object.rowid ||
                          strcmp(at->home.database, table->schema->database) != 0 ||
                          strcmp(at->sql, table->object.sql) != 0)) /* keeps VT1 */
        at = at->next;
    *out = at;
    return at != NULL ? VELO_OK
                      : virtual_make_listed(ctx, connection, table->schema->database,
                                            &table->object, table->virtual_ast, 0, out);
}

velo_status
vl_virtual_find(vl_ctx *ctx, void *arg, const vl_table_def *table, const char *name, size_t size,
                const vl_table_def **found)
{
    velo_statement *statement = arg;
    vl_instance *instance;
    vl_instance_use *use;

    *found = NULL;
    if (table == NULL && statement->connection->modules == NULL)
        return VELO_OK;
    VL_TRY(vl_instance_get(ctx, statement->connection, table, name, size, &instance));
    if (instance == NULL)
        return VELO_OK;
    for (use = statement->virtuals; use != NULL && use->instance != instance;)
        use = use->next;
    if (use == NULL) {
        use = vl_alloc_zero(ctx, sizeof *use);
        if (use == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate a virtual table");
        use->instance = instance;
        use->next = statement->virtuals;
        statement->virtuals = use;
        instance->references++;
    }
    *found = instance->base.def;
    return VELO_OK;
}

void
vl_virtuals_release(velo_statement *statement)
{
    vl_instance_use *next;

    for (vl_instance_use *use = statement->virtuals; use != NULL; use = next) {
        next = use->next;
        vl_instance_release(use->instance);
        vl_free(use);
    }
    statement->virtuals = NULL;
}

velo_status
vl_virtual_columns(vl_ctx *ctx, velo_connection *connection, const vl_table_def *table,
                   const char *name, size_t size, const vl_table_def **found)
{
    vl_instance *instance;

    VL_TRY(vl_instance_get(ctx, connection, table, name, size, &instance));
    *found = instance != NULL ? instance->base.def : NULL;
    return VELO_OK;
}

void
vl_virtuals_forget(velo_connection *connection, const char *database)
{
    vl_instance *next;

    for (vl_instance *at = connection->instances; at != NULL; at = next) {
        next = at->next;
        if (strcmp(at->home.database, database) == 0) {
            vl_instance_unlist(at);
            next = connection->instances; /* disconnecting may have changed the list */
        }
    }
}

void
velo_disconnect_tables(velo_connection *connection)
{
    vl_instance *next;

    if (connection == NULL || connection->engine == NULL || vl_connection_is_foreign(connection))
        return;
    for (vl_instance *at = connection->instances; at != NULL; at = next) {
        next = at->next;
        if (at->references == 1) {
            vl_instance_unlist(at);
            next = connection->instances;
        }
    }
    for (vl_module *module = connection->modules; module != NULL; module = module->next)
        if (module->eponymous != NULL && module->eponymous->references == 1) {
            vl_instance *eponymous = module->eponymous;

            module->eponymous = NULL;
            vl_instance_release(eponymous);
        }
}

/* ---- what DDL does ---- */

velo_status
vl_virtual_create(vl_ctx *ctx, velo_statement *statement, const char *database, const char *name,
                  const char *sql, int64_t rowid)
{
    vl_object_def object = {.name = name, .table_name = name, .sql = sql, .rowid = rowid};
    vl_instance *instance;

    VL_TRY(virtual_make_listed(ctx, statement->connection, database, &object, statement->tree, 1,
                               &instance));
    vl_instance_join(instance); /* without `begin`, as in SQLite */
    return VELO_OK;
}

velo_status
vl_virtual_destroy(vl_ctx *ctx, velo_statement *statement, const vl_table_def *table)
{
    velo_connection *connection = statement->connection;
    vl_instance *instance;
    const velo_module *given;
    velo_status st;

    VL_TRY(vl_instance_get(ctx, connection, table, NULL, 0, &instance));
    if (instance->held_count > 0) /* keeps VT3 */
        return vl_fail(ctx, VELO_LOCKED, "database table is locked");
    vl_instance_hold(instance);
    given = &instance->module->given;
    st = (given->destroy != NULL ? given->destroy : given->disconnect)(instance->table);
    st = vl_module_fail(ctx, connection, st, NULL, NULL);
    if (st == VELO_OK) {
        instance->has_table = 0; /* keeps VT2 */
        vl_instance_forget_writer(instance);
        vl_instance_unlist(instance);
        vl_connection_expire_statements(connection);
    }
    vl_instance_let_go(instance);
    return st;
}

velo_status
vl_virtual_rename(vl_ctx *ctx, velo_statement *statement, const vl_table_def *table,
                  const char *name)
{
    velo_connection *connection = statement->connection;
    vl_instance *instance;
    velo_status st;

    VL_TRY(vl_instance_get(ctx, connection, table, NULL, 0, &instance));
    if (instance->module->given.rename == NULL)
        return vl_fail(ctx, VELO_ERROR, "table %s may not be altered", table->object.name);
    vl_instance_hold(instance);
    st = vl_module_fail(ctx, connection, instance->module->given.rename(instance->table, name),
                        NULL, NULL);
    if (st == VELO_OK)
        vl_instance_unlist(instance); /* the row is another one: it is connected anew */
    vl_instance_let_go(instance);
    return st;
}

/* ---- what is told of them ---- */

int
vl_virtual_is_shadow(const velo_connection *connection, const vl_schema *schema, const char *name,
                     size_t size)
{
    for (size_t at = size; at-- > 1;) {
        const vl_table_def *table;
        const vl_ast *create;
        const vl_module *module;

        if (name[at] != '_')
            continue;
        table = vl_schema_table(schema, name, at);
        if (table == NULL || table->virtual_ast == NULL)
            continue;
        create = table->virtual_ast;
        module = vl_module_find(connection, create->text, create->text_size);
        return module != NULL && module->given.is_shadow != NULL &&
               module->given.is_shadow(name + at + 1);
    }
    return 0;
}

/* What the module of a table tells. A table that cannot be connected has nobody who knows. */
static velo_status
virtual_check_one(vl_ctx *ctx, velo_connection *connection, const vl_table_def *table, int is_quick,
                  vl_exec_fault *tell, void *argument)
{
    vl_instance *instance;
    char *message = NULL;
    velo_status st = vl_instance_get(ctx, connection, table, NULL, 0, &instance);

    if (st != VELO_OK && st != VELO_NOMEM) {
        vl_error_clear(ctx);
        return VELO_OK;
    }
    VL_TRY(st);
    if (instance->module->given.integrity == NULL)
        return VELO_OK;
    vl_instance_hold(instance);
    st = instance->module->given.integrity(instance->table, table->schema->database,
                                           table->object.name, is_quick, &message);
    if (st == VELO_OK && message != NULL)
        tell(argument, message);
    if (message != NULL && instance->module->given.free_message != NULL)
        instance->module->given.free_message(message);
    st = vl_module_fail(ctx, connection, st, "unable to check", table->object.name);
    vl_instance_let_go(instance);
    return st;
}

velo_status
vl_virtuals_check(vl_ctx *ctx, velo_statement *statement, const vl_schema *schema, int is_quick,
                  vl_exec_fault *tell, void *argument)
{
    for (uint32_t i = 0; i < schema->table_count; i++)
        if (schema->tables[i]->virtual_ast != NULL)
            VL_TRY(virtual_check_one(ctx, statement->connection, schema->tables[i], is_quick, tell,
                                     argument));
    return VELO_OK;
}
