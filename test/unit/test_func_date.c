/* test_func_date.c - the date and time functions. Expected values are those of SQLite 3.53, but
 * where the environment says what time it is or where we are. */
#include "lib/unit.h"
#include "unit/func_case.h"
#include "vec/value.h"

#include <string.h>

static const func_case parse_cases[] = {
    {"date", {"t2024-02-29"}, "t2024-02-29"},
    {"date", {"t2024-02-30"}, "t2024-03-01"},
    {"date", {"t2023-02-31"}, "t2023-03-03"},
    {"datetime", {"t2023-02-31", "t+0 days"}, "t2023-03-03 00:00:00"},
    {"date", {"t-0044-03-15"}, "t-0044-03-15"},
    {"date", {"t-4713-11-24"}, "n"},
    {"date", {"t-4713-11-23"}, "n"},
    {"date", {"t9999-12-31"}, "t9999-12-31"},
    {"date", {"t0000-01-01"}, "t0000-01-01"},
    {"date", {"t2024-13-01"}, "n"},
    {"date", {"t2024-00-01"}, "n"},
    {"date", {"t2024-01-32"}, "n"},
    {"date", {"t2024-1-1"}, "n"},
    {"date", {"t24-01-01"}, "n"},
    {"date", {"t2024-01-01x"}, "n"},
    {"date", {"t"}, "n"},
    {"date", {"n"}, "n"},
    {"date", {"X323032342d30312d303100"}, "t2024-01-01"},
    {"date", {"b2024-01-01"}, "t2024-01-01"},
    {"datetime", {"t2024-01-01 12:34"}, "t2024-01-01 12:34:00"},
    {"datetime", {"t2024-01-01T12:34:56"}, "t2024-01-01 12:34:56"},
    {"datetime", {"t2024-01-01  12:34:56.789"}, "t2024-01-01 12:34:56"},
    {"datetime", {"t2024-01-01 24:00"}, "t2024-01-01 24:00:00"},
    {"datetime", {"t2024-01-01 24:40:31"}, "t2024-01-01 24:40:31"},
    {"datetime", {"t2024-01-01 25:00"}, "n"},
    {"datetime", {"t2024-01-01 12:60"}, "n"},
    {"datetime", {"t2024-01-01 12:34:60"}, "n"},
    {"datetime", {"t2024-01-01 12:34:"}, "n"},
    {"datetime", {"t2024-01-01 12:34:5"}, "n"},
    {"datetime", {"t2024-01-01 12:34:56."}, "n"},
    {"datetime", {"t2024-01-01 12:34Z"}, "t2024-01-01 12:34:00"},
    {"datetime", {"t2024-01-01 12:34 z "}, "t2024-01-01 12:34:00"},
    {"datetime", {"t2024-01-01 12:34+02:30"}, "t2024-01-01 10:04:00"},
    {"datetime", {"t2024-01-01 00:34:56-14:59"}, "t2024-01-01 15:33:56"},
    {"datetime", {"t2024-01-01 12:34+15:00"}, "n"},
    {"datetime", {"t2024-01-01 12:34+1:00"}, "n"},
    {"datetime", {"t2024-01-01 12:34+00:00x"}, "n"},
    {"datetime", {"t12:34"}, "t2000-01-01 12:34:00"},
    {"datetime", {"t23:59:59.9999"}, "t2000-01-01 23:59:59"},
    {"datetime", {"t23:59:59.9999", "tsubsec"}, "t2000-01-01 23:59:59.999"},
    {"time", {"t12:34:56.1239", "tsubsec"}, "t12:34:56.124"},
    {"datetime", {"i0"}, "t-4713-11-24 12:00:00"},
    {"datetime", {"r2451545.5"}, "t2000-01-02 00:00:00"},
    {"datetime", {"t2451545.5"}, "t2000-01-02 00:00:00"},
    {"datetime", {"t 2451545 "}, "t2000-01-01 12:00:00"},
    {"datetime", {"t2451545x"}, "n"},
    {"datetime", {"i-1"}, "n"},
    {"datetime", {"r5373484.4999"}, "t9999-12-31 23:59:51"},
    {"datetime", {"r5373484.5"}, "n"},
    {"datetime", {"r0.25"}, "t-4713-11-24 18:00:00"},
    {"date", {"rinf"}, "n"},
    {"datetime",
     {"t2024-01-01 00:00:00.12345678901234567890123", "tsubsec"},
     "t2024-01-01 00:00:00.123"},
    {"time", {"t2024-01-01 T 12:00"}, "t12:00:00"},
    {"time", {"t-2024-01-01T12:00"}, "t12:00:00"}};

