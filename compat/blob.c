/* blob.c - sqlite3_blob, on that of velocidb.h. */
#include "compat_int.h"

struct sqlite3_blob {
    sqlite3 *db;
    velo_blob *core;
    int code; /* of a write that has failed, but for its place: told by the close */
};

int
sqlite3_blob_open(sqlite3 *db, const char *schema, const char *table, const char *column,
                  sqlite3_int64 rowid, int is_writing, sqlite3_blob **out)
{
    sqlite3_blob *blob;
    velo_status st;

    if (out == NULL)
        return compat_misuse();
    *out = NULL;
    if (table == NULL || column == NULL || !compat_enter(db))
        return compat_misuse();
    if (compat_revive(db) != SQLITE_OK)
        return compat_leave_own(db, db->code);
    blob = sqlite3_malloc64(sizeof *blob);
    if (blob == NULL)
        return compat_leave_own(db, compat_fail(db, SQLITE_NOMEM, "out of memory"));
    st = velo_blob_open(db->core, schema, table, column, rowid, is_writing, &blob->core);
    if (st != VELO_OK) {
        sqlite3_free(blob);
        return compat_leave(db, (int)st);
    }
    blob->db = db;
    blob->code = SQLITE_OK;
    db->blob_count++;
    *out = blob;
    return compat_leave(db, SQLITE_OK);
}

int
sqlite3_blob_reopen(sqlite3_blob *blob, sqlite3_int64 rowid)
{
    if (blob == NULL)
        return compat_misuse();
    compat_lock(blob->db);
    return compat_leave(blob->db, (int)velo_blob_reopen(blob->core, rowid));
}

int
sqlite3_blob_close(sqlite3_blob *blob)
{
    sqlite3 *db;
    int code;

    if (blob == NULL)
        return SQLITE_OK;
    db = blob->db;
    code = blob->code;
    compat_lock(db);
    velo_blob_close(blob->core);
    sqlite3_free(blob);
    db->blob_count--;
    if (db->life == COMPAT_ZOMBIE && db->statements == NULL && db->blob_count == 0) {
        compat_bury(db);
        return code & 0xff;
    }
    return compat_leave(db, code);
}

int
sqlite3_blob_bytes(sqlite3_blob *blob)
{
    return blob == NULL ? 0 : (int)velo_blob_bytes(blob->core);
}

int
sqlite3_blob_read(sqlite3_blob *blob, void *to, int size, int offset)
{
    if (blob == NULL)
        return compat_misuse();
    compat_lock(blob->db);
    return compat_leave(blob->db, (int)velo_blob_read(blob->core, to, size, offset));
}

int
sqlite3_blob_write(sqlite3_blob *blob, const void *from, int size, int offset)
{
    int code;

    if (blob == NULL)
        return compat_misuse();
    compat_lock(blob->db);
    code = (int)velo_blob_write(blob->core, from, size, offset);
    blob->code = code == SQLITE_ERROR || code == SQLITE_ABORT ? SQLITE_OK : code;
    return compat_leave(blob->db, code);
}
