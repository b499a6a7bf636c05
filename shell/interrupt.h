/* interrupt.h - Ctrl-C: it stops the statement at work, not the program. */
#ifndef VELO_SHELL_INTERRUPT_H
#define VELO_SHELL_INTERRUPT_H

#include "velocidb.h"

#include <stdio.h>

/* Take SIGINT from now on. What cannot be set up is said, and Ctrl-C ends the program then. */
void interrupt_install(void);

/* The connection whose statement Ctrl-C stops; NULL for none. Once this returns, no other one is
 * touched. For the main thread, as all that is here. */
void interrupt_watch(velo_connection *connection);

/* How often Ctrl-C was pressed since the last call of interrupt_clear. */
int interrupt_count(void);
void interrupt_clear(void);

/* Wait until a file has something to read, or is at its end: 1. Until Ctrl-C is pressed, or was
 * pressed since interrupt_clear: 0. */
int interrupt_wait(int file);

/* popen and system for commands of the user, which get Ctrl-C as if the shell had none. */
FILE *interrupt_popen(const char *command, const char *mode);
int interrupt_system(const char *command);

#endif
