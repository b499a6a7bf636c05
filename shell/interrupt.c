/* interrupt.c - Ctrl-C stops the statement at work.
 *
 * The signal's handler does it: velo_interrupt may be called there. A thread that waits for the
 * signal would be as good, but it is made at every start, and costs more than a short query.
 *
 * Invariants
 *   I1  Only the main thread runs the handler: threads of the library take no signals.
 *   I2  A connection is watched only while it is open. By I1 the handler sees what the main thread
 *       has set before, and is over before that goes on.
 *   I3  interrupt_wait lets the signal through only while it waits, so no press is missed between
 *       looking for one and waiting for input. */
#define _GNU_SOURCE
#include "interrupt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Atomic(velo_connection *) interrupt_connection; /* I2; may be NULL */
static atomic_int interrupt_presses;                    /* since interrupt_clear */

/* A program that does not react to this many presses is ended. */
#define INTERRUPT_PATIENCE 5

/* The handler: only what may be done in one. */
static void
interrupt_take(int number)
{
    static const char message[] = "\nvelocidb: ended by Ctrl-C\n";
    int error = errno;
    velo_connection *connection;

    (void)number;
    if (atomic_fetch_add_explicit(&interrupt_presses, 1, memory_order_relaxed) + 1 >
        INTERRUPT_PATIENCE) {
        (void)!write(STDERR_FILENO, message, sizeof message - 1);
        _exit(1);
    }
    connection = atomic_load_explicit(&interrupt_connection, memory_order_relaxed);
    if (connection != NULL)
        velo_interrupt(connection);
    errno = error;
}

void
interrupt_install(void)
{
    struct sigaction action = {0};
    sigset_t set;

    action.sa_handler = interrupt_take; /* programs that are started do not inherit it */
    action.sa_flags = SA_RESTART;       /* reading and writing go on; interrupt_wait does not */
    (void)sigemptyset(&action.sa_mask);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    if (sigaction(SIGINT, &action, NULL) != 0)
        (void)fprintf(stderr, "velocidb: Ctrl-C will end the program: %s\n", strerror(errno));
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL); /* whoever has started us may have blocked it */
}

void
interrupt_watch(velo_connection *connection)
{
    atomic_store_explicit(&interrupt_connection, connection, memory_order_relaxed);
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
    struct pollfd waited = {file, POLLIN, 0};
    sigset_t blocked;
    sigset_t before;
    int is_ready = 0;

    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &blocked, &before); /* keeps I3 */
    while (interrupt_count() == 0 && !is_ready)
        is_ready = ppoll(&waited, 1, NULL, &before) >= 0 || errno != EINTR;
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return is_ready; /* after a failure reading will tell what is wrong */
}

FILE *
interrupt_popen(const char *command, const char *mode)
{
    return popen(command, mode); /* NOLINT(cert-env33-c): the user asked for this command */
}

int
interrupt_system(const char *command)
{
    return system(command); /* NOLINT(cert-env33-c): the user asked for this command */
}
