/* command.c - dot commands.
 *
 * Invariants
 *   C1  command_table is sorted by name, but for commands that a shorter beginning names first; a
 *       command may be called by any beginning of its name of `least` or more letters.
 *   C2  A command that cannot do what it is asked says so and returns 1. */
#define _GNU_SOURCE
#include "command.h"
#include "backup.h"
#include "convert.h"
#include "demo.h"
#include "dump.h"
#include "edit.h"
#include "import.h"
#include "input.h"
#include "interrupt.h"
#include "memory.h"
#include "parameter.h"
#include "schema.h"
#include "split.h"
#include "stats.h"
#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMMAND_WORDS_MAX 64U /* of a command, its name included */

/* A command with its words: words[0] is its name as it was typed. */
typedef struct command_call {
    shell *of;        /* where it runs */
    char **words;     /* NULL behind the last; borrowed */
    size_t count;     /* of them, at least 1 */
    const char *rest; /* the line behind the name, as it was typed */
} command_call;

typedef int command_function(const command_call *call);

typedef struct command_entry {
    const char *name;      /* without the dot */
    size_t least;          /* letters that must be typed */
    command_function *run; /* what it does */
    int takes_file;        /* its arguments are files */
    const char *arguments; /* for .help */
    const char *summary;   /* for .help */
    const char *details;   /* for .help NAME, lines; NULL for none */
} command_entry;

static const command_entry *command_find(const char *name);

/* How a command is to be called. */
static int
command_fail_usage(const command_call *call)
{
    const command_entry *entry = command_find(call->words[0]);

    return shell_fail(call->of, "Usage: .%s %s\n", entry->name, entry->arguments);
}

/* The truth value of a word; says what is none. */
static int
command_boolean(const char *word)
{
    char *end;
    long number = strtol(word, &end, 0);

    if (end != word && *end == '\0')
        return number != 0;
    if (strcasecmp(word, "on") == 0 || strcasecmp(word, "yes") == 0)
        return 1;
    if (strcasecmp(word, "off") != 0 && strcasecmp(word, "no") != 0)
        (void)fprintf(stderr, "ERROR: Not a boolean value: \"%s\". Assuming \"no\".\n", word);
    return 0;
}

/* A command that switches something on or off. */
static int
command_switch(const command_call *call, int *value)
{
    if (call->count != 2)
        return command_fail_usage(call);
    *value = command_boolean(call->words[1]);
    return 0;
}

static int
command_bail(const command_call *call)
{
    return command_switch(call, &call->of->bails);
}

static int
command_changes(const command_call *call)
{
    return command_switch(call, &call->of->counts_changes);
}

static int
command_echo(const command_call *call)
{
    return command_switch(call, &call->of->echoes);
}

static int
command_eqp(const command_call *call)
{
    if (call->count == 2 &&
        (strcmp(call->words[1], "full") == 0 || strcmp(call->words[1], "trigger") == 0)) {
        call->of->shows_plans = 1; /* there is no bytecode, and no plan of a trigger, to add */
        return 0;
    }
    return command_switch(call, &call->of->shows_plans);
}

static int
command_stats(const command_call *call)
{
    if (call->count == 1)
        return stats_print(call->of, NULL);
    return command_switch(call, &call->of->shows_numbers);
}

static int
command_parameter(const command_call *call)
{
    const char *what = call->count > 1 ? call->words[1] : "";

    if (strcmp(what, "clear") == 0 && call->count == 2)
        parameter_unset(call->of, NULL);
    else if (strcmp(what, "list") == 0 && call->count == 2)
        parameter_list(call->of);
    else if (strcmp(what, "set") == 0 && call->count == 4)
        return parameter_set(call->of, call->words[2], call->words[3]);
    else if (strcmp(what, "unset") == 0 && call->count == 3)
        parameter_unset(call->of, call->words[2]);
    else if (strcmp(what, "init") != 0 || call->count != 2) /* SQLite's needs it, ours does not */
        return command_fail_usage(call);
    return 0;
}

