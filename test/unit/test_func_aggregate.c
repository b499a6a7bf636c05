/* test_func_aggregate.c - aggregates: results, order, windows, parts of a scan. Expected values are
 * those of SQLite 3.53, but where it loses precision or separators in windows. */
#include "lib/unit.h"
#include "simd/simd.h"
#include "unit/func_case.h"
#include "vec/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS     300
#define ROWS_MAX   60
#define SUM_ROWS   192
#define STATE_SIZE 512

/* An aggregate at work. */
typedef struct fold_work {
    vl_func_call call;
    vl_arena arena;
    _Alignas(VL_ALLOC_ALIGN) unsigned char state[STATE_SIZE];
} fold_work;

static velo_status
fold_begin(fold_work *fold, vl_ctx *ctx, const char *name, int count)
{
    memset(fold, 0, sizeof *fold);
    vl_arena_init(&fold->arena, ctx->allocator, 64);
    fold->call = (vl_func_call){.ctx = ctx,
                                .arena = &fold->arena,
                                .state_arena = &fold->arena,
                                .environment = &func_case_environment};
    VL_TRY(vl_func_find(ctx, NULL, name, strlen(name), count, &fold->call.func));
    if (fold->call.func->aggregate->state_size > sizeof fold->state)
        return vl_fail(ctx, VELO_INTERNAL, "the state of %s() is larger than the test's", name);
    return VELO_OK;
}

static void
fold_end(fold_work *fold)
{
    vl_arena_deinit(&fold->arena);
}

static velo_status
fold_step(fold_work *fold, const vl_value *args, int count)
{
    return fold->call.func->aggregate->step(&fold->call, fold->state, args, count);
}

static velo_status
fold_inverse(fold_work *fold, const vl_value *args, int count)
{
    return fold->call.func->aggregate->inverse(&fold->call, fold->state, args, count);
}

static velo_status
fold_value(fold_work *fold, vl_value *result)
{
    *result = vl_value_of_null();
    VL_TRY(fold->call.func->aggregate->value(&fold->call, fold->state, result));
    if ((fold->call.func->results & VL_FUNC_YIELDS(result->type)) == 0)
        return vl_fail(fold->call.ctx, VELO_INTERNAL, "%s() gave a class it does not promise",
                       fold->call.func->name);
    return VELO_OK;
}

/* Rows of one argument, and what aggregates make of them. */
typedef struct fold_case {
    const char *name;
    const char *rows[8]; /* up to the first NULL */
    const char *result;
} fold_case;

static const fold_case fold_cases[] = {
    {"count", {NULL}, "i0"},
    {"count", {"i1", "n", "tx"}, "i2"},
    {"sum", {NULL}, "n"},
    {"sum", {"n", "n"}, "n"},
    {"sum", {"i1", "i2", "n"}, "i3"},
    {"sum", {"i1", "r2"}, "r3"},
    {"sum", {"t1", "t2"}, "i3"},
    {"sum", {"t1x", "i2"}, "r3"},
    {"sum", {"tabc"}, "r0"},
    {"sum", {"b12"}, "r12"},
    {"sum", {"i9223372036854775807", "i1"}, "!integer overflow"},
    {"sum", {"i-9223372036854775808", "i-1"}, "!integer overflow"},
    {"sum", {"i9223372036854775807", "i1", "i-1"}, "i9223372036854775807"}, /* not in SQLite */
    {"sum", {"i9223372036854775807", "i1", "r0.5"}, "r9223372036854775808"},
    {"sum", {"r0.5", "i9223372036854775807", "i-9223372036854775807"}, "r0.5"},
    {"sum", {"r1e100", "r1", "r-1e100"}, "r1"},
    {"sum", {"r0.1", "r0.1", "r0.1", "r0.1", "r0.1", "r0.1"}, "r0.60000000000000009"},
    {"sum", {"rinf", "r1"}, "rinf"},
    {"sum", {"rinf", "r-inf"}, "n"},
    {"sum", {"r1.7e308", "r1.7e308"}, "rinf"},
    {"total", {NULL}, "r0"},
    {"total", {"n"}, "r0"},
    {"total", {"i1", "i2"}, "r3"},
    {"total", {"i9223372036854775807", "i1"}, "r9223372036854775808"},
    {"total", {"rinf", "r-inf"}, "n"},
    {"avg", {NULL}, "n"},
    {"avg", {"i1", "i2", "n"}, "r1.5"},
    {"avg", {"i9223372036854775807", "i9223372036854775807"}, "r9223372036854775807"},
    {"avg", {"r0.5", "t1"}, "r0.75"},
    {"min", {NULL}, "n"},
    {"min", {"n"}, "n"},
    {"min", {"i3", "n", "r2.5", "tabc"}, "r2.5"},
    {"max", {"i3", "n", "tabc", "b1", "tzz"}, "b1"},
    {"max", {"i1", "r1", "i1"}, "i1"},
    {"min", {"r1", "i1"}, "r1"},
    {"min", {"tb", "ta", "taa", "t"}, "t"},
    {"max", {"tb", "ta", "ta long text that needs more room than the first", "tc"}, "tc"},
    {"median", {NULL}, "n"},
    {"median", {"n", "n"}, "n"},
    {"median", {"i7"}, "r7"},
    {"median", {"i4", "i1", "n", "i3", "i2"}, "r2.5"},
    {"median", {"r2.5", "i-1", "i30"}, "r2.5"},
    {"median", {"i1", "t2"}, "!input to median() is not numeric"},
    {"median", {"i1", "r-inf"}, "!Inf input to median()"},
    {"group_concat", {NULL}, "n"},
    {"group_concat", {"n"}, "n"},
    {"group_concat", {"t"}, "t"},
    {"group_concat", {"i1", "n", "r2.5", "bx", "t", "ty"}, "t1,2.5,x,,y"}};

