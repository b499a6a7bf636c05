/* print_column.c - output modes in columns: column, table, box, markdown.
 *
 * A cell is cut into pieces, one for each line of the terminal: at control characters but tabs,
 * which become spaces, and where it is too wide. Widths are those of the widest pieces.
 *
 * Invariants
 *   PC1  Every line of a result takes the same columns of the terminal, but for what the terminal
 * itself does with characters that print_character_width knows otherwise. */
#include "print.h"
#include "print_int.h"

#include <stdlib.h>
#include <string.h>

/* ---- characters ---- */

size_t
print_character(const char *text, size_t size, uint32_t *character)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t length = bytes[0] < 0xc2 ? 1 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;

    *character = bytes[0];
    if (length == 1 || bytes[0] > 0xf4 || length > size)
        return 1;
    for (size_t i = 1; i < length; i++)
        if ((bytes[i] & 0xc0U) != 0x80U)
            return 1;
    *character = bytes[0] & (0x7fU >> length);
    for (size_t i = 1; i < length; i++)
        *character = *character << 6 | (bytes[i] & 0x3fU);
    return length;
}

typedef struct column_range {
    uint32_t first; /* character */
    uint32_t last;  /* character */
} column_range;

/* Whether a character is in one of some ranges, which rise. */
static int
column_is_in(const column_range *ranges, size_t count, uint32_t character)
{
    size_t low = 0;

    while (count > 0) {
        size_t half = count / 2;

        if (character > ranges[low + half].last) {
            low += half + 1;
            count -= half + 1;
        } else if (character < ranges[low + half].first) {
            count = half;
        } else {
            return 1;
        }
    }
    return 0;
}

unsigned
print_character_width(uint32_t character)
{
    /* What combines with the character before it, or is not seen. */
    static const column_range none[] = {
        {0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},    {0x610, 0x61a},   {0x64b, 0x65f},
        {0x6d6, 0x6dc},   {0x900, 0x902},   {0x93c, 0x93c},    {0x941, 0x948},   {0x94d, 0x94d},
        {0xe31, 0xe31},   {0xe34, 0xe3a},   {0xe47, 0xe4e},    {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
        {0x200b, 0x200f}, {0x202a, 0x202e}, {0x2060, 0x2064},  {0x20d0, 0x20ff}, {0xfe00, 0xfe0f},
        {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0xe0100, 0xe01ef}};
    /* East Asian wide and full-width characters, and pictures (UAX 11). */
    static const column_range wide[] = {
        {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a},   {0x23e9, 0x23ec},
        {0x25fd, 0x25fe},   {0x2614, 0x2615},   {0x2648, 0x2653},   {0x26aa, 0x26ab},
        {0x26bd, 0x26be},   {0x26c4, 0x26c5},   {0x2705, 0x2705},   {0x270a, 0x270b},
        {0x2728, 0x2728},   {0x274c, 0x274c},   {0x2753, 0x2755},   {0x2795, 0x2797},
        {0x2b1b, 0x2b1c},   {0x2b50, 0x2b50},   {0x2e80, 0x303e},   {0x3041, 0x4dbf},
        {0x4e00, 0xa4cf},   {0xa960, 0xa97f},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},
        {0xfe10, 0xfe19},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},
        {0x1f004, 0x1f004}, {0x1f18e, 0x1f18e}, {0x1f191, 0x1f19a}, {0x1f200, 0x1f320},
        {0x1f32d, 0x1f335}, {0x1f337, 0x1f37c}, {0x1f37e, 0x1f393}, {0x1f3a0, 0x1f3ca},
        {0x1f3cf, 0x1f3d3}, {0x1f3e0, 0x1f3f0}, {0x1f3f8, 0x1f43e}, {0x1f440, 0x1f440},
        {0x1f442, 0x1f4fc}, {0x1f4ff, 0x1f53d}, {0x1f54b, 0x1f54e}, {0x1f550, 0x1f567},
        {0x1f5fb, 0x1f64f}, {0x1f680, 0x1f6c5}, {0x1f6eb, 0x1f6ec}, {0x1f6f4, 0x1f6fc},
        {0x1f7e0, 0x1f7eb}, {0x1f90c, 0x1f9ff}, {0x1fa70, 0x1faff}, {0x20000, 0x3fffd}};

    if (character < 0x300)
        return 1;
    if (column_is_in(none, sizeof none / sizeof none[0], character))
        return 0;
    return column_is_in(wide, sizeof wide / sizeof wide[0], character) ? 2 : 1;
}

