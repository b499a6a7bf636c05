/* aggregate.c - the built-in aggregates.
 *
 * Invariants
 *   A1  Sums of integers are exact in 128 bits, so their order does not matter, and rows can be
 *       taken out again. Whether the total fits 64 bits is asked when it is wanted.
 *   A2  Sums of reals are those of the kernels for whole columns (simd/real_sum.c), bit for bit:
 *       every real goes to the lane of its row's position, each a sum and the sum of its rounding
 *       errors (Knuth's two-sum); lanes are put together from 0 to 7. Integers beside them are
 *       summed by themselves (A1), and added at the end, so that a column of integers needs no
 *       lanes whatever may come behind it.
 *   A3  Infinities are counted and not summed: a sum of both is not a number, and a row that is
 *       taken out leaves nothing behind.
 *   A4  What a state keeps of a value is a copy in the state's arena. */
#include "func/func_int.h"

#include "vec/fold.h"
#include "vec/number.h"

#include <math.h>
#include <string.h>

#define AGGREGATE_LANES 8

/* Variants. */
enum {
    AGGREGATE_MIN,
    AGGREGATE_MAX
};
enum {
    AGGREGATE_SUM,
    AGGREGATE_TOTAL,
    AGGREGATE_AVG
};

/* ---- count ---- */

typedef struct aggregate_count {
    int64_t rows;
} aggregate_count;

static velo_status
aggregate_count_step(vl_func_call *call, void *state, const vl_value *args, int count)
{
    aggregate_count *counter = state;

    (void)call;
    if (count == 0 || args[0].type != VL_TYPE_NULL)
        counter->rows++;
    return VELO_OK;
}

static velo_status
aggregate_count_step_column(vl_func_call *call, void *state, const vl_vector *vector,
                            const uint16_t *selection, uint32_t count, int *is_taken)
{
    aggregate_count *counter = state;

    (void)call;
    counter->rows += vector == NULL ? count : vl_fold_count(vector, selection, count);
    *is_taken = 1;
    return VELO_OK;
}

static velo_status
aggregate_count_step_groups(vl_func_call *call, char *const *groups, size_t offset,
                            const vl_vector *vector, const uint16_t *selection, uint32_t count)
{
    (void)call;
    for (uint32_t n = 0; n < count; n++) {
        aggregate_count *counter = (aggregate_count *)(void *)(groups[n] + offset);
        int is_there = 1;

        if (vector != NULL)
            is_there =
                vl_vector_get(vector, selection == NULL ? n : selection[n]).type != VL_TYPE_NULL;
        counter->rows += is_there;
    }
    return VELO_OK;
}

static velo_status
aggregate_count_inverse(vl_func_call *call, void *state, const vl_value *args, int count)
{
    aggregate_count *counter = state;

    (void)call;
    if (count == 0 || args[0].type != VL_TYPE_NULL)
        counter->rows--;
    return VELO_OK;
}

static velo_status
aggregate_count_merge(vl_func_call *call, void *state, const void *from)
{
    aggregate_count *counter = state;

    (void)call;
    counter->rows += ((const aggregate_count *)from)->rows;
    return VELO_OK;
}

static velo_status
aggregate_count_value(vl_func_call *call, const void *state, vl_value *result)
{
    (void)call;
    *result = vl_value_of_integer(((const aggregate_count *)state)->rows);
    return VELO_OK;
}

/* ---- sum, total, avg ---- */

static velo_status
aggregate_no_memory(vl_func_call *call)
{
    (void)vl_fail(call->ctx, VELO_NOMEM, "cannot allocate the state of %s()", call->func->name);
    return VELO_NOMEM;
}

/* A sum of doubles and that of its rounding errors. */
typedef struct aggregate_lane {
    double sum;
    double carry;
} aggregate_lane;

typedef struct aggregate_sum {
    vl_int128 integers;     /* sum of the integers */
    aggregate_lane first;   /* lane 0 */
    aggregate_lane *others; /* lanes 1 to 7, or NULL while all are zero */
    int64_t rows;           /* that are not NULL */
    int64_t above;          /* how many are infinite */
    int64_t below;          /* how many are so with a minus */
    int is_real;            /* whether there was one that is no integer */
    int was_real;           /* whether there was one in an earlier frame of a window */
} aggregate_sum;

