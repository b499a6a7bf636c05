/* date_modify.c - the modifiers of moments: '+1 day', 'start of month', 'localtime' and the rest.
 *
 * Invariants
 *   M1  A modifier that is none makes the whole call NULL.
 *   M2  What is added is limited to the length of all time that moments may have, so that sums do
 *       not overflow and are found to be bad afterwards. */
#define _GNU_SOURCE /* localtime_r */
#include "func/date_int.h"

#include "vec/number.h"

#include <string.h>
#include <time.h>

/* Years that the C library's time zones know, as milliseconds; others stand for one of 2000 to
 * 2003, of the same length. */
#define MODIFY_ZONE_BEGIN_MS VL_DATE_UNIX_MS
#define MODIFY_ZONE_END_MS   INT64_C(213014145600000) /* 2038-01-18 */

/* Seconds of the unix epoch that 'auto' takes a number for. */
#define MODIFY_UNIX_MIN (-210866760000.0)
#define MODIFY_UNIX_MAX 253402300799.0

/* Times that the local time of a guess is compared with what it should be. */
#define MODIFY_UTC_TRIES 4

/* Whether the text begins with the word, in either case; takes it. */
static int
modify_take_word(vl_func_bytes *text, const char *word)
{
    size_t size = strlen(word);
    vl_func_bytes head = {text->at, text->at + size};

    if ((size_t)(text->end - text->at) < size || !vl_date_is_word(head, word))
        return 0;
    text->at += size;
    return 1;
}

/* The local time of a moment of UTC; returns 0 when there is none. */
static int
modify_ask_zone(vl_func_call *call, int64_t unix_s, vl_func_time *time)
{
    time_t moment = (time_t)unix_s;
    struct tm local;

    if (call->environment->local_time != NULL)
        return call->environment->local_time(call->environment->user, unix_s, time);
    if (localtime_r(&moment, &local) == NULL)
        return 0;
    *time = (vl_func_time){local.tm_year + 1900, local.tm_mon + 1, local.tm_mday,
                           local.tm_hour,        local.tm_min,     local.tm_sec};
    return 1;
}

/* Turn UTC into local time. */
static velo_status
modify_to_local(vl_func_call *call, vl_date *date)
{
    vl_date moment;
    vl_func_time time;
    int years = 0;
    double fraction;

    vl_date_find_ms(date);
    if (!vl_date_is_valid(date->ms)) {
        date->is_bad = 1;
        return VELO_OK;
    }
    moment = *date;
    if (date->ms < MODIFY_ZONE_BEGIN_MS || date->ms > MODIFY_ZONE_END_MS) {
        vl_date_find_day(&moment);
        vl_date_find_time(&moment);
        years = 2000 + moment.year % 4 - moment.year;
        moment.year += years;
        moment.has_ms = 0;
        vl_date_find_ms(&moment);
    }
    if (!modify_ask_zone(call, moment.ms / 1000 - VL_DATE_UNIX_S, &time))
        return vl_fail(call->ctx, VELO_ERROR, "local time unavailable");
    fraction = (double)(date->ms % 1000) * 0.001;
    date->year = time.year - years;
    date->month = time.month;
    date->day = time.day;
    date->hour = time.hour;
    date->minute = time.minute;
    date->second = time.second + fraction;
    date->zone_min = 0;
    date->has_day = 1;
    date->has_time = 1;
    date->has_ms = 0;
    date->is_raw = 0;
    return VELO_OK;
}

/* Turn local time into UTC: guess, and correct the guess by what its local time is wrong. Forgets
 * 'subsec', as SQLite does. */
static velo_status
modify_to_utc(vl_func_call *call, vl_date *date)
{
    int64_t error = 0;
    int64_t guess;

    vl_date_find_ms(date);
    guess = date->ms;
    for (int i = 0; i < MODIFY_UTC_TRIES; i++) {
        vl_date local = {.has_ms = 1};

        guess -= error;
        local.ms = guess;
        VL_TRY(modify_to_local(call, &local));
        date->is_bad |= local.is_bad;
        vl_date_find_ms(&local);
        error = local.ms - date->ms;
        if (error == 0)
            break;
    }
    *date = (vl_date){.has_ms = 1, .ms = guess, .is_utc = 1, .is_bad = date->is_bad};
    return VELO_OK;
}

static velo_status
modify_zone(vl_func_call *call, vl_date *date, int is_to_local)
{
    VL_TRY(vl_date_allow_impure(call));
    if (is_to_local) {
        if (!date->is_local)
            VL_TRY(modify_to_local(call, date));
        date->is_utc = 0;
        date->is_local = 1;
    } else if (!date->is_utc) {
        VL_TRY(modify_to_utc(call, date));
    }
    return VELO_OK;
}

