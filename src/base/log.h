/* log.h - telling the application what happens, through its callback.
 *
 * The library never prints. Events worth knowing (a fallback taken, a slow device, recovery) go to
 * a callback that the application gave, or nowhere. */
#ifndef VL_BASE_LOG_H
#define VL_BASE_LOG_H

#include "base/platform.h"
#include "base/status.h"

typedef enum vl_log_level {
    VL_LOG_ERROR,   /* something failed that the user must know of */
    VL_LOG_WARNING, /* something is not as it should be, and was worked around */
    VL_LOG_NOTICE,  /* something worth a line happened: recovery, a fallback chosen */
    VL_LOG_DEBUG    /* for those who look for a fault */
} vl_log_level;

/* Receives one event: a single line of UTF-8 without a newline, valid during the call. May be
 * called by any of the library's threads, several at a time; must not call into the library. */
typedef void vl_log_callback(void *user, vl_log_level level, velo_status code, const char *text);

/* Where events go. Filled once before it is shared, then immutable. */
typedef struct vl_log {
    vl_log_callback *callback; /* NULL for nowhere */
    void *user;                /* passed to it */
    vl_log_level level;        /* events above this number are not told */
} vl_log;

/* Tell one event. `log` may be NULL. Costs a comparison when nobody listens. Control characters
 * and bytes that are no UTF-8 are escaped, and long texts cut, as in error messages. */
void vl_log_write(const vl_log *log, vl_log_level level, velo_status code, const char *format, ...)
    VL_PRINTF(4, 5);

#endif