static const func_case modify_cases[] = {
    {"datetime", {"t2024-01-31", "t+1 month"}, "t2024-03-02 00:00:00"},
    {"datetime", {"t2024-01-31", "t+1 month", "tfloor"}, "t2024-02-29 00:00:00"},
    {"datetime", {"t2024-01-31", "t+1 month", "tceiling"}, "t2024-03-02 00:00:00"},
    {"datetime", {"t2024-01-31", "t+1 month", "tceiling", "tfloor"}, "t2024-03-02 00:00:00"},
    {"date", {"t2024-02-29", "t+1 year"}, "t2025-03-01"},
    {"date", {"t2024-02-29", "t-1 year", "tfloor"}, "t2023-02-28"},
    {"date", {"t2024-02-29", "t+1.5 years"}, "t2025-08-30"},
    {"date", {"t2024-01-31", "t-13 months"}, "t2022-12-31"},
    {"date", {"t2024-01-15", "t+0.5 month"}, "t2024-01-30"},
    {"datetime", {"t2024-01-01", "t+1 day"}, "t2024-01-02 00:00:00"},
    {"datetime", {"t2024-01-01", "t1 day"}, "t2024-01-02 00:00:00"},
    {"datetime", {"t2024-01-01", "t-1.5 days"}, "t2023-12-30 12:00:00"},
    {"datetime", {"t2024-01-01", "t+36 hours"}, "t2024-01-02 12:00:00"},
    {"datetime", {"t2024-01-01", "t+90 minutes"}, "t2024-01-01 01:30:00"},
    {"datetime", {"t2024-01-01", "t+0.5 seconds", "tsubsec"}, "t2024-01-01 00:00:00.500"},
    {"datetime", {"t2024-01-01", "t+1 dayss"}, "n"},
    {"datetime", {"t2024-01-01", "t+1 week"}, "n"},
    {"datetime", {"t2024-01-01", "t+1 DAYS"}, "t2024-01-02 00:00:00"},
    {"datetime", {"t2024-01-01", "t+1day"}, "n"},
    {"datetime", {"t2024-01-01", "t+x day"}, "n"},
    {"datetime", {"t2024-01-01", "t+"}, "n"},
    {"datetime", {"t2024-01-01", "t+1"}, "n"},
    {"datetime", {"t2024-01-01", "t+1e2 days"}, "t2024-04-10 00:00:00"},
    {"datetime", {"t2024-01-01", "t +1 day"}, "n"},
    {"date", {"t2024-01-01", "t5373484 days"}, "n"},
    {"date", {"t2024-01-01", "t5373485 days"}, "n"},
    {"date", {"t2024-01-01", "t-2460310 days"}, "t-4713-11-25"},
    {"date", {"t2024-01-01", "t-2460312 days"}, "n"},
    {"date", {"t2024-01-01", "t+176545 months"}, "n"},
    {"date", {"t2024-01-01", "t+176546 months"}, "n"},
    {"date", {"t2024-01-01", "t-14712 years"}, "n"},
    {"date", {"t2024-01-01", "t-6737 years"}, "n"},
    {"datetime", {"t2024-01-01", "t+12:34"}, "t2024-01-01 12:34:00"},
    {"datetime", {"t2024-01-01", "t-00:00:01.5", "tsubsec"}, "t2023-12-31 23:59:58.500"},
    {"datetime", {"t2024-01-01", "t12:34:56"}, "t2024-01-01 12:34:56"},
    {"datetime", {"t2024-01-01", "t+12:34x"}, "n"},
    {"datetime", {"t2024-01-01", "t+24:30"}, "t2024-01-01 00:30:00"},
    {"datetime", {"t2024-01-01", "t+25:00"}, "n"},
    {"datetime", {"t2024-01-01", "t+02:00+01:00"}, "t2024-01-01 01:00:00"},
    {"datetime", {"t2024-01-31", "t+0001-02-03"}, "t2025-04-03 00:00:00"},
    {"datetime", {"t2024-03-31", "t-0000-01-00"}, "t2024-03-02 00:00:00"},
    {"datetime", {"t2024-03-31", "t-0000-01-01 12:00"}, "t2024-02-29 12:00:00"},
    {"datetime", {"t2024-01-31", "t0001-02-03"}, "n"},
    {"datetime", {"t2024-01-31", "t+0001-12-03"}, "n"},
    {"datetime", {"t2024-01-31", "t+0001-02-31"}, "n"},
    {"datetime", {"t2024-01-31", "t+0001-02-03 1:00"}, "n"},
    {"datetime", {"t2024-01-31", "t+00001-02-03"}, "t2025-04-03 00:00:00"},
    {"datetime", {"t2024-01-31", "t-00001-02-03 04:05:06"}, "t2022-11-27 19:54:54"},
    {"datetime", {"t2024-01-31", "t+0001-02-03x"}, "n"},
    {"datetime", {"t2024-01-31", "t+0001-2-03"}, "n"},
    {"datetime", {"t2024-05-17 12:34:56", "tstart of month"}, "t2024-05-01 00:00:00"},
    {"datetime", {"t2024-05-17 12:34:56", "tStart Of Year"}, "t2024-01-01 00:00:00"},
    {"datetime", {"t2024-05-17 12:34:56", "tstart of day"}, "t2024-05-17 00:00:00"},
    {"datetime", {"t2024-05-17 12:34:56", "tstart of week"}, "n"},
    {"datetime", {"t2024-05-17 12:34:56", "tstart of"}, "n"},
    {"datetime", {"i1700000000", "tstart of day"}, "n"},
    {"datetime", {"t2024-05-17 23:00-02:00", "tstart of day"}, "t2024-05-18 00:00:00"},
    {"datetime", {"t2024-05-17 12:34:56", "tweekday 0"}, "t2024-05-19 12:34:56"},
    {"date", {"t2024-05-17", "tweekday 5"}, "t2024-05-17"},
    {"date", {"t2024-05-17", "tweekday 4"}, "t2024-05-23"},
    {"date", {"t2024-05-17", "tweekday 7"}, "n"},
    {"date", {"t2024-05-17", "tweekday 1.5"}, "n"},
    {"date", {"t2024-05-17", "tweekday -1"}, "n"},
    {"date", {"t2024-05-17", "tweekday"}, "n"},
    {"date", {"t2024-05-17", "tweekday 3 "}, "t2024-05-22"},
    {"date", {"t2024-05-17", "tweekday 3x"}, "n"},
    {"datetime", {"i1700000000", "tunixepoch"}, "t2023-11-14 22:13:20"},
    {"datetime", {"i1700000000", "tauto"}, "t2023-11-14 22:13:20"},
    {"datetime", {"r1700000000.25", "tunixepoch", "tsubsec"}, "t2023-11-14 22:13:20.250"},
    {"datetime", {"i-1", "tunixepoch"}, "t1969-12-31 23:59:59"},
    {"datetime", {"i2460000", "tauto"}, "t2023-02-24 12:00:00"},
    {"datetime", {"i2460000", "tunixepoch"}, "t1970-01-29 11:20:00"},
    {"datetime", {"i2460000", "tjulianday"}, "t2023-02-24 12:00:00"},
    {"datetime", {"i1700000000", "tjulianday"}, "n"},
    {"datetime", {"i1700000000", "t+1 day", "tunixepoch"}, "n"},
    {"datetime", {"t1700000000", "tunixepoch"}, "t2023-11-14 22:13:20"},
    {"datetime", {"t2024-01-01", "tunixepoch"}, "n"},
    {"datetime", {"t2024-01-01", "tauto"}, "t2024-01-01 00:00:00"},
    {"datetime", {"t2024-01-01", "tjulianday"}, "n"},
    {"datetime", {"i1700000000"}, "n"},
    {"datetime", {"i253402300799", "tauto"}, "t9999-12-31 23:59:59"},
    {"datetime", {"i253402300800", "tauto"}, "n"},
    {"datetime", {"i-210866760000", "tauto"}, "t-4713-11-24 12:00:00"},
    {"datetime", {"i-210866760001", "tauto"}, "n"},
    {"datetime", {"i253402300800", "tunixepoch"}, "n"},
    {"datetime", {"i2460000", "t+1 day", "tauto"}, "n"},
    {"datetime", {"t2024-01-01", "tx"}, "n"},
    {"datetime", {"t2024-01-01", "t"}, "n"},
    {"datetime", {"t2024-01-01", "n"}, "n"},
    {"datetime", {"t2024-01-01", "tsubsec", "tstart of day"}, "t2024-01-01 00:00:00.000"},
    {"time", {"t12:00", "i5"}, "n"},
    {"date", {"t2024-01-01", "tnow"}, "n"}};

