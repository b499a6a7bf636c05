/* test_exec_window.c - WINDOW: against a model that looks at every row for every row, in memory and
 * in files; what is read and kept; aggregates of users; the tape of rows. */
#include "exec/exec_int.h"
#include "exec/tape.h"
#include "func/registry.h"
#include "lib/exec_rig.h"
#include "lib/unit.h"
#include "vec/value.h"

#include <stdio.h>

#define CALLS_MAX  24
#define FRAMES_MAX 4

/* Rows of the tests against the model, and of those that outgrow the least limit. */
#define ROWS      VL_BY_BUILD(90U, 40U)
#define ROWS_MANY VL_BY_BUILD(1500U, 300U)
#define TEXT_SIZE VL_BY_BUILD(300U, 20U)
#define ROUNDS    VL_BY_BUILD(60, 30)

/* ---- building ---- */

static const vl_func *
builtin(const char *name, int count)
{
    const vl_func *func;

    if (vl_func_find(unit_ctx(), NULL, name, strlen(name), count, &func) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "no %s()", name);
    return func;
}

/* A WINDOW without calls or frames. */
static vl_op *
window(plan_builder *b, vl_op *child, const char *partition, const char *order)
{
    vl_op *op = plan_op(b, VL_OP_KIND_WINDOW, child->column_count, child, NULL);
    vl_op_window *as = &op->as.window;

    as->partition = plan_exprs(b, partition);
    as->collations = plan_bytes(b, as->partition.count, VL_COLLATE_BINARY);
    as->order = plan_keys(b, order, &as->order_count);
    as->frames = vl_arena_alloc_array(&b->arena, FRAMES_MAX, sizeof *as->frames);
    as->calls = vl_arena_alloc_array(&b->arena, CALLS_MAX, sizeof *as->calls);
    if (as->frames == NULL || as->calls == NULL)
        unit_failed(__FILE__, __LINE__, "no memory");
    return op;
}

static uint32_t
frame(vl_op *op, vl_window_frame what)
{
    op->as.window.frames[op->as.window.frame_count] = what;
    return op->as.window.frame_count++;
}

static vl_window_call *
call_of(plan_builder *b, vl_op *op, const vl_func *func, const char *arguments, uint32_t number)
{
    vl_window_call *call = &op->as.window.calls[op->as.window.call_count++];

    call->func = func;
    call->arguments = plan_exprs(b, arguments);
    call->frame = number;
    op->column_count++;
    return call;
}

static vl_window_call *
call(plan_builder *b, vl_op *op, const char *name, const char *arguments, uint32_t number)
{
    vl_exprs list = plan_exprs(b, arguments);

    return call_of(b, op, builtin(name, (int)list.count), arguments, number);
}

static const vl_window_frame rows_so_far = {
    VL_FRAME_ROWS, VL_FRAME_UNBOUNDED_PRECEDING, VL_FRAME_CURRENT, VL_FRAME_EXCLUDE_UNSAID, NULL,
    NULL};

static vl_window_frame
rows_between(plan_builder *b, const char *preceding, const char *following)
{
    return (vl_window_frame){VL_FRAME_ROWS,           VL_FRAME_PRECEDING,
                             VL_FRAME_FOLLOWING,      VL_FRAME_EXCLUDE_UNSAID,
                             plan_expr(b, preceding), plan_expr(b, following)};
}

/* ---- the model ---- */

/* The rows of a partition, in their order by column 0. */
typedef struct model {
    exec_rig *rig;
    vl_value **rows; /* count of them */
    uint32_t count;
    uint32_t groups[ROWS]; /* number of the group of peers of each */
    int sign;              /* -1: column 0 descends */
} model;

static int
model_is_number(const model *m, uint32_t i)
{
    return m->rows[i][0].type == VL_TYPE_INTEGER || m->rows[i][0].type == VL_TYPE_REAL;
}

static double
model_number(const model *m, uint32_t i)
{
    return m->sign * vl_value_real(&m->rows[i][0]);
}

/* The first row whose group is at least `group`. */
static uint32_t
model_group_begin(const model *m, int64_t group)
{
    uint32_t i = 0;

    while (i < m->count && (int64_t)m->groups[i] < group)
        i++;
    return i;
}

static int64_t
model_offset(const vl_expr *expr)
{
    return expr == NULL ? 0 : expr->value.as.integer;
}

/* The first row whose number is at least `number`, or above it; one past the numbers if there is
 * none. */
