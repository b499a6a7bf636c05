/* assert.h - the three kinds of assertion.
 *
 * VL_ASSERT  debug builds: what a caller promised or the code just proved
 * VL_VERIFY  tiny and fuzz builds: slow checks of whole structures
 * VL_CHECK   all builds: cheap, guards the file; stops the process through the handler
 *
 * Bytes from disk, network or users are input and are never asserted. */
#ifndef VL_BASE_ASSERT_H
#define VL_BASE_ASSERT_H

#include "base/platform.h"

/* Called when a check fails. It may log, save state, or leave by longjmp into the application's
 * own recovery, but must not return into the library: if it returns, the process aborts. */
typedef void vl_check_handler(const char *expression, const char *file, int line);

/* Install the process's handler; NULL brings back the default, which writes one line to standard
 * error and aborts. Returns the handler that was installed. Any thread. */
vl_check_handler *vl_check_set_handler(vl_check_handler *handler);

/* Report a failed check. Never returns. */
_Noreturn void vl_check_failed(const char *expression, const char *file, int line);

/* The last part of __FILE__, so that messages do not depend on where the tree was built. */
const char *vl_check_file_name(const char *path);

#define VL_CHECK(condition)                                                                        \
    (VL_LIKELY(condition) ? (void)0 : vl_check_failed(#condition, __FILE__, __LINE__))

#if VL_DEBUG
#define VL_ASSERT(condition) VL_CHECK(condition)
#else
#define VL_ASSERT(condition) ((void)sizeof((condition) ? 1 : 0))
#endif

#if VL_VERIFICATION
#define VL_VERIFY(condition) VL_CHECK(condition)
#else
#define VL_VERIFY(condition) ((void)sizeof((condition) ? 1 : 0))
#endif

#endif
