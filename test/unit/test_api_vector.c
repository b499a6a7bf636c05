/* test_api_vector.c - queries on typed vectors against the same queries on rows of values.
 *
 * Tables hold every storage class in columns of every affinity: pure, with NULLs, with a few values
 * of another class, and mixed; in order, out of order, with newer versions on their pages that an
 * older snapshot passes over. Random queries are run twice, with the fast ways and without
 * (velo_connection.is_plain), and must give the same text, errors included. */
#include "api/api_int.h"
#include "base/rng.h"
#include "lib/api_run.h"
#include "lib/unit.h"

#include <stdio.h>
#include <string.h>

#define ROWS    VL_BY_BUILD(1500U, 120U)
#define QUERIES VL_BY_BUILD(160U, 100U)

/* SQL in the making. */
typedef struct vector_text {
    char text[32768];
    size_t size;
} vector_text;

#define ADD(to, ...)                                                                               \
    ((to)->size +=                                                                                 \
     (size_t)snprintf((to)->text + (to)->size, sizeof(to)->text - (to)->size, __VA_ARGS__))

static const char *const columns[] = {"id", "i", "r", "n", "s", "a", "b", "d"};

/* ---- values ---- */

static void
add_integer(vector_text *to, vl_rng *rng)
{
    static const char *const edges[] = {"9223372036854775807", "-9223372036854775808",
                                        "9007199254740992",    "9007199254740993",
                                        "-9007199254740993",   "4611686018427387904"};

    if (vl_rng_chance(rng, 1, 12))
        ADD(to, "%s", edges[vl_rng_below(rng, VL_ARRAY_COUNT(edges))]);
    else
        ADD(to, "%d", (int)vl_rng_below(rng, 2000) - 1000);
}

static void
add_real(vector_text *to, vl_rng *rng)
{
    static const char *const edges[] = {
        "9e999", "-9e999", "1e300", "-1e300", "1e-300", "-0.0", "9007199254740993.5",
        "0.1",   "1e18"};

    if (vl_rng_chance(rng, 1, 12))
        ADD(to, "%s", edges[vl_rng_below(rng, VL_ARRAY_COUNT(edges))]);
    else if (vl_rng_chance(rng, 1, 3))
        ADD(to, "%d.%d", (int)vl_rng_below(rng, 2000) - 1000, (int)vl_rng_below(rng, 100000));
    else
        ADD(to, "%d.%02d", (int)vl_rng_below(rng, 200) - 100, (int)vl_rng_below(rng, 100));
}

static void
add_text(vector_text *to, vl_rng *rng)
{
    static const char *const texts[] = {
        "alpha",      "Alpha",      "beta",  "beta ", "",   "7",  "7.5", "delta",
        "1994-01-02", "1994-01-12", "12:30", "7e1",   "7x", " 7", "e7",  "-"};

    if (vl_rng_chance(rng, 1, 60))
        ADD(to, "hex(zeroblob(%d))", (int)vl_rng_below(rng, 6000));
    else
        ADD(to, "'%s'", texts[vl_rng_below(rng, VL_ARRAY_COUNT(texts))]);
}

/* A value, of a class by chance: 0 to 9 are weights of how often others come in. */
static void
add_value(vector_text *to, vl_rng *rng)
{
    switch (vl_rng_below(rng, 6)) {
    case 0:
        add_integer(to, rng);
        break;
    case 1:
        add_real(to, rng);
        break;
    case 2:
        add_text(to, rng);
        break;
    case 3:
        ADD(to, "NULL");
        break;
    case 4:
        ADD(to, "x'%02x'", (unsigned)vl_rng_below(rng, 256));
        break;
    default:
        ADD(to, "%d", (int)vl_rng_below(rng, 10));
        break;
    }
}

/* How a table is filled: by chance pure, with NULLs, or with others. */
typedef struct vector_table {
    uint32_t null_rate;  /* of 100 */
    uint32_t other_rate; /* of 1,000 */
    int has_large;       /* integers and reals of any size */
    int is_shuffled;     /* rowids in any order */
    int has_older;       /* a reader keeps older versions alive */
} vector_table;

