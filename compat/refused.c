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
