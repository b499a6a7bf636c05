/* refused.c - what SQLite's interface has and VelociDB does not: refused in words.
 *
 * A call that asks for nothing (a hook taken away, an object that is not there) succeeds, since
 * there is nothing to refuse. docs/sqlite-compatibility.md lists them. */
#include "compat_int.h"

#include <stddef.h>

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