/* The rounding error of total = sum + value (Knuth, TAOCP 2, 4.2.2). */
static double
aggregate_error(double sum, double value, double total)
{
    double part = total - sum;

    return (sum - (total - part)) + (value - part);
}

static void
aggregate_lane_add(aggregate_lane *lane, double value)
{
    double total = lane->sum + value;

    lane->carry += aggregate_error(lane->sum, value, total);
    lane->sum = total;
}

static void
aggregate_lane_merge(aggregate_lane *lane, const aggregate_lane *more)
{
    aggregate_lane_add(lane, more->sum);
    lane->carry += more->carry;
}

/* Make lanes 1 to 7; 0 when there is no memory. */
static int
aggregate_has_lanes(vl_func_call *call, aggregate_sum *sum)
{
    if (sum->others == NULL)
        sum->others =
            vl_arena_alloc_array(call->state_arena, AGGREGATE_LANES - 1, sizeof *sum->others);
    return sum->others != NULL;
}

/* The lane of a row's position, or NULL when there is no memory. */
static aggregate_lane *
aggregate_lane_of(vl_func_call *call, aggregate_sum *sum)
{
    uint32_t lane = call->lane % AGGREGATE_LANES;

    if (lane == 0)
        return &sum->first;
    return aggregate_has_lanes(call, sum) ? &sum->others[lane - 1] : NULL;
}

/* Take a value in (sign 1) or out (sign -1). */
static velo_status
aggregate_sum_change(vl_func_call *call, aggregate_sum *sum, const vl_value *value, int sign)
{
    vl_value number = vl_func_numeric(value);
    aggregate_lane *lane;

    if (value->type == VL_TYPE_NULL)
        return VELO_OK;
    if (number.type == VL_TYPE_NULL) /* text or blob: the number that it begins with, as a real */
        number = vl_value_of_real(vl_value_real(value));
    if (number.type == VL_TYPE_INTEGER) {
        sum->rows += sign;
        sum->integers += sign * (vl_int128)number.as.integer;
        return VELO_OK;
    }
    lane = aggregate_lane_of(call, sum);
    if (lane == NULL)
        return aggregate_no_memory(call);
    sum->rows += sign;
    sum->is_real = 1;
    if (!isinf(number.as.real))
        aggregate_lane_add(lane, sign * number.as.real);
    else if (number.as.real > 0.0) /* keeps A3 */
        sum->above += sign;
    else
        sum->below += sign;
    return VELO_OK;
}

static velo_status
aggregate_sum_step(vl_func_call *call, void *state, const vl_value *args, int count)
{
    (void)count;
    return aggregate_sum_change(call, state, args, 1);
}

/* The state as kernels have it, and back. */
static void
aggregate_sum_load(const aggregate_sum *sum, vl_fold_sum *fold)
{
    *fold = (vl_fold_sum){.reals.sum[0] = sum->first.sum, .reals.carry[0] = sum->first.carry};
    for (int i = 0; sum->others != NULL && i < AGGREGATE_LANES - 1; i++) {
        fold->reals.sum[i + 1] = sum->others[i].sum;
        fold->reals.carry[i + 1] = sum->others[i].carry;
    }
}

static void
aggregate_sum_store(aggregate_sum *sum, const vl_fold_sum *fold)
{
    sum->integers += fold->integers;
    sum->rows += fold->rows;
    if (fold->real_count == 0)
        return;
    sum->is_real = 1;
    sum->first = (aggregate_lane){fold->reals.sum[0], fold->reals.carry[0]};
    for (int i = 0; i < AGGREGATE_LANES - 1; i++)
        sum->others[i] = (aggregate_lane){fold->reals.sum[i + 1], fold->reals.carry[i + 1]};
}

static velo_status
aggregate_sum_step_column(vl_func_call *call, void *state, const vl_vector *vector,
                          const uint16_t *selection, uint32_t count, int *is_taken)
{
    aggregate_sum *sum = state;
    vl_fold_sum fold;

    *is_taken = 0;
    if (vector->form != VL_VECTOR_INTEGER && !aggregate_has_lanes(call, sum))
        return aggregate_no_memory(call);
    aggregate_sum_load(sum, &fold);
    fold.reals.position = call->lane;
    *is_taken = vl_fold_sum_add(vector, selection, count, &fold);
    if (*is_taken)
        aggregate_sum_store(sum, &fold);
    return VELO_OK;
}