static int
command_timer(const command_call *call)
{
    return command_switch(call, &call->of->times);
}

static int
command_headers(const command_call *call)
{
    call->of->has_chosen_headers |= call->count == 2;
    return command_switch(call, &call->of->settings.has_headers);
}

static int
command_cd(const command_call *call)
{
    if (call->count != 2)
        return command_fail_usage(call);
    if (chdir(call->words[1]) != 0)
        return shell_fail(call->of, "Cannot change to directory \"%s\"\n", call->words[1]);
    return 0;
}

static int
command_databases(const command_call *call)
{
    return schema_print_databases(call->of);
}

static int
command_demo(const command_call *call)
{
    return demo_run(call->of, DEMO_ORDERS);
}

static int
command_dump(const command_call *call)
{
    return dump_write(call->of, call->words + 1, call->count - 1);
}

static int
command_exit(const command_call *call)
{
    if (call->count > 2)
        return command_fail_usage(call);
    call->of->wants_end = 1;
    if (call->count == 2)
        call->of->exit_code = (int)(strtol(call->words[1], NULL, 0) & 0xff);
    return 0;
}

/* ---- .import ---- */

static int
command_import_skip(const command_call *call, const char *word, import_options *options)
{
    char *end = NULL;
    unsigned long count;

    errno = 0;
    count = strtoul(word, &end, 10);
    if (word[0] < '0' || word[0] > '9' || *end != '\0' || errno != 0 || count > UINT_MAX)
        return shell_fail(call->of, "Error: --skip takes a number of records, not \"%s\"\n", word);
    options->skip = (unsigned)count;
    return 0;
}

static int
command_import_option(const command_call *call, size_t *at, import_options *options)
{
    const char *word = call->words[*at];

    word += word[1] == '-';
    if (strcmp(word, "-csv") == 0) {
        options->separator = ',';
    } else if (strcmp(word, "-v") == 0) {
        options->is_verbose = 1;
    } else if (strcmp(word, "-stop") == 0) {
        options->stops = 1;
    } else if (strcmp(word, "-any-bytes") == 0) {
        options->takes_bytes = 1;
    } else if (strcmp(word, "-skip") == 0 && *at + 1 < call->count) {
        return command_import_skip(call, call->words[++*at], options);
    } else {
        (void)shell_fail(call->of, "ERROR: unknown option: \"%s\". ", call->words[*at]);
        return command_fail_usage(call);
    }
    return 0;
}

/* The words behind .backup and .restore: ?DB? FILE. */
static int
command_copy(const command_call *call, int (*run)(shell *of, const char *name, const char *path))
{
    if (call->count != 2 && call->count != 3)
        return command_fail_usage(call);
    return run(call->of, call->count == 3 ? call->words[1] : NULL, call->words[call->count - 1]);
}

static int
command_backup(const command_call *call)
{
    return command_copy(call, backup_save);
}

static int
command_restore(const command_call *call)
{
    return command_copy(call, backup_restore);
}

static int
command_import_sqlite(const command_call *call)
{
    if (call->count != 2)
        return command_fail_usage(call);
    return convert_import(call->of, call->words[1]);
}

static int
command_import(const command_call *call)
{
    shell *of = call->of;
    import_options options = {0};

    for (size_t i = 1; i < call->count; i++) {
        if (call->words[i][0] == '-') {
            if (command_import_option(call, &i, &options))
                return 1;
        } else if (options.path == NULL) {
            options.path = call->words[i];
        } else if (options.table == NULL) {
            options.table = call->words[i];
        } else {
            (void)shell_fail(of, "ERROR: extra argument: \"%s\". ", call->words[i]);
            return command_fail_usage(call);
        }
    }
    if (options.table == NULL) {
        (void)shell_fail(of, "ERROR: missing %s argument. ", options.path ? "TABLE" : "FILE");
        return command_fail_usage(call);
    }
    if (options.separator == 0 && of->settings.kind == MODE_CSV)
        options.separator = ',';
    if (options.separator == 0 && strlen(of->column_separator) != 1)
        return shell_fail(of, "Error: import needs a column separator of one character\n");
    if (options.separator == 0)
        options.separator = of->column_separator[0];
    return import_run(of, &options);
}