static void
add_row(vector_text *to, vl_rng *rng, const vector_table *table, int64_t rowid)
{
    ADD(to, "(%lld", (long long)rowid);
    for (size_t i = 1; i < VL_ARRAY_COUNT(columns) - 1; i++) {
        ADD(to, ",");
        if (vl_rng_chance(rng, table->null_rate, 100))
            ADD(to, "NULL");
        else if (vl_rng_chance(rng, table->other_rate, 1000) || i == 5)
            add_value(to, rng);
        else if (i == 1 && table->has_large)
            add_integer(to, rng);
        else if (i == 1 || i == 6)
            ADD(to, "%d", (int)vl_rng_below(rng, 50));
        else if (i == 2 && table->has_large)
            add_real(to, rng);
        else if (i == 2 || (i == 3 && vl_rng_chance(rng, 1, 2)))
            ADD(to, "%d.%02d", (int)vl_rng_below(rng, 200), (int)vl_rng_below(rng, 100));
        else if (i == 3)
            ADD(to, "%d", (int)vl_rng_below(rng, 100));
        else
            add_text(to, rng);
    }
    ADD(to, ")");
}

static void
must_run(velo_connection *connection, const char *sql)
{
    const char *got = api_run(connection, sql);

    if (got[0] == '!')
        unit_failed(__FILE__, __LINE__, "%s: %s", sql, got);
}

static void
fill(velo_connection *connection, vl_rng *rng, const vector_table *table)
{
    vector_text sql;

    must_run(connection, "DROP TABLE IF EXISTS t; CREATE TABLE t(id INTEGER PRIMARY KEY, "
                         "i INTEGER, r REAL, n DECIMAL(10,2), s TEXT, a, b INT); BEGIN");
    for (uint32_t row = 0; row < ROWS; row++) {
        int64_t rowid = table->is_shuffled ? (int64_t)(row * 7919U % 100003U) : (int64_t)row * 3;

        sql.size = 0;
        ADD(&sql, "INSERT INTO t(id, i, r, n, s, a, b) VALUES ");
        add_row(&sql, rng, table, rowid);
        must_run(connection, sql.text);
    }
    must_run(connection, "COMMIT; ALTER TABLE t ADD COLUMN d DEFAULT 7.25; "
                         "UPDATE t SET d = i WHERE id % 1000 = 3");
    must_run(connection, /* keys are shorter than some of the texts */
             "DROP TABLE IF EXISTS u; CREATE TABLE u(id INTEGER PRIMARY KEY, i INTEGER, r REAL, "
             "n DECIMAL(10,2), s TEXT, a, b INT); INSERT INTO u SELECT id, i, r, n, s, a, b FROM t "
             "WHERE coalesce(length(s), 0) + coalesce(length(a), 0) + coalesce(length(n), 0) + "
             "coalesce(length(i), 0) + coalesce(length(r), 0) + coalesce(length(b), 0) < 99; "
             "CREATE INDEX ui ON u(i, s); CREATE INDEX ur ON u(r DESC, n); "
             "CREATE INDEX us ON u(s COLLATE NOCASE, a); CREATE INDEX ua ON u(a); "
             "CREATE INDEX ub ON u(b, r); CREATE UNIQUE INDEX uu ON u(i, id)");
}

/* Change rows, so that pages have newer versions than the reader sees. */
static void
change(velo_connection *connection, vl_rng *rng)
{
    vector_text sql = {.size = 0};

    ADD(&sql,
        "UPDATE t SET i = i + 1, s = 'new' WHERE id %% %d = 0; DELETE FROM t WHERE id %% "
        "97 = 5; UPDATE u SET i = i + 1, s = 'new' WHERE id %% 7 = 1; DELETE FROM u WHERE id %% "
        "97 = 5; INSERT OR REPLACE INTO t(id, i, s) VALUES (100001, 1, 'z'), (-5, 2, 'y')",
        (int)(2 + vl_rng_below(rng, 39)));
    must_run(connection, sql.text);
}

/* ---- queries ---- */

static const char *
column(vl_rng *rng)
{
    return columns[vl_rng_below(rng, VL_ARRAY_COUNT(columns))];
}

