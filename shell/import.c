/* import.c - reading a file of separated values into a table.
 *
 * Invariants
 *   I1  Rows are inserted in one transaction that begins before the table is made, or, where one
 *       of the user's is open, in a savepoint of it: all of an import is there, or nothing.
 *   I2  A column of a table that is made becomes a number only when every field of the file is one:
 *       nothing that is no number, and no leading zero, is lost. */
#define _GNU_SOURCE
#include "import.h"
#include "csv.h"
#include "interrupt.h"
#include "memory.h"
#include "quote.h"
#include "run.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define IMPORT_LOOK_ROWS   256U /* rows between two looks at the clock */
#define IMPORT_PROGRESS_MS 200  /* between two lines about progress */
#define IMPORT_SAID_MAX    20U  /* messages about records before the others are only counted */

#define IMPORT_SAVEPOINT "\"import of the shell\"" /* in a transaction of the user's */

/* Lines of the last records are kept: more than an appender inserts at a time. */
#define IMPORT_LINES 16384U

/* An import under way. */
typedef struct import {
    shell *of;                     /* where errors go */
    const import_options *options; /* what the user wants */
    FILE *in;                      /* open file or pipe */
    int is_pipe;                   /* in is a pipe */
    csv_reader *reader;            /* of in */
    velo_appender *appender;       /* into the table; rows wait in it, so they may fail later */
    uint64_t *lines;               /* of the last records that were appended; owned */
    uint64_t append_count;         /* records that were appended */
    int is_stopped;                /* a record has failed so that nothing can follow; it was said */
    size_t column_count;           /* of the table, without generated ones */
    csv_type *types;               /* of the columns of a table that was made; else NULL; owned */
    int has_header;                /* the first record is names */
    uint64_t row_count;            /* rows inserted, or about to be */
    uint64_t error_count;          /* records that were left out */
    uint64_t said_count;           /* messages about records */
    uint64_t size;                 /* bytes of the file, 0 when not known */
    int64_t shown_ms;              /* when progress was shown last */
    int shows_progress;            /* stderr is a terminal */
} import;

static ptrdiff_t
import_read(void *argument, void *buffer, size_t size)
{
    FILE *in = argument;
    size_t got = fread(buffer, 1, size, in);

    return got == 0 && ferror(in) ? -1 : (ptrdiff_t)got;
}

/* Say something about the record of a line; after many only count. */
static void
import_say(import *state, uint64_t line, const char *message)
{
    if (state->said_count++ < IMPORT_SAID_MAX)
        (void)fprintf(stderr, "%s:%llu: %s\n", state->options->path, (unsigned long long)line,
                      message);
    else if (state->said_count == IMPORT_SAID_MAX + 1)
        (void)fprintf(stderr, "%s: further messages are left out\n", state->options->path);
}

/* ---- progress ---- */

static int64_t
import_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
import_show_progress(import *state)
{
    int64_t now_ms;

    if (!state->shows_progress || state->row_count % IMPORT_LOOK_ROWS != 0)
        return;
    now_ms = import_now_ms();
    if (now_ms - state->shown_ms < IMPORT_PROGRESS_MS)
        return;
    state->shown_ms = now_ms;
    (void)fprintf(stderr, "\r%llu rows", (unsigned long long)state->row_count);
    if (state->size != 0)
        (void)fprintf(stderr, ", %3llu%%",
                      (unsigned long long)(csv_offset(state->reader) * 100 / state->size));
}

/* ---- opening ---- */

static int
import_open(import *state)
{
    const char *path = state->options->path;
    struct stat about;

    state->is_pipe = path[0] == '|';
    if (state->is_pipe)
        state->in = interrupt_popen(path + 1, "re");
    else
        state->in = fopen(path, "re");
    if (state->in == NULL)
        return shell_fail(state->of, "Error: cannot open \"%s\"\n", path);
    if (fstat(fileno(state->in), &about) == 0 && S_ISREG(about.st_mode))
        state->size = (uint64_t)about.st_size;
    else if (!state->is_pipe && !S_ISFIFO(about.st_mode) && !S_ISCHR(about.st_mode))
        return shell_fail(state->of, "Error: cannot open \"%s\"\n", path);
    return 0;
}

