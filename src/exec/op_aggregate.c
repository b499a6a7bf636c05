/* op_aggregate.c - AGGREGATE: groups and what is computed of each.
 *
 * Groups are found by hashing and sorted at the end, since they are yielded in ascending order.
 * When the input is sorted already, each group is yielded when the next one begins.
 *
 * When memory is short, rows whose group is not in the table are put aside, sorted by their keys;
 * rows of groups in the table go on as before. At the end the groups of the table and those of the
 * rows that were put aside, which are sorted input, are merged.
 *
 * DISTINCT and ORDER BY within a call: the arguments are kept with the address of their group, in
 * one table and one sorter for each call, not for each group. DISTINCT arguments that are met when
 * memory is short, and are not in the table, are sorted twice at the end: to find the first of
 * each, and back into their order.
 *
 * Invariants
 *   G1  No group is in the table and among the rows that were put aside.
 *   G2  A set's groups, and what they hold, are in its arena, tables and sorters; they go together.
 *   G3  An aggregate takes the rows of a group in the input's order, or in that of its ORDER BY. */
#include "exec/exec_int.h"
#include "exec/group.h"
#include "exec/kernel.h"
#include "exec/sorter.h"

#include "base/assert.h"
#include "vec/value.h"

#include <string.h>

/* A group: behind the values of a row node, which are its key. The states are behind it. */
typedef struct agg_group {
    vl_value *bare;       /* bare columns, then what min or max found; NULL: none yet */
    size_t bare_capacity; /* bytes at bare */
    int has_best;         /* min or max have found something that is not NULL */
} agg_group;

#define AGG_GROUP_SIZE ((sizeof(agg_group) + VL_ALLOC_ALIGN - 1) / VL_ALLOC_ALIGN * VL_ALLOC_ALIGN)

/* Groups that are computed at the same time. */
typedef struct agg_set {
    vl_arena arena;      /* of groups, states, and what these hold */
    vl_row_table groups; /* by their keys */
    vl_row_table *seen;  /* of each aggregate: DISTINCT arguments */
    vl_sorter *ordered;  /* of each aggregate: arguments to be sorted */
    vl_sorter *late;     /* of each aggregate: DISTINCT arguments met when memory was short */
    uint64_t charged;    /* bytes */
    size_t held;         /* by the arena when they were charged */
} agg_set;

typedef struct aggregate_stage {
    vl_stage base;
    const vl_op_aggregate *what;
    vl_func_call *calls;     /* of each aggregate, made for the step at hand */
    size_t *state_at;        /* of each aggregate: its state, from the group */
    size_t extra;            /* bytes of a group behind its key */
    vl_value *row;           /* a row of the child, then its keys: what is put aside */
    vl_value *keys;          /* in row */
    vl_sorter_key *order;    /* of the keys in row */
    vl_value *address_row;   /* a group's address, then its keys */
    vl_sorter_key *sorting;  /* of the keys in address_row */
    vl_value *args;          /* of an aggregate, behind the address of the group and order keys */
    vl_sorter_key **ordered; /* of each aggregate with ORDER BY: keys of its sorter */
    vl_sorter_key **lately;  /* of each DISTINCT aggregate: address, arguments, number */
    vl_value *late_row;      /* address, arguments, number, order keys */
    uint8_t **collations;    /* of each DISTINCT aggregate: of the group's address and arguments */
    vl_value *bare;          /* bare columns, then min or max */
    vl_value *result;        /* a row that is yielded */
    agg_set table;           /* groups found by hashing */
    agg_set stream;          /* the group at hand of sorted input */
    vl_row_node *group;      /* it; NULL: none */
    vl_sorter sorted;        /* the table's groups: keys, then the address */
    const vl_value *kept;    /* the next of them; NULL: none */
    vl_sorter aside;         /* rows that were put aside */
    const vl_chunk *chunk;   /* rows of sorted input */
    uint32_t at;             /* the next of them */
    uint64_t number;         /* of the row: rows so far */
    vl_arena arena;          /* of what evaluating makes; emptied for each chunk or row */
    uint8_t *is_extreme;     /* of each aggregate: 1 for the built-in min(), 2 for max() */
    int is_columnar;         /* nothing depends on the order of aggregates: a chunk is given to
                                one after the other */
    vl_row_node **nodes;     /* columnar groups: of each row of the chunk */
    char **states;           /* where these have their groups */
    vl_group_memo *memo;     /* columnar groups with one key */
    int has_input;           /* sorted input: rows are left */
    int is_read;             /* the input was read and grouped */
    int is_ended;            /* all was yielded */
} aggregate_stage;

/* ---- making ---- */

static void *
agg_alloc(vl_ctx *ctx, aggregate_stage *agg, size_t count, size_t size)
{
    void *memory = vl_arena_alloc_array(&agg->base.exec->arena, count + 1, size);

    if (memory == NULL)
        (void)vl_fail(ctx, VELO_NOMEM, "cannot allocate an aggregate");
    return memory;
}

/* The keys of an aggregate's sorter: the group's address, then its ORDER BY. */
static velo_status
agg_open_order(vl_ctx *ctx, aggregate_stage *agg, uint32_t i)
{
    const vl_aggregate *call = &agg->what->aggregates[i];
    vl_sorter_key *keys = agg_alloc(ctx, agg, call->order_count + 1U, sizeof *keys);

    agg->ordered[i] = keys;
    if (keys == NULL)
        return VELO_NOMEM;
    for (uint32_t k = 0; k < call->order_count; k++)
        keys[k + 1] = (vl_sorter_key){.index = k + 1,
                                      .collation = call->order[k].collation,
                                      .is_descending = call->order[k].is_descending,
                                      .nulls_last = call->order[k].nulls_last};
    return VELO_OK;
}

/* The keys of a DISTINCT aggregate's rows that were put aside; from the last one on they are those
 * of the second sort, by number. */
