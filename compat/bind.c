/* bind.c - values for parameters.
 *
 * Bytes with a destructor are copied and given back at once: nobody can tell the difference, since
 * a destructor may be called at any time after the call. */
#include "compat_int.h"

#include <string.h>

/* Whether bytes are the application's to keep alive. */
static velo_lifetime
bind_lifetime(sqlite3_destructor_type destroy)
{
    return destroy == SQLITE_STATIC ? VELO_BORROW : VELO_COPY;
}

static int
bind_enter(sqlite3_stmt *stmt)
{
    if (stmt == NULL || stmt->db == NULL)
        return 0;
    compat_lock(stmt->db);
    return 1;
}

/* Bind bytes in UTF-8, or a blob; size is known. */
static int
bind_bytes(sqlite3_stmt *stmt, int index, int is_text, const void *data, sqlite3_uint64 size,
           sqlite3_destructor_type destroy)
{
    velo_lifetime lifetime = bind_lifetime(destroy);
    velo_status st;
    int code;

    if (!bind_enter(stmt)) {
        compat_give_back(data, destroy);
        return compat_misuse();
    }
    if (data != NULL && size > (sqlite3_uint64)stmt->db->limits[SQLITE_LIMIT_LENGTH])
        code = compat_leave_own(stmt->db,
                                compat_fail(stmt->db, SQLITE_TOOBIG, "string or blob too big"));
    else {
        st = is_text ? velo_bind_text(stmt->core, index, data, (int64_t)size, lifetime)
                     : velo_bind_blob(stmt->core, index, data, (int64_t)size, lifetime);
        code = compat_leave(stmt->db, (int)st);
    }
    compat_give_back(data, destroy);
    return code;
}

int
sqlite3_bind_text(sqlite3_stmt *stmt, int index, const char *text, int size,
                  void (*destroy)(void *))
{
    sqlite3_uint64 length = text == NULL ? 0 : size < 0 ? strlen(text) : (sqlite3_uint64)size;

    return bind_bytes(stmt, index, 1, text, length, destroy);
}

static int
bind_text16(sqlite3_stmt *stmt, int index, const void *text, int64_t size, int is_big,
            sqlite3_destructor_type destroy)
{
    int64_t length = 0;
    char *text8 = NULL;
    int code;

    if (text != NULL) {
        text8 = compat_from_utf16(text, size, is_big, &length);
        if (text8 == NULL) {
            compat_give_back(text, destroy);
            if (!bind_enter(stmt))
                return compat_misuse();
            return compat_leave_own(stmt->db, compat_fail(stmt->db, SQLITE_NOMEM, "out of memory"));
        }
    }
    code = bind_bytes(stmt, index, 1, text8, (sqlite3_uint64)length, SQLITE_TRANSIENT);
    sqlite3_free(text8);
    compat_give_back(text, destroy);
    return code;
}

int
sqlite3_bind_text16(sqlite3_stmt *stmt, int index, const void *text, int size,
                    void (*destroy)(void *))
{
    return bind_text16(stmt, index, text, size, compat_machine_is_big(), destroy);
}

int
sqlite3_bind_text64(sqlite3_stmt *stmt, int index, const char *text, sqlite3_uint64 size,
                    void (*destroy)(void *), unsigned char encoding)
{
    if (encoding == SQLITE_UTF8)
        return bind_bytes(stmt, index, 1, text, size, destroy);
    if (size > COMPAT_LENGTH_MAX) {
        compat_give_back(text, destroy);
        if (!bind_enter(stmt))
            return compat_misuse();
        return compat_leave_own(stmt->db,
                                compat_fail(stmt->db, SQLITE_TOOBIG, "string or blob too big"));
    }
    return bind_text16(stmt, index, text, (int64_t)size,
                       encoding == SQLITE_UTF16BE ||
                           (encoding != SQLITE_UTF16LE && compat_machine_is_big()),
                       destroy);
}

int
sqlite3_bind_blob(sqlite3_stmt *stmt, int index, const void *data, int size,
                  void (*destroy)(void *))
{
    if (size < 0) {
        compat_give_back(data, destroy);
        return compat_misuse();
    }
    return bind_bytes(stmt, index, 0, data, (sqlite3_uint64)size, destroy);
}

