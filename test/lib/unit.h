/* unit.h - a small harness for unit tests.
 *
 * A test program lists its tests in a table and calls unit_main. Each test is a function that
 * returns at the first failed check. Options of every program: `--list`, `--seed N`, and names of
 * tests to run. It prints one line for each failed or skipped test, then "N passed, N failed".
 *
 * Checks may be used by the thread that runs the test only: other threads report through memory. */
#ifndef VL_TEST_UNIT_H
#define VL_TEST_UNIT_H

#include "base/ctx.h"
#include "base/rng.h"

#include <string.h>

typedef struct unit_test {
    const char *name;  /* subject, then fact: "latch_writer_does_not_starve" */
    void (*run)(void); /* the test */
} unit_test;

#define UNIT_TEST(function) {#function, function}

/* Run the tests that the arguments ask for; returns the program's exit status. Fails also when a
 * test leaves memory of the default allocator behind. */
int unit_main(int argc, char **argv, const unit_test *tests, size_t count);

/* Note a failed check; the macros call it. */
void unit_failed(const char *file, int line, const char *format, ...) VL_PRINTF(3, 4);

/* Say why a test cannot run here, and count it as skipped. Return from the test afterwards. */
void unit_skip(const char *format, ...) VL_PRINTF(1, 2);

/* Whether a check of the running test has failed. */
int unit_has_failed(void);

/* The seed of this run: fixed unless `--seed` or VELO_TEST_SEED says otherwise. A failed test's
 * line names it. */
uint64_t unit_seed(void);

/* A context that has no error, made anew for each test. */
vl_ctx *unit_ctx(void);

/* A folder for the running test, empty at first and removed with its content afterwards; in
 * TMPDIR or /tmp. */
const char *unit_folder(void);

/* The path of `name` in unit_folder(); valid until the fourth call after it. */
const char *unit_path(const char *name);

/* Run `function` in a child process: 1 when it stopped by a failed VL_CHECK, as it should. */
int unit_stops(void (*function)(void));

/* Run `function` in a child process and return its exit status, or 128 + the signal that ended
 * it. Checks that fail in the child print there and give exit status 1. */
int unit_run_in_child(void (*function)(void));

/* As unit_run_in_child, with what the child prints dropped: for what should fail. */
int unit_run_quietly(void (*function)(void));

/* An operation that unit_each_alloc_failure runs, with all its memory from ctx's allocator. It
 * gives back what it took whatever happens, and returns VELO_OK only when it did all its work. */
typedef velo_status unit_operation(vl_ctx *ctx, void *argument);

/* Run `operation` again and again with a context and allocator of its own: first the first request
 * for memory fails, then the second, and so on until a run meets no failure; then once more, each
 * time with all later requests failing too. Checks that each run gives back all its memory, that it
 * returns VELO_OK or VELO_NOMEM, and that the run without a failure is VELO_OK. Returns how many
 * failures were met in the first round; 0 also when a check failed. */
unsigned unit_each_alloc_failure(unit_operation *operation, void *argument);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            unit_failed(__FILE__, __LINE__, "%s", #condition);                                     \
            return;                                                                                \
        }                                                                                          \
    } while (0)

/* Two integers are equal; prints both when not. */
#define CHECK_EQ(a, b)                                                                             \
    do {                                                                                           \
        long long check_a = (long long)(a);                                                        \
        long long check_b = (long long)(b);                                                        \
        if (check_a != check_b) {                                                                  \
            unit_failed(__FILE__, __LINE__, "%s is %lld, %s is %lld", #a, check_a, #b, check_b);   \
            return;                                                                                \
        }                                                                                          \
    } while (0)

/* A call returns VELO_OK; prints the message of unit_ctx() when not. */
#define CHECK_OK(call)                                                                             \
    do {                                                                                           \
        velo_status check_status = (call);                                                         \
        if (check_status != VELO_OK) {                                                             \
            unit_failed(__FILE__, __LINE__, "%s: %s: %s", #call, velo_status_name(check_status),   \
                        unit_ctx()->error.text);                                                   \
            return;                                                                                \
        }                                                                                          \
    } while (0)

/* A call returns the given status. */
#define CHECK_STATUS(call, wanted)                                                                 \
    do {                                                                                           \
        velo_status check_status = (call);                                                         \
        if (check_status != (wanted)) {                                                            \
            unit_failed(__FILE__, __LINE__, "%s: %s, not %s", #call,                               \
                        velo_status_name(check_status), velo_status_name(wanted));                 \
            return;                                                                                \
        }                                                                                          \
    } while (0)

/* Two texts are equal. */
#define CHECK_TEXT(text, wanted)                                                                   \
    do {                                                                                           \
        if (strcmp((text), (wanted)) != 0) {                                                       \
            unit_failed(__FILE__, __LINE__, "%s is \"%s\", not \"%s\"", #text, (text), (wanted));  \
            return;                                                                                \
        }                                                                                          \
    } while (0)

/* The text contains the part. */
#define CHECK_CONTAINS(text, part)                                                                 \
    do {                                                                                           \
        if (strstr((text), (part)) == NULL) {                                                      \
            unit_failed(__FILE__, __LINE__, "\"%s\" does not contain \"%s\"", (text), (part));     \
            return;                                                                                \
        }                                                                                          \
    } while (0)

#endif
