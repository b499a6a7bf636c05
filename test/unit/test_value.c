/* test_value.c - affinity, CAST, comparison and operators. Expected values are those of
 * SQLite 3.53.
 *
 * Values are written as texts: "i5" an integer, "r1.5" a real, "tabc" text, "babc" a blob, "n"
 * NULL. */
#include "lib/unit.h"
#include "vec/number.h"
#include "vec/value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef __int128 vl_int128; /* not ISO C */

#define ROUNDS 20000

static vl_value
value_of(const char *text)
{
    size_t size = strlen(text + 1);

    switch (text[0]) {
    case 'i':
        return vl_value_of_integer(strtoll(text + 1, NULL, 10));
    case 'r':
        return vl_value_of_real(strtod(text + 1, NULL));
    case 't':
        return (vl_value){.type = VL_TYPE_TEXT, .size = (uint32_t)size, .as.data = text + 1};
    case 'b':
        return (vl_value){.type = VL_TYPE_BLOB, .size = (uint32_t)size, .as.data = text + 1};
    default:
        return vl_value_of_null();
    }
}

static const char *
text_of(vl_value value)
{
    static char text[64];
    size_t size = 0;

    text[0] = "?irtbn"[value.type];
    if (value.type == VL_TYPE_INTEGER) {
        size = vl_number_write_integer(value.as.integer, text + 1);
    } else if (value.type == VL_TYPE_REAL) {
        size = vl_number_write_real(value.as.real, text + 1);
    } else if (value.type != VL_TYPE_NULL) {
        size = value.size < sizeof text - 2 ? value.size : sizeof text - 2;
        memcpy(text + 1, value.as.data, size);
    }
    text[1 + size] = '\0';
    return text;
}

static void
affinity_follows_the_declared_type(void)
{
    static const struct {
        const char *type;
        vl_affinity affinity;
    } cases[] = {{"", VL_AFFINITY_BLOB},
                 {"INTEGER", VL_AFFINITY_INTEGER},
                 {"tinyInt", VL_AFFINITY_INTEGER},
                 {"FLOATING POINT", VL_AFFINITY_INTEGER},
                 {"CHARINT", VL_AFFINITY_INTEGER},
                 {"VARCHAR(10)", VL_AFFINITY_TEXT},
                 {"clob", VL_AFFINITY_TEXT},
                 {"TEXT", VL_AFFINITY_TEXT},
                 {"BLOBTEXT", VL_AFFINITY_TEXT},
                 {"blob", VL_AFFINITY_BLOB},
                 {"DOUBLE PRECISION", VL_AFFINITY_REAL},
                 {"float", VL_AFFINITY_REAL},
                 {"real", VL_AFFINITY_REAL},
                 {"DECIMAL(15,2)", VL_AFFINITY_NUMERIC},
                 {"STRING", VL_AFFINITY_NUMERIC},
                 {"in", VL_AFFINITY_NUMERIC}};

    for (size_t i = 0; i < VL_ARRAY_COUNT(cases); i++)
        CHECK_EQ(vl_affinity_declared(cases[i].type, strlen(cases[i].type)), cases[i].affinity);
}

typedef velo_status convert_function(vl_ctx *ctx, vl_arena *arena, vl_affinity affinity,
                                     vl_value *value);

typedef struct convert_case {
    vl_affinity affinity;
    const char *from;
    const char *to;
} convert_case;

static void
check_conversions(convert_function *convert, const convert_case *cases, size_t count)
{
    vl_arena arena;

    vl_arena_init(&arena, NULL, 0);
    for (size_t i = 0; i < count && !unit_has_failed(); i++) {
        vl_value value = value_of(cases[i].from);
        velo_status status = convert(unit_ctx(), &arena, cases[i].affinity, &value);

        if (status != VELO_OK || strcmp(text_of(value), cases[i].to) != 0)
            unit_failed(__FILE__, __LINE__, "affinity %d of \"%s\" is \"%s\", not \"%s\"",
                        (int)cases[i].affinity, cases[i].from, text_of(value), cases[i].to);
    }
    vl_arena_deinit(&arena);
}

