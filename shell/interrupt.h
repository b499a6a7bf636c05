/* interrupt.h - Ctrl-C: it stops the statement at work, not the program. */
#ifndef VELO_SHELL_INTERRUPT_H
#define VELO_SHELL_INTERRUPT_H

#include "velocidb.h"

/* Handle SIGINT from now on. */
void interrupt_install(void);

/* The connection whose statement Ctrl-C stops; NULL for none. */
void interrupt_watch(velo_connection *connection);

/* Wait until a file has something to read, or is at its end: 1. Until Ctrl-C is pressed, or was
 * pressed since interrupt_clear: 0. */
int interrupt_wait(int file);

/* How often Ctrl-C was pressed since the last call of interrupt_clear. */
int interrupt_count(void);
void interrupt_clear(void);

#endif