static uint32_t
model_number_begin(const model *m, double number, int is_above)
{
    uint32_t i = 0;

    while (i < m->count && !model_is_number(m, i))
        i++;
    while (i < m->count && model_is_number(m, i) &&
           (is_above ? model_number(m, i) <= number : model_number(m, i) < number))
        i++;
    return i;
}

/* Where a bound with an offset, or CURRENT ROW, is for row i: as a start, or one past an end. */
static uint32_t
model_bound(const model *m, const vl_window_frame *what, uint32_t i, int is_end)
{
    vl_frame_bound bound = is_end ? what->end : what->start;
    int64_t offset = model_offset(is_end ? what->end_offset : what->start_offset);
    int64_t at;

    offset = bound == VL_FRAME_PRECEDING ? -offset : offset;
    if (what->unit == VL_FRAME_RANGE && bound != VL_FRAME_CURRENT && model_is_number(m, i))
        return model_number_begin(m, model_number(m, i) + (double)offset, is_end);
    if (what->unit == VL_FRAME_RANGE)
        offset = 0;
    if (what->unit != VL_FRAME_ROWS)
        return model_group_begin(m, (int64_t)m->groups[i] + offset + is_end);
    at = (int64_t)i + offset + is_end;
    return at < 0 ? 0 : at > m->count ? m->count : (uint32_t)at;
}

static int
model_has(const model *m, const vl_window_frame *what, uint32_t i, uint32_t j)
{
    uint32_t start = what->start == VL_FRAME_UNBOUNDED_PRECEDING ? 0 : model_bound(m, what, i, 0);
    uint32_t end =
        what->end == VL_FRAME_UNBOUNDED_FOLLOWING ? m->count : model_bound(m, what, i, 1);

    if (j < start || j >= end)
        return 0;
    if (what->exclude == VL_FRAME_EXCLUDE_CURRENT)
        return j != i;
    if (what->exclude == VL_FRAME_EXCLUDE_GROUP)
        return m->groups[i] != m->groups[j];
    return what->exclude != VL_FRAME_EXCLUDE_TIES || j == i || m->groups[i] != m->groups[j];
}

/* A column, or a constant; 0: it is not there. */
static int
model_argument(const model *m, const vl_window_call *what, uint32_t i, uint32_t at, vl_value *value)
{
    const vl_expr *expr;

    if (at >= what->arguments.count)
        return 0;
    expr = what->arguments.list[at];
    *value = expr->kind == VL_EXPR_COLUMN ? m->rows[i][expr->index] : expr->value;
    return 1;
}

static int
model_passes(const model *m, const vl_window_call *what, uint32_t i)
{
    return what->filter == NULL || vl_value_truth(&m->rows[i][what->filter->index]) == 1;
}

/* min and max: of equal values the last, where rows come and go. */
static vl_value
model_extreme(const model *m, const vl_window_call *what, const vl_window_frame *frame_of,
              uint32_t i)
{
    int sign = strcmp(what->func->name, "min") == 0 ? -1 : 1;
    int is_last = frame_of->start != VL_FRAME_UNBOUNDED_PRECEDING &&
                  frame_of->exclude == VL_FRAME_EXCLUDE_UNSAID;
    vl_value best = vl_value_of_null();

    for (uint32_t j = 0; j < m->count; j++) {
        vl_value value = vl_value_of_null();
        int order;

        (void)model_argument(m, what, j, 0, &value);
        if (!model_has(m, frame_of, i, j) || value.type == VL_TYPE_NULL)
            continue;
        order = sign * vl_value_compare(&value, &best, VL_COLLATE_BINARY);
        if (best.type == VL_TYPE_NULL || order > 0 || (order == 0 && is_last))
            best = value;
    }
    return best;
}

/* An aggregate of the frame's rows, and of no others. */
static vl_value
model_aggregate(const model *m, const vl_window_call *what, const vl_window_frame *frame_of,
                uint32_t i)
{
    static const vl_func_environment none = {.user = NULL};
    vl_arena *arena = &m->rig->builder.arena;
    vl_func_call at_work = {.ctx = unit_ctx(),
                            .arena = arena,
                            .state_arena = arena,
                            .func = what->func,
                            .environment = &none};
    void *state = vl_arena_alloc_array(arena, 1, what->func->aggregate->state_size);
    vl_value result = vl_value_of_null();

    for (uint32_t j = 0; j < m->count; j++) {
        vl_value args[2];

        if (!model_has(m, frame_of, i, j) || !model_passes(m, what, j))
            continue;
        for (uint32_t k = 0; k < what->arguments.count; k++)
            (void)model_argument(m, what, j, k, &args[k]);
        if (what->func->aggregate->step(&at_work, state, args, (int)what->arguments.count) !=
            VELO_OK)
            unit_failed(__FILE__, __LINE__, "cannot step");
    }
    if (what->func->aggregate->value(&at_work, state, &result) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "no value");
    return result;
}

