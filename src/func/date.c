/* date.c - the calendar, and reading moments.
 *
 * Days of the calendar are counted by the method of counting months from March, so that a leap
 * day ends its year (E. G. Richards, "Mapping Time", 1998).
 *
 * Invariants
 *   D1  A moment that leaves -4713-11-24 12:00 to 9999-12-31 is bad, and everything made of it is.
 *   D2  Years are taken from a count only where D1 holds, so nothing here overflows: fields that
 *       modifiers change are within the limits of date_modify.c. */
#include "func/date_int.h"

#include "vec/number.h"

#include <string.h>

/* Years that have milliseconds. */
#define DATE_YEAR_MIN (-4713)
#define DATE_YEAR_MAX 9999

/* Days from Julian day 0 (at noon) to March 1 of the year -4800, less one half. */
#define DATE_EPOCH_DAYS 32045

/* Numbers below are Julian days at once; others only with a modifier. */
#define DATE_RAW_END 5373484.5

/* Digits of a fraction of a second that are looked at. */
#define DATE_FRACTION_DIGITS 18

/* Whole days since Julian day 0 that begin at the midnight before it, of a day of the calendar. The
 * year is at least -4714. */
static int64_t
date_count_days(int year, int month, int day)
{
    int is_early = month <= 2;
    int64_t years = (int64_t)year + 4800 - is_early; /* begin in March, and are positive */
    int64_t months = month + 12 * is_early - 3;

    return day + (153 * months + 2) / 5 + 365 * years + years / 4 - years / 100 + years / 400 -
           DATE_EPOCH_DAYS;
}

void
vl_date_find_ms(vl_date *date)
{
    int year = date->has_day ? date->year : 2000;
    int month = date->has_day ? date->month : 1;
    int day = date->has_day ? date->day : 1;

    if (date->has_ms)
        return;
    if (year < DATE_YEAR_MIN || year > DATE_YEAR_MAX || date->is_raw) {
        date->is_bad = 1; /* keeps D1 */
        date->ms = 0;
        date->has_ms = 1;
        return;
    }
    date->has_ms = 1;
    date->ms = date_count_days(year, month, day) * VL_DATE_DAY_MS - VL_DATE_DAY_MS / 2;
    if (!date->has_time)
        return;
    date->ms += date->hour * VL_DATE_HOUR_MS + date->minute * VL_DATE_MINUTE_MS +
                (int64_t)(date->second * 1000.0 + 0.5);
    if (date->zone_min != 0) {
        date->ms -= date->zone_min * VL_DATE_MINUTE_MS;
        vl_date_keep_ms(date);
        date->is_utc = 1;
        date->is_local = 0;
    }
}

void
vl_date_find_day(vl_date *date)
{
    int64_t days;
    int64_t years;
    int64_t months;

    if (date->has_day)
        return;
    date->has_day = 1;
    date->year = 2000;
    date->month = 1;
    date->day = 1;
    if (!date->has_ms)
        return;
    if (!vl_date_is_valid(date->ms)) {
        date->is_bad = 1; /* keeps D2 */
        return;
    }
    /* Days since March 1 of -4800; years of 365.2425 days, in whole centuries first. */
    days = (date->ms + VL_DATE_DAY_MS / 2) / VL_DATE_DAY_MS + DATE_EPOCH_DAYS - 1;
    years = (4 * days + 3) / 146097;
    days -= 146097 * years / 4;
    years *= 100;
    months = (4 * days + 3) / 1461;
    days -= 1461 * months / 4;
    years += months;
    months = (5 * days + 2) / 153;
    date->day = (int)(days - (153 * months + 2) / 5) + 1;
    date->month = (int)(months + 3 - 12 * (months / 10));
    date->year = (int)(years - 4800 + months / 10);
}

void
vl_date_find_time(vl_date *date)
{
    int64_t rest;

    if (date->has_time)
        return;
    vl_date_find_ms(date);
    rest = (date->ms + VL_DATE_DAY_MS / 2) % VL_DATE_DAY_MS;
    if (rest < 0)
        rest = 0;
    date->second = (double)(rest % VL_DATE_MINUTE_MS) / 1000.0;
    date->minute = (int)(rest / VL_DATE_MINUTE_MS % 60);
    date->hour = (int)(rest / VL_DATE_HOUR_MS);
    date->zone_min = 0;
    date->is_raw = 0;
    date->has_time = 1;
}

void
vl_date_keep_ms(vl_date *date)
{
    date->has_day = 0;
    date->has_time = 0;
    date->zone_min = 0;
}