static void
add_like(vector_text *to, vl_rng *rng)
{
    static const char *const patterns[] = {"a%",    "%a",  "%ET%",  "be%a", "%l%h%", "%",
                                           "delta", "_e%", "%4-0%", "7%",   "",      "%1%-%2"};

    ADD(to, "%s %sLIKE '%s'", column(rng), vl_rng_chance(rng, 1, 3) ? "NOT " : "",
        patterns[vl_rng_below(rng, VL_ARRAY_COUNT(patterns))]);
}

/* IN a list, short or long, of which a kernel decides or (by the +) the evaluator. */
static void
add_in_list(vector_text *to, vl_rng *rng, const char *name)
{
    uint64_t count = vl_rng_chance(rng, 1, 2) ? 2 : 16 + vl_rng_below(rng, 10);
    int is_mixed = vl_rng_chance(rng, 1, 2);

    ADD(to, "%s%s %sIN (", vl_rng_chance(rng, 1, 4) ? "+" : "", name,
        vl_rng_chance(rng, 1, 4) ? "NOT " : "");
    for (uint64_t i = 0; i < count; i++) {
        if (i > 0)
            ADD(to, ", ");
        if (is_mixed)
            add_value(to, rng);
        else if (vl_rng_chance(rng, 1, 4))
            add_text(to, rng);
        else
            ADD(to, "%d", (int)vl_rng_below(rng, 40) - 5);
    }
    ADD(to, ")");
}

static void
add_condition(vector_text *to, vl_rng *rng, int depth)
{
    static const char *const ops[] = {"=", "<>", "<", "<=", ">", ">=", "IS", "IS NOT"};
    const char *name = column(rng);

    switch (vl_rng_below(rng, depth > 0 ? 9 : 5)) {
    case 0:
        ADD(to, "%s IS %sNULL", name, vl_rng_chance(rng, 1, 2) ? "" : "NOT ");
        return;
    case 1:
        ADD(to, "%s %sBETWEEN ", name, vl_rng_chance(rng, 1, 4) ? "NOT " : "");
        add_value(to, rng);
        ADD(to, " AND ");
        add_value(to, rng);
        return;
    case 2:
        add_in_list(to, rng, name);
        return;
    case 3:
    case 4:
        ADD(to, "%s %s ", name, ops[vl_rng_below(rng, VL_ARRAY_COUNT(ops))]);
        if (vl_rng_chance(rng, 1, 6))
            ADD(to, "%s", column(rng));
        else
            add_value(to, rng);
        if (vl_rng_chance(rng, 1, 8))
            ADD(to, " COLLATE NOCASE");
        return;
    case 5:
        ADD(to, "NOT (");
        add_condition(to, rng, depth - 1);
        ADD(to, ")");
        return;
    case 6:
        if (vl_rng_chance(rng, 1, 2)) {
            add_like(to, rng);
            return;
        }
        if (vl_rng_chance(rng, 1, 2)) {
            ADD(to, "s = ");
            add_text(to, rng);
            return;
        }
        ADD(to, "%s + 1 > %d", name, (int)vl_rng_below(rng, 40));
        return;
    default:
        ADD(to, "(");
        add_condition(to, rng, depth - 1);
        ADD(to, vl_rng_chance(rng, 1, 2) ? " AND " : " OR ");
        add_condition(to, rng, depth - 1);
        ADD(to, ")");
        return;
    }
}

static void
add_expression(vector_text *to, vl_rng *rng, int depth)
{
    static const char *const ops[] = {"+", "-", "*"};

    if (depth == 0 || vl_rng_chance(rng, 1, 2)) {
        ADD(to, "%s", column(rng));
        return;
    }
    ADD(to, "(");
    if (vl_rng_chance(rng, 1, 3))
        ADD(to, "%s", vl_rng_chance(rng, 1, 2) ? "2" : "0.95");
    else
        add_expression(to, rng, depth - 1);
    ADD(to, " %s ", ops[vl_rng_below(rng, VL_ARRAY_COUNT(ops))]);
    add_expression(to, rng, depth - 1);
    ADD(to, ")");
}