static const func_case write_cases[] = {
    {"julianday", {"t2024-02-29 12:34:56.789"}, "r2460370.0242683911"},
    {"julianday", {"t-4713-11-24 12:00"}, "r0"},
    {"unixepoch", {"t2024-02-29 12:34:56.789"}, "i1709210096"},
    {"unixepoch", {"t2024-02-29 12:34:56.789", "tsubsec"}, "r1709210096.789"},
    {"unixepoch", {"t1969-12-31 23:59:59"}, "i-1"},
    {"unixepoch", {"tx"}, "n"},
    {"strftime",
     {"t%d|%e|%f|%F|%H|%I|%j|%J|%k|%l|%m|%M|%p|%P", "t2024-02-03 04:05:06.789"},
     "t03| 3|06.789|2024-02-03|04|04|034|2460343.670217465| 4| 4|02|05|AM|am"},
    {"strftime",
     {"t%R|%s|%S|%T|%u|%U|%V|%w|%W|%Y|%G|%g|%%", "t2024-02-03 04:05:06.789"},
     "t04:05|1706933106|06|04:05:06|6|04|05|6|05|2024|2024|24|%"},
    {"strftime", {"t%H|%I|%k|%l|%p|%P", "t13:00"}, "t13|01|13| 1|PM|pm"},
    {"strftime", {"t%I|%l|%p", "t00:30"}, "t12|12|AM"},
    {"strftime", {"t%I|%p", "t12:30"}, "t12|PM"},
    {"strftime", {"t%G-%V-%u %g", "t2021-01-03"}, "t2020-53-7 20"},
    {"strftime", {"t%G-%V-%u", "t2020-12-31"}, "t2020-53-4"},
    {"strftime", {"t%G-%V-%u", "t2024-12-30"}, "t2025-01-1"},
    {"strftime", {"t%U %W", "t2023-01-01"}, "t01 00"},
    {"strftime", {"t%U %W", "t2024-12-31"}, "t52 53"},
    {"strftime", {"t%j", "t2024-12-31"}, "t366"},
    {"strftime", {"t%j %w", "t2038-05-01 24:40:31"}, "t121 0"},
    {"strftime", {"t%Y %F", "t-0044-03-15"}, "t-044 -044-03-15"},
    {"strftime", {"t%G %g", "t-0001-01-01"}, "t-002 -2"},
    {"strftime", {"t%s", "t2024-01-01 00:00:00.5", "tsubsec"}, "t1704067200.500"},
    {"strftime", {"t%s", "t-4713-11-24 12:00"}, "t-210866760000"},
    {"strftime", {"t%x", "t2024-01-01"}, "n"},
    {"strftime", {"t%", "t2024-01-01"}, "n"},
    {"strftime", {"tabc", "t2024-01-01"}, "tabc"},
    {"strftime", {"t", "t2024-01-01"}, "t"},
    {"strftime", {"n", "t2024-01-01"}, "n"},
    {"strftime", {"t%d", "tx"}, "n"},
    {"strftime", {"t%f", "t00:00:59.9999"}, "t59.999"},
    {"strftime", {"t%J", "r2451545.123456789"}, "t2451545.123456794"},
    {"strftime", {"i5", "t2024-01-01"}, "t5"},
    {"strftime", {"XC3A9C3A92564", "t2024-01-01"}, "XC3A9C3A93031"},
    {"timediff", {"t2024-02-15", "t2024-01-31"}, "t+0000-00-15 00:00:00.000"},
    {"timediff", {"t2024-01-31", "t2024-02-15"}, "t-0000-00-15 00:00:00.000"},
    {"timediff", {"t2024-03-01 12:00", "t2023-02-28 13:00:00.5"}, "t+0001-00-01 22:59:59.500"},
    {"timediff", {"t2023-02-28 13:00:00.5", "t2024-03-01 12:00"}, "t-0001-00-00 22:59:59.500"},
    {"timediff", {"t2024-01-01", "t2024-01-01"}, "t+0000-00-00 00:00:00.000"},
    {"timediff", {"t9999-12-31", "t-4713-11-25"}, "t+14712-01-06 00:00:00.000"},
    {"timediff", {"tx", "t2024-01-01"}, "n"},
    {"timediff", {"t2024-01-01", "n"}, "n"},
    {"timediff", {"t2024-03-31", "t2024-02-29"}, "t+0000-01-02 00:00:00.000"},
    {"timediff", {"t2024-02-29", "t2023-03-31"}, "t+0000-10-29 00:00:00.000"},
    {"timediff", {"t1970-01-01", "r2451545"}, "t-0030-00-00 12:00:00.000"}};

