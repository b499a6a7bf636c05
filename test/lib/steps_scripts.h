/* steps_scripts.h - threads that each perform a short script of operations, run in every order of
 * their steps that is worth it (steps.h).
 *
 * A script is a word with a letter for each operation; scripts of several threads are apart by a
 * space: "WW R". What goes wrong is a failed check of the running test. */
#ifndef VL_TEST_STEPS_SCRIPTS_H
#define VL_TEST_STEPS_SCRIPTS_H

#include "lib/steps.h"

typedef struct steps_scripts {
    const char *letters;          /* of the operations: letters[i] stands for operation i */
    void (*prepare)(void);        /* make things as they are before a run */
    void (*perform)(unsigned op); /* in a thread: one operation */
    const char *(*finish)(void);  /* after a run: NULL, or the rule that was broken */
} steps_scripts;

/* All runs of the scripts with at most so many preemptions. */
void steps_explore(const steps_scripts *what, const char *scripts, unsigned preemptions);

/* Random scripts under random choices, also with sleepers that wake for no reason. */
void steps_wander(const steps_scripts *what, int wakes_early, uint64_t seed);

#endif
