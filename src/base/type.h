/* type.h - storage classes and single values.
 *
 * SQLite types values, not columns: each value carries one of five storage classes. The numbers of
 * the classes are those of SQLite's C interface. */
#ifndef VL_BASE_TYPE_H
#define VL_BASE_TYPE_H

#include "base/platform.h"

typedef enum VL_PACKED vl_type {
    VL_TYPE_INTEGER = 1, /* 64-bit signed */
    VL_TYPE_REAL = 2,    /* IEEE 754 double; never NaN, which is NULL */
    VL_TYPE_TEXT = 3,    /* bytes meant as UTF-8, any content, zeros included */
    VL_TYPE_BLOB = 4,    /* bytes */
    VL_TYPE_NULL = 5     /* no value */
} vl_type;

/* One value. Name what you initialize: there may be more in it. Text and blobs are borrowed:
 * whoever passes the value says how long they live. */
typedef struct vl_value {
    vl_type type;    /* which of the following holds */
    uint8_t is_json; /* TEXT: a JSON function made it, and others take it for JSON, not for a text:
                        SQLite's subtype 'J'. Files and sorted rows forget it */
    uint8_t subtype; /* a number that a function of the application has put beside its result, for
                        another that has it as its argument; 0: none. It means something only where
                        is_json may; read in calls alone, since what makes values may leave it */
    uint32_t size;   /* TEXT, BLOB: bytes; else 0 */
    union {
        int64_t integer;  /* INTEGER */
        double real;      /* REAL */
        const void *data; /* TEXT, BLOB: `size` bytes; may be NULL when size is 0 */
    } as;
} vl_value;

/* vl_value.subtype of a NULL in a row of a virtual table: UPDATE does not change the column, and
 * the module has left out what it holds. It passes through rows that wait to be changed. */
#define VL_SUBTYPE_UNCHANGED 0xffU

_Static_assert(sizeof(vl_value) == 16, "vectors are arrays of values");

/* What a column or expression prefers. The order matters to SQL's rules: NUMERIC and above are the
 * numeric ones. */
typedef enum vl_affinity {
    VL_AFFINITY_NONE, /* an expression without affinity */
    VL_AFFINITY_BLOB, /* takes all as it is */
    VL_AFFINITY_TEXT,
    VL_AFFINITY_NUMERIC,
    VL_AFFINITY_INTEGER,
    VL_AFFINITY_REAL
} vl_affinity;

/* Collations of text, by number: those of the engine, and the application's (collation.h). */
typedef uint8_t vl_collation;

enum {
    VL_COLLATE_BINARY, /* by bytes */
    VL_COLLATE_NOCASE, /* by bytes, with A-Z of ASCII as a-z */
    VL_COLLATE_RTRIM,  /* by bytes, without spaces (0x20) at the end */
    VL_COLLATE_USER    /* this and above: the application's */
};

#endif
