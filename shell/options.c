/* options.c - the command line of the program.
 *
 * Invariants
 *   O1  The command line is read twice: first for the database, the start-up file and what else
 * must be known before anything runs; then in order for settings and commands, so that these win
 *       over the start-up file. */
#define _GNU_SOURCE
#include "options.h"
#include "demo.h"
#include "input.h"
#include "interrupt.h"
#include "memory.h"
#include "shell.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char options_usage[] =
    "usage: velocidb [OPTIONS] [FILE [SQL ...]]\n"
    "FILE is a database, which is made when it does not exist; without one a database in memory\n"
    "is used. SQL may also be dot commands. Without SQL, standard input is read.\n"
    "\n"
    "  -ascii -box -column -csv -html -json -line -list -markdown -quote -table -tabs -tcl\n"
    "                       form of results\n"
    "  -header, -noheader   print names of columns, or not\n"
    "  -separator SEP       between columns; \"|\" at first\n"
    "  -newline SEP         between rows; a line end at first\n"
    "  -nullvalue TEXT      stands for NULL\n"
    "  -init FILE           run this at the start, in place of ~/.velocidbrc\n"
    "  -cmd COMMAND         run this before standard input or SQL; may be given several times\n"
    "  -bail                stop at the first error\n"
    "  -echo                print what is run\n"
    "  -batch               never ask as if a person were there\n"
    "  -interactive         always ask\n"
    "  -readonly            change nothing\n"
    "  -version, -help\n"
    "\n"
    "  convert OLD NEW      make a database of SQLite's into one of VelociDB's, or the other way\n"
    "  --demo [FILE]        make a data set of about 200,000 rows and ask some queries\n"
    "  --machine [FOLDER]   what the library found on this machine; with FOLDER also the fastest\n"
    "                       durable append there (takes about a second)\n";

/* What must be known before anything runs. */
typedef struct options {
    const char *file;   /* of the database; NULL for none */
    const char *init;   /* start-up file; NULL for the usual one */
    char **sql;         /* arguments behind the file; owned, the texts are borrowed */
    size_t sql_count;   /* of them */
    int is_batch;       /* never ask */
    int is_interactive; /* always ask */
    int is_read_only;   /* open for reading */
    int wants_help;     /* only print how to call the program */
    int wants_version;  /* only print the version */
} options;

/* An option as it is compared: with one dash. */
static const char *
options_name(const char *word)
{
    return word + (word[0] == '-' && word[1] == '-');
}

static int
options_is_one_of(const char *name, const char *const *names)
{
    for (; *names != NULL; names++)
        if (strcmp(name, *names) == 0)
            return 1;
    return 0;
}

/* Whether an option has an argument behind it. */
static int
options_has_argument(const char *name)
{
    static const char *const names[] = {"-separator", "-newline", "-nullvalue",
                                        "-init",      "-cmd",     NULL};

    return options_is_one_of(name, names);
}

/* Options that change how results look, and the like; applied in the second pass. */
static int
options_is_setting(const char *name)
{
    static const char *const names[] = {"-ascii", "-box",    "-column", "-csv",      "-html",
                                        "-json",  "-line",   "-list",   "-markdown", "-quote",
                                        "-table", "-tabs",   "-tcl",    "-header",   "-noheader",
                                        "-bail",  "-nobail", "-echo",   NULL};

    return options_is_one_of(name, names);
}

static int
options_fail(const char *what, const char *word, const char *more)
{
    (void)fprintf(stderr, "velocidb: Error: %s %s\n%s", what, word, more);
    return 1;
}

/* The first pass (O1). */
static int
options_read(int argc, char **argv, options *found)
{
    for (int i = 1; i < argc; i++) {
        const char *name = options_name(argv[i]);

        if (name[0] != '-' || name[1] == '\0') {
            if (found->file == NULL)
                found->file = argv[i];
            else
                found->sql[found->sql_count++] = argv[i];
            continue;
        }
        if (options_has_argument(name) && i + 1 == argc)
            return options_fail("missing argument to", argv[i], "");
        if (strcmp(name, "-init") == 0)
            found->init = argv[++i];
        else if (options_has_argument(name))
            i++;
        else if (strcmp(name, "-batch") == 0)
            found->is_batch = 1;
        else if (strcmp(name, "-interactive") == 0)
            found->is_interactive = 1;
        else if (strcmp(name, "-readonly") == 0)
            found->is_read_only = 1;
        else if (strcmp(name, "-help") == 0)
            found->wants_help = 1;
        else if (strcmp(name, "-version") == 0)
            found->wants_version = 1;
        else if (!options_is_setting(name))
            return options_fail("unknown option:", argv[i], "Use -help for a list of options.\n");
    }
    return 0;
}

