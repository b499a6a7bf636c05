/* keyword.c - the keywords of SQL. */
#include "compat_int.h"

#include <string.h>

int
sqlite3_keyword_count(void)
{
    int count = 0;

    while (velo_keyword((size_t)count) != NULL)
        count++;
    return count;
}

int
sqlite3_keyword_name(int index, const char **name, int *size)
{
    const char *keyword = index < 0 ? NULL : velo_keyword((size_t)index);

    if (keyword == NULL)
        return SQLITE_ERROR;
    *name = keyword;
    *size = (int)strlen(keyword);
    return SQLITE_OK;
}

int
sqlite3_keyword_check(const char *text, int size)
{
    return size > 0 && velo_is_keyword(text, (size_t)size);
}
