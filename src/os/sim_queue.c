/* sim_queue.c - batches on the simulated machine: requests run one at a time, in a drawn order.
 *
 * Some requests run when they are submitted, the others when the queue is polled. Each is an
 * operation with a number and hook of its own, so that cuts fall between the members of a batch,
 * and any subset of them may have happened by then. */
#include "os/sim_int.h"

#include "base/assert.h"

#include <errno.h>

int
vl_sim_queue_open(vl_io_queue *queue)
{
    (void)queue; /* is zeroed: empty */
    return 0;
}

void
vl_sim_queue_close(vl_io_queue *queue)
{
    (void)queue;
}

/* Draw a number below `bound` from the machine's seed. */
static uint64_t
sim_queue_draw(vl_sim_queue *queue, uint64_t bound)
{
    vl_sim *sim = ((vl_sim_process *)queue->queue.io)->sim;
    uint64_t drawn;

    vl_latch_acquire_exclusive(&sim->latch);
    drawn = vl_rng_below(&sim->rng_queue, bound);
    vl_latch_release_exclusive(&sim->latch);
    return drawn;
}

/* Whether the request that `before` precedes is the first waiting one of its chain; the members of
 * a chain stand together. */
static int
sim_queue_is_ready(const vl_io_request *before, const vl_io_request *request)
{
    return before == NULL || before->slot != request->slot;
}

/* Take the request behind `before` out of the list. */
static vl_io_request *
sim_queue_take(vl_sim_queue *queue, vl_io_request *before)
{
    vl_io_request *taken = before != NULL ? before->next : queue->first;

    VL_ASSERT(taken != NULL);
    if (before != NULL)
        before->next = taken->next;
    else
        queue->first = taken->next;
    if (taken->next == NULL)
        queue->last = before;
    return taken;
}

/* Take one of the requests that may run now out of the list; there is one. *before receives what
 * stands before its successors. */
static vl_io_request *
sim_queue_pick(vl_sim_queue *queue, vl_io_request **before)
{
    uint64_t ready = 0;
    uint64_t chosen;

    *before = NULL;
    for (vl_io_request *at = queue->first; at != NULL; *before = at, at = at->next)
        ready += (uint64_t)sim_queue_is_ready(*before, at);
    chosen = sim_queue_draw(queue, ready);
    *before = NULL;
    for (vl_io_request *at = queue->first; at != NULL; *before = at, at = at->next)
        if (sim_queue_is_ready(*before, at) && chosen-- == 0)
            break;
    return sim_queue_take(queue, *before);
}

/* Run one request; when it fails, cancel the rest of its chain. */
static void
sim_queue_run_one(vl_sim_queue *queue)
{
    vl_io_request *before;
    vl_io_request *request = sim_queue_pick(queue, &before);
    uint32_t chain = request->slot;
    int error = vl_io_request_run(request);
    int failed = error != 0 || (request->op == VL_IO_READ && request->moved < request->size);

    vl_io_queue_complete(&queue->queue, request, error);
    while (failed) {
        vl_io_request *next = before != NULL ? before->next : queue->first;

        if (next == NULL || next->slot != chain)
            break;
        vl_io_queue_complete(&queue->queue, sim_queue_take(queue, before), ECANCELED);
    }
}

int
vl_sim_queue_submit(vl_io_queue *base, vl_io_request *requests, uint32_t count)
{
    vl_sim_queue *queue = (vl_sim_queue *)base;

    for (uint32_t i = 0; i < count; i++) {
        vl_io_request *request = &requests[i];

        request->slot = queue->chain_count;
        if ((request->flags & VL_IO_LINK) == 0)
            queue->chain_count++;
        request->next = NULL;
        if (queue->first == NULL)
            queue->first = request;
        else
            queue->last->next = request;
        queue->last = request;
    }
    for (uint64_t now = sim_queue_draw(queue, count + 1); now > 0 && queue->first != NULL; now--)
        if (sim_queue_draw(queue, 2) == 0)
            sim_queue_run_one(queue);
    return 0;
}

int
vl_sim_queue_poll(vl_io_queue *base, uint32_t wait)
{
    vl_sim_queue *queue = (vl_sim_queue *)base;
    uint32_t before = base->complete_count;

    while (queue->first != NULL && base->complete_count - before < wait)
        sim_queue_run_one(queue);
    while (queue->first != NULL && sim_queue_draw(queue, 2) == 0)
        sim_queue_run_one(queue);
    return 0;
}