static void
options_apply_setting(shell *of, const char *name)
{
    if (strcmp(name, "-header") == 0 || strcmp(name, "-noheader") == 0) {
        of->settings.has_headers = name[1] == 'h';
        of->has_chosen_headers = 1;
    } else if (strcmp(name, "-bail") == 0 || strcmp(name, "-nobail") == 0) {
        of->bails = name[1] == 'b';
    } else if (strcmp(name, "-echo") == 0) {
        of->echoes = 1;
    } else {
        int had_headers = of->settings.has_headers;

        (void)shell_set_mode(of, name + 1); /* the first pass knew it */
        of->settings.has_headers = had_headers;
        if (of->settings.kind == MODE_CSV)
            shell_set_separators(of, NULL, "\n");
    }
}

/* The second pass (O1). */
static int
options_apply(shell *of, int argc, char **argv)
{
    int has_failed = 0;

    for (int i = 1; i < argc && !of->wants_end; i++) {
        const char *name = options_name(argv[i]);

        if (strcmp(name, "-separator") == 0) {
            shell_set_separators(of, argv[++i], NULL);
        } else if (strcmp(name, "-newline") == 0) {
            shell_set_separators(of, NULL, argv[++i]);
        } else if (strcmp(name, "-nullvalue") == 0) {
            memory_replace_text(&of->null_text, argv[++i]);
            of->settings.null_text = of->null_text;
        } else if (strcmp(name, "-cmd") == 0) {
            has_failed |= input_run_argument(of, argv[++i]);
            if (has_failed && of->bails)
                return 1;
        } else if (options_has_argument(name)) {
            i++;
        } else if (options_is_setting(name)) {
            options_apply_setting(of, name);
        }
    }
    return has_failed;
}

/* Run the start-up file: the one that was named, which must be there, or ~/.velocidbrc. */
static int
options_run_init(shell *of, const options *found)
{
    const char *home = getenv("HOME");
    text path = {0};
    int has_failed = 0;

    if (found->init != NULL) {
        if (found->init[0] == '\0')
            return 0;
        return input_run_file(of, found->init);
    }
    if (home == NULL || home[0] == '\0')
        return 0;
    text_add_format(&path, "%s/.velocidbrc", home);
    if (access(text_string(&path), R_OK) == 0) {
        if (of->is_interactive)
            (void)fprintf(stderr, "-- Loading resources from %s\n", text_string(&path));
        has_failed = input_run_file(of, text_string(&path));
    }
    text_free(&path);
    return has_failed;
}

static int
options_run_person(shell *of)
{
    (void)printf("VelociDB %s\nEnter \".help\" for usage hints.\n", velo_version());
    if (strcmp(of->path, ":memory:") == 0)
        (void)printf("Connected to a transient in-memory database.\n"
                     "Use \".open FILENAME\" to reopen on a persistent database.\n");
    return input_run_person(of);
}

/* Everything, with the shell made. Returns 1 when something failed. */
static int
options_run(shell *of, const options *found, int argc, char **argv)
{
    int has_failed;

    if (found->file != NULL)
        memory_replace_text(&of->path, found->file);
    of->is_read_only = found->is_read_only;
    if (found->file != NULL && shell_connect(of))
        return 1; /* said; nothing can be done with it */
    has_failed = options_run_init(of, found);
    has_failed |= options_apply(of, argc, argv);
    if (of->wants_end || (has_failed && of->bails))
        return has_failed;
    for (size_t i = 0; i < found->sql_count && !of->wants_end; i++)
        if (input_run_argument(of, found->sql[i]))
            return 1;
    if (found->sql_count > 0 || of->wants_end)
        return has_failed;
    has_failed |= of->is_interactive ? options_run_person(of) : input_run_stream(of, stdin);
    return has_failed;
}

int
options_main(int argc, char **argv)
{
    shell state;
    options found = {0};
    int has_failed;
    int exit_code;

    found.sql = memory_take((size_t)argc * sizeof *found.sql);
    if (options_read(argc, argv, &found)) {
        free(found.sql);
        return 1;
    }
    shell_init(&state);
    state.is_interactive = found.is_interactive || (!found.is_batch && isatty(STDIN_FILENO));
    interrupt_install();
    if (found.wants_help || found.wants_version) {
        if (found.wants_help)
            (void)fputs(options_usage, stdout);
        else
            (void)printf("velocidb %s\n", velo_version());
        has_failed = 0;
    } else {
        has_failed = options_run(&state, &found, argc, argv);
    }
    exit_code = state.exit_code;
    has_failed |= shell_deinit(&state);
    free(found.sql);
    return exit_code != 0 ? exit_code : has_failed;
}

int
options_demo(const char *path)
{
    shell state;
    int has_failed;

    shell_init(&state);
    interrupt_install();
    if (path != NULL)
        memory_replace_text(&state.path, path);
    has_failed = demo_run(&state, DEMO_ORDERS);
    return shell_deinit(&state) | has_failed;
}
