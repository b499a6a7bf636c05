/* steps.h - code with atomics, run in every order of its steps that is worth it.
 *
 * A test includes the code under test with its atomic operations replaced by those of steps_code.h,
 * each of which is a point where another thread may go on. Threads are contexts of one real
 * thread, so a run depends on nothing but the choices of a scheduler: all choices up to a number of
 * preemptions (Musuvathi and Qadeer, "Iterative context bounding for systematic testing of
 * multithreaded programs", PLDI 2007), or random ones. Orders of memory are not explored: steps
 * happen one after the other, as seen by all.
 *
 *     steps_begin(preemptions, NULL);
 *     do {
 *         ... prepare ...
 *         wrong = steps_run(mains, count);
 *         ... look, clean up ...
 *     } while (wrong == NULL && steps_next());
 *
 * The sanitizers do not follow contexts, and some systems have none: STEPS_POSSIBLE is 0 there. */
#ifndef VL_TEST_STEPS_H
#define VL_TEST_STEPS_H

#include "base/platform.h"
#include "base/rng.h"

#include <stdatomic.h>
#include <stdlib.h> /* for __GLIBC__ */

#if defined(__GLIBC__) && !VL_ASAN && !VL_TSAN
#define STEPS_POSSIBLE 1
#else
#define STEPS_POSSIBLE 0
#endif

#define STEPS_THREADS_MAX 6

/* What a thread does. */
typedef void steps_main(void);

/* Begin to explore: all orders with at most so many preemptions, or random ones. */
void steps_begin(unsigned preemptions, vl_rng *rng);

/* Run the threads until all have ended. Returns NULL, or the rule that was broken; threads may then
 * be left where they were, with what they held. */
const char *steps_run(steps_main *const *mains, unsigned count);

/* Prepare the next run of an exploration of all orders: 0 when there is none. */
int steps_next(void);

/* Whether from here on sleepers may also wake for no reason, as those of a futex may. Not after
 * steps_begin. */
void steps_wake_early(int wakes_early);

/* Steps of the last run. */
unsigned long steps_count(void);

/* ---- for threads ---- */

/* A point where others may go on. Does nothing outside of a run. */
void steps_yield(void);

/* The number of the thread that runs. */
unsigned steps_current(void);

/* Note that the rule is broken unless the condition holds. */
void steps_expect(int condition, const char *rule);

/* As vl_park and vl_unpark; there is no time, so a timeout is not met before all sleep. */
int steps_park(const _Atomic uint32_t *word, uint32_t expected, int64_t timeout_ns);
void steps_unpark(const _Atomic uint32_t *word, int32_t count);

/* A latch: any word stands for it. */
void steps_latch_acquire(void *latch);
void steps_latch_release(void *latch);

#endif
