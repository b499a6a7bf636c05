/* diff_gen.c - random SQL scripts.
 *
 * Columns are of three kinds. Numbers (small integers or NULL) and words (texts of a few letters or
 * NULL, compared by bytes) are tame: they may be grouped, made distinct and summed. What is wild
 * has values of every type at their limits; of those that are equal (1 and 1.0) SQL does not say
 * which one a group shows, so they are only read, compared and ordered.
 *
 * Below other queries the parts of a compound have the same kinds, as their affinities may be
 * mixed: what SQLite makes of those it calls arbitrary. Rowids that nobody chose are not compared.
 *
 * SQLite 3.40 has faults that are kept out of the way: RIGHT and FULL JOIN below other queries
 * (rows of NULLs pass conditions that they do not fulfil), expressions in RETURNING (w IS NULL of a
 * NULL is 0), row values of different kinds in IN (NULLs), generated columns beside RIGHT JOIN and
 * of NEW in BEFORE triggers (both may be NULL).
 *
 * Every table has k, a number that is unique and not NULL: what needs a total order is ordered by
 * it. */
#define _GNU_SOURCE
#include "diff/diff_gen.h"

#include "base/assert.h"
#include "base/rng.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLES_MAX     8
#define COLUMNS_MAX    8
#define SOURCES_MAX    12
#define TEXT_MAX       16384
#define STATEMENTS_MAX 128

typedef enum gen_kind {
    GEN_NUMBER,
    GEN_WORD,
    GEN_WILD
} gen_kind;

typedef struct gen_column {
    char name[8];
    gen_kind kind;
    int is_generated; /* takes no value */
    int is_unique;
} gen_column;

typedef struct gen_table {
    char name[8];
    gen_column columns[COLUMNS_MAX]; /* the first is k where has_key */
    int column_count;
    int has_rowid;
    int is_view;
    int has_key; /* k is there */
} gen_table;

/* A source in scope. */
typedef struct gen_source {
    const gen_table *table;
    char alias[16];
} gen_source;

typedef struct gen {
    vl_rng rng;
    diff_script *script;
    char text[TEXT_MAX]; /* of the statement at hand */
    size_t size;
    gen_table tables[TABLES_MAX];
    int table_count;
    gen_source sources[SOURCES_MAX]; /* in scope */
    int source_count;
    int source_first;      /* those before belong to outer queries */
    int hidden;            /* so many of the first are not to be named */
    int next_alias;        /* number of the next alias */
    gen_table derived[64]; /* of subqueries in FROM of this statement */
    int derived_count;
    int is_change;  /* no subqueries: the statement changes a table */
    int level;      /* of SELECTs around the one at hand */
    int is_tame;    /* nothing wild is to be named */
    unsigned flags; /* of the statement */
    int has_right;  /* it has a RIGHT or FULL JOIN */
    int has_child;  /* a table refers to t0 */
} gen;

/* ---- text ---- */

static void put(gen *g, const char *format, ...) VL_PRINTF(2, 3);

static void
put(gen *g, const char *format, ...)
{
    va_list args;
    int size;

    va_start(args, format);
    size = vsnprintf(g->text + g->size, TEXT_MAX - g->size, format, args);
    va_end(args);
    VL_CHECK(size >= 0 && (size_t)size < TEXT_MAX - g->size);
    g->size += (size_t)size;
}

static int
below(gen *g, int bound)
{
    return (int)vl_rng_below(&g->rng, (uint64_t)bound);
}

/* True once in `n` times. */
static int
one_in(gen *g, int n)
{
    return below(g, n) == 0;
}

#define PICK(g, list) ((list)[below((g), (int)VL_ARRAY_COUNT(list))])

static void
statement_begin(gen *g)
{
    g->size = 0;
    g->text[0] = 0;
    g->source_count = g->source_first = g->hidden = 0;
    g->next_alias = 0;
    g->derived_count = 0;
    g->is_change = 0;
    g->flags = 0;
    g->level = g->is_tame = g->has_right = 0;
}

static void
statement_end(gen *g)
{
    diff_script *script = g->script;

    VL_CHECK(script->count < STATEMENTS_MAX);
    script->list[script->count].sql = strdup(g->text);
    VL_CHECK(script->list[script->count].sql != NULL);
    script->list[script->count++].flags = g->flags;
}

/* ---- literals ---- */

static const char *const wild_literals[] = {"NULL",
                                            "0",
                                            "1",
                                            "-1",
                                            "2",
                                            "3.5",
                                            "-0.0",
                                            "0.0",
                                            "1.0",
                                            "9223372036854775807",
                                            "-9223372036854775808",
                                            "9223372036854775806",
                                            "4611686018427387904",
                                            "9e999",
                                            "-9e999",
                                            "4.9e-324",
                                            "1e308",
                                            "0.1",
                                            "-2.25",
                                            "1e15",
                                            "9007199254740993",
                                            "9007199254740992.0",
                                            "'1'",
                                            "'abc'",
                                            "'ABC'",
                                            "''",
                                            "' 3 '",
                                            "'1e2'",
                                            "'-0'",
                                            "'0x1F'",
                                            "'9223372036854775808'",
                                            "'2.50'",
                                            "x''",
                                            "x'00ff'",
                                            "x'616263'",
                                            "x'31'",
                                            "'a b'",
                                            "'zz'",
                                            "2147483648",
                                            "-32769",
                                            "255"};

static void
put_literal(gen *g, gen_kind kind)
{
    static const char *const words[] = {"'a'", "'b'", "'ab'", "'B'", "'c1'", "''", "'12'", "'a%'"};

    if (kind == GEN_WILD)
        put(g, "%s", PICK(g, wild_literals));
    else if (one_in(g, 8))
        put(g, "NULL");
    else if (kind == GEN_NUMBER)
        put(g, "%d", below(g, 13) - 3);
    else
        put(g, "%s", PICK(g, words));
}

/* ---- expressions ---- */

static void put_expr(gen *g, gen_kind kind, int depth);
static void put_condition(gen *g, int depth);
static void put_select(gen *g, const gen_kind *kinds, int count, int depth);