static void
add_aggregates(vector_text *to, vl_rng *rng)
{
    static const char *const calls[] = {"sum", "total", "avg", "min", "max", "count"};
    uint32_t count = 1 + (uint32_t)vl_rng_below(rng, 3);

    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            ADD(to, ", ");
        if (vl_rng_chance(rng, 1, 6)) {
            ADD(to, "count(*)");
            continue;
        }
        ADD(to, "%s(%s", calls[vl_rng_below(rng, VL_ARRAY_COUNT(calls))],
            vl_rng_chance(rng, 1, 8) ? "DISTINCT " : "");
        add_expression(to, rng, 2);
        ADD(to, ")");
    }
}

static void
make_query(vector_text *to, vl_rng *rng)
{
    uint64_t kind = vl_rng_below(rng, 4);
    int has_group = kind == 1;
    const char *group = column(rng);

    to->size = 0;
    ADD(to, "SELECT ");
    if (has_group)
        ADD(to, "%s, ", group);
    if (kind < 3)
        add_aggregates(to, rng);
    else
        ADD(to, "id, %s, %s", column(rng), column(rng));
    ADD(to, " FROM t");
    if (vl_rng_chance(rng, 4, 5)) {
        ADD(to, " WHERE ");
        if (vl_rng_chance(rng, 1, 6)) { /* alone: it is decided on the page */
            ADD(to, "%s = ", vl_rng_chance(rng, 1, 2) ? "s" : column(rng));
            add_text(to, rng);
        } else if (vl_rng_chance(rng, 1, 6)) {
            add_like(to, rng);
        } else {
            add_condition(to, rng, 2);
        }
    }
    if (has_group)
        ADD(to, " GROUP BY %s%s", group, vl_rng_chance(rng, 1, 4) ? ", b" : "");
    if (kind == 3 && vl_rng_chance(rng, 1, 2))
        ADD(to, " ORDER BY %s%s, id", column(rng), vl_rng_chance(rng, 1, 2) ? " DESC" : "");
    else if (kind == 3 && vl_rng_chance(rng, 1, 4))
        ADD(to, " ORDER BY id DESC");
    if (kind == 3)
        ADD(to, " LIMIT %d OFFSET %d", (int)vl_rng_below(rng, 300), (int)vl_rng_below(rng, 20));
}

/* Run a query both ways; returns 0 when they differ. */
static int
is_the_same(velo_connection *connection, const char *sql)
{
    static char with[60000];

    connection->is_plain = 0;
    (void)snprintf(with, sizeof with, "%s", api_run(connection, sql));
    connection->is_plain = 1;
    if (strcmp(with, api_run(connection, sql)) == 0)
        return 1;
    unit_failed(__FILE__, __LINE__, "%s\n  vectors %.300s\n  rows    %.300s", sql, with,
                api_run(connection, sql));
    return 0;
}

static void
run_queries(velo_connection *connection, vl_rng *rng, uint32_t count)
{
    vector_text sql;

    for (uint32_t i = 0; i < count; i++) {
        make_query(&sql, rng);
        if (!is_the_same(connection, sql.text))
            return;
    }
}

/* Queries that an index covers, at least by its columns. */
static void
run_covered(velo_connection *connection, vl_rng *rng, uint32_t count)
{
    static const char *const indexes[][3] = {{"ui", "i", "s"}, {"ur", "r", "n"},
                                             {"us", "s", "a"}, {"ua", "a", "id"},
                                             {"ub", "b", "r"}, {"uu", "i", "id"}};
    vector_text sql;

    for (uint32_t k = 0; k < count; k++) {
        const char *const *index = indexes[vl_rng_below(rng, VL_ARRAY_COUNT(indexes))];
        const char *tested = index[1 + vl_rng_below(rng, 2)];

        sql.size = 0;
        ADD(&sql, "SELECT %s, %s, id, typeof(%s), quote(%s) FROM u INDEXED BY %s WHERE %s > ",
            index[1], index[2], index[1], index[2], index[0], index[1]);
        add_value(&sql, rng);
        ADD(&sql, " AND %s <> ", tested);
        add_value(&sql, rng);
        ADD(&sql, " ORDER BY %s LIMIT 200", index[1]);
        if (!is_the_same(connection, sql.text))
            return;
    }
}

