/* convert.c - databases of SQLite's: converting files, and reading one into the open database.
 *
 * Invariants
 *   V1  A file that exists is never written: neither what is converted, nor one in its way. */
#define _GNU_SOURCE
#include "convert.h"
#include "interrupt.h"
#include "text.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How often progress is shown. */
#define CONVERT_SHOW_MS 200

/* Progress on a terminal. */
typedef struct convert_shown {
    const char *unit; /* of what is counted */
    int is_shown;     /* stderr is a terminal */
    int64_t last_ms;  /* when it was shown last; 0: never */
} convert_shown;

static int64_t
convert_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* velo_progress: ended by Ctrl-C. */
static int
convert_show(void *user, uint64_t done, uint64_t total)
{
    convert_shown *shown = user;
    int64_t now_ms = convert_now_ms();

    if (shown->is_shown && now_ms - shown->last_ms >= CONVERT_SHOW_MS) {
        shown->last_ms = now_ms;
        if (total != 0)
            (void)fprintf(stderr, "\r%llu of about %llu %s ", (unsigned long long)done,
                          (unsigned long long)total, shown->unit);
        else
            (void)fprintf(stderr, "\r%llu %s ", (unsigned long long)done, shown->unit);
    }
    return interrupt_count() > 0;
}

static convert_shown
convert_begin_showing(const char *unit)
{
    convert_shown shown = {unit, isatty(STDERR_FILENO), 0};

    return shown;
}

static void
convert_end_showing(const convert_shown *shown)
{
    if (shown->last_ms != 0)
        (void)fprintf(stderr, "\r%60s\r", "");
}

int
convert_import(shell *of, const char *path)
{
    convert_shown shown = convert_begin_showing("pages");
    velo_status status;

    if (shell_connect(of))
        return 1;
    status = velo_import_sqlite(of->connection, path, convert_show, &shown);
    convert_end_showing(&shown);
    if (status == VELO_OK)
        return 0;
    return shell_fail(of, "Error: %s\n", velo_error_text(of->connection));
}

static int
convert_fail(const char *path, const char *reason)
{
    (void)fprintf(stderr, "velocidb: %s: %s\n", path, reason);
    return 1;
}

/* Take away what a conversion that failed has made. keeps V1: it was not there before */
static void
convert_clean(const char *to)
{
    text log = {0};

    text_add_format(&log, "%s-wal", to);
    (void)unlink(to);
    (void)unlink(text_string(&log));
    text_free(&log);
}

/* From SQLite's to ours. */
static int
convert_from_sqlite(const char *from, const char *to)
{
    convert_shown shown = convert_begin_showing("pages");
    velo_connection *connection = NULL;
    velo_status status = velo_open(to, NULL, &connection);
    int has_failed = 0;

    if (status == VELO_OK)
        status = velo_import_sqlite(connection, from, convert_show, &shown);
    convert_end_showing(&shown);
    if (status != VELO_OK)
        has_failed = convert_fail(from, velo_error_text(connection));
    status = velo_close(connection);
    if (status != VELO_OK && !has_failed)
        has_failed = convert_fail(to, velo_status_text(status));
    if (has_failed)
        convert_clean(to);
    return has_failed;
}

/* From ours to SQLite's. */
static int
convert_to_sqlite(const char *from, const char *to)
{
    convert_shown shown = convert_begin_showing("rows and entries");
    velo_open_options options = {.size = sizeof options, .must_exist = 1};
    velo_connection *connection = NULL;
    velo_status status = velo_open(from, &options, &connection);
    int has_failed = 0;

    if (status == VELO_OK)
        status = velo_export_sqlite(connection, to, convert_show, &shown);
    convert_end_showing(&shown);
    if (status != VELO_OK)
        has_failed = convert_fail(from, velo_error_text(connection));
    (void)velo_close(connection); /* it was only read */
    return has_failed;
}

int
convert_run(const char *from, const char *to)
{
    interrupt_install();
    if (access(from, R_OK) != 0)
        return convert_fail(from, strerror(errno));
    if (access(to, F_OK) == 0)
        return convert_fail(to, "is there already");
    return velo_is_sqlite_file(from) ? convert_from_sqlite(from, to) : convert_to_sqlite(from, to);
}
