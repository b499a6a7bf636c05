/* edit.c - reading lines from a terminal.
 *
 * Invariants
 *   E1  Every wait for input is one of interrupt_wait, so that Ctrl-C breaks a line off; the next
 *       one begins empty.
 *   E2  The history file is read and written by its owner only.
 *   E3  libedit is loaded at the first line that is read from a terminal, and not before: it and
 *       what it needs are four of the libraries of a program that mostly runs one statement. */
#define _GNU_SOURCE
#include "edit.h"
#include "complete.h"
#include "interrupt.h"
#include "memory.h"
#include "text.h"
#include "width.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#if VELO_HAVE_EDIT

#include <dlfcn.h>
#include <histedit.h>
#include <locale.h>

#define EDIT_HISTORY_LINES 2000
#define EDIT_SHOWN_MAX     200U /* words that a completion shows */
#define EDIT_SCREEN        80U  /* columns that it shows them in */

/* What is used of libedit, by its names there. */
#define EDIT_FUNCTIONS(each)                                                                       \
    each(el_init) each(el_set) each(el_get) each(el_line) each(el_deletestr) each(el_insertstr)    \
        each(el_reset) each(el_gets) each(el_end) each(el_source) each(history_init) each(history) \
            each(history_end)

/* The library; all NULL until it is loaded. */
static struct edit_library {
#define EDIT_POINTER(name) __typeof__(name) *name;
    EDIT_FUNCTIONS(EDIT_POINTER)
#undef EDIT_POINTER
} edit_library;

/* Load a function; returns 0 when there is none. POSIX has pointers to functions in pointers to
 * void. */
static int
edit_load_function(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);

    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

/* Load libedit; returns 0 when it is not there. It stays. keeps E3 */
static int
edit_load(void)
{
    static const char *const names[] = {"libedit.so.2", "libedit.so.0", "libedit.so"};
    void *library = NULL;
    int is_whole = 1;

    for (size_t i = 0; library == NULL && i < sizeof names / sizeof names[0]; i++)
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return 0;
#define EDIT_LOAD(name) is_whole &= edit_load_function(library, #name, &edit_library.name);
    EDIT_FUNCTIONS(EDIT_LOAD)
#undef EDIT_LOAD
    return is_whole;
}

struct edit {
    shell *of;          /* for the names that completion offers */
    EditLine *line;     /* the editor, or NULL when it cannot work */
    History *history;   /* its memory */
    char *history_path; /* where that is kept; owned, or NULL */
    const char *prompt; /* of the line being read */
};

static char *
edit_prompt(EditLine *line)
{
    edit *of = NULL;
    static char copy[256];

    (void)edit_library.el_get(line, EL_CLIENTDATA, &of);
    (void)snprintf(copy, sizeof copy, "%s", of->prompt);
    return copy;
}

/* Read a character, as libedit's own function does, but end when Ctrl-C was pressed. */
static int
edit_read_character(EditLine *line, wchar_t *character)
{
    mbstate_t state;
    int input = STDIN_FILENO;

    (void)line;
    memset(&state, 0, sizeof state);
    for (;;) {
        char byte;
        ssize_t got = interrupt_wait(input) ? read(input, &byte, 1) : -1;
        size_t size;

        if (got < 0 && interrupt_count() == 0 && (errno == EINTR || errno == EAGAIN))
            continue; /* the window changed its size */
        if (got <= 0)
            return got == 0 ? 0 : -1;
        size = mbrtowc(character, &byte, 1, &state);
        if (size == (size_t)-2)
            continue;
        if (size == (size_t)-1) {
            memset(&state, 0, sizeof state); /* no character of the locale: dropped */
            continue;
        }
        return 1;
    }
}

/* Show the words that a completion may become, in columns. */
static void
edit_show(const complete_list *found)
{
    size_t width = 1;
    size_t shown = found->count < EDIT_SHOWN_MAX ? found->count : EDIT_SHOWN_MAX;
    size_t columns;

    for (size_t i = 0; i < shown; i++) {
        size_t own = width_of(found->words[i], strlen(found->words[i]));

        width = own > width ? own : width;
    }
    columns = EDIT_SCREEN / (width + 2) == 0 ? 1 : EDIT_SCREEN / (width + 2);
    for (size_t i = 0; i < shown; i++) {
        size_t own = width_of(found->words[i], strlen(found->words[i]));

        if (i % columns == 0)
            (void)putchar('\n');
        (void)printf("%s%*s", found->words[i], (int)(width + 2 - own), "");
    }
    if (shown < found->count)
        (void)printf("\n(and %zu more)", found->count - shown);
    (void)putchar('\n');
    (void)fflush(stdout);
}

static unsigned char
edit_complete(EditLine *line, int key)
{
    const LineInfo *info = edit_library.el_line(line);
    size_t size = (size_t)(info->cursor - info->buffer);
    complete_list found;
    edit *of = NULL;
    size_t start;
    size_t common;
    unsigned char result = CC_REFRESH;

    (void)key;
    (void)edit_library.el_get(line, EL_CLIENTDATA, &of);
    start = complete_word_start(info->buffer, size);
    complete_find(of->of, info->buffer, size, &found);
    common = complete_common(&found);
    if (found.count == 0) {
        result = CC_ERROR;
    } else if (common >= size - start && (common > size - start || found.count == 1)) {
        text word = {0};

        text_add(&word, found.words[0], common);
        if (found.count == 1)
            text_add_char(&word, ' ');
        edit_library.el_deletestr(line, (int)(size - start));
        (void)edit_library.el_insertstr(line, text_string(&word));
        text_free(&word);
    } else {
        edit_show(&found);
        result = CC_REDISPLAY;
    }
    complete_free(&found);
    return result;
}