static void
aggregates_give_what_sqlite_gives(void)
{
    for (size_t i = 0; i < VL_ARRAY_COUNT(fold_cases) && !unit_has_failed(); i++) {
        const fold_case *one = &fold_cases[i];
        velo_status status = VELO_OK;
        char found[2000];
        vl_value result;
        fold_work fold;

        CHECK_OK(fold_begin(&fold, unit_ctx(), one->name, 1));
        for (size_t row = 0;
             row < VL_ARRAY_COUNT(one->rows) && one->rows[row] != NULL && status == VELO_OK;
             row++) {
            vl_value value = func_case_value(one->rows[row]);

            status = fold_step(&fold, &value, 1);
            func_case_free(&value); /* what the state keeps is its own */
        }
        if (status == VELO_OK)
            status = fold_value(&fold, &result);
        if (status == VELO_OK)
            (void)snprintf(found, sizeof found, "%s", func_case_text(&result));
        else
            (void)snprintf(found, sizeof found, "!%s", unit_ctx()->error.text);
        if (!func_case_is_same(found, one->result))
            unit_failed(__FILE__, __LINE__, "case %zu, %s: \"%s\", not \"%s\"", i, one->name, found,
                        one->result);
        fold_end(&fold);
    }
}

static void
count_of_all_counts_nulls(void)
{
    vl_value result;
    fold_work fold;

    CHECK_OK(fold_begin(&fold, unit_ctx(), "count", 0));
    for (int i = 0; i < 3; i++)
        CHECK_OK(fold_step(&fold, NULL, 0));
    CHECK_OK(fold_inverse(&fold, NULL, 0));
    CHECK_OK(fold_value(&fold, &result));
    CHECK_EQ(result.as.integer, 2);
    fold_end(&fold);
}

/* Each step says whether its row became the result. */
static void
extremes_pick_the_first_row(void)
{
    static const struct {
        const char *value;
        int is_picked;
    } rows[] = {{"n", 0}, {"tb", 1}, {"tB", 0}, {"ta", 1}, {"tA", 0}, {"tc", 0}, {"n", 0}};
    vl_value result;
    fold_work fold;

    CHECK_OK(fold_begin(&fold, unit_ctx(), "min", 1));
    fold.call.collation = VL_COLLATE_NOCASE;
    for (size_t i = 0; i < VL_ARRAY_COUNT(rows); i++) {
        vl_value value = func_case_value(rows[i].value);

        CHECK_OK(fold_step(&fold, &value, 1));
        func_case_free(&value);
        CHECK_EQ(fold.call.is_picked, rows[i].is_picked);
    }
    CHECK_OK(fold_value(&fold, &result));
    CHECK_TEXT(func_case_text(&result), "ta");
    fold_end(&fold);
}

