/* grid.c - results as tables of equal columns.
 *
 * Invariants
 *   G1  Cells lie one behind the other in `pool`, each ended by a zero byte; `cells` has their
 *       offsets, `count` for each line of the drawing. The names of columns are the first line.
 *   G2  Every cell has only characters that take columns, so width_of is what it takes when drawn.
 *   G3  widths[i] is at least the width of every cell of column i, once that cell is kept. */
#include "grid.h"
#include "memory.h"
#include "quote.h"
#include "width.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct grid {
    const mode_settings *settings; /* borrowed */
    size_t count;                  /* columns */
    size_t line_count;             /* of the drawing, the names' included */
    size_t line_room;              /* lines that cells has room for */
    size_t *cells;                 /* G1; owned */
    unsigned char *ends;           /* for each line: 1 when a row ends there; owned */
    text pool;                     /* G1 */
    size_t *widths;                /* G3; owned */
    const char **rest;             /* of the row being kept: what is left of each value; owned */
    text *values;                  /* the row being kept; owned */
    int has_long_rows;             /* some row has several lines */
};

/* How a form is drawn. */
typedef struct grid_style {
    const char *left;   /* before a line */
    const char *middle; /* between cells */
    const char *right;  /* behind a line */
    const char *bar;    /* what rules are made of */
    const char
        *rules[12]; /* left, crossing and right of the rules: top, below names, between, end */
} grid_style;

/* What a column's lines are limited to; SIZE_MAX for no limit. */
static size_t
grid_limit(const grid *of, size_t column)
{
    int width = column < of->settings->width_count ? of->settings->widths[column] : 0;

    if (width != 0)
        return (size_t)(width < 0 ? -(long)width : (long)width);
    return of->settings->wrap != 0 ? of->settings->wrap : SIZE_MAX;
}

/* Where to break before `end`, as a word ends there: a space in the second half, or else a change
 * between letters and others. `end` when there is none. */
static size_t
grid_find_break(const char *from, size_t end)
{
    for (size_t at = end; at > end / 2; at--)
        if (isspace((unsigned char)from[at - 1]))
            return at;
    for (size_t at = end; at > end / 2; at--) {
        unsigned char before = (unsigned char)from[at - 1];
        unsigned char after = (unsigned char)from[at];

        if (!isalnum(before) != !isalnum(after) && (after & 0xc0U) != 0x80)
            return at;
    }
    return end;
}

/* Columns that a character takes when drawn at a column; a tab ends at the limit. */
static size_t
grid_width_at(uint32_t code, size_t at, size_t limit)
{
    if (code == '\t')
        return at < limit && limit - at < 8 - at % 8 ? limit - at : 8 - at % 8;
    if (code < 0x20 || code == 0x7f)
        return 2;
    if (code < 0xa0)
        return 1;
    return width_of_code(code);
}

/* Add one character of `size` bytes to the pool as it is drawn; a tab `width` columns wide. */
static void
grid_add_character(text *pool, const char *from, size_t size, uint32_t code, size_t width)
{
    if (code == '\t') {
        text_add_repeated(pool, " ", width);
    } else if (code < 0x20 || code == 0x7f) {
        text_add_char(pool, '^');
        text_add_char(pool, (char)(code ^ 0x40U));
    } else if (code == UINT32_MAX || (code >= 0x80 && code < 0xa0)) {
        text_add_string(pool, "\xef\xbf\xbd"); /* no character, or one that moves the cursor */
    } else {
        text_add(pool, from, size);
    }
}

/* Bytes of the line that begins a value: up to a line end, or what the column's limit allows. */
static size_t
grid_measure_line(const char *at, size_t size, size_t limit)
{
    size_t end = 0;
    size_t width = 0;

    while (end < size && at[end] != '\n' && !(at[end] == '\r' && at[end + 1] == '\n')) {
        uint32_t code;
        size_t step = width_decode(at + end, size - end, &code);
        size_t more = grid_width_at(code, width, limit);

        if (width + more > limit && end > 0)
            break;
        width += more;
        end += step;
    }
    return end;
}

/* Add a line of `size` bytes to the pool as a cell; returns its width. */
static size_t
grid_add_cell(text *pool, const char *at, size_t size, size_t limit)
{
    size_t width = 0;

    for (size_t i = 0; i < size;) {
        uint32_t code;
        size_t step = width_decode(at + i, size - i, &code);
        size_t more = grid_width_at(code, width, limit);

        grid_add_character(pool, at + i, step, code, more);
        width += more;
        i += step;
    }
    text_add_char(pool, '\0');
    return width;
}