static void
check_table(vl_rng *rng, const vector_table *table)
{
    velo_connection *writer = api_run_open("vector.db");
    velo_connection *reader = api_run_open("vector.db");

    fill(writer, rng, table);
    if (table->has_older) {
        must_run(reader, "BEGIN; SELECT count(*) FROM t");
        change(writer, rng);
    }
    run_queries(reader, rng, QUERIES);
    run_covered(reader, rng, QUERIES / 2);
    CHECK_EQ(velo_close(reader), VELO_OK);
    run_queries(writer, rng, QUERIES / 4);
    must_run(writer, "BEGIN");
    change(writer, rng); /* and its own changes, not committed */
    run_queries(writer, rng, QUERIES / 4);
    CHECK_EQ(velo_close(writer), VELO_OK);
}

/* ---- tests ---- */

static void
vectors_of_one_class_are_the_same(void)
{
    vector_table table = {.null_rate = 0};
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    check_table(&rng, &table);
}

static void
vectors_with_nulls_and_others_are_the_same(void)
{
    vector_table table = {.null_rate = 20, .other_rate = 3, .has_large = 1};
    vl_rng rng;

    vl_rng_init(&rng, unit_seed() + 1);
    check_table(&rng, &table);
}

static void
vectors_of_rows_out_of_order_are_the_same(void)
{
    vector_table table = {.null_rate = 5, .is_shuffled = 1};
    vl_rng rng;

    vl_rng_init(&rng, unit_seed() + 2);
    check_table(&rng, &table);
}

static void
vectors_of_older_versions_are_the_same(void)
{
    vector_table table = {.null_rate = 5, .other_rate = 1, .has_older = 1};
    vl_rng rng;

    vl_rng_init(&rng, unit_seed() + 3);
    check_table(&rng, &table);
}

/* Joins that look rows up by rowid, first one by one and then in what was read of the table; and
 * joins by hashes of integers, which are made for a chunk at once. */
