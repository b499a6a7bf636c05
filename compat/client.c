/* client.c - what applications keep with a connection, by name; and the hook of a process that
 * VelociDB does not have. */
#include "compat_int.h"

#include <string.h>

typedef struct compat_client {
    struct compat_client *next;
    void *data;
    void (*destroy)(void *);
    char name[];
} compat_client;

/* The place of a name in the list: what it points to is NULL when there is none. */
static compat_client **
client_find(sqlite3 *db, const char *name)
{
    compat_client **at = &db->clients;

    while (*at != NULL && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    return at;
}

static void
client_let_go(compat_client *client)
{
    if (client->destroy != NULL)
        client->destroy(client->data);
    sqlite3_free(client);
}

void *
sqlite3_get_clientdata(sqlite3 *db, const char *name)
{
    compat_client *client;

    if (name == NULL || !compat_enter(db))
        return NULL;
    client = *client_find(db, name);
    compat_unlock(db);
    return client == NULL ? NULL : client->data;
}

int
sqlite3_set_clientdata(sqlite3 *db, const char *name, void *data, void (*destroy)(void *))
{
    compat_client *made = NULL;
    compat_client **at;
    compat_client *gone;

    if (name == NULL || !compat_enter(db))
        return compat_misuse();
    if (data != NULL) {
        made = sqlite3_malloc64(sizeof *made + strlen(name) + 1);
        if (made == NULL) {
            if (destroy != NULL)
                destroy(data);
            return compat_leave_own(db, compat_fail(db, SQLITE_NOMEM, "out of memory"));
        }
        made->data = data;
        made->destroy = destroy;
        memcpy(made->name, name, strlen(name) + 1);
    }
    at = client_find(db, name);
    gone = *at;
    if (gone != NULL)
        *at = gone->next;
    if (gone != NULL)
        client_let_go(gone);
    if (made != NULL) {
        made->next = db->clients;
        db->clients = made;
    }
    return compat_leave_own(db, SQLITE_OK);
}

void
compat_clients_drop(sqlite3 *db)
{
    while (db->clients != NULL) {
        compat_client *client = db->clients;

        db->clients = client->next;
        client_let_go(client);
    }
}

/* There is no automatic vacuum, so there is nothing to ask; as in SQLite without it. */
int
sqlite3_autovacuum_pages(sqlite3 *db,
                         unsigned int (*pages)(void *, const char *, unsigned int, unsigned int,
                                               unsigned int),
                         void *arg, void (*destroy)(void *))
{
    if (db == NULL || !compat_enter(db)) {
        if (destroy != NULL)
            destroy(arg);
        return compat_misuse();
    }
    compat_leave_own(db, SQLITE_OK);
    if (pages == NULL || destroy == NULL)
        return SQLITE_OK;
    /* It is destroyed with the connection. */
    return sqlite3_set_clientdata(db, "sqlite3_autovacuum_pages", arg != NULL ? arg : db, destroy);
}
