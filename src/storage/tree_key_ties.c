/* tree_key_ties.c - the rests of long keys: comparing them, and freeing them.
 *
 * Invariants
 *   K1  A note is made and used under one pin, so the rest that it speaks of was not freed in
 *       between, and its page number means the same key.
 *   K2  A rest is unlinked first: no page refers to it. Then everybody who was present is waited
 *       for; who comes later does not find it. Only then it is freed.
 *   K3  Who is pinned does not wait for who waits: a thread ends its targets before it frees, and
 *       frees without latches and outside of sections. */
#include "base/grace.h"
#include "base/log.h"
#include "storage/tree_key_int.h"

#include <inttypes.h>
#include <string.h>

/* Of all trees of the process: ties are rare, and pins short. */
static vl_grace key_ties_grace = VL_GRACE_INIT;

uint32_t
vl_tree_key_enter(void)
{
    return 1 + vl_grace_enter(&key_ties_grace);
}

void
vl_tree_key_leave(uint32_t pin)
{
    if (pin != 0)
        vl_grace_leave(&key_ties_grace, pin - 1);
}

void
vl_tree_key_target_init(vl_tree_target *target, const vl_node_key *key, vl_tree_where where)
{
    target->rowid = 0;
    target->key = key;
    target->where = where;
    target->tie_count = 0;
    target->pin = 0;
}

void
vl_tree_key_pin(vl_tree_target *target)
{
    if (target->pin == 0)
        target->pin = vl_tree_key_enter();
}

void
vl_tree_key_target_end(vl_tree_target *target)
{
    vl_tree_key_leave(target->pin);
    target->pin = 0;
    target->tie_count = 0;
}

vl_overflow
vl_tree_key_rest(const vl_tree *tree, vl_pid rest, uint32_t total_size)
{
    vl_overflow value = {tree->id, rest, total_size - vl_node_key_part_max(tree->page_size)};

    return value;
}

/* Compare the wanted key with one that has the same part. */
static velo_status
key_ties_compare(vl_ctx *ctx, const vl_tree *tree, const vl_node_key *wanted, vl_pid rest,
                 uint32_t total_size, int *order)
{
    uint32_t part = vl_node_key_part_max(tree->page_size);
    vl_overflow value = vl_tree_key_rest(tree, rest, total_size);
    uint32_t size = wanted->total_size - part;
    uint32_t equal_count;

    VL_ASSERT(wanted->size == wanted->total_size);
    if (total_size <= part)
        return vl_fail(ctx, VELO_CORRUPT,
                       "tree %" PRIu64 ": a key of %" PRIu32 " bytes has its rest at page %" PRIu32,
                       tree->id, total_size, rest);
    size = size < value.size ? size : value.size;
    VL_TRY(vl_overflow_compare(ctx, tree->cache, &value, 0, size, wanted->data + part, &equal_count,
                               order));
    if (*order == 0)
        *order = (wanted->total_size > total_size) - (wanted->total_size < total_size);
    return VELO_OK;
}

static velo_status
key_ties_resolve(vl_ctx *ctx, const vl_tree *tree, vl_tree_target *target, vl_pid rest,
                 uint32_t total_size)
{
    int order = 0;

    if (target->pin == 0) { /* keeps K1: the tie is looked for again first */
        vl_tree_key_pin(target);
        return VELO_OK;
    }
    VL_TRY(key_ties_compare(ctx, tree, target->key, rest, total_size, &order));
    if (target->tie_count == VL_TREE_TIES) {
        target->tie_count--;
        memmove(target->ties, target->ties + 1, target->tie_count * sizeof target->ties[0]);
    }
    target->ties[target->tie_count].rest = rest;
    target->ties[target->tie_count].order = order;
    target->tie_count++;
    return VELO_OK;
}

velo_status
vl_tree_key_resolve(vl_ctx *ctx, const vl_tree *tree, vl_tree_target *target,
                    const vl_tree_step *step)
{
    return key_ties_resolve(ctx, tree, target, step->tie_rest, step->tie_total);
}

velo_status
vl_tree_key_resolve_place(vl_ctx *ctx, const vl_tree *tree, vl_tree_target *target,
                          const vl_node_key_place *place)
{
    return key_ties_resolve(ctx, tree, target, place->tie_rest, place->tie_total);
}