static velo_status
agg_open_late(vl_ctx *ctx, aggregate_stage *agg, uint32_t i)
{
    const vl_aggregate *call = &agg->what->aggregates[i];
    vl_sorter_key *keys = agg_alloc(ctx, agg, call->arguments.count + 2U, sizeof *keys);

    agg->lately[i] = keys;
    if (keys == NULL)
        return VELO_NOMEM;
    for (uint32_t k = 0; k < call->arguments.count + 2; k++)
        keys[k].index = k;
    for (uint32_t k = 0; k < call->arguments.count; k++)
        keys[k + 1].collation = call->collation;
    return VELO_OK;
}

static velo_status
agg_open_call(vl_ctx *ctx, aggregate_stage *agg, uint32_t i)
{
    const vl_aggregate *call = &agg->what->aggregates[i];

    agg->state_at[i] = agg->extra;
    agg->extra += (size_t)vl_align_up(call->func->aggregate->state_size, VL_ALLOC_ALIGN);
    if (call->is_distinct) {
        agg->collations[i] = agg_alloc(ctx, agg, call->arguments.count + 1U, 1);
        if (agg->collations[i] == NULL)
            return VELO_NOMEM;
        memset(agg->collations[i] + 1, call->collation, call->arguments.count);
        VL_TRY(agg_open_late(ctx, agg, i));
    }
    return call->order_count > 0 ? agg_open_order(ctx, agg, i) : VELO_OK;
}

static velo_status
agg_open_set(vl_ctx *ctx, aggregate_stage *agg, agg_set *set)
{
    vl_arena_init(&set->arena, ctx->allocator, 0);
    set->seen = agg_alloc(ctx, agg, agg->what->aggregate_count, sizeof *set->seen);
    set->ordered = agg_alloc(ctx, agg, agg->what->aggregate_count, sizeof *set->ordered);
    set->late = agg_alloc(ctx, agg, agg->what->aggregate_count, sizeof *set->late);
    return set->seen == NULL || set->ordered == NULL || set->late == NULL ? VELO_NOMEM : VELO_OK;
}

/* Room for rows of all kinds. */
static velo_status
agg_open_rows(vl_ctx *ctx, aggregate_stage *agg)
{
    const vl_op_aggregate *what = agg->what;
    uint32_t width = agg->base.op->children[0]->column_count;
    uint32_t most = 0;

    for (uint32_t i = 0; i < what->aggregate_count; i++) {
        uint32_t count = what->aggregates[i].arguments.count + what->aggregates[i].order_count;

        most = count > most ? count : most;
    }
    agg->row = agg_alloc(ctx, agg, width + what->groups.count, sizeof *agg->row);
    agg->order = agg_alloc(ctx, agg, what->groups.count, sizeof *agg->order);
    agg->address_row = agg_alloc(ctx, agg, what->groups.count + 1U, sizeof *agg->address_row);
    agg->sorting = agg_alloc(ctx, agg, what->groups.count, sizeof *agg->sorting);
    agg->args = agg_alloc(ctx, agg, most + 2U, sizeof *agg->args);
    agg->late_row = agg_alloc(ctx, agg, most + 2U, sizeof *agg->late_row);
    agg->bare = agg_alloc(ctx, agg, what->bare.count + 1U, sizeof *agg->bare);
    agg->result = agg_alloc(ctx, agg, agg->base.op->column_count, sizeof *agg->result);
    if (agg->row == NULL || agg->order == NULL || agg->address_row == NULL ||
        agg->sorting == NULL || agg->args == NULL || agg->late_row == NULL || agg->bare == NULL ||
        agg->result == NULL)
        return VELO_NOMEM;
    agg->keys = agg->row + width;
    for (uint32_t i = 0; i < what->groups.count; i++) {
        agg->order[i] = (vl_sorter_key){.index = width + i, .collation = what->collations[i]};
        agg->sorting[i] = (vl_sorter_key){.index = 1 + i, .collation = what->collations[i]};
    }
    return VELO_OK;
}

/* Whether a function is the built-in one of its name. */
static int
agg_is_builtin(const vl_func *func)
{
    const vl_func *builtin;

    for (size_t i = 0; (builtin = vl_func_builtin(i)) != NULL; i++) {
        if (builtin == func)
            return 1;
    }
    return 0;
}

/* Room for columnar groups. */
static velo_status
agg_open_groups(vl_ctx *ctx, aggregate_stage *agg)
{
    agg->nodes = agg_alloc(ctx, agg, VL_CHUNK_ROWS, sizeof(vl_row_node *));
    agg->states = agg_alloc(ctx, agg, VL_CHUNK_ROWS, sizeof(char *));
    agg->memo = agg_alloc(ctx, agg, 1, sizeof *agg->memo);
    return agg->nodes == NULL || agg->states == NULL || agg->memo == NULL ? VELO_NOMEM : VELO_OK;
}

/* Find out whether chunks can be taken column by column, which saves the way through each row's
 * group. Then errors must not depend on the order in which the aggregates see a row. */
static velo_status
agg_open_columns(vl_ctx *ctx, aggregate_stage *agg)
{
    const vl_op_aggregate *what = agg->what;

    agg->is_extreme = agg_alloc(ctx, agg, what->aggregate_count, 1);
    if (agg->is_extreme == NULL)
        return VELO_NOMEM;
    agg->is_columnar = !agg->base.exec->env.is_plain && what->bare.count == 0;
    for (uint32_t i = 0; i < what->groups.count; i++)
        agg->is_columnar &= what->groups.list[i]->effect == VL_EFFECT_TOTAL;
    for (uint32_t i = 0; i < what->aggregate_count; i++) {
        const vl_aggregate *call = &what->aggregates[i];

        if (call->filter != NULL || call->is_distinct || call->order_count > 0 ||
            (what->is_grouped && call->func->aggregate->step_groups == NULL))
            agg->is_columnar = 0;
        for (uint32_t k = 0; k < call->arguments.count; k++)
            agg->is_columnar &= call->arguments.list[k]->effect == VL_EFFECT_TOTAL;
        if ((call->func->flags & VL_FUNC_PICKS_ROW) != 0 && agg_is_builtin(call->func))
            agg->is_extreme[i] = call->func->name[1] == 'i' ? 1 : 2;
    }
    agg->is_columnar &= !what->is_sorted_input || !what->is_grouped;
    return agg->is_columnar && what->is_grouped ? agg_open_groups(ctx, agg) : VELO_OK;
}

