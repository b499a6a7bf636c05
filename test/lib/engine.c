/* engine.c - the same SQL on this library and on SQLite's. */
#include "lib/engine.h"

#include "velocidb.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX  4000U /* calls of the progress hook */
#define STEPS_EACH 1000

/* The calls of SQLite that are used here. */
typedef struct engine_library {
    int is_tried;
    int is_there;
    int (*version)(void);
    int (*open)(const char *path, void **database);
    int (*close)(void *database);
    int (*prepare)(void *database, const char *sql, int size, void **statement, const char **tail);
    int (*step)(void *statement);
    int (*finalize)(void *statement);
    const char *(*message)(void *database);
    int (*column_count)(void *statement);
    int (*column_type)(void *statement, int column);
    int64_t (*column_integer)(void *statement, int column);
    double (*column_real)(void *statement, int column);
    const void *(*column_blob)(void *statement, int column);
    int (*column_bytes)(void *statement, int column);
    void (*progress)(void *database, int steps, int (*hook)(void *user), void *user);
} engine_library;

struct engine {
    engine_kind kind;
    velo_connection *velo; /* or NULL */
    void *sqlite;          /* or NULL */
    unsigned steps;        /* calls of the hook in this run */
};

static engine_library library;

/* Find a function; what is not found makes the library absent. */
static void
library_find(void *handle, const char *name, void *to)
{
    void *found = dlsym(handle, name);

    if (found == NULL)
        library.is_there = 0;
    memcpy(to, &found, sizeof found); /* POSIX: a pointer to a function fits */
}

static int
library_load(void)
{
    void *handle;

    if (library.is_tried)
        return library.is_there;
    library.is_tried = 1;
    handle = dlopen("libsqlite3.so.0", RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL)
        return 0;
    library.is_there = 1;
    library_find(handle, "sqlite3_libversion_number", &library.version);
    library_find(handle, "sqlite3_open", &library.open);
    library_find(handle, "sqlite3_close", &library.close);
    library_find(handle, "sqlite3_prepare_v2", &library.prepare);
    library_find(handle, "sqlite3_step", &library.step);
    library_find(handle, "sqlite3_finalize", &library.finalize);
    library_find(handle, "sqlite3_errmsg", &library.message);
    library_find(handle, "sqlite3_column_count", &library.column_count);
    library_find(handle, "sqlite3_column_type", &library.column_type);
    library_find(handle, "sqlite3_column_int64", &library.column_integer);
    library_find(handle, "sqlite3_column_double", &library.column_real);
    library_find(handle, "sqlite3_column_blob", &library.column_blob);
    library_find(handle, "sqlite3_column_bytes", &library.column_bytes);
    library_find(handle, "sqlite3_progress_handler", &library.progress);
    return library.is_there;
}

int
engine_sqlite_version(void)
{
    return library_load() ? library.version() : 0;
}

static int
engine_progress(void *user)
{
    engine *on = user;

    return ++on->steps > STEPS_MAX;
}

engine *
engine_open(engine_kind kind)
{
    engine *on = calloc(1, sizeof *on);
    int is_open = 0;

    if (on == NULL)
        return NULL;
    on->kind = kind;
    if (kind == ENGINE_VELO) {
        is_open = velo_open(":memory:", NULL, &on->velo) == VELO_OK;
        if (is_open)
            velo_set_progress(on->velo, STEPS_EACH, engine_progress, on);
    } else if (library_load()) {
        is_open = library.open(":memory:", &on->sqlite) == 0;
        library.progress(on->sqlite, STEPS_EACH, engine_progress, on);
    }
    if (is_open)
        return on;
    engine_close(on);
    return NULL;
}

void
engine_close(engine *on)
{
    if (on == NULL)
        return;
    if (on->velo != NULL)
        (void)velo_close(on->velo);
    if (on->sqlite != NULL)
        (void)library.close(on->sqlite);
    free(on);
}

/* Room for one more row; NULL without memory. */
static engine_value *
answer_add(engine_answer *answer)
{
    size_t width = (size_t)answer->column_count;
    size_t count = answer->row_count;
    engine_value *row;

    if ((count & (count - 1)) == 0) { /* full: at each power of two */
        size_t room = count == 0 ? 1 : 2 * count;
        engine_value *values = realloc(answer->values, room * width * sizeof *values);

        if (values == NULL)
            return NULL;
        answer->values = values;
    }
    row = answer->values + count * width;
    memset(row, 0, width * sizeof *row);
    answer->row_count++;
    return row;
}

static void
value_keep(engine_value *value, const void *bytes, size_t size)
{
    value->bytes = calloc(size + 1, 1);
    if (value->bytes == NULL)
        return;
    if (size > 0)
        memcpy(value->bytes, bytes, size);
    value->size = size;
}

static void
velo_take(velo_statement *statement, int column, engine_value *value)
{
    value->type = (int)velo_column_type(statement, column);
    if (value->type == 1)
        value->integer = velo_column_int64(statement, column);
    else if (value->type == 2)
        value->real = velo_column_double(statement, column);
    else if (value->type == 3 || value->type == 4) {
        const void *bytes = velo_column_blob(statement, column);

        value_keep(value, bytes, (size_t)velo_column_bytes(statement, column));
    }
}

