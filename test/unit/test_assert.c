/* test_assert.c - what happens when a check fails. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "base/assert.h"
#include "lib/unit.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the handler was told, and the way out of it. */
static struct {
    const char *expression; /* text of the condition */
    const char *file;       /* without its folder */
    int line;               /* of the check */
    unsigned count;         /* calls */
    jmp_buf out;            /* back into the test */
} assert_told;

static void
assert_leaving_handler(const char *expression, const char *file, int line)
{
    assert_told.expression = expression;
    assert_told.file = file;
    assert_told.line = line;
    assert_told.count++;
    longjmp(assert_told.out, 1);
}

/* Run what fails under a handler that leaves by longjmp; whether it was called. */
static int
assert_catches(void (*function)(void))
{
    assert_told.count = 0;
    (void)vl_check_set_handler(assert_leaving_handler);
    if (setjmp(assert_told.out) == 0)
        function();
    (void)vl_check_set_handler(NULL);
    return assert_told.count == 1;
}

static volatile int assert_zero;
static int assert_failing_line;

static void
assert_fail_check(void)
{
    assert_failing_line = __LINE__ + 1;
    VL_CHECK(assert_zero == 1);
}

static void
assert_fail_assert(void)
{
    VL_ASSERT(assert_zero == 1);
}

static void
assert_fail_verify(void)
{
    VL_VERIFY(assert_zero == 1);
}

static void
assert_handler_is_told(void)
{
    CHECK(assert_catches(assert_fail_check));
    CHECK_TEXT(assert_told.expression, "assert_zero == 1");
    CHECK_TEXT(assert_told.file, "test_assert.c");
    CHECK_EQ(assert_told.line, assert_failing_line);
}

static void
assert_kinds_follow_the_build(void)
{
    CHECK_EQ(assert_catches(assert_fail_assert), VL_DEBUG);
    CHECK_EQ(assert_catches(assert_fail_verify), VL_VERIFICATION);
    CHECK(assert_catches(assert_fail_check));
}

static unsigned assert_evaluations;

static int
assert_count_evaluation(void)
{
    assert_evaluations++;
    return 1;
}

static void
assert_evaluates_only_in_its_build(void)
{
    assert_evaluations = 0;
    VL_CHECK(assert_count_evaluation());
    CHECK_EQ(assert_evaluations, 1);
    VL_ASSERT(assert_count_evaluation());
    CHECK_EQ(assert_evaluations, 1 + VL_DEBUG);
    VL_VERIFY(assert_count_evaluation());
    CHECK_EQ(assert_evaluations, 1 + VL_DEBUG + VL_VERIFICATION);
}

/* They are expressions, so that they stand where a statement may, with or without braces. */
static void
assert_is_an_expression(void)
{
    if (assert_zero == 0)
        VL_CHECK(1);
    else
        VL_CHECK(0);
    CHECK((VL_CHECK(1), 5) == 5);
    CHECK((VL_ASSERT(1), 6) == 6);
}

static void
assert_handlers_replace_each_other(void)
{
    CHECK(vl_check_set_handler(assert_leaving_handler) == NULL);
    CHECK(vl_check_set_handler(NULL) == assert_leaving_handler);
    CHECK(vl_check_set_handler(NULL) == NULL);
}

static void
assert_file_name_has_no_folder(void)
{
    CHECK_TEXT(vl_check_file_name("a/b/c.c"), "c.c");
    CHECK_TEXT(vl_check_file_name("/c.c"), "c.c");
    CHECK_TEXT(vl_check_file_name("c.c"), "c.c");
    CHECK_TEXT(vl_check_file_name(""), "");
    CHECK_TEXT(vl_check_file_name("a/"), "");
}

/* Standard error of a child that runs `function`, and how it ended. */
static int
assert_capture(void (*function)(void), char *text, size_t size)
{
    int ends[2];
    int status = 0;
    size_t used = 0;
    ssize_t count;
    pid_t child;

    if (pipe(ends) != 0)
        return -1;
    fflush(NULL);
    child = fork();
    if (child == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        (void)signal(SIGABRT, SIG_DFL); /* not a sanitizer's, which would print as well */
        function();
        _exit(0);
    }
    (void)close(ends[1]);
    while ((count = read(ends[0], text + used, size - 1 - used)) > 0)
        used += (size_t)count;
    text[used] = '\0';
    (void)close(ends[0]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void
assert_default_writes_a_line_and_aborts(void)
{
    char text[1024];
    char wanted[256];

    CHECK_EQ(assert_capture(assert_fail_check, text, sizeof text), SIGABRT);
    assert_failing_line = 0;
    CHECK(assert_catches(assert_fail_check)); /* to learn the line */
    (void)snprintf(wanted, sizeof wanted,
                   "velocidb: check failed: assert_zero == 1 (test_assert.c:%d)\n",
                   assert_failing_line);
    CHECK_TEXT(text, wanted);
}

static void
assert_fail_long(void)
{
    static char expression[2000];

    memset(expression, 'x', sizeof expression - 1);
    vl_check_failed(expression, "a/b.c", 7);
}

static void
assert_default_cuts_a_long_line(void)
{
    char text[4096];

    CHECK_EQ(assert_capture(assert_fail_long, text, sizeof text), SIGABRT);
    CHECK(strlen(text) > 100 && strlen(text) < 600);
    CHECK_EQ(text[strlen(text) - 1], '\n');
    CHECK(strchr(text, '\n') == text + strlen(text) - 1);
}

static void
assert_returning_handler(const char *expression, const char *file, int line)
{
    (void)expression;
    (void)file;
    (void)line;
}

static void
assert_fail_with_returning_handler(void)
{
    (void)vl_check_set_handler(assert_returning_handler);
    assert_fail_check();
}

static void
assert_returning_handler_aborts(void)
{
    char text[1024];

    CHECK_EQ(assert_capture(assert_fail_with_returning_handler, text, sizeof text), SIGABRT);
    CHECK_TEXT(text, "");
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(assert_handler_is_told),
        UNIT_TEST(assert_kinds_follow_the_build),
        UNIT_TEST(assert_evaluates_only_in_its_build),
        UNIT_TEST(assert_is_an_expression),
        UNIT_TEST(assert_handlers_replace_each_other),
        UNIT_TEST(assert_file_name_has_no_folder),
        UNIT_TEST(assert_default_writes_a_line_and_aborts),
        UNIT_TEST(assert_default_cuts_a_long_line),
        UNIT_TEST(assert_returning_handler_aborts),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
