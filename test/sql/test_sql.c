/* test_sql.c - runs the cases of test/sql (NAME.slt), on this library and on SQLite.
 *
 * A file is a list of cases, divided by empty lines, each run on the same database in memory:
 *
 *   # text                  a remark
 *   statement ok            the lines that follow are one statement, which succeeds
 *   statement error PART    it fails, with a message that contains PART ("" for any)
 *   query [rowsort]         it gives the rows that stand behind a line "----", one a line, values
 *                           divided by |; with rowsort in the order of their texts
 *   differs REASON          the next case is not for SQLite's library, or not for that of its age
 *
 * NULL is NULL, an empty text (empty), a blob x'00ff', a real has 15 digits and a point, and a
 * control character in a text is @. */
#define _GNU_SOURCE
#include "lib/engine.h"
#include "lib/unit.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define FILES_MAX 200
#define TEXT_SIZE 65536

/* A case as it is read. */
typedef struct sql_case {
    int line;       /* of its first line */
    int is_query;   /* has rows */
    int is_error;   /* is to fail */
    int is_sorted;  /* rowsort */
    int differs;    /* is not for SQLite */
    char part[256]; /* of the message */
    char *sql;      /* in TEXT_SIZE bytes */
    char *wanted;   /* the same: rows, each with a newline */
    char *got;      /* the same */
} sql_case;

typedef struct sql_run {
    engine_kind kind;
    const char *path; /* of the file */
    unsigned count;   /* cases that ran */
} sql_run;

static void
text_add(char *text, const char *more)
{
    size_t size = strlen(text);

    (void)snprintf(text + size, TEXT_SIZE - size, "%s", more);
}

/* A value as a file has it. */
static void
text_add_value(char *text, const engine_value *value)
{
    char room[4096];

    if (value->type == 2) {
        (void)snprintf(room, sizeof room, "%.15g", value->real);
        if (isinf(value->real))
            (void)snprintf(room, sizeof room, value->real > 0 ? "Inf" : "-Inf");
        else if (strpbrk(room, ".e") == NULL)
            text_add(room, ".0");
    } else if (value->type == 3) {
        (void)snprintf(room, sizeof room, "%s", value->size == 0 ? "(empty)" : value->bytes);
        for (char *at = room; *at != 0; at++)
            if (*at > 0 && *at < ' ')
                *at = '@';
    } else {
        engine_write(value, room, sizeof room);
    }
    text_add(text, room);
}

static int
line_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Put the lines of a text into order. */
static void
text_sort(char *text)
{
    char *copy = strdup(text);
    char *lines[4096];
    size_t count = 0;
    char *more = NULL;

    for (char *line = strtok_r(copy, "\n", &more); line != NULL && count < VL_ARRAY_COUNT(lines);
         line = strtok_r(NULL, "\n", &more))
        lines[count++] = line;
    qsort(lines, count, sizeof *lines, line_compare);
    text[0] = 0;
    for (size_t i = 0; i < count; i++) {
        text_add(text, lines[i]);
        text_add(text, "\n");
    }
    free(copy);
}

static void
case_give_rows(sql_case *one, const engine_answer *answer)
{
    one->got[0] = 0;
    for (size_t row = 0; row < answer->row_count; row++) {
        for (int i = 0; i < answer->column_count; i++) {
            if (i > 0)
                text_add(one->got, "|");
            text_add_value(one->got,
                           &answer->values[row * (size_t)answer->column_count + (size_t)i]);
        }
        text_add(one->got, "\n");
    }
    if (one->is_sorted) {
        text_sort(one->got);
        text_sort(one->wanted);
    }
}

static void
case_run(sql_run *run, engine *on, sql_case *one)
{
    engine_answer answer;

    if (one->sql[0] == 0 || (one->differs && run->kind == ENGINE_SQLITE))
        return;
    engine_run(on, one->sql, &answer);
    run->count++;
    case_give_rows(one, &answer);
    if ((answer.code != 0) != one->is_error)
        unit_failed(run->path, one->line, "%s: %s", one->sql,
                    answer.code != 0 ? answer.error : "no error");
    else if (strstr(answer.error, one->part) == NULL)
        unit_failed(run->path, one->line, "%s: \"%s\" has no \"%s\"", one->sql, answer.error,
                    one->part);
    else if (one->is_query && strcmp(one->got, one->wanted) != 0)
        unit_failed(run->path, one->line, "%s\ngave:\n%swanted:\n%s", one->sql, one->got,
                    one->wanted);
    engine_answer_free(&answer);
}

