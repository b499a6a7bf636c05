/* wait.c - the graph of who waits for whom.
 *
 * One latch guards all edges. Waits are rare and put a thread to sleep anyway; those who are not
 * waited for never take it: they look at their node's `in_count` only.
 *
 * Invariants
 *   G1  Nobody sleeps through a change. A waiter links its edges (in_count, sequentially
 * consistent) and then looks at the owners; who changes something about an owner (decides its
 * status, counts an event, leaves a call) does so, sequentially consistent, and then looks at
 *       in_count: one of the two sees the other. It wakes by counting `signal`, which a waiter has
 *       loaded before it looked. Leaving a call is told only to those who asked: who looks for
 *       somebody idle sets `tells_idle` on each it passes and then looks whether that one is
 *       inside; who leaves goes outside and then looks at `tells_idle`.
 *   G2  No circle of live edges without a victim in it outlives the latch section that closed it:
 *       edges are linked only in wait_link, which is followed by wait_resolve in the same section.
 *   G3  A victim is marked while it waits, once, and one of its statuses by which the circle enters
 *       it is doomed with it. It leaves by itself; searches pass over it.
 *   G4  Each edge holds a reference to its status, which holds one to its node: an edge's end is
 *       alive while it is linked. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* the monotonic clock */
#endif
#include "txn/wait.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/latch.h"
#include "base/park.h"
#include "base/rank.h"

#include <string.h>
#include <time.h>

#define WAIT_FEW 4U /* owners for which no memory is needed */

/* From who waits to whom it waits for. Guarded by the graph's latch while it is linked. */
typedef struct wait_edge {
    vl_wait_node *from;     /* who waits */
    vl_txn_status *status;  /* for whom; a reference */
    uint32_t events;        /* noted by the waiter */
    struct wait_edge *prev; /* in the list of edges into the same node */
    struct wait_edge *next; /* see there */
} wait_edge;

/* What a victim is told; numbers of transactions. */
typedef struct wait_verdict {
    uint64_t own;            /* the victim's */
    uint64_t other;          /* whom it waits for */
    uint64_t third;          /* whom that one waits for: the victim itself in a circle of two */
    vl_wait_kind other_kind; /* what the other waits for */
} wait_verdict;

struct vl_wait_node {
    _Atomic uint32_t refs;           /* references */
    _Atomic uint32_t is_inside;      /* a call */
    _Atomic uint32_t is_interrupted; /* see vl_wait_interrupt */
    _Atomic uint32_t signal;         /* counts wake-ups; the waiter sleeps on it */
    _Atomic uint32_t in_count;       /* edges that lead here; written under the latch: G1 */
    _Atomic uint32_t tells_idle;     /* leaving a call is to be told; set under the latch */
    _Atomic uint64_t work;           /* for choosing victims */
    /* guarded by the graph's latch */
    wait_edge *in;           /* edges that lead here */
    wait_edge *out;          /* array of edges that lead away, while it waits */
    uint32_t out_count;      /* their number; 0: it does not wait */
    vl_wait_kind kind;       /* what it waits for */
    int wakes_idle;          /* is to be woken as soon as somebody idles whom it waits for */
    int has_met_idle;        /* was woken for that */
    int64_t idle_ns;         /* when in this wait somebody was first seen to idle; 0: not yet */
    int is_victim;           /* and has to leave; `verdict` says why */
    wait_verdict verdict;    /* see there */
    uint64_t mark;           /* the last search that came here */
    wait_edge *via;          /* by which edge it came */
    vl_wait_node *next_seen; /* in that search's queue */
};

/* The process's graph. */
static struct {
    vl_latch latch; /* VL_RANK_TXN_WAIT; guards all edges, and the following */
    uint64_t mark;  /* of the last search */
} wait_graph
#if VL_DEBUG
    = {.latch = {.rank = VL_RANK_TXN_WAIT}}
#endif
;

/* ---- nodes ---- */

