/* ctx.h - the context that every task carries: its error, its memory, its log.
 *
 * One context belongs to one thread at a time: a connection's call, or a background task. Nothing
 * in it is shared, so nothing in it is atomic. */
#ifndef VL_BASE_CTX_H
#define VL_BASE_CTX_H

#include "base/alloc.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/status.h"

struct vl_ctx {
    vl_allocator *allocator; /* where its heap memory comes from; outlives the context */
    vl_arena *arena;         /* of what is being worked on (statement, batch), or NULL */
    const vl_log *log;       /* where events are told, or NULL for nowhere */
    vl_error error;          /* the last failure */
};

/* Make a context without an error.
 *
 * allocator  borrowed; NULL stands for the process's default
 * log        borrowed; NULL for none */
void vl_ctx_init(vl_ctx *ctx, vl_allocator *allocator, const vl_log *log);

#endif