/* Whether a sum is real because an earlier frame had a real. */
static int
model_was_real(const model *m, const vl_window_call *what, const vl_window_frame *frame_of,
               uint32_t i)
{
    if (strcmp(what->func->name, "sum") != 0 || frame_of->exclude > VL_FRAME_EXCLUDE_NO_OTHERS)
        return 0;
    for (uint32_t k = 0; k < i; k++)
        for (uint32_t j = 0; j < m->count; j++) {
            vl_value value = vl_value_of_null();

            (void)model_argument(m, what, j, 0, &value);
            if (value.type != VL_TYPE_NULL && value.type != VL_TYPE_INTEGER &&
                model_has(m, frame_of, k, j) && model_passes(m, what, j))
                return 1;
        }
    return 0;
}

/* first_value (nth 1), nth_value; nth 0: last_value. */
static vl_value
model_nth(const model *m, const vl_window_call *what, const vl_window_frame *frame_of, uint32_t i,
          int64_t nth)
{
    vl_value value = vl_value_of_null();
    int64_t seen = 0;

    for (uint32_t j = 0; j < m->count; j++) {
        if (!model_has(m, frame_of, i, j))
            continue;
        seen++;
        if (nth == 0 || seen == nth)
            (void)model_argument(m, what, j, 0, &value);
    }
    return value;
}

static vl_value
model_shifted(const model *m, const vl_window_call *what, uint32_t i, int sign)
{
    vl_value offset = vl_value_of_integer(1);
    vl_value value = vl_value_of_null();
    int64_t at;

    (void)model_argument(m, what, i, 1, &offset);
    at = (int64_t)i + sign * offset.as.integer;
    if (at >= 0 && at < (int64_t)m->count)
        (void)model_argument(m, what, (uint32_t)at, 0, &value);
    else
        (void)model_argument(m, what, i, 2, &value);
    return value;
}

static int64_t
model_ntile(const model *m, uint32_t i, int64_t tiles)
{
    int64_t tile = 1;
    int64_t left = m->count;

    /* Rows go to tiles one by one: the first ones get the rest of the division. */
    for (int64_t at = i; tile <= tiles; tile++) {
        int64_t size = (left + tiles - tile) / (tiles - tile + 1);

        if (at < size)
            return tile;
        at -= size;
        left -= size;
    }
    return tile;
}

/* check_tree: table, of the built-in window functions. */
static vl_value
model_builtin(const model *m, const vl_window_call *what, const vl_window_frame *frame_of,
              uint32_t i)
{
    uint32_t peers = model_group_begin(m, m->groups[i]);
    uint32_t end = model_group_begin(m, (int64_t)m->groups[i] + 1);
    vl_value number = vl_value_of_integer(1);

    switch ((vl_func_window)what->func->variant) {
    case VL_FUNC_WINDOW_ROW_NUMBER:
        return vl_value_of_integer(i + 1);
    case VL_FUNC_WINDOW_RANK:
        return vl_value_of_integer(peers + 1);
    case VL_FUNC_WINDOW_DENSE_RANK:
        return vl_value_of_integer(m->groups[i] + 1);
    case VL_FUNC_WINDOW_PERCENT_RANK:
        return vl_value_of_real(m->count > 1 ? (double)peers / (m->count - 1) : 0.0);
    case VL_FUNC_WINDOW_CUME_DIST:
        return vl_value_of_real((double)end / m->count);
    case VL_FUNC_WINDOW_NTILE:
        (void)model_argument(m, what, 0, 0, &number);
        return vl_value_of_integer(model_ntile(m, i, number.as.integer));
    case VL_FUNC_WINDOW_LAG:
        return model_shifted(m, what, i, -1);
    case VL_FUNC_WINDOW_LEAD:
        return model_shifted(m, what, i, 1);
    case VL_FUNC_WINDOW_FIRST_VALUE:
        return model_nth(m, what, frame_of, i, 1);
    case VL_FUNC_WINDOW_LAST_VALUE:
        return model_nth(m, what, frame_of, i, 0);
    case VL_FUNC_WINDOW_NTH_VALUE:
        (void)model_argument(m, what, i, 1, &number);
        return model_nth(m, what, frame_of, i, number.as.integer);
    }
    return number;
}