/* Write a column of a kind that is in scope; 0 when there is none. */
static int
put_column(gen *g, gen_kind kind)
{
    if (kind == GEN_WILD && g->is_tame)
        return 0;
    for (int tries = 0; tries < 12 && g->source_count > g->hidden; tries++) {
        const gen_source *source = &g->sources[g->hidden + below(g, g->source_count - g->hidden)];
        const gen_column *column = &source->table->columns[below(g, source->table->column_count)];

        if (column->kind == kind && !(column->is_generated && g->has_right)) {
            put(g, "%s%s%s", source->alias, source->alias[0] != 0 ? "." : "", column->name);
            return 1;
        }
    }
    return 0;
}

static void
put_leaf(gen *g, gen_kind kind)
{
    if (one_in(g, 4) || !put_column(g, kind))
        put_literal(g, kind);
}

/* ( SELECT one column ), as a scalar: one row, or none. */
static void
put_scalar_query(gen *g, gen_kind kind, int depth)
{
    static const char *const folds[] = {"min", "max"};
    const char *fold = PICK(g, folds);

    if (g->is_change) {
        put_leaf(g, kind);
        return;
    }
    if (kind == GEN_NUMBER && one_in(g, 2))
        put(g, "(SELECT count(*) FROM (");
    else
        put(g, "(SELECT %s(x) FROM (", fold);
    put_select(g, &kind, 1, depth - 1);
    put(g, "))");
}

static void
put_case(gen *g, gen_kind kind, int depth)
{
    put(g, "CASE WHEN ");
    put_condition(g, depth - 1);
    put(g, " THEN ");
    put_expr(g, kind, depth - 1);
    if (!one_in(g, 3)) {
        put(g, " ELSE ");
        put_expr(g, kind, depth - 1);
    }
    put(g, " END");
}

static void
put_number(gen *g, int depth)
{
    static const char *const operators[] = {"+", "-", "*", "%", "/", "&", "|"};

    switch (below(g, 9)) {
    case 0:
    case 1:
        put(g, "(");
        put_expr(g, GEN_NUMBER, depth - 1);
        put(g, " %s ", PICK(g, operators));
        put_expr(g, GEN_NUMBER, depth - 1);
        put(g, ")");
        break;
    case 2:
        put(g, "(");
        put_condition(g, depth - 1);
        put(g, ")");
        break;
    case 3:
        put(g, "length(");
        put_expr(g, GEN_WORD, depth - 1);
        put(g, ")");
        break;
    case 4:
        put(g, "coalesce(");
        put_expr(g, GEN_NUMBER, depth - 1);
        put(g, ", ");
        put_expr(g, GEN_NUMBER, depth - 1);
        put(g, ")");
        break;
    case 5:
        put(g, "abs(");
        put_expr(g, GEN_NUMBER, depth - 1);
        put(g, ")");
        break;
    case 6:
        put_scalar_query(g, GEN_NUMBER, depth);
        break;
    case 7:
        put(g, "(json_object('n', ");
        put_expr(g, GEN_NUMBER, depth - 1);
        put(g, ", 'w', ");
        put_expr(g, GEN_WORD, depth - 1);
        put(g, ") ->> 'n')");
        break;
    default:
        put_leaf(g, GEN_NUMBER);
    }
}

static void
put_word(gen *g, int depth)
{
    switch (below(g, 8)) {
    case 0:
        put(g, "(");
        put_expr(g, GEN_WORD, depth - 1);
        put(g, " || ");
        put_expr(g, one_in(g, 3) ? GEN_NUMBER : GEN_WORD, depth - 1);
        put(g, ")");
        break;
    case 1:
        put(g, "substr(");
        put_expr(g, GEN_WORD, depth - 1);
        put(g, ", %d)", below(g, 4));
        break;
    case 2:
        put(g, "upper(");
        put_expr(g, GEN_WORD, depth - 1);
        put(g, ")");
        break;
    case 3:
        put(g, "typeof(");
        put_expr(g, GEN_WILD, depth - 1);
        put(g, ")");
        break;
    case 4:
        put(g, "CAST(");
        put_expr(g, GEN_NUMBER, depth - 1);
        put(g, " AS TEXT)");
        break;
    case 5:
        put_scalar_query(g, GEN_WORD, depth);
        break;
    case 6: /* a text, not JSON: what that becomes inside of other JSON is another matter */
        put(g, "(json_array(");
        put_expr(g, GEN_NUMBER, depth - 1);
        put(g, ", ");
        put_expr(g, GEN_WORD, depth - 1);
        put(g, ") || '')");
        break;
    default:
        put_leaf(g, GEN_WORD);
    }
}

static void
put_wild(gen *g, int depth)
{
    switch (below(g, 6)) {
    case 0:
        put(g, "(");
        put_expr(g, GEN_WILD, depth - 1);
        put(g, " %s ", one_in(g, 2) ? "+" : "-");
        put_expr(g, GEN_WILD, depth - 1);
        put(g, ")");
        break;
    case 1:
        put(g, "CAST(");
        put_expr(g, GEN_WILD, depth - 1);
        put(g, " AS %s)", one_in(g, 2) ? "INTEGER" : "REAL");
        break;
    case 2:
        put_expr(g, one_in(g, 2) ? GEN_NUMBER : GEN_WORD, depth - 1);
        break;
    default:
        put_leaf(g, GEN_WILD);
    }
}

static void
put_expr(gen *g, gen_kind kind, int depth)
{
    if (depth <= 0) {
        put_leaf(g, kind);
        return;
    }
    if (one_in(g, 8)) {
        put_case(g, kind, depth);
        return;
    }
    switch (kind) {
    case GEN_NUMBER:
        put_number(g, depth);
        break;
    case GEN_WORD:
        put_word(g, depth);
        break;
    case GEN_WILD:
        put_wild(g, depth);
        break;
    }
}

/* Something of a random kind. */
static gen_kind
any_kind(gen *g)
{
    static const gen_kind kinds[] = {GEN_NUMBER, GEN_NUMBER, GEN_WORD, GEN_WILD};

    return PICK(g, kinds);
}