/* Take the raw number as seconds of the unix epoch. */
static void
modify_take_unix(vl_date *date)
{
    vl_date_keep_ms(date);
    date->ms = (int64_t)(date->raw * 1000.0 + (double)VL_DATE_UNIX_MS + 0.5);
    date->has_ms = 1;
    date->is_raw = 0;
}

/* 'auto', 'julianday' and 'unixepoch', which must be first. Returns 0 when they do not fit. */
static int
modify_meaning(vl_func_bytes text, int index, vl_date *date)
{
    double ms = date->raw * 1000.0 + (double)VL_DATE_UNIX_MS;

    if (index > 1)
        return 0;
    if (vl_date_is_word(text, "auto")) {
        if (!date->is_raw || date->has_ms)
            date->is_raw = 0;
        else if (date->raw >= MODIFY_UNIX_MIN && date->raw <= MODIFY_UNIX_MAX)
            modify_take_unix(date);
        return 1;
    }
    if (!date->is_raw)
        return 0;
    if (vl_date_is_word(text, "julianday")) {
        date->is_raw = !date->has_ms;
        return date->has_ms;
    }
    if (!(ms >= 0.0 && ms < (double)VL_DATE_END_MS))
        return 0;
    modify_take_unix(date);
    return 1;
}

/* 'weekday N': the next day that is weekday N, or this one. */
static int
modify_weekday(vl_func_bytes text, vl_date *date)
{
    vl_number number = vl_number_read(text.at, (size_t)(text.end - text.at));
    double wanted = vl_value_real(&number.value);
    int days;

    if (!number.is_found || !number.is_all || !(wanted >= 0.0 && wanted < 7.0) ||
        (double)(int)wanted != wanted)
        return 0;
    vl_date_find_day(date);
    vl_date_find_time(date);
    date->zone_min = 0;
    date->has_ms = 0;
    days = (int)wanted - vl_date_weekday(date);
    date->ms += (days < 0 ? days + 7 : days) * VL_DATE_DAY_MS;
    vl_date_keep_ms(date);
    return 1;
}

/* 'start of ...' */
static int
modify_start(vl_func_bytes text, vl_date *date)
{
    int is_year = vl_date_is_word(text, "year");
    int is_month = vl_date_is_word(text, "month");

    if (!date->has_ms && !date->has_day && !date->has_time)
        return 0;
    vl_date_find_day(date);
    date->has_time = 1;
    date->hour = 0;
    date->minute = 0;
    date->second = 0.0;
    date->is_raw = 0;
    date->zone_min = 0;
    date->has_ms = 0;
    if (is_year)
        date->month = 1;
    if (is_year || is_month)
        date->day = 1;
    return is_year || is_month || vl_date_is_word(text, "day");
}

/* HH:MM:SS behind a sign. */
static int
modify_add_time(vl_func_bytes text, int is_negative, vl_date *date)
{
    vl_date time = {0};
    int64_t ms;

    if (!vl_date_parse_time(text, &time))
        return 0;
    vl_date_find_ms(&time);
    ms = (time.ms + VL_DATE_DAY_MS / 2) % VL_DATE_DAY_MS;
    vl_date_find_ms(date);
    vl_date_keep_ms(date);
    date->ms += is_negative ? -ms : ms;
    return 1;
}

/* YYYY-MM-DD behind a sign, perhaps with a time. */
static int
modify_add_date(vl_func_bytes text, int year_digits, int is_negative, vl_date *date)
{
    int years;
    int months;
    int days;

    if (!vl_date_take_digits(&text, year_digits, 0, 14712, &years) || !vl_date_take(&text, '-') ||
        !vl_date_take_digits(&text, 2, 0, 11, &months) || !vl_date_take(&text, '-') ||
        !vl_date_take_digits(&text, 2, 0, 30, &days))
        return 0;
    months += 12 * years;
    vl_date_find_day(date);
    vl_date_find_time(date);
    vl_date_add_months(date, is_negative ? -months : months);
    vl_date_find_ms(date);
    vl_date_keep_ms(date);
    date->ms += (is_negative ? -days : days) * VL_DATE_DAY_MS;
    if (text.at == text.end)
        return 1;
    if (!vl_date_is_space(*text.at))
        return 0;
    text.at++;
    return modify_add_time(text, is_negative, date);
}