static vl_value
model_value(const model *m, const vl_op *op, uint32_t number, uint32_t i)
{
    const vl_window_call *what = &op->as.window.calls[number];
    const vl_window_frame *frame_of = &op->as.window.frames[what->frame];
    vl_value value;

    if ((what->func->flags & VL_FUNC_WINDOW) != 0)
        return model_builtin(m, what, frame_of, i);
    if ((what->func->flags & VL_FUNC_PICKS_ROW) != 0)
        return model_extreme(m, what, frame_of, i);
    value = model_aggregate(m, what, frame_of, i);
    if (value.type == VL_TYPE_INTEGER && model_was_real(m, what, frame_of, i))
        value = vl_value_of_real((double)value.as.integer);
    return value;
}

/* The rows of the partition [begin, end) of sorted ones, with results. */
static void
model_partition(exec_rig *rig, const rig_rows *sorted, const vl_op *op, uint32_t begin,
                uint32_t end, rig_rows *wanted)
{
    model m = {.rig = rig,
               .rows = sorted->rows + begin,
               .count = end - begin,
               .sign = op->as.window.order[0].is_descending ? -1 : 1};

    for (uint32_t i = 1; i < m.count; i++)
        m.groups[i] =
            m.groups[i - 1] +
            (uint32_t)(vl_value_compare(&m.rows[i][0], &m.rows[i - 1][0], VL_COLLATE_BINARY) != 0);
    for (uint32_t i = 0; i < m.count; i++) {
        vl_value *row = vl_arena_alloc_array(&rig->builder.arena, wanted->width, sizeof *row);

        memcpy(row, m.rows[i], sorted->width * sizeof *row);
        for (uint32_t k = 0; k < op->as.window.call_count; k++)
            row[sorted->width + k] = model_value(&m, op, k, i);
        wanted->rows[wanted->count++] = row;
    }
}

static rig_rows
model_rows(exec_rig *rig, const rig_rows *sorted, const vl_op *op)
{
    rig_rows wanted = {.width = op->column_count};
    uint32_t begin = 0;

    wanted.rows = vl_arena_alloc_array(&rig->builder.arena, sorted->count + 1U, sizeof(vl_value *));
    for (uint32_t i = 1; i <= sorted->count; i++)
        if (i == sorted->count ||
            sorted->rows[i][1].as.integer % 3 != sorted->rows[begin][1].as.integer % 3) {
            model_partition(rig, sorted, op, begin, i, &wanted);
            begin = i;
        }
    return wanted;
}

/* ---- against the model ---- */

static vl_window_frame
random_frame(plan_builder *b, vl_rng *rng)
{
    static const char *const offsets[] = {"i0", "i1", "i2", "i3", "i7"};
    vl_window_frame what = {.unit = (vl_frame_unit)vl_rng_below(rng, 3)};

    do {
        what.start = (vl_frame_bound)vl_rng_below(rng, 4);
        what.end = (vl_frame_bound)(1 + vl_rng_below(rng, 4));
    } while (what.start > what.end);
    if (what.start == VL_FRAME_PRECEDING || what.start == VL_FRAME_FOLLOWING)
        what.start_offset = plan_expr(b, offsets[vl_rng_below(rng, VL_ARRAY_COUNT(offsets))]);
    if (what.end == VL_FRAME_PRECEDING || what.end == VL_FRAME_FOLLOWING)
        what.end_offset = plan_expr(b, offsets[vl_rng_below(rng, VL_ARRAY_COUNT(offsets))]);
    if (vl_rng_below(rng, 2) == 0)
        what.exclude = (vl_frame_exclude)vl_rng_below(rng, 5);
    return what;
}

static void
random_calls(plan_builder *b, vl_rng *rng, vl_op *op)
{
    static const char *const calls[][2] = {
        {"count", ""},
        {"count", "c0"},
        {"sum", "c2"},
        {"sum", "c0"},
        {"total", "c0"},
        {"avg", "c1"},
        {"min", "c0"},
        {"max", "c0"},
        {"max", "c3"},
        {"group_concat", "c1"},
        {"first_value", "c0"},
        {"last_value", "c2"},
        {"nth_value", "c0 i2"},
        {"lag", "c2"},
        {"lag", "c0 i3"},
        {"lead", "c2 i2 c0"},
        {"row_number", ""},
        {"rank", ""},
        {"dense_rank", ""},
        {"percent_rank", ""},
        {"cume_dist", ""},
        {"ntile", "i4"},
        {"group_concat", "c0 c1"},
    };

    for (uint32_t i = 0; i < FRAMES_MAX; i++)
        (void)frame(op, random_frame(b, rng));
    for (size_t i = 0; i < VL_ARRAY_COUNT(calls); i++) {
        vl_window_call *what =
            call(b, op, calls[i][0], calls[i][1], (uint32_t)vl_rng_below(rng, FRAMES_MAX));

        if ((what->func->flags & (VL_FUNC_WINDOW | VL_FUNC_PICKS_ROW)) == 0 &&
            vl_rng_below(rng, 3) == 0)
            what->filter = plan_expr(b, "c1");
    }
}

