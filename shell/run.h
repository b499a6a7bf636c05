/* run.h - running SQL in the shell: statements, their results, and what is said about errors. */
#ifndef VELO_SHELL_RUN_H
#define VELO_SHELL_RUN_H

#include "shell.h"
#include "text.h"

/* Where SQL comes from: it decides how errors are introduced. */
typedef enum run_source {
    RUN_SCRIPT,  /* "Parse error near line 3: ..." */
    RUN_PERSON,  /* "Parse error: ..." */
    RUN_ARGUMENT /* "Error: in prepare, ..." */
} run_source;

/* Run all statements of a text, up to the first error. `line` is that of its beginning. */
int run_sql(shell *of, const char *sql, run_source source, uint64_t line);

/* Run one statement of the shell's own, with a text as its first parameter if it has one (NULL
 * allowed), and give each row to `row`, which returns 0 to go on. What fails is said. */
typedef int run_row(void *user, velo_statement *statement);
int run_query(shell *of, const char *sql, const char *parameter, run_row *row, void *user);

/* Two lines that show where in a statement an error is: its text around `offset` and an arrow
 * below. Nothing when the offset is not in the text. */
void run_add_context(text *to, const char *sql, int offset);

/* The values of a statement's row; `values` has room for all its columns. */
void run_read_row(velo_statement *statement, mode_value *values);

#endif
