/* collation.c - collations of the application.
 *
 * A collation of SQLite stands behind one of velocidb.h whose user is a compat_collation. Texts are
 * UTF-8 in the engine; one that wants UTF-16 gets copies. */
#include "compat_int.h"

#include <string.h>

typedef struct compat_collation {
    void *user;
    int (*compare)(void *, int, const void *, int, const void *);
    void (*destroy)(void *);
    int is_wide; /* it wants UTF-16, */
    int is_big;  /* big end first */
    int is_kept; /* creating it succeeded: destroy is to be called */
} compat_collation;

static int
collation_compare(void *user, size_t left_size, const void *left, size_t right_size,
                  const void *right)
{
    compat_collation *collation = user;

    return collation->compare(collation->user, (int)left_size, left, (int)right_size, right);
}

/* Without memory for the copies texts are equal, as in SQLite. */
static int
collation_compare_wide(void *user, size_t left_size, const void *left, size_t right_size,
                       const void *right)
{
    compat_collation *collation = user;
    int sizes[2] = {0, 0};
    void *wide[2];
    int order = 0;

    wide[0] = compat_to_utf16(left, (int64_t)left_size, collation->is_big, &sizes[0]);
    wide[1] = compat_to_utf16(right, (int64_t)right_size, collation->is_big, &sizes[1]);
    if (wide[0] != NULL && wide[1] != NULL)
        order = collation->compare(collation->user, sizes[0], wide[0], sizes[1], wide[1]);
    sqlite3_free(wide[0]);
    sqlite3_free(wide[1]);
    return order;
}

static void
collation_destroy(void *user)
{
    compat_collation *collation = user;

    if (collation->is_kept && collation->destroy != NULL)
        collation->destroy(collation->user);
    sqlite3_free(collation);
}

/* Create one on an open connection. */
static int
collation_create(sqlite3 *db, const char *name, const compat_collation *given)
{
    compat_collation *collation;
    velo_status st;

    if (given->compare == NULL)
        return (int)velo_create_collation(db->core, name, NULL, NULL, NULL);
    collation = sqlite3_malloc64(sizeof *collation);
    if (collation == NULL)
        return SQLITE_NOMEM;
    *collation = *given;
    st = velo_create_collation(db->core, name,
                               given->is_wide ? collation_compare_wide : collation_compare,
                               collation, collation_destroy);
    if (st == VELO_OK)
        collation->is_kept = 1; /* as in SQLite, which does not destroy what it has not taken */
    return (int)st;
}

int
sqlite3_create_collation_v2(sqlite3 *db, const char *name, int encoding, void *user,
                            int (*compare)(void *, int, const void *, int, const void *),
                            void (*destroy)(void *))
{
    compat_collation given = {.user = user, .compare = compare, .destroy = destroy};
    int code;

    if (!compat_enter(db))
        return compat_misuse();
    encoding &= ~SQLITE_UTF16_ALIGNED;
    given.is_wide = encoding != SQLITE_UTF8;
    given.is_big = encoding == SQLITE_UTF16BE ||
                   ((encoding == SQLITE_UTF16 || encoding == 0) && compat_machine_is_big());
    if (compat_revive(db) != SQLITE_OK)
        return compat_leave_own(db, db->code);
    if (name == NULL || name[0] == 0 || encoding < 0 || encoding > SQLITE_UTF16)
        return compat_leave_own(
            db, compat_fail(db, SQLITE_MISUSE, "%s", sqlite3_errstr(SQLITE_MISUSE)));
    code = collation_create(db, name, &given);
    if (code == SQLITE_NOMEM)
        return compat_leave_own(db, compat_fail(db, code, "out of memory"));
    return compat_leave(db, code);
}

int
sqlite3_create_collation(sqlite3 *db, const char *name, int encoding, void *user,
                         int (*compare)(void *, int, const void *, int, const void *))
{
    return sqlite3_create_collation_v2(db, name, encoding, user, compare, NULL);
}

int
sqlite3_create_collation16(sqlite3 *db, const void *name, int encoding, void *user,
                           int (*compare)(void *, int, const void *, int, const void *))
{
    char *name8;
    int code;

    if (name == NULL)
        return compat_misuse();
    name8 = compat_from_utf16(name, -1, compat_machine_is_big(), NULL);
    if (name8 == NULL)
        return SQLITE_NOMEM;
    code = sqlite3_create_collation_v2(db, name8, encoding, user, compare, NULL);
    sqlite3_free(name8);
    return code;
}

/* ---- those that are missing ---- */

static void
collation_ask(void *user, velo_connection *core, const char *name)
{
    sqlite3 *db = user;
    void *wide;

    (void)core;
    if (db->collation_needed != NULL) {
        db->collation_needed(db->collation_arg, db, SQLITE_UTF8, name);
        return;
    }
    wide = compat_to_utf16(name, (int64_t)strlen(name), compat_machine_is_big(), NULL);
    if (wide != NULL)
        db->collation_needed16(db->collation_arg, db, SQLITE_UTF8, wide);
    sqlite3_free(wide);
}

static int
collation_set_needed(sqlite3 *db, void *arg, void (*needed)(void *, sqlite3 *, int, const char *),
                     void (*needed16)(void *, sqlite3 *, int, const void *))
{
    if (!compat_enter(db))
        return compat_misuse();
    if (compat_revive(db) != SQLITE_OK)
        return compat_leave_own(db, db->code);
    db->collation_arg = arg;
    db->collation_needed = needed;
    db->collation_needed16 = needed16;
    velo_set_collation_needed(db->core, needed == NULL && needed16 == NULL ? NULL : collation_ask,
                              db);
    return compat_leave_own(db, SQLITE_OK);
}

int
sqlite3_collation_needed(sqlite3 *db, void *arg,
                         void (*needed)(void *, sqlite3 *, int, const char *))
{
    return collation_set_needed(db, arg, needed, NULL);
}

int
sqlite3_collation_needed16(sqlite3 *db, void *arg,
                           void (*needed)(void *, sqlite3 *, int, const void *))
{
    return collation_set_needed(db, arg, NULL, needed);
}
