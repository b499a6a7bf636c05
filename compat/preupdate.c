/* preupdate.c - the hook that is told of changes of rows in full.
 *
 * SQLite calls it before a row is changed, VelociDB when it was; what it may ask is the same, since
 * it must not use the connection for anything else. */
#include "compat_int.h"

#include <string.h>

/* A change that the hook is told of. */
typedef struct compat_preupdate {
    velo_row_change *core;
    sqlite3_value *values; /* before, then after: made at the first question */
} compat_preupdate;

static void
preupdate_tell(void *user, velo_row_change *core)
{
    sqlite3 *db = user;
    compat_preupdate change = {core, NULL};
    compat_preupdate *outer = db->change;
    int count = 2 * velo_row_change_columns(core);

    db->change = &change;
    db->preupdate(db->preupdate_arg, db, (int)velo_row_change_kind(core),
                  velo_row_change_database(core), velo_row_change_table(core),
                  velo_row_change_rowid_before(core), velo_row_change_rowid_after(core));
    db->change = outer;
    for (int i = 0; change.values != NULL && i < count; i++)
        compat_value_drop(&change.values[i]);
    sqlite3_free(change.values);
}

void *
sqlite3_preupdate_hook(sqlite3 *db,
                       void (*hook)(void *, sqlite3 *, int, char const *, char const *,
                                    sqlite3_int64, sqlite3_int64),
                       void *arg)
{
    void *before;

    if (!compat_enter(db))
        return NULL;
    before = db->preupdate_arg;
    if (compat_revive(db) == SQLITE_OK) {
        db->preupdate = hook;
        db->preupdate_arg = arg;
        velo_set_row_change_hook(db->core, hook == NULL ? NULL : preupdate_tell, db);
    }
    compat_unlock(db);
    return before;
}

/* A value of the change at hand. */
static int
preupdate_value(sqlite3 *db, int column, int is_after, sqlite3_value **out)
{
    compat_preupdate *change = db == NULL ? NULL : db->change;
    int count;
    sqlite3_value *value;

    if (out != NULL)
        *out = NULL;
    if (change == NULL || out == NULL)
        return compat_misuse(); /* outside of the hook */
    count = velo_row_change_columns(change->core);
    if (column < 0 || column >= count)
        return SQLITE_RANGE;
    if (velo_row_change_kind(change->core) == (is_after ? VELO_CHANGE_DELETE : VELO_CHANGE_INSERT))
        return compat_misuse(); /* there is no such row */
    if (change->values == NULL) {
        size_t size = 2 * (size_t)count * sizeof *change->values;

        change->values = sqlite3_malloc64(size);
        if (change->values == NULL)
            return SQLITE_NOMEM;
        memset(change->values, 0, size);
    }
    value = &change->values[is_after ? count + column : column];
    value->core = is_after ? velo_row_change_after(change->core, column)
                           : velo_row_change_before(change->core, column);
    if (value->core == NULL)
        return SQLITE_NOMEM;
    *out = value;
    return SQLITE_OK;
}

int
sqlite3_preupdate_old(sqlite3 *db, int column, sqlite3_value **value)
{
    return preupdate_value(db, column, 0, value);
}

int
sqlite3_preupdate_new(sqlite3 *db, int column, sqlite3_value **value)
{
    return preupdate_value(db, column, 1, value);
}

int
sqlite3_preupdate_count(sqlite3 *db)
{
    return db == NULL || db->change == NULL ? 0 : velo_row_change_columns(db->change->core);
}

int
sqlite3_preupdate_depth(sqlite3 *db)
{
    return db == NULL || db->change == NULL ? 0 : velo_row_change_depth(db->change->core);
}

/* Writing to parts of values is told to no hook. */
int
sqlite3_preupdate_blobwrite(sqlite3 *db)
{
    (void)db;
    return -1;
}
