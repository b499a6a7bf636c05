/* test_func_format.c - format(). Expected values are those of SQLite 3.53. */
#include "lib/unit.h"
#include "unit/func_case.h"
#include "vec/value.h"

#include <string.h>

static const func_case integer_cases[] = {
    {"format", {"t%d %i %u", "i-5", "t12abc", "i-1"}, "t-5 12 18446744073709551615"},
    {"format", {"t%d", "r1e30"}, "t9223372036854775807"},
    {"format", {"t%d", "b12"}, "t12"},
    {"format", {"t%lld %lu %llld", "i1", "i2", "i3"}, "t1 2 "},
    {"format", {"t%5d/%-5d/%05d/%-05d", "i42", "i42", "i42", "i42"}, "t   42/42   /00042/00042"},
    {"format", {"t%+d/% d/%+ d/% +d", "i5", "i5", "i5", "i5"}, "t+5/ 5/ 5/+5"},
    {"format", {"t%+d/% d", "i-5", "i-5"}, "t-5/-5"},
    {"format",
     {"t%.5d/%8.5d/%-8.5d/%08.5d", "i5", "i5", "i5", "i5"},
     "t00005/   00005/00005   /00000005"},
    {"format", {"t%.0d", "i0"}, "t0"},
    {"format",
     {"t%,d/%,d/%,d", "i1234567", "i-123", "i-9223372036854775808"},
     "t1,234,567/-123/-9,223,372,036,854,775,808"},
    {"format", {"t%,015d", "i1234567"}, "t000,000,001,234,567"},
    {"format", {"t%,12d/", "i1234567"}, "t   1,234,567/"},
    {"format", {"t%-,12d/", "i1234567"}, "t1,234,567   /"},
    {"format", {"t%,u", "i-1"}, "t18,446,744,073,709,551,615"},
    {"format", {"t%,x", "i1234567"}, "t12d687"},
    {"format", {"t%015,d", "i1"}, "n"},
    {"format",
     {"t%x %X %#x %#X %o %#o %p", "i255", "i255", "i255", "i255", "i8"},
     "tff FF 0xff 0XFF 10 0 0"},
    {"format", {"t%#x %#o", "i0", "i0"}, "t0 0"},
    {"format", {"t%.5x/%#.5x/%#010x", "i5", "i5", "i5"}, "t00005/0x00005/0x0000000005"},
    {"format", {"t%p/%#p", "i255", "i255"}, "tFF/0xFF"},
    {"format", {"t%x", "i-1"}, "tffffffffffffffff"},
    {"format", {"t%r %r %r %r %r", "i1", "i2", "i3", "i4", "i11"}, "t1st 2nd 3rd 4th 11th"},
    {"format", {"t%r %r %,r", "i-1", "i112", "i1234"}, "t-1st 112th 1234th"},
    {"format", {"t%05r/%-6r/", "i1", "i2"}, "t001st/2nd   /"},
    {"format", {"t%*d/%-*d/%*d/", "i5", "i1", "i5", "i1", "i-5"}, "t    1/1    /0    /"},
    {"format", {"t%.*d/%.*d", "i3", "i1", "i-3", "i1"}, "t001/001"},
    {"format", {"t%*.*f", "i8", "i2", "r3.14159"}, "t    3.14"},
    {"format", {"t%*d", "i-2147483648", "i7"}, "t7"},
    {"format", {"t%4294967297d/", "i7"}, "t7/"},
    {"format", {"t%d %s %f"}, "t0  0.000000"},
    {"format", {"t%!d/%#d", "i5", "i5"}, "t5/5"},
    {"format", {"t%5.d/", "i3"}, "t    3/"},
    {"format", {"t%5*d", "i1"}, "n"},
    {"format", {"t%-", "i1"}, "n"},
    {"format", {"t%5", "i1"}, "n"},
    {"format", {"t%y", "i1"}, "n"},
    {"format", {"ta%yb", "i1"}, "ta"},
    {"format", {"ta%", "i1"}, "ta%"},
    {"format", {"t%%/%5%/%-5%/"}, "t%/    %/%    /"},
    {"format", {"t%S", "ta"}, "n"},
    {"format", {"ta%nb%d", "i1"}, "tab1"},
    {"format", {"t%n"}, "t"},
    {"format", {"t%l", "i1"}, "n"},
    {"format", {"t%.3ld", "i1"}, "t001"},
    {"format", {"t"}, "n"},
    {"format", {"n", "i1"}, "n"},
    {"format", {"i123"}, "t123"},
    {"format", {"bx%d", "i5"}, "tx5"},
    {"format", {"X41004225"}, "tA"},
    {"format", {"t%d", "n"}, "t0"}};