/* Keep a value that is one line of printing ASCII within the limit, as most are. Returns 0, and
 * does nothing, when it is not. */
static int
grid_keep_plainly(grid *of, size_t column, const char *at)
{
    size_t size = 0;

    while (at[size] >= 0x20 && at[size] < 0x7f)
        size++;
    if (at[size] != '\0' || size > grid_limit(of, column))
        return 0;
    text_add(&of->pool, at, size + 1);
    if (size > of->widths[column])
        of->widths[column] = size; /* keeps G3 */
    return 1;
}

/* Keep the next line of a value as a cell; *from becomes what is left, or NULL. */
static void
grid_keep_cell(grid *of, size_t column, const char **from)
{
    const char *at = *from;
    size_t size = strlen(at);
    size_t end = grid_measure_line(at, size, grid_limit(of, column));
    size_t next = end;
    size_t width;

    if (end < size && at[end] == '\r' && at[end + 1] == '\n') {
        next = end + 2;
    } else if (end < size && at[end] == '\n') {
        next = end + 1;
    } else if (end < size && of->settings->wraps_at_words) {
        end = grid_find_break(at, end);
        next = end;
        while (at[next] == ' ')
            next++;
    }
    width = grid_add_cell(&of->pool, at, end, grid_limit(of, column));
    if (width > of->widths[column])
        of->widths[column] = width; /* keeps G3 */
    *from = next < size ? at + next : NULL;
}

/* Begin a line of the drawing; returns its cells. */
static size_t *
grid_new_line(grid *of)
{
    if (of->line_count == of->line_room) {
        of->line_room = of->line_room == 0 ? 64 : of->line_room * 2;
        of->cells = memory_resize(of->cells, of->line_room * of->count * sizeof *of->cells);
        of->ends = memory_resize(of->ends, of->line_room);
    }
    of->ends[of->line_count] = 0;
    return of->cells + of->line_count++ * of->count;
}

grid *
grid_create(const mode_settings *settings, size_t count, const char *const *names)
{
    grid *of = memory_take(sizeof *of);
    size_t *cells;

    of->settings = settings;
    of->count = count;
    of->widths = memory_take(count * sizeof *of->widths);
    of->rest = memory_take(count * sizeof *of->rest);
    of->values = memory_take(count * sizeof *of->values);
    cells = grid_new_line(of);
    for (size_t i = 0; i < count; i++) {
        const char *name = names[i];

        if (i < settings->width_count && settings->widths[i] != 0)
            of->widths[i] = grid_limit(of, i);
        cells[i] = of->pool.size;
        grid_keep_cell(of, i, &name); /* of a long name the first line */
    }
    return of;
}

/* A blob as SQLite's quote() writes it in these forms: with a small x. */
static void
grid_render_blob(const mode_value *value, text *to)
{
    quote_sql_blob(to, value->data, value->size);
    to->data[0] = 'x';
}

/* A value as the text that is drawn. */
static void
grid_render(const grid *of, const mode_value *value, text *to)
{
    text_clear(to);
    if (value->type == VELO_NULL)
        text_add_string(to, of->settings->has_quotes ? "NULL" : of->settings->null_text);
    else if (!of->settings->has_quotes || value->type == VELO_INTEGER)
        text_add(to, value->data, value->size);
    else if (value->type == VELO_REAL)
        quote_real(to, value->real);
    else if (value->type == VELO_BLOB)
        grid_render_blob(value, to);
    else
        quote_sql_text(to, value->data, value->size);
}

void
grid_add(grid *of, const mode_value *values)
{
    int has_more = 1;

    for (size_t i = 0; i < of->count; i++) {
        grid_render(of, &values[i], &of->values[i]);
        of->rest[i] = text_string(&of->values[i]);
    }
    for (size_t line = 0; has_more; line++) {
        size_t *cells = grid_new_line(of);

        has_more = 0;
        for (size_t i = 0; i < of->count; i++) {
            cells[i] = of->pool.size;
            if (of->rest[i] == NULL)
                text_add_char(&of->pool, '\0');
            else if (grid_keep_plainly(of, i, of->rest[i]))
                of->rest[i] = NULL;
            else
                grid_keep_cell(of, i, &of->rest[i]);
            has_more |= of->rest[i] != NULL;
        }
        of->has_long_rows |= line > 0;
    }
    of->ends[of->line_count - 1] = 1;
}

