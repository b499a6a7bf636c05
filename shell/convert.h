/* convert.h - databases of SQLite's: converting files, and reading one into the open database.
 *
 * All functions return 0, or 1 after an error that was said. Progress is shown on a terminal. */
#ifndef VELO_SHELL_CONVERT_H
#define VELO_SHELL_CONVERT_H

#include "shell.h"

/* The program called as `velocidb convert OLD NEW`: a database of SQLite's becomes one of
 * VelociDB's, and the other way round. NEW must not exist; there is none after a failure. */
int convert_run(const char *from, const char *to);

/* Read a database of SQLite's into the shell's. */
int convert_import(shell *of, const char *path);

#endif
