/* print_int.h - what the parts of printing share. Private to the shell. */
#ifndef VELO_SHELL_PRINT_INT_H
#define VELO_SHELL_PRINT_INT_H

#include "print.h"

/* Print a text that ends. */
void print_text(const print_options *options, const char *text);

/* Print a result in a mode that needs all rows. Returns as print_rows. */
int print_columns(const print_options *options, const char *const *names, const print_value *values,
                  size_t column_count, size_t row_count);

#endif
