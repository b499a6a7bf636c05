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

/* ---- extensions ---- */

int
sqlite3_load_extension(sqlite3 *db, const char *file, const char *entry, char **message)
{
    (void)file;
    (void)entry;
    if (message != NULL)
        *message = compat_copy("extensions are not supported by VelociDB");
    return compat_refuse(db, "sqlite3_load_extension");
}

int
sqlite3_enable_load_extension(sqlite3 *db, int on)
{
    return on ? compat_refuse(db, "sqlite3_enable_load_extension") : SQLITE_OK;
}

int
sqlite3_auto_extension(void (*entry)(void))
{
    (void)entry;
    return SQLITE_ERROR;
}

int
sqlite3_cancel_auto_extension(void (*entry)(void))
{
    (void)entry;
    return 0;
}

void
sqlite3_reset_auto_extension(void)
{
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

/* ---- virtual tables ---- */

int
sqlite3_create_module(sqlite3 *db, const char *name, const sqlite3_module *module, void *aux)
{
    (void)name;
    (void)module;
    (void)aux;
    return compat_refuse(db, "sqlite3_create_module");
}

int
sqlite3_create_module_v2(sqlite3 *db, const char *name, const sqlite3_module *module, void *aux,
                         void (*destroy)(void *))
{
    (void)name;
    (void)module;
    if (destroy != NULL)
        destroy(aux);
    return compat_refuse(db, "sqlite3_create_module_v2");
}

int
sqlite3_drop_modules(sqlite3 *db, const char **keep)
{
    (void)keep;
    return db == NULL ? compat_misuse() : SQLITE_OK; /* there are none */
}

int
sqlite3_declare_vtab(sqlite3 *db, const char *sql)
{
    (void)sql;
    return compat_refuse(db, "sqlite3_declare_vtab");
}

int
sqlite3_vtab_config(sqlite3 *db, int op, ...)
{
    (void)op;
    return compat_refuse(db, "sqlite3_vtab_config");
}

int
sqlite3_vtab_on_conflict(sqlite3 *db)
{
    (void)db;
    return 0;
}

int
sqlite3_vtab_nochange(sqlite3_context *context)
{
    (void)context;
    return 0;
}

const char *
sqlite3_vtab_collation(sqlite3_index_info *info, int constraint)
{
    (void)info;
    (void)constraint;
    return NULL;
}

int
sqlite3_vtab_distinct(sqlite3_index_info *info)
{
    (void)info;
    return 0;
}

int
sqlite3_vtab_in(sqlite3_index_info *info, int constraint, int handle)
{
    (void)info;
    (void)constraint;
    (void)handle;
    return 0;
}

int
sqlite3_vtab_in_first(sqlite3_value *list, sqlite3_value **value)
{
    (void)list;
    (void)value;
    return compat_misuse();
}

int
sqlite3_vtab_in_next(sqlite3_value *list, sqlite3_value **value)
{
    (void)list;
    (void)value;
    return compat_misuse();
}

int
sqlite3_vtab_rhs_value(sqlite3_index_info *info, int constraint, sqlite3_value **value)
{
    (void)info;
    (void)constraint;
    (void)value;
    return compat_misuse();
}

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
