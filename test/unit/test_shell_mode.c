/* test_shell_mode.c - the forms that the shell prints results in, and how it quotes. */
#include "../shell/mode.h"
#include "../shell/quote.h"
#include "../shell/text.h"
#include "../shell/width.h"
#include "base/rng.h"
#include "lib/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODE_TEXT(string)    {VELO_TEXT, string, sizeof(string) - 1, 0}
#define MODE_INT(string)     {VELO_INTEGER, string, sizeof(string) - 1, 0}
#define MODE_REAL(string, r) {VELO_REAL, string, sizeof(string) - 1, r}
#define MODE_BLOB(string)    {VELO_BLOB, string, sizeof(string) - 1, 0}
#define MODE_NULL            {VELO_NULL, NULL, 0, 0}

static const char *const mode_columns[] = {"a", "b c", "c"};

/* What SQLite's shell was given as well: its output is what the tests expect. */
static const mode_value mode_rows[][3] = {
    {MODE_INT("1"), MODE_TEXT("x y"), MODE_REAL("2.5", 2.5)},
    {MODE_REAL("0.1", 0.1), MODE_TEXT("it's \"q\""),
     MODE_BLOB("\0\xff"
               "A")},
    {MODE_NULL, MODE_TEXT("two\nlines"), MODE_REAL("1.0e+100", 1e100)},
    {MODE_INT("-5"), MODE_TEXT(""), MODE_REAL("3.0", 3.0)},
    {MODE_TEXT("ab\tc"), MODE_TEXT("\xc3\xa9<&>"), MODE_REAL("1.0e+15", 1e15)},
};

static mode_settings
mode_defaults(mode_kind kind)
{
    mode_settings settings = {0};

    settings.kind = kind;
    settings.has_headers = 1;
    settings.null_text = "";
    settings.column_separator = kind == MODE_CSV     ? ","
                                : kind == MODE_QUOTE ? ","
                                : kind == MODE_TCL   ? " "
                                                     : "|";
    settings.row_separator = kind == MODE_CSV ? "\r\n" : "\n";
    settings.table = "table";
    return settings;
}

static void
mode_collect(void *user, const char *data, size_t size)
{
    text_add(user, data, size);
}

/* The output for rows of `count` columns; valid until the next call. */
static const char *
mode_print(const mode_settings *settings, size_t count, const char *const *names,
           const mode_value *values, size_t row_count)
{
    static char printed[4096];
    text output = {0};
    mode_printer *printer = mode_begin(settings, count, names, mode_collect, &output);

    for (size_t i = 0; i < row_count; i++)
        mode_row(printer, values + i * count);
    mode_end(printer);
    (void)snprintf(printed, sizeof printed, "%s", text_string(&output));
    text_free(&output);
    return printed;
}

static const char *
mode_print_rows(const mode_settings *settings)
{
    return mode_print(settings, 3, mode_columns, mode_rows[0], VL_ARRAY_COUNT(mode_rows));
}

static void
mode_prints_separated_values(void)
{
    mode_settings settings = mode_defaults(MODE_LIST);

    CHECK_TEXT(mode_print_rows(&settings), "a|b c|c\n1|x y|2.5\n0.1|it's \"q\"|\n"
                                           "|two\nlines|1.0e+100\n-5||3.0\n"
                                           "ab\tc|\xc3\xa9<&>|1.0e+15\n");
    settings.has_headers = 0;
    settings.null_text = "NULL";
    settings.column_separator = ", ";
    settings.row_separator = ";";
    CHECK_TEXT(mode_print_rows(&settings), "1, x y, 2.5;0.1, it's \"q\", ;"
                                           "NULL, two\nlines, 1.0e+100;-5, , 3.0;"
                                           "ab\tc, \xc3\xa9<&>, 1.0e+15;");
    settings = mode_defaults(MODE_CSV);
    CHECK_TEXT(mode_print_rows(&settings), "a,\"b c\",c\r\n1,\"x y\",2.5\r\n"
                                           "0.1,\"it's \"\"q\"\"\",\"\"\r\n"
                                           ",\"two\nlines\",1.0e+100\r\n-5,\"\",3.0\r\n"
                                           "\"ab\tc\",\"\xc3\xa9<&>\",1.0e+15\r\n");
    settings = mode_defaults(MODE_TCL);
    CHECK_TEXT(mode_print_rows(&settings),
               "\"a\" \"b c\" \"c\"\n\"1\" \"x y\" \"2.5\"\n\"0.1\" \"it's \\\"q\\\"\" \"\"\n"
               "\"\" \"two\\nlines\" \"1.0e+100\"\n\"-5\" \"\" \"3.0\"\n"
               "\"ab\\tc\" \"\\303\\251<&>\" \"1.0e+15\"\n");
}

