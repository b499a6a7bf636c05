/* test_func_core.c - the scalar functions but those of dates. Expected values are those of SQLite
 * 3.53. */
#include "lib/unit.h"
#include "unit/func_case.h"
#include "vec/value.h"

#include <string.h>

static const func_case core_cases[] = {
    {"abs", {"i-5"}, "i5"},
    {"abs", {"r-1.5"}, "r1.5"},
    {"abs", {"r-0.0"}, "r-0"},
    {"abs", {"t-5"}, "r5"},
    {"abs", {"t5x"}, "r5"},
    {"abs", {"b-3"}, "r3"},
    {"abs", {"n"}, "n"},
    {"abs", {"i-9223372036854775807"}, "i9223372036854775807"},
    {"abs", {"i-9223372036854775808"}, "!integer overflow"},
    {"coalesce", {"n", "n", "i3"}, "i3"},
    {"coalesce", {"n", "n"}, "n"},
    {"ifnull", {"n", "tx"}, "tx"},
    {"ifnull", {"i1", "tx"}, "i1"},
    {"iif", {"i1", "ta", "tb"}, "ta"},
    {"iif", {"i0", "ta", "tb"}, "tb"},
    {"iif", {"n", "ta"}, "n"},
    {"iif", {"n", "i1", "r0.5", "i2", "i3"}, "i2"},
    {"if", {"t1x", "ta", "tb"}, "ta"},
    {"if", {"t0x", "ta"}, "n"},
    {"likely", {"i5"}, "i5"},
    {"unlikely", {"tx"}, "tx"},
    {"likelihood", {"i5", "r0.25"}, "i5"},
    {"likelihood",
     {"i5", "i1"},
     "!second argument to likelihood() must be a constant between 0.0 and 1.0"},
    {"likelihood",
     {"i5", "r1.5"},
     "!second argument to likelihood() must be a constant between 0.0 and 1.0"},
    {"min", {"i1", "r1.0"}, "r1"},
    {"max", {"i1", "r1.0"}, "i1"},
    {"min", {"i3", "i2", "n"}, "n"},
    {"max", {"tab", "i5", "r1e10"}, "tab"},
    {"max", {"b1", "tz", "i9"}, "b1"},
    {"min", {"b1", "tz", "i9"}, "i9"},
    {"nullif", {"i1", "r1.0"}, "n"},
    {"nullif", {"i1", "i2"}, "i1"},
    {"nullif", {"n", "i2"}, "n"},
    {"nullif", {"ta", "tA"}, "ta"},
    {"nullif", {"n", "n"}, "n"},
    {"typeof", {"n"}, "tnull"},
    {"typeof", {"i1"}, "tinteger"},
    {"typeof", {"r1"}, "treal"},
    {"typeof", {"tx"}, "ttext"},
    {"typeof", {"bx"}, "tblob"},
    {"sign", {"i-7"}, "i-1"},
    {"sign", {"r0.5"}, "i1"},
    {"sign", {"r-0.0"}, "i0"},
    {"sign", {"t 12 "}, "i1"},
    {"sign", {"t12x"}, "n"},
    {"sign", {"b1"}, "n"},
    {"sign", {"n"}, "n"},
    {"round", {"r2.5"}, "r3"},
    {"round", {"r-2.5"}, "r-3"},
    {"round", {"r-0.4"}, "r0"},
    {"round", {"i7"}, "r7"},
    {"round", {"t2.45x", "i1"}, "r2.5"},
    {"round", {"r1.005", "i2"}, "r1"},
    {"round", {"r1.45", "i1"}, "r1.3999999999999999"},
    {"round", {"r9.995", "i2"}, "r9.9900000000000002"},
    {"round", {"r123.456", "i-1"}, "r123"},
    {"round", {"r0.1", "i17"}, "r0.10000000000000001"},
    {"round", {"r1e300", "i2"}, "r1.0000000000000001e+300"},
    {"round", {"r4503599627370495.5"}, "r4503599627370496"},
    {"round", {"r4503599627370497.5", "i3"}, "r4503599627370498"},
    {"round", {"r0.33333333333333331", "i30"}, "r0.33333333333333331"},
    {"round", {"rinf", "i2"}, "rinf"},
    {"round", {"r2.5", "n"}, "n"},
    {"round", {"n", "i2"}, "n"},
    {"zeroblob", {"i3"}, "Y000000"},
    {"zeroblob", {"i-1"}, "b"},
    {"zeroblob", {"n"}, "b"},
    {"zeroblob", {"i1000000001"}, "!string or blob too big"},
    {"load_extension", {"tx"}, "!not authorized"},
    {"sqlite_compileoption_used", {"tTHREADSAFE"}, "i1"},
    {"sqlite_compileoption_used", {"tsqlite_threadsafe=1"}, "i1"},
    {"sqlite_compileoption_used", {"tTHREADSAF"}, "i0"},
    {"sqlite_compileoption_used", {"n"}, "n"},
    {"sqlite_compileoption_get", {"i-1"}, "n"},
    {"sqlite_compileoption_get", {"i9999"}, "n"}};

