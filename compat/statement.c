/* statement.c - preparing, stepping and finalizing statements.
 *
 * Invariants
 *   SM1  A statement is in the list of its connection until it is finalized.
 *   SM2  What was handed out of a row (values, texts in UTF-16) is freed when the row is left. */
#include "compat_int.h"

#include <limits.h>
#include <string.h>

/* A text in UTF-16 that lives as long as its statement. */
struct compat_name {
    struct compat_name *next;
    char *name; /* in UTF-8 */
    void *text;
};

/* ---- the row's values ---- */

void
compat_value_drop(sqlite3_value *value)
{
    for (int i = 0; i < 2; i++) {
        sqlite3_free(value->text16[i]);
        value->text16[i] = NULL;
    }
    value->core = NULL;
}

void
compat_values_drop(sqlite3_stmt *stmt)
{
    if (stmt->values == NULL)
        return;
    for (int i = 0; i < stmt->value_count; i++)
        compat_value_drop(&stmt->values[i]);
    sqlite3_free(stmt->values);
    stmt->values = NULL;
}

const void *
compat_name16(sqlite3_stmt *stmt, const char *name)
{
    struct compat_name *item;

    if (name == NULL)
        return NULL;
    for (item = stmt->names; item != NULL; item = item->next)
        if (strcmp(item->name, name) == 0)
            return item->text;
    item = sqlite3_malloc64(sizeof *item);
    if (item == NULL)
        return NULL;
    item->name = compat_copy(name);
    item->text = compat_to_utf16(name, (int64_t)strlen(name), compat_machine_is_big(), NULL);
    if (item->name == NULL || item->text == NULL) {
        sqlite3_free(item->name);
        sqlite3_free(item->text);
        sqlite3_free(item);
        return NULL;
    }
    item->next = stmt->names;
    stmt->names = item;
    return item->text;
}

/* ---- preparing ---- */

/* Bytes of a text up to its zero, or `size`. */
static int64_t
statement_measure(const char *sql, int size)
{
    const char *end = size < 0 ? NULL : memchr(sql, 0, (size_t)size);

    if (size < 0)
        return (int64_t)strlen(sql);
    return end != NULL ? end - sql : size;
}

static int
statement_prepare(sqlite3 *db, const char *sql, int64_t size, int is_legacy, sqlite3_stmt **out,
                  const char **tail)
{
    sqlite3_stmt *stmt;
    velo_statement *core;
    velo_status st;

    if (compat_revive(db) != SQLITE_OK)
        return compat_leave_own(db, db->code);
    if (size > db->limits[SQLITE_LIMIT_SQL_LENGTH])
        return compat_leave_own(db, compat_fail(db, SQLITE_TOOBIG, "statement too long"));
    stmt = sqlite3_malloc64(sizeof *stmt);
    if (stmt == NULL)
        return compat_leave_own(db, compat_fail(db, SQLITE_NOMEM, "out of memory"));
    st = velo_prepare(db->core, sql, size, &core, tail);
    if (core == NULL) {
        sqlite3_free(stmt);
        return compat_leave(db, (int)st);
    }
    if (velo_parameter_count(core) > db->limits[SQLITE_LIMIT_VARIABLE_NUMBER]) {
        (void)velo_finalize(core);
        sqlite3_free(stmt);
        return compat_leave_own(db, compat_fail(db, SQLITE_ERROR, "too many SQL variables"));
    }
    memset(stmt, 0, sizeof *stmt);
    stmt->db = db;
    stmt->core = core;
    velo_statement_set_user(core, stmt);
    stmt->is_legacy = is_legacy;
    stmt->next = db->statements;
    if (stmt->next != NULL)
        stmt->next->prev = stmt;
    db->statements = stmt;
    *out = stmt;
    return compat_leave(db, (int)st);
}

static int
statement_prepare8(sqlite3 *db, const char *sql, int size, int is_legacy, sqlite3_stmt **out,
                   const char **tail)
{
    if (out == NULL)
        return compat_misuse();
    *out = NULL;
    if (sql == NULL || !compat_enter(db))
        return compat_misuse();
    if (tail != NULL)
        *tail = sql;
    return statement_prepare(db, sql, statement_measure(sql, size), is_legacy, out, tail);
}

int
sqlite3_prepare(sqlite3 *db, const char *sql, int size, sqlite3_stmt **stmt, const char **tail)
{
    return statement_prepare8(db, sql, size, 1, stmt, tail);
}

int
sqlite3_prepare_v2(sqlite3 *db, const char *sql, int size, sqlite3_stmt **stmt, const char **tail)
{
    return statement_prepare8(db, sql, size, 0, stmt, tail);
}

int
sqlite3_prepare_v3(sqlite3 *db, const char *sql, int size, unsigned int flags, sqlite3_stmt **stmt,
                   const char **tail)
{
    (void)flags; /* hints */
    return statement_prepare8(db, sql, size, 0, stmt, tail);
}

