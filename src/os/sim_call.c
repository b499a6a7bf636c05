/* sim_call.c - what surrounds every operation on the simulated machine: number, hook, faults,
 * trace.
 *
 * begin: dead processes are refused -> count, match faults -> hook (before) -> planned cuts, kills
 * and errors -> the operation runs under the latch -> end: planned cuts, kills and errors that come
 * after -> trace -> hook (after).
 *
 * Invariants
 *   F1  Every changing operation of a living process gets the next number, whatever becomes of it.
 *   F2  The hook runs without the latch. What it did to the machine counts: the process may be dead
 *       when it returns.
 *   F3  Between begin and end the latch is held exactly if is_running. */
#include "os/sim_int.h"

#include "base/assert.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Time that an operation takes on the machine's clock. */
#define SIM_CALL_DURATION_NS 1000U

static const char *const sim_call_op_names[VL_SIM_OP_COUNT] = {
    "open",   "read",     "get_size",      "lock",   "map",         "exists",
    "create", "write",    "write_durable", "sync",   "resize",      "allocate",
    "punch",  "map_sync", "delete",        "rename", "sync_folder", "map_store"};

static const char *const sim_call_fault_names[] = {
    "cut before",  "cut after",  "kill before",       "kill after", "error",
    "error after", "sync loses", "sync loses some",   "sync lies",  "short",
    "flipped bit", "lost write", "misdirected write", "delay"};

#define SIM_CALL_FAULT_COUNT (VL_SIM_DELAY + 1)
_Static_assert(VL_ARRAY_COUNT(sim_call_fault_names) == SIM_CALL_FAULT_COUNT,
               "a name for each fault");

static uint32_t
sim_call_op_index(uint32_t op)
{
    return (uint32_t)__builtin_ctz(op);
}

/* ---- planned faults ---- */

/* Operations that a kind of fault can happen to. */
static uint32_t
sim_call_fault_ops(vl_sim_fault_kind kind)
{
    switch (kind) {
    case VL_SIM_CUT_BEFORE:
    case VL_SIM_CUT_AFTER:
    case VL_SIM_KILL_BEFORE:
    case VL_SIM_KILL_AFTER:
    case VL_SIM_ERROR:
    case VL_SIM_ERROR_AFTER:
    case VL_SIM_DELAY:
        return VL_SIM_ANY;
    case VL_SIM_SYNC_LOSES:
    case VL_SIM_SYNC_LOSES_SOME:
        return VL_SIM_SYNC | VL_SIM_WRITE_DURABLE | VL_SIM_MAP_SYNC;
    case VL_SIM_SYNC_LIES:
        return VL_SIM_SYNC | VL_SIM_WRITE_DURABLE | VL_SIM_MAP_SYNC | VL_SIM_SYNC_FOLDER;
    case VL_SIM_SHORT:
        return VL_SIM_READ | VL_SIM_WRITE | VL_SIM_WRITE_DURABLE;
    case VL_SIM_FLIP_BIT:
        return VL_SIM_READ;
    case VL_SIM_LOSE_WRITE:
    case VL_SIM_MISDIRECT_WRITE:
        return VL_SIM_WRITE | VL_SIM_WRITE_DURABLE;
    }
    return 0;
}

velo_status
vl_sim_plan(vl_ctx *ctx, vl_sim *sim, const vl_sim_fault *fault)
{
    vl_sim_bytes *path = NULL;
    vl_sim_plan_entry *grown;
    vl_sim_plan_entry *entry;

    vl_latch_acquire_exclusive(&sim->latch);
    grown = vl_sim_array_reserve(sim->allocator, sim->plans, sim->plan_count, &sim->plan_capacity,
                                 sim->plan_count + 1, sizeof *grown);
    if (grown != NULL)
        sim->plans = grown;
    if (grown != NULL && fault->path != NULL)
        path = vl_sim_bytes_create(sim->allocator, fault->path, strlen(fault->path));
    if (grown == NULL || (fault->path != NULL && path == NULL)) {
        vl_latch_release_exclusive(&sim->latch);
        return vl_fail(ctx, VELO_NOMEM, "cannot plan a fault");
    }
    entry = &sim->plans[sim->plan_count++];
    memset(entry, 0, sizeof *entry);
    entry->fault = *fault;
    entry->fault.path = NULL;
    entry->fault.ops =
        (fault->ops != 0 ? fault->ops : VL_SIM_ANY) & sim_call_fault_ops(fault->kind);
    entry->fault.nth = fault->nth != 0 ? fault->nth : 1;
    entry->fault.count = fault->count != 0 ? fault->count : 1;
    entry->fault.os_error = fault->os_error != 0 ? fault->os_error : EIO;
    entry->path = path;
    vl_latch_release_exclusive(&sim->latch);
    return VELO_OK;
}

void
vl_sim_plan_destroy(vl_sim *sim)
{
    for (uint32_t i = 0; i < sim->plan_count; i++)
        vl_sim_bytes_release(sim->plans[i].path);
    sim->plan_count = 0;
}

