/* thread.h - threads, and events between them.
 *
 * Background threads block all signals but those that their own faults raise, so that the
 * application's handlers run on its own threads, and carry a name that debuggers and top show. */
#ifndef VL_BASE_THREAD_H
#define VL_BASE_THREAD_H

#include "base/platform.h"
#include "base/status.h"

#include <pthread.h>
#include <stdatomic.h>

typedef void vl_thread_main(void *argument);

typedef struct vl_thread {
    pthread_t handle;     /* valid while is_started */
    vl_thread_main *main; /* what it runs */
    void *argument;       /* passed to it; borrowed until the thread is joined */
    char name[16];        /* as the system shows it */
    int is_started;       /* joined threads and those never started: 0 */
} vl_thread;

/* Start a thread.
 *
 * thread    memory of the caller's, which stays where it is until vl_thread_join
 * name      at most 15 bytes are shown
 * errors    VELO_NOMEM when the system has no room for another thread */
velo_status vl_thread_start(vl_ctx *ctx, vl_thread *thread, const char *name, vl_thread_main *main,
                            void *argument) VL_MUST_CHECK;

/* Wait for the thread's end. Does nothing for one that was not started or is joined already. */
void vl_thread_join(vl_thread *thread);

/* Number of processors that this process may run on (its affinity mask), at least 1. */
uint32_t vl_thread_processor_count(void);

/* Let another thread run. */
void vl_thread_yield(void);

/* An event: set once, seen by all who wait, until it is reset. */
typedef struct vl_event {
    _Atomic uint32_t state; /* 0 not set, 1 not set and somebody waits, 2 set */
} vl_event;

void vl_event_init(vl_event *event);

/* Set it: everything done before is seen by those who find it set. */
void vl_event_set(vl_event *event);

/* Take it back; does nothing when it is not set. Not while others may be waiting for this very
 * setting. */
void vl_event_reset(vl_event *event);

/* Whether it is set; an acquire operation. */
int vl_event_is_set(const vl_event *event);

/* Wait until it is set: 1, or 0 when timeout_ns went by first. VL_PARK_FOREVER waits for ever. */
int vl_event_wait(vl_event *event, int64_t timeout_ns);

#endif