/* Begin reading, behind the records that are to be skipped. */
static int
import_begin_reading(import *state)
{
    csv_options options = {0};
    csv_record record;

    csv_destroy(state->reader);
    options.separator = state->options->separator;
    options.checks_utf8 = !state->options->takes_bytes;
    state->reader = csv_create(import_read, state->in, &options);
    if (state->reader == NULL)
        return shell_fail(state->of, "Error: this separator cannot be used for import\n");
    for (unsigned i = 0; i < state->options->skip; i++)
        if (csv_next(state->reader, &record) == CSV_END)
            break;
    return 0;
}

/* ---- making the table ---- */

/* Names and types of the columns of a file. */
typedef struct import_guess {
    text names;      /* of the columns, each ended by a zero byte */
    size_t *sizes;   /* of the names; owned */
    csv_type *types; /* of all records behind the first one; owned */
    size_t count;    /* of them */
    int is_header;   /* the first record is the names */
} import_guess;

/* Keep the first record's fields; returns the record that they make. */
static csv_record
import_keep_first(const csv_record *first, csv_field **fields, text *pool)
{
    csv_record kept = {NULL, first->count, first->line};
    size_t at = 0;

    *fields = memory_take(first->count * sizeof **fields);
    for (size_t i = 0; i < first->count; i++) {
        text_add(pool, first->fields[i].data, first->fields[i].size);
        text_add_char(pool, '\0');
    }
    for (size_t i = 0; i < first->count; i++) {
        (*fields)[i] =
            (csv_field){pool->data + at, first->fields[i].size, first->fields[i].is_quoted};
        at += first->fields[i].size + 1;
    }
    kept.fields = *fields;
    return kept;
}

/* Read all of the file for the types of its columns (I2), and begin anew. */
static int
import_guess_types(import *state, import_guess *guess)
{
    csv_record record;
    csv_status status;

    while ((status = csv_next(state->reader, &record)) == CSV_RECORD || status == CSV_BAD)
        for (size_t i = 0; status == CSV_RECORD && i < record.count && i < guess->count; i++) {
            csv_type type;

            if (guess->types[i] == CSV_TYPE_TEXT)
                continue; /* it stays so */
            type = csv_field_type(&record.fields[i]);
            if (type == CSV_TYPE_EMPTY && record.fields[i].is_quoted)
                type = CSV_TYPE_TEXT;
            guess->types[i] = csv_type_join(guess->types[i], type);
        }
    if (status != CSV_END)
        return shell_fail(state->of, "Error: cannot read \"%s\"\n", state->options->path);
    if (fseek(state->in, 0, SEEK_SET) != 0)
        return shell_fail(state->of, "Error: cannot read \"%s\" again\n", state->options->path);
    return import_begin_reading(state);
}

static int
import_make_guess(import *state, import_guess *guess)
{
    csv_record record;
    csv_record first;
    csv_field *fields = NULL;
    csv_status status = csv_next(state->reader, &record);
    int has_failed = 0;

    if (status == CSV_END)
        return shell_fail(state->of, "Error: \"%s\" is empty\n", state->options->path);
    if (status != CSV_RECORD)
        return shell_fail(state->of, "Error: %s:%llu: %s\n", state->options->path,
                          (unsigned long long)csv_message_line(state->reader),
                          csv_message(state->reader));
    first = import_keep_first(&record, &fields, &guess->names);
    guess->count = first.count;
    guess->sizes = memory_take(first.count * sizeof *guess->sizes);
    guess->types = memory_take(first.count * sizeof *guess->types);
    for (size_t i = 0; i < first.count; i++) {
        guess->sizes[i] = first.fields[i].size;
        guess->types[i] = CSV_TYPE_EMPTY;
    }
    guess->is_header = 1;
    if (state->size != 0) {
        has_failed = import_guess_types(state, guess);
        guess->is_header = csv_is_header(&first, guess->types, guess->count);
        for (size_t i = 0; i < first.count && !guess->is_header; i++)
            guess->types[i] = csv_type_join(guess->types[i], csv_field_type(&first.fields[i]));
    }
    for (size_t i = 0; i < first.count; i++)
        if (guess->types[i] == CSV_TYPE_EMPTY)
            guess->types[i] = CSV_TYPE_TEXT;
    free(fields);
    return has_failed;
}

