/* plan.c - EXPLAIN QUERY PLAN and EXPLAIN ANALYZE drawn as a tree.
 *
 * Invariants
 *   P1  A row's parent comes before it, or is none (0): so a tree is drawn in one walk whose depth
 *       PLAN_DEPTH_MAX bounds; what lies deeper is left at that depth. */
#define _GNU_SOURCE
#include "plan.h"
#include "memory.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

#define PLAN_DEPTH_MAX 100U

typedef struct plan_row {
    int64_t id;     /* of the row */
    int64_t parent; /* id of the row it belongs below, 0 for none */
    char *detail;   /* what is shown; owned */
} plan_row;

typedef struct plan {
    plan_row *rows; /* as they came; owned */
    size_t count;   /* of them */
    size_t room;    /* for them */
} plan;

int
plan_is_asked(velo_statement *statement)
{
    velo_explain kind = velo_statement_get_explain(statement);

    return kind == VELO_EXPLAIN_PLAN || kind == VELO_EXPLAIN_ANALYZE;
}

/* What an operator has done, behind its words. */
static char *
plan_tell_run(velo_statement *statement, const char *detail)
{
    char *line = NULL;
    double bytes = velo_column_double(statement, 7);
    int length = asprintf(&line, "%s  (rows=%lld loops=%lld time=%.3f ms%s", detail,
                          (long long)velo_column_int64(statement, 4),
                          (long long)velo_column_int64(statement, 5),
                          velo_column_double(statement, 6), bytes > 0 ? "" : ")");
    char *whole = NULL;

    if (length < 0)
        return memory_copy_text(detail);
    if (bytes <= 0)
        return line;
    length = asprintf(&whole, "%s memory=%.1f KiB)", line, bytes / 1024);
    free(line);
    return length < 0 ? memory_copy_text(detail) : whole;
}

static void
plan_keep(plan *of, velo_statement *statement)
{
    const char *detail = velo_column_text(statement, 3);

    if (of->count == of->room) {
        of->room = of->room == 0 ? 16 : of->room * 2;
        of->rows = memory_resize(of->rows, of->room * sizeof *of->rows);
    }
    if (detail == NULL)
        detail = "";
    of->rows[of->count++] =
        (plan_row){velo_column_int64(statement, 0), velo_column_int64(statement, 1),
                   velo_column_count(statement) == 4 ? memory_copy_text(detail)
                                                     : plan_tell_run(statement, detail)};
}

/* The next row from `at` on that belongs below `parent`; count when there is none. */
static size_t
plan_find_child(const plan *of, size_t at, int64_t parent)
{
    while (at < of->count && of->rows[at].parent != parent)
        at++;
    return at;
}

static void
plan_draw(shell *to, const plan *of, int64_t parent, size_t begin, text *indent, unsigned depth)
{
    size_t at = plan_find_child(of, begin, parent);

    while (at < of->count) {
        size_t next = plan_find_child(of, at + 1, parent);
        int is_last = next == of->count;
        size_t size = indent->size;

        shell_print(to, "%s%s%s\n", text_string(indent), is_last ? "`--" : "|--",
                    of->rows[at].detail);
        text_add_string(indent, is_last ? "   " : "|  ");
        if (depth < PLAN_DEPTH_MAX)
            plan_draw(to, of, of->rows[at].id, at + 1, indent, depth + 1);
        indent->size = size;
        at = next;
    }
}

velo_status
plan_print(shell *of, velo_statement *statement)
{
    plan rows = {0};
    text indent = {0};
    velo_status status = velo_step(statement);

    while (status == VELO_ROW) {
        plan_keep(&rows, statement);
        status = velo_step(statement);
    }
    if (rows.count > 0)
        shell_print(of, "QUERY PLAN\n");
    plan_draw(of, &rows, 0, 0, &indent, 0);
    for (size_t i = 0; i < rows.count; i++)
        free(rows.rows[i].detail);
    free(rows.rows);
    text_free(&indent);
    return status;
}