/* It is 2024-02-29 12:34:56.789; local time is two hours ahead, in summer three. */
static const func_case now_cases[] = {{"date", {NULL}, "t2024-02-29"},
                                      {"time", {NULL}, "t12:34:56"},
                                      {"datetime", {"tNOW"}, "t2024-02-29 12:34:56"},
                                      {"datetime", {"tnow", "tsubsec"}, "t2024-02-29 12:34:56.789"},
                                      {"datetime", {"tsubsec"}, "t2024-02-29 12:34:56.789"},
                                      {"time", {"tsubsecond", "t+1 second"}, "t12:34:57.789"},
                                      {"unixepoch", {NULL}, "i1709210096"},
                                      {"unixepoch", {"tsubsec"}, "r1709210096.789"},
                                      {"julianday", {NULL}, "r2460370.0242683911"},
                                      {"strftime", {"t%F"}, "t2024-02-29"},
                                      {"strftime", {NULL}, "n"},
                                      {"current_date", {NULL}, "t2024-02-29"},
                                      {"current_time", {NULL}, "t12:34:56"},
                                      {"current_timestamp", {NULL}, "t2024-02-29 12:34:56"}};

static const func_case zone_cases[] = {
    {"datetime", {"tnow", "tlocaltime"}, "t2024-02-29 14:34:56"},
    {"datetime", {"tnow", "tsubsec", "tlocaltime"}, "t2024-02-29 14:34:56.789"},
    {"datetime", {"tnow", "tlocaltime", "tlocaltime"}, "t2024-02-29 14:34:56"},
    {"datetime", {"tnow", "tlocaltime", "tutc"}, "t2024-02-29 12:34:56"},
    {"datetime", {"tnow", "tutc"}, "t2024-02-29 12:34:56"},
    {"datetime", {"t2024-07-01 12:00", "tutc"}, "t2024-07-01 09:00:00"},
    {"datetime", {"t2024-07-01 12:00", "tutc", "tutc"}, "t2024-07-01 09:00:00"},
    {"datetime", {"t2024-07-01 12:00", "tlocaltime"}, "t2024-07-01 15:00:00"},
    {"datetime", {"t2024-07-01 12:00", "tLOCALTIME", "tUtc"}, "t2024-07-01 12:00:00"},
    {"datetime", {"t2024-07-01 12:00Z", "tlocaltime"}, "t2024-07-01 15:00:00"},
    {"datetime", {"t2024-07-01 12:00Z", "tutc"}, "t2024-07-01 12:00:00"},
    {"datetime", {"t1900-07-01 12:00", "tlocaltime"}, "t1900-07-01 15:00:00"},
    {"datetime", {"t2500-12-31 23:00", "tlocaltime"}, "t2501-01-01 01:00:00"},
    {"datetime", {"t2500-01-01 01:00", "tutc"}, "t2499-12-31 23:00:00"},
    {"datetime", {"t-4000-02-29", "tlocaltime"}, "t-4000-02-29 02:00:00"},
    {"datetime", {"t9999-12-31 23:00", "tlocaltime"}, "n"},
    {"datetime", {"i5373485", "tlocaltime"}, "n"},
    {"datetime", {"i5373485", "tutc"}, "n"},
    {"datetime", {"t2024-01-01 00:00:00.5", "tsubsec", "tutc"}, "t2023-12-31 22:00:00"}};