/* A name of a column that is none of `taken`, where it is put: what the file says (NULL: nothing),
 * or, if that is there already, with a number behind. */
static void
import_add_name(import *state, text *taken, const char *said, size_t number)
{
    text name = {0};
    int is_taken = 1;

    for (unsigned i = 1; is_taken; i++) {
        text_clear(&name);
        if (said != NULL)
            text_add_string(&name, said);
        else
            text_add_format(&name, "c%zu", number);
        if (i > 1)
            text_add_format(&name, "_%u", i);
        is_taken = 0;
        for (size_t at = 0; at < taken->size && !is_taken; at += strlen(taken->data + at) + 1)
            is_taken = strcasecmp(taken->data + at, text_string(&name)) == 0;
        if (i > 1 && !is_taken)
            (void)fprintf(stderr, "%s: column %zu is named \"%s\"\n", state->options->path, number,
                          text_string(&name));
    }
    text_add(taken, name.data, name.size);
    text_add_char(taken, '\0');
    text_free(&name);
}

/* Names for the columns of a table that is made, each ended by a zero byte. */
static int
import_make_names(import *state, const import_guess *guess, text *names)
{
    const char *said = guess->names.data;

    for (size_t i = 0; i < guess->count; i++) {
        if (guess->is_header && strlen(said) != guess->sizes[i])
            return shell_fail(state->of,
                              "Error: the name of column %zu of \"%s\" has a zero byte\n", i + 1,
                              state->options->path);
        import_add_name(state, names, guess->is_header && said[0] != '\0' ? said : NULL, i + 1);
        said += guess->sizes[i] + 1;
    }
    return 0;
}

/* Make the table for a file. Leaves the reader where the first record of values begins. */
static int
import_make_table(import *state)
{
    static const char *const words[] = {[CSV_TYPE_EMPTY] = "TEXT",
                                        [CSV_TYPE_INTEGER] = "INTEGER",
                                        [CSV_TYPE_REAL] = "REAL",
                                        [CSV_TYPE_TEXT] = "TEXT"};
    import_guess guess = {{0}, NULL, NULL, 0, 0};
    text names = {0};
    text sql = {0};
    const char *name;
    int has_failed = import_make_guess(state, &guess) || import_make_names(state, &guess, &names);

    text_add_string(&sql, "CREATE TABLE ");
    quote_name(&sql, state->options->table);
    name = names.data;
    for (size_t i = 0; i < guess.count && !has_failed; i++) {
        text_add_string(&sql, i == 0 ? "(\n" : ",\n");
        quote_name(&sql, name);
        text_add_format(&sql, " %s", words[guess.types[i]]);
        name += strlen(name) + 1;
    }
    text_add_char(&sql, ')');
    if (!has_failed)
        has_failed = run_query(state->of, text_string(&sql), NULL, NULL, NULL);
    state->types = guess.types;
    /* what a command wrote is behind its names already */
    state->has_header = guess.is_header && state->size != 0;
    text_free(&sql);
    text_free(&names);
    text_free(&guess.names);
    free(guess.sizes);
    return has_failed;
}

/* ---- rows ---- */

/* How many columns of the table are filled, which are all but generated ones; 0 when there is no
 * such table. */
static size_t
import_count_columns(import *state)
{
    velo_statement *statement = NULL;
    size_t count = 0;

    if (velo_prepare(state->of->connection,
                     "SELECT count(*) FROM pragma_table_xinfo(?) WHERE hidden = 0", -1, &statement,
                     NULL) == VELO_OK &&
        velo_bind_text(statement, 1, state->options->table, -1, VELO_BORROW) == VELO_OK &&
        velo_step(statement) == VELO_ROW)
        count = (size_t)velo_column_int64(statement, 0);
    (void)velo_finalize(statement);
    return count;
}

