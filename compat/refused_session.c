/* refused_session.c - SQLite's sessions, which VelociDB does not have.
 *
 * None can be created, so that whoever calls one of the others misuses it. */
#include "compat_int.h"

#include <stddef.h>

int
sqlite3session_create(sqlite3 *db, const char *schema, sqlite3_session **session)
{
    (void)schema;
    if (session != NULL)
        *session = NULL;
    return compat_refuse(db, "sqlite3session_create");
}

void
sqlite3session_delete(sqlite3_session *session)
{
    (void)session;
}

int
sqlite3session_object_config(sqlite3_session *session, int op, void *arg)
{
    (void)session;
    (void)op;
    (void)arg;
    return compat_misuse();
}

int
sqlite3session_enable(sqlite3_session *session, int on)
{
    (void)session;
    (void)on;
    return compat_misuse();
}

int
sqlite3session_indirect(sqlite3_session *session, int on)
{
    (void)session;
    (void)on;
    return compat_misuse();
}

int
sqlite3session_attach(sqlite3_session *session, const char *table)
{
    (void)session;
    (void)table;
    return compat_misuse();
}

void
sqlite3session_table_filter(sqlite3_session *session, sqlite3_session_filter *filter, void *arg)
{
    (void)session;
    (void)filter;
    (void)arg;
}

int
sqlite3session_changeset(sqlite3_session *session, int *size, void **changes)
{
    (void)session;
    (void)size;
    (void)changes;
    return compat_misuse();
}

sqlite3_int64
sqlite3session_changeset_size(sqlite3_session *session)
{
    (void)session;
    return 0;
}

int
sqlite3session_diff(sqlite3_session *session, const char *from, const char *table, char **message)
{
    (void)session;
    (void)from;
    (void)table;
    (void)message;
    return compat_misuse();
}

int
sqlite3session_patchset(sqlite3_session *session, int *size, void **changes)
{
    (void)session;
    (void)size;
    (void)changes;
    return compat_misuse();
}

int
sqlite3session_isempty(sqlite3_session *session)
{
    (void)session;
    return 1;
}

sqlite3_int64
sqlite3session_memory_used(sqlite3_session *session)
{
    (void)session;
    return 0;
}

int
sqlite3session_changeset_strm(sqlite3_session *session, sqlite3_session_output *output, void *arg)
{
    (void)session;
    (void)output;
    (void)arg;
    return compat_misuse();
}

int
sqlite3session_patchset_strm(sqlite3_session *session, sqlite3_session_output *output, void *arg)
{
    (void)session;
    (void)output;
    (void)arg;
    return compat_misuse();
}

int
sqlite3session_config(int op, void *arg)
{
    (void)op;
    (void)arg;
    return SQLITE_ERROR;
}

int
sqlite3changeset_start(sqlite3_changeset_iter **iterator, int size, void *changes)
{
    (void)size;
    (void)changes;
    if (iterator != NULL)
        *iterator = NULL;
    return SQLITE_ERROR;
}

int
sqlite3changeset_start_v2(sqlite3_changeset_iter **iterator, int size, void *changes, int flags)
{
    (void)size;
    (void)changes;
    (void)flags;
    if (iterator != NULL)
        *iterator = NULL;
    return SQLITE_ERROR;
}

int
sqlite3changeset_start_strm(sqlite3_changeset_iter **iterator, sqlite3_session_input *input,
                            void *arg)
{
    (void)input;
    (void)arg;
    if (iterator != NULL)
        *iterator = NULL;
    return SQLITE_ERROR;
}

int
sqlite3changeset_start_v2_strm(sqlite3_changeset_iter **iterator, sqlite3_session_input *input,
                               void *arg, int flags)
{
    (void)input;
    (void)arg;
    (void)flags;
    if (iterator != NULL)
        *iterator = NULL;
    return SQLITE_ERROR;
}

int
sqlite3changeset_next(sqlite3_changeset_iter *iterator)
{
    (void)iterator;
    return compat_misuse();
}

int
sqlite3changeset_op(sqlite3_changeset_iter *iterator, const char **table, int *columns, int *op,
                    int *indirect)
{
    (void)iterator;
    (void)table;
    (void)columns;
    (void)op;
    (void)indirect;
    return compat_misuse();
}

int
sqlite3changeset_pk(sqlite3_changeset_iter *iterator, unsigned char **key, int *columns)
{
    (void)iterator;
    (void)key;
    (void)columns;
    return compat_misuse();
}

int
sqlite3changeset_old(sqlite3_changeset_iter *iterator, int column, sqlite3_value **value)
{
    (void)iterator;
    (void)column;
    (void)value;
    return compat_misuse();
}

int
sqlite3changeset_new(sqlite3_changeset_iter *iterator, int column, sqlite3_value **value)
{
    (void)iterator;
    (void)column;
    (void)value;
    return compat_misuse();
}

int
sqlite3changeset_conflict(sqlite3_changeset_iter *iterator, int column, sqlite3_value **value)
{
    (void)iterator;
    (void)column;
    (void)value;
    return compat_misuse();
}

int
sqlite3changeset_fk_conflicts(sqlite3_changeset_iter *iterator, int *count)
{
    (void)iterator;
    (void)count;
    return compat_misuse();
}