static void
window_equals_its_model(void)
{
    static const char *const orders[] = {"c0", "c0 desc", "c0 last", "c0 desc first"};
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (int round = 0; round < ROUNDS; round++) {
        const char *order = orders[vl_rng_below(&rng, VL_ARRAY_COUNT(orders))];
        char keys[64];
        exec_rig rig;
        rig_rows rows;
        rig_rows sorted;
        rig_rows wanted;
        rig_rows got;
        vl_op *op;

        CHECK(rig_init(&rig));
        (void)snprintf(keys, sizeof keys, "(%% c1 i3) %s", order);
        rows = rig_random(&rig, &rng, 1 + (uint32_t)vl_rng_below(&rng, ROWS), TEXT_SIZE);
        op = plan_sort(&rig.builder, rig_values(&rig, &rows), keys);
        sorted = rig_run(&rig, op);
        op = window(&rig.builder, op, "(% c1 i3)", order);
        random_calls(&rig.builder, &rng, op);
        wanted = model_rows(&rig, &sorted, op);
        got = rig_run(&rig, op);
        CHECK_STATUS(rig.status, VELO_DONE);
        CHECK(rig_are_equal(&got, &wanted));
        rig.env.memory_limit = 1;
        got = rig_run(&rig, op);
        CHECK_STATUS(rig.status, VELO_DONE);
        CHECK(rig_are_equal(&got, &wanted));
        rig_deinit(&rig);
        CHECK(!unit_has_failed());
    }
}

/* ---- files ---- */

/* One partition that outgrows the limit: frames of all lengths find their rows in the file. */
static void
partitions_go_to_a_file(void)
{
    vl_rng rng;
    exec_rig rig;
    rig_rows rows;
    rig_rows wanted;
    rig_rows got;
    uint64_t peak;
    vl_op *op;
    uint32_t whole;
    uint32_t near;

    vl_rng_init(&rng, unit_seed());
    CHECK(rig_init(&rig));
    rows = rig_random(&rig, &rng, ROWS_MANY, TEXT_SIZE);
    op = window(&rig.builder, rig_values(&rig, &rows), "", "");
    whole = frame(op, (vl_window_frame){.unit = VL_FRAME_ROWS,
                                        .start = VL_FRAME_UNBOUNDED_PRECEDING,
                                        .end = VL_FRAME_UNBOUNDED_FOLLOWING});
    near = frame(op, rows_between(&rig.builder, "i200", "i150"));
    (void)call(&rig.builder, op, "count", "", whole);
    (void)call(&rig.builder, op, "sum", "c2", near);
    (void)call(&rig.builder, op, "max", "c3", near);
    (void)call(&rig.builder, op, "first_value", "c3", near);
    (void)call(&rig.builder, op, "nth_value", "c3 i77", whole);
    (void)call(&rig.builder, op, "lag", "c3 c1", whole);
    wanted = rig_run(&rig, op);
    CHECK_STATUS(rig.status, VELO_DONE);
    CHECK_EQ(rig.spilled, 0);
    peak = rig.peak;
    rig.env.memory_limit = 1;
    got = rig_run(&rig, op);
    CHECK_STATUS(rig.status, VELO_DONE);
    CHECK(rig.spilled > 0);
    CHECK(rig_are_equal(&got, &wanted));
    CHECK(rig.peak < VL_EXEC_MEMORY_MIN + VL_BY_BUILD(12U, 24U) * 2U * VL_TAPE_BLOCK_SIZE);
    CHECK(VL_TINY != 0 || peak > 0);
    rig_deinit(&rig);
}