static void
dates_are_read_like_sqlite(void)
{
    func_case_check(parse_cases, VL_ARRAY_COUNT(parse_cases), VL_COLLATE_BINARY);
}

static void
dates_are_modified_like_sqlite(void)
{
    func_case_check(modify_cases, VL_ARRAY_COUNT(modify_cases), VL_COLLATE_BINARY);
}

static void
dates_are_written_like_sqlite(void)
{
    func_case_check(write_cases, VL_ARRAY_COUNT(write_cases), VL_COLLATE_BINARY);
}

static void
present_is_the_environments(void)
{
    func_case_check(now_cases, VL_ARRAY_COUNT(now_cases), VL_COLLATE_BINARY);
}

static void
zone_is_the_environments(void)
{
    func_case_check(zone_cases, VL_ARRAY_COUNT(zone_cases), VL_COLLATE_BINARY);
}

/* Call with texts in a place where only what is deterministic may stand, or with an environment. */
static velo_status
call_date(const vl_func_environment *environment, const char *place, const char *name,
          const char *first, const char *second)
{
    const char *texts[2] = {first, second};
    vl_value args[2];
    vl_func_call call = {.ctx = unit_ctx(), .environment = environment, .pure_place = place};
    vl_value result;
    vl_arena arena;
    velo_status status;
    int count = first == NULL ? 0 : second == NULL ? 1 : 2;

    for (int i = 0; i < count; i++)
        args[i] = (vl_value){
            .type = VL_TYPE_TEXT, .size = (uint32_t)strlen(texts[i]), .as.data = texts[i]};
    vl_arena_init(&arena, NULL, 0);
    call.arena = &arena;
    status = vl_func_find(call.ctx, NULL, name, strlen(name), count, &call.func);
    if (status == VELO_OK)
        status = vl_func_call_scalar(&call, args, count, &result);
    vl_arena_deinit(&arena);
    return status;
}

