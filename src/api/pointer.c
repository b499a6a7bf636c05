/* pointer.c - pointers of the application that pass through SQL as NULLs: from a parameter or the
 * result of a function straight to an argument of a function.
 *
 * The NULL has the address of a vl_pointer. Nothing below this layer knows of it, so the address
 * may get lost, which leaves a NULL; and it is believed only if it is that of one in the list.
 *
 * Invariants
 *   PO1  A vl_pointer is in connection->pointers from its making to its end: when its parameter
 * gets another value, its statement is finalized, or, of a result, the run ends. */
#include "api/api_int.h"

#include "base/alloc.h"

#include <string.h>

struct vl_pointer {
    struct vl_pointer *next; /* connection->pointers */
    const velo_statement *statement;
    int index; /* of the parameter; 0: it is a result */
    void *pointer;
    const char *type; /* the application's, static */
    void (*destroy)(void *pointer);
};

void
vl_pointers_drop(velo_connection *connection, const velo_statement *statement, int first, int last)
{
    struct vl_pointer **at = &connection->pointers;

    while (*at != NULL) {
        struct vl_pointer *pointer = *at;

        if (pointer->statement != statement || pointer->index < first || pointer->index > last) {
            at = &pointer->next;
            continue;
        }
        *at = pointer->next;
        if (pointer->destroy != NULL)
            pointer->destroy(pointer->pointer);
        vl_free(pointer);
        at = &connection->pointers; /* destroy may have changed the list */
    }
}

void
vl_pointer_find(const velo_connection *connection, velo_value *value)
{
    if (value->value.type != VL_TYPE_NULL || value->value.as.data == NULL)
        return;
    for (const struct vl_pointer *at = connection->pointers; at != NULL; at = at->next)
        if (at == value->value.as.data)
            value->pointer = at;
}

void *
velo_value_pointer(const velo_value *value, const char *type)
{
    const struct vl_pointer *pointer = value->pointer;

    return pointer != NULL && type != NULL && strcmp(pointer->type, type) == 0 ? pointer->pointer
                                                                               : NULL;
}

/* Make one and the NULL that leads to it. NULL: no memory; the pointer is destroyed then. */
static struct vl_pointer *
pointer_make(velo_connection *connection, const velo_statement *statement, int index, void *pointer,
             const char *type, void (*destroy)(void *pointer), vl_value *value)
{
    struct vl_pointer *made = vl_alloc_zero(&connection->ctx, sizeof *made);

    *value = vl_value_of_null();
    if (made == NULL) {
        if (destroy != NULL)
            destroy(pointer);
        return NULL;
    }
    *made = (struct vl_pointer){connection->pointers,     statement, index, pointer,
                                type == NULL ? "" : type, destroy};
    connection->pointers = made; /* keeps PO1 */
    value->as.data = made;
    return made;
}

velo_status
velo_bind_pointer(velo_statement *statement, int index, void *pointer, const char *type,
                  void (*destroy)(void *pointer))
{
    velo_connection *connection;
    velo_status st;
    vl_value value;

    if (statement == NULL) {
        if (destroy != NULL)
            destroy(pointer);
        return VELO_MISUSE;
    }
    connection = statement->connection;
    st = velo_bind_null(statement, index);
    if (st != VELO_OK) {
        if (destroy != NULL)
            destroy(pointer);
        return st;
    }
    if (pointer_make(connection, statement, index, pointer, type, destroy, &value) == NULL)
        return vl_connection_end_call(
            connection, vl_fail(&connection->ctx, VELO_NOMEM, "cannot allocate a pointer"));
    statement->params[index - 1] = value;
    return VELO_OK;
}

velo_status
vl_pointer_of_result(velo_connection *connection, void *pointer, const char *type,
                     void (*destroy)(void *pointer), vl_value *value)
{
    if (pointer_make(connection, connection->running, 0, pointer, type, destroy, value) == NULL)
        return VELO_NOMEM;
    return VELO_OK;
}
