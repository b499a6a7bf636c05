/* test_shell_words.c - what the shell offers for a word, and how it shows where an error is. */
#include "../shell/complete.h"
#include "../shell/run.h"
#include "../shell/shell.h"
#include "../shell/text.h"
#include "lib/unit.h"

#include <stdio.h>
#include <string.h>

/* What is offered for a line, in brackets; its first words only. */
static const char *
complete_line(shell *of, const char *line)
{
    static char offered[400];
    complete_list found;
    size_t used = 0;

    complete_find(of, line, strlen(line), &found);
    offered[0] = '\0';
    for (size_t i = 0; i < found.count && used + 40 < sizeof offered; i++)
        used += (size_t)snprintf(offered + used, sizeof offered - used, "[%s]", found.words[i]);
    complete_free(&found);
    return offered;
}

static void
complete_finds_words(void)
{
    CHECK(complete_word_start("", 0) == 0);
    CHECK(complete_word_start("select ab", 9) == 7);
    CHECK(complete_word_start("a.b", 3) == 2);
    CHECK(complete_word_start("(\xc3\xa9t", 4) == 1);
    CHECK(complete_word_start("x ", 2) == 2);
}

static void
complete_joins_words(void)
{
    complete_list list = {0};

    CHECK(complete_common(&list) == 0);
    complete_add(&list, "select", 6);
    CHECK(complete_common(&list) == 6);
    complete_add(&list, "set", 3);
    complete_add(&list, "select", 6);
    complete_sort(&list);
    CHECK(list.count == 2 && complete_common(&list) == 2);
    CHECK_TEXT(list.words[0], "select");
    complete_free(&list);
}

static void
complete_offers_keywords_and_commands(void)
{
    shell state;

    shell_init(&state);
    CHECK_TEXT(complete_line(&state, "sel"), "[select]");
    CHECK_TEXT(complete_line(&state, "SEL"), "[SELECT]");
    CHECK_TEXT(complete_line(&state, "select distinct x from t wher"), "[where]");
    CHECK_TEXT(complete_line(&state, ".sche"), "[schema]");
    CHECK_TEXT(complete_line(&state, ".zz"), "");
    CHECK_TEXT(complete_line(&state, "zz"), "");
    CHECK(shell_deinit(&state) == 0);
}

static void
complete_offers_names(void)
{
    shell state;

    shell_init(&state);
    CHECK(run_sql(&state, "CREATE TABLE zebra(zone, zoo); CREATE TABLE zoology(a);", RUN_SCRIPT,
                  1) == 0);
    CHECK_TEXT(complete_line(&state, "select zo"), "[zone][zoo][zoology]");
    CHECK_TEXT(complete_line(&state, ".schema ze"), "[zebra]");
    CHECK_TEXT(complete_line(&state, "select ZEB"), "[zebra]");
    CHECK(shell_deinit(&state) == 0);
}

static void
complete_offers_files(void)
{
    shell state;
    char line[300];
    FILE *file = fopen(unit_path("some_script.sql"), "w");

    CHECK(file != NULL && fclose(file) == 0);
    shell_init(&state);
    (void)snprintf(line, sizeof line, ".read %s/some", unit_folder());
    CHECK_TEXT(complete_line(&state, line), "[some_script.sql]");
    (void)snprintf(line, sizeof line, ".read %s/other", unit_folder());
    CHECK_TEXT(complete_line(&state, line), "");
    CHECK(shell_deinit(&state) == 0);
}

static const char *
context_of(const char *sql, int offset)
{
    static char shown[400];
    text context = {0};

    run_add_context(&context, sql, offset);
    (void)snprintf(shown, sizeof shown, "%s", text_string(&context));
    text_free(&context);
    return shown;
}

static void
context_shows_the_place(void)
{
    CHECK_TEXT(context_of("select nope", 7), "\n  select nope\n         ^--- error here");
    CHECK_TEXT(context_of("x", 0), "\n  x\n  ^--- error here");
    CHECK_TEXT(context_of("select\n\tnope", 8), "\n  select  nope\n          ^--- error here");
    CHECK_TEXT(context_of("select 1, 2, 3, 4, 5, 6, 7, nope", 28),
               "\n  select 1, 2, 3, 4, 5, 6, 7, nope\n                error here ---^");
    CHECK_TEXT(context_of("select", -1), "");
    CHECK_TEXT(context_of("select", 6), "");
    CHECK_TEXT(context_of("select '\xe6\x97\xa5' nope", 13),
               "\n  select '\xe6\x97\xa5' nope\n              ^--- error here");
}

static void
context_cuts_long_statements(void)
{
    char sql[301];
    const char *shown;

    memset(sql, 'a', 300);
    sql[300] = '\0';
    sql[200] = 'X';
    shown = context_of(sql, 200);
    CHECK(strcspn(shown + 3, "\n") == 78);
    CHECK(strchr(shown, 'X') - shown == 3 + 50);
    CHECK(strchr(shown, '^') - strrchr(shown, '\n') == 3 + 50);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(complete_finds_words),
        UNIT_TEST(complete_joins_words),
        UNIT_TEST(complete_offers_keywords_and_commands),
        UNIT_TEST(complete_offers_names),
        UNIT_TEST(complete_offers_files),
        UNIT_TEST(context_shows_the_place),
        UNIT_TEST(context_cuts_long_statements),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