/* The path of the history file, or NULL without a home. */
static char *
edit_find_history(void)
{
    const char *named = getenv("VELOCIDB_HISTORY");
    const char *home = getenv("HOME");
    text path = {0};
    char *copy;

    if (named != NULL)
        return named[0] == '\0' ? NULL : memory_copy_text(named);
    if (home == NULL || home[0] == '\0')
        return NULL;
    text_add_format(&path, "%s/.velocidb_history", home);
    copy = memory_copy_text(text_string(&path));
    text_free(&path);
    return copy;
}

static void
edit_begin_history(edit *of)
{
    HistEvent event;

    of->history = edit_library.history_init();
    if (of->history == NULL)
        return;
    (void)edit_library.history(of->history, &event, H_SETSIZE, EDIT_HISTORY_LINES);
    (void)edit_library.history(of->history, &event, H_SETUNIQUE, 1);
    of->history_path = edit_find_history();
    if (of->history_path != NULL)
        (void)edit_library.history(of->history, &event, H_LOAD,
                                   of->history_path); /* none yet: begins empty */
    (void)edit_library.el_set(of->line, EL_HIST, edit_library.history, of->history);
}

int
edit_is_available(void)
{
    return 1;
}

edit *
edit_open(shell *of)
{
    edit *editor = memory_take(sizeof *editor);

    editor->of = of;
    editor->prompt = "";
    (void)setlocale(LC_CTYPE, "");
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return editor;
    if (!edit_load()) {
        (void)fputs("velocidb: libedit cannot be loaded: lines are read without editing\n", stderr);
        return editor;
    }
    editor->line = edit_library.el_init("velocidb", stdin, stdout, stderr);
    if (editor->line == NULL)
        return editor;
    (void)edit_library.el_set(editor->line, EL_CLIENTDATA, editor);
    (void)edit_library.el_set(editor->line, EL_PROMPT, edit_prompt);
    (void)edit_library.el_set(editor->line, EL_EDITOR, "emacs");
    (void)edit_library.el_set(editor->line, EL_GETCFN, edit_read_character);
    (void)edit_library.el_set(editor->line, EL_ADDFN, "velocidb-complete", "complete a word",
                              edit_complete);
    (void)edit_library.el_set(editor->line, EL_BIND, "^I", "velocidb-complete", NULL);
    (void)edit_library.el_set(editor->line, EL_BIND, "^R", "em-inc-search-prev", NULL);
    edit_begin_history(editor);
    (void)edit_library.el_source(editor->line, NULL); /* the user's ~/.editrc, if there is one */
    return editor;
}

static char *
edit_read_edited(edit *of, const char *prompt)
{
    int count = 0;
    const char *line;
    HistEvent event;

    of->prompt = prompt;
    line = edit_library.el_gets(of->line, &count);
    if (line == NULL || count <= 0) {
        edit_library.el_reset(of->line); /* keeps E1 */
        (void)putchar('\n');
        return NULL;
    }
    if (line[strspn(line, " \t\r\n")] != '\0' && of->history != NULL)
        (void)edit_library.history(of->history, &event, H_ENTER, line);
    return memory_copy(line, strcspn(line, "\r\n"));
}

static void
edit_end_history(edit *of)
{
    HistEvent event;
    mode_t mask = umask(077); /* keeps E2 */

    if (of->history_path != NULL &&
        edit_library.history(of->history, &event, H_SAVE, of->history_path) < 0)
        (void)fprintf(stderr, "velocidb: the history could not be written to \"%s\"\n",
                      of->history_path);
    (void)umask(mask);
    edit_library.history_end(of->history);
}

static void
edit_end(edit *of)
{
    if (of->history != NULL)
        edit_end_history(of);
    if (of->line != NULL)
        edit_library.el_end(of->line);
    free(of->history_path);
}

#else

struct edit {
    shell *of;  /* whose terminal it is */
    void *line; /* always NULL: there is no editor */
};

int
edit_is_available(void)
{
    return 0;
}

edit *
edit_open(shell *of)
{
    edit *editor = memory_take(sizeof *editor);

    editor->of = of;
    return editor;
}

static char *
edit_read_edited(edit *of, const char *prompt)
{
    (void)of;
    (void)prompt;
    return NULL;
}

static void
edit_end(edit *of)
{
    (void)of;
}

#endif

/* A line as it comes. */
static char *
edit_read_plainly(const char *prompt)
{
    text line = {0};
    char byte = '\0';
    ssize_t got = 0;
    char *copy = NULL;

    (void)fputs(prompt, stdout);
    (void)fflush(stdout);
    while (byte != '\n') {
        got = interrupt_wait(STDIN_FILENO) ? read(STDIN_FILENO, &byte, 1) : -1;
        if (got == 1)
            text_add_char(&line, byte);
        else if (got == 0 || interrupt_count() > 0 || (errno != EINTR && errno != EAGAIN))
            break;
    }
    if (got < 0 || line.size == 0)
        (void)putchar('\n');
    else
        copy = memory_copy(text_string(&line), strcspn(text_string(&line), "\r\n"));
    text_free(&line);
    return copy;
}

char *
edit_read(edit *of, const char *prompt)
{
    return of->line != NULL ? edit_read_edited(of, prompt) : edit_read_plainly(prompt);
}

void
edit_close(edit *of)
{
    if (of == NULL)
        return;
    edit_end(of);
    free(of);
}
