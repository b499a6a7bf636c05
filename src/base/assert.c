/* assert.c - what happens when a check fails.
 *
 * The default handler uses write(2) on a buffer on the stack: it must work with a corrupt heap. */
#include "base/assert.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Atomic(vl_check_handler *) check_handler;

static void
check_default_handler(const char *expression, const char *file, int line)
{
    char text[512];
    int length =
        snprintf(text, sizeof text, "velocidb: check failed: %s (%s:%d)\n", expression, file, line);

    if (length < 0)
        return;
    if ((size_t)length >= sizeof text) {
        length = (int)sizeof text - 1;
        text[length - 1] = '\n';
    }
    /* Nothing can be done when even this fails: the process stops in any case. */
    if (write(STDERR_FILENO, text, (size_t)length) < 0)
        return;
}

vl_check_handler *
vl_check_set_handler(vl_check_handler *handler)
{
    return atomic_exchange_explicit(&check_handler, handler, memory_order_acq_rel);
}

const char *
vl_check_file_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

_Noreturn void
vl_check_failed(const char *expression, const char *file, int line)
{
    vl_check_handler *handler = atomic_load_explicit(&check_handler, memory_order_acquire);

    if (handler == NULL)
        handler = check_default_handler;
    handler(expression, vl_check_file_name(file), line);
    abort();
}
