/* interrupt.c - Ctrl-C stops the statement at work.
 *
 * Invariants
 *   I1  The handler calls nothing but velo_interrupt, which only sets a flag of the connection,
 *       write and _exit.
 *   I2  A connection is watched only while it is open.
 *   I3  No press is missed between looking for one and waiting for input: SIGINT is blocked in
 *       between, and let in by ppoll. */
#define _GNU_SOURCE
#include "interrupt.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

static _Atomic(velo_connection *) interrupt_connection; /* I2; may be NULL */
static atomic_int interrupt_presses;                    /* since interrupt_clear */

/* A program that does not react to this many presses is ended. */
#define INTERRUPT_PATIENCE 5

static void
interrupt_handle(int number)
{
    static const char message[] = "\nvelocidb: ended by Ctrl-C\n";
    velo_connection *connection = atomic_load_explicit(&interrupt_connection, memory_order_acquire);

    (void)number;
    if (atomic_fetch_add_explicit(&interrupt_presses, 1, memory_order_relaxed) + 1 >
        INTERRUPT_PATIENCE) {
        (void)!write(STDERR_FILENO, message, sizeof message - 1);
        _exit(1);
    }
    if (connection != NULL)
        velo_interrupt(connection);
}

void
interrupt_install(void)
{
    struct sigaction action = {0};

    action.sa_handler = interrupt_handle;
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL); /* without SA_RESTART */
}

void
interrupt_watch(velo_connection *connection)
{
    /* pairs with the acquire in interrupt_handle */
    atomic_store_explicit(&interrupt_connection, connection, memory_order_release);
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
    int found = 0;

    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &blocked, &before); /* keeps I3 */
    while (found <= 0 && interrupt_count() == 0)
        found = ppoll(&waited, 1, NULL, &before); /* another signal is no reason to end */
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return found > 0;
}