static void
present_and_zone_are_refused_in_an_index(void)
{
    const vl_func_environment *environment = &func_case_environment;

    CHECK_STATUS(call_date(environment, "an index", "date", NULL, NULL), VELO_ERROR);
    CHECK_TEXT(unit_ctx()->error.text, "non-deterministic use of date() in an index");
    CHECK_STATUS(call_date(environment, "a CHECK constraint", "time", "now", NULL), VELO_ERROR);
    CHECK_TEXT(unit_ctx()->error.text, "non-deterministic use of time() in a CHECK constraint");
    CHECK_STATUS(call_date(environment, "an index", "julianday", "subsec", NULL), VELO_ERROR);
    CHECK_STATUS(call_date(environment, "an index", "date", "2024-01-01", "utc"), VELO_ERROR);
    CHECK_STATUS(call_date(environment, "an index", "date", "2024-01-01", "localtime"), VELO_ERROR);
    CHECK_STATUS(call_date(environment, "an index", "current_date", NULL, NULL), VELO_ERROR);
    CHECK_OK(call_date(environment, "an index", "date", "2024-01-01", "+1 day"));
    CHECK_OK(call_date(environment, "an index", "date", "2024-01-01", "subsec"));
}

static velo_status
no_time(void *user, vl_ctx *ctx, int64_t *julian_ms)
{
    (void)user;
    (void)julian_ms;
    return vl_fail(ctx, VELO_IOERR, "the clock is broken");
}