static const func_case real_cases[] = {
    {"format", {"t%f", "r1.5"}, "t1.500000"},
    {"format", {"t%f", "i3"}, "t3.000000"},
    {"format", {"t%f", "tabc"}, "t0.000000"},
    {"format", {"t%f", "t1.5x"}, "t1.500000"},
    {"format", {"t%f", "n"}, "t0.000000"},
    {"format", {"t%f", "r-0.0"}, "t0.000000"},
    {"format", {"t%.0f/%.0f/%.0f", "r0.5", "r1.5", "r2.5"}, "t1/2/3"},
    {"format", {"t%.1f/%.1f", "r0.25", "r0.05"}, "t0.3/0.1"},
    {"format", {"t%.2f/%!.2f", "r1.005", "r1.005"}, "t1.00/1.0"},
    {"format",
     {"t%.15f/%.16f/%.17f", "r0.1", "r0.1", "r0.1"},
     "t0.100000000000000/0.1000000000000000/0.10000000000000000"},
    {"format", {"t%!.15f/%!.20f", "r0.1", "r0.1"}, "t0.1/0.1000000000000000056"},
    {"format", {"t%.30f", "r0.33333333333333331"}, "t0.333333333333333300000000000000"},
    {"format", {"t%!.30f", "r0.33333333333333331"}, "t0.333333333333333315"},
    {"format", {"t%!.17g/%!.18g", "r0.1", "r0.1"}, "t0.1/0.100000000000000006"},
    {"format",
     {"t%f", "r123456789012345678901234567890"},
     "t123456789012345700000000000000.000000"},
    {"format", {"t%!f", "r123456789012345678901234567890"}, "t123456789012345677900000000000.0"},
    {"format",
     {"t%e/%E/%.0e/%#.0e/%!.0e", "r5", "r5", "r5", "r5", "r5"},
     "t5.000000e+00/5.000000E+00/5e+00/5.e+00/5.0e+00"},
    {"format", {"t%e/%e", "r1e100", "r1e-300"}, "t1.000000e+100/1.000000e-300"},
    {"format", {"t%.20e", "r0.1"}, "t1.00000000000000000000e-01"},
    {"format", {"t%!.20e", "r0.1"}, "t1.000000000000000056e-01"},
    {"format",
     {"t%g/%g/%g/%g", "r100000", "r1000000", "r0.0001", "r0.00001"},
     "t100000/1e+06/0.0001/1e-05"},
    {"format", {"t%#g/%!g/%G", "r1", "r1", "r1e-10"}, "t1.00000/1.0/1E-10"},
    {"format",
     {"t%.3g/%#.3g/%!.3g", "r1234.5", "r1234.5", "r1234.5"},
     "t1.23e+03/1.23e+03/1.23e+03"},
    {"format", {"t%.0g", "r1234.5"}, "t1e+03"},
    {"format", {"t%.1g/%.1g/%.3g", "r550", "r55", "r10150"}, "t5e+02/6e+01/1.02e+04"},
    {"format",
     {"t%,f/%,.2f/%,e/%,g", "r1234567.891", "r-123456", "r1234567", "r123456"},
     "t1,234,567.891000/-123,456.00/1.234567e+06/123,456"},
    {"format", {"t%+f/% f/%+f", "r1.5", "r1.5", "r-1.5"}, "t+1.500000/ 1.500000/-1.500000"},
    {"format",
     {"t%08.2f/%-8.2f/%8.2f/%+08.2f/%-08.2f", "r-1.5", "r1.5", "r1.5", "r1.5", "r1.5"},
     "t-0001.50/1.50    /    1.50/+0001.50/1.50    "},
    {"format", {"t%0,12.1f", "r1234567"}, "t01,234,567.0"},
    {"format", {"t%f/%+f/% f/%f", "rinf", "rinf", "rinf", "r-inf"}, "tInf/+Inf/ Inf/-Inf"},
    {"format", {"t%10f/%-10f/", "r-inf", "rinf"}, "t      -Inf/Inf       /"},
    {"format", {"t%0g/%0e/%0.3e", "rinf", "rinf", "r-inf"}, "t9e+999/9.000000e+999/-9.000e+999"},
    {"format",
     {"t%#.2f/%.2f/%#+.2f/%#.3f", "r-0.001", "r-0.001", "r-0.001", "r-0.001"},
     "t0.00/-0.00/-0.00/-0.001"},
    {"format", {"t%!.0f/%#.0f", "r5", "r5"}, "t5.0/5."},
    {"format", {"t%f", "r5e-324"}, "t0.000000"},
    {"format", {"t%.3g", "r5e-324"}, "t4.94e-324"},
    {"format", {"t%!.60g", "r1.7976931348623157e308"}, "t1.797693134862315708e+308"},
    {"format", {"t%!.99999999f", "r0.1"}, "t0.1000000000000000056"},
    {"format", {"t%!.99999999f", "r0"}, "t0.0"},
    {"format", {"t%!g", "r0"}, "t0.0"}};

