/* memory.h - memory for the shell. The program has no use for going on without memory: what is not
 * committed is rolled back when the database is next opened, so it says so and ends with status 1.
 * None of these functions returns NULL. Give memory back with free(). */
#ifndef VELO_SHELL_MEMORY_H
#define VELO_SHELL_MEMORY_H

#include <stddef.h>

/* Say that there is no memory, and end the program. */
_Noreturn void memory_fail(void);

/* `size` bytes, all zero; also for 0 bytes. */
void *memory_take(size_t size);

/* Make `old` (NULL allowed) `size` bytes long; new bytes are not set. */
void *memory_resize(void *old, size_t size);

/* A copy of `size` bytes with a zero byte behind them; and one of a whole text. */
char *memory_copy(const char *data, size_t size);
char *memory_copy_text(const char *text);

/* Put a copy of `value` in the place of *text, which is freed. */
void memory_replace_text(char **text, const char *value);

#endif
