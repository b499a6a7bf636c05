/* virtual_txn.c - the part of virtual tables in transactions and savepoints.
 *
 * Invariants
 *   VX1  Listed writers are those whose begin was called, or which were created, in the open
 *        transaction; commit or rollback follows once.
 *        One that is taken off the list has no next: whoever walks the list, holding the
 *        writer whose callback it calls (VT3), then stops.
 *   VX2  Savepoints have rising numbers: those of SAVEPOINT from 0, then that of the statement. */
#include "api/virtual_int.h"

/* How many savepoints there are, but one that began the transaction. */
static int
virtual_count_savepoints(const velo_connection *connection)
{
    int count = 0;

    for (const vl_savepoint *at = connection->savepoints; at != NULL; at = at->older)
        count += !at->is_transaction;
    return count;
}

static velo_status
virtual_ask_module(vl_ctx *ctx, vl_instance *instance, velo_status (*callback)(void *table))
{
    if (callback == NULL || !instance->has_table)
        return VELO_OK;
    return vl_module_fail(ctx, instance->connection, callback(instance->table), NULL, NULL);
}

/* Begin a savepoint of a number. */
static velo_status
virtual_save(vl_ctx *ctx, vl_instance *instance, int number)
{
    instance->savepoint = number + 1;
    if (instance->module->given.savepoint == NULL || !instance->has_table)
        return VELO_OK;
    return vl_module_fail(ctx, instance->connection,
                          instance->module->given.savepoint(instance->table, number), NULL, NULL);
}

void
vl_instance_join(vl_instance *instance)
{
    velo_connection *connection = instance->connection;

    instance->is_writer = 1; /* keeps VX1 */
    instance->next_writer = connection->virtual_writers;
    connection->virtual_writers = instance;
    instance->references++;
    instance->savepoint = 0;
}

velo_status
vl_instance_begin(vl_ctx *ctx, vl_instance *instance)
{
    velo_connection *connection = instance->connection;
    int number = virtual_count_savepoints(connection);

    if (!instance->is_writer) {
        if (instance->module->given.begin == NULL)
            return VELO_OK;
        VL_TRY(virtual_ask_module(ctx, instance, instance->module->given.begin));
        if (!instance->is_writer) /* a statement of the callback may have come first */
            vl_instance_join(instance);
    } else if (instance->savepoint > number) {
        return VELO_OK; /* of a statement around this one */
    }
    return virtual_save(ctx, instance, number);
}

void
vl_instance_forget_writer(vl_instance *instance)
{
    vl_instance **link = &instance->connection->virtual_writers;

    if (!instance->is_writer)
        return;
    while (*link != instance)
        link = &(*link)->next_writer;
    *link = instance->next_writer;
    instance->next_writer = NULL;
    instance->is_writer = 0;
    if (instance->references > 0)
        vl_instance_release(instance);
}

velo_status
vl_virtuals_sync(vl_ctx *ctx, velo_connection *connection)
{
    vl_instance *next;

    for (vl_instance *at = connection->virtual_writers; at != NULL; at = next) {
        velo_status st;

        vl_instance_hold(at);
        st = virtual_ask_module(ctx, at, at->module->given.sync);
        next = at->next_writer;
        vl_instance_let_go(at);
        VL_TRY(st);
    }
    return VELO_OK;
}

void
vl_virtuals_end(vl_ctx *ctx, velo_connection *connection, int has_committed)
{
    vl_error error;

    if (connection->virtual_writers == NULL)
        return; /* most transactions: no copies of an error that is large */
    error = ctx->error;
    while (connection->virtual_writers != NULL) {
        vl_instance *at = connection->virtual_writers;

        vl_instance_hold(at);
        at->savepoint = 0;
        vl_instance_forget_writer(at); /* first: a statement of the callback may end here too */
        /* Neither can be refused: the transaction has ended. */
        if (virtual_ask_module(ctx, at,
                               has_committed ? at->module->given.commit
                                             : at->module->given.rollback) != VELO_OK)
            vl_error_clear(ctx);
        vl_instance_let_go(at);
    }
    ctx->error = error;
}

/* ---- savepoints ---- */

velo_status
vl_virtuals_save(vl_ctx *ctx, velo_connection *connection)
{
    int number = virtual_count_savepoints(connection) - 1;
    vl_instance *next;

    for (vl_instance *at = connection->virtual_writers; number >= 0 && at != NULL; at = next) {
        velo_status st;

        vl_instance_hold(at);
        st = virtual_save(ctx, at, number);
        next = at->next_writer;
        vl_instance_let_go(at);
        VL_TRY(st);
    }
    return VELO_OK;
}

/* Release, or go back to, a savepoint. */
static velo_status
virtual_go_back(vl_ctx *ctx, velo_connection *connection, int number, int is_release)
{
    velo_status st = VELO_OK;
    vl_instance *next;

    for (vl_instance *at = connection->virtual_writers; number >= 0 && at != NULL; at = next) {
        velo_status (*callback)(void *, int) =
            is_release ? at->module->given.release : at->module->given.rollback_to;
        velo_status own = VELO_OK;

        next = at->next_writer;
        if (at->savepoint <= number)
            continue;
        at->savepoint = is_release ? number : number + 1;
        vl_instance_hold(at);
        if (callback != NULL && at->has_table)
            own = vl_module_fail(ctx, connection, callback(at->table, number), NULL, NULL);
        next = at->next_writer;
        vl_instance_let_go(at);
        if (st == VELO_OK)
            st = own;
    }
    return st;
}

/* The number of a savepoint. */
static int
virtual_savepoint_number(const velo_connection *connection, const vl_savepoint *savepoint)
{
    int number = virtual_count_savepoints(connection);

    for (const vl_savepoint *at = connection->savepoints; at != NULL; at = at->older) {
        number -= !at->is_transaction;
        if (at == savepoint)
            return at->is_transaction ? -1 : number;
    }
    return -1;
}

velo_status
vl_virtuals_release_savepoint(vl_ctx *ctx, velo_connection *connection,
                              const vl_savepoint *savepoint)
{
    return virtual_go_back(ctx, connection, virtual_savepoint_number(connection, savepoint), 1);
}

velo_status
vl_virtuals_roll_back_to(vl_ctx *ctx, velo_connection *connection, const vl_savepoint *savepoint)
{
    return virtual_go_back(ctx, connection, virtual_savepoint_number(connection, savepoint), 0);
}

void
vl_virtuals_end_statement(vl_ctx *ctx, velo_connection *connection, int is_kept)
{
    vl_error error;
    int number;

    if (connection->virtual_writers == NULL)
        return;
    number = virtual_count_savepoints(connection);
    error = ctx->error;
    if (!is_kept && virtual_go_back(ctx, connection, number, 0) != VELO_OK)
        vl_error_clear(ctx);
    if (virtual_go_back(ctx, connection, number, 1) != VELO_OK)
        vl_error_clear(ctx);
    ctx->error = error;
}
