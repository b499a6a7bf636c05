/* run.c - running SQL in the shell.
 *
 * Invariants
 *   R1  Every statement that was prepared is finalized, whatever happens, before the next one of
 * the text is prepared. R2  The error of a connection is read before anything else is asked of it.
 */
#define _GNU_SOURCE
#include "run.h"
#include "interrupt.h"
#include "memory.h"
#include "parameter.h"
#include "plan.h"
#include "stats.h"
#include "width.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define RUN_CONTEXT_BEFORE 50 /* bytes of a statement shown before an error, at most */
#define RUN_CONTEXT_BYTES  78 /* and of all that is shown */
#define RUN_CONTEXT_LEFT   25 /* columns from which on the arrow's words stand before it */

/* ---- errors ---- */

void
run_add_context(text *to, const char *sql, int offset)
{
    size_t at = offset < 0 ? 0 : (size_t)offset;
    size_t size = strlen(sql);
    size_t before;

    if (offset < 0 || at >= size)
        return;
    while (at > RUN_CONTEXT_BEFORE) {
        do {
            sql++;
            at--;
            size--;
        } while ((*sql & 0xc0) == 0x80);
    }
    if (size > RUN_CONTEXT_BYTES) {
        size = RUN_CONTEXT_BYTES;
        while (size > 0 && (sql[size] & 0xc0) == 0x80)
            size--;
    }
    text_add_string(to, "\n  ");
    for (size_t i = 0; i < size; i++)
        text_add_char(to, (char)(isspace((unsigned char)sql[i]) ? ' ' : sql[i]));
    text_add_string(to, "\n  ");
    before = width_of(sql, at);
    for (size_t i = 0; i < at; i++) /* shown as a space, though no column of its own */
        before += isspace((unsigned char)sql[i]) && sql[i] != ' ';
    if (before < RUN_CONTEXT_LEFT) {
        text_add_repeated(to, " ", before);
        text_add_string(to, "^--- error here");
    } else {
        text_add_repeated(to, " ", before - 14);
        text_add_string(to, "error here ---^");
    }
}

/* Say an error of the connection. `sql` is the statement that could not be prepared, or NULL when
 * stepping failed. */
static int
run_say_error(shell *of, velo_status status, const char *sql, run_source source, uint64_t line)
{
    velo_connection *connection = of->connection;
    int code = (int)status & 0xff;
    text message = {0};

    if (source == RUN_ARGUMENT)
        text_add_string(&message, sql != NULL ? "Error: in prepare, " : "Error: stepping, ");
    else
        text_add_string(&message, sql != NULL ? "Parse error" : "Runtime error");
    if (source == RUN_SCRIPT)
        text_add_format(&message, " near line %llu", (unsigned long long)line);
    if (source != RUN_ARGUMENT)
        text_add_string(&message, ": ");
    text_add_string(&message, code == VELO_INTERRUPT ? "interrupted" : velo_error_text(connection));
    if (code != VELO_ERROR)
        text_add_format(&message, " (%d)", code);
    if (sql != NULL)
        run_add_context(&message, sql, velo_error_offset(connection));
    if (sql != NULL && velo_error_suggestion(connection) != NULL)
        text_add_format(&message, "\n  did you mean \"%s\"?", velo_error_suggestion(connection));
    (void)shell_fail(of, "%s\n", text_string(&message));
    text_free(&message);
    return 1;
}

/* ---- results ---- */

void
run_read_row(velo_statement *statement, mode_value *values)
{
    int count = velo_column_count(statement);

    for (int i = 0; i < count; i++) {
        mode_value *value = &values[i];

        *value = (mode_value){velo_column_type(statement, i), NULL, 0, 0.0};
        if (value->type == VELO_NULL)
            continue;
        if (value->type == VELO_REAL)
            value->real = velo_column_double(statement, i);
        value->data = value->type == VELO_BLOB ? velo_column_blob(statement, i)
                                               : velo_column_text(statement, i);
        if (value->data == NULL && value->type != VELO_BLOB)
            memory_fail(); /* the only reason */
        value->size = value->data == NULL ? 0 : (size_t)velo_column_bytes(statement, i);
    }
}

/* A step, unless Ctrl-C was pressed when no statement was at work that it could stop. */
static velo_status
run_step(velo_statement *statement)
{
    return interrupt_count() > 0 ? VELO_INTERRUPT : velo_step(statement);
}

/* Step through a statement and print its rows. Returns how the last step ended. */
static velo_status
run_print_rows(shell *of, velo_statement *statement)
{
    size_t count = (size_t)velo_column_count(statement);
    velo_status status = run_step(statement);
    const char **names;
    mode_value *values;
    mode_printer *printer;

    if (status != VELO_ROW)
        return status;
    names = memory_take(count * sizeof *names);
    values = memory_take(count * sizeof *values);
    for (size_t i = 0; i < count; i++)
        names[i] = velo_column_name(statement, (int)i);
    printer = mode_begin(&of->settings, count, names, shell_write, of);
    while (status == VELO_ROW) {
        run_read_row(statement, values);
        mode_row(printer, values);
        status = run_step(statement);
    }
    mode_end(printer);
    free(values);
    free(names);
    return status;
}