static velo_status
aggregate_open(vl_ctx *ctx, vl_stage *stage)
{
    aggregate_stage *agg = (aggregate_stage *)stage;
    uint32_t count = stage->op->as.aggregate.aggregate_count;

    agg->what = &stage->op->as.aggregate;
    vl_arena_init(&agg->arena, ctx->allocator, 0);
    VL_TRY(agg_open_set(ctx, agg, &agg->table));
    VL_TRY(agg_open_set(ctx, agg, &agg->stream));
    VL_TRY(agg_open_rows(ctx, agg));
    agg->calls = agg_alloc(ctx, agg, count, sizeof *agg->calls);
    agg->state_at = agg_alloc(ctx, agg, count, sizeof *agg->state_at);
    agg->ordered = agg_alloc(ctx, agg, count, sizeof(vl_sorter_key *));
    agg->lately = agg_alloc(ctx, agg, count, sizeof(vl_sorter_key *));
    agg->collations = agg_alloc(ctx, agg, count, sizeof(uint8_t *));
    if (agg->calls == NULL || agg->state_at == NULL || agg->ordered == NULL ||
        agg->lately == NULL || agg->collations == NULL)
        return VELO_NOMEM;
    VL_TRY(agg_open_columns(ctx, agg));
    agg->extra = AGG_GROUP_SIZE;
    for (uint32_t i = 0; i < count; i++)
        VL_TRY(agg_open_call(ctx, agg, i));
    return VELO_OK;
}

/* ---- sets of groups ---- */

static agg_group *
agg_group_of(const aggregate_stage *agg, vl_row_node *node)
{
    return (agg_group *)(void *)(node->values + agg->what->groups.count);
}

static void *
agg_state_of(const aggregate_stage *agg, vl_row_node *node, uint32_t i)
{
    return (char *)agg_group_of(agg, node) + agg->state_at[i];
}

/* The address of a group as a value, and back. */
static vl_value
agg_address(vl_row_node *node)
{
    return vl_value_of_integer((int64_t)(intptr_t)node);
}

static vl_row_node *
agg_node(const vl_value *address)
{
    return (vl_row_node *)(intptr_t)address->as.integer;
}

/* End the states of a set's groups that hold more than memory of its arena. */
static void
agg_deinit_states(const aggregate_stage *agg, const agg_set *set)
{
    const vl_row_table *groups = &set->groups;

    for (uint32_t i = 0; i < agg->what->aggregate_count && groups->slots != NULL; i++) {
        void (*deinit)(void *state) = agg->what->aggregates[i].func->aggregate->deinit;

        for (uint64_t slot = 0; deinit != NULL && slot < (uint64_t)1 << groups->bits; slot++) {
            vl_row_node *node = vl_row_table_at(groups, slot);

            if (node != NULL)
                deinit(agg_state_of(agg, node, i));
        }
    }
}

/* Forget a set's groups. Keeps G2. */
static void
agg_clear(aggregate_stage *agg, agg_set *set)
{
    agg_deinit_states(agg, set);
    for (uint32_t i = 0; i < agg->what->aggregate_count && set->seen != NULL; i++) {
        vl_row_table_deinit(&set->seen[i]);
        if (set->ordered != NULL)
            vl_sorter_deinit(&set->ordered[i]);
        if (set->late != NULL)
            vl_sorter_deinit(&set->late[i]);
    }
    vl_row_table_deinit(&set->groups);
    if (set->arena.allocator != NULL)
        vl_arena_reset(&set->arena);
}

/* Charge what a set holds, when its arena has grown. */
static void
agg_charge(aggregate_stage *agg, agg_set *set)
{
    uint64_t bytes = set->arena.held_bytes + vl_row_table_bytes(&set->groups);

    if (set->held == set->arena.held_bytes)
        return;
    set->held = set->arena.held_bytes;
    for (uint32_t i = 0; i < agg->what->aggregate_count; i++)
        bytes += vl_row_table_bytes(&set->seen[i]);
    vl_exec_charge(agg->base.exec, &set->charged, bytes);
}

static vl_func_call
agg_call(vl_ctx *ctx, const aggregate_stage *agg, agg_set *set, uint32_t i, vl_arena *arena)
{
    const vl_aggregate *what = &agg->what->aggregates[i];
    vl_func_call call =
        vl_call_make(ctx, agg->base.frame, what->func, (vl_collation)what->collation, arena);

    call.state_arena = &set->arena;
    call.arguments = what->arguments.list;
    call.lane = agg->what->is_grouped ? 0 : (uint32_t)agg->number;
    return call;
}

static velo_status
agg_step(aggregate_stage *agg, agg_set *set, vl_row_node *node, uint32_t i, const vl_value *args)
{
    const vl_aggregate *what = &agg->what->aggregates[i];
    vl_func_call *call = &agg->calls[i];

    call->state_arena = &set->arena;
    call->lane = agg->what->is_grouped ? 0 : (uint32_t)agg->number;
    return what->func->aggregate->step(call, agg_state_of(agg, node, i),
                                       what->arguments.count == 0 ? NULL : args,
                                       (int)what->arguments.count);
}

