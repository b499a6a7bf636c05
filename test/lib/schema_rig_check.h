/* schema_rig_check.h - tables of statements and what they lead to, for unit tests. */
#ifndef VL_TEST_SCHEMA_RIG_CHECK_H
#define VL_TEST_SCHEMA_RIG_CHECK_H

#include "lib/schema_rig.h"

/* Statements, and what is told after them, or their error. */
typedef struct schema_rig_pair {
    const char *sql;
    const char *wanted;
} schema_rig_pair;

/* What is told of a rig. */
typedef void schema_rig_tell(const schema_rig *rig, char *text, size_t size);

/* The rows of "main", of "temp". */
schema_rig_tell schema_rig_tell_main;
schema_rig_tell schema_rig_tell_temp;

/* Run the statements of each pair in a rig of its own, with foreign keys, and note as failed checks
 * of the running test what is not as wanted. */
void schema_rig_check(const schema_rig_pair *pairs, size_t count, schema_rig_tell *tell);

#endif
