/* value.c - values by themselves: of rows, of arguments, and copies.
 *
 * A value without a core value is NULL. */
#include "compat_int.h"

#include <string.h>

int
sqlite3_value_type(sqlite3_value *value)
{
    return value == NULL || value->core == NULL ? SQLITE_NULL : (int)velo_value_type(value->core);
}

sqlite3_int64
sqlite3_value_int64(sqlite3_value *value)
{
    return value == NULL || value->core == NULL ? 0 : velo_value_int64(value->core);
}

int
sqlite3_value_int(sqlite3_value *value)
{
    return (int)sqlite3_value_int64(value);
}

double
sqlite3_value_double(sqlite3_value *value)
{
    return value == NULL || value->core == NULL ? 0.0 : velo_value_double(value->core);
}

const unsigned char *
sqlite3_value_text(sqlite3_value *value)
{
    return value == NULL || value->core == NULL
               ? NULL
               : (const unsigned char *)velo_value_text(value->core);
}

const void *
sqlite3_value_blob(sqlite3_value *value)
{
    return value == NULL || value->core == NULL ? NULL : velo_value_blob(value->core);
}

int
sqlite3_value_bytes(sqlite3_value *value)
{
    return value == NULL || value->core == NULL ? 0 : (int)velo_value_bytes(value->core);
}

int
sqlite3_value_numeric_type(sqlite3_value *value)
{
    return value == NULL || value->core == NULL ? SQLITE_NULL
                                                : (int)velo_value_numeric_type(value->core);
}

/* ---- UTF-16 ---- */

static const void *
value_text16(sqlite3_value *value, int is_big)
{
    const char *text = (const char *)sqlite3_value_text(value);

    if (text == NULL)
        return NULL;
    if (value->text16[is_big] == NULL)
        value->text16[is_big] =
            compat_to_utf16(text, velo_value_bytes(value->core), is_big, &value->size16[is_big]);
    return value->text16[is_big];
}

const void *
sqlite3_value_text16(sqlite3_value *value)
{
    return value_text16(value, compat_machine_is_big());
}

const void *
sqlite3_value_text16le(sqlite3_value *value)
{
    return value_text16(value, 0);
}

const void *
sqlite3_value_text16be(sqlite3_value *value)
{
    return value_text16(value, 1);
}

int
sqlite3_value_bytes16(sqlite3_value *value)
{
    return sqlite3_value_text16(value) == NULL ? 0 : value->size16[compat_machine_is_big()];
}

int
sqlite3_value_encoding(sqlite3_value *value)
{
    (void)value;
    return SQLITE_UTF8;
}

/* ---- what VelociDB's values do not have ---- */

void *
sqlite3_value_pointer(sqlite3_value *value, const char *type)
{
    return value == NULL || value->core == NULL ? NULL : velo_value_pointer(value->core, type);
}

unsigned int
sqlite3_value_subtype(sqlite3_value *value)
{
    return value == NULL || value->core == NULL ? 0 : velo_value_subtype(value->core);
}

int
sqlite3_value_nochange(sqlite3_value *value)
{
    return value != NULL && value->core != NULL && velo_value_is_unchanged(value->core);
}

int
sqlite3_value_frombind(sqlite3_value *value)
{
    return value != NULL && value->core != NULL && velo_value_is_parameter(value->core);
}

/* ---- copies ---- */

sqlite3_value *
sqlite3_value_dup(const sqlite3_value *value)
{
    sqlite3_value *copy;

    if (value == NULL)
        return NULL;
    copy = sqlite3_malloc64(sizeof *copy);
    if (copy == NULL)
        return NULL;
    memset(copy, 0, sizeof *copy);
    copy->is_own = 1;
    if (value->core != NULL) {
        copy->core = velo_value_copy(value->core);
        if (copy->core == NULL) {
            sqlite3_free(copy);
            return NULL;
        }
    }
    return copy;
}

void
sqlite3_value_free(sqlite3_value *value)
{
    velo_value *core;

    if (value == NULL || !value->is_own)
        return;
    core = value->core;
    compat_value_drop(value);
    velo_value_free(core);
    sqlite3_free(value);
}