/* The rows of a typed vector, each to its own sum. */
static void
aggregate_sum_spread(char *const *groups, size_t offset, const vl_vector *vector,
                     const uint16_t *selection, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        aggregate_sum *sum = (aggregate_sum *)(void *)(groups[n] + offset);
        uint32_t row = selection == NULL ? n : selection[n];

        if (vector->validity != NULL && !vl_bits_get(vector->validity, row))
            continue;
        sum->rows++;
        if (vector->form == VL_VECTOR_INTEGER) {
            sum->integers += vector->as.integers[row];
            continue;
        }
        sum->is_real = 1;
        if (!isinf(vector->as.reals[row]))
            aggregate_lane_add(&sum->first, vector->as.reals[row]);
        else if (vector->as.reals[row] > 0.0) /* keeps A3 */
            sum->above++;
        else
            sum->below++;
    }
}

static velo_status
aggregate_sum_step_groups(vl_func_call *call, char *const *groups, size_t offset,
                          const vl_vector *vector, const uint16_t *selection, uint32_t count)
{
    int is_typed = vector->form == VL_VECTOR_INTEGER || vector->form == VL_VECTOR_REAL;

    if (is_typed && !vector->is_constant) {
        aggregate_sum_spread(groups, offset, vector, selection, count);
        return VELO_OK;
    }
    for (uint32_t n = 0; n < count; n++) {
        vl_value value = vl_vector_get(vector, selection == NULL ? n : selection[n]);

        VL_TRY(
            aggregate_sum_change(call, (aggregate_sum *)(void *)(groups[n] + offset), &value, 1));
    }
    return VELO_OK;
}

static velo_status
aggregate_sum_inverse(vl_func_call *call, void *state, const vl_value *args, int count)
{
    (void)count;
    return aggregate_sum_change(call, state, args, -1);
}

static velo_status
aggregate_sum_merge(vl_func_call *call, void *state, const void *from)
{
    const aggregate_sum *more = from;
    aggregate_sum *sum = state;

    if (more->others != NULL && !aggregate_has_lanes(call, sum))
        return aggregate_no_memory(call);
    aggregate_lane_merge(&sum->first, &more->first);
    for (int i = 0; more->others != NULL && i < AGGREGATE_LANES - 1; i++)
        aggregate_lane_merge(&sum->others[i], &more->others[i]);
    sum->integers += more->integers;
    sum->rows += more->rows;
    sum->above += more->above;
    sum->below += more->below;
    sum->is_real |= more->is_real;
    return VELO_OK;
}

/* The total as a double; keeps A2. */
static double
aggregate_sum_real(const aggregate_sum *sum)
{
    aggregate_lane all = sum->first;

    if (sum->above != 0 || sum->below != 0)
        return (sum->above != 0 ? (double)INFINITY : 0.0) -
               (sum->below != 0 ? (double)INFINITY : 0.0);
    if (!sum->is_real)
        return (double)sum->integers;
    for (int i = 0; sum->others != NULL && i < AGGREGATE_LANES - 1; i++)
        aggregate_lane_merge(&all, &sum->others[i]);
    if (sum->integers != 0) { /* in two parts where one double does not hold it */
        double high = (double)sum->integers;

        aggregate_lane_add(&all, high);
        aggregate_lane_add(&all, (double)(sum->integers - (vl_int128)high));
    }
    return isfinite(all.carry) ? all.sum + all.carry : all.sum;
}

static velo_status
aggregate_sum_value(vl_func_call *call, const void *state, vl_value *result)
{
    const aggregate_sum *sum = state;
    uint32_t variant = call->func->variant;

    if (variant == AGGREGATE_TOTAL)
        *result = vl_value_of_real(aggregate_sum_real(sum));
    else if (sum->rows == 0)
        *result = vl_value_of_null();
    else if (variant == AGGREGATE_AVG || sum->is_real || sum->was_real)
        *result = vl_value_of_real(aggregate_sum_real(sum) /
                                   (variant == AGGREGATE_AVG ? (double)sum->rows : 1.0));
    else if (sum->integers > INT64_MAX || sum->integers < INT64_MIN) /* keeps A1 */
        return vl_fail(call->ctx, VELO_ERROR, "integer overflow");
    else
        *result = vl_value_of_integer((int64_t)sum->integers);
    return VELO_OK;
}

