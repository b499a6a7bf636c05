/* version.c - which version of the library this is. */
#include "velocidb.h"

const char *
velo_version(void)
{
    return VELO_VERSION;
}

int
velo_version_number(void)
{
    return VELO_VERSION_NUMBER;
}