static int
command_indexes(const command_call *call)
{
    if (call->count > 2)
        return command_fail_usage(call);
    return schema_print_indexes(call->of, call->words[1]);
}

/* ---- .mode ---- */

/* The form of results as .mode takes it. */
static void
command_add_mode(const shell *of, text *to)
{
    mode_kind kind = of->settings.kind;

    text_add_string(to, mode_name(kind));
    if (kind == MODE_BOX || kind == MODE_TABLE || kind == MODE_COLUMN || kind == MODE_MARKDOWN)
        text_add_format(to, " --wrap %zu --wordwrap %s --%squote", of->settings.wrap,
                        of->settings.wraps_at_words ? "on" : "off",
                        of->settings.has_quotes ? "" : "no");
    else if (kind == MODE_INSERT)
        text_add_format(to, " %s", of->table);
}

static int
command_print_mode(const command_call *call)
{
    text mode = {0};

    command_add_mode(call->of, &mode);
    shell_print(call->of, "current output mode: %s\n", text_string(&mode));
    text_free(&mode);
    return 0;
}

/* Take an option of .mode; *at is its word. Returns 0 when it is none. */
static int
command_mode_option(const command_call *call, size_t *at, mode_settings *settings)
{
    const char *word = call->words[*at];
    int has_value = *at + 1 < call->count;

    word += word[0] == '-' && word[1] == '-';
    if (strcmp(word, "-wrap") == 0 && has_value)
        settings->wrap = (size_t)strtoul(call->words[++*at], NULL, 0);
    else if (strcmp(word, "-wordwrap") == 0 && has_value)
        settings->wraps_at_words = command_boolean(call->words[++*at]);
    else if (strcmp(word, "-ww") == 0)
        settings->wraps_at_words = 1;
    else if (strcmp(word, "-quote") == 0)
        settings->has_quotes = 1;
    else if (strcmp(word, "-noquote") == 0)
        settings->has_quotes = 0;
    else
        return 0;
    return 1;
}

static int
command_mode(const command_call *call)
{
    shell *of = call->of;
    mode_settings changed = of->settings;
    const char *name = NULL;
    const char *table = NULL;

    if (call->count == 1)
        return command_print_mode(call);
    changed.wrap = 0;
    changed.wraps_at_words = 0;
    changed.has_quotes = 0;
    for (size_t i = 1; i < call->count; i++) {
        if (command_mode_option(call, &i, &changed))
            continue;
        if (call->words[i][0] == '-' || table != NULL) {
            (void)shell_fail(of, "extra argument or unknown option: %s\n", call->words[i]);
            return command_fail_usage(call);
        }
        if (name == NULL)
            name = call->words[i];
        else
            table = call->words[i];
    }
    if (name != NULL && strcmp(name, "qbox") == 0) {
        name = "box";
        changed.wrap = 60;
        changed.has_quotes = 1;
    }
    if (name != NULL && !shell_set_mode(of, name))
        return shell_fail(of, "Error: mode should be one of: ascii box column csv html insert json "
                              "line list markdown qbox quote table tabs tcl\n");
    of->settings.wrap = changed.wrap;
    of->settings.wraps_at_words = changed.wraps_at_words;
    of->settings.has_quotes = changed.has_quotes;
    if (name != NULL && of->settings.kind == MODE_INSERT) {
        memory_replace_text(&of->table, table == NULL ? "table" : table);
        of->settings.table = of->table;
    }
    return 0;
}