/* Keep agg->args, with its order keys, to be sorted. */
static velo_status
agg_keep_ordered(vl_ctx *ctx, aggregate_stage *agg, agg_set *set, uint32_t i)
{
    const vl_aggregate *what = &agg->what->aggregates[i];
    vl_sorter *sorter = &set->ordered[i];

    if (sorter->exec == NULL)
        vl_sorter_init(ctx, sorter, agg->base.exec, agg->ordered[i], what->order_count + 1,
                       what->order_count + 1 + what->arguments.count, UINT64_MAX);
    return vl_sorter_add(ctx, sorter, agg->args);
}

/* Put agg->args of a DISTINCT aggregate aside: whether they are the first is found at the end. */
static velo_status
agg_keep_late(vl_ctx *ctx, aggregate_stage *agg, agg_set *set, uint32_t i)
{
    const vl_aggregate *what = &agg->what->aggregates[i];
    uint32_t count = what->arguments.count;
    uint32_t width = count + 2 + what->order_count;
    vl_value *row = agg->late_row;

    if (set->late[i].exec == NULL)
        vl_sorter_init(ctx, &set->late[i], agg->base.exec, agg->lately[i], count + 2, width,
                       UINT64_MAX);
    row[0] = agg->args[0];
    memcpy(row + 1, agg->args + 1 + what->order_count, count * sizeof *row);
    row[count + 1] = vl_value_of_integer((int64_t)agg->number);
    memcpy(row + count + 2, agg->args + 1, what->order_count * sizeof *row);
    return vl_sorter_add(ctx, &set->late[i], row);
}

/* Sort the first of equal arguments that were put aside by number. */
static velo_status
agg_sort_late(vl_ctx *ctx, aggregate_stage *agg, agg_set *set, uint32_t i, vl_sorter *first)
{
    vl_sorter *late = &set->late[i];
    uint32_t count = agg->what->aggregates[i].arguments.count;
    vl_value *last = NULL;
    size_t capacity = 0;
    const vl_value *row;

    VL_TRY(vl_sorter_finish(ctx, late));
    for (;;) {
        VL_TRY(vl_sorter_next(ctx, late, &row));
        if (row == NULL)
            return vl_sorter_finish(ctx, first);
        if (last != NULL && vl_sorter_compare(agg->lately[i], count + 1, last, row) == 0)
            continue;
        VL_TRY(vl_sorter_add(ctx, first, row));
        VL_TRY(vl_row_replace(ctx, &set->arena, row, count + 1, &last, &capacity));
    }
}

/* Give a row that was put aside to its group, or to be sorted. */
static velo_status
agg_give_late(vl_ctx *ctx, aggregate_stage *agg, agg_set *set, uint32_t i, const vl_value *row)
{
    const vl_aggregate *what = &agg->what->aggregates[i];
    uint32_t count = what->arguments.count;

    if (what->order_count == 0)
        return agg_step(agg, set, agg_node(&row[0]), i, row + 1);
    agg->args[0] = row[0];
    memcpy(agg->args + 1, row + count + 2, what->order_count * sizeof *row);
    memcpy(agg->args + 1 + what->order_count, row + 1, count * sizeof *row);
    return agg_keep_ordered(ctx, agg, set, i);
}

/* Finish the DISTINCT aggregates of which something was put aside. Keeps G3: it all came behind
 * what was not. */
static velo_status
agg_finish_late(vl_ctx *ctx, aggregate_stage *agg, agg_set *set)
{
    for (uint32_t i = 0; i < agg->what->aggregate_count; i++) {
        vl_sorter first;
        const vl_value *row;
        velo_status status;

        if (set->late[i].exec == NULL)
            continue;
        vl_row_table_deinit(&set->seen[i]);
        vl_sorter_init(ctx, &first, agg->base.exec,
                       agg->lately[i] + agg->what->aggregates[i].arguments.count + 1, 1,
                       set->late[i].width, UINT64_MAX);
        status = agg_sort_late(ctx, agg, set, i, &first);
        do {
            row = NULL;
            if (status == VELO_OK)
                status = vl_sorter_next(ctx, &first, &row);
            if (status == VELO_OK && row != NULL)
                status = agg_give_late(ctx, agg, set, i, row);
        } while (row != NULL && status == VELO_OK);
        vl_sorter_deinit(&first);
        VL_TRY(status);
        vl_sorter_deinit(&set->late[i]);
    }
    return VELO_OK;
}

/* Give the arguments that were kept to their groups. */
static velo_status
agg_finish_ordered(vl_ctx *ctx, aggregate_stage *agg, agg_set *set)
{
    VL_TRY(agg_finish_late(ctx, agg, set));
    for (uint32_t i = 0; i < agg->what->aggregate_count; i++) {
        vl_sorter *sorter = &set->ordered[i];
        const vl_value *row;

        if (sorter->exec == NULL)
            continue;
        VL_TRY(vl_sorter_finish(ctx, sorter));
        for (;;) {
            VL_TRY(vl_sorter_next(ctx, sorter, &row));
            if (row == NULL)
                break;
            VL_TRY(agg_step(agg, set, agg_node(&row[0]), i,
                            row + 1 + agg->what->aggregates[i].order_count));
        }
        vl_sorter_deinit(sorter);
    }
    return VELO_OK;
}

/* Whether the row is the one that the bare columns come from, by what min or max is given (31, item
 * 25): the first that attains it; as long as there are only NULLs, the last. */
static int
agg_is_best(const aggregate_stage *agg, agg_group *group, const vl_value *value)
{
    const vl_aggregate *what = &agg->what->aggregates[agg->what->min_max];
    int order;

    if (value->type == VL_TYPE_NULL)
        return !group->has_best;
    if (!group->has_best) {
        group->has_best = 1;
        return 1;
    }
    order =
        vl_value_compare(value, &group->bare[agg->what->bare.count], (vl_collation)what->collation);
    return what->func->name[1] == 'a' ? order > 0 : order < 0;
}

