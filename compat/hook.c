/* hook.c - hooks of SQLite's interface, on those of velocidb.h.
 *
 * A connection that is not open yet (compat_revive) has nobody to tell: setting a hook opens it, or
 * fails as its first statement would. */
#include "compat_int.h"

#include <limits.h>

/* Begin a call that sets a hook: whether it can be set. */
static int
hook_enter(sqlite3 *db)
{
    if (!compat_enter(db))
        return 0;
    if (compat_revive(db) == SQLITE_OK)
        return 1;
    compat_unlock(db);
    return 0;
}

/* ---- transactions and rows ---- */

void *
sqlite3_commit_hook(sqlite3 *db, int (*hook)(void *), void *arg)
{
    void *before;

    if (!hook_enter(db))
        return NULL;
    before = db->hooks.commit_arg;
    db->hooks.commit_arg = arg;
    velo_set_commit_hook(db->core, hook, arg);
    compat_unlock(db);
    return before;
}

void *
sqlite3_rollback_hook(sqlite3 *db, void (*hook)(void *), void *arg)
{
    void *before;

    if (!hook_enter(db))
        return NULL;
    before = db->hooks.rollback_arg;
    db->hooks.rollback_arg = arg;
    velo_set_rollback_hook(db->core, hook, arg);
    compat_unlock(db);
    return before;
}

static void
hook_tell_update(void *user, velo_change change, const char *database, const char *table,
                 int64_t rowid)
{
    sqlite3 *db = user;

    db->hooks.update(db->hooks.update_arg, (int)change, database, table, rowid);
}

void *
sqlite3_update_hook(sqlite3 *db,
                    void (*hook)(void *, int, char const *, char const *, sqlite3_int64), void *arg)
{
    void *before;

    if (!hook_enter(db))
        return NULL;
    before = db->hooks.update_arg;
    db->hooks.update = hook;
    db->hooks.update_arg = arg;
    velo_set_update_hook(db->core, hook == NULL ? NULL : hook_tell_update, db);
    compat_unlock(db);
    return before;
}

void
sqlite3_progress_handler(sqlite3 *db, int steps, int (*handler)(void *), void *arg)
{
    if (!hook_enter(db))
        return;
    velo_set_progress(db->core, steps <= 0 ? 0 : (uint64_t)steps, handler, arg);
    compat_unlock(db);
}

/* SQLite tells how many pages the log has: of the size that it has by default. */
#define HOOK_LOG_PAGE 4096U

static void
hook_tell_log(void *user, const char *database, uint64_t log_bytes)
{
    sqlite3 *db = user;
    uint64_t pages = (log_bytes + HOOK_LOG_PAGE - 1) / HOOK_LOG_PAGE;

    (void)db->hooks.wal(db->hooks.wal_arg, db, database, pages > INT_MAX ? INT_MAX : (int)pages);
}

void *
sqlite3_wal_hook(sqlite3 *db, int (*hook)(void *, sqlite3 *, const char *, int), void *arg)
{
    void *before;

    if (!hook_enter(db))
        return NULL;
    before = db->hooks.wal_arg;
    db->hooks.wal = hook;
    db->hooks.wal_arg = arg;
    velo_set_log_hook(db->core, hook == NULL ? NULL : hook_tell_log, db);
    compat_unlock(db);
    return before;
}

/* ---- the authorizer ---- */

static int
hook_authorize(void *user, velo_action action, const char *first, const char *second,
               const char *database, const char *inner)
{
    const sqlite3 *db = user;

    return db->hooks.authorizer(db->hooks.authorizer_arg, (int)action, first, second, database,
                                inner);
}

int
sqlite3_set_authorizer(sqlite3 *db,
                       int (*authorizer)(void *, int, const char *, const char *, const char *,
                                         const char *),
                       void *arg)
{
    if (!compat_enter(db))
        return compat_misuse();
    if (compat_revive(db) != SQLITE_OK)
        return compat_leave_own(db, db->code);
    db->hooks.authorizer = authorizer;
    db->hooks.authorizer_arg = arg;
    velo_set_authorizer(db->core, authorizer == NULL ? NULL : hook_authorize, db);
    return compat_leave_own(db, SQLITE_OK);
}

