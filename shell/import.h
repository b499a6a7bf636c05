/* import.h - reading a file of separated values into a table. */
#ifndef VELO_SHELL_IMPORT_H
#define VELO_SHELL_IMPORT_H

#include "shell.h"

typedef struct import_options {
    const char *path;  /* of the file; "|command" for what a command writes */
    const char *table; /* where rows go; made when it does not exist */
    char separator;    /* between fields */
    unsigned skip;     /* records at the beginning that are left out */
    int is_verbose;    /* say how many rows there were, and how many errors */
    int stops;         /* the first record that is bad in any way ends the import */
    int takes_bytes;   /* texts need not be UTF-8 */
} import_options;

/* Read the records of a file into a table, in one transaction, or in a savepoint of that which is
 * open.
 *
 * A table that does not exist is made: with the names of the first record where it looks like names
 * (csv_is_header), else c1, c2, ...; columns that hold only numbers in all of the file become
 * INTEGER or REAL, and their empty fields NULL; all others TEXT. What a command writes is read once
 * only, so all its columns are TEXT and its first record is the names. A name that is there already
 * gets a number behind, which is said.
 *
 * Generated columns are computed: records have no fields for them.
 *
 * Records with too few fields get NULLs, with too many lose the rest; both are said, as are bad
 * records (quotes, what is no UTF-8) and rows that a constraint refuses, which are left out; or, if
 * `stops`, end the import. An import that ends so, by Ctrl-C or by another error leaves nothing,
 * also in a transaction of the user's. Returns 1 when nothing could be read, the transaction
 * failed, or records were left out. */
int import_run(shell *of, const import_options *options);

#endif