/* A record could not be inserted: a row that breaks a constraint is left out, anything else ends
 * the import. A velo_append_fails. */
static int
import_row_failed(void *user, int64_t row, velo_status status, const char *why)
{
    import *state = user;
    text message = {0};
    int goes_on = !state->options->stops && (((int)status & 0xff) == VELO_CONSTRAINT ||
                                             ((int)status & 0xff) == VELO_MISMATCH);

    text_add_format(&message, "INSERT failed: %s", why);
    import_say(state, state->lines[(uint64_t)(row - 1) % IMPORT_LINES], text_string(&message));
    text_free(&message);
    state->error_count++;
    state->row_count--;
    state->is_stopped = !goes_on;
    return !goes_on;
}

static int
import_prepare(import *state)
{
    if (velo_appender_begin(state->of->connection, NULL, state->options->table, NULL,
                            &state->appender) != VELO_OK)
        return shell_fail(state->of, "Error: %s\n", velo_error_text(state->of->connection));
    velo_appender_pass_over(state->appender, import_row_failed, state);
    state->lines = memory_take(IMPORT_LINES * sizeof *state->lines);
    return 0;
}

/* Put a record behind those that are to be inserted. Of a table that was made, nothing between two
 * separators is NULL where numbers are. */
static velo_status
import_append(import *state, const csv_record *record)
{
    velo_status status = VELO_OK;

    for (size_t i = 0; i < state->column_count && status == VELO_OK; i++) {
        const csv_field *field = i < record->count ? &record->fields[i] : NULL;

        if (field == NULL || (field->size == 0 && !field->is_quoted && state->types != NULL &&
                              state->types[i] != CSV_TYPE_TEXT))
            status = velo_append_null(state->appender);
        else
            status = velo_append_text(state->appender, field->data, (int64_t)field->size);
    }
    if (status != VELO_OK)
        return status;
    state->lines[state->append_count++ % IMPORT_LINES] = record->line;
    state->row_count++;
    return velo_append_row(state->appender);
}

/* Insert what waits, if a message is about to be said that must come behind theirs. Returns 1 when
 * the import must end. */
static int
import_catch_up(import *state)
{
    return state->said_count < IMPORT_SAID_MAX && velo_appender_flush(state->appender) != VELO_OK;
}

static void
import_say_count(import *state, const csv_record *record)
{
    char message[120];

    (void)snprintf(message, sizeof message, "expected %zu columns but found %zu - %s",
                   state->column_count, record->count,
                   record->count < state->column_count ? "filling the rest with NULL"
                                                       : "extras ignored");
    import_say(state, record->line, message);
}

/* The import ends by the appender's error, which may have been said. */
static int
import_stop(import *state, uint64_t line)
{
    text message = {0};

    if (state->is_stopped)
        return 1;
    text_add_format(&message, "INSERT failed: %s", velo_error_text(state->of->connection));
    import_say(state, line, text_string(&message));
    text_free(&message);
    state->error_count++;
    return 1;
}

/* Take one record. Returns 1 when the import must end. */
static int
import_take_record(import *state, const csv_record *record)
{
    if (record->count != state->column_count) {
        if (import_catch_up(state))
            return import_stop(state, record->line);
        import_say_count(state, record);
        if (state->options->stops)
            return 1;
    }
    if (import_append(state, record) != VELO_OK)
        return import_stop(state, record->line);
    import_show_progress(state);
    return 0;
}

static int
import_take_records(import *state)
{
    csv_record record = {NULL, 0, 0};
    csv_status status = CSV_END;

    if (state->has_header && (status = csv_next(state->reader, &record)) != CSV_RECORD)
        return status != CSV_END;
    while ((status = csv_next(state->reader, &record)) != CSV_END) {
        if (status == CSV_RECORD) {
            if (import_take_record(state, &record))
                return 1;
        } else {
            if (import_catch_up(state))
                return import_stop(state, record.line);
            import_say(state, csv_message_line(state->reader), csv_message(state->reader));
            state->error_count++;
            if (status != CSV_BAD || state->options->stops)
                return 1;
        }
        if (interrupt_count() > 0)
            return 1;
    }
    return velo_appender_flush(state->appender) == VELO_OK ? 0 : import_stop(state, record.line);
}

