/* keywords.h - the keywords of SQL, for quoting names and for completion. */
#ifndef VELO_SHELL_KEYWORDS_H
#define VELO_SHELL_KEYWORDS_H

#include <stddef.h>

/* The keyword of a number from 0, in capitals and in alphabetical order; NULL behind the last. */
const char *keywords_at(size_t index);

/* Whether a word is a keyword; capitals and small letters are alike. */
int keywords_has(const char *word);

#endif