static const func_case collated_cases[] = {{"min", {"ta", "tA"}, "tA"},
                                           {"max", {"ta", "tA"}, "ta"},
                                           {"max", {"ta", "tB"}, "tB"},
                                           {"nullif", {"ta", "tA"}, "n"},
                                           {"nullif", {"ta", "tB"}, "ta"}};

static const func_case text_cases[] = {
    {"length", {"XC3A9E282AC61"}, "i3"},
    {"length", {"X61006263"}, "i1"},
    {"length", {"Y610062"}, "i3"},
    {"length", {"i-12"}, "i3"},
    {"length", {"r1.5"}, "i3"},
    {"length", {"X808061"}, "i3"},
    {"length", {"n"}, "n"},
    {"octet_length", {"XC3A9"}, "i2"},
    {"octet_length", {"X610062"}, "i3"},
    {"octet_length", {"r12.50"}, "i4"},
    {"octet_length", {"n"}, "n"},
    {"substr", {"thello", "i2", "i3"}, "tell"},
    {"substr", {"thello", "i-3"}, "tllo"},
    {"substr", {"thello", "i0"}, "thello"},
    {"substr", {"thello", "i0", "i3"}, "the"},
    {"substr", {"thello", "i-10", "i7"}, "the"},
    {"substr", {"thello", "i2", "i-1"}, "th"},
    {"substr", {"thello", "i4", "i-3"}, "thel"},
    {"substr", {"thello", "i-2", "i-2"}, "tel"},
    {"substr", {"thello", "i0", "i-1"}, "t"},
    {"substr", {"thello", "i9223372036854775807"}, "t"},
    {"substr", {"thello", "i-9223372036854775808"}, "t"},
    {"substr", {"thello", "i2", "i9223372036854775807"}, "tello"},
    {"substr", {"thello", "i2", "i-9223372036854775808"}, "th"},
    {"substr", {"thello", "i-9223372036854775808", "i9223372036854775807"}, "thell"},
    {"substr", {"X68C3A9E282AC6F", "i2", "i2"}, "XC3A9E282AC"},
    {"substr", {"X61620063", "i2", "i5"}, "tb"},
    {"substr", {"X61620063", "i-1"}, "tb"},
    {"substr", {"i12345", "i2", "i3"}, "t234"},
    {"substr", {"Y0102030405", "i-3", "i2"}, "Y0304"},
    {"substr", {"Y0102", "i5"}, "b"},
    {"substr", {"b", "i1"}, "n"},
    {"substr", {"thello", "n"}, "n"},
    {"substr", {"thello", "i1", "n"}, "n"},
    {"substring", {"n", "i1"}, "n"},
    {"substring", {"thello", "r2.9", "t2"}, "tel"},
    {"instr", {"tabcbc", "tbc"}, "i2"},
    {"instr", {"XC3A9616263", "tb"}, "i3"},
    {"instr", {"Yc3a96162", "b"}, "i1"},
    {"instr", {"Yc3a96162", "b"}, "i1"},
    {"instr", {"Yc3a96162", "Y62"}, "i4"},
    {"instr", {"Yc3a96162", "t b"}, "i0"},
    {"instr", {"XC3A9", "Xa9"}, "i0"},
    {"instr", {"tabc", "t"}, "i1"},
    {"instr", {"i12345", "i34"}, "i3"},
    {"instr", {"ta", "tabc"}, "i0"},
    {"instr", {"n", "ta"}, "n"},
    {"replace", {"tabcabc", "tb", "tXX"}, "taXXcaXXc"},
    {"replace", {"tabc", "t", "tx"}, "tabc"},
    {"replace", {"tabc", "t", "n"}, "tabc"},
    {"replace", {"tabc", "tz", "tx"}, "tabc"},
    {"replace", {"i12321", "i2", "tx"}, "t1x3x1"},
    {"replace", {"X61006200", "Xc3", "t"}, "X61006200"},
    {"replace", {"X610062", "tb", "tc"}, "X610063"},
    {"replace", {"X6162", "X0062", "tc"}, "tab"},
    {"replace", {"taaa", "taa", "tb"}, "tba"},
    {"replace", {"tabc", "n", "tx"}, "n"},
    {"replace", {"tabc", "tb", "n"}, "n"},
    {"trim", {"t  a b  "}, "ta b"},
    {"trim", {"txyaxy", "txy"}, "ta"},
    {"ltrim", {"txyaxy", "tyx"}, "taxy"},
    {"rtrim", {"txyaxy", "tyx"}, "txya"},
    {"trim", {"XC3A961C3A9E282AC", "XE282ACC3A9"}, "ta"},
    {"trim", {"tabc", "t"}, "tabc"},
    {"trim", {"tabc", "n"}, "n"},
    {"trim", {"i121", "i1"}, "t2"},
    {"trim", {"Xc3a961c3", "Xc3"}, "XA961"},
    {"trim", {"X0061", "X00"}, "X0061"},
    {"upper", {"X61C3A9317A"}, "X41C3A9315A"},
    {"lower", {"X41C389315A"}, "X61C389317A"},
    {"upper", {"X61007a"}, "X41005A"},
    {"upper", {"b az"}, "t AZ"},
    {"lower", {"r1e300"}, "t1.0e+300"},
    {"lower", {"n"}, "n"},
    {"concat", {"i1", "r2.5", "n", "bx"}, "t12.5x"},
    {"concat", {"n"}, "t"},
    {"concat_ws", {"t, ", "ta", "n", "t", "i2"}, "ta, , 2"},
    {"concat_ws", {"n", "ta", "tb"}, "n"},
    {"concat_ws", {"i0", "ta", "tb"}, "ta0b"},
    {"like", {"tA%c", "tabc"}, "i1"},
    {"like", {"ta_c", "tabc"}, "i1"},
    {"like", {"ta_c", "tac"}, "i0"},
    {"like", {"ta\\%", "ta%", "t\\"}, "i1"},
    {"like", {"ta%", "ta%", "t%"}, "i0"},
    {"like", {"bA", "ta"}, "i0"},
    {"like", {"ta", "n"}, "n"},
    {"like", {"n", "ba"}, "i0"},
    {"like", {"ta", "ta", "n"}, "n"},
    {"like", {"ta", "ta", "txy"}, "!ESCAPE expression must be a single character"},
    {"like", {"i1", "i1"}, "i1"},
    {"glob", {"ta*", "tabc"}, "i1"},
    {"glob", {"t[a-c]?", "tbx"}, "i1"},
    {"glob", {"tA*", "tabc"}, "i0"},
    {"glob", {"ta", "ba"}, "i0"},
    {"glob", {"n", "ta"}, "n"}};