static void
put_in(gen *g, int depth)
{
    int is_query = one_in(g, 2) && !g->is_change;
    gen_kind kind = any_kind(g);

    if (is_query && kind == GEN_WILD) /* SQLite makes what is found reals, for a REAL column */
        kind = GEN_NUMBER;
    put_expr(g, kind, depth - 1);
    put(g, " %sIN (", one_in(g, 3) ? "NOT " : "");
    if (is_query) {
        put_select(g, &kind, 1, depth - 1);
    } else {
        int count = below(g, 4);

        for (int i = 0; i < count; i++) {
            put(g, i > 0 ? ", " : "");
            put_literal(g, kind);
        }
    }
    put(g, ")");
}

static void
put_comparison(gen *g, int depth)
{
    static const char *const operators[] = {"=", "=", "<", ">", "<=", ">=", "<>", "IS", "IS NOT"};
    gen_kind kind = any_kind(g);

    put_expr(g, kind, depth - 1);
    put(g, " %s ", PICK(g, operators));
    put_expr(g, kind, depth - 1);
}

static void
put_pair(gen *g, int depth, const char *word)
{
    put(g, "(");
    put_condition(g, depth - 1);
    put(g, " %s ", word);
    put_condition(g, depth - 1);
    put(g, ")");
}

/* A query of one table that depends on the row around it by an equality: EXISTS, IN or the value of
 * an aggregate. Columns have NULLs on both sides. */
static void
put_correlated(gen *g)
{
    static const char *const aggregates[] = {"max", "min", "count", "sum"};
    const gen_table *table = &g->tables[below(g, g->table_count)];
    int alias = g->next_alias++;
    int way = below(g, 3);

    if (way == 0) {
        put(g, "%sEXISTS (SELECT 1", one_in(g, 2) ? "NOT " : "");
    } else if (way == 1) {
        const gen_column *column = &table->columns[below(g, table->column_count)];

        put_leaf(g, column->kind);
        put(g, " %sIN (SELECT s%d.%s", one_in(g, 2) ? "NOT " : "", alias, column->name);
    } else {
        put_leaf(g, GEN_NUMBER);
        put(g, " >= (SELECT %s(s%d.%s)", PICK(g, aggregates), alias,
            table->columns[below(g, table->column_count)].name);
    }
    put(g, " FROM %s AS s%d WHERE ", table->name, alias);
    for (int i = 1 + below(g, 2); i >= 0; i--) {
        const gen_column *column = &table->columns[below(g, table->column_count)];

        put(g, "s%d.%s %s ", alias, column->name,
            i > 0 ? (one_in(g, 6) ? "IS" : "=") : (one_in(g, 2) ? "<>" : ">"));
        put_leaf(g, column->kind);
        if (i > 0)
            put(g, " AND ");
    }
    put(g, ")");
}

/* The row of a table with a key that is mostly there: columns of the kinds, if it has such. */
static void
put_keyed_row(gen *g, const gen_kind *kinds, int count)
{
    const gen_table *table = &g->tables[below(g, g->table_count)];
    int alias = g->next_alias++;

    while (!table->has_key)
        table = &g->tables[below(g, g->table_count)];
    put(g, "(SELECT ");
    for (int i = 0; i < count; i++) {
        int column = 0;

        for (int tries = 0; tries < 9 && table->columns[column].kind != kinds[i]; tries++)
            column = below(g, table->column_count);
        put(g, "%ss%d.%s", i > 0 ? ", " : "", alias, table->columns[column].name);
    }
    put(g, " FROM %s AS s%d WHERE s%d.k = ", table->name, alias, alias);
    put_leaf(g, GEN_NUMBER);
    put(g, ")");
}

static void
put_row(gen *g, const gen_kind *kinds, int count)
{
    put(g, "(");
    for (int i = 0; i < count; i++) {
        put(g, i > 0 ? ", " : "");
        put_leaf(g, kinds[i]);
    }
    put(g, ")");
}

/* A comparison of row values. */
static void
put_rows(gen *g, int depth)
{
    static const char *const operators[] = {"=", "<", ">=", "<>", "IS", "IS NOT"};
    int count = 2 + one_in(g, 3);
    gen_kind kinds[3];
    int way = g->is_change ? 0 : below(g, 5);

    for (int i = 0; i < count; i++)
        kinds[i] = one_in(g, 2) ? GEN_NUMBER : GEN_WORD;
    if (way == 4) {
        put_keyed_row(g, kinds, count);
        put(g, " %s ", PICK(g, operators));
        put_row(g, kinds, count);
        return;
    }
    put_row(g, kinds, count);
    switch (way) {
    case 1:
        put(g, " %sIN (", one_in(g, 2) ? "NOT " : "");
        put_select(g, kinds, count, depth - 1);
        put(g, ")");
        break;
    case 2:
        put(g, " %s ", PICK(g, operators));
        put_keyed_row(g, kinds, count);
        break;
    case 3:
        put(g, " BETWEEN ");
        put_row(g, kinds, count);
        put(g, " AND ");
        put_row(g, kinds, count);
        break;
    default:
        put(g, " %s ", PICK(g, operators));
        put_row(g, kinds, count);
    }
}

static void
put_condition(gen *g, int depth)
{
    gen_kind kind = any_kind(g);

    switch (depth <= 0 ? 0 : below(g, 12)) {
    default:
        put_comparison(g, depth);
        break;
    case 4:
        put_pair(g, depth, one_in(g, 3) ? "OR" : "AND");
        break;
    case 5:
        put_pair(g, depth, one_in(g, 2) ? "OR" : "AND");
        break;
    case 6:
        put(g, "NOT (");
        put_condition(g, depth - 1);
        put(g, ")");
        break;
    case 7:
        put_expr(g, kind, depth - 1);
        put(g, one_in(g, 2) ? " IS NULL" : " NOT NULL");
        break;
    case 8:
        put_in(g, depth);
        break;
    case 9:
        put_expr(g, kind, depth - 1);
        put(g, " BETWEEN ");
        put_expr(g, kind, depth - 1);
        put(g, " AND ");
        put_expr(g, kind, depth - 1);
        break;
    case 11:
        put_rows(g, depth);
        break;
    case 10:
        if (one_in(g, 2) || g->is_change) {
            put_expr(g, GEN_WORD, depth - 1);
            put(g, " LIKE '%s'", one_in(g, 2) ? "a%" : "%b_");
        } else if (one_in(g, 2) && g->table_count > 0) {
            put_correlated(g);
        } else {
            put(g, "%sEXISTS (", one_in(g, 3) ? "NOT " : "");
            put_select(g, &kind, 1, depth - 1);
            put(g, ")");
        }
        break;
    }
}