/* As in SQLite, sums of a window stay real when the real that made them so has left the frame. */
static void
aggregate_sum_restart(void *state)
{
    aggregate_sum *sum = state;

    *sum = (aggregate_sum){.was_real = sum->is_real | sum->was_real};
}

/* Rounding errors of reals do not come out again. */
static int
aggregate_sum_is_exact(const void *state)
{
    return !((const aggregate_sum *)state)->is_real;
}

/* ---- min, max ---- */

typedef struct aggregate_extreme {
    vl_value best; /* not yet there while has_best is 0 */
    int has_best;
    void *data;  /* where its text or blob is */
    size_t room; /* bytes there */
} aggregate_extreme;

/* Keep a value; keeps A4. */
static velo_status
aggregate_extreme_keep(vl_func_call *call, aggregate_extreme *extreme, const vl_value *value)
{
    size_t room = extreme->room < 16 ? 16 : extreme->room;

    if (value->size > extreme->room) {
        void *data;

        while (room < value->size)
            room *= 2;
        data = vl_arena_alloc(call->state_arena, room);
        if (data == NULL)
            return aggregate_no_memory(call);
        extreme->data = data;
        extreme->room = room;
    }
    extreme->best = *value;
    if (value->type == VL_TYPE_TEXT || value->type == VL_TYPE_BLOB) {
        if (value->size > 0)
            memcpy(extreme->data, value->as.data, value->size);
        extreme->best.as.data = value->size > 0 ? extreme->data : "";
    }
    extreme->has_best = 1;
    call->is_picked = 1;
    return VELO_OK;
}

/* Of equal values the first stays. */
static velo_status
aggregate_extreme_step(vl_func_call *call, void *state, const vl_value *args, int count)
{
    aggregate_extreme *extreme = state;

    (void)count;
    call->is_picked = 0;
    if (args[0].type == VL_TYPE_NULL)
        return VELO_OK;
    if (extreme->has_best) {
        int order = vl_value_compare(&args[0], &extreme->best, call->collation);

        if (call->func->variant == AGGREGATE_MIN ? order >= 0 : order <= 0)
            return VELO_OK;
    }
    return aggregate_extreme_keep(call, extreme, args);
}

static velo_status
aggregate_extreme_step_groups(vl_func_call *call, char *const *groups, size_t offset,
                              const vl_vector *vector, const uint16_t *selection, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        vl_value value = vl_vector_get(vector, selection == NULL ? n : selection[n]);

        VL_TRY(aggregate_extreme_step(call, groups[n] + offset, &value, 1));
    }
    return VELO_OK;
}

static velo_status
aggregate_extreme_merge(vl_func_call *call, void *state, const void *from)
{
    const aggregate_extreme *more = from;

    call->is_picked = 0;
    return more->has_best ? aggregate_extreme_step(call, state, &more->best, 1) : VELO_OK;
}

static velo_status
aggregate_extreme_value(vl_func_call *call, const void *state, vl_value *result)
{
    const aggregate_extreme *extreme = state;

    (void)call;
    if (extreme->has_best)
        *result = extreme->best;
    return VELO_OK;
}

/* ---- group_concat, string_agg ---- */

/* Separators and texts in turn, each separator before its text. The result begins behind the first
 * separator; it is there for a merge. */
typedef struct aggregate_concat {
    char *text;             /* or NULL */
    size_t begin;           /* where the first separator is */
    size_t end;             /* one past the last text */
    size_t room;            /* bytes at text */
    uint64_t count;         /* texts */
    uint32_t separator;     /* size of every separator, while `separators` is NULL */
    uint32_t *separators;   /* their sizes one by one, from number separator_begin */
    size_t separator_begin; /* the first's */
    size_t separator_room;  /* numbers at separators */
} aggregate_concat;

static uint32_t
aggregate_concat_first(const aggregate_concat *concat)
{
    if (concat->separators == NULL)
        return concat->separator;
    return concat->separators[concat->separator_begin];
}