static void
value_takes_an_affinity_without_loss(void)
{
    static const convert_case cases[] = {
        {VL_AFFINITY_NUMERIC, "t 12 ", "i12"},
        {VL_AFFINITY_NUMERIC, "t1e3", "i1000"},
        {VL_AFFINITY_NUMERIC, "t12a", "t12a"},
        {VL_AFFINITY_NUMERIC, "t0x10", "t0x10"},
        {VL_AFFINITY_NUMERIC, "t", "t"},
        {VL_AFFINITY_NUMERIC, "b1", "b1"},
        {VL_AFFINITY_NUMERIC, "n", "n"},
        {VL_AFFINITY_NUMERIC, "t9223372036854775808", "r9.2233720368547758e+18"},
        {VL_AFFINITY_NUMERIC, "t-9223372036854775808", "i-9223372036854775808"},
        {VL_AFFINITY_NUMERIC, "t-9223372036854775808.0", "r-9.2233720368547758e+18"},
        {VL_AFFINITY_NUMERIC, "r-9223372036854775808", "r-9.2233720368547758e+18"},
        {VL_AFFINITY_NUMERIC, "r9223372036854774784", "i9223372036854774784"},
        {VL_AFFINITY_NUMERIC, "t4503599627370496.0", "i4503599627370496"},
        {VL_AFFINITY_NUMERIC, "t1.5", "r1.5"},
        {VL_AFFINITY_NUMERIC, "r3.0", "i3"},
        {VL_AFFINITY_NUMERIC, "t1e1000", "rInf"},
        {VL_AFFINITY_INTEGER, "t1e18", "i1000000000000000000"},
        {VL_AFFINITY_INTEGER, "r2.5", "r2.5"},
        {VL_AFFINITY_REAL, "t 12 ", "r12.0"},
        {VL_AFFINITY_REAL, "i3", "r3.0"},
        {VL_AFFINITY_REAL, "t  ", "t  "},
        {VL_AFFINITY_REAL, "t1e999", "rInf"},
        {VL_AFFINITY_TEXT, "i12", "t12"},
        {VL_AFFINITY_TEXT, "r1e20", "t1.0e+20"},
        {VL_AFFINITY_TEXT, "bx", "bx"},
        {VL_AFFINITY_BLOB, "i12", "i12"},
        {VL_AFFINITY_BLOB, "t12", "t12"},
        {VL_AFFINITY_NONE, "r3.0", "r3.0"}};

    check_conversions(vl_value_apply, cases, VL_ARRAY_COUNT(cases));
}

static void
value_casts_whatever_it_costs(void)
{
    static const convert_case cases[] = {
        {VL_AFFINITY_INTEGER, "t  12abc", "i12"},
        {VL_AFFINITY_INTEGER, "t1e3", "i1"},
        {VL_AFFINITY_INTEGER, "t9223372036854775808", "i9223372036854775807"},
        {VL_AFFINITY_INTEGER, "r1e19", "i9223372036854775807"},
        {VL_AFFINITY_INTEGER, "r-1e19", "i-9223372036854775808"},
        {VL_AFFINITY_INTEGER, "r-1.9", "i-1"},
        {VL_AFFINITY_INTEGER, "b31", "i31"},
        {VL_AFFINITY_INTEGER, "n", "n"},
        {VL_AFFINITY_NUMERIC, "t1e3", "i1000"},
        {VL_AFFINITY_NUMERIC, "t99999999999999999999", "r1.0e+20"},
        {VL_AFFINITY_NUMERIC, "t9e18", "r9.0e+18"},
        {VL_AFFINITY_NUMERIC, "t5.", "i5"},
        {VL_AFFINITY_NUMERIC, "t1e", "i1"},
        {VL_AFFINITY_NUMERIC, "tabc", "i0"},
        {VL_AFFINITY_NUMERIC, "t2251799813685247.0", "i2251799813685247"},
        {VL_AFFINITY_NUMERIC, "t2251799813685248.0", "r2251799813685248.0"},
        {VL_AFFINITY_NUMERIC, "t-2251799813685248.0", "i-2251799813685248"},
        {VL_AFFINITY_NUMERIC, "r3.0", "r3.0"},
        {VL_AFFINITY_NUMERIC, "b1e", "i1"},
        {VL_AFFINITY_REAL, "t.5x", "r0.5"},
        {VL_AFFINITY_REAL, "tabc", "r0.0"},
        {VL_AFFINITY_REAL, "i7", "r7.0"},
        {VL_AFFINITY_REAL, "b1.5", "r1.5"},
        {VL_AFFINITY_TEXT, "i7", "t7"},
        {VL_AFFINITY_TEXT, "bab", "tab"},
        {VL_AFFINITY_BLOB, "r1.5", "b1.5"},
        {VL_AFFINITY_BLOB, "tab", "bab"},
        {VL_AFFINITY_NONE, "i1", "b1"}};

    check_conversions(vl_value_cast, cases, VL_ARRAY_COUNT(cases));
}