void
vl_sim_plan_clear(vl_sim *sim)
{
    vl_latch_acquire_exclusive(&sim->latch);
    vl_sim_plan_destroy(sim);
    vl_latch_release_exclusive(&sim->latch);
}

static int
sim_call_path_matches(const vl_sim_event *event, const vl_sim_bytes *part)
{
    if (part == NULL)
        return 1;
    return strstr(event->path, (const char *)part->data) != NULL ||
           (event->to_path != NULL && strstr(event->to_path, (const char *)part->data) != NULL);
}

/* Let a fault happen to the operation. */
static void
sim_call_meet(vl_sim_call *call, vl_sim *sim, const vl_sim_fault *fault)
{
    call->faults |= 1U << fault->kind;
    sim->stats.fault_count++;
    switch (fault->kind) {
    case VL_SIM_ERROR:
    case VL_SIM_ERROR_AFTER:
    case VL_SIM_SYNC_LOSES:
    case VL_SIM_SYNC_LOSES_SOME:
        call->os_error = fault->os_error;
        break;
    case VL_SIM_SHORT:
        call->short_amount = fault->amount;
        break;
    case VL_SIM_MISDIRECT_WRITE:
        call->stray_amount = fault->amount;
        break;
    case VL_SIM_DELAY:
        sim->clock_ns += fault->amount;
        break;
    case VL_SIM_CUT_BEFORE:
    case VL_SIM_CUT_AFTER:
    case VL_SIM_KILL_BEFORE:
    case VL_SIM_KILL_AFTER:
    case VL_SIM_SYNC_LIES:
    case VL_SIM_FLIP_BIT:
    case VL_SIM_LOSE_WRITE:
        break;
    }
}

static void
sim_call_match_plans(vl_sim_call *call, vl_sim *sim)
{
    for (uint32_t i = 0; i < sim->plan_count; i++) {
        vl_sim_plan_entry *entry = &sim->plans[i];
        const vl_sim_fault *fault = &entry->fault;

        if ((fault->ops & call->event.op) == 0 || !sim_call_path_matches(&call->event, entry->path))
            continue;
        entry->seen++;
        if (entry->seen >= fault->nth && entry->seen - fault->nth < fault->count)
            sim_call_meet(call, sim, fault);
    }
}

/* ---- trace ---- */

static void
sim_call_trace(const vl_sim_call *call, vl_sim *sim, int error)
{
    vl_sim_trace *trace = &sim->trace[sim->trace_count++ % VL_SIM_TRACE_SIZE];
    const char *path = call->event.path;
    size_t size = strlen(path);

    trace->number = call->event.number;
    trace->op = call->event.op;
    trace->os_error = error;
    trace->faults = call->faults;
    trace->offset = call->event.offset;
    trace->size = call->event.size;
    if (size >= sizeof trace->path)
        path += size - (sizeof trace->path - 1);
    memcpy(trace->path, path, strlen(path) + 1);
}

/* Where text is being put together. */
typedef struct sim_call_text {
    char *buf;   /* the caller's */
    size_t size; /* room, the end included */
    size_t used; /* bytes so far, without the end */
} sim_call_text;

static void VL_PRINTF(2, 3) sim_call_print(sim_call_text *text, const char *format, ...)
{
    size_t room = text->size - text->used;
    va_list args;
    int size;

    va_start(args, format);
    size = vsnprintf(text->buf + text->used, room, format, args);
    va_end(args);
    if (size > 0)
        text->used += (size_t)size < room ? (size_t)size : room - 1;
}

static void
sim_call_describe_trace(sim_call_text *text, const vl_sim_trace *trace)
{
    if (trace->number != 0)
        sim_call_print(text, "#%-6" PRIu64, trace->number);
    else
        sim_call_print(text, "       ");
    sim_call_print(text, " %-13s %s", sim_call_op_names[sim_call_op_index(trace->op)], trace->path);
    sim_call_print(text, " offset %" PRIu64 " size %" PRIu64, trace->offset, trace->size);
    if (trace->os_error != 0)
        sim_call_print(text, " -> errno %d", trace->os_error);
    for (uint32_t i = 0; i < SIM_CALL_FAULT_COUNT; i++)
        if ((trace->faults & (1U << i)) != 0)
            sim_call_print(text, " (%s)", sim_call_fault_names[i]);
    sim_call_print(text, "\n");
}

static void
sim_call_describe_folder(sim_call_text *text, const vl_sim_folder *folder)
{
    for (uint32_t i = 0; i < folder->current.count; i++) {
        const vl_sim_entry *entry = &folder->current.items[i];
        const vl_sim_inode *inode = entry->inode;

        sim_call_print(text, "%s%s%s: file %" PRIu64 ", %" PRIu64 " bytes, durable %" PRIu64,
                       (const char *)folder->path->data, folder->path->size == 1 ? "" : "/",
                       (const char *)entry->name->data, inode->id, inode->current->size,
                       inode->durable->size);
        sim_call_print(text, ", %" PRIu32 " pending changes%s\n", inode->change_count,
                       inode->is_diverged ? ", data lost" : "");
    }
    if (folder->change_count > 0)
        sim_call_print(text, "%s: %" PRIu32 " pending changes of names\n",
                       (const char *)folder->path->data, folder->change_count);
}