static const grid_style *
grid_find_style(mode_kind kind)
{
    static const grid_style box = {
        "│ ", " │ ", " │\n", "─", {"┌", "┬", "┐", "├", "┼", "┤", "├", "┼", "┤", "└", "┴", "┘"}};
    static const grid_style table = {
        "| ", " | ", " |\n", "-", {"+", "+", "+", "+", "+", "+", "+", "+", "+", "+", "+", "+"}};
    static const grid_style markdown = {
        "| ", " | ", " |\n", "-", {NULL, "", "", "|", "|", "|", NULL, "", "", NULL, "", ""}};
    static const grid_style column = {"", "  ", "\n", "", {NULL}};

    switch ((int)kind) {
    case MODE_BOX:
        return &box;
    case MODE_TABLE:
        return &table;
    case MODE_MARKDOWN:
        return &markdown;
    default:
        return &column;
    }
}

/* One of the rules: 0 top, 1 below the names, 2 between rows, 3 end. */
static void
grid_draw_rule(const grid *of, const grid_style *style, size_t rule, text *to)
{
    const char *const *parts = style->rules + 3 * rule;

    if (parts[0] == NULL)
        return;
    for (size_t i = 0; i < of->count; i++) {
        text_add_string(to, parts[i == 0 ? 0 : 1]);
        text_add_repeated(to, style->bar, of->widths[i] + 2);
    }
    text_add_string(to, parts[2]);
    text_add_char(to, '\n');
}

/* Where a cell stands in its column. */
typedef enum grid_place {
    GRID_LEFT,
    GRID_CENTER,
    GRID_RIGHT
} grid_place;

static void
grid_draw_cell(const char *cell, size_t width, grid_place place, text *to)
{
    size_t size = strlen(cell);
    size_t pad = width - width_of(cell, size);
    size_t before = place == GRID_LEFT ? 0 : place == GRID_RIGHT ? pad : pad / 2;

    text_add_repeated(to, " ", before);
    text_add(to, cell, size);
    text_add_repeated(to, " ", pad - before);
}

static void
grid_draw_line(const grid *of, const grid_style *style, size_t line, text *to)
{
    const size_t *cells = of->cells + line * of->count;

    text_add_string(to, style->left);
    for (size_t i = 0; i < of->count; i++) {
        int is_right = i < of->settings->width_count && of->settings->widths[i] < 0;
        grid_place place = is_right ? GRID_RIGHT : GRID_LEFT;

        if (line == 0 && of->settings->kind != MODE_COLUMN)
            place = GRID_CENTER;
        grid_draw_cell(of->pool.data + cells[i], of->widths[i], place, to);
        text_add_string(to, i + 1 < of->count ? style->middle : style->right);
    }
}

static void
grid_draw_names(const grid *of, const grid_style *style, text *to)
{
    if (of->settings->kind != MODE_COLUMN) {
        grid_draw_rule(of, style, 0, to);
        grid_draw_line(of, style, 0, to);
        grid_draw_rule(of, style, 1, to);
        return;
    }
    if (!of->settings->has_headers)
        return;
    grid_draw_line(of, style, 0, to);
    for (size_t i = 0; i < of->count; i++) {
        text_add_repeated(to, "-", of->widths[i]);
        text_add_string(to, i + 1 < of->count ? style->middle : style->right);
    }
}

void
grid_draw(const grid *of, mode_write *write, void *user)
{
    const grid_style *style = grid_find_style(of->settings->kind);
    text drawn = {0};

    if (of->line_count == 1)
        return;
    grid_draw_names(of, style, &drawn);
    for (size_t line = 1; line < of->line_count; line++) {
        grid_draw_line(of, style, line, &drawn);
        if (of->has_long_rows && of->ends[line] && line + 1 < of->line_count) {
            if (of->settings->kind == MODE_COLUMN)
                text_add_char(&drawn, '\n');
            else
                grid_draw_rule(of, style, 2, &drawn);
        }
        write(user, drawn.data, drawn.size);
        text_clear(&drawn);
    }
    grid_draw_rule(of, style, 3, &drawn);
    if (drawn.size != 0)
        write(user, drawn.data, drawn.size);
    text_free(&drawn);
}

void
grid_destroy(grid *of)
{
    if (of == NULL)
        return;
    for (size_t i = 0; i < of->count; i++)
        text_free(&of->values[i]);
    free(of->values);
    free(of->rest);
    free(of->widths);
    free(of->cells);
    free(of->ends);
    text_free(&of->pool);
    free(of);
}
