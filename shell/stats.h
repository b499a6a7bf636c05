/* stats.h - numbers about the database and a statement: .stats. */
#ifndef VELO_SHELL_STATS_H
#define VELO_SHELL_STATS_H

#include "shell.h"

/* Print what a statement did, unless it is NULL, and what its database did since it was opened. */
int stats_print(shell *of, const velo_statement *statement);

#endif
