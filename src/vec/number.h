/* number.h - numbers as text: reading and writing them as SQLite does.
 *
 * All functions are pure, need no heap memory, do not depend on the locale, and may be called by
 * any thread. Text is any bytes; it need not end with a 0 byte. */
#ifndef VL_VEC_NUMBER_H
#define VL_VEC_NUMBER_H

#include "base/platform.h"
#include "base/type.h"

/* Room for any number as text, in bytes; no 0 byte is added. */
#define VL_NUMBER_TEXT_SIZE 32

/* What stands at the beginning of a text. */
typedef struct vl_number {
    vl_value value; /* INTEGER or REAL; INTEGER 0 when there is no number */
    int is_found;   /* whether the text begins with a number, perhaps after white space */
    int is_all;     /* whether nothing but white space follows it */
} vl_number;

/* Read the number that `text` begins with: white space, a sign, digits with at most one point, an
 * exponent. An exponent without digits is not part of the number. A number without point and
 * exponent that fits 64 bits is an INTEGER; everything else is a REAL: the nearest double (ties to
 * even), infinite where it is too large. Hexadecimal is not read. White space is ASCII's. */
vl_number vl_number_read(const void *text, size_t size);

/* The integer that `text` begins with, as CAST(text AS INTEGER) has it: point and exponent end it,
 * too large ones become the nearest of 64 bits, and no integer is 0. */
int64_t vl_number_read_integer(const void *text, size_t size);

/* Read all of `text` as a hexadecimal literal, "0x" and 1 to 16 significant digits, which give the
 * bits of *value. Returns 0, and *value 0, for anything else. */
int vl_number_read_hex(const void *text, size_t size, int64_t *value);

/* The integer nearest to zero beside `real`, or the nearest there is in 64 bits. Not for NaN. */
int64_t vl_number_truncate(double real);

/* Whether `real` is a whole number that 64 bits hold; *integer is then that number. */
int vl_number_is_integer(double real, int64_t *integer);

/* Write a number to `to`, which has room for VL_NUMBER_TEXT_SIZE bytes. Returns the size in bytes.
 *
 * A real has up to 17 digits and always a point: "1.0", "1.0e+20", "Inf", "0.0" for both zeros. The
 * digits are those of digits.h: rounded up from 5, fewer where fewer give the same double and look
 * likely: 0.1. Not for NaN. */
size_t vl_number_write_integer(int64_t integer, char *to);
size_t vl_number_write_real(double real, char *to);

#endif