/* Take the bare columns from the row at hand. */
static velo_status
agg_take_bare(vl_ctx *ctx, aggregate_stage *agg, agg_set *set, agg_group *group, vl_eval *eval,
              const vl_value *best)
{
    agg->bare[agg->what->bare.count] = *best;
    VL_TRY(vl_eval_list(ctx, eval, &agg->what->bare, agg->bare));
    return vl_row_replace(ctx, &set->arena, agg->bare, agg->what->bare.count + 1, &group->bare,
                          &group->bare_capacity);
}

/* Look for the arguments of a DISTINCT aggregate: they are new, seen, or to be put aside. */
static velo_status
agg_look(vl_ctx *ctx, aggregate_stage *agg, agg_set *set, vl_row_node *node, uint32_t i,
         int *is_new, int *is_late)
{
    const vl_aggregate *what = &agg->what->aggregates[i];
    uint32_t count = what->arguments.count + 1;
    vl_value *row = agg->late_row;
    vl_row_node *seen;

    row[0] = agg_address(node);
    memcpy(row + 1, agg->args + 1 + what->order_count, what->arguments.count * sizeof *row);
    *is_new = 0;
    *is_late =
        set->late[i].exec != NULL || (set->seen[i].count > 0 && vl_exec_is_over(agg->base.exec));
    if (!*is_late)
        return vl_row_table_enter(ctx, &set->seen[i], &set->arena, row, count, agg->collations[i],
                                  0, &seen, is_new);
    if (vl_row_table_find(&set->seen[i], vl_row_hash(row, count, agg->collations[i]), row, count,
                          agg->collations[i]) != NULL)
        *is_late = 0;
    return VELO_OK;
}

/* Give a row to one aggregate of its group; *best is what min or max was given, when the row is
 * theirs. Keeps G3. */
static velo_status
agg_add_to(vl_ctx *ctx, aggregate_stage *agg, agg_set *set, vl_row_node *node, vl_eval *eval,
           uint32_t i)
{
    const vl_aggregate *what = &agg->what->aggregates[i];
    vl_value *args = agg->args + 1 + what->order_count;
    int is_new = 1;
    int is_late = 0;
    int truth = 1;

    if (what->filter != NULL)
        VL_TRY(vl_eval_truth(ctx, eval, what->filter, &truth));
    if (truth <= 0)
        return VELO_OK;
    VL_TRY(vl_eval_list(ctx, eval, &what->arguments, args));
    if ((int32_t)i == agg->what->min_max && agg_is_best(agg, agg_group_of(agg, node), args))
        VL_TRY(agg_take_bare(ctx, agg, set, agg_group_of(agg, node), eval, args));
    if (what->is_distinct)
        VL_TRY(agg_look(ctx, agg, set, node, i, &is_new, &is_late));
    if (!is_new && !is_late)
        return VELO_OK;
    agg->args[0] = agg_address(node);
    for (uint32_t k = 0; k < what->order_count; k++)
        VL_TRY(vl_eval_expr(ctx, eval, what->order[k].expr, &agg->args[k + 1]));
    if (is_late)
        return agg_keep_late(ctx, agg, set, i);
    if (what->order_count > 0)
        return agg_keep_ordered(ctx, agg, set, i);
    return agg_step(agg, set, node, i, args);
}

/* Give a row to its group. */
static velo_status
agg_add(vl_ctx *ctx, aggregate_stage *agg, agg_set *set, vl_row_node *node, vl_eval *eval)
{
    agg_group *group = agg_group_of(agg, node);
    vl_value none = vl_value_of_null();

    for (uint32_t i = 0; i < agg->what->aggregate_count; i++)
        VL_TRY(agg_add_to(ctx, agg, set, node, eval, i));
    if (agg->what->min_max < 0 && agg->what->bare.count > 0 && group->bare == NULL)
        VL_TRY(agg_take_bare(ctx, agg, set, group, eval, &none));
    agg_charge(agg, set);
    return VELO_OK;
}

/* Find the group of agg->keys, or make it. */
static velo_status
agg_enter(vl_ctx *ctx, aggregate_stage *agg, agg_set *set, vl_row_node **node)
{
    int is_new;

    return vl_row_table_enter(ctx, &set->groups, &set->arena, agg->keys, agg->what->groups.count,
                              agg->what->collations, agg->extra, node, &is_new);
}

/* Write a group's row to agg->result. */
static velo_status
agg_write(vl_ctx *ctx, aggregate_stage *agg, agg_set *set, vl_row_node *node)
{
    const vl_op_aggregate *what = agg->what;
    agg_group *group = agg_group_of(agg, node);
    vl_value *to = agg->result;

    memcpy(to, node->values, what->groups.count * sizeof *to);
    to += what->groups.count;
    for (uint32_t i = 0; i < what->aggregate_count; i++) {
        vl_func_call call = agg_call(ctx, agg, set, i, &agg->base.batch.arena);

        *to = vl_value_of_null();
        VL_TRY(what->aggregates[i].func->aggregate->value(&call, agg_state_of(agg, node, i), to));
        to++;
    }
    for (uint32_t i = 0; i < what->bare.count; i++)
        *to++ = group->bare == NULL ? vl_value_of_null() : group->bare[i];
    return VELO_OK;
}

/* ---- grouping by hashing ---- */

