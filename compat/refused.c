/* refused.c - what SQLite's interface has and VelociDB does not: refused in words.
 *
 * A call that asks for nothing (a hook taken away, an object that is not there) succeeds, since
 * there is nothing to refuse. docs/sqlite-compatibility.md lists them. */
#include "compat_int.h"

#include <stddef.h>

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