static void
joins_by_integers_are_the_same(void)
{
    static const char *const right[] = {
        "INSERT INTO w SELECT x, x % 10, x * 0.5 FROM c",
        "INSERT INTO w SELECT x * 7 - 900, x % 10, x * 0.25 FROM c",
        "INSERT INTO w SELECT x, x % 10, CASE WHEN x = 77 THEN NULL ELSE x END FROM c",
        "INSERT INTO w SELECT x, x % 10, CASE WHEN x = 77 THEN 'a' ELSE x END FROM c",
        "INSERT INTO w VALUES (5, 1, 2.5), (1000000000000, 2, 3.5)",
        "INSERT INTO w SELECT 1, 2, 3 WHERE 0"};
    static const char *const queries[] = {
        "SELECT sum(t.b), count(*), sum(w.x), min(w.k) FROM t CROSS JOIN w ON t.b = w.k",
        "SELECT sum(t.id), count(*), sum(w.x) FROM t CROSS JOIN w ON t.b = w.k WHERE w.g < 5",
        "SELECT sum(t.id), count(*), sum(w.x) FROM t CROSS JOIN w ON t.m = w.k WHERE w.g <> 3",
        "SELECT t.id, w.k, w.x FROM t CROSS JOIN w ON t.b = w.k WHERE t.id > 2900 LIMIT 900",
        "SELECT count(*), sum(x) FROM (SELECT w.x FROM t CROSS JOIN w ON t.b = w.k LIMIT 3100)",
        "SELECT w.g, count(*), sum(t.b) FROM t CROSS JOIN w ON t.b = w.k GROUP BY w.g",
        "SELECT t.id, w.k, w.x FROM t CROSS JOIN w ON t.b = w.g WHERE t.id > 3500",
        "SELECT t.id, w.k FROM t LEFT JOIN w ON t.b = w.x WHERE t.id % 5 <> 2",
        "SELECT t.id, w.k FROM t LEFT JOIN w ON t.m = w.x WHERE t.id > 2000",
        "SELECT t.id, w.k FROM t CROSS JOIN w ON t.b = w.x AND t.b % 3 = w.g LIMIT 700",
        "SELECT count(*) FROM t WHERE NOT EXISTS (SELECT 1 FROM w WHERE w.g = t.b)"};
    velo_connection *connection = api_run_open(NULL);

    must_run(
        connection,
        "CREATE TABLE c(x INTEGER PRIMARY KEY); CREATE TABLE t(id INTEGER PRIMARY KEY, b, m); "
        "WITH r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 4000) INSERT INTO c "
        "SELECT i FROM r; INSERT INTO t SELECT x, x * 31 % 1500, CASE x % 5 WHEN 0 THEN NULL "
        "WHEN 1 THEN CAST(x AS TEXT) WHEN 2 THEN x * 1.0 WHEN 3 THEN x + 0.5 ELSE x END FROM c; "
        "DELETE FROM c WHERE x > 1200");
    for (size_t i = 0; i < VL_ARRAY_COUNT(right); i++) {
        must_run(connection, "DROP TABLE IF EXISTS w; CREATE TABLE w(k INTEGER PRIMARY KEY, g, x)");
        must_run(connection, right[i]);
        for (size_t k = 0; k < VL_ARRAY_COUNT(queries); k++)
            CHECK(is_the_same(connection, queries[k]));
    }
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* What a key forgets is read from the row. */
static void
covering_indexes_give_what_the_table_has(void)
{
    velo_connection *connection = api_run_open(NULL);

    CHECK_RUN(connection,
              "CREATE TABLE t(k INTEGER PRIMARY KEY, x, r REAL, s TEXT COLLATE NOCASE); "
              "CREATE INDEX tx ON t(x); CREATE INDEX tr ON t(r); CREATE INDEX ts ON t(s)",
              "");
    CHECK_RUN(connection, "INSERT INTO t VALUES (1, 1.0, -0.0, 'aB'), (2, 1, 5, 'AB')", "");
    CHECK_RUN(connection, "SELECT typeof(x), k FROM t INDEXED BY tx WHERE x = 1",
              "real,1|integer,2");
    CHECK_RUN(connection, "SELECT typeof(r), k, r FROM t INDEXED BY tr WHERE r > -1",
              "real,1,0.0|real,2,5.0");
    CHECK_RUN(connection, "SELECT s FROM t INDEXED BY ts WHERE s = 'ab'", "aB|AB");
    CHECK_RUN(connection, "EXPLAIN QUERY PLAN SELECT r FROM t WHERE r > 1",
              "1,0,0,SEARCH t USING COVERING INDEX tr (r>?)");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* Sums that overflow say so, whatever way they come about; those beside reals do not. */
static void
sums_overflow_as_they_should(void)
{
    velo_connection *connection = api_run_open(NULL);

    CHECK_RUN(connection,
              "CREATE TABLE t(x, y INTEGER); INSERT INTO t VALUES "
              "(9223372036854775807, 1), (1, 9223372036854775807)",
              "");
    CHECK_RUN(connection, "SELECT sum(x) FROM t", "!integer overflow");
    CHECK_RUN(connection, "SELECT sum(y) FROM t WHERE y > 0", "!integer overflow");
    CHECK_RUN(connection, "SELECT avg(x), total(y) FROM t",
              "4.6116860184273879e+18,9.2233720368547758e+18");
    CHECK_RUN(connection, "SELECT sum(x * 2) FROM t", "1.8446744073709552e+19");
    CHECK_RUN(connection, "INSERT INTO t VALUES (-0.5, -1); SELECT sum(x) FROM t",
              "9.2233720368547758e+18");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(vectors_of_one_class_are_the_same),
        UNIT_TEST(vectors_with_nulls_and_others_are_the_same),
        UNIT_TEST(vectors_of_rows_out_of_order_are_the_same),
        UNIT_TEST(vectors_of_older_versions_are_the_same),
        UNIT_TEST(joins_by_integers_are_the_same),
        UNIT_TEST(covering_indexes_give_what_the_table_has),
        UNIT_TEST(sums_overflow_as_they_should),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
