/* parameter.h - values that the shell gives to parameters of statements: .parameter. */
#ifndef VELO_SHELL_PARAMETER_H
#define VELO_SHELL_PARAMETER_H

#include "shell.h"

/* Give a parameter a value: that of an SQL expression, or, where `word` is none, the word itself
 * as text. `name` has its first character: :a, @a, $a or ?1. */
int parameter_set(shell *of, const char *name, const char *word);

/* Forget one value, or all (NULL). */
void parameter_unset(shell *of, const char *name);

/* Print names and values as SQL writes them, in the order of names. */
void parameter_list(shell *of);

/* Bind the values that a statement's parameters have; others are NULL. */
velo_status parameter_bind(const shell *of, velo_statement *statement);

#endif