static void
sqlite_take(void *statement, int column, engine_value *value)
{
    value->type = library.column_type(statement, column);
    if (value->type == 1)
        value->integer = library.column_integer(statement, column);
    else if (value->type == 2)
        value->real = library.column_real(statement, column);
    else if (value->type == 3 || value->type == 4) {
        const void *bytes = library.column_blob(statement, column);

        value_keep(value, bytes, (size_t)library.column_bytes(statement, column));
    }
}

static void
answer_fail(engine_answer *answer, int code, const char *message)
{
    answer->code = code & 0xff;
    (void)snprintf(answer->error, sizeof answer->error, "%s", message);
}

static void
velo_run(engine *on, const char *sql, engine_answer *answer)
{
    velo_statement *statement = NULL;
    velo_status st = velo_prepare(on->velo, sql, -1, &statement, NULL);

    if (st == VELO_OK)
        answer->column_count = velo_column_count(statement);
    while (st == VELO_OK && statement != NULL) {
        engine_value *row;

        st = velo_step(statement);
        if (st != VELO_ROW)
            break;
        row = answer_add(answer);
        for (int i = 0; row != NULL && i < answer->column_count; i++)
            velo_take(statement, i, &row[i]);
        st = row != NULL ? VELO_OK : VELO_NOMEM;
    }
    if (st != VELO_OK && st != VELO_DONE)
        answer_fail(answer, (int)st, velo_error_text(on->velo));
    (void)velo_finalize(statement);
}

static void
sqlite_run(engine *on, const char *sql, engine_answer *answer)
{
    void *statement = NULL;
    int st = library.prepare(on->sqlite, sql, -1, &statement, NULL);

    if (st == VELO_OK)
        answer->column_count = library.column_count(statement);
    while (st == VELO_OK && statement != NULL) {
        engine_value *row;

        st = library.step(statement);
        if (st != VELO_ROW)
            break;
        row = answer_add(answer);
        for (int i = 0; row != NULL && i < answer->column_count; i++)
            sqlite_take(statement, i, &row[i]);
        st = row != NULL ? VELO_OK : VELO_NOMEM;
    }
    if (st != VELO_OK && st != VELO_DONE)
        answer_fail(answer, st, library.message(on->sqlite));
    (void)library.finalize(statement);
}

void
engine_run(engine *on, const char *sql, engine_answer *answer)
{
    memset(answer, 0, sizeof *answer);
    on->steps = 0;
    if (on->kind == ENGINE_VELO)
        velo_run(on, sql, answer);
    else
        sqlite_run(on, sql, answer);
}

void
engine_answer_free(engine_answer *answer)
{
    for (size_t i = 0; i < answer->row_count * (size_t)answer->column_count; i++)
        free(answer->values[i].bytes);
    free(answer->values);
    memset(answer, 0, sizeof *answer);
}

/* Whether two numbers are the same to about 12 digits. */
static int
real_same(double a, double b)
{
    double larger = fabs(a) > fabs(b) ? fabs(a) : fabs(b);

    if (isinf(a) || isinf(b))
        return isinf(a) && isinf(b) && signbit(a) == signbit(b);
    return fabs(a - b) <= larger * 1e-12;
}

static unsigned char
byte_lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

int
engine_same(const engine_value *a, const engine_value *b, int is_loose)
{
    if (is_loose && a->type <= 2 && b->type <= 2 && a->type != b->type)
        return real_same(a->type == 1 ? (double)a->integer : a->real,
                         b->type == 1 ? (double)b->integer : b->real);
    if (a->type != b->type || a->size != b->size)
        return 0;
    if (a->type == 1)
        return a->integer == b->integer;
    if (a->type == 2)
        return real_same(a->real, b->real);
    for (size_t i = 0; i < a->size; i++)
        if (is_loose ? byte_lower(a->bytes[i]) != byte_lower(b->bytes[i])
                     : a->bytes[i] != b->bytes[i])
            return 0;
    return 1;
}

void
engine_write(const engine_value *value, char *text, size_t room)
{
    size_t at = 0;

    if (value->type == 1)
        (void)snprintf(text, room, "%lld", (long long)value->integer);
    else if (value->type == 2)
        (void)snprintf(text, room, "%.15g%s", value->real,
                       isfinite(value->real) && value->real == rint(value->real) ? " (real)" : "");
    else if (value->type == 3)
        (void)snprintf(text, room, "'%s'", value->bytes);
    else if (value->type == 5)
        (void)snprintf(text, room, "NULL");
    else {
        at = (size_t)snprintf(text, room, "x'");
        for (size_t i = 0; i < value->size && at + 4 < room; i++)
            at += (size_t)snprintf(text + at, room - at, "%02x", (unsigned char)value->bytes[i]);
        (void)snprintf(text + at, room - at, "'");
    }
}