/* Frames that reach back a little hold a little, whatever the partition. */
static void
running_totals_hold_a_few_rows(void)
{
    uint64_t peaks[2];

    for (uint32_t i = 0; i < 2; i++) {
        exec_rig rig;
        rig_rows rows;
        vl_op *op;

        CHECK(rig_init(&rig));
        op = window(&rig.builder, plan_series(&rig.builder, i == 0 ? 3000 : 30000, 7), "", "c0");
        (void)frame(op, rows_so_far);
        (void)call(&rig.builder, op, "sum", "c0", 0);
        (void)call(&rig.builder, op, "row_number", "", 0);
        (void)call(&rig.builder, op, "lag", "c0 i5", 0);
        (void)call(&rig.builder, op, "first_value", "c1", 0);
        (void)call(&rig.builder, op, "min", "c1",
                   frame(op, rows_between(&rig.builder, "i9", "i2")));
        rows = rig_run(&rig, op);
        CHECK_STATUS(rig.status, VELO_DONE);
        CHECK_EQ(rows.rows[2999][2].as.integer, 2999 * 3000 / 2);
        peaks[i] = rig.peak;
        rig_deinit(&rig);
    }
    CHECK_EQ(peaks[0], peaks[1]);
}

/* ---- what is read ---- */

static void
rows_are_read_when_they_are_needed(void)
{
    plan_builder b;
    vl_op *op;
    vl_op *rows;

    plan_init(&b);
    rows = plan_values(&b, "i1; i2; i3; (raise tbad)");
    op = window(&b, rows, "", "c0");
    (void)call(&b, op, "sum", "c0", frame(op, rows_so_far));
    CHECK_ROWS(&b, plan_limit(&b, op, "i3", NULL), "i1 i1; i2 i3; i3 i6");
    CHECK_ROWS(&b, op, "i1 i1; i2 i3; i3 i6; !bad");
    op = window(&b, rows, "", "c0");
    (void)call(&b, op, "sum", "c0", frame(op, rows_between(&b, "i0", "i1")));
    CHECK_ROWS(&b, plan_limit(&b, op, "i2", NULL), "i1 i3; i2 i5");
    CHECK_ROWS(&b, op, "i1 i3; i2 i5; !bad");
    op = window(&b, rows, "", "c0");
    (void)frame(op, rows_so_far);
    (void)call(&b, op, "cume_dist", "", 0);
    CHECK_ROWS(&b, op, "!bad");
    plan_deinit(&b);
}

static void
window_of_no_rows_yields_none(void)
{
    plan_builder b;
    vl_op *op;

    plan_init(&b);
    op = window(&b, plan_filter(&b, plan_values(&b, "i1"), "i0"), "", "c0");
    (void)call(&b, op, "count", "", frame(op, rows_between(&b, "i-1", "tx")));
    CHECK_ROWS(&b, op, ""); /* offsets are looked at when there is a row */
    op = window(&b, plan_values(&b, "i1"), "", "c0");
    (void)call(&b, op, "count", "", frame(op, rows_between(&b, "i-1", "tx")));
    CHECK_ROWS(&b, op, "!frame starting offset must be a non-negative integer");
    plan_deinit(&b);
}

/* Run a plan, leave it in the middle, and run it again. */
static void
window_begins_anew(void)
{
    plan_builder b;
    const vl_value *row;
    vl_exec *exec;
    vl_exec_env env = {.memory_limit = 0};
    vl_op *op;

    plan_init(&b);
    op = window(&b, plan_series(&b, 500, 7), "c1", "");
    (void)call(&b, op, "sum", "c0", frame(op, rows_between(&b, "i3", "i3")));
    (void)call(&b, op, "max", "c0", 0);
    CHECK_OK(vl_exec_create(unit_ctx(), plan_root(&b, op), &env, &exec));
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 200; i++) {
            CHECK_EQ(vl_exec_step(unit_ctx(), exec, &row), VELO_ROW);
            CHECK_EQ(row[2].as.integer, i); /* partitions of one row each */
            CHECK_EQ(row[3].as.integer, i);
        }
        vl_exec_reset(exec);
        CHECK_EQ(vl_exec_memory(exec), 0);
    }
    vl_exec_destroy(exec);
    plan_deinit(&b);
}

/* ---- aggregates of users ---- */

static uint32_t steps;
static uint32_t inverses;

static velo_status
user_step(vl_func_call *at_work, void *state, const vl_value *args, int count)
{
    (void)at_work;
    (void)count;
    steps++;
    *(int64_t *)state += args[0].as.integer;
    return VELO_OK;
}

static velo_status
user_inverse(vl_func_call *at_work, void *state, const vl_value *args, int count)
{
    (void)at_work;
    (void)count;
    inverses++;
    *(int64_t *)state -= args[0].as.integer;
    return VELO_OK;
}

