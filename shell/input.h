/* input.h - reading what the shell is to do: scripts, and what a person types. */
#ifndef VELO_SHELL_INPUT_H
#define VELO_SHELL_INPUT_H

#include "shell.h"

/* Run a script that is open. Goes on behind errors, unless the shell bails. Returns 1 when there
 * was one. */
int input_run_stream(shell *of, FILE *in);

/* Run the script of a file, or what a command writes when the name begins with "|". */
int input_run_file(shell *of, const char *name);

/* Run what a person types, until the end of input, .quit, or Ctrl-C pressed twice. */
int input_run_person(shell *of);

/* Run one line of the command line: a dot command or SQL. */
int input_run_argument(shell *of, const char *line);

#endif