/* Make room for `size` more bytes: what was taken out is used again before more is allocated. */
static velo_status
aggregate_concat_grow(vl_func_call *call, aggregate_concat *concat, size_t size)
{
    size_t used = concat->end - concat->begin;
    size_t room = concat->room < 32 ? 32 : concat->room;
    char *text = concat->text;

    if (used + size > (size_t)VL_VALUE_SIZE_MAX + aggregate_concat_first(concat))
        return vl_fail(call->ctx, VELO_TOOBIG, "string or blob too big");
    if (concat->text != NULL && size <= concat->room - concat->end)
        return VELO_OK;
    if (concat->text == NULL || used + size > concat->room / 2) {
        while (room < used + size || room == concat->room)
            room *= 2;
        text = vl_arena_alloc(call->state_arena, room);
        if (text == NULL)
            return aggregate_no_memory(call);
        concat->room = room;
    }
    if (concat->text != NULL)
        memmove(text, concat->text + concat->begin, used);
    concat->text = text;
    concat->begin = 0;
    concat->end = used;
    return VELO_OK;
}

/* Make room for one more size of a separator in a list of them. */
static velo_status
aggregate_concat_grow_sizes(vl_func_call *call, aggregate_concat *concat)
{
    size_t count = concat->count;
    size_t room = 2 * (count + 8);
    uint32_t *sizes = concat->separators;

    if (sizes != NULL && concat->separator_begin + count < concat->separator_room)
        return VELO_OK;
    if (sizes == NULL || count > concat->separator_room / 2) {
        sizes = vl_arena_alloc_array(call->state_arena, room, sizeof *sizes);
        if (sizes == NULL)
            return aggregate_no_memory(call);
        concat->separator_room = room;
    }
    for (size_t i = 0; i < count; i++)
        sizes[i] = concat->separators == NULL ? concat->separator
                                              : concat->separators[concat->separator_begin + i];
    concat->separators = sizes;
    concat->separator_begin = 0;
    return VELO_OK;
}

static velo_status
aggregate_concat_step(vl_func_call *call, void *state, const vl_value *args, int count)
{
    static const unsigned char comma[] = ",";
    aggregate_concat *concat = state;
    char room[VL_NUMBER_TEXT_SIZE];
    char separator_room[VL_NUMBER_TEXT_SIZE];
    vl_func_bytes text = vl_func_bytes_of(&args[0], room);
    vl_func_bytes separator = {comma, comma + 1};
    size_t text_size = (size_t)(text.end - text.at);
    uint32_t size;

    if (args[0].type == VL_TYPE_NULL)
        return VELO_OK;
    if (count == 2)
        separator = vl_func_bytes_of(&args[1], separator_room);
    size = (uint32_t)(separator.end - separator.at);
    VL_TRY(aggregate_concat_grow(call, concat, size + text_size));
    if (concat->count == 0 && concat->separators == NULL)
        concat->separator = size;
    if (concat->separators != NULL || size != concat->separator) {
        VL_TRY(aggregate_concat_grow_sizes(call, concat));
        concat->separators[concat->separator_begin + concat->count] = size;
    }
    memcpy(concat->text + concat->end, separator.at, size);
    memcpy(concat->text + concat->end + size, text.at, text_size);
    concat->end += size + text_size;
    concat->count++;
    return VELO_OK;
}

static velo_status
aggregate_concat_inverse(vl_func_call *call, void *state, const vl_value *args, int count)
{
    aggregate_concat *concat = state;
    char room[VL_NUMBER_TEXT_SIZE];
    vl_func_bytes text = vl_func_bytes_of(&args[0], room);

    (void)call;
    (void)count;
    if (args[0].type == VL_TYPE_NULL || concat->count == 0)
        return VELO_OK;
    concat->begin += aggregate_concat_first(concat) + (size_t)(text.end - text.at);
    if (concat->separators != NULL)
        concat->separator_begin++;
    concat->count--;
    if (concat->count == 0) {
        concat->begin = 0;
        concat->end = 0;
        concat->separator_begin = 0;
    }
    return VELO_OK;
}

/* States that are merged are not windows: sizes of separators behind the first do not matter. */
static velo_status
aggregate_concat_merge(vl_func_call *call, void *state, const void *from)
{
    const aggregate_concat *more = from;
    aggregate_concat *concat = state;
    size_t size = more->end - more->begin;

    if (more->count == 0)
        return VELO_OK;
    if (concat->count == 0) {
        *concat = *more;
        return VELO_OK;
    }
    VL_TRY(aggregate_concat_grow(call, concat, size));
    memcpy(concat->text + concat->end, more->text + more->begin, size);
    concat->end += size;
    concat->count += more->count;
    return VELO_OK;
}

