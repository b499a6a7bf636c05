/* test_diff.c - random SQL gives the same on this library as on SQLite's.
 *
 * Each round makes a script from the seed and its number, and runs it on both. Where they differ,
 * the script is made smaller as long as they still differ, and printed with its number.
 * VELO_DIFF_ROUNDS sets the number of rounds, and VELO_DIFF_FIRST that of the first one, to repeat
 * it. */
#include "diff/diff_gen.h"
#include "lib/engine.h"
#include "lib/unit.h"

#include <stdio.h>
#include <stdlib.h>

#define ROUNDS          60
#define DIFFERENCE_SIZE 4096
#define FAILURES_MAX    5

/* Where two engines differ. */
typedef struct diff_found {
    size_t at; /* the statement */
    char text[DIFFERENCE_SIZE];
} diff_found;

static void
text_add_row(char *text, const engine_answer *answer, size_t row)
{
    char room[256];

    for (int i = 0; i < answer->column_count; i++) {
        size_t size = strlen(text);

        engine_write(&answer->values[row * (size_t)answer->column_count + (size_t)i], room,
                     sizeof room);
        (void)snprintf(text + size, DIFFERENCE_SIZE - size, "%s%s", i > 0 ? "|" : "", room);
    }
    (void)snprintf(text + strlen(text), DIFFERENCE_SIZE - strlen(text), "\n");
}

static int
row_same(const engine_answer *a, size_t i, const engine_answer *b, size_t k, int is_loose)
{
    size_t width = (size_t)a->column_count;

    for (size_t column = 0; column < width; column++)
        if (!engine_same(&a->values[i * width + column], &b->values[k * width + column], is_loose))
            return 0;
    return 1;
}

/* Whether an answer has a row like that one. */
static int
answer_has(const engine_answer *answer, const engine_answer *other, size_t row)
{
    for (size_t i = 0; i < answer->row_count; i++)
        if (answer->column_count == other->column_count && row_same(answer, i, other, row, 0))
            return 1;
    return 0;
}

/* Tell what an answer is, and first those of its rows that the other has not. */
static void
text_add_answer(char *text, const char *name, const engine_answer *answer,
                const engine_answer *other)
{
    size_t size = strlen(text);
    int told = 0;

    (void)snprintf(text + size, DIFFERENCE_SIZE - size, "%s: code %d %s, %zu rows\n", name,
                   answer->code, answer->error, answer->row_count);
    for (int is_rest = 0; is_rest < 2; is_rest++)
        for (size_t i = 0; i < answer->row_count && told < 12; i++)
            if (answer_has(other, answer, i) == is_rest) {
                text_add_row(text, answer, i);
                told++;
            }
}

/* Whether each row of one has a row of its own in the other. */
static int
rows_same(const engine_answer *a, const engine_answer *b, int is_loose)
{
    char *is_taken = calloc(b->row_count + 1, 1);
    int same = is_taken != NULL;

    for (size_t i = 0; i < a->row_count && same; i++) {
        size_t k = i; /* mostly they are in the same order */

        for (size_t tries = 0; tries < b->row_count; tries++, k = (k + 1) % b->row_count)
            if (!is_taken[k] && row_same(a, i, b, k, is_loose))
                break;
        same = !is_taken[k] && row_same(a, i, b, k, is_loose);
        is_taken[k] = 1;
    }
    free(is_taken);
    return same;
}

static int
answers_same(const engine_answer *a, const engine_answer *b, unsigned flags)
{
    if (a->code != b->code)
        return 0;
    if (a->code != 0) /* which rows come before an error is open */
        return 1;
    if (a->column_count != b->column_count || a->row_count != b->row_count ||
        !rows_same(a, b, (flags & DIFF_LOOSE) != 0))
        return 0;
    for (size_t i = 0; (flags & DIFF_ORDERED) != 0 && i < a->row_count; i++)
        if (!row_same(a, i, b, i, 1))
            return 0;
    return 1;
}