/* Units of time that are added, with the largest number of each; keeps M2. */
static const struct modify_unit {
    const char *name;
    double limit;
    double seconds;
} modify_units[] = {{"second", 4.6427e+14, 1.0},    {"minute", 7.7379e+12, 60.0},
                    {"hour", 1.2897e+11, 3600.0},   {"day", 5373485.0, 86400.0},
                    {"month", 176546.0, 2592000.0}, {"year", 14713.0, 31536000.0}};

static int
modify_add_units(vl_func_bytes text, double number, vl_date *date)
{
    double rounder = number < 0.0 ? -0.5 : 0.5;
    size_t size;

    vl_date_skip_spaces(&text);
    size = (size_t)(text.end - text.at);
    if (size < 3 || size > 10)
        return 0;
    if (text.end[-1] == 's' || text.end[-1] == 'S')
        text.end--;
    vl_date_find_ms(date);
    date->excess_days = 0;
    for (size_t i = 0; i < VL_ARRAY_COUNT(modify_units); i++) {
        const struct modify_unit *unit = &modify_units[i];

        if (!vl_date_is_word(text, unit->name) || !(number > -unit->limit && number < unit->limit))
            continue;
        if (unit->seconds > 86400.0) {
            int whole = (int)number;

            vl_date_find_day(date);
            vl_date_find_time(date);
            vl_date_add_months(date, unit->name[0] == 'y' ? 12 * whole : whole);
            number -= whole;
        }
        vl_date_find_ms(date);
        date->ms += (int64_t)(number * 1000.0 * unit->seconds + rounder);
        vl_date_keep_ms(date);
        return 1;
    }
    return 0;
}

/* Where the number that a modifier begins with ends: at white space, ':' or the '-' of a date. */
static size_t
modify_number_size(vl_func_bytes text)
{
    size_t size = (size_t)(text.end - text.at);
    size_t n = 1;
    int year;

    for (; n < size; n++) {
        vl_func_bytes digits = {text.at + 1, text.end};

        if (text.at[n] == ':' || vl_date_is_space(text.at[n]))
            break;
        if (text.at[n] == '-' && (n == 5 || n == 6) &&
            vl_date_take_digits(&digits, (int)n - 1, 0, 14712, &year))
            break;
    }
    return n;
}

/* What begins with a sign or digit. */
static int
modify_add(vl_func_bytes text, vl_date *date)
{
    size_t n = modify_number_size(text);
    int has_sign = *text.at == '+' || *text.at == '-';
    int is_negative = *text.at == '-';
    vl_number number = vl_number_read(text.at, n);
    vl_func_bytes rest = {text.at + n, text.end};

    if (!number.is_found || !number.is_all)
        return 0;
    if (has_sign)
        text.at++;
    if (rest.at < rest.end && *rest.at == '-')
        return has_sign && modify_add_date(text, (int)n - 1, is_negative, date);
    if (rest.at < rest.end && *rest.at == ':')
        return modify_add_time(text, is_negative, date);
    return modify_add_units(rest, vl_value_real(&number.value), date);
}

/* Modifiers that begin with a letter, but those that ask for a zone. */
static int
modify_by_word(vl_func_bytes text, int index, vl_date *date)
{
    if (vl_date_is_word(text, "auto") || vl_date_is_word(text, "julianday") ||
        vl_date_is_word(text, "unixepoch"))
        return modify_meaning(text, index, date);
    if (vl_date_is_word(text, "ceiling") || vl_date_is_word(text, "floor")) {
        if (vl_date_is_word(text, "ceiling"))
            date->excess_days = 0;
        vl_date_find_ms(date);
        date->ms -= date->excess_days * VL_DATE_DAY_MS;
        vl_date_keep_ms(date);
        return 1;
    }
    if (vl_date_is_word(text, "subsec") || vl_date_is_word(text, "subsecond")) {
        date->is_subsecond = 1;
        return 1;
    }
    if (modify_take_word(&text, "weekday "))
        return modify_weekday(text, date);
    if (modify_take_word(&text, "start of "))
        return modify_start(text, date);
    return 0;
}

velo_status
vl_date_modify(vl_func_call *call, vl_func_bytes text, int index, vl_date *date, int *is_found)
{
    *is_found = 0; /* keeps M1 */
    if (text.at == text.end)
        return VELO_OK;
    if (vl_date_is_word(text, "localtime") || vl_date_is_word(text, "utc")) {
        *is_found = 1;
        return modify_zone(call, date, vl_date_is_word(text, "localtime"));
    }
    if (*text.at == '+' || *text.at == '-' || (*text.at >= '0' && *text.at <= '9'))
        *is_found = modify_add(text, date);
    else
        *is_found = modify_by_word(text, index, date);
    return VELO_OK;
}