/* Compare as an expression does: the affinity of both sides first. */
static int
compares_equal(vl_affinity left_affinity, const char *left, vl_affinity right_affinity,
               const char *right)
{
    vl_affinity affinity = vl_affinity_comparison(left_affinity, right_affinity);
    vl_value a = value_of(left);
    vl_value b = value_of(right);
    vl_arena arena;
    int is_equal;

    vl_arena_init(&arena, NULL, 0);
    is_equal = vl_value_apply_comparison(unit_ctx(), &arena, affinity, &a) == VELO_OK &&
               vl_value_apply_comparison(unit_ctx(), &arena, affinity, &b) == VELO_OK &&
               vl_value_compare(&a, &b, VL_COLLATE_BINARY) == 0;
    vl_arena_deinit(&arena);
    return is_equal;
}

static void
value_comparison_applies_affinity(void)
{
    CHECK(!compares_equal(VL_AFFINITY_TEXT, "t1", VL_AFFINITY_BLOB, "i1"));
    CHECK(compares_equal(VL_AFFINITY_TEXT, "t1", VL_AFFINITY_NONE, "i1"));
    CHECK(compares_equal(VL_AFFINITY_NONE, "i1", VL_AFFINITY_TEXT, "t1"));
    CHECK(!compares_equal(VL_AFFINITY_TEXT, "t1", VL_AFFINITY_NONE, "r1.0"));
    CHECK(compares_equal(VL_AFFINITY_TEXT, "t1.0", VL_AFFINITY_NONE, "r1.0"));
    CHECK(!compares_equal(VL_AFFINITY_BLOB, "i1", VL_AFFINITY_NONE, "t1"));
    CHECK(compares_equal(VL_AFFINITY_NUMERIC, "i1", VL_AFFINITY_NONE, "t1 "));
    CHECK(compares_equal(VL_AFFINITY_INTEGER, "i1", VL_AFFINITY_TEXT, "t1.0"));
    CHECK(!compares_equal(VL_AFFINITY_INTEGER, "i1", VL_AFFINITY_NONE, "b1"));
    CHECK(compares_equal(VL_AFFINITY_REAL, "r1.0", VL_AFFINITY_NONE, "t1"));
    CHECK(!compares_equal(VL_AFFINITY_NONE, "i1", VL_AFFINITY_NONE, "t1"));
}

/* Each stands before the next. */
static void
value_order_spans_classes(void)
{
    static const char *const order[] = {"n",
                                        "r-inf",
                                        "i-9223372036854775808",
                                        "r-1.5",
                                        "i-1",
                                        "r-0.5",
                                        "i0",
                                        "r0.5",
                                        "i9007199254740991",
                                        "r9007199254740992",
                                        "i9007199254740993",
                                        "i9223372036854775807",
                                        "r9223372036854775808",
                                        "rinf",
                                        "t",
                                        "tA",
                                        "tAB",
                                        "tB",
                                        "ta",
                                        "t\xff",
                                        "b",
                                        "bA",
                                        "bAA"};

    for (size_t i = 0; i < VL_ARRAY_COUNT(order); i++) {
        for (size_t j = 0; j < VL_ARRAY_COUNT(order); j++) {
            vl_value a = value_of(order[i]);
            vl_value b = value_of(order[j]);
            int result = vl_value_compare(&a, &b, VL_COLLATE_BINARY);

            CHECK_EQ((result > 0) - (result < 0), (i > j) - (i < j));
        }
    }
}

