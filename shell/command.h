/* command.h - dot commands. */
#ifndef VELO_SHELL_COMMAND_H
#define VELO_SHELL_COMMAND_H

#include "shell.h"

#include <stddef.h>

/* Run a line that begins with a dot. What fails is said. */
int command_run(shell *of, const char *line);

/* The name of a command, without its dot, of a number from 0; NULL behind the last. */
const char *command_name(size_t index);

/* Whether a line is one of a command whose arguments are files. */
int command_takes_file(const char *line);

#endif