static void
separators_stand_before_their_texts(void)
{
    static const char *const rows[][2] = {{"ta", "t1"}, {"tb", "t, "}, {"n", "tx"},
                                          {"tc", "n"},  {"t", "t--"},  {"td", "i5"}};
    vl_value result;
    fold_work fold;

    CHECK_OK(fold_begin(&fold, unit_ctx(), "string_agg", 2));
    for (size_t i = 0; i < VL_ARRAY_COUNT(rows); i++) {
        vl_value args[2] = {func_case_value(rows[i][0]), func_case_value(rows[i][1])};

        CHECK_OK(fold_step(&fold, args, 2));
        func_case_free(&args[0]);
        func_case_free(&args[1]);
    }
    CHECK_OK(fold_value(&fold, &result));
    CHECK_TEXT(func_case_text(&result), "ta, bc--5d");
    fold_end(&fold);
}

/* Random rows of two arguments: a value, and a separator. */
typedef struct fold_rows {
    vl_value args[ROWS_MAX][2];
    int count;
} fold_rows;

static vl_value
random_value(vl_rng *rng, int is_exact)
{
    static const char *const texts[] = {"", "a", "12", "0.5", "1x", "a longer text, with a comma"};
    uint64_t kind = vl_rng_below(rng, 10);

    if (kind == 0)
        return vl_value_of_null();
    if (kind < 4)
        return vl_value_of_integer((int64_t)vl_rng_next(rng) >> vl_rng_below(rng, 64));
    if (kind < 6 && !is_exact)
        return vl_value_of_real((double)((int64_t)vl_rng_next(rng) >> 20) / 1024.0);
    if (kind < 7)
        return vl_value_of_integer((int64_t)vl_rng_below(rng, 100));
    return (vl_value){.type = VL_TYPE_TEXT,
                      .as.data = texts[kind - 7],
                      .size = (uint32_t)strlen(texts[kind - 7])};
}

static void
random_rows(vl_rng *rng, int is_exact, fold_rows *rows)
{
    static const char *const separators[] = {",", ",", "", "--"};
    int is_plain = (int)vl_rng_below(rng, 2);

    rows->count = (int)vl_rng_below(rng, ROWS_MAX + 1);
    for (int i = 0; i < rows->count; i++) {
        const char *text = is_plain ? "; " : separators[vl_rng_below(rng, 4)];

        rows->args[i][0] = random_value(rng, is_exact);
        rows->args[i][1] =
            (vl_value){.type = VL_TYPE_TEXT, .size = (uint32_t)strlen(text), .as.data = text};
    }
}

/* Fold rows [begin, end) anew and compare with the state of `windowed`. */
static void
check_window(fold_work *windowed, const char *name, int count, const fold_rows *rows, int begin,
             int end)
{
    char found[2000];
    vl_value result;
    fold_work fold;

    CHECK_OK(fold_value(windowed, &result));
    (void)snprintf(found, sizeof found, "%s", func_case_text(&result));
    CHECK_OK(fold_begin(&fold, unit_ctx(), name, count));
    for (int i = begin; i < end; i++)
        CHECK_OK(fold_step(&fold, rows->args[i], count));
    CHECK_OK(fold_value(&fold, &result));
    CHECK_TEXT(found, func_case_text(&result));
    fold_end(&fold);
}

/* Rows that were taken out leave nothing behind: windows of random sizes against new folds. */
static void
windows_are_folds_of_their_rows(void)
{
    static const struct {
        const char *name;
        int count;
    } kinds[] = {{"count", 1}, {"group_concat", 1}, {"group_concat", 2}, {"string_agg", 2}};
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (int round = 0; round < ROUNDS && !unit_has_failed(); round++) {
        size_t kind = vl_rng_below(&rng, VL_ARRAY_COUNT(kinds));
        fold_rows rows;
        int begin = 0;
        fold_work fold;

        random_rows(&rng, 0, &rows);
        CHECK_OK(fold_begin(&fold, unit_ctx(), kinds[kind].name, kinds[kind].count));
        for (int end = 1; end <= rows.count && !unit_has_failed(); end++) {
            CHECK_OK(fold_step(&fold, rows.args[end - 1], kinds[kind].count));
            while (begin < end && vl_rng_chance(&rng, 45, 100)) {
                CHECK_OK(fold_inverse(&fold, rows.args[begin], kinds[kind].count));
                begin++;
            }
            check_window(&fold, kinds[kind].name, kinds[kind].count, &rows, begin, end);
        }
        fold_end(&fold);
    }
}

