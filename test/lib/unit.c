/* unit.c - runs tests one after the other in this process and counts. */
#define _GNU_SOURCE
#include "lib/unit.h"

#include "base/assert.h"
#include "base/atomic.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNIT_STOPPED_STATUS 77

static struct {
    const char *program;      /* last part of its name */
    const unit_test *current; /* the running test */
    int has_failed;           /* a check of it failed */
    int is_skipped;           /* it said so */
    uint64_t seed;            /* of this run */
    vl_ctx ctx;               /* of the running test */
    char folder[512];         /* of the running test, "" until asked for */
    char paths[4][1024];      /* results of unit_path, in turn */
    unsigned next_path;       /* which of them is next */
} unit_state;

void
unit_failed(const char *file, int line, const char *format, ...)
{
    va_list args;

    printf("FAIL %s: %s: %s:%d: ", unit_state.program,
           unit_state.current != NULL ? unit_state.current->name : "?", vl_check_file_name(file),
           line);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf(" (seed %llu)\n", (unsigned long long)unit_state.seed);
    fflush(stdout);
    unit_state.has_failed = 1;
}

void
unit_skip(const char *format, ...)
{
    va_list args;

    printf("SKIP %s: %s: ", unit_state.program, unit_state.current->name);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    unit_state.is_skipped = 1;
}

int
unit_has_failed(void)
{
    return unit_state.has_failed;
}

uint64_t
unit_seed(void)
{
    return unit_state.seed;
}

vl_ctx *
unit_ctx(void)
{
    return &unit_state.ctx;
}

const char *
unit_folder(void)
{
    const char *parent = getenv("TMPDIR");

    if (unit_state.folder[0] != '\0')
        return unit_state.folder;
    (void)snprintf(unit_state.folder, sizeof unit_state.folder, "%s/velo-test-XXXXXX",
                   parent != NULL && parent[0] != '\0' ? parent : "/tmp");
    if (mkdtemp(unit_state.folder) == NULL) {
        unit_failed(__FILE__, __LINE__, "cannot make the folder %s: %s", unit_state.folder,
                    strerror(errno));
        exit(2);
    }
    return unit_state.folder;
}

const char *
unit_path(const char *name)
{
    char *path = unit_state.paths[unit_state.next_path++ % VL_ARRAY_COUNT(unit_state.paths)];

    (void)snprintf(path, sizeof unit_state.paths[0], "%s/%s", unit_folder(), name);
    return path;
}

static int
unit_remove_entry(const char *path, const struct stat *info, int type, struct FTW *position)
{
    (void)info;
    (void)type;
    (void)position;
    return remove(path);
}