/* Run a statement on both; 1 when they agree, else what they gave is told. */
static int
statement_same(engine *const on[2], const char *sql, unsigned flags, diff_found *found)
{
    engine_answer answers[2];
    int same;

    engine_run(on[0], sql, &answers[0]);
    engine_run(on[1], sql, &answers[1]);
    same = answers_same(&answers[0], &answers[1], flags);
    /* A query that takes too long on either side tells nothing. */
    if (answers[0].code == 9 || answers[1].code == 9)
        same = 1;
    if (!same) {
        (void)snprintf(found->text, sizeof found->text, "%s;\n", sql);
        text_add_answer(found->text, "velocidb", &answers[0], &answers[1]);
        text_add_answer(found->text, "sqlite", &answers[1], &answers[0]);
    }
    engine_answer_free(&answers[0]);
    engine_answer_free(&answers[1]);
    return same;
}

/* Run what is kept of a script on both; 1 when they agree. */
static int
script_same(const diff_script *script, const char *is_dropped, size_t *statements,
            diff_found *found)
{
    engine *on[2] = {engine_open(ENGINE_VELO), engine_open(ENGINE_SQLITE)};
    int same = on[0] != NULL && on[1] != NULL;

    found->text[0] = 0;
    for (size_t i = 0; i < script->count && same; i++) {
        const diff_statement *statement = &script->list[i];

        if (is_dropped[i])
            continue;
        found->at = i;
        same = statement_same(on, statement->sql, statement->flags, found);
        (*statements)++;
        for (size_t k = 0;
             k < script->table_count && same && (statement->flags & DIFF_CHANGES) != 0; k++)
            same = statement_same(on, script->probes[k], 0, found);
    }
    engine_close(on[0]);
    engine_close(on[1]);
    return same;
}

/* Drop what the difference does not need: first halves, quarters and so on, at last single ones. */
static void
script_shrink(const diff_script *script, char *is_dropped, diff_found *found)
{
    diff_found next;
    size_t statements = 0;

    for (size_t size = script->count / 2; size > 0; size = size / 2) {
        for (size_t from = 0; from < script->count; from += size) {
            char was[256];
            size_t end = from + size < script->count ? from + size : script->count;

            memcpy(was, is_dropped, script->count);
            memset(is_dropped + from, 1, end - from);
            if (script_same(script, is_dropped, &statements, &next) || next.text[0] == 0)
                memcpy(is_dropped, was, script->count);
            else
                *found = next;
        }
    }
}

/* One round; 1 when both agree. */
static int
round_run(uint64_t number, size_t *statements)
{
    diff_script script;
    diff_found found;
    char is_dropped[256] = {0};
    int same;

    diff_script_make(unit_seed() + number, &script);
    same = script_same(&script, is_dropped, statements, &found);
    if (!same) {
        memset(is_dropped + found.at + 1, 1, script.count - found.at - 1);
        script_shrink(&script, is_dropped, &found);
        printf("-- round %llu\n", (unsigned long long)number);
        for (size_t i = 0; i < script.count; i++)
            if (!is_dropped[i])
                printf("%s;\n", script.list[i].sql);
        printf("-- differs in: %s\n", found.text);
        unit_failed(__FILE__, __LINE__, "round %llu differs", (unsigned long long)number);
    }
    diff_script_free(&script);
    return same;
}

static unsigned long
setting(const char *name, unsigned long otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoul(text, NULL, 10) : otherwise;
}

static void
diff_random_sql_gives_what_sqlite_gives(void)
{
    unsigned long rounds = setting("VELO_DIFF_ROUNDS", ROUNDS);
    unsigned long first = setting("VELO_DIFF_FIRST", 0);
    size_t statements = 0;
    unsigned failures = 0;

    if (engine_sqlite_version() < 3040000) {
        unit_skip("there is no SQLite of 3.40 or later (libsqlite3.so.0)");
        return;
    }
    for (unsigned long i = 0; i < rounds && failures < FAILURES_MAX; i++)
        failures += !round_run(first + i, &statements);
    CHECK(statements >= 10 * rounds || failures > 0);
    printf("test_diff: %zu statements\n", statements);
}

static const unit_test tests[] = {
    UNIT_TEST(diff_random_sql_gives_what_sqlite_gives),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
