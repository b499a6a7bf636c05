/* width.h - how many columns of a terminal a text takes. UTF-8; bytes that are not take a column
 * each. Control characters take none, combining marks and what joins none, East Asian wide and
 * full-width characters and emoji two, all others one. */
#ifndef VELO_SHELL_WIDTH_H
#define VELO_SHELL_WIDTH_H

#include <stddef.h>
#include <stdint.h>

/* Read one character of `size` (at least 1) bytes. Returns its bytes; *code receives the
 * character, or UINT32_MAX for a byte that begins none, of which 1 is returned. */
size_t width_decode(const char *data, size_t size, uint32_t *code);

/* Columns of a character (UINT32_MAX: 1), and of `size` bytes. */
unsigned width_of_code(uint32_t code);
size_t width_of(const char *data, size_t size);

#endif
