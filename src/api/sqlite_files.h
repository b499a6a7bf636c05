/* sqlite_files.h - what opening a connection asks when the file is none of ours. */
#ifndef VL_API_SQLITE_FILES_H
#define VL_API_SQLITE_FILES_H

#include "base/ctx.h"

/* A file could not be opened with VELO_NOTADB, which ctx says. If it is a database of SQLite's,
 * convert it in its place where the options say so: *is_converted becomes 1, and it can be opened;
 * else say how it is converted. Anything else: the error stays. */
velo_status vl_sqlite_meet(vl_ctx *ctx, const char *path, const velo_open_options *options,
                           int *is_converted) VL_MUST_CHECK;

#endif
