/* schema.h - dot commands that show what a database holds. */
#ifndef VELO_SHELL_SCHEMA_H
#define VELO_SHELL_SCHEMA_H

#include "shell.h"
#include "text.h"

/* Names of tables and views, or of indexes, in columns; with a pattern of LIKE: of the tables and
 * views themselves, of the indexes' tables. NULL for all. */
int schema_print_tables(shell *of, const char *pattern);
int schema_print_indexes(shell *of, const char *pattern);

/* The CREATE statements of all that belongs to tables, or those that match a pattern. */
int schema_print_sql(shell *of, const char *pattern);

/* All CREATE statements, and the rows of sqlite_stat1 as INSERT statements. */
int schema_print_full(shell *of);

/* The databases that are open: names and files. */
int schema_print_databases(shell *of);

/* A CREATE statement on a line of its own with what ends it, written so that it also runs where a
 * table with a quoted name is there already, as SQLite's shell does. */
void schema_add_line(text *to, const char *sql, const char *end);

#endif
