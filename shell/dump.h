/* dump.h - a database as SQL text that makes it anew, in VelociDB or SQLite. */
#ifndef VELO_SHELL_DUMP_H
#define VELO_SHELL_DUMP_H

#include "shell.h"

/* Write all tables with their rows, then indexes, views and triggers; or, with patterns of LIKE,
 * those whose names match one of them (indexes, views and triggers by the table they belong to).
 * All of it is of one moment: it is read in one transaction. */
int dump_write(shell *of, char *const *patterns, size_t count);

#endif