/* ---- traces ---- */

static void
hook_tell_begin(sqlite3 *db, sqlite3_stmt *stmt)
{
    union {
        const char *given;
        void *text;
    } sql = {sqlite3_sql(stmt)};
    char *expanded;

    if (db->hooks.old_trace != NULL) {
        expanded = sqlite3_expanded_sql(stmt);
        db->hooks.old_trace(db->hooks.old_trace_arg, expanded != NULL ? expanded : sql.given);
        sqlite3_free(expanded);
    }
    if (db->hooks.trace != NULL && (db->hooks.trace_mask & SQLITE_TRACE_STMT) != 0)
        (void)db->hooks.trace(SQLITE_TRACE_STMT, db->hooks.trace_arg, stmt, sql.text);
}

static void
hook_tell_trace(void *user, velo_trace_event event, velo_statement *statement, int64_t ns)
{
    sqlite3 *db = user;
    sqlite3_stmt *stmt = statement == NULL ? NULL : velo_statement_get_user(statement);
    int is_wanted = db->hooks.trace != NULL && (db->hooks.trace_mask & (unsigned)event) != 0;

    switch (event) {
    case VELO_TRACE_BEGIN:
        if (stmt != NULL)
            hook_tell_begin(db, stmt);
        break;
    case VELO_TRACE_END:
        if (stmt != NULL && db->hooks.profile != NULL)
            db->hooks.profile(db->hooks.profile_arg, sqlite3_sql(stmt), (sqlite3_uint64)ns);
        if (stmt != NULL && is_wanted)
            (void)db->hooks.trace(SQLITE_TRACE_PROFILE, db->hooks.trace_arg, stmt, &ns);
        break;
    case VELO_TRACE_ROW:
        if (stmt != NULL && is_wanted)
            (void)db->hooks.trace(SQLITE_TRACE_ROW, db->hooks.trace_arg, stmt, NULL);
        break;
    case VELO_TRACE_CLOSE:
        if (is_wanted)
            (void)db->hooks.trace(SQLITE_TRACE_CLOSE, db->hooks.trace_arg, db, NULL);
        break;
    }
}

/* Tell the core which events somebody wants. */
static void
hook_set_trace(sqlite3 *db)
{
    unsigned events = db->hooks.trace == NULL ? 0 : db->hooks.trace_mask;

    if (db->hooks.old_trace != NULL)
        events |= VELO_TRACE_BEGIN;
    if (db->hooks.profile != NULL)
        events |= VELO_TRACE_END;
    velo_set_trace(db->core, events, events == 0 ? NULL : hook_tell_trace, db);
}

int
sqlite3_trace_v2(sqlite3 *db, unsigned mask, int (*trace)(unsigned, void *, void *, void *),
                 void *arg)
{
    if (!compat_enter(db))
        return compat_misuse();
    if (compat_revive(db) != SQLITE_OK)
        return compat_leave_own(db, db->code);
    db->hooks.trace = mask == 0 ? NULL : trace;
    db->hooks.trace_mask = mask;
    db->hooks.trace_arg = arg;
    db->hooks.old_trace = NULL; /* as in SQLite, the new one takes the place of the old ones */
    db->hooks.profile = NULL;
    hook_set_trace(db);
    return compat_leave_own(db, SQLITE_OK);
}

void *
sqlite3_trace(sqlite3 *db, void (*trace)(void *, const char *), void *arg)
{
    void *before;

    if (!hook_enter(db))
        return NULL;
    before = db->hooks.old_trace_arg;
    db->hooks.old_trace = trace;
    db->hooks.old_trace_arg = arg;
    hook_set_trace(db);
    compat_unlock(db);
    return before;
}

void *
sqlite3_profile(sqlite3 *db, void (*profile)(void *, const char *, sqlite3_uint64), void *arg)
{
    void *before;

    if (!hook_enter(db))
        return NULL;
    before = db->hooks.profile_arg;
    db->hooks.profile = profile;
    db->hooks.profile_arg = arg;
    hook_set_trace(db);
    compat_unlock(db);
    return before;
}
