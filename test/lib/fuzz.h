/* fuzz.h - what a fuzz target offers, and its check.
 *
 * Each target defines LLVMFuzzerTestOneInput. The fuzz preset links it with libFuzzer; every other
 * build links it with fuzz_replay.c, which runs it over the files of its corpus. */
#ifndef VL_TEST_FUZZ_H
#define VL_TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Run the target on one input; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stop with a message: the input is then a finding. */
#define FUZZ_CHECK(condition)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "FAIL %s:%d: %s\n", __FILE__, __LINE__, #condition);             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
