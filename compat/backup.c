/* backup.c - sqlite3_backup and images of databases, on those of velocidb.h.
 *
 * Invariants
 *   BK1  A backup counts among the handles that keep both connections from being closed.
 *   BK2  The mutexes of two connections are taken in the order of their addresses, so that backups
 *        between the same connections, in either direction, do not wait for each other for ever. */
#include "compat_int.h"

#include <string.h>
#include <strings.h>

struct sqlite3_backup {
    sqlite3 *to;
    sqlite3 *from;
    velo_backup *core;
};

/* ---- backup ---- */

/* Take both mutexes. */
static void
backup_lock(sqlite3 *to, sqlite3 *from)
{
    int is_to_first = (uintptr_t)to < (uintptr_t)from; /* keeps BK2 */

    compat_lock(is_to_first ? to : from);
    compat_lock(is_to_first ? from : to);
}

/* A handle that was open on a connection is gone: free the connection if it waits for that. Its
 * mutex is held; returns whether it was freed. */
static int
backup_release(sqlite3 *db)
{
    db->blob_count--;
    if (db->life != COMPAT_ZOMBIE || db->statements != NULL || db->blob_count > 0)
        return 0;
    compat_bury(db);
    return 1;
}

/* Begin with both mutexes held; that of `to` is given back. */
static sqlite3_backup *
backup_begin(sqlite3 *to, const char *to_schema, sqlite3 *from, const char *from_schema)
{
    sqlite3_backup *backup;
    velo_status st;

    if (compat_revive(to) != SQLITE_OK) {
        (void)compat_leave_own(to, to->code);
        return NULL;
    }
    if (compat_revive(from) != SQLITE_OK) {
        (void)compat_leave_own(to, compat_fail(to, from->code, "%s", sqlite3_errmsg(from)));
        return NULL;
    }
    backup = sqlite3_malloc64(sizeof *backup);
    if (backup == NULL) {
        (void)compat_leave_own(to, compat_fail(to, SQLITE_NOMEM, "out of memory"));
        return NULL;
    }
    st = velo_backup_begin(to->core, to_schema, from->core, from_schema, &backup->core);
    if (st != VELO_OK) {
        sqlite3_free(backup);
        (void)compat_leave(to, (int)st);
        return NULL;
    }
    backup->to = to;
    backup->from = from;
    to->blob_count++;
    from->blob_count++;
    (void)compat_leave(to, SQLITE_OK);
    return backup;
}

sqlite3_backup *
sqlite3_backup_init(sqlite3 *to, const char *to_schema, sqlite3 *from, const char *from_schema)
{
    sqlite3_backup *backup;

    if (from == NULL || to == NULL || to->life != COMPAT_OPEN) {
        (void)compat_misuse();
        return NULL;
    }
    if (to == from) {
        compat_lock(to);
        (void)compat_leave_own(
            to, compat_fail(to, SQLITE_ERROR, "source and destination must be distinct"));
        return NULL;
    }
    backup_lock(to, from);
    backup = backup_begin(to, to_schema, from, from_schema);
    compat_unlock(from);
    return backup;
}

int
sqlite3_backup_step(sqlite3_backup *backup, int pages)
{
    velo_status st;

    if (backup == NULL)
        return compat_misuse();
    backup_lock(backup->to, backup->from);
    st = velo_backup_step(backup->core, pages);
    compat_unlock(backup->from);
    if (st != VELO_DONE)
        return compat_leave(backup->to, (int)st);
    (void)compat_leave(backup->to, SQLITE_OK);
    return SQLITE_DONE;
}

int
sqlite3_backup_finish(sqlite3_backup *backup)
{
    velo_status st;
    sqlite3 *to;
    sqlite3 *from;
    int code;

    if (backup == NULL)
        return SQLITE_OK;
    to = backup->to;
    from = backup->from;
    backup_lock(to, from);
    st = velo_backup_end(backup->core);
    sqlite3_free(backup);
    if (!backup_release(from))
        compat_unlock(from);
    code = (int)st & (to->is_extended ? ~0 : 0xff);
    if (!backup_release(to))
        code = compat_leave(to, (int)st);
    return code;
}

int
sqlite3_backup_remaining(sqlite3_backup *backup)
{
    return backup == NULL ? 0 : (int)velo_backup_remaining(backup->core);
}

int
sqlite3_backup_pagecount(sqlite3_backup *backup)
{
    return backup == NULL ? 0 : (int)velo_backup_page_count(backup->core);
}

/* ---- images ---- */

/* Copy an image to memory of sqlite3_malloc64, and give the core's back. */
static unsigned char *
backup_take_image(void *image, int64_t size)
{
    unsigned char *copy = sqlite3_malloc64(size > 0 ? (sqlite3_uint64)size : 1);

    if (copy != NULL)
        memcpy(copy, image, (size_t)size);
    velo_free(image);
    return copy;
}

unsigned char *
sqlite3_serialize(sqlite3 *db, const char *schema, sqlite3_int64 *out_size, unsigned int flags)
{
    unsigned char *copy;
    void *image = NULL;
    int64_t size = 0;
    velo_status st;

    if (out_size != NULL)
        *out_size = -1;
    if (!compat_enter(db)) {
        (void)compat_misuse();
        return NULL;
    }
    if (compat_revive(db) != SQLITE_OK) {
        (void)compat_leave_own(db, db->code);
        return NULL;
    }
    st = velo_serialize(db->core, schema,
                        (flags & SQLITE_SERIALIZE_VELOCIDB) != 0 ? VELO_IMAGE_OWN
                                                                 : VELO_IMAGE_SQLITE,
                        &image, &size);
    if (st != VELO_OK) {
        (void)compat_leave(db, (int)st);
        return NULL;
    }
    if (out_size != NULL)
        *out_size = size;
    if ((flags & SQLITE_SERIALIZE_NOCOPY) != 0) { /* there are no such bytes to point to */
        velo_free(image);
        (void)compat_leave(db, SQLITE_OK);
        return NULL;
    }
    copy = backup_take_image(image, size);
    if (copy == NULL)
        (void)compat_leave_own(db, compat_fail(db, SQLITE_NOMEM, "out of memory"));
    else
        (void)compat_leave(db, SQLITE_OK);
    return copy;
}

int
sqlite3_deserialize(sqlite3 *db, const char *schema, unsigned char *data, sqlite3_int64 size,
                    sqlite3_int64 buffer_size, unsigned flags)
{
    velo_status st;

    if (size < 0 || buffer_size < size || !compat_enter(db)) {
        if ((flags & SQLITE_DESERIALIZE_FREEONCLOSE) != 0)
            sqlite3_free(data);
        return compat_misuse();
    }
    if (compat_revive(db) != SQLITE_OK) {
        if ((flags & SQLITE_DESERIALIZE_FREEONCLOSE) != 0)
            sqlite3_free(data);
        return compat_leave_own(db, db->code);
    }
    st = velo_deserialize(db->core, schema, data, size, (flags & SQLITE_DESERIALIZE_READONLY) != 0);
    if ((flags & SQLITE_DESERIALIZE_FREEONCLOSE) != 0)
        sqlite3_free(data);
    if (st == VELO_NOTADB) /* the core names a file of its own */
        return compat_leave_own(db, compat_fail(db, SQLITE_NOTADB, "file is not a database"));
    if (st == VELO_OK)
        db->is_memory = 1;
    return compat_leave(db, (int)st);
}
