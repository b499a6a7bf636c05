/* interrupt.h - Ctrl-C: it stops the statement at work, not the program. */
#ifndef VELO_SHELL_INTERRUPT_H
#define VELO_SHELL_INTERRUPT_H

#include "velocidb.h"

/* Handle SIGINT from now on: reads of the terminal are broken off with EINTR. */
void interrupt_install(void);

/* The connection whose statement Ctrl-C stops; NULL for none. */
void interrupt_watch(velo_connection *connection);

/* How often Ctrl-C was pressed since the last call of interrupt_clear. */
int interrupt_count(void);
void interrupt_clear(void);

#endif
