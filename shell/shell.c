/* shell.c - the state of the shell. */
#define _GNU_SOURCE
#include "shell.h"
#include "interrupt.h"
#include "memory.h"
#include "parameter.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* The texts of the settings are the shell's own. */
static void
shell_tie_settings(shell *of)
{
    of->settings.null_text = of->null_text;
    of->settings.column_separator = of->column_separator;
    of->settings.row_separator = of->row_separator;
    of->settings.table = of->table;
    of->settings.widths = of->widths;
}

void
shell_init(shell *of)
{
    *of = (shell){0};
    of->path = memory_copy_text(":memory:");
    of->settings.kind = MODE_LIST;
    of->null_text = memory_copy_text("");
    of->column_separator = memory_copy_text("|");
    of->row_separator = memory_copy_text("\n");
    of->table = memory_copy_text("table");
    of->prompt = memory_copy_text("velocidb> ");
    of->prompt_more = memory_copy_text("   ...> ");
    of->out = stdout;
    of->out_name = memory_copy_text("stdout");
    shell_tie_settings(of);
}

int
shell_fail(shell *of, const char *format, ...)
{
    va_list arguments;

    (void)fflush(of->out);
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    of->error_count++;
    return 1;
}

/* ---- the database ---- */

static int
shell_close(shell *of)
{
    velo_connection *connection = of->connection;
    velo_status status;

    interrupt_watch(NULL);
    of->connection = NULL;
    status = velo_close(connection);
    if (status == VELO_OK)
        return 0;
    return shell_fail(of, "Error: closing \"%s\": %s\n", of->path, velo_status_text(status));
}

/* Open a database and make it the shell's. */
static velo_status
shell_open_path(shell *of, const char *path)
{
    velo_open_options options = {0};
    velo_status status;

    options.size = sizeof options;
    options.is_read_only = of->is_read_only;
    options.must_exist = of->is_read_only;
    status = velo_open(path, &options, &of->connection);
    if (status != VELO_OK) {
        (void)shell_fail(of, "Error: unable to open database \"%s\": %s\n", path,
                         of->connection == NULL ? "out of memory"
                                                : velo_error_text(of->connection));
        (void)velo_close(of->connection); /* holds nothing but the error */
        of->connection = NULL;
        return status;
    }
    velo_set_busy_timeout(of->connection, of->timeout_ms);
    interrupt_watch(of->connection);
    return VELO_OK;
}

int
shell_open(shell *of, const char *path)
{
    char *wanted = memory_copy_text(path);
    int has_failed = of->connection != NULL && shell_close(of);

    memory_replace_text(&of->path, wanted);
    free(wanted);
    if (shell_open_path(of, of->path) == VELO_OK)
        return has_failed;
    memory_replace_text(&of->path, ":memory:");
    of->is_read_only = 0;
    (void)shell_open_path(of, of->path);
    return 1;
}

int
shell_connect(shell *of)
{
    return of->connection == NULL && shell_open_path(of, of->path) != VELO_OK;
}

/* ---- output ---- */

void
shell_write(void *user, const char *data, size_t size)
{
    shell *of = user;

    if (fwrite(data, 1, size, of->out) != size)
        of->has_out_failed = 1;
}

void
shell_print(shell *of, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    if (vfprintf(of->out, format, arguments) < 0)
        of->has_out_failed = 1;
    va_end(arguments);
}

/* End a redirection. */
static int
shell_restore_output(shell *of)
{
    int has_failed;

    if (of->out == stdout)
        return 0;
    has_failed = (of->is_out_pipe ? pclose(of->out) == -1 : fclose(of->out) != 0);
    if (has_failed || of->has_out_failed)
        (void)shell_fail(of, "Error: cannot write to \"%s\": %s\n", of->out_name, strerror(errno));
    has_failed |= of->has_out_failed;
    of->has_out_failed = 0;
    of->out = stdout;
    of->is_out_pipe = 0;
    of->once_left = 0;
    memory_replace_text(&of->out_name, "stdout");
    return has_failed;
}

int
shell_redirect(shell *of, const char *name, int is_once)
{
    FILE *out;

    if (shell_restore_output(of))
        return 1;
    if (name == NULL || strcmp(name, "stdout") == 0)
        return 0;
    (void)fflush(stdout);
    if (name[0] == '|')
        out = interrupt_popen(name + 1, "we");
    else
        out = strcmp(name, "off") == 0 ? fopen("/dev/null", "we") : fopen(name, "we");
    if (out == NULL && name[0] == '|')
        return shell_fail(of, "Error: cannot open pipe \"%s\"\n", name + 1);
    if (out == NULL)
        return shell_fail(of, "Error: cannot write to \"%s\"\n", name);
    of->out = out;
    of->is_out_pipe = name[0] == '|';
    of->once_left = is_once ? 2 : 0;
    memory_replace_text(&of->out_name, name);
    return 0;
}

void
shell_end_output(shell *of)
{
    if (fflush(of->out) != 0)
        of->has_out_failed = 1;
    if (of->once_left == 0)
        return;
    of->once_left--;
    if (of->once_left == 0)
        (void)shell_restore_output(of);
}

int
shell_deinit(shell *of)
{
    int has_failed = shell_restore_output(of);

    has_failed |= of->connection != NULL && shell_close(of);
    if (fflush(stdout) != 0 || ferror(stdout) || of->has_out_failed) {
        perror("velocidb: standard output");
        has_failed = 1;
    }
    parameter_unset(of, NULL);
    free(of->path);
    free(of->null_text);
    free(of->column_separator);
    free(of->row_separator);
    free(of->table);
    free(of->widths);
    free(of->prompt);
    free(of->prompt_more);
    free(of->out_name);
    *of = (shell){0};
    return has_failed;
}

/* ---- settings ---- */

void
shell_set_separators(shell *of, const char *column, const char *row)
{
    if (column != NULL)
        memory_replace_text(&of->column_separator, column);
    if (row != NULL)
        memory_replace_text(&of->row_separator, row);
    shell_tie_settings(of);
}

void
shell_set_widths(shell *of, const int *widths, size_t count)
{
    of->widths = memory_resize(of->widths, count * sizeof *widths);
    if (count != 0)
        memcpy(of->widths, widths, count * sizeof *widths);
    of->settings.width_count = count;
    shell_tie_settings(of);
}

int
shell_set_mode(shell *of, const char *name)
{
    static const struct {
        const char *name;   /* of the form, or of a short form of a name */
        const char *column; /* separators that belong to it; NULL: they stay */
        const char *row;    /* the same */
    } separators[] = {
        {"list", "|", "\n"},  {"csv", ",", "\r\n"},  {"quote", ",", "\n"},
        {"tcl", " ", "\n"},   {"tabs", "\t", NULL},  {"ascii", "\x1f", "\x1e"},
        {"line", NULL, "\n"}, {"lines", NULL, "\n"},
    };
    mode_kind kind = MODE_LIST;

    if (strcmp(name, "tabs") != 0 && !mode_find(name, &kind))
        return 0;
    for (size_t i = 0; i < sizeof separators / sizeof separators[0]; i++)
        if (strcmp(name, separators[i].name) == 0)
            shell_set_separators(of, separators[i].column, separators[i].row);
    if (kind == MODE_COLUMN && !of->has_chosen_headers)
        of->settings.has_headers = 1;
    of->settings.kind = kind;
    return 1;
}