static void
value_collations_compare_and_hash(void)
{
    static const struct {
        const char *left;
        const char *right;
        vl_collation collation;
        int order;
    } cases[] = {{"tA", "ta", VL_COLLATE_NOCASE, 0},
                 {"tA", "ta", VL_COLLATE_BINARY, -1},
                 {"t[", "tA", VL_COLLATE_NOCASE, -1},
                 {"t_", "tB", VL_COLLATE_NOCASE, -1},
                 {"tAB", "ta", VL_COLLATE_NOCASE, 1},
                 {"t\xc3\x84", "t\xc3\xa4", VL_COLLATE_NOCASE, -1},
                 {"ta  ", "ta", VL_COLLATE_RTRIM, 0},
                 {"t  ", "t", VL_COLLATE_RTRIM, 0},
                 {"ta ", "ta\t", VL_COLLATE_RTRIM, -1},
                 {"bA", "ba", VL_COLLATE_NOCASE, -1},
                 {"ba ", "ba", VL_COLLATE_RTRIM, 1},
                 {"i5", "r5.0", VL_COLLATE_BINARY, 0},
                 {"i0", "r-0.0", VL_COLLATE_BINARY, 0},
                 {"i9007199254740993", "r9007199254740992", VL_COLLATE_BINARY, 1}};

    for (size_t i = 0; i < VL_ARRAY_COUNT(cases); i++) {
        vl_value a = value_of(cases[i].left);
        vl_value b = value_of(cases[i].right);
        int order = vl_value_compare(&a, &b, cases[i].collation);

        CHECK_EQ((order > 0) - (order < 0), cases[i].order);
        if (order == 0)
            CHECK(vl_value_hash(&a, cases[i].collation) == vl_value_hash(&b, cases[i].collation));
        else
            CHECK(vl_value_hash(&a, cases[i].collation) != vl_value_hash(&b, cases[i].collation));
    }
}

static void
value_operators_work_like_sqlite(void)
{
    static const struct {
        const char *left;
        char op;
        const char *right;
        const char *result;
    } cases[] = {{"t5", '+', "t3", "i8"},
                 {"t5x", '+', "i1", "i6"},
                 {"t1e3", '+', "i1", "r1001.0"},
                 {"b5", '+', "i1", "i6"},
                 {"ta", '+', "i1", "i1"},
                 {"n", '+', "i1", "n"},
                 {"i9223372036854775807", '+', "i1", "r9.2233720368547758e+18"},
                 {"i-9223372036854775808", '-', "i1", "r-9.2233720368547758e+18"},
                 {"i9223372036854775807", '*', "i2", "r1.8446744073709552e+19"},
                 {"r1e308", '*', "i10", "rInf"},
                 {"rinf", '-', "rinf", "n"},
                 {"rinf", '*', "i0", "n"},
                 {"i5", '/', "i0", "n"},
                 {"r5.0", '/', "i0", "n"},
                 {"i-7", '/', "i2", "i-3"},
                 {"t7", '/', "t2", "i3"},
                 {"t7.0", '/', "i2", "r3.5"},
                 {"i-9223372036854775808", '/', "i-1", "r9.2233720368547758e+18"},
                 {"i9223372036854775807", '/', "i-1", "i-9223372036854775807"},
                 {"i5", '%', "i0", "n"},
                 {"i5", '%', "r0.5", "n"},
                 {"i5", '%', "r2.7", "r1.0"},
                 {"i-7", '%', "i3", "i-1"},
                 {"i-9223372036854775808", '%', "i-1", "i0"},
                 {"r1e19", '%', "i7", "r0.0"},
                 {"t1e300", '%', "i3", "r1.0"},
                 {"i-1161978", '%', "t099e689", "r-15.0"},
                 {"i5", '&', "t6x", "i4"},
                 {"t1e2", '&', "i127", "i1"},
                 {"r1.9", '|', "i0", "i1"},
                 {"t9223372036854775808", '|', "i0", "i9223372036854775807"},
                 {"n", '|', "i0", "n"},
                 {"i1", '<', "i63", "i-9223372036854775808"},
                 {"i1", '<', "i64", "i0"},
                 {"i1", '<', "i-1", "i0"},
                 {"i8", '>', "i-1", "i16"},
                 {"i-1", '>', "i64", "i-1"},
                 {"i-1", '>', "i-64", "i0"},
                 {"i-8", '>', "i1", "i-4"},
                 {"i1", '<', "i-9223372036854775808", "i0"},
                 {"i-1", '<', "i-9223372036854775808", "i-1"},
                 {"i-1", '>', "i-9223372036854775808", "i0"},
                 {"t1.9", '<', "i1", "i2"}};
    static const char operators[] = "+-*/%&|<>";

    for (size_t i = 0; i < VL_ARRAY_COUNT(cases); i++) {
        vl_operator op = (vl_operator)(strchr(operators, cases[i].op) - operators);
        vl_value left = value_of(cases[i].left);
        vl_value right = value_of(cases[i].right);

        CHECK_TEXT(text_of(vl_value_operate(op, &left, &right)), cases[i].result);
    }
}