void
vl_sim_describe(vl_sim *sim, char *buf, size_t size)
{
    sim_call_text text = {buf, size, 0};
    uint64_t first;

    if (size == 0)
        return;
    buf[0] = '\0';
    vl_latch_acquire_exclusive(&sim->latch);
    first = sim->trace_count > VL_SIM_TRACE_SIZE ? sim->trace_count - VL_SIM_TRACE_SIZE : 0;
    sim_call_print(&text, "seed %" PRIu64 ", operation %" PRIu64 ", %s\n", sim->options.seed,
                   sim->stats.op_number, sim->is_off ? "power is off" : "power is on");
    for (uint32_t i = 0; i < sim->folder_count; i++)
        sim_call_describe_folder(&text, sim->folders[i]);
    for (uint64_t i = first; i < sim->trace_count; i++)
        sim_call_describe_trace(&text, &sim->trace[i % VL_SIM_TRACE_SIZE]);
    vl_latch_release_exclusive(&sim->latch);
}

/* ---- begin and end ---- */

/* Give the operation its number, and find out what will happen to it. Keeps F1. */
static int
sim_call_enter(vl_sim_call *call, vl_sim *sim)
{
    if (call->process->is_dead)
        return ESHUTDOWN;
    sim->clock_ns += SIM_CALL_DURATION_NS;
    sim->stats.op_counts[sim_call_op_index(call->event.op)]++;
    if ((call->event.op & VL_SIM_CHANGING) != 0)
        call->event.number = ++sim->stats.op_number;
    sim_call_match_plans(call, sim);
    return 0;
}

/* Cuts, kills and errors that come instead of the operation. */
static int
sim_call_meet_before(const vl_sim_call *call, vl_sim *sim)
{
    if (call->process->is_dead)
        return ESHUTDOWN; /* the hook did it (F2), or another thread */
    if (vl_sim_call_has(call, VL_SIM_CUT_BEFORE))
        vl_sim_stop(sim, 1);
    else if (vl_sim_call_has(call, VL_SIM_KILL_BEFORE))
        vl_sim_stop(sim, 0);
    if (call->process->is_dead)
        return ESHUTDOWN;
    return vl_sim_call_has(call, VL_SIM_ERROR) ? call->os_error : 0;
}

/* Those that come after it. */
static int
sim_call_meet_after(const vl_sim_call *call, vl_sim *sim, int error)
{
    if (call->process->is_dead)
        return ESHUTDOWN;
    if (vl_sim_call_has(call, VL_SIM_CUT_AFTER))
        vl_sim_stop(sim, 1);
    else if (vl_sim_call_has(call, VL_SIM_KILL_AFTER))
        vl_sim_stop(sim, 0);
    if (call->process->is_dead)
        return ESHUTDOWN;
    return error == 0 && vl_sim_call_has(call, VL_SIM_ERROR_AFTER) ? call->os_error : error;
}

/* Tell the hook. Keeps F2. */
static void
sim_call_tell(vl_sim_call *call, vl_sim *sim, int is_after, int os_error)
{
    vl_sim_hook *hook = sim->hook;
    void *user = sim->hook_user;

    if (hook == NULL || (call->event.op & VL_SIM_CHANGING) == 0)
        return;
    call->event.is_after = is_after;
    call->event.os_error = os_error;
    vl_latch_release_exclusive(&sim->latch);
    hook(user, sim, &call->event);
    vl_latch_acquire_exclusive(&sim->latch);
}

int
vl_sim_call_begin(vl_sim_call *call)
{
    vl_sim *sim = call->process->sim;
    int error;

    vl_latch_acquire_exclusive(&sim->latch);
    error = sim_call_enter(call, sim);
    if (error != 0) {
        vl_latch_release_exclusive(&sim->latch);
        return error;
    }
    call->is_running = 1;
    sim_call_tell(call, sim, 0, 0);
    return sim_call_meet_before(call, sim);
}

int
vl_sim_call_end(vl_sim_call *call, int error)
{
    vl_sim *sim = call->process->sim;

    if (!call->is_running)
        return error; /* keeps F3 */
    call->is_running = 0;
    error = sim_call_meet_after(call, sim, error);
    sim_call_trace(call, sim, error);
    if (error != ESHUTDOWN)
        sim_call_tell(call, sim, 1, error);
    vl_latch_release_exclusive(&sim->latch);
    return error;
}

void
vl_sim_set_hook(vl_sim *sim, vl_sim_hook *hook, void *user)
{
    vl_latch_acquire_exclusive(&sim->latch);
    sim->hook = hook;
    sim->hook_user = user;
    vl_latch_release_exclusive(&sim->latch);
}
