/* date_int.h - moments, as the date and time functions work on them. */
#ifndef VL_FUNC_DATE_INT_H
#define VL_FUNC_DATE_INT_H

#include "func/func_int.h"

#define VL_DATE_DAY_MS    INT64_C(86400000)
#define VL_DATE_HOUR_MS   INT64_C(3600000)
#define VL_DATE_MINUTE_MS INT64_C(60000)

/* 1970-01-01 00:00 in milliseconds and seconds since Julian day 0. */
#define VL_DATE_UNIX_MS INT64_C(210866760000000)
#define VL_DATE_UNIX_S  INT64_C(210866760000)

/* One past the last moment of the year 9999. */
#define VL_DATE_END_MS INT64_C(464269060800000)

/* A moment. It is known in up to three ways, each of which can be found from the others: as
 * milliseconds, as a day of the calendar (Gregorian also before 1582), as a time of the day. What
 * is not known is 2000-01-01 and 00:00. */
typedef struct vl_date {
    int has_ms;       /* `ms` counts */
    int has_day;      /* `year`, `month`, `day` count; they may be beyond the month's end */
    int has_time;     /* `hour`, `minute`, `second`, `zone_min` count */
    int is_raw;       /* it was a number, `raw`, whose meaning a modifier may change */
    int is_bad;       /* it left the years -4713 to 9999, and stays bad */
    int is_subsecond; /* 'subsec': results show milliseconds */
    int is_utc;       /* known to be UTC */
    int is_local;     /* known to be local time */
    int64_t ms;       /* since noon of -4713-11-24 */
    int year;
    int month; /* 1 to 12 */
    int day;   /* 1 to 31 */
    int hour;
    int minute;
    double second;
    int zone_min;    /* minutes east of UTC that day and time are written for */
    int excess_days; /* days that `day` was behind its month's end */
    double raw;
} vl_date;

/* Find the milliseconds, or the day, or the time of the day, where they are not known. */
void vl_date_find_ms(vl_date *date);
void vl_date_find_day(vl_date *date);
void vl_date_find_time(vl_date *date);

/* Forget all but the milliseconds. */
void vl_date_keep_ms(vl_date *date);

/* Note how far the day is behind its month's end. */
void vl_date_find_excess(vl_date *date);

/* Add months to the day, and note the excess; the milliseconds are forgotten. */
void vl_date_add_months(vl_date *date, int months);

/* Day of the week, 0 for Sunday, and day of the year, from 0. */
int vl_date_weekday(vl_date *date);
int vl_date_yearday(vl_date *date);

/* Whether the milliseconds are between the years -4713 and 9999. */
static inline int
vl_date_is_valid(int64_t ms)
{
    return ms >= 0 && ms < VL_DATE_END_MS;
}

/* Read a moment and its modifiers. Without arguments it is the present. *is_found is 0 for what is
 * no moment.
 *
 * errors  VELO_ERROR where what is not deterministic may not stand, or local time is unknown; those
 *         of the environment */
velo_status vl_date_read(vl_func_call *call, const vl_value *args, int count, vl_date *date,
                         int *is_found) VL_MUST_CHECK;

/* Apply one modifier, number `index` from 1. errors  as above */
velo_status vl_date_modify(vl_func_call *call, vl_func_bytes text, int index, vl_date *date,
                           int *is_found) VL_MUST_CHECK;

/* Make the date the present. errors  as above */
velo_status vl_date_now(vl_func_call *call, vl_date *date) VL_MUST_CHECK;

/* Take HH:MM, HH:MM:SS or HH:MM:SS.FFF and perhaps a zone, up to the end. Returns 0 when it is
 * anything else. */
int vl_date_parse_time(vl_func_bytes text, vl_date *date);

/* Take exactly `count` digits between `least` and `most`. Returns 0, and takes nothing, for
 * anything else. */
int vl_date_take_digits(vl_func_bytes *text, int count, int least, int most, int *value);

/* Take one byte; returns 0 when the next is another. */
int vl_date_take(vl_func_bytes *text, char c);

/* Whether the text is the word, in either case. */
int vl_date_is_word(vl_func_bytes text, const char *word);

/* White space of ASCII. */
static inline int
vl_date_is_space(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Pass over white space. */
static inline void
vl_date_skip_spaces(vl_func_bytes *text)
{
    while (text->at < text->end && vl_date_is_space(*text->at))
        text->at++;
}

/* Whether something that is not deterministic may be used here.
 * errors  VELO_ERROR "non-deterministic use of F() in an index" */
velo_status vl_date_allow_impure(vl_func_call *call) VL_MUST_CHECK;

#endif