static void
mode_prints_sql(void)
{
    mode_settings settings = mode_defaults(MODE_QUOTE);

    CHECK_TEXT(mode_print_rows(&settings),
               "'a','b c','c'\n1,'x y',2.5\n0.1,'it''s \"q\"',X'00ff41'\n"
               "NULL,'two\nlines',1.0e+100\n-5,'',3.0\n"
               "'ab\tc','\xc3\xa9<&>',1.0e+15\n");
    settings = mode_defaults(MODE_INSERT);
    CHECK_TEXT(mode_print_rows(&settings),
               "INSERT INTO \"table\"(a,\"b c\",c) VALUES(1,'x y',2.5);\n"
               "INSERT INTO \"table\"(a,\"b c\",c) VALUES(0.1,'it''s \"q\"',X'00ff41');\n"
               "INSERT INTO \"table\"(a,\"b c\",c) VALUES(NULL,replace('two\\nlines','\\n',"
               "char(10)),1.0e+100);\n"
               "INSERT INTO \"table\"(a,\"b c\",c) VALUES(-5,'',3.0);\n"
               "INSERT INTO \"table\"(a,\"b c\",c) VALUES('ab\tc','\xc3\xa9<&>',1.0e+15);\n");
    settings.has_headers = 0;
    settings.table = "t";
    CHECK_CONTAINS(mode_print_rows(&settings), "INSERT INTO t VALUES(-5,'',3.0);\n");
}

static void
mode_prints_json_html_and_lines(void)
{
    mode_settings settings = mode_defaults(MODE_JSON);

    CHECK_TEXT(mode_print_rows(&settings),
               "[{\"a\":1,\"b c\":\"x y\",\"c\":2.5},\n"
               "{\"a\":0.1,\"b c\":\"it's \\\"q\\\"\",\"c\":\"\\u0000\xff"
               "A\"},\n"
               "{\"a\":null,\"b c\":\"two\\nlines\",\"c\":1.0e+100},\n"
               "{\"a\":-5,\"b c\":\"\",\"c\":3.0},\n"
               "{\"a\":\"ab\\tc\",\"b c\":\"\xc3\xa9<&>\",\"c\":1.0e+15}]\n");
    settings = mode_defaults(MODE_HTML);
    CHECK_TEXT(mode_print(&settings, 3, mode_columns, mode_rows[1], 1),
               "<TR><TH>a</TH>\n<TH>b c</TH>\n<TH>c</TH>\n</TR>\n"
               "<TR><TD>0.1</TD>\n<TD>it&#39;s &quot;q&quot;</TD>\n<TD></TD>\n</TR>\n");
    settings = mode_defaults(MODE_LINE);
    CHECK_TEXT(mode_print(&settings, 3, mode_columns, mode_rows[2], 2),
               "    a = \n  b c = two\nlines\n    c = 1.0e+100\n\n"
               "    a = -5\n  b c = \n    c = 3.0\n");
}