static velo_status
aggregate_concat_value(vl_func_call *call, const void *state, vl_value *result)
{
    const aggregate_concat *concat = state;
    size_t begin;

    (void)call;
    if (concat->count == 0)
        return VELO_OK;
    begin = concat->begin + aggregate_concat_first(concat);
    *result = (vl_value){.type = VL_TYPE_TEXT,
                         .size = (uint32_t)(concat->end - begin),
                         .as.data = concat->text + begin};
    return VELO_OK;
}

static const vl_func_aggregate aggregate_counts = {.state_size = sizeof(aggregate_count),
                                                   .step = aggregate_count_step,
                                                   .step_column = aggregate_count_step_column,
                                                   .step_groups = aggregate_count_step_groups,
                                                   .inverse = aggregate_count_inverse,
                                                   .merge = aggregate_count_merge,
                                                   .value = aggregate_count_value};
static const vl_func_aggregate aggregate_sums = {.state_size = sizeof(aggregate_sum),
                                                 .step = aggregate_sum_step,
                                                 .step_column = aggregate_sum_step_column,
                                                 .step_groups = aggregate_sum_step_groups,
                                                 .inverse = aggregate_sum_inverse,
                                                 .merge = aggregate_sum_merge,
                                                 .value = aggregate_sum_value,
                                                 .is_exact = aggregate_sum_is_exact,
                                                 .restart = aggregate_sum_restart};
static const vl_func_aggregate aggregate_extremes = {.state_size = sizeof(aggregate_extreme),
                                                     .step = aggregate_extreme_step,
                                                     .step_groups = aggregate_extreme_step_groups,
                                                     .merge = aggregate_extreme_merge,
                                                     .value = aggregate_extreme_value};
static const vl_func_aggregate aggregate_concats = {.state_size = sizeof(aggregate_concat),
                                                    .step = aggregate_concat_step,
                                                    .inverse = aggregate_concat_inverse,
                                                    .merge = aggregate_concat_merge,
                                                    .value = aggregate_concat_value};

#define AGGREGATE_TOTAL_FLAGS   (VL_FUNC_PURE_TOTAL | VL_FUNC_AGGREGATE)
#define AGGREGATE_FAILING_FLAGS (VL_FUNC_PURE_FAILING | VL_FUNC_AGGREGATE)
#define AGGREGATE_EXTREME_FLAGS (AGGREGATE_TOTAL_FLAGS | VL_FUNC_COLLATED | VL_FUNC_PICKS_ROW)
#define AGGREGATE_ORDERED_FLAGS (AGGREGATE_FAILING_FLAGS | VL_FUNC_ORDERED)

static const vl_func aggregate_funcs[] = {
    VL_FUNC_FOLD("avg", 1, 1, AGGREGATE_AVG, AGGREGATE_TOTAL_FLAGS, VL_FUNC_MAYBE_REAL,
                 &aggregate_sums),
    VL_FUNC_FOLD("count", 0, 1, 0, AGGREGATE_TOTAL_FLAGS, VL_FUNC_YIELDS_INTEGER,
                 &aggregate_counts),
    VL_FUNC_FOLD("group_concat", 1, 2, 0, AGGREGATE_ORDERED_FLAGS, VL_FUNC_MAYBE_TEXT,
                 &aggregate_concats),
    VL_FUNC_FOLD("max", 1, 1, AGGREGATE_MAX, AGGREGATE_EXTREME_FLAGS, VL_FUNC_YIELDS_ANY,
                 &aggregate_extremes),
    VL_FUNC_FOLD("min", 1, 1, AGGREGATE_MIN, AGGREGATE_EXTREME_FLAGS, VL_FUNC_YIELDS_ANY,
                 &aggregate_extremes),
    VL_FUNC_FOLD("string_agg", 2, 2, 0, AGGREGATE_ORDERED_FLAGS, VL_FUNC_MAYBE_TEXT,
                 &aggregate_concats),
    VL_FUNC_FOLD("sum", 1, 1, AGGREGATE_SUM, AGGREGATE_FAILING_FLAGS, VL_FUNC_MAYBE_NUMBER,
                 &aggregate_sums),
    VL_FUNC_FOLD("total", 1, 1, AGGREGATE_TOTAL, AGGREGATE_TOTAL_FLAGS, VL_FUNC_MAYBE_REAL,
                 &aggregate_sums)};

const vl_func_table vl_func_aggregates = {aggregate_funcs, VL_ARRAY_COUNT(aggregate_funcs)};