static int
command_nullvalue(const command_call *call)
{
    if (call->count != 2)
        return command_fail_usage(call);
    memory_replace_text(&call->of->null_text, call->words[1]);
    call->of->settings.null_text = call->of->null_text;
    return 0;
}

static int
command_redirect(const command_call *call, int is_once)
{
    if (call->count == 1 && is_once)
        return command_fail_usage(call);
    if (call->rest[0] == '|')
        return shell_redirect(call->of, call->rest, is_once);
    if (call->count > 2)
        return command_fail_usage(call);
    return shell_redirect(call->of, call->words[1], is_once);
}

static int
command_once(const command_call *call)
{
    return command_redirect(call, 1);
}

static int
command_output(const command_call *call)
{
    return command_redirect(call, 0);
}

/* Remove a database with its log; one that is not there is no error. */
static int
command_remove_database(shell *of, const char *path)
{
    text log = {0};
    int has_failed = 0;

    text_add_format(&log, "%s-wal", path);
    if ((unlink(path) != 0 && errno != ENOENT) ||
        (unlink(text_string(&log)) != 0 && errno != ENOENT))
        has_failed = shell_fail(of, "Error: cannot remove \"%s\": %s\n", path, strerror(errno));
    text_free(&log);
    return has_failed;
}

static int
command_open(const command_call *call)
{
    shell *of = call->of;
    const char *path = NULL;
    int is_new = 0;
    int is_read_only = 0;

    for (size_t i = 1; i < call->count; i++) {
        const char *word = call->words[i];

        word += word[0] == '-' && word[1] == '-';
        if (strcmp(word, "-new") == 0)
            is_new = 1;
        else if (strcmp(word, "-readonly") == 0)
            is_read_only = 1;
        else if (word[0] == '-')
            return shell_fail(of, "unknown option: %s\n", call->words[i]);
        else if (path != NULL)
            return command_fail_usage(call);
        else
            path = word;
    }
    if (is_new && path != NULL && command_remove_database(of, path))
        return 1;
    of->is_read_only = is_read_only;
    return shell_open(of, path == NULL ? ":memory:" : path);
}

static int
command_print(const command_call *call)
{
    text line = {0};

    for (size_t i = 1; i < call->count; i++) {
        text_add_string(&line, i == 1 ? "" : " ");
        text_add_string(&line, call->words[i]);
    }
    text_add_char(&line, '\n');
    shell_write(call->of, line.data, line.size);
    text_free(&line);
    return 0;
}

static int
command_prompt(const command_call *call)
{
    if (call->count > 1)
        memory_replace_text(&call->of->prompt, call->words[1]);
    if (call->count > 2)
        memory_replace_text(&call->of->prompt_more, call->words[2]);
    return 0;
}

static int
command_read(const command_call *call)
{
    if (call->rest[0] == '|')
        return input_run_file(call->of, call->rest);
    if (call->count != 2)
        return command_fail_usage(call);
    return input_run_file(call->of, call->words[1]);
}

static int
command_schema(const command_call *call)
{
    if (call->count > 2)
        return command_fail_usage(call);
    return schema_print_sql(call->of, call->words[1]);
}

static int
command_fullschema(const command_call *call)
{
    if (call->count > 1)
        return command_fail_usage(call);
    return schema_print_full(call->of);
}

static int
command_separator(const command_call *call)
{
    if (call->count < 2 || call->count > 3)
        return command_fail_usage(call);
    shell_set_separators(call->of, call->words[1], call->words[2]);
    return 0;
}

static int
command_shell(const command_call *call)
{
    int status;

    if (call->count < 2)
        return command_fail_usage(call);
    (void)fflush(call->of->out);
    status = interrupt_system(call->rest);
    if (status == 0)
        return 0;
    return shell_fail(call->of, "System command returns %d\n",
                      WIFEXITED(status) ? WEXITSTATUS(status) : status);
}

