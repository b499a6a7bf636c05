/* interrupt.c - Ctrl-C stops the statement at work.
 *
 * A thread of its own waits for the signal. In a signal handler velo_interrupt could not be called,
 * since it may need latches that the thread holds on which the handler runs.
 *
 * Invariants
 *   I1  SIGINT is blocked in every thread, so that sigwait in the watcher gets it; but for the
 * thread that starts another program, where it does nothing. I2  A connection is watched only while
 * it is open: interrupt_lock guards it. I3  Behind each press a byte lies in the pipe, until
 * interrupt_wait takes it: so no press is missed between looking for one and waiting for input. */
#define _GNU_SOURCE
#include "interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t interrupt_lock = PTHREAD_MUTEX_INITIALIZER;
static velo_connection *interrupt_connection; /* I2; may be NULL */
static atomic_int interrupt_presses;          /* since interrupt_clear */
static int interrupt_pipe[2] = {-1, -1};      /* I3: read from the first, write to the second */

/* A program that does not react to this many presses is ended. */
#define INTERRUPT_PATIENCE 5

static void
interrupt_set(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGINT);
}

/* The handler of the signal where it is not blocked; programs that are started do not inherit it.
 */
static void
interrupt_ignore(int number)
{
    (void)number;
}

static void *
interrupt_run(void *argument)
{
    static const char message[] = "\nvelocidb: ended by Ctrl-C\n";
    sigset_t set;
    int number;

    (void)argument;
    interrupt_set(&set);
    for (;;) {
        if (sigwait(&set, &number) != 0)
            continue;
        if (atomic_fetch_add_explicit(&interrupt_presses, 1, memory_order_relaxed) + 1 >
            INTERRUPT_PATIENCE) {
            (void)!write(STDERR_FILENO, message, sizeof message - 1);
            _exit(1);
        }
        (void)pthread_mutex_lock(&interrupt_lock);
        if (interrupt_connection != NULL)
            velo_interrupt(interrupt_connection);
        (void)pthread_mutex_unlock(&interrupt_lock);
        (void)!write(interrupt_pipe[1], "", 1); /* a full pipe wakes as well: keeps I3 */
    }
    return NULL;
}

void
interrupt_install(void)
{
    struct sigaction action = {0};
    sigset_t set;
    pthread_t watcher = 0;
    int failure;

    action.sa_handler = interrupt_ignore;
    (void)sigemptyset(&action.sa_mask);
    interrupt_set(&set);
    failure = pipe2(interrupt_pipe, O_CLOEXEC | O_NONBLOCK) != 0 ? errno : 0;
    if (failure == 0) {
        (void)pthread_sigmask(SIG_BLOCK, &set, NULL); /* keeps I1: the watcher inherits it */
        failure = pthread_create(&watcher, NULL, interrupt_run, NULL);
    }
    if (failure == 0) {
        (void)pthread_detach(watcher);
        (void)sigaction(SIGINT, &action, NULL);
        return;
    }
    (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    (void)fprintf(stderr, "velocidb: Ctrl-C will end the program: %s\n", strerror(failure));
}

void
interrupt_watch(velo_connection *connection)
{
    (void)pthread_mutex_lock(&interrupt_lock);
    interrupt_connection = connection;
    (void)pthread_mutex_unlock(&interrupt_lock);
}

int
interrupt_count(void)
{
    return atomic_load_explicit(&interrupt_presses, memory_order_relaxed);
}

void
interrupt_clear(void)
{
    atomic_store_explicit(&interrupt_presses, 0, memory_order_relaxed);
}

int
interrupt_wait(int file)
{
    struct pollfd waited[] = {{file, POLLIN, 0}, {interrupt_pipe[0], POLLIN, 0}};
    char bytes[16];

    while (interrupt_count() == 0) {
        int found = poll(waited, 2, -1);

        if (found > 0 && waited[1].revents != 0)
            (void)!read(interrupt_pipe[0], bytes, sizeof bytes); /* what it tells is counted */
        else if (found > 0 || errno != EINTR)
            return 1; /* after a failure reading will tell what is wrong */
    }
    return 0;
}

/* Let the signal through while another program is started, or not any more. */
static void
interrupt_let_through(int is_let)
{
    sigset_t set;

    if (interrupt_pipe[1] < 0)
        return; /* never installed */
    interrupt_set(&set);
    (void)pthread_sigmask(is_let ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
}

FILE *
interrupt_popen(const char *command, const char *mode)
{
    FILE *opened;

    interrupt_let_through(1);
    opened = popen(command, mode); /* NOLINT(cert-env33-c): the user asked for this command */
    interrupt_let_through(0);
    return opened;
}

int
interrupt_system(const char *command)
{
    int status;

    interrupt_let_through(1);
    status = system(command); /* NOLINT(cert-env33-c): the user asked for this command */
    interrupt_let_through(0);
    return status;
}