velo_status
vl_wait_node_create(vl_ctx *ctx, vl_wait_node **out)
{
    *out = vl_alloc_zero(ctx, sizeof **out);
    if (*out == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a node of the wait-for graph");
    atomic_store_explicit(&(*out)->refs, 1, memory_order_relaxed);
    return VELO_OK;
}

void
vl_wait_node_retain(vl_wait_node *node)
{
    atomic_fetch_add_explicit(&node->refs, 1, memory_order_relaxed);
}

void
vl_wait_node_release(vl_wait_node *node)
{
    if (node == NULL)
        return;
    if (atomic_fetch_sub_explicit(&node->refs, 1, memory_order_acq_rel) == 1) {
        VL_ASSERT(node->in == NULL && node->out_count == 0);
        vl_free(node);
    }
}

void
vl_wait_attach(vl_txn_status *status, vl_wait_node *node)
{
    VL_ASSERT(status->node == NULL);
    vl_wait_node_retain(node);
    status->node = node;
}

void
vl_wait_set_work(vl_wait_node *node, uint64_t work)
{
    atomic_store_explicit(&node->work, work, memory_order_relaxed); /* a hint */
}

/* ---- waking; the latch is held ---- */

static void
wait_wake(vl_wait_node *node)
{
    atomic_fetch_add_explicit(&node->signal, 1, memory_order_seq_cst);
    vl_unpark(&node->signal, 1);
}

/* Begin a search at a node; returns the end of its queue, which is that node. */
static vl_wait_node *
wait_search_begin(vl_wait_node *node)
{
    node->mark = ++wait_graph.mark;
    node->via = NULL;
    node->next_seen = NULL;
    return node;
}

/* A search comes to a node by an edge. Returns the queue's end. */
static vl_wait_node *
wait_search_add(vl_wait_node *last, vl_wait_node *node, wait_edge *via)
{
    if (node->mark == wait_graph.mark)
        return last;
    node->mark = wait_graph.mark;
    node->via = via;
    node->next_seen = NULL;
    last->next_seen = node;
    return node;
}

static int64_t
wait_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Somebody idles whom this node waits for. Whose time begins with that goes on sleeping: each call
 * of an owner would wake all who wait for it otherwise. */
static void
wait_notice_idle(vl_wait_node *node)
{
    if (node->idle_ns == 0)
        node->idle_ns = wait_now_ns();
    if (!node->wakes_idle)
        return;
    node->wakes_idle = 0;
    node->has_met_idle = 1;
    wait_wake(node);
}

/* Whether the edge's end is still in the way. */
static int
wait_edge_is_live(const wait_edge *edge)
{
    return vl_txn_status_commit_ts(edge->status) == VL_TS_ACTIVE &&
           atomic_load_explicit(&edge->status->events, memory_order_seq_cst) == edge->events;
}

/* Tell all who wait for this node, directly or through others, that somebody idles. */
static void
wait_tell_idle_behind(vl_wait_node *node)
{
    vl_wait_node *last = wait_search_begin(node);

    for (vl_wait_node *seen = node; seen != NULL; seen = seen->next_seen) {
        if (seen != node)
            wait_notice_idle(seen);
        for (wait_edge *edge = seen->in; edge != NULL; edge = edge->next)
            if (wait_edge_is_live(edge)) /* or it was waited for, and has ended */
                last = wait_search_add(last, edge->from, edge);
    }
}

/* ---- owners ---- */

uint32_t
vl_wait_events(const vl_txn_status *status)
{
    return atomic_load_explicit(&status->events, memory_order_acquire);
}

void
vl_wait_tell(vl_txn_status *status)
{
    vl_wait_node *node = status->node;

    atomic_fetch_add_explicit(&status->events, 1, memory_order_seq_cst); /* keeps G1 */
    if (node == NULL || atomic_load_explicit(&node->in_count, memory_order_seq_cst) == 0)
        return;
    vl_latch_acquire_exclusive(&wait_graph.latch);
    for (wait_edge *edge = node->in; edge != NULL; edge = edge->next)
        if (edge->status == status)
            wait_wake(edge->from);
    vl_latch_release_exclusive(&wait_graph.latch);
}

void
vl_wait_enter_call(vl_wait_node *node)
{
    VL_ASSERT(atomic_load_explicit(&node->is_inside, memory_order_relaxed) == 0);
    atomic_store_explicit(&node->is_interrupted, 0, memory_order_relaxed);
    atomic_store_explicit(&node->is_inside, 1, memory_order_release);
}

void
vl_wait_leave_call(vl_wait_node *node)
{
    uint32_t before = atomic_exchange_explicit(&node->is_inside, 0, memory_order_seq_cst);

    VL_ASSERT(before == 1);
    (void)before;
    if (atomic_load_explicit(&node->tells_idle, memory_order_seq_cst) == 0) /* keeps G1 */
        return;
    vl_latch_acquire_exclusive(&wait_graph.latch);
    atomic_store_explicit(&node->tells_idle, 0, memory_order_relaxed);
    wait_tell_idle_behind(node);
    vl_latch_release_exclusive(&wait_graph.latch);
}

/* Of use to signal handlers: takes no latch. */
void
vl_wait_interrupt(vl_wait_node *node)
{
    atomic_store_explicit(&node->is_interrupted, 1, memory_order_seq_cst);
    wait_wake(node);
}

/* ---- looking at the graph; the latch is held ---- */

/* Whether all that the node waits for is as it was. */
static int
wait_is_blocked(const vl_wait_node *node)
{
    for (uint32_t i = 0; i < node->out_count; i++)
        if (!wait_edge_is_live(&node->out[i]))
            return 0;
    return node->out_count > 0;
}

/* Whether somebody that the node waits for, directly or through others, idles. If nobody does, the
 * first one who will tells so. */
static int
wait_meets_idle(vl_wait_node *node)
{
    vl_wait_node *last = wait_search_begin(node);

    for (vl_wait_node *seen = node; seen != NULL; seen = seen->next_seen) {
        if (seen != node) {
            atomic_store_explicit(&seen->tells_idle, 1, memory_order_seq_cst); /* keeps G1 */
            if (atomic_load_explicit(&seen->is_inside, memory_order_seq_cst) == 0)
                return 1;
        }
        for (uint32_t i = 0; i < seen->out_count; i++)
            if (wait_edge_is_live(&seen->out[i]))
                last = wait_search_add(last, seen->out[i].status->node, &seen->out[i]);
    }
    return 0;
}

/* Find a circle through the node, without a victim in it: the edge that closes it, or NULL. The
 * others are found by following `via` back from there. */
static wait_edge *
wait_find_circle(vl_wait_node *node)
{
    vl_wait_node *last = wait_search_begin(node);

    for (vl_wait_node *seen = node; seen != NULL; seen = seen->next_seen) {
        if (seen->is_victim)
            continue;
        for (uint32_t i = 0; i < seen->out_count; i++) {
            wait_edge *edge = &seen->out[i];

            if (!wait_edge_is_live(edge))
                continue;
            if (edge->status->node == node)
                return edge;
            last = wait_search_add(last, edge->status->node, edge);
        }
    }
    return NULL;
}

/* The edge by which the circle leaves a node. */
static const wait_edge *
wait_circle_leaves(const wait_edge *closing, const vl_wait_node *node)
{
    const wait_edge *edge = closing;

    while (edge->from != node) {
        edge = edge->from->via;
        VL_CHECK(edge != NULL); /* all of the circle's nodes are on the way back */
    }
    return edge;
}

/* Whether the first is the better victim; each is an edge by which the circle enters a node. */
static int
wait_is_lighter(const wait_edge *a, const wait_edge *b)
{
    uint64_t a_work = atomic_load_explicit(&a->status->node->work, memory_order_relaxed);
    uint64_t b_work = atomic_load_explicit(&b->status->node->work, memory_order_relaxed);

    return a_work != b_work ? a_work < b_work : a->status->number > b->status->number;
}

/* Doom one in the circle. Nothing happens if it has just ended. Keeps G3. */
static void
wait_doom_one(wait_edge *closing)
{
    const wait_edge *chosen = closing;
    const wait_edge *leaves;
    vl_wait_node *victim;

    for (const wait_edge *edge = closing->from->via; edge != NULL; edge = edge->from->via)
        if (wait_is_lighter(edge, chosen))
            chosen = edge;
    if (!vl_txn_status_doom(chosen->status) && !vl_txn_status_is_doomed(chosen->status))
        return;
    victim = chosen->status->node;
    leaves = wait_circle_leaves(closing, victim);
    victim->verdict.own = chosen->status->number;
    victim->verdict.other = leaves->status->number;
    victim->verdict.other_kind = leaves->status->node->kind;
    victim->verdict.third = wait_circle_leaves(closing, leaves->status->node)->status->number;
    victim->is_victim = 1;
    wait_wake(victim);
}

/* The node has begun to wait: resolve each circle that this has closed. Keeps G2. */
static void
wait_resolve(vl_wait_node *node)
{
    wait_edge *closing;

    while (!node->is_victim && (closing = wait_find_circle(node)) != NULL)
        wait_doom_one(closing);
}

/* ---- waiting ---- */

/* Make the edges, but those to the node itself. Returns how many. */
static uint32_t
wait_make_edges(vl_wait_node *node, const vl_wait_request *request, wait_edge *edges)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < request->owner_count; i++) {
        const vl_wait_owner *owner = &request->owners[i];

        VL_ASSERT(owner->status->node != NULL);
        if (owner->status->node == node)
            continue;
        vl_txn_status_acquire(owner->status, 1);
        edges[count].from = node;
        edges[count].status = owner->status;
        edges[count].events = owner->events;
        count++;
    }
    return count;
}