static void
mode_prints_columns(void)
{
    mode_settings settings = mode_defaults(MODE_COLUMN);

    CHECK_TEXT(mode_print_rows(&settings), "a          b c       c       \n"
                                           "---------  --------  --------\n"
                                           "1          x y       2.5     \n\n"
                                           "0.1        it's \"q\"          \n\n"
                                           "           two       1.0e+100\n"
                                           "           lines             \n\n"
                                           "-5                   3.0     \n\n"
                                           "ab      c  \xc3\xa9<&>      1.0e+15 \n");
    settings.has_headers = 0;
    CHECK_TEXT(mode_print(&settings, 3, mode_columns, mode_rows[0], 1), "1  x y  2.5\n");
    settings = mode_defaults(MODE_MARKDOWN);
    CHECK_TEXT(mode_print_rows(&settings), "|     a     |   b c    |    c     |\n"
                                           "|-----------|----------|----------|\n"
                                           "| 1         | x y      | 2.5      |\n"
                                           "| 0.1       | it's \"q\" |          |\n"
                                           "|           | two      | 1.0e+100 |\n"
                                           "|           | lines    |          |\n"
                                           "| -5        |          | 3.0      |\n"
                                           "| ab      c | \xc3\xa9<&>     | 1.0e+15  |\n");
}

static void
mode_draws_tables(void)
{
    mode_settings settings = mode_defaults(MODE_TABLE);

    CHECK_TEXT(mode_print(&settings, 3, mode_columns, mode_rows[2], 2),
               "+----+-------+----------+\n"
               "| a  |  b c  |    c     |\n"
               "+----+-------+----------+\n"
               "|    | two   | 1.0e+100 |\n"
               "|    | lines |          |\n"
               "+----+-------+----------+\n"
               "| -5 |       | 3.0      |\n"
               "+----+-------+----------+\n");
    settings = mode_defaults(MODE_BOX);
    settings.null_text = "NULL";
    CHECK_TEXT(mode_print(&settings, 3, mode_columns, mode_rows[2], 2),
               "┌──────┬───────┬──────────┐\n"
               "│  a   │  b c  │    c     │\n"
               "├──────┼───────┼──────────┤\n"
               "│ NULL │ two   │ 1.0e+100 │\n"
               "│      │ lines │          │\n"
               "├──────┼───────┼──────────┤\n"
               "│ -5   │       │ 3.0      │\n"
               "└──────┴───────┴──────────┘\n");
    settings.has_quotes = 1;
    CHECK_TEXT(mode_print(&settings, 3, mode_columns, mode_rows[1], 1),
               "┌─────┬─────────────┬───────────┐\n"
               "│  a  │     b c     │     c     │\n"
               "├─────┼─────────────┼───────────┤\n"
               "│ 0.1 │ 'it''s \"q\"' │ x'00ff41' │\n"
               "└─────┴─────────────┴───────────┘\n");
}

static void
mode_prints_nothing_without_rows(void)
{
    for (int kind = MODE_ASCII; kind <= MODE_TCL; kind++) {
        mode_settings settings = mode_defaults((mode_kind)kind);

        CHECK_TEXT(mode_print(&settings, 3, mode_columns, mode_rows[0], 0), "");
    }
}

static void
mode_keeps_widths(void)
{
    static const char *const names[] = {"name", "n"};
    static const mode_value rows[][2] = {
        {MODE_TEXT("The quick brown fox"), MODE_INT("7")},
        {MODE_TEXT("jumps"), MODE_INT("4711")},
    };
    static const int widths[] = {10, -6};
    mode_settings settings = mode_defaults(MODE_COLUMN);

    settings.widths = widths;
    settings.width_count = 2;
    CHECK_TEXT(mode_print(&settings, 2, names, rows[0], 2), "name             n\n"
                                                            "----------  ------\n"
                                                            "The quick        7\n"
                                                            "brown fox         \n\n"
                                                            "jumps         4711\n");
}