/* ---- FROM ---- */

/* A subquery in FROM; its columns are x, x1 and x2. NULL when there are too many. */
static const gen_table *
put_derived(gen *g, int depth)
{
    static const char *const names[] = {"x", "x1", "x2"};
    gen_source had[SOURCES_MAX];
    int had_count = g->source_count;
    gen_table *table = &g->derived[g->derived_count];
    int count = 1 + below(g, 3);
    gen_kind kinds[3] = {GEN_NUMBER, GEN_NUMBER, GEN_NUMBER};

    if (g->derived_count + 1 >= (int)VL_ARRAY_COUNT(g->derived))
        return NULL;
    g->derived_count++;
    memset(table, 0, sizeof *table);
    table->column_count = count;
    for (int i = 0; i < count; i++) {
        kinds[i] = any_kind(g);
        (void)snprintf(table->columns[i].name, sizeof table->columns[i].name, "%s", names[i]);
        table->columns[i].kind = kinds[i];
    }
    memcpy(had, g->sources, sizeof had);
    g->source_count = g->source_first; /* it does not see its neighbours */
    put(g, "(");
    put_select(g, kinds, count, depth - 1);
    put(g, ")");
    memcpy(g->sources, had, sizeof had);
    g->source_count = had_count;
    return table;
}

/* One source with its alias; it is in scope afterwards. */
static void
put_source(gen *g, int depth)
{
    const gen_table *table = &g->tables[below(g, g->table_count)];
    gen_source *source;

    if (depth > 1 && one_in(g, 5)) {
        const gen_table *derived = put_derived(g, depth);

        if (derived != NULL)
            table = derived;
        else
            put(g, "%s", table->name);
    } else {
        put(g, "%s", table->name);
    }
    VL_CHECK(g->source_count < SOURCES_MAX);
    source = &g->sources[g->source_count++];
    source->table = table;
    (void)snprintf(source->alias, sizeof source->alias, "s%d", g->next_alias++);
    put(g, " AS %s", source->alias);
}

/* The condition of a join: mostly an equality with what is before. */
static void
put_on(gen *g, int depth)
{
    gen_kind kind = one_in(g, 3) ? GEN_WORD : GEN_NUMBER;

    put(g, " ON ");
    if (one_in(g, 4)) {
        put_condition(g, depth > 1 ? 1 : 0);
        return;
    }
    put_leaf(g, kind);
    put(g, " = ");
    put_leaf(g, kind);
}

static void
put_from(gen *g, int depth)
{
    static const char *const joins[] = {" JOIN ",       " JOIN ",      " LEFT JOIN ", " LEFT JOIN ",
                                        " RIGHT JOIN ", " FULL JOIN ", ", "};
    int count = one_in(g, 2) || depth <= 0 ? 1 : 2 + one_in(g, 4);

    if (g->source_count + count > SOURCES_MAX)
        count = 1;
    put(g, " FROM ");
    put_source(g, depth);
    for (int i = 1; i < count; i++) {
        const char *join = PICK(g, joins);

        if ((join[1] == 'R' || join[1] == 'F') && (g->level > 1 || count > 2))
            join = joins[0];
        g->has_right |= join[1] == 'R' || join[1] == 'F';
        put(g, "%s", join);
        put_source(g, depth);
        if (join[0] != ',')
            put_on(g, depth);
    }
}

/* ---- SELECT ---- */

/* An aggregate that gives the kind. */
static void
put_own_aggregate(gen *g, gen_kind kind, int depth)
{
    static const char *const numbers[] = {
        "sum(", "min(", "max(", "count(", "count(DISTINCT ", "sum(DISTINCT "};

    if (kind == GEN_NUMBER && one_in(g, 4)) {
        put(g, "count(*)");
    } else if (kind == GEN_NUMBER) {
        put(g, "%s", PICK(g, numbers));
        put_expr(g, GEN_NUMBER, depth - 1);
        put(g, ")");
    } else if (kind == GEN_WILD) {
        put(g, "%s(", one_in(g, 2) ? "avg" : "total");
        put_expr(g, GEN_NUMBER, depth - 1);
        put(g, ")");
    } else {
        put(g, "%s(", one_in(g, 2) ? "min" : "max");
        put_expr(g, GEN_WORD, depth - 1);
        put(g, ")");
    }
    if (one_in(g, 5)) {
        put(g, " FILTER (WHERE ");
        put_condition(g, depth - 1);
        put(g, ")");
    }
}

/* An aggregate of this query: it names no outer columns, as it would belong to that query then. */
static void
put_aggregate(gen *g, gen_kind kind, int depth)
{
    int had = g->hidden;

    g->hidden = g->source_first;
    put_own_aggregate(g, kind, depth);
    g->hidden = had;
}

/* Copy what was written since `from` to where a FROM clause has come before it: the items of a
 * SELECT are made after its FROM, whose sources they name. */
static void
swap_parts(gen *g, size_t from, size_t middle)
{
    char *copy = malloc(g->size - from + 1);
    size_t tail = g->size - middle;

    VL_CHECK(copy != NULL);
    memcpy(copy, g->text + from, middle - from);
    memmove(g->text + from, g->text + middle, tail);
    memcpy(g->text + from + tail, copy, middle - from);
    free(copy);
}

static void
put_items(gen *g, const gen_kind *kinds, int count, int depth)
{
    int is_tame = 1;

    for (int i = 0; i < count; i++)
        is_tame = is_tame && kinds[i] != GEN_WILD;
    put(g, "SELECT %s", is_tame && one_in(g, 6) ? "DISTINCT " : "");
    for (int i = 0; i < count; i++) {
        put(g, i > 0 ? ", " : "");
        put_expr(g, kinds[i], depth);
        put(g, " AS x%s", i == 0 ? "" : i == 1 ? "1" : "2");
    }
}