/* Begin to wait. */
static void
wait_link(vl_wait_node *node, vl_wait_kind kind, wait_edge *edges, uint32_t count)
{
    vl_latch_acquire_exclusive(&wait_graph.latch);
    VL_ASSERT(node->out_count == 0);
    node->out = edges;
    node->out_count = count;
    node->kind = kind;
    node->wakes_idle = 0;
    node->has_met_idle = 0;
    node->idle_ns = 0;
    for (uint32_t i = 0; i < count; i++) {
        vl_wait_node *to = edges[i].status->node;

        edges[i].prev = NULL;
        edges[i].next = to->in;
        if (to->in != NULL)
            to->in->prev = &edges[i];
        to->in = &edges[i];
        atomic_fetch_add_explicit(&to->in_count, 1, memory_order_seq_cst); /* keeps G1 */
    }
    wait_resolve(node);
    if (node->in != NULL && wait_meets_idle(node))
        wait_tell_idle_behind(node); /* they wait for somebody idle from now on */
    vl_latch_release_exclusive(&wait_graph.latch);
}

/* End to wait. */
static void
wait_unlink(vl_wait_node *node)
{
    wait_edge *edges = node->out;
    uint32_t count = node->out_count;

    vl_latch_acquire_exclusive(&wait_graph.latch);
    for (uint32_t i = 0; i < count; i++) {
        vl_wait_node *to = edges[i].status->node;

        if (edges[i].prev != NULL)
            edges[i].prev->next = edges[i].next;
        else
            to->in = edges[i].next;
        if (edges[i].next != NULL)
            edges[i].next->prev = edges[i].prev;
        atomic_fetch_sub_explicit(&to->in_count, 1, memory_order_seq_cst);
    }
    node->out = NULL;
    node->out_count = 0;
    node->is_victim = 0;
    vl_latch_release_exclusive(&wait_graph.latch);
    for (uint32_t i = 0; i < count; i++)
        vl_txn_status_release(edges[i].status, 1);
}

