/* percentile.c - median, percentile, percentile_cont, percentile_disc: SQLite's extension, which
 * its shell has built in.
 *
 * Invariants
 *   PC1  The first `sorted` numbers ascend; those behind them came since. Order is not part of what
 *        a state means, so asking for the value may sort. */
#include "func/func_int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Variants. */
enum {
    PERCENTILE_MEDIAN,
    PERCENTILE_HUNDRED, /* percentile(): its fraction is of 100 */
    PERCENTILE_CONTINUOUS,
    PERCENTILE_DISCRETE
};

/* Fractions that differ by less are the same. */
#define PERCENTILE_NEAR 0.001

/* The numbers of a state, which is only a pointer to them: in its arena. */
typedef struct percentile_numbers {
    double fraction; /* 0 to 1 */
    size_t count;
    size_t sorted; /* PC1 */
    size_t room;
    double *list; /* NULL while room is 0 */
} percentile_numbers;

typedef struct percentile_state {
    percentile_numbers *numbers; /* NULL before the first row */
} percentile_state;

static velo_status
percentile_no_memory(vl_func_call *call)
{
    return vl_fail(call->ctx, VELO_NOMEM, "cannot allocate the numbers of %s()", call->func->name);
}

/* The fraction that a row asks for. */
static velo_status
percentile_fraction(vl_func_call *call, const vl_value *args, int count, double *fraction)
{
    double most = call->func->variant == PERCENTILE_HUNDRED ? 100.0 : 1.0;
    vl_value number;

    *fraction = 0.5;
    if (count == 1)
        return VELO_OK;
    number = vl_func_numeric(&args[1]);
    *fraction = number.type == VL_TYPE_INTEGER ? (double)number.as.integer : number.as.real;
    if (number.type == VL_TYPE_NULL || !(*fraction >= 0.0 && *fraction <= most))
        return vl_fail(call->ctx, VELO_ERROR,
                       "the fraction argument to %s() is not between 0.0 and %.1f",
                       call->func->name, most);
    *fraction /= most;
    return VELO_OK;
}

/* The numbers of a state, which begins with this fraction. */
static velo_status
percentile_begin(vl_func_call *call, percentile_state *state, double fraction)
{
    if (state->numbers == NULL) {
        state->numbers = vl_arena_alloc(call->state_arena, sizeof *state->numbers);
        if (state->numbers == NULL)
            return percentile_no_memory(call);
        memset(state->numbers, 0, sizeof *state->numbers);
        state->numbers->fraction = fraction;
    }
    if (fabs(state->numbers->fraction - fraction) > PERCENTILE_NEAR)
        return vl_fail(call->ctx, VELO_ERROR,
                       "the fraction argument to %s() is not the same for all input rows",
                       call->func->name);
    return VELO_OK;
}

/* Make room for `more` numbers. */
static velo_status
percentile_grow(vl_func_call *call, percentile_numbers *numbers, size_t more)
{
    size_t room = numbers->room < 4 ? 4 : numbers->room;
    double *list;

    if (numbers->count + more <= numbers->room)
        return VELO_OK;
    while (room < numbers->count + more)
        room *= 2;
    list = vl_arena_alloc_array(call->state_arena, room, sizeof *list);
    if (list == NULL)
        return percentile_no_memory(call);
    if (numbers->count > 0)
        memcpy(list, numbers->list, numbers->count * sizeof *list);
    numbers->list = list;
    numbers->room = room;
    return VELO_OK;
}

static velo_status
percentile_step(vl_func_call *call, void *state, const vl_value *args, int count)
{
    percentile_state *percentile = state;
    double fraction;
    double number;

    VL_TRY(percentile_fraction(call, args, count, &fraction));
    VL_TRY(percentile_begin(call, percentile, fraction));
    if (args[0].type == VL_TYPE_NULL)
        return VELO_OK;
    if (args[0].type != VL_TYPE_INTEGER && args[0].type != VL_TYPE_REAL)
        return vl_fail(call->ctx, VELO_ERROR, "input to %s() is not numeric", call->func->name);
    number = args[0].type == VL_TYPE_INTEGER ? (double)args[0].as.integer : args[0].as.real;
    if (isinf(number))
        return vl_fail(call->ctx, VELO_ERROR, "Inf input to %s()", call->func->name);
    VL_TRY(percentile_grow(call, percentile->numbers, 1));
    percentile->numbers->list[percentile->numbers->count++] = number;
    return VELO_OK;
}

