/* demo.h - a data set of a shop, made of seeded random numbers, and queries that tell about it. */
#ifndef VELO_SHELL_DEMO_H
#define VELO_SHELL_DEMO_H

#include "shell.h"

#include <stdint.h>

/* Orders of the full data set, which has about 200,000 rows in all. */
#define DEMO_ORDERS 50000

/* Make the tables customers, products, orders and order_lines in the shell's database, in one
 * transaction, and print how long it took. The same number gives the same content on any machine.
 * Where there is a table named orders already, nothing is made. */
int demo_make(shell *of, int64_t order_count);

/* Run queries on them, each shown before its result, with its time behind. */
int demo_ask(shell *of);

/* Both. */
int demo_run(shell *of, int64_t order_count);

#endif