static void
mode_wraps(void)
{
    static const char *const names[] = {"t"};
    static const mode_value row[] = {MODE_TEXT("The quick brown fox")};
    mode_settings settings = mode_defaults(MODE_TABLE);

    settings.wrap = 8;
    CHECK_TEXT(mode_print(&settings, 1, names, row, 1), "+----------+\n"
                                                        "|    t     |\n"
                                                        "+----------+\n"
                                                        "| The quic |\n"
                                                        "| k brown  |\n"
                                                        "| fox      |\n"
                                                        "+----------+\n");
    settings.wrap = 12;
    settings.wraps_at_words = 1;
    CHECK_TEXT(mode_print(&settings, 1, names, row, 1), "+------------+\n"
                                                        "|     t      |\n"
                                                        "+------------+\n"
                                                        "| The quick  |\n"
                                                        "| brown fox  |\n"
                                                        "+------------+\n");
}

static void
mode_counts_columns_of_the_terminal(void)
{
    static const char *const names[] = {"w"};
    static const mode_value rows[] = {
        MODE_TEXT("\xe6\x97\xa5\xe6\x9c\xac"), /* two wide characters */
        MODE_TEXT("e\xcc\x81!"),               /* e and a combining accent */
        MODE_TEXT("\x1b[1m\xff"),              /* what would move the cursor, and what is nothing */
        MODE_TEXT("12345"),
    };
    mode_settings settings = mode_defaults(MODE_TABLE);

    CHECK_TEXT(mode_print(&settings, 1, names, rows, 4), "+--------+\n"
                                                         "|   w    |\n"
                                                         "+--------+\n"
                                                         "| \xe6\x97\xa5\xe6\x9c\xac   |\n"
                                                         "| e\xcc\x81!     |\n"
                                                         "| ^[[1m\xef\xbf\xbd |\n"
                                                         "| 12345  |\n"
                                                         "+--------+\n");
}

static void
mode_has_names(void)
{
    mode_kind kind;

    for (int i = MODE_ASCII; i <= MODE_TCL; i++)
        CHECK(mode_find(mode_name((mode_kind)i), &kind) && kind == (mode_kind)i);
    CHECK(!mode_find("xyz", &kind) && !mode_find("", &kind));
}

static void
width_knows_characters(void)
{
    uint32_t code;

    CHECK(width_of("abc", 3) == 3 && width_of("", 0) == 0);
    CHECK(width_of("\xe4\xb8\x80", 3) == 2);          /* CJK */
    CHECK(width_of("\xf0\x9f\x98\x80", 4) == 2);      /* emoji */
    CHECK(width_of("\xea\xb0\x80", 3) == 2);          /* Hangul syllable */
    CHECK(width_of("\xef\xbc\xa1", 3) == 2);          /* full-width A */
    CHECK(width_of("a\xcc\x88\xe2\x80\x8b", 6) == 1); /* combining, zero width space */
    CHECK(width_of("\xc3\xa9\xe2\x94\x80", 5) == 2);  /* e acute, a line */
    CHECK(width_of("\n\x7f\xc2\x85", 4) == 0);        /* controls */
    CHECK(width_decode("\xc0\xaf", 2, &code) == 1 && code == UINT32_MAX);
    CHECK(width_decode("\xed\xa0\x80", 3, &code) == 1 && code == UINT32_MAX);
    CHECK(width_decode("\xf4\x90\x80\x80", 4, &code) == 1 && code == UINT32_MAX);
    CHECK(width_decode("\xe4\xb8", 2, &code) == 1 && code == UINT32_MAX);
    CHECK(width_decode("\xf4\x8f\xbf\xbf", 4, &code) == 4 && code == 0x10ffff);
}

/* What a function that quotes makes of a text. */
static const char *
quote_with(void (*quote)(text *, const char *, size_t), const char *data, size_t size)
{
    static char quoted[512];
    text output = {0};

    quote(&output, data, size);
    (void)snprintf(quoted, sizeof quoted, "%s", text_string(&output));
    text_free(&output);
    return quoted;
}