int
sqlite3_bind_blob64(sqlite3_stmt *stmt, int index, const void *data, sqlite3_uint64 size,
                    void (*destroy)(void *))
{
    return bind_bytes(stmt, index, 0, data, size, destroy);
}

int
sqlite3_bind_zeroblob64(sqlite3_stmt *stmt, int index, sqlite3_uint64 size)
{
    void *zeros = NULL;
    int code;

    if (size > 0 && size <= COMPAT_LENGTH_MAX) {
        zeros = sqlite3_malloc64(size);
        if (zeros == NULL) {
            if (!bind_enter(stmt))
                return compat_misuse();
            return compat_leave_own(stmt->db, compat_fail(stmt->db, SQLITE_NOMEM, "out of memory"));
        }
        memset(zeros, 0, size);
    }
    code = bind_bytes(stmt, index, 0, zeros == NULL ? "" : zeros, size, SQLITE_TRANSIENT);
    sqlite3_free(zeros);
    return code;
}

int
sqlite3_bind_zeroblob(sqlite3_stmt *stmt, int index, int size)
{
    return sqlite3_bind_zeroblob64(stmt, index, size < 0 ? 0 : (sqlite3_uint64)size);
}

int
sqlite3_bind_null(sqlite3_stmt *stmt, int index)
{
    if (!bind_enter(stmt))
        return compat_misuse();
    return compat_leave(stmt->db, (int)velo_bind_null(stmt->core, index));
}

int
sqlite3_bind_int64(sqlite3_stmt *stmt, int index, sqlite3_int64 value)
{
    if (!bind_enter(stmt))
        return compat_misuse();
    return compat_leave(stmt->db, (int)velo_bind_int64(stmt->core, index, value));
}

int
sqlite3_bind_int(sqlite3_stmt *stmt, int index, int value)
{
    return sqlite3_bind_int64(stmt, index, value);
}

int
sqlite3_bind_double(sqlite3_stmt *stmt, int index, double value)
{
    if (!bind_enter(stmt))
        return compat_misuse();
    return compat_leave(stmt->db, (int)velo_bind_double(stmt->core, index, value));
}

int
sqlite3_bind_value(sqlite3_stmt *stmt, int index, const sqlite3_value *value)
{
    if (!bind_enter(stmt))
        return compat_misuse();
    if (value == NULL || value->core == NULL)
        return compat_leave(stmt->db, (int)velo_bind_null(stmt->core, index));
    return compat_leave(stmt->db, (int)velo_bind_value(stmt->core, index, value->core));
}

int
sqlite3_bind_pointer(sqlite3_stmt *stmt, int index, void *pointer, const char *type,
                     void (*destroy)(void *))
{
    if (!bind_enter(stmt)) {
        if (destroy != NULL)
            destroy(pointer);
        return compat_misuse();
    }
    return compat_leave(stmt->db,
                        (int)velo_bind_pointer(stmt->core, index, pointer, type, destroy));
}

/* ---- names and counts ---- */

int
sqlite3_bind_parameter_count(sqlite3_stmt *stmt)
{
    return stmt == NULL ? 0 : velo_parameter_count(stmt->core);
}

const char *
sqlite3_bind_parameter_name(sqlite3_stmt *stmt, int index)
{
    return stmt == NULL ? NULL : velo_parameter_name(stmt->core, index);
}

int
sqlite3_bind_parameter_index(sqlite3_stmt *stmt, const char *name)
{
    return stmt == NULL || name == NULL ? 0 : velo_parameter_index(stmt->core, name);
}

int
sqlite3_clear_bindings(sqlite3_stmt *stmt)
{
    if (!bind_enter(stmt))
        return compat_misuse();
    velo_clear_bindings(stmt->core);
    compat_unlock(stmt->db);
    return SQLITE_OK;
}

int
sqlite3_transfer_bindings(sqlite3_stmt *from, sqlite3_stmt *to)
{
    (void)from;
    return to == NULL ? compat_misuse() : compat_refuse(to->db, "sqlite3_transfer_bindings");
}
