/* status.h - status codes and the one error message of a context.
 *
 * A message is written once, where the failure is found. Callers pass the code up unchanged:
 * VL_TRY where there is nothing to release, one label otherwise. The codes are those of
 * velocidb.h, which carry SQLite's numbers. */
#ifndef VL_BASE_STATUS_H
#define VL_BASE_STATUS_H

#include "base/platform.h"
#include "velocidb.h"

#include <stdarg.h>

typedef struct vl_ctx vl_ctx;

/* Room for a message, its end included. Longer ones are cut at a character's edge; the words of the
 * system at the end of a message are kept, at the cost of the text before them. */
#define VL_ERROR_TEXT_SIZE 1024

/* Room for the name that was probably meant, its end included. */
#define VL_ERROR_NEAR_SIZE 64

/* The last error of a context. */
typedef struct vl_error {
    velo_status code;              /* VELO_OK while there is none */
    int os_error;                  /* errno behind it, 0 when the system had no part in it */
    int32_t sql_offset;            /* byte in the SQL text where it was found, -1 when unknown */
    char sqlstate[6];              /* SQLSTATE of ISO/IEC 9075, five characters and an end */
    char text[VL_ERROR_TEXT_SIZE]; /* UTF-8, one line, control characters escaped as \xNN */
    char near[VL_ERROR_NEAR_SIZE]; /* the name probably meant by one that is unknown; or empty */
} vl_error;

/* Return the primary code: what remains when the detail in the upper bits is dropped. */
static inline velo_status
vl_status_primary(velo_status status)
{
    return (velo_status)((unsigned)status & 0xffU);
}

/* Record an error in ctx and return `code`, so that a caller can write
 * `return vl_fail(ctx, VELO_CORRUPT, "page %u: bad checksum", pgno);`. Replaces an earlier one.
 *
 * ctx     may be NULL: then only the code is returned
 * code    any code but VELO_OK, VELO_ROW and VELO_DONE
 * format  English, no full stop; says what and where. Control characters in the result (they come
 *         from paths and SQL text) are escaped. Needs no memory */
velo_status vl_fail(vl_ctx *ctx, velo_status code, const char *format, ...) VL_PRINTF(3, 4);

#ifdef __clang_analyzer__
/* The analyzer of paths does not look into functions with variable arguments: it is told that the
 * code comes back. */
#define vl_fail(ctx, code, ...) ((void)(vl_fail)(ctx, code, __VA_ARGS__), (code))
#endif

/* As vl_fail, for a failure that the system reported: appends ": " and the system's words for
 * `os_error` (an errno value), and keeps the number. */
velo_status vl_fail_os(vl_ctx *ctx, velo_status code, int os_error, const char *format, ...)
    VL_PRINTF(4, 5);

/* Forget the error of ctx. Done at the entry of every public function, and by code that met an
 * error and found another way. */
void vl_error_clear(vl_ctx *ctx);

/* Pass an error up when there is nothing to release. */
#define VL_TRY(call)                                                                               \
    do {                                                                                           \
        velo_status vl_try_status = (call);                                                        \
        if (VL_UNLIKELY(vl_try_status != VELO_OK))                                                 \
            return vl_try_status;                                                                  \
    } while (0)

#endif