/* Items of groups: the first is what is grouped by, where it is tame; others are aggregates. */
static void
put_grouped(gen *g, const gen_kind *kinds, int count, int depth, int is_grouped)
{
    put(g, "SELECT ");
    for (int i = 0; i < count; i++) {
        put(g, i > 0 ? ", " : "");
        if (i == 0 && is_grouped)
            put_expr(g, kinds[0], depth > 1 ? 1 : depth);
        else
            put_aggregate(g, kinds[i], depth);
        put(g, " AS x%s", i == 0 ? "" : i == 1 ? "1" : "2");
    }
}

/* One SELECT with columns of the kinds, at most three, called x, x1 and x2. */
static void
put_core(gen *g, const gen_kind *kinds, int count, int depth)
{
    int had_first = g->source_first;
    int had = g->source_count;
    size_t from = g->size;
    size_t middle;
    int is_grouped = one_in(g, 4);
    int by_first = kinds[0] != GEN_WILD && !one_in(g, 3);

    g->source_first = had;
    g->level++;
    put_from(g, depth);
    if (!one_in(g, 3)) {
        put(g, " WHERE ");
        put_condition(g, depth);
    }
    if (is_grouped && by_first)
        put(g, " GROUP BY 1");
    if (is_grouped && by_first && one_in(g, 3)) {
        put(g, " HAVING ");
        put_aggregate(g, GEN_NUMBER, depth);
        put(g, " > %d", below(g, 4));
    }
    middle = g->size;
    if (is_grouped)
        put_grouped(g, kinds, count, depth, by_first);
    else
        put_items(g, kinds, count, depth);
    swap_parts(g, from, middle);
    g->source_count = had;
    g->source_first = had_first;
    g->level--;
}

static void
put_select(gen *g, const gen_kind *kinds, int count, int depth)
{
    static const char *const operators[] = {" UNION ", " UNION ALL ", " EXCEPT ", " INTERSECT "};
    int is_tame = 1;

    for (int i = 0; i < count; i++)
        is_tame = is_tame && kinds[i] != GEN_WILD;
    put_core(g, kinds, count, depth);
    if (depth > 0 && one_in(g, 8) && (is_tame || g->level == 0)) {
        put(g, "%s", is_tame ? PICK(g, operators) : " UNION ALL ");
        put_core(g, kinds, count, depth - 1);
    }
}

/* ORDER BY all columns, perhaps with LIMIT. */
static void
put_order(gen *g, int count)
{
    put(g, " ORDER BY ");
    for (int i = 0; i < count; i++)
        put(g, "%s%d%s%s", i > 0 ? ", " : "", i + 1, one_in(g, 3) ? " DESC" : "",
            one_in(g, 5)   ? " NULLS LAST"
            : one_in(g, 5) ? " NULLS FIRST"
                           : "");
    g->flags |= DIFF_ORDERED;
    if (one_in(g, 3)) {
        put(g, " LIMIT %d", below(g, 8));
        if (one_in(g, 3))
            put(g, " OFFSET %d", below(g, 4));
        g->flags |= DIFF_LOOSE; /* of rows that are equal some are cut off */
    }
}

static void
make_query(gen *g)
{
    int count = 1 + below(g, 3);
    gen_kind kinds[3] = {GEN_NUMBER, GEN_NUMBER, GEN_NUMBER};

    for (int i = 0; i < count; i++)
        kinds[i] = any_kind(g);
    put_select(g, kinds, count, 1 + below(g, 3));
    if (one_in(g, 2))
        put_order(g, count);
}