/* ---- .show ---- */

static void
command_show_text(shell *of, const char *label, const char *value)
{
    text line = {0};

    text_add_format(&line, "%12s: ", label);
    for (; *value != '\0'; value++) {
        if (*value == '\n')
            text_add_string(&line, "\\n");
        else if (*value == '\r')
            text_add_string(&line, "\\r");
        else if (*value == '\t')
            text_add_string(&line, "\\t");
        else if ((unsigned char)*value < 0x20)
            text_add_format(&line, "\\%03o", (unsigned)(unsigned char)*value);
        else
            text_add_char(&line, *value);
    }
    shell_print(of, "%s\n", text_string(&line));
    text_free(&line);
}

static void
command_show_quoted(shell *of, const char *label, const char *value)
{
    text quoted = {0};

    text_add_format(&quoted, "\"%s\"", value);
    command_show_text(of, label, text_string(&quoted));
    text_free(&quoted);
}

static int
command_show(const command_call *call)
{
    shell *of = call->of;
    text mode = {0};

    command_add_mode(of, &mode);
    command_show_text(of, "echo", of->echoes ? "on" : "off");
    command_show_text(of, "headers", of->settings.has_headers ? "on" : "off");
    command_show_text(of, "mode", text_string(&mode));
    text_free(&mode);
    command_show_quoted(of, "nullvalue", of->null_text);
    command_show_text(of, "output", of->out_name);
    command_show_quoted(of, "colseparator", of->column_separator);
    command_show_quoted(of, "rowseparator", of->row_separator);
    shell_print(of, "%12s: ", "width");
    for (size_t i = 0; i < of->settings.width_count; i++)
        shell_print(of, "%d ", of->widths[i]);
    shell_print(of, "\n%12s: %s\n", "filename", of->path);
    return 0;
}

static int
command_tables(const command_call *call)
{
    if (call->count > 2)
        return command_fail_usage(call);
    return schema_print_tables(call->of, call->words[1]);
}

static int
command_timeout(const command_call *call)
{
    if (call->count > 2)
        return command_fail_usage(call);
    call->of->timeout_ms = call->count == 2 ? (int)strtol(call->words[1], NULL, 0) : 0;
    if (call->of->connection != NULL)
        velo_set_busy_timeout(call->of->connection, call->of->timeout_ms);
    return 0;
}

static int
command_version(const command_call *call)
{
    shell_print(call->of, "VelociDB %s%s\n", velo_version(),
                edit_is_available() ? ", with libedit" : "");
    return 0;
}

static int
command_width(const command_call *call)
{
    int widths[COMMAND_WORDS_MAX];

    for (size_t i = 1; i < call->count; i++)
        widths[i - 1] = (int)strtol(call->words[i], NULL, 0);
    shell_set_widths(call->of, widths, call->count - 1);
    return 0;
}

static int command_help(const command_call *call);

