/* shell.h - the state of the shell: a connection, how results look, and where they go.
 *
 * All functions belong to the thread that runs the shell. Messages of errors go to stderr; what an
 * error is about is said once, where it was found. Functions return 0, or 1 after an error that was
 * said. */
#ifndef VELO_SHELL_SHELL_H
#define VELO_SHELL_SHELL_H

#include "mode.h"
#include "velocidb.h"

#include <stdint.h>
#include <stdio.h>

typedef struct shell {
    velo_connection *connection; /* NULL until it is needed (shell_connect) */
    char *path;                  /* of the database, or ":memory:"; owned */
    int is_read_only;            /* open databases for reading only */
    int timeout_ms;              /* busy timeout for connections */

    mode_settings settings; /* how results look; its texts are these: */
    char *null_text;        /* owned */
    char *column_separator; /* owned */
    char *row_separator;    /* owned */
    char *table;            /* owned */
    int *widths;            /* owned */
    int has_chosen_headers; /* .headers was used: .mode column does not turn them on */

    int echoes;         /* print what is run */
    int bails;          /* stop at the first error */
    int times;          /* print the time of each statement */
    int counts_changes; /* print the number of changed rows after each statement */
    int shows_plans;    /* print the plan of each statement before it runs */
    int shows_numbers;  /* print numbers about each statement and the database behind it */
    struct shell_parameter *parameters; /* values for parameters (parameter.h); owned */
    int is_interactive;                 /* a person sits in front of it */
    char *prompt;      /* of a statement's first line, and of further lines; owned */
    char *prompt_more; /* owned */

    FILE *out;          /* where results go: stdout, a file or a pipe */
    char *out_name;     /* as .output was given it, "stdout" at first; owned */
    int is_out_pipe;    /* out is a pipe to a command */
    int once_left;      /* calls of shell_end_output until results go to stdout again; 0: none */
    int has_out_failed; /* some output could not be written */

    unsigned read_depth;  /* scripts that are being read, one by the other */
    uint64_t error_count; /* errors so far */
    int wants_end;        /* .quit or .exit was used */
    int exit_code;        /* .exit's */
} shell;

void shell_init(shell *of);

/* Close everything. Returns 1 when something could not be written. */
int shell_deinit(shell *of);

/* Open `path` in place of what is open; without success an empty database in memory takes its
 * place. */
int shell_open(shell *of, const char *path);

/* Have a connection: open `path` of the shell now, if that was not done yet. */
int shell_connect(shell *of);

/* Say an error as the format and its arguments give it, and count it. Returns 1. */
int shell_fail(shell *of, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/* Write results; failures are remembered and said by shell_deinit. shell_write is a mode_write for
 * a `user` that is the shell. */
void shell_write(void *user, const char *data, size_t size);
void shell_print(shell *of, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/* Send results to a file, or to a command when the name begins with "|"; NULL or "stdout" for
 * stdout, "off" for nowhere. `is_once`: only those of the next statement or command, behind the
 * command that says so. */
int shell_redirect(shell *of, const char *name, int is_once);

/* After statements or a command: flush results, and end a redirection that was for these. */
void shell_end_output(shell *of);

/* Set the separators, the width of columns. */
void shell_set_separators(shell *of, const char *column, const char *row);
void shell_set_widths(shell *of, const int *widths, size_t count);

/* Change the form of results, by the name that .mode takes; with what belongs to it. Returns 0
 * when there is no such form. */
int shell_set_mode(shell *of, const char *name);

#endif