/* ---- pieces ---- */

/* A part of a cell that stands on one line. */
typedef struct column_piece {
    const char *data; /* `size` bytes, tabs among them */
    size_t size;      /* bytes */
    size_t width;     /* columns of the terminal */
} column_piece;

/* A cell of which pieces are taken one after the other. */
typedef struct column_cell {
    const char *data; /* what is left */
    size_t size;      /* bytes */
} column_cell;

/* The width after a character that begins at a width. */
static size_t
column_advance(size_t width, uint32_t character)
{
    return character == '\t' ? (width / 8 + 1) * 8 : width + print_character_width(character);
}

/* Take the next piece, empty when nothing is left. */
static column_piece
column_take(column_cell *cell, size_t wrap)
{
    column_piece piece = {cell->data, 0, 0};
    size_t at = 0;

    while (at < cell->size) {
        uint32_t character;
        size_t bytes = print_character(cell->data + at, cell->size - at, &character);
        size_t width;

        if (character < 0x20 && character != '\t')
            break;
        width = column_advance(piece.width, character);
        if (wrap > 0 && width > wrap && at > 0)
            break;
        piece.width = wrap > 0 && width > wrap && character == '\t' ? wrap : width;
        at += bytes;
    }
    piece.size = at;
    if (at < cell->size && (unsigned char)cell->data[at] < 0x20 && cell->data[at] != '\t')
        at += cell->data[at] == '\r' && at + 1 < cell->size && cell->data[at + 1] == '\n' ? 2 : 1;
    cell->data = at < cell->size ? cell->data + at : "";
    cell->size -= at;
    return piece;
}

/* Print a piece, tabs as spaces, `left` spaces before it and as many behind as make `width`. */
static void
column_put(const print_options *options, column_piece piece, size_t left, size_t width)
{
    size_t used = 0;

    for (size_t i = 0; i < left; i++)
        print_text(options, " ");
    for (size_t at = 0; at < piece.size;) {
        uint32_t character;
        size_t bytes = print_character(piece.data + at, piece.size - at, &character);
        size_t next = column_advance(used, character);

        if (character == '\t')
            for (next = next > piece.width ? piece.width : next; used < next; used++)
                print_text(options, " ");
        else
            options->write(options->argument, piece.data + at, bytes);
        used = next;
        at += bytes;
    }
    for (size_t i = left + piece.width; i < width; i++)
        print_text(options, " ");
}

/* ---- a result ---- */

/* A result being printed. */
typedef struct column_result {
    const print_options *options;
    const char *const *names;
    const print_value *values;
    size_t column_count;
    size_t row_count;
    size_t *widths;     /* of the columns */
    column_cell *cells; /* of the row at hand: what is left */
    int has_long;       /* a row takes more than one line */
} column_result;

static column_cell
column_cell_of(const print_options *options, const print_value *value)
{
    const char *null_text = options->null_text != NULL ? options->null_text : "";

    if (value->type == PRINT_TYPE_NULL)
        return (column_cell){null_text, strlen(null_text)};
    return (column_cell){value->data, value->size};
}

static void
column_measure(column_result *result, size_t column, column_cell cell)
{
    column_piece piece = column_take(&cell, result->options->wrap);

    if (piece.width > result->widths[column])
        result->widths[column] = piece.width;
    while (cell.size > 0) {
        result->has_long = 1;
        piece = column_take(&cell, result->options->wrap);
        if (piece.width > result->widths[column])
            result->widths[column] = piece.width;
    }
}

/* What stands around the cells of a line of a mode. */
typedef struct column_frame {
    const char *left;
    const char *between;
    const char *right;
} column_frame;

/* The lines of a mode: cells, and rules at the top, below the names, between rows, at the bottom; a
 * rule without a left side is none. */
typedef struct column_style {
    column_frame cells;
    column_frame top, middle, row, bottom;
    const char *dash;
} column_style;