/* All is read. What a command has written counts only if it says that it succeeded. */
static int
import_end_reading(import *state)
{
    int status;

    if (!state->is_pipe)
        return 0;
    status = pclose(state->in);
    state->in = NULL;
    if (status == 0)
        return 0;
    if (status != -1 && WIFSIGNALED(status))
        return shell_fail(state->of, "Error: signal %d has ended \"%s\"\n", WTERMSIG(status),
                          state->options->path);
    return shell_fail(state->of, "Error: \"%s\" ended with the exit status %d\n",
                      state->options->path, status == -1 ? -1 : WEXITSTATUS(status));
}

/* Everything between opening the file and ending the transaction. */
static int
import_run_inside(import *state)
{
    if (import_begin_reading(state))
        return 1;
    state->column_count = import_count_columns(state);
    if (state->column_count == 0) {
        if (import_make_table(state))
            return 1;
        state->column_count = import_count_columns(state);
    }
    return import_prepare(state) || import_take_records(state) || import_end_reading(state);
}

static void
import_close(import *state)
{
    if (state->shows_progress && state->shown_ms != 0)
        (void)fprintf(stderr, "\r%30s\r", "");
    (void)velo_appender_end(state->appender); /* nothing is left in it */
    csv_destroy(state->reader);
    free(state->types);
    free(state->lines);
    if (state->in != NULL)
        (void)(state->is_pipe ? pclose(state->in) : fclose(state->in)); /* only read from */
}

/* Begin what is there as a whole in the end, or not at all. keeps I1 */
static int
import_begin(shell *of, int is_ours)
{
    return run_query(of, is_ours ? "BEGIN" : "SAVEPOINT " IMPORT_SAVEPOINT, NULL, NULL, NULL);
}

/* End it. Returns 1 when nothing of it is left. keeps I1 */
static int
import_end(shell *of, int is_ours, int has_failed)
{
    const char *keep = is_ours ? "COMMIT" : "RELEASE " IMPORT_SAVEPOINT;
    const char *undo = is_ours ? "ROLLBACK" : "ROLLBACK TO " IMPORT_SAVEPOINT;

    if (!velo_in_transaction(of->connection)) /* an error has ended it */
        return has_failed;
    if (!has_failed && run_query(of, keep, NULL, NULL, NULL) == 0)
        return 0;
    if (velo_in_transaction(of->connection) && run_query(of, undo, NULL, NULL, NULL) == 0 &&
        !is_ours)
        (void)run_query(of, keep, NULL, NULL, NULL);
    return 1;
}

int
import_run(shell *of, const import_options *options)
{
import state = {.of = of, .options = options };
    int is_ours;
    int has_failed;

    if (shell_connect(of))
        return 1;
    state.shows_progress = isatty(STDERR_FILENO);
    is_ours = !velo_in_transaction(of->connection);
    has_failed = import_open(&state);
    if (!has_failed && import_begin(of, is_ours)) {
        has_failed = 1;
    } else if (!has_failed) {
        has_failed = import_run_inside(&state);
        if (velo_appender_end(state.appender) != VELO_OK && !has_failed) /* before the end of it */
            has_failed = shell_fail(of, "Error: %s\n", velo_error_text(of->connection));
        state.appender = NULL;
        has_failed = import_end(of, is_ours, has_failed);
        if (has_failed)
            (void)shell_fail(of, "Error: import of \"%s\" was undone\n", options->path);
        else if (state.error_count > 0)
            has_failed =
                shell_fail(of, "Error: %llu record%s of \"%s\" %s left out\n",
                           (unsigned long long)state.error_count, state.error_count == 1 ? "" : "s",
                           options->path, state.error_count == 1 ? "was" : "were");
    }
    if (options->is_verbose && !has_failed)
        shell_print(of, "Added %llu rows with %llu errors\n", (unsigned long long)state.row_count,
                    (unsigned long long)state.error_count);
    import_close(&state);
    return has_failed;
}
