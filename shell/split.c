/* split.c - gathering the lines of input into statements.
 *
 * Invariants
 *   S1  place and progress are those behind the last byte of sql, so that each byte is looked at
 *       once however many lines a statement has.
 *   S2  The shell's idea of a statement's end may only be late, never early: the library finds
 * where statements end in what it is given; what is cut too early is an error the user did not
 * make.
 */
#include "split.h"

#include <string.h>

static int
split_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static int
split_is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$' || (unsigned char)c >= 0x80;
}

static int
split_word_is(const split *of, const char *word)
{
    return of->word_size == strlen(word) && memcmp(of->word, word, of->word_size) == 0;
}

/* The progress behind a token: a word, or any other one (is_word 0). */
static split_progress
split_progress_behind(const split *of, int is_word)
{
    switch (of->progress) {
    case SPLIT_BEGIN:
    case SPLIT_EXPLAIN:
        if (!is_word)
            return SPLIT_OTHER;
        if (split_word_is(of, "CREATE"))
            return SPLIT_CREATE;
        if (split_word_is(of, "EXPLAIN") ||
            (of->progress == SPLIT_EXPLAIN &&
             (split_word_is(of, "QUERY") || split_word_is(of, "PLAN"))))
            return SPLIT_EXPLAIN;
        return SPLIT_OTHER;
    case SPLIT_CREATE:
        if (is_word && (split_word_is(of, "TEMP") || split_word_is(of, "TEMPORARY")))
            return SPLIT_CREATE;
        return is_word && split_word_is(of, "TRIGGER") ? SPLIT_TRIGGER : SPLIT_OTHER;
    case SPLIT_TRIGGER_SEMI:
        return is_word && split_word_is(of, "END") ? SPLIT_TRIGGER_END : SPLIT_TRIGGER;
    case SPLIT_TRIGGER:
    case SPLIT_TRIGGER_END:
        return SPLIT_TRIGGER;
    case SPLIT_OTHER:
        break;
    }
    return SPLIT_OTHER;
}

static split_progress
split_progress_behind_semicolon(split_progress progress)
{
    if (progress == SPLIT_TRIGGER || progress == SPLIT_TRIGGER_SEMI)
        return SPLIT_TRIGGER_SEMI;
    return SPLIT_BEGIN;
}

/* Between tokens: what begins at `at`? Returns the bytes taken. */
static size_t
split_begin_token(split *to, const char *at, size_t left)
{
    if (split_is_space(*at))
        return 1;
    if (left > 1 && at[0] == '-' && at[1] == '-') {
        to->place = SPLIT_LINE_COMMENT;
        return 2;
    }
    if (left > 1 && at[0] == '/' && at[1] == '*') {
        to->place = SPLIT_BLOCK_COMMENT;
        return 2;
    }
    if (*at == ';') {
        to->progress = split_progress_behind_semicolon(to->progress);
        return 1;
    }
    if (split_is_word(*at)) {
        to->place = SPLIT_WORD;
        to->word_size = 0;
        return 0;
    }
    to->progress = split_progress_behind(to, 0);
    to->place = *at == '\''  ? SPLIT_TEXT
                : *at == '"' ? SPLIT_NAME
                : *at == '`' ? SPLIT_BACKTICK
                : *at == '[' ? SPLIT_BRACKET
                             : SPLIT_PLAIN;
    return 1;
}

/* In a word: take a byte of it (1), or see that it has ended (0). */
static size_t
split_go_on_word(split *to, char c)
{
    if (!split_is_word(c)) {
        to->progress = split_progress_behind(to, 1);
        to->place = SPLIT_PLAIN;
        return 0;
    }
    if (to->word_size < sizeof to->word)
        to->word[to->word_size] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    to->word_size++;
    return 1;
}

/* Look at the next bytes; returns how many were taken. Doubled quotes end a text and begin another
 * one, which comes to the same. */