int
sqlite3changeset_finalize(sqlite3_changeset_iter *iterator)
{
    return iterator == NULL ? SQLITE_OK : SQLITE_MISUSE;
}

int
sqlite3changeset_invert(int size, const void *changes, int *out_size, void **out)
{
    (void)size;
    (void)changes;
    (void)out_size;
    if (out != NULL)
        *out = NULL;
    return SQLITE_ERROR;
}

int
sqlite3changeset_invert_strm(sqlite3_session_input *input, void *in_arg,
                             sqlite3_session_output *output, void *out_arg)
{
    (void)input;
    (void)in_arg;
    (void)output;
    (void)out_arg;
    return SQLITE_ERROR;
}

int
sqlite3changeset_concat(int size_a, void *a, int size_b, void *b, int *out_size, void **out)
{
    (void)size_a;
    (void)a;
    (void)size_b;
    (void)b;
    (void)out_size;
    if (out != NULL)
        *out = NULL;
    return SQLITE_ERROR;
}

int
sqlite3changeset_concat_strm(sqlite3_session_input *a, void *a_arg, sqlite3_session_input *b,
                             void *b_arg, sqlite3_session_output *output, void *out_arg)
{
    (void)a;
    (void)a_arg;
    (void)b;
    (void)b_arg;
    (void)output;
    (void)out_arg;
    return SQLITE_ERROR;
}

int
sqlite3changeset_apply(sqlite3 *db, int size, void *changes, sqlite3_session_filter *filter,
                       sqlite3_session_conflict *conflict, void *arg)
{
    (void)size;
    (void)changes;
    (void)filter;
    (void)conflict;
    (void)arg;
    return compat_refuse(db, "sqlite3changeset_apply");
}

int
sqlite3changeset_apply_v2(sqlite3 *db, int size, void *changes, sqlite3_session_filter *filter,
                          sqlite3_session_conflict *conflict, void *arg, void **rebase,
                          int *rebase_size, int flags)
{
    (void)size;
    (void)changes;
    (void)filter;
    (void)conflict;
    (void)arg;
    (void)rebase;
    (void)rebase_size;
    (void)flags;
    return compat_refuse(db, "sqlite3changeset_apply_v2");
}

int
sqlite3changeset_apply_strm(sqlite3 *db, sqlite3_session_input *input, void *in_arg,
                            sqlite3_session_filter *filter, sqlite3_session_conflict *conflict,
                            void *arg)
{
    (void)input;
    (void)in_arg;
    (void)filter;
    (void)conflict;
    (void)arg;
    return compat_refuse(db, "sqlite3changeset_apply_strm");
}

int
sqlite3changeset_apply_v2_strm(sqlite3 *db, sqlite3_session_input *input, void *in_arg,
                               sqlite3_session_filter *filter, sqlite3_session_conflict *conflict,
                               void *arg, void **rebase, int *rebase_size, int flags)
{
    (void)input;
    (void)in_arg;
    (void)filter;
    (void)conflict;
    (void)arg;
    (void)rebase;
    (void)rebase_size;
    (void)flags;
    return compat_refuse(db, "sqlite3changeset_apply_v2_strm");
}

int
sqlite3changegroup_new(sqlite3_changegroup **group)
{
    if (group != NULL)
        *group = NULL;
    return SQLITE_ERROR;
}

int
sqlite3changegroup_add(sqlite3_changegroup *group, int size, void *data)
{
    (void)group;
    (void)size;
    (void)data;
    return compat_misuse();
}

int
sqlite3changegroup_add_strm(sqlite3_changegroup *group, sqlite3_session_input *input, void *arg)
{
    (void)group;
    (void)input;
    (void)arg;
    return compat_misuse();
}

int
sqlite3changegroup_output(sqlite3_changegroup *group, int *size, void **data)
{
    (void)group;
    (void)size;
    (void)data;
    return compat_misuse();
}

int
sqlite3changegroup_output_strm(sqlite3_changegroup *group, sqlite3_session_output *output,
                               void *arg)
{
    (void)group;
    (void)output;
    (void)arg;
    return compat_misuse();
}

void
sqlite3changegroup_delete(sqlite3_changegroup *group)
{
    (void)group;
}

int
sqlite3rebaser_create(sqlite3_rebaser **rebaser)
{
    if (rebaser != NULL)
        *rebaser = NULL;
    return SQLITE_ERROR;
}

int
sqlite3rebaser_configure(sqlite3_rebaser *rebaser, int size, const void *rebase)
{
    (void)rebaser;
    (void)size;
    (void)rebase;
    return compat_misuse();
}

int
sqlite3rebaser_rebase(sqlite3_rebaser *rebaser, int size, const void *in, int *out_size, void **out)
{
    (void)rebaser;
    (void)size;
    (void)in;
    (void)out_size;
    (void)out;
    return compat_misuse();
}

int
sqlite3rebaser_rebase_strm(sqlite3_rebaser *rebaser, sqlite3_session_input *input, void *in_arg,
                           sqlite3_session_output *output, void *out_arg)
{
    (void)rebaser;
    (void)input;
    (void)in_arg;
    (void)output;
    (void)out_arg;
    return compat_misuse();
}

void
sqlite3rebaser_delete(sqlite3_rebaser *rebaser)
{
    (void)rebaser;
}