static velo_status
user_value(vl_func_call *at_work, const void *state, vl_value *result)
{
    (void)at_work;
    *result = vl_value_of_integer(*(const int64_t *)state);
    return VELO_OK;
}

static const vl_func_aggregate user_both = {
    .state_size = sizeof(int64_t), .step = user_step, .inverse = user_inverse, .value = user_value};
static const vl_func_aggregate user_forward = {
    .state_size = sizeof(int64_t), .step = user_step, .value = user_value};
static const vl_func user_funcs[] = {
    {.name = "both", .flags = VL_FUNC_AGGREGATE, .aggregate = &user_both},
    {.name = "forward", .flags = VL_FUNC_AGGREGATE, .aggregate = &user_forward},
};

static void
functions_of_users_step_back_where_they_can(void)
{
    exec_rig rig;
    rig_rows rows;
    vl_op *op;

    for (uint32_t i = 0; i < 2; i++) {
        CHECK(rig_init(&rig));
        op = window(&rig.builder, plan_series(&rig.builder, 100, 7), "", "");
        (void)call_of(&rig.builder, op, &user_funcs[i], "c0",
                      frame(op, rows_between(&rig.builder, "i4", "i5")));
        steps = inverses = 0;
        rows = rig_run(&rig, op);
        CHECK_EQ(rows.count, 100);
        CHECK_EQ(rows.rows[50][2].as.integer, 505); /* 46 to 55 */
        CHECK_EQ(rows.rows[0][2].as.integer, 15);
        CHECK_EQ(rows.rows[99][2].as.integer, 485); /* 95 to 99 */
        if (i == 0) {
            CHECK_EQ(steps, 100);
            CHECK_EQ(inverses, 95);
        } else {
            CHECK(steps > 900);
            CHECK_EQ(inverses, 0);
        }
        rig_deinit(&rig);
    }
}

/* A state that holds a block of memory. */
static velo_status
heap_step(vl_func_call *at_work, void *state, const vl_value *args, int count)
{
    int64_t **sum = state;

    (void)count;
    if (*sum == NULL)
        *sum = vl_alloc_zero(at_work->ctx, sizeof **sum);
    if (*sum == NULL)
        return vl_fail(at_work->ctx, VELO_NOMEM, "no memory");
    **sum += args[0].as.integer;
    return VELO_OK;
}

static velo_status
heap_value(vl_func_call *at_work, const void *state, vl_value *result)
{
    const int64_t *const *sum = state;

    (void)at_work;
    *result = vl_value_of_integer(*sum == NULL ? 0 : **sum);
    return VELO_OK;
}

static void
heap_deinit(void *state)
{
    vl_free(*(void **)state);
    *(void **)state = NULL;
}

static const vl_func_aggregate heap_aggregate = {
    .state_size = sizeof(void *), .step = heap_step, .value = heap_value, .deinit = heap_deinit};
static const vl_func heap_func = {
    .name = "heap", .flags = VL_FUNC_AGGREGATE, .aggregate = &heap_aggregate};

/* Each state ends, in windows and in groups, whatever fails; so nothing leaks. */
static void
states_of_users_end(void)
{
    vl_aggregate aggregate = {.func = &heap_func};
    exec_rig rig;
    rig_rows rows;
    vl_op *op;

    CHECK(rig_init(&rig));
    op = window(&rig.builder, plan_series(&rig.builder, 50, 7), "", "");
    (void)call_of(&rig.builder, op, &heap_func, "c0",
                  frame(op, rows_between(&rig.builder, "i2", "i2")));
    rows = rig_run(&rig, op);
    CHECK_EQ(rows.rows[10][2].as.integer, 50);
    CHECK(unit_each_alloc_failure(rig_operation, &rig) > VL_BY_BUILD(10, 20));
    aggregate.arguments = plan_exprs(&rig.builder, "c0");
    op = plan_op(&rig.builder, VL_OP_KIND_AGGREGATE, 2, plan_series(&rig.builder, 50, 7), NULL);
    op->as.aggregate.groups = plan_exprs(&rig.builder, "c1");
    op->as.aggregate.collations = plan_bytes(&rig.builder, 1, VL_COLLATE_BINARY);
    op->as.aggregate.is_grouped = 1;
    op->as.aggregate.min_max = -1;
    op->as.aggregate.aggregates = &aggregate;
    op->as.aggregate.aggregate_count = 1;
    rows = rig_run(&rig, op);
    CHECK_EQ(rows.rows[0][1].as.integer, 0 + 7 + 14 + 21 + 28 + 35 + 42 + 49);
    CHECK(unit_each_alloc_failure(rig_operation, &rig) > VL_BY_BUILD(10, 20));
    rig_deinit(&rig);
}