/* Group the row at hand, or put it aside. Keeps G1. */
static velo_status
agg_group_row(vl_ctx *ctx, aggregate_stage *agg, vl_eval *eval)
{
    const vl_op_aggregate *what = agg->what;
    vl_row_node *node;

    VL_TRY(vl_eval_list(ctx, eval, &what->groups, agg->keys));
    if (agg->aside.exec != NULL ||
        (vl_exec_is_over(agg->base.exec) && agg->table.groups.count > 0)) {
        node = vl_row_table_find(&agg->table.groups,
                                 vl_row_hash(agg->keys, what->groups.count, what->collations),
                                 agg->keys, what->groups.count, what->collations);
        if (node == NULL) {
            uint32_t width = (uint32_t)(agg->keys - agg->row) + what->groups.count;

            vl_chunk_read_at(eval->chunk, eval->at, agg->row);
            if (agg->aside.exec == NULL)
                vl_sorter_init(ctx, &agg->aside, agg->base.exec, agg->order, what->groups.count,
                               width, UINT64_MAX);
            return vl_sorter_add(ctx, &agg->aside, agg->row);
        }
    } else {
        VL_TRY(agg_enter(ctx, agg, &agg->table, &node));
    }
    return agg_add(ctx, agg, &agg->table, node, eval);
}

/* Sort the table's groups by their keys. */
static velo_status
agg_sort(vl_ctx *ctx, aggregate_stage *agg)
{
    const vl_row_table *groups = &agg->table.groups;
    uint32_t key_count = agg->what->groups.count;

    vl_sorter_init(ctx, &agg->sorted, agg->base.exec, agg->sorting, key_count, 1 + key_count,
                   UINT64_MAX);
    for (uint64_t i = 0; groups->slots != NULL && i < (uint64_t)1 << groups->bits; i++) {
        vl_row_node *node = vl_row_table_at(groups, i);

        if (node == NULL)
            continue;
        agg->address_row[0] = agg_address(node);
        memcpy(agg->address_row + 1, node->values, key_count * sizeof(vl_value));
        VL_TRY(vl_sorter_add(ctx, &agg->sorted, agg->address_row));
    }
    VL_TRY(vl_sorter_finish(ctx, &agg->sorted));
    return vl_sorter_next(ctx, &agg->sorted, &agg->kept);
}

/* The argument of an aggregate as a vector: a column of the chunk, or what kernels compute of it.
 * *vector is NULL when there is none. */
static int
agg_find_vector(vl_ctx *ctx, vl_eval *eval, const vl_aggregate *what, vl_vector *room,
                const vl_vector **vector)
{
    const vl_expr *argument;

    *vector = NULL;
    if (what->arguments.count == 0)
        return 1;
    argument = what->arguments.list[0];
    if (what->arguments.count == 1 && argument->kind == VL_EXPR_COLUMN)
        *vector = &eval->chunk->vectors[argument->index];
    else if (what->arguments.count == 1 && vl_kernel_compute(ctx, eval, argument, room))
        *vector = room;
    return *vector != NULL;
}

/* Take the bounds of a vector for min() or max(), which keeps one of them; *is_taken 0: they are
 * not known. */
static velo_status
agg_add_bounds(aggregate_stage *agg, vl_func_call *call, void *state, uint32_t i,
               const vl_chunk *in, const vl_vector *vector, int *is_taken)
{
    uint64_t bits[VL_KERNEL_WORDS];

    if (in->selection != NULL) {
        memset(bits, 0, sizeof bits);
        for (uint32_t n = 0; n < in->count; n++)
            vl_bits_set(bits, in->selection[n]);
    }
    *is_taken = vl_kernel_bounds(vector, in->row_count, in->selection == NULL ? NULL : bits,
                                 &agg->args[0], &agg->args[1]);
    if (!*is_taken)
        return VELO_OK;
    return call->func->aggregate->step(call, state, &agg->args[agg->is_extreme[i] - 1], 1);
}

/* Give a chunk to an aggregate row by row. */
static velo_status
agg_add_each(vl_ctx *ctx, aggregate_stage *agg, vl_func_call *call, void *state, uint32_t i,
             vl_eval *eval, const vl_vector *vector)
{
    const vl_exprs *arguments = &agg->what->aggregates[i].arguments;
    const vl_chunk *in = eval->chunk;

    for (uint32_t n = 0; n < in->count; n++) {
        call->lane = (uint32_t)agg->number + n;
        eval->at = vl_chunk_row(in, n);
        if (vector != NULL)
            agg->args[0] = vl_vector_get(vector, eval->at);
        else
            VL_TRY(vl_eval_list(ctx, eval, arguments, agg->args));
        VL_TRY(call->func->aggregate->step(call, state, arguments->count == 0 ? NULL : agg->args,
                                           (int)arguments->count));
    }
    return VELO_OK;
}

/* Give a column of a chunk to the aggregate that takes it. */
static velo_status
agg_add_column(vl_ctx *ctx, aggregate_stage *agg, vl_row_node *node, uint32_t i, const vl_chunk *in)
{
    const vl_aggregate *what = &agg->what->aggregates[i];
    vl_func_call call = agg_call(ctx, agg, &agg->table, i, &agg->arena);
    vl_eval eval = vl_stage_eval(&agg->base, &agg->arena);
    void *state = agg_state_of(agg, node, i);
    const vl_vector *vector;
    vl_vector room;
    int is_taken = 0;

    eval.chunk = in;
    if (!agg_find_vector(ctx, &eval, what, &room, &vector))
        return agg_add_each(ctx, agg, &call, state, i, &eval, NULL);
    if (vector != NULL && agg->is_extreme[i])
        VL_TRY(agg_add_bounds(agg, &call, state, i, in, vector, &is_taken));
    else if (what->func->aggregate->step_column != NULL)
        VL_TRY(what->func->aggregate->step_column(&call, state, vector, in->selection, in->count,
                                                  &is_taken));
    return is_taken ? VELO_OK : agg_add_each(ctx, agg, &call, state, i, &eval, vector);
}

/* Give a chunk to the one group there is, column by column. */
static velo_status
agg_add_columns(vl_ctx *ctx, aggregate_stage *agg, const vl_chunk *in)
{
    vl_row_node *node;

    VL_TRY(agg_enter(ctx, agg, &agg->table, &node));
    for (uint32_t i = 0; i < agg->what->aggregate_count; i++)
        VL_TRY(agg_add_column(ctx, agg, node, i, in));
    agg->number += in->count;
    agg_charge(agg, &agg->table);
    return VELO_OK;
}

