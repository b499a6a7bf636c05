/* backup.c - the shell's database copied to a file, and one from a file. */
#define _GNU_SOURCE
#include "backup.h"
#include "interrupt.h"

#include <string.h>
#include <unistd.h>

/* Pages of a step: between two looks at Ctrl-C. */
#define BACKUP_PAGES 200

/* Whether this is longer work than a person wants to look at without a word. */
static void
backup_show(const velo_backup *backup)
{
    int64_t count = velo_backup_page_count(backup);

    if (isatty(STDERR_FILENO))
        (void)fprintf(stderr, "\r%lld of about %lld pages ",
                      (long long)(count - velo_backup_remaining(backup)), (long long)count);
}

/* Copy all of `from` to `to`; what fails is said with the words of `to`. */
static int
backup_run(shell *of, velo_connection *to, const char *to_name, velo_connection *from,
           const char *from_name)
{
    velo_backup *backup = NULL;
    velo_status status = velo_backup_begin(to, to_name, from, from_name, &backup);
    int was_shown = 0;

    while (status == VELO_OK) {
        status = velo_backup_step(backup, BACKUP_PAGES);
        if (status != VELO_OK)
            break;
        backup_show(backup);
        was_shown = 1;
        if (interrupt_count() > 0)
            status = VELO_INTERRUPT;
    }
    if (was_shown && isatty(STDERR_FILENO))
        (void)fprintf(stderr, "\r%60s\r", "");
    if (status == VELO_INTERRUPT)
        (void)shell_fail(of, "Error: interrupted\n");
    else if (status != VELO_DONE)
        (void)shell_fail(of, "Error: %s\n", velo_error_text(to));
    (void)velo_backup_end(backup);
    return status != VELO_DONE;
}

/* Open the file of the other side. */
static int
backup_open(shell *of, const char *path, int must_exist, velo_connection **file)
{
    velo_open_options options = {.size = sizeof options, .must_exist = must_exist};

    if (shell_connect(of))
        return 1;
    if (velo_open(path, &options, file) == VELO_OK)
        return 0;
    (void)shell_fail(of, "Error: cannot open \"%s\": %s\n", path, velo_error_text(*file));
    (void)velo_close(*file);
    return 1;
}

int
backup_save(shell *of, const char *name, const char *path)
{
    velo_connection *file = NULL;
    int has_failed;

    if (backup_open(of, path, 0, &file))
        return 1;
    has_failed = backup_run(of, file, "main", of->connection, name);
    if (velo_close(file) != VELO_OK && !has_failed)
        has_failed = shell_fail(of, "Error: cannot write \"%s\"\n", path);
    return has_failed;
}

int
backup_restore(shell *of, const char *name, const char *path)
{
    velo_connection *file = NULL;
    int has_failed;

    if (backup_open(of, path, 1, &file))
        return 1;
    has_failed = backup_run(of, of->connection, name, file, "main");
    (void)velo_close(file); /* it was only read */
    return has_failed;
}
