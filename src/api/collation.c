/* collation.c - collations of the application.
 *
 * Invariants
 *   CC1  A collation goes only while no statement of the connection is at work, and all plans are
 *        made anew afterwards: no plan compares by one that is not there. */
#include "api/api_int.h"

#include "base/alloc.h"

#include <string.h>

#define COLLATION_NAME_MAX 255

static void
collation_drop(vl_collator *collator)
{
    vl_collator gone = *collator;

    memset(collator, 0, sizeof *collator);
    if (gone.compare != NULL && gone.destroy != NULL)
        gone.destroy(gone.user);
}

/* The place of a name among the connection's, made if there is none. */
static velo_status
collation_place(vl_ctx *ctx, velo_connection *connection, const char *name, vl_collator **place)
{
    int number = vl_collation_add(name, strlen(name));

    if (number < 0)
        return vl_fail(ctx, VELO_FULL, "too many names of collations in one process");
    if (number < (int)VL_COLLATE_USER)
        return vl_fail(ctx, VELO_MISUSE, "the collation %s is the engine's own", name);
    if (connection->collators.list == NULL)
        connection->collators.list =
            vl_alloc_zero(ctx, VL_COLLATIONS_MAX * sizeof *connection->collators.list);
    if (connection->collators.list == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a collation");
    *place = &connection->collators.list[number - (int)VL_COLLATE_USER];
    return VELO_OK;
}

velo_status
velo_create_collation(velo_connection *connection, const char *name,
                      int (*compare)(void *user, size_t left_size, const void *left,
                                     size_t right_size, const void *right),
                      void *user, void (*destroy)(void *user))
{
    vl_collator *place = NULL;
    velo_status st;
    vl_ctx *ctx;

    if (connection == NULL || connection->engine == NULL)
        return VELO_MISUSE;
    ctx = vl_connection_begin_call(connection);
    if (name == NULL || name[0] == 0 || strlen(name) > COLLATION_NAME_MAX)
        st = vl_fail(ctx, VELO_MISUSE, "bad parameter or other API misuse");
    else
        st = collation_place(ctx, connection, name, &place);
    if (st == VELO_OK && place->compare != NULL && connection->active_count > 0) /* keeps CC1 */
        st = vl_fail(ctx, VELO_BUSY,
                     "unable to delete/modify collation sequence due to active statements");
    if (st == VELO_OK) {
        if (place->compare != NULL)
            vl_connection_expire_statements(connection);
        collation_drop(place);
        *place = (vl_collator){compare, user, destroy};
    }
    if (destroy != NULL && (st != VELO_OK || compare == NULL))
        destroy(user);
    return vl_connection_end_call(connection, st);
}

static void
collation_ask(void *user, const char *name)
{
    velo_connection *connection = user;
    velo_status code = connection->code;
    vl_error error = connection->ctx.error;

    connection->collation_needed(connection->collation_user, connection, name);
    connection->code = code; /* of the call at work, whatever the hook has called */
    connection->ctx.error = error;
}

void
velo_set_collation_needed(velo_connection *connection,
                          void (*needed)(void *user, velo_connection *connection, const char *name),
                          void *user)
{
    connection->collation_needed = needed;
    connection->collation_user = user;
    connection->collators.needed = needed == NULL ? NULL : collation_ask;
    connection->collators.user = connection;
}

void
vl_connection_drop_collations(velo_connection *connection)
{
    for (uint32_t i = 0; connection->collators.list != NULL && i < VL_COLLATIONS_MAX; i++)
        collation_drop(&connection->collators.list[i]);
    vl_free(connection->collators.list);
    connection->collators.list = NULL;
}