static const func_case code_cases[] = {
    {"char", {"i65", "i233", "i8364", "i128512"}, "X41C3A9E282ACF09F9880"},
    {"char", {"i0", "i-1", "i1114112", "i55296", "n"}, "X00EFBFBDEFBFBDEDA08000"},
    {"char", {NULL}, "t"},
    {"unicode", {"XC3A9"}, "i233"},
    {"unicode", {"t"}, "n"},
    {"unicode", {"Xc3"}, "i65533"},
    {"unicode", {"Xeda080"}, "i65533"},
    {"unicode", {"Xc0af"}, "i65533"},
    {"unicode", {"X80"}, "i128"},
    {"unicode", {"X0041"}, "n"},
    {"unicode", {"i7"}, "i55"},
    {"unicode", {"n"}, "n"},
    {"hex", {"tabc"}, "t616263"},
    {"hex", {"Y00ff"}, "t00FF"},
    {"hex", {"i-1"}, "t2D31"},
    {"hex", {"n"}, "t"},
    {"unhex", {"t4aFf"}, "Y4AFF"},
    {"unhex", {"t4"}, "n"},
    {"unhex", {"t4g"}, "n"},
    {"unhex", {"t41 42", "t "}, "bAB"},
    {"unhex", {"X34312DC3A92D3432", "XC3A92D"}, "bAB"},
    {"unhex", {"t4 1", "t "}, "n"},
    {"unhex", {"t"}, "b"},
    {"unhex", {"t41", "n"}, "n"},
    {"unhex", {"n"}, "n"},
    {"unhex", {"i4142"}, "bAB"},
    {"unhex", {"X3431003432"}, "bA"},
    {"quote", {"n"}, "tNULL"},
    {"quote", {"i-9223372036854775808"}, "t-9223372036854775808"},
    {"quote", {"r0.1"}, "t0.1"},
    {"quote", {"rinf"}, "t9.0e+999"},
    {"quote", {"r-inf"}, "t-9.0e+999"},
    {"quote", {"r-0.0"}, "t0.0"},
    {"quote", {"r1e22"}, "t1.0e+22"},
    {"quote", {"tit's"}, "t'it''s'"},
    {"quote", {"X6100"}, "t'a'"},
    {"quote", {"X610a62"}, "X27610A6227"},
    {"quote", {"Y00ff"}, "tX'00FF'"},
    {"quote", {"b"}, "tX''"},
    {"unistr_quote", {"X610a27625c"}, "tunistr('a\\u000a''b\\\\')"},
    {"unistr_quote", {"ta\\b'"}, "t'a\\b'''"},
    {"unistr_quote", {"X7f"}, "X277F27"},
    {"unistr_quote", {"i1"}, "t1"},
    {"unistr_quote", {"n"}, "tNULL"},
    {"unistr", {"t\\u0041\\U0001F600\\+0000e9\\20ac\\\\x"}, "X41F09F9880C3A9E282AC5C78"},
    {"unistr", {"t\\u00"}, "!invalid Unicode escape"},
    {"unistr", {"t\\x"}, "!invalid Unicode escape"},
    {"unistr", {"t\\"}, "!invalid Unicode escape"},
    {"unistr", {"t\\+0000g0"}, "!invalid Unicode escape"},
    {"unistr", {"t\\UFFFFFFFF"}, "XF7BFBFBF"},
    {"unistr", {"X615c0078"}, "!invalid Unicode escape"},
    {"unistr", {"i12"}, "t12"},
    {"unistr", {"n"}, "n"}};

