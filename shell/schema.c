/* schema.c - dot commands that show what a database holds. */
#define _GNU_SOURCE
#include "schema.h"
#include "complete.h"
#include "memory.h"
#include "quote.h"
#include "run.h"
#include "width.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SCHEMA_SCREEN 80U /* columns that names are shown in */

void
schema_add_line(text *to, const char *sql, const char *end)
{
    static const char create[] = "CREATE TABLE ";
    size_t size = sizeof create - 1;

    if (strncmp(sql, create, size) == 0 && (sql[size] == '"' || sql[size] == '\'')) {
        text_add_string(to, "CREATE TABLE IF NOT EXISTS ");
        sql += size;
    }
    text_add_string(to, sql);
    text_add_string(to, end);
}

static int
schema_take_name(void *user, velo_statement *statement)
{
    const char *name = velo_column_text(statement, 0);

    if (name != NULL)
        complete_add(user, name, strlen(name));
    return 0;
}

/* Print names in columns, sorted from top to bottom. */
static void
schema_print_names(shell *of, complete_list *names)
{
    size_t width = 0;
    size_t columns;
    size_t lines;
    text line = {0};

    complete_sort(names);
    for (size_t i = 0; i < names->count; i++) {
        size_t own = width_of(names->words[i], strlen(names->words[i]));

        width = own > width ? own : width;
    }
    columns = SCHEMA_SCREEN / (width + 2) == 0 ? 1 : SCHEMA_SCREEN / (width + 2);
    lines = (names->count + columns - 1) / columns;
    for (size_t i = 0; i < lines; i++) {
        for (size_t at = i; at < names->count; at += lines) {
            const char *name = names->words[at];

            text_add_string(&line, at == i ? "" : "  ");
            text_add_string(&line, name);
            text_add_repeated(&line, " ", width - width_of(name, strlen(name)));
        }
        text_add_char(&line, '\n');
    }
    shell_write(of, line.data == NULL ? "" : line.data, line.size);
    text_free(&line);
}

static int
schema_print_query(shell *of, const char *sql, const char *pattern)
{
    complete_list names = {0};
    int has_failed = run_query(of, sql, pattern, schema_take_name, &names);

    if (!has_failed)
        schema_print_names(of, &names);
    complete_free(&names);
    return has_failed;
}

int
schema_print_tables(shell *of, const char *pattern)
{
    return schema_print_query(of,
                              "SELECT name FROM sqlite_schema WHERE type IN ('table','view') "
                              "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name LIKE ?1",
                              pattern == NULL ? "%" : pattern);
}

int
schema_print_indexes(shell *of, const char *pattern)
{
    return schema_print_query(
        of, "SELECT name FROM sqlite_schema WHERE type='index' AND tbl_name LIKE ?1",
        pattern == NULL ? "%" : pattern);
}

/* ---- .schema ---- */

/* A comment with a view's columns, as far as the view can be used. */
static void
schema_add_columns(shell *of, text *to, const char *view)
{
    velo_statement *statement = NULL;
    text sql = {0};

    text_add_string(&sql, "SELECT * FROM ");
    quote_name(&sql, view);
    if (velo_prepare(of->connection, text_string(&sql), -1, &statement, NULL) == VELO_OK) {
        text_add_string(to, "\n/* ");
        quote_name(to, view);
        for (int i = 0; i < velo_column_count(statement); i++) {
            text_add_char(to, i == 0 ? '(' : ',');
            quote_name(to, velo_column_name(statement, i));
        }
        text_add_string(to, ") */");
    }
    (void)velo_finalize(statement);
    text_free(&sql);
}

static int
schema_take_sql(void *user, velo_statement *statement)
{
    shell *of = user;
    const char *sql = velo_column_text(statement, 0);
    text line = {0};

    if (sql == NULL)
        return 0;
    schema_add_line(&line, sql, "");
    if (strcmp(velo_column_text(statement, 1), "view") == 0)
        schema_add_columns(of, &line, velo_column_text(statement, 2));
    text_add_string(&line, ";\n");
    shell_write(of, line.data, line.size);
    text_free(&line);
    return 0;
}

int
schema_print_sql(shell *of, const char *pattern)
{
    static const char itself[] = "CREATE TABLE sqlite_schema (\n  type text,\n  name text,\n"
                                 "  tbl_name text,\n  rootpage integer,\n  sql text\n);\n";

    if (pattern != NULL &&
        (strcasecmp(pattern, "sqlite_schema") == 0 || strcasecmp(pattern, "sqlite_master") == 0)) {
        shell_write(of, itself, sizeof itself - 1);
        return 0;
    }
    return run_query(of,
                     "SELECT sql, type, name FROM sqlite_schema "
                     "WHERE sql IS NOT NULL AND tbl_name LIKE ?1 ORDER BY rowid",
                     pattern == NULL ? "%" : pattern, schema_take_sql, of);
}

/* ---- .fullschema ---- */

static int
schema_take_line(void *user, velo_statement *statement)
{
    const char *line = velo_column_text(statement, 0);

    shell_print(user, "%s\n", line == NULL ? "" : line);
    return 0;
}

static int
schema_take_count(void *user, velo_statement *statement)
{
    *(int64_t *)user = velo_column_int64(statement, 0);
    return 0;
}

int
schema_print_full(shell *of)
{
    int64_t count = 0;

    if (schema_print_sql(of, NULL) ||
        run_query(of, "SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_stat1'", NULL,
                  schema_take_count, &count))
        return 1;
    if (count == 0) {
        shell_print(of, "/* No STAT tables available */\n");
        return 0;
    }
    shell_print(of, "ANALYZE sqlite_schema;\n");
    if (run_query(of,
                  "SELECT 'INSERT INTO sqlite_stat1 VALUES(' || quote(tbl) || ',' || quote(idx) || "
                  "',' || quote(stat) || ');' FROM sqlite_stat1",
                  NULL, schema_take_line, of))
        return 1;
    shell_print(of, "ANALYZE sqlite_schema;\n");
    return 0;
}

/* ---- .databases ---- */

static int
schema_take_database(void *user, velo_statement *statement)
{
    shell *of = user;
    const char *name = velo_column_text(statement, 1);
    const char *path = velo_column_text(statement, 2);

    shell_print(of, "%s: %s %s\n", name == NULL ? "" : name,
                path == NULL || path[0] == '\0' ? "\"\"" : path, of->is_read_only ? "r/o" : "r/w");
    return 0;
}

int
schema_print_databases(shell *of)
{
    return run_query(of, "PRAGMA database_list", NULL, schema_take_database, of);
}