static const func_case text_cases[] = {
    {"format", {"t%s/%5s/%-5s/%05s/", "tabc", "tab", "tab", "tab"}, "tabc/   ab/ab   /   ab/"},
    {"format",
     {"t%.2s/%!.2s/%!5s/%5s", "XC3A961", "XC3A961", "XC3A9", "XC3A9"},
     "XC3A92FC3A9612F20202020C3A92F202020C3A9"},
    {"format", {"t%s", "n"}, "t"},
    {"format", {"t%s %s", "i5", "r0.5"}, "t5 0.5"},
    {"format", {"t%s", "Y410042"}, "tA"},
    {"format", {"t%z/%.1z", "tab", "tab"}, "tab/a"},
    {"format", {"t%s", "X61620063"}, "tab"},
    {"format", {"t%.1s"}, "t"},
    {"format",
     {"t%c/%5c/%-5c/%c", "txyz", "ta", "tb", "XC3A9"},
     "X782F20202020612F62202020202FC3A9"},
    {"format",
     {"t%.3c/%5.3c/%-5.3c/", "XC3A9", "txyz", "ta"},
     "XC3A9C3A9C3A92F20207878782F61616120202F"},
    {"format", {"t%c", "n"}, "X00"},
    {"format", {"t%.2c", "t"}, "X0000"},
    {"format", {"t%c", "i65"}, "t6"},
    {"format", {"t%!5c/%5c/", "XC3A9", "XC3A9"}, "X20202020C3A92F20202020C3A92F"},
    {"format", {"t%c", "X8080"}, "X80"},
    {"format", {"t%c", "Xf09f988080"}, "XF09F9880"},
    {"format", {"t%q/%Q/%w", "ta'b", "ta'b", "ta\"b"}, "ta''b/'a''b'/a\"\"b"},
    {"format", {"t%q/%Q/%w", "n", "n", "n"}, "t(NULL)/NULL/(NULL)"},
    {"format", {"t%q"}, "t(NULL)"},
    {"format",
     {"t%.2q/%.2Q/%5Q/%-8Q/", "ta'b", "ta'b", "tab", "tab"},
     "ta''/'a'''/ 'ab'/'ab'    /"},
    {"format", {"t%!.2q/%!6Q/", "XC3A92762", "XC3A9"}, "XC3A927272F20202027C3A9272F"},
    {"format", {"t%Q", "i5"}, "t'5'"},
    {"format", {"t%.2q", "n"}, "t(N"},
    {"format",
     {"t%#q/%#Q/%#w", "X610a27625c", "X610a27625c", "X610a27625c"},
     "X615C75303030612727625C5C2F756E697374722827615C75303030612727625C5C27292F610A27625C"},
    {"format", {"t%#q/%#Q", "ta\\b", "ta\\b"}, "ta\\\\b/'a\\b'"},
    {"format",
     {"t%#.1Q/%#8.2Q/", "Xc30a", "X610a62"},
     "X27C3272F756E697374722827615C753030306127292F"},
    {"format", {"t%#Q", "n"}, "tNULL"}};

static void
format_writes_integers(void)
{
    func_case_check(integer_cases, VL_ARRAY_COUNT(integer_cases), VL_COLLATE_BINARY);
}

static void
format_writes_reals(void)
{
    func_case_check(real_cases, VL_ARRAY_COUNT(real_cases), VL_COLLATE_BINARY);
}

static void
format_writes_text(void)
{
    func_case_check(text_cases, VL_ARRAY_COUNT(text_cases), VL_COLLATE_BINARY);
}

static void
printf_is_format(void)
{
    static const func_case cases[] = {{"printf", {"t%05.1f", "r2.25"}, "t002.3"},
                                      {"printf", {NULL}, "n"},
                                      {"format", {NULL}, "n"}};

    func_case_check(cases, VL_ARRAY_COUNT(cases), VL_COLLATE_BINARY);
}

/* An infinite number that is filled up with zeros is a 9 and 999 zeros. */
static void
infinity_has_digits(void)
{
    vl_value args[2] = {{.type = VL_TYPE_TEXT, .size = 6, .as.data = "%,010f"}};
    vl_value result;
    vl_arena arena;

    vl_arena_init(&arena, NULL, 0);
    args[1] = vl_value_of_real(__builtin_inf());
    CHECK_OK(func_case_call(unit_ctx(), &arena, "format", args, 2, VL_COLLATE_BINARY, &result));
    CHECK_EQ(result.size, 1000 + 333 + 7);
    CHECK(memcmp(result.as.data, "9,000,000", 9) == 0);
    vl_arena_deinit(&arena);
}

static void
memory_may_fail_anywhere(void)
{
    func_case_check_memory(integer_cases, VL_ARRAY_COUNT(integer_cases));
    func_case_check_memory(real_cases, VL_ARRAY_COUNT(real_cases));
    func_case_check_memory(text_cases, VL_ARRAY_COUNT(text_cases));
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(format_writes_integers), UNIT_TEST(format_writes_reals),
        UNIT_TEST(format_writes_text),     UNIT_TEST(printf_is_format),
        UNIT_TEST(infinity_has_digits),    UNIT_TEST(memory_may_fail_anywhere),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
