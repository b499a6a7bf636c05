/* date_func.c - the date and time functions: moments as text and numbers.
 *
 * Invariants
 *   F1  What is no moment, and a format with a letter that is none, give NULL.
 *   F2  Milliseconds are cut where they are not shown. */
#include "func/date_int.h"

#include "vec/number.h"

#include <string.h>

/* Variants: what a function writes. */
enum {
    DATE_DAY = 1,
    DATE_TIME = 2
};

/* What timediff() counts a rest from: the first moment of the year 0. */
#define DATE_YEAR_ZERO_MS INT64_C(148699540800000)

/* Append a number that is not negative, with at least `width` places filled with `fill`. */
static void
date_func_append(vl_func_buffer *to, int number, int width, char fill)
{
    char text[16];
    int at = (int)sizeof text;

    do {
        text[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while ((int)sizeof text - at < width)
        text[--at] = fill;
    vl_func_append(to, text + at, sizeof text - (size_t)at);
}

/* Append a value in a format of format(). */
static void
date_func_append_as(vl_func_buffer *to, const char *format, vl_value value)
{
    const unsigned char *at = (const unsigned char *)format;

    vl_func_format(to, (vl_func_bytes){at, at + strlen(format)}, &value, 1);
}

/* Append a year of strftime(): four places, the sign in one of them. */
static void
date_func_append_year(vl_func_buffer *to, int year)
{
    if (year < 0) {
        vl_func_append_char(to, '-');
        date_func_append(to, -year, 3, '0');
    } else {
        date_func_append(to, year, 4, '0');
    }
}

static void
date_func_append_month_day(vl_func_buffer *to, const vl_date *date)
{
    vl_func_append_char(to, '-');
    date_func_append(to, date->month, 2, '0');
    vl_func_append_char(to, '-');
    date_func_append(to, date->day, 2, '0');
}

static void
date_func_append_time(vl_func_buffer *to, const vl_date *date)
{
    int ms = (int)(date->second * 1000.0 + 0.5);

    date_func_append(to, date->hour, 2, '0');
    vl_func_append_char(to, ':');
    date_func_append(to, date->minute, 2, '0');
    vl_func_append_char(to, ':');
    if (!date->is_subsecond) {
        date_func_append(to, (int)date->second, 2, '0'); /* keeps F2 */
        return;
    }
    date_func_append(to, ms / 1000, 2, '0');
    vl_func_append_char(to, '.');
    date_func_append(to, ms % 1000, 3, '0');
}

/* date(), time(), datetime(). */
static velo_status
date_func_write(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    uint32_t parts = call->func->variant;
    vl_func_buffer buffer = {.arena = call->arena};
    vl_date date;
    int is_found;

    VL_TRY(vl_date_read(call, args, count, &date, &is_found));
    if (!is_found) /* keeps F1 */
        return VELO_OK;
    if ((parts & DATE_DAY) != 0) {
        vl_date_find_day(&date);
        if (date.year < 0)
            vl_func_append_char(&buffer, '-');
        date_func_append(&buffer, date.year < 0 ? -date.year : date.year, 4, '0');
        date_func_append_month_day(&buffer, &date);
    }
    if (parts == (DATE_DAY | DATE_TIME))
        vl_func_append_char(&buffer, ' ');
    if ((parts & DATE_TIME) != 0) {
        vl_date_find_time(&date);
        date_func_append_time(&buffer, &date);
    }
    return vl_func_buffer_end(call, &buffer, result);
}

/* current_date, current_time, current_timestamp. */
static velo_status
date_func_current(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    (void)args;
    (void)count;
    return date_func_write(call, NULL, 0, result);
}

static velo_status
date_func_julianday(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    vl_date date;
    int is_found;

    VL_TRY(vl_date_read(call, args, count, &date, &is_found));
    if (is_found)
        *result = vl_value_of_real((double)date.ms / (double)VL_DATE_DAY_MS);
    return VELO_OK;
}

static velo_status
date_func_unixepoch(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    vl_date date;
    int is_found;

    VL_TRY(vl_date_read(call, args, count, &date, &is_found));
    if (is_found && date.is_subsecond)
        *result = vl_value_of_real((double)(date.ms - VL_DATE_UNIX_MS) / 1000.0);
    else if (is_found)
        *result = vl_value_of_integer(date.ms / 1000 - VL_DATE_UNIX_S);
    return VELO_OK;
}

/* Week of the year, from the year's first day that is weekday `first`. */
static int
date_func_week(vl_date *date, int first)
{
    int days = (vl_date_weekday(date) + 7 - first) % 7;

    return (vl_date_yearday(date) - days + 7) / 7;
}

/* The Thursday of the week: its year and week are those of ISO 8601. */
static vl_date
date_func_thursday(vl_date *date)
{
    int monday_days = (vl_date_weekday(date) + 6) % 7;
    vl_date thursday = {.has_ms = 1};

    thursday.ms = date->ms + (3 - monday_days) * VL_DATE_DAY_MS;
    vl_date_find_day(&thursday);
    return thursday;
}

/* Append what a letter of strftime() says of the day. Returns 0 when it says nothing. */
static int
date_func_format_day(vl_func_buffer *to, char letter, vl_date *date)
{
    vl_date thursday = date_func_thursday(date);

    switch (letter) {
    case 'd':
        date_func_append(to, date->day, 2, '0');
        return 1;
    case 'e':
        date_func_append(to, date->day, 2, ' ');
        return 1;
    case 'F':
        date_func_append_year(to, date->year);
        date_func_append_month_day(to, date);
        return 1;
    case 'G':
        date_func_append_year(to, thursday.year);
        return 1;
    case 'g':
        date_func_append_as(to, "%02d", vl_value_of_integer(thursday.year % 100));
        return 1;
    case 'j':
        date_func_append(to, vl_date_yearday(date) + 1, 3, '0');
        return 1;
    case 'm':
        date_func_append(to, date->month, 2, '0');
        return 1;
    case 'u':
        date_func_append(to, (vl_date_weekday(date) + 6) % 7 + 1, 1, '0');
        return 1;
    case 'U':
        date_func_append(to, date_func_week(date, 0), 2, '0');
        return 1;
    case 'V':
        date_func_append(to, vl_date_yearday(&thursday) / 7 + 1, 2, '0');
        return 1;
    case 'w':
        date_func_append(to, vl_date_weekday(date), 1, '0');
        return 1;
    case 'W':
        date_func_append(to, date_func_week(date, 1), 2, '0');
        return 1;
    case 'Y':
        date_func_append_year(to, date->year);
        return 1;
    default:
        return 0;
    }
}

static void
date_func_append_minutes(vl_func_buffer *to, const vl_date *date)
{
    date_func_append(to, date->hour, 2, '0');
    vl_func_append_char(to, ':');
    date_func_append(to, date->minute, 2, '0');
}

static void
date_func_append_unix(vl_func_buffer *to, const vl_date *date)
{
    int64_t ms = date->ms - VL_DATE_UNIX_MS;

    if (date->is_subsecond)
        date_func_append_as(to, "%.3f", vl_value_of_real((double)ms / 1000.0));
    else
        date_func_append_as(to, "%d", vl_value_of_integer(date->ms / 1000 - VL_DATE_UNIX_S));
}

/* Append what a letter of strftime() says of the time of the day. Returns 0 when it says nothing.
 */
static int
date_func_format_time(vl_func_buffer *to, char letter, const vl_date *date)
{
    int hour12 = date->hour % 12 == 0 ? 12 : date->hour % 12;

    switch (letter) {
    case 'f':
        date_func_append_as(to, "%06.3f", vl_value_of_real(date->second));
        return 1;
    case 'H':
    case 'k':
        date_func_append(to, date->hour, 2, letter == 'H' ? '0' : ' ');
        return 1;
    case 'I':
    case 'l':
        date_func_append(to, hour12, 2, letter == 'I' ? '0' : ' ');
        return 1;
    case 'M':
        date_func_append(to, date->minute, 2, '0');
        return 1;
    case 'p':
        vl_func_append(to, date->hour >= 12 ? "PM" : "AM", 2);
        return 1;
    case 'P':
        vl_func_append(to, date->hour >= 12 ? "pm" : "am", 2);
        return 1;
    case 'R':
        date_func_append_minutes(to, date);
        return 1;
    case 'S':
        date_func_append(to, (int)date->second, 2, '0');
        return 1;
    case 'T':
        date_func_append_minutes(to, date);
        vl_func_append_char(to, ':');
        date_func_append(to, (int)date->second, 2, '0');
        return 1;
    default:
        return 0;
    }
}

/* Append what a letter of strftime() says. Returns 0 when it is none. */
static int
date_func_format(vl_func_buffer *to, char letter, vl_date *date)
{
    switch (letter) {
    case '%':
        vl_func_append_char(to, '%');
        return 1;
    case 'J':
        date_func_append_as(to, "%.16g",
                            vl_value_of_real((double)date->ms / (double)VL_DATE_DAY_MS));
        return 1;
    case 's':
        date_func_append_unix(to, date);
        return 1;
    default:
        return date_func_format_time(to, letter, date) || date_func_format_day(to, letter, date);
    }
}

static velo_status
date_func_strftime(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    char room[VL_NUMBER_TEXT_SIZE];
    vl_func_buffer buffer = {.arena = call->arena};
    vl_func_bytes format;
    vl_date date;
    int is_found;

    if (count == 0 || args[0].type == VL_TYPE_NULL)
        return VELO_OK;
    format = vl_func_text_of(&args[0], room);
    VL_TRY(vl_date_read(call, args + 1, count - 1, &date, &is_found));
    if (!is_found)
        return VELO_OK;
    vl_date_find_day(&date);
    vl_date_find_time(&date);
    while (format.at < format.end) {
        const unsigned char *percent = memchr(format.at, '%', (size_t)(format.end - format.at));

        if (percent == NULL) {
            vl_func_append(&buffer, format.at, (size_t)(format.end - format.at));
            break;
        }
        vl_func_append(&buffer, format.at, (size_t)(percent - format.at));
        if (percent + 1 == format.end || !date_func_format(&buffer, (char)percent[1], &date))
            return VELO_OK; /* keeps F1 */
        format.at = percent + 2;
    }
    return vl_func_buffer_end(call, &buffer, result);
}

/* The later of two moments as months and a rest behind the earlier: the most months that, added to
 * the day of `from`, do not pass `to` in the direction of `sign`. */
static int
date_func_count_months(const vl_date *from, const vl_date *to, int sign, int64_t *rest_ms)
{
    int months = sign * (12 * (to->year - from->year) + to->month - from->month);
    vl_date at;

    for (;; months--) {
        at = *from;
        vl_date_add_months(&at, sign * months);
        vl_date_find_ms(&at);
        *rest_ms = sign * (to->ms - at.ms);
        if (*rest_ms >= 0)
            return months;
    }
}

/* timediff(A, B): what to add to B to get A. */
static velo_status
date_func_timediff(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    vl_func_buffer buffer = {.arena = call->arena};
    vl_date to;
    vl_date from;
    vl_date rest = {.has_ms = 1};
    int is_found;
    int sign;
    int months;

    (void)count;
    VL_TRY(vl_date_read(call, &args[0], 1, &to, &is_found));
    if (!is_found)
        return VELO_OK;
    VL_TRY(vl_date_read(call, &args[1], 1, &from, &is_found));
    if (!is_found)
        return VELO_OK;
    vl_date_find_day(&to);
    vl_date_find_time(&to);
    vl_date_find_day(&from);
    vl_date_find_time(&from);
    sign = to.ms >= from.ms ? 1 : -1;
    months = date_func_count_months(&from, &to, sign, &rest.ms);
    rest.ms += DATE_YEAR_ZERO_MS;
    vl_date_find_day(&rest);
    vl_date_find_time(&rest);
    vl_func_append_char(&buffer, sign > 0 ? '+' : '-');
    date_func_append(&buffer, months / 12, 4, '0');
    rest.month = months % 12;
    rest.day--;
    date_func_append_month_day(&buffer, &rest);
    vl_func_append_char(&buffer, ' ');
    date_func_append_minutes(&buffer, &rest);
    vl_func_append_char(&buffer, ':');
    date_func_append_as(&buffer, "%06.3f", vl_value_of_real(rest.second));
    return vl_func_buffer_end(call, &buffer, result);
}

/* Functions of moments: failing, since 'now' is an error in some places. */
#define DATE_FLAGS   VL_FUNC_PURE_FAILING
#define DATE_CURRENT (VL_FUNC_STABLE | VL_FUNC_INNOCUOUS | VL_FUNC_FAILING)

static const vl_func date_funcs[] = {
    VL_FUNC_SCALAR("current_date", 0, 0, DATE_DAY, DATE_CURRENT, VL_FUNC_YIELDS_TEXT,
                   date_func_current),
    VL_FUNC_SCALAR("current_time", 0, 0, DATE_TIME, DATE_CURRENT, VL_FUNC_YIELDS_TEXT,
                   date_func_current),
    VL_FUNC_SCALAR("current_timestamp", 0, 0, DATE_DAY | DATE_TIME, DATE_CURRENT,
                   VL_FUNC_YIELDS_TEXT, date_func_current),
    VL_FUNC_SCALAR("date", 0, -1, DATE_DAY, DATE_FLAGS, VL_FUNC_MAYBE_TEXT, date_func_write),
    VL_FUNC_SCALAR("datetime", 0, -1, DATE_DAY | DATE_TIME, DATE_FLAGS, VL_FUNC_MAYBE_TEXT,
                   date_func_write),
    VL_FUNC_SCALAR("julianday", 0, -1, 0, DATE_FLAGS, VL_FUNC_MAYBE_REAL, date_func_julianday),
    VL_FUNC_SCALAR("strftime", 0, -1, 0, DATE_FLAGS, VL_FUNC_MAYBE_TEXT, date_func_strftime),
    VL_FUNC_SCALAR("time", 0, -1, DATE_TIME, DATE_FLAGS, VL_FUNC_MAYBE_TEXT, date_func_write),
    VL_FUNC_SCALAR("timediff", 2, 2, 0, DATE_FLAGS, VL_FUNC_MAYBE_TEXT, date_func_timediff),
    VL_FUNC_SCALAR("unixepoch", 0, -1, 0, DATE_FLAGS, VL_FUNC_MAYBE_NUMBER, date_func_unixepoch)};

const vl_func_table vl_func_dates = {date_funcs, VL_ARRAY_COUNT(date_funcs)};