/* A frame that is legal. */
static void
put_frame(gen *g)
{
    static const char *const begins[] = {"UNBOUNDED PRECEDING", "2 PRECEDING", "1 PRECEDING",
                                         "CURRENT ROW"};
    static const char *const ends[] = {"CURRENT ROW", "1 FOLLOWING", "2 FOLLOWING",
                                       "UNBOUNDED FOLLOWING"};
    static const char *const excludes[] = {
        "", "", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP", " EXCLUDE TIES", " EXCLUDE NO OTHERS"};
    static const char *const units[] = {"ROWS", "ROWS", "GROUPS", "RANGE"};

    if (one_in(g, 3))
        return;
    put(g, " %s BETWEEN %s AND %s%s", PICK(g, units), PICK(g, begins), PICK(g, ends),
        PICK(g, excludes));
}

static void
put_window(gen *g)
{
    static const char *const calls[] = {"row_number()",   "rank()",           "dense_rank()",
                                        "percent_rank()", "cume_dist()",      "ntile(3)",
                                        "lag(s0.k)",      "lead(s0.k, 2, -1)"};
    static const char *const folds[] = {"sum",   "min", "max",         "count",
                                        "total", "avg", "first_value", "last_value"};

    if (one_in(g, 2)) {
        put(g, "%s", PICK(g, calls));
    } else {
        const char *fold = PICK(g, folds);

        put(g, "%s(", fold);
        put_expr(g, GEN_NUMBER, 1);
        put(g, ")");
        if ((fold[0] == 's' || fold[0] == 'c') && one_in(g, 3)) {
            put(g, " FILTER (WHERE ");
            put_condition(g, 1);
            put(g, ")");
        }
    }
    put(g, " OVER (");
    if (one_in(g, 2)) {
        put(g, "PARTITION BY ");
        put_expr(g, one_in(g, 2) ? GEN_NUMBER : GEN_WORD, 1);
    }
    put(g, " ORDER BY s0.k%s", one_in(g, 3) ? " DESC" : "");
    put_frame(g);
    put(g, ")");
}

/* A query with window functions over one table, ordered by its key. */
static void
make_window(gen *g)
{
    int table = below(g, g->table_count);
    int count = 1 + below(g, 3);

    while (!g->tables[table].has_key)
        table = below(g, g->table_count);
    g->sources[0] = (gen_source){&g->tables[table], "s0"};
    g->source_count = 1;
    g->next_alias = 1;
    put(g, "SELECT s0.k");
    for (int i = 0; i < count; i++) {
        put(g, ", ");
        put_window(g);
    }
    put(g, " FROM %s AS s0", g->tables[table].name);
    if (one_in(g, 3)) {
        put(g, " WHERE ");
        put_condition(g, 1);
    }
}

/* Two tables joined by columns of one name. */
static void
make_using(gen *g)
{
    static const char *const joins[] = {"JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"};
    static const char *const columns[] = {"k", "n0", "w1", "n0, w1"};
    const char *join = PICK(g, joins);
    const char *column = PICK(g, columns);

    g->next_alias = 2;
    for (int i = 0; i < 2; i++) {
        int table = below(g, g->table_count);

        while (!g->tables[table].has_key)
            table = below(g, g->table_count);
        g->sources[i].table = &g->tables[table];
        (void)snprintf(g->sources[i].alias, sizeof g->sources[i].alias, "s%d", i);
    }
    put(g, "SELECT s0.k, s1.k, %s FROM %s AS s0 %s %s AS s1 USING (%s)", column,
        g->sources[0].table->name, join, g->sources[1].table->name, column);
    g->source_count = 2;
    if (join[0] != 'R' && join[0] != 'F' && one_in(g, 2)) {
        put(g, " WHERE ");
        put_condition(g, 2);
    }
}

/* A query with CTEs. */
static void
make_cte(gen *g)
{
    gen_table *table = &g->tables[g->table_count];
    gen_kind kinds[2] = {GEN_NUMBER, one_in(g, 2) ? GEN_WORD : GEN_WILD};

    memset(table, 0, sizeof *table);
    (void)snprintf(table->name, sizeof table->name, "w");
    table->column_count = 2;
    for (int i = 0; i < 2; i++) {
        (void)snprintf(table->columns[i].name, sizeof table->columns[i].name, "c%d", i);
        table->columns[i].kind = kinds[i];
    }
    if (one_in(g, 3)) {
        put(g,
            "WITH RECURSIVE w(c0, c1) AS (SELECT %d, 'a' UNION%s SELECT c0 + %d, c1 || 'b' FROM "
            "w WHERE c0 < %d) ",
            below(g, 3), one_in(g, 2) ? " ALL" : "", 1 + below(g, 3), below(g, 9));
        table->columns[1].kind = GEN_WORD;
    } else {
        put(g, "WITH w(c0, c1) AS %s(",
            one_in(g, 3)   ? "MATERIALIZED "
            : one_in(g, 2) ? "NOT MATERIALIZED "
                           : "");
        g->level = 1;
        put_select(g, kinds, 2, 2);
        g->level = 0;
        put(g, ") ");
    }
    g->table_count++;
    make_query(g);
    g->table_count--;
}

/* ---- the schema ---- */

static void
column_make(gen *g, gen_column *column, int number, int is_strict)
{
    static const char *const wild_types[] = {"", "BLOB", "NUMERIC", "REAL", "INT"};
    static const char *const strict_types[] = {"ANY", "ANY"};
    static const char *const ends[] = {"", "", "", " DEFAULT NULL", " DEFAULT 7"};

    (void)snprintf(column->name, sizeof column->name, "%c%d", "nwx"[number % 3], number % 100);
    column->kind = (gen_kind)(number % 3);
    put(g, ", %s ", column->name);
    if (column->kind == GEN_NUMBER)
        put(g, "INT%s", PICK(g, ends));
    else if (column->kind == GEN_WORD)
        put(g, "TEXT%s", one_in(g, 4) ? " CHECK (length(w1) < 9)" : "");
    else
        put(g, "%s", is_strict ? PICK(g, strict_types) : PICK(g, wild_types));
}

static void
make_table(gen *g)
{
    gen_table *table = &g->tables[g->table_count];
    static const char *const collations[] = {"", " COLLATE NOCASE", " COLLATE RTRIM"};
    static const char *const texts[] = {"w1", "w1 || ' '", "coalesce(w1, 'none')",
                                        "substr(w1, 1, 1) COLLATE NOCASE"};
    int is_strict = one_in(g, 4);
    int style = below(g, 4);
    int more = 3 + below(g, 3);

    memset(table, 0, sizeof *table);
    (void)snprintf(table->name, sizeof table->name, "t%d", g->table_count);
    table->has_key = 1;
    table->has_rowid = style != 0;
    table->columns[0] = (gen_column){"k", GEN_NUMBER, 0, 1};
    put(g, "CREATE TABLE %s(k %s", table->name,
        style == 0   ? "INT PRIMARY KEY"
        : style == 1 ? "INTEGER PRIMARY KEY"
        : style == 2 ? "INT NOT NULL UNIQUE"
                     : "INTEGER PRIMARY KEY DESC NOT NULL");
    for (int i = 0; i < more; i++)
        column_make(g, &table->columns[1 + i], i, is_strict);
    table->column_count = 1 + more;
    if (one_in(g, 4) && table->column_count < COLUMNS_MAX) {
        put(g, ", g INT AS (n0 + 1)%s", one_in(g, 2) ? " STORED" : "");
        table->columns[table->column_count++] = (gen_column){"g", GEN_NUMBER, 1, 0};
    }
    if (one_in(g, 3) && table->column_count < COLUMNS_MAX) { /* what is equal may look different */
        put(g, ", h TEXT%s AS (%s)%s", PICK(g, collations), PICK(g, texts),
            one_in(g, 2) ? " STORED" : "");
        table->columns[table->column_count++] = (gen_column){"h", GEN_WILD, 1, 0};
    }
    put(g, ")%s%s%s", style == 0 ? " WITHOUT ROWID" : "", style == 0 && is_strict ? "," : "",
        is_strict ? " STRICT" : "");
    g->table_count++;
}

static void
make_index(gen *g, int number)
{
    static const char *const terms[] = {"n0",         "w1",          "x2",
                                        "n0, w1",     "w1 DESC, n0", "x2, n0 DESC",
                                        "n0 + 1",     "lower(w1)",   "w1 COLLATE NOCASE",
                                        "n0, x2, w1", "g",           "g DESC, w1",
                                        "h",          "h DESC, n0",  "h COLLATE BINARY, g"};
    static const char *const parts[] = {"",
                                        "",
                                        "",
                                        " WHERE n0 > 2",
                                        " WHERE w1 IS NOT NULL",
                                        " WHERE x2 IS NOT NULL",
                                        " WHERE h >= 'a'",
                                        " WHERE g IS NOT NULL"};

    put(g, "CREATE INDEX i%d ON t%d(%s)%s", number, below(g, g->table_count), PICK(g, terms),
        PICK(g, parts));
}

static void
make_view(gen *g)
{
    gen_table *table = &g->tables[g->table_count];
    gen_kind kinds[2] = {GEN_NUMBER, one_in(g, 2) ? GEN_WORD : GEN_WILD};

    memset(table, 0, sizeof *table);
    g->level = 1;
    put(g, "CREATE VIEW v(a, b) AS ");
    put_select(g, kinds, 2, 2);
    (void)snprintf(table->name, sizeof table->name, "v");
    table->column_count = 2;
    table->columns[0] = (gen_column){"a", kinds[0], 0, 0};
    table->columns[1] = (gen_column){"b", kinds[1], 0, 0};
    table->is_view = 1;
    g->table_count++;
}

static void
make_trigger(gen *g, int table, int number)
{
    static const char *const events[] = {"INSERT", "UPDATE", "DELETE"};
    const char *event = PICK(g, events);

    put(g, "CREATE TRIGGER r%d %s %s ON t%d %s BEGIN INSERT INTO log VALUES ('%s', %s.k, %s.n0); ",
        number, one_in(g, 2) ? "AFTER" : "BEFORE", event, table, one_in(g, 3) ? "WHEN 1 < 2" : "",
        event, event[0] == 'I' ? "new" : "old", event[0] == 'D' ? "old" : "new");
    put(g, "END");
}

/* ---- changes ---- */

/* A table that is no view. */
static int
any_table(gen *g)
{
    int table = below(g, g->table_count);

    while (g->tables[table].is_view)
        table = below(g, g->table_count);
    return table;
}

static void
put_returning(gen *g, const gen_table *table)
{
    if (!one_in(g, 3))
        return;
    put(g, " RETURNING k, ");
    g->is_tame = 1;
    g->sources[0] = (gen_source){table, ""};
    g->source_count = 1;
    put_leaf(g, any_kind(g));
}

static void
put_values(gen *g, const gen_table *table, int key)
{
    put(g, "(%d", key);
    for (int i = 1; i < table->column_count; i++)
        if (!table->columns[i].is_generated) {
            put(g, ", ");
            put_literal(g, table->columns[i].kind);
        }
    put(g, ")");
}

static void
put_columns(gen *g, const gen_table *table)
{
    put(g, "%s(", table->name);
    for (int i = 0; i < table->column_count; i++)
        if (!table->columns[i].is_generated)
            put(g, "%s%s", i > 0 ? ", " : "", table->columns[i].name);
    put(g, ")");
}

static void
put_upsert(gen *g, const gen_table *table)
{
    if (!one_in(g, 4))
        return;
    put(g, " ON CONFLICT (k) DO ");
    if (one_in(g, 3)) {
        put(g, "NOTHING");
        return;
    }
    put(g, "UPDATE SET n0 = ");
    g->sources[0] = (gen_source){table, "excluded"};
    (void)snprintf(g->sources[1].alias, sizeof g->sources[1].alias, "%s", table->name);
    g->sources[1].table = table;
    g->source_count = 2;
    g->is_tame = 1; /* SQLite 3.40 may show values that were not converted yet */
    put_expr(g, GEN_NUMBER, 2);
    g->is_tame = 0;
    put(g, ", x2 = ");
    put_leaf(g, GEN_WILD);
    g->is_tame = 1;
    if (one_in(g, 2)) {
        put(g, " WHERE ");
        put_condition(g, 1);
    }
    g->is_tame = 0;
    g->source_count = 0;
}

static void
make_insert(gen *g, int table_number, int rows)
{
    static const char *const verbs[] = {
        "INSERT",  "INSERT",         "INSERT",          "INSERT OR IGNORE",  "INSERT OR REPLACE",
        "REPLACE", "INSERT OR FAIL", "INSERT OR ABORT", "INSERT OR ROLLBACK"};
    const gen_table *table = &g->tables[table_number];
    const char *verb = PICK(g, verbs);

    g->is_change = 1;
    g->flags |= DIFF_CHANGES;
    put(g, "%s INTO ", verb);
    put_columns(g, table);
    put(g, " VALUES ");
    for (int i = 0; i < rows; i++) {
        put(g, i > 0 ? ", " : "");
        put_values(g, table, below(g, 40));
    }
    if (strcmp(verb, "INSERT") == 0)
        put_upsert(g, table);
    put_returning(g, table);
}

/* Set columns that are not unique, of any rows; or the key, of one row. */
static void
make_update(gen *g)
{
    const gen_table *table = &g->tables[any_table(g)];
    int is_set = 0;

    g->is_change = 1;
    g->flags |= DIFF_CHANGES;
    g->sources[0] = (gen_source){table, ""};
    g->source_count = 1;
    if (one_in(g, 4)) {
        put(g, "UPDATE %s%s SET k = %d WHERE k = %d",
            one_in(g, 2)   ? ""
            : one_in(g, 2) ? "OR REPLACE "
                           : "OR IGNORE ",
            table->name, below(g, 40), below(g, 40));
        return;
    }
    put(g, "UPDATE %s SET ", table->name);
    for (int i = 1; i < table->column_count; i++) {
        const gen_column *column = &table->columns[i];

        if (column->is_generated || (is_set && one_in(g, 2)))
            continue;
        put(g, "%s%s = ", is_set ? ", " : "", column->name);
        put_expr(g, column->kind, column->kind == GEN_NUMBER ? 2 : 1);
        is_set = 1;
    }
    put(g, " WHERE ");
    put_condition(g, 2);
    put_returning(g, table);
}

/* Set a column from the row of another table, or of this one, that has the same key. */
static void
make_update_from(gen *g)
{
    const gen_table *table = &g->tables[any_table(g)];
    const gen_table *from = &g->tables[any_table(g)];

    g->is_change = 1;
    g->flags |= DIFF_CHANGES;
    (void)snprintf(g->sources[0].alias, sizeof g->sources[0].alias, "%s", table->name);
    g->sources[0].table = table;
    g->sources[1] = (gen_source){from, "f"};
    g->source_count = 2;
    put(g, "UPDATE %s SET n0 = ", table->name);
    put_expr(g, GEN_NUMBER, 2);
    put(g, ", w1 = ");
    put_leaf(g, GEN_WORD);
    put(g, " FROM %s AS f WHERE f.k = %s.k AND ", from->name, table->name);
    put_condition(g, 2);
}

static void
make_delete(gen *g)
{
    const gen_table *table = &g->tables[any_table(g)];

    g->is_change = 1;
    g->flags |= DIFF_CHANGES;
    g->sources[0] = (gen_source){table, ""};
    g->source_count = 1;
    put(g, "DELETE FROM %s WHERE ", table->name);
    put_comparison(g, 1);
    if (one_in(g, 2)) {
        put(g, " AND ");
        put_condition(g, 1);
    }
    put_returning(g, table);
}

static void
make_transaction(gen *g)
{
    static const char *const texts[] = {"BEGIN",       "COMMIT",    "ROLLBACK",
                                        "SAVEPOINT a", "RELEASE a", "ROLLBACK TO a",
                                        "SAVEPOINT a", "RELEASE a", "ROLLBACK TO a"};

    put(g, "%s", PICK(g, texts));
    g->flags |= DIFF_CHANGES;
}

/* ---- the script ---- */

static void
script_add_probe(gen *g, const char *text)
{
    diff_script *script = g->script;

    script->probes[script->table_count] = strdup(text);
    VL_CHECK(script->probes[script->table_count] != NULL);
    script->table_count++;
}

/* A table of children of t0. */
static void
make_child(gen *g)
{
    static const char *const actions[] = {"CASCADE", "SET NULL", "NO ACTION", "RESTRICT",
                                          "SET DEFAULT"};

    statement_begin(g);
    put(g, "PRAGMA foreign_keys = ON");
    statement_end(g);
    statement_begin(g);
    put(g,
        "CREATE TABLE child(id INTEGER PRIMARY KEY, p INT DEFAULT %d REFERENCES t0(k) ON DELETE %s "
        "ON UPDATE %s%s)",
        below(g, 40), PICK(g, actions), PICK(g, actions),
        one_in(g, 3) ? " DEFERRABLE INITIALLY DEFERRED" : "");
    statement_end(g);
    script_add_probe(g, "SELECT * FROM child");
    g->has_child = 1;
}

/* Children of some rows of t0, when these are there. */
static void
make_children(gen *g, int table)
{
    if (table != 0 || !g->has_child)
        return;
    statement_begin(g);
    g->flags |= DIFF_CHANGES;
    put(g, "INSERT INTO child(id, p) SELECT k, k FROM t0 WHERE k %% 3 = %d", below(g, 3));
    statement_end(g);
}

static void
make_schema(gen *g)
{
    int tables = 2 + below(g, 2);
    int indexes = below(g, 5);
    char probe[64];

    statement_begin(g);
    put(g, "CREATE TABLE log(what, k, n)");
    statement_end(g);
    script_add_probe(g, "SELECT * FROM log");
    for (int i = 0; i < tables; i++) {
        statement_begin(g);
        make_table(g);
        statement_end(g);
        (void)snprintf(probe, sizeof probe, "SELECT * FROM t%d", i);
        script_add_probe(g, probe);
    }
    if (one_in(g, 3))
        make_child(g);
    for (int i = 0; i < indexes; i++) {
        statement_begin(g);
        make_index(g, i);
        statement_end(g);
    }
    for (int i = 0; i < tables; i++) {
        statement_begin(g);
        make_insert(g, i, 5 + below(g, 25));
        statement_end(g);
        make_children(g, i);
        if (one_in(g, 5)) {
            statement_begin(g);
            make_trigger(g, i, i);
            statement_end(g);
        }
    }
    statement_begin(g);
    if (one_in(g, 2)) {
        make_view(g);
        statement_end(g);
    }
    if (one_in(g, 3)) {
        statement_begin(g);
        put(g, "ANALYZE");
        statement_end(g);
    }
}

static void
make_statement(gen *g)
{
    statement_begin(g);
    switch (below(g, 18)) {
    case 0:
    case 1:
        make_insert(g, any_table(g), 1 + below(g, 4));
        break;
    case 2:
    case 3:
        make_update(g);
        break;
    case 4:
        make_delete(g);
        break;
    case 5:
        make_transaction(g);
        break;
    case 6:
    case 7:
        make_window(g);
        break;
    case 8:
        make_cte(g);
        break;
    case 9:
        make_using(g);
        break;
    case 10:
        make_update_from(g);
        break;
    default:
        make_query(g);
    }
    statement_end(g);
}

void
diff_script_make(uint64_t seed, diff_script *script)
{
    gen *g = calloc(1, sizeof *g);
    int count;

    VL_CHECK(g != NULL);
    vl_rng_init(&g->rng, seed);
    memset(script, 0, sizeof *script);
    g->script = script;
    script->list = calloc(STATEMENTS_MAX, sizeof *script->list);
    script->probes = calloc(TABLES_MAX, sizeof *script->probes);
    VL_CHECK(script->list != NULL && script->probes != NULL);
    make_schema(g);
    count = 20 + below(g, 40);
    for (int i = 0; i < count; i++)
        make_statement(g);
    free(g);
}

void
diff_script_free(diff_script *script)
{
    for (size_t i = 0; i < script->count; i++)
        free(script->list[i].sql);
    for (size_t i = 0; i < script->table_count; i++)
        free(script->probes[i]);
    free(script->list);
    free(script->probes);
    memset(script, 0, sizeof *script);
}
