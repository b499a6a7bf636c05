/* test_shell_split.c - how the shell finds statements in lines, and words in dot commands. */
#include "../shell/split.h"
#include "lib/unit.h"

#include <stdio.h>
#include <string.h>

/* Split a text of lines; each group of whole statements in brackets with its first line's number,
 * and "+" behind when a rest is left. */
static const char *
split_all(const char *lines)
{
    static char found[1024];
    split state = {{0}, 0, SPLIT_PLAIN, SPLIT_BEGIN, "", 0};
    uint64_t number = 0;
    size_t used = 0;

    found[0] = '\0';
    while (*lines != '\0') {
        size_t size = strcspn(lines, "\n");

        if (split_add_line(&state, lines, size, ++number)) {
            used += (size_t)snprintf(found + used, sizeof found - used, "%llu[%s]",
                                     (unsigned long long)state.first_line, text_string(&state.sql));
            split_clear(&state);
        }
        lines += size + (lines[size] == '\n');
    }
    if (!split_is_empty(&state))
        (void)snprintf(found + used, sizeof found - used, "+");
    split_free(&state);
    return found;
}

static void
split_ends_at_semicolons(void)
{
    CHECK_TEXT(split_all("select 1;\nselect 2;"), "1[select 1;\n]2[select 2;\n]");
    CHECK_TEXT(split_all("select\n1\n;"), "1[select\n1\n;\n]");
    CHECK_TEXT(split_all("select 1; select\n2;"), "1[select 1; select\n2;\n]");
    CHECK_TEXT(split_all("select 1"), "+");
    CHECK_TEXT(split_all("select 1;  -- done"), "1[select 1;  -- done\n]");
    CHECK_TEXT(split_all("select 1; /* done */"), "1[select 1; /* done */\n]");
    CHECK_TEXT(split_all(";"), "1[;\n]");
    CHECK_TEXT(split_all("\n\n\nselect 1;"), "4[select 1;\n]");
}

static void
split_drops_lines_without_statements(void)
{
    CHECK_TEXT(split_all(""), "");
    CHECK_TEXT(split_all("\n  \n\t\n-- comment\n/* one line */\n"), "");
    CHECK_TEXT(split_all("/* two\nlines */ select 1;"), "1[/* two\nlines */ select 1;\n]");
}

static void
split_knows_quotes_and_comments(void)
{
    CHECK_TEXT(split_all("select ';\n';"), "1[select ';\n';\n]");
    CHECK_TEXT(split_all("select 'a'';\n';"), "1[select 'a'';\n';\n]");
    CHECK_TEXT(split_all("select \";\n\";"), "1[select \";\n\";\n]");
    CHECK_TEXT(split_all("select [;\n];"), "1[select [;\n];\n]");
    CHECK_TEXT(split_all("select `;\n`;"), "1[select `;\n`;\n]");
    CHECK_TEXT(split_all("select 1 -- ;\n;"), "1[select 1 -- ;\n;\n]");
    CHECK_TEXT(split_all("select 1 /* ;\n */;"), "1[select 1 /* ;\n */;\n]");
    CHECK_TEXT(split_all("select 1 /* '\n */;"), "1[select 1 /* '\n */;\n]");
    CHECK_TEXT(split_all("select 4 - -1 / 2;"), "1[select 4 - -1 / 2;\n]");
    CHECK_TEXT(split_all("select '--';"), "1[select '--';\n]");
    CHECK_TEXT(split_all("select 'never"), "+");
    CHECK_TEXT(split_all("select 1; /* never"), "+");
}

static void
split_keeps_triggers_whole(void)
{
    CHECK_TEXT(split_all("create trigger t after insert on a begin\nselect 1;\nselect 2;\nend;"),
               "1[create trigger t after insert on a begin\nselect 1;\nselect 2;\nend;\n]");
    CHECK_TEXT(split_all("CREATE TEMP TRIGGER t BEGIN\nSELECT 1; END\n;"),
               "1[CREATE TEMP TRIGGER t BEGIN\nSELECT 1; END\n;\n]");
    CHECK_TEXT(split_all("explain query plan create temporary trigger t begin\nx;\n"), "+");
    CHECK_TEXT(split_all("create trigger t begin select case 1 when 1 then 2 end;\nend;"),
               "1[create trigger t begin select case 1 when 1 then 2 end;\nend;\n]");
    CHECK_TEXT(split_all("create trigger t begin x; end_of y;\nend;"),
               "1[create trigger t begin x; end_of y;\nend;\n]");
    CHECK_TEXT(split_all("create table trigger(a);\n"), "1[create table trigger(a);\n]");
    CHECK_TEXT(split_all("create triggers x;\n"), "1[create triggers x;\n]");
    CHECK_TEXT(split_all("create /* c */ trigger -- d\n t begin x;;\n end;"),
               "1[create /* c */ trigger -- d\n t begin x;;\n end;\n]");
}

static void
split_takes_end_lines(void)
{
    CHECK_TEXT(split_all("select 1\ngo\nselect 2\n / \n"), "1[select 1\n;\n]3[select 2\n;\n]");
    CHECK_TEXT(split_all("select '\ngo\n"), "+");
    CHECK_TEXT(split_all("create trigger t begin x;\ngo\n"), "+");
}

/* The words of a dot command, in brackets. */
static const char *
split_words_of(const char *line)
{
    static char found[256];
    char copy[128];
    char *words[4];
    size_t used = 0;
    size_t count;

    (void)snprintf(copy, sizeof copy, "%s", line);
    found[0] = '\0';
    count = split_words(copy, words, 4);
    for (size_t i = 0; i < count; i++)
        used += (size_t)snprintf(found + used, sizeof found - used, "[%s]", words[i]);
    return found;
}

static void
split_finds_words(void)
{
    CHECK_TEXT(split_words_of(""), "");
    CHECK_TEXT(split_words_of("  mode   box "), "[mode][box]");
    CHECK_TEXT(split_words_of("a 'b c' \"d e\""), "[a][b c][d e]");
    CHECK_TEXT(split_words_of("a\\tb 'a\\tb' \"a\\tb\""), "[a\tb][a\\tb][a\tb]");
    CHECK_TEXT(split_words_of("\"a\\\"b\" c"), "[a\"b][c]");
    CHECK_TEXT(split_words_of("\\101\\7z \\x"), "[A\az][x]");
    CHECK_TEXT(split_words_of("'' \"\""), "[][]");
    CHECK_TEXT(split_words_of("'open"), "[open]");
    CHECK_TEXT(split_words_of("a b c d e"), "[a][b][c][d]");
    CHECK_TEXT(split_words_of("a\\"), "[a\\]");
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(split_ends_at_semicolons),        UNIT_TEST(split_drops_lines_without_statements),
        UNIT_TEST(split_knows_quotes_and_comments), UNIT_TEST(split_keeps_triggers_whole),
        UNIT_TEST(split_takes_end_lines),           UNIT_TEST(split_finds_words),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