/* What it means to wait, in words for messages. */
static const char *
wait_kind_name(vl_wait_kind kind)
{
    switch (kind) {
    case VL_WAIT_ROW:
        return "a row";
    case VL_WAIT_KEY:
        return "a key";
    case VL_WAIT_KEY_SHARE:
        return "a key-share lock";
    case VL_WAIT_TABLE:
        return "a table";
    case VL_WAIT_GATE:
        return "the turn to write";
    case VL_WAIT_SCHEMA:
        return "the turn to change the schema";
    }
    return "something";
}

static velo_status
wait_fail_victim(vl_ctx *ctx, vl_wait_kind kind, const wait_verdict *verdict)
{
    return vl_fail(ctx, VELO_BUSY_SNAPSHOT,
                   "deadlock: transaction %llu waited for %s of transaction %llu, which waits for "
                   "%s of transaction %llu; it was undone, and only ROLLBACK can follow",
                   (unsigned long long)verdict->own, wait_kind_name(kind),
                   (unsigned long long)verdict->other, wait_kind_name(verdict->other_kind),
                   (unsigned long long)verdict->third);
}

/* What a sleeper sees when it looks. */
typedef struct wait_look {
    int is_victim;        /* it is to leave; verdict says why */
    int is_blocked;       /* all that it waits for is as it was */
    int is_idle;          /* somebody there idles, or did since it looked before */
    int64_t left_ns;      /* how long it may sleep, or VL_PARK_FOREVER */
    wait_verdict verdict; /* see there */
} wait_look;

