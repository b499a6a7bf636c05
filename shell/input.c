/* input.c - reading what the shell is to do.
 *
 * Invariants
 *   I1  A dot command is one only where no statement has begun.
 *   I2  What is left at the end of input is run too: a statement without its semicolon is complete
 *       for the library, and anything else gives an error. */
#define _GNU_SOURCE
#include "input.h"
#include "command.h"
#include "edit.h"
#include "interrupt.h"
#include "memory.h"
#include "run.h"
#include "split.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

#define INPUT_DEPTH_MAX 25U /* scripts that read scripts */

/* Where lines come from, and the statement that is being gathered. */
typedef struct input {
    FILE *in;          /* NULL: a person */
    split statement;   /* I1 */
    uint64_t line;     /* number of the last line read */
    int has_failed;    /* some error was said */
    run_source source; /* how errors are introduced */
} input;

static int
input_is_blank(const char *line)
{
    return line[strspn(line, " \t\r\n\f\v")] == '\0';
}

/* Run the statements at hand. */
static void
input_run_statements(shell *of, input *from)
{
    text *sql = &from->statement.sql;

    if (sql->size > 0)
        sql->size--; /* the last line's end is none of a statement */
    from->has_failed |= run_sql(of, text_string(sql), from->source, from->statement.first_line);
    split_clear(&from->statement);
}

/* Take a line. Returns 1 when reading is to go on. */
static int
input_take_line(shell *of, input *from, const char *line)
{
    uint64_t errors = of->error_count;

    from->line++;
    if (split_is_empty(&from->statement) &&
        (input_is_blank(line) || line[0] == '.' || line[0] == '#')) {
        if (of->echoes)
            shell_print(of, "%s\n", line);
        if (line[0] == '.') {
            from->has_failed |= command_run(of, line);
            shell_end_output(of);
        }
    } else if (split_add_line(&from->statement, line, strlen(line), from->line)) {
        input_run_statements(of, from);
    } else if (of->echoes && split_is_empty(&from->statement)) {
        shell_print(of, "%s\n", line); /* nothing but a comment */
    }
    if (of->wants_end)
        return 0;
    return of->error_count == errors || !of->bails || of->is_interactive;
}

/* I2 */
static void
input_finish(shell *of, input *from)
{
    if (!of->wants_end && !split_is_empty(&from->statement) &&
        !input_is_blank(text_string(&from->statement.sql)))
        input_run_statements(of, from);
    split_free(&from->statement);
}

int
input_run_stream(shell *of, FILE *in)
{
    input from = {in, {{0}, 0, SPLIT_PLAIN, SPLIT_BEGIN, "", 0}, 0, 0, RUN_SCRIPT};
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    int goes_on = 1;

    while (goes_on) {
        size = getline(&line, &room, in);
        if (size < 0)
            break;
        while (size > 0 && (line[size - 1] == '\n' || line[size - 1] == '\r'))
            line[--size] = '\0';
        goes_on = input_take_line(of, &from, line) && interrupt_count() == 0;
    }
    if (interrupt_count() > 0)
        from.has_failed = 1;
    else if (goes_on && ferror(in))
        from.has_failed |= shell_fail(of, "Error: cannot read further than line %llu\n",
                                      (unsigned long long)from.line);
    else if (goes_on)
        input_finish(of, &from);
    split_free(&from.statement);
    free(line);
    return from.has_failed;
}

int
input_run_file(shell *of, const char *name)
{
    int is_pipe = name[0] == '|';
    struct stat about;
    FILE *in;
    int has_failed;

    if (of->read_depth >= INPUT_DEPTH_MAX)
        return shell_fail(of, "Input nesting limit (%u) reached. Check recursion.\n",
                          INPUT_DEPTH_MAX);
    if (is_pipe)
        in = interrupt_popen(name + 1, "re");
    else
        in = stat(name, &about) == 0 && !S_ISDIR(about.st_mode) ? fopen(name, "re") : NULL;
    if (in == NULL)
        return shell_fail(of, "Error: cannot open \"%s\"\n", is_pipe ? name + 1 : name);
    of->read_depth++;
    has_failed = input_run_stream(of, in);
    of->read_depth--;
    if (is_pipe)
        has_failed |= pclose(in) == -1;
    else
        has_failed |= fclose(in) != 0;
    return has_failed;
}

int
input_run_person(shell *of)
{
    input from = {NULL, {{0}, 0, SPLIT_PLAIN, SPLIT_BEGIN, "", 0}, 0, 0, RUN_PERSON};
    edit *editor = edit_open(of);
    int presses = 0; /* of Ctrl-C at the prompt, one behind the other */
    int goes_on = 1;

    while (goes_on) {
        int is_first = split_is_empty(&from.statement);
        char *line = edit_read(editor, is_first ? of->prompt : of->prompt_more);

        if (line == NULL && interrupt_count() > 0) {
            interrupt_clear();
            presses = is_first ? presses + 1 : 0;
            goes_on = presses < 2;
            split_clear(&from.statement);
            continue;
        }
        presses = 0;
        if (line == NULL)
            break;
        interrupt_clear();
        goes_on = input_take_line(of, &from, line);
        interrupt_clear();
        free(line);
    }
    if (goes_on)
        input_finish(of, &from);
    split_free(&from.statement);
    edit_close(editor);
    return from.has_failed;
}

int
input_run_argument(shell *of, const char *line)
{
    int has_failed;

    if (line[0] != '.')
        return run_sql(of, line, RUN_ARGUMENT, 1);
    has_failed = command_run(of, line);
    shell_end_output(of);
    return has_failed;
}
