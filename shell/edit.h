/* edit.h - reading lines from a terminal: with editing, history and completion where the program
 * was built with libedit, plainly where not. */
#ifndef VELO_SHELL_EDIT_H
#define VELO_SHELL_EDIT_H

#include "shell.h"

typedef struct edit edit;

/* Never NULL. History comes from the file ~/.velocidb_history. */
edit *edit_open(shell *of);

/* Read a line behind a prompt. The caller frees it. NULL at the end of input; also when Ctrl-C
 * broke it off (interrupt_count is not 0 then). */
char *edit_read(edit *of, const char *prompt);

/* Write the history. NULL is allowed. */
void edit_close(edit *of);

/* Whether lines can be edited. */
int edit_is_available(void);

#endif