/* A window's memory depends on its size, not on the rows that went through it. */
static void
windows_of_text_use_their_memory_again(void)
{
    vl_value args[2] = {{.type = VL_TYPE_TEXT, .size = 10, .as.data = "0123456789"},
                        {.type = VL_TYPE_TEXT, .size = 1, .as.data = "--"}};
    size_t held = 0;
    fold_work fold;

    CHECK_OK(fold_begin(&fold, unit_ctx(), "group_concat", 2));
    for (int i = 0; i < 20000; i++) {
        args[1].size = 1U + (uint32_t)(i % 2);
        CHECK_OK(fold_step(&fold, args, 2));
        if (i >= 8)
            CHECK_OK(fold_inverse(&fold, args, 2));
        if (i == 1000)
            held = fold.arena.held_bytes;
    }
    CHECK(held > 0 && fold.arena.held_bytes == held);
    fold_end(&fold);
}

static void
sums_of_windows_are_exact(void)
{
    static const char *const names[] = {"sum", "total", "avg"};
    static const char *const rows[] = {
        "i9223372036854775807", "i9223372036854775807", "i5", "rinf", "r-inf", "r0.25", "i7"};
    static const char *const wanted[] = {"r7.25", "r7.25", "r3.625"}; /* of the last two */

    for (size_t n = 0; n < VL_ARRAY_COUNT(names); n++) {
        vl_value result;
        fold_work fold;

        CHECK_OK(fold_begin(&fold, unit_ctx(), names[n], 1));
        for (size_t i = 0; i < VL_ARRAY_COUNT(rows); i++) {
            vl_value value = func_case_value(rows[i]);

            CHECK_OK(fold_step(&fold, &value, 1));
        }
        for (size_t i = 0; i + 2 < VL_ARRAY_COUNT(rows); i++) {
            vl_value value = func_case_value(rows[i]);

            CHECK_OK(fold_inverse(&fold, &value, 1));
        }
        CHECK_OK(fold_value(&fold, &result));
        CHECK_TEXT(func_case_text(&result), wanted[n]);
        fold_end(&fold);
    }
}

/* Parts of a scan that are folded apart and merged in order give what one fold gives. */
static void
merged_parts_are_the_whole(void)
{
    static const struct {
        const char *name;
        int count;
    } kinds[] = {{"count", 1},        {"sum", 1},          {"total", 1},
                 {"avg", 1},          {"min", 1},          {"max", 1},
                 {"group_concat", 1}, {"group_concat", 2}, {"string_agg", 2}};
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (int round = 0; round < ROUNDS && !unit_has_failed(); round++) {
        size_t kind = vl_rng_below(&rng, VL_ARRAY_COUNT(kinds));
        char found[2000] = "";
        fold_rows rows;
        vl_value result;
        fold_work parts[3];
        fold_work whole;

        random_rows(&rng, 1, &rows);
        CHECK_OK(fold_begin(&whole, unit_ctx(), kinds[kind].name, kinds[kind].count));
        for (int p = 0; p < 3; p++)
            CHECK_OK(fold_begin(&parts[p], unit_ctx(), kinds[kind].name, kinds[kind].count));
        for (int i = 0; i < rows.count; i++) {
            fold_work *part = &parts[3 * i / rows.count];

            whole.call.lane = part->call.lane = (uint32_t)i;
            CHECK_OK(fold_step(&whole, rows.args[i], kinds[kind].count));
            CHECK_OK(fold_step(part, rows.args[i], kinds[kind].count));
        }
        for (int p = 1; p < 3; p++)
            CHECK_OK(
                whole.call.func->aggregate->merge(&parts[0].call, parts[0].state, parts[p].state));
        if (fold_value(&parts[0], &result) == VELO_OK)
            (void)snprintf(found, sizeof found, "%s", func_case_text(&result));
        if (fold_value(&whole, &result) == VELO_OK)
            CHECK_TEXT(found, func_case_text(&result));
        else
            CHECK_TEXT(found, "");
        for (int p = 0; p < 3; p++)
            fold_end(&parts[p]);
        fold_end(&whole);
    }
}

/* Fill rows whose large values cancel each other, so that of the lanes' errors much is left: which
 * row went to which lane then shows in the total. Some of the others take no part. */
static uint32_t
fill_cancelling(vl_rng *rng, double *values, uint64_t *mask)
{
    uint32_t third = (uint32_t)vl_rng_below(rng, SUM_ROWS / 3);

    for (uint32_t i = 0; i < third; i++) {
        double large = ldexp((double)(int64_t)vl_rng_next(rng), (int)vl_rng_below(rng, 300) - 150);

        values[i] = large;
        values[third + i] = ldexp((double)(int64_t)vl_rng_next(rng), -63);
        values[2 * third + (i + 5) % third] = -large;
    }
    for (uint32_t i = 0; i < 3 * third; i++)
        if (i / third != 1 || vl_rng_chance(rng, 4, 5))
            mask[i / 64] |= (uint64_t)1 << (i % 64);
    return 3 * third;
}