static const func_case math_cases[] = {{"acos", {"r0.5"}, "r1.0471975511965979"},
                                       {"acos", {"i2"}, "n"},
                                       {"acosh", {"i2"}, "r1.3169578969248166"},
                                       {"asin", {"r0.5"}, "r0.52359877559829893"},
                                       {"asinh", {"i2"}, "r1.4436354751788103"},
                                       {"atan", {"i1"}, "r0.78539816339744828"},
                                       {"atan2", {"i1", "i-1"}, "r2.3561944901923448"},
                                       {"atanh", {"r0.5"}, "r0.54930614433405478"},
                                       {"atanh", {"i1"}, "rinf"},
                                       {"cos", {"i0"}, "r1"},
                                       {"cosh", {"i1"}, "r1.5430806348152437"},
                                       {"sin", {"r0.5"}, "r0.47942553860420301"},
                                       {"sin", {"rinf"}, "n"},
                                       {"sinh", {"i1"}, "r1.1752011936438014"},
                                       {"tan", {"i1"}, "r1.5574077246549023"},
                                       {"tanh", {"i1"}, "r0.76159415595576485"},
                                       {"exp", {"i1"}, "r2.7182818284590451"},
                                       {"exp", {"i1000"}, "rinf"},
                                       {"sqrt", {"i2"}, "r1.4142135623730951"},
                                       {"sqrt", {"i-1"}, "n"},
                                       {"radians", {"i180"}, "r3.1415926535897931"},
                                       {"degrees", {"r3.141592653589793"}, "r180"},
                                       {"pi", {NULL}, "r3.1415926535897931"},
                                       {"ln", {"i0"}, "n"},
                                       {"ln", {"r2.5"}, "r0.91629073187415511"},
                                       {"log", {"i100"}, "r2"},
                                       {"log", {"i2", "i8"}, "r3"},
                                       {"log", {"i1", "i8"}, "n"},
                                       {"log", {"r0.5", "i8"}, "n"},
                                       {"log", {"i2", "t8x"}, "r3"},
                                       {"log", {"t2x", "i8"}, "n"},
                                       {"log", {"i2", "n"}, "n"},
                                       {"log", {"n"}, "n"},
                                       {"log", {"i-1"}, "n"},
                                       {"log10", {"i1000"}, "r3"},
                                       {"log2", {"t8"}, "r3"},
                                       {"mod", {"i5", "i3"}, "r2"},
                                       {"mod", {"r-5.5", "i3"}, "r-2.5"},
                                       {"mod", {"i5", "i0"}, "n"},
                                       {"mod", {"tx", "i3"}, "n"},
                                       {"pow", {"i2", "i10"}, "r1024"},
                                       {"pow", {"i-1", "r0.5"}, "n"},
                                       {"power", {"i0", "i-1"}, "rinf"},
                                       {"pow", {"n", "i1"}, "n"},
                                       {"ceil", {"r1.5"}, "r2"},
                                       {"ceil", {"i5"}, "i5"},
                                       {"ceil", {"t1.5"}, "r2"},
                                       {"ceil", {"t5"}, "i5"},
                                       {"ceil", {"tx"}, "n"},
                                       {"ceil", {"b1"}, "n"},
                                       {"ceiling", {"r-0.5"}, "r-0"},
                                       {"floor", {"r-1.5"}, "r-2"},
                                       {"floor", {"i9223372036854775807"}, "i9223372036854775807"},
                                       {"trunc", {"r-1.5"}, "r-1"},
                                       {"trunc", {"rinf"}, "rinf"},
                                       {"trunc", {"n"}, "n"}};

