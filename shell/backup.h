/* backup.h - the shell's database copied to a file, and one from a file. Functions return 0, or 1
 * after an error that was said; progress is shown on a terminal. */
#ifndef VELO_SHELL_BACKUP_H
#define VELO_SHELL_BACKUP_H

#include "shell.h"

/* Copy the database `name` (NULL: main) to a file, whose content is replaced. */
int backup_save(shell *of, const char *name, const char *path);

/* Replace the database by that of a file. */
int backup_restore(shell *of, const char *name, const char *path);

#endif