/* ---- grouping by hashing, column by column ---- */

/* An expression as a vector: a column, what kernels compute, or what the evaluator says of each
 * row.
 */
static velo_status
agg_make_vector(vl_ctx *ctx, aggregate_stage *agg, const vl_chunk *in, const vl_expr *expr,
                vl_vector *room, const vl_vector **vector)
{
    vl_eval eval = vl_stage_eval(&agg->base, &agg->arena);
    vl_value *values;

    eval.chunk = in;
    *vector = expr->kind == VL_EXPR_COLUMN ? &in->vectors[expr->index] : room;
    if (*vector != room || vl_kernel_compute(ctx, &eval, expr, room))
        return VELO_OK;
    values = vl_arena_alloc(&agg->arena, VL_CHUNK_ROWS * sizeof *values);
    if (values == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the arguments of an aggregate");
    *room = (vl_vector){.form = VL_VECTOR_ANY, .as.values = values};
    for (uint32_t n = 0; n < in->count; n++) {
        eval.at = vl_chunk_row(in, n);
        VL_TRY(vl_eval_expr(ctx, &eval, expr, &values[eval.at]));
    }
    return VELO_OK;
}

/* Find or make the groups of all rows. */
static velo_status
agg_find_groups(vl_ctx *ctx, aggregate_stage *agg, const vl_chunk *in)
{
    const vl_op_aggregate *what = agg->what;
    vl_eval eval = vl_stage_eval(&agg->base, &agg->arena);
    const vl_vector *key = NULL;
    vl_vector room;

    memset(agg->nodes, 0, in->count * sizeof(vl_row_node *));
    if (what->groups.count == 1) {
        VL_TRY(agg_make_vector(ctx, agg, in, what->groups.list[0], &room, &key));
        vl_group_find(&agg->table.groups, agg->memo, key, (vl_collation)what->collations[0],
                      in->selection, in->count, agg->nodes);
    }
    eval.chunk = in;
    for (uint32_t n = 0; n < in->count; n++) {
        if (agg->nodes[n] == NULL) {
            eval.at = vl_chunk_row(in, n);
            if (key != NULL)
                agg->keys[0] = vl_vector_get(key, eval.at);
            else
                VL_TRY(vl_eval_list(ctx, &eval, &what->groups, agg->keys));
            VL_TRY(agg_enter(ctx, agg, &agg->table, &agg->nodes[n]));
        }
        agg->states[n] = (char *)agg_group_of(agg, agg->nodes[n]);
    }
    return VELO_OK;
}

/* Give a chunk to its groups, one aggregate after the other. */
static velo_status
agg_add_groups(vl_ctx *ctx, aggregate_stage *agg, const vl_chunk *in)
{
    const vl_op_aggregate *what = agg->what;

    VL_TRY(agg_find_groups(ctx, agg, in));
    for (uint32_t i = 0; i < what->aggregate_count; i++) {
        const vl_aggregate *call = &what->aggregates[i];
        const vl_vector *vector = NULL;
        vl_vector room;

        if (call->arguments.count > 0)
            VL_TRY(agg_make_vector(ctx, agg, in, call->arguments.list[0], &room, &vector));
        agg->calls[i].state_arena = &agg->table.arena;
        agg->calls[i].lane = 0;
        VL_TRY(call->func->aggregate->step_groups(&agg->calls[i], agg->states, agg->state_at[i],
                                                  vector, in->selection, in->count));
    }
    agg->number += in->count;
    agg_charge(agg, &agg->table);
    return VELO_OK;
}

/* ---- reading the input ---- */

static velo_status
agg_add_rows(vl_ctx *ctx, aggregate_stage *agg, const vl_chunk *in)
{
    vl_eval eval = vl_stage_eval(&agg->base, &agg->arena);

    eval.chunk = in;
    for (uint32_t n = 0; n < in->count; n++, agg->number++) {
        eval.at = vl_chunk_row(in, n);
        VL_TRY(agg_group_row(ctx, agg, &eval));
    }
    return VELO_OK;
}

static velo_status
agg_read(vl_ctx *ctx, aggregate_stage *agg)
{
    vl_row_node *node;
    const vl_chunk *in;

    for (;;) {
        VL_TRY(vl_stage_next(ctx, agg->base.children[0], VL_CHUNK_ROWS, &in));
        if (in->count == 0)
            break;
        if (agg->is_columnar && !agg->what->is_grouped)
            VL_TRY(agg_add_columns(ctx, agg, in));
        else if (agg->is_columnar && agg->aside.exec == NULL && !vl_exec_is_over(agg->base.exec))
            VL_TRY(agg_add_groups(ctx, agg, in));
        else
            VL_TRY(agg_add_rows(ctx, agg, in));
        vl_arena_reset(&agg->arena);
    }
    if (!agg->what->is_grouped && agg->table.groups.count == 0)
        VL_TRY(agg_enter(ctx, agg, &agg->table, &node));
    VL_TRY(agg_finish_ordered(ctx, agg, &agg->table));
    VL_TRY(agg_sort(ctx, agg));
    if (agg->aside.exec != NULL)
        VL_TRY(vl_sorter_finish(ctx, &agg->aside));
    agg->has_input = agg->aside.exec != NULL;
    agg->is_read = 1;
    return VELO_OK;
}

/* ---- grouping sorted input ---- */

/* Read the next row, of the rows put aside or of the child, to agg->row, with its keys; has_input
 * is 0 when there is none. */
static velo_status
agg_read_sorted(vl_ctx *ctx, aggregate_stage *agg)
{
    vl_eval eval = vl_stage_eval(&agg->base, &agg->arena);
    const vl_value *row;

    if (agg->aside.exec != NULL) {
        VL_TRY(vl_sorter_next(ctx, &agg->aside, &row));
        agg->has_input = row != NULL;
        if (row != NULL)
            memcpy(agg->row, row, agg->aside.width * sizeof *row);
        return VELO_OK;
    }
    if (agg->chunk == NULL || agg->at == agg->chunk->count) {
        vl_arena_reset(&agg->arena);
        agg->at = 0;
        VL_TRY(vl_stage_next(ctx, agg->base.children[0], VL_CHUNK_ROWS, &agg->chunk));
        if (agg->chunk->count == 0) {
            agg->has_input = 0;
            return VELO_OK;
        }
    }
    vl_chunk_read(agg->chunk, agg->at++, agg->row);
    eval.row = agg->row;
    return vl_eval_list(ctx, &eval, &agg->what->groups, agg->keys);
}

/* Gather the group that the row at hand begins, up to the row that begins the next one. */
static velo_status
agg_gather(vl_ctx *ctx, aggregate_stage *agg)
{
    const vl_op_aggregate *what = agg->what;
    vl_eval eval = vl_stage_eval(&agg->base, &agg->arena);

    agg_clear(agg, &agg->stream);
    VL_TRY(agg_enter(ctx, agg, &agg->stream, &agg->group));
    eval.row = agg->row;
    do {
        VL_TRY(vl_exec_poll(ctx, agg->base.exec, 1));
        VL_TRY(agg_add(ctx, agg, &agg->stream, agg->group, &eval));
        agg->number++;
        if (agg->aside.exec != NULL)
            vl_arena_reset(&agg->arena);
        VL_TRY(agg_read_sorted(ctx, agg));
    } while (agg->has_input && vl_row_compare(agg->keys, agg->group->values, what->groups.count,
                                              what->collations) == 0);
    return agg_finish_ordered(ctx, agg, &agg->stream);
}

/* ---- yielding ---- */

static velo_status
agg_begin(vl_ctx *ctx, aggregate_stage *agg)
{
    if (agg->is_read)
        return VELO_OK;
    if (!agg->what->is_sorted_input || !agg->what->is_grouped) {
        VL_TRY(agg_read(ctx, agg));
        return agg->has_input ? agg_read_sorted(ctx, agg) : VELO_OK;
    }
    agg->is_read = 1;
    agg->has_input = 1;
    return agg_read_sorted(ctx, agg);
}

/* Write the next group's row to agg->result; *found is 0 at the end. */
static velo_status
agg_next_group(vl_ctx *ctx, aggregate_stage *agg, int *found)
{
    int is_kept = agg->kept != NULL;

    if (agg->group == NULL && agg->has_input)
        VL_TRY(agg_gather(ctx, agg));
    *found = is_kept || agg->group != NULL;
    if (!*found)
        return VELO_OK;
    if (is_kept && agg->group != NULL)
        is_kept = vl_row_compare(agg->kept + 1, agg->group->values, agg->what->groups.count,
                                 agg->what->collations) < 0;
    if (is_kept) {
        VL_TRY(agg_write(ctx, agg, &agg->table, agg_node(&agg->kept[0])));
        return vl_sorter_next(ctx, &agg->sorted, &agg->kept);
    }
    VL_TRY(agg_write(ctx, agg, &agg->stream, agg->group));
    agg->group = NULL;
    return VELO_OK;
}

static velo_status
aggregate_next(vl_ctx *ctx, vl_stage *stage, uint32_t wanted, const vl_chunk **out)
{
    aggregate_stage *agg = (aggregate_stage *)stage;
    velo_status status = VELO_OK;
    int found = 1;

    VL_TRY(vl_batch_begin(ctx, &stage->batch, stage->op->column_count, wanted));
    *out = &stage->batch.chunk;
    if (agg->is_ended)
        return VELO_OK;
    for (uint32_t i = 0; i < agg->what->aggregate_count; i++)
        agg->calls[i] = agg_call(ctx, agg, &agg->table, i, &agg->arena);
    VL_TRY(agg_begin(ctx, agg));
    while (status == VELO_OK && stage->batch.chunk.count < wanted && found) {
        status = agg_next_group(ctx, agg, &found);
        if (status == VELO_OK && found)
            status = vl_batch_append_copy(ctx, &stage->batch, agg->result);
    }
    agg->is_ended = !found;
    if (status != VELO_OK && stage->batch.chunk.count > 0) {
        vl_stage_stash(ctx, stage, status);
        return VELO_OK;
    }
    return status;
}

static void
aggregate_rewind(vl_stage *stage)
{
    aggregate_stage *agg = (aggregate_stage *)stage;
    agg_set *sets[] = {&agg->table, &agg->stream};

    for (uint32_t i = 0; i < 2; i++) {
        agg_clear(agg, sets[i]);
        vl_exec_charge(stage->exec, &sets[i]->charged, 0);
        sets[i]->held = 0;
    }
    vl_sorter_deinit(&agg->sorted);
    vl_sorter_deinit(&agg->aside);
    if (agg->arena.allocator != NULL)
        vl_arena_reset(&agg->arena);
    if (agg->memo != NULL)
        memset(agg->memo, 0, sizeof *agg->memo);
    agg->group = NULL;
    agg->kept = NULL;
    agg->chunk = NULL;
    agg->at = 0;
    agg->number = 0;
    agg->has_input = 0;
    agg->is_read = 0;
    agg->is_ended = 0;
}

static void
aggregate_close(vl_stage *stage)
{
    aggregate_stage *agg = (aggregate_stage *)stage;

    aggregate_rewind(stage);
    vl_arena_deinit(&agg->table.arena);
    vl_arena_deinit(&agg->stream.arena);
    vl_arena_deinit(&agg->arena);
}

const vl_stage_class vl_aggregate_class = {
    .size = sizeof(aggregate_stage),
    .open = aggregate_open,
    .next = aggregate_next,
    .rewind = aggregate_rewind,
    .close = aggregate_close,
};