static const func_case connection_cases[] = {
    {"changes", {NULL}, "i11"},
    {"total_changes", {NULL}, "i22"},
    {"last_insert_rowid", {NULL}, "i33"},
    {"random", {NULL}, "i-8681104427521506944"},
    {"randomblob", {"i3"}, "Y808182"},
    {"randomblob", {"i0"}, "Y80"},
    {"randomblob", {"i1000000001"}, "!string or blob too big"},
    {"sqlite_version", {NULL}, "t" VL_FUNC_SQLITE_VERSION},
    {"sqlite_source_id", {NULL}, "tVelociDB " VELO_VERSION}};

static void
core_gives_what_sqlite_gives(void)
{
    func_case_check(core_cases, VL_ARRAY_COUNT(core_cases), VL_COLLATE_BINARY);
    func_case_check(collated_cases, VL_ARRAY_COUNT(collated_cases), VL_COLLATE_NOCASE);
}

static void
text_gives_what_sqlite_gives(void)
{
    func_case_check(text_cases, VL_ARRAY_COUNT(text_cases), VL_COLLATE_BINARY);
}

static void
codes_give_what_sqlite_gives(void)
{
    func_case_check(code_cases, VL_ARRAY_COUNT(code_cases), VL_COLLATE_BINARY);
}

static void
math_gives_what_sqlite_gives(void)
{
    func_case_check(math_cases, VL_ARRAY_COUNT(math_cases), VL_COLLATE_BINARY);
}

static void
connection_is_asked_through_the_environment(void)
{
    func_case_check(connection_cases, VL_ARRAY_COUNT(connection_cases), VL_COLLATE_BINARY);
}