/* ---- the tape ---- */

static void
tape_is_a_line_of_rows(void)
{
    static vl_tape_cursor cursors[3];
    vl_tape tape = {.exec = NULL};
    vl_rng rng;
    exec_rig rig;
    rig_rows rows;
    vl_exec *exec;
    uint32_t first = 0;

    vl_rng_init(&rng, unit_seed());
    CHECK(rig_init(&rig));
    rows = rig_random(&rig, &rng, ROWS_MANY, TEXT_SIZE);
    rig.env.memory_limit = 1;
    CHECK_OK(vl_exec_create(unit_ctx(), plan_root(&rig.builder, plan_values(&rig.builder, "i1")),
                            &rig.env, &exec));
    vl_tape_init(unit_ctx(), &tape, exec, 4);
    for (uint32_t end = 1; end <= rows.count; end++) {
        CHECK_OK(vl_tape_append(unit_ctx(), &tape, rows.rows[end - 1]));
        CHECK_EQ(vl_tape_last(&tape)[2].as.integer, end - 1);
        for (int i = 0; i < 4; i++) {
            uint32_t at = first + (uint32_t)vl_rng_below(&rng, end - first);
            const vl_value *row;

            CHECK_OK(vl_tape_read(unit_ctx(), &tape, &cursors[i % 3], at, &row));
            CHECK_EQ(row[2].as.integer, at);
            CHECK_EQ(vl_value_compare(&row[3], &rows.rows[at][3], VL_COLLATE_BINARY), 0);
        }
        if (vl_rng_below(&rng, 40) == 0) {
            first += (uint32_t)vl_rng_below(&rng, (end - first) / 3 + 1);
            vl_tape_forget(&tape, first);
        }
        if (vl_rng_below(&rng, 400) == 0) { /* all but the last: the file is given back */
            first = end - 1;
            vl_tape_forget(&tape, first);
            CHECK_EQ(tape.spill.size, 0);
        }
    }
    CHECK(vl_exec_spilled(exec) > 0);
    for (int i = 0; i < 3; i++)
        vl_tape_cursor_deinit(&tape, &cursors[i]);
    vl_tape_deinit(&tape);
    CHECK_EQ(vl_exec_memory(exec), 0);
    vl_exec_destroy(exec);
    rig_deinit(&rig);
}

/* ---- memory ---- */

static void
window_survives_no_memory(void)
{
    vl_rng rng;
    exec_rig rig;
    rig_rows rows;
    vl_op *op;

    vl_rng_init(&rng, unit_seed());
    for (uint64_t limit = 0; limit < 2; limit++) {
        CHECK(rig_init(&rig));
        rig.env.memory_limit = limit;
        rows = rig_random(&rig, &rng, VL_BY_BUILD(600U, 60U), TEXT_SIZE);
        op = window(&rig.builder, rig_values(&rig, &rows), "(% c2 i1)", "");
        (void)frame(op, rows_between(&rig.builder, "i20", "i20"));
        (void)call(&rig.builder, op, "count", "",
                   frame(op, (vl_window_frame){
                                 .unit = VL_FRAME_ROWS,
                                 .end = VL_FRAME_UNBOUNDED_FOLLOWING,
                             }));
        (void)call(&rig.builder, op, "sum", "c0", 0);
        (void)call(&rig.builder, op, "min", "c3", 0);
        (void)call(&rig.builder, op, "group_concat", "c3", 0);
        (void)call(&rig.builder, op, "lead", "c3 i2", 0);
        (void)plan_root(&rig.builder, op);
        CHECK(unit_each_alloc_failure(rig_operation, &rig) > VL_BY_BUILD(10, 20));
        rig_deinit(&rig);
    }
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(window_equals_its_model),
        UNIT_TEST(partitions_go_to_a_file),
        UNIT_TEST(running_totals_hold_a_few_rows),
        UNIT_TEST(rows_are_read_when_they_are_needed),
        UNIT_TEST(window_of_no_rows_yields_none),
        UNIT_TEST(window_begins_anew),
        UNIT_TEST(functions_of_users_step_back_where_they_can),
        UNIT_TEST(states_of_users_end),
        UNIT_TEST(tape_is_a_line_of_rows),
        UNIT_TEST(window_survives_no_memory),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
