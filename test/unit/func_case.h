/* func_case.h - calls of SQL functions and what they should give, as tables of texts.
 *
 * A value is written as a letter and its content: "i5" an integer, "r1.5" a real, "tabc" text,
 * "babc" a blob, "n" NULL; "X..." and "Y..." are text and blobs in hexadecimal. An expected error
 * is
 * "!" and its message. */
#ifndef VL_TEST_FUNC_CASE_H
#define VL_TEST_FUNC_CASE_H

#include "func/registry.h"

#define FUNC_CASE_ARGS 6

typedef struct func_case {
    const char *name;                 /* of the function */
    const char *args[FUNC_CASE_ARGS]; /* up to the first NULL */
    const char *result;               /* what it should give */
} func_case;

/* What functions may ask for in tests: counters 11, 22 and 33; the time 2024-02-29 12:34:56.789;
 * random bytes 0x80 0x81 ...; a zone two hours east of UTC, three in months 4 to 9. */
extern const vl_func_environment func_case_environment;

/* Read a value; its bytes, if any, are a block of exactly their size, to be freed with
 * func_case_free. */
vl_value func_case_value(const char *text);
void func_case_free(vl_value *value);

/* A value as text; valid until the next call. */
const char *func_case_text(const vl_value *value);

/* Whether two texts are of one value: reals may be written in more than one way. */
int func_case_is_same(const char *text, const char *wanted);

/* Call a function of the environment above in ctx, with results in `arena`. */
velo_status func_case_call(vl_ctx *ctx, vl_arena *arena, const char *name, const vl_value *args,
                           int count, vl_collation collation, vl_value *result);

/* Check all cases, and that no result is of a class that the function does not promise. */
void func_case_check(const func_case *cases, size_t count, vl_collation collation);

/* Check that each case meets failures of memory well: those whose result is no error. Fails when
 * none was met in all of them. */
void func_case_check_memory(const func_case *cases, size_t count);

#endif