static void
case_clear(sql_case *one)
{
    one->is_query = one->is_error = one->is_sorted = one->differs = one->line = 0;
    one->part[0] = one->sql[0] = one->wanted[0] = 0;
}

/* Read the first line of a case; 0 when it is none. */
static int
case_begin(sql_case *one, const char *line)
{
    one->is_query = strncmp(line, "query", 5) == 0;
    one->is_sorted = strcmp(line, "query rowsort") == 0;
    one->is_error = strncmp(line, "statement error", 15) == 0;
    if (one->is_error && strlen(line) > 16)
        (void)snprintf(one->part, sizeof one->part, "%s", line + 16);
    return one->is_query || one->is_error || strcmp(line, "statement ok") == 0;
}

static void
file_run(sql_run *run, FILE *file, engine *on, sql_case *one)
{
    char line[8192];
    char *into = NULL; /* where the next line belongs; NULL between cases */
    int number = 0;

    case_clear(one);
    while (fgets(line, sizeof line, file) != NULL) {
        number++;
        line[strcspn(line, "\n")] = 0;
        if (line[0] == 0) {
            case_run(run, on, one);
            case_clear(one);
            into = NULL;
        } else if (into != NULL && one->is_query && strcmp(line, "----") == 0) {
            into = one->wanted;
        } else if (into != NULL) {
            text_add(into, line);
            text_add(into, "\n");
        } else if (strncmp(line, "differs ", 8) == 0) {
            one->differs = 1;
        } else if (case_begin(one, line)) {
            one->line = number;
            into = one->sql;
        } else if (line[0] != '#') {
            unit_failed(run->path, number, "not a case: %s", line);
        }
    }
    case_run(run, on, one);
}

static void
path_run(sql_run *run)
{
    FILE *file = fopen(run->path, "r");
    engine *on = engine_open(run->kind);
    sql_case one = {
        .sql = malloc(TEXT_SIZE), .wanted = malloc(TEXT_SIZE), .got = malloc(TEXT_SIZE)};

    if (file == NULL || on == NULL || one.sql == NULL || one.wanted == NULL || one.got == NULL)
        unit_failed(__FILE__, __LINE__, "cannot begin with %s", run->path);
    else
        file_run(run, file, on, &one);
    engine_close(on);
    if (file != NULL)
        (void)fclose(file);
    free(one.sql);
    free(one.wanted);
    free(one.got);
}

static void
files_run(engine_kind kind)
{
    struct dirent **names;
    int count = scandir(VL_TEST_SQL_FOLDER, &names, NULL, alphasort);
    unsigned cases = 0;

    CHECK(count > 0 && count < FILES_MAX);
    for (int i = 0; i < count; i++) {
        const char *end = strrchr(names[i]->d_name, '.');
        char path[4096];
        sql_run run = {kind, path, 0};

        (void)snprintf(path, sizeof path, "%s/%s", VL_TEST_SQL_FOLDER, names[i]->d_name);
        if (end != NULL && strcmp(end, ".slt") == 0)
            path_run(&run);
        cases += run.count;
        free(names[i]);
    }
    free(names);
    CHECK(cases > 100);
}

static void
sql_files_give_what_they_say(void)
{
    files_run(ENGINE_VELO);
}

static void
sql_files_agree_with_sqlite(void)
{
    if (engine_sqlite_version() < 3040000)
        unit_skip("there is no SQLite of 3.40 or later (libsqlite3.so.0)");
    else
        files_run(ENGINE_SQLITE);
}

static const unit_test tests[] = {
    UNIT_TEST(sql_files_give_what_they_say),
    UNIT_TEST(sql_files_agree_with_sqlite),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
