/* steps_scripts.c - scripts of operations for the scheduler of steps.h. */
#include "lib/steps_scripts.h"

#if STEPS_POSSIBLE
#include "lib/unit.h"

#include <string.h>

#define SCRIPTS_THREADS 5 /* of random scripts, at most */
#define SCRIPTS_OPS     6 /* of a script, at most */
#define SCRIPTS_RUNS    30000

static struct {
    const steps_scripts *what; /* the operations */
    unsigned count;            /* of threads */
    struct {
        unsigned count;            /* of its operations */
        unsigned ops[SCRIPTS_OPS]; /* these */
    } threads[STEPS_THREADS_MAX];
} scripts;

static void
scripts_main(void)
{
    unsigned self = steps_current();

    for (unsigned i = 0; i < scripts.threads[self].count; i++)
        scripts.what->perform(scripts.threads[self].ops[i]);
}

/* Run all threads once: NULL, or the rule that was broken. */
static const char *
scripts_run(void)
{
    steps_main *mains[STEPS_THREADS_MAX];
    const char *wrong;

    for (unsigned i = 0; i < scripts.count; i++)
        mains[i] = scripts_main;
    scripts.what->prepare();
    wrong = steps_run(mains, scripts.count);
    return wrong != NULL ? wrong : scripts.what->finish();
}

static void
scripts_read(const char *text)
{
    memset(scripts.threads, 0, sizeof scripts.threads);
    scripts.count = 1;
    for (; *text != '\0'; text++) {
        unsigned self = scripts.count - 1;

        if (*text == ' ')
            scripts.count++;
        else
            scripts.threads[self].ops[scripts.threads[self].count++] =
                (unsigned)(strchr(scripts.what->letters, *text) - scripts.what->letters);
    }
}

void
steps_explore(const steps_scripts *what, const char *text, unsigned preemptions)
{
    unsigned long runs = 0;
    const char *wrong;

    scripts.what = what;
    scripts_read(text);
    steps_begin(preemptions, NULL);
    do {
        runs++;
        wrong = scripts_run();
        if (wrong != NULL) {
            unit_failed(__FILE__, __LINE__, "%s: run %lu: not true: %s", text, runs, wrong);
            return;
        }
    } while (steps_next());
    CHECK(runs > preemptions);
}

void
steps_wander(const steps_scripts *what, int wakes_early, uint64_t seed)
{
    uint64_t op_kinds = strlen(what->letters);
    const char *wrong;
    vl_rng rng;

    scripts.what = what;
    vl_rng_init(&rng, seed);
    steps_begin(0, &rng);
    steps_wake_early(wakes_early);
    for (unsigned run = 0; run < SCRIPTS_RUNS; run++) {
        memset(scripts.threads, 0, sizeof scripts.threads);
        scripts.count = 2 + (unsigned)vl_rng_below(&rng, SCRIPTS_THREADS - 1);
        for (unsigned i = 0; i < scripts.count; i++) {
            scripts.threads[i].count = 1 + (unsigned)vl_rng_below(&rng, SCRIPTS_OPS);
            for (unsigned j = 0; j < scripts.threads[i].count; j++)
                scripts.threads[i].ops[j] = (unsigned)vl_rng_below(&rng, op_kinds);
        }
        wrong = scripts_run();
        if (wrong != NULL) {
            unit_failed(__FILE__, __LINE__, "random run %u: not true: %s", run, wrong);
            return;
        }
    }
}
#else
typedef int steps_scripts_is_empty;
#endif
