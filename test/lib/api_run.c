/* api_run.c - see api_run.h. */
#include "lib/api_run.h"

#include "base/alloc.h"
#include "lib/unit.h"

#include <stdio.h>
#include <string.h>

/* More failures than any statement under test has. */
#define API_RUN_FAILURES 20000U
/* How often a database that is being written is copied before its background work must be done. */
#define API_RUN_COPIES 1000U

velo_connection *
api_run_open(const char *name)
{
    velo_connection *connection = NULL;

    if (velo_open(name == NULL ? NULL : unit_path(name), NULL, &connection) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "%s", velo_error_text(connection));
    return connection;
}

typedef struct api_run_rows {
    char text[60000];
    size_t size;
} api_run_rows;

static int
api_run_take_row(void *user, int count, const char *const *values, const char *const *names)
{
    api_run_rows *rows = user;

    (void)names;
    for (int i = 0; i < count && rows->size < sizeof rows->text; i++)
        rows->size +=
            (size_t)snprintf(rows->text + rows->size, sizeof rows->text - rows->size, "%s%s",
                             i > 0            ? ","
                             : rows->size > 0 ? "|"
                                              : "",
                             values[i] == NULL ? "~" : values[i]);
    return 0;
}

const char *
api_run(velo_connection *connection, const char *sql)
{
    static api_run_rows rows;

    rows.size = 0;
    rows.text[0] = 0;
    if (velo_exec(connection, sql, api_run_take_row, &rows) != VELO_OK)
        (void)snprintf(rows.text, sizeof rows.text, "!%s", velo_error_text(connection));
    return rows.text;
}

static void
api_run_copy_file(const char *from, const char *to)
{
    char bytes[4096];
    FILE *in = fopen(from, "rb");
    FILE *out = fopen(to, "wb");
    size_t size;

    if (in == NULL || out == NULL)
        unit_failed(__FILE__, __LINE__, "cannot copy %s", from);
    do {
        size = in != NULL && out != NULL ? fread(bytes, 1, sizeof bytes, in) : 0;
        if (size > 0 && fwrite(bytes, 1, size, out) != size)
            unit_failed(__FILE__, __LINE__, "cannot write %s", to);
    } while (size == sizeof bytes);
    if (in != NULL)
        (void)fclose(in);
    if (out != NULL && fclose(out) != 0)
        unit_failed(__FILE__, __LINE__, "cannot write %s", to);
}

/* Whether two files hold the same bytes. */
static int
api_run_same_files(const char *one, const char *other)
{
    FILE *files[2] = {fopen(one, "rb"), fopen(other, "rb")};
    char bytes[2][4096];
    size_t sizes[2] = {0, 0};
    int is_same = files[0] != NULL && files[1] != NULL;

    do {
        for (int i = 0; is_same && i < 2; i++)
            sizes[i] = fread(bytes[i], 1, sizeof bytes[i], files[i]);
        is_same = is_same && sizes[0] == sizes[1] && memcmp(bytes[0], bytes[1], sizes[0]) == 0;
    } while (is_same && sizes[0] == sizeof bytes[0]);
    for (int i = 0; i < 2; i++)
        if (files[i] != NULL)
            (void)fclose(files[i]);
    return is_same;
}

/* A crash leaves both files as they are at one moment, and a checkpoint that ends between the two
 * copies gives the part of the log away that the copied file needs: as long as the file has changed
 * meanwhile, both are copied again. */
void
api_run_copy(const char *from, const char *to)
{
    char source[600], target[600], source_log[610], target_log[610];

    (void)snprintf(source, sizeof source, "%s", unit_path(from));
    (void)snprintf(target, sizeof target, "%s", unit_path(to));
    (void)snprintf(source_log, sizeof source_log, "%s-wal", source);
    (void)snprintf(target_log, sizeof target_log, "%s-wal", target);
    for (unsigned i = 0; i < API_RUN_COPIES; i++) {
        api_run_copy_file(source, target);
        api_run_copy_file(source_log, target_log);
        if (api_run_same_files(source, target))
            return;
    }
    unit_failed(__FILE__, __LINE__, "%s does not keep still", from);
}

unsigned
api_run_each_failure(velo_connection *connection, const char *sql, unsigned stride,
                     const char *probe, const char *wanted)
{
    vl_allocator *allocator = vl_allocator_default();
    unsigned count = 0;

    for (unsigned nth = 1; nth < API_RUN_FAILURES; nth += stride, count++) {
        const char *got;

        vl_allocator_fail_nth(allocator, nth, 1);
        got = api_run(connection, sql);
        vl_allocator_fail_nth(allocator, 0, 0);
        if (got[0] != '!')
            return count;
        if (velo_error_code(connection) != VELO_NOMEM) {
            unit_failed(__FILE__, __LINE__, "request %u: %s", nth, got);
            return 0;
        }
        got = api_run(connection, probe);
        if (strcmp(got, wanted) != 0) {
            unit_failed(__FILE__, __LINE__, "request %u: \"%s\" after the failure, not \"%s\"", nth,
                        got, wanted);
            return 0;
        }
    }
    unit_failed(__FILE__, __LINE__, "%s: there is always one more request", sql);
    return 0;
}