static const column_style *
column_style_of(print_mode mode)
{
    static const column_style table = {{"| ", " | ", " |\n"}, {"+", "+", "+\n"}, {"+", "+", "+\n"},
                                       {"+", "+", "+\n"},     {"+", "+", "+\n"}, "-"};
    static const column_style box = {{"│ ", " │ ", " │\n"}, {"┌", "┬", "┐\n"}, {"├", "┼", "┤\n"},
                                     {"├", "┼", "┤\n"},     {"└", "┴", "┘\n"}, "─"};
    static const column_style markdown = {{"| ", " | ", " |\n"}, {NULL, NULL, NULL},
                                          {"|", "|", "|\n"},     {NULL, NULL, NULL},
                                          {NULL, NULL, NULL},    "-"};
    static const column_style column = {{"", "  ", "\n"},   {NULL, NULL, NULL}, {"", "  ", "\n"},
                                        {"\n", NULL, NULL}, {NULL, NULL, NULL}, "-"};

    return mode == PRINT_TABLE      ? &table
           : mode == PRINT_BOX      ? &box
           : mode == PRINT_MARKDOWN ? &markdown
                                    : &column;
}

static void
column_rule(const column_result *result, const column_style *style, const column_frame *frame)
{
    size_t extra = result->options->mode == PRINT_COLUMN ? 0 : 2;

    if (frame->left == NULL)
        return;
    print_text(result->options, frame->left);
    for (size_t i = 0; frame->between != NULL && i < result->column_count; i++) {
        print_text(result->options, i > 0 ? frame->between : "");
        for (size_t dash = 0; dash < result->widths[i] + extra; dash++)
            print_text(result->options, style->dash);
    }
    print_text(result->options, frame->right != NULL ? frame->right : "");
}

static void
column_names(const column_result *result, const column_style *style)
{
    const print_options *options = result->options;

    print_text(options, style->cells.left);
    for (size_t i = 0; i < result->column_count; i++) {
        column_cell cell = {result->names[i], strlen(result->names[i])};
        column_piece piece = column_take(&cell, options->wrap);
        size_t spare = result->widths[i] - piece.width;

        print_text(options, i > 0 ? style->cells.between : "");
        column_put(options, piece, options->mode == PRINT_COLUMN ? 0 : spare / 2,
                   result->widths[i]);
    }
    print_text(options, style->cells.right);
}

/* A row, on as many lines as its longest cell takes. */
static void
column_row(column_result *result, const column_style *style, size_t row)
{
    const print_options *options = result->options;
    int has_more = 1;

    for (size_t i = 0; i < result->column_count; i++)
        result->cells[i] = column_cell_of(options, &result->values[row * result->column_count + i]);
    while (has_more) {
        has_more = 0;
        print_text(options, style->cells.left);
        for (size_t i = 0; i < result->column_count; i++) {
            column_piece piece = column_take(&result->cells[i], options->wrap);

            print_text(options, i > 0 ? style->cells.between : "");
            column_put(options, piece, 0, result->widths[i]);
            has_more |= result->cells[i].size > 0;
        }
        print_text(options, style->cells.right);
    }
}

static void
column_print(column_result *result)
{
    const column_style *style = column_style_of(result->options->mode);

    column_rule(result, style, &style->top);
    if (result->options->mode != PRINT_COLUMN || result->options->has_headers) {
        column_names(result, style);
        column_rule(result, style, &style->middle);
    }
    for (size_t row = 0; row < result->row_count; row++) {
        if (row > 0 && result->has_long)
            column_rule(result, style, &style->row);
        column_row(result, style, row);
    }
    column_rule(result, style, &style->bottom);
}

int
print_columns(const print_options *options, const char *const *names, const print_value *values,
              size_t column_count, size_t row_count)
{
    column_result result = {options, names, values, column_count, row_count, NULL, NULL, 0};
    int status = -1;

    if (row_count == 0 || column_count == 0)
        return 0;
    result.widths = calloc(column_count, sizeof *result.widths);
    result.cells = calloc(column_count, sizeof *result.cells);
    if (result.widths != NULL && result.cells != NULL) {
        for (size_t i = 0; i < column_count; i++)
            column_measure(&result, i, (column_cell){names[i], strlen(names[i])});
        result.has_long = 0; /* of a name only the first line is shown */
        for (size_t i = 0; i < row_count * column_count; i++)
            column_measure(&result, i % column_count, column_cell_of(options, &values[i]));
        column_print(&result);
        status = 0;
    }
    free(result.widths);
    free(result.cells);
    return status;
}
