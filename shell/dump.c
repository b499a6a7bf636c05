/* dump.c - a database as SQL text.
 *
 * Invariants
 *   D1  Every value is written so that it is read back as it is: reals as the shortest exact text,
 *       texts with zero bytes and blobs as hexadecimal digits.
 *   D2  Text that ends early, because of an error, ends with ROLLBACK. */
#include "dump.h"
#include "memory.h"
#include "mode.h"
#include "quote.h"
#include "run.h"
#include "schema.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

/* A dump under way. */
typedef struct dump {
    shell *of;       /* where it goes */
    int has_failed;  /* something could not be read */
    text columns;    /* of the table at hand: what to select */
    text conditions; /* which names are wanted, as a term of WHERE */
} dump;

/* The columns that an INSERT gives: all but those that are computed. */
static int
dump_take_column(void *user, velo_statement *statement)
{
    dump *state = user;
    const char *name = velo_column_text(statement, 1);

    if (name == NULL)
        return 0;
    text_add_string(&state->columns, state->columns.size == 0 ? "" : ",");
    quote_name(&state->columns, name);
    return 0;
}

/* Write the rows of a table as INSERT statements. */
static void
dump_write_rows(dump *state, const char *table)
{
    shell *of = state->of;
    mode_settings settings = {0};
    velo_statement *statement = NULL;
    velo_status status;
    text sql = {0};

    text_clear(&state->columns);
    text_add_string(&sql, "PRAGMA table_info(");
    quote_name(&sql, table);
    text_add_char(&sql, ')');
    state->has_failed |= run_query(of, text_string(&sql), NULL, dump_take_column, state);
    text_clear(&sql);
    text_add_format(&sql, "SELECT %s FROM ",
                    state->columns.size == 0 ? "*" : text_string(&state->columns));
    quote_name(&sql, table);
    settings.kind = MODE_INSERT;
    settings.table = table;
    status = velo_prepare(of->connection, text_string(&sql), -1, &statement, NULL);
    if (status == VELO_OK) {
        size_t count = (size_t)velo_column_count(statement);
        const char **names = memory_take(count * sizeof *names);
        mode_value *values = memory_take(count * sizeof *values);
        mode_printer *printer;

        for (size_t i = 0; i < count; i++)
            names[i] = "";
        printer = mode_begin(&settings, count, names, shell_write, of);
        while ((status = velo_step(statement)) == VELO_ROW) {
            run_read_row(statement, values);
            mode_row(printer, values);
        }
        mode_end(printer);
        free(values);
        free(names);
    }
    if (status != VELO_DONE) {
        shell_print(of, "/**** ERROR: (%d) %s *****/\n", (int)status & 0xff,
                    velo_error_text(of->connection));
        state->has_failed |=
            shell_fail(of, "Error: table %s: %s\n", table, velo_error_text(of->connection));
    }
    (void)velo_finalize(statement);
    text_free(&sql);
}

static int
dump_take_table(void *user, velo_statement *statement)
{
    dump *state = user;
    const char *name = velo_column_text(statement, 0);
    const char *sql = velo_column_text(statement, 1);
    text line = {0};

    if (name == NULL || sql == NULL)
        return 0;
    if (strcmp(name, "sqlite_sequence") == 0)
        text_add_string(&line, "DELETE FROM sqlite_sequence;\n");
    else if (strncmp(name, "sqlite_stat", 11) == 0)
        text_add_string(&line, "ANALYZE sqlite_schema;\n");
    else if (strncmp(name, "sqlite_", 7) != 0)
        schema_add_line(&line, sql, ";\n");
    if (line.size != 0) {
        shell_write(state->of, line.data, line.size);
        dump_write_rows(state, name);
    }
    text_free(&line);
    return 0;
}

static int
dump_take_other(void *user, velo_statement *statement)
{
    dump *state = user;
    const char *sql = velo_column_text(statement, 0);

    if (sql != NULL)
        shell_print(state->of, "%s;\n", sql);
    return 0;
}

static void
dump_add_conditions(text *to, char *const *patterns, size_t count)
{
    text_add_string(to, count == 0 ? "1" : "(");
    for (size_t i = 0; i < count; i++) {
        text_add_string(to, i == 0 ? "tbl_name LIKE " : " OR tbl_name LIKE ");
        quote_sql_text(to, patterns[i], strlen(patterns[i]));
    }
    text_add_string(to, count == 0 ? "" : ")");
}

static void
dump_write_all(dump *state)
{
    text sql = {0};

    text_add_format(&sql,
                    "SELECT name, sql FROM sqlite_schema WHERE type='table' AND sql IS NOT NULL "
                    "AND %s ORDER BY tbl_name='sqlite_sequence', rowid",
                    text_string(&state->conditions));
    state->has_failed |= run_query(state->of, text_string(&sql), NULL, dump_take_table, state);
    text_clear(&sql);
    text_add_format(&sql,
                    "SELECT sql FROM sqlite_schema WHERE type IN ('index','trigger','view') "
                    "AND sql IS NOT NULL AND %s ORDER BY rowid",
                    text_string(&state->conditions));
    state->has_failed |= run_query(state->of, text_string(&sql), NULL, dump_take_other, state);
    text_free(&sql);
}

int
dump_write(shell *of, char *const *patterns, size_t count)
{
    dump state = {of, 0, {0}, {0}};
    int is_ours;

    if (shell_connect(of))
        return 1;
    is_ours = !velo_in_transaction(of->connection);
    if (is_ours && run_query(of, "BEGIN", NULL, NULL, NULL))
        return 1;
    shell_print(of, "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n");
    dump_add_conditions(&state.conditions, patterns, count);
    dump_write_all(&state);
    shell_print(of, state.has_failed ? "ROLLBACK; -- due to errors\n" : "COMMIT;\n");
    if (is_ours)
        state.has_failed |= run_query(of, "COMMIT", NULL, NULL, NULL);
    text_free(&state.columns);
    text_free(&state.conditions);
    return state.has_failed;
}
