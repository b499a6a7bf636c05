/* complete.h - what a word of a line that is being typed may become. */
#ifndef VELO_SHELL_COMPLETE_H
#define VELO_SHELL_COMPLETE_H

#include "shell.h"

#include <stddef.h>

/* Words, each owned. */
typedef struct complete_list {
    char **words; /* `count` of them, sorted, none twice; owned */
    size_t count; /* of them */
    size_t room;  /* for them */
} complete_list;

/* Where in a line of `size` bytes the word begins that ends there. */
size_t complete_word_start(const char *line, size_t size);

/* Find what the last word of a line of `size` bytes may become: dot commands behind the dot at its
 * beginning; file names behind those that take files; else keywords of SQL (as small letters when
 * the word begins so), and the tables and columns of the shell's database. */
void complete_find(shell *of, const char *line, size_t size, complete_list *found);

/* Bytes that all words begin with, letters compared as they are. */
size_t complete_common(const complete_list *found);

/* Add a copy of a word; sort all, and drop those that are there twice. */
void complete_add(complete_list *to, const char *word, size_t size);
void complete_sort(complete_list *of);

void complete_free(complete_list *of);

#endif