static void
unit_remove_folder(void)
{
    if (unit_state.folder[0] == '\0')
        return;
    (void)nftw(unit_state.folder, unit_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    unit_state.folder[0] = '\0';
}

static void
unit_stop_handler(const char *expression, const char *file, int line)
{
    (void)expression;
    (void)file;
    (void)line;
    _exit(UNIT_STOPPED_STATUS);
}

/* How a child process runs its function. */
typedef enum unit_child {
    UNIT_CHILD_PLAIN, /* like the parent */
    UNIT_CHILD_STOPS, /* a failed VL_CHECK ends it silently */
    UNIT_CHILD_QUIET  /* nothing it prints is seen */
} unit_child;

static void
unit_child_run(void (*function)(void), unit_child how)
{
    if (how == UNIT_CHILD_STOPS)
        (void)vl_check_set_handler(unit_stop_handler);
    if (how == UNIT_CHILD_QUIET &&
        (freopen("/dev/null", "w", stdout) == NULL || freopen("/dev/null", "w", stderr) == NULL))
        _exit(2);
    function();
}

/* Fork, run, and wait. */
static int
unit_fork(void (*function)(void), unit_child how)
{
    int status = 0;
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child == 0) {
        unit_child_run(function, how);
        fflush(NULL);
        _exit(unit_state.has_failed ? 1 : 0);
    }
    if (child < 0)
        return -1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int
unit_stops(void (*function)(void))
{
    return unit_fork(function, UNIT_CHILD_STOPS) == UNIT_STOPPED_STATUS;
}

int
unit_run_in_child(void (*function)(void))
{
    return unit_fork(function, UNIT_CHILD_PLAIN);
}

int
unit_run_quietly(void (*function)(void))
{
    return unit_fork(function, UNIT_CHILD_QUIET);
}

/* More failures than any operation under test should have. */
#define UNIT_ALLOC_FAILURES_MAX 100000

/* Run the operation with the nth request failing, and `count` in all. Returns whether it met the
 * failure; notes a failed check when it did not take it well. */
static int
unit_alloc_failure(unit_operation *operation, void *argument, unsigned nth, uint64_t count)
{
    vl_allocator allocator;
    vl_ctx ctx;
    velo_status status;
    uint64_t met;

    vl_allocator_init(&allocator);
    vl_ctx_init(&ctx, &allocator, unit_state.ctx.log);
    vl_allocator_fail_nth(&allocator, nth, count);
    status = operation(&ctx, argument);
    met = vl_counter(&allocator.failed_count);
    if (status != VELO_OK && (met == 0 || vl_status_primary(status) != VELO_NOMEM))
        unit_failed(__FILE__, __LINE__, "request %u failing: %s: %s", nth, velo_status_name(status),
                    ctx.error.text);
    else if (vl_counter(&allocator.block_count) != 0 || vl_counter(&allocator.used_bytes) != 0)
        unit_failed(__FILE__, __LINE__, "request %u failing: %llu blocks left behind", nth,
                    (unsigned long long)vl_counter(&allocator.block_count));
    return met > 0;
}

unsigned
unit_each_alloc_failure(unit_operation *operation, void *argument)
{
    unsigned nth = 1;
    unsigned once;

    while (unit_alloc_failure(operation, argument, nth, 1) && !unit_state.has_failed &&
           nth < UNIT_ALLOC_FAILURES_MAX)
        nth++;
    once = nth - 1;
    for (nth = 1; !unit_state.has_failed && nth < UNIT_ALLOC_FAILURES_MAX; nth++)
        if (!unit_alloc_failure(operation, argument, nth, UINT64_MAX))
            break;
    if (!unit_state.has_failed && nth == UNIT_ALLOC_FAILURES_MAX)
        unit_failed(__FILE__, __LINE__, "there is always one more request for memory");
    return unit_state.has_failed ? 0 : once;
}

static void
unit_run(const unit_test *test)
{
    uint64_t blocks_before = vl_allocator_default()->block_count;

    unit_state.current = test;
    unit_state.has_failed = 0;
    unit_state.is_skipped = 0;
    vl_ctx_init(&unit_state.ctx, NULL, NULL);
    test->run();
    unit_remove_folder();
    if (!unit_state.has_failed && vl_allocator_default()->block_count != blocks_before)
        unit_failed(__FILE__, __LINE__, "%lld blocks of memory left behind",
                    (long long)(vl_allocator_default()->block_count - blocks_before));
}

static int
unit_is_wanted(const unit_test *test, int argc, char **argv)
{
    int names = 0;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seed") == 0) {
            i++;
            continue;
        }
        names++;
        if (strcmp(argv[i], test->name) == 0)
            return 1;
    }
    return names == 0;
}

static void
unit_read_seed(int argc, char **argv)
{
    const char *text = getenv("VELO_TEST_SEED");

    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], "--seed") == 0)
            text = argv[i + 1];
    unit_state.seed = text != NULL ? strtoull(text, NULL, 0) : 20260101;
}

int
unit_main(int argc, char **argv, const unit_test *tests, size_t count)
{
    unsigned passed = 0;
    unsigned failed = 0;
    unsigned skipped = 0;

    unit_state.program = vl_check_file_name(argv[0]);
    unit_read_seed(argc, argv);
    for (size_t i = 0; i < count; i++) {
        if (argc > 1 && strcmp(argv[1], "--list") == 0) {
            printf("%s\n", tests[i].name);
            continue;
        }
        if (!unit_is_wanted(&tests[i], argc, argv))
            continue;
        unit_run(&tests[i]);
        if (unit_state.has_failed)
            failed++;
        else if (unit_state.is_skipped)
            skipped++;
        else
            passed++;
    }
    if (argc > 1 && strcmp(argv[1], "--list") == 0)
        return 0;
    printf("%s: %u passed, %u failed, %u skipped\n", unit_state.program, passed, failed, skipped);
    return failed == 0 && passed + skipped > 0 ? 0 : 1;
}