/* Bytes of UTF-16 that `size` bytes of well-formed UTF-8 stand for. */
static int64_t
statement_size16(const char *text, int64_t size)
{
    int64_t units = 0;

    for (int64_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];

        units += (c & 0xc0) == 0x80 ? 0 : c >= 0xf0 ? 2 : 1;
    }
    return units * 2;
}

/* Bytes of UTF-16 up to its zero, or `size`; nothing behind that is looked at. */
static int64_t
statement_measure16(const char *sql, int size)
{
    int64_t length = 0;

    if (size < 0)
        return compat_utf16_size(sql);
    while (length + 2 <= size && (sql[length] != 0 || sql[length + 1] != 0))
        length += 2;
    return length;
}

static int
statement_prepare16(sqlite3 *db, const void *sql, int size, int is_legacy, sqlite3_stmt **out,
                    const void **tail)
{
    const char *tail8 = NULL;
    int64_t length;
    char *sql8;
    int code;

    if (out == NULL)
        return compat_misuse();
    *out = NULL;
    if (sql == NULL || !compat_enter(db))
        return compat_misuse();
    length = statement_measure16(sql, size);
    sql8 = compat_from_utf16(sql, length, compat_machine_is_big(), NULL);
    if (sql8 == NULL)
        return compat_leave_own(db, compat_fail(db, SQLITE_NOMEM, "out of memory"));
    code = statement_prepare(db, sql8, (int64_t)strlen(sql8), is_legacy, out, &tail8);
    if (tail != NULL)
        *tail = (const char *)sql + (tail8 == NULL ? 0 : statement_size16(sql8, tail8 - sql8));
    sqlite3_free(sql8);
    return code;
}

int
sqlite3_prepare16(sqlite3 *db, const void *sql, int size, sqlite3_stmt **stmt, const void **tail)
{
    return statement_prepare16(db, sql, size, 1, stmt, tail);
}

int
sqlite3_prepare16_v2(sqlite3 *db, const void *sql, int size, sqlite3_stmt **stmt, const void **tail)
{
    return statement_prepare16(db, sql, size, 0, stmt, tail);
}

int
sqlite3_prepare16_v3(sqlite3 *db, const void *sql, int size, unsigned int flags,
                     sqlite3_stmt **stmt, const void **tail)
{
    (void)flags; /* hints */
    return statement_prepare16(db, sql, size, 0, stmt, tail);
}

/* ---- running ---- */

static int
statement_enter(sqlite3_stmt *stmt)
{
    if (stmt == NULL || stmt->db == NULL ||
        (stmt->db->life != COMPAT_OPEN && stmt->db->life != COMPAT_ZOMBIE))
        return 0;
    compat_lock(stmt->db);
    return 1;
}

int
sqlite3_step(sqlite3_stmt *stmt)
{
    velo_status st;
    int code;

    if (!statement_enter(stmt))
        return compat_misuse();
    if (stmt->values != NULL)
        compat_values_drop(stmt);
    st = velo_step(stmt->core);
    stmt->has_row = st == VELO_ROW;
    if (!velo_statement_is_busy(stmt->core))
        stmt->counts[SQLITE_STMTSTATUS_RUN]++;
    code = compat_leave(stmt->db, (int)st);
    if (stmt->is_legacy && code != SQLITE_ROW && code != SQLITE_DONE && code != SQLITE_BUSY &&
        code != SQLITE_MISUSE)
        return SQLITE_ERROR;
    return code;
}

int
sqlite3_reset(sqlite3_stmt *stmt)
{
    if (stmt == NULL)
        return SQLITE_OK;
    if (!statement_enter(stmt))
        return compat_misuse();
    compat_values_drop(stmt);
    stmt->has_row = 0;
    return compat_leave(stmt->db, (int)velo_reset(stmt->core));
}

int
sqlite3_finalize(sqlite3_stmt *stmt)
{
    sqlite3 *db;
    int code;

    if (stmt == NULL)
        return SQLITE_OK;
    if (!statement_enter(stmt))
        return compat_misuse();
    db = stmt->db;
    compat_values_drop(stmt);
    code = (int)velo_finalize(stmt->core);
    if (stmt->prev != NULL)
        stmt->prev->next = stmt->next;
    else
        db->statements = stmt->next;
    if (stmt->next != NULL)
        stmt->next->prev = stmt->prev;
    sqlite3_free(stmt->normalized);
    while (stmt->names != NULL) {
        struct compat_name *name = stmt->names;

        stmt->names = name->next;
        sqlite3_free(name->name);
        sqlite3_free(name->text);
        sqlite3_free(name);
    }
    memset(stmt, 0, sizeof *stmt);
    sqlite3_free(stmt);
    if (db->life == COMPAT_ZOMBIE && db->statements == NULL && db->blob_count == 0) {
        compat_bury(db);
        return code & 0xff;
    }
    return compat_leave(db, code);
}

/* ---- what a statement is ---- */