static const command_entry command_table[] = {
    {"backup", 3, command_backup, 1, "?DB? FILE", "Copy the database to FILE",
     "     One snapshot is copied, in place of what FILE has; others may use the database.\n"},
    {"bail", 3, command_bail, 0, "on|off", "Stop after hitting an error", NULL},
    {"cd", 2, command_cd, 1, "DIRECTORY", "Change the working directory", NULL},
    {"changes", 3, command_changes, 0, "on|off", "Show number of rows changed by SQL", NULL},
    {"databases", 2, command_databases, 0, "", "List names and files of databases", NULL},
    {"demo", 3, command_demo, 0, "", "Make tables of customers, products and orders", NULL},
    {"dump", 1, command_dump, 0, "?PATTERN ...?", "Write the database, or tables, as SQL text",
     "     Patterns are those of LIKE. SQLite can read the text, too.\n"},
    {"echo", 1, command_echo, 0, "on|off", "Print what is run before it runs", NULL},
    {"eqp", 2, command_eqp, 0, "on|off", "Show the plan of each statement before it runs", NULL},
    {"exit", 3, command_exit, 0, "?CODE?", "Leave this program, with an exit code", NULL},
    {"fullschema", 5, command_fullschema, 0, "", "Show all CREATE statements and ANALYZE's numbers",
     NULL},
    {"headers", 4, command_headers, 0, "on|off", "Print the names of columns", NULL},
    {"help", 1, command_help, 0, "?NAME?", "List commands, or explain one", NULL},
    {"import", 2, command_import, 1, "?OPTIONS? FILE TABLE", "Read a file of values into a table",
     "     --csv        values are separated by commas\n"
     "     --skip N     leave out the first N records\n"
     "     --stop       undo all at the first bad record; else those are left out\n"
     "     --any-bytes  take texts that are not UTF-8\n"
     "     -v           say how many rows there were\n"
     "     Otherwise the separator is that of .separator. A table that does not exist is\n"
     "     made: names of columns come from the first record where it looks like names, and\n"
     "     columns that hold only numbers become INTEGER or REAL.\n"
     "     A FILE that begins with \"|\" is a command whose output is read.\n"},
    {"import-sqlite", 7, command_import_sqlite, 1, "FILE", "Read a database of SQLite's",
     "     All of it: tables, indexes, views and triggers, into the open database.\n"},
    {"indexes", 2, command_indexes, 0, "?TABLE?", "List names of indexes", NULL},
    {"indices", 7, command_indexes, 0, "?TABLE?", "The same as .indexes", NULL},
    {"mode", 1, command_mode, 0, "?MODE? ?OPTIONS? ?TABLE?", "Choose the form of results",
     "     ascii       values and rows separated by 0x1F and 0x1E\n"
     "     box         a table drawn with lines\n"
     "     column      columns of equal width; see .width\n"
     "     csv         comma-separated values\n"
     "     html        rows of an HTML table\n"
     "     insert      INSERT statements for TABLE\n"
     "     json        an array of objects\n"
     "     line        one value a line\n"
     "     list        values separated by \"|\"; see .separator\n"
     "     markdown    a table of Markdown\n"
     "     qbox        the same as \"box --wrap 60 --quote\"\n"
     "     quote       values as SQL writes them\n"
     "     table       a table drawn with + - |\n"
     "     tabs        values separated by tabs\n"
     "     tcl         strings as Tcl writes them\n"
     "   for box, column, markdown and table:\n"
     "     --wrap N         lines of at most N characters\n"
     "     --wordwrap on    break lines between words; the same as --ww\n"
     "     --quote          values as SQL writes them; --noquote\n"},
    {"nullvalue", 3, command_nullvalue, 0, "STRING", "Show NULL as STRING", NULL},
    {"once", 2, command_once, 1, "FILE", "Write the next result to FILE",
     "     A FILE that begins with \"|\" is a command that gets the result.\n"},
    {"open", 1, command_open, 1, "?OPTIONS? ?FILE?", "Close the database and open FILE",
     "     --new         begin with an empty file\n"
     "     --readonly    change nothing\n"},
    {"output", 3, command_output, 1, "?FILE?", "Write results to FILE, or to the terminal again",
     "     A FILE that begins with \"|\" is a command that gets the results.\n"},
    {"parameter", 2, command_parameter, 0, "CMD ...", "Give values to parameters of statements",
     "     clear             forget all values\n"
     "     list              show them\n"
     "     set NAME VALUE    NAME as in the statement: :a, @a, $a, ?1; VALUE an SQL expression,\n"
     "                       or a text\n"
     "     unset NAME        forget one; parameters without a value are NULL\n"},
    {"print", 3, command_print, 0, "STRING ...", "Print words", NULL},
    {"prompt", 4, command_prompt, 0, "MAIN CONTINUE", "Replace the prompts", NULL},
    {"quit", 1, command_exit, 0, "", "Leave this program", NULL},
    {"read", 1, command_read, 1, "FILE", "Run the script FILE",
     "     A FILE that begins with \"|\" is a command whose output is run.\n"},
    {"restore", 3, command_restore, 1, "?DB? FILE", "Replace the database by that of FILE", NULL},
    {"save", 2, command_backup, 1, "?DB? FILE", "The same as .backup", NULL},
    {"schema", 2, command_schema, 0, "?PATTERN?", "Show the CREATE statements of tables", NULL},
    {"separator", 2, command_separator, 0, "COL ?ROW?", "Set what separates columns and rows",
     NULL},
    {"shell", 3, command_shell, 0, "COMMAND ...", "Run a command of the system", NULL},
    {"show", 4, command_show, 0, "", "Show settings", NULL},
    {"stats", 3, command_stats, 0, "?on|off?", "Show numbers now, or behind each statement", NULL},
    {"system", 2, command_shell, 0, "COMMAND ...", "The same as .shell", NULL},
    {"tables", 2, command_tables, 0, "?PATTERN?", "List names of tables and views", NULL},
    {"timeout", 5, command_timeout, 0, "MS", "Wait at most MS milliseconds for others", NULL},
    {"timer", 3, command_timer, 0, "on|off", "Show how long each statement takes", NULL},
    {"version", 1, command_version, 0, "", "Show the version", NULL},
    {"width", 1, command_width, 0, "NUMBER ...",
     "Set widths of columns; a negative one sets to the right", NULL},
};