/* Rows by position give the bits that the kernels for columns give. */
static void
sums_by_position_are_those_of_the_kernels(void)
{
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (int round = 0; round < ROUNDS; round++) {
        double values[SUM_ROWS] = {0};
        uint64_t mask[SUM_ROWS / 64] = {0};
        uint32_t count = fill_cancelling(&rng, values, mask);
        vl_real_sum kernel = {0};
        vl_value result;
        fold_work fold;

        CHECK_OK(fold_begin(&fold, unit_ctx(), "total", 1));
        for (uint32_t i = 0; i < count; i++) {
            vl_value value = vl_value_of_null();

            if ((mask[i / 64] >> (i % 64) & 1) != 0)
                value = vl_value_of_real(values[i]);
            fold.call.lane = i;
            CHECK_OK(fold_step(&fold, &value, 1));
        }
        vl_simd_best()->sum_real(&kernel, values, mask, count);
        CHECK_OK(fold_value(&fold, &result));
        CHECK(result.type == VL_TYPE_REAL && result.as.real == vl_real_sum_total(&kernel));
        fold_end(&fold);
    }
}

/* All aggregates over rows that need memory, with a merge. */
static velo_status
fold_with_failures(vl_ctx *ctx, void *argument)
{
    static const char *const names[] = {"sum", "max", "group_concat", "string_agg", "median"};
    vl_value args[2] = {{.type = VL_TYPE_TEXT, .size = 1, .as.data = "a text of 26 characters..."},
                        {.type = VL_TYPE_TEXT, .size = 1, .as.data = "--"}};
    velo_status status = VELO_OK;

    (void)argument;
    for (size_t n = 0; n < VL_ARRAY_COUNT(names) && status == VELO_OK; n++) {
        int count = n == 3 ? 2 : 1;
        fold_work parts[2];
        vl_value result;

        status = fold_begin(&parts[0], ctx, names[n], count);
        if (status == VELO_OK)
            status = fold_begin(&parts[1], ctx, names[n], count);
        for (uint32_t i = 0; i < 26 && status == VELO_OK; i++) {
            args[0].size = i + 1;
            if (n == 4)
                args[0] = vl_value_of_integer(i);
            args[1].size = 1 + i % 2;
            parts[i % 2].call.lane = i;
            status = fold_step(&parts[i % 2], args, count);
        }
        if (status == VELO_OK)
            status = parts[0].call.func->aggregate->merge(&parts[0].call, parts[0].state,
                                                          parts[1].state);
        if (status == VELO_OK)
            status = fold_value(&parts[0], &result);
        fold_end(&parts[1]);
        fold_end(&parts[0]);
    }
    return status;
}

static void
memory_may_fail_anywhere(void)
{
    CHECK(unit_each_alloc_failure(fold_with_failures, NULL) > 4);
}

/* A failed step leaves the state as it was. */
static void
failed_step_changes_nothing(void)
{
    vl_value text = {.type = VL_TYPE_TEXT, .size = 3, .as.data = "abc"};
    vl_value huge = {.type = VL_TYPE_BLOB, .size = VL_VALUE_SIZE_MAX, .as.data = "x"};
    vl_value result;
    fold_work fold;

    CHECK_OK(fold_begin(&fold, unit_ctx(), "group_concat", 1));
    CHECK_OK(fold_step(&fold, &text, 1));
    CHECK_STATUS(fold_step(&fold, &huge, 1), VELO_TOOBIG);
    CHECK_TEXT(unit_ctx()->error.text, "string or blob too big");
    CHECK_OK(fold_value(&fold, &result));
    CHECK_TEXT(func_case_text(&result), "tabc");
    fold_end(&fold);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(aggregates_give_what_sqlite_gives),
        UNIT_TEST(count_of_all_counts_nulls),
        UNIT_TEST(extremes_pick_the_first_row),
        UNIT_TEST(separators_stand_before_their_texts),
        UNIT_TEST(windows_are_folds_of_their_rows),
        UNIT_TEST(windows_of_text_use_their_memory_again),
        UNIT_TEST(sums_of_windows_are_exact),
        UNIT_TEST(merged_parts_are_the_whole),
        UNIT_TEST(sums_by_position_are_those_of_the_kernels),
        UNIT_TEST(memory_may_fail_anywhere),
        UNIT_TEST(failed_step_changes_nothing),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
