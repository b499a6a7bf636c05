/* database.c - the databases of a connection: their names, engines, sessions and schemas.
 *
 * Invariants
 *   DB1  databases[0] is main, databases[1] is temp, and all others have an engine and a session;
 *        their order is that of ATTACH.
 *   DB2  `named` is a schema of `named_of`, and both are there or none. */
#include "api/api_int.h"

#include "base/alloc.h"

#include <string.h>

void
vl_database_init_all(velo_connection *connection)
{
    static char main_name[] = "main";
    static char temp_name[] = "temp";

    connection->main = (vl_database){.connection = connection,
                                     .name = main_name,
                                     .engine = connection->engine,
                                     .session = connection->session,
                                     .is_read_only = connection->options.is_read_only};
    connection->temp = (vl_database){.connection = connection, .name = temp_name};
    connection->databases[VL_DATABASE_MAIN] = &connection->main;
    connection->databases[VL_DATABASE_TEMP] = &connection->temp;
    connection->database_count = VL_DATABASE_ATTACHED;
}

int
vl_database_find(const velo_connection *connection, const char *name, size_t size)
{
    for (uint32_t i = 0; i < connection->database_count; i++) {
        const char *own = connection->databases[i]->name;

        if (vl_name_compare(own, strlen(own), name, size) == 0)
            return (int)i;
    }
    return -1;
}

/* ---- schemas ---- */

velo_status
vl_database_name_schema(vl_ctx *ctx, vl_database *database, const vl_view *view, vl_schema *shared,
                        vl_schema **out)
{
    velo_status st;

    *out = shared;
    if (strcmp(database->name, database->engine->name) == 0)
        return VELO_OK;
    if (database->named_of != shared) {
        *out = NULL;
        st = vl_engine_read_schema(ctx, database->engine, database->name, view, out);
        if (st != VELO_OK) {
            vl_schema_release(shared);
            return st;
        }
        vl_schema_release(database->named);
        vl_schema_release(database->named_of);
        database->named = *out; /* keeps DB2 */
        database->named_of = shared;
        shared = NULL;
    }
    vl_schema_release(shared);
    *out = database->named;
    vl_schema_retain(*out);
    return VELO_OK;
}

/* The schema by which names have a meaning outside of any statement. */
static velo_status
database_get_schema(vl_ctx *ctx, vl_database *database, vl_schema **out)
{
    vl_schema *shared;

    *out = database->engine == NULL ? vl_engine_empty_temp() : database->schema;
    if (*out != NULL) {
        vl_schema_retain(*out);
        return VELO_OK;
    }
    shared = vl_engine_schema(database->engine);
    *out = shared;
    if (strcmp(database->name, database->engine->name) == 0)
        return VELO_OK;
    vl_schema_release(shared);
    *out = database->named_of == shared ? database->named : NULL;
    if (*out == NULL)
        return vl_engine_read_named(ctx, database->engine, database->name, out);
    vl_schema_retain(*out);
    return VELO_OK;
}

velo_status
vl_database_get_schemas(vl_ctx *ctx, velo_connection *connection, vl_schema **schemas)
{
    memset(schemas, 0, VL_DATABASES_MAX * sizeof(vl_schema *));
    for (uint32_t i = 0; i < connection->database_count; i++) {
        velo_status st = database_get_schema(ctx, connection->databases[i], &schemas[i]);

        if (st != VELO_OK) {
            vl_database_release_schemas(schemas, i);
            return st;
        }
    }
    return VELO_OK;
}

void
vl_database_release_schemas(vl_schema **schemas, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        vl_schema_release(schemas[i]);
        schemas[i] = NULL;
    }
}

void
vl_database_order(vl_schema *const *schemas, uint32_t count, const vl_schema **ordered)
{
    for (uint32_t i = 0; i < count; i++)
        ordered[i < VL_DATABASE_ATTACHED ? 1 - i : i] = schemas[i];
}

uint32_t
vl_database_numbers(uint32_t places)
{
    return (places & ~UINT32_C(3)) | (places & 1U) << 1 | (places >> 1 & 1U);
}

/* ---- opening ---- */

velo_status
vl_database_start(vl_ctx *ctx, vl_database *database, vl_engine *engine)
{
    velo_connection *connection = database->connection;
    velo_status st =
        vl_session_create_beside(ctx, engine->store, connection->session, &database->session);

    if (st == VELO_OK) {
        database->engine = engine;
        st = vl_database_join(ctx, database);
    }
    if (st != VELO_OK) {
        vl_error error = ctx->error;

        vl_session_destroy(database->session);
        database->session = NULL;
        database->engine = NULL;
        (void)vl_engine_close(ctx, engine);
        ctx->error = error;
    }
    return st;
}

velo_status
vl_database_need_temp(vl_ctx *ctx, velo_connection *connection)
{
    velo_open_options options = {.size = sizeof options, .no_threads = 1};
    vl_engine *engine;

    if (connection->temp.engine != NULL)
        return VELO_OK;
    VL_TRY(vl_engine_open_temp(ctx, &options, &engine));
    return vl_database_start(ctx, &connection->temp, engine);
}

/* ---- closing ---- */

void
vl_database_stop(vl_ctx *ctx, vl_database *database)
{
    while (database->saved != NULL) {
        vl_saved *saved = database->saved;

        database->saved = saved->older;
        vl_schema_release(saved->schema);
        vl_schema_release(saved->shared);
        vl_free(saved);
    }
    vl_schema_release(database->named);
    vl_schema_release(database->named_of);
    database->named = NULL;
    database->named_of = NULL;
    vl_session_destroy(database->session);
    database->session = NULL;
    if (database->engine != NULL && vl_engine_close(ctx, database->engine) != VELO_OK)
        vl_log_write(ctx->log, VL_LOG_WARNING, ctx->error.code, "closing database %s: %s",
                     database->name, ctx->error.text);
    database->engine = NULL;
}

void
vl_database_close_all(vl_ctx *ctx, velo_connection *connection)
{
    while (connection->database_count > VL_DATABASE_ATTACHED) {
        vl_database *database = connection->databases[--connection->database_count];

        vl_database_stop(ctx, database);
        vl_free(database->name);
        vl_free(database);
    }
    vl_database_stop(ctx, &connection->temp);
    vl_schema_release(connection->main.named);
    vl_schema_release(connection->main.named_of);
}
