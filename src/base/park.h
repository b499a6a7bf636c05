/* park.h - sleeping until a word changes: the system's futex, or its stand-in.
 *
 * The only way in which a thread of the library sleeps on memory. On Linux it is the futex call; a
 * portable version (a small table of mutexes and conditions, after the "parking lot" of WebKit)
 * serves other systems and can be chosen on Linux for tests. Any thread. */
#ifndef VL_BASE_PARK_H
#define VL_BASE_PARK_H

#include "base/platform.h"

#include <stdatomic.h>

/* Wait without end. */
#define VL_PARK_FOREVER (-1)

/* Sleep while *word == expected, until vl_unpark is called for the word or the time is over. May
 * return early without reason: callers look at the word again.
 *
 * timeout_ns  nanoseconds, 0 or more, or VL_PARK_FOREVER
 * returns     0 when the time was over, else 1 */
int vl_park(const _Atomic uint32_t *word, uint32_t expected, int64_t timeout_ns);

/* Wake up to `count` threads that sleep on the word (INT32_MAX for all). The word's change comes
 * before the call. The word may be gone already: nothing is read from it. */
void vl_unpark(const _Atomic uint32_t *word, int32_t count);

/* Use the portable version from now on (1), or the system's (0). Only while nobody sleeps. */
void vl_park_use_portable(int portable);

#endif