void
vl_date_find_excess(vl_date *date)
{
    static const unsigned char lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int is_leap = date->year % 4 == 0 && (date->year % 100 != 0 || date->year % 400 == 0);
    int length = lengths[date->month - 1] + (date->month == 2 && is_leap);

    date->excess_days = date->day > length ? date->day - length : 0;
}

void
vl_date_add_months(vl_date *date, int months)
{
    int total = date->year * 12 + (date->month - 1) + months;
    int month = total % 12;

    if (month < 0)
        month += 12;
    date->year = (total - month) / 12;
    date->month = month + 1;
    date->has_ms = 0;
    vl_date_find_excess(date);
}

int
vl_date_weekday(vl_date *date)
{
    vl_date_find_ms(date);
    return (int)((date->ms + 3 * VL_DATE_DAY_MS / 2) / VL_DATE_DAY_MS % 7);
}

int
vl_date_yearday(vl_date *date)
{
    vl_date_find_day(date);
    return (int)(date_count_days(date->year, date->month, date->day) -
                 date_count_days(date->year, 1, 1));
}

int
vl_date_take_digits(vl_func_bytes *text, int count, int least, int most, int *value)
{
    *value = 0;
    if (text->end - text->at < count)
        return 0;
    for (int i = 0; i < count; i++) {
        if (text->at[i] < '0' || text->at[i] > '9')
            return 0;
        *value = 10 * *value + (text->at[i] - '0');
    }
    if (*value < least || *value > most)
        return 0;
    text->at += count;
    return 1;
}

int
vl_date_take(vl_func_bytes *text, char c)
{
    if (text->at == text->end || *text->at != (unsigned char)c)
        return 0;
    text->at++;
    return 1;
}

int
vl_date_is_word(vl_func_bytes text, const char *word)
{
    size_t size = strlen(word);

    if ((size_t)(text.end - text.at) != size)
        return 0;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = text.at[i];

        if (c >= 'A' && c <= 'Z')
            c = (unsigned char)(c + ('a' - 'A'));
        if (c != (unsigned char)word[i])
            return 0;
    }
    return 1;
}

/* Take a zone, up to the end: Z, +HH:MM, -HH:MM or nothing. Returns 0 for anything else. */
static int
date_parse_zone(vl_func_bytes text, vl_date *date)
{
    int sign = 0;
    int hours = 0;
    int minutes = 0;
    int is_utc;

    vl_date_skip_spaces(&text);
    date->zone_min = 0;
    if (text.at == text.end)
        return 1;
    is_utc = vl_date_take(&text, 'Z') || vl_date_take(&text, 'z');
    if (!is_utc) {
        sign = vl_date_take(&text, '-') ? -1 : vl_date_take(&text, '+');
        if (sign == 0 || !vl_date_take_digits(&text, 2, 0, 14, &hours) ||
            !vl_date_take(&text, ':') || !vl_date_take_digits(&text, 2, 0, 59, &minutes))
            return 0;
        date->zone_min = sign * (60 * hours + minutes);
    }
    if (date->zone_min == 0) {
        date->is_utc = 1;
        date->is_local = 0;
    }
    vl_date_skip_spaces(&text);
    return text.at == text.end;
}

/* Take the digits of a fraction, behind its point. */
static double
date_take_fraction(vl_func_bytes *text)
{
    double fraction = 0.0;
    double scale = 1.0;

    for (int count = 0; text->at < text->end && *text->at >= '0' && *text->at <= '9';
         text->at++, count++) {
        if (count < DATE_FRACTION_DIGITS) {
            fraction = 10.0 * fraction + (*text->at - '0');
            scale *= 10.0;
        }
    }
    fraction /= scale;
    return fraction > 0.999 ? 0.999 : fraction; /* milliseconds do not become the next second */
}

int
vl_date_parse_time(vl_func_bytes text, vl_date *date)
{
    int hour;
    int minute;
    int second = 0;
    double fraction = 0.0;

    if (!vl_date_take_digits(&text, 2, 0, 24, &hour) || !vl_date_take(&text, ':') ||
        !vl_date_take_digits(&text, 2, 0, 59, &minute))
        return 0;
    if (vl_date_take(&text, ':')) {
        if (!vl_date_take_digits(&text, 2, 0, 59, &second))
            return 0;
        if (text.end - text.at >= 2 && text.at[0] == '.' && text.at[1] >= '0' &&
            text.at[1] <= '9') {
            text.at++;
            fraction = date_take_fraction(&text);
        }
    }
    date->has_ms = 0;
    date->has_time = 1;
    date->is_raw = 0;
    date->hour = hour;
    date->minute = minute;
    date->second = second + fraction;
    return date_parse_zone(text, date);
}