#define COMMAND_COUNT (sizeof command_table / sizeof command_table[0])

static const command_entry *
command_find(const char *name)
{
    size_t size = strlen(name);

    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const command_entry *entry = &command_table[i];

        if (size >= entry->least && strncmp(name, entry->name, size) == 0)
            return entry;
    }
    return NULL;
}

static int
command_help(const command_call *call)
{
    size_t found = 0;
    const char *wanted = call->words[1];

    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const command_entry *entry = &command_table[i];
        text left = {0};

        if (wanted != NULL && strncasecmp(entry->name, wanted + (wanted[0] == '.'),
                                          strlen(wanted + (wanted[0] == '.'))) != 0)
            continue;
        text_add_format(&left, ".%s %s", entry->name, entry->arguments);
        shell_print(call->of, "%-31s %s\n", text_string(&left), entry->summary);
        if (wanted != NULL && entry->details != NULL)
            shell_print(call->of, "%s", entry->details);
        text_free(&left);
        found++;
    }
    if (found == 0)
        shell_print(call->of, "Nothing matches '%s'\n", wanted);
    return 0;
}

int
command_run(shell *of, const char *line)
{
    char *copy = memory_copy_text(line[0] == '.' ? line + 1 : line);
    char *words[COMMAND_WORDS_MAX + 1] = {NULL};
    command_call call = {of, words, 0, line + (line[0] == '.')};
    const command_entry *entry;
    int has_failed = 0;

    call.rest += strspn(call.rest, " \t");
    call.rest += strcspn(call.rest, " \t");
    call.rest += strspn(call.rest, " \t");
    call.count = split_words(copy, words, COMMAND_WORDS_MAX);
    if (call.count != 0) {
        entry = command_find(words[0]);
        if (entry != NULL)
            has_failed = entry->run(&call);
        else
            has_failed = shell_fail(of,
                                    "Error: unknown command or invalid arguments:  \"%s\". "
                                    "Enter \".help\" for help\n",
                                    words[0]);
    }
    free(copy);
    return has_failed;
}

const char *
command_name(size_t index)
{
    return index < COMMAND_COUNT ? command_table[index].name : NULL;
}

int
command_takes_file(const char *line)
{
    char *copy = memory_copy(line + 1, strcspn(line + 1, " \t"));
    const command_entry *entry = command_find(copy);

    free(copy);
    return entry != NULL && entry->takes_file;
}
