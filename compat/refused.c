/* refused.c - what SQLite's interface has and VelociDB does not: refused in words.
 *
 * A call that asks for nothing (a hook taken away, an object that is not there) succeeds, since
 * there is nothing to refuse. docs/sqlite-compatibility.md lists them. */
#include "compat_int.h"

#include <stddef.h>

/* A hook is set or taken away: the one before is never there. */
static void *
refused_hook(sqlite3 *db, int is_set, const char *function)
{
    if (is_set)
        (void)compat_refuse(db, function);
    return NULL;
}

/* ---- hooks ---- */

void *
sqlite3_wal_hook(sqlite3 *db, int (*hook)(void *, sqlite3 *, const char *, int), void *arg)
{
    (void)arg;
    return refused_hook(db, hook != NULL, "sqlite3_wal_hook");
}

void *
sqlite3_preupdate_hook(sqlite3 *db,
                       void (*hook)(void *, sqlite3 *, int, char const *, char const *,
                                    sqlite3_int64, sqlite3_int64),
                       void *arg)
{
    (void)arg;
    return refused_hook(db, hook != NULL, "sqlite3_preupdate_hook");
}

int
sqlite3_set_authorizer(sqlite3 *db,
                       int (*authorizer)(void *, int, const char *, const char *, const char *,
                                         const char *),
                       void *arg)
{
    (void)arg;
    return authorizer != NULL ? compat_refuse(db, "sqlite3_set_authorizer") : SQLITE_OK;
}

int
sqlite3_autovacuum_pages(sqlite3 *db,
                         unsigned int (*pages)(void *, const char *, unsigned int, unsigned int,
                                               unsigned int),
                         void *arg, void (*destroy)(void *))
{
    if (destroy != NULL)
        destroy(arg);
    return pages != NULL ? compat_refuse(db, "sqlite3_autovacuum_pages") : SQLITE_OK;
}

int
sqlite3_preupdate_old(sqlite3 *db, int column, sqlite3_value **value)
{
    (void)db;
    (void)column;
    (void)value;
    return compat_misuse(); /* outside of a hook */
}

int
sqlite3_preupdate_new(sqlite3 *db, int column, sqlite3_value **value)
{
    (void)db;
    (void)column;
    (void)value;
    return compat_misuse(); /* outside of a hook */
}

int
sqlite3_preupdate_count(sqlite3 *db)
{
    (void)db;
    return 0;
}

int
sqlite3_preupdate_depth(sqlite3 *db)
{
    (void)db;
    return 0;
}

int
sqlite3_preupdate_blobwrite(sqlite3 *db)
{
    (void)db;
    return -1;
}

/* ---- functions and collations ---- */

int
sqlite3_create_window_function(sqlite3 *db, const char *name, int count, int flags, void *user,
                               sqlite3_scalar_function *step, sqlite3_final_function *final,
                               sqlite3_final_function *value, sqlite3_scalar_function *inverse,
                               void (*destroy)(void *))
{
    (void)name;
    (void)count;
    (void)flags;
    (void)step;
    (void) final;
    (void)value;
    (void)inverse;
    if (destroy != NULL)
        destroy(user);
    return compat_refuse(db, "sqlite3_create_window_function");
}

int
sqlite3_create_collation(sqlite3 *db, const char *name, int encoding, void *user,
                         int (*compare)(void *, int, const void *, int, const void *))
{
    (void)name;
    (void)encoding;
    (void)user;
    return compare != NULL ? compat_refuse(db, "sqlite3_create_collation") : SQLITE_OK;
}

int
sqlite3_create_collation16(sqlite3 *db, const void *name, int encoding, void *user,
                           int (*compare)(void *, int, const void *, int, const void *))
{
    (void)name;
    (void)encoding;
    (void)user;
    return compare != NULL ? compat_refuse(db, "sqlite3_create_collation16") : SQLITE_OK;
}

int
sqlite3_create_collation_v2(sqlite3 *db, const char *name, int encoding, void *user,
                            int (*compare)(void *, int, const void *, int, const void *),
                            void (*destroy)(void *))
{
    (void)name;
    (void)encoding;
    (void)user;
    (void)destroy;
    return compare != NULL ? compat_refuse(db, "sqlite3_create_collation_v2") : SQLITE_OK;
}

int
sqlite3_collation_needed(sqlite3 *db, void *arg,
                         void (*needed)(void *, sqlite3 *, int, const char *))
{
    (void)arg;
    return needed != NULL ? compat_refuse(db, "sqlite3_collation_needed") : SQLITE_OK;
}

int
sqlite3_collation_needed16(sqlite3 *db, void *arg,
                           void (*needed)(void *, sqlite3 *, int, const void *))
{
    (void)arg;
    return needed != NULL ? compat_refuse(db, "sqlite3_collation_needed16") : SQLITE_OK;
}

/* ---- R-trees ---- */

int
sqlite3_rtree_geometry_callback(sqlite3 *db, const char *name,
                                int (*geometry)(sqlite3_rtree_geometry *, int, sqlite3_rtree_dbl *,
                                                int *),
                                void *arg)
{
    (void)name;
    (void)geometry;
    (void)arg;
    return compat_refuse(db, "sqlite3_rtree_geometry_callback");
}

int
sqlite3_rtree_query_callback(sqlite3 *db, const char *name,
                             int (*query)(sqlite3_rtree_query_info *), void *arg,
                             void (*destroy)(void *))
{
    (void)name;
    (void)query;
    if (destroy != NULL)
        destroy(arg);
    return compat_refuse(db, "sqlite3_rtree_query_callback");
}

/* ---- backup, images ---- */

sqlite3_backup *
sqlite3_backup_init(sqlite3 *to, const char *to_schema, sqlite3 *from, const char *from_schema)
{
    (void)to_schema;
    (void)from;
    (void)from_schema;
    (void)compat_refuse(to, "sqlite3_backup_init");
    return NULL;
}

int
sqlite3_backup_step(sqlite3_backup *backup, int pages)
{
    (void)backup;
    (void)pages;
    return compat_misuse();
}

int
sqlite3_backup_finish(sqlite3_backup *backup)
{
    return backup == NULL ? SQLITE_OK : compat_misuse();
}

int
sqlite3_backup_remaining(sqlite3_backup *backup)
{
    (void)backup;
    return 0;
}

int
sqlite3_backup_pagecount(sqlite3_backup *backup)
{
    (void)backup;
    return 0;
}

unsigned char *
sqlite3_serialize(sqlite3 *db, const char *schema, sqlite3_int64 *size, unsigned int flags)
{
    (void)schema;
    (void)flags;
    if (size != NULL)
        *size = -1;
    (void)compat_refuse(db, "sqlite3_serialize");
    return NULL;
}

int
sqlite3_deserialize(sqlite3 *db, const char *schema, unsigned char *data, sqlite3_int64 size,
                    sqlite3_int64 buffer_size, unsigned flags)
{
    (void)schema;
    (void)size;
    (void)buffer_size;
    if ((flags & SQLITE_DESERIALIZE_FREEONCLOSE) != 0)
        sqlite3_free(data);
    return compat_refuse(db, "sqlite3_deserialize");
}
