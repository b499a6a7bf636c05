/* digits.h - the decimal digits of a double, as SQLite 3.53 takes them.
 *
 * SQLite does not round a double to the digits that are asked for, but in two steps: first to an
 * integer of 17 or 18 digits, then that to what is asked. The first step has one digit more where
 * the power of two below the number has another power of ten below it than the number itself (0.1,
 * but not 0.3). Pure, no heap memory, no locale, any thread. */
#ifndef VL_VEC_DIGITS_H
#define VL_VEC_DIGITS_H

#include "base/platform.h"

/* Most digits of a double that are told apart. */
#define VL_DIGITS_MAX 19

/* For `most` below: all that there are. */
#define VL_DIGITS_ALL 26

/* The number 0.DDD * 10^point. */
typedef struct vl_digits {
    char text[VL_DIGITS_MAX + 1]; /* digits, the first and the last not 0; no end */
    int count;                    /* how many; 0 for zero */
    int point;                    /* digits before the point; negative for zeros behind it */
} vl_digits;

/* Find the digits of a real that is positive and finite, or zero, whose point is then 1.
 *
 * round  where to round, 5 up: above 0 a count of digits, else -round digits behind the point. At
 *        17 digits the number is shortened where fewer give the same double (0.1)
 * most   digits at most, whatever `round` says */
void vl_digits_find(double magnitude, int round, int most, vl_digits *digits);

#endif