/* How long a sleeper may wait on before it looks again: its time has begun with the first who
 * idled. */
static int64_t
wait_time_left(const vl_wait_node *node, const vl_wait_request *request)
{
    if (request->busy != NULL || request->timeout_ns < 0)
        return VL_PARK_FOREVER;
    if (node->idle_ns == 0)
        return request->timeout_ns;
    return node->idle_ns + request->timeout_ns - wait_now_ns();
}

static void
wait_look_around(vl_wait_node *node, const vl_wait_request *request, wait_look *look)
{
    vl_latch_acquire_exclusive(&wait_graph.latch);
    look->is_victim = node->is_victim;
    look->verdict = node->verdict;
    look->is_blocked = wait_is_blocked(node);
    look->is_idle = 0;
    if (look->is_blocked && !look->is_victim && !(request->busy == NULL && request->timeout_ns < 0))
        look->is_idle = node->has_met_idle || wait_meets_idle(node);
    if (look->is_idle && node->idle_ns == 0)
        node->idle_ns = wait_now_ns();
    look->left_ns = wait_time_left(node, request);
    node->has_met_idle = 0;
    /* Those with a handler, and those whose time is over, have something to do at once. */
    node->wakes_idle = !look->is_idle && (request->busy != NULL || request->timeout_ns == 0 ||
                                          (request->timeout_ns > 0 && look->left_ns <= 0));
    if (node->wakes_idle)
        look->left_ns = VL_PARK_FOREVER;
    vl_latch_release_exclusive(&wait_graph.latch);
}

/* Wait as a linked node. */
static velo_status
wait_sleep(vl_ctx *ctx, vl_wait_node *node, const vl_wait_request *request)
{
    uint32_t calls = 0;

    for (;;) {
        uint32_t signal = atomic_load_explicit(&node->signal, memory_order_seq_cst); /* G1 */
        int is_over = 0;
        wait_look look;

        wait_look_around(node, request, &look);
        if (look.is_victim)
            return wait_fail_victim(ctx, request->kind, &look.verdict);
        if (!look.is_blocked)
            return VELO_OK;
        if (atomic_load_explicit(&node->is_interrupted, memory_order_seq_cst) != 0)
            return vl_fail(ctx, VELO_INTERRUPT, "interrupted while waiting for %s",
                           wait_kind_name(request->kind));
        if (look.is_idle && request->busy != NULL)
            is_over = request->busy(request->busy_argument, calls++) == 0;
        else if (look.is_idle && request->timeout_ns >= 0 && look.left_ns <= 0)
            is_over = 1;
        else
            (void)vl_park(&node->signal, signal, look.left_ns);
        if (is_over)
            return vl_fail(ctx, VELO_BUSY, "transaction %llu has %s and idles",
                           (unsigned long long)request->owners[0].status->number,
                           wait_kind_name(request->kind));
    }
}

velo_status
vl_wait(vl_ctx *ctx, vl_wait_node *node, const vl_wait_request *request)
{
    wait_edge few[WAIT_FEW];
    wait_edge *edges = few;
    uint32_t count;
    velo_status st = VELO_OK;

    VL_ASSERT(atomic_load_explicit(&node->is_inside, memory_order_relaxed) != 0);
    if (request->owner_count > WAIT_FEW) {
        edges = vl_alloc_array(ctx, request->owner_count, sizeof *edges);
        if (edges == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate a wait for %u transactions",
                           request->owner_count);
    }
    count = wait_make_edges(node, request, edges);
    if (count > 0) {
        wait_link(node, request->kind, edges, count);
        st = wait_sleep(ctx, node, request);
        wait_unlink(node);
    }
    if (edges != few)
        vl_free(edges);
    return st;
}