static size_t
split_step(split *to, const char *at, size_t left)
{
    static const char closers[] = {[SPLIT_TEXT] = '\'',
                                   [SPLIT_NAME] = '"',
                                   [SPLIT_BACKTICK] = '`',
                                   [SPLIT_BRACKET] = ']',
                                   [SPLIT_LINE_COMMENT] = '\n'};

    switch (to->place) {
    case SPLIT_PLAIN:
        return split_begin_token(to, at, left);
    case SPLIT_WORD:
        return split_go_on_word(to, *at);
    case SPLIT_BLOCK_COMMENT:
        if (left > 1 && at[0] == '*' && at[1] == '/') {
            to->place = SPLIT_PLAIN;
            return 2;
        }
        return 1;
    case SPLIT_TEXT:
    case SPLIT_NAME:
    case SPLIT_BACKTICK:
    case SPLIT_BRACKET:
    case SPLIT_LINE_COMMENT:
        break;
    }
    if (*at == closers[to->place])
        to->place = SPLIT_PLAIN;
    return 1;
}

/* A line with nothing but "/" or "go", as other databases' scripts end statements. */
static int
split_is_end_line(const char *line, size_t size)
{
    while (size > 0 && split_is_space(line[0])) {
        line++;
        size--;
    }
    while (size > 0 && split_is_space(line[size - 1]))
        size--;
    return (size == 1 && line[0] == '/') ||
           (size == 2 && (line[0] | 0x20) == 'g' && (line[1] | 0x20) == 'o');
}

int
split_add_line(split *to, const char *line, size_t size, uint64_t number)
{
    int was_empty = split_is_empty(to);
    size_t at;

    if (!was_empty && to->place == SPLIT_PLAIN &&
        (to->progress == SPLIT_OTHER || to->progress == SPLIT_TRIGGER_END) &&
        split_is_end_line(line, size)) {
        text_add_string(&to->sql, ";\n");
        to->progress = SPLIT_BEGIN;
        return 1;
    }
    if (was_empty)
        to->first_line = number;
    at = to->sql.size;
    text_add(&to->sql, line, size);
    text_add_char(&to->sql, '\n');
    while (at < to->sql.size)
        at += split_step(to, to->sql.data + at, to->sql.size - at);
    if (to->progress != SPLIT_BEGIN || to->place != SPLIT_PLAIN)
        return 0;
    if (was_empty && memchr(line, ';', size) == NULL) {
        text_clear(&to->sql);
        return 0;
    }
    return 1;
}

int
split_is_empty(const split *of)
{
    return of->sql.size == 0;
}

void
split_clear(split *of)
{
    text_clear(&of->sql);
    of->place = SPLIT_PLAIN;
    of->progress = SPLIT_BEGIN;
    of->word_size = 0;
}

void
split_free(split *of)
{
    text_free(&of->sql);
    split_clear(of);
}

/* ---- dot commands ---- */

static char
split_escape(char c)
{
    static const char letters[] = "abtnvfr";
    static const char meanings[] = "\a\b\t\n\v\f\r";
    const char *found = c == '\0' ? NULL : strchr(letters, c);

    return found == NULL ? c : meanings[found - letters];
}

/* Replace what backslashes say, in place. */
static void
split_resolve(char *word)
{
    char *to = word;

    while (*word != '\0') {
        if (word[0] != '\\' || word[1] == '\0') {
            *to++ = *word++;
        } else if (word[1] >= '0' && word[1] <= '7') {
            unsigned value = 0;
            int digits = 0;

            for (word++; digits < 3 && *word >= '0' && *word <= '7'; digits++)
                value = value * 8 + (unsigned)(*word++ - '0');
            *to++ = (char)(unsigned char)value;
        } else {
            *to++ = split_escape(word[1]);
            word += 2;
        }
    }
    *to = '\0';
}

size_t
split_words(char *line, char **words, size_t max)
{
    size_t count = 0;

    while (count < max) {
        char quote = 0;

        while (split_is_space(*line))
            line++;
        if (*line == '\0')
            break;
        if (*line == '\'' || *line == '"')
            quote = *line++;
        words[count++] = line;
        while (*line != '\0' && (quote != 0 ? *line != quote : !split_is_space(*line))) {
            if (quote == '"' && line[0] == '\\' && line[1] != '\0')
                line++;
            line++;
        }
        if (*line != '\0')
            *line++ = '\0';
        if (quote != '\'')
            split_resolve(words[count - 1]);
    }
    return count;
}