/* Read YYYY-MM-DD, perhaps with a time behind it. */
static int
date_parse_day(vl_func_bytes text, vl_date *date)
{
    int is_negative = vl_date_take(&text, '-');
    int year;
    int month;
    int day;

    if (!vl_date_take_digits(&text, 4, 0, DATE_YEAR_MAX, &year) || !vl_date_take(&text, '-') ||
        !vl_date_take_digits(&text, 2, 1, 12, &month) || !vl_date_take(&text, '-') ||
        !vl_date_take_digits(&text, 2, 1, 31, &day))
        return 0;
    while (text.at < text.end && (vl_date_is_space(*text.at) || *text.at == 'T'))
        text.at++;
    if (text.at == text.end)
        date->has_time = 0;
    else if (!vl_date_parse_time(text, date))
        return 0;
    date->has_ms = 0;
    date->has_day = 1;
    date->year = is_negative ? -year : year;
    date->month = month;
    date->day = day;
    vl_date_find_excess(date);
    if (date->zone_min != 0)
        vl_date_find_ms(date);
    return 1;
}

/* A number is a Julian day, until a modifier says something else. */
static void
date_set_number(vl_date *date, double number)
{
    date->raw = number;
    date->is_raw = 1;
    if (number >= 0.0 && number < DATE_RAW_END) {
        date->ms = (int64_t)(number * (double)VL_DATE_DAY_MS + 0.5);
        date->has_ms = 1;
    }
}

velo_status
vl_date_allow_impure(vl_func_call *call)
{
    if (call->pure_place == NULL)
        return VELO_OK;
    return vl_fail(call->ctx, VELO_ERROR, "non-deterministic use of %s() in %s", call->func->name,
                   call->pure_place);
}

velo_status
vl_date_now(vl_func_call *call, vl_date *date)
{
    VL_TRY(vl_date_allow_impure(call));
    if (call->environment->now == NULL)
        return vl_fail(call->ctx, VELO_ERROR, "the present time is not known");
    VL_TRY(call->environment->now(call->environment->user, call->ctx, &date->ms));
    date->has_ms = 1;
    date->is_utc = 1;
    date->is_local = 0;
    vl_date_keep_ms(date);
    if (!vl_date_is_valid(date->ms))
        date->is_bad = 1;
    return VELO_OK;
}

static velo_status
date_read_text(vl_func_call *call, vl_func_bytes text, vl_date *date, int *is_found)
{
    vl_date empty = {0};
    vl_number number;

    *is_found = 1;
    if (date_parse_day(text, date))
        return VELO_OK;
    *date = empty;
    if (vl_date_parse_time(text, date))
        return VELO_OK;
    *date = empty;
    if (vl_date_is_word(text, "now"))
        return vl_date_now(call, date);
    number = vl_number_read(text.at, (size_t)(text.end - text.at));
    if (number.is_found && number.is_all) {
        date_set_number(date, vl_value_real(&number.value));
        return VELO_OK;
    }
    if (vl_date_is_word(text, "subsec") || vl_date_is_word(text, "subsecond")) {
        date->is_subsecond = 1;
        return vl_date_now(call, date);
    }
    *is_found = 0;
    return VELO_OK;
}

velo_status
vl_date_read(vl_func_call *call, const vl_value *args, int count, vl_date *date, int *is_found)
{
    char room[VL_NUMBER_TEXT_SIZE];

    memset(date, 0, sizeof *date);
    *is_found = 1;
    if (count == 0)
        return vl_date_now(call, date);
    if (args[0].type == VL_TYPE_INTEGER || args[0].type == VL_TYPE_REAL)
        date_set_number(date, vl_value_real(&args[0]));
    else if (args[0].type == VL_TYPE_NULL)
        *is_found = 0;
    else
        VL_TRY(date_read_text(call, vl_func_text_of(&args[0], room), date, is_found));
    for (int i = 1; i < count && *is_found; i++) {
        if (args[i].type == VL_TYPE_NULL)
            *is_found = 0;
        else
            VL_TRY(vl_date_modify(call, vl_func_text_of(&args[i], room), i, date, is_found));
    }
    if (!*is_found)
        return VELO_OK;
    vl_date_find_ms(date);
    if (date->is_bad || !vl_date_is_valid(date->ms))
        *is_found = 0;
    if (count == 1 && date->has_day && date->day > 28)
        date->has_day = 0; /* 2023-02-31 is 2023-03-03 */
    return VELO_OK;
}