/* The place of a number in the list; `count` when it is not there. */
static size_t
percentile_find(const percentile_numbers *numbers, double number)
{
    size_t least = 0;
    size_t most = numbers->sorted;

    while (least < most) {
        size_t middle = least + (most - least) / 2;

        if (numbers->list[middle] < number)
            least = middle + 1;
        else
            most = middle;
    }
    if (least < numbers->sorted && numbers->list[least] == number)
        return least;
    for (least = numbers->sorted; least < numbers->count; least++)
        if (numbers->list[least] == number)
            break;
    return least;
}

static velo_status
percentile_inverse(vl_func_call *call, void *state, const vl_value *args, int count)
{
    percentile_numbers *numbers = ((percentile_state *)state)->numbers;
    double number;
    size_t at;

    (void)call;
    (void)count;
    if (args[0].type == VL_TYPE_NULL || numbers == NULL)
        return VELO_OK;
    number = args[0].type == VL_TYPE_INTEGER ? (double)args[0].as.integer : args[0].as.real;
    at = percentile_find(numbers, number);
    if (at == numbers->count)
        return VELO_OK; /* its step has failed */
    numbers->count--;
    numbers->sorted -= at < numbers->sorted;
    memmove(&numbers->list[at], &numbers->list[at + 1],
            (numbers->count - at) * sizeof *numbers->list);
    return VELO_OK;
}

static velo_status
percentile_merge(vl_func_call *call, void *state, const void *from)
{
    const percentile_numbers *more = ((const percentile_state *)from)->numbers;
    percentile_state *percentile = state;

    if (more == NULL)
        return VELO_OK;
    VL_TRY(percentile_begin(call, percentile, more->fraction));
    VL_TRY(percentile_grow(call, percentile->numbers, more->count));
    if (more->count > 0)
        memcpy(percentile->numbers->list + percentile->numbers->count, more->list,
               more->count * sizeof *more->list);
    percentile->numbers->count += more->count;
    return VELO_OK;
}

static int
percentile_compare(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return (a > b) - (a < b);
}

/* Sort what has come since; a few by insertion, as windows ask after each row. */
static void
percentile_sort(percentile_numbers *numbers)
{
    if (numbers->count - numbers->sorted > 8) {
        qsort(numbers->list, numbers->count, sizeof *numbers->list, percentile_compare);
        numbers->sorted = numbers->count;
    }
    for (; numbers->sorted < numbers->count; numbers->sorted++) {
        double number = numbers->list[numbers->sorted];
        size_t at = numbers->sorted;

        for (; at > 0 && numbers->list[at - 1] > number; at--)
            numbers->list[at] = numbers->list[at - 1];
        numbers->list[at] = number;
    }
}

static velo_status
percentile_value(vl_func_call *call, const void *state, vl_value *result)
{
    percentile_numbers *numbers = ((const percentile_state *)state)->numbers;
    double place;
    double value;
    size_t at;

    if (numbers == NULL || numbers->count == 0)
        return VELO_OK;
    percentile_sort(numbers);
    place = numbers->fraction * (double)(numbers->count - 1);
    at = (size_t)place;
    value = numbers->list[at];
    if (call->func->variant != PERCENTILE_DISCRETE && at + 1 < numbers->count)
        value += (numbers->list[at + 1] - value) * (place - (double)at);
    *result = (vl_value){.type = VL_TYPE_REAL, .as.real = value};
    return VELO_OK;
}

static const vl_func_aggregate percentile_aggregate = {.state_size = sizeof(percentile_state),
                                                       .step = percentile_step,
                                                       .inverse = percentile_inverse,
                                                       .merge = percentile_merge,
                                                       .value = percentile_value};

#define PERCENTILE_FLAGS (VL_FUNC_PURE_FAILING | VL_FUNC_AGGREGATE)

static const vl_func percentile_funcs[] = {
    VL_FUNC_FOLD("median", 1, 1, PERCENTILE_MEDIAN, PERCENTILE_FLAGS, VL_FUNC_MAYBE_REAL,
                 &percentile_aggregate),
    VL_FUNC_FOLD("percentile", 2, 2, PERCENTILE_HUNDRED, PERCENTILE_FLAGS, VL_FUNC_MAYBE_REAL,
                 &percentile_aggregate),
    VL_FUNC_FOLD("percentile_cont", 2, 2, PERCENTILE_CONTINUOUS, PERCENTILE_FLAGS,
                 VL_FUNC_MAYBE_REAL, &percentile_aggregate),
    VL_FUNC_FOLD("percentile_disc", 2, 2, PERCENTILE_DISCRETE, PERCENTILE_FLAGS, VL_FUNC_MAYBE_REAL,
                 &percentile_aggregate)};

const vl_func_table vl_func_percentiles = {percentile_funcs, VL_ARRAY_COUNT(percentile_funcs)};