/* ---- time ---- */

typedef struct run_time {
    struct timespec wall; /* a clock that never goes back */
    struct rusage usage;  /* of the process */
} run_time;

static void
run_take_time(run_time *now)
{
    (void)clock_gettime(CLOCK_MONOTONIC, &now->wall);
    (void)getrusage(RUSAGE_SELF, &now->usage);
}

static double
run_seconds(struct timeval from, struct timeval to)
{
    return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_usec - from.tv_usec) / 1e6;
}

static void
run_print_time(shell *of, const run_time *begin)
{
    run_time end;

    run_take_time(&end);
    shell_print(of, "Run Time: real %.3f user %.6f sys %.6f\n",
                (double)(end.wall.tv_sec - begin->wall.tv_sec) +
                    (double)(end.wall.tv_nsec - begin->wall.tv_nsec) / 1e9,
                run_seconds(begin->usage.ru_utime, end.usage.ru_utime),
                run_seconds(begin->usage.ru_stime, end.usage.ru_stime));
}

/* ---- statements ---- */

static const char *
run_skip_space(const char *sql)
{
    while (isspace((unsigned char)*sql))
        sql++;
    return sql;
}

/* Print the plan of a statement, if it has one. */
static void
run_show_plan(shell *of, const velo_statement *statement)
{
    velo_statement *explain = NULL;
    text sql = {0};

    text_add_format(&sql, "EXPLAIN QUERY PLAN %s", velo_statement_sql(statement));
    if (velo_prepare(of->connection, text_string(&sql), -1, &explain, NULL) == VELO_OK)
        (void)plan_print(of, explain);
    (void)velo_finalize(explain);
    text_free(&sql);
}

/* Run a statement that was prepared, and finalize it. */
static int
run_statement(shell *of, velo_statement *statement, run_source source, uint64_t line)
{
    velo_status status;
    run_time begin;
    int has_failed;

    if (of->shows_plans && velo_statement_get_explain(statement) == VELO_EXPLAIN_NONE)
        run_show_plan(of, statement);
    run_take_time(&begin);
    status = parameter_bind(of, statement);
    if (status == VELO_OK && plan_is_asked(statement))
        status = plan_print(of, statement);
    else if (status == VELO_OK)
        status = run_print_rows(of, statement);
    has_failed = status != VELO_DONE && run_say_error(of, status, NULL, source, line);
    if (of->shows_numbers)
        (void)stats_print(of, statement);
    (void)velo_finalize(statement); /* tells the last step's error again */
    if (of->times)
        run_print_time(of, &begin);
    return has_failed;
}

int
run_sql(shell *of, const char *sql, run_source source, uint64_t line)
{
    if (shell_connect(of))
        return 1;
    if (of->echoes)
        shell_print(of, "%s\n", sql);
    sql = run_skip_space(sql);
    while (*sql != '\0') {
        velo_statement *statement = NULL;
        const char *tail = sql;

        velo_status status = velo_prepare(of->connection, sql, -1, &statement, &tail);

        if (status != VELO_OK) {
            (void)run_say_error(of, status, sql, source, line);
            shell_end_output(of);
            return 1;
        }
        if (statement != NULL && run_statement(of, statement, source, line)) {
            shell_end_output(of);
            return 1;
        }
        if (tail == sql)
            break;
        sql = run_skip_space(tail);
    }
    if (of->counts_changes)
        shell_print(of, "changes: %lld   total_changes: %lld\n",
                    (long long)velo_changes(of->connection),
                    (long long)velo_total_changes(of->connection));
    shell_end_output(of);
    return 0;
}

int
run_query(shell *of, const char *sql, const char *parameter, run_row *row, void *user)
{
    velo_statement *statement = NULL;
    velo_status status;
    int has_stopped = 0;

    if (shell_connect(of))
        return 1;
    status = velo_prepare(of->connection, sql, -1, &statement, NULL);
    if (status == VELO_OK && parameter != NULL && velo_parameter_count(statement) > 0)
        status = velo_bind_text(statement, 1, parameter, -1, VELO_BORROW);
    if (status == VELO_OK) {
        status = velo_step(statement);
        while (status == VELO_ROW && !has_stopped) {
            has_stopped = row != NULL && row(user, statement);
            if (!has_stopped)
                status = velo_step(statement);
        }
    }
    if (!has_stopped && status != VELO_DONE)
        (void)shell_fail(of, "Error: %s\n", velo_error_text(of->connection));
    (void)velo_finalize(statement);
    return !has_stopped && status != VELO_DONE;
}