static const char *
quote_name_of(const char *name)
{
    static char quoted[128];
    text output = {0};

    quote_name(&output, name);
    (void)snprintf(quoted, sizeof quoted, "%s", text_string(&output));
    text_free(&output);
    return quoted;
}

static void
quote_writes_sql(void)
{
    CHECK_TEXT(quote_with(quote_sql_text, "a'b", 3), "'a''b'");
    CHECK_TEXT(quote_with(quote_sql_text, "a\0b", 3), "CAST(X'610062' AS TEXT)");
    CHECK_TEXT(quote_with(quote_sql_line, "a'\nb", 4), "replace('a''\\nb','\\n',char(10))");
    CHECK_TEXT(quote_with(quote_sql_line, "\r\n\\n", 4),
               "replace(replace('\\r(\\n0)\\n','\\r',char(13)),'(\\n0)',char(10))");
    CHECK_TEXT(quote_with(quote_sql_line, "plain", 5), "'plain'");
    CHECK_TEXT(quote_with(quote_sql_line, "", 0), "''");
    CHECK_TEXT(quote_name_of("abc_1"), "abc_1");
    CHECK_TEXT(quote_name_of("1a"), "\"1a\"");
    CHECK_TEXT(quote_name_of("a b"), "\"a b\"");
    CHECK_TEXT(quote_name_of("a\"b"), "\"a\"\"b\"");
    CHECK_TEXT(quote_name_of("Select"), "\"Select\"");
    CHECK_TEXT(quote_name_of("\xc3\xa9"), "\"\xc3\xa9\"");
    CHECK_TEXT(quote_name_of(""), "\"\"");
    CHECK_TEXT(quote_name_of("abort"), "\"abort\"");
    CHECK_TEXT(quote_name_of("without"), "\"without\"");
    CHECK_TEXT(quote_name_of("zebra"), "zebra");
}

/* Every double comes back as it was, and has a point or is infinite. */
static void
quote_reals_are_exact(void)
{
    vl_rng rng;
    static const double edges[] = {0.0,
                                   -0.0,
                                   1.0,
                                   0.1,
                                   1e15,
                                   1e16,
                                   1e17,
                                   1e100,
                                   5e-324,
                                   1.7976931348623157e308,
                                   2.0 / 3,
                                   1e22,
                                   -123456789012345678.0};

    vl_rng_init(&rng, unit_seed());
    for (size_t i = 0; i < 20000; i++) {
        text output = {0};
        uint64_t bits = vl_rng_next(&rng);
        double value;
        double back;
        int is_exact;

        memcpy(&value, &bits, sizeof value);
        if (i < VL_ARRAY_COUNT(edges))
            value = edges[i];
        if (isnan(value))
            continue;
        quote_real(&output, value);
        back = strtod(text_string(&output), NULL);
        is_exact = memcmp(&back, &value, sizeof back) == 0 &&
                   (isinf(value) || strchr(text_string(&output), '.') != NULL);
        if (!is_exact)
            unit_failed(__FILE__, __LINE__, "%.17g was written as %s", value, text_string(&output));
        text_free(&output);
    }
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(mode_prints_separated_values),
        UNIT_TEST(mode_prints_sql),
        UNIT_TEST(mode_prints_json_html_and_lines),
        UNIT_TEST(mode_prints_columns),
        UNIT_TEST(mode_draws_tables),
        UNIT_TEST(mode_prints_nothing_without_rows),
        UNIT_TEST(mode_keeps_widths),
        UNIT_TEST(mode_wraps),
        UNIT_TEST(mode_counts_columns_of_the_terminal),
        UNIT_TEST(mode_has_names),
        UNIT_TEST(width_knows_characters),
        UNIT_TEST(quote_writes_sql),
        UNIT_TEST(quote_reals_are_exact),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
