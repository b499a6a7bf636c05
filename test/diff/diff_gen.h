/* diff_gen.h - random SQL scripts, for comparing two engines.
 *
 * A script depends on its seed only. It avoids what SQL leaves open, and what docs/sql.md lists as
 * different: bare columns of groups, LIMIT without an order of all columns, sums of reals with
 * infinities, changes whose result depends on the order in which rows are found, subqueries of a
 * change that read the changed table. */
#ifndef VL_TEST_DIFF_GEN_H
#define VL_TEST_DIFF_GEN_H

#include "base/platform.h"

#include <stddef.h>

/* How an answer is compared, beside its code and its rows as a multiset. */
#define DIFF_ORDERED 1U /* its rows come in an order; what is equal may change places */
#define DIFF_LOOSE   2U /* 1 is 1.0, 'A' is 'a' */
#define DIFF_CHANGES 4U /* afterwards the tables are compared */

typedef struct diff_statement {
    char *sql;      /* on the heap */
    unsigned flags; /* DIFF_... */
} diff_statement;

typedef struct diff_script {
    diff_statement *list;
    size_t count;
    char **probes; /* SELECTs that give all of a table */
    size_t table_count;
} diff_script;

/* Make a script; fails the process when there is no memory. */
void diff_script_make(uint64_t seed, diff_script *script);

void diff_script_free(diff_script *script);

#endif