static int
no_zone(void *user, int64_t unix_s, vl_func_time *time)
{
    (void)user;
    (void)unix_s;
    (void)time;
    return 0;
}

static void
failures_of_the_environment_are_passed_on(void)
{
    static const vl_func_environment broken = {.now = no_time, .local_time = no_zone};

    CHECK_STATUS(call_date(&broken, NULL, "date", NULL, NULL), VELO_IOERR);
    CHECK_TEXT(unit_ctx()->error.text, "the clock is broken");
    CHECK_STATUS(call_date(&broken, NULL, "date", "2024-01-01", "localtime"), VELO_ERROR);
    CHECK_TEXT(unit_ctx()->error.text, "local time unavailable");
    CHECK_STATUS(call_date(&broken, NULL, "date", "2024-01-01", "utc"), VELO_ERROR);
}

/* The zone of the process answers where the environment has none. */
static void
zone_of_the_process_is_used(void)
{
    static const vl_func_environment none = {0};

    CHECK_OK(call_date(&none, NULL, "date", "2024-01-01", "localtime"));
    CHECK_OK(call_date(&none, NULL, "date", "2024-01-01", "utc"));
}

/* Every day of four centuries, and days far away, are counted there and back. */
static void
calendar_is_consistent(void)
{
    vl_value day[1];
    vl_value text;
    vl_value back;
    vl_arena arena;

    vl_arena_init(&arena, NULL, 0);
    for (int64_t i = 0; i < 146097 + 5000; i++) {
        vl_arena_reset(&arena);
        day[0] = vl_value_of_real((double)(i < 146097 ? 2305447 + i : (i - 146097) * 1074) + 0.5);
        CHECK_OK(func_case_call(unit_ctx(), &arena, "date", day, 1, VL_COLLATE_BINARY, &text));
        CHECK_OK(
            func_case_call(unit_ctx(), &arena, "julianday", &text, 1, VL_COLLATE_BINARY, &back));
        CHECK(back.type == VL_TYPE_REAL && back.as.real == day[0].as.real);
    }
    vl_arena_deinit(&arena);
}

static void
memory_may_fail_anywhere(void)
{
    func_case_check_memory(parse_cases, VL_ARRAY_COUNT(parse_cases));
    func_case_check_memory(write_cases, VL_ARRAY_COUNT(write_cases));
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(dates_are_read_like_sqlite),
        UNIT_TEST(dates_are_modified_like_sqlite),
        UNIT_TEST(dates_are_written_like_sqlite),
        UNIT_TEST(present_is_the_environments),
        UNIT_TEST(zone_is_the_environments),
        UNIT_TEST(present_and_zone_are_refused_in_an_index),
        UNIT_TEST(failures_of_the_environment_are_passed_on),
        UNIT_TEST(zone_of_the_process_is_used),
        UNIT_TEST(calendar_is_consistent),
        UNIT_TEST(memory_may_fail_anywhere),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