velo_status
vl_tree_key_compare_rests(vl_ctx *ctx, const vl_tree *tree, const vl_overflow *left,
                          const vl_overflow *right, uint8_t *buffer, uint32_t buffer_size,
                          uint32_t *equal_count, int *order)
{
    uint32_t size = left->size < right->size ? left->size : right->size;
    uint32_t equal;

    *order = 0;
    for (*equal_count = 0; *equal_count < size && *order == 0; *equal_count += equal) {
        uint32_t part = size - *equal_count;

        part = part < buffer_size ? part : buffer_size;
        VL_TRY(vl_overflow_read(ctx, tree->cache, left, *equal_count, part, buffer));
        VL_TRY(vl_overflow_compare(ctx, tree->cache, right, *equal_count, part, buffer, &equal,
                                   order));
    }
    if (*order == 0)
        *order = (left->size > right->size) - (left->size < right->size);
    return VELO_OK;
}

/* ---- rests that go ---- */

void
vl_tree_key_drop(vl_tree_key_drops *drops, const vl_tree *tree, vl_pid rest, uint32_t total_size)
{
    vl_overflow value = vl_tree_key_rest(tree, rest, total_size);

    if (rest == 0)
        return;
    if (drops->dropped != NULL) {
        drops->dropped(drops->argument, &value);
        return;
    }
    VL_CHECK(drops->count < VL_TREE_KEY_DROPS_MAX);
    drops->rests[drops->count++] = value;
}

static void
key_ties_tell_lost(vl_ctx *ctx, const vl_overflow_freeing *freeing, velo_status st)
{
    vl_log_write(ctx->log, VL_LOG_ERROR, st,
                 "tree %" PRIu64 ": %" PRIu32 " pages of the rest of a long key at page %" PRIu32
                 " are lost to the file: %s",
                 freeing->value.tree, freeing->left, freeing->value.pid, ctx->error.text);
}

/* Keep what could not be freed for another try. */
static void
key_ties_postpone(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work,
                  const vl_overflow_freeing *freeing, velo_status st)
{
    vl_tree_postponed *kept = &work->postponed[work->postponed_count];

    if (st == VELO_CORRUPT || work->postponed_count == VL_TREE_POSTPONED_MAX) {
        key_ties_tell_lost(ctx, freeing, st);
        return;
    }
    kept->cache = tree->cache;
    kept->freeing = *freeing;
    kept->freeing.note = NULL;
    kept->freeing.argument = NULL;
    work->postponed_count++;
}

static void
key_ties_free(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work, const vl_overflow *value,
              vl_overflow_note *note, void *argument)
{
    vl_overflow_freeing freeing = {*value, 0, note, argument};
    vl_error before = ctx->error;
    velo_status st;

    freeing.left = vl_overflow_page_count(tree->page_size, value->size);
    st = vl_overflow_free(ctx, tree->cache, &freeing, freeing.left);
    if (st == VELO_OK)
        return;
    key_ties_postpone(ctx, tree, work, &freeing, st);
    ctx->error = before;
}

velo_status
vl_tree_key_free_postponed(vl_ctx *ctx, vl_tree_work *work)
{
    while (work->postponed_count > 0) { /* they were waited for before the first try */
        vl_tree_postponed *last = &work->postponed[work->postponed_count - 1];
        velo_status st = vl_overflow_free(ctx, last->cache, &last->freeing, last->freeing.left);

        if (st == VELO_CORRUPT)
            key_ties_tell_lost(ctx, &last->freeing, st);
        else if (st != VELO_OK)
            return st;
        work->postponed_count--;
    }
    return VELO_OK;
}

/* Try again what was postponed, without making its failure the caller's. */
static void
key_ties_retry(vl_ctx *ctx, vl_tree_work *work)
{
    vl_error before = ctx->error;

    if (work->postponed_count > 0 && vl_tree_key_free_postponed(ctx, work) != VELO_OK)
        ctx->error = before;
}

void
vl_tree_key_free_drops(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work,
                       vl_tree_key_drops *drops, vl_overflow_note *note, void *argument)
{
    if (drops->count > 0)
        vl_grace_wait(&key_ties_grace); /* keeps K2 */
    for (uint32_t i = 0; i < drops->count; i++)
        key_ties_free(ctx, tree, work, &drops->rests[i], note, argument);
    if (drops->count == 0)
        key_ties_retry(ctx, work);
    drops->count = 0;
}

void
vl_tree_key_free_unused(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work, vl_pid rest,
                        uint32_t total_size, vl_overflow_note *note, void *argument)
{
    vl_overflow value = vl_tree_key_rest(tree, rest, total_size);

    if (rest != 0)
        key_ties_free(ctx, tree, work, &value, note, argument);
}

velo_status
vl_tree_key_free_rest(vl_ctx *ctx, const vl_tree *tree, vl_overflow_freeing *freeing,
                      uint32_t max_pages)
{
    vl_grace_wait(&key_ties_grace); /* keeps K2 */
    return vl_overflow_free(ctx, tree->cache, freeing, max_pages);
}