/* Without an environment there are no changes, and no random numbers. */
static void
environment_may_lack_everything(void)
{
    static const vl_func_environment none = {0};
    static const char *const zeros[] = {"changes", "total_changes", "last_insert_rowid"};
    vl_func_call call = {.ctx = unit_ctx(), .environment = &none};
    vl_value result;
    vl_arena arena;

    vl_arena_init(&arena, NULL, 0);
    call.arena = &arena;
    for (size_t i = 0; i < VL_ARRAY_COUNT(zeros); i++) {
        CHECK_OK(vl_func_find(call.ctx, NULL, zeros[i], strlen(zeros[i]), 0, &call.func));
        CHECK_OK(vl_func_call_scalar(&call, NULL, 0, &result));
        CHECK(result.type == VL_TYPE_INTEGER && result.as.integer == 0);
    }
    CHECK_OK(vl_func_find(call.ctx, NULL, "random", 6, 0, &call.func));
    CHECK_STATUS(vl_func_call_scalar(&call, NULL, 0, &result), VELO_ERROR);
    CHECK_CONTAINS(call.ctx->error.text, "random");
    CHECK_OK(vl_func_find(call.ctx, NULL, "date", 4, 0, &call.func));
    CHECK_STATUS(vl_func_call_scalar(&call, NULL, 0, &result), VELO_ERROR);
    CHECK_CONTAINS(call.ctx->error.text, "time");
    vl_arena_deinit(&arena);
}

/* Every option that is listed is known, with and without its value. */
static void
options_are_listed_and_known(void)
{
    vl_value args[1];
    vl_value name;
    vl_value result;
    vl_arena arena;
    int64_t count = 0;

    vl_arena_init(&arena, NULL, 0);
    for (;; count++) {
        args[0] = vl_value_of_integer(count);
        CHECK_OK(func_case_call(unit_ctx(), &arena, "sqlite_compileoption_get", args, 1,
                                VL_COLLATE_BINARY, &name));
        if (name.type == VL_TYPE_NULL)
            break;
        CHECK_OK(func_case_call(unit_ctx(), &arena, "sqlite_compileoption_used", &name, 1,
                                VL_COLLATE_BINARY, &result));
        CHECK_EQ(result.as.integer, 1);
    }
    CHECK(count > 0);
    vl_arena_deinit(&arena);
}

/* A result that would be too long is refused before its parts are looked at. */
static void
results_have_a_limit(void)
{
    static const char *const names[] = {"concat", "hex", "format"};
    vl_value args[2] = {{.type = VL_TYPE_TEXT, .size = 1, .as.data = "a"},
                        {.type = VL_TYPE_BLOB, .size = VL_VALUE_SIZE_MAX, .as.data = "b"}};
    vl_value width[1] = {{.type = VL_TYPE_TEXT, .size = 12, .as.data = "%1000000001d"}};
    vl_value result;
    vl_arena arena;

    vl_arena_init(&arena, NULL, 0);
    for (size_t i = 0; i < VL_ARRAY_COUNT(names); i++) {
        const vl_value *first = i == 0 ? args : i == 1 ? &args[1] : width;

        CHECK_STATUS(func_case_call(unit_ctx(), &arena, names[i], first, i == 0 ? 2 : 1,
                                    VL_COLLATE_BINARY, &result),
                     VELO_TOOBIG);
        CHECK_TEXT(unit_ctx()->error.text, "string or blob too big");
    }
    vl_arena_deinit(&arena);
}

static void
memory_may_fail_anywhere(void)
{
    func_case_check_memory(core_cases, VL_ARRAY_COUNT(core_cases));
    func_case_check_memory(text_cases, VL_ARRAY_COUNT(text_cases));
    func_case_check_memory(code_cases, VL_ARRAY_COUNT(code_cases));
    func_case_check_memory(connection_cases, VL_ARRAY_COUNT(connection_cases));
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(core_gives_what_sqlite_gives),
        UNIT_TEST(text_gives_what_sqlite_gives),
        UNIT_TEST(codes_give_what_sqlite_gives),
        UNIT_TEST(math_gives_what_sqlite_gives),
        UNIT_TEST(connection_is_asked_through_the_environment),
        UNIT_TEST(environment_may_lack_everything),
        UNIT_TEST(options_are_listed_and_known),
        UNIT_TEST(results_have_a_limit),
        UNIT_TEST(memory_may_fail_anywhere),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