const char *
sqlite3_sql(sqlite3_stmt *stmt)
{
    return stmt == NULL ? NULL : velo_statement_sql(stmt->core);
}

char *
sqlite3_expanded_sql(sqlite3_stmt *stmt)
{
    char *sql;
    char *copy;

    if (!statement_enter(stmt))
        return NULL;
    sql = velo_statement_expanded_sql(stmt->core);
    copy = compat_copy(sql);
    velo_free(sql);
    if (copy != NULL && strlen(copy) > (size_t)stmt->db->limits[SQLITE_LIMIT_LENGTH]) {
        sqlite3_free(copy);
        copy = NULL;
    }
    compat_unlock(stmt->db);
    return copy;
}

const char *
sqlite3_normalized_sql(sqlite3_stmt *stmt)
{
    if (!statement_enter(stmt))
        return NULL;
    if (stmt->normalized == NULL) {
        char *sql = velo_statement_normalized_sql(stmt->core);

        stmt->normalized = compat_copy(sql);
        velo_free(sql);
    }
    compat_unlock(stmt->db);
    return stmt->normalized;
}

int
sqlite3_stmt_explain(sqlite3_stmt *stmt, int mode)
{
    if (!statement_enter(stmt))
        return compat_misuse();
    if (mode < 0 || mode > 2 || stmt->is_legacy)
        return compat_leave_own(
            stmt->db, compat_fail(stmt->db, SQLITE_ERROR, "%s", sqlite3_errstr(SQLITE_ERROR)));
    if (sqlite3_stmt_isexplain(stmt) == mode)
        return compat_leave_own(stmt->db, SQLITE_OK);
    if (velo_statement_is_busy(stmt->core))
        return compat_leave_own(
            stmt->db, compat_fail(stmt->db, SQLITE_BUSY, "%s", sqlite3_errstr(SQLITE_BUSY)));
    compat_values_drop(stmt);
    return compat_leave(stmt->db, (int)velo_statement_set_explain(stmt->core, (velo_explain)mode));
}

int
sqlite3_stmt_readonly(sqlite3_stmt *stmt)
{
    return stmt == NULL || velo_statement_is_read_only(stmt->core);
}

int
sqlite3_stmt_isexplain(sqlite3_stmt *stmt)
{
    velo_explain kind = stmt == NULL ? VELO_EXPLAIN_NONE : velo_statement_get_explain(stmt->core);

    return kind == VELO_EXPLAIN_ANALYZE ? 0 : (int)kind; /* it does run the statement */
}

int
sqlite3_stmt_busy(sqlite3_stmt *stmt)
{
    return stmt != NULL && velo_statement_is_busy(stmt->core);
}

/* What the core has counted of an operation; negative: it is counted here, or not at all. */
static int64_t
statement_count(const sqlite3_stmt *stmt, int op)
{
    velo_statement_statistics found = {.size = sizeof found};

    (void)velo_statement_get_statistics(stmt->core, &found);
    switch (op) {
    case SQLITE_STMTSTATUS_FULLSCAN_STEP:
        return (int64_t)found.scanned;
    case SQLITE_STMTSTATUS_SORT:
        return (int64_t)found.sorts;
    case SQLITE_STMTSTATUS_VM_STEP:
        return (int64_t)found.steps;
    case SQLITE_STMTSTATUS_REPREPARE:
        return (int64_t)found.plans - 1;
    case SQLITE_STMTSTATUS_MEMUSED:
        return (int64_t)found.bytes;
    default:
        return -1;
    }
}

int
sqlite3_stmt_status(sqlite3_stmt *stmt, int op, int reset)
{
    int64_t count;

    if (stmt == NULL || (op != SQLITE_STMTSTATUS_MEMUSED &&
                         (op < 0 || op >= (int)(sizeof stmt->counts / sizeof stmt->counts[0]))))
        return 0;
    count = statement_count(stmt, op);
    if (op == SQLITE_STMTSTATUS_MEMUSED)
        return count > INT_MAX ? INT_MAX : (int)count;
    if (count < 0) { /* it is counted here */
        count = stmt->counts[op];
        stmt->counts[op] = reset ? 0 : stmt->counts[op];
        return (int)count;
    }
    count -= stmt->counts[op]; /* which has what was reset */
    stmt->counts[op] += reset ? count : 0;
    return count > INT_MAX ? INT_MAX : (int)count;
}

int
sqlite3_expired(sqlite3_stmt *stmt)
{
    return stmt == NULL;
}

sqlite3 *
sqlite3_db_handle(sqlite3_stmt *stmt)
{
    return stmt == NULL ? NULL : stmt->db;
}

sqlite3_stmt *
sqlite3_next_stmt(sqlite3 *db, sqlite3_stmt *stmt)
{
    sqlite3_stmt *next;

    if (!compat_enter(db))
        return NULL;
    next = stmt == NULL ? db->statements : stmt->next;
    compat_unlock(db);
    return next;
}
