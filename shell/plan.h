/* plan.h - EXPLAIN QUERY PLAN drawn as a tree. */
#ifndef VELO_SHELL_PLAN_H
#define VELO_SHELL_PLAN_H

#include "shell.h"

/* Whether a statement is EXPLAIN QUERY PLAN, with the columns that this one has. */
int plan_is_asked(velo_statement *statement);

/* Step through such a statement and print its rows as a tree. Returns how the last step ended. */
velo_status plan_print(shell *of, velo_statement *statement);

#endif