static void
value_prefixes_work_like_sqlite(void)
{
    static const struct {
        const char *value;
        const char *negative;
        const char *complement;
        const char *opposite;
    } cases[] = {
        {"i5", "i-5", "i-6", "i0"},
        {"i0", "i0", "i-1", "i1"},
        {"tabc", "i0", "i-1", "i1"},
        {"t0.5", "r-0.5", "i-1", "i0"},
        {"r0.5", "r-0.5", "i-1", "i0"},
        {"b5", "i-5", "i-6", "i0"},
        {"n", "n", "n", "n"},
        {"r0.0", "r0.0", "i-1", "i1"},
        {"i-9223372036854775808", "r9.2233720368547758e+18", "i9223372036854775807", "i0"}};

    for (size_t i = 0; i < VL_ARRAY_COUNT(cases); i++) {
        vl_value value = value_of(cases[i].value);

        CHECK_TEXT(text_of(vl_value_negate(&value)), cases[i].negative);
        CHECK_TEXT(text_of(vl_value_complement(&value)), cases[i].complement);
        CHECK_TEXT(text_of(vl_value_not(&value)), cases[i].opposite);
    }
}

static velo_status
concat_numbers(vl_ctx *ctx, void *argument)
{
    vl_value left = value_of("i1");
    vl_value right = value_of("r2.0");
    vl_value result;
    vl_arena arena;
    velo_status status;

    vl_arena_init(&arena, ctx->allocator, 16);
    status = vl_value_concat(ctx, &arena, &left, &right, &result);
    *(int *)argument &= strcmp(text_of(result), status == VELO_OK ? "t12.0" : "n") == 0;
    vl_arena_deinit(&arena);
    return status;
}

static void
value_concat_fails_cleanly(void)
{
    vl_value big = {.type = VL_TYPE_BLOB, .size = VL_VALUE_SIZE_MAX, .as.data = NULL};
    vl_value one = value_of("tx");
    vl_value null = vl_value_of_null();
    vl_value result = one;
    int is_right = 1;

    CHECK(unit_each_alloc_failure(concat_numbers, &is_right) > 0);
    CHECK(is_right);
    CHECK_STATUS(vl_value_concat(unit_ctx(), NULL, &big, &one, &result), VELO_TOOBIG);
    CHECK_EQ(result.type, VL_TYPE_NULL);
    CHECK_OK(vl_value_concat(unit_ctx(), NULL, &null, &one, &result));
    CHECK_EQ(result.type, VL_TYPE_NULL);
}

/* Integers and reals near each other compare as 128-bit integers do. */
static void
value_mixed_order_is_exact(void)
{
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (int i = 0; i < ROUNDS; i++) {
        int64_t integer = (int64_t)vl_rng_next(&rng) >> vl_rng_below(&rng, 63);
        double real = (double)integer + (double)(int64_t)vl_rng_below(&rng, 5) / 2 - 1;
        vl_value a = vl_value_of_integer(integer);
        vl_value b = vl_value_of_real(real);
        int order = vl_value_compare(&a, &b, VL_COLLATE_BINARY);
        double below = floor(real);
        vl_int128 whole = (vl_int128)below;
        int wanted = integer < whole ? -1 : integer > whole ? 1 : real > below ? -1 : 0;

        CHECK_EQ((order > 0) - (order < 0), wanted);
        CHECK_EQ(vl_value_compare(&b, &a, VL_COLLATE_BINARY), -order);
    }
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(affinity_follows_the_declared_type),
        UNIT_TEST(value_takes_an_affinity_without_loss),
        UNIT_TEST(value_casts_whatever_it_costs),
        UNIT_TEST(value_comparison_applies_affinity),
        UNIT_TEST(value_order_spans_classes),
        UNIT_TEST(value_collations_compare_and_hash),
        UNIT_TEST(value_operators_work_like_sqlite),
        UNIT_TEST(value_prefixes_work_like_sqlite),
        UNIT_TEST(value_concat_fails_cleanly),
        UNIT_TEST(value_mixed_order_is_exact),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
