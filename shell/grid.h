/* grid.h - results as tables of equal columns: box, table, column, markdown. For mode.c. */
#ifndef VELO_SHELL_GRID_H
#define VELO_SHELL_GRID_H

#include "mode.h"
#include "text.h"

typedef struct grid grid;

grid *grid_create(const mode_settings *settings, size_t count, const char *const *names);

/* Keep a row. */
void grid_add(grid *of, const mode_value *values);

/* Draw all rows. Nothing when there are none. */
void grid_draw(const grid *of, mode_write *write, void *user);

void grid_destroy(grid *of);

#endif
